//! Names of managers, of their processes, and of what a process does.

use std::fmt;
use std::sync::Arc;

use ledger_core::{ID_BYTES_MAX, IdError, SourceId, TransactionId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;

/// The longest name of a manager, in bytes.
pub const MANAGER_NAME_BYTES_MAX: usize = 40;
/// The longest id of a process, in bytes.
pub const PROCESS_ID_BYTES_MAX: usize = 2_048;
/// The longest name of a step, in bytes.
pub const STEP_BYTES_MAX: usize = 512;

/// How many bytes of a long name stay readable in the id that is made of it.
const READABLE_BYTES: usize = 48;

/// Why a text is no name of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not usable as the {what}: {rule}")]
pub struct ProcessNameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl ProcessNameError {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self { what, text: text.chars().take(64).collect(), rule }
    }
}

/// The name of a process manager. Its commands come from the source `process/NAME`, so it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManagerName(Arc<str>);

impl ManagerName {
    /// Takes a text as a name.
    ///
    /// # Errors
    ///
    /// [`ProcessNameError`] unless it is 1 to 40 small letters, digits, `-` and `_`.
    pub fn new(text: &str) -> Result<Self, ProcessNameError> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=MANAGER_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(Arc::from(text)));
        }
        let rule = "take 1 to 40 small letters, digits, - and _";
        Err(ProcessNameError::new("name of a manager", text, rule))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The source of its commands.
    ///
    /// # Errors
    ///
    /// None in practice: the name is short enough.
    pub fn source(&self) -> Result<SourceId, IdError> {
        SourceId::new(format!("process/{}", self.0))
    }
}

impl fmt::Display for ManagerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which process of a manager it is: usually the text of a stream, such as `withdrawal/p1/cashier/w1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// Takes a text as an id.
    ///
    /// # Errors
    ///
    /// [`ProcessNameError`] if it is empty, longer than [`PROCESS_ID_BYTES_MAX`] or has control characters.
    pub fn new(text: &str) -> Result<Self, ProcessNameError> {
        if (1..=PROCESS_ID_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(Self(Arc::from(text)));
        }
        let rule = "take 1 to 2048 bytes without control characters";
        Err(ProcessNameError::new("id of a process", text, rule))
    }

    /// An id of parts, escaped so that no two lists of parts have one id.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn of(parts: &[&str]) -> Result<Self, ProcessNameError> {
        Self::new(&joined(parts))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id under which a step of this process is known outside: to the ledger, to a payment provider. It is the same
    /// whenever it is made.
    ///
    /// # Errors
    ///
    /// None in practice: what is too long is hashed.
    pub fn transaction(&self, step: &str) -> Result<TransactionId, IdError> {
        // A step has no `#`, so that the last one of the text parts the two.
        let text = format!("{}#{step}", self.0);
        if text.len() <= ID_BYTES_MAX {
            return TransactionId::new(text);
        }
        let end = (0..=READABLE_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        TransactionId::new(format!("{}~{}", &text[..end], hex::text(&hash)))
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ProcessId {
    type Error = ProcessNameError;
    fn try_from(text: String) -> Result<Self, ProcessNameError> {
        Self::new(&text)
    }
}

impl From<ProcessId> for String {
    fn from(id: ProcessId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// Parts as one text, each escaped.
fn joined(parts: &[&str]) -> String {
    let mut text = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            text.push('/');
        }
        for c in part.chars() {
            match c {
                '%' => text.push_str("%25"),
                '/' => text.push_str("%2F"),
                '#' => text.push_str("%23"),
                c => text.push(c),
            }
        }
    }
    text
}

/// The name of a step of parts, escaped so that no two lists of parts have one name: `exclude/p1`.
pub fn step(parts: &[&str]) -> String {
    joined(parts)
}

/// Whether a text may name a step.
pub(super) fn is_step(text: &str) -> bool {
    (1..=STEP_BYTES_MAX).contains(&text.len()) && !text.contains('#') && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_managers_are_plain() {
        assert_eq!(
            ManagerName::new("payouts").unwrap().source().unwrap(),
            SourceId::new("process/payouts").unwrap()
        );
        for wrong in ["", "Payouts", "pay outs", "pay/outs", &"x".repeat(41)] {
            assert!(ManagerName::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_have_one_id_whenever_it_is_made_and_no_two_the_same() {
        let process = ProcessId::of(&["withdrawal", "p/1", "w#1"]).unwrap();
        assert_eq!(process.as_str(), "withdrawal/p%2F1/w%231");
        assert_eq!(process.transaction("send").unwrap().as_str(), "withdrawal/p%2F1/w%231#send");
        let long = "x".repeat(ID_BYTES_MAX - 2);
        let (long, longer) = (ProcessId::new(&long).unwrap(), ProcessId::new(&(long + "x")).unwrap());
        let ids: std::collections::BTreeSet<_> = [
            long.transaction("a").unwrap(),
            long.transaction("ab").unwrap(),
            long.transaction("ac").unwrap(),
            longer.transaction("a").unwrap(),
        ]
        .into_iter()
        .collect();
        assert_eq!(ids.len(), 4);
        assert!(ids.iter().all(|id| id.as_str().len() <= ID_BYTES_MAX));
        assert_eq!(long.transaction("ab").unwrap(), long.transaction("ab").unwrap());
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        assert!(ProcessId::new("").is_err());
        assert!(ProcessId::new("a\nb").is_err());
        assert!(ProcessId::new(&"x".repeat(PROCESS_ID_BYTES_MAX + 1)).is_err());
        assert!(is_step(&step(&["exclude", "p#1"])));
        assert!(!is_step("a#b") && !is_step(""));
    }
}
