//! A real process that runs the engine at full speed is killed; what it acknowledged must be there, once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casino_ledger::Ledger;
use casino_ledger::core::{Finality, PlayerCommand, PlayerId};
use casino_ledger::store::ShardCount;

use crate::places::{Place, fresh_schema};
use crate::support::{
    bet, code, deposit, identity, in_play, on, open, player, rollback, settings, soon, verified, win,
};

const CHILD: &str = "CASINO_LEDGER_KILL_PLACE";
const PLAYERS: usize = 16;

/// The command of a player that a number stands for.
fn command(number: u64) -> PlayerCommand {
    let (id, before) = (number.to_string(), (number.saturating_sub(1)).to_string());
    match number % 4 {
        0 => deposit(&id, "5.00"),
        1 => bet(&id, &id, "1.00"),
        2 if number % 8 == 2 => win(&id, &before, "1.50", Finality::Round),
        2 => rollback(&id, &before),
        _ => bet(&id, "long", "0.01"),
    }
}

fn named(number: usize) -> PlayerId {
    player(&format!("p{number}"))
}

/// The child: sends for ever, and says what was acknowledged. Does nothing unless it is asked to.
#[test]
fn child_plays_until_it_is_killed() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let place: Place = place.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = opened(&place).await;
        let out = Arc::new(Mutex::new(std::io::stdout()));
        let mut tasks = Vec::new();
        for number in 0..PLAYERS {
            let (ledger, out, p) = (ledger.clone(), Arc::clone(&out), named(number));
            tasks.push(tokio::spawn(async move {
                ledger.execute(&p, open()).await.unwrap();
                // Those of the rounds before are replayed until the new ones begin.
                for from in (0_u64..).step_by(4) {
                    let requests = (from..from + 4).map(|n| in_play(&p, command(n))).collect();
                    let answers = ledger.execute_all(requests).await;
                    let mut lines = String::new();
                    for (n, answer) in (from..).zip(answers) {
                        let receipt = answer.unwrap();
                        let (position, hash) = (receipt.position, receipt.hash);
                        writeln!(lines, "acknowledged {number} {n} {position} {hash}").unwrap();
                    }
                    let mut out = out.lock().unwrap();
                    out.write_all(lines.as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn opened(place: &Place) -> Ledger {
    on(place.open(identity(ShardCount::DEFAULT)).await, settings()).await
}

/// How often a process is killed; `LEDGER_KILLS` says otherwise.
fn kills() -> u64 {
    std::env::var("LEDGER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Player, number, position and hash.
fn parsed(line: &str) -> Option<((usize, u64), (u64, String))> {
    let (_, said) = line.split_once("acknowledged ")?;
    let mut parts = said.split(' ');
    let key = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let place = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
    (place.1.len() == 64).then_some((key, place))
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(&Place::Log(dir.path().join("ledger"))).await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(&Place::Sqlite(dir.path().join("ledger.db"))).await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_in_postgres() {
    killed_again_and_again(&fresh_schema()).await;
}

async fn killed_again_and_again(place: &Place) {
    let mut acknowledged: HashMap<(usize, u64), (u64, String)> = HashMap::new();
    for round in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_plays_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, place.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let fresh = acknowledged.len();
        let mut until = None;
        let patience = Duration::from_millis(30 + round % 8 * 41 + u64::from(std::process::id()) % 31);
        let mut take = |line: &str| {
            let Some((key, place)) = parsed(line) else { return 0 };
            let before = acknowledged.insert(key, place.clone());
            assert!(before.is_none_or(|before| before == place), "round {round}: {key:?} moved");
            acknowledged.len()
        };
        for line in lines.by_ref() {
            // The time runs from the first acknowledgement that is not a replay.
            if take(&line.unwrap()) > fresh
                && *until.get_or_insert_with(|| Instant::now() + patience) < Instant::now()
            {
                break;
            }
        }
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            take(&line);
        }
        child.wait().unwrap();

        let ledger = soon(opened(place)).await;
        let heads = ledger.heads().await.unwrap();
        for number in 0..PLAYERS {
            let p = named(number);
            let mut mine: Vec<_> = acknowledged.iter().filter(|((n, _), _)| *n == number).collect();
            mine.sort_unstable();
            let requests = mine.iter().map(|((_, n), _)| in_play(&p, command(*n))).collect();
            let answers = soon(ledger.execute_all(requests)).await;
            for ((key, (position, hash)), answer) in mine.into_iter().zip(answers) {
                let receipt = answer.unwrap_or_else(|error| panic!("round {round}: {key:?}: {error}"));
                assert!(receipt.replayed, "round {round}: {key:?} was acknowledged and is gone");
                assert_eq!((receipt.position.0, receipt.hash.to_string()), (*position, hash.clone()));
            }
        }
        // What the killed process had sent to a server may land after it.
        if ledger.store().is_exclusive() {
            assert_eq!(ledger.heads().await.unwrap(), heads, "replays record nothing");
        }
        // Of somebody who came so far: another may not even be opened yet.
        let known = (0..PLAYERS).find(|number| acknowledged.contains_key(&(*number, 0)));
        let known = named(known.expect("the first of somebody was acknowledged"));
        assert_eq!(code(&ledger.execute(&known, deposit("0", "6.00")).await), "key_reused");
        verified(ledger.store().as_ref()).await;
        soon(ledger.close()).await.unwrap();
    }
    assert!(acknowledged.len() > 300, "only {} acknowledgements", acknowledged.len());
}
