//! Two servers on one ledger.

use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY, SECOND_OFFICE_KEY};
use reference_server::{Config, Server};
use serde_json::json;

use crate::site::{Http, config};

/// What one server took the other knows: the same calls, sent to both, are taken once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_one_ledger() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (store, schema) = crate::place(folders[0].path());
    let mut servers = Vec::new();
    for folder in &folders {
        let config = Config { store: store.clone(), schema: schema.clone(), ..config(folder.path()) };
        servers.push(Server::start(config.check().unwrap()).await.unwrap());
    }
    let https: Vec<Http> = servers.iter().map(|server| Http::to(server.address)).collect();
    let post = axum::http::Method::POST;
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let (status, answer) = https[0]
        .ask(post.clone(), CASHIER_KEY, "/players", &json!({"playerId": "p", "brand": "lucky"}))
        .await;
    assert_eq!(status, 201, "{answer}");
    let deposit = json!({"requestId": "d", "playerId": "p", "amount": money("100.00")});
    let (status, answer) = https[1].ask(post.clone(), CASHIER_KEY, "/deposits", &deposit).await;
    assert_eq!(status, 200, "{answer}");
    let mut fresh = 0;
    for bet in 0..10 {
        let body = json!({"requestId": format!("b{bet}"), "playerId": "p", "roundId": format!("r{bet}"),
            "gameId": "hmac:crash", "stake": money("3.00")});
        let both = futures_util::future::join(
            https[0].ask(post.clone(), PROVIDER_KEY, "/bets/place", &body),
            https[1].ask(post.clone(), PROVIDER_KEY, "/bets/place", &body),
        );
        let ((one, first), (other, second)) = both.await;
        assert_eq!((one, other), (200, 200), "{first} {second}");
        assert_eq!(first["recorded"], second["recorded"]);
        fresh += [&first, &second].iter().filter(|told| told["replayed"] == false).count();
    }
    assert_eq!(fresh, 10);
    for http in &https {
        let (_, read) = http.ask(axum::http::Method::GET, CASHIER_KEY, "/players/p", &json!(null)).await;
        assert_eq!(
            (&read["balances"][0]["available"], &read["openRounds"]),
            (&json!("70.00"), &json!(10)),
            "{read}"
        );
    }
    // Games that were imported at the one are the other's, and so are their limits.
    let key = format!("Bearer {OFFICE_KEY}");
    let headers = [
        ("authorization", &*key),
        ("content-type", "text/csv"),
        ("idempotency-key", "games-1"),
        ("x-approval-key", SECOND_OFFICE_KEY),
    ];
    let csv = "code,name,category,max_bet\ndice,Dice,tables,2.00\n";
    let path = "/providers/hmac/games?reason=new";
    let answer = https[0].send(axum::http::Method::PUT, path, &headers, csv).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A policy of another server is seen within its pace; so are games, which are asked for here.
    let other = &servers[1].casino;
    let seen = async {
        while other.ledger.policy().version.is_none() {
            other.ledger.heads().await.unwrap();
        }
        other.refresh_games().await.unwrap();
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), seen).await.unwrap();
    let bet = json!({"requestId": "dice", "playerId": "p", "roundId": "dice", "gameId": "hmac:dice",
        "stake": money("2.01")});
    let (_, problem) = https[1].ask(post.clone(), PROVIDER_KEY, "/bets/place", &bet).await;
    assert_eq!(problem["code"], "stake_not_allowed", "{problem}");
    let launch = json!({"requestId": "s", "gameId": "hmac:dice", "currency": "EUR"});
    let (status, answer) = https[1].ask(post.clone(), CASHIER_KEY, "/players/p/sessions", &launch).await;
    assert_eq!(status, 201, "{answer}");
    for server in servers {
        server.stop().await.unwrap();
    }
}
