//! After any history every view equals a naive computation straight from the events.

use std::sync::Arc;

use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Commit, Memory, View};
use proptest::prelude::*;

use crate::history::World;
use crate::naive::{check_balances, check_rounds, check_trial_balance, now};

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn feed(view: &mut impl View, commits: &[Arc<Commit>], size: usize) {
    for batch in commits.chunks(size) {
        block_on(view.apply(batch)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

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
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

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

/// The books of players and house add up to zero together, though the entries of neither do so account by account:
/// a settlement takes out of clearing what deposits put there.
#[test]
fn the_trial_balance_has_players_and_house() {
    use ledger_core::{AccountCode, AccountKind, Partition};
    use ledger_projections::trial_balance::{Detail, ReadTrialBalance};
    let mut world = World::new(4, 5, 7);
    let commits = world.commits(3_000);
    let of_house = |commit: &&Arc<Commit>| matches!(commit.body.partition, Partition::House(_));
    let entries = commits.iter().filter(of_house).filter(|commit| crate::history::has_entry(commit)).count();
    assert!(entries > 100, "only {entries} entries of the house");
    let mut view = Memory::<TrialBalance>::new(&world.identity);
    feed(&mut view, &commits, 50);
    let reader = view.reader();
    check_trial_balance(&reader, &commits);
    let rows = block_on(reader.rows(Detail::SubAccount)).unwrap().value;
    let has = |code: AccountCode, kind: AccountKind, of: Option<&str>| {
        let is = |row: &ledger_projections::trial_balance::TrialRow| {
            let account = &row.account;
            account.code == code
                && account.kind == kind
                && account.of.as_ref().map(ledger_core::SubAccount::as_str) == of
        };
        rows.iter().any(is)
    };
    for (code, of) in [
        (AccountCode::PspClearing, "psp"),
        (AccountCode::PspReserve, "psp"),
        (AccountCode::Suspense, "psp"),
        (AccountCode::BankPlayers, "main"),
    ] {
        assert!(has(code, AccountKind::Real, Some(of)), "{code}");
        assert!(has(code, AccountKind::Test, Some(of)), "{code} of test money");
    }
    assert!(has(AccountCode::GamingDuty, AccountKind::Real, Some("MT")));
    assert!(!has(AccountCode::GamingDuty, AccountKind::Test, Some("MT")), "of real money alone");
    assert!(has(AccountCode::ProviderReceivable, AccountKind::Real, Some("studio0")));
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
        let balances =
            world.players().into_iter().filter_map(|player| now(reader.player(&player)).unwrap().value);
        let found: usize =
            balances.map(|b| b.purses.iter().filter(|purse| purse.receivable.is_some()).count()).sum();
        if found > 0 || commits.len() % 2_000 == 0 {
            check_balances(&reader, &world, &commits);
        }
        debts += found;
    }
    assert!(debts > 0, "no debt ever stood");
}

/// An account of the house that was posted to at two scales shows what it is worth, in either order and in every
/// home, and the books still balance.
#[test]
fn an_account_at_two_scales_adds_up() {
    use ledger_core::stored::{CommitBody, EntryPosted, Event, EventRecord};
    use ledger_core::{AccountCode, AccountKind, CurrencyCode, Entry, Posting, SubAccount};
    use ledger_projections::trial_balance::{Detail, ReadTrialBalance};

    let eur = CurrencyCode::new("EUR").unwrap();
    let check = |reader: &dyn ReadTrialBalance| {
        let rows = now(reader.rows(Detail::SubAccount)).unwrap().value;
        let texts = rows.iter().map(|row| {
            let balance = row.balance().unwrap();
            (row.account.code, row.debits.to_string(), row.credits.to_string(), balance.to_string())
        });
        let expected = [
            (AccountCode::PspClearing, "11.01", "0", "11.01"),
            (AccountCode::FxPosition, "10.000500", "11.010000", "-1.009500"),
            (AccountCode::PlayerCash, "0", "10.00", "10.00"),
            (AccountCode::Rounding, "0", "0.000500", "0.000500"),
        ];
        let expected = expected.map(|(code, d, c, b)| (code, d.to_owned(), c.to_owned(), b.to_owned()));
        assert_eq!(texts.collect::<Vec<_>>(), expected);
        let books = now(reader.totals()).unwrap().value;
        assert_eq!((books.len(), books[0].debits.to_string()), (1, "21.010500".to_owned()));
    };
    let psp = || Some(SubAccount::new("psp").unwrap());
    let debit = |account, of, amount: &str| Posting::debit(account, of, amount.parse().unwrap(), eur);
    let credit = |account, of, amount: &str| Posting::credit(account, of, amount.parse().unwrap(), eur);
    let entries = [
        vec![debit(AccountCode::PspClearing, psp(), "10.00"), credit(AccountCode::FxPosition, None, "10.00")],
        vec![
            debit(AccountCode::FxPosition, None, "10.000500"),
            credit(AccountCode::Rounding, None, "0.000500"),
            credit(AccountCode::PlayerCash, None, "10.00"),
        ],
        vec![
            debit(AccountCode::PspClearing, psp(), "1.01"),
            credit(AccountCode::FxPosition, None, "1.010000"),
        ],
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut world = World::new(1, 1, 7);
        let template = world.commits(1).remove(0).body.clone();
        world = World::new(1, 1, 7);
        let commits: Vec<_> = order
            .iter()
            .zip(1..)
            .map(|(n, version)| {
                let entry = Entry::new(AccountKind::Real, entries[*n].clone()).unwrap();
                let event =
                    Event::EntryPosted(EntryPosted { entry, after: vec![], lots: vec![], bonus: vec![] });
                let stream = "wallet/p~10".parse().unwrap();
                let events = vec![EventRecord::new(stream, version, event)];
                world.seal(&CommitBody { keys: vec![], events, ..template.clone() })
            })
            .collect();
        let commits = crate::history::decoded(&commits);
        let mut view = Memory::<TrialBalance>::new(&world.identity);
        feed(&mut view, &commits, 1);
        check(&view.reader());
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t");
            let mut view =
                ledger_projections::sqlite::Sqlite::<TrialBalance>::open(path, &world.identity).unwrap();
            feed(&mut view, &commits, 1);
            check(&view.reader().unwrap());
        }
    }
}
