//! Alerts and cases: the view against what the core keeps of them and against a few plain lines over the events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger_core::stored::{CaseFinding, Event, TransactionRef};
use ledger_core::{ActorId, PlayerId, Stream, Timestamp};
use ledger_projections::Memory;
use ledger_projections::cases::{AlertState, CaseRow, CaseState, Cases, ReadCases};
use ledger_projections::testing::{History, history};

use crate::controls::paged;
use crate::figures::{each_history, feed, in_every_home, kit};
use crate::generated::states;
use crate::naive::now;

type Name = (PlayerId, String);

fn name(player: &PlayerId, of: &TransactionRef) -> Name {
    (player.clone(), format!("{}/{}/{}", of.source, of.kind.as_str(), of.id))
}

/// What became of a case, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plain {
    state: &'static str,
    opened: Timestamp,
    to: Option<ActorId>,
    closed: Option<Timestamp>,
}

#[derive(Default)]
struct Naive {
    /// Since when, and until when.
    alerts: BTreeMap<Name, (Timestamp, Option<Timestamp>)>,
    cases: BTreeMap<Name, Plain>,
}

fn naive(history: &History) -> Naive {
    let mut found = Naive::default();
    for commit in &history.commits {
        let at = commit.body.recorded_at;
        for record in &commit.body.events {
            let Stream::Player(player) = &record.stream else { continue };
            match &record.event {
                Event::AlertRaised(event) => {
                    found.alerts.insert(name(player, &event.txn), (at, None));
                }
                Event::AlertClosed(event) => {
                    found.alerts.get_mut(&name(player, &event.alert)).unwrap().1 = Some(at);
                }
                Event::CaseOpened(event) => {
                    let plain = Plain { state: "open", opened: at, to: None, closed: None };
                    found.cases.insert(name(player, &event.txn), plain);
                }
                Event::CaseAssigned(event) => {
                    let case = found.cases.get_mut(&name(player, &event.case)).unwrap();
                    (case.state, case.to) = ("assigned", Some(event.to.clone()));
                }
                Event::CaseClosed(event) => {
                    let case = found.cases.get_mut(&name(player, &event.case)).unwrap();
                    case.closed = Some(at);
                    case.state = match event.finding {
                        CaseFinding::Cleared => "cleared",
                        _ => "reported",
                    };
                }
                _ => {}
            }
        }
    }
    found
}

fn plain(row: &CaseRow) -> Plain {
    Plain {
        state: row.state.as_str(),
        opened: row.at,
        to: row.assigned_to.clone(),
        closed: row.closed.as_ref().map(|closed| closed.at),
    }
}

fn check(reader: &dyn ReadCases, history: &History) -> usize {
    let expected = naive(history);
    let mut alerts = BTreeMap::new();
    for state in AlertState::ALL {
        let rows = paged(|after| now(reader.alerts(*state, after, 2)).unwrap().value);
        assert!(rows.is_sorted_by_key(|row| row.at), "the oldest first");
        for row in rows {
            assert_eq!(row.state(), *state);
            let one = now(reader.alert(&row.player, &row.of)).unwrap().value;
            assert_eq!(one.as_ref(), Some(&row));
            let later = row.at.saturating_add(Duration::from_secs(5));
            let age =
                row.closed.as_ref().map_or(5_000_000, |closed| closed.at.as_micros() - row.at.as_micros());
            assert_eq!(row.age(later).as_micros(), u128::try_from(age).unwrap());
            let times = (row.at, row.closed.as_ref().map(|closed| closed.at));
            assert!(alerts.insert(name(&row.player, &row.of), times).is_none(), "each once");
        }
    }
    assert_eq!(alerts, expected.alerts);
    let mut cases = BTreeMap::new();
    for state in CaseState::ALL {
        let rows = paged(|after| now(reader.cases(*state, after, 2)).unwrap().value);
        assert!(rows.is_sorted_by_key(|row| row.at), "the oldest first");
        for row in rows {
            assert_eq!(row.state, *state);
            let one = now(reader.case(&row.player, &row.of)).unwrap().value;
            assert_eq!(one.as_ref(), Some(&row));
            assert!(cases.insert(name(&row.player, &row.of), plain(&row)).is_none(), "each once");
        }
    }
    assert_eq!(cases, expected.cases);
    let actors: BTreeSet<ActorId> = cases.values().filter_map(|case| case.to.clone()).collect();
    for actor in &actors {
        let rows = paged(|after| now(reader.assigned(actor, after, 1)).unwrap().value);
        let found: BTreeSet<Name> = rows.iter().map(|row| name(&row.player, &row.of)).collect();
        let is_his = |case: &Plain| case.state == "assigned" && case.to.as_ref() == Some(actor);
        let own = expected.cases.iter().filter(|(_, case)| is_his(case)).map(|(name, _)| name.clone());
        assert_eq!(found, own.collect());
    }
    for (player, state) in states(history) {
        let alerts = paged(|after| now(reader.alerts_of(&player, after, 2)).unwrap().value);
        let own = expected.alerts.keys().filter(|(of, _)| *of == player).count();
        assert_eq!(alerts.len(), own);
        // The core keeps what is open.
        let open =
            alerts.iter().filter(|row| row.closed.is_none()).map(|row| (row.at, name(&player, &row.of)));
        let kept = state.alerts().iter().map(|alert| (alert.at, name(&player, &alert.of)));
        assert_eq!(open.collect::<BTreeSet<_>>(), kept.collect());
        let cases = paged(|after| now(reader.cases_of(&player, after, 2)).unwrap().value);
        assert_eq!(cases.len(), expected.cases.keys().filter(|(of, _)| *of == player).count());
        let open = cases.iter().filter(|row| row.state.is_open());
        let open = open.map(|row| (row.at, name(&player, &row.of), row.assigned_to.clone()));
        let kept = state.cases().iter();
        let kept = kept.map(|case| (case.at, name(&player, &case.of), case.assigned_to.clone()));
        assert_eq!(open.collect::<BTreeSet<_>>(), kept.collect());
    }
    let (by_alert, by_case) = now(reader.counts()).unwrap().value;
    let sum = |counts: Vec<u64>| usize::try_from(counts.iter().sum::<u64>()).unwrap();
    assert_eq!(sum(by_alert.iter().map(|(_, count)| *count).collect()), expected.alerts.len());
    assert_eq!(sum(by_case.iter().map(|(_, count)| *count).collect()), expected.cases.len());
    for (state, count) in by_case {
        let own = expected.cases.values().filter(|case| case.state == state.as_str()).count();
        assert_eq!(usize::try_from(count).unwrap(), own);
    }
    expected.alerts.len() + expected.cases.len()
}

#[test]
fn e65_alerts_and_cases_are_known_by_state_person_and_player() {
    let seen = std::cell::Cell::new(0);
    each_history(|history, size| {
        in_every_home!(Cases, history.identity, history.commits, size, |reader| {
            seen.set(seen.get() + check(reader, history));
        });
    });
    for seed in 20..24 {
        let history = history(4, 4, 200, seed);
        in_every_home!(Cases, history.identity, history.commits, 41, |reader| {
            seen.set(seen.get() + check(reader, &history));
        });
    }
    assert!(seen.get() > 30, "only {}", seen.get());
}

#[tokio::test]
async fn cases_keep_the_contract() {
    kit::<Cases>(&history(4, 8, 80, 9)).await;
}
