//! What must hold of withdrawals and of unplayed money.

use std::collections::BTreeMap;

use super::{Line, balances};
use crate::account::AccountCode;
use crate::ids::{SubAccount, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::partition::Stream;
use crate::stored::{CommitBody, Event, EventRecord, Hold, LotShare, PaymentRef, SettledBy};
use crate::withdrawal::{Withdrawal, fold_withdrawal};

/// All withdrawals of a log, and the parts of those that were split, each folded from its stream.
///
/// # Errors
///
/// The withdrawal that does not fold.
pub fn withdrawals(commits: &[CommitBody]) -> Result<Vec<Withdrawal>, String> {
    let mut all: BTreeMap<&Stream, Option<Withdrawal>> = BTreeMap::new();
    for body in commits {
        for record in &body.events {
            if let Stream::Withdrawal(_, source, id) = &record.stream {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                let known = all.entry(&record.stream).or_default();
                fold_withdrawal(known, &of, record, body.recorded_at)
                    .map_err(|fault| format!("{}: {fault}", record.stream))?;
            }
        }
    }
    Ok(all.into_values().flatten().collect())
}

/// I4 for withdrawals: what is pending of each is its amount until it is sent, what is in transit at a payment provider
/// is what was sent and not answered; nothing once they are over.
///
/// # Errors
///
/// The account.
pub fn i4_pending_is_what_open_withdrawals_hold(
    withdrawals: &[Withdrawal],
    journal: &[Line],
) -> Result<(), String> {
    let mut expected: BTreeMap<(AccountCode, SubAccount, CurrencyCode), i128> = BTreeMap::new();
    for own in withdrawals {
        let pending = SubAccount::withdrawal(&own.of.source, &own.of.id);
        *expected.entry((AccountCode::WithdrawalPending, pending, own.currency)).or_default() +=
            own.pending().units();
        if let Some(payout) = &own.payout {
            let transit = own.in_transit().map_err(|fault| format!("I4: {fault}"))?.units();
            let psp = SubAccount::source(&payout.source);
            *expected.entry((AccountCode::PayoutsInTransit, psp, own.currency)).or_default() += transit;
        }
    }
    let balances = balances(journal).map_err(|error| error.to_string())?;
    for (account, amount) in &balances {
        if matches!(account.code, AccountCode::WithdrawalPending | AccountCode::PayoutsInTransit) {
            let of = account.of.clone().ok_or_else(|| format!("I4: {account} is of nothing"))?;
            let known = expected.remove(&(account.code, of, account.currency)).unwrap_or_default();
            if known != amount.units() {
                return Err(format!("I4: {account} has {amount}, withdrawals {known}"));
            }
        }
    }
    match expected.iter().find(|(_, units)| **units != 0) {
        Some((account, units)) => Err(format!("I4: {units} should stand on {account:?}")),
        None => Ok(()),
    }
}

/// Whether an event ends its withdrawal, and what may still come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A return may come, and who bears a late payout.
    Paid,
    /// A late payment may come.
    Failed,
    /// Nothing that moves money.
    Over,
}

fn end_of(event: &Event) -> Option<End> {
    match event {
        Event::WithdrawalPaid(_) => Some(End::Paid),
        Event::WithdrawalFailed(_) => Some(End::Failed),
        Event::WithdrawalRejected(_)
        | Event::WithdrawalCancelled(_)
        | Event::WithdrawalExpired(_)
        | Event::WithdrawalSplit(_)
        | Event::WithdrawalReturned(_) => Some(End::Over),
        _ => None,
    }
}

/// I12 for withdrawals: what is over never posts again. After a payment only its return may, or a decision on who bears
/// it if it was late, each once; after a failure only a late payment.
///
/// # Errors
///
/// The stream and event.
pub fn i12_withdrawals_that_are_over_stay_over(commits: &[CommitBody]) -> Result<(), String> {
    let mut ended: BTreeMap<&Stream, (End, bool)> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        if !matches!(record.stream, Stream::Withdrawal(..)) {
            continue;
        }
        let over = ended.get(&record.stream).copied();
        let allowed = match (&record.event, over) {
            (_, None)
            | (Event::WithdrawalMismatch(_), _)
            | (Event::WithdrawalReturned(_), Some((End::Paid, _))) => true,
            (Event::WithdrawalPaid(event), Some((End::Failed, _))) => event.late.is_some(),
            (Event::LatePayoutSettled(_), Some((End::Paid, settled))) => !settled,
            _ => false,
        };
        if !allowed {
            return Err(format!("I12: {} after the end of {}", record.event.type_name(), record.stream));
        }
        if let Some(end) = end_of(&record.event) {
            ended.insert(&record.stream, (end, false));
        } else if matches!(record.event, Event::LatePayoutSettled(_)) {
            ended.insert(&record.stream, (End::Paid, true));
        }
    }
    Ok(())
}

fn sum(shares: &[LotShare]) -> i128 {
    shares.iter().map(|share| share.amount.units()).sum()
}

/// What a commit's events say that lots lose and get back, by operation; `None` where an entry may do more to them than
/// its event says: what leaves cash otherwise, or comes back to a debtor.
fn stated(events: &[EventRecord], holds: &BTreeMap<&Stream, Hold>, stakes: &Stakes<'_>) -> Option<i128> {
    let mut all = 0;
    for record in events {
        let hold = || holds.get(&record.stream).map_or(0, |hold| sum(&hold.unplayed));
        all += match &record.event {
            Event::BetPlaced(event) => -sum(&event.unplayed),
            Event::BetReturned(event) => sum(&event.unplayed),
            Event::BetRolledBack(event) => stakes.of_bet(&record.stream, &event.bet),
            Event::BetVoided(event) => stakes.of_bet(&record.stream, &event.bet),
            Event::RoundVoided(event) => {
                event.bets.iter().map(|bet| stakes.of_bet(&record.stream, bet)).sum()
            }
            Event::BetSettled(event) if event.by == SettledBy::Rule => 0,
            Event::TipGiven(event) => -sum(&event.unplayed),
            Event::TournamentEntered(event) => -sum(&event.unplayed),
            Event::TransferRolledOut(event) => -sum(&event.unplayed),
            Event::TipReturned(_) | Event::TournamentEntryReturned(_) | Event::TransferRolledBack(_) => {
                stakes.elsewhere(&record.stream).1
            }
            // What was staked there is played.
            Event::TransferRolledIn(event) => {
                let (out, unplayed) = stakes.elsewhere(&record.stream);
                (unplayed - event.staked.units().min(out)).max(0)
            }
            Event::WithdrawalRequested(event) => -sum(&event.hold.unplayed),
            Event::WithdrawalPaid(event) if event.late.is_none() => {
                event.rest.as_ref().map_or(0, |rest| sum(&rest.unplayed))
            }
            Event::WithdrawalRejected(_)
            | Event::WithdrawalCancelled(_)
            | Event::WithdrawalExpired(_)
            | Event::WithdrawalFailed(_) => hold(),
            Event::EntryPosted(_)
            | Event::RoundReopened(_)
            | Event::RoundClosed(_)
            | Event::WithdrawalSplit(_)
            | Event::WithdrawalSplitOff(_)
            | Event::WithdrawalSent(_)
            | Event::WithdrawalMismatch(_) => 0,
            _ => return None,
        };
    }
    Some(all)
}

/// What the bets of a log, and other payments to providers, have taken of lots and not given back.
#[derive(Default)]
struct Stakes<'a> {
    bets: BTreeMap<(&'a Stream, &'a TransactionId), i128>,
    /// How much each took, and what of it was unplayed.
    elsewhere: BTreeMap<&'a Stream, (i128, i128)>,
}

impl<'a> Stakes<'a> {
    fn of_bet(&self, round: &Stream, bet: &TransactionId) -> i128 {
        let mut own = self.bets.iter().filter(|((stream, id), _)| *stream == round && *id == bet);
        own.next().map_or(0, |(_, units)| *units)
    }

    fn elsewhere(&self, stream: &Stream) -> (i128, i128) {
        self.elsewhere.get(stream).copied().unwrap_or_default()
    }

    fn pay(&mut self, stream: &'a Stream, amount: Amount, unplayed: &[LotShare]) {
        self.elsewhere.insert(stream, (amount.units(), sum(unplayed)));
    }

    fn follow(&mut self, record: &'a EventRecord) {
        match &record.event {
            Event::BetPlaced(event) if !event.made_up => {
                self.bets.insert((&record.stream, &event.bet), sum(&event.unplayed));
            }
            Event::BetReturned(event) => {
                *self.bets.entry((&record.stream, &event.bet)).or_default() -= sum(&event.unplayed);
            }
            Event::TipGiven(event) => self.pay(&record.stream, event.amount, &event.unplayed),
            Event::TournamentEntered(event) => self.pay(&record.stream, event.buy_in, &event.unplayed),
            Event::TransferRolledOut(event) => self.pay(&record.stream, event.amount, &event.unplayed),
            _ => {}
        }
    }
}

/// I9 for unplayed money: there is never more of it than money, a stake or withdrawal takes out of lots what it says,
/// and what goes back to the player goes back to lots exactly.
///
/// # Errors
///
/// The entry.
pub fn i9_unplayed_money_goes_back_to_its_lots(commits: &[CommitBody]) -> Result<(), String> {
    let mut lots: BTreeMap<u64, (CurrencyCode, i128)> = BTreeMap::new();
    let mut holds: BTreeMap<&Stream, Hold> = BTreeMap::new();
    let mut stakes = Stakes::default();
    for body in commits {
        let before: i128 = lots.values().map(|(_, units)| units).sum();
        let mut posted = 0;
        for record in &body.events {
            let Event::EntryPosted(entry) = &record.event else { continue };
            posted += 1;
            for lot in &entry.lots {
                lots.insert(lot.lot, (lot.currency, lot.unplayed.units()));
            }
            for purse in &entry.after {
                let own = purse.cash.units() + purse.dormant.map_or(0, Amount::units);
                let all: i128 =
                    lots.values().filter(|(of, _)| *of == purse.currency).map(|(_, units)| units).sum();
                if all > own || lots.values().any(|(_, units)| *units < 0) {
                    return Err(format!("I9: {all} are unplayed of {own} after entry {}", record.version));
                }
            }
        }
        let after: i128 = lots.values().map(|(_, units)| units).sum();
        // Of several operations in one commit one cannot tell which lots each of them moved.
        let is_single = body.keys.len() <= 1 && posted == 1;
        if let Some(stated) = stated(&body.events, &holds, &stakes).filter(|_| is_single)
            && after - before != stated
        {
            return Err(format!("I9: lots moved by {}, the events say {stated}: {body:?}", after - before));
        }
        for record in &body.events {
            stakes.follow(record);
            match &record.event {
                Event::WithdrawalRequested(event) => {
                    holds.insert(&record.stream, event.hold.clone());
                }
                Event::WithdrawalSplitOff(event) => {
                    holds.insert(&record.stream, event.hold.clone());
                }
                _ => {}
            }
        }
    }
    Ok(())
}
