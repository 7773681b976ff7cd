//! Random histories of real commits, drawn by the generators of the core.

use std::sync::Arc;

use ledger_core::stored::{CommitBody, CommitIndex};
use ledger_core::testing::TestLedger;
use ledger_core::testing::generators::{histories, policies};
use ledger_core::{CurrencyRegistry, PlayerId};
use ledger_store::{
    EventStore as _, FORMAT, Head, LedgerId, LedgerIdentity, MemoryStore, Position, SealedCommit, Shard,
    ShardAppend, ShardCount, StoredCommit, commit_hash, genesis,
};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::commit::Commit;

/// The currencies that the core's generators name.
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "JPY"];
/// How many seconds pass before the commands of every fourth player, in turn, so that windows of limits go by.
const PACE: [u32; 6] = [0, 600, 18_000, 1_200, 40_000, 259_200];
/// The most commits that are appended at once.
const APPEND_COMMITS: usize = 50;

/// A history: its ledger, and its commits in the order in which they landed.
#[derive(Debug, Clone)]
pub struct History {
    /// The ledger.
    pub identity: LedgerIdentity,
    /// The players, in the order of their first commit or not.
    pub players: Vec<PlayerId>,
    /// The commits, decoded as a view gets them.
    pub commits: Vec<Arc<Commit>>,
    /// The same commits as a store takes them.
    pub sealed: Vec<(Shard, SealedCommit)>,
}

/// Draws a history: so many shards (a power of two) and players, about so many commands of each, of every kind that
/// the core's generators know. Days go by for every fourth of them. The same seed gives the same history, as long as the generators stay the same.
///
/// Commands that append nothing leave no commit, so a player has fewer commits than commands.
///
/// # Panics
///
/// If the number of shards is none, or the core contradicts itself.
#[expect(clippy::expect_used, reason = "a test tool fails by panicking")]
pub fn history(shards: u16, players: usize, commands: usize, seed: u8) -> History {
    let shards = ShardCount::new(shards).expect("a number of shards");
    let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards, format: FORMAT };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut bodies: Vec<CommitBody> = Vec::new();
    let ids = (0..players).map(|n| PlayerId::new(format!("player/{n}")).expect("an id"));
    let ids: Vec<PlayerId> = ids.collect();
    let standard = CurrencyRegistry::standard();
    for (number, id) in ids.iter().enumerate() {
        let policy = policies().new_tree(&mut runner).expect("a policy").current();
        let commands = histories(commands).new_tree(&mut runner).expect("a history").current();
        let mut ledger = TestLedger::new(id.clone(), policy);
        for code in CURRENCIES {
            let currency = standard.get(code.parse().expect("a code")).expect("a currency");
            ledger.register(*currency).expect("its first use");
        }
        if bodies.is_empty() {
            // The register is one for the ledger.
            bodies.extend_from_slice(ledger.register_commits());
        }
        for (step, command) in commands.iter().enumerate() {
            if number % 4 == 3 {
                ledger.advance_secs(PACE.get(step % PACE.len()).copied().unwrap_or_default());
            }
            ledger.execute(command).expect("a decision");
        }
        bodies.extend_from_slice(ledger.commits());
    }
    // A player's own commits are in the order of time; those of others come between them.
    bodies.sort_by_key(|body| body.recorded_at);
    let mut heads: Vec<Head> = shards.all().map(|shard| genesis(&identity, shard)).collect();
    let (mut commits, mut sealed) = (Vec::new(), Vec::new());
    for body in bodies {
        let mut bytes = Vec::new();
        body.encode(&mut bytes).expect("a body");
        let shard = shards.shard_of(&body.partition.digest());
        let head = heads.get_mut(shard.index()).expect("a shard");
        let (position, previous) = (head.position.next(), head.hash);
        let hash = commit_hash(&identity, shard, position, &previous, &bytes);
        *head = Head { position, hash };
        let index = CommitIndex::of_body(&bytes).expect("an index");
        let body: Arc<[u8]> = bytes.into();
        let stored = StoredCommit { shard, position, previous, hash, body: Arc::clone(&body) };
        commits.push(Arc::new(Commit::decode(&stored).expect("a commit")));
        sealed.push((shard, SealedCommit { position, previous, hash, body, index }));
    }
    History { identity, players: ids, commits, sealed }
}

impl History {
    /// A store in memory with the whole history.
    ///
    /// # Panics
    ///
    /// If the store does not take it.
    #[expect(clippy::expect_used, reason = "a test tool fails by panicking")]
    pub async fn store(&self) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new(self.identity));
        for group in self.sealed.chunks(APPEND_COMMITS) {
            let mut appends: Vec<ShardAppend> = Vec::new();
            for (shard, commit) in group {
                match appends.iter_mut().find(|append| append.shard == *shard) {
                    Some(append) => append.commits.push(commit.clone()),
                    None => {
                        let position = Position(commit.position.0.saturating_sub(1));
                        let expected = Head { position, hash: commit.previous };
                        appends.push(ShardAppend { shard: *shard, expected, commits: vec![commit.clone()] });
                    }
                }
            }
            for answer in store.append(&appends).await.expect("an append") {
                answer.expect("the expected head");
            }
        }
        store
    }
}
