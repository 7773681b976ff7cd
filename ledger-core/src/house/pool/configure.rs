//! The parameters of a jackpot, and whether it is open, suspended or closed. Each change is an event with who asked for
//! it, who agreed, and why (GLI-19 2.8.8).

use serde::{Deserialize, Serialize};

use super::state::JackpotPool;
use super::sweep::SWEEP_ORIGINS_MAX;
use crate::account::AccountCode;
use crate::entry::POSTINGS_MAX;
use crate::house::document::DocumentContent;
use crate::house::incoming::{currency, two_persons};
use crate::house::operation::{Currencies, HouseOperation, not_allowed, sent_by};
use crate::house::postings::{to_jackpot, to_jackpot_from_reserve};
use crate::house::{HousePurpose, HouseState, HouseWorkspace};
use crate::ids::{ActorId, JackpotId, Reason, SourceId, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity};
use crate::stored::{
    Event, JackpotConfigured, JackpotOverflow, JackpotStatus, JackpotStatusChanged, JackpotTerms, Money,
    TransactionRef,
};

pub(super) fn is_jackpot(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Jackpot(_))
}

/// The jackpot a partition is of.
pub(super) fn own_name(state: &HouseState) -> Option<JackpotId> {
    match state.name()?.purpose {
        HousePurpose::Jackpot(jackpot) => Some(jackpot),
        _ => None,
    }
}

/// The pool and its terms, unless it is closed.
pub(super) fn configured(pool: Option<&JackpotPool>) -> Result<(&JackpotPool, &JackpotTerms), Stop> {
    let known = pool.and_then(|pool| Some((pool, pool.terms()?)));
    let (pool, terms) = known.ok_or_else(|| not_allowed(NotAllowedReason::JackpotWithoutTerms))?;
    match pool.status() {
        JackpotStatus::Closed => Err(not_allowed(NotAllowedReason::JackpotClosed)),
        _ => Ok((pool, terms)),
    }
}

/// Sets the parameters of a jackpot, all of them. The first time it begins; its currency never changes. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigureJackpot {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the change.
    pub id: TransactionId,
    /// The parameters from here on.
    pub terms: JackpotTerms,
    /// Why, in the words of who asks for it; not part of the fingerprint.
    pub reason: Reason,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for ConfigureJackpot {
    const KIND: OperationKind = OperationKind::JackpotConfiguration;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_jackpot(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.terms.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let hash = DocumentContent::of(&self.terms).ok().map(|content: DocumentContent| content.hash());
        print.field(1, hash.as_ref().map(ContentHash::to_string).as_deref())
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let pool = work.state().jackpot();
        let before = pool.and_then(JackpotPool::terms);
        if pool.is_some_and(|pool| pool.status() == JackpotStatus::Closed) {
            return Err(not_allowed(NotAllowedReason::JackpotClosed));
        }
        if before == Some(&self.terms) {
            return Err(not_allowed(NotAllowedReason::Unchanged));
        }
        two_persons(&self.by, &self.approved_by)?;
        let own = currency(facts, self.terms.currency)?;
        if before.is_some_and(|before| before.currency != self.terms.currency) {
            return Err(Rejection::Mismatch { field: MismatchField::Currency }.into());
        }
        self.terms.check(own, own_name(work.state()).as_ref())?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::JackpotConfigured(JackpotConfigured {
            txn,
            terms: self.terms.clone(),
            reason: self.reason.clone(),
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
        }))?;
        Ok(())
    }
}

/// Opens, suspends or closes a jackpot. A suspended one still grows, and claims on it wait. Closing is for ever: what is in
/// the pool and in its reserve goes to another jackpot, and so does whatever stakes still give to it. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeJackpotStatus {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the change.
    pub id: TransactionId,
    /// What it is from here on.
    pub status: JackpotStatus,
    /// The jackpot that gets what is in it, if it is closed.
    #[serde(default)]
    pub moves_to: Option<JackpotId>,
    /// Why, in the words of who asks for it; not part of the fingerprint.
    pub reason: Reason,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl ChangeJackpotStatus {
    /// What is in the pool of a jackpot that closes, and in its reserve, and the entry that moves both.
    fn close(to: &JackpotId, work: &mut HouseWorkspace<'_>) -> Result<Moved, Stop> {
        let (state, of) = (work.state(), work.of_account()?);
        let (mut parts, mut from_reserve, mut postings) = (Vec::new(), Vec::new(), Vec::new());
        for held in state.jackpot().map_or(&[][..], JackpotPool::amounts) {
            if held.amount.is_positive() {
                postings.extend(to_jackpot(&of, to, *held));
                parts.push(*held);
            }
        }
        for kept in state.kept() {
            if kept.account == AccountCode::JackpotSeedReserve && kept.balance.is_positive() {
                let reserve = Money { currency: kept.currency, amount: kept.balance };
                postings.extend(to_jackpot_from_reserve(&of, to, reserve));
                add(&mut parts, reserve)?;
                from_reserve.push(reserve);
            }
        }
        if parts.is_empty() {
            return Ok(Moved::default());
        }
        // One currency has two postings, or four with its reserve.
        if postings.len() > POSTINGS_MAX {
            return Err(capacity(Capacity::PostingsInEntry, POSTINGS_MAX).into());
        }
        let entry = work.post(postings)?;
        let number = next_overflow(state.jackpot(), to)?;
        Ok(Moved {
            overflow: Some(JackpotOverflow { number, to: to.clone(), parts }),
            from_reserve,
            entry: Some(entry),
        })
    }
}

#[derive(Default)]
struct Moved {
    overflow: Option<JackpotOverflow>,
    from_reserve: Vec<Money>,
    entry: Option<u64>,
}

/// The number of what next leaves a pool for another jackpot: each gets 1, 2, 3 ... of its own, so that it knows whether one is
/// missing.
pub(super) fn next_overflow(pool: Option<&JackpotPool>, to: &JackpotId) -> Result<u64, Stop> {
    let last = pool.map_or(0, |pool| pool.overflows(to));
    if last == 0 && pool.map_or(0, JackpotPool::targets) >= SWEEP_ORIGINS_MAX {
        return Err(capacity(Capacity::SweepOrigins, SWEEP_ORIGINS_MAX).into());
    }
    Ok(last.checked_add(1).ok_or_else(|| crate::player_ledger::Fault::corrupted("numbers have run out"))?)
}

fn add(parts: &mut Vec<Money>, more: Money) -> Result<(), Stop> {
    match parts.iter_mut().find(|part| part.currency == more.currency) {
        Some(part) => part.amount = part.amount.checked_add(more.amount)?,
        None => parts.push(more),
    }
    Ok(())
}

impl HouseOperation for ChangeJackpotStatus {
    const KIND: OperationKind = OperationKind::JackpotStatus;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_jackpot(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let status = match self.status {
            JackpotStatus::Open => "open",
            JackpotStatus::Suspended => "suspended",
            JackpotStatus::Closed => "closed",
        };
        print.field(1, Some(status)).field(2, self.moves_to.as_ref().map(JackpotId::as_str))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (pool, _) = configured(work.state().jackpot())?;
        if pool.status() == self.status {
            return Err(not_allowed(NotAllowedReason::Unchanged));
        }
        let closes = self.status == JackpotStatus::Closed;
        if closes && !pool.open_awards().is_empty() {
            return Err(not_allowed(NotAllowedReason::AwardsOpen));
        }
        let to_itself = self.moves_to.is_some() && self.moves_to == own_name(work.state());
        if closes != self.moves_to.is_some() || to_itself {
            return Err(not_allowed(NotAllowedReason::JackpotTarget));
        }
        two_persons(&self.by, &self.approved_by)?;
        let moved = match &self.moves_to {
            Some(to) => Self::close(to, work)?,
            None => Moved::default(),
        };
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::JackpotStatusChanged(JackpotStatusChanged {
            txn,
            status: self.status,
            moves_to: self.moves_to.clone(),
            overflow: moved.overflow,
            from_reserve: moved.from_reserve,
            reason: self.reason.clone(),
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry: moved.entry,
        }))?;
        Ok(())
    }
}
