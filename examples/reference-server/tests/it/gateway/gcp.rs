//! GCP: its acceptance scenarios, calls that are all or none (S84, S85), wins alone (S56), signatures.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::golden::{compare, exchanges};
use super::sign::hmac;
use crate::site::{Site, accounts};

const SAMPLES: &str = include_str!("../golden/gcp.txt");

/// S80 to S83, and scenarios E, G, I.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcp_answers_its_published_scenarios() {
    let site = Site::start().await;
    site.player("8", "743220.01", "USD").await;
    let mut known = BTreeMap::new();
    for exchange in exchanges(SAMPLES, &[]) {
        let request = serde_json::from_str(&exchange.request).unwrap();
        let (_, answer) = site.gcp(&exchange.call, &request).await;
        compare(&exchange.answer, &answer, &mut known);
    }
    let held = accounts([("player:cash USD", "743226.51"), ("player:held USD", "1.00")]);
    assert_eq!(site.accounts("8").await, held);
    site.end().await;
}

fn play(round: &str, finished: bool, actions: &Value) -> Value {
    json!({
        "user_id": "p", "currency": "EUR", "game": "acceptance:test", "game_id": round, "finished": finished,
        "actions": actions
    })
}

/// S84, S85, S56, S18: both bets or none; a win does not pay for its bet; a win alone is paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcp_calls_are_all_or_none() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let bet = |id: &str, amount: i64| json!({"action": "bet", "action_id": id, "amount": amount});
    let win = |id: &str, amount: i64| json!({"action": "win", "action_id": id, "amount": amount});
    let (status, told) = site.gcp("play", &play("r1", false, &json!([bet("a", 6000), bet("b", 6000)]))).await;
    assert_eq!((status, &told["code"], &told["balance"]), (412, &json!(100), &json!(10000)), "{told}");
    let (status, _) = site.gcp("play", &play("r2", true, &json!([bet("c", 20000), win("d", 25000)]))).await;
    assert_eq!(status, 412);
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    let body = play("r3", false, &json!([bet("e", 1000), bet("f", 500)]));
    let (_, first) = site.gcp("play", &body).await;
    assert_eq!(first["balance"], 8500, "{first}");
    site.gcp("play", &play("r4", true, &json!([bet("g", 500)]))).await;
    // The transactions of then, the balance of now.
    let (_, again) = site.gcp("play", &body).await;
    assert_eq!((&again["balance"], &again["transactions"]), (&json!(8000), &first["transactions"]));
    let (status, told) = site.gcp("play", &play("r3", false, &json!([bet("e", 1001)]))).await;
    assert_eq!((status, &told["code"]), (409, &json!(409)));
    // Ids are unique over all kinds (S22).
    let (status, told) = site.gcp("play", &play("r3", false, &json!([win("e", 1000)]))).await;
    assert_eq!((status, &told["code"]), (409, &json!(409)), "{told}");
    let (status, told) = site.gcp("play", &play("r5", true, &json!([win("h", 300)]))).await;
    assert_eq!((status, &told["balance"]), (200, &json!(8300)), "{told}");
    let (status, told) = site.gcp("play", &play("r3", true, &json!([]))).await;
    assert_eq!((status, &told["balance"]), (200, &json!(8300)), "the end of a round alone: {told}");
    // What stays refused does not look like a fault that passes.
    let (status, told) = site.gcp("play", &play("r4", false, &json!([bet("i", 100)]))).await;
    assert_eq!((status, &told["code"]), (412, &json!(400)), "{told}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "83.00")]));
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:payouts EUR", "3.00"),
            ("gaming:stakes EUR", "20.00"),
            ("psp:clearing EUR", "100.00")
        ])
    );
    site.end().await;
}

/// S13, S14, S11: the published body is signed byte for byte; who is not known is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcp_signatures_are_of_the_bytes() {
    let site = Site::with(|mut config| {
        let gcp = config.providers.iter_mut().find(|provider| provider.id == "gcp").unwrap();
        gcp.secret = reference_server::config::Secret::new("test");
        config
    })
    .await;
    let body = r#"{"user_id": "8|USDT|USD","currency": "USD","game": "acceptance:test"}"#;
    // The published vector.
    let signature = "7376e78d5f65ca750c9719d2163daffa129e8a07ba9a1abe12241b3b1de51295".to_owned();
    let told = site.call("gcp", "/play", &[("x-request-sign", &signature)], body).await;
    assert_eq!(
        (told.status, &told.json()["code"]),
        (412, &json!(101)),
        "believed, and the player is not known"
    );
    for (signature, body) in [
        (signature.as_str(), body.replace(": ", ":")),
        ("", body.to_owned()),
        (&*hmac("x", &[]), body.to_owned()),
    ] {
        let told = site.call("gcp", "/play", &[("x-request-sign", signature)], &body).await;
        assert_eq!((told.status, &told.json()["code"]), (403, &json!(403)));
    }
    site.end().await;
}

/// The total of free spins is a cost of the house, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcp_free_spins_are_paid_once() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let body = json!({"issue_id": "issue-1", "status": "played", "total_amount": 730, "user_id": "p", "currency": "EUR"});
    for _ in 0..2 {
        let (status, told) = site.gcp("freespins", &body).await;
        assert_eq!((status, &told["balance"]), (200, &json!(10730)), "{told}");
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "107.30")]));
    site.end().await;
}
