//! The balances view in memory.

use std::collections::{BTreeMap, HashMap};

use ledger_core::{Account, AccountKind, Amount, Partition, PlayerId};

use super::{Balances, Changes, Home, NAME, PlayerBalances, Purses, ReadBalances, VERSION, answer, fold};
use crate::checkpoint::AtHead;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};

/// What the balances view holds in memory.
#[derive(Debug, Default)]
pub struct State {
    players: HashMap<PlayerId, Player>,
}

#[derive(Debug)]
struct Player {
    kind: AccountKind,
    purses: Purses,
    accounts: BTreeMap<Account, Amount>,
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
    type State = State;
    type Changes = BalanceChanges;

    fn fold(state: &State, commits: &[&Commit]) -> Result<BalanceChanges, ViewError> {
        fold(state, commits).map(BalanceChanges)
    }

    fn merge(state: &mut State, changes: BalanceChanges) {
        for (id, changed) in changes.0 {
            if let Some((kind, purses)) = changed.opened {
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

impl ReadBalances for MemoryReader<Balances> {
    fn player(&self, player: &PlayerId) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        self.read(|state, checkpoint| {
            let (shard, head) = checkpoint.of(&Partition::Player(player.clone()));
            let found = state.players.get(player);
            let value = found
                .map(|player| {
                    let accounts = player.accounts.iter().map(|(account, amount)| (account.clone(), *amount));
                    answer(player.kind, &player.purses, accounts)
                })
                .transpose()?;
            Ok(AtHead { shard, head, value })
        })?
    }
}
