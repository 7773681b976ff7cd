//! Stretches of time, and the days of a time zone.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use ledger_core::{Day, Timestamp};

/// A stretch of time: from an instant on, until another one that is no longer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// Why there is no such period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// The time zone is not in the IANA database.
    #[error("{zone:?} is not a time zone of the IANA database")]
    Zone {
        /// What was asked for.
        zone: String,
    },
    /// The end is before the begin, or a day lies outside of the years 0001 to 9999.
    #[error("from {from} to {to} is no period")]
    Bounds {
        /// The begin.
        from: String,
        /// The end.
        to: String,
    },
}

pub(crate) fn zone_of(name: &str) -> Result<TimeZone, PeriodError> {
    let known = if name.len() <= 64 { TimeZoneDatabase::bundled().get(name).ok() } else { None };
    known.ok_or_else(|| PeriodError::Zone { zone: name.chars().take(64).collect() })
}

/// The first instant of a day: midnight, or what comes first where the clocks have none.
fn begin(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = day.to_zoned(zone.clone()).ok()?;
    Timestamp::from_micros(zoned.timestamp().as_microsecond()).ok()
}

/// A day as a date to count with.
pub(crate) fn date(day: Day) -> Option<Date> {
    day.to_string().parse().ok()
}

/// A date of the years 0001 to 9999 as a day.
pub(crate) fn day_of(date: Date) -> Option<Day> {
    date.to_string().parse().ok()
}

/// The day after one; `None` behind the last there is.
pub(crate) fn tomorrow(day: Day) -> Option<Day> {
    day_of(date(day)?.tomorrow().ok()?)
}

/// The day of an instant in UTC, as days are written.
pub(crate) fn utc_day(at: Timestamp) -> String {
    at.to_string().chars().take_while(|c| *c != 'T').collect()
}

impl Period {
    /// From an instant until another.
    ///
    /// # Errors
    ///
    /// [`PeriodError::Bounds`] if that is before the first.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, PeriodError> {
        if from <= until {
            Ok(Self { from, until })
        } else {
            Err(PeriodError::Bounds { from: from.to_string(), to: until.to_string() })
        }
    }

    /// The days of a time zone, both of them in it. A day has 23 or 25 hours where the clocks change.
    ///
    /// ```
    /// # use ledger_projections::Period;
    /// let spring = Period::days("2026-03-29".parse()?, "2026-03-29".parse()?, "Europe/Malta")?;
    /// assert_eq!(spring.from.to_string(), "2026-03-28T23:00:00.000000Z");
    /// assert_eq!(spring.until.to_string(), "2026-03-29T22:00:00.000000Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PeriodError`] if there is no such zone, or no such period.
    pub fn days(from: Day, to: Day, zone: &str) -> Result<Self, PeriodError> {
        let zone = zone_of(zone)?;
        let none = || PeriodError::Bounds { from: from.to_string(), to: to.to_string() };
        let bounds = || {
            let behind = date(to)?.tomorrow().ok()?;
            Some((begin(date(from)?, &zone)?, begin(behind, &zone)?))
        };
        let (first, until) = bounds().ok_or_else(none)?;
        if from <= to { Self::new(first, until) } else { Err(none()) }
    }

    /// The periods of the days of a time zone, one by one, in order.
    ///
    /// # Errors
    ///
    /// [`PeriodError`] if there is no such zone, or no such period.
    pub fn each_day(from: Day, to: Day, zone: &str) -> Result<Vec<(Day, Self)>, PeriodError> {
        Self::days(from, to, zone)?;
        let mut days = Vec::new();
        let mut day = from;
        loop {
            days.push((day, Self::days(day, day, zone)?));
            if day >= to {
                return Ok(days);
            }
            let Some(next) = tomorrow(day) else { return Ok(days) };
            day = next;
        }
    }

    /// Whether an instant is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        let micros = self.until.as_micros().saturating_sub(self.from.as_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_without_a_gap() {
        for zone in ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"] {
            let days = Period::each_day("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap(), zone);
            let days = days.unwrap();
            assert_eq!(days.len(), 365);
            assert!(days.windows(2).all(|pair| pair[0].1.until == pair[1].1.from), "{zone}");
            assert_eq!(days.iter().map(|(_, day)| day.length()).sum::<Duration>().as_secs(), 365 * 86_400);
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert!(matches!(
            Period::days(day("2026-01-02"), day("2026-01-01"), "UTC"),
            Err(PeriodError::Bounds { .. })
        ));
        assert!(matches!(
            Period::days(day("2026-01-01"), day("2026-01-01"), "Mars/A"),
            Err(PeriodError::Zone { .. })
        ));
        assert!(
            Period::days(day("9999-12-31"), day("9999-12-31"), "UTC").is_err(),
            "there is no day after it"
        );
        assert!(Period::new(Timestamp::MAX, Timestamp::EPOCH).is_err());
        let period = Period::days(day("2026-01-01"), day("2026-01-01"), "UTC").unwrap();
        assert!(period.contains(period.from) && !period.contains(period.until));
    }
}
