//! Evolution: its published samples, `refId` (S61), tombstones (S34, S35), truncated balances.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::golden::{compare, exchanges};
use crate::site::{Site, accounts};

const SAMPLES: &str = include_str!("../golden/evolution.txt");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evolution_answers_its_published_samples() {
    let site = Site::start().await;
    site.player("b7891001", "100.00", "EUR").await;
    let token = site.token("b7891001", "evolution:table-9", "EUR").await;
    let mut known = BTreeMap::new();
    for exchange in exchanges(SAMPLES, &[("{token}", &token)]) {
        let answer = site.evolution(&exchange.call, &exchange.request).await;
        compare(&exchange.answer, &answer.json(), &mut known);
    }
    assert_eq!(site.accounts("b7891001").await, accounts([("player:cash EUR", "610.61")]));
    site.end().await;
}

struct Table {
    token: String,
}

impl Table {
    fn call(&self, uuid: &str, game: &str, reference: &str, amount: &str) -> String {
        // Amounts are numbers, as they come.
        format!(
            r#"{{"sid":"{}","userId":"p","uuid":"{uuid}","currency":"EUR","game":{{"id":"{game}","type":"baccarat","details":{{"table":{{"id":"table-9","vid":null}}}}}},"transaction":{{"id":"tx-{uuid}","refId":"{reference}","amount":{amount}}}}}"#,
            self.token
        )
    }
}

async fn told(site: &Site, call: &str, body: &str) -> (String, Value) {
    let answer = site.evolution(call, body).await.json();
    (answer["status"].as_str().unwrap().to_owned(), answer["balance"].clone())
}

/// S61: each debit has its own credit; the round is over when all are settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evolution_settles_each_reference_alone() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let table = Table { token: site.token("p", "evolution:table-9", "EUR").await };
    let ok = "OK".to_owned();
    for (uuid, reference, amount, balance) in [("1", "a", "10", 90.0), ("2", "b", "5.5", 84.5)] {
        let answer = told(&site, "debit", &table.call(uuid, "g", reference, amount)).await;
        assert_eq!(answer, (ok.clone(), json!(balance)));
    }
    let wrong = ["-1", "1.005", "true"].map(|amount| table.call("x", "g", "x", amount));
    for body in &wrong {
        assert_eq!(told(&site, "debit", body).await.0, "INVALID_PARAMETER");
    }
    assert_eq!(told(&site, "debit", &table.call("3", "g", "c", "84.51")).await.0, "INSUFFICIENT_FUNDS");
    assert_eq!(told(&site, "credit", &table.call("4", "g", "a", "30")).await, (ok.clone(), json!(114.5)));
    let held = accounts([("player:cash EUR", "114.50"), ("player:held EUR", "5.50")]);
    assert_eq!(site.accounts("p").await, held);
    assert_eq!(told(&site, "credit", &table.call("5", "g", "a", "30")).await.0, "BET_ALREADY_SETTLED");
    assert_eq!(told(&site, "cancel", &table.call("6", "g", "a", "10")).await.0, "BET_ALREADY_SETTLED");
    assert_eq!(told(&site, "credit", &table.call("7", "g", "nothing", "1")).await.0, "BET_DOES_NOT_EXIST");
    assert_eq!(told(&site, "credit", &table.call("8", "g", "b", "0")).await, (ok.clone(), json!(114.5)));
    assert_eq!(told(&site, "debit", &table.call("9", "g", "d", "1")).await.0, "FINAL_ERROR_ACTION_FAILED");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "114.50")]));
    site.end().await;
}

/// S31, S34, S35: a cancel, and one that comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evolution_remembers_a_cancel_that_comes_first() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let table = Table { token: site.token("p", "evolution:table-9", "EUR").await };
    told(&site, "debit", &table.call("1", "g", "a", "10")).await;
    assert_eq!(
        told(&site, "cancel", &table.call("2", "g", "a", "10")).await,
        ("OK".to_owned(), json!(100.0))
    );
    assert_eq!(told(&site, "cancel", &table.call("3", "g", "a", "10")).await.0, "BET_ALREADY_SETTLED");
    assert_eq!(told(&site, "credit", &table.call("4", "g", "a", "10")).await.0, "BET_ALREADY_SETTLED");
    for uuid in ["5", "6"] {
        assert_eq!(told(&site, "cancel", &table.call(uuid, "h", "b", "10")).await.0, "BET_DOES_NOT_EXIST");
    }
    assert_eq!(told(&site, "debit", &table.call("7", "h", "b", "10")).await.0, "FINAL_ERROR_ACTION_FAILED");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    site.end().await;
}

/// S11, S13: who calls, and for whom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evolution_is_known_by_its_token_and_players_by_their_session() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let sid = site.token("p", "evolution:table-9", "EUR").await;
    let body = json!({"sid": sid, "userId": "p", "uuid": "u"}).to_string();
    for query in ["", "?authToken=", "?authToken=wrong", "?authtoken=demo-secret-of-evolution"] {
        let answer = site.call("evolution", &format!("/check{query}"), &[], &body).await.json();
        assert_eq!(answer["status"], "INVALID_TOKEN_ID", "{query}");
    }
    for (call, body, status) in [
        ("check", json!({"sid": sid, "userId": "p"}), "OK"),
        ("balance", json!({"sid": sid, "userId": "p"}), "OK"),
        ("check", json!({"sid": "forged", "userId": "p"}), "INVALID_SID"),
        ("check", json!({"sid": sid, "userId": "q"}), "INVALID_PARAMETER"),
        ("nothing", json!({"sid": sid, "userId": "p"}), "INVALID_PARAMETER"),
    ] {
        let answer = site.evolution(call, &body.to_string()).await.json();
        assert_eq!(answer["status"], status, "{call} {body}");
    }
    site.end().await;
}
