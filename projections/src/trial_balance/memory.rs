//! The trial balance in memory.

use async_trait::async_trait;
use ledger_core::Account;
use ledger_store::Shard;

use super::{
    Changes, Detail, Home, NAME, ReadTrialBalance, Sums, TrialBalance, TrialRow, VERSION, add_up, fold,
};
use crate::checkpoint::AtCheckpoint;
use crate::commit::Commit;
use crate::error::ViewError;
use crate::memory::{MemoryModel, MemoryReader};

/// What the trial balance holds in memory.
#[derive(Debug, Default)]
pub struct State {
    rows: Changes,
}

impl Home for State {
    fn sums(&self, shard: Shard, account: &Account) -> Result<Option<Sums>, ViewError> {
        // The key is made for the look-up only; a batch asks once per account.
        Ok(self.rows.get(&(shard, account.clone())).copied())
    }
}

/// What a batch changes in the trial balance.
#[derive(Debug)]
pub struct TrialChanges(Changes);

impl MemoryModel for TrialBalance {
    const NAME: &'static str = NAME;
    const VERSION: u32 = VERSION;
    const BY_SHARD: bool = true;
    type State = State;
    type Changes = TrialChanges;

    fn fold(state: &State, commits: &[&Commit]) -> Result<TrialChanges, ViewError> {
        fold(state, commits).map(TrialChanges)
    }

    fn merge(state: &mut State, changes: TrialChanges) {
        state.rows.extend(changes.0);
    }
}

#[async_trait]
impl ReadTrialBalance for MemoryReader<TrialBalance> {
    async fn rows(&self, detail: Detail) -> Result<AtCheckpoint<Vec<TrialRow>>, ViewError> {
        let AtCheckpoint { checkpoint, value } = self.read(|states| {
            let rows = states.iter().flat_map(|state| &state.rows);
            add_up(rows.map(|((_, account), sums)| Ok((account.clone(), *sums))), detail)
        })?;
        Ok(AtCheckpoint { checkpoint, value: value? })
    }
}
