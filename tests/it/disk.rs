//! A disk that is full: what was acknowledged stays, everything else is told as it is, and a larger disk goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use casino_ledger::ExecuteError;
use casino_ledger::store::ShardCount;

use crate::places::Place;
use crate::support::{bet, cash, deposit, funded, identity, on, settings, soon, text, verified};

const CHILD: &str = "CASINO_LEDGER_DISK";

/// The child: its files cannot grow beyond a limit. Plays until that is met, and a little longer. Does nothing
/// unless it is asked to.
#[test]
fn child_fills_its_disk() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let place: Place = place.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = on(place.open(identity(ShardCount::DEFAULT)).await, settings()).await;
        let p = funded(&ledger, "p", "1000000.00").await;
        let mut out = std::io::stdout();
        let mut failed = 0;
        for number in 0..200_000 {
            let id = format!("t{number}");
            match soon(ledger.execute(&p, bet(&id, &id, "1.00"))).await {
                Ok(_) => {
                    assert_eq!(failed, 0, "after a failed write nothing is acknowledged any more");
                    writeln!(out, "acknowledged {number}").unwrap();
                }
                Err(
                    ExecuteError::Unavailable { .. }
                    | ExecuteError::Indeterminate { .. }
                    | ExecuteError::Store(_),
                ) => failed += 1,
                Err(error) => panic!("{error:?}"),
            }
            if failed == 20 {
                break;
            }
        }
        assert_eq!(failed, 20, "the disk never was full");
        // A write that failed is told when it is closed, or it closes; it does not hang.
        drop(soon(ledger.close()).await);
        writeln!(out, "failed as it should").unwrap();
    });
}

/// Runs the child, and once it plays sets a limit to the size of its files.
fn fill(place: &Place, bytes: u32) -> (u64, bool) {
    // With the signal ignored, a write beyond the limit fails as on a full disk.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "disk::child_fills_its_disk", "--nocapture", "--test-threads=1"])
        .env(CHILD, place.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut acknowledged, mut ended) = (0, false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some((_, number)) = line.split_once("acknowledged ") {
            acknowledged = number.parse::<u64>().unwrap() + 1;
            if acknowledged == 30 {
                let limit = format!("--fsize={bytes}:{bytes}");
                let set = Command::new("prlimit").args(["--pid", &child.id().to_string(), &limit]).status();
                assert!(set.expect("the prlimit command").success());
            }
        }
        ended |= line.contains("failed as it should");
    }
    (acknowledged, ended && child.wait().unwrap().success())
}

async fn full(place: &Place, bytes: u32) {
    let (acknowledged, ended) = fill(place, bytes);
    assert!(ended, "the child found something else than a full disk");
    assert!(acknowledged > 20, "only {acknowledged} acknowledgements");
    // On a larger disk everything that was acknowledged is there, and it goes on.
    let store = place.open(identity(ShardCount::DEFAULT)).await;
    verified(store.as_ref()).await;
    let ledger = on(store, settings()).await;
    let p = crate::support::player("p");
    for number in 0..acknowledged {
        let id = format!("t{number}");
        let answer = soon(ledger.execute(&p, bet(&id, &id, "1.00"))).await;
        assert_eq!(text(&answer), "replayed:applied", "{number}");
    }
    assert_eq!(text(&soon(ledger.execute(&p, deposit("more", "1.00"))).await), "applied");
    let left: rust_decimal::Decimal = cash(&ledger, &p).await.parse().unwrap();
    let due = rust_decimal::Decimal::from(1_000_001 - acknowledged);
    // The write that met the limit may have landed; its caller was not told that it did not.
    assert!(left == due || left == due - rust_decimal::Decimal::ONE, "{left}, {due}");
    soon(ledger.close()).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_the_log_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    // The segments have 1 MiB; the next cannot be made whole.
    full(&Place::Log(dir.path().join("ledger")), 600_000).await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_sqlite_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    full(&Place::Sqlite(dir.path().join("ledger.db")), 600_000).await;
}
