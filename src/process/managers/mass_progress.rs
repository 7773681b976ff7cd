//! How far mass operations are, from the log alone.

use std::collections::BTreeMap;

use ledger_core::stored::{Event, EventRecord, OutcomeKind};
use ledger_core::{DocumentName, HouseAggregateRef, Stream, Timestamp, TransactionId};
use ledger_projections::{Commit, Model, Rows, ViewError};
use serde::{Deserialize, Serialize};

use super::mass::{MASS_KIND, MassOperations, MassOrder};
use crate::process::id::{ProcessId, ProcessNameError};

/// How far an order is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassProgressRow {
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_at: Option<Timestamp>,
    /// From when on it is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Timestamp>,
    /// How many it is about, as those said who ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// How many were accepted.
    pub done: u64,
    /// How many were refused, by code: of refusals that stand in the log. Those that leave nothing behind (a player who does
    /// not exist, a form that is wrong) only the state of the process counts.
    pub refused: BTreeMap<String, u64>,
    /// When the first of them was, and the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// The view of how far orders are ([`Self::key`]). It is folded from the log, so it is there whatever
/// became of the runner and of what that had saved, and it can be rebuilt.
#[derive(Debug)]
pub struct MassProgress;

impl MassProgress {
    /// The key of an order's row.
    ///
    /// # Errors
    ///
    /// None in practice: the name of a document is short enough.
    pub fn key(order: &DocumentName) -> Result<(ProcessId, Option<TransactionId>), ProcessNameError> {
        MassOperations::process(order).map(|process| (process, None))
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// What the manager of mass operations is called as a source.
const SOURCE: &str = "process/mass";

/// The order that a commit is of, if the manager of mass operations caused it.
fn process_of(commit: &Commit) -> Option<ProcessId> {
    ProcessId::new(commit.body.causation.as_ref()?.as_str()).ok()
}

/// One of the many was accepted or refused. A refusal that is told again, because what a runner had saved was lost, counts once;
/// one that was refused before and is accepted now is no refusal any more.
fn count(
    rows: &mut Rows<'_, MassProgress>,
    process: &ProcessId,
    id: &TransactionId,
    refused: Option<&str>,
    at: Timestamp,
) -> Result<(), ViewError> {
    let own = (process.clone(), Some(id.clone()));
    let before = rows.get(&own)?.and_then(|row| row.refused.into_keys().next());
    match refused {
        Some(code) => {
            let refused = [(code.to_owned(), 1)].into();
            rows.put(&own, MassProgressRow { refused, last_at: Some(at), ..MassProgressRow::default() })?;
        }
        None => rows.remove(&own)?,
    }
    rows.update(&(process.clone(), None), |row| {
        (row.first_at, row.last_at) = (earlier(row.first_at, Some(at)), row.last_at.max(Some(at)));
        if let Some(count) = before.as_deref().and_then(|code| row.refused.get_mut(code)) {
            *count = count.saturating_sub(1);
        }
        match refused {
            Some(code) => {
                let count = row.refused.entry(code.to_owned()).or_default();
                *count = count.checked_add(1)?;
            }
            None => row.done = row.done.checked_add(1)?,
        }
        row.refused.retain(|_, count| *count > 0);
        Some(())
    })
}

impl Model for MassProgress {
    const NAME: &'static str = "mass_progress";
    const VERSION: u32 = 1;
    /// The process of an order; and, of what was refused of it, the id of the command.
    type Key = (ProcessId, Option<TransactionId>);
    type Row = MassProgressRow;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        if let (
            Stream::HouseAggregate(_, HouseAggregateRef::Document(kind, name)),
            Event::DocumentPublished(event),
        ) = (&record.stream, &record.event)
            && kind.as_str() == MASS_KIND
            && let Ok(process) = MassOperations::process(name)
        {
            let stored = commit.body.events.iter().find_map(|record| match &record.event {
                Event::DocumentStored(stored) if stored.hash == event.hash => Some(stored),
                _ => None,
            });
            let order =
                stored.and_then(|stored| serde_json::from_str::<MassOrder>(stored.content.as_str()).ok());
            return rows.update(&(process, None), |row| {
                row.ordered_at = Some(commit.body.recorded_at);
                row.effective_from = Some(event.effective_from);
                row.of = order.and_then(|order| order.of);
                Some(())
            });
        }
        let at = commit.body.recorded_at;
        if let Event::TxnRejected(event) = &record.event
            && event.txn.source.as_str() == SOURCE
            && let Some(process) = process_of(commit)
        {
            return count(rows, &process, &event.txn.id, Some(event.rejection.code()), at);
        }
        let mut accepted = commit
            .body
            .keys
            .iter()
            .filter(|key| key.outcome != OutcomeKind::Rejected && key.source.as_str() == SOURCE)
            .peekable();
        // What was accepted counts with the first event of its commit. Nearly no commit is of this manager, so events are
        // compared where one is.
        if accepted.peek().is_none() || commit.body.events.first() != Some(record) {
            return Ok(());
        }
        for key in accepted {
            if let Some(process) = process_of(commit) {
                count(rows, &process, &key.id, None, at)?;
            }
        }
        Ok(())
    }

    fn join(row: &mut MassProgressRow, other: MassProgressRow) -> Option<()> {
        row.ordered_at = row.ordered_at.or(other.ordered_at);
        row.effective_from = row.effective_from.or(other.effective_from);
        row.of = row.of.or(other.of);
        row.done = row.done.checked_add(other.done)?;
        for (code, more) in other.refused {
            let count = row.refused.entry(code).or_default();
            *count = count.checked_add(more)?;
        }
        row.first_at = earlier(row.first_at, other.first_at);
        row.last_at = row.last_at.max(other.last_at);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::manager::ProcessManager as _;

    #[test]
    fn what_is_counted_is_what_the_manager_sends() {
        let manager = MassOperations::new().unwrap();
        assert_eq!(manager.name().source().unwrap().as_str(), SOURCE);
    }
}
