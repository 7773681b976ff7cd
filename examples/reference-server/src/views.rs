//! The views the server answers from, each in a SQLite file of its own beside the log; thrown away and folded again at
//! will.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
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
use casino_ledger::projections::{Feed, LiveBalances, LiveSettings, ReadModel, Runner, Settings, State};
use casino_ledger::store::{Position, Shard};

use crate::sessions::Sessions;

/// How long a reader waits for his own write.
pub const OWN_WRITE: Duration = Duration::from_secs(2);

/// How long a view may take to be made, empty as it is then.
const MADE: Duration = Duration::from_secs(30);

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
    /// Balances that are told as they change.
    pub live: LiveBalances,
    /// Sessions.
    pub sessions: Arc<dyn ReadModel<Sessions>>,
    /// What all of them read from.
    pub feed: Feed,
    runners: Mutex<Vec<Runner>>,
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
        let mut runners = Vec::new();
        macro_rules! follow {
            ($view:ty) => {{
                let home = SqliteHome::<$view>::new(folder, &identity)?;
                let reader = Arc::new(home.reader());
                runners.push(Runner::start(&feed, home, Settings::default())?);
                reader
            }};
        }
        let home = SqliteHome::<Balances>::new(folder, &identity)?;
        let balances: Arc<dyn ReadBalances> = Arc::new(home.reader());
        let runner = Runner::start(&feed, home, Settings::default())?;
        // There is something to read once the runner has made it, however far it is.
        balances.at_least(Shard(0), Position::ZERO, MADE).await?;
        let live = LiveBalances::start(&runner, Arc::clone(&balances), LiveSettings::default()).await?;
        runners.push(runner);
        Ok(Self {
            balances,
            live,
            statement: follow!(Statement),
            rounds: follow!(Rounds),
            revenue: follow!(Revenue<Utc>),
            withdrawals: follow!(Withdrawals),
            bonuses: follow!(Bonuses),
            trial_balance: follow!(TrialBalance),
            liability: follow!(Liability),
            audit: follow!(AuditTrail),
            sessions: follow!(Sessions),
            runners: Mutex::new(runners),
            feed,
        })
    }

    /// Where every view stands.
    pub fn standing(&self) -> Vec<ViewStanding> {
        let runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
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
        let runners = std::mem::take(&mut *self.runners.lock().unwrap_or_else(PoisonError::into_inner));
        for runner in runners {
            let name = runner.name().to_owned();
            if let Err(error) = runner.stop(limit).await {
                tracing::warn!(view = name, %error, "a view did not stop in time");
            }
        }
    }
}
