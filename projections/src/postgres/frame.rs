//! What every generation's schema has besides the view's own tables, and how it is read and written.

use std::fmt::Write as _;

use ledger_core::{ActorId, Reason};
use ledger_store::{Head, LedgerId, LedgerIdentity, Position, Shard, ShardCount};

use super::home::Place;
use crate::checkpoint::Checkpoint;
use crate::error::ViewError;
use crate::skip::Skip;
use crate::sql::frame::{FRAME, HEADS, MIGRATIONS, SKIPS};
use crate::sql::{Column, Dialect, Migration, Query, Row, SqlModel, Step, Table, Value, Writes};
use crate::text::{natural, parse, parse_id};

/// Which migrations were applied: those of the frame and those of the view, each numbered from 1.
static APPLIED: Table = Table {
    name: "view_migrations",
    columns: &[
        Column::text("part"),
        Column::integer("number"),
        Column::text("name"),
        Column::text("checksum"),
    ],
    key: 2,
    indexes: &[],
};
/// Which generation of a view is the live one, in the schema of the home. The first is live before anything says so.
static LIVE: Table = Table {
    name: "view_live",
    columns: &[Column::text("name"), Column::integer("generation")],
    key: 1,
    indexes: &[],
};

pub(super) const READ_FRAME: &str =
    "SELECT f.name, f.version, f.ledger, f.shards, f.format, f.batches FROM view_frame AS f";
const READ_APPLIED: &str =
    "SELECT m.part, m.number, m.checksum FROM view_migrations AS m ORDER BY m.part, m.number";
const READ_HEADS: &str = "SELECT h.shard, h.position, h.hash FROM view_heads AS h";
const READ_HEAD: &str = "SELECT h.shard, h.position, h.hash FROM view_heads AS h WHERE h.shard = $1";
const READ_SKIPS: &str = "SELECT s.shard, s.position, s.previous, s.hash, s.what, s.decided_by, s.why, \
                          s.decided_at FROM view_skips AS s";
const READ_SKIPS_OF: &str = "SELECT s.shard, s.position, s.previous, s.hash, s.what, s.decided_by, s.why, \
                             s.decided_at FROM view_skips AS s WHERE s.shard = $1";

/// Where the view stands, as questions.
pub(super) fn ask_checkpoint() -> [Query; 2] {
    [Query::new(READ_HEADS, []), Query::new(READ_SKIPS, [])]
}

/// Where the view stands in one shard, as questions.
pub(super) fn ask_head(shard: Shard) -> [Query; 2] {
    [Query::new(READ_HEAD, [shard.0.into()]), Query::new(READ_SKIPS_OF, [shard.0.into()])]
}

/// What a generation is, as questions.
pub(super) fn ask_frame() -> [Query; 2] {
    [Query::new(READ_FRAME, []), Query::new(READ_APPLIED, [])]
}

/// A literal of SQL: identities, names and checksums have no quotes, and no backslashes count.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Makes the home's own schema.
pub(super) fn make_home(place: &Place) -> String {
    let schema = &place.schema;
    let table =
        MIGRATION_OF_LIVE.sql(Dialect::Postgres).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
    format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"; SET search_path TO \"{schema}\"; {table}")
}

const MIGRATION_OF_LIVE: Migration = Migration { name: "live", steps: &[Step::Table(&LIVE)] };

/// Makes the generation that the connection looks at, in one transaction.
pub(super) fn make<M: SqlModel>(place: &Place, generation: u64, identity: &LedgerIdentity) -> String {
    let mut text = format!("CREATE SCHEMA \"{}\";\n", place.path(generation));
    text += &Dialect::Postgres.create(&APPLIED);
    text += &migrate("frame", 0, MIGRATIONS);
    text += &migrate("view", 0, M::MIGRATIONS);
    let _ = writeln!(
        text,
        "INSERT INTO {} (name, version, ledger, shards, format, batches) VALUES ({}, {}, {}, {}, {}, 0);",
        FRAME.name,
        literal(M::NAME),
        M::VERSION,
        literal(&identity.ledger.to_string()),
        identity.shards.get(),
        identity.format
    );
    text
}

/// The migrations after the first so many, with their notes.
pub(super) fn migrate(part: &str, applied: usize, migrations: &[Migration]) -> String {
    let mut text = String::new();
    for (number, migration) in (1..).zip(migrations).skip(applied) {
        text += &migration.sql(Dialect::Postgres);
        let (name, checksum) = (literal(migration.name), literal(&migration.checksum(Dialect::Postgres)));
        let _ = writeln!(
            text,
            "INSERT INTO {} (part, number, name, checksum) VALUES ({}, {number}, {name}, {checksum});",
            APPLIED.name,
            literal(part)
        );
    }
    text
}

/// How many of a numbered list were applied, all of which must be ours.
pub(super) fn applied(
    home: &str,
    part: &str,
    rows: &[Row],
    migrations: &[Migration],
) -> Result<usize, ViewError> {
    let other = |reason: String| ViewError::OtherView { home: format!("{home} ({part})"), reason };
    let mut count = 0;
    for row in rows {
        if row.text(0)? != part {
            continue;
        }
        let number: usize = row.number(1)?;
        let known = migrations.get(count).filter(|_| number == count + 1);
        let Some(migration) = known else {
            return Err(other(format!("migration {number} is unknown to this build")));
        };
        if migration.checksum(Dialect::Postgres) != row.text(2)? {
            let name = migration.name;
            return Err(other(format!("migration {number} ({name}) is not the one that was applied")));
        }
        count += 1;
    }
    Ok(count)
}

/// What a generation says it is.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) identity: LedgerIdentity,
    pub(super) batches: i64,
}

impl Frame {
    pub(super) fn read(rows: &[Row]) -> Result<Self, ViewError> {
        let row = rows.first().ok_or_else(|| ViewError::Damaged("the view has no frame".to_owned()))?;
        let shards =
            ShardCount::new(row.number(3)?).map_err(|error| ViewError::Damaged(error.to_string()))?;
        let identity = LedgerIdentity { ledger: row.parse::<LedgerId>(2)?, shards, format: row.number(4)? };
        let (name, version) = (row.text(0)?.to_owned(), row.number(1)?);
        Ok(Self { name, version, identity, batches: row.number(5)? })
    }

    /// Whether it is this view of this ledger, whatever the version.
    pub(super) fn check<M: SqlModel>(&self, home: &str, identity: &LedgerIdentity) -> Result<(), ViewError> {
        if self.name != M::NAME {
            let reason = format!("it holds the view {}", self.name);
            return Err(ViewError::OtherView { home: home.to_owned(), reason });
        }
        if self.identity != *identity {
            return Err(ViewError::other_ledger(&self.identity, identity));
        }
        Ok(())
    }
}

fn head(row: &Row) -> Result<(Shard, Head), ViewError> {
    let position = Position(natural(row.number(1)?)?);
    Ok((Shard(row.number(0)?), Head { position, hash: row.parse(2)? }))
}

fn skip(row: &Row) -> Result<Skip, ViewError> {
    Ok(Skip {
        shard: Shard(row.number(0)?),
        position: Position(natural(row.number(1)?)?),
        previous: row.parse(2)?,
        hash: row.parse(3)?,
        what: row.text(4)?.to_owned(),
        by: parse_id(ActorId::new(row.text(5)?))?,
        why: parse_id(Reason::new(row.text(6)?))?,
        at: parse(row.text(7)?)?,
    })
}

/// The checkpoint, or the part of it that was asked for.
pub(super) fn checkpoint(
    identity: &LedgerIdentity,
    heads: &[Row],
    skips: &[Row],
) -> Result<Checkpoint, ViewError> {
    let mut all = Checkpoint::start(identity).heads().to_vec();
    for row in heads {
        let (shard, head) = head(row)?;
        let place = all.get_mut(shard.index());
        *place.ok_or_else(|| ViewError::Damaged(format!("it has a shard {shard}")))? = head;
    }
    let skips: Result<Vec<Skip>, ViewError> = skips.iter().map(skip).collect();
    Checkpoint::from_heads(identity, all)?.with_skips(skips?)
}

/// The heads that a batch moves.
pub(super) fn write_heads(
    writes: &mut Writes,
    before: &Checkpoint,
    after: &Checkpoint,
) -> Result<(), ViewError> {
    let shards = after.identity().shards.all();
    for (shard, (old, new)) in shards.zip(before.heads().iter().zip(after.heads())) {
        if old != new {
            let position = Value::natural(new.position.0)?;
            writes.put(&HEADS, vec![shard.0.into(), position, Value::of(&new.hash)]);
        }
    }
    Ok(())
}

pub(super) fn write_skip(writes: &mut Writes, skip: &Skip) -> Result<(), ViewError> {
    let row = vec![
        skip.shard.0.into(),
        Value::natural(skip.position.0)?,
        Value::of(&skip.previous),
        Value::of(&skip.hash),
        skip.what.as_str().into(),
        skip.by.as_str().into(),
        skip.why.as_str().into(),
        Value::of(&skip.at),
    ];
    writes.put(&SKIPS, row);
    Ok(())
}
