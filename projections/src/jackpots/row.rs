//! What the jackpots view holds.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::stored::{
    AwardOutcome, ClaimEnd, EventRecord, JackpotClaimRef, JackpotStatus, JackpotTerms, SweepOrigin,
};
use ledger_core::{
    AccountKind, ActorId, Amount, CurrencyCode, JackpotId, PlayerId, Reason, RoundId, SourceId, Timestamp,
    TransactionId,
};
use serde::{Deserialize, Serialize};

use super::sums::{BookedSums, JackpotProof, PoolSums, SweptSums};
use crate::commit::EventPlace;
use crate::error::ViewError;
use crate::total::Total;

/// The parameters of a jackpot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsRow {
    /// How often they were set.
    pub version: u64,
    /// The parameters.
    pub terms: JackpotTerms,
    /// Since when.
    pub since: Timestamp,
}

/// The pool of a jackpot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRow {
    /// Whether it can be won.
    pub status: JackpotStatus,
    /// The jackpot that gets whatever still comes, if it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves_to: Option<JackpotId>,
    /// What its log says, by currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<CurrencyCode, PoolSums>,
    /// How many awards there were.
    pub awards: u64,
    /// When the last was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awarded_at: Option<Timestamp>,
    /// What the last award left in the pool, without the next seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Amount>,
}

impl Default for PoolRow {
    fn default() -> Self {
        Self {
            status: JackpotStatus::Open,
            moves_to: None,
            sums: BTreeMap::new(),
            awards: 0,
            awarded_at: None,
            carried: None,
        }
    }
}

/// What a pool learnt from one origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginRow {
    /// A shard, or another jackpot.
    pub origin: SweepOrigin,
    /// The last position, or number, that it knows.
    pub up_to: u64,
    /// How often it was told.
    pub sweeps: u64,
    /// When last.
    pub at: Timestamp,
    /// What was told, by currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<CurrencyCode, SweptSums>,
}

/// A jackpot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JackpotState {
    /// Real or test.
    pub kind: AccountKind,
    /// Its name.
    pub jackpot: JackpotId,
    /// Its parameters; `None` before it was configured.
    pub terms: Option<TermsRow>,
    /// Its pool.
    pub pool: PoolRow,
    /// What it learnt, by origin: shards, then jackpots.
    pub origins: Vec<OriginRow>,
    /// What entries of all partitions moved, by currency.
    pub booked: BTreeMap<CurrencyCode, BookedSums>,
}

impl JackpotState {
    /// What whoever wins it next gets of it, as far as the pool was told, with four digits more than the currency: `None` before it
    /// was configured, and beyond 128 bits.
    pub fn value(&self) -> Option<Total> {
        let currency = self.terms.as_ref()?.terms.currency;
        self.pool.sums.get(&currency).copied().unwrap_or_default().held()
    }

    /// How its sums add up, by currency (I15).
    ///
    /// # Errors
    ///
    /// [`ViewError::Damaged`] if a sum is beyond 128 bits.
    pub fn proofs(&self) -> Result<Vec<JackpotProof>, ViewError> {
        let currencies: BTreeSet<_> = self.pool.sums.keys().chain(self.booked.keys()).copied().collect();
        let proof = |currency| {
            let pool = self.pool.sums.get(&currency).copied().unwrap_or_default();
            let booked = self.booked.get(&currency).copied().unwrap_or_default();
            let large = || ViewError::Damaged(format!("a sum of {} is beyond 128 bits", self.jackpot));
            JackpotProof::of(currency, &pool, &booked).ok_or_else(large)
        };
        currencies.into_iter().map(proof).collect()
    }
}

/// An event of a jackpot that a person caused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JackpotRecord {
    /// When it was recorded.
    pub at: Timestamp,
    /// Where it stands in the pool's shard.
    pub place: EventPlace,
    /// Who sent the request.
    pub actor: ActorId,
    /// The event, whole.
    pub event: EventRecord,
}

/// How the pool learnt what became of an award.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardEnd {
    /// When.
    pub at: Timestamp,
    /// Paid or refused.
    pub outcome: AwardOutcome,
}

/// The payment of an award, in the player's own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// When it was paid.
    pub at: Timestamp,
    /// The player.
    pub player: PlayerId,
    /// The entry in his statement.
    pub entry: u64,
    /// How much.
    pub amount: Amount,
}

/// An award of a jackpot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardRow {
    /// Which one it is: 1, 2, 3 ...
    pub number: u64,
    /// The claim.
    pub claim: JackpotClaimRef,
    /// The round that triggered it.
    pub round: RoundId,
    /// When the pool gave it.
    pub at: Timestamp,
    /// The currency.
    pub currency: CurrencyCode,
    /// What the player gets.
    pub amount: Amount,
    /// What was left in the pool, without the next seed.
    pub carried: Amount,
    /// What of the next seed came out of the reserve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_from_reserve: Option<Amount>,
    /// What of the next seed the house paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_from_cost: Option<Amount>,
    /// What the pool was told of its end, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<AwardEnd>,
    /// Its payment, if there is one by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentRow>,
}

/// Where a claim stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClaimState {
    /// It waits for its award, or for the payment of it.
    Open,
    /// It was withdrawn.
    Withdrawn {
        /// When.
        at: Timestamp,
        /// Why.
        cause: ClaimEnd,
        /// Who withdrew it, if a person did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ActorId>,
        /// Why, in his words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It was paid.
    Paid {
        /// When.
        at: Timestamp,
        /// The award, by its number.
        award: u64,
        /// How much.
        amount: Amount,
        /// The entry in the player's statement.
        entry: u64,
    },
}

/// A claim of a player on a jackpot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// When it was recorded.
    pub at: Timestamp,
    /// The player.
    pub player: PlayerId,
    /// Who sent it.
    pub source: SourceId,
    /// Its id.
    pub id: TransactionId,
    /// The round that triggered it.
    pub round: RoundId,
    /// The currency it is to be paid in.
    pub currency: CurrencyCode,
    /// Where it stands.
    pub state: ClaimState,
}

/// Where a page of claims ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimCursor {
    /// When the last was recorded.
    pub at: Timestamp,
    /// Its player.
    pub player: PlayerId,
    /// Who sent it.
    pub source: SourceId,
    /// Its id.
    pub id: TransactionId,
}

impl ClaimRow {
    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> ClaimCursor {
        let Self { at, player, source, id, .. } = self;
        ClaimCursor { at: *at, player: player.clone(), source: source.clone(), id: id.clone() }
    }
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JackpotsRow {
    /// Nothing yet.
    #[default]
    Nothing,
    /// There is such a jackpot.
    Name,
    /// A pool.
    Pool(Box<PoolRow>),
    /// Parameters.
    Terms(Box<TermsRow>),
    /// What a pool learnt from one origin.
    Origin(Box<OriginRow>),
    /// What entries moved.
    Booked(Box<BookedSums>),
    /// An event that a person caused.
    Record(Box<JackpotRecord>),
    /// An award.
    Award(Box<AwardRow>),
    /// A payment.
    Payment(Box<PaymentRow>),
    /// A claim.
    Claim(Box<ClaimRow>),
    /// Where a claim is listed.
    Place(AccountKind, JackpotId, Timestamp),
}
