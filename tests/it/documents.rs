//! Published policies: which one is in force when, that a decision rests on one of them, and what others see.

use std::sync::Arc;
use std::time::Duration;

use casino_ledger::core::stored::CommitBody;
use casino_ledger::core::testing::commands as player_commands;
use casino_ledger::core::testing::house_commands as commands;
use casino_ledger::core::{
    DocumentCheck, DocumentDraft, DocumentKind, Finality, HostName, HouseId, KeyScope, Partition,
    PlayerCommand, PlayerId, PlayerState, Policy, PreCheck, PublishDocument, Refused, ShortfallPolicy,
    SourcePolicy, Timestamp, diff_documents,
};
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX, ShardCount, StoreError};
use casino_ledger::{ExecuteError, Ledger, OpenError, RecordedOutcome, Settings};

use crate::puppet::{Puppet, Trick};
use crate::support::{
    Hands, bet, code, funded, in_play, memory, on, player, rollback, send, settings, soon, text, tuned,
    verified, win,
};

fn configuration() -> HouseId {
    commands::house("configuration")
}

/// The default policy, but for what a rollback of a spent win comes to.
fn on_shortfall(on_shortfall: ShortfallPolicy) -> Policy {
    Policy { default: SourcePolicy { on_shortfall, ..SourcePolicy::default() }, ..Policy::default() }
}

fn publish(id: &str, policy: &Policy) -> PublishDocument {
    commands::publish_policy(id, policy)
}

fn seconds(secs: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Timestamp::from_micros(start.as_micros() + secs * 1_000_000).unwrap()
}

async fn published(ledger: &Ledger, document: PublishDocument) -> String {
    text(&soon(ledger.execute_house(&configuration(), document)).await)
}

/// The hash of the policy that the newest commit of a player was decided under.
async fn last_hash(store: &dyn EventStore, player: &PlayerId) -> String {
    let partition = Partition::Player(player.clone()).digest();
    let stored = store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await.unwrap();
    CommitBody::decode(&stored.last().unwrap().body).unwrap().policy.to_string()
}

fn hash(policy: &Policy) -> String {
    policy.content_hash().unwrap().to_string()
}

/// A player who won, spent it, and whose win is rolled back: what it comes to is the policy's.
async fn spent(ledger: &Ledger, id: &str) -> PlayerId {
    let p = funded(ledger, id, "10.00").await;
    for command in
        [bet("t1", "r1", "10.00"), win("w1", "r1", "25.00", Finality::Round), bet("t2", "r2", "25.00")]
    {
        soon(ledger.request(in_play(&p, command))).await.unwrap();
    }
    p
}

async fn undone(ledger: &Ledger, p: &PlayerId, id: &str) -> &'static str {
    let undo = player_commands::rollback_win(id, "w1");
    code(&soon(ledger.request(in_play(p, PlayerCommand::from(undo)))).await)
}

#[tokio::test]
async fn a_policy_is_in_force_when_its_publication_is_answered() {
    let store = memory(ShardCount::DEFAULT);
    let ledger = on(Arc::clone(&store) as _, settings()).await;
    let (reject, negative) = (on_shortfall(ShortfallPolicy::Reject), Policy::default());
    let p = spent(&ledger, "p").await;
    assert_eq!(last_hash(store.as_ref(), &p).await, hash(&negative));
    assert_eq!(ledger.policy().version, None);
    assert_eq!(published(&ledger, publish("P1", &reject)).await, "applied");
    assert_eq!((ledger.policy().version, &ledger.policy().policy), (Some(1), &reject));
    assert_eq!(undone(&ledger, &p, "x1").await, "insufficient_funds");
    assert_eq!(last_hash(store.as_ref(), &p).await, hash(&reject));
    assert_eq!(published(&ledger, publish("P1", &reject)).await, "replayed:applied");
    // A replay is what it was, whatever policy is in force by now.
    assert_eq!(published(&ledger, publish("P2", &negative)).await, "applied");
    let again = soon(ledger.request(in_play(&p, bet("t2", "r2", "25.00")))).await;
    assert_eq!(text(&again), "replayed:applied");
    assert_eq!(undone(&ledger, &p, "x1").await, "ok");
    assert_eq!(last_hash(store.as_ref(), &p).await, hash(&negative));
    soon(ledger.close()).await.unwrap();
    // It is read at the next start, whatever the settings say.
    let other = tuned(|s| s.policy = on_shortfall(ShortfallPolicy::ZeroOut));
    let ledger = on(Arc::new(store.reopen().unwrap()) as _, other).await;
    assert_eq!((ledger.policy().version, ledger.policy().hash.to_string()), (Some(2), hash(&negative)));
    verified(ledger.store().as_ref()).await;
}

#[tokio::test]
async fn a_policy_takes_effect_at_its_instant() {
    let hands = Hands::new();
    let store = memory(ShardCount::ONE);
    let ledger = on(Arc::clone(&store) as _, tuned(|s| s.clock = hands.clone())).await;
    let later = |id: &str, secs, policy: &Policy| PublishDocument {
        effective_from: Some(seconds(secs)),
        ..publish(id, policy)
    };
    let (reject, zero) = (on_shortfall(ShortfallPolicy::Reject), on_shortfall(ShortfallPolicy::ZeroOut));
    assert_eq!(published(&ledger, later("P1", 100, &reject)).await, "applied");
    assert_eq!(published(&ledger, later("P2", 200, &zero)).await, "applied");
    let p = funded(&ledger, "p", "100.00").await;
    for (passes, id, expected) in
        [(0, "t0", None), (99, "t1", None), (1, "t2", Some(1)), (99, "t3", Some(1)), (1, "t4", Some(2))]
    {
        hands.pass(passes);
        soon(ledger.request(in_play(&p, bet(id, id, "1.00")))).await.unwrap();
        let expected = match expected {
            None => hash(&Policy::default()),
            Some(1) => hash(&reject),
            Some(_) => hash(&zero),
        };
        assert_eq!(last_hash(store.as_ref(), &p).await, expected, "{id}");
    }
    assert_eq!(published(&ledger, later("P3", 100, &reject)).await, "rejected:not_allowed");
}

/// Publications while commands are under way: each decision rests on one policy, whole, and its commit names it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_rests_on_one_policy() {
    let store = memory(ShardCount::DEFAULT);
    let ledger = on(Arc::clone(&store) as _, settings()).await;
    let (reject, negative) = (on_shortfall(ShortfallPolicy::Reject), Policy::default());
    let mut players = Vec::new();
    for n in 0..40 {
        players.push(spent(&ledger, &format!("p{n}")).await);
    }
    let publishing = tokio::spawn({
        let (ledger, policies) = (ledger.clone(), [reject.clone(), negative.clone()]);
        async move {
            for n in 0..20_usize {
                assert_eq!(published(&ledger, publish(&format!("P{n}"), &policies[n % 2])).await, "applied");
            }
        }
    });
    let mut undoing = Vec::new();
    for p in players.clone() {
        let ledger = ledger.clone();
        undoing.push(tokio::spawn(async move {
            // Refused, it may be tried again under the same key, until it is done.
            while undone(&ledger, &p, "x1").await != "ok" {
                tokio::task::yield_now().await;
            }
        }));
    }
    soon(publishing).await.unwrap();
    assert_eq!(ledger.policy().policy, negative);
    for task in undoing {
        soon(task).await.unwrap();
    }
    let (reject, negative) = (hash(&reject), hash(&negative));
    let mut seen = [0, 0];
    for p in &players {
        let partition = Partition::Player(p.clone()).digest();
        let stored = store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await.unwrap();
        for commit in &stored {
            let body = CommitBody::decode(&commit.body).unwrap();
            let types: Vec<_> = body.events.iter().map(|record| record.event.type_name()).collect();
            if types == ["txn.rejected"] {
                assert_eq!(body.policy.to_string(), reject, "{p}");
                seen[0] += 1;
            } else if types.contains(&"win.rolled_back") {
                assert_eq!(body.policy.to_string(), negative, "{p}");
                seen[1] += 1;
            }
        }
    }
    assert_eq!(seen[1], players.len());
    verified(store.as_ref()).await;
}

/// What a caller prepared under the policy he knew is prepared again under the one that is in force when it is decided:
/// also its key.
#[tokio::test]
async fn a_command_that_waited_is_decided_under_the_policy_of_its_time() {
    let hands = Hands::new();
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::exclusive(Arc::clone(&store) as _);
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.clock = hands.clone())).await;
    let p = funded(&ledger, "p", "100.00").await;
    let mut policy = on_shortfall(ShortfallPolicy::Reject);
    let any = SourcePolicy { key_scope: KeyScope::AnyKind, ..SourcePolicy::default() };
    policy.sources.insert(player_commands::source("prov"), any);
    let later = PublishDocument { effective_from: Some(seconds(100)), ..publish("P1", &policy) };
    assert_eq!(published(&ledger, later).await, "applied");
    // A player who is not cached: his command waits for the load, while time passes.
    puppet.strings.loads.hold();
    let loads = puppet.strings.load_calls.now();
    let cold = player("cold");
    let waiting = send(&ledger, &cold, player_commands::open(&["EUR"]));
    soon(puppet.strings.load_calls.above(loads)).await;
    hands.pass(100);
    soon(ledger.request(in_play(&p, bet("t1", "r1", "1.00")))).await.unwrap();
    assert_eq!(last_hash(store.as_ref(), &p).await, hash(&policy));
    puppet.strings.loads.open();
    assert_eq!(text(&soon(waiting).await.unwrap()), "applied");
    assert_eq!(last_hash(store.as_ref(), &cold).await, hash(&policy));
    // The bet stands under the key of the new scope.
    let key = ledger.policy().policy.clone();
    let key = bet("t1", "r1", "1.00").key(&p, &key).unwrap();
    assert!(matches!(soon(ledger.outcome(&p, &key)).await.unwrap(), RecordedOutcome::Accepted(_)));
    let reused = soon(ledger.request(in_play(&p, rollback("t1", "t9")))).await;
    assert_eq!(text(&reused), "refused:key_reused");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn another_engine_sees_a_publication_within_its_refresh() {
    let store = memory(ShardCount::DEFAULT);
    let quick = || tuned(|s| s.refresh = Duration::from_millis(20));
    let (a, b) = (on(Arc::clone(&store) as _, quick()).await, on(Arc::clone(&store) as _, quick()).await);
    let p = spent(&b, "p").await;
    let reject = on_shortfall(ShortfallPolicy::Reject);
    assert_eq!(published(&a, publish("P1", &reject)).await, "applied");
    soon(async {
        while b.policy().version != Some(1) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(undone(&b, &p, "x1").await, "insufficient_funds");
    // A currency that the other one recorded, too.
    soon(a.execute_house(&commands::house("currencies"), commands::register("JPY"))).await.unwrap();
    soon(async {
        while b.currencies().get("JPY".parse().unwrap()).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    // Both publish at once: one after the other, each on what it was made from.
    let expecting = |id: &str, policy: &Policy| PublishDocument { expected: Some(1), ..publish(id, policy) };
    let (one, other) =
        (expecting("P2", &Policy::default()), expecting("P3", &on_shortfall(ShortfallPolicy::ZeroOut)));
    let answers = [published(&a, one).await, published(&b, other).await];
    assert_eq!(answers, ["applied", "rejected:document_version"]);
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_publication_that_did_not_land_is_not_in_force() {
    let store = memory(ShardCount::ONE);
    let puppet = Puppet::exclusive(Arc::clone(&store) as _);
    let ledger = on(Arc::clone(&puppet) as _, settings()).await;
    let p = spent(&ledger, "p").await;
    let reject = on_shortfall(ShortfallPolicy::Reject);
    puppet.trick(Trick::Fail(StoreError::Unavailable { reason: "for a moment".to_owned(), source: None }));
    let failed = soon(ledger.execute_house(&configuration(), publish("P1", &reject))).await;
    assert!(matches!(failed, Err(ExecuteError::Unavailable { .. })), "{failed:?}");
    assert_eq!(ledger.policy().version, None);
    soon(ledger.request(in_play(&p, bet("t9", "r9", "0")))).await.unwrap();
    assert_eq!(last_hash(store.as_ref(), &p).await, hash(&Policy::default()));
    // While it is being written nothing rests on it either.
    puppet.strings.appends.hold();
    let calls = puppet.strings.append_calls.now();
    let publishing = tokio::spawn({
        let (ledger, reject) = (ledger.clone(), reject.clone());
        async move { published(&ledger, publish("P1", &reject)).await }
    });
    soon(puppet.strings.append_calls.above(calls)).await;
    assert_eq!(ledger.policy().version, None);
    puppet.strings.appends.open();
    assert_eq!(soon(publishing).await.unwrap(), "applied");
    assert_eq!(ledger.policy().version, Some(1));
    assert_eq!(undone(&ledger, &p, "x1").await, "insufficient_funds");
}

#[derive(Debug)]
struct Lounge(HostName, u32);

impl PreCheck for Lounge {
    fn name(&self) -> &HostName {
        &self.0
    }
    fn version(&self) -> u32 {
        self.1
    }
    fn check(&self, _: &PlayerState, _: &PlayerCommand, _: Timestamp) -> Result<(), Refused> {
        Err(Refused { code: HostName::new(format!("closed-{}", self.1)).unwrap() })
    }
}

fn lounge(version: u32) -> Arc<dyn PreCheck> {
    Arc::new(Lounge(HostName::new("acme.lounge").unwrap(), version))
}

fn naming(version: u32) -> Policy {
    let mut policy = Policy::default();
    policy.checks.insert(HostName::new("acme.lounge").unwrap(), version);
    policy
}

#[tokio::test]
async fn a_published_policy_names_the_checks_that_are_asked() {
    let store = memory(ShardCount::ONE);
    let ledger = on(
        Arc::clone(&store) as _,
        tuned(|s| {
            s.policy = naming(1);
            s.checks = vec![lounge(1), lounge(2)];
        }),
    )
    .await;
    let p = funded(&ledger, "p", "1.00").await;
    let refused = async |id: &str| {
        let answer = soon(ledger.request(in_play(&p, bet(id, id, "1.00")))).await;
        answer.unwrap_err().to_string()
    };
    assert!(refused("t1").await.contains("closed-1"));
    assert_eq!(published(&ledger, publish("P1", &naming(2))).await, "applied");
    assert!(refused("t2").await.contains("closed-2"));
    // One that this process has not: nothing new is decided for players, what is known is answered, and another
    // publication mends it.
    assert_eq!(published(&ledger, publish("P2", &naming(3))).await, "applied");
    let missing = soon(ledger.request(in_play(&p, bet("t3", "r3", "1.00")))).await;
    assert!(
        matches!(&missing, Err(ExecuteError::Unavailable { reason }) if reason.contains("acme.lounge version 3"))
    );
    assert!(refused("t1").await.contains("closed-1"), "known");
    assert_eq!(published(&ledger, publish("P3", &Policy::default())).await, "applied");
    assert_eq!(text(&soon(ledger.request(in_play(&p, bet("t3", "r3", "1.00")))).await), "applied");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn a_check_that_no_policy_names_is_a_mistake() {
    let opened = async |tune: &dyn Fn(&mut Settings)| {
        let store = memory(ShardCount::ONE);
        Ledger::with_store(store as _, tuned(|s| tune(s))).await.map(|_| ())
    };
    let unnamed = opened(&|s| s.checks = vec![lounge(1)]).await;
    assert!(matches!(unnamed, Err(OpenError::Setting { name: "checks", .. })), "{unnamed:?}");
    let twice = opened(&|s| {
        s.policy = naming(1);
        s.checks = vec![lounge(1), lounge(1)];
    })
    .await;
    assert!(matches!(twice, Err(OpenError::Setting { name: "checks", .. })));
    assert!(
        opened(&|s| {
            s.policy = naming(1);
            s.checks = vec![lounge(1), lounge(2)];
        })
        .await
        .is_ok()
    );
    let never = opened(&|s| s.refresh = Duration::ZERO).await;
    assert!(matches!(never, Err(OpenError::Setting { name: "refresh", .. })));
}

/// A kind of document of the host.
#[derive(Debug)]
struct Terms(DocumentKind);

impl DocumentCheck for Terms {
    fn kind(&self) -> &DocumentKind {
        &self.0
    }
    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String> {
        if draft.content.as_str().contains("\"cap\"") { Ok(()) } else { Err("terms need a cap".to_owned()) }
    }
}

#[tokio::test]
async fn a_host_publishes_documents_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let with = |kind: &str| {
        let terms: Arc<dyn DocumentCheck> = Arc::new(Terms(DocumentKind::new(kind).unwrap()));
        tuned(|s| s.documents = vec![terms])
    };
    let ledger = soon(Ledger::open(dir.path(), with("terms"))).await.unwrap();
    let terms = |id: &str, content: &str| commands::publish(id, "terms", "summer", content);
    assert_eq!(published(&ledger, terms("P1", r#"{"cap":"50.00"}"#)).await, "applied");
    assert_eq!(published(&ledger, terms("P2", r#"{"floor":"50.00"}"#)).await, "refused:document_invalid");
    assert_eq!(published(&ledger, terms("P2", r#"{"cap":"60.00"}"#)).await, "applied");
    assert_eq!(ledger.policy().version, None, "it is no policy");
    // The history of a document is in its stream, and its contents are found by their hash.
    let state = soon(ledger.house(&configuration())).await.unwrap().state;
    let document = &state.configuration().documents()[0];
    let current = document.versions().last().unwrap();
    let partition = Partition::House(configuration()).digest();
    let stored = ledger.store().read_partition(&partition, Position::ZERO, READ_COMMITS_MAX).await.unwrap();
    let contents: Vec<_> = stored
        .iter()
        .flat_map(|commit| CommitBody::decode(&commit.body).unwrap().events)
        .filter_map(|record| match record.event {
            casino_ledger::core::stored::Event::DocumentStored(event) => Some(event.content),
            _ => None,
        })
        .collect();
    assert_eq!(contents.last().unwrap().hash(), current.hash);
    let changes = diff_documents(&contents[0], &contents[1]);
    let shown: Vec<_> =
        changes.iter().map(|c| (c.path.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
    assert_eq!(shown, [("/cap", Some("\"50.00\""), Some("\"60.00\""))]);
    verified(ledger.store().as_ref()).await;
    soon(ledger.close()).await.unwrap();
    for kind in ["policy", ""] {
        let Ok(kind) = DocumentKind::new(kind) else { continue };
        let settings = with(kind.as_str());
        let opened = soon(Ledger::open(dir.path(), settings)).await;
        assert!(matches!(opened, Err(OpenError::Setting { name: "documents", .. })));
    }
}
