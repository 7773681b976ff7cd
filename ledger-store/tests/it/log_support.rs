//! Builds commits and reads whole logs, for the tests of the log.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ledger_core::stored::CommitIndex;
use ledger_core::{Partition, PlayerId};
use ledger_store::log::{LogOptions, LogStore, Prepare, Sealing};
use ledger_store::{
    EventStore, FORMAT, Head, LedgerId, LedgerIdentity, Position, READ_COMMITS_MAX, SealedCommit, Shard,
    ShardAppend, ShardCount, StoreError, StoredCommit, commit_hash,
};

/// The log's futures never yield: one poll is the whole of them.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the log's futures do not yield"),
    }
}

pub(crate) fn identity(shards: u16) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::new(shards).unwrap(), format: FORMAT }
}

pub(crate) fn options(segment_bytes: u32) -> LogOptions {
    LogOptions {
        segment_bytes,
        verify_appends: true,
        prepare: Prepare::Inline,
        sealing: Sealing::Never,
        ..LogOptions::default()
    }
}

/// A player whose partition belongs to this shard.
pub(crate) fn player(shards: ShardCount, shard: Shard) -> String {
    (0..100_000)
        .map(|number| format!("p{number}"))
        .find(|name| {
            let partition = Partition::Player(PlayerId::new(name).unwrap());
            shards.shard_of(&partition.digest()) == shard
        })
        .unwrap()
}

pub(crate) fn body(player: &str, id: &str, pad: usize) -> Arc<[u8]> {
    let pad = "x".repeat(pad);
    format!(
        r#"{{"partition":"player/{player}","recorded_at":"2026-01-01T00:00:00.000000Z","keys":[{{"source":"s","kind":"bet","id":"{id}"}}],"tombstones":[],"events":[{{"stream":"round/{player}/s/{id}"}}],"pad":"{pad}"}}"#
    )
    .into_bytes()
    .into()
}

/// Commits on a head, one per body.
pub(crate) fn seal(
    identity: &LedgerIdentity,
    shard: Shard,
    expected: Head,
    bodies: impl IntoIterator<Item = Arc<[u8]>>,
) -> ShardAppend {
    let mut head = expected;
    let mut commits = Vec::new();
    for body in bodies {
        let position = head.position.next();
        let hash = commit_hash(identity, shard, position, &head.hash, &body);
        let index = CommitIndex::of_body(&body).unwrap();
        commits.push(SealedCommit { position, previous: head.hash, hash, body, index });
        head = Head { position, hash };
    }
    ShardAppend { shard, expected, commits }
}

/// The next batch for some shards: `each` commits with bodies of `pad` bytes and a little.
pub(crate) fn batch(store: &LogStore, shards: &[u16], each: usize, pad: usize) -> Vec<ShardAppend> {
    tagged_batch(store, shards, each, pad, 0)
}

/// [`batch`], with a tag that makes its commits unlike any other's.
pub(crate) fn tagged_batch(
    store: &LogStore,
    shards: &[u16],
    each: usize,
    pad: usize,
    tag: usize,
) -> Vec<ShardAppend> {
    let heads = now(store.heads()).unwrap();
    shards
        .iter()
        .map(|shard| {
            let shard = Shard(*shard);
            let (identity, head) = (store.identity(), heads[shard.index()]);
            let player = player(identity.shards, shard);
            let id = |number: usize| format!("{tag}-{shard}-{}", head.position.0 + number as u64);
            seal(identity, shard, head, (1..=each).map(|number| body(&player, &id(number), pad)))
        })
        .collect()
}

/// Appends and expects every part to land.
pub(crate) fn land(store: &LogStore, appends: &[ShardAppend]) {
    for (answer, part) in now(store.append(appends)).unwrap().into_iter().zip(appends) {
        let last = part.commits.last().unwrap();
        assert_eq!(answer.unwrap(), Head { position: last.position, hash: last.hash });
    }
}

/// All commits of all shards.
pub(crate) fn everything(store: &LogStore) -> Result<Vec<StoredCommit>, StoreError> {
    let mut all = Vec::new();
    for shard in store.identity().shards.all() {
        let mut from = Position(1);
        loop {
            let commits = now(store.read(shard, from, READ_COMMITS_MAX))?;
            let Some(last) = commits.last() else { break };
            from = last.position.next();
            all.extend(commits);
        }
    }
    Ok(all)
}

/// The commits of these appends as they read back, in order of shards.
pub(crate) fn as_stored<'a>(appends: impl IntoIterator<Item = &'a ShardAppend>) -> Vec<StoredCommit> {
    let mut all: Vec<_> = appends
        .into_iter()
        .flat_map(|part| {
            part.commits.iter().map(|commit| StoredCommit {
                shard: part.shard,
                position: commit.position,
                previous: commit.previous,
                hash: commit.hash,
                body: Arc::clone(&commit.body),
            })
        })
        .collect();
    all.sort_by_key(|commit| (commit.shard, commit.position));
    all
}

/// The segments of a ledger, in order.
pub(crate) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    paths.sort();
    paths
}
