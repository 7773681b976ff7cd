//! A ledger with a standby, in two processes. `cargo run -p casino-ledger-standby -- help` tells the commands; a home is a
//! folder with a copy of the ledger and its fence.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use casino_ledger::core::{PlayerCommand, PlayerId};
use casino_ledger::replica::{
    Copied, Mode, Primary, PrimaryOptions, Standby, StandbyLink, WhenAway, bring_back, copy, lost_commits,
};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore, Position};
use casino_ledger::{ExecuteError, Ledger, Request, Settings, verify};
use casino_ledger_standby::home::Home;
use casino_ledger_standby::tcp::{Served, TcpLink};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

/// How many players bet at the same time.
const PLAYERS: usize = 16;
/// How many lost commits are listed at a time.
const PAGE: usize = 100;

/// A ledger with a standby: backups, promotion, and what was lost brought back.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays on the ledger in a home and sends everything to a standby.
    Primary {
        home: PathBuf,
        /// Where the standby listens.
        #[arg(long)]
        standby: String,
        /// Answers do not wait for the standby.
        #[arg(long)]
        asynchronous: bool,
        /// How many bets each of sixteen players makes.
        #[arg(long, default_value_t = 1_000)]
        bets: u64,
        /// For how many seconds it asks again while no standby answers.
        #[arg(long, default_value_t = 60)]
        give_up: u64,
    },
    /// Follows a primary until it is ended. An empty home becomes a copy.
    Standby {
        home: PathBuf,
        /// The address to listen at; with port 0 the system chooses one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
    },
    /// Makes the copy in a home the primary and fences the one of before. End its standby first.
    Promote { home: PathBuf },
    /// Makes the home of a primary of before a standby again.
    Rejoin { home: PathBuf },
    /// Copies what is new in the ledger of one home, which may be written meanwhile, into another.
    Backup { from: PathBuf, to: PathBuf },
    /// Brings back what the old home has and the other one lost, and lists what cannot be.
    BringBack { old: PathBuf, home: PathBuf },
    /// Walks the chains and adds up the books.
    Verify { home: PathBuf },
}

fn show(so_far: &Copied) {
    println!("copied {} of {} commits, {} bytes", so_far.commits, so_far.due, so_far.bytes);
}

fn request(player: &PlayerId, command: &str) -> anyhow::Result<Request> {
    let command: PlayerCommand = serde_json::from_str(command)?;
    Ok(Request::new(player.clone(), command))
}

/// Sends a command again until its outcome is known, and says what was acknowledged.
async fn acknowledged(game: &Game, player: &PlayerId, id: &str, command: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        match game.ledger.request(request(player, command)?).await {
            Ok(receipt) => {
                println!(
                    "acknowledged {player} {id} {} {} {}",
                    receipt.shard, receipt.position, receipt.hash
                );
                return Ok(());
            }
            Err(ExecuteError::Indeterminate { .. } | ExecuteError::Unavailable { .. })
                if started.elapsed() < game.give_up =>
            {
                // A standby that is away comes back by itself; nobody tells when.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error).with_context(|| format!("{player} {id}")),
        }
    }
}

/// What the players share.
#[derive(Debug, Clone)]
struct Game {
    ledger: Ledger,
    bets: u64,
    give_up: Duration,
}

async fn play(game: &Game, number: usize) -> anyhow::Result<()> {
    let player = PlayerId::new(format!("player-{number}"))?;
    let open = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
    let deposit =
        r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100000.00","currency":"EUR"}"#;
    acknowledged(game, &player, "open", open).await?;
    acknowledged(game, &player, "d1", deposit).await?;
    for n in 0..game.bets {
        let bet = format!(
            r#"{{"command":"place_bet","source":"prov","id":"b{n}","round":"r{n}","game":"crash","amount":"1.00","currency":"EUR"}}"#
        );
        let win = format!(
            r#"{{"command":"settle","source":"prov","id":"w{n}","round":"r{n}","amount":"0.95","currency":"EUR","finality":"round"}}"#
        );
        acknowledged(game, &player, &format!("b{n}"), &bet).await?;
        acknowledged(game, &player, &format!("w{n}"), &win).await?;
    }
    Ok(())
}

async fn primary(
    home: &Path,
    standby: String,
    is_asynchronous: bool,
    (bets, give_up): (u64, u64),
) -> anyhow::Result<()> {
    let home = Home::new(home)?;
    let mode = if is_asynchronous {
        Mode::Asynchronous
    } else {
        Mode::Synchronous { copies: 1, patience: Duration::from_secs(5), when_away: WhenAway::Wait }
    };
    let links: Vec<(String, Arc<dyn StandbyLink>)> =
        vec![("standby".to_owned(), Arc::new(TcpLink::new(standby)))];
    let store = home.open_or_create(None).await?;
    let options =
        PrimaryOptions { contact_patience: Duration::from_secs(give_up), ..PrimaryOptions::new(mode) };
    let primary = Arc::new(Primary::start(store, home.fence(), options, links).await?);
    println!("primary of epoch {}", primary.epoch());
    let ledger = Ledger::with_store(Arc::clone(&primary) as Arc<dyn EventStore>, Settings::new()?).await?;
    let mut players = tokio::task::JoinSet::new();
    for number in 0..PLAYERS {
        let game = Game { ledger: ledger.clone(), bets, give_up: Duration::from_secs(give_up) };
        players.spawn(async move { play(&game, number).await });
    }
    while let Some(played) = players.join_next().await {
        played??;
    }
    ledger.close().await?;
    for standby in primary.standbys().await? {
        println!("{}: {:?}, {} commits behind", standby.name, standby.following, standby.behind);
    }
    Ok(())
}

async fn bring_all_back(old: &Path, home: &Path) -> anyhow::Result<()> {
    let (old, current) = (Home::new(old)?.open().await?, Home::new(home)?.open().await?);
    let brought = bring_back(&*old, &*current, &mut show).await?;
    println!("{} commits of {} shards were brought back", brought.copied.commits, brought.shards.len());
    for conflict in &brought.conflicts {
        println!("shard {} has two histories from position {} on", conflict.shard, conflict.first);
        let mut from = Position::ZERO;
        loop {
            let lost = lost_commits(&*old, &*current, conflict, from, PAGE).await?;
            let Some(last) = lost.last() else { break };
            from = last.position.next();
            for commit in &lost {
                let keys: Vec<_> = commit
                    .body
                    .keys
                    .iter()
                    .map(|key| format!("{}/{:?}/{}", key.source, key.kind, key.id))
                    .collect();
                let (sent_again, all) = (commit.sent_again, keys.len());
                let keys = keys.join(" ");
                println!("  {} {keys}: {sent_again} of {all} sent again", commit.body.partition);
            }
        }
    }
    current.close().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Primary { home, standby, asynchronous, bets, give_up } => {
            primary(&home, standby, asynchronous, (bets, give_up)).await
        }
        Command::Standby { home, listen } => {
            let served = Served::new(Home::new(&home)?).await?;
            let listener = TcpListener::bind(&listen).await.with_context(|| listen.clone())?;
            println!("listening at {}", listener.local_addr()?);
            served.serve(listener).await
        }
        Command::Promote { home } => {
            let promotion = Home::new(&home)?.standby(None).await?.promote().await?;
            let commits: u64 = promotion.heads.iter().map(|head| head.position.0).sum();
            println!("promoted: epoch {}, {commits} commits", promotion.epoch);
            Ok(())
        }
        Command::Rejoin { home } => {
            let home = Home::new(&home)?;
            Standby::rejoin(home.open().await?, home.fence())?;
            println!("it is a standby now");
            Ok(())
        }
        Command::Backup { from, to } => {
            let source = LogStore::open_read_only(&Home::new(&from)?.log(), &LogOptions::default())?;
            let target = Home::new(&to)?.open_or_create(Some(*source.identity())).await?;
            let copied = copy(&source, &*target, &mut show).await?;
            target.close().await?;
            println!("the backup has {} commits more", copied.commits);
            Ok(())
        }
        Command::BringBack { old, home } => bring_all_back(&old, &home).await,
        Command::Verify { home } => {
            let store = LogStore::open(&Home::new(&home)?.log(), LogOptions::default())?;
            let verified = verify(&store).await?;
            println!("verified: {} commits", verified.commits);
            Ok(())
        }
    }
}
