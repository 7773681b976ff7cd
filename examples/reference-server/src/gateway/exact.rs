//! Amounts in JSON, exactly as they are written: numbers and texts, never through a float.

use casino_ledger::Decimal;
use casino_ledger::core::Amount;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api::body::decimal;

/// A decimal that is read from a JSON number or text, and written as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        let text = raw.get().trim_matches('"');
        decimal(text).map(Self).ok_or_else(|| serde::de::Error::custom("is no amount"))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// An amount of whole subunits, as a decimal.
pub(super) fn of_units(units: i64, digits: u8) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(units.into(), digits.into()).ok().map(|amount| amount.normalize())
}

/// An amount in whole subunits of so many digits; what is finer is cut off, as all balances that go out are.
pub(super) fn to_units(amount: Amount, digits: u8) -> Option<i64> {
    let mut units = amount.units();
    for _ in amount.scale()..digits {
        units = units.checked_mul(10)?;
    }
    for _ in digits..amount.scale() {
        units /= 10;
    }
    i64::try_from(units).ok()
}

/// An amount with two digits; what is finer is cut off (99.999 is told as 99.99).
pub(super) fn two_digits(amount: Amount) -> Number {
    let mut decimal = amount.to_decimal().trunc_with_scale(2);
    decimal.rescale(2);
    Number(decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_told_exactly() -> Result<(), Box<dyn std::error::Error>> {
        let read = |text: &str| serde_json::from_str::<Number>(text).ok().map(|number| number.0.to_string());
        assert_eq!(read("10.11").as_deref(), Some("10.11"));
        assert_eq!(read("\"0.30\"").as_deref(), Some("0.30"));
        for wrong in ["1e2", "null", "\"\"", "true", "\"+1\""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(serde_json::to_string(&two_digits("99.999".parse()?))?, "99.99");
        assert_eq!(serde_json::to_string(&two_digits("5".parse()?))?, "5.00");
        assert_eq!(to_units("3.56".parse()?, 5), Some(356_000));
        assert_eq!(to_units("0.00000019".parse()?, 5), Some(0));
        assert_eq!(of_units(356_000, 5).map(|amount| amount.to_string()).as_deref(), Some("3.56"));
        assert_eq!(to_units("99999999999999999.00".parse()?, 5), None, "beyond 64 bits");
        Ok(())
    }
}
