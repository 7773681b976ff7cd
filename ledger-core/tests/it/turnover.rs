//! Unplayed deposits: T01 to T07, P27, A6.10 (docs/scenarios.md), and that nothing which moves cash loses them.

use crate::withdrawals::{CLEARING, folded, terms};
use ledger_core::stored::{CreditKind, Direction};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    BasisPoints, DepositPolicy, JurisdictionProfile, LOTS_MAX, MarkReturned, Policy, QuoteError,
    RecordDeposit, Rejection, ReverseWithdrawal, RollIn, RoundClosePolicy, RoundTimeOut, SendWithdrawal,
    ShortfallPolicy, TimeOutAction, UnplayedMoney, VoidSettled, WithdrawalFee, WithdrawalPolicy,
    WithdrawalQuote, WithdrawalStatus, WithdrawalTerms,
};

fn with(unplayed: UnplayedMoney) -> Policy {
    let default_jurisdiction = JurisdictionProfile {
        unplayed,
        reverse_withdrawal: ReverseWithdrawal::UntilSend,
        ..JurisdictionProfile::default()
    };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn fee(rate: u32) -> UnplayedMoney {
    UnplayedMoney::Fee { rate: BasisPoints::new(rate).unwrap() }
}

fn twenty() -> Policy {
    with(fee(2_000))
}

/// What of each lot in EUR is unplayed, the oldest first.
fn lots(scenario: &Scenario) -> Vec<String> {
    lots_in(scenario, "EUR")
}

fn lots_in(scenario: &Scenario, currency: &str) -> Vec<String> {
    let lots = scenario.ledger().state().wallet().lots().iter();
    let own = lots.filter(|lot| lot.currency == commands::currency(currency));
    own.map(|lot| lot.unplayed.to_string()).collect()
}

#[track_caller]
fn unplayed(scenario: Scenario, expected: &[&str]) -> Scenario {
    assert_eq!(lots(&scenario), expected);
    scenario
}

fn quote(scenario: &Scenario, amount: &str) -> Result<WithdrawalQuote, QuoteError> {
    let ledger = scenario.ledger();
    let (amount, euro) = (commands::decimal(amount), commands::currency("EUR"));
    WithdrawalQuote::of(ledger.state(), ledger.policy(), amount, euro, ledger.now())
}

fn all(scenario: &Scenario) -> WithdrawalQuote {
    let ledger = scenario.ledger();
    let euro = commands::currency("EUR");
    WithdrawalQuote::of_all(ledger.state(), ledger.policy(), euro, ledger.now()).unwrap()
}

/// 30 played, 70 unplayed, withdrawing costs 20 %: 30 came as a credit.
fn thirty_and_seventy(policy: Policy) -> Scenario {
    let player = given().policy(policy).when(commands::credit("K1", CreditKind::Cashback, "30"));
    unplayed(player.cash("70"), &["70.00"])
}

const T01: [(&str, &str); 3] =
    [("psp:clearing of psp", "70.00"), ("cashback:cost of campaign", "30.00"), ("player:cash", "100.00")];

#[test]
fn t01_unplayed_money_can_be_withdrawn_for_a_share() {
    let player = thirty_and_seventy(twenty()).accounts(&T01);
    let most = all(&player);
    assert_eq!(
        (most.withdrawable.to_string(), most.available.to_string()),
        ("86.00".into(), "100.00".into())
    );
    assert_eq!((most.extra.to_string(), most.taken.to_string()), ("14.00".into(), "100.00".into()));
    let too_much = player.when(commands::request("W1", "86.01"));
    let withdrawable = "86.00".parse().unwrap();
    let expected = Rejection::UnplayedDeposits { withdrawable, currency: commands::currency("EUR") };
    assert_eq!(quote(&too_much, "86.01"), Err(QuoteError::Refused(expected.clone())));
    too_much
        .refused_as(&expected)
        .accounts(&T01)
        .when(commands::request("W2", "100.01"))
        .rejected("insufficient_funds");
}

#[test]
fn p27_what_unplayed_money_costs_is_taken_beside_the_amount() {
    let asked = thirty_and_seventy(twenty()).when(commands::request("W1", "86")).applied();
    let asked = asked.accounts(&[
        ("psp:clearing of psp", "70.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:withdrawal_pending of cashier/W1", "86.00"),
        ("fees:income of unplayed", "14.00"),
    ]);
    unplayed(asked, &[]);
}

#[test]
fn t03_played_money_leaves_first_and_costs_nothing() {
    let asked = thirty_and_seventy(twenty()).when(commands::request("W1", "30")).applied();
    let asked = asked.accounts(&[
        ("psp:clearing of psp", "70.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:cash", "70.00"),
        ("player:withdrawal_pending of cashier/W1", "30.00"),
    ]);
    unplayed(asked, &["70.00"]);
}

#[test]
fn t04_a_bet_plays_unplayed_money_first() {
    let bet = given().policy(twenty()).cash("100").bet("T1", "R", "40").applied();
    let bet = unplayed(bet, &["60.00"]);
    // Winnings are played.
    let won = unplayed(bet.win_close("W1", "R", "50"), &["60.00"]).available("110.00");
    assert_eq!(all(&won).withdrawable.to_string(), "98.00");
    let bet = unplayed(won.bet("T2", "R2", "70").applied(), &[]);
    assert_eq!(all(&bet).withdrawable.to_string(), "40.00");
    // The oldest deposit goes first.
    let two = given().policy(twenty()).cash("10").cash("20").bet("T1", "R", "15").applied();
    unplayed(two, &["15.00"]);
}

#[test]
fn t06_a_deposit_must_be_played_once() {
    let lost = |policy: Policy, stake: &str| {
        let bet = given().policy(policy).cash("100").bet("T1", "R", stake).win_close("W1", "R", stake);
        bet.available("100.00")
    };
    let blocked = lost(with(UnplayedMoney::Block), "99");
    let none = WithdrawalQuote::of_all(
        blocked.ledger().state(),
        blocked.ledger().policy(),
        commands::currency("EUR"),
        blocked.ledger().now(),
    );
    assert_eq!(none, Err(QuoteError::Refused(Rejection::InvalidAmount { amount: "0.00".to_owned() })));
    blocked.when(commands::request("W1", "1")).rejected("unplayed_deposits");
    let costs = lost(twenty(), "99");
    assert_eq!(all(&costs).withdrawable.to_string(), "99.80");
    let free = lost(with(UnplayedMoney::Block), "100").when(commands::request("W1", "100")).applied();
    free.accounts(&[
        CLEARING,
        ("gaming:stakes of game", "100.00"),
        ("gaming:payouts of game", "100.00"),
        ("player:withdrawal_pending of cashier/W1", "100.00"),
    ]);
    let free = lost(twenty(), "100");
    assert_eq!(
        (all(&free).withdrawable.to_string(), all(&free).extra.to_string()),
        ("100.00".into(), "0.00".into())
    );
}

#[test]
fn t07_a_void_gives_back_what_the_bet_had_played() {
    let bet = || given().policy(twenty()).cash("10").cash("20").bet("T1", "R", "15").applied();
    let player = |undone: Scenario| {
        let undone = unplayed(undone.applied(), &["10.00", "20.00"]);
        undone.accounts(&[("psp:clearing of psp", "30.00"), ("player:cash", "30.00")])
    };
    player(bet().rollback("X1", "T1"));
    player(bet().void_bet("V1", "R", "T1"));
    player(bet().void_round("V1", "R"));
    // Won and called off after its settlement: the stake is unplayed again, the win is gone.
    let settled = bet().win_close("W1", "R", "40");
    player(settled.clone().when(commands::void_settled_bet("V1", "R", "T1")));
    player(settled.clone().when(commands::void_settled_round("V1", "R")));
    let open_again = unplayed(settled.when(commands::unsettle("N1", "R", "T1")).applied(), &["15.00"]);
    player(open_again.rollback("X1", "T1"));
    // Played money that the bet took is played money again.
    let mixed = given().policy(twenty()).cash("10").when(commands::credit("K1", CreditKind::Cashback, "5"));
    let mixed = unplayed(mixed.bet("T1", "R", "12").applied(), &[]);
    unplayed(mixed.rollback("X1", "T1").applied(), &["10.00"]);
}

/// A part that goes back leaves the bet as if it had been smaller.
#[test]
fn t07_parts_of_a_stake_give_back_what_was_drawn_last() {
    let bet = given()
        .policy(twenty())
        .cash("10")
        .cash("20")
        .when(commands::credit("K1", CreditKind::Cashback, "10"))
        .bet("T1", "R", "35")
        .applied();
    let bet = unplayed(bet, &[]);
    let five = unplayed(bet.when(commands::rollback_part("X1", "T1", "5")).applied(), &[]);
    let ten = unplayed(five.when(commands::rollback_part("X2", "T1", "5")).applied(), &["5.00"]);
    let more =
        unplayed(ten.clone().when(commands::rollback_part("X3", "T1", "16")).applied(), &["1.00", "20.00"]);
    unplayed(more.rollback("X4", "T1").applied(), &["10.00", "20.00"]).available("40.00");
    // What was cashed out was played.
    let sold = ten.when(commands::cash_out_part("O1", "R", "T1", "8", "8")).applied();
    let sold = unplayed(sold, &["5.00"]);
    let undone = sold.clone().when(commands::void_settled_bet("V1", "R", "T1")).applied();
    unplayed(undone, &["10.00", "20.00"]);
    // Of the 25 that stayed, 8 are sold; what was drawn for them stays drawn.
    sold.when(commands::rollback_part("X4", "T1", "17")).rejected("already_settled");
}

#[test]
fn without_a_rule_there_are_no_lots() {
    let player = given().cash("100").bet("T1", "R", "40").rollback("X1", "T1");
    let events: Vec<_> = player.ledger().events().cloned().collect();
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("lot") && !text.contains("unplayed"), "{text}");
    // Those that are there stay when the rule goes: they cost nothing then.
    let later = unplayed(given().policy(twenty()).cash("100"), &["100.00"]).policy(Policy::default());
    let asked = later.cash("50").when(commands::request("W1", "120")).applied();
    let asked = unplayed(asked, &["30.00"]);
    unplayed(asked.when(commands::reject_withdrawal("R1", "W1")).applied(), &["100.00"]);
}

#[test]
fn a6_10_a_withdrawal_goes_back_to_the_lots_it_came_from() {
    let start = || {
        let cash = thirty_and_seventy(twenty()).cash("50");
        unplayed(cash, &["70.00", "50.00"])
    };
    // 30 of cash, then 112.50 of lots: 90 net at 20 %.
    let asked = || {
        let asked = start().when(commands::request("W1", "120")).applied();
        let asked = unplayed(asked, &["7.50"]);
        assert_eq!(folded(&asked, "W1").unwrap().hold.extra().to_string(), "22.50");
        asked
    };
    let back = |scenario: Scenario| {
        let back = unplayed(scenario.applied(), &["70.00", "50.00"]);
        assert_eq!(all(&back).withdrawable.to_string(), "126.00");
        back.accounts(&[
            ("psp:clearing of psp", "120.00"),
            ("cashback:cost of campaign", "30.00"),
            ("player:cash", "150.00"),
        ]);
    };
    back(asked().when(commands::cancel_withdrawal("C1", "W1")));
    back(asked().when(commands::reject_withdrawal("R1", "W1")));
    back(asked().after_secs(30 * 86_400).when(commands::expire_withdrawal("E1", "W1")));
    let sent = asked().when(commands::approve_withdrawal("A1", "W1", "ann")).when(commands::send("P1", "W1"));
    back(sent.clone().when(commands::mark_failed("F1", "W1")));
    let paid = sent.when(commands::mark_paid("M1", "W1")).applied();
    back(paid.when(commands::mark_returned("B1", "W1")));
    // It cannot be withdrawn and taken back to be free: the second time costs the same.
    let twice = asked().when(commands::cancel_withdrawal("C1", "W1")).when(commands::request("W2", "120"));
    assert_eq!(folded(&twice.applied(), "W2").unwrap().hold.extra().to_string(), "22.50");
}

#[test]
fn a6_10_parts_take_their_lots_with_them() {
    let split = || {
        thirty_and_seventy(twenty())
            .when(commands::request("W1", "86"))
            .when(commands::split_withdrawal("S1", "W1", &[("W2", "50"), ("W3", "36")]))
            .applied()
            .accounts(&[
                ("psp:clearing of psp", "70.00"),
                ("cashback:cost of campaign", "30.00"),
                ("player:withdrawal_pending of cashier/W2", "50.00"),
                ("player:withdrawal_pending of cashier/W3", "36.00"),
                ("fees:income of unplayed", "14.00"),
            ])
    };
    // The first part has the played money: 30, and 25 of the lot for 20.
    let first = unplayed(split().when(commands::cancel_withdrawal("C1", "W2")).applied(), &["25.00"]);
    let first = first.available("55.00").accounts(&[
        ("psp:clearing of psp", "70.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:cash", "55.00"),
        ("player:withdrawal_pending of cashier/W3", "36.00"),
        ("fees:income of unplayed", "9.00"),
    ]);
    let both = unplayed(first.when(commands::cancel_withdrawal("C2", "W3")).applied(), &["70.00"]);
    both.accounts(&T01);
    let second = unplayed(split().when(commands::cancel_withdrawal("C1", "W3")).applied(), &["45.00"]);
    second.available("45.00");
}

/// What is not paid of a payout is what was drawn last.
#[test]
fn a6_10_the_rest_of_a_partial_payout_is_unplayed_again() {
    let terms = terms(WithdrawalTerms {
        fee: WithdrawalFee { fixed: commands::decimal("2"), ..WithdrawalFee::default() },
        ..WithdrawalTerms::default()
    });
    let policy = Policy { withdrawals: terms, ..twenty() };
    let sent = thirty_and_seventy(policy)
        .when(commands::request("W1", "86"))
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .applied();
    let part = unplayed(sent.when(commands::mark_paid_part("M1", "W1", "80")).applied(), &["5.00"]);
    let part = part.accounts(&[
        ("psp:clearing of psp", "-10.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:cash", "5.00"),
        ("fees:income of withdrawal", "2.00"),
        ("fees:income of unplayed", "13.00"),
    ]);
    let all = MarkReturned { return_fee: true, ..commands::mark_returned("B1", "W1") };
    unplayed(part.when(all).applied(), &["70.00"]).accounts(&T01);
}

/// Late answers move each thing once: what went back with the failure is not taken, nor given back, again.
#[test]
fn a_late_payout_does_not_touch_lots_twice() {
    let failed = thirty_and_seventy(twenty())
        .when(commands::request("W1", "86"))
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .when(commands::mark_failed("F1", "W1"))
        .applied();
    let failed = unplayed(failed, &["70.00"]).accounts(&T01);
    // 86 of 100 are gone: the lots give way where there is no cash.
    let late = unplayed(failed.when(commands::mark_paid("M1", "W1")).applied(), &["14.00"]);
    let late = late.accounts(&[
        ("psp:clearing of psp", "-16.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:cash", "14.00"),
    ]);
    unplayed(late.when(commands::mark_returned("B1", "W1")).applied(), &["14.00"]).accounts(&T01);
}

#[test]
fn what_comes_back_to_a_debtor_is_unplayed_as_far_as_it_is_cash() {
    let paid = given()
        .policy(with(fee(0)))
        .cash("100")
        .when(commands::request("W1", "100"))
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(commands::send("P1", "W1"))
        .when(commands::mark_paid("M1", "W1"))
        .applied();
    let owes = paid
        .when(commands::propose_debit("O1", "30"))
        .when(commands::approve("O2", "O1"))
        .applied()
        .available("-30.00");
    let back = owes.when(commands::mark_returned("B1", "W1")).applied().available("70.00");
    unplayed(back, &["70.00"]);
}

#[test]
fn rounding_never_takes_more_than_there_is() {
    // 0.07 at 20 %: 0.05 can be withdrawn for 0.0125, which is a cent.
    let player = given().policy(twenty()).cash("0.07");
    assert_eq!(all(&player).withdrawable.to_string(), "0.05");
    let asked = player.when(commands::request("W1", "0.05")).applied();
    let asked = unplayed(asked, &["0.01"]);
    asked.accounts(&[
        ("psp:clearing of psp", "0.07"),
        ("player:cash", "0.01"),
        ("player:withdrawal_pending of cashier/W1", "0.05"),
        ("fees:income of unplayed", "0.01"),
    ]);
    // A share of nearly nothing costs a cent all the same.
    let least = given().policy(with(fee(1))).cash("1").when(commands::request("W1", "0.10")).applied();
    assert_eq!(folded(&least, "W1").unwrap().hold.extra().to_string(), "0.01");
    let half = given().policy(twenty()).cash("1").when(commands::request("W1", "0.10")).applied();
    assert_eq!(folded(&half, "W1").unwrap().hold.extra().to_string(), "0.03", "0.025, a half up");
    let nothing = given().policy(twenty()).cash("0.01").when(commands::request("W1", "0.01"));
    nothing.rejected("unplayed_deposits");
    // All of it, and more than all, is a ban of what is unplayed; nothing is free.
    for rate in [10_000, 20_000] {
        let all_of_it = thirty_and_seventy(with(fee(rate)));
        assert_eq!(all(&all_of_it).withdrawable.to_string(), "30.00");
        all_of_it.when(commands::request("W1", "30.01")).rejected("unplayed_deposits");
    }
    let free = thirty_and_seventy(with(fee(0))).when(commands::request("W1", "100")).applied();
    unplayed(free, &[]);
}

/// A debt is paid from played money, and dormant money stays unplayed.
#[test]
fn debts_and_dormant_money_are_reckoned_with() {
    let owes = thirty_and_seventy(twenty())
        .bet("T1", "R", "70")
        .when(commands::propose_debit("O1", "60"))
        .when(commands::approve("O2", "O1"))
        .rollback("X1", "T1")
        .available("40.00");
    let owes = unplayed(owes, &["70.00"]);
    // 70 of cash, all of it in the lot, less 30.
    assert_eq!(all(&owes).withdrawable.to_string(), "32.00");
    let asleep = thirty_and_seventy(twenty()).when(commands::transfer_dormant("S1")).applied();
    let asleep =
        unplayed(asleep, &["70.00"]).when(commands::request("W1", "1")).rejected("insufficient_funds");
    let asleep = asleep.when(commands::credit("K2", CreditKind::Cashback, "10"));
    assert_eq!(all(&asleep).extra.to_string(), "0.00", "ten are played");
    let awake = unplayed(asleep.when(commands::reclaim_dormant("S2")).applied(), &["70.00"]);
    assert_eq!(all(&awake).withdrawable.to_string(), "96.00");
}

#[test]
fn what_the_house_takes_is_played_money_first_and_lots_give_way() {
    let player = || thirty_and_seventy(twenty()).cash("20");
    let fee = unplayed(player().when(commands::inactivity_fee("F1", "30")).applied(), &["70.00", "20.00"]);
    let fee = unplayed(fee.when(commands::inactivity_fee("F2", "1")).applied(), &["69.00", "20.00"]);
    let tax = unplayed(fee.when(commands::withhold_tax("T1", "70")).applied(), &["19.00"]);
    let adjusted = unplayed(tax.when(commands::adjust("J1", Direction::Debit, "9")).applied(), &["10.00"]);
    adjusted.available("10.00");
    let spent = player().bet("T1", "R", "120").win_close("W1", "R", "50").cash("10");
    let spent = unplayed(spent, &["10.00"]);
    unplayed(spent.rollback_win("X1", "W1").applied(), &["10.00"]).available("10.00");
}

#[test]
fn a_refund_takes_the_deposits_own_money_first() {
    let player = || thirty_and_seventy(twenty()).cash("50");
    let first = unplayed(player().when(commands::refund("B1", "cash-2")).applied(), &["70.00"]);
    first.available("100.00");
    let part =
        unplayed(player().when(commands::refund_part("B1", "cash-1", "40")).applied(), &["30.00", "50.00"]);
    // Beyond its own money it takes what was played, then other deposits.
    let played = part.bet("T1", "R", "30").close("C1", "R").applied();
    let played = unplayed(played, &["50.00"]).available("80.00");
    let rest = unplayed(played.when(commands::refund("B2", "cash-1")).applied(), &["50.00"]);
    rest.available("50.00");
}

#[test]
fn a_dispute_that_is_won_gives_back_what_it_took_of_lots() {
    let player = || thirty_and_seventy(twenty()).cash("50");
    let taken =
        player().bet("T1", "R", "40").close("C1", "R").when(commands::chargeback("CB1", "cash-1", "70"));
    // Of the 70: 30 of its own lot, 30 that were played, 10 of the other deposit.
    let taken = unplayed(taken.applied(), &["40.00"]).available("40.00");
    let won = taken.clone().when(commands::reverse_chargeback("CR1", "cash-1", "CB1")).applied();
    unplayed(won, &["30.00", "50.00"]).available("110.00");
    let part = ledger_core::ReverseChargeback {
        amount: Some(commands::decimal("15")),
        ..commands::reverse_chargeback("CR1", "cash-1", "CB1")
    };
    // 55 still stand of it: as if it had taken that, all of the lots it took. Then the rest.
    let part = unplayed(taken.when(part).applied(), &["40.00"]);
    unplayed(part.when(commands::reverse_chargeback("CR2", "cash-1", "CB1")).applied(), &["30.00", "50.00"]);
    // What pays a debt is not unplayed.
    let owes = given().policy(twenty()).cash("100").when(commands::chargeback("CB1", "cash-1", "100"));
    let owes = owes.when(commands::propose_debit("O1", "25")).when(commands::approve("O2", "O1"));
    let owes = unplayed(owes.available("-25.00"), &[]);
    let won = owes.when(commands::reverse_chargeback("CR1", "cash-1", "CB1")).applied().available("75.00");
    unplayed(won, &["75.00"]);
}

/// Neither an exchange nor its reversal makes unplayed money played.
#[test]
fn unplayed_money_stays_so_in_another_currency() {
    let rate = || commands::rate("EUR", "USD", "1.10");
    let player = ledger_core::testing::given_nobody()
        .when(commands::open(&["EUR", "USD"]))
        .policy(twenty())
        .when(commands::credit("K1", CreditKind::Cashback, "30"))
        .cash("70");
    let exchanged = player.when(commands::exchange("X1", "EUR", "USD", "50", rate())).applied();
    let exchanged = unplayed(exchanged, &["50.00"]);
    assert_eq!(lots_in(&exchanged, "USD"), ["22.00"]);
    let back = exchanged.clone().when(commands::reverse_exchange("X2", "X1")).applied();
    assert_eq!(lots_in(&unplayed(back, &["70.00"]), "USD"), [""; 0]);
    // A cent that does not divide is unplayed.
    let odd = exchanged.when(commands::exchange("X3", "USD", "EUR", "33.01", rate())).applied();
    assert_eq!(lots_in(&odd, "USD"), ["21.99"]);
    assert_eq!(lots(&odd), ["50.00", "0.01"]);
    // A deposit that comes in another currency is a lot in the player's.
    let dollars = RecordDeposit {
        currency: commands::currency("USD"),
        rate: Some(Box::new(rate())),
        ..commands::deposit("D1", "110")
    };
    unplayed(given().policy(twenty()).when(dollars).applied(), &["100.00"]);
}

/// Whatever way a deposit reaches the player, it is unplayed; what pays a debt or a fee never was his.
#[test]
fn every_deposit_brings_a_lot_of_what_becomes_cash() {
    let fee = RecordDeposit { fee: Some(commands::decimal("2")), ..commands::deposit("D1", "100") };
    unplayed(given().policy(twenty()).when(fee).applied(), &["98.00"]);
    let owes = given().policy(twenty()).cash("100").bet("T1", "R", "100").close("C1", "R");
    let owes = owes.when(commands::chargeback("CB1", "cash-1", "60")).available("-60.00");
    unplayed(owes.cash("100").available("40.00"), &["40.00"]);
    let suspended = given().policy(twenty()).when(commands::capture("D1", "I9", "100")).applied();
    let suspended = unplayed(suspended, &[]);
    unplayed(suspended.when(commands::release("L1", "D1")).applied(), &["100.00"]);
    let house = given().policy(twenty()).when(commands::release_of_house("H1", "100")).applied();
    let house = unplayed(house, &["100.00"]);
    unplayed(house.when(commands::refund("B1", "H1")).applied(), &[]);
}

#[test]
fn many_lots_become_one_and_nothing_is_lost() {
    let mut player = given().policy(twenty());
    for _ in 0..LOTS_MAX {
        player = player.cash("1");
    }
    let bet = player.bet("T1", "R", "0.60").applied();
    assert_eq!(lots(&bet).len(), LOTS_MAX);
    let more = bet.cash("5");
    assert_eq!(lots(&more).len(), LOTS_MAX);
    assert_eq!(lots(&more)[..2], ["1.40", "1.00"], "the two oldest are one");
    // What is given back to a lot that is no more is one again, and merged again.
    let undone = more.rollback("X1", "T1").applied();
    assert_eq!(lots(&undone)[..2], ["2.00", "1.00"]);
    assert_eq!(lots(&undone).len(), LOTS_MAX);
    assert_eq!(all(&undone).taken.to_string(), "37.00");
}

/// What a shortfall leaves is never more unplayed money than money.
#[test]
fn a_stake_that_comes_back_to_nothing_is_not_unplayed() {
    let bet = given()
        .policy(Policy {
            deposits: DepositPolicy {
                on_shortfall: ShortfallPolicy::AllowNegative,
                ..DepositPolicy::default()
            },
            ..twenty()
        })
        .cash("100")
        .bet("T1", "R", "100")
        .win_close("W1", "R", "150")
        .bet("T2", "R2", "120")
        .close("C1", "R2")
        .available("30.00");
    let void = VoidSettled { on_shortfall: None, ..commands::void_settled_bet("V1", "R", "T1") };
    // 100 come back, 150 are taken: 20 are owed, and nothing is left to be unplayed.
    unplayed(bet.when(void).applied().available("-20.00"), &[]);
}

#[test]
fn a_quote_and_a_request_agree() {
    let terms = terms(WithdrawalTerms {
        fee: WithdrawalFee { fixed: commands::decimal("1"), rate: BasisPoints::new(100).unwrap() },
        ..WithdrawalTerms::default()
    });
    let policy = Policy { withdrawals: WithdrawalPolicy { ..terms }, ..twenty() };
    let player = thirty_and_seventy(policy);
    let quoted = quote(&player, "50").unwrap();
    let shown = [quoted.amount, quoted.fee, quoted.payout, quoted.extra, quoted.taken];
    assert_eq!(shown.map(|amount| amount.to_string()), ["50.00", "1.50", "48.50", "5.00", "55.00"]);
    let asked = player.when(commands::request("W1", "50")).applied().available("45.00");
    let hold = folded(&asked, "W1").unwrap().hold;
    assert_eq!((hold.amount, hold.fee(), hold.extra()), (quoted.amount, quoted.fee, quoted.extra));
    assert_eq!((hold.payout(), hold.taken()), (Ok(quoted.payout), Ok(quoted.taken)));
    let sent = asked
        .when(commands::approve_withdrawal("A1", "W1", "ann"))
        .when(SendWithdrawal { by: Some(commands::person("ann")), ..commands::send("P1", "W1") })
        .applied();
    assert_eq!(folded(&sent, "W1").unwrap().status, WithdrawalStatus::Sending);
    // Its refusals are those of a request.
    for amount in ["0", "1", "-1", "50.005", "80", "100"] {
        let request = commands::request("W2", amount);
        let refused = sent.clone().when(request);
        let Err(QuoteError::Refused(rejection)) = quote(&sent, amount) else {
            assert_eq!(refused.answer().outcome.text(), "applied", "{amount}");
            continue;
        };
        refused.refused_as(&rejection);
    }
    let dollars = commands::currency("USD");
    let (ledger, now) = (sent.ledger(), sent.ledger().now());
    let none = WithdrawalQuote::of_all(ledger.state(), ledger.policy(), dollars, now);
    assert_eq!(none, Err(QuoteError::Refused(Rejection::CurrencyMismatch { currency: dollars })));
}

/// Immediate losses, on the rules of these tests.
fn at_once() -> Policy {
    let mut policy = twenty();
    policy.default.round_close = RoundClosePolicy::ImmediateLoss;
    policy
}

#[test]
fn t07_a_stake_that_a_rule_took_is_unplayed_again_when_it_goes_back() {
    let bet = || given().policy(at_once()).cash("10").cash("20").bet("T1", "R", "15").applied();
    let lost = unplayed(bet(), &["15.00"]).accounts(&[
        ("psp:clearing of psp", "30.00"),
        ("player:cash", "15.00"),
        ("gaming:stakes of game", "15.00"),
    ]);
    let back = |undone: Scenario| {
        let undone = unplayed(undone.applied(), &["10.00", "20.00"]);
        undone.accounts(&[("psp:clearing of psp", "30.00"), ("player:cash", "30.00")])
    };
    back(lost.clone().rollback("X1", "T1"));
    back(lost.clone().void_bet("V1", "R", "T1"));
    back(lost.clone().void_round("V1", "R"));
    let part = unplayed(lost.when(commands::rollback_part("X1", "T1", "6")).applied(), &["1.00", "20.00"]);
    back(part.rollback("X2", "T1"));
}

#[test]
fn t07_a_time_out_gives_back_what_the_bet_had_played() {
    let mut policy = twenty();
    policy.default.round_time_out = Some(RoundTimeOut { after_secs: 60, then: TimeOutAction::Void });
    let bet = given().policy(policy).cash("30").bet("T1", "R", "10").bet("T2", "R", "5").applied();
    let waited = unplayed(bet, &["15.00"]).after_secs(61);
    let all = unplayed(waited.clone().when(commands::expire_round("E1", "R")).applied(), &["30.00"]);
    let _ = all.accounts(&[("psp:clearing of psp", "30.00"), ("player:cash", "30.00")]);
    // A bet with a result was in play: only the other one goes back.
    let won = waited.win_bet("W1", "R", "T1", "1").applied().after_secs(61);
    let one = unplayed(won.when(commands::expire_round("E1", "R")).applied(), &["20.00"]);
    let _ = one.accounts(&[
        ("psp:clearing of psp", "30.00"),
        ("player:cash", "21.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "1.00"),
    ]);
}

/// Of a stake beyond the balance only what was cash can have been unplayed; what is owed goes back first.
#[test]
fn t07_a_stake_that_is_owed_in_part_draws_its_cash_only() {
    let mut policy = twenty();
    policy.default.negative_debit = true;
    let bet = unplayed(given().policy(policy).cash("30").bet("T1", "R", "50").applied(), &[]);
    let five = unplayed(bet.clone().when(commands::rollback_part("X1", "T1", "25")).applied(), &["5.00"]);
    unplayed(five.rollback("X2", "T1").applied(), &["30.00"]).available("30.00");
    unplayed(bet.rollback("X1", "T1").applied(), &["30.00"]).available("30.00");
}

#[test]
fn t07_money_that_plays_elsewhere_is_unplayed_again_as_far_as_it_was_not_staked() {
    let away = || {
        let player = given().policy(twenty()).when(commands::credit("K1", CreditKind::Cashback, "30"));
        unplayed(player.cash("70").when(commands::roll_out("T1", "80")).applied(), &[])
    };
    let _ = away().accounts(&[
        ("psp:clearing of psp", "70.00"),
        ("cashback:cost of campaign", "30.00"),
        ("player:cash", "20.00"),
        ("player:held of prov/transfer/T1", "80.00"),
    ]);
    // It was not played there: to take it there and back is no way round the rule.
    unplayed(away().when(commands::roll_in("N1", "T1", "80")).applied(), &["70.00"]);
    unplayed(away().rollback("X1", "T1").applied(), &["70.00"]).available("100.00");
    // Unplayed money is staked first, as everywhere.
    unplayed(away().when(commands::roll_in("N1", "T1", "50")).applied(), &["40.00"]).available("70.00");
    let told = |staked: &str, won: &str, back: &str| RollIn {
        staked: Some(commands::decimal(staked)),
        won: Some(commands::decimal(won)),
        ..commands::roll_in("N1", "T1", back)
    };
    unplayed(away().when(told("60", "90", "110")).applied(), &["10.00"]).available("130.00");
    unplayed(away().when(told("500", "440", "20")).applied(), &[]).available("40.00");
}

/// A tip or an entry is no wager, so played money goes first; what gives way comes back with them.
#[test]
fn t07_tips_and_entries_that_go_back_are_unplayed_again() {
    let paid = |command: ledger_core::PlayerCommand| {
        let player = given().policy(twenty()).when(commands::credit("K1", CreditKind::Cashback, "30"));
        unplayed(player.cash("70").when(command).applied(), &["60.00"])
    };
    let tipped = paid(commands::tip("T1", "40").into());
    unplayed(tipped.rollback("X1", "T1").applied(), &["70.00"]).available("100.00");
    let entered = paid(commands::enter_tournament("T1", "35", "5").into());
    unplayed(entered.rollback("X1", "T1").applied(), &["70.00"]).available("100.00");
}
