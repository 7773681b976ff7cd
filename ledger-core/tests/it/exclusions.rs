//! Exclusions, time-outs, blocks, reality checks: R17 to R20, R24, S107, S108, D07, D12 and D13 in docs/scenarios.md.

use ledger_core::stored::ExclusionKind::{SelfExclusion, TimeOut};
use ledger_core::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, SuspenseReason};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    Block, ControlPolicy, DepositPolicy, ExcludePlayer, FailureRule, InitiateDeposit, JurisdictionProfile,
    MethodId, PlaceBet, PlayerCommand, Policy, Rejection, Timestamp,
};

const HOUR: u32 = 3_600;
const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");

/// Clocks of tests begin at midnight of 1 January 2026.
#[expect(clippy::unnecessary_wraps, reason = "ends may be missing")]
fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn for_a_day(id: &str) -> ExcludePlayer {
    commands::exclude(id, TimeOut, at("2026-01-02T00:00:00Z"))
}

fn for_six_months(id: &str) -> ExcludePlayer {
    commands::exclude(id, SelfExclusion, at("2026-07-01T00:00:00Z"))
}

fn excluded(kind: ExclusionKind, until: Option<Timestamp>) -> Rejection {
    Rejection::PlayerExcluded { kind, until, register: None }
}

fn profile(controls: ControlPolicy) -> Policy {
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

/// Everything new that an exclusion bars.
fn barred() -> [PlayerCommand; 6] {
    [
        commands::bet("N1", "N", "1").into(),
        commands::tip("N1", "1").into(),
        commands::enter_tournament("N1", "1", "0").into(),
        commands::roll_out("N1", "1").into(),
        commands::start_session("N1").into(),
        commands::initiate("N1", "1").into(),
    ]
}

#[test]
fn r17_a_round_of_an_excluded_player_takes_its_course() {
    let out = given().cash("10.00").bet("T1", "R", "4").when(for_six_months("E1")).applied();
    let out = out.records(&["exclusion.started"]);
    for command in barred() {
        let until = at("2026-07-01T00:00:00Z");
        let _ =
            out.clone().when(command).rejected("player_excluded").refused_as(&excluded(SelfExclusion, until));
    }
    // Another bet in the open round is a new bet.
    let out = out.bet("T2", "R", "1").rejected("player_excluded");
    let won = out.clone().win_close("W1", "R", "9").applied();
    let _ = won.rollback_win("X1", "W1").applied();
    let _ = out.clone().rollback("X1", "T1").applied().accounts(&[TEN, ("player:cash", "10.00")]);
    let _ = out.win_close("W1", "R", "9").applied().accounts(&[
        TEN,
        ("player:cash", "15.00"),
        ("gaming:stakes of game", "4.00"),
        ("gaming:payouts of game", "9.00"),
    ]);
}

#[test]
fn r18_a_self_exclusion_never_ends_early_and_not_by_itself() {
    let back = |id: &str| commands::come_back(id);
    let days_to_july = 181 * 24 * HOUR;
    let out = given().cash("10.00").when(for_six_months("E1")).applied();
    let out = out.when(back("B1")).rejected("not_allowed").after_secs(days_to_july - 1);
    let out = out.when(back("B2")).rejected("not_allowed").after_secs(1);
    // It is over, but he has not asked.
    let over = out.bet("T1", "R", "1").rejected("player_excluded").after_secs(30 * 24 * HOUR);
    let over = over.bet("T2", "R", "1").rejected("player_excluded").when(back("B3")).applied();
    let asked = over.records(&["exclusion.return_requested"]).when(back("B3")).replayed("applied");
    let asked = asked.when(back("B4")).rejected("not_allowed").after_secs(24 * HOUR - 1);
    let asked = asked.bet("T3", "R", "1").rejected("player_excluded").after_secs(1);
    let _ = asked.bet("T4", "R", "1").applied().when(back("B5")).rejected("not_allowed");
}

#[test]
fn r18_an_exclusion_can_be_longer_or_stricter_and_never_less() {
    let out = given().cash("10.00").when(for_six_months("E1")).applied();
    let weaker = [
        for_a_day("E2"),
        commands::exclude("E2", SelfExclusion, at("2026-07-01T00:00:00Z")),
        commands::exclude("E2", SelfExclusion, at("2027-01-01T00:00:00Z")),
        commands::exclude("E2", SelfExclusion, None),
    ];
    for (command, outcome) in
        weaker.into_iter().zip(["rejected:not_allowed", "applied", "applied", "applied"])
    {
        assert_eq!(out.clone().when(command).answer().outcome.text(), outcome);
    }
    let for_ever = out.when(commands::exclude("E3", SelfExclusion, None)).applied();
    let for_ever = for_ever.when(commands::exclude("E4", SelfExclusion, at("2040-01-01T00:00:00Z")));
    let for_ever = for_ever.rejected("not_allowed").after_secs(1_000 * 24 * HOUR);
    let for_ever = for_ever.when(commands::come_back("B1")).rejected("not_allowed");
    let _ =
        for_ever.bet("T1", "R", "1").rejected("player_excluded").refused_as(&excluded(SelfExclusion, None));
    // Who has asked to come back and excludes himself again must ask again.
    let again = given().cash("10.00").when(for_six_months("E1")).after_secs(181 * 24 * HOUR);
    let again = again.when(commands::come_back("B1")).applied();
    let again = again.when(commands::exclude("E2", SelfExclusion, at("2027-07-01T00:00:00Z"))).applied();
    let _ = again.after_secs(25 * HOUR).bet("T1", "R", "1").rejected("player_excluded");
    // A longer time-out, not a shorter one.
    let pause = given().when(commands::exclude("E1", TimeOut, at("2026-01-08T00:00:00Z"))).applied();
    let pause = pause.when(for_a_day("E2")).rejected("not_allowed");
    let _ = pause.when(commands::exclude("E3", TimeOut, at("2026-01-30T00:00:00Z"))).applied();
}

#[test]
fn exclusions_are_as_long_as_the_policy_says() {
    let outcome = |command: ExcludePlayer| given().when(command).answer().outcome.text();
    let no = "rejected:not_allowed";
    assert_eq!(outcome(commands::exclude("E1", TimeOut, None)), no);
    assert_eq!(outcome(commands::exclude("E1", TimeOut, at("2026-01-01T00:00:00Z"))), no);
    assert_eq!(outcome(commands::exclude("E1", TimeOut, at("2026-02-12T00:00:00Z"))), "applied");
    assert_eq!(outcome(commands::exclude("E1", TimeOut, at("2026-02-12T00:00:00.000001Z"))), no);
    assert_eq!(outcome(commands::exclude("E1", SelfExclusion, at("2026-06-29T00:00:00Z"))), no);
    assert_eq!(outcome(commands::exclude("E1", SelfExclusion, at("2026-07-01T00:00:00Z"))), "applied");
}

#[test]
fn r19_in_a_time_out_one_withdraws_but_does_not_deposit() {
    let out = given().cash("10.00").when(for_a_day("E1")).applied();
    let out = out.when(commands::initiate("I1", "5")).rejected("player_excluded");
    let out = out.when(commands::request("W1", "4")).applied().accounts(&[
        TEN,
        ("player:cash", "6.00"),
        ("player:withdrawal_pending of cashier/W1", "4.00"),
    ]);
    // It ends by itself.
    let out = out.after_secs(24 * HOUR - 1).when(commands::initiate("I2", "5")).rejected("player_excluded");
    let _ = out.after_secs(1).when(commands::initiate("I3", "5")).applied();
}

#[test]
fn s107_a_bet_in_a_time_out_is_refused() {
    let out = given().cash("10.00").when(for_a_day("E1")).applied().bet("T1", "R", "1");
    let told = excluded(TimeOut, at("2026-01-02T00:00:00Z"));
    let out = out.rejected("player_excluded").refused_as(&told).accounts(&[TEN, ("player:cash", "10.00")]);
    let out = out.after_secs(24 * HOUR).bet("T1", "R", "1").replayed("rejected:player_excluded");
    let _ = out.bet("T2", "R", "1").applied();
}

fn in_session(id: &str, round: &str, amount: &str) -> PlaceBet {
    commands::bet_in("S1", id, round, amount)
}

#[test]
fn r20_s108_a_reality_check_is_acknowledged_before_the_next_bet() {
    let hourly = profile(ControlPolicy { reality_check_secs: Some(HOUR), ..ControlPolicy::DEFAULT });
    let played = given().cash("10.00").policy(hourly).when(commands::start_session("S1")).applied();
    let played = played.when(in_session("T1", "R1", "4")).applied().win_close("W1", "R1", "1").applied();
    let before = played.after_secs(HOUR - 1).when(in_session("T2", "R2", "1")).applied();
    let due = before.after_secs(1).when(in_session("T3", "R2", "1")).rejected("reality_check_due");
    let told = Rejection::RealityCheckDue { staked: "5.00".parse().unwrap(), won: "1.00".parse().unwrap() };
    let due = due.refused_as(&told).accounts(&[
        TEN,
        ("player:cash", "6.00"),
        ("player:held of prov/R2", "1.00"),
        ("gaming:stakes of game", "4.00"),
        ("gaming:payouts of game", "1.00"),
    ]);
    // Wins and rollbacks do not wait for it.
    let due = due.win("W2", "R2", "1").applied().when(commands::acknowledge("A1", "S1")).applied();
    let on = due.when(in_session("T4", "R2", "1")).applied().after_secs(HOUR);
    let _ = on.when(in_session("T5", "R2", "1")).rejected("reality_check_due");
}

#[test]
fn r24_a_session_that_is_long_enough_takes_no_bets() {
    let two_hours = profile(ControlPolicy { session_max_secs: Some(2 * HOUR), ..ControlPolicy::DEFAULT });
    let played = given().cash("10.00").policy(two_hours).when(commands::start_session("S1")).applied();
    let played = played.when(in_session("T1", "R1", "4")).applied().after_secs(2 * HOUR - 1);
    let played = played.when(in_session("T2", "R1", "1")).applied().after_secs(1);
    let over = played.when(in_session("T3", "R1", "1")).rejected("session_time_reached");
    let over = over.refused_as(&Rejection::SessionTimeReached { limit_secs: 2 * HOUR });
    let away =
        ledger_core::RollOut { session: Some(commands::session("S1")), ..commands::roll_out("O1", "1") };
    let over = over.when(away).rejected("session_time_reached");
    // The round goes on.
    let _ = over.win_close("W1", "R1", "7").applied().accounts(&[
        TEN,
        ("player:cash", "12.00"),
        ("gaming:stakes of game", "5.00"),
        ("gaming:payouts of game", "7.00"),
    ]);
}

#[test]
fn a_block_bars_its_direction_and_no_other() {
    let blocked =
        |block| given().cash("10.00").bet("T1", "R", "4").when(commands::block("B1", block)).applied();
    let told = |block| Rejection::PlayerBlocked { block };
    let tries = |scenario: &Scenario| {
        let all: [PlayerCommand; 3] = [
            commands::bet("N1", "N", "1").into(),
            commands::initiate("N2", "1").into(),
            commands::request("N3", "1").into(),
        ];
        all.map(|command| scenario.clone().when(command).answer().outcome.text())
    };
    let (no, yes) = ("rejected:player_blocked", "applied");
    for (block, expected) in [
        (Block::Bets, [no, yes, yes]),
        (Block::Deposits, [yes, no, yes]),
        (Block::Withdrawals, [yes, yes, no]),
    ] {
        let some = blocked(block);
        assert_eq!(tries(&some), expected, "{block:?}");
        let _ = some.clone().win_close("W1", "R", "1").applied();
        let _ = some.clone().rollback("X1", "T1").applied();
        let _ = some.clone().when(commands::deposit("D1", "5")).applied();
        let _ = some.when(commands::unblock("U1", block)).applied().bet("N1", "N", "1").applied();
    }
    let _ = blocked(Block::Bets).bet("N1", "N", "1").refused_as(&told(Block::Bets));
    let _ = blocked(Block::Deposits).when(commands::initiate("N1", "1")).refused_as(&told(Block::Deposits));
}

#[test]
fn d07_a_late_success_after_an_exclusion_is_held_and_goes_back() {
    let out = given().when(commands::initiate("I1", "10")).applied().when(for_a_day("E1")).applied();
    let held = out.when(commands::capture("D1", "I1", "10")).applied();
    let suspended = held.ledger().events().any(|record| {
        matches!(&record.event, ledger_core::stored::Event::DepositSuspended(event)
            if event.reason == SuspenseReason::NotCreditable)
    });
    assert!(suspended);
    let held = held.accounts(&[TEN, ("suspense:unmatched_psp of psp", "10.00")]);
    // It is not released to him while the exclusion lasts, but goes back to where it came from.
    let held = held.when(commands::release("L1", "D1")).rejected("player_excluded");
    let _ = held.clone().when(commands::return_to_payer("L2", "D1")).applied().accounts(&[]);
    let later = held.after_secs(24 * HOUR).when(commands::release("L3", "D1")).applied();
    let _ = later.accounts(&[TEN, ("player:cash", "10.00")]);
    // The same without a deposit that was started here.
    let out = given().when(for_a_day("E1")).when(commands::deposit("D1", "10")).applied();
    let _ = out.accounts(&[TEN, ("suspense:unmatched_psp of psp", "10.00")]);
}

#[test]
fn d12_failed_deposits_block_further_ones() {
    let rule = FailureRule { count: 5, within_secs: 600 };
    let deposits = DepositPolicy { failures: Some(rule), ..DepositPolicy::default() };
    let fail = |scenario: Scenario, n: u32| {
        let id = format!("I{n}");
        let started = scenario.when(commands::initiate(&id, "10")).applied();
        started.when(commands::fail(&format!("F{n}"), &id)).applied()
    };
    let mut four = given().policy(Policy { deposits, ..Policy::default() });
    for n in 1..=4 {
        four = fail(four, n);
    }
    // Ten minutes after the first it counts no more.
    let _ = fail(four.clone().after_secs(600), 5).records(&["cashier.deposit.failed"]);
    let five = fail(four.after_secs(599), 5).records(&["cashier.deposit.failed", "player.blocked"]);
    let five = five.when(commands::initiate("I6", "10")).rejected("player_blocked").accounts(&[]);
    // Once the block is lifted counting begins again.
    let free = five.when(commands::unblock("U1", Block::Deposits)).applied();
    let _ = fail(free, 7).records(&["cashier.deposit.failed"]).when(commands::initiate("I8", "10")).applied();
}

#[test]
fn d13_a_forbidden_method_is_refused() {
    let card = MethodId::new("credit_card").unwrap();
    let controls = ControlPolicy { forbidden_methods: vec![card.clone()], ..ControlPolicy::DEFAULT };
    let by = |id: &str, method: &MethodId| InitiateDeposit {
        method: Some(method.clone()),
        ..commands::initiate(id, "10")
    };
    let started =
        given().policy(profile(controls)).when(by("I1", &card)).rejected("not_allowed").accounts(&[]);
    let _ = started.when(by("I2", &MethodId::new("bank").unwrap())).applied();
}

// The order of the checks (D.3 in docs/scenarios.md).

/// A bet that everything refuses that is refused for it, and what is told when the first reasons go away one by one.
#[test]
fn of_several_reasons_against_a_bet_the_first_is_told() {
    let stake = commands::term(LimitKind::Stake, LimitPeriod::Day, LimitBasis::Rolling);
    let euros = [(commands::currency("EUR"), vec!["5.00".parse().unwrap()])];
    let strict = |interval, stakes: bool, reality, session_max| {
        let mut policy = profile(ControlPolicy {
            reality_check_secs: reality,
            session_max_secs: session_max,
            ..ControlPolicy::DEFAULT
        });
        policy.default_jurisdiction.round_interval_ms = interval;
        policy.default_jurisdiction.stakes = if stakes { euros.clone().into() } else { [].into() };
        policy
    };
    let all = || strict(3_600_000, true, Some(1), Some(1));
    // Each step takes one reason away; the next one is told.
    let steps: Vec<(&str, &str)> = vec![
        ("closed", "player_closed"),
        ("excluded", "player_excluded"),
        ("blocked", "player_blocked"),
        ("session", "session_time_reached"),
        ("reality", "reality_check_due"),
        ("interval", "round_too_soon"),
        ("stakes", "stake_not_allowed"),
        ("limit", "limit_exceeded"),
        ("bonus", "bonus_rule"),
        ("funds", "insufficient_funds"),
    ];
    for (first, (_, told)) in steps.iter().enumerate() {
        let left: Vec<&str> = steps.iter().skip(first).map(|(name, _)| *name).collect();
        let has = |name: &str| left.contains(&name);
        let mut some = given().cash("10.00").when(commands::start_session("S1")).bet("T1", "R1", "5");
        some = some.limit_to(stake, if has("limit") { "5.00" } else { "1000.00" });
        if has("excluded") {
            some = some.when(for_six_months("E1")).applied();
        }
        if has("blocked") {
            some = some.when(commands::block("B1", Block::Bets)).applied();
        }
        if has("closed") {
            some = some.when(commands::close_player("Z1"));
            assert_eq!(some.answer().outcome.text(), "applied");
        }
        let policy = match () {
            () if has("session") => all(),
            () if has("reality") => strict(3_600_000, true, Some(1), None),
            () if has("interval") => strict(3_600_000, true, None, None),
            () if has("stakes") => strict(0, true, None, None),
            () => strict(0, false, None, None),
        };
        let mut bet = in_session("N1", "N", "100");
        bet.funds = if has("bonus") { ledger_core::Funds::Bonus } else { ledger_core::Funds::Cash };
        let refused = some.after_secs(5).policy(policy).when(bet);
        assert_eq!(refused.answer().outcome.text(), format!("rejected:{told}"), "{left:?}");
        // What has been told before anything else of a round or a session comes first still.
        let unknown = PlaceBet { currency: commands::currency("USD"), ..in_session("N2", "N", "100") };
        assert_eq!(refused.when(unknown).answer().outcome.text(), "rejected:currency_mismatch");
    }
}

trait LimitTo {
    fn limit_to(self, term: ledger_core::stored::LimitTerm, amount: &str) -> Self;
}

impl LimitTo for Scenario {
    fn limit_to(self, term: ledger_core::stored::LimitTerm, amount: &str) -> Self {
        self.when(commands::limit("L1", term, amount)).applied()
    }
}

#[test]
fn of_several_reasons_against_a_deposit_the_first_is_told() {
    let deposit = commands::term(LimitKind::Deposit, LimitPeriod::Day, LimitBasis::Rolling);
    let card = MethodId::new("credit_card").unwrap();
    let controls = ControlPolicy { forbidden_methods: vec![card.clone()], ..ControlPolicy::DEFAULT };
    let by_card = |id: &str, amount: &str| InitiateDeposit {
        method: Some(card.clone()),
        ..commands::initiate(id, amount)
    };
    let all = given()
        .limit_to(deposit, "5")
        .when(for_six_months("E1"))
        .when(commands::block("B1", Block::Deposits));
    let forbidden = all.policy(profile(controls)).when(by_card("I1", "-1")).rejected("not_allowed");
    let malformed = forbidden.when(commands::initiate("I2", "-1")).refused("invalid_amount");
    let _ = malformed.when(commands::initiate("I3", "10")).rejected("player_excluded");
    let blocked = given().limit_to(deposit, "5").when(commands::block("B1", Block::Deposits)).applied();
    let blocked = blocked.when(commands::initiate("I3", "10")).rejected("player_blocked");
    let free = blocked.when(commands::unblock("U1", Block::Deposits)).applied();
    let _ = free.when(commands::initiate("I4", "10")).rejected("limit_exceeded");
}

/// What one player of a person began is carried to his others as it is, though little of it is left; of a player whose person
/// nobody knows there is nothing to carry.
#[test]
fn what_a_person_began_is_carried_over_however_little_is_left() {
    let until = at("2026-01-02T00:00:00Z");
    let short = commands::exclude("E1", SelfExclusion, until);
    let known = given().when(commands::set_person("P1", Some("someone"))).applied();
    let length = Rejection::NotAllowed { reason: ledger_core::NotAllowedReason::ExclusionLength };
    let known = known.when(short.clone()).refused_as(&length);
    let carried = ExcludePlayer { carried: true, id: commands::txn("E2"), ..short };
    let _ = given().when(carried.clone()).refused_as(&length);
    let out = known.when(carried).applied().records(&["exclusion.started"]);
    let _ = out.bet("T1", "R", "1").rejected("player_excluded").refused_as(&excluded(SelfExclusion, until));
}
