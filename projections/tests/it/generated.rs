//! Histories drawn by the core's own generators, with every command they know: the kit, and the naive computation,
//! for every view in every home.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::stored::CommitBody;
use ledger_core::testing::invariants;
use ledger_core::{Partition, PlayerId, PlayerState};
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::rounds::{ReadRounds, Rounds};
use ledger_projections::testing::{History, check_all, history};
use ledger_projections::trial_balance::{ReadTrialBalance, TrialBalance};
use ledger_projections::{Commit, Memory, View};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::history::event_types;
use crate::naive::{check_balances_of, check_rounds_of, check_trial_balance};
use crate::property::block_on;
use crate::subjects::{balances, rounds, trial_balance};

pub(crate) fn states(history: &History) -> BTreeMap<PlayerId, PlayerState> {
    let of = |player: &PlayerId| {
        let partition = Partition::Player(player.clone());
        let bodies: Vec<CommitBody> = history
            .commits
            .iter()
            .filter(|commit| commit.body.partition == partition)
            .map(|commit| commit.body.clone())
            .collect();
        (player.clone(), invariants::replay(player, &bodies).unwrap())
    };
    history.players.iter().map(of).collect()
}

#[derive(Clone, Copy)]
struct Readers<'a> {
    balances: &'a dyn ReadBalances,
    trial: &'a dyn ReadTrialBalance,
    rounds: &'a dyn ReadRounds,
}

fn check(history: &History, readers: Readers<'_>) {
    check_balances_of(readers.balances, &states(history), &history.commits);
    check_trial_balance(readers.trial, &history.commits);
    check_rounds_of(readers.rounds, &history.commits);
}

fn feed(view: &mut impl View, commits: &[Arc<Commit>], size: usize) {
    for batch in commits.chunks(size) {
        block_on(view.apply(batch)).unwrap();
    }
}

/// The same histories in every run, or others if `PROPTEST_CASES` asks for more.
fn config(cases: u32) -> ProptestConfig {
    let rng_seed = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => RngSeed::Random,
        None => RngSeed::Fixed(8),
    };
    let told = ProptestConfig::default();
    let cases = if rng_seed == RngSeed::Random { told.cases } else { cases };
    ProptestConfig { cases, rng_seed, ..told }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn in_memory(seed: u8, shards in 0_u32..4, steps in 1_usize..40, size in 1_usize..60) {
        let history = history(1 << shards, 5, steps, seed);
        let mut balances = Memory::<Balances>::new(&history.identity);
        let mut trial = Memory::<TrialBalance>::new(&history.identity);
        let mut rounds = Memory::<Rounds>::new(&history.identity);
        feed(&mut balances, &history.commits, size);
        feed(&mut trial, &history.commits, size);
        feed(&mut rounds, &history.commits, size);
        let (balances, trial, rounds) = (balances.reader(), trial.reader(), rounds.reader());
        check(&history, Readers { balances: &balances, trial: &trial, rounds: &rounds });
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn in_sqlite(seed: u8, shards in 0_u32..4, steps in 1_usize..40, size in 1_usize..60) {
        use ledger_projections::sqlite::Sqlite;
        let history = history(1 << shards, 5, steps, seed);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut balances = Sqlite::<Balances>::open(path("b"), &history.identity).unwrap();
        let mut trial = Sqlite::<TrialBalance>::open(path("t"), &history.identity).unwrap();
        let mut rounds = Sqlite::<Rounds>::open(path("r"), &history.identity).unwrap();
        feed(&mut balances, &history.commits, size);
        feed(&mut trial, &history.commits, size);
        feed(&mut rounds, &history.commits, size);
        let (balances, trial, rounds) =
            (balances.reader().unwrap(), trial.reader().unwrap(), rounds.reader().unwrap());
        check(&history, Readers { balances: &balances, trial: &trial, rounds: &rounds });
    }
}

#[test]
fn a_history_is_drawn_again_by_its_seed() {
    let [one, two, other] = [1, 1, 2].map(|seed| history(4, 6, 30, seed));
    assert_eq!(one.commits, two.commits);
    assert_ne!(one.commits, other.commits);
}

#[test]
fn histories_reach_what_players_do() {
    let (mut found, mut missing) = (std::collections::BTreeSet::new(), Vec::new());
    // Some come of a chain of rare draws.
    for seed in 0..250 {
        found.extend(event_types(&history(4, 12, 40, seed).commits));
        let names = ledger_core::stored::Event::TYPES.iter().map(|(name, _)| *name);
        let is_due =
            |name: &&str| !crate::contract::is_of_house(name) && !crate::contract::RARE.contains(name);
        missing = names.filter(|name| !found.contains(name) && is_due(name)).collect();
        if missing.is_empty() {
            return;
        }
    }
    panic!("never came: {missing:?}");
}

#[tokio::test]
async fn the_kit_in_memory() {
    let history = history(4, 8, 30, 5);
    check_all(&mut balances(&history.identity), &history.commits).await.unwrap();
    check_all(&mut trial_balance(&history.identity), &history.commits).await.unwrap();
    check_all(&mut rounds(&history.identity), &history.commits).await.unwrap();
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn the_kit_in_sqlite() {
    use crate::subjects::in_sqlite;
    let history = history(4, 6, 20, 6);
    let (mut subject, _folder) = in_sqlite::<Balances>(&history.identity);
    check_all(&mut subject, &history.commits).await.unwrap();
    let (mut subject, _folder) = in_sqlite::<TrialBalance>(&history.identity);
    check_all(&mut subject, &history.commits).await.unwrap();
    let (mut subject, _folder) = in_sqlite::<Rounds>(&history.identity);
    check_all(&mut subject, &history.commits).await.unwrap();
}
