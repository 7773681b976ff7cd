//! The chain of statements: which key may sign which, and that each follows its predecessor.

use std::collections::BTreeMap;

use ledger_core::Timestamp;
use ledger_store::{LedgerId, LedgerIdentity, Position, Shard, genesis};

use super::merkle::Frontier;
use super::signer::PublicKey;
use super::statement::{ShardHead, Statement, StatementHash, StatementTextError};

/// The keys that a verifier trusts because someone told him, and from which statement on.
///
/// A key that a statement introduces ([`SignedHeader::next_key`](super::SignedHeader::next_key)) need not be
/// named here. A key that replaces one that was lost must be: nobody could introduce it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    from: BTreeMap<u64, PublicKey>,
}

impl Trust {
    /// The key of the first statement.
    pub fn of(key: PublicKey) -> Self {
        Self { from: BTreeMap::from([(1, key)]) }
    }

    /// From the statement with this number on it is another key, which no statement introduced.
    pub fn replaced_from(mut self, sequence: u64, key: PublicKey) -> Self {
        self.from.insert(sequence, key);
        self
    }

    /// Every key named here.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.from.values().copied()
    }
}

/// Why a statement does not follow those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The text is no statement, or its signature is not the key's.
    #[error(transparent)]
    Text(#[from] StatementTextError),
    /// It speaks of another ledger.
    #[error("statement {sequence} is of ledger {found}, not {expected}")]
    OtherLedger {
        /// Its number.
        sequence: u64,
        /// The ledger it speaks of.
        found: LedgerId,
        /// The ledger of the chain.
        expected: LedgerId,
    },
    /// It speaks of the same ledger with another number of shards or another format.
    #[error("statement {sequence} has {shards} shards and format {format}: a ledger never changes them")]
    OtherShape {
        /// Its number.
        sequence: u64,
        /// The shards it says.
        shards: u16,
        /// The format it says.
        format: u16,
    },
    /// It is signed by a key that may not sign it.
    #[error("statement {sequence} is signed by key {found}, which may not sign it; expected {expected}")]
    UnknownKey {
        /// Its number.
        sequence: u64,
        /// The key that signed it.
        found: PublicKey,
        /// The key that may.
        expected: PublicKey,
    },
    /// Statements between the last one and this one are missing.
    #[error("statement {found} came where {expected} is next: statements are missing")]
    Gap {
        /// The number that is next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// It was there already, or an earlier one.
    #[error("statement {found} came where {expected} is next: it is out of order")]
    OutOfOrder {
        /// The number that is next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// There are two different statements of one number, both rightly signed: whoever holds the key told two
    /// people two things.
    #[error("there are two statements {sequence}, {first} and {second}: the history was forked")]
    Forked {
        /// Their number.
        sequence: u64,
        /// One of them.
        first: StatementHash,
        /// The other.
        second: StatementHash,
    },
    /// It does not name the hash of the one before it.
    #[error("statement {sequence} names {found} as its predecessor, which has {expected}")]
    NotLinked {
        /// Its number.
        sequence: u64,
        /// The hash it names.
        found: StatementHash,
        /// The predecessor's hash.
        expected: StatementHash,
    },
    /// It was taken before the one before it.
    #[error("statement {sequence} was taken at {found}, before the last one at {last}")]
    BackInTime {
        /// Its number.
        sequence: u64,
        /// When it was taken.
        found: Timestamp,
        /// When the one before it was.
        last: Timestamp,
    },
    /// A shard went back, or changed without growing.
    #[error("statement {sequence}: shard {shard} at position {found} cannot follow position {last}")]
    Shrunk {
        /// Its number.
        sequence: u64,
        /// The shard.
        shard: Shard,
        /// The position it says.
        found: Position,
        /// The position that the last one said.
        last: Position,
    },
}

/// What is kept of the last statement.
#[derive(Debug, Clone)]
struct Last {
    sequence: u64,
    hash: StatementHash,
    taken_at: Timestamp,
    heads: Vec<ShardHead>,
    /// The key of the next one.
    key: PublicKey,
}

/// Checks statements, one after the other, from the first on.
#[derive(Debug, Clone)]
pub struct StatementChain {
    identity: LedgerIdentity,
    trust: Trust,
    last: Option<Last>,
}

impl StatementChain {
    /// A chain without statements.
    pub fn new(identity: LedgerIdentity, trust: Trust) -> Self {
        Self { identity, trust, last: None }
    }

    /// A chain that goes on after a statement that was checked before, or is trusted as it is.
    ///
    /// # Errors
    ///
    /// [`StatementError`] if it is of another ledger.
    pub fn after(
        identity: LedgerIdentity,
        trust: Trust,
        statement: &Statement,
    ) -> Result<Self, StatementError> {
        let mut chain = Self::new(identity, trust);
        chain.check_identity(statement)?;
        chain.take(statement);
        Ok(chain)
    }

    /// The number of the last statement; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.sequence)
    }

    /// The shards as the last statement has them; as they begin, before the first.
    pub fn heads(&self) -> Vec<ShardHead> {
        match &self.last {
            Some(last) => last.heads.clone(),
            None => beginning(&self.identity),
        }
    }

    /// The key that may sign the next statement.
    pub fn next_key(&self) -> Option<PublicKey> {
        let next = self.sequence().saturating_add(1);
        let told = self.trust.from.get(&next).copied();
        told.or_else(|| self.last.as_ref().map(|last| last.key))
    }

    fn check_identity(&self, statement: &Statement) -> Result<(), StatementError> {
        let (header, expected) = (statement.header(), &self.identity);
        let (sequence, found) = (header.sequence(), header.identity());
        if found.ledger != expected.ledger {
            let (found, expected) = (found.ledger, expected.ledger);
            return Err(StatementError::OtherLedger { sequence, found, expected });
        }
        if found != expected {
            let (shards, format) = (found.shards.get(), found.format);
            return Err(StatementError::OtherShape { sequence, shards, format });
        }
        Ok(())
    }

    /// Takes the next statement.
    ///
    /// # Errors
    ///
    /// [`StatementError`] with the first reason why it cannot follow, in this order: ledger, number, key, link, time,
    /// shards. The chain stays as it was.
    pub fn push(&mut self, statement: &Statement) -> Result<(), StatementError> {
        self.check_identity(statement)?;
        let header = statement.header();
        let (sequence, expected) = (header.sequence(), self.sequence().saturating_add(1));
        if sequence != expected {
            return Err(self.out_of_order(statement, expected));
        }
        let found = header.key();
        match self.next_key() {
            Some(key) if key == found => {}
            key => {
                let expected = key.unwrap_or(PublicKey([0; 32]));
                return Err(StatementError::UnknownKey { sequence, found, expected });
            }
        }
        let expected = self.last.as_ref().map_or(StatementHash::NONE, |last| last.hash);
        if header.previous() != expected {
            return Err(StatementError::NotLinked { sequence, found: header.previous(), expected });
        }
        if let Some(last) = &self.last
            && header.taken_at() < last.taken_at
        {
            let (found, last) = (header.taken_at(), last.taken_at);
            return Err(StatementError::BackInTime { sequence, found, last });
        }
        for ((shard, new), old) in (0..).map(Shard).zip(statement.heads()).zip(self.heads()) {
            let (found, last) = (new.head.position, old.head.position);
            if found < last || (found == last && *new != old) {
                return Err(StatementError::Shrunk { sequence, shard, found, last });
            }
        }
        self.take(statement);
        Ok(())
    }

    fn out_of_order(&self, statement: &Statement, expected: u64) -> StatementError {
        let (found, second) = (statement.header().sequence(), statement.header().hash());
        if found > expected {
            return StatementError::Gap { expected, found };
        }
        match &self.last {
            Some(last) if last.sequence == found && last.hash != second => {
                StatementError::Forked { sequence: found, first: last.hash, second }
            }
            _ => StatementError::OutOfOrder { expected, found },
        }
    }

    fn take(&mut self, statement: &Statement) {
        let header = statement.header();
        self.last = Some(Last {
            sequence: header.sequence(),
            hash: header.hash(),
            taken_at: header.taken_at(),
            heads: statement.heads().to_vec(),
            key: header.next_key().unwrap_or(header.key()),
        });
    }
}

/// The shards of a ledger without commits.
pub(super) fn beginning(identity: &LedgerIdentity) -> Vec<ShardHead> {
    let root = Frontier::new().root();
    identity.shards.all().map(|shard| ShardHead { head: genesis(identity, shard), root }).collect()
}
