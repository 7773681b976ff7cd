//! The built-in views as subjects of the kit, in both homes.

use ledger_core::stored::{Event, RoundStatus};
use ledger_core::{Partition, PlayerId, Stream};
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::rounds::{PAGE_MAX, ReadRounds, Rounds};
#[cfg(feature = "sqlite")]
use ledger_projections::sql::SqlModel;
use ledger_projections::testing::InMemory;
use ledger_projections::trial_balance::{Detail, ReadTrialBalance, TrialBalance};
use ledger_projections::{Commit, MemoryReader, ViewError};
use ledger_store::LedgerIdentity;
use std::fmt::Write as _;

use crate::history::{id, moves_purse};

/// How a commit becomes one that the view cannot take.
pub(crate) trait Poison {
    fn poison(commit: &Commit) -> Option<Commit>;
}

impl Poison for Balances {
    fn poison(commit: &Commit) -> Option<Commit> {
        let of_player = matches!(commit.body.partition, Partition::Player(_));
        let mut poison = commit.clone();
        poison.body.partition = Partition::Player(id(PlayerId::new, "nobody"));
        (of_player && moves_purse(commit)).then_some(poison)
    }
}

impl Poison for TrialBalance {
    fn poison(_: &Commit) -> Option<Commit> {
        None
    }
}

impl Poison for Rounds {
    fn poison(commit: &Commit) -> Option<Commit> {
        let mut poison = commit.clone();
        let of_round = |stream: &Stream| matches!(stream, Stream::Round(..));
        let record = poison.body.events.iter_mut().find(|record| of_round(&record.stream))?;
        if matches!(record.event, Event::RoundReopened(_)) {
            return None;
        }
        record.version += 1;
        Some(poison)
    }
}

type Shown = Result<String, ViewError>;

/// What every player has, in order.
async fn dump_balances(reader: MemoryReader<Balances>) -> Shown {
    Ok(format!("{:?}", reader.list(None, PAGE_MAX).await?.value))
}

async fn dump_trial_balance(reader: MemoryReader<TrialBalance>) -> Shown {
    Ok(format!("{:?}", reader.rows(Detail::SubAccount).await?.value))
}

async fn dump_rounds(reader: MemoryReader<Rounds>) -> Shown {
    let mut text = String::new();
    for status in [RoundStatus::Open, RoundStatus::Closed, RoundStatus::Void, RoundStatus::Cancelled] {
        let page = reader.list(status, None, PAGE_MAX).await?.value;
        assert!(page.next.is_none(), "all of them are shown");
        writeln!(text, "{:?}", page.rows).unwrap();
    }
    Ok(format!("{text}{:?}", reader.games().await?.value))
}

pub(crate) fn balances(identity: &LedgerIdentity) -> InMemory<Balances> {
    InMemory::new(identity, |reader| Box::pin(dump_balances(reader))).with_poison(Balances::poison)
}

pub(crate) fn trial_balance(identity: &LedgerIdentity) -> InMemory<TrialBalance> {
    InMemory::new(identity, |reader| Box::pin(dump_trial_balance(reader)))
}

pub(crate) fn rounds(identity: &LedgerIdentity) -> InMemory<Rounds> {
    InMemory::new(identity, |reader| Box::pin(dump_rounds(reader))).with_poison(Rounds::poison)
}

/// A subject in SQLite, with the folder it lives in.
#[cfg(feature = "sqlite")]
pub(crate) fn in_sqlite<M: SqlModel + Poison>(
    identity: &LedgerIdentity,
) -> (ledger_projections::testing::InSqlite<M>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let subject = ledger_projections::testing::InSqlite::new(identity, folder.path()).with_poison(M::poison);
    (subject, folder)
}
