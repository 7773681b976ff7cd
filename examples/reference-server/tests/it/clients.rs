//! Clients that generators make of the description: one in TypeScript, one in PHP. Each plays a round against a server and prints
//! what it saw.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use casino_ledger::core::PlayerId;
use ledger_testkit::clients::{ensure_php, ensure_typescript};
use reference_server::demo::{CASHIER_KEY, PROVIDER_KEY};
use serde_json::{Value, json};

use crate::site::{Site, accounts};

/// The longest that one program may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Where a client is made and run: the files of `clients/LANGUAGE`, and the description as the server gives it.
struct Workshop {
    folder: PathBuf,
    base: String,
}

impl Workshop {
    /// Runs a program; what it prints.
    fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> String {
        let mut command = Command::new("timeout");
        command.current_dir(&self.folder).arg(LIMIT.as_secs().to_string()).arg(program).args(arguments);
        command.env("BASE", &self.base).env("CASHIER", CASHIER_KEY).env("PROVIDER", PROVIDER_KEY);
        // A proxy of the machine's is not for this machine.
        command.env("NO_PROXY", "127.0.0.1");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let [told, failed] =
            [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success(), "{command:?} ended with {}: {told}\n{failed}", output.status);
        told
    }
}

fn euro(cash: &str, held: &str) -> Value {
    json!({"currency": "EUR", "available": cash, "cash": cash, "held": held, "pending": "0.00", "owed": "0.00"})
}

fn dollar() -> Value {
    json!({"currency": "USD", "available": "0.00", "cash": "0.00", "held": "0.00", "pending": "0.00", "owed": "0.00"})
}

fn placed(replayed: bool) -> Value {
    json!({"call": "placeBet", "status": 200, "answer": {
        "status": "ACCEPTED", "betId": "bet_bet-1", "balanceAfter": "90.00", "hold": "10.00",
        "limits": {"maxBet": "1000.00"}, "replayed": replayed, "recorded": 3}})
}

/// All that a client sees, with the position for where it is recorded.
fn expected() -> Vec<Value> {
    vec![
        json!({"call": "openPlayer", "status": 201, "answer": {
            "playerId": "tom", "brand": "lucky", "jurisdiction": "MT", "test": false, "blocks": [],
            "balances": [euro("0.00", "0.00"), dollar()], "bonus": [], "openRounds": 0, "openWithdrawals": 0,
            "recorded": 1}}),
        json!({"call": "recordDeposit", "status": 200, "answer": {
            "status": "APPLIED", "id": "in-1", "replayed": false, "balances": [euro("100.00", "0.00")],
            "current": [euro("100.00", "0.00")], "recorded": 2}}),
        placed(false),
        placed(true),
        json!({"call": "placeBet", "status": 422, "code": "insufficient_funds", "problem": {
            "type": "urn:casino-ledger:problem:insufficient_funds", "title": "The rules refuse", "status": 422,
            "detail": "insufficient funds: 90.00 EUR available", "code": "insufficient_funds", "outcome": "refused",
            "rejection": {"code": "insufficient_funds", "available": "90.00", "currency": "EUR"},
            "balances": [euro("90.00", "10.00")]}}),
        // The refusal is recorded too.
        json!({"call": "settleRound", "status": 200, "answer": {
            "status": "SETTLED", "balanceAfter": "126.40", "hold": "0.00", "replayed": false, "recorded": 5}}),
        json!({"call": "getBalances", "status": 200, "answer": {
            "balances": [euro("126.40", "0.00"), dollar()], "bonus": [], "recorded": 5}}),
        json!({"call": "quoteWithdrawal", "status": 200, "answer": {
            "currency": "EUR", "amount": "20.00", "fee": "0.00", "payout": "20.00", "withdrawable": "126.40",
            "forfeits": "0.00"}}),
    ]
}

/// Leaves out what is null: a client in PHP has null for what is absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let there = fields.into_iter().filter(|(_, of)| !of.is_null());
            Value::Object(there.map(|(name, of)| (name, without_nulls(of))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// A client is made and played with on a server of its own; what it saw and every account are compared.
async fn plays_a_round(language: &str, make_and_play: impl FnOnce(&Workshop) -> String + Send + 'static) {
    let site = Site::start().await;
    let folder = tempfile::tempdir().unwrap();
    for file in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(language)).unwrap()
    {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let description = site.http.send(axum::http::Method::GET, "/openapi.json", &[], "").await;
    std::fs::write(folder.path().join("openapi.json"), &description.body).unwrap();
    let workshop = Workshop { folder: folder.path().to_owned(), base: site.http.base() };
    let told = tokio::task::spawn_blocking(move || make_and_play(&workshop)).await.unwrap();

    let tom = PlayerId::new("tom").unwrap();
    let shard = site.server.casino.ledger.player(&tom).await.unwrap().shard.0;
    let mut hashes: Vec<(u64, String)> = Vec::new();
    let mut seen = Vec::new();
    for line in told.lines() {
        let mut line =
            without_nulls(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        if let Some(recorded) = line.pointer_mut("/answer/recorded") {
            assert_eq!(
                (recorded["shard"].as_u64(), recorded.as_object().unwrap().len()),
                (Some(shard.into()), 3)
            );
            let position = recorded["position"].take();
            hashes.push((position.as_u64().unwrap(), recorded["hash"].as_str().unwrap().to_owned()));
            *recorded = position;
        }
        seen.push(line);
    }
    assert_eq!(seen, expected(), "{told}");
    // The same bet is the same commit, and nothing else is.
    assert!(hashes.iter().all(|(_, hash)| hash.len() == 64), "{told}");
    for ((position, hash), (next_position, next_hash)) in hashes.iter().zip(hashes.iter().skip(1)) {
        assert_eq!(position == next_position, hash == next_hash, "{told}");
    }

    assert_eq!(site.accounts("tom").await, accounts([("player:cash EUR", "126.40")]));
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

/// The types are right: the compiler is strict, and takes nothing that it has a doubt about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_generated_for_typescript_plays_a_round() {
    let tools = tokio::task::spawn_blocking(ensure_typescript).await.unwrap().unwrap();
    plays_a_round("typescript", move |workshop| {
        std::os::unix::fs::symlink(&tools.modules, workshop.folder.join("node_modules")).unwrap();
        workshop.run(&tools.node, ["node_modules/@hey-api/openapi-ts/bin/run.js"]);
        workshop.run(&tools.node, ["node_modules/typescript/bin/tsc", "--project", "tsconfig.json"]);
        workshop.run(&tools.node, ["out/play.js"])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_generated_for_php_plays_a_round() {
    let tools = tokio::task::spawn_blocking(ensure_php).await.unwrap().unwrap();
    plays_a_round("php", move |workshop| {
        let made = ["generate", "-g", "php", "-i", "openapi.json", "-o", "casino", "-c", "generator.json"];
        workshop.run(&tools.generator, made);
        workshop.run(tools.php, ["-d", "error_reporting=-1", "-d", "display_errors=stderr", "play.php"])
    })
    .await;
}
