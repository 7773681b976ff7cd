//! What events count for limits. Counting is a fold of the events of money that are there anyway: no event is written for it,
//! and a replay, which writes none, never counts (R25).

use super::Controls;
use super::counter::Flow;
use crate::money::{Amount, CurrencyCode};
use crate::stored::{
    BetStatus, BonusShare, Converted, Event, EventRecord, PayoutReturnedTo, ReleasedTo, Round, WinStatus,
};
use crate::time::Timestamp;
use crate::transfer::Transfer;

/// What one entry stands for in a round: a stake that is taken or held, a win that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    entry: u64,
    stake: i128,
    win: i128,
    /// What of either bonus credits were.
    bonus_stake: i128,
    bonus_win: i128,
}

impl Share {
    fn of(entry: u64) -> Self {
        Self { entry, stake: 0, win: 0, bonus_stake: 0, bonus_win: 0 }
    }

    fn is_nothing(self) -> bool {
        (self.stake, self.win, self.bonus_stake, self.bonus_win) == (0, 0, 0, 0)
    }
}

fn sum(shares: &[BonusShare]) -> i128 {
    shares.iter().map(|share| share.amount.units()).fold(0, i128::saturating_add)
}

/// What a round's bets and wins count. Of a stake that is what the player's own money bore, of a win what became his own
/// money, and beside it the same of bonus credits; an open bet counts as lost (R11, R21).
pub(crate) fn shares(round: &Round) -> Vec<Share> {
    let stakes = round.bets.iter().filter_map(|bet| {
        let stands = matches!(bet.status, BetStatus::Open | BetStatus::Settled);
        let none = Share::of(bet.entry?);
        let money = bet.staked_money().units();
        let bonus_stake = bet.staked().units().saturating_sub(money);
        Some(if stands { Share { stake: money, bonus_stake, ..none } } else { none })
    });
    let wins = round.wins.iter().filter_map(|win| {
        let stands = win.status != WinStatus::RolledBack;
        let none = Share::of(win.entry?);
        let (money, bonus_win) = (win.money().units(), sum(&win.bonus));
        Some(if stands { Share { win: money, bonus_win, ..none } } else { none })
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
        let known = at.map_or(Share::of(share.entry), |at| left.remove(at));
        let change = Share {
            entry: share.entry,
            stake: share.stake.saturating_sub(known.stake),
            win: share.win.saturating_sub(known.win),
            bonus_stake: share.bonus_stake.saturating_sub(known.bonus_stake),
            bonus_win: share.bonus_win.saturating_sub(known.bonus_win),
        };
        (!change.is_nothing()).then_some(change)
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
        for share in changes(before, shares(round)) {
            self.count_share(currency, share, at);
        }
    }

    fn count_share(&mut self, currency: CurrencyCode, share: Share, at: Timestamp) {
        if share.stake != 0 {
            self.count(currency, Flow::Stake(share.stake), share.entry, at);
        }
        if share.win != 0 {
            self.count(currency, Flow::Win(share.win), share.entry, at);
        }
        if share.bonus_stake != 0 {
            self.count_bonus(currency, Flow::Stake(share.bonus_stake), share.entry, at);
        }
        if share.bonus_win != 0 {
            self.count_bonus(currency, Flow::Win(share.bonus_win), share.entry, at);
        }
    }

    /// Counts an event of a round that is over and stays so.
    pub(crate) fn count_after_the_end(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::WinCredited(event) => {
                if let Some(entry) = event.entry {
                    let (win, bonus_win) = (event.split.money().units(), sum(&event.split.bonus));
                    self.count_share(event.currency, Share { win, bonus_win, ..Share::of(entry) }, at);
                }
            }
            Event::BetResettled(event) => {
                if let Some(entry) = event.counted {
                    let taken = event.taken.iter().map(|taken| taken.won.units());
                    let bonus_win = taken.fold(sum(&event.bonus), i128::saturating_sub);
                    let share = Share { win: event.money_change(), bonus_win, ..Share::of(entry) };
                    self.count_share(event.currency, share, at);
                }
            }
            Event::SettlementVoided(event) => {
                for share in &event.counted {
                    let back = |amount: Option<Amount>| amount.map_or(0, |it| it.units().saturating_neg());
                    let share = Share {
                        entry: share.entry,
                        stake: back(share.stake),
                        win: back(share.win),
                        bonus_stake: back(share.bonus_stake),
                        bonus_win: back(share.bonus_win),
                    };
                    self.count_share(event.currency, share, at);
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
