//! For postgres-es: read-only relations in its shape, and checkpoints of feeds.

use async_trait::async_trait;
use casino_ledger::projections::{Checkpoint, CheckpointStore, ViewError};
use casino_ledger::store::{CommitHash, Head, LedgerId, LedgerIdentity, Position, ShardCount};
use postgres_es::PostgresEventRepository;
use sha2::{Digest as _, Sha256};
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use crate::checkpoints::overtaken;

/// The longest name of a schema.
const SCHEMA_BYTES_MAX: usize = 63;
/// The longest name of a feed.
const NAME_BYTES_MAX: usize = 100;
/// SQLSTATE: the table is not there.
const NO_TABLE: &str = "42P01";
/// SQLSTATE: another made the same at once.
const RACES: [&str; 4] = ["23505", "42P06", "42P07", "42710"];
/// How often making the table of migrations is tried while others do the same.
const TRIES_MAX: u32 = 10;

macro_rules! migrations {
    ($($name:literal)+) => {
        /// In their order; their numbers are 1, 2, 3 ...
        const MIGRATIONS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("sql/migrations/", $name, ".sql")))),+];
    };
}

migrations! {
    "01_player_id"
    "02_player_by_id"
    "03_events"
    "04_snapshots"
}

/// Why the relations could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The schema's name is not one that a ledger's schema can have.
    #[error("{0:?} is not the name of a ledger's schema: take small letters, digits and underscores")]
    Schema(String),
    /// The schema holds no ledger.
    #[error("the schema {0} holds no ledger")]
    NoLedger(String),
    /// A migration ran that this build does not know, or another one than it knows.
    #[error("migration {number} of the schema {schema} is not one of this build")]
    Migration {
        /// The schema.
        schema: String,
        /// The number.
        number: i32,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql).iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// The read-only relations `events` and `snapshots` in a ledger's schema, in the columns that postgres-es 0.5 reads.
///
/// They show what the ledger has and hold nothing. `events` has every event of every player; `snapshots` is empty. PostgreSQL
/// refuses to write to either, so the `persist` of a `PostgresEventRepository` fails and changes nothing.
///
/// They are views of PostgreSQL over the table `commits`; databases that only speak its protocol were not tried. With them
/// comes an index with one entry a player, so that reading a player costs what his commits are, and not a walk of the log.
/// `stream_all_events` sorts everything by sequence, which is the order of nothing but each player.
#[derive(Debug, Clone)]
pub struct EventsView {
    pool: PgPool,
    schema: String,
}

impl EventsView {
    /// Makes the relations in the schema of a ledger (`casino_ledger` unless the ledger's options say otherwise); does
    /// nothing if they are there. In one transaction, so they are there whole or not at all.
    ///
    /// The index is built while the ledger waits. Where there are millions of commits, make it before this, as
    /// `docs/cqrs-es.md` says.
    ///
    /// # Errors
    ///
    /// [`InstallError`].
    pub async fn install(pool: PgPool, schema: &str) -> Result<Self, InstallError> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=SCHEMA_BYTES_MAX).contains(&schema.len()) || !schema.bytes().all(is_allowed) {
            return Err(InstallError::Schema(schema.chars().take(SCHEMA_BYTES_MAX).collect()));
        }
        let mut tries = 0;
        loop {
            match run(&pool, schema).await {
                Ok(()) => return Ok(Self { pool, schema: schema.to_owned() }),
                Err(InstallError::Database(error))
                    if tries < TRIES_MAX
                        && code(&error).is_some_and(|code| RACES.contains(&code.as_str())) =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A real `PostgresEventRepository` that reads them.
    pub fn repository(&self) -> PostgresEventRepository {
        let (events, snapshots) = self.tables();
        PostgresEventRepository::new(self.pool.clone()).with_tables(&events, &snapshots)
    }

    /// Their names with the schema, for `PostgresEventRepository::with_tables`.
    pub fn tables(&self) -> (String, String) {
        (format!("{}.events", self.schema), format!("{}.snapshots", self.schema))
    }
}

async fn run(pool: &PgPool, schema: &str) -> Result<(), InstallError> {
    let mut tx = pool.begin().await?;
    // The name was checked: it holds nothing to escape.
    sqlx::query(&format!("SET LOCAL search_path TO \"{schema}\"")).execute(&mut *tx).await?;
    let is_there = sqlx::query("SELECT FROM commits LIMIT 0").execute(&mut *tx).await;
    if is_there.as_ref().is_err_and(|error| code(error).as_deref() == Some(NO_TABLE)) {
        return Err(InstallError::NoLedger(schema.to_owned()));
    }
    is_there?;
    sqlx::query(include_str!("sql/create_migrations.sql")).execute(&mut *tx).await?;
    sqlx::query(include_str!("sql/lock_migrations.sql")).execute(&mut *tx).await?;
    let ran = ran(&mut tx, schema).await?;
    for (number, (name, sql)) in (1_i32..).zip(MIGRATIONS).skip(ran) {
        sqlx::query(sql).execute(&mut *tx).await?;
        let note = sqlx::query(include_str!("sql/note_migration.sql"));
        note.bind(number).bind(*name).bind(checksum(sql)).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// How many migrations ran, all of which must be ours.
async fn ran(tx: &mut Transaction<'_, Postgres>, schema: &str) -> Result<usize, InstallError> {
    let rows = sqlx::query(include_str!("sql/migrations.sql")).fetch_all(&mut **tx).await?;
    for (due, row) in rows.iter().enumerate() {
        let (number, found): (i32, String) = (row.try_get("number")?, row.try_get("checksum")?);
        let known = MIGRATIONS.get(due).filter(|_| usize::try_from(number) == Ok(due + 1));
        if known.is_none_or(|(_, sql)| checksum(sql) != found) {
            return Err(InstallError::Migration { schema: schema.to_owned(), number });
        }
    }
    Ok(rows.len())
}

/// Checkpoints of feeds in a table `cqrs_checkpoint`, which may stand beside the views they feed.
///
/// A pool belongs to the runtime it was made in, so what is asked of it runs there.
#[derive(Debug, Clone)]
pub struct PostgresCheckpoints {
    pool: PgPool,
    runtime: tokio::runtime::Handle,
}

fn home(error: sqlx::Error) -> ViewError {
    ViewError::Home { doing: "the table cqrs_checkpoint".to_owned(), source: Some(Box::new(error)) }
}

fn damaged(what: &str) -> ViewError {
    ViewError::Damaged(format!("the table cqrs_checkpoint: {what}"))
}

fn check_name(name: &str) -> Result<(), ViewError> {
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control) {
        Ok(())
    } else {
        Err(ViewError::home(format!(
            "a name of 1 to {NAME_BYTES_MAX} bytes is needed, without control characters"
        )))
    }
}

impl PostgresCheckpoints {
    /// Makes the table where the connections of the pool make tables, unless it is there.
    ///
    /// # Errors
    ///
    /// [`ViewError::Home`] if it cannot be made.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as the pool would.
    pub async fn open(pool: PgPool) -> Result<Self, ViewError> {
        let mut tries = 0;
        loop {
            match sqlx::query(include_str!("sql/create_checkpoints.sql")).execute(&pool).await {
                Ok(_) => return Ok(Self { pool, runtime: tokio::runtime::Handle::current() }),
                Err(error)
                    if tries < TRIES_MAX
                        && code(&error).is_some_and(|code| RACES.contains(&code.as_str())) =>
                {
                    tries += 1;
                }
                Err(error) => return Err(home(error)),
            }
        }
    }

    /// Runs something where the pool's connections live.
    async fn there<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ViewError>> + Send + 'static,
    ) -> Result<T, ViewError> {
        let ended = |_| ViewError::home("the runtime of the checkpoints has ended");
        self.runtime.spawn(work).await.map_err(ended)?
    }
}

#[async_trait]
impl CheckpointStore for PostgresCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, ViewError> {
        check_name(name)?;
        let (pool, name) = (self.pool.clone(), name.to_owned());
        self.there(async move { load(&pool, &name).await }).await
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        check_name(name)?;
        let (pool, name, checkpoint) = (self.pool.clone(), name.to_owned(), checkpoint.clone());
        self.there(async move { save(&pool, &name, &checkpoint).await }).await
    }
}

async fn load(pool: &PgPool, name: &str) -> Result<Option<Checkpoint>, ViewError> {
    let load = sqlx::query(include_str!("sql/load_checkpoint.sql")).bind(name);
    let rows = load.fetch_all(pool).await.map_err(home)?;
    let mut kept = None;
    let mut heads = Vec::with_capacity(rows.len());
    for row in &rows {
        let ledger: uuid::Uuid = row.try_get("ledger").map_err(home)?;
        let (shards, format): (i32, i32) =
            (row.try_get("shards").map_err(home)?, row.try_get("format").map_err(home)?);
        let shards = u16::try_from(shards).ok().and_then(|shards| ShardCount::new(shards).ok());
        let identity = LedgerIdentity {
            ledger: LedgerId(*ledger.as_bytes()),
            shards: shards.ok_or_else(|| damaged("a number of shards"))?,
            format: u16::try_from(format).map_err(|_| damaged("a format"))?,
        };
        if kept.is_some_and(|kept| kept != identity) {
            return Err(damaged("one checkpoint of two ledgers"));
        }
        kept = Some(identity);
        let position: i64 = row.try_get("position").map_err(home)?;
        let hash: Vec<u8> = row.try_get("hash").map_err(home)?;
        heads.push(Head {
            position: Position(u64::try_from(position).map_err(|_| damaged("a position"))?),
            hash: CommitHash(hash.try_into().map_err(|_| damaged("a hash"))?),
        });
    }
    kept.map(|identity| Checkpoint::from_heads(&identity, heads)).transpose()
}

async fn save(pool: &PgPool, name: &str, checkpoint: &Checkpoint) -> Result<(), ViewError> {
    let identity = checkpoint.identity();
    let shards: Vec<i32> = identity.shards.all().map(|shard| i32::from(shard.0)).collect();
    let positions: Result<Vec<i64>, _> =
        checkpoint.heads().iter().map(|head| i64::try_from(head.position.0)).collect();
    let positions = positions.map_err(|_| ViewError::home("a position beyond what PostgreSQL counts"))?;
    let hashes: Vec<Vec<u8>> = checkpoint.heads().iter().map(|head| head.hash.0.to_vec()).collect();
    let mut tx = pool.begin().await.map_err(home)?;
    let written = sqlx::query(include_str!("sql/save_checkpoint.sql"))
        .bind(name)
        .bind(uuid::Uuid::from_bytes(identity.ledger.0))
        .bind(i32::from(identity.shards.get()))
        .bind(i32::from(identity.format))
        .bind(&shards)
        .bind(&positions)
        .bind(&hashes)
        .execute(&mut *tx)
        .await
        .map_err(home)?;
    if usize::try_from(written.rows_affected()) != Ok(shards.len()) {
        // The transaction is rolled back as it goes.
        return Err(overtaken(name));
    }
    tx.commit().await.map_err(home)
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn migrations_are_in_their_order_and_each_is_one_statement() {
        for (number, (name, sql)) in (1..).zip(MIGRATIONS) {
            assert!(name.starts_with(&format!("{number:02}_")), "{name}");
            let code = sql.lines().filter(|line| !line.starts_with("--"));
            assert!(code.into_iter().all(|line| !line.contains(';')), "{name} is more than one statement");
        }
    }
}
