//! Entries of players: they come to the tournament, and some go back.
//!
//! A player's commit has taken his money before anything is asked here, so an entry is not refused: it takes part, or it is
//! turned away and goes back. But an entry to what has no terms here is none of the house's: who runs that tournament says what
//! becomes of it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::configure::is_tournament;
use super::state::{HeldEntry, TOURNAMENT_RETURNS_MAX, Tournament, TournamentStatus};
use crate::house::incoming::currency;
use crate::house::operation::{Currencies, HouseOperation, not_allowed};
use crate::house::postings::overlay;
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Stop};
use crate::rejection::{Capacity, NotAllowedReason, capacity};
use crate::stored::{
    Event, TournamentEntryRef, TournamentEntryReleased, TournamentEntryTaken, TournamentTerms, TurnedAway,
};
use crate::time::Timestamp;
use crate::wallet::incoming;

/// Ids of entries are unique per player and source only, and the three together are too long for an id.
fn key_of(of: &TournamentEntryRef) -> Result<(SourceId, TransactionId), IdError> {
    let TournamentEntryRef { player, source, id } = of;
    let named = [player.as_str(), source.as_str(), id.as_str()].join("\n");
    Ok((source.clone(), TransactionId::new(ContentHash::of(named.as_bytes()).to_string())?))
}

/// Tells the tournament that a player paid to take part. What does not fit its terms, comes too late or is one too many takes
/// no part, and goes back. A tournament without terms is run by somebody else: then it is refused, and stays as it was paid.
/// Key: made from the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeTournamentEntry {
    /// The entry.
    pub of: TournamentEntryRef,
    /// What of it went into the pool.
    #[serde(with = "crate::text::decimal_text")]
    pub buy_in: Decimal,
    /// What the house keeps of it.
    #[serde(with = "crate::text::decimal_text")]
    pub fee: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// When the player entered.
    pub entered_at: Timestamp,
}

impl TakeTournamentEntry {
    /// Why it takes no part, if so.
    fn turned_away(
        &self,
        (known, terms): (&Tournament, &TournamentTerms),
        (buy_in, fee): (Amount, Amount),
    ) -> Option<TurnedAway> {
        let fits = |terms: &TournamentTerms| {
            (terms.currency, terms.buy_in, terms.fee) == (self.currency, buy_in, fee)
        };
        match known.status() {
            TournamentStatus::Draft => Some(TurnedAway::NotOpen),
            TournamentStatus::Cancelled => Some(TurnedAway::Cancelled),
            TournamentStatus::Ended | TournamentStatus::Closed => Some(TurnedAway::Over),
            TournamentStatus::Open if self.entered_at >= terms.until => Some(TurnedAway::Over),
            TournamentStatus::Open if !fits(terms) => Some(TurnedAway::Terms),
            TournamentStatus::Open if known.entrant(&self.of.player).is_some() => Some(TurnedAway::Again),
            TournamentStatus::Open => {
                let room = usize::try_from(terms.entries_max).unwrap_or(usize::MAX);
                (known.entrant_count() >= room).then_some(TurnedAway::Full)
            }
        }
    }
}

impl HouseOperation for TakeTournamentEntry {
    const KIND: OperationKind = OperationKind::TournamentEntryTaking;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        key_of(&self.of)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.buy_in)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(&self.entered_at.to_string()))
            .amount(6, &self.fee)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let known = work.state().tournament().and_then(|known| Some((known, known.terms()?)));
        let Some((known, terms)) = known else {
            return Err(not_allowed(NotAllowedReason::TournamentState));
        };
        let own = currency(facts, self.currency)?;
        let (buy_in, fee) = (incoming(self.buy_in, own)?, incoming(self.fee, own)?);
        let turned_away = self.turned_away((known, terms), (buy_in, fee));
        if turned_away.is_some() && known.return_count() >= TOURNAMENT_RETURNS_MAX {
            return Err(capacity(Capacity::TournamentReturns, TOURNAMENT_RETURNS_MAX).into());
        }
        let number = known.entries().checked_add(1);
        work.push_house(Event::TournamentEntryTaken(TournamentEntryTaken {
            number: number.ok_or_else(|| Fault::corrupted("numbers have run out"))?,
            of: self.of.clone(),
            currency: self.currency,
            buy_in,
            fee,
            entered_at: self.entered_at,
            turned_away,
        }))?;
        Ok(())
    }
}

/// Tells the tournament that what was paid for an entry went back: it was turned away, the tournament was cancelled, or its
/// source undid it. Of an entry whose tournament is closed the prizes are fixed: the house adds what went back (X13). Key:
/// made from the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseTournamentEntry {
    /// The entry.
    pub of: TournamentEntryRef,
}

impl HouseOperation for ReleaseTournamentEntry {
    const KIND: OperationKind = OperationKind::TournamentEntryRelease;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        key_of(&self.of)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let known = work.state().tournament();
        let Some((known, held)) = known.and_then(|known| Some((known, known.held(&self.of)?))) else {
            return Err(not_allowed(NotAllowedReason::EntryNotOpen));
        };
        let is_fixed = known.status() == TournamentStatus::Closed;
        let (number, made_up) = match held {
            HeldEntry::TakesPart(entrant) => {
                (entrant.number, Some(entrant.buy_in).filter(|buy_in| is_fixed && buy_in.is_positive()))
            }
            HeldEntry::Waits(number) => (number, None),
        };
        let terms = known.terms();
        let mut event =
            TournamentEntryReleased { number, of: self.of.clone(), overlay: made_up, entry: None };
        if let Some((buy_in, terms)) = made_up.zip(terms) {
            let of = work.of_account()?;
            event.entry = Some(work.post(overlay(&of, buy_in, terms.currency).into())?);
        }
        work.push_house(Event::TournamentEntryReleased(event))?;
        Ok(())
    }
}
