//! A real server of NATS, a real publisher, both killed in the middle: each event is in the stream exactly once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer};
use casino_ledger::projections::{
    Checkpoint, Commit, EventId, Feed, FileCheckpoints, PublishSettings, SubscriptionSettings, publish,
    saved_or,
};
use casino_ledger::store::log::{LogOptions, LogStore};
use casino_ledger::store::{EventStore, LedgerId, Position, READ_COMMITS_MAX};
use casino_ledger_nats::NatsSink;
use futures_util::TryStreamExt as _;
use ledger_testkit::nats::Server;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);
const STREAM: &str = "CASINO";
const BETS: usize = 1_000;

/// How often a process is killed; `LEDGER_KILLS` says otherwise.
fn kills() -> u64 {
    std::env::var("LEDGER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

fn publisher(folder: &Path, server: &Server) -> Child {
    Command::new(env!("CARGO_BIN_EXE_casino-ledger-nats"))
        .args(["--nats", &server.url(), "--stream", STREAM, "--bets", &BETS.to_string(), "--folder"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the publisher starts")
}

/// Every event of the log as it must be published, by id.
async fn events(store: &dyn EventStore) -> BTreeMap<EventId, Value> {
    let mut events = BTreeMap::new();
    for shard in store.identity().shards.all() {
        let mut next = Position(1);
        loop {
            let page = store.read(shard, next, READ_COMMITS_MAX).await.expect("a page");
            let Some(last) = page.last() else { break };
            next = last.position.next();
            for stored in &page {
                let commit = Commit::decode(stored).expect("a commit");
                for (index, record) in commit.body.events.iter().enumerate() {
                    let index = u16::try_from(index).expect("a place in a commit");
                    let id = EventId { shard, position: commit.position, index };
                    events.insert(id, serde_json::to_value(record).expect("JSON"));
                }
            }
        }
    }
    events
}

/// What the stream holds, in its order.
async fn messages(server: &Server) -> Vec<(String, Value)> {
    let client = async_nats::connect(server.url()).await.expect("the server answers");
    let stream = jetstream::new(client).get_stream(STREAM).await.expect("the stream is there");
    let count = stream.cached_info().state.messages;
    let consumer =
        stream.create_consumer(consumer::pull::OrderedConfig::default()).await.expect("a consumer");
    let all = consumer.messages().await.expect("messages");
    let mut found = Vec::new();
    let mut all = Box::pin(all);
    while u64::try_from(found.len()).expect("a count") < count {
        let message = tokio::time::timeout(LIMIT, all.try_next()).await.expect("in time");
        let message = message.expect("a message").expect("more");
        let headers = message.headers.as_ref().expect("headers");
        let id = headers.get("Nats-Msg-Id").expect("an id").to_string();
        found.push((id, serde_json::from_slice(&message.payload).expect("JSON")));
    }
    found
}

/// Each event is there exactly once, as it stands in the log, and in order within its shard.
fn check(found: &[(String, Value)], expected: &BTreeMap<EventId, Value>, ledger: LedgerId) {
    let mut seen = BTreeMap::new();
    let mut last = BTreeMap::new();
    for (id, message) in found {
        let id = id.strip_prefix(&format!("{ledger}/")).expect("the id of an event of this ledger");
        let id: EventId = id.parse().expect("the id of an event");
        assert!(seen.insert(id, message["event"].clone()).is_none(), "{id} is there twice");
        assert!(last.insert(id.shard, id).is_none_or(|last| last < id), "{id} came out of order");
        assert_eq!(message["id"], id.to_string());
    }
    assert_eq!(seen.len(), expected.len(), "as many as the log has");
    assert_eq!(&seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_in_the_stream_exactly_once_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start().expect("a server of NATS");
    let mut published = Vec::new();
    for kill in 0..kills() {
        let mut child = publisher(folder.path(), &server);
        let patience = Duration::from_millis(10 + kill * 60);
        let mut until = None;
        // Kept until it is dead: it would fail where nobody reads what it says.
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        for line in lines.by_ref() {
            let Ok(line) = line else { break };
            if let Some(said) = line.strip_prefix("published ") {
                published.push(said.parse::<u64>().expect("a number"));
                if *until.get_or_insert_with(|| Instant::now() + patience) < Instant::now() {
                    break;
                }
            }
        }
        if kill == kills() / 2 {
            // The server dies under the publisher, and is there again.
            server.kill().expect("it ends");
            server.launch().expect("it starts again");
        }
        child.kill().expect("it is killed");
        let status = child.wait().expect("it ends");
        assert!(
            status.code().is_none_or(|code| code == 0),
            "it was killed, and did not fail by itself: {status}"
        );
    }
    assert!(published.iter().max() > Some(&0), "it was killed while it published: {published:?}");
    let mut child = publisher(folder.path(), &server);
    let output: Vec<String> =
        BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok).collect();
    assert!(child.wait().expect("it ends").success(), "{output:?}");
    println!("{}", output.last().expect("it says what it did"));

    let store =
        LogStore::open_read_only(&folder.path().join("ledger"), &LogOptions::default()).expect("the log");
    let expected = events(&store).await;
    assert!(expected.len() > BETS * 4, "{} events", expected.len());
    check(&messages(&server).await, &expected, store.identity().ledger);
}

/// A publisher that lost its checkpoint publishes everything again: the stream has it already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_again_is_known_by_its_id() {
    use casino_ledger::core::{PlayerCommand, PlayerId};
    use casino_ledger::{Ledger, Settings};
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start().expect("a server of NATS");
    let ledger = Ledger::open(folder.path().join("ledger"), Settings::new().expect("settings"))
        .await
        .expect("a ledger");
    let open = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
    let open: PlayerCommand = serde_json::from_str(open).expect("a command");
    for player in 0..40 {
        let player = PlayerId::new(format!("p{player}")).expect("an id");
        ledger.execute(&player, open.clone()).await.expect("it is opened");
    }
    let feed = Feed::new(ledger.store());
    let identity = *feed.identity();
    let heads =
        Checkpoint::from_heads(&identity, ledger.heads().await.expect("heads")).expect("a checkpoint");
    let expected = events(ledger.store().as_ref()).await;
    for again in [false, true] {
        let checkpoints =
            FileCheckpoints::new(folder.path().join(format!("checkpoints-{again}"))).expect("a folder");
        let client = async_nats::connect(server.url()).await.expect("the server answers");
        let mut sink = NatsSink::open(client, STREAM, identity.ledger).await.expect("the stream");
        let counts = sink.published();
        let from = saved_or(&checkpoints, "test", Checkpoint::start(&identity)).await.expect("a checkpoint");
        let subscription = feed.subscribe(from, SubscriptionSettings::default()).expect("a thread");
        let settings = PublishSettings::default();
        let publishing = publish(subscription, &checkpoints, "test", &mut sink, &settings);
        let until = async {
            let checkpoints: &dyn casino_ledger::projections::CheckpointStore = &checkpoints;
            while !checkpoints
                .load("test")
                .await
                .expect("readable")
                .is_some_and(|saved| saved.is_at_least(&heads))
            {
                // Within the limit of the `select` below.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = publishing => panic!("{ended:?}"),
            done = tokio::time::timeout(LIMIT, until) => done.expect("in time"),
        }
        let count = |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
        let all = u64::try_from(expected.len()).expect("a count");
        let (new, known) = if again { (0, all) } else { (all, 0) };
        assert_eq!((count(&counts.new), count(&counts.known)), (new, known));
    }
    check(&messages(&server).await, &expected, identity.ledger);
    ledger.close().await.expect("a clean end");
}

/// The client of NATS is the example's: nobody who uses the library gets it.
#[test]
fn the_library_does_not_depend_on_nats() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = [
        "tree",
        "--package",
        "casino-ledger",
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ];
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(tree)
        .args(["--offline", "--locked"])
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("ledger-projections "), "the tree was read");
    assert!(!tree.contains("nats"), "{tree}");
}
