//! Registers outside of this ledger that know players of several operators: of exclusions (OASIS, Spelpaus, ROFUS, CRUKS,
//! GAMSTOP), of deposits (LUGAS). The host asks them; their dated answers come with commands, and the profile of the
//! jurisdiction says which are needed, how old they may be, and what holds when one could not be reached.

use std::borrow::Cow;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, RegisterName, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Operation, Outcome, PlayerState, Workspace, sent_by};
use crate::policy::{RegisterRule, RegisterUse, WhenUnreachable};
use crate::rejection::{Capacity, Limit, RegisterExclusion, RegisterGap, Rejection, capacity};
use crate::stored::{
    Event, ExclusionKind, Money, Note, RegisterAnswered, RegisterOutcome, RegisterRecord, TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::{incoming, purse};

/// The most registers that may have answered about one player.
pub const REGISTERS_MAX: usize = 16;

/// What a register said of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RegisterSays {
    /// Nothing bars him.
    Clear,
    /// He is excluded.
    Excluded {
        /// Until when; for ever, or nobody knows, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// So much he may still deposit, of a limit over several operators.
    Left {
        /// The currency; the player has a purse in it.
        currency: CurrencyCode,
        /// How much.
        #[serde(with = "crate::text::decimal_text")]
        #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
        amount: Decimal,
    },
    /// It could not be reached.
    Unreachable,
}

/// The dated answer of a register, or that it gave none. Of the future only an exclusion counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterAnswer {
    /// Which register.
    pub register: RegisterName,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// What it said.
    pub outcome: RegisterSays,
}

/// What a register said last, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidByRegister {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// What it said. Of what was left for deposits, those since are taken off.
    pub outcome: RegisterOutcome,
}

/// What is known of a register's answers about a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRegister {
    /// Which register.
    pub register: RegisterName,
    /// What it said last, if it ever answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidByRegister>,
    /// When it could not be reached last, if that ever was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_at: Option<Timestamp>,
}

fn is_exclusion(outcome: &RegisterOutcome) -> bool {
    matches!(outcome, RegisterOutcome::Excluded { .. })
}

impl KnownRegister {
    /// Whether an answer says something that is not known: it is younger, or excludes at the same time.
    fn is_news(known: Option<&Self>, answer: &RegisterRecord) -> bool {
        let Some(known) = known else { return true };
        if answer.outcome == RegisterOutcome::Unreachable {
            return known.unreachable_at.is_none_or(|at| at < answer.asked_at);
        }
        known.said.as_ref().is_none_or(|said| {
            let stricter = is_exclusion(&answer.outcome) && !is_exclusion(&said.outcome);
            said.asked_at < answer.asked_at || (said.asked_at == answer.asked_at && stricter)
        })
    }

    /// What is known of a register after an answer of its; `None` if the answer says nothing that is not known.
    pub fn after(known: Option<&Self>, answer: &RegisterRecord) -> Option<Self> {
        let mut all: Vec<Self> = known.cloned().into_iter().collect();
        Self::take(&mut all, answer);
        all.pop().filter(|after| known != Some(after))
    }

    /// Until when an exclusion that it told of bars the player, if it did: without an end, for ever or nobody knows.
    pub fn excluded(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        let said = self.said.as_ref()?;
        match said.outcome {
            RegisterOutcome::Excluded { until } => Some((said.asked_at, until)),
            _ => None,
        }
    }

    /// Folds an answer, if it is news.
    pub(super) fn take(all: &mut Vec<Self>, answer: &RegisterRecord) {
        let index = all.iter().position(|known| known.register == answer.register);
        if !Self::is_news(index.and_then(|index| all.get(index)), answer) {
            return;
        }
        let (asked_at, outcome) = (answer.asked_at, answer.outcome.clone());
        let (said, unreachable_at) = match outcome {
            RegisterOutcome::Unreachable => (None, Some(asked_at)),
            outcome => (Some(SaidByRegister { asked_at, outcome }), None),
        };
        match index.and_then(|index| all.get_mut(index)) {
            Some(known) => {
                known.said = said.or_else(|| known.said.take());
                known.unreachable_at = unreachable_at.or(known.unreachable_at);
            }
            None => all.push(Self { register: answer.register.clone(), said, unreachable_at }),
        }
    }

    /// Of what it said is left, so much is used: a deposit was started, or captured without a start.
    pub fn deposited(&mut self, currency: CurrencyCode, amount: Amount) {
        let Some(SaidByRegister { outcome: RegisterOutcome::Left(left), .. }) = &mut self.said else {
            return;
        };
        if left.currency == currency {
            let zero = Amount::zero(left.amount.scale());
            left.amount = left.amount.less(amount).unwrap_or(zero);
        }
    }

    /// The refusal for an exclusion that it told of and that is in force.
    fn exclusion(&self, now: Timestamp) -> Option<Rejection> {
        let (asked_at, until) = self.excluded()?;
        if until.is_some_and(|until| until <= now) {
            return None;
        }
        let register = RegisterExclusion { name: self.register.clone(), asked_at };
        Some(Rejection::PlayerExcluded {
            kind: ExclusionKind::SelfExclusion,
            until,
            register: Some(register),
        })
    }
}

/// Whether an instant lies at most so far back.
fn is_fresh(at: Timestamp, max_age_secs: u32, now: Timestamp) -> bool {
    at <= now && now <= at.saturating_add(Duration::from_secs(max_age_secs.into()))
}

/// Why what is known of a register does not do for a command, if it does not.
fn gap(
    rule: &RegisterRule,
    known: Option<&KnownRegister>,
    currency: Option<CurrencyCode>,
    now: Timestamp,
) -> Option<RegisterGap> {
    let said = known.and_then(|known| known.said.as_ref());
    let fresh = said.filter(|said| is_fresh(said.asked_at, rule.max_age_secs, now));
    let why = match fresh.map(|said| &said.outcome) {
        Some(RegisterOutcome::Clear) => return None,
        Some(RegisterOutcome::Left(left)) if currency.is_none_or(|asked| asked == left.currency) => {
            return None;
        }
        Some(RegisterOutcome::Left(_)) => RegisterGap::OtherCurrency,
        // An exclusion that is over does not say that he may play.
        Some(_) => RegisterGap::Stale,
        None if said.is_some() => RegisterGap::Stale,
        None => RegisterGap::Missing,
    };
    let tried = known.and_then(|known| known.unreachable_at);
    if !tried.is_some_and(|at| is_fresh(at, rule.max_age_secs, now)) {
        return Some(why);
    }
    match rule.unreachable {
        WhenUnreachable::Allow => None,
        WhenUnreachable::Refuse => Some(RegisterGap::Unreachable),
    }
}

/// What registers said of a player, with what came along with a command.
#[derive(Debug)]
#[must_use]
pub(crate) struct Gate<'a> {
    /// Copied with the first new answer: most commands bring none.
    known: Cow<'a, [KnownRegister]>,
    new: Vec<RegisterRecord>,
}

impl<'a> Gate<'a> {
    /// Reads the answers that come with a command.
    ///
    /// # Errors
    ///
    /// [`Rejection::CurrencyMismatch`], [`Rejection::InvalidAmount`], [`Rejection::Precision`] of what is left;
    /// [`Rejection::CapacityExceeded`] of too many registers.
    pub(crate) fn read(
        answers: &[RegisterAnswer],
        state: &'a PlayerState,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let known = state.protection().map_or(&[][..], |protection| protection.registers());
        let mut gate = Self { known: Cow::Borrowed(known), new: Vec::new() };
        for answer in answers {
            gate.take(answer, state, now)?;
        }
        Ok(gate)
    }

    fn take(
        &mut self,
        answer: &RegisterAnswer,
        state: &PlayerState,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let outcome = match &answer.outcome {
            RegisterSays::Clear => RegisterOutcome::Clear,
            RegisterSays::Excluded { until } => RegisterOutcome::Excluded { until: *until },
            RegisterSays::Left { currency, amount } => {
                let amount = incoming(*amount, purse(state, *currency)?.currency())?;
                RegisterOutcome::Left(Money { currency: *currency, amount })
            }
            RegisterSays::Unreachable => RegisterOutcome::Unreachable,
        };
        // Clocks differ; what bars the player holds all the same, and what lets him play must be of the past.
        let asked_at = if is_exclusion(&outcome) { answer.asked_at.min(now) } else { answer.asked_at };
        let record = RegisterRecord { register: answer.register.clone(), asked_at, outcome };
        let known = self.known.iter().find(|known| known.register == record.register);
        if asked_at > now || !KnownRegister::is_news(known, &record) {
            return Ok(());
        }
        if known.is_none() && self.known.len() >= REGISTERS_MAX {
            return Err(capacity(Capacity::Registers, REGISTERS_MAX));
        }
        KnownRegister::take(self.known.to_mut(), &record);
        self.new.push(record);
        Ok(())
    }

    /// That no register says the player is excluded, whether it had to be asked or not.
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerExcluded`] with the register.
    pub(crate) fn check_not_excluded(&self, now: Timestamp) -> Result<(), Rejection> {
        self.known.iter().find_map(|known| known.exclusion(now)).map_or(Ok(()), Err)
    }

    /// That every register that must be asked has answered.
    ///
    /// # Errors
    ///
    /// [`Rejection::RegisterNeeded`].
    pub(crate) fn check(
        &self,
        before: RegisterUse,
        currency: Option<CurrencyCode>,
        rules: &[RegisterRule],
        now: Timestamp,
    ) -> Result<(), Rejection> {
        for rule in rules.iter().filter(|rule| rule.before.contains(&before)) {
            let known = self.known.iter().find(|known| known.register == rule.register);
            if let Some(why) = gap(rule, known, currency, now) {
                return Err(Rejection::RegisterNeeded { register: rule.register.clone(), why });
            }
        }
        Ok(())
    }

    /// That a deposit is within what registers said is left: those that came with the command, and those whose answer
    /// still counts.
    ///
    /// # Errors
    ///
    /// [`Rejection::LimitExceeded`] with what is left.
    pub(crate) fn check_left(
        &self,
        (currency, amount): (CurrencyCode, Amount),
        rules: &[RegisterRule],
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let counts = |known: &KnownRegister, said: &SaidByRegister| {
            let mut own = rules.iter().filter(|rule| rule.register == known.register);
            self.new.iter().any(|record| record.register == known.register)
                || own.any(|rule| is_fresh(said.asked_at, rule.max_age_secs, now))
        };
        let left = self.known.iter().filter_map(|known| {
            let said = known.said.as_ref()?;
            match said.outcome {
                RegisterOutcome::Left(left) if left.currency == currency && counts(known, said) => {
                    Some((left.amount, &known.register))
                }
                _ => None,
            }
        });
        match left.min_by_key(|(left, _)| *left).filter(|(left, _)| amount > *left) {
            Some((left, register)) => {
                let limit = Limit::Register { register: register.clone() };
                Err(Rejection::LimitExceeded { limit, left: Some(left) })
            }
            None => Ok(()),
        }
    }

    /// Records what is new, before the events of the operation.
    ///
    /// # Errors
    ///
    /// [`Fault`] if versions have run out.
    pub(crate) fn record(
        self,
        txn: impl FnOnce() -> TransactionRef,
        work: &mut Workspace<'_>,
    ) -> Result<(), Fault> {
        self.record_by(txn, None, work)
    }

    fn record_by(
        self,
        txn: impl FnOnce() -> TransactionRef,
        by: Option<ActorId>,
        work: &mut Workspace<'_>,
    ) -> Result<(), Fault> {
        if self.new.is_empty() {
            return Ok(());
        }
        work.push_player(Event::RegisterAnswered(RegisterAnswered { txn: txn(), answers: self.new, by }))
    }
}

/// Records what registers answered, apart from what the player does: when he logs in, or when a register tells by itself
/// that he is excluded. An exclusion holds from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordRegisterAnswers {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The answers.
    pub answers: Vec<RegisterAnswer>,
    /// Who tells it, if it is a person; not part of the fingerprint.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for RecordRegisterAnswers {
    const KIND: OperationKind = OperationKind::RegisterAnswer;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        self.answers.iter().fold(print, |print, answer| {
            let print = print
                .field(1, Some(answer.register.as_str()))
                .field(2, Some(answer.asked_at.to_string()).as_deref());
            match &answer.outcome {
                RegisterSays::Clear => print.field(3, Some("clear")),
                RegisterSays::Excluded { until } => {
                    print.field(3, Some("excluded")).field(4, until.map(|until| until.to_string()).as_deref())
                }
                RegisterSays::Left { currency, amount } => {
                    print.field(3, Some("left")).field(5, Some(currency.as_str())).amount(6, amount)
                }
                RegisterSays::Unreachable => print.field(3, Some("unreachable")),
            }
        })
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let gate = Gate::read(&self.answers, work.state(), work.now())?;
        let txn = || TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        if gate.new.is_empty() {
            work.note(txn(), Note::AnswersKnown)?;
            return Ok(None);
        }
        gate.record_by(txn, self.by.clone(), work)?;
        Ok(None)
    }
}
