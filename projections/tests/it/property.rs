//! After any history every view equals a naive computation straight from the events.

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Commit, Memory, View};
use proptest::prelude::*;

use crate::history::World;
use crate::naive::{check_balances, check_rounds, check_trial_balance};

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn feed(view: &mut impl View, commits: &[Commit], size: usize) {
    for batch in commits.chunks(size) {
        block_on(view.apply(batch)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn views_in_memory_equal_the_naive(seed: u64, shards in 0_u32..4, length in 1_usize..400, size in 1_usize..60) {
        let mut world = World::new(1 << shards, 5, seed);
        let commits = world.commits(length);
        let mut balances = Memory::<Balances>::new(&world.identity);
        feed(&mut balances, &commits, size);
        check_balances(&balances.reader(), &world, &commits);
        let mut trial = Memory::<TrialBalance>::new(&world.identity);
        feed(&mut trial, &commits, size);
        check_trial_balance(&trial.reader(), &commits);
        let mut rounds = Memory::<Rounds>::new(&world.identity);
        feed(&mut rounds, &commits, size);
        check_rounds(&rounds.reader(), &commits);
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn views_in_sqlite_equal_the_naive(seed: u64, shards in 0_u32..4, length in 1_usize..300, size in 1_usize..60) {
        use ledger_projections::sqlite::Sqlite;
        let mut world = World::new(1 << shards, 5, seed);
        let commits = world.commits(length);
        let folder = tempfile::tempdir().unwrap();
        let mut balances = Sqlite::<Balances>::open(folder.path().join("b"), &world.identity).unwrap();
        feed(&mut balances, &commits, size);
        check_balances(&balances.reader().unwrap(), &world, &commits);
        let mut trial = Sqlite::<TrialBalance>::open(folder.path().join("t"), &world.identity).unwrap();
        feed(&mut trial, &commits, size);
        check_trial_balance(&trial.reader().unwrap(), &commits);
        let mut rounds = Sqlite::<Rounds>::open(folder.path().join("r"), &world.identity).unwrap();
        feed(&mut rounds, &commits, size);
        check_rounds(&rounds.reader().unwrap(), &commits);
    }
}

/// Debts are rare and paid soon: this history is long enough to have some while it is looked at.
#[test]
fn debts_are_shown_while_they_stand() {
    use ledger_projections::balances::ReadBalances;
    let mut world = World::new(4, 40, 1);
    let mut view = Memory::<Balances>::new(&world.identity);
    let (reader, mut commits, mut debts) = (view.reader(), Vec::new(), 0);
    while commits.len() < 12_000 {
        let more = world.commits(100);
        feed(&mut view, &more, 40);
        commits.extend(more);
        let balances = world.players().into_iter().filter_map(|player| reader.player(&player).unwrap().value);
        let found: usize =
            balances.map(|b| b.purses.iter().filter(|purse| purse.receivable.is_some()).count()).sum();
        if found > 0 || commits.len() % 2_000 == 0 {
            check_balances(&reader, &world, &commits);
        }
        debts += found;
    }
    assert!(debts > 0, "no debt ever stood");
}
