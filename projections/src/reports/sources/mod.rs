//! Where the rows of reports come from: each source reads one view in one way.

mod bonus;
mod fields;
mod history;
mod money;
mod payments;
mod play;
mod prizes;
mod protection;
mod returns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{AccountKind, GameId, Timestamp};

use super::cell::Cell;
use super::definition::{ReportDefinition, ReportSource};
use super::error::{DefinitionError, ReportError};
use super::run::{ReportArguments, Rows};
use crate::audit::ReadAuditTrail;
use crate::balances::ReadBalances;
use crate::bonuses::ReadBonuses;
use crate::cases::ReadCases;
use crate::controls::ReadControls;
use crate::error::ViewError;
use crate::jackpots::ReadJackpots;
use crate::leaderboards::ReadLeaderboards;
use crate::liability::ReadLiability;
use crate::period::Period;
use crate::reconciliation::ReadPayments;
use crate::revenue::ReadRevenue;
use crate::rounds::ReadRounds;
use crate::rtp::GameReturn;
use crate::runner::{ControlError, Runner};
use crate::standing::Standing;
use crate::statement::ReadStatement;
use crate::text::kind_text;
use crate::total::Total;
use crate::trial_balance::ReadTrialBalance;
use crate::withdrawals::ReadWithdrawals;

pub(super) use fields::TakesPeriod;

/// How long a runner may take to stand still.
const HOLD_LIMIT: Duration = Duration::from_secs(30);

/// Has a view stand still while a report reads it page by page.
#[async_trait]
pub trait Hold: Send + Sync {
    /// Has it stand still until what this answers is dropped. Reports may hold one view at the same time: it goes on
    /// behind the last of them.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it does not.
    async fn hold(&self) -> Result<Box<dyn Send + Sync>, ControlError>;
}

/// A runner is held after the batch in hand: [`Runner::hold`]. What comes in meanwhile waits in the log.
#[async_trait]
impl Hold for Runner {
    async fn hold(&self) -> Result<Box<dyn Send + Sync>, ControlError> {
        Ok(Box::new(Self::hold(self, HOLD_LIMIT).await?))
    }
}

/// The readers that a host has of its views, and what has the one that is read stand still. Only the one that a report reads must
/// be there.
#[derive(Clone, Default)]
pub struct ReportViews {
    /// Balances.
    pub balances: Option<Arc<dyn ReadBalances>>,
    /// The trial balance.
    pub trial_balance: Option<Arc<dyn ReadTrialBalance>>,
    /// Rounds.
    pub rounds: Option<Arc<dyn ReadRounds>>,
    /// The statement.
    pub statement: Option<Arc<dyn ReadStatement>>,
    /// Gaming revenue, by the time zone of its days: a report is read of the view of its own zone.
    pub revenue: BTreeMap<String, Arc<dyn ReadRevenue>>,
    /// Withdrawals.
    pub withdrawals: Option<Arc<dyn ReadWithdrawals>>,
    /// Player liability.
    pub liability: Option<Arc<dyn ReadLiability>>,
    /// Bonuses.
    pub bonuses: Option<Arc<dyn ReadBonuses>>,
    /// The audit trail.
    pub audit: Option<Arc<dyn ReadAuditTrail>>,
    /// Payments.
    pub payments: Option<Arc<dyn ReadPayments>>,
    /// What protects players.
    pub controls: Option<Arc<dyn ReadControls>>,
    /// Alerts and cases.
    pub cases: Option<Arc<dyn ReadCases>>,
    /// Jackpots.
    pub jackpots: Option<Arc<dyn ReadJackpots>>,
    /// Tournaments.
    pub leaderboards: Option<Arc<dyn ReadLeaderboards>>,
    /// What the games are certified with, for reports of actual returns; a table of the host's.
    pub certified: BTreeMap<GameId, GameReturn>,
    /// Has the view of this report stand still, such as its [`Runner`].
    pub hold: Option<Arc<dyn Hold>>,
}

impl fmt::Debug for ReportViews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportViews").field("held", &self.hold.is_some()).finish_non_exhaustive()
    }
}

fn need<'a, T: ?Sized>(reader: Option<&'a Arc<T>>, name: &'static str) -> Result<&'a T, ReportError> {
    reader.map(Arc::as_ref).ok_or(ReportError::NoView(name))
}

/// A report with everything it is made of.
pub(super) struct Job<'a> {
    pub(super) definition: &'a ReportDefinition,
    pub(super) arguments: &'a ReportArguments,
    pub(super) period: Option<Period>,
    pub(super) views: &'a ReportViews,
}

/// The view that a report reads.
pub(super) fn standing<'a>(
    definition: &ReportDefinition,
    views: &'a ReportViews,
) -> Result<&'a dyn Standing, ReportError> {
    Ok(match definition.source {
        ReportSource::Revenue | ReportSource::Rtp => {
            let of_zone = views.revenue.get(&definition.zone);
            of_zone.ok_or(ReportError::NoView("revenue of its time zone"))?.as_ref()
        }
        ReportSource::Statement
        | ReportSource::PlayerSummary
        | ReportSource::PlayerDays
        | ReportSource::BalancesThen => need(views.statement.as_ref(), "statement")?,
        ReportSource::Balances => need(views.balances.as_ref(), "balances")?,
        ReportSource::TrialBalance => need(views.trial_balance.as_ref(), "trial_balance")?,
        ReportSource::Rounds | ReportSource::Games => need(views.rounds.as_ref(), "rounds")?,
        ReportSource::Withdrawals | ReportSource::WithdrawalTotals => {
            need(views.withdrawals.as_ref(), "withdrawals")?
        }
        ReportSource::Liability | ReportSource::Held | ReportSource::Cover => {
            need(views.liability.as_ref(), "liability")?
        }
        ReportSource::Awards | ReportSource::Offers | ReportSource::Campaigns => {
            need(views.bonuses.as_ref(), "bonuses")?
        }
        ReportSource::Audit => need(views.audit.as_ref(), "audit_trail")?,
        ReportSource::Payments => need(views.payments.as_ref(), "payments")?,
        ReportSource::Limits | ReportSource::LimitHits | ReportSource::Exclusions => {
            need(views.controls.as_ref(), "controls")?
        }
        ReportSource::Alerts | ReportSource::Cases => need(views.cases.as_ref(), "cases")?,
        ReportSource::Jackpots | ReportSource::JackpotAwards | ReportSource::JackpotClaims => {
            need(views.jackpots.as_ref(), "jackpots")?
        }
        ReportSource::Tournaments | ReportSource::TournamentPlaces => {
            need(views.leaderboards.as_ref(), "leaderboards")?
        }
    })
}

impl Job<'_> {
    pub(super) async fn read(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        match self.definition.source {
            ReportSource::Revenue => self.revenue(rows).await,
            ReportSource::Statement => self.statement(rows).await,
            ReportSource::PlayerSummary | ReportSource::PlayerDays => self.summaries(rows).await,
            ReportSource::Balances => self.balances(rows).await,
            ReportSource::BalancesThen => self.balances_then(rows).await,
            ReportSource::TrialBalance => self.trial_balance(rows).await,
            ReportSource::Rounds => self.rounds(rows).await,
            ReportSource::Games => self.games(rows).await,
            ReportSource::Withdrawals => self.withdrawals(rows).await,
            ReportSource::WithdrawalTotals => self.withdrawal_totals(rows).await,
            ReportSource::Liability => self.liability(rows).await,
            ReportSource::Held => self.held(rows).await,
            ReportSource::Cover => self.cover(rows).await,
            ReportSource::Awards => self.awards(rows).await,
            ReportSource::Offers => self.offers(rows).await,
            ReportSource::Campaigns => self.campaigns(rows).await,
            ReportSource::Audit => self.audit(rows).await,
            ReportSource::Payments => self.payments(rows).await,
            ReportSource::Limits => self.limits(rows).await,
            ReportSource::LimitHits => self.limit_hits(rows).await,
            ReportSource::Exclusions => self.exclusions(rows).await,
            ReportSource::Alerts => self.alerts(rows).await,
            ReportSource::Cases => self.cases(rows).await,
            ReportSource::Jackpots => self.jackpots(rows).await,
            ReportSource::JackpotAwards => self.jackpot_awards(rows).await,
            ReportSource::JackpotClaims => self.jackpot_claims(rows).await,
            ReportSource::Tournaments => self.tournaments(rows).await,
            ReportSource::TournamentPlaces => self.tournament_places(rows).await,
            ReportSource::Rtp => self.rtp(rows).await,
        }
    }

    /// Whether an instant is in the period, if there is one.
    fn is_in_period(&self, at: Timestamp) -> bool {
        self.period.is_none_or(|period| period.contains(at))
    }

    fn needed_period(&self) -> Result<Period, ReportError> {
        Ok(self.period.ok_or(DefinitionError::NeedsPeriod)?)
    }

    /// A parameter, if it was told or has a default.
    fn parameter(&self, name: &str) -> Option<&str> {
        let own = self.definition.parameters.iter().find(|own| own.name == name)?;
        self.arguments.parameters.get(name).or(own.default.as_ref()).map(String::as_str)
    }

    /// A parameter that is an id.
    fn id<T, E>(&self, name: &str, new: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, ReportError> {
        let wrong = |value: &str| DefinitionError::Value { field: name.to_owned(), value: value.to_owned() };
        let read = |value: &str| new(value).map_err(|_| wrong(value));
        Ok(self.parameter(name).map(read).transpose()?)
    }
}

fn kind(kind: AccountKind) -> Cell {
    Cell::text(kind_text(kind))
}

/// A sum that may be beyond 128 bits.
fn sum(sum: Option<Total>) -> Result<Cell, ReportError> {
    let large = || ViewError::Damaged("a sum of the report is beyond 128 bits".to_owned());
    Ok(Cell::Amount(sum.ok_or_else(large)?))
}

fn ratio(ratio: Option<rust_decimal::Decimal>) -> Cell {
    ratio.map_or(Cell::Empty, Cell::Ratio)
}

fn instant(at: Option<Timestamp>) -> Cell {
    at.map_or(Cell::Empty, Cell::Instant)
}

/// A word that serde writes.
fn word(what: &impl serde::Serialize) -> Result<Cell, ReportError> {
    let text = crate::model::written(what)?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
    Ok(Cell::text(text))
}
