//! What limits count, added up again from all commits at once.

use std::collections::BTreeMap;

use super::rounds;
use crate::controls::Counter;
use crate::money::CurrencyCode;
use crate::partition::Stream;
use crate::player_ledger::PlayerState;
use crate::stored::{
    BetStatus, BonusShare, CommitBody, Event, LimitKind, PayoutReturnedTo, ReleasedTo, WinStatus,
};
use crate::time::Timestamp;
use crate::transfer::TransferRef;

/// What an entry is worth for limits in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worth {
    /// When it was booked.
    pub at: Option<Timestamp>,
    /// Of deposits.
    pub deposit: i128,
    /// Of payouts.
    pub payout: i128,
    /// Of stakes.
    pub stake: i128,
    /// Of wins.
    pub win: i128,
    /// Of stakes that bonus credits bore.
    pub bonus_stake: i128,
    /// Of wins that went to awards.
    pub bonus_win: i128,
}

/// What every entry is worth, by currency and number.
///
/// # Errors
///
/// If a round does not fold.
pub fn worth(commits: &[CommitBody]) -> Result<BTreeMap<(CurrencyCode, u64), Worth>, String> {
    let mut all: BTreeMap<(CurrencyCode, u64), Worth> = BTreeMap::new();
    let mut times: BTreeMap<u64, Timestamp> = BTreeMap::new();
    let mut away: BTreeMap<&TransferRef, (u64, i128)> = BTreeMap::new();
    let mut credits: BTreeMap<&Stream, u64> = BTreeMap::new();
    for body in commits {
        for record in &body.events {
            match &record.event {
                Event::EntryPosted(_) => {
                    times.insert(record.version, body.recorded_at);
                }
                Event::DepositSucceeded(e) => {
                    let to = e.converted.as_ref().map_or((e.currency, e.amount), |c| (c.currency, c.amount));
                    all.entry((to.0, e.entry)).or_default().deposit += to.1.units();
                    credits.entry(&record.stream).or_insert(e.entry);
                }
                Event::DepositReleased(e) if e.to == ReleasedTo::Player => {
                    let to = e.converted.as_ref().map_or((e.currency, e.amount), |c| (c.currency, c.amount));
                    all.entry((to.0, e.entry)).or_default().deposit += to.1.units();
                    credits.entry(&record.stream).or_insert(e.entry);
                }
                Event::DepositRefunded(e) => {
                    let of = e.converted.as_ref().map_or((e.currency, e.amount), |c| (c.currency, c.amount));
                    let entry = credits.get(&record.stream).ok_or("a refund of nothing")?;
                    all.entry((of.0, *entry)).or_default().deposit -= of.1.units();
                }
                Event::WithdrawalPaid(e) => {
                    all.entry((e.currency, e.entry)).or_default().payout += e.amount.units();
                }
                Event::WithdrawalReturned(e) if e.to == PayoutReturnedTo::Player => {
                    all.entry((e.currency, e.entry)).or_default().payout -= e.amount.units();
                }
                Event::TransferRolledOut(e) => {
                    if let (Some(entry), Stream::Transfer(_, of)) = (e.entry, &record.stream) {
                        all.entry((e.currency, entry)).or_default().stake += e.amount.units();
                        away.insert(of, (entry, e.amount.units()));
                    }
                }
                Event::TransferRolledIn(_) | Event::TransferRolledBack(_) => {
                    let Stream::Transfer(_, of) = &record.stream else { continue };
                    if let Some((entry, units)) = away.remove(of) {
                        let currency = match &record.event {
                            Event::TransferRolledIn(e) => e.currency,
                            Event::TransferRolledBack(e) => e.currency,
                            _ => continue,
                        };
                        all.entry((currency, entry)).or_default().stake -= units;
                    }
                    if let Event::TransferRolledIn(e) = &record.event
                        && let Some(entry) = e.entry
                    {
                        let worth = all.entry((e.currency, entry)).or_default();
                        worth.stake += e.staked.units();
                        worth.win += e.won.units();
                    }
                }
                _ => {}
            }
        }
    }
    for round in &rounds(commits)? {
        let Some(currency) = round.currency else { continue };
        for bet in &round.bets {
            if let (Some(entry), BetStatus::Open | BetStatus::Settled) = (bet.entry, bet.status) {
                let back = bet.returned.map_or(0, crate::money::Amount::units);
                let bonus = sum(&bet.split.bonus) - sum(&bet.returned_bonus);
                let worth = all.entry((currency, entry)).or_default();
                worth.stake += bet.stake.units() - back - bonus;
                worth.bonus_stake += bonus;
            }
        }
        for win in &round.wins {
            if let (Some(entry), WinStatus::Paid | WinStatus::Retained) = (win.entry, win.status) {
                let bonus = sum(&win.bonus) + sum(&win.forfeited);
                let worth = all.entry((currency, entry)).or_default();
                worth.win += win.amount.units() - bonus;
                worth.bonus_win += sum(&win.bonus);
            }
        }
    }
    for ((_, entry), worth) in &mut all {
        worth.at = times.get(entry).copied();
    }
    Ok(all)
}

fn sum(shares: &[BonusShare]) -> i128 {
    shares.iter().map(|share| share.amount.units()).sum()
}

fn sides(worth: &Worth, kind: LimitKind) -> (i128, i128) {
    match kind {
        LimitKind::Deposit => (worth.deposit, 0),
        LimitKind::NetDeposit => (worth.deposit, worth.payout),
        LimitKind::Stake => (worth.stake, 0),
        LimitKind::Loss | LimitKind::NetLoss => (worth.stake, worth.win),
        LimitKind::SingleBet | LimitKind::Balance => (0, 0),
    }
}

/// What every entry is worth in bonus credits, as if they were the player's own money: what counters count beside.
pub fn bonus_worth(worth: &BTreeMap<(CurrencyCode, u64), Worth>) -> BTreeMap<(CurrencyCode, u64), Worth> {
    let of = |worth: &Worth| Worth {
        at: worth.at,
        stake: worth.bonus_stake,
        win: worth.bonus_win,
        ..Worth::default()
    };
    worth.iter().map(|(entry, worth)| (*entry, of(worth))).collect()
}

/// I17: what limits count is what the entries since then are worth, and each is counted once, in the window it was booked
/// in.
///
/// # Errors
///
/// The counter that is off.
pub fn i17_counters_are_what_entries_are_worth(
    commits: &[CommitBody],
    live: &PlayerState,
) -> Result<(), String> {
    let Some(controls) = live.controls() else { return Ok(()) };
    let worth = worth(commits)?;
    let beside = bonus_worth(&worth);
    controls.counters().iter().try_for_each(|counter| {
        counter_agrees(&worth, counter)?;
        counter.bonus.as_deref().map_or(Ok(()), |bonus| counter_agrees(&beside, bonus))
    })
}

/// I20: what is counted in a window of the calendar was booked in it, by the bounds that were recorded.
///
/// # Errors
///
/// The item that is in another window.
pub fn i20_items_stand_in_their_windows(commits: &[CommitBody], live: &PlayerState) -> Result<(), String> {
    let worth = worth(commits)?;
    let counters = live.controls().map_or(&[][..], |controls| controls.counters());
    for counter in counters.iter().filter(|counter| counter.bounds.is_some()) {
        for bucket in &counter.buckets {
            let of = counter.term.currency;
            for (_, worth) in worth.range((of, bucket.first)..=(of, bucket.last)) {
                in_window(worth, counter)?;
            }
        }
    }
    Ok(())
}

fn in_window(worth: &Worth, counter: &Counter) -> Result<(), String> {
    match (counter.bounds, worth.at) {
        (Some(bounds), Some(at)) if at < bounds.from || bounds.until <= at => {
            Err(format!("I20: what was booked at {at} is in a window {bounds:?}"))
        }
        _ => Ok(()),
    }
}

/// [`i17_counters_are_what_entries_are_worth`] of one counter, and [`i20_items_stand_in_their_windows`].
///
/// # Errors
///
/// How it is off.
pub fn counter_agrees(worth: &BTreeMap<(CurrencyCode, u64), Worth>, counter: &Counter) -> Result<(), String> {
    let mut before = 0;
    for bucket in &counter.buckets {
        if bucket.first <= before || bucket.last < bucket.first || bucket.last_at < bucket.first_at {
            return Err(format!("I17: {bucket:?} does not follow entry {before}"));
        }
        before = bucket.last;
        let own = worth.iter().filter(|((currency, entry), _)| {
            *currency == counter.term.currency && (bucket.first..=bucket.last).contains(entry)
        });
        let mut sum = (0, 0);
        for ((_, entry), worth) in own {
            let (plus, minus) = sides(worth, counter.term.kind);
            sum = (sum.0 + plus, sum.1 + minus);
            let at = worth.at.ok_or_else(|| format!("I17: entry {entry} was never booked"))?;
            if (plus, minus) != (0, 0) && !(bucket.first_at <= at && at <= bucket.last_at) {
                return Err(format!("I17: entry {entry} of {at} is in {bucket:?}"));
            }
            in_window(worth, counter)?;
        }
        if sum != (bucket.plus.units(), bucket.minus.units()) {
            return Err(format!("I17: {:?} has {bucket:?}, entries come to {sum:?}", counter.term));
        }
    }
    // Nothing that is worth anything lies between, or behind the last.
    let (first, last) = match (counter.buckets.first(), counter.buckets.last()) {
        (Some(first), Some(_)) => (first.first, counter.last),
        _ => return Ok(()),
    };
    for ((currency, entry), worth) in worth {
        let is_here = *currency == counter.term.currency && (*entry > last || *entry > first);
        let is_counted = counter.buckets.iter().any(|b| (b.first..=b.last).contains(entry));
        if is_here && !is_counted && sides(worth, counter.term.kind) != (0, 0) {
            return Err(format!("I17: entry {entry} is not counted for {:?}", counter.term));
        }
    }
    Ok(())
}
