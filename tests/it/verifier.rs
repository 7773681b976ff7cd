//! Verification with witnesses, in little memory, on several threads, interrupted, with snapshots and a lying index.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use casino_ledger::core::stored::{CommitBody, CommitIndex};
use casino_ledger::core::{FOLD_VERSION, Finality, Partition, PlayerId, PlayerState, WriterId};
use casino_ledger::proof::{
    ArchiveError, FolderArchive, MemoryArchive, Notary, Statement, StatementArchive, StatementChain,
    StatementError, Trust, Witnesses,
};
use casino_ledger::store::{
    CommitHash, EventStore, Head, LedgerId, LedgerIdentity, Lookup, MemoryStore, Position, SealedCommit,
    Shard, ShardAppend, ShardCount, Snapshot, StoreError, commit_hash, genesis,
};
use casino_ledger::{
    Ledger, Request, Verification, Verifier, VerifyCheckpoint, VerifyError, verify, verify_player,
};

use crate::proofs::signer;
use crate::puppet::Puppet;
use crate::support::{Hands, bet, deposit, identity, memory, on, open, player, tuned, win};

/// A ledger whose commits depend on its commands alone.
async fn ledger(store: &Arc<dyn EventStore>) -> (Ledger, Arc<Hands>) {
    let clock = Hands::new();
    let settings = tuned(|s| {
        s.clock = Arc::clone(&clock) as _;
        s.writer = WriterId::new("w").unwrap();
    });
    (on(Arc::clone(store), settings).await, clock)
}

fn trust() -> Trust {
    use casino_ledger::proof::Signer as _;
    Trust::of(signer(1).public_key())
}

/// Twenty deposits of two players after their opening, with a statement after every fifth; from the one numbered `from`
/// on they are of another amount. Every version is a ledger that the rules allow.
async fn history(
    from: usize,
    archive: Option<Arc<dyn StatementArchive>>,
) -> (Arc<dyn EventStore>, Vec<Statement>) {
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let (ledger, clock) = ledger(&store).await;
    let (p, q) = (player("p"), player("q"));
    ledger.execute(&p, open()).await.unwrap();
    ledger.execute(&q, open()).await.unwrap();
    let archive = archive.unwrap_or_else(|| Arc::new(MemoryArchive::new()));
    let notary = Notary::new(Arc::clone(&store), signer(1), archive, Arc::clone(&clock) as _);
    let mut statements = Vec::new();
    for no in 0..20 {
        let amount = if no >= from { "8.00" } else { "7.00" };
        let whose = if no % 2 == 0 { &p } else { &q };
        ledger.execute(whose, deposit(&format!("d{no}"), amount)).await.unwrap();
        if no % 5 == 4 {
            clock.pass(60);
            statements.push(notary.take().await.unwrap());
        }
    }
    ledger.close().await.unwrap();
    (store, statements)
}

/// The commits before the deposits: the currency, and two openings.
const BEFORE: u64 = 3;

fn witnesses(statements: &[Statement]) -> Witnesses {
    let mut chain = StatementChain::new(identity(ShardCount::ONE), trust());
    let mut witnesses = Witnesses::new();
    for statement in statements {
        chain.push(statement).unwrap();
        witnesses.add_statement(statement);
    }
    witnesses
}

fn verifier(store: &Arc<dyn EventStore>) -> Verifier {
    Verifier::new(Arc::clone(store))
}

#[tokio::test]
async fn a_log_that_was_written_anew_is_found_by_a_witness() {
    let (honest, statements) = history(usize::MAX, None).await;
    let seen = witnesses(&statements);
    verifier(&honest).witnesses(seen.clone()).run().await.unwrap();
    for from in [0_u64, 4, 5, 12, 19] {
        let (forged, _) = history(usize::try_from(from).unwrap(), None).await;
        verify(&*forged).await.expect("nothing is wrong with it but that it never was");
        let found = verifier(&forged).witnesses(seen.clone()).run().await;
        let period = from / 5;
        match found {
            Err(VerifyError::Witness { shard, first, vouched, witnessed, statement, .. }) => {
                assert_eq!((shard, first, statement), (Shard(0), None, Some(period + 1)));
                let end = |period: u64| if period == 0 { 0 } else { BEFORE + 5 * period };
                assert_eq!((vouched.0, witnessed.0), (end(period), end(period + 1)), "{from}");
                assert!((vouched.0 + 1..=witnessed.0).contains(&(BEFORE + from + 1)));
            }
            other => panic!("{from}: {other:?}"),
        }
    }
}

/// An archive with hashes in a folder, and the log it was made of.
async fn archived() -> (tempfile::TempDir, Arc<FolderArchive>, Arc<dyn EventStore>) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Arc::new(FolderArchive::open(folder.path()).unwrap().with_hashes());
    let (store, _) = history(usize::MAX, Some(Arc::clone(&archive) as _)).await;
    (folder, archive, store)
}

async fn first_wrong(store: &Arc<dyn EventStore>, archive: &Arc<FolderArchive>) -> (Option<u64>, u64, u64) {
    match verifier(store).archive(Arc::clone(archive) as _, trust()).run().await {
        Err(VerifyError::Witness { first, vouched, witnessed, .. }) => {
            (first.map(|at| at.0), vouched.0, witnessed.0)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn kept_hashes_name_the_first_wrong_commit() {
    let (folder, archive, honest) = archived().await;
    verifier(&honest).archive(Arc::clone(&archive) as _, trust()).run().await.unwrap();
    for from in 0..20_u64 {
        let (forged, _) = history(usize::try_from(from).unwrap(), None).await;
        let (first, vouched, witnessed) = first_wrong(&forged, &archive).await;
        assert_eq!(first, Some(BEFORE + from + 1), "{from}");
        assert!(vouched < BEFORE + from + 1 && BEFORE + from < witnessed);
    }
    // A list that is not the statement's own is not believed, and then the period is named.
    let (forged, _) = history(7, None).await;
    let path = folder.path().join(format!("hashes-{:020}.bin", 2));
    let honest_list = std::fs::read(&path).unwrap();
    let mut lie = honest_list.clone();
    lie[23 + 32] ^= 1;
    for list in [lie, honest_list[..40].to_vec(), Vec::new()] {
        std::fs::write(&path, list).unwrap();
        assert_eq!(first_wrong(&forged, &archive).await, (None, 8, 13));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(first_wrong(&forged, &archive).await, (None, 8, 13));
    // A list of the wrong period that fits nothing.
    std::fs::copy(folder.path().join(format!("hashes-{:020}.bin", 1)), &path).unwrap();
    assert_eq!(first_wrong(&forged, &archive).await, (None, 8, 13));
}

/// What breaks a rule comes late: the hashes tell where it began.
#[tokio::test]
async fn kept_hashes_name_the_beginning_of_what_breaks_a_rule_later() {
    let (_folder, archive, _) = archived().await;
    let (forged, _) = history(6, None).await;
    // The forger's engine, with a lie two commits later that even a verification without witnesses finds.
    let puppet = Puppet::new(Arc::clone(&forged));
    let mut bodies = bodies(&*forged, Shard(0)).await;
    let at = usize::try_from(BEFORE + 6 + 2).unwrap();
    let text = String::from_utf8(bodies[at].clone()).unwrap();
    assert!(text.contains("\"8.00\""));
    bodies[at] = text.replacen("\"8.00\"", "\"9.00\"", 1).into_bytes();
    puppet.become_other(restored(identity(ShardCount::ONE), &[bodies]).await);
    let store: Arc<dyn EventStore> = puppet;
    match verify(&*store).await {
        Err(VerifyError::Commit { position, .. }) => assert_eq!(position.0, BEFORE + 6 + 3),
        other => panic!("{other:?}"),
    }
    assert_eq!(first_wrong(&store, &archive).await, (Some(BEFORE + 6 + 1), 8, 13));
}

/// The bodies of a shard.
async fn bodies(store: &dyn EventStore, shard: Shard) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let next = Position(all.len() as u64 + 1);
        let read = store.read(shard, next, 8_192).await.unwrap();
        if read.is_empty() {
            return all;
        }
        all.extend(read.iter().map(|commit| commit.body.to_vec()));
    }
}

/// A store of these bodies with right hashes, as a forger with the disk in his hands would make it.
async fn restored(identity: LedgerIdentity, shards: &[Vec<Vec<u8>>]) -> Arc<dyn EventStore> {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new(identity));
    for (shard, bodies) in (0..).map(Shard).zip(shards) {
        let mut head = genesis(&identity, shard);
        for body in bodies {
            let (expected, position) = (head, head.position.next());
            let hash = commit_hash(&identity, shard, position, &head.hash, body);
            let index = CommitIndex::of_body(body).unwrap();
            let body = body.as_slice().into();
            let commits = vec![SealedCommit { position, previous: head.hash, hash, body, index }];
            store.append(&[ShardAppend { shard, expected, commits }]).await.unwrap().remove(0).unwrap();
            head = Head { position, hash };
        }
    }
    store
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_found() {
    let (folder, archive, honest) = archived().await;
    let all = bodies(&*honest, Shard(0)).await;
    for (cut, vouched) in [(0, 0), (7, 0), (8, 8), (10, 8), (22, 18)] {
        let short = restored(identity(ShardCount::ONE), &[all[..cut].to_vec()]).await;
        verify(&*short).await.unwrap();
        let (first, found, _) = first_wrong(&short, &archive).await;
        assert_eq!((first, found), (Some(cut as u64 + 1), vouched), "{cut}");
    }
    for no in 1..=4 {
        std::fs::remove_file(folder.path().join(format!("hashes-{no:020}.bin"))).unwrap();
    }
    let short = restored(identity(ShardCount::ONE), &[all[..10].to_vec()]).await;
    assert_eq!(first_wrong(&short, &archive).await, (None, 8, 13));
}

#[tokio::test]
async fn a_receipt_is_a_witness() {
    let (honest, _) = history(usize::MAX, None).await;
    let (forged, _) = history(9, None).await;
    let commit = honest.read(Shard(0), Position(BEFORE + 10), 1).await.unwrap().remove(0);
    let mut seen = Witnesses::new();
    seen.add(Shard(0), Head { position: commit.position, hash: commit.hash });
    verifier(&honest).witnesses(seen.clone()).run().await.unwrap();
    match verifier(&forged).witnesses(seen).run().await {
        Err(VerifyError::Witness { witnessed, statement: None, vouched: Position(0), .. }) => {
            assert_eq!(witnessed, commit.position);
        }
        other => panic!("{other:?}"),
    }
    let mut nowhere = Witnesses::new();
    nowhere.add(Shard(3), Head { position: Position(1), hash: CommitHash([1; 32]) });
    let found = verifier(&honest).witnesses(nowhere).run().await;
    assert!(matches!(found, Err(VerifyError::Witness { shard: Shard(3), .. })), "{found:?}");
    let mut origin = Witnesses::new();
    origin.add(Shard(0), Head { position: Position(0), hash: CommitHash([1; 32]) });
    let found = verifier(&honest).witnesses(origin).run().await;
    assert!(matches!(found, Err(VerifyError::Witness { witnessed: Position(0), .. })), "{found:?}");
}

#[tokio::test]
async fn an_archive_that_is_not_whole_or_not_true_is_refused() {
    let (folder, archive, honest) = archived().await;
    let run = |store: Arc<dyn EventStore>, trust: Trust| {
        let archive = Arc::clone(&archive) as _;
        async move { verifier(&store).archive(archive, trust).run().await }
    };
    let stranger = {
        use casino_ledger::proof::Signer as _;
        Trust::of(signer(2).public_key())
    };
    let refused = run(Arc::clone(&honest), stranger).await;
    assert!(matches!(refused, Err(VerifyError::Statement(StatementError::UnknownKey { sequence: 1, .. }))));
    let other = LedgerIdentity { ledger: LedgerId([8; 16]), ..identity(ShardCount::ONE) };
    let refused = run(Arc::new(MemoryStore::new(other)), trust()).await;
    assert!(matches!(refused, Err(VerifyError::Statement(StatementError::OtherLedger { .. }))));
    let path = |no: u64| folder.path().join(format!("statement-{no:020}.txt"));
    let second = std::fs::read_to_string(path(2)).unwrap();
    std::fs::write(path(2), second.replace("taken_at 2026", "taken_at 2025")).unwrap();
    let refused = run(Arc::clone(&honest), trust()).await;
    assert!(matches!(refused, Err(VerifyError::Archive(ArchiveError::Damaged { .. }))), "{refused:?}");
    std::fs::remove_file(path(2)).unwrap();
    let refused = run(Arc::clone(&honest), trust()).await;
    let gap = StatementError::Gap { expected: 2, found: 3 };
    assert!(matches!(refused, Err(VerifyError::Statement(error)) if error == gap));
    std::fs::write(path(2), second).unwrap();
    run(honest, trust()).await.unwrap();
}

/// Many players with a bet each.
async fn crowd(shards: ShardCount, players: usize) -> Arc<dyn EventStore> {
    let store: Arc<dyn EventStore> = memory(shards);
    let (ledger, _) = ledger(&store).await;
    let all: Vec<PlayerId> = (0..players).map(|i| player(&format!("p{i}"))).collect();
    for command in [open(), deposit("d", "50.00"), bet("b", "r", "5.00")] {
        let requests = all.iter().map(|player| Request::new(player.clone(), command.clone())).collect();
        for answer in ledger.execute_all(requests).await {
            answer.unwrap();
        }
    }
    ledger.close().await.unwrap();
    store
}

fn passes(verifier: Verifier) -> (Verifier, Arc<AtomicU32>) {
    let most = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&most);
    let verifier = verifier.progress(move |progress| {
        assert!(progress.position <= progress.of && progress.checked <= progress.commits);
        seen.fetch_max(progress.pass, Ordering::Relaxed);
    });
    (verifier, most)
}

#[tokio::test]
async fn little_memory_finds_the_same() {
    let store = crowd(ShardCount::ONE, 1_500).await;
    let all = verify(&*store).await.unwrap();
    assert_eq!((all.players, all.commits), (1_500, 4_501));
    let (small, most) = passes(verifier(&store).memory(0).threads(1));
    assert_eq!(small.run().await.unwrap(), all);
    assert!((3..=8).contains(&most.load(Ordering::Relaxed)), "{most:?} passes");
    let (large, most) = passes(verifier(&store));
    assert_eq!(large.run().await.unwrap(), all);
    assert_eq!(most.load(Ordering::Relaxed), 1);

    // Wrong commits of players of different passes, two at a time: the first is named, whichever pass finds it.
    let honest = bodies(&*store, Shard(0)).await;
    let lie = |bodies: &mut Vec<Vec<u8>>, at: usize| {
        let text = String::from_utf8(bodies[at].clone()).unwrap();
        // A bet's stake, a deposit's amount: what an entry says is not what it leads to.
        let changed = text.replacen(
            "\"after\":[{\"currency\":\"EUR\",\"cash\":\"",
            "\"after\":[{\"currency\":\"EUR\",\"cash\":\"1",
            1,
        );
        assert_ne!(text, changed);
        bodies[at] = changed.into_bytes();
    };
    for (a, b) in [(1_501, 4_499), (2_000, 2_001), (2_700, 3_100), (2_999, 3_001), (4_500, 1_700)] {
        let mut forged = honest.clone();
        lie(&mut forged, a);
        lie(&mut forged, b);
        let forged = restored(identity(ShardCount::ONE), &[forged]).await;
        for memory in [0, usize::MAX] {
            match verifier(&forged).memory(memory).threads(1).run().await {
                Err(VerifyError::Commit { position, .. }) => {
                    assert_eq!(position.0, a.min(b) as u64 + 1, "{a} {b}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // A commit that stands twice, whichever pass its player is of.
    for at in [1_600, 2_300, 2_900] {
        let mut forged = honest.clone();
        let again = String::from_utf8(forged[at].clone()).unwrap();
        forged.push(again.into_bytes());
        let forged = restored(identity(ShardCount::ONE), &[forged]).await;
        for memory in [0, usize::MAX] {
            match verifier(&forged).memory(memory).threads(1).run().await {
                Err(VerifyError::Commit { position, what, .. }) => {
                    assert_eq!(position.0, 4_502);
                    assert!(what.contains(&format!("consumed before, at position {}", at + 1)), "{what}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn threads_find_the_same_and_name_the_first_wrong_shard() {
    let shards = ShardCount::new(8).unwrap();
    let store = crowd(shards, 120).await;
    let all = verify(&*store).await.unwrap();
    for threads in [1, 2, 5, 64] {
        assert_eq!(verifier(&store).threads(threads).run().await.unwrap(), all);
    }
    let mut forged = Vec::new();
    for shard in shards.all() {
        forged.push(bodies(&*store, shard).await);
    }
    for shard in [2, 3, 7] {
        let last = forged[shard].last_mut().unwrap();
        *last = String::from_utf8(last.clone()).unwrap().replace("45.00", "46.00").into_bytes();
    }
    let forged = restored(identity(shards), &forged).await;
    for threads in [1, 2, 8] {
        match verifier(&forged).threads(threads).run().await {
            Err(VerifyError::Commit { shard, .. }) => assert_eq!(shard, Shard(2)),
            other => panic!("{other:?}"),
        }
    }
    // It can be asked for from any task.
    let _send: tokio::task::JoinHandle<Result<Verification, VerifyError>> =
        tokio::spawn(async move { verify(&*store).await });
}

#[tokio::test]
async fn an_interrupted_verification_goes_on() {
    let shards = ShardCount::new(8).unwrap();
    let store = crowd(shards, 60).await;
    let all = verify(&*store).await.unwrap();
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = Arc::clone(&kept);
    let on_shard = move |checkpoint: &VerifyCheckpoint| {
        into.lock().unwrap().push(serde_json::to_string(checkpoint).unwrap());
    };
    verifier(&store).threads(1).on_shard(on_shard).run().await.unwrap();
    let kept = kept.lock().unwrap().clone();
    assert_eq!(kept.len(), 8);
    let checkpoint = |at: usize| serde_json::from_str::<VerifyCheckpoint>(&kept[at]).unwrap();
    assert_eq!(checkpoint(4).shards(), 5);

    let puppet = Puppet::new(Arc::clone(&store));
    let read: Arc<Mutex<BTreeSet<u16>>> = Arc::default();
    let seen = Arc::clone(&read);
    puppet.lie(move |commits| {
        if commits.len() > 1 {
            seen.lock().unwrap().extend(commits.iter().map(|commit| commit.shard.0));
        }
        commits
    });
    let puppet: Arc<dyn EventStore> = puppet;
    assert_eq!(verifier(&puppet).resume(checkpoint(4)).run().await.unwrap(), all);
    assert_eq!(*read.lock().unwrap(), BTreeSet::from([5, 6, 7]), "the others were finished");

    // What came since is not part of it; what was finished must still be there.
    let mut longer = Vec::new();
    for shard in shards.all() {
        longer.push(bodies(&*store, shard).await);
    }
    let (last, open) = (longer.len() - 1, restored(identity(shards), &longer).await);
    let (ledger, _) = ledger(&open).await;
    ledger.execute(&player("p1"), deposit("d2", "1.00")).await.unwrap();
    assert_eq!(verify(&*open).await.unwrap().commits, all.commits + 1);
    for at in [0, 2, last] {
        assert_eq!(verifier(&open).resume(checkpoint(at)).run().await.unwrap(), all);
    }
    let other = crowd(shards, 61).await;
    let refused = verifier(&other).resume(checkpoint(7)).run().await;
    assert!(matches!(refused, Err(VerifyError::Store(StoreError::HistoryLost { .. }))), "{refused:?}");
    let strange: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let refused = verifier(&strange).resume(checkpoint(2)).run().await;
    assert!(matches!(refused, Err(VerifyError::Checkpoint(_))));

    // A witness that was not there then: its shard is verified again.
    let mut seen = Witnesses::new();
    seen.add(Shard(1), Head { position: Position(1), hash: CommitHash([1; 32]) });
    let found = verifier(&store).witnesses(seen).resume(checkpoint(7)).run().await;
    assert!(matches!(found, Err(VerifyError::Witness { shard: Shard(1), .. })), "{found:?}");
}

/// The state of a player after some of his commits, with the last of them.
async fn replay(store: &dyn EventStore, id: &str, commits: usize) -> (PlayerState, Head) {
    let partition = Partition::Player(player(id)).digest();
    let read = store.read_partition(&partition, Position::ZERO, commits).await.unwrap();
    let mut state = PlayerState::new(player(id));
    for commit in &read {
        state.evolve_commit(&CommitBody::decode(&commit.body).unwrap()).unwrap();
    }
    let last = read.last().unwrap();
    (state, Head { position: last.position, hash: last.hash })
}

fn snapshot(state: &PlayerState, head: Head) -> Snapshot {
    Snapshot {
        partition: Partition::Player(state.player().clone()).digest(),
        position: head.position,
        hash: head.hash,
        fold: FOLD_VERSION,
        bytes: state.to_snapshot().unwrap(),
    }
}

/// A store with one snapshot of p, as changed.
async fn with_snapshot(commits: usize, change: impl FnOnce(&mut Snapshot)) -> Arc<dyn EventStore> {
    let (store, _) = history(usize::MAX, None).await;
    let (state, head) = replay(&*store, "p", commits).await;
    let mut planted = snapshot(&state, head);
    change(&mut planted);
    // The store that wrote the history is closed.
    let fresh = restored(identity(ShardCount::ONE), &[bodies(&*store, Shard(0)).await]).await;
    fresh.write_snapshot(planted).await.unwrap();
    fresh
}

#[tokio::test]
async fn every_snapshot_is_compared_with_a_replay() {
    for commits in [1, 4, 11] {
        let store = with_snapshot(commits, |_| {}).await;
        let found = verify(&*store).await.unwrap();
        assert_eq!((found.snapshots, found.snapshots_left_out), (1, 0), "after {commits}");
        let found = verify_player(&store, &player("p"), &Witnesses::new()).await.unwrap();
        assert_eq!((found.snapshots, found.snapshots_left_out), (1, 0), "after {commits}");
        let found = verify_player(&store, &player("q"), &Witnesses::new()).await.unwrap();
        assert_eq!((found.snapshots, found.snapshots_left_out), (0, 0));
    }
    let store = with_snapshot(4, |s| s.fold += 1).await;
    let found = verify(&*store).await.unwrap();
    assert_eq!((found.snapshots, found.snapshots_left_out), (0, 1), "nothing loads it");
}

type Plant = fn(&mut Snapshot);

#[tokio::test]
async fn a_planted_snapshot_is_named() {
    let money = |s: &mut Snapshot| {
        let text = String::from_utf8(s.bytes.clone()).unwrap();
        assert!(text.contains("\"21.00\""), "{text}");
        s.bytes = text.replacen("\"21.00\"", "\"2100.00\"", 1).into_bytes();
    };
    let plants: [(&str, Plant); 4] = [
        ("its state is not what the log comes to", money),
        ("it cannot be read", |s| s.bytes = b"{}".to_vec()),
        ("it names another hash than the log has there", |s| s.hash = CommitHash([1; 32])),
        ("its partition has no commit there", |s| s.position = s.position.next()),
    ];
    for (what, plant) in plants {
        let store = with_snapshot(4, plant).await;
        for found in [
            verify(&*store).await.map(drop),
            verifier(&store).memory(0).run().await.map(drop),
            verify_player(&store, &player("p"), &Witnesses::new()).await.map(drop),
        ] {
            match found {
                Err(VerifyError::Snapshot { shard: Shard(0), what: found, .. }) => assert_eq!(found, what),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
    let store = with_snapshot(4, |s| s.position = Position(1_000)).await;
    let found = verify(&*store).await;
    assert!(
        matches!(found, Err(VerifyError::Snapshot { position: Position(1_000), .. })),
        "beyond the log: {found:?}"
    );
}

#[tokio::test]
async fn a_lying_index_is_found_by_who_asks_for_it() {
    let (store, _) = history(usize::MAX, None).await;
    let (p, _) = (player("p"), player("q"));
    verifier(&store).check_index().run().await.unwrap();
    let puppet = Puppet::new(Arc::clone(&store));
    let partition = Partition::Player(p.clone()).digest();
    let body = store.read(Shard(0), Position(BEFORE + 3), 1).await.unwrap().remove(0).body;
    let index = CommitIndex::of_body(&body).unwrap();
    puppet.mislead(Some((Lookup::Key(Shard(0), index.keys[0]), Position(5))));
    let lying: Arc<dyn EventStore> = Arc::clone(&puppet) as _;
    verifier(&lying).run().await.expect("the log is right");
    match verifier(&lying).check_index().run().await {
        Err(VerifyError::Index { position, .. }) => assert_eq!(position.0, BEFORE + 3),
        other => panic!("{other:?}"),
    }
    puppet.mislead(None);
    // The commits of a player as his partition finds them: one is left out, or one too many is there.
    verify_player(&lying, &p, &Witnesses::new()).await.unwrap();
    let strange = store.read(Shard(0), Position(BEFORE + 2), 1).await.unwrap().remove(0);
    let hidden = Arc::new(AtomicUsize::new(0));
    let which = Arc::clone(&hidden);
    puppet.lie(move |mut read| {
        let is_his = |body: &[u8]| CommitIndex::of_body(body).is_ok_and(|i| i.partition == partition);
        let partition_read = read.iter().all(|commit| is_his(&commit.body));
        match which.load(Ordering::Relaxed) {
            1 if partition_read => read.retain(|commit| commit.position != Position(BEFORE + 3)),
            2 if partition_read => read.retain(|commit| commit.position != Position(BEFORE + 19)),
            3 if read.len() > 1 && partition_read => read.push(strange.clone()),
            _ => {}
        }
        read
    });
    for lie in [1, 2, 3] {
        hidden.store(lie, Ordering::Relaxed);
        let found = verify_player(&lying, &p, &Witnesses::new()).await;
        assert!(matches!(found, Err(VerifyError::Index { .. })), "{lie}: {found:?}");
    }
}

#[tokio::test]
async fn one_player_is_verified_in_the_chain_he_stands_in() {
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let (ledger, _) = ledger(&store).await;
    for id in ["p", "q"] {
        ledger.execute(&player(id), open()).await.unwrap();
        ledger.execute(&player(id), deposit("d", "50.00")).await.unwrap();
        ledger.execute(&player(id), bet("b", "r", "5.00")).await.unwrap();
    }
    ledger.execute(&player("p"), win("w", "r", "7.00", Finality::Round)).await.unwrap();
    ledger.close().await.unwrap();
    let found = verify_player(&store, &player("p"), &Witnesses::new()).await.unwrap();
    assert_eq!((found.commits, found.entries, found.keys), (4, 3, 4));
    assert_eq!(found.balances[0].cash.to_string(), "52.00");
    assert_eq!((found.last, found.head.position.0), (found.head, 8));
    let nobody = verify_player(&store, &player("nobody"), &Witnesses::new()).await.unwrap();
    assert_eq!((nobody.commits, nobody.last.position, nobody.balances.len()), (0, Position::ZERO, 0));

    let honest = bodies(&*store, Shard(0)).await;
    let change = |at: usize, from: &str, to: &str| {
        let mut bodies = honest.clone();
        let text = String::from_utf8(bodies[at].clone()).unwrap();
        assert!(text.contains(from), "{text}");
        bodies[at] = text.replace(from, to).into_bytes();
        bodies
    };
    // Wrong in p's own commit, and his commit twice.
    let mut twice = honest.clone();
    twice.push(honest[3].clone());
    for (forged, at) in [(change(3, "\"45.00\"", "\"46.00\""), 4), (twice, 9)] {
        let forged = restored(identity(ShardCount::ONE), &[forged]).await;
        match verify_player(&forged, &player("p"), &Witnesses::new()).await {
            Err(VerifyError::Commit { position, .. }) => assert_eq!(position.0, at),
            other => panic!("{other:?}"),
        }
    }
    // Wrong in another's: not his, but the chain tells a witness.
    let mut seen = Witnesses::new();
    let head = store.heads().await.unwrap()[0];
    seen.add(Shard(0), head);
    let forged = restored(identity(ShardCount::ONE), &[change(6, "\"45.00\"", "\"46.00\"")]).await;
    verify_player(&forged, &player("p"), &Witnesses::new()).await.unwrap();
    let found = verify_player(&forged, &player("p"), &seen).await;
    assert!(matches!(found, Err(VerifyError::Witness { .. })), "{found:?}");
}
