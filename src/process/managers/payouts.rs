//! Approved withdrawals are sent to a payment provider, and what became of them is found out.

use std::time::Duration;

use ledger_core::stored::{Event, PaymentRef, PendingStatus};
use ledger_core::{
    Amount, Authorisation, CurrencyCode, InstrumentId, MarkFailed, MarkPaid, MarkUnknown, MethodId, PlayerId,
    Policy, Reason, SendWithdrawal, SourceId, Stream, Timestamp,
};
use ledger_projections::Occurrence;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Chooser, named, of_stream, player};
use crate::process::doubled;
use crate::process::id::{ManagerName, ProcessId, ProcessNameError};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// Chooses the payment provider that is to pay a withdrawal; pure.
pub type ChooseProvider = Chooser<Payout, Option<SourceId>>;

/// How payouts are sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PayoutSettings {
    /// Which provider pays; `None` leaves a withdrawal to the host.
    pub provider: ChooseProvider,
    /// How long it waits before it asks what became of a payout that has no final answer. Default 30 s; each later
    /// question waits twice as long, up to a day.
    pub ask_after: Duration,
    /// How often it asks before the process is stuck. Default 40, which is about a month.
    pub asks_max: u32,
    /// How long it waits before it sends a withdrawal again that the ledger would not let go (frozen payouts). Default
    /// 15 min.
    pub again_after: Duration,
}

impl PayoutSettings {
    /// The defaults, with who chooses the provider.
    pub fn new(provider: impl Fn(&Payout) -> Option<SourceId> + Send + Sync + 'static) -> Self {
        Self {
            provider: Chooser::new(provider),
            ask_after: Duration::from_secs(30),
            asks_max: 40,
            again_after: Duration::from_mins(15),
        }
    }
}

/// The longest time between two questions.
const ASK_AFTER_MAX: Duration = Duration::from_hours(24);

/// Sends approved withdrawals, and finds out what became of those without an answer (W08 to W11).
///
/// The ledger is told first, then the provider (`withdrawal.sent` stands before it is called), under a reference that is
/// made of the withdrawal: so a crash between the two ends in one payout. When no answer comes, the ledger is told
/// so and nothing is given back; the provider is asked until it says paid or failed.
#[derive(Debug, Clone)]
pub struct Payouts {
    name: ManagerName,
    settings: PayoutSettings,
}

impl Payouts {
    /// The manager `payouts`.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(settings: PayoutSettings) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("payouts")?, settings })
    }
}

/// What a payment provider says of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayoutAnswer {
    /// It has paid.
    Paid {
        /// What it paid, if not all.
        amount: Option<Decimal>,
        /// Its number of it.
        authorisation: Option<Authorisation>,
    },
    /// It has not paid and will not.
    Failed {
        /// Why.
        reason: Option<Reason>,
    },
    /// It is working on it.
    Pending,
    /// It knows of no payout under this reference: it never arrived.
    NeverArrived,
}

/// What a payment provider is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum PayoutCall {
    /// To pay. Under a reference that it knows it must not pay again, and answer what became of the first.
    Pay {
        /// The provider and the reference.
        payout: PaymentRef,
        /// The player.
        player: PlayerId,
        /// How much.
        amount: Amount,
        /// The currency.
        currency: CurrencyCode,
        /// Where to.
        destination: InstrumentId,
        /// The way it goes.
        method: Option<MethodId>,
    },
    /// What became of it.
    Ask {
        /// The provider and the reference.
        payout: PaymentRef,
    },
}

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayoutPhase {
    /// It is not approved yet.
    Waiting,
    /// It is approved, and the ledger is to be told that it is sent.
    Approved {
        /// How often the ledger refused.
        refusals: u32,
        /// Not before this instant.
        again_at: Option<Timestamp>,
    },
    /// The ledger knows that it is sent; the provider is to be told.
    Sent {
        /// Not before this instant.
        again_at: Option<Timestamp>,
    },
    /// The provider has been told and has no final answer: it is asked.
    Asking {
        /// Which question is next.
        ask: u32,
        /// When.
        at: Timestamp,
        /// Whether the ledger is to be told that the outcome is unknown.
        tell: bool,
    },
    /// It is paid; the ledger is to be told.
    Paid {
        /// What was paid, if not all.
        #[serde(default, with = "super::decimal_text::option")]
        amount: Option<Decimal>,
        /// The provider's number of it.
        authorisation: Option<Authorisation>,
    },
    /// It is not paid; the ledger is to be told.
    Failed {
        /// Why.
        reason: Option<Reason>,
    },
}

/// A withdrawal on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// The player.
    pub player: PlayerId,
    /// The withdrawal.
    pub withdrawal: PaymentRef,
    /// The currency.
    pub currency: CurrencyCode,
    /// What is to be paid, with the fee until it is sent.
    pub amount: Amount,
    /// Where to.
    pub destination: InstrumentId,
    /// The way it goes.
    pub method: Option<MethodId>,
    /// The provider and the reference, once it is sent.
    pub payout: Option<PaymentRef>,
    /// Whether this manager sent it.
    pub is_ours: bool,
    /// How often the provider said that the payout never arrived.
    #[serde(default)]
    pub lost: u32,
    /// Where it stands.
    pub phase: PayoutPhase,
}

fn phase_of(status: PendingStatus) -> PayoutPhase {
    match status {
        PendingStatus::Approved => PayoutPhase::Approved { refusals: 0, again_at: None },
        _ => PayoutPhase::Waiting,
    }
}

impl Payouts {
    fn begun(event: &Occurrence) -> Option<Payout> {
        let (record, player) = (event.record()?, player(event)?);
        let Stream::Withdrawal(_, source, id) = &record.stream else { return None };
        let withdrawal = PaymentRef { source: source.clone(), id: id.clone() };
        let (currency, hold, destination, method, status) = match &record.event {
            Event::WithdrawalRequested(event) => {
                (event.currency, &event.hold, &event.destination, event.method.clone(), event.status)
            }
            Event::WithdrawalSplitOff(event) => {
                (event.currency, &event.hold, &event.destination, None, event.status)
            }
            _ => return None,
        };
        Some(Payout {
            player: player.clone(),
            withdrawal,
            currency,
            amount: hold.amount,
            destination: destination.clone(),
            method,
            payout: None,
            is_ours: false,
            lost: 0,
            phase: phase_of(status),
        })
    }

    /// When the next question is asked.
    fn ask_at(&self, ask: u32, now: Timestamp) -> Timestamp {
        now.saturating_add(doubled(self.settings.ask_after, ask, ASK_AFTER_MAX))
    }

    /// Folds an event; whether the process goes on.
    fn follow(&self, payout: &mut Payout, event: &Event, at: Timestamp) -> bool {
        match event {
            Event::WithdrawalKycPassed(event) => payout.phase = phase_of(event.status),
            Event::WithdrawalApproved(event) => payout.phase = phase_of(event.status),
            Event::WithdrawalReviewStarted(_) => payout.phase = PayoutPhase::Waiting,
            Event::WithdrawalSent(event) => {
                payout.is_ours = self.name.source().is_ok_and(|source| source == event.txn.source);
                payout.amount = event.amount;
                payout.payout = Some(event.payout.clone());
                payout.phase = PayoutPhase::Sent { again_at: None };
            }
            Event::WithdrawalTimedOut(_) => match &mut payout.phase {
                PayoutPhase::Asking { tell, .. } => *tell = false,
                PayoutPhase::Sent { .. } => {
                    payout.phase = PayoutPhase::Asking { ask: 0, at: self.ask_at(0, at), tell: false };
                }
                _ => {}
            },
            Event::WithdrawalRequested(_) | Event::WithdrawalSplitOff(_) | Event::WithdrawalMismatch(_) => {}
            // Paid, failed, taken back, refused, split: it is over, or others go on for it.
            _ => return false,
        }
        true
    }

    fn answered(&self, payout: &mut Payout, step: &str, answer: PayoutAnswer, now: Timestamp) {
        let asked = match &payout.phase {
            PayoutPhase::Sent { .. } => 0,
            PayoutPhase::Asking { ask, .. } => *ask,
            _ => return,
        };
        payout.phase = match answer {
            PayoutAnswer::Paid { amount, authorisation } => PayoutPhase::Paid { amount, authorisation },
            PayoutAnswer::Failed { reason } => PayoutPhase::Failed { reason },
            PayoutAnswer::Pending => {
                let ask = if step.starts_with("pay") { 0 } else { asked.saturating_add(1) };
                PayoutPhase::Asking { ask, at: self.ask_at(ask, now), tell: false }
            }
            // The same reference again: should the first call arrive late, the provider takes both as one.
            PayoutAnswer::NeverArrived => {
                payout.lost = payout.lost.saturating_add(1);
                PayoutPhase::Sent { again_at: Some(self.ask_at(payout.lost, now)) }
            }
        };
    }
}

impl ProcessManager for Payouts {
    type State = Payout;
    type Effect = PayoutCall;
    type Answer = PayoutAnswer;
    type Message = std::convert::Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        if event.record().is_some_and(|record| matches!(record.stream, Stream::Withdrawal(..))) {
            processes.extend(of_stream(event));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<Payout>,
        input: Input<'_, PayoutAnswer, Self::Message>,
        turn: &mut Turn<Self::Message>,
    ) {
        if let Input::Event(event) = input
            && state.is_none()
        {
            *state = Self::begun(event);
        }
        let Some(payout) = state else { return };
        match input {
            Input::Event(event) => {
                let goes_on = event.record().is_none_or(|record| self.follow(payout, &record.event, turn.at));
                state.take_if(|_| !goes_on);
            }
            Input::Answered { step, answer } => self.answered(payout, step, answer, turn.at),
            Input::NoAnswer { step, .. }
                if step.starts_with("pay") && matches!(payout.phase, PayoutPhase::Sent { .. }) =>
            {
                // W08: nobody knows. The ledger is told, and the provider asked.
                payout.phase = PayoutPhase::Asking { ask: 0, at: self.ask_at(0, turn.at), tell: true };
            }
            // A question without an answer is asked again, with growing pauses.
            Input::NoAnswer { step, .. } if step.starts_with("ask") => {
                self.answered(payout, step, PayoutAnswer::Pending, turn.at);
            }
            Input::Refused { step, .. } if step.starts_with("send") => {
                if let PayoutPhase::Approved { refusals, again_at } = &mut payout.phase {
                    *refusals = refusals.saturating_add(1);
                    *again_at = Some(turn.at.saturating_add(self.settings.again_after));
                }
            }
            Input::Done { step: "unknown", .. } | Input::Refused { step: "unknown", .. } => {
                if let PayoutPhase::Asking { tell, .. } = &mut payout.phase {
                    *tell = false;
                }
            }
            _ => {}
        }
    }

    fn wants(&self, process: &ProcessId, state: &Payout, _: &Policy, wants: &mut Wants<PayoutCall>) {
        let Payout { player, withdrawal, .. } = state;
        if let PayoutPhase::Approved { refusals, again_at } = &state.phase {
            let Some(provider) = self.settings.provider.of(state) else { return };
            // One reference of a withdrawal, however often it is sent.
            let Ok(reference) = process.transaction("payout") else { return };
            let payout = PaymentRef { source: provider, id: reference };
            let want = wants.player(&format!("send@{refusals}"), player, |key| SendWithdrawal {
                source: key.source,
                id: key.id,
                withdrawal: withdrawal.clone(),
                payout,
                by: None,
            });
            if let (Some(want), Some(at)) = (want, again_at) {
                want.not_before(*at);
            }
            return;
        }
        // What the host sent itself is its own to follow.
        let Some(payout) = state.payout.as_ref().filter(|_| state.is_ours) else { return };
        match &state.phase {
            PayoutPhase::Waiting | PayoutPhase::Approved { .. } => {}
            PayoutPhase::Sent { .. } if state.lost > self.settings.asks_max => {
                wants.stuck("the provider says again and again that the payout never arrived");
            }
            PayoutPhase::Sent { again_at } => {
                let call = PayoutCall::Pay {
                    payout: payout.clone(),
                    player: player.clone(),
                    amount: state.amount,
                    currency: state.currency,
                    destination: state.destination.clone(),
                    method: state.method.clone(),
                };
                let want = wants.effect(&format!("pay@{}", state.lost), call);
                if let (Some(want), Some(at)) = (want, again_at) {
                    want.not_before(*at);
                }
            }
            PayoutPhase::Asking { ask, at, tell } => {
                if *tell {
                    wants.player("unknown", player, |key| MarkUnknown {
                        source: key.source,
                        id: key.id,
                        withdrawal: withdrawal.clone(),
                        payout: payout.clone(),
                    });
                }
                if *ask >= self.settings.asks_max {
                    wants.stuck("the provider gives no final answer: find out, and record what it is");
                    return;
                }
                let call = PayoutCall::Ask { payout: payout.clone() };
                if let Some(want) = wants.effect(&format!("ask@{ask}"), call) {
                    want.not_before(*at);
                }
            }
            PayoutPhase::Paid { amount, authorisation } => {
                wants.player("paid", player, |key| MarkPaid {
                    source: key.source,
                    id: key.id,
                    withdrawal: withdrawal.clone(),
                    payout: payout.clone(),
                    amount: *amount,
                    authorisation: authorisation.clone(),
                });
            }
            PayoutPhase::Failed { reason } => {
                wants.player("failed", player, |key| MarkFailed {
                    source: key.source,
                    id: key.id,
                    withdrawal: withdrawal.clone(),
                    payout: payout.clone(),
                    reason: reason.clone(),
                });
            }
        }
    }
}
