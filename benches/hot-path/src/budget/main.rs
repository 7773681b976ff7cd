//! The budget of the hot path: what a bet and its settlement cost at every station. `cargo xtask bench budget`.
//!
//! Bets are placed by all players, then all are settled, again and again, once with one operation under way and
//! once with many. The engine marks its stations (feature `stations`), a file layer tells the write and the sync apart, an
//! allocator counts. Times are medians of calls without what is nested in them, less what measuring adds; where a
//! station serves a whole batch, its share of it.

mod allocator;
mod files;
mod meter;
mod play;
mod threads;
mod traced;
mod views;

#[path = "../../../support/mod.rs"]
#[allow(dead_code, missing_docs, reason = "shared by several benches")]
mod support;

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use casino_ledger::stations::{self, Station};

use allocator::Counting;
use meter::{Meter, PLACES, Place};
use play::{Game, HALF_NAMES, Level};

#[global_allocator]
static ALLOCATOR: Counting = Counting(mimalloc::MiMalloc);

/// How often all players place and settle, unless told otherwise.
const CYCLES: usize = 10;
/// How many stations the writer marks for each command by itself.
const MARKS_OF_WRITER: u64 = 7;
/// Cycles before anything is counted.
const CYCLES_BEFORE: usize = 2;

struct Arguments {
    cycles: usize,
    is_traced: bool,
    /// Only plays, for a tracer to look on: so many cycles at this level.
    plain: Option<Level>,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments> {
    let mut found = Arguments { cycles: CYCLES, is_traced: true, plain: None };
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<usize> {
            let text = rest.next().with_context(|| format!("{argument} wants a number"))?;
            let number = text.parse().with_context(|| format!("{argument} {text}"))?;
            ensure!(number > 0, "{argument} wants a number above zero");
            Ok(number)
        };
        match argument.as_str() {
            "--cycles" => found.cycles = number()?,
            "--no-strace" => found.is_traced = false,
            "--plain" => {
                let in_flight = number()?;
                let level = Level::ALL.into_iter().find(|level| level.in_flight == in_flight);
                found.plain = Some(level.with_context(|| format!("--plain {in_flight}: no such level"))?);
            }
            other => bail!("{other} is no option: there are --cycles N and --no-strace"),
        }
    }
    Ok(found)
}

fn run(arguments: &Arguments) -> Result<()> {
    if let Some(level) = arguments.plain {
        let game = Game::set_up(level)?;
        (0..arguments.cycles).try_for_each(|_| (0..HALF_NAMES.len()).try_for_each(|half| game.play(half)))?;
        return game.close();
    }
    meter::calibrate();
    let (within, around) = meter::added();
    println!("measuring adds {within} ns to a station and {around} ns to the one around it; left out below");
    stations::observe(&Meter);
    for level in Level::ALL {
        measure(level, arguments.cycles)?;
        if arguments.is_traced {
            traced::report(level)?;
        }
    }
    println!("\nmoved from thread to thread, bytes:");
    for (what, bytes) in stations::sizes() {
        println!("- {what}: {bytes}");
    }
    Ok(())
}

fn measure(level: Level, cycles: usize) -> Result<()> {
    let game = Game::set_up(level)?;
    for _ in 0..CYCLES_BEFORE {
        (0..HALF_NAMES.len()).try_for_each(|half| game.play(half))?;
    }
    drop(meter::take());
    let mut threads = [threads::Spent::default(), threads::Spent::default()];
    let mut written = [0; 2];
    for _ in 0..cycles {
        for half in 0..HALF_NAMES.len() {
            meter::play_half(half);
            let (before, bytes) = (threads::Spent::now(), files::bytes_written());
            game.play(half)?;
            threads[half].add(&threads::Spent::now().since(&before));
            written[half] += files::bytes_written() - bytes;
        }
    }
    let mut table = meter::take();
    let commands = u64::try_from(cycles * level.players)?;
    println!("\n## {} in flight: {commands} commands of each kind\n", level.in_flight);
    println!(
        "| station | thread | place ns | settle ns | place allocations (bytes) | settle allocations (bytes) | calls a command |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut sums = [0.0; 2];
    for place in Place::all() {
        row(place, &mut table, commands, &mut sums);
    }
    println!("| sum | | {:.0} | {:.0} | | | |", sums[0], sums[1]);
    let (within, around) = meter::added();
    println!(
        "\nprocessor time of threads, ns a command (place / settle); of the writer's some {} are the measuring itself:",
        (within + around) * MARKS_OF_WRITER
    );
    for name in threads[0].names() {
        let [place, settle] = [0, 1].map(|half: usize| threads[half].of(&name) / commands);
        if place + settle > 0 {
            println!("- {name}: {place} / {settle}");
        }
    }
    let [place, settle] = written.map(|bytes| bytes / commands);
    let commits = game.end()?;
    println!(
        "\nbytes a command (place / settle): body {} / {}, written to the log {place} / {settle}",
        commits.body_bytes[0], commits.body_bytes[1]
    );
    println!(
        "copied on the way: the body from the buffer of encoding into the commit, from there into the frame, the frame \
         into the operating system: {} / {} bytes",
        2 * commits.body_bytes[0] + place,
        2 * commits.body_bytes[1] + settle
    );
    if level.in_flight > 1 {
        views::report(&commits)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn row(place: Place, table: &mut meter::Table, commands: u64, sums: &mut [f64; 2]) {
    let mut shown = Vec::new();
    let mut calls_of = Vec::new();
    for half in 0..HALF_NAMES.len() {
        let found = &mut table[half * PLACES + place.index()];
        // A batch station's call is shared by the commands of the batch.
        let calls = found.nanos.len() as f64 / commands as f64;
        let nanos = found.median() as f64 * calls;
        sums[half] += nanos;
        let allocations = found.allocations.times as f64 / commands as f64;
        let bytes = found.allocations.bytes as f64 / commands as f64;
        shown.push((nanos, allocations, bytes));
        calls_of.push(calls);
    }
    let [(place_ns, place_times, place_bytes), (settle_ns, settle_times, settle_bytes)] = shown[..] else {
        return;
    };
    println!(
        "| {} | {} | {place_ns:.0} | {settle_ns:.0} | {place_times:.1} ({place_bytes:.0}) | {settle_times:.1} ({settle_bytes:.0}) | {:.3} |",
        name(place),
        thread(place),
        f64::midpoint(calls_of[0], calls_of[1])
    );
}

fn name(place: Place) -> &'static str {
    match place {
        Place::Write => "write into the operating system",
        Place::Sync => "sync",
        Place::Publish => "index, and showing it to readers",
        Place::Engine(station) => match station {
            Station::Prepare => "prepare: key, fingerprint, digests",
            Station::Push => "into the inbox",
            Station::Take => "taken from the inbox",
            Station::KeyCheck => "key check in the index",
            Station::Player => "player look-up, overlay",
            Station::Decide => "decide",
            Station::Fold => "fold",
            Station::Commit => "body, receipt, cache",
            Station::Seal => "seal into the batch",
            Station::Encode => "encode",
            Station::Hash => "hash",
            Station::Dispatch => "dispatch of the batch",
            Station::Append => "append: checks, frame, checksums",
            Station::Answer => "answer",
            Station::Finish => "note of the batch",
            _ => "other",
        },
    }
}

fn thread(place: Place) -> &'static str {
    match place {
        Place::Engine(Station::Prepare | Station::Push) => "caller",
        Place::Engine(Station::Append | Station::Answer) | Place::Write | Place::Sync | Place::Publish => {
            "write"
        }
        Place::Engine(_) => "writer",
    }
}
