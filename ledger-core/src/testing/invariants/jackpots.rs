//! What must hold of jackpots: of the log of one pool, and of all logs together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, balances, journal};
use crate::account::{AccountCode, AccountKind};
use crate::house::{HouseState, JackpotTally};
use crate::ids::{HouseId, JackpotId};
use crate::money::{Amount, CurrencyCode};
use crate::stored::{AwardOutcome, CommitBody, Event, JackpotOverflow, Money, SeedMovement, SweepOrigin};

/// Sums by currency, in units of 10^-18.
type Sums = BTreeMap<CurrencyCode, i128>;

fn units(amount: Amount) -> i128 {
    amount.units() * 10_i128.pow(18 - u32::from(amount.scale()))
}

fn add(sums: &mut Sums, currency: CurrencyCode, units: i128) {
    *sums.entry(currency).or_default() += units;
}

fn take_overflow(sums: &mut [&mut Sums], overflow: Option<&JackpotOverflow>) {
    for part in overflow.iter().flat_map(|overflow| &overflow.parts) {
        for sums in sums.iter_mut() {
            add(sums, part.currency, -units(part.amount));
        }
    }
}

fn give_reserve(sums: &mut [&mut Sums], parts: &[Money]) {
    for part in parts {
        for sums in sums.iter_mut() {
            add(sums, part.currency, units(part.amount));
        }
    }
}

/// I15 of a pool: what seeds and contributions gave is what awards and credits paid, what was set aside or went to another
/// jackpot, and what it holds; and what its entries moved is what its events say.
///
/// # Errors
///
/// The currency and what is off.
pub fn i15_a_pool_adds_up(
    house: &HouseId,
    commits: &[CommitBody],
    live: &HouseState,
    journal: &[Line],
) -> Result<(), String> {
    let (mut held, mut booked) = (Sums::new(), Sums::new());
    let mut awards: BTreeMap<u64, (CurrencyCode, i128)> = BTreeMap::new();
    let mut terms_currency = None;
    for record in commits.iter().flat_map(|body| &body.events) {
        match &record.event {
            Event::JackpotConfigured(event) => terms_currency = Some(event.terms.currency),
            Event::JackpotSeeded(event) if event.movement != SeedMovement::CostToReserve => {
                add(&mut held, event.currency, units(event.amount));
                add(&mut booked, event.currency, units(event.amount));
            }
            Event::JackpotStatusChanged(event) => {
                take_overflow(&mut [&mut held, &mut booked], event.overflow.as_ref());
                give_reserve(&mut [&mut held, &mut booked], &event.from_reserve);
            }
            Event::JackpotSwept(event) => {
                for part in &event.parts {
                    add(&mut held, part.currency, units(part.contributed) - units(part.drawn));
                }
                for (amount, currency) in event.reserved.iter().zip(terms_currency) {
                    add(&mut held, currency, -units(*amount));
                    add(&mut booked, currency, -units(*amount));
                }
                take_overflow(&mut [&mut held, &mut booked], event.overflow.as_ref());
            }
            Event::JackpotAwarded(event) => {
                add(&mut held, event.currency, -units(event.amount));
                if held.get(&event.currency) != Some(&units(event.carried)) {
                    return Err(format!(
                        "I15: award {} of {house} does not carry what is left",
                        event.number
                    ));
                }
                for seed in [event.seed_from_reserve, event.seed_from_cost].into_iter().flatten() {
                    add(&mut held, event.currency, units(seed));
                    add(&mut booked, event.currency, units(seed));
                }
                if awards.insert(event.number, (event.currency, units(event.amount))).is_some() {
                    return Err(format!("I15: award {} of {house} was made twice", event.number));
                }
            }
            Event::JackpotAwardSettled(event) => {
                let award = awards.remove(&event.award);
                let (currency, amount) =
                    award.ok_or_else(|| format!("I15: award {} of {house} is not open", event.award))?;
                if event.outcome == AwardOutcome::Refused {
                    add(&mut held, currency, amount);
                }
            }
            _ => {}
        }
    }
    let shown = live.jackpot().map_or(&[][..], crate::house::JackpotPool::amounts);
    let shown: Sums = shown.iter().map(|part| (part.currency, units(part.amount))).collect();
    same(house, "holds", &held, &shown)?;
    let mut posted = Sums::new();
    let Some(of) = commits.first().and_then(pool_of) else { return Ok(()) };
    let of = of.as_str();
    let is_own = |line: &&Line| {
        let sub_account = line.account.of.as_ref().map(crate::ids::SubAccount::as_str);
        line.account.code == AccountCode::JackpotLiability && sub_account == Some(of)
    };
    for line in journal.iter().filter(is_own) {
        let signed = line.signed().map_err(|error| error.to_string())?;
        add(&mut posted, line.account.currency, units(signed));
    }
    same(house, "booked", &booked, &posted)
}

fn same(house: &HouseId, what: &str, said: &Sums, found: &Sums) -> Result<(), String> {
    let rest = |sums: &Sums| -> Sums {
        sums.iter().filter(|(_, units)| **units != 0).map(|(code, units)| (*code, *units)).collect()
    };
    let (said, found) = (rest(said), rest(found));
    if said == found {
        Ok(())
    } else {
        Err(format!("I15: {house} {what} {found:?}, its events say {said:?}"))
    }
}

/// I15 over all logs: what the house owes for a jackpot is what its pool holds, what was awarded and not paid yet, what was
/// booked and not swept yet (`unswept`), and what overflowed to it and was not told yet. `all` are the logs of all players
/// and pools.
///
/// # Errors
///
/// The jackpot and what is off.
pub fn i15_the_liability_is_held_or_owed(
    (kind, jackpot): (AccountKind, &JackpotId),
    pool: &HouseState,
    all: &[&[CommitBody]],
    unswept: &JackpotTally,
) -> Result<(), String> {
    let lines: Vec<Line> = all.iter().flat_map(|commits| journal(commits)).collect();
    let mut found = Sums::new();
    for (account, balance) in balances(&lines).map_err(|error| error.to_string())? {
        let of = account.of.as_ref().map(crate::ids::SubAccount::as_str);
        let is_own = account.kind == kind && of == Some(jackpot.as_str());
        if account.code == AccountCode::JackpotLiability && is_own {
            add(&mut found, account.currency, units(balance));
        }
    }
    let mut said = Sums::new();
    let held = pool.jackpot().map_or(&[][..], crate::house::JackpotPool::amounts);
    for part in held {
        add(&mut said, part.currency, units(part.amount));
    }
    for (booked_kind, of, currency, sums) in unswept.booked() {
        if booked_kind == kind && of == jackpot {
            add(&mut said, currency, units(sums.contributed) - units(sums.drawn));
        }
    }
    let events = || all.iter().flat_map(|commits| commits.iter()).flat_map(|body| &body.events);
    let paid: BTreeSet<u64> = events()
        .filter_map(|record| match &record.event {
            Event::JackpotPaid(event) if event.jackpot == *jackpot => Some(event.award),
            _ => None,
        })
        .collect();
    for award in pool.jackpot().map_or(&[][..], crate::house::JackpotPool::open_awards) {
        if !paid.contains(&award.number) {
            add(&mut said, award.currency, units(award.amount));
        }
    }
    // Each pool numbers what leaves it, and only what it has told is in the other.
    for commits in all {
        let from = commits.first().and_then(pool_of);
        let Some(from) = from else { continue };
        let told = pool.jackpot().map_or(0, |pool| pool.swept(&SweepOrigin::Jackpot(from)));
        for record in commits.iter().flat_map(|body| &body.events) {
            let overflow = match &record.event {
                Event::JackpotSwept(event) => event.overflow.as_ref(),
                Event::JackpotStatusChanged(event) => event.overflow.as_ref(),
                _ => None,
            };
            let untold = |overflow: &&JackpotOverflow| overflow.to == *jackpot && overflow.number > told;
            if let Some(overflow) = overflow.filter(untold) {
                overflow.parts.iter().for_each(|part| add(&mut said, part.currency, units(part.amount)));
            }
        }
    }
    let house = HouseId::new(format!("jackpot/{jackpot}")).map_err(|error| error.to_string())?;
    same(&house, "is owed", &said, &found)
}

/// The jackpot whose pool a commit is of.
fn pool_of(body: &CommitBody) -> Option<JackpotId> {
    let crate::partition::Partition::House(house) = &body.partition else { return None };
    let name = house.as_str().trim_start_matches("test/").strip_prefix("jackpot/")?;
    JackpotId::new(name).ok()
}
