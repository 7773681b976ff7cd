//! The events of deposits. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::{shape, words};
use super::wallet::{LotShare, Recovery};
use crate::ids::{ActorId, Authorisation, InstrumentId, MethodId, Reason, SourceId, TransactionId};
use crate::money::{Amount, CurrencyCode, FxRate};
use crate::time::Timestamp;

shape! {
    /// A payment as its source names it: a deposit as the cashier started it, or as a payment provider
    /// captured it.
    #[derive(Hash, PartialOrd, Ord)]
    pub struct PaymentRef {
        /// The cashier or payment provider.
        pub source: SourceId,
        /// Its id of the payment.
        pub id: TransactionId,
    }
}

shape! {
    /// An amount of a currency.
    #[derive(Copy)]
    pub struct Money {
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
    }
}

shape! {
    /// What an amount became in the player's currency (P39, P40).
    pub struct Converted {
        /// The rate, whole: a reversal uses the same.
        pub rate: FxRate,
        /// The player's currency.
        pub currency: CurrencyCode,
        /// What the player got, or what was taken from him.
        pub amount: Amount,
        /// What it is worth at the scale of the accounts of exchange.
        pub exact: Amount,
    }
}

shape! {
    /// `cashier.deposit.initiated` 1: a deposit was started at the cashier. No money moves.
    pub struct DepositInitiated {
        /// The currency.
        pub currency: CurrencyCode,
        /// What was asked for.
        pub amount: Amount,
        /// How the player wants to pay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub method: Option<MethodId>,
    }
}

shape! {
    /// `cashier.deposit.attempted` 1: the deposit was sent to a payment provider.
    pub struct DepositAttempted {
        /// The attempt.
        pub attempt: TransactionId,
        /// The payment provider.
        pub psp: SourceId,
        /// Its reference, if it is known by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<TransactionId>,
    }
}

shape! {
    /// `cashier.deposit.failed` 1: an attempt failed, or the deposit as a whole.
    pub struct DepositFailed {
        /// The operation that says so.
        pub txn: TransactionRef,
        /// The attempt; absent if the deposit as a whole has failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub attempt: Option<TransactionId>,
        /// The payment that failed, as its payment provider names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub payment: Option<PaymentRef>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
    }
}

shape! {
    /// `cashier.deposit.cancelled` 1: the deposit was given up.
    pub struct DepositCancelled {
        /// The operation that says so.
        pub txn: TransactionRef,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
    }
}

shape! {
    /// `cashier.deposit.expired` 1: the deposit took longer than the policy allows.
    pub struct DepositExpired {
        /// The operation that says so.
        pub txn: TransactionRef,
        /// From when on it could expire.
        pub due_at: Timestamp,
    }
}

shape! {
    /// `cashier.deposit.completed` 1: a payment provider captured what the cashier had started.
    pub struct DepositCompleted {
        /// The captured deposit.
        pub capture: PaymentRef,
        /// Whether the money is in suspense, not with the player.
        pub suspended: bool,
    }
}

words! {
    /// What does not agree between a deposit as it was started and as it was captured.
    pub enum DepositBreak {
        /// Another amount was captured (D02).
        Amount,
        /// Another currency was captured.
        Currency,
        /// What was captured was reported as failed afterwards.
        Status,
    }
}

shape! {
    /// `cashier.deposit.mismatch` 1: a break between what was started and what was captured, for reconciliation.
    pub struct DepositMismatch {
        /// What does not agree.
        pub what: DepositBreak,
        /// The captured deposit.
        pub capture: PaymentRef,
        /// What was asked for.
        pub asked: Money,
        /// What was captured, where that is what does not agree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub captured: Option<Money>,
    }
}

words! {
    /// What had become of a deposit before it was captured, where that is not what one expects.
    pub enum LateAfter {
        /// The attempt had been reported as failed.
        AttemptFailed,
        /// The deposit had failed (D04).
        Failed,
        /// The deposit had been cancelled.
        Cancelled,
        /// The deposit had expired.
        Expired,
        /// Another capture of the same deposit had been credited.
        Succeeded,
    }
}

shape! {
    /// `cashier.deposit.succeeded` 1: a payment provider captured a deposit, and it is the player's.
    pub struct DepositSucceeded {
        /// The currency it was captured in.
        pub currency: CurrencyCode,
        /// What was captured.
        pub amount: Amount,
        /// The authorisation number (GLI-19 2.5.6(c)), if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// What the player paid with, if that is known: withdrawals to it are proven by this deposit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instrument: Option<InstrumentId>,
        /// The deposit at the cashier, if it was started there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub intent: Option<PaymentRef>,
        /// What the player pays for it: a part of the amount that he is not credited (P03).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// What it became, if the player is credited in another currency (P39).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Converted>,
        /// What had become of it before, if that was the end of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after: Option<LateAfter>,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Why captured money is in suspense.
    pub enum SuspenseReason {
        /// It names a deposit that the cashier has not started (D05).
        UnknownIntent,
        /// The deposit was captured already.
        SecondCapture,
        /// The deposit had expired or was cancelled.
        LateCapture,
        /// The deposit had failed, under another reference (D04).
        OtherReference,
        /// The player has no purse in its currency, and no rate was given (D03).
        Currency,
        /// The player may not be credited.
        NotCreditable,
        /// It is a payout that came back.
        PayoutReturned,
    }
}

shape! {
    /// `cashier.deposit.suspended` 1: a payment provider captured a deposit that is not credited. Only a release by
    /// two persons takes it out of suspense.
    pub struct DepositSuspended {
        /// Why.
        pub reason: SuspenseReason,
        /// The currency it was captured in.
        pub currency: CurrencyCode,
        /// What was captured.
        pub amount: Amount,
        /// The authorisation number (GLI-19 2.5.6(c)), if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// What the player paid with, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instrument: Option<InstrumentId>,
        /// The deposit at the cashier that it names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub intent: Option<PaymentRef>,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Where money goes that leaves suspense.
    pub enum ReleasedTo {
        /// To the player.
        Player,
        /// Back to its payer.
        Payer,
    }
}

shape! {
    /// `cashier.deposit.released` 1: money left suspense.
    pub struct DepositReleased {
        /// The operation that says so.
        pub txn: TransactionRef,
        /// Where it goes.
        pub to: ReleasedTo,
        /// Whether it was in suspense at the house, not at this player.
        pub house_item: bool,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// What it became, if the player is credited in another currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Converted>,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `cashier.deposit.refunded` 1: a deposit, or a part of it, goes back to its payer (D14).
    pub struct DepositRefunded {
        /// The refund.
        pub txn: TransactionId,
        /// The currency it was captured in.
        pub currency: CurrencyCode,
        /// What goes back.
        pub amount: Amount,
        /// How much of it is the player's fee, given back by the house.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// Where the rest was taken from.
        pub recovery: Recovery,
        /// What it was in the player's currency, if that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Converted>,
        /// The entry.
        pub entry: u64,
        /// The entry that credited the deposit, where limits of the player count it: what goes back is not counted any
        /// more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub counted: Option<u64>,
    }
}

shape! {
    /// `cashier.deposit.charged_back` 1: a deposit, or a part of it, was disputed and taken back.
    pub struct DepositChargedBack {
        /// The chargeback.
        pub txn: TransactionId,
        /// The currency the deposit was captured in.
        pub currency: CurrencyCode,
        /// What was taken back.
        pub amount: Amount,
        /// What the payment provider charges the house for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// Where it was taken from; absent if the deposit was in suspense.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// What of the cash was unplayed money of deposits, by lot; absent where nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// What it was in the player's currency, if that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Converted>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `cashier.deposit.chargeback_reversed` 1: a dispute was won, or a part of it.
    pub struct ChargebackReversed {
        /// The reversal.
        pub txn: TransactionId,
        /// The chargeback.
        pub chargeback: TransactionId,
        /// The currency the deposit was captured in.
        pub currency: CurrencyCode,
        /// What came back: to the player, or to suspense if it was taken from there.
        pub amount: Amount,
        /// What of its fee came back to the house.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// What it is in the player's currency, if that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Converted>,
        /// What of it is unplayed money of deposits again, by lot; absent where nothing is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `debt.written_off` 1: the house gives up what a player owes, or a part of it (P30).
    pub struct DebtWrittenOff {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Why.
        pub reason: Reason,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `suspense.refused` 1: what the house had in suspense and assigned to the player will never land here.
    pub struct SuspenseRefused {
        /// The money: the payment provider, and its id of it.
        pub capture: PaymentRef,
        /// Why, in the words of whoever refused it.
        pub reason: Reason,
        /// Who refused it.
        pub by: ActorId,
    }
}
