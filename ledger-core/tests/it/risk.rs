//! Signals of risk and cases: R37 and R38 in docs/scenarios.md.

use ledger_core::stored::{CaseFinding, Event, LimitBasis, LimitCause, LimitKind, LimitPeriod, LimitSide};
use ledger_core::testing::{Scenario, commands, given, given_house, house_commands};
use ledger_core::{
    Block, Capacity, CloseCase, ControlPolicy, JurisdictionProfile, OPEN_ALERTS_MAX, OPEN_CASES_MAX, Policy,
    Reaction, Rejection, RiskRule, SignalName,
};

const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");
const CASH: (&str, &str) = ("player:cash", "10.00");

fn stakes() -> ledger_core::stored::LimitTerm {
    commands::term(LimitKind::Stake, LimitPeriod::Day, LimitBasis::Rolling)
}

fn follows(reactions: Vec<Reaction>) -> Policy {
    let signal = || SignalName::new("many_voids").unwrap();
    let risk = reactions.into_iter().map(|then| RiskRule { signal: signal(), then }).collect();
    let controls = ControlPolicy { risk, ..ControlPolicy::DEFAULT };
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn limit(amount: &str) -> Reaction {
    Reaction::Limit { term: stakes(), amount: commands::decimal(amount) }
}

fn rich(reactions: Vec<Reaction>) -> Scenario {
    given().cash("10.00").policy(follows(reactions))
}

#[test]
fn r37_what_follows_from_a_signal_is_in_its_commit() {
    let all = vec![Reaction::Block { block: Block::PayoutsFrozen }, limit("5"), Reaction::Case];
    let told = rich(all).when(commands::raise_alert("R1", "many_voids")).applied();
    let told = told.records(&["risk.alert.raised", "player.blocked", "limit.set", "aml.case.opened"]);
    let told = told.accounts(&[TEN, CASH]);
    let told = told.when(commands::request("W1", "1")).rejected("player_blocked");
    let told = told.bet("T1", "R", "5.01").rejected("limit_exceeded").bet("T2", "R", "5").applied();
    let set = told.ledger().events().find_map(|record| match &record.event {
        Event::LimitSet(event) => Some(event.clone()),
        _ => None,
    });
    let set = set.unwrap();
    assert_eq!((set.side, set.cause, set.by), (LimitSide::Operator, LimitCause::Signal, None));
    let state = told.ledger().state();
    assert_eq!((state.alerts().len(), state.cases().len()), (1, 1));
    // A second signal finds most of it done.
    let again = told.when(commands::raise_alert("R2", "many_voids"));
    let again = again.records(&["risk.alert.raised", "aml.case.opened"]);
    let again = again.when(commands::raise_alert("R2", "many_voids")).replayed("applied");
    // Another signal means nothing here.
    let again = again.when(commands::raise_alert("R3", "bet_growth")).records(&["risk.alert.raised"]);
    // An alert is closed once; what followed stays.
    let closed = again.when(commands::close_alert("C1", "R1")).records(&["risk.alert.closed"]);
    let closed = closed.when(commands::close_alert("C2", "R1")).rejected("not_allowed");
    let closed = closed.when(commands::close_alert("C3", "R9")).rejected("not_allowed");
    let _ = closed.when(commands::request("W2", "1")).rejected("player_blocked").accounts(&[
        TEN,
        ("player:cash", "5.00"),
        ("player:held of prov/R", "5.00"),
    ]);
}

#[test]
fn r37_a_limit_that_follows_is_never_laxer() {
    let own = |amount| ledger_core::SetLimit {
        side: LimitSide::Operator,
        ..commands::limit("L1", stakes(), amount)
    };
    let lower = rich(vec![limit("5")]).when(own("3")).applied();
    let _ = lower.when(commands::raise_alert("R1", "many_voids")).records(&["risk.alert.raised"]);
    let higher = rich(vec![limit("5"), limit("2")]).when(own("8")).applied().bet("T1", "R", "4").applied();
    let higher = higher.when(commands::raise_alert("R1", "many_voids"));
    // Of two on the same the first counts; what was staked counts on.
    let higher = higher.records(&["risk.alert.raised", "limit.set"]);
    let _ = higher.bet("T2", "R", "1.01").rejected("limit_exceeded").bet("T3", "R", "1").applied();
    // A calendar window of a new limit begins at once; without a purse there is nothing to limit.
    let usd = ledger_core::stored::LimitTerm { currency: commands::currency("USD"), ..stakes() };
    let none = rich(vec![Reaction::Limit { term: usd, amount: commands::decimal("5") }]);
    let _ = none.when(commands::raise_alert("R1", "many_voids")).records(&["risk.alert.raised"]);
}

#[test]
fn r38_a_case_is_opened_assigned_and_closed() {
    let open = given().cash("10.00").when(commands::open_case("O1")).records(&["aml.case.opened"]);
    let open = open.when(commands::open_case("O1")).replayed("applied");
    let open = open.when(commands::assign_case("G1", "O1")).records(&["aml.case.assigned"]);
    let case = open.ledger().state().cases().first().unwrap().clone();
    assert_eq!((case.of, case.assigned_to), (commands::case("O1"), Some(commands::person("boris"))));
    let open = open.when(commands::assign_case("G2", "O2")).rejected("not_allowed");
    let reported = CloseCase { finding: CaseFinding::Reported, ..commands::close_case("E1", "O1") };
    let closed = open.when(reported).records(&["aml.case.closed"]);
    let closed = closed.when(commands::close_case("E2", "O1")).rejected("not_allowed");
    let closed = closed.when(commands::assign_case("G3", "O1")).rejected("not_allowed");
    assert!(closed.ledger().state().cases().is_empty());
    // None of it moves money or bars anything.
    let _ = closed.bet("T1", "R", "1").applied().accounts(&[
        TEN,
        ("player:cash", "9.00"),
        ("player:held of prov/R", "1.00"),
    ]);
}

#[test]
fn r38_there_is_room_for_so_many() {
    let full = |what, maximum: usize| {
        let maximum = u32::try_from(maximum).unwrap();
        Rejection::CapacityExceeded { what, maximum }
    };
    let mut some = rich(vec![Reaction::Case]);
    for n in 0..OPEN_ALERTS_MAX {
        some = some.when(commands::raise_alert(&format!("R{n}"), "many_voids")).applied();
    }
    assert_eq!(some.ledger().state().cases().len(), OPEN_CASES_MAX);
    let some = some.when(commands::raise_alert("R99", "many_voids")).refused("capacity_exceeded");
    let some = some.refused_as(&full(Capacity::Alerts, OPEN_ALERTS_MAX));
    let some = some.when(commands::open_case("O1")).refused("capacity_exceeded");
    let _ = some.refused_as(&full(Capacity::Cases, OPEN_CASES_MAX)).accounts(&[TEN, CASH]);
}

#[test]
fn a_policy_whose_reactions_make_no_sense_is_not_published() {
    let publish = |reaction| {
        let policy = follows(vec![reaction]);
        given_house("configuration").when(house_commands::publish_policy("P1", &policy))
    };
    let _ = publish(limit("5")).applied();
    let _ = publish(limit("-5")).refused("document_invalid");
    let windowless = ledger_core::stored::LimitTerm { window: None, ..stakes() };
    let odd = Reaction::Limit { term: windowless, amount: commands::decimal("5") };
    let _ = publish(odd).refused("document_invalid");
}
