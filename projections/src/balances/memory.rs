//! The balances view in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use ledger_core::{Account, AccountKind, Amount, Partition, PlayerId};

use super::{
    Balances, Changes, Home, NAME, PlayerBalances, PlayerPage, Purses, ReadBalances, VERSION, answer, fold,
};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};
use crate::page::{Page, limited};

/// What the balances view holds in memory.
#[derive(Debug, Default)]
pub struct State {
    players: HashMap<PlayerId, Player>,
    /// The players in the order they are listed.
    listed: BTreeSet<PlayerId>,
}

#[derive(Debug)]
struct Player {
    kind: AccountKind,
    purses: Purses,
    accounts: BTreeMap<Account, Amount>,
}

impl Player {
    fn answer(&self) -> Result<PlayerBalances, ViewError> {
        let accounts = self.accounts.iter().map(|(account, amount)| (account.clone(), *amount));
        answer(self.kind, &self.purses, accounts)
    }
}

impl Home for State {
    fn is_open(&self, player: &PlayerId) -> Result<bool, ViewError> {
        Ok(self.players.contains_key(player))
    }

    fn balance(&self, player: &PlayerId, account: &Account) -> Result<Option<Amount>, ViewError> {
        Ok(self.players.get(player).and_then(|player| player.accounts.get(account)).copied())
    }
}

/// What a batch changes in the balances view.
#[derive(Debug)]
pub struct BalanceChanges(Changes);

impl MemoryModel for Balances {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const BY_SHARD: bool = true;
    type State = State;
    type Changes = BalanceChanges;

    fn fold(state: &State, commits: &[&Commit]) -> Result<BalanceChanges, ViewError> {
        fold(state, commits).map(BalanceChanges)
    }

    fn merge(state: &mut State, changes: BalanceChanges) {
        for (id, changed) in changes.0 {
            if let Some((kind, purses)) = changed.opened {
                state.listed.insert(id.clone());
                state.players.insert(id.clone(), Player { kind, purses, accounts: BTreeMap::new() });
            }
            let Some(player) = state.players.get_mut(&id) else { continue };
            player.purses.extend(changed.purses);
            for (account, balance) in changed.accounts {
                if balance.is_zero() {
                    player.accounts.remove(&account);
                } else {
                    player.accounts.insert(account, balance);
                }
            }
        }
    }
}

#[async_trait]
impl ReadBalances for MemoryReader<Balances> {
    async fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        let shard = self.identity().shards.shard_of(&Partition::Player(player.clone()).digest());
        let read = |state: &State| state.players.get(player).map(Player::answer).transpose();
        let AtHead { shard, head, incomplete, value } = self.read_shard(shard, read)?;
        Ok(AtHead { shard, head, incomplete, value: value? })
    }

    async fn list(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<PlayerPage>, ViewError> {
        let limit = limited(limit);
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            let listed = |state: &&'_ State| {
                let players = state.listed.range::<PlayerId, _>(range).take(limit + 1);
                let found = players.filter_map(|id| Some((id.clone(), state.players.get(id)?.answer())));
                found.collect::<Vec<_>>()
            };
            let mut rows: Vec<_> = states.iter().flat_map(listed).collect();
            rows.sort_by(|(left, _), (right, _)| left.cmp(right));
            rows.truncate(limit + 1);
            rows.into_iter().map(|(id, answer)| Ok((id, answer?))).collect::<Result<Vec<_>, ViewError>>()
        })?;
        Ok(AtCheckpoint { checkpoint, value: Page::of(value?, limit, |(player, _)| player.clone()) })
    }
}
