//! System calls, as strace counts them: of a long game less those of a short one.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::play::{HALF_NAMES, Level};

/// Cycles of the short and of the long game.
const CYCLES: [usize; 2] = [1, 3];
/// Below this many a command a system call is not worth a line.
const SHOWN_MIN: f64 = 0.000_5;

/// Prints the system calls a command.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn report(level: Level) -> Result<()> {
    let probe = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("\nsystem calls: strace is not installed");
        return Ok(());
    }
    let [short, long] = [count(level, CYCLES[0])?, count(level, CYCLES[1])?];
    let commands = ((CYCLES[1] - CYCLES[0]) * HALF_NAMES.len() * level.players) as f64;
    let mut shown: Vec<(f64, String)> = long
        .into_iter()
        .map(|(name, calls)| {
            let more = calls.saturating_sub(short.get(&name).copied().unwrap_or(0));
            (more as f64 / commands, name)
        })
        .filter(|(calls, _)| *calls >= SHOWN_MIN)
        .collect();
    shown.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!(
        "\nsystem calls a command, callers and background included (strace slows the threads, which changes batches):"
    );
    for (calls, name) in shown {
        println!("- {name}: {calls:.3}");
    }
    Ok(())
}

fn count(level: Level, cycles: usize) -> Result<BTreeMap<String, u64>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("calls");
    let status = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name", "-o"])
        .arg(&out)
        .arg(std::env::current_exe()?)
        .args(["--plain", &level.in_flight.to_string(), "--cycles", &cycles.to_string()])
        .status()
        .context("strace")?;
    ensure!(status.success(), "strace ended with {status}");
    Ok(parse(&fs::read_to_string(&out)?))
}

/// Reads lines of a count and a name; others are the table's frame.
fn parse(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let calls = words.next()?.parse().ok()?;
        let name = words.next()?;
        (name != "total").then(|| (name.to_owned(), calls))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_strace_is_read() {
        let text = "    calls syscall\n--------- ----------------\n       12 fdatasync\n      300 futex\n--------- ----------------\n      312 total\n";
        let expected = [("fdatasync".to_owned(), 12), ("futex".to_owned(), 300)];
        assert_eq!(parse(text), BTreeMap::from(expected));
    }
}
