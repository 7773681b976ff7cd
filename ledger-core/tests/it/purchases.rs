//! Tips, entries to tournaments, and money that plays elsewhere: P41, P43, S101, S102, S110 in docs/scenarios.md, and
//! transfers.

use ledger_core::stored::Direction;
use ledger_core::testing::{Scenario, commands, given, given_nobody};
use ledger_core::{
    BonusRule, Capacity, EnterTournament, Funds, IdError, KeyScope, MismatchField, NotAllowedReason,
    OPEN_TRANSFERS_MAX, PlaceBet, PlayerCommand, PlayerId, Policy, Rejection, RollIn, RollOut, Rollback,
    RollbackKind, SourceId, Tip, TransactionId, TransferRef, TransferStatus,
};

const HUNDRED: (&str, &str) = ("psp:clearing of psp", "100.00");
const UNTOUCHED: &[(&str, &str)] = &[HUNDRED, ("player:cash", "100.00")];

fn rich() -> Scenario {
    given().cash("100.00")
}

fn of_kind(id: &str, target: &str, kind: RollbackKind) -> Rollback {
    Rollback { kind: Some(kind), ..commands::rollback(id, target) }
}

// Tips.

#[test]
fn s101_a_tip_is_no_wager() {
    let given_tip = rich().when(commands::tip("T1", "2.00")).applied();
    let tipped = given_tip.records(&["entry.posted", "tip.given"]).accounts(&[
        HUNDRED,
        ("player:cash", "98.00"),
        ("tips:payable of prov", "2.00"),
    ]);
    let _ = tipped
        .when(commands::tip("T1", "2"))
        .replayed("applied")
        .when(commands::tip("T1", "3"))
        .refused("key_reused")
        .when(Tip { round: Some(commands::round("R")), ..commands::tip("T1", "2") })
        .refused("key_reused");
}

#[test]
fn p43_a_tip_is_owed_to_the_providers_dealers() {
    let tip = Tip { source: commands::source("studio"), ..commands::tip("T1", "2") };
    let _ = rich().when(tip).applied().accounts(&[
        HUNDRED,
        ("player:cash", "98.00"),
        ("tips:payable of studio", "2.00"),
    ]);
}

#[test]
fn a_tip_needs_cash_that_is_there() {
    let _ = rich().when(commands::tip("T1", "0")).refused("invalid_amount");
    let _ = rich().when(commands::tip("T1", "-1")).refused("invalid_amount");
    let _ = rich().when(commands::tip("T1", "1.001")).refused("precision");
    let usd = Tip { currency: commands::currency("USD"), ..commands::tip("T1", "1") };
    let _ = rich().when(usd).rejected("currency_mismatch");
    let _ = rich()
        .when(commands::tip("T1", "100.01"))
        .rejected("insufficient_funds")
        .cash("100")
        .when(commands::tip("T1", "100.01"))
        .replayed("rejected:insufficient_funds");
    let _ =
        rich().when(commands::close_player("Z1")).when(commands::tip("T1", "1")).rejected("player_closed");
    // Money that is held, or owed, is not there.
    let _ = rich().bet("B1", "R", "99").when(commands::tip("T1", "1.01")).rejected("insufficient_funds");
}

#[test]
fn s102_a_tip_is_not_paid_with_bonus_credits() {
    let refusal = Rejection::BonusRule { rule: BonusRule::CashOnly };
    let bonus = Tip { funds: Funds::Bonus, ..commands::tip("T1", "2") };
    let _ = rich().when(bonus).rejected("bonus_rule").refused_as(&refusal).accounts(UNTOUCHED);
    let _ = rich().when(Tip { funds: Funds::Cash, ..commands::tip("T1", "2") }).applied();
    let bonus = EnterTournament { funds: Funds::Bonus, ..commands::enter_tournament("T1", "10", "1") };
    let _ = rich().when(bonus).rejected("bonus_rule").refused_as(&refusal);
    // A bet with bonus credits needs some.
    let bonus = PlaceBet { funds: Funds::Bonus, ..commands::bet("T1", "R", "2") };
    let none = Rejection::BonusRule { rule: BonusRule::NoBonus };
    let _ = rich().when(bonus).rejected("bonus_rule").refused_as(&none).accounts(UNTOUCHED);
    let _ = rich().when(PlaceBet { funds: Funds::Cash, ..commands::bet("T1", "R", "2") }).applied();
}

#[test]
fn s101_a_tip_is_undone_by_its_source() {
    let tipped = rich().when(Tip { round: Some(commands::round("R")), ..commands::tip("T1", "2") });
    let undone: [Rollback; 3] = [
        commands::rollback("X1", "T1"),
        of_kind("X1", "T1", RollbackKind::Tip),
        Rollback {
            round: Some(commands::round("R")),
            currency: Some(commands::currency("EUR")),
            amount: Some(commands::decimal("2")),
            ..of_kind("X1", "T1", RollbackKind::Tip)
        },
    ];
    for undo in undone {
        let back = tipped.clone().when(undo.clone()).applied().records(&["entry.posted", "tip.returned"]);
        let _ = back
            .accounts(UNTOUCHED)
            .when(undo)
            .replayed("applied")
            .rollback("X2", "T1")
            .rejected("already_rolled_back")
            .when(commands::tip("T1", "2"))
            .refused("key_reused");
    }
    let wrong: [(Rollback, MismatchField); 3] = [
        (
            Rollback { round: Some(commands::round("Q")), ..commands::rollback("X1", "T1") },
            MismatchField::Round,
        ),
        (
            Rollback { currency: Some(commands::currency("USD")), ..commands::rollback("X1", "T1") },
            MismatchField::Currency,
        ),
        (
            Rollback { amount: Some(commands::decimal("3")), ..commands::rollback("X1", "T1") },
            MismatchField::Amount,
        ),
    ];
    for (undo, field) in wrong {
        let _ = tipped.clone().when(undo).rejected("mismatch").refused_as(&Rejection::Mismatch { field });
    }
    let not_reversible = Rejection::NotAllowed { reason: NotAllowedReason::NotReversible };
    let _ = tipped.clone().when(commands::rollback_part("X1", "T1", "1")).tombstoned();
    let part = Rollback { kind: None, ..commands::rollback_part("X1", "T1", "1") };
    let _ = tipped.when(part).rejected("not_allowed").refused_as(&not_reversible);
}

#[test]
fn s34_a_rollback_of_a_tip_that_no_one_has_seen_is_remembered() {
    let _ = rich()
        .when(of_kind("X1", "T1", RollbackKind::Tip))
        .tombstoned()
        .when(commands::tip("T1", "2"))
        .rejected("txn_cancelled")
        .accounts(UNTOUCHED);
    // A tip that lacked funds was never given.
    let _ = rich().when(commands::tip("T1", "200")).rollback("X1", "T1").tombstoned();
}

#[test]
fn a_rollback_says_what_it_undoes() {
    let tipped = rich().when(commands::tip("T1", "2"));
    // Under ids per kind a bet may have the id of a tip, and is what an unnamed rollback undoes.
    let both = tipped.clone().bet("T1", "R", "5").rollback("X1", "T1").applied();
    let _ = both.accounts(&[HUNDRED, ("player:cash", "98.00"), ("tips:payable of prov", "2.00")]);
    let _ = tipped.when(commands::rollback_bet("X1", "T1")).tombstoned();
    // Under ids over all kinds the other kind is found, and refused.
    let any = || rich().scope(KeyScope::AnyKind).when(commands::tip("T1", "2"));
    let not_reversible = Rejection::NotAllowed { reason: NotAllowedReason::NotReversible };
    for kind in [RollbackKind::Bet, RollbackKind::Win, RollbackKind::TournamentEntry, RollbackKind::RollOut] {
        let _ = any().when(of_kind("X1", "T1", kind)).rejected("not_allowed").refused_as(&not_reversible);
    }
    let _ = any().when(of_kind("X1", "T1", RollbackKind::Tip)).applied().accounts(UNTOUCHED);
    let bet = || rich().scope(KeyScope::AnyKind).bet("T1", "R", "5");
    let _ = bet().when(of_kind("X1", "T1", RollbackKind::Tip)).rejected("not_allowed");
    // In one commit, and after the scope of keys changed.
    let batch = commands::batch(vec![
        commands::tip("T1", "2").into(),
        commands::enter_tournament("T2", "10", "1").into(),
        commands::roll_out("T3", "50").into(),
        commands::rollback("X1", "T1").into(),
        commands::rollback("X2", "T2").into(),
        commands::rollback("X3", "T3").into(),
    ]);
    let _ = rich().when(batch).applied().accounts(UNTOUCHED);
    let _ = any().scope(KeyScope::PerKind).when(commands::tip("T1", "2")).refused("key_reused");
}

// Tournaments.

#[test]
fn s110_an_entry_goes_into_the_pool_and_its_fee_to_the_house() {
    let entered = rich().when(commands::enter_tournament("T1", "10", "1")).applied();
    let entered = entered.records(&["entry.posted", "tournament.entered"]).accounts(&[
        HUNDRED,
        ("player:cash", "89.00"),
        ("tournament:pool of cup", "10.00"),
        ("gaming:rake of cup", "1.00"),
    ]);
    let _ = entered
        .clone()
        .when(commands::enter_tournament("T1", "10", "1"))
        .replayed("applied")
        .when(commands::enter_tournament("T1", "10", "2"))
        .refused("key_reused");
    let _ = entered
        .clone()
        .when(Rollback { amount: Some(commands::decimal("11")), ..commands::rollback("X1", "T1") })
        .applied()
        .records(&["entry.posted", "tournament.entry_returned"])
        .accounts(UNTOUCHED)
        .when(of_kind("X2", "T1", RollbackKind::TournamentEntry))
        .rejected("already_rolled_back");
    let ten = Rollback { amount: Some(commands::decimal("10")), ..commands::rollback("X1", "T1") };
    let _ = entered.when(ten).rejected("mismatch");
}

#[test]
fn p41_an_entry_may_be_free_or_a_fee_alone() {
    let free = rich().when(commands::enter_tournament("T1", "0", "0")).applied();
    let free = free.records(&["tournament.entered"]).accounts(UNTOUCHED);
    let _ = free.rollback("X1", "T1").applied().accounts(UNTOUCHED);
    let _ = rich().when(commands::enter_tournament("T1", "0", "1")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "99.00"),
        ("gaming:rake of cup", "1.00"),
    ]);
    let _ = rich().when(commands::enter_tournament("T1", "10", "0")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "90.00"),
        ("tournament:pool of cup", "10.00"),
    ]);
    let _ = rich().when(commands::enter_tournament("T1", "100", "0.01")).rejected("insufficient_funds");
    let _ = rich().when(commands::enter_tournament("T1", "-1", "2")).refused("invalid_amount");
    let _ = rich().when(commands::enter_tournament("T1", "1", "-1")).refused("invalid_amount");
    let closed = rich().when(commands::close_player("Z1"));
    let _ = closed.when(commands::enter_tournament("T1", "1", "0")).rejected("player_closed");
}

// Money that plays elsewhere.

fn away() -> Scenario {
    rich().when(commands::roll_out("T1", "40")).applied()
}

const AWAY: &[(&str, &str)] =
    &[HUNDRED, ("player:cash", "60.00"), ("player:held of prov/transfer/T1", "40.00")];

#[test]
fn what_plays_elsewhere_stays_the_players() {
    let away = away().records(&["entry.posted", "transfer.rolled_out"]).held("40.00").accounts(AWAY);
    let of = TransferRef { source: commands::source("prov"), id: commands::txn("T1") };
    let transfer = away.ledger().state().transfer(&of).unwrap();
    assert_eq!((transfer.amount.to_string(), transfer.since), ("40.00".to_owned(), away.ledger().now()));
    assert_eq!(transfer.status, TransferStatus::Out, "one that never comes back is seen");
    let _ = away
        .when(commands::roll_out("T1", "40"))
        .replayed("applied")
        .when(commands::roll_out("T1", "41"))
        .refused("key_reused")
        .when(commands::take_all("T1"))
        .refused("key_reused")
        .accounts(AWAY);
}

#[test]
fn what_comes_back_settles_the_difference() {
    // Less, the same, more, nothing.
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("25", &[HUNDRED, ("player:cash", "85.00"), ("gaming:stakes of game", "15.00")]),
        ("40", UNTOUCHED),
        ("130", &[HUNDRED, ("player:cash", "190.00"), ("gaming:payouts of game", "90.00")]),
        ("0", &[HUNDRED, ("player:cash", "60.00"), ("gaming:stakes of game", "40.00")]),
    ];
    for (amount, accounts) in cases {
        let back = away().when(commands::roll_in("I1", "T1", amount)).applied().accounts(accounts);
        assert_eq!(back.ledger().state().open_transfers(), 0);
        let _ = back
            .records(&["entry.posted", "transfer.rolled_in"])
            .when(commands::roll_in("I1", "T1", amount))
            .replayed("applied")
            .when(commands::roll_in("I2", "T1", amount))
            .rejected("already_settled")
            .rollback("X1", "T1")
            .rejected("already_settled")
            .rollback("X2", "I1")
            .rejected("not_allowed")
            .accounts(accounts);
    }
}

#[test]
fn what_was_staked_and_won_is_booked_as_the_provider_tells() {
    let told = |amount: &str, staked: &str, won: &str| RollIn {
        staked: Some(commands::decimal(staked)),
        won: Some(commands::decimal(won)),
        ..commands::roll_in("I1", "T1", amount)
    };
    let _ = away().when(told("130", "500", "590")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "190.00"),
        ("gaming:stakes of game", "500.00"),
        ("gaming:payouts of game", "590.00"),
    ]);
    let _ = away().when(told("40", "7", "7")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "100.00"),
        ("gaming:stakes of game", "7.00"),
        ("gaming:payouts of game", "7.00"),
    ]);
    let mismatch = Rejection::Mismatch { field: MismatchField::Amount };
    let _ = away().when(told("130", "500", "591")).rejected("mismatch").refused_as(&mismatch).accounts(AWAY);
    let half = RollIn { won: None, ..told("25", "15", "0") };
    let _ = away().when(half).rejected("mismatch").accounts(AWAY);
    let _ = away().when(told("-1", "500", "590")).refused("invalid_amount").accounts(AWAY);
}

#[test]
fn what_comes_back_beyond_what_went_pays_what_is_owed() {
    // 40 is away; 10 are owed.
    let owes = away().when(commands::adjust("A1", Direction::Debit, "70"));
    let owes = owes.available("-10.00");
    // His own does not pay it, as a stake that goes back does not; what was won does.
    let _ = owes.clone().when(commands::roll_in("I1", "T1", "40")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "40.00"),
        ("receivable:player", "10.00"),
        ("adjustments of prov", "-70.00"),
    ]);
    let _ = owes.when(commands::roll_in("I1", "T1", "55")).applied().accounts(&[
        HUNDRED,
        ("player:cash", "45.00"),
        ("gaming:payouts of game", "15.00"),
        ("adjustments of prov", "-70.00"),
    ]);
}

#[test]
fn all_there_is_can_be_taken() {
    let all = rich().when(commands::take_all("T1")).applied().available("0.00").held("100.00");
    let _ = all.when(commands::roll_in("I1", "T1", "100")).applied().accounts(UNTOUCHED);
    // Held stakes stay where they are, and debts are not taken along.
    let _ = rich().bet("B1", "R", "30").when(commands::take_all("T1")).available("0.00").held("100.00");
    let owes = away().when(commands::adjust("A1", Direction::Debit, "70")).when(commands::take_all("T2"));
    let owes = owes.applied().records(&["transfer.rolled_out"]).available("-10.00");
    let _ = owes.when(commands::roll_in("I2", "T2", "5")).applied().available("-5.00");
    let none = given().when(commands::take_all("T1")).applied();
    let _ = none.when(commands::roll_in("I1", "T1", "0")).applied().accounts(&[]);
}

#[test]
fn a_roll_out_needs_cash_and_a_player_who_may_play() {
    let _ =
        rich().when(commands::roll_out("T1", "100.01")).rejected("insufficient_funds").accounts(UNTOUCHED);
    let _ = rich().when(commands::roll_out("T1", "-1")).refused("invalid_amount");
    let _ = rich().when(commands::roll_out("T1", "1.001")).refused("precision");
    let usd = RollOut { currency: commands::currency("USD"), ..commands::roll_out("T1", "1") };
    let _ = rich().when(usd).rejected("currency_mismatch");
    let closed = away().when(commands::close_player("Z1"));
    let _ = closed.clone().when(commands::roll_out("T2", "1")).rejected("player_closed");
    let _ = closed.when(commands::roll_in("I1", "T1", "50")).applied().available("110.00");
}

#[test]
fn a_roll_in_names_a_roll_out() {
    let unknown = Rejection::NotAllowed { reason: NotAllowedReason::TargetUnknown };
    let early = rich().when(commands::roll_in("I1", "T1", "50")).rejected("not_allowed").refused_as(&unknown);
    // It may come again when the roll-out is there.
    let _ = early.when(commands::roll_out("T1", "40")).when(commands::roll_in("I1", "T1", "50")).applied();
    let usd = RollIn { currency: commands::currency("USD"), ..commands::roll_in("I1", "T1", "50") };
    let mismatch = Rejection::Mismatch { field: MismatchField::Currency };
    let _ = away().when(usd).rejected("mismatch").refused_as(&mismatch);
    let other = RollIn { source: commands::source("prov2"), ..commands::roll_in("I1", "T1", "50") };
    let _ = away().when(other).rejected("not_allowed").accounts(AWAY);
}

#[test]
fn a_roll_out_that_never_was_is_undone() {
    let undone = away().rollback("X1", "T1").applied();
    let undone = undone.records(&["entry.posted", "transfer.rolled_back"]).accounts(UNTOUCHED);
    let _ = undone
        .when(commands::roll_in("I1", "T1", "50"))
        .rejected("already_rolled_back")
        .when(of_kind("X2", "T1", RollbackKind::RollOut))
        .rejected("already_rolled_back")
        .accounts(UNTOUCHED);
    let _ = rich()
        .when(of_kind("X1", "T1", RollbackKind::RollOut))
        .tombstoned()
        .when(commands::roll_out("T1", "40"))
        .rejected("txn_cancelled");
}

#[test]
fn a_transfer_and_a_round_of_one_name_do_not_meet() {
    let _ = away().bet("B1", "T1", "10").bet("B2", "transfer/T1", "5").accounts(&[
        HUNDRED,
        ("player:cash", "45.00"),
        ("player:held of prov/transfer/T1", "40.00"),
        ("player:held of prov/T1", "10.00"),
        ("player:held of prov/transfer~1T1", "5.00"),
    ]);
    // An id so long that the account would have no name is no id of a transfer.
    let long = RollOut {
        source: SourceId::new("~".repeat(128)).unwrap(),
        id: TransactionId::new("/".repeat(128)).unwrap(),
        ..commands::roll_out("T1", "1")
    };
    let command = PlayerCommand::from(long);
    let sent = command.sender(&PlayerId::new("p1").unwrap());
    assert!(matches!(sent, Err(IdError::TooLong { .. })), "{sent:?}");
}

#[test]
fn a_player_has_so_many_transfers_away() {
    let full = (0..OPEN_TRANSFERS_MAX)
        .fold(rich(), |s, n| s.when(commands::roll_out(&format!("T{n}"), "0.01")).applied());
    let refusal = Rejection::CapacityExceeded { what: Capacity::OpenTransfers, maximum: 100 };
    let full = full.when(commands::roll_out("TX", "0.01")).refused_as(&refusal);
    let _ = full.when(commands::roll_in("I1", "T0", "0")).when(commands::roll_out("TX", "0.01")).applied();
}

#[test]
fn s84_what_comes_back_pays_for_bets_of_the_same_call_but_what_it_gained_does_not() {
    let call = |bet: &str| {
        commands::batch(vec![
            commands::roll_in("I1", "T1", "90").into(),
            commands::bet("B1", "R", bet).into(),
        ])
    };
    let _ = away().when(call("100")).applied().available("50.00");
    let _ = away().when(call("100.01")).rejected("insufficient_funds").accounts(AWAY);
    let undo =
        commands::batch(vec![commands::rollback("X1", "T1").into(), commands::bet("B1", "R", "100").into()]);
    let _ = away().when(undo).applied().available("0.00");
    // Everything that takes money is covered alike.
    let taking: [PlayerCommand; 3] = [
        commands::tip("T2", "60.01").into(),
        commands::enter_tournament("T2", "60", "0.01").into(),
        commands::roll_out("T2", "60.01").into(),
    ];
    for take in taking {
        let win = commands::credit("K1", ledger_core::stored::CreditKind::Cashback, "50");
        let _ = away()
            .when(commands::batch(vec![win.into(), take]))
            .rejected("insufficient_funds")
            .accounts(AWAY);
    }
}

#[test]
fn a_test_players_tips_and_transfers_are_booked_on_test_accounts() {
    let open = ledger_core::OpenPlayer { kind: ledger_core::AccountKind::Test, ..commands::open(&["EUR"]) };
    let _ = given_nobody()
        .policy(Policy::default())
        .when(open)
        .cash("100")
        .when(commands::tip("T1", "2"))
        .when(commands::roll_out("T2", "40"))
        .when(commands::roll_in("I1", "T2", "39"))
        .accounts(&[
            ("psp:clearing of psp test", "100.00"),
            ("player:cash test", "97.00"),
            ("tips:payable of prov test", "2.00"),
            ("gaming:stakes of game test", "1.00"),
        ]);
}
