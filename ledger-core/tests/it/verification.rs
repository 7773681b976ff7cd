//! Tiers of verification, persons, limits on the balance and on the time of sessions, and which funds count: R11 and R29 to
//! R33 in docs/scenarios.md.

use ledger_core::stored::{
    Event, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, PendingStatus, WithdrawalRequested,
};
use ledger_core::testing::{Scenario, commands, given, given_house, given_nobody, house_commands};
use ledger_core::{
    ControlPolicy, CountedFunds, JurisdictionProfile, KycRequirement, Limit, LimitRule, OpenPlayer, PersonId,
    Policy, Rejection, TierBar, TierName, TierRule, WithdrawalGate, WithdrawalPolicy,
};

const HOUR: u32 = 3_600;

fn name(text: &str) -> TierName {
    TierName::new(text).unwrap()
}

fn day(kind: LimitKind) -> LimitTerm {
    commands::term(kind, LimitPeriod::Day, LimitBasis::Rolling)
}

fn balance() -> LimitTerm {
    LimitTerm { window: None, ..day(LimitKind::Balance) }
}

fn keeping(controls: ControlPolicy) -> Policy {
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn tier(text: &str, bars: &[TierBar], limits: &[(LimitTerm, &str)]) -> TierRule {
    let limits = limits.iter().map(|(term, amount)| {
        let amount = commands::decimal(amount);
        LimitRule { term: *term, amount }
    });
    TierRule { name: name(text), bars: bars.to_vec(), limits: limits.collect() }
}

/// Who is not verified may deposit 50 a day; the next may deposit 100 and withdraw; the last may do anything.
fn tiers() -> ControlPolicy {
    ControlPolicy {
        tiers: vec![
            tier("none", &[TierBar::Play, TierBar::Withdrawals], &[(day(LimitKind::Deposit), "50")]),
            tier("basic", &[], &[(day(LimitKind::Deposit), "100"), (day(LimitKind::Stake), "5")]),
            tier("full", &[], &[]),
        ],
        withdrawal_gates: vec![WithdrawalGate {
            currency: commands::currency("EUR"),
            above: commands::decimal("60"),
            tier: name("full"),
        }],
        ..ControlPolicy::DEFAULT
    }
}

fn exceeded(term: LimitTerm, side: LimitSide, left: &str) -> Rejection {
    Rejection::LimitExceeded {
        limit: Limit::Protection { kind: term.kind, window: term.window, side },
        left: Some(left.parse().unwrap()),
    }
}

fn kyc(text: &str) -> Rejection {
    Rejection::KycRequired { tier: Some(name(text)) }
}

#[test]
fn r29_a_tier_bars_and_limits() {
    let new = given().cash("100.00").policy(keeping(tiers()));
    let all = [("psp:clearing of psp", "100.00"), ("player:cash", "100.00")];
    let new = new.bet("T1", "R", "1").rejected("kyc_required").refused_as(&kyc("basic"));
    let new = new.when(commands::tip("T2", "1")).rejected("kyc_required");
    let new = new.when(commands::start_session("S1")).rejected("kyc_required");
    let new = new.when(commands::roll_out("O1", "1")).rejected("kyc_required");
    let new = new.when(commands::request("W1", "1")).rejected("kyc_required").refused_as(&kyc("basic"));
    let new = new.when(commands::initiate("I1", "50.01")).rejected("limit_exceeded");
    let new = new.refused_as(&exceeded(day(LimitKind::Deposit), LimitSide::Tier, "50.00")).accounts(&all);
    // The next tier: its limits take the place of those of the first, from the next command on.
    let basic = new.when(commands::tier("V1", Some("basic"))).records(&["player.kyc.status_changed"]);
    let basic = basic.when(commands::initiate("I2", "100")).applied();
    let basic = basic.records(&["limit.set", "limit.set", "cashier.deposit.initiated", "limit.warned"]);
    let basic = basic.when(commands::initiate("I3", "0.01")).rejected("limit_exceeded");
    let basic = basic.bet("T3", "R", "5.01").rejected("limit_exceeded");
    let basic = basic.refused_as(&exceeded(day(LimitKind::Stake), LimitSide::Tier, "5.00"));
    let basic = basic.bet("T4", "R", "5").applied();
    // The last has none, and what was counted for them is forgotten.
    let full = basic.clone().when(commands::tier("V2", Some("full"))).applied();
    let full = full.bet("T5", "R", "50").applied().when(commands::initiate("I4", "900")).applied();
    let limits = full.ledger().state().controls().unwrap().limits().len();
    assert_eq!(limits, 0);
    // And back: who is given none has the lowest.
    let back = full.when(commands::tier("V3", None)).applied().bet("T6", "R", "1").rejected("kyc_required");
    // A round of before goes on.
    let back = back.win_close("W9", "R", "20").applied();
    let _ = back.when(commands::initiate("I5", "50")).rejected("limit_exceeded").accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "65.00"),
        ("gaming:stakes of game", "55.00"),
        ("gaming:payouts of game", "20.00"),
    ]);
    // The operator cannot set a limit of this side.
    let own =
        ledger_core::SetLimit { side: LimitSide::Tier, ..commands::limit("L1", day(LimitKind::Loss), "1") };
    let _ = basic.when(own).rejected("not_allowed");
}

#[test]
fn r29_tiers_are_those_of_the_policy() {
    let new = given().policy(keeping(tiers()));
    let new = new.when(commands::tier("V1", Some("gold"))).rejected("not_allowed");
    let new = new.when(commands::tier("V2", None)).noop().records(&["txn.noted"]);
    let some = new.when(commands::tier("V3", Some("basic"))).applied();
    let some = some.when(commands::tier("V3", Some("basic"))).replayed("applied");
    let some = some.when(commands::tier("V4", Some("basic"))).noop();
    let event = some.ledger().events().find_map(|record| match &record.event {
        Event::KycStatusChanged(event) => Some(event.clone()),
        _ => None,
    });
    let event = event.unwrap();
    assert_eq!((event.tier, event.previous), (Some(name("basic")), None));
    assert_eq!((event.by.as_str(), event.reason.as_str()), ("anna", "documents seen"));
    // A tier that a later policy has not is the lowest; without tiers nothing depends on them.
    let other =
        ControlPolicy { tiers: vec![tier("zero", &[TierBar::Deposits], &[])], ..ControlPolicy::DEFAULT };
    let other = some.policy(keeping(other)).when(commands::initiate("I1", "1")).rejected("kyc_required");
    let other = other.refused_as(&Rejection::KycRequired { tier: None });
    let _ = other.policy(Policy::default()).when(commands::initiate("I2", "1")).applied();
}

fn requested(scenario: &Scenario) -> WithdrawalRequested {
    let all = scenario.ledger().events().filter_map(|record| match &record.event {
        Event::WithdrawalRequested(event) => Some(event.clone()),
        _ => None,
    });
    all.last().unwrap()
}

#[test]
fn r30_withdrawals_above_a_sum_need_a_tier() {
    let kept = |kyc| {
        let withdrawals = WithdrawalPolicy { kyc, ..WithdrawalPolicy::default() };
        Policy { withdrawals, ..keeping(tiers()) }
    };
    let paid = |kyc| {
        let some = given().cash("200.00").policy(kept(kyc)).when(commands::tier("V1", Some("basic")));
        let some = some.applied().when(commands::request("W1", "40")).applied();
        let some = some.when(commands::approve_withdrawal("A1", "W1", "ann")).applied();
        some.when(commands::send("P1", "W1")).applied().when(commands::mark_paid("M1", "W1")).applied()
    };
    // What was paid and what is under way count, to the cent.
    let waits = paid(KycRequirement::Await);
    let fine = waits.clone().when(commands::request("W2", "20")).applied();
    assert_eq!(requested(&fine).status, PendingStatus::Requested);
    let waits = waits.when(commands::request("W2", "20.01")).applied();
    assert_eq!(requested(&waits).status, PendingStatus::AwaitingKyc);
    let waits = waits.when(commands::pass_kyc("K1", "W2")).rejected("kyc_required").refused_as(&kyc("full"));
    let waits = waits.when(commands::tier("V2", Some("full"))).applied();
    let _ = waits.when(commands::pass_kyc("K2", "W2")).applied().accounts(&[
        ("psp:clearing of psp", "160.00"),
        ("player:cash", "139.99"),
        ("player:withdrawal_pending of cashier/W2", "20.01"),
    ]);
    let _ = fine.clone().when(commands::request("W3", "0.01")).applied();
    for requirement in [KycRequirement::NotRequired, KycRequirement::Reject] {
        let out = paid(requirement).when(commands::request("W2", "20.01"));
        let out = out.rejected("kyc_required").refused_as(&kyc("full"));
        let out = out.when(commands::request("W3", "20")).applied();
        // What is given up counts no more.
        let out = out.when(commands::request("W4", "1")).rejected("kyc_required");
        let out = out.when(commands::reject_withdrawal("J1", "W3")).applied();
        let out = out.when(commands::request("W5", "20")).applied();
        let full = out.when(commands::tier("V2", Some("full"))).applied();
        let _ = full.when(commands::request("W6", "100")).applied();
    }
    // What came back was not paid.
    let back = paid(KycRequirement::NotRequired).when(commands::mark_returned("B1", "W1")).applied();
    let _ = back.clone().when(commands::request("W2", "60.01")).rejected("kyc_required");
    let _ = back.when(commands::request("W3", "60")).applied();
}

#[test]
fn r31_a_limit_on_the_balance_bounds_deposits() {
    let new = given().cash("60.00").when(commands::limit("L1", balance(), "100")).applied();
    let over = new.when(commands::initiate("I1", "40.01")).rejected("limit_exceeded");
    let over = over.refused_as(&exceeded(balance(), LimitSide::Player, "40.00"));
    // What is held for bets is still his, what is lost is not; deposits under way count.
    let held = over.bet("T1", "R", "30").applied().when(commands::initiate("I2", "40.01"));
    let held = held.rejected("limit_exceeded").when(commands::initiate("I3", "30")).applied();
    let held = held.when(commands::initiate("I4", "10.01")).rejected("limit_exceeded");
    let lost = held.close("C1", "R").applied().when(commands::initiate("I5", "40")).applied();
    let lost = lost.when(commands::initiate("I6", "0.01")).rejected("limit_exceeded");
    // Wins and what a payment provider has captured pass; there is nothing left then.
    let rich = lost.when(commands::capture("D2", "I3", "30")).applied().bet("T2", "R2", "10").applied();
    let rich = rich.win_close("W1", "R2", "500").applied().when(commands::initiate("I7", "1"));
    let rich = rich.refused_as(&exceeded(balance(), LimitSide::Player, "0.00"));
    let _ = rich.accounts(&[
        ("psp:clearing of psp", "90.00"),
        ("player:cash", "550.00"),
        ("gaming:stakes of game", "40.00"),
        ("gaming:payouts of game", "500.00"),
    ]);
    // It has no window, and is raised as any other limit.
    let windowed = LimitTerm { window: day(LimitKind::Loss).window, ..balance() };
    let _ = given().when(commands::limit("L1", windowed, "1")).rejected("not_allowed");
    let raise = given().cash("60.00").when(commands::limit("L1", balance(), "100")).applied();
    let raise = raise.when(commands::limit("L2", balance(), "500")).applied().after_secs(24 * HOUR);
    let raise = raise.when(commands::initiate("I1", "41")).rejected("limit_exceeded");
    let raise = raise.when(commands::confirm_limit("K1", balance())).applied();
    let _ = raise.when(commands::initiate("I2", "440")).applied();
}

#[test]
fn r32_of_two_limits_on_the_time_of_a_session_the_lower_counts() {
    let two_hours = keeping(ControlPolicy { session_max_secs: Some(2 * HOUR), ..ControlPolicy::DEFAULT });
    let bet = |id: &str| commands::bet_in("S1", id, "R1", "1");
    let own = |secs| {
        let some = given().cash("10.00").policy(two_hours.clone());
        let some = some.when(commands::session_limit("L1", Some(secs))).records(&["session_limit.set"]);
        some.when(commands::start_session("S1")).applied().when(bet("T1")).applied()
    };
    let short = own(HOUR).after_secs(HOUR - 1).when(bet("T2")).applied().after_secs(1).when(bet("T3"));
    let short = short.refused_as(&Rejection::SessionTimeReached { limit_secs: HOUR });
    let long = own(3 * HOUR).after_secs(2 * HOUR).when(bet("T3"));
    let _ = long.refused_as(&Rejection::SessionTimeReached { limit_secs: 2 * HOUR });
    // Longer after its time and a confirmation, shorter at once, and it takes back what waits.
    let asked = short.when(commands::session_limit("L2", None)).records(&["session_limit.raise_requested"]);
    let asked = asked.when(commands::confirm_session_limit("K1")).rejected("not_allowed");
    let asked = asked.after_secs(24 * HOUR).when(commands::start_session("S2")).applied();
    let early = asked.clone().when(commands::session_limit("L3", Some(60))).records(&["session_limit.set"]);
    let early = early.when(commands::confirm_session_limit("K2")).rejected("not_allowed");
    let early = early.after_secs(60).when(commands::bet_in("S2", "T4", "R1", "1"));
    let _ = early.refused_as(&Rejection::SessionTimeReached { limit_secs: 60 });
    let none = asked.when(commands::confirm_session_limit("K2")).applied().after_secs(HOUR);
    let none = none.when(commands::bet_in("S2", "T4", "R1", "1")).applied();
    let none = none.when(commands::session_limit("L4", None)).noop();
    let _ = none.when(commands::confirm_session_limit("K3")).rejected("not_allowed").accounts(&[
        ("psp:clearing of psp", "10.00"),
        ("player:cash", "7.00"),
        ("player:held of prov/R1", "3.00"),
    ]);
    // Where no confirmation is asked for, it comes by itself.
    let swift =
        ControlPolicy { raise_needs_confirmation: false, raise_after_secs: 60, ..ControlPolicy::DEFAULT };
    let swift = given().cash("10.00").policy(keeping(swift)).when(commands::session_limit("L1", Some(10)));
    let swift = swift.when(commands::start_session("S1")).when(commands::session_limit("L2", Some(100)));
    let swift = swift.applied().after_secs(59).when(bet("T1")).rejected("session_time_reached").after_secs(1);
    let swift = swift.when(bet("T2")).applied().after_secs(40).when(bet("T3"));
    let swift = swift.refused_as(&Rejection::SessionTimeReached { limit_secs: 100 });
    // Asked for again, what came by itself is what he has.
    let swift =
        swift.when(commands::session_limit("L3", Some(200))).records(&["session_limit.raise_requested"]);
    let swift = swift.when(bet("T4")).refused_as(&Rejection::SessionTimeReached { limit_secs: 100 });
    let _ = swift.when(commands::session_limit("L4", Some(90))).records(&["session_limit.set"]);
}

#[test]
fn r33_a_player_may_be_known_as_a_person() {
    let person = |scenario: &Scenario| {
        let profile = scenario.ledger().state().profile().unwrap();
        profile.person.as_ref().map(|person| person.as_str().to_owned())
    };
    let open = OpenPlayer { person: Some(PersonId::new("h1").unwrap()), ..commands::open(&["EUR"]) };
    let opened = given_nobody().when(open).applied();
    assert_eq!(person(&opened).as_deref(), Some("h1"));
    // Who it is, is no part of the key's payload.
    let opened = opened.when(commands::open(&["EUR"])).replayed("applied");
    let other = opened.when(commands::set_person("P1", Some("h2"))).records(&["player.person_changed"]);
    assert_eq!(person(&other).as_deref(), Some("h2"));
    let other = other.when(commands::set_person("P2", Some("h2"))).noop();
    let none = other.when(commands::set_person("P3", None)).applied();
    assert_eq!(person(&none), None);
    let _ = none.when(commands::set_person("P3", Some("h2"))).refused("key_reused").accounts(&[]);
}

#[test]
fn r11_where_the_policy_counts_all_funds_bonus_credits_count() {
    let all = ControlPolicy { counted_funds: CountedFunds::All, ..ControlPolicy::DEFAULT };
    let (stake, loss) = (day(LimitKind::Stake), day(LimitKind::Loss));
    let played = |controls: ControlPolicy| {
        let some = given().cash("10.00").policy(keeping(controls));
        let mut terms = commands::bonus_terms(30);
        terms.funds = ledger_core::FundOrder::CashFirst;
        let some = some.terms("welcome", terms);
        let some = some.when(commands::grant_bonus("G1", "50")).applied();
        let some = some.when(commands::limit("L1", stake, "40")).applied();
        let some = some.when(commands::limit("L2", loss, "35")).applied();
        // Ten of cash and twenty of credits.
        some.bet("T1", "R1", "30").applied()
    };
    let used = |scenario: &Scenario, term| {
        let ledger = scenario.ledger();
        let left = ledger.state().limits_left(ledger.policy(), ledger.now());
        left.iter().find(|left| left.term == term).unwrap().used.to_string()
    };
    let own = played(ControlPolicy::DEFAULT);
    assert_eq!((used(&own, stake).as_str(), used(&own, loss).as_str()), ("10.00", "10.00"));
    let whole = played(all.clone());
    assert_eq!((used(&whole, stake).as_str(), used(&whole, loss).as_str()), ("30.00", "30.00"));
    let whole = whole.bet("T2", "R2", "5.01").rejected("limit_exceeded");
    let whole = whole.refused_as(&exceeded(loss, LimitSide::Player, "5.00"));
    // A third of the win is cash, the rest goes to the award; both lower what is lost.
    let won = whole.win_close("W1", "R1", "12").applied();
    assert_eq!((used(&won, stake).as_str(), used(&won, loss).as_str()), ("30.00", "18.00"));
    // The fold counts both: under another policy the same events are counted as it says.
    let other = won.clone().policy(keeping(ControlPolicy::DEFAULT));
    assert_eq!((used(&other, stake).as_str(), used(&other, loss).as_str()), ("10.00", "6.00"));
    // What is undone is given back, of either.
    let undone = won.when(commands::void_settled_round("V1", "R1")).applied();
    assert_eq!((used(&undone, stake).as_str(), used(&undone, loss).as_str()), ("0.00", "0.00"));
    // A single bet is all of it.
    let single = played(all).when(commands::limit("L3", commands::single_bet(), "4")).applied();
    let _ = single.bet("T3", "R3", "5").rejected("limit_exceeded");
    let single = played(ControlPolicy::DEFAULT).when(commands::limit("L3", commands::single_bet(), "4"));
    let _ = single.applied().bet("T3", "R3", "5").applied();
}

#[test]
fn a_policy_whose_tiers_make_no_sense_is_not_published() {
    let with = |change: fn(&mut ControlPolicy)| {
        let mut controls = tiers();
        change(&mut controls);
        given_house("configuration").when(house_commands::publish_policy("P1", &keeping(controls)))
    };
    let _ = with(|_| {}).applied();
    let _ = with(|controls| controls.tiers[1].name = name("none")).refused("document_invalid");
    let _ = with(|controls| controls.withdrawal_gates[0].tier = name("gold")).refused("document_invalid");
    let _ = with(|controls| controls.tiers[0].limits[0].amount = commands::decimal("-1"))
        .refused("document_invalid");
    let _ = with(|controls| controls.tiers[0].limits[0].term.window = None).refused("document_invalid");
}
