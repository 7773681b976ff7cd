//! The commands of the back office on a player's money.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{AdjustmentKind, AdjustmentRef, decide};
use crate::ids::{ActorId, JurisdictionId, Reason, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};
use crate::stored::Direction;

/// Proposes a correction (P31, P32 in docs/scenarios.md). Nothing moves before another person approves it with
/// [`DecideCorrection`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProposeCorrection {
    /// The back office.
    pub source: SourceId,
    /// Its id of the proposal.
    pub id: TransactionId,
    /// To the player, or from him.
    pub direction: Direction,
    /// What `adjustments` is kept per: a short code of the reason.
    pub code: SubAccount,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Why, in the proposer's words.
    pub reason: Reason,
    /// Who proposes it.
    pub by: ActorId,
    /// What happens if the player has not enough when it is approved; without it the source's policy, which is to
    /// book a debt unless it says otherwise. Of a debit only.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Operation for ProposeCorrection {
    const KIND: OperationKind = OperationKind::Correction;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let direction = match self.direction {
            Direction::Credit => "credit",
            Direction::Debit => "debit",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(5, Some(direction))
            .field(8, Some(self.code.as_str()))
            .field(9, Some(self.by.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(correction(&self.source, &self.id).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::propose(self, facts, work)
    }
}

/// Approves or declines a proposed correction, once. Funds are looked at now, not when it was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideCorrection {
    /// The back office: the source of the proposal.
    pub source: SourceId,
    /// Its id of the decision.
    pub id: TransactionId,
    /// The id of the proposal.
    pub proposal: TransactionId,
    /// Who decides. Only another person than the proposer may approve; the proposer may take it back.
    pub by: ActorId,
    /// Whether it is approved.
    pub approve: bool,
}

impl Operation for DecideCorrection {
    const KIND: OperationKind = OperationKind::CorrectionDecision;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let verdict = if self.approve { "approve" } else { "decline" };
        print.field(5, Some(verdict)).field(7, Some(self.proposal.as_str())).field(9, Some(self.by.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(correction(&self.source, &self.proposal).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::decide_correction(self, facts, work)
    }
}

/// A correction as its source names it.
pub(super) fn correction(source: &SourceId, id: &TransactionId) -> AdjustmentRef {
    AdjustmentRef { kind: AdjustmentKind::Correction, source: source.clone(), id: id.clone() }
}

/// Charges a fee for inactivity (P44): at most what is available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChargeInactivityFee {
    /// The process that charges it.
    pub source: SourceId,
    /// Its id of the fee.
    pub id: TransactionId,
    /// The fee; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who charges it, if it is a person.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for ChargeInactivityFee {
    const KIND: OperationKind = OperationKind::InactivityFee;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.amount(1, &self.amount).field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::charge_inactivity(self, work)
    }
}

/// Moves all cash of a purse to the dormant account (P45).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TransferDormant {
    /// The process that does it.
    pub source: SourceId,
    /// Its id of the transfer.
    pub id: TransactionId,
    /// The purse.
    pub currency: CurrencyCode,
}

impl Operation for TransferDormant {
    const KIND: OperationKind = OperationKind::DormantTransfer;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::transfer_dormant(self, work)
    }
}

/// Gives a dormant player the money of a purse back (P45). He is dormant no longer, whatever the source of the
/// claim and whatever other purses hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReclaimDormant {
    /// The process that does it.
    pub source: SourceId,
    /// Its id of the claim.
    pub id: TransactionId,
    /// The purse.
    pub currency: CurrencyCode,
}

impl Operation for ReclaimDormant {
    const KIND: OperationKind = OperationKind::DormantReclaim;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::reclaim_dormant(self, work)
    }
}

/// Withholds a player's tax (P46). How much is the host's to compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WithholdTax {
    /// The process that withholds it.
    pub source: SourceId,
    /// Its id of the tax.
    pub id: TransactionId,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// To whom it is owed.
    pub jurisdiction: JurisdictionId,
    /// The win it is on, for the record.
    #[serde(default)]
    pub on: Option<TransactionId>,
    /// What happens if it is not available; without it the tax is refused.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Operation for WithholdTax {
    const KIND: OperationKind = OperationKind::Tax;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(7, self.on.as_ref().map(TransactionId::as_str))
            .field(8, Some(self.jurisdiction.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(tax(&self.source, &self.id).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::withhold(self, facts, work)
    }
}

/// Returns a withheld tax, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnTax {
    /// The process that withheld it.
    pub source: SourceId,
    /// Its id of the return.
    pub id: TransactionId,
    /// Its id of the tax.
    pub tax: TransactionId,
    /// How much; above zero, and at most what of the tax is not returned yet.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency of the tax.
    pub currency: CurrencyCode,
}

impl Operation for ReturnTax {
    const KIND: OperationKind = OperationKind::TaxReturn;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.amount(1, &self.amount).field(2, Some(self.currency.as_str())).field(7, Some(self.tax.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(tax(&self.source, &self.tax).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::return_tax(self, facts, work)
    }
}

/// A tax as its source names it.
pub(super) fn tax(source: &SourceId, id: &TransactionId) -> AdjustmentRef {
    AdjustmentRef { kind: AdjustmentKind::Tax, source: source.clone(), id: id.clone() }
}
