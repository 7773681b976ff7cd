//! C09 to C14: reading.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ledger_core::{
    OperationKind, Partition, PlayerId, RoundId, SourceId, Stream, Timestamp, TransactionId, tombstone_digest,
};

use super::append::persist;
use super::commit::{CommitBuilder, partition_in};
use super::model::{check_lookups, read_all, read_partition_all, same_commits};
use super::subject::{Ending, Subject, ensure_landed, one};
use super::thread::{Dice, Worker};
use super::{Hook, StoreBuilder, Verdict, Violation, ensure, not_tested};
use crate::{
    BODY_BYTES_MAX, EventStore, Head, LedgerIdentity, Lookup, Position, READ_BYTES_MAX, READ_COMMITS_MAX,
    Shard, ShardAppend, StoreError, StoredCommit, genesis, verify_commit,
};

/// **C09** No read, head or lookup shows a commit that is not durable.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c09_nothing_shows_before_it_is_durable<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shard = subject.some_shards(1)[0];
    subject.land(shard, &[telling(&subject, shard, 0)]).await?;
    nothing_shows_while_stalled(&mut subject, shard).await?;
    subject.check().await?;
    what_was_seen_stays(&mut subject, shard).await
}

/// A commit that every kind of read would show: a key, a tombstone, a stream and a newer time.
fn telling<B: StoreBuilder>(subject: &Subject<'_, B>, shard: Shard, number: i64) -> CommitBuilder {
    let commit = subject.commit(shard, format!("telling {number}"));
    let stream = round_of(commit.partition(), &format!("round {number}"));
    let later = Timestamp::from_micros(1_800_000_000_000_000 + number).unwrap_or(Timestamp::EPOCH);
    commit
        .key("studio", OperationKind::Bet, &format!("bet {number}"))
        .tombstone("studio", &format!("bet {number}"))
        .stream(stream)
        .recorded_at(later)
}

fn round_of(partition: &Partition, round: &str) -> Stream {
    let Partition::Player(player) = partition else { panic!("the partitions of the kit are players") };
    let (source, round) = (SourceId::new("studio").expect("a source"), RoundId::new(round).expect("a round"));
    Stream::Round(player.clone(), source, round)
}

async fn nothing_shows_while_stalled<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let append = subject.seal(shard, &[telling(subject, shard, 1)]);
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c09", "reads while a write is held just before it is durable");
        return Ok(());
    };
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { one(&*store, &sent).await });
    stall.reached().await?;
    // The reads run in a thread: a store may let them wait for the write, and the stall must end.
    let (model, store) = (subject.model.clone(), subject.shared());
    let index = append.commits[0].index.clone();
    let reader = Worker::start(move || async move {
        model.check(&*store).await?;
        let absent: Vec<_> = [
            Lookup::Key(shard, index.keys[0]),
            Lookup::Key(shard, index.keys[1]),
            Lookup::Stream(shard, index.streams[0]),
        ]
        .into_iter()
        .map(|question| (question, vec![]))
        .collect();
        check_lookups(&*store, &absent).await
    });
    let shown = reader.finish().await?;
    stall.release();
    let answer = writer.finish().await??;
    shown.map_err(|v| Violation::new(format!("a commit showed before it was durable: {v}")))?;
    ensure_landed(&append, &answer)?;
    subject.model.landed(&append);
    Ok(())
}

/// Whatever a reader saw while appends went on, in whatever way, is there after a crash.
async fn what_was_seen_stays<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let done = Arc::new(AtomicBool::new(false));
    let mut chain = subject.chain(shard);
    let appends: Vec<_> = (2..80).map(|number| chain.seal(&[telling(subject, shard, number)])).collect();
    let (store, finished, seen) = (subject.shared(), Arc::clone(&done), appends.clone());
    let reader = Worker::start(move || async move {
        let mut newest = Position::ZERO;
        for append in seen.iter().cycle() {
            if finished.load(Ordering::Acquire) {
                break;
            }
            newest = newest.max(look_and_compare(&*store, append).await?);
        }
        Ok::<_, Violation>(newest)
    });
    let (store, sent) = (subject.shared(), appends.clone());
    let writer = Worker::start(move || async move {
        let mut dice = Dice::new(9);
        for append in &sent {
            dice.dawdle();
            ensure_landed(append, &one(&*store, append).await?)?;
        }
        Ok::<_, Violation>(())
    });
    let written = writer.finish().await;
    done.store(true, Ordering::Release);
    let newest = reader.finish().await??;
    written??;
    subject.model.landed_in_any_order(appends);
    subject.reopen(Ending::PowerCut).await?;
    let head = subject.store().heads().await?[shard.index()].position;
    ensure!(head >= newest, "position {newest} was seen, after the crash the head is {head}");
    subject.check().await
}

/// What one way of reading shows, the heads asked later must cover; answers the newest position seen.
async fn look_and_compare(store: &dyn EventStore, append: &ShardAppend) -> Result<Position, Violation> {
    let (shard, commit) = (append.shard, &append.commits[0]);
    let questions =
        [Lookup::Key(shard, commit.index.keys[0]), Lookup::Stream(shard, commit.index.streams[0])];
    let found = store.lookup(&questions).await?.into_iter().flatten().max().unwrap_or(Position::ZERO);
    let read = store.read(shard, commit.position, 3).await?;
    let read = read.last().map_or(Position::ZERO, |commit| commit.position);
    let own = store.read_partition(&commit.index.partition, commit.position, 3).await?;
    let own = own.last().map_or(Position::ZERO, |commit| commit.position);
    let shown = found.max(read).max(own);
    let head = store.heads().await?[shard.index()].position;
    ensure!(shown <= head, "position {shown} was shown, the head is only {head}");
    Ok(head)
}

/// **C10** `read` gives a shard's commits in order, without a gap, within its limits, byte for byte.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c10_a_read_is_in_order_without_a_gap_and_within_its_limits<B: StoreBuilder>(
    builder: &B,
) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    let (many, empty) = (shards[0], subject.identity.shards.all().find(|shard| !shards.contains(shard)));
    subject.land(many, &subject.commits(many, "one of many", 100)).await?;
    for from in [0, 1, 2, 50, 99, 100, 101, 102, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX] {
        for limit in [1, 2, 3, 99, 100, 101, usize::MAX] {
            read_from(&subject, many, Position(from), limit).await?;
        }
    }
    for page in [1, 2, 3, 7, 99, 100, 101] {
        subject.model.check_commits(many, &read_all(subject.store(), many, page).await?)?;
    }
    if let Some(empty) = empty {
        ensure!(subject.store().read(empty, Position(1), 10).await?.is_empty(), "an empty shard has commits");
    }
    nothing_in_a_shard_that_is_not(&subject).await?;
    pages_end_at_the_limits(&mut subject, many).await?;
    pages_end_at_so_many_bytes(&mut subject, *shards.last().unwrap_or(&many)).await?;
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

async fn read_from<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    shard: Shard,
    from: Position,
    limit: usize,
) -> Verdict {
    let landed = subject.model.commits(shard);
    let skipped = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX).min(landed.len());
    let due = &landed[skipped..];
    let read = subject.store().read(shard, from, limit).await?;
    let what = format!("read from {from}, at most {limit}");
    ensure!(read.len() <= limit.min(READ_COMMITS_MAX), "{what}: {} commits", read.len());
    ensure!(!read.is_empty() || due.is_empty(), "{what}: nothing, though there is more");
    let due = &due[..read.len().min(due.len())];
    same_commits(shard, &read, due).map_err(|v| Violation::new(format!("{what}: {v}")))?;
    for commit in &read {
        verify_commit(&subject.identity, commit)?;
    }
    Ok(())
}

async fn nothing_in_a_shard_that_is_not<B: StoreBuilder>(subject: &Subject<'_, B>) -> Verdict {
    for shard in [Shard(subject.identity.shards.get()), Shard(u16::MAX)] {
        let read = subject.store().read(shard, Position(1), 10).await;
        ensure!(read.as_ref().map_or(true, Vec::is_empty), "shard {shard}, which there is not: {read:?}");
    }
    Ok(())
}

async fn pages_end_at_the_limits<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let missing = READ_COMMITS_MAX + 2 - subject.model.commits(shard).len();
    subject.land(shard, &subject.commits(shard, "filler", missing)).await?;
    for limit in [READ_COMMITS_MAX - 1, READ_COMMITS_MAX, READ_COMMITS_MAX + 1, usize::MAX] {
        for from in [1, 2, 3, 4] {
            read_from(subject, shard, Position(from), limit).await?;
        }
        subject.model.check_commits(shard, &read_all(subject.store(), shard, limit).await?)?;
    }
    Ok(())
}

async fn pages_end_at_so_many_bytes<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let start = subject.model.head(shard).position.next();
    let large = subject.commit(shard, "large").bytes(BODY_BYTES_MAX);
    let slim = subject.commit(shard, "slim").bytes(BODY_BYTES_MAX - 1);
    let full = READ_BYTES_MAX / BODY_BYTES_MAX;
    subject.land(shard, &vec![large; full + 2]).await?;
    subject.land(shard, &vec![slim; full + 2]).await?;
    let head = subject.model.head(shard).position;
    let mut from = start;
    while from <= head {
        let page = subject.store().read(shard, from, usize::MAX).await?;
        let before_last: usize = page.iter().rev().skip(1).map(|commit| commit.body.len()).sum();
        ensure!(before_last < READ_BYTES_MAX, "a page goes on after {before_last} bytes");
        read_from(subject, shard, from, usize::MAX).await?;
        from = page.last().map_or(head, |commit| commit.position).next();
    }
    Ok(())
}

/// **C11** A polling reader that goes on from the last position it saw meets every commit exactly once.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c11_a_polling_reader_meets_every_commit_exactly_once<B: StoreBuilder>(builder: &B) -> Verdict {
    const WRITERS: u64 = 4;
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(5);
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let (store, done, shards) = (subject.shared(), Arc::clone(&done), shards.clone());
            let identity = subject.identity;
            Worker::start(move || async move {
                follow(&*store, &identity, &shards, &done, &AtomicUsize::new(0), reader).await
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = subject.shared();
            let plan: Vec<_> = shards
                .iter()
                .map(|s| (subject.chain(*s), subject.commits(*s, &format!("writer {writer}"), 40)))
                .collect();
            Worker::start(move || async move {
                let (mut dice, mut landed) = (Dice::new(writer), Vec::new());
                for step in 0..8 {
                    // A few commits to one shard, then to the next: rivals meet on all of them.
                    for (chain, commits) in &plan {
                        let some = &commits[5 * step..5 * step + 5];
                        landed.extend(persist(&*store, chain.clone(), some, &mut dice).await?);
                    }
                }
                Ok::<_, Violation>(landed)
            })
        })
        .collect();
    let mut landed = Vec::new();
    let mut failed = Ok(());
    for writer in writers {
        match writer.finish().await.and_then(|written| written) {
            Ok(appends) => landed.extend(appends),
            Err(violation) => failed = Err(violation),
        }
    }
    done.store(true, Ordering::Release);
    subject.model.landed_in_any_order(landed);
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.finish().await?);
    }
    failed?;
    for seen in seen {
        let mut seen = seen?;
        for shard in &shards {
            subject.model.check_commits(*shard, &seen.remove(shard).unwrap_or_default())?;
        }
    }
    subject.check().await
}

/// Polls every shard from the last position it saw, until the writers are done and it has caught up. `met` is told how many
/// commits it saw, if nobody saw more.
pub(super) async fn follow(
    store: &dyn EventStore,
    identity: &LedgerIdentity,
    shards: &[Shard],
    done: &AtomicBool,
    met: &AtomicUsize,
    dice: u64,
) -> Result<HashMap<Shard, Vec<StoredCommit>>, Violation> {
    let mut seen: HashMap<Shard, Vec<StoredCommit>> = HashMap::new();
    let mut dice = Dice::new(0xF0 + dice);
    loop {
        let last_round = done.load(Ordering::Acquire);
        let heads = store.heads().await?;
        for shard in shards {
            let own = seen.entry(*shard).or_default();
            loop {
                let page = poll(store, identity, *shard, own, 1 + dice.below(6)).await?;
                if page == 0 || !last_round && dice.below(3) == 0 {
                    break;
                }
            }
            let last = own.last().map_or(Position::ZERO, |commit| commit.position);
            let head = heads[shard.index()].position;
            ensure!(!last_round || last >= head, "shard {shard}: reads end at {last}, the head is {head}");
        }
        met.fetch_max(seen.values().map(Vec::len).sum(), Ordering::AcqRel);
        if last_round {
            return Ok(seen);
        }
        dice.dawdle();
    }
}

/// One page, which must go on exactly where the last one ended: place and chain.
async fn poll(
    store: &dyn EventStore,
    identity: &LedgerIdentity,
    shard: Shard,
    seen: &mut Vec<StoredCommit>,
    limit: usize,
) -> Result<usize, Violation> {
    let end = |seen: &[StoredCommit]| {
        let last = seen.last();
        last.map_or_else(|| genesis(identity, shard), |c| Head { position: c.position, hash: c.hash })
    };
    let page = store.read(shard, end(seen).position.next(), limit).await?;
    ensure!(page.len() <= limit, "{} commits, the limit was {limit}", page.len());
    let count = page.len();
    for commit in page {
        let last = end(seen);
        let (position, due) = (commit.position, last.position.next());
        ensure!(position == due, "shard {shard}: a reader met position {position} where {due} was due");
        ensure!(
            commit.previous == last.hash,
            "shard {shard}: position {position} does not follow what was read"
        );
        verify_commit(identity, &commit)?;
        seen.push(commit);
    }
    Ok(count)
}

/// **C12** `lookup` finds every key, tombstone and indexed stream, and nothing else.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c12_lookup_finds_every_key_tombstone_and_stream_and_nothing_else<B: StoreBuilder>(
    builder: &B,
) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(3);
    ensure!(subject.store().lookup(&[]).await?.is_empty(), "answers to no question");
    let mut number = 0;
    for round in 0..40 {
        for shard in &shards {
            let commits: Vec<_> = (0..=(round % 3)).map(|i| busy(&subject, *shard, number + i)).collect();
            number += commits.len();
            subject.land(*shard, &commits).await?;
            newest_is_found(&subject, *shard).await?;
        }
    }
    subject.model.check_index(subject.store()).await?;
    strangers_are_absent(&subject, &shards, number).await?;
    for ending in [Ending::Close, Ending::Drop] {
        subject.reopen(ending).await?;
        subject.model.check_index(subject.store()).await?;
        strangers_are_absent(&subject, &shards, number).await?;
        subject.check_index().await?;
        subject.land(shards[0], &[busy(&subject, shards[0], number)]).await?;
        number += 1;
        newest_is_found(&subject, shards[0]).await?;
    }
    subject.check().await
}

/// A commit of one of three players with up to 16 keys, tombstones, and streams that others share.
fn busy<B: StoreBuilder>(subject: &Subject<'_, B>, shard: Shard, number: usize) -> CommitBuilder {
    let mut commit = CommitBuilder::new(partition_in(subject.identity.shards, shard, number % 3));
    for key in 0..number % 17 {
        commit = commit.key(&format!("studio {}", key % 2), OperationKind::Bet, &format!("{number}-{key}"));
    }
    for tombstone in 0..number % 3 {
        commit = commit.tombstone("studio 0", &format!("{number}-{tombstone}"));
    }
    for round in [number / 2, number / 7, number / 7] {
        let stream = round_of(commit.partition(), &format!("round {round}"));
        commit = commit.stream(stream);
    }
    let Partition::Player(player) = commit.partition().clone() else { return commit };
    commit.stream(Stream::Wallet(player))
}

async fn newest_is_found<B: StoreBuilder>(subject: &Subject<'_, B>, shard: Shard) -> Verdict {
    let Some(commit) = subject.model.commits(shard).last() else { return Ok(()) };
    let keys = commit.index.keys.iter().map(|key| (Lookup::Key(shard, *key), vec![commit.position]));
    check_lookups(subject.store(), &keys.collect::<Vec<_>>()).await?;
    for stream in &commit.index.streams {
        let found = subject.store().lookup(&[Lookup::Stream(shard, *stream)]).await?;
        let last = found.iter().flatten().next_back();
        ensure!(last == Some(&commit.position), "the newest commit is not found by its stream: {found:?}");
    }
    Ok(())
}

/// What differs from something stored in one part only is absent.
async fn strangers_are_absent<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    shards: &[Shard],
    number: usize,
) -> Verdict {
    let mut absent = Vec::new();
    for shard in shards {
        let player = partition_in(subject.identity.shards, *shard, 0);
        let other = partition_in(subject.identity.shards, *shard, 3).digest();
        let digest = player.digest();
        for commit in subject.model.commits(*shard) {
            let other_shard = Shard((shard.0 + 1) % subject.identity.shards.get());
            if other_shard != *shard {
                absent.extend(commit.index.keys.iter().map(|key| Lookup::Key(other_shard, *key)));
                absent.extend(commit.index.streams.iter().map(|s| Lookup::Stream(other_shard, *s)));
            }
        }
        for n in 0..=number {
            let (source, id) = (SourceId::new("studio 0").ok(), TransactionId::new(format!("{n}-0")).ok());
            let (Some(source), Some(id)) = (source, id) else { continue };
            let key = |partition, kind| ledger_core::KeyDigest::new(partition, &source, kind, &id);
            absent.push(Lookup::Key(*shard, key(&digest, "win")));
            absent.push(Lookup::Key(*shard, key(&other, "bet")));
            absent.push(Lookup::Key(*shard, tombstone_digest(&other, &source, &id)));
            absent.push(Lookup::Stream(*shard, round_of(&player, &format!("round {n}x")).digest()));
        }
        if let Partition::Player(player) = player {
            absent.push(Lookup::Stream(*shard, Stream::Wallet(player.clone()).digest()));
            absent.push(Lookup::Stream(*shard, Stream::Player(player).digest()));
        }
    }
    check_lookups(subject.store(), &absent.into_iter().map(|question| (question, vec![])).collect::<Vec<_>>())
        .await
}

/// **C13** `read_partition` gives exactly that partition's commits, in order, after a position.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c13_a_partition_reads_as_exactly_its_own_commits<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    let mut dice = Dice::new(13);
    for round in 0..60 {
        for shard in &shards {
            let mut commits = Vec::new();
            for i in 0..=dice.below(3) {
                let partition = partition_in(subject.identity.shards, *shard, dice.below(4));
                commits.push(CommitBuilder::new(partition).note(format!("round {round} {i}")));
            }
            subject.land(*shard, &commits).await?;
        }
    }
    let house = CommitBuilder::house("currencies");
    let shard = subject.identity.shards.shard_of(&house.partition().digest());
    subject.land(shard, std::slice::from_ref(&house)).await?;
    for reopened in [false, true] {
        if reopened {
            subject.reopen(Ending::Drop).await?;
        }
        for shard in &shards {
            for nth in 0..5 {
                partition_reads(&subject, &partition_in(subject.identity.shards, *shard, nth)).await?;
            }
        }
        partition_reads(&subject, house.partition()).await?;
        let stranger = Partition::Player(PlayerId::new("nobody").map_err(|e| Violation::new(e.to_string()))?);
        partition_reads(&subject, &stranger).await?;
    }
    subject.check().await
}

async fn partition_reads<B: StoreBuilder>(subject: &Subject<'_, B>, partition: &Partition) -> Verdict {
    let digest = partition.digest();
    let shard = subject.identity.shards.shard_of(&digest);
    let landed = subject.model.commits(shard);
    let own: Vec<_> = landed.iter().filter(|commit| commit.index.partition == digest).cloned().collect();
    for page in [1, 2, 7, own.len().max(1), usize::MAX] {
        same_commits(shard, &read_partition_all(subject.store(), &digest, page).await?, &own)?;
    }
    // After each position: those of its own, those of others, the last, and those there are not yet.
    let head = u64::try_from(landed.len()).unwrap_or(u64::MAX);
    for after in (0..=head + 1).chain([1 << 63, u64::MAX]) {
        let read = subject.store().read_partition(&digest, Position(after), 2).await?;
        let due: Vec<_> = own.iter().filter(|c| c.position.0 > after).take(2).cloned().collect();
        ensure!(
            !read.is_empty() || due.is_empty(),
            "{partition} after {after}: nothing, though there is more"
        );
        let what = |v| Violation::new(format!("{partition} after {after}: {v}"));
        same_commits(shard, &read, &due[..read.len().min(due.len())]).map_err(what)?;
    }
    Ok(())
}

/// **C14** A body that does not match its hash is `Corrupted`, never returned.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c14_a_damaged_body_is_never_returned<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shard = subject.some_shards(1)[0];
    let damaged = Position(4);
    for number in 0..9 {
        subject.land(shard, &subject.commits(shard, &format!("number {number}"), 1)).await?;
    }
    let stored = read_all(subject.store(), shard, 4).await?;
    stored.iter().try_for_each(|commit| verify_commit(&subject.identity, commit))?;
    let Some(victim) = stored.iter().find(|commit| commit.position == damaged) else {
        return Err(Violation::new(format!("position {damaged} was not read")));
    };
    subject.end(Ending::Close).await?;
    if subject.builder.damage(&mut subject.guard, victim).await == Hook::Absent {
        not_tested("c14", "a damaged body");
        return Ok(());
    }
    match subject.open().await {
        Ok(()) => {}
        // A store may notice when it opens, and refuse as a whole.
        Err(StoreError::Corrupted(_)) => return Ok(()),
        Err(error) => return Err(Violation::new(format!("the store does not open, but says: {error}"))),
    }
    let partition = partition_in(subject.identity.shards, shard, 0).digest();
    let store = subject.store();
    for from in 1..=damaged.0 {
        for limit in [1, 3, 100] {
            let reaches = from == damaged.0;
            let read = store.read(shard, Position(from), limit).await;
            intact_or_corrupted(&subject, read, damaged, reaches)?;
            let read = store.read_partition(&partition, Position(from - 1), limit).await;
            intact_or_corrupted(&subject, read, damaged, reaches)?;
        }
    }
    Ok(())
}

/// Commits before the damage may come; the damaged one and what lies behind it in the same page may not.
fn intact_or_corrupted<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    read: Result<Vec<StoredCommit>, StoreError>,
    damaged: Position,
    must_fail: bool,
) -> Verdict {
    match read {
        Err(StoreError::Corrupted(_)) => Ok(()),
        Err(error) => Err(Violation::new(format!("Corrupted was due, not: {error}"))),
        Ok(page) => {
            ensure!(!must_fail, "a read that begins at a damaged commit answered {} commits", page.len());
            let past = page.iter().any(|commit| commit.position >= damaged);
            ensure!(!past, "a read returned a damaged commit, or passed it over");
            page.iter().try_for_each(|commit| verify_commit(&subject.identity, commit))?;
            Ok(())
        }
    }
}
