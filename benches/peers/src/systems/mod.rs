//! The systems under test.

mod bare;
mod cala;
mod cqrs;
mod ours;
mod sql;
mod tigerbeetle;

use std::path::Path;

use anyhow::{Context, Result};
use casino_ledger::store::ShardCount;

use crate::postgres::Server;
use crate::system::System;

/// A system that could be measured; it is set up only if it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    Log,
    Sqlite,
    Postgres,
    PostgresShards,
    TigerBeetle,
    TigerBeetleBatches,
    SqlHot,
    SqlNoHouse,
    CqrsShort,
    CqrsLong,
    CalaSingle,
    CalaRollup,
    CalaBatches,
    BareSingle,
    BareBatches,
}

impl Candidate {
    pub(crate) const ALL: [Self; 15] = [
        Self::Log,
        Self::Sqlite,
        Self::Postgres,
        Self::PostgresShards,
        Self::TigerBeetle,
        Self::TigerBeetleBatches,
        Self::SqlHot,
        Self::SqlNoHouse,
        Self::CqrsShort,
        Self::CqrsLong,
        Self::CalaSingle,
        Self::CalaRollup,
        Self::CalaBatches,
        Self::BareSingle,
        Self::BareBatches,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Log => "casino-ledger, log",
            Self::Sqlite => "casino-ledger, SQLite",
            Self::Postgres => "casino-ledger, PostgreSQL, 1 shard",
            Self::PostgresShards => "casino-ledger, PostgreSQL, 64 shards",
            Self::TigerBeetle => "TigerBeetle",
            Self::TigerBeetleBatches => "TigerBeetle, requests of 8,187",
            Self::SqlHot => "SQL function, hot house row",
            Self::SqlNoHouse => "SQL function, no house row",
            Self::CqrsShort => "postgres-es, short streams",
            Self::CqrsLong => "postgres-es, streams of 1,000",
            Self::CalaSingle => "cala-ledger",
            Self::CalaRollup => "cala-ledger, house rolled up",
            Self::CalaBatches => "cala-ledger, batches of 512",
            Self::BareSingle => "bare write + fdatasync",
            Self::BareBatches => "bare, batches of 512",
        }
    }

    pub(crate) const fn needs_postgres(self) -> bool {
        match self {
            Self::Postgres
            | Self::PostgresShards
            | Self::SqlHot
            | Self::SqlNoHouse
            | Self::CqrsShort
            | Self::CqrsLong
            | Self::CalaSingle
            | Self::CalaRollup
            | Self::CalaBatches => true,
            Self::Log
            | Self::Sqlite
            | Self::TigerBeetle
            | Self::TigerBeetleBatches
            | Self::BareSingle
            | Self::BareBatches => false,
        }
    }

    /// Why it cannot be measured here, if so.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::TigerBeetle | Self::TigerBeetleBatches => tigerbeetle::missing(),
            _ => None,
        }
    }

    /// Sets it up with funded players.
    pub(crate) async fn set_up(
        self,
        players: usize,
        folder: &Path,
        server: Option<&Server>,
    ) -> Result<Box<dyn System>> {
        let server = || server.context("this system needs PostgreSQL");
        let name = self.name();
        match self {
            Self::Log => ours::Ours::on_log(name, &folder.join("log"), players).await,
            Self::Sqlite => ours::Ours::on_sqlite(name, &folder.join("ledger.db"), players).await,
            Self::Postgres => ours::Ours::on_postgres(name, server()?, ShardCount::ONE, players).await,
            Self::PostgresShards => {
                ours::Ours::on_postgres(name, server()?, ShardCount::DEFAULT, players).await
            }
            Self::TigerBeetle => tigerbeetle::Single::set_up(name, players).await,
            Self::TigerBeetleBatches => tigerbeetle::Batches::set_up(name).await,
            Self::SqlHot => sql::Sql::set_up(name, server()?, sql::House::HotRow, players).await,
            Self::SqlNoHouse => sql::Sql::set_up(name, server()?, sql::House::NoRow, players).await,
            Self::CqrsShort => cqrs::Cqrs::set_up(name, server()?, cqrs::Streams::Short { players }).await,
            Self::CqrsLong => cqrs::Cqrs::set_up(name, server()?, cqrs::Streams::Long).await,
            Self::CalaSingle => cala::Single::set_up(name, server()?, cala::House::InPosting).await,
            Self::CalaRollup => cala::Single::set_up(name, server()?, cala::House::RolledUp).await,
            Self::CalaBatches => cala::Batches::set_up(name, server()?).await,
            Self::BareSingle => bare::Bare::set_up(name, folder, 1),
            Self::BareBatches => bare::Bare::set_up(name, folder, 512),
        }
    }
}
