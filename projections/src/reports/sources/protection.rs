//! What protects players: limits and who met them, exclusions, alerts and cases.

use ledger_core::stored::{LimitSide, LimitTerm, LimitWindow};
use ledger_core::{CountedFunds, Limit, Partition, PlayerId};

use super::{Job, instant, kind, need, word};
use crate::cases::{AlertRow, AlertState, CaseRow, CaseState};
use crate::controls::{ExclusionBy, LimitHit, MetLimit, PlayerControls};
use crate::page::PAGE_MAX;
use crate::reports::cell::Cell;
use crate::reports::error::{DefinitionError, ReportError};
use crate::reports::run::Rows;

/// Whose limit it is, on what, in which currency, and over which window.
fn term(side: LimitSide, term: &LimitTerm) -> [Cell; 5] {
    let [period, basis] = window(term.window);
    let (limit, currency) = (Cell::text(term.kind.as_str()), Cell::text(term.currency));
    [Cell::text(side.as_str()), limit, currency, period, basis]
}

fn window(window: Option<LimitWindow>) -> [Cell; 2] {
    window.map_or([Cell::Empty, Cell::Empty], |window| {
        [Cell::text(window.period.as_str()), Cell::text(window.basis.as_str())]
    })
}

fn seconds(seconds: Option<u32>) -> Cell {
    seconds.map_or(Cell::Empty, |seconds| Cell::Integer(u64::from(seconds)))
}

/// A row for each limit of a player: on money, on the time of play, on the time of a session.
fn limits(
    of: &PlayerControls,
    funds: CountedFunds,
    at: ledger_core::Timestamp,
) -> Result<Vec<Vec<Cell>>, ReportError> {
    let standing = &of.standing;
    let whose = || {
        vec![
            Cell::text(&of.player),
            kind(standing.kind),
            Cell::text(&standing.operator),
            Cell::text(&standing.brand),
            Cell::text(&standing.jurisdiction),
            Cell::maybe(standing.tier.as_ref()),
            Cell::maybe(standing.limit_profile.as_ref()),
        ]
    };
    let mut rows = Vec::new();
    for own in of.limits(funds, at) {
        let mut cells = whose();
        cells.extend(term(own.side, &own.term));
        cells.extend([own.amount, own.used, own.left].map(Cell::amount));
        cells.extend([
            Cell::Empty,
            Cell::Empty,
            Cell::Instant(own.since),
            word(&own.cause)?,
            Cell::maybe(own.by.as_ref()),
        ]);
        cells.push(Cell::maybe_amount(own.raise.as_ref().and_then(|raise| raise.amount)));
        cells.extend([Cell::Empty, instant(own.raise.as_ref().map(|raise| raise.due_at))]);
        cells.extend([
            instant(own.window.map(|window| window.from)),
            instant(own.window.map(|window| window.until)),
        ]);
        rows.push(cells);
    }
    for (limit, used) in of.play_time_used(at) {
        let mut cells = whose();
        let [period, basis] = window(Some(limit.window));
        cells.extend([Cell::text(limit.side.as_str()), Cell::text("play_time"), Cell::Empty, period, basis]);
        cells.extend([Cell::Empty, Cell::Empty, Cell::Empty]);
        cells.extend([seconds(Some(limit.max_secs)), Cell::Integer(used.as_secs())]);
        cells.extend([Cell::Instant(limit.since), Cell::Empty, Cell::Empty, Cell::Empty]);
        cells.extend([
            seconds(limit.raise.and_then(|raise| raise.max_secs)),
            instant(limit.raise.map(|raise| raise.due_at)),
            Cell::Empty,
            Cell::Empty,
        ]);
        rows.push(cells);
    }
    if let Some(limit) = standing.session_limit {
        let mut cells = whose();
        cells.extend([Cell::text(LimitSide::Player.as_str()), Cell::text("session")]);
        cells.extend([const { Cell::Empty }; 6]);
        cells.push(seconds(Some(limit.max_secs)));
        cells.extend([const { Cell::Empty }; 5]);
        cells.extend([
            seconds(limit.raise.and_then(|raise| raise.max_secs)),
            instant(limit.raise.map(|raise| raise.due_at)),
            Cell::Empty,
            Cell::Empty,
        ]);
        rows.push(cells);
    }
    Ok(rows)
}

fn hit(row: &LimitHit, shard: ledger_store::Shard) -> Result<Vec<Cell>, ReportError> {
    let (mut side, mut register, mut max_secs, mut over) = (Cell::Empty, Cell::Empty, None, None);
    let limit = match &row.limit {
        MetLimit::Money(Limit::Protection { kind, window, side: whose }) => {
            (side, over) = (Cell::text(whose.as_str()), *window);
            Cell::text(kind.as_str())
        }
        MetLimit::Money(Limit::Register { register: name }) => {
            register = Cell::text(name);
            Cell::text("register")
        }
        MetLimit::Money(other) => word(other)?,
        MetLimit::PlayTime { window, side: whose, max_secs: most } => {
            (side, over, max_secs) = (Cell::text(whose.as_str()), Some(*window), Some(*most));
            Cell::text("play_time")
        }
    };
    let [period, basis] = window(over);
    Ok(vec![
        Cell::Instant(row.at),
        Cell::text(&row.player),
        kind(row.account),
        Cell::maybe(row.operator.as_ref()),
        Cell::maybe(row.brand.as_ref()),
        word(&row.kind)?,
        side,
        limit,
        Cell::maybe(row.currency.as_ref()),
        period,
        basis,
        Cell::maybe_amount(row.amount),
        Cell::maybe_amount(row.used),
        Cell::maybe_amount(row.left),
        seconds(max_secs),
        register,
        Cell::text(&row.operation.source),
        word(&row.operation.kind)?,
        Cell::text(&row.operation.id),
        Cell::Integer(u64::from(shard.0)),
        Cell::Integer(row.place.position.0),
        Cell::Integer(u64::from(row.place.index)),
    ])
}

fn alert(row: &AlertRow) -> Result<Vec<Cell>, ReportError> {
    let closed = row.closed.as_ref();
    Ok(vec![
        Cell::text(&row.player),
        Cell::text(&row.of.source),
        word(&row.of.kind)?,
        Cell::text(&row.of.id),
        Cell::maybe(row.operator.as_ref()),
        Cell::maybe(row.brand.as_ref()),
        Cell::text(row.state().as_str()),
        Cell::text(&row.signal),
        Cell::Instant(row.at),
        Cell::text(&row.by),
        Cell::text(&row.reason),
        instant(closed.map(|closed| closed.at)),
        Cell::maybe(closed.map(|closed| &closed.by)),
        Cell::maybe(closed.map(|closed| &closed.reason)),
    ])
}

fn case(row: &CaseRow) -> Result<Vec<Cell>, ReportError> {
    let closed = row.closed.as_ref();
    Ok(vec![
        Cell::text(&row.player),
        Cell::text(&row.of.source),
        word(&row.of.kind)?,
        Cell::text(&row.of.id),
        Cell::maybe(row.operator.as_ref()),
        Cell::maybe(row.brand.as_ref()),
        Cell::text(row.state.as_str()),
        Cell::Flag(row.state.is_open()),
        Cell::maybe(row.signal.as_ref()),
        Cell::Instant(row.at),
        Cell::maybe(row.by.as_ref()),
        Cell::maybe(row.reason.as_ref()),
        Cell::maybe(row.assigned_to.as_ref()),
        instant(row.assigned_at),
        Cell::Integer(u64::from(row.assignments)),
        Cell::Instant(row.changed_at),
        instant(closed.map(|closed| closed.at)),
        Cell::maybe(closed.map(|closed| &closed.by)),
        Cell::maybe(closed.map(|closed| &closed.reason)),
    ])
}

impl Job<'_> {
    /// Which funds count for limits on stakes and losses, which the policy says.
    fn funds(&self) -> Result<CountedFunds, ReportError> {
        match self.parameter("funds") {
            None | Some("own_money") => Ok(CountedFunds::OwnMoney),
            Some("all") => Ok(CountedFunds::All),
            Some(other) => {
                let (field, value) = ("funds".to_owned(), other.chars().take(64).collect());
                Err(DefinitionError::Value { field, value }.into())
            }
        }
    }

    /// What is used of a limit is so at the instant the report is made.
    pub(super) async fn limits(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.controls.as_ref(), "controls")?;
        let (funds, at) = (self.funds()?, self.arguments.at);
        let one = self.id("player", |text| PlayerId::new(text))?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let (found, next) = match &one {
                Some(player) => (reader.player(player).await?.value.into_iter().collect(), None),
                None => {
                    let page = reader.players(cursor.as_ref(), PAGE_MAX).await?.value;
                    (page.rows, page.next)
                }
            };
            // One of much is read by himself: whether it was of one moment shows behind the page.
            rows.still(&reader.checkpoint().await?)?;
            for of in &found {
                for row in limits(of, funds, at)? {
                    rows.row(row)?;
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Hits never change, so what came after the report began is left out, and the view may move on.
    pub(super) async fn limit_hits(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.controls.as_ref(), "controls")?;
        let period = self.needed_period()?;
        let begun = reader.checkpoint().await?;
        rows.begin(&begun)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.hits(period, cursor.as_ref(), PAGE_MAX).await?.value;
            for own in &page.rows {
                let (shard, _) = begun.of(&Partition::Player(own.player.clone()));
                if begun.contains(shard, own.place.position) {
                    rows.row(hit(own, shard)?)?;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Those that bar their players at the instant the report is made.
    pub(super) async fn exclusions(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.controls.as_ref(), "controls")?;
        rows.begin(&reader.checkpoint().await?)?;
        for by in ExclusionBy::ALL {
            let mut cursor = None;
            loop {
                rows.control().go_on()?;
                let page = reader.exclusions(by, self.arguments.at, cursor.as_ref(), PAGE_MAX).await?;
                rows.still(&page.checkpoint)?;
                for row in &page.value.rows {
                    rows.row(vec![
                        Cell::text(&row.player),
                        kind(row.account),
                        Cell::text(row.by.as_str()),
                        Cell::maybe(row.register.as_ref()),
                        Cell::Instant(row.since),
                        instant(row.until),
                        instant(row.ends_at),
                    ])?;
                }
                cursor = page.value.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn alerts(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.cases.as_ref(), "cases")?;
        rows.begin(&reader.checkpoint().await?)?;
        for state in AlertState::ALL {
            let mut cursor = None;
            loop {
                rows.control().go_on()?;
                let page = reader.alerts(*state, cursor.as_ref(), PAGE_MAX).await?;
                rows.still(&page.checkpoint)?;
                for row in page.value.rows.iter().filter(|row| self.is_in_period(row.at)) {
                    rows.row(alert(row)?)?;
                }
                cursor = page.value.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn cases(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.cases.as_ref(), "cases")?;
        rows.begin(&reader.checkpoint().await?)?;
        for state in CaseState::ALL {
            let mut cursor = None;
            loop {
                rows.control().go_on()?;
                let page = reader.cases(*state, cursor.as_ref(), PAGE_MAX).await?;
                rows.still(&page.checkpoint)?;
                for row in page.value.rows.iter().filter(|row| self.is_in_period(row.at)) {
                    rows.row(case(row)?)?;
                }
                cursor = page.value.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}
