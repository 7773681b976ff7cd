//! The commands of players and of the back office on withdrawals. Those about payouts are in `payouts.rs`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{end, request, review, split};
use crate::ids::{ActorId, InstrumentId, MethodId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{AggregateRef, Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::{DestinationProof, KycAnswer, PaymentRef};
use crate::time::Timestamp;

/// Adds a withdrawal or payout that a command names to its fingerprint.
pub(super) fn payment(print: FingerprintBuilder, tags: (u8, u8), of: &PaymentRef) -> FingerprintBuilder {
    print.field(tags.0, Some(of.source.as_str())).field(tags.1, Some(of.id.as_str()))
}

pub(super) fn withdrawal(of: &PaymentRef) -> Needs {
    Needs::of(Some(AggregateRef::Withdrawal(of.clone())))
}

/// Asks for money out (W01). What is asked for is held; if unplayed deposits leave with it and that costs something,
/// that is taken beside it (P27). [`crate::WithdrawalQuote`] tells before what it will cost.
///
/// A closed or self-excluded player may always ask for his money (W16, E44, E45). A refusal stays under the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestWithdrawal {
    /// The cashier.
    pub source: SourceId,
    /// Its id of the withdrawal.
    pub id: TransactionId,
    /// How much; above zero, and above the fee.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency; the player has a purse in it.
    pub currency: CurrencyCode,
    /// What it goes to.
    pub destination: InstrumentId,
    /// Why it may go there; not part of the fingerprint. A deposit that is named is looked at, whatever the policy.
    #[serde(default)]
    pub proof: Option<DestinationProof>,
    /// The way it goes; not part of the fingerprint.
    #[serde(default)]
    pub method: Option<MethodId>,
    /// What the host knows of the player's identity; not part of the fingerprint.
    #[serde(default)]
    pub kyc: Option<KycAnswer>,
    /// Who asks in the player's name, if someone of the operator does: he may not approve it.
    #[serde(default)]
    pub by: Option<ActorId>,
    /// The most bonus credits that it may cost him, as he was told before he confirmed; any, if absent. Not part of the
    /// fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub forfeits_at_most: Option<Decimal>,
}

impl RequestWithdrawal {
    /// The withdrawal.
    pub(super) fn of(&self) -> PaymentRef {
        PaymentRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for RequestWithdrawal {
    const KIND: OperationKind = OperationKind::Withdrawal;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.destination.as_str()))
            .field(9, self.by.as_ref().map(ActorId::as_str))
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = withdrawal(&self.of());
        if let Some(DestinationProof::Deposit(deposit)) = &self.proof {
            needs.aggregates.push(AggregateRef::Deposit(deposit.clone()));
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        request::request(self, facts, work)
    }
}

/// Tells that the player of a waiting withdrawal is verified (W15).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PassKyc {
    /// The process that verifies players.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// When he was verified; not part of the fingerprint.
    pub as_of: Timestamp,
    /// Who says so, if it is a person; not part of the fingerprint.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for PassKyc {
    const KIND: OperationKind = OperationKind::WithdrawalKyc;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        review::pass_kyc(self, facts, work)
    }
}

/// Someone begins to look at a withdrawal: from here on the player may not take it back, unless the jurisdiction lets
/// him until it is sent (W07).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartReview {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// Who looks at it.
    pub by: ActorId,
}

impl Operation for StartReview {
    const KIND: OperationKind = OperationKind::WithdrawalReview;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal).field(9, Some(self.by.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        review::start(self, facts, work)
    }
}

/// One person approves a withdrawal (W13). Nobody approves twice, and nobody what he asked for in the player's name or
/// has split (W14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApproveWithdrawal {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// Who approves it.
    pub by: ActorId,
}

impl Operation for ApproveWithdrawal {
    const KIND: OperationKind = OperationKind::WithdrawalApproval;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal).field(9, Some(self.by.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        review::approve(self, facts, work)
    }
}

/// The operator refuses a withdrawal that was not sent: its money goes back to where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RejectWithdrawal {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// Who refuses it.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for RejectWithdrawal {
    const KIND: OperationKind = OperationKind::WithdrawalRejection;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal).field(9, Some(self.by.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        end::reject(self, facts, work)
    }
}

/// The player takes a withdrawal back, where his jurisdiction lets him (W06, W07): its money goes back to where it came
/// from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelWithdrawal {
    /// The cashier.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
}

impl Operation for CancelWithdrawal {
    const KIND: OperationKind = OperationKind::WithdrawalCancel;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        end::cancel(self, facts, work)
    }
}

/// Ends a withdrawal that nobody has looked at and that is older than `policy.withdrawals.ttl_secs`: its money goes back
/// to where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpireWithdrawal {
    /// The process that looks for them.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
}

impl Operation for ExpireWithdrawal {
    const KIND: OperationKind = OperationKind::WithdrawalExpire;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), &self.withdrawal)
    }

    fn needs(&self, _: &Policy) -> Needs {
        withdrawal(&self.withdrawal)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        end::expire(self, facts, work)
    }
}

/// One part of a withdrawal that is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SplitPart {
    /// Its id, of the same source as the withdrawal's.
    pub id: TransactionId,
    /// Its amount; above zero, and above its share of the fee.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
}

/// Replaces a withdrawal that was not sent by parts that add up to it and live on their own: each is sent, paid, failed
/// or taken back alone. They need as many approvals as the whole, and keep those it has, but for that of who splits
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SplitWithdrawal {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The parts, at least two.
    pub parts: Vec<SplitPart>,
    /// Who splits it.
    pub by: ActorId,
}

impl SplitWithdrawal {
    /// A part, as a withdrawal.
    pub(super) fn part(&self, id: &TransactionId) -> PaymentRef {
        PaymentRef { source: self.withdrawal.source.clone(), id: id.clone() }
    }
}

impl Operation for SplitWithdrawal {
    const KIND: OperationKind = OperationKind::WithdrawalSplit;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = payment(print, (1, 2), &self.withdrawal).field(9, Some(self.by.as_str()));
        self.parts
            .iter()
            .fold(print, |print, part| print.field(7, Some(part.id.as_str())).amount(8, &part.amount))
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = withdrawal(&self.withdrawal);
        // More are refused before anything is looked for.
        let parts = self.parts.iter().take(super::PARTS_MAX);
        needs.aggregates.extend(parts.map(|part| AggregateRef::Withdrawal(self.part(&part.id))));
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        split::split(self, facts, work)
    }
}
