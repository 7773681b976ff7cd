//! The events of jackpots, in their pools and with the players who win them. A shape that has been released is never
//! edited: a new version gets a new struct and an upcaster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::deposit::{Money, PaymentRef};
use super::player::TransactionRef;
use super::shapes::{shape, words};
use crate::account::AccountKind;
use crate::ids::{ActorId, GameId, JackpotId, PlayerId, Reason, RoundId, SourceId, TransactionId};
use crate::money::{Amount, BasisPoints, CurrencyCode};

shape! {
    /// What of a bet goes to a jackpot.
    #[derive(Copy)]
    #[non_exhaustive]
    pub enum JackpotRate {
        /// A share of its stake, in basis points, rounded down to the pool's finer digits.
        Share(BasisPoints),
        /// The same of every bet, with the pool's finer digits; of a smaller stake, all of it.
        Fixed(Amount),
    }
}

shape! {
    /// The parameters of a local jackpot (GLI-19 2.8.7).
    pub struct JackpotTerms {
        /// The currency it is won in. It never changes.
        pub currency: CurrencyCode,
        /// What a pool begins with after a win; in whole units of the currency.
        pub seed: Amount,
        /// The most that one award is. What is above it stays in the pool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub must_hit_by: Option<Amount>,
        /// The most that contributions let the pool grow to. What is above it overflows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ceiling: Option<Amount>,
        /// The jackpot that gets what overflows; without it the reserve for the next seeds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overflow: Option<JackpotId>,
        /// What of each contribution goes to the reserve for the next seeds.
        #[serde(default, skip_serializing_if = "is_nothing")]
        pub diversion: BasisPoints,
        /// What of a bet goes to it.
        pub rate: JackpotRate,
        /// What of a bet goes to it in games with a rate of their own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub games: BTreeMap<GameId, JackpotRate>,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nothing(rate: &BasisPoints) -> bool {
    rate.get() == 0
}

shape! {
    /// `jackpot.configured` 1: the parameters of a jackpot, from here on.
    pub struct JackpotConfigured {
        /// The operation.
        pub txn: TransactionRef,
        /// The parameters.
        pub terms: JackpotTerms,
        /// Why, in the words of who asked for it.
        pub reason: Reason,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
    }
}

words! {
    /// Whether a jackpot can be won.
    pub enum JackpotStatus {
        /// It can.
        Open,
        /// Not now. It still grows.
        Suspended,
        /// Never again. What still comes goes to another jackpot.
        Closed,
    }
}

shape! {
    /// What left a pool for another jackpot, which has to take it in.
    pub struct JackpotOverflow {
        /// Which one it is, of all that left this pool for that jackpot: 1, 2, 3 ...
        pub number: u64,
        /// The jackpot that gets it.
        pub to: JackpotId,
        /// How much, by currency.
        pub parts: Vec<Money>,
    }
}

shape! {
    /// `jackpot.status_changed` 1: a jackpot is open, suspended or closed from here on.
    pub struct JackpotStatusChanged {
        /// The operation.
        pub txn: TransactionRef,
        /// What it is now.
        pub status: JackpotStatus,
        /// The jackpot that gets whatever still comes, if it is closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub moves_to: Option<JackpotId>,
        /// What was in it, if anything was, and went there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overflow: Option<JackpotOverflow>,
        /// What of that came out of the reserve for later seeds, by currency.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub from_reserve: Vec<Money>,
        /// Why, in the words of who asked for it.
        pub reason: Reason,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry, if anything moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// From where a pool learns what was booked for it elsewhere.
    #[derive(Hash, PartialOrd, Ord)]
    #[non_exhaustive]
    pub enum SweepOrigin {
        /// The commits of players in a shard, by their positions.
        Shard(u16),
        /// What overflowed from another jackpot, by its numbers.
        Jackpot(JackpotId),
    }
}

shape! {
    /// What a stretch of a log booked for a jackpot in one currency.
    #[derive(Copy)]
    pub struct SweptPart {
        /// The currency.
        pub currency: CurrencyCode,
        /// What stakes gave to it, less what went back with them; so it may be below zero.
        pub contributed: Amount,
        /// What was paid of it by credits that name it, without an award.
        pub drawn: Amount,
    }
}

shape! {
    /// `jackpot.swept` 1: a pool learnt what a stretch of a log booked for it.
    pub struct JackpotSwept {
        /// Where that was.
        pub origin: SweepOrigin,
        /// The last position it knew.
        pub after: u64,
        /// The last position it knows now.
        pub up_to: u64,
        /// What was booked, by currency.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub parts: Vec<SweptPart>,
        /// What of it went to the reserve for later seeds, in the jackpot's currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reserved: Option<Amount>,
        /// What of it went to another jackpot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overflow: Option<JackpotOverflow>,
        /// The entry, if anything moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// A claim of a player on a jackpot, as the house names it.
    #[derive(Hash, PartialOrd, Ord)]
    pub struct JackpotClaimRef {
        /// The player.
        pub player: PlayerId,
        /// Who sent the claim.
        pub source: SourceId,
        /// Its id.
        pub id: TransactionId,
    }
}

shape! {
    /// `jackpot.awarded` 1: a claim got the pool, and the pool begins anew.
    pub struct JackpotAwarded {
        /// Which one it is, of all awards of this jackpot: 1, 2, 3 ...
        pub number: u64,
        /// The claim.
        pub claim: JackpotClaimRef,
        /// The round that triggered it.
        pub round: RoundId,
        /// The currency.
        pub currency: CurrencyCode,
        /// What the player gets; in whole units of the currency.
        pub amount: Amount,
        /// What is left in the pool, without its seed; it is carried to the next.
        pub carried: Amount,
        /// What of the next seed came out of the reserve.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seed_from_reserve: Option<Amount>,
        /// What of the next seed the house pays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seed_from_cost: Option<Amount>,
        /// The entry of the seed, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// What became of an award with its player.
    #[derive(Copy)]
    pub enum AwardOutcome {
        /// It is booked in his ledger, with this entry.
        Paid(u64),
        /// His ledger refused it for good: the claim was withdrawn.
        Refused,
    }
}

shape! {
    /// `jackpot.award_settled` 1: an award was paid, or its money is in the pool again.
    pub struct JackpotAwardSettled {
        /// The award.
        pub award: u64,
        /// What became of it.
        pub outcome: AwardOutcome,
    }
}

shape! {
    /// `jackpot.claimed` 1: a round of the player triggered a jackpot.
    pub struct JackpotClaimed {
        /// The claim.
        pub claim: PaymentRef,
        /// Whether it is of real or of test money.
        pub kind: AccountKind,
        /// The jackpot.
        pub jackpot: JackpotId,
        /// The round, of the same source.
        pub round: RoundId,
        /// The currency it is to be paid in.
        pub currency: CurrencyCode,
    }
}

words! {
    /// Why a claim on a jackpot was withdrawn.
    pub enum ClaimEnd {
        /// Its round was undone or called off.
        RoundUndone,
        /// Its source rolled its id back.
        RolledBack,
        /// Somebody withdrew it.
        Withdrawn,
    }
}

shape! {
    /// `jackpot.claim_withdrawn` 1: a claim on a jackpot will never be paid.
    pub struct JackpotClaimWithdrawn {
        /// The claim.
        pub claim: PaymentRef,
        /// Why.
        pub cause: ClaimEnd,
        /// Why, in the words of who withdrew it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<Reason>,
        /// Who withdrew it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
    }
}

shape! {
    /// `jackpot.paid` 1: the player got a jackpot (P36).
    pub struct JackpotPaid {
        /// The claim.
        pub claim: PaymentRef,
        /// The jackpot.
        pub jackpot: JackpotId,
        /// The award, by its number in the jackpot's pool.
        pub award: u64,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}
