//! Shapes that several answers share. Amounts are decimal strings, instants are UTC in the form of RFC 3339.

use casino_ledger::core::stored::PurseBalance;
use casino_ledger::core::{CurrencyCode, LimitLeft, PlayerState, TransactionId};
use casino_ledger::{Outcome, PlayerReading, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// The amount, such as `10.00`.
    #[schema(example = "10.00", pattern = r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$")]
    pub amount: String,
    /// The currency.
    #[schema(example = "EUR", pattern = "^[A-Z0-9]{3,12}$")]
    pub currency: String,
}

/// What a player has of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Balance {
    /// The currency.
    pub currency: String,
    /// What he can bet: cash less what he owes.
    pub available: String,
    /// Cash.
    pub cash: String,
    /// Held for open rounds.
    pub held: String,
    /// Set aside for withdrawals.
    pub pending: String,
    /// What he owes.
    pub owed: String,
}

impl Balance {
    /// The balance of a purse.
    pub fn of(purse: &PurseBalance) -> Self {
        let zero = casino_ledger::core::Amount::zero(purse.cash.scale());
        Self {
            currency: purse.currency.to_string(),
            available: purse.available().to_string(),
            cash: purse.cash.to_string(),
            held: purse.held.to_string(),
            pending: purse.pending.unwrap_or(zero).to_string(),
            owed: purse.receivable.unwrap_or(zero).to_string(),
        }
    }
}

/// The bonus credits of an award.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Credits {
    /// The currency.
    pub currency: String,
    /// Who granted it.
    pub source: String,
    /// Its id.
    pub award: String,
    /// What can be staked.
    pub balance: String,
    /// What is held for open rounds.
    pub held: String,
}

impl Credits {
    /// All of a player.
    pub fn of(state: &PlayerState) -> Vec<Self> {
        let purses = state.wallet().bonus().iter();
        let credits = |purse: &casino_ledger::core::BonusPurse| Self {
            currency: purse.currency().to_string(),
            source: purse.award().source.to_string(),
            award: purse.award().id.to_string(),
            balance: purse.balance().to_string(),
            held: purse.held().to_string(),
        };
        purses.map(credits).collect()
    }
}

/// Where something is recorded: shard and position of its commit, and the hash that binds all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recorded {
    /// The shard.
    pub shard: u16,
    /// The position.
    pub position: u64,
    /// The hash.
    pub hash: String,
}

impl Recorded {
    /// Where a receipt says.
    pub fn of(receipt: &Receipt) -> Self {
        Self { shard: receipt.shard.0, position: receipt.position.0, hash: receipt.hash.to_string() }
    }

    /// Where a reading is true.
    pub fn reading(reading: &PlayerReading) -> Self {
        Self { shard: reading.shard.0, position: reading.position.0, hash: reading.hash.to_string() }
    }
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// What it counts, such as `stake` or `loss`.
    pub kind: String,
    /// The currency.
    pub currency: String,
    /// Over which time, such as `day`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// How high it is.
    pub amount: String,
    /// What of it is used.
    pub used: String,
    /// What is left of it.
    pub left: String,
    /// Whether the player is to be warned.
    pub near: bool,
}

impl Left {
    /// What the ledger says is left.
    pub fn of(left: &LimitLeft) -> Self {
        Self {
            kind: left.term.kind.as_str().to_owned(),
            currency: left.term.currency.to_string(),
            period: left.term.window.map(|window| window.period.as_str().to_owned()),
            amount: left.amount.to_string(),
            used: left.used.to_string(),
            left: left.left.to_string(),
            near: left.is_near,
        }
    }
}

/// The answer to an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// What it came to: `APPLIED`, `NOOP` or `TOMBSTONED`.
    pub status: String,
    /// The id of the operation.
    pub id: String,
    /// Whether it is the answer to an earlier request with the same key.
    pub replayed: bool,
    /// The purses it concerns, as they were right after it.
    pub balances: Vec<Balance>,
    /// The same purses now.
    pub current: Vec<Balance>,
    /// Where it is recorded.
    pub recorded: Recorded,
}

impl Done {
    /// The answer that a receipt is.
    pub fn of(id: &TransactionId, receipt: &Receipt) -> Self {
        Self {
            status: status(receipt.outcome).to_owned(),
            id: id.to_string(),
            replayed: receipt.replayed,
            balances: receipt.balances.iter().map(Balance::of).collect(),
            current: receipt.current.iter().map(Balance::of).collect(),
            recorded: Recorded::of(receipt),
        }
    }
}

/// An outcome in a word.
pub fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "APPLIED",
        Outcome::Tombstoned => "TOMBSTONED",
        _ => "NOOP",
    }
}

/// What is available and held of a currency right after an operation.
pub fn after(receipt: &Receipt, currency: CurrencyCode) -> (Option<String>, Option<String>) {
    let balance = receipt.balance(currency);
    (balance.map(|b| b.available().to_string()), balance.map(|b| b.held.to_string()))
}
