//! Shares of amounts: exact in between, rounded once, and only as the caller says.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::wide::{U256, divide};
use super::{Amount, AmountError};

/// What a quotient becomes that is not whole. Whatever is rounded is not below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Down: what is left over stays with whoever shares.
    Floor,
    /// To the nearest, a half up: fees.
    HalfUp,
    /// To the nearest, a half to the even neighbour: exchange. Over many roundings it favours nobody.
    HalfEven,
}

/// The quotient `value * numerator / denominator`, rounded. The product may have 256 bits (M04 and M05 in
/// docs/scenarios.md).
///
/// ```
/// use ledger_core::{Rounding, mul_div};
/// let million_ether = 10_u128.pow(24);
/// assert_eq!(mul_div(million_ether, million_ether, 3, Rounding::Floor).ok(), None, "not in 128 bits");
/// let third = mul_div(million_ether, million_ether, 3 * million_ether, Rounding::Floor)?;
/// assert_eq!(third, 333_333_333_333_333_333_333_333);
/// # Ok::<(), ledger_core::AmountError>(())
/// ```
///
/// # Errors
///
/// [`AmountError::DivisionByZero`], [`AmountError::AmountOverflow`] if the quotient is beyond 128 bits.
pub fn mul_div(
    value: u128,
    numerator: u128,
    denominator: u128,
    rounding: Rounding,
) -> Result<u128, AmountError> {
    if denominator == 0 {
        return Err(AmountError::DivisionByZero);
    }
    let overflow = AmountError::AmountOverflow;
    let product = U256::from(value).checked_mul(U256::from(numerator)).ok_or(overflow.clone())?;
    let quotient = divide(product, U256::from(denominator), rounding).ok_or(overflow.clone())?;
    u128::try_from(quotient).map_err(|_| overflow)
}

/// The most shares that an amount is split into.
pub const SHARES_MAX: usize = 10_000;

/// Which share of a split gets what flooring the others left over. A share of weight zero never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remainder {
    /// The first.
    ToFirst,
    /// The last.
    ToLast,
}

/// Splits a whole number of units by weights: each share is `total * weight / sum of weights`, rounded down,
/// and one of them gets the rest. The shares add up to the total (M05, M12 in docs/scenarios.md).
///
/// ```
/// use ledger_core::{Remainder, split_units};
/// assert_eq!(split_units(100, &[1, 1, 1], Remainder::ToLast)?, [33, 33, 34]);
/// assert_eq!(split_units(100, &[0, 1, 2], Remainder::ToFirst)?, [0, 34, 66]);
/// # Ok::<(), ledger_core::AmountError>(())
/// ```
///
/// # Errors
///
/// [`AmountError::TooManyShares`] beyond [`SHARES_MAX`], [`AmountError::DivisionByZero`] if no weight is above
/// zero, [`AmountError::AmountOverflow`] if the weights' sum is beyond 128 bits.
pub fn split_units(total: u128, weights: &[u128], remainder: Remainder) -> Result<Vec<u128>, AmountError> {
    if weights.len() > SHARES_MAX {
        return Err(AmountError::TooManyShares { count: weights.len() });
    }
    let overflow = || AmountError::AmountOverflow;
    let whole = weights.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    let whole = whole.ok_or_else(overflow)?;
    let shares = weights.iter().map(|weight| mul_div(total, *weight, whole, Rounding::Floor));
    let mut shares = shares.collect::<Result<Vec<_>, _>>()?;
    let given = shares.iter().try_fold(0_u128, |sum, share| sum.checked_add(*share));
    let rest = given.and_then(|given| total.checked_sub(given)).ok_or_else(overflow)?;
    let mut weighty = shares.iter_mut().zip(weights).filter(|(_, weight)| **weight > 0);
    let taker = match remainder {
        Remainder::ToFirst => weighty.next(),
        Remainder::ToLast => weighty.next_back(),
    };
    let (share, _) = taker.ok_or(AmountError::DivisionByZero)?;
    *share = share.checked_add(rest).ok_or_else(overflow)?;
    Ok(shares)
}

/// The most basis points of a rate: a thousand times the amount.
pub const BASIS_POINTS_MAX: u32 = 10_000_000;

const BASIS_POINTS_OF_ONE: u128 = 10_000;

/// A rate in hundredths of a per cent: 250 is 2.5 %, 10,000 is all of it, 350,000 is 35 times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u32);

/// A rate beyond [`BASIS_POINTS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} basis points are beyond {BASIS_POINTS_MAX}")]
pub struct BasisPointsError {
    given: u32,
}

impl BasisPoints {
    /// Ten times.
    pub(crate) const TEN_TIMES: Self = Self(100_000);

    /// So many hundredths of a per cent.
    ///
    /// # Errors
    ///
    /// [`BasisPointsError`] beyond [`BASIS_POINTS_MAX`].
    pub fn new(given: u32) -> Result<Self, BasisPointsError> {
        if given > BASIS_POINTS_MAX { Err(BasisPointsError { given }) } else { Ok(Self(given)) }
    }

    /// How many.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for BasisPoints {
    type Error = BasisPointsError;
    fn try_from(given: u32) -> Result<Self, BasisPointsError> {
        Self::new(given)
    }
}

impl From<BasisPoints> for u32 {
    fn from(rate: BasisPoints) -> Self {
        rate.0
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bp", self.0)
    }
}

impl Amount {
    /// The units of an amount that can be shared.
    fn sharable(self) -> Result<u128, AmountError> {
        u128::try_from(self.units()).map_err(|_| AmountError::Negative { amount: self })
    }

    fn of_sharable(units: u128, scale: u8) -> Result<Self, AmountError> {
        Self::new(i128::try_from(units).map_err(|_| AmountError::AmountOverflow)?, scale)
    }

    /// The share `self * part / whole`, at the scale of this amount. `part` and `whole` have a scale of their
    /// own: a win is shared as the stake was made up.
    ///
    /// ```
    /// use ledger_core::{Amount, Rounding};
    /// let (win, bonus, stake): (Amount, Amount, Amount) = ("25.00".parse()?, "4.00".parse()?, "10.00".parse()?);
    /// assert_eq!(win.share(bonus, stake, Rounding::Floor)?.to_string(), "10.00");
    /// # Ok::<(), ledger_core::AmountError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AmountError::Negative`] if any of the three is below zero, [`AmountError::ScaleMismatch`] of part and
    /// whole, [`AmountError::DivisionByZero`], [`AmountError::AmountOverflow`].
    pub fn share(self, part: Self, whole: Self, rounding: Rounding) -> Result<Self, AmountError> {
        part.same_scale(whole)?;
        let units = mul_div(self.sharable()?, part.sharable()?, whole.sharable()?, rounding)?;
        Self::of_sharable(units, self.scale())
    }

    /// So many basis points of this amount.
    ///
    /// # Errors
    ///
    /// [`AmountError::Negative`], [`AmountError::AmountOverflow`].
    pub fn basis_points(self, rate: BasisPoints, rounding: Rounding) -> Result<Self, AmountError> {
        let units = mul_div(self.sharable()?, u128::from(rate.0), BASIS_POINTS_OF_ONE, rounding)?;
        Self::of_sharable(units, self.scale())
    }

    /// Splits this amount by weights; see [`split_units`].
    ///
    /// # Errors
    ///
    /// As [`split_units`], and [`AmountError::Negative`].
    pub fn split(self, weights: &[u128], remainder: Remainder) -> Result<Vec<Self>, AmountError> {
        let shares = split_units(self.sharable()?, weights, remainder)?;
        shares.into_iter().map(|units| Self::of_sharable(units, self.scale())).collect()
    }

    /// Splits this amount as other amounts stand to each other: a win as the stake's funds.
    ///
    /// # Errors
    ///
    /// As [`split_units`], [`AmountError::Negative`], and [`AmountError::ScaleMismatch`] if the parts have
    /// different scales.
    pub fn split_like(self, parts: &[Self], remainder: Remainder) -> Result<Vec<Self>, AmountError> {
        if let Some(first) = parts.first() {
            parts.iter().try_for_each(|part| first.same_scale(*part))?;
        }
        let weights = parts.iter().map(|part| part.sharable()).collect::<Result<Vec<_>, _>>()?;
        self.split(&weights, remainder)
    }
}

/// A fee: so many basis points of an amount, a half rounded up, and at least one unit where neither the rate
/// nor the amount is zero.
///
/// ```
/// use ledger_core::{Amount, BasisPoints, fee};
/// let (rate, amount): (_, Amount) = (BasisPoints::new(250)?, "0.10".parse()?);
/// assert_eq!(fee(amount, rate)?.to_string(), "0.01", "2.5 % of 0.10 is 0.0025");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`AmountError::Negative`], [`AmountError::AmountOverflow`].
pub fn fee(amount: Amount, rate: BasisPoints) -> Result<Amount, AmountError> {
    let fee = amount.basis_points(rate, Rounding::HalfUp)?;
    let is_due = rate.0 > 0 && amount.is_positive();
    if is_due && fee.is_zero() { Amount::new(1, amount.scale()) } else { Ok(fee) }
}
