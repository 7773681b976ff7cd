//! How much the server takes on one machine: bets and settlements over loopback, at several numbers of connections.
//!
//! `cargo run --release -p reference-server --example load`, or with `-- --store postgres://...`. Server and callers share
//! the machine's processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::http::StatusCode;
use clap::Parser;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reference_server::{Config, Server, demo};
use serde_json::json;

/// Measures the reference server.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, default_value = "log")]
    store: String,
    /// The schema, in PostgreSQL.
    #[arg(long, default_value = "casino_load")]
    schema: String,
    /// The numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256])]
    connections: Vec<usize>,
    /// How long each is measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

type Http = Client<HttpConnector, Full<axum::body::Bytes>>;

async fn post(http: &Http, base: &str, key: &str, path: &str, body: String) -> anyhow::Result<StatusCode> {
    let request = axum::http::Request::post(format!("{base}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::new(body.into()))?;
    let response = http.request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

/// Plays on one connection until told to stop, other rounds in each turn; microseconds of every call.
async fn play(
    base: String,
    player: String,
    turn: usize,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Histogram<u64>> {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut took = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let mut round = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let bet = json!({"requestId": format!("b{turn}-{round}"), "playerId": player, "roundId": format!("r{turn}-{round}"),
            "gameId": "hmac:crash", "stake": {"amount": "1.00", "currency": "EUR"}});
        let win = json!({"requestId": format!("w{turn}-{round}"), "playerId": player, "roundId": format!("r{turn}-{round}"),
            "payout": {"amount": "1.00", "currency": "EUR"}});
        for (path, body) in [("/bets/place", bet), ("/rounds/settle", win)] {
            let begun = Instant::now();
            let status = post(&http, &base, demo::PROVIDER_KEY, path, body.to_string()).await?;
            ensure!(status == StatusCode::OK, "{path}: {status}");
            took.saturating_record(u64::try_from(begun.elapsed().as_micros())?);
        }
    }
    Ok(took)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let config = Config {
        demo: false,
        listen: "127.0.0.1:0".to_owned(),
        data: folder.path().to_owned(),
        store: arguments.store.clone(),
        schema: arguments.schema.clone(),
        ..demo::config()
    };
    let server = Server::start(config.check()?).await?;
    let base = format!("http://{}", server.address);
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let most = arguments.connections.iter().copied().max().context("no connections")?;
    let run = std::process::id();
    let player = |i: usize| format!("load-{run}-{i}");
    for i in 0..most {
        let open = json!({"playerId": player(i), "brand": "lucky"});
        let status = post(&http, &base, demo::CASHIER_KEY, "/players", open.to_string()).await?;
        ensure!(status == StatusCode::CREATED, "opening: {status}");
        let money = json!({"amount": "100000.00", "currency": "EUR"});
        let deposit = json!({"requestId": "d", "playerId": player(i), "amount": money});
        let status = post(&http, &base, demo::CASHIER_KEY, "/deposits", deposit.to_string()).await?;
        ensure!(status == StatusCode::OK, "deposit: {status}");
    }
    println!("| connections | calls a second | median | 99 of 100 | longest |");
    println!("|---|---|---|---|---|");
    for (turn, connections) in arguments.connections.iter().copied().enumerate() {
        let stop = Arc::new(AtomicBool::new(false));
        let begun = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|i| tokio::spawn(play(base.clone(), player(i), turn, Arc::clone(&stop))))
            .collect();
        // It measures what is done in so long: nothing is waited for.
        tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
        stop.store(true, Ordering::Relaxed);
        let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        for task in tasks {
            all.add(task.await??)?;
        }
        let rate = u128::from(all.len()) * 1_000 / begun.elapsed().as_millis().max(1);
        let millis = |micros: u64| format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100);
        println!(
            "| {connections} | {rate} | {} | {} | {} |",
            millis(all.value_at_quantile(0.5)),
            millis(all.value_at_quantile(0.99)),
            millis(all.max())
        );
    }
    server.stop().await
}
