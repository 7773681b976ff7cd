//! What ends when its time is over: rounds, deposits at the cashier, withdrawals nobody looks at, bonuses.

use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{AwardRef, BetStatus, Event, PaymentRef, PendingStatus, Round};
use ledger_core::{
    ExpireBonus, ExpireDeposit, ExpireRound, ExpireWithdrawal, PlayerId, Policy, RoundId, SourceId, Stream,
    Timestamp,
};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, of_stream, player};
use crate::process::id::{ManagerName, ProcessId, ProcessNameError};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// How long it waits after a refusal: a policy allows more time now, or the player's payouts are frozen.
const AGAIN_AFTER: Duration = Duration::from_hours(1);

/// The step; with the instant at which it is due.
const STEP: &str = "expire";

/// Sends `ExpireRound`, `ExpireDeposit`, `ExpireWithdrawal` and `ExpireBonus` when the policy in force says that the time
/// is over. The ledger decides; a refusal is asked again an hour later.
#[derive(Debug, Clone)]
pub struct Expiries {
    name: ManagerName,
}

impl Expiries {
    /// The manager `expiries`.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new() -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("expiries")? })
    }
}

/// Something that may expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// Whose it is.
    pub player: PlayerId,
    /// What it is.
    pub what: ExpiringWhat,
    /// Not before this instant, after a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What may expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpiringWhat {
    /// An open round.
    Round {
        /// Its source.
        source: SourceId,
        /// Its id.
        round: RoundId,
        /// When something happened in it last.
        last_at: Timestamp,
        /// How many of its bets were not undone.
        bets: u32,
        /// Whether one was settled.
        settled: bool,
    },
    /// A deposit at the cashier.
    Deposit {
        /// The deposit.
        of: PaymentRef,
        /// When it was started.
        since: Timestamp,
    },
    /// A withdrawal that nobody has looked at.
    Withdrawal {
        /// The withdrawal.
        of: PaymentRef,
        /// When it was asked for.
        since: Timestamp,
    },
    /// A bonus award.
    Award {
        /// The award.
        of: AwardRef,
        /// When its time is over, if it ever is.
        expires_at: Option<Timestamp>,
        /// Whether all is wagered: then time does not end it.
        completing: bool,
    },
}

/// What of a round's bets was not undone, and whether one was settled.
fn standing(round: &Round) -> (u32, bool) {
    let stands = |status| matches!(status, BetStatus::Open | BetStatus::Settled);
    let bets = round.bets.iter().filter(|bet| stands(bet.status)).count();
    let settled = round.bets.iter().any(|bet| bet.status == BetStatus::Settled);
    (u32::try_from(bets).unwrap_or(u32::MAX), settled)
}

/// What begins with an event.
fn begun(stream: &Stream, event: &Event, at: Timestamp) -> Option<ExpiringWhat> {
    match (stream, event) {
        (Stream::Round(_, source, round), Event::BetPlaced(_)) => {
            let (source, round) = (source.clone(), round.clone());
            Some(ExpiringWhat::Round { source, round, last_at: at, bets: 0, settled: false })
        }
        (Stream::Round(_, source, round), Event::RoundReopened(event)) => {
            let (source, round, (bets, settled)) = (source.clone(), round.clone(), standing(&event.round));
            Some(ExpiringWhat::Round { source, round, last_at: at, bets, settled })
        }
        (Stream::Intent(_, source, id), Event::DepositInitiated(_)) => {
            let of = PaymentRef { source: source.clone(), id: id.clone() };
            Some(ExpiringWhat::Deposit { of, since: at })
        }
        (Stream::Withdrawal(_, source, id), Event::WithdrawalRequested(event)) => {
            let of = PaymentRef { source: source.clone(), id: id.clone() };
            is_unseen(event.status).then_some(ExpiringWhat::Withdrawal { of, since: at })
        }
        (Stream::Withdrawal(_, source, id), Event::WithdrawalSplitOff(event)) => {
            let of = PaymentRef { source: source.clone(), id: id.clone() };
            is_unseen(event.status).then_some(ExpiringWhat::Withdrawal { of, since: event.requested_at })
        }
        (Stream::Bonus(_, of), Event::BonusOffered(event)) => {
            let (of, expires_at) = (of.clone(), event.expires_at);
            Some(ExpiringWhat::Award { of, expires_at, completing: false })
        }
        (Stream::Bonus(_, of), Event::BonusIssued(event)) => {
            let (of, expires_at) = (of.clone(), event.expires_at);
            Some(ExpiringWhat::Award { of, expires_at, completing: false })
        }
        _ => None,
    }
}

fn is_unseen(status: PendingStatus) -> bool {
    matches!(status, PendingStatus::AwaitingKyc | PendingStatus::Requested)
}

/// Folds an event into what has begun; whether it goes on.
fn goes_on(what: &mut ExpiringWhat, event: &Event, at: Timestamp) -> bool {
    match what {
        ExpiringWhat::Round { last_at, bets, settled, .. } => {
            *last_at = at;
            match event {
                Event::BetPlaced(_) => *bets = bets.saturating_add(1),
                Event::BetRolledBack(_) | Event::BetVoided(_) => *bets = bets.saturating_sub(1),
                Event::BetSettled(_) => *settled = true,
                Event::RoundReopened(event) => (*bets, *settled) = standing(&event.round),
                Event::RoundClosed(_) | Event::RoundVoided(_) => return false,
                Event::SettlementVoided(event) if event.round => return false,
                _ => {}
            }
            // With its last bet undone and none settled it is void.
            *bets > 0 || *settled
        }
        ExpiringWhat::Deposit { .. } => match event {
            Event::DepositFailed(event) => event.attempt.is_some(),
            Event::DepositCancelled(_) | Event::DepositExpired(_) | Event::DepositCompleted(_) => false,
            _ => true,
        },
        ExpiringWhat::Withdrawal { .. } => match event {
            Event::WithdrawalRequested(event) => is_unseen(event.status),
            Event::WithdrawalSplitOff(event) => is_unseen(event.status),
            Event::WithdrawalKycPassed(event) => is_unseen(event.status),
            _ => false,
        },
        ExpiringWhat::Award { expires_at, completing, .. } => {
            match event {
                // One that was offered is granted, or one that waited is booked.
                Event::BonusIssued(event) => *expires_at = event.expires_at,
                Event::BonusActivated(event) => *expires_at = event.expires_at,
                Event::BonusCompleting(_) => *completing = true,
                Event::BonusResumed(_) => *completing = false,
                Event::BonusConverted(_)
                | Event::BonusLost(_)
                | Event::BonusExpired(_)
                | Event::BonusForfeited(_) => return false,
                _ => {}
            }
            true
        }
    }
}

fn secs(secs: u32) -> Duration {
    Duration::from_secs(secs.into())
}

impl Expiring {
    /// Whether something happened in it since a step was due, so that its answer is about what is past.
    fn moved_since(&self, step: &str) -> bool {
        let due = step.split_once('@').and_then(|(_, micros)| micros.parse::<i64>().ok());
        match &self.what {
            ExpiringWhat::Round { last_at, .. } => due.is_none_or(|due| last_at.as_micros() >= due),
            _ => false,
        }
    }

    /// When its time is over under a policy, if it ever is.
    pub fn due(&self, policy: &Policy) -> Option<Timestamp> {
        let due = match &self.what {
            ExpiringWhat::Round { source, last_at, .. } => {
                last_at.saturating_add(secs(policy.of(source).round_time_out?.after_secs))
            }
            ExpiringWhat::Deposit { since, .. } => {
                since.saturating_add(secs(policy.deposits.intent_ttl_secs))
            }
            ExpiringWhat::Withdrawal { since, .. } => since.saturating_add(secs(policy.withdrawals.ttl_secs)),
            ExpiringWhat::Award { expires_at, completing, .. } => expires_at.filter(|_| !completing)?,
        };
        Some(self.not_before.map_or(due, |at| at.max(due)))
    }
}

impl ProcessManager for Expiries {
    type State = Expiring;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let is_ours = event.record().is_some_and(|record| {
            matches!(
                record.stream,
                Stream::Round(..) | Stream::Intent(..) | Stream::Withdrawal(..) | Stream::Bonus(..)
            )
        });
        if is_ours {
            processes.extend(of_stream(event));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Expiring>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match input {
            Input::Event(event) => {
                let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
                if state.is_none() {
                    let (player, not_before) = (player.clone(), None);
                    *state = begun(&record.stream, &record.event, turn.at).map(|what| Expiring {
                        player,
                        what,
                        not_before,
                    });
                }
                let ended = state
                    .as_mut()
                    .is_some_and(|expiring| !goes_on(&mut expiring.what, &record.event, turn.at));
                if ended {
                    *state = None;
                }
            }
            // Nothing was there to end any more; an event said so, or will.
            Input::Done { step, .. } | Input::Skipped { step, .. }
                if !state.as_ref().is_some_and(|expiring| expiring.moved_since(step)) =>
            {
                *state = None;
            }
            Input::Refused { step, .. } => {
                if let Some(expiring) = state.as_mut().filter(|expiring| !expiring.moved_since(step)) {
                    expiring.not_before = Some(turn.at.saturating_add(AGAIN_AFTER));
                }
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &Expiring, policy: &Policy, wants: &mut Wants<Infallible>) {
        let Some(due) = state.due(policy) else { return };
        // What is asked again, or for another time, is another step.
        let step = format!("{STEP}@{}", due.as_micros());
        let player = &state.player;
        let want = match &state.what {
            ExpiringWhat::Round { source, round, .. } => wants.player(&step, player, |key| ExpireRound {
                source: key.source,
                id: key.id,
                round_source: source.clone(),
                round: round.clone(),
            }),
            ExpiringWhat::Deposit { of, .. } => wants.player(&step, player, |key| ExpireDeposit {
                source: key.source,
                id: key.id,
                intent: of.clone(),
            }),
            ExpiringWhat::Withdrawal { of, .. } => wants.player(&step, player, |key| ExpireWithdrawal {
                source: key.source,
                id: key.id,
                withdrawal: of.clone(),
            }),
            ExpiringWhat::Award { of, .. } => wants.player(&step, player, |key| ExpireBonus {
                source: key.source,
                id: key.id,
                award: of.clone(),
            }),
        };
        if let Some(want) = want {
            want.not_before(due);
        }
    }
}
