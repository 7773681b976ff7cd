//! The close of a period: what all accounts came to by its end, at which place of the log, sealed as a document of the house.
//!
//! [`PeriodClose::make`] walks the log from the close before it, so a day costs a day. What it says is the content of a
//! document of the kind [`PERIOD_CLOSE_KIND`], which two persons publish; [`PeriodCloseCheck`] lets it be published if it follows the
//! one before it, and [`PeriodClose::verify`] makes it again from the log.
//!
//! A close cuts by places of the log, and those never change. What is booked behind a cut for a time before it is
//! [`PeriodClose::late`] in the next close; what undoes something of a closed period is [`PeriodClose::corrections`] in the
//! close of the period it is booked in. A closed period itself is never written again (rows E23, E59 and E66 of docs/compliance.md).

mod check;
mod walk;

use std::collections::BTreeMap;

use ledger_core::{
    AccountCode, AccountKind, ContentHash, CurrencyCode, Day, DocumentContent, DocumentContentError,
    Timestamp,
};
use ledger_store::{EventStore, Head, LedgerIdentity, StoreError, genesis};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::period::{Period, PeriodError, tomorrow};
use crate::text::kind_text;
use crate::total::Total;
use crate::view::FollowError;

pub use check::{PERIOD_CLOSE_KIND, PeriodCloseCheck};

/// What an account came to: debits and credits of a code of the chart in a currency, real or test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedSum {
    /// `real` or `test`.
    pub kind: String,
    /// The name of the account.
    pub account: String,
    /// The currency.
    pub currency: CurrencyCode,
    /// The sum of its debits.
    pub debits: Total,
    /// The sum of its credits.
    pub credits: Total,
}

/// What events of one type corrected of closed periods, on one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedCorrection {
    /// The type of the events, such as `bet.resettled`.
    pub by: String,
    /// What they posted.
    pub sum: ClosedSum,
}

/// The last commit of a shard that a period contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedHead {
    /// The shard.
    pub shard: u16,
    /// Its position.
    pub position: u64,
    /// Its hash.
    pub hash: String,
}

/// The close of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodClose {
    /// The ledger.
    pub ledger: String,
    /// The time zone of its days.
    pub zone: String,
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
    /// The first instant behind it.
    pub until: Timestamp,
    /// The last commits of all shards that it contains, but for shards without any.
    pub heads: Vec<ClosedHead>,
    /// What all accounts came to from the beginning of the ledger on, in order of kinds, accounts and currencies.
    pub sums: Vec<ClosedSum>,
    /// What of it was booked after the close before it, for a time that one had closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<ClosedSum>,
    /// What of it undid or changed something (a round, a deposit, a withdrawal ...) that had begun in a closed period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<ClosedCorrection>,
    /// The hash of the close before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ContentHash>,
}

/// Why a period cannot be closed, or its close does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The log cannot be read, or is not the one that was closed.
    #[error(transparent)]
    Log(#[from] FollowError),
    /// There is no such period or time zone.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// It does not follow the close before it.
    #[error("it does not follow the close before it: {0}")]
    Sequence(String),
    /// Debits and credits of a book differ.
    #[error("the books do not balance: {0}")]
    Unbalanced(String),
    /// A sum is beyond 128 bits.
    #[error("the sum of {0} is beyond 128 bits")]
    TooLarge(String),
    /// It says something else than the log, or ends elsewhere than its days.
    #[error("the log, or the calendar, says something else than the close: {0}")]
    Differs(&'static str),
    /// It is too long for a document.
    #[error(transparent)]
    Content(#[from] DocumentContentError),
}

impl From<StoreError> for CloseError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl From<ViewError> for CloseError {
    fn from(error: ViewError) -> Self {
        Self::Log(error.into())
    }
}

/// Sums by kind, account and currency.
type Sums = BTreeMap<(AccountKind, &'static str, CurrencyCode), (Total, Total)>;

fn listed(sums: &Sums) -> Vec<ClosedSum> {
    let sum = |((kind, account, currency), (debits, credits)): (
        &(AccountKind, &'static str, CurrencyCode),
        &(Total, Total),
    )| {
        let (kind, account) = (kind_text(*kind).to_owned(), (*account).to_owned());
        ClosedSum { kind, account, currency: *currency, debits: *debits, credits: *credits }
    };
    sums.iter().map(sum).collect()
}

fn read(sums: &[ClosedSum]) -> Result<Sums, CloseError> {
    let sum = |sum: &ClosedSum| {
        let unknown = |_| CloseError::Sequence(format!("it has the account {:?}", sum.account));
        let code: AccountCode = sum.account.parse().map_err(unknown)?;
        let kind = crate::text::parse_kind(&sum.kind)?;
        Ok(((kind, code.name(), sum.currency), (sum.debits, sum.credits)))
    };
    sums.iter().map(sum).collect()
}

/// Debits are credits, per kind, currency and book.
fn prove(sums: &[ClosedSum]) -> Result<(), CloseError> {
    let mut books: BTreeMap<(&str, CurrencyCode, ledger_core::Book), (Total, Total)> = BTreeMap::new();
    for sum in sums {
        let unknown = |_| CloseError::Unbalanced(format!("{:?} is no account", sum.account));
        let code: AccountCode = sum.account.parse().map_err(unknown)?;
        let (debits, credits) = books.entry((sum.kind.as_str(), sum.currency, code.book())).or_default();
        let large = || CloseError::TooLarge(sum.account.clone());
        *debits = debits.plus(sum.debits).ok_or_else(large)?;
        *credits = credits.plus(sum.credits).ok_or_else(large)?;
    }
    match books.into_iter().find(|(_, (debits, credits))| debits != credits) {
        Some(((kind, currency, book), (debits, credits))) => {
            Err(CloseError::Unbalanced(format!("{kind} {currency} {book:?}: {debits} and {credits}")))
        }
        None => Ok(()),
    }
}

impl PeriodClose {
    /// Closes days of a time zone: all that was recorded before their end and stands in the log up to `heads`, which are
    /// the store's own ([`EventStore::heads`]). `previous` is the close before it, of the days before these.
    ///
    /// Close a period when it is over and its last commits are in the log: some minutes later. What comes later all the same is
    /// [`Self::late`] in the next close. The same arguments give the same close.
    ///
    /// # Errors
    ///
    /// [`CloseError`].
    pub async fn make(
        store: &dyn EventStore,
        previous: Option<&Self>,
        (from, to): (Day, Day),
        zone: &str,
        heads: &Checkpoint,
    ) -> Result<Self, CloseError> {
        let period = Period::days(from, to, zone)?;
        if heads.identity() != store.identity() {
            return Err(ViewError::other_ledger(heads.identity(), store.identity()).into());
        }
        let ends: Vec<Head> = heads.heads().to_vec();
        Self::walk(store, previous, (from, to), zone, period.until, &ends, Some(period.until)).await
    }

    async fn walk(
        store: &dyn EventStore,
        previous: Option<&Self>,
        (from, to): (Day, Day),
        zone: &str,
        until: Timestamp,
        ends: &[Head],
        cut: Option<Timestamp>,
    ) -> Result<Self, CloseError> {
        let identity = *store.identity();
        if let Some(previous) = previous {
            previous.check_own(&identity)?;
            let follows = tomorrow(previous.to) == Some(from) && previous.zone == zone;
            if !follows {
                let told =
                    format!("{from} in {zone} is not the day after {} in {}", previous.to, previous.zone);
                return Err(CloseError::Sequence(told));
            }
        }
        let starts = match previous {
            Some(previous) => previous.cut(&identity)?,
            None => identity.shards.all().map(|shard| genesis(&identity, shard)).collect(),
        };
        let mut walk = walk::Walk {
            store,
            closed: previous.map(|previous| previous.until),
            starts: starts.clone(),
            sums: previous.map(|previous| read(&previous.sums)).transpose()?.unwrap_or_default(),
            late: Sums::new(),
            corrections: BTreeMap::new(),
        };
        let mut heads = Vec::new();
        for (shard, (start, end)) in identity.shards.all().zip(starts.into_iter().zip(ends)) {
            let head = walk.shard(shard, start, *end, cut).await?;
            if head.position.0 > 0 {
                let (position, hash) = (head.position.0, head.hash.to_string());
                heads.push(ClosedHead { shard: shard.0, position, hash });
            }
        }
        let correction = |(by, sums): (&String, &Sums)| {
            let by = by.clone();
            listed(sums)
                .into_iter()
                .map(move |sum| ClosedCorrection { by: by.clone(), sum })
                .collect::<Vec<_>>()
        };
        let close = Self {
            ledger: identity.ledger.to_string(),
            zone: zone.to_owned(),
            from,
            to,
            until,
            heads,
            sums: listed(&walk.sums),
            late: listed(&walk.late),
            corrections: walk.corrections.iter().flat_map(correction).collect(),
            previous: previous.map(Self::hash).transpose()?,
        };
        prove(&close.sums)?;
        Ok(close)
    }

    fn check_own(&self, identity: &LedgerIdentity) -> Result<(), CloseError> {
        if self.ledger == identity.ledger.to_string() {
            Ok(())
        } else {
            Err(CloseError::Sequence(format!("it is of the ledger {}", self.ledger)))
        }
    }

    /// Whether it ends where its days do.
    fn check_end(&self) -> Result<(), CloseError> {
        if Period::days(self.from, self.to, &self.zone)?.until == self.until {
            Ok(())
        } else {
            Err(CloseError::Differs("its end"))
        }
    }

    /// Where it cuts each shard.
    fn cut(&self, identity: &LedgerIdentity) -> Result<Vec<Head>, CloseError> {
        let mut heads: Vec<Head> = identity.shards.all().map(|shard| genesis(identity, shard)).collect();
        for closed in &self.heads {
            let none = || CloseError::Sequence(format!("it names the shard {}", closed.shard));
            let head = heads.get_mut(usize::from(closed.shard)).ok_or_else(none)?;
            let hash = closed
                .hash
                .parse()
                .map_err(|_| CloseError::Sequence(format!("{:?} is no hash", closed.hash)))?;
            *head = Head { position: ledger_store::Position(closed.position), hash };
        }
        Ok(heads)
    }

    /// What it is true of.
    ///
    /// # Errors
    ///
    /// [`CloseError::Sequence`] if it is of another ledger.
    pub fn checkpoint(&self, identity: &LedgerIdentity) -> Result<Checkpoint, CloseError> {
        self.check_own(identity)?;
        Ok(Checkpoint::from_heads(identity, self.cut(identity)?)?)
    }

    /// What accounts moved in the period: its sums less those of the close before it.
    ///
    /// # Errors
    ///
    /// [`CloseError::Sequence`] if that is not the one before it, [`CloseError::TooLarge`].
    pub fn movements(&self, previous: Option<&Self>) -> Result<Vec<ClosedSum>, CloseError> {
        if self.previous != previous.map(Self::hash).transpose()? {
            return Err(CloseError::Sequence("that is not the close before it".to_owned()));
        }
        let before = previous.map(|previous| read(&previous.sums)).transpose()?.unwrap_or_default();
        let mut moved = Sums::new();
        for (key, (debits, credits)) in read(&self.sums)? {
            let (debits_before, credits_before) = before.get(&key).copied().unwrap_or_default();
            let large = || CloseError::TooLarge(key.1.to_owned());
            let debits = debits.minus(debits_before).ok_or_else(large)?;
            let credits = credits.minus(credits_before).ok_or_else(large)?;
            if !debits.is_zero() || !credits.is_zero() {
                moved.insert(key, (debits, credits));
            }
        }
        Ok(listed(&moved))
    }

    /// What is published: the content of a document of the kind [`PERIOD_CLOSE_KIND`].
    ///
    /// # Errors
    ///
    /// [`CloseError::Content`] if it is too long for one.
    pub fn content(&self) -> Result<DocumentContent, CloseError> {
        Ok(DocumentContent::of(self)?)
    }

    /// The hash of what is published.
    ///
    /// # Errors
    ///
    /// As [`Self::content`].
    pub fn hash(&self) -> Result<ContentHash, CloseError> {
        Ok(self.content()?.hash())
    }

    /// Makes it again from the log, between the places of the close before it and its own, and compares. Whatever the log got
    /// since then makes no difference.
    ///
    /// # Errors
    ///
    /// [`CloseError::Differs`] if the log says something else, [`CloseError`] if it cannot be made.
    pub async fn verify(&self, store: &dyn EventStore, previous: Option<&Self>) -> Result<(), CloseError> {
        self.check_own(store.identity())?;
        self.check_end()?;
        let ends = self.cut(store.identity())?;
        let days = (self.from, self.to);
        let again = Self::walk(store, previous, days, &self.zone, self.until, &ends, None).await?;
        let same = [
            (again.previous == self.previous, "the close before it"),
            (again.heads == self.heads, "places"),
            (again.sums == self.sums, "sums"),
            (again.late == self.late, "what came late"),
            (again.corrections == self.corrections, "corrections"),
        ];
        match same.into_iter().find(|(same, _)| !same) {
            Some((_, what)) => Err(CloseError::Differs(what)),
            None => Ok(()),
        }
    }
}
