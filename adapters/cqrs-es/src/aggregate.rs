//! The aggregate: one player's ledger.

use casino_ledger::Refusal;
use casino_ledger::core::{Decision, Facts, FactsNeeded, Fault, PlayerCommand, PlayerId, PlayerState};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::error::PlayerError;
use crate::event::PlayerEvent;
use crate::history;
use crate::services::{PlayerServices, Rules};

/// One player's ledger as an aggregate of cqrs-es: `CqrsFramework<PlayerLedger, LedgerEventStore>`.
///
/// What [`LedgerEventStore`](crate::LedgerEventStore) loads does not decide. `handle` takes the command in, and the store's
/// `commit` sends it through the ledger, which decides it on the state at the head, looks for its key in the whole log,
/// records refusals, and answers when it is durable. No event goes through the sink, so none is applied twice.
///
/// An aggregate that is folded from events elsewhere (in a `TestFramework`) decides by the [`Rules`] it is
/// given, with the very decisions of the ledger. Without rules it refuses: an event store of someone else would commit
/// without keys and heads.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PlayerLedger {
    state: Option<PlayerState>,
    /// Every event that was applied; facts about what is over are looked for in it. Empty where a ledger decides.
    history: Vec<PlayerEvent>,
    #[serde(skip)]
    seat: Seat,
    #[serde(skip)]
    fault: Option<Fault>,
}

/// Where an aggregate came from.
#[derive(Debug, Default)]
enum Seat {
    /// From events.
    #[default]
    Folded,
    /// From a ledger, with the command that was handled and not committed yet.
    Ledger(Option<Box<PlayerCommand>>),
}

impl PlayerLedger {
    /// An aggregate as a ledger has it.
    pub(crate) fn of_ledger(state: PlayerState) -> Self {
        Self { state: Some(state), history: Vec::new(), seat: Seat::Ledger(None), fault: None }
    }

    /// The player's live state; `None` before the first event. What is over is not in it.
    pub fn state(&self) -> Option<&PlayerState> {
        self.state.as_ref()
    }

    /// The command that was handled and has to be committed.
    pub(crate) fn take_pending(&mut self) -> Option<PlayerCommand> {
        match &mut self.seat {
            Seat::Ledger(pending) => pending.take().map(|command| *command),
            Seat::Folded => None,
        }
    }

    fn fold(&mut self, event: &PlayerEvent) -> Result<(), Fault> {
        let player = event
            .player()
            .ok_or_else(|| Fault::corrupted(format!("{} is no event of a player", event.record.stream)))?;
        let state = self.state.get_or_insert_with(|| PlayerState::new(player.clone()));
        if *state.player() != player {
            let what = format!("an event of {player} came to {}", state.player());
            return Err(Fault::corrupted(what));
        }
        state.evolve_all(std::slice::from_ref(&event.record), event.recorded_at)
    }

    /// Decides by itself, on the events it was folded from.
    fn decide(&self, command: &PlayerCommand, rules: &Rules) -> Result<Vec<PlayerEvent>, PlayerError> {
        let new = || PlayerState::new(rules.player.clone());
        let state = self.state.clone().unwrap_or_else(new);
        let needed = FactsNeeded::of(command, state.player(), &rules.policy)?;
        let found = history::facts(state.player(), &needed, &self.history)?;
        let facts = Facts { checks: &rules.checks, ..Facts::new(&found, &rules.currencies, &rules.policy) };
        let refused = |rejection, replayed| {
            let balances = command.currency().and_then(|currency| state.balance(currency));
            let balances = balances.into_iter().collect();
            PlayerError::Refused(Box::new(Refusal { rejection, replayed, recorded: None, balances }))
        };
        let decision =
            casino_ledger::core::PlayerLedger::decide_prepared(&state, command, &needed, &facts, rules.now)?;
        match decision {
            Decision::Commit(draft) => match draft.rejection.clone() {
                Some(rejection) => Err(refused(rejection, false)),
                None => Ok(history::events(&draft, rules.now)),
            },
            Decision::Replay => match history::refusal_of(&needed, &found) {
                Some(rejection) => Err(refused(rejection, true)),
                None => Ok(Vec::new()),
            },
            Decision::Refuse(rejection) => Err(refused(rejection, false)),
        }
    }
}

impl Aggregate for PlayerLedger {
    const TYPE: &'static str = AGGREGATE_TYPE;
    type Command = PlayerCommand;
    type Event = PlayerEvent;
    type Error = PlayerError;
    type Services = PlayerServices;

    async fn handle(
        &mut self,
        command: PlayerCommand,
        services: &PlayerServices,
        sink: &EventSink<Self>,
    ) -> Result<(), PlayerError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        if let Seat::Ledger(pending) = &mut self.seat {
            *pending = Some(Box::new(command));
            return Ok(());
        }
        let rules = services.rules().ok_or(PlayerError::WithoutLedger)?;
        for event in self.decide(&command, rules)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Folds an event. One that cannot follow makes every later command fail: this method has no other way to say so.
    fn apply(&mut self, event: PlayerEvent) {
        if self.fault.is_some() {
            return;
        }
        match self.fold(&event) {
            Ok(()) if matches!(self.seat, Seat::Folded) => self.history.push(event),
            Ok(()) => {}
            Err(fault) => self.fault = Some(fault),
        }
    }
}

/// The type under which players' events are found: the column `aggregate_type`.
pub const AGGREGATE_TYPE: &str = "PlayerLedger";

/// The player whose aggregate an id names.
pub(crate) fn player_of(aggregate_id: &str) -> Result<PlayerId, PlayerError> {
    Ok(PlayerId::new(aggregate_id)?)
}
