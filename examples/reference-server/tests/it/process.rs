//! The program as it is started: by its command line, stopped by a signal, and started again.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use axum::http::Method;
use reference_server::demo::OFFICE_KEY;
use serde_json::Value;

use crate::site::Http;

/// A process that is killed when the test ends.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reference-server"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CASINO_SERVER_")) {
        command.env_remove(name);
    }
    command
}

/// Starts the program and waits until it says where it listens.
pub(crate) fn start(arguments: &[&str]) -> (Process, Http) {
    started(program().args(arguments))
}

/// Starts the program as it is put together, and waits until it says where it listens.
pub(crate) fn started(program: &mut Command) -> (Process, Http) {
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let process = Process(child);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening at http://").unwrap_or_else(|| panic!("{line:?}"));
    let http = Http::to(address.parse().unwrap());
    // What it says further is read, so that it never waits for its reader.
    std::thread::spawn(move || out.lines().for_each(drop));
    (process, http)
}

/// Asks a process to end, and waits for it.
pub(crate) fn terminate(mut process: Process) -> bool {
    let told = Command::new("kill").arg("-TERM").arg(process.0.id().to_string()).status().unwrap();
    assert!(told.success());
    process.0.wait().unwrap().success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_starts_stops_and_is_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    for store in ["log", "sqlite"] {
        let data = folder.path().join(store);
        let arguments = ["--listen", "127.0.0.1:0", "--store", store, "--data", data.to_str().unwrap()];
        let mut seen: Vec<(Value, u64)> = Vec::new();
        for _ in 0..2 {
            let (process, http) = start(&arguments);
            let (status, alice) = http.ask(Method::GET, OFFICE_KEY, "/players/alice", &Value::Null).await;
            assert_eq!(status, 200, "{alice}");
            let ready = http.send(Method::GET, "/readyz", &[], "").await.json();
            seen.push((alice["balances"].clone(), ready["commits"].as_u64().unwrap()));
            assert!(terminate(process), "it ends by itself");
        }
        assert_eq!(seen[0], seen[1], "{store}: nothing is lost, and nothing done twice");
        assert!(seen[0].1 > 100, "the demo has some play");
    }
}

#[test]
fn the_demo_is_for_this_machine_alone_and_faults_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let failed = |arguments: &[&str]| {
        let output = program().args(arguments).args(["--data", data]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failed(&["--listen", "0.0.0.0:0"]).contains("this machine alone"));
    assert!(failed(&["--store", "mongo"]).contains("store: write log, sqlite or postgres://"));
    let file = folder.path().join("casino.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nlisten_too = 1\n").unwrap();
    let told = failed(&["--config", file.to_str().unwrap()]);
    assert!(told.contains("listen_too"), "{told}");
    assert!(failed(&["--config", "nowhere.toml"]).contains("nowhere.toml cannot be read"));
    // The environment goes before the file.
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n").unwrap();
    let checked = |secret: Option<&str>| {
        let mut command = program();
        if let Some(secret) = secret {
            command.env("CASINO_SERVER_SECRET", secret);
        }
        command.args(["--check", "--config", file.to_str().unwrap()]).output().unwrap()
    };
    assert!(String::from_utf8(checked(None).stderr).unwrap().contains("secret: it needs at least 32"));
    assert!(checked(Some(&"s".repeat(32))).status.success());
    // The file of the policy is looked at too.
    let policy = folder.path().join("policy.json");
    std::fs::write(&file, format!("policy = {policy:?}\n")).unwrap();
    let told = String::from_utf8(checked(Some(&"s".repeat(32))).stderr).unwrap();
    assert!(told.contains("policy: ") && told.contains("policy.json"), "{told}");
    std::fs::write(&policy, "{\"withdrawals\": 1}").unwrap();
    assert!(!checked(Some(&"s".repeat(32))).status.success());
    std::fs::write(&policy, "{}").unwrap();
    assert!(checked(Some(&"s".repeat(32))).status.success());
}
