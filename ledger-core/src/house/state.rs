//! The live state of one partition of the house and its fold. What is over is not in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::Configuration;
use super::item::{HouseAggregateRef, cannot_follow};
use super::{
    HouseName, HousePurpose, JackpotPool, JournalProposal, JournalStatus, SuspenseItem, Tournament, document,
    journal, suspense,
};
use crate::account::AccountCode;
use crate::entry::Entry;
use crate::ids::{HouseId, SourceId, TransactionId};
use crate::money::{Amount, CurrencyCode, CurrencyRegistry};
use crate::partition::{Partition, Stream};
use crate::player_ledger::{AggregateRef, Fault, Stop};
use crate::rejection::Rejection;
use crate::stored::{CommitBody, EntryPosted, Event, EventRecord, ShapeLevel};
use crate::time::Timestamp;

/// The version of this fold; a snapshot made by another is ignored. Raise it with every change to what `evolve`
/// makes of events or to how the state is encoded.
pub const HOUSE_FOLD_VERSION: u32 = 4;

/// The balance of an account that one partition alone posts to ([`AccountCode::is_kept`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBalance {
    /// The account; what it is kept per is the partition's name.
    pub account: AccountCode,
    /// The currency.
    pub currency: CurrencyCode,
    /// The balance on its normal side; never below zero.
    pub balance: Amount,
}

/// The live state of one partition of the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseState {
    house: HouseId,
    version: u64,
    entries: u64,
    kept: Vec<KeptBalance>,
    currencies: CurrencyRegistry,
    configuration: Configuration,
    level: ShapeLevel,
    items: BTreeMap<TransactionId, SuspenseItem>,
    /// In the order they were proposed.
    proposals: Vec<JournalProposal>,
    /// The pool, of a jackpot in which something happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jackpot: Option<Box<JackpotPool>>,
    /// Of a tournament in which something happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tournament: Option<Box<Tournament>>,
    recorded_at: Option<Timestamp>,
}

/// The purpose of the one partition that posts to a kept account.
fn is_keeper(account: AccountCode, purpose: &HousePurpose) -> bool {
    match account {
        AccountCode::PspReserve | AccountCode::ChargebackLoss => matches!(purpose, HousePurpose::Psp(_)),
        AccountCode::ProviderFeesPayable => matches!(purpose, HousePurpose::Provider(_)),
        AccountCode::GamingDuty => matches!(purpose, HousePurpose::Authority(_)),
        AccountCode::JackpotSeedReserve => matches!(purpose, HousePurpose::Jackpot(_)),
        _ => false,
    }
}

impl HouseState {
    /// A partition of which the log knows nothing.
    pub fn new(house: HouseId) -> Self {
        Self {
            house,
            version: 0,
            entries: 0,
            kept: Vec::new(),
            currencies: CurrencyRegistry::default(),
            configuration: Configuration::default(),
            level: ShapeLevel::FIRST,
            items: BTreeMap::new(),
            proposals: Vec::new(),
            jackpot: None,
            tournament: None,
            recorded_at: None,
        }
    }

    /// Which partition it is.
    pub fn house(&self) -> &HouseId {
        &self.house
    }

    /// What its id says; `None` if it is of no purpose that this build knows.
    pub fn name(&self) -> Option<HouseName> {
        HouseName::of(&self.house)
    }

    /// The version of the stream of its own events.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many entries it has posted; the next one's number is one more.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// When its last commit was recorded.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// Whether nothing has ever happened in it.
    pub fn is_new(&self) -> bool {
        self.recorded_at.is_none()
    }

    /// The balances of the accounts that this partition alone posts to.
    pub fn kept(&self) -> &[KeptBalance] {
        &self.kept
    }

    /// The balance of one of them, where there ever was one.
    pub fn balance(&self, account: AccountCode, currency: CurrencyCode) -> Option<Amount> {
        let of = |kept: &&KeptBalance| kept.account == account && kept.currency == currency;
        self.kept.iter().find(of).map(|kept| kept.balance)
    }

    /// The recorded currencies; empty but in the register.
    pub fn currencies(&self) -> &CurrencyRegistry {
        &self.currencies
    }

    /// The published documents that are or will be in force; empty but in the configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The level of shapes that is active in the ledger; [`ShapeLevel::FIRST`] but in the configuration.
    pub fn level(&self) -> ShapeLevel {
        self.level
    }

    /// What is in suspense, open or on its way to a player, by the payment provider's reference.
    pub fn items(&self) -> impl Iterator<Item = &SuspenseItem> {
        self.items.values()
    }

    /// How many items are in suspense.
    pub fn open_items(&self) -> usize {
        self.items.len()
    }

    /// An item in suspense.
    pub fn item(&self, reference: &TransactionId) -> Option<&SuspenseItem> {
        self.items.get(reference)
    }

    /// The journal entries that wait for a decision, in the order they were proposed.
    pub fn proposals(&self) -> &[JournalProposal] {
        &self.proposals
    }

    /// A journal entry that waits for a decision.
    pub fn proposal(&self, source: &SourceId, id: &TransactionId) -> Option<&JournalProposal> {
        self.proposals.iter().find(|live| live.id == *id && live.source == *source)
    }

    /// The pool of a jackpot in which something happened; `None` of any other partition.
    pub fn jackpot(&self) -> Option<&JackpotPool> {
        self.jackpot.as_deref()
    }

    /// A tournament in which something happened; `None` of any other partition.
    pub fn tournament(&self) -> Option<&Tournament> {
        self.tournament.as_deref()
    }

    /// Whether something is live, so that it need not be looked for in the log.
    pub fn is_live(&self, aggregate: &AggregateRef) -> bool {
        let AggregateRef::House(_, item) = aggregate else { return false };
        match item {
            HouseAggregateRef::Suspense(reference) => self.items.contains_key(reference),
            HouseAggregateRef::Journal(source, id) => self.proposal(source, id).is_some(),
            HouseAggregateRef::Document(..) => true,
            HouseAggregateRef::Content(hash) => self.configuration.content(hash).is_some(),
        }
    }

    /// The kept balances an entry changes, as they are after it.
    ///
    /// More than there is is a refusal; a kept account of another partition, or at another scale, is a fault:
    /// decisions never build that, stored ones are damaged.
    pub(super) fn after(&self, entry: &Entry) -> Result<Vec<KeptBalance>, Stop> {
        let mut touched: Vec<KeptBalance> = Vec::new();
        for posting in entry.postings().iter().filter(|posting| posting.account.is_kept()) {
            let name = self.name();
            let own = name.as_ref().filter(|name| is_keeper(posting.account, &name.purpose));
            if own.is_none_or(|name| name.of_account() != posting.of) {
                return Err(Fault::corrupted(format!("{} is kept elsewhere", posting.account)).into());
            }
            let known =
                |kept: &KeptBalance| kept.account == posting.account && kept.currency == posting.currency;
            let at = match touched.iter().position(known) {
                Some(at) => at,
                None => {
                    let zero = Amount::zero(posting.amount.scale());
                    let balance = self.balance(posting.account, posting.currency).unwrap_or(zero);
                    let (account, currency) = (posting.account, posting.currency);
                    touched.push(KeptBalance { account, currency, balance });
                    touched.len().saturating_sub(1)
                }
            };
            if let Some(kept) = touched.get_mut(at) {
                kept.balance = if posting.side == posting.account.class().normal_side() {
                    kept.balance.checked_add(posting.amount)?
                } else {
                    kept.balance.checked_sub(posting.amount)?
                };
            }
        }
        match touched.iter().find(|kept| kept.balance.is_negative()) {
            Some(kept) => {
                let zero = Amount::zero(kept.balance.scale());
                let left = self.balance(kept.account, kept.currency).unwrap_or(zero);
                Err(Rejection::ExceedsRest { left, currency: kept.currency }.into())
            }
            None => Ok(touched),
        }
    }

    /// Folds a commit into the state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the commit cannot follow this state: stored bytes are damaged.
    pub fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), Fault> {
        if !matches!(&body.partition, Partition::House(own) if *own == self.house) {
            return Err(Fault::corrupted(format!(
                "a commit of {} came to the house's {}",
                body.partition, self.house
            )));
        }
        self.evolve_all(&body.events, body.recorded_at)
    }

    /// Folds the events of one commit, recorded at an instant.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the events cannot follow this state; the state must not be used any more.
    pub fn evolve_all(&mut self, events: &[EventRecord], recorded_at: Timestamp) -> Result<(), Fault> {
        events.iter().try_for_each(|record| self.evolve(record, recorded_at))?;
        self.recorded_at = Some(recorded_at);
        Ok(())
    }

    /// Folds one event, recorded at an instant, into the state. Holds no business rule and cannot panic.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow this state.
    pub fn evolve(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        let name = self.name().ok_or_else(|| misplaced(record))?;
        match (&record.stream, &record.event) {
            (Stream::Statement(own), Event::EntryPosted(event)) if *own == self.house => {
                self.evolve_entry(&name, record.version, event)
            }
            (Stream::House(own), _) if *own == self.house => self.evolve_own(&name.purpose, record),
            (Stream::HouseAggregate(own, item), _) if *own == self.house => {
                self.evolve_item(&name.purpose, item, record, at)
            }
            _ => Err(misplaced(record)),
        }
    }

    fn evolve_entry(&mut self, name: &HouseName, version: u64, posted: &EntryPosted) -> Result<(), Fault> {
        if Some(version) != self.entries.checked_add(1) {
            return Err(Fault::corrupted(format!("entry {version} follows entry {}", self.entries)));
        }
        if let Some(account) = posted.entry.player_account() {
            return Err(Fault::corrupted(format!("entry {version} of the house touches {account}")));
        }
        if posted.entry.kind() != name.kind || !posted.after.is_empty() {
            return Err(Fault::corrupted(format!("entry {version} is not one of {}", self.house)));
        }
        let touched = self.after(&posted.entry).map_err(|stop| match stop {
            Stop::Fault(fault) => fault,
            Stop::Reject(rejection) => Fault::corrupted(format!("entry {version}: {rejection}")),
        })?;
        for kept in touched {
            let of = |old: &&mut KeptBalance| old.account == kept.account && old.currency == kept.currency;
            match self.kept.iter_mut().find(of) {
                Some(old) => *old = kept,
                None => self.kept.push(kept),
            }
        }
        self.entries = version;
        Ok(())
    }

    /// Folds an event of the partition's own stream.
    fn evolve_own(&mut self, purpose: &HousePurpose, record: &EventRecord) -> Result<(), Fault> {
        if Some(record.version) != self.version.checked_add(1) {
            let (version, last) = (record.version, self.version);
            return Err(Fault::corrupted(format!("event {version} of {} follows {last}", self.house)));
        }
        match (purpose, &record.event) {
            (HousePurpose::Currencies, Event::CurrencyRegistered(event)) => {
                if self.currencies.get(event.currency.code()).is_some() {
                    return Err(Fault::corrupted("a currency was registered twice"));
                }
                self.currencies.insert(event.currency);
            }
            // A level that this build does not know is folded too: an engine must see it to stop.
            (HousePurpose::Configuration, Event::ShapesActivated(event)) => {
                if event.level <= self.level {
                    let (level, active) = (event.level, self.level);
                    return Err(Fault::corrupted(format!("level {level} was activated after {active}")));
                }
                self.level = event.level;
            }
            (
                HousePurpose::Jackpot(_),
                Event::JackpotSeeded(_)
                | Event::JackpotConfigured(_)
                | Event::JackpotStatusChanged(_)
                | Event::JackpotSwept(_)
                | Event::JackpotAwarded(_)
                | Event::JackpotAwardSettled(_),
            ) => self.jackpot.get_or_insert_default().evolve(&record.event)?,
            (
                HousePurpose::Tournament(_),
                Event::TournamentConfigured(_)
                | Event::TournamentOpened(_)
                | Event::TournamentEntryTaken(_)
                | Event::TournamentEntryReleased(_)
                | Event::TournamentScored(_)
                | Event::TournamentEnded(_)
                | Event::TournamentClosed(_)
                | Event::TournamentRanked(_)
                | Event::TournamentPrizeSettled(_)
                | Event::TournamentCancelled(_),
            ) => self.tournament.get_or_insert_default().evolve(&record.event)?,
            (_, Event::TxnRejected(_))
            | (HousePurpose::Psp(_), Event::PspSettled(_) | Event::ChargebackLost(_))
            | (HousePurpose::Provider(_), Event::ProviderFeesAccrued(_) | Event::ProviderSettled(_))
            | (HousePurpose::Authority(_), Event::DutyAccrued(_) | Event::AuthoritySettled(_))
            | (
                HousePurpose::Treasury,
                Event::FundsTransferred(_)
                | Event::FundsExchanged(_)
                | Event::FxResultBooked(_)
                | Event::BadDebtRecovered(_),
            ) => {}
            _ => return Err(misplaced(record)),
        }
        self.version = record.version;
        Ok(())
    }

    fn evolve_item(
        &mut self,
        purpose: &HousePurpose,
        item: &HouseAggregateRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        match (purpose, item) {
            (HousePurpose::Psp(_), HouseAggregateRef::Suspense(reference)) => {
                let mut live = self.items.remove(reference);
                suspense::evolve(&mut live, reference, record)?;
                if let Some(item) = live.filter(SuspenseItem::is_live) {
                    self.items.insert(reference.clone(), item);
                }
                Ok(())
            }
            (HousePurpose::Journal, HouseAggregateRef::Journal(source, id)) => {
                let at = self.proposals.iter().position(|live| live.id == *id && live.source == *source);
                let mut live = at.map(|at| self.proposals.remove(at));
                journal::evolve(&mut live, (source, id), record)?;
                self.proposals.extend(live.filter(|live| live.status == JournalStatus::Proposed));
                Ok(())
            }
            (HousePurpose::Configuration, HouseAggregateRef::Content(hash)) => {
                document::stored(&mut record.version.saturating_sub(1), *hash, record)?;
                self.configuration.store(record)
            }
            (HousePurpose::Configuration, HouseAggregateRef::Document(kind, name)) => {
                self.configuration.publish(kind, name, record, at)
            }
            _ => Err(cannot_follow(record)),
        }
    }

    /// The state as bytes for a snapshot.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// A state from a snapshot's bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a state; the caller then replays the log.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The estimated bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let counted = |count: usize, each: usize| count.saturating_mul(each);
        let proposals: usize = self.proposals.iter().map(|live| live.proposal.postings().len()).sum();
        [
            600,
            counted(self.kept.len(), 64),
            counted(self.currencies.iter().count(), 96),
            counted(self.items.len(), 400),
            counted(proposals, 120),
            self.configuration.weight(),
            self.jackpot.as_ref().map_or(0, |pool| pool.weight()),
            self.tournament.as_ref().map_or(0, |tournament| tournament.weight()),
        ]
        .iter()
        .fold(0, |sum: usize, part| sum.saturating_add(*part))
    }
}

/// An event that does not belong where it stands.
fn misplaced(record: &EventRecord) -> Fault {
    Fault::corrupted(format!("{} stands in {}", record.event.type_name(), record.stream))
}
