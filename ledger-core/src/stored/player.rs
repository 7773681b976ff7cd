//! The events of a player's own stream. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use super::shapes::words;
use super::wallet::PurseBalance;
use crate::account::AccountKind;
use crate::ids::ActorId;
use crate::ids::BrandId;
use crate::ids::JurisdictionId;
use crate::ids::OperatorId;
use crate::ids::PersonId;
use crate::ids::Reason;
use crate::ids::SourceId;
use crate::ids::TransactionId;
use crate::key::Fingerprint;
use crate::key::OperationKind;
use crate::money::Currency;
use crate::player::Block;
use crate::rejection::Rejection;

shape! {
    /// `player.opened` 1: a player exists from here on.
    pub struct PlayerOpened {
        /// The operator.
        pub operator: OperatorId,
        /// The brand.
        pub brand: BrandId,
        /// The jurisdiction whose rules hold.
        pub jurisdiction: JurisdictionId,
        /// The time zone of his periods, as in the IANA database.
        pub zone: String,
        /// Real or test, for ever.
        pub kind: AccountKind,
        /// His purses.
        pub currencies: Vec<Currency>,
        /// Which person he is, if the host says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub person: Option<PersonId>,
    }
}

shape! {
    /// An operation as its sender names it.
    pub struct TransactionRef {
        /// Who sent it.
        pub source: SourceId,
        /// What it does.
        pub kind: OperationKind,
        /// Its id.
        pub id: TransactionId,
    }
}

shape! {
    /// `txn.rejected` 1: an operation was refused.
    pub struct TxnRejected {
        /// The operation.
        pub txn: TransactionRef,
        /// Why.
        pub rejection: Rejection,
        /// Its fingerprint, where its key was not consumed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub print: Option<Fingerprint>,
    }
}

shape! {
    /// `txn.tombstoned` 1: a rollback came for something never seen; it must not come later.
    pub struct TxnTombstoned {
        /// The rollback.
        pub txn: TransactionRef,
        /// The id that is dead from now on, whatever its kind.
        pub target: TransactionId,
    }
}

words! {
    /// Why an operation was accepted without doing anything.
    pub enum Note {
        /// The round to close does not exist.
        RoundUnknown,
        /// The round is no longer open.
        RoundNotOpen,
        /// A credit of zero.
        ZeroCredit,
        /// A message that is about no money, such as better odds.
        Information,
        /// A resettlement to the result that stands.
        SameResult,
        /// What should be taken back was spent, and the player keeps it by policy.
        Retained,
        /// There is no money to move: no cash to charge or to make dormant, nothing dormant, or a tax that the player
        /// keeps.
        NothingToMove,
        /// What a payment provider reports of a payout is known already, or was overtaken.
        KnownStatus,
        /// The round is open, or a new bet opens it: there is nothing to reopen.
        RoundOpen,
        /// The session is not open.
        SessionNotOpen,
        /// The total of free rounds that were paid one by one.
        PaidOneByOne,
        /// The result of a free round that its source's total pays.
        PaidByTotal,
        /// There is no such limit to lift.
        NoLimit,
        /// The answers of registers are known, older than what is known, or of the future.
        AnswersKnown,
        /// It is so already.
        Unchanged,
    }
}

shape! {
    /// `txn.noted` 1: an operation was accepted; there was nothing to do.
    pub struct TxnNoted {
        /// The operation.
        pub txn: TransactionRef,
        /// Why nothing was done.
        pub note: Note,
    }
}

shape! {
    /// `player.closed` 1: the player's account is closed. What he has stays his and is to be paid out.
    pub struct PlayerClosed {
        /// The operation.
        pub txn: TransactionRef,
        /// Who closed it.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
        /// All purses as they are: what remains to be paid out, and what is still held.
        pub purses: Vec<PurseBalance>,
    }
}

shape! {
    /// `player.reopened` 1: a closed player is open again.
    pub struct PlayerReopened {
        /// The operation.
        pub txn: TransactionRef,
        /// Who reopened it.
        pub by: ActorId,
        /// Who approved that: another person.
        pub approved_by: ActorId,
    }
}

shape! {
    /// `player.blocked` 1: a player may not do something for a while.
    pub struct PlayerBlocked {
        /// The operation.
        pub txn: TransactionRef,
        /// What for.
        pub block: Block,
        /// Who blocked him; absent if it follows from the operation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// Why, in his words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
    }
}

shape! {
    /// `player.unblocked` 1: a block was lifted.
    pub struct PlayerUnblocked {
        /// The operation.
        pub txn: TransactionRef,
        /// What he was blocked for.
        pub block: Block,
        /// Who lifted it.
        pub by: ActorId,
        /// Who approved that: another person.
        pub approved_by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}

shape! {
    /// `purse.opened` 1: the player has one purse more.
    pub struct PurseOpened {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency, with scale and maximum.
        pub currency: Currency,
    }
}
