//! Hub88: its figures, signatures of RSA (S13, S14), duplicates, promotions (S58, S63), free bets (S93).

use reference_server::demo;
use serde_json::{Value, json};

use super::sign::rsa;
use crate::site::{Site, accounts};

struct Game {
    token: String,
}

impl Game {
    fn call(&self, txn: &str, round: &str, amount: i64, more: &Value) -> Value {
        let mut body = json!({
            "user": "p", "token": self.token, "request_uuid": format!("req-{txn}"), "transaction_uuid": txn,
            "supplier_transaction_id": "s", "round": round, "round_closed": false, "game_code": "book",
            "currency": "EUR", "amount": amount, "bet": "zero"
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }
}

async fn game(deposit: &str) -> (Site, Game) {
    let site = Site::start().await;
    site.player("p", deposit, "EUR").await;
    let token = site.token("p", "hub88:book", "EUR").await;
    (site, Game { token })
}

/// The reconstructed sample: 356000, a bet of 100000, its copy, a win of 450000.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub88_answers_its_sample() {
    let (site, game) = game("3.56").await;
    let told =
        site.hub88("user/balance", &json!({"user": "p", "token": game.token, "request_uuid": "r0"})).await;
    assert_eq!(
        told,
        json!({"status": "RS_OK", "request_uuid": "r0", "user": "p", "currency": "EUR", "balance": 356_000})
    );
    let bet = game.call("t1", "R", 100_000, &json!({}));
    for _ in 0..2 {
        let told = site.hub88("transaction/bet", &bet).await;
        assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(256_000)), "{told}");
    }
    let win =
        game.call("t2", "R", 450_000, &json!({"reference_transaction_uuid": "t1", "round_closed": true}));
    let told = site.hub88("transaction/win", &win).await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(706_000)), "{told}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "7.06")]));
    site.end().await;
}

/// S04, S10, S11, S19, S34, S35, S39, S40, S56: what is refused, by its word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub88_refusals_have_their_words() {
    let (site, game) = game("100.00").await;
    site.hub88("transaction/bet", &game.call("t1", "R", 1_000_000, &json!({}))).await;
    let nothing = json!({});
    for (call, body, status) in [
        ("transaction/bet", game.call("t2", "R2", 50_100_000, &nothing), "RS_ERROR_BET_LIMIT_EXCEEDED"),
        ("transaction/bet", game.call("t1", "R", 1_500_000, &nothing), "RS_ERROR_DUPLICATE_TRANSACTION"),
        ("transaction/bet", game.call("t3", "R", 1, &nothing), "RS_ERROR_WRONG_TYPES"),
        ("transaction/bet", game.call("t3", "R", -100_000, &nothing), "RS_ERROR_WRONG_TYPES"),
        (
            "transaction/bet",
            game.call("t3", "R", 100_000, &json!({"currency": "GBP"})),
            "RS_ERROR_WRONG_CURRENCY",
        ),
        (
            "transaction/bet",
            game.call("t3", "R", 100_000, &json!({"game_code": "x"})),
            "RS_ERROR_INVALID_GAME",
        ),
        ("transaction/bet", game.call("t3", "R", 100_000, &json!({"token": "x"})), "RS_ERROR_INVALID_TOKEN"),
        ("transaction/bet", game.call("t3", "R", 100_000, &json!({"user": "q"})), "RS_ERROR_INVALID_TOKEN"),
        ("transaction/bet", json!({"token": 1}), "RS_ERROR_WRONG_SYNTAX"),
        ("transaction/nothing", game.call("t3", "R", 1, &nothing), "RS_ERROR_WRONG_SYNTAX"),
        (
            "transaction/win",
            game.call("w1", "unknown", 100_000, &nothing),
            "RS_ERROR_TRANSACTION_DOES_NOT_EXIST",
        ),
        (
            "transaction/rollback",
            game.call("x1", "", 0, &json!({"reference_transaction_uuid": "t9"})),
            "RS_OK",
        ),
        ("transaction/bet", game.call("t9", "R9", 100_000, &nothing), "RS_ERROR_UNKNOWN"),
    ] {
        let told = site.hub88(call, &body).await;
        assert_eq!(told["status"], status, "{call} {body}");
    }
    let held = accounts([("player:cash EUR", "90.00"), ("player:held EUR", "10.00")]);
    assert_eq!(site.accounts("p").await, held);
    // Not enough money is told with what there is.
    for round in 0..9 {
        site.hub88("transaction/bet", &game.call(&format!("s{round}"), "S", 1_000_000, &nothing)).await;
    }
    let told = site.hub88("transaction/bet", &game.call("s9", "S", 100_000, &nothing)).await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_ERROR_NOT_ENOUGH_MONEY"), &json!(0)));
    let told = site
        .hub88("transaction/rollback", &game.call("x2", "R", 0, &json!({"reference_transaction_uuid": "t1"})))
        .await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(1_000_000)), "{told}");
    site.end().await;
}

/// S13, S14: another key, other spaces, no signature.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub88_signatures_are_of_the_bytes() {
    let (site, game) = game("100.00").await;
    let body = game.call("t1", "R", 100_000, &json!({})).to_string();
    let signature = rsa(body.as_bytes());
    let mut spoilt = signature.clone().into_bytes();
    spoilt[10] = if spoilt[10] == b'A' { b'B' } else { b'A' };
    let spoilt = String::from_utf8(spoilt).unwrap();
    for (signature, body) in [
        (signature.as_str(), body.replace("\":", "\": ")),
        (&*spoilt, body.clone()),
        ("", body.clone()),
        ("no base64!", body.clone()),
    ] {
        let told =
            site.call("hub88", "/transaction/bet", &[("x-hub88-signature", signature)], &body).await.json();
        assert_eq!(told["status"], "RS_ERROR_INVALID_SIGNATURE");
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    let told =
        site.call("hub88", "/transaction/bet", &[("x-hub88-signature", &signature)], &body).await.json();
    assert_eq!(told["status"], "RS_OK", "the id was not used up");
    site.end().await;
}

/// S58, S63, S67, S71, S93: promotions without a bet and after the end, a bet that is the whole round, a free one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub88_promotions_and_free_bets() {
    let (site, game) = game("100.00").await;
    let told = site
        .hub88("transaction/bet", &game.call("t1", "R1", 1_000_000, &json!({"round_closed": true})))
        .await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(9_000_000)), "{told}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "90.00")]), "it is lost");
    let path = "/players/p/sessions/hub88/s-p-hub88:book/end";
    let (status, _) = site.post(demo::CASHIER_KEY, path, json!({"requestId": "end"})).await;
    assert_eq!(status, 200);
    let promo = game.call("w1", "R1", 500_000, &json!({"is_supplier_promo": true}));
    let told = site.hub88("transaction/win", &promo).await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(9_500_000)), "{told}");
    let told = site.hub88("transaction/bet", &game.call("t2", "R2", 100_000, &json!({}))).await;
    assert_eq!(told["status"], "RS_ERROR_TOKEN_EXPIRED", "{told}");
    let token = {
        let body = json!({"requestId": "again", "gameId": "hub88:book", "currency": "EUR"});
        site.post(demo::CASHIER_KEY, "/players/p/sessions", body).await.1["token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let game = Game { token };
    let free = json!({"is_free": true, "reward_uuid": "reward-1"});
    let told = site.hub88("transaction/bet", &game.call("t3", "R3", 20_000, &free)).await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(9_500_000)), "no debit: {told}");
    let won = json!({"reference_transaction_uuid": "t3", "round_closed": true});
    let told = site.hub88("transaction/win", &game.call("w3", "R3", 730_000, &won)).await;
    assert_eq!((&told["status"], &told["balance"]), (&json!("RS_OK"), &json!(10_230_000)), "{told}");
    assert_eq!(
        site.house().await,
        accounts([
            ("freespin:cost EUR", "7.30"),
            ("gaming:stakes EUR", "10.00"),
            ("psp:clearing EUR", "100.00"),
            ("receivable:provider EUR", "5.00"),
        ])
    );
    site.end().await;
}
