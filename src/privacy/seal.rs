//! Sealing and opening: XChaCha20-Poly1305 under the player's key. The layout is `docs/privacy.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ledger_core::PlayerId;
use ledger_core::stored::{FieldName, SealedBytes, SealedError, SealedFields};
use ledger_store::LedgerId;
use zeroize::Zeroizing;

use super::keys::{KeyError, KeyId, KeyOwner, KeyStore, PlayerKey};
use super::personal::{PersonalFields, PersonalValue};

/// Values are filled up to a multiple of this, so that their length tells little.
pub(super) const BLOCK_BYTES: usize = 32;

const TAG: &[u8; 23] = b"casino-ledger/sealed/1\0";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + 4 + NONCE_BYTES;

/// Why nothing was sealed. Nothing was recorded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The ledger was opened without a key store.
    #[error("personal data came, but the ledger has no key store")]
    NoKeyStore,
    /// There is no key to seal under: the player was erased, or the key store cannot serve.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What came out is more than a commit may carry.
    #[error(transparent)]
    Fields(#[from] SealedError),
    /// A field is sealed in the request's context already.
    #[error("field {name} is there twice: sealed and in clear")]
    Twice {
        /// Its name.
        name: FieldName,
    },
    /// The machine has no random numbers.
    #[error("no random numbers: {0}")]
    Random(String),
    /// The cipher failed, which it does not.
    #[error("the cipher failed")]
    Cipher,
}

/// Why a sealed value cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// There is no key store.
    #[error("the ledger has no key store")]
    NoKeyStore,
    /// There is no key: see [`KeyError::Erased`].
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It was sealed by a newer version.
    #[error("a sealed value of version {version}: use a newer casino-ledger")]
    Newer {
        /// The version.
        version: u8,
    },
    /// It is not what was sealed for this ledger, player and field.
    #[error("the sealed value is not authentic")]
    NotAuthentic,
}

/// What a value is bound to: it opens for this ledger, player, field and key, and nowhere else.
fn bound_to(ledger: LedgerId, player: &PlayerId, name: &FieldName, key: KeyId) -> Vec<u8> {
    let (player, name) = (player.as_str().as_bytes(), name.as_str().as_bytes());
    let mut bytes = Vec::with_capacity(TAG.len() + 16 + 4 + 4 + player.len() + name.len());
    bytes.extend_from_slice(TAG);
    bytes.extend_from_slice(&ledger.0);
    bytes.extend_from_slice(&key.0.to_be_bytes());
    for part in [player, name] {
        // Ids have at most 128 bytes, names at most 32.
        bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The value, a byte 0x80, and zeros up to a whole block (ISO/IEC 7816-4).
fn filled(value: &PersonalValue) -> Zeroizing<Vec<u8>> {
    let bytes = value.as_bytes();
    let whole = (bytes.len() / BLOCK_BYTES + 1) * BLOCK_BYTES;
    let mut filled = Zeroizing::new(Vec::with_capacity(whole));
    filled.extend_from_slice(bytes);
    filled.push(0x80);
    filled.resize(whole, 0);
    filled
}

fn emptied(filled: &[u8]) -> Option<PersonalValue> {
    let end = filled.iter().rposition(|byte| *byte != 0)?;
    if filled[end] != 0x80 || !filled.len().is_multiple_of(BLOCK_BYTES) {
        return None;
    }
    PersonalValue::new(&filled[..end]).ok()
}

/// Seals and opens personal data of one ledger's players.
#[derive(Debug, Clone)]
pub struct Sealer {
    ledger: LedgerId,
    keys: Arc<dyn KeyStore>,
}

impl Sealer {
    /// A sealer for a ledger.
    pub fn new(ledger: LedgerId, keys: Arc<dyn KeyStore>) -> Self {
        Self { ledger, keys }
    }

    /// The key store.
    pub fn keys(&self) -> &Arc<dyn KeyStore> {
        &self.keys
    }

    /// Seals fields under the player's newest key.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub async fn seal(&self, player: &PlayerId, fields: &PersonalFields) -> Result<SealedFields, SealError> {
        if fields.is_empty() {
            return Ok(SealedFields::default());
        }
        let key = self.keys.current(&KeyOwner::of(player)).await?;
        let mut sealed = BTreeMap::new();
        for (name, value) in fields.fields() {
            sealed.insert(name.clone(), self.seal_one(player, name, value, &key)?);
        }
        Ok(SealedFields::new(sealed)?)
    }

    fn seal_one(
        &self,
        player: &PlayerId,
        name: &FieldName,
        value: &PersonalValue,
        key: &PlayerKey,
    ) -> Result<SealedBytes, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| SealError::Random(error.to_string()))?;
        let aad = bound_to(self.ledger, player, name, key.id());
        let payload = Payload { msg: &filled(value), aad: &aad };
        let cipher = XChaCha20Poly1305::new(key.secret().into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Cipher)?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + sealed.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.id().0.to_be_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(SealedBytes::new(&bytes)?)
    }

    /// Opens a sealed value of a player's field.
    ///
    /// # Errors
    ///
    /// [`UnsealError`].
    pub async fn open(
        &self,
        player: &PlayerId,
        name: &FieldName,
        sealed: &SealedBytes,
    ) -> Result<PersonalValue, UnsealError> {
        let (version, rest) = sealed.as_bytes().split_first().ok_or(UnsealError::NotAuthentic)?;
        if *version > VERSION {
            return Err(UnsealError::Newer { version: *version });
        }
        let (id, rest) = rest.split_first_chunk::<4>().ok_or(UnsealError::NotAuthentic)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError::NotAuthentic)?;
        let id = KeyId(u32::from_be_bytes(*id));
        let key = self.keys.key(&KeyOwner::of(player), id).await?;
        let aad = bound_to(self.ledger, player, name, id);
        let cipher = XChaCha20Poly1305::new(key.secret().into());
        let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad });
        let opened = Zeroizing::new(opened.map_err(|_| UnsealError::NotAuthentic)?);
        if *version == VERSION {
            emptied(&opened).ok_or(UnsealError::NotAuthentic)
        } else {
            Err(UnsealError::NotAuthentic)
        }
    }
}
