//! Bets, money in and out, limits: in the shapes of the API, with every account looked at.

use axum::http::Method;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY, SECOND_OFFICE_KEY};
use serde_json::{Value, json};

use crate::site::{Site, accounts};

fn bet(id: &str, round: &str, amount: &str) -> Value {
    json!({
        "requestId": id, "playerId": "p_123", "wallet": "cash", "roundId": round, "gameId": "hmac:crash",
        "selection": [{"market": "straight", "value": "17"}],
        "stake": {"amount": amount, "currency": "EUR"},
        "device": {"ip": "203.0.113.5", "ua": "Mozilla/5.0"},
        "some_fake_key": true
    })
}

fn settle(id: &str, round: &str, amount: &str) -> Value {
    json!({"requestId": id, "playerId": "p_123", "roundId": round, "payout": {"amount": amount, "currency": "EUR"}})
}

/// Seed 002: bet, settle, roll back; the published figures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bet_is_placed_settled_and_rolled_back() {
    let site = Site::start().await;
    site.player("p_123", "255.30", "EUR").await;
    let (status, placed) = site.post(PROVIDER_KEY, "/bets/place", bet("9a7f-1", "r1", "10.00")).await;
    assert_eq!(status, 200, "{placed}");
    assert_eq!(placed["status"], "ACCEPTED");
    assert_eq!(placed["betId"], "bet_9a7f-1");
    assert_eq!(placed["balanceAfter"], "245.30");
    assert_eq!(placed["hold"], "10.00");
    assert_eq!(placed["limits"]["maxBet"], "1000.00");
    assert_eq!(placed["replayed"], false);
    assert_eq!(
        site.accounts("p_123").await,
        accounts([("player:cash EUR", "245.30"), ("player:held EUR", "10.00")])
    );

    let (status, settled) = site.post(PROVIDER_KEY, "/rounds/settle", settle("w1", "r1", "36.00")).await;
    assert_eq!((status, &settled["status"]), (200, &json!("SETTLED")), "{settled}");
    assert_eq!((&settled["balanceAfter"], &settled["hold"]), (&json!("281.30"), &json!("0.00")));
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "281.30")]));
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:payouts EUR", "36.00"),
            ("gaming:stakes EUR", "10.00"),
            ("psp:clearing EUR", "255.30")
        ])
    );

    // A bet whose answer got lost is rolled back by the id of its request.
    site.post(PROVIDER_KEY, "/bets/place", bet("lost", "r2", "20.00")).await;
    let rollback = json!({"requestId": "x1", "playerId": "p_123", "betId": "bet_lost"});
    let (status, undone) = site.post(PROVIDER_KEY, "/rounds/rollback", rollback).await;
    assert_eq!((status, &undone["status"]), (200, &json!("ROLLED_BACK")), "{undone}");
    assert_eq!((&undone["balanceAfter"], &undone["hold"]), (&json!("281.30"), &json!("0.00")));
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "281.30")]));

    // One that never came never may.
    let rollback = json!({"requestId": "x2", "playerId": "p_123", "betId": "bet_never"});
    let (status, undone) = site.post(PROVIDER_KEY, "/rounds/rollback", rollback).await;
    assert_eq!((status, &undone["status"]), (200, &json!("TOMBSTONED")), "{undone}");
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("never", "r3", "1.00")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("txn_cancelled")), "{problem}");
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "281.30")]));
    site.end().await;
}

/// The same request is the same bet; another under its key is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_does_nothing_again() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    let (_, first) = site.post(PROVIDER_KEY, "/bets/place", bet("b1", "r1", "10.00")).await;
    site.post(PROVIDER_KEY, "/bets/place", bet("b2", "r2", "20.00")).await;
    let (status, again) = site.post(PROVIDER_KEY, "/bets/place", bet("b1", "r1", "10.0")).await;
    assert_eq!(status, 200);
    assert_eq!((&again["balanceAfter"], &again["replayed"]), (&json!("90.00"), &json!(true)));
    assert_eq!(again["recorded"], first["recorded"]);
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("b1", "r1", "15.00")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("key_reused")));
    assert_eq!(problem["type"], "urn:casino-ledger:problem:key_reused");
    // The header does as well as the field, and both must agree.
    let mut body = bet("b3", "r3", "5.00");
    body.as_object_mut().unwrap().remove("requestId");
    let (key, kind) =
        (("authorization", &*format!("Bearer {PROVIDER_KEY}")), ("content-type", "application/json"));
    let missing = site.http.send(Method::POST, "/bets/place", &[key, kind], body.to_string()).await;
    assert_eq!((missing.status, &missing.json()["code"]), (400, &json!("idempotency_key_missing")));
    let headers = [key, kind, ("idempotency-key", "b3")];
    let taken = site.http.send(Method::POST, "/bets/place", &headers, body.to_string()).await;
    assert_eq!((taken.status, &taken.json()["betId"]), (200, &json!("bet_b3")));
    let other =
        site.http.send(Method::POST, "/bets/place", &headers, bet("b4", "r4", "5.00").to_string()).await;
    assert_eq!((other.status, &other.json()["code"]), (400, &json!("invalid_request")));
    let held = accounts([("player:cash EUR", "65.00"), ("player:held EUR", "35.00")]);
    assert_eq!(site.accounts("p_123").await, held);
    site.end().await;
}

/// What is refused says why, with the balance, and moves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_problems_with_a_stable_code() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    let cases = [
        (bet("c1", "r1", "100.01"), 422, "insufficient_funds"),
        (bet("c2", "r1", "-10.00"), 400, "invalid_amount"),
        (bet("c3", "r1", "1.005"), 400, "precision"),
        (bet("c4", "r1", "1e1"), 400, "invalid_request"),
        (bet("c5", "r1", "92233720368547758.08"), 400, "invalid_amount"),
        (bet("c6", "r1", "0.001"), 400, "precision"),
        (bet("", "r1", "1.00"), 400, "invalid_request"),
        (bet("c7", "", "1.00"), 400, "invalid_request"),
    ];
    for (body, status, code) in cases {
        let (actual, problem) = site.post(PROVIDER_KEY, "/bets/place", body.clone()).await;
        assert_eq!((actual, &problem["code"]), (status, &json!(code)), "{body} {problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["outcome"], if status == 422 { "refused" } else { "invalid" });
    }
    let (_, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("c1", "r1", "100.01")).await;
    assert_eq!(problem["balances"][0]["available"], "100.00");
    assert_eq!((&problem["rejection"]["available"], &problem["replayed"]), (&json!("100.00"), &json!(true)));
    let mut other = bet("c8", "r1", "1.00");
    other["stake"]["currency"] = json!("GBP");
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", other).await;
    assert_eq!((status, &problem["code"]), (422, &json!("currency_mismatch")), "{problem}");
    let mut nobody = bet("c9", "r1", "1.00");
    nobody["playerId"] = json!("nobody");
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", nobody).await;
    assert_eq!((status, &problem["code"]), (404, &json!("player_unknown")));
    let (status, problem) = site.post(PROVIDER_KEY, "/rounds/settle", settle("w1", "unknown", "5.00")).await;
    assert_eq!((status, &problem["code"]), (404, &json!("bet_not_found")));
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "100.00")]));
    site.end().await;
}

/// Money out: quoted, asked for, approved by two, sent, paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_withdrawal_needs_two_persons() {
    let site = Site::start().await;
    site.player("p_123", "3000.00", "EUR").await;
    let (status, quote) = site.get(OFFICE_KEY, "/players/p_123/withdrawals/quote?currency=EUR").await;
    assert_eq!(status, 200, "{quote}");
    assert_eq!((&quote["amount"], &quote["forfeits"]), (&json!("3000.00"), &json!("0.00")));
    let body = json!({
        "requestId": "w1", "playerId": "p_123", "amount": {"amount": "1200.00", "currency": "EUR"},
        "destination": "iban_tok_1", "forfeitsAtMost": "0.00"
    });
    let (status, asked) = site.post(CASHIER_KEY, "/withdrawals", body).await;
    assert_eq!((status, &asked["balances"][0]["pending"]), (200, &json!("1200.00")), "{asked}");
    let pending = accounts([("player:cash EUR", "1800.00"), ("player:withdrawal_pending EUR", "1200.00")]);
    assert_eq!(site.accounts("p_123").await, pending);
    let step = |step: &str| format!("/players/p_123/withdrawals/cashier/w1/{step}");
    let payout = json!({"requestId": "s1", "psp": "bank", "reference": "ref-1"});
    let (status, problem) = site.post(CASHIER_KEY, &step("send"), payout.clone()).await;
    assert_eq!((status, &problem["rejection"]["reason"]), (422, &json!("not_approved")), "{problem}");
    let (status, _) = site.post(CASHIER_KEY, &step("approve"), json!({"requestId": "a0"})).await;
    assert_eq!(status, 403, "the cashier approves nothing");
    let (status, answer) = site.post(OFFICE_KEY, &step("approve"), json!({"requestId": "a1"})).await;
    assert_eq!(status, 200, "{answer}");
    let (status, problem) = site.post(OFFICE_KEY, &step("approve"), json!({"requestId": "a2"})).await;
    assert_eq!((status, &problem["rejection"]["reason"]), (422, &json!("already_approved")), "{problem}");
    let (_, queue) = site.get(OFFICE_KEY, "/withdrawals/queue/partly_approved").await;
    assert_eq!(queue["withdrawals"][0]["amount"], "1200.00", "{queue}");
    let (status, answer) = site.post(SECOND_OFFICE_KEY, &step("approve"), json!({"requestId": "a3"})).await;
    assert_eq!(status, 200, "{answer}");
    let payout = json!({"requestId": "s2", "psp": "bank", "reference": "ref-1"});
    let (status, answer) = site.post(CASHIER_KEY, &step("send"), payout.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "1800.00")]));
    let mut paid = payout;
    paid["requestId"] = json!("p1");
    let (status, answer) = site.post(CASHIER_KEY, &step("paid"), paid).await;
    assert_eq!(status, 200, "{answer}");
    let (_, all) = site.get(OFFICE_KEY, "/players/p_123/withdrawals").await;
    assert_eq!(all["withdrawals"][0]["state"], "paid", "{all}");
    let (status, problem) = site.post(OFFICE_KEY, &step("nothing"), json!({"requestId": "n"})).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    site.end().await;
}

/// Limits and exclusions hold at the next bet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_and_exclusions_hold_at_once() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    let limit =
        json!({"requestId": "l1", "kind": "stake", "currency": "EUR", "period": "day", "amount": "15.00"});
    let (status, answer) = site.put(CASHIER_KEY, "/players/p_123/limits", limit).await;
    assert_eq!(status, 200, "{answer}");
    let single = json!({"requestId": "l2", "kind": "single_bet", "currency": "EUR", "amount": "12.00"});
    let (status, answer) = site.put(OFFICE_KEY, "/players/p_123/limits", single).await;
    assert_eq!(status, 200, "{answer}");
    let (_, placed) = site.post(PROVIDER_KEY, "/bets/place", bet("b1", "r1", "10.00")).await;
    assert_eq!(placed["limits"]["maxBet"], "12.00", "{placed}");
    let left =
        placed["limits"]["left"].as_array().unwrap().iter().find(|left| left["kind"] == "stake").unwrap();
    assert_eq!((&left["left"], &left["used"]), (&json!("5.00"), &json!("10.00")));
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("b2", "r2", "5.01")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("limit_exceeded")), "{problem}");
    let (_, limits) = site.get(CASHIER_KEY, "/players/p_123/limits").await;
    assert_eq!(limits["limits"].as_array().unwrap().len(), 2, "{limits}");
    let exclusion = json!({"requestId": "e1", "kind": "self_exclusion"});
    let (status, answer) = site.put(CASHIER_KEY, "/players/p_123/exclusion", exclusion).await;
    assert_eq!(status, 200, "{answer}");
    let (status, problem) = site.post(PROVIDER_KEY, "/bets/place", bet("b3", "r3", "1.00")).await;
    assert_eq!((status, &problem["code"]), (403, &json!("player_excluded")), "{problem}");
    // What was played is settled all the same.
    let (status, answer) = site.post(PROVIDER_KEY, "/rounds/settle", settle("w1", "r1", "20.00")).await;
    assert_eq!((status, &answer["balanceAfter"]), (200, &json!("110.00")), "{answer}");
    let (_, player) = site.get(OFFICE_KEY, "/players/p_123").await;
    assert_eq!(player["exclusion"]["kind"], "self_exclusion", "{player}");
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "110.00")]));
    site.end().await;
}

/// Who had no answer asks what became of the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outcome_of_a_key_is_told() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    site.post(PROVIDER_KEY, "/bets/place", bet("b1", "r1", "10.00")).await;
    site.post(PROVIDER_KEY, "/bets/place", bet("b2", "r2", "500.00")).await;
    let outcome = |id: &str| format!("/players/p_123/outcome?kind=bet&id={id}");
    let (_, accepted) = site.get(PROVIDER_KEY, &outcome("b1")).await;
    assert_eq!(accepted["status"], "ACCEPTED", "{accepted}");
    assert_eq!(accepted["accepted"]["balances"][0]["available"], "90.00");
    let (_, refused) = site.get(PROVIDER_KEY, &outcome("b2")).await;
    assert_eq!(
        (&refused["status"], &refused["refused"]["code"]),
        (&json!("REFUSED"), &json!("insufficient_funds"))
    );
    let (_, absent) = site.get(PROVIDER_KEY, &outcome("b3")).await;
    assert_eq!(absent["status"], "ABSENT", "{absent}");
    let (status, _) = site.get(PROVIDER_KEY, &format!("{}&source=cashier", outcome("b1"))).await;
    assert_eq!(status, 403, "another's key is the office's to ask for");
    let (_, other) = site.get(OFFICE_KEY, &format!("{}&source=house-games", outcome("b1"))).await;
    assert_eq!(other["status"], "ACCEPTED", "{other}");
    site.end().await;
}

/// The statement and the rounds have what was just done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_has_what_was_just_done() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    for round in 1..=5 {
        let (id, name) = (format!("b{round}"), format!("r{round}"));
        site.post(PROVIDER_KEY, "/bets/place", bet(&id, &name, "10.00")).await;
    }
    site.post(PROVIDER_KEY, "/rounds/settle", settle("w1", "r1", "15.00")).await;
    let (_, page) = site.get(OFFICE_KEY, "/players/p_123/statement?limit=3").await;
    assert_eq!(page["lines"].as_array().unwrap().len(), 3, "{page}");
    assert_eq!(page["lines"][0]["after"][0]["cash"], "65.00");
    let next = page["next"].as_str().unwrap().replace(':', "%3A");
    let (_, rest) = site.get(OFFICE_KEY, &format!("/players/p_123/statement?limit=10&after={next}")).await;
    let entry = |page: &Value, line: usize| page["lines"][line]["entry"].as_u64().unwrap();
    assert_eq!(entry(&page, 2), entry(&rest, 0) + 1, "the next page goes on");
    assert_eq!(rest["next"], Value::Null);
    let (_, rounds) = site.get(OFFICE_KEY, "/players/p_123/rounds").await;
    let rounds = rounds["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 5);
    let closed = rounds.iter().find(|round| round["roundId"] == "r1").unwrap();
    assert_eq!((&closed["status"], &closed["paid"]), (&json!("closed"), &json!("15.00")), "{closed}");
    site.end().await;
}
