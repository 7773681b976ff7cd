//! What the withdrawals view holds.

use std::time::Duration;

use ledger_core::stored::{KycAnswer, PaymentRef, PendingStatus, WithdrawalBreak, WithdrawalPart};
use ledger_core::{
    AccountKind, ActorId, Amount, Authorisation, BrandId, CurrencyCode, InstrumentId, MethodId, OperatorId,
    PlayerId, Reason, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::text::since;
use crate::total::Total;

/// Where a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithdrawalState {
    /// The player must be verified first.
    AwaitingKyc,
    /// It was asked for.
    Requested,
    /// Someone looks at it.
    UnderReview,
    /// Some of the approvals it needs are there.
    PartlyApproved,
    /// It may be sent.
    Approved,
    /// It was replaced by parts.
    Split,
    /// A payment provider is told to pay.
    Sent,
    /// It was sent, and whether it was paid is not known.
    Unknown,
    /// It was paid.
    Paid,
    /// It was not paid; its money is cash again.
    Failed,
    /// It was paid, and came back.
    Returned,
    /// The operator refused it.
    Rejected,
    /// The player took it back.
    Cancelled,
    /// Nobody looked at it for too long.
    Expired,
}

impl WithdrawalState {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::AwaitingKyc,
        Self::Requested,
        Self::UnderReview,
        Self::PartlyApproved,
        Self::Approved,
        Self::Split,
        Self::Sent,
        Self::Unknown,
        Self::Paid,
        Self::Failed,
        Self::Returned,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The name, as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingKyc => "awaiting_kyc",
            Self::Requested => "requested",
            Self::UnderReview => "under_review",
            Self::PartlyApproved => "partly_approved",
            Self::Approved => "approved",
            Self::Split => "split",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether the player's money is still held for it, or on its way.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::AwaitingKyc
                | Self::Requested
                | Self::UnderReview
                | Self::PartlyApproved
                | Self::Approved
                | Self::Sent
                | Self::Unknown
        )
    }
}

/// A state that the core knows and this view does not is shown as asked for.
impl From<PendingStatus> for WithdrawalState {
    fn from(status: PendingStatus) -> Self {
        match status {
            PendingStatus::AwaitingKyc => Self::AwaitingKyc,
            PendingStatus::UnderReview => Self::UnderReview,
            PendingStatus::PartlyApproved => Self::PartlyApproved,
            PendingStatus::Approved => Self::Approved,
            _ => Self::Requested,
        }
    }
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalRow {
    /// The player.
    pub player: PlayerId,
    /// Who sent it, and his id of it.
    pub reference: PaymentRef,
    /// Real or test.
    pub kind: AccountKind,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// Where it stands.
    pub state: WithdrawalState,
    /// The currency.
    pub currency: CurrencyCode,
    /// What was asked for.
    pub amount: Amount,
    /// What of it the player pays for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
    /// What was taken beside it for unplayed money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Amount>,
    /// What it goes to.
    pub destination: InstrumentId,
    /// The way it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodId>,
    /// When the player asked for it; of a part, for the whole.
    pub requested_at: Timestamp,
    /// When it came to its state.
    pub changed_at: Timestamp,
    /// What was known of the player's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc: Option<KycAnswer>,
    /// Who asked for it in the player's name, if someone did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorId>,
    /// How many persons must approve it.
    pub approvals: u8,
    /// Who did, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<ActorId>,
    /// Who looks at it, if someone does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<ActorId>,
    /// What it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<PaymentRef>,
    /// Its parts, if it was split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<WithdrawalPart>,
    /// The payment provider, and its reference, once it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<PaymentRef>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// What was paid, if it was; less is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Amount>,
    /// The provider's number of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation: Option<Authorisation>,
    /// Why it was rejected or failed, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What did not agree with what a payment provider reported, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<WithdrawalBreak>,
}

impl WithdrawalRow {
    /// How long it has waited since it was asked for.
    pub fn age(&self, now: Timestamp) -> Duration {
        since(self.requested_at, now)
    }

    /// How long it has been in its state.
    pub fn in_state(&self, now: Timestamp) -> Duration {
        since(self.changed_at, now)
    }

    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> WithdrawalCursor {
        let (requested_at, player, reference) =
            (self.requested_at, self.player.clone(), self.reference.clone());
        WithdrawalCursor { requested_at, player, reference }
    }
}

/// Where a page of the queue ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WithdrawalCursor {
    /// When the last one was asked for.
    pub requested_at: Timestamp,
    /// Its player.
    pub player: PlayerId,
    /// Who sent it, and his id of it.
    pub reference: PaymentRef,
}

/// How many, and how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalSums {
    /// How many.
    pub count: u64,
    /// How much.
    pub amount: Total,
}

impl WithdrawalSums {
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Some(Self { count: self.count.checked_add(other.count)?, amount: self.amount.plus(other.amount)? })
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        Some(Self { count: self.count.checked_sub(other.count)?, amount: self.amount.minus(other.amount)? })
    }
}

/// A row of the view's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalsRow {
    /// A withdrawal.
    Withdrawal(Box<WithdrawalRow>),
    /// Sums.
    Sums(WithdrawalSums),
}

impl Default for WithdrawalsRow {
    fn default() -> Self {
        Self::Sums(WithdrawalSums::default())
    }
}
