//! Reading: each call is one transaction, and what comes back is checked.

use std::sync::Arc;

use ledger_core::stored::CommitIndex;
use ledger_core::{PartitionDigest, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::schema::POSITION_BITS;
use super::{Shared, of_sqlite};
use crate::chain::genesis;
use crate::contract::{Lookup, READ_BYTES_MAX, READ_COMMITS_MAX, Snapshot};
use crate::error::StoreError;
use crate::types::{CommitHash, Head, Position, Shard, StoredCommit};
use crate::validate::verify_commit;

const POSITION_MAX: u64 = (1 << POSITION_BITS) - 1;

/// A position as the file holds it.
pub(super) fn integer(position: Position) -> Option<i64> {
    i64::try_from(position.0).ok().filter(|_| position.0 <= POSITION_MAX)
}

/// A commit's place in the table.
pub(super) fn place(shard: Shard, position: Position) -> Option<i64> {
    Some((i64::from(shard.0) << POSITION_BITS) | integer(position)?)
}

fn position(place: i64) -> Position {
    Position(place.cast_unsigned() & POSITION_MAX)
}

/// The file's heads, commits and witnesses agree.
pub(super) fn check(connection: &Connection, shared: &Shared) -> Result<(), StoreError> {
    // One transaction: another process may append while this one opens the file.
    let tx = connection.unchecked_transaction().map_err(|error| of_sqlite(&error))?;
    for (shard, head) in shared.identity.shards.all().zip(heads(&tx, shared)?) {
        let last = last(&tx, shard).map_err(|error| of_sqlite(&error))?;
        let due = last.unwrap_or_else(|| genesis(&shared.identity, shard));
        if head != due {
            return Err(StoreError::corrupted_at(shard, head.position, "the head is not the last commit"));
        }
    }
    drop(tx);
    for (shard, seen) in &shared.options.witnesses {
        let lost = |actual: String| StoreError::HistoryLost { shard: *shard, seen: *seen, actual };
        let stands = if seen.position == Position::ZERO {
            Some(genesis(&shared.identity, *shard).hash)
        } else {
            self::shard(connection, shared, *shard, seen.position, 1)?.first().map(|commit| commit.hash)
        };
        match stands {
            Some(hash) if hash == seen.hash => {}
            Some(hash) => return Err(lost(format!("hash {hash} there"))),
            None => return Err(lost("nothing there".to_owned())),
        }
    }
    Ok(())
}

fn last(connection: &Connection, shard: Shard) -> Result<Option<Head>, rusqlite::Error> {
    let select = "SELECT place, hash FROM commits WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1";
    let (from, to) = (place(shard, Position::ZERO), place(shard, Position(POSITION_MAX)));
    let mut statement = connection.prepare_cached(select)?;
    let head = |row: &Row<'_>| Ok(Head { position: position(row.get(0)?), hash: CommitHash(row.get(1)?) });
    statement.query_row([from, to], head).optional()
}

pub(super) fn heads(connection: &Connection, shared: &Shared) -> Result<Vec<Head>, StoreError> {
    let read = || {
        let mut statement =
            connection.prepare_cached("SELECT shard, position, hash FROM head ORDER BY shard")?;
        let rows = statement.query_map([], |row| {
            let head = Head { position: position(row.get(1)?), hash: CommitHash(row.get(2)?) };
            Ok((row.get::<_, u16>(0)?, head))
        })?;
        rows.collect::<Result<Vec<_>, rusqlite::Error>>()
    };
    let rows = read().map_err(|error| of_sqlite(&error))?;
    let due: Vec<u16> = shared.identity.shards.all().map(|shard| shard.0).collect();
    if rows.iter().map(|(shard, _)| *shard).ne(due) {
        return Err(StoreError::Corrupted("the heads are not those of the shards".to_owned()));
    }
    Ok(rows.into_iter().map(|(_, head)| head).collect())
}

pub(super) fn newest(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let newest: Option<i64> = connection
        .query_row("SELECT max(recorded_at) FROM head", [], |row| row.get(0))
        .map_err(|error| of_sqlite(&error))?;
    let instant = newest.map(Timestamp::from_micros).transpose();
    instant.map_err(|error| StoreError::Corrupted(error.to_string()))
}

/// Rows as commits, until their bodies have as many bytes as one read returns.
fn commits(shard: Shard, rows: &mut rusqlite::Rows<'_>) -> Result<Vec<StoredCommit>, rusqlite::Error> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < READ_BYTES_MAX
        && let Some(row) = rows.next()?
    {
        let body = Arc::<[u8]>::from(row.get_ref(3)?.as_blob().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, Box::new(error))
        })?);
        bytes += body.len();
        page.push(StoredCommit {
            shard,
            position: position(row.get(0)?),
            previous: CommitHash(row.get(1)?),
            hash: CommitHash(row.get(2)?),
            body,
        });
    }
    Ok(page)
}

pub(super) fn shard(
    connection: &Connection,
    shared: &Shared,
    shard: Shard,
    from: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, StoreError> {
    let from = from.max(Position(1));
    let Some(first) = place(shard, from).filter(|_| shard.0 < shared.identity.shards.get()) else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(limit.min(READ_COMMITS_MAX)).unwrap_or(1);
    let read = || {
        // One transaction: the head is as old as the rows.
        let tx = connection.unchecked_transaction()?;
        let head: i64 = tx
            .prepare_cached("SELECT position FROM head WHERE shard = ?1")?
            .query_row([shard.0], |row| row.get(0))?;
        let select = "SELECT place, previous, hash, body FROM commits
                      WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3";
        let mut statement = tx.prepare_cached(select)?;
        let mut rows = statement.query((first, place(shard, Position(POSITION_MAX)), limit))?;
        Ok((position(head), commits(shard, &mut rows)?))
    };
    let (head, page) = read().map_err(|error: rusqlite::Error| of_sqlite(&error))?;
    if page.is_empty() && limit > 0 && head >= from {
        return Err(StoreError::corrupted_at(
            shard,
            from,
            "the commit is missing, though the head is beyond",
        ));
    }
    let mut due = from;
    for (number, commit) in page.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| page.get(before));
        if commit.position != due {
            return Err(StoreError::corrupted_at(shard, due, "the commit is missing"));
        }
        if before.is_some_and(|before| before.hash != commit.previous) {
            return Err(StoreError::corrupted_at(shard, due, "it does not link to the commit before it"));
        }
        verify_commit(&shared.identity, commit)?;
        due = due.next();
    }
    Ok(page)
}

pub(super) fn partition(
    connection: &Connection,
    shared: &Shared,
    partition: &PartitionDigest,
    after: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, StoreError> {
    let shard = shared.identity.shards.shard_of(partition);
    let Some(after) = place(shard, after) else { return Ok(Vec::new()) };
    let limit = i64::try_from(limit.min(READ_COMMITS_MAX)).unwrap_or(1);
    let read = || {
        let select = "SELECT place, previous, hash, body FROM commits
                      WHERE partition = ?1 AND place > ?2 ORDER BY place LIMIT ?3";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query((partition.as_bytes(), after, limit))?;
        commits(shard, &mut rows)
    };
    let page = read().map_err(|error| of_sqlite(&error))?;
    for commit in &page {
        verify_commit(&shared.identity, commit)?;
        // The column is derived from the body: if it lies, another player's money would be read as his.
        let index = CommitIndex::of_body(&commit.body)
            .map_err(|error| StoreError::corrupted_at(shard, commit.position, error))?;
        if index.partition != *partition {
            return Err(StoreError::corrupted_at(
                shard,
                commit.position,
                "it is filed under another partition",
            ));
        }
    }
    Ok(page)
}

pub(super) fn lookup(connection: &Connection, lookups: &[Lookup]) -> Result<Vec<Vec<Position>>, StoreError> {
    let find = || {
        // One transaction: all answers are of one moment.
        let tx = connection.unchecked_transaction()?;
        let select = "SELECT position FROM index_entry WHERE shard = ?1 AND digest = ?2 ORDER BY position";
        let mut statement = tx.prepare_cached(select)?;
        let mut answers = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            let (shard, digest) = match lookup {
                Lookup::Key(shard, digest) => (shard, digest.as_bytes()),
                Lookup::Stream(shard, digest) => (shard, digest.as_bytes()),
            };
            let rows = statement.query_map((shard.0, digest), |row| Ok(position(row.get(0)?)))?;
            answers.push(rows.collect::<Result<Vec<_>, rusqlite::Error>>()?);
        }
        Ok(answers)
    };
    find().map_err(|error: rusqlite::Error| of_sqlite(&error))
}

pub(super) fn snapshot(
    connection: &Connection,
    partition: &PartitionDigest,
) -> Result<Option<Snapshot>, StoreError> {
    let select = "SELECT position, hash, fold, bytes FROM snapshot WHERE partition = ?1";
    let row = |row: &Row<'_>| {
        Ok(Snapshot {
            partition: *partition,
            position: position(row.get(0)?),
            hash: CommitHash(row.get(1)?),
            fold: row.get(2)?,
            bytes: row.get(3)?,
        })
    };
    let read = || connection.prepare_cached(select)?.query_row([partition.as_bytes()], row).optional();
    read().map_err(|error| of_sqlite(&error))
}
