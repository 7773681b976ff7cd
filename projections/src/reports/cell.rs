//! What stands in a report: fields of sources, and their values.

use std::cmp::Ordering;
use std::fmt;

use ledger_core::{Amount, Day, Timestamp};
use rust_decimal::Decimal;

use crate::total::Total;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// An amount of money or of bonus credits, exact; its currency is a field of its own.
    Amount,
    /// A ratio, with six digits; theoretical returns, and what is reckoned with them, have up to nine.
    Ratio,
    /// An instant in UTC.
    Instant,
    /// A day of the report's time zone.
    Day,
    /// Yes or no.
    Flag,
}

/// A field of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name: small letters, digits and `_`.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A whole number.
    Integer(u64),
    /// An amount.
    Amount(Total),
    /// A ratio.
    Ratio(Decimal),
    /// An instant.
    Instant(Timestamp),
    /// A day.
    Day(Day),
    /// Yes or no.
    Flag(bool),
}

impl Cell {
    /// A text.
    #[expect(clippy::needless_pass_by_value, reason = "callers give ids and what they have just made")]
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// A text, or nothing.
    pub(super) fn maybe(text: Option<&impl ToString>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.to_string()))
    }

    /// Texts, with a space between them.
    pub(super) fn list<T: ToString>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
        if texts.is_empty() { Self::Empty } else { Self::Text(texts.join(" ")) }
    }

    /// An amount.
    pub(super) fn amount(amount: impl Into<Total>) -> Self {
        Self::Amount(amount.into())
    }

    /// An amount, or nothing.
    pub(super) fn maybe_amount(amount: Option<Amount>) -> Self {
        amount.map_or(Self::Empty, Self::amount)
    }

    /// A number of things.
    pub(super) fn count(number: usize) -> Self {
        Self::Integer(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// A value of a kind from its text.
    pub(super) fn parse(kind: FieldKind, text: &str) -> Option<Self> {
        Some(match kind {
            FieldKind::Text => Self::Text(text.to_owned()),
            FieldKind::Integer => Self::Integer(text.parse().ok()?),
            FieldKind::Amount => Self::Amount(text.parse().ok()?),
            FieldKind::Ratio => Self::Ratio(Decimal::from_str_exact(text).ok()?),
            FieldKind::Instant => Self::Instant(text.parse().ok()?),
            FieldKind::Day => Self::Day(text.parse().ok()?),
            FieldKind::Flag => Self::Flag(match text {
                "yes" => true,
                "no" => false,
                _ => return None,
            }),
        })
    }

    /// In which order two values of one field stand; nothing is before everything.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Integer(one), Self::Integer(other)) => one.cmp(other),
            (Self::Amount(one), Self::Amount(other)) => {
                match one.minus(*other) {
                    Some(rest) => rest.units().cmp(&0),
                    // So far apart that their difference is beyond 128 bits: the sign tells, or the size.
                    None => one.units().signum().cmp(&other.units().signum()).then_with(|| far(*one, *other)),
                }
            }
            (Self::Ratio(one), Self::Ratio(other)) => one.cmp(other),
            (Self::Instant(one), Self::Instant(other)) => one.cmp(other),
            (Self::Day(one), Self::Day(other)) => one.cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            _ => (*self != Self::Empty).cmp(&(*other != Self::Empty)),
        }
    }
}

/// The order of two sums of one sign of which one cannot be shown at the other's scale: the one at the coarser scale is
/// further from zero.
fn far(one: Total, other: Total) -> Ordering {
    let by_size = other.scale().cmp(&one.scale());
    if one.units() < 0 { by_size.reverse() } else { by_size }
}

/// Plain text, exact: amounts and ratios as decimals, instants in UTC.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Amount(amount) => amount.fmt(f),
            Self::Ratio(ratio) => ratio.fmt(f),
            Self::Instant(at) => at.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_field_have_an_order() {
        let amount = |text: &str| Cell::Amount(text.parse().unwrap());
        let sorted = [
            Cell::Empty,
            Cell::Amount(Total::new(i128::MIN, 0).unwrap()),
            amount("-2"),
            amount("-0.000000000000000001"),
            amount("0"),
            amount("0.5"),
            amount("10"),
            Cell::Amount(Total::new(i128::MAX, 0).unwrap()),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(pair[0].order(&pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(pair[1].order(&pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(amount("1.10").order(&amount("1.1")), Ordering::Equal);
    }

    #[test]
    fn what_is_written_is_read() {
        for (kind, text) in [
            (FieldKind::Text, "a"),
            (FieldKind::Integer, "7"),
            (FieldKind::Amount, "-1.50"),
            (FieldKind::Ratio, "0.950000"),
            (FieldKind::Instant, "2026-01-01T00:00:00.000000Z"),
            (FieldKind::Day, "2026-01-31"),
            (FieldKind::Flag, "no"),
        ] {
            assert_eq!(Cell::parse(kind, text).unwrap().to_string(), text);
        }
        for (kind, text) in
            [(FieldKind::Amount, "1,5"), (FieldKind::Flag, "true"), (FieldKind::Integer, "-1")]
        {
            assert_eq!(Cell::parse(kind, text), None, "{text}");
        }
    }
}
