//! What a bet at fixed odds returns (S116, S128 and S129 in docs/scenarios.md).
//!
//! Pure helpers for adapters of sportsbooks whose protocol reports a result and leaves the amount to the operator.
//! The ledger itself takes amounts: what comes out of here is the amount of a [`crate::Settle`].
//!
//! A return is what the player gets back all in all, stake included: where a protocol says "pnl" or "payout" and
//! means that, it is a gross return. It is computed exactly and **rounded down once**, to the smallest unit of the
//! stake's currency: the price shown is the most the house has promised, and half a unit more was not.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::money::{Amount, AmountError, Rounding, U512, divide, power_of_ten};

/// The highest price of one selection.
pub const ODDS_MAX: u32 = 1_000_000;

/// The most digits after the point in the price of one selection.
pub const ODDS_SCALE_MAX: u8 = 9;

/// The most digits that the exact price of a parlay may have.
pub const ODDS_DIGITS_MAX: u32 = 120;

/// The most legs of a parlay.
pub const LEGS_MAX: usize = 50;

/// Why odds are none, or a return cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OddsError {
    /// The price of a selection is below 1, above [`ODDS_MAX`], or has more than [`ODDS_SCALE_MAX`] digits after the
    /// point.
    #[error(
        "{text:?} are no odds: a decimal from 1 to {ODDS_MAX} with at most {ODDS_SCALE_MAX} digits after the point \
         is expected"
    )]
    Price {
        /// The value, shortened.
        text: String,
    },
    /// A parlay has at least one leg, and at most [`LEGS_MAX`].
    #[error("a parlay has 1 to {LEGS_MAX} legs, not {count}")]
    Legs {
        /// How many.
        count: usize,
    },
    /// The exact price of a parlay has more than [`ODDS_DIGITS_MAX`] digits.
    #[error("the exact odds of this parlay have more than {ODDS_DIGITS_MAX} digits")]
    TooManyDigits,
    /// An amount is below zero, at another scale than the stake, or the return is too large.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

/// Decimal odds, exact: what one unit of stake returns, the unit included.
///
/// ```
/// use ledger_core::Odds;
/// assert_eq!("1.60".parse::<Odds>()?.to_string(), "1.6");
/// assert!("0.9".parse::<Odds>().is_err(), "a price returns the stake at least");
/// # Ok::<(), ledger_core::OddsError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Odds {
    mantissa: U512,
    scale: u32,
}

impl Odds {
    /// The price of one selection.
    ///
    /// # Errors
    ///
    /// [`OddsError::Price`].
    pub fn new(price: Decimal) -> Result<Self, OddsError> {
        let within = price >= Decimal::ONE && price <= Decimal::from(ODDS_MAX);
        let exact = price.normalize();
        let mantissa = u128::try_from(exact.mantissa()).ok();
        match mantissa.filter(|_| within && exact.scale() <= u32::from(ODDS_SCALE_MAX)) {
            Some(mantissa) => Ok(Self { mantissa: U512::from(mantissa), scale: exact.scale() }),
            None => Err(OddsError::Price { text: price.to_string() }),
        }
    }

    /// Odds of equal value have one form.
    fn normalised(mut mantissa: U512, mut scale: u32) -> Option<Self> {
        let ten = U512::from(10_u8);
        while scale > 0 && mantissa.checked_rem(ten)?.is_zero() {
            (mantissa, scale) = (mantissa.checked_div(ten)?, scale.checked_sub(1)?);
        }
        let within = mantissa < power_of_ten(ODDS_DIGITS_MAX)? && scale <= ODDS_DIGITS_MAX;
        within.then_some(Self { mantissa, scale })
    }

    fn times(self, other: Self) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        Self::normalised(mantissa, self.scale.checked_add(other.scale)?)
    }

    /// What one unit returns if half of it wins and half of it is given back.
    fn half_won(self) -> Option<Self> {
        let one = power_of_ten(self.scale)?;
        let tenths = self.mantissa.checked_add(one)?.checked_mul(U512::from(5_u8))?;
        Self::normalised(tenths, self.scale.checked_add(1)?)
    }

    /// The odds with at most so many digits after the point, rounded down: for a book that pays a parlay by the
    /// price it shows.
    pub fn rounded_down(self, scale: u8) -> Self {
        let digits = u32::from(scale);
        let rounded = self.scale.checked_sub(digits).and_then(|cut| {
            let mantissa = self.mantissa.checked_div(power_of_ten(cut)?)?;
            Self::normalised(mantissa, digits)
        });
        rounded.unwrap_or(self)
    }

    /// The odds as a decimal; `None` if they have more digits than one can show.
    pub fn to_decimal(self) -> Option<Decimal> {
        let mantissa = i128::try_from(self.mantissa).ok()?;
        Decimal::try_from_i128_with_scale(mantissa, self.scale).ok()
    }

    /// A stake at these odds, rounded down.
    fn of(self, stake: Amount) -> Result<Amount, OddsError> {
        let units = u128::try_from(stake.units()).map_err(|_| AmountError::Negative { amount: stake })?;
        let product = U512::from(units).checked_mul(self.mantissa);
        let divisor = power_of_ten(self.scale);
        let gross = product.zip(divisor).and_then(|(product, one)| divide(product, one, Rounding::Floor));
        let units = gross.and_then(|units| i128::try_from(units).ok());
        Ok(Amount::new(units.ok_or(AmountError::AmountOverflow)?, stake.scale())?)
    }
}

/// Half of every unit.
const HALF: Odds = Odds { mantissa: U512::from_limbs([5, 0, 0, 0, 0, 0, 0, 0]), scale: 1 };
/// Every unit.
const ONE: Odds = Odds { mantissa: U512::ONE, scale: 0 };
/// Nothing.
const NOTHING: Odds = Odds { mantissa: U512::ZERO, scale: 0 };

impl fmt::Display for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::try_from(self.scale).map_err(|_| fmt::Error)?;
        // One digit at least stands before the point.
        let width = scale.saturating_add(1);
        let digits = format!("{:0>width$}", self.mantissa.to_string());
        let (whole, part) = digits
            .len()
            .checked_sub(scale)
            .and_then(|whole| digits.split_at_checked(whole))
            .ok_or(fmt::Error)?;
        f.write_str(whole)?;
        if part.is_empty() { Ok(()) } else { write!(f, ".{part}") }
    }
}

impl fmt::Debug for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Odds({self})")
    }
}

impl FromStr for Odds {
    type Err = OddsError;

    /// Reads the price of one selection.
    fn from_str(text: &str) -> Result<Self, OddsError> {
        let error = || OddsError::Price { text: text.chars().take(64).collect() };
        // The form of an amount: digits and a point, no exponent, no sign but a minus.
        let price: Amount = text.parse().map_err(|_| error())?;
        Self::new(price.to_decimal()).map_err(|_| error())
    }
}

/// What a bet came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledStatus {
    /// It won.
    Won,
    /// Half of the stake won, the other half is given back (a quarter handicap).
    HalfWonHalfPushed,
    /// Nobody won: pushed, refunded or void. The stake is given back.
    Pushed,
    /// Half of the stake is lost, the other half is given back.
    HalfLostHalfPushed,
    /// It lost.
    Lost,
    /// The player sold it before the end, for so much.
    CashedOut {
        /// What he was paid, stake included.
        paid: Amount,
    },
}

/// What the player gets back all in all, stake included, rounded down to the stake's smallest unit (S116).
///
/// ```
/// use ledger_core::{Amount, Odds, SettledStatus, gross_return};
/// let (stake, odds): (Amount, Odds) = ("100.00".parse()?, "1.6".parse()?);
/// assert_eq!(gross_return(stake, odds, SettledStatus::Won)?.to_string(), "160.00");
/// assert_eq!(gross_return(stake, odds, SettledStatus::HalfWonHalfPushed)?.to_string(), "130.00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`OddsError::Amount`] if the stake or what was paid is below zero, what was paid is not at the scale of the
/// stake, or the return is too large; [`OddsError::TooManyDigits`] for half of a price at the limit.
pub fn gross_return(stake: Amount, odds: Odds, status: SettledStatus) -> Result<Amount, OddsError> {
    if stake.is_negative() {
        return Err(AmountError::Negative { amount: stake }.into());
    }
    match status {
        SettledStatus::Won => odds.of(stake),
        SettledStatus::HalfWonHalfPushed => odds.half_won().ok_or(OddsError::TooManyDigits)?.of(stake),
        SettledStatus::Pushed => Ok(stake),
        SettledStatus::HalfLostHalfPushed => HALF.of(stake),
        SettledStatus::Lost => Ok(Amount::zero(stake.scale())),
        SettledStatus::CashedOut { paid } if paid.is_negative() => {
            Err(AmountError::Negative { amount: paid }.into())
        }
        // The smaller of two amounts is asked for because it refuses amounts of two scales.
        SettledStatus::CashedOut { paid } => Ok(paid.min(stake).map(|_| paid)?),
    }
}

/// A leg of a parlay: a selection, open or with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// At its price: open, or won.
    Priced(Odds),
    /// Half of it won, half is void.
    HalfWon(Odds),
    /// Void: it counts 1.0, and the others decide (S128).
    Void,
    /// Half of it is lost, half is void: it counts 0.5.
    HalfLost,
    /// Lost, and the parlay with it.
    Lost,
}

impl Leg {
    fn factor(self) -> Option<Odds> {
        match self {
            Self::Priced(odds) => Some(odds),
            Self::HalfWon(odds) => odds.half_won(),
            Self::Void => Some(ONE),
            Self::HalfLost => Some(HALF),
            Self::Lost => Some(NOTHING),
        }
    }
}

/// The exact odds of a parlay: the product of its legs. Below 1 if legs are half lost, 0 if one is lost.
///
/// ```
/// use ledger_core::{Leg, parlay_odds};
/// let odds = parlay_odds(&[Leg::Priced("1.85".parse()?), Leg::Void, Leg::Priced("2.1".parse()?)])?;
/// assert_eq!(odds.to_string(), "3.885");
/// # Ok::<(), ledger_core::OddsError>(())
/// ```
///
/// # Errors
///
/// [`OddsError::Legs`], [`OddsError::TooManyDigits`].
pub fn parlay_odds(legs: &[Leg]) -> Result<Odds, OddsError> {
    if !(1..=LEGS_MAX).contains(&legs.len()) {
        return Err(OddsError::Legs { count: legs.len() });
    }
    let product = legs.iter().try_fold(ONE, |product, leg| product.times(leg.factor()?));
    product.ok_or(OddsError::TooManyDigits)
}

/// What a free bet pays: its stake was the house's and is not returned (S129). Never below zero.
///
/// ```
/// use ledger_core::{Amount, free_bet_return};
/// let (gross, stake): (Amount, Amount) = ("36.00".parse()?, "10.00".parse()?);
/// assert_eq!(free_bet_return(gross, stake)?.to_string(), "26.00");
/// # Ok::<(), ledger_core::AmountError>(())
/// ```
///
/// # Errors
///
/// [`AmountError::Negative`], [`AmountError::ScaleMismatch`].
pub fn free_bet_return(gross: Amount, stake: Amount) -> Result<Amount, AmountError> {
    if let Some(amount) = [gross, stake].into_iter().find(|amount| amount.is_negative()) {
        return Err(AmountError::Negative { amount });
    }
    let paid = gross.checked_sub(stake)?;
    Ok(if paid.is_negative() { Amount::zero(gross.scale()) } else { paid })
}
