//! Actual return to players against the theoretical one, over windows of days or of bets, with a bound on what chance explains.
//!
//! Figures are computed from [`revenue`](crate::revenue): nothing is kept beside it, so they are what was posted. The theoretical
//! return and the volatility of a game are of its certificate, and a table of the host's ([`GameReturn`]).
//!
//! # The bound
//!
//! Of `n` independent bets of one stake the mean return has the standard deviation `σ / √n`, where `σ` is that of the return of a
//! single bet of one unit (what PAR sheets give, often multiplied by 1.65 or 1.96 as the volatility index). So the actual return lies
//! within `theoretical ± z · σ / √n` with the probability that belongs to `z`: 1.96 for 95 %, 2.576 for 99 %. Of several games
//! together the theoretical return is their mean, weighted by stakes `s`, and the bound `z · √(Σ (s / S)² σ² / n)`. Stakes that
//! differ much have a wider spread than that: choose a larger `z` for such games. It is the central limit theorem, and says
//! little of few bets: [`RtpRules::bets_min`].

use std::collections::BTreeMap;

use ledger_core::{Day, GameId};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::checkpoint::AtCheckpoint;
use crate::error::ViewError;
use crate::period::{date, day_of};
use crate::revenue::{Breakdown, ReadRevenue, RevenueKey, RevenueSums};
use crate::total::Total;

/// The most days of a window.
pub const RTP_DAYS_MAX: u16 = 3_660;
/// Digits after the point of a theoretical return and of a bound.
const DIGITS: u32 = 9;

/// What is certified of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GameReturn {
    /// The theoretical return: 0.96 of 96 %.
    pub rtp: Decimal,
    /// The standard deviation of the return of a bet of one unit, if it is known; without it there is no bound.
    pub deviation: Option<Decimal>,
}

/// Over what it is looked at. A window ends with a day, and has whole days of the revenue view's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtpWindow {
    /// The last so many days; at most [`RTP_DAYS_MAX`].
    Days(u16),
    /// The last days, as many as it takes to have so many bets, and no more than `days_max` (at most [`RTP_DAYS_MAX`]).
    Bets {
        /// At least so many bets.
        bets: u64,
        /// No more days than these.
        days_max: u16,
    },
}

/// How it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpRules {
    /// What the games are certified with.
    pub games: BTreeMap<GameId, GameReturn>,
    /// How many standard deviations are chance: `z`.
    pub sigmas: Decimal,
    /// Of fewer bets nothing is said.
    pub bets_min: u64,
}

/// What is to be said of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RtpFlag {
    /// It is within the bound.
    Within,
    /// More went to players than chance explains.
    Above,
    /// Less went to players than chance explains.
    Below,
    /// There are too few bets to say.
    TooFew,
    /// A game of it has no theoretical return, or no deviation, in the table.
    Unrated,
}

impl RtpFlag {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Above => "above",
            Self::Below => "below",
            Self::TooFew => "too_few",
            Self::Unrated => "unrated",
        }
    }
}

/// The return of a game, provider, brand or whatever it was broken down by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpRow {
    /// What it is of; without a day.
    pub key: RevenueKey,
    /// The first day of its window that has something.
    pub from: Day,
    /// How many bets were placed. Free ones are among them, and stake no cash.
    pub bets: u64,
    /// Stakes in cash.
    pub stakes: Total,
    /// Payouts in cash.
    pub payouts: Total,
    /// The actual return; `None` of no stakes.
    pub actual: Option<Decimal>,
    /// The theoretical return, weighted by stakes, rounded half to even in its ninth digit; `None` if a game has none.
    pub theoretical: Option<Decimal>,
    /// Actual less theoretical.
    pub deviation: Option<Decimal>,
    /// How far from the theoretical return chance explains, rounded up in its ninth digit.
    pub bound: Option<Decimal>,
    /// What is to be said of it.
    pub flag: RtpFlag,
}

/// What one game adds to a row.
#[derive(Debug, Clone, Copy, Default)]
struct Played {
    bets: u64,
    stakes: Total,
    payouts: Total,
}

impl From<&RevenueSums> for Played {
    fn from(sums: &RevenueSums) -> Self {
        Self { bets: sums.bets, stakes: sums.stakes, payouts: sums.payouts }
    }
}

impl Played {
    fn plus(self, other: Self) -> Result<Self, ViewError> {
        let sum = || {
            Some(Self {
                bets: self.bets.checked_add(other.bets)?,
                stakes: self.stakes.plus(other.stakes)?,
                payouts: self.payouts.plus(other.payouts)?,
            })
        };
        sum().ok_or_else(large)
    }
}

fn large() -> ViewError {
    ViewError::Damaged("a sum of revenue is beyond 128 bits".to_owned())
}

/// The actual returns over the window that ends with a day, broken down as asked (a day among it is left out), in order of keys.
/// What no game was played for (fees, duty) has no row.
///
/// # Errors
///
/// [`ViewError::TooMuch`] if the window's days have more rows than one reading takes; [`ViewError`] if the view cannot be read.
pub async fn actual_rtp(
    reader: &dyn ReadRevenue,
    to: Day,
    window: RtpWindow,
    by: Breakdown,
    rules: &RtpRules,
) -> Result<AtCheckpoint<Vec<RtpRow>>, ViewError> {
    let (days, enough) = match window {
        RtpWindow::Days(days) => (days, None),
        RtpWindow::Bets { bets, days_max } => (days_max, Some(bets)),
    };
    let from = days_before(to, days.clamp(1, RTP_DAYS_MAX) - 1)?;
    let asked = Breakdown { day: true, game: true, ..by };
    let found = reader.sums(from, to, asked).await?;
    // The last days first, so that a window of bets ends when it has enough.
    let mut groups: BTreeMap<RevenueKey, BTreeMap<Day, BTreeMap<Option<GameId>, Played>>> = BTreeMap::new();
    for (key, sums) in &found.value {
        let Some(day) = key.day else { continue };
        if sums.bets == 0 && sums.stakes.is_zero() && sums.payouts.is_zero() {
            continue;
        }
        let game = key.game.clone();
        let shown = if by.game { game.clone() } else { None };
        let own = RevenueKey { day: None, game: shown, ..key.clone() };
        let played = groups.entry(own).or_default().entry(day).or_default().entry(game).or_default();
        *played = played.plus(sums.into())?;
    }
    let mut rows = Vec::with_capacity(groups.len());
    for (key, days) in groups {
        let (mut games, mut bets, mut first) = (BTreeMap::<Option<GameId>, Played>::new(), 0_u64, to);
        for (day, of_day) in days.into_iter().rev() {
            if enough.is_some_and(|enough| bets >= enough) {
                break;
            }
            first = day;
            for (game, played) in of_day {
                bets = bets.checked_add(played.bets).ok_or_else(large)?;
                let sum = games.entry(game).or_default();
                *sum = sum.plus(played)?;
            }
        }
        rows.push(row(key, first, &games, rules)?);
    }
    Ok(found.map(|_| rows))
}

/// A row from what each of its games was played for.
fn row(
    key: RevenueKey,
    from: Day,
    games: &BTreeMap<Option<GameId>, Played>,
    rules: &RtpRules,
) -> Result<RtpRow, ViewError> {
    let all = games.values().try_fold(Played::default(), |sum, played| sum.plus(*played))?;
    let Played { bets, stakes, payouts } = all;
    let actual = payouts.ratio(stakes);
    let (theoretical, bound) = expected(games, stakes, rules);
    let deviation = actual.zip(theoretical).and_then(|(actual, expected)| actual.checked_sub(expected));
    let flag = match (deviation, bound) {
        _ if bets < rules.bets_min => RtpFlag::TooFew,
        (Some(deviation), Some(bound)) if deviation > bound => RtpFlag::Above,
        (Some(deviation), Some(bound)) if deviation < -bound => RtpFlag::Below,
        (Some(_), Some(_)) => RtpFlag::Within,
        _ => RtpFlag::Unrated,
    };
    Ok(RtpRow { key, from, bets, stakes, payouts, actual, theoretical, deviation, bound, flag })
}

/// The theoretical return of games together, and the bound; see the head of this module.
fn expected(
    games: &BTreeMap<Option<GameId>, Played>,
    stakes: Total,
    rules: &RtpRules,
) -> (Option<Decimal>, Option<Decimal>) {
    let all = stakes.to_decimal();
    let (mut returned, mut variance) = (Some(Decimal::ZERO), Some(Decimal::ZERO));
    for (game, played) in games {
        if played.stakes.is_zero() {
            continue;
        }
        let Some(known) = game.as_ref().and_then(|game| rules.games.get(game)) else { return (None, None) };
        // Less than nothing was staked if more was called off than placed: then the game has no weight to speak of.
        let own = played.stakes.to_decimal().filter(|own| !own.is_sign_negative());
        returned = returned.and_then(|sum| sum.checked_add(own?.checked_mul(known.rtp)?));
        let squared = || {
            let deviation = own?.checked_div(all?)?.checked_mul(known.deviation?)?;
            deviation.checked_mul(deviation)?.checked_div(Decimal::from(played.bets.max(1)))
        };
        variance = variance.and_then(|sum| sum.checked_add(squared()?));
    }
    let rtp = returned.zip(all).and_then(|(returned, all)| returned.checked_div(all));
    let rtp = rtp.map(|rtp| rtp.round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointNearestEven));
    let bound = variance.and_then(square_root).and_then(|root| root.checked_mul(rules.sigmas));
    (rtp, bound.map(|bound| bound.round_dp_with_strategy(DIGITS, RoundingStrategy::AwayFromZero)))
}

/// The square root, rounded up in its ninth digit; `None` below zero and where it is too large.
fn square_root(of: Decimal) -> Option<Decimal> {
    // As a whole number of units of 10^-18, whose root is one of 10^-9.
    let scaled = of.round_dp_with_strategy(2 * DIGITS, RoundingStrategy::AwayFromZero);
    let units = u128::try_from(scaled.mantissa()).ok()?;
    let units = units.checked_mul(10_u128.checked_pow((2 * DIGITS).checked_sub(scaled.scale())?)?)?;
    let root = units.isqrt();
    let root = if root.checked_mul(root) == Some(units) { root } else { root.checked_add(1)? };
    Decimal::try_from_i128_with_scale(i128::try_from(root).ok()?, DIGITS).ok()
}

/// So many days before a day; the first day there is if it is less.
fn days_before(day: Day, days: u16) -> Result<Day, ViewError> {
    let before = |date: jiff::civil::Date| date.saturating_sub(jiff::Span::new().days(i64::from(days)));
    // What is before the year 0001 is no day.
    let first = || "0001-01-01".parse().ok();
    let counted = date(day).and_then(|date| day_of(before(date)).or_else(first));
    counted.ok_or_else(|| ViewError::home(format!("{day} is no day to count back from")))
}

#[cfg(test)]
mod tests {
    use ledger_core::{AccountKind, CurrencyCode};

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn square_roots_are_rounded_up() {
        for (of, root) in [
            ("0", "0"),
            ("4", "2"),
            ("0.0001", "0.01"),
            ("2", "1.414213563"),
            ("0.000000000000000001", "0.000000001"),
            ("0.000000000000000002", "0.000000002"),
        ] {
            assert_eq!(square_root(decimal(of)), Some(decimal(root)), "{of}");
        }
        assert_eq!(square_root(decimal("-1")), None);
    }

    #[test]
    fn days_are_counted_back() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert_eq!(days_before(day("2026-03-01"), 1).unwrap(), day("2026-02-28"));
        assert_eq!(days_before(day("2026-03-01"), 0).unwrap(), day("2026-03-01"));
        assert_eq!(days_before(day("2024-03-01"), 366).unwrap(), day("2023-03-01"));
        assert_eq!(days_before(day("0001-01-02"), 1).unwrap(), day("0001-01-01"));
        assert_eq!(days_before(day("0001-01-02"), 3_660).unwrap(), day("0001-01-01"));
    }

    fn played(bets: u64, stakes: &str, payouts: &str) -> Played {
        Played { bets, stakes: stakes.parse().unwrap(), payouts: payouts.parse().unwrap() }
    }

    fn judged(games: &[(&str, Played)], z: &str) -> RtpRow {
        let game = |name: &str| GameId::new(name).unwrap();
        let rated = |rtp: &str, deviation: Option<&str>| GameReturn {
            rtp: decimal(rtp),
            deviation: deviation.map(decimal),
        };
        let rules = RtpRules {
            games: BTreeMap::from([
                (game("slot"), rated("0.96", Some("8"))),
                (game("twin"), rated("0.96", Some("8"))),
                (game("dice"), rated("0.99", Some("1"))),
                (game("plain"), rated("0.95", None)),
            ]),
            sigmas: decimal(z),
            bets_min: 100,
        };
        let key = RevenueKey {
            day: None,
            kind: AccountKind::Real,
            operator: None,
            brand: None,
            jurisdiction: None,
            source: None,
            game: None,
            currency: CurrencyCode::new("EUR").unwrap(),
        };
        let games = games.iter().map(|(name, played)| (Some(game(name)), *played)).collect();
        row(key, "2026-01-01".parse().unwrap(), &games, &rules).unwrap()
    }

    #[test]
    fn a_bound_is_what_chance_explains() {
        // 1.96 * 8 / sqrt(10,000) = 0.1568.
        let row = judged(&[("slot", played(10_000, "10000.00", "11000.00"))], "1.96");
        assert_eq!(row.bound, Some(decimal("0.1568")));
        assert_eq!((row.actual, row.deviation), (Some(decimal("1.1")), Some(decimal("0.14"))));
        assert_eq!(row.flag, RtpFlag::Within);
        let of = |bets, stakes, payouts| judged(&[("slot", played(bets, stakes, payouts))], "1.96").flag;
        assert_eq!(of(10_000, "10000", "11168"), RtpFlag::Within, "on the bound");
        assert_eq!(of(10_000, "10000", "11168.01"), RtpFlag::Above);
        assert_eq!(of(10_000, "10000", "8031.99"), RtpFlag::Below);
        assert_eq!(of(99, "99", "990"), RtpFlag::TooFew);
        assert_eq!(judged(&[("plain", played(500, "500", "0"))], "3").flag, RtpFlag::Unrated);
        assert_eq!(judged(&[("other", played(500, "500", "0"))], "3").theoretical, None);
    }

    #[test]
    fn games_together_are_weighted_by_their_stakes() {
        let games = [("slot", played(10_000, "2500", "2400")), ("dice", played(40_000, "7500", "7425"))];
        let row = judged(&games, "2");
        // 0.25 * 0.96 + 0.75 * 0.99; 2 * sqrt((0.25 * 8)^2 / 10,000 + 0.75^2 / 40,000).
        assert_eq!(row.theoretical, Some(decimal("0.9825")));
        assert_eq!(row.bound, Some(decimal("0.040697052")));
        assert_eq!((row.deviation, row.flag), (Some(Decimal::ZERO), RtpFlag::Within));
        // A third each, which no number of digits can say.
        let thirds = ["slot", "dice", "plain"].map(|game| (game, played(100, "1.00", "0.96")));
        assert_eq!(judged(&thirds, "2").theoretical, Some(decimal("0.966666667")));
        let alike = [("slot", played(100, "1", "1")), ("twin", played(200, "2", "2"))];
        let row = judged(&alike, "2");
        assert_eq!((row.theoretical, row.deviation), (Some(decimal("0.96")), Some(decimal("0.04"))));
        let unknown = [games[0], ("other", played(1, "1", "1"))];
        assert_eq!(judged(&unknown, "2").flag, RtpFlag::Unrated);
    }
}
