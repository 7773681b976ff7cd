//! Closing periods: day after day over a history, what comes late, what corrects, and what may be published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_core::stored::{CommitBody, Direction};
use ledger_core::testing::{TestHouse, TestLedger, TestOutcome, commands, house_commands};
use ledger_core::{AdjustRound, CurrencyRegistry, Day, PlayerCommand, PlayerId, Policy, Timestamp};
use ledger_projections::reports::closing::{
    CloseError, ClosedHead, PERIOD_CLOSE_KIND, PeriodClose, PeriodCloseCheck,
};
use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use ledger_projections::{Checkpoint, Commit, Memory, Total, View};
use ledger_store::{EventStore, MemoryStore};

use crate::history::{World, append, decoded, id};
use crate::naive::now;
use crate::property::block_on;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn here(store: &dyn EventStore) -> Checkpoint {
    Checkpoint::from_heads(store.identity(), now(store.heads()).unwrap()).unwrap()
}

fn make(
    store: &dyn EventStore,
    previous: Option<&PeriodClose>,
    days: (&str, &str),
    heads: &Checkpoint,
) -> Result<PeriodClose, CloseError> {
    block_on(PeriodClose::make(store, previous, (day(days.0), day(days.1)), "Europe/Malta", heads))
}

/// Bodies with instants of their own, in a store.
fn stored(bodies: &[CommitBody]) -> (Arc<MemoryStore>, Vec<Arc<Commit>>) {
    let mut world = World::new(4, 0, 1);
    let sealed: Vec<_> = bodies.iter().map(|body| world.seal(body)).collect();
    let store = Arc::new(MemoryStore::new(world.identity));
    block_on(append(store.as_ref(), &sealed));
    (store, decoded(&sealed))
}

/// A history over some days: a commit every 40 minutes.
fn spread() -> (Arc<MemoryStore>, Vec<Arc<Commit>>) {
    let mut world = World::new(4, 6, 12);
    let start: Timestamp = "2026-03-27T00:00:00Z".parse().unwrap();
    let bodies: Vec<CommitBody> = world
        .commits(220)
        .iter()
        .enumerate()
        .map(|(nth, commit)| {
            let at =
                start.saturating_add(std::time::Duration::from_secs(2_400 * u64::try_from(nth).unwrap()));
            CommitBody { recorded_at: at, ..commit.body.clone() }
        })
        .collect();
    stored(&bodies)
}

type Sums = BTreeMap<(String, String, String), (Total, Total)>;

fn sums(of: &[ledger_projections::reports::closing::ClosedSum]) -> Sums {
    of.iter()
        .map(|sum| {
            ((sum.kind.clone(), sum.account.clone(), sum.currency.to_string()), (sum.debits, sum.credits))
        })
        .collect()
}

/// What the trial balance says of these commits.
fn trial(store: &MemoryStore, commits: &[Arc<Commit>]) -> Sums {
    let mut view = Memory::<TrialBalance>::new(store.identity());
    block_on(view.apply(commits)).unwrap();
    let rows = now(view.reader().rows(Detail::Account)).unwrap().value;
    rows.into_iter()
        .map(|row| {
            let kind = format!("{:?}", row.account.kind).to_lowercase();
            let key = (kind, row.account.code.name().to_owned(), row.account.currency.to_string());
            (key, (row.debits, row.credits))
        })
        .collect()
}

/// Every close is the trial balance of what was recorded before its end, moved by what the day booked; from the one before
/// it or from the beginning. One of these days has 23 hours.
#[test]
fn e23_closes_of_days_are_the_trial_balances_of_their_ends() {
    let (store, commits) = spread();
    let heads = here(store.as_ref());
    let days =
        ["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02"];
    let mut previous: Option<PeriodClose> = None;
    for date in days {
        let close = make(store.as_ref(), previous.as_ref(), (date, date), &heads).unwrap();
        let then: Vec<_> = commits.iter().filter(|c| c.body.recorded_at < close.until).cloned().collect();
        let expected = trial(&store, &then);
        assert_eq!(sums(&close.sums), expected, "{date}");
        let positions: u64 = close.heads.iter().map(|head| head.position).sum();
        assert_eq!(positions, u64::try_from(then.len()).unwrap());
        let before = previous.as_ref().map_or_else(Sums::new, |previous| sums(&previous.sums));
        let moved: Sums = expected
            .iter()
            .map(|(key, (debits, credits))| {
                let (d, c) = before.get(key).copied().unwrap_or_default();
                (key.clone(), (debits.minus(d).unwrap(), credits.minus(c).unwrap()))
            })
            .filter(|(_, (debits, credits))| !debits.is_zero() || !credits.is_zero())
            .collect();
        assert_eq!(sums(&close.movements(previous.as_ref()).unwrap()), moved, "{date}");
        assert!(close.late.is_empty(), "{:?}", close.late);
        block_on(close.verify(store.as_ref(), previous.as_ref())).unwrap();
        previous = Some(close);
    }
    // All of it at once comes to the same.
    let last = previous.unwrap();
    let whole = make(store.as_ref(), None, ("2026-03-27", "2026-04-02"), &heads).unwrap();
    assert_eq!((whole.sums, whole.heads), (last.sums, last.heads));
}

/// What was closed too early comes late in the next close, and the closed one stays as it is.
#[test]
fn e59_what_comes_late_is_told_in_the_next_close() {
    let (store, commits) = spread();
    let heads = here(store.as_ref());
    // Closed when each shard had at most five commits.
    let head = |shard| {
        let own = commits.iter().filter(|commit| commit.shard == shard).take(5).last();
        own.map_or_else(|| ledger_store::genesis(store.identity(), shard), |commit| commit.head())
    };
    let early: Vec<_> = store.identity().shards.all().map(head).collect();
    let early = Checkpoint::from_heads(store.identity(), early).unwrap();
    let first = make(store.as_ref(), None, ("2026-03-27", "2026-03-28"), &early).unwrap();
    let second = make(store.as_ref(), Some(&first), ("2026-03-29", "2026-03-29"), &heads).unwrap();
    let late: Vec<_> = commits
        .iter()
        .filter(|commit| commit.body.recorded_at < first.until && commit.position.0 > 5)
        .collect();
    assert!(late.iter().any(|commit| crate::history::has_entry(commit)));
    let sum = |of: &[ledger_projections::reports::closing::ClosedSum]| -> i128 {
        of.iter().map(|sum| sum.debits.rescale_up(18).unwrap().units()).sum()
    };
    let entries =
        late.iter().flat_map(|commit| &commit.body.events).filter_map(|record| match &record.event {
            ledger_core::stored::Event::EntryPosted(event) => Some(&event.entry),
            _ => None,
        });
    let debits = entries
        .flat_map(ledger_core::Entry::postings)
        .filter(|posting| posting.side == ledger_core::Side::Debit);
    let expected: i128 =
        debits.map(|posting| Total::from(posting.amount).rescale_up(18).unwrap().units()).sum();
    assert_eq!(sum(&second.late), expected);
    block_on(first.verify(store.as_ref(), None)).unwrap();
    block_on(second.verify(store.as_ref(), Some(&first))).unwrap();
}

fn applied(ledger: &mut TestLedger, command: impl Into<PlayerCommand>) {
    assert_eq!(ledger.execute(&command.into()).unwrap().outcome, TestOutcome::Applied);
}

fn fresh() -> TestLedger {
    let mut ledger = TestLedger::new(id(PlayerId::new, "p"), Policy::default());
    let standard = CurrencyRegistry::standard();
    ledger.register(*standard.get("EUR".parse().unwrap()).unwrap()).unwrap();
    ledger
}

/// The closes of two days, of which the first has so many commits of a ledger and the second has the others.
fn two_days(ledger: &TestLedger, first_day: usize) -> (Arc<MemoryStore>, PeriodClose, PeriodClose) {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let bodies: Vec<CommitBody> = ledger
        .commits()
        .iter()
        .enumerate()
        .map(|(nth, body)| {
            let recorded_at =
                if nth < first_day { at("2026-03-01T10:00:00Z") } else { at("2026-03-02T10:00:00Z") };
            CommitBody { recorded_at, ..body.clone() }
        })
        .collect();
    let (store, _) = stored(&bodies);
    let heads = here(store.as_ref());
    let first = make(store.as_ref(), None, ("2026-03-01", "2026-03-01"), &heads).unwrap();
    let second = make(store.as_ref(), Some(&first), ("2026-03-02", "2026-03-02"), &heads).unwrap();
    (store, first, second)
}

/// What a provider adjusts of a round, what two persons correct, and a payout that is paid after it failed change closed days too.
#[test]
fn e59_adjustments_and_late_payouts_of_a_closed_day_are_corrections() {
    let adjust = |id: &str, round: Option<&str>| AdjustRound {
        round: round.map(commands::round),
        ..commands::adjust(id, Direction::Credit, "2.00")
    };
    let withdrawal = |ledger: &mut TestLedger, id: &str| {
        applied(ledger, commands::request(id, "10.00"));
        applied(ledger, commands::approve_withdrawal(&format!("a{id}"), id, "eve"));
        applied(ledger, commands::send(&format!("s{id}"), id));
        applied(ledger, commands::mark_failed(&format!("f{id}"), id));
    };
    let mut ledger = fresh();
    applied(&mut ledger, commands::open(&["EUR"]));
    applied(&mut ledger, commands::deposit("D", "100.00"));
    applied(&mut ledger, commands::bet("t1", "r1", "10.00"));
    applied(&mut ledger, commands::win_close("w1", "r1", "4.00"));
    applied(&mut ledger, commands::propose_credit("c1", "3.00"));
    withdrawal(&mut ledger, "W1");
    applied(&mut ledger, commands::transfer_dormant("d1"));
    let first_day = ledger.commits().len();
    applied(&mut ledger, commands::reclaim_dormant("d2"));
    applied(&mut ledger, commands::bet("t2", "r2", "3.00"));
    applied(&mut ledger, commands::win_close("w2", "r2", "0"));
    applied(&mut ledger, adjust("j1", Some("r1")));
    // Of the same day, about no round, and proposed on that day.
    applied(&mut ledger, adjust("j2", Some("r2")));
    applied(&mut ledger, adjust("j3", None));
    applied(&mut ledger, commands::propose_credit("c2", "3.00"));
    applied(&mut ledger, commands::approve("y2", "c2"));
    withdrawal(&mut ledger, "W2");
    applied(&mut ledger, commands::mark_paid("p2", "W2"));
    assert!(two_days(&ledger, first_day).2.corrections.iter().all(|own| own.by == "adjustment.applied"));
    applied(&mut ledger, commands::approve("y1", "c1"));
    applied(&mut ledger, commands::mark_paid("p1", "W1"));
    let (store, first, second) = two_days(&ledger, first_day);
    assert!(first.corrections.is_empty());
    let of = |by: &str, account: &str| -> Option<String> {
        let own = second.corrections.iter().find(|own| own.by == by && own.sum.account == account)?;
        Some(own.sum.debits.plus(own.sum.credits)?.to_string())
    };
    assert_eq!(of("adjustment.applied", "player:cash").as_deref(), Some("2.00"), "{:?}", second.corrections);
    assert_eq!(of("correction.applied", "player:cash").as_deref(), Some("3.00"), "{:?}", second.corrections);
    let types: BTreeSet<&str> = second.corrections.iter().map(|own| own.by.as_str()).collect();
    assert_eq!(types, BTreeSet::from(["adjustment.applied", "correction.applied", "withdrawal.paid"]));
    let paid = second.corrections.iter().filter(|own| own.by == "withdrawal.paid");
    assert!(paid.into_iter().all(|own| own.sum.debits.plus(own.sum.credits) == "10.00".parse().ok()));
    block_on(second.verify(store.as_ref(), Some(&first))).unwrap();
}

/// A round of a closed day is called off on the next: a correction of that day, by what was posted. One of the same day is none.
#[test]
fn e59_what_undoes_something_of_a_closed_day_is_a_correction() {
    let mut ledger = fresh();
    applied(&mut ledger, commands::open(&["EUR"]));
    applied(&mut ledger, commands::deposit("D", "100.00"));
    applied(&mut ledger, commands::bet("t1", "r1", "10.00"));
    applied(&mut ledger, commands::win_close("w1", "r1", "4.00"));
    let first_day = ledger.commits().len();
    applied(&mut ledger, commands::bet("t2", "r2", "3.00"));
    applied(&mut ledger, commands::win_close("w2", "r2", "0"));
    applied(&mut ledger, commands::void_settled_round("v1", "r1"));
    applied(&mut ledger, commands::void_settled_round("v2", "r2"));
    let (store, first, second) = two_days(&ledger, first_day);
    assert!(first.corrections.is_empty());
    let found: Vec<(&str, &str, String, String)> = second
        .corrections
        .iter()
        .map(|own| {
            (
                own.by.as_str(),
                own.sum.account.as_str(),
                own.sum.debits.to_string(),
                own.sum.credits.to_string(),
            )
        })
        .collect();
    let by = found.first().expect("a correction").0;
    assert!(found.iter().all(|(own, ..)| *own == by), "{found:?}");
    let of = |account: &str| {
        let own = found.iter().find(|(_, own, ..)| *own == account);
        own.map(|(_, _, debits, credits)| (debits.as_str(), credits.as_str()))
    };
    // The stake of 10 goes back, the win of 4 is taken back; nothing of the 3 of the second round is in it.
    assert_eq!(of("gaming:stakes").map(|(debits, _)| debits), Some("10.00"), "{found:?}");
    assert_eq!(of("gaming:payouts").map(|(_, credits)| credits), Some("4.00"), "{found:?}");
    let cash = of("player:cash").unwrap();
    let net = cash.1.parse::<Total>().unwrap().minus(cash.0.parse().unwrap()).unwrap();
    assert_eq!(net, "6.00".parse().unwrap(), "{found:?}");
    block_on(second.verify(store.as_ref(), Some(&first))).unwrap();
}

/// A close is published by two persons and only if it follows the one before it; and what was changed in it, the log says.
#[test]
fn e66_a_close_is_sealed_by_two_persons_and_what_was_changed_is_noticed() {
    let (store, _) = spread();
    let heads = here(store.as_ref());
    let first = make(store.as_ref(), None, ("2026-03-27", "2026-03-27"), &heads).unwrap();
    let second = make(store.as_ref(), Some(&first), ("2026-03-28", "2026-03-28"), &heads).unwrap();
    let third = make(store.as_ref(), Some(&second), ("2026-03-29", "2026-03-29"), &heads).unwrap();
    let mut house = TestHouse::new("configuration");
    house.set_documents(vec![Arc::new(PeriodCloseCheck::new().unwrap())]);
    let mut publish = |number: &str, close: &PeriodClose| {
        let content = close.content().unwrap();
        let command = house_commands::publish(number, PERIOD_CLOSE_KIND, "day", content.as_str());
        house.execute(&command.into()).unwrap().outcome
    };
    let is_refused =
        |outcome: TestOutcome| matches!(outcome, TestOutcome::Refused(_) | TestOutcome::Rejected(_));
    assert!(is_refused(publish("1", &second)), "there is none before it");
    let mut unbalanced = first.clone();
    unbalanced.sums[0].debits = unbalanced.sums[0].debits.plus(Total::new(1, 2).unwrap()).unwrap();
    assert!(is_refused(publish("2", &unbalanced)));
    let mut longer = first.clone();
    longer.until = second.until;
    assert!(is_refused(publish("11", &longer)), "an end that is not that of its days");
    let mut nowhere = first.clone();
    nowhere.zone = "Mars/A".to_owned();
    assert!(is_refused(publish("12", &nowhere)), "a zone nobody knows");
    assert_eq!(publish("3", &first), TestOutcome::Applied);
    assert!(is_refused(publish("4", &third)), "a day is missing");
    let mut another = second.clone();
    another.previous = Some(third.hash().unwrap());
    assert!(is_refused(publish("5", &another)), "another hash");
    let mut less = second.clone();
    less.heads[0].position = 0;
    assert!(is_refused(publish("6", &less)), "a place before that of the first");
    let mut smaller = second.clone();
    smaller.sums.clear();
    assert!(is_refused(publish("7", &smaller)), "sums below those of the first");
    assert_eq!(publish("8", &second), TestOutcome::Applied);
    assert!(is_refused(publish("9", &second)), "it stands already");
    assert_eq!(publish("10", &third), TestOutcome::Applied);
    // Balanced, in sequence, and wrong: only the log can tell.
    let mut wrong = second.clone();
    let pair: Vec<usize> = (0..wrong.sums.len())
        .filter(|at| wrong.sums[*at].kind == "real" && wrong.sums[*at].currency.to_string() == "EUR")
        .take(2)
        .collect();
    let cent = Total::new(1, 2).unwrap();
    wrong.sums[pair[0]].debits = wrong.sums[pair[0]].debits.plus(cent).unwrap();
    wrong.sums[pair[1]].credits = wrong.sums[pair[1]].credits.plus(cent).unwrap();
    let verified = block_on(wrong.verify(store.as_ref(), Some(&first)));
    assert!(matches!(verified, Err(CloseError::Differs("sums"))), "{verified:?}");
    let mut moved = second.clone();
    moved.heads[0].hash = first.heads[0].hash.clone();
    assert!(block_on(moved.verify(store.as_ref(), Some(&first))).is_err());
    // Another ledger, another zone, a gap.
    assert!(make(store.as_ref(), Some(&first), ("2026-03-29", "2026-03-29"), &heads).is_err());
    let zone = block_on(PeriodClose::make(
        store.as_ref(),
        Some(&first),
        (day("2026-03-28"), day("2026-03-28")),
        "UTC",
        &heads,
    ));
    assert!(matches!(zone, Err(CloseError::Sequence(_))), "{zone:?}");
    assert!(second.movements(None).is_err() && second.movements(Some(&first)).is_ok());
}

/// Of the most shards there can be the places leave half of a document for sums; what does not fit is told and not cut.
#[test]
fn a_close_of_the_most_shards_fits_a_document() {
    let (store, _) = spread();
    let heads = here(store.as_ref());
    let mut close = make(store.as_ref(), None, ("2026-03-27", "2026-04-02"), &heads).unwrap();
    let (hash, position) = (close.heads[0].hash.clone(), u64::MAX);
    let head = |shard| ClosedHead { shard, position, hash: hash.clone() };
    close.heads = (0..ledger_store::ShardCount::MAX).map(head).collect();
    let largest = Total::new(i128::MAX, 18).unwrap();
    let longest = close.sums.iter().max_by_key(|sum| sum.account.len()).unwrap().clone();
    close.sums =
        vec![
            ledger_projections::reports::closing::ClosedSum { debits: largest, credits: largest, ..longest };
            500
        ];
    let content = close.content().unwrap();
    assert!(content.as_str().len() < ledger_core::DOCUMENT_BYTES_MAX, "{}", content.as_str().len());
    close.sums.extend(close.sums.clone());
    assert!(matches!(close.content(), Err(CloseError::Content(_))));
}
