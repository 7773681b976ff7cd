//! An open session and its fold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, GameId, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::policy::SessionPolicy;
use crate::stored::{Event, EventRecord, SessionRef, SessionStarted};
use crate::time::Timestamp;

/// An open session of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    of: SessionRef,
    version: u64,
    game: GameId,
    currency: CurrencyCode,
    device: Option<DeviceId>,
    launch: Option<TransactionId>,
    started_at: Timestamp,
    last_at: Timestamp,
    acknowledged_at: Option<Timestamp>,
    staked: Amount,
    won: Amount,
}

/// A total after a change of so many units. One that no amount can hold stays as it is: nothing is decided on it.
fn changed(total: Amount, by: i128) -> Amount {
    total.units().checked_add(by).and_then(|units| Amount::new(units, total.scale()).ok()).unwrap_or(total)
}

impl Session {
    /// A session at its start; `nothing` is zero in its currency.
    pub(crate) fn start(of: &SessionRef, event: &SessionStarted, at: Timestamp, nothing: Amount) -> Self {
        Self {
            of: of.clone(),
            version: 1,
            game: event.game.clone(),
            currency: event.currency,
            device: event.device.clone(),
            launch: event.launch.clone(),
            started_at: at,
            last_at: at,
            acknowledged_at: None,
            staked: nothing,
            won: nothing,
        }
    }

    /// Its name.
    pub fn of(&self) -> &SessionRef {
        &self.of
    }

    /// The version of its last event.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The game.
    pub fn game(&self) -> &GameId {
        &self.game
    }

    /// The currency of its bets.
    pub fn currency(&self) -> CurrencyCode {
        self.currency
    }

    /// The device, if it is known.
    pub fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// The launch of the game that it belongs to, if it is known.
    pub fn launch(&self) -> Option<&TransactionId> {
        self.launch.as_ref()
    }

    /// When it was started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it was started, or the last bet in it was placed, or the last reality check acknowledged.
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// When the last reality check was acknowledged, if one was.
    pub fn acknowledged_at(&self) -> Option<Timestamp> {
        self.acknowledged_at
    }

    /// What its rounds staked, less the stakes that went back. A round counts in the session of its first bet that
    /// named one, with all its bets and wins, until the session ends.
    pub fn staked(&self) -> Amount {
        self.staked
    }

    /// What its rounds won, less the wins that were undone.
    pub fn won(&self) -> Amount {
        self.won
    }

    /// Whether it has been open for longer than a source's policy allows.
    pub fn has_expired(&self, policy: &SessionPolicy, now: Timestamp) -> bool {
        let ttl = policy.ttl_secs.map(|secs| Duration::from_secs(secs.into()));
        ttl.is_some_and(|ttl| now > self.started_at.saturating_add(ttl))
    }

    /// A bet was placed in it.
    pub(crate) fn touch(&mut self, at: Timestamp) {
        self.last_at = at;
    }

    /// Its rounds staked and won so much more, or less.
    pub(crate) fn count(&mut self, staked: i128, won: i128) {
        (self.staked, self.won) = (changed(self.staked, staked), changed(self.won, won));
    }

    /// Folds one more event of its stream but its end.
    pub(crate) fn evolve(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        if Some(record.version) != self.version.checked_add(1) {
            let what = format!("event {} of {} follows {}", record.version, record.stream, self.version);
            return Err(Fault::corrupted(what));
        }
        match &record.event {
            Event::RealityCheckAcknowledged(_) => self.acknowledged_at = Some(at),
            Event::SessionEnded(_) => {}
            event => {
                let what = format!("{} stands in the stream of a session", event.type_name());
                return Err(Fault::corrupted(what));
            }
        }
        (self.version, self.last_at) = (record.version, at);
        Ok(())
    }
}
