//! Closing a player and opening him again (E45 in docs/scenarios.md).
//!
//! Closing is allowed at any time, with open rounds, waiting withdrawals and debts: rounds finish, wins are paid,
//! what he has is paid out. Only nothing new begins ([`crate::PlayerState::standing`]).

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, PlayerClosed, PlayerReopened, TransactionRef};

/// Closes the player: no new bets, tips, deposits or sessions. The answer shows every purse: what remains to be
/// paid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClosePlayer {
    /// The back office, or the player's own request.
    pub source: SourceId,
    /// Its id of the closing.
    pub id: TransactionId,
    /// Who closes him.
    pub by: ActorId,
    /// Why, in his words.
    pub reason: Reason,
}

impl Operation for ClosePlayer {
    const KIND: OperationKind = OperationKind::PlayerClose;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let state = work.state();
        if state.standing().closed_at.is_some() {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::AlreadyClosed }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_player(Event::PlayerClosed(PlayerClosed {
            txn,
            by: self.by.clone(),
            reason: self.reason.clone(),
            purses: state.balances(),
        }))?;
        Ok(None)
    }
}

/// Opens a closed player again, with a second person's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReopenPlayer {
    /// The back office.
    pub source: SourceId,
    /// Its id of the reopening.
    pub id: TransactionId,
    /// Who reopens him.
    pub by: ActorId,
    /// Who approved that: another person.
    pub approved_by: ActorId,
}

impl Operation for ReopenPlayer {
    const KIND: OperationKind = OperationKind::PlayerReopen;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(9, Some(self.by.as_str())).field(10, Some(self.approved_by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let no = |reason| Err(Rejection::NotAllowed { reason }.into());
        if work.state().standing().closed_at.is_none() {
            return no(NotAllowedReason::AlreadyOpen);
        }
        if self.by == self.approved_by {
            return no(NotAllowedReason::SamePerson);
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let (by, approved_by) = (self.by.clone(), self.approved_by.clone());
        work.push_player(Event::PlayerReopened(PlayerReopened { txn, by, approved_by }))?;
        Ok(None)
    }
}
