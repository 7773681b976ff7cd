//! Plays bets on a ledger and publishes its events to NATS `JetStream` meanwhile, until all are published.
//!
//! `cargo run -p casino-ledger-nats -- --nats nats://127.0.0.1:4222`, with a server that was started as
//! `nats-server -js`. It may be killed at any moment and started again with the same folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use casino_ledger::core::{PlayerCommand, PlayerId};
use casino_ledger::projections::{
    Checkpoint, CheckpointStore as _, Feed, FileCheckpoints, PublishSettings, SubscriptionSettings, publish,
    saved_or,
};
use casino_ledger::{Ledger, Request, Settings};
use casino_ledger_nats::NatsSink;
use clap::Parser;

/// The name under which the publisher keeps where it stands.
const PUBLISHER: &str = "nats";
/// How many commands are sent together.
const TOGETHER: usize = 64;
/// How often it says how far it is.
const PACE: Duration = Duration::from_millis(20);

/// Plays bets on a ledger and publishes its events to NATS `JetStream`.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
    /// The stream; its subjects begin with the same name in small letters.
    #[arg(long, default_value = "CASINO")]
    stream: String,
    /// The folder of the ledger and of the publisher's checkpoint. Without it a temporary one is used.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// How many bets are played.
    #[arg(long, default_value_t = 500)]
    bets: usize,
}

/// Sends requests, so many at once.
async fn send(ledger: &Ledger, mut requests: Vec<Request>) -> anyhow::Result<()> {
    while !requests.is_empty() {
        let later = requests.split_off(requests.len().min(TOGETHER));
        for answer in ledger.execute_all(std::mem::replace(&mut requests, later)).await {
            answer?;
        }
    }
    Ok(())
}

/// Bets of ten players. They have the same keys each time, so those that are there are answered again.
async fn play(ledger: &Ledger, bets: usize) -> anyhow::Result<()> {
    let request = |player: usize, command: String| -> anyhow::Result<Request> {
        let command: PlayerCommand = serde_json::from_str(&command)?;
        Ok(Request::new(PlayerId::new(format!("player-{player}"))?, command))
    };
    let (mut cashier, mut rounds) = (Vec::new(), Vec::new());
    for player in 0..10 {
        let open = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
        let deposit =
            r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100000.00","currency":"EUR"}"#;
        cashier.push(request(player, open.to_owned())?);
        cashier.push(request(player, deposit.to_owned())?);
    }
    for bet in 0..bets {
        let place = format!(
            r#"{{"command":"place_bet","source":"prov","id":"b{bet}","round":"r{bet}","game":"crash","amount":"1.00","currency":"EUR"}}"#
        );
        let settle = format!(
            r#"{{"command":"settle","source":"prov","id":"w{bet}","round":"r{bet}","amount":"0.95","currency":"EUR","finality":"round"}}"#
        );
        rounds.push(request(bet % 10, place)?);
        rounds.push(request(bet % 10, settle)?);
    }
    // Bets do not wait for the cashier's lane, so they are sent when that is done.
    send(ledger, cashier).await?;
    send(ledger, rounds).await
}

/// Waits until everything the ledger has is published, and says how far it is.
async fn all_published(ledger: &Ledger, checkpoints: &FileCheckpoints) -> anyhow::Result<()> {
    let heads = Checkpoint::from_heads(ledger.store().identity(), ledger.heads().await?)?;
    loop {
        let saved = checkpoints.load(PUBLISHER).await?;
        println!("published {}", saved.as_ref().map_or(0, Checkpoint::commits));
        if saved.is_some_and(|saved| saved.is_at_least(&heads)) {
            return Ok(());
        }
        // The checkpoint is in a file or a table: it is looked at as an operator would.
        tokio::time::sleep(PACE).await;
    }
}

async fn run(arguments: &Arguments, folder: &Path) -> anyhow::Result<()> {
    let ledger = Ledger::open(folder.join("ledger"), Settings::new()?).await?;
    let client = async_nats::connect(&arguments.nats).await.context("no server of NATS answers")?;
    let feed = Feed::new(ledger.store());
    let mut sink = NatsSink::open(client, &arguments.stream, feed.identity().ledger).await?;
    let counts = sink.published();

    let checkpoints = FileCheckpoints::new(folder.join("checkpoints"))?;
    let from = saved_or(&checkpoints, PUBLISHER, Checkpoint::start(feed.identity())).await?;
    let subscription = feed.subscribe(from, SubscriptionSettings::default())?;
    let settings = PublishSettings::default();
    let publishing = publish(subscription, &checkpoints, PUBLISHER, &mut sink, &settings);
    let playing = async {
        play(&ledger, arguments.bets).await?;
        all_published(&ledger, &checkpoints).await
    };
    tokio::select! {
        ended = publishing => ended?,
        played = playing => played?,
    }
    let (new, known) = (counts.new.load(Ordering::Relaxed), counts.known.load(Ordering::Relaxed));
    println!("done: {new} events published, {known} were there already");
    ledger.close().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match &arguments.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            run(&arguments, folder).await
        }
        None => {
            let folder = std::env::temp_dir().join(format!("casino-ledger-nats-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            run(&arguments, &folder).await
        }
    }
}
