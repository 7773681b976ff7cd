//! Money: integers at one scale inside, `rust_decimal::Decimal` outside.
//!
//! `Decimal` rounds silently past 28 digits when it adds, multiplies or parses, so the ledger never
//! computes with it. An [`Amount`] is an integer number of units of 10^-scale, checked at every step and
//! bounded by what a `Decimal` can show.

mod fx;
mod share;
mod wide;

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use fx::{Conversion, FxError, FxRate, RATE_DIGITS_MAX};
pub use share::{
    BASIS_POINTS_MAX, BasisPoints, BasisPointsError, Remainder, Rounding, SHARES_MAX, fee, mul_div,
    split_units,
};
pub(crate) use wide::{U512, divide, power_of_ten};

/// The finest scale of any currency or account: 18 digits after the point (wei).
pub const SCALE_MAX: u8 = 18;

/// How many digits finer than their currency the accounts are that hold fractions of its smallest unit (see
/// [`crate::AccountCode::scale`]).
pub const FINE_DIGITS: u8 = 4;

/// The scale of such an account, by the currency's.
pub(crate) fn fine_scale(scale: u8) -> u8 {
    scale.saturating_add(FINE_DIGITS).min(SCALE_MAX)
}

/// The exclusive bound of an amount's units, in magnitude: 2^96, what a `Decimal` can show.
pub const UNITS_BOUND: i128 = 1 << 96;

/// Why an amount is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The value, or a sum, is beyond 96 bits of units.
    #[error("the amount is beyond what 96 bits of units can hold")]
    AmountOverflow,
    /// The value has digits beyond the scale; the ledger never rounds.
    #[error("{value} has digits beyond scale {scale}")]
    TooFine {
        /// The value.
        value: Decimal,
        /// The scale it must fit.
        scale: u8,
    },
    /// Two amounts of different scales met.
    #[error("an amount at scale {left} met one at scale {right}")]
    ScaleMismatch {
        /// The scale of the left amount.
        left: u8,
        /// The scale of the right amount.
        right: u8,
    },
    /// The text is not a decimal number of at most 40 characters and 18 digits after the point.
    #[error(
        "{text:?} is not an amount: write digits with at most {SCALE_MAX} after the point, such as 10.00"
    )]
    Text {
        /// The text, shortened.
        text: String,
    },
    /// The scale is beyond [`SCALE_MAX`].
    #[error("scale {scale} is beyond {SCALE_MAX}")]
    Scale {
        /// The scale.
        scale: u8,
    },
    /// Shares, fees and exchange are of amounts that are not below zero.
    #[error("{amount} is below zero and cannot be shared")]
    Negative {
        /// The amount.
        amount: Amount,
    },
    /// A share of a whole that is zero, or a split without a weight above zero.
    #[error("there is no share of a whole that is zero")]
    DivisionByZero,
    /// More shares than [`SHARES_MAX`].
    #[error("{count} shares are beyond {SHARES_MAX}")]
    TooManyShares {
        /// How many.
        count: usize,
    },
}

/// An exact amount: a whole number of units of 10^-scale.
///
/// Amounts of different scales are different values of the type even if they are worth the same, and do
/// not add. The text form has exactly the scale's digits.
///
/// ```
/// use ledger_core::Amount;
/// let a: Amount = "10.00".parse()?;
/// let b: Amount = "0.50".parse()?;
/// assert_eq!(a.checked_add(b)?.to_string(), "10.50");
/// assert!("1e5".parse::<Amount>().is_err(), "no exponents, no floats");
/// # Ok::<(), ledger_core::AmountError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount {
    units: i128,
    scale: u8,
}

impl Amount {
    /// Nothing, at a scale.
    pub const fn zero(scale: u8) -> Self {
        Self { units: 0, scale }
    }

    /// So many units of 10^-scale.
    ///
    /// # Errors
    ///
    /// [`AmountError::AmountOverflow`] if |units| >= 2^96, [`AmountError::Scale`] beyond [`SCALE_MAX`].
    pub fn new(units: i128, scale: u8) -> Result<Self, AmountError> {
        if scale > SCALE_MAX {
            return Err(AmountError::Scale { scale });
        }
        if units.unsigned_abs() >= UNITS_BOUND.unsigned_abs() {
            return Err(AmountError::AmountOverflow);
        }
        Ok(Self { units, scale })
    }

    /// Takes a decimal at a scale, exactly. Trailing zeros do not count: `1.000` fits scale 2.
    ///
    /// # Errors
    ///
    /// [`AmountError::TooFine`] if a digit would be lost, [`AmountError::AmountOverflow`] if it is too large.
    pub fn from_decimal(value: Decimal, scale: u8) -> Result<Self, AmountError> {
        let value = value.normalize();
        let finer =
            u32::from(scale).checked_sub(value.scale()).ok_or(AmountError::TooFine { value, scale })?;
        let factor = 10_i128.checked_pow(finer).ok_or(AmountError::AmountOverflow)?;
        let units = value.mantissa().checked_mul(factor).ok_or(AmountError::AmountOverflow)?;
        Self::new(units, scale)
    }

    /// The amount as a decimal with the scale's digits.
    pub fn to_decimal(self) -> Decimal {
        // The bounds of an amount are a decimal's own: this cannot fail.
        Decimal::try_from_i128_with_scale(self.units, u32::from(self.scale)).unwrap_or_default()
    }

    /// Units of 10^-scale.
    pub fn units(self) -> i128 {
        self.units
    }

    /// Digits after the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// Whether the amount is above zero.
    pub fn is_positive(self) -> bool {
        self.units > 0
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.units < 0
    }

    fn same_scale(self, other: Self) -> Result<(), AmountError> {
        if self.scale == other.scale {
            Ok(())
        } else {
            Err(AmountError::ScaleMismatch { left: self.scale, right: other.scale })
        }
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// [`AmountError::AmountOverflow`], [`AmountError::ScaleMismatch`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_scale(other)?;
        Self::new(self.units.checked_add(other.units).ok_or(AmountError::AmountOverflow)?, self.scale)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// [`AmountError::AmountOverflow`], [`AmountError::ScaleMismatch`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_scale(other)?;
        Self::new(self.units.checked_sub(other.units).ok_or(AmountError::AmountOverflow)?, self.scale)
    }

    /// What is left after another amount is taken; nothing, where that is as much or more.
    ///
    /// # Errors
    ///
    /// [`AmountError::ScaleMismatch`].
    pub fn less(self, other: Self) -> Result<Self, AmountError> {
        self.checked_sub(other.min(self)?)
    }

    /// The same value at a finer or equal scale.
    ///
    /// # Errors
    ///
    /// [`AmountError::ScaleMismatch`] for a coarser scale, [`AmountError::AmountOverflow`].
    pub fn rescale_up(self, scale: u8) -> Result<Self, AmountError> {
        let finer = scale
            .checked_sub(self.scale)
            .ok_or(AmountError::ScaleMismatch { left: self.scale, right: scale })?;
        let factor = 10_i128.checked_pow(u32::from(finer)).ok_or(AmountError::AmountOverflow)?;
        Self::new(self.units.checked_mul(factor).ok_or(AmountError::AmountOverflow)?, scale)
    }

    /// The smaller of two amounts of one scale.
    ///
    /// # Errors
    ///
    /// [`AmountError::ScaleMismatch`].
    pub fn min(self, other: Self) -> Result<Self, AmountError> {
        self.same_scale(other)?;
        Ok(if self.units <= other.units { self } else { other })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Amounts are most of what a commit's body consists of, so this does without the padding machinery.
        let mut buffer = itoa::Buffer::new();
        let magnitude = self.units.unsigned_abs();
        let digits = match u64::try_from(magnitude) {
            Ok(small) => buffer.format(small),
            Err(_) => buffer.format(magnitude),
        };
        if self.units < 0 {
            f.write_str("-")?;
        }
        let scale = usize::from(self.scale);
        if scale == 0 {
            return f.write_str(digits);
        }
        match digits.len().checked_sub(scale).filter(|whole| *whole > 0) {
            Some(whole) => {
                let (whole, part) = digits.split_at_checked(whole).ok_or(fmt::Error)?;
                f.write_str(whole)?;
                f.write_str(".")?;
                f.write_str(part)
            }
            None => {
                let zeros = scale.saturating_sub(digits.len());
                f.write_str("0.")?;
                (0..zeros).try_for_each(|_| f.write_str("0"))?;
                f.write_str(digits)
            }
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let error = || AmountError::Text { text: text.chars().take(64).collect() };
        if text.len() > 40 {
            return Err(error());
        }
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = match digits.split_once('.') {
            Some((_, "")) => return Err(error()),
            Some((whole, part)) => (whole, part),
            None => (digits, ""),
        };
        let scale = u8::try_from(part.len()).map_err(|_| error())?;
        if whole.is_empty() || scale > SCALE_MAX {
            return Err(error());
        }
        let mut units: i128 = 0;
        for byte in whole.bytes().chain(part.bytes()) {
            let digit = match byte {
                b'0'..=b'9' => i128::from(byte & 0x0f),
                _ => return Err(error()),
            };
            units = units
                .checked_mul(10)
                .and_then(|u| u.checked_add(digit))
                .ok_or(AmountError::AmountOverflow)?;
        }
        let units = if negative { units.checked_neg().ok_or(AmountError::AmountOverflow)? } else { units };
        Self::new(units, scale)
    }
}

crate::text::serde_as_text!(Amount);

/// A text that is not a currency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a currency code: take 3 to 12 of A-Z and 0-9")]
pub struct CurrencyCodeError {
    text: String,
}

/// A currency code: 3 to 12 of `A-Z` and `0-9`, such as `EUR` or `USDT`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CurrencyCode([u8; 12]);

impl CurrencyCode {
    /// Takes a text as a currency code.
    ///
    /// # Errors
    ///
    /// [`CurrencyCodeError`] unless it is 3 to 12 of `A-Z` and `0-9`.
    pub fn new(text: &str) -> Result<Self, CurrencyCodeError> {
        let mut bytes = [0; 12];
        let fits = (3..=12).contains(&text.len());
        if !fits || !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return Err(CurrencyCodeError { text: text.chars().take(32).collect() });
        }
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Ok(Self(bytes))
    }

    /// The code's text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(12);
        self.0.get(..end).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurrencyCode({self})")
    }
}

impl FromStr for CurrencyCode {
    type Err = CurrencyCodeError;
    fn from_str(text: &str) -> Result<Self, CurrencyCodeError> {
        Self::new(text)
    }
}

crate::text::serde_as_text!(CurrencyCode);

/// A currency as a ledger holds it: code, storage scale and the largest single amount. Recorded at its
/// first use and immutable from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "CurrencyFields")]
pub struct Currency {
    code: CurrencyCode,
    scale: u8,
    maximum: Amount,
}

/// A currency as stored.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CurrencyFields {
    /// The code.
    code: CurrencyCode,
    /// Digits after the point of every player account.
    scale: u8,
    /// The largest amount one operation may carry.
    maximum: Amount,
}

/// A currency whose maximum is not positive or not at its scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "currency {code} at scale {scale} cannot have the maximum {maximum}: it must be positive and at that scale"
)]
pub struct CurrencyError {
    code: CurrencyCode,
    scale: u8,
    maximum: Amount,
}

impl TryFrom<CurrencyFields> for Currency {
    type Error = CurrencyError;
    fn try_from(fields: CurrencyFields) -> Result<Self, CurrencyError> {
        Self::new(fields.code, fields.scale, fields.maximum)
    }
}

impl Currency {
    /// A currency.
    ///
    /// # Errors
    ///
    /// [`CurrencyError`] unless `maximum` is positive and at `scale`.
    pub fn new(code: CurrencyCode, scale: u8, maximum: Amount) -> Result<Self, CurrencyError> {
        if maximum.is_positive() && maximum.scale() == scale {
            Ok(Self { code, scale, maximum })
        } else {
            Err(CurrencyError { code, scale, maximum })
        }
    }

    /// The code.
    pub fn code(&self) -> CurrencyCode {
        self.code
    }

    /// Digits after the point of every player account.
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// The largest amount one operation may carry.
    pub fn maximum(&self) -> Amount {
        self.maximum
    }

    /// Nothing, in this currency.
    pub fn zero(&self) -> Amount {
        Amount::zero(self.scale)
    }
}

/// The currencies a ledger may hold, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Currency>", into = "Vec<Currency>")]
pub struct CurrencyRegistry {
    currencies: std::collections::BTreeMap<CurrencyCode, Currency>,
}

/// ISO 4217 and crypto currencies with their exponents (docs/scenarios.md; where public registers disagree,
/// ISO 4217 wins and a host declares its own).
const STANDARD: &[(u8, &[&str])] = &[
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ],
    ),
    (
        2,
        &[
            "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
            "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP",
            "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP",
            "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR",
            "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL",
            "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN",
            "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
            "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
            "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VES",
            "WST", "XCD", "YER", "ZAR", "ZMW",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
    (6, &["ADA", "TRX", "USDC", "USDT", "XRP"]),
    (8, &["BCH", "BTC", "DOGE", "LTC"]),
    (9, &["SOL", "TON"]),
    (18, &["BNB", "DAI", "ETH", "MATIC"]),
];

impl CurrencyRegistry {
    /// A registry without currencies.
    pub fn empty() -> Self {
        Self::default()
    }

    /// ISO 4217 and the usual crypto currencies, each with a maximum of 10^12 whole units, or what 96 bits
    /// can hold where that is less (10^10 at scale 18).
    pub fn standard() -> Self {
        let mut registry = Self::default();
        for (scale, codes) in STANDARD {
            let whole = if *scale > 15 { 10 } else { 12 };
            let units = 10_i128.checked_pow(u32::from(scale.saturating_add(whole))).unwrap_or(i128::MAX);
            for code in *codes {
                if let (Ok(code), Ok(maximum)) = (CurrencyCode::new(code), Amount::new(units, *scale))
                    && let Ok(currency) = Currency::new(code, *scale, maximum)
                {
                    registry.insert(currency);
                }
            }
        }
        registry
    }

    /// Adds a currency, or replaces the one of its code.
    pub fn insert(&mut self, currency: Currency) {
        self.currencies.insert(currency.code, currency);
    }

    /// The currency of a code.
    pub fn get(&self, code: CurrencyCode) -> Option<&Currency> {
        self.currencies.get(&code)
    }

    /// All currencies, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Currency> {
        self.currencies.values()
    }
}

impl From<Vec<Currency>> for CurrencyRegistry {
    fn from(all: Vec<Currency>) -> Self {
        Self { currencies: all.into_iter().map(|currency| (currency.code, currency)).collect() }
    }
}

impl From<CurrencyRegistry> for Vec<Currency> {
    fn from(registry: CurrencyRegistry) -> Self {
        registry.currencies.into_values().collect()
    }
}

#[cfg(feature = "schema")]
mod schemas {
    use super::{Amount, CurrencyCode};

    impl schemars::JsonSchema for Amount {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Amount".into()
        }
        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({
                "type": "string", "pattern": "^-?\\d+(\\.\\d{1,18})?$", "maxLength": 40,
                "description": "a decimal number with exactly the currency scale's digits after the point"
            })
        }
    }

    impl schemars::JsonSchema for CurrencyCode {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "CurrencyCode".into()
        }
        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({ "type": "string", "pattern": "^[A-Z0-9]{3,12}$" })
        }
    }
}
