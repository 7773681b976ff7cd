//! Exchange: rates as someone fixed them, and what an amount becomes at one (FX1 to FX3, P39 and P40 in
//! docs/scenarios.md).

use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::wide::{U256, divide, power_of_ten};
use super::{Amount, AmountError, Currency, CurrencyCode, Rounding, SCALE_MAX, fine_scale};
use crate::ids::{RateId, SourceId};
use crate::time::Timestamp;

/// The most digits of a rate, without leading and trailing zeros. At most [`SCALE_MAX`] of them stand after the
/// point.
pub const RATE_DIGITS_MAX: u32 = 28;

/// Why a rate is not one, or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FxError {
    /// A currency against itself.
    #[error("{currency} is not exchanged for itself")]
    SameCurrency {
        /// The currency.
        currency: CurrencyCode,
    },
    /// The value is not above zero, or has too many digits.
    #[error(
        "{text:?} is not a rate: a decimal above zero with at most {RATE_DIGITS_MAX} digits, \
         {SCALE_MAX} of them after the point, is expected"
    )]
    Rate {
        /// The value, shortened.
        text: String,
    },
    /// The rate is of other currencies.
    #[error("rate {rate} is of {base}/{quote} and does not turn {from} into {to}")]
    Pair {
        /// The rate.
        rate: RateId,
        /// Its base.
        base: CurrencyCode,
        /// Its quote.
        quote: CurrencyCode,
        /// What was to be converted.
        from: CurrencyCode,
        /// What it was to become.
        to: CurrencyCode,
    },
    /// The rate was fixed too long ago (FX3).
    #[error("rate {rate} of {as_of} is older than {max_age:?} at {now}")]
    Stale {
        /// The rate.
        rate: RateId,
        /// When it was fixed.
        as_of: Timestamp,
        /// When it was to be used.
        now: Timestamp,
        /// How old it may be.
        max_age: Duration,
    },
    /// The rate was fixed in the future, by more than a clock may be ahead.
    #[error("rate {rate} of {as_of} lies more than {max_age:?} after {now}")]
    Ahead {
        /// The rate.
        rate: RateId,
        /// When it was fixed.
        as_of: Timestamp,
        /// When it was to be used.
        now: Timestamp,
        /// How far ahead it may be.
        max_age: Duration,
    },
    /// A part of a conversion that is larger than what is left of it.
    #[error("{part} cannot be taken from a conversion of {whole}")]
    Part {
        /// The part.
        part: Amount,
        /// What there is.
        whole: Amount,
    },
    /// The purse or posting is in another currency than the conversion.
    #[error("a conversion of {from} into {to} does not touch {currency}")]
    Currency {
        /// What is converted.
        from: CurrencyCode,
        /// What it becomes.
        to: CurrencyCode,
        /// The currency that is neither, or not the one that was needed.
        currency: CurrencyCode,
    },
    /// An amount cannot be held, is below zero, or has another scale than its currency.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

/// The value of a rate: above zero, without trailing zeros, so that equal values are equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Rate {
    mantissa: u128,
    scale: u8,
}

impl Rate {
    fn new(value: Amount) -> Option<Self> {
        let mut mantissa = u128::try_from(value.units()).ok().filter(|units| *units > 0)?;
        let mut scale = value.scale();
        while let (0, Some(coarser)) = (mantissa % 10, scale.checked_sub(1)) {
            (mantissa, scale) = (mantissa / 10, coarser);
        }
        let bound = 10_u128.checked_pow(RATE_DIGITS_MAX)?;
        (mantissa < bound).then_some(Self { mantissa, scale })
    }

    fn from_decimal(value: Decimal) -> Option<Self> {
        let value = value.normalize();
        Self::new(Amount::from_decimal(value, u8::try_from(value.scale()).ok()?).ok()?)
    }

    /// The bounds of a rate are within those of an amount: this cannot fail.
    fn as_amount(self) -> Amount {
        let units = i128::try_from(self.mantissa).unwrap_or_default();
        Amount::new(units, self.scale).unwrap_or(Amount::zero(self.scale))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_amount().fmt(f)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Rate {
    type Err = FxError;
    fn from_str(text: &str) -> Result<Self, FxError> {
        let rate = text.parse().ok().and_then(Self::new);
        rate.ok_or_else(|| FxError::Rate { text: text.chars().take(64).collect() })
    }
}

crate::text::serde_as_text!(Rate);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^\\d{1,28}(\\.\\d{1,18})?$", "maxLength": 29,
            "description": "a decimal number above zero of at most 28 digits, without trailing zeros after the point"
        })
    }
}

/// A rate of exchange as it was fixed: one unit of `base` is `rate` units of `quote`.
///
/// It is stored whole wherever it was used, so that what was booked can be computed again, and a reversal uses
/// the rate of what it reverses.
///
/// ```
/// use ledger_core::{CurrencyCode, CurrencyRegistry, FxRate, RateId, SourceId};
/// let registry = CurrencyRegistry::standard();
/// let (eur, usd) = (CurrencyCode::new("EUR")?, CurrencyCode::new("USD")?);
/// let (euro, dollar) = (registry.get(eur).expect("standard"), registry.get(usd).expect("standard"));
/// let (id, source) = (RateId::new("ecb-2026-11-20")?, SourceId::new("treasury")?);
/// let rate = FxRate::new(id, eur, usd, "1.10".parse()?, source, "2026-11-20T12:00:00Z".parse()?)?;
///
/// let deposit = rate.convert("110.00".parse()?, dollar, euro)?;
/// assert_eq!(deposit.to().to_string(), "100.00");
/// let rounded = rate.convert("100.01".parse()?, dollar, euro)?;
/// assert_eq!((rounded.to().to_string(), rounded.residual().to_string()), ("90.92".into(), "0.001818".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "FxRateFields")]
pub struct FxRate {
    id: RateId,
    base: CurrencyCode,
    quote: CurrencyCode,
    rate: Rate,
    source: SourceId,
    as_of: Timestamp,
}

/// A rate as stored.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct FxRateFields {
    /// The name whoever fixed it gave it.
    id: RateId,
    /// One unit of this
    base: CurrencyCode,
    /// is so many units of this.
    quote: CurrencyCode,
    /// How many.
    rate: Rate,
    /// Who fixed it.
    source: SourceId,
    /// When it was fixed.
    as_of: Timestamp,
}

impl TryFrom<FxRateFields> for FxRate {
    type Error = FxError;
    fn try_from(fields: FxRateFields) -> Result<Self, FxError> {
        let FxRateFields { id, base, quote, rate, source, as_of } = fields;
        Self::of(id, base, quote, rate, source, as_of)
    }
}

impl FxRate {
    /// A rate: one unit of `base` is `rate` units of `quote`.
    ///
    /// # Errors
    ///
    /// [`FxError::SameCurrency`], [`FxError::Rate`].
    pub fn new(
        id: RateId,
        base: CurrencyCode,
        quote: CurrencyCode,
        rate: Decimal,
        source: SourceId,
        as_of: Timestamp,
    ) -> Result<Self, FxError> {
        let rate = Rate::from_decimal(rate).ok_or_else(|| FxError::Rate { text: rate.to_string() })?;
        Self::of(id, base, quote, rate, source, as_of)
    }

    fn of(
        id: RateId,
        base: CurrencyCode,
        quote: CurrencyCode,
        rate: Rate,
        source: SourceId,
        as_of: Timestamp,
    ) -> Result<Self, FxError> {
        if base == quote {
            return Err(FxError::SameCurrency { currency: base });
        }
        Ok(Self { id, base, quote, rate, source, as_of })
    }

    /// The name whoever fixed it gave it.
    pub fn id(&self) -> &RateId {
        &self.id
    }

    /// The currency that one unit of is priced.
    pub fn base(&self) -> CurrencyCode {
        self.base
    }

    /// The currency of the price.
    pub fn quote(&self) -> CurrencyCode {
        self.quote
    }

    /// How many units of [`Self::quote`] one unit of [`Self::base`] is, without trailing zeros.
    pub fn rate(&self) -> Decimal {
        self.rate.as_amount().to_decimal()
    }

    /// Who fixed it.
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// When it was fixed.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Whether the rate was fixed more than `max_age` before `now`, or more than that after it.
    pub fn is_stale(&self, now: Timestamp, max_age: Duration) -> bool {
        self.check_age(now, max_age).is_err()
    }

    /// That the rate was fixed at most `max_age` before `now`, and at most that after it: a quote from further in
    /// the future comes from a wrong clock, and would be good for too long (FX3).
    ///
    /// # Errors
    ///
    /// [`FxError::Stale`], [`FxError::Ahead`].
    pub fn check_age(&self, now: Timestamp, max_age: Duration) -> Result<(), FxError> {
        let distance = u128::from(now.as_micros().abs_diff(self.as_of.as_micros()));
        if distance <= max_age.as_micros() {
            return Ok(());
        }
        let (rate, as_of) = (self.id.clone(), self.as_of);
        Err(if as_of < now {
            FxError::Stale { rate, as_of, now, max_age }
        } else {
            FxError::Ahead { rate, as_of, now, max_age }
        })
    }

    /// Converts an amount, from base to quote or from quote to base. What the player gets is rounded half to even
    /// to the smallest unit of `to`; [`Conversion`] says what that rounding gave or kept.
    ///
    /// # Errors
    ///
    /// [`FxError::Pair`] if the rate is of other currencies; [`FxError::Amount`] if the amount is below zero, not
    /// at the scale of `from`, or the result is too large.
    pub fn convert(&self, amount: Amount, from: &Currency, to: &Currency) -> Result<Conversion, FxError> {
        amount.same_scale(from.zero())?;
        let units = u128::try_from(amount.units()).map_err(|_| AmountError::Negative { amount })?;
        let pair = (from.code(), to.code());
        let multiplies = pair == (self.base, self.quote);
        if !multiplies && pair != (self.quote, self.base) {
            let (from, to) = pair;
            return Err(FxError::Pair {
                rate: self.id.clone(),
                base: self.base,
                quote: self.quote,
                from,
                to,
            });
        }
        let at = |scale: u8| {
            let units = if multiplies {
                self.multiply(units, from.scale(), scale)
            } else {
                self.divide(units, from.scale(), scale)
            };
            let units = units.and_then(|units| i128::try_from(units).ok());
            Amount::new(units.ok_or(AmountError::AmountOverflow)?, scale)
        };
        // Both are rounded from the exact value, never one from the other.
        Conversion::new(from.code(), amount, to.code(), at(to.scale())?, at(fine_scale(to.scale()))?)
    }

    /// Units at the scale `from` times the rate, at the scale `to`.
    fn multiply(&self, units: u128, from: u8, to: u8) -> Option<U256> {
        let (up, down) = powers(u32::from(to), u32::from(from).checked_add(u32::from(self.rate.scale))?)?;
        let product = U256::from(units).checked_mul(U256::from(self.rate.mantissa))?.checked_mul(up)?;
        divide(product, down, Rounding::HalfEven)
    }

    /// Units at the scale `from` divided by the rate, at the scale `to`.
    fn divide(&self, units: u128, from: u8, to: u8) -> Option<U256> {
        let (up, down) = powers(u32::from(to).checked_add(u32::from(self.rate.scale))?, u32::from(from))?;
        let divisor = U256::from(self.rate.mantissa).checked_mul(down)?;
        divide(U256::from(units).checked_mul(up)?, divisor, Rounding::HalfEven)
    }
}

/// 10^(up - down) as a fraction of whole numbers.
fn powers(up: u32, down: u32) -> Option<(U256, U256)> {
    Some((power_of_ten(up.saturating_sub(down))?, power_of_ten(down.saturating_sub(up))?))
}

/// An amount and what it became in another currency.
///
/// The player gets [`Self::to`], whole units of his currency. The house's accounts of exchange are kept finer
/// ([`crate::AccountCode::scale`]); at their scale the amount is worth [`Self::exact`], and the difference is
/// booked, not lost (P40 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conversion {
    from_currency: CurrencyCode,
    from: Amount,
    to_currency: CurrencyCode,
    to: Amount,
    exact: Amount,
    residual: Amount,
}

impl Conversion {
    /// A conversion as it was booked.
    ///
    /// # Errors
    ///
    /// [`FxError::SameCurrency`]; [`FxError::Amount`] if an amount is below zero, or `exact` is not at the scale
    /// of the accounts of exchange in `to_currency`.
    pub fn new(
        from_currency: CurrencyCode,
        from: Amount,
        to_currency: CurrencyCode,
        to: Amount,
        exact: Amount,
    ) -> Result<Self, FxError> {
        if from_currency == to_currency {
            return Err(FxError::SameCurrency { currency: from_currency });
        }
        if let Some(amount) = [from, to, exact].into_iter().find(|amount| amount.is_negative()) {
            return Err(AmountError::Negative { amount }.into());
        }
        let residual = to.rescale_up(fine_scale(to.scale()))?.checked_sub(exact)?;
        Ok(Self { from_currency, from, to_currency, to, exact, residual })
    }

    /// The currency that was converted.
    pub fn from_currency(&self) -> CurrencyCode {
        self.from_currency
    }

    /// What was converted.
    pub fn from(&self) -> Amount {
        self.from
    }

    /// The currency it became.
    pub fn to_currency(&self) -> CurrencyCode {
        self.to_currency
    }

    /// What it became: what the player gets.
    pub fn to(&self) -> Amount {
        self.to
    }

    /// What it is worth, at the scale of the accounts of exchange.
    pub fn exact(&self) -> Amount {
        self.exact
    }

    /// [`Self::to`] less [`Self::exact`], at the scale of the latter: above zero if rounding favoured the player.
    pub fn residual(&self) -> Amount {
        self.residual
    }

    /// Takes a part of the source amount off, for a reversal in parts: the part, and the rest to take the next one
    /// from. The part gets its share of what there is, rounded down; the last, which takes all that is left of the
    /// source amount, gets all that is left. So however a conversion is reversed, what goes back adds up to what was
    /// booked.
    ///
    /// ```
    /// use ledger_core::{Conversion, CurrencyCode};
    /// let (usd, eur) = (CurrencyCode::new("USD")?, CurrencyCode::new("EUR")?);
    /// let whole = Conversion::new(usd, "110.00".parse()?, eur, "100.00".parse()?, "100.000000".parse()?)?;
    /// let (part, rest) = whole.split_off("10.00".parse()?)?;
    /// assert_eq!((part.to().to_string(), rest.to().to_string()), ("9.09".into(), "90.91".into()));
    /// let (last, nothing) = rest.split_off("100.00".parse()?)?;
    /// assert_eq!((last, nothing.to().is_zero()), (rest, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FxError::Part`] if there is less than the part; [`FxError::Amount`] if it is below zero or has another
    /// scale than the source amount.
    pub fn split_off(&self, part: Amount) -> Result<(Self, Self), FxError> {
        let left = self.from.checked_sub(part)?;
        if left.is_negative() {
            return Err(FxError::Part { part, whole: self.from });
        }
        let (to, exact) = if left.is_zero() {
            (self.to, self.exact)
        } else {
            let of = |amount: Amount| amount.share(part, self.from, Rounding::Floor);
            (of(self.to)?, of(self.exact)?)
        };
        let conversion = |from, to, exact| Self::new(self.from_currency, from, self.to_currency, to, exact);
        let rest = conversion(left, self.to.checked_sub(to)?, self.exact.checked_sub(exact)?)?;
        Ok((conversion(part, to, exact)?, rest))
    }
}
