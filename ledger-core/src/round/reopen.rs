//! A round that is over is open again, because its source says so (S75 in docs/scenarios.md).

use serde::{Deserialize, Serialize};

use super::CallFlags;
use super::common::{check_room, is_undone, known_round, note, reopen as reopen_round};
use crate::ids::{RoundId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{Note, ReopenReason, RoundStatus, TransactionRef};

/// Reopens a round that is over: bets and wins may come again until it ends. Only where the policy of its source, or a
/// flag of the call, says that it may; no money moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReopenRound {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the message.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// What the provider says of this call.
    #[serde(default)]
    pub flags: CallFlags,
}

impl ReopenRound {
    fn round_ref(&self) -> RoundRef {
        RoundRef { source: self.source.clone(), round: self.round.clone() }
    }
}

impl Operation for ReopenRound {
    const KIND: OperationKind = OperationKind::RoundReopen;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.round.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.round_ref().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        reopen(self, facts, work)
    }
}

fn reopen(command: &ReopenRound, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let round = known_round(state, facts, &command.round_ref())
        .ok_or_else(|| Rejection::BetNotFound { round: command.round.clone() })?;
    match round.status {
        RoundStatus::Cancelled => return Err(Rejection::TxnCancelled.into()),
        // Every bet of it was called off after it was settled: there is nothing that could go on.
        RoundStatus::Closed if round.bets.iter().all(is_undone) => return Err(Rejection::TxnCancelled.into()),
        RoundStatus::Open | RoundStatus::Void => {
            let (source, id) = (command.source.clone(), command.id.clone());
            let txn = TransactionRef { source, kind: OperationKind::RoundReopen, id };
            return note(work, txn, Note::RoundOpen).map(|_| round.currency);
        }
        RoundStatus::Closed if !command.flags.may_reopen(facts.policy.of(&command.source)) => {
            return Err(Rejection::RoundClosed { round: command.round.clone() }.into());
        }
        RoundStatus::Closed => {}
    }
    check_room(state, round)?;

    let (mut round, currency) = (round.clone(), round.currency);
    reopen_round(work, &mut round, ReopenReason::Source)?;
    Ok(currency)
}
