//! The neutral protocol: signatures and time (S13 to S16), repeated calls (S17 to S26, S29), rollbacks (S31 to S55).

use reference_server::config::{DialectName, Duplicate, ProviderConfig, Tombstoned, UnknownRollback};
use reference_server::{Config, demo};
use serde_json::{Value, json};

use super::sign::{hmac, now};
use crate::site::{Site, accounts};

fn call(kind: &str, id: &str, amount: &str) -> Value {
    json!({
        "type": kind, "transaction_id": id, "round_id": "R", "user_id": "p", "game_id": "crash", "amount": amount,
        "currency": "EUR", "some_fake_key": 1, "timestamp": "2026-11-28T12:00:00Z"
    })
}

fn undo(id: &str, of: &str) -> Value {
    json!({"type": "refund", "transaction_id": id, "user_id": "p", "currency": "EUR", "reference": of})
}

async fn site() -> Site {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    site
}

/// A site whose neutral provider has other switches.
async fn switched(change: impl Fn(&mut ProviderConfig)) -> Site {
    let site = Site::with(|mut config: Config| {
        config
            .providers
            .iter_mut()
            .filter(|provider| provider.dialect == DialectName::Hmac)
            .for_each(&change);
        config
    })
    .await;
    site.player("p", "100.00", "EUR").await;
    site
}

/// S01, S02, S03, S12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_bets_and_wins() {
    let site = site().await;
    let (status, told) = site.neutral(&call("bet", "t1", "10.00")).await;
    assert_eq!(
        (status, &told["balance"], &told["replayed"]),
        (200, &json!("90.00"), &json!(false)),
        "{told}"
    );
    assert_eq!(
        site.accounts("p").await,
        accounts([("player:cash EUR", "90.00"), ("player:held EUR", "10.00")])
    );
    let (_, told) = site.neutral(&call("balance", "", "")).await;
    assert_eq!(told["balance"], "90.00", "what is held is not in it");
    let mut win = call("win", "t1", "36.40");
    win["round_closed"] = json!(true);
    let (status, told) = site.neutral(&win).await;
    assert_eq!(
        (status, &told["balance"]),
        (200, &json!("126.40")),
        "a bet and its win may have one id: {told}"
    );
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "126.40")]));
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:payouts EUR", "36.40"),
            ("gaming:stakes EUR", "10.00"),
            ("psp:clearing EUR", "100.00")
        ])
    );
    site.end().await;
}

/// S13, S14, S15: what is not believed does nothing, and its id stays free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_calls_are_believed_if_they_are_signed_and_new() {
    let site = site().await;
    let body = call("bet", "t1", "10.00").to_string();
    let secret = demo::secret_of(DialectName::Hmac);
    let send = async |time: u64, signed: &str, sent: &str, key: &str| {
        let time = time.to_string();
        let signature = hmac(key, &[time.as_bytes(), b".", signed.as_bytes()]);
        let answer =
            site.call("hmac", "", &[("x-timestamp", &time), ("x-signature", &signature)], sent).await;
        (answer.status, answer.json()["code"].as_str().unwrap_or("").to_owned())
    };
    let (bad, stale) = ((401, "bad_signature".to_owned()), (401, "stale".to_owned()));
    assert_eq!(send(now(), &body, &body, "another secret").await, bad);
    assert_eq!(send(now(), &body, &body.replace(':', ": "), &secret).await, bad, "re-serialised");
    assert_eq!(send(now() - 121, &body, &body, &secret).await, stale);
    assert_eq!(send(now() + 125, &body, &body, &secret).await, stale);
    let time = now().to_string();
    for headers in [&[][..], &[("x-timestamp", &*time)], &[("x-timestamp", &*time), ("x-signature", "zz")]] {
        assert_eq!(site.call("hmac", "", headers, &body).await.status, 401);
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    assert_eq!(
        send(now() - 100, &body, &body, &secret).await,
        (200, String::new()),
        "the id was not used up"
    );
    assert_eq!(send(now(), "{}", "{}", &secret).await, (400, "invalid_request".to_owned()));
    assert_eq!(send(now(), "no json", "no json", &secret).await, (400, "invalid_request".to_owned()));
    site.end().await;
}

/// S04 to S11: what is refused moves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_refusals() {
    let site = site().await;
    site.player("other", "5.00", "EUR").await;
    let token = site.token("other", "hmac:crash", "EUR").await;
    for (id, field, value, status, code) in [
        ("a", "amount", "100.01", 422, "insufficient_funds"),
        ("b", "amount", "-10", 400, "invalid_amount"),
        ("c", "amount", "1.005", 400, "precision"),
        ("d", "amount", "1e1", 400, "invalid_request"),
        ("e", "amount", "9223372036854775807", 400, "invalid_amount"),
        ("f", "currency", "GBP", 422, "currency_mismatch"),
        ("g", "currency", "euros", 400, "invalid_request"),
        ("h", "user_id", "nobody", 404, "player_unknown"),
        ("i", "game_id", "unknown", 400, "invalid_request"),
        ("j", "session_token", token.as_str(), 403, "player_mismatch"),
        ("k", "session_token", "forged", 403, "player_mismatch"),
        ("l", "type", "gift", 400, "invalid_request"),
        ("", "amount", "1", 400, "invalid_request"),
    ] {
        let mut body = call("bet", id, "10.00");
        body[field] = json!(value);
        let (actual, told) = site.neutral(&body).await;
        assert_eq!((actual, &told["code"]), (status, &json!(code)), "{body} {told}");
        if code == "insufficient_funds" {
            assert_eq!(told["balance"], "100.00", "with what is there");
        }
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    // S05, S06.
    let (_, told) = site.neutral(&call("bet", "zero", "0.00")).await;
    assert_eq!(told["balance"], "100.00");
    let (_, told) = site.neutral(&call("bet", "all", "100.00")).await;
    assert_eq!(told["balance"], "0.00");
    site.end().await;
}

/// S17 to S21: a repeated call, by the contract.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_duplicates_are_told_as_the_contract_says() {
    for (switch, status, balance) in [
        (Duplicate::Original, 200, json!("90.00")),
        (Duplicate::Current, 200, json!("70.00")),
        (Duplicate::Error, 409, Value::Null),
    ] {
        let site = switched(|provider| provider.duplicate = Some(switch)).await;
        let (_, first) = site.neutral(&call("bet", "t1", "10.00")).await;
        site.neutral(&call("bet", "t2", "20.00")).await;
        let (actual, again) = site.neutral(&call("bet", "t1", "10.00")).await;
        assert_eq!((actual, &again["balance"]), (status, &balance), "{switch:?} {again}");
        assert_eq!(again["operator_transaction_id"], first["operator_transaction_id"]);
        assert_eq!(again["replayed"], true);
        for (field, value) in [("amount", "15.00"), ("round_id", "R2"), ("currency", "USD")] {
            let mut other = call("bet", "t1", "10.00");
            other[field] = json!(value);
            let (actual, told) = site.neutral(&other).await;
            assert_eq!((actual, &told["code"]), (409, &json!("key_reused")), "{field} {told}");
        }
        let held = accounts([("player:cash EUR", "70.00"), ("player:held EUR", "30.00")]);
        assert_eq!(site.accounts("p").await, held);
        site.end().await;
    }
}

/// S20: a refusal stays under its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_refusals_stay() {
    let site = site().await;
    let (status, _) = site.neutral(&call("bet", "t1", "150.00")).await;
    assert_eq!(status, 422);
    let money = json!({"amount": "100.00", "currency": "EUR"});
    site.post(demo::CASHIER_KEY, "/deposits", json!({"requestId": "d2", "playerId": "p", "amount": money}))
        .await;
    let (status, told) = site.neutral(&call("bet", "t1", "150.00")).await;
    assert_eq!((status, &told["code"], &told["replayed"]), (422, &json!("insufficient_funds"), &json!(true)));
    let (status, _) = site.neutral(&call("bet", "t2", "150.00")).await;
    assert_eq!(status, 200, "a new attempt has a new id");
    site.end().await;
}

/// S24, S25: many at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_bets_at_once_spend_what_is_there_and_no_more() {
    let site = Site::start().await;
    site.player("p", "50.00", "EUR").await;
    let bets: Vec<Value> = (0..100).map(|i| call("bet", &format!("t{i}"), "1.00")).collect();
    let answers = futures_util::future::join_all(bets.iter().map(|bet| site.neutral(bet))).await;
    let taken = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = answers.iter().filter(|(_, told)| told["code"] == "insufficient_funds").count();
    assert_eq!((taken, refused), (50, 50));
    assert_eq!(site.accounts("p").await, accounts([("player:held EUR", "50.00")]));
    let same = call("win", "w", "7.00");
    let answers = futures_util::future::join_all((0..8).map(|_| site.neutral(&same))).await;
    assert_eq!(answers.iter().filter(|(_, told)| told["replayed"] == false).count(), 1);
    assert!(answers.iter().all(|(status, told)| *status == 200 && told["balance"] == "7.00"));
    site.end().await;
}

/// S31 to S39, S47: a rollback, again, of another id, and of what never came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_rollbacks() {
    let site = site().await;
    site.neutral(&call("bet", "t1", "10.00")).await;
    let (_, told) = site.neutral(&undo("x1", "t1")).await;
    assert_eq!(told["balance"], "100.00", "{told}");
    let (_, told) = site.neutral(&undo("x1", "t1")).await;
    assert_eq!(told["replayed"], true);
    let (status, told) = site.neutral(&undo("x2", "t1")).await;
    assert_eq!((status, &told["code"]), (409, &json!("already_rolled_back")));
    let (status, told) = site.neutral(&undo("x3", "t9")).await;
    assert_eq!((status, &told["balance"]), (200, &json!("100.00")), "{told}");
    let (status, told) = site.neutral(&call("bet", "t9", "10.00")).await;
    assert_eq!((status, &told["code"]), (409, &json!("txn_cancelled")), "{told}");
    // S36: not insufficient funds.
    site.neutral(&call("bet", "all", "100.00")).await;
    let (_, told) = site.neutral(&call("bet", "t9", "10.00")).await;
    assert_eq!(told["code"], "txn_cancelled");
    // S39: of a bet that was refused.
    site.neutral(&call("bet", "poor", "10.00")).await;
    let (status, _) = site.neutral(&undo("x4", "poor")).await;
    assert_eq!(status, 200);
    assert_eq!(site.accounts("p").await, accounts([("player:held EUR", "100.00")]));
    site.end().await;
}

/// S34, S35: what a rollback of something unknown, and its bet, are told by other contracts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_tombstones_are_told_as_the_contract_says() {
    let site = switched(|provider| {
        provider.unknown_rollback = Some(UnknownRollback::NotFound);
        provider.tombstoned_bet = Some(Tombstoned::OkWithoutMoney);
    })
    .await;
    for _ in 0..2 {
        let (status, told) = site.neutral(&undo("x1", "t9")).await;
        assert_eq!((status, &told["code"]), (404, &json!("transaction_unknown")), "{told}");
    }
    let (status, told) = site.neutral(&call("bet", "t9", "10.00")).await;
    assert_eq!((status, &told["balance"]), (200, &json!("100.00")), "{told}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    site.end().await;
}

/// S40, S41, S62, S64, S65, S70: after the end of a round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_rounds_end() {
    let site = site().await;
    site.neutral(&call("bet", "t1", "10.00")).await;
    let mut win = call("win", "w1", "25.00");
    win["round_closed"] = json!(true);
    site.neutral(&win).await;
    for (body, code) in [
        (undo("x1", "t1"), "already_settled"),
        (call("win", "w2", "5.00"), "round_closed"),
        (call("bet", "t2", "5.00"), "round_closed"),
    ] {
        let (status, told) = site.neutral(&body).await;
        assert_eq!((status, &told["code"]), (409, &json!(code)), "{told}");
    }
    let mut undo_win = undo("x2", "w1");
    undo_win["type"] = json!("rollback");
    let (status, told) = site.neutral(&undo_win).await;
    assert_eq!((status, &told["balance"]), (200, &json!("90.00")), "{told}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "90.00")]));
    site.end().await;
}

/// S45, S71: a win and a rollback come after the session; a bet does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neutral_sessions_end_for_bets_alone() {
    let site = site().await;
    let token = site.token("p", "hmac:crash", "EUR").await;
    let with = |mut body: Value| {
        body["session_token"] = json!(token);
        body
    };
    for id in ["t1", "t2"] {
        let (status, told) = site.neutral(&with(call("bet", id, "10.00"))).await;
        assert_eq!(status, 200, "{told}");
    }
    let path = "/players/p/sessions/hmac/s-p-hmac:crash/end";
    let (status, answer) = site.post(demo::CASHIER_KEY, path, json!({"requestId": "end"})).await;
    assert_eq!(status, 200, "{answer}");
    let (status, told) = site.neutral(&with(call("bet", "t3", "10.00"))).await;
    assert_eq!((status, &told["code"]), (422, &json!("session_expired")), "{told}");
    let (status, told) = site.neutral(&with(undo("x1", "t2"))).await;
    assert_eq!((status, &told["balance"]), (200, &json!("90.00")), "{told}");
    let (status, told) = site.neutral(&with(call("win", "w1", "3.00"))).await;
    assert_eq!((status, &told["balance"]), (200, &json!("93.00")), "{told}");
    site.end().await;
}
