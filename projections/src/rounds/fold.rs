//! What a batch of commits changes in the rounds view.

use std::collections::HashMap;

use ledger_core::stored::{Event, EventRecord};
use ledger_core::{AccountKind, CurrencyCode, GameId, PlayerId, RoundId, SourceId, Stream};
use ledger_store::Shard;

use super::row::{GameSums, Moment, RoundRow};
use crate::commit::Commit;
use crate::error::ViewError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RoundKey {
    pub(super) player: PlayerId,
    pub(super) source: SourceId,
    pub(super) round: RoundId,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct GameKey {
    pub(super) shard: Shard,
    pub(super) kind: AccountKind,
    pub(super) game: GameId,
    pub(super) currency: CurrencyCode,
}

/// A round before and after a batch.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) before: Option<RoundRow>,
    pub(super) after: RoundRow,
}

#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) players: HashMap<PlayerId, AccountKind>,
    pub(super) rounds: HashMap<RoundKey, Changed>,
    /// The new totals; zero takes the row away.
    pub(super) games: HashMap<GameKey, GameSums>,
}

/// What the fold reads of the rows before the batch.
pub(super) trait Home {
    fn kind(&self, player: &PlayerId) -> Result<Option<AccountKind>, ViewError>;
    fn round(&self, key: &RoundKey) -> Result<Option<RoundRow>, ViewError>;
    fn game(&self, key: &GameKey) -> Result<Option<GameSums>, ViewError>;
}

pub(super) fn fold(home: &impl Home, commits: &[&Commit]) -> Result<Changes, ViewError> {
    let mut changes = Changes::default();
    for commit in commits {
        for record in &commit.body.events {
            match (&record.event, &record.stream) {
                (Event::PlayerOpened(event), Stream::Player(player)) => {
                    if changes.players.contains_key(player) || home.kind(player)?.is_some() {
                        return Err(commit.poison(format!("player {player} was opened twice")));
                    }
                    changes.players.insert(player.clone(), event.kind);
                }
                (_, Stream::Round(player, source, round)) => {
                    let key =
                        RoundKey { player: player.clone(), source: source.clone(), round: round.clone() };
                    take(home, &mut changes, commit, key, record)?;
                }
                (Event::TransferRolledIn(event), Stream::Transfer(player, _)) => {
                    let sums = GameSums { rounds: 0, stakes: event.staked.into(), payouts: event.won.into() };
                    let kind = kind(home, &changes, commit, player)?;
                    let (game, currency) = (event.game.clone(), event.currency);
                    let key = GameKey { shard: commit.shard, kind, game, currency };
                    add(home, &mut changes.games, commit, key, |known| known.plus(sums))?;
                }
                _ => {}
            }
        }
    }
    add_to_games(home, &mut changes, commits)?;
    Ok(changes)
}

/// Whether a player is real or a test.
fn kind(
    home: &impl Home,
    changes: &Changes,
    commit: &Commit,
    player: &PlayerId,
) -> Result<AccountKind, ViewError> {
    let kind = match changes.players.get(player) {
        Some(kind) => Some(*kind),
        None => home.kind(player)?,
    };
    kind.ok_or_else(|| commit.poison(format!("player {player} was never opened")))
}

fn take(
    home: &impl Home,
    changes: &mut Changes,
    commit: &Commit,
    key: RoundKey,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let moment = Moment { at: commit.body.recorded_at, position: commit.position };
    let changed = match changes.rounds.get_mut(&key) {
        Some(changed) => changed,
        None => {
            let before = home.round(&key)?;
            let after = match &before {
                Some(row) => row.clone(),
                None => {
                    let kind = kind(home, changes, commit, &key.player)?;
                    RoundRow::new(&key.player, &key.source, &key.round, commit.shard, kind, moment)
                }
            };
            changes.rounds.entry(key).or_insert(Changed { before, after })
        }
    };
    changed.after.evolve(record, moment).map_err(|misfit| commit.poison(misfit))
}

/// Takes out what the changed rounds added to their games before the batch and puts in what they add now: the
/// totals are those of the rounds, whatever the events were.
fn add_to_games(home: &impl Home, changes: &mut Changes, commits: &[&Commit]) -> Result<(), ViewError> {
    let Some(last) = commits.last() else { return Ok(()) };
    let Changes { rounds, games, .. } = changes;
    for Changed { before, after } in rounds.values() {
        let misfit = |misfit| last.poison(misfit);
        let old = before.as_ref().map(RoundRow::contribution).transpose().map_err(misfit)?;
        let new = after.contribution().map_err(misfit)?;
        let parts = old.into_iter().flatten().map(|part| (part, false));
        for (((game, currency), sums), adds) in parts.chain(new.into_iter().map(|part| (part, true))) {
            let key = GameKey { shard: after.shard, kind: after.kind, game, currency };
            // Another round of the batch may be taken out before it is put in: only the end must fit.
            add(home, games, last, key, |known| if adds { known.plus(sums) } else { known.minus(sums) })?;
        }
    }
    Ok(())
}

fn add(
    home: &impl Home,
    games: &mut HashMap<GameKey, GameSums>,
    commit: &Commit,
    key: GameKey,
    change: impl FnOnce(GameSums) -> Option<GameSums>,
) -> Result<(), ViewError> {
    let known = match games.get(&key) {
        Some(known) => *known,
        None => home.game(&key)?.unwrap_or_default(),
    };
    let sums = change(known);
    let sums = sums.ok_or_else(|| commit.poison(format!("the totals of game {} are too large", key.game)))?;
    games.insert(key, sums);
    Ok(())
}
