//! What a player has of each programme, and which periods rewards were given for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ProgrammeName, TermsName};
use crate::money::CurrencyCode;
use crate::player_ledger::{Fault, PlayerState};
use crate::stored::{BonusIssued, Event};
use crate::time::Timestamp;

/// The most programmes of one player.
pub const PROGRAMMES_MAX: usize = 8;
/// The most points of one programme.
pub const POINTS_MAX: u64 = 1_000_000_000_000;
/// Of how many terms it is known up to when they gave for a period; of older ones only the latest end is.
const PERIODS_MAX: usize = 64;

/// What a player has of one programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// The programme.
    pub programme: ProgrammeName,
    /// How many points.
    pub balance: u64,
    /// Up to when what was played has been given for, by currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counted_to: BTreeMap<CurrencyCode, Timestamp>,
    /// When points were last earned, spent or adjusted.
    pub touched_at: Timestamp,
}

/// The points of a player, and which periods rewards were given for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewards {
    /// In the order they were joined.
    points: Vec<Points>,
    /// Up to when terms gave for a period, by name and currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    periods: Vec<(TermsName, CurrencyCode, Timestamp)>,
    /// The latest end of terms that are no longer among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten_to: Option<Timestamp>,
}

impl Rewards {
    /// The points of a programme.
    pub fn points(&self, programme: &ProgrammeName) -> Option<&Points> {
        self.points.iter().find(|points| points.programme == *programme)
    }

    /// All programmes, in the order they were joined.
    pub fn programmes(&self) -> &[Points] {
        &self.points
    }

    /// The estimated bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let of_points = self
            .points
            .iter()
            .map(|points| 120_usize.saturating_add(points.counted_to.len().saturating_mul(40)));
        let of_periods = self.periods.len().saturating_mul(130);
        of_points.fold(of_periods.saturating_add(100), usize::saturating_add)
    }

    fn of(&mut self, programme: &ProgrammeName, at: Timestamp) -> Result<&mut Points, Fault> {
        let known = self.points.iter().position(|points| points.programme == *programme);
        let index = known.unwrap_or_else(|| {
            let programme = programme.clone();
            let counted_to = BTreeMap::new();
            self.points.push(Points { programme, balance: 0, counted_to, touched_at: at });
            self.points.len().saturating_sub(1)
        });
        self.points.get_mut(index).ok_or_else(|| Fault::corrupted("points without a programme"))
    }

    /// Folds an event of points.
    pub(crate) fn evolve(&mut self, event: &Event, at: Timestamp) -> Result<(), Fault> {
        let (programme, balance, touches) = match event {
            Event::PointsEarned(event) => {
                let to = (event.currency, event.base.to);
                self.of(&event.programme, at)?.counted_to.extend([to]);
                (&event.programme, event.balance, event.points > 0)
            }
            Event::PointsSpent(event) => (&event.programme, event.balance, true),
            Event::PointsAdjusted(event) => (&event.programme, event.balance, true),
            Event::PointsExpired(event) => (&event.programme, 0, false),
            event => return Err(Fault::corrupted(format!("{} is of no points", event.type_name()))),
        };
        let points = self.of(programme, at)?;
        points.balance = balance;
        if touches {
            points.touched_at = at;
        }
        Ok(())
    }

    /// A bonus was granted for what was played in a period.
    pub(crate) fn gave(&mut self, event: &BonusIssued) {
        let Some(base) = &event.cashback else { return };
        let is_same = |(name, currency, _): &(TermsName, CurrencyCode, Timestamp)| {
            *name == event.name && *currency == event.currency
        };
        let before = self.periods.iter().position(is_same).map(|index| self.periods.remove(index).2);
        let to = before.map_or(base.to, |before| before.max(base.to));
        self.periods.push((event.name.clone(), event.currency, to));
        if self.periods.len() > PERIODS_MAX {
            let (.., to) = self.periods.remove(0);
            self.forgotten_to = self.forgotten_to.max(Some(to));
        }
    }

    fn gave_up_to(&self, terms: &TermsName, currency: CurrencyCode) -> Option<Timestamp> {
        let mut periods = self.periods.iter();
        let known = periods.find(|(name, of, _)| name == terms && *of == currency);
        known.map(|(.., to)| *to).or(self.forgotten_to)
    }
}

/// Up to when terms gave for what a player played in a currency.
pub(crate) fn counted_up_to(
    state: &PlayerState,
    terms: &TermsName,
    currency: CurrencyCode,
) -> Option<Timestamp> {
    state.rewards()?.gave_up_to(terms, currency)
}
