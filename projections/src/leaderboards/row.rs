//! What the view of leaderboards holds.

use ledger_core::stored::{PrizeOutcome, TournamentEntryRef, TournamentTerms, TurnedAway};
use ledger_core::{Amount, ContentHash, CurrencyCode, HouseId, Timestamp, TournamentStatus};
use serde::{Deserialize, Serialize};

use crate::total::Total;

/// The money of a tournament, in its currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TournamentSums {
    /// What those who take part paid into the pool.
    pub collected: Total,
    /// What they paid to the house.
    pub fees: Total,
    /// All prizes, once it is closed.
    pub prizes: Total,
    /// What of them was paid.
    pub paid: Total,
    /// What the house added.
    pub overlay: Total,
    /// What the house kept of the pool: what prizes left over, and prizes of barred players.
    pub kept: Total,
}

/// A tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TournamentRow {
    /// Its partition.
    pub house: HouseId,
    /// What it has come to.
    pub status: TournamentStatus,
    /// When it came to that.
    pub changed_at: Timestamp,
    /// Its terms; `None` if only entries came, which were turned away.
    pub terms: Option<TournamentTerms>,
    /// Their hash.
    pub hash: Option<ContentHash>,
    /// How often they were set.
    pub version: u64,
    /// How many take part.
    pub entrants: u64,
    /// How many entries came and take no part: turned away, undone, or of a cancelled tournament.
    pub others: u64,
    /// How many have a place, once it is closed.
    pub ranked: u32,
    /// Its money.
    pub sums: TournamentSums,
}

/// What an entry came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryState {
    /// It takes part, or took part.
    TakesPart,
    /// It was turned away.
    TurnedAway(TurnedAway),
    /// It went back.
    WentBack,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    /// The tournament's partition.
    pub house: HouseId,
    /// Its number there.
    pub number: u64,
    /// The entry, with its player.
    pub of: TournamentEntryRef,
    /// The currency it was paid in.
    pub currency: CurrencyCode,
    /// What of it went into the pool.
    pub buy_in: Amount,
    /// What of it was the house's.
    pub fee: Amount,
    /// When the player entered.
    pub entered_at: Timestamp,
    /// What it came to.
    pub state: EntryState,
    /// Points, with the digits of the scoring; `None` before there are any.
    pub points: Option<Amount>,
    /// How many bets counted.
    pub bets: u32,
    /// When the points became so.
    pub reached_at: Option<Timestamp>,
    /// The place, once the tournament is closed and its page is there.
    pub place: Option<u32>,
    /// The prize, if there is one.
    pub prize: Option<Amount>,
    /// What became of the prize; `None` while it is on its way.
    pub outcome: Option<PrizeOutcome>,
}

/// A player who has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// The place, as it stands.
    pub place: u64,
    /// His entry.
    pub entry: EntryRow,
}

/// Where a page of places ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaceCursor {
    /// How many were before, itself included.
    pub before: u64,
    /// The place of the last one.
    pub place: u64,
    /// Its points.
    pub points: Amount,
    /// When it reached them.
    pub reached_at: Timestamp,
    /// Its entry.
    pub number: u64,
}

/// Where a page of a player's entries ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryCursor {
    /// The tournament.
    pub house: HouseId,
    /// The entry.
    pub number: u64,
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaderboardsRow {
    /// Nothing.
    #[default]
    Nothing,
    /// A tournament.
    Tournament(Box<TournamentRow>),
    /// An entry.
    Entry(Box<EntryRow>),
    /// The entry with which a player takes part.
    Playing(u64),
}
