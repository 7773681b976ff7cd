//! The house: payment providers, game providers, authorities, bank accounts, jackpots, journals, suspense.

use std::collections::BTreeMap;

use ledger_core::stored::{
    AuthorityLine, CancelProof, Event, FxDirection, LossDirection, ProviderLine, PspLine, SeedMovement,
    SuspenseOrigin,
};
use ledger_core::testing::commands::{self as player_commands, currency, decimal, person, source, txn};
use ledger_core::testing::house_commands::{self as commands, leg, own_bank, players_bank};
use ledger_core::testing::{HouseScenario, Scenario, given, given_house};
use ledger_core::{
    AccountCode, AccountKind, AccrueDuty, AccrueProviderFees, Amount, AssignSuspense, BookFxResult,
    CancelAssignment, Capacity, ConfirmAssignment, DecideJournal, ExchangeFunds, HouseCommand, HouseId,
    JOURNAL_POSTINGS_MAX, JOURNALS_MAX, JournalPosting, MismatchField, NotAllowedReason, PlayerCommand,
    ProposeJournal, RecordChargebackLoss, Rejection, ReturnSuspense, SUSPENSE_ITEMS_MAX, SeedJackpot,
    SettleAuthority, SettleProvider, SettlePsp, SuspendCapture, SuspenseStatus, TransferFunds,
};

const SETTLED: &[&str] = &["entry.posted", "psp.settled"];

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// What the accounts of players and house come to together.
fn together(players: &[&Scenario], houses: &[&HouseScenario]) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
    let of_players = players.iter().map(|scenario| scenario.ledger().account_texts());
    for texts in of_players.chain(houses.iter().map(|scenario| scenario.house().account_texts())) {
        for (account, text) in texts {
            *sums.entry(account).or_default() += decimal(&text);
        }
    }
    sums.into_iter()
        .filter(|(_, sum)| !sum.is_zero())
        .map(|(account, sum)| (account, sum.to_string()))
        .collect()
}

fn expected(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(account, text)| ((*account).to_owned(), (*text).to_owned())).collect()
}

// Payment providers.

#[test]
fn p02_a_settlement_less_its_fee() {
    given_house("psp/acme")
        .when(commands::settle_psp("B1", &[(PspLine::Payments, "100"), (PspLine::Fees, "2.90")], "97.10"))
        .applied()
        .records(SETTLED)
        .accounts(&[
            ("bank:players of main", "97.10"),
            ("psp:fees of acme", "2.90"),
            ("psp:clearing of acme", "-100.00"),
        ])
        .when(commands::settle_psp("B1", &[(PspLine::Fees, "2.9"), (PspLine::Payments, "100")], "97.1"))
        .replayed()
        .when(commands::settle_psp("B1", &[(PspLine::Fees, "2.9"), (PspLine::Payments, "101")], "98.1"))
        .refused("key_reused");
}

#[test]
fn p02_every_line_has_its_account() {
    let all = [
        (PspLine::ReserveHeld, "9"),
        (PspLine::Fees, "1.01"),
        (PspLine::ChargebackFees, "15"),
        (PspLine::Chargebacks, "20"),
        (PspLine::Payouts, "40"),
        (PspLine::Refunds, "30"),
        (PspLine::ReserveReleased, "5"),
        (PspLine::ChargebackReversals, "8"),
        (PspLine::PayoutReturns, "6"),
        (PspLine::Payments, "500"),
    ];
    // 500 + 6 + 8 + 5 - 30 - 40 - 20 - 15 - 1.01 - 9
    let settled = given_house("psp/acme")
        .when(commands::settle_psp("B1", &all, "403.99"))
        .applied()
        // 500 + 6 + 8 - 30 - 40 - 20 - 15
        .accounts(&[
            ("bank:players of main", "403.99"),
            ("psp:clearing of acme", "-409.00"),
            ("psp:fees of acme", "1.01"),
            ("receivable:psp_reserve of acme", "4.00"),
        ]);
    // Each line by itself.
    let clearing = |line: PspLine| match line {
        PspLine::Payments | PspLine::PayoutReturns | PspLine::ChargebackReversals => "-7.00",
        PspLine::Refunds | PspLine::Payouts | PspLine::Chargebacks | PspLine::ChargebackFees => "7.00",
        _ => "0",
    };
    for (line, _) in all {
        let comes = matches!(
            line,
            PspLine::Payments
                | PspLine::PayoutReturns
                | PspLine::ChargebackReversals
                | PspLine::ReserveReleased
        );
        let net = if comes { "7" } else { "-7" };
        let bank = if comes { "7.00" } else { "-7.00" };
        let held = commands::settle_psp("B0", &[(PspLine::ReserveHeld, "7")], "-7");
        let before = given_house("psp/acme").when(held);
        let mut after = vec![("bank:players of main", bank)];
        match line {
            PspLine::Fees => after.push(("psp:fees of acme", "7.00")),
            PspLine::ReserveHeld => after.push(("receivable:psp_reserve of acme", "7.00")),
            PspLine::ReserveReleased => {
                let _ = before.when(commands::settle_psp("B1", &[(line, "7")], net)).applied().accounts(&[]);
                continue;
            }
            line => after.push(("psp:clearing of acme", clearing(line))),
        }
        given_house("psp/acme")
            .when(commands::settle_psp("B1", &[(line, "7")], net))
            .applied()
            .accounts(&after);
    }
    assert_eq!(settled.house().state().entries(), 1);
}

#[test]
fn p02_a_settlement_of_what_players_did_leaves_nothing_in_clearing() {
    let player = given().cash("100").when(player_commands::chargeback("CB1", "cash-1", "30")).applied();
    // The chargeback cost a fee of the chart's own.
    let lines = [(PspLine::Payments, "100"), (PspLine::Chargebacks, "30"), (PspLine::Fees, "2")];
    let house = given_house("psp/psp").when(commands::settle_psp("B1", &lines, "68")).applied();
    assert_eq!(
        together(&[&player], &[&house]),
        expected(&[("bank:players of main", "68.00"), ("player:cash", "70.00"), ("psp:fees of psp", "2.00")])
    );
}

#[test]
fn a_settlement_that_does_not_add_up_is_refused() {
    let settle = commands::settle_psp;
    let begun = given_house("psp/acme").when(commands::capture_unknown("D0", "1")).applied();
    let untouched = [("psp:clearing of acme", "1.00"), ("suspense:unmatched_psp of acme", "1.00")];
    begun
        .when(settle("B1", &[(PspLine::Payments, "100")], "99"))
        .rejected("mismatch")
        .refused_as(&Rejection::Mismatch { field: MismatchField::Amount })
        .when(settle("B1", &[(PspLine::Payments, "100")], "-100"))
        .rejected("mismatch")
        .when(settle("B1", &[], "0"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::Lines))
        .when(settle("B1", &[(PspLine::Payments, "1"), (PspLine::Fees, "1"), (PspLine::Payments, "1")], "1"))
        .refused_as(&no(NotAllowedReason::Lines))
        .when(settle("B1", &[(PspLine::Payments, "0")], "0"))
        .refused("invalid_amount")
        .when(settle("B1", &[(PspLine::Payments, "-5")], "-5"))
        .refused("invalid_amount")
        .when(settle("B1", &[(PspLine::Payments, "1.005")], "1.005"))
        .refused("precision")
        .when(settle("B1", &[(PspLine::Payments, "2000000000000")], "2000000000000"))
        .refused("invalid_amount")
        .when(SettlePsp { currency: currency("XXX"), ..settle("B1", &[(PspLine::Payments, "1")], "1") })
        .refused("currency_unknown")
        .accounts(&untouched)
        // None of this has consumed the key.
        .when(settle("B1", &[(PspLine::Payments, "1")], "1"))
        .applied()
        .accounts(&[("bank:players of main", "1.00"), ("suspense:unmatched_psp of acme", "1.00")]);
}

#[test]
fn a_bill_of_fees_leaves_the_bank() {
    let bill = SettlePsp {
        bank: own_bank("fees"),
        ..commands::settle_psp("B1", &[(PspLine::Fees, "12.50")], "-12.5")
    };
    given_house("psp/acme")
        .when(bill)
        .applied()
        .accounts(&[("bank:operating of fees", "-12.50"), ("psp:fees of acme", "12.50")]);
    // What comes and what goes are the same: nothing at the bank.
    given_house("psp/acme")
        .when(commands::settle_psp("B1", &[(PspLine::Payments, "5"), (PspLine::Payouts, "5")], "0"))
        .applied()
        .accounts(&[]);
}

#[test]
fn a_settlement_in_another_currency_passes_the_position() {
    let usd = |lines, net| SettlePsp {
        currency: currency("USD"),
        converted: Some(commands::converted("101.01", "EUR")),
        ..commands::settle_psp("B1", lines, net)
    };
    let lines = [(PspLine::Payments, "115"), (PspLine::Fees, "5")];
    given_house("psp/acme")
        .when(usd(&lines, "110"))
        .applied()
        .accounts(&[
            ("psp:clearing of acme in USD", "-115.00"),
            ("psp:fees of acme in USD", "5.00"),
            ("fx:position in USD", "110.000000"),
            ("fx:position", "-101.010000"),
            ("bank:players of main", "101.01"),
        ])
        .when(usd(&lines, "110"))
        .replayed()
        .when(SettlePsp { converted: None, ..usd(&lines, "110") })
        .refused("key_reused");
    given_house("psp/acme").when(usd(&[(PspLine::Payouts, "110")], "-110")).applied().accounts(&[
        ("psp:clearing of acme in USD", "110.00"),
        ("fx:position in USD", "-110.000000"),
        ("fx:position", "101.010000"),
        ("bank:players of main", "-101.01"),
    ]);
    let same = SettlePsp { converted: Some(commands::converted("1", "USD")), ..usd(&lines, "110") };
    let nothing = usd(&[(PspLine::Payments, "5"), (PspLine::Payouts, "5")], "0");
    let unknown = SettlePsp { converted: Some(commands::converted("1", "XXX")), ..usd(&lines, "110") };
    let none = SettlePsp { converted: Some(commands::converted("0", "EUR")), ..usd(&lines, "110") };
    for (command, code) in
        [(same, "mismatch"), (nothing, "mismatch"), (unknown, "currency_unknown"), (none, "invalid_amount")]
    {
        given_house("psp/acme").when(command).refused(code).accounts(&[]);
    }
}

/// A player's deposit in dollars, settled in euros, and the difference to the rate as a result of exchange.
#[test]
fn what_exchange_left_over_is_a_gain_or_a_loss() {
    let deposit = ledger_core::RecordDeposit {
        currency: currency("USD"),
        rate: Some(Box::new(player_commands::rate("EUR", "USD", "1.10"))),
        ..player_commands::deposit("D1", "110")
    };
    let player = given().when(deposit).applied();
    let psp = given_house("psp/psp")
        .when(SettlePsp {
            currency: currency("USD"),
            bank: players_bank("dollars"),
            ..commands::settle_psp("B1", &[(PspLine::Payments, "110")], "110")
        })
        .applied();
    let treasury = given_house("treasury")
        .when(commands::exchange_funds("X1", "110", "101"))
        .applied()
        .records(&["entry.posted", "funds.exchanged"])
        .accounts(&[
            ("bank:players of dollars in USD", "-110.00"),
            ("fx:position in USD", "110.000000"),
            ("fx:position", "-101.000000"),
            ("bank:players of main", "101.00"),
        ]);
    let before = together(&[&player], &[&psp, &treasury]);
    assert_eq!(
        before,
        expected(&[
            ("bank:players of main", "101.00"),
            ("fx:position", "-1.000000"),
            ("player:cash", "100.00")
        ])
    );
    let treasury = treasury
        .when(commands::fx_result("G1", FxDirection::Gain, "1"))
        .applied()
        .records(&["entry.posted", "fx.result_booked"]);
    assert_eq!(
        together(&[&player], &[&psp, &treasury]),
        expected(&[("bank:players of main", "101.00"), ("fx:gain_loss", "1.00"), ("player:cash", "100.00")])
    );
    let treasury = treasury.when(commands::fx_result("G2", FxDirection::Loss, "1")).applied();
    assert_eq!(together(&[&player], &[&psp, &treasury]), before, "the other direction takes it back");
}

#[test]
fn p54_a_rolling_reserve_is_held_and_released_and_never_more() {
    let hold = commands::settle_psp("B1", &[(PspLine::Payments, "100"), (PspLine::ReserveHeld, "10")], "90");
    let held = given_house("psp/acme").when(hold).applied().accounts(&[
        ("bank:players of main", "90.00"),
        ("psp:clearing of acme", "-100.00"),
        ("receivable:psp_reserve of acme", "10.00"),
    ]);
    let left = Rejection::ExceedsRest { left: amount("10.00"), currency: currency("EUR") };
    let release = |batch, of| commands::settle_psp(batch, &[(PspLine::ReserveReleased, of)], of);
    let released = held
        .when(release("B2", "10.01"))
        .rejected("exceeds_rest")
        .refused_as(&left)
        .when(release("B2", "4"))
        .applied()
        .when(release("B3", "6.01"))
        .rejected("exceeds_rest")
        .refused_as(&Rejection::ExceedsRest { left: amount("6.00"), currency: currency("EUR") })
        .when(release("B3", "6"))
        .applied()
        .accounts(&[("bank:players of main", "100.00"), ("psp:clearing of acme", "-100.00")]);
    let balance = released.house().state().balance(AccountCode::PspReserve, currency("EUR"));
    assert_eq!(balance, Some(amount("0.00")));
    assert_eq!(released.house().state().balance(AccountCode::PspReserve, currency("USD")), None);
    // The reserve of one provider is not that of another, and what the same batch holds counts.
    given_house("psp/other").when(release("B2", "4")).refused("exceeds_rest").accounts(&[]);
    let both = [(PspLine::ReserveReleased, "3"), (PspLine::ReserveHeld, "5")];
    given_house("psp/other")
        .when(commands::settle_psp("B1", &both, "-2"))
        .applied()
        .accounts(&[("bank:players of main", "-2.00"), ("receivable:psp_reserve of other", "2.00")]);
}

#[test]
fn a_chargeback_that_no_player_bears_is_a_loss_and_may_come_back() {
    let with_fee =
        RecordChargebackLoss { fee: Some(decimal("15")), ..commands::lose_chargeback("CB1", "100") };
    let lost = given_house("psp/acme")
        .when(with_fee.clone())
        .applied()
        .records(&["entry.posted", "chargeback.lost"])
        .accounts(&[
            ("chargeback:loss of acme", "100.00"),
            ("chargeback:fees of acme", "15.00"),
            ("psp:clearing of acme", "-115.00"),
        ])
        .when(with_fee)
        .replayed()
        .when(commands::win_chargeback("CB1", "100"))
        .refused("key_reused")
        .when(commands::win_chargeback("CB2", "100.01"))
        .rejected("exceeds_rest")
        .when(commands::win_chargeback("CB2", "60"))
        .applied()
        .accounts(&[
            ("chargeback:loss of acme", "40.00"),
            ("chargeback:fees of acme", "15.00"),
            ("psp:clearing of acme", "-55.00"),
        ]);
    lost.when(RecordChargebackLoss {
        direction: LossDirection::Returned,
        fee: Some(decimal("15")),
        ..commands::lose_chargeback("CB3", "40")
    })
    .applied()
    .accounts(&[])
    .when(commands::lose_chargeback("CB4", "0"))
    .refused("invalid_amount");
}

// Game providers and authorities.

#[test]
fn p48_fees_of_a_provider_are_owed_and_paid_and_never_more() {
    let left = |text| Rejection::ExceedsRest { left: amount(text), currency: currency("EUR") };
    let pay = |statement, of: &str| {
        commands::settle_provider(statement, &[(ProviderLine::Fees, of)], &format!("-{of}"))
    };
    given_house("provider/prov")
        .when(commands::accrue_fees("F1", "120"))
        .applied()
        .records(&["entry.posted", "provider.fees_accrued"])
        .accounts(&[("provider:fees_expense of prov", "120.00"), ("provider:fees_payable of prov", "120.00")])
        .when(commands::accrue_fees("F1", "120"))
        .replayed()
        // The invoice says less.
        .when(commands::credit_fees("F2", "20"))
        .applied()
        .accounts(&[("provider:fees_expense of prov", "100.00"), ("provider:fees_payable of prov", "100.00")])
        .when(commands::credit_fees("F3", "100.01"))
        .rejected("exceeds_rest")
        .refused_as(&left("100.00"))
        .when(pay("S1", "100.01"))
        .rejected("exceeds_rest")
        .when(pay("S1", "40"))
        .applied()
        .records(&["entry.posted", "provider.settled"])
        .when(pay("S2", "60.01"))
        .refused_as(&left("60.00"))
        .when(pay("S2", "60"))
        .applied()
        .accounts(&[("provider:fees_expense of prov", "100.00"), ("bank:operating of main", "-100.00")])
        .when(AccrueProviderFees { from: commands::day("2026-02-01"), ..commands::accrue_fees("F4", "1") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::Period));
}

#[test]
fn p38_a_provider_reimburses_what_players_won() {
    use ledger_core::stored::CreditKind;
    let jackpot = ledger_core::GrantCredit {
        source: source("prov"),
        ..player_commands::credit("K1", CreditKind::NetworkJackpot, "500")
    };
    let promotion = ledger_core::GrantCredit {
        source: source("prov"),
        ..player_commands::credit("K2", CreditKind::ProviderPromo, "20")
    };
    let player = given().when(jackpot).applied().when(promotion).applied();
    let of_players = players_bank("main");
    let lines = [(ProviderLine::Jackpots, "500"), (ProviderLine::Promotions, "20")];
    let house = given_house("provider/prov")
        .when(SettleProvider {
            bank: of_players,
            approved_by: None,
            ..commands::settle_provider("S1", &lines, "520")
        })
        .applied()
        .accounts(&[("bank:players of main", "520.00"), ("receivable:provider of prov", "-520.00")]);
    assert_eq!(
        together(&[&player], &[&house]),
        expected(&[("bank:players of main", "520.00"), ("player:cash", "520.00")])
    );
}

#[test]
fn a_statement_of_a_provider_is_settled_by_its_net() {
    let lines = [
        (ProviderLine::Tips, "3"),
        (ProviderLine::Contributions, "7.5"),
        (ProviderLine::Fees, "120"),
        (ProviderLine::Promotions, "20"),
        (ProviderLine::Jackpots, "500"),
    ];
    given_house("provider/prov")
        .when(commands::accrue_fees("F1", "120"))
        .applied()
        .when(commands::settle_provider("S1", &lines, "389.5"))
        .applied()
        .accounts(&[
            ("bank:operating of main", "389.50"),
            ("receivable:provider of prov", "-520.00"),
            ("provider:fees_expense of prov", "120.00"),
            ("jackpot:network_payable of prov", "-7.500000"),
            ("tips:payable of prov", "-3.00"),
        ]);
    // Each line that is paid, by itself.
    for (line, account, after) in [
        (ProviderLine::Contributions, "jackpot:network_payable of prov", "-7.000000"),
        (ProviderLine::Tips, "tips:payable of prov", "-7.00"),
    ] {
        given_house("provider/prov")
            .when(commands::settle_provider("S1", &[(line, "7")], "-7"))
            .applied()
            .accounts(&[("bank:operating of main", "-7.00"), (account, after)]);
    }
    for line in [ProviderLine::Jackpots, ProviderLine::Promotions] {
        given_house("provider/prov")
            .when(commands::settle_provider("S1", &[(line, "7")], "7"))
            .applied()
            .accounts(&[("bank:operating of main", "7.00"), ("receivable:provider of prov", "-7.00")]);
    }
}

#[test]
fn what_is_paid_out_needs_a_second_person() {
    let begun = given_house("provider/prov").when(commands::accrue_fees("F1", "120")).applied();
    let pay = |approved_by: Option<&str>, lines: &[(ProviderLine, &str)], net| SettleProvider {
        approved_by: approved_by.map(person),
        ..commands::settle_provider("S1", lines, net)
    };
    let fees = [(ProviderLine::Fees, "10")];
    // More comes in than goes out, but some goes out.
    let both = [(ProviderLine::Fees, "10"), (ProviderLine::Jackpots, "50")];
    let comes = [(ProviderLine::Jackpots, "50")];
    let _ = begun
        .when(pay(None, &fees, "-10"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::NeedsApproval))
        .when(pay(None, &both, "40"))
        .refused_as(&no(NotAllowedReason::NeedsApproval))
        .when(pay(Some("anna"), &fees, "-10"))
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(pay(Some("anna"), &comes, "50"))
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(pay(None, &comes, "50"))
        .applied();
    let authority = |approved_by: Option<&str>, line, net| SettleAuthority {
        approved_by: approved_by.map(person),
        ..commands::settle_authority("S1", &[(line, "5")], net)
    };
    let _ = given_house("authority/MT")
        .when(commands::accrue_duty("D1", "5"))
        .when(authority(None, AuthorityLine::Duty, "-5"))
        .refused_as(&no(NotAllowedReason::NeedsApproval))
        .when(authority(Some("anna"), AuthorityLine::WithheldTax, "-5"))
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(authority(None, AuthorityLine::DutyRefunds, "5"))
        .applied();
}

#[test]
fn p47_gaming_duty_is_owed_and_paid_and_never_more() {
    let pay = |statement, of: &str| {
        commands::settle_authority(statement, &[(AuthorityLine::Duty, of)], &format!("-{of}"))
    };
    given_house("authority/MT")
        .when(commands::accrue_duty("D1", "210"))
        .applied()
        .records(&["entry.posted", "duty.accrued"])
        .accounts(&[("tax:gaming_duty_expense of MT", "210.00"), ("tax:gaming_duty of MT", "210.00")])
        .when(commands::credit_duty("D2", "10"))
        .applied()
        .accounts(&[("tax:gaming_duty_expense of MT", "200.00"), ("tax:gaming_duty of MT", "200.00")])
        .when(commands::credit_duty("D3", "200.01"))
        .rejected("exceeds_rest")
        .when(pay("S1", "200.01"))
        .rejected("exceeds_rest")
        .when(pay("S1", "200"))
        .applied()
        .records(&["entry.posted", "authority.settled"])
        .accounts(&[("tax:gaming_duty_expense of MT", "200.00"), ("bank:operating of main", "-200.00")])
        .when(AccrueDuty { from: commands::day("2026-02-01"), ..commands::accrue_duty("D4", "1") })
        .refused_as(&no(NotAllowedReason::Period))
        .when(commands::settle_authority("S2", &[(AuthorityLine::DutyRefunds, "30")], "30"))
        .applied()
        .accounts(&[("tax:gaming_duty_expense of MT", "170.00"), ("bank:operating of main", "-170.00")]);
}

#[test]
fn p46_withheld_tax_is_paid_over() {
    let player = given().cash("100").when(player_commands::withhold_tax("T1", "20")).applied();
    let jurisdiction =
        player.ledger().account_texts().into_keys().find(|name| name.starts_with("tax:")).unwrap();
    assert_eq!(jurisdiction, "tax:withheld_player of DE");
    let paid = commands::settle_authority("S1", &[(AuthorityLine::WithheldTax, "20")], "-20");
    let house = given_house("authority/DE").when(paid).applied();
    let house =
        house.accounts(&[("tax:withheld_player of DE", "-20.00"), ("bank:operating of main", "-20.00")]);
    assert_eq!(
        together(&[&player], &[&house]),
        expected(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "80.00"),
            ("bank:operating of main", "-20.00"),
        ])
    );
}

// The treasury and jackpots.

#[test]
fn the_house_covers_players_money_from_its_own() {
    given_house("treasury")
        .when(commands::cover("T1", "50"))
        .applied()
        .records(&["entry.posted", "funds.transferred"])
        .accounts(&[("bank:players of main", "50.00"), ("bank:operating of main", "-50.00")])
        .when(commands::take_own("T2", "20"))
        .applied()
        .accounts(&[("bank:players of main", "30.00"), ("bank:operating of main", "-30.00")])
        .when(TransferFunds { approved_by: None, ..commands::take_own("T3", "20") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::NeedsApproval))
        .when(TransferFunds { approved_by: Some(person("anna")), ..commands::take_own("T3", "20") })
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(TransferFunds { approved_by: Some(person("anna")), ..commands::cover("T3", "20") })
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(TransferFunds { from: players_bank("main"), ..commands::cover("T3", "20") })
        .refused_as(&no(NotAllowedReason::SameAccount))
        // Players' money from one account to another leaves an account of players' money too.
        .when(TransferFunds { from: players_bank("second"), ..commands::cover("T3", "20") })
        .refused_as(&no(NotAllowedReason::NeedsApproval))
        .when(commands::cover("T3", "0"))
        .refused("invalid_amount")
        .accounts(&[("bank:players of main", "30.00"), ("bank:operating of main", "-30.00")]);
}

#[test]
fn an_exchange_of_the_house_needs_two_persons_and_two_currencies() {
    let same =
        ExchangeFunds { received_currency: currency("USD"), ..commands::exchange_funds("X1", "1", "1") };
    let alone = ExchangeFunds { approved_by: person("anna"), ..commands::exchange_funds("X1", "1", "1") };
    let unknown =
        ExchangeFunds { received_currency: currency("XXX"), ..commands::exchange_funds("X1", "1", "1") };
    given_house("treasury")
        .when(commands::cover("T1", "1"))
        .applied()
        .when(same)
        .refused_as(&Rejection::Mismatch { field: MismatchField::Currency })
        .when(alone)
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(unknown)
        .refused("currency_unknown")
        .when(commands::exchange_funds("X1", "0", "1"))
        .refused("invalid_amount")
        .when(BookFxResult { currency: currency("JPY"), ..commands::fx_result("G1", FxDirection::Loss, "7") })
        .applied()
        .accounts(&[
            ("bank:players of main", "1.00"),
            ("bank:operating of main", "-1.00"),
            ("fx:position in JPY", "-7.0000"),
            ("fx:gain_loss in JPY", "-7"),
        ]);
}

#[test]
fn a_debt_that_was_written_off_is_paid_after_all() {
    let player = given()
        .cash("60")
        .bet("T1", "R", "60")
        .close("C1", "R")
        .when(player_commands::chargeback("CB1", "cash-1", "60"))
        .when(player_commands::write_off("W1"))
        .applied();
    let house = given_house("treasury")
        .when(commands::recover_debt("R1", "45"))
        .applied()
        .records(&["entry.posted", "bad_debt.recovered"])
        .accounts(&[("bank:operating of main", "45.00"), ("bad_debt", "-45.00")]);
    assert_eq!(
        together(&[&player], &[&house]),
        expected(&[
            ("bank:operating of main", "45.00"),
            ("bad_debt", "15.00"),
            ("gaming:stakes of game", "60.00")
        ])
    );
}

#[test]
fn p35_a_jackpot_gets_its_seed() {
    let reserve = AccountCode::JackpotSeedReserve;
    let seeded = given_house("jackpot/mega")
        .when(commands::seed("J1", SeedMovement::CostToPool, "1000"))
        .applied()
        .records(&["entry.posted", "jackpot.seeded"])
        .accounts(&[
            ("jackpot:seed_cost of mega", "1000.000000"),
            ("jackpot:liability of mega", "1000.000000"),
        ])
        .when(commands::seed("J2", SeedMovement::CostToReserve, "300"))
        .applied()
        .when(commands::seed("J3", SeedMovement::ReserveToPool, "300.01"))
        .rejected("exceeds_rest")
        .refused_as(&Rejection::ExceedsRest { left: amount("300.000000"), currency: currency("EUR") })
        .when(commands::seed("J3", SeedMovement::ReserveToPool, "200"))
        .applied()
        .accounts(&[
            ("jackpot:seed_cost of mega", "1300.000000"),
            ("jackpot:seed_reserve of mega", "100.000000"),
            ("jackpot:liability of mega", "1200.000000"),
        ])
        .when(SeedJackpot {
            approved_by: person("anna"),
            ..commands::seed("J4", SeedMovement::CostToPool, "1")
        })
        .refused_as(&no(NotAllowedReason::SamePerson));
    assert_eq!(seeded.house().state().balance(reserve, currency("EUR")), Some(amount("100.000000")));
    // In a currency with 18 digits nothing is finer.
    given_house("jackpot/mega")
        .when(SeedJackpot {
            currency: currency("ETH"),
            ..commands::seed("J1", SeedMovement::CostToPool, "1")
        })
        .applied()
        .accounts(&[
            ("jackpot:seed_cost of mega in ETH", "1.000000000000000000"),
            ("jackpot:liability of mega in ETH", "1.000000000000000000"),
        ]);
}

// Journals.

fn bank_charge(text: &str) -> Vec<JournalPosting> {
    vec![leg("dr", "host:expense", "acme/bank", text), leg("cr", "bank:operating", "main", text)]
}

#[test]
fn a_journal_entry_is_posted_when_another_person_approves_it() {
    let proposed = given_house("journal")
        .when(commands::propose_journal("J1", bank_charge("5")))
        .applied()
        .records(&["journal.proposed"])
        .accounts(&[]);
    assert_eq!(proposed.house().state().proposals().len(), 1);
    let posted = proposed
        .clone()
        .when(DecideJournal { by: person("anna"), ..commands::approve_journal("D1", "J1") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(commands::approve_journal("D1", "J1"))
        .applied()
        .records(&["entry.posted", "journal.posted"])
        .accounts(&[("host:expense of acme/bank", "5.00"), ("bank:operating of main", "-5.00")])
        .when(commands::approve_journal("D1", "J1"))
        .replayed()
        .when(commands::approve_journal("D2", "J1"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::AlreadyDecided))
        .when(commands::decline_journal("D2", "J1"))
        .refused_as(&no(NotAllowedReason::AlreadyDecided))
        .when(commands::approve_journal("D2", "J9"))
        .refused_as(&no(NotAllowedReason::TargetUnknown));
    assert!(posted.house().state().proposals().is_empty());
    // The proposer may take it back.
    let declined = proposed
        .when(DecideJournal { by: person("anna"), ..commands::decline_journal("D1", "J1") })
        .applied()
        .records(&["journal.declined"])
        .accounts(&[])
        .when(commands::approve_journal("D2", "J1"))
        .refused_as(&no(NotAllowedReason::AlreadyDecided));
    assert!(declined.house().state().proposals().is_empty());
}

#[test]
fn a_journal_entry_balances_and_leaves_alone_what_others_keep() {
    let propose = |postings| -> HouseCommand { commands::propose_journal("J1", postings).into() };
    let start = || given_house("journal").when(commands::propose_journal("J0", bank_charge("1"))).applied();
    let no_entry = no(NotAllowedReason::NoEntry);
    let bank = |side: &str, text: &str| leg(side, "bank:operating", "main", text);
    for postings in [
        Vec::new(),
        vec![bank("dr", "5")],
        vec![bank("dr", "5"), leg("cr", "bad_debt", "", "4")],
        vec![bank("dr", "5"), leg("cr", "bad_debt", "main", "5")],
        vec![leg("dr", "bank:operating", "", "5"), leg("cr", "bad_debt", "", "5")],
        vec![leg("dr", "bonus:cost", "camp", "5"), bank("cr", "5")],
        vec![bank("dr", "5"), JournalPosting { currency: currency("USD"), ..leg("cr", "bad_debt", "", "5") }],
        [vec![bank("dr", "1"); JOURNAL_POSTINGS_MAX], vec![leg("cr", "bad_debt", "", "64")]].concat(),
    ] {
        let _ = start().when(propose(postings)).rejected("not_allowed").refused_as(&no_entry).accounts(&[]);
    }
    let free: Vec<_> = AccountCode::ALL.iter().filter(|code| code.is_free()).collect();
    assert_eq!(free.len(), 30);
    for code in AccountCode::ALL {
        let of = code.per().map_or("", |_| "x");
        let asked = start().when(propose(vec![leg("dr", code.name(), of, "5"), bank("cr", "5")]));
        if free.contains(&code) && code.name() != "bonus:cost" {
            let _ = asked.applied();
        } else if !free.contains(&code) {
            let _ = asked.refused_as(&no(NotAllowedReason::AccountNotFree));
        }
    }
    let _ = start()
        .when(propose(vec![bank("dr", "5.001"), leg("cr", "bad_debt", "", "5.001")]))
        .refused("precision")
        .when(propose(vec![bank("dr", "0"), leg("cr", "bad_debt", "", "0")]))
        .refused("invalid_amount")
        .when(propose(vec![bank("dr", "-1"), leg("cr", "bad_debt", "", "-1")]))
        .refused("invalid_amount")
        .when(propose(vec![bank("dr", "1000000000000.01"), leg("cr", "bad_debt", "", "1000000000000.01")]))
        .refused("invalid_amount")
        // Fine accounts take their digits.
        .when(propose(vec![leg("dr", "fx:position", "", "0.0051"), leg("cr", "rounding", "", "0.0051")]))
        .applied()
        .when(commands::approve_journal("D1", "J1"))
        .applied()
        .accounts(&[("fx:position", "0.005100"), ("rounding", "0.005100")]);
    let full =
        [vec![bank("dr", "1"); JOURNAL_POSTINGS_MAX - 1], vec![leg("cr", "bad_debt", "", "63")]].concat();
    let _ = start().when(propose(full)).applied();
}

#[test]
fn journal_entries_that_wait_are_bounded() {
    let full = (0..JOURNALS_MAX).fold(given_house("journal"), |house, n| {
        house.when(commands::propose_journal(&format!("J{n}"), bank_charge("1"))).applied()
    });
    let capacity = Rejection::CapacityExceeded {
        what: Capacity::Proposals,
        maximum: u32::try_from(JOURNALS_MAX).unwrap(),
    };
    let _ = full
        .when(commands::propose_journal("more", bank_charge("1")))
        .refused("capacity_exceeded")
        .refused_as(&capacity)
        .when(commands::decline_journal("D1", "J3"))
        .when(commands::propose_journal("more", bank_charge("1")))
        .applied();
}

// Suspense.

const SUSPENSE: &[(&str, &str)] =
    &[("psp:clearing of psp", "100.00"), ("suspense:unmatched_psp of psp", "100.00")];

/// A hundred euros came in from `psp`, for nobody known.
fn captured() -> HouseScenario {
    given_house("psp/psp")
        .when(commands::capture_unknown("D1", "100"))
        .applied()
        .records(&["entry.posted", "suspense.captured"])
        .accounts(SUSPENSE)
}

/// The release that a house makes of an item.
fn release_of(house: &HouseScenario, reference: &str) -> PlayerCommand {
    let item = house.house().state().item(&txn(reference)).unwrap();
    item.release(&HouseId::new("psp/psp").unwrap()).unwrap().1.into()
}

fn refusal_of(house: &HouseScenario, reference: &str) -> PlayerCommand {
    let item = house.house().state().item(&txn(reference)).unwrap();
    let house = HouseId::new("psp/psp").unwrap();
    item.refusal(&house, person("anna"), commands::reason("another player's")).unwrap().1.into()
}

#[test]
fn d05_money_of_nobody_known_reaches_one_player_by_two_commits() {
    let house = captured()
        .when(commands::capture_unknown("D1", "100"))
        .replayed()
        .when(commands::capture_unknown("D1", "101"))
        .refused("key_reused")
        .when(commands::assign("A1", "D1", "p1"))
        .applied()
        .records(&["suspense.assigned"])
        .accounts(SUSPENSE)
        .when(commands::assign("A1", "D1", "p1"))
        .replayed()
        .when(commands::assign("A1", "D1", "p2"))
        .refused("key_reused")
        .when(commands::assign("A2", "D1", "p2"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::Assigned));
    let release = release_of(&house, "D1");
    // However often it is sent, it lands once.
    let player = given().when(release.clone()).applied().when(release).replayed("applied");
    let in_between = together(&[&player], &[&house]);
    assert_eq!(in_between, expected(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]));
    let house = house
        .when(commands::confirm("L1", "D1", "A1"))
        .applied()
        .records(&["suspense.landed"])
        .accounts(SUSPENSE)
        .when(commands::confirm("L1", "D1", "A1"))
        .replayed()
        .when(commands::confirm("L2", "D1", "A1"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::NotSuspended))
        .when(commands::assign("A2", "D1", "p2"))
        .refused_as(&no(NotAllowedReason::NotSuspended))
        .when(commands::return_item("R1", "D1"))
        .refused_as(&no(NotAllowedReason::NotSuspended));
    assert_eq!(house.house().state().open_items(), 0);
    assert_eq!(together(&[&player], &[&house]), in_between);
}

#[test]
fn an_item_in_suspense_goes_back_to_its_payer() {
    let house = captured()
        .when(ReturnSuspense { approved_by: person("anna"), ..commands::return_item("R1", "D1") })
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(commands::return_item("R1", "D1"))
        .applied()
        .records(&["entry.posted", "suspense.returned"])
        .accounts(&[])
        .when(commands::return_item("R1", "D1"))
        .replayed()
        .when(commands::return_item("R2", "D1"))
        .refused_as(&no(NotAllowedReason::NotSuspended))
        .when(commands::assign("A1", "D1", "p1"))
        .refused_as(&no(NotAllowedReason::NotSuspended))
        .when(commands::assign("A1", "D9", "p1"))
        .rejected("payment_not_found")
        .refused_as(&Rejection::PaymentNotFound { id: txn("D9") });
    assert_eq!(house.house().state().open_items(), 0);
    let assigned = captured().when(commands::assign("A1", "D1", "p1"));
    let _ = assigned.when(commands::return_item("R1", "D1")).refused_as(&no(NotAllowedReason::Assigned));
    // A payout that came back is such an item too.
    let back =
        SuspendCapture { origin: SuspenseOrigin::PayoutReturn, ..commands::capture_unknown("W1", "86") };
    let house = given_house("psp/psp")
        .when(back)
        .applied()
        .accounts(&[("psp:clearing of psp", "86.00"), ("suspense:unmatched_psp of psp", "86.00")]);
    assert_eq!(house.house().state().item(&txn("W1")).unwrap().origin, SuspenseOrigin::PayoutReturn);
}

#[test]
fn an_assignment_is_called_off_only_if_it_can_land_no_more() {
    let house = captured().when(commands::assign("A1", "D1", "p1")).applied();
    let (release, refusal) = (release_of(&house, "D1"), refusal_of(&house, "D1"));
    // The player's ledger first: of release and refusal the first one counts.
    let refused = given()
        .when(refusal.clone())
        .applied()
        .records(&["suspense.refused"])
        .when(refusal.clone())
        .replayed("applied")
        .when(release.clone())
        .refused("key_reused")
        .accounts(&[]);
    let landed = given().when(release.clone()).applied().when(refusal).refused("key_reused");
    let cash = [("suspense:unmatched_psp of psp", "-100.00"), ("player:cash", "100.00")];
    let _ = landed.accounts(&cash);
    // Then the house's.
    let house = house
        .when(CancelAssignment {
            approved_by: person("anna"),
            ..commands::cancel_assignment("C1", "D1", "A1")
        })
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(commands::cancel_assignment("C1", "D1", "A2"))
        .rejected("mismatch")
        .refused_as(&Rejection::Mismatch { field: MismatchField::Assignment })
        .when(commands::cancel_assignment("C1", "D1", "A1"))
        .applied()
        .records(&["suspense.assignment_cancelled"])
        .when(commands::cancel_assignment("C1", "D1", "A1"))
        .replayed()
        .when(commands::cancel_assignment("C2", "D1", "A1"))
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::NotAssigned))
        // A confirmation that comes too late.
        .when(commands::confirm("L1", "D1", "A1"))
        .refused_as(&no(NotAllowedReason::NotAssigned));
    assert_eq!(house.house().state().item(&txn("D1")).unwrap().status, SuspenseStatus::Open);
    // It can be another player's now, and the old assignment does nothing to the new one.
    let house = house
        .when(commands::assign("A2", "D1", "p2"))
        .applied()
        .when(commands::confirm("L1", "D1", "A1"))
        .refused_as(&Rejection::Mismatch { field: MismatchField::Assignment });
    let other = given().when(release_of(&house, "D1")).applied();
    let _ = house.clone().when(commands::confirm("L1", "D1", "A2")).applied();
    assert_eq!(
        together(&[&refused, &other], &[&house]),
        expected(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")])
    );
    // Nobody is there to refuse for a player who does not exist.
    let nobody = CancelAssignment {
        proof: CancelProof::NoSuchPlayer,
        ..commands::cancel_assignment("C2", "D1", "A2")
    };
    let cancelled = house.when(nobody).applied();
    let proof = cancelled.house().events().last().map(|record| record.event.clone());
    assert!(
        matches!(proof, Some(Event::SuspenseAssignmentCancelled(e)) if e.proof == CancelProof::NoSuchPlayer)
    );
}

#[test]
fn i19_money_in_suspense_reaches_no_player_of_the_other_kind() {
    let opened = |kind| {
        let open = ledger_core::OpenPlayer { kind, ..player_commands::open(&["EUR"]) };
        ledger_core::testing::given_nobody().when(open).applied()
    };
    let (real, test) = (opened(AccountKind::Real), opened(AccountKind::Test));
    for (partition, own, other) in [("psp/psp", &real, &test), ("test/psp/psp", &test, &real)] {
        let house = given_house(partition)
            .when(commands::capture_unknown("D1", "100"))
            .applied()
            .when(commands::assign("A1", "D1", "p1"))
            .applied();
        let item = house.house().state().item(&txn("D1")).unwrap();
        let (_, release) = item.release(&HouseId::new(partition).unwrap()).unwrap();
        other
            .clone()
            .when(release.clone())
            .rejected("mismatch")
            .refused_as(&Rejection::Mismatch { field: MismatchField::Kind })
            .accounts(&[])
            // The key is free, and the assignment can be refused.
            .when(
                item.refusal(&HouseId::new(partition).unwrap(), person("anna"), commands::reason("test"))
                    .unwrap()
                    .1,
            )
            .applied()
            .when(release.clone())
            .refused("key_reused");
        let _ = own.clone().when(release).applied();
    }
}

#[test]
fn what_landed_or_was_reported_for_the_player_cannot_be_refused() {
    let refusal = player_commands::refuse_assignment("D1");
    let landed = [("suspense:unmatched_psp of psp", "-100.00"), ("player:cash", "100.00")];
    given()
        .when(player_commands::release_of_house("D1", "100"))
        .applied()
        .when(refusal.clone())
        .refused("key_reused")
        .accounts(&landed);
    // The provider reported it for the player after all, under a key of its own.
    given()
        .when(player_commands::deposit("D1", "100"))
        .applied()
        .when(refusal.clone())
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::NotSuspended))
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    // A refusal is of one reference alone.
    given()
        .when(refusal.clone())
        .applied()
        .when(player_commands::release_of_house("D2", "100"))
        .applied()
        .accounts(&landed);
    ledger_core::testing::given_nobody().when(refusal).refused("player_unknown");
}

#[test]
fn two_persons_assign() {
    let _ = captured()
        .when(AssignSuspense { approved_by: person("anna"), ..commands::assign("A1", "D1", "p1") })
        .rejected("not_allowed")
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(commands::confirm("L1", "D1", "A1"))
        .refused_as(&no(NotAllowedReason::NotAssigned))
        .when(ConfirmAssignment { reference: txn("D7"), ..commands::confirm("L1", "D1", "A1") })
        .rejected("payment_not_found")
        .accounts(SUSPENSE);
}

#[test]
fn items_in_suspense_are_bounded() {
    use ledger_core::{CurrencyRegistry, Decision, Facts, Found, HouseLedger, HouseState, Policy, Timestamp};
    // Without the checks of a scenario, which look at the whole log after every step.
    let (currencies, policy) = (CurrencyRegistry::standard(), Policy::default());
    let facts = Facts::new(Found::NOTHING, &currencies, &policy);
    let mut state = HouseState::new(commands::house("psp/psp"));
    let decide = |state: &HouseState, n: usize| {
        let command = commands::capture_unknown(&format!("D{n}"), "1").into();
        HouseLedger::decide(state, &command, &facts, Timestamp::EPOCH).unwrap()
    };
    for n in 0..SUSPENSE_ITEMS_MAX {
        let Decision::Commit(draft) = decide(&state, n) else { panic!("{n} is refused") };
        state.evolve_all(&draft.events, Timestamp::EPOCH).unwrap();
    }
    let maximum = u32::try_from(SUSPENSE_ITEMS_MAX).unwrap();
    let refused = Rejection::CapacityExceeded { what: Capacity::SuspenseItems, maximum };
    assert_eq!(decide(&state, SUSPENSE_ITEMS_MAX), Decision::Refuse(refused));
}

// What all have in common.

#[test]
fn a_command_for_another_partition_is_refused_and_not_recorded() {
    let partitions = [
        "currencies",
        "configuration",
        "psp/acme",
        "provider/prov",
        "authority/MT",
        "jackpot/mega",
        "treasury",
        "journal",
        "test/psp/acme",
        "nothing",
        "test/currencies",
    ];
    let command = |n: u8| -> HouseCommand {
        match n {
            0 => commands::register("EUR").into(),
            1 => commands::settle_psp("B1", &[(PspLine::Payments, "1")], "1").into(),
            2 => commands::capture_unknown("D1", "1").into(),
            3 => commands::accrue_fees("F1", "1").into(),
            4 => commands::accrue_duty("F1", "1").into(),
            5 => commands::seed("J1", SeedMovement::CostToPool, "1").into(),
            6 => commands::cover("T1", "1").into(),
            _ => commands::propose_journal("J1", bank_charge("1")).into(),
        }
    };
    for n in 0..8 {
        let mut applied = 0;
        for house in partitions {
            let command = command(n);
            if command.is_for(&commands::house(house)) {
                let _ = given_house(house).when(command).applied();
                applied += 1;
            } else {
                let _ = given_house(house).when(command).refused("wrong_partition").accounts(&[]);
            }
        }
        assert_eq!(applied, if [1, 2].contains(&n) { 2 } else { 1 });
    }
}

#[test]
fn p53_test_money_has_partitions_of_its_own() {
    let lines = [(PspLine::Payments, "100"), (PspLine::Fees, "2.90")];
    given_house("test/psp/acme").when(commands::settle_psp("B1", &lines, "97.10")).applied().accounts(&[
        ("bank:players of main test", "97.10"),
        ("psp:fees of acme test", "2.90"),
        ("psp:clearing of acme test", "-100.00"),
    ]);
    given_house("test/journal")
        .when(commands::propose_journal("J1", bank_charge("5")))
        .when(commands::approve_journal("D1", "J1"))
        .applied()
        .accounts(&[("host:expense of acme/bank test", "5.00"), ("bank:operating of main test", "-5.00")]);
    // An entry of the other kind is not taken.
    let real = given_house("psp/acme").when(commands::settle_psp("B1", &lines, "97.10"));
    let mut test = ledger_core::HouseState::new(commands::house("test/psp/acme"));
    let mut body = real.house().commits()[0].clone();
    body.partition = "house/test/psp/acme".parse().unwrap();
    body.events[0].stream = "statement/test~1psp~1acme".parse().unwrap();
    let fault = test.evolve_commit(&body).unwrap_err();
    assert!(fault.to_string().contains("is not one of test/psp/acme"), "{fault}");
}

/// As for a player: what nobody began leaves no trace, and a refusal never consumes a key.
#[test]
fn refusals_are_recorded_where_the_partition_has_begun() {
    let pay = commands::settle_provider("S1", &[(ProviderLine::Fees, "10")], "-10");
    given_house("provider/prov")
        .when(pay.clone())
        .refused("exceeds_rest")
        .when(commands::accrue_fees("F1", "5"))
        .applied()
        .when(pay.clone())
        .rejected("exceeds_rest")
        .when(commands::accrue_fees("F2", "5"))
        .applied()
        .when(pay.clone())
        .applied()
        .when(pay)
        .replayed();
}

#[test]
fn an_entry_of_the_house_has_a_number_of_its_statement() {
    let house = captured().when(commands::capture_unknown("D2", "5")).applied();
    assert_eq!(house.answer().entry, Some(2));
    let streams: Vec<_> = house.house().events().map(|record| record.stream.to_string()).collect();
    assert_eq!(
        streams,
        ["statement/psp~1psp", "suspense/psp~1psp/D1", "statement/psp~1psp", "suspense/psp~1psp/D2"]
    );
    let house = house.when(commands::capture_unknown("D2", "5")).replayed();
    assert_eq!(house.answer().entry, Some(2));
    let house = house.when(commands::assign("A1", "D1", "p1")).applied();
    assert_eq!(house.answer().entry, None);
    let proposal =
        ProposeJournal { by: person("boris"), ..commands::propose_journal("J1", bank_charge("5")) };
    let journal = given_house("journal").when(proposal);
    assert_eq!(journal.answer().entry, None);
}
