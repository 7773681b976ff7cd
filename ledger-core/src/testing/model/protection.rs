//! Registers, tiers of verification and limits on the time of sessions, as the model reads the rules: everything that was
//! ever told is kept, and each question is answered by looking through all of it.

use std::collections::BTreeSet;

use super::limits::What;
use super::{Judged, Model};
use crate::controls::{
    AssignCase, AssignLimitProfile, CloseAlert, CloseCase, ConfirmSessionLimit, OpenCaseFor, RaiseAlert,
    RecordRegisterAnswers, RegisterAnswer, RegisterSays, SetPerson, SetSessionLimit, SetTier,
};
use crate::ids::{GameId, GameType, JurisdictionId};
use crate::money::CurrencyCode;
use crate::player_ledger::PlayerCommand;
use crate::policy::{
    LimitRule, PlayTimeRule, Reaction, RegisterUse, SourceSwitch, TierBar, TierRule, WhenUnreachable,
};
use crate::stored::{LimitTerm, TransactionRef};

const SECOND: i64 = 1_000_000;

#[derive(Debug, Clone, PartialEq)]
enum Said {
    Clear,
    Excluded(Option<i64>),
    Left(CurrencyCode, i128),
    Unreachable,
}

#[derive(Debug, Clone)]
struct Told {
    register: String,
    asked: i64,
    said: Said,
    tick: u64,
}

impl Told {
    fn excludes(&self, now: i64) -> bool {
        matches!(self.said, Said::Excluded(until) if until.is_none_or(|until| now < until))
    }
}

/// How long sessions are to be, from when on, and whether that must be said again.
type Longer = (Option<u32>, i64, bool);

/// What the model knows of what protects a player beside limits.
#[derive(Debug, Clone, Default)]
pub(super) struct Protection {
    told: Vec<Told>,
    /// What came with the command that is judged.
    staged: Vec<Told>,
    /// Deposits that were started, or captured without that.
    deposits: Vec<(u64, CurrencyCode, i128)>,
    tick: u64,
    tier: Option<String>,
    person: Option<String>,
    profile: Option<String>,
    /// What is open, by source, kind and id.
    alerts: BTreeSet<(String, String, String)>,
    cases: BTreeSet<(String, String, String)>,
    /// How long sessions may be, and how long they are to be, from when on, and whether that must be said again.
    session: Option<(u32, Option<Longer>)>,
}

/// The answers that come with a command.
pub(super) fn answers_of(command: &mut PlayerCommand) -> Option<&mut Vec<RegisterAnswer>> {
    match command {
        PlayerCommand::PlaceBet(c) => Some(&mut c.registers),
        PlayerCommand::Tip(c) => Some(&mut c.registers),
        PlayerCommand::EnterTournament(c) => Some(&mut c.registers),
        PlayerCommand::RollOut(c) => Some(&mut c.registers),
        PlayerCommand::StartSession(c) => Some(&mut c.registers),
        PlayerCommand::InitiateDeposit(c) => Some(&mut c.registers),
        _ => None,
    }
}

impl Model {
    /// What a command brings of answers is no part of it yet.
    pub(super) fn forget_staged(&mut self) {
        self.protection.staged.clear();
    }

    /// What came with a command that was accepted is known from here on.
    pub(super) fn keep_staged(&mut self) {
        self.protection.told.append(&mut self.protection.staged);
    }

    fn all_told(&self) -> impl DoubleEndedIterator<Item = &Told> {
        self.protection.told.iter().chain(&self.protection.staged)
    }

    /// The youngest answer of a register; of those of one instant an exclusion, or else the first.
    fn last(&self, register: &str) -> Option<&Told> {
        let own = self.all_told().filter(|told| told.register == register && told.said != Said::Unreachable);
        own.rev().max_by_key(|told| (told.asked, matches!(told.said, Said::Excluded(_))))
    }

    fn tried(&self, register: &str) -> Option<i64> {
        let own = self.all_told().filter(|told| told.register == register && told.said == Said::Unreachable);
        own.map(|told| told.asked).max()
    }

    /// The register that says the player is excluded, of several the one that answered first.
    fn excluding(&self) -> Option<&Told> {
        let mut named: Vec<&str> = Vec::new();
        for told in self.all_told() {
            if !named.contains(&told.register.as_str()) {
                named.push(&told.register);
            }
        }
        named.into_iter().filter_map(|name| self.last(name)).find(|told| told.excludes(self.now))
    }

    pub(super) fn excluded_by_register(&self) -> bool {
        self.excluding().is_some()
    }

    /// What a refused command told of an exclusion is known all the same.
    pub(super) fn learn_exclusion(&mut self, from: &Self) {
        if from.excluded_here() {
            return;
        }
        let Some(told) = from.excluding().cloned() else { return };
        let is_known = self
            .last(&told.register)
            .is_some_and(|last| (last.asked, &last.said, last.tick) == (told.asked, &told.said, told.tick));
        if !is_known {
            self.protection.tick += 1;
            let tick = self.protection.tick;
            self.protection.told.push(Told { tick, ..told });
        }
    }

    pub(super) fn read_registers(&mut self, answers: &[RegisterAnswer]) -> Result<bool, &'static str> {
        let mut news = false;
        for answer in answers {
            let mut asked = answer.asked_at.as_micros();
            let said = match &answer.outcome {
                RegisterSays::Clear => Said::Clear,
                RegisterSays::Excluded { until } => {
                    asked = asked.min(self.now);
                    Said::Excluded(until.map(crate::time::Timestamp::as_micros))
                }
                RegisterSays::Left { currency, amount } => {
                    self.purse(*currency)?;
                    Said::Left(*currency, self.units(*amount, *currency)?)
                }
                RegisterSays::Unreachable => Said::Unreachable,
            };
            let register = answer.register.to_string();
            let known = if said == Said::Unreachable {
                self.tried(&register).map(|asked| (asked, false))
            } else {
                self.last(&register).map(|told| (told.asked, matches!(told.said, Said::Excluded(_))))
            };
            let is_news = known.is_none_or(|known| known < (asked, matches!(said, Said::Excluded(_))));
            if asked > self.now || !is_news {
                continue;
            }
            news = true;
            self.protection.tick += 1;
            let tick = self.protection.tick;
            self.protection.staged.push(Told { register, asked, said, tick });
        }
        Ok(news)
    }

    /// That the registers that must be asked have answered, and the player's tier lets him.
    pub(super) fn may_go_on(
        &self,
        before: RegisterUse,
        currency: Option<CurrencyCode>,
        bar: TierBar,
    ) -> Result<(), &'static str> {
        for rule in &self.profile().controls.registers {
            if !rule.before.contains(&before) {
                continue;
            }
            let name = rule.register.as_str();
            let young =
                |asked: i64| asked <= self.now && self.now <= asked + i64::from(rule.max_age_secs) * SECOND;
            let does = self.last(name).is_some_and(|told| {
                young(told.asked)
                    && match told.said {
                        Said::Clear => true,
                        Said::Left(own, _) => currency.is_none_or(|currency| currency == own),
                        _ => false,
                    }
            });
            let tried = self.tried(name).is_some_and(young);
            let passes = does || (tried && rule.unreachable == WhenUnreachable::Allow);
            if !passes {
                return Err("register_needed");
            }
        }
        self.tier_lets(bar)
    }

    /// That a deposit is within what registers left.
    pub(super) fn left_by_registers(&self, units: i128, currency: CurrencyCode) -> Result<(), &'static str> {
        let rules = &self.profile().controls.registers;
        let passed = self.all_told().any(|told| {
            let Said::Left(own, left) = told.said else { return false };
            let is_last = self.last(&told.register).is_some_and(|last| last.tick == told.tick);
            let came = self.protection.staged.iter().any(|staged| staged.register == told.register);
            let counts = came
                || rules.iter().any(|rule| {
                    rule.register.as_str() == told.register
                        && self.now <= told.asked + i64::from(rule.max_age_secs) * SECOND
                });
            let since: i128 = self
                .protection
                .deposits
                .iter()
                .filter(|(tick, of, _)| *tick > told.tick && *of == currency)
                .map(|(_, _, units)| units)
                .sum();
            own == currency && is_last && counts && units > (left - since).max(0)
        });
        if passed { Err("limit_exceeded") } else { Ok(()) }
    }

    pub(super) fn deposit_began(&mut self, currency: CurrencyCode, units: i128) {
        self.protection.tick += 1;
        self.protection.deposits.push((self.protection.tick, currency, units));
    }

    pub(super) fn record_answers(&mut self, c: &RecordRegisterAnswers) -> Judged {
        Ok(if self.read_registers(&c.answers)? { "applied" } else { "noop" })
    }

    fn rank(&self) -> usize {
        let own = self.protection.tier.as_deref();
        let tiers = &self.profile().controls.tiers;
        tiers.iter().position(|tier| Some(tier.name.as_str()) == own).unwrap_or(0)
    }

    /// The rules of his tier.
    pub(super) fn tier_rule(&self) -> Option<TierRule> {
        self.profile().controls.tiers.get(self.rank()).cloned()
    }

    pub(super) fn tier_lets(&self, bar: TierBar) -> Result<(), &'static str> {
        let barred = self.tier_rule().is_some_and(|tier| tier.bars.contains(&bar));
        if barred { Err("kyc_required") } else { Ok(()) }
    }

    /// Whether so much more may be paid out to one of his tier.
    pub(super) fn tier_pays(&self, more: i128, currency: CurrencyCode) -> bool {
        let controls = &self.profile().controls;
        let all = self.counted_ever(What::Payout, currency) + self.withdrawals_under_way(currency) + more;
        let mut gates = controls
            .withdrawal_gates
            .iter()
            .filter(|gate| gate.currency == currency && self.decimal(all, currency) > gate.above);
        gates.all(|gate| {
            let needed = controls.tiers.iter().position(|tier| tier.name == gate.tier);
            needed.is_none_or(|needed| needed <= self.rank())
        })
    }

    pub(super) fn set_tier(&mut self, c: &SetTier) -> Judged {
        let tiers = &self.profile().controls.tiers;
        if c.tier.as_ref().is_some_and(|tier| !tiers.iter().any(|known| known.name == *tier)) {
            return Err("not_allowed");
        }
        let tier = c.tier.as_ref().map(ToString::to_string);
        let same = std::mem::replace(&mut self.protection.tier, tier.clone()) == tier;
        Ok(if same { "noop" } else { "applied" })
    }

    pub(super) fn set_person(&mut self, c: &SetPerson) -> &'static str {
        let person = c.person.as_ref().map(ToString::to_string);
        let same = std::mem::replace(&mut self.protection.person, person.clone()) == person;
        if same { "noop" } else { "applied" }
    }

    /// How long a session may be by the player's own word.
    pub(super) fn own_session_secs(&self) -> Option<u32> {
        let (secs, raise) = self.protection.session?;
        match raise {
            Some((secs, due, false)) if due <= self.now => secs,
            _ => Some(secs),
        }
    }

    pub(super) fn set_session_limit(&mut self, c: &SetSessionLimit) -> &'static str {
        let controls = self.profile().controls.clone();
        match (self.own_session_secs(), c.max_secs) {
            (None, None) => return "noop",
            (Some(own), asked) if asked.is_none_or(|asked| asked > own) => {
                let due = self.now + i64::from(controls.raise_after_secs) * SECOND;
                self.protection.session = Some((own, Some((asked, due, controls.raise_needs_confirmation))));
            }
            (_, asked) => self.protection.session = asked.map(|asked| (asked, None)),
        }
        "applied"
    }

    pub(super) fn confirm_session_limit(&mut self, _: &ConfirmSessionLimit) -> Judged {
        match self.protection.session {
            Some((_, Some((secs, due, true)))) if due <= self.now => {
                self.protection.session = secs.map(|secs| (secs, None));
                Ok("applied")
            }
            _ => Err("not_allowed"),
        }
    }

    pub(super) fn assign_profile(&mut self, c: &AssignLimitProfile) -> Judged {
        let name = c.profile.as_ref().map(ToString::to_string);
        if name.as_ref().is_some_and(|name| !self.policy.limit_profiles.keys().any(|it| it.as_str() == name))
        {
            return Err("not_allowed");
        }
        let same = std::mem::replace(&mut self.protection.profile, name.clone()) == name;
        Ok(if same { "noop" } else { "applied" })
    }

    /// The limits of his profile.
    pub(super) fn profile_limits(&self) -> Vec<LimitRule> {
        let name = self.protection.profile.as_deref().unwrap_or("DEFAULT");
        let own = self.policy.limit_profiles.iter().find(|(it, _)| it.as_str() == name);
        let Some((_, own)) = own else { return Vec::new() };
        let here = own.jurisdictions.iter().find(|(it, _)| it.as_str() == self.jurisdiction);
        here.map_or(&own.limits, |(_, limits)| limits).clone()
    }

    /// The limits on the time of play of his profile.
    pub(super) fn profile_play_time(&self) -> Vec<PlayTimeRule> {
        let name = self.protection.profile.as_deref().unwrap_or("DEFAULT");
        let own = self.policy.limit_profiles.iter().find(|(it, _)| it.as_str() == name);
        own.map_or_else(Vec::new, |(_, own)| own.play_time.clone())
    }

    /// That a source takes something new, and a game may be played.
    pub(super) fn may_play_at(
        &self,
        source: &str,
        game: Option<&GameId>,
        session: bool,
    ) -> Result<(), &'static str> {
        let switches = &self.of_source(source).switches;
        if switches.contains(&SourceSwitch::Maintenance)
            || (session && switches.contains(&SourceSwitch::NoNewSessions))
        {
            return Err("source_closed");
        }
        let Some(game) = game else { return Ok(()) };
        let here =
            |listed: &BTreeSet<JurisdictionId>| listed.iter().any(|it| it.as_str() == self.jurisdiction);
        let may = match self.policy.games.games.get(game) {
            Some(rule) => rule.jurisdictions.as_ref().is_none_or(here),
            None => !self.policy.games.only_listed,
        };
        if may { Ok(()) } else { Err("game_not_allowed") }
    }

    /// That a game may be played for so much, and so much in its round.
    pub(super) fn plays_for(
        &self,
        (game, kind): (&GameId, Option<&GameType>),
        (units, of_round): (i128, i128),
        currency: CurrencyCode,
    ) -> Result<(), &'static str> {
        let (amount, of_round) = (self.decimal(units, currency), self.decimal(of_round, currency));
        let mut ranges = Vec::new();
        let mut kind = kind.cloned();
        if let Some(rule) = self.policy.games.games.get(game) {
            let here = rule.stakes_by_jurisdiction.iter().find(|(it, _)| it.as_str() == self.jurisdiction);
            ranges.extend(here.map_or(&rule.stakes, |(_, stakes)| stakes).get(&currency).cloned());
            kind = rule.category.clone().or(kind);
        }
        let own = self.protection.profile.as_deref().unwrap_or("DEFAULT");
        let own = self.policy.limit_profiles.iter().find(|(it, _)| it.as_str() == own);
        let tables = own.map(|(_, own)| own.stakes.clone()).into_iter().chain([self
            .profile()
            .controls
            .stakes
            .clone()]);
        for table in tables {
            let of_kind = kind.as_ref().and_then(|kind| table.get(kind));
            ranges.extend(of_kind.and_then(|stakes| stakes.get(&currency)).cloned());
        }
        let outside = ranges.into_iter().any(|range| {
            range.min.is_some_and(|it| amount < it)
                || range.max.is_some_and(|it| amount > it)
                || range.round_max.is_some_and(|it| of_round > it)
        });
        if units > 0 && outside { Err("stake_not_allowed") } else { Ok(()) }
    }

    /// Whether it is known which person he is.
    pub(super) fn has_person(&self) -> bool {
        self.protection.person.is_some()
    }

    pub(super) fn raise_alert(&mut self, c: &RaiseAlert) -> Judged {
        if self.protection.alerts.len() == 64 {
            return Err("capacity_exceeded");
        }
        let name = (c.source.to_string(), "alert".to_owned(), c.id.to_string());
        self.protection.alerts.insert(name.clone());
        let rules = self.profile().controls.risk.clone();
        let mut limited: Vec<LimitTerm> = Vec::new();
        for rule in rules.into_iter().filter(|rule| rule.signal == c.signal) {
            match rule.then {
                Reaction::Block { block } => {
                    self.blocks.insert(block);
                }
                Reaction::Limit { term, amount } if !limited.contains(&term) => {
                    limited.push(term);
                    self.operator_limit(term, amount);
                }
                Reaction::Limit { .. } => {}
                Reaction::Case => {
                    if self.protection.cases.len() < 16 {
                        self.protection.cases.insert(name.clone());
                    }
                }
            }
        }
        Ok("applied")
    }

    pub(super) fn close_alert(&mut self, c: &CloseAlert) -> Judged {
        if self.protection.alerts.remove(&named(&c.alert)) { Ok("applied") } else { Err("not_allowed") }
    }

    pub(super) fn open_case(&mut self, c: &OpenCaseFor) -> Judged {
        if self.protection.cases.len() == 16 {
            return Err("capacity_exceeded");
        }
        self.protection.cases.insert((c.source.to_string(), "case".to_owned(), c.id.to_string()));
        Ok("applied")
    }

    pub(super) fn assign_case(&mut self, c: &AssignCase) -> Judged {
        if self.protection.cases.contains(&named(&c.case)) { Ok("applied") } else { Err("not_allowed") }
    }

    pub(super) fn close_case(&mut self, c: &CloseCase) -> Judged {
        if self.protection.cases.remove(&named(&c.case)) { Ok("applied") } else { Err("not_allowed") }
    }
}

fn named(of: &TransactionRef) -> (String, String, String) {
    (of.source.to_string(), of.kind.as_str().to_owned(), of.id.to_string())
}
