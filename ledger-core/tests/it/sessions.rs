//! Sessions, and what a jurisdiction demands of bets: S45, S46, S71 and D.3 in docs/scenarios.md.

use ledger_core::stored::{RoundStatus, SessionEndReason};
use ledger_core::testing::{Scenario, TestLedger, commands, given, given_nobody};
use ledger_core::{
    BonusRule, CallFlags, DeviceId, Funds, GameId, JurisdictionId, JurisdictionProfile, OpenPlayer, PlaceBet,
    PlayerCommand, Policy, Rejection, RollOut, RoundClosePolicy, SESSIONS_MAX, SessionPolicy, SourceId,
    StartSession,
};

const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");

fn policy(sessions: SessionPolicy) -> Policy {
    let mut policy = Policy::default();
    policy.default.sessions = sessions;
    policy
}

fn needs_one() -> Policy {
    policy(SessionPolicy { needed: true, ..SessionPolicy::default() })
}

fn expires_after(secs: u32) -> Policy {
    policy(SessionPolicy { needed: true, checked: true, ttl_secs: Some(secs) })
}

/// 10.00, and an open session S1.
fn open() -> Scenario {
    given().cash("10.00").when(commands::start_session("S1")).applied()
}

fn totals(ledger: &TestLedger, session: &str) -> Option<(String, String)> {
    let session = ledger.state().session(&commands::session(session))?;
    Some((session.staked().to_string(), session.won().to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with may be nothing")]
fn counts(staked: &str, won: &str) -> Option<(String, String)> {
    Some((staked.to_owned(), won.to_owned()))
}

#[test]
fn a_session_is_started_kept_and_ended() {
    let start = StartSession {
        device: Some(DeviceId::new("device-7").unwrap()),
        launch: Some(commands::txn("L1")),
        ..commands::start_session("S1")
    };
    let started = given().when(start.clone()).applied().records(&["session.started"]).accounts(&[]);
    let session = started.ledger().state().session(&commands::session("S1")).unwrap().clone();
    assert_eq!(session.game(), &GameId::new("game").unwrap());
    assert_eq!(session.device().map(DeviceId::as_str), Some("device-7"));
    assert_eq!(session.launch(), Some(&commands::txn("L1")));
    assert_eq!((session.started_at(), session.last_at()), (started.ledger().now(), started.ledger().now()));
    assert_eq!(session.acknowledged_at(), None);
    let started = started.when(start.clone()).replayed("applied");
    let other = StartSession { device: None, ..start };
    let ended = started.when(other).refused("key_reused").when(commands::end_session("E1", "S1")).applied();
    assert_eq!(ended.ledger().state().open_sessions(), 0);
    let _ = ended
        .records(&["session.ended"])
        .when(commands::end_session("E1", "S1"))
        .replayed("applied")
        .when(commands::end_session("E2", "S1"))
        .noop()
        .when(commands::end_session("E3", "S9"))
        .noop()
        // Its name is used up.
        .when(commands::start_session("S1"))
        .refused("key_reused");
}

#[test]
fn a_session_needs_a_player_who_may_play_and_his_purse() {
    let usd = StartSession { currency: commands::currency("USD"), ..commands::start_session("S1") };
    let _ = given().when(usd).rejected("currency_mismatch");
    let closed = given().when(commands::close_player("Z1"));
    let _ = closed.when(commands::start_session("S1")).rejected("player_closed");
    let _ = given_nobody().when(commands::start_session("S1")).refused("player_unknown");
}

#[test]
fn g4_the_currency_of_a_session_stays_the_same() {
    let both = given_nobody().when(commands::open(&["EUR", "USD"])).when(commands::start_session("S1"));
    let usd = PlaceBet { currency: commands::currency("USD"), ..commands::bet_in("S1", "T1", "R", "0") };
    let _ = both.clone().when(usd.clone()).rejected("currency_mismatch");
    // Also where nobody looks at whether it has expired.
    let unchecked = PlaceBet { flags: CallFlags { validate_session: Some(false), ..usd.flags }, ..usd };
    let _ = both.when(unchecked).rejected("currency_mismatch");
}

#[test]
fn a_bet_names_its_session_where_the_policy_says_so() {
    let open = open().policy(needs_one());
    let _ = open
        .clone()
        .bet("T1", "R", "1")
        .rejected("session_expired")
        .when(commands::bet_in("S9", "T2", "R", "1"))
        .rejected("session_expired")
        .accounts(&[TEN, ("player:cash", "10.00")])
        .when(commands::bet_in("S1", "T3", "R", "1"))
        .applied()
        .records(&["entry.posted", "bet.placed"])
        .accounts(&[TEN, ("player:cash", "9.00"), ("player:held of prov/R", "1.00")]);
    let _ = open
        .when(commands::end_session("E1", "S1"))
        .when(commands::bet_in("S1", "T1", "R", "1"))
        .rejected("session_expired");
}

#[test]
fn a_bet_that_names_none_passes_where_none_is_needed() {
    let _ = open()
        .bet("T1", "R", "1")
        .applied()
        .when(commands::bet_in("S9", "T2", "R", "1"))
        .rejected("session_expired")
        .when(commands::bet_in("S1", "T3", "R", "1"))
        .applied();
    // Nobody looks: even one that never was is only kept on record.
    let blind = SessionPolicy { checked: false, ..SessionPolicy::default() };
    let _ = open().policy(policy(blind)).when(commands::bet_in("S9", "T1", "R", "1")).applied();
}

#[test]
fn a_session_expires_by_the_policy_of_the_bets_source() {
    let open = open().policy(expires_after(3_600)).after_secs(3_600);
    let late = open.clone().when(commands::bet_in("S1", "T1", "R", "1")).applied().after_secs(1);
    let _ = late.when(commands::bet_in("S1", "T2", "R", "1")).rejected("session_expired");
    // Without the check it may be as old as it likes.
    let bet = commands::bet_in("S1", "T1", "R", "1");
    let unchecked = PlaceBet { flags: CallFlags { validate_session: Some(false), ..bet.flags }, ..bet };
    let _ = open.after_secs(9_999).when(unchecked).applied();
}

#[test]
fn what_the_call_says_of_its_session_goes_before_the_policy() {
    let said = |validate: bool, bet: PlaceBet| PlaceBet {
        flags: CallFlags { validate_session: Some(validate), ..CallFlags::default() },
        ..bet
    };
    let bet = || commands::bet("T1", "R", "1");
    let _ = open().when(said(true, bet())).rejected("session_expired");
    let _ = open().policy(needs_one()).when(said(false, bet())).applied();
    let _ = open().policy(needs_one()).when(said(false, commands::bet_in("S9", "T1", "R", "1"))).applied();
    // A copy may come with another session, and another flag.
    let placed = open().when(commands::bet_in("S1", "T1", "R", "1")).applied();
    let _ = placed.when(said(true, commands::bet_in("S9", "T1", "R", "1"))).replayed("applied");
}

#[test]
fn s45_a_rollback_whose_session_has_expired_is_accepted() {
    let placed = open().policy(expires_after(60)).when(commands::bet_in("S1", "T1", "R", "1"));
    let late = placed.after_secs(61).when(commands::end_session("E1", "S1"));
    let _ = late.rollback("X1", "T1").applied().accounts(&[TEN, ("player:cash", "10.00")]);
}

#[test]
fn s71_a_win_whose_session_has_expired_is_paid() {
    let placed = open().policy(expires_after(60)).when(commands::bet_in("S1", "T1", "R", "1"));
    let late = placed.after_secs(61).when(commands::end_session("E1", "S1"));
    let _ = late.win_close("W1", "R", "5").applied().round_is("R", RoundStatus::Closed).accounts(&[
        TEN,
        ("player:cash", "14.00"),
        ("gaming:stakes of game", "1.00"),
        ("gaming:payouts of game", "5.00"),
    ]);
}

#[test]
fn s46_sessions_of_a_closed_player_bar_nothing_that_has_begun() {
    let placed = open().policy(needs_one()).when(commands::bet_in("S1", "T1", "R", "1"));
    let closed = placed.when(commands::close_player("Z1"));
    let _ = closed.clone().when(commands::bet_in("S1", "T2", "R", "1")).rejected("player_closed");
    let _ = closed.close("C1", "R").applied().when(commands::end_session("E1", "S1")).applied();
}

#[test]
fn a_reality_check_is_acknowledged_with_what_was_staked_and_won() {
    let played = open()
        .when(commands::bet_in("S1", "T1", "R", "4"))
        .win_close("W1", "R", "1")
        .after_secs(3_600)
        .when(commands::acknowledge("A1", "S1"))
        .applied()
        .records(&["reality_check.acknowledged"]);
    let session = played.ledger().state().session(&commands::session("S1")).unwrap();
    assert_eq!(session.acknowledged_at(), Some(played.ledger().now()));
    assert_eq!(totals(played.ledger(), "S1"), counts("4.00", "1.00"));
    let ended = played.when(commands::end_session("E1", "S1"));
    let last = &ended.ledger().commits().last().unwrap().events[0].event;
    let ledger_core::stored::Event::SessionEnded(end) = last else { panic!("{last:?}") };
    assert_eq!((end.staked.to_string(), end.won.to_string()), ("4.00".into(), "1.00".into()));
    let _ = ended.when(commands::acknowledge("A2", "S1")).rejected("session_expired");
}

#[test]
fn a_session_counts_what_its_rounds_staked_and_won() {
    let of = |scenario: &Scenario| totals(scenario.ledger(), "S1");
    let s = open().when(commands::bet_in("S1", "T1", "R", "4"));
    assert_eq!(of(&s), counts("4.00", "0.00"));
    // Further bets of the round count with it, whatever session they name.
    let s = s.bet("T2", "R", "1").win("W1", "R", "3");
    assert_eq!(of(&s), counts("5.00", "3.00"));
    let s = s.rollback_win("X1", "W1").rollback("X2", "T2");
    assert_eq!(of(&s), counts("4.00", "0.00"));
    let s = s.win_close("W2", "R", "6");
    assert_eq!(of(&s), counts("4.00", "6.00"));
    // After the round is over: a correction, and a cancellation.
    let s = s.when(commands::resettle("Y1", "R", "2"));
    assert_eq!(of(&s), counts("4.00", "2.00"));
    let s = s.when(commands::void_settled_round("V1", "R"));
    assert_eq!(of(&s), counts("0.00", "0.00"));
    // A round without the session does not count, nor what happens after its end.
    let s = s.bet("T3", "Q", "1").when(commands::bet_in("S1", "T4", "P", "1"));
    assert_eq!(of(&s), counts("1.00", "0.00"));
    let s = s.when(commands::end_session("E1", "S1")).win_close("W3", "P", "9").applied();
    assert_eq!(of(&s), None);
}

#[test]
fn a_session_counts_a_round_from_the_first_bet_that_names_it() {
    let s = open().bet("T1", "R", "4").when(commands::bet_in("S1", "T2", "R", "1")).win_close("W1", "R", "7");
    assert_eq!(totals(s.ledger(), "S1"), counts("1.00", "7.00"));
}

#[test]
fn a_session_counts_rounds_of_a_source_without_losses() {
    let mut immediate = Policy::default();
    immediate.default.round_close = RoundClosePolicy::ImmediateLoss;
    let s = open().policy(immediate).when(commands::bet_in("S1", "T1", "R", "4"));
    assert_eq!(totals(s.ledger(), "S1"), counts("4.00", "0.00"));
    let s = s.when(commands::result("W1", "R", "6"));
    assert_eq!(totals(s.ledger(), "S1"), counts("4.00", "6.00"));
    let s = s.rollback_win("X1", "W1").void_round("V1", "R");
    assert_eq!(totals(s.ledger(), "S1"), counts("0.00", "0.00"));
}

#[test]
fn one_session_too_many_ends_the_one_that_rests_longest() {
    let many = (0..SESSIONS_MAX).fold(given().cash("10.00"), |s, n| {
        s.after_secs(1).when(commands::start_session(&format!("S{n}"))).applied()
    });
    // The first was used last.
    let many = many.after_secs(1).when(commands::bet_in("S0", "T1", "R", "1"));
    let one_more = many.when(commands::start_session("SX")).applied();
    let one_more = one_more.records(&["session.ended", "session.started"]);
    let state = one_more.ledger().state();
    assert_eq!(state.open_sessions(), SESSIONS_MAX);
    assert!(state.session(&commands::session("S0")).is_some());
    assert!(state.session(&commands::session("S1")).is_none());
    let ledger_core::stored::Event::SessionEnded(end) =
        &one_more.ledger().commits().last().unwrap().events[0].event
    else {
        panic!("no end")
    };
    assert_eq!(end.reason, SessionEndReason::Displaced);
}

#[test]
fn a_roll_out_needs_the_session_that_a_bet_needs() {
    let out = |session: Option<&str>| RollOut {
        session: session.map(commands::session),
        ..commands::roll_out("T1", "5")
    };
    let open = open().policy(needs_one());
    let _ = open.clone().when(out(None)).rejected("session_expired");
    let _ = open.clone().when(out(Some("S9"))).rejected("session_expired");
    let away = open.when(out(Some("S1"))).applied();
    // What comes back counts, and needs none.
    let back = away.when(commands::roll_in("I1", "T1", "2")).applied();
    assert_eq!(totals(back.ledger(), "S1"), counts("3.00", "0.00"));
}

// What a jurisdiction demands.

fn profile(set: impl FnOnce(&mut JurisdictionProfile)) -> Policy {
    let mut policy = Policy::default();
    let mut profile = JurisdictionProfile::default();
    set(&mut profile);
    policy.jurisdictions.insert(JurisdictionId::new("DE").unwrap(), profile);
    policy
}

/// A player of Germany with 10.00.
fn german(policy: Policy) -> Scenario {
    let open =
        OpenPlayer { jurisdiction: JurisdictionId::new("DE").unwrap(), ..commands::open(&["EUR", "USD"]) };
    given_nobody().policy(policy).when(open).cash("10.00")
}

fn five_seconds() -> Policy {
    profile(|profile| profile.round_interval_ms = 5_000)
}

#[test]
fn the_next_round_begins_five_seconds_after_the_last_did() {
    let played = german(five_seconds()).bet("T1", "R1", "1").applied().win_close("W1", "R1", "0");
    let refused = played.after_secs(4).bet("T2", "R2", "1").rejected("round_too_soon");
    let allowed_at = "2026-01-01T00:00:05Z".parse().unwrap();
    let refused = refused.refused_as(&Rejection::RoundTooSoon { allowed_at });
    let second = refused.after_secs(1).bet("T3", "R2", "1").applied();
    // Further bets of an open round may come at once; those of another game, or of another source, may not.
    let second = second.bet("T4", "R2", "1").applied();
    let other = PlaceBet {
        source: SourceId::new("prov2").unwrap(),
        game: GameId::new("other").unwrap(),
        ..commands::bet("T5", "R3", "1")
    };
    let _ = second.clone().when(other).rejected("round_too_soon");
    // Also one that a round begins anew.
    let again = second.clone().rollback("X1", "T3").rollback("X2", "T4").round_is("R2", RoundStatus::Void);
    let _ = again.bet("T6", "R2", "1").rejected("round_too_soon");
    // A free bet, or one of zero, begins a round as any other does.
    let _ = second.when(commands::free_bet("T7", "R4", "1")).rejected("round_too_soon");
}

#[test]
fn the_interval_is_the_jurisdictions_and_no_call_shortens_it() {
    let mt = given().cash("9").policy(five_seconds()).bet("T1", "R1", "1").bet("T2", "R2", "1").applied();
    let _ = mt.win_close("W1", "R1", "0").applied();
    let played = german(five_seconds()).bet("T1", "R1", "1");
    // Wins, ends and rollbacks come when they come.
    let _ = played.clone().win_close("W1", "R1", "3").applied();
    let _ = played.clone().close("C1", "R1").applied();
    let _ = played.clone().rollback("X1", "T1").applied();
    // In one commit two rounds begin at once.
    let both =
        commands::batch(vec![commands::bet("T2", "R2", "1").into(), commands::bet("T3", "R3", "1").into()]);
    let _ = played.after_secs(5).when(both).rejected("round_too_soon");
}

#[test]
fn a_stake_is_one_of_the_denominations_there_are() {
    let fixed = || {
        let euros = ["1", "0.50", "2.00"].map(|text| text.parse().unwrap());
        german(profile(|profile| {
            profile.stakes.insert(commands::currency("EUR"), euros.to_vec());
        }))
    };
    for (n, good) in ["0.50", "1", "2", "2.00"].iter().enumerate() {
        let _ = fixed().bet(&format!("T{n}"), "R", good).applied();
    }
    let stake = "3.00".parse().unwrap();
    let refusal = Rejection::StakeNotAllowed { stake, currency: commands::currency("EUR") };
    let _ = fixed()
        .bet("T1", "R", "3")
        .rejected("stake_not_allowed")
        .refused_as(&refusal)
        .accounts(&[TEN, ("player:cash", "10.00")]);
    // Not a stake: a bet of zero, a free one, one in a currency without denominations, money that plays elsewhere.
    let usd = PlaceBet { currency: commands::currency("USD"), ..commands::bet("T2", "Q", "0") };
    let _ = fixed()
        .bet("T1", "R", "0")
        .applied()
        .when(commands::free_bet("T3", "P", "0.20"))
        .applied()
        .when(usd)
        .applied()
        .when(commands::roll_out("T4", "3"))
        .applied();
    let _ = fixed().policy(Policy::default()).bet("T1", "R", "3").applied();
}

#[test]
fn a_jurisdiction_demands_a_session_whatever_a_call_says() {
    let law = || german(profile(|profile| profile.session_needed = true)).when(commands::start_session("S1"));
    let off = CallFlags { validate_session: Some(false), ..CallFlags::default() };
    let _ = law().bet("T1", "R", "1").rejected("session_expired");
    let _ = law().when(PlaceBet { flags: off, ..commands::bet("T1", "R", "1") }).rejected("session_expired");
    let ended = PlaceBet { flags: off, ..commands::bet_in("S9", "T1", "R", "1") };
    let _ = law().when(ended).rejected("session_expired");
    let _ = law().when(commands::bet_in("S1", "T1", "R", "1")).applied().win_close("W1", "R", "1").applied();
}

// Precedence (D.3).

#[test]
fn of_several_refusals_of_a_bet_the_first_is_told() {
    let mut policy = profile(|profile| {
        profile.round_interval_ms = 5_000;
        profile.session_needed = true;
        profile.stakes.insert(commands::currency("EUR"), vec!["1.00".parse().unwrap()]);
    });
    policy.default.one_open_round = true;
    let start = german(policy)
        .when(commands::start_session("S1"))
        .when(commands::bet_in("S1", "T1", "R", "1"))
        .applied();
    // Everything is wrong with it; one after the other is put right.
    let usd = commands::currency("USD");
    let gbp = commands::currency("GBP");
    let wrong = PlaceBet {
        currency: gbp,
        session: Some(commands::session("S9")),
        funds: Funds::Bonus,
        ..commands::bet("T2", "Q", "-3")
    };
    let many = CallFlags { open_rounds: Some(true), ..CallFlags::default() };
    let steps: Vec<(PlaceBet, &str)> = vec![
        (wrong.clone(), "not_allowed"),
        (PlaceBet { flags: many, ..wrong.clone() }, "currency_mismatch"),
        (PlaceBet { flags: many, currency: usd, ..wrong.clone() }, "session_expired"),
        (
            PlaceBet { flags: many, session: Some(commands::session("S1")), ..wrong.clone() },
            "currency_mismatch",
        ),
    ];
    for (bet, code) in steps {
        let _ = start.clone().when(bet).rejected(code);
    }
    let right = |amount: &str| PlaceBet {
        flags: many,
        session: Some(commands::session("S1")),
        funds: Funds::Bonus,
        ..commands::bet("T2", "Q", amount)
    };
    let _ = start.clone().when(right("-3")).refused("invalid_amount");
    let _ = start.clone().when(right("3.001")).refused("precision");
    let closed = start.clone().when(commands::close_player("Z1"));
    let _ = closed.when(right("30")).rejected("player_closed");
    let _ = start.clone().when(right("30")).rejected("round_too_soon");
    let later = start.after_secs(5);
    let _ = later.clone().when(right("30")).rejected("stake_not_allowed");
    let _ = later
        .clone()
        .when(right("1"))
        .rejected("bonus_rule")
        .refused_as(&Rejection::BonusRule { rule: BonusRule::NoBonus });
    let cash = PlaceBet { funds: Funds::Cash, ..right("1") };
    let poor = later.clone().when(commands::roll_out("T8", "9"));
    let _ = poor.rejected("session_expired");
    let spent: PlayerCommand = commands::tip("T9", "9").into();
    let _ = later.clone().when(spent).applied().when(cash.clone()).rejected("insufficient_funds");
    let _ = later.when(cash).applied();
}
