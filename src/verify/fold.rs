//! The partitions of one shard, players and the house, replayed: states, keys and snapshots, within a budget of memory.
//!
//! A partition's commits all stand in its shard. If the partitions of a shard do not fit the budget, the half of them with the higher
//! digests is left for another pass over the shard, as often as needed: memory is bounded whatever the number of players, and
//! nothing is written anywhere.

use std::collections::HashMap;

use ledger_core::stored::{CommitBody, CommitIndex};
use ledger_core::{Partition, PartitionDigest, PlayerState};
use ledger_store::{EventStore, Position, Shard, StoreError, StoredCommit};

use super::books::{Purses, add_purses};
use super::error::VerifyError;
use crate::state::State;

/// What a partition costs beside its state: its place in the map, and what is known of its snapshot.
const PARTITION_BYTES: usize = 200;

/// Where a partition stands in the order of passes. The first bits are the shard's and the same for all.
fn slot(partition: &PartitionDigest) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&partition.as_bytes()[2..10]);
    u64::from_be_bytes(bytes)
}

/// A consumed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Consumed {
    key: [u8; 16],
    position: u64,
    slot: u64,
}

#[derive(Debug)]
struct Replayed {
    state: State,
    weight: usize,
    /// The position of its snapshot, until it is reached.
    snapshot: Option<Position>,
}

/// What the passes over a shard have found to be right.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) players: u64,
    pub(super) houses: u64,
    pub(super) purses: Purses,
    pub(super) snapshots: u64,
    pub(super) snapshots_left_out: u64,
}

/// One pass over a shard.
#[derive(Debug)]
pub(super) struct Pass {
    from: u64,
    /// What is not of this pass any more begins here.
    until: Option<u64>,
    bytes_max: usize,
    state_bytes: usize,
    partitions: HashMap<PartitionDigest, Replayed>,
    keys: Vec<Consumed>,
    snapshots: u64,
    snapshots_left_out: u64,
}

impl Pass {
    /// The first pass: of all partitions, until they do not fit. A quarter of the budget is for what comes and goes.
    pub(super) fn first(bytes_max: usize) -> Self {
        Self::starting(0, bytes_max / 4 * 3)
    }

    fn starting(from: u64, bytes_max: usize) -> Self {
        Self {
            from,
            until: None,
            bytes_max,
            state_bytes: 0,
            partitions: HashMap::new(),
            keys: Vec::new(),
            snapshots: 0,
            snapshots_left_out: 0,
        }
    }

    /// Whether a partition is of this pass.
    pub(super) fn has(&self, partition: &PartitionDigest) -> bool {
        let slot = slot(partition);
        slot >= self.from && self.until.is_none_or(|until| slot < until)
    }

    /// A player's state, as far as his commits came.
    pub(super) fn state(&self, partition: &PartitionDigest) -> Option<&PlayerState> {
        self.partitions.get(partition).and_then(|replayed| replayed.state.player())
    }

    /// Takes a commit of a partition of this pass.
    pub(super) async fn take(
        &mut self,
        store: &dyn EventStore,
        commit: &StoredCommit,
        body: &CommitBody,
        index: &CommitIndex,
    ) -> Result<(), VerifyError> {
        let (shard, position) = (commit.shard, commit.position);
        for digest in index.keys.iter().take(body.keys.len()) {
            let slot = slot(&index.partition);
            if self.keys.len() == self.keys.capacity() {
                // Doubling would need half the budget at once.
                self.keys.reserve_exact((self.keys.len() / 8).max(1_024));
            }
            self.keys.push(Consumed { key: *digest.as_bytes(), position: position.0, slot });
        }
        if !self.partitions.contains_key(&index.partition) {
            let snapshot = self.snapshot_of(store, &body.partition, &index.partition).await?;
            let replayed = Replayed { state: State::new(&body.partition), weight: 0, snapshot };
            self.partitions.insert(index.partition, replayed);
        }
        let Some(replayed) = self.partitions.get_mut(&index.partition) else { return Ok(()) };
        replayed.state.evolve_commit(body).map_err(|fault| VerifyError::Commit {
            shard,
            position,
            what: fault.to_string(),
        })?;
        let weight = replayed.state.weight() + PARTITION_BYTES;
        self.state_bytes = self.state_bytes - replayed.weight + weight;
        replayed.weight = weight;
        if replayed.snapshot.is_some_and(|at| at <= position) {
            self.compare_snapshot(store, commit, &body.partition, &index.partition).await?;
        }
        self.fit();
        Ok(())
    }

    async fn snapshot_of(
        &mut self,
        store: &dyn EventStore,
        of: &Partition,
        partition: &PartitionDigest,
    ) -> Result<Option<Position>, StoreError> {
        let Some(snapshot) = store.snapshot(partition).await? else { return Ok(None) };
        if snapshot.fold == State::fold(of) {
            return Ok(Some(snapshot.position));
        }
        self.snapshots_left_out += 1;
        Ok(None)
    }

    /// Compares the snapshot of a partition with its state, which has just come to its position, or past it.
    async fn compare_snapshot(
        &mut self,
        store: &dyn EventStore,
        commit: &StoredCommit,
        of: &Partition,
        partition: &PartitionDigest,
    ) -> Result<(), VerifyError> {
        let Some(replayed) = self.partitions.get_mut(partition) else { return Ok(()) };
        let Some(at) = replayed.snapshot.take() else { return Ok(()) };
        let wrong = |what: &str| {
            Err(VerifyError::Snapshot { shard: commit.shard, position: at, what: what.to_owned() })
        };
        // An open ledger may have kept a newer one since.
        let snapshot = match store.snapshot(partition).await? {
            Some(snapshot) if snapshot.position == at => snapshot,
            Some(newer) if newer.position > at => {
                replayed.snapshot = Some(newer.position).filter(|at| *at > commit.position);
                self.snapshots_left_out += u64::from(replayed.snapshot.is_none());
                return Ok(());
            }
            _ => return wrong("it was there a moment ago, and is gone"),
        };
        if commit.position != at {
            return wrong("its partition has no commit there");
        }
        if snapshot.hash != commit.hash {
            return wrong("it names another hash than the log has there");
        }
        match State::from_snapshot(of, &snapshot.bytes) {
            Some(state) if state == replayed.state => self.snapshots += 1,
            Some(_) => return wrong("its state is not what the log comes to"),
            None => return wrong("it cannot be read"),
        }
        Ok(())
    }

    /// Leaves partitions and keys for another pass until the rest fits. One alone is kept, whatever it weighs.
    fn fit(&mut self) {
        while self.state_bytes + self.keys.capacity() * size_of::<Consumed>() > self.bytes_max {
            let mut slots: Vec<u64> = self.keys.iter().map(|key| key.slot).collect();
            slots.extend(self.partitions.keys().map(slot));
            slots.sort_unstable();
            slots.dedup();
            let Some(until) = slots.get(slots.len().div_ceil(2)).copied() else { return };
            self.until = Some(until);
            self.partitions.retain(|partition, _| slot(partition) < until);
            self.partitions.shrink_to_fit();
            self.state_bytes = self.partitions.values().map(|replayed| replayed.weight).sum();
            self.keys.retain(|key| key.slot < until);
            self.keys.shrink_to_fit();
        }
    }

    /// Ends the pass at a position. `is_whole` says that every commit up to it came, so that sums may be taken.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] for the first key that stands twice, snapshot that names no commit, or player whose sums do not
    /// fit.
    pub(super) async fn end(
        mut self,
        store: &dyn EventStore,
        shard: Shard,
        end: Position,
        is_whole: bool,
        folded: &mut Folded,
    ) -> Result<(), VerifyError> {
        if let Some(twice) = self.key_that_stands_twice(store, shard, end).await? {
            return Err(twice);
        }
        if !is_whole {
            return Ok(());
        }
        let mut ahead = Vec::new();
        for replayed in self.partitions.values() {
            if let Some(state) = replayed.state.player() {
                folded.players += u64::from(state.profile().is_some());
                add_purses(&mut folded.purses, state)
                    .map_err(|what| VerifyError::Books(format!("shard {shard}: {what}")))?;
            } else {
                folded.houses += 1;
            }
            ahead.extend(replayed.snapshot);
        }
        if !ahead.is_empty() {
            // What is kept beyond the end may be of commits that came since; what the log has not is wrong.
            let head = store.heads().await?.get(shard.index()).map_or(Position::ZERO, |head| head.position);
            if let Some(position) = ahead.iter().copied().filter(|at| *at <= end || *at > head).min() {
                let what = "its partition has no commit there".to_owned();
                return Err(VerifyError::Snapshot { shard, position, what });
            }
            self.snapshots_left_out += ahead.len() as u64;
        }
        folded.snapshots += self.snapshots;
        folded.snapshots_left_out += self.snapshots_left_out;
        Ok(())
    }

    /// The pass after this one, if partitions were left for it.
    pub(super) fn next(&self) -> Option<Self> {
        self.until.map(|until| Self::starting(until, self.bytes_max))
    }

    async fn key_that_stands_twice(
        &mut self,
        store: &dyn EventStore,
        shard: Shard,
        end: Position,
    ) -> Result<Option<VerifyError>, VerifyError> {
        self.keys.sort_unstable();
        let mut suspects: Vec<(u64, u64)> = self
            .keys
            .windows(2)
            .filter(|pair| pair[0].key == pair[1].key && pair[1].position <= end.0)
            .map(|pair| (pair[1].position, pair[0].position))
            .collect();
        suspects.sort_unstable();
        // A digest may be that of two keys: what counts is what is stored.
        for (position, earlier) in suspects {
            let position = Position(position);
            let (keys, before) =
                (keys_at(store, shard, position).await?, keys_at(store, shard, Position(earlier)).await?);
            let is_again = |(at, key): (usize, &String)| {
                if earlier == position.0 { keys[..at].contains(key) } else { before.contains(key) }
            };
            if let Some((_, key)) = keys.iter().enumerate().find(|pair| is_again(*pair)) {
                let what = format!("key {key} was consumed before, at position {earlier}");
                return Ok(Some(VerifyError::Commit { shard, position, what }));
            }
        }
        Ok(None)
    }
}

/// The keys that a commit consumed, each with its partition.
async fn keys_at(
    store: &dyn EventStore,
    shard: Shard,
    position: Position,
) -> Result<Vec<String>, VerifyError> {
    let commits = store.read(shard, position, 1).await?;
    let wrong = |what: String| VerifyError::Commit { shard, position, what };
    let commit = commits.first().filter(|commit| commit.position == position);
    let commit = commit.ok_or_else(|| wrong("it is missing".to_owned()))?;
    let body = CommitBody::decode(&commit.body).map_err(|error| wrong(error.to_string()))?;
    Ok(body.keys.iter().map(|record| format!("{} of {}", record.key(), body.partition)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heavy() -> Replayed {
        let of = Partition::Player(ledger_core::PlayerId::new("p").unwrap());
        Replayed { state: State::new(&of), weight: 1_000, snapshot: None }
    }

    #[test]
    fn players_that_do_not_fit_are_left_for_other_passes_and_none_is_lost() {
        let digests: Vec<_> = (0..1_000)
            .map(|i| Partition::Player(ledger_core::PlayerId::new(format!("p{i}")).unwrap()).digest())
            .collect();
        let mut pass = Some(Pass::first(80_000));
        let (mut seen, mut passes) = (Vec::new(), 0);
        while let Some(mut current) = pass {
            passes += 1;
            for digest in &digests {
                if current.has(digest) {
                    current.partitions.insert(*digest, heavy());
                    current.state_bytes += 1_000;
                    current.keys.push(Consumed { key: [1; 16], position: 1, slot: slot(digest) });
                    current.fit();
                    assert!(current.state_bytes <= 60_000);
                }
            }
            assert_eq!(current.keys.len(), current.partitions.len());
            seen.extend(current.partitions.keys().copied());
            pass = current.next();
        }
        seen.sort_unstable();
        let mut all = digests;
        all.sort_unstable();
        assert_eq!(seen, all, "each once");
        assert!((17..60).contains(&passes), "{passes} passes");
    }

    #[test]
    fn a_single_player_is_kept_however_heavy() {
        let mut pass = Pass::first(10);
        let digest = Partition::Player(ledger_core::PlayerId::new("p").unwrap()).digest();
        pass.partitions.insert(digest, heavy());
        pass.state_bytes = 1_000;
        pass.fit();
        assert!(pass.has(&digest) && pass.next().is_none());
    }
}
