//! What the controls view holds.

use std::collections::BTreeMap;

use ledger_core::stored::{
    EventRecord, ExclusionKind, LimitCause, LimitSide, LimitTerm, LimitWindow, PaymentRef, SessionRef,
    TransactionRef,
};
use ledger_core::{
    AccountKind, ActorId, Amount, Block, BrandId, Counter, CurrencyCode, Exclusion, GameId, JurisdictionId,
    KnownRegister, Limit, LivePlay, OperatorId, PlayTime, PlayerId, PlayerLimit, ProfileName, Reason,
    RegisterName, SessionLimit, TierName, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::commit::EventPlace;

/// A limit in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRow {
    /// The player.
    pub player: PlayerId,
    /// The limit, with a raise of it that waits.
    pub limit: PlayerLimit,
    /// Why it is as it is.
    pub cause: LimitCause,
    /// Who set it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorId>,
    /// The event that made it so.
    pub place: EventPlace,
}

/// A stretch of time in which a limit was as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSpan {
    /// The event that made it so.
    pub place: EventPlace,
    /// Whose it is.
    pub side: LimitSide,
    /// On what.
    pub term: LimitTerm,
    /// How high it was.
    pub amount: Amount,
    /// Since when.
    pub since: Timestamp,
    /// Until when, without that instant; `None` while it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why it became so.
    pub cause: LimitCause,
    /// Who set it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorId>,
}

impl LimitSpan {
    /// Whether it was in force at an instant.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

/// What a player may not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRow {
    /// Since when.
    pub since: Timestamp,
    /// Who blocked him; `None` if it followed from an operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorId>,
    /// Why, in his words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// What is said of a player as a whole. It is written when one of it changes, never for money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingRow {
    /// Real or test.
    pub kind: AccountKind,
    /// The operator.
    pub operator: OperatorId,
    /// The brand.
    pub brand: BrandId,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: JurisdictionId,
    /// When he was closed, if he is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// How far he is verified; `None` if nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierName>,
    /// The profile of limits he was assigned; `None` for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_profile: Option<ProfileName>,
    /// His own limit on the time of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_limit: Option<SessionLimit>,
    /// What he is blocked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blocks: BTreeMap<Block, BlockRow>,
    /// His last exclusion, whether it is over or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
}

/// An open session, as far as its player is to be told of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its name.
    pub of: SessionRef,
    /// The game.
    pub game: GameId,
    /// The currency.
    pub currency: CurrencyCode,
    /// Since when it is open.
    pub started_at: Timestamp,
    /// When it was started, or the last bet in it was placed, or the last reality check acknowledged.
    pub last_at: Timestamp,
    /// How many reality checks were acknowledged in it.
    pub checks: u32,
    /// When the last was, and what the session had staked and won until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<(Timestamp, Amount, Amount)>,
}

/// A deposit that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDeposit {
    /// The cashier, and its id of the deposit.
    pub of: PaymentRef,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much.
    pub amount: Amount,
}

/// An event of a player's protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// When it was recorded.
    pub at: Timestamp,
    /// Where it stands.
    pub place: EventPlace,
    /// Who sent the request.
    pub actor: ActorId,
    /// The event, whole.
    pub event: EventRecord,
}

/// How a player met a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HitKind {
    /// He came near it and was warned.
    Warned,
    /// What he asked for would have passed it, and was refused.
    Refused,
}

/// What a player came near or hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetLimit {
    /// A limit on money.
    Money(Limit),
    /// A limit on the time of play (R40).
    PlayTime {
        /// Over which window.
        window: LimitWindow,
        /// Whose it is.
        side: LimitSide,
        /// How long he may play in it, in seconds.
        max_secs: u32,
    },
}

/// A limit that a player came near or hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHit {
    /// When.
    pub at: Timestamp,
    /// The player.
    pub player: PlayerId,
    /// Real or test.
    pub account: AccountKind,
    /// Where the event stands.
    pub place: EventPlace,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// Near, or refused.
    pub kind: HitKind,
    /// Which limit.
    pub limit: MetLimit,
    /// The currency, if the event tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<CurrencyCode>,
    /// How high the limit is, if the event tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// How much of it was used with the operation, if the event tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Amount>,
    /// What was left of it before the operation, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Amount>,
    /// The operation.
    pub operation: TransactionRef,
}

/// What an exclusion is, or who told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionBy {
    /// A time-out of this ledger's own.
    TimeOut,
    /// A self-exclusion of this ledger's own.
    SelfExclusion,
    /// A register outside of this ledger says that he is excluded.
    Register,
}

impl ExclusionBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TimeOut, Self::SelfExclusion, Self::Register];

    /// The name, as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimeOut => "time_out",
            Self::SelfExclusion => "self_exclusion",
            Self::Register => "register",
        }
    }
}

/// A kind that the core knows and this view does not is shown as the strictest.
impl From<ExclusionKind> for ExclusionBy {
    fn from(kind: ExclusionKind) -> Self {
        match kind {
            ExclusionKind::TimeOut => Self::TimeOut,
            _ => Self::SelfExclusion,
        }
    }
}

/// An exclusion of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionRow {
    /// The player.
    pub player: PlayerId,
    /// Real or test.
    pub account: AccountKind,
    /// What it is, or who told of it.
    pub by: ExclusionBy,
    /// The register that told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<RegisterName>,
    /// Since when; of a register, when it was asked.
    pub since: Timestamp,
    /// Its end as it was agreed, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When it ends to bar him, if that is known: a self-exclusion does not by itself, he must have asked (R18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// Which rows a player has, each in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<(LimitSide, LimitTerm)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) counters: Vec<LimitTerm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) registers: Vec<RegisterName>,
}

/// What of a player's money limits look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How many entries his statement has.
    pub(super) entries: u64,
    /// By currency: cash, and what is held.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) purses: BTreeMap<CurrencyCode, Amount>,
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlsRow {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A player as a whole.
    Standing(Box<StandingRow>),
    /// Which rows a player has.
    Index(Index),
    /// What of a player's money limits look at.
    Money(Money),
    /// A limit in force.
    Limit(Box<LimitRow>),
    /// What is counted for limits on a term.
    Counter(Box<Counter>),
    /// Limits on the time of play, and when he played.
    PlayTime(Box<PlayTime>),
    /// What was in force for a while.
    Span(Box<LimitSpan>),
    /// A deposit under way.
    Deposit(Box<OpenDeposit>),
    /// What a register said.
    Register(Box<KnownRegister>),
    /// An open session.
    Session(Box<SessionRow>),
    /// A round or a transfer while it is live.
    Live(LivePlay),
    /// An event.
    Record(Box<ControlRecord>),
    /// A limit that was met.
    Hit(Box<LimitHit>),
    /// An exclusion.
    Exclusion(Box<ExclusionRow>),
}
