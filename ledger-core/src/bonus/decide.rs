//! The decisions on awards.

use super::endings::{at_scale, expiry};
use super::{
    AWARDS_MAX, Award, CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus, cashback, endings, postings,
};
use crate::key::{ContentHash, OperationKind};
use crate::loyalty::counted_up_to;
use crate::money::{Amount, Currency, Rounding};
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::{BonusTerms, MaxConversion, Reward, WageringBase};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity};
use crate::stored::{AwardRef, BonusIssued, CashbackBase, Event, Note, TransactionRef};
use crate::time::Timestamp;
use crate::wallet::{incoming, purse};

fn not_allowed(reason: NotAllowedReason) -> Stop {
    Rejection::NotAllowed { reason }.into()
}

/// Every amount that terms name in a currency is an amount of that currency.
pub(super) fn check_amounts(terms: &BonusTerms, currency: &Currency) -> Result<(), Stop> {
    let code = currency.code();
    let reward = terms.reward.named().get(&code);
    let cashback = match &terms.reward {
        Reward::Cashback { least, .. } => least.get(&code),
        _ => None,
    };
    let converted = match &terms.max_conversion {
        Some(MaxConversion::Fixed { amounts }) => amounts.get(&code),
        Some(MaxConversion::Times { .. }) | None => None,
    };
    let fits = |amount: &Amount| {
        !amount.is_negative()
            && amount.to_decimal() <= currency.maximum().to_decimal()
            && Amount::from_decimal(amount.to_decimal(), currency.scale()).is_ok()
    };
    let (least, most) = (terms.min_to_terminate.get(&code), terms.max_bet.amounts.get(&code));
    let conditions = match &terms.reward {
        Reward::Mission { conditions, .. } => conditions.as_slice(),
        _ => &[],
    };
    let stakes = conditions.iter().filter_map(|condition| condition.stakes.get(&code));
    let mut all = [reward, cashback, converted, least, most].into_iter().flatten().chain(stakes);
    if all.all(fits) { Ok(()) } else { Err(not_allowed(NotAllowedReason::TermsAmounts)) }
}

/// What was deposited, of a grant that names a deposit.
fn deposited(command: &GrantBonus, facts: &Facts<'_>, zero: Amount) -> Result<Option<Amount>, Stop> {
    let Some(of) = &command.deposit else { return Ok(None) };
    let deposit = facts.found.deposit(of).ok_or_else(|| Rejection::PaymentNotFound { id: of.id.clone() })?;
    if deposit.credited_in != Some(command.currency) {
        return Err(match deposit.credited_in {
            Some(_) => Rejection::CurrencyMismatch { currency: command.currency }.into(),
            None => not_allowed(NotAllowedReason::NotCredited),
        });
    }
    let left = match &deposit.converted {
        Some(conversion) => conversion.to(),
        None if deposit.currency == command.currency => deposit.left()?,
        None => zero,
    };
    if left.is_positive() { Ok(Some(left)) } else { Err(not_allowed(NotAllowedReason::NotCredited)) }
}

/// How much the terms give (F1).
fn given(
    command: &GrantBonus,
    terms: &BonusTerms,
    deposited: Option<Amount>,
    played: Option<&CashbackBase>,
    currency: &Currency,
) -> Result<Amount, Stop> {
    let unnamed = || Rejection::CurrencyMismatch { currency: command.currency };
    let mismatch = || Rejection::Mismatch { field: MismatchField::Amount };
    let zero = currency.zero();
    let named = terms.reward.named().get(&command.currency);
    let named = at_scale(*named.ok_or_else(unnamed)?, zero)?;
    let stated = command.amount.map(|amount| incoming(amount, currency)).transpose()?;
    let amount = match &terms.reward {
        Reward::Given { .. } => stated.filter(|stated| *stated <= named).ok_or_else(mismatch)?,
        Reward::Fixed { .. } => named,
        Reward::Mission { conditions, .. } => {
            let played = played.ok_or_else(|| not_allowed(NotAllowedReason::BaseNeeded))?;
            if !cashback::is_complete(conditions, played, currency)? {
                return Err(not_allowed(NotAllowedReason::ConditionsUnmet));
            }
            named
        }
        Reward::Match { rate, .. } => {
            let deposited = deposited.ok_or_else(|| not_allowed(NotAllowedReason::DepositNeeded))?;
            deposited.basis_points(*rate, Rounding::Floor)?.min(named)?
        }
        Reward::Cashback { least, .. } => {
            let played = played.ok_or_else(|| not_allowed(NotAllowedReason::BaseNeeded))?;
            let least = least.get(&command.currency).map(|least| at_scale(*least, zero)).transpose()?;
            cashback::worth(&terms.reward, played, least.unwrap_or(zero))?.min(named)?
        }
    };
    if stated.is_some_and(|stated| stated != amount) {
        return Err(mismatch().into());
    }
    Ok(amount)
}

/// What must be wagered (F2, F3).
fn target(terms: &BonusTerms, amount: Amount, deposited: Option<Amount>) -> Result<Amount, Stop> {
    let base = match (terms.wagering.base, deposited) {
        (WageringBase::Bonus, _) => amount,
        (WageringBase::DepositAndBonus, Some(deposited)) => deposited.checked_add(amount)?,
        (WageringBase::DepositAndBonus, None) => return Err(not_allowed(NotAllowedReason::DepositNeeded)),
    };
    Ok(base.basis_points(terms.wagering.times, Rounding::Floor)?)
}

/// The most that one bet may stake (F17): the lower of a fixed amount and of a share of the deposit.
fn max_bet(
    terms: &BonusTerms,
    deposited: Option<Amount>,
    currency: &Currency,
) -> Result<Option<Amount>, Stop> {
    let fixed = terms.max_bet.amounts.get(&currency.code());
    let fixed = fixed.map(|fixed| at_scale(*fixed, currency.zero())).transpose()?;
    let share = match (terms.max_bet.of_deposit, deposited) {
        (Some(rate), Some(deposited)) => Some(deposited.basis_points(rate, Rounding::Floor)?),
        (Some(_), None) => return Err(not_allowed(NotAllowedReason::DepositNeeded)),
        (None, _) => None,
    };
    Ok(match (fixed, share) {
        (Some(fixed), Some(share)) => Some(fixed.min(share)?),
        (fixed, share) => fixed.or(share),
    })
}

pub(super) fn known<'a>(facts: &Facts<'a>, work: &'a Workspace<'_>, of: &AwardRef) -> Option<&'a Award> {
    work.state().award(of).or_else(|| facts.found.award(of))
}

/// That terms may be granted to the player at all.
pub(super) fn check_terms(terms: &BonusTerms, facts: &Facts<'_>, work: &Workspace<'_>) -> Result<(), Stop> {
    let profile = work.state().profile().ok_or(Rejection::PlayerUnknown)?;
    if !terms.are_for(&profile.jurisdiction) {
        return Err(not_allowed(NotAllowedReason::TermsElsewhere));
    }
    if terms.contradiction().is_some() {
        return Err(not_allowed(NotAllowedReason::TermsContradictory));
    }
    if facts.policy.profile(&profile.jurisdiction).bonuses.forbid(terms).is_some() {
        return Err(not_allowed(NotAllowedReason::TermsForbidden));
    }
    Ok(())
}

/// What was played, where the terms give a share of it and nowhere else.
fn played(
    command: &GrantBonus,
    terms: &BonusTerms,
    currency: &Currency,
    (state, now): (&PlayerState, Timestamp),
) -> Result<Option<CashbackBase>, Stop> {
    match (&command.played, &terms.reward) {
        (Some(played), Reward::Cashback { .. } | Reward::Mission { .. }) => {
            let base = played.base(currency, now)?;
            // What was given for once is not given for again, whatever the period is called.
            let counted = counted_up_to(state, &command.terms, command.currency);
            if counted.is_some_and(|counted| base.from < counted) {
                return Err(not_allowed(NotAllowedReason::PeriodCounted));
            }
            Ok(Some(base))
        }
        (None, Reward::Cashback { .. } | Reward::Mission { .. }) | (Some(_), _) => {
            Err(not_allowed(NotAllowedReason::BaseNeeded))
        }
        (None, _) => Ok(None),
    }
}

/// A mission is completed, and everything else granted.
fn check_reward(terms: &BonusTerms, kind: OperationKind) -> Result<(), Stop> {
    let is_mission = matches!(terms.reward, Reward::Mission { .. });
    if is_mission == (kind == OperationKind::MissionComplete) {
        Ok(())
    } else {
        Err(not_allowed(NotAllowedReason::OtherReward))
    }
}

pub(super) fn complete(command: &CompleteMission, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let award = command.award().map_err(|error| Fault::corrupted(error.to_string()))?;
    let grant = GrantBonus {
        source: award.source,
        id: award.id,
        terms: command.mission.clone(),
        currency: command.currency,
        amount: None,
        deposit: None,
        reactivates: None,
        played: Some(command.played.clone()),
    };
    self::grant(&grant, OperationKind::MissionComplete, facts, work)
}

/// Grants a bonus, for an operation of a kind.
pub(crate) fn grant(
    command: &GrantBonus,
    kind: OperationKind,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let of = command.award();
    // No key was found, but keys are found by their kind: had the source another scope of keys before, there is such an
    // award already.
    if known(facts, work, &of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    // That he has no such purse is told before anything about terms.
    purse(work.state(), command.currency)?;
    let terms = facts.policy.bonuses.get(&command.terms);
    let terms = terms.ok_or_else(|| not_allowed(NotAllowedReason::TermsUnknown))?;
    check_reward(terms, kind)?;
    let txn = TransactionRef { source: command.source.clone(), kind, id: command.id.clone() };
    issue(command, terms, txn, facts, work)
}

/// Grants a bonus under terms, for an operation: one that is new, or one that was offered.
pub(super) fn issue(
    command: &GrantBonus,
    terms: &BonusTerms,
    txn: TransactionRef,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let of = command.award();
    let purse = purse(work.state(), command.currency)?;
    let (currency, zero) = (*purse.currency(), purse.currency().zero());
    check_terms(terms, facts, work)?;
    check_amounts(terms, &currency)?;
    if let Some(old) = &command.reactivates {
        let old = known(facts, work, old).ok_or_else(|| not_allowed(NotAllowedReason::TargetUnknown))?;
        if old.is_live() {
            return Err(not_allowed(NotAllowedReason::AwardLive));
        }
        if old.currency != command.currency {
            return Err(Rejection::CurrencyMismatch { currency: command.currency }.into());
        }
    }
    if work.state().awards().iter().any(|award| award.is_taken() && award.excludes(terms)) {
        return Err(not_allowed(NotAllowedReason::NotBeside));
    }
    let deposited = deposited(command, facts, zero)?;
    let played = played(command, terms, &currency, (work.state(), work.now()))?;
    let amount = given(command, terms, deposited, played.as_ref(), &currency)?;
    let target = target(terms, amount, deposited)?;
    if work.state().jurisdiction_profile(facts.policy).bonuses.forbids_target(amount, target)? {
        return Err(not_allowed(NotAllowedReason::TermsForbidden));
    }
    let max_bet = max_bet(terms, deposited, &currency)?;
    work.state().may_play(work.now())?;
    if work.state().award(&of).is_none() && work.state().awards().len() >= AWARDS_MAX {
        return Err(capacity(Capacity::Awards, AWARDS_MAX).into());
    }
    if amount.is_zero() {
        work.note(txn, Note::ZeroCredit)?;
        return Ok(Some(command.currency));
    }

    let json = serde_json::to_vec(terms).map_err(|error| Fault::corrupted(error.to_string()))?;
    let shares = |award: &Award| award.is_taken() && award.shares_product_with(terms);
    let queued = work.state().awards().iter().any(shares);
    let entry = if queued {
        None
    } else {
        work.post(postings::issue(command.currency, &terms.campaign, &of, amount))?
    };
    let event = Event::BonusIssued(BonusIssued {
        campaign: terms.campaign.clone(),
        name: command.terms.clone(),
        hash: ContentHash::of(&json),
        terms: Box::new(terms.clone()),
        currency: command.currency,
        amount,
        target,
        max_bet,
        deposit: command.deposit.clone(),
        deposited,
        cashback: played,
        reactivates: command.reactivates.clone(),
        queued,
        expires_at: expiry(terms, work.now()).filter(|_| !queued),
        entry,
    });
    work.push_award(&of, event)?;
    Ok(Some(command.currency))
}

/// The award that a command ends must be live.
fn live(facts: &Facts<'_>, work: &Workspace<'_>, of: &AwardRef) -> Result<Award, Stop> {
    match known(facts, work, of) {
        Some(award) if award.is_live() => Ok(award.clone()),
        Some(_) => Err(not_allowed(NotAllowedReason::AwardEnded)),
        None => Err(not_allowed(NotAllowedReason::TargetUnknown)),
    }
}

pub(super) fn forfeit(command: &ForfeitBonus, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let award = live(facts, work, &command.award)?;
    if let Some(most) = command.forfeits_at_most
        && award.cost(work.wallet())?.to_decimal() > most
    {
        return Err(not_allowed(NotAllowedReason::ForfeitsMore));
    }
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::BonusForfeit, id };
    endings::forfeit(work, &award.of, command.reason, Some(txn), command.by.clone())?;
    Ok(Some(award.currency))
}

/// An award whose time is over is ended after every command; this one only asks.
pub(super) fn expire(command: &ExpireBonus, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let award = live(facts, work, &command.award)?;
    if !award.is_expired_at(work.now()) {
        return Err(not_allowed(NotAllowedReason::NotExpired));
    }
    Ok(Some(award.currency))
}
