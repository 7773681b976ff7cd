//! Sealed fields: what a host remembers about a person (an address, a device), encrypted before it comes here.
//! The core knows opaque bytes; `docs/privacy.md` says what they are.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::serde_as_text;

/// The most sealed fields one commit may carry.
pub const SEALED_FIELDS_MAX: usize = 16;
/// The longest sealed value, in bytes, with everything that sealing adds.
pub const SEALED_BYTES_MAX: usize = 1_024;
/// The longest name of a field, in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 32;

/// Why something is no sealed field. No error holds a name's text: a caller who mixes up name and value would
/// find the value in his logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// The name is not one to [`FIELD_NAME_BYTES_MAX`] of `a` to `z`, `0` to `9` and `_`.
    #[error("a field's name of {bytes} bytes: take 1 to {FIELD_NAME_BYTES_MAX} of a to z, 0 to 9 and _")]
    Name {
        /// How long it is.
        bytes: usize,
    },
    /// The value is empty or longer than [`SEALED_BYTES_MAX`].
    #[error("a sealed value of {bytes} bytes: 1 to {SEALED_BYTES_MAX} are allowed")]
    Bytes {
        /// How long it is.
        bytes: usize,
    },
    /// There are more fields than [`SEALED_FIELDS_MAX`].
    #[error("{fields} sealed fields: at most {SEALED_FIELDS_MAX} are allowed")]
    TooMany {
        /// How many there are.
        fields: usize,
    },
    /// The text is not base64 (URL alphabet, no padding).
    #[error("a sealed value is not base64 (URL alphabet, no padding)")]
    Text,
}

/// The name of a sealed field, such as `ip`. It stands in the log in clear, so it says what kind of thing is
/// kept and never whose.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldName(Arc<str>);

impl FieldName {
    /// Takes a text as a name.
    ///
    /// # Errors
    ///
    /// [`SealedError::Name`] unless it is 1 to [`FIELD_NAME_BYTES_MAX`] of `a` to `z`, `0` to `9` and `_`.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SealedError> {
        let text = text.as_ref();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=FIELD_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(SealedError::Name { bytes: text.len() })
        }
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldName({:?})", &self.0)
    }
}

impl FromStr for FieldName {
    type Err = SealedError;
    fn from_str(text: &str) -> Result<Self, SealedError> {
        Self::new(text)
    }
}

serde_as_text!(FieldName);

/// An encrypted value: opaque here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealedBytes(Arc<[u8]>);

impl SealedBytes {
    /// Takes encrypted bytes.
    ///
    /// # Errors
    ///
    /// [`SealedError::Bytes`] if there are none or more than [`SEALED_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self, SealedError> {
        if (1..=SEALED_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(Arc::from(bytes)))
        } else {
            Err(SealedError::Bytes { bytes: bytes.len() })
        }
    }

    /// The encrypted bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBytes({} bytes)", self.0.len())
    }
}

impl FromStr for SealedBytes {
    type Err = SealedError;
    fn from_str(text: &str) -> Result<Self, SealedError> {
        Self::new(&URL_SAFE_NO_PAD.decode(text).map_err(|_| SealedError::Text)?)
    }
}

serde_as_text!(SealedBytes);

/// The sealed fields of one commit, by name: at most [`SEALED_FIELDS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SealedFields(BTreeMap<FieldName, SealedBytes>);

impl SealedFields {
    /// Takes fields.
    ///
    /// # Errors
    ///
    /// [`SealedError::TooMany`] over [`SEALED_FIELDS_MAX`].
    pub fn new(fields: BTreeMap<FieldName, SealedBytes>) -> Result<Self, SealedError> {
        if fields.len() <= SEALED_FIELDS_MAX {
            Ok(Self(fields))
        } else {
            Err(SealedError::TooMany { fields: fields.len() })
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub fn field(&self, name: &FieldName) -> Option<&SealedBytes> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&FieldName, &SealedBytes)> {
        self.0.iter()
    }
}

impl Serialize for SealedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SealedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(BTreeMap::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
