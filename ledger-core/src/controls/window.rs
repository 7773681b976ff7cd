//! Windows: how long rolling ones are, and from when to when one of the calendar is. Only decisions ask the database of
//! time zones; what they learn is recorded, so that a fold years later does not depend on it.

use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp as Instant, Zoned};

use crate::policy::{ControlPolicy, WeekStart};
use crate::stored::{LimitBasis, LimitBounds, LimitPeriod, LimitWindow};
use crate::time::Timestamp;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// How long a rolling window is. A month has 31 days: no month of the calendar sees more than its limit.
pub(super) fn length(period: LimitPeriod) -> Duration {
    Duration::from_secs(match period {
        LimitPeriod::Day => DAY,
        LimitPeriod::Week => 7 * DAY,
        LimitPeriod::Month => 31 * DAY,
    })
}

/// Within which time items of a rolling window are counted as one. They leave the window together, when the last of them
/// does; what stands alone leaves it exactly. So a window has at most 50 of them.
pub(super) fn grain(period: LimitPeriod) -> Duration {
    Duration::from_secs(match period {
        LimitPeriod::Day => HOUR / 2,
        LimitPeriod::Week => 4 * HOUR,
        LimitPeriod::Month => 16 * HOUR,
    })
}

/// The time zone of windows of the calendar: the jurisdiction's, or else the player's. Both were looked at when they were
/// recorded; should a newer database not know one any more, it is UTC rather than a refused win.
fn zone(policy: &ControlPolicy, own: &str) -> TimeZone {
    let known = |name: &str| TimeZoneDatabase::bundled().get(name).ok();
    policy.zone.as_deref().and_then(known).or_else(|| known(own)).unwrap_or(TimeZone::UTC)
}

/// Whether the database has a time zone of this name.
pub(crate) fn is_zone(name: &str) -> bool {
    name.len() <= 64 && TimeZoneDatabase::bundled().get(name).is_ok()
}

fn first_day(policy: &ControlPolicy) -> Weekday {
    match policy.week_starts {
        WeekStart::Monday => Weekday::Monday,
        WeekStart::Saturday => Weekday::Saturday,
        WeekStart::Sunday => Weekday::Sunday,
    }
}

fn to_zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    Instant::from_microsecond(at.as_micros()).ok().map(|instant| instant.to_zoned(zone.clone()))
}

fn from_zoned(at: &Zoned) -> Option<Timestamp> {
    Timestamp::from_micros(at.timestamp().as_microsecond()).ok()
}

/// So many periods.
fn span(period: LimitPeriod, count: i64) -> Option<Span> {
    match period {
        LimitPeriod::Day => Span::new().try_days(count),
        LimitPeriod::Week => Span::new().try_weeks(count),
        LimitPeriod::Month => Span::new().try_months(count),
    }
    .ok()
}

/// The midnight with which a window of the calendar begins that has this day in it.
fn start_of(day: Date, period: LimitPeriod, first: Weekday) -> Option<Date> {
    match period {
        LimitPeriod::Day => Some(day),
        LimitPeriod::Week => {
            let back = day.weekday().since(first);
            day.checked_sub(Span::new().try_days(back).ok()?).ok()
        }
        LimitPeriod::Month => Some(day.first_of_month()),
    }
}

fn calendar(period: LimitPeriod, first: Weekday, zone: &TimeZone, now: Timestamp) -> Option<LimitBounds> {
    let today = to_zoned(now, zone)?.date();
    // Where clocks went back over midnight, a day's name may come again after the next one began.
    for day in [today, today.tomorrow().ok()?, today.yesterday().ok()?] {
        let from = start_of(day, period, first)?;
        let until = from.checked_add(span(period, 1)?).ok()?;
        let midnight = |day: Date| day.to_zoned(zone.clone()).ok().as_ref().and_then(from_zoned);
        let (from, until) = (midnight(from)?, midnight(until)?);
        if from <= now && now < until {
            return Some(LimitBounds { from, until });
        }
    }
    None
}

/// The window since the last anniversary of an instant. Each is counted from that instant, so that a month which begins on
/// the 31st begins on the 28th, 29th or 30th where there is no such day, and on the 31st again (R04).
fn anniversary(
    period: LimitPeriod,
    zone: &TimeZone,
    since: Timestamp,
    now: Timestamp,
) -> Option<LimitBounds> {
    let start = to_zoned(since, zone)?;
    let nth = |count: i64| start.checked_add(span(period, count)?).ok().as_ref().and_then(from_zoned);
    let days = now.as_micros().saturating_sub(since.as_micros()) / 86_400_000_000;
    let mut count = match period {
        LimitPeriod::Day => days,
        LimitPeriod::Week => days / 7,
        LimitPeriod::Month => days / 31,
    };
    // The days of a zone and the months of the calendar are not all of one length: a little before, then on.
    count = count.saturating_sub(2).max(0);
    loop {
        let (from, until) = (nth(count)?, nth(count.saturating_add(1))?);
        if now < until {
            return Some(LimitBounds { from, until });
        }
        count = count.saturating_add(1);
    }
}

/// The same day and hour so many months later.
pub(super) fn months_after(policy: &ControlPolicy, own: &str, now: Timestamp, months: u8) -> Timestamp {
    let later = to_zoned(now, &zone(policy, own)).and_then(|now| {
        now.checked_add(Span::new().try_months(i64::from(months)).ok()?).ok().as_ref().and_then(from_zoned)
    });
    later.unwrap_or(Timestamp::MAX)
}

/// The window that an instant is in; `None` of rolling ones.
pub(super) fn bounds(
    window: LimitWindow,
    policy: &ControlPolicy,
    zone_of_player: &str,
    since: Timestamp,
    now: Timestamp,
) -> Option<LimitBounds> {
    let found = match window.basis {
        LimitBasis::Rolling => return None,
        LimitBasis::Calendar => {
            calendar(window.period, first_day(policy), &zone(policy, zone_of_player), now)
        }
        LimitBasis::Anniversary => anniversary(window.period, &zone(policy, zone_of_player), since, now),
    };
    // At the end of the year 9999 there is no next window.
    Some(found.unwrap_or(LimitBounds { from: now, until: Timestamp::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(period: LimitPeriod, basis: LimitBasis, zone: &str, since: &str, now: &str) -> (String, String) {
        let policy = ControlPolicy { zone: Some(zone.to_owned()), ..ControlPolicy::DEFAULT };
        let window = LimitWindow { period, basis };
        let found = bounds(window, &policy, "UTC", at(since), at(now)).unwrap();
        (found.from.to_string(), found.until.to_string())
    }

    #[test]
    fn i20_days_of_the_calendar_follow_daylight_saving() {
        use LimitBasis::Calendar;
        use LimitPeriod::{Day, Month, Week};
        // Zone, an instant, and the window it is in. Each day is one on which clocks change, or the next.
        let table = [
            // Spring: 23 hours. Autumn: 25.
            (Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00", "2026-03-29T22:00"),
            (Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00", "2026-10-25T23:00"),
            (Day, "Europe/London", "2026-03-29T12:00:00Z", "2026-03-29T00:00", "2026-03-29T23:00"),
            (Day, "America/Toronto", "2026-03-08T12:00:00Z", "2026-03-08T05:00", "2026-03-09T04:00"),
            (Day, "America/Toronto", "2026-11-01T12:00:00Z", "2026-11-01T04:00", "2026-11-02T05:00"),
            (Day, "Australia/Lord_Howe", "2026-04-05T05:00:00Z", "2026-04-04T13:00", "2026-04-05T13:30"),
            // Clocks go from 0:00 to 1:00: the day begins at one o'clock.
            (Day, "Africa/Cairo", "2026-04-24T08:00:00Z", "2026-04-23T22:00", "2026-04-24T21:00"),
            // And from 24:00 back to 23:00: the day is 25 hours long, and none is missed.
            (Day, "Africa/Cairo", "2026-10-29T20:30:00Z", "2026-10-28T21:00", "2026-10-29T22:00"),
            (Day, "Africa/Cairo", "2026-10-29T21:30:00Z", "2026-10-28T21:00", "2026-10-29T22:00"),
            (Day, "Asia/Kathmandu", "2026-03-29T12:00:00Z", "2026-03-28T18:15", "2026-03-29T18:15"),
            (Week, "Europe/Stockholm", "2026-03-29T12:00:00Z", "2026-03-22T23:00", "2026-03-29T22:00"),
            (Week, "Europe/Stockholm", "2026-03-30T12:00:00Z", "2026-03-29T22:00", "2026-04-05T22:00"),
            (Month, "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00", "2026-03-31T22:00"),
            (Month, "Europe/Berlin", "2026-03-31T22:00:00Z", "2026-03-31T22:00", "2026-04-30T22:00"),
        ];
        for (period, zone, now, from, until) in table {
            let found = of(period, Calendar, zone, now, now);
            let expected = (format!("{from}:00.000000Z"), format!("{until}:00.000000Z"));
            assert_eq!(found, expected, "{period:?} in {zone} at {now}");
        }
    }

    #[test]
    fn weeks_begin_as_the_policy_says() {
        let window = LimitWindow { period: LimitPeriod::Week, basis: LimitBasis::Calendar };
        for (week_starts, from) in [
            (WeekStart::Monday, "2026-11-23T00:00:00Z"),
            (WeekStart::Saturday, "2026-11-21T00:00:00Z"),
            (WeekStart::Sunday, "2026-11-22T00:00:00Z"),
        ] {
            let policy = ControlPolicy { week_starts, ..ControlPolicy::DEFAULT };
            let now = at("2026-11-27T12:00:00Z");
            assert_eq!(bounds(window, &policy, "UTC", now, now).unwrap().from, at(from), "{week_starts:?}");
        }
    }

    #[test]
    fn r04_a_month_to_the_day_goes_by_the_day_it_began_on() {
        let table = [
            // From 31 January on, in a leap year and in none.
            ("2026-01-31T10:00:00Z", "2026-02-10T00:00:00Z", "2026-01-31T10:00", "2026-02-28T10:00"),
            ("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", "2026-02-28T10:00", "2026-03-31T10:00"),
            ("2028-01-31T10:00:00Z", "2028-02-28T10:00:00Z", "2028-01-31T10:00", "2028-02-29T10:00"),
            ("2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z", "2028-02-29T10:00", "2028-03-31T10:00"),
            // It does not creep: after February it is the 31st again, in April the 30th.
            ("2026-01-31T10:00:00Z", "2026-04-15T00:00:00Z", "2026-03-31T10:00", "2026-04-30T10:00"),
            ("2026-01-31T10:00:00Z", "2031-12-31T09:59:59Z", "2031-11-30T10:00", "2031-12-31T10:00"),
            ("2026-01-15T10:00:00Z", "2026-02-15T09:59:59Z", "2026-01-15T10:00", "2026-02-15T10:00"),
            ("2024-02-29T00:00:00Z", "2025-03-01T00:00:00Z", "2025-02-28T00:00", "2025-03-29T00:00"),
        ];
        for (since, now, from, until) in table {
            let found = of(LimitPeriod::Month, LimitBasis::Anniversary, "UTC", since, now);
            let expected = (format!("{from}:00.000000Z"), format!("{until}:00.000000Z"));
            assert_eq!(found, expected, "since {since} at {now}");
        }
        // A day to the hour keeps the hour of the zone.
        let found = of(
            LimitPeriod::Day,
            LimitBasis::Anniversary,
            "Europe/Berlin",
            "2026-03-28T09:00:00Z",
            "2026-03-29T08:00:00Z",
        );
        assert_eq!(found.0, "2026-03-29T08:00:00.000000Z", "ten o'clock in Berlin");
    }

    proptest! {
        #[test]
        fn i20_windows_of_the_calendar_follow_each_other(
            secs in 0_i64..4_000_000_000,
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "Africa/Cairo", "America/Toronto", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo"][..]),
            period in prop::sample::select(&[LimitPeriod::Day, LimitPeriod::Week, LimitPeriod::Month][..]),
            basis in prop::sample::select(&[LimitBasis::Calendar, LimitBasis::Anniversary][..]),
            later in 0_i64..400_000_000,
        ) {
            let since = Timestamp::from_micros(secs * 1_000_000).unwrap();
            let now = Timestamp::from_micros((secs + later) * 1_000_000).unwrap();
            let policy = ControlPolicy { zone: Some(zone.to_owned()), ..ControlPolicy::DEFAULT };
            let of = |now| bounds(LimitWindow { period, basis }, &policy, "UTC", since, now).unwrap();
            let found = of(now);
            prop_assert!(found.from <= now && now < found.until, "{found:?}");
            let next = of(found.until);
            prop_assert_eq!(found.until, next.from);
            let days = (found.until.as_micros() - found.from.as_micros()) / 3_600_000_000;
            let around = match period { LimitPeriod::Day => 22..=26, LimitPeriod::Week => 142..=194, LimitPeriod::Month => 640..=770 };
            // Samoa left a day out.
            prop_assert!(around.contains(&days) || zone == "Pacific/Apia", "{days} hours");
        }
    }
}
