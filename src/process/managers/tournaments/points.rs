//! The process of a player's points, in all tournaments that he takes part in.

use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{Event, TournamentEntryRef, TournamentScored, TournamentTerms};
use ledger_core::{Amount, ContentHash, HouseId, ScoreTournament, Stream, Timestamp, TournamentTally};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{CupSays, OfTournament, of_cup, own_cup, told};
use crate::process::id::step;
use crate::process::manager::{Input, Turn, Wants};

/// The most tournaments of a player at a time. Beyond it his process is stuck, and he has no points in the last ones.
pub const PLAYING_MAX: usize = 64;

/// Points that a tournament is being told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreToTell {
    /// The last position that is in them.
    pub up_to: u64,
    /// The points.
    pub points: Amount,
    /// How many bets count.
    pub bets: u32,
    /// When they became so.
    pub reached_at: Timestamp,
}

/// A tournament that a player takes part in, or has entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayingTournament {
    /// The tournament's partition.
    pub house: HouseId,
    /// The entry.
    pub of: TournamentEntryRef,
    /// His points, from his entry on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<TournamentTally>,
    /// The terms, if they were heard before his entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TournamentTerms>,
    /// Whether it is over for him, and his entry was not heard yet.
    #[serde(default)]
    pub left: bool,
    /// The last position at which a round came to another result.
    pub seen: u64,
    /// The last position that the tournament knows, and the points it has.
    pub told: u64,
    /// The points that the tournament has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has: Option<(Amount, u32, Timestamp)>,
    /// When it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What it is being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<ScoreToTell>,
    /// Why his points cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// A player's tournaments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsOfPlayer {
    /// In the order they were heard of.
    pub playing: Vec<PlayingTournament>,
    /// Whether he entered more than there is room for; until all that there was room for are over.
    #[serde(default)]
    pub too_many: bool,
}

impl PlayingTournament {
    fn new(house: HouseId, of: TournamentEntryRef) -> Self {
        Self {
            house,
            of,
            tally: None,
            terms: None,
            left: false,
            seen: 0,
            told: 0,
            has: None,
            due: None,
            telling: None,
            broken: None,
        }
    }

    /// The step that tells it; ids may be too long for the name of one.
    fn step(&self, telling: &ScoreToTell) -> String {
        let of = [self.house.as_str(), self.of.source.as_str(), self.of.id.as_str()].join("\n");
        step(&["score", &ContentHash::of(of.as_bytes()).to_string(), &telling.up_to.to_string()])
    }

    /// The score, if there is one that may be told.
    fn score(&self) -> Option<(Amount, u32, Timestamp)> {
        self.tally.as_ref().and_then(TournamentTally::score)
    }

    /// Counts an event, or tells the tally its terms.
    fn follow(
        &mut self,
        position: u64,
        due: Timestamp,
        change: impl FnOnce(&mut TournamentTally) -> Result<bool, ledger_core::Fault>,
    ) {
        let Some(tally) = &mut self.tally else { return };
        match change(tally) {
            Ok(true) => self.seen = self.seen.max(position),
            Ok(false) => {}
            Err(fault) => {
                self.broken.get_or_insert(fault.to_string());
            }
        }
        if tally.is_overrun() {
            self.broken.get_or_insert("more results came before its terms than there is room for".to_owned());
        }
        self.plan(due);
    }

    /// Whether there is something to tell, and when.
    fn plan(&mut self, due: Timestamp) {
        if self.score().is_none() || self.score() == self.has || self.seen <= self.told {
            self.due = None;
        } else {
            self.due.get_or_insert(due);
        }
    }

    /// The tournament knows the points by a position.
    fn known(&mut self, scored: &TournamentScored, next: Timestamp) {
        if scored.up_to > self.told {
            self.told = scored.up_to;
            self.has = Some((scored.points, scored.bets, scored.reached_at));
        }
        if self.telling.as_ref().is_some_and(|telling| telling.up_to <= self.told) {
            self.telling = None;
        }
        if self.telling.is_none() {
            self.plan(next);
        }
    }
}

impl PointsOfPlayer {
    fn of(&mut self, house: &HouseId, of: &TournamentEntryRef) -> Option<&mut PlayingTournament> {
        let at = match self.playing.iter().position(|own| own.house == *house && own.of == *of) {
            Some(at) => at,
            None if self.playing.len() >= PLAYING_MAX => {
                self.too_many = true;
                return None;
            }
            None => {
                self.playing.push(PlayingTournament::new(house.clone(), of.clone()));
                self.playing.len().saturating_sub(1)
            }
        };
        self.playing.get_mut(at)
    }

    fn event(&mut self, event: &Occurrence, (at, due): (Timestamp, Timestamp)) {
        let Some(record) = event.record() else { return };
        let position = event.commit().position.0;
        if let (Event::TournamentScored(scored), Some(house)) = (&record.event, own_cup(event)) {
            let own = |playing: &&mut PlayingTournament| playing.house == *house && !playing.left;
            if let Some(playing) = self.playing.iter_mut().find(own) {
                playing.known(scored, due);
            }
        } else if let (Event::TournamentEntered(_), Some((house, of, _))) = (&record.event, told(event)) {
            let Some(playing) = self.of(&house, &of) else { return };
            playing.tally.get_or_insert_with(|| TournamentTally::new(at));
            if let Some(terms) = playing.terms.take() {
                playing.follow(position, due, |tally| tally.begin(&terms).map(|()| false));
            }
        } else if matches!(record.stream, Stream::Round(..)) {
            for playing in &mut self.playing {
                playing.follow(position, due, |tally| tally.add(record, at));
            }
        }
        self.playing.retain(|playing| !(playing.left && playing.tally.is_some()));
    }

    fn told(&mut self, message: CupSays, due: Timestamp, turn: &mut Turn<CupSays>) {
        match message {
            CupSays::Joined(house, of, terms) => {
                let Some(playing) = self.of(&house, &of) else { return };
                if playing.tally.is_some() {
                    let last = playing.seen;
                    playing.follow(last, due, |tally| tally.begin(&terms).map(|()| false));
                } else {
                    playing.terms = Some(*terms);
                }
            }
            CupSays::Left(house, of) => {
                // One whose entry was not heard yet needs a place as well; without one there is nothing to be lost.
                let is_known = self.playing.iter().any(|own| own.house == house && own.of == of);
                if (is_known || self.playing.len() < PLAYING_MAX)
                    && let Some(playing) = self.of(&house, &of)
                {
                    playing.left = true;
                }
                self.playing.retain(|playing| !(playing.left && playing.tally.is_some()));
            }
            CupSays::Closing(house, of) => {
                // What cannot be told is not waited for.
                let is_telling = self.playing.iter().any(|own| {
                    own.house == house
                        && own.of == of
                        && own.broken.is_none()
                        && (own.due.is_some() || own.telling.is_some())
                });
                if is_telling && let Some(process) = of_cup(&house) {
                    turn.tell(process, CupSays::Telling(house));
                }
            }
            CupSays::Cancelled(..) | CupSays::Telling(_) => {}
        }
    }

    /// A step is not to be told any more.
    fn not_told(&mut self, step: &str) {
        for playing in &mut self.playing {
            let is_own = playing.telling.as_ref().is_some_and(|telling| playing.step(telling) == step);
            if is_own {
                playing.telling = None;
            }
        }
    }

    fn fired(&mut self) {
        for playing in self.playing.iter_mut().filter(|playing| playing.telling.is_none()) {
            if playing.due.take().is_some()
                && let Some((points, bets, reached_at)) = playing.score()
            {
                let up_to = playing.seen;
                playing.telling = Some(ScoreToTell { up_to, points, bets, reached_at });
            }
        }
    }

    pub(super) fn wants(&self, wants: &mut Wants<Infallible>) {
        if self.too_many {
            wants.stuck(format!("he takes part in more than {PLAYING_MAX} tournaments at once"));
        }
        for playing in &self.playing {
            if let Some(why) = &playing.broken {
                wants.stuck(format!("his points in {} cannot be told: {why}", playing.house));
            } else if let Some(telling) = &playing.telling {
                let name = playing.step(telling);
                wants.house(&name, &playing.house, |_| ScoreTournament {
                    player: playing.of.player.clone(),
                    up_to: telling.up_to,
                    points: telling.points.to_decimal(),
                    bets: telling.bets,
                    reached_at: telling.reached_at,
                });
            }
        }
        let due = self.playing.iter().filter(|playing| playing.telling.is_none());
        if let Some(due) = due.filter_map(|playing| playing.due).min() {
            wants.timer(&step(&["due", &due.as_micros().to_string()]), due);
        }
    }
}

pub(super) fn fold(
    state: &mut Option<OfTournament>,
    input: Input<'_, Infallible, CupSays>,
    turn: &mut Turn<CupSays>,
    tell_every: Duration,
) {
    let at = turn.at;
    let due = at.saturating_add(tell_every);
    let begins = match &input {
        Input::Event(event) => {
            matches!(event.record().map(|record| &record.event), Some(Event::TournamentEntered(_)))
        }
        Input::Told(_) => true,
        _ => false,
    };
    if state.is_none() && begins {
        *state = Some(OfTournament::Points(PointsOfPlayer::default()));
    }
    let Some(OfTournament::Points(points)) = state else { return };
    match input {
        Input::Event(event) => points.event(event, (at, due)),
        Input::Told(message) => points.told(message, due, turn),
        Input::Fired { .. } => points.fired(),
        // Somebody told it newer points, or others of this position, or it is over: its event says so, and there is nothing
        // more to tell.
        Input::Refused { step: refused, rejection }
            if matches!(rejection.code(), "not_allowed" | "key_reused") =>
        {
            points.not_told(refused);
        }
        Input::Skipped { step: skipped, .. } => points.not_told(skipped),
        _ => {}
    }
    if points.playing.is_empty() {
        *state = None;
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::{PlayerId, Rejection, SourceId, TransactionId};

    use super::*;

    fn house(n: usize) -> HouseId {
        HouseId::new(format!("tournament/cup{n}")).unwrap()
    }

    fn entry(n: usize) -> TournamentEntryRef {
        TournamentEntryRef {
            player: PlayerId::new("p").unwrap(),
            source: SourceId::new("host").unwrap(),
            id: TransactionId::new(format!("e{n}")).unwrap(),
        }
    }

    /// As many tournaments as there is room for, all entered.
    fn all_places() -> PointsOfPlayer {
        let playing = (0..PLAYING_MAX).map(|n| PlayingTournament {
            tally: Some(TournamentTally::new(Timestamp::EPOCH)),
            ..PlayingTournament::new(house(n), entry(n))
        });
        PointsOfPlayer { playing: playing.collect(), too_many: false }
    }

    fn after(state: PointsOfPlayer, input: Input<'_, Infallible, CupSays>) -> Option<PointsOfPlayer> {
        let mut state = Some(OfTournament::Points(state));
        fold(&mut state, input, &mut Turn::new(Timestamp::EPOCH), Duration::ZERO);
        match state? {
            OfTournament::Points(points) => Some(points),
            other => panic!("{other:?}"),
        }
    }

    fn left(n: usize) -> Input<'static, Infallible, CupSays> {
        Input::Told(CupSays::Left(house(n), entry(n)))
    }

    #[test]
    fn a_tournament_that_he_takes_no_part_in_needs_no_room() {
        let full = all_places();
        assert_eq!(after(full.clone(), left(PLAYING_MAX)), Some(full));
    }

    #[test]
    fn one_tournament_too_many_is_forgotten_when_all_others_are_over() {
        let mut points = all_places();
        assert!(points.of(&house(PLAYING_MAX), &entry(PLAYING_MAX)).is_none());
        for n in 0..PLAYING_MAX - 1 {
            points = after(points, left(n)).unwrap();
            assert!(points.too_many);
        }
        assert_eq!(after(points, left(PLAYING_MAX - 1)), None);
    }

    #[test]
    fn points_that_another_told_already_are_not_told_for_ever() {
        let mut points = all_places();
        let telling =
            ScoreToTell { up_to: 7, points: "1.00".parse().unwrap(), bets: 1, reached_at: Timestamp::EPOCH };
        points.playing[0].telling = Some(telling.clone());
        let step = points.playing[0].step(&telling);
        let refused = Input::Refused { step: &step, rejection: &Rejection::KeyReused };
        assert_eq!(after(points, refused), Some(all_places()));
    }
}
