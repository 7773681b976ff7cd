//! The conformance kit: one check per clause of [`View`], with the same number, for any view.
//!
//! A check answers `Err` with what it saw. Give it a history with several shards, real commits, and a
//! [`Subject`] that knows how to open the view:
//!
//! ```no_run
//! # use ledger_projections::{Commit, testing::{Subject, check_all}};
//! # async fn with(mut subject: impl Subject, history: Vec<Commit>) -> Result<(), String> {
//! check_all(&mut subject, &history).await
//! # }
//! ```

use async_trait::async_trait;
use ledger_store::CommitHash;

use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::view::View;

/// A view under test: how it is opened, and what it holds.
#[async_trait]
pub trait Subject: Send {
    /// The view.
    type View: View;

    /// An empty view, at a home of its own.
    async fn fresh(&mut self) -> Result<Self::View, ViewError>;

    /// The same view, dropped and opened again. A view in memory, which no drop survives, is given back.
    async fn reopen(&mut self, view: Self::View) -> Result<Self::View, ViewError>;

    /// All that the view holds, as text: equal texts mean equal contents. Without the checkpoint.
    async fn dump(&mut self, view: &mut Self::View) -> Result<String, ViewError>;

    /// The commit made into one that this view cannot take, if there is such a thing: same place, same hashes.
    fn poison(&self, commit: &Commit) -> Option<Commit>;
}

/// What a check answers: nothing, or what it saw.
pub type Check = Result<(), String>;

fn seen(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn equal<T: PartialEq + std::fmt::Debug>(clause: &str, left: &T, right: &T) -> Check {
    if left == right { Ok(()) } else { Err(format!("{clause}: {left:?}\nis not\n{right:?}")) }
}

async fn contents<S: Subject>(subject: &mut S, view: &mut S::View) -> Result<(String, Checkpoint), String> {
    let checkpoint = view.checkpoint().await.map_err(seen)?;
    Ok((subject.dump(view).await.map_err(seen)?, checkpoint))
}

/// Feeds the history in batches of these sizes, the last one repeated, and answers what the view holds.
async fn fed<S: Subject>(
    subject: &mut S,
    history: &[Commit],
    sizes: &[usize],
) -> Result<(String, Checkpoint), String> {
    let mut view = subject.fresh().await.map_err(seen)?;
    let mut rest = history;
    let mut sizes = sizes.iter().copied();
    let mut size = 1;
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size).clamp(1, rest.len());
        let (batch, later) = rest.split_at(size);
        view.apply(batch).await.map_err(seen)?;
        rest = later;
    }
    contents(subject, &mut view).await
}

/// Every check, in order.
///
/// # Errors
///
/// The first clause that is broken, with what was seen.
pub async fn check_all<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
    v01_deterministic(subject, history).await?;
    v02_replay_equals_live(subject, history).await?;
    v03_resumes_at_every_commit(subject, history).await?;
    v04_all_or_nothing(subject, history).await?;
    v05_idempotent(subject, history).await?;
    v06_no_gap(subject, history).await?;
    v07_one_history(subject, history).await?;
    v08_shards_commute(subject, history).await?;
    v09_poison_is_named(subject, history).await
}

/// V01: two views that are fed the same hold the same.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v01_deterministic<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
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
pub async fn v02_replay_equals_live<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
    let whole = fed(subject, history, &[history.len()]).await?;
    for sizes in [&[1][..], &[2], &[1, 5, 2, 11, 3], &[history.len() / 2]] {
        equal("V02", &fed(subject, history, sizes).await?, &whole)?;
    }
    Ok(())
}

/// V03: dropped and opened again after every single commit; and once at each of some places.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v03_resumes_at_every_commit<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
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
    Ok(())
}

/// A batch must fail, change nothing, also for who opens the view again, and leave the view able to go on.
async fn refuses<S: Subject>(
    subject: &mut S,
    clause: &str,
    history: &[Commit],
    cut: usize,
    batch: &[Commit],
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
pub async fn v04_all_or_nothing<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
    let cut = history.len() / 2;
    let mut batch = history.get(cut..).unwrap_or_default().to_vec();
    let Some(last) = batch.last_mut() else { return Err("V04: the history is too short".to_owned()) };
    last.position = last.position.next();
    refuses(subject, "V04", history, cut, &batch, |error| matches!(error, ViewError::Gap { .. })).await?;
    let mut batch = history.get(cut..).unwrap_or_default().to_vec();
    let poison = batch.iter().enumerate().rev().find_map(|(i, commit)| Some((i, subject.poison(commit)?)));
    let Some((index, poison)) = poison else { return Ok(()) };
    if let Some(place) = batch.get_mut(index) {
        *place = poison;
    }
    refuses(subject, "V04", history, cut, &batch, |error| matches!(error, ViewError::Poison { .. })).await
}

/// V05: what comes again changes nothing: whole, in part, alone, together with what is new.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v05_idempotent<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
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
pub async fn v06_no_gap<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
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
pub async fn v07_one_history<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
    let lost = |error: &ViewError| matches!(error, ViewError::HistoryLost { .. });
    let cut = history.len() / 2;
    let (first, second) = history.split_at(cut);
    let (Some(at), Some(next)) = (first.last(), second.first()) else {
        return Err("V07: the history is too short".to_owned());
    };
    let other = CommitHash([0x5a; 32]);
    let again = Commit { hash: other, ..at.clone() };
    refuses(subject, "V07", history, cut, &[again], lost).await?;
    let forked = Commit { previous: other, ..next.clone() };
    refuses(subject, "V07", history, cut, &[forked], lost).await
}

/// V08: shard after shard, last shard first, or as they came.
///
/// # Errors
///
/// What was seen, if the clause is broken.
pub async fn v08_shards_commute<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
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
pub async fn v09_poison_is_named<S: Subject>(subject: &mut S, history: &[Commit]) -> Check {
    for (cut, commit) in history.iter().enumerate() {
        let Some(poison) = subject.poison(commit) else { continue };
        let place = (commit.shard, commit.position);
        let named = |error: &ViewError| matches!(error, ViewError::Poison { shard, position, .. } if (*shard, *position) == place);
        return refuses(subject, "V09", history, cut, &[poison], named).await;
    }
    Ok(())
}
