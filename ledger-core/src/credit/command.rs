//! The command of a credit.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{RoundId, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{AggregateRef, Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::{AwardRef, CreditKind};

/// Reports what free rounds won all in all (S95, H14 in docs/scenarios.md). By the policy of its source it is paid, or it
/// is news because each win was paid when it came; never both. A campaign that the policy lets pay a bonus pays it for the
/// total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportFreeRounds {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the report.
    pub id: TransactionId,
    /// The campaign that bears it.
    pub campaign: SubAccount,
    /// All that they won.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

impl Operation for ReportFreeRounds {
    const KIND: OperationKind = OperationKind::FreeRoundTotal;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(8, Some(self.campaign.as_str()))
    }

    fn needs(&self, policy: &Policy) -> Needs {
        let pays_bonus = policy.free_round_bonuses.contains_key(&self.campaign);
        let award = AwardRef { source: self.source.clone(), id: self.id.clone() };
        Needs::of(pays_bonus.then_some(AggregateRef::Award(award)))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::decide::free_rounds(self, facts, work)
    }
}

/// Pays the player something that no stake earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantCredit {
    /// The game provider or process.
    pub source: SourceId,
    /// Its id of the credit.
    pub id: TransactionId,
    /// What for.
    pub reason: CreditKind,
    /// The campaign, jackpot or provider that bears it.
    pub of: SubAccount,
    /// The round it is linked to, open or not.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// The credit.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

impl GrantCredit {
    /// The round it is linked to, as its source names it.
    pub(super) fn round_ref(&self) -> Option<RoundRef> {
        let round = self.round.clone()?;
        Some(RoundRef { source: self.source.clone(), round })
    }
}

impl Operation for GrantCredit {
    const KIND: OperationKind = OperationKind::Credit;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let reason = match self.reason {
            CreditKind::ProviderPromo => "provider_promo",
            CreditKind::FreeRound => "free_round",
            CreditKind::Cashback => "cashback",
            CreditKind::LocalJackpot => "local_jackpot",
            CreditKind::NetworkJackpot => "network_jackpot",
        };
        print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, self.round.as_ref().map(RoundId::as_str))
            .field(5, Some(reason))
            .field(8, Some(self.of.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(self.round_ref().map(Into::into))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::decide::credit(self, facts, work)
    }
}
