//! The events of signals of risk and of cases. A shape that has been released is never edited: a new version gets a new
//! struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use crate::ids::ActorId;
use crate::ids::Reason;
use crate::ids::SignalName;

shape! {
    /// `risk.alert.raised` 1: something about the player is suspicious. Its name is its operation.
    pub struct AlertRaised {
        /// The operation.
        pub txn: TransactionRef,
        /// What it is.
        pub signal: SignalName,
        /// Who raised it.
        pub by: ActorId,
        /// What was seen, in his words.
        pub reason: Reason,
    }
}

shape! {
    /// `risk.alert.closed` 1: someone looked at an alert.
    pub struct AlertClosed {
        /// The operation.
        pub txn: TransactionRef,
        /// The alert: the operation that raised it.
        pub alert: TransactionRef,
        /// Who closed it.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}

shape! {
    /// `aml.case.opened` 1: someone is to look into the player. Its name is its operation.
    pub struct CaseOpened {
        /// The operation.
        pub txn: TransactionRef,
        /// The signal that opened it, if the policy did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub signal: Option<SignalName>,
        /// Who opened it; absent if the policy did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// Why, in his words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
    }
}

shape! {
    /// `aml.case.assigned` 1: someone looks into it.
    pub struct CaseAssigned {
        /// The operation.
        pub txn: TransactionRef,
        /// The case: the operation that opened it.
        pub case: TransactionRef,
        /// Who is to look into it.
        pub to: ActorId,
        /// Who said so.
        pub by: ActorId,
    }
}

words! {
    /// What a case came to.
    pub enum CaseFinding {
        /// Nothing was found.
        Cleared,
        /// It was reported to an authority.
        Reported,
    }
}

impl CaseFinding {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Reported => "reported",
        }
    }
}

shape! {
    /// `aml.case.closed` 1: a case is over.
    pub struct CaseClosed {
        /// The operation.
        pub txn: TransactionRef,
        /// The case: the operation that opened it.
        pub case: TransactionRef,
        /// What it came to.
        pub finding: CaseFinding,
        /// Who closed it.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}
