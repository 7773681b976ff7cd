//! The main job of the example, as its user runs it: traffic in, proven, and in again.

use std::path::Path;
use std::sync::Arc;

use casino_ledger::{Ledger, Settings};
use indicatif::ProgressBar;

use crate::drive::drive;
use crate::prove::{Proof, prove};
use crate::traffic::{Traffic, scripts};

/// Plays traffic with noise into a new ledger and proves it; then plays it again, which must change nothing.
async fn play_twice(traffic: Traffic) -> Proof {
    let scripts = Arc::new(scripts(&traffic, 20).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let settings = || {
        let mut settings = Settings::new().unwrap();
        settings.currencies.insert(traffic.currency);
        settings
    };
    let ledger = Ledger::open(dir.path(), settings()).await.unwrap();
    let figures = drive(&ledger, Arc::clone(&scripts), 256, &ProgressBar::hidden()).await.unwrap();
    assert!(figures.rollbacks > 0 && figures.refused > 0 && figures.replayed > 0, "there is noise");
    let proof = prove(&ledger, &traffic, &scripts, true).await.unwrap();
    ledger.close().await.unwrap();

    let ledger = Ledger::open(dir.path(), settings()).await.unwrap();
    let before = ledger.heads().await.unwrap();
    let again = drive(&ledger, Arc::clone(&scripts), 256, &ProgressBar::hidden()).await.unwrap();
    assert_eq!(ledger.heads().await.unwrap(), before, "nothing is appended");
    assert_eq!(again.replayed, again.commands, "every answer is a replay");
    ledger.close().await.unwrap();
    proof
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_traffic_is_booked_to_the_cent_and_once() {
    let proof = play_twice(Traffic::generate(2_000, 100, 7).unwrap()).await;
    assert_eq!(proof.richest.len(), 100);
}

/// 24,588 real bets of a real casino, with a known total.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_bets_come_to_their_known_total() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/crash-bets.csv");
    if !file.exists() {
        eprintln!("SKIPPED: {} is not there, so the real bets were not played", file.display());
        return;
    }
    let proof = play_twice(Traffic::read(&file).unwrap()).await;
    assert_eq!(
        (proof.rounds, proof.staked.to_string().as_str(), proof.paid.to_string().as_str()),
        (24_588, "65228763.00", "65573713.34")
    );
}
