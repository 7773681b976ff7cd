//! Catalogues of providers: imported from their documents, kept in the ledger, in force on every server.

use axum::http::Method;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, SECOND_OFFICE_KEY};
use reference_server::{Config, Server};
use serde_json::{Value, json};

use crate::site::{Http, Site, config};

async fn import(http: &Http, id: &str, kind: &str, document: &str) -> (u16, Value) {
    let key = format!("Bearer {OFFICE_KEY}");
    let headers = [
        ("authorization", &*key),
        ("content-type", kind),
        ("idempotency-key", id),
        ("x-approval-key", SECOND_OFFICE_KEY),
    ];
    let answer =
        http.send(Method::PUT, "/providers/hmac/games?reason=new+games", &headers, document.to_owned()).await;
    (answer.status, answer.json())
}

fn call(kind: &str, id: &str, round: &str, game: &str, amount: &str) -> Value {
    json!({"type": kind, "transaction_id": id, "round_id": round, "user_id": "p", "game_id": game,
        "amount": amount, "currency": "EUR", "round_closed": true})
}

const CSV: &str = "code,name,category,rtp,min_bet,max_bet\n\
    dice,\"Dice, of two\",tables,0.9800,0.50,20.00\nplane,Aeroplane,crash,,,\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_come_from_a_providers_document() {
    let site = Site::start().await;
    site.player("p", "100.00", "EUR").await;
    assert_eq!(site.neutral(&call("bet", "t0", "r0", "dice", "1.00")).await.0, 400, "there is none");
    let (status, first) = import(&site.http, "i1", "text/csv", CSV).await;
    assert_eq!((status, &first["active"], &first["policy"]), (200, &json!(4), &json!(1)), "{first}");
    // They can be played at once, within their limits.
    assert_eq!(site.neutral(&call("bet", "t1", "r1", "dice", "1.00")).await.0, 200);
    let (status, told) = site.neutral(&call("bet", "t2", "r2", "dice", "20.01")).await;
    assert_eq!((status, &told["code"]), (422, &json!("stake_not_allowed")), "{told}");
    assert_eq!(site.neutral(&call("bet", "t3", "r3", "plane", "20.01")).await.0, 200);
    let launch = |id: &str| json!({"requestId": id, "gameId": "hmac:dice", "currency": "EUR"});
    assert_eq!(site.post(CASHIER_KEY, "/players/p/sessions", launch("s1")).await.0, 201);
    // What the configuration has of the provider stays, until a document has it.
    assert_eq!(site.neutral(&call("bet", "t4", "r4", "crash", "1.00")).await.0, 200);
    // The next document has no dice, other limits, and another name for what the configuration has.
    let next = json!({"games": [
        {"code": "plane", "name": "Aeroplane", "category": "crash", "max_bet": "10.00"},
        {"code": "crash", "id": "hmac:crash", "name": "Rocket", "category": "crash", "active": false}
    ]});
    let (status, second) = import(&site.http, "i2", "application/json", &next.to_string()).await;
    assert_eq!((status, &second["active"], &second["policy"]), (200, &json!(2), &json!(2)), "{second}");
    let (status, problem) = site.post(CASHIER_KEY, "/players/p/sessions", launch("s2")).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{problem}");
    // A round that began in it ends.
    let (status, told) = site.neutral(&call("win", "w1", "r1", "dice", "2.00")).await;
    assert_eq!(status, 200, "{told}");
    let (status, told) = site.neutral(&call("bet", "t5", "r5", "plane", "10.01")).await;
    assert_eq!((status, &told["code"]), (422, &json!("stake_not_allowed")), "{told}");
    // The first again is the answer of then, and changes nothing.
    let (status, again) = import(&site.http, "i1", "text/csv", CSV).await;
    assert_eq!((status, &again["replayed"], &again["policy"]), (200, &json!(true), &json!(2)), "{again}");
    assert_eq!(again["recorded"], first["recorded"]);
    let (status, problem) = import(&site.http, "i1", "application/json", &next.to_string()).await;
    assert_eq!((status, &problem["code"]), (409, &json!("key_reused")), "{problem}");
    let (_, all) = site.get(CASHIER_KEY, "/providers/hmac/games").await;
    let all: Vec<(&str, bool)> = all["games"]
        .as_array()
        .unwrap()
        .iter()
        .map(|game| (game["id"].as_str().unwrap(), game["active"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        all,
        [("hmac:crash", false), ("hmac:derby", true), ("hmac:dice", false), ("hmac:plane", true)]
    );
    site.end().await;
}

/// A document is taken whole or not at all, from who may, and is there after a new start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_with_a_fault_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let server = Server::start(Config { ..config(folder.path()) }.check().unwrap()).await.unwrap();
        let http = Http::to(server.address);
        (server, http)
    };
    let (server, http) = start().await;
    for (kind, document) in [
        ("text/csv", "code,name\nx,X\n"),
        ("text/csv", "code,name,category,colour\nx,X,slots,red\n"),
        ("text/csv", "code,name,category,max_bet\nx,X,slots,much\n"),
        ("text/csv", "code,name,category\nx,X,slots\nx,Y,slots\n"),
        ("text/csv", "code,name,category,id\nx,X,slots,hub88:book\n"),
        ("application/json", "[]"),
        ("application/json", "{\"games\": [{\"code\": \"x\", \"name\": \"X\", \"category\": \"cards\"}]}"),
    ] {
        let (status, problem) = import(&http, "i", kind, document).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{document}: {problem}");
    }
    assert_eq!(import(&http, "i", "text/plain", CSV).await.0, 415);
    let many: Vec<String> = (0..2_001).map(|n| format!("g{n},G,slots")).collect();
    let (status, problem) =
        import(&http, "i", "text/csv", &format!("code,name,category\n{}\n", many.join("\n"))).await;
    assert!((400..500).contains(&status), "{problem}");
    let (_, games) = http.ask(Method::GET, OFFICE_KEY, "/providers/hmac/games", &Value::Null).await;
    assert_eq!(games["games"].as_array().unwrap().len(), 2, "{games}");
    assert_eq!(server.casino.ledger.policy().version, None, "no limit was changed");
    let (status, problem) =
        http.ask(Method::PUT, CASHIER_KEY, "/providers/hmac/games?reason=x", &json!({"games": []})).await;
    assert_eq!(status, 403, "{problem}");
    assert_eq!(import(&http, "i", "text/csv", CSV).await.0, 200);
    server.stop().await.unwrap();
    let (server, http) = start().await;
    let (_, games) = http.ask(Method::GET, OFFICE_KEY, "/providers/hmac/games", &Value::Null).await;
    assert_eq!(games["games"].as_array().unwrap().len(), 4, "{games}");
    server.stop().await.unwrap();
}
