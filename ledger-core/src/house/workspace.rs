//! The part of a decision of the house that cannot fail: building events on top of a state.

use super::HouseState;
use super::item::HouseAggregateRef;
use crate::entry::{Entry, EntryError, Posting};
use crate::ids::SubAccount;
use crate::money::AmountError;
use crate::partition::Stream;
use crate::player_ledger::{Draft, Fault, Stop};
use crate::rejection::Rejection;
use crate::stored::{EntryPosted, Event, EventRecord, KeyRecord, OutcomeKind};
use crate::time::Timestamp;
use crate::wallet::unless_zero;

/// The events of a decision while they are built: versions are counted on from the state's.
#[derive(Debug)]
pub(crate) struct HouseWorkspace<'a> {
    state: &'a HouseState,
    now: Timestamp,
    version: u64,
    events: Vec<EventRecord>,
    entry: Option<u64>,
}

impl<'a> HouseWorkspace<'a> {
    pub(super) fn new(state: &'a HouseState, now: Timestamp) -> Self {
        Self { state, now, version: state.version(), events: Vec::with_capacity(2), entry: None }
    }

    pub(super) fn state(&self) -> &'a HouseState {
        self.state
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// What the accounts of this partition are kept per.
    pub(super) fn of_account(&self) -> Result<SubAccount, Fault> {
        let of = self.state.name().and_then(|name| name.of_account());
        of.ok_or_else(|| Fault::corrupted("the partition has no accounts of its own"))
    }

    /// Postings as an entry of this partition: of its kind, and on no account of a player.
    pub(super) fn entry(&self, postings: Vec<Posting>) -> Result<Entry, EntryError> {
        let kind = self.state.name().map_or(crate::account::AccountKind::Real, |name| name.kind);
        Entry::of_house(kind, postings)
    }

    /// Posts the one entry of this decision and answers its number. Postings of zero are left out. It is the one
    /// door: nothing else of the house makes entries.
    pub(super) fn post(&mut self, postings: Vec<Posting>) -> Result<u64, Stop> {
        let postings = postings.into_iter().filter_map(unless_zero).collect();
        let entry = self.entry(postings).map_err(|error| match error {
            EntryError::Amount(AmountError::AmountOverflow) => Stop::Reject(Rejection::AmountOverflow),
            error => Stop::Fault(Fault::corrupted(error.to_string())),
        })?;
        self.post_entry(entry)
    }

    /// Posts an entry that was made before.
    pub(super) fn post_entry(&mut self, entry: Entry) -> Result<u64, Stop> {
        if self.entry.is_some() {
            return Err(Fault::corrupted("a decision posts one entry").into());
        }
        self.state.after(&entry)?;
        let number =
            self.state.entries().checked_add(1).ok_or_else(|| Fault::corrupted("entries have run out"))?;
        let stream = Stream::Statement(self.state.house().clone());
        let event =
            Event::EntryPosted(EntryPosted { entry, after: Vec::new(), lots: Vec::new(), bonus: Vec::new() });
        self.events.push(EventRecord::new(stream, number, event));
        self.entry = Some(number);
        Ok(number)
    }

    /// Adds an event of the partition's own stream.
    pub(super) fn push_house(&mut self, event: Event) -> Result<(), Fault> {
        self.version =
            self.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        self.events.push(EventRecord::new(self.state.own_stream(), self.version, event));
        Ok(())
    }

    /// Adds an event of an item's stream; `before` is the version it stands at.
    pub(super) fn push_item(
        &mut self,
        item: &HouseAggregateRef,
        before: u64,
        event: Event,
    ) -> Result<(), Fault> {
        let version = before.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        self.events.push(EventRecord::new(item.stream(self.state.house()), version, event));
        Ok(())
    }

    pub(super) fn finish(self, key: impl Into<Option<KeyRecord>>) -> Draft {
        Draft {
            keys: key.into().into_iter().collect(),
            tombstones: Vec::new(),
            outcome: OutcomeKind::Applied,
            rejection: None,
            entry: self.entry,
            balance: None,
            operations: Vec::new(),
            events: self.events,
        }
    }
}
