//! Brings a store up to another one's heads.

use ledger_core::stored::CommitIndex;
use ledger_store::{
    APPEND_BYTES_MAX, APPEND_COMMITS_MAX, EventStore, Head, LedgerIdentity, SealedCommit, Shard, ShardAppend,
    StoreError, StoredCommit, verify_commit,
};

use super::compare::{Pair, Relation, heads_of_both};
use super::error::ReplicaError;
use super::link::ShardCommits;

/// How many commits of one shard are read at a time.
const PAGE: usize = 1_024;
/// How often an append whose outcome is unknown is sent again.
const RESENDS_MAX: u32 = 8;

/// What was copied so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The heads of the source when the copying began. When it has ended, those of the copy.
    pub goal: Vec<Head>,
    /// How many commits are to be copied in all.
    pub due: u64,
    /// How many were.
    pub commits: u64,
    /// How many bytes of bodies they had.
    pub bytes: u64,
}

/// Copies what the source has and the copy lacks, up to the heads that the source has when it begins. The source may be written
/// meanwhile; those heads are taken at one instant, so the copy is the ledger as it was then.
///
/// Every commit is checked against its hash and its predecessor before it is written, and the end against the source's heads. If it
/// is interrupted, what was written is a beginning of the ledger; calling it again goes on. `progress` is called after each append.
///
/// # Errors
///
/// [`ReplicaError::OtherLedger`], [`ReplicaError::Forked`] and [`ReplicaError::SourceBehind`] before anything is written;
/// [`ReplicaError::Chain`] for a damaged source; [`ReplicaError::Busy`], [`ReplicaError::Source`], [`ReplicaError::Target`].
pub async fn copy(
    source: &dyn EventStore,
    copy: &dyn EventStore,
    progress: &mut (dyn FnMut(&Copied) + Send),
) -> Result<Copied, ReplicaError> {
    let (of_source, of_copy) = heads_of_both(source, copy).await?;
    let mut due = Vec::new();
    for (shard, (goal, at)) in source.identity().shards.all().zip(of_source.iter().zip(of_copy)) {
        match (Pair { source, copy, shard }).relation(*goal, at).await? {
            Relation::Same => {}
            Relation::Behind { .. } => due.push(Due { shard, at, goal: *goal }),
            Relation::Ahead { .. } => {
                return Err(ReplicaError::SourceBehind { shard, source_head: *goal, copy: at });
            }
            Relation::Forked { first } => return Err(ReplicaError::Forked { shard, first }),
        }
    }
    copy_shards(source, copy, of_source, due, progress).await
}

/// A shard that is to be copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) shard: Shard,
    /// Where the copy stands.
    pub(super) at: Head,
    /// Where it is to stand.
    pub(super) goal: Head,
}

impl Due {
    /// How many commits are missing.
    fn rest(&self) -> u64 {
        self.goal.position.0.saturating_sub(self.at.position.0)
    }
}

pub(super) async fn copy_shards(
    source: &dyn EventStore,
    copy: &dyn EventStore,
    goal: Vec<Head>,
    mut due: Vec<Due>,
    progress: &mut (dyn FnMut(&Copied) + Send),
) -> Result<Copied, ReplicaError> {
    let mut copied = Copied { goal, due: due.iter().map(Due::rest).sum(), commits: 0, bytes: 0 };
    while !due.is_empty() {
        let (parts, _) = gather(source, &due).await?;
        let identity = source.identity();
        let parts = parts.into_iter().map(|part| sealed(identity, part)).collect::<Result<Vec<_>, _>>()?;
        for part in &parts {
            copied.commits += part.commits.len() as u64;
            copied.bytes += part.commits.iter().map(|commit| commit.body.len() as u64).sum::<u64>();
        }
        let heads = write(copy, &parts).await?;
        for (part, head) in parts.iter().zip(heads) {
            if let Some(shard) = due.iter_mut().find(|due| due.shard == part.shard) {
                shard.at = head;
            }
        }
        let diverged = due.iter().find(|due| due.rest() == 0 && due.at != due.goal);
        if let Some(&Due { shard, goal, .. }) = diverged {
            let what = "the source's head and its commits have different hashes".to_owned();
            return Err(ReplicaError::Chain { shard, position: goal.position, what });
        }
        due.retain(|due| due.rest() > 0);
        progress(&copied);
    }
    Ok(copied)
}

/// As much of what is due as one append takes, as many shards as fit, and whether that is all of it.
pub(super) async fn gather(
    source: &dyn EventStore,
    due: &[Due],
) -> Result<(Vec<ShardCommits>, bool), ReplicaError> {
    let (mut parts, mut room, mut is_all) = (Vec::new(), Room::default(), true);
    for due in due {
        if room.is_full() {
            return Ok((parts, false));
        }
        let commits = next_commits(source, due, &mut room).await?;
        is_all &= commits.last().is_some_and(|last| last.position == due.goal.position);
        if !commits.is_empty() {
            parts.push(ShardCommits { shard: due.shard, follows: due.at, commits });
        }
    }
    Ok((parts, is_all))
}

/// What of one shard fits into the room that is left.
async fn next_commits(
    source: &dyn EventStore,
    due: &Due,
    room: &mut Room,
) -> Result<Vec<StoredCommit>, ReplicaError> {
    let (mut commits, mut at) = (Vec::new(), due.at.position);
    while at < due.goal.position && !room.is_full() {
        let rest = usize::try_from(due.goal.position.0 - at.0).unwrap_or(PAGE);
        let limit = rest.min(PAGE).min(room.commits());
        let page = source.read(due.shard, at.next(), limit).await.map_err(ReplicaError::Source)?;
        if page.is_empty() {
            let what = "its head says there is a commit, and there is none".to_owned();
            return Err(ReplicaError::Chain { shard: due.shard, position: at.next(), what });
        }
        for commit in page {
            if !room.take(commit.body.len()) {
                return Ok(commits);
            }
            at = commit.position;
            commits.push(commit);
        }
    }
    Ok(commits)
}

/// What an append has room for.
#[derive(Debug, Default)]
struct Room {
    commits: usize,
    bytes: usize,
    is_full: bool,
}

impl Room {
    fn commits(&self) -> usize {
        APPEND_COMMITS_MAX.saturating_sub(self.commits)
    }

    fn is_full(&self) -> bool {
        self.is_full || self.commits() == 0
    }

    fn take(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        if self.commits() == 0 || sum > APPEND_BYTES_MAX {
            self.is_full = true;
            return false;
        }
        (self.commits, self.bytes) = (self.commits + 1, sum);
        true
    }
}

/// Commits as they are to be appended on the head they follow, each checked against its hash and its predecessor.
pub(super) fn sealed(identity: &LedgerIdentity, part: ShardCommits) -> Result<ShardAppend, ReplicaError> {
    let ShardCommits { shard, follows: expected, commits } = part;
    let mut head = expected;
    let mut all = Vec::with_capacity(commits.len());
    for commit in commits {
        let position = commit.position;
        let wrong = |what: &str| ReplicaError::Chain { shard, position, what: what.to_owned() };
        if commit.shard != shard || position != head.position.next() {
            return Err(wrong("it does not follow the one before it"));
        }
        if commit.previous != head.hash {
            return Err(wrong("it does not link to the hash before it"));
        }
        verify_commit(identity, &commit).map_err(|error| wrong(&error.to_string()))?;
        let index = CommitIndex::of_body(&commit.body).map_err(|error| wrong(&error.to_string()))?;
        head = Head { position, hash: commit.hash };
        let StoredCommit { previous, hash, body, .. } = commit;
        all.push(SealedCommit { position, previous, hash, body, index });
    }
    Ok(ShardAppend { shard, expected, commits: all })
}

/// Appends, and settles an unknown outcome by sending the same again.
pub(super) async fn write(store: &dyn EventStore, parts: &[ShardAppend]) -> Result<Vec<Head>, ReplicaError> {
    let mut resends = 0;
    loop {
        match store.append(parts).await {
            Ok(answers) => {
                let landed = parts.iter().zip(answers).map(|(part, answer)| match answer {
                    Err(StoreError::HeadMoved { shard, .. }) => Err(ReplicaError::Busy { shard }),
                    Err(error) => Err(ReplicaError::Target(error)),
                    Ok(head) => {
                        debug_assert_eq!(Some(head.position), part.commits.last().map(|last| last.position));
                        Ok(head)
                    }
                });
                return landed.collect();
            }
            Err(StoreError::Unknown { .. }) if resends < RESENDS_MAX && !store.is_stopped() => resends += 1,
            Err(error) => return Err(ReplicaError::Target(error)),
        }
    }
}
