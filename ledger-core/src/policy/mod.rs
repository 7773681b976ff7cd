//! Policies: how sources behave and what jurisdictions demand, as a plain versioned document whose hash every
//! commit names.

mod bonus;
mod bonus_rules;
mod controls;
mod deposits;
mod fx;
mod games;
mod jurisdiction;
mod loyalty;
mod play;
mod profiles;
mod registers;
mod risk;
mod shipped;
mod source;
mod verification;
mod withdrawals;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{HostName, JurisdictionId, ProfileName, ProgrammeName, SourceId, SubAccount, TermsName};
use crate::key::{ContentHash, OperationKind};

pub(crate) use bonus::WHOLE;
pub use bonus::{
    AboveMaxBet, BonusTerms, CashbackOf, FundOrder, MaxBet, MaxConversion, MissionCondition, Reward,
    WageringBase, WageringCount, WageringTerms, Weights,
};
pub use bonus_rules::{
    BonusRestrictions, Leaving, MISSION_CONDITIONS_MAX, OnLeaving, OnWithdrawal, Principal,
};
pub use controls::{ControlPolicy, CountedFunds, LimitRule, PlayTimeRule, WeekStart};
pub use deposits::{CapturePolicy, DepositPolicy, FailureRule};
pub use fx::FxPolicy;
pub use games::{CategoryStakes, GameRule, GameTable, SourceSwitch, StakeRange};
pub use jurisdiction::{JurisdictionProfile, ReverseWithdrawal, UnplayedMoney};
pub use loyalty::{LoyaltyTerms, PointWorth};
pub use play::{FreeRoundPayment, RoundClosePolicy, RoundTimeOut, SessionPolicy, TimeOutAction};
pub use profiles::{DEFAULT_PROFILE, LimitProfile};
pub use registers::{RegisterRule, RegisterUse, WhenUnreachable};
pub use risk::{Reaction, RiskRule};
pub use shipped::JurisdictionDocument;
pub use source::{KeyScope, ShortfallPolicy, SourcePolicy};
pub use verification::{TierBar, TierRule, WithdrawalGate};
pub use withdrawals::{
    AfterChargeback, ApprovalStep, DestinationPolicy, KycRequirement, LatePayoutPolicy, WithdrawalFee,
    WithdrawalPolicy, WithdrawalTerms,
};

/// The policies a ledger decides under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The version of the document's shape.
    pub version: u16,
    /// How sources behave that are not named.
    pub default: SourcePolicy,
    /// How named sources behave.
    pub sources: BTreeMap<SourceId, SourcePolicy>,
    /// The host's checks in force, by name, with their versions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<HostName, u32>,
    /// How deposits are dealt with.
    #[serde(skip_serializing_if = "is_default")]
    pub deposits: DepositPolicy,
    /// The rules of jurisdictions that are not named.
    #[serde(skip_serializing_if = "is_default")]
    pub default_jurisdiction: JurisdictionProfile,
    /// The rules of named jurisdictions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jurisdictions: BTreeMap<JurisdictionId, JurisdictionProfile>,
    /// What exchange demands.
    #[serde(skip_serializing_if = "is_default")]
    pub fx: FxPolicy,
    /// How withdrawals are dealt with.
    #[serde(skip_serializing_if = "is_default")]
    pub withdrawals: WithdrawalPolicy,
    /// The terms of bonuses, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bonuses: BTreeMap<TermsName, BonusTerms>,
    /// The campaigns of free rounds whose total is paid as a bonus (S94, B25), and under which terms. The others' wins are
    /// cash.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub free_round_bonuses: BTreeMap<SubAccount, TermsName>,
    /// The operator's profiles of limits, by name. One that is called `DEFAULT` is every player's who was assigned none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limit_profiles: BTreeMap<ProfileName, LimitProfile>,
    /// Which games may be played where, and for how much.
    #[serde(skip_serializing_if = "is_default")]
    pub games: GameTable,
    /// The programmes of loyalty points, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub loyalty: BTreeMap<ProgrammeName, LoyaltyTerms>,
}

/// Settings that are as they are by default are left out of a document, so that a new setting does not change the
/// hash of documents that do not use it.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: 1,
            default: SourcePolicy::default(),
            sources: BTreeMap::new(),
            checks: BTreeMap::new(),
            deposits: DepositPolicy::default(),
            default_jurisdiction: JurisdictionProfile::default(),
            jurisdictions: BTreeMap::new(),
            fx: FxPolicy::default(),
            withdrawals: WithdrawalPolicy::default(),
            bonuses: BTreeMap::new(),
            free_round_bonuses: BTreeMap::new(),
            limit_profiles: BTreeMap::new(),
            games: GameTable::default(),
            loyalty: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// How a source behaves.
    pub fn of(&self, source: &SourceId) -> &SourcePolicy {
        self.sources.get(source).unwrap_or(&self.default)
    }

    /// The rules of a jurisdiction: those it is named with, or else what its law is known to say, or else the
    /// default.
    pub fn profile(&self, jurisdiction: &JurisdictionId) -> &JurisdictionProfile {
        let named = self.jurisdictions.get(jurisdiction);
        named.or_else(|| JurisdictionProfile::by_law(jurisdiction)).unwrap_or(&self.default_jurisdiction)
    }

    /// Which message pays the wins of free rounds of a campaign: one that pays a bonus pays it for the total, whatever the
    /// source does otherwise.
    pub(crate) fn free_rounds(&self, source: &SourceId, campaign: Option<&SubAccount>) -> FreeRoundPayment {
        match campaign {
            Some(campaign) if self.free_round_bonuses.contains_key(campaign) => FreeRoundPayment::Total,
            _ => self.of(source).free_rounds,
        }
    }

    /// The kind under which an operation's key stands, by the source's scope. The payment of a jackpot, and the prize and
    /// return of an entry to a tournament, are the ledger's own, under the id that the source gave its claim or entry: they
    /// never meet its key.
    pub fn key_kind(&self, source: &SourceId, kind: OperationKind) -> OperationKind {
        match self.of(source).key_scope {
            KeyScope::PerKind => kind,
            KeyScope::AnyKind => match kind {
                OperationKind::JackpotPayment
                | OperationKind::TournamentPrize
                | OperationKind::TournamentReturn => kind,
                _ => OperationKind::Any,
            },
        }
    }

    /// The hash of the document's canonical JSON: fields in declaration order, sources and
    /// jurisdictions by id, settings at their default left out where this says so.
    ///
    /// # Errors
    ///
    /// None in practice: the document has only texts, numbers and flags.
    pub fn content_hash(&self) -> Result<ContentHash, serde_json::Error> {
        Ok(ContentHash::of(&serde_json::to_vec(self)?))
    }
}
