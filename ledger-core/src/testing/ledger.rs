//! The naive reference engine of one player.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::Account;
use crate::host::PreCheck;
use crate::house::RegisterCurrency;
use crate::ids::{ActorId, PlayerId, RoundId, SourceId, TraceId};
use crate::key::{ContentHash, IdempotencyKey};
use crate::money::{Amount, Currency, CurrencyRegistry};
use crate::partition::Stream;
use crate::player_ledger::{
    AggregateRef, Context, Decision, Draft, Facts, FactsNeeded, Fault, Found, KnownBatch, KnownOperation,
    PlayerCommand, PlayerLedger, PlayerState, RoundRef,
};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{
    CommitBody, CommitIndex, EventRecord, OutcomeKind, PurseBalance, Round, TombstoneRecord,
};
use crate::testing::house::TestHouse;
use crate::testing::invariants;
use crate::time::Timestamp;

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestOutcome {
    /// It had its effect.
    Applied,
    /// It was accepted; no money moved.
    Noop,
    /// It undid something never seen; that is remembered.
    Tombstoned,
    /// Its key was known with the same payload; this was the first outcome.
    Replayed(Box<TestOutcome>),
    /// It was refused, and the refusal recorded.
    Rejected(Rejection),
    /// It was refused, and nothing was recorded.
    Refused(Rejection),
}

impl TestOutcome {
    /// A short text: `applied`, `replayed:applied`, `rejected:bet_not_found` ... The form in which outcomes
    /// of different engines are compared.
    pub fn text(&self) -> String {
        match self {
            Self::Applied => "applied".to_owned(),
            Self::Noop => "noop".to_owned(),
            Self::Tombstoned => "tombstoned".to_owned(),
            Self::Replayed(original) => format!("replayed:{}", original.text()),
            Self::Rejected(rejection) => format!("rejected:{}", rejection.code()),
            Self::Refused(rejection) => format!("refused:{}", rejection.code()),
        }
    }

    /// Of two replayed operations of one batch, as the first answer had it: applied if either was, a noop if both were.
    fn and(self, other: Self) -> Self {
        let is = |one: &Self, what: &Self| matches!(one, Self::Replayed(original) if **original == *what);
        let takes_other = is(&self, &Self::Noop) || is(&other, &Self::Applied);
        if takes_other && !is(&self, &Self::Applied) { other } else { self }
    }
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestAnswer {
    /// What it came to.
    pub outcome: TestOutcome,
    /// The balances after the operation; of a replay, those after the original.
    pub balances: Vec<PurseBalance>,
    /// All balances now.
    pub current: Vec<PurseBalance>,
    /// The entry it posted, if it did; of a batch the last.
    pub entry: Option<u64>,
    /// What each operation of a batch came to.
    pub operations: Vec<(IdempotencyKey, TestOutcome)>,
}

impl TestAnswer {
    pub(super) fn of(outcome: TestOutcome) -> Self {
        Self { outcome, balances: Vec::new(), current: Vec::new(), entry: None, operations: Vec::new() }
    }
}

/// The naive reference engine of one player: every commit is encoded and decoded again, facts are found
/// by scanning all commits, the clock is set by hand.
///
/// Any other engine must give the same answers and, with the same context, the same commits.
#[derive(Debug, Clone)]
pub struct TestLedger {
    state: PlayerState,
    policy: Policy,
    now: Timestamp,
    context: Context,
    commits: Vec<CommitBody>,
    register: TestHouse,
    checks: Vec<Arc<dyn PreCheck>>,
}

/// The build that test commits name.
pub(super) const ENGINE: &str = "ledger-core testing";

impl TestLedger {
    /// A ledger whose player has not been opened. The clock stands at 2026-01-01.
    pub fn new(player: PlayerId, policy: Policy) -> Self {
        Self {
            state: PlayerState::new(player),
            policy,
            now: "2026-01-01T00:00:00Z".parse().expect("an instant"),
            context: Context::of(ActorId::new("test").expect("an id")),
            commits: Vec::new(),
            register: TestHouse::new("currencies"),
            checks: Vec::new(),
        }
    }

    /// The player's live state.
    pub fn state(&self) -> &PlayerState {
        &self.state
    }

    /// The player's commits, oldest first.
    pub fn commits(&self) -> &[CommitBody] {
        &self.commits
    }

    /// The commits of the register of currencies.
    pub fn register_commits(&self) -> &[CommitBody] {
        self.register.commits()
    }

    /// The currencies it has recorded.
    pub fn currencies(&self) -> &CurrencyRegistry {
        self.register.state().currencies()
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves the clock on.
    pub fn advance_secs(&mut self, secs: u32) {
        let micros = self.now.as_micros() + i64::from(secs) * 1_000_000;
        self.now = Timestamp::from_micros(micros).expect("an instant");
    }

    /// The trace id that the next commits carry.
    pub fn set_trace(&mut self, trace: Option<TraceId>) {
        self.context.trace = trace;
    }

    /// Checks of the host from here on.
    pub fn set_checks(&mut self, checks: Vec<Arc<dyn PreCheck>>) {
        self.checks = checks;
    }

    /// Another policy from here on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Records a currency.
    ///
    /// # Errors
    ///
    /// The refusal if it is recorded otherwise.
    pub fn register(&mut self, currency: Currency) -> Result<(), Rejection> {
        self.register.follow(self.now, &self.context, &self.policy);
        let answer = self.register.execute(&RegisterCurrency { currency }.into()).expect("no fault");
        match answer.outcome {
            TestOutcome::Rejected(rejection) | TestOutcome::Refused(rejection) => Err(rejection),
            _ => Ok(()),
        }
    }

    fn policy_hash(&self) -> ContentHash {
        self.policy.content_hash().expect("a policy has a hash")
    }

    /// What the log says of a key.
    pub fn outcome(&self, key: &IdempotencyKey) -> Option<KnownOperation> {
        known_in(&self.commits, key)
    }

    /// A round, folded from its stream, whatever its state.
    pub fn round(&self, round: &RoundRef) -> Option<Round> {
        let events = self.stream(&AggregateRef::from(round.clone()).stream(self.state.player()));
        let events = events.iter().map(|(record, at)| (record, *at));
        Round::fold(&round.source, &round.round, events).expect("the stream of a round folds")
    }

    /// [`Self::round`] by texts.
    pub fn round_of(&self, source: &str, round: &str) -> Option<Round> {
        self.round(&RoundRef {
            source: SourceId::new(source).expect("an id"),
            round: RoundId::new(round).expect("an id"),
        })
    }

    /// All events of the player, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &EventRecord> {
        self.commits.iter().flat_map(|body| &body.events)
    }

    /// Decides a command without appending.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide(&self, command: &PlayerCommand) -> Result<Decision, Fault> {
        let needed = self.needed(command)?;
        let found = self.find(&needed)?;
        self.decide_on(command, &needed, &found)
    }

    /// [`Self::decide`] as an engine does it that fetches nothing that is live. It must come to the same.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide_lazily(&self, command: &PlayerCommand) -> Result<Decision, Fault> {
        let mut needed = self.needed(command)?;
        let commands = command.operations();
        // Earlier commands of a batch may end what is live now, so its targets are always looked for.
        let single = needed.batch.is_empty();
        let leave_out = |needs: &mut FactsNeeded, command: &PlayerCommand| {
            if single && self.state.has_live_target(command) {
                needs.targets.clear();
            }
            needs.aggregates.retain(|aggregate| !self.state.is_live(aggregate));
        };
        if needed.batch.is_empty() {
            leave_out(&mut needed, command);
        } else {
            needed.batch.iter_mut().zip(commands).for_each(|(needs, command)| leave_out(needs, command));
        }
        let found = self.find(&needed)?;
        self.decide_on(command, &needed, &found)
    }

    fn find(&self, needed: &FactsNeeded) -> Result<Found, Fault> {
        find_facts(self.state.player(), needed, &self.commits)
    }

    /// The events of a stream, oldest first, with the instants of their commits.
    pub fn stream(&self, stream: &Stream) -> Vec<(EventRecord, Timestamp)> {
        stream_of(&self.commits, stream)
    }

    fn decide_on(
        &self,
        command: &PlayerCommand,
        needed: &FactsNeeded,
        found: &Found,
    ) -> Result<Decision, Fault> {
        let facts = Facts { checks: &self.checks, ..Facts::new(found, self.currencies(), &self.policy) };
        PlayerLedger::decide_prepared(&self.state, command, needed, &facts, self.now)
    }

    fn needed(&self, command: &PlayerCommand) -> Result<FactsNeeded, Fault> {
        FactsNeeded::of(command, self.state.player(), &self.policy)
            .map_err(|error| Fault::corrupted(error.to_string()))
    }

    /// Decides a command and appends what it came to.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself: always a bug.
    pub fn execute(&mut self, command: &PlayerCommand) -> Result<TestAnswer, Fault> {
        let answer = match self.decide(command)? {
            Decision::Commit(draft) => self.append(draft)?,
            Decision::Refuse(rejection) => TestAnswer::of(TestOutcome::Refused(rejection)),
            Decision::Replay => {
                let needed = self.needed(command)?;
                let found = self.find(&needed)?;
                let known = needed.known(&found).ok_or_else(|| Fault::corrupted("a replay of nothing"))?;
                match known {
                    KnownBatch::Refused(known) => replayed(known),
                    KnownBatch::Accepted(all) => {
                        let mut answers = all.into_iter().map(replayed);
                        let first = answers.next().ok_or_else(|| Fault::corrupted("a replay of nothing"))?;
                        answers.fold(first, |whole, part| TestAnswer {
                            outcome: whole.outcome.and(part.outcome),
                            balances: part.balances,
                            entry: part.entry.or(whole.entry),
                            operations: whole.operations.into_iter().chain(part.operations).collect(),
                            ..whole
                        })
                    }
                }
            }
        };
        Ok(TestAnswer { current: self.state.balances(), ..answer })
    }

    fn append(&mut self, draft: Draft) -> Result<TestAnswer, Fault> {
        let operations = draft.operations.iter().map(|operation| {
            let outcome = outcome_of(operation.outcome, None);
            let outcome = if operation.replayed { TestOutcome::Replayed(Box::new(outcome)) } else { outcome };
            (operation.key.clone(), outcome)
        });
        let answer = TestAnswer {
            outcome: outcome_of(draft.outcome, draft.rejection.clone()),
            balances: draft.balances(),
            current: Vec::new(),
            entry: draft.entry,
            operations: operations.collect(),
        };
        let shown: Vec<_> = draft.operations.iter().map(|o| (o.key.clone(), o.balances.clone())).collect();
        // The envelope names the state after the draft, so the events are folded before the body exists.
        let mut state = self.state.clone();
        draft.events.iter().try_for_each(|record| state.evolve(record, self.now))?;
        let body = draft.into_body(&state, self.context.clone(), self.policy_hash(), ENGINE, self.now);
        let body = stored(&body);
        self.state.evolve_commit(&body)?;
        for (key, balances) in shown {
            if let Some(known) = KnownOperation::find(&body, &key) {
                assert_eq!(known.balances, balances, "what a replay will show of {key}");
            }
        }
        self.commits.push(body);
        Ok(answer)
    }

    /// Every account that any entry touched, with its balance on its normal side, computed from entries only.
    pub fn accounts(&self) -> BTreeMap<Account, Amount> {
        invariants::balances(&invariants::journal(&self.commits)).expect("sums of stored entries")
    }

    /// [`Self::accounts`] by text: `player:held of prov/R`, with ` in USD` unless the currency is EUR and
    /// ` test` for accounts of a test player. Accounts at zero are left out.
    pub fn account_texts(&self) -> BTreeMap<String, String> {
        let accounts = self.accounts();
        let shown = accounts.iter().filter(|(_, amount)| !amount.is_zero());
        shown.map(|(account, amount)| (account_text(account), amount.to_string())).collect()
    }

    /// The state that all commits fold to.
    ///
    /// # Errors
    ///
    /// [`Fault`] if they do not fold.
    pub fn replay(&self) -> Result<PlayerState, Fault> {
        invariants::replay(self.state.player(), &self.commits)
    }

    /// Checks all invariants of the log, and that replay and snapshot lead to the live state.
    ///
    /// # Errors
    ///
    /// The first violation, in words.
    pub fn check(&self) -> Result<(), String> {
        invariants::check_all(self.state.player(), &self.commits, &self.state)?;
        let snapshot = self.state.to_snapshot().map_err(|error| error.to_string())?;
        let read = PlayerState::from_snapshot(&snapshot).map_err(|error| error.to_string())?;
        if read == self.state { Ok(()) } else { Err("a snapshot does not read back".to_owned()) }
    }
}

pub(super) fn known_in(commits: &[CommitBody], key: &IdempotencyKey) -> Option<KnownOperation> {
    commits.iter().find_map(|body| KnownOperation::find(body, key))
}

pub(super) fn stream_of(commits: &[CommitBody], stream: &Stream) -> Vec<(EventRecord, Timestamp)> {
    let of = |body: &CommitBody| {
        let own = body.events.iter().filter(|record| record.stream == *stream);
        own.map(|record| (record.clone(), body.recorded_at)).collect::<Vec<_>>()
    };
    commits.iter().flat_map(of).collect()
}

/// What the commits of a player have of what a command needs, found by looking at each of them.
///
/// # Errors
///
/// [`Fault`] if a stream does not fold.
pub fn find_facts(player: &PlayerId, needed: &FactsNeeded, commits: &[CommitBody]) -> Result<Found, Fault> {
    let mut found = Found::default();
    let mut aggregates = Vec::new();
    for needs in needed.operations() {
        for key in std::iter::once(&needs.key).chain(&needs.targets) {
            if let Some(known) = known_in(commits, key) {
                aggregates.extend(known.subject.aggregate());
                found.add_operation(known);
            }
        }
        let own = TombstoneRecord { source: needs.key.source.clone(), id: needs.key.id.clone() };
        for dead in needs.tombstones.iter().cloned().chain([own]) {
            if commits.iter().any(|body| body.tombstones.contains(&dead)) {
                found.add_tombstone(dead);
            }
        }
        aggregates.extend(needs.aggregates.iter().cloned());
    }
    aggregates.sort_unstable();
    aggregates.dedup();
    for aggregate in aggregates {
        found.add_stream(&aggregate, &stream_of(commits, &aggregate.stream(player)))?;
    }
    Ok(found)
}

/// The text of an account, as scenarios name it.
pub(super) fn account_text(account: &Account) -> String {
    let mut text = account.code.to_string();
    if let Some(of) = &account.of {
        text.push_str(" of ");
        text.push_str(of.as_str());
    }
    if account.currency.as_str() != "EUR" {
        text.push_str(" in ");
        text.push_str(account.currency.as_str());
    }
    if account.kind == crate::account::AccountKind::Test {
        text.push_str(" test");
    }
    text
}

/// The answer to a known operation.
pub(super) fn replayed(known: &KnownOperation) -> TestAnswer {
    let original = outcome_of(known.record.outcome, known.rejection.clone());
    let outcome = TestOutcome::Replayed(Box::new(original));
    TestAnswer {
        operations: vec![(known.record.key(), outcome.clone())],
        balances: known.balances.clone(),
        entry: known.entry,
        ..TestAnswer::of(outcome)
    }
}

pub(super) fn outcome_of(kind: OutcomeKind, rejection: Option<Rejection>) -> TestOutcome {
    match (kind, rejection) {
        (OutcomeKind::Applied, None) => TestOutcome::Applied,
        (OutcomeKind::Noop, None) => TestOutcome::Noop,
        (OutcomeKind::Tombstoned, None) => TestOutcome::Tombstoned,
        (OutcomeKind::Rejected, Some(rejection)) => TestOutcome::Rejected(rejection),
        (kind, rejection) => panic!("outcome {kind:?} with the refusal {rejection:?}"),
    }
}

/// What reading the stored bytes of a commit gives. Its index must be the same from both forms.
pub(super) fn stored(body: &CommitBody) -> CommitBody {
    let mut bytes = Vec::new();
    body.encode(&mut bytes).expect("a commit is within its limits");
    let read = CommitBody::decode(&bytes).expect("a commit reads back");
    assert_eq!(read, *body, "a commit reads back as it was written");
    let index = CommitIndex::of_body(&bytes).expect("a commit has an index");
    assert_eq!(index, CommitIndex::of(body, body.partition.digest()), "the index of bytes and body");
    read
}

/// Whether a stream is a round's.
pub(super) fn round_of_stream(stream: &Stream) -> Option<(&SourceId, &RoundId)> {
    match stream {
        Stream::Round(_, source, round) => Some((source, round)),
        _ => None,
    }
}
