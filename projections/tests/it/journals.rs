//! Journals of whole ledgers, read by the programs they are for: the real hledger and the real Beancount.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use ledger_core::stored::{CommitBody, Event};
use ledger_core::testing::generators::{HOUSES, HouseStep, house_histories};
use ledger_core::testing::{TestHouse, TestLedger, TestOutcome, commands};
use ledger_core::{CurrencyRegistry, OpenPlayer, PlayerCommand, PlayerId, Policy, RecordDeposit};
use ledger_projections::journal::{
    JournalError, JournalFormat, JournalSummary, account_name, currency_name, export_journal,
};
use ledger_projections::testing::history;
use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use ledger_projections::{Checkpoint, Commit, Memory, Total, View};
use ledger_store::{EventStore, MemoryStore};
use ledger_testkit::accounting::{Balances, beancount_balances, hledger_balances};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::history::{World, append, decoded, event_types, id};
use crate::naive::now;
use crate::property::block_on;

/// A ledger: its store, and its commits in order.
struct Ledger {
    store: Arc<MemoryStore>,
    commits: Vec<Arc<Commit>>,
}

/// Histories of every partition of the house, in one ledger.
fn of_houses(seed: u8) -> Ledger {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut bodies: Vec<CommitBody> = Vec::new();
    for house in HOUSES {
        let mut ledger = TestHouse::new(house);
        for step in house_histories(house, 60).new_tree(&mut runner).unwrap().current() {
            match step {
                HouseStep::Wait(seconds) => ledger.advance_secs(seconds),
                HouseStep::Command(command) => drop(ledger.execute(&command).unwrap()),
            }
        }
        bodies.extend_from_slice(ledger.commits());
    }
    sealed(&bodies)
}

fn sealed(bodies: &[CommitBody]) -> Ledger {
    let mut bodies = bodies.to_vec();
    bodies.sort_by_key(|body| body.recorded_at);
    let mut world = World::new(8, 0, 1);
    let sealed: Vec<_> = bodies.iter().map(|body| world.seal(body)).collect();
    let store = Arc::new(MemoryStore::new(world.identity));
    block_on(append(store.as_ref(), &sealed));
    Ledger { store, commits: decoded(&sealed) }
}

fn of_players(seed: u8) -> Ledger {
    let history = history(4, 12, 40, seed);
    Ledger { store: block_on(history.store()), commits: history.commits }
}

fn of_world(seed: u64) -> Ledger {
    let mut world = World::new(4, 10, seed);
    let run = world.run(1_500);
    let store = Arc::new(MemoryStore::new(world.identity));
    block_on(append(store.as_ref(), &run));
    Ledger { store, commits: decoded(&run) }
}

fn here(store: &dyn EventStore) -> Checkpoint {
    Checkpoint::from_heads(store.identity(), now(store.heads()).unwrap()).unwrap()
}

fn exported(ledger: &Ledger, format: JournalFormat) -> (String, JournalSummary) {
    let mut bytes = Vec::new();
    let until = here(ledger.store.as_ref());
    let go_on = &mut |_| ControlFlow::Continue(());
    let summary = block_on(export_journal(
        ledger.store.as_ref(),
        &until,
        format,
        "A \"casino\"; 100%",
        &mut bytes,
        go_on,
    ));
    (String::from_utf8(bytes).unwrap(), summary.unwrap())
}

/// What the trial balance has: debits less credits, by the names of journals.
fn trial_balance(
    commits: &[Arc<Commit>],
    identity: &ledger_store::LedgerIdentity,
) -> BTreeMap<(String, String), Total> {
    let mut view = Memory::<TrialBalance>::new(identity);
    for batch in commits.chunks(100) {
        block_on(view.apply(batch)).unwrap();
    }
    let rows = now(view.reader().rows(Detail::SubAccount)).unwrap().value;
    let row = |row: ledger_projections::trial_balance::TrialRow| {
        let key = (account_name(&row.account), currency_name(row.account.currency));
        (key, row.debits.minus(row.credits).unwrap())
    };
    let balances: BTreeMap<_, _> = rows.into_iter().map(row).filter(|(_, sum)| !sum.is_zero()).collect();
    assert!(!balances.is_empty());
    balances
}

fn not_empty(balances: &Balances) -> BTreeMap<(String, String), Total> {
    let read = |(key, number): (&(String, String), &String)| (key.clone(), number.parse::<Total>().unwrap());
    balances.iter().map(read).filter(|(_, sum)| !sum.is_zero()).collect()
}

/// A journal in a file, which goes with the folder.
struct Files {
    folder: tempfile::TempDir,
    written: usize,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), written: 0 }
    }

    fn write(&mut self, text: &str) -> PathBuf {
        self.written += 1;
        let path = self.folder.path().join(format!("journal-{}", self.written));
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// What the transactions of a journal came of.
fn causes_of(text: &str) -> impl Iterator<Item = &str> {
    let is_first = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    text.lines().filter(is_first).filter_map(|line| line.split_once(") ")).map(|(_, cause)| cause)
}

/// Ledgers that have every kind of event between them: of players as the core's generators draw them, of the
/// house the same.
fn with_every_event() -> Vec<Ledger> {
    let (mut ledgers, mut found) = (Vec::new(), BTreeSet::new());
    // Of levels of shapes this release knows one, and every ledger begins with it.
    let due = Event::TYPES.iter().map(|(name, _)| *name).filter(|name| *name != "shapes.activated");
    let due: BTreeSet<&str> = due.collect();
    let mut take = |ledger: Ledger| {
        let types = event_types(&ledger.commits);
        let has_new = types.iter().any(|name| !found.contains(name));
        found.extend(types);
        if has_new {
            ledgers.push(ledger);
        }
        let is_missing = |name: &&&str| !found.contains(**name) && !crate::contract::RARE.contains(*name);
        due.iter().filter(is_missing).copied().collect::<Vec<&str>>()
    };
    take(of_world(3));
    for seed in 0..=255 {
        let mut missing = take(of_players(seed));
        if missing.iter().any(|name| crate::contract::is_of_house(name)) {
            missing = take(of_houses(seed));
        }
        if missing.is_empty() {
            return ledgers;
        }
        assert!(seed < 255, "never came: {missing:?}");
    }
    ledgers
}

#[test]
fn hledger_and_beancount_come_to_the_trial_balance() {
    let mut files = Files::new();
    let (mut expected, mut of_beancount, mut causes) = (Vec::new(), Vec::new(), BTreeSet::new());
    for ledger in with_every_event() {
        let balances = trial_balance(&ledger.commits, ledger.store.identity());
        let entries = ledger.commits.iter().flat_map(|commit| &commit.body.events);
        let entries = entries.filter(|record| matches!(record.event, Event::EntryPosted(_))).count();
        let (text, summary) = exported(&ledger, JournalFormat::Hledger);
        assert_eq!(summary.transactions, u64::try_from(entries).unwrap());
        assert_eq!(summary.commits, u64::try_from(ledger.commits.len()).unwrap());
        let stated = summary.balances.iter().filter(|(_, sum)| !sum.is_zero());
        assert_eq!(stated.map(|(key, sum)| (key.clone(), *sum)).collect::<BTreeMap<_, _>>(), balances);
        causes.extend(causes_of(&text).map(str::to_owned));
        assert_eq!(not_empty(&hledger_balances(&files.write(&text)).unwrap()), balances);
        let (text, beancounts) = exported(&ledger, JournalFormat::Beancount);
        assert_eq!(beancounts, summary);
        of_beancount.push(files.write(&text));
        expected.push(balances);
    }
    let found = beancount_balances(&of_beancount).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(not_empty(found.as_ref().unwrap()), expected);
    }
    assert!(causes.len() > 50, "events that came with an entry: {causes:?}");
}

/// A line of a posting: its account and currency, and where its amount stands.
fn amounts(text: &str, format: JournalFormat) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_start();
        let is_posting = ["Assets:", "Liabilities:", "Income:", "Expenses:", "Equity:"]
            .iter()
            .any(|root| line.starts_with(' ') && trimmed.starts_with(root));
        if is_posting && !line.contains(" = ") {
            let words: Vec<&str> = trimmed.split_whitespace().collect();
            let amount = match format {
                JournalFormat::Hledger => words[2],
                _ => words[1],
            };
            let at = start + line.rfind(amount).unwrap();
            found.push((number, at..at + amount.len()));
        }
        start += line.len();
    }
    found
}

/// A number with another last digit.
fn changed(amount: &str) -> String {
    let (rest, last) = amount.split_at(amount.len() - 1);
    format!("{rest}{}", (last.parse::<u8>().unwrap() + 1) % 10)
}

#[test]
fn hledger_and_beancount_notice_one_posting_and_one_transaction_that_were_changed() {
    let ledger = of_world(5);
    let mut files = Files::new();
    for format in [JournalFormat::Hledger, JournalFormat::Beancount] {
        let (text, _) = exported(&ledger, format);
        let found = amounts(&text, format);
        let mut planted = Vec::new();
        // The last digit of one amount: of the first, of one in the middle, of one that is finer than its currency.
        let finest = found.iter().max_by_key(|(_, at)| {
            let amount = &text[at.start..at.end];
            amount.split_once('.').map_or(0, |(_, part)| part.len())
        });
        for (_, at) in [&found[0], &found[found.len() / 2], finest.unwrap()] {
            let mut text = text.clone();
            text.replace_range(at.clone(), &changed(&text[at.clone()]));
            planted.push(files.write(&text));
        }
        // A whole transaction of two postings: it balances, and the assertions at the end do not hold.
        let pair = found.windows(4).find(|four| {
            four[0].0 + 1 < four[1].0 && four[1].0 + 1 == four[2].0 && four[2].0 + 1 < four[3].0
        });
        let [_, one, other, _] = pair.unwrap() else { panic!("four") };
        let mut whole = text.clone();
        for (_, at) in [other, one] {
            whole.replace_range(at.clone(), &changed(&text[at.clone()]));
        }
        assert_ne!(whole, text);
        planted.push(files.write(&whole));
        // A transaction that is left out.
        let end = text[..one.1.start].rfind("\n\n").unwrap() + 1;
        let next = text[one.1.start..].find("\n\n").unwrap() + one.1.start;
        planted.push(files.write(&format!("{}{}", &text[..end], &text[next + 1..])));
        let as_it_is = files.write(&text);
        match format {
            JournalFormat::Hledger => {
                for (nth, file) in planted.iter().enumerate() {
                    let said = hledger_balances(file).unwrap_err();
                    let expected = if nth < 3 { "could not balance" } else { "balance assertion" };
                    assert!(said.contains(expected), "{nth}: {said}");
                }
                hledger_balances(&as_it_is).unwrap();
            }
            _ => {
                planted.push(as_it_is);
                let mut said = beancount_balances(&planted).unwrap();
                said.pop().unwrap().unwrap();
                for (nth, said) in said.into_iter().enumerate() {
                    let said = said.unwrap_err();
                    let expected = if nth < 3 { "does not balance" } else { "Balance failed" };
                    assert!(said.contains(expected), "{nth}: {said}");
                }
            }
        }
    }
}

fn applied(ledger: &mut TestLedger, command: impl Into<PlayerCommand>) {
    assert_eq!(ledger.execute(&command.into()).unwrap().outcome, TestOutcome::Applied);
}

/// The smallest part of a coin with 18 digits, beside a currency without any, and ids that mean something to the programs.
#[test]
fn eighteen_digits_and_odd_ids_come_through() {
    let odd = "a,b [2020-01-01]; =1 \"x\\ é:%";
    let mut ledger = TestLedger::new(id(PlayerId::new, odd), Policy::default());
    let standard = CurrencyRegistry::standard();
    for code in ["ETH", "JPY"] {
        ledger.register(*standard.get(code.parse().unwrap()).unwrap()).unwrap();
    }
    applied(&mut ledger, OpenPlayer { ..commands::open(&["ETH", "JPY"]) });
    for (number, currency, amount) in
        [("D1", "ETH", "0.000000000000000001"), ("D2", "ETH", "1234567890.5"), ("D3", "JPY", "7")]
    {
        let currency = currency.parse().unwrap();
        applied(&mut ledger, RecordDeposit { currency, ..commands::deposit(number, amount) });
    }
    let bodies: Vec<_> = ledger.register_commits().iter().chain(ledger.commits()).cloned().collect();
    let ledger = sealed(&bodies);
    let balances = trial_balance(&ledger.commits, ledger.store.identity());
    let cash = ("Liabilities:Real:L10-player-cash".to_owned(), "ETH".to_owned());
    assert_eq!(balances[&cash].to_string(), "-1234567890.500000000000000001");
    let mut files = Files::new();
    let (text, _) = exported(&ledger, JournalFormat::Hledger);
    assert!(text.contains("    ; player: a%2Cb %5B2020-01-01%5D%3B =1 \"x\\ é:%25\n"), "{text}");
    assert_eq!(not_empty(&hledger_balances(&files.write(&text)).unwrap()), balances);
    let (text, _) = exported(&ledger, JournalFormat::Beancount);
    assert!(text.contains("\n  player: \"a,b [2020-01-01]; =1 \\\"x\\\\ é:%\"\n"), "{text}");
    let found = beancount_balances(&[files.write(&text)]).unwrap();
    assert_eq!(not_empty(found[0].as_ref().unwrap()), balances);
}

#[test]
fn a_journal_is_the_same_bytes_for_a_checkpoint_however_the_log_goes_on() {
    let mut world = World::new(4, 6, 8);
    let (begin, rest) = (world.run(700), world.run(300));
    let store = MemoryStore::new(world.identity);
    block_on(append(&store, &begin));
    let until = here(&store);
    let export = |until: &Checkpoint| {
        let mut bytes = Vec::new();
        let go_on = &mut |_| ControlFlow::Continue(());
        block_on(export_journal(&store, until, JournalFormat::Beancount, "A", &mut bytes, go_on)).unwrap();
        bytes
    };
    let then = export(&until);
    block_on(append(&store, &rest));
    assert_eq!(export(&until), then);
    assert_ne!(export(&here(&store)), then);
    // It is told to stop; it is asked for what is not there.
    let mut told = 0;
    let mut stop = |commits| {
        told = commits;
        ControlFlow::Break(())
    };
    let mut bytes = Vec::new();
    let all = here(&store);
    let run = block_on(export_journal(&store, &all, JournalFormat::Hledger, "A", &mut bytes, &mut stop));
    assert!(matches!(run, Err(JournalError::Cancelled)) && told == 1_000, "{run:?}");
    let other = MemoryStore::new(world.identity);
    block_on(append(&other, &World::new(4, 6, 9).run(1_000)));
    let go_on = &mut |_| ControlFlow::Continue(());
    for until in [&until, &all] {
        let run = block_on(export_journal(&other, until, JournalFormat::Hledger, "A", &mut bytes, go_on));
        assert!(matches!(run, Err(JournalError::Log(_))), "{run:?}");
    }
    for title in ["a\nb".to_owned(), "x".repeat(257)] {
        let run = block_on(export_journal(&store, &all, JournalFormat::Hledger, &title, &mut bytes, go_on));
        assert!(matches!(run, Err(JournalError::Title)));
    }
}
