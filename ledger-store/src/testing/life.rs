//! C15 to C20: reopening, snapshots, watching, closing, hostile input, failed writes.

use std::time::Duration;

use ledger_core::{OperationKind, Partition, PlayerId, RoundId, SourceId, Stream, Timestamp, TransactionId};
use tokio::sync::watch;

use super::commit::{CommitBuilder, partition_in};
use super::model::{check_lookups, read_all, read_partition_all, same_commits};
use super::subject::{Ending, Subject, ensure_landed, head_after, one};
use super::thread::Worker;
use super::{Hook, StoreBuilder, Verdict, Violation, ensure, not_tested};
use crate::{BODY_BYTES_MAX, Position, SNAPSHOT_BYTES_MAX, Shard, Snapshot, StoreError};

/// **C15** Everything durable is there after a reopen: identity, heads, commits, index.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c15_everything_durable_is_there_after_a_reopen<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    // An empty ledger keeps its identity too.
    for ending in [Ending::Close, Ending::Drop, Ending::PowerCut] {
        subject.reopen(ending).await?;
        subject.check().await?;
    }
    let shards = subject.some_shards(6);
    let endings = [Ending::Close, Ending::Drop, Ending::Close, Ending::PowerCut, Ending::Close];
    for (round, ending) in endings.into_iter().enumerate() {
        for (i, shard) in shards.iter().enumerate() {
            let commits: Vec<_> = (0..=i).map(|n| told_apart(&subject, *shard, round * 10 + n)).collect();
            subject.land(*shard, &commits).await?;
        }
        subject.check().await?;
        subject.reopen(ending).await?;
        let lost = |v| Violation::new(format!("after {ending:?}: {v}"));
        subject.check().await.map_err(lost)?;
    }
    // Reopened again and again without a write in between.
    for ending in [Ending::Close, Ending::Close, Ending::Drop, Ending::Drop] {
        subject.reopen(ending).await?;
        subject.check().await?;
    }
    Ok(())
}

/// Commits with a key, a tombstone, a stream and a time, which goes down as the number goes up: the newest
/// time is not the last one written.
fn told_apart<B: StoreBuilder>(subject: &Subject<'_, B>, shard: Shard, number: usize) -> CommitBuilder {
    let commit = CommitBuilder::new(partition_in(subject.identity.shards, shard, number % 2));
    let Partition::Player(player) = commit.partition().clone() else { return commit };
    let at = 1_700_000_000_000_000 - i64::try_from(number).unwrap_or(0) * 1_000;
    let stream = round(&player, "studio", &format!("round {}", number / 2));
    let id = format!("{shard}-{number}");
    let commit = commit.key("studio", OperationKind::Bet, &id).tombstone("studio", &id).stream(stream);
    commit.recorded_at(Timestamp::from_micros(at).unwrap_or(Timestamp::EPOCH))
}

fn round(player: &PlayerId, source: &str, round: &str) -> Stream {
    let (source, round) = (SourceId::new(source).expect("a source"), RoundId::new(round).expect("a round"));
    Stream::Round(player.clone(), source, round)
}

/// **C16** A snapshot reads back as written, the newest per partition; losing one loses nothing else.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c16_the_newest_snapshot_reads_back_as_written<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    for shard in &shards {
        subject.land(*shard, &subject.commits(*shard, "folded", 6)).await?;
    }
    let shard = shards[0];
    let partition = partition_in(subject.identity.shards, shard, 0).digest();
    let neighbour = partition_in(subject.identity.shards, *shards.last().unwrap_or(&shard), 1).digest();
    let taken = |position: usize, fold, bytes: Vec<u8>| {
        let commit = &subject.model.commits(shard)[position - 1];
        Snapshot { partition, position: commit.position, hash: commit.hash, fold, bytes }
    };
    let all_bytes: Vec<u8> = (0..=u8::MAX).cycle().take(5_000).collect();
    // Written, and what is the newest then. A writer that comes late with an older one changes nothing.
    let (first, empty, second) = (taken(2, 1, vec![1]), taken(3, 1, vec![]), taken(4, 1, all_bytes));
    let (late, refolded) = (taken(3, 1, vec![9; 10]), taken(4, 2, vec![7; 100]));
    let large = taken(5, 2, vec![0x5A; SNAPSHOT_BYTES_MAX]);
    let too_large = taken(6, 2, vec![0x5A; SNAPSHOT_BYTES_MAX + 1]);
    let steps = [
        (&first, &first),
        (&empty, &empty),
        (&second, &second),
        (&late, &second),
        (&refolded, &refolded),
        (&large, &large),
    ];
    ensure!(subject.store().snapshot(&partition).await?.is_none(), "a snapshot that nobody wrote");
    for (written, newest) in steps {
        subject.store().write_snapshot(written.clone()).await?;
        let read = subject.store().snapshot(&partition).await?;
        same_snapshot(read.as_ref(), newest)?;
        ensure!(subject.store().snapshot(&neighbour).await?.is_none(), "another partition's snapshot");
    }
    let refused = subject.store().write_snapshot(too_large).await;
    ensure!(matches!(refused, Err(StoreError::Invalid(_))), "a snapshot too large: {refused:?}");
    same_snapshot(subject.store().snapshot(&partition).await?.as_ref(), &large)?;
    let other = Snapshot { partition: neighbour, ..first.clone() };
    subject.store().write_snapshot(other.clone()).await?;
    same_snapshot(subject.store().snapshot(&neighbour).await?.as_ref(), &other)?;
    same_snapshot(subject.store().snapshot(&partition).await?.as_ref(), &large)?;
    subject.check().await?;
    for ending in [Ending::Close, Ending::PowerCut] {
        subject.reopen(ending).await?;
        // It may be lost, and an older one be the newest again; it may not be another one.
        if let Some(read) = subject.store().snapshot(&partition).await? {
            let known = steps.iter().any(|(written, _)| **written == read);
            ensure!(known, "after a reopen a snapshot at {} that nobody wrote", read.position);
        }
        subject.check().await?;
    }
    Ok(())
}

fn same_snapshot(read: Option<&Snapshot>, expected: &Snapshot) -> Verdict {
    let Some(read) = read else {
        return Err(Violation::new(format!("no snapshot, though one at {} was written", expected.position)));
    };
    let (position, fold) = (read.position, read.fold);
    ensure!(
        read == expected,
        "the snapshot read is at {position}, fold {fold}, {} bytes; due is the one at {}, fold {}, {} bytes",
        read.bytes.len(),
        expected.position,
        expected.fold,
        expected.bytes.len()
    );
    Ok(())
}

/// **C17** `watch` is only a hint: it changes after an append became durable; its value counts.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c17_watch_changes_after_an_append_became_durable<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(3);
    let (mut early, mut idle) = (subject.store().watch(), subject.store().watch());
    for round in 0..6 {
        for shard in &shards {
            let before = *early.borrow_and_update();
            subject.land(*shard, &subject.commits(*shard, &format!("round {round}"), 2)).await?;
            changed(&mut early).await?;
            let after = *early.borrow_and_update();
            ensure!(after > before, "watch went from {before} to {after}");
            subject.model.check_heads(subject.store()).await?;
        }
    }
    changed(&mut idle).await?;
    watch_is_still_while_stalled(&mut subject, shards[0]).await?;
    // A reader that waits in another thread wakes up, and then finds what woke it.
    let shard = shards[0];
    let append = subject.seal(shard, &subject.commits(shard, "awaited", 1));
    let (store, due) = (subject.shared(), head_after(&append));
    let mut watch = subject.store().watch();
    let waiter = Worker::start(move || async move {
        while store.heads().await?[shard.index()] != due {
            changed(&mut watch).await?;
        }
        Ok::<_, Violation>(())
    });
    subject.must_land(&append).await?;
    waiter.finish().await??;
    subject.reopen(Ending::Close).await?;
    let mut watch = subject.store().watch();
    subject.land(shard, &subject.commits(shard, "after a reopen", 1)).await?;
    changed(&mut watch).await
}

/// How long a change may take to show: a limit for a store that forgets it, far above what one needs.
const WATCH_SECONDS_MAX: u64 = 5;

async fn changed(watch: &mut watch::Receiver<u64>) -> Verdict {
    let limit = Duration::from_secs(WATCH_SECONDS_MAX);
    let changed = tokio::time::timeout(limit, watch.changed()).await;
    let changed =
        changed.map_err(|_| Violation::new(format!("watch is silent for {WATCH_SECONDS_MAX} s")))?;
    changed.map_err(|_| Violation::new("watch ended while its store is open"))
}

async fn watch_is_still_while_stalled<B: StoreBuilder>(
    subject: &mut Subject<'_, B>,
    shard: Shard,
) -> Verdict {
    let mut watch = subject.store().watch();
    watch.mark_unchanged();
    let append = subject.seal(shard, &subject.commits(shard, "held", 1));
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c17", "watch while a write is held just before it is durable");
        return Ok(());
    };
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { one(&*store, &sent).await });
    stall.reached().await?;
    let early = watch.has_changed();
    stall.release();
    let answer = writer.finish().await??;
    ensure_landed(&append, &answer)?;
    subject.model.landed(&append);
    ensure!(matches!(early, Ok(false)), "watch changed before the append was durable");
    changed(&mut watch).await
}

/// **C18** After `close`, appends answer `Unavailable`; closing twice is harmless.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c18_after_close_appends_are_unavailable<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    for round in 0..3 {
        // The first ledger is closed while it is still empty.
        for shard in shards.iter().filter(|_| round > 0) {
            subject.land(*shard, &subject.commits(*shard, &format!("round {round}"), 2)).await?;
        }
        for time in ["once", "twice", "three times"] {
            subject.store().close().await?;
            for shard in &shards {
                let append = subject.seal(*shard, &subject.commits(*shard, "too late", 1));
                let answer = subject.store().append(std::slice::from_ref(&append)).await;
                let refused = matches!(answer, Err(StoreError::Unavailable { .. }));
                ensure!(refused, "closed {time}, an append answers {answer:?}");
            }
            reads_may_go_on(&subject).await?;
        }
        subject.reopen(Ending::Drop).await?;
        subject.check().await?;
    }
    // A close while others append: each append lands and is there, or is refused.
    let shard = shards[0];
    let append = subject.seal(shard, &subject.commits(shard, "in the doorway", 1));
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { store.append(&[sent]).await });
    let store = subject.shared();
    let closer = Worker::start(move || async move { store.close().await });
    closer.finish().await??;
    match writer.finish().await? {
        Ok(answers) => {
            ensure_landed(&append, answers.first().ok_or_else(|| Violation::new("no answer"))?)?;
            subject.model.landed(&append);
        }
        Err(StoreError::Unavailable { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

/// Reads of a closed store are right or unavailable.
async fn reads_may_go_on<B: StoreBuilder>(subject: &Subject<'_, B>) -> Verdict {
    match subject.store().heads().await {
        Err(StoreError::Unavailable { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => subject.check().await,
    }
}

/// Identifiers that have broken other stores: quotes, paths, escapes, wildcards, scripts, directions.
const HOSTILE: [&str; 34] = [
    "'; DROP TABLE commits; --",
    "\" OR \"\"=\"",
    "\\",
    "\\\\\\\"",
    "a/b",
    "a~1b",
    "a~0b",
    "a~b",
    "~",
    "/",
    "//",
    "../../../etc/passwd",
    ".",
    "..",
    " ",
    "  two spaces  ",
    "%",
    "%00",
    "%2F",
    "_",
    "100%_'",
    "null",
    "{}",
    "$1",
    "player/player-0",
    "\u{1F3B0}\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "e\u{301}",
    "\u{e9}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{202e}abc",
    "\u{feff}bom",
    "\u{fffd}\u{fffe}",
    "\u{a0}\u{2028}\u{2029}",
    "\u{10ffff}",
    "\u{df}SS\u{130}i\u{131}",
];

/// **C19** Hostile ids and bodies up to the limit come back unchanged.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c19_hostile_ids_and_large_bodies_come_back_unchanged<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let mut ids: Vec<String> = HOSTILE.iter().map(ToString::to_string).collect();
    // The longest, in characters of one to four bytes; and two that differ in their last byte only.
    ids.extend(
        [("x", 128), ("\u{e9}", 64), ("\u{20ac}", 42), ("\u{1f3b0}", 32), ("~", 128), ("'", 128)]
            .map(|(character, count)| character.repeat(count)),
    );
    ids.extend(["X", "x1", "x2"].map(|end| format!("{}{end}", "x".repeat(126))));
    for id in &ids {
        for commit in hostile_commits(id) {
            let shard = subject.identity.shards.shard_of(&commit.partition().digest());
            let body = commit.body();
            subject.land(shard, std::slice::from_ref(&commit)).await?;
            let landed = subject.model.commits(shard).last().cloned();
            let Some(landed) = landed else { continue };
            ensure!(*landed.body == *body, "the kit altered a body: a bug of the kit");
            let read = subject.store().read(shard, landed.position, 1).await?;
            let unchanged = |v| Violation::new(format!("with the id {id:?}: {v}"));
            same_commits(shard, &read, std::slice::from_ref(&landed)).map_err(unchanged)?;
        }
    }
    subject.check().await?;
    same_looking_ids_stay_apart(&subject).await?;
    for bytes in [BODY_BYTES_MAX - 1, BODY_BYTES_MAX] {
        for shard in subject.some_shards(2) {
            let large = subject.commit(shard, "\u{1f3b0} \u{0} \u{7f} \r\n").bytes(bytes);
            ensure!(large.body().len() == bytes, "the kit built a wrong size: a bug of the kit");
            subject.land(shard, &[large.clone(), subject.commit(shard, "between"), large]).await?;
        }
    }
    subject.check().await?;
    subject.reopen(Ending::Drop).await?;
    subject.check().await?;
    same_looking_ids_stay_apart(&subject).await
}

/// The id in every place where one may stand.
fn hostile_commits(id: &str) -> [CommitBuilder; 2] {
    let player = PlayerId::new(id).expect("the hostile ids are identifiers");
    let (source, deposit) = (SourceId::new(id).expect("a source"), TransactionId::new(id).expect("an id"));
    let commit = CommitBuilder::player(id)
        .key(id, OperationKind::Bet, id)
        .tombstone(id, id)
        .stream(round(&player, id, id))
        .stream(Stream::Deposit(player, source, deposit))
        .note(id);
    [commit, CommitBuilder::house(id).key("house", OperationKind::Currency, id)]
}

/// Ids that some databases take for equal are different players, keys and streams.
async fn same_looking_ids_stay_apart<B: StoreBuilder>(subject: &Subject<'_, B>) -> Verdict {
    for id in ["e\u{301}", "\u{e9}", "a/b", "a~1b", " ", "  two spaces  "] {
        let [player, _] = hostile_commits(id);
        let digest = player.partition().digest();
        let shard = subject.identity.shards.shard_of(&digest);
        let read = read_partition_all(subject.store(), &digest, 10).await?;
        ensure!(read.len() == 1, "the player {id:?} has {} commits, not 1", read.len());
        let index = player.seal(&subject.identity, shard, subject.model.head(shard)).index;
        let at = read[0].position;
        let keys = index.keys.iter().map(|key| (crate::Lookup::Key(shard, *key), vec![at]));
        let streams = index.streams.iter().map(|s| (crate::Lookup::Stream(shard, *s), vec![at]));
        check_lookups(subject.store(), &keys.chain(streams).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// **C20** Once a write has failed, every later append answers `Unavailable` until reopened.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c20_after_a_failed_write_appends_are_unavailable<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(3);
    for round in 0..3 {
        for shard in &shards {
            subject.land(*shard, &subject.commits(*shard, &format!("round {round}"), 2)).await?;
        }
        if subject.builder.fail_next_write(&mut subject.guard).await == Hook::Absent {
            not_tested("c20", "a failed write");
            return Ok(());
        }
        let append = subject.seal(shards[0], &subject.commits(shards[0], "fails", 2));
        let unknown = match subject.store().append(std::slice::from_ref(&append)).await {
            Err(StoreError::Unavailable { .. }) => false,
            Err(StoreError::Unknown { .. }) => true,
            other => return Err(Violation::new(format!("a failed write answers {other:?}"))),
        };
        for shard in &shards {
            for attempt in ["at once", "again"] {
                let later = subject.seal(*shard, &subject.commits(*shard, "later", 1));
                let answer = subject.store().append(std::slice::from_ref(&later)).await;
                let refused = matches!(answer, Err(StoreError::Unavailable { .. }));
                ensure!(refused, "after a failed write an append {attempt} answers {answer:?}");
            }
        }
        // Nothing of the failed write shows: it is not durable, or nobody can tell.
        reads_may_go_on(&subject).await?;
        let ending = if round % 2 == 0 { Ending::Drop } else { Ending::PowerCut };
        subject.reopen(ending).await?;
        let head = subject.store().heads().await?[shards[0].index()];
        if unknown && head == head_after(&append) {
            subject.model.landed(&append);
        }
        subject.check().await?;
    }
    subject.land(shards[0], &subject.commits(shards[0], "works again", 1)).await?;
    let all = read_all(subject.store(), shards[0], usize::MAX).await?;
    let dense = all.iter().zip(1..).all(|(commit, due)| commit.position == Position(due));
    ensure!(dense, "the failed write left a gap");
    subject.check().await
}
