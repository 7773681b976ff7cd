//! The state of a partition: a player's, or one of the house's. What the engine does with the two is the same.

use ledger_core::stored::{CommitBody, PurseBalance};
use ledger_core::{
    AggregateRef, ContentHash, Context, CurrencyCode, Decision, Draft, FOLD_VERSION, Facts, FactsNeeded,
    HOUSE_FOLD_VERSION, HouseLedger, HouseState, LimitLeft, Partition, PlayerCommand, PlayerLedger,
    PlayerState, Policy, Timestamp,
};

use crate::job::Command;
use crate::stations::{self, Station};

/// The state of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Player(Box<PlayerState>),
    House(Box<HouseState>),
}

impl State {
    /// A partition of which the log knows nothing.
    pub(crate) fn new(of: &Partition) -> Self {
        match of {
            Partition::Player(player) => Self::Player(Box::new(PlayerState::new(player.clone()))),
            Partition::House(house) => Self::House(Box::new(HouseState::new(house.clone()))),
        }
    }

    /// Whether it is this partition's.
    pub(crate) fn is_of(&self, of: &Partition) -> bool {
        match (self, of) {
            (Self::Player(state), Partition::Player(player)) => state.player() == player,
            (Self::House(state), Partition::House(house)) => state.house() == house,
            _ => false,
        }
    }

    /// The player's ledger, if it is one.
    pub(crate) fn player(&self) -> Option<&PlayerState> {
        match self {
            Self::Player(state) => Some(state),
            Self::House(_) => None,
        }
    }

    /// The partition of the house, if it is one.
    pub(crate) fn house(&self) -> Option<&HouseState> {
        match self {
            Self::Player(_) => None,
            Self::House(state) => Some(state),
        }
    }

    pub(crate) fn recorded_at(&self) -> Option<Timestamp> {
        match self {
            Self::Player(state) => state.recorded_at(),
            Self::House(state) => state.recorded_at(),
        }
    }

    pub(crate) fn is_live(&self, aggregate: &AggregateRef) -> bool {
        match self {
            Self::Player(state) => state.is_live(aggregate),
            Self::House(state) => state.is_live(aggregate),
        }
    }

    /// Whether what a command undoes is live, so that it need not be looked for.
    pub(crate) fn has_live_target(&self, command: &PlayerCommand) -> bool {
        match self {
            Self::Player(state) => state.has_live_target(command),
            Self::House(_) => false,
        }
    }

    /// The balance of a purse; the house has none.
    pub(crate) fn balance(&self, currency: CurrencyCode) -> Option<PurseBalance> {
        match self {
            Self::Player(state) => state.balance(currency),
            Self::House(_) => None,
        }
    }

    /// What is left of the player's limits.
    pub(crate) fn limits_left(&self, policy: &Policy, now: Timestamp) -> Vec<LimitLeft> {
        self.player().map_or_else(Vec::new, |state| state.limits_left(policy, now))
    }

    /// The balance of the first purse.
    pub(crate) fn first_balance(&self) -> Option<PurseBalance> {
        match self {
            Self::Player(state) => state.wallet().purses().first().map(ledger_core::Purse::balance),
            Self::House(_) => None,
        }
    }

    /// Decides a command and folds what it comes to.
    pub(crate) fn decide(
        &mut self,
        command: &Command,
        needed: &FactsNeeded,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Decision, String> {
        let deciding = stations::enter(Station::Decide);
        let decision = match (&*self, command) {
            (Self::Player(state), Command::Player(command)) => {
                PlayerLedger::decide_prepared(state, command, needed, facts, now)
            }
            (Self::House(state), Command::House(command)) => {
                HouseLedger::decide_prepared(state, command, needed, facts, now)
            }
            _ => return Err("a command for another kind of partition".to_owned()),
        };
        let decision = decision.map_err(|fault| fault.to_string())?;
        drop(deciding);
        if let Decision::Commit(draft) = &decision {
            let _fold = stations::enter(Station::Fold);
            let folded = match self {
                Self::Player(state) => state.evolve_all(&draft.events, now),
                Self::House(state) => state.evolve_all(&draft.events, now),
            };
            folded.map_err(|fault| fault.to_string())?;
        }
        Ok(decision)
    }

    /// Folds a stored commit.
    pub(crate) fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), ledger_core::Fault> {
        match self {
            Self::Player(state) => state.evolve_commit(body),
            Self::House(state) => state.evolve_commit(body),
        }
    }

    /// The commit that a draft becomes; this is the state after it.
    pub(crate) fn body(
        &self,
        draft: Draft,
        context: Context,
        policy: ContentHash,
        now: Timestamp,
    ) -> CommitBody {
        let engine = crate::ENGINE_VERSION;
        match self {
            Self::Player(state) => draft.into_body(state, context, policy, engine, now),
            Self::House(state) => {
                let of = Partition::House(state.house().clone());
                draft.into_house_body(of, context, policy, engine, now)
            }
        }
    }

    /// The estimated bytes of a cached state: of a player a fixed part, and so much per open round, withdrawal
    /// and the like.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Player(state) => {
                let of_round = |round: &ledger_core::stored::Round| {
                    400 + 200 * round.bets.len() + 150 * round.wins.len()
                };
                let others = state.open_intents()
                    + state.open_withdrawals()
                    + state.open_transfers()
                    + state.sessions().count();
                900 + 200 * state.wallet().purses().len()
                    + 50 * state.wallet().lots().len()
                    + 500 * others
                    + state.rounds().map(of_round).sum::<usize>()
                    + state.controls().map_or(0, ledger_core::Controls::weight)
                    + state.protection().map_or(0, ledger_core::Protection::weight)
                    + state.awards().iter().map(ledger_core::Award::weight).sum::<usize>()
                    + 250 * state.wallet().bonus().len()
                    + 300 * state.jackpot_claims().len()
                    + state.rewards().map_or(0, ledger_core::Rewards::weight)
            }
            Self::House(state) => state.weight(),
        }
    }

    /// The version of the fold that snapshots of this partition must have.
    pub(crate) fn fold(of: &Partition) -> u32 {
        match of {
            Partition::Player(_) => FOLD_VERSION,
            Partition::House(_) => HOUSE_FOLD_VERSION,
        }
    }

    /// The bytes of a snapshot, and the version of the fold that made it.
    pub(crate) fn to_snapshot(&self) -> Option<(u32, Vec<u8>)> {
        match self {
            Self::Player(state) => Some((FOLD_VERSION, state.to_snapshot().ok()?)),
            Self::House(state) => Some((HOUSE_FOLD_VERSION, state.to_snapshot().ok()?)),
        }
    }

    /// A state from the bytes of a snapshot; `None` if they are none of this partition.
    pub(crate) fn from_snapshot(of: &Partition, bytes: &[u8]) -> Option<Self> {
        let state = match of {
            Partition::Player(_) => Self::Player(Box::new(PlayerState::from_snapshot(bytes).ok()?)),
            Partition::House(_) => Self::House(Box::new(HouseState::from_snapshot(bytes).ok()?)),
        };
        Some(state).filter(|state| state.is_of(of))
    }
}
