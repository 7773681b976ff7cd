//! What events count for limits. Counting is a fold of the events of money that are there anyway: no event is written for it,
//! and a replay, which writes none, never counts (R25).

use super::Controls;
use super::counter::Flow;
use crate::money::{Amount, CurrencyCode};
use crate::stored::{
    BetStatus, Converted, Event, EventRecord, PayoutReturnedTo, ReleasedTo, Round, WinStatus,
};
use crate::time::Timestamp;
use crate::transfer::Transfer;

/// What one entry stands for in a round: a stake that is taken or held, a win that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    entry: u64,
    stake: i128,
    win: i128,
}

/// What a round's bets and wins count. Of a stake that is what the player's own money bore, of a win what became his own
/// money; an open bet counts as lost (R11, R21).
pub(crate) fn shares(round: &Round) -> Vec<Share> {
    let stakes = round.bets.iter().filter_map(|bet| {
        let stands = matches!(bet.status, BetStatus::Open | BetStatus::Settled);
        Some(Share { entry: bet.entry?, stake: if stands { bet.staked_money().units() } else { 0 }, win: 0 })
    });
    let wins = round.wins.iter().filter_map(|win| {
        let stands = win.status != WinStatus::RolledBack;
        let money = win.money().units();
        Some(Share { entry: win.entry?, stake: 0, win: if stands { money } else { 0 } })
    });
    stakes.chain(wins).collect()
}

/// What an event of the round changed: bets and wins are added and change, but never go.
fn changes(before: &[Share], after: Vec<Share>) -> Vec<Share> {
    let mut left = before.to_vec();
    let changed = after.into_iter().filter_map(|share| {
        // Several may be of one entry, but they are of one kind then, or one after the other: a share that was there is the
        // same or smaller.
        let at = left.iter().position(|known| known.entry == share.entry);
        let known = at.map_or(Share { stake: 0, win: 0, ..share }, |at| left.remove(at));
        let change = Share {
            entry: share.entry,
            stake: share.stake.saturating_sub(known.stake),
            win: share.win.saturating_sub(known.win),
        };
        (change.stake != 0 || change.win != 0).then_some(change)
    });
    changed.collect()
}

/// The money in the player's currency.
fn credited(currency: CurrencyCode, amount: Amount, converted: Option<&Converted>) -> (CurrencyCode, i128) {
    converted.map_or((currency, amount.units()), |to| (to.currency, to.amount.units()))
}

impl Controls {
    /// Counts what an event changed in a round.
    pub(crate) fn count_round(&mut self, before: &[Share], round: &Round, at: Timestamp) {
        let Some(currency) = round.currency else { return };
        for Share { entry, stake, win } in changes(before, shares(round)) {
            if stake != 0 {
                self.count(currency, Flow::Stake(stake), entry, at);
            }
            if win != 0 {
                self.count(currency, Flow::Win(win), entry, at);
            }
        }
    }

    /// Counts an event of a round that is over and stays so.
    pub(crate) fn count_after_the_end(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::WinCredited(event) => {
                if let Some(entry) = event.entry {
                    self.count(event.currency, Flow::Win(event.split.money().units()), entry, at);
                }
            }
            Event::BetResettled(event) => {
                let more = event.money_change();
                if let Some(entry) = event.counted {
                    self.count(event.currency, Flow::Win(more), entry, at);
                }
            }
            Event::SettlementVoided(event) => {
                for share in &event.counted {
                    let back = |amount: Amount| amount.units().saturating_neg();
                    if let Some(stake) = share.stake {
                        self.count(event.currency, Flow::Stake(back(stake)), share.entry, at);
                    }
                    if let Some(win) = share.win {
                        self.count(event.currency, Flow::Win(back(win)), share.entry, at);
                    }
                }
            }
            _ => {}
        }
    }

    /// Counts deposits, payouts and what plays elsewhere; `transfer` finds what is away.
    pub(crate) fn count_cash<'a>(
        &mut self,
        record: &EventRecord,
        transfer: impl Fn() -> Option<&'a Transfer>,
        at: Timestamp,
    ) {
        match &record.event {
            Event::DepositSucceeded(event) => {
                let (currency, units) = credited(event.currency, event.amount, event.converted.as_ref());
                self.count(currency, Flow::Deposit(units), event.entry, at);
            }
            Event::DepositReleased(event) if event.to == ReleasedTo::Player => {
                let (currency, units) = credited(event.currency, event.amount, event.converted.as_ref());
                self.count(currency, Flow::Deposit(units), event.entry, at);
            }
            Event::DepositRefunded(event) => {
                let (currency, units) = credited(event.currency, event.amount, event.converted.as_ref());
                if let Some(entry) = event.counted {
                    self.count(currency, Flow::Deposit(units.saturating_neg()), entry, at);
                }
            }
            Event::WithdrawalPaid(event) => {
                self.count(event.currency, Flow::Payout(event.amount.units()), event.entry, at);
            }
            Event::WithdrawalReturned(event) if event.to == PayoutReturnedTo::Player => {
                // The payout is undone, whatever of it a bank kept or the house adds.
                let back = event.amount.units().saturating_neg();
                self.count(event.currency, Flow::Payout(back), event.entry, at);
            }
            Event::TransferRolledOut(event) => {
                if let Some(entry) = event.entry {
                    self.count(event.currency, Flow::Stake(event.amount.units()), entry, at);
                }
            }
            Event::TransferRolledBack(event) => {
                if let Some(entry) = transfer().and_then(|known| known.entry) {
                    self.count(event.currency, Flow::Stake(event.amount.units().saturating_neg()), entry, at);
                }
            }
            // What was away is no stake any more; what was staked of it there is one of now.
            Event::TransferRolledIn(event) => {
                if let Some((out, entry)) = transfer().and_then(|known| Some((known.amount, known.entry?))) {
                    self.count(event.currency, Flow::Stake(out.units().saturating_neg()), entry, at);
                }
                if let Some(entry) = event.entry {
                    self.count(event.currency, Flow::Stake(event.staked.units()), entry, at);
                    self.count(event.currency, Flow::Win(event.won.units()), entry, at);
                }
            }
            _ => {}
        }
    }
}
