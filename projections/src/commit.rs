//! A commit as views read it: decoded, with its place and hash.

use std::sync::Arc;

use ledger_core::stored::{CommitBody, EventRecord};
use ledger_store::{CommitHash, Head, Position, Shard, StoredCommit};
use serde::{Deserialize, Serialize};

use crate::error::ViewError;

/// Where an event stands in its shard. With the shard it is the event's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventPlace {
    /// The position of its commit.
    pub position: Position,
    /// Which of the commit's events it is, from 0 on.
    pub index: u16,
}

/// A decoded commit. Every entry in it has been through [`ledger_core::Entry::new`]: decoding is that door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its shard.
    pub shard: Shard,
    /// Its place in the shard.
    pub position: Position,
    /// The hash of its predecessor.
    pub previous: CommitHash,
    /// Its own hash.
    pub hash: CommitHash,
    /// What it holds.
    pub body: CommitBody,
}

impl Commit {
    /// Decodes a commit as a store gave it.
    ///
    /// # Errors
    ///
    /// [`ViewError::Undecodable`] if this build cannot read its body.
    pub fn decode(stored: &StoredCommit) -> Result<Self, ViewError> {
        let StoredCommit { shard, position, previous, hash, ref body } = *stored;
        let body = CommitBody::decode(body).map_err(|error| ViewError::Undecodable {
            shard,
            position,
            source: Arc::new(error),
        })?;
        Ok(Self { shard, position, previous, hash, body })
    }

    /// The head of its shard once it is the last.
    pub fn head(&self) -> Head {
        Head { position: self.position, hash: self.hash }
    }

    /// The error of a view that cannot take this commit.
    pub fn poison(&self, reason: impl Into<String>) -> ViewError {
        ViewError::Poison { shard: self.shard, position: self.position, reason: reason.into() }
    }

    /// The error of a view that cannot take this commit because of one of its events.
    pub fn poison_event(&self, record: &EventRecord, reason: impl std::fmt::Display) -> ViewError {
        let EventRecord { stream, version, event, .. } = record;
        self.poison(format!("{} {version} of {stream}: {reason}", event.type_name()))
    }
}
