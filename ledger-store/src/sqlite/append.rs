//! Appending: one transaction a call, and nothing after a write that failed.

use ledger_core::{KeyDigest, StreamDigest};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::read::{integer, place};
use super::{Life, Shared, of_sqlite, unavailable};
use crate::contract::Snapshot;
use crate::error::StoreError;
use crate::types::{CommitHash, Head, Position, Shard, ShardAppend};

type Answer = Result<Head, StoreError>;

/// How far a failed write may have come.
enum Failed {
    /// Nothing of it can have landed.
    Before(rusqlite::Error),
    /// The end of it was under way.
    Commit(rusqlite::Error),
    /// Another process holds the file's lock.
    Busy(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        if is_busy(&error) { Self::Busy(error) } else { Self::Before(error) }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn append(
    connection: &mut Connection,
    shared: &Shared,
    appends: &[ShardAppend],
) -> Result<Vec<Answer>, StoreError> {
    shared.life.check()?;
    match transact(connection, shared, |tx| {
        appends.iter().map(|append| land(tx, append)).collect::<Result<Vec<_>, _>>()
    }) {
        Ok(answers) => {
            if answers.iter().any(Result::is_ok) {
                shared.watch.send_modify(|count| *count += 1);
            }
            Ok(answers)
        }
        Err(Failed::Busy(error)) => Err(unavailable(format!("another process holds the file: {error}"))),
        Err(Failed::Before(error)) => Err(stop(shared, &error, of_sqlite(&error))),
        Err(Failed::Commit(error)) => {
            Err(stop(shared, &error, StoreError::Unknown { reason: error.to_string() }))
        }
    }
}

/// What the file holds is in doubt: nothing is written any more until it is opened again.
fn stop(shared: &Shared, error: &rusqlite::Error, answer: StoreError) -> StoreError {
    tracing::error!(%error, file = %shared.path.display(), "a write failed: no more appends until it is reopened");
    shared.life.end(Life::FAILED);
    answer
}

fn transact<T>(
    connection: &mut Connection,
    shared: &Shared,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
) -> Result<T, Failed> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&tx)?;
    if !shared.options.may_commit() {
        let broken = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        return Err(Failed::Before(rusqlite::Error::SqliteFailure(
            broken,
            Some("as it was told".to_owned()),
        )));
    }
    match tx.commit() {
        Ok(()) => Ok(done),
        Err(error) if is_busy(&error) => Err(Failed::Busy(error)),
        Err(error) => Err(Failed::Commit(error)),
    }
}

fn head(tx: &Transaction<'_>, shard: Shard) -> Result<Head, rusqlite::Error> {
    let mut statement = tx.prepare_cached("SELECT position, hash FROM head WHERE shard = ?1")?;
    statement.query_row([shard.0], |row| {
        let position: i64 = row.get(0)?;
        Ok(Head { position: Position(position.cast_unsigned()), hash: CommitHash(row.get(1)?) })
    })
}

/// Lands an append of one shard if its head is the expected one.
fn land(tx: &Transaction<'_>, append: &ShardAppend) -> Result<Answer, rusqlite::Error> {
    let shard = append.shard;
    let actual = head(tx, shard)?;
    let Some(last) = append.commits.last() else { return Ok(Ok(actual)) };
    let after = Head { position: last.position, hash: last.hash };
    if actual != append.expected {
        // It may have landed when it was sent before. The last hash covers all before it.
        if stands(tx, shard, after)? {
            return Ok(Ok(after));
        }
        return Ok(Err(StoreError::HeadMoved { shard, expected: append.expected, actual }));
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO commits (place, partition, previous, hash, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut entry =
        tx.prepare_cached("INSERT OR IGNORE INTO index_entry (shard, digest, position) VALUES (?1, ?2, ?3)")?;
    for commit in &append.commits {
        let (Some(place), Some(position)) = (place(shard, commit.position), integer(commit.position)) else {
            let what = format!("position {} is beyond the file's numbers", commit.position);
            return Ok(Err(StoreError::Invalid(what)));
        };
        let index = &commit.index;
        insert.execute(params![
            place,
            index.partition.as_bytes(),
            commit.previous.0,
            commit.hash.0,
            &*commit.body
        ])?;
        let keys = index.keys.iter().map(KeyDigest::as_bytes);
        for digest in keys.chain(index.streams.iter().map(StreamDigest::as_bytes)) {
            entry.execute(params![shard.0, digest, position])?;
        }
    }
    let newest = append.commits.iter().map(|commit| commit.index.recorded_at.as_micros()).max();
    let mut update = tx.prepare_cached(
        "UPDATE head SET position = ?2, hash = ?3, recorded_at = max(coalesce(recorded_at, ?4), ?4) WHERE shard = ?1",
    )?;
    update.execute(params![shard.0, integer(after.position), after.hash.0, newest])?;
    Ok(Ok(after))
}

fn stands(tx: &Transaction<'_>, shard: Shard, head: Head) -> Result<bool, rusqlite::Error> {
    let Some(place) = place(shard, head.position) else { return Ok(false) };
    let mut statement = tx.prepare_cached("SELECT hash FROM commits WHERE place = ?1")?;
    let hash: Option<[u8; 32]> = statement.query_row([place], |row| row.get(0)).optional()?;
    Ok(hash == Some(head.hash.0))
}

/// Keeps a snapshot. That it fails stops nothing: it may be lost.
pub(super) fn snapshot(
    connection: &mut Connection,
    shared: &Shared,
    snapshot: &Snapshot,
) -> Result<(), StoreError> {
    shared.life.check()?;
    let mut write = || {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Snapshot { partition, position, hash, fold, bytes } = snapshot;
        tx.execute(
            "INSERT INTO snapshot (partition, position, hash, fold, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (partition) DO UPDATE SET position = excluded.position, hash = excluded.hash,
             fold = excluded.fold, bytes = excluded.bytes WHERE snapshot.position <= excluded.position",
            params![partition.as_bytes(), integer(*position), hash.0, fold, bytes],
        )?;
        tx.commit()
    };
    write().map_err(|error| of_sqlite(&error))
}

/// Ends writing, and brings everything into the one file.
pub(super) fn close(connection: &mut Connection, shared: &Shared) -> Result<(), StoreError> {
    if shared.life.check().is_err() {
        // Closed already, or a write failed: then nothing is written any more.
        shared.life.end(Life::CLOSED);
        return Ok(());
    }
    shared.life.end(Life::CLOSED);
    // Readers may keep it from being done whole; everything is durable all the same.
    let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    checkpoint.map_err(|error| of_sqlite(&error))
}
