//! The kit, for every view in every home; and the kit itself, which must see a broken view.

use async_trait::async_trait;
use ledger_projections::balances::Balances;
use ledger_projections::rounds::Rounds;
use ledger_projections::testing::{self, Subject, check_all};
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::{Checkpoint, Commit, View, ViewError};
use ledger_store::LedgerIdentity;

use crate::history::{World, event_types};
#[cfg(feature = "sqlite")]
use crate::subjects::InSqlite;
use crate::subjects::{InMemory, dump_balances, dump_rounds, dump_trial_balance};

fn history() -> (LedgerIdentity, Vec<Commit>) {
    let mut world = World::new(4, 8, 11);
    let commits = world.commits(340);
    assert!(event_types(&commits).len() >= 16, "the history tests something: {:?}", event_types(&commits));
    (world.identity, commits)
}

/// What random histories do not reach, no property is shown for.
#[test]
fn random_histories_reach_every_event_of_a_player() {
    let commits = World::new(4, 40, 1).commits(20_000);
    let found = event_types(&commits);
    // Of the house some commands are drawn, which is what the views of accounts need; no view looks at its events.
    let starts = [
        "currency.",
        "document.",
        "journal.",
        "jackpot.",
        "funds.",
        "fx.",
        "duty.",
        "authority.",
        "provider.",
        "psp.",
    ];
    let others = [
        "suspense.captured",
        "suspense.assigned",
        "suspense.assignment_cancelled",
        "suspense.landed",
        "suspense.returned",
        "chargeback.lost",
        "bad_debt.recovered",
    ];
    let of_house = |name: &str| starts.iter().any(|start| name.starts_with(start)) || others.contains(&name);
    let names = ledger_core::stored::Event::TYPES.iter().map(|(name, _)| *name);
    let missing: Vec<_> = names.filter(|name| !found.contains(name) && !of_house(name)).collect();
    assert!(missing.is_empty(), "never came: {missing:?}");
}

/// Found by a disturbed run: a win that came and went left a zero with other digits than one that never came.
#[tokio::test]
async fn sums_have_the_same_digits_however_they_came_about() {
    for seed in 0..12 {
        let mut world = World::new(2, 3, seed);
        let history = world.commits(400);
        let identity = world.identity;
        let mut subject = InMemory::<Rounds> { identity, dump: |reader| dump_rounds(reader) };
        testing::v02_replay_equals_live(&mut subject, &history).await.unwrap();
    }
}

macro_rules! kit {
    ($($name:ident: $subject:expr),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            let (identity, history) = history();
            let subject: fn(LedgerIdentity) -> _ = $subject;
            check_all(&mut subject(identity), &history).await.unwrap();
        }
    )*};
}

kit! {
    balances_in_memory: |identity| InMemory::<Balances> { identity, dump: |reader| dump_balances(reader) },
    trial_balance_in_memory: |identity| InMemory::<TrialBalance> { identity, dump: |reader| dump_trial_balance(reader) },
    rounds_in_memory: |identity| InMemory::<Rounds> { identity, dump: |reader| dump_rounds(reader) },
}

#[cfg(feature = "sqlite")]
kit! {
    balances_in_sqlite: |identity| InSqlite::<Balances>::new(identity),
    trial_balance_in_sqlite: |identity| InSqlite::<TrialBalance>::new(identity),
    rounds_in_sqlite: |identity| InSqlite::<Rounds>::new(identity),
}

/// A view with a planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    CountsBatches,
    ForgetsOnReopen,
    KeepsHalfABatch,
    CountsAgain,
    SkipsGaps,
    IgnoresHashes,
    DependsOnOrder,
    SwallowsPoison,
    Random,
}

#[derive(Debug, Clone)]
struct Counter {
    bug: Bug,
    checkpoint: Checkpoint,
    sum: u64,
}

impl Counter {
    fn take(&mut self, commit: &Commit, nth: usize) -> Result<(), ViewError> {
        if commit.body.engine == "poison" {
            return if self.bug == Bug::SwallowsPoison { Ok(()) } else { Err(commit.poison("poison")) };
        }
        self.sum = match self.bug {
            Bug::CountsBatches if nth == 0 => self.sum + 1_000,
            Bug::DependsOnOrder => self.sum.wrapping_mul(31) + u64::from(commit.shard.0),
            Bug::Random => self.sum + std::ptr::from_ref(self).addr() as u64,
            _ => self.sum + commit.position.0,
        };
        Ok(())
    }
}

#[async_trait]
impl View for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn version(&self) -> u32 {
        1
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        Ok(self.checkpoint.clone())
    }

    async fn apply(&mut self, commits: &[Commit]) -> Result<Checkpoint, ViewError> {
        let before = self.clone();
        let mut heads = self.checkpoint.heads().to_vec();
        let result = (|| {
            for (nth, commit) in commits.iter().enumerate() {
                let head = heads[commit.shard.index()];
                if commit.position <= head.position && self.bug != Bug::CountsAgain {
                    if commit.position == head.position
                        && commit.hash != head.hash
                        && self.bug != Bug::IgnoresHashes
                    {
                        let actual = "another".to_owned();
                        return Err(ViewError::HistoryLost { shard: commit.shard, seen: head, actual });
                    }
                    continue;
                }
                if commit.position > head.position.next() && self.bug != Bug::SkipsGaps {
                    let (shard, expected, found) = (commit.shard, head.position.next(), commit.position);
                    return Err(ViewError::Gap { shard, expected, found });
                }
                if commit.previous != head.hash
                    && !matches!(self.bug, Bug::IgnoresHashes | Bug::CountsAgain | Bug::SkipsGaps)
                {
                    let actual = "another".to_owned();
                    return Err(ViewError::HistoryLost { shard: commit.shard, seen: head, actual });
                }
                self.take(commit, nth)?;
                heads[commit.shard.index()] = commit.head();
            }
            Ok(())
        })();
        match result {
            Ok(()) => {
                self.checkpoint = Checkpoint::from_heads(self.checkpoint.identity(), heads)?;
                Ok(self.checkpoint.clone())
            }
            Err(error) => {
                if self.bug != Bug::KeepsHalfABatch {
                    *self = before;
                }
                Err(error)
            }
        }
    }
}

struct Counters {
    bug: Bug,
    identity: LedgerIdentity,
    views: u64,
}

#[async_trait]
impl Subject for Counters {
    type View = Counter;

    async fn fresh(&mut self) -> Result<Counter, ViewError> {
        self.views += 1;
        let sum = if self.bug == Bug::Random { self.views } else { 0 };
        Ok(Counter { bug: self.bug, checkpoint: Checkpoint::start(&self.identity), sum })
    }

    async fn reopen(&mut self, view: Counter) -> Result<Counter, ViewError> {
        Ok(if self.bug == Bug::ForgetsOnReopen { Counter { sum: 0, ..view } } else { view })
    }

    async fn dump(&mut self, view: &mut Counter) -> Result<String, ViewError> {
        Ok(view.sum.to_string())
    }

    fn poison(&self, commit: &Commit) -> Option<Commit> {
        let mut poison = commit.clone();
        poison.body.engine = "poison".into();
        Some(poison)
    }
}

#[tokio::test]
async fn the_kit_sees_every_planted_bug() {
    let (identity, history) = history();
    let with = |bug| Counters { bug, identity, views: 0 };
    check_all(&mut with(Bug::None), &history).await.unwrap();
    let planted = [
        (Bug::Random, "V01"),
        (Bug::CountsBatches, "V02"),
        (Bug::ForgetsOnReopen, "V03"),
        (Bug::KeepsHalfABatch, "V04"),
        (Bug::CountsAgain, "V05"),
        (Bug::SkipsGaps, "V06"),
        (Bug::IgnoresHashes, "V07"),
        (Bug::DependsOnOrder, "V08"),
        (Bug::SwallowsPoison, "V09"),
    ];
    for (bug, clause) in planted {
        let mut subject = with(bug);
        let found = match clause {
            "V01" => testing::v01_deterministic(&mut subject, &history).await,
            "V02" => testing::v02_replay_equals_live(&mut subject, &history).await,
            "V03" => testing::v03_resumes_at_every_commit(&mut subject, &history).await,
            "V04" => testing::v04_all_or_nothing(&mut subject, &history).await,
            "V05" => testing::v05_idempotent(&mut subject, &history).await,
            "V06" => testing::v06_no_gap(&mut subject, &history).await,
            "V07" => testing::v07_one_history(&mut subject, &history).await,
            "V08" => testing::v08_shards_commute(&mut subject, &history).await,
            _ => testing::v09_poison_is_named(&mut subject, &history).await,
        };
        let error = found.expect_err(clause);
        assert!(error.starts_with(clause), "{bug:?}: {error}");
    }
}

#[test]
fn a_checkpoint_knows_its_ledger() {
    let (identity, history) = history();
    let start = Checkpoint::start(&identity);
    assert!(Checkpoint::from_heads(&identity, start.heads()[..2].to_vec()).is_err());
    let mut stray = history[0].clone();
    stray.shard = ledger_store::Shard(4);
    assert!(matches!(start.advance(&[stray]), Err(ViewError::OtherLedger(_))));
    let advance = start.advance(&history).unwrap();
    assert_eq!(advance.fresh.len(), history.len());
    let after = advance.after;
    let positions: u64 = after.heads().iter().map(|head| head.position.0).sum();
    assert_eq!(positions, history.len() as u64);
    assert!(after.advance(&history[..0]).unwrap().fresh.is_empty());
}
