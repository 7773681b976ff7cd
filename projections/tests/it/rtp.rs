//! Actual returns over windows, against a few plain lines over the events.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::stored::Event;
use ledger_core::{AccountCode, AccountKind, CurrencyCode, Day, GameId};
use ledger_projections::revenue::{Breakdown, ReadRevenue, Revenue};
use ledger_projections::rtp::{GameReturn, RtpFlag, RtpRow, RtpRules, RtpWindow, actual_rtp};
use ledger_projections::{Commit, Memory};
use rust_decimal::Decimal;

use crate::figures::{each_history, feed, finest, in_every_home, signed};
use crate::naive::now;

/// By day, kind, game and currency: bets, stakes, payouts.
type Plain = BTreeMap<(String, AccountKind, Option<GameId>, CurrencyCode), (u64, i128, i128)>;

fn plain(commits: &[Arc<Commit>]) -> Plain {
    let (mut all, mut kinds) = (Plain::new(), BTreeMap::new());
    for commit in commits {
        let day = commit.body.recorded_at.to_string()[..10].to_owned();
        for record in &commit.body.events {
            match &record.event {
                Event::PlayerOpened(event) => drop(kinds.insert(commit.body.partition.clone(), event.kind)),
                Event::BetPlaced(event) => {
                    let kind = kinds[&commit.body.partition];
                    let key = (day.clone(), kind, Some(event.game.clone()), event.currency);
                    all.entry(key).or_default().0 += 1;
                }
                Event::EntryPosted(event) => {
                    for posting in event.entry.postings() {
                        let game = posting.of.as_ref().and_then(|of| GameId::new(of.as_str()).ok());
                        let key = (day.clone(), event.entry.kind(), game, posting.currency);
                        let moved = signed(posting.side, posting.account, posting.amount);
                        match posting.account {
                            AccountCode::GamingStakes => all.entry(key).or_default().1 += moved,
                            AccountCode::GamingPayouts => all.entry(key).or_default().2 += moved,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    all.retain(|_, sums| *sums != (0, 0, 0));
    all
}

fn rules(all: &Plain) -> RtpRules {
    let rated = GameReturn { rtp: Decimal::new(95, 2), deviation: Some(Decimal::from(3)) };
    let games = all.keys().filter_map(|(_, _, game, _)| Some((game.clone()?, rated))).collect();
    RtpRules { games, sigmas: Decimal::new(196, 2), bets_min: 3 }
}

fn check(reader: &dyn ReadRevenue, commits: &[Arc<Commit>]) -> usize {
    let all = plain(commits);
    let rules = rules(&all);
    let mut days: Vec<String> = all.keys().map(|(day, ..)| day.clone()).collect();
    days.dedup();
    let by = Breakdown { game: true, ..Breakdown::NONE };
    let mut seen = 0;
    for last in &days {
        let to: Day = last.parse().unwrap();
        let alone = now(actual_rtp(reader, to, RtpWindow::Days(1), by, &rules)).unwrap().value;
        check_rows(&alone, |day| day == last, &all);
        let whole = now(actual_rtp(reader, to, RtpWindow::Days(3_660), by, &rules)).unwrap().value;
        check_rows(&whole, |day| day <= last.as_str(), &all);
        seen += whole.iter().filter(|row| row.actual.is_some()).count();
        // So many bets, and no day more.
        let window = RtpWindow::Bets { bets: 4, days_max: 3_660 };
        for row in now(actual_rtp(reader, to, window, by, &rules)).unwrap().value {
            let from = row.from.to_string();
            check_rows(std::slice::from_ref(&row), |day| from.as_str() <= day && day <= last.as_str(), &all);
            let of_row = |(key, _): &(&(String, AccountKind, Option<GameId>, CurrencyCode), _)| {
                (key.1, &key.2, key.3) == (row.key.kind, &row.key.game, row.key.currency)
            };
            let later = all.iter().filter(of_row).filter(|(key, _)| key.0 > from && key.0 <= *last);
            assert!(later.map(|(_, sums)| sums.0).sum::<u64>() < 4, "the first day was needed");
        }
    }
    // All games together.
    let to: Day = days.last().unwrap().parse().unwrap();
    for row in now(actual_rtp(reader, to, RtpWindow::Days(3_660), Breakdown::NONE, &rules)).unwrap().value {
        let own = all.iter().filter(|(key, _)| (key.1, key.3) == (row.key.kind, row.key.currency));
        let sum = own.fold((0, 0, 0), |sum, (_, own)| (sum.0 + own.0, sum.1 + own.1, sum.2 + own.2));
        assert_eq!((row.bets, finest(row.stakes), finest(row.payouts)), sum);
        assert_eq!(row.flag == RtpFlag::TooFew, row.bets < 3);
    }
    seen
}

fn check_rows(rows: &[RtpRow], is_in: impl Fn(&str) -> bool, all: &Plain) {
    for row in rows {
        let own = all.iter().filter(|(key, _)| {
            is_in(&key.0) && (key.1, &key.2, key.3) == (row.key.kind, &row.key.game, row.key.currency)
        });
        let sum = own.fold((0, 0, 0), |sum, (_, own)| (sum.0 + own.0, sum.1 + own.1, sum.2 + own.2));
        assert_eq!((row.bets, finest(row.stakes), finest(row.payouts)), sum, "{row:?}");
        assert_eq!(row.actual, row.payouts.ratio(row.stakes));
        let Some(bound) = row.bound.filter(|_| row.flag != RtpFlag::TooFew) else { continue };
        let Some(deviation) = row.deviation else { continue };
        let expected = match deviation {
            deviation if deviation > bound => RtpFlag::Above,
            deviation if deviation < -bound => RtpFlag::Below,
            _ => RtpFlag::Within,
        };
        assert_eq!(row.flag, expected);
    }
}

#[test]
fn e09_actual_returns_over_windows_are_what_was_posted() {
    let seen = std::cell::Cell::new(0);
    each_history(|history, size| {
        in_every_home!(Revenue, history.identity, history.commits, size, |reader| {
            seen.set(seen.get() + check(reader, &history.commits));
        });
    });
    assert!(seen.get() > 20, "only {}", seen.get());
}
