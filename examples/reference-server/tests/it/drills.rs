//! The runbooks, drilled.

use std::time::Duration;

use axum::http::Method;
use reference_server::demo::OFFICE_KEY;
use reference_server::{Config, Server};
use serde_json::{Value, json};

use crate::site::{Http, Site, accounts, config};

fn bet(id: &str, round: &str) -> Value {
    json!({"type": "bet", "transaction_id": id, "round_id": round, "user_id": "p", "game_id": "crash",
        "amount": "10.00", "currency": "EUR"})
}

/// "Provider down": stakes are held and shown as such; results that come late are taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_provider_down() {
    reference_server::metrics::install();
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let token = site.token("p", "hmac:crash", "EUR").await;
    let mut first = bet("t1", "r1");
    first["session_token"] = json!(token);
    site.neutral(&first).await;
    site.neutral(&bet("t2", "r2")).await;
    let seen = async || {
        site.house().await;
        let (rounds, text) = (site.get(OFFICE_KEY, "/players/p/rounds").await.1, site.figures().await);
        let open =
            rounds["rounds"].as_array().unwrap().iter().filter(|round| round["status"] == "open").count();
        // Of yesterday, if midnight comes between.
        let is_held = |line: &str| {
            line.starts_with("casino_held_funds{currency=\"EUR\",") && line.ends_with("day\"} 20.00")
        };
        (open, text.lines().any(is_held))
    };
    assert_eq!(seen().await, (2, true));
    // It is back: it repeats what it is unsure of, then sends a result and a rollback.
    let (status, told) = site.neutral(&first).await;
    assert_eq!((status, &told["replayed"]), (200, &json!(true)));
    let win = json!({"type": "win", "transaction_id": "w1", "round_id": "r1", "user_id": "p", "amount": "15.00",
        "currency": "EUR", "round_closed": true});
    assert_eq!(site.neutral(&win).await.0, 200);
    let undo = json!({"type": "refund", "transaction_id": "x1", "user_id": "p", "currency": "EUR", "reference": "t2"});
    assert_eq!(site.neutral(&undo).await.0, 200);
    assert_eq!(seen().await, (0, false));
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "105.00")]));
    site.end().await;
}

/// "Ledger and view disagree": the views are thrown away and come back from the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_ledger_and_view_disagree() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let config = Config { demo: true, ..config(folder.path()) };
        let server = Server::start(config.check().unwrap()).await.unwrap();
        let http = Http::to(server.address);
        (server, http)
    };
    let whole = async |http: &Http| {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let ready = http.send(Method::GET, "/readyz", &[], "").await.json();
            let views = ready["views"].as_array().unwrap().clone();
            if views.iter().all(|view| view["state"] == "live" && view["lag"] == 0) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{ready}");
            tokio::task::yield_now().await;
        }
        let (_, statement) =
            http.ask(Method::GET, OFFICE_KEY, "/players/alice/statement?limit=200", &Value::Null).await;
        let (_, balances) = http.ask(Method::GET, OFFICE_KEY, "/players/alice/balances", &Value::Null).await;
        (statement["lines"].clone(), balances["balances"].clone())
    };
    let (server, http) = start().await;
    let before = whole(&http).await;
    assert!(before.0.as_array().unwrap().len() > 40);
    server.stop().await.unwrap();
    // A view that was spoilt, as a disk may spoil it.
    std::fs::rename(folder.path().join("views"), folder.path().join("views.aside")).unwrap();
    let (server, http) = start().await;
    assert_eq!(whole(&http).await, before);
    let headers = [("authorization", &*format!("Bearer {OFFICE_KEY}"))];
    let verified = http.send(Method::GET, "/verify?all=yes", &headers, "").await.text();
    assert!(verified.contains("All is right"), "{verified}");
    server.stop().await.unwrap();
}

/// "Round cancellation": every open bet goes back; what is settled is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drill_round_cancellation() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    site.neutral(&bet("t1", "r1")).await;
    site.neutral(&bet("t2", "r1")).await;
    site.neutral(&bet("s1", "settled")).await;
    let win = json!({"type": "win", "transaction_id": "w", "round_id": "settled", "user_id": "p", "amount": "0.00",
        "currency": "EUR", "round_closed": true});
    site.neutral(&win).await;
    let undo = |id: &str, of: &str| json!({"type": "refund", "transaction_id": id, "user_id": "p", "currency": "EUR", "reference": of});
    for (id, of, status) in [("x1", "t1", 200), ("x2", "t2", 200), ("x3", "unseen", 200), ("x4", "s1", 409)] {
        let (actual, told) = site.neutral(&undo(id, of)).await;
        assert_eq!(actual, status, "{of} {told}");
    }
    let (status, told) = site.neutral(&bet("unseen", "r1")).await;
    assert_eq!((status, &told["code"]), (409, &json!("txn_cancelled")));
    let (_, rounds) = site.get(OFFICE_KEY, "/players/p/rounds").await;
    let round = rounds["rounds"].as_array().unwrap().iter().find(|round| round["roundId"] == "r1").unwrap();
    assert_eq!((&round["status"], &round["refunded"]), (&json!("void"), &json!("20.00")), "{round}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "90.00")]));
    site.end().await;
}
