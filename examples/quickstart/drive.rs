//! The driver: sends the scripts to the ledger, so many commands in flight, and measures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use casino_ledger::core::{PlayerId, Rejection};
use casino_ledger::{ExecuteError, Ledger, Receipt};
use hdrhistogram::Histogram;

use crate::traffic::{Expect, Kind, Script, Step};

/// What was done and how long it took.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) commands: u64,
    pub(crate) replayed: u64,
    pub(crate) rollbacks: u64,
    pub(crate) refused: u64,
    /// Place commands that were accepted for the first time and not undone, and settle commands likewise.
    pub(crate) settled: u64,
    /// How long the play took, without the funding.
    pub(crate) elapsed: Duration,
    /// Microseconds from sending a settlement to its durable answer.
    pub(crate) settle: Histogram<u64>,
}

impl Figures {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            commands: 0,
            replayed: 0,
            rollbacks: 0,
            refused: 0,
            settled: 0,
            elapsed: Duration::ZERO,
            settle: Histogram::new_with_bounds(1, 120_000_000, 3)?,
        })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.commands += other.commands;
        self.replayed += other.replayed;
        self.rollbacks += other.rollbacks;
        self.refused += other.refused;
        self.settled += other.settled;
        self.settle.add(&other.settle)?;
        Ok(())
    }

    fn count(
        &mut self,
        player: &PlayerId,
        step: &Step,
        answer: Result<Receipt, ExecuteError>,
    ) -> anyhow::Result<()> {
        self.commands += 1;
        if step.kind == Kind::Rollback {
            self.rollbacks += 1;
        }
        match (answer, step.expect) {
            (Ok(receipt), Expect::Accepted | Expect::Replayed) => {
                if receipt.replayed {
                    self.replayed += 1;
                } else if step.expect == Expect::Replayed {
                    bail!("player {player}: a duplicate was applied twice: {:?}", step.command);
                }
                if step.kind == Kind::Settle && step.expect == Expect::Accepted {
                    self.settled += 1;
                }
                Ok(())
            }
            (Err(ExecuteError::Rejected(refusal)), Expect::Cancelled)
                if refusal.rejection == Rejection::TxnCancelled =>
            {
                self.refused += 1;
                self.replayed += u64::from(refusal.replayed);
                Ok(())
            }
            (Ok(_), Expect::Cancelled) => {
                bail!("player {player}: a cancelled bet was taken: {:?}", step.command)
            }
            (Err(error), _) => Err(error).with_context(|| format!("player {player}: {:?}", step.command)),
        }
    }
}

/// Sends a step, again as long as the ledger says that it is overloaded.
async fn send(ledger: &Ledger, player: &PlayerId, step: &Step) -> Result<Receipt, ExecuteError> {
    loop {
        match ledger.execute(player, step.command.clone()).await {
            Err(ExecuteError::Overloaded { .. }) => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
}

async fn lane(
    ledger: Ledger,
    scripts: Arc<Vec<Script>>,
    lane: usize,
    lanes: usize,
    play: bool,
    done: Arc<AtomicU64>,
) -> anyhow::Result<Figures> {
    let mut figures = Figures::new()?;
    // The lane's players take turns, so that all of them play at the same time.
    let mine: Vec<&Script> = scripts.iter().skip(lane).step_by(lanes).collect();
    let steps = |script: &Script| if play { script.play.len() } else { script.funding.len() };
    let longest = mine.iter().map(|script| steps(script)).max().unwrap_or(0);
    for i in 0..longest {
        for script in &mine {
            let Some(step) = (if play { script.play.get(i) } else { script.funding.get(i) }) else {
                continue;
            };
            let start = Instant::now();
            let answer = send(&ledger, &script.player, step).await;
            if step.kind == Kind::Settle {
                let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                figures.settle.saturating_record(micros);
            }
            figures.count(&script.player, step, answer)?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(figures)
}

/// Sends the funding, then the play, of all scripts with `in_flight` commands under way at once.
pub(crate) async fn drive(
    ledger: &Ledger,
    scripts: Arc<Vec<Script>>,
    in_flight: usize,
    progress: &indicatif::ProgressBar,
) -> anyhow::Result<Figures> {
    let lanes = in_flight.min(scripts.len()).max(1);
    let mut figures = Figures::new()?;
    let done = Arc::new(AtomicU64::new(0));
    let mut ticker = tokio::time::interval(Duration::from_millis(200));
    for play in [false, true] {
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..lanes {
            tasks.spawn(lane(ledger.clone(), Arc::clone(&scripts), i, lanes, play, Arc::clone(&done)));
        }
        loop {
            tokio::select! {
                joined = tasks.join_next() => match joined {
                    Some(lane) => figures.add(&lane??)?,
                    None => break,
                },
                _ = ticker.tick() => progress.set_position(done.load(Ordering::Relaxed)),
            }
        }
        figures.elapsed = start.elapsed();
    }
    progress.set_position(done.load(Ordering::Relaxed));
    Ok(figures)
}
