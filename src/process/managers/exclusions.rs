//! A person who excludes himself with one player is excluded with all of his.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{Event, ExclusionKind};
use ledger_core::{ExcludePlayer, PersonId, PlayerId, Policy, Timestamp};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::process::id::{ManagerName, ProcessId, ProcessNameError, step};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// Carries an exclusion of one player to all players of the same person (`OpenPlayer::person`, `SetPerson`), also to those
/// that are opened or named later while it holds. Each is one commit of its player, so there is a time between the first
/// and the last: [`PersonState::window`] tells it.
///
/// Self-exclusions are carried, time-outs if asked for. What a player has himself and is as strict or stricter stays.
#[derive(Debug, Clone)]
pub struct Exclusions {
    name: ManagerName,
    time_outs: bool,
}

impl Exclusions {
    /// The manager `exclusions`, for self-exclusions.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new() -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("exclusions")?, time_outs: false })
    }

    /// Time-outs too.
    pub fn with_time_outs(mut self) -> Self {
        self.time_outs = true;
        self
    }

    /// The process of a person.
    ///
    /// # Errors
    ///
    /// None in practice: the id of a person is short enough.
    pub fn process(person: &PersonId) -> Result<ProcessId, ProcessNameError> {
        ProcessId::of(&["person", person.as_str()])
    }
}

/// An exclusion as it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// What it is.
    pub kind: ExclusionKind,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Excluded {
    /// Whether a player who has this one needs no other: it is as strict, and ends no earlier.
    fn covers(&self, other: &Self) -> bool {
        let as_strict = self.kind == ExclusionKind::SelfExclusion || other.kind == ExclusionKind::TimeOut;
        let as_long = match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own >= other,
        };
        as_strict && as_long
    }
}

/// What is kept of a player or of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PersonState {
    /// A player who is a known person, or is excluded.
    Player {
        /// The player.
        player: PlayerId,
        /// Who he is.
        person: Option<PersonId>,
        /// His last exclusion.
        exclusion: Option<Excluded>,
    },
    /// A person.
    Person {
        /// His players, with the last exclusion of each.
        players: BTreeMap<PlayerId, Option<Excluded>>,
        /// What holds for all of them.
        exclusion: Option<Excluded>,
        /// When the last of them was excluded by it.
        last_at: Option<Timestamp>,
    },
}

impl PersonState {
    /// How long it took from the first player of a person to the last, if all of them are excluded as he is.
    pub fn window(&self) -> Option<Duration> {
        let Self::Person { players, exclusion: Some(exclusion), last_at } = self else { return None };
        let all = players.values().all(|own| own.is_some_and(|own| own.covers(exclusion)));
        let micros = last_at.filter(|_| all)?.as_micros().saturating_sub(exclusion.at.as_micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }
}

/// What a player's process tells that of his person.
#[derive(Debug, Clone)]
pub enum Membership {
    /// This player is he.
    Joined(PlayerId, Option<Excluded>),
    /// This player is not he.
    Left(PlayerId),
    /// This player of his is excluded.
    Excluded(PlayerId, Excluded),
    /// He asked to play again.
    Returned(PlayerId),
}

fn tell(turn: &mut Turn<Membership>, person: Option<&PersonId>, message: Membership) {
    if let Some(person) = person.and_then(|person| Exclusions::process(person).ok()) {
        turn.tell(person, message);
    }
}

impl Exclusions {
    fn follow(
        &self,
        state: &mut Option<PersonState>,
        of: &PlayerId,
        event: &Event,
        turn: &mut Turn<Membership>,
    ) {
        let begun = || PersonState::Player { player: of.clone(), person: None, exclusion: None };
        let PersonState::Player { player, person, exclusion } = state.get_or_insert_with(begun) else {
            return;
        };
        match event {
            Event::PlayerOpened(event) => {
                person.clone_from(&event.person);
                tell(turn, person.as_ref(), Membership::Joined(player.clone(), *exclusion));
            }
            Event::PersonChanged(event) => {
                tell(turn, person.as_ref(), Membership::Left(player.clone()));
                person.clone_from(&event.person);
                tell(turn, person.as_ref(), Membership::Joined(player.clone(), *exclusion));
            }
            Event::ExclusionStarted(event)
                if event.kind == ExclusionKind::SelfExclusion || self.time_outs =>
            {
                let started = Excluded { kind: event.kind, until: event.until, at: turn.at };
                *exclusion = Some(started);
                tell(turn, person.as_ref(), Membership::Excluded(player.clone(), started));
            }
            Event::ExclusionReturnRequested(_) => {
                *exclusion = None;
                tell(turn, person.as_ref(), Membership::Returned(player.clone()));
            }
            _ => {}
        }
        // Of a player who is nobody known and not excluded there is nothing to keep.
        if person.is_none() && exclusion.is_none() {
            *state = None;
        }
    }

    fn told(state: &mut Option<PersonState>, message: Membership) {
        let begun = || PersonState::Person { players: BTreeMap::new(), exclusion: None, last_at: None };
        let PersonState::Person { players, exclusion, last_at } = state.get_or_insert_with(begun) else {
            return;
        };
        let mut excluded = |players: &mut BTreeMap<PlayerId, Option<Excluded>>, player, own: Excluded| {
            players.insert(player, Some(own));
            match exclusion {
                Some(known) if known.covers(&own) => *last_at = (*last_at).max(Some(own.at)),
                _ => (*exclusion, *last_at) = (Some(own), Some(own.at)),
            }
        };
        match message {
            Membership::Joined(player, None) => {
                players.insert(player, None);
            }
            Membership::Joined(player, Some(own)) | Membership::Excluded(player, own) => {
                excluded(players, player, own);
            }
            Membership::Left(player) => {
                players.remove(&player);
            }
            Membership::Returned(player) => {
                players.insert(player, None);
                // He came back: whoever of his players is still excluded comes back by himself, and no other follows.
                (*exclusion, *last_at) = (None, None);
            }
        }
        if players.is_empty() && exclusion.is_none() {
            *state = None;
        }
    }
}

impl ProcessManager for Exclusions {
    type State = PersonState;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Membership;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let (Some(record), Some(player)) = (event.record(), player(event)) else { return };
        let is_ours = match &record.event {
            Event::PlayerOpened(event) => event.person.is_some(),
            Event::PersonChanged(_) | Event::ExclusionStarted(_) | Event::ExclusionReturnRequested(_) => true,
            _ => false,
        };
        if is_ours {
            processes.extend(ProcessId::of(&["player", player.as_str()]));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<PersonState>,
        input: Input<'_, Infallible, Membership>,
        turn: &mut Turn<Membership>,
    ) {
        match input {
            Input::Event(event) => {
                if let (Some(record), Some(player)) = (event.record(), player(event)) {
                    self.follow(state, player, &record.event, turn);
                }
            }
            Input::Told(message) => Self::told(state, message),
            // For a player who came to it after its end there is nothing to carry.
            Input::Refused { .. } => {
                if let Some(PersonState::Person { exclusion, .. }) = state
                    && exclusion.is_some_and(|known| known.until.is_some_and(|until| until <= turn.at))
                {
                    *exclusion = None;
                }
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &PersonState, _: &Policy, wants: &mut Wants<Infallible>) {
        let PersonState::Person { players, exclusion: Some(exclusion), .. } = state else { return };
        for (player, own) in players {
            if own.is_some_and(|own| own.covers(exclusion)) {
                continue;
            }
            let step = step(&["exclude", player.as_str(), &exclusion.at.as_micros().to_string()]);
            wants.player(&step, player, |key| ExcludePlayer {
                source: key.source,
                id: key.id,
                kind: exclusion.kind,
                until: exclusion.until,
                by: None,
                carried: true,
            });
        }
    }
}
