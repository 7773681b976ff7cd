//! The commands of transfers.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{TransferRef, decide};
use crate::controls::RegisterAnswer;
use crate::ids::{GameId, IdError, PlayerId, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::round::CallFlags;
use crate::stored::SessionRef;

/// Takes money of the player to a game provider's own wallet, to be played there. It is undone by [`crate::Rollback`]
/// until it comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RollOut {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the transfer.
    pub id: TransactionId,
    /// The game: what is staked and won is booked under it.
    pub game: GameId,
    /// How much; without it all that is available.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// The currency.
    pub currency: CurrencyCode,
    /// The session it is for.
    #[serde(default)]
    pub session: Option<SessionRef>,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
    /// What the provider says of this call.
    #[serde(default)]
    pub flags: CallFlags,
}

impl RollOut {
    pub(super) fn transfer(&self) -> TransferRef {
        TransferRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for RollOut {
    const KIND: OperationKind = OperationKind::RollOut;

    fn sender(&self, _: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
        // The account it is held on is called by both.
        SubAccount::transfer(&self.source, &self.id)?;
        Ok((self.source.clone(), self.id.clone()))
    }

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(4, Some(self.game.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.transfer().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::roll_out(self, facts, work)
    }
}

/// Brings back what is left of a roll-out, more or less than went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RollIn {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// Its id of the roll-out.
    pub transfer: TransactionId,
    /// What comes back.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// All that was staked with it, if the provider tells. What went, less it, plus what was won, is what comes back.
    /// Without it the difference is taken for a stake if less comes back, or for a win if more does.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub staked: Option<Decimal>,
    /// All that was won with it, if the provider tells: both or none.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub won: Option<Decimal>,
}

impl RollIn {
    pub(super) fn transfer(&self) -> TransferRef {
        TransferRef { source: self.source.clone(), id: self.transfer.clone() }
    }
}

impl Operation for RollIn {
    const KIND: OperationKind = OperationKind::RollIn;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(7, Some(self.transfer.as_str()))
            .optional_amount(8, self.staked.as_ref())
            .optional_amount(9, self.won.as_ref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.transfer().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::roll_in(self, facts, work)
    }
}
