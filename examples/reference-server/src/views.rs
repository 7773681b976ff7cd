//! The views the server answers from, each in a SQLite file of its own beside the log; thrown away and folded again at
//! will.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use casino_ledger::Ledger;
use casino_ledger::projections::audit::{AuditTrail, ReadAuditTrail};
use casino_ledger::projections::balances::{Balances, ReadBalances};
use casino_ledger::projections::bonuses::{Bonuses, ReadBonuses};
use casino_ledger::projections::liability::{Liability, ReadLiability};
use casino_ledger::projections::revenue::{ReadRevenue, Revenue, Utc};
use casino_ledger::projections::rounds::{ReadRounds, Rounds};
use casino_ledger::projections::sqlite::SqliteHome;
use casino_ledger::projections::statement::{ReadStatement, Statement};
use casino_ledger::projections::trial_balance::{ReadTrialBalance, TrialBalance};
use casino_ledger::projections::withdrawals::{ReadWithdrawals, Withdrawals};
use casino_ledger::projections::{
    Feed, LiveBalances, LiveSettings, ReadModel, Runner, Settings, State, ViewError,
};
use casino_ledger::store::{Position, Shard};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::sessions::Sessions;

/// How long a reader waits for his own write.
pub const OWN_WRITE: Duration = Duration::from_secs(2);

/// Where one view stands.
#[derive(Debug, Clone)]
pub struct ViewStanding {
    /// Its name.
    pub name: String,
    /// What it is doing, in a word.
    pub state: &'static str,
    /// How many commits it does not contain yet.
    pub lag: u64,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

/// The views, and what carries them on.
pub struct Views {
    /// Balances.
    pub balances: Arc<dyn ReadBalances>,
    /// Statements.
    pub statement: Arc<dyn ReadStatement>,
    /// Rounds and games.
    pub rounds: Arc<dyn ReadRounds>,
    /// Gaming revenue by day.
    pub revenue: Arc<dyn ReadRevenue>,
    /// Withdrawals.
    pub withdrawals: Arc<dyn ReadWithdrawals>,
    /// Bonuses.
    pub bonuses: Arc<dyn ReadBonuses>,
    /// Debits and credits of every account.
    pub trial_balance: Arc<dyn ReadTrialBalance>,
    /// What is owed and held.
    pub liability: Arc<dyn ReadLiability>,
    /// Who did what.
    pub audit: Arc<dyn ReadAuditTrail>,
    /// Sessions.
    pub sessions: Arc<dyn ReadModel<Sessions>>,
    /// What all of them read from.
    pub feed: Feed,
    live: Arc<OnceLock<LiveBalances>>,
    runners: Arc<Mutex<Vec<Runner>>>,
    pushing: JoinHandle<()>,
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Views")
    }
}

impl Views {
    /// Opens the views of a ledger in a folder, and carries them on from where they stand.
    ///
    /// # Errors
    ///
    /// If a view cannot be opened, or belongs to another ledger.
    pub async fn open(ledger: &Ledger, folder: &Path) -> anyhow::Result<Self> {
        let feed = Feed::new(ledger.store());
        let identity = *feed.identity();
        let mut runners: Vec<Runner> = Vec::new();
        macro_rules! follow {
            ($view:ty) => {{
                let home = SqliteHome::<$view>::new(folder, &identity)?;
                let reader = Arc::new(home.reader());
                runners.push(Runner::start(&feed, home, Settings::default())?);
                reader
            }};
        }
        let balances: Arc<dyn ReadBalances> = follow!(Balances);
        let (statement, rounds, revenue) = (follow!(Statement), follow!(Rounds), follow!(Revenue<Utc>));
        let (withdrawals, bonuses) = (follow!(Withdrawals), follow!(Bonuses));
        let (trial_balance, liability) = (follow!(TrialBalance), follow!(Liability));
        let (audit, sessions) = (follow!(AuditTrail), follow!(Sessions));
        let (runners, live) = (Arc::new(Mutex::new(runners)), Arc::new(OnceLock::new()));
        let mut pushing = tokio::spawn(push(Arc::clone(&balances), Arc::clone(&runners), Arc::clone(&live)));
        // It is there at once, or it is folded anew, which nobody is kept waiting for.
        let _ = tokio::time::timeout(OWN_WRITE, &mut pushing).await;
        Ok(Self {
            balances,
            statement,
            rounds,
            revenue,
            withdrawals,
            bonuses,
            trial_balance,
            liability,
            audit,
            sessions,
            feed,
            live,
            runners,
            pushing,
        })
    }

    /// Balances that are told as they change; nothing, while the view of them is not there.
    pub fn live(&self) -> Option<&LiveBalances> {
        self.live.get()
    }

    /// Where every view stands.
    pub async fn standing(&self) -> Vec<ViewStanding> {
        let runners = self.runners.lock().await;
        let standing = |runner: &Runner| {
            let progress = runner.progress();
            let (state, stopped) = match &progress.state {
                State::CatchingUp => ("catching_up", None),
                State::Live => ("live", None),
                State::Paused => ("paused", None),
                State::Rebuilding { .. } => ("rebuilding", None),
                State::Stopped(stop) => ("stopped", Some(stop.to_string())),
                State::Ended => ("ended", None),
                _ => ("other", None),
            };
            let lag = progress.lag().into_iter().fold(0, u64::saturating_add);
            ViewStanding { name: runner.name().to_owned(), state, lag, stopped }
        };
        runners.iter().map(standing).collect()
    }

    /// Stops carrying them on; they stay readable.
    pub async fn stop(&self, limit: Duration) {
        self.pushing.abort();
        let runners = std::mem::take(&mut *self.runners.lock().await);
        for runner in runners {
            let name = runner.name().to_owned();
            if let Err(error) = runner.stop(limit).await {
                tracing::warn!(view = name, %error, "a view did not stop in time");
            }
        }
    }
}

/// Has balances told as they change, once the view of them is there.
async fn push(
    balances: Arc<dyn ReadBalances>,
    runners: Arc<Mutex<Vec<Runner>>>,
    live: Arc<OnceLock<LiveBalances>>,
) {
    let started = async {
        loop {
            match balances.at_least(Shard(0), Position::ZERO, OWN_WRITE).await {
                Err(ViewError::NotReady { .. }) => {}
                made => break made.map(drop)?,
            }
        }
        let runners = runners.lock().await;
        // That of balances is the first.
        match runners.first() {
            Some(runner) => {
                LiveBalances::start(runner, Arc::clone(&balances), LiveSettings::default()).await.map(Some)
            }
            None => Ok(None),
        }
    };
    match started.await {
        Ok(Some(started)) => drop(live.set(started)),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "balances are not told as they change"),
    }
}
