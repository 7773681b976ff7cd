//! `cargo run --release -p reference-server`: see the README beside it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use reference_server::telemetry::Telemetry;
use reference_server::{Config, Server, demo, metrics, policy};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// A casino's money behind HTTP.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration. Without one the demo casino is served, to this machine alone.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the ledger is kept: `log`, `sqlite`, or `postgres://user@host/database`.
    #[arg(long)]
    store: Option<String>,
    /// The folder of the log or file, and of the views.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen, `address:port`.
    #[arg(long)]
    listen: Option<String>,
    /// Checks the configuration and ends.
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let is_demo = arguments.config.is_none();
    let base = if is_demo { demo::config() } else { Config::default() };
    let mut config = Config::read(&base, arguments.config.as_deref())?;
    config.store = arguments.store.unwrap_or(config.store);
    config.data = arguments.data.unwrap_or(config.data);
    config.listen = arguments.listen.unwrap_or(config.listen);
    let log_json = config.log_json;
    let checked = config.check()?;
    anyhow::ensure!(
        !is_demo || checked.listen.ip().is_loopback(),
        "the demo's keys are known to everyone, so it listens to this machine alone: name 127.0.0.1, or a --config"
    );
    if arguments.check {
        // The policy stands in a file of its own.
        policy::of(&checked)?;
        println!("the configuration is good");
        return Ok(());
    }
    let telemetry = checked.otlp.as_deref().map(Telemetry::start).transpose()?;
    log(log_json, telemetry.as_ref());
    let limit = checked.config.shutdown_ms;
    metrics::install();
    let server = Server::start(checked).await?;
    println!("listening at {}", server.base());
    if is_demo {
        print!("{}", demo::welcome(&server.base()));
    }
    told_to_stop().await;
    println!("stopping");
    let stopped = server.stop().await;
    if let Some(telemetry) = telemetry {
        telemetry.stop(Duration::from_millis(limit)).await;
    }
    stopped
}

fn log(json: bool, telemetry: Option<&Telemetry>) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        lines.json().with_filter(LevelFilter::INFO).boxed()
    } else {
        lines.with_filter(LevelFilter::WARN).boxed()
    };
    tracing_subscriber::registry().with(lines).with(telemetry.map(Telemetry::layer)).init();
}

/// Waits for an interrupt, or for SIGTERM where there is such a thing.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
