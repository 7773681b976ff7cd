//! The commands of loyalty points.

use serde::{Deserialize, Serialize};

use super::decide;
use crate::bonus::Played;
use crate::ids::{ActorId, IdError, PlayerId, ProgrammeName, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{AggregateRef, Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::AwardRef;

/// Gives points for what was played in a period: the core computes how many. It is named by programme, currency and begin of
/// the period, and a period that overlaps one that was given for is refused, so nothing is given for twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EarnPoints {
    /// The process that adds up what was played.
    pub source: SourceId,
    /// The programme.
    pub programme: ProgrammeName,
    /// The currency of what was played.
    pub currency: CurrencyCode,
    /// What was played in the period.
    pub played: Played,
}

impl Operation for EarnPoints {
    const KIND: OperationKind = OperationKind::PointsEarn;
    const IS_CASHIER: bool = true;

    fn sender(&self, _: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
        let id = format!("{}@{}@{}", self.programme, self.currency, self.played.from);
        Ok((self.source.clone(), TransactionId::new(id)?))
    }

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print.field(2, Some(self.currency.as_str())).field(3, Some(self.programme.as_str()));
        self.played.print(print, 8)
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::earn(self, facts, work)
    }
}

/// Spends points on a bonus under the terms that the programme names. The award has the source and id of the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SpendPoints {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the operation, and of the award.
    pub id: TransactionId,
    /// The programme.
    pub programme: ProgrammeName,
    /// How many points: a multiple of what the programme sells at once.
    pub points: u64,
    /// The currency of the bonus.
    pub currency: CurrencyCode,
}

impl SpendPoints {
    /// The award it makes.
    pub fn award(&self) -> AwardRef {
        AwardRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for SpendPoints {
    const KIND: OperationKind = OperationKind::PointsSpend;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.programme.as_str()))
            .field(4, Some(&self.points.to_string()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(AggregateRef::Award(self.award())))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::spend(self, facts, work)
    }
}

/// Ends the points of a programme that were not touched for as long as it says. Sent by a timer; from that time on they cannot
/// be spent anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExpirePoints {
    /// The timer.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The programme.
    pub programme: ProgrammeName,
}

impl Operation for ExpirePoints {
    const KIND: OperationKind = OperationKind::PointsExpire;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.programme.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::expire(self, facts, work)
    }
}

/// Gives points or takes them, by two persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdjustPoints {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The programme.
    pub programme: ProgrammeName,
    /// How many more or, below zero, fewer.
    pub points: i64,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
    /// Why, in words.
    pub reason: Reason,
}

impl Operation for AdjustPoints {
    const KIND: OperationKind = OperationKind::PointsAdjust;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.programme.as_str())).field(4, Some(&self.points.to_string()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::adjust(self, facts, work)
    }
}
