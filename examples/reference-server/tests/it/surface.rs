//! What stands around every request: keys, roles, limits, headers, traces, and the description of it all.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use http_body_util::BodyExt as _;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY};
use reference_server::{Config, demo};
use serde_json::json;

use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_no_key_or_another_role_may_do_nothing() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    for key in ["", "Bearer", "Bearer nonsense", "Basic bm9ib2R5", "Digest x"] {
        let answer = site.http.send(Method::GET, "/players/p", &[("authorization", key)], "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("unauthorised")), "{key}");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    let bet = json!({"requestId": "b", "playerId": "p", "roundId": "r", "gameId": "hmac:crash",
        "stake": {"amount": "1.00", "currency": "EUR"}});
    for key in [CASHIER_KEY, OFFICE_KEY] {
        let (status, problem) = site.post(key, "/bets/place", bet.clone()).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    }
    for path in ["/players/p", "/players/p/statement", "/players/p/limits", "/withdrawals/queue/requested"] {
        let (status, _) = site.get(PROVIDER_KEY, path).await;
        assert_eq!(status, 403, "{path}");
    }
    let (status, _) = site
        .post(
            PROVIDER_KEY,
            "/deposits",
            json!({"requestId": "d", "playerId": "p",
        "amount": {"amount": "1.00", "currency": "EUR"}}),
        )
        .await;
    assert_eq!(status, 403);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_get_problems_and_nothing_else() {
    let site = Site::with(|config| Config { body_bytes_max: 2_000, ..config }).await;
    let key = ("authorization", &*format!("Bearer {PROVIDER_KEY}"));
    let json = ("content-type", "application/json");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3_000));
    for (method, path, headers, body, status, code) in [
        (Method::POST, "/bets/place", &[key, json][..], long.as_str(), 413, "body_too_large"),
        (Method::POST, "/bets/place", &[key], "{}", 415, "not_json"),
        (Method::POST, "/bets/place", &[key, json], "{", 400, "invalid_request"),
        (Method::POST, "/bets/place", &[key, json], "{}", 400, "invalid_request"),
        (Method::GET, "/nothing", &[], "", 404, "not_found"),
        (Method::GET, "/bets/place", &[], "", 405, "method_not_allowed"),
        (Method::POST, "/rgs/provider/nobody/callback", &[], "{}", 404, "not_found"),
        (Method::POST, "/rgs/provider/hmac/callback", &[], long.as_str(), 413, "body_too_large"),
    ] {
        let answer = site.http.send(method, path, headers, body.to_owned()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    }
    site.end().await;
}

/// The trace of a request comes back, and stands in the statement of what it did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_request_to_the_view() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let key = format!("Bearer {PROVIDER_KEY}");
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("authorization", &*key), ("content-type", "application/json"), ("traceparent", &parent)];
    let bet = json!({"requestId": "b", "playerId": "p", "roundId": "r", "gameId": "hmac:crash",
        "stake": {"amount": "1.00", "currency": "EUR"}});
    let answer = site.http.send(Method::POST, "/bets/place", &headers, bet.to_string()).await;
    assert_eq!((answer.status, answer.headers["x-trace-id"].to_str().unwrap()), (200, trace));
    let (_, page) = site.get(OFFICE_KEY, "/players/p/statement?limit=1").await;
    assert_eq!(page["lines"][0]["trace"], trace, "{page}");
    assert_eq!(page["lines"][0]["actor"], "house-games");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_that_it_lives_and_is_ready() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let alive = site.http.send(Method::GET, "/livez", &[], "").await;
    assert_eq!((alive.status, &alive.json()["status"]), (200, &json!("alive")));
    let ready = site.http.send(Method::GET, "/readyz", &[], "").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &json!(true)), "{}", ready.text());
    assert_eq!(ready.json()["views"].as_array().unwrap().len(), 10);
    // A ledger that is closed is not ready, and says so.
    site.server.casino.ledger.close().await.unwrap();
    let (status, problem) = site
        .post(
            PROVIDER_KEY,
            "/bets/place",
            json!({"requestId": "b", "playerId": "p",
        "roundId": "r", "gameId": "hmac:crash", "stake": {"amount": "1.00", "currency": "EUR"}}),
        )
        .await;
    assert_eq!((status, &problem["outcome"]), (503, &json!("not_recorded")), "{problem}");
}

/// The description names every path there is, of the version 3.1, and its viewer asks no other host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_whole_and_can_be_read() {
    let site = Site::start().await;
    let api = site.http.send(Method::GET, "/openapi.json", &[], "").await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"), "{}", api["openapi"]);
    let source = include_str!("../../src/api/mod.rs");
    let mut described = 0;
    for line in source.lines().filter(|line| line.contains(".route(\"")) {
        let path = line.split('"').nth(1).unwrap();
        if matches!(path, "/openapi.json" | "/docs") {
            continue;
        }
        for method in ["get", "post", "put"].iter().filter(|method| line.contains(&format!("{method}("))) {
            described += 1;
            assert!(api["paths"][path][method].is_object(), "{method} {path} is not described");
        }
    }
    assert!(described > 25, "{described}");
    let operations =
        api["paths"].as_object().unwrap().values().flat_map(|of| of.as_object().unwrap().values());
    let names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(different.len(), names.len(), "generated clients call each by its name: {names:?}");
    let references = api.to_string();
    for reference in references.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(api.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    assert!(!references.contains("# Errors"), "what is for readers of the code");
    let viewer = site.http.send(Method::GET, "/docs", &[], "").await;
    let text = viewer.text();
    assert!(text.contains("/bets/place") && text.contains("balanceAfter"));
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("<script"));
    site.end().await;
}

/// Live balances: the first at once, the next when something is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_are_told_as_they_change() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = axum::http::Request::builder()
        .uri(format!("http://{}/players/p/balances/live", site.server.address))
        .header("authorization", format!("Bearer {CASHIER_KEY}"))
        .body(http_body_util::Empty::<axum::body::Bytes>::new())
        .unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut read_until = async |wanted: &str| {
        while !text.contains(wanted) {
            let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await;
            let data = frame.expect("an event").expect("more").unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&data).unwrap());
        }
    };
    read_until("\"available\":\"100.00\"").await;
    let bet = json!({"requestId": "b", "playerId": "p", "roundId": "r", "gameId": "hmac:crash",
        "stake": {"amount": "30.00", "currency": "EUR"}});
    site.post(PROVIDER_KEY, "/bets/place", bet).await;
    read_until("\"available\":\"70.00\"").await;
    // Who has seen the last is told the next alone.
    let id = text.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    let request = axum::http::Request::builder()
        .uri(format!("http://{}/players/p/balances/live", site.server.address))
        .header("authorization", format!("Bearer {CASHIER_KEY}"))
        .header("last-event-id", &id)
        .body(http_body_util::Empty::<axum::body::Bytes>::new())
        .unwrap();
    let mut body = client.request(request).await.unwrap().into_body();
    let bet = json!({"requestId": "c", "playerId": "p", "roundId": "s", "gameId": "hmac:crash",
        "stake": {"amount": "5.00", "currency": "EUR"}});
    site.post(PROVIDER_KEY, "/bets/place", bet).await;
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await;
    let data = frame.expect("an event").expect("more").unwrap().into_data().unwrap();
    let next = std::str::from_utf8(&data).unwrap();
    assert!(next.contains("\"available\":\"65.00\"") && !next.contains("70.00"), "{next}");
    // A stream that is open does not keep the server from ending.
    site.end().await;
}

/// Everything that is wrong with a configuration is told at once.
#[test]
fn a_configuration_tells_all_its_faults() {
    let good = demo::config();
    assert!(good.clone().check().is_ok());
    let mut bad = good;
    bad.listen = "nowhere".to_owned();
    bad.store = "mysql://x".to_owned();
    bad.secret = reference_server::config::Secret::new("short");
    bad.keys[0].sha256 = "12".to_owned();
    bad.keys[2].sha256 = bad.keys[1].sha256.clone();
    bad.brands[0].currencies.push("QQQ".to_owned());
    bad.games[0].provider = "nobody".to_owned();
    bad.games[1].max_bet = Some("much".to_owned());
    bad.providers[1].public_key = Some("no key".to_owned());
    bad.providers[2].secret = reference_server::config::Secret::default();
    let faults = bad.check().unwrap_err().faults;
    for wanted in [
        "listen:",
        "store:",
        "secret:",
        "keys[0]",
        "keys[2]",
        "QQQ",
        "there is no provider nobody",
        "\"much\"",
        "public_key is no RSA key",
        "needs a secret",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "{wanted} is missing in {faults:#?}");
    }
    let shown = format!("{:?}", demo::config());
    assert!(!shown.contains("demo-secret-of"), "secrets are not shown");
}

/// One caller who calls too often does not hinder another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_too_often_waits() {
    let site = Site::with(|config| Config { requests_per_second: 3, ..config }).await;
    let mut limited = None;
    for _ in 0..200 {
        let answer = site.http.send(Method::GET, "/livez", &[], "").await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        assert_eq!(answer.status, 200);
    }
    let limited = limited.expect("a limit");
    assert_eq!(
        (&limited.json()["code"], &limited.headers["retry-after"]),
        (&json!("rate_limited"), &"1".parse().unwrap())
    );
    let (status, _) = site.get(OFFICE_KEY, "/providers").await;
    assert_eq!(status, 200, "a key that is known has a limit of its own");
    // Calls of providers come from one address, and are not counted.
    for _ in 0..10 {
        let call = json!({"type": "balance", "user_id": "nobody", "currency": "EUR"});
        let (status, told) = site.neutral(&call).await;
        assert_eq!((status, &told["code"]), (404, &json!("player_unknown")), "{told}");
    }
    site.end().await;
}
