//! The traffic: all players place a bet, then all are settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use casino_ledger::core::{Partition, PlayerCommand, PlayerId};
use casino_ledger::projections::Commit;
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, Position, READ_COMMITS_MAX, ShardCount};
use casino_ledger::{Decimal, Ledger, Request, Settings};
use tokio::runtime::Runtime;

use crate::files::Watched;
use crate::support;

/// The halves of a round, in their order.
pub(crate) const HALF_NAMES: [&str; 2] = ["place", "settle"];

/// How much is under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) in_flight: usize,
    pub(crate) players: usize,
}

impl Level {
    pub(crate) const ALL: [Self; 2] =
        [Self { in_flight: 1, players: 500 }, Self { in_flight: 512, players: 4_096 }];
}

/// A ledger on the log, with funded players.
pub(crate) struct Game {
    runtime: Runtime,
    ledger: Ledger,
    players: Vec<PlayerId>,
    level: Level,
    /// How often each half was played.
    played: [AtomicU64; 2],
    _folder: tempfile::TempDir,
}

/// What the log held in the end.
pub(crate) struct Commits {
    pub(crate) identity: LedgerIdentity,
    pub(crate) stored: Vec<casino_ledger::store::StoredCommit>,
    pub(crate) decoded: Vec<Arc<Commit>>,
    /// Of a bet, and of its settlement.
    pub(crate) body_bytes: [u64; 2],
}

impl Game {
    pub(crate) fn set_up(level: Level) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
        let folder = tempfile::tempdir()?;
        let identity =
            LedgerIdentity { ledger: LedgerId([9; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
        let options = LogOptions {
            verify_appends: false,
            files: Arc::new(Watched::default()),
            ..LogOptions::default()
        };
        let store = LogStore::create(&folder.path().join("log"), identity, options)?;
        let players: Vec<PlayerId> =
            (0..level.players).map(|i| PlayerId::new(format!("player-{i:06}"))).collect::<Result<_, _>>()?;
        let ledger = runtime.block_on(async {
            let ledger = Ledger::with_store(Arc::new(store), Settings::new()?).await?;
            for some in players.chunks(1_000) {
                for command in [support::open(), support::deposit("funds", Decimal::from(1_000_000))] {
                    let requests = some.iter().map(|player| Request::new(player.clone(), command.clone()));
                    for answer in ledger.execute_all(requests.collect()).await {
                        answer?;
                    }
                }
            }
            anyhow::Ok(ledger)
        })?;
        let played = [AtomicU64::new(0), AtomicU64::new(0)];
        Ok(Self { runtime, ledger, players, level, played, _folder: folder })
    }

    /// Every player plays one half of a round; returns when all are answered.
    pub(crate) fn play(&self, half: usize) -> Result<()> {
        let cycle = self.played[half].fetch_add(1, Ordering::SeqCst);
        let lanes = self.level.in_flight;
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for lane in 0..lanes {
                let players: Vec<PlayerId> = self.players.iter().skip(lane).step_by(lanes).cloned().collect();
                tasks.spawn(play_lane(self.ledger.clone(), players, cycle, half));
            }
            while let Some(lane) = tasks.join_next().await {
                lane.context("a lane panicked")??;
            }
            Ok(())
        })
    }

    /// Closes the ledger.
    pub(crate) fn close(&self) -> Result<()> {
        Ok(self.runtime.block_on(self.ledger.close())?)
    }

    /// Closes the ledger, and gives what it holds.
    pub(crate) fn end(self) -> Result<Commits> {
        let store = self.ledger.store();
        let identity = *store.identity();
        let (stored, body_bytes) = self.runtime.block_on(async {
            let player = Partition::Player(self.players[0].clone()).digest();
            let of_player = store.read_partition(&player, Position::ZERO, READ_COMMITS_MAX).await?;
            let [.., placed, settled] = of_player.as_slice() else {
                anyhow::bail!("a player without rounds")
            };
            let body_bytes = [placed.body.len() as u64, settled.body.len() as u64];
            let mut stored = Vec::new();
            for shard in identity.shards.all() {
                stored.extend(store.read(shard, Position(1), READ_COMMITS_MAX).await?);
            }
            Ok((stored, body_bytes))
        })?;
        self.close()?;
        let decoded =
            stored.iter().map(|commit| Commit::decode(commit).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Commits { identity, stored, decoded, body_bytes })
    }
}

async fn play_lane(ledger: Ledger, players: Vec<PlayerId>, cycle: u64, half: usize) -> Result<()> {
    for player in players {
        let id = format!("r{cycle:06}-{player}");
        let command: PlayerCommand = if half == 0 { support::place(&id) } else { support::settle(&id) };
        let receipt = ledger.execute(&player, command).await?;
        ensure!(!receipt.replayed, "a new operation was answered as known");
    }
    Ok(())
}
