//! The events of limits. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use crate::ids::ActorId;
use crate::ids::ProfileName;
use crate::ids::Reason;
use crate::money::Amount;
use crate::money::CurrencyCode;
use crate::time::Timestamp;

words! {
    /// What a limit counts.
    #[derive(PartialOrd, Ord)]
    pub enum LimitKind {
        /// Deposits, with those that are under way (R05).
        Deposit,
        /// Deposits less what was paid out.
        NetDeposit,
        /// Stakes, of the player's own money (R11).
        Stake,
        /// Stakes less wins, with open bets as lost. What was won leaves no more to lose than the limit.
        Loss,
        /// The same, but what was won may be lost again beside the limit.
        NetLoss,
        /// The stake of one bet.
        SingleBet,
        /// What a deposit brings the purse to: cash, what is held for bets, and deposits under way.
        Balance,
    }
}

words! {
    /// How long a limit's window is.
    #[derive(PartialOrd, Ord)]
    pub enum LimitPeriod {
        /// A day.
        Day,
        /// A week.
        Week,
        /// A month.
        Month,
    }
}

words! {
    /// How a limit's window moves.
    #[derive(PartialOrd, Ord)]
    pub enum LimitBasis {
        /// With every instant: the last 24 hours, 7 days of 24 hours, or 31 such days.
        Rolling,
        /// With the calendar of a time zone: from midnight, from the first day of the week, from the first of the month.
        Calendar,
        /// From the instant at which counting began, to the day and hour of that zone; from the 31st to the last of a
        /// shorter month (R04).
        Anniversary,
    }
}

words! {
    /// Whose limit it is. Of several the lowest counts (R07, R22).
    #[derive(PartialOrd, Ord)]
    pub enum LimitSide {
        /// The player's own.
        Player,
        /// The operator's for him.
        Operator,
        /// That of his jurisdiction, as the policy has it.
        Jurisdiction,
        /// The operator's for players of his profile, as the policy has it.
        Profile,
        /// That of his tier of verification, as the policy has it.
        Tier,
    }
}

/// The window of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitWindow {
    /// How long it is.
    pub period: LimitPeriod,
    /// How it moves.
    pub basis: LimitBasis,
}

/// What a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitTerm {
    /// What it counts.
    pub kind: LimitKind,
    /// The currency it is in; amounts in others do not count.
    pub currency: CurrencyCode,
    /// Over which window; of a limit on single bets or on the balance there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<LimitWindow>,
}

words! {
    /// Why a limit is as it is from here on.
    pub enum LimitCause {
        /// It was set, or made lower: at once (R13).
        Set,
        /// It was raised or lifted by someone who may do so at once.
        Raised,
        /// It was raised or lifted, after its time, because the player confirmed that he wants it (R14).
        Confirmed,
        /// It was raised or lifted because its time had passed: the jurisdiction asks for no confirmation.
        Matured,
        /// The policy says so.
        Policy,
        /// It follows from a signal of risk.
        Signal,
    }
}

shape! {
    /// From when to when a window of the calendar is.
    #[derive(Copy)]
    pub struct LimitBounds {
        /// Its first instant.
        pub from: Timestamp,
        /// The first instant after it.
        pub until: Timestamp,
    }
}

shape! {
    /// `limit.set` 1: a limit is as it says from here on; a raise that was asked for and waited is off.
    pub struct LimitSet {
        /// The operation.
        pub txn: TransactionRef,
        /// Whose limit.
        pub side: LimitSide,
        /// On what.
        pub term: LimitTerm,
        /// How high; absent if there is none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub amount: Option<Amount>,
        /// How high it was; absent if there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<Amount>,
        /// Why.
        pub cause: LimitCause,
        /// The window that counting begins in, if it is one of the calendar and nothing was counted for it so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bounds: Option<LimitBounds>,
        /// Who set it, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// `limit.raise_requested` 1: the player wants a limit of his higher, or no more. It stands until its time has come.
    pub struct LimitRaiseRequested {
        /// The operation.
        pub txn: TransactionRef,
        /// On what the limit is.
        pub term: LimitTerm,
        /// How high he wants it; absent if he wants none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub amount: Option<Amount>,
        /// From when on it may be so.
        pub due_at: Timestamp,
        /// Whether he must confirm it then.
        pub confirm: bool,
        /// Who asked, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// A window of the calendar in which something is counted from here on.
    #[derive(Copy)]
    pub struct LimitWindowOpened {
        /// For which limits: those on this.
        pub term: LimitTerm,
        /// From when to when.
        pub bounds: LimitBounds,
    }
}

shape! {
    /// `limit.windows_opened` 1: the windows before are over; counting begins at nothing.
    pub struct LimitWindowsOpened {
        /// Each window, by what is counted in it.
        pub windows: Vec<LimitWindowOpened>,
    }
}

shape! {
    /// `limit.warned` 1: the player is near a limit of his (S109).
    pub struct LimitWarned {
        /// The operation that brought him there.
        pub txn: TransactionRef,
        /// On what the limit is.
        pub term: LimitTerm,
        /// Whose it is.
        pub side: LimitSide,
        /// How high it is.
        pub amount: Amount,
        /// How much of it is used with this operation.
        pub used: Amount,
    }
}

shape! {
    /// `limit_profile.assigned` 1: the player has the limits of this profile from here on.
    pub struct LimitProfileAssigned {
        /// The operation.
        pub txn: TransactionRef,
        /// The profile; absent for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub profile: Option<ProfileName>,
        /// The profile before; absent for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<ProfileName>,
        /// Who assigned it.
        pub by: ActorId,
        /// Why, in his words.
        pub reason: Reason,
    }
}

shape! {
    /// `session_limit.set` 1: the player's own limit on the time of a session is as it says from here on; a longer one that
    /// was asked for and waited is off.
    pub struct SessionLimitSet {
        /// The operation.
        pub txn: TransactionRef,
        /// How long a session may be, in seconds; absent if there is no limit any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_secs: Option<u32>,
        /// How long it was; absent if there was no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<u32>,
        /// Why.
        pub cause: LimitCause,
        /// Who set it, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// `session_limit.raise_requested` 1: the player wants longer sessions, or no limit on them. Where no confirmation is
    /// asked for, it is so once its time has come.
    pub struct SessionLimitRaiseRequested {
        /// The operation.
        pub txn: TransactionRef,
        /// How long he wants them, in seconds; absent if he wants no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_secs: Option<u32>,
        /// From when on it may be so.
        pub due_at: Timestamp,
        /// Whether he must confirm it then.
        pub confirm: bool,
        /// Who asked, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

impl LimitKind {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::NetDeposit => "net_deposit",
            Self::Stake => "stake",
            Self::Loss => "loss",
            Self::NetLoss => "net_loss",
            Self::SingleBet => "single_bet",
            Self::Balance => "balance",
        }
    }
}

impl LimitPeriod {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl LimitBasis {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Calendar => "calendar",
            Self::Anniversary => "anniversary",
        }
    }
}

impl LimitSide {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Player => "player",
            Self::Operator => "operator",
            Self::Jurisdiction => "jurisdiction",
            Self::Profile => "profile",
            Self::Tier => "tier",
        }
    }
}
