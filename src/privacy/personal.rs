//! Personal data on its way: in clear only here, forgotten when dropped, never shown.

use std::collections::BTreeMap;
use std::fmt;

use ledger_core::stored::{FieldName, SEALED_FIELDS_MAX, SealedError};
use zeroize::Zeroizing;

use super::seal::BLOCK_BYTES;

/// The longest personal value, in bytes.
pub const PERSONAL_BYTES_MAX: usize = 30 * BLOCK_BYTES - 1;

/// Why something is no personal data to be kept. No error repeats a name or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalError {
    /// The name is none a field can have.
    #[error(transparent)]
    Name(#[from] SealedError),
    /// The value is empty or longer than [`PERSONAL_BYTES_MAX`].
    #[error("a personal value of {bytes} bytes: 1 to {PERSONAL_BYTES_MAX} are allowed")]
    Bytes {
        /// How long it is.
        bytes: usize,
    },
    /// There are more fields than [`SEALED_FIELDS_MAX`].
    #[error("more than {SEALED_FIELDS_MAX} personal fields")]
    TooMany,
}

/// A personal value in clear: an address, a device. Shown by no `Debug`; its bytes are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalValue(Zeroizing<Vec<u8>>);

impl PersonalValue {
    /// Takes bytes.
    ///
    /// # Errors
    ///
    /// [`PersonalError::Bytes`] if there are none or more than [`PERSONAL_BYTES_MAX`].
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, PersonalError> {
        let bytes = bytes.as_ref();
        if (1..=PERSONAL_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(PersonalError::Bytes { bytes: bytes.len() })
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for PersonalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalValue(..)")
    }
}

/// What a host wants to remember about the person behind a command: at most [`SEALED_FIELDS_MAX`] values by name.
///
/// It is encrypted under the player's key before it enters the ledger. It is no part of the command: no rule sees it, and a
/// repeated command needs not repeat it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonalFields(BTreeMap<FieldName, PersonalValue>);

impl PersonalFields {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one field more; a name that is there already gets the new value.
    ///
    /// # Errors
    ///
    /// [`PersonalError`].
    pub fn with(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<Self, PersonalError> {
        self.0.insert(FieldName::new(name)?, PersonalValue::new(value)?);
        if self.0.len() > SEALED_FIELDS_MAX { Err(PersonalError::TooMany) } else { Ok(self) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&FieldName, &PersonalValue)> {
        self.0.iter()
    }
}

impl fmt::Debug for PersonalFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_bounded_and_never_shown() {
        let fields =
            PersonalFields::new().with("name", "Ada Lovelace").unwrap().with("ip", [10, 0, 0, 1]).unwrap();
        assert_eq!(format!("{fields:?}"), r#"{FieldName("ip"), FieldName("name")}"#);
        assert_eq!(format!("{:?}", PersonalValue::new("Ada").unwrap()), "PersonalValue(..)");
        assert_eq!(PersonalValue::new("Ada").unwrap().as_str(), Some("Ada"));
        assert_eq!(PersonalValue::new([0xff]).unwrap().as_str(), None);
        for bytes in [0, PERSONAL_BYTES_MAX + 1] {
            let refused = PersonalFields::new().with("name", vec![1; bytes]);
            assert_eq!(refused, Err(PersonalError::Bytes { bytes }));
        }
        assert!(PersonalFields::new().with("name", vec![1; PERSONAL_BYTES_MAX]).is_ok());
        let refused = PersonalFields::new().with("Ada Lovelace", "x").unwrap_err();
        assert!(!refused.to_string().contains("Ada"));
        let mut many = PersonalFields::new();
        for i in 0..SEALED_FIELDS_MAX {
            many = many.with(format!("f{i}"), "x").unwrap();
        }
        assert_eq!(many.clone().with("f0", "y").unwrap().fields().count(), SEALED_FIELDS_MAX);
        assert_eq!(many.with("more", "x"), Err(PersonalError::TooMany));
    }
}
