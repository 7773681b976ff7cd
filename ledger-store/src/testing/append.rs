//! C01 to C08: appending.

use std::sync::{Arc, Barrier};

use ledger_core::OperationKind;

use super::commit::{CommitBuilder, ShardChain, partition_in};
use super::subject::{Ending, Subject, ensure_landed, ensure_moved, head_after, one};
use super::thread::{Dice, Worker};
use super::{Hook, StoreBuilder, Verdict, Violation, ensure, not_tested};
use crate::{
    APPEND_BYTES_MAX, APPEND_COMMITS_MAX, BODY_BYTES_MAX, CommitHash, EventStore, Head, LostAnswer, Position,
    Shard, ShardAppend, StoreError,
};

/// **C01** An append of one shard lands whole or not at all.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c01_an_append_of_one_shard_lands_whole_or_not_at_all<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    for shard in subject.some_shards(3) {
        let append = subject.seal(shard, &subject.commits(shard, "whole", 5));
        let rival = subject.seal(shard, &subject.commits(shard, "not at all", 5));
        subject.must_land(&append).await?;
        subject.check().await?;
        let answer = one(subject.store(), &rival).await?;
        ensure_moved(&rival, &answer, head_after(&append))?;
        subject.check().await?;
    }
    heads_move_by_whole_appends(&mut subject).await?;
    subject.check().await?;
    a_power_cut_leaves_no_half(&mut subject).await?;
    subject.check().await
}

async fn heads_move_by_whole_appends<B: StoreBuilder>(subject: &mut Subject<'_, B>) -> Verdict {
    const COMMITS: usize = 4;
    let shard = subject.some_shards(1)[0];
    let start = subject.model.head(shard).position.0;
    let mut chain = subject.chain(shard);
    let commits = subject.commits(shard, "in one go", COMMITS);
    let store = subject.shared();
    let writer = Worker::start(move || async move {
        let appends: Vec<_> = (0..40).map(|_| chain.seal(&commits)).collect();
        for append in &appends {
            ensure_landed(append, &one(&*store, append).await?)?;
        }
        Ok::<_, Violation>(appends)
    });
    let end = start + 40 * COMMITS as u64;
    let store = subject.shared();
    let watcher = Worker::start(move || async move {
        loop {
            let position = store.heads().await?[shard.index()].position.0;
            let landed = position - start;
            ensure!(
                landed.is_multiple_of(COMMITS as u64),
                "a head stood {landed} commits on, inside an append"
            );
            if position == end || Arc::strong_count(&store) <= 2 {
                return Ok::<_, Violation>(());
            }
        }
    });
    let written = writer.finish().await?;
    watcher.finish().await??;
    subject.model.landed_in_any_order(written?);
    Ok(())
}

/// The power goes while an append is on its way: afterwards it is there whole, or not there.
async fn a_power_cut_leaves_no_half<B: StoreBuilder>(subject: &mut Subject<'_, B>) -> Verdict {
    let shard = subject.some_shards(1)[0];
    let append = subject.seal(shard, &subject.commits(shard, "in the dark", 5));
    let Some(mut stall) = subject.builder.stall_next_write(&mut subject.guard).await else {
        not_tested("c01", "a power cut in the middle of an append");
        return Ok(());
    };
    let (store, sent) = (subject.shared(), append.clone());
    let writer = Worker::start(move || async move { store.append(&[sent]).await });
    stall.reached().await?;
    let cut = subject.builder.power_cut(&mut subject.guard).await;
    stall.release();
    let answer = writer.finish().await?;
    let acknowledged = matches!(answer.as_deref(), Ok([Ok(_)]));
    if cut == Hook::Absent {
        not_tested("c01", "a power cut in the middle of an append");
    }
    subject.reopen(Ending::Drop).await?;
    let head = subject.store().heads().await?[shard.index()];
    if head == head_after(&append) {
        subject.model.landed(&append);
    } else {
        ensure!(!acknowledged, "an acknowledged append is gone after a power cut");
        ensure!(head == append.expected, "a power cut left half of an append: the head is {head:?}");
    }
    Ok(())
}

/// **C02** An append lands only if the shard's head, position *and* hash, is the expected one.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c02_an_append_lands_only_on_the_expected_head<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    for shard in subject.some_shards(3) {
        refused_on(&subject, shard, subject.foreign_head(shard, Position::ZERO), "a foreign genesis").await?;
        refused_on(&subject, shard, subject.foreign_head(shard, Position(1)), "ahead of the head").await?;
        let genesis = subject.model.head(shard);
        subject.land(shard, &subject.commits(shard, "first", 2)).await?;
        let behind = subject.model.head(shard);
        subject.land(shard, &subject.commits(shard, "second", 1)).await?;
        let now = subject.model.head(shard);
        let heads = [
            (genesis, "the genesis"),
            (behind, "behind the head"),
            (subject.foreign_head(shard, now.position), "the right position with another hash"),
            (Head { position: behind.position, hash: now.hash }, "the right hash at another position"),
            (Head { position: now.position, hash: behind.hash }, "the hash of the commit before"),
            (Head { position: now.position.next(), hash: now.hash }, "one ahead with the right hash"),
            (subject.foreign_head(shard, Position(1 << 40)), "far ahead"),
        ];
        for (head, what) in heads {
            refused_on(&subject, shard, head, what).await?;
        }
        subject.check().await?;
        subject.land(shard, &subject.commits(shard, "third", 1)).await?;
    }
    subject.check().await
}

async fn refused_on<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    shard: Shard,
    head: Head,
    what: &str,
) -> Verdict {
    for count in [1, 3] {
        let append = subject.chain(shard).at(head).seal(&subject.commits(shard, what, count));
        let answer = one(subject.store(), &append).await?;
        ensure_moved(&append, &answer, subject.model.head(shard))
            .map_err(|violation| Violation::new(format!("expected head {what}: {violation}")))?;
        subject.model.check_heads(subject.store()).await?;
    }
    Ok(())
}

/// **C03** The answer comes per shard, in the order asked; one shard's refusal does not hinder another's.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c03_the_answer_comes_per_shard_in_the_order_asked<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(7);
    if shards.len() == 1 {
        not_tested("c03", "appends of several shards, the ledger has one");
    }
    for shard in &shards {
        subject.land(*shard, &subject.commits(*shard, "before", 1)).await?;
    }
    // Which of the shards are stale: none, all, every other, only the first, only the last.
    let count = shards.len();
    let stale: [&dyn Fn(usize) -> bool; 6] =
        [&|_| false, &|_| true, &|i| i % 2 == 0, &|i| i % 2 == 1, &|i| i == 0, &|i| i + 1 == count];
    for (round, is_stale) in stale.iter().enumerate() {
        let mut order: Vec<_> = shards.iter().copied().enumerate().collect();
        order.rotate_left(round % count);
        let mut appends = Vec::new();
        for (i, shard) in &order {
            let commits = subject.commits(*shard, &format!("round {round}"), 1 + i % 3);
            let head = if is_stale(*i) {
                subject.foreign_head(*shard, Position(1))
            } else {
                subject.model.head(*shard)
            };
            appends.push(subject.chain(*shard).at(head).seal(&commits));
        }
        let answers = subject.store().append(&appends).await?;
        ensure!(answers.len() == appends.len(), "{} answers to {} parts", answers.len(), appends.len());
        for (((i, shard), append), answer) in order.iter().zip(&appends).zip(&answers) {
            if is_stale(*i) {
                ensure_moved(append, answer, subject.model.head(*shard))?;
            } else {
                ensure_landed(append, answer)?;
                subject.model.landed(append);
            }
        }
        subject.check().await?;
    }
    Ok(())
}

/// **C04** Positions are dense: commit n + 1 follows commit n, whatever was refused in between.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c04_positions_are_dense_whatever_was_refused<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let mut dice = Dice::new(4);
    for shard in subject.some_shards(3) {
        for round in 0..12 {
            let stale = subject.chain(shard).at(subject.foreign_head(shard, Position(round)));
            let stale = stale.clone().seal(&subject.commits(shard, "stale", 1 + dice.below(3)));
            let refused = one(subject.store(), &stale).await?;
            ensure_moved(&stale, &refused, subject.model.head(shard))?;
            let mut broken = subject.seal(shard, &subject.commits(shard, "broken", 2));
            broken.commits.remove(0);
            let answer = subject.store().append(&[broken]).await;
            ensure!(matches!(answer, Err(StoreError::Invalid(_))), "an append with a gap: {answer:?}");
            let count = 1 + dice.below(3);
            subject.land(shard, &subject.commits(shard, &format!("round {round}"), count)).await?;
        }
        let stored = super::model::read_all(subject.store(), shard, usize::MAX).await?;
        for (commit, position) in stored.iter().zip(1..) {
            ensure!(commit.position.0 == position, "position {} stands at {position}", commit.position);
        }
    }
    subject.check().await?;
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

/// **C05** An append that breaks a rule is `Invalid` for the whole call, and nothing lands.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c05_an_append_that_breaks_a_rule_is_invalid_and_nothing_lands<B: StoreBuilder>(
    builder: &B,
) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    for shard in &shards {
        subject.land(*shard, &subject.commits(*shard, "before", 2)).await?;
    }
    let broken = broken_appends(&subject, shards[0]);
    for (what, appends) in &broken {
        must_be_invalid(&subject, what, appends).await?;
        // A sound part beside a broken one, on either side, must not land either.
        if let Some(other) = shards.get(1).filter(|_| appends.len() == 1) {
            let sound = subject.seal(*other, &subject.commits(*other, "sound", 1));
            let beside = [vec![sound.clone()], appends.clone()].concat();
            must_be_invalid(&subject, &format!("{what}, after a sound part"), &beside).await?;
            let beside = [appends.clone(), vec![sound]].concat();
            must_be_invalid(&subject, &format!("{what}, before a sound part"), &beside).await?;
        }
    }
    must_be_invalid(&subject, "no part", &[]).await?;
    subject.check().await?;
    // The sizes at the limit are sound.
    let shard = shards[0];
    let commit = subject.commit(shard, "");
    subject.land(shard, &[commit.clone().bytes(BODY_BYTES_MAX)]).await?;
    subject
        .land(shard, &vec![commit.clone().bytes(BODY_BYTES_MAX); APPEND_BYTES_MAX / BODY_BYTES_MAX])
        .await?;
    subject.land(shard, &vec![commit; APPEND_COMMITS_MAX]).await?;
    subject.check().await?;
    subject.reopen(Ending::Close).await?;
    subject.check().await
}

async fn must_be_invalid<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    what: &str,
    appends: &[ShardAppend],
) -> Verdict {
    match subject.store().append(appends).await {
        Err(StoreError::Invalid(_)) => {}
        Err(error) => return Err(Violation::new(format!("{what}: Invalid was due, not: {error}"))),
        Ok(answers) => return Err(Violation::new(format!("{what}: Invalid was due, not: {answers:?}"))),
    }
    subject
        .check()
        .await
        .map_err(|violation| Violation::new(format!("{what}: something landed: {violation}")))
}

/// One append for each way to break a rule, on the right head of the shard.
fn broken_appends<B: StoreBuilder>(
    subject: &Subject<'_, B>,
    shard: Shard,
) -> Vec<(&'static str, Vec<ShardAppend>)> {
    let sound = subject.seal(shard, &subject.commits(shard, "sound", 3));
    let commit = subject.commit(shard, "");
    let edited = |edit: &dyn Fn(&mut ShardAppend)| {
        let mut append = sound.clone();
        edit(&mut append);
        vec![append]
    };
    let seal = |commits: &[CommitBuilder]| vec![subject.seal(shard, commits)];
    let after = |head: Head, position: u64| Head { position: Position(position), ..head };
    let elsewhere = |position| subject.foreign_head(shard, position);
    // Sealed soundly, but from the nth commit on not on the head that is due.
    let misplaced = |nth: usize, on: &dyn Fn(Head) -> Head| {
        let mut append = sound.clone();
        for i in nth..append.commits.len() {
            let due = append.commits[..i].last();
            let due = due.map_or(append.expected, |c| Head { position: c.position, hash: c.hash });
            let head = if i == nth { on(due) } else { due };
            append.commits[i] = commit.seal(&subject.identity, shard, head);
        }
        vec![append]
    };
    let mut cases = vec![
        ("a part without a commit", edited(&|a| a.commits.clear())),
        ("a gap in the middle", edited(&|a| drop(a.commits.remove(1)))),
        ("a gap at the start", edited(&|a| drop(a.commits.remove(0)))),
        ("positions that stand still", edited(&|a| a.commits[1].position = a.commits[0].position)),
        ("positions in another order", edited(&|a| a.commits.swap(1, 2))),
        ("a position of zero", edited(&|a| a.commits[0].position = Position::ZERO)),
        ("positions past the last number", edited(&|a| a.expected.position = Position(u64::MAX))),
        ("a first commit that does not link", edited(&|a| a.commits[0].previous = CommitHash([1; 32]))),
        ("a later commit that does not link", edited(&|a| a.commits[2].previous = a.commits[0].hash)),
        ("a hash of nothing", edited(&|a| a.commits[2].hash = CommitHash([0; 32]))),
        ("the hash of another commit", edited(&|a| a.commits[2].hash = a.commits[0].hash)),
        ("a body that is not the hashed one", edited(&|a| a.commits[2].body = a.commits[0].body.clone())),
        ("a gap at the start whose hashes match", misplaced(0, &|head| after(head, head.position.next().0))),
        ("a gap in the middle whose hashes match", misplaced(1, &|head| after(head, head.position.next().0))),
        (
            "positions that stand still whose hashes match",
            misplaced(1, &|head| after(head, head.position.0 - 1)),
        ),
        ("a first link elsewhere whose hashes match", misplaced(0, &|head| elsewhere(head.position))),
        ("a later link elsewhere whose hashes match", misplaced(1, &|head| elsewhere(head.position))),
        ("a shard that there is not", edited(&|a| a.shard = Shard(subject.identity.shards.get()))),
        ("the last shard number there can be", edited(&|a| a.shard = Shard(u16::MAX))),
        ("two parts for one shard", vec![sound.clone(), sound.clone()]),
        ("a body one byte too large", seal(&[commit.clone().bytes(BODY_BYTES_MAX + 1)])),
        ("one commit too many", seal(&vec![commit.clone(); APPEND_COMMITS_MAX + 1])),
        ("one byte too many", seal(&too_many_bytes(&commit))),
    ];
    let mut others = subject.identity.shards.all().filter(|other| *other != shard);
    if let Some(other) = others.next_back() {
        let stranger = CommitBuilder::new(partition_in(subject.identity.shards, other, 0));
        cases.push(("a partition of another shard", seal(std::slice::from_ref(&stranger))));
        cases.push(("a partition of another shard behind a sound one", seal(&[commit.clone(), stranger])));
        let parts = [(shard, APPEND_COMMITS_MAX), (other, 1)];
        let part =
            |(shard, count): (Shard, usize)| subject.seal(shard, &vec![subject.commit(shard, ""); count]);
        cases.push(("one commit too many over two shards", parts.map(part).to_vec()));
    }
    cases
}

fn too_many_bytes(commit: &CommitBuilder) -> Vec<CommitBuilder> {
    let mut commits = vec![commit.clone().bytes(BODY_BYTES_MAX); APPEND_BYTES_MAX / BODY_BYTES_MAX - 1];
    let rest = BODY_BYTES_MAX - 1_000;
    commits.extend([commit.clone().bytes(rest), commit.clone().bytes(BODY_BYTES_MAX - rest + 1)]);
    commits
}

/// **C06** Of any number of concurrent appends on one head, exactly one lands.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c06_of_concurrent_appends_exactly_one_lands<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    for round in 0..12 {
        for shard in subject.some_shards(2) {
            race(&mut subject, shard, round).await?;
        }
    }
    subject.check().await?;
    rivals_that_try_again(&mut subject).await?;
    subject.check().await?;
    subject.reopen(Ending::Drop).await?;
    subject.check().await
}

/// Several writers, one head, all at once.
async fn race<B: StoreBuilder>(subject: &mut Subject<'_, B>, shard: Shard, round: usize) -> Verdict {
    const RIVALS: usize = 6;
    let start = Arc::new(Barrier::new(RIVALS));
    let mut rivals = Vec::new();
    for rival in 0..RIVALS {
        let commits = subject.commits(shard, &format!("round {round} rival {rival}"), 1 + rival % 3);
        let append = subject.seal(shard, &commits);
        let (store, start) = (subject.shared(), Arc::clone(&start));
        rivals.push(Worker::start(move || async move {
            start.wait();
            let answer = one(&*store, &append).await?;
            Ok::<_, Violation>((append, answer))
        }));
    }
    let mut answers = Vec::new();
    for rival in rivals {
        answers.push(rival.finish().await??);
    }
    let won: Vec<_> = answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(append, _)| append).collect();
    ensure!(won.len() == 1, "{} of {RIVALS} appends on one head landed", won.len());
    let winner = won[0];
    for (append, answer) in &answers {
        match answer {
            Ok(_) => ensure_landed(append, answer)?,
            Err(_) => ensure_moved(append, answer, head_after(winner))?,
        }
    }
    subject.model.landed(winner);
    subject.model.check_heads(subject.store()).await
}

/// Several writers that take the head they are told and try again: every commit lands once.
async fn rivals_that_try_again<B: StoreBuilder>(subject: &mut Subject<'_, B>) -> Verdict {
    let shard = subject.some_shards(1)[0];
    let mut rivals = Vec::new();
    for rival in 0..4 {
        let commits = subject.commits(shard, &format!("rival {rival}"), 15);
        let (store, chain) = (subject.shared(), subject.chain(shard));
        rivals.push(Worker::start(move || async move {
            let mut dice = Dice::new(rival);
            persist(&*store, chain, &commits, &mut dice).await
        }));
    }
    let mut landed = Vec::new();
    for rival in rivals {
        landed.extend(rival.finish().await??);
    }
    subject.model.landed_in_any_order(landed);
    Ok(())
}

/// Appends commit by commit; each refusal tells the head to seal it on again.
pub(super) async fn persist(
    store: &dyn EventStore,
    mut chain: ShardChain,
    commits: &[CommitBuilder],
    dice: &mut Dice,
) -> Result<Vec<ShardAppend>, Violation> {
    let mut landed = Vec::new();
    for commit in commits {
        loop {
            dice.dawdle();
            let append = chain.seal(std::slice::from_ref(commit));
            match one(store, &append).await? {
                Ok(head) => {
                    ensure_landed(&append, &Ok(head))?;
                    landed.push(append);
                    break;
                }
                Err(StoreError::HeadMoved { actual, .. }) => {
                    ensure!(actual != append.expected, "HeadMoved, but the head is the expected one");
                    chain = chain.at(actual);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(landed)
}

/// **C07** When `append` answers `Ok`, the commits are durable: a crash or power cut cannot lose them.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c07_what_was_acknowledged_survives_a_crash<B: StoreBuilder>(builder: &B) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(5);
    for (round, ending) in [Ending::Drop, Ending::PowerCut].repeat(4).into_iter().enumerate() {
        for (i, shard) in shards.iter().enumerate().take(1 + round % shards.len()) {
            subject.land(*shard, &subject.commits(*shard, &format!("round {round}"), 1 + i)).await?;
        }
        subject.reopen(ending).await?;
        let lost = |v| Violation::new(format!("after {ending:?} number {round}: {v}"));
        subject.check().await.map_err(lost)?;
    }
    // Many shards in one call, then many writers at once, and the crash right behind the last answer.
    let appends: Vec<_> = shards.iter().map(|s| subject.seal(*s, &subject.commits(*s, "many", 3))).collect();
    for (append, answer) in appends.iter().zip(subject.store().append(&appends).await?) {
        ensure_landed(append, &answer)?;
        subject.model.landed(append);
    }
    subject.reopen(Ending::PowerCut).await?;
    subject.check().await?;
    let mut writers = Vec::new();
    for shard in &shards {
        let (store, chain) = (subject.shared(), subject.chain(*shard));
        let commits = subject.commits(*shard, "at once", 10);
        writers.push(Worker::start(move || async move {
            persist(&*store, chain, &commits, &mut Dice::new(7)).await
        }));
    }
    for writer in writers {
        subject.model.landed_in_any_order(writer.finish().await??);
    }
    subject.reopen(Ending::PowerCut).await?;
    subject.check().await
}

/// **C08** After `Unknown` the same append may be sent again: it is there once, whatever had happened.
///
/// # Errors
///
/// [`Violation`] if the store breaks the clause.
pub async fn c08_a_resend_after_an_unknown_outcome_never_lands_twice<B: StoreBuilder>(
    builder: &B,
) -> Verdict {
    let mut subject = Subject::new(builder).await?;
    let shards = subject.some_shards(2);
    for shard in &shards {
        for count in [1, 3] {
            resend_of_what_landed(&mut subject, *shard, count).await?;
        }
    }
    if let [one, other] = shards[..] {
        resend_of_two_shards(&mut subject, one, other).await?;
    }
    for answer in [LostAnswer::Landed, LostAnswer::NeverArrived] {
        for rival_first in [false, true] {
            resend_after_unknown(&mut subject, shards[0], answer, rival_first).await?;
        }
    }
    subject.check().await
}

/// The answer was lost on its way to the caller: to the store it is an append like any other.
async fn resend_of_what_landed<B: StoreBuilder>(
    subject: &mut Subject<'_, B>,
    shard: Shard,
    count: usize,
) -> Verdict {
    let key = format!("key {count}");
    let mut commits = subject.commits(shard, "sent twice", count);
    commits[0] = commits[0].clone().key("studio", OperationKind::Bet, &key);
    let append = subject.seal(shard, &commits);
    subject.must_land(&append).await?;
    // Another append that begins like it is not the same append: it stands on a head that moved on.
    let mut longer = subject.chain(shard).at(append.expected);
    let longer = longer.seal(&[commits, subject.commits(shard, "and more", 1)].concat());
    let answer = one(subject.store(), &longer).await?;
    ensure_moved(&longer, &answer, subject.model.head(shard))?;
    for follower in ["at once", "after another commit", "after a reopen"] {
        let again = one(subject.store(), &append).await?;
        ensure_landed(&append, &again)
            .map_err(|v| Violation::new(format!("resent {follower}, though it had landed: {v}")))?;
        subject.check().await?;
        if follower == "at once" {
            subject.land(shard, &subject.commits(shard, "another", 1)).await?;
        } else {
            subject.reopen(Ending::Drop).await?;
        }
    }
    Ok(())
}

/// One part had landed, of the other shard a rival was faster: each part answers for itself.
async fn resend_of_two_shards<B: StoreBuilder>(
    subject: &mut Subject<'_, B>,
    one_shard: Shard,
    other: Shard,
) -> Verdict {
    let landed = subject.seal(one_shard, &subject.commits(one_shard, "landed", 2));
    let late = subject.seal(other, &subject.commits(other, "late", 2));
    subject.must_land(&landed).await?;
    subject.land(other, &subject.commits(other, "faster", 1)).await?;
    let both = [late.clone(), landed.clone()];
    let answers = subject.store().append(&both).await?;
    ensure!(answers.len() == 2, "{} answers to two parts", answers.len());
    ensure_moved(&late, &answers[0], subject.model.head(other))?;
    ensure_landed(&landed, &answers[1])?;
    subject.check().await
}

async fn resend_after_unknown<B: StoreBuilder>(
    subject: &mut Subject<'_, B>,
    shard: Shard,
    answer: LostAnswer,
    rival_first: bool,
) -> Verdict {
    let append = subject.seal(shard, &subject.commits(shard, &format!("{answer:?} {rival_first}"), 2));
    if subject.builder.lose_next_answer(&mut subject.guard, answer).await == Hook::Absent {
        not_tested("c08", "an answer of Unknown");
        return Ok(());
    }
    match subject.store().append(std::slice::from_ref(&append)).await {
        Err(StoreError::Unknown { .. }) => {}
        other => return Err(Violation::new(format!("the lost answer is not Unknown: {other:?}"))),
    }
    if answer == LostAnswer::Landed {
        subject.model.landed(&append);
    }
    let rival = subject.seal(shard, &subject.commits(shard, "rival", 1));
    if rival_first {
        let (sent, store) = (&rival, subject.store());
        if let Err(StoreError::Unavailable { .. }) = store.append(std::slice::from_ref(sent)).await {
            subject.reopen(Ending::Drop).await?;
            subject.must_land(&rival).await?;
        } else {
            subject.model.landed(&rival);
        }
    }
    let mut again = subject.store().append(std::slice::from_ref(&append)).await;
    if let Err(StoreError::Unavailable { .. }) = again {
        subject.reopen(Ending::Drop).await?;
        again = subject.store().append(std::slice::from_ref(&append)).await;
    }
    let again = again?.pop().ok_or_else(|| Violation::new("no answer to a resend"))?;
    if answer == LostAnswer::Landed {
        ensure_landed(&append, &again)?;
    } else if rival_first {
        ensure_moved(&append, &again, subject.model.head(shard))?;
    } else {
        ensure_landed(&append, &again)?;
        subject.model.landed(&append);
    }
    subject.check().await?;
    subject.reopen(Ending::PowerCut).await?;
    subject.check().await
}
