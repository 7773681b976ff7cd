//! The commands on payouts: what of a withdrawal a payment provider is told, and what it answers.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::command::{payment, withdrawal};
use super::{payout, returned};
use crate::ids::{ActorId, Authorisation, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::{Bearer, PaymentRef, PayoutReturnedTo};

/// Records that a payment provider is told to pay an approved withdrawal (P21, P26). Send this first, and tell the
/// provider when it is answered: after a time-out nobody knows whether it has paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SendWithdrawal {
    /// The cashier.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The payment provider, and the reference it will answer with.
    pub payout: PaymentRef,
    /// Who sends it, if it is a person; not part of the fingerprint.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for SendWithdrawal {
    const KIND: OperationKind = OperationKind::PayoutSend;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(payment(print, (1, 2), &self.withdrawal), (3, 4), &self.payout)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        payout::send(self, facts, work)
    }
}

/// Records that no answer came to a payout (W08). Nothing is given back: it may have been paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkUnknown {
    /// The cashier or payment provider.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The payout, as it was sent.
    pub payout: PaymentRef,
}

impl Operation for MarkUnknown {
    const KIND: OperationKind = OperationKind::PayoutUnknown;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(payment(print, (1, 2), &self.withdrawal), (3, 4), &self.payout)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        payout::unknown(self, facts, work)
    }
}

/// Records that a payment provider has paid (P22), all or less; what it has not paid goes back to the player.
///
/// A payout that was reported as failed before has left all the same: `policy.withdrawals.late_payout` says who bears
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkPaid {
    /// The payment provider or cashier.
    pub source: SourceId,
    /// Its id of this message.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The payout, as it was sent.
    pub payout: PaymentRef,
    /// What was paid, above zero and at most what was sent; without it all.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// The provider's number of it, if it gave one; not part of the fingerprint.
    #[serde(default)]
    pub authorisation: Option<Authorisation>,
}

impl Operation for MarkPaid {
    const KIND: OperationKind = OperationKind::PayoutPaid;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(payment(print, (1, 2), &self.withdrawal), (3, 4), &self.payout)
            .optional_amount(5, self.amount.as_ref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        payout::paid(self, facts, work)
    }
}

/// Records that a payment provider did not pay (P23): the money goes back to where it came from, once (W09). After it
/// was paid this is a break, and gives nothing back (W10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkFailed {
    /// The payment provider or cashier.
    pub source: SourceId,
    /// Its id of this message.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The payout, as it was sent.
    pub payout: PaymentRef,
    /// Why; not part of the fingerprint.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for MarkFailed {
    const KIND: OperationKind = OperationKind::PayoutFailed;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(payment(print, (1, 2), &self.withdrawal), (3, 4), &self.payout)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        payout::failed(self, facts, work)
    }
}

/// Records that what was paid came back (P24, W11): to the player, paying what he owes first, or to suspense, which
/// [`crate::ReleaseSuspense`] with the payout's provider and this id takes it out of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkReturned {
    /// The payment provider or cashier.
    pub source: SourceId,
    /// Its id of the return.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The payout, as it was sent.
    pub payout: PaymentRef,
    /// Where the money goes.
    pub to: PayoutReturnedTo,
    /// What a bank kept of it, below what was paid.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub fee: Option<Decimal>,
    /// Who bears that.
    #[serde(default = "player")]
    pub fee_by: Bearer,
    /// Whether the player's fee for the withdrawal goes back to him too.
    #[serde(default)]
    pub return_fee: bool,
}

fn player() -> Bearer {
    Bearer::Player
}

fn name(bearer: Bearer) -> &'static str {
    match bearer {
        Bearer::Player => "player",
        Bearer::House => "house",
    }
}

impl MarkReturned {
    /// The money in suspense, if that is where it goes: a payment of the provider that paid, under the id of the return.
    pub(super) fn in_suspense(&self) -> PaymentRef {
        PaymentRef { source: self.payout.source.clone(), id: self.id.clone() }
    }
}

impl Operation for MarkReturned {
    const KIND: OperationKind = OperationKind::PayoutReturn;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let to = match self.to {
            PayoutReturnedTo::Player => "player",
            PayoutReturnedTo::Suspense => "suspense",
        };
        payment(payment(print, (1, 2), &self.withdrawal), (3, 4), &self.payout)
            .field(5, Some(to))
            .optional_amount(6, self.fee.as_ref())
            .field(7, Some(name(self.fee_by)))
            .field(8, self.return_fee.then_some("fee"))
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = withdrawal(&self.withdrawal);
        if self.to == PayoutReturnedTo::Suspense {
            needs.aggregates.push(crate::player_ledger::AggregateRef::Deposit(self.in_suspense()));
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        returned::returned(self, facts, work)
    }
}

/// Decides who bears a late payout that is in suspense. Two different persons must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SettleLatePayout {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// Who bears it: the player, who owes what he has not, or the house, as bad debt.
    pub bearer: Bearer,
    /// Who decides; not part of the fingerprint.
    pub by: ActorId,
    /// Who agrees: another person; not part of the fingerprint.
    pub approved_by: ActorId,
}

impl Operation for SettleLatePayout {
    const KIND: OperationKind = OperationKind::PayoutSettlement;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal).field(5, Some(name(self.bearer)))
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        returned::settle_late(self, facts, work)
    }
}
