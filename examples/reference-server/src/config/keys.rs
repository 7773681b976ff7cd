//! Who may call: keys, hashed in the configuration, and what each may do.

use std::fmt;

use casino_ledger::core::{ActorId, SourceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(..)" })
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A game provider: bets, settlements, rollbacks of its own source.
    Provider,
    /// The platform and its cashier: players, deposits, requests for withdrawals, bonuses, sessions.
    Cashier,
    /// The back office: approvals, offers, everything that is read, the pages.
    Office,
    /// What watches the server: the figures, and nothing else.
    Monitor,
}

impl Role {
    /// Its name in problems and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Cashier => "cashier",
            Self::Office => "office",
            Self::Monitor => "monitor",
        }
    }
}

/// A key as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Whose it is; stands as the actor in every commit.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// The source of his commands. By default his name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The SHA-256 of the key, in hexadecimal. The key itself is 32 random bytes or more, so that its plain hash can stand
    /// here.
    pub sha256: String,
}

/// A key that was checked.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Whose it is.
    pub actor: ActorId,
    /// What he may do.
    pub role: Role,
    /// The source of his commands.
    pub source: SourceId,
    pub(super) hash: [u8; 32],
}

impl ApiKey {
    /// The key that a caller showed, compared with all of them in the same time whichever it is.
    pub fn find<'a>(keys: &'a [Self], shown: &str) -> Option<&'a Self> {
        let hash: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        let mut found = None;
        for key in keys {
            let same: Choice = key.hash.ct_eq(&hash);
            if same.into() {
                found = Some(key);
            }
        }
        found
    }
}

/// The hash of a key, as the configuration has it.
pub fn hash_of_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}
