//! Switches of providers: two persons, a version of the policy each, and what has begun takes its course.

use axum::http::Method;
use casino_ledger::core::{
    ActorId, DocumentContent, DocumentKind, DocumentName, HouseId, POLICY_DOCUMENT, POLICY_KIND,
    PublishDocument, Reason, SourceId, TransactionId,
};
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
    let (status, answer_off) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &answer_off["policy"]), (200, &json!(1)), "{answer_off}");
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
    // An answer that was lost is asked for again, after another switch too: nothing is switched by it.
    let body = json!({"requestId": "off", "switches": ["maintenance"], "reason": "a broken game"});
    let (status, late) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &late["replayed"], &late["policy"]), (200, &json!(true), &json!(2)), "{late}");
    assert_eq!(late["recorded"], answer_off["recorded"]);
    let body = json!({"requestId": "on", "switches": [], "reason": "mended"});
    let (status, late) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &late["replayed"]), (200, &json!(true)), "{late}");
    let body = json!({"requestId": "on", "switches": ["bonuses_off"], "reason": "mended"});
    let (status, problem) = site.switch(path, SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("key_reused")), "{problem}");
    let body = json!({"requestId": "on", "switches": [], "reason": "mended"});
    let (status, problem) = site.switch("/providers/hub88/switches", SECOND_OFFICE_KEY, &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("key_reused")), "{problem}");
    let body = json!({"requestId": "x", "switches": ["everything"], "reason": "x"});
    assert_eq!(site.switch(path, SECOND_OFFICE_KEY, &body).await.0, 400);
    let body = json!({"requestId": "y", "switches": ["no_new_sessions"], "reason": "too many"});
    assert_eq!(site.switch(path, SECOND_OFFICE_KEY, &body).await.0, 200);
    let launch = json!({"requestId": "s", "gameId": "hmac:crash", "currency": "EUR"});
    let (status, problem) = site.post(CASHIER_KEY, "/players/p/sessions", launch).await;
    assert_eq!((status, &problem["code"]), (403, &json!("source_closed")), "{problem}");
    site.end().await;
}

/// What is in force is what was published, whatever the configuration says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_expires_by_the_policy_in_force() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let launch = |id: &str| json!({"requestId": id, "gameId": "hmac:crash", "currency": "EUR"});
    let (_, first) = site.post(CASHIER_KEY, "/players/p/sessions", launch("s1")).await;
    assert!(first["expiresAt"].is_string(), "{first}");
    let ledger = &site.server.casino.ledger;
    let mut policy = ledger.policy().policy.clone();
    policy.sources.values_mut().for_each(|source| source.sessions.ttl_secs = None);
    let command = PublishDocument {
        source: SourceId::new("back-office").unwrap(),
        id: TransactionId::new("p1").unwrap(),
        kind: DocumentKind::new(POLICY_KIND).unwrap(),
        name: DocumentName::new(POLICY_DOCUMENT).unwrap(),
        content: DocumentContent::of(&policy).unwrap(),
        effective_from: None,
        expected: Some(0),
        reason: Reason::new("sessions last").unwrap(),
        author: ActorId::new("anna").unwrap(),
        approved_by: ActorId::new("otto").unwrap(),
    };
    ledger.execute_house(&HouseId::new("configuration").unwrap(), command).await.unwrap();
    let (status, second) = site.post(CASHIER_KEY, "/players/p/sessions", launch("s2")).await;
    assert_eq!((status, &second["expiresAt"]), (201, &Value::Null), "{second}");
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
