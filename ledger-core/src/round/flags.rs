//! What a provider says of one call, over its source's policy.

use serde::{Deserialize, Serialize};

use crate::policy::SourcePolicy;

/// What a provider says of one call: each flag that is given goes before the policy of its source (K in
/// docs/scenarios.md). One that does not concern the command has no effect, because providers send all they have with
/// every call.
///
/// Flags say how a call is to be taken, not what it is: they are no part of its fingerprint, and a copy with other
/// flags is a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CallFlags {
    /// Of a bet: its stake may be more than is available (Pariplay 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_debit: Option<bool>,
    /// Of a win: it is paid although its round is not known (Pariplay 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_without_debit: Option<bool>,
    /// Of a rollback: it calls off what is settled (Pariplay 9), or does not (4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_settled: Option<bool>,
    /// Of a bet or a win: it may come after the end of its round (Pariplay 6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_end: Option<bool>,
    /// Of the reopening of a round: it may be (Pariplay's `ROUND_REOPEN`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reopen: Option<bool>,
    /// Of a bet or a roll-out: it must name an open session, or need not (`ValidateSession` of `EveryMatrix`). What a
    /// jurisdiction demands is demanded all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_session: Option<bool>,
    /// Of a bet that opens a round: others of its game may be open (iSoftBet's `allow_open_rounds`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_rounds: Option<bool>,
}

impl CallFlags {
    pub(crate) fn may_owe(self, source: &SourcePolicy) -> bool {
        self.negative_debit.unwrap_or(source.negative_debit)
    }

    pub(crate) fn may_credit_alone(self, source: &SourcePolicy) -> bool {
        self.credit_without_debit.unwrap_or(source.credit_without_debit)
    }

    pub(crate) fn cancels_settled(self, source: &SourcePolicy) -> bool {
        self.cancel_settled.unwrap_or(source.cancel_settled)
    }

    pub(crate) fn may_come_late(self, source: &SourcePolicy) -> bool {
        self.after_end.unwrap_or(source.wagers_after_end)
    }

    pub(crate) fn may_reopen(self, source: &SourcePolicy) -> bool {
        self.reopen.unwrap_or(source.reopen_rounds)
    }

    pub(crate) fn may_be_one_of_many(self, source: &SourcePolicy) -> bool {
        self.open_rounds.unwrap_or(!source.one_open_round)
    }
}
