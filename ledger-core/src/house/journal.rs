//! Entries by hand: postings of accounts of the house that no other command moves so, proposed by one person and
//! posted when another approves.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::currency;
use super::item::{HouseAggregate, HouseAggregateRef, cannot_follow};
use super::operation::{Currencies, HouseOperation, not_allowed, sent_by};
use super::{HousePurpose, HouseWorkspace};
use crate::account::{AccountCode, Side};
use crate::entry::{Entry, EntryError, Posting};
use crate::ids::{ActorId, Reason, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Stop};
use crate::rejection::{Capacity, NotAllowedReason, Rejection};
use crate::stored::{Event, EventRecord, HouseEntryRef, JournalDeclined, JournalPosted, JournalProposed};

/// The most journal entries that wait for a decision.
pub const JOURNALS_MAX: usize = 64;

/// The most postings of a journal entry.
pub const JOURNAL_POSTINGS_MAX: usize = 64;

/// What became of a proposed journal entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalStatus {
    /// It waits for a second person.
    Proposed,
    /// It was approved and posted.
    Posted,
    /// It was declined.
    Declined,
}

/// A journal entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalProposal {
    /// Who sent the proposal.
    pub source: SourceId,
    /// His id of it.
    pub id: TransactionId,
    /// The entry as it is to be.
    pub proposal: Entry,
    /// Who proposed it.
    pub by: ActorId,
    /// What became of it.
    pub status: JournalStatus,
    /// The version of its stream.
    pub version: u64,
}

/// One posting of a journal entry, as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalPosting {
    /// Debit or credit.
    pub side: Side,
    /// The account, by its name.
    pub account: AccountCode,
    /// What it is kept per, where the chart says so.
    #[serde(default)]
    pub of: Option<SubAccount>,
    /// How much; above zero, with at most the digits of the account.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

/// Proposes an entry by hand. Nothing is posted before another person approves it with [`DecideJournal`].
///
/// It may touch every account of the house in the cash book but those that other commands keep together with what
/// stands behind them ([`AccountCode::is_free`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeJournal {
    /// The back office.
    pub source: SourceId,
    /// Its id of the proposal.
    pub id: TransactionId,
    /// The postings: 2 to 64, debits equal to credits in each currency.
    pub postings: Vec<JournalPosting>,
    /// The entry it corrects, for the record.
    #[serde(default)]
    pub corrects: Option<HouseEntryRef>,
    /// Why, in the proposer's words; not part of the fingerprint.
    pub reason: Reason,
    /// Who proposes it.
    pub by: ActorId,
}

/// An amount of a posting, at the scale of its account: never rounded, above zero, at most the currency's maximum.
fn amount(posting: &JournalPosting, currency: &Currency) -> Result<Amount, Rejection> {
    let invalid = || Rejection::InvalidAmount { amount: posting.amount.to_string() };
    let scale = posting.account.scale(currency);
    if posting.amount > currency.maximum().to_decimal() {
        return Err(invalid());
    }
    match Amount::from_decimal(posting.amount, scale) {
        Ok(amount) if amount.is_positive() => Ok(amount),
        Err(AmountError::TooFine { .. }) => {
            Err(Rejection::Precision { amount: posting.amount.to_string(), scale })
        }
        _ => Err(invalid()),
    }
}

impl ProposeJournal {
    fn reference(&self) -> HouseAggregateRef {
        HouseAggregateRef::Journal(self.source.clone(), self.id.clone())
    }

    fn entry(&self, facts: &Facts<'_>, work: &HouseWorkspace<'_>) -> Result<Entry, Stop> {
        let mut postings = Vec::with_capacity(self.postings.len());
        for posting in &self.postings {
            postings.push(Posting {
                side: posting.side,
                account: posting.account,
                of: posting.of.clone(),
                amount: amount(posting, currency(facts, posting.currency)?)?,
                currency: posting.currency,
            });
        }
        work.entry(postings).map_err(|error| match error {
            EntryError::Amount(AmountError::AmountOverflow) => Rejection::AmountOverflow.into(),
            _ => not_allowed(NotAllowedReason::NoEntry),
        })
    }
}

impl HouseOperation for ProposeJournal {
    const KIND: OperationKind = OperationKind::Journal;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Journal)
    }

    fn currencies(&self) -> Currencies {
        let mut all: Currencies = self.postings.iter().map(|posting| posting.currency).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = self.postings.iter().fold(print, |print, posting| {
            let side = match posting.side {
                Side::Debit => "debit",
                Side::Credit => "credit",
            };
            print
                .field(1, Some(side))
                .field(2, Some(posting.account.name()))
                .field(3, posting.of.as_ref().map(SubAccount::as_str))
                .amount(4, &posting.amount)
                .field(5, Some(posting.currency.as_str()))
        });
        let corrects = self.corrects.as_ref();
        print
            .field(6, corrects.map(|of| of.house.as_str()))
            .field(7, corrects.map(|of| of.entry.to_string()).as_deref())
            .field(8, Some(self.by.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(self.reference())
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        if self.postings.len() > JOURNAL_POSTINGS_MAX {
            return Err(not_allowed(NotAllowedReason::NoEntry));
        }
        if self.postings.iter().any(|posting| !posting.account.is_free()) {
            return Err(not_allowed(NotAllowedReason::AccountNotFree));
        }
        let proposal = self.entry(facts, work)?;
        if work.state().proposals().len() >= JOURNALS_MAX {
            let maximum = u32::try_from(JOURNALS_MAX).unwrap_or(u32::MAX);
            return Err(Rejection::CapacityExceeded { what: Capacity::Proposals, maximum }.into());
        }
        let event = Event::JournalProposed(JournalProposed {
            proposal,
            reason: self.reason.clone(),
            corrects: self.corrects.clone(),
            by: self.by.clone(),
        });
        work.push_item(&self.reference(), 0, event)?;
        Ok(())
    }
}

/// Approves or declines a proposed journal entry, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideJournal {
    /// The back office: the source of the proposal.
    pub source: SourceId,
    /// Its id of the decision.
    pub id: TransactionId,
    /// The id of the proposal.
    pub proposal: TransactionId,
    /// Who decides. Only another person than the proposer may approve; the proposer may take it back.
    pub by: ActorId,
    /// Whether it is approved.
    pub approve: bool,
}

impl HouseOperation for DecideJournal {
    const KIND: OperationKind = OperationKind::JournalDecision;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Journal)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let verdict = if self.approve { "approve" } else { "decline" };
        print.field(1, Some(verdict)).field(2, Some(self.proposal.as_str())).field(3, Some(self.by.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(HouseAggregateRef::Journal(self.source.clone(), self.proposal.clone()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let reference = HouseAggregateRef::Journal(self.source.clone(), self.proposal.clone());
        let Some(live) = work.state().proposal(&self.source, &self.proposal) else {
            let reason = match facts.found.house_aggregate(&reference) {
                Some(HouseAggregate::Journal(_)) => NotAllowedReason::AlreadyDecided,
                _ => NotAllowedReason::TargetUnknown,
            };
            return Err(not_allowed(reason));
        };
        let (txn, by) = (self.id.clone(), self.by.clone());
        if !self.approve {
            work.push_item(&reference, live.version, Event::JournalDeclined(JournalDeclined { txn, by }))?;
            return Ok(());
        }
        if self.by == live.by {
            return Err(not_allowed(NotAllowedReason::SamePerson));
        }
        let entry = work.post_entry(live.proposal.clone())?;
        work.push_item(&reference, live.version, Event::JournalPosted(JournalPosted { txn, by, entry }))?;
        Ok(())
    }
}

/// Folds one event of a journal entry's stream.
pub(super) fn evolve(
    journal: &mut Option<JournalProposal>,
    (source, id): (&SourceId, &TransactionId),
    record: &EventRecord,
) -> Result<(), Fault> {
    match (&mut *journal, &record.event) {
        (None, Event::JournalProposed(event)) if record.version == 1 => {
            *journal = Some(JournalProposal {
                source: source.clone(),
                id: id.clone(),
                proposal: event.proposal.clone(),
                by: event.by.clone(),
                status: JournalStatus::Proposed,
                version: 1,
            });
        }
        (Some(live), Event::JournalPosted(_) | Event::JournalDeclined(_))
            if live.status == JournalStatus::Proposed
                && Some(record.version) == live.version.checked_add(1) =>
        {
            live.status = match &record.event {
                Event::JournalPosted(_) => JournalStatus::Posted,
                _ => JournalStatus::Declined,
            };
            live.version = record.version;
        }
        _ => return Err(cannot_follow(record)),
    }
    Ok(())
}
