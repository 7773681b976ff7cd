//! What of a player's events is kept as his history, and which of them tell that a limit met him.

use ledger_core::stored::Event;
use ledger_core::{AccountKind, Limit, Rejection};

use super::fold::Fold;
use super::page::{history_key, hit_key};
use super::row::{ControlRecord, ControlsRow, HitKind, LimitHit, MetLimit};
use crate::error::ViewError;

impl Fold<'_, '_> {
    /// What happened is kept, and whom a limit met.
    pub(super) fn remember(&mut self) -> Result<(), ViewError> {
        let hit = self.hit()?;
        if hit.is_none() && !is_of_history(&self.record.event) {
            return Ok(());
        }
        let (at, place, actor) =
            (self.commit.body.recorded_at, self.rows.event_place(), self.commit.body.actor.clone());
        let record = ControlRecord { at, place, actor, event: self.record.clone() };
        self.rows.put(&history_key(self.player, place), ControlsRow::Record(Box::new(record)))?;
        match hit {
            Some(hit) => self.rows.put(&hit_key(&hit.cursor()), ControlsRow::Hit(Box::new(hit))),
            None => Ok(()),
        }
    }

    fn hit(&self) -> Result<Option<LimitHit>, ViewError> {
        let is_one = match &self.record.event {
            Event::LimitWarned(_) | Event::PlayTimeWarned(_) => true,
            Event::TxnRejected(event) => {
                matches!(event.rejection, Rejection::LimitExceeded { .. } | Rejection::PlayTimeReached { .. })
            }
            _ => false,
        };
        if is_one { Ok(self.hit_of(self.account()?)) } else { Ok(None) }
    }

    fn hit_of(&self, account: AccountKind) -> Option<LimitHit> {
        let body = &self.commit.body;
        let none = |kind, limit: MetLimit, operation| LimitHit {
            at: body.recorded_at,
            player: self.player.clone(),
            account,
            place: self.rows.event_place(),
            operator: body.operator.clone(),
            brand: body.brand.clone(),
            kind,
            limit,
            currency: None,
            amount: None,
            used: None,
            left: None,
            operation,
        };
        match &self.record.event {
            Event::LimitWarned(event) => {
                let (kind, window, side) = (event.term.kind, event.term.window, event.side);
                let limit = Limit::Protection { kind, window, side };
                Some(LimitHit {
                    currency: Some(event.term.currency),
                    amount: Some(event.amount),
                    used: Some(event.used),
                    ..none(HitKind::Warned, MetLimit::Money(limit), event.txn.clone())
                })
            }
            Event::PlayTimeWarned(event) => {
                let (window, side, max_secs) = (event.window, event.side, event.max_secs);
                let limit = MetLimit::PlayTime { window, side, max_secs };
                Some(none(HitKind::Warned, limit, event.txn.clone()))
            }
            Event::TxnRejected(event) => match &event.rejection {
                Rejection::LimitExceeded { limit, left }
                    if matches!(limit, Limit::Protection { .. } | Limit::Register { .. }) =>
                {
                    let limit = MetLimit::Money(limit.clone());
                    Some(LimitHit { left: *left, ..none(HitKind::Refused, limit, event.txn.clone()) })
                }
                Rejection::PlayTimeReached { window, side, limit_secs } => {
                    let limit = MetLimit::PlayTime { window: *window, side: *side, max_secs: *limit_secs };
                    Some(none(HitKind::Refused, limit, event.txn.clone()))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether an event is of a player's protection.
fn is_of_history(event: &Event) -> bool {
    matches!(
        event,
        Event::LimitSet(_)
            | Event::LimitRaiseRequested(_)
            | Event::LimitWarned(_)
            | Event::LimitProfileAssigned(_)
            | Event::SessionLimitSet(_)
            | Event::SessionLimitRaiseRequested(_)
            | Event::PlayTimeLimitSet(_)
            | Event::PlayTimeRaiseRequested(_)
            | Event::PlayTimeWarned(_)
            | Event::ExclusionStarted(_)
            | Event::ExclusionReturnRequested(_)
            | Event::PlayerBlocked(_)
            | Event::PlayerUnblocked(_)
            | Event::PlayerClosed(_)
            | Event::PlayerReopened(_)
            | Event::KycStatusChanged(_)
            | Event::RegisterAnswered(_)
            | Event::RealityCheckAcknowledged(_)
    )
}
