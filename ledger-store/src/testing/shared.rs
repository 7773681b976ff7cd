//! C21 to C25: several writers, lost history, limits of time, late commits, calls that are given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ledger_core::OperationKind;

use super::append::persist;
use super::model::{check_lookups, read_all};
use super::read::follow;
use super::subject::{Ending, Subject, ensure_landed, ensure_moved, head_after, one};
use super::thread::{Dice, Worker};
use super::{Hook, StoreBuilder, Verdict, Violation, ensure, not_tested};
use crate::{EventStore, Head, HistoryLoss, Lookup, Position, Shard, ShardAppend, StoreError};

/// **C21** Of any number of writers that find a key absent and append on the head they had seen, one lands.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c21_of_those_who_look_for_a_key_and_append_one_lands<B: StoreBuilder>(builder: &B) -> Verdict {
    const KEYS: usize = 24;
    let mut subject = Subject::new(builder).await?;
    let shard = subject.some_shards(1)[0];
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, chain) = (subject.shared(), subject.chain(shard));
            let commits: Vec<_> = (0..KEYS)
                .map(|key| {
                    let commit = subject.commit(shard, format!("key {key} of writer {writer}"));
                    commit.key("studio", OperationKind::Bet, &format!("key {key}"))
                })
                .collect();
            Worker::start(move || async move {
                let (mut dice, mut landed) = (Dice::new(writer), Vec::new());
                for commit in &commits {
                    loop {
                        dice.dawdle();
                        let head = store.heads().await?[shard.index()];
                        let append = chain.clone().at(head).seal(std::slice::from_ref(commit));
                        let key = Lookup::Key(shard, append.commits[0].index.keys[0]);
                        if !store.lookup(&[key]).await?.concat().is_empty() {
                            break;
                        }
                        match one(&*store, &append).await? {
                            Ok(_) => {
                                landed.push(append);
                                break;
                            }
                            Err(StoreError::HeadMoved { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
                Ok::<_, Violation>(landed)
            })
        })
        .collect();
    let mut landed = Vec::new();
    for writer in writers {
        landed.extend(writer.finish().await??);
    }
    ensure!(landed.len() == KEYS, "{} commits for {KEYS} keys", landed.len());
    subject.model.landed_in_any_order(landed);
    subject.check().await?;
    // A key that comes twice all the same is found twice: whoever looks must see it.
    let again = subject.commit(shard, "again").key("studio", OperationKind::Bet, "key 0");
    subject.land(shard, &[again]).await?;
    subject.check().await
}

/// **C22** A handle that has seen a head never serves an older or another one.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c22_lost_history_is_never_served<B: StoreBuilder>(builder: &B) -> Verdict {
    for loss in [HistoryLoss::Behind, HistoryLoss::Differs] {
        let mut subject = Subject::new(builder).await?;
        let shards = subject.some_shards(2);
        let shard = shards[0];
        subject.land(shard, &subject.commits(shard, "kept", 2)).await?;
        let before = subject.model.head(shard);
        subject.land(shard, &subject.commits(shard, "lost", 1)).await?;
        subject.check().await?;
        if subject.builder.lose_history(&mut subject.guard, shard, loss).await == Hook::Absent {
            not_tested("c22", "history that is lost");
            return Ok(());
        }
        let seen = subject.model.head(shard);
        let heads = subject.store().heads().await;
        ensure_lost(shard, seen, &heads.map(drop), &format!("{loss:?}: the heads"))?;
        // On the head that the store has now, on the one that was seen, and on the one before.
        let foreign = subject.foreign_head(shard, seen.position);
        for (head, what) in [(before, "on an older head"), (seen, "on the head"), (foreign, "on another")] {
            let append = subject.chain(shard).at(head).seal(&subject.commits(shard, "after it", 1));
            let answer = one(subject.store(), &append).await?;
            ensure_lost(shard, seen, &answer.map(drop), &format!("{loss:?}: an append {what}"))?;
        }
        // The other shards are as they were.
        if let Some(other) = shards.get(1) {
            subject.land(*other, &subject.commits(*other, "goes on", 1)).await?;
        }
        subject.end(Ending::Drop).await?;
    }
    Ok(())
}

fn ensure_lost(shard: Shard, due: Head, answer: &Result<(), StoreError>, what: &str) -> Verdict {
    match answer {
        Err(StoreError::HistoryLost { shard: named, seen, .. }) => {
            ensure!((*named, *seen) == (shard, due), "{what}: HistoryLost names shard {named} and {seen:?}");
            Ok(())
        }
        other => Err(Violation::new(format!("{what}: HistoryLost was due, not: {other:?}"))),
    }
}

/// **C23** Every call ends.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c23_every_call_ends<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shard = subject.some_shards(1)[0];
    subject.land(shard, &[keyed(&subject, shard, 0)]).await?;
    nothing_waits_for_an_append(&mut subject, shard).await?;
    a_silent_server_is_given_up(&mut subject, shard).await?;
    subject.check().await?;
    subject.reopen(Ending::Close).await?;
    subject.check().await
}

fn keyed<B: StoreBuilder>(subject: &Subject<'_, B>, shard: Shard, number: usize) -> super::CommitBuilder {
    let commit = subject.commit(shard, format!("number {number}"));
    commit.key("studio", OperationKind::Bet, &format!("bet {number}"))
}

/// Waits for a thread, which a call that hangs would hold for ever.
async fn worked<T: Send + 'static>(limit: Duration, what: &str, worker: Worker<T>) -> Result<T, Violation> {
    let ended = tokio::time::timeout(limit, worker.finish()).await;
    ended.map_err(|_| Violation::new(format!("{what} has not ended after {} ms", limit.as_millis())))?
}

async fn nothing_waits_for_an_append<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let append = subject.seal(shard, &[keyed(subject, shard, 1)]);
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c23", "calls while an append is under way");
        return Ok(());
    };
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { one(&*store, &sent).await });
    stall.reached().await?;
    let (model, index) = (subject.model.clone(), append.commits[0].index.clone());
    let store = subject.shared();
    let calls = Worker::start(move || async move {
        drop(store.watch());
        ensure!(!store.is_stopped(), "a store that waits for its disk says that it has stopped");
        model.check_heads(&*store).await?;
        store.last_recorded_at().await?;
        check_lookups(&*store, &[(Lookup::Key(shard, index.keys[0]), vec![])]).await?;
        model.check_commits(shard, &read_all(&*store, shard, 10).await?)?;
        store.read_partition(&index.partition, Position::ZERO, 10).await?;
        store.snapshot(&index.partition).await?;
        Ok::<_, Violation>(())
    });
    let ended =
        worked(subject.builder.call_limit(), "a call beside an append that is under way", calls).await;
    stall.release();
    let answer = writer.finish().await??;
    ended??;
    ensure_landed(&append, &answer)?;
    subject.model.landed(&append);
    Ok(())
}

/// A call that is under way.
type Asked = Worker<Result<(), StoreError>>;
/// Begins a call.
type Ask = fn(Arc<dyn EventStore>, Shard, Lookup) -> Asked;

async fn a_silent_server_is_given_up<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let append = subject.seal(shard, &[keyed(subject, shard, 2)]);
    let partition = append.commits[0].index.partition;
    let key = Lookup::Key(shard, append.commits[0].index.keys[0]);
    if subject.builder.fall_silent(&mut subject.guard).await == Hook::Absent {
        not_tested("c23", "a server that does not answer");
        return Ok(());
    }
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { store.append(&[sent]).await.map(drop) });
    let ask = |what, call: Ask| (what, call(subject.shared(), shard, key));
    let mut calls: Vec<(&'static str, Asked)> = vec![
        ask("heads", |store, _, _| Worker::start(move || async move { store.heads().await.map(drop) })),
        ask("last_recorded_at", |store, _, _| {
            Worker::start(move || async move { store.last_recorded_at().await.map(drop) })
        }),
        ask("lookup", |store, _, key| {
            Worker::start(move || async move { store.lookup(&[key]).await.map(drop) })
        }),
        ask("read", |store, shard, _| {
            Worker::start(move || async move { store.read(shard, Position(1), 10).await.map(drop) })
        }),
    ];
    let store = subject.shared();
    let load = move || async move { store.read_partition(&partition, Position::ZERO, 1).await.map(drop) };
    calls.push(("read_partition", Worker::start(load)));
    let store = subject.shared();
    calls
        .push(("snapshot", Worker::start(move || async move { store.snapshot(&partition).await.map(drop) })));
    let (limit, mut verdict) = (subject.builder.call_limit(), Ok(()));
    for (what, call) in calls {
        match worked(limit, &format!("{what}, asked of a silent server,"), call).await {
            Ok(Err(StoreError::Unavailable { .. })) => {}
            Ok(other) => {
                let answer = format!("{what}, asked of a silent server, answers {other:?}");
                verdict = verdict.and(Err(Violation::new(answer)));
            }
            Err(violation) => verdict = verdict.and(Err(violation)),
        }
    }
    let written = worked(limit, "an append to a silent server", writer).await;
    subject.builder.answer_again(&mut subject.guard).await;
    verdict?;
    match written? {
        Err(StoreError::Unknown { .. } | StoreError::Unavailable { .. }) => {}
        other => return Err(Violation::new(format!("an append to a silent server answers {other:?}"))),
    }
    // What it came to is found out as always: by sending it again.
    let answer = one(subject.store(), &append).await?;
    ensure_landed(&append, &answer)?;
    subject.model.landed(&append);
    subject.check().await
}

/// **C24** An append that becomes durable late is met in its place.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c24_a_commit_that_comes_late_is_met_in_its_place<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(3);
    for round in 0..3 {
        for shard in &shards {
            subject.land(*shard, &subject.commits(*shard, &format!("before {round}"), 2)).await?;
        }
        late_in_one_shard(&mut subject, &shards, round).await?;
        subject.check().await?;
    }
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

/// How long an append is held while others are waited for.
const LATE: Duration = Duration::from_millis(500);

async fn late_in_one_shard<B: StoreBuilder>(
    subject: &mut Subject<'_, B>,
    shards: &[Shard],
    round: usize,
) -> Verdict {
    let slow = shards[round % shards.len()];
    let late = subject.seal(slow, &subject.commits(slow, &format!("late {round}"), 3));
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c24", "an append that becomes durable late");
        return Ok(());
    };
    let (done, met) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let before: u64 = shards.iter().map(|shard| subject.model.head(*shard).position.0).sum();
    let (store, sent) = (subject.shared(), late.clone());
    let writer = Worker::start(move || async move { one(&*store, &sent).await });
    stall.reached().await?;
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let (store, all, identity) = (subject.shared(), shards.to_vec(), subject.identity);
            let (done, met) = (Arc::clone(&done), Arc::clone(&met));
            Worker::start(move || async move { follow(&*store, &identity, &all, &done, &met, reader).await })
        })
        .collect();
    // Others begin later; those of other shards may be done earlier. Of one on the same head one lands.
    let rival = subject.seal(slow, &subject.commits(slow, &format!("rival {round}"), 1));
    let rival_writer = (round == 1).then(|| {
        let (store, sent) = (subject.shared(), rival.clone());
        Worker::start(move || async move { one(&*store, &sent).await })
    });
    let mut quick = Vec::new();
    for shard in shards.iter().filter(|shard| **shard != slow) {
        let (store, chain) = (subject.shared(), subject.chain(*shard));
        let commits = subject.commits(*shard, &format!("quick {round}"), 10);
        quick.push(Worker::start(move || async move {
            persist(&*store, chain, &commits, &mut Dice::new(24)).await
        }));
    }
    // A reader should have met what came meanwhile; but that may have to wait for the one that is held.
    let patience = Instant::now();
    while met.load(Ordering::Acquire) as u64 <= before && patience.elapsed() < LATE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stall.release();
    let answer = writer.finish().await??;
    let rival_answer = match rival_writer {
        Some(rival) => Some(rival.finish().await??),
        None => None,
    };
    let mut landed = Vec::new();
    match (&answer, &rival_answer) {
        (Ok(_), None) => {
            ensure_landed(&late, &answer)?;
            landed.push(late);
        }
        (Ok(_), Some(rival_answer)) => {
            ensure_landed(&late, &answer)?;
            ensure_moved(&rival, rival_answer, head_after(&late))?;
            landed.push(late);
        }
        (Err(_), Some(Ok(head))) => {
            ensure_landed(&rival, &Ok(*head))?;
            ensure_moved(&late, &answer, head_after(&rival))?;
            landed.push(rival);
        }
        other => return Err(Violation::new(format!("of two appends on one head one must land: {other:?}"))),
    }
    let mut failed = Ok(());
    for quick in quick {
        match quick.finish().await? {
            Ok(appends) => landed.extend(appends),
            Err(violation) => failed = Err(violation),
        }
    }
    done.store(true, Ordering::Release);
    subject.model.landed_in_any_order(landed);
    for reader in readers {
        let mut seen = reader.finish().await??;
        for shard in shards {
            subject.model.check_commits(*shard, &seen.remove(shard).unwrap_or_default())?;
        }
    }
    failed
}

/// **C25** A call that is given up leaves nothing half done.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c25_a_call_that_is_given_up_leaves_nothing_half_done<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shard = subject.some_shards(1)[0];
    subject.land(shard, &subject.commits(shard, "before", 2)).await?;
    for (round, patience) in [0, 0, 1, 2, 3, 5].into_iter().enumerate() {
        let append = subject.seal(shard, &subject.commits(shard, &format!("given up {round}"), 4));
        let (store, sent) = (subject.shared(), append.clone());
        let patience = Duration::from_millis(patience);
        let writer = Worker::start(move || async move {
            drop(tokio::time::timeout(patience, store.append(std::slice::from_ref(&sent))).await);
        });
        writer.finish().await?;
        came_whole_or_not(&mut subject, &append).await?;
    }
    given_up_while_it_is_held(&mut subject, shard).await?;
    // Reads that are given up hinder nobody.
    for _ in 0..20 {
        let store = subject.shared();
        let reader = Worker::start(move || async move {
            drop(tokio::time::timeout(Duration::ZERO, store.read(shard, Position(1), 100)).await);
            drop(tokio::time::timeout(Duration::ZERO, store.heads()).await);
        });
        reader.finish().await?;
    }
    subject.check().await?;
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

async fn given_up_while_it_is_held<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard) -> Verdict {
    let append = subject.seal(shard, &subject.commits(shard, "given up while held", 4));
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c25", "an append that is given up while it is under way");
        return Ok(());
    };
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move {
        drop(tokio::time::timeout(Duration::from_millis(20), store.append(&[sent])).await);
    });
    stall.reached().await?;
    // A store that blocks its thread cannot be given up before it is released.
    tokio::time::sleep(Duration::from_millis(60)).await;
    stall.release();
    writer.finish().await?;
    came_whole_or_not(subject, &append).await
}

/// What became of it is found out by sending it again; then it is there once.
async fn came_whole_or_not<B: StoreBuilder>(subject: &mut Subject<'_, B>, append: &ShardAppend) -> Verdict {
    let head = subject.store().heads().await?[append.shard.index()];
    ensure!(
        head == append.expected || head == head_after(append),
        "an append that was given up left the head at {head:?}"
    );
    subject.must_land(append).await?;
    subject.check().await
}
