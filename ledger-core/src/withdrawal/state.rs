//! The fold of a withdrawal.

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, InstrumentId};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{
    Event, EventRecord, Hold, LatePayout, PaymentRef, PendingStatus, WithdrawalPaid, WithdrawalRequested,
    WithdrawalSplitOff,
};
use crate::time::Timestamp;

/// The most withdrawals of one player that have not come to an end.
pub const OPEN_WITHDRAWALS_MAX: usize = 100;
/// The most parts that a withdrawal is split into at once.
pub const PARTS_MAX: usize = 20;
/// The most approvals that a withdrawal may need.
pub const APPROVALS_MAX: u8 = 10;

/// Where a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalStatus {
    /// The player must be verified first. Its money is held.
    AwaitingKyc,
    /// It was asked for. Its money is held.
    Requested,
    /// Someone looks at it. Its money is held.
    UnderReview,
    /// Some of the approvals it needs are there. Its money is held.
    PartlyApproved,
    /// It may be sent. Its money is held.
    Approved,
    /// A payment provider was told to pay. Its money is on its way.
    Sending,
    /// No answer came: it may have been paid. Its money is on its way.
    Unknown,
    /// It was paid.
    Paid,
    /// It was not paid: its money is with the player again.
    Failed,
    /// It was paid and came back.
    Returned,
    /// It was replaced by parts.
    Split,
    /// The player took it back.
    Cancelled,
    /// The operator refused it.
    Rejected,
    /// Nobody looked at it for too long.
    Expired,
}

impl From<PendingStatus> for WithdrawalStatus {
    fn from(status: PendingStatus) -> Self {
        match status {
            PendingStatus::AwaitingKyc => Self::AwaitingKyc,
            PendingStatus::Requested => Self::Requested,
            PendingStatus::UnderReview => Self::UnderReview,
            PendingStatus::PartlyApproved => Self::PartlyApproved,
            PendingStatus::Approved => Self::Approved,
        }
    }
}

impl WithdrawalStatus {
    /// Where it stands, if it was not sent and has not come to an end.
    pub fn pending(self) -> Option<PendingStatus> {
        match self {
            Self::AwaitingKyc => Some(PendingStatus::AwaitingKyc),
            Self::Requested => Some(PendingStatus::Requested),
            Self::UnderReview => Some(PendingStatus::UnderReview),
            Self::PartlyApproved => Some(PendingStatus::PartlyApproved),
            Self::Approved => Some(PendingStatus::Approved),
            _ => None,
        }
    }

    /// Whether it is on its way to be paid.
    pub fn is_on_its_way(self) -> bool {
        matches!(self, Self::Sending | Self::Unknown)
    }
}

/// A withdrawal, or a part of one that was split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The cashier, and its id of the withdrawal.
    pub of: PaymentRef,
    /// What the player asked for, of which it is a part; itself if it was not split off.
    pub root: PaymentRef,
    /// The currency.
    pub currency: CurrencyCode,
    /// Its money; what of it was paid, once it was.
    pub hold: Hold,
    /// What it goes to.
    pub destination: InstrumentId,
    /// Who asked for it in the player's name.
    pub by: Option<ActorId>,
    /// Who split it off.
    pub edited_by: Option<ActorId>,
    /// Where it stands.
    pub status: WithdrawalStatus,
    /// How many persons must approve it.
    pub approvals: u8,
    /// Who did.
    pub approved_by: Vec<ActorId>,
    /// When the player asked for it.
    pub requested_at: Timestamp,
    /// The payment provider that was told to pay, and the reference it answers with.
    pub payout: Option<PaymentRef>,
    /// What was paid, if it was.
    pub paid: Option<Amount>,
    /// That it was paid after it was reported as failed, if so.
    pub late: Option<LatePayout>,
    /// The version of its stream.
    pub version: u64,
}

fn misplaced(record: &EventRecord) -> Fault {
    Fault::corrupted(format!("{} {} stands in {}", record.event.type_name(), record.version, record.stream))
}

fn follows(record: &EventRecord, version: u64) -> Result<(), Fault> {
    if Some(record.version) == version.checked_add(1) {
        return Ok(());
    }
    Err(Fault::corrupted(format!("event {} of {} follows {version}", record.version, record.stream)))
}

impl Withdrawal {
    /// Whether it has not come to an end: its money is held or on its way.
    pub fn is_open(&self) -> bool {
        self.status.pending().is_some() || self.status.is_on_its_way()
    }

    /// What of it stands on `player:withdrawal_pending`.
    pub fn pending(&self) -> Amount {
        match self.status.pending() {
            Some(_) => self.hold.amount,
            None => Amount::zero(self.hold.amount.scale()),
        }
    }

    /// What of it stands on `payouts:in_transit`.
    ///
    /// # Errors
    ///
    /// [`Fault`] if its fee is more than its amount: the stream is damaged.
    pub fn in_transit(&self) -> Result<Amount, Fault> {
        if self.status.is_on_its_way() {
            return self.hold.payout().map_err(|error| Fault::corrupted(error.to_string()));
        }
        Ok(Amount::zero(self.hold.amount.scale()))
    }

    /// Whether it is a late payout that is in suspense.
    pub fn is_in_suspense(&self) -> bool {
        self.status == WithdrawalStatus::Paid && self.late.as_ref().is_some_and(|late| late.bearer.is_none())
    }

    fn requested(of: &PaymentRef, event: &WithdrawalRequested, at: Timestamp) -> Self {
        Self {
            of: of.clone(),
            root: of.clone(),
            currency: event.currency,
            hold: event.hold.clone(),
            destination: event.destination.clone(),
            by: event.by.clone(),
            edited_by: None,
            status: event.status.into(),
            approvals: event.approvals,
            approved_by: Vec::new(),
            requested_at: at,
            payout: None,
            paid: None,
            late: None,
            version: 1,
        }
    }

    fn split_off(of: &PaymentRef, event: &WithdrawalSplitOff) -> Self {
        Self {
            of: of.clone(),
            root: event.root.clone(),
            currency: event.currency,
            hold: event.hold.clone(),
            destination: event.destination.clone(),
            by: event.by.clone(),
            edited_by: Some(event.edited_by.clone()),
            status: event.status.into(),
            approvals: event.approvals,
            approved_by: event.approved_by.clone(),
            requested_at: event.requested_at,
            payout: None,
            paid: None,
            late: None,
            version: 1,
        }
    }

    fn start(of: &PaymentRef, record: &EventRecord, at: Timestamp) -> Result<Self, Fault> {
        follows(record, 0)?;
        match &record.event {
            Event::WithdrawalRequested(event) => Ok(Self::requested(of, event, at)),
            Event::WithdrawalSplitOff(event) => Ok(Self::split_off(of, event)),
            _ => Err(misplaced(record)),
        }
    }

    /// Where an event leads from where it stands; `None` if it cannot follow.
    fn next(&self, event: &Event) -> Option<WithdrawalStatus> {
        use WithdrawalStatus::{
            Cancelled, Expired, Failed, Paid, Rejected, Returned, Sending, Split, UnderReview, Unknown,
        };
        let pending = self.status.pending().is_some();
        let (to, fits) = match event {
            Event::WithdrawalKycPassed(event) => (event.status.into(), pending),
            Event::WithdrawalReviewStarted(_) => (UnderReview, pending),
            Event::WithdrawalApproved(event) => (event.status.into(), pending),
            Event::WithdrawalRejected(_) => (Rejected, pending),
            Event::WithdrawalCancelled(_) => (Cancelled, pending),
            Event::WithdrawalExpired(_) => (Expired, pending),
            Event::WithdrawalSplit(_) => (Split, pending),
            Event::WithdrawalSent(_) => (Sending, pending),
            Event::WithdrawalTimedOut(_) => (Unknown, self.status == Sending),
            Event::WithdrawalPaid(event) if event.late.is_some() => (Paid, self.status == Failed),
            Event::WithdrawalPaid(_) => (Paid, self.status.is_on_its_way()),
            Event::WithdrawalFailed(_) => (Failed, self.status.is_on_its_way()),
            Event::WithdrawalReturned(_) => (Returned, self.status == Paid),
            Event::WithdrawalMismatch(_) => (self.status, true),
            Event::LatePayoutSettled(_) => (Paid, self.is_in_suspense()),
            _ => return None,
        };
        fits.then_some(to)
    }

    fn pay(&mut self, event: &WithdrawalPaid) -> Result<(), Fault> {
        self.paid = Some(event.amount);
        self.late.clone_from(&event.late);
        if let Some(rest) = &event.rest {
            self.hold = self.hold.less(rest).map_err(|error| Fault::corrupted(error.to_string()))?;
        }
        Ok(())
    }

    /// Folds an event that follows the first.
    pub(crate) fn evolve(&mut self, record: &EventRecord) -> Result<(), Fault> {
        follows(record, self.version)?;
        self.status = self.next(&record.event).ok_or_else(|| misplaced(record))?;
        match &record.event {
            Event::WithdrawalApproved(event) => self.approved_by.push(event.by.clone()),
            Event::WithdrawalSent(event) => self.payout = Some(event.payout.clone()),
            Event::WithdrawalPaid(event) => self.pay(event)?,
            Event::WithdrawalFailed(_) => {
                // These went back: if it is paid after all, they are not taken again.
                self.hold.extra = None;
                self.hold.unplayed.clear();
            }
            Event::LatePayoutSettled(event) => self.late = Some(event.late.clone()),
            _ => {}
        }
        self.version = record.version;
        Ok(())
    }
}

/// Folds an event into a withdrawal; the first one starts it.
pub(crate) fn fold_withdrawal(
    withdrawal: &mut Option<Withdrawal>,
    of: &PaymentRef,
    record: &EventRecord,
    at: Timestamp,
) -> Result<(), Fault> {
    match withdrawal {
        Some(withdrawal) => withdrawal.evolve(record),
        None => {
            *withdrawal = Some(Withdrawal::start(of, record, at)?);
            Ok(())
        }
    }
}
