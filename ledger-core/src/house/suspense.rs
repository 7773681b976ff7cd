//! Money of nobody known, in the partition of the payment provider it came by.
//!
//! ```text
//!            captured
//!               |
//!               v      assign            confirm
//!   +---------> open ---------> assigned --------> landed
//!   |           |                  |
//!   |   return  v      cancel      |
//!   |        returned              |
//!   +------------------------------+
//! ```
//!
//! No commit spans two partitions, so an item reaches a player by two: the house assigns it to him, once, and
//! [`ReleaseSuspense`](crate::ReleaseSuspense) with `house_item` posts it in his ledger, under the key (payment
//! provider, reference). Whoever finds an item assigned and not landed sends the second again. Then the house is told
//! that it landed.
//!
//! An assignment is called off in the same way, the other way round: the player's ledger refuses it for good
//! ([`RefuseAssignment`](crate::RefuseAssignment)), under the same key, so that either it landed or it never will;
//! then the house opens the item again. If it landed first, the refusal is `key_reused`, and the item stays his.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, currency, two_persons};
use super::item::{HouseAggregateRef, cannot_follow};
use super::operation::{Currencies, HouseOperation, not_allowed, sent_by, sent_by_counterpart};
use super::psp::is_psp;
use super::{HouseName, HousePurpose, HouseWorkspace};
use crate::account::AccountKind;
use crate::deposit::{HouseItem as ReleasedItem, RefuseAssignment, ReleaseSuspense, suspend, unsuspend};
use crate::ids::{ActorId, Authorisation, HouseId, IdError, PlayerId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Stop};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    CancelProof, Event, EventRecord, PaymentRef, ReleasedTo, SuspenseAssigned, SuspenseAssignmentCancelled,
    SuspenseCaptured, SuspenseLanded, SuspenseOrigin, SuspenseReturned, TransactionRef,
};

/// The most items of one payment provider that are in suspense at the same time.
pub const SUSPENSE_ITEMS_MAX: usize = 10_000;

/// An assignment of an item to a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The operation that made it.
    pub of: PaymentRef,
    /// The player.
    pub player: PlayerId,
    /// Who asked for it.
    pub by: ActorId,
    /// Who agreed.
    pub approved_by: ActorId,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspenseStatus {
    /// It is nobody's.
    Open,
    /// It is a player's, and on its way to him.
    Assigned(Assignment),
    /// It is booked in his ledger.
    Landed,
    /// It went back to its payer.
    Returned,
}

/// An item in suspense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspenseItem {
    /// The payment provider's id of it.
    pub reference: TransactionId,
    /// What it was.
    pub origin: SuspenseOrigin,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much.
    pub amount: Amount,
    /// What became of it.
    pub status: SuspenseStatus,
    /// The version of its stream.
    pub version: u64,
}

impl SuspenseItem {
    /// Whether it is still in suspense.
    pub fn is_live(&self) -> bool {
        matches!(self.status, SuspenseStatus::Open | SuspenseStatus::Assigned(_))
    }

    /// The assignment, while it is on its way.
    pub fn assignment(&self) -> Option<&Assignment> {
        match &self.status {
            SuspenseStatus::Assigned(assignment) => Some(assignment),
            _ => None,
        }
    }

    /// The command to the player's ledger that lets it land, and the player; `None` if it is not assigned. However
    /// often it is made and sent, it has one effect. A player without a purse in its currency needs a rate as well.
    /// `house` is the partition it is in.
    pub fn release(&self, house: &HouseId) -> Option<(PlayerId, ReleaseSuspense)> {
        let (assignment, (kind, psp)) = (self.assignment()?, psp_of(house)?);
        let command = ReleaseSuspense {
            source: assignment.of.source.clone(),
            id: assignment.of.id.clone(),
            psp,
            reference: self.reference.clone(),
            to: ReleasedTo::Player,
            house_item: Some(ReleasedItem {
                kind,
                amount: self.amount.to_decimal(),
                currency: self.currency,
            }),
            rate: None,
            by: assignment.by.clone(),
            approved_by: assignment.approved_by.clone(),
        };
        Some((assignment.player.clone(), command))
    }

    /// The command to the player's ledger that refuses the assignment for good, and the player; `None` if it is not
    /// assigned. `house` is the partition it is in.
    pub fn refusal(
        &self,
        house: &HouseId,
        by: ActorId,
        reason: Reason,
    ) -> Option<(PlayerId, RefuseAssignment)> {
        let (assignment, (_, psp)) = (self.assignment()?, psp_of(house)?);
        let reference = self.reference.clone();
        Some((assignment.player.clone(), RefuseAssignment { psp, reference, by, reason }))
    }
}

/// The payment provider of a partition, and whether its money is real.
fn psp_of(house: &HouseId) -> Option<(AccountKind, SourceId)> {
    match HouseName::of(house)? {
        HouseName { kind, purpose: HousePurpose::Psp(psp) } => Some((kind, psp)),
        _ => None,
    }
}

fn item(reference: &TransactionId) -> HouseAggregateRef {
    HouseAggregateRef::Suspense(reference.clone())
}

/// A live item, or why there is none.
fn live<'a>(
    reference: &TransactionId,
    facts: &Facts<'_>,
    work: &HouseWorkspace<'a>,
) -> Result<&'a SuspenseItem, Rejection> {
    work.state().item(reference).ok_or_else(|| match facts.found.house_aggregate(&item(reference)) {
        Some(_) => Rejection::NotAllowed { reason: NotAllowedReason::NotSuspended },
        None => Rejection::PaymentNotFound { id: reference.clone() },
    })
}

/// A live item that is nobody's.
fn open<'a>(
    reference: &TransactionId,
    facts: &Facts<'_>,
    work: &HouseWorkspace<'a>,
) -> Result<&'a SuspenseItem, Stop> {
    let item = live(reference, facts, work)?;
    match item.status {
        SuspenseStatus::Open => Ok(item),
        _ => Err(not_allowed(NotAllowedReason::Assigned)),
    }
}

/// A live item on its way under this assignment.
fn assigned<'a>(
    reference: &TransactionId,
    assignment: &PaymentRef,
    facts: &Facts<'_>,
    work: &HouseWorkspace<'a>,
) -> Result<&'a SuspenseItem, Stop> {
    let item = live(reference, facts, work)?;
    match item.assignment() {
        Some(known) if known.of == *assignment => Ok(item),
        Some(_) => Err(Rejection::Mismatch { field: MismatchField::Assignment }.into()),
        None => Err(not_allowed(NotAllowedReason::NotAssigned)),
    }
}

/// The payment provider of the partition.
fn psp(work: &HouseWorkspace<'_>) -> Result<SourceId, Fault> {
    let of = psp_of(work.state().house());
    of.map(|(_, psp)| psp)
        .ok_or_else(|| Fault::corrupted("suspense outside of a payment provider's partition"))
}

/// Books money that came in for nobody known: a payment that belongs to no player, or a payout that came back and it
/// is not known whose it was. Key: (payment provider, capture, reference), so a report that comes twice is one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendCapture {
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// What it was.
    pub origin: SuspenseOrigin,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// The provider's authorisation number; not part of the fingerprint.
    #[serde(default)]
    pub authorisation: Option<Authorisation>,
}

impl HouseOperation for SuspendCapture {
    const KIND: OperationKind = OperationKind::SuspenseCapture;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &self.reference)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let origin = match self.origin {
            SuspenseOrigin::Capture => "capture",
            SuspenseOrigin::PayoutReturn => "payout_return",
        };
        print.amount(1, &self.amount).field(2, Some(self.currency.as_str())).field(3, Some(origin))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let amount = above_zero(self.amount, currency(facts, self.currency)?)?;
        if work.state().open_items() >= SUSPENSE_ITEMS_MAX {
            let maximum = u32::try_from(SUSPENSE_ITEMS_MAX).unwrap_or(u32::MAX);
            return Err(Rejection::CapacityExceeded { what: Capacity::SuspenseItems, maximum }.into());
        }
        let entry = work.post(suspend(&psp(work)?, amount, self.currency))?;
        let event = Event::SuspenseCaptured(SuspenseCaptured {
            origin: self.origin,
            currency: self.currency,
            amount,
            authorisation: self.authorisation.clone(),
            entry,
        });
        work.push_item(&item(&self.reference), 0, event)?;
        Ok(())
    }
}

/// Assigns an open item to one player, once and for all: nothing moves here, the item lands by a commit of his own
/// ([`SuspenseItem::release`]). Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignSuspense {
    /// The back office.
    pub source: SourceId,
    /// Its id of the assignment.
    pub id: TransactionId,
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// The player.
    pub player: PlayerId,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for AssignSuspense {
    const KIND: OperationKind = OperationKind::SuspenseAssignment;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.reference.as_str())).field(2, Some(self.player.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(item(&self.reference))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let live = open(&self.reference, facts, work)?;
        two_persons(&self.by, &self.approved_by)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = Event::SuspenseAssigned(SuspenseAssigned {
            txn,
            player: self.player.clone(),
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
        });
        work.push_item(&item(&self.reference), live.version, event)?;
        Ok(())
    }
}

/// Tells the house that an assigned item has landed in its player's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmAssignment {
    /// Who tells it.
    pub source: SourceId,
    /// Its id of the confirmation.
    pub id: TransactionId,
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// The assignment.
    pub assignment: PaymentRef,
    /// The number of the entry in the player's ledger; not part of the fingerprint.
    pub player_entry: u64,
}

impl HouseOperation for ConfirmAssignment {
    const KIND: OperationKind = OperationKind::SuspenseLanding;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(self.reference.as_str()))
            .field(2, Some(self.assignment.source.as_str()))
            .field(3, Some(self.assignment.id.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(item(&self.reference))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let live = assigned(&self.reference, &self.assignment, facts, work)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = Event::SuspenseLanded(SuspenseLanded {
            txn,
            assignment: self.assignment.clone(),
            player_entry: self.player_entry,
        });
        work.push_item(&item(&self.reference), live.version, event)?;
        Ok(())
    }
}

/// Opens an item again whose assignment can land no more, because the player's ledger has refused it for good
/// ([`SuspenseItem::refusal`]) or there is no such player. Two persons agree: a wrong word here gives money away twice
/// (verification of the whole log would find it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelAssignment {
    /// The back office.
    pub source: SourceId,
    /// Its id of the cancellation.
    pub id: TransactionId,
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// The assignment.
    pub assignment: PaymentRef,
    /// Why it can land no more; not part of the fingerprint.
    pub proof: CancelProof,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for CancelAssignment {
    const KIND: OperationKind = OperationKind::AssignmentCancel;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(self.reference.as_str()))
            .field(2, Some(self.assignment.source.as_str()))
            .field(3, Some(self.assignment.id.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(item(&self.reference))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let live = assigned(&self.reference, &self.assignment, facts, work)?;
        two_persons(&self.by, &self.approved_by)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = Event::SuspenseAssignmentCancelled(SuspenseAssignmentCancelled {
            txn,
            assignment: self.assignment.clone(),
            proof: self.proof,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
        });
        work.push_item(&item(&self.reference), live.version, event)?;
        Ok(())
    }
}

/// Gives an open item back to its payer, whole. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnSuspense {
    /// The back office.
    pub source: SourceId,
    /// Its id of the return.
    pub id: TransactionId,
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for ReturnSuspense {
    const KIND: OperationKind = OperationKind::SuspenseReturn;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_psp(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.reference.as_str()))
    }

    fn needs(&self) -> Option<HouseAggregateRef> {
        Some(item(&self.reference))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let live = open(&self.reference, facts, work)?;
        two_persons(&self.by, &self.approved_by)?;
        let entry = work.post(unsuspend(&psp(work)?, live.amount, live.currency))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = Event::SuspenseReturned(SuspenseReturned {
            txn,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        });
        work.push_item(&item(&self.reference), live.version, event)?;
        Ok(())
    }
}

/// Folds one event of an item's stream.
pub(super) fn evolve(
    item: &mut Option<SuspenseItem>,
    reference: &TransactionId,
    record: &EventRecord,
) -> Result<(), Fault> {
    let Some(live) = item else {
        let Event::SuspenseCaptured(event) = &record.event else { return Err(cannot_follow(record)) };
        if record.version != 1 {
            return Err(cannot_follow(record));
        }
        *item = Some(SuspenseItem {
            reference: reference.clone(),
            origin: event.origin,
            currency: event.currency,
            amount: event.amount,
            status: SuspenseStatus::Open,
            version: 1,
        });
        return Ok(());
    };
    let status = match (&live.status, &record.event) {
        (SuspenseStatus::Open, Event::SuspenseAssigned(event)) => SuspenseStatus::Assigned(Assignment {
            of: PaymentRef { source: event.txn.source.clone(), id: event.txn.id.clone() },
            player: event.player.clone(),
            by: event.by.clone(),
            approved_by: event.approved_by.clone(),
        }),
        (SuspenseStatus::Assigned(known), Event::SuspenseAssignmentCancelled(event))
            if known.of == event.assignment =>
        {
            SuspenseStatus::Open
        }
        (SuspenseStatus::Assigned(known), Event::SuspenseLanded(event)) if known.of == event.assignment => {
            SuspenseStatus::Landed
        }
        (SuspenseStatus::Open, Event::SuspenseReturned(_)) => SuspenseStatus::Returned,
        _ => return Err(cannot_follow(record)),
    };
    if Some(record.version) != live.version.checked_add(1) {
        return Err(cannot_follow(record));
    }
    (live.status, live.version) = (status, record.version);
    Ok(())
}
