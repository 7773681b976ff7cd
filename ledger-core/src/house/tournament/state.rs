//! A tournament and its fold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ranking::{Ranking, TOURNAMENT_RANKS_PER_PAGE};
use crate::ids::PlayerId;
use crate::key::ContentHash;
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{
    Event, Money, PaymentRef, TournamentEntryRef, TournamentEntryReleased, TournamentEntryTaken,
    TournamentRanked, TournamentScored, TournamentTerms,
};
use crate::time::Timestamp;

/// The most entries of one tournament that were turned away and wait to go back to their players. When it is cancelled, all who
/// took part wait beside them.
pub const TOURNAMENT_RETURNS_MAX: usize = 10_000;

/// What a tournament has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TournamentStatus {
    /// Its terms may change, and nobody takes part.
    #[default]
    Draft,
    /// Players enter and play.
    Open,
    /// Play is over; results may still come.
    Ended,
    /// Its results are fixed.
    Closed,
    /// Nobody wins; every entry goes back.
    Cancelled,
}

/// What points a player has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrantScore {
    /// The last position of his log's shard that is in it.
    pub up_to: u64,
    /// His points.
    pub points: Amount,
    /// How many bets that count he has.
    pub bets: u32,
    /// When his points became so.
    pub reached_at: Timestamp,
}

/// A player who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrant {
    /// His entry, by its number.
    pub number: u64,
    /// His entry, as its source names it.
    pub entry: PaymentRef,
    /// What of it went into the pool.
    pub buy_in: Amount,
    /// When he entered.
    pub entered_at: Timestamp,
    /// His points; `None` before he has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<EntrantScore>,
    /// Whether what he paid went back after the results were fixed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

impl Entrant {
    /// His entry, as the house names it.
    pub fn of(&self, player: &PlayerId) -> TournamentEntryRef {
        let (source, id) = (self.entry.source.clone(), self.entry.id.clone());
        TournamentEntryRef { player: player.clone(), source, id }
    }
}

/// An entry that takes no part, and did not go back to its player yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryToReturn {
    /// The entry.
    pub of: TournamentEntryRef,
    /// The currency it was paid in.
    pub currency: CurrencyCode,
    /// What of it went into the pool.
    pub buy_in: Amount,
}

/// An entry that did not go back yet.
pub(super) enum HeldEntry<'a> {
    /// It takes part.
    TakesPart(&'a Entrant),
    /// It waits to go back, under this number.
    Waits(u64),
}

/// A prize that was not paid yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPrize {
    /// The entry that won it.
    pub of: TournamentEntryRef,
    /// The place.
    pub place: u32,
    /// How much.
    pub amount: Amount,
}

/// A tournament in which something happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tournament {
    terms: Option<TournamentTerms>,
    hash: Option<ContentHash>,
    /// How often it got terms.
    versions: u64,
    status: TournamentStatus,
    /// How many entries came.
    taken: u64,
    entrants: BTreeMap<PlayerId, Entrant>,
    /// What was collected of those who take part; of a closed one, when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collected: Option<Amount>,
    returns: BTreeMap<u64, EntryToReturn>,
    /// How many have a place, once it is closed.
    ranked: u32,
    pages: u32,
    prizes: BTreeMap<u64, OpenPrize>,
    /// What of all prizes is on no page yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unlisted: Option<Amount>,
}

impl Tournament {
    /// Its terms; `None` before it was configured.
    pub fn terms(&self) -> Option<&TournamentTerms> {
        self.terms.as_ref()
    }

    /// The hash of its terms.
    pub fn terms_hash(&self) -> Option<ContentHash> {
        self.hash
    }

    /// How often its terms were set: the version of [`Self::terms`].
    pub fn terms_version(&self) -> u64 {
        self.versions
    }

    /// What it has come to.
    pub fn status(&self) -> TournamentStatus {
        self.status
    }

    /// How many entries came to it, with those that take no part.
    pub fn entries(&self) -> u64 {
        self.taken
    }

    /// Who takes part, by player.
    pub fn entrants(&self) -> impl Iterator<Item = (&PlayerId, &Entrant)> {
        self.entrants.iter()
    }

    /// How many take part.
    pub fn entrant_count(&self) -> usize {
        self.entrants.len()
    }

    /// One of them.
    pub fn entrant(&self, player: &PlayerId) -> Option<&Entrant> {
        self.entrants.get(player)
    }

    /// What was collected of those who take part; `None` before there are terms.
    pub fn collected(&self) -> Option<Amount> {
        self.collected
    }

    /// The entries that take no part and did not go back yet, by number.
    pub fn returns(&self) -> impl Iterator<Item = (u64, &EntryToReturn)> {
        self.returns.iter().map(|(number, entry)| (*number, entry))
    }

    /// How many they are.
    pub(super) fn return_count(&self) -> usize {
        self.returns.len()
    }

    /// The prizes that are on a page and were not paid yet, by the number of their entry.
    pub fn prizes(&self) -> impl Iterator<Item = (u64, &OpenPrize)> {
        self.prizes.iter().map(|(number, prize)| (*number, prize))
    }

    /// One of them.
    pub fn prize(&self, number: u64) -> Option<&OpenPrize> {
        self.prizes.get(&number)
    }

    /// How many have a place; zero before it is closed.
    pub fn ranked(&self) -> u32 {
        self.ranked
    }

    /// How many pages of its places are in the log.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// The page of its places that comes next; `None` if none does.
    pub fn next_page(&self) -> Option<u32> {
        let ranked = usize::try_from(self.ranked).unwrap_or(usize::MAX);
        let all = u32::try_from(ranked.div_ceil(TOURNAMENT_RANKS_PER_PAGE)).unwrap_or(u32::MAX);
        (self.pages < all).then(|| self.pages.saturating_add(1))
    }

    /// The places as the points stand: of an open tournament the standing so far, of a closed one the result. `None` before
    /// it has terms, and of a cancelled one.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the prizes together are beyond what an amount can be.
    pub fn ranking(&self) -> Result<Option<Ranking>, AmountError> {
        match &self.terms {
            Some(terms) if self.status != TournamentStatus::Cancelled => Ranking::of(self, terms).map(Some),
            _ => Ok(None),
        }
    }

    /// What the account of its pool must hold for what it knows, by currency: what was collected, what goes back, and prizes
    /// that were not paid.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if a sum is beyond what an amount can be.
    pub fn owed(&self) -> Result<Vec<Money>, AmountError> {
        let mut all: Vec<Money> = Vec::new();
        let mut add = |currency: CurrencyCode, amount: Amount| -> Result<(), AmountError> {
            match all.iter_mut().find(|held| held.currency == currency) {
                Some(held) => held.amount = held.amount.checked_add(amount)?,
                None => all.push(Money { currency, amount }),
            }
            Ok(())
        };
        if let Some(terms) = &self.terms {
            if self.status != TournamentStatus::Closed {
                self.collected.map_or(Ok(()), |collected| add(terms.currency, collected))?;
            }
            self.unlisted.map_or(Ok(()), |unlisted| add(terms.currency, unlisted))?;
            self.prizes.values().try_for_each(|prize| add(terms.currency, prize.amount))?;
        }
        self.returns.values().try_for_each(|entry| add(entry.currency, entry.buy_in))?;
        Ok(all)
    }

    /// An entry that may go back; `None` if it is not here, or went back.
    pub(super) fn held(&self, of: &TournamentEntryRef) -> Option<HeldEntry<'_>> {
        let takes_part = self.entrants.get(&of.player).filter(|entrant| {
            entrant.entry.source == of.source && entrant.entry.id == of.id && !entrant.released
        });
        let waits = || {
            let own = self.returns.iter().find(|(_, entry)| entry.of == *of);
            own.map(|(number, _)| HeldEntry::Waits(*number))
        };
        takes_part.map(HeldEntry::TakesPart).or_else(waits)
    }

    /// The estimated bytes it takes in memory.
    pub(in crate::house) fn weight(&self) -> usize {
        let games = self.terms.as_ref().map_or(0, |terms| terms.games.len());
        let counted = |count: usize, each: usize| count.saturating_mul(each);
        [
            600,
            counted(games, 64),
            counted(self.entrants.len(), 320),
            counted(self.returns.len(), 240),
            counted(self.prizes.len(), 240),
        ]
        .iter()
        .fold(0, |sum: usize, part| sum.saturating_add(*part))
    }

    /// Folds an event of the tournament's own stream. Holds no rule and cannot panic.
    pub(in crate::house) fn evolve(&mut self, event: &Event) -> Result<(), Fault> {
        match event {
            Event::TournamentConfigured(event) => {
                self.versions = next(self.versions, event.version)?;
                self.collected = Some(Amount::zero(event.terms.buy_in.scale()));
                (self.terms, self.hash) = (Some(event.terms.clone()), Some(event.hash));
                Ok(())
            }
            Event::TournamentOpened(_) => self.change(TournamentStatus::Open),
            Event::TournamentEntryTaken(event) => self.take(event),
            Event::TournamentEntryReleased(event) => self.release(event),
            Event::TournamentScored(event) => self.score(event),
            Event::TournamentEnded(_) => self.change(TournamentStatus::Ended),
            Event::TournamentClosed(event) => {
                (self.ranked, self.unlisted) = (event.ranked, Some(event.prizes));
                self.change(TournamentStatus::Closed)
            }
            Event::TournamentRanked(event) => self.rank(event),
            Event::TournamentPrizeSettled(event) => match self.prizes.remove(&event.number) {
                Some(_) => Ok(()),
                None => Err(Fault::corrupted(format!("prize {} is not open", event.number))),
            },
            Event::TournamentCancelled(_) => {
                let currency = self.terms.as_ref().map(|terms| terms.currency);
                let entrants = std::mem::take(&mut self.entrants);
                for (player, entrant) in entrants {
                    let currency = currency.ok_or_else(|| Fault::corrupted("nobody enters without terms"))?;
                    let of = entrant.of(&player);
                    self.returns
                        .insert(entrant.number, EntryToReturn { of, currency, buy_in: entrant.buy_in });
                }
                self.collected = self.collected.map(|collected| Amount::zero(collected.scale()));
                self.change(TournamentStatus::Cancelled)
            }
            _ => Err(Fault::corrupted("an event that is not of a tournament")),
        }
    }

    fn change(&mut self, to: TournamentStatus) -> Result<(), Fault> {
        use TournamentStatus::{Cancelled, Closed, Draft, Ended, Open};
        let follows = match (self.status, to) {
            (Draft, Open) => self.terms.is_some(),
            (Open, Ended) | (Open | Ended, Closed) | (Draft | Open | Ended, Cancelled) => true,
            _ => false,
        };
        if !follows {
            return Err(Fault::corrupted(format!("{to:?} follows {:?}", self.status)));
        }
        self.status = to;
        Ok(())
    }

    fn take(&mut self, event: &TournamentEntryTaken) -> Result<(), Fault> {
        self.taken = next(self.taken, event.number)?;
        if event.turned_away.is_some() {
            let entry =
                EntryToReturn { of: event.of.clone(), currency: event.currency, buy_in: event.buy_in };
            self.returns.insert(event.number, entry);
            return Ok(());
        }
        let collected = self.collected.ok_or_else(|| Fault::corrupted("nobody enters without terms"))?;
        self.collected = Some(collected.checked_add(event.buy_in).map_err(damaged)?);
        let entry = PaymentRef { source: event.of.source.clone(), id: event.of.id.clone() };
        let entrant = Entrant {
            number: event.number,
            entry,
            buy_in: event.buy_in,
            entered_at: event.entered_at,
            score: None,
            released: false,
        };
        match self.entrants.insert(event.of.player.clone(), entrant) {
            None => Ok(()),
            Some(_) => Err(Fault::corrupted(format!("{} takes part twice", event.of.player))),
        }
    }

    fn release(&mut self, event: &TournamentEntryReleased) -> Result<(), Fault> {
        if self.returns.remove(&event.number).is_some() {
            return Ok(());
        }
        let player = &event.of.player;
        let own = self.entrants.get_mut(player).filter(|entrant| entrant.number == event.number);
        let entrant = own.ok_or_else(|| Fault::corrupted(format!("entry {} is not here", event.number)))?;
        if self.status == TournamentStatus::Closed {
            if entrant.released {
                return Err(Fault::corrupted(format!("entry {} went back twice", event.number)));
            }
            entrant.released = true;
            return Ok(());
        }
        let buy_in = entrant.buy_in;
        self.entrants.remove(player);
        let collected = self.collected.map(|collected| collected.checked_sub(buy_in));
        self.collected = collected.transpose().map_err(damaged)?;
        Ok(())
    }

    fn score(&mut self, event: &TournamentScored) -> Result<(), Fault> {
        let entrant = self.entrants.get_mut(&event.player);
        let entrant =
            entrant.ok_or_else(|| Fault::corrupted(format!("{} does not take part", event.player)))?;
        if entrant.score.is_some_and(|known| known.up_to >= event.up_to) {
            return Err(Fault::corrupted(format!("points of {} come late", event.player)));
        }
        entrant.score = Some(EntrantScore {
            up_to: event.up_to,
            points: event.points,
            bets: event.bets,
            reached_at: event.reached_at,
        });
        Ok(())
    }

    fn rank(&mut self, event: &TournamentRanked) -> Result<(), Fault> {
        if Some(event.page) != self.next_page() {
            return Err(Fault::corrupted(format!("page {} of places does not follow", event.page)));
        }
        self.pages = event.page;
        for rank in &event.ranks {
            let Some(amount) = rank.prize else { continue };
            let entrant = self.entrants.get(&rank.of.player);
            if entrant.is_none_or(|entrant| entrant.number != rank.number) {
                return Err(Fault::corrupted(format!("{} does not take part", rank.of.player)));
            }
            let unlisted = self.unlisted.ok_or_else(|| Fault::corrupted("a place before the closing"))?;
            self.unlisted = Some(unlisted.checked_sub(amount).map_err(damaged)?);
            let (of, place) = (rank.of.clone(), rank.place);
            self.prizes.insert(rank.number, OpenPrize { of, place, amount });
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn damaged(error: AmountError) -> Fault {
    Fault::corrupted(error.to_string())
}

/// The number after one, which an event says.
fn next(last: u64, said: u64) -> Result<u64, Fault> {
    if last.checked_add(1) == Some(said) {
        Ok(said)
    } else {
        Err(Fault::corrupted(format!("number {said} follows {last}")))
    }
}
