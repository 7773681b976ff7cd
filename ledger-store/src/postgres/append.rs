//! Appending: one conditional statement, sent again until its outcome is known or its time is up.

use std::sync::Arc;
use std::time::Instant;

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::task::JoinSet;

use super::columns::{Columns, Wanted, integer};
use super::failure::{Failure, unavailable};
use super::link::pause;
use super::options::AppendMode;
use super::seen::check;
use super::{Inner, hash_of, head_of, sql};
use crate::error::StoreError;
use crate::types::{Head, Shard, ShardAppend};

type Answer = Result<Head, StoreError>;

/// What a statement found on one shard.
struct Found {
    shard: Shard,
    head: Head,
    landed: bool,
}

impl Inner {
    /// Appends to all shards, in the mode that was chosen.
    pub(super) async fn append(
        self: Arc<Self>,
        appends: Vec<ShardAppend>,
    ) -> Result<Vec<Answer>, StoreError> {
        let _open = self.open_gate().await?;
        if self.options.append_mode == AppendMode::AllShards || appends.len() == 1 {
            return self.append_parts(&appends).await;
        }
        let mut parts = JoinSet::new();
        for (number, append) in appends.iter().cloned().enumerate() {
            let inner = Arc::clone(&self);
            parts.spawn(async move { (number, inner.append_parts(&[append]).await) });
        }
        let mut answers: Vec<Option<Answer>> = vec![None; appends.len()];
        let mut failed = None;
        while let Some(part) = parts.join_next().await {
            let (number, answer) = part.map_err(|error| StoreError::Unknown { reason: error.to_string() })?;
            match answer {
                Ok(mut one) => answers[number] = one.pop(),
                Err(error) => failed = Some(error),
            }
        }
        let Some(error) = failed else { return Ok(answers.into_iter().flatten().collect()) };
        // Where a part landed, "nothing landed" would be wrong. Sent again, each part answers for itself.
        if answers.iter().flatten().any(Result::is_ok) {
            return Err(StoreError::Unknown { reason: error.to_string() });
        }
        Err(error)
    }

    /// Appends to these shards in one statement.
    async fn append_parts(&self, appends: &[ShardAppend]) -> Result<Vec<Answer>, StoreError> {
        let before = self.seen.now();
        // On a head that lies behind what was seen nothing may land, also not on a database that lost history.
        let is_late = |append: &&ShardAppend| check(&before, append.shard, append.expected).is_err();
        let (late, fresh): (Vec<_>, Vec<_>) = appends.iter().partition(is_late);
        let fresh: Vec<ShardAppend> = fresh.into_iter().cloned().collect();
        let late = Columns::of(&late.into_iter().cloned().collect::<Vec<_>>())?;
        let fresh = Columns::of(&fresh)?;
        let mut found = if fresh.wanted.is_empty() { Vec::new() } else { self.settle(&fresh).await? };
        if !late.wanted.is_empty() {
            let heads = self.read_heads().await.map_err(|failure| failure.of_append(None))?;
            found.extend(late.wanted.iter().filter_map(|wanted| {
                let head = *heads.get(wanted.shard.index())?;
                Some(Found { shard: wanted.shard, head, landed: false })
            }));
        }
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            let wanted = fresh.wanted.iter().chain(&late.wanted).find(|wanted| wanted.shard == append.shard);
            let found = found.iter().find(|found| found.shard == append.shard);
            let (Some(wanted), Some(found)) = (wanted, found) else {
                return Err(StoreError::Corrupted(format!("shard {} has no head", append.shard)));
            };
            answers.push(self.answer(&before, wanted, found).await?);
        }
        Ok(answers)
    }

    async fn answer(&self, before: &[Head], wanted: &Wanted, found: &Found) -> Result<Answer, StoreError> {
        let Wanted { shard, expected, after } = *wanted;
        if found.landed {
            self.note(shard, after);
            return Ok(Ok(after));
        }
        if let Err(lost) = check(before, shard, found.head) {
            return Ok(Err(lost));
        }
        self.note(shard, found.head);
        // It may have landed when it was sent before. The last hash covers all before it.
        if found.head.position >= after.position && self.stands(shard, after).await? {
            return Ok(Ok(after));
        }
        Ok(Err(StoreError::HeadMoved { shard, expected, actual: found.head }))
    }

    /// Whether this commit stands in the log.
    async fn stands(&self, shard: Shard, head: Head) -> Result<bool, StoreError> {
        let position = integer(head.position)?;
        let query = || sqlx::query(sql::HASH_AT).bind(i32::from(shard.0)).bind(position);
        // The answer decides what is said of an append: without it nothing is known.
        let unknown = |failure: Failure| failure.of_append(Some("its place could not be read".to_owned()));
        let rows = self.links.ask(query).await.map_err(unknown)?;
        let Some(row) = rows.first() else { return Ok(false) };
        Ok(hash_of(row, "hash").map_err(Failure::of_read)? == head.hash)
    }

    /// Sends a statement until its outcome is known, or its time is up.
    async fn settle(&self, columns: &Columns) -> Result<Vec<Found>, StoreError> {
        let start = Instant::now();
        let (mut conflicts, mut tries) = (0, 0);
        let mut unknown: Option<String> = None;
        loop {
            let failure = match self.send(columns).await {
                Ok(found) => return Ok(found),
                Err(failure) => failure,
            };
            let in_time = start.elapsed() < self.options.append_timeout;
            match failure {
                Failure::Conflict(reason) if conflicts < self.options.conflict_retries_max && in_time => {
                    tracing::debug!(%reason, conflicts, "an append met another: sending it again");
                    conflicts += 1;
                }
                Failure::Lost(reason) => {
                    tracing::warn!(%reason, "whether an append landed is unknown: sending the same bytes again");
                    unknown = Some(reason);
                }
                // The server may be back in a moment.
                Failure::NotSent(_) if unknown.is_some() && in_time => {}
                failure => return Err(failure.of_append(unknown)),
            }
            if !in_time {
                let reason = unknown.unwrap_or_else(|| "its time is up".to_owned());
                return Err(StoreError::Unknown { reason });
            }
            tries += 1;
            tokio::time::sleep(pause(tries)).await;
        }
    }

    async fn send(&self, columns: &Columns) -> Result<Vec<Found>, Failure> {
        if self.options.append_mode == AppendMode::PerShard
            && let [wanted] = columns.wanted.as_slice()
        {
            let rows = self.links.send(columns.one(wanted)).await?;
            return rows.iter().map(|row| found_at(row, wanted.shard)).collect();
        }
        let rows = self.links.send(columns.many()).await?;
        let shard = |row: &PgRow| {
            let shard: i32 = row.try_get("shard")?;
            u16::try_from(shard).map(Shard).map_err(|_| Failure::Damaged(format!("there is a shard {shard}")))
        };
        rows.iter().map(|row| found_at(row, shard(row)?)).collect()
    }
}

fn found_at(row: &PgRow, shard: Shard) -> Result<Found, Failure> {
    Ok(Found { shard, head: head_of(row)?, landed: row.try_get("landed")? })
}

/// What the gate says once the store is closed.
pub(super) fn closed() -> StoreError {
    unavailable("the store is closed")
}
