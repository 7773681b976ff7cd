//! Deciding one job: facts, decision, fold, seal, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ledger_core::stored::{CommitBody, CommitIndex, OutcomeKind, TombstoneRecord};
use ledger_core::{
    AggregateRef, Capacity, Decision, Facts, FactsNeeded, Found, KnownBatch, KnownOperation, Partition,
    Rejection, Stream, Timestamp,
};
use ledger_store::{Head, Lookup, SealedCommit, Shard, commit_hash};

use super::Writer;
use super::slots::Gate;
use crate::error::{ExecuteError, Refusal};
use crate::job::{Answer, Ask, Command, Entry, Job, unrecorded};
use crate::lane::Lane;
use crate::loader::{LoadedFacts, Needs, Task};
use crate::panics::panic_text;
use crate::request::{EntryId, OperationReceipt, Outcome, Reading, Receipt, RecordedOutcome};
use crate::state::State;
use crate::stations::{self, Station};

/// How often a command is decided again because its player's state was out of date.
const ATTEMPTS_MAX: u8 = 16;

/// What keeps a job from being decided now.
enum Obstacle {
    /// Something it needs is in a batch that is not durable yet.
    Batch(u64),
    /// Something it needs must be read from the log.
    Log,
}

/// What the index was asked for a job when it was taken in.
#[derive(Debug, Clone, Copy)]
struct Looked {
    lookups: usize,
    /// Whether anything was found.
    hit: bool,
}

impl Writer {
    /// Takes in jobs: what their decisions need from the index is looked up for all of them at once.
    pub(super) fn process(&mut self, jobs: Vec<Job>) {
        let check = stations::enter(Station::KeyCheck);
        let jobs = self.prepared(jobs);
        let mut lookups = std::mem::take(&mut self.lookups);
        lookups.clear();
        let mut spans = std::mem::take(&mut self.spans);
        spans.clear();
        for job in &jobs {
            let from = lookups.len();
            if let Some(slot) = self.slots.get(&job.partition)
                && slot.gate == Gate::Ready
                && let Some(state) = &slot.state
            {
                needed_lookups(job, state, &mut lookups);
            }
            spans.push(from..lookups.len());
        }
        let found = if lookups.is_empty() {
            Ok(Vec::new())
        } else {
            self.runtime.block_on(self.shared.store.lookup(&lookups))
        };
        drop(check);
        match found {
            Ok(found) => {
                for (job, span) in jobs.into_iter().zip(&spans) {
                    let hit = found.get(span.clone()).is_some_and(|f| f.iter().any(|p| !p.is_empty()));
                    self.accept(job, Looked { lookups: span.len(), hit });
                }
            }
            Err(error) => {
                tracing::error!(%error, "the index could not be asked");
                for job in jobs {
                    job.fail(unrecorded(&error));
                }
            }
        }
        self.lookups = lookups;
        self.spans = spans;
    }

    /// Jobs as they are under the policy in force: callers prepared them under the one they knew.
    fn prepared(&self, mut jobs: Vec<Job>) -> Vec<Job> {
        let mut failed = Vec::new();
        for (at, job) in jobs.iter_mut().enumerate() {
            if let Err(error) = job.prepare_under(&self.known.rules) {
                failed.push((at, error));
            }
        }
        for (at, error) in failed.into_iter().rev() {
            jobs.remove(at).fail(error.into());
        }
        jobs
    }

    /// Decides a job now, or parks it.
    fn accept(&mut self, job: Job, looked: Looked) {
        let _player = stations::enter(Station::Player);
        if let Some(error) = &self.stopped[job.shard.index()] {
            return job.fail(ExecuteError::Store(error.clone()));
        }
        let genesis = self.genesis[job.shard.index()];
        let (parked_max, partition) = (self.parked_max, job.partition);
        let is_full = self.room() == 0;
        let slot = self.slots.entry(partition, genesis);
        if slot.gate != Gate::Ready || !slot.parked.is_empty() {
            if self.parked >= parked_max {
                return job.fail(ExecuteError::Unavailable {
                    reason: "too many commands wait for loads".to_owned(),
                });
            }
            self.parked += 1;
            slot.parked.push_back(job);
            return;
        }
        if slot.state.is_none() {
            self.parked += 1;
            slot.parked.push_back(job);
            return self.start_load(partition);
        }
        if is_full {
            self.parked += 1;
            slot.parked.push_back(job);
            return self.deferred.push_back(partition);
        }
        if let Some(obstacle) = self.obstacle(&job, Some(looked)) {
            return self.park_first(job, &obstacle);
        }
        self.decide(job, None);
    }

    /// Goes on with a player's parked jobs, as far as it goes.
    pub(super) fn resume(&mut self, partition: ledger_core::PartitionDigest) {
        loop {
            if self.fail_if_stopped(&partition) {
                return;
            }
            let Some(slot) = self.slots.get_mut(&partition) else { return };
            if slot.gate != Gate::Ready {
                return;
            }
            if slot.state.is_none() {
                if !slot.parked.is_empty() {
                    self.start_load(partition);
                }
                return;
            }
            if slot.parked.is_empty() {
                return;
            }
            if self.room() == 0 {
                return self.deferred.push_back(partition);
            }
            let Some(slot) = self.slots.get_mut(&partition) else { return };
            let Some(mut job) = slot.parked.pop_front() else { return };
            self.parked -= 1;
            let facts = slot.facts.take().filter(|facts| facts.job == job.id);
            let facts = match job.prepare_under(&self.known.rules) {
                Ok(false) => facts,
                // What was loaded is not what it needs now.
                Ok(true) => None,
                Err(error) => {
                    job.fail(error.into());
                    continue;
                }
            };
            if facts.is_none()
                && let Some(obstacle) = self.obstacle(&job, None)
            {
                return self.park_first(job, &obstacle);
            }
            self.decide(job, facts);
        }
    }

    fn park_first(&mut self, job: Job, obstacle: &Obstacle) {
        let partition = job.partition;
        let genesis = self.genesis[job.shard.index()];
        let slot = self.slots.entry(partition, genesis);
        slot.parked.push_front(job);
        self.parked += 1;
        match obstacle {
            Obstacle::Batch(no) => {
                slot.gate = Gate::Waiting(*no);
                self.waiting.entry(*no).or_default().push(partition);
            }
            Obstacle::Log => self.start_load(partition),
        }
    }

    /// What keeps this job from being decided on the live state alone.
    fn obstacle(&mut self, job: &Job, looked: Option<Looked>) -> Option<Obstacle> {
        if let Some(no) = self.awaits_registration(job) {
            return Some(Obstacle::Batch(no));
        }
        let mut needed = std::mem::take(&mut self.needed);
        needed.clear();
        let obstacle = self.obstacle_among(job, looked, &mut needed);
        self.needed = needed;
        obstacle
    }

    fn obstacle_among(
        &self,
        job: &Job,
        looked: Option<Looked>,
        needed: &mut Vec<Lookup>,
    ) -> Option<Obstacle> {
        let state = self.slots.get(&job.partition)?.state.as_ref()?;
        needed_lookups(job, state, needed);
        for lookup in needed.iter() {
            let digest = match lookup {
                Lookup::Key(_, digest) => digest.as_bytes(),
                Lookup::Stream(_, digest) => digest.as_bytes(),
                _ => continue,
            };
            if let Some(no) = self.overlay.batch_of(digest) {
                return Some(Obstacle::Batch(no));
            }
        }
        let hit = match looked {
            // A job decided since may have closed the round this one is about: then more must be asked, such
            // as for the bet that a rollback names.
            Some(looked) if looked.lookups == needed.len() => looked.hit,
            _ if needed.is_empty() => false,
            _ => match self.runtime.block_on(self.shared.store.lookup(needed)) {
                Ok(found) => found.iter().any(|positions| !positions.is_empty()),
                // The loader meets the same error and reports it.
                Err(_) => true,
            },
        };
        if !hit {
            return None;
        }
        // What is read from the log must be all there is of this player: a round may have been closed by a
        // commit that is not durable yet.
        let last = self.slots.get(&job.partition)?.last_batch;
        if last > self.durable_batch { Some(Obstacle::Batch(last)) } else { Some(Obstacle::Log) }
    }

    /// The batch that records a currency which this job needs, if that is decided and not known to be durable. Its
    /// caller may know before the writer does.
    fn awaits_registration(&self, job: &Job) -> Option<u64> {
        let no = self.known.registered;
        let Ask::Execute(prepared) = &job.ask else { return None };
        let awaits = |currency| self.known.awaits(currency, &self.slots);
        (no > self.durable_batch && prepared.command.needs_currency(awaits)).then_some(no)
    }

    /// Sends the loader for what the first parked job needs, once everything it may need is durable.
    pub(super) fn start_load(&mut self, partition: ledger_core::PartitionDigest) {
        if self.fail_if_stopped(&partition) {
            return;
        }
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        if slot.last_batch > self.durable_batch && slot.state.is_none() {
            let no = slot.last_batch;
            slot.gate = Gate::Waiting(no);
            self.waiting.entry(no).or_default().push(partition);
            return;
        }
        let Some(job) = slot.parked.front() else { return };
        let of = job.of.clone();
        let want_state = slot.state.is_none();
        // With the state in hand the facts are certain to be needed; without it, most jobs need none.
        let needs = if want_state { None } else { needs_of(job) };
        let needs = needs.map(|needs| (job.id, needs));
        let urgent = slot.parked.iter().map(|job| job.lane).find(|lane| *lane != Lane::Bulk);
        let lane = urgent.unwrap_or(Lane::Bulk);
        self.loads += 1;
        let no = self.loads;
        let task = Task::Load { no, lane, partition, shard: job.shard, of, state: want_state, needs };
        slot.gate = Gate::Loading(self.shared.threads.now());
        slot.load = no;
        if self.tasks.give(task).is_err() {
            slot.gate = Gate::Ready;
            let reason = "too many states are being loaded";
            self.fail_parked(&partition, &|| ExecuteError::Unavailable { reason: reason.to_owned() });
        }
    }

    fn answer(&mut self, job: Job, answer: Answer) {
        self.building.entries.push(Entry { job, answer, appends: false, is_held: false });
    }

    /// Decides a job on the player's state, with the facts that were loaded for it, if any.
    fn decide(&mut self, job: Job, facts: Option<LoadedFacts>) {
        match &job.ask {
            Ask::Execute(_) => self.decide_command(job, facts.as_ref()),
            Ask::Read(_) => {
                let Some(reading) = self.reading(&job) else {
                    return job.fail(ExecuteError::Bug { what: "a partition without a state".to_owned() });
                };
                self.answer(job, Answer::Reading(Box::new(reading)));
            }
            Ask::Outcome { .. } => {
                let outcome = self.recorded(&job, facts);
                self.answer(job, Answer::Outcome(Box::new(outcome)));
            }
        }
    }

    fn reading(&self, job: &Job) -> Option<Reading> {
        let head = self.heads[job.shard.index()];
        let state = self.slots.get(&job.partition)?.state.as_ref()?;
        Some(Reading { state: state.clone(), shard: job.shard, position: head.position, hash: head.hash })
    }

    fn recorded(&self, job: &Job, facts: Option<LoadedFacts>) -> RecordedOutcome {
        let head = self.heads[job.shard.index()];
        let Ask::Outcome { key, .. } = &job.ask else {
            return RecordedOutcome::Absent { shard: job.shard, position: head.position };
        };
        let facts = facts.unwrap_or_default();
        let known = facts.found.operation(key).zip(facts.head(key));
        let state = self.slots.get(&job.partition).and_then(|slot| slot.state.as_ref());
        match (known, state) {
            (Some((known, at)), Some(state)) => match replay(job, state, known, at) {
                Ok(receipt) => RecordedOutcome::Accepted(Box::new(receipt)),
                Err(refusal) => RecordedOutcome::Refused(Box::new(refusal)),
            },
            _ => RecordedOutcome::Absent { shard: job.shard, position: head.position },
        }
    }

    fn decide_command(&mut self, job: Job, loaded: Option<&LoadedFacts>) {
        let now = match self.now.clone() {
            Ok(now) => now,
            Err(error) => {
                tracing::error!(%error, "the clock is suspect: nothing is recorded");
                return self.answer_known(job, loaded, error.into());
            }
        };
        if let Some(reason) = self.known.outgrown() {
            return self.answer_known(job, loaded, ExecuteError::Unavailable { reason });
        }
        let partition = job.partition;
        let rules = &self.known.rules;
        // The house's own commands are not decided by policies: one of them may mend what is wrong.
        if let (Some(what), Partition::Player(_)) = (&rules.unusable, &job.of) {
            let reason = what.clone();
            return self.answer_known(job, loaded, ExecuteError::Unavailable { reason });
        }
        let decided = {
            let (Ask::Execute(prepared), Some(slot)) = (&job.ask, self.slots.get_mut(&partition)) else {
                return job.fail(ExecuteError::Bug { what: "a command without a slot".to_owned() });
            };
            let Some(state) = slot.state.as_mut() else {
                return job.fail(ExecuteError::Bug { what: "a command without a state".to_owned() });
            };
            let facts = Facts {
                found: loaded.map_or(Found::NOTHING, |loaded| &loaded.found),
                currencies: &self.known.currencies,
                policy: rules.policy(),
                checks: &rules.checks,
                documents: &self.shared.settings.documents,
                level: self.known.level,
            };
            // A panic in a decision is a bug of this one command; it must not take the others with it.
            catch_unwind(AssertUnwindSafe(|| state.decide(&prepared.command, &prepared.needed, &facts, now)))
        };
        match decided {
            Ok(Ok(Decision::Commit(draft))) => self.commit(job, draft, now),
            Ok(Ok(Decision::Replay)) => self.answer_replay(job, loaded),
            Ok(Ok(Decision::Refuse(rejection))) => self.refuse(job, rejection),
            Ok(Err(what)) => self.faulty(job, what),
            Err(panic) => {
                let what = panic_text(panic.as_ref());
                self.give_up(job, format!("deciding: {what}"));
            }
        }
    }

    /// What known keys alone tell is answered whatever the clock or a policy says: nothing is stamped. Everything else
    /// would be recorded, also the rest of a batch of which some operations are known, so it fails.
    fn answer_known(&mut self, job: Job, loaded: Option<&LoadedFacts>, error: ExecuteError) {
        let answered = match (&job.ask, loaded) {
            (Ask::Execute(prepared), Some(facts)) => match &prepared.command {
                Command::Player(command) => prepared.needed.answered(command, &facts.found),
                Command::House(command) => prepared.needed.answered_house(command, &facts.found),
            },
            _ => None,
        };
        match answered {
            Some(Decision::Replay) => self.answer_replay(job, loaded),
            Some(Decision::Refuse(rejection)) => self.refuse(job, rejection),
            Some(Decision::Commit(_)) | None => job.fail(error),
        }
    }

    /// Answers with a refusal that is not recorded.
    fn refuse(&mut self, job: Job, rejection: Rejection) {
        let balances = self.current(&job);
        let refusal = Refusal { rejection, replayed: false, recorded: None, balances };
        self.answer(job, Answer::Failure(Box::new(ExecuteError::Rejected(Box::new(refusal)))));
    }

    /// State and facts contradict each other. On a shared store the facts may be newer than the state: another
    /// writer appended, and this one has not met its head yet. Then the player is loaded again.
    fn faulty(&mut self, mut job: Job, what: String) {
        job.attempts = job.attempts.saturating_add(1);
        if self.shared.store.is_exclusive() || job.attempts >= ATTEMPTS_MAX {
            return self.give_up(job, what);
        }
        let shard = job.shard;
        match self.runtime.block_on(self.shared.store.heads()) {
            Ok(heads) if heads.get(shard.index()) == Some(&self.durable[shard.index()]) => {
                self.give_up(job, what);
            }
            Ok(_) => {
                tracing::info!(%shard, %what, "another writer appended: loading the player again");
                self.slots.drop_state(&job.partition);
                self.park_first(job, &Obstacle::Log);
            }
            Err(error) => {
                self.slots.drop_state(&job.partition);
                job.fail(unrecorded(&error));
            }
        }
    }

    /// Fails a command that could not be decided, and forgets the player's state: it is loaded again.
    fn give_up(&mut self, job: Job, what: String) {
        tracing::error!(shard = %job.shard, %what, "a command could not be decided");
        self.slots.drop_state(&job.partition);
        job.fail(ExecuteError::Bug { what });
    }

    /// Refuses a command whose commit would be larger than a store takes: a batch of several old rounds with many bets.
    /// Its events are folded already, so the player is loaded again.
    fn too_large(&mut self, job: Job) {
        let what = Capacity::BytesOfCommit;
        let maximum = u32::try_from(ledger_store::BODY_BYTES_MAX).unwrap_or(u32::MAX);
        self.slots.drop_state(&job.partition);
        self.refuse(job, Rejection::CapacityExceeded { what, maximum });
    }

    fn answer_replay(&mut self, job: Job, loaded: Option<&LoadedFacts>) {
        let state = self.slots.get(&job.partition).and_then(|slot| slot.state.as_ref());
        let replayed = match (&job.ask, loaded, state) {
            (Ask::Execute(prepared), Some(loaded), Some(state)) => {
                replay_all(&job, state, &prepared.needed, loaded)
            }
            _ => None,
        };
        let answer = match replayed {
            Some(Ok(receipt)) => Answer::Receipt(Box::new(receipt)),
            Some(Err(refusal)) => Answer::Failure(Box::new(ExecuteError::Rejected(Box::new(refusal)))),
            None => return job.fail(ExecuteError::Bug { what: "a replay of nothing".to_owned() }),
        };
        self.tally.replayed += 1;
        self.answer(job, answer);
    }

    /// The purse of the job's currency, or the first one.
    fn current(&self, job: &Job) -> Vec<ledger_core::stored::PurseBalance> {
        let currency = match &job.ask {
            Ask::Execute(prepared) => prepared.command.currency(),
            _ => None,
        };
        let state = self.slots.get(&job.partition).and_then(|slot| slot.state.as_ref());
        let of_currency = |state: &State| currency.and_then(|currency| state.balance(currency));
        state.and_then(|state| of_currency(state).or_else(|| state.first_balance())).into_iter().collect()
    }

    /// Seals a commit into the batch; the state is folded already.
    fn commit(&mut self, job: Job, draft: ledger_core::Draft, now: Timestamp) {
        let _commit = stations::enter(Station::Commit);
        let Ask::Execute(prepared) = &job.ask else {
            return job.fail(ExecuteError::Bug { what: "a commit without a command".to_owned() });
        };
        let context = prepared.context.clone();
        let (outcome, rejection, entry) = (draft.outcome, draft.rejection.clone(), draft.entry);
        let balances = draft.balances();
        let operations = draft.operations.iter().map(|done| OperationReceipt {
            key: done.key.clone(),
            outcome: outcome_of(done.outcome),
            replayed: done.replayed,
            entry: entry_of(&job, done.entry),
            balances: done.balances.clone(),
        });
        let operations = operations.collect();
        let Some(slot) = self.slots.get(&job.partition) else { return };
        let Some(state) = slot.state.as_ref() else { return };
        let limits = state.limits_left(&self.known.rules.in_force.policy, now);
        let mut body = state.body(draft, context, self.known.rules.in_force.hash, now);
        body.writer.clone_from(&self.name);
        debug_assert_eq!(body.partition, job.of);
        let index = index_of(&job, &body);
        let head = match self.seal(job.shard, &body, index) {
            Ok(head) => head,
            Err(Unsealed::TooLarge) => return self.too_large(job),
            Err(Unsealed::Bug(what)) => return self.give_up(job, what),
        };
        let no = self.building.no;
        if let Some(slot) = self.slots.get_mut(&job.partition) {
            slot.head = head;
            slot.last_batch = no;
            slot.since_snapshot = slot.since_snapshot.saturating_add(1);
        }
        self.slots.reweigh(&job.partition);
        self.building.players.push(job.partition);
        let is_news = matches!(job.of, Partition::House(_)) && self.known.is_news(&job.partition);
        if is_news {
            self.building.has_news = true;
            self.known.decided(&job.partition, no);
        }
        self.tally.count(outcome);
        let answer = match (outcome, rejection) {
            (OutcomeKind::Rejected, Some(rejection)) => {
                let recorded = Some((job.shard, head.position));
                let refusal = Refusal { rejection, replayed: false, recorded, balances };
                Answer::Failure(Box::new(ExecuteError::Rejected(Box::new(refusal))))
            }
            (kind, _) => Answer::Receipt(Box::new(Receipt {
                outcome: outcome_of(kind),
                replayed: false,
                entry: entry_of(&job, entry),
                current: balances.clone(),
                balances,
                operations,
                limits,
                shard: job.shard,
                position: head.position,
                hash: head.hash,
            })),
        };
        let is_held = is_news && self.known.holds_answers(&job.partition);
        self.building.entries.push(Entry { job, answer, appends: true, is_held });
    }

    /// Encodes and hashes a commit and adds it to the batch.
    fn seal(
        &mut self,
        shard: Shard,
        body: &CommitBody,
        index: CommitIndex,
    ) -> Result<ledger_store::Head, Unsealed> {
        let _seal = stations::enter(Station::Seal);
        self.buffer.clear();
        let encode = stations::enter(Station::Encode);
        body.encode(&mut self.buffer).map_err(|error| Unsealed::Bug(error.to_string()))?;
        drop(encode);
        if self.buffer.len() > ledger_store::BODY_BYTES_MAX {
            return Err(Unsealed::TooLarge);
        }
        let expected = self.heads[shard.index()];
        let position = expected.position.next();
        let hashing = stations::enter(Station::Hash);
        let hash = commit_hash(self.shared.store.identity(), shard, position, &expected.hash, &self.buffer);
        drop(hashing);
        let no = self.building.no;
        for digest in &index.keys {
            self.overlay.insert(no, *digest.as_bytes());
        }
        for digest in &index.streams {
            self.overlay.insert(no, *digest.as_bytes());
        }
        let commit = SealedCommit {
            position,
            previous: expected.hash,
            hash,
            body: Arc::from(self.buffer.as_slice()),
            index,
        };
        self.building.append(shard, expected, commit);
        let head = ledger_store::Head { position, hash };
        self.heads[shard.index()] = head;
        Ok(head)
    }
}

/// The index of a commit. Nearly every commit consumes its command's key and touches its command's round,
/// whose digests were computed on the caller's thread.
fn index_of(job: &Job, body: &CommitBody) -> CommitIndex {
    if let Ask::Execute(prepared) = &job.ask
        && let [digests] = prepared.digests.as_slice()
        && body.tombstones.is_empty()
        && body.keys.len() <= 1
        && body.keys.iter().all(|record| record.key() == prepared.needed.key)
    {
        let mut streams =
            body.events.iter().map(|record| &record.stream).filter(|stream| stream.is_indexed());
        let is_named = |stream: &Stream| match (stream, prepared.needed.aggregates.as_slice()) {
            (Stream::Round(_, source, id), [AggregateRef::Round(round)]) => {
                *id == round.round && *source == round.source
            }
            _ => false,
        };
        let streams = match (streams.next(), digests.aggregates.as_slice()) {
            (None, _) => Some(Vec::new()),
            (Some(first), [digest]) if is_named(first) && streams.all(is_named) => Some(vec![*digest]),
            _ => None,
        };
        if let Some(streams) = streams {
            let keys = if body.keys.is_empty() { Vec::new() } else { vec![digests.key] };
            let index =
                CommitIndex { partition: job.partition, recorded_at: body.recorded_at, keys, streams };
            debug_assert_eq!(index, CommitIndex::of(body, job.partition));
            return index;
        }
    }
    CommitIndex::of(body, job.partition)
}

/// Why a commit is not in the batch.
enum Unsealed {
    /// Its body is larger than a store takes.
    TooLarge,
    /// It cannot be encoded.
    Bug(String),
}

/// The id of an entry of the job's partition.
fn entry_of(job: &Job, entry: Option<u64>) -> Option<EntryId> {
    entry.map(|version| EntryId { partition: job.of.clone(), version })
}

fn outcome_of(kind: OutcomeKind) -> Outcome {
    match kind {
        OutcomeKind::Noop => Outcome::Noop,
        OutcomeKind::Tombstoned => Outcome::Tombstoned,
        _ => Outcome::Applied,
    }
}

/// The recorded answer to a key, with the balances as they are now.
fn replay(job: &Job, state: &State, known: &KnownOperation, at: Head) -> Result<Receipt, Refusal> {
    let current: Vec<_> =
        known.balances.iter().filter_map(|balance| state.balance(balance.currency)).collect();
    if let Some(rejection) = &known.rejection {
        return Err(Refusal {
            rejection: rejection.clone(),
            replayed: true,
            recorded: Some((job.shard, at.position)),
            balances: current,
        });
    }
    Ok(Receipt {
        outcome: outcome_of(known.record.outcome),
        replayed: true,
        entry: entry_of(job, known.entry),
        balances: known.balances.clone(),
        current,
        operations: Vec::new(),
        limits: Vec::new(),
        shard: job.shard,
        position: at.position,
        hash: at.hash,
    })
}

/// The recorded answer to a command, of a batch with what each operation came to.
fn replay_all(
    job: &Job,
    state: &State,
    needed: &FactsNeeded,
    loaded: &LoadedFacts,
) -> Option<Result<Receipt, Refusal>> {
    let at = |known: &KnownOperation| loaded.head(&known.record.key());
    let known = match needed.known(&loaded.found)? {
        KnownBatch::Refused(known) => return Some(replay(job, state, known, at(known)?)),
        KnownBatch::Accepted(known) => known,
    };
    let last = *known.last()?;
    let mut receipt = match replay(job, state, last, at(last)?) {
        Ok(receipt) => receipt,
        refused => return Some(refused),
    };
    if needed.batch.is_empty() {
        return Some(Ok(receipt));
    }
    for known in known {
        let outcome = outcome_of(known.record.outcome);
        if outcome == Outcome::Applied || receipt.outcome == Outcome::Noop {
            receipt.outcome = outcome;
        }
        receipt.operations.push(OperationReceipt {
            key: known.record.key(),
            outcome,
            replayed: true,
            entry: entry_of(job, known.entry),
            balances: known.balances.clone(),
        });
    }
    Some(Ok(receipt))
}

/// What must be looked up to decide a job on this state.
fn needed_lookups(job: &Job, state: &State, lookups: &mut Vec<Lookup>) {
    match &job.ask {
        Ask::Execute(prepared) => {
            let commands = match &prepared.command {
                Command::Player(command) => command.operations(),
                Command::House(_) => &[],
            };
            let operations = prepared.needed.operations().iter().zip(&prepared.digests);
            for (at, (needs, digests)) in operations.enumerate() {
                lookups.push(Lookup::Key(job.shard, digests.key));
                lookups.extend(digests.tombstones.iter().map(|digest| Lookup::Key(job.shard, *digest)));
                for (aggregate, digest) in needs.aggregates.iter().zip(&digests.aggregates) {
                    if !state.is_live(aggregate) {
                        lookups.push(Lookup::Stream(job.shard, *digest));
                    }
                }
                // Earlier commands of a batch may end what is live now, so its targets are always looked for.
                let single = || commands.get(at).filter(|_| prepared.digests.len() == 1);
                if !digests.targets.is_empty()
                    && !single().is_some_and(|command| state.has_live_target(command))
                {
                    lookups.extend(digests.targets.iter().map(|digest| Lookup::Key(job.shard, *digest)));
                }
            }
        }
        Ask::Outcome { digest, .. } => lookups.push(Lookup::Key(job.shard, *digest)),
        Ask::Read(_) => {}
    }
}

/// What the loader must fetch for a job.
fn needs_of(job: &Job) -> Option<Box<Needs>> {
    match &job.ask {
        Ask::Execute(prepared) => {
            let mut all = Needs::default();
            for (needs, digests) in prepared.needed.operations().iter().zip(&prepared.digests) {
                let key = &needs.key;
                all.keys.push((key.clone(), digests.key));
                all.keys.extend(needs.targets.iter().cloned().zip(digests.targets.iter().copied()));
                let dead = needs
                    .dead_ids()
                    .map(|(source, id)| TombstoneRecord { source: source.clone(), id: id.clone() });
                all.tombstones.extend(dead.zip(digests.tombstones.iter().copied()));
                all.aggregates
                    .extend(needs.aggregates.iter().cloned().zip(digests.aggregates.iter().copied()));
            }
            // Operations of one batch mostly name the same round.
            let mut seen = std::collections::HashSet::new();
            all.aggregates.retain(|(_, digest)| seen.insert(*digest));
            Some(Box::new(all))
        }
        Ask::Outcome { key, digest, .. } => {
            Some(Box::new(Needs { keys: vec![(key.clone(), *digest)], ..Needs::default() }))
        }
        Ask::Read(_) => None,
    }
}
