//! Bonuses over HTTP: offered, claimed, played, and given up at what was quoted.

use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY};
use serde_json::{Value, json};

use crate::site::{Site, accounts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bonus_is_given_up_at_what_was_quoted() {
    let site = Site::start().await;
    site.player("p", "10.00", "EUR").await;
    let offer = json!({"requestId": "gift-1", "terms": "gift", "currency": "EUR", "amount": "20.00"});
    let (status, answer) = site.post(CASHIER_KEY, "/players/p/bonuses/offers", offer.clone()).await;
    assert_eq!(status, 403, "{answer}");
    let (status, answer) = site.post(OFFICE_KEY, "/players/p/bonuses/offers", offer).await;
    assert_eq!(status, 200, "{answer}");
    let (_, bonuses) = site.get(CASHIER_KEY, "/players/p/bonuses").await;
    assert_eq!(
        (&bonuses["live"][0]["state"], &bonuses["live"][0]["campaign"]),
        (&json!("offered"), &json!("gift"))
    );
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "10.00")]), "an offer is no money");
    let claim = json!({"requestId": "claim-1"});
    let (status, answer) =
        site.post(CASHIER_KEY, "/players/p/bonuses/office/gift-1/claim", claim.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, again) = site.post(CASHIER_KEY, "/players/p/bonuses/office/gift-1/claim", claim).await;
    assert_eq!(again["replayed"], true);
    let (_, balances) = site.get(CASHIER_KEY, "/players/p/balances").await;
    assert_eq!(balances["bonus"][0]["balance"], "20.00", "{balances}");
    assert_eq!(balances["balances"][0]["available"], "10.00");

    // 15 of a stake of 25 is bonus: cash goes first.
    let bet = json!({
        "requestId": "b1", "playerId": "p", "roundId": "r1", "gameId": "hmac:crash",
        "stake": {"amount": "25.00", "currency": "EUR"}
    });
    let path = "/players/p/bonuses/office/gift-1/cancellation";
    let (_, before) = site.get(CASHIER_KEY, path).await;
    assert_eq!(before, json!({"currency": "EUR", "credits": "20.00", "held": "0.00"}));
    let (status, placed) = site.post(PROVIDER_KEY, "/bets/place", bet).await;
    assert_eq!((status, &placed["balanceAfter"]), (200, &json!("0.00")), "{placed}");
    let cancel = |id: &str, credits: &str, held: &str| -> Value {
        json!({"requestId": id, "credits": credits, "held": held})
    };
    let (status, problem) = site.post(CASHIER_KEY, path, cancel("c1", "20.00", "0.00")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("quote_changed")), "{problem}");
    let (_, now) = site.get(CASHIER_KEY, path).await;
    assert_eq!(now, json!({"currency": "EUR", "credits": "5.00", "held": "15.00"}));
    let (status, answer) = site.post(CASHIER_KEY, path, cancel("c2", "5.00", "15.0")).await;
    assert_eq!(status, 200, "{answer}");
    let (status, again) = site.post(CASHIER_KEY, path, cancel("c2", "5.00", "15.0")).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)), "{again}");
    let (_, bonuses) = site.get(CASHIER_KEY, "/players/p/bonuses").await;
    assert_eq!(bonuses["live"].as_array().unwrap().len(), 0, "{bonuses}");
    assert_eq!(bonuses["history"][0]["forfeited"], "5.00", "{bonuses}");
    let settle = json!({
        "requestId": "w1", "playerId": "p", "roundId": "r1", "payout": {"amount": "50.00", "currency": "EUR"}
    });
    let (status, settled) = site.post(PROVIDER_KEY, "/rounds/settle", settle).await;
    // Of the win the share of the cash: 10 of 25.
    assert_eq!((status, &settled["balanceAfter"]), (200, &json!("20.00")), "{settled}");
    assert_eq!(site.accounts("p").await, accounts([("player:cash EUR", "20.00")]));
    site.end().await;
}
