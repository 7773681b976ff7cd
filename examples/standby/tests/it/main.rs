//! The example as it is used: real processes, a real wire, killed at full speed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore as _, Position, Shard};
use casino_ledger::verify;

/// What a primary acknowledged: by player and id, where.
type Acknowledged = BTreeMap<(String, String), (u16, u64, String)>;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casino-ledger-standby"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = run(arguments);
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
    out
}

/// A process that is killed when the test ends.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str]) -> (Self, BufReader<ChildStdout>) {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (Self(child), out)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn standby(home: &str) -> (Process, String) {
    let (process, mut out) = Process::start(&["standby", home]);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening at ").expect("an address").to_owned();
    (process, address)
}

fn noted(line: &str, acknowledged: &mut Acknowledged) {
    let Some(rest) = line.strip_prefix("acknowledged ") else { return };
    if let [player, id, shard, position, hash] = rest.split(' ').collect::<Vec<_>>()[..]
        && hash.len() == 64
    {
        let place = (shard.parse().unwrap(), position.parse().unwrap(), hash.to_owned());
        acknowledged.insert((player.to_owned(), id.to_owned()), place);
    }
}

/// Reads what is acknowledged, kills the primary after so many, and reads what it still said.
fn killed_after(count: usize, process: Process, out: BufReader<ChildStdout>, into: &mut Acknowledged) {
    let (mut process, fresh) = (Some(process), into.len());
    for line in out.lines() {
        noted(&line.unwrap(), into);
        if into.len() >= fresh + count
            && let Some(process) = process.take()
        {
            process.kill();
        }
    }
    assert!(process.is_none(), "the primary ended by itself after {} of {count}", into.len() - fresh);
}

async fn all_there(home: &Path, acknowledged: &Acknowledged) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let store = loop {
        match LogStore::open(&home.join("ledger"), LogOptions::default()) {
            Ok(store) => break store,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        // The lock of a killed process goes when the kernel has cleaned up.
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    for ((player, id), (shard, position, hash)) in acknowledged {
        let read = store.read(Shard(*shard), Position(*position), 1).await.unwrap();
        let there = read.first().map(|commit| commit.hash.to_string());
        assert_eq!(there.as_ref(), Some(hash), "{player} {id} was acknowledged");
    }
    verify(&store).await.unwrap();
}

#[tokio::test]
async fn a_primary_is_killed_at_full_speed_and_its_standby_has_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (mut primary_home, mut standby_home) = (path("a"), path("b"));
    let mut acknowledged = Acknowledged::new();
    for round in 0..3 {
        let (process, address) = standby(&standby_home);
        let (primary, out) =
            Process::start(&["primary", &primary_home, "--standby", &address, "--bets", "1000000"]);
        killed_after(400 * (round + 1), primary, out, &mut acknowledged);
        process.kill();
        let promoted = succeeds(&["promote", &standby_home]);
        assert!(promoted.contains(&format!("epoch {}", round + 2)), "{promoted}");
        all_there(Path::new(&standby_home), &acknowledged).await;

        // The old primary comes back and reaches no standby: one may have been promoted, so it answers nothing.
        let old = run(&["primary", &primary_home, "--standby", "127.0.0.1:9", "--give-up", "1"]);
        let (said, why) = (String::from_utf8_lossy(&old.stdout), String::from_utf8_lossy(&old.stderr));
        assert!(!old.status.success() && !said.contains("acknowledged"), "{said}");
        assert!(why.contains("0 of 1 standbys were reached"), "{why}");

        // A new standby is made from a backup of the promoted one, and catches up with what is new.
        let next = path(&format!("c{round}"));
        let backup = succeeds(&["backup", &standby_home, &next]);
        assert!(backup.contains("commits more"), "{backup}");
        (primary_home, standby_home) = (standby_home, next);
    }
}

#[tokio::test]
async fn what_an_asynchronous_standby_lacked_is_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (a, b) = (path("a"), path("b"));
    let (process, address) = standby(&b);
    let (primary, out) =
        Process::start(&["primary", &a, "--standby", &address, "--asynchronous", "--bets", "1000000"]);
    let mut acknowledged = Acknowledged::new();
    killed_after(2_000, primary, out, &mut acknowledged);
    process.kill();
    succeeds(&["promote", &b]);
    let brought = succeeds(&["bring-back", &a, &b]);
    assert!(brought.contains("were brought back") && !brought.contains("two histories"), "{brought}");
    all_there(Path::new(&b), &acknowledged).await;
    assert!(succeeds(&["verify", &b]).contains("verified: "));
    let again = succeeds(&["bring-back", &a, &b]);
    assert!(again.starts_with("0 commits"), "{again}");
}

#[test]
fn a_planned_change_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (a, b) = (path("a"), path("b"));
    let (process, address) = standby(&b);
    let said = succeeds(&["primary", &a, "--standby", &address, "--bets", "5"]);
    assert!(said.contains("standby: Yes, 0 commits behind"), "{said}");
    process.kill();
    succeeds(&["promote", &b]);
    // Nothing is missing, so the old primary may follow at once.
    succeeds(&["rejoin", &a]);
    let (process, address) = standby(&a);
    let said = succeeds(&["primary", &b, "--standby", &address, "--bets", "10"]);
    assert!(said.contains("primary of epoch 2") && said.contains("standby: Yes, 0 commits behind"), "{said}");
    process.kill();
    // Who was not promoted does not write.
    let refused = run(&["primary", &a, "--standby", &address]);
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("promote it before it may write"),
        "{refused:?}"
    );
}
