//! The rounds view in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use ledger_core::stored::RoundStatus;
use ledger_core::{AccountKind, CurrencyCode, GameId, Partition, PlayerId, RoundId, SourceId};

use super::fold::{Changes, GameKey, Home, RoundKey, fold};
use super::row::{GameSums, RoundRow};
use super::{GameTotals, NAME, PAGE_MAX, ReadRounds, RoundCursor, RoundPage, Rounds, VERSION, page};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};

/// What the rounds view holds in memory.
#[derive(Debug, Default)]
pub struct State {
    players: HashMap<PlayerId, AccountKind>,
    rounds: HashMap<RoundKey, RoundRow>,
    /// The rounds of each status, in the order they are listed.
    listed: HashMap<RoundStatus, BTreeMap<RoundCursor, RoundKey>>,
    games: HashMap<GameKey, GameSums>,
}

impl Home for State {
    fn kind(&self, player: &PlayerId) -> Result<Option<AccountKind>, ViewError> {
        Ok(self.players.get(player).copied())
    }

    fn round(&self, key: &RoundKey) -> Result<Option<RoundRow>, ViewError> {
        Ok(self.rounds.get(key).cloned())
    }

    fn game(&self, key: &GameKey) -> Result<Option<GameSums>, ViewError> {
        Ok(self.games.get(key).copied())
    }
}

/// What a batch changes in the rounds view.
#[derive(Debug)]
pub struct RoundChanges(Changes);

impl MemoryModel for Rounds {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    type State = State;
    type Changes = RoundChanges;

    fn fold(state: &State, commits: &[&Commit]) -> Result<RoundChanges, ViewError> {
        fold(state, commits).map(RoundChanges)
    }

    fn merge(state: &mut State, RoundChanges(changes): RoundChanges) {
        state.players.extend(changes.players);
        for (key, changed) in changes.rounds {
            let (status, cursor) = (changed.after.status, changed.after.cursor());
            if let Some(before) = changed.before.filter(|before| before.status != status) {
                state.listed.entry(before.status).or_default().remove(&cursor);
            }
            state.listed.entry(status).or_default().insert(cursor, key.clone());
            state.rounds.insert(key, changed.after);
        }
        for (key, sums) in changes.games {
            if sums.is_zero() {
                state.games.remove(&key);
            } else {
                state.games.insert(key, sums);
            }
        }
    }
}

/// Adds the rows of all shards up.
pub(super) fn add_up(
    rows: impl IntoIterator<Item = Result<(GameKey, GameSums), ViewError>>,
) -> Result<Vec<GameTotals>, ViewError> {
    let mut games: BTreeMap<(AccountKind, GameId, CurrencyCode), GameSums> = BTreeMap::new();
    for row in rows {
        let (GameKey { kind, game, currency, .. }, sums) = row?;
        let known = games.entry((kind, game, currency)).or_default();
        let large = || ViewError::Damaged("the totals of a game are beyond 128 bits".to_owned());
        *known = known.plus(sums).ok_or_else(large)?;
    }
    let totals = |((kind, game, currency), GameSums { rounds, stakes, payouts })| GameTotals {
        kind,
        game,
        currency,
        rounds,
        stakes,
        payouts,
    };
    Ok(games.into_iter().map(totals).collect())
}

impl ReadRounds for MemoryReader<Rounds> {
    fn round(
        &self,
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
    ) -> Result<AtHead<Option<RoundRow>>, ViewError> {
        let key = RoundKey { player: player.clone(), source: source.clone(), round: round.clone() };
        self.read(|state, checkpoint| {
            let (shard, head) = checkpoint.of(&Partition::Player(player.clone()));
            AtHead { shard, head, value: state.rounds.get(&key).cloned() }
        })
    }

    fn list(
        &self,
        status: RoundStatus,
        after: Option<&RoundCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<RoundPage>, ViewError> {
        let limit = limit.min(PAGE_MAX);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.read(|state, checkpoint| {
            let listed = state.listed.get(&status);
            let keys = listed.into_iter().flat_map(|l| l.range((from, Bound::Unbounded))).map(|(_, key)| key);
            let rounds = keys.filter_map(|key| state.rounds.get(key)).take(limit + 1).cloned().collect();
            AtCheckpoint { checkpoint: checkpoint.clone(), value: page(rounds, limit) }
        })
    }

    fn games(&self) -> Result<AtCheckpoint<Vec<GameTotals>>, ViewError> {
        self.read(|state, checkpoint| {
            let value = add_up(state.games.iter().map(|(key, sums)| Ok((key.clone(), *sums))))?;
            Ok(AtCheckpoint { checkpoint: checkpoint.clone(), value })
        })?
    }
}
