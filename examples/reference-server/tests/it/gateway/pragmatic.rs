//! Pragmatic Play: its codes, `endRound` (S65 to S67), repeated calls with the balance of now (S18), refunds (S76),
//! wins that are news (S95), adjustments (S103, S104), its hash (S13).

use reference_server::demo;
use serde_json::{Value, json};

use super::sign::signed_form;
use crate::site::{Site, accounts};

async fn site() -> Site {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    site
}

fn of<'a>(reference: &'a str, round: &'a str, amount: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("userId", "p"),
        ("gameId", "vs20olympgate"),
        ("roundId", round),
        ("amount", amount),
        ("reference", reference),
        ("providerId", "pragmaticplay"),
        ("roundDetails", "spin & win"),
    ]
}

fn cash(answer: &Value) -> (i64, f64) {
    (answer["error"].as_i64().unwrap(), answer["cash"].as_f64().unwrap_or(-1.0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pragmatic_bets_results_and_ends_of_rounds() {
    let site = site().await;
    let token = site.token("p", "pragmatic:vs20olympgate", "EUR").await;
    let told = site.pragmatic("authenticate.html", &[("token", &token)]).await;
    assert_eq!(
        told,
        json!({"userId": "p", "currency": "EUR", "cash": 100.00, "bonus": 0.00, "error": 0, "description": "Success"})
    );
    let first = site.pragmatic("bet.html", &of("b1", "R", "10.00")).await;
    assert_eq!(cash(&first), (0, 90.0), "{first}");
    assert_eq!(first["usedPromo"].as_f64(), Some(0.0));
    site.pragmatic("bet.html", &of("b2", "R2", "20.00")).await;
    let again = site.pragmatic("bet.html", &of("b1", "R", "10.00")).await;
    assert_eq!(cash(&again), (0, 70.0), "the balance of now");
    assert_eq!(again["transactionId"], first["transactionId"]);
    let other = site.pragmatic("bet.html", &of("b1", "R", "15.00")).await;
    assert_eq!(other["error"], 7, "{other}");
    assert_eq!(cash(&site.pragmatic("result.html", &of("w1", "R", "25.00")).await), (0, 95.0));
    let open = accounts([("player:cash EUR", "95.00"), ("player:held EUR", "30.00")]);
    assert_eq!(site.accounts("p").await, open, "a result ends nothing");
    for _ in 0..2 {
        let ended =
            site.pragmatic("endRound.html", &[("userId", "p"), ("roundId", "R"), ("gameId", "x")]).await;
        assert_eq!(cash(&ended), (0, 95.0), "{ended}");
    }
    let nobody =
        site.pragmatic("endRound.html", &[("userId", "p"), ("roundId", "never"), ("gameId", "x")]).await;
    assert_eq!(cash(&nobody), (0, 95.0), "S66: {nobody}");
    let settled = accounts([("player:cash EUR", "95.00"), ("player:held EUR", "20.00")]);
    assert_eq!(site.accounts("p").await, settled);
    site.end().await;
}

/// S04, S34, S35, S56, S70, S76: the codes of what is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pragmatic_refusals_have_their_codes() {
    let site = site().await;
    site.pragmatic("bet.html", &of("b1", "R", "10.00")).await;
    site.pragmatic("result.html", &of("w1", "R", "25.00")).await;
    site.pragmatic("endRound.html", &[("userId", "p"), ("roundId", "R")]).await;
    site.pragmatic("bet.html", &of("b2", "R2", "10.00")).await;
    let refund = |reference| vec![("userId", "p"), ("reference", reference)];
    for (call, parameters, code) in [
        ("bet.html", of("c1", "R3", "105.01"), 1),
        ("bet.html", of("c2", "R3", "1e2"), 7),
        ("bet.html", of("c3", "R3", "1.005"), 7),
        ("bet.html", of("c4", "R", "1.00"), 120),
        ("result.html", of("c5", "unknown", "5.00"), 120),
        ("refund.html", refund("b1"), 120),
        ("refund.html", refund("b2"), 0),
        ("refund.html", refund("b2"), 0),
        ("result.html", of("c6", "R2", "5.00"), 120),
        ("refund.html", refund("never"), 0),
        ("bet.html", of("never", "R4", "1.00"), 120),
        ("nothing.html", refund("b2"), 7),
        ("balance.html", vec![("userId", "nobody")], 2),
        ("balance.html", vec![("token", "forged")], 4),
    ] {
        let told = site.pragmatic(call, &parameters).await;
        assert_eq!(told["error"], code, "{call} {parameters:?} {told}");
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "115.00")]));
    site.end().await;
}

/// S58, S95, S103, S104, S112: wins without a bet, news, and corrections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pragmatic_promotions_and_adjustments() {
    let site = site().await;
    assert_eq!(cash(&site.pragmatic("promoWin.html", &of("p1", "", "5.00")).await), (0, 105.0));
    assert_eq!(cash(&site.pragmatic("jackpotWin.html", &of("j1", "J", "50.00")).await), (0, 155.0));
    assert_eq!(cash(&site.pragmatic("bonusWin.html", &of("f1", "F", "12.00")).await), (0, 155.0), "news");
    for _ in 0..2 {
        assert_eq!(cash(&site.pragmatic("adjustment.html", &of("a1", "R", "5.00")).await), (0, 160.0));
    }
    assert_eq!(cash(&site.pragmatic("adjustment.html", &of("a2", "R", "-7.50")).await), (0, 152.5));
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "152.50")]));
    site.end().await;
}

/// S13: another secret, another value, a parameter twice, no hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pragmatic_is_believed_if_its_parameters_are_signed() {
    let site = site().await;
    let secret = demo::secret_of(reference_server::config::DialectName::Pragmatic);
    let good = signed_form(&of("b1", "R", "10.00"), &secret);
    for body in [
        signed_form(&of("b1", "R", "10.00"), "another"),
        good.replace("amount=10.00", "amount=1.00"),
        format!("{good}&amount=1.00"),
        "userId=p&amount=1".to_owned(),
        String::new(),
    ] {
        let told = site.call("pragmatic", "/bet.html", &[], &body).await.json();
        assert_eq!(told["error"], 5, "{body}");
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "100.00")]));
    assert_eq!(site.call("pragmatic", "/bet.html", &[], &good).await.json()["error"], 0);
    site.end().await;
}
