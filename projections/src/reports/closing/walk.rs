//! Walking the log from one close to the next.

use std::collections::BTreeMap;

use ledger_core::stored::Event;
use ledger_core::{Side, Timestamp};
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
    pub(super) sums: Sums,
    pub(super) late: Sums,
    /// By type of event.
    pub(super) corrections: BTreeMap<String, Sums>,
}

/// Whether an event undoes or changes what an earlier one booked.
fn corrects(event: &Event) -> bool {
    matches!(
        event,
        Event::BetRolledBack(_)
            | Event::BetVoided(_)
            | Event::BetReturned(_)
            | Event::BetResettled(_)
            | Event::BetUnsettled(_)
            | Event::RoundVoided(_)
            | Event::SettlementVoided(_)
            | Event::WinRolledBack(_)
            | Event::DepositRefunded(_)
            | Event::DepositChargedBack(_)
            | Event::ChargebackReversed(_)
            | Event::WithdrawalReturned(_)
            | Event::TipReturned(_)
            | Event::TournamentEntryReturned(_)
            | Event::TransferRolledBack(_)
            | Event::ExchangeReversed(_)
            | Event::TaxReturned(_)
    )
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
                self.take(&commit, start).await?;
                head = commit.head();
            }
        }
        if head == end { Ok(head) } else { Err(lost(end, "the store has another hash there")) }
    }

    async fn take(&mut self, commit: &Commit, start: Head) -> Result<(), CloseError> {
        let is_late = self.closed.is_some_and(|closed| commit.body.recorded_at < closed);
        for record in &commit.body.events {
            let Event::EntryPosted(event) = &record.event else { continue };
            add(&mut self.sums, commit, &event.entry)?;
            if is_late {
                add(&mut self.late, commit, &event.entry)?;
            }
            let Some(cause) = cause(commit, record.version).filter(|cause| corrects(&cause.event)) else {
                continue;
            };
            // What it corrects began where its stream did. Of a stream that no index names nothing began before.
            let question = [Lookup::Stream(commit.shard, cause.stream.digest())];
            let found = self.store.lookup(&question).await?;
            let began = found.first().and_then(|positions| positions.first()).copied();
            if began.is_some_and(|began| began <= start.position) {
                let by = cause.event.type_name().to_owned();
                add(self.corrections.entry(by).or_default(), commit, &event.entry)?;
            }
        }
        Ok(())
    }
}
