//! Two releases side by side on one ledger, as two real programs: new shapes are written only once they are activated,
//! the older release comes back until then, and a process of it that was forgotten stops instead of guessing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ledger_testkit::postgres::Server;

const OPEN: &str = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
const DEPOSIT: &str =
    r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100.00","currency":"EUR"}"#;

fn bet(n: usize) -> String {
    format!(
        r#"{{"command":"place_bet","source":"prov","id":"b{n}","round":"r{n}","game":"crash","amount":"1.00","currency":"EUR"}}"#
    )
}

/// A win that closes its round: a closing that both releases can write.
fn win(n: usize) -> String {
    format!(
        r#"{{"command":"settle","source":"prov","id":"w{n}","round":"r{n}","amount":"0.95","currency":"EUR","finality":"round"}}"#
    )
}

/// The end of a round is announced: the next release's older shape has no word for that.
fn close(n: usize) -> String {
    format!(r#"{{"command":"close_round","source":"prov","id":"c{n}","round":"r{n}"}}"#)
}

/// The next release, built beside what is tested.
fn next_release() -> PathBuf {
    let this = PathBuf::from(env!("CARGO_BIN_EXE_release-this"));
    let target = this.parent().and_then(|debug| debug.parent()).expect("the target folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--profile", "test", "--package", "ledger-releases"]);
    build.args(["--bin", "release-next", "--features", "next", "--target-dir"]).arg(target);
    let status = build.status().expect("cargo");
    assert!(status.success(), "the next release does not build");
    this.with_file_name("release-next")
}

/// A process of a release, which answers line by line.
struct Release {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Release {
    fn command(program: &PathBuf, place: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(place).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn start(program: &PathBuf, place: &[&str]) -> Self {
        let mut process = Self::command(program, place).spawn().expect("a process");
        let to = process.stdin.take();
        let from = BufReader::new(process.stdout.take().expect("its output"));
        let mut release = Self { process, to, from };
        assert_eq!(release.read(), "open");
        release
    }

    /// Starts a process that cannot open the ledger, and answers what it says.
    fn refused(program: &PathBuf, place: &[&str]) -> String {
        let output = Self::command(program, place).stderr(Stdio::piped()).output().expect("a process");
        assert!(!output.status.success(), "it opened the ledger");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.to.as_mut().expect("it runs"), "{line}").expect("it listens");
        self.read()
    }

    fn does(&mut self, player: &str, command: &str) -> String {
        self.ask(&format!("do {player} {command}"))
    }

    /// Asks until the answer is this one.
    fn until(&mut self, line: &str, answer: &str) {
        let started = Instant::now();
        loop {
            let found = self.ask(line);
            if found == answer {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{line}: {found}, not {answer}");
            // The other process's activation is looked for every 50 ms.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) {
        drop(self.to.take());
        let mut rest = String::new();
        self.from.read_to_string(&mut rest).expect("its last words");
        assert!(self.process.wait().expect("its end").success(), "{rest}");
    }
}

/// The versions in which a player's closings of rounds are stored.
fn closings(release: &mut Release, player: &str) -> Vec<String> {
    let events = release.ask(&format!("events {player}"));
    let versions = events.split(' ').filter_map(|event| event.strip_prefix("round.closed/"));
    versions.map(str::to_owned).collect()
}

#[test]
fn two_releases_write_one_ledger_and_new_shapes_wait_for_their_activation() {
    let (this, next) = (PathBuf::from(env!("CARGO_BIN_EXE_release-this")), next_release());
    let server = Server::start().unwrap();
    let url = server.url();
    let place = ["--postgres", url.as_str()];
    let mut old = Release::start(&this, &place);
    assert_eq!(old.does("p1", OPEN), "applied");
    let (mut new, mut other) = (Release::start(&next, &place), Release::start(&next, &place));
    assert_eq!((old.ask("newest"), new.ask("newest")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(new.ask("level"), "1", "the ledger was begun by the older release");

    // Side by side, in turn on the same players: each reads what the other wrote.
    for player in ["p1", "p2"] {
        assert_eq!(old.does(player, OPEN), if player == "p1" { "replayed" } else { "applied" });
        assert_eq!(new.does(player, DEPOSIT), "applied");
        for n in 0..20 {
            let (placed, settled) = if n % 2 == 0 { (&mut old, &mut new) } else { (&mut new, &mut old) };
            assert_eq!(placed.does(player, &bet(n)), "applied", "{player} {n}");
            assert_eq!(settled.does(player, &win(n)), "applied", "{player} {n}");
            assert_eq!(placed.does(player, &win(n)), "replayed", "{player} {n}");
        }
        assert_eq!(closings(&mut old, player), vec!["1"; 20]);
    }

    // What the older release could not read is not written, and its key stays free.
    assert_eq!(new.does("p1", &bet(90)), "applied");
    let refused = new.does("p1", &close(90));
    assert!(refused.contains("NotActive"), "{refused}");
    assert_eq!(old.ask("activate 2"), "refused: not allowed: LevelUnknown");
    assert_eq!(new.ask("activate 1"), "refused: not allowed: LevelPassed");
    let before = old.ask("verify");
    assert_eq!(before, new.ask("verify"));

    // Activated by one, followed by the others.
    assert_eq!(new.ask("activate 2"), "applied");
    assert_eq!(new.ask("activate 2"), "replayed");
    assert_eq!(new.ask("level"), "2");
    assert_eq!(new.does("p1", &close(90)), "applied");
    other.until("level", "2");
    assert_eq!(other.does("p2", &bet(91)), "applied");
    assert_eq!(other.does("p2", &win(91)), "applied");
    assert_eq!(closings(&mut new, "p1"), [vec!["1"; 20], vec!["2"]].concat());
    assert_eq!(closings(&mut new, "p2"), [vec!["1"; 20], vec!["2"]].concat());

    // The process that was forgotten decides nothing any more, and says what to do. It writes nothing wrong.
    let stopped = [old.does("p2", &bet(92)), old.does("p1", &bet(92)), old.does("p3", OPEN)];
    for answer in stopped {
        assert!(answer.starts_with("failed: ") && answer.contains("use a newer casino-ledger"), "{answer}");
    }
    let refused = Release::refused(&this, &place);
    assert!(refused.contains("level 2") && refused.contains("use a newer casino-ledger"), "{refused}");
    let unreadable = old.ask("verify");
    assert!(
        unreadable.starts_with("error: ") && unreadable.contains("unknown to this build"),
        "{unreadable}"
    );
    assert_eq!(new.ask("verify"), other.ask("verify"));
    for release in [old, new, other] {
        release.end();
    }
}

#[test]
fn the_older_release_comes_back_until_the_activation() {
    let (this, next) = (PathBuf::from(env!("CARGO_BIN_EXE_release-this")), next_release());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ledger");
    let place = ["--log", folder.to_str().unwrap()];
    let mut release = Release::start(&this, &place);
    assert_eq!(release.does("p1", OPEN), "applied");
    assert_eq!(release.does("p1", DEPOSIT), "applied");
    for n in 0..6 {
        // An upgrade, and the way back, and once more.
        release.end();
        release = Release::start(if n % 2 == 0 { &next } else { &this }, &place);
        assert_eq!(release.ask("level"), "1");
        assert_eq!(release.does("p1", &bet(n)), "applied");
        assert_eq!(release.does("p1", &win(n)), "applied");
        if n > 0 {
            assert_eq!(release.does("p1", &win(n - 1)), "replayed");
        }
    }
    release.end();
    let mut release = Release::start(&next, &place);
    assert_eq!(closings(&mut release, "p1"), vec!["1"; 6]);
    assert_eq!(release.ask("activate 2"), "applied");
    assert_eq!(release.does("p1", &bet(6)), "applied");
    assert_eq!(release.does("p1", &close(6)), "applied");
    assert_eq!(closings(&mut release, "p1"), [vec!["1"; 6], vec!["2"]].concat());
    release.end();
    let refused = Release::refused(&this, &place);
    assert!(refused.contains("level 2") && refused.contains("use a newer casino-ledger"), "{refused}");
    // Nothing was changed by the attempt.
    let mut release = Release::start(&next, &place);
    assert_eq!(release.ask("level"), "2");
    let verified = release.ask("verify");
    assert!(!verified.starts_with("error"), "{verified}");
    release.end();
}

#[test]
fn a_new_ledger_begins_in_the_newest_shapes() {
    let next = next_release();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ledger");
    let mut release = Release::start(&next, &["--log", folder.to_str().unwrap()]);
    assert_eq!(release.ask("level"), "2");
    assert_eq!(release.does("p1", OPEN), "applied");
    assert_eq!(release.does("p1", DEPOSIT), "applied");
    assert_eq!(release.does("p1", &bet(1)), "applied");
    assert_eq!(release.does("p1", &close(1)), "applied");
    assert_eq!(closings(&mut release, "p1"), ["2"]);
    release.end();
}
