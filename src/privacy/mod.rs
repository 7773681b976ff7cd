//! What a host remembers about a person: sealed under a key of the player's own, and gone when that key is.
//!
//! The ledger itself knows no one: ids hold no personal data, and no rule looks at any. Where a host must remember something
//! with a command (the address it came from, the device), it gives it as [`PersonalFields`] of a
//! [`Request`](crate::Request). Each value is encrypted under the player's key from a [`KeyStore`] that is kept outside of the
//! log and of its backups, and stands in the commit as bytes that nobody else can read. [`Ledger::erase_person`] destroys
//! the key: from then on nobody can, in the log and in every copy of it, and the chain, the balances and every proof stay as
//! they were.
//!
//! ```
//! use std::sync::Arc;
//! use casino_ledger::core::{PlayerCommand, PlayerId};
//! use casino_ledger::privacy::{KeyError, MemoryKeyStore, PersonalFields, UnsealError};
//! use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! use casino_ledger::{Ledger, Request, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::ONE, format: FORMAT };
//! # let store = Arc::new(MemoryStore::new(identity));
//! let mut settings = Settings::new()?;
//! settings.keys = Some(Arc::new(MemoryKeyStore::new()));
//! let ledger = Ledger::with_store(store, settings).await?;
//! let player = PlayerId::new("p1")?;
//! let open = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT",
//!     "zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
//! let mut request = Request::new(player.clone(), serde_json::from_str::<PlayerCommand>(open)?);
//! request.personal = PersonalFields::new().with("ip", "203.0.113.9")?;
//! let receipt = ledger.request(request).await?;
//!
//! let record = ledger.personal_at(&player, receipt.position).await?;
//! assert_eq!(record.fields[0].1.as_ref().unwrap().as_str(), Some("203.0.113.9"));
//! ledger.erase_person(&player).await?;
//! let record = ledger.personal_at(&player, receipt.position).await?;
//! assert!(matches!(record.fields[0].1, Err(UnsealError::Key(KeyError::Erased))));
//! # ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The format and what it protects from are `docs/privacy.md`.

mod erasures;
mod files;
mod keys;
pub mod kit;
mod memory;
mod personal;
mod reading;
mod seal;

pub use files::{CACHED_OWNERS, FileKeyStore, FileKeyStoreOptions, MasterKey, PLAYER_KEYS_MAX};
pub use keys::{Erasure, KeyError, KeyId, KeyOwner, KeyStore, PlayerKey};
pub use memory::MemoryKeyStore;
pub use personal::{PERSONAL_BYTES_MAX, PersonalError, PersonalFields, PersonalValue};
pub use reading::{PersonalRecord, ReadPersonalError};
pub use seal::{SealError, Sealer, UnsealError};

#[cfg(doc)]
use crate::Ledger;
