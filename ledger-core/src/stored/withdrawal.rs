//! The events of withdrawals. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::deposit::PaymentRef;
use super::player::TransactionRef;
use super::shapes::{shape, words};
use super::wallet::{LotShare, Recovery};
use crate::ids::{ActorId, Authorisation, InstrumentId, MethodId, Reason, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::time::Timestamp;

shape! {
    /// The money of a withdrawal, as it was taken from cash: the amount, and the fee for unplayed money beside it.
    pub struct Hold {
        /// What is pending.
        pub amount: Amount,
        /// What of the amount the player pays when it is sent (P26).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// What was taken beside the amount for unplayed money in it (P27).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub extra: Option<Amount>,
        /// What of both was unplayed money of deposits, by lot.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
    }
}

words! {
    /// Whether a player is who he says he is.
    pub enum KycStatus {
        /// He is verified.
        Verified,
        /// It is not known yet.
        Pending,
        /// He is not.
        Failed,
    }
}

shape! {
    /// What the host says of a player's identity, and when that was so.
    #[derive(Copy)]
    pub struct KycAnswer {
        /// The answer.
        pub status: KycStatus,
        /// When it was given.
        pub as_of: Timestamp,
    }
}

shape! {
    /// That the host has verified an instrument to be the player's.
    pub struct InstrumentVerified {
        /// When.
        pub as_of: Timestamp,
        /// Who did, if it was a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

/// Why money may go to an instrument (W21).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DestinationProof {
    /// A captured deposit of the player came from it. The ledger has looked.
    Deposit(PaymentRef),
    /// The host has verified it.
    Verified(InstrumentVerified),
}

words! {
    /// Where a withdrawal stands that was not sent yet.
    #[derive(PartialOrd, Ord)]
    pub enum PendingStatus {
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
    }
}

shape! {
    /// `withdrawal.requested` 1: a player wants money out; it is held.
    pub struct WithdrawalRequested {
        /// The currency.
        pub currency: CurrencyCode,
        /// The money.
        pub hold: Hold,
        /// What it goes to.
        pub destination: InstrumentId,
        /// Why it may go there; absent where the policy asks for none and none was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proof: Option<DestinationProof>,
        /// The way it goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub method: Option<MethodId>,
        /// What was known of the player's identity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kyc: Option<KycAnswer>,
        /// Who asked for it in the player's name, if someone of the operator did. He may not approve it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// Where it stands.
        pub status: PendingStatus,
        /// How many persons must approve it, where no rule did.
        pub approvals: u8,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.kyc_passed` 1: the player is verified.
    pub struct WithdrawalKycPassed {
        /// The operation.
        pub txn: TransactionRef,
        /// When he was verified.
        pub as_of: Timestamp,
        /// Who says so, if it is a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// Where the withdrawal stands now.
        pub status: PendingStatus,
    }
}

shape! {
    /// `withdrawal.review_started` 1: someone looks at it.
    pub struct WithdrawalReviewStarted {
        /// The operation.
        pub txn: TransactionRef,
        /// Who.
        pub by: ActorId,
    }
}

shape! {
    /// `withdrawal.approved` 1: a person approved it.
    pub struct WithdrawalApproved {
        /// The operation.
        pub txn: TransactionRef,
        /// Who.
        pub by: ActorId,
        /// Where the withdrawal stands now: approved, or approved by some.
        pub status: PendingStatus,
    }
}

shape! {
    /// `withdrawal.rejected` 1: the operator refuses it; its money is cash again.
    pub struct WithdrawalRejected {
        /// The operation.
        pub txn: TransactionRef,
        /// Who.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
        /// The currency.
        pub currency: CurrencyCode,
        /// What is cash again: the amount, and what was taken beside it.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.cancelled` 1: the player took it back; its money is cash again.
    pub struct WithdrawalCancelled {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// What is cash again: the amount, and what was taken beside it.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.expired` 1: nobody looked at it for too long; its money is cash again.
    pub struct WithdrawalExpired {
        /// The operation.
        pub txn: TransactionRef,
        /// From when on it could expire.
        pub due_at: Timestamp,
        /// The currency.
        pub currency: CurrencyCode,
        /// What is cash again: the amount, and what was taken beside it.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// A part of a withdrawal that was split: a withdrawal of the same source.
    pub struct WithdrawalPart {
        /// Its id.
        pub id: TransactionId,
        /// Its amount.
        pub amount: Amount,
    }
}

shape! {
    /// `withdrawal.split` 1: it was replaced by parts that live on their own and add up to it.
    pub struct WithdrawalSplit {
        /// The operation.
        pub txn: TransactionRef,
        /// Who. He may approve none of the parts.
        pub by: ActorId,
        /// The parts.
        pub parts: Vec<WithdrawalPart>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.split_off` 1: a part of a withdrawal that was split, as it begins.
    pub struct WithdrawalSplitOff {
        /// What it was split off from.
        pub parent: PaymentRef,
        /// What the player asked for, of which it is a part.
        pub root: PaymentRef,
        /// When he did.
        pub requested_at: Timestamp,
        /// The currency.
        pub currency: CurrencyCode,
        /// Its share of the money.
        pub hold: Hold,
        /// What it goes to.
        pub destination: InstrumentId,
        /// Who asked for it in the player's name, if someone of the operator did. He may not approve it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// Who split it off. He may not approve it.
        pub edited_by: ActorId,
        /// Where it stands.
        pub status: PendingStatus,
        /// How many persons must approve it.
        pub approvals: u8,
        /// Who approved the whole, but for who split it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub approved_by: Vec<ActorId>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.sent` 1: a payment provider is told to pay.
    pub struct WithdrawalSent {
        /// The operation.
        pub txn: TransactionRef,
        /// The payment provider, and the reference it answers with.
        pub payout: PaymentRef,
        /// Who sent it, if it was a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// What it is to pay: the amount less the player's fee.
        pub amount: Amount,
        /// The player's fee.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.timed_out` 1: no answer came; whether it was paid is not known. The money stays on its way.
    pub struct WithdrawalTimedOut {
        /// The operation.
        pub txn: TransactionRef,
    }
}

words! {
    /// Who bears a loss.
    pub enum Bearer {
        /// The player.
        Player,
        /// The house.
        House,
    }
}

shape! {
    /// A payout that was paid after its money had gone back to the player.
    pub struct LatePayout {
        /// Who bears it; absent while it is in suspense.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bearer: Option<Bearer>,
        /// From where it was taken, if the player bears it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
    }
}

shape! {
    /// `withdrawal.paid` 1: the payment provider has paid.
    pub struct WithdrawalPaid {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// What was paid.
        pub amount: Amount,
        /// The provider's number of it, if it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// What was not paid, if it was not all (E30): it is cash again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rest: Option<Hold>,
        /// Who bears it, if its money had gone back to the player.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub late: Option<LatePayout>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `withdrawal.failed` 1: the payment provider did not pay; the money is cash again.
    pub struct WithdrawalFailed {
        /// The operation.
        pub txn: TransactionRef,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
        /// The currency.
        pub currency: CurrencyCode,
        /// What is cash again: the amount, and what was taken beside it.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Where a paid withdrawal goes that comes back.
    pub enum PayoutReturnedTo {
        /// To the player.
        Player,
        /// To suspense, until two persons release it.
        Suspense,
    }
}

shape! {
    /// What a bank kept of money that it sent back.
    #[derive(Copy)]
    pub struct ReturnFee {
        /// How much.
        pub amount: Amount,
        /// Who bears it.
        pub by: Bearer,
    }
}

shape! {
    /// `withdrawal.returned` 1: it was paid, and the money came back.
    pub struct WithdrawalReturned {
        /// The operation.
        pub txn: TransactionRef,
        /// Where the money goes.
        pub to: PayoutReturnedTo,
        /// The currency.
        pub currency: CurrencyCode,
        /// What had been paid.
        pub amount: Amount,
        /// What a bank kept of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<ReturnFee>,
        /// What goes to the player or to suspense, all in all: with what the house gives back beside it.
        pub credited: Amount,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// What does not agree between a withdrawal and what a payment provider reports of it.
    pub enum WithdrawalBreak {
        /// It was reported as failed after it was paid (W10). No money moves.
        FailedAfterPaid,
        /// It was paid after it was reported as failed.
        PaidAfterFailed,
        /// Less was paid than was to be (E30).
        Amount,
    }
}

shape! {
    /// `withdrawal.mismatch` 1: a break between a withdrawal and what a payment provider reports, for reconciliation.
    pub struct WithdrawalMismatch {
        /// The operation.
        pub txn: TransactionRef,
        /// What does not agree.
        pub what: WithdrawalBreak,
        /// The payout.
        pub payout: PaymentRef,
        /// What was to be paid.
        pub sent: Amount,
        /// What was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub paid: Option<Amount>,
    }
}

shape! {
    /// `withdrawal.late_payout_settled` 1: two persons decided who bears a late payout that was in suspense.
    pub struct LatePayoutSettled {
        /// The operation.
        pub txn: TransactionRef,
        /// Who bears it, and from where it was taken.
        pub late: LatePayout,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who decided.
        pub by: ActorId,
        /// Who agreed: another person.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}
