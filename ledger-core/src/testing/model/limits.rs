//! Limits of players, as the model reads the rules: every item that was ever counted is kept, with when it came and what it
//! is worth now, and each question is answered by adding up.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use super::rounds::{Paid, Stake};
use super::{Judged, Model};
use crate::controls::{ConfirmLimit, ExcludePlayer, SetLimit};
use crate::money::CurrencyCode;
use crate::player::Block;
use crate::player_ledger::PlayerCommand;
use crate::policy::{CountedFunds, LimitRule, WeekStart};
use crate::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Deposit,
    Payout,
    Stake,
    Win,
    /// What of a stake bonus credits bore.
    BonusStake,
    /// What of a win went to awards.
    BonusWin,
}

#[derive(Debug, Clone)]
struct Item {
    of: String,
    what: What,
    currency: CurrencyCode,
    units: i128,
    seq: u64,
    at: i64,
}

#[derive(Debug, Clone)]
struct ModelLimit {
    side: LimitSide,
    term: LimitTerm,
    units: i128,
    /// How high it is to be, from when on, and whether that must be said again.
    raise: Option<(Option<i128>, i64, bool)>,
}

/// What the model knows of limits.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    all: Vec<ModelLimit>,
    items: Vec<Item>,
    /// Since which command, and when, something is counted for a term.
    since: BTreeMap<LimitTerm, (u64, i64)>,
    pub(super) zone: String,
    /// Whether he excluded himself rather than paused, until when, and since when he may come back.
    exclusion: Option<(bool, Option<i64>, Option<i64>)>,
    /// When deposits failed.
    failures: Vec<i64>,
}

const SECOND: i64 = 1_000_000;

pub(super) fn zoned(at: i64, zone: &str) -> Zoned {
    let zone = TimeZone::get(zone).expect("a zone");
    Timestamp::from_microsecond(at).expect("an instant").to_zoned(zone)
}

impl Model {
    pub(super) fn first_day_of(&self, day: Date, period: LimitPeriod) -> Date {
        match period {
            LimitPeriod::Day => day,
            LimitPeriod::Month => day.first_of_month(),
            LimitPeriod::Week => {
                let before = match self.profile().controls.week_starts {
                    WeekStart::Monday => day.weekday().to_monday_zero_offset(),
                    WeekStart::Saturday => (day.weekday().to_monday_zero_offset() + 2) % 7,
                    WeekStart::Sunday => day.weekday().to_sunday_zero_offset(),
                };
                day - i64::from(before).days()
            }
        }
    }

    /// Which window of the calendar an instant is in, by the window's number.
    pub(super) fn window_of(&self, at: i64, window: LimitWindow, since: i64) -> i64 {
        let zone = &self.limits.zone;
        match window.basis {
            LimitBasis::Calendar => {
                let first = self.first_day_of(zoned(at, zone).date(), window.period);
                i64::from((first - Date::constant(1970, 1, 1)).get_days())
            }
            _ => {
                let start = zoned(since, zone);
                let mut count = 0_i64;
                loop {
                    let next = match window.period {
                        LimitPeriod::Day => (count + 1).days(),
                        LimitPeriod::Week => (count + 1).weeks(),
                        LimitPeriod::Month => (count + 1).months(),
                    };
                    if at < (&start + next).timestamp().as_microsecond() {
                        return count;
                    }
                    count += 1;
                }
            }
        }
    }

    /// The first instant after the window of the calendar that is now.
    pub(super) fn end_of(&self, window: LimitWindow, since: i64) -> i64 {
        let mut later = self.now;
        let step = match window.period {
            LimitPeriod::Day => 3_600,
            LimitPeriod::Week | LimitPeriod::Month => 6 * 3_600,
        };
        let now = self.window_of(self.now, window, since);
        while self.window_of(later, window, since) == now {
            later += step * SECOND;
        }
        let (mut before, mut after) = (later - step * SECOND, later);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.window_of(middle, window, since) == now { before = middle } else { after = middle }
        }
        after
    }

    fn counted(&self, term: &LimitTerm) -> i128 {
        let own = self.counted_of(term, false);
        let all = self.profile().controls.counted_funds == CountedFunds::All;
        let sum = own + if all { self.counted_of(term, true) } else { 0 };
        if term.kind == LimitKind::Loss { sum.max(0) } else { sum }
    }

    /// What of one kind was ever counted.
    pub(super) fn counted_ever(&self, what: What, currency: CurrencyCode) -> i128 {
        let own = self.limits.items.iter().filter(|item| item.what == what && item.currency == currency);
        own.map(|item| item.units).sum()
    }

    /// What is counted of the player's own money, or of bonus credits.
    fn counted_of(&self, term: &LimitTerm, of_bonus: bool) -> i128 {
        use LimitKind::{Deposit, Loss, NetDeposit, NetLoss, Stake};
        let (Some(window), Some((seq, since))) = (term.window, self.limits.since.get(term)) else { return 0 };
        let mut groups: Vec<(i64, i64, i128, i128)> = Vec::new();
        let (length, grain) = match window.period {
            LimitPeriod::Day => (86_400, 1_800),
            LimitPeriod::Week => (7 * 86_400, 4 * 3_600),
            LimitPeriod::Month => (31 * 86_400, 16 * 3_600),
        };
        for item in self.limits.items.iter().filter(|i| i.currency == term.currency && i.seq > *seq) {
            let what = match (item.what, of_bonus) {
                (What::BonusStake, true) => What::Stake,
                (What::BonusWin, true) => What::Win,
                (What::BonusStake | What::BonusWin, false) | (_, true) => continue,
                (what, false) => what,
            };
            let (plus, minus) = match (what, term.kind) {
                (What::Deposit, Deposit | NetDeposit) | (What::Stake, Stake | Loss | NetLoss) => {
                    (item.units, 0)
                }
                (What::Payout, NetDeposit) | (What::Win, Loss | NetLoss) => (0, item.units),
                _ => continue,
            };
            if window.basis == LimitBasis::Rolling {
                match groups.last_mut().filter(|group| item.at < group.0 + grain * SECOND) {
                    Some(group) => *group = (group.0, item.at, group.2 + plus, group.3 + minus),
                    None => groups.push((item.at, item.at, plus, minus)),
                }
            } else if self.window_of(item.at, window, *since) == self.window_of(self.now, window, *since) {
                groups.push((self.now, self.now, plus, minus));
            }
        }
        let is_in = |at: i64| self.now < at + length * SECOND;
        groups
            .iter()
            .map(|(first, last, plus, minus)| {
                (if is_in(*last) { *plus } else { 0 }) - (if is_in(*first) { *minus } else { 0 })
            })
            .sum()
    }

    /// How much of each limit is used that a player or the operator set, in the order of terms.
    pub fn limits_used(&self) -> BTreeMap<LimitTerm, i128> {
        let own = self.limits.all.iter().map(|limit| limit.term);
        own.map(|term| (term, self.used(&term))).collect()
    }

    fn used(&self, term: &LimitTerm) -> i128 {
        let is_deposit = matches!(term.kind, LimitKind::Deposit | LimitKind::NetDeposit | LimitKind::Balance);
        let waiting = if is_deposit { self.deposits_under_way(term.currency) } else { 0 };
        let has = if term.kind == LimitKind::Balance { self.playable(term.currency) } else { 0 };
        self.counted(term) + waiting + has
    }

    /// Every limit in force: those of the policy hold from the first command on.
    fn in_force(&self) -> Vec<(LimitTerm, i128)> {
        let own = self.limits.all.iter().map(|limit| (limit.term, limit.units));
        let of_tier = self.tier_rule().map_or(Vec::new(), |tier| tier.limits);
        // Of two on the same the later counts.
        let lasts = |rules: &'_ [LimitRule]| -> Vec<LimitRule> {
            let last = |term: &LimitTerm| rules.iter().rev().find(|rule| rule.term == *term);
            rules.iter().filter(|rule| last(&rule.term) == Some(rule)).cloned().collect()
        };
        let rules = lasts(&self.profile().controls.limits)
            .into_iter()
            .chain(lasts(&of_tier))
            .chain(lasts(&self.profile_limits()));
        let law = rules.filter_map(|rule| {
            let (scale, _) = *self.purses.as_ref()?.get(&rule.term.currency)?;
            let amount = rule.amount.trunc_with_scale(u32::from(scale));
            Some((rule.term, amount.mantissa() * 10_i128.pow(u32::from(scale) - amount.scale())))
        });
        own.chain(law).collect()
    }

    /// That a deposit, a bet or a transfer passes no limit.
    pub(super) fn in_limits(
        &self,
        what: &str,
        units: i128,
        currency: CurrencyCode,
    ) -> Result<(), &'static str> {
        use LimitKind::{Balance, Deposit, Loss, NetDeposit, NetLoss, SingleBet, Stake};
        let concerned = |kind| match what {
            "deposit" => matches!(kind, Deposit | NetDeposit | Balance),
            "bet" => matches!(kind, Stake | Loss | NetLoss | SingleBet),
            _ => matches!(kind, Stake | Loss | NetLoss),
        };
        let passed = self.in_force().into_iter().any(|(term, limit)| {
            term.currency == currency && concerned(term.kind) && units > limit - self.used(&term)
        });
        if passed && units > 0 { Err("limit_exceeded") } else { Ok(()) }
    }

    /// What time does before a command of which something may be counted.
    pub(super) fn pass_time(&mut self, command: &PlayerCommand) {
        use PlayerCommand as C;
        let rules = self.profile().controls.limits.clone();
        let counts = matches!(
            command,
            C::PlaceBet(_)
                | C::Settle(_)
                | C::CashOut(_)
                | C::Resettle(_)
                | C::RollOut(_)
                | C::RollIn(_)
                | C::InitiateDeposit(_)
                | C::RecordDeposit(_)
                | C::ReleaseSuspense(_)
                | C::MarkPaid(_)
                | C::MarkReturned(_)
                | C::SetLimit(_)
                | C::RaiseAlert(_)
                | C::ConfirmLimit(_)
        );
        if !counts {
            return;
        }
        for rule in rules {
            self.limits.since.entry(rule.term).or_insert((0, 0));
        }
        let of_tier = self.tier_rule().map_or(Vec::new(), |tier| tier.limits);
        let before = (self.seq - 1, self.now);
        for rule in of_tier.into_iter().chain(self.profile_limits()) {
            self.limits.since.entry(rule.term).or_insert(before);
        }
        let due = |limit: &ModelLimit, now: i64| limit.raise.filter(|(_, at, again)| !again && *at <= now);
        let now = self.now;
        for limit in &mut self.limits.all {
            if let Some((Some(units), ..)) = due(limit, now) {
                (limit.units, limit.raise) = (units, None);
            }
        }
        self.limits.all.retain(|limit| due(limit, now).is_none());
        self.forget_uncounted();
    }

    /// Nothing is counted for what nobody limits.
    fn forget_uncounted(&mut self) {
        let terms: Vec<LimitTerm> = self.in_force().into_iter().map(|(term, _)| term).collect();
        let rules: Vec<LimitTerm> = self.profile().controls.limits.iter().map(|rule| rule.term).collect();
        self.limits.since.retain(|term, _| terms.contains(term) || rules.contains(term));
    }

    pub(super) fn set_limit(&mut self, c: &SetLimit) -> Judged {
        let at_once = matches!(c.term.kind, LimitKind::SingleBet | LimitKind::Balance);
        if !matches!(c.side, LimitSide::Player | LimitSide::Operator) || at_once != c.term.window.is_none() {
            return Err("not_allowed");
        }
        self.purse(c.term.currency)?;
        let units = c.amount.map(|amount| self.units(amount, c.term.currency)).transpose()?;
        let mut all = self.limits.all.clone();
        let known = all.iter_mut().find(|limit| limit.side == c.side && limit.term == c.term);
        match (known, units) {
            (None, None) => return Ok("noop"),
            (None, Some(units)) => {
                all.push(ModelLimit { side: c.side, term: c.term, units, raise: None });
                self.limits.since.entry(c.term).or_insert((self.seq, self.now));
            }
            (Some(limit), units)
                if c.side == LimitSide::Player && units.is_none_or(|units| units > limit.units) =>
            {
                let controls = self.profile().controls.clone();
                let mut due = self.now + i64::from(controls.raise_after_secs) * SECOND;
                let window = c.term.window.filter(|window| window.basis != LimitBasis::Rolling);
                if let (true, Some(window)) = (controls.raise_after_window, window) {
                    let since = self.limits.since.get(&c.term).map_or(0, |(_, at)| *at);
                    due = due.max(self.end_of(window, since));
                }
                limit.raise = Some((units, due, controls.raise_needs_confirmation));
            }
            (Some(limit), Some(units)) => (limit.units, limit.raise) = (units, None),
            (Some(_), None) => all.retain(|limit| limit.side != c.side || limit.term != c.term),
        }
        self.limits.all = all;
        self.forget_uncounted();
        Ok("applied")
    }

    /// The operator's limit becomes so low, if it is not lower.
    pub(super) fn operator_limit(&mut self, term: LimitTerm, amount: rust_decimal::Decimal) {
        let Some(Some((scale, _))) = self.purses.as_ref().map(|all| all.get(&term.currency).copied()) else {
            return;
        };
        let amount = amount.trunc_with_scale(u32::from(scale));
        let units = amount.mantissa() * 10_i128.pow(u32::from(scale) - amount.scale());
        let is_own = |limit: &&mut ModelLimit| limit.side == LimitSide::Operator && limit.term == term;
        match self.limits.all.iter_mut().find(is_own) {
            Some(limit) => limit.units = limit.units.min(units),
            None => {
                self.limits.all.push(ModelLimit { side: LimitSide::Operator, term, units, raise: None });
                self.limits.since.entry(term).or_insert((self.seq, self.now));
            }
        }
    }

    pub(super) fn confirm_limit(&mut self, c: &ConfirmLimit) -> Judged {
        let now = self.now;
        let own = |limit: &ModelLimit| limit.side == LimitSide::Player && limit.term == c.term;
        let limit = self.limits.all.iter_mut().find(|limit| own(limit)).ok_or("not_allowed")?;
        match limit.raise.ok_or("not_allowed")? {
            (_, due, _) if now < due => return Err("not_allowed"),
            (Some(units), ..) => (limit.units, limit.raise) = (units, None),
            (None, ..) => self.limits.all.retain(|limit| !own(limit)),
        }
        self.forget_uncounted();
        Ok("applied")
    }

    /// Something is counted, or is worth something else now.
    pub(super) fn count(&mut self, of: String, what: What, currency: CurrencyCode, units: i128) {
        let (seq, at) = (self.seq, self.now);
        match self.limits.items.iter_mut().find(|item| item.of == of && item.what == what) {
            Some(item) => item.units = units,
            None if units != 0 => self.limits.items.push(Item { of, what, currency, units, seq, at }),
            None => {}
        }
    }

    /// Less is counted of something, if it is counted at all.
    pub(super) fn count_less(&mut self, of: &str, what: What, units: i128) {
        if let Some(item) = self.limits.items.iter_mut().find(|item| item.of == of && item.what == what) {
            item.units -= units;
        }
    }

    /// That the player is not excluded, here or by a register.
    pub(super) fn not_excluded(&self) -> Result<(), &'static str> {
        if self.excluded_here() || self.excluded_by_register() { Err("player_excluded") } else { Ok(()) }
    }

    /// Whether an exclusion of this ledger's own is in force.
    pub(super) fn excluded_here(&self) -> bool {
        match self.limits.exclusion {
            Some((true, _, back)) => back.is_none_or(|back| self.now < back),
            Some((false, until, _)) => until.is_none_or(|until| self.now < until),
            None => false,
        }
    }

    /// What he has to play with, also where it is held.
    fn playable(&self, currency: CurrencyCode) -> i128 {
        let own = self.accounts.iter().filter(|((name, of), _)| {
            *of == currency && (name == "player:cash" || name.starts_with("player:held"))
        });
        own.map(|(_, units)| units).sum()
    }

    /// That neither he is excluded nor something of his is blocked.
    pub(super) fn not_barred(&self, block: Block) -> Result<(), &'static str> {
        self.not_excluded()?;
        if self.blocks.contains(&block) { Err("player_blocked") } else { Ok(()) }
    }

    pub(super) fn exclude(&mut self, c: &ExcludePlayer) -> Judged {
        let until = c.until.map(crate::time::Timestamp::as_micros);
        let is_self = c.kind == ExclusionKind::SelfExclusion;
        let controls = self.profile().controls.clone();
        let fits = match (is_self, until) {
            (false, None) => false,
            (true, None) => true,
            (false, Some(until)) => {
                until > self.now
                    && until - self.now <= i64::from(controls.time_out_max_days) * 86_400 * SECOND
            }
            (true, Some(until)) => {
                let months = i64::from(controls.self_exclusion_min_months).months();
                let least = (zoned(self.now, &self.limits.zone) + months).timestamp().as_microsecond();
                until > self.now && (until >= least || c.carried && self.has_person())
            }
        };
        if !fits {
            return Err("not_allowed");
        }
        if let (true, Some((was_self, was_until, _))) = (self.excluded_here(), self.limits.exclusion) {
            let end = |until: Option<i64>| until.unwrap_or(i64::MAX);
            if (was_self && !is_self) || end(until) < end(was_until) {
                return Err("not_allowed");
            }
        }
        self.limits.exclusion = Some((is_self, until, None));
        Ok("applied")
    }

    pub(super) fn come_back(&mut self) -> Judged {
        let wait = i64::from(self.profile().controls.return_after_secs) * SECOND;
        let now = self.now;
        match &mut self.limits.exclusion {
            Some((true, Some(until), back @ None)) if *until <= now => *back = Some(now + wait),
            _ => return Err("not_allowed"),
        }
        Ok("applied")
    }

    /// A deposit failed, once more.
    pub(super) fn failed_once_more(&mut self) {
        self.limits.failures.push(self.now);
        let Some(rule) = self.policy.deposits.failures else { return };
        let from = self.now - i64::from(rule.within_secs) * SECOND;
        let recent = self.limits.failures.iter().rev().take(21).filter(|at| **at > from).count();
        if recent >= usize::from(rule.count) {
            self.blocks.insert(Block::Deposits);
        }
    }

    /// What failed before a block was lifted is forgotten.
    pub(super) fn forget_failures(&mut self) {
        self.limits.failures.clear();
    }

    /// What stands of stakes and wins after a command.
    pub(super) fn recount(&mut self) {
        let mut all = Vec::new();
        for (key, round) in &self.rounds {
            let Some(currency) = round.currency else { continue };
            for bet in &round.bets {
                let units = if bet.stake == Stake::Returned { 0 } else { bet.own_staked() };
                all.push((format!("bet {key:?} {}", bet.seq), What::Stake, currency, units));
                let bonus = if bet.stake == Stake::Returned { 0 } else { bet.staked() - bet.own_staked() };
                all.push((format!("bet {key:?} {}", bet.seq), What::BonusStake, currency, bonus));
            }
            for win in &round.wins {
                let units = if win.paid == Paid::Undone { 0 } else { win.own() };
                all.push((format!("win {key:?} {} {}", win.seq, win.since), What::Win, currency, units));
                let bonus = if win.paid == Paid::Undone { 0 } else { super::bonuses::total(&win.bonus) };
                all.push((format!("win {key:?} {} {}", win.seq, win.since), What::BonusWin, currency, bonus));
            }
        }
        for (key, currency, units) in self.transfers_away() {
            all.push((format!("away {key:?}"), What::Stake, currency, units));
        }
        for (of, what, currency, units) in all {
            self.count(of, what, currency, units);
        }
    }
}
