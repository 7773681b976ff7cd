//! What the aggregate decides by, where no ledger decides.

use std::sync::Arc;

use casino_ledger::core::{CurrencyRegistry, PlayerId, Policy, PreCheck, Timestamp};

/// The services of the aggregate. With a ledger there are none: it has its own policy, clock and checks.
#[derive(Debug, Clone, Default)]
pub struct PlayerServices {
    rules: Option<Arc<Rules>>,
}

/// What an aggregate decides by that is folded from events, in a test.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whose ledger it is, where no event says so yet.
    pub player: PlayerId,
    /// How sources behave.
    pub policy: Policy,
    /// The currencies that are registered.
    pub currencies: CurrencyRegistry,
    /// The host's checks, in the order they are asked.
    pub checks: Vec<Arc<dyn PreCheck>>,
    /// The instant of the command.
    pub now: Timestamp,
}

impl Rules {
    /// The default policy, the usual currencies, no checks, and the Unix epoch.
    pub fn new(player: PlayerId) -> Self {
        Self {
            player,
            policy: Policy::default(),
            currencies: CurrencyRegistry::standard(),
            checks: Vec::new(),
            now: Timestamp::EPOCH,
        }
    }
}

impl PlayerServices {
    /// The ledger behind the event store decides: what a framework over [`LedgerEventStore`](crate::LedgerEventStore)
    /// takes.
    pub fn ledger() -> Self {
        Self::default()
    }

    /// The aggregate decides by itself. For `cqrs_es::test::TestFramework`; where an aggregate was loaded from a ledger this
    /// changes nothing.
    pub fn deciding(rules: Rules) -> Self {
        Self { rules: Some(Arc::new(rules)) }
    }

    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.rules.as_deref()
    }
}
