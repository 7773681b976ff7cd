//! Given, when, then: scenarios that read like the rule book.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::host::PreCheck;
use crate::ids::{PlayerId, TraceId};
use crate::money::{CurrencyCode, CurrencyRegistry};
use crate::player_ledger::PlayerCommand;
use crate::policy::{KeyScope, Policy, ShortfallPolicy};
use crate::rejection::Rejection;
use crate::stored::{PurseBalance, RoundStatus};
use crate::testing::commands;
use crate::testing::ledger::{TestAnswer, TestLedger, TestOutcome};

/// A run of commands against a [`TestLedger`], each checked as it goes. Every step also checks all
/// [`super::invariants`].
#[derive(Debug, Clone)]
pub struct Scenario {
    ledger: TestLedger,
    last: Option<TestAnswer>,
    commits_before: usize,
    deposits: u32,
}

/// A real player with an empty EUR purse.
pub fn given() -> Scenario {
    given_nobody().when(commands::open(&["EUR"])).applied()
}

/// The currencies that scenarios know.
const CURRENCIES: &[&str] = &["EUR", "USD", "GBP", "JPY", "KWD", "BTC", "ETH"];

/// A ledger that knows EUR, USD, GBP, JPY, KWD, BTC and ETH as the standard registry has them, and no player.
pub fn given_nobody() -> Scenario {
    let player = PlayerId::new("p1").expect("a player id");
    let mut ledger = TestLedger::new(player, Policy::default());
    let standard = CurrencyRegistry::standard();
    for currency in CURRENCIES.iter().filter_map(|code| standard.get(commands::currency(code))) {
        ledger.register(*currency).expect("a currency is registered once");
    }
    Scenario { ledger, last: None, commits_before: 0, deposits: 0 }
}

impl Scenario {
    /// The ledger so far.
    pub fn ledger(&self) -> &TestLedger {
        &self.ledger
    }

    /// The answer to the last command.
    pub fn answer(&self) -> &TestAnswer {
        self.last.as_ref().expect("a command came first")
    }

    // Given.

    /// The player deposits cash.
    pub fn cash(mut self, amount: &str) -> Self {
        self.deposits += 1;
        let id = format!("cash-{}", self.deposits);
        self.when(commands::deposit(&id, amount)).applied()
    }

    /// Checks of the host from here on.
    pub fn checks(mut self, checks: Vec<Arc<dyn PreCheck>>) -> Self {
        self.ledger.set_checks(checks);
        self
    }

    /// Another policy from here on.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.ledger.set_policy(policy);
        self
    }

    /// Terms of a bonus, in the policy from here on.
    pub fn terms(mut self, name: &str, terms: crate::policy::BonusTerms) -> Self {
        let mut policy = self.ledger.policy().clone();
        policy.bonuses.insert(commands::terms_name(name), terms);
        self.ledger.set_policy(policy);
        self
    }

    /// The default policy with another scope of keys.
    pub fn scope(mut self, scope: KeyScope) -> Self {
        let mut policy = self.ledger.policy().clone();
        policy.default.key_scope = scope;
        self.ledger.set_policy(policy);
        self
    }

    /// The default policy with another answer to spent wins.
    pub fn on_shortfall(mut self, shortfall: ShortfallPolicy) -> Self {
        let mut policy = self.ledger.policy().clone();
        policy.default.on_shortfall = shortfall;
        self.ledger.set_policy(policy);
        self
    }

    /// The default policy in which a refused bet may be tried again under its key.
    pub fn refusals_do_not_stick(mut self) -> Self {
        let mut policy = self.ledger.policy().clone();
        policy.default.sticky_rejections = false;
        self.ledger.set_policy(policy);
        self
    }

    /// Time passes.
    pub fn after_secs(mut self, secs: u32) -> Self {
        self.ledger.advance_secs(secs);
        self
    }

    /// The trace of the requests from here on.
    pub fn trace(mut self, trace: &str) -> Self {
        self.ledger.set_trace(Some(TraceId::new(trace).expect("a trace id")));
        self
    }

    // When.

    /// A command comes.
    pub fn when(mut self, command: impl Into<PlayerCommand>) -> Self {
        let command = command.into();
        self.commits_before = self.ledger.commits().len();
        let answer = self.ledger.execute(&command);
        self.last = Some(answer.unwrap_or_else(|fault| panic!("{command:?}: {fault}")));
        if let Err(violation) = self.ledger.check() {
            panic!("{command:?}: {violation}");
        }
        self
    }

    /// A bet.
    pub fn bet(self, id: &str, round: &str, amount: &str) -> Self {
        self.when(commands::bet(id, round, amount))
    }

    /// A win that ends nothing.
    pub fn win(self, id: &str, round: &str, amount: &str) -> Self {
        self.when(commands::win(id, round, amount))
    }

    /// A win that closes its round.
    pub fn win_close(self, id: &str, round: &str, amount: &str) -> Self {
        self.when(commands::win_close(id, round, amount))
    }

    /// A win that settles one bet.
    pub fn win_bet(self, id: &str, round: &str, of: &str, amount: &str) -> Self {
        self.when(commands::win_bet(id, round, of, amount))
    }

    /// The end of a round.
    pub fn close(self, id: &str, round: &str) -> Self {
        self.when(commands::close(id, round))
    }

    /// A rollback without a stated kind.
    pub fn rollback(self, id: &str, target: &str) -> Self {
        self.when(commands::rollback(id, target))
    }

    /// A rollback of a win.
    pub fn rollback_win(self, id: &str, target: &str) -> Self {
        self.when(commands::rollback_win(id, target))
    }

    /// A round is called off.
    pub fn void_round(self, id: &str, round: &str) -> Self {
        self.when(commands::void_round(id, round))
    }

    /// A bet is called off.
    pub fn void_bet(self, id: &str, round: &str, bet: &str) -> Self {
        self.when(commands::void_bet(id, round, bet))
    }

    // Then.

    fn came_to(self, expected: &str) -> Self {
        assert_eq!(self.answer().outcome.text(), expected, "{:?}", self.answer());
        self
    }

    /// It had its effect.
    pub fn applied(self) -> Self {
        self.came_to("applied")
    }

    /// It was accepted without effect.
    pub fn noop(self) -> Self {
        self.came_to("noop")
    }

    /// It undid something never seen.
    pub fn tombstoned(self) -> Self {
        self.came_to("tombstoned")
    }

    /// It was known, with this first outcome (as [`TestOutcome::text`] says it); nothing was recorded.
    pub fn replayed(self, original: &str) -> Self {
        self.came_to(&format!("replayed:{original}")).records(&[])
    }

    /// It was refused with this code, and that was recorded; of a batch, for each operation whose key is gone.
    pub fn rejected(self, code: &str) -> Self {
        let refused = self.came_to(&format!("rejected:{code}"));
        let new: Vec<_> = refused.ledger.commits().iter().skip(refused.commits_before).collect();
        let types: Vec<_> = new.iter().flat_map(|body| &body.events).map(|r| r.event.type_name()).collect();
        let is_record = !types.is_empty() && types.iter().all(|name| *name == "txn.rejected");
        assert!(new.len() == 1 && is_record, "{types:?}");
        refused
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

    /// It was refused with this code, and nothing was recorded.
    pub fn refused(self, code: &str) -> Self {
        self.came_to(&format!("refused:{code}")).records(&[])
    }

    /// The last command recorded events of these types, in this order, in one commit (or none at all).
    pub fn records(self, types: &[&str]) -> Self {
        let new: Vec<_> = self.ledger.commits().iter().skip(self.commits_before).collect();
        assert!(new.len() <= 1, "a command appends one commit at most");
        let found: Vec<_> = new.iter().flat_map(|body| &body.events).map(|r| r.event.type_name()).collect();
        assert_eq!(found, types);
        self
    }

    fn euros(&self) -> PurseBalance {
        let euro = CurrencyCode::new("EUR").expect("a currency");
        self.ledger.state().balance(euro).expect("a EUR purse")
    }

    /// What the player can bet now, in EUR.
    pub fn available(self, amount: &str) -> Self {
        assert_eq!(self.euros().available().to_string(), amount, "available");
        self
    }

    /// What is held now, in EUR.
    pub fn held(self, amount: &str) -> Self {
        assert_eq!(self.euros().held.to_string(), amount, "held");
        self
    }

    /// What the answer showed as available after the operation (of a replay: after the original).
    pub fn answered(self, amount: &str) -> Self {
        let shown: Vec<_> = self.answer().balances.iter().map(|b| b.available().to_string()).collect();
        assert_eq!(shown, [amount], "the balance in the answer");
        self
    }

    /// The state of a round of `prov`.
    pub fn round_is(self, round: &str, status: RoundStatus) -> Self {
        let found = self.ledger.round_of("prov", round).map(|round| round.status);
        assert_eq!(found, Some(status), "round {round}");
        self
    }

    /// Where an award of `crm` stands that has not ended: what of its target is wagered.
    pub fn wagered(self, award: &str, progress: &str, target: &str) -> Self {
        let found = self.ledger.state().award(&commands::award(award));
        let found = found.map(|award| (award.progress.to_string(), award.target.to_string()));
        assert_eq!(found, Some((progress.to_owned(), target.to_owned())), "wagering of {award}");
        self
    }

    /// What became of an award of `crm`, live or ended.
    pub fn award_is(self, award: &str, status: crate::bonus::AwardStatus) -> Self {
        let of = commands::award(award);
        let stream =
            crate::player_ledger::AggregateRef::Award(of.clone()).stream(self.ledger.state().player());
        let mut found = None;
        for record in self.ledger.events().filter(|record| record.stream == stream) {
            crate::bonus::fold_award(&mut found, &of, record).expect("the stream of an award folds");
        }
        assert_eq!(found.map(|award| award.status), Some(status), "award {award}");
        self
    }

    /// Every account of player and house that is not at zero, on its normal side (see
    /// [`TestLedger::account_texts`]).
    pub fn accounts(self, expected: &[(&str, &str)]) -> Self {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).to_owned())).collect();
        assert_eq!(self.ledger.account_texts(), expected);
        self
    }
}
