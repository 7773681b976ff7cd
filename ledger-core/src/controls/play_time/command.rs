//! The commands on limits on the time of play, and their decisions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PlayTime;
use super::begin::first_bounds;
use crate::controls::window;
use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::policy::ControlPolicy;
use crate::rejection::{NotAllowedReason, not_allowed};
use crate::stored::{
    Event, LimitBasis, LimitCause, LimitSide, LimitWindow, Note, PlayTimeLimitSet, PlayTimeRaiseRequested,
    TransactionRef,
};
use crate::time::Timestamp;

fn print_window(window: LimitWindow, print: FingerprintBuilder) -> FingerprintBuilder {
    print.field(6, Some(window.period.as_str())).field(7, Some(window.basis.as_str()))
}

/// Sets a limit of a player on the time of play, changes it, or lifts it. What is shorter holds at once; what is longer, of a
/// limit of the player's own, only after its time and as his jurisdiction has it (R14, R40).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPlayTimeLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// Whose limit: the player's own or the operator's. Neither touches the other (R23).
    pub side: LimitSide,
    /// Over which window.
    pub window: LimitWindow,
    /// How long he may play in it, in seconds; `None` to lift it.
    #[serde(default)]
    pub max_secs: Option<u32>,
    /// Who acts, if it is not the player.
    #[serde(default)]
    pub by: Option<ActorId>,
}

/// From when on a raise that is asked for now may be.
fn due_at(play: &PlayTime, of: LimitWindow, policy: &ControlPolicy, zone: &str, now: Timestamp) -> Timestamp {
    let waited = now.saturating_add(Duration::from_secs(policy.raise_after_secs.into()));
    let counted = play.window(of).filter(|_| policy.raise_after_window && of.basis != LimitBasis::Rolling);
    let over = counted.and_then(|counted| window::bounds(of, policy, zone, counted.since, now));
    over.map_or(waited, |bounds| waited.max(bounds.until))
}

impl Operation for SetPlayTimeLimit {
    const KIND: OperationKind = OperationKind::PlayTimeLimitSet;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let secs = self.max_secs.map(|secs| secs.to_string());
        print_window(self.window, print.field(1, secs.as_deref()))
            .field(8, Some(self.side.as_str()))
            .field(9, self.by.as_ref().map(ActorId::as_str))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let (side, of, max_secs, by) = (self.side, self.window, self.max_secs, self.by.clone());
        if !matches!(side, LimitSide::Player | LimitSide::Operator) {
            return Err(not_allowed(NotAllowedReason::LimitOfPolicy).into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let state = work.state();
        let policy = &state.jurisdiction_profile(facts.policy).controls;
        let zone = state.profile().map_or("UTC", |profile| profile.zone.as_str());
        let nothing = PlayTime::default();
        let play = work.controls().and_then(|controls| controls.play_time()).unwrap_or(&nothing);
        let known = play.limit(side, of);
        let previous = known.map(|limit| limit.max_secs);
        let is_laxer = previous.is_some_and(|own| max_secs.is_none_or(|asked| asked > own));
        if known.is_none() && max_secs.is_none() {
            work.note(txn, Note::NoLimit)?;
            return Ok(None);
        }
        let event = if is_laxer && side == LimitSide::Player {
            Event::PlayTimeRaiseRequested(PlayTimeRaiseRequested {
                txn,
                window: of,
                max_secs,
                due_at: due_at(play, of, policy, zone, work.now()),
                confirm: policy.raise_needs_confirmation,
                by,
            })
        } else {
            let cause = if is_laxer { LimitCause::Raised } else { LimitCause::Set };
            let bounds = max_secs.and_then(|_| first_bounds(Some(play), of, policy, zone, work.now()));
            Event::PlayTimeLimitSet(PlayTimeLimitSet {
                txn,
                side,
                window: of,
                max_secs,
                previous,
                cause,
                bounds,
                by,
            })
        };
        work.push_player(event)?;
        Ok(None)
    }
}

/// The player confirms that he wants a limit of his on the time of play higher, or no more: he asked for it, and its time has
/// come (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmPlayTimeLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// Over which window the limit is.
    pub window: LimitWindow,
}

impl Operation for ConfirmPlayTimeLimit {
    const KIND: OperationKind = OperationKind::PlayTimeLimitConfirm;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_window(self.window, print)
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let play = work.controls().and_then(|controls| controls.play_time());
        let limit = play.and_then(|play| play.limit(LimitSide::Player, self.window));
        let waiting = limit.and_then(|limit| Some((limit.max_secs, limit.raise?)));
        let (previous, raise) = waiting.ok_or_else(|| not_allowed(NotAllowedReason::NoRaiseWaits))?;
        if work.now() < raise.due_at {
            return Err(not_allowed(NotAllowedReason::RaiseNotDue).into());
        }
        work.push_player(Event::PlayTimeLimitSet(PlayTimeLimitSet {
            txn: TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() },
            side: LimitSide::Player,
            window: self.window,
            max_secs: raise.max_secs,
            previous: Some(previous),
            cause: LimitCause::Confirmed,
            bounds: None,
            by: None,
        }))?;
        Ok(None)
    }
}
