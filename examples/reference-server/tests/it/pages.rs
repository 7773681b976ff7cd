//! The pages, as a browser gets them.

use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casino_ledger::core::PlayerId;
use casino_ledger::proof::StatementArchive as _;
use reference_server::Config;
use reference_server::demo::{CASHIER_KEY, MONITOR_KEY, OFFICE_KEY};

use crate::site::Site;

fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("anna:{key}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_show_the_demo_casino() {
    let site = Site::with(|config| Config { demo: true, ..config }).await;
    site.house().await;
    let look = async |path: &str| {
        let answer = site.http.send(Method::GET, path, &[("authorization", &basic(OFFICE_KEY))], "").await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text());
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        let text = answer.text();
        for needed in
            ["<html lang=\"en\">", "name=\"viewport\"", "href=\"#content\"", "<main id=\"content\">", "<h1>"]
        {
            assert!(text.contains(needed), "{needed} is missing in {path}");
        }
        // Nothing comes from another host, and nothing is written into the page that could run.
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("style=\""),
            "{path}"
        );
        text
    };
    let overview = look("/").await;
    assert!(
        overview.contains("ready") && overview.contains("equal") && !overview.contains("UNEQUAL"),
        "{overview}"
    );
    assert!(look("/feed").await.contains("data-live=\"/feed/live\""));
    assert!(look("/player").await.contains("/player/alice"));
    let alice = look("/player/alice").await;
    for needed in ["Lucky", "lucky", "Balances", "demo-23", "bet.placed", "gaming:stakes", "gift"] {
        assert!(needed == "Lucky" || alice.contains(needed), "{needed}");
    }
    let revenue = look("/revenue").await;
    assert!(
        revenue.contains("<svg") && revenue.contains("hub88:book") && revenue.contains("96.1 %"),
        "{revenue}"
    );
    assert!(look("/payouts").await.contains("demo-withdrawal"));
    let verify = look("/verify").await;
    assert!(verify.contains("Heads of the chain"));
    let player = look("/verify?player=alice").await;
    assert!(player.contains("His history is right"), "{player}");
    let shard = verify.split("<td class=\"n\">").nth(1).unwrap().split('<').next().unwrap();
    let proof = look(&format!("/verify?shard={shard}&position=1")).await;
    assert!(proof.contains("Proven: ") && proof.contains("under statement 1 of"), "{proof}");
    // Looking takes no statement: not again, and not for what came since the last one, which is of this minute.
    let again = look(&format!("/verify?shard={shard}&position=1")).await;
    assert!(again.contains("under statement 1 of"), "{again}");
    site.player("later", "1.00", "EUR").await;
    let later = site.server.casino.ledger.player(&PlayerId::new("later").unwrap()).await.unwrap();
    let (shard, position) = (later.shard.0, later.position.0);
    let soon = look(&format!("/verify?shard={shard}&position={position}")).await;
    assert!(soon.contains("No statement has it yet"), "{soon}");
    let last = site.server.casino.statements.last().await.unwrap().unwrap();
    assert_eq!(last.header().sequence(), 1);
    assert!(
        look(&format!("/verify?shard={shard}&position=99999999")).await.contains("There is no proof of it")
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_are_the_offices() {
    let site = Site::start().await;
    site.player("<script>alert(1)</script>", "1.00", "EUR").await;
    for path in ["/", "/feed", "/feed/live", "/player", "/player/x", "/revenue", "/payouts", "/verify"] {
        assert_eq!(site.http.send(Method::GET, path, &[], "").await.status, 401, "{path}");
        let cashier = site.http.send(Method::GET, path, &[("authorization", &basic(CASHIER_KEY))], "").await;
        assert_eq!(cashier.status, 403, "{path}");
    }
    let headers = [("authorization", &*basic(OFFICE_KEY))];
    // A player's id is text, whatever stands in it.
    site.house().await;
    let listed = site.http.send(Method::GET, "/player", &headers, "").await.text();
    assert!(listed.contains("&lt;script&gt;") && !listed.contains("<script>alert"), "{listed}");
    let fed = async {
        loop {
            let text = site.http.send(Method::GET, "/feed", &headers, "").await.text();
            if text.contains("/player/%3Cscript%3E") {
                return text;
            }
        }
    };
    let fed = tokio::time::timeout(Duration::from_secs(20), fed).await.unwrap();
    assert!(!fed.contains("/player/&lt;"), "{fed}");
    let found =
        site.http.send(Method::GET, "/player?id=%3Cscript%3Ealert(1)%3C/script%3E", &headers, "").await;
    assert_eq!(
        (found.status, &found.headers["location"]),
        (303, &"/player/%3Cscript%3Ealert%281%29%3C%2Fscript%3E".parse().unwrap())
    );
    let page = site.http.send(Method::GET, found.headers["location"].to_str().unwrap(), &headers, "").await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script>alert"));
    assert_eq!(site.http.send(Method::GET, "/player/nobody", &headers, "").await.status, 404);
    site.end().await;
}

/// The figures have the names that dashboards and rules ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_have_the_names_that_are_asked_for() {
    reference_server::metrics::install();
    let site = Site::with(|config| Config { demo: true, ..config }).await;
    site.token("alice", "hub88:book", "EUR").await;
    site.house().await;
    let (status, _) = site
        .post(
            reference_server::demo::PROVIDER_KEY,
            "/bets/place",
            serde_json::json!({"requestId": "b", "playerId": "alice", "roundId": "r", "gameId": "hmac:crash",
                "stake": {"amount": "100000.00", "currency": "EUR"}}),
        )
        .await;
    assert_eq!(status, 422);
    site.call("hmac", "", &[], "{}").await;
    let text = site.figures().await;
    assert_eq!(site.http.send(Method::GET, "/metrics", &[], "").await.status, 401);
    let (status, _) = site.get(CASHIER_KEY, "/metrics").await;
    assert_eq!(status, 403);
    // The key that reads the figures reads nothing else.
    for path in
        ["/players/alice", "/players/alice/balances", "/players/alice/outcome?kind=bet&id=b", "/providers"]
    {
        assert_eq!(site.get(MONITOR_KEY, path).await.0, 403, "{path}");
    }
    let asked = [include_str!("../../operations/rules.yml"), include_str!("../../operations/dashboard.json")]
        .concat();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names: std::collections::BTreeSet<&str> =
        asked.split(|c| !is_name(c)).filter(|word| word.starts_with("casino_")).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(text.contains(name), "{name} is not among the figures\n{text}");
    }
    for line in ["casino_active_game_sessions 1", "casino_view_stopped{view=\"balances\"} 0"] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    let wallets =
        text.lines().filter(|line| line.starts_with("casino_wallet_balance_total{currency=")).count();
    assert_eq!(wallets, 2, "{text}");
    site.end().await;
}
