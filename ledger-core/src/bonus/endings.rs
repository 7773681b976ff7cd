//! What becomes of awards after a command: completed, lost, expired, taken back, and the next one booked; in the commit
//! that causes it (F11, F14, F18 in docs/bonuses.md).

use super::{Award, AwardStatus, leaving, postings};
use crate::account::AccountCode;
use crate::ids::ActorId;
use crate::money::{Amount, AmountError, BasisPoints, Rounding, mul_div};
use crate::player_ledger::{Fault, Stop, Workspace};
use crate::policy::{MaxConversion, Principal, WHOLE};
use crate::stored::{
    AwardRef, BonusActivated, BonusCompleting, BonusConverted, BonusExpired, BonusForfeited, BonusLost,
    BonusReleased, BonusResumed, Event, ForfeitReason, TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::Purse;
use std::time::Duration;

/// Looks at every live award after a command's own events. Each step ends an award, books one, or moves it on, so there
/// are few.
pub(crate) fn follow_up(work: &mut Workspace<'_>) -> Result<(), Stop> {
    if work.awards().is_empty() {
        return Ok(());
    }
    // What the command itself moved of awards must be seen; of most commands it is nothing.
    let moves = work
        .events()
        .iter()
        .any(|record| matches!(&record.event, Event::EntryPosted(posted) if !posted.bonus.is_empty()));
    if moves || work.events().iter().any(leaving::asks_for_money) {
        work.look()?;
    }
    for (of, reason) in leaving::taken_back(work) {
        forfeit(work, &of, reason, None, None)?;
    }
    while let Some((of, step)) = next(work)? {
        take(work, &of, step)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Wait,
    Resume,
    Release,
    Convert,
    Lose,
    Expire,
    Activate,
}

/// The first award that something becomes of.
fn next(work: &Workspace<'_>) -> Result<Option<(AwardRef, Step)>, Stop> {
    for award in work.awards() {
        if let Some(step) = step(work, award)? {
            return Ok(Some((award.of.clone(), step)));
        }
    }
    let is_taken = |award: &Award| {
        let mut booked = work.awards().iter().filter(|other| other.is_booked());
        booked.any(|other| other.shares_product_with(&award.terms))
    };
    let waits = |award: &&Award| award.status == AwardStatus::Queued && !is_taken(award);
    Ok(work.awards().iter().find(waits).map(|award| (award.of.clone(), Step::Activate)))
}

fn step(work: &Workspace<'_>, award: &Award) -> Result<Option<Step>, Stop> {
    if award.status == AwardStatus::Offered && award.is_expired_at(work.now()) {
        return Ok(Some(Step::Expire));
    }
    if !award.is_booked() {
        return Ok(None);
    }
    let zero = Amount::zero(award.amount.scale());
    let (balance, held) = work.wallet().bonus_of(&award.of, zero);
    if award.progress >= award.target {
        return Ok(match award.status {
            _ if held.is_zero() && balance.is_zero() => Some(Step::Lose),
            _ if held.is_zero() => Some(Step::Convert),
            AwardStatus::Active => Some(Step::Wait),
            _ => None,
        });
    }
    if award.status == AwardStatus::Completing {
        return Ok(Some(Step::Resume));
    }
    if award.is_expired_at(work.now()) {
        return Ok(Some(Step::Expire));
    }
    if due(award, balance)?.is_positive() {
        return Ok(Some(Step::Release));
    }
    let too_little = match award.terms.min_to_terminate.get(&award.currency) {
        Some(least) => balance < at_scale(*least, zero)?,
        None => false,
    };
    Ok((held.is_zero() && (balance.is_zero() || too_little)).then_some(Step::Lose))
}

/// An amount of the terms at the scale of a zero.
pub(super) fn at_scale(amount: Amount, zero: Amount) -> Result<Amount, Stop> {
    Ok(Amount::from_decimal(amount.to_decimal(), zero.scale())?)
}

fn known(work: &Workspace<'_>, of: &AwardRef) -> Result<Award, Fault> {
    work.award(of).cloned().ok_or_else(|| Fault::corrupted(format!("there is no award {}", of.id)))
}

fn some(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|amount| amount.is_positive())
}

fn take(work: &mut Workspace<'_>, of: &AwardRef, step: Step) -> Result<(), Stop> {
    work.look()?;
    let award = known(work, of)?;
    let zero = Amount::zero(award.amount.scale());
    let (balance, held) = work.wallet().bonus_of(of, zero);
    let event = match step {
        Step::Wait => Event::BonusCompleting(BonusCompleting { held }),
        Step::Resume => Event::BonusResumed(BonusResumed { progress: award.progress }),
        Step::Release => return release(work, &award, balance),
        Step::Convert => return convert(work, &award, balance),
        Step::Lose => {
            let entry = end(work, &award, AccountCode::BonusForfeited, balance)?;
            Event::BonusLost(BonusLost { forfeited: some(balance), entry })
        }
        Step::Expire => {
            let entry = end(work, &award, AccountCode::BonusExpired, balance)?;
            Event::BonusExpired(BonusExpired { amount: balance, entry })
        }
        Step::Activate => {
            let postings = postings::issue(award.currency, &award.campaign, of, award.amount);
            let entry = work.post_more(postings)?;
            let entry = entry.ok_or_else(|| Fault::corrupted("a bonus of nothing"))?;
            let expires_at = expiry(&award.terms, work.now());
            Event::BonusActivated(BonusActivated { expires_at, entry })
        }
    };
    Ok(work.push_award(of, event)?)
}

/// When an award that is booked now expires.
pub(super) fn expiry(terms: &crate::policy::BonusTerms, now: Timestamp) -> Option<Timestamp> {
    let secs = terms.expires_after_secs?;
    Some(now.saturating_add(Duration::from_secs(secs.into())))
}

fn end(
    work: &mut Workspace<'_>,
    award: &Award,
    to: AccountCode,
    balance: Amount,
) -> Result<Option<u64>, Stop> {
    work.post_more(postings::end(award.currency, to, &award.campaign, &award.of, balance))
}

/// What of credits may become cash (F11): no more than the terms convert, less what they released before.
fn convertible(award: &Award, credits: Amount) -> Result<Amount, Stop> {
    let zero = Amount::zero(credits.scale());
    let most = match &award.terms.max_conversion {
        None => return Ok(credits),
        Some(MaxConversion::Fixed { amounts }) => match amounts.get(&award.currency) {
            Some(most) => at_scale(*most, zero)?,
            None => return Ok(credits),
        },
        Some(MaxConversion::Times { times }) => award.amount.basis_points(*times, Rounding::Floor)?,
    };
    Ok(credits.min(most.less(award.released())?)?)
}

/// What of an award is to be released now (F14): as many whole shares of it as of its target are wagered, less what was
/// released before, as far as there are credits.
fn due(award: &Award, balance: Amount) -> Result<Amount, Stop> {
    let zero = Amount::zero(balance.scale());
    let Some(share) = award.terms.release_every else { return Ok(zero) };
    let units = |amount: Amount| u128::try_from(amount.units()).unwrap_or_default();
    let step = u128::from(share.get()).saturating_mul(units(award.target));
    if step == 0 {
        return Ok(zero);
    }
    let shares = mul_div(units(award.progress), WHOLE.into(), step, Rounding::Floor)?;
    let all = u32::try_from(shares.saturating_mul(share.get().into())).unwrap_or(WHOLE).min(WHOLE);
    let all = BasisPoints::new(all).map_err(|_| AmountError::AmountOverflow)?;
    let released = award.amount.basis_points(all, Rounding::Floor)?;
    convertible(award, released.less(award.released())?.min(balance)?)
}

/// The purse of an award's currency.
fn purse_of(work: &Workspace<'_>, award: &Award) -> Result<Purse, Fault> {
    let purse = work.wallet().purse(award.currency).copied();
    purse.ok_or_else(|| Fault::corrupted("an award without a purse"))
}

/// F14: a share of the award becomes cash before its end.
fn release(work: &mut Workspace<'_>, award: &Award, balance: Amount) -> Result<(), Stop> {
    let amount = due(award, balance)?;
    let (purse, zero) = (purse_of(work, award)?, Amount::zero(balance.scale()));
    let postings = postings::convert(&purse, &award.campaign, &award.of, amount, zero)?;
    let entry = work.post_more(postings)?.ok_or_else(|| Fault::corrupted("a release of nothing"))?;
    let released = award.released().checked_add(amount)?;
    let event = BonusReleased { amount, released, entry };
    Ok(work.push_award(&award.of, Event::BonusReleased(event))?)
}

/// F11: what the terms convert is cash, the rest is forfeited.
fn convert(work: &mut Workspace<'_>, award: &Award, balance: Amount) -> Result<(), Stop> {
    let own = match award.terms.principal {
        Principal::Converted => balance,
        Principal::Removed => balance.less(award.amount)?,
    };
    let converted = convertible(award, own)?;
    let forfeited = balance.checked_sub(converted)?;
    let purse = purse_of(work, award)?;
    let postings = postings::convert(&purse, &award.campaign, &award.of, converted, forfeited)?;
    let entry = work.post_more(postings)?.ok_or_else(|| Fault::corrupted("a conversion of nothing"))?;
    let event = BonusConverted { converted, forfeited: some(forfeited), entry };
    Ok(work.push_award(&award.of, Event::BonusConverted(event))?)
}

/// Ends an award before its time.
pub(super) fn forfeit(
    work: &mut Workspace<'_>,
    of: &AwardRef,
    reason: ForfeitReason,
    txn: Option<TransactionRef>,
    by: Option<ActorId>,
) -> Result<(), Stop> {
    work.look()?;
    let award = known(work, of)?;
    let (balance, _) = work.wallet().bonus_of(of, Amount::zero(award.amount.scale()));
    let entry = end(work, &award, AccountCode::BonusForfeited, balance)?;
    let event = BonusForfeited { txn, reason, by, amount: balance, entry };
    Ok(work.push_award(of, Event::BonusForfeited(event))?)
}
