//! Profiles of limits, and the one a player is assigned.

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, ProfileName, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, PlayerState, Workspace, sent_by};
use crate::policy::{DEFAULT_PROFILE, LimitProfile, LimitRule, Policy};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, LimitProfileAssigned, Note, TransactionRef};

/// The player's profile: that he was assigned, or else the default; none, if the policy has it not.
pub(super) fn profile<'p>(policy: &'p Policy, state: &PlayerState) -> Option<&'p LimitProfile> {
    if policy.limit_profiles.is_empty() {
        return None;
    }
    let assigned = state.protection().and_then(|protection| protection.limit_profile());
    match assigned {
        Some(name) => policy.limit_profiles.get(name),
        None => {
            policy.limit_profiles.iter().find(|(name, _)| name.as_str() == DEFAULT_PROFILE).map(|(_, it)| it)
        }
    }
}

/// The limits of the player's profile.
pub(super) fn limits<'p>(policy: &'p Policy, state: &PlayerState) -> &'p [LimitRule] {
    match (profile(policy, state), state.profile()) {
        (Some(own), Some(profile)) => own.limits_in(&profile.jurisdiction),
        _ => &[],
    }
}

/// Assigns a player a profile of limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssignLimitProfile {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The profile, one of the policy; `None` for the default.
    #[serde(default)]
    pub profile: Option<ProfileName>,
    /// Who assigns it.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for AssignLimitProfile {
    const KIND: OperationKind = OperationKind::LimitProfile;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, self.profile.as_ref().map(ProfileName::as_str)).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        if self.profile.as_ref().is_some_and(|name| !facts.policy.limit_profiles.contains_key(name)) {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::ProfileUnknown }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let previous = work.state().protection().and_then(|protection| protection.limit_profile()).cloned();
        if previous == self.profile {
            work.note(txn, Note::Unchanged)?;
            return Ok(None);
        }
        let (profile, by, reason) = (self.profile.clone(), self.by.clone(), self.reason.clone());
        let event = LimitProfileAssigned { txn, profile, previous, by, reason };
        work.push_player(Event::LimitProfileAssigned(event))?;
        Ok(None)
    }
}
