//! What a player's leaving does to his awards: a withdrawal, a self-exclusion, closing (B.7 in docs/bonuses.md). What is
//! told before a withdrawal and what it does are decided here alone.

use super::Award;
use super::AwardStatus;
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::partition::Stream;
use crate::player_ledger::{PlayerState, Workspace};
use crate::policy::{OnLeaving, OnWithdrawal};
use crate::rejection::{BonusRule, Rejection};
use crate::stored::{AwardRef, Event, EventRecord, ExclusionKind, ForfeitReason, PaymentRef};
use crate::time::Timestamp;
use crate::wallet::Wallet;

impl Award {
    /// Whether leaving can cost the player this award at an instant: it is live, its time is not over, and something is
    /// left to be wagered.
    fn is_at_stake(&self, now: Timestamp) -> bool {
        let waits_or_plays = matches!(self.status, AwardStatus::Queued | AwardStatus::Active);
        waits_or_plays && !self.is_expired_at(now)
    }

    /// What giving it up costs: its credits, and what rounds hold of them; of one that waits, what it would give. An offer
    /// that was not claimed costs nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if that is beyond what an amount can be.
    pub fn cost(&self, wallet: &Wallet) -> Result<Amount, AmountError> {
        let zero = Amount::zero(self.amount.scale());
        match self.status {
            AwardStatus::Offered => Ok(zero),
            AwardStatus::Queued => Ok(self.amount),
            _ => {
                let (credits, held) = wallet.bonus_of(&self.of, zero);
                credits.checked_add(held)
            }
        }
    }

    /// Whether it can be claimed at an instant. Money that leaves does not end an offer; a player who leaves does.
    fn is_offered_at(&self, now: Timestamp) -> bool {
        self.status == AwardStatus::Offered && !self.is_expired_at(now)
    }

    /// Whether a withdrawal in a currency that leaves so much cash forfeits it.
    fn is_lost_to(&self, currency: CurrencyCode, left: Amount, now: Timestamp) -> bool {
        let loses = match self.terms.leaving.withdrawal {
            OnWithdrawal::Forfeit | OnWithdrawal::Block => true,
            OnWithdrawal::CashFree => left.is_zero(),
        };
        self.currency == currency && loses && self.is_at_stake(now)
    }
}

/// The awards that a withdrawal in a currency forfeits that leaves so much cash, in their order.
pub(crate) fn lost_to_withdrawal(
    awards: &[Award],
    currency: CurrencyCode,
    left: Amount,
    now: Timestamp,
) -> impl Iterator<Item = &Award> {
    awards.iter().filter(move |award| award.is_lost_to(currency, left, now))
}

/// That no award holds the money of its currency back. It holds nobody who may not play, for he could never wager it.
///
/// # Errors
///
/// [`Rejection::BonusRule`] with [`BonusRule::Withdrawal`].
pub(crate) fn check_withdrawal(
    state: &PlayerState,
    currency: CurrencyCode,
    now: Timestamp,
) -> Result<(), Rejection> {
    let blocks = |award: &Award| {
        let is_blocking = award.terms.leaving.withdrawal == OnWithdrawal::Block;
        is_blocking && award.currency == currency && award.is_at_stake(now)
    };
    if state.awards().iter().any(blocks) && state.may_play(now).is_ok() {
        return Err(Rejection::BonusRule { rule: BonusRule::Withdrawal });
    }
    Ok(())
}

/// Whether an event may take awards from the player that depends on his cash after it.
pub(super) fn asks_for_money(record: &EventRecord) -> bool {
    matches!(record.event, Event::WithdrawalRequested(_))
}

/// Awards that the command's own events take from the player, and why.
pub(super) fn taken_back(work: &Workspace<'_>) -> Vec<(AwardRef, ForfeitReason)> {
    let mut all = Vec::new();
    for award in work.awards().iter().filter(|award| award.is_live()) {
        let reason = work.events().iter().find_map(|record| taken_by(work, award, record));
        all.extend(reason.map(|reason| (award.of.clone(), reason)));
    }
    all
}

fn taken_by(work: &Workspace<'_>, award: &Award, record: &EventRecord) -> Option<ForfeitReason> {
    let (now, leaving) = (work.now(), &award.terms.leaving);
    let is_there = award.is_at_stake(now) || award.is_offered_at(now);
    let loses = |rule: OnLeaving| rule == OnLeaving::Forfeit && is_there;
    match (&record.stream, &record.event) {
        (_, Event::PlayerClosed(_)) => loses(leaving.closing).then_some(ForfeitReason::Closed),
        (_, Event::ExclusionStarted(event)) if event.kind == ExclusionKind::SelfExclusion => {
            loses(leaving.self_exclusion).then_some(ForfeitReason::SelfExclusion)
        }
        (_, Event::WithdrawalRequested(event)) => {
            let left = work.wallet().purse(event.currency)?.cash();
            award.is_lost_to(event.currency, left, now).then_some(ForfeitReason::Withdrawal)
        }
        (Stream::Deposit(_, source, id), Event::DepositRefunded(_) | Event::DepositChargedBack(_)) => {
            let of = PaymentRef { source: source.clone(), id: id.clone() };
            (award.deposit.as_ref() == Some(&of)).then_some(ForfeitReason::Deposit)
        }
        _ => None,
    }
}
