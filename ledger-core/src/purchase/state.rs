//! A purchase and its fold.

use serde::{Deserialize, Serialize};

use crate::ids::{RoundId, SourceId, TransactionId};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::Fault;
use crate::round::RollbackKind;
use crate::stored::{Event, EventRecord, LotShare, TipGiven, TournamentEntered};

/// What was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PurchaseKind {
    /// A tip.
    Tip,
    /// An entry to a tournament.
    TournamentEntry,
}

impl PurchaseKind {
    /// All kinds.
    pub(crate) const ALL: &'static [Self] = &[Self::Tip, Self::TournamentEntry];

    /// The kind of its stream.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tip => "tip",
            Self::TournamentEntry => "tournament",
        }
    }

    /// What a rollback of it says that it undoes.
    pub(crate) fn rollback(self) -> RollbackKind {
        match self {
            Self::Tip => RollbackKind::Tip,
            Self::TournamentEntry => RollbackKind::TournamentEntry,
        }
    }
}

/// A purchase as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PurchaseRef {
    /// What was bought.
    pub kind: PurchaseKind,
    /// Who sent it.
    pub source: SourceId,
    /// Its id.
    pub id: TransactionId,
}

/// What was paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Paid {
    Tip(TipGiven),
    Tournament(TournamentEntered),
}

/// A purchase, folded from its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    of: PurchaseRef,
    version: u64,
    pub(super) paid: Paid,
    returned: bool,
}

impl Purchase {
    /// Its name.
    pub fn of(&self) -> &PurchaseRef {
        &self.of
    }

    /// Whether it was undone.
    pub fn is_returned(&self) -> bool {
        self.returned
    }

    /// What it was, of an entry to a tournament.
    pub(crate) fn tournament(&self) -> Option<&TournamentEntered> {
        match &self.paid {
            Paid::Tip(_) => None,
            Paid::Tournament(entered) => Some(entered),
        }
    }

    /// The version of its last event.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The currency.
    pub fn currency(&self) -> CurrencyCode {
        match &self.paid {
            Paid::Tip(tip) => tip.currency,
            Paid::Tournament(entered) => entered.currency,
        }
    }

    /// The round it was made in, if it named one.
    pub(crate) fn round(&self) -> Option<&RoundId> {
        match &self.paid {
            Paid::Tip(tip) => tip.round.as_ref(),
            Paid::Tournament(_) => None,
        }
    }

    /// What of it was unplayed money of deposits.
    pub(super) fn unplayed(&self) -> &[LotShare] {
        match &self.paid {
            Paid::Tip(tip) => &tip.unplayed,
            Paid::Tournament(entered) => &entered.unplayed,
        }
    }

    /// All that was paid.
    ///
    /// # Errors
    ///
    /// None in practice: it was posted.
    pub fn amount(&self) -> Result<Amount, AmountError> {
        match &self.paid {
            Paid::Tip(tip) => Ok(tip.amount),
            Paid::Tournament(entered) => entered.buy_in.checked_add(entered.fee),
        }
    }
}

/// Folds one event of a purchase's stream; `None` before its first.
pub(crate) fn evolve(
    purchase: &mut Option<Purchase>,
    of: &PurchaseRef,
    record: &EventRecord,
) -> Result<(), Fault> {
    let before = purchase.as_ref().map_or(0, |known| known.version);
    if Some(record.version) != before.checked_add(1) {
        let what = format!("event {} of {} follows {before}", record.version, record.stream);
        return Err(Fault::corrupted(what));
    }
    let first = |paid| Purchase { of: of.clone(), version: 1, paid, returned: false };
    match (&record.event, purchase.as_mut()) {
        (Event::TipGiven(event), None) => *purchase = Some(first(Paid::Tip(event.clone()))),
        (Event::TournamentEntered(event), None) => {
            *purchase = Some(first(Paid::Tournament(event.clone())));
        }
        (Event::TipReturned(_) | Event::TournamentEntryReturned(_), Some(known)) if !known.returned => {
            (known.version, known.returned) = (record.version, true);
        }
        (event, _) => {
            return Err(Fault::corrupted(format!("{} in {}", event.type_name(), record.stream)));
        }
    }
    Ok(())
}
