//! How rounds end, by the policy of their source and by what a call says: H13, S69, S75 and the flags of calls in
//! docs/scenarios.md.

use ledger_core::stored::RoundStatus;
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    CallFlags, ExpireRound, Finality, NotAllowedReason, PlaceBet, PlayerCommand, Policy, Rejection,
    ReopenRound, Rollback, RoundClosePolicy, RoundTimeOut, Settle, ShortfallPolicy, SourcePolicy,
    TimeOutAction,
};

fn source(tune: impl FnOnce(&mut SourcePolicy)) -> Policy {
    let mut policy = Policy::default();
    tune(&mut policy.default);
    policy
}

fn ends_by(round_close: RoundClosePolicy) -> Policy {
    source(|source| source.round_close = round_close)
}

/// 100.00, and a bet T1 of 10 in R by a source whose rounds end so.
fn placed(round_close: RoundClosePolicy) -> Scenario {
    given().cash("100.00").policy(ends_by(round_close)).bet("T1", "R", "10").applied()
}

/// The accounts after 100.00 was deposited.
fn books<'a>(cash: &'a str, held: &'a str, stakes: &'a str, payouts: &'a str) -> Vec<(&'a str, &'a str)> {
    let all = [
        ("psp:clearing of psp", "100.00"),
        ("player:cash", cash),
        ("player:held of prov/R", held),
        ("gaming:stakes of game", stakes),
        ("gaming:payouts of game", payouts),
    ];
    all.into_iter().filter(|(_, amount)| *amount != "0.00").collect()
}

const NONE: &str = "0.00";

// A win that does not say what it ends.

#[test]
fn s65_by_a_flag_a_win_that_does_not_say_ends_nothing() {
    let open = placed(RoundClosePolicy::Flag).when(commands::result("W1", "R", "5")).applied();
    let open = open.round_is("R", RoundStatus::Open).accounts(&books("95.00", "10.00", NONE, "5.00"));
    let _ = open
        .when(commands::win_close("W2", "R", "0"))
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("95.00", NONE, "10.00", "5.00"))
        .when(commands::result("W3", "R", "1"))
        .rejected("round_closed");
}

#[test]
fn s65_by_a_call_the_round_stays_open_although_its_bets_are_settled() {
    let settled = placed(RoundClosePolicy::EndCall)
        .win_bet("W1", "R", "T1", "25")
        .applied()
        .records(&["entry.posted", "bet.settled"])
        .round_is("R", RoundStatus::Open)
        .accounts(&books("115.00", NONE, "10.00", "25.00"));
    // A second bet of the round may come, and more wins.
    let more = settled.bet("T2", "R", "10").applied().when(commands::result("W2", "R", "5")).applied();
    let _ = more
        .rollback("X1", "T2")
        .rejected("already_settled")
        .close("C1", "R")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("110.00", NONE, "20.00", "30.00"))
        .bet("T3", "R", "1")
        .rejected("round_closed");
    // Undoing its last open bet, or cashing it out, does not end it either.
    let two = placed(RoundClosePolicy::EndCall).bet("T2", "R", "5").win_bet("W1", "R", "T1", "0");
    let _ = two.clone().rollback("X1", "T2").applied().round_is("R", RoundStatus::Open);
    let _ = two.when(commands::cash_out("O1", "R", "T2", "3")).applied().round_is("R", RoundStatus::Open);
}

#[test]
fn s72_by_a_win_of_zero_the_round_is_lost() {
    let _ = placed(RoundClosePolicy::ZeroWin)
        .when(commands::result("W1", "R", "0"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("90.00", NONE, "10.00", NONE));
    // One above zero ends nothing; the zero that follows does.
    let _ = placed(RoundClosePolicy::ZeroWin)
        .when(commands::result("W1", "R", "25"))
        .applied()
        .round_is("R", RoundStatus::Open)
        .when(commands::result("W2", "R", "0"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("115.00", NONE, "10.00", "25.00"));
    // One that names its bet ends that bet.
    let _ = placed(RoundClosePolicy::ZeroWin)
        .bet("T2", "R", "5")
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::result("W1", "R", "0") })
        .applied()
        .held("5.00")
        .round_is("R", RoundStatus::Open);
    // What a win says goes before the policy.
    let _ = placed(RoundClosePolicy::ZeroWin).win("W1", "R", "0").noop().held("10.00");
}

#[test]
fn s03_by_every_win_each_is_the_result_of_its_bets() {
    for amount in ["0", "25"] {
        let won = if amount == "0" { NONE } else { "25.00" };
        let cash = if amount == "0" { "90.00" } else { "115.00" };
        let _ = placed(RoundClosePolicy::EveryWin)
            .when(commands::result("W1", "R", amount))
            .applied()
            .round_is("R", RoundStatus::Closed)
            .accounts(&books(cash, NONE, "10.00", won));
    }
    let _ = placed(RoundClosePolicy::EveryWin)
        .bet("T2", "R", "5")
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::result("W1", "R", "0") })
        .held("5.00")
        .when(Settle { bet: Some(commands::txn("T2")), ..commands::result("W2", "R", "9") })
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("94.00", NONE, "15.00", "9.00"));
}

#[test]
fn what_a_win_left_open_is_a_part_of_its_payload() {
    let won = placed(RoundClosePolicy::Flag).when(commands::result("W1", "R", "5"));
    // The policy may change: the same message is the same message.
    let _ = won
        .clone()
        .policy(ends_by(RoundClosePolicy::EveryWin))
        .when(commands::result("W1", "R", "5"))
        .replayed("applied");
    let _ = won.win("W1", "R", "5").refused("key_reused");
}

// Immediate loss.

#[test]
fn s67_by_immediate_loss_the_stake_is_taken_at_once_and_wins_are_paid_later() {
    let lost = placed(RoundClosePolicy::ImmediateLoss)
        .records(&["entry.posted", "bet.placed", "bet.settled", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("90.00", NONE, "10.00", NONE));
    assert_eq!(lost.ledger().state().open_rounds(), 0, "nothing waits");
    let _ = lost
        .when(commands::result("W1", "R", "25"))
        .applied()
        .records(&["entry.posted", "win.credited"])
        .round_is("R", RoundStatus::Closed)
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::result("W2", "R", "5") })
        .applied()
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::result("W3", "R", "1") })
        .applied()
        .when(commands::result("W1", "R", "25"))
        .replayed("applied")
        .close("C1", "R")
        .noop()
        .accounts(&books("121.00", NONE, "10.00", "31.00"));
}

#[test]
fn s31_by_immediate_loss_a_bet_is_undone_exactly() {
    let undone: [(PlayerCommand, &[&str]); 3] = [
        (commands::rollback("X1", "T1").into(), &["entry.posted", "round.reopened", "bet.rolled_back"]),
        (commands::void_bet("V1", "R", "T1").into(), &["entry.posted", "round.reopened", "bet.voided"]),
        (commands::void_round("V1", "R").into(), &["entry.posted", "round.reopened", "round.voided"]),
    ];
    for (undo, events) in undone {
        let mut events = events.to_vec();
        let back = placed(RoundClosePolicy::ImmediateLoss).when(undo.clone()).applied();
        // The entry stands where it is posted.
        let recorded: Vec<_> = back
            .ledger()
            .commits()
            .last()
            .unwrap()
            .events
            .iter()
            .map(|record| record.event.type_name())
            .collect();
        events.sort_unstable();
        let mut sorted = recorded.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, events, "{undo:?}");
        let back = back.accounts(&books("100.00", NONE, NONE, NONE));
        assert_eq!(back.ledger().state().open_rounds(), 0);
        let _ = back
            .when(commands::result("W1", "R", "25"))
            .rejected("txn_cancelled")
            .when(commands::rollback("X2", "T1"))
            .rejected("already_rolled_back")
            .accounts(&books("100.00", NONE, NONE, NONE));
    }
    // In parts, and the rest: all of it.
    let part =
        placed(RoundClosePolicy::ImmediateLoss).when(commands::rollback_part("X1", "T1", "4")).applied();
    let part = part.round_is("R", RoundStatus::Closed).accounts(&books("94.00", NONE, "6.00", NONE));
    let _ = part
        .clone()
        .when(commands::rollback_part("X2", "T1", "6.01"))
        .rejected("mismatch")
        .when(commands::rollback_part("X3", "T1", "6"))
        .applied()
        .round_is("R", RoundStatus::Void)
        .accounts(&books("100.00", NONE, NONE, NONE));
    let _ = part.rollback("X4", "T1").applied().accounts(&books("100.00", NONE, NONE, NONE));
}

#[test]
fn s40_what_a_rule_took_is_lost_once_its_source_ends_the_round() {
    // A last win ends the round by its source's word; then it is taken back, and the round is closed by a call.
    let ended = placed(RoundClosePolicy::ImmediateLoss)
        .when(commands::win_close("W1", "R", "5"))
        .applied()
        .records(&["round.reopened", "entry.posted", "bet.settled", "round.closed"])
        .rollback("X1", "W1")
        .applied()
        .round_is("R", RoundStatus::Open)
        .close("C1", "R")
        .applied()
        .round_is("R", RoundStatus::Closed);
    let _ = ended
        .clone()
        .when(commands::rollback("X2", "T1"))
        .rejected("already_settled")
        .when(commands::void_round("V1", "R"))
        .rejected("already_settled")
        .when(commands::result("W2", "R", "5"))
        .rejected("round_closed")
        .accounts(&books("90.00", NONE, "10.00", NONE));
    // Nor is it undone when the round is open again.
    let reopened = ended.when(ReopenRound {
        flags: CallFlags { reopen: Some(true), ..CallFlags::default() },
        ..commands::reopen_round("O1", "R")
    });
    let _ = reopened
        .applied()
        .when(commands::rollback("X3", "T1"))
        .rejected("already_settled")
        .accounts(&books("90.00", NONE, "10.00", NONE));
}

#[test]
fn s60_by_immediate_loss_a_round_that_was_open_again_is_closed_by_the_rule() {
    let two = placed(RoundClosePolicy::ImmediateLoss).bet("T2", "R", "5").applied();
    let one = two.when(commands::unsettle("U1", "R", "T1")).applied().round_is("R", RoundStatus::Open);
    let one = one.accounts(&books("85.00", "10.00", "5.00", NONE)).when(commands::rollback("X1", "T1"));
    let one = one.applied().round_is("R", RoundStatus::Closed).accounts(&books("95.00", NONE, "5.00", NONE));
    // Its source has not said that it is over: the other bet can win, and be undone.
    let _ = one
        .clone()
        .when(commands::result("W1", "R", "7"))
        .applied()
        .accounts(&books("102.00", NONE, "5.00", "7.00"));
    let _ = one.when(commands::rollback("X2", "T2")).applied().accounts(&books("100.00", NONE, NONE, NONE));
}

#[test]
fn s40_by_immediate_loss_a_bet_with_a_win_is_settled() {
    let won = placed(RoundClosePolicy::ImmediateLoss).when(commands::result("W1", "R", "25"));
    for undo in [
        PlayerCommand::from(commands::rollback("X1", "T1")),
        commands::void_bet("V1", "R", "T1").into(),
        commands::void_round("V2", "R").into(),
    ] {
        let _ = won.clone().when(undo).rejected("already_settled");
    }
    // The win comes back first; then the bet does.
    let _ = won
        .rollback_win("X1", "W1")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("90.00", NONE, "10.00", NONE))
        .rollback("X2", "T1")
        .applied()
        .accounts(&books("100.00", NONE, NONE, NONE));
}

#[test]
fn s60_by_immediate_loss_a_round_takes_more_bets() {
    let two = placed(RoundClosePolicy::ImmediateLoss).bet("T2", "R", "5").applied();
    let two = two.round_is("R", RoundStatus::Closed).accounts(&books("85.00", NONE, "15.00", NONE));
    // One of them is undone, the other stands and can still win.
    let _ = two
        .clone()
        .rollback("X1", "T1")
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("95.00", NONE, "5.00", NONE))
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::result("W1", "R", "1") })
        .rejected("txn_cancelled")
        .when(commands::result("W2", "R", "30"))
        .applied()
        .accounts(&books("125.00", NONE, "5.00", "30.00"));
    // The source says that it is over: then it is.
    let _ = two
        .win_close("W1", "R", "7")
        .applied()
        .records(&["round.reopened", "entry.posted", "bet.settled", "round.closed"])
        .accounts(&books("92.00", NONE, "15.00", "7.00"))
        .when(commands::result("W2", "R", "1"))
        .rejected("round_closed")
        .bet("T3", "R", "1")
        .rejected("round_closed");
}

#[test]
fn s123_by_immediate_loss_a_bet_can_run_again() {
    let _ = placed(RoundClosePolicy::ImmediateLoss)
        .when(commands::unsettle("U1", "R", "T1"))
        .applied()
        .round_is("R", RoundStatus::Open)
        .accounts(&books("90.00", "10.00", NONE, NONE))
        .when(commands::result("W1", "R", "25"))
        .applied()
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("115.00", NONE, "10.00", "25.00"))
        .rollback("X1", "T1")
        .rejected("already_settled");
}

#[test]
fn s126_what_was_called_off_after_a_rule_took_it_wins_nothing() {
    let voided = placed(RoundClosePolicy::ImmediateLoss).when(commands::void_settled_bet("V1", "R", "T1"));
    let _ = voided
        .applied()
        .accounts(&books("100.00", NONE, NONE, NONE))
        .when(commands::result("W1", "R", "25"))
        .rejected("txn_cancelled")
        .accounts(&books("100.00", NONE, NONE, NONE));
}

// Time-outs.

fn times_out(then: TimeOutAction) -> Policy {
    source(|source| source.round_time_out = Some(RoundTimeOut { after_secs: 86_400, then }))
}

/// A bet of 10 in R, and a day in which nothing happens.
fn forgotten(then: TimeOutAction) -> Scenario {
    given().cash("100.00").policy(times_out(then)).bet("T1", "R", "10").after_secs(86_400)
}

#[test]
fn s69_a_round_that_takes_too_long_is_seen() {
    let waits = given().cash("100.00").policy(times_out(TimeOutAction::Lose)).bet("T1", "R", "10");
    let due = |scenario: &Scenario| {
        let ledger = scenario.ledger();
        let late = ledger.state().timed_out_rounds(ledger.policy(), ledger.now());
        late.map(|round| round.id.to_string()).collect::<Vec<_>>()
    };
    let waits = waits.after_secs(86_399);
    assert_eq!(due(&waits), Vec::<String>::new());
    let waits = waits.after_secs(1);
    assert_eq!(due(&waits), ["R"]);
    // Whatever happens in it counts: a promotion, a win, a bet.
    let waits = waits.when(commands::win("W1", "R", "1")).applied();
    assert_eq!(due(&waits), Vec::<String>::new());
    let round = waits.ledger().round_of("prov", "R").unwrap();
    assert!(round.opened_at < round.last_at);
}

#[test]
fn s69_a_round_is_not_ended_before_its_time() {
    let not_yet = Rejection::NotAllowed { reason: NotAllowedReason::RoundNotTimedOut };
    let waits = given().cash("100.00").policy(times_out(TimeOutAction::Lose)).bet("T1", "R", "10");
    let waits = waits.after_secs(86_399).when(commands::expire_round("E1", "R")).rejected("not_allowed");
    let waits = waits.refused_as(&not_yet).accounts(&books("90.00", "10.00", NONE, NONE));
    // The same message comes again, a second later.
    let _ = waits.after_secs(1).when(commands::expire_round("E1", "R")).applied();
    // Without a time-out no round is too old.
    let _ = given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .after_secs(4_000_000_000)
        .when(commands::expire_round("E1", "R"))
        .rejected("not_allowed")
        .refused_as(&not_yet);
}

#[test]
fn s69_by_time_out_open_bets_are_lost() {
    let lost = forgotten(TimeOutAction::Lose)
        .when(commands::expire_round("E1", "R"))
        .applied()
        .records(&["entry.posted", "bet.settled", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("90.00", NONE, "10.00", NONE));
    let _ = lost
        .clone()
        .when(commands::expire_round("E1", "R"))
        .replayed("applied")
        .when(commands::expire_round("E2", "R"))
        .noop();
    // S77: the source may still say that it was won, whenever, or that it was no bet.
    let _ = lost
        .clone()
        .after_secs(30 * 86_400)
        .when(commands::win_close("W1", "R", "25"))
        .applied()
        .accounts(&books("115.00", NONE, "10.00", "25.00"));
    let _ = lost.rollback("X1", "T1").applied().accounts(&books("100.00", NONE, NONE, NONE));
}

#[test]
fn s69_by_time_out_open_bets_are_called_off() {
    let void = forgotten(TimeOutAction::Void)
        .when(commands::expire_round("E1", "R"))
        .applied()
        .records(&["entry.posted", "round.voided"])
        .round_is("R", RoundStatus::Cancelled)
        .accounts(&books("100.00", NONE, NONE, NONE));
    let _ = void
        .win_close("W1", "R", "25")
        .rejected("txn_cancelled")
        .bet("T2", "R", "1")
        .rejected("txn_cancelled");
}

#[test]
fn s69_a_bet_with_a_result_is_not_called_off() {
    // T1 has a win, T2 has lost, T3 and T4 have nothing.
    let mixed = given()
        .cash("100.00")
        .policy(times_out(TimeOutAction::Void))
        .bet("T1", "R", "10")
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::win("W1", "R", "5") })
        .bet("T2", "R", "20")
        .win_bet("W2", "R", "T2", "0")
        .bet("T3", "R", "3")
        .bet("T4", "R", "0")
        .after_secs(86_400)
        .when(commands::expire_round("E1", "R"))
        .applied()
        .records(&["entry.posted", "bet.settled", "bet.voided", "bet.voided", "round.closed"])
        .round_is("R", RoundStatus::Closed)
        .accounts(&books("75.00", NONE, "30.00", "5.00"));
    let _ = mixed
        .when(Settle { bet: Some(commands::txn("T3")), ..commands::win("W3", "R", "9") })
        .rejected("txn_cancelled")
        .when(Settle { bet: Some(commands::txn("T1")), ..commands::win("W4", "R", "9") })
        .applied()
        .accounts(&books("84.00", NONE, "30.00", "14.00"));
}

#[test]
fn s69_what_is_not_open_does_not_expire() {
    for then in [TimeOutAction::Void, TimeOutAction::Lose] {
        let over = given().cash("100.00").policy(times_out(then)).bet("T1", "R", "10");
        let over = over.win_close("W1", "R", "0").after_secs(90_000);
        let _ = over
            .when(commands::expire_round("E1", "R"))
            .noop()
            .when(commands::expire_round("E2", "Q"))
            .noop()
            .accounts(&books("90.00", NONE, "10.00", NONE));
    }
    // The time-out is that of the round's source, whoever sends the command.
    let mut policy = Policy::default();
    let limit = RoundTimeOut { after_secs: 0, then: TimeOutAction::Lose };
    policy.sources.insert(
        commands::source("timers"),
        SourcePolicy { round_time_out: Some(limit), ..SourcePolicy::default() },
    );
    let _ = given()
        .cash("1")
        .policy(policy)
        .bet("T1", "R", "1")
        .when(ExpireRound { ..commands::expire_round("E1", "R") })
        .rejected("not_allowed");
}

#[test]
fn s69_a_round_that_waits_for_a_corrected_win_expires_too() {
    for then in [TimeOutAction::Void, TimeOutAction::Lose] {
        let _ = given()
            .cash("100.00")
            .policy(times_out(then))
            .bet("T1", "R", "10")
            .win_close("W1", "R", "25")
            .rollback_win("X1", "W1")
            .after_secs(86_400)
            .when(commands::expire_round("E1", "R"))
            .applied()
            .records(&["round.closed"])
            .round_is("R", RoundStatus::Closed)
            .accounts(&books("90.00", NONE, "10.00", NONE));
    }
}

// Reopening, and what comes after the end.

fn flags(set: impl FnOnce(&mut CallFlags)) -> CallFlags {
    let mut flags = CallFlags::default();
    set(&mut flags);
    flags
}

#[test]
fn s75_a_round_is_reopened_only_where_its_source_may() {
    let over = || given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "25");
    let closed = books("115.00", NONE, "10.00", "25.00");
    let _ = over().when(commands::reopen_round("O1", "R")).rejected("round_closed").accounts(&closed);
    let flagged = || ledger_core::ReopenRound {
        flags: flags(|flags| flags.reopen = Some(true)),
        ..commands::reopen_round("O1", "R")
    };
    let _ = over().when(flagged()).applied().records(&["round.reopened"]).accounts(&closed);
    let may = || over().policy(source(|source| source.reopen_rounds = true));
    let no = flags(|flags| flags.reopen = Some(false));
    let not_this = ledger_core::ReopenRound { flags: no, ..commands::reopen_round("O1", "R") };
    let _ = may().when(not_this).rejected("round_closed");
    let open = may().when(commands::reopen_round("O1", "R")).applied();
    let open = open.round_is("R", RoundStatus::Open).accounts(&closed);
    let _ = open
        .clone()
        .when(flagged())
        .replayed("applied")
        .when(commands::reopen_round("O2", "R"))
        .noop()
        .bet("T2", "R", "5")
        .applied()
        .win_close("W2", "R", "7")
        .applied()
        .accounts(&books("117.00", NONE, "15.00", "32.00"));
    // What is settled stays so.
    let _ = open.rollback("X1", "T1").rejected("already_settled");
}

#[test]
fn s75_what_never_was_or_was_called_off_is_not_reopened() {
    let may = || given().cash("100.00").policy(source(|source| source.reopen_rounds = true));
    let _ = may().when(commands::reopen_round("O1", "R")).rejected("bet_not_found");
    let _ = may()
        .bet("T1", "R", "10")
        .void_round("V1", "R")
        .when(commands::reopen_round("O1", "R"))
        .rejected("txn_cancelled");
    // One whose every bet went back takes a new bet anyway.
    let _ = may().bet("T1", "R", "10").rollback("X1", "T1").when(commands::reopen_round("O1", "R")).noop();
    // But not where they were called off after they were settled.
    let _ = may()
        .bet("T1", "R", "10")
        .win_close("W1", "R", "0")
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .when(commands::reopen_round("O1", "R"))
        .rejected("txn_cancelled");
}

#[test]
fn s64_a_bet_after_the_end_opens_the_round_where_its_source_may() {
    let over = given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "0");
    let late = |id: &str| PlaceBet {
        flags: flags(|flags| flags.after_end = Some(true)),
        ..commands::bet(id, "R", "5")
    };
    let _ = over
        .clone()
        .when(late("T2"))
        .applied()
        .records(&["round.reopened", "entry.posted", "bet.placed"])
        .round_is("R", RoundStatus::Open)
        .accounts(&books("85.00", "5.00", "10.00", NONE))
        .win_close("W2", "R", "8")
        .accounts(&books("93.00", NONE, "15.00", "8.00"));
    let may = over.clone().policy(source(|source| source.wagers_after_end = true));
    let no =
        PlaceBet { flags: flags(|flags| flags.after_end = Some(false)), ..commands::bet("T2", "R", "5") };
    let _ = may.clone().bet("T3", "R", "5").applied();
    let _ = may.when(no).rejected("round_closed");
    // Never in a round that was called off.
    let _ = over.when(commands::void_settled_round("V1", "R")).when(late("T2")).rejected("txn_cancelled");
}

#[test]
fn s62_a_win_after_the_end_is_paid_where_its_source_may_and_the_round_is_over_again() {
    let over = given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "25");
    let late = |win: Settle| Settle { flags: flags(|flags| flags.after_end = Some(true)), ..win };
    let named = Settle { bet: Some(commands::txn("T1")), ..commands::result("W2", "R", "5") };
    for win in [commands::result("W2", "R", "5"), commands::win("W2", "R", "5"), named] {
        let _ = over
            .clone()
            .when(late(win))
            .applied()
            .records(&["round.reopened", "entry.posted", "bet.settled", "round.closed"])
            .round_is("R", RoundStatus::Closed)
            .accounts(&books("120.00", NONE, "10.00", "30.00"));
    }
    let unknown = Settle { bet: Some(commands::txn("T9")), ..commands::result("W2", "R", "5") };
    let _ = over.clone().when(late(unknown)).rejected("bet_not_found");
    let _ = over
        .when(commands::void_settled_round("V1", "R"))
        .when(late(commands::result("W2", "R", "5")))
        .rejected("txn_cancelled");
}

// Flags of calls.

#[test]
fn h6_a_rollback_of_what_is_settled_is_a_cancellation_where_the_call_says_so() {
    let won = given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "25");
    let cancel = |may: bool| Rollback {
        flags: flags(|flags| flags.cancel_settled = Some(may)),
        ..commands::rollback("X1", "T1")
    };
    let _ = won.clone().when(cancel(true)).applied().accounts(&books("100.00", NONE, NONE, NONE));
    let _ = won
        .clone()
        .policy(source(|source| source.cancel_settled = true))
        .when(cancel(false))
        .rejected("already_settled");
    // The flag is not what the rollback is: without it the same message is a copy.
    let _ = won.when(cancel(true)).when(commands::rollback("X1", "T1")).replayed("applied");
}

#[test]
fn h8_a_win_without_a_bet_is_refused_unless_its_source_may_credit_alone() {
    let win = || Settle { game: Some(commands::game("game")), ..commands::result("W1", "R", "25") };
    let alone = |win: Settle, may: bool| Settle {
        flags: flags(|flags| flags.credit_without_debit = Some(may)),
        ..win
    };
    let may = || given().cash("100.00").policy(source(|source| source.credit_without_debit = true));
    let _ = given().when(win()).rejected("bet_not_found").accounts(&[]);
    let _ = may().when(alone(win(), false)).rejected("bet_not_found");
    // Without a game there is no account that pays.
    let _ = may().when(commands::result("W1", "R", "25")).rejected("bet_not_found");
    for paid in [given().cash("100.00").when(alone(win(), true)), may().when(win())] {
        let paid = paid
            .applied()
            .records(&["bet.placed", "entry.posted", "win.credited"])
            .round_is("R", RoundStatus::Open)
            .accounts(&books("125.00", NONE, NONE, "25.00"));
        // It is a round like any other: more wins, an end, a rollback of the win.
        let _ = paid.clone().when(win()).replayed("applied").close("C1", "R").applied();
        let _ = paid.rollback_win("X1", "W1").applied().accounts(&books("100.00", NONE, NONE, NONE));
    }
    // The bet that was made up is nobody's: one of the same id may come, and can be undone.
    let _ = may()
        .when(win())
        .bet("W1", "R", "10")
        .applied()
        .accounts(&books("115.00", "10.00", NONE, "25.00"))
        .when(commands::rollback_bet("X1", "W1"))
        .applied()
        .when(commands::void_settled_bet("V1", "R", "W1"))
        .rejected("already_rolled_back")
        .accounts(&books("125.00", NONE, NONE, "25.00"));
}

/// Found by random histories of the views: the rollback took the win from the game of a bet that had come since.
#[test]
fn a_win_that_came_before_its_bet_goes_back_to_the_game_that_paid_it() {
    let win = Settle {
        game: Some(commands::game("other")),
        bet: Some(commands::txn("T1")),
        ..commands::result("W1", "R", "25")
    };
    let may = given().cash("100.00").policy(source(|source| source.credit_without_debit = true));
    let both = may.when(win).applied().bet("T1", "R", "10").applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "115.00"),
        ("player:held of prov/R", "10.00"),
        ("gaming:payouts of other", "25.00"),
    ]);
    let _ = both
        .clone()
        .close("C1", "R")
        .applied()
        .when(commands::resettle_bet("Q1", "R", "T1", "20"))
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "110.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of other", "20.00"),
        ]);
    let _ = both.rollback_win("X1", "W1").applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "90.00"),
        ("player:held of prov/R", "10.00"),
    ]);
}

#[test]
fn h8_a_win_alone_that_says_so_ends_its_round() {
    let may = given().cash("100.00").policy(source(|source| {
        source.credit_without_debit = true;
        source.round_close = RoundClosePolicy::ImmediateLoss;
    }));
    let game = Some(commands::game("game"));
    let _ = may
        .clone()
        .when(Settle { game: game.clone(), finality: Finality::Round, ..commands::win("W1", "R", "5") })
        .applied()
        .round_is("R", RoundStatus::Closed)
        .when(commands::result("W2", "R", "5"))
        .rejected("round_closed");
    // A source without losses: nobody would end it.
    let _ = may
        .when(Settle { game, ..commands::result("W1", "R", "5") })
        .round_is("R", RoundStatus::Closed)
        .when(commands::result("W2", "R", "5"))
        .applied()
        .accounts(&books("110.00", NONE, NONE, "10.00"));
}

#[test]
fn s70_a_win_alone_of_a_bet_that_was_cancelled_before_it_came_is_refused() {
    let may = given().cash("100.00").policy(source(|source| source.credit_without_debit = true));
    let win = Settle {
        bet: Some(commands::txn("T9")),
        game: Some(commands::game("game")),
        ..commands::result("W1", "R", "25")
    };
    let _ = may
        .clone()
        .rollback("X1", "T9")
        .tombstoned()
        .when(win.clone())
        .rejected("txn_cancelled")
        .accounts(&books("100.00", NONE, NONE, NONE));
    // In a round with other bets too.
    let _ = may.clone().bet("T1", "R", "10").rollback("X1", "T9").when(win.clone()).rejected("txn_cancelled");
    // A bet that no one has seen may have a win there.
    let _ = may.bet("T1", "R", "10").when(win).applied().accounts(&books("115.00", "10.00", NONE, "25.00"));
}

#[test]
fn a_stake_may_be_more_than_there_is_where_its_source_may() {
    let debit = |may: bool, amount: &str| PlaceBet {
        flags: flags(|flags| flags.negative_debit = Some(may)),
        ..commands::bet("T1", "R", amount)
    };
    let ten = || given().cash("10.00");
    let deposited = ("psp:clearing of psp", "10.00");
    let _ = ten().when(debit(false, "15")).rejected("insufficient_funds");
    let may = ten().policy(source(|source| source.negative_debit = true));
    let _ = may.clone().when(debit(false, "15")).rejected("insufficient_funds");
    let _ = may.bet("T1", "R", "10").applied().available("0.00");
    let owes = ten()
        .when(debit(true, "15"))
        .applied()
        .records(&["entry.posted", "negative_balance.raised", "bet.placed"])
        .available("-5.00")
        .accounts(&[deposited, ("receivable:player", "5.00"), ("player:held of prov/R", "15.00")]);
    // Undone before the debt was paid, and after.
    let _ = owes.clone().rollback("X1", "T1").applied().accounts(&[deposited, ("player:cash", "10.00")]);
    let _ = owes
        .clone()
        .when(commands::deposit("D2", "8"))
        .accounts(&[
            ("psp:clearing of psp", "18.00"),
            ("player:cash", "3.00"),
            ("player:held of prov/R", "15.00"),
        ])
        .rollback("X1", "T1")
        .accounts(&[("psp:clearing of psp", "18.00"), ("player:cash", "18.00")]);
    // In parts: what is owed goes back first.
    let _ = owes
        .clone()
        .when(commands::rollback_part("X1", "T1", "7"))
        .applied()
        .accounts(&[deposited, ("player:cash", "2.00"), ("player:held of prov/R", "8.00")])
        .void_bet("V1", "R", "T1")
        .accounts(&[deposited, ("player:cash", "10.00")]);
    let _ = owes.clone().void_round("V1", "R").accounts(&[deposited, ("player:cash", "10.00")]);
    // Lost, and called off after it: the debt is gone with the stake.
    let lost = owes.clone().close("C1", "R").accounts(&[
        deposited,
        ("receivable:player", "5.00"),
        ("gaming:stakes of game", "15.00"),
    ]);
    let _ = lost
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .accounts(&[deposited, ("player:cash", "10.00")]);
    // Won: the win pays the debt first.
    let _ = owes.win_close("W1", "R", "20").accounts(&[
        deposited,
        ("player:cash", "15.00"),
        ("gaming:stakes of game", "15.00"),
        ("gaming:payouts of game", "20.00"),
    ]);
}

#[test]
fn a_stake_that_is_owed_is_undone_at_the_side_of_another_debt() {
    // 20 are owed for a win that was taken back, 5 for the bet.
    let debit = PlaceBet {
        flags: flags(|flags| flags.negative_debit = Some(true)),
        ..commands::bet("T1", "R", "15")
    };
    let owes = given()
        .cash("10.00")
        .on_shortfall(ShortfallPolicy::AllowNegative)
        .when(debit)
        .when(commands::adjust("A1", ledger_core::stored::Direction::Debit, "20"))
        .available("-25.00");
    let _ = owes.rollback("X1", "T1").applied().available("-10.00").accounts(&[
        ("psp:clearing of psp", "10.00"),
        ("player:cash", "10.00"),
        ("receivable:player", "20.00"),
        ("adjustments of prov", "-20.00"),
    ]);
}

#[test]
fn by_immediate_loss_a_stake_that_is_owed_is_taken_and_comes_back() {
    let may = given().cash("10.00").policy(source(|source| {
        source.negative_debit = true;
        source.round_close = RoundClosePolicy::ImmediateLoss;
    }));
    let deposited = ("psp:clearing of psp", "10.00");
    let taken = may.bet("T1", "R", "15").applied().accounts(&[
        deposited,
        ("receivable:player", "5.00"),
        ("gaming:stakes of game", "15.00"),
    ]);
    let _ = taken
        .when(commands::rollback_part("X1", "T1", "3"))
        .accounts(&[deposited, ("receivable:player", "2.00"), ("gaming:stakes of game", "12.00")])
        .rollback("X2", "T1")
        .accounts(&[deposited, ("player:cash", "10.00")]);
}

/// A stake that was owed goes back with the win it brought: the debt is paid by the stake and not by the win, whatever
/// becomes of shortfalls. He never owes more than before.
#[test]
fn a_stake_that_was_owed_is_called_off_with_its_win() {
    for policy in [ShortfallPolicy::AllowNegative, ShortfallPolicy::Reject, ShortfallPolicy::Retain] {
        let owing = given().policy(source(|source| {
            source.negative_debit = true;
            source.on_shortfall = policy;
        }));
        let owing = owing.bet("T1", "R", "25").applied().bet("T2", "R2", "10").applied();
        let won = owing.win_bet("W1", "R", "T1", "10").applied().accounts(&[
            ("receivable:player", "25.00"),
            ("player:held of prov/R2", "10.00"),
            ("gaming:stakes of game", "25.00"),
            ("gaming:payouts of game", "10.00"),
        ]);
        let _ = won
            .when(commands::void_settled_bet("V1", "R", "T1"))
            .applied()
            .accounts(&[("receivable:player", "10.00"), ("player:held of prov/R2", "10.00")]);
    }
}

#[test]
fn a_new_round_is_refused_while_another_of_its_game_is_open() {
    let one = || given().cash("100.00").policy(source(|source| source.one_open_round = true));
    let refusal = Rejection::NotAllowed { reason: NotAllowedReason::AnotherRoundOpen };
    let first = one().bet("T1", "R", "10").applied();
    let _ = first.clone().bet("T2", "R", "1").applied().bet("T3", "Q", "1").rejected("not_allowed");
    let second = first.clone().bet("T2", "Q", "1").rejected("not_allowed").refused_as(&refusal);
    let _ = second.win_close("W1", "R", "0").bet("T3", "Q", "1").applied();
    // Another game, or another source, is not the same.
    let other = PlaceBet { game: commands::game("other"), ..commands::bet("T2", "Q", "1") };
    let _ = first.clone().when(other).applied();
    let prov2 = PlaceBet { source: commands::source("prov2"), ..commands::bet("T2", "Q", "1") };
    let _ = first.clone().when(prov2).applied();
    // What the call says goes before it, either way.
    let said = |many: bool| PlaceBet {
        flags: flags(|flags| flags.open_rounds = Some(many)),
        ..commands::bet("T2", "Q", "1")
    };
    let _ = first.when(said(true)).applied();
    let _ = given().cash("9").bet("T1", "R", "1").when(said(false)).rejected("not_allowed");
}

#[test]
fn flags_that_do_not_concern_a_command_have_no_effect() {
    let all = |may| CallFlags {
        negative_debit: Some(may),
        credit_without_debit: Some(may),
        cancel_settled: Some(may),
        after_end: Some(may),
        reopen: Some(may),
        validate_session: None,
        open_rounds: Some(true),
    };
    for may in [false, true] {
        let _ = given()
            .cash("100.00")
            .when(PlaceBet { flags: all(may), ..commands::bet("T1", "R", "10") })
            .applied()
            .when(Settle { flags: all(may), ..commands::win_close("W1", "R", "25") })
            .applied()
            .when(Rollback { flags: all(may), ..commands::rollback_win("X1", "W1") })
            .applied()
            .accounts(&books("90.00", NONE, "10.00", NONE));
    }
}
