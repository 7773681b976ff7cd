//! Deposits are sent to one payment provider after the other until one captures.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{Event, PaymentRef};
use ledger_core::{
    ATTEMPTS_MAX, Amount, AttemptDeposit, Authorisation, CurrencyCode, FailDeposit, InstrumentId, MethodId,
    PlayerId, Policy, Reason, RecordDeposit, SourceId, Stream, Timestamp, TransactionId,
};
use ledger_projections::Occurrence;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Chooser, named, of_stream, player};
use crate::process::doubled;
use crate::process::id::{ManagerName, ProcessId, ProcessNameError};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// Names the payment providers that a deposit is tried at, in order; none leaves the deposit to the host. Pure, and the same
/// for the same deposit for as long as it is open.
pub type ChooseProviders = Chooser<Started, Vec<SourceId>>;

/// How deposits are tried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CascadeSettings {
    /// At whom, in order. At most [`ATTEMPTS_MAX`].
    pub providers: ChooseProviders,
    /// How long one provider may think before the next one is tried beside it. Default 2 min.
    pub patience: Duration,
    /// How long it waits before it asks what became of an attempt that has no final answer. Default 10 s; each later
    /// question waits twice as long, up to an hour.
    pub ask_after: Duration,
    /// How often it asks about one attempt before the process is stuck. Default 40, which is more than a day.
    pub asks_max: u32,
}

impl CascadeSettings {
    /// The defaults, with who names the providers.
    pub fn new(providers: impl Fn(&Started) -> Vec<SourceId> + Send + Sync + 'static) -> Self {
        Self {
            providers: Chooser::new(providers),
            patience: Duration::from_mins(2),
            ask_after: Duration::from_secs(10),
            asks_max: 40,
        }
    }
}

/// The longest time between two questions.
const ASK_AFTER_MAX: Duration = Duration::from_hours(1);

/// Tries a started deposit at one payment provider after the other (D08): several attempts of one intent. The first
/// capture is credited; a later one of another attempt is recorded too, and stands in suspense or is credited as
/// `policy.deposits.second_capture` says. An attempt without a final answer is asked about also when the deposit is over, so no
/// captured money is missed.
///
/// The ledger is told of each attempt before its provider is, under a reference that is made of the deposit and the
/// number of the attempt.
#[derive(Debug, Clone)]
pub struct Cascade {
    name: ManagerName,
    settings: CascadeSettings,
}

impl Cascade {
    /// The manager `cascade`.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(settings: CascadeSettings) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("cascade")?, settings })
    }
}

/// What a payment provider says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChargeAnswer {
    /// It has the money.
    Captured {
        /// How much, if not what was asked for.
        amount: Option<Decimal>,
        /// What the player pays for it.
        fee: Option<Decimal>,
        /// Its number of it.
        authorisation: Option<Authorisation>,
        /// What the player paid with.
        instrument: Option<InstrumentId>,
    },
    /// It has not and will not.
    Declined {
        /// Why.
        reason: Option<Reason>,
    },
    /// It waits for the player or the bank.
    Pending,
    /// It cannot take it now: the next one is tried, and what came of this one is asked.
    Down,
}

/// What a payment provider is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum CascadeCall {
    /// To charge the player. Under a reference that it knows it must not charge again, and answer what became of the
    /// first.
    Charge {
        /// The provider and the reference.
        payment: PaymentRef,
        /// The player.
        player: PlayerId,
        /// How much.
        amount: Amount,
        /// The currency.
        currency: CurrencyCode,
        /// How the player wants to pay.
        method: Option<MethodId>,
    },
    /// What became of it.
    Ask {
        /// The provider and the reference.
        payment: PaymentRef,
    },
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptState {
    /// The ledger knows of it; the provider is to be told.
    Attempted,
    /// The provider has no final answer: it is asked.
    Asking {
        /// Which question is next.
        ask: u32,
        /// When.
        at: Timestamp,
    },
    /// It is captured; the ledger is to be told.
    Captured {
        /// How much, if not what was asked for.
        #[serde(default, with = "super::decimal_text::option")]
        amount: Option<Decimal>,
        /// What the player pays for it.
        #[serde(default, with = "super::decimal_text::option")]
        fee: Option<Decimal>,
        /// The provider's number of it.
        authorisation: Option<Authorisation>,
        /// What the player paid with.
        instrument: Option<InstrumentId>,
    },
    /// It is declined; the ledger is to be told.
    Declined {
        /// Why.
        reason: Option<Reason>,
    },
    /// The ledger has been told what became of it.
    Over,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptOf {
    /// Its id.
    pub id: TransactionId,
    /// The provider and the reference.
    pub payment: PaymentRef,
    /// When it began.
    pub since: Timestamp,
    /// Whether the next provider is tried at once, although this one may still have the money.
    pub given_up: bool,
    /// Where it stands.
    pub state: AttemptState,
}

/// A started deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The player.
    pub player: PlayerId,
    /// The deposit.
    pub intent: PaymentRef,
    /// The currency.
    pub currency: CurrencyCode,
    /// What was asked for.
    pub amount: Amount,
    /// How the player wants to pay.
    pub method: Option<MethodId>,
    /// Whether it is over: captured, given up, failed, expired.
    pub is_over: bool,
    /// Whether the ledger refuses a further attempt.
    pub is_barred: bool,
    /// The attempts of this manager, by number from 0.
    pub attempts: BTreeMap<usize, AttemptOf>,
}

impl Started {
    /// Whether an attempt is behind this process: the ledger knows how it ended.
    fn is_done(attempt: &AttemptOf) -> bool {
        attempt.state == AttemptState::Over
    }

    /// Whether nothing is left to be found out.
    fn is_finished(&self) -> bool {
        self.is_over && self.attempts.values().all(Self::is_done)
    }
}

/// The deposit at the cashier that a capture answers.
fn intent_of(event: &Event) -> Option<&PaymentRef> {
    match event {
        Event::DepositSucceeded(event) => event.intent.as_ref(),
        Event::DepositSuspended(event) => event.intent.as_ref(),
        _ => None,
    }
}

/// The number of the attempt that a step is of: `capture@1`, `ask@1.3`.
fn number(step: &str) -> Option<usize> {
    step.split_once('@')?.1.split('.').next()?.parse().ok()
}

impl Cascade {
    fn begun(event: &Occurrence) -> Option<Started> {
        let (record, player) = (event.record()?, player(event)?);
        let (Stream::Intent(_, source, id), Event::DepositInitiated(event)) = (&record.stream, &record.event)
        else {
            return None;
        };
        Some(Started {
            player: player.clone(),
            intent: PaymentRef { source: source.clone(), id: id.clone() },
            currency: event.currency,
            amount: event.amount,
            method: event.method.clone(),
            is_over: false,
            is_barred: false,
            attempts: BTreeMap::new(),
        })
    }

    fn ask_at(&self, ask: u32, now: Timestamp) -> Timestamp {
        now.saturating_add(doubled(self.settings.ask_after, ask, ASK_AFTER_MAX))
    }

    /// The id of an attempt, and the reference of its provider.
    fn reference(process: &ProcessId, number: usize) -> Option<TransactionId> {
        process.transaction(&format!("attempt@{number}")).ok()
    }

    fn follow(process: &ProcessId, started: &mut Started, event: &Event, at: Timestamp) {
        match event {
            Event::DepositAttempted(event) => {
                let number = (0..ATTEMPTS_MAX)
                    .find(|number| Self::reference(process, *number).as_ref() == Some(&event.attempt));
                // Attempts of the host itself are its own to follow.
                let Some(number) = number else { return };
                let (id, source) = (event.attempt.clone(), event.psp.clone());
                let payment = PaymentRef { source, id: id.clone() };
                let state = AttemptState::Attempted;
                started.attempts.insert(number, AttemptOf { id, payment, since: at, given_up: false, state });
            }
            Event::DepositFailed(event) => match &event.attempt {
                Some(of) => {
                    let attempt = started.attempts.values_mut().find(|attempt| attempt.id == *of);
                    if let Some(attempt) = attempt {
                        attempt.state = AttemptState::Over;
                    }
                }
                None => started.is_over = true,
            },
            Event::DepositCancelled(_) | Event::DepositExpired(_) => started.is_over = true,
            Event::DepositCompleted(event) => {
                started.is_over = true;
                let attempt = started.attempts.values_mut().find(|attempt| attempt.payment == event.capture);
                if let Some(attempt) = attempt {
                    attempt.state = AttemptState::Over;
                }
            }
            _ => {}
        }
    }

    fn answered(&self, attempt: &mut AttemptOf, answer: ChargeAnswer, now: Timestamp) {
        let next = match &attempt.state {
            AttemptState::Attempted => 0,
            AttemptState::Asking { ask, .. } => ask.saturating_add(1),
            _ => return,
        };
        attempt.given_up |= answer == ChargeAnswer::Down;
        attempt.state = match answer {
            ChargeAnswer::Captured { amount, fee, authorisation, instrument } => {
                AttemptState::Captured { amount, fee, authorisation, instrument }
            }
            ChargeAnswer::Declined { reason } => AttemptState::Declined { reason },
            ChargeAnswer::Pending | ChargeAnswer::Down => {
                AttemptState::Asking { ask: next, at: self.ask_at(next, now) }
            }
        };
    }

    /// What an attempt wants.
    fn wants_of(
        &self,
        started: &Started,
        number: usize,
        attempt: &AttemptOf,
        wants: &mut Wants<CascadeCall>,
    ) {
        let (player, intent) = (&started.player, &started.intent);
        match &attempt.state {
            // Folded again, or long down: a deposit that is over is asked about, and never charged.
            AttemptState::Attempted if started.is_over => {
                let call = CascadeCall::Ask { payment: attempt.payment.clone() };
                if let Some(want) = wants.effect(&format!("check@{number}"), call) {
                    // Not beside a charge that may be under way.
                    want.not_before(attempt.since.saturating_add(self.settings.patience));
                }
            }
            AttemptState::Attempted => {
                let call = CascadeCall::Charge {
                    payment: attempt.payment.clone(),
                    player: player.clone(),
                    amount: started.amount,
                    currency: started.currency,
                    method: started.method.clone(),
                };
                wants.effect(&format!("charge@{number}"), call);
            }
            AttemptState::Asking { ask, at } if *ask < self.settings.asks_max => {
                let call = CascadeCall::Ask { payment: attempt.payment.clone() };
                if let Some(want) = wants.effect(&format!("ask@{number}.{ask}"), call) {
                    want.not_before(*at);
                }
            }
            AttemptState::Captured { amount, fee, authorisation, instrument } => {
                // Under the key of the provider's own message: whoever records it first, it is recorded once.
                wants.player(&format!("capture@{number}"), player, |_| RecordDeposit {
                    source: attempt.payment.source.clone(),
                    id: attempt.payment.id.clone(),
                    amount: amount.unwrap_or_else(|| started.amount.to_decimal()),
                    currency: started.currency,
                    authorisation: authorisation.clone(),
                    instrument: instrument.clone(),
                    intent: Some(intent.clone()),
                    fee: *fee,
                    rate: None,
                });
            }
            AttemptState::Declined { reason } => {
                wants.player(&format!("decline@{number}"), player, |key| FailDeposit {
                    source: key.source,
                    id: key.id,
                    intent: intent.clone(),
                    attempt: Some(attempt.id.clone()),
                    payment: Some(attempt.payment.clone()),
                    reason: reason.clone(),
                });
            }
            AttemptState::Asking { .. } => {
                wants.stuck(format!("{} gives no final answer to attempt {number}", attempt.payment.source));
            }
            AttemptState::Over => {}
        }
    }
}

impl ProcessManager for Cascade {
    type State = Started;
    type Effect = CascadeCall;
    type Answer = ChargeAnswer;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let Some(record) = event.record() else { return };
        if matches!(record.stream, Stream::Intent(..)) {
            processes.extend(of_stream(event));
        } else if let Some((player, intent)) = player(event).zip(intent_of(&record.event)) {
            let stream = Stream::Intent(player.clone(), intent.source.clone(), intent.id.clone());
            processes.extend(ProcessId::new(&stream.to_string()));
        }
    }

    fn fold(
        &self,
        process: &ProcessId,
        state: &mut Option<Started>,
        input: Input<'_, ChargeAnswer, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        if let Input::Event(event) = input
            && state.is_none()
        {
            *state = Self::begun(event);
        }
        let Some(started) = state else { return };
        match input {
            Input::Event(event) => {
                let Some(record) = event.record() else { return };
                if let Stream::Deposit(_, source, id) = &record.stream {
                    // It is captured and recorded, to the player or in suspense.
                    let is_it = |of: &PaymentRef| of.source == *source && of.id == *id;
                    let mut attempts = started.attempts.values_mut();
                    if let Some(attempt) = attempts.find(|attempt| is_it(&attempt.payment)) {
                        attempt.state = AttemptState::Over;
                    }
                } else {
                    Self::follow(process, started, &record.event, turn.at);
                }
            }
            Input::Answered { step, answer } => {
                let attempt = number(step).and_then(|number| started.attempts.get_mut(&number));
                if let Some(attempt) = attempt {
                    self.answered(attempt, answer, turn.at);
                }
            }
            // Nobody knows whether a charge arrived: it is asked about, and the next one is tried. A question without an answer
            // is asked again, with growing pauses.
            Input::NoAnswer { step, .. } => {
                let is_charge = step.starts_with("charge");
                let answer = if is_charge { ChargeAnswer::Down } else { ChargeAnswer::Pending };
                let attempt = number(step).and_then(|number| started.attempts.get_mut(&number));
                if let Some(attempt) = attempt {
                    self.answered(attempt, answer, turn.at);
                }
            }
            // The deposit is over for the ledger, or the player may not: an event says so, or will.
            Input::Refused { step, .. } if step.starts_with("attempt") => started.is_barred = true,
            Input::Refused { step, .. } | Input::Done { step, .. } | Input::Skipped { step, .. }
                if step.starts_with("decline") || step.starts_with("capture") =>
            {
                let is_refused = matches!(input, Input::Refused { .. });
                // Money was captured that an operator lets be: nobody else is charged for the same deposit.
                started.is_barred |= matches!(input, Input::Skipped { .. }) && step.starts_with("capture");
                // A capture that the ledger does not take is somebody's money: it stays stuck until somebody looks.
                if !(is_refused && step.starts_with("capture"))
                    && let Some(attempt) = number(step).and_then(|number| started.attempts.get_mut(&number))
                {
                    attempt.state = AttemptState::Over;
                }
            }
            _ => {}
        }
        if started.is_finished() {
            *state = None;
        }
    }

    fn wants(&self, process: &ProcessId, state: &Started, _: &Policy, wants: &mut Wants<CascadeCall>) {
        for (number, attempt) in &state.attempts {
            self.wants_of(state, *number, attempt, wants);
        }
        if state.is_over || state.is_barred {
            return;
        }
        let is_captured = |attempt: &AttemptOf| matches!(attempt.state, AttemptState::Captured { .. });
        if state.attempts.values().any(is_captured) {
            return;
        }
        let mut providers = self.settings.providers.of(state);
        providers.truncate(ATTEMPTS_MAX);
        let next = state.attempts.len();
        let last = state.attempts.last_key_value().map(|(_, attempt)| attempt);
        let from = match last {
            None => None,
            Some(attempt) if Started::is_done(attempt) || attempt.given_up => None,
            Some(AttemptOf { state: AttemptState::Declined { .. }, .. }) => return,
            Some(attempt) => Some(attempt.since.saturating_add(self.settings.patience)),
        };
        let Some(provider) = providers.get(next) else {
            let all_over = next > 0 && state.attempts.values().all(Started::is_done);
            if all_over {
                wants.player("fail", &state.player, |key| FailDeposit {
                    source: key.source,
                    id: key.id,
                    intent: state.intent.clone(),
                    attempt: None,
                    payment: None,
                    reason: None,
                });
            }
            return;
        };
        let Some(reference) = Self::reference(process, next) else { return };
        let want = wants.player(&format!("attempt@{next}"), &state.player, |key| AttemptDeposit {
            source: key.source,
            id: key.id,
            intent: state.intent.clone(),
            psp: provider.clone(),
            reference: Some(reference),
        });
        if let (Some(want), Some(at)) = (want, from) {
            want.not_before(at);
        }
    }
}
