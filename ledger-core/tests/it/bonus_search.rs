//! A search for a way from bonus credits to cash: the entries of random histories, read without the checkers of
//! invariants. `LEDGER_SEARCH_COMMANDS` says how many commands are tried; thousands in the ordinary suite, millions by
//! hand (docs/testing.md).

use std::collections::BTreeMap;

use ledger_core::stored::{AwardRef, BonusIssued, CommitBody, Event};
use ledger_core::testing::{generators, given_nobody};
use ledger_core::{AccountCode, Book, MaxConversion, Principal, Side, Stream};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rust_decimal::Decimal;

use crate::config;

/// How many commands are tried if nothing says otherwise.
const COMMANDS: usize = 40_000;

/// An award as its own events tell it.
struct Told {
    issued: BonusIssued,
    progress: i128,
    cash: i128,
    over: bool,
}

impl Told {
    /// The most that may become cash of it, of so many credits in the end.
    fn most(&self) -> i128 {
        let euro = |amount: ledger_core::Amount| amount.to_decimal();
        let scale = u32::from(self.issued.amount.scale());
        match &self.issued.terms.max_conversion {
            None => i128::MAX,
            Some(MaxConversion::Fixed { amounts }) => {
                amounts.get(&self.issued.currency).map_or(i128::MAX, |most| {
                    let mut most = euro(*most);
                    most.rescale(scale);
                    most.mantissa()
                })
            }
            Some(MaxConversion::Times { times }) => {
                self.issued.amount.units() * i128::from(times.get()) / 10_000
            }
            Some(other) => panic!("{other:?} is not known here"),
        }
    }

    /// What of it may have been released at its progress.
    fn released(&self) -> i128 {
        let Some(share) = self.issued.terms.release_every else { return 0 };
        let (share, target) = (i128::from(share.get()), self.issued.target.units());
        let steps = (self.progress * 10_000).checked_div(target * share).unwrap_or_default();
        self.issued.amount.units() * (steps * share).min(10_000) / 10_000
    }
}

/// What one entry brings over the bridge, after a look at its books.
fn bridged(postings: &[ledger_core::Posting]) -> Result<i128, String> {
    let mut books: BTreeMap<(bool, String), Decimal> = BTreeMap::new();
    let (mut cost, mut converted) = (0, 0);
    for posting in postings {
        let units = posting.amount.units();
        let is_debit = posting.side == Side::Debit;
        let signed = if is_debit { units } else { -units };
        let is_bonus = posting.account.book() == Book::Bonus;
        // Some accounts of the house are at a finer scale.
        let amount = posting.amount.to_decimal();
        let sum = books.entry((is_bonus, posting.currency.to_string())).or_default();
        *sum += if is_debit { amount } else { -amount };
        match posting.account {
            AccountCode::BonusCost => cost += signed,
            AccountCode::BonusConverted => converted -= signed,
            _ => {}
        }
    }
    if cost != converted || cost < 0 {
        return Err(format!("{cost} of cash for {converted} of credits"));
    }
    // Each book balances alone, so credits cannot leave theirs but by being converted.
    match books.iter().find(|(_, sum)| !sum.is_zero()) {
        Some((book, sum)) => Err(format!("{book:?} is off by {sum}")),
        None => Ok(cost),
    }
}

/// Reads a log; answers with how often credits became cash.
fn search(commits: &[CommitBody]) -> Result<usize, String> {
    let mut awards: BTreeMap<AwardRef, Told> = BTreeMap::new();
    let mut found = 0;
    for body in commits {
        let mut crossings: BTreeMap<u64, i128> = BTreeMap::new();
        for record in &body.events {
            if let Event::EntryPosted(posted) = &record.event {
                let cash = bridged(posted.entry.postings())?;
                if cash > 0 {
                    crossings.insert(record.version, cash);
                }
            }
            let Stream::Bonus(_, of) = &record.stream else { continue };
            if let Event::BonusIssued(issued) = &record.event {
                let told = Told { issued: issued.clone(), progress: 0, cash: 0, over: false };
                awards.insert(of.clone(), told);
                continue;
            }
            // An offer is nobody's yet: it can only be granted, or end.
            let is_offer = !awards.contains_key(of);
            if is_offer
                && matches!(
                    record.event,
                    Event::BonusOffered(_) | Event::BonusExpired(_) | Event::BonusForfeited(_)
                )
            {
                continue;
            }
            let award = awards.get_mut(of).ok_or_else(|| format!("{} was never issued", of.id))?;
            if award.over {
                return Err(format!("{} after the end of {}", record.event.type_name(), of.id));
            }
            let (entry, amount) = match &record.event {
                Event::WagerProgressUpdated(step) => {
                    award.progress = step.progress.units();
                    continue;
                }
                Event::BonusReleased(event) => {
                    if award.issued.terms.principal == Principal::Removed
                        || award.cash + event.amount.units() > award.released()
                    {
                        return Err(format!("{} released {} too early", of.id, event.amount));
                    }
                    (event.entry, event.amount.units())
                }
                Event::BonusConverted(event) => {
                    award.over = true;
                    if award.progress != award.issued.target.units() {
                        return Err(format!("{} is converted at {}", of.id, award.progress));
                    }
                    (event.entry, event.converted.units())
                }
                Event::BonusLost(_) | Event::BonusExpired(_) | Event::BonusForfeited(_) => {
                    award.over = true;
                    continue;
                }
                _ => continue,
            };
            if crossings.remove(&entry).unwrap_or_default() != amount {
                return Err(format!("{} says {amount}, its entry {entry} another", of.id));
            }
            award.cash += amount;
            found += 1;
            if award.cash > award.most() {
                return Err(format!("{} brought {}", of.id, award.cash));
            }
        }
        if let Some((entry, cash)) = crossings.first_key_value() {
            return Err(format!("entry {entry} made {cash} of cash that no award names"));
        }
    }
    Ok(found)
}

#[test]
fn no_path_leads_from_bonus_to_cash_but_a_conversion() {
    let wanted = std::env::var("LEDGER_SEARCH_COMMANDS").ok().and_then(|text| text.parse().ok());
    let wanted: usize = wanted.unwrap_or(COMMANDS);
    let mut runner = TestRunner::new_with_rng(config(1), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (mut tried, mut found) = (0, 0);
    while tried < wanted {
        let (policy, history) = generators::runs(20..80).new_tree(&mut runner).unwrap().current();
        let mut ledger = given_nobody().policy(policy).ledger().clone();
        for (step, command) in history.iter().enumerate() {
            ledger.advance_secs(u32::try_from(step % 3).unwrap());
            ledger.execute(command).unwrap();
        }
        tried += history.len();
        found += search(ledger.commits()).unwrap_or_else(|path| panic!("{path}: {history:?}"));
    }
    println!("{tried} commands, {found} conversions");
    assert!(found * 2_000 > tried, "{found} conversions in {tried} commands are too few to tell");
}

#[test]
fn the_search_finds_what_it_looks_for() {
    use ledger_core::testing::{commands, given};
    let mut terms = commands::bonus_terms(1);
    terms.release_every = Some(commands::basis_points(5_000));
    let player = given().cash("10.00").terms("welcome", terms).when(commands::grant_bonus("A", "10"));
    let done = player.bet("T1", "R", "5").bet("T2", "Q", "5").applied();
    let commits = done.ledger().commits().to_vec();
    assert_eq!(search(&commits), Ok(2));
    let changed = |change: &dyn Fn(&mut Event)| {
        let mut commits = commits.clone();
        commits.iter_mut().flat_map(|body| &mut body.events).for_each(|record| change(&mut record.event));
        search(&commits)
    };
    let less = changed(&|event| {
        if let Event::BonusReleased(released) = event {
            released.amount = "4.99".parse().unwrap();
        }
    });
    let early = changed(&|event| {
        if let Event::BonusIssued(issued) = event {
            issued.target = "10.01".parse().unwrap();
        }
    });
    let capped = changed(&|event| {
        if let Event::BonusIssued(issued) = event {
            let times = commands::basis_points(9_999);
            issued.terms.max_conversion = Some(MaxConversion::Times { times });
        }
    });
    for result in [less, early, capped] {
        assert!(result.is_err());
    }
    let mut unnamed = commits.clone();
    for body in &mut unnamed {
        body.events.retain(|record| record.event.type_name() != "bonus.converted");
    }
    assert!(search(&unnamed).is_err());
}
