//! A view of the casino's own: how many sessions were started and not ended, by provider. One that expired without an end
//! counts as open.

use casino_ledger::core::SourceId;
use casino_ledger::core::Stream;
use casino_ledger::core::stored::{Event, EventRecord};
use casino_ledger::projections::{Commit, Model, Rows, ViewError};
use serde::{Deserialize, Serialize};

/// The view.
#[derive(Debug)]
pub struct Sessions;

/// The sessions of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// How many were started.
    pub started: u64,
    /// How many ended.
    pub ended: u64,
}

impl Model for Sessions {
    const NAME: &'static str = "sessions";
    const VERSION: u32 = 1;
    type Key = (SourceId,);
    type Row = Open;

    fn fold(rows: &mut Rows<'_, Self>, _: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        let Stream::Session(_, session) = &record.stream else { return Ok(()) };
        let key = (session.source.clone(),);
        match &record.event {
            Event::SessionStarted(_) => rows.update(&key, |row| {
                row.started = row.started.checked_add(1)?;
                Some(())
            }),
            Event::SessionEnded(_) => rows.update(&key, |row| {
                row.ended = row.ended.checked_add(1)?;
                Some(())
            }),
            _ => Ok(()),
        }
    }

    fn join(row: &mut Open, other: Open) -> Option<()> {
        row.started = row.started.checked_add(other.started)?;
        row.ended = row.ended.checked_add(other.ended)?;
        Some(())
    }
}
