//! What stands in a column.

use std::fmt;
use std::str::FromStr;

use crate::error::ViewError;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

impl Value {
    /// A number that is never below zero.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] beyond what SQL's integers hold.
    pub fn natural(number: u64) -> Result<Self, ViewError> {
        let number = i64::try_from(number);
        number.map(Self::Integer).map_err(|_| ViewError::home("a number is beyond the integers of SQL"))
    }

    /// The text of something.
    pub fn of(shown: &impl fmt::Display) -> Self {
        Self::Text(shown.to_string())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn value(&self, column: usize) -> Result<&Value, ViewError> {
        self.0.get(column).ok_or_else(|| ViewError::Damaged(format!("a row has no column {column}")))
    }

    /// The text in a column.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if there is none.
    pub fn text(&self, column: usize) -> Result<&str, ViewError> {
        match self.value(column)? {
            Value::Text(text) => Ok(text),
            other => Err(ViewError::Damaged(format!("{other:?} is no text"))),
        }
    }

    /// The text in a column that may have none.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if there is a number.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, ViewError> {
        if *self.value(column)? == Value::Null { Ok(None) } else { self.text(column).map(Some) }
    }

    /// The number in a column.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if there is none, or one that the type cannot hold.
    pub fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, ViewError> {
        let number = match self.value(column)? {
            Value::Integer(number) => T::try_from(*number).ok(),
            _ => None,
        };
        number
            .ok_or_else(|| ViewError::Damaged(format!("{:?} is not the number expected", self.value(column))))
    }

    /// The number in a column that may have none.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if there is something else.
    pub fn optional_number<T: TryFrom<i64>>(&self, column: usize) -> Result<Option<T>, ViewError> {
        if *self.value(column)? == Value::Null { Ok(None) } else { self.number(column).map(Some) }
    }

    /// The text in a column, as what it was written from.
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if it is not the text of one.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self, column: usize) -> Result<T, ViewError> {
        parse(self.text(column)?)
    }
}

/// A text of a column, as what it was written from.
pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, ViewError> {
    text.parse().map_err(|error: T::Err| ViewError::Damaged(format!("{error}")))
}
