//! What can go wrong in a view, and what the caller may conclude from it.

use ledger_core::stored::BodyError;
use ledger_core::{AccountKind, Book, CurrencyCode};
use ledger_store::{Head, LedgerIdentity, Position, Shard};

/// A failure of a view. After any of them the view is as it was before the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Commits are missing between the checkpoint and what was delivered.
    #[error("shard {shard}: position {expected} comes next, position {found} was delivered")]
    Gap {
        /// The shard.
        shard: Shard,
        /// The position that comes next.
        expected: Position,
        /// The position that was delivered.
        found: Position,
    },
    /// The history is not the one the view was made from: a backup was restored, or a replica promoted that
    /// lagged behind. The view must be rebuilt.
    #[error("shard {shard} lost history: the view stands at position {} with hash {}, but {actual}", seen.position, seen.hash)]
    HistoryLost {
        /// The shard.
        shard: Shard,
        /// Where the view stands.
        seen: Head,
        /// What was found instead.
        actual: String,
    },
    /// The view was made from another ledger, or the ledger has no such shard.
    #[error("the view belongs to another ledger: {0}")]
    OtherLedger(String),
    /// The bytes of a commit are not a commit this build can read.
    #[error("shard {shard} position {position} cannot be decoded")]
    Undecodable {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// Why not.
        #[source]
        source: Box<BodyError>,
    },
    /// The view cannot take a commit: it contradicts the ones before it.
    #[error("shard {shard} position {position} cannot be taken: {reason}")]
    Poison {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// Why not.
        reason: String,
    },
    /// Debits and credits of the trial balance differ: the view is damaged.
    #[error("debits {debits} and credits {credits} of {kind:?} {currency} differ in the {book:?} book")]
    Unbalanced {
        /// Real or test.
        kind: AccountKind,
        /// The currency.
        currency: CurrencyCode,
        /// The book.
        book: Book,
        /// The sum of debits.
        debits: String,
        /// The sum of credits.
        credits: String,
    },
    /// The view's home holds something this build cannot go on from: another view, another version of it, a
    /// migration that was edited. Rebuild it at a new place.
    #[error("{home}: {reason}")]
    OtherView {
        /// The file or database.
        home: String,
        /// What is wrong.
        reason: String,
    },
    /// What the view's home holds is not what the view wrote.
    #[error("the view is damaged: {0}")]
    Damaged(String),
    /// The view's home failed: the disk is full, the file is locked, a panic left the memory uncertain.
    #[error("the view's home failed: {doing}")]
    Home {
        /// What was being done.
        doing: String,
        /// The cause, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl ViewError {
    /// A failure of the home without a cause.
    pub fn home(doing: impl Into<String>) -> Self {
        Self::Home { doing: doing.into(), source: None }
    }

    /// Where in the ledger it happened, if it happened at a commit.
    pub fn at(&self) -> Option<(Shard, Position)> {
        match self {
            Self::Gap { shard, expected: position, .. }
            | Self::HistoryLost { shard, seen: Head { position, .. }, .. }
            | Self::Undecodable { shard, position, .. }
            | Self::Poison { shard, position, .. } => Some((*shard, *position)),
            _ => None,
        }
    }

    pub(crate) fn other_ledger(own: &LedgerIdentity, found: &LedgerIdentity) -> Self {
        let text =
            |i: &LedgerIdentity| format!("{} ({} shards, format {})", i.ledger, i.shards.get(), i.format);
        Self::OtherLedger(format!("it was made from {}, the store has {}", text(own), text(found)))
    }
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for ViewError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Home { doing: "a statement of SQLite".to_owned(), source: Some(Box::new(error)) }
    }
}
