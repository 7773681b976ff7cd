//! What must hold of tournaments: of the log of one, and of all logs together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, balances, journal};
use crate::account::{AccountCode, AccountKind};
use crate::house::{HouseState, Tournament};
use crate::ids::{HouseId, SubAccount, TournamentId};
use crate::money::{Amount, CurrencyCode};
use crate::partition::{Partition, Stream};
use crate::stored::{CommitBody, Event, PrizeOutcome, TournamentEntryRef};

type Sums = BTreeMap<CurrencyCode, i128>;

fn add(sums: &mut Sums, currency: CurrencyCode, units: i128) {
    *sums.entry(currency).or_default() += units;
}

fn same(house: &HouseId, what: &str, said: &Sums, found: &Sums) -> Result<(), String> {
    let rest = |sums: &Sums| -> Sums {
        sums.iter().filter(|(_, units)| **units != 0).map(|(code, units)| (*code, *units)).collect()
    };
    let (said, found) = (rest(said), rest(found));
    if said == found {
        Ok(())
    } else {
        Err(format!("I28: {house} {what} {found:?}, its events say {said:?}"))
    }
}

fn owed(live: &HouseState) -> Result<Sums, String> {
    let owed = live.tournament().map_or(Ok(Vec::new()), Tournament::owed);
    let owed = owed.map_err(|error| error.to_string())?;
    Ok(owed.into_iter().map(|part| (part.currency, part.amount.units())).collect())
}

/// I28 of a tournament: what entries brought and the house added is what prizes took, what went back, what the house kept,
/// and what is left; and what its entries moved is what its events say.
///
/// # Errors
///
/// The currency and what is off.
pub fn i28_a_tournament_adds_up(
    house: &HouseId,
    commits: &[CommitBody],
    live: &HouseState,
    journal: &[Line],
) -> Result<(), String> {
    let (mut left, mut booked) = (Sums::new(), Sums::new());
    let mut entries: BTreeMap<u64, (CurrencyCode, Amount)> = BTreeMap::new();
    let mut prizes: BTreeMap<u64, Amount> = BTreeMap::new();
    let mut currency = None;
    let (mut to_list, mut house_gave) = (0, Vec::new());
    for record in commits.iter().flat_map(|body| &body.events) {
        match &record.event {
            Event::TournamentConfigured(event) => currency = Some(event.terms.currency),
            Event::TournamentEntryTaken(event) => {
                add(&mut left, event.currency, event.buy_in.units());
                if entries.insert(event.number, (event.currency, event.buy_in)).is_some() {
                    return Err(format!("I28: entry {} of {house} came twice", event.number));
                }
            }
            Event::TournamentEntryReleased(event) => {
                let entry = entries.remove(&event.number);
                let (currency, amount) =
                    entry.ok_or_else(|| format!("I28: entry {} of {house} went back twice", event.number))?;
                add(&mut left, currency, -amount.units());
                house_gave.extend(event.overlay.map(|overlay| (currency, overlay.units())));
            }
            Event::TournamentClosed(event) => {
                let currency = currency.ok_or_else(|| format!("I28: {house} closed without terms"))?;
                house_gave.extend(event.overlay.map(|overlay| (currency, overlay.units())));
                house_gave.extend(event.to_house.map(|kept| (currency, -kept.units())));
                to_list = event.prizes.units();
            }
            Event::TournamentRanked(event) => {
                for rank in &event.ranks {
                    let Some(prize) = rank.prize else { continue };
                    to_list -= prize.units();
                    if prizes.insert(rank.number, prize).is_some() {
                        return Err(format!("I28: entry {} of {house} won twice", rank.number));
                    }
                }
                if to_list < 0 {
                    return Err(format!("I28: prizes of {house} are more than its closing says"));
                }
            }
            Event::TournamentPrizeSettled(event) => {
                let prize = prizes.remove(&event.number);
                let prize =
                    prize.ok_or_else(|| format!("I28: prize {} of {house} is not open", event.number))?;
                let currency = currency.ok_or_else(|| format!("I28: {house} paid without terms"))?;
                match event.outcome {
                    PrizeOutcome::Paid(_) => add(&mut left, currency, -prize.units()),
                    PrizeOutcome::Forfeited => house_gave.push((currency, -prize.units())),
                }
            }
            _ => {}
        }
    }
    for (currency, units) in house_gave {
        add(&mut left, currency, units);
        add(&mut booked, currency, units);
    }
    same(house, "owes", &left, &owed(live)?)?;
    let mut posted = Sums::new();
    for line in journal.iter().filter(|line| line.account.code == AccountCode::TournamentPool) {
        let signed = line.signed().map_err(|error| error.to_string())?;
        add(&mut posted, line.account.currency, signed.units());
    }
    same(house, "booked", &booked, &posted)
}

fn entry_ref(body: &CommitBody, stream: &Stream) -> Option<TournamentEntryRef> {
    let (Partition::Player(player), Stream::Purchase(_, of)) = (&body.partition, stream) else { return None };
    Some(TournamentEntryRef { player: player.clone(), source: of.source.clone(), id: of.id.clone() })
}

/// I28 over all logs: what is on the account of a tournament's pool is what the tournament owes, with what players paid, got
/// back or won and it was not told yet. `all` are the logs of all players, and of the tournament.
///
/// # Errors
///
/// The tournament and what is off.
pub fn i28_the_pool_is_held_or_owed(
    (kind, tournament): (AccountKind, &TournamentId),
    live: &HouseState,
    all: &[&[CommitBody]],
) -> Result<(), String> {
    let lines: Vec<Line> = all.iter().flat_map(|commits| journal(commits)).collect();
    let mut found = Sums::new();
    for (account, balance) in balances(&lines).map_err(|error| error.to_string())? {
        let of = account.of.as_ref().map(SubAccount::as_str);
        if account.code == AccountCode::TournamentPool
            && account.kind == kind
            && of == Some(tournament.as_str())
        {
            add(&mut found, account.currency, balance.units());
        }
    }
    let events = || {
        all.iter()
            .flat_map(|commits| commits.iter())
            .flat_map(|body| body.events.iter().map(move |r| (body, r)))
    };
    let (mut taken, mut numbers) = (BTreeSet::new(), BTreeMap::new());
    let (mut released, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for (_, record) in events() {
        match &record.event {
            Event::TournamentEntryTaken(event) => {
                taken.insert(event.of.clone());
                numbers.insert(event.number, event.of.clone());
            }
            Event::TournamentEntryReleased(event) => released.extend(numbers.get(&event.number).cloned()),
            Event::TournamentPrizeSettled(event) => {
                settled.insert(event.number);
            }
            _ => {}
        }
    }
    let mut said = owed(live)?;
    let mut paid_in: BTreeMap<TournamentEntryRef, Amount> = BTreeMap::new();
    for (body, record) in events() {
        match &record.event {
            Event::TournamentEntered(event) if event.tournament.as_str() == tournament.as_str() => {
                let Some(of) = entry_ref(body, &record.stream) else { continue };
                if !taken.contains(&of) {
                    add(&mut said, event.currency, event.buy_in.units());
                }
                paid_in.insert(of, event.buy_in);
            }
            Event::TournamentEntryReturned(event) => {
                let Some(of) = entry_ref(body, &record.stream) else { continue };
                if let Some(buy_in) = paid_in.get(&of).filter(|_| !released.contains(&of)) {
                    add(&mut said, event.currency, -buy_in.units());
                }
            }
            Event::TournamentPrizePaid(event)
                if event.tournament == *tournament && !settled.contains(&event.prize) =>
            {
                add(&mut said, event.currency, -event.amount.units());
            }
            _ => {}
        }
    }
    let house = HouseId::new(format!("tournament/{tournament}")).map_err(|error| error.to_string())?;
    same(&house, "is owed", &said, &found)
}
