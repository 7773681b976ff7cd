//! The conformance kit: one check per clause of [`View`], with the same number, for any view.
//!
//! A check answers `Err` with what it saw. For a view in one of the homes that come with this crate a whole test is:
//!
//! ```
//! use ledger_projections::testing::{InMemory, check_all, history};
//! use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let history = history(4, 6, 40, 1);
//! let mut subject = InMemory::<TrialBalance>::new(&history.identity, |reader| {
//!     Box::pin(async move { Ok(format!("{:?}", reader.rows(Detail::SubAccount).await?.value)) })
//! });
//! check_all(&mut subject, &history.commits).await
//! # }).unwrap();
//! ```
//!
//! For a [`Model`](crate::Model) it is `InMemory::of_model(&history.identity)`, and in SQLite
//! `InSqlite::new(&history.identity, folder)`, in PostgreSQL `InPostgres::new(&history.identity, options)`.
//!
//! For a home of your own implement [`Subject`].

mod histories;
mod shelf;
mod subjects;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{ActorId, Reason, Timestamp};
use ledger_store::{CommitHash, LedgerId, LedgerIdentity, Shard, ShardCount, StoredCommit};

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::skip::Skip;
use crate::view::{FollowError, View, verify_checkpoint};

pub use histories::{History, history};
pub use subjects::InMemory;
#[cfg(feature = "postgres")]
pub use subjects::InPostgres;
#[cfg(feature = "sqlite")]
pub use subjects::{InSqlite, dump_tables};

use shelf::Shelf;

/// A view under test: how it is opened, and what it holds.
#[async_trait]
pub trait Subject: Send {
    /// The view.
    type View: View;

    /// An empty view, at a home of its own.
    async fn fresh(&mut self) -> Result<Self::View, ViewError>;

    /// The same view, dropped and opened again. A view in memory, which no drop survives, is given back.
    async fn reopen(&mut self, view: Self::View) -> Result<Self::View, ViewError>;

    /// The view's home, opened as that of another ledger; `None` for a view in memory, which no home outlives.
    async fn reopen_as(
        &mut self,
        view: Self::View,
        identity: &LedgerIdentity,
    ) -> Option<Result<Self::View, ViewError>>;

    /// All that the view holds, as text: equal texts mean equal contents. Without the checkpoint.
    async fn dump(&mut self, view: &mut Self::View) -> Result<String, ViewError>;

    /// The commit made into one that this view cannot take, if there is such a thing: same place, same hashes.
    fn poison(&self, commit: &Commit) -> Option<Commit>;
}

/// What a check answers: nothing, or what it saw.
pub type Check = Result<(), String>;

/// How often a batch is dropped in the middle, each time a little later.
const CRASHES_MAX: usize = 200;
/// How much longer than before each poll it then waits.
const CUT_STEP: Duration = Duration::from_micros(25);

fn seen(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn equal<T: PartialEq + std::fmt::Debug>(clause: &str, left: &T, right: &T) -> Check {
    if left == right { Ok(()) } else { Err(format!("{clause}: {left:?}\nis not\n{right:?}")) }
}

/// What a view holds, and where it stands.
type Contents = (String, Checkpoint);

async fn contents<S: Subject>(subject: &mut S, view: &mut S::View) -> Result<Contents, String> {
    let checkpoint = view.checkpoint().await.map_err(seen)?;
    Ok((subject.dump(view).await.map_err(seen)?, checkpoint))
}

/// Feeds the history in batches of these sizes, the last one repeated, and answers what the view holds.
async fn fed<S: Subject>(
    subject: &mut S,
    history: &[Arc<Commit>],
    sizes: &[usize],
) -> Result<Contents, String> {
    let mut view = subject.fresh().await.map_err(seen)?;
    feed(&mut view, history, sizes).await?;
    contents(subject, &mut view).await
}

async fn feed(view: &mut impl View, history: &[Arc<Commit>], sizes: &[usize]) -> Check {
    let mut rest = history;
    let mut sizes = sizes.iter().copied();
    let mut size = 1;
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size).clamp(1, rest.len());
        let (batch, later) = rest.split_at(size);
        view.apply(batch).await.map_err(seen)?;
        rest = later;
    }
    Ok(())
}

/// Every check, in order.
///
/// # Errors
///
/// The first clause that is broken, with what was seen.
pub async fn check_all<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    v01_deterministic(subject, history).await?;
    v02_replay_equals_live(subject, history).await?;
    v03_resumes_at_every_commit(subject, history).await?;
    v04_all_or_nothing(subject, history).await?;
    v05_idempotent(subject, history).await?;
    v06_no_gap(subject, history).await?;
    v07_one_history(subject, history).await?;
    v08_shards_commute(subject, history).await?;
    v09_poison_is_named(subject, history).await?;
    v10_rebuilt_equals_live(subject, history).await?;
    v11_one_ledger(subject, history).await?;
    v12_a_claim_about_the_log(subject, history).await?;
    v13_a_skip_is_a_record(subject, history).await
}

/// V01: two views that are fed the same hold the same.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v01_deterministic<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let first = fed(subject, history, &[7]).await?;
    let second = fed(subject, history, &[7]).await?;
    equal("V01", &first, &second)?;
    let start = fed(subject, &[], &[1]).await?;
    if history.is_empty() || start.0 == first.0 {
        return Err("V01: the history changes nothing in this view, so nothing is tested".to_owned());
    }
    Ok(())
}

/// V02: commit by commit, in one piece, or cut anyhow.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v02_replay_equals_live<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let whole = fed(subject, history, &[history.len()]).await?;
    for sizes in [&[1][..], &[2], &[1, 5, 2, 11, 3], &[history.len() / 2]] {
        equal("V02", &fed(subject, history, sizes).await?, &whole)?;
    }
    Ok(())
}

/// Polls a future so often, and drops it if it is not done by then. Views that never yield are done at once.
async fn cut_short<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    for poll in 0..polls {
        // A waker that wakes nobody: what waits for something outside gets the time of a few turns instead, a little
        // more each time, so that tries with more polls end further on.
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done);
        }
        tokio::task::yield_now().await;
        std::thread::sleep(CUT_STEP.saturating_mul(u32::try_from(poll).unwrap_or(u32::MAX)));
    }
    None
}

/// V03: dropped and opened again after every single commit; once at each of some places; and in the middle of a
/// batch, at every point where it waits for something.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v03_resumes_at_every_commit<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let whole = fed(subject, history, &[history.len()]).await?;
    let mut view = subject.fresh().await.map_err(seen)?;
    for commit in history {
        let after = view.apply(std::slice::from_ref(commit)).await.map_err(seen)?;
        view = subject.reopen(view).await.map_err(seen)?;
        equal("V03", &view.checkpoint().await.map_err(seen)?, &after)?;
        equal("V03", &after.head(commit.shard), &Some(commit.head()))?;
    }
    equal("V03", &contents(subject, &mut view).await?, &whole)?;
    for cut in (0..history.len()).step_by((history.len() / 8).max(1)) {
        let (first, second) = history.split_at(cut);
        let mut view = subject.fresh().await.map_err(seen)?;
        view.apply(first).await.map_err(seen)?;
        view = subject.reopen(view).await.map_err(seen)?;
        view.apply(second).await.map_err(seen)?;
        equal("V03", &contents(subject, &mut view).await?, &whole)?;
    }
    v03_in_the_middle(subject, history, &whole).await
}

async fn v03_in_the_middle<S: Subject>(subject: &mut S, history: &[Arc<Commit>], whole: &Contents) -> Check {
    let (first, second) = history.split_at(history.len() / 2);
    for polls in 1..=CRASHES_MAX {
        let mut view = subject.fresh().await.map_err(seen)?;
        view.apply(first).await.map_err(seen)?;
        let before = contents(subject, &mut view).await?;
        let done = cut_short(view.apply(second), polls).await;
        view = subject.reopen(view).await.map_err(seen)?;
        let after = contents(subject, &mut view).await?;
        if after != before {
            equal("V03", &after, whole)?;
        }
        view.apply(second).await.map_err(seen)?;
        equal("V03", &contents(subject, &mut view).await?, whole)?;
        if done.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// A batch must fail, change nothing, also for who opens the view again, and leave the view able to go on.
async fn refuses<S: Subject>(
    subject: &mut S,
    clause: &str,
    history: &[Arc<Commit>],
    cut: usize,
    batch: &[Arc<Commit>],
    expected: impl Fn(&ViewError) -> bool,
) -> Check {
    let (first, second) = history.split_at(cut);
    let mut view = subject.fresh().await.map_err(seen)?;
    view.apply(first).await.map_err(seen)?;
    let before = contents(subject, &mut view).await?;
    match view.apply(batch).await {
        Err(error) if expected(&error) => {}
        Err(error) => return Err(format!("{clause}: refused for the wrong reason: {error}")),
        Ok(_) => return Err(format!("{clause}: a batch was taken that must be refused")),
    }
    equal(clause, &contents(subject, &mut view).await?, &before)?;
    view = subject.reopen(view).await.map_err(seen)?;
    equal(clause, &contents(subject, &mut view).await?, &before)?;
    view.apply(second).await.map_err(seen)?;
    let whole = fed(subject, history, &[history.len()]).await?;
    equal(clause, &contents(subject, &mut view).await?, &whole)
}

/// V04: a batch that ends badly leaves nothing of its beginning.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v04_all_or_nothing<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let cut = history.len() / 2;
    let mut batch = history.get(cut..).unwrap_or_default().to_vec();
    let Some(last) = batch.last_mut() else { return Err("V04: the history is too short".to_owned()) };
    Arc::make_mut(last).position = last.position.next();
    refuses(subject, "V04", history, cut, &batch, |error| matches!(error, ViewError::Gap { .. })).await?;
    let mut batch = history.get(cut..).unwrap_or_default().to_vec();
    let poison = batch.iter().enumerate().rev().find_map(|(i, commit)| Some((i, subject.poison(commit)?)));
    let Some((index, poison)) = poison else { return Ok(()) };
    if let Some(place) = batch.get_mut(index) {
        *place = Arc::new(poison);
    }
    refuses(subject, "V04", history, cut, &batch, |error| matches!(error, ViewError::Poison { .. })).await
}

/// V05: what comes again changes nothing: whole, in part, alone, together with what is new.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v05_idempotent<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let whole = fed(subject, history, &[history.len()]).await?;
    let mut view = subject.fresh().await.map_err(seen)?;
    for end in 1..=history.len() {
        let window = history.get(end.saturating_sub(5)..end).unwrap_or_default();
        view.apply(window).await.map_err(seen)?;
    }
    equal("V05", &contents(subject, &mut view).await?, &whole)?;
    view.apply(history).await.map_err(seen)?;
    view.apply(history.last().map(std::slice::from_ref).unwrap_or_default()).await.map_err(seen)?;
    view.apply(&[]).await.map_err(seen)?;
    equal("V05", &contents(subject, &mut view).await?, &whole)
}

/// V06: a commit that is left out is noticed, and so are two that are swapped.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v06_no_gap<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let gap = |error: &ViewError| matches!(error, ViewError::Gap { .. });
    let cut = history.len() / 3;
    let rest = history.get(cut..).unwrap_or_default();
    let pair = rest.iter().enumerate().find_map(|(first, commit)| {
        let later = rest.iter().skip(first + 1).position(|later| later.shard == commit.shard)?;
        Some((first, first + 1 + later))
    });
    let Some((first, second)) = pair else { return Err("V06: the history is too short".to_owned()) };
    let mut left_out = rest.to_vec();
    left_out.remove(first);
    refuses(subject, "V06", history, cut, &left_out, gap).await?;
    let mut swapped = rest.to_vec();
    swapped.swap(first, second);
    refuses(subject, "V06", history, cut, &swapped, gap).await
}

/// V07: another hash at the checkpoint, or before what comes next.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v07_one_history<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let lost = |error: &ViewError| matches!(error, ViewError::HistoryLost { .. });
    let cut = history.len() / 2;
    let (first, second) = history.split_at(cut);
    let (Some(at), Some(next)) = (first.last(), second.first()) else {
        return Err("V07: the history is too short".to_owned());
    };
    let other = CommitHash([0x5a; 32]);
    let again = Arc::new(Commit { hash: other, ..Commit::clone(at) });
    refuses(subject, "V07", history, cut, &[again], lost).await?;
    let forked = Arc::new(Commit { previous: other, ..Commit::clone(next) });
    refuses(subject, "V07", history, cut, &[forked], lost).await
}

/// V08: shard after shard, last shard first, or as they came.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v08_shards_commute<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let whole = fed(subject, history, &[history.len()]).await?;
    let mut by_shard = history.to_vec();
    by_shard.sort_by_key(|commit| (commit.shard, commit.position));
    let shards = by_shard.chunk_by(|left, right| left.shard == right.shard).count();
    if shards < 2 {
        return Err("V08: the history has one shard only, so nothing is tested".to_owned());
    }
    equal("V08", &fed(subject, &by_shard, &[3]).await?, &whole)?;
    by_shard.sort_by_key(|commit| (std::cmp::Reverse(commit.shard), commit.position));
    equal("V08", &fed(subject, &by_shard, &[4]).await?, &whole)?;
    by_shard.sort_by_key(|commit| (commit.position, commit.shard));
    equal("V08", &fed(subject, &by_shard, &[5]).await?, &whole)
}

/// V09: a commit that cannot be taken is named by its place.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v09_poison_is_named<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    for (cut, commit) in history.iter().enumerate() {
        let Some(poison) = subject.poison(commit) else { continue };
        let place = (commit.shard, commit.position);
        let named = |error: &ViewError| matches!(error, ViewError::Poison { shard, position, .. } if (*shard, *position) == place);
        return refuses(subject, "V09", history, cut, &[Arc::new(poison)], named).await;
    }
    Ok(())
}

/// V10: a second view is folded from the start while the first one is followed on; then they hold the same, and
/// what each held on the way was its own.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v10_rebuilt_equals_live<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let cut = history.len() / 2;
    let (first, second) = history.split_at(cut);
    let (half, whole) = (fed(subject, first, &[cut]).await?, fed(subject, history, &[history.len()]).await?);
    let mut live = subject.fresh().await.map_err(seen)?;
    feed(&mut live, first, &[3]).await?;
    let mut built = subject.fresh().await.map_err(seen)?;
    let empty = fed(subject, &[], &[1]).await?;
    equal("V10", &contents(subject, &mut built).await?, &empty)?;
    let third = cut / 3;
    feed(&mut built, first.get(..third).unwrap_or_default(), &[5]).await?;
    equal("V10", &contents(subject, &mut live).await?, &half)?;
    feed(&mut live, second, &[4]).await?;
    feed(&mut built, history.get(third..).unwrap_or_default(), &[9]).await?;
    equal("V10", &contents(subject, &mut live).await?, &whole)?;
    equal("V10", &contents(subject, &mut built).await?, &whole)
}

/// V11: the home of another ledger, or of another number of shards; a commit of a shard the ledger has not.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v11_one_ledger<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let (Some(commit), cut) = (history.last(), history.len() / 2) else {
        return Err("V11: the history is too short".to_owned());
    };
    let first = history.get(..cut).unwrap_or_default();
    let mut view = subject.fresh().await.map_err(seen)?;
    let identity = *view.checkpoint().await.map_err(seen)?.identity();
    let beyond = Arc::new(Commit { shard: Shard(identity.shards.get()), ..Commit::clone(commit) });
    let foreign = |error: &ViewError| matches!(error, ViewError::OtherLedger(_));
    refuses(subject, "V11", history, cut, &[beyond], foreign).await?;

    let count = if identity.shards.get() == 1 { 2 } else { identity.shards.get() / 2 };
    let shards = ShardCount::new(count).map_err(seen)?;
    let mut ledger = identity.ledger.0;
    for byte in &mut ledger {
        *byte ^= 0xff;
    }
    let others = [
        LedgerIdentity { ledger: LedgerId(ledger), ..identity },
        LedgerIdentity { shards, ..identity },
        LedgerIdentity { format: identity.format.wrapping_add(1), ..identity },
    ];
    for other in others {
        view.apply(first).await.map_err(seen)?;
        match subject.reopen_as(view, &other).await {
            None => return Ok(()),
            Some(Err(ViewError::OtherLedger(_))) => {}
            Some(Err(error)) => return Err(format!("V11: refused for the wrong reason: {error}")),
            Some(Ok(_)) => return Err(format!("V11: it was opened as a view of {other:?}")),
        }
        view = subject.fresh().await.map_err(seen)?;
    }
    Ok(())
}

/// V12: the checkpoint is that of the history it was fed, and a store that has another one is refused by it.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v12_a_claim_about_the_log<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let cut = history.len() / 2;
    let (first, _) = history.split_at(cut);
    let mut view = subject.fresh().await.map_err(seen)?;
    let identity = *view.checkpoint().await.map_err(seen)?.identity();
    feed(&mut view, first, &[6]).await?;
    view = subject.reopen(view).await.map_err(seen)?;
    let checkpoint = view.checkpoint().await.map_err(seen)?;
    let expected = Checkpoint::start(&identity).advance(first).map_err(seen)?.after;
    equal("V12", &checkpoint, &expected)?;

    let accepts = async |what: &str, shelf: Shelf| match verify_checkpoint(&checkpoint, &shelf).await {
        Ok(()) => Ok(true),
        Err(FollowError::View(ViewError::HistoryLost { .. } | ViewError::OtherLedger(_))) => Ok(false),
        Err(error) => Err(format!("V12: {what} is refused for the wrong reason: {error}")),
    };
    let verdicts = [
        ("its own history", true, Shelf::new(identity, history)),
        (
            "a history that ends before it",
            false,
            Shelf::new(identity, history.get(..cut / 2).unwrap_or_default()),
        ),
        ("another history", false, Shelf::forged(identity, history)),
    ];
    for (what, accepted, shelf) in verdicts {
        if accepts(what, shelf).await? != accepted {
            return Err(format!("V12: {what} is {}", if accepted { "refused" } else { "taken for its own" }));
        }
    }
    Ok(())
}

/// V13: a skip moves the checkpoint over one commit, changes no row, stays, and is refused where it does not fit; or
/// the view refuses all.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v13_a_skip_is_a_record<S: Subject>(subject: &mut S, history: &[Arc<Commit>]) -> Check {
    let cut = history.len() / 2;
    let (first, second) = history.split_at(cut);
    let Some(commit) = second.first() else { return Err("V13: the history is too short".to_owned()) };
    let mut view = subject.fresh().await.map_err(seen)?;
    feed(&mut view, first, &[cut]).await?;
    let before = contents(subject, &mut view).await?;

    let skip = skip_of(commit)?;
    let (later, forked) = (
        Skip { position: skip.position.next(), ..skip.clone() },
        Skip { previous: CommitHash([0x5a; 32]), ..skip.clone() },
    );
    for wrong in [later, forked] {
        if view.skip(&wrong).await.is_ok() {
            return Err("V13: a skip was taken that is not the next commit's".to_owned());
        }
        equal("V13", &contents(subject, &mut view).await?, &before)?;
    }
    match view.skip(&skip).await {
        Err(ViewError::NotSkippable(_)) => {
            return equal("V13", &contents(subject, &mut view).await?, &before);
        }
        Err(error) => return Err(format!("V13: a skip was refused: {error}")),
        Ok(after) => equal("V13", &after, &before.1.skip(&skip).map_err(seen)?)?,
    }
    view = subject.reopen(view).await.map_err(seen)?;
    let after = contents(subject, &mut view).await?;
    equal("V13", &after, &(before.0, before.1.skip(&skip).map_err(seen)?))?;
    // What was left out does not come in by being delivered again.
    view.apply(std::slice::from_ref(commit)).await.map_err(seen)?;
    equal("V13", &contents(subject, &mut view).await?, &after)
}

/// A decision to leave a commit out.
fn skip_of(commit: &Commit) -> Result<Skip, String> {
    let Commit { shard, position, previous, hash, .. } = *commit;
    let stored = StoredCommit { shard, position, previous, hash, body: Arc::from([]) };
    let by = ActorId::new("operator").map_err(seen)?;
    let why = Reason::new("a test").map_err(seen)?;
    Ok(Skip::new(&stored, "it cannot be taken", by, why, Timestamp::EPOCH))
}
