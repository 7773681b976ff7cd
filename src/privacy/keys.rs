//! Keys of players, and the contract of who keeps them.

use std::fmt;

use async_trait::async_trait;
use ledger_core::{Partition, PlayerId, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Whose key it is, as a key store knows him: a digest of the player's partition, never his id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyOwner([u8; 32]);

impl KeyOwner {
    /// An owner by his digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The owner of a player's keys.
    pub fn of(player: &PlayerId) -> Self {
        Self(*Partition::Player(player.clone()).digest().as_bytes())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

crate::hex::hex_text!(KeyOwner, 32);

/// The number of a key among those of its player: random, so that a key made after a restore from an older backup never gets
/// the number of one that the backup has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u32);

impl KeyId {
    /// A random number that none of these has.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] if the machine has no random numbers.
    pub fn random(besides: &[PlayerKey]) -> Result<Self, KeyError> {
        loop {
            let mut bytes = [0; 4];
            getrandom::fill(&mut bytes).map_err(|error| KeyError::unavailable("random numbers", error))?;
            let id = Self(u32::from_be_bytes(bytes));
            if besides.iter().all(|key| key.id != id) {
                return Ok(id);
            }
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A player's key. Shown by no `Debug`; its bytes are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PlayerKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl PlayerKey {
    /// A key with its number.
    pub fn new(id: KeyId, bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { id, bytes }
    }

    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] if the machine has no random numbers.
    pub fn random(id: KeyId) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(|error| KeyError::unavailable("random numbers", error))?;
        Ok(Self { id, bytes })
    }

    /// Its number.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret.
    pub fn secret(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for PlayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlayerKey({}, ..)", self.id)
    }
}

/// Why there is no key.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The player was erased: there is no key of him, and never will be.
    #[error("the player was erased")]
    Erased,
    /// The store has no key of that number for the player. After a restore it may be in a newer backup.
    #[error("key {id} of the player is unknown")]
    Unknown {
        /// The number.
        id: KeyId,
    },
    /// The store cannot serve now.
    #[error("the key store is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// What is kept is not what was kept.
    #[error("the key store is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// It is the key store of something else, or opened with another master key.
    #[error("not the key store of this ledger: {what}")]
    Other {
        /// What differs.
        what: String,
    },
    /// The list of erasures is missing, or shorter than this store has known it: keys of erased players would come
    /// back to life.
    #[error("the list of erasures has {found} of at least {known} erasures: bring the newest one")]
    ErasuresMissing {
        /// How many erasures this store has known.
        known: u64,
        /// How many are listed.
        found: u64,
    },
}

impl KeyError {
    /// The store cannot serve because of an error.
    pub fn unavailable(doing: &str, error: impl fmt::Display) -> Self {
        Self::Unavailable { reason: format!("{doing}: {error}") }
    }
}

/// That a player was erased, and when. It names him by a digest only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who.
    pub owner: KeyOwner,
    /// When.
    pub at: Timestamp,
}

/// Keeps the keys of players: a folder, a key management service. Outside of the log and of its backups, for what can be
/// restored is not erased.
///
/// The clauses are the contract; [`kit`](super::kit) has a test per clause, with the same number, for any implementation.
///
/// - **K01** `current` gives a player's newest key, made when it is first asked for; the same until it is rotated. Two
///   players have two keys.
/// - **K02** `rotate` makes another key, with a number of its own, and answers it: the newest from then on. The older ones
///   stay.
/// - **K03** `key` gives every key that was made, by number, and [`KeyError::Unknown`] for every other number.
/// - **K04** After `erase` every question about the player is [`KeyError::Erased`], for ever, and his keys are gone. Others
///   are untouched.
/// - **K05** A player who never had a key can be erased, and a second erasure changes nothing: it answers the first.
/// - **K06** `erasures` lists every erased player once, in the order of erasing.
/// - **K07** `reapply` erases whoever is on a list, with the instants of the list, and answers how many were not erased
///   before.
/// - **K08** Of many callers at once that ask for a new player's key, all get the same.
/// - **K09** What was answered is durable: after a reopen keys, numbers and erasures are the same.
///
/// Calls are made on tasks of the host, never on a thread of the ledger, and must not block: what waits for a disk does so on
/// a thread of its own.
#[async_trait]
pub trait KeyStore: Send + Sync + fmt::Debug + 'static {
    /// The key that new data of a player is sealed under. See K01.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    async fn current(&self, owner: &KeyOwner) -> Result<PlayerKey, KeyError>;

    /// A key by its number. See K03.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    async fn key(&self, owner: &KeyOwner, id: KeyId) -> Result<PlayerKey, KeyError>;

    /// Makes another key of a player. See K02.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    async fn rotate(&self, owner: &KeyOwner) -> Result<KeyId, KeyError>;

    /// Destroys all keys of a player. See K04 and K05.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; then ask again until it answers.
    async fn erase(&self, owner: &KeyOwner, at: Timestamp) -> Result<Erasure, KeyError>;

    /// Everyone who was erased. See K06.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    async fn erasures(&self) -> Result<Vec<Erasure>, KeyError>;

    /// Erases whoever is on a list, after a restore from an older backup. See K07.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; then some may have been erased, and the list may be reapplied.
    async fn reapply(&self, list: &[Erasure]) -> Result<u64, KeyError> {
        let known: std::collections::HashSet<_> =
            self.erasures().await?.into_iter().map(|erasure| erasure.owner).collect();
        let mut news = 0;
        for erasure in list.iter().filter(|erasure| !known.contains(&erasure.owner)) {
            self.erase(&erasure.owner, erasure.at).await?;
            news += 1;
        }
        Ok(news)
    }
}
