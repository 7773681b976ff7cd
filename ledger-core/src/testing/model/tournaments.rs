//! Tournaments, as the model reads the rules: prizes and returns of a player, and the tournament itself. It counts, for each
//! who takes part, who is better; the core sorts.

use std::collections::BTreeMap;

use super::jackpots::eighteen;
use super::{Judged, Model};
use crate::house::{
    ConfigureTournament, DocumentContent, OpenTournament, RankTournament, ReleaseTournamentEntry,
    ScoreTournament, SettleTournamentPrize, TakeTournamentEntry,
};
use crate::ids::{SourceId, TournamentId, TransactionId};
use crate::money::CurrencyCode;
use crate::stored::{
    BarredPayee, PrizeOutcome, TournamentEntryRef, TournamentPrize, TournamentRemainder, TournamentScoring,
    TournamentTerms, TournamentTie,
};
use crate::tournament::{PayTournamentPrize, ReturnTournamentEntry};

impl Model {
    fn entered(
        &self,
        source: &SourceId,
        id: &TransactionId,
        (kind, tournament): (crate::account::AccountKind, &TournamentId),
    ) -> Result<(&'static str, String, String), &'static str> {
        let of = ("tournament_entry", source.to_string(), id.to_string());
        let pool = self.pool_of_purchase(&of).ok_or("payment_not_found")?;
        if pool != format!("tournament:pool of {tournament}") || kind != self.kind {
            return Err("mismatch");
        }
        Ok(of)
    }

    pub(super) fn pay_prize(&mut self, c: &PayTournamentPrize) -> Judged {
        let of = self.entered(&c.source, &c.id, (c.kind, &c.tournament))?;
        if self.currency_of_purchase(&of) != Some(c.currency) {
            return Err("mismatch");
        }
        let units = self.summed_units(c.amount, c.currency)?;
        if units == 0 {
            return Err("invalid_amount");
        }
        if c.barred == BarredPayee::Forfeit && (self.office.closed || self.excluded_here()) {
            return Ok("applied");
        }
        self.add(&format!("tournament:pool of {}", c.tournament), c.currency, -units);
        self.pay(c.currency, units);
        Ok("applied")
    }

    pub(super) fn return_entry(&mut self, c: &ReturnTournamentEntry) -> Judged {
        let of = self.entered(&c.source, &c.id, (c.kind, &c.tournament))?;
        self.return_purchase(&of)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    In,
    /// It waits to go back.
    Back,
    /// It went back before the results were fixed.
    Gone,
    /// It went back after that.
    Late,
}

#[derive(Debug, Clone)]
struct ModelEntry {
    of: TournamentEntryRef,
    currency: CurrencyCode,
    units: i128,
    entered_at: i64,
    place: Where,
    /// Position, points in units of 10^-18, bets, instant.
    score: Option<(u64, i128, u32, i64)>,
}

/// A tournament. Entries are numbered from one in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelTournament {
    terms: Option<TournamentTerms>,
    status: u8,
    entries: Vec<ModelEntry>,
    /// By number: place and prize.
    results: BTreeMap<usize, (usize, i128)>,
    pages: usize,
    settled: Vec<u64>,
}

const DRAFT: u8 = 0;
const OPEN: u8 = 1;
const ENDED: u8 = 2;
const CLOSED: u8 = 3;
const CANCELLED: u8 = 4;

type Moves = Vec<(String, String, CurrencyCode, i128)>;

fn overlay(of: &str, currency: CurrencyCode, units: i128) -> Moves {
    let moves = [("tournament:overlay".to_owned(), format!("tournament:pool of {of}"), currency, units)];
    moves.into_iter().filter(|(.., units)| *units > 0).collect()
}

fn rake(of: &str, currency: CurrencyCode, units: i128) -> Moves {
    let moves = [(format!("tournament:pool of {of}"), format!("gaming:rake of {of}"), currency, units)];
    moves.into_iter().filter(|(.., units)| *units > 0).collect()
}

impl ModelTournament {
    pub(super) fn may_configure(&self, c: &ConfigureTournament) -> Result<(), &'static str> {
        if self.status != DRAFT || self.terms.as_ref() == Some(&c.terms) || c.by == c.approved_by {
            return Err("not_allowed");
        }
        Ok(())
    }

    pub(super) fn configure(&mut self, scale: u32, c: &ConfigureTournament) -> Judged {
        let terms = &c.terms;
        let fits = |amount: &crate::money::Amount| {
            let text = amount.to_string();
            let part = text.split_once('.').map_or(0, |(_, part)| part.len());
            !text.starts_with('-') && part == usize::try_from(scale).expect("few")
        };
        let mut shares = 0;
        let mut places = 0;
        for band in &terms.prizes {
            places += band.places;
            match &band.prize {
                TournamentPrize::Fixed(amount) if !fits(amount) => return Err("not_allowed"),
                TournamentPrize::Fixed(_) => {}
                TournamentPrize::Share(share) => shares += share.get() * band.places,
            }
        }
        let amounts = [&terms.buy_in, &terms.fee, &terms.guarantee, &terms.min_stake];
        let remainder = match terms.remainder {
            TournamentRemainder::Place(place) => (1..=places).contains(&place),
            TournamentRemainder::House => true,
        };
        let sound = amounts.into_iter().all(fits)
            && shares <= 10_000
            && places > 0
            && terms.prizes.iter().all(|band| band.places > 0)
            && remainder
            && terms.from.as_micros() < terms.until.as_micros()
            && terms.until.as_micros() <= terms.results_until.as_micros()
            && (1..=10_000).contains(&terms.entries_max);
        if !sound {
            return Err("not_allowed");
        }
        self.terms = Some(terms.clone());
        Ok("applied")
    }

    /// Its currency, once it has terms.
    pub(super) fn currency(&self) -> Option<CurrencyCode> {
        self.terms.as_ref().map(|terms| terms.currency)
    }

    fn terms(&self) -> Result<&TournamentTerms, &'static str> {
        self.terms.as_ref().ok_or("not_allowed")
    }

    pub(super) fn open(&mut self, now: i64, c: &OpenTournament) -> Judged {
        let terms = self.terms()?;
        if self.status != DRAFT || now >= terms.until.as_micros() {
            return Err("not_allowed");
        }
        if DocumentContent::of(terms).expect("a document").hash() != c.terms {
            return Err("mismatch");
        }
        self.status = OPEN;
        Ok("applied")
    }

    pub(super) fn cancel(&mut self) -> Judged {
        self.terms()?;
        if self.status >= CLOSED {
            return Err("not_allowed");
        }
        self.status = CANCELLED;
        for entry in self.entries.iter_mut().filter(|entry| entry.place == Where::In) {
            entry.place = Where::Back;
        }
        Ok("applied")
    }

    pub(super) fn take(&mut self, units: i128, fee: i128, c: &TakeTournamentEntry) {
        let within = self.entries.iter().filter(|entry| entry.place == Where::In);
        let takes_part = self.status == OPEN
            && self.terms.as_ref().is_some_and(|terms| {
                let price = (eighteen(terms.buy_in.to_decimal()), eighteen(terms.fee.to_decimal()));
                c.entered_at.as_micros() < terms.until.as_micros()
                    && (c.currency, (units, fee)) == (terms.currency, price)
                    && within.clone().all(|entry| entry.of.player != c.of.player)
                    && within.clone().count() < usize::try_from(terms.entries_max).expect("few")
            });
        let place = if takes_part { Where::In } else { Where::Back };
        self.entries.push(ModelEntry {
            of: c.of.clone(),
            currency: c.currency,
            units,
            entered_at: c.entered_at.as_micros(),
            place,
            score: None,
        });
    }

    pub(super) fn release(&mut self, of: &str, c: &ReleaseTournamentEntry) -> Result<Moves, &'static str> {
        let closed = self.status == CLOSED;
        let open =
            |entry: &&mut ModelEntry| entry.of == c.of && matches!(entry.place, Where::In | Where::Back);
        let entry = self.entries.iter_mut().find(open).ok_or("not_allowed")?;
        let (currency, units) = (entry.currency, entry.units);
        let late = closed && entry.place == Where::In;
        entry.place = if late { Where::Late } else { Where::Gone };
        Ok(if late { overlay(of, currency, units) } else { Moves::new() })
    }

    pub(super) fn score(&mut self, c: &ScoreTournament) -> Judged {
        let terms = self.terms()?;
        let digits = match terms.scoring {
            TournamentScoring::HighestMultiple | TournamentScoring::MultipleSum => 4,
            TournamentScoring::Bets => 0,
            _ => u32::from(terms.buy_in.scale()),
        };
        let at = c.reached_at.as_micros();
        let in_time = at >= terms.from.as_micros() && at <= terms.results_until.as_micros();
        if !matches!(self.status, OPEN | ENDED) {
            return Err("not_allowed");
        }
        let own = |entry: &&mut ModelEntry| entry.place == Where::In && entry.of.player == c.player;
        let entry = self.entries.iter_mut().find(own).ok_or("not_allowed")?;
        let in_time = in_time && at >= entry.entered_at;
        if entry.score.is_some_and(|(known, ..)| known >= c.up_to) || !in_time {
            return Err("not_allowed");
        }
        if c.points.normalize().scale() > digits {
            return Err("precision");
        }
        entry.score = Some((c.up_to, eighteen(c.points.normalize()), c.bets, at));
        Ok("applied")
    }

    pub(super) fn end(&mut self, now: i64) -> Judged {
        if self.status != OPEN || now < self.terms()?.until.as_micros() {
            return Err("not_allowed");
        }
        self.status = ENDED;
        Ok("applied")
    }

    fn collected(&self) -> i128 {
        self.entries.iter().filter(|entry| entry.place == Where::In).map(|entry| entry.units).sum()
    }

    /// What a player's points are worth, more being better: of those who may have a place.
    fn worth(&self, terms: &TournamentTerms, number: usize) -> Option<(i128, i64, i64)> {
        let entry = self.entries.get(number)?;
        let (_, points, bets, at) = entry.score.filter(|_| entry.place == Where::In)?;
        if bets < terms.min_bets.max(1) {
            return None;
        }
        let order = i64::try_from(number).expect("few");
        let earlier = terms.tie == TournamentTie::EarlierFirst;
        Some(if earlier { (points, -at, -order) } else { (points, 0, 0) })
    }

    /// Place and prize of each who has one.
    fn standing(&self, terms: &TournamentTerms, one: i128) -> BTreeMap<usize, (usize, i128)> {
        let ranked: Vec<(usize, (i128, i64, i64))> =
            (0..self.entries.len()).filter_map(|n| Some((n, self.worth(terms, n)?))).collect();
        let shared = self.collected().max(eighteen(terms.guarantee.to_decimal()));
        let list: Vec<i128> = terms
            .prizes
            .iter()
            .flat_map(|band| {
                let prize = match &band.prize {
                    TournamentPrize::Fixed(amount) => eighteen(amount.to_decimal()),
                    TournamentPrize::Share(share) => shared / one * i128::from(share.get()) / 10_000 * one,
                };
                (0..band.places).map(move |_| prize)
            })
            .collect();
        let prize_of = |place: usize| list.get(place).copied().unwrap_or_default();
        // Of so much together, what the `nth` of `count` gets.
        let part = |all: i128, nth: usize, count: usize| {
            let (all, count) = (all / one, i128::try_from(count).expect("few"));
            (all / count + i128::from(i128::try_from(nth).expect("few") < all % count)) * one
        };
        let group = |worth: (i128, i64, i64)| -> (usize, Vec<usize>) {
            let better = ranked.iter().filter(|(_, other)| *other > worth).count();
            (better, ranked.iter().filter(|(_, other)| *other == worth).map(|(n, _)| *n).collect())
        };
        let mut all = BTreeMap::new();
        for (number, worth) in &ranked {
            let (better, same) = group(*worth);
            let nth = same.iter().position(|n| n == number).expect("itself");
            let prize = if terms.tie == TournamentTie::SharePrizes {
                part((better..better + same.len()).map(prize_of).sum(), nth, same.len())
            } else {
                prize_of(better)
            };
            all.insert(*number, (better + 1, prize));
        }
        let given: i128 = all.values().map(|(_, prize)| prize).sum();
        if let TournamentRemainder::Place(place) = terms.remainder {
            let at = usize::try_from(place).expect("few") - 1;
            for (number, worth) in &ranked {
                let (better, same) = group(*worth);
                if given < shared && (better..better + same.len()).contains(&at) {
                    let nth = same.iter().position(|n| n == number).expect("itself");
                    all.get_mut(number).expect("it has a place").1 += part(shared - given, nth, same.len());
                }
            }
        }
        all
    }

    pub(super) fn close(&mut self, of: &str, now: i64, one: i128) -> Result<Moves, &'static str> {
        let terms = self.terms()?.clone();
        if !matches!(self.status, OPEN | ENDED) || now < terms.results_until.as_micros() {
            return Err("not_allowed");
        }
        self.results = self.standing(&terms, one);
        self.status = CLOSED;
        let prizes: i128 = self.results.values().map(|(_, prize)| prize).sum();
        let lacks = prizes - self.collected();
        let mut moves = overlay(of, terms.currency, lacks);
        moves.extend(rake(of, terms.currency, -lacks));
        Ok(moves)
    }

    /// The numbers on the pages so far, best first.
    fn listed(&self) -> Vec<usize> {
        let terms = self.terms.as_ref().expect("it is closed");
        let mut order: Vec<usize> = self.results.keys().copied().collect();
        order.sort_by_key(|n| {
            let at = self.entries.get(*n).and_then(|entry| entry.score).map_or(0, |(.., at)| at);
            (
                self.results.get(n).map(|(place, _)| *place),
                if terms.tie == TournamentTie::EarlierFirst { at } else { 0 },
                *n,
            )
        });
        order.truncate(self.pages * 256);
        order
    }

    pub(super) fn page(&mut self, c: &RankTournament) -> Judged {
        let more = self.results.len() > self.pages * 256;
        if self.status != CLOSED || !more || usize::try_from(c.page).expect("few") != self.pages + 1 {
            return Err("not_allowed");
        }
        self.pages += 1;
        Ok("applied")
    }

    fn open_prizes(&self) -> BTreeMap<u64, i128> {
        if self.status != CLOSED {
            return BTreeMap::new();
        }
        let numbered = self.listed().into_iter().filter_map(|n| {
            let (_, prize) = self.results.get(&n)?;
            Some((u64::try_from(n).expect("few") + 1, *prize))
        });
        numbered.filter(|(number, prize)| *prize > 0 && !self.settled.contains(number)).collect()
    }

    pub(super) fn settle(&mut self, of: &str, c: &SettleTournamentPrize) -> Result<Moves, &'static str> {
        let prize = self.open_prizes().get(&c.number).copied().ok_or("not_allowed")?;
        self.settled.push(c.number);
        let currency = self.terms()?.currency;
        Ok(if c.outcome == PrizeOutcome::Forfeited { rake(of, currency, prize) } else { Moves::new() })
    }

    /// What it has come to, a line for each thing.
    pub(super) fn lines(&self) -> Vec<String> {
        let status = ["draft", "open", "ended", "closed", "cancelled"];
        let mut lines = vec![(*status.get(usize::from(self.status)).expect("a status")).to_owned()];
        for (at, entry) in self.entries.iter().enumerate() {
            let what = match entry.place {
                Where::In => "in",
                Where::Late => "late",
                Where::Back => "back",
                Where::Gone => continue,
            };
            let points = entry.score.filter(|_| entry.place != Where::Back);
            let points = points.map(|(up_to, points, bets, _)| (up_to, points, bets));
            lines.push(format!("{} {} {what} {points:?}", at + 1, entry.of.player));
        }
        lines.extend(self.open_prizes().iter().map(|(number, prize)| format!("prize {number} {prize}")));
        lines.sort();
        lines
    }
}
