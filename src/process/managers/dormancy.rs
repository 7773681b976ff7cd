//! Money of players who have not been seen for long becomes dormant.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::Event;
use ledger_core::{Currency, CurrencyCode, PlayerId, Policy, Timestamp, TransferDormant};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::lane::Lane;
use crate::process::id::{ManagerName, ProcessId, ProcessNameError, step};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// How long it waits after a refusal.
const AGAIN_AFTER: Duration = Duration::from_hours(24);

/// Sends `TransferDormant` for every purse of a player who has done nothing for as long as the host says. What he does
/// by himself counts: sessions, bets, deposits, withdrawals, tips, tournaments, transfers; not what is done to him.
#[derive(Debug, Clone)]
pub struct Dormancy {
    name: ManagerName,
    after: Duration,
}

impl Dormancy {
    /// The manager `dormancy`, with the time after which money is dormant.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(after: Duration) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("dormancy")?, after })
    }
}

/// A player who may become dormant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// The player.
    pub player: PlayerId,
    /// When he did something last.
    pub last_at: Timestamp,
    /// His purses.
    pub currencies: BTreeSet<CurrencyCode>,
    /// Those of them that were looked at since then.
    pub looked_at: BTreeSet<CurrencyCode>,
    /// Not before this instant, after a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// Whether a player did it himself.
fn is_activity(event: &Event) -> bool {
    matches!(
        event,
        Event::SessionStarted(_)
            | Event::BetPlaced(_)
            | Event::DepositInitiated(_)
            | Event::DepositSucceeded(_)
            | Event::WithdrawalRequested(_)
            | Event::TipGiven(_)
            | Event::TournamentEntered(_)
            | Event::TransferRolledOut(_)
            | Event::ExchangeMade(_)
            | Event::RealityCheckAcknowledged(_)
            | Event::PointsSpent(_)
            | Event::DormantReclaimed(_)
            | Event::PlayerReopened(_)
    )
}

impl ProcessManager for Dormancy {
    type State = Idle;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn lane(&self) -> Option<Lane> {
        Some(Lane::Bulk)
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
        let is_ours = is_activity(&record.event)
            || matches!(
                record.event,
                Event::PlayerOpened(_) | Event::PurseOpened(_) | Event::DormantTransferred(_)
            );
        if is_ours {
            processes.extend(ProcessId::of(&["player", player.as_str()]));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Idle>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match input {
            Input::Event(event) => {
                let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
                if let Event::PlayerOpened(opened) = &record.event {
                    *state = Some(Idle {
                        player: player.clone(),
                        last_at: turn.at,
                        currencies: opened.currencies.iter().map(Currency::code).collect(),
                        looked_at: BTreeSet::new(),
                        not_before: None,
                    });
                }
                let Some(idle) = state else { return };
                match &record.event {
                    Event::PurseOpened(opened) => {
                        idle.currencies.insert(opened.currency.code());
                    }
                    Event::DormantTransferred(event) => {
                        idle.looked_at.insert(event.currency);
                    }
                    event if is_activity(event) => {
                        idle.last_at = turn.at;
                        idle.looked_at.clear();
                        idle.not_before = None;
                    }
                    _ => {}
                }
            }
            Input::Done { step, .. } | Input::Skipped { step, .. } => {
                let Some(idle) = state else { return };
                let code = step.rsplit('/').next().and_then(|code| CurrencyCode::new(code).ok());
                idle.looked_at.extend(code);
            }
            Input::Refused { .. } => {
                if let Some(idle) = state {
                    idle.not_before = Some(turn.at.saturating_add(AGAIN_AFTER));
                }
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &Idle, _: &Policy, wants: &mut Wants<Infallible>) {
        let due = state.last_at.saturating_add(self.after);
        let due = state.not_before.map_or(due, |at| at.max(due));
        for currency in state.currencies.difference(&state.looked_at) {
            let step = step(&["dormant", &due.as_micros().to_string(), currency.as_str()]);
            let want = wants.player(&step, &state.player, |key| TransferDormant {
                source: key.source,
                id: key.id,
                currency: *currency,
            });
            if let Some(want) = want {
                want.not_before(due);
            }
        }
    }
}
