//! Walking the log from one close to the next.

use std::collections::BTreeMap;

use ledger_core::stored::{Event, EventRecord, ReleasedTo, TournamentEntryRef};
use ledger_core::{PurchaseKind, PurchaseRef, Side, Stream, Timestamp};
use ledger_store::{EventStore, Head, Lookup, Position, Shard};

use super::{CloseError, Sums};
use crate::commit::Commit;
use crate::entries::cause;
use crate::error::ViewError;
use crate::total::Total;

/// How many commits are read at once.
const READ_COMMITS: usize = 512;

pub(super) struct Walk<'a> {
    pub(super) store: &'a dyn EventStore,
    /// The end of the period before it.
    pub(super) closed: Option<Timestamp>,
    /// The last commits of it, in order of shards.
    pub(super) starts: Vec<Head>,
    pub(super) sums: Sums,
    pub(super) late: Sums,
    /// By type of event.
    pub(super) corrections: BTreeMap<String, Sums>,
}

/// The types of events that undo or change what an earlier one booked.
const CORRECTING: [&str; 23] = [
    "adjustment.applied",
    "bet.resettled",
    "bet.returned",
    "bet.rolled_back",
    "bet.unsettled",
    "bet.voided",
    "cashier.deposit.charged_back",
    "cashier.deposit.chargeback_reversed",
    "cashier.deposit.refunded",
    "cashier.deposit.released",
    "correction.applied",
    "exchange.reversed",
    "round.voided",
    "settlement.voided",
    "suspense.returned",
    "tax.returned",
    "tip.returned",
    "tournament.entry_released",
    "tournament.entry_returned",
    "transfer.rolled_back",
    "win.rolled_back",
    "withdrawal.late_payout_settled",
    "withdrawal.returned",
];

/// What an event undoes or changes, if it does: the stream that began with it.
///
/// What only follows from what was booked is no correction of it: the end of a round, of a withdrawal that was open or of a
/// bonus, dormant money that is cash again, a debt that is given up or paid after all.
fn corrected(record: &EventRecord) -> Option<Stream> {
    match &record.event {
        // It stands in the player's own stream, and names the round if it is about one.
        Event::AdjustmentApplied(event) => {
            let Stream::Player(player) = &record.stream else { return None };
            Some(Stream::Round(player.clone(), event.txn.source.clone(), event.round.clone()?))
        }
        // The house adds what went back to the player, who paid it when he entered.
        Event::TournamentEntryReleased(event) => {
            let TournamentEntryRef { player, source, id } = event.of.clone();
            let kind = PurchaseKind::TournamentEntry;
            Some(Stream::Purchase(player, PurchaseRef { kind, source, id }))
        }
        // To the player it goes as it was meant to.
        Event::DepositReleased(event) if event.to != ReleasedTo::Payer => None,
        // Its money had gone back to the player, or to suspense.
        Event::WithdrawalPaid(event) if event.late.is_some() => Some(record.stream.clone()),
        event if CORRECTING.contains(&event.type_name()) => Some(record.stream.clone()),
        _ => None,
    }
}

fn add(sums: &mut Sums, commit: &Commit, entry: &ledger_core::Entry) -> Result<(), CloseError> {
    for posting in entry.postings() {
        let key = (entry.kind(), posting.account.name(), posting.currency);
        let (debits, credits) = sums.entry(key).or_default();
        let own = if posting.side == Side::Debit { debits } else { credits };
        let large = || CloseError::TooLarge(format!("{} in shard {}", posting.account.name(), commit.shard));
        *own = own.plus(Total::from(posting.amount)).ok_or_else(large)?;
    }
    Ok(())
}

impl Walk<'_> {
    /// Walks a shard behind a head, up to another one, or to the first commit from an instant on. Answers with the last commit it
    /// took.
    pub(super) async fn shard(
        &mut self,
        shard: Shard,
        start: Head,
        end: Head,
        cut: Option<Timestamp>,
    ) -> Result<Head, CloseError> {
        let lost = |seen: Head, actual: &str| {
            CloseError::from(ViewError::HistoryLost { shard, seen, actual: actual.to_owned() })
        };
        if end.position < start.position {
            return Err(lost(start, "the log ends before the close before it"));
        }
        let mut head = start;
        while head.position < end.position {
            let missing =
                usize::try_from(end.position.0.saturating_sub(head.position.0)).unwrap_or(usize::MAX);
            let from = Position(head.position.0.saturating_add(1));
            let read = self.store.read(shard, from, missing.min(READ_COMMITS)).await?;
            if read.is_empty() {
                return Err(lost(end, "the store ends before it"));
            }
            for stored in &read {
                if stored.position != head.position.next() || stored.previous != head.hash {
                    return Err(lost(head, "another commit follows"));
                }
                let commit = Commit::decode(stored)?;
                if cut.is_some_and(|cut| commit.body.recorded_at >= cut) {
                    return Ok(head);
                }
                self.take(&commit).await?;
                head = commit.head();
            }
        }
        if head == end { Ok(head) } else { Err(lost(end, "the store has another hash there")) }
    }

    async fn take(&mut self, commit: &Commit) -> Result<(), CloseError> {
        let is_late = self.closed.is_some_and(|closed| commit.body.recorded_at < closed);
        for record in &commit.body.events {
            let Event::EntryPosted(event) = &record.event else { continue };
            add(&mut self.sums, commit, &event.entry)?;
            if is_late {
                add(&mut self.late, commit, &event.entry)?;
            }
            let Some(cause) = cause(commit, record.version) else { continue };
            let Some(stream) = corrected(cause) else { continue };
            if self.began_before(&stream).await? {
                let by = cause.event.type_name().to_owned();
                add(self.corrections.entry(by).or_default(), commit, &event.entry)?;
            }
        }
        Ok(())
    }

    /// Whether a stream began in a closed period. Of a stream that no index names nothing is known to have.
    async fn began_before(&self, stream: &Stream) -> Result<bool, CloseError> {
        let shard = self.store.identity().shards.shard_of(&stream.partition().digest());
        let Some(start) = self.starts.get(shard.index()) else { return Ok(false) };
        let found = self.store.lookup(&[Lookup::Stream(shard, stream.digest())]).await?;
        let began = found.first().and_then(|positions| positions.first()).copied();
        Ok(began.is_some_and(|began| began <= start.position))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Types of events that are no corrections, all of them: a new one is sorted by whoever adds it. Late payouts are the
    /// exception of `withdrawal.paid`.
    const OTHERS: &[&str] = &[
        "aml.case.assigned",
        "aml.case.closed",
        "aml.case.opened",
        "authority.settled",
        "bad_debt.recovered",
        "bet.cashed_out",
        "bet.placed",
        "bet.settled",
        "bonus.activated",
        "bonus.completing",
        "bonus.converted",
        "bonus.expired",
        "bonus.forfeited",
        "bonus.issued",
        "bonus.lost",
        "bonus.offered",
        "bonus.released",
        "bonus.resumed",
        "cashier.deposit.attempted",
        "cashier.deposit.cancelled",
        "cashier.deposit.completed",
        "cashier.deposit.expired",
        "cashier.deposit.failed",
        "cashier.deposit.initiated",
        "cashier.deposit.mismatch",
        "cashier.deposit.succeeded",
        "cashier.deposit.suspended",
        "chargeback.lost",
        "correction.declined",
        "correction.proposed",
        "credit.granted",
        "currency.registered",
        "debt.written_off",
        "document.published",
        "document.stored",
        "dormant.reclaimed",
        "dormant.transferred",
        "duty.accrued",
        "entry.posted",
        "exchange.made",
        "exclusion.return_requested",
        "exclusion.started",
        "fee.charged",
        "funds.exchanged",
        "funds.transferred",
        "fx.result_booked",
        "host.recorded",
        "jackpot.award_settled",
        "jackpot.awarded",
        "jackpot.claim_withdrawn",
        "jackpot.claimed",
        "jackpot.configured",
        "jackpot.paid",
        "jackpot.seeded",
        "jackpot.status_changed",
        "jackpot.swept",
        "journal.declined",
        "journal.posted",
        "journal.proposed",
        "limit.raise_requested",
        "limit.set",
        "limit.warned",
        "limit.windows_opened",
        "limit_profile.assigned",
        "negative_balance.cleared",
        "negative_balance.raised",
        "play_time_limit.raise_requested",
        "play_time_limit.set",
        "play_time_limit.warned",
        "play_time_limit.windows_opened",
        "player.blocked",
        "player.closed",
        "player.kyc.status_changed",
        "player.opened",
        "player.person_changed",
        "player.reopened",
        "player.unblocked",
        "points.adjusted",
        "points.earned",
        "points.expired",
        "points.spent",
        "provider.fees_accrued",
        "provider.settled",
        "psp.settled",
        "purse.opened",
        "reality_check.acknowledged",
        "register.answered",
        "risk.alert.closed",
        "risk.alert.raised",
        "round.closed",
        "round.reopened",
        "session.ended",
        "session.started",
        "session_limit.raise_requested",
        "session_limit.set",
        "shapes.activated",
        "suspense.assigned",
        "suspense.assignment_cancelled",
        "suspense.captured",
        "suspense.landed",
        "suspense.refused",
        "tax.withheld",
        "tip.given",
        "tournament.cancelled",
        "tournament.closed",
        "tournament.configured",
        "tournament.ended",
        "tournament.entered",
        "tournament.entry_taken",
        "tournament.opened",
        "tournament.prize_forfeited",
        "tournament.prize_paid",
        "tournament.prize_settled",
        "tournament.ranked",
        "tournament.scored",
        "transfer.rolled_in",
        "transfer.rolled_out",
        "txn.noted",
        "txn.rejected",
        "txn.tombstoned",
        "wager.progress.updated",
        "wager.reversal_ignored",
        "win.credited",
        "win.retained",
        "withdrawal.approved",
        "withdrawal.cancelled",
        "withdrawal.expired",
        "withdrawal.failed",
        "withdrawal.kyc_passed",
        "withdrawal.mismatch",
        "withdrawal.paid",
        "withdrawal.rejected",
        "withdrawal.requested",
        "withdrawal.review_started",
        "withdrawal.sent",
        "withdrawal.split",
        "withdrawal.split_off",
        "withdrawal.timed_out",
    ];

    #[test]
    fn every_type_of_event_corrects_or_does_not() {
        let known: BTreeSet<&str> = Event::TYPES.iter().map(|(name, _)| *name).collect();
        let sorted: BTreeSet<&str> = CORRECTING.iter().chain(OTHERS).copied().collect();
        assert_eq!(sorted.len(), CORRECTING.len() + OTHERS.len(), "one is in both");
        assert_eq!(sorted, known);
    }
}
