//! What the view of alerts and cases holds.

use std::time::Duration;

use ledger_core::stored::{CaseFinding, TransactionRef};
use ledger_core::{ActorId, BrandId, OperatorId, PlayerId, Reason, SignalName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::since;

macro_rules! states {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $each:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $each])* $variant,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name, as it is kept.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

states! {
    /// Where an alert stands.
    AlertState {
        /// Nobody closed it.
        Open = "open",
        /// Somebody looked at it.
        Closed = "closed",
    }
}

states! {
    /// Where a case stands.
    CaseState {
        /// Nobody looks into it yet.
        Open = "open",
        /// Someone looks into it.
        Assigned = "assigned",
        /// Nothing was found.
        Cleared = "cleared",
        /// It was reported to an authority.
        Reported = "reported",
        /// It is over, with a finding that this view does not know.
        Closed = "closed",
    }
}

impl CaseState {
    /// Whether it is not over.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Assigned)
    }
}

impl From<CaseFinding> for CaseState {
    fn from(finding: CaseFinding) -> Self {
        match finding {
            CaseFinding::Cleared => Self::Cleared,
            CaseFinding::Reported => Self::Reported,
            _ => Self::Closed,
        }
    }
}

/// How an alert or a case came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// Who closed it.
    pub by: ActorId,
    /// Why, in his words.
    pub reason: Reason,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    /// The player.
    pub player: PlayerId,
    /// Its name: the operation that raised it.
    pub of: TransactionRef,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// What was seen.
    pub signal: SignalName,
    /// When it was raised.
    pub at: Timestamp,
    /// Who raised it.
    pub by: ActorId,
    /// What was seen, in his words.
    pub reason: Reason,
    /// How it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closing>,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRow {
    /// The player.
    pub player: PlayerId,
    /// Its name: the operation that opened it.
    pub of: TransactionRef,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// Where it stands.
    pub state: CaseState,
    /// The signal that opened it, if the policy did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalName>,
    /// When it was opened.
    pub at: Timestamp,
    /// Who opened it; `None` if the policy did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorId>,
    /// Why, in his words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Who looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<ActorId>,
    /// When that was said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Timestamp>,
    /// How often it was said; the audit trail has each.
    pub assignments: u32,
    /// When it came to its state.
    pub changed_at: Timestamp,
    /// How it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closing>,
}

impl AlertRow {
    /// Where it stands.
    pub fn state(&self) -> AlertState {
        if self.closed.is_some() { AlertState::Closed } else { AlertState::Open }
    }

    /// How old it is, or was when it was closed.
    pub fn age(&self, now: Timestamp) -> Duration {
        since(self.at, self.closed.as_ref().map_or(now, |closed| closed.at))
    }

    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> RiskCursor {
        RiskCursor { at: self.at, player: self.player.clone(), of: self.of.clone() }
    }
}

impl CaseRow {
    /// How old it is, or was when it was closed.
    pub fn age(&self, now: Timestamp) -> Duration {
        since(self.at, self.closed.as_ref().map_or(now, |closed| closed.at))
    }

    /// How long it has been in its state.
    pub fn in_state(&self, now: Timestamp) -> Duration {
        since(self.changed_at, now)
    }

    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> RiskCursor {
        RiskCursor { at: self.at, player: self.player.clone(), of: self.of.clone() }
    }
}

/// Where a page of alerts or cases ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskCursor {
    /// When the last was raised or opened.
    pub at: Timestamp,
    /// Its player.
    pub player: PlayerId,
    /// Its name.
    pub of: TransactionRef,
}

/// A row of the view's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CasesRow {
    /// How many are in a state.
    Count(u64),
    /// An alert.
    Alert(Box<AlertRow>),
    /// A case.
    Case(Box<CaseRow>),
}

impl Default for CasesRow {
    fn default() -> Self {
        Self::Count(0)
    }
}
