//! What every command of a player's ledger must say of itself. A new command is a struct with this trait, and
//! one line in the list of `command.rs`.

use smallvec::SmallVec;

use crate::ids::{IdError, PlayerId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, IdempotencyKey, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{AggregateRef, Facts, Stop, Workspace};
use crate::policy::Policy;
use crate::stored::TombstoneRecord;

/// What a decision comes to: the currency whose purse the answer shows if no entry tells it.
pub(crate) type Outcome = Result<Option<CurrencyCode>, Stop>;

/// One kind of command to a player's ledger.
pub(crate) trait Operation {
    /// What the operation does; part of its key.
    const KIND: OperationKind;
    /// Whether it waits in the cashier's lane by default, instead of that of play.
    const IS_CASHIER: bool = false;

    /// Who sends it, and its id of it. The player is the id of what is done once in his life.
    ///
    /// # Errors
    ///
    /// [`IdError`] if a name it is made of is too long to be an id.
    fn sender(&self, player: &PlayerId) -> Result<(SourceId, TransactionId), IdError>;

    /// The currency it names, if it names one.
    fn currency(&self) -> Option<CurrencyCode> {
        None
    }

    /// Whether it takes the player's money or starts a payment: then a refusal stays under its key.
    fn takes_money(&self) -> bool {
        false
    }

    /// Whether it may take more than is available, so that the player owes the rest.
    fn may_owe(&self, _policy: &Policy) -> bool {
        false
    }

    /// Adds the business fields to the fingerprint: two commands with one key are the same operation if these
    /// agree.
    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder;

    /// What must be looked for in the log beside its own key.
    fn needs(&self, _policy: &Policy) -> Needs {
        Needs::default()
    }

    /// Checks in their order, then events. Whatever is refused has changed nothing.
    ///
    /// # Errors
    ///
    /// [`Stop`] with the refusal, or the contradiction.
    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome;
}

/// The sender of a command that names its source and id itself.
macro_rules! sent_by {
    () => {
        fn sender(
            &self,
            _: &crate::ids::PlayerId,
        ) -> Result<(crate::ids::SourceId, crate::ids::TransactionId), crate::ids::IdError> {
            Ok((self.source.clone(), self.id.clone()))
        }
    };
}
pub(crate) use sent_by;

/// What must be looked for in the log beside a command's own key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// What it names, to be fetched if it is not live.
    pub(crate) aggregates: SmallVec<[AggregateRef; 1]>,
    /// The keys under which its target may stand, in order of preference.
    pub(crate) targets: Vec<IdempotencyKey>,
    /// Ids, beside its own, that must not be dead.
    pub(crate) tombstones: Vec<TombstoneRecord>,
}

impl Needs {
    /// One aggregate, or none.
    pub(crate) fn of(aggregate: Option<AggregateRef>) -> Self {
        Self { aggregates: aggregate.into_iter().collect(), ..Self::default() }
    }
}
