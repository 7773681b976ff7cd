//! Switches of providers: two persons, a version of the policy each, and what has begun takes its course.

use axum::http::Method;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY, SECOND_OFFICE_KEY};
use serde_json::{Value, json};

use crate::site::{Site, accounts};

impl Site {
    async fn switch(&self, path: &str, second: &str, body: &Value) -> (u16, Value) {
        let key = format!("Bearer {OFFICE_KEY}");
        let headers =
            [("authorization", &*key), ("content-type", "application/json"), ("x-approval-key", second)];
        let answer = self.http.send(Method::PUT, path, &headers, body.to_string()).await;
        (answer.status, answer.json())
    }
}

fn call(kind: &str, id: &str, round: &str, amount: &str) -> Value {
    json!({"type": kind, "transaction_id": id, "round_id": round, "user_id": "p", "game_id": "crash",
        "amount": amount, "currency": "EUR", "round_closed": true})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_is_switched_off_by_two_persons() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    site.neutral(&call("bet", "t1", "r1", "10.00")).await;
    let path = "/providers/hmac/switches";
    let body = json!({"requestId": "off", "switches": ["maintenance"], "reason": "a broken game"});
    for second in ["", "nonsense", CASHIER_KEY] {
        let (status, problem) = site.switch(path, second, &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{problem}");
    }
    let (status, problem) = site.switch(path, OFFICE_KEY, &body).await;
    assert_eq!((status, &problem["rejection"]["reason"]), (422, &json!("same_person")), "{problem}");
    let (status, answer) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &answer["policy"]), (200, &json!(1)), "{answer}");
    let (status, again) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)), "{again}");
    let (status, told) = site.neutral(&call("bet", "t2", "r2", "10.00")).await;
    assert_eq!((status, &told["code"]), (403, &json!("source_closed")), "{told}");
    // What has begun takes its course, and another provider is open.
    let (status, told) = site.neutral(&call("win", "w1", "r1", "25.00")).await;
    assert_eq!((status, &told["balance"]), (200, &json!("115.00")), "{told}");
    let (_, all) = site.get(OFFICE_KEY, "/providers").await;
    let off: Vec<&str> = all["providers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|provider| !provider["switches"].as_array().unwrap().is_empty())
        .map(|provider| provider["id"].as_str().unwrap())
        .collect();
    assert_eq!(off, ["hmac"]);
    let body = json!({"requestId": "on", "switches": [], "reason": "mended"});
    let (status, answer) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &answer["policy"]), (200, &json!(2)), "{answer}");
    let (status, _) = site.neutral(&call("bet", "t3", "r3", "15.00")).await;
    assert_eq!(status, 200);
    let body = json!({"requestId": "x", "switches": ["everything"], "reason": "x"});
    assert_eq!(site.switch(path, SECOND_OFFICE_KEY, &body).await.0, 400);
    let body = json!({"requestId": "y", "switches": ["no_new_sessions"], "reason": "too many"});
    assert_eq!(site.switch(path, SECOND_OFFICE_KEY, &body).await.0, 200);
    let launch = json!({"requestId": "s", "gameId": "hmac:crash", "currency": "EUR"});
    let (status, problem) = site.post(CASHIER_KEY, "/players/p/sessions", launch).await;
    assert_eq!((status, &problem["code"]), (403, &json!("source_closed")), "{problem}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cashier_is_open_alone() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let alone = |id: &str, alone: bool| json!({"requestId": id, "alone": alone, "reason": "the bus is down"});
    let (status, answer) = site.switch("/casino/cashier-alone", SECOND_OFFICE_KEY, &alone("a", true)).await;
    assert_eq!(status, 200, "{answer}");
    let bet = |id: &str| {
        json!({"requestId": id, "playerId": "p", "roundId": id, "gameId": "hmac:crash",
            "stake": {"amount": "1.00", "currency": "EUR"}})
    };
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("b1")).await;
    assert_eq!((status, &problem["code"]), (403, &json!("source_closed")), "{problem}");
    assert_eq!(site.neutral(&call("bet", "t1", "r1", "1.00")).await.0, 403);
    let out = json!({"requestId": "w", "playerId": "p", "amount": {"amount": "40.00", "currency": "EUR"},
        "destination": "iban"});
    let (status, answer) = site.post(CASHIER_KEY, "/withdrawals", out).await;
    assert_eq!(status, 200, "{answer}");
    let (status, _) = site.switch("/casino/cashier-alone", SECOND_OFFICE_KEY, &alone("b", false)).await;
    assert_eq!(status, 200);
    let (status, _) = site.post(PROVIDER_KEY, "/bets/place", bet("b2")).await;
    assert_eq!(status, 200);
    let left = accounts([
        ("player:cash EUR", "59.00"),
        ("player:held EUR", "1.00"),
        ("player:withdrawal_pending EUR", "40.00"),
    ]);
    assert_eq!(site.accounts("p").await, left);
    site.end().await;
}
