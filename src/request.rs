//! Requests and receipts.

use ledger_core::LimitLeft;
use ledger_core::stored::PurseBalance;
use ledger_core::{
    Context, CurrencyCode, HouseCommand, HouseId, HouseState, IdempotencyKey, Partition, PlayerCommand,
    PlayerId,
};
use ledger_store::{CommitHash, Position, Shard};
use rust_decimal::Decimal;

use crate::error::Refusal;
use crate::lane::Lane;
use crate::privacy::PersonalFields;
use crate::state::State;

/// A command to a player's ledger, with who sends it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whose ledger.
    pub player: PlayerId,
    /// What to do.
    pub command: PlayerCommand,
    /// Who sends it, if not the actor of the settings.
    pub context: Option<Context>,
    /// What the host wants to remember about the person behind it. It is sealed under the player's key before it enters the
    /// ledger; no rule sees it, and it is not part of the payload.
    pub personal: PersonalFields,
    /// In which lane it waits; by default as its kind suggests.
    pub lane: Option<Lane>,
}

impl Request {
    /// A request with the defaults.
    pub fn new(player: PlayerId, command: impl Into<PlayerCommand>) -> Self {
        Self { player, command: command.into(), context: None, personal: PersonalFields::new(), lane: None }
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane.unwrap_or(if self.command.is_cashier() { Lane::Cashier } else { Lane::Play })
    }
}

/// A command to a partition of the house, with who sends it.
#[derive(Debug, Clone)]
pub struct HouseRequest {
    /// Which partition.
    pub house: HouseId,
    /// What to do.
    pub command: HouseCommand,
    /// Who sends it, if not the actor of the settings.
    pub context: Option<Context>,
    /// In which lane it waits; by default the cashier's.
    pub lane: Option<Lane>,
}

impl HouseRequest {
    /// A request with the defaults.
    pub fn new(house: HouseId, command: impl Into<HouseCommand>) -> Self {
        Self { house, command: command.into(), context: None, lane: None }
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane.unwrap_or(Lane::Cashier)
    }
}

/// The id of an entry: whose it is, and its number in the wallet or, of the house, in the partition's statement. The
/// same on every backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// The player, or the partition of the house.
    pub partition: Partition,
    /// The version in the wallet's stream, or in that of the statement.
    pub version: u64,
}

impl std::fmt::Display for EntryId {
    /// `p1:7` of a player, `house/psp/acme:7` of the house.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.partition {
            Partition::Player(player) => write!(f, "{player}:{}", self.version),
            Partition::House(_) => write!(f, "{}:{}", self.partition, self.version),
        }
    }
}

/// What an accepted command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It had its effect.
    Applied,
    /// It was accepted; no money moved and nothing changed.
    Noop,
    /// It undoes something never seen: that is remembered, and it will be refused when it comes.
    Tombstoned,
}

/// What one operation of an accepted batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationReceipt {
    /// Its key.
    pub key: IdempotencyKey,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether it was known before the batch, so that this is its first answer again.
    pub replayed: bool,
    /// The entry it posted, if money moved.
    pub entry: Option<EntryId>,
    /// The purses it concerns, as they were right after it.
    pub balances: Vec<PurseBalance>,
}

/// The proof of an accepted command: it is durable at this position, with this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// What the command came to.
    pub outcome: Outcome,
    /// Whether this is the recorded answer to an earlier command with the same key; then nothing new happened.
    pub replayed: bool,
    /// The entry it posted, if money moved.
    pub entry: Option<EntryId>,
    /// The purses it concerns, as they were right after it; none of a command to the house.
    pub balances: Vec<PurseBalance>,
    /// The same purses as they are now; differs from `balances` only in a replay.
    pub current: Vec<PurseBalance>,
    /// What each operation of a batch came to, in their order; empty for a single command.
    pub operations: Vec<OperationReceipt>,
    /// What is left of the player's limits now, of each kind and window of the lowest; empty of a player
    /// without limits, and of a replay.
    pub limits: Vec<LimitLeft>,
    /// The shard.
    pub shard: Shard,
    /// Where it is recorded; of a replayed batch, where its last operation is.
    pub position: Position,
    /// The hash of the commit, which binds everything before it in the shard.
    pub hash: CommitHash,
}

impl Receipt {
    /// The purse of a currency as it was right after the command.
    pub fn balance(&self, currency: CurrencyCode) -> Option<&PurseBalance> {
        self.balances.iter().find(|balance| balance.currency == currency)
    }

    /// What can be bet of a currency right after the command: cash less receivable.
    pub fn available(&self, currency: CurrencyCode) -> Option<Decimal> {
        self.balance(currency).map(|balance| balance.available().to_decimal())
    }
}

/// The recorded outcome of a key: a host's way out of a time-out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordedOutcome {
    /// It was accepted.
    Accepted(Box<Receipt>),
    /// It was refused, and stays refused.
    Refused(Box<Refusal>),
    /// It is not recorded at or before this position of the partition's shard. A command still under way may
    /// be recorded later.
    Absent {
        /// The shard.
        shard: Shard,
        /// The position that was looked at.
        position: Position,
    },
}

/// A player as he is at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlayerReading {
    /// The player's state.
    pub state: ledger_core::PlayerState,
    /// His shard.
    pub shard: Shard,
    /// The position of the shard at which this is true.
    pub position: Position,
    /// The hash of the shard at that position.
    pub hash: CommitHash,
}

impl PlayerReading {
    /// The purses.
    pub fn balances(&self) -> Vec<PurseBalance> {
        self.state.balances()
    }
}

/// A partition of the house as it is at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HouseReading {
    /// The partition's state.
    pub state: HouseState,
    /// Its shard.
    pub shard: Shard,
    /// The position of the shard at which this is true.
    pub position: Position,
    /// The hash of the shard at that position.
    pub hash: CommitHash,
}

/// A partition as it is at a position.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) state: State,
    pub(crate) shard: Shard,
    pub(crate) position: Position,
    pub(crate) hash: CommitHash,
}

/// A question about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyQuestion {
    pub(crate) of: Partition,
    pub(crate) key: IdempotencyKey,
}
