//! The processes of one manager in memory: what each is, what it wants, and what of that is due.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ledger_core::{ActorId, Policy, Reason, SourceId, Timestamp};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::id::ProcessId;
use super::manager::{Do, Input, ProcessManager, Turn, Want, Wants};

/// How deep processes may tell each other something in answer to one thing that happened.
const TOLD_MAX: usize = 100_000;

/// That a step is stuck, or a whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StuckStep {
    /// The process.
    pub process: ProcessId,
    /// The step; `None` if the manager itself says that the process cannot go on.
    pub step: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when, if it is a step.
    pub since: Option<Timestamp>,
    /// How often it was tried.
    pub tries: u32,
}

/// An operator's decision on a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decided.
    pub by: ActorId,
    /// Why, in his words.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// Where a wanted step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(super) enum Standing {
    /// It is tried again.
    Waiting { tries: u32, again_at: Option<Timestamp>, last: Option<String> },
    /// It was answered, or its time has come: nothing more is done for it.
    Settled { at: Timestamp },
    /// It failed for good, or too often.
    Stuck { tries: u32, reason: String, since: Timestamp },
    /// An operator left it out.
    Skipped(Decision),
}

/// A process as it is kept in a store.
#[derive(Serialize, Deserialize)]
struct Kept<S> {
    state: S,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<String, Standing>,
    /// The newest decision of an operator on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resumed: Option<Decision>,
}

struct Process<M: ProcessManager> {
    state: M::State,
    steps: BTreeMap<String, Standing>,
    resumed: Option<Decision>,
    wanted: Vec<Want<M::Effect>>,
    /// What of it is in the queue.
    queued: Vec<(Timestamp, String)>,
    stuck: Option<String>,
}

/// What is due.
pub(super) struct Due<M: ProcessManager> {
    pub(super) process: ProcessId,
    pub(super) want: Want<M::Effect>,
    pub(super) tries: u32,
}

/// Why a machine cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MachineError {
    #[error("there are more than {0} live processes")]
    TooMany(usize),
    #[error("processes told each other things without an end")]
    Endless,
    #[error("a process cannot be written or read: {0}")]
    Text(String),
}

pub(super) struct Machine<M: ProcessManager> {
    manager: Arc<M>,
    source: SourceId,
    processes: HashMap<ProcessId, Process<M>>,
    processes_max: usize,
    policy: Policy,
    /// What is wanted, by when it is due.
    queue: BTreeSet<(Timestamp, ProcessId, String)>,
    /// What is being done.
    pub(super) in_flight: HashSet<(ProcessId, String)>,
    /// Changed since the last saving.
    changed: HashSet<ProcessId>,
    /// Whose wishes are looked at anew.
    stale: HashSet<ProcessId>,
    /// Those that are stuck, or of which a step is.
    troubled: HashSet<ProcessId>,
    /// Wishes are looked at: the end of the log was reached.
    is_live: bool,
}

impl<M: ProcessManager> Machine<M> {
    pub(super) fn new(manager: Arc<M>, source: SourceId, processes_max: usize, policy: Policy) -> Self {
        Self {
            manager,
            source,
            processes: HashMap::new(),
            processes_max,
            policy,
            queue: BTreeSet::new(),
            in_flight: HashSet::new(),
            changed: HashSet::new(),
            stale: HashSet::new(),
            troubled: HashSet::new(),
            is_live: false,
        }
    }

    /// Takes in what a store kept.
    pub(super) fn load(&mut self, kept: &BTreeMap<ProcessId, String>) -> Result<(), MachineError> {
        for (id, text) in kept {
            let kept: Kept<M::State> =
                serde_json::from_str(text).map_err(|error| MachineError::Text(format!("{id}: {error}")))?;
            let Kept { state, steps, resumed } = kept;
            let process =
                Process { state, steps, resumed, wanted: Vec::new(), queued: Vec::new(), stuck: None };
            self.processes.insert(id.clone(), process);
        }
        Ok(())
    }

    /// The end of the log was reached: from here on wishes count.
    pub(super) fn go_live(&mut self) {
        self.is_live = true;
        self.stale.extend(self.processes.keys().cloned());
        self.refresh();
    }

    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Another policy is in force: what is wanted may be another thing.
    pub(super) fn set_policy(&mut self, policy: &Policy) {
        self.policy = policy.clone();
        self.stale.extend(self.processes.keys().cloned());
        self.refresh();
    }

    pub(super) fn live(&self) -> usize {
        self.processes.len()
    }

    pub(super) fn state(&self, process: &ProcessId) -> Option<M::State> {
        self.processes.get(process).map(|process| process.state.clone())
    }

    pub(super) fn states(&self) -> BTreeMap<ProcessId, M::State> {
        self.processes.iter().map(|(id, process)| (id.clone(), process.state.clone())).collect()
    }

    pub(super) fn decisions(&self, process: &ProcessId) -> Vec<Decision> {
        let Some(process) = self.processes.get(process) else { return Vec::new() };
        let skipped = process.steps.values().filter_map(|standing| match standing {
            Standing::Skipped(decision) => Some(decision.clone()),
            _ => None,
        });
        process.resumed.iter().cloned().chain(skipped).collect()
    }

    pub(super) fn stuck(&self) -> Vec<StuckStep> {
        let mut all = Vec::new();
        for id in &self.troubled {
            let Some(process) = self.processes.get(id) else { continue };
            if let Some(reason) = &process.stuck {
                let (process, reason) = (id.clone(), reason.clone());
                all.push(StuckStep { process, step: None, reason, since: None, tries: 0 });
            }
            for (step, standing) in &process.steps {
                if let Standing::Stuck { tries, reason, since } = standing {
                    let (process, step) = (id.clone(), Some(step.clone()));
                    let (reason, since) = (reason.clone(), Some(*since));
                    all.push(StuckStep { process, step, reason, since, tries: *tries });
                }
            }
        }
        all.sort_by(|a, b| (&a.process, &a.step).cmp(&(&b.process, &b.step)));
        all
    }

    /// Folds an event into the processes it concerns.
    pub(super) fn event(&mut self, event: &Occurrence) -> Result<(), MachineError> {
        let mut concerned = Vec::new();
        self.manager.concerns(event, &mut concerned);
        let at = event.commit().body.recorded_at;
        for process in concerned {
            self.input(&process, Input::Event(event), at)?;
        }
        Ok(())
    }

    /// Folds what happened into a process, and what is told by that into others.
    pub(super) fn input(
        &mut self,
        process: &ProcessId,
        input: Input<'_, M::Answer, M::Message>,
        at: Timestamp,
    ) -> Result<(), MachineError> {
        let mut told = VecDeque::from(self.fold(process, input, at)?);
        let mut count = 0;
        while let Some((process, message)) = told.pop_front() {
            count += 1;
            if count > TOLD_MAX {
                return Err(MachineError::Endless);
            }
            told.extend(self.fold(&process, Input::Told(message), at)?);
        }
        if self.is_live {
            self.refresh();
        }
        Ok(())
    }

    fn fold(
        &mut self,
        id: &ProcessId,
        input: Input<'_, M::Answer, M::Message>,
        at: Timestamp,
    ) -> Result<Vec<(ProcessId, M::Message)>, MachineError> {
        let (mut state, rest) = match self.processes.remove(id) {
            Some(Process { state, steps, resumed, wanted, queued, stuck }) => {
                (Some(state), Some((steps, resumed, wanted, queued, stuck)))
            }
            None => (None, None),
        };
        let mut turn = Turn::new(at);
        self.manager.fold(id, &mut state, input, &mut turn);
        let Some(state) = state else {
            if let Some((.., mut queued, _)) = rest {
                unqueue(&mut self.queue, id, &mut queued);
                self.troubled.remove(id);
                self.changed.insert(id.clone());
            }
            return Ok(turn.told);
        };
        if rest.is_none() && self.processes.len() >= self.processes_max {
            return Err(MachineError::TooMany(self.processes_max));
        }
        let (steps, resumed, wanted, queued, stuck) = rest.unwrap_or_default();
        let process = Process { state, steps, resumed, wanted, queued, stuck };
        self.processes.insert(id.clone(), process);
        self.stale.insert(id.clone());
        self.changed.insert(id.clone());
        Ok(turn.told)
    }

    /// Looks anew at what changed processes want.
    pub(super) fn refresh(&mut self) {
        for id in std::mem::take(&mut self.stale) {
            let Some(process) = self.processes.get_mut(&id) else { continue };
            unqueue(&mut self.queue, &id, &mut process.queued);
            let mut wants = Wants::new(id.clone(), self.source.clone());
            self.manager.wants(&id, &process.state, &self.policy, &mut wants);
            let Wants { all, stuck, .. } = wants;
            process.stuck = stuck;
            // What is not wanted any more has been answered by an event, or is another step now.
            process.steps.retain(|step, _| all.iter().any(|want| want.step == *step));
            process.wanted = all;
            let is_stuck = |standing: &Standing| matches!(standing, Standing::Stuck { .. });
            if process.stuck.is_some() || process.steps.values().any(is_stuck) {
                self.troubled.insert(id.clone());
            } else {
                self.troubled.remove(&id);
            }
            self.enqueue(&id);
        }
    }

    /// Puts into the queue what of a process's wishes is to be done.
    fn enqueue(&mut self, id: &ProcessId) {
        let Some(process) = self.processes.get_mut(id) else { return };
        for want in &process.wanted {
            let again_at = match process.steps.get(&want.step) {
                None => None,
                Some(Standing::Waiting { again_at, .. }) => *again_at,
                // A timer that was set anew.
                Some(Standing::Settled { at })
                    if matches!(want.what, Do::Timer) && want.not_before != Some(*at) =>
                {
                    None
                }
                Some(_) => continue,
            };
            if self.in_flight.contains(&(id.clone(), want.step.clone())) {
                continue;
            }
            let due = want.not_before.max(again_at).unwrap_or(Timestamp::EPOCH);
            self.queue.insert((due, id.clone(), want.step.clone()));
            process.queued.push((due, want.step.clone()));
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, ..)| *due)
    }

    /// Takes what is due first, if its time has come; it is in flight from here on, unless it is a timer.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Due<M>> {
        loop {
            let (due, ..) = self.queue.first()?;
            if *due > now {
                return None;
            }
            let (_, process, step) = self.queue.pop_first()?;
            let Some(known) = self.processes.get_mut(&process) else { continue };
            known.queued.retain(|(_, queued)| *queued != step);
            let Some(want) = known.wanted.iter().find(|want| want.step == step).cloned() else { continue };
            let tries = match known.steps.get(&step) {
                Some(Standing::Waiting { tries, .. }) => *tries,
                _ => 0,
            };
            if !matches!(want.what, Do::Timer) {
                self.in_flight.insert((process.clone(), step));
            }
            return Some(Due { process, want, tries });
        }
    }

    /// Notes where a step stands now. It is not in flight any more.
    pub(super) fn stand(&mut self, process: &ProcessId, step: &str, standing: Standing) {
        self.in_flight.remove(&(process.clone(), step.to_owned()));
        if let Some(known) = self.processes.get_mut(process) {
            known.steps.insert(step.to_owned(), standing);
            self.changed.insert(process.clone());
            self.stale.insert(process.clone());
        }
    }

    /// Takes up again what is stuck; of one step, or of all. Answers whether anything was.
    pub(super) fn resume(&mut self, process: &ProcessId, step: Option<&str>, decision: Decision) -> bool {
        let Some(known) = self.processes.get_mut(process) else { return false };
        let before = known.steps.len();
        known.steps.retain(|name, standing| {
            !matches!(standing, Standing::Stuck { .. }) || step.is_some_and(|step| step != name)
        });
        if known.steps.len() == before {
            return false;
        }
        known.resumed = Some(decision);
        self.changed.insert(process.clone());
        self.stale.insert(process.clone());
        self.refresh();
        true
    }

    /// Leaves out a step that is stuck. Answers whether it was.
    pub(super) fn skip(
        &mut self,
        process: &ProcessId,
        step: &str,
        decision: &Decision,
    ) -> Result<bool, MachineError> {
        let known = self.processes.get(process).and_then(|known| known.steps.get(step));
        if !matches!(known, Some(Standing::Stuck { .. })) {
            return Ok(false);
        }
        self.stand(process, step, Standing::Skipped(decision.clone()));
        self.input(process, Input::Skipped { step, reason: &decision.reason }, decision.at)?;
        Ok(true)
    }

    /// How many processes are stuck, or have a step that is.
    pub(super) fn stuck_count(&self) -> usize {
        self.troubled.len()
    }

    /// Whether there is anything to save.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What has changed since the last time, or all there is, as texts.
    pub(super) fn texts(&mut self, whole: bool) -> Result<BTreeMap<ProcessId, Option<String>>, MachineError> {
        let text = |id: &ProcessId| {
            let Some(process) = self.processes.get(id) else { return Ok((id.clone(), None)) };
            let Process { state, steps, resumed, .. } = process;
            let kept = Kept { state: state.clone(), steps: steps.clone(), resumed: resumed.clone() };
            let text = serde_json::to_string(&kept).map_err(|error| MachineError::Text(error.to_string()))?;
            Ok((id.clone(), Some(text)))
        };
        let texts: Result<_, MachineError> = if whole {
            self.processes.keys().map(text).collect()
        } else {
            self.changed.iter().map(text).collect()
        };
        let texts = texts?;
        self.changed.clear();
        Ok(texts)
    }
}

/// Takes what is queued of a process out of the queue.
fn unqueue(
    queue: &mut BTreeSet<(Timestamp, ProcessId, String)>,
    process: &ProcessId,
    queued: &mut Vec<(Timestamp, String)>,
) {
    for (due, step) in queued.drain(..) {
        queue.remove(&(due, process.clone(), step));
    }
}
