//! The managers that come with the ledger.

mod cascade;
mod decimal_text;
mod dormancy;
mod exclusions;
mod expiries;
mod jackpots;
mod mass;
mod payouts;
mod signals;
mod tournaments;

pub use cascade::{
    AttemptOf, AttemptState, Cascade, CascadeCall, CascadeSettings, ChargeAnswer, ChooseProviders, Started,
};
pub use dormancy::{Dormancy, Idle};
pub use exclusions::{Excluded, Exclusions, Membership, PersonState};
pub use expiries::{Expiries, Expiring, ExpiringWhat};
pub use jackpots::{AwardOfJackpot, BookedForJackpot, ClaimOfJackpot, Jackpots, OfJackpot, SweepOfJackpot};
pub use mass::{
    MASS_KIND, MASS_PAGE_MAX, MassCall, MassItem, MassOperation, MassOperations, MassOrder, MassOrderCheck,
    MassPage, MassRun, open_rounds_of,
};
pub use payouts::{ChooseProvider, Payout, PayoutAnswer, PayoutCall, PayoutPhase, PayoutSettings, Payouts};
pub use signals::{
    BetGrowth, Coverage, Found, ManyVoids, MinimumBets, OppositeBets, SIGNAL_WINDOW_MAX, SignalRules,
    Signals, Watched, WatchedAward, WatchedRound,
};

pub use tournaments::{
    CupOfTournament, CupSays, EntryOfTournament, OfTournament, PLAYING_MAX, PlayingTournament,
    PointsOfPlayer, PrizeOfTournament, ScoreToTell, Tournaments,
};

use std::fmt;
use std::sync::Arc;

use ledger_core::{Partition, PlayerId};
use ledger_projections::Occurrence;

use super::id::{ManagerName, ProcessId, ProcessNameError};

/// Whose event it is, if it is a player's.
fn player(event: &Occurrence) -> Option<&PlayerId> {
    match &event.commit().body.partition {
        Partition::Player(player) => Some(player),
        Partition::House(_) => None,
    }
}

/// The process of an event's stream.
fn of_stream(event: &Occurrence) -> Option<ProcessId> {
    ProcessId::new(&event.record()?.stream.to_string()).ok()
}

/// The name of a manager that comes with the ledger.
fn named(name: &'static str) -> Result<ManagerName, ProcessNameError> {
    ManagerName::new(name)
}

/// A choice that the host makes from the state of a process: pure.
pub struct Chooser<S, C>(Arc<dyn Fn(&S) -> C + Send + Sync>);

impl<S, C> Chooser<S, C> {
    /// A choice.
    pub fn new(choose: impl Fn(&S) -> C + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }

    pub(super) fn of(&self, state: &S) -> C {
        (self.0)(state)
    }
}

impl<S, C> Clone for Chooser<S, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, C> fmt::Debug for Chooser<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chooser")
    }
}
