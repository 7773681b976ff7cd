//! The rounds view in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use ledger_core::stored::RoundStatus;
use ledger_core::{AccountKind, CurrencyCode, GameId, Partition, PlayerId, RoundId, SourceId};

use super::fold::{Changes, GameKey, Home, RoundKey, fold};
use super::row::{GameSums, RoundRow};
use super::{GameTotals, NAME, ReadRounds, RoundCursor, RoundPage, Rounds, VERSION};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};
use crate::page::{Page, limited};

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
    const BY_SHARD: bool = true;
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

#[async_trait]
impl ReadRounds for MemoryReader<Rounds> {
    async fn round(
        &self,
        player: &PlayerId,
        source: &SourceId,
        round: &RoundId,
    ) -> Result<AtHead<Option<RoundRow>>, ViewError> {
        let key = RoundKey { player: player.clone(), source: source.clone(), round: round.clone() };
        let shard = self.identity().shards.shard_of(&Partition::Player(player.clone()).digest());
        self.read_shard(shard, |state| state.rounds.get(&key).cloned())
    }

    async fn list(
        &self,
        status: RoundStatus,
        after: Option<&RoundCursor>,
        limit: usize,
    ) -> Result<AtCheckpoint<RoundPage>, ViewError> {
        let limit = limited(limit);
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let found = self.read(|states| {
            // The parts are in order of shards, and so is the list.
            let listed = states.iter().filter_map(|state| Some((*state, state.listed.get(&status)?)));
            let rows = listed
                .flat_map(|(state, listed)| listed.range(range).filter_map(|(_, key)| state.rounds.get(key)));
            rows.take(limit + 1).cloned().collect::<Vec<_>>()
        })?;
        Ok(found.map(|rows| Page::of(rows, limit, RoundRow::cursor)))
    }

    async fn games(&self) -> Result<AtCheckpoint<Vec<GameTotals>>, ViewError> {
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            add_up(states.iter().flat_map(|state| &state.games).map(|(key, sums)| Ok((key.clone(), *sums))))
        })?;
        Ok(AtCheckpoint { checkpoint, value: value? })
    }
}
