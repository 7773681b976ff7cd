//! Checks an index against the log it was derived from.

use std::sync::Arc;

use super::super::Shared;
use super::super::view::Admission;
use super::{Runs, Sought, half};
use crate::error::StoreError;
use crate::types::{Head, Position, Shard};

/// What a check of the index found to be right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexCheck {
    /// How many commits of the log were looked for, and found where they stand.
    pub commits: u64,
    /// How many times one of them was looked for by a key, a tombstone, a stream or its partition, and found.
    pub postings: u64,
}

/// Looks for every commit of a log in its index, and counts, so that the index knows nothing else.
pub(in super::super) struct Checker<'a> {
    shared: &'a Shared,
    runs: Arc<Runs>,
    /// What the runs cover.
    covered: Vec<Head>,
    /// What was durable when the check began.
    heads: Vec<Head>,
    found: IndexCheck,
    /// Postings of commits that the runs cover, by table.
    expected: [u64; 3],
    positions: Vec<Position>,
}

impl<'a> Checker<'a> {
    pub(in super::super) fn new(shared: &'a Shared) -> Result<Self, StoreError> {
        let view = shared.view()?;
        let runs = Arc::clone(&view.layers().runs);
        let none = || view.heads().iter().map(|head| Head { position: Position::ZERO, ..*head }).collect();
        Ok(Self {
            shared,
            covered: runs.newest().map_or_else(none, |span| span.heads.clone()),
            runs,
            heads: view.heads().to_vec(),
            found: IndexCheck::default(),
            expected: [0; 3],
            positions: Vec::new(),
        })
    }

    /// Looks for one commit; `false` if it came after the check began.
    pub(in super::super) fn commit(&mut self, commit: &Admission<'_>) -> Result<bool, StoreError> {
        let Admission { shard, position, place, index, .. } = *commit;
        if self.heads.get(shard.index()).is_none_or(|head| position > head.position) {
            return Ok(false);
        }
        let in_runs = self.covered.get(shard.index()).is_some_and(|head| position <= head.position);
        if self.shared.place(shard, position)? != Some(place) {
            return Err(wrong(shard, position, "does not say where it stands"));
        }
        self.found.commits += 1;
        let mut seen: Vec<(Sought, [u8; 16])> = Vec::with_capacity(4);
        let keys = index.keys.iter().map(|key| (Sought::Key, *key.as_bytes()));
        let streams = index.streams.iter().map(|stream| (Sought::Stream, *stream.as_bytes()));
        let partition = (Sought::Partition, *half(index.partition.as_bytes()));
        for (table, digest) in keys.chain(streams).chain([partition]) {
            if seen.contains(&(table, digest)) {
                continue;
            }
            seen.push((table, digest));
            self.look(table, shard, &digest, position, in_runs)?;
            self.expected[table.number()] += u64::from(in_runs);
            self.found.postings += 1;
        }
        Ok(true)
    }

    fn look(
        &mut self,
        table: Sought,
        shard: Shard,
        digest: &[u8; 16],
        position: Position,
        in_runs: bool,
    ) -> Result<(), StoreError> {
        let after = Position(position.0 - 1);
        self.positions.clear();
        if in_runs {
            self.runs.find(table, shard, digest, after, 1, &mut self.positions)?;
        } else {
            // It was in memory when the check began, and may be in a run by now.
            self.positions
                .extend(self.shared.find(&[(table, shard, *digest)], after, 1)?.into_iter().flatten());
        }
        if self.positions[..] == [position] {
            return Ok(());
        }
        Err(wrong(shard, position, &format!("does not find it by a {table:?}")))
    }

    /// Whether the runs know nothing but what was found.
    pub(in super::super) fn finish(self) -> Result<IndexCheck, StoreError> {
        for table in Sought::ALL {
            let (known, expected) = (self.runs.items(table), self.expected[table.number()]);
            if known != expected {
                let what = format!("the index knows {known} of {table:?}, the log has {expected}");
                return Err(StoreError::Corrupted(what));
            }
        }
        Ok(self.found)
    }
}

fn wrong(shard: Shard, position: Position, what: &str) -> StoreError {
    StoreError::corrupted_at(shard, position, format!("the index {what}"))
}
