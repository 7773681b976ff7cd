//! Reading: what comes back is checked against its hash, its place and the columns it was found by.

use std::collections::HashMap;
use std::sync::Arc;

use ledger_core::stored::CommitIndex;
use ledger_core::{PartitionDigest, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::columns::{halves, integer};
use super::failure::Failure;
use super::seen::check;
use super::{Inner, hash_of, head_of, position_of, sql};
use crate::contract::{Lookup, READ_BYTES_MAX, READ_COMMITS_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{Head, Position, Shard, StoredCommit};
use crate::validate::verify_commit;

/// How many bytes of bodies one read returns, as the database counts.
fn bytes_max() -> i64 {
    i64::try_from(READ_BYTES_MAX).unwrap_or(i64::MAX)
}

fn commit(shard: Shard, row: &PgRow) -> Result<StoredCommit, Failure> {
    let body: &[u8] = row.try_get("body")?;
    Ok(StoredCommit {
        shard,
        position: position_of(row)?,
        previous: hash_of(row, "previous")?,
        hash: hash_of(row, "hash")?,
        body: Arc::from(body),
    })
}

impl Inner {
    /// All heads, as the database has them.
    pub(super) async fn read_heads(&self) -> Result<Vec<Head>, Failure> {
        let rows = self.links.ask(|| sqlx::query(sql::HEADS)).await?;
        let mut heads = Vec::with_capacity(rows.len());
        for (row, shard) in rows.iter().zip(self.identity.shards.all()) {
            let found: i32 = row.try_get("shard")?;
            if found != i32::from(shard.0) {
                return Err(Failure::Damaged(format!("shard {shard} has no head")));
            }
            heads.push(head_of(row)?);
        }
        let (count, due) = (rows.len(), usize::from(self.identity.shards.get()));
        if count != due {
            return Err(Failure::Damaged(format!("{count} heads for {due} shards")));
        }
        Ok(heads)
    }

    pub(super) async fn heads(self: Arc<Self>) -> Result<Vec<Head>, StoreError> {
        let before = self.seen.now();
        let heads = self.read_heads().await.map_err(Failure::of_read)?;
        for (shard, head) in self.identity.shards.all().zip(&heads) {
            check(&before, shard, *head)?;
            self.note(shard, *head);
        }
        Ok(heads)
    }

    pub(super) async fn newest(self: Arc<Self>) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.links.ask(|| sqlx::query(sql::NEWEST)).await.map_err(Failure::of_read)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let micros: Option<i64> = row.try_get("recorded_at").map_err(|e| Failure::from(e).of_read())?;
        let instant = |micros| Timestamp::from_micros(micros);
        micros.map(instant).transpose().map_err(|error| StoreError::Corrupted(error.to_string()))
    }

    pub(super) async fn read(
        self: Arc<Self>,
        shard: Shard,
        from: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let from = from.max(Position(1));
        let limit = i64::try_from(limit.min(READ_COMMITS_MAX)).unwrap_or(1);
        let (Ok(first), 1..) = (integer(from), limit) else { return Ok(Vec::new()) };
        if shard.0 >= self.identity.shards.get() {
            return Ok(Vec::new());
        }
        let last = first.saturating_add(limit - 1);
        for _ in 0..2 {
            let query = || {
                let shard = i32::from(shard.0);
                sqlx::query(sql::READ).bind(shard).bind(first).bind(last).bind(bytes_max())
            };
            let rows = self.links.ask(query).await.map_err(Failure::of_read)?;
            if !rows.is_empty() {
                return self.page(shard, from, &rows);
            }
            // Nothing there: the head must say so too. It may have moved since.
            if self.head_position(shard).await? < from {
                return Ok(Vec::new());
            }
        }
        Err(StoreError::corrupted_at(shard, from, "the commit is missing, though the head is beyond"))
    }

    async fn head_position(&self, shard: Shard) -> Result<Position, StoreError> {
        let query = || sqlx::query(sql::HEAD_OF).bind(i32::from(shard.0));
        let rows = self.links.ask(query).await.map_err(Failure::of_read)?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupted(format!("shard {shard} has no head")))?;
        position_of(row).map_err(Failure::of_read)
    }

    /// Commits that must be dense and linked.
    fn page(&self, shard: Shard, from: Position, rows: &[PgRow]) -> Result<Vec<StoredCommit>, StoreError> {
        let mut page: Vec<StoredCommit> = Vec::with_capacity(rows.len());
        let mut due = from;
        for row in rows {
            let commit = commit(shard, row).map_err(Failure::of_read)?;
            if commit.position != due {
                return Err(StoreError::corrupted_at(shard, due, "the commit is missing"));
            }
            if page.last().is_some_and(|last| last.hash != commit.previous) {
                return Err(StoreError::corrupted_at(shard, due, "it does not link to the commit before it"));
            }
            verify_commit(&self.identity, &commit)?;
            page.push(commit);
            due = due.next();
        }
        Ok(page)
    }

    pub(super) async fn read_partition(
        self: Arc<Self>,
        partition: PartitionDigest,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let limit = i64::try_from(limit.min(READ_COMMITS_MAX)).unwrap_or(1);
        let (Ok(after), 1..) = (integer(after), limit) else { return Ok(Vec::new()) };
        let shard = self.identity.shards.shard_of(&partition);
        let (start, rest) = halves(&partition);
        let query = || {
            let query = sqlx::query(sql::READ_PARTITION).bind(i32::from(shard.0)).bind(start).bind(rest);
            query.bind(after).bind(limit).bind(bytes_max())
        };
        let rows = self.links.ask(query).await.map_err(Failure::of_read)?;
        let mut page = Vec::with_capacity(rows.len());
        for row in &rows {
            let commit = commit(shard, row).map_err(Failure::of_read)?;
            verify_commit(&self.identity, &commit)?;
            // The column is derived from the body: if it lies, another player's money would be read as his.
            let index = CommitIndex::of_body(&commit.body)
                .map_err(|error| StoreError::corrupted_at(shard, commit.position, error))?;
            if index.partition != partition {
                return Err(StoreError::corrupted_at(
                    shard,
                    commit.position,
                    "it is filed under another partition",
                ));
            }
            page.push(commit);
        }
        Ok(page)
    }

    pub(super) async fn lookup(
        self: Arc<Self>,
        lookups: Vec<Lookup>,
    ) -> Result<Vec<Vec<Position>>, StoreError> {
        if lookups.is_empty() {
            return Ok(Vec::new());
        }
        let questions: Vec<(i32, Uuid)> = lookups
            .iter()
            .map(|lookup| match lookup {
                Lookup::Key(shard, digest) => (i32::from(shard.0), Uuid::from_bytes(*digest.as_bytes())),
                Lookup::Stream(shard, digest) => (i32::from(shard.0), Uuid::from_bytes(*digest.as_bytes())),
            })
            .collect();
        let (mut shards, mut digests) = (Vec::new(), Vec::new());
        let mut asked: HashMap<(i32, Uuid), Vec<Position>> = HashMap::with_capacity(questions.len());
        for question in &questions {
            // The same may be asked twice.
            asked.entry(*question).or_insert_with(|| {
                shards.push(question.0);
                digests.push(question.1);
                Vec::new()
            });
        }
        let query = || sqlx::query(sql::LOOKUP).bind(&shards).bind(&digests);
        let rows = self.links.ask(query).await.map_err(Failure::of_read)?;
        for row in &rows {
            let entry = |row: &PgRow| Ok::<_, sqlx::Error>((row.try_get("shard")?, row.try_get("digest")?));
            let entry = entry(row).map_err(|error| Failure::from(error).of_read())?;
            if let Some(positions) = asked.get_mut(&entry) {
                positions.push(position_of(row).map_err(Failure::of_read)?);
            }
        }
        for positions in asked.values_mut() {
            positions.sort_unstable();
        }
        Ok(questions.iter().map(|question| asked.get(question).cloned().unwrap_or_default()).collect())
    }

    pub(super) async fn write_snapshot(self: Arc<Self>, snapshot: Snapshot) -> Result<(), StoreError> {
        let shard = self.identity.shards.shard_of(&snapshot.partition);
        let (start, rest) = halves(&snapshot.partition);
        let position = integer(snapshot.position)?;
        let query = || {
            sqlx::query(sql::WRITE_SNAPSHOT)
                .bind(i32::from(shard.0))
                .bind(start)
                .bind(rest)
                .bind(position)
                .bind(snapshot.hash.0.as_slice())
                .bind(i64::from(snapshot.fold))
                .bind(snapshot.bytes.as_slice())
        };
        self.links.ask(query).await.map(drop).map_err(Failure::of_read)
    }

    pub(super) async fn snapshot(
        self: Arc<Self>,
        partition: PartitionDigest,
    ) -> Result<Option<Snapshot>, StoreError> {
        let shard = self.identity.shards.shard_of(&partition);
        let (start, rest) = halves(&partition);
        let query = || sqlx::query(sql::SNAPSHOT).bind(i32::from(shard.0)).bind(start).bind(rest);
        let rows = self.links.ask(query).await.map_err(Failure::of_read)?;
        let read = |row: &PgRow| {
            let fold: i64 = row.try_get("fold")?;
            let fold = u32::try_from(fold).map_err(|_| Failure::Damaged(format!("fold {fold}")))?;
            let (position, hash) = (position_of(row)?, hash_of(row, "hash")?);
            Ok(Snapshot { partition, position, hash, fold, bytes: row.try_get("bytes")? })
        };
        rows.first().map(read).transpose().map_err(Failure::of_read)
    }
}
