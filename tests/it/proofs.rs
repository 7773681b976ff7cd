//! Statements, proofs and the notary, on real ledgers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::Ledger;
use casino_ledger::core::stored::CommitBody;
use casino_ledger::core::{Finality, PlayerId};
use casino_ledger::proof::{
    ArchiveError, ConsistencyProof, FolderArchive, InclusionProof, LocalSigner, MemoryArchive, Notary,
    NotaryError, PROOFS_MAX, ProofError, ProveError, PublicKey, Signature, Signer, SignerError, Statement,
    StatementArchive, StatementChain, StatementError, Trust, prove, prove_all, prove_consistency,
};
use casino_ledger::store::{
    EventStore, LedgerId, LedgerIdentity, MemoryStore, Position, Shard, ShardCount, StoreError,
};

use crate::puppet::Puppet;
use crate::support::{Hands, bet, funded, identity, memory, on, soon, tuned, win};

pub(crate) fn signer(seed: u8) -> Arc<LocalSigner> {
    Arc::new(LocalSigner::new(&[seed; 32]))
}

/// A ledger on a store, its clock set by hand.
pub(crate) async fn on_hands(store: Arc<dyn EventStore>, clock: &Arc<Hands>) -> Ledger {
    on(store, tuned(|s| s.clock = Arc::clone(clock) as _)).await
}

/// Some rounds of a few players, told apart by `no`.
pub(crate) async fn play(ledger: &Ledger, players: &[PlayerId], no: u32) {
    for player in players {
        let (b, w, r) = (format!("b{no}"), format!("w{no}"), format!("r{no}"));
        ledger.execute(player, bet(&b, &r, "1.00")).await.unwrap();
        ledger.execute(player, win(&w, &r, "1.50", Finality::Round)).await.unwrap();
    }
}

async fn players(ledger: &Ledger) -> Vec<PlayerId> {
    let mut all = Vec::new();
    for id in ["p1", "p2", "p3"] {
        all.push(funded(ledger, id, "100.00").await);
    }
    all
}

fn notary(store: &Arc<dyn EventStore>, seed: u8, archive: &Arc<MemoryArchive>, clock: &Arc<Hands>) -> Notary {
    Notary::new(Arc::clone(store), signer(seed), Arc::clone(archive) as _, Arc::clone(clock) as _)
}

struct World {
    store: Arc<dyn EventStore>,
    clock: Arc<Hands>,
    archive: Arc<MemoryArchive>,
    statements: Vec<Statement>,
}

/// Three statements with play between them.
async fn world(shards: ShardCount) -> World {
    let (clock, archive) = (Hands::new(), Arc::new(MemoryArchive::new()));
    let store: Arc<dyn EventStore> = memory(shards);
    let ledger = on_hands(Arc::clone(&store), &clock).await;
    let mut statements = Vec::new();
    let notary = notary(&store, 1, &archive, &clock);
    let players = players(&ledger).await;
    for no in 0..3 {
        clock.pass(3_600);
        statements.push(notary.take().await.unwrap());
        play(&ledger, &players, no).await;
    }
    ledger.close().await.unwrap();
    World { store, clock, archive, statements }
}

fn key(seed: u8) -> PublicKey {
    signer(seed).public_key()
}

fn chain(world: &World) -> StatementChain {
    StatementChain::new(*world.store.identity(), Trust::of(key(1)))
}

#[tokio::test]
async fn statements_follow_each_other_and_name_the_heads() {
    for shards in [ShardCount::ONE, ShardCount::new(8).unwrap()] {
        let world = world(shards).await;
        let mut chain = chain(&world);
        let mut before = 0;
        for statement in &world.statements {
            chain.push(statement).unwrap();
            let commits: u64 = statement.heads().iter().map(|shard| shard.head.position.0).sum();
            assert!(commits > before);
            before = commits;
            for (shard, stated) in shards.all().zip(statement.heads()) {
                if stated.head.position > Position::ZERO {
                    let found = world.store.read(shard, stated.head.position, 1).await.unwrap();
                    assert_eq!(found[0].hash, stated.head.hash);
                }
            }
        }
        assert_eq!(chain.sequence(), 3);
        assert_eq!(world.archive.last().await.unwrap().as_ref(), world.statements.last());
        let times: Vec<_> = world.statements.iter().map(|s| s.header().taken_at().to_string()).collect();
        assert_eq!(times[0], "2026-01-01T01:00:00.000000Z");
        assert_eq!(times[2], "2026-01-01T03:00:00.000000Z");
    }
}

#[tokio::test]
async fn every_commit_is_proven_to_a_stranger() {
    for shards in [ShardCount::ONE, ShardCount::new(4).unwrap()] {
        let world = world(shards).await;
        for statement in &world.statements {
            for (shard, stated) in shards.all().zip(statement.heads()) {
                let positions: Vec<_> = (1..=stated.head.position.0).map(Position).collect();
                let proofs = prove_all(&world.store, statement, shard, &positions).await.unwrap();
                assert_eq!(proofs.len(), positions.len());
                let commits = world.store.read(shard, Position(1), 1_000).await.unwrap();
                for (proof, commit) in proofs.iter().zip(&commits) {
                    let read: InclusionProof = proof.to_string().parse().unwrap();
                    assert_eq!(read, *proof);
                    let proven = read.verify(&[key(1)]).unwrap();
                    assert_eq!((proven.position, proven.hash), (commit.position, commit.hash));
                    assert_eq!(proven.body.as_bytes(), &commit.body[..]);
                    assert_eq!(proven.sequence, statement.header().sequence());
                    assert_eq!(proven.identity, *world.store.identity());
                    CommitBody::decode(proven.body.as_bytes()).unwrap();
                }
            }
        }
    }
}

/// The shard with the most commits.
fn busiest(statement: &Statement) -> Shard {
    let shards = (0..).map(Shard).zip(statement.heads());
    shards.max_by_key(|(_, stated)| stated.head.position).unwrap().0
}

#[tokio::test]
async fn a_proof_that_was_touched_proves_nothing() {
    let world = world(ShardCount::new(4).unwrap()).await;
    let statement = &world.statements[2];
    let shard = busiest(statement);
    let end = statement.heads()[shard.index()].head.position;
    let proof = prove(&world.store, statement, shard, Position(2)).await.unwrap();
    let text = proof.to_string();
    let refused = |text: &str, trusted: &[PublicKey]| {
        text.parse::<InclusionProof>().and_then(|proof| proof.verify(trusted)).unwrap_err()
    };
    assert_eq!(refused(&text, &[key(2)]), ProofError::UnknownKey { key: key(1) });
    assert_eq!(refused(&text, &[]), ProofError::UnknownKey { key: key(1) });
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1)
    };
    assert_eq!(refused(&changed("p1", "p9"), &[key(1)]), ProofError::Commit);
    assert_eq!(refused(&changed("\"position\":2", "\"position\":3"), &[key(1)]), ProofError::Commit);
    assert_eq!(refused(&changed("\"position\":2", "\"position\":0"), &[key(1)]), ProofError::Commit);
    let end = format!("\"end\":{end}");
    assert_eq!(refused(&changed(&end, "\"end\":2"), &[key(1)]), ProofError::Head);
    let other = format!("\"shard\":{}", (shard.0 + 1) % 4);
    assert_eq!(refused(&changed(&format!("\"shard\":{shard}"), &other), &[key(1)]), ProofError::Head);
    let word = |text: &str| matches!(refused(text, &[key(1)]), ProofError::Text(_));
    assert!(word(&changed("inclusion 1", "inclusion 2")));
    assert!(word(&changed("sequence 3", "sequence 4")), "the signature covers it");
    assert!(word(&changed("{\"proof\"", "{\"more\":1,\"proof\"")));
    assert!(word("{}"));
    let path = format!("\"path\":[{}]", vec![format!("\"{}\"", "00".repeat(32)); 65].join(","));
    let at = text.find("\"path\":").unwrap();
    assert!(word(&format!("{}{path}}}", &text[..at])), "paths are bounded");
}

#[tokio::test]
async fn what_a_statement_does_not_cover_is_not_proven() {
    let world = world(ShardCount::ONE).await;
    let (first, last) = (&world.statements[0], &world.statements[2]);
    let end = first.heads()[0].head.position;
    for position in [Position::ZERO, end.next()] {
        let refused = prove(&world.store, first, Shard(0), position).await;
        assert!(matches!(refused, Err(ProveError::NotStated { end: e, .. }) if e == end), "{refused:?}");
    }
    assert!(matches!(
        prove(&world.store, last, Shard(1), Position(1)).await,
        Err(ProveError::NotStated { .. })
    ));
    let many = vec![Position(1); PROOFS_MAX + 1];
    let refused = prove_all(&world.store, last, Shard(0), &many).await;
    assert!(matches!(refused, Err(ProveError::TooMany { asked }) if asked == PROOFS_MAX + 1));
    let other = LedgerIdentity { ledger: LedgerId([8; 16]), ..identity(ShardCount::ONE) };
    let other: Arc<dyn EventStore> = Arc::new(MemoryStore::new(other));
    assert!(matches!(prove(&other, last, Shard(0), Position(1)).await, Err(ProveError::OtherLedger)));
    assert!(matches!(prove_consistency(&other, first, last).await, Err(ProveError::OtherLedger)));
    assert!(matches!(
        prove_consistency(&world.store, last, first).await,
        Err(ProveError::NotOlder { shard: Shard(0) })
    ));
}

#[tokio::test]
async fn a_later_statement_is_shown_to_continue_an_earlier_one() {
    for shards in [ShardCount::ONE, ShardCount::new(8).unwrap()] {
        let world = world(shards).await;
        let all = &world.statements;
        for older in 0..3 {
            for newer in older..3 {
                let (older, newer) = (&all[older], &all[newer]);
                let proof = prove_consistency(&world.store, older, newer).await.unwrap();
                let read: ConsistencyProof = proof.to_string().parse().unwrap();
                assert_eq!(read.verify(older, newer), Ok(()));
                if older != newer {
                    assert!(matches!(read.verify(newer, older), Err(ProofError::NotGrown { .. })));
                }
            }
        }
        // Another history of the same ledger, rightly signed, is no continuation: engines name themselves in commits,
        // so that a second world is never the first.
        let forked = self::world(shards).await;
        let honest = prove_consistency(&world.store, &all[0], &all[2]).await.unwrap();
        assert!(honest.verify(&all[0], &forked.statements[2]).is_err());
        let refused = prove_consistency(&forked.store, &all[1], &forked.statements[2]).await;
        assert!(matches!(refused, Err(ProveError::Store(StoreError::HistoryLost { .. }))));
        let refused = prove(&forked.store, &all[1], busiest(&all[1]), Position(1)).await;
        assert!(matches!(refused, Err(ProveError::Store(StoreError::HistoryLost { .. }))));
        assert!("{}".parse::<ConsistencyProof>().is_err());
    }
}

#[tokio::test]
async fn statements_that_do_not_follow_are_refused_for_what_they_are() {
    let world = world(ShardCount::ONE).await;
    let [first, second, third] = [0, 1, 2].map(|i| &world.statements[i]);
    let mut chain = chain(&world);
    assert_eq!(chain.push(second), Err(StatementError::Gap { expected: 1, found: 2 }));
    chain.push(first).unwrap();
    assert_eq!(chain.push(third), Err(StatementError::Gap { expected: 2, found: 3 }));
    assert_eq!(chain.push(first), Err(StatementError::OutOfOrder { expected: 2, found: 1 }));
    chain.push(second).unwrap();
    assert_eq!(chain.push(first), Err(StatementError::OutOfOrder { expected: 3, found: 1 }));
    chain.push(third).unwrap();
    assert_eq!(chain.push(third), Err(StatementError::OutOfOrder { expected: 4, found: 3 }));

    // A second third statement: the same history at another moment.
    let fork = Arc::new(MemoryArchive::new());
    fork.put(first).await.unwrap();
    fork.put(second).await.unwrap();
    world.clock.pass(10);
    let other = notary(&world.store, 1, &fork, &world.clock).take().await.unwrap();
    assert!(matches!(chain.push(&other), Err(StatementError::Forked { sequence: 3, .. })));
    // A fourth after the fork names a predecessor that this chain has not.
    let after_fork = notary(&world.store, 1, &fork, &world.clock).take().await.unwrap();
    assert!(matches!(chain.push(&after_fork), Err(StatementError::NotLinked { sequence: 4, .. })));

    // A key that may not sign.
    let forged = notary(&world.store, 2, &Arc::new(MemoryArchive::new()), &world.clock).take().await.unwrap();
    let mut fresh = self::chain(&world);
    let refused = fresh.push(&forged);
    assert_eq!(refused, Err(StatementError::UnknownKey { sequence: 1, found: key(2), expected: key(1) }));

    // Another ledger, and this one with another number of shards.
    for (ledger, shards) in [([8; 16], ShardCount::ONE), ([9; 16], ShardCount::new(2).unwrap())] {
        let identity = LedgerIdentity { ledger: LedgerId(ledger), shards, ..*world.store.identity() };
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new(identity));
        let strange = notary(&store, 1, &Arc::new(MemoryArchive::new()), &world.clock).take().await.unwrap();
        let refused = fresh.push(&strange).unwrap_err();
        match shards.get() {
            1 => assert!(matches!(refused, StatementError::OtherLedger { sequence: 1, .. })),
            _ => assert!(matches!(refused, StatementError::OtherShape { sequence: 1, shards: 2, .. })),
        }
        assert!(StatementChain::after(*world.store.identity(), Trust::of(key(1)), &strange).is_err());
    }
    assert_eq!(fresh.sequence(), 0, "what is refused leaves the chain as it was");
}

/// A notary that is told what to say: a host whose statements lie.
#[tokio::test]
async fn shards_that_shrink_and_time_that_goes_back_are_refused() {
    let world = world(ShardCount::ONE).await;
    let mut chain = chain(&world);
    chain.push(&world.statements[0]).unwrap();
    chain.push(&world.statements[1]).unwrap();
    // The second statement of a ledger that has less: sequence and link are made to fit by its archive.
    let less: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let refused = notary(&less, 1, &world.archive, &world.clock).take().await;
    assert!(
        matches!(refused, Err(NotaryError::Store(StoreError::HistoryLost { .. }))),
        "the notary itself signs no such thing: {refused:?}"
    );
    // Time never goes back in statements, whatever the clock does.
    let store = Arc::clone(&world.store);
    world.clock.jump(-86_400);
    let later = notary(&store, 1, &world.archive, &world.clock).take().await.unwrap();
    assert_eq!(later.header().taken_at(), world.statements[2].header().taken_at());
}

#[tokio::test]
async fn a_new_key_is_introduced_by_the_old_one() {
    let world = world(ShardCount::ONE).await;
    let (store, archive, clock) = (&world.store, &world.archive, &world.clock);
    let refused = notary(store, 2, archive, clock).take().await;
    assert!(
        matches!(refused, Err(NotaryError::WrongKey { found, expected }) if found == key(2) && expected == key(1))
    );
    let introduces = notary(store, 1, archive, clock).take_introducing(key(2)).await.unwrap();
    assert_eq!(introduces.header().next_key(), Some(key(2)));
    assert_eq!(introduces.header().key(), key(1));
    let refused = notary(store, 1, archive, clock).take().await;
    assert!(matches!(refused, Err(NotaryError::WrongKey { .. })), "the old key has had its time");
    let by_new = notary(store, 2, archive, clock).take().await.unwrap();
    let mut chain = chain(&world);
    for statement in world.statements.iter().chain([&introduces, &by_new]) {
        chain.push(statement).unwrap();
    }
    assert_eq!(chain.next_key(), Some(key(2)));

    // The new key is lost: another one takes over, and every verifier must be told.
    let lost = notary(store, 3, archive, clock).replacing_lost_key().take().await.unwrap();
    let refused = chain.clone().push(&lost);
    assert_eq!(refused, Err(StatementError::UnknownKey { sequence: 6, found: key(3), expected: key(2) }));
    let told = Trust::of(key(1)).replaced_from(6, key(3));
    let mut chain = StatementChain::new(*store.identity(), told.clone());
    for statement in world.statements.iter().chain([&introduces, &by_new, &lost]) {
        chain.push(statement).unwrap();
    }
    assert_eq!(told.keys().collect::<Vec<_>>(), [key(1), key(3)]);
    // The one who was told in advance refuses the old key from there on.
    let old = notary(store, 3, archive, clock).take().await.unwrap();
    let told = Trust::of(key(1)).replaced_from(7, key(4));
    let mut chain = StatementChain::after(*store.identity(), told, &lost).unwrap();
    assert!(matches!(chain.push(&old), Err(StatementError::UnknownKey { sequence: 7, .. })));
}

#[tokio::test]
async fn nothing_is_signed_for_a_history_that_changed() {
    let world = world(ShardCount::ONE).await;
    let puppet = Puppet::new(Arc::clone(&world.store));
    let store: Arc<dyn EventStore> = Arc::clone(&puppet) as _;
    let same = notary(&store, 1, &world.archive, &world.clock);
    same.take().await.unwrap();
    // A restored backup that ends earlier, and a log that was written anew.
    let other = self::world(ShardCount::ONE).await;
    for changed in [memory(ShardCount::ONE) as Arc<dyn EventStore>, Arc::clone(&other.store)] {
        puppet.become_other(changed);
        for notary in [&same, &notary(&store, 1, &world.archive, &world.clock)] {
            let refused = notary.take().await;
            assert!(
                matches!(&refused, Err(NotaryError::Store(StoreError::HistoryLost { .. }))),
                "{refused:?}"
            );
        }
    }
    assert_eq!(world.archive.last().await.unwrap().unwrap().header().sequence(), 4);
}

/// A signer whose device is broken.
#[derive(Debug)]
struct Broken(bool);

#[async_trait]
impl Signer for Broken {
    fn public_key(&self) -> PublicKey {
        key(1)
    }
    async fn sign(&self, _: &[u8]) -> Result<Signature, SignerError> {
        if self.0 {
            return Err(SignerError::Unavailable { reason: "no card".to_owned() });
        }
        Ok(Signature([7; 64]))
    }
}

#[tokio::test]
async fn a_broken_signer_leaves_no_statement() {
    let world = world(ShardCount::ONE).await;
    let with = |signer: Broken| {
        let archive = Arc::clone(&world.archive) as _;
        Notary::new(Arc::clone(&world.store), Arc::new(signer), archive, Arc::clone(&world.clock) as _)
    };
    assert!(matches!(with(Broken(true)).take().await, Err(NotaryError::Signer(_))));
    assert!(matches!(with(Broken(false)).take().await, Err(NotaryError::BadSignature { .. })));
    assert_eq!(world.archive.last().await.unwrap().unwrap().header().sequence(), 3);
}

#[tokio::test]
async fn two_notaries_cannot_fork_an_archive() {
    let world = world(ShardCount::ONE).await;
    let folder = tempfile::tempdir().unwrap();
    let archive = FolderArchive::open(folder.path().join("statements")).unwrap();
    for statement in &world.statements {
        archive.put(statement).await.unwrap();
        archive.put(statement).await.unwrap();
    }
    for archive in [&archive as &dyn StatementArchive, &*world.archive] {
        let fork = Arc::new(MemoryArchive::new());
        fork.put(&world.statements[1]).await.unwrap();
        world.clock.pass(10);
        let other = notary(&world.store, 1, &fork, &world.clock).take().await.unwrap();
        assert!(matches!(archive.put(&other).await, Err(ArchiveError::Taken { sequence: 3 })));
        assert_eq!(archive.statement(3).await.unwrap().as_ref(), Some(&world.statements[2]));
        assert_eq!(archive.statement(9).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_folder_keeps_statements_and_tells_damage() {
    let world = world(ShardCount::new(2).unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    let archive = FolderArchive::open(folder.path()).unwrap();
    assert_eq!(archive.last().await.unwrap(), None);
    for statement in &world.statements {
        archive.put(statement).await.unwrap();
    }
    let path = |no: u64| folder.path().join(format!("statement-{no:020}.txt"));
    assert_eq!(std::fs::read_to_string(path(2)).unwrap(), world.statements[1].to_string());
    assert_eq!(archive.last().await.unwrap().as_ref(), world.statements.last());
    std::fs::copy(path(1), path(4)).unwrap();
    assert!(matches!(archive.last().await, Err(ArchiveError::Misnamed { found: 1, .. })));
    std::fs::write(path(4), "casino-ledger statement 1\n").unwrap();
    assert!(matches!(archive.last().await, Err(ArchiveError::Damaged { .. })));
    std::fs::write(path(4), "x".repeat(1 << 20)).unwrap();
    assert!(matches!(archive.statement(4).await, Err(ArchiveError::Damaged { .. })));
}

#[tokio::test]
async fn only_what_came_since_is_read_again() {
    let (clock, folder) = (Hands::new(), tempfile::tempdir().unwrap());
    let puppet = Puppet::new(memory(ShardCount::ONE));
    let store: Arc<dyn EventStore> = Arc::clone(&puppet) as _;
    let ledger = on_hands(Arc::clone(&store), &clock).await;
    let players = players(&ledger).await;
    let notary = || {
        let archive = FolderArchive::open(folder.path()).unwrap();
        Notary::new(Arc::clone(&store), signer(1), Arc::new(archive), Arc::clone(&clock) as _)
    };
    let seen = Arc::new(std::sync::Mutex::new(0_usize));
    {
        let seen = Arc::clone(&seen);
        puppet.lie(move |read| {
            *seen.lock().unwrap() += read.len();
            read
        });
    }
    let reads = || std::mem::take(&mut *seen.lock().unwrap());
    let kept = notary();
    let all: usize = kept.take().await.unwrap().heads()[0].head.position.0.try_into().unwrap();
    assert_eq!(reads(), all);
    play(&ledger, &players, 1).await;
    reads();
    let second = kept.take().await.unwrap();
    assert_eq!(reads(), 6, "by the notary that took the last one");
    play(&ledger, &players, 2).await;
    reads();
    let third = notary().take().await.unwrap();
    assert_eq!(reads(), 6, "by another, from what was left in the folder");
    // What was left is not believed: another tree, or none, and the log is read from its beginning.
    let progress = folder.path().join("progress.json");
    let honest = std::fs::read_to_string(&progress).unwrap();
    let all = usize::try_from(third.heads()[0].head.position.0).unwrap();
    let lie = honest.replacen('a', "b", 1);
    for damaged in [Some("{}"), Some(lie.as_str()), None] {
        match damaged {
            Some(text) => std::fs::write(&progress, text).unwrap(),
            None => std::fs::remove_file(&progress).unwrap(),
        }
        reads();
        let next = notary().take().await.unwrap();
        assert_eq!(reads(), all, "{damaged:?}");
        assert_eq!(next.heads(), third.heads());
    }
    assert_ne!(second.heads(), third.heads());
}

#[tokio::test]
async fn a_statement_is_taken_once_a_period() {
    let (clock, archive) = (Hands::new(), Arc::new(MemoryArchive::new()));
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let hour = Duration::from_hours(1);
    let by_hand = notary(&store, 1, &archive, &clock);
    assert!(by_hand.take_if_due(hour).await.unwrap().is_some(), "the first");
    assert!(by_hand.take_if_due(hour).await.unwrap().is_none());
    clock.pass(3_599);
    assert!(by_hand.take_if_due(hour).await.unwrap().is_none());
    clock.pass(1);
    assert!(by_hand.take_if_due(hour).await.unwrap().is_some());
    clock.jump(-7_200);
    assert!(by_hand.take_if_due(hour).await.unwrap().is_none(), "a clock that goes back makes nothing due");
    clock.jump(7_200);

    let thread = Arc::new(by_hand).start(Duration::from_millis(200)).unwrap();
    for sequence in 3..6 {
        clock.pass(1);
        soon(async {
            while archive.last().await.unwrap().unwrap().header().sequence() < sequence {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    thread.stop();
    clock.pass(10);
    assert_eq!(archive.last().await.unwrap().unwrap().header().sequence(), 5);
}

/// Two callers at once take two statements, one after the other.
#[tokio::test]
async fn calls_at_once_take_one_after_the_other() {
    let world = world(ShardCount::ONE).await;
    let notary = notary(&world.store, 1, &world.archive, &world.clock);
    let (a, b) = tokio::join!(notary.take(), notary.take());
    let mut both = [a.unwrap().header().sequence(), b.unwrap().header().sequence()];
    both.sort_unstable();
    assert_eq!(both, [4, 5]);
}
