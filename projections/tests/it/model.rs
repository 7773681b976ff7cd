//! A view of a host's own: the model of the documentation, in every home.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::stored::{Event, EventRecord};
use ledger_core::{CurrencyCode, GameId};
use ledger_projections::testing::{InMemory, check_all};
use ledger_projections::{
    Commit, EventPlace, KEY_BYTES_MAX, Memory, Model, PAGE_MAX, ReadModel, Rows, Total, View, ViewError,
};
use serde::{Deserialize, Serialize};

use crate::history::World;
use crate::naive::now;
use crate::property::block_on;

/// How much was staked on each game, per currency; a game whose last bet was rolled back has no row.
pub(crate) struct Turnover;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staked {
    bets: u64,
    stakes: Total,
}

type Key = (GameId, CurrencyCode);

impl Model for Turnover {
    const NAME: &'static str = "turnover";
    const VERSION: u32 = 1;
    type Key = Key;
    type Row = Staked;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        let Event::BetPlaced(bet) = &record.event else { return Ok(()) };
        if commit.body.engine == "poison" {
            return Err(commit.poison_event(record, "a test"));
        }
        rows.update(&(bet.game.clone(), bet.currency), |row| {
            row.bets = row.bets.checked_add(1)?;
            row.stakes = row.stakes.plus(bet.stake)?;
            Some(())
        })
    }

    fn join(row: &mut Staked, other: Staked) -> Option<()> {
        row.bets = row.bets.checked_add(other.bets)?;
        row.stakes = row.stakes.plus(other.stakes)?;
        Some(())
    }
}

/// Where each event of a bet stands.
struct Places;

impl Model for Places {
    const NAME: &'static str = "places";
    const VERSION: u32 = 1;
    type Key = EventPlace;
    type Row = String;

    fn fold(rows: &mut Rows<'_, Self>, _: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        let place = rows.event_place();
        rows.put(&place, record.event.type_name().to_owned())
    }

    fn join(_: &mut String, _: String) -> Option<()> {
        None
    }
}

/// Of two events that are the same each has a place of its own.
#[test]
fn an_event_is_found_by_its_place_and_not_by_what_it_says() {
    let mut world = World::new(1, 2, 34);
    let mut commits = crate::history::decoded(&world.run(3));
    for commit in &mut commits {
        let commit = Arc::make_mut(commit);
        commit.body.events = [commit.body.events.clone(), commit.body.events.clone()].concat();
    }
    let mut view = Memory::<Places>::new(&world.identity);
    block_on(view.apply(&commits)).unwrap();
    for commit in &commits {
        for (index, record) in (0..).zip(&commit.body.events) {
            let place = EventPlace { position: commit.position, index };
            let found = now(view.reader().get(&place)).unwrap().value;
            assert_eq!(found.as_deref(), Some(record.event.type_name()), "{place:?}");
        }
    }
}

fn naive(commits: &[Arc<Commit>]) -> BTreeMap<Key, Staked> {
    let mut rows = BTreeMap::<Key, Staked>::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events) {
        if let Event::BetPlaced(bet) = &record.event {
            let row = rows.entry((bet.game.clone(), bet.currency)).or_default();
            row.bets += 1;
            row.stakes = row.stakes.plus(bet.stake).unwrap();
        }
    }
    rows
}

pub(crate) fn check(reader: &dyn ReadModel<Turnover>, commits: &[Arc<Commit>]) {
    let expected = naive(commits);
    for limit in [1, 2, PAGE_MAX] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = now(reader.list(cursor.as_ref(), limit)).unwrap().value;
            assert!(page.rows.len() <= limit);
            found.extend(page.rows);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), expected.len(), "each key once, with pages of {limit}");
        assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }
    for (key, row) in &expected {
        let answer = now(reader.get(key)).unwrap();
        assert_eq!(answer.value.as_ref(), Some(row));
        assert_eq!(answer.checkpoint.commits(), commits.len() as u64);
    }
    let nothing = (GameId::new("no such game").unwrap(), CurrencyCode::new("EUR").unwrap());
    assert_eq!(now(reader.get(&nothing)).unwrap().value, None);
}

pub(crate) fn poison(commit: &Commit) -> Option<Commit> {
    let is_bet = |record: &EventRecord| matches!(record.event, Event::BetPlaced(_));
    let mut poison = commit.clone();
    poison.body.engine = "poison".into();
    commit.body.events.iter().any(is_bet).then_some(poison)
}

#[tokio::test]
async fn it_passes_the_kit() {
    let mut world = World::new(4, 6, 81);
    let history = world.commits(250);
    let mut subject = InMemory::<Turnover>::of_model(&world.identity).with_poison(poison);
    check_all(&mut subject, &history).await.unwrap();
    #[cfg(feature = "sqlite")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut subject =
            ledger_projections::testing::InSqlite::<Turnover>::new(&world.identity, folder.path())
                .with_poison(poison);
        check_all(&mut subject, &history).await.unwrap();
    }
}

#[test]
fn it_equals_the_naive_in_every_home() {
    for seed in 82..90 {
        let mut world = World::new(1 << (seed % 4), 6, seed);
        let commits = world.commits(200);
        let mut view = Memory::<Turnover>::new(&world.identity);
        for batch in commits.chunks(17) {
            block_on(view.apply(batch)).unwrap();
        }
        check(&view.reader(), &commits);
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("turnover");
            let mut view =
                ledger_projections::sqlite::Sqlite::<Turnover>::open(path, &world.identity).unwrap();
            for batch in commits.chunks(17) {
                block_on(view.apply(batch)).unwrap();
            }
            check(&view.reader().unwrap(), &commits);
        }
    }
}

/// A model that puts, gets and removes, with a key that can be too long and sums that can be too large.
struct Last;

impl Model for Last {
    const NAME: &'static str = "last";
    const VERSION: u32 = 1;
    type Key = String;
    type Row = u64;

    fn fold(rows: &mut Rows<'_, Self>, commit: &Commit, record: &EventRecord) -> Result<(), ViewError> {
        let key = record.event.type_name().to_owned();
        match commit.position.0 % 4 {
            0 => rows.remove(&key)?,
            1 => rows.put(&key, commit.position.0)?,
            2 => {
                let known = rows.get(&key)?.unwrap_or_default();
                rows.put(&key, known + 1)?;
            }
            _ => rows.update(&key, |row| {
                *row += 1;
                (commit.body.engine != "large").then_some(())
            })?,
        }
        if commit.body.engine == "long" {
            rows.put(&"x".repeat(KEY_BYTES_MAX), 0)?;
        }
        Ok(())
    }

    fn join(row: &mut u64, other: u64) -> Option<()> {
        *row = row.checked_add(other)?;
        Some(())
    }
}

#[test]
fn rows_are_put_changed_and_taken_away() {
    let mut world = World::new(2, 4, 91);
    let commits = world.commits(150);
    let mut expected = BTreeMap::<(ledger_store::Shard, String), u64>::new();
    for commit in &commits {
        for record in &commit.body.events {
            let key = (commit.shard, record.event.type_name().to_owned());
            match commit.position.0 % 4 {
                0 => drop(expected.remove(&key)),
                1 => drop(expected.insert(key, commit.position.0)),
                _ => *expected.entry(key).or_default() += 1,
            }
        }
    }
    let mut joined = BTreeMap::<String, u64>::new();
    for ((_, key), row) in expected {
        *joined.entry(key).or_default() += row;
    }
    let rows = |reader: &dyn ReadModel<Last>| {
        now(reader.list(None, PAGE_MAX)).unwrap().value.rows.into_iter().collect::<BTreeMap<_, _>>()
    };
    for size in [1, 13, 150] {
        let mut view = Memory::<Last>::new(&world.identity);
        commits.chunks(size).for_each(|batch| drop(block_on(view.apply(batch)).unwrap()));
        assert_eq!(rows(&view.reader()), joined);
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("last");
            let mut view = ledger_projections::sqlite::Sqlite::<Last>::open(path, &world.identity).unwrap();
            commits.chunks(size).for_each(|batch| drop(block_on(view.apply(batch)).unwrap()));
            assert_eq!(rows(&view.reader().unwrap()), joined);
        }
    }
    // What is too long or too large is poison, named with its event, and changes nothing.
    for (engine, at, why) in [("long", 1, "at most 1000 are allowed"), ("large", 3, "would be too large")] {
        let mut view = Memory::<Last>::new(&world.identity);
        let cut = commits.iter().position(|commit| commit.position.0 % 4 == at).unwrap();
        block_on(view.apply(&commits[..cut])).unwrap();
        let mut bad = Commit::clone(&commits[cut]);
        bad.body.engine = engine.into();
        let error = block_on(view.apply(&[Arc::new(bad)])).unwrap_err();
        assert_eq!(error.at(), Some((commits[cut].shard, commits[cut].position)));
        assert!(error.to_string().contains(why), "{error}");
        block_on(view.apply(&commits)).unwrap();
        assert_eq!(rows(&view.reader()), joined);
    }
}
