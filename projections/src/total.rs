//! Sums over many players: integers of 128 bits at a scale.

use std::fmt;
use std::str::FromStr;

use ledger_core::{Amount, SCALE_MAX};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An exact sum of amounts: a whole number of units of 10^-scale in 128 bits.
///
/// One [`Amount`] is bounded by 96 bits; what a whole casino turned over may be more. A sum takes on the finest
/// scale it met, so that it does not depend on the order of its parts. Nothing is ever rounded.
///
/// ```
/// use ledger_core::Amount;
/// use ledger_projections::Total;
/// let (win, tip): (Amount, Amount) = ("10.00".parse()?, "0.5".parse()?);
/// let sum = Total::from(win).plus(tip);
/// assert_eq!(sum.map(|sum| sum.to_string()).as_deref(), Some("10.50"));
/// # Ok::<(), ledger_core::AmountError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Total {
    units: i128,
    scale: u8,
}

/// A text that is not a sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a sum: digits with at most {SCALE_MAX} after the point are expected")]
pub struct TotalError {
    text: String,
}

impl Total {
    /// So many units of 10^-scale; `None` beyond [`SCALE_MAX`].
    pub fn new(units: i128, scale: u8) -> Option<Self> {
        (scale <= SCALE_MAX).then_some(Self { units, scale })
    }

    /// Units of 10^-scale.
    pub fn units(self) -> i128 {
        self.units
    }

    /// Digits after the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the sum is zero.
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// [`Self::is_zero`] as serde asks it.
    pub(crate) fn is_zero_ref(&self) -> bool {
        self.is_zero()
    }

    /// The same value at a finer or equal scale; `None` for a coarser scale or beyond 128 bits.
    pub fn rescale_up(self, scale: u8) -> Option<Self> {
        let factor = 10_i128.checked_pow(u32::from(scale.checked_sub(self.scale)?))?;
        Some(Self { units: self.units.checked_mul(factor)?, scale })
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u8)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescale_up(scale)?.units, other.rescale_up(scale)?.units, scale))
    }

    /// The sum with an amount or another sum; `None` beyond 128 bits.
    pub fn plus(self, other: impl Into<Self>) -> Option<Self> {
        let (left, right, scale) = self.aligned(other.into())?;
        Some(Self { units: left.checked_add(right)?, scale })
    }

    /// The difference; `None` beyond 128 bits.
    pub fn minus(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self { units: left.checked_sub(right)?, scale })
    }

    /// The sum as an amount, if it fits 96 bits.
    pub fn to_amount(self) -> Option<Amount> {
        Amount::new(self.units, self.scale).ok()
    }

    /// The sum as a decimal, if it fits 96 bits.
    pub fn to_decimal(self) -> Option<Decimal> {
        self.to_amount().map(Amount::to_decimal)
    }

    /// This sum divided by another, rounded half to even at six digits after the point. `None` if the other is
    /// not above zero, this one is below zero, or the ratio is beyond what a decimal can show.
    ///
    /// The ratio is computed digit by digit on integers, so the rounding is of the exact quotient.
    pub fn ratio(self, of: Self) -> Option<Decimal> {
        const DIGITS: u32 = 6;
        let (dividend, divisor, _) = self.aligned(of)?;
        let (dividend, divisor) = (u128::try_from(dividend).ok()?, u128::try_from(divisor).ok()?);
        let mut quotient = dividend.checked_div(divisor)?;
        let mut rest = dividend.checked_rem(divisor)?;
        for _ in 0..DIGITS {
            let (digit, next) = ten_times(rest, divisor);
            quotient = quotient.checked_mul(10)?.checked_add(digit)?;
            rest = next;
        }
        let up = match rest.cmp(&(divisor - rest)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => quotient % 2 == 1,
            std::cmp::Ordering::Less => false,
        };
        let quotient = quotient.checked_add(u128::from(up))?;
        Decimal::try_from_i128_with_scale(i128::try_from(quotient).ok()?, DIGITS).ok()
    }
}

/// Ten times `rest` divided by `divisor`, for `rest < divisor`: the digit and what is left. By addition, because
/// ten times the rest may be beyond 128 bits.
fn ten_times(rest: u128, divisor: u128) -> (u128, u128) {
    let (mut digit, mut left) = (0, 0);
    for _ in 0..10 {
        if left >= divisor - rest {
            left -= divisor - rest;
            digit += 1;
        } else {
            left += rest;
        }
    }
    (digit, left)
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self { units: amount.units(), scale: amount.scale() }
    }
}

impl From<Total> for String {
    fn from(total: Total) -> Self {
        total.to_string()
    }
}

impl TryFrom<String> for Total {
    type Error = TotalError;
    fn try_from(text: String) -> Result<Self, TotalError> {
        text.parse()
    }
}

/// Sums are equal if they are worth the same, at whatever scale.
impl PartialEq for Total {
    fn eq(&self, other: &Self) -> bool {
        match self.aligned(*other) {
            Some((left, right, _)) => left == right,
            // What leaves 128 bits at the other's scale is larger than anything the other can be.
            None => false,
        }
    }
}

impl Eq for Total {}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let factor = 10_u128.checked_pow(u32::from(self.scale)).ok_or(fmt::Error)?;
        let magnitude = self.units.unsigned_abs();
        let (whole, part) = (magnitude / factor, magnitude % factor);
        if self.scale == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{part:0width$}", width = usize::from(self.scale))
        }
    }
}

impl FromStr for Total {
    type Err = TotalError;

    fn from_str(text: &str) -> Result<Self, TotalError> {
        let parse = || {
            let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
            let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
            let pointless = digits.contains('.') && part.is_empty();
            let digits_only = whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
            if whole.is_empty() || pointless || !digits_only || text.len() > 64 {
                return None;
            }
            let magnitude: u128 = [whole, part].concat().parse().ok()?;
            let units = if negative {
                0_i128.checked_sub_unsigned(magnitude)?
            } else {
                0_i128.checked_add_unsigned(magnitude)?
            };
            Self::new(units, u8::try_from(part.len()).ok()?)
        };
        parse().ok_or_else(|| TotalError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(text: &str) -> Total {
        text.parse().unwrap()
    }

    #[test]
    fn sums_are_exact_at_the_finest_scale() {
        let sum = total("0.1").plus(total("0.0000000000000002")).unwrap();
        assert_eq!(sum.to_string(), "0.1000000000000002");
        assert_eq!(total("1.10"), total("1.1"));
        assert_eq!(total("-1.5").minus(total("1")).unwrap().to_string(), "-2.5");
        let most = Total::new(i128::MAX, 0).unwrap();
        assert_eq!(most.plus(Total::new(1, 0).unwrap()), None);
        assert_ne!(most, total("0.01"));
        for units in [i128::MIN, -1, 0, 1, i128::MAX] {
            for scale in [0, 2, 18] {
                let sum = Total::new(units, scale).unwrap();
                assert_eq!(total(&sum.to_string()), sum);
            }
        }
        for bad in ["", ".", "1.", ".5", "1e5", "+1", "1.0000000000000000000", "1 "] {
            assert!(bad.parse::<Total>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ratios_round_half_to_even_at_six_digits() {
        let cases = [
            ("955000.00", "1000000.00", "0.955000"),
            ("1", "3", "0.333333"),
            ("2", "3", "0.666667"),
            ("1", "2000000", "0.000000"), // exactly half, to even 0
            ("3", "2000000", "0.000002"), // exactly half, to even 2
            ("5", "2000000", "0.000002"), // exactly half, to even 2
            ("7", "2000000", "0.000004"), // exactly half, to even 4
            ("1.00001", "2000000", "0.000001"),
            ("0", "5", "0.000000"),
            ("250", "10", "25.000000"),
        ];
        for (of, by, expected) in cases {
            let ratio = total(of).ratio(total(by)).map(|ratio| ratio.to_string());
            assert_eq!(ratio.as_deref(), Some(expected), "{of} / {by}");
        }
        assert_eq!(total("1").ratio(total("0")), None);
        assert_eq!(total("1").ratio(total("-2")), None);
        let most = Total::new(i128::MAX, 0).unwrap();
        assert_eq!(most.ratio(most).map(|r| r.to_string()).as_deref(), Some("1.000000"));
        let less = Total::new(i128::MAX - 1, 0).unwrap();
        assert_eq!(less.ratio(most).map(|r| r.to_string()).as_deref(), Some("1.000000"));
    }
}
