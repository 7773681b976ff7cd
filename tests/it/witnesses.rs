//! Witnesses at opening: a log that is not the one that was seen is not opened, and nothing in it is changed.

use std::sync::Arc;

use casino_ledger::core::Partition;
use casino_ledger::proof::{FolderArchive, Witnesses};
use casino_ledger::store::{CommitHash, EventStore, Head, Position, Shard, ShardCount, Snapshot, StoreError};
use casino_ledger::{Ledger, OpenError, verify};

use crate::proofs::signer;
use crate::support::{deposit, funded, memory, player, settings, tuned};

fn lost(result: Result<Ledger, OpenError>) -> Shard {
    match result {
        Err(OpenError::Store(StoreError::HistoryLost { shard, .. })) => shard,
        other => panic!("{other:?}"),
    }
}

fn bytes(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn a_folder_with_an_older_log_is_not_opened() {
    let home = tempfile::tempdir().unwrap();
    let (now, backup) = (home.path().join("ledger"), home.path().join("backup"));
    let ledger = Ledger::open(&now, settings()).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    ledger.close().await.unwrap();
    let copied = std::process::Command::new("cp").arg("-r").args([&now, &backup]).status().unwrap();
    assert!(copied.success());

    let ledger = Ledger::open(&now, settings()).await.unwrap();
    ledger.execute(&p, deposit("d2", "5.00")).await.unwrap();
    let archive = Arc::new(FolderArchive::open(home.path().join("statements")).unwrap());
    let statement = ledger.notary(signer(1), archive).take().await.unwrap();
    ledger.close().await.unwrap();
    let mut witnesses = Witnesses::new();
    witnesses.add_statement(&statement);
    let with = || tuned(|s| s.witnesses = witnesses.clone());

    let before = bytes(&backup);
    let his = statement.header().identity().shards.shard_of(&Partition::Player(p.clone()).digest());
    assert_eq!(lost(Ledger::open(&backup, with()).await), his);
    assert_eq!(bytes(&backup), before, "nothing was touched");
    // An empty folder in the place of the log is no new ledger.
    lost(Ledger::open(home.path().join("nothing"), with()).await);
    assert!(!home.path().join("nothing").exists());
    let ledger = Ledger::open(&now, with()).await.unwrap();
    ledger.execute(&p, deposit("d3", "5.00")).await.unwrap();
    ledger.close().await.unwrap();
    Ledger::open(&backup, settings()).await.expect("without witnesses nobody can tell");
}

#[tokio::test]
async fn any_store_is_compared_with_what_was_seen() {
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let ledger = Ledger::with_store(Arc::clone(&store), settings()).await.unwrap();
    funded(&ledger, "p", "100.00").await;
    let head = store.heads().await.unwrap()[0];
    let open = |shard: Shard, head: Head| {
        let mut seen = Witnesses::new();
        seen.add(shard, head);
        Ledger::with_store(Arc::clone(&store), tuned(|s| s.witnesses = seen))
    };
    open(Shard(0), head).await.unwrap();
    lost(open(Shard(0), Head { hash: CommitHash([1; 32]), ..head }).await);
    lost(open(Shard(0), Head { position: head.position.next(), ..head }).await);
    lost(open(Shard(0), Head { position: Position::ZERO, ..head }).await);
    assert_eq!(lost(open(Shard(1), head).await), Shard(1));
}

/// A snapshot that names a commit of another player is not loaded, however right its hash is.
#[tokio::test]
async fn a_snapshot_of_another_players_commit_is_ignored() {
    let store: Arc<dyn EventStore> = memory(ShardCount::ONE);
    let ledger = Ledger::with_store(Arc::clone(&store), settings()).await.unwrap();
    let rich = funded(&ledger, "rich", "1000.00").await;
    let state = ledger.player(&rich).await.unwrap().state;
    let head = store.heads().await.unwrap()[0];
    let planted = String::from_utf8(state.to_snapshot().unwrap()).unwrap().replace("rich", "thief");
    store
        .write_snapshot(Snapshot {
            partition: Partition::Player(player("thief")).digest(),
            position: head.position,
            hash: head.hash,
            fold: casino_ledger::core::FOLD_VERSION,
            bytes: planted.into_bytes(),
        })
        .await
        .unwrap();
    let thief = ledger.player(&player("thief")).await.unwrap();
    assert_eq!(thief.balances(), []);
    verify(&*store).await.unwrap();
}
