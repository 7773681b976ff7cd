//! casino-ledger through its public face: the whole domain, on any store.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use casino_ledger::core::{AccountCode, PlayerCommand, PlayerId};
use casino_ledger::store::ShardCount;
use casino_ledger::store::postgres::PostgresOptions;
use casino_ledger::{Decimal, Ledger, Request, Settings, verify};

use crate::bodies::support;
use crate::postgres::Server;
use crate::system::{FUNDS, Lanes, Rounds, STAKE, System, WIN, players_sum, same};

/// How many players are opened and funded with one call.
const OPENED_AT_ONCE: usize = 1_000;
/// The register of currencies gets a commit of its own.
const COMMITS_OF_HOUSE: u64 = 1;
/// A player is opened, and his deposit recorded.
const COMMITS_OF_PLAYER: u64 = 2;

pub(crate) struct Ours {
    name: &'static str,
    ledger: Ledger,
    players: Vec<PlayerId>,
}

impl Ours {
    /// On the embedded log, in a new folder.
    pub(crate) async fn on_log(name: &'static str, folder: &Path, players: usize) -> Result<Box<dyn System>> {
        Self::over(name, Ledger::open(folder, Settings::new()?).await?, players).await
    }

    /// In a new SQLite file.
    pub(crate) async fn on_sqlite(
        name: &'static str,
        file: &Path,
        players: usize,
    ) -> Result<Box<dyn System>> {
        Self::over(name, Ledger::open_sqlite(file, Settings::new()?).await?, players).await
    }

    /// In a new database of the server that the peers use, too.
    pub(crate) async fn on_postgres(
        name: &'static str,
        server: &Server,
        shards: ShardCount,
        players: usize,
    ) -> Result<Box<dyn System>> {
        let database = format!("casino_ledger_{}", shards.get());
        let options = PostgresOptions::with(server.new_database(&database).await?);
        let mut settings = Settings::new()?;
        settings.shards = shards;
        Self::over(name, Ledger::open_postgres(options, settings).await?, players).await
    }

    /// On any ledger that is new and empty.
    pub(crate) async fn over(name: &'static str, ledger: Ledger, players: usize) -> Result<Box<dyn System>> {
        let players: Vec<PlayerId> =
            (0..players).map(|i| PlayerId::new(format!("player-{i:06}"))).collect::<Result<_, _>>()?;
        for some in players.chunks(OPENED_AT_ONCE) {
            for command in [support::open(), support::deposit("funds", Decimal::new(FUNDS, 2))] {
                let requests = some.iter().map(|player| Request::new(player.clone(), command.clone()));
                for answer in ledger.execute_all(requests.collect()).await {
                    answer?;
                }
            }
        }
        Ok(Lanes::boxed(Self { name, ledger, players }))
    }

    async fn execute(&self, player: usize, command: PlayerCommand) -> Result<()> {
        let receipt = self.ledger.execute(&self.players[player], command).await?;
        ensure!(!receipt.replayed, "a new operation was answered as known");
        Ok(())
    }
}

impl Rounds for Ours {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![1, 64, 512, 4_096]
    }

    fn players(&self) -> usize {
        self.players.len()
    }

    async fn place(&self, player: usize, round: u64) -> Result<()> {
        self.execute(player, support::place(&format!("r{round:012}"))).await
    }

    async fn settle(&self, player: usize, round: u64) -> Result<()> {
        self.execute(player, support::settle(&format!("r{round:012}"))).await
    }

    async fn check(&self, rounds: u64) -> Result<String> {
        let found = verify(self.ledger.store().as_ref()).await?;
        let players = u64::try_from(self.players.len())?;
        same("commits", found.commits, COMMITS_OF_HOUSE + COMMITS_OF_PLAYER * players + 2 * rounds)?;
        let net = |account: AccountCode| -> Result<i128> {
            let line = found.trial_balance.iter().find(|line| line.account == account);
            let line = line.with_context(|| format!("nothing was posted to {account}"))?;
            // Accounts of the house may be finer than their currency.
            let scaled = |units: i128, scale: u32| units / 10_i128.pow(scale.saturating_sub(2));
            let (credits, debits) = (line.credits, line.debits);
            Ok(scaled(credits.units(), credits.scale().into())
                - scaled(debits.units(), debits.scale().into()))
        };
        same("players' cash", net(AccountCode::PlayerCash)?, players_sum(self.players.len(), rounds)?)?;
        same("stakes", net(AccountCode::GamingStakes)?, i128::from(rounds) * i128::from(STAKE))?;
        same("payouts", -net(AccountCode::GamingPayouts)?, i128::from(rounds) * i128::from(WIN))?;
        Ok(format!(
            "{} commits verified: every hash, key and entry; cash, stakes and payouts are right",
            found.commits
        ))
    }
}
