//! The events of tournaments, in their partitions and with the players who take part. A shape that has been released is
//! never edited: a new version gets a new struct and an upcaster.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deposit::PaymentRef;
use super::player::TransactionRef;
use super::shapes::{shape, words};
use crate::ids::{ActorId, GameId, PlayerId, Reason, SourceId, TournamentId, TransactionId};
use crate::key::ContentHash;
use crate::money::{Amount, BasisPoints, CurrencyCode};
use crate::time::Timestamp;

words! {
    /// What of the rounds of a player his points are.
    pub enum TournamentScoring {
        /// The sum of their stakes, in units of the currency.
        Stakes,
        /// The sum of their wins, in units of the currency.
        Wins,
        /// The sum of their wins less that of their stakes; may be below zero.
        Net,
        /// The highest of the multiples of their stakes that rounds won, with four digits, rounded down.
        HighestMultiple,
        /// The sum of these multiples.
        MultipleSum,
        /// How many bets they had.
        Bets,
    }
}

words! {
    /// What players with the same points get.
    pub enum TournamentTie {
        /// Equal parts of the prizes of their places together; what cannot be divided goes, one unit each, to those who
        /// entered first.
        SharePrizes,
        /// Who reached them first has the better place, and of two at one instant who entered first.
        EarlierFirst,
        /// Each the prize of the best of their places.
        HigherPrize,
    }
}

shape! {
    /// The prize of a place.
    #[derive(Copy)]
    #[non_exhaustive]
    pub enum TournamentPrize {
        /// So much.
        Fixed(Amount),
        /// A share of what was collected, or of the guarantee where that is more; rounded down.
        Share(BasisPoints),
    }
}

shape! {
    /// The prize of each of so many places, behind those before them in the list.
    #[derive(Copy)]
    pub struct TournamentPlaces {
        /// How many places.
        pub places: u32,
        /// What each of them wins.
        pub prize: TournamentPrize,
    }
}

shape! {
    /// Who gets what prizes leave over of what was collected, or of the guarantee where that is more.
    #[derive(Copy)]
    #[non_exhaustive]
    pub enum TournamentRemainder {
        /// Whoever has this place, beside his prize; nobody's remainder is the house's.
        Place(u32),
        /// The house, as rake. Of a guarantee it gets nothing.
        House,
    }
}

words! {
    /// What becomes of the prize of a player who is closed or excluded when it is paid.
    pub enum BarredPayee {
        /// He gets it: he has won it.
        Pay,
        /// The house keeps it, as rake.
        Forfeit,
    }
}

shape! {
    /// The terms of a tournament (GLI-19 2.8.4). Amounts are in whole units of the currency.
    pub struct TournamentTerms {
        /// The currency of entries, prizes, and bets that count.
        pub currency: CurrencyCode,
        /// What of an entry goes into the pool; zero if taking part is free.
        pub buy_in: Amount,
        /// What of an entry the house keeps; zero if nothing.
        pub fee: Amount,
        /// The least that is shared; zero if that is what was collected.
        pub guarantee: Amount,
        /// The prizes, from the first place on.
        pub prizes: Vec<TournamentPlaces>,
        /// Who gets what they leave over.
        pub remainder: TournamentRemainder,
        /// From when on rounds count.
        pub from: Timestamp,
        /// The end: rounds that begin from here on do not count, and nobody enters.
        pub until: Timestamp,
        /// Until when results of rounds that count may come.
        pub results_until: Timestamp,
        /// The most players that take part.
        pub entries_max: u32,
        /// The games that count; all if there is none.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        pub games: BTreeSet<GameId>,
        /// The least that is staked in a round that counts; zero if any does.
        pub min_stake: Amount,
        /// How many bets a player must have that count, to have a place.
        pub min_bets: u32,
        /// What points are.
        pub scoring: TournamentScoring,
        /// What the same points come to.
        pub tie: TournamentTie,
        /// What becomes of the prize of a player who is closed or excluded.
        pub barred: BarredPayee,
    }
}

shape! {
    /// `tournament.configured` 1: the terms of a tournament, until it opens.
    pub struct TournamentConfigured {
        /// The operation.
        pub txn: TransactionRef,
        /// Which version of its terms it is: 1, 2, 3 ...
        pub version: u64,
        /// The terms.
        pub terms: TournamentTerms,
        /// The SHA-256 of their JSON without white space.
        pub hash: ContentHash,
        /// Why, in the words of who asked for it.
        pub reason: Reason,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
    }
}

shape! {
    /// `tournament.opened` 1: players may enter, and the terms stand.
    pub struct TournamentOpened {
        /// The operation.
        pub txn: TransactionRef,
        /// The hash of its terms.
        pub terms: ContentHash,
        /// Who opened it.
        pub by: ActorId,
    }
}

shape! {
    /// An entry of a player into a tournament, as the house names it.
    #[derive(Hash, PartialOrd, Ord)]
    pub struct TournamentEntryRef {
        /// The player.
        pub player: PlayerId,
        /// Who sent the entry.
        pub source: SourceId,
        /// Its id.
        pub id: TransactionId,
    }
}

words! {
    /// Why an entry takes no part. What was paid goes back, fee and all.
    pub enum TurnedAway {
        /// The tournament was not open yet.
        NotOpen,
        /// It was over when the player entered, or before his entry came here.
        Over,
        /// As many take part as may.
        Full,
        /// The player takes part already.
        Again,
        /// The entry is not what the terms say it costs.
        Terms,
        /// The tournament was cancelled.
        Cancelled,
    }
}

shape! {
    /// `tournament.entry_taken` 1: an entry of a player came to the tournament, and takes part or is turned away.
    pub struct TournamentEntryTaken {
        /// Which one it is, of all entries of this tournament: 1, 2, 3 ...
        pub number: u64,
        /// The entry.
        pub of: TournamentEntryRef,
        /// The currency it was paid in.
        pub currency: CurrencyCode,
        /// What went into the pool.
        pub buy_in: Amount,
        /// What the house keeps of it.
        pub fee: Amount,
        /// When the player entered.
        pub entered_at: Timestamp,
        /// Why it takes no part; absent if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub turned_away: Option<TurnedAway>,
    }
}

shape! {
    /// `tournament.entry_released` 1: what was paid for an entry went back to its player.
    pub struct TournamentEntryReleased {
        /// The entry, by its number.
        pub number: u64,
        /// The entry.
        pub of: TournamentEntryRef,
        /// What the house added to the pool in its place: prizes were fixed already (X13).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overlay: Option<Amount>,
        /// The entry of the ledger that added it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `tournament.scored` 1: what a player has so far, all of it.
    pub struct TournamentScored {
        /// The player.
        pub player: PlayerId,
        /// The last position of his log's shard that is in it.
        pub up_to: u64,
        /// His points, with the digits of the scoring.
        pub points: Amount,
        /// How many bets that count he has.
        pub bets: u32,
        /// When his points became so.
        pub reached_at: Timestamp,
    }
}

shape! {
    /// `tournament.ended` 1: play is over; results may still come.
    pub struct TournamentEnded {
        /// How many take part.
        pub entries: u32,
    }
}

shape! {
    /// `tournament.closed` 1: the results are fixed, and what they cost.
    pub struct TournamentClosed {
        /// How many took part.
        pub entries: u32,
        /// How many have a place; pages of `tournament.ranked` name them.
        pub ranked: u32,
        /// What was collected.
        pub collected: Amount,
        /// All prizes.
        pub prizes: Amount,
        /// What the house adds (X13).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overlay: Option<Amount>,
        /// What the house keeps of what was collected, as rake.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub to_house: Option<Amount>,
        /// The entry, if anything moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// A place of a tournament that is closed.
    pub struct TournamentRank {
        /// The place; players with the same points share one, unless the earlier is first.
        pub place: u32,
        /// The entry, by its number.
        pub number: u64,
        /// The entry, with its player.
        pub of: TournamentEntryRef,
        /// His points.
        pub points: Amount,
        /// How many bets that count he had.
        pub bets: u32,
        /// His prize; absent if he has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub prize: Option<Amount>,
    }
}

shape! {
    /// `tournament.ranked` 1: a page of the places, from the first on.
    pub struct TournamentRanked {
        /// Which page: 1, 2, 3 ...
        pub page: u32,
        /// The currency of the prizes.
        pub currency: CurrencyCode,
        /// What becomes of the prize of a player who is closed or excluded.
        pub barred: BarredPayee,
        /// The places.
        pub ranks: Vec<TournamentRank>,
    }
}

shape! {
    /// What became of a prize with its player.
    #[derive(Copy)]
    pub enum PrizeOutcome {
        /// It is booked in his ledger, with this entry.
        Paid(u64),
        /// He was closed or excluded, and the terms say that the house keeps it.
        Forfeited,
    }
}

shape! {
    /// `tournament.prize_settled` 1: a prize was paid, or is the house's.
    pub struct TournamentPrizeSettled {
        /// The prize, by the number of its entry.
        pub number: u64,
        /// The entry.
        pub of: TournamentEntryRef,
        /// What became of it.
        pub outcome: PrizeOutcome,
        /// The entry that made it the house's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `tournament.cancelled` 1: nobody wins; every entry goes back.
    pub struct TournamentCancelled {
        /// The operation.
        pub txn: TransactionRef,
        /// How many took part.
        pub entries: u32,
        /// Why, in the words of who asked for it.
        pub reason: Reason,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
    }
}

shape! {
    /// `tournament.prize_paid` 1: the player got a prize (P42).
    pub struct TournamentPrizePaid {
        /// His entry into the tournament, as its source names it.
        pub of: PaymentRef,
        /// The tournament.
        pub tournament: TournamentId,
        /// The prize, by the number of the entry in the tournament.
        pub prize: u64,
        /// His place.
        pub place: u32,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The entry of the ledger.
        pub entry: u64,
    }
}

words! {
    /// Why a player does not get his prize.
    pub enum ForfeitCause {
        /// He is closed.
        Closed,
        /// He is excluded.
        Excluded,
    }
}

shape! {
    /// `tournament.prize_forfeited` 1: the player is barred, and the terms say that he gets no prize then.
    pub struct TournamentPrizeForfeited {
        /// His entry into the tournament, as its source names it.
        pub of: PaymentRef,
        /// Whether it is of real or of test money.
        pub kind: crate::account::AccountKind,
        /// The tournament.
        pub tournament: TournamentId,
        /// The prize, by the number of the entry in the tournament.
        pub prize: u64,
        /// His place.
        pub place: u32,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much he would have got.
        pub amount: Amount,
        /// Why not.
        pub cause: ForfeitCause,
    }
}
