//! Instants: UTC with microseconds, and days of the calendar. The core never reads a clock; `now` is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An instant in UTC, in whole microseconds, between the years 0001 and 9999.
///
/// The text form always has six fractional digits: `2026-11-20T15:29:00.123456Z`.
///
/// ```
/// use ledger_core::Timestamp;
/// let t: Timestamp = "2026-11-20T15:29:00.5Z".parse()?;
/// assert_eq!(t.to_string(), "2026-11-20T15:29:00.500000Z");
/// # Ok::<(), ledger_core::TimestampError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A text or number that is not an instant the ledger can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an instant: write UTC as 2026-11-20T15:29:00.123456Z, years 0001 to 9999, at most six fractional digits"
)]
pub struct TimestampError {
    text: String,
}

const MICROS_MIN: i64 = -62_135_596_800_000_000;
const MICROS_MAX: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The Unix epoch, 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The last instant that can be held, 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(MICROS_MAX);

    /// The instant that many microseconds after the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] outside the years 0001 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if (MICROS_MIN..=MICROS_MAX).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimestampError { text: format!("{micros} microseconds") })
        }
    }

    /// Microseconds after the Unix epoch (negative before it).
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant so much earlier, at least the first there is.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(MICROS_MIN))
    }

    /// The instant so much later, at most [`Self::MAX`].
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(MICROS_MAX))
    }
}

/// Days since 1970-01-01 to (year, month, day) in the proleptic Gregorian calendar, for the range of
/// [`Timestamp`]. The reckoning in eras of 400 years that begin in March; checked against `jiff` by a test.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leaps = (day_of_era / 1_460).saturating_sub(day_of_era / 36_524).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leaps) / 365;
    let before_year =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(before_year);
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let before_month = month_from_march.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(before_month).saturating_add(1);
    let (month, next) = if month_from_march < 10 {
        (month_from_march.saturating_add(3), 0)
    } else {
        (month_from_march.saturating_sub(9), 1)
    };
    (era.saturating_mul(400).saturating_add(year_of_era).saturating_add(next), month, day)
}

/// Writes a number's last digits into a field of fixed width, with leading zeros.
fn fill(field: &mut [u8], mut value: i64) {
    for byte in field.iter_mut().rev() {
        *byte = b'0'.saturating_add(u8::try_from(value % 10).unwrap_or_default());
        value /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, in_day) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        let (year, month, date) = civil(day);
        let (seconds, micros) = (in_day / 1_000_000, in_day % 1_000_000);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0..4, year),
            (5..7, month),
            (8..10, date),
            (11..13, seconds / 3_600),
            (14..16, seconds / 60 % 60),
            (17..19, seconds % 60),
            (20..26, micros),
        ];
        for (range, value) in fields {
            fill(text.get_mut(range).ok_or(fmt::Error)?, value);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || TimestampError { text: text.chars().take(64).collect() };
        let plain = text.strip_suffix('Z').filter(|plain| {
            // No offset, no name of a zone, and a time at all.
            let time = plain.split_once(['T', 't', ' ']).map(|(_, time)| time.as_bytes());
            plain.len() <= 31 && time.is_some_and(|time| time.iter().all(|b| b"0123456789:.,".contains(b)))
        });
        // As a date and time without a zone: instants of jiff end a day before the year 9999 does.
        let instant: jiff::civil::DateTime = plain.ok_or_else(error)?.parse().map_err(|_| error())?;
        if instant.subsec_nanosecond() % 1_000 != 0 {
            return Err(error());
        }
        let since = instant.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
        i64::try_from(since.as_micros())
            .ok()
            .and_then(|micros| Self::from_micros(micros).ok())
            .ok_or_else(error)
    }
}

crate::text::serde_as_text!(Timestamp);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}Z$",
            "description": "UTC, always six fractional digits"
        })
    }
}

/// A day of the calendar, without a time zone: when a bank books, what a fee is for.
///
/// ```
/// use ledger_core::Day;
/// let day: Day = "2026-02-28".parse()?;
/// assert_eq!(day.to_string(), "2026-02-28");
/// assert!("2026-02-29".parse::<Day>().is_err(), "there was none");
/// # Ok::<(), ledger_core::DayError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

/// A text that is no day of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a day: write 2026-11-20, years 0001 to 9999")]
pub struct DayError {
    text: String,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let error = || DayError { text: text.chars().take(64).collect() };
        // One way to write a day, so that fingerprints and bytes agree.
        let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !is_plain {
            return Err(error());
        }
        let day: jiff::civil::Date = text.parse().map_err(|_| error())?;
        if day.year() < 1 || day.to_string() != text { Err(error()) } else { Ok(Self(day)) }
    }
}

crate::text::serde_as_text!(Day);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Day {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$",
            "description": "a day of the calendar"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_has_one_form() {
        for text in ["0001-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2023-02-29",
            "2026-1-01",
            "20260101",
            "-2026-01-1",
            "2026-01-01T00",
            "0000-01-01",
            "+002026-01",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert!("2026-01-31".parse::<Day>().unwrap() < "2026-02-01".parse().unwrap());
    }

    proptest! {
        #[test]
        fn text_agrees_with_jiff_and_reads_back(micros in MICROS_MIN..=MICROS_MAX - 2 * 86_400_000_000) {
            let ours = Timestamp::from_micros(micros).unwrap();
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(ours.to_string(), format!("{theirs:.6}"));
            prop_assert_eq!(ours.to_string().parse(), Ok(ours));
        }
    }

    #[test]
    fn the_whole_range_reads_back() {
        for micros in
            [MICROS_MIN, MICROS_MIN + 1, -1, 0, MICROS_MAX - 86_400_000_000, MICROS_MAX - 1, MICROS_MAX]
        {
            let instant = Timestamp::from_micros(micros).unwrap();
            assert_eq!(instant.to_string().parse(), Ok(instant), "{instant}");
        }
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        for text in [
            "0000-12-31T23:59:59Z",
            "2026-11-20Z",
            "2026-11-20T15:29:00+00:00Z",
            "2026-11-20T15:29:00[UTC]Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn bounds_and_garbage_are_refused() {
        assert!(Timestamp::from_micros(MICROS_MAX + 1).is_err());
        assert!(Timestamp::from_micros(MICROS_MIN - 1).is_err());
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T15:29:00",
            "2026-11-20T15:29:00+02:00",
            "2026-13-01T00:00:00Z",
            "2026-11-20T15:29:00.1234567Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        let error = "x".repeat(1_000_000).parse::<Timestamp>().unwrap_err();
        assert!(error.to_string().len() < 300, "errors stay short");
    }
}
