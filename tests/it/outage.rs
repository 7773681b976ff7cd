//! A database that dies, or falls silent, under an open ledger: everybody gets an answer, and it goes on by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casino_ledger::core::testing::Model;
use casino_ledger::core::{CurrencyRegistry, Finality, PlayerCommand, Policy};
use casino_ledger::store::postgres::{PostgresOptions, PostgresStore};
use casino_ledger::store::{EventStore, ShardCount};
use casino_ledger::{ExecuteError, Ledger};
use ledger_testkit::postgres::{Ending, Server};
use ledger_testkit::proxy::Proxy;

use crate::histories::insist;
use crate::places::{Place, fresh_schema, postgres_options};
use crate::support::{
    bet, cash, deposit, eur, funded, identity, in_play, on, open, player, send_all, soon, text, tuned,
    verified, win,
};

fn command(number: usize) -> PlayerCommand {
    let (id, before) = (format!("c{number}"), format!("c{}", number.saturating_sub(1)));
    match number {
        0 => open(),
        number if number % 5 == 1 => deposit(&id, "2.00"),
        number if number % 5 == 4 => win(&id, &before, "0.50", Finality::Round),
        _ => bet(&id, &id, "1.00"),
    }
}

async fn opened(options: PostgresOptions) -> (Ledger, Arc<dyn EventStore>) {
    let store: Arc<dyn EventStore> = Arc::new(
        PostgresStore::open_or_create(options, identity(ShardCount::new(4).unwrap())).await.unwrap(),
    );
    (on(Arc::clone(&store), tuned(|s| s.write_timeout = Duration::from_millis(500))).await, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_under_load_loses_nothing_and_doubles_nothing() {
    const COMMANDS: usize = 120;
    let mut server = Server::start().unwrap();
    let options = || postgres_options(&server.url(), "wallet");
    let ((a, store), (b, _)) = (opened(options()).await, opened(options()).await);
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let ledgers = [a.clone(), b.clone()];
            tokio::spawn(async move {
                let p = player(&format!("p{number}"));
                let registry = CurrencyRegistry::standard();
                let mut known = CurrencyRegistry::default();
                known.insert(*registry.get(eur()).unwrap());
                let mut model = Model::new(p.as_str(), Policy::default(), known);
                for at in 0..COMMANDS {
                    let answer = insist(&ledgers[(number + at / 3) % 2], &p, &command(at)).await;
                    // Where the first answer was lost, the second says that it is a copy.
                    assert_eq!(answer.replace("replayed:", ""), model.execute(&command(at)), "{p} {at}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                model.account_texts()
            })
        })
        .collect();
    for how in [Ending::Kill, Ending::Immediate, Ending::Kill] {
        tokio::time::sleep(Duration::from_millis(250)).await;
        server.end(how).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.launch().unwrap();
    }
    for (number, task) in tasks.into_iter().enumerate() {
        task.await.unwrap();
        let p = player(&format!("p{number}"));
        for at in 1..COMMANDS {
            let again = text(&soon(b.request(in_play(&p, command(at)))).await);
            assert!(again.starts_with("replayed:"), "{p} {at}: {again}");
        }
        assert_eq!(cash(&a, &p).await, cash(&b, &p).await);
    }
    verified(store.as_ref()).await;
    soon(a.close()).await.unwrap();
    soon(b.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_holds_nobody_and_the_ledger_goes_on_when_it_is_back() {
    let Place::Postgres(url, schema) = fresh_schema() else { unreachable!() };
    let direct = postgres_options(&url, &schema);
    let address: SocketAddr =
        format!("{}:{}", direct.connect.get_host(), direct.connect.get_port()).parse().unwrap();
    let proxy = Proxy::start(address).unwrap();
    let mut options = direct;
    options.connect = options.connect.clone().host("127.0.0.1").port(proxy.port());
    options.statement_timeout = Duration::from_millis(300);
    options.append_timeout = Duration::from_millis(500);
    options.connect_timeout = Duration::from_millis(300);
    let store: Arc<dyn EventStore> =
        Arc::new(PostgresStore::open_or_create(options, identity(ShardCount::ONE)).await.unwrap());
    let limits = tuned(|s| {
        s.write_timeout = Duration::from_millis(400);
        s.load_timeout = Duration::from_millis(600);
    });
    let ledger = on(Arc::clone(&store), limits).await;
    let mut players = Vec::new();
    for number in 0..10 {
        players.push(funded(&ledger, &format!("p{number}"), "100.00").await);
    }
    for silence in 0..3 {
        let id = format!("t{silence}");
        proxy.freeze();
        let start = Instant::now();
        let sent = send_all(&ledger, players.iter().map(|p| in_play(p, bet(&id, &id, "1.00"))).collect());
        let cold = soon(ledger.player(&player("cold"))).await;
        assert!(matches!(cold, Err(ExecuteError::Unavailable { .. })), "{cold:?}");
        for answer in soon(sent).await.unwrap() {
            let known =
                matches!(answer, Err(ExecuteError::Unavailable { .. } | ExecuteError::Indeterminate { .. }));
            assert!(known, "{answer:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
        proxy.thaw();
        for p in &players {
            let answer = soon(insist(&ledger, p, &bet(&id, &id, "1.00"))).await;
            assert_eq!(answer.replace("replayed:", ""), "applied");
        }
    }
    for p in &players {
        assert_eq!(cash(&ledger, p).await, "97.00");
    }
    verified(store.as_ref()).await;
    soon(ledger.close()).await.unwrap();
}
