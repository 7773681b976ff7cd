//! What must be true of a simulation when it is over. The oracle knows three kinds of attempts: told what they came to, told
//! that nothing was recorded, and unknown. The log decides about the last kind, and it must explain all the others.
//!
//! - What was told as done is in the log, where it was said to be, and was durable when it was told.
//! - Of what was told as not recorded nothing is in the log.
//! - No attempt has two commits, no key is used twice, and each commit is from a time at which its sender waited for it or
//!   did not know.
//! - The second reading of the rules ([`Model`]), told the log's commands in the log's order, comes to the same outcomes,
//!   balances and accounts.
//! - An answer that appends nothing (a refusal, a replay, a reading, an outcome) is true of a durable state between question
//!   and answer.
//! - The chain, the entries, the snapshots: `verify`.

use std::collections::BTreeMap;
use std::sync::Arc;

use casino_ledger::core::stored::{CommitBody, PurseBalance};
use casino_ledger::core::testing::{Model, invariants};
use casino_ledger::core::{
    Account, AccountKind, IdempotencyKey, Partition, PlayerCommand, PlayerId, PlayerState, Policy,
};
use casino_ledger::store::{EventStore, Position, READ_COMMITS_MAX, Shard, StoredCommit};
use casino_ledger::{ExecuteError, Outcome, PlayerReading, Receipt, RecordedOutcome, Refusal, verify};

use crate::host::{Answer, Attempt, Moment, Question, World, currencies, player, trace_of};
use crate::wire::{NOT_DURABLE, at_once};

/// The longest that anything may wait, as a multiple of the engine's limits of one write and one load: who loses races
/// against other processes waits for several of each.
const WAIT_MAX: u64 = 40;

/// A player right after one of his commits.
struct Stage {
    position: Position,
    model: Model,
    state: PlayerState,
}

/// What the log says of a player.
struct Life {
    shard: Shard,
    /// The first stage is before the first commit.
    stages: Vec<Stage>,
    commits: Vec<Recorded>,
}

/// A commit, and what the model says to its command.
struct Recorded {
    stored: StoredCommit,
    body: CommitBody,
    attempt: usize,
    text: String,
}

/// The words of the model for an answer.
fn words(answer: &Result<Receipt, ExecuteError>) -> String {
    let again = |replayed: bool| if replayed { "replayed:" } else { "" };
    match answer {
        Ok(receipt) => {
            let outcome = match receipt.outcome {
                Outcome::Applied => "applied",
                Outcome::Noop => "noop",
                Outcome::Tombstoned => "tombstoned",
                other => return format!("{other:?}"),
            };
            format!("{}{outcome}", again(receipt.replayed))
        }
        Err(ExecuteError::Rejected(refusal)) => {
            let how = if refusal.recorded.is_some() { "rejected" } else { "refused" };
            format!("{}{how}:{}", again(refusal.replayed), refusal.rejection.code())
        }
        Err(error) => format!("failure:{error:?}"),
    }
}

/// The text of an account, as the model names it.
fn account_text(account: &Account) -> String {
    let mut text = account.code.to_string();
    if let Some(of) = &account.of {
        text.push_str(" of ");
        text.push_str(of.as_str());
    }
    if account.currency.as_str() != "EUR" {
        text.push_str(" in ");
        text.push_str(account.currency.as_str());
    }
    if account.kind == AccountKind::Test {
        text.push_str(" test");
    }
    text
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Life {
    fn commit_at(&self, position: Position) -> Option<(usize, &Recorded)> {
        self.commits.iter().enumerate().find(|(_, commit)| commit.stored.position == position)
    }

    /// The player as he was at a position of his shard.
    fn stage_at(&self, position: Position) -> &Stage {
        let until = self.stages.iter().rev().find(|stage| stage.position <= position);
        until.unwrap_or(&self.stages[0])
    }

    /// Everything he was between two moments.
    fn between(&self, asked: &Moment, answered: &Moment) -> impl Iterator<Item = &Stage> {
        let (from, to) =
            (asked.heads[self.shard.index()].position, answered.heads[self.shard.index()].position);
        let first = self.stage_at(from).position;
        self.stages.iter().filter(move |stage| stage.position >= first && stage.position <= to)
    }
}

fn have(state: &PlayerState, balances: &[PurseBalance]) -> bool {
    balances.iter().all(|balance| state.balance(balance.currency).as_ref() == Some(balance))
}

fn trace_number(body: &CommitBody) -> Option<usize> {
    body.trace.as_ref()?.as_str().strip_prefix("attempt-")?.parse().ok()
}

fn command_of(attempt: &Attempt) -> Option<&PlayerCommand> {
    match &attempt.question {
        Question::Execute(command) => Some(command),
        _ => None,
    }
}

/// Reads a player's life from the log, with the model beside it.
fn life(world: &World, attempts: &[Attempt], id: &PlayerId) -> Result<Life, String> {
    let partition = Partition::Player(id.clone()).digest();
    let store = &world.wire.backing;
    let shard = store.identity().shards.shard_of(&partition);
    let read = at_once(store.read_partition(&partition, Position::ZERO, READ_COMMITS_MAX));
    let read = read.map_err(|error| error.to_string())?;
    let mut model = Model::new(id.as_str(), Policy::default(), currencies());
    let mut state = PlayerState::new(id.clone());
    let mut stages = vec![Stage { position: Position::ZERO, model: model.clone(), state: state.clone() }];
    let mut commits = Vec::new();
    for stored in read {
        let at = format!("{id} at {shard}@{}", stored.position);
        let body = CommitBody::decode(&stored.body).map_err(|error| format!("{at}: {error}"))?;
        let number = trace_number(&body).ok_or_else(|| format!("{at}: nobody's commit"))?;
        let attempt = attempts.get(number).ok_or_else(|| format!("{at}: nobody's commit"))?;
        let command =
            command_of(attempt).ok_or_else(|| format!("{at}: {} was a question", trace_of(number)))?;
        ensure(attempt.player == *id, || format!("{at}: {} is of {}", trace_of(number), attempt.player))?;
        model.set_now(body.recorded_at);
        let text = model.execute(command);
        ensure(!text.starts_with("replayed") && !text.starts_with("refused"), || {
            format!("{at}: the log has {} of {command:?}, the model says {text}", trace_of(number))
        })?;
        state.evolve_commit(&body).map_err(|fault| format!("{at}: {fault}"))?;
        stages.push(Stage { position: stored.position, model: model.clone(), state: state.clone() });
        commits.push(Recorded { stored, body, attempt: number, text });
    }
    let bodies: Vec<CommitBody> = commits.iter().map(|commit| commit.body.clone()).collect();
    invariants::check_all(id, &bodies, &state)?;
    let accounts = invariants::balances(&invariants::journal(&bodies)).map_err(|error| error.to_string())?;
    let accounts: BTreeMap<String, String> = accounts
        .iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(account, amount)| (account_text(account), amount.to_string()))
        .collect();
    ensure(accounts == model.account_texts(), || {
        format!("{id}: the log has {accounts:?}, the model {:?}", model.account_texts())
    })?;
    Ok(Life { shard, stages, commits })
}

struct Oracle<'a> {
    world: &'a World,
    life: &'a Life,
    attempt: usize,
    asked: &'a Moment,
    answered: &'a Moment,
    player: &'a PlayerId,
}

impl Oracle<'_> {
    fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}: {what}", trace_of(self.attempt))
    }

    fn ensure(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
        ensure(holds, || self.wrong(what()))
    }

    /// The commit that an answer names, which must have been durable when it was given.
    fn named(&self, position: Position) -> Result<(usize, &Recorded), String> {
        let found = self.life.commit_at(position);
        let (index, commit) =
            found.ok_or_else(|| self.wrong(format!("told of position {position}, which the log has not")))?;
        let landed = self.world.wire.landed(self.life.shard, position);
        self.ensure(landed.is_some_and(|landed| landed < self.answered.tick), || {
            format!("told of position {position} before it was durable")
        })?;
        Ok((index, commit))
    }

    fn known_by(&self, commit: &Recorded, key: &IdempotencyKey) -> Result<(), String> {
        let is_there = commit.body.keys.iter().any(|record| record.key() == *key);
        self.ensure(is_there, || format!("position {} has not its key", commit.stored.position))
    }

    /// What was told as recorded by this very attempt.
    fn recorded(&self, position: Position, told: &str) -> Result<&Recorded, String> {
        let (_, commit) = self.named(position)?;
        self.ensure(commit.attempt == self.attempt, || {
            format!("told of position {position}, which is of {}", trace_of(commit.attempt))
        })?;
        self.ensure(commit.text == told, || format!("told {told}, the model says {}", commit.text))?;
        Ok(commit)
    }

    fn receipt(&self, command: &PlayerCommand, receipt: &Receipt) -> Result<(), String> {
        let told = words(&Ok(receipt.clone()));
        let commit = if receipt.replayed {
            let (_, commit) = self.named(receipt.position)?;
            self.known_by(commit, &self.key(command)?)?;
            self.true_meanwhile(command, &told, &receipt.current)?;
            commit
        } else {
            self.recorded(receipt.position, &told)?
        };
        self.ensure(commit.stored.hash == receipt.hash, || "told another hash than the log has".to_owned())?;
        let then = &self.life.stage_at(receipt.position).state;
        self.ensure(have(then, &receipt.balances), || {
            format!("told {:?}, the log has {:?}", receipt.balances, then.balances())
        })
    }

    fn refusal(&self, command: &PlayerCommand, refusal: &Refusal) -> Result<(), String> {
        let told = words(&Err(ExecuteError::Rejected(Box::new(refusal.clone()))));
        match refusal.recorded {
            None => self.true_meanwhile(command, &told, &refusal.balances),
            Some((_, position)) if refusal.replayed => {
                let (_, commit) = self.named(position)?;
                self.known_by(commit, &self.key(command)?)?;
                self.true_meanwhile(command, &told, &refusal.balances)
            }
            Some((_, position)) => {
                self.recorded(position, &told)?;
                let then = &self.life.stage_at(position).state;
                self.ensure(have(then, &refusal.balances), || {
                    format!("told {:?}, the log has {:?}", refusal.balances, then.balances())
                })
            }
        }
    }

    /// An answer that appended nothing is what a durable state between question and answer would say.
    fn true_meanwhile(
        &self,
        command: &PlayerCommand,
        told: &str,
        balances: &[PurseBalance],
    ) -> Result<(), String> {
        let says = |stage: &Stage| stage.model.clone().execute(command);
        let explains = |stage: &Stage| have(&stage.state, balances) && says(stage) == told;
        let explained = self.life.between(self.asked, self.answered).any(explains);
        self.ensure(explained, || {
            let could: Vec<_> = self
                .life
                .between(self.asked, self.answered)
                .map(|stage| {
                    format!("at {} {} with {:?}", stage.position, says(stage), stage.state.balances())
                })
                .collect();
            format!("told {told} with {balances:?}, true would have been: {}", could.join("; "))
        })
    }

    /// A position that an answer says it is true at.
    fn within(&self, position: Position) -> Result<(), String> {
        let at = self.life.shard.index();
        let (from, to) = (self.asked.heads[at].position, self.answered.heads[at].position);
        self.ensure(position >= from && position <= to, || {
            format!("told what is true at {position}; durable were {from} when it was asked and {to} when it was told")
        })
    }

    fn reading(&self, reading: &PlayerReading) -> Result<(), String> {
        self.within(reading.position)?;
        let head = at_once(self.world.wire.backing.read(self.life.shard, reading.position, 1));
        let hash = match head.map_err(|error| error.to_string())?.first() {
            Some(commit) if commit.position == reading.position => commit.hash,
            _ => crate::wire::beginning(&self.world.wire, self.life.shard).hash,
        };
        self.ensure(hash == reading.hash, || {
            format!("read with another hash than {} has", reading.position)
        })?;
        let then = &self.life.stage_at(reading.position).state;
        self.ensure(reading.state == *then, || {
            format!("read {:?}, the log has {:?}", reading.balances(), then.balances())
        })
    }

    fn outcome(&self, command: &PlayerCommand, outcome: &RecordedOutcome) -> Result<(), String> {
        let key = self.key(command)?;
        let has_it = |commit: &&Recorded| commit.body.keys.iter().any(|record| record.key() == key);
        let known = self.life.commits.iter().find(has_it);
        let same = |shard: Shard, position: Position| {
            shard == self.life.shard && known.is_some_and(|known| known.stored.position == position)
        };
        match outcome {
            RecordedOutcome::Absent { position, .. } => {
                self.within(*position)?;
                let is_absent = known.is_none_or(|known| known.stored.position > *position);
                self.ensure(is_absent, || format!("told that {key} is absent at {position}"))
            }
            RecordedOutcome::Accepted(receipt) => {
                self.named(receipt.position)?;
                self.ensure(same(receipt.shard, receipt.position), || {
                    format!("told of another commit of {key}")
                })?;
                let then = &self.life.stage_at(receipt.position).state;
                self.ensure(have(then, &receipt.balances), || format!("told {:?}", receipt.balances))?;
                let mut between = self.life.between(self.asked, self.answered);
                let is_true = between.any(|stage| have(&stage.state, &receipt.current));
                self.ensure(is_true, || format!("told {:?} as current", receipt.current))
            }
            RecordedOutcome::Refused(refusal) => {
                let Some((shard, position)) = refusal.recorded else {
                    return Err(self.wrong("told of a refusal that is recorded nowhere"));
                };
                self.named(position)?;
                self.ensure(same(shard, position), || format!("told of another commit of {key}"))
            }
            other => Err(self.wrong(format!("told {other:?}"))),
        }
    }

    fn key(&self, command: &PlayerCommand) -> Result<IdempotencyKey, String> {
        command.key(self.player, &Policy::default()).map_err(|error| self.wrong(error))
    }

    /// The commit of this attempt, if it has one, must have its reason.
    fn of_attempt(&self, answer: &Answer) -> Result<(), String> {
        let mut own = self.life.commits.iter().filter(|commit| commit.attempt == self.attempt);
        let (first, second) = (own.next(), own.next());
        self.ensure(second.is_none(), || "it was recorded twice".to_owned())?;
        let Some(commit) = first else { return Ok(()) };
        let landed = self.world.wire.landed(self.life.shard, commit.stored.position).unwrap_or(0);
        self.ensure(landed > self.asked.tick, || "it was recorded before it was asked for".to_owned())?;
        let position = commit.stored.position;
        let may = match answer {
            Answer::Lost => true,
            Answer::Executed(answer) => match answer.as_ref() {
                Ok(receipt) => receipt.position == position && !receipt.replayed,
                Err(ExecuteError::Rejected(refusal)) => {
                    refusal.recorded.is_some_and(|(_, recorded)| recorded == position)
                }
                Err(ExecuteError::Indeterminate { .. }) => true,
                Err(_) => false,
            },
            _ => false,
        };
        self.ensure(may, || format!("it is recorded at {position}, and was told otherwise"))
    }

    fn check(&self, attempt: &Attempt, answer: &Answer) -> Result<(), String> {
        let waited = self.answered.micros - self.asked.micros;
        let limits = self.world.plan.write_timeout + self.world.plan.load_timeout;
        self.ensure(waited <= WAIT_MAX * limits, || format!("it waited for {waited} microseconds"))?;
        self.of_attempt(answer)?;
        match (&attempt.question, answer) {
            (_, Answer::Lost) => Ok(()),
            (Question::Execute(command), Answer::Executed(answer)) => match answer.as_ref() {
                Ok(receipt) => self.receipt(command, receipt),
                Err(ExecuteError::Rejected(refusal)) => self.refusal(command, refusal),
                Err(ExecuteError::Indeterminate { key }) => {
                    let own = self.key(command)?;
                    self.ensure(*key == own, || format!("told to ask for {key}"))
                }
                Err(error) => self.failure(error),
            },
            (Question::Read, Answer::Read(answer)) => match answer.as_ref() {
                Ok(reading) => self.reading(reading),
                Err(error) => self.failure(error),
            },
            (Question::Outcome(command), Answer::Outcome(answer)) => match answer.as_ref() {
                Ok(outcome) => self.outcome(command, outcome),
                Err(error) => self.failure(error),
            },
            _ => Err(self.wrong("told something else")),
        }
    }

    /// Failures that these days explain. A store that loses history, a bug and a suspect clock are none of them.
    fn failure(&self, error: &ExecuteError) -> Result<(), String> {
        let is_explained = match error {
            ExecuteError::Overloaded { .. } | ExecuteError::Unavailable { .. } | ExecuteError::Closed => true,
            ExecuteError::Store(error) => {
                matches!(error, casino_ledger::store::StoreError::Unavailable { .. })
            }
            _ => false,
        };
        self.ensure(is_explained, || format!("nothing that happened explains: {error:?}"))
    }
}

/// Judges what became of a simulation.
pub(crate) fn judge(world: &World) -> Result<(), String> {
    if let Some(line) = world.sim.trace().iter().find(|line| line.contains(NOT_DURABLE)) {
        return Err(line.clone());
    }
    let attempts = world.attempts.borrow();
    let lives: Result<BTreeMap<PlayerId, Life>, String> = (0..world.plan.players)
        .map(|number| Ok((player(number), life(world, &attempts, &player(number))?)))
        .collect();
    let lives = lives?;
    for (number, attempt) in attempts.iter().enumerate() {
        let Some((answered, answer)) = &attempt.answered else {
            return Err(format!("{} has no answer", trace_of(number)));
        };
        let life = lives.get(&attempt.player).ok_or("an unknown player")?;
        let oracle =
            Oracle { world, life, attempt: number, asked: &attempt.asked, answered, player: &attempt.player };
        oracle.check(attempt, answer)?;
    }
    let commits: usize = lives.values().map(|life| life.commits.len()).sum();
    verified(world, commits)
}

fn verified(world: &World, of_players: usize) -> Result<(), String> {
    let store: Arc<dyn EventStore> = Arc::clone(&world.wire.backing) as _;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let verification = runtime.block_on(verify(store.as_ref())).map_err(|error| error.to_string())?;
    let of_players = u64::try_from(of_players).map_err(|error| error.to_string())?;
    // Beside those of players there is one commit for each currency.
    let of_house = verification.commits - of_players;
    ensure(of_house <= 2, || format!("{of_house} commits of the house"))
}
