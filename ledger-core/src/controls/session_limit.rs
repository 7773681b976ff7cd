//! A player's own limit on the time of a session. It stands beside that of his jurisdiction; the lower counts (R24).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, LimitCause, Note, SessionLimitRaiseRequested, SessionLimitSet, TransactionRef};
use crate::time::Timestamp;

/// A player's own limit on the time of a session, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLimit {
    /// How long one may be.
    pub max_secs: u32,
    /// A longer time that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise: Option<SessionRaise>,
}

/// A longer time that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRaise {
    /// How long, in seconds; `None` for no limit at all.
    pub max_secs: Option<u32>,
    /// From when on it may be.
    pub due_at: Timestamp,
    /// Whether it must be confirmed then. Without that it is so once its time has come, and nothing more is recorded.
    pub confirm: bool,
}

impl SessionLimit {
    /// What holds at an instant, in seconds; `None` for no limit.
    pub fn in_force(&self, now: Timestamp) -> Option<u32> {
        match self.raise.filter(|raise| !raise.confirm && raise.due_at <= now) {
            Some(raise) => raise.max_secs,
            None => Some(self.max_secs),
        }
    }

    /// The limit after it was set; `None` if it was lifted.
    pub fn set(event: &SessionLimitSet) -> Option<Self> {
        event.max_secs.map(|max_secs| Self { max_secs, raise: None })
    }

    /// The limit after a longer one was asked for. What waited before and has come by itself is what he has.
    #[must_use]
    pub fn after_request(self, event: &SessionLimitRaiseRequested, now: Timestamp) -> Self {
        let SessionLimitRaiseRequested { max_secs, due_at, confirm, .. } = *event;
        let raise = Some(SessionRaise { max_secs, due_at, confirm });
        Self { max_secs: self.in_force(now).unwrap_or(self.max_secs), raise }
    }
}

fn in_force(work: &Workspace<'_>) -> Option<u32> {
    let limit = work.state().protection().and_then(|protection| protection.session_limit());
    limit.and_then(|limit| limit.in_force(work.now()))
}

/// Sets the player's own limit on the time of a session, changes it, or lifts it. Shorter holds at once, longer after its
/// time and as his jurisdiction has it (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetSessionLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// How long a session may be, in seconds; `None` to lift it.
    #[serde(default)]
    pub max_secs: Option<u32>,
    /// Who acts, if it is not the player.
    #[serde(default)]
    pub by: Option<ActorId>,
}

impl Operation for SetSessionLimit {
    const KIND: OperationKind = OperationKind::SessionLimitSet;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, self.max_secs.map(|secs| secs.to_string()).as_deref())
            .field(9, self.by.as_ref().map(ActorId::as_str))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let policy = &work.state().jurisdiction_profile(facts.policy).controls;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let (previous, max_secs, by) = (in_force(work), self.max_secs, self.by.clone());
        let event = match (previous, max_secs) {
            (None, None) => {
                work.note(txn, Note::NoLimit)?;
                return Ok(None);
            }
            (Some(own), asked) if asked.is_none_or(|asked| asked > own) => {
                let waits = Duration::from_secs(policy.raise_after_secs.into());
                let (due_at, confirm) = (work.now().saturating_add(waits), policy.raise_needs_confirmation);
                Event::SessionLimitRaiseRequested(SessionLimitRaiseRequested {
                    txn,
                    max_secs,
                    due_at,
                    confirm,
                    by,
                })
            }
            _ => {
                let cause = LimitCause::Set;
                Event::SessionLimitSet(SessionLimitSet { txn, max_secs, previous, cause, by })
            }
        };
        work.push_player(event)?;
        Ok(None)
    }
}

/// The player confirms that he wants his sessions to be longer: he asked for it, and its time has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmSessionLimit {
    /// The host.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
}

impl Operation for ConfirmSessionLimit {
    const KIND: OperationKind = OperationKind::SessionLimitConfirm;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let no = |reason| Err(Rejection::NotAllowed { reason }.into());
        let limit = work.state().protection().and_then(|protection| protection.session_limit());
        let Some((limit, raise)) = limit.and_then(|limit| Some((limit, limit.raise?))) else {
            return no(NotAllowedReason::NoRaiseWaits);
        };
        if !raise.confirm && raise.due_at <= work.now() {
            return no(NotAllowedReason::NoRaiseWaits);
        }
        if work.now() < raise.due_at {
            return no(NotAllowedReason::RaiseNotDue);
        }
        work.push_player(Event::SessionLimitSet(SessionLimitSet {
            txn: TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() },
            max_secs: raise.max_secs,
            previous: Some(limit.max_secs),
            cause: LimitCause::Confirmed,
            by: None,
        }))?;
        Ok(None)
    }
}
