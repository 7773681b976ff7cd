//! What is kept of the past: entries, days and balances of players, the audit trail.

use ledger_core::stored::PurseBalance;
use ledger_core::{AccountCode, Amount, Partition, PlayerId, Timestamp};

use super::{Job, kind, need, sum, word};
use crate::audit::{AuditFilter, AuditRecord};
use crate::balances::PlayerBalances;
use crate::page::PAGE_MAX;
use crate::period::Period;
use crate::reports::cell::Cell;
use crate::reports::definition::ReportSource;
use crate::reports::error::{DefinitionError, ReportError};
use crate::reports::run::Rows;
use crate::statement::{Category, ReadStatement, StatementLine, SummaryRow};
use crate::total::Total;

/// The first instant there is.
const FIRST: &str = "0001-01-01T00:00:00Z";

/// In the order of the fields.
const CATEGORIES: [Category; 18] = [
    Category::Deposit,
    Category::DepositReturned,
    Category::Withdrawal,
    Category::WithdrawalReturned,
    Category::Stake,
    Category::StakeReturned,
    Category::Win,
    Category::WinTakenBack,
    Category::Bonus,
    Category::Jackpot,
    Category::Tournament,
    Category::Tip,
    Category::Fee,
    Category::Tax,
    Category::Correction,
    Category::Exchange,
    Category::Host,
    Category::Other,
];

fn always() -> Result<Period, ReportError> {
    let first = FIRST.parse().map_err(|_| DefinitionError::NeedsPeriod)?;
    Ok(Period::new(first, Timestamp::MAX).map_err(DefinitionError::Period)?)
}

fn before_and_after(before: Option<&PurseBalance>, after: &PurseBalance) -> [Cell; 11] {
    let zero = Amount::zero(after.cash.scale());
    let was = |of: fn(&PurseBalance) -> Option<Amount>| before.and_then(of).unwrap_or(zero);
    let is = |of: fn(&PurseBalance) -> Option<Amount>| of(after).unwrap_or(zero);
    let cash = was(|purse| Some(purse.cash));
    let change = Total::from(after.cash).minus(cash.into()).map_or(Cell::Empty, Cell::Amount);
    [
        Cell::amount(cash),
        change,
        Cell::amount(after.cash),
        Cell::amount(was(|purse| Some(purse.held))),
        Cell::amount(after.held),
        Cell::amount(was(|purse| purse.pending)),
        Cell::amount(is(|purse| purse.pending)),
        Cell::amount(was(|purse| purse.receivable)),
        Cell::amount(is(|purse| purse.receivable)),
        Cell::amount(was(|purse| purse.dormant)),
        Cell::amount(is(|purse| purse.dormant)),
    ]
}

/// What an entry posted to an account in a currency, in the account's normal direction.
fn posted(line: &StatementLine, of: &PurseBalance, account: AccountCode) -> Result<Cell, ReportError> {
    let own = line.movements.iter().filter(|m| m.account == account && m.currency == of.currency);
    let mut own = own.map(|movement| movement.change).peekable();
    if own.peek().is_none() {
        return Ok(Cell::Empty);
    }
    sum(own.try_fold(Total::default(), Total::plus))
}

fn line(player: &PlayerId, line: &StatementLine, after: &PurseBalance) -> Result<Vec<Cell>, ReportError> {
    let before = line.before.iter().find(|purse| purse.currency == after.currency);
    let operation = line.operation.as_ref();
    let mut cells = vec![
        Cell::text(player),
        Cell::Integer(line.entry),
        Cell::Instant(line.at),
        Cell::Integer(line.position.0),
        kind(line.kind),
        Cell::maybe(line.operator.as_ref()),
        Cell::maybe(line.brand.as_ref()),
        Cell::maybe(line.jurisdiction.as_ref()),
        Cell::maybe(operation.map(|operation| &operation.source)),
        operation.map(|operation| word(&operation.kind)).transpose()?.unwrap_or(Cell::Empty),
        Cell::maybe(operation.map(|operation| &operation.id)),
        Cell::maybe(line.cause.as_ref()),
        Cell::maybe(line.reference.as_ref()),
        Cell::maybe(line.round.as_ref().map(|round| &round.source)),
        Cell::maybe(line.round.as_ref().map(|round| &round.round)),
        Cell::maybe(line.game.as_ref()),
        Cell::maybe(line.authorisation.as_ref()),
        Cell::text(&line.actor),
        Cell::maybe(line.trace.as_ref()),
        Cell::text(after.currency),
    ];
    cells.extend(before_and_after(before, after));
    for account in [
        AccountCode::FeesIncome,
        AccountCode::TaxWithheld,
        AccountCode::GamingStakes,
        AccountCode::GamingPayouts,
    ] {
        cells.push(posted(line, after, account)?);
    }
    Ok(cells)
}

fn summary(
    player: &PlayerId,
    of: ledger_core::AccountKind,
    day: Option<ledger_core::Day>,
    row: &SummaryRow,
) -> Result<Vec<Cell>, ReportError> {
    let mut cells = vec![
        Cell::text(player),
        kind(of),
        day.map_or(Cell::Empty, Cell::Day),
        Cell::text(row.currency),
        Cell::Amount(row.opening),
    ];
    cells.extend(CATEGORIES.map(|category| Cell::Amount(row.of(category))));
    cells.extend([Cell::Amount(row.closing), Cell::Amount(row.opening_held), Cell::Amount(row.closing_held)]);
    cells.push(sum(row.staked())?);
    Ok(cells)
}

fn purses(rows: &mut Rows<'_>, player: &PlayerId, balances: &PlayerBalances) -> Result<(), ReportError> {
    for purse in &balances.purses {
        let zero = Amount::zero(purse.cash.scale());
        let of = |code: AccountCode| {
            let own = balances
                .accounts
                .iter()
                .filter(|row| row.account.code == code && row.account.currency == purse.currency);
            sum(own.map(|row| row.balance).try_fold(Total::from(zero), Total::plus))
        };
        rows.row(vec![
            Cell::text(player),
            kind(balances.kind),
            Cell::text(purse.currency),
            Cell::amount(purse.cash),
            Cell::amount(purse.held),
            Cell::amount(purse.pending.unwrap_or(zero)),
            Cell::amount(purse.receivable.unwrap_or(zero)),
            Cell::amount(purse.dormant.unwrap_or(zero)),
            of(AccountCode::PlayerBonus)?,
            of(AccountCode::PlayerBonusHeld)?,
        ])?;
    }
    Ok(())
}

fn record(record: &AuditRecord) -> Result<Vec<Cell>, ReportError> {
    let operation = record.operation.as_ref();
    let purses = |purses: &[PurseBalance]| {
        let text = |purse: &PurseBalance| format!("{} {} held {}", purse.currency, purse.cash, purse.held);
        Cell::list(purses.iter().map(text))
    };
    Ok(vec![
        Cell::Instant(record.at),
        Cell::Integer(u64::from(record.shard.0)),
        Cell::Integer(record.position.0),
        Cell::Integer(u64::from(record.index)),
        Cell::text(match &record.partition {
            Partition::Player(player) => format!("player {player}"),
            Partition::House(house) => format!("house {house}"),
        }),
        Cell::maybe(record.operator.as_ref()),
        Cell::maybe(record.brand.as_ref()),
        Cell::text(record.event.event.type_name()),
        Cell::text(&record.event.stream),
        Cell::list(&record.by),
        Cell::text(&record.actor),
        Cell::maybe(operation.map(|operation| &operation.source)),
        operation.map(|operation| word(&operation.kind)).transpose()?.unwrap_or(Cell::Empty),
        Cell::maybe(operation.map(|operation| &operation.id)),
        Cell::maybe(record.reason.as_ref()),
        Cell::maybe(record.trace.as_ref()),
        Cell::maybe(record.causation.as_ref()),
        Cell::maybe(record.before.as_ref()),
        Cell::maybe(record.after.as_ref()),
        purses(&record.purses_before),
        purses(&record.purses_after),
    ])
}

/// The players of a report, page by page.
struct Players<'a> {
    reader: &'a dyn ReadStatement,
    one: Option<PlayerId>,
    /// The last player of the page before.
    cursor: Option<PlayerId>,
    is_over: bool,
}

impl Players<'_> {
    async fn next(&mut self) -> Result<Option<Vec<PlayerId>>, ReportError> {
        if self.is_over {
            return Ok(None);
        }
        if let Some(player) = self.one.take() {
            self.is_over = true;
            return Ok(Some(vec![player]));
        }
        let page = self.reader.players(self.cursor.as_ref(), PAGE_MAX).await?.value;
        self.is_over = page.next.is_none();
        self.cursor = page.next;
        Ok(Some(page.rows))
    }
}

impl Job<'_> {
    fn players<'a>(&self, reader: &'a dyn ReadStatement) -> Result<Players<'a>, ReportError> {
        let one = self.id("player", |text| PlayerId::new(text))?;
        Ok(Players { reader, one, cursor: None, is_over: false })
    }

    /// Entries never change, so what came after the report began is left out, and the view may move on.
    pub(super) async fn statement(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.statement.as_ref(), "statement")?;
        let period = self.needed_period()?;
        let begun = reader.checkpoint().await?;
        let mut players = self.players(reader)?;
        rows.begin(&begun)?;
        while let Some(page) = players.next().await? {
            for player in page {
                let (_, head) = begun.of(&Partition::Player(player.clone()));
                let mut cursor = None;
                loop {
                    rows.control().go_on()?;
                    let page = reader.lines(&player, period, cursor.as_ref(), PAGE_MAX).await?.value;
                    let own = page.rows.iter().take_while(|line| line.position <= head.position);
                    let own: Vec<&StatementLine> = own.collect();
                    for entry in &own {
                        for after in &entry.after {
                            rows.row(line(&player, entry, after)?)?;
                        }
                    }
                    // Behind the first that came later all did.
                    if own.len() < page.rows.len() || page.next.is_none() {
                        break;
                    }
                    cursor = page.next;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn summaries(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.statement.as_ref(), "statement")?;
        let period = self.needed_period()?;
        let periods = match (self.definition.source, self.arguments.days) {
            (ReportSource::PlayerDays, Some((from, to))) => {
                let days =
                    Period::each_day(from, to, &self.definition.zone).map_err(DefinitionError::Period)?;
                days.into_iter().map(|(day, period)| (Some(day), period)).collect()
            }
            _ => vec![(None, period)],
        };
        let mut players = self.players(reader)?;
        rows.begin(&reader.checkpoint().await?)?;
        while let Some(page) = players.next().await? {
            for player in page {
                for (day, period) in &periods {
                    rows.control().go_on()?;
                    let Some(found) = reader.summary(&player, *period).await?.value else { continue };
                    for row in &found.rows {
                        rows.row(summary(&player, found.kind, *day, row)?)?;
                    }
                }
            }
            rows.still(&reader.checkpoint().await?)?;
        }
        Ok(())
    }

    pub(super) async fn balances(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.balances.as_ref(), "balances")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.list(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&page.checkpoint)?;
            for (player, balances) in &page.value.rows {
                purses(rows, player, balances)?;
            }
            cursor = page.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn balances_then(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.statement.as_ref(), "statement")?;
        let until = self.needed_period()?.until.as_micros().saturating_sub(1);
        let last = Timestamp::from_micros(until).map_err(|_| DefinitionError::NeedsPeriod)?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.all_balances_at(last, cursor.as_ref(), PAGE_MAX).await?;
            for (player, balances) in &page.value.rows {
                purses(rows, player, balances)?;
            }
            // A page is read player by player: whether it was of one moment shows behind it.
            rows.still(&reader.checkpoint().await?)?;
            cursor = page.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Records never change, so what came after the report began is left out, and the view may move on.
    pub(super) async fn audit(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.audit.as_ref(), "audit_trail")?;
        let period = match self.period {
            Some(period) => period,
            None => always()?,
        };
        let filter = match self.parameter("type") {
            Some(name) => AuditFilter::Type(name.to_owned()),
            None => AuditFilter::All,
        };
        let begun = reader.checkpoint().await?;
        rows.begin(&begun)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.records(&filter, period, cursor.as_ref(), PAGE_MAX).await?.value;
            for own in page.rows.iter().filter(|own| begun.contains(own.shard, own.position)) {
                rows.row(record(own)?)?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
