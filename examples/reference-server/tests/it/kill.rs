//! The process is killed under load, while providers send again what had no answer: in the end every player has, to the
//! cent, what his calls come to.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use ledger_testkit::postgres::shared_url;
use reference_server::config::DialectName;
use reference_server::demo::{self, CASHIER_KEY, OFFICE_KEY};
use serde_json::{Value, json};

use crate::gateway::sign::{hmac, now};
use crate::process::{Process, program, terminate};
use crate::site::Http;

/// How often the process is killed; `LEDGER_KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("LEDGER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// How many players play at once.
const PLAYERS: usize = 8;
/// How many calls must be answered between two kills.
const BETWEEN: usize = 120;

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

struct Place {
    port: u16,
    store: String,
    schema: String,
    data: String,
}

impl Place {
    fn start(&self) -> Process {
        let child = program()
            .args([
                "--listen",
                &format!("127.0.0.1:{}", self.port),
                "--store",
                &self.store,
                "--data",
                &self.data,
            ])
            .env("CASINO_SERVER_SCHEMA", &self.schema)
            .stdout(Stdio::null())
            .spawn();
        Process(child.unwrap())
    }
}

/// Sends until there is an answer that is one: as providers do, with the same id.
async fn until_answered(
    http: &Http,
    method: Method,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Value {
    loop {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        match http.try_send(method.clone(), path, &headers, body.to_owned()).await {
            Ok(answer) if answer.status == 200 || answer.status == 201 => return answer.json(),
            Ok(answer) if answer.status >= 500 => {}
            Ok(answer) => panic!("{path} {body}: {} {}", answer.status, answer.text()),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn with_key(http: &Http, key: &str, method: Method, path: &str, body: &Value) -> Value {
    let headers = [
        ("authorization".to_owned(), format!("Bearer {key}")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    until_answered(http, method, path, &headers, &body.to_string()).await
}

async fn callback(http: &Http, body: &Value) -> Value {
    let (body, time) = (body.to_string(), now().to_string());
    let signature = hmac(&demo::secret_of(DialectName::Hmac), &[time.as_bytes(), b".", body.as_bytes()]);
    let headers = [("x-timestamp".to_owned(), time), ("x-signature".to_owned(), signature)];
    until_answered(http, Method::POST, "/rgs/provider/hmac/callback", &headers, &body).await
}

/// Plays until it is told to stop, and tells how many cents the player must have.
async fn play(http: Http, player: String, answered: Arc<AtomicUsize>, enough: usize) -> i64 {
    let open = json!({"playerId": player, "brand": "lucky"});
    with_key(&http, CASHIER_KEY, Method::POST, "/players", &open).await;
    let money = json!({"amount": "1000.00", "currency": "EUR"});
    let deposit = json!({"requestId": format!("d-{player}"), "playerId": player, "amount": money});
    with_key(&http, CASHIER_KEY, Method::POST, "/deposits", &deposit).await;
    let mut cents = 100_000;
    let mut round = 0;
    while answered.load(Ordering::Relaxed) < enough {
        round += 1;
        let call = |kind: &str, id: &str, amount: &str| {
            json!({"type": kind, "transaction_id": format!("{id}{round}"), "round_id": format!("r{round}"),
                "user_id": player, "game_id": "crash", "amount": amount, "currency": "EUR"})
        };
        callback(&http, &call("bet", "t", "1.00")).await;
        match round % 3 {
            0 => {
                let mut undo = call("refund", "x", "1.00");
                undo["reference"] = json!(format!("t{round}"));
                callback(&http, &undo).await;
            }
            of => {
                let mut win = call("win", "w", if of == 1 { "0.00" } else { "1.25" });
                win["round_closed"] = json!(true);
                callback(&http, &win).await;
                cents += if of == 1 { -100 } else { 25 };
            }
        }
        answered.fetch_add(2, Ordering::Relaxed);
    }
    cents
}

async fn killed_under_load(place: Place) {
    let answered = Arc::new(AtomicUsize::new(0));
    let http = Http::to(format!("127.0.0.1:{}", place.port).parse().unwrap());
    let enough = BETWEEN * (kills() + 1);
    let mut process = Some(place.start());
    let players: Vec<_> = (0..PLAYERS)
        .map(|i| tokio::spawn(play(http.clone(), format!("player-{i}"), Arc::clone(&answered), enough)))
        .collect();
    for kill in 1..=kills() {
        while answered.load(Ordering::Relaxed) < BETWEEN * kill {
            assert!(!players.iter().any(tokio::task::JoinHandle::is_finished), "a player stopped");
            tokio::task::yield_now().await;
        }
        // It dies by SIGKILL, with calls under way.
        drop(process.take());
        process = Some(place.start());
    }
    let mut all = 0;
    for (i, player) in players.into_iter().enumerate() {
        let cents = player.await.unwrap();
        all += cents;
        let read =
            with_key(&http, OFFICE_KEY, Method::GET, &format!("/players/player-{i}"), &Value::Null).await;
        let expected = format!("{}.{:02}", cents / 100, cents % 100);
        assert_eq!(read["balances"][0]["available"], expected, "player-{i}");
        assert_eq!((&read["balances"][0]["held"], &read["openRounds"]), (&json!("0.00"), &json!(0)));
    }
    assert!(all > 0);
    let key = format!("Bearer {OFFICE_KEY}");
    let verified = http.send(Method::GET, "/verify?all=yes", &[("authorization", &key)], "").await.text();
    assert!(verified.contains("All is right"), "{verified}");
    assert!(terminate(process.take().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_on_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    killed_under_load(Place {
        port: free_port(),
        store: "log".to_owned(),
        schema: "unused".to_owned(),
        data,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let store = tokio::task::spawn_blocking(shared_url).await.unwrap();
    let schema = format!("server_{}", uuid::Uuid::new_v4().simple());
    killed_under_load(Place { port: free_port(), store, schema, data }).await;
}
