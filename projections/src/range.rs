//! Stretches of a model's keys, for models whose keys are lists of texts.

use serde::{Deserialize, Serialize};

use crate::error::ViewError;
use crate::model::written;

/// The most rows one reading of a stretch answers with.
pub const SCAN_ROWS_MAX: usize = 100_000;

/// Behind every key: JSON begins with one of `"`, `-`, a digit, `[`, `f`, `n`, `t` or `{`.
const BEHIND_ALL: &str = "~";

/// A key that is a list of texts. What should be listed in an order is written in texts of that order: instants as
/// they are, numbers with [`KeyParts::number`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyParts(Vec<String>);

impl KeyParts {
    /// A key of these parts.
    pub fn new<T: ToString>(parts: impl IntoIterator<Item = T>) -> Self {
        Self(parts.into_iter().map(|part| part.to_string()).collect())
    }

    /// A number as a text of 20 digits: texts of numbers are then in the order of the numbers.
    pub fn number(number: u64) -> String {
        format!("{number:020}")
    }

    /// The parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// A part; empty if there is none.
    pub(crate) fn part(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }
}

/// The parts of a key, as texts.
macro_rules! key {
    ($($part:expr),+ $(,)?) => { $crate::range::KeyParts::new([$(::std::string::ToString::to_string(&$part)),+]) };
}
pub(crate) use key;

/// A stretch of a model's keys, which are lists: from one key to another, forwards or backwards.
///
/// ```
/// use ledger_projections::{KeyParts, KeyRange};
/// // All keys of a player in 2026, the newest first.
/// let of = |year: &str| KeyParts::new(["line", "p1", year]);
/// let range = KeyRange::beginning(&KeyParts::new(["line", "p1"]))?.from_key(&of("2026"))?.backwards();
/// # Ok::<(), ledger_projections::ViewError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    from: String,
    until: String,
    backwards: bool,
}

/// The JSON of a list without its end: what all longer lists that begin so begin with.
fn stem(key: &KeyParts) -> Result<String, ViewError> {
    let mut text = written(key)?;
    text.pop();
    Ok(text)
}

impl KeyRange {
    /// All keys.
    pub fn all() -> Self {
        Self { from: String::new(), until: BEHIND_ALL.to_owned(), backwards: false }
    }

    /// The keys that begin with these parts and have more of them.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the parts cannot be written.
    pub fn beginning(with: &KeyParts) -> Result<Self, ViewError> {
        let stem = stem(with)?;
        Ok(Self { from: format!("{stem},"), until: format!("{stem}-"), backwards: false })
    }

    /// No keys before the first that begins with these parts.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the parts cannot be written.
    pub fn from_key(mut self, key: &KeyParts) -> Result<Self, ViewError> {
        self.from = self.from.max(stem(key)?);
        Ok(self)
    }

    /// No keys before the last that begins with these parts and has more of them, and not that one.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the parts cannot be written.
    pub fn behind_key(mut self, key: &KeyParts) -> Result<Self, ViewError> {
        // More parts begin with a comma.
        self.from = self.from.max(format!("{}-", stem(key)?));
        Ok(self)
    }

    /// No keys from the first on that begins with these parts.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the parts cannot be written.
    pub fn until_key(mut self, key: &KeyParts) -> Result<Self, ViewError> {
        self.until = self.until.min(stem(key)?);
        Ok(self)
    }

    /// No keys behind the last that begins with these parts.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the parts cannot be written.
    pub fn through_key(mut self, key: &KeyParts) -> Result<Self, ViewError> {
        self.until = self.until.min(format!("{}~", stem(key)?));
        Ok(self)
    }

    /// The last key first.
    #[must_use]
    pub fn backwards(mut self) -> Self {
        self.backwards = true;
        self
    }

    /// What is listed behind a whole key, in the direction of the stretch: where a page goes on.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if the key cannot be written.
    pub fn after(mut self, key: &impl Serialize) -> Result<Self, ViewError> {
        let text = written(key)?;
        if self.backwards {
            self.until = self.until.min(text);
        } else {
            // No key is longer than another one and begins with it, but for a number; and a digit is behind a space.
            self.from = self.from.max(format!("{text} "));
        }
        Ok(self)
    }

    pub(crate) fn from(&self) -> &str {
        &self.from
    }

    pub(crate) fn until(&self) -> &str {
        &self.until
    }

    pub(crate) fn is_backwards(&self) -> bool {
        self.backwards
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &KeyRange, key: &KeyParts) -> bool {
        let text = written(key).unwrap();
        range.from() <= text.as_str() && text.as_str() < range.until()
    }

    #[test]
    fn a_stretch_holds_the_keys_that_begin_so_and_no_others() {
        let range = KeyRange::beginning(&key!["a", "p1"]).unwrap();
        for (parts, expected) in [
            (key!["a", "p1", "x"], true),
            (key!["a", "p1", ""], true),
            (key!["a", "p1", "\u{10ffff}", "y"], true),
            (key!["a", "p1"], false),
            (key!["a", "p10", "x"], false),
            (key!["a", "p1\"", "x"], false),
            (key!["a", "p", "x"], false),
            (key!["b", "p1", "x"], false),
        ] {
            assert_eq!(holds(&range, &parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn both_ends_of_a_stretch_may_be_named() {
        let of = |n: u64| key!["a", KeyParts::number(n)];
        let key = |n: u64| key!["a", KeyParts::number(n), "z"];
        let all = KeyRange::beginning(&key!["a"]).unwrap();
        let found = |range: KeyRange| (0..12).filter(|n| holds(&range, &key(*n))).collect::<Vec<u64>>();
        assert_eq!(found(all.clone().from_key(&of(10)).unwrap()), [10, 11]);
        assert_eq!(found(all.clone().until_key(&of(2)).unwrap()), [0, 1]);
        assert_eq!(found(all.clone().through_key(&of(2)).unwrap()), [0, 1, 2]);
        assert_eq!(found(all.clone().after(&key(9)).unwrap()), [10, 11]);
        assert_eq!(found(all.clone().backwards().after(&key(2)).unwrap()), [0, 1]);
        let none = all.from_key(&of(5)).unwrap().until_key(&of(4)).unwrap();
        assert!(none.is_empty());
        assert!(holds(&KeyRange::all(), &key(3)));
    }
}
