//! Exclusions: a player who does not want to play, or must not, for a while or for ever. They hold at once and never end
//! early (R17 to R19, E44 in docs/scenarios.md).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window;
use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::rejection::{NotAllowedReason, not_allowed};
use crate::stored::{Event, ExclusionKind, ExclusionReturnRequested, ExclusionStarted, TransactionRef};
use crate::time::Timestamp;

/// The last exclusion of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// What it is.
    pub kind: ExclusionKind,
    /// Since when.
    pub since: Timestamp,
    /// Its end, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// From when on the player may play again, if he has asked for it after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_at: Option<Timestamp>,
}

impl Exclusion {
    /// Whether it bars the player at an instant. A time-out ends by itself; of a self-exclusion the end alone is not enough,
    /// he must ask (R18).
    pub fn bars(&self, now: Timestamp) -> bool {
        match self.kind {
            ExclusionKind::TimeOut => self.until.is_none_or(|until| now < until),
            ExclusionKind::SelfExclusion => self.returns_at.is_none_or(|returns_at| now < returns_at),
        }
    }

    /// Whether another one would bar less, or not as long.
    fn is_weakened_by(&self, kind: ExclusionKind, until: Option<Timestamp>) -> bool {
        let ends_earlier = match (self.until, until) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(other)) => other < own,
        };
        ends_earlier || (self.kind == ExclusionKind::SelfExclusion && kind == ExclusionKind::TimeOut)
    }
}

/// Excludes a player, at once: no bets, no deposits, no sessions. What is open takes its course, and he may withdraw. It can be
/// made longer or stricter, and never shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExcludePlayer {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// A time-out or a self-exclusion.
    pub kind: ExclusionKind,
    /// Its end; without one it has none, which a time-out must have.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Who acts, if it is not the player.
    #[serde(default)]
    pub by: Option<ActorId>,
    /// That it carries over what another player of the same person began: how long that must be was looked at there. Only of
    /// a player whose person is known; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
}

impl Operation for ExcludePlayer {
    const KIND: OperationKind = OperationKind::Exclusion;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(self.kind.as_str()))
            .field(2, self.until.map(|until| until.to_string()).as_deref())
            .field(9, self.by.as_ref().map(ActorId::as_str))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let (state, now) = (work.state(), work.now());
        let policy = &state.jurisdiction_profile(facts.policy).controls;
        let longest = Duration::from_secs(u64::from(policy.time_out_max_days).saturating_mul(86_400));
        let zone = state.profile().map_or("UTC", |profile| profile.zone.as_str());
        let is_carried = self.carried && state.profile().is_some_and(|profile| profile.person.is_some());
        let fits = match (self.kind, self.until) {
            (ExclusionKind::TimeOut, None) => false,
            (ExclusionKind::TimeOut, Some(until)) => now < until && until <= now.saturating_add(longest),
            (ExclusionKind::SelfExclusion, None) => true,
            (ExclusionKind::SelfExclusion, Some(until)) => {
                let least = || window::months_after(policy, zone, now, policy.self_exclusion_min_months);
                now < until && (is_carried || until >= least())
            }
        };
        if !fits {
            return Err(not_allowed(NotAllowedReason::ExclusionLength).into());
        }
        let current = state.standing().exclusion.as_ref().filter(|exclusion| exclusion.bars(now));
        if current.is_some_and(|current| current.is_weakened_by(self.kind, self.until)) {
            return Err(not_allowed(NotAllowedReason::ExclusionNotOver).into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let (kind, until, by) = (self.kind, self.until, self.by.clone());
        work.push_player(Event::ExclusionStarted(ExclusionStarted { txn, kind, until, by }))?;
        Ok(None)
    }
}

/// A player whose self-exclusion is over asks to play again. He may after a while, and not before he has asked (R18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnFromExclusion {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
}

impl Operation for ReturnFromExclusion {
    const KIND: OperationKind = OperationKind::ExclusionReturn;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let (state, now) = (work.state(), work.now());
        let waits = state.standing().exclusion.as_ref().filter(|exclusion| {
            exclusion.kind == ExclusionKind::SelfExclusion && exclusion.returns_at.is_none()
        });
        let exclusion = waits.ok_or_else(|| not_allowed(NotAllowedReason::NotExcluded))?;
        if exclusion.until.is_none_or(|until| now < until) {
            return Err(not_allowed(NotAllowedReason::ExclusionNotOver).into());
        }
        let policy = &state.jurisdiction_profile(facts.policy).controls;
        let returns_at = now.saturating_add(Duration::from_secs(policy.return_after_secs.into()));
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let event = ExclusionReturnRequested { txn, returns_at };
        work.push_player(Event::ExclusionReturnRequested(event))?;
        Ok(None)
    }
}
