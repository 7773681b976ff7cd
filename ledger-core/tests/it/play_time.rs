//! Limits on the time of play over a day, a week or a month, over all sessions: R40 in docs/scenarios.md.

use std::time::Duration;

use ledger_core::stored::{Event, LimitBasis, LimitCause, LimitPeriod, LimitSide, LimitWindow};
use ledger_core::testing::invariants::i17_play_time_is_that_of_sessions;
use ledger_core::testing::{Scenario, commands, given, given_nobody};
use ledger_core::{
    ControlPolicy, JurisdictionProfile, LimitProfile, OpenPlayer, PlaceBet, PlayTimeRule, PlayerState,
    Policy, ProfileName, Rejection, RollOut, STRETCHES_MAX, SetPlayTimeLimit,
};

use LimitBasis::{Anniversary, Calendar, Rolling};
use LimitPeriod::{Day, Month, Week};

const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;
const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");

fn window(period: LimitPeriod, basis: LimitBasis) -> LimitWindow {
    LimitWindow { period, basis }
}

fn today() -> LimitWindow {
    window(Day, Rolling)
}

fn keeping(controls: ControlPolicy) -> Policy {
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn bet(session: &str, id: &str) -> PlaceBet {
    commands::bet_in(session, id, "R1", "1")
}

fn reached(window: LimitWindow, side: LimitSide, limit_secs: u32) -> Rejection {
    Rejection::PlayTimeReached { window, side, limit_secs }
}

/// A player with ten euros and a limit of his own.
fn limited(window: LimitWindow, secs: u32) -> Scenario {
    given()
        .cash("10.00")
        .when(commands::play_time_limit("L1", window, Some(secs)))
        .records(&["play_time_limit.set"])
}

/// A session that is started, played for so long and ended.
fn sat(scenario: Scenario, id: &str, secs: u32) -> Scenario {
    let begun = scenario.when(commands::start_session(id)).applied().after_secs(secs);
    begun.when(commands::end_session(&format!("E-{id}"), id)).applied()
}

fn used_secs(scenario: &Scenario, window: LimitWindow) -> u64 {
    let ledger = scenario.ledger();
    let left = ledger.state().play_time_left(ledger.policy(), ledger.now());
    left.iter().find(|left| left.window == window).unwrap().used.as_secs()
}

fn uses(scenario: Scenario, window: LimitWindow, secs: u32) -> Scenario {
    assert_eq!(used_secs(&scenario, window), u64::from(secs), "{window:?}");
    i17_play_time_is_that_of_sessions(scenario.ledger().commits(), scenario.ledger().state()).unwrap();
    scenario
}

#[test]
fn r40_time_of_play_is_that_of_all_sessions_together() {
    // Two hours a day. One session of an hour, one of 59:59: the next second is the last.
    let first = sat(limited(today(), 2 * HOUR), "S1", HOUR).after_secs(HOUR);
    let second = first.when(commands::start_session("S2")).applied();
    let second = second.after_secs(HOUR - 1).when(bet("S2", "T1")).applied();
    let second = uses(second, today(), 2 * HOUR - 1).after_secs(1);
    let told = reached(today(), LimitSide::Player, 2 * HOUR);
    let over = second.when(bet("S2", "T2")).rejected("play_time_reached").refused_as(&told);
    let away = RollOut { session: Some(commands::session("S2")), ..commands::roll_out("O1", "1") };
    let over = over.when(away).rejected("play_time_reached");
    // The round takes its course, and so does the end of the session.
    let over = over.win_close("W1", "R1", "3").applied().when(commands::end_session("E2", "S2")).applied();
    let over = over.when(commands::start_session("S3")).rejected("play_time_reached").refused_as(&told);
    // Neither does a bet pass that names no session.
    let over = over.bet("T3", "R3", "1").rejected("play_time_reached").accounts(&[
        TEN,
        ("player:cash", "12.00"),
        ("gaming:stakes of game", "1.00"),
        ("gaming:payouts of game", "3.00"),
    ]);
    // 24 hours after the first second was played it leaves the window, and so on.
    let next =
        over.after_secs(21 * HOUR - 1).when(commands::start_session("S4")).rejected("play_time_reached");
    let next = next.after_secs(1).when(commands::start_session("S5")).rejected("play_time_reached");
    let next = next.after_secs(1).when(commands::start_session("S6")).applied();
    let _ = uses(next, today(), 2 * HOUR - 1);
}

#[test]
fn r40_a_session_is_played_until_its_last_sign_of_life() {
    // Nobody ends the first: it counts to its last bet, not to the next day.
    let left = limited(today(), 2 * HOUR).when(commands::start_session("S1")).applied();
    let left = left.after_secs(600).when(bet("S1", "T1")).applied().after_secs(20 * HOUR);
    let left = uses(left, today(), 600).when(commands::start_session("S2")).applied();
    let seen = left.after_secs(300).when(commands::acknowledge("A1", "S2")).applied();
    let seen = uses(seen, today(), 900).after_secs(100);
    // A refused bet is no sign of life, one that is placed is.
    let poor = seen.when(commands::bet_in("S2", "T2", "R2", "100")).rejected("insufficient_funds");
    let poor = uses(poor, today(), 900).when(bet("S2", "T3")).applied();
    let _ = uses(poor, today(), 1_000).accounts(&[
        TEN,
        ("player:cash", "8.00"),
        ("player:held of prov/R1", "2.00"),
    ]);
}

#[test]
fn r40_of_sessions_that_overlap_the_time_counts_once() {
    let both = limited(today(), 2 * HOUR).when(commands::start_session("S1")).applied().after_secs(100);
    let both = both.when(commands::start_session("S2")).applied().after_secs(100);
    let both = uses(both.when(bet("S2", "T1")).applied(), today(), 100).after_secs(100);
    // What the first says later takes in what the second played meanwhile.
    let both = uses(both.when(bet("S1", "T2")).applied(), today(), 300).after_secs(100);
    let both = uses(both.when(commands::end_session("E1", "S1")).applied(), today(), 400);
    let both = uses(both.when(commands::end_session("E2", "S2")).applied(), today(), 400);
    let _ = uses(sat(both.after_secs(50), "S3", 10), today(), 410);
}

#[test]
fn r40_a_displaced_session_was_played_until_its_last_sign_of_life() {
    let mut many = limited(today(), 2 * HOUR).when(commands::start_session("S0")).applied();
    many = many.after_secs(60).when(bet("S0", "T0")).applied().after_secs(600);
    for n in 1..=32 {
        many = many.when(commands::start_session(&format!("S{n}"))).applied();
    }
    let _ = uses(many, today(), 60);
}

#[test]
fn r40_shorter_holds_at_once_and_longer_after_its_time_and_a_confirmation() {
    let played = sat(limited(today(), 2 * HOUR), "S1", HOUR);
    let lower =
        played.when(commands::play_time_limit("L2", today(), Some(HOUR))).records(&["play_time_limit.set"]);
    let lower = lower.when(commands::start_session("S2")).rejected("play_time_reached");
    let asked = lower.when(commands::play_time_limit("L3", today(), Some(3 * HOUR)));
    let asked = asked.records(&["play_time_limit.raise_requested"]);
    let asked = asked.when(commands::confirm_play_time_limit("K1", today())).rejected("not_allowed");
    // A lower one takes back what waits.
    let back = asked.clone().when(commands::play_time_limit("L4", today(), Some(60))).applied();
    let _ = back
        .after_secs(2 * DAY)
        .when(commands::confirm_play_time_limit("K2", today()))
        .rejected("not_allowed");
    let asked = asked.after_secs(DAY - 1).when(commands::confirm_play_time_limit("K3", today()));
    let due = asked.rejected("not_allowed").after_secs(1);
    let still = due.clone().when(commands::start_session("S3")).applied().after_secs(HOUR);
    let _ = still.when(bet("S3", "T1")).refused_as(&reached(today(), LimitSide::Player, HOUR));
    let more = due.when(commands::confirm_play_time_limit("K4", today())).records(&["play_time_limit.set"]);
    let more = more.when(commands::start_session("S3")).applied().after_secs(3 * HOUR - 1);
    let more = more.when(bet("S3", "T1")).applied().after_secs(1).when(bet("S3", "T2"));
    let more = more.refused_as(&reached(today(), LimitSide::Player, 3 * HOUR));
    // It is lifted in the same way, and nothing is counted after that.
    let lifted = more.when(commands::play_time_limit("L5", today(), None)).applied().after_secs(DAY);
    let lifted = lifted.when(commands::confirm_play_time_limit("K5", today())).applied();
    assert!(lifted.ledger().state().controls().unwrap().play_time().is_none());
    let _ = lifted.when(commands::play_time_limit("L6", today(), None)).noop();
}

#[test]
fn r40_without_a_confirmation_a_longer_time_comes_by_itself() {
    let swift =
        ControlPolicy { raise_needs_confirmation: false, raise_after_secs: HOUR, ..ControlPolicy::DEFAULT };
    let some = limited(today(), HOUR).policy(keeping(swift));
    let asked = some.when(commands::play_time_limit("L2", today(), None)).applied();
    let asked = asked.when(commands::start_session("S1")).applied().after_secs(HOUR - 1);
    let last = asked.when(bet("S1", "T1")).applied().after_secs(1);
    let free = last.when(bet("S1", "T2")).records(&["play_time_limit.set", "entry.posted", "bet.placed"]);
    let matured = free.ledger().events().find_map(|record| match &record.event {
        Event::PlayTimeLimitSet(event) if event.cause == LimitCause::Matured => Some(event.max_secs),
        _ => None,
    });
    assert_eq!(matured, Some(None));
}

#[test]
fn r40_in_sweden_the_running_window_must_be_over_too() {
    let policy =
        ControlPolicy { zone: Some("Europe/Stockholm".to_owned()), ..JurisdictionProfile::SWEDEN.controls };
    let month = window(Month, Calendar);
    // Asked for on 1 January: 72 hours are over on the 4th, the month on 31 January at 23:00 UTC.
    let set = given().cash("10.00").policy(keeping(policy));
    let set = set.when(commands::play_time_limit("L1", month, Some(HOUR))).applied();
    let asked = set.when(commands::play_time_limit("L2", month, Some(2 * HOUR))).applied();
    let end = 31 * DAY - HOUR;
    let before = sat(asked, "S1", HOUR).after_secs(end - HOUR - 1);
    let before = before.when(commands::start_session("S2")).rejected("play_time_reached").after_secs(1);
    let after = sat(before, "S3", HOUR + 1);
    let _ = uses(after, month, HOUR + 1);
}

#[test]
fn r40_the_lowest_of_several_sides_counts() {
    let law = |secs| PlayTimeRule { window: today(), max_secs: secs };
    let mut policy = keeping(ControlPolicy { play_time: vec![law(3 * HOUR)], ..ControlPolicy::DEFAULT });
    let vip = LimitProfile { play_time: vec![law(4 * HOUR)], ..LimitProfile::default() };
    let young = LimitProfile { play_time: vec![law(HOUR)], ..LimitProfile::default() };
    let name = |text: &str| ProfileName::new(text).unwrap();
    policy.limit_profiles = [(name("VIP_A"), vip), (name("YOUNG"), young)].into();
    let player = || given().cash("10.00").policy(policy.clone());
    let refuses = |scenario: Scenario, side: LimitSide, secs: u32| {
        let played = scenario.when(commands::start_session("S1")).applied().after_secs(secs - 1);
        let played = played.when(bet("S1", "T1")).applied().after_secs(1).when(bet("S1", "T2"));
        played.refused_as(&reached(today(), side, secs))
    };
    // The jurisdiction's holds from the first session on.
    let law =
        player().when(commands::start_session("S0")).records(&["play_time_limit.set", "session.started"]);
    let _ = refuses(law, LimitSide::Jurisdiction, 3 * HOUR);
    let vip = player().when(commands::assign_profile("A1", Some("VIP_A"))).applied();
    let _ = refuses(vip, LimitSide::Jurisdiction, 3 * HOUR);
    let young = player().when(commands::assign_profile("A1", Some("YOUNG"))).applied();
    let _ = refuses(young.clone(), LimitSide::Profile, HOUR);
    let operators = |secs| {
        let own = commands::play_time_limit("L1", today(), secs);
        SetPlayTimeLimit { side: LimitSide::Operator, by: Some(commands::person("anna")), ..own }
    };
    let both = young.when(operators(Some(HOUR / 2))).applied();
    let both = both.when(commands::play_time_limit("L2", today(), Some(2 * HOUR))).applied();
    let both = refuses(both, LimitSide::Operator, HOUR / 2);
    // The operator raises his own at once and never the player's; the law's is nobody's to set.
    let raised = SetPlayTimeLimit { id: commands::txn("L3"), ..operators(None) };
    let raised = both.when(raised).records(&["play_time_limit.set"]);
    let of_law = SetPlayTimeLimit { side: LimitSide::Jurisdiction, ..operators(Some(1)) };
    let of_law = SetPlayTimeLimit { id: commands::txn("L4"), ..of_law };
    let own =
        raised.when(of_law).rejected("not_allowed").when(commands::assign_profile("A2", None)).applied();
    let own = own.after_secs(HOUR / 2).when(bet("S1", "T3")).applied().after_secs(HOUR);
    let _ = own.when(bet("S1", "T4")).refused_as(&reached(today(), LimitSide::Player, 2 * HOUR));
}

#[test]
fn r40_a_policy_that_limits_play_no_more_is_followed() {
    let rule = PlayTimeRule { window: window(Day, Calendar), max_secs: HOUR };
    let strict = keeping(ControlPolicy { play_time: vec![rule], ..ControlPolicy::DEFAULT });
    let full = sat(given().cash("10.00").policy(strict), "S1", HOUR);
    let full = full.when(commands::start_session("S2")).rejected("play_time_reached");
    let free = full.policy(Policy::default()).when(commands::start_session("S3")).applied();
    assert!(free.ledger().state().controls().unwrap().play_time().is_none());
}

#[test]
fn s109_a_player_who_comes_near_his_time_of_play_is_told_once() {
    let near = limited(today(), 1_000).when(commands::start_session("S1")).applied().after_secs(899);
    let near = near.when(bet("S1", "T1")).records(&["entry.posted", "bet.placed"]).after_secs(1);
    let near = near.when(bet("S1", "T2")).records(&["entry.posted", "bet.placed", "play_time_limit.warned"]);
    let Some(Event::PlayTimeWarned(warned)) = near.ledger().events().map(|record| &record.event).last()
    else {
        panic!("no warning");
    };
    assert_eq!((warned.max_secs, warned.used_secs, warned.side), (1_000, 900, LimitSide::Player));
    let near = near.after_secs(1).when(bet("S1", "T3")).records(&["entry.posted", "bet.placed"]);
    let _ = near;
    // Also where the end of a session or a reality check brings him there.
    for command in [commands::end_session("E1", "S1").into(), commands::acknowledge("A1", "S1").into()] {
        let command: ledger_core::PlayerCommand = command;
        let near = limited(today(), 1_000).when(commands::start_session("S1")).applied().after_secs(950);
        let near = near.when(command).applied();
        let kinds: Vec<&str> = near.ledger().events().map(|record| record.event.type_name()).collect();
        assert_eq!(kinds.last(), Some(&"play_time_limit.warned"), "{kinds:?}");
    }
}

#[test]
fn r40_windows_roll_or_follow_the_calendar_or_the_day_it_was_set() {
    // It is the 1st of January, a Thursday, at midnight UTC; set at ten o'clock, played until eleven.
    for (period, basis, until) in [
        (Day, Rolling, 24),
        (Week, Rolling, 7 * 24),
        (Month, Rolling, 31 * 24),
        (Day, Calendar, 24 - 10),
        (Week, Calendar, 4 * 24 - 10),
        (Month, Calendar, 31 * 24 - 10),
        (Day, Anniversary, 24),
        (Week, Anniversary, 7 * 24),
        (Month, Anniversary, 31 * 24),
    ] {
        let of = window(period, basis);
        let utc = ControlPolicy { zone: Some("UTC".to_owned()), ..ControlPolicy::DEFAULT };
        let set = given().cash("10.00").policy(keeping(utc)).after_secs(10 * HOUR);
        let set = set.when(commands::play_time_limit("L1", of, Some(HOUR))).applied();
        let full = sat(set, "S1", HOUR).after_secs((until - 1) * HOUR - 1);
        let full = full.when(commands::start_session("S2")).rejected("play_time_reached").after_secs(1);
        // From here on a rolling window lets go of a second at a time.
        let rolls = u32::from(basis == Rolling);
        let next = full.after_secs(rolls).when(commands::start_session("S3")).applied();
        let _ = uses(next, of, if rolls == 1 { HOUR - 1 } else { 0 });
    }
}

fn berliner(date_secs: u32) -> Scenario {
    let open = OpenPlayer { zone: "Europe/Berlin".to_owned(), ..commands::open(&["EUR"]) };
    given_nobody().after_secs(date_secs).when(open).applied().cash("10.00")
}

#[test]
fn i20_r40_a_day_of_play_is_that_of_the_zone_also_when_clocks_change() {
    let of = window(Day, Calendar);
    // 29 March 2026 has 23 hours in Berlin, 25 October 25; they begin at 23:00 and 22:00 UTC of the day before.
    for (start, hours) in [(87 * DAY - HOUR, 23), (297 * DAY - 2 * HOUR, 25)] {
        // A session over midnight counts in each day what is of it.
        let eve = berliner(start - HOUR).when(commands::play_time_limit("L1", of, Some(2 * HOUR))).applied();
        let eve = eve.when(commands::start_session("S1")).applied().after_secs(HOUR + 600);
        let day = eve.when(bet("S1", "T1")).applied();
        let day = uses(day, of, 600).after_secs(2 * HOUR - 600 - 1).when(bet("S1", "T2")).applied();
        let day =
            day.after_secs(1).when(bet("S1", "T3")).refused_as(&reached(of, LimitSide::Player, 2 * HOUR));
        let day = day.when(commands::end_session("E1", "S1")).applied();
        let last = day.after_secs((hours - 2) * HOUR - 1).when(commands::start_session("S2"));
        let last = last.rejected("play_time_reached").after_secs(1).when(commands::start_session("S3"));
        let next = last.records(&["play_time_limit.windows_opened", "session.started"]);
        let _ = uses(next, of, 0);
    }
}

#[test]
fn i20_r40_a_month_of_play_has_the_hour_that_clocks_give() {
    // March 2026 has 743 hours in Berlin: limit them all, play all but one second, and the month is not full.
    let of = window(Month, Calendar);
    let set = berliner(59 * DAY - HOUR).when(commands::play_time_limit("L1", of, Some(743 * HOUR))).applied();
    let on = set.when(commands::start_session("S1")).applied().after_secs(743 * HOUR - 1);
    let on = uses(on.when(bet("S1", "T1")).applied(), of, 743 * HOUR - 1).after_secs(1);
    // The next second is of April.
    let _ = uses(on.when(bet("S1", "T2")).applied(), of, 0);
}

#[test]
fn r40_what_was_played_before_a_limit_was_set_does_not_count() {
    let before = sat(given().cash("10.00"), "S1", 5 * HOUR).when(commands::start_session("S2")).applied();
    let set = before.after_secs(HOUR).when(commands::play_time_limit("L1", today(), Some(HOUR))).applied();
    // Of the session that runs what comes after counts.
    let set = uses(set.after_secs(600).when(bet("S2", "T1")).applied(), today(), 600);
    // A second window counts from when it is set.
    let week = window(Week, Rolling);
    let both = set.when(commands::play_time_limit("L2", week, Some(HOUR))).applied().after_secs(60);
    let both = both.when(bet("S2", "T2")).applied();
    let _ = uses(uses(both, today(), 660), week, 60);
}

#[test]
fn r40_a_replay_counts_nothing_and_a_snapshot_keeps_everything() {
    let played = sat(limited(today(), HOUR), "S1", 600).when(commands::start_session("S2")).applied();
    let played = played.after_secs(60).when(bet("S2", "T1")).applied().after_secs(60);
    let again = played.when(bet("S2", "T1")).replayed("applied");
    let again = uses(again, today(), 660);
    let state = again.ledger().state();
    assert_eq!(PlayerState::from_snapshot(&state.to_snapshot().unwrap()).unwrap(), *state);
}

#[test]
fn r40_stretches_stay_few_and_never_to_the_players_advantage() {
    let of = window(Month, Rolling);
    let mut ledger = limited(of, 31 * DAY).ledger().clone();
    let mut exact = 0;
    for n in 0..STRETCHES_MAX + 40 {
        ledger.advance_secs(300 + u32::try_from(n).unwrap());
        let id = format!("S{n}");
        ledger.execute(&commands::start_session(&id).into()).unwrap();
        ledger.advance_secs(100);
        exact += 100;
        let end = commands::end_session(&format!("E{n}"), &id).into();
        assert_eq!(ledger.execute(&end).unwrap().outcome.text(), "applied");
        i17_play_time_is_that_of_sessions(ledger.commits(), ledger.state()).unwrap();
    }
    let play = ledger.state().controls().unwrap().play_time().unwrap();
    assert_eq!(play.stretches().len(), STRETCHES_MAX);
    // The forty shortest pauses count: 301, 302, ... seconds.
    let pauses: u64 = (301..=340).sum();
    let used = play.used(play.window(of).unwrap(), None, ledger.now());
    assert_eq!(used, Duration::from_secs(exact + pauses));
}

#[test]
fn i17_catches_time_of_play_that_is_off() {
    let good = sat(limited(today(), HOUR), "S1", 600);
    let (commits, state) = (good.ledger().commits().to_vec(), good.ledger().state().clone());
    i17_play_time_is_that_of_sessions(&commits, &state).unwrap();
    // The log says that the session ended a second later.
    let mut late = commits;
    let last = late.last_mut().unwrap();
    last.recorded_at = last.recorded_at.saturating_add(Duration::from_secs(1));
    assert!(i17_play_time_is_that_of_sessions(&late, &state).unwrap_err().starts_with("I17"));
}
