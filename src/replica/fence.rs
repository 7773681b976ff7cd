//! Who may write: an epoch that every promotion raises, kept durably beside each copy of the ledger.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::ReplicaError;
use crate::safe_file::{self, Readers};

/// How often the ledger's primary was replaced, and once. A primary of a lower epoch than a standby knows is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a ledger's first primary.
    pub const FIRST: Self = Self(1);
    /// What a standby knows that was never spoken to.
    pub const NONE: Self = Self(0);

    /// The epoch of the next promotion.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a copy of the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It decides.
    Primary,
    /// It takes what a primary sends.
    Standby,
    /// It was a primary until another copy was promoted.
    Fenced,
}

/// What is kept beside a copy of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FenceState {
    /// What it is.
    pub role: Role,
    /// The highest epoch it knows of; of a primary its own.
    pub epoch: Epoch,
}

/// Keeps the state of a fence, durably. It belongs to one copy of the ledger, and is never copied with it.
pub trait Fence: Send + Sync + fmt::Debug + 'static {
    /// What is kept; `None` if nothing ever was.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::Fence`], [`ReplicaError::FenceDamaged`].
    fn read(&self) -> Result<Option<FenceState>, ReplicaError>;

    /// Keeps it, in place of what was kept; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::Fence`]: then either is kept.
    fn write(&self, state: FenceState) -> Result<(), ReplicaError>;
}

/// A fence in a file of its own, which only its owner may read.
#[derive(Debug, Clone)]
pub struct FileFence {
    path: PathBuf,
}

impl FileFence {
    /// The fence in this file, which need not be there yet; its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Fence for FileFence {
    fn read(&self) -> Result<Option<FenceState>, ReplicaError> {
        let bytes = match safe_file::read(&self.path) {
            Err(error) if error.is_missing() => return Ok(None),
            bytes => bytes?,
        };
        let state = serde_json::from_slice(&bytes).map_err(|error| ReplicaError::FenceDamaged {
            path: self.path.display().to_string(),
            what: error.to_string(),
        })?;
        Ok(Some(state))
    }

    fn write(&self, state: FenceState) -> Result<(), ReplicaError> {
        // Three fields of numbers and words: they always have a text.
        let text = serde_json::to_vec(&state).unwrap_or_default();
        Ok(safe_file::replace(&self.path, &text, Readers::Owner)?)
    }
}

/// A fence in memory, for tests: what a process that ends forgets.
#[derive(Debug, Default)]
pub struct MemoryFence(Mutex<Option<FenceState>>);

impl Fence for MemoryFence {
    fn read(&self) -> Result<Option<FenceState>, ReplicaError> {
        Ok(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, state: FenceState) -> Result<(), ReplicaError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(())
    }
}
