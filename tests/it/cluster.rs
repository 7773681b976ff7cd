//! Several processes on one ledger in PostgreSQL, commands routed at random, no lease: what they answer must be
//! explained by one order of everything, which keeps the order in time (linearizable), player by player.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use casino_ledger::core::testing::Model;
use casino_ledger::core::{CurrencyRegistry, Finality, PlayerCommand, PlayerId, Policy};
use casino_ledger::store::{EventStore, ShardCount};
use casino_ledger::{ExecuteError, Ledger};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::places::{Place, fresh_schema};
use crate::support::{
    bet, deposit, eur, identity, in_play, on, open, player, rollback, settings, soon, text, verified, win,
};

const CHILD: &str = "CASINO_LEDGER_CLUSTER";
const PLAYERS: usize = 6;
const COMMANDS: usize = 60;

/// One thing that was asked and answered.
#[derive(Debug, Clone)]
struct Observed {
    player: usize,
    /// The number of the command, `None` for a reading.
    number: Option<usize>,
    asked: u128,
    answered: u128,
    text: String,
    position: u64,
    hash: String,
    balance: String,
}

fn named(number: usize) -> PlayerId {
    player(&format!("p{number}"))
}

/// The command of a player that a number stands for; all draw on one purse that is often empty.
fn command(number: usize) -> PlayerCommand {
    let (id, before) = (format!("c{number}"), format!("c{}", number.saturating_sub(1)));
    match number {
        0 => open(),
        number if number % 7 == 1 => deposit(&id, "3.00"),
        number if number % 7 == 4 => win(&id, &before, "1.00", Finality::Round),
        number if number % 7 == 6 => rollback(&id, &before),
        _ => bet(&id, &id, "1.00"),
    }
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// Sends a player's commands, in an order of its own, some twice, with readings between.
async fn play(ledger: Ledger, process: u64, of: usize) -> Vec<Observed> {
    let tasks = (0..PLAYERS).map(|number| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let p = named(number);
            let mut dice = ChaCha8Rng::seed_from_u64(process * 1_000 + number as u64);
            let mut seen = Vec::new();
            let mut plan: Vec<usize> = Vec::new();
            for at in 0..COMMANDS {
                // Each is sent by one process for certain, and by every other perhaps.
                let sure = (at + number) % of == usize::try_from(process).unwrap();
                if at == 0 || sure || dice.next_u32() % 4 == 0 {
                    plan.push(at);
                }
            }
            // Neighbours change places now and then: a win before its bet, a rollback before what it undoes.
            for at in 2..plan.len() {
                if dice.next_u32() % 5 == 0 {
                    plan.swap(at - 1, at);
                }
            }
            for at in plan {
                seen.push(observe(&ledger, &p, number, Some(at)).await);
                if dice.next_u32() % 3 == 0 {
                    seen.push(observe(&ledger, &p, number, None).await);
                }
            }
            seen
        })
    });
    let mut all = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        all.extend(task.await.unwrap());
    }
    all
}

async fn observe(ledger: &Ledger, p: &PlayerId, player: usize, number: Option<usize>) -> Observed {
    let asked = now();
    loop {
        let (text, position, hash, balance) = match number {
            None => match ledger.player(p).await {
                Ok(reading) => {
                    let balance = reading.balances().first().map(|balance| balance.available().to_string());
                    ("read".to_owned(), reading.position.0, String::new(), balance.unwrap_or_default())
                }
                Err(error) if error.is_retryable() => continue,
                Err(error) => panic!("{error}"),
            },
            Some(at) => {
                let answer = ledger.request(in_play(p, command(at))).await;
                match &answer {
                    Err(error) if error.is_retryable() => continue,
                    // Another process opens him.
                    Err(ExecuteError::Rejected(refusal)) if refusal.rejection.code() == "player_unknown" => {
                        continue;
                    }
                    Err(ExecuteError::Rejected(refusal)) => {
                        let position = refusal.recorded.map_or(0, |(_, position)| position.0);
                        (text(&answer), position, String::new(), String::new())
                    }
                    Ok(receipt) => {
                        let balance = receipt.balance(eur()).map(|b| b.available().to_string());
                        (
                            text(&answer),
                            receipt.position.0,
                            receipt.hash.to_string(),
                            balance.unwrap_or_default(),
                        )
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        return Observed { player, number, asked, answered: now(), text, position, hash, balance };
    }
}

/// The child: one process of several. Does nothing unless it is asked to.
#[test]
fn child_plays_with_others() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (process, rest) = told.split_once(' ').unwrap();
    let (of, place) = rest.split_once(' ').unwrap();
    let (process, of, place): (u64, usize, Place) =
        (process.parse().unwrap(), of.parse().unwrap(), place.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seen = runtime.block_on(async {
        let ledger = on(place.open(identity(ShardCount::new(2).unwrap())).await, settings()).await;
        let seen = play(ledger.clone(), process, of).await;
        soon(ledger.close()).await.unwrap();
        seen
    });
    let mut lines = String::new();
    for Observed { player, number, asked, answered, text, position, hash, balance } in seen {
        let number = number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        writeln!(
            lines,
            "observed\t{player}\t{number}\t{asked}\t{answered}\t{text}\t{position}\t{hash}\t{balance}"
        )
        .unwrap();
    }
    std::io::stdout().write_all(lines.as_bytes()).unwrap();
}

fn parsed(line: &str) -> Option<Observed> {
    let (_, said) = line.split_once("observed\t")?;
    let parts: Vec<_> = said.split('\t').collect();
    let [player, number, asked, answered, text, position, hash, balance] = parts[..] else { return None };
    Some(Observed {
        player: player.parse().ok()?,
        number: number.parse().ok(),
        asked: asked.parse().ok()?,
        answered: answered.parse().ok()?,
        text: text.to_owned(),
        position: position.parse().ok()?,
        hash: hash.to_owned(),
        balance: balance.to_owned(),
    })
}

/// Why what was observed of one player has no explanation.
fn explain(mut seen: Vec<Observed>) -> Result<String, String> {
    let is_fresh = |o: &&Observed| o.number.is_some() && !o.text.starts_with("replayed:") && o.position > 0;
    let mut fresh: Vec<Observed> = seen.iter().filter(is_fresh).cloned().collect();
    fresh.sort_by_key(|observed| observed.position);
    // Everything that was recorded, in the order of the log, is what the model says of that order.
    let registry = CurrencyRegistry::standard();
    let mut known = CurrencyRegistry::default();
    known.insert(*registry.get(eur()).unwrap());
    let mut model = Model::new(named(fresh[0].player).as_str(), Policy::default(), known);
    let mut balances: Vec<(u64, String)> = Vec::new();
    let mut recorded: HashMap<usize, &Observed> = HashMap::new();
    for observed in &fresh {
        let Some(number) = observed.number else { continue };
        let due = model.execute(&command(number));
        if observed.text != due {
            return Err(format!("{observed:?}: the model says {due}"));
        }
        if !observed.balance.is_empty() {
            balances.push((observed.position, observed.balance.clone()));
        }
        // A refusal that consumes no key may be recorded again.
        if observed.text == "applied" && recorded.insert(number, observed).is_some() {
            return Err(format!("{observed:?}: applied twice"));
        }
    }
    for pair in fresh.windows(2) {
        if pair[0].position == pair[1].position {
            return Err(format!("two commits at one position: {pair:?}"));
        }
    }
    // The order in time: what was answered before something else was asked stands before it in the log.
    seen.retain(|observed| observed.position > 0);
    let mut by_answer = seen.clone();
    by_answer.sort_by_key(|observed| observed.answered);
    let mut by_question = seen;
    by_question.sort_by_key(|observed| observed.asked);
    let (mut newest, mut answers) = (0, by_answer.iter().peekable());
    for observed in &by_question {
        while let Some(earlier) = answers.next_if(|earlier| earlier.answered < observed.asked) {
            newest = newest.max(earlier.position);
        }
        match observed.number {
            // A reading is of the shard's position, and of the player's balance there.
            None => {
                if observed.position < newest {
                    return Err(format!("{observed:?}: position {newest} was answered before"));
                }
                let due = balances.iter().rev().find(|(position, _)| *position <= observed.position);
                if let Some((_, due)) = due
                    && *due != observed.balance
                {
                    return Err(format!("{observed:?}: the balance there is {due}"));
                }
            }
            Some(_) if is_fresh(&observed) && observed.position <= newest => {
                return Err(format!("{observed:?}: position {newest} was answered before it was asked"));
            }
            // A copy is told what stands.
            Some(number) if observed.text == "replayed:applied" => {
                if let Some(original) = recorded.get(&number)
                    && (original.position, &original.hash) != (observed.position, &observed.hash)
                {
                    return Err(format!("{observed:?}: another answer than {original:?}"));
                }
            }
            Some(_) => {}
        }
    }
    Ok(balances.last().map(|(_, balance)| balance.clone()).unwrap_or_default())
}

async fn check(seen: Vec<Observed>, store: &Arc<dyn EventStore>) {
    verified(store.as_ref()).await;
    let ledger = on(Arc::clone(store), settings()).await;
    for number in 0..PLAYERS {
        let mine: Vec<_> = seen.iter().filter(|observed| observed.player == number).cloned().collect();
        let numbers: std::collections::HashSet<_> =
            mine.iter().filter_map(|observed| observed.number).collect();
        assert_eq!(numbers.len(), COMMANDS, "every command was sent");
        let balance = explain(mine).unwrap_or_else(|why| panic!("player {number}: {why}"));
        // Exact to the cent, in a process that took no part.
        let reading = soon(ledger.player(&named(number))).await.unwrap();
        assert_eq!(reading.balances()[0].available().to_string(), balance);
    }
    soon(ledger.close()).await.unwrap();
}

fn spawn(process: usize, of: usize, place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::child_plays_with_others", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{process} {of} {place}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn processes(of: usize) {
    let place = fresh_schema();
    let id = identity(ShardCount::new(2).unwrap());
    let store = place.open(id).await;
    let children: Vec<_> = (0..of).map(|process| spawn(process, of, &place)).collect();
    let mut seen = Vec::new();
    for mut child in children {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        seen.extend(lines.map_while(Result::ok).filter_map(|line| parsed(&line)));
        assert!(child.wait().unwrap().success());
    }
    check(seen, &store).await;
}

#[tokio::test]
async fn two_processes_are_linearizable() {
    processes(2).await;
}

#[tokio::test]
async fn four_processes_are_linearizable() {
    processes(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_and_four_ledgers_of_one_process_are_linearizable() {
    for of in [2_usize, 4] {
        let place = fresh_schema();
        let id = identity(ShardCount::new(2).unwrap());
        let store = place.open(id).await;
        let mut tasks = Vec::new();
        for process in 0..of {
            let ledger = on(place.open(id).await, settings()).await;
            tasks.push(tokio::spawn(play(ledger, u64::try_from(process).unwrap(), of)));
        }
        let mut seen = Vec::new();
        for task in tasks {
            seen.extend(task.await.unwrap());
        }
        check(seen, &store).await;
    }
}

/// The checker is a program too: what cannot be explained is not.
#[test]
fn what_has_no_explanation_is_found() {
    let at = |asked, number: Option<usize>, text: &str, position, balance: &str| Observed {
        player: 0,
        number,
        asked,
        answered: asked + 5,
        text: text.to_owned(),
        position,
        hash: format!("{position}"),
        balance: balance.to_owned(),
    };
    let sound = vec![
        at(0, Some(0), "applied", 1, "0.00"),
        at(10, Some(1), "applied", 2, "3.00"),
        at(20, Some(2), "applied", 3, "2.00"),
        at(30, None, "read", 3, "2.00"),
        at(40, Some(2), "replayed:applied", 3, ""),
    ];
    assert_eq!(explain(sound.clone()).unwrap(), "2.00");
    let spoilt = |spoil: &dyn Fn(&mut Vec<Observed>)| {
        let mut seen = sound.clone();
        spoil(&mut seen);
        explain(seen).expect_err("it has no explanation")
    };
    assert!(
        spoilt(&|seen| seen[2].text = "rejected:insufficient_funds".to_owned()).contains("the model says")
    );
    assert!(spoilt(&|seen| seen[3].balance = "3.00".to_owned()).contains("the balance there"));
    assert!(spoilt(&|seen| seen[3].position = 2).contains("was answered before"), "a stale reading");
    assert!(spoilt(&|seen| seen[4].position = 9).contains("another answer"));
    assert!(spoilt(&|seen| seen[4].text = "applied".to_owned()).contains("the model says"), "a bet twice");
    // The second deposit landed before the bet, though it was sent after the bet was answered.
    assert!(
        spoilt(&|seen| {
            seen[2].position = 4;
            seen.push(at(50, Some(8), "applied", 3, "6.00"));
            seen[3].position = 4;
            seen[4].position = 4;
        })
        .contains("was answered before")
    );
}
