//! The views, computed in the plainest way straight from the events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_core::stored::{CommitBody, Event, RoundStatus};
use ledger_core::{
    Account, AccountCode, AccountKind, Entry, Partition, PlayerId, PlayerState, RoundRef, Side, Stream,
};
use ledger_projections::balances::{PlayerBalances, ReadBalances};
use ledger_projections::rounds::{ReadRounds, RoundRow};
use ledger_projections::trial_balance::{Detail, ReadTrialBalance};
use ledger_projections::{Commit, Total};

use crate::history::{World, folded};

/// What a read answers: those in memory and in SQLite do so at once, others are waited for, on any thread.
pub(crate) fn now<T>(read: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut read = std::pin::pin!(read);
    loop {
        match read.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(answer) => return answer,
            std::task::Poll::Pending => std::thread::park_timeout(std::time::Duration::from_millis(100)),
        }
    }
}

fn entries(commits: &[Arc<Commit>]) -> impl Iterator<Item = (&Commit, &Entry)> {
    commits.iter().flat_map(|commit| {
        let commit = commit.as_ref();
        commit.body.events.iter().filter_map(move |record| match &record.event {
            Event::EntryPosted(event) => Some((commit, &event.entry)),
            _ => None,
        })
    })
}

fn signed(side: Side, code: AccountCode, units: i128) -> i128 {
    if side == code.class().normal_side() { units } else { -units }
}

pub(crate) fn check_balances(reader: &dyn ReadBalances, world: &World, commits: &[Arc<Commit>]) {
    let states = world.players().into_iter().map(|player| (player.clone(), world.state(&player).clone()));
    check_balances_of(reader, &states.collect(), commits);
}

/// The balances of these players, and no others, against the entries and against the states they are decided on.
pub(crate) fn check_balances_of(
    reader: &dyn ReadBalances,
    states: &BTreeMap<PlayerId, PlayerState>,
    commits: &[Arc<Commit>],
) {
    let mut expected: BTreeMap<(PlayerId, Account), i128> = BTreeMap::new();
    for (commit, entry) in entries(commits) {
        let Partition::Player(player) = &commit.body.partition else { continue };
        for posting in entry.postings().iter().filter(|posting| posting.account.is_player()) {
            let units = signed(posting.side, posting.account, posting.amount.units());
            *expected.entry((player.clone(), entry.account(posting))).or_default() += units;
        }
    }
    expected.retain(|_, units| *units != 0);
    let mut found = BTreeMap::new();
    let mut listed = Vec::new();
    for (player, state) in states {
        let answer = now(reader.player(player)).unwrap();
        let last = commits.iter().rev().find(|commit| commit.shard == answer.shard);
        assert_eq!(answer.head.position.0, last.map_or(0, |commit| commit.position.0));
        assert_eq!(answer.incomplete, None);
        assert_eq!(answer.value.is_some(), state.profile().is_some());
        let Some(balances) = answer.value else { continue };
        assert_eq!(Some(balances.kind), state.profile().map(|profile| profile.kind));
        let mut purses = state.balances();
        purses.sort_by_key(|purse| purse.currency);
        assert_eq!(balances.purses, purses, "the view's purses are those the player is decided on");
        listed.push((player.clone(), balances.clone()));
        for row in balances.accounts {
            found.insert((player.clone(), row.account), row.balance.units());
        }
    }
    assert_eq!(found, expected);
    assert_eq!(all_players(reader, 2), listed, "every player is listed once, in order");
}

fn all_players(reader: &dyn ReadBalances, limit: usize) -> Vec<(PlayerId, PlayerBalances)> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = now(reader.list(cursor.as_ref(), limit)).unwrap().value;
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

/// Units of 10^-18: accounts of the house may be finer than their currency.
fn finest(amount: Total) -> i128 {
    amount.rescale_up(18).unwrap().units()
}

pub(crate) fn check_trial_balance(reader: &dyn ReadTrialBalance, commits: &[Arc<Commit>]) {
    let mut expected: BTreeMap<Account, (i128, i128)> = BTreeMap::new();
    for (_, entry) in entries(commits) {
        for posting in entry.postings() {
            let mut account = entry.account(posting);
            account.of = account.of.filter(|_| !posting.account.is_player());
            let sums = expected.entry(account).or_default();
            let finer = 10_i128.pow(18 - u32::from(posting.amount.scale()));
            match posting.side {
                Side::Debit => sums.0 += posting.amount.units() * finer,
                Side::Credit => sums.1 += posting.amount.units() * finer,
            }
        }
    }
    let rows = now(reader.rows(Detail::SubAccount)).unwrap();
    let found: BTreeMap<_, _> =
        rows.value.into_iter().map(|row| (row.account, (finest(row.debits), finest(row.credits)))).collect();
    assert_eq!(found, expected);
    let coarse = now(reader.rows(Detail::Account)).unwrap().value;
    assert!(coarse.iter().all(|row| row.account.of.is_none()));
    for book in now(reader.totals()).unwrap().value {
        assert_eq!(book.debits, book.credits);
        let of_book = expected.iter().filter(|(account, _)| {
            account.kind == book.kind && account.currency == book.currency && account.code.book() == book.book
        });
        assert_eq!(finest(book.debits), of_book.map(|(_, sums)| sums.0).sum::<i128>());
    }
}

fn all_rounds(reader: &dyn ReadRounds, limit: usize) -> Vec<RoundRow> {
    let mut rows = Vec::new();
    for status in [RoundStatus::Open, RoundStatus::Closed, RoundStatus::Void, RoundStatus::Cancelled] {
        let (mut cursor, start) = (None, rows.len());
        loop {
            let page = now(reader.list(status, cursor.as_ref(), limit)).unwrap().value;
            assert!(page.rows.len() <= limit && page.rows.iter().all(|row| row.status == status));
            rows.extend(page.rows);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let cursors: Vec<_> = rows[start..].iter().map(RoundRow::cursor).collect();
        assert!(cursors.is_sorted(), "listed in order of cursors");
    }
    rows
}

pub(crate) fn check_rounds(reader: &dyn ReadRounds, commits: &[Arc<Commit>]) {
    for (row, stream) in check_rounds_of(reader, commits) {
        check_money(&row, &stream, commits);
    }
}

/// Every round against what the core folds, and every game against what was posted.
pub(crate) fn check_rounds_of(reader: &dyn ReadRounds, commits: &[Arc<Commit>]) -> Vec<(RoundRow, Stream)> {
    let bodies: Vec<CommitBody> = commits.iter().map(|commit| commit.body.clone()).collect();
    let mut streams = BTreeSet::new();
    for record in bodies.iter().flat_map(|body| &body.events) {
        if let Stream::Round(player, source, round) = &record.stream {
            streams.insert((player.clone(), RoundRef { source: source.clone(), round: round.clone() }));
        }
    }
    let listed = all_rounds(reader, 3);
    assert_eq!(listed.len(), streams.len(), "every round is listed once");
    let mut rows = Vec::new();
    for (player, reference) in streams {
        let row = now(reader.round(&player, &reference.source, &reference.round)).unwrap().value.unwrap();
        assert!(listed.contains(&row));
        let core = folded(&player, &reference, &bodies).unwrap();
        assert_eq!((&row.bets, &row.wins), (&core.bets, &core.wins));
        assert_eq!((row.status, row.currency, row.version), (core.status, core.currency, core.version));
        assert_eq!((row.by_rule, &row.session), (core.by_rule, &core.session));
        let stream = Stream::Round(player, reference.source, reference.round);
        let held = |commit: &&Arc<Commit>| commit.body.events.iter().any(|record| record.stream == stream);
        let first = commits.iter().find(held).unwrap();
        assert_eq!((row.opened.at, row.opened.position), (first.body.recorded_at, first.position));
        assert_eq!(row.closed.is_some(), row.status != RoundStatus::Open);
        rows.push((row, stream));
    }
    check_games(reader, commits);
    rows
}

/// Staked, paid and refunded, from the amounts in the events alone.
fn check_money(row: &RoundRow, stream: &Stream, commits: &[Arc<Commit>]) {
    let (mut staked, mut paid, mut refunded) = (0, 0, 0);
    // What of each bet has not gone back yet.
    let mut stakes = BTreeMap::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events).filter(|r| r.stream == *stream) {
        match &record.event {
            Event::BetPlaced(event) => {
                staked += event.stake.units();
                stakes.insert(event.bet.clone(), event.stake.units());
            }
            Event::WinCredited(event) => paid += event.amount.units(),
            Event::BetSettled(event) => paid += event.win.units(),
            Event::WinRolledBack(event) => paid -= event.amount.units(),
            Event::BetCashedOut(event) => paid += event.amount.units(),
            Event::BetResettled(event) => paid += event.amount.units() - event.previous.units(),
            Event::BetUnsettled(event) => paid -= event.win.units(),
            Event::SettlementVoided(event) => {
                paid -= event.win.units();
                refunded += event.stake.units();
            }
            Event::BetReturned(event) => {
                refunded += event.stake.units();
                *stakes.get_mut(&event.bet).unwrap() -= event.stake.units();
            }
            Event::BetRolledBack(event) => refunded += event.stake.units(),
            Event::BetVoided(event) => refunded += event.stake.units(),
            Event::RoundVoided(event) => refunded += event.bets.iter().map(|bet| stakes[bet]).sum::<i128>(),
            _ => {}
        }
    }
    assert_eq!((row.staked.units(), row.paid.units(), row.refunded.units()), (staked, paid, refunded));
}

/// Stakes and payouts of games are what was posted on `gaming:stakes` and `gaming:payouts`.
fn check_games(reader: &dyn ReadRounds, commits: &[Arc<Commit>]) {
    let mut posted: BTreeMap<(AccountKind, String, String), (i128, i128)> = BTreeMap::new();
    for (_, entry) in entries(commits) {
        for posting in entry.postings() {
            let units = signed(posting.side, posting.account, posting.amount.units());
            let game = posting.of.iter().map(ToString::to_string).collect();
            let sums = posted.entry((entry.kind(), game, posting.currency.to_string()));
            match posting.account {
                AccountCode::GamingStakes => sums.or_default().0 += units,
                AccountCode::GamingPayouts => sums.or_default().1 += units,
                _ => {}
            }
        }
    }
    posted.retain(|_, sums| *sums != (0, 0));
    let games = now(reader.games()).unwrap().value;
    for game in &games {
        // What played elsewhere was in no round.
        assert!(game.rounds > 0 || !game.payouts.is_zero() || !game.stakes.is_zero());
        assert_eq!(game.rtp().is_none(), game.stakes == Total::default());
        assert_eq!(game.ggr().unwrap().plus(game.payouts), Some(game.stakes));
    }
    let found: BTreeMap<_, _> = games
        .into_iter()
        .filter(|game| !game.stakes.is_zero() || !game.payouts.is_zero())
        .map(|game| {
            let key = (game.kind, game.game.to_string(), game.currency.to_string());
            (key, (game.stakes.units(), game.payouts.units()))
        })
        .collect();
    assert_eq!(found, posted);
}
