//! What the commands of one batch may spend (S84 in docs/scenarios.md).

use crate::account::AccountCode;
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Draft, PlayerCommand, PlayerState, Stop};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{AwardRef, BonusAfter, Event, EventRecord, PurseBalance};
use crate::wallet::Purse;

/// What commands of a batch that take money may still take, per currency: what was available before the batch, less
/// what they took, and what goes back of stakes and withdrawals. New money of the batch (wins, deposits, credits, what an exchange
/// gives) is not in it: a win never pays for its own bet, in whatever order the two stand, and also where it pays a
/// debt first.
#[derive(Debug, Default)]
pub(super) struct Cover {
    left: Vec<(CurrencyCode, Amount)>,
    /// The same of bonus credits, by award: a bonus win does not pay for a bet of its batch either.
    bonus: Vec<(AwardRef, Amount)>,
}

impl Cover {
    /// Takes note of one decided command. `before` is the state it was decided on.
    ///
    /// # Errors
    ///
    /// [`Rejection::InsufficientFunds`] if it takes money that is not covered.
    pub(super) fn take(
        &mut self,
        before: &PlayerState,
        command: &PlayerCommand,
        draft: &Draft,
        policy: &Policy,
    ) -> Result<(), Stop> {
        let asked = command.takes_money() && !command.may_owe(policy);
        // What the entries before told, where one command has several: an award may end by it.
        let mut told: Vec<(CurrencyCode, Amount)> = Vec::new();
        for posted in draft.events.iter().filter_map(|record| match &record.event {
            Event::EntryPosted(posted) => Some(posted),
            _ => None,
        }) {
            let converts = posted.entry.postings().iter().any(|p| p.account == AccountCode::BonusCost);
            for purse in &posted.after {
                let known = told.iter().position(|(currency, _)| *currency == purse.currency);
                let was = match known.and_then(|index| told.get(index)) {
                    Some((_, was)) => *was,
                    None => before
                        .wallet()
                        .purse(purse.currency)
                        .map_or(Amount::zero(purse.cash.scale()), Purse::available),
                };
                self.change(purse, was, asked && !converts, if converts { &[] } else { &draft.events })?;
                match known.and_then(|index| told.get_mut(index)) {
                    Some((_, was)) => *was = purse.available(),
                    None => told.push((purse.currency, purse.available())),
                }
            }
        }
        self.take_bonus(before, draft)
    }

    /// Bonus credits that a bet takes must have been there before the batch.
    fn take_bonus(&mut self, before: &PlayerState, draft: &Draft) -> Result<(), Stop> {
        let staked = draft.events.iter().find_map(|record| match &record.event {
            Event::BetPlaced(placed) => Some((placed.currency, placed.split.bonus.as_slice())),
            _ => None,
        });
        let (currency, staked) =
            staked.map_or((None, &[][..]), |(currency, shares)| (Some(currency), shares));
        let after = draft.events.iter().filter_map(|record| match &record.event {
            Event::EntryPosted(posted) => Some(&posted.bonus),
            _ => None,
        });
        // An award may stand in several entries: what the last one says counts.
        let mut last: Vec<&BonusAfter> = Vec::new();
        for after in after.flatten() {
            last.retain(|known| known.award != after.award);
            last.push(after);
        }
        for after in last {
            let (was, _) = before.wallet().bonus_of(&after.award, Amount::zero(after.balance.scale()));
            let index = self.bonus.iter().position(|(known, _)| *known == after.award);
            let mut left = index.and_then(|index| self.bonus.get(index)).map_or(was, |(_, left)| *left);
            if let (Some(share), Some(currency)) =
                (staked.iter().find(|share| share.award == after.award), currency)
            {
                if share.amount > left {
                    return Err(Rejection::InsufficientFunds { available: left, currency }.into());
                }
                left = left.checked_sub(share.amount)?;
            }
            let change = after.balance.checked_sub(was)?;
            if change.is_positive() {
                left = left.checked_add(returned(&draft.events, change)?)?;
            }
            let left = left.min(after.balance)?;
            match index.and_then(|index| self.bonus.get_mut(index)) {
                Some((_, known)) => *known = left,
                None => self.bonus.push((after.award.clone(), left)),
            }
        }
        Ok(())
    }

    /// A refusal for want of funds as it is told: with what is covered, not with new money of the batch.
    pub(super) fn told(&self, command: &PlayerCommand, rejection: Rejection) -> Rejection {
        let (true, Rejection::InsufficientFunds { available, currency }) =
            (command.takes_money(), &rejection)
        else {
            return rejection;
        };
        let (available, currency) = (*available, *currency);
        let left = self.left.iter().find(|(known, _)| *known == currency);
        let available = left.map_or(available, |(_, left)| *left);
        Rejection::InsufficientFunds { available, currency }
    }

    fn change(
        &mut self,
        after: &PurseBalance,
        was: Amount,
        asked: bool,
        events: &[EventRecord],
    ) -> Result<(), Stop> {
        let (currency, available) = (after.currency, after.available());
        let change = available.checked_sub(was)?;
        let index = self.left.iter().position(|(known, _)| *known == currency);
        let left = index.and_then(|index| self.left.get(index)).map_or(was, |(_, left)| *left);
        let mut now = left;
        if change.is_negative() && asked {
            now = left.checked_add(change)?;
            if now.is_negative() {
                return Err(Rejection::InsufficientFunds { available: left, currency }.into());
            }
        }
        if change.is_positive() {
            now = left.checked_add(returned(events, change)?)?;
        }
        // What is taken back of new money was not in it; what is taken of the player's own was.
        let now = now.min(available)?;
        match index.and_then(|index| self.left.get_mut(index)) {
            Some((_, left)) => *left = now,
            None => self.left.push((currency, now)),
        }
        Ok(())
    }
}

/// How much of what became available was the player's before: stakes, withdrawals and the like that go back.
fn returned(events: &[EventRecord], change: Amount) -> Result<Amount, Stop> {
    for record in events {
        match &record.event {
            Event::BetRolledBack(_)
            | Event::BetVoided(_)
            | Event::BetReturned(_)
            | Event::RoundVoided(_)
            | Event::TipReturned(_)
            | Event::TournamentEntryReturned(_)
            | Event::TransferRolledBack(_)
            | Event::WithdrawalRejected(_)
            | Event::WithdrawalCancelled(_)
            | Event::WithdrawalExpired(_)
            | Event::WithdrawalFailed(_) => return Ok(change),
            // What was not paid of it goes back.
            Event::WithdrawalPaid(event) if event.late.is_none() => return Ok(change),
            // Of what comes back from elsewhere, what was won there is new.
            Event::TransferRolledIn(event) => {
                let gain = event.won.checked_sub(event.staked)?;
                return Ok(if gain.is_positive() { change.checked_sub(gain)? } else { change });
            }
            _ => {}
        }
    }
    Ok(Amount::zero(change.scale()))
}
