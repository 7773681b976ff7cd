//! A key store in memory, for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ledger_core::Timestamp;

use super::keys::{Erasure, KeyError, KeyId, KeyOwner, KeyStore, PlayerKey};

#[derive(Default)]
struct Kept {
    keys: HashMap<KeyOwner, Vec<PlayerKey>>,
    erased: HashMap<KeyOwner, Timestamp>,
    order: Vec<KeyOwner>,
}

/// Keys that are gone with the process. For tests: what was sealed cannot be read afterwards.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<Kept>);

impl std::fmt::Debug for MemoryKeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryKeyStore(..)")
    }
}

impl MemoryKeyStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self, owner: &KeyOwner) -> Result<MutexGuard<'_, Kept>, KeyError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.erased.contains_key(owner) { Err(KeyError::Erased) } else { Ok(kept) }
    }
}

#[async_trait]
impl KeyStore for MemoryKeyStore {
    async fn current(&self, owner: &KeyOwner) -> Result<PlayerKey, KeyError> {
        let mut kept = self.kept(owner)?;
        let keys = kept.keys.entry(*owner).or_default();
        if let Some(key) = keys.last() {
            return Ok(key.clone());
        }
        let key = PlayerKey::random(KeyId::random(keys)?)?;
        keys.push(key.clone());
        Ok(key)
    }

    async fn key(&self, owner: &KeyOwner, id: KeyId) -> Result<PlayerKey, KeyError> {
        let kept = self.kept(owner)?;
        let keys = kept.keys.get(owner).map(Vec::as_slice).unwrap_or_default();
        keys.iter().find(|key| key.id() == id).cloned().ok_or(KeyError::Unknown { id })
    }

    async fn rotate(&self, owner: &KeyOwner) -> Result<KeyId, KeyError> {
        let mut kept = self.kept(owner)?;
        let keys = kept.keys.entry(*owner).or_default();
        let id = KeyId::random(keys)?;
        keys.push(PlayerKey::random(id)?);
        Ok(id)
    }

    async fn erase(&self, owner: &KeyOwner, at: Timestamp) -> Result<Erasure, KeyError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.keys.remove(owner);
        if !kept.erased.contains_key(owner) {
            kept.order.push(*owner);
        }
        let at = *kept.erased.entry(*owner).or_insert(at);
        Ok(Erasure { owner: *owner, at })
    }

    async fn erasures(&self) -> Result<Vec<Erasure>, KeyError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let erasure = |owner: &KeyOwner| kept.erased.get(owner).map(|at| Erasure { owner: *owner, at: *at });
        Ok(kept.order.iter().filter_map(erasure).collect())
    }
}
