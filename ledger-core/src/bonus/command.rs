//! The commands of bonuses.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Played, decide};
use crate::ids::{ActorId, IdError, PlayerId, SourceId, TermsName, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{AggregateRef, Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::{AwardRef, ForfeitReason, PaymentRef};

/// Grants a bonus under terms of the policy. It is booked at once, or waits while an older one is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantBonus {
    /// The process that grants.
    pub source: SourceId,
    /// Its id of the grant: the name of the award.
    pub id: TransactionId,
    /// The name of the terms.
    pub terms: TermsName,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much, where the terms leave it to the grant; otherwise absent, or what the terms give.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// The captured deposit it is for.
    #[serde(default)]
    pub deposit: Option<PaymentRef>,
    /// The award that has ended and that it replaces.
    #[serde(default)]
    pub reactivates: Option<AwardRef>,
    /// What was played, where the terms give a share of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub played: Option<Played>,
}

impl GrantBonus {
    /// The award it makes.
    pub fn award(&self) -> AwardRef {
        AwardRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for GrantBonus {
    const KIND: OperationKind = OperationKind::BonusGrant;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let (deposit, old) = (self.deposit.as_ref(), self.reactivates.as_ref());
        let print = print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.terms.as_str()))
            .field(4, deposit.map(|of| of.source.as_str()))
            .field(5, deposit.map(|of| of.id.as_str()))
            .field(6, old.map(|of| of.source.as_str()))
            .field(7, old.map(|of| of.id.as_str()));
        match &self.played {
            Some(played) => played.print(print, 8),
            None => print,
        }
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = Needs::of(Some(AggregateRef::Award(self.award())));
        needs.aggregates.extend(self.deposit.clone().map(AggregateRef::Deposit));
        needs.aggregates.extend(self.reactivates.clone().map(AggregateRef::Award));
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::grant(self, Self::KIND, facts, work)
    }
}

/// Tells that a mission is completed: what its terms give for it is granted as a bonus. The award is named by mission and
/// begin of the period, so each completion has one reward, whoever tells it how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteMission {
    /// The process that watches missions.
    pub source: SourceId,
    /// The mission: the name of its terms.
    pub mission: TermsName,
    /// The currency.
    pub currency: CurrencyCode,
    /// What was played in the period.
    pub played: Played,
}

impl CompleteMission {
    /// The award it makes: its id is the mission, `@` and the begin of the period.
    ///
    /// # Errors
    ///
    /// None in practice: a name of terms and an instant are short enough.
    pub fn award(&self) -> Result<AwardRef, IdError> {
        let id = TransactionId::new(format!("{}@{}", self.mission, self.played.from))?;
        Ok(AwardRef { source: self.source.clone(), id })
    }
}

impl Operation for CompleteMission {
    const KIND: OperationKind = OperationKind::MissionComplete;
    const IS_CASHIER: bool = true;

    fn sender(&self, _: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
        self.award().map(|award| (award.source, award.id))
    }

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print.field(2, Some(self.currency.as_str())).field(3, Some(self.mission.as_str()));
        self.played.print(print, 8)
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(self.award().ok().map(AggregateRef::Award))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::complete(self, facts, work)
    }
}

/// Ends an award before its time: what is left of it is forfeited. Stakes of it in open rounds are too, when they come
/// back or win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForfeitBonus {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The award.
    pub award: AwardRef,
    /// Why.
    pub reason: ForfeitReason,
    /// Who did it, if a person did.
    #[serde(default)]
    pub by: Option<ActorId>,
    /// The most bonus credits that it may cost the player, as he was told before; any, if absent. Not part of the
    /// fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub forfeits_at_most: Option<Decimal>,
}

impl Operation for ForfeitBonus {
    const KIND: OperationKind = OperationKind::BonusForfeit;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let reason = match self.reason {
            ForfeitReason::Player => "player",
            ForfeitReason::Breach => "breach",
            ForfeitReason::Operator => "operator",
            ForfeitReason::Deposit => "deposit",
            ForfeitReason::Closed => "closed",
            ForfeitReason::Withdrawal => "withdrawal",
            ForfeitReason::SelfExclusion => "self_exclusion",
        };
        print
            .field(3, Some(self.award.source.as_str()))
            .field(4, Some(self.award.id.as_str()))
            .field(5, Some(reason))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(AggregateRef::Award(self.award.clone())))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::forfeit(self, facts, work)
    }
}

/// Ends an award whose time is over. Sent by a timer; whatever else comes for the player after that time ends it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpireBonus {
    /// The timer.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The award.
    pub award: AwardRef,
}

impl Operation for ExpireBonus {
    const KIND: OperationKind = OperationKind::BonusExpire;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.award.source.as_str())).field(4, Some(self.award.id.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(AggregateRef::Award(self.award.clone())))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::expire(self, facts, work)
    }
}
