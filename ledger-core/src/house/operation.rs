//! What every command to the house must say of itself. A new command is a struct with this trait, and one line in
//! the list of `command.rs`.

use smallvec::SmallVec;

use crate::house::{HouseAggregateRef, HouseName, HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{NotAllowedReason, Rejection};

/// The currencies a command needs.
pub(super) type Currencies = SmallVec<[CurrencyCode; 2]>;

/// One kind of command to the house.
pub(crate) trait HouseOperation {
    /// What the operation does; part of its key.
    const KIND: OperationKind;

    /// Whether it is for a partition of this purpose.
    fn is_for(purpose: &HousePurpose) -> bool;

    /// Who sends it, and its id of it.
    ///
    /// # Errors
    ///
    /// [`IdError`] if a name it is made of is too long to be an id.
    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError>;

    /// The currencies that must be recorded before it is decided.
    fn currencies(&self) -> Currencies {
        Currencies::new()
    }

    /// Adds the business fields to the fingerprint: two commands with one key are the same operation if these
    /// agree. Who acts and who approves is not part of it: whoever sends a copy sends a copy.
    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder;

    /// What it names, to be fetched if it is not live.
    fn needs(&self) -> Option<HouseAggregateRef> {
        None
    }

    /// Why it is refused where its key is known with another payload.
    fn reused(&self) -> Rejection {
        Rejection::KeyReused
    }

    /// Checks in their order, then events. Whatever is refused has changed nothing.
    ///
    /// # Errors
    ///
    /// [`Stop`] with the refusal, or the contradiction.
    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop>;
}

/// The sender of a command that names its source and id itself.
macro_rules! sent_by {
    () => {
        fn sender(
            &self,
            _: &crate::ids::HouseId,
        ) -> Result<(crate::ids::SourceId, crate::ids::TransactionId), crate::ids::IdError> {
            Ok((self.source.clone(), self.id.clone()))
        }
    };
}
pub(super) use sent_by;

/// The sender of what the partition's own counterpart names: the payment provider its batches, the game provider
/// its statements. Whoever reports one twice reports the same one.
pub(super) fn sent_by_counterpart(
    house: &HouseId,
    id: &TransactionId,
) -> Result<(SourceId, TransactionId), IdError> {
    let of = HouseName::of(house).and_then(|name| name.of_account());
    let source = match of {
        Some(of) => SourceId::new(of.as_str())?,
        // It is in the wrong partition and will be refused.
        None => SourceId::new("house")?,
    };
    Ok((source, id.clone()))
}

pub(super) fn not_allowed(reason: NotAllowedReason) -> Stop {
    Rejection::NotAllowed { reason }.into()
}
