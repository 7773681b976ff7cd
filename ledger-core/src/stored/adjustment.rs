//! The events of what the back office does with a player's money. A shape that has been released is never edited: a new
//! version gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use super::wallet::Recovery;
use crate::ids::ActorId;
use crate::ids::JurisdictionId;
use crate::ids::Reason;
use crate::ids::SubAccount;
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;
use crate::policy::ShortfallPolicy;

words! {
    /// Which way a correction goes.
    pub enum Direction {
        /// To the player.
        Credit,
        /// From the player.
        Debit,
    }
}

shape! {
    /// `correction.proposed` 1: someone wants to correct a balance by hand; another person decides.
    pub struct CorrectionProposed {
        /// To the player, or from him.
        pub direction: Direction,
        /// What `adjustments` is kept per: a short code of the reason.
        pub code: SubAccount,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Why, in the proposer's words.
        pub reason: Reason,
        /// Who proposes it.
        pub by: ActorId,
        /// What happens if the player has not enough; absent where the policy at the approval decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub on_shortfall: Option<ShortfallPolicy>,
    }
}

shape! {
    /// `correction.applied` 1: a second person approved a correction, and it was booked.
    pub struct CorrectionApplied {
        /// The decision.
        pub txn: TransactionId,
        /// Who approved it: not the proposer.
        pub by: ActorId,
        /// To the player, or from him.
        pub direction: Direction,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// From where it was taken; absent where the player got it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Why a correction was not booked.
    pub enum DeclineCause {
        /// Someone said no.
        Decided,
        /// It was approved, but the player had spent what was to be taken, and the policy lets him keep it.
        Retained,
    }
}

shape! {
    /// `correction.declined` 1: a proposed correction is not booked.
    pub struct CorrectionDeclined {
        /// The decision.
        pub txn: TransactionId,
        /// Who decided.
        pub by: ActorId,
        /// Why it was not booked.
        pub cause: DeclineCause,
    }
}

words! {
    /// What a fee is for: what `fees:income` is kept per.
    pub enum FeeKind {
        /// The player has not played for long.
        Inactivity,
    }
}

impl FeeKind {
    /// The sub-account of `fees:income`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactivity => "inactivity",
        }
    }
}

shape! {
    /// `fee.charged` 1: a fee was taken from a player's cash.
    pub struct FeeCharged {
        /// The operation.
        pub txn: TransactionRef,
        /// What for.
        pub kind: FeeKind,
        /// The currency.
        pub currency: CurrencyCode,
        /// The fee as it was to be.
        pub asked: Amount,
        /// What was taken: at most what was available.
        pub amount: Amount,
        /// Who charged it, if it was a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `dormant.transferred` 1: the cash of a purse is dormant from here on, and so is the player.
    pub struct DormantTransferred {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `dormant.reclaimed` 1: the dormant money of a purse is cash again, and the player is back.
    pub struct DormantReclaimed {
        /// The operation.
        pub txn: TransactionRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `tax.withheld` 1: a player's tax was withheld.
    pub struct TaxWithheld {
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// To whom it is owed.
        pub jurisdiction: JurisdictionId,
        /// The win it is on, if it is on one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub on: Option<TransactionId>,
        /// From where it was taken.
        pub recovery: Recovery,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `tax.returned` 1: a withheld tax, or a part of it, went back.
    pub struct TaxReturned {
        /// The return.
        pub txn: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// How much of that is the player's; the rest had been written off and is no loss any more.
        pub to_player: Amount,
        /// The entry.
        pub entry: u64,
    }
}
