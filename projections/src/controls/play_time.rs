//! Limits on the time of play, and what is counted for them.

use ledger_core::stored::{Event, SessionRef};
use ledger_core::{PlayTime, Timestamp};

use super::fold::Fold;
use super::page::{play_time_key, session_key};
use super::row::ControlsRow;
use crate::error::ViewError;

impl Fold<'_, '_> {
    /// Limits on the time of play.
    pub(super) fn play_time(&mut self) -> Result<(), ViewError> {
        let event = &self.record.event;
        let is_own = matches!(
            event,
            Event::PlayTimeLimitSet(_)
                | Event::PlayTimeRaiseRequested(_)
                | Event::PlayTimeWindowsOpened(_)
                | Event::PlayTimeWarned(_)
        );
        if !is_own {
            return Ok(());
        }
        let key = play_time_key(self.player);
        let play = match self.rows.get(&key)? {
            Some(ControlsRow::PlayTime(play)) => *play,
            None => PlayTime::default(),
            Some(_) => return Err(self.damaged()),
        };
        let was_limited = play != PlayTime::default();
        match play.follow_limit(event, self.commit.body.recorded_at) {
            Ok(Some(play)) => self.rows.put(&key, ControlsRow::PlayTime(Box::new(play))),
            Ok(None) if was_limited => self.rows.remove(&key),
            Ok(None) => Ok(()),
            Err(fault) => Err(self.poison(fault)),
        }
    }

    /// A session gave a sign of life: it was played since the one before.
    pub(super) fn played(&mut self, before: Timestamp) -> Result<(), ViewError> {
        let key = play_time_key(self.player);
        match self.rows.get(&key)? {
            Some(ControlsRow::PlayTime(mut play)) => {
                play.follow_play(before, self.commit.body.recorded_at);
                self.rows.put(&key, ControlsRow::PlayTime(play))
            }
            None => Ok(()),
            Some(_) => Err(self.damaged()),
        }
    }

    /// A bet in a session is a sign of its life, if it is open.
    pub(super) fn bet_in(&mut self, of: &SessionRef) -> Result<(), ViewError> {
        let key = session_key(self.player, &of.source, &of.id);
        match self.rows.get(&key)? {
            Some(ControlsRow::Session(mut session)) => {
                self.played(session.last_at)?;
                session.last_at = self.commit.body.recorded_at;
                self.rows.put(&key, ControlsRow::Session(session))
            }
            None => Ok(()),
            Some(_) => Err(self.damaged()),
        }
    }
}
