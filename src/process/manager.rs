//! What a process manager is: a fold of events into the state of processes, and what each state wants done.

use std::convert::Infallible;
use std::fmt::Debug;

use async_trait::async_trait;
use ledger_core::{HouseCommand, HouseId, PlayerCommand, PlayerId, Policy, Reason, Rejection, SourceId};
use ledger_core::{Timestamp, TransactionId};
use ledger_projections::Occurrence;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::id::{ManagerName, ProcessId, is_step};
use crate::lane::Lane;
use crate::request::{Outcome, Receipt};

/// The most that one process may want at a time.
pub const WANTS_MAX: usize = 1_024;

/// A process manager: carries long processes from step to step, by commands of its own.
///
/// It has no memory and does nothing by itself. [`Self::fold`] says what a process is after something happened, and
/// [`Self::wants`] what a process that is so wants done: commands, calls to the outside, timers. The runner does
/// what is wanted for as long as it is wanted. The clauses:
///
/// - **M01** All three functions are pure: equal arguments, equal answer, no clock, no input or output.
/// - **M02** What happened is told by the log. A state must come to the same wants whether the events of its own
///   commands were preceded by their outcomes or not: when everything else is lost, the log is folded again from the
///   beginning, without one outcome, one answer or one timer, and nothing is done before the end of the log is
///   reached. So the event of a step ends the wish for it.
/// - **M03** A step's name says what is done: the same step of the same process has the same command, under the id
///   that [`Wants`] hands out (or another that is the same whenever it is made). What is to be done again under
///   another id is another step.
/// - **M04** A step that is still wanted after its answer is not repeated. If the answer was a refusal, the process is
///   stuck: visible, until an operator resumes or skips the step, or an event changes what is wanted.
/// - **M05** A process that is over has no state: it is forgotten, and an event that comes for it may begin it anew.
/// - **M06** Events of one shard come in order, those of two shards in any. What depends on the order of two shards is
///   told from one process to another ([`Turn::tell`]) and must be right in both orders.
pub trait ProcessManager: Send + Sync + 'static {
    /// What is kept of a process. It may be kept in a store, and read by a later build: see [`Self::version`].
    type State: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// A call to the outside, such as to a payment provider. [`Infallible`] if there is none.
    type Effect: Clone + Debug + PartialEq + Send + Sync + 'static;
    /// The answer to such a call.
    type Answer: Clone + Debug + Send + Sync + 'static;
    /// What one process tells another. [`Infallible`] if nothing.
    type Message: Clone + Debug + Send + 'static;

    /// Its name, for ever.
    fn name(&self) -> &ManagerName;

    /// The version of its fold: another number makes the runner forget what was kept and fold the log again.
    fn version(&self) -> u32;

    /// In which lane its commands wait, where a want says nothing else; by default as their kinds suggest.
    fn lane(&self) -> Option<Lane> {
        None
    }

    /// Which processes an event is for, begun or not; usually none or one.
    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>);

    /// Folds what happened into a process: `None` before its beginning and after its end.
    fn fold(
        &self,
        process: &ProcessId,
        state: &mut Option<Self::State>,
        input: Input<'_, Self::Answer, Self::Message>,
        turn: &mut Turn<Self::Message>,
    );

    /// What a process wants done.
    fn wants(
        &self,
        process: &ProcessId,
        state: &Self::State,
        policy: &Policy,
        wants: &mut Wants<Self::Effect>,
    );
}

/// What happened to a process.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a, A, M> {
    /// An event of the log.
    Event(&'a Occurrence),
    /// Another process told it something.
    Told(M),
    /// A command of its own was accepted, now or before.
    Done {
        /// The step.
        step: &'a str,
        /// What the command came to.
        outcome: Outcome,
        /// Whether it had been accepted before.
        replayed: bool,
    },
    /// A command of its own was refused.
    Refused {
        /// The step.
        step: &'a str,
        /// Why.
        rejection: &'a Rejection,
    },
    /// A call was answered.
    Answered {
        /// The step.
        step: &'a str,
        /// The answer.
        answer: A,
    },
    /// A call was not answered: it took too long, or failed in a way that may pass. It is made again, unless it is
    /// not wanted any more.
    NoAnswer {
        /// The step.
        step: &'a str,
        /// How often it was made.
        tries: u32,
    },
    /// The time of a timer has come.
    Fired {
        /// The timer.
        timer: &'a str,
        /// Its time.
        at: Timestamp,
    },
    /// An operator decided that a step is left out.
    Skipped {
        /// The step.
        step: &'a str,
        /// Why, in his words.
        reason: &'a Reason,
    },
}

/// What a fold may know and say beside the state.
#[derive(Debug)]
pub struct Turn<M> {
    /// When it happened: of an event when it was recorded, of everything else the time of the ledger's clock.
    pub at: Timestamp,
    pub(super) told: Vec<(ProcessId, M)>,
}

impl<M> Turn<M> {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { at, told: Vec::new() }
    }

    /// Tells another process of the same manager something, at once after this fold. As a message is a consequence of
    /// an event it is told again when the log is folded again.
    pub fn tell(&mut self, process: ProcessId, message: M) {
        self.told.push((process, message));
    }
}

/// The source and id under which a command of a step is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepKey {
    /// The manager, as a source.
    pub source: SourceId,
    /// The process and the step.
    pub id: TransactionId,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Do<E> {
    Player { player: PlayerId, command: PlayerCommand },
    House { house: HouseId, command: HouseCommand },
    Effect { id: TransactionId, request: E },
    Timer,
}

/// Something that a process wants done.
#[derive(Debug, Clone, PartialEq)]
pub struct Want<E> {
    pub(super) step: String,
    pub(super) what: Do<E>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) lane: Option<Lane>,
}

impl<E> Want<E> {
    /// Not before an instant of the ledger's clock.
    pub fn not_before(&mut self, at: Timestamp) -> &mut Self {
        self.not_before = Some(at);
        self
    }

    /// In this lane.
    pub fn in_lane(&mut self, lane: Lane) -> &mut Self {
        self.lane = Some(lane);
        self
    }
}

/// What a process wants done, as [`ProcessManager::wants`] says it.
#[derive(Debug)]
pub struct Wants<E> {
    process: ProcessId,
    source: SourceId,
    pub(super) all: Vec<Want<E>>,
    pub(super) stuck: Option<String>,
}

impl<E> Wants<E> {
    pub(super) fn new(process: ProcessId, source: SourceId) -> Self {
        Self { process, source, all: Vec::new(), stuck: None }
    }

    /// The key of a step's command; `None` if its name is not usable, and then the process is stuck.
    pub fn key(&mut self, step: &str) -> Option<StepKey> {
        let id = self.process.transaction(step).ok().filter(|_| is_step(step));
        if id.is_none() {
            self.stuck(format!("{step:?} is not usable as the name of a step"));
        }
        Some(StepKey { source: self.source.clone(), id: id? })
    }

    fn add(&mut self, step: &str, what: Do<E>) -> Option<&mut Want<E>> {
        if self.all.len() >= WANTS_MAX {
            self.stuck(format!("it wants more than {WANTS_MAX} things at once"));
            return None;
        }
        if self.all.iter().any(|want| want.step == step) {
            self.stuck(format!("it wants two things as {step:?}"));
            return None;
        }
        self.all.push(Want { step: step.to_owned(), what, not_before: None, lane: None });
        self.all.last_mut()
    }

    /// A command to a player's ledger, made of the key of the step.
    pub fn player<C: Into<PlayerCommand>>(
        &mut self,
        step: &str,
        player: &PlayerId,
        command: impl FnOnce(StepKey) -> C,
    ) -> Option<&mut Want<E>> {
        let command = command(self.key(step)?).into();
        self.add(step, Do::Player { player: player.clone(), command })
    }

    /// A command to a partition of the house, made of the key of the step.
    pub fn house<C: Into<HouseCommand>>(
        &mut self,
        step: &str,
        house: &HouseId,
        command: impl FnOnce(StepKey) -> C,
    ) -> Option<&mut Want<E>> {
        let command = command(self.key(step)?).into();
        self.add(step, Do::House { house: house.clone(), command })
    }

    /// A call to the outside. It is made at least once, always under the same id.
    pub fn effect(&mut self, step: &str, request: E) -> Option<&mut Want<E>> {
        let id = self.key(step)?.id;
        self.add(step, Do::Effect { id, request })
    }

    /// To be told when an instant of the ledger's clock has come.
    pub fn timer(&mut self, name: &str, at: Timestamp) {
        if self.key(name).is_some()
            && let Some(want) = self.add(name, Do::Timer)
        {
            want.not_before(at);
        }
    }

    /// That it cannot go on by itself, and why. An event that changes its state brings it on.
    pub fn stuck(&mut self, reason: impl Into<String>) {
        self.stuck.get_or_insert_with(|| reason.into());
    }
}

/// A call to the outside.
#[derive(Debug)]
pub struct Call<'a, E> {
    /// The process.
    pub process: &'a ProcessId,
    /// The step.
    pub step: &'a str,
    /// The call's id, the same however often it is made: what the other side tells copies by.
    pub id: &'a TransactionId,
    /// What is asked.
    pub request: &'a E,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EffectError {
    /// It may have arrived or not; it is made again under the same id.
    #[error("no answer: {0}")]
    Again(String),
    /// It will not be answered: the process is stuck until an operator resumes or skips it.
    #[error("it cannot be answered: {0}")]
    Never(String),
}

/// What a host does outside of the ledger for a manager, such as to call a payment provider. Decides nothing.
///
/// A call is made at least once: after a crash it is made again under the same id, so the other side must take two
/// calls of one id as one.
#[async_trait]
pub trait Effects<M: ProcessManager>: Send + Sync + 'static {
    /// Makes a call.
    ///
    /// # Errors
    ///
    /// [`EffectError`] if there is no answer.
    async fn perform(&self, call: Call<'_, M::Effect>) -> Result<M::Answer, EffectError>;
}

/// Of a manager that calls nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEffects;

#[async_trait]
impl<M: ProcessManager<Effect = Infallible>> Effects<M> for NoEffects {
    async fn perform(&self, call: Call<'_, Infallible>) -> Result<M::Answer, EffectError> {
        match *call.request {}
    }
}

/// What of a receipt a fold is told.
pub(super) fn told(receipt: &Receipt) -> (Outcome, bool) {
    (receipt.outcome, receipt.replayed)
}
