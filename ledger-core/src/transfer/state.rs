//! A transfer and its fold.

use serde::{Deserialize, Serialize};

use crate::ids::{GameId, SourceId, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{Event, EventRecord, LotShare, SessionRef};
use crate::time::Timestamp;

/// A transfer as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransferRef {
    /// Who sent it.
    pub source: SourceId,
    /// Its id.
    pub id: TransactionId,
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStatus {
    /// The money is away.
    Out,
    /// It came back.
    Returned,
    /// It was undone.
    RolledBack,
}

/// Money of a player that plays elsewhere, folded from its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its name.
    pub of: TransferRef,
    /// The version of its last event.
    pub version: u64,
    /// The game.
    pub game: GameId,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much went.
    pub amount: Amount,
    /// The session it is for, if it named one.
    pub session: Option<SessionRef>,
    /// What of it was unplayed money of deposits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplayed: Vec<LotShare>,
    /// The entry it went with, if there was anything to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// What became of it.
    pub status: TransferStatus,
    /// Since when it is away, or was.
    pub since: Timestamp,
}

/// Folds one event of a transfer's stream; `None` before its first.
pub(crate) fn evolve(
    transfer: &mut Option<Transfer>,
    of: &TransferRef,
    record: &EventRecord,
    at: Timestamp,
) -> Result<(), Fault> {
    let before = transfer.as_ref().map_or(0, |known| known.version);
    if Some(record.version) != before.checked_add(1) {
        let what = format!("event {} of {} follows {before}", record.version, record.stream);
        return Err(Fault::corrupted(what));
    }
    match (&record.event, transfer.as_mut()) {
        (Event::TransferRolledOut(event), None) => {
            *transfer = Some(Transfer {
                of: of.clone(),
                version: 1,
                game: event.game.clone(),
                currency: event.currency,
                amount: event.amount,
                session: event.session.clone(),
                unplayed: event.unplayed.clone(),
                entry: event.entry,
                status: TransferStatus::Out,
                since: at,
            });
        }
        (Event::TransferRolledIn(_), Some(known)) if known.status == TransferStatus::Out => {
            (known.version, known.status) = (record.version, TransferStatus::Returned);
        }
        (Event::TransferRolledBack(_), Some(known)) if known.status == TransferStatus::Out => {
            (known.version, known.status) = (record.version, TransferStatus::RolledBack);
        }
        (event, _) => {
            return Err(Fault::corrupted(format!("{} in {}", event.type_name(), record.stream)));
        }
    }
    Ok(())
}
