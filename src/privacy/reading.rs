//! Personal data through the ledger's handle: sealing on the way in, reading, erasing.

use std::collections::BTreeMap;

use ledger_core::stored::{CommitBody, FieldName, SealedFields};
use ledger_core::{Context, Partition, PlayerId, Timestamp};
use ledger_store::{CommitHash, Position, READ_COMMITS_MAX, Shard, StoreError, StoredCommit};

use super::keys::{Erasure, KeyError, KeyId, KeyOwner};
use super::personal::PersonalValue;
use super::seal::{SealError, Sealer, UnsealError};
use crate::aside::reading;
use crate::ledger::Ledger;
use crate::loader::decode;
use crate::request::Request;

/// The personal data of one commit.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PersonalRecord {
    /// The player's shard.
    pub shard: Shard,
    /// The commit.
    pub position: Position,
    /// Its hash.
    pub hash: CommitHash,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The fields by name, each with its value or why it cannot be read, such as [`KeyError::Erased`].
    pub fields: Vec<(FieldName, Result<PersonalValue, UnsealError>)>,
}

/// Why personal data cannot be looked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadPersonalError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger was opened without a key store.
    #[error("the ledger has no key store")]
    NoKeyStore,
    /// The player has no commit there.
    #[error("the player has no commit at position {position}")]
    NotThere {
        /// The position.
        position: Position,
    },
}

impl Ledger {
    fn sealer(&self) -> Option<Sealer> {
        let shared = self.shared();
        let keys = shared.settings.keys.clone()?;
        Some(Sealer::new(shared.store.identity().ledger, keys))
    }

    /// Seals the personal data of a request, on the caller's task: the writer sees sealed bytes only.
    pub(crate) async fn seal(&self, request: &mut Request) -> Result<(), SealError> {
        if request.personal.is_empty() {
            return Ok(());
        }
        let sealer = self.sealer().ok_or(SealError::NoKeyStore)?;
        let personal = std::mem::take(&mut request.personal);
        let sealed = sealer.seal(&request.player, &personal).await?;
        let actor = || Context::of(self.shared().settings.actor.clone());
        let mut context = request.context.take().unwrap_or_else(actor);
        context.sealed = merged(&context.sealed, &sealed)?;
        request.context = Some(context);
        Ok(())
    }

    /// The personal data that was recorded with a commit of the player.
    ///
    /// # Errors
    ///
    /// [`ReadPersonalError`]. Whether a field can be read is told per field.
    pub async fn personal_at(
        &self,
        player: &PlayerId,
        position: Position,
    ) -> Result<PersonalRecord, ReadPersonalError> {
        let not_there = ReadPersonalError::NotThere { position };
        let Some(before) = position.0.checked_sub(1) else { return Err(not_there) };
        let read = self.records(player, Position(before), 1).await?;
        match read.into_iter().next() {
            Some(found) if found.0.position == position => self.opened(player, found).await,
            _ => Err(not_there),
        }
    }

    /// The personal data of the player's commits after a position, in order; of up to `limit` commits, those without any
    /// left out. Go on after the last commit's position until the answer is empty: an answer for who asks what is kept of
    /// him.
    ///
    /// # Errors
    ///
    /// [`ReadPersonalError`]. Whether a field can be read is told per field.
    pub async fn personal_history(
        &self,
        player: &PlayerId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<PersonalRecord>, ReadPersonalError> {
        let mut records = Vec::new();
        let mut after = after;
        while records.len() < limit {
            let read = self.records(player, after, READ_COMMITS_MAX).await?;
            let Some((last, _)) = read.last() else { break };
            after = last.position;
            for found in read.into_iter().filter(|(_, body)| !body.sealed.is_empty()) {
                if records.len() < limit {
                    records.push(self.opened(player, found).await?);
                }
            }
        }
        Ok(records)
    }

    async fn records(
        &self,
        player: &PlayerId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(StoredCommit, CommitBody)>, ReadPersonalError> {
        let partition = Partition::Player(player.clone()).digest();
        reading("personal", &self.store(), move |store| async move {
            let commits = store.read_partition(&partition, after, limit).await?;
            let decoded = |commit: StoredCommit| {
                let body = decode(&commit)?;
                Ok((commit, body))
            };
            commits.into_iter().map(decoded).collect()
        })
        .await
    }

    async fn opened(
        &self,
        player: &PlayerId,
        (commit, body): (StoredCommit, CommitBody),
    ) -> Result<PersonalRecord, ReadPersonalError> {
        let sealer = self.sealer().ok_or(ReadPersonalError::NoKeyStore)?;
        let mut fields = Vec::with_capacity(body.sealed.len());
        for (name, sealed) in body.sealed.fields() {
            fields.push((name.clone(), sealer.open(player, name, sealed).await));
        }
        let StoredCommit { shard, position, hash, .. } = commit;
        Ok(PersonalRecord { shard, position, hash, recorded_at: body.recorded_at, fields })
    }

    /// Erases a person: destroys the player's keys, so that nothing sealed of him can be read any more, anywhere. His
    /// balances and history stay, without anything about who he is. It cannot be undone, and no personal data of the
    /// player is taken any more.
    ///
    /// Keep the erasure, or the key store's whole list, where no backup brings it back to an earlier state:
    /// [`KeyStore::reapply`](super::KeyStore::reapply) applies it after a restore.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; then ask again until it answers. Without a key store [`KeyError::Unavailable`].
    pub async fn erase_person(&self, player: &PlayerId) -> Result<Erasure, KeyError> {
        let keys = self.shared().settings.keys.clone().ok_or_else(no_key_store)?;
        let erasure = keys.erase(&KeyOwner::of(player), self.shared().settings.clock.wall()).await?;
        tracing::info!(owner = %erasure.owner, "a person was erased");
        Ok(erasure)
    }

    /// Makes a new key of a player: what is sealed from now on is under it; what was sealed before stays readable.
    ///
    /// # Errors
    ///
    /// [`KeyError`]. Without a key store [`KeyError::Unavailable`].
    pub async fn rotate_key(&self, player: &PlayerId) -> Result<KeyId, KeyError> {
        let keys = self.shared().settings.keys.clone().ok_or_else(no_key_store)?;
        keys.rotate(&KeyOwner::of(player)).await
    }
}

fn no_key_store() -> KeyError {
    KeyError::Unavailable { reason: "the ledger has no key store".to_owned() }
}

/// The fields of both; none may be in both.
fn merged(first: &SealedFields, second: &SealedFields) -> Result<SealedFields, SealError> {
    let mut all: BTreeMap<_, _> =
        first.fields().map(|(name, sealed)| (name.clone(), sealed.clone())).collect();
    for (name, sealed) in second.fields() {
        if all.insert(name.clone(), sealed.clone()).is_some() {
            return Err(SealError::Twice { name: name.clone() });
        }
    }
    Ok(SealedFields::new(all)?)
}
