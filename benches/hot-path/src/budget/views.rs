//! What a view pays for a commit: reading it back, and taking it.

use std::time::Instant;

use anyhow::Result;
use casino_ledger::projections::balances::Balances;
use casino_ledger::projections::rounds::Rounds;
use casino_ledger::projections::trial_balance::TrialBalance;
use casino_ledger::projections::{Commit, Memory, View};

use crate::allocator::Allocations;
use crate::play::Commits;

/// How many commits a view takes at a time, as its runner gives them.
const BATCH: usize = 512;
/// The best of so many times is shown: the work is the same, what is more is someone else's.
const TIMES: usize = 5;

/// Prints what projections cost a commit.
pub(crate) fn report(commits: &Commits) -> Result<()> {
    println!("\nprojection, a commit (bets and settlements, with openings and deposits):");
    best("decode", commits, || {
        commits.stored.iter().try_for_each(|stored| Commit::decode(stored).map(drop)).map_err(Into::into)
    })?;
    best("balances, in memory", commits, || take(Memory::<Balances>::new(&commits.identity), commits))?;
    best("trial balance, in memory", commits, || {
        take(Memory::<TrialBalance>::new(&commits.identity), commits)
    })?;
    best("rounds, in memory", commits, || take(Memory::<Rounds>::new(&commits.identity), commits))
}

fn take(mut view: impl View, commits: &Commits) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for some in commits.decoded.chunks(BATCH) {
            view.apply(some).await?;
        }
        Ok(())
    })
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn best(what: &str, commits: &Commits, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let (mut nanos, mut asked) = (u128::MAX, Allocations::default());
    for _ in 0..TIMES {
        let (start, before) = (Instant::now(), Allocations::now());
        work()?;
        nanos = nanos.min(start.elapsed().as_nanos());
        asked = Allocations::now().since(before);
    }
    let count = commits.stored.len() as f64;
    println!(
        "- {what}: {:.0} ns, {:.1} allocations ({:.0} bytes)",
        nanos as f64 / count,
        asked.times as f64 / count,
        asked.bytes as f64 / count
    );
    Ok(())
}
