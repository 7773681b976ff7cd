//! The naive reference engine of one partition of the house, and scenarios on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::Account;
use crate::house::{DocumentCheck, HouseCommand, HouseLedger, HouseState};
use crate::ids::{ActorId, HouseId};
use crate::key::IdempotencyKey;
use crate::money::{Amount, CurrencyRegistry};
use crate::partition::Partition;
use crate::player_ledger::{
    AggregateRef, Context, Decision, Draft, Facts, FactsNeeded, Fault, Found, KnownBatch, KnownOperation,
};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{CommitBody, EventRecord, TombstoneRecord};
use crate::testing::invariants;
use crate::testing::ledger::{
    ENGINE, TestAnswer, TestOutcome, account_text, known_in, outcome_of, replayed, stored, stream_of,
};
use crate::time::Timestamp;

/// The naive reference engine of one partition of the house: every commit is encoded and decoded again, facts are
/// found by scanning all commits, the clock is set by hand.
///
/// Any other engine must give the same answers and, with the same context, the same commits.
#[derive(Debug, Clone)]
pub struct TestHouse {
    state: HouseState,
    policy: Policy,
    currencies: CurrencyRegistry,
    documents: Vec<Arc<dyn DocumentCheck>>,
    now: Timestamp,
    context: Context,
    commits: Vec<CommitBody>,
}

impl TestHouse {
    /// A partition in which nothing has happened. It knows the standard currencies; the clock stands at 2026-01-01.
    pub fn new(house: &str) -> Self {
        Self {
            state: HouseState::new(HouseId::new(house).expect("a house id")),
            policy: Policy::default(),
            currencies: CurrencyRegistry::standard(),
            documents: Vec::new(),
            now: "2026-01-01T00:00:00Z".parse().expect("an instant"),
            context: Context::of(ActorId::new("test").expect("an id")),
            commits: Vec::new(),
        }
    }

    /// Goes on with the clock, context and policy of another engine.
    pub(super) fn follow(&mut self, now: Timestamp, context: &Context, policy: &Policy) {
        (self.now, self.context, self.policy) = (now, context.clone(), policy.clone());
    }

    /// The live state.
    pub fn state(&self) -> &HouseState {
        &self.state
    }

    /// The partition's commits, oldest first.
    pub fn commits(&self) -> &[CommitBody] {
        &self.commits
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

    /// Another policy from here on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Other currencies from here on.
    pub fn set_currencies(&mut self, currencies: CurrencyRegistry) {
        self.currencies = currencies;
    }

    /// Checks of documents from here on.
    pub fn set_documents(&mut self, documents: Vec<Arc<dyn DocumentCheck>>) {
        self.documents = documents;
    }

    /// What the log says of a key.
    pub fn outcome(&self, key: &IdempotencyKey) -> Option<KnownOperation> {
        known_in(&self.commits, key)
    }

    /// All events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &EventRecord> {
        self.commits.iter().flat_map(|body| &body.events)
    }

    fn needed(&self, command: &HouseCommand) -> Result<FactsNeeded, Fault> {
        FactsNeeded::of_house(command, self.state.house())
            .map_err(|error| Fault::corrupted(error.to_string()))
    }

    /// Everything the log has of what a command needs.
    fn find(&self, needed: &FactsNeeded) -> Result<Found, Fault> {
        let mut found = Found::default();
        if let Some(known) = known_in(&self.commits, &needed.key) {
            found.add_operation(known);
        }
        let dead = TombstoneRecord { source: needed.key.source.clone(), id: needed.key.id.clone() };
        assert!(self.commits.iter().all(|body| !body.tombstones.contains(&dead)), "the house buries nothing");
        for aggregate in &needed.aggregates {
            let partition = Partition::House(self.state.house().clone());
            let stream = aggregate.stream_in(&partition).expect("a stream of this partition");
            found.add_stream(aggregate, &stream_of(&self.commits, &stream))?;
        }
        Ok(found)
    }

    fn decide_on(
        &self,
        command: &HouseCommand,
        needed: &FactsNeeded,
        found: &Found,
    ) -> Result<Decision, Fault> {
        let facts = Facts { documents: &self.documents, ..Facts::new(found, &self.currencies, &self.policy) };
        HouseLedger::decide_prepared(&self.state, command, needed, &facts, self.now)
    }

    /// Decides a command without appending.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide(&self, command: &HouseCommand) -> Result<Decision, Fault> {
        let needed = self.needed(command)?;
        self.decide_on(command, &needed, &self.find(&needed)?)
    }

    /// [`Self::decide`] as an engine does it that fetches nothing that is live. It must come to the same.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself.
    pub fn decide_lazily(&self, command: &HouseCommand) -> Result<Decision, Fault> {
        let mut needed = self.needed(command)?;
        needed.aggregates.retain(|aggregate: &mut AggregateRef| !self.state.is_live(aggregate));
        self.decide_on(command, &needed, &self.find(&needed)?)
    }

    /// Decides a command and appends what it came to.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the core contradicts itself: always a bug.
    pub fn execute(&mut self, command: &HouseCommand) -> Result<TestAnswer, Fault> {
        match self.decide(command)? {
            Decision::Commit(draft) => self.append(draft),
            Decision::Refuse(rejection) => Ok(TestAnswer::of(TestOutcome::Refused(rejection))),
            Decision::Replay => {
                let needed = self.needed(command)?;
                let found = self.find(&needed)?;
                match needed.known(&found) {
                    Some(KnownBatch::Accepted(all)) => {
                        all.first().map(|known| replayed(known)).ok_or_else(|| Fault::corrupted("of nothing"))
                    }
                    known => Err(Fault::corrupted(format!("a replay of {known:?}"))),
                }
            }
        }
    }

    fn append(&mut self, draft: Draft) -> Result<TestAnswer, Fault> {
        let answer = TestAnswer {
            entry: draft.entry,
            ..TestAnswer::of(outcome_of(draft.outcome, draft.rejection.clone()))
        };
        let body = draft.into_house_body(
            Partition::House(self.state.house().clone()),
            self.context.clone(),
            self.policy.content_hash().expect("a policy has a hash"),
            ENGINE,
            self.now,
        );
        let body = stored(&body);
        self.state.evolve_commit(&body)?;
        self.commits.push(body);
        Ok(answer)
    }

    /// Every account that any entry touched, with its balance on its normal side, computed from entries only.
    pub fn accounts(&self) -> BTreeMap<Account, Amount> {
        invariants::balances(&invariants::journal(&self.commits)).expect("sums of stored entries")
    }

    /// [`Self::accounts`] by text, as [`TestLedger::account_texts`](super::TestLedger::account_texts) has them.
    pub fn account_texts(&self) -> BTreeMap<String, String> {
        let accounts = self.accounts();
        let shown = accounts.iter().filter(|(_, amount)| !amount.is_zero());
        shown.map(|(account, amount)| (account_text(account), amount.to_string())).collect()
    }

    /// Checks all invariants of the log, and that replay and snapshot lead to the live state.
    ///
    /// # Errors
    ///
    /// The first violation, in words.
    pub fn check(&self) -> Result<(), String> {
        invariants::check_house(self.state.house(), &self.commits, &self.state)?;
        let snapshot = self.state.to_snapshot().map_err(|error| error.to_string())?;
        let read = HouseState::from_snapshot(&snapshot).map_err(|error| error.to_string())?;
        if read == self.state { Ok(()) } else { Err("a snapshot does not read back".to_owned()) }
    }
}

/// A run of commands against a [`TestHouse`], each checked as it goes. Every step also checks all
/// [`super::invariants`] of the house, and that an engine which fetches nothing live decides the same.
#[derive(Debug, Clone)]
pub struct HouseScenario {
    house: TestHouse,
    last: Option<TestAnswer>,
    commits_before: usize,
}

/// A partition of the house in which nothing has happened.
///
/// ```
/// use ledger_core::testing::{given_house, house_commands as commands};
/// given_house("psp/acme")
///     .when(commands::capture_unknown("D1", "100.00"))
///     .applied()
///     .accounts(&[("psp:clearing of acme", "100.00"), ("suspense:unmatched_psp of acme", "100.00")]);
/// ```
pub fn given_house(house: &str) -> HouseScenario {
    HouseScenario { house: TestHouse::new(house), last: None, commits_before: 0 }
}

impl HouseScenario {
    /// The engine so far.
    pub fn house(&self) -> &TestHouse {
        &self.house
    }

    /// The answer to the last command.
    pub fn answer(&self) -> &TestAnswer {
        self.last.as_ref().expect("a command came first")
    }

    /// Another policy from here on.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.house.set_policy(policy);
        self
    }

    /// Checks of documents from here on.
    pub fn documents(mut self, documents: Vec<Arc<dyn DocumentCheck>>) -> Self {
        self.house.set_documents(documents);
        self
    }

    /// Time passes.
    pub fn after_secs(mut self, secs: u32) -> Self {
        self.house.advance_secs(secs);
        self
    }

    /// A command comes.
    pub fn when(mut self, command: impl Into<HouseCommand>) -> Self {
        let command = command.into();
        self.commits_before = self.house.commits().len();
        assert_eq!(self.house.decide(&command), self.house.decide_lazily(&command), "{command:?}");
        let answer = self.house.execute(&command);
        self.last = Some(answer.unwrap_or_else(|fault| panic!("{command:?}: {fault}")));
        if let Err(violation) = self.house.check() {
            panic!("{command:?}: {violation}");
        }
        self
    }

    fn came_to(self, expected: &str) -> Self {
        assert_eq!(self.answer().outcome.text(), expected, "{:?}", self.answer());
        self
    }

    /// It had its effect.
    pub fn applied(self) -> Self {
        self.came_to("applied")
    }

    /// It was known; nothing was recorded.
    pub fn replayed(self) -> Self {
        self.came_to("replayed:applied").records(&[])
    }

    /// It was refused with this code, and that was recorded.
    pub fn rejected(self, code: &str) -> Self {
        self.came_to(&format!("rejected:{code}")).records(&["txn.rejected"])
    }

    /// It was refused with this code, and nothing was recorded.
    pub fn refused(self, code: &str) -> Self {
        self.came_to(&format!("refused:{code}")).records(&[])
    }

    /// It was refused with exactly this, recorded or not.
    pub fn refused_as(self, expected: &Rejection) -> Self {
        match &self.answer().outcome {
            TestOutcome::Rejected(rejection) | TestOutcome::Refused(rejection) => {
                assert_eq!(rejection, expected);
            }
            outcome => panic!("{outcome:?} is no refusal"),
        }
        self
    }

    /// The last command recorded events of these types, in this order, in one commit (or none at all).
    pub fn records(self, types: &[&str]) -> Self {
        let new: Vec<_> = self.house.commits().iter().skip(self.commits_before).collect();
        assert!(new.len() <= 1, "a command appends one commit at most");
        let found: Vec<_> = new.iter().flat_map(|body| &body.events).map(|r| r.event.type_name()).collect();
        assert_eq!(found, types);
        self
    }

    /// Every account that is not at zero, on its normal side (see [`TestHouse::account_texts`]).
    pub fn accounts(self, expected: &[(&str, &str)]) -> Self {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).to_owned())).collect();
        assert_eq!(self.house.account_texts(), expected);
        self
    }
}
