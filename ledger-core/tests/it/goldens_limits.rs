//! Goldens of limits.

use crate::goldens::{amount, record, txn_ref};
use ledger_core::OperationKind;
use ledger_core::stored::{
    Event, EventRecord, ExclusionKind, ExclusionReturnRequested, ExclusionStarted, LimitBasis, LimitBounds,
    LimitCause, LimitKind, LimitPeriod, LimitRaiseRequested, LimitSet, LimitSide, LimitWarned,
    LimitWindowOpened, LimitWindowsOpened,
};
use ledger_core::testing::commands;

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
}
