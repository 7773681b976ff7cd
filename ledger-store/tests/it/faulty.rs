//! The kit must be able to fail: one planted bug at a time, and the clause that must notice it.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::stored::CommitIndex;
use ledger_core::{PartitionDigest, Timestamp};
use ledger_store::testing::{self, Hook, Stall, StoreBuilder, Verdict, block_on};
use ledger_store::{
    EventStore, Head, HistoryLoss, LedgerIdentity, Lookup, LostAnswer, MemoryStore, Position,
    READ_COMMITS_MAX, SealedCommit, Shard, ShardAppend, ShardCount, Snapshot, StoreError, StoredCommit,
    commit_hash,
};
use tokio::sync::watch;

use crate::memory::done;

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    LandsTheFirstCommitOnly,
    PowerCutTearsAnAppend,
    ComparesThePositionOnly,
    ComparesTheHashOnly,
    HeadMovedLandsAnyway,
    HeadMovedNamesTheWrongHead,
    AnswersInAnotherOrder,
    OneRefusalStopsTheOthers,
    LeavesAGapAfterARefusal,
    InvalidLandsTheSoundParts,
    InvalidPerShard,
    TakesABodyOneByteTooLarge,
    TakesAnyHash,
    TakesAStranger,
    RefusesTheLargestBody,
    TwoWinners,
    AcknowledgesBeforeItIsDurable,
    ResendLandsTwice,
    ResendIsRefused,
    ResendAnswersTheCurrentHead,
    ResendOfAnythingIsWelcome,
    ShowsHeadsTooEarly,
    ShowsReadsTooEarly,
    ShowsLookupsTooEarly,
    ShowsTimeTooEarly,
    PagesSkipOne,
    PagesAreOneTooLong,
    PagesComeBackwards,
    PagesHaveNoByteLimit,
    PagesEndBeforeTheLargeBody,
    BodyIsEncodedAgain,
    PreviousHashIsLost,
    ShowsTheLaterFirst,
    ShowsOneTwice,
    DropsAKey,
    DropsTombstones,
    DropsTheNewestFromTheIndex,
    StreamsEndAtTheFirst,
    FindsWhatIsNot,
    IndexForgetsShards,
    PartitionsMix,
    AfterIncludesItself,
    PartitionsMissTheLast,
    ReturnsDamage,
    PassesOverDamage,
    ReopenForgetsTheIndex,
    ReopenForgetsTheLastShard,
    ReopenForgetsTheTime,
    TimeIsTheLastWritten,
    LastSnapshotWins,
    FirstSnapshotWins,
    SnapshotsOfOthers,
    SnapshotsAreCut,
    WatchIsSilent,
    WatchIsEarly,
    AppendsAfterClose,
    SecondCloseFails,
    Normalises,
    CutsLargeBodies,
    WritesAfterAFailure,
    FailedWriteShows,
    ServesLostHistory,
    LostHistoryIsHeadMoved,
    LookupWaitsForAppends,
    WaitsForEver,
    SilenceIsAbsence,
    PassesOverWhatComesLate,
    GivenUpLandsHalf,
}

/// Which clause must notice which bug, and what it must say of it: another complaint would be luck.
const PLANTED: &[(&str, Bug, &str)] = &[
    ("c01", Bug::PowerCutTearsAnAppend, "a power cut left half of an append"),
    ("c01", Bug::LandsTheFirstCommitOnly, "the head is"),
    ("c02", Bug::ComparesThePositionOnly, "a foreign genesis: HeadMoved was due, the store says it landed"),
    (
        "c02",
        Bug::ComparesTheHashOnly,
        "the right hash at another position: HeadMoved was due, the store says it landed",
    ),
    ("c02", Bug::HeadMovedLandsAnyway, "the head is"),
    ("c02", Bug::HeadMovedNamesTheWrongHead, "HeadMoved names"),
    ("c03", Bug::AnswersInAnotherOrder, "the append ends at"),
    ("c03", Bug::OneRefusalStopsTheOthers, "HeadMoved"),
    ("c04", Bug::LeavesAGapAfterARefusal, "position 3 stands at 2"),
    ("c05", Bug::InvalidLandsTheSoundParts, "after a sound part: something landed"),
    ("c05", Bug::InvalidPerShard, "Invalid was due, not: [Err("),
    ("c05", Bug::TakesABodyOneByteTooLarge, "a body one byte too large: Invalid was due"),
    ("c05", Bug::TakesAnyHash, "a hash of nothing: Invalid was due"),
    ("c05", Bug::TakesAStranger, "a partition of another shard: Invalid was due"),
    ("c05", Bug::RefusesTheLargestBody, "a body of the size allowed"),
    ("c06", Bug::TwoWinners, "of 6 appends on one head landed"),
    ("c07", Bug::AcknowledgesBeforeItIsDurable, "after Drop number 0"),
    ("c08", Bug::ResendLandsTwice, "the head is"),
    ("c08", Bug::ResendIsRefused, "resent at once, though it had landed"),
    ("c08", Bug::ResendAnswersTheCurrentHead, "resent after another commit, though it had landed"),
    ("c08", Bug::ResendOfAnythingIsWelcome, "HeadMoved was due, the store says it landed"),
    ("c09", Bug::ShowsHeadsTooEarly, "showed before it was durable: shard 7: the head is"),
    ("c09", Bug::ShowsReadsTooEarly, "showed before it was durable: shard 7: 2 commits were read"),
    ("c09", Bug::ShowsLookupsTooEarly, "showed before it was durable: Key"),
    ("c09", Bug::ShowsTimeTooEarly, "showed before it was durable: the newest commit"),
    ("c10", Bug::PagesSkipOne, "position 2: read as position 3"),
    ("c10", Bug::PagesAreOneTooLong, "at most 1: 2 commits"),
    ("c10", Bug::PagesComeBackwards, "position 1: read as position 2"),
    ("c10", Bug::PagesHaveNoByteLimit, "a page goes on after"),
    ("c10", Bug::PagesEndBeforeTheLargeBody, "nothing, though there is more"),
    ("c10", Bug::BodyIsEncodedAgain, "the body is not the one that was appended"),
    ("c10", Bug::PreviousHashIsLost, "another previous hash"),
    ("c11", Bug::PagesSkipOne, "a reader met position"),
    ("c11", Bug::ShowsTheLaterFirst, "a reader met position"),
    ("c11", Bug::ShowsOneTwice, "a reader met position"),
    ("c12", Bug::DropsAKey, "lookup says []"),
    ("c12", Bug::DropsTombstones, "lookup says []"),
    ("c12", Bug::DropsTheNewestFromTheIndex, "the newest commit is not found by its stream"),
    ("c12", Bug::StreamsEndAtTheFirst, "the newest commit is not found by its stream"),
    ("c12", Bug::FindsWhatIsNot, "is at [], lookup says"),
    ("c12", Bug::IndexForgetsShards, "is at [], lookup says"),
    ("c12", Bug::ReopenForgetsTheIndex, "lookup says []"),
    ("c13", Bug::PartitionsMix, "read as position"),
    ("c13", Bug::AfterIncludesItself, "was read after position"),
    ("c13", Bug::PartitionsMissTheLast, "commits were read"),
    ("c14", Bug::ReturnsDamage, "a read returned a damaged commit"),
    ("c14", Bug::PassesOverDamage, "a read returned a damaged commit, or passed it over"),
    ("c15", Bug::ReopenForgetsTheIndex, "after Close: Key"),
    ("c15", Bug::ReopenForgetsTheLastShard, "after Close: shard 7: the head is"),
    ("c15", Bug::ReopenForgetsTheTime, "the store says None"),
    ("c15", Bug::TimeIsTheLastWritten, "the newest commit is of"),
    ("c16", Bug::LastSnapshotWins, "the snapshot read is at 3"),
    ("c16", Bug::FirstSnapshotWins, "the snapshot read is at 2"),
    ("c16", Bug::SnapshotsOfOthers, "another partition's snapshot"),
    ("c16", Bug::SnapshotsAreCut, "4096 bytes; due"),
    ("c17", Bug::WatchIsSilent, "watch is silent"),
    ("c17", Bug::WatchIsEarly, "watch changed before"),
    ("c18", Bug::AppendsAfterClose, "closed once, an append answers Ok"),
    ("c18", Bug::SecondCloseFails, "closed already"),
    ("c19", Bug::Normalises, "with the id \"e\\u{301}\""),
    ("c19", Bug::CutsLargeBodies, "the body is not the one that was appended"),
    ("c20", Bug::WritesAfterAFailure, "after a failed write an append at once answers Ok"),
    ("c20", Bug::FailedWriteShows, "the head is"),
    ("c21", Bug::DropsTheNewestFromTheIndex, "commits for 24 keys"),
    ("c22", Bug::ServesLostHistory, "Behind: the heads: HistoryLost was due, not: Ok"),
    (
        "c22",
        Bug::LostHistoryIsHeadMoved,
        "Behind: an append on an older head: HistoryLost was due, not: Err(HeadMoved",
    ),
    ("c23", Bug::LookupWaitsForAppends, "a call beside an append that is under way has not ended"),
    ("c23", Bug::WaitsForEver, "heads, asked of a silent server, has not ended"),
    ("c23", Bug::SilenceIsAbsence, "lookup, asked of a silent server, answers Ok(())"),
    ("c24", Bug::PassesOverWhatComesLate, "reads end at"),
    ("c25", Bug::GivenUpLandsHalf, "an append that was given up left the head at"),
];

/// Runs the clause of this number. All of them must be here: the control test runs each.
async fn clause(number: &str, builder: &Faulty) -> Verdict {
    use testing as kit;
    match number {
        "c01" => kit::c01_an_append_of_one_shard_lands_whole_or_not_at_all(builder).await,
        "c02" => kit::c02_an_append_lands_only_on_the_expected_head(builder).await,
        "c03" => kit::c03_the_answer_comes_per_shard_in_the_order_asked(builder).await,
        "c04" => kit::c04_positions_are_dense_whatever_was_refused(builder).await,
        "c05" => kit::c05_an_append_that_breaks_a_rule_is_invalid_and_nothing_lands(builder).await,
        "c06" => kit::c06_of_concurrent_appends_exactly_one_lands(builder).await,
        "c07" => kit::c07_what_was_acknowledged_survives_a_crash(builder).await,
        "c08" => kit::c08_a_resend_after_an_unknown_outcome_never_lands_twice(builder).await,
        "c09" => kit::c09_nothing_shows_before_it_is_durable(builder).await,
        "c10" => kit::c10_a_read_is_in_order_without_a_gap_and_within_its_limits(builder).await,
        "c11" => kit::c11_a_polling_reader_meets_every_commit_exactly_once(builder).await,
        "c12" => kit::c12_lookup_finds_every_key_tombstone_and_stream_and_nothing_else(builder).await,
        "c13" => kit::c13_a_partition_reads_as_exactly_its_own_commits(builder).await,
        "c14" => kit::c14_a_damaged_body_is_never_returned(builder).await,
        "c15" => kit::c15_everything_durable_is_there_after_a_reopen(builder).await,
        "c16" => kit::c16_the_newest_snapshot_reads_back_as_written(builder).await,
        "c17" => kit::c17_watch_changes_after_an_append_became_durable(builder).await,
        "c18" => kit::c18_after_close_appends_are_unavailable(builder).await,
        "c19" => kit::c19_hostile_ids_and_large_bodies_come_back_unchanged(builder).await,
        "c20" => kit::c20_after_a_failed_write_appends_are_unavailable(builder).await,
        "c21" => kit::c21_of_those_who_look_for_a_key_and_append_one_lands(builder).await,
        "c22" => kit::c22_lost_history_is_never_served(builder).await,
        "c23" => kit::c23_every_call_ends(builder).await,
        "c24" => kit::c24_a_commit_that_comes_late_is_met_in_its_place(builder).await,
        "c25" => kit::c25_a_call_that_is_given_up_leaves_nothing_half_done(builder).await,
        other => panic!("there is no clause {other}"),
    }
}

#[test]
fn each_planted_bug_is_noticed_by_its_clause() {
    let unnoticed: Vec<_> = PLANTED
        .iter()
        .filter_map(|(number, bug, complaint)| match block_on(clause(number, &Faulty(*bug))) {
            Ok(()) => Some(format!("{number} passes with {bug:?}")),
            Err(violation) if violation.to_string().contains(complaint) => None,
            Err(violation) => {
                Some(format!("{number} does not say of {bug:?}: {complaint}; but: {violation}"))
            }
        })
        .collect();
    assert!(unnoticed.is_empty(), "planted and not noticed:\n{}", unnoticed.join("\n"));
}

/// The wrapper itself is sound: without a bug every clause passes, so what fails above is the bug.
#[test]
fn without_a_bug_every_clause_passes() {
    for number in 1..=25 {
        let number = format!("c{number:02}");
        let verdict = block_on(clause(&number, &Faulty(Bug::None)));
        assert_eq!(verdict, Ok(()), "{number}");
        assert!(
            PLANTED.iter().any(|(planted, ..)| *planted == number),
            "no bug is planted for clause {number}"
        );
    }
}

/// Makes memory stores with this bug.
struct Faulty(Bug);

/// A memory store that misbehaves in one way.
#[derive(Debug)]
struct FaultyStore {
    bug: Bug,
    inner: Mutex<Arc<MemoryStore>>,
    identity: LedgerIdentity,
    shared: Arc<Shared>,
    /// Commits up to here were there when this handle was opened.
    opened_at: Vec<Head>,
    /// What an append that is under way would bring.
    early: Mutex<Vec<ShardAppend>>,
    /// What was acknowledged but not written yet.
    lagging: Mutex<Vec<ShardAppend>>,
    gap: AtomicBool,
    reads: AtomicU64,
    closes: AtomicU64,
    last_written: Mutex<Option<Timestamp>>,
    snapshots: Mutex<HashMap<PartitionDigest, Snapshot>>,
    late: Mutex<Late>,
    watch: watch::Sender<u64>,
}

/// What a reader with one cursor over all shards would meet, and what not.
#[derive(Debug, Default)]
struct Late {
    /// The number of the newest append that began.
    begun: u64,
    numbers: HashMap<(Shard, Position), u64>,
    /// The highest number that was shown.
    shown: u64,
    hidden: Vec<(Shard, Position)>,
}

/// What outlives a handle.
#[derive(Debug, Default)]
struct Shared {
    damaged: Mutex<Option<(Shard, Position)>>,
    silent: AtomicBool,
}

struct Place {
    memory: MemoryStore,
    shared: Arc<Shared>,
}

#[async_trait]
impl StoreBuilder for Faulty {
    type Guard = Place;

    fn call_limit(&self) -> Duration {
        Duration::from_millis(700)
    }

    fn shards(&self) -> ShardCount {
        ShardCount::new(8).expect("a power of two")
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let mut place = Place { memory: MemoryStore::new(identity), shared: Arc::default() };
        Ok((self.reopen(&mut place).await?, place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        let inner = place.memory.reopen()?;
        let mut opened_at = inner.heads().await?;
        if opened_at.iter().all(|head| head.position == Position::ZERO) {
            opened_at.clear();
        }
        let watch = watch::Sender::new(0);
        Ok(Arc::new(FaultyStore {
            bug: self.0,
            identity: *inner.identity(),
            inner: Mutex::new(Arc::new(inner)),
            shared: Arc::clone(&place.shared),
            opened_at,
            early: Mutex::default(),
            lagging: Mutex::default(),
            gap: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            closes: AtomicU64::new(0),
            last_written: Mutex::new(None),
            snapshots: Mutex::default(),
            late: Mutex::default(),
            watch,
        }))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        done(place.memory.power_cut())
    }

    async fn stall_next_write(&self, place: &mut Place) -> Option<Stall> {
        let (reached, release) = place.memory.stall_next_write().ok()?;
        Some(Stall::new(reached, release))
    }

    async fn fail_next_write(&self, place: &mut Place) -> Hook {
        done(place.memory.fail_next_write())
    }

    async fn lose_next_answer(&self, place: &mut Place, answer: LostAnswer) -> Hook {
        done(place.memory.lose_next_answer(answer))
    }

    async fn lose_history(&self, place: &mut Place, shard: Shard, loss: HistoryLoss) -> Hook {
        done(place.memory.lose_history(shard, loss))
    }

    async fn fall_silent(&self, place: &mut Place) -> Hook {
        place.shared.silent.store(true, Ordering::Release);
        Hook::Done
    }

    async fn answer_again(&self, place: &mut Place) {
        place.shared.silent.store(false, Ordering::Release);
    }

    async fn damage(&self, place: &mut Place, commit: &StoredCommit) -> Hook {
        let (shard, position) = (commit.shard, commit.position);
        let hides = matches!(self.0, Bug::ReturnsDamage | Bug::PassesOverDamage);
        if hides {
            *lock(&place.shared.damaged) = Some((shard, position));
            return Hook::Done;
        }
        done(place.memory.damage(shard, position))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with a lock")
}

fn sealed_on(identity: &LedgerIdentity, shard: Shard, mut head: Head, append: &ShardAppend) -> ShardAppend {
    let expected = head;
    let reseal = |commit: &SealedCommit| {
        let position = head.position.next();
        let hash = commit_hash(identity, shard, position, &head.hash, &commit.body);
        let sealed = SealedCommit { position, previous: head.hash, hash, ..commit.clone() };
        head = Head { position, hash };
        sealed
    };
    ShardAppend { shard, expected, commits: append.commits.iter().map(reseal).collect() }
}

fn end(append: &ShardAppend) -> Head {
    append.commits.last().map_or(append.expected, |c| Head { position: c.position, hash: c.hash })
}

/// An append that may be given up; then its first commit lands alone.
struct GivenUp<'a> {
    store: &'a FaultyStore,
    appends: &'a [ShardAppend],
    is_done: Cell<bool>,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if !self.is_done.get() {
            let mut half = self.appends.to_vec();
            half[0].commits.truncate(1);
            let inner = self.store.inner();
            let landing = pin!(inner.append(&half));
            // A store in memory answers at once.
            drop(landing.poll(&mut Context::from_waker(Waker::noop())));
        }
    }
}

type Answers = Result<Vec<Result<Head, StoreError>>, StoreError>;

impl FaultyStore {
    fn inner(&self) -> Arc<MemoryStore> {
        Arc::clone(&lock(&self.inner))
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    async fn head(&self, shard: Shard) -> Result<Head, StoreError> {
        let heads = self.inner().heads().await?;
        Ok(heads.get(shard.index()).copied().unwrap_or(heads[0]))
    }

    /// Lands the same bodies on whatever head there is.
    async fn land_anyway(&self, append: &ShardAppend) -> Result<Head, StoreError> {
        loop {
            let head = self.head(append.shard).await?;
            let again = sealed_on(&self.identity, append.shard, head, append);
            let answer = self.inner().append(&[again]).await?.remove(0);
            if answer.is_ok() {
                return answer;
            }
        }
    }

    async fn stands(&self, shard: Shard, commit: Option<&SealedCommit>) -> Result<bool, StoreError> {
        let Some(commit) = commit else { return Ok(false) };
        let stored = self.inner().read(shard, commit.position, 1).await?;
        Ok(stored.first().is_some_and(|stored| stored.hash == commit.hash))
    }

    /// What is wrong before the inner store is asked; `None` to go on soundly.
    async fn append_wrongly(&self, appends: &[ShardAppend]) -> Result<Option<Answers>, StoreError> {
        let [append] = appends else { return Ok(None) };
        let Some(first) = append.commits.first() else { return Ok(None) };
        let Ok(head) = self.head(append.shard).await else { return Ok(None) };
        let stale = head != append.expected;
        let landed = self.stands(append.shard, append.commits.last()).await?;
        let begun = self.stands(append.shard, Some(first)).await?;
        let there = append.shard.0 < self.identity.shards.get();
        let is_own = |c: &SealedCommit| self.identity.shards.shard_of(&c.index.partition) == append.shard;
        let own = append.commits.iter().all(is_own);
        Ok(match self.bug {
            Bug::LandsTheFirstCommitOnly if append.commits.len() > 1 && !stale => {
                let mut half = append.clone();
                half.commits.truncate(1);
                self.inner().append(&[half]).await?;
                Some(Ok(vec![Ok(end(append))]))
            }
            Bug::ComparesThePositionOnly if stale && head.position == append.expected.position => {
                Some(Ok(vec![self.land_anyway(append).await]))
            }
            Bug::ComparesTheHashOnly if stale && head.hash == append.expected.hash => {
                Some(Ok(vec![self.land_anyway(append).await]))
            }
            Bug::TwoWinners if stale && !landed => {
                self.land_anyway(append).await?;
                Some(Ok(vec![Ok(end(append))]))
            }
            Bug::ResendLandsTwice if landed => {
                self.land_anyway(append).await?;
                Some(Ok(vec![Ok(end(append))]))
            }
            Bug::ResendIsRefused if landed => Some(Ok(vec![Err(StoreError::HeadMoved {
                shard: append.shard,
                expected: append.expected,
                actual: head,
            })])),
            Bug::ResendAnswersTheCurrentHead if landed => Some(Ok(vec![Ok(head)])),
            Bug::ResendOfAnythingIsWelcome if begun => Some(Ok(vec![Ok(end(append))])),
            Bug::TakesABodyOneByteTooLarge if first.body.len() == ledger_store::BODY_BYTES_MAX + 1 => {
                Some(Ok(vec![Ok(end(append))]))
            }
            Bug::RefusesTheLargestBody if first.body.len() == ledger_store::BODY_BYTES_MAX => {
                Some(Err(StoreError::Invalid("a body of the size allowed".to_owned())))
            }
            Bug::TakesAStranger if !own && there => Some(Ok(vec![Ok(end(append))])),
            _ => None,
        })
    }

    /// What is wrong with an append that the inner store calls invalid.
    async fn invalid_wrongly(&self, appends: &[ShardAppend], error: StoreError) -> Answers {
        match self.bug {
            Bug::InvalidLandsTheSoundParts if appends.len() > 1 => {
                for append in appends {
                    let _ = self.inner().append(std::slice::from_ref(append)).await;
                }
            }
            Bug::InvalidPerShard => return Ok(appends.iter().map(|_| Err(error.clone())).collect()),
            Bug::TakesAnyHash if error.to_string().contains("its hash is") => {
                return Ok(appends.iter().map(|append| Ok(end(append))).collect());
            }
            _ => {}
        }
        Err(error)
    }

    async fn append_lagging(&self, appends: &[ShardAppend]) -> Answers {
        let before = std::mem::take(&mut *lock(&self.lagging));
        if !before.is_empty() {
            self.inner().append(&before).await?;
        }
        let heads = self.inner().heads().await?;
        if appends.iter().all(|append| heads.get(append.shard.index()) == Some(&append.expected)) {
            *lock(&self.lagging) = appends.to_vec();
            return Ok(appends.iter().map(|append| Ok(end(append))).collect());
        }
        self.inner().append(appends).await
    }

    fn early_commits(&self, shard: Shard) -> Vec<SealedCommit> {
        let early = lock(&self.early);
        early.iter().filter(|append| append.shard == shard).flat_map(|a| a.commits.clone()).collect()
    }

    fn spoil(&self, page: &mut Vec<StoredCommit>, from: Position, limit: usize) {
        match self.bug {
            Bug::PagesSkipOne if page.len() == limit && limit > 2 => drop(page.remove(limit / 2)),
            Bug::PagesComeBackwards => page.reverse(),
            Bug::BodyIsEncodedAgain => {
                for commit in page {
                    let value: serde_json::Value = serde_json::from_slice(&commit.body).expect("JSON");
                    commit.body = serde_json::to_vec(&value).expect("JSON").into();
                }
            }
            Bug::PreviousHashIsLost => {
                for commit in page {
                    commit.previous = commit.hash;
                }
            }
            Bug::ShowsTheLaterFirst => {
                // A commit in the middle comes late: the first read that should show it passes it over.
                let position = |c: &StoredCommit| c.position.0 > from.0 && c.position.0.is_multiple_of(3);
                if self.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                    page.retain(|commit| !position(commit));
                }
            }
            Bug::ShowsOneTwice if from.0 > 3 && from.0.is_multiple_of(5) => {
                if let Some(first) = page.first().cloned() {
                    page.insert(0, first);
                    page.truncate(limit);
                }
            }
            Bug::LeavesAGapAfterARefusal if self.gap.load(Ordering::Relaxed) => {
                for commit in page.iter_mut().filter(|commit| commit.position.0 > 1) {
                    commit.position = commit.position.next();
                }
            }
            Bug::Normalises => {
                for commit in page {
                    let body = String::from_utf8_lossy(&commit.body).replace("e\u{301}", "\u{e9}");
                    commit.body = body.into_bytes().into();
                }
            }
            Bug::CutsLargeBodies => {
                for commit in page {
                    let bytes = commit.body.len().min(ledger_store::BODY_BYTES_MAX - 1);
                    commit.body = commit.body[..bytes].into();
                }
            }
            Bug::ReturnsDamage | Bug::PassesOverDamage => self.hide_damage(page),
            _ => {}
        }
    }

    fn hide_damage(&self, page: &mut Vec<StoredCommit>) {
        let Some((shard, position)) = *lock(&self.shared.damaged) else { return };
        if self.is(Bug::PassesOverDamage) {
            page.retain(|commit| (commit.shard, commit.position) != (shard, position));
        }
        for commit in page.iter_mut().filter(|c| (c.shard, c.position) == (shard, position)) {
            commit.body = b"{}".as_slice().into();
        }
    }

    async fn lookup_wrongly(&self, lookup: &Lookup, found: &mut Vec<Position>) -> Result<(), StoreError> {
        let (shard, is_key) = match lookup {
            Lookup::Key(shard, _) => (*shard, true),
            Lookup::Stream(shard, _) => (*shard, false),
            _ => return Ok(()),
        };
        match (self.bug, lookup) {
            (Bug::DropsAKey, Lookup::Key(_, key)) if key.as_bytes()[0] < 8 => found.clear(),
            (Bug::DropsTombstones, Lookup::Key(_, key)) => {
                for position in found.clone() {
                    let stored = self.inner().read(shard, position, 1).await?;
                    let index = CommitIndex::of_body(&stored[0].body).expect("a body of the kit");
                    // The body names the tombstones last.
                    let text = String::from_utf8_lossy(&stored[0].body).into_owned();
                    if text.contains("\"tombstones\"") && index.keys.last() == Some(key) {
                        found.clear();
                    }
                }
            }
            (Bug::DropsTheNewestFromTheIndex, _) => {
                let head = self.head(shard).await?.position;
                found.retain(|position| *position < head);
            }
            (Bug::StreamsEndAtTheFirst, Lookup::Stream(..)) => found.truncate(1),
            (Bug::FindsWhatIsNot, Lookup::Key(_, key)) if found.is_empty() && key.as_bytes()[0] < 8 => {
                found.push(Position(1));
            }
            (Bug::IndexForgetsShards, Lookup::Key(_, key)) => {
                for other in self.identity.shards.all().filter(|_| found.is_empty()).collect::<Vec<_>>() {
                    found.extend(self.inner().lookup(&[Lookup::Key(other, *key)]).await?.remove(0));
                }
            }
            (Bug::ReopenForgetsTheIndex, _) => {
                let opened = self.opened_at.get(shard.index()).map_or(Position::ZERO, |head| head.position);
                found.retain(|position| *position > opened);
            }
            (Bug::ShowsLookupsTooEarly, _) => {
                for commit in self.early_commits(shard) {
                    let known = match lookup {
                        Lookup::Key(_, key) => is_key && commit.index.keys.contains(key),
                        Lookup::Stream(_, stream) => commit.index.streams.contains(stream),
                        _ => false,
                    };
                    if known && !found.contains(&commit.position) {
                        found.push(commit.position);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn append_somehow(&self, appends: &[ShardAppend]) -> Answers {
        if self.is(Bug::AcknowledgesBeforeItIsDurable) {
            return self.append_lagging(appends).await;
        }
        if self.is(Bug::AppendsAfterClose) && self.closes.load(Ordering::Relaxed) > 0 {
            self.reopened_inside()?;
        }
        if let Some(answers) = self.append_wrongly(appends).await? {
            return answers;
        }
        if self.is(Bug::WatchIsEarly) {
            self.watch.send_modify(|count| *count += 1);
        }
        *lock(&self.early) = appends.to_vec();
        let answers = self.inner().append(appends).await;
        lock(&self.early).clear();
        let mut answers = match answers {
            Ok(answers) => answers,
            Err(error @ StoreError::Invalid(_)) => return self.invalid_wrongly(appends, error).await,
            Err(error @ StoreError::Unavailable { .. }) => {
                if self.is(Bug::PowerCutTearsAnAppend) {
                    let mut half = appends.to_vec();
                    half[0].commits.truncate(1);
                    self.reopened_inside()?;
                    self.inner().append(&half).await?;
                }
                if self.is(Bug::WritesAfterAFailure) {
                    self.reopened_inside()?;
                }
                if self.is(Bug::FailedWriteShows) && lock(&self.lagging).is_empty() {
                    *lock(&self.lagging) = appends.to_vec();
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let refused = answers.iter().any(Result::is_err);
        self.gap.fetch_or(refused, Ordering::Relaxed);
        if let Some(commit) = appends.iter().flat_map(|append| &append.commits).next_back() {
            *lock(&self.last_written) = Some(commit.index.recorded_at);
        }
        if !self.is(Bug::WatchIsSilent) && !self.is(Bug::WatchIsEarly) {
            self.watch.send_modify(|count| *count += 1);
        }
        match self.bug {
            Bug::AnswersInAnotherOrder => answers.reverse(),
            Bug::OneRefusalStopsTheOthers if refused => {
                for (append, answer) in appends.iter().zip(&mut answers) {
                    *answer = Err(StoreError::HeadMoved {
                        shard: append.shard,
                        expected: append.expected,
                        actual: append.expected,
                    });
                }
            }
            Bug::HeadMovedLandsAnyway if refused => {
                for append in appends {
                    self.land_anyway(append).await?;
                }
            }
            Bug::LostHistoryIsHeadMoved => {
                for (append, answer) in appends.iter().zip(&mut answers) {
                    if let Err(StoreError::HistoryLost { shard, seen, .. }) = answer {
                        let (shard, expected, actual) = (*shard, append.expected, *seen);
                        *answer = Err(StoreError::HeadMoved { shard, expected, actual });
                    }
                }
            }
            Bug::HeadMovedNamesTheWrongHead => {
                for answer in &mut answers {
                    if let Err(StoreError::HeadMoved { actual, expected, .. }) = answer {
                        *actual = *expected;
                    }
                }
            }
            _ => {}
        }
        Ok(answers)
    }

    /// What a server that is silent does to a call.
    async fn silence(&self) -> Result<(), StoreError> {
        if !self.shared.silent.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.is(Bug::WaitsForEver) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(StoreError::Unavailable { reason: "no answer".to_owned(), source: None })
    }

    /// Takes note of an append that begins, with its number.
    fn begins(&self, appends: &[ShardAppend]) {
        let mut late = lock(&self.late);
        late.begun += 1;
        let number = late.begun;
        for append in appends {
            late.numbers.extend(append.commits.iter().map(|c| ((append.shard, c.position), number)));
        }
    }

    /// What lands behind something that was shown already, a cursor over all shards passes over.
    fn landed(&self, appends: &[ShardAppend], answers: &[Result<Head, StoreError>]) {
        let mut late = lock(&self.late);
        for (append, _) in appends.iter().zip(answers).filter(|(_, answer)| answer.is_ok()) {
            for commit in &append.commits {
                let place = (append.shard, commit.position);
                if late.numbers.get(&place).is_some_and(|number| *number < late.shown) {
                    late.hidden.push(place);
                }
            }
        }
    }

    fn pass_over(&self, page: &mut Vec<StoredCommit>) {
        let mut late = lock(&self.late);
        page.retain(|commit| !late.hidden.contains(&(commit.shard, commit.position)));
        let numbers = page.iter().filter_map(|c| late.numbers.get(&(c.shard, c.position)));
        late.shown = numbers.copied().max().unwrap_or(0).max(late.shown);
    }

    fn reopened_inside(&self) -> Result<(), StoreError> {
        let fresh = self.inner().reopen()?;
        *lock(&self.inner) = Arc::new(fresh);
        Ok(())
    }
}

#[async_trait]
impl EventStore for FaultyStore {
    fn identity(&self) -> &LedgerIdentity {
        &self.identity
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.silence().await?;
        let mut heads = self.inner().heads().await;
        if self.is(Bug::ServesLostHistory) && heads.is_err() {
            self.reopened_inside()?;
            heads = self.inner().heads().await;
        }
        let mut heads = heads?;
        if self.is(Bug::ShowsHeadsTooEarly) {
            for append in lock(&self.early).iter() {
                heads[append.shard.index()] = end(append);
            }
        }
        for append in lock(&self.lagging).iter() {
            heads[append.shard.index()] = end(append);
        }
        if self.is(Bug::ReopenForgetsTheLastShard) && !self.opened_at.is_empty() {
            let shard = Shard(self.identity.shards.get() - 1);
            heads[shard.index()] = ledger_store::genesis(&self.identity, shard);
        }
        Ok(heads)
    }

    async fn last_recorded_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.silence().await?;
        let early = lock(&self.early).iter().flat_map(|a| a.commits.clone()).next();
        match self.bug {
            Bug::ShowsTimeTooEarly if early.is_some() => Ok(early.map(|commit| commit.index.recorded_at)),
            Bug::ReopenForgetsTheTime if !self.opened_at.is_empty() => Ok(None),
            Bug::TimeIsTheLastWritten if lock(&self.last_written).is_some() => Ok(*lock(&self.last_written)),
            _ => self.inner().last_recorded_at().await,
        }
    }

    async fn append(&self, appends: &[ShardAppend]) -> Answers {
        if self.silence().await.is_err() {
            return Err(StoreError::Unknown { reason: "no answer".to_owned() });
        }
        let half = GivenUp { store: self, appends, is_done: Cell::new(!self.is(Bug::GivenUpLandsHalf)) };
        self.begins(appends);
        let answers = self.append_somehow(appends).await;
        if let Ok(answers) = &answers {
            self.landed(appends, answers);
        }
        half.is_done.set(true);
        answers
    }

    async fn read(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.silence().await?;
        let limit = if self.is(Bug::PagesAreOneTooLong) { limit.saturating_add(1) } else { limit };
        let mut page = self.inner().read(shard, from, limit).await?;
        match self.bug {
            Bug::PagesHaveNoByteLimit => {
                let limit = limit.min(READ_COMMITS_MAX);
                while let Some(last) = page.last().filter(|_| page.len() < limit) {
                    let more = self.inner().read(shard, last.position.next(), limit - page.len()).await?;
                    if more.is_empty() {
                        break;
                    }
                    page.extend(more);
                }
            }
            Bug::PagesEndBeforeTheLargeBody => {
                let large = page.iter().position(|c| c.body.len() == ledger_store::BODY_BYTES_MAX);
                page.truncate(large.unwrap_or(page.len()));
            }
            Bug::ShowsReadsTooEarly => {
                for SealedCommit { position, previous, hash, body, .. } in self.early_commits(shard) {
                    if position >= from && page.last().is_none_or(|last| last.position < position) {
                        page.push(StoredCommit { shard, position, previous, hash, body });
                    }
                }
            }
            _ => {}
        }
        self.spoil(&mut page, from, limit);
        if self.is(Bug::PassesOverWhatComesLate) {
            self.pass_over(&mut page);
        }
        Ok(page)
    }

    async fn read_partition(
        &self,
        partition: &PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.silence().await?;
        match self.bug {
            Bug::PartitionsMix => {
                let shard = self.identity.shards.shard_of(partition);
                let from = Position(after.0.saturating_add(1));
                self.inner().read(shard, from, limit).await
            }
            Bug::AfterIncludesItself => {
                self.inner().read_partition(partition, Position(after.0.saturating_sub(1)), limit).await
            }
            Bug::PartitionsMissTheLast => {
                let mut page = self.inner().read_partition(partition, after, limit).await?;
                let head = self.head(self.identity.shards.shard_of(partition)).await?.position;
                page.retain(|commit| commit.position < head);
                Ok(page)
            }
            _ => {
                let mut page = self.inner().read_partition(partition, after, limit).await?;
                self.hide_damage(&mut page);
                Ok(page)
            }
        }
    }

    async fn lookup(&self, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
        match self.silence().await {
            Err(_) if self.is(Bug::SilenceIsAbsence) => return Ok(vec![Vec::new(); lookups.len()]),
            spoken => spoken?,
        }
        while self.is(Bug::LookupWaitsForAppends) && !lock(&self.early).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut answers = self.inner().lookup(lookups).await?;
        for (lookup, found) in lookups.iter().zip(&mut answers) {
            self.lookup_wrongly(lookup, found).await?;
        }
        Ok(answers)
    }

    async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let kept = self.inner().snapshot(&snapshot.partition).await?;
        match self.bug {
            Bug::FirstSnapshotWins if kept.is_some() => Ok(()),
            Bug::LastSnapshotWins => {
                lock(&self.snapshots).insert(snapshot.partition, snapshot.clone());
                self.inner().write_snapshot(snapshot).await
            }
            Bug::SnapshotsAreCut => {
                let bytes = snapshot.bytes.into_iter().take(4_096).collect();
                self.inner().write_snapshot(Snapshot { bytes, ..snapshot }).await
            }
            Bug::SnapshotsOfOthers => {
                for shard in self.identity.shards.all() {
                    for nth in 0..2 {
                        let partition = testing::partition_in(self.identity.shards, shard, nth).digest();
                        let copy = Snapshot { partition, ..snapshot.clone() };
                        self.inner().write_snapshot(copy).await?;
                    }
                }
                Ok(())
            }
            _ => self.inner().write_snapshot(snapshot).await,
        }
    }

    async fn snapshot(&self, partition: &PartitionDigest) -> Result<Option<Snapshot>, StoreError> {
        self.silence().await?;
        if let Some(last) = lock(&self.snapshots).get(partition) {
            return Ok(Some(last.clone()));
        }
        self.inner().snapshot(partition).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let lagging = std::mem::take(&mut *lock(&self.lagging));
        if !lagging.is_empty() && self.is(Bug::AcknowledgesBeforeItIsDurable) {
            self.inner().append(&lagging).await?;
        }
        if self.closes.fetch_add(1, Ordering::Relaxed) > 0 && self.is(Bug::SecondCloseFails) {
            return Err(StoreError::Unavailable { reason: "closed already".to_owned(), source: None });
        }
        self.inner().close().await
    }
}
