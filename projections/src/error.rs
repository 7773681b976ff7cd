//! What can go wrong in a view, and what the caller may conclude from it.

use std::sync::Arc;
use std::time::Duration;

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
        source: Arc<BodyError>,
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
    /// The view cannot leave this commit out.
    #[error("the commit cannot be left out: {0}")]
    NotSkippable(String),
    /// Nothing that this build can read is there yet: the view is being built for the first time since its fold
    /// changed.
    #[error("{home} is not ready: {reason}")]
    NotReady {
        /// The folder or database.
        home: String,
        /// What is there instead.
        reason: String,
    },
    /// Another runner, of this process or another, has the view.
    #[error("{home} is followed by another runner")]
    InUse {
        /// The folder or database.
        home: String,
    },
    /// The view did not get to where the reader wants it within the limit.
    #[error("shard {shard}: the view stands at position {at}, and did not reach {wanted} within {limit:?}")]
    Behind {
        /// The shard.
        shard: Shard,
        /// Where the view stands.
        at: Position,
        /// Where the reader wants it.
        wanted: Position,
        /// How long it was waited for.
        limit: Duration,
    },
    /// More would have to be read for one answer than is read at once.
    #[error("the answer would take more than {rows_max} rows: {advice}")]
    TooMuch {
        /// How many are read at once.
        rows_max: usize,
        /// What to ask for instead.
        advice: &'static str,
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

    /// What an operator can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "the home was changed by something else than its runner: rebuild the view",
            Self::HistoryLost { .. } => {
                "the store was restored or lost commits: find out which history is right, then rebuild the view"
            }
            Self::OtherLedger(_) => "give the view the store it was made from, or another place",
            Self::Undecodable { .. } => {
                "run the build that wrote it, or a newer one; or have the commit left out of this view, recorded"
            }
            Self::Poison { .. } => {
                "mend the view and rebuild it; or have the commit left out of this view, recorded"
            }
            Self::Unbalanced { .. } | Self::Damaged(_) => {
                "rebuild the view, and find out what changed its rows"
            }
            Self::OtherView { .. } => "rebuild the view, or give it another place",
            Self::NotSkippable(_) => "mend the view and rebuild it",
            Self::NotReady { .. } | Self::Behind { .. } => "wait, and look at how far the runner is",
            Self::TooMuch { .. } => "ask for less at once: a shorter period, or pages",
            Self::InUse { .. } => "stop the other runner",
            Self::Home { .. } => "look at the home (disk, permissions, locks), then resume",
        }
    }

    pub(crate) fn no_shard(shard: Shard) -> Self {
        Self::OtherLedger(format!("it has no shard {shard}"))
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
