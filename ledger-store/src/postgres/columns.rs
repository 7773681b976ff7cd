//! Appends as columns, one array each, so that one statement carries any number of commits.

use std::sync::Arc;

use ledger_core::PartitionDigest;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use super::sql;
use crate::error::StoreError;
use crate::types::{CommitHash, Head, Position, Shard, ShardAppend};

/// The two halves of a partition's digest.
pub(super) fn halves(partition: &PartitionDigest) -> (Uuid, Uuid) {
    let bytes = u128::from_be_bytes;
    let (start, rest) = partition.as_bytes().split_at(16);
    let half = |part: &[u8]| Uuid::from_u128(bytes(part.try_into().unwrap_or_default()));
    (half(start), half(rest))
}

/// A position as the database holds it.
pub(super) fn integer(position: Position) -> Result<i64, StoreError> {
    i64::try_from(position.0)
        .map_err(|_| StoreError::Invalid(format!("position {position} is beyond the database's integers")))
}

/// What is appended to one shard, without what only the index needs.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) shard: Shard,
    pub(super) expected: Head,
    pub(super) after: Head,
}

/// The rows of an append.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) wanted: Vec<Wanted>,
    recorded_at: Vec<i64>,
    shards: Vec<i32>,
    positions: Vec<i64>,
    starts: Vec<Uuid>,
    rests: Vec<Uuid>,
    previous: Vec<CommitHash>,
    hashes: Vec<CommitHash>,
    bodies: Vec<Arc<[u8]>>,
    entry_shards: Vec<i32>,
    entry_digests: Vec<Uuid>,
    entry_positions: Vec<i64>,
}

fn slices(hashes: &[CommitHash]) -> Vec<&[u8]> {
    hashes.iter().map(|hash| hash.0.as_slice()).collect()
}

impl Columns {
    pub(super) fn of(appends: &[ShardAppend]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        appends.iter().try_for_each(|append| columns.push(append))?;
        Ok(columns)
    }

    fn push(&mut self, append: &ShardAppend) -> Result<(), StoreError> {
        let shard = i32::from(append.shard.0);
        let Some(last) = append.commits.last() else { return Ok(()) };
        let after = Head { position: last.position, hash: last.hash };
        self.wanted.push(Wanted { shard: append.shard, expected: append.expected, after });
        let newest = append.commits.iter().map(|commit| commit.index.recorded_at.as_micros()).max();
        self.recorded_at.extend(newest);
        for commit in &append.commits {
            let position = integer(commit.position)?;
            let (start, rest) = halves(&commit.index.partition);
            self.shards.push(shard);
            self.positions.push(position);
            self.starts.push(start);
            self.rests.push(rest);
            self.previous.push(commit.previous);
            self.hashes.push(commit.hash);
            self.bodies.push(Arc::clone(&commit.body));
            let keys = commit.index.keys.iter().map(|key| *key.as_bytes());
            let mut digests: Vec<_> =
                keys.chain(commit.index.streams.iter().map(|stream| *stream.as_bytes())).collect();
            // A commit may name the same twice; it is one row.
            digests.sort_unstable();
            digests.dedup();
            for digest in digests {
                self.entry_shards.push(shard);
                self.entry_digests.push(Uuid::from_bytes(digest));
                self.entry_positions.push(position);
            }
        }
        Ok(())
    }

    fn bodies(&self) -> Vec<&[u8]> {
        self.bodies.iter().map(|body| &**body).collect()
    }

    /// One statement for all shards.
    pub(super) fn many(&self) -> Query<'_, Postgres, PgArguments> {
        let heads = |head: fn(&Wanted) -> Head| self.wanted.iter().map(head);
        let positions = |head| heads(head).map(|head| head.position.0.cast_signed()).collect::<Vec<_>>();
        let hashes = |head| heads(head).map(|head| head.hash.0.to_vec()).collect::<Vec<_>>();
        let shards: Vec<_> = self.wanted.iter().map(|wanted| i32::from(wanted.shard.0)).collect();
        sqlx::query(sql::APPEND_MANY)
            .bind(shards)
            .bind(positions(|wanted| wanted.expected))
            .bind(hashes(|wanted| wanted.expected))
            .bind(positions(|wanted| wanted.after))
            .bind(hashes(|wanted| wanted.after))
            .bind(&self.recorded_at)
            .bind(&self.shards)
            .bind(&self.positions)
            .bind(&self.starts)
            .bind(&self.rests)
            .bind(slices(&self.previous))
            .bind(slices(&self.hashes))
            .bind(self.bodies())
            .bind(&self.entry_shards)
            .bind(&self.entry_digests)
            .bind(&self.entry_positions)
    }

    /// One statement for the one shard these are of.
    pub(super) fn one(&self, wanted: &Wanted) -> Query<'_, Postgres, PgArguments> {
        sqlx::query(sql::APPEND_ONE)
            .bind(i32::from(wanted.shard.0))
            .bind(wanted.expected.position.0.cast_signed())
            .bind(wanted.expected.hash.0.to_vec())
            .bind(wanted.after.position.0.cast_signed())
            .bind(wanted.after.hash.0.to_vec())
            .bind(self.recorded_at.first().copied())
            .bind(&self.positions)
            .bind(&self.starts)
            .bind(&self.rests)
            .bind(slices(&self.previous))
            .bind(slices(&self.hashes))
            .bind(self.bodies())
            .bind(&self.entry_digests)
            .bind(&self.entry_positions)
    }
}
