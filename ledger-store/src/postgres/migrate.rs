//! The tables: numbered migrations of one statement each, with checksums, under a lease row.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use uuid::Uuid;

use super::failure::{Failure, UNIQUE_VIOLATION, unavailable};
use super::link::Links;
use super::options::PostgresOptions;
use super::sql;
use crate::error::StoreError;

/// A step. Once released it is never edited: its checksum stands in every database.
#[derive(Debug, Clone, Copy)]
struct Migration {
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($name:literal)+) => {
        /// In their order; their numbers are 1, 2, 3 ...
        const MIGRATIONS: &[Migration] = &[
            $(Migration { name: $name, sql: include_str!(concat!("sql/migrations/", $name, ".sql")) }),+
        ];
    };
}

migrations! {
    "01_ledger"
    "02_head"
    "03_commits"
    "04_commits_by_partition"
    "05_index_entry"
    "06_snapshot"
    "07_member"
    "08_shard_lease"
}

/// The name of the lease row.
const LEASE: &str = "migrations";
/// How long the holder's count may stand still before another takes over. No clock of the server is asked.
const LEASE_STILL_MAX: Duration = Duration::from_secs(10);
const LEASE_PAUSE: Duration = Duration::from_millis(100);
/// How long all of it may take.
const MIGRATE_MAX: Duration = Duration::from_mins(5);
/// SQLSTATE: the table is not there.
const NO_TABLE: &str = "42P01";
/// SQLSTATE: two sessions made the same at once.
const RACES: [&str; 4] = [UNIQUE_VIOLATION, "42P06", "42P07", "42710"];

impl Migration {
    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql);
        digest.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }
}

fn not_ours(options: &PostgresOptions, reason: impl Into<String>) -> StoreError {
    StoreError::NotALedger { what: options.what(), reason: reason.into() }
}

/// The migrations that ran; `None` if there are no tables at all.
async fn applied(links: &Links) -> Result<Option<Vec<(i32, String)>>, StoreError> {
    let rows = match links.ask(|| sqlx::query(sql::MIGRATIONS)).await {
        Err(Failure::Refused { code, .. }) if code == NO_TABLE => return Ok(None),
        rows => rows.map_err(Failure::of_read)?,
    };
    let row = |row: &sqlx::postgres::PgRow| Ok((row.try_get("number")?, row.try_get("checksum")?));
    let rows: Result<Vec<_>, sqlx::Error> = rows.iter().map(row).collect();
    Ok(Some(rows.map_err(|error| Failure::from(error).of_read())?))
}

/// How many migrations ran, all of which must be ours.
fn check(options: &PostgresOptions, applied: &[(i32, String)]) -> Result<usize, StoreError> {
    for (due, (number, checksum)) in (1_usize..).zip(applied) {
        let known = MIGRATIONS.get(due - 1).filter(|_| usize::try_from(*number) == Ok(due));
        let Some(migration) = known else {
            let (found, supported) = (applied.len(), MIGRATIONS.len());
            let bounded = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
            return Err(if found > supported {
                let (found, supported) = (bounded(found), bounded(supported));
                StoreError::NewerFormat { what: options.what(), found, supported }
            } else {
                not_ours(options, format!("migration {number} is unknown to this build"))
            });
        };
        if migration.checksum() != *checksum {
            return Err(not_ours(options, format!("migration {} is not the one that ran", migration.name)));
        }
    }
    Ok(applied.len())
}

/// Makes sure that every migration ran. Answers `false` if there are no tables and none may be made.
pub(super) async fn ensure(
    links: &Links,
    options: &PostgresOptions,
    create: bool,
) -> Result<bool, StoreError> {
    let ran = match applied(links).await? {
        Some(applied) => check(options, &applied)?,
        None if create => 0,
        None => return Ok(false),
    };
    if ran == MIGRATIONS.len() {
        return Ok(true);
    }
    if !options.migrate {
        return Err(not_ours(options, format!("migration {} has not run, and running it is off", ran + 1)));
    }
    for statement in [&format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", options.schema), sql::CREATE_LEASE] {
        define(links, statement).await?;
    }
    let holder = Uuid::new_v4();
    take_lease(links, holder).await?;
    let done = run(links, options, holder).await;
    // If this does not arrive, the next one waits a while for a count that stands still.
    drop(links.ask(|| sqlx::query(sql::LEASE_GIVE).bind(LEASE).bind(holder)).await);
    done.map(|()| true)
}

async fn run(links: &Links, options: &PostgresOptions, holder: Uuid) -> Result<(), StoreError> {
    define(links, sql::CREATE_MIGRATION).await?;
    // Another may have run them while we waited for the lease.
    let ran = check(options, &applied(links).await?.unwrap_or_default())?;
    for (number, migration) in (1_i32..).zip(MIGRATIONS).skip(ran) {
        links
            .ask(|| sqlx::query(sql::LEASE_BEAT).bind(LEASE).bind(holder))
            .await
            .map_err(Failure::of_read)?;
        define(links, migration.sql).await?;
        let note =
            || sqlx::query(sql::NOTE_MIGRATION).bind(number).bind(migration.name).bind(migration.checksum());
        links.ask(note).await.map_err(Failure::of_read)?;
        tracing::info!(migration = migration.name, "the migration ran");
    }
    Ok(())
}

/// Makes something unless it is there. Each statement does nothing the second time.
async fn define(links: &Links, statement: &str) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match links.run(statement).await {
            Err(Failure::Lost(_) | Failure::Conflict(_)) if tries < 10 => {}
            Err(Failure::Refused { code, .. }) if tries < 10 && RACES.contains(&code.as_str()) => {}
            answer => return answer.map_err(Failure::of_read),
        }
        tries += 1;
        tokio::time::sleep(super::link::pause(tries)).await;
    }
}

async fn take_lease(links: &Links, holder: Uuid) -> Result<(), StoreError> {
    let start = Instant::now();
    let mut seen: Option<((Uuid, i64), Instant)> = None;
    loop {
        let take = || sqlx::query(sql::LEASE_TAKE).bind(LEASE).bind(holder);
        links.ask(take).await.map_err(Failure::of_read)?;
        let rows = links.ask(|| sqlx::query(sql::LEASE_READ).bind(LEASE)).await.map_err(Failure::of_read)?;
        if let Some(row) = rows.first() {
            let read = |row: &sqlx::postgres::PgRow| Ok((row.try_get("holder")?, row.try_get("beats")?));
            let now: (Uuid, i64) = read(row).map_err(|error: sqlx::Error| Failure::from(error).of_read())?;
            if now.0 == holder {
                return Ok(());
            }
            match seen {
                Some((before, since)) if before == now && since.elapsed() > LEASE_STILL_MAX => {
                    tracing::warn!(holder = %now.0, "the holder of the lease has gone: taking it over");
                    let over =
                        || sqlx::query(sql::LEASE_TAKE_OVER).bind(LEASE).bind(holder).bind(now.0).bind(now.1);
                    links.ask(over).await.map_err(Failure::of_read)?;
                }
                Some((before, _)) if before == now => {}
                _ => seen = Some((now, Instant::now())),
            }
        }
        if start.elapsed() > MIGRATE_MAX {
            return Err(unavailable("another process runs migrations for too long"));
        }
        tokio::time::sleep(LEASE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_in_their_order_and_each_is_one_statement() {
        for (number, migration) in (1..).zip(MIGRATIONS) {
            assert!(migration.name.starts_with(&format!("{number:02}_")), "{}", migration.name);
            assert!(!migration.sql.contains(';'), "{} is more than one statement", migration.name);
        }
    }

    #[test]
    fn an_edited_or_unknown_migration_is_refused() {
        let options = PostgresOptions::new("postgres://127.0.0.1/x").expect("a URL");
        let all: Vec<_> = (1..).zip(MIGRATIONS).map(|(n, m)| (n, m.checksum())).collect();
        for ran in 0..=all.len() {
            assert_eq!(check(&options, &all[..ran]).expect("ours"), ran);
        }
        let mut edited = all.clone();
        edited[2].1 = "0".repeat(64);
        assert!(matches!(check(&options, &edited), Err(StoreError::NotALedger { .. })));
        assert!(matches!(check(&options, &all[1..]), Err(StoreError::NotALedger { .. })));
        let mut newer = all.clone();
        newer.push((9, "0".repeat(64)));
        assert!(matches!(
            check(&options, &newer),
            Err(StoreError::NewerFormat { found: 9, supported: 8, .. })
        ));
    }
}
