//! Pateplay: its published samples, pairs in one call (S78, S79), jackpots (S97, S98), cancels.

use std::collections::BTreeMap;

use reference_server::demo;
use serde_json::json;

use super::golden::{compare, exchanges};
use super::sign::hmac;
use crate::site::{Site, accounts};

const SAMPLES: &str = include_str!("../golden/pateplay.txt");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pateplay_answers_its_published_samples() {
    let site = Site::start().await;
    site.player("3455123", "10000.00", "USD").await;
    let token = site.token("3455123", "pateplay:test-game", "USD").await;
    let mut known = BTreeMap::new();
    for exchange in exchanges(SAMPLES, &[("{token}", &token)]) {
        let request = serde_json::from_str(&exchange.request).unwrap();
        compare(&exchange.answer, &site.pateplay(&exchange.call, &request).await, &mut known);
    }
    assert_ne!(known["{bet}"], known["{win}"]);
    assert_eq!(site.accounts("3455123").await, accounts([("player:cash USD", "10000.00")]));
    // One hundredth of the stake is the provider's jackpot's.
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:jackpot_contribution USD", "0.010000"),
            ("gaming:payouts USD", "100.01"),
            ("gaming:stakes USD", "100.01"),
            ("jackpot:network_payable USD", "0.010000"),
            ("psp:clearing USD", "10000.00"),
        ])
    );
    site.end().await;
}

/// S78, S79, S84: bet and win in one call, both or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pateplay_takes_a_bet_and_its_win_in_one_call() {
    let site = Site::start().await;
    site.player("p", "10012.00", "USD").await;
    let token = site.token("p", "pateplay:test-game", "USD").await;
    let both = |round: &str, out: &str, back: &str, stake: &str, win: &str| {
        json!({
            "sessionToken": token, "playerId": "p", "currency": "USD", "rgsRoundId": round,
            "rgsWithdrawTransactionId": out, "rgsDepositTransactionId": back, "gameName": "test-game",
            "withdrawAmount": stake, "depositAmount": win, "jackpotContribution": "0.01",
            "withdrawReason": "round_start", "depositReason": "round_end"
        })
    };
    let body = both("123323125", "534123666", "534123667", "1.00", "0.00");
    let first = site.pateplay("withdraw-and-deposit", &body).await;
    assert_eq!(first["result"]["balance"], "10011.00", "{first}");
    let (out, back) = (&first["result"]["withdrawTransactionId"], &first["result"]["depositTransactionId"]);
    assert_ne!(out, back);
    let again = site.pateplay("withdraw-and-deposit", &body).await;
    assert_eq!(again["error"]["code"], "TRANSACTION_ALREADY_EXISTS", "{again}");
    assert_eq!(
        (&again["error"]["data"]["withdrawTransactionId"], &again["error"]["data"]["depositTransactionId"]),
        (out, back)
    );
    let poor = both("r2", "o2", "b2", "10000.01", "9.00");
    let spent = both("r3", "o3", "b3", "10.00", "0.00");
    site.pateplay("withdraw-and-deposit", &spent).await;
    site.pateplay("withdraw-and-deposit", &both("r4", "o4", "b4", "1.00", "0.00")).await;
    let refused = site.pateplay("withdraw-and-deposit", &poor).await;
    assert_eq!(refused["error"]["code"], "INSUFFICIENT_BALANCE", "a win does not pay for its bet: {refused}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash USD", "10000.00")]));
    site.end().await;
}

/// S98: the win of a round, then the jackpot, which ends it. S31, S32: a cancel, again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pateplay_pays_jackpots_and_cancels() {
    let site = Site::start().await;
    site.player("p", "100.00", "USD").await;
    let token = site.token("p", "pateplay:test-game", "USD").await;
    let call = |round: &str, txn: &str, amount: &str, reason: &str, jackpot: bool| {
        json!({"sessionToken": token, "playerId": "p", "currency": "USD", "rgsRoundId": round, "rgsTransactionId": txn,
            "gameName": "test-game", "amount": amount, "reason": reason, "isJackpotWin": jackpot})
    };
    site.pateplay("withdraw", &call("r1", "t1", "10.00", "round_start", false)).await;
    site.pateplay("deposit", &call("r1", "w1", "5.00", "round_continue", false)).await;
    let won = site.pateplay("deposit", &call("r1", "w2", "1000.00", "round_end", true)).await;
    assert_eq!(won["result"]["balance"], "1095.00", "{won}");
    let again = site.pateplay("deposit", &call("r1", "w2", "1000.00", "round_end", true)).await;
    assert_eq!(again["error"]["data"]["transactionId"], won["result"]["transactionId"], "{again}");
    let late = site.pateplay("deposit", &call("r1", "w3", "1.00", "round_end", false)).await;
    assert_eq!(late["error"]["code"], "ROUND_CLOSED", "{late}");
    let placed = site.pateplay("withdraw", &call("r2", "t2", "10.00", "round_start", false)).await;
    for _ in 0..2 {
        let cancelled = site.pateplay("cancel", &call("r2", "t2", "10.00", "", false)).await;
        assert_eq!(cancelled["result"]["transactionId"], placed["result"]["transactionId"], "{cancelled}");
    }
    assert_eq!(site.accounts("p").await, accounts([("player:cash USD", "1095.00")]));
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:payouts USD", "5.00"),
            ("gaming:stakes USD", "10.00"),
            ("psp:clearing USD", "100.00"),
            ("receivable:provider USD", "1000.00"),
        ])
    );
    site.end().await;
}

/// S13, S11, and who the player is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pateplay_is_believed_if_key_and_signature_are_its_own() {
    let site = Site::start().await;
    site.player("p", "100.00", "USD").await;
    let token = site.token("p", "pateplay:test-game", "USD").await;
    let body = json!({"sessionToken": token}).to_string();
    let secret = demo::secret_of(reference_server::config::DialectName::Pateplay);
    let signature = hmac(&secret, &[body.as_bytes()]);
    for (key, shown, is_good) in [
        (demo::PATEPLAY_API_KEY, &*signature, true),
        ("another", &*signature, false),
        (demo::PATEPLAY_API_KEY, "00", false),
        (demo::PATEPLAY_API_KEY, &hmac("another", &[body.as_bytes()]), false),
    ] {
        let headers = [("x-api-key", key), ("x-api-hmac", shown)];
        let told = site.call("pateplay", "/authenticate", &headers, &body).await.json();
        assert_eq!(told["error"]["code"] == "INVALID_SIGNATURE", !is_good, "{told}");
        if is_good {
            assert_eq!(told, json!({"result": {"playerId": "p", "currency": "USD", "balance": "100.00"}}));
        }
    }
    let other = json!({"sessionToken": token, "playerId": "q"});
    assert_eq!(site.pateplay("balance", &other).await["error"]["code"], "INVALID_SESSION_TOKEN");
    // A token of another provider's game is none here.
    let foreign = site.token("p", "hmac:crash", "USD").await;
    let told = site.pateplay("balance", &json!({"sessionToken": foreign})).await;
    assert_eq!(told["error"]["code"], "INVALID_SESSION_TOKEN");
    site.end().await;
}
