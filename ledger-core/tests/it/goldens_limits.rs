//! Goldens of limits.

use crate::goldens::{amount, record, txn_ref};
use ledger_core::stored::{
    AlertClosed, AlertRaised, CaseAssigned, CaseClosed, CaseFinding, CaseOpened, Event, EventRecord,
    ExclusionKind, ExclusionReturnRequested, ExclusionStarted, KycStatusChanged, LimitBasis, LimitBounds,
    LimitCause, LimitKind, LimitPeriod, LimitProfileAssigned, LimitRaiseRequested, LimitSet, LimitSide,
    LimitWarned, LimitWindow, LimitWindowOpened, LimitWindowsOpened, Money, PersonChanged, PlayTimeLimitSet,
    PlayTimeRaiseRequested, PlayTimeWarned, PlayTimeWindowOpened, PlayTimeWindowsOpened, RegisterAnswered,
    RegisterOutcome, RegisterRecord, SessionLimitRaiseRequested, SessionLimitSet,
};
use ledger_core::testing::commands;
use ledger_core::{OperationKind, PersonId, ProfileName, Reason, RegisterName, SignalName, TierName};

fn bounds(from: &str, until: &str) -> LimitBounds {
    LimitBounds { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

/// One event of every type of this part, every optional field there.
pub(crate) fn samples() -> Vec<EventRecord> {
    let week = commands::term(LimitKind::Loss, LimitPeriod::Week, LimitBasis::Calendar);
    let set = |id: &str| txn_ref("host", OperationKind::LimitSet, id);
    let stream = "player/p1";
    vec![
        record(
            stream,
            2,
            Event::LimitSet(LimitSet {
                txn: set("L1"),
                side: LimitSide::Operator,
                term: week,
                amount: Some(amount("50.00")),
                previous: Some(amount("100.00")),
                cause: LimitCause::Set,
                bounds: Some(bounds("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z")),
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            stream,
            3,
            Event::LimitRaiseRequested(LimitRaiseRequested {
                txn: set("L2"),
                term: week,
                amount: Some(amount("200.00")),
                due_at: "2026-03-30T10:00:00Z".parse().unwrap(),
                confirm: true,
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            stream,
            4,
            Event::LimitWindowsOpened(LimitWindowsOpened {
                windows: vec![LimitWindowOpened {
                    term: week,
                    bounds: bounds("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"),
                }],
            }),
        ),
        record(
            stream,
            5,
            Event::LimitWarned(LimitWarned {
                txn: txn_ref("prov", OperationKind::Bet, "T1"),
                term: week,
                side: LimitSide::Player,
                amount: amount("50.00"),
                used: amount("46.00"),
            }),
        ),
        record(
            stream,
            6,
            Event::ExclusionStarted(ExclusionStarted {
                txn: txn_ref("host", OperationKind::Exclusion, "E1"),
                kind: ExclusionKind::SelfExclusion,
                until: Some("2027-01-01T00:00:00Z".parse().unwrap()),
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            stream,
            7,
            Event::ExclusionReturnRequested(ExclusionReturnRequested {
                txn: txn_ref("host", OperationKind::ExclusionReturn, "B1"),
                returns_at: "2027-01-02T00:00:00Z".parse().unwrap(),
            }),
        ),
    ]
    .into_iter()
    .chain(protection_samples())
    .collect()
}

fn register_answers() -> Vec<RegisterRecord> {
    let outcomes = [
        ("spelpaus", RegisterOutcome::Clear),
        ("oasis", RegisterOutcome::Excluded { until: Some("2027-01-01T00:00:00Z".parse().unwrap()) }),
        (
            "lugas",
            RegisterOutcome::Left(Money { currency: commands::currency("EUR"), amount: amount("700.00") }),
        ),
        ("cruks", RegisterOutcome::Unreachable),
    ];
    let record = |(name, outcome)| RegisterRecord {
        register: RegisterName::new(name).unwrap(),
        asked_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        outcome,
    };
    outcomes.into_iter().map(record).collect()
}

fn protection_samples() -> Vec<EventRecord> {
    let stream = "player/p1";
    vec![
        record(
            stream,
            8,
            Event::RegisterAnswered(RegisterAnswered {
                txn: txn_ref("host", OperationKind::RegisterAnswer, "A1"),
                answers: register_answers(),
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            stream,
            13,
            Event::LimitProfileAssigned(LimitProfileAssigned {
                txn: txn_ref("office", OperationKind::LimitProfile, "F1"),
                profile: Some(ProfileName::new("VIP_A").unwrap()),
                previous: Some(ProfileName::new("NEW").unwrap()),
                by: commands::person("anna"),
                reason: Reason::new("plays a lot").unwrap(),
            }),
        ),
        record(
            stream,
            9,
            Event::KycStatusChanged(KycStatusChanged {
                txn: txn_ref("kyc", OperationKind::Tier, "V1"),
                tier: Some(TierName::new("verified").unwrap()),
                previous: Some(TierName::new("basic").unwrap()),
                by: commands::person("anna"),
                reason: Reason::new("passport seen").unwrap(),
            }),
        ),
        record(
            stream,
            10,
            Event::PersonChanged(PersonChanged {
                txn: txn_ref("kyc", OperationKind::Person, "P1"),
                person: Some(PersonId::new("h2").unwrap()),
                previous: Some(PersonId::new("h1").unwrap()),
                by: commands::person("anna"),
                reason: Reason::new("same passport").unwrap(),
            }),
        ),
    ]
    .into_iter()
    .chain(risk_samples())
    .chain(session_limit_samples())
    .chain(play_time_samples())
    .collect()
}

fn risk_samples() -> Vec<EventRecord> {
    let (anna, boris) = (|| commands::person("anna"), || commands::person("boris"));
    let reason = || Reason::new("twelve voids in an hour").unwrap();
    let signal = || SignalName::new("many_voids").unwrap();
    let alert = || txn_ref("risk", OperationKind::Alert, "R1");
    let case = || txn_ref("office", OperationKind::Case, "O1");
    let raised =
        AlertRaised { txn: alert(), signal: signal(), by: commands::person("watch"), reason: reason() };
    let closed = AlertClosed {
        txn: txn_ref("office", OperationKind::AlertClose, "C1"),
        alert: alert(),
        by: anna(),
        reason: reason(),
    };
    let opened = CaseOpened { txn: case(), signal: Some(signal()), by: Some(anna()), reason: Some(reason()) };
    let assigned = CaseAssigned {
        txn: txn_ref("office", OperationKind::CaseAssign, "G1"),
        case: case(),
        to: boris(),
        by: anna(),
    };
    let ended = CaseClosed {
        txn: txn_ref("office", OperationKind::CaseClose, "E1"),
        case: case(),
        finding: CaseFinding::Reported,
        by: boris(),
        reason: reason(),
    };
    let events = [
        Event::AlertRaised(raised),
        Event::AlertClosed(closed),
        Event::CaseOpened(opened),
        Event::CaseAssigned(assigned),
        Event::CaseClosed(ended),
    ];
    (14..).zip(events).map(|(version, event)| record("player/p1", version, event)).collect()
}

fn play_time_samples() -> Vec<EventRecord> {
    let week = LimitWindow { period: LimitPeriod::Week, basis: LimitBasis::Calendar };
    let set = |id: &str| txn_ref("host", OperationKind::PlayTimeLimitSet, id);
    let events = [
        Event::PlayTimeLimitSet(PlayTimeLimitSet {
            txn: set("T1"),
            side: LimitSide::Operator,
            window: week,
            max_secs: Some(36_000),
            previous: Some(72_000),
            cause: LimitCause::Set,
            bounds: Some(bounds("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z")),
            by: Some(commands::person("anna")),
        }),
        Event::PlayTimeRaiseRequested(PlayTimeRaiseRequested {
            txn: set("T2"),
            window: week,
            max_secs: Some(72_000),
            due_at: "2026-03-30T10:00:00Z".parse().unwrap(),
            confirm: true,
            by: Some(commands::person("anna")),
        }),
        Event::PlayTimeWindowsOpened(PlayTimeWindowsOpened {
            windows: vec![PlayTimeWindowOpened {
                window: week,
                bounds: bounds("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"),
            }],
        }),
        Event::PlayTimeWarned(PlayTimeWarned {
            txn: txn_ref("prov", OperationKind::Bet, "T3"),
            window: week,
            side: LimitSide::Player,
            max_secs: 36_000,
            used_secs: 32_400,
        }),
    ];
    (20..).zip(events).map(|(version, event)| record("player/p1", version, event)).collect()
}

fn session_limit_samples() -> Vec<EventRecord> {
    let stream = "player/p1";
    vec![
        record(
            stream,
            11,
            Event::SessionLimitSet(SessionLimitSet {
                txn: txn_ref("host", OperationKind::SessionLimitSet, "S1"),
                max_secs: Some(3_600),
                previous: Some(7_200),
                cause: LimitCause::Set,
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            stream,
            12,
            Event::SessionLimitRaiseRequested(SessionLimitRaiseRequested {
                txn: txn_ref("host", OperationKind::SessionLimitSet, "S2"),
                max_secs: Some(10_800),
                due_at: "2026-11-21T12:00:00Z".parse().unwrap(),
                confirm: true,
                by: Some(commands::person("anna")),
            }),
        ),
    ]
}
