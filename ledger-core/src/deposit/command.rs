//! The commands on deposits.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::controls::RegisterAnswer;
use crate::ids::{ActorId, Authorisation, InstrumentId, MethodId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{CurrencyCode, FxRate};
use crate::player_ledger::{AggregateRef, Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};
use crate::stored::{PaymentRef, ReleasedTo};

/// Adds a payment that a command names to its fingerprint.
fn payment(print: FingerprintBuilder, tags: (u8, u8), payment: Option<&PaymentRef>) -> FingerprintBuilder {
    match payment {
        Some(payment) => {
            print.field(tags.0, Some(payment.source.as_str())).field(tags.1, Some(payment.id.as_str()))
        }
        None => print,
    }
}

fn intent(of: &PaymentRef) -> Needs {
    Needs::of(Some(AggregateRef::Intent(of.clone())))
}

fn deposit(source: &SourceId, id: &TransactionId) -> Needs {
    Needs::of(Some(AggregateRef::Deposit(PaymentRef { source: source.clone(), id: id.clone() })))
}

/// Starts a deposit at the cashier (D08). No money moves until a payment provider captures it. A refusal stays under
/// the key: the payment was never started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InitiateDeposit {
    /// The cashier.
    pub source: SourceId,
    /// Its id of the deposit.
    pub id: TransactionId,
    /// What the player asks for; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency; the player has a purse in it.
    pub currency: CurrencyCode,
    /// How he wants to pay.
    #[serde(default)]
    pub method: Option<MethodId>,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
}

impl Operation for InitiateDeposit {
    const KIND: OperationKind = OperationKind::DepositIntent;
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
            .field(3, self.method.as_ref().map(MethodId::as_str))
    }

    fn needs(&self, _: &Policy) -> Needs {
        intent(&PaymentRef { source: self.source.clone(), id: self.id.clone() })
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::intent::initiate(self, facts, work)
    }
}

/// Records that a started deposit is sent to a payment provider. A deposit may have several attempts (D08).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AttemptDeposit {
    /// The cashier.
    pub source: SourceId,
    /// Its id of the attempt.
    pub id: TransactionId,
    /// The deposit.
    pub intent: PaymentRef,
    /// The payment provider.
    pub psp: SourceId,
    /// The provider's reference, if it is known before it captures.
    #[serde(default)]
    pub reference: Option<TransactionId>,
}

impl Operation for AttemptDeposit {
    const KIND: OperationKind = OperationKind::DepositAttempt;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), Some(&self.intent))
            .field(3, Some(self.psp.as_str()))
            .field(4, self.reference.as_ref().map(TransactionId::as_str))
    }

    fn needs(&self, _: &Policy) -> Needs {
        intent(&self.intent)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::intent::attempt(self, facts, work)
    }
}

/// Records that an attempt of a deposit failed, or the deposit as a whole, which ends it (D04).
///
/// The failure of an attempt is recorded whatever became of the deposit, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FailDeposit {
    /// The cashier or payment provider.
    pub source: SourceId,
    /// Its id of this message.
    pub id: TransactionId,
    /// The deposit.
    pub intent: PaymentRef,
    /// The attempt; without one the deposit as a whole has failed.
    #[serde(default)]
    pub attempt: Option<TransactionId>,
    /// The payment as its provider names it. If the provider captures it later, its success wins.
    #[serde(default)]
    pub payment: Option<PaymentRef>,
    /// Why; not part of the fingerprint.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for FailDeposit {
    const KIND: OperationKind = OperationKind::DepositFail;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = payment(print, (1, 2), Some(&self.intent))
            .field(3, self.attempt.as_ref().map(TransactionId::as_str));
        payment(print, (4, 5), self.payment.as_ref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        intent(&self.intent)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::intent::fail(self, facts, work)
    }
}

/// Gives a started deposit up. A payment provider may capture it all the same: `policy.deposits.late_capture`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelDeposit {
    /// The cashier.
    pub source: SourceId,
    /// Its id of this operation.
    pub id: TransactionId,
    /// The deposit.
    pub intent: PaymentRef,
    /// Why; not part of the fingerprint.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for CancelDeposit {
    const KIND: OperationKind = OperationKind::DepositCancel;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), Some(&self.intent))
    }

    fn needs(&self, _: &Policy) -> Needs {
        intent(&self.intent)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::intent::cancel(self, facts, work)
    }
}

/// Ends a started deposit that is older than `policy.deposits.intent_ttl_secs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpireDeposit {
    /// The process that looks for them.
    pub source: SourceId,
    /// Its id of this operation.
    pub id: TransactionId,
    /// The deposit.
    pub intent: PaymentRef,
}

impl Operation for ExpireDeposit {
    const KIND: OperationKind = OperationKind::DepositExpire;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        payment(print, (1, 2), Some(&self.intent))
    }

    fn needs(&self, _: &Policy) -> Needs {
        intent(&self.intent)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::intent::expire(self, facts, work)
    }
}

/// Books a deposit that a payment provider captured: to the player, or to suspense (see the table of the module
/// `deposit`). Captured money is never refused for what it is; only a malformed command is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordDeposit {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the deposit.
    pub id: TransactionId,
    /// What was captured; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency it was captured in.
    pub currency: CurrencyCode,
    /// The authorisation number, if there is one; not part of the fingerprint.
    #[serde(default)]
    pub authorisation: Option<Authorisation>,
    /// What the player paid with, if it is known: a withdrawal to it may name this deposit as its proof. Not part of the
    /// fingerprint.
    #[serde(default)]
    pub instrument: Option<InstrumentId>,
    /// The deposit at the cashier that it answers, if it was started there.
    #[serde(default)]
    pub intent: Option<PaymentRef>,
    /// What the player pays for the deposit, as a part of the amount, below it (P03, D10).
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub fee: Option<Decimal>,
    /// The rate at which it becomes the other currency of the rate, which the player is credited in (P39). Not part
    /// of the fingerprint: a copy of the provider's message may come with a younger rate, and is a copy.
    #[serde(default)]
    pub rate: Option<Box<FxRate>>,
}

impl RecordDeposit {
    /// The deposit, as its payment provider names it.
    pub(super) fn of(&self) -> PaymentRef {
        PaymentRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for RecordDeposit {
    const KIND: OperationKind = OperationKind::Deposit;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print.amount(1, &self.amount).field(2, Some(self.currency.as_str()));
        let print = payment(print, (3, 4), self.intent.as_ref());
        if self.fee.is_some() { print.optional_amount(5, self.fee.as_ref()) } else { print }
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = deposit(&self.source, &self.id);
        needs.aggregates.extend(self.intent.clone().map(AggregateRef::Intent));
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::capture::record(self, facts, work)
    }
}

fn real() -> AccountKind {
    AccountKind::Real
}

/// What the house has in suspense, for no player: an amount of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HouseItem {
    /// Real money or test money, as the partition it is in: the player's must be the same.
    #[serde(default = "real")]
    pub kind: AccountKind,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

/// Takes money out of suspense: the only way on which it reaches a player. Two different persons must agree.
///
/// # Money that the house has in suspense
///
/// What came in for no player known stands in suspense in a partition of the house, and no commit spans two
/// partitions. So it is two: first the house's partition assigns the item to the player, once and for all; then
/// this command with `house_item` posts it, in the player's partition, from the same account of suspense. It stands
/// under the key (payment provider, reference), whatever `source` and `id` it comes with: whoever finds an assigned
/// item after a crash sends it again, and it lands once. A capture that the provider reports for the player under
/// the same reference afterwards is the same deposit and is refused as `key_reused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseSuspense {
    /// Who sends it: the back office.
    pub source: SourceId,
    /// Its id of the release.
    pub id: TransactionId,
    /// The payment provider that captured the money.
    pub psp: SourceId,
    /// Its id of the deposit.
    pub reference: TransactionId,
    /// Where the money goes.
    pub to: ReleasedTo,
    /// What the house has in suspense, if that is where the money is; it goes to the player.
    #[serde(default)]
    pub house_item: Option<HouseItem>,
    /// The rate at which the player is credited in the other currency of the rate; not part of the fingerprint.
    #[serde(default)]
    pub rate: Option<Box<FxRate>>,
    /// Who asks for it; not part of the fingerprint.
    pub by: ActorId,
    /// Who agrees: another person; not part of the fingerprint.
    pub approved_by: ActorId,
}

impl ReleaseSuspense {
    /// The captured deposit.
    pub(super) fn of(&self) -> PaymentRef {
        PaymentRef { source: self.psp.clone(), id: self.reference.clone() }
    }
}

impl Operation for ReleaseSuspense {
    const KIND: OperationKind = OperationKind::SuspenseRelease;
    const IS_CASHIER: bool = true;

    fn sender(&self, _: &crate::ids::PlayerId) -> Result<(SourceId, TransactionId), crate::ids::IdError> {
        Ok(match self.house_item {
            Some(_) => (self.psp.clone(), self.reference.clone()),
            None => (self.source.clone(), self.id.clone()),
        })
    }

    fn currency(&self) -> Option<CurrencyCode> {
        self.house_item.as_ref().map(|item| item.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let to = match self.to {
            ReleasedTo::Player => "player",
            ReleasedTo::Payer => "payer",
        };
        let print = payment(print, (1, 2), Some(&self.of())).field(3, Some(to));
        match &self.house_item {
            Some(item) => {
                let print = print.amount(4, &item.amount).field(5, Some(item.currency.as_str()));
                match item.kind {
                    AccountKind::Real => print,
                    AccountKind::Test => print.field(6, Some("test")),
                }
            }
            None => print,
        }
    }

    fn needs(&self, _: &Policy) -> Needs {
        deposit(&self.psp, &self.reference)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::suspense::release(self, facts, work)
    }
}

/// Refuses for good what the house has in suspense and assigned to the player, so that the assignment can be called
/// off. It stands under the key of the release, (payment provider, reference): of the two the first one counts, and
/// the other is `key_reused`. Afterwards nothing under this reference can be released to this player from the house;
/// if it should be his after all, it is returned there and suspended again under another reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefuseAssignment {
    /// The payment provider that captured the money.
    pub psp: SourceId,
    /// Its id of it.
    pub reference: TransactionId,
    /// Who refuses it; not part of the fingerprint.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for RefuseAssignment {
    const KIND: OperationKind = OperationKind::SuspenseRelease;
    const IS_CASHIER: bool = true;

    fn sender(&self, _: &crate::ids::PlayerId) -> Result<(SourceId, TransactionId), crate::ids::IdError> {
        Ok((self.psp.clone(), self.reference.clone()))
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(self.psp.as_str()))
            .field(2, Some(self.reference.as_str()))
            .field(3, Some("nobody"))
    }

    fn needs(&self, _: &Policy) -> Needs {
        deposit(&self.psp, &self.reference)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::suspense::refuse(self, facts, work)
    }
}

/// Gives a captured deposit, or a part of it, back to its payer (D14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefundDeposit {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the refund.
    pub id: TransactionId,
    /// Its id of the deposit.
    pub deposit: TransactionId,
    /// How much, in the currency it was captured in; without it all that is left.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// The currency the deposit was captured in.
    pub currency: CurrencyCode,
    /// Whether the player's fee goes back too, first of all; otherwise what is left is left without it.
    #[serde(default)]
    pub return_fee: bool,
    /// What happens if the player has spent it, instead of what the policy says; not part of the fingerprint.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

impl Operation for RefundDeposit {
    const KIND: OperationKind = OperationKind::DepositRefund;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.deposit.as_str()))
            .field(4, self.return_fee.then_some("fee"))
    }

    fn needs(&self, _: &Policy) -> Needs {
        deposit(&self.source, &self.deposit)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::refund::refund(self, facts, work)
    }
}

/// Books that a deposit, or a part of it, was disputed and taken back (X01). What the player has spent he owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chargeback {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the chargeback.
    pub id: TransactionId,
    /// Its id of the deposit.
    pub deposit: TransactionId,
    /// How much, in the currency it was captured in; without it all that is left.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// What the provider charges the house for it.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub fee: Option<Decimal>,
    /// The currency the deposit was captured in.
    pub currency: CurrencyCode,
}

impl Operation for Chargeback {
    const KIND: OperationKind = OperationKind::Chargeback;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.deposit.as_str()))
            .optional_amount(4, self.fee.as_ref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        deposit(&self.source, &self.deposit)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::chargeback::charge_back(self, facts, work)
    }
}

/// Books that a dispute was won, or a part of it (X04): the money goes where the chargeback took it from, and pays
/// what the player owes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReverseChargeback {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the reversal.
    pub id: TransactionId,
    /// Its id of the deposit.
    pub deposit: TransactionId,
    /// Its id of the chargeback.
    pub chargeback: TransactionId,
    /// How much, in the currency it was captured in; without it all that stands of the chargeback.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// What of the fee the provider gives back.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub fee: Option<Decimal>,
    /// The currency the deposit was captured in.
    pub currency: CurrencyCode,
}

impl Operation for ReverseChargeback {
    const KIND: OperationKind = OperationKind::ChargebackReversal;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.deposit.as_str()))
            .optional_amount(4, self.fee.as_ref())
            .field(5, Some(self.chargeback.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        deposit(&self.source, &self.deposit)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::chargeback::reverse(self, facts, work)
    }
}

/// Gives up what a player owes, or a part of it (X05). Two different persons must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteOffDebt {
    /// Who sends it: the back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much; without it all he owes.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// Who asks for it; not part of the fingerprint.
    pub by: ActorId,
    /// Who agrees: another person; not part of the fingerprint.
    pub approved_by: ActorId,
    /// Why; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for WriteOffDebt {
    const KIND: OperationKind = OperationKind::DebtWriteOff;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.optional_amount(1, self.amount.as_ref()).field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::debt::write_off(self, work)
    }
}
