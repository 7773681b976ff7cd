//! The naive reference engine of one player.

use std::collections::BTreeMap;

use crate::account::Account;
use crate::house::{CurrencyRegister, RegisterCurrency, register_partition};
use crate::ids::{ActorId, PlayerId, RoundId, SourceId, TraceId, TransactionId};
use crate::key::{ContentHash, IdempotencyKey};
use crate::money::{Amount, Currency};
use crate::partition::Stream;
use crate::player_ledger::{
    Context, Decision, Draft, Facts, FactsNeeded, Fault, KnownOperation, PlayerCommand, PlayerLedger,
    PlayerState, RollbackKind, RoundRef, Subject,
};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{CommitBody, CommitIndex, EventRecord, OutcomeKind, PurseBalance, Round};
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
    /// The entry it posted, if it did.
    pub entry: Option<u64>,
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
    register: CurrencyRegister,
    register_commits: Vec<CommitBody>,
}

/// The build that test commits name.
const ENGINE: &str = "ledger-core testing";

impl TestLedger {
    /// A ledger whose player has not been opened. The clock stands at 2026-01-01.
    pub fn new(player: PlayerId, policy: Policy) -> Self {
        Self {
            state: PlayerState::new(player),
            policy,
            now: "2026-01-01T00:00:00Z".parse().expect("an instant"),
            context: Context::of(ActorId::new("test").expect("an id")),
            commits: Vec::new(),
            register: CurrencyRegister::default(),
            register_commits: Vec::new(),
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
        &self.register_commits
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
        let decision = self.register.decide(&RegisterCurrency { currency }).expect("no fault");
        match decision {
            Decision::Commit(draft) => {
                let body = draft.into_house_body(
                    register_partition().expect("a partition"),
                    self.context.clone(),
                    self.policy_hash(),
                    ENGINE,
                    self.now,
                );
                let body = stored(&body);
                self.register.evolve_commit(&body).expect("the register folds its own commits");
                self.register_commits.push(body);
                Ok(())
            }
            Decision::Replay => Ok(()),
            Decision::Refuse(rejection) => Err(rejection),
        }
    }

    fn policy_hash(&self) -> ContentHash {
        self.policy.content_hash().expect("a policy has a hash")
    }

    /// What the log says of a key.
    pub fn outcome(&self, key: &IdempotencyKey) -> Option<KnownOperation> {
        self.commits.iter().find_map(|body| KnownOperation::find(body, key))
    }

    /// Whether an id of a source is dead.
    pub fn is_tombstoned(&self, source: &SourceId, id: &TransactionId) -> bool {
        let mut all = self.commits.iter().flat_map(|body| &body.tombstones);
        all.any(|tombstone| tombstone.source == *source && tombstone.id == *id)
    }

    /// A round, folded from its stream, whatever its state.
    pub fn round(&self, round: &RoundRef) -> Option<Round> {
        let stream = FactsNeeded::round_stream(self.state.player(), round);
        let events = self.events().filter(|record| record.stream == stream);
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

    /// The first target that was not refused: a refused bet was never placed, and must not hide a win.
    fn target(&self, needed: &FactsNeeded) -> Option<KnownOperation> {
        needed.targets.iter().filter_map(|key| self.outcome(key)).find(|known| !known.is_rejected())
    }

    /// Decides a command without appending.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide(&self, command: &PlayerCommand) -> Result<Decision, Fault> {
        let needed = self.needed(command)?;
        let target = self.target(&needed);
        self.decide_on(command, &needed, target.as_ref())
    }

    /// [`Self::decide`] as an engine does it that looks for a target only if no live round has it. It must
    /// come to the same.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide_lazily(&self, command: &PlayerCommand) -> Result<Decision, Fault> {
        let needed = self.needed(command)?;
        let is_live = match command {
            PlayerCommand::Rollback(c) => {
                let mut own = self.state.rounds().filter(|round| round.source == c.source);
                // Without a stated kind a live win does not do: a bet in the log goes before it.
                own.any(|round| match c.kind {
                    Some(RollbackKind::Win) => round.win(&c.target).is_some(),
                    Some(RollbackKind::Bet) | None => round.bet(&c.target).is_some(),
                })
            }
            _ => false,
        };
        let target = if is_live { None } else { self.target(&needed) };
        self.decide_on(command, &needed, target.as_ref())
    }

    fn decide_on(
        &self,
        command: &PlayerCommand,
        needed: &FactsNeeded,
        target: Option<&KnownOperation>,
    ) -> Result<Decision, Fault> {
        let known = self.outcome(&needed.key);
        let subject = target.and_then(|target| match &target.subject {
            Subject::Bet(round) | Subject::Win(round) => Some(round),
            _ => None,
        });
        let round = needed.round.as_ref().or(subject).filter(|round| self.state.round(round).is_none());
        let round = round.and_then(|round| self.round(round));
        let facts = Facts {
            known: known.as_ref(),
            tombstoned: self.is_tombstoned(&needed.key.source, &needed.key.id),
            round: round.as_ref(),
            target,
            currencies: self.register.registry(),
            policy: &self.policy,
        };
        PlayerLedger::decide(&self.state, command, &facts, self.now)
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
        let (outcome, balances, entry) = match self.decide(command)? {
            Decision::Commit(draft) => self.append(draft)?,
            Decision::Refuse(rejection) => (TestOutcome::Refused(rejection), Vec::new(), None),
            Decision::Replay => {
                let known = self.outcome(&self.needed(command)?.key);
                let known = known.ok_or_else(|| Fault::corrupted("a replay of nothing"))?;
                let original = outcome_of(known.record.outcome, known.rejection);
                (TestOutcome::Replayed(Box::new(original)), known.balances, known.entry)
            }
        };
        Ok(TestAnswer { outcome, balances, current: self.state.balances(), entry })
    }

    fn append(&mut self, draft: Draft) -> Result<(TestOutcome, Vec<PurseBalance>, Option<u64>), Fault> {
        let (balances, entry) = (draft.balances(), draft.entry);
        let outcome = outcome_of(draft.outcome, draft.rejection.clone());
        // The envelope names the state after the draft, so the events are folded before the body exists.
        let mut state = self.state.clone();
        draft.events.iter().try_for_each(|record| state.evolve(record))?;
        let body = draft.into_body(&state, self.context.clone(), self.policy_hash(), ENGINE, self.now);
        let body = stored(&body);
        self.state.evolve_commit(&body)?;
        self.commits.push(body);
        Ok((outcome, balances, entry))
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

fn outcome_of(kind: OutcomeKind, rejection: Option<Rejection>) -> TestOutcome {
    match (kind, rejection) {
        (OutcomeKind::Applied, None) => TestOutcome::Applied,
        (OutcomeKind::Noop, None) => TestOutcome::Noop,
        (OutcomeKind::Tombstoned, None) => TestOutcome::Tombstoned,
        (OutcomeKind::Rejected, Some(rejection)) => TestOutcome::Rejected(rejection),
        (kind, rejection) => panic!("outcome {kind:?} with the refusal {rejection:?}"),
    }
}

/// What reading the stored bytes of a commit gives. Its index must be the same from both forms.
fn stored(body: &CommitBody) -> CommitBody {
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
