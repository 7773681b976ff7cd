//! Reads the statement.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::stored::PurseBalance;
use ledger_core::{Account, AccountCode, Amount, Book, CurrencyCode, Partition, PlayerId, Side, Timestamp};
use ledger_store::Position;

use super::fold::{LINES_BETWEEN, line_key, opened_key, position_key};
use super::row::{
    Category, LineCursor, Movement, Opened, Standing, StatementLine, StatementRow, Summary, SummaryRow,
    categories,
};
use super::{PlayersThen, ReadStatement, SUMMARY_LINES_MAX, Statement, StatementPage};
use crate::balances::{PlayerBalances, answer};
use crate::checkpoint::{AtCheckpoint, AtHead};
use crate::error::ViewError;
use crate::model::ReadModel;
use crate::page::{Page, limited, read_at_most, read_page};
use crate::period::Period;
use crate::range::{KeyParts, KeyRange, key};
use crate::total::Total;

fn damaged(what: &str) -> ViewError {
    ViewError::Damaged(format!("the statement has {what}"))
}

fn too_large() -> ViewError {
    damaged("a sum beyond its type")
}

fn as_line(row: StatementRow) -> Result<StatementLine, ViewError> {
    match row {
        StatementRow::Line(line) => Ok(*line),
        _ => Err(damaged("something else where a line should be")),
    }
}

fn as_opened(row: StatementRow) -> Result<Opened, ViewError> {
    match row {
        StatementRow::Opened(opened) => Ok(opened),
        _ => Err(damaged("something else where an opening should be")),
    }
}

/// The openings of players, after one of them.
fn opened_after(after: Option<&PlayerId>) -> Result<KeyRange, ViewError> {
    let range = KeyRange::beginning(&key!["opened"])?;
    match after {
        Some(player) => range.after(&opened_key(player)),
        None => Ok(range),
    }
}

fn player_of(opened: &KeyParts) -> Result<PlayerId, ViewError> {
    PlayerId::new(opened.part(1)).map_err(|error| ViewError::Damaged(error.to_string()))
}

/// The lines of a player.
fn all_lines(player: &PlayerId) -> Result<KeyRange, ViewError> {
    KeyRange::beginning(&key!["line", player])
}

/// The lines of a period.
fn lines_of(player: &PlayerId, period: Period) -> Result<KeyRange, ViewError> {
    all_lines(player)?.from_key(&key!["line", player, period.from])?.until_key(&key![
        "line",
        player,
        period.until
    ])
}

async fn page(
    reader: &(impl ReadModel<Statement> + ?Sized),
    player: &PlayerId,
    mut range: KeyRange,
    after: Option<&LineCursor>,
    limit: usize,
) -> Result<AtHead<StatementPage>, ViewError> {
    if let Some(cursor) = after {
        range = range.after(&line_key(player, *cursor))?;
    }
    Ok(read_page(reader, &range, limit, as_line, StatementLine::cursor).await?.of_player(player))
}

fn apply(accounts: &mut Vec<Standing>, movement: &Movement) -> Option<()> {
    let Movement { account, of, currency, change } = movement;
    let known =
        accounts.iter_mut().find(|own| (own.account, &own.of, own.currency) == (*account, of, *currency));
    match known {
        Some(own) => own.balance = Total::from(own.balance).plus(*change)?.to_amount()?,
        None => {
            let balance = change.to_amount()?;
            accounts.push(Standing { account: *account, of: of.clone(), currency: *currency, balance });
        }
    }
    Some(())
}

/// The accounts of a player behind the last of some lines, which end where they should: his accounts as the last line has
/// them that has all, and what the lines behind it changed.
async fn accounts_behind(
    reader: &(impl ReadModel<Statement> + ?Sized),
    range: KeyRange,
) -> Result<AtCheckpoint<Vec<Standing>>, ViewError> {
    let found = reader.range(&range.backwards(), usize::from(LINES_BETWEEN) + 1).await?;
    let mut lines = Vec::new();
    let mut accounts = None;
    for (_, row) in found.value.rows {
        let mut line = as_line(row)?;
        if let Some(all) = line.accounts.take() {
            accounts = Some(all);
            break;
        }
        lines.push(line);
    }
    if accounts.is_none() && !lines.is_empty() {
        return Err(damaged("no line with all accounts"));
    }
    let mut accounts = accounts.unwrap_or_default();
    for movement in lines.iter().rev().flat_map(|line| &line.movements) {
        if movement.account.is_player() {
            apply(&mut accounts, movement).ok_or_else(too_large)?;
        }
    }
    accounts.retain(|own| !own.balance.is_zero());
    Ok(AtCheckpoint { checkpoint: found.checkpoint, value: accounts })
}

/// What a player had: his accounts, and the purses that were open by then.
fn balances(
    opened: &Opened,
    accounts: Vec<Standing>,
    is_open: impl Fn(Timestamp, Position) -> bool,
) -> Result<Option<PlayerBalances>, ViewError> {
    if !is_open(opened.at, opened.position) {
        return Ok(None);
    }
    let purses = opened.purses.iter().filter(|purse| is_open(purse.at, purse.position));
    let purses = purses.map(|purse| (purse.currency, purse.scale)).collect();
    let account = |own: Standing| {
        let Standing { account: code, of, currency, balance } = own;
        (Account { kind: opened.kind, code, of, currency }, balance)
    };
    let accounts: BTreeMap<Account, Amount> = accounts.into_iter().map(account).collect();
    answer(opened.kind, &purses, accounts).map(Some)
}

/// What of a player's accounts is money of his: what he has, less what he owes.
fn money(accounts: &[Standing], currency: CurrencyCode) -> Option<Total> {
    let own = |own: &&Standing| own.currency == currency && own.account.book() == Book::Cash;
    accounts.iter().filter(own).try_fold(Total::default(), |sum, own| {
        match own.account.class().normal_side() {
            Side::Credit => sum.plus(own.balance),
            Side::Debit => sum.minus(own.balance.into()),
        }
    })
}

fn held(accounts: &[Standing], currency: CurrencyCode) -> Option<Total> {
    let own = |own: &&Standing| own.currency == currency && own.account == AccountCode::PlayerHeld;
    accounts.iter().filter(own).try_fold(Total::default(), |sum, own| sum.plus(own.balance))
}

/// The same of a purse.
fn money_of(purse: &PurseBalance) -> Option<Total> {
    let sum = Total::from(purse.cash).plus(purse.held)?;
    let sum = [purse.pending, purse.dormant].into_iter().flatten().try_fold(sum, Total::plus)?;
    purse.receivable.map_or(Some(sum), |owed| sum.minus(owed.into()))
}

/// A currency, and the two categories of an account of the house.
type FromHouse = (CurrencyCode, (Category, Category));

/// What a player got from the house by an entry, by currency and kind of account. Other currencies than those of the purses
/// it touched are the house's own: an exchange posts in them.
fn from_the_house(line: &StatementLine) -> Option<BTreeMap<FromHouse, Total>> {
    let mut all = BTreeMap::new();
    for movement in &line.movements {
        let Movement { account, currency, change, .. } = movement;
        let is_his = line.after.iter().any(|purse| purse.currency == *currency);
        if account.is_player() || account.book() != Book::Cash || !is_his {
            continue;
        }
        // What the account of the house was credited with, the player gave.
        let got = match account.class().normal_side() {
            Side::Credit => Total::default().minus(*change)?,
            Side::Debit => *change,
        };
        let sum: &mut Total = all.entry((*currency, categories(*account))).or_default();
        *sum = sum.plus(got)?;
    }
    Some(all)
}

fn summary_rows(opening: &[Standing], lines: &[StatementLine]) -> Option<Vec<SummaryRow>> {
    let mut rows: BTreeMap<CurrencyCode, SummaryRow> = BTreeMap::new();
    let touched = lines.iter().flat_map(|line| line.after.iter().map(|purse| purse.currency));
    for currency in opening.iter().map(|own| own.currency).chain(touched) {
        let (money, held) = (money(opening, currency)?, held(opening, currency)?);
        rows.insert(
            currency,
            SummaryRow {
                currency,
                opening: money,
                movements: BTreeMap::new(),
                opening_held: held,
                closing: money,
                closing_held: held,
            },
        );
    }
    for line in lines {
        for ((currency, (got, gave)), change) in from_the_house(line)? {
            let category = match change.units() {
                0 => continue,
                units if units < 0 => gave,
                _ => got,
            };
            let sum = rows.get_mut(&currency)?.movements.entry(category).or_default();
            *sum = sum.plus(change)?;
        }
        for purse in &line.after {
            let row = rows.get_mut(&purse.currency)?;
            (row.closing, row.closing_held) = (money_of(purse)?, purse.held.into());
        }
    }
    Some(rows.into_values().collect())
}

#[async_trait]
impl<R: ReadModel<Statement>> ReadStatement for R {
    async fn lines(
        &self,
        player: &PlayerId,
        period: Period,
        after: Option<&LineCursor>,
        limit: usize,
    ) -> Result<AtHead<StatementPage>, ViewError> {
        page(self, player, lines_of(player, period)?, after, limit).await
    }

    async fn latest(
        &self,
        player: &PlayerId,
        period: Period,
        after: Option<&LineCursor>,
        limit: usize,
    ) -> Result<AtHead<StatementPage>, ViewError> {
        page(self, player, lines_of(player, period)?.backwards(), after, limit).await
    }

    async fn balances_at(
        &self,
        player: &PlayerId,
        at: Timestamp,
    ) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        let range = all_lines(player)?.through_key(&key!["line", player, at])?;
        let found = accounts_behind(self, range).await?.of_player(player);
        // His opening is read afterwards; what came in between is left out by its position.
        let head = found.head.position;
        let opened = self.get(&opened_key(player)).await?.value.map(as_opened).transpose()?;
        let value = match opened {
            Some(opened) => {
                balances(&opened, found.value.clone(), |moment, position| moment <= at && position <= head)?
            }
            None => None,
        };
        Ok(found.map(|_| value))
    }

    async fn balances_at_position(
        &self,
        player: &PlayerId,
        wanted: Position,
    ) -> Result<AtHead<Option<PlayerBalances>>, ViewError> {
        let positions = KeyRange::beginning(&key!["position", player])?;
        let positions = positions.through_key(&position_key(player, wanted))?.backwards();
        let found = self.range(&positions, 1).await?.of_player(player);
        let (shard, at) = (found.shard, found.head.position);
        if at < wanted {
            return Err(ViewError::Behind { shard, at, wanted, limit: Duration::ZERO });
        }
        let last = found.value.rows.first();
        let accounts = match last {
            Some((_, StatementRow::Position(cursor))) => {
                let range = all_lines(player)?.through_key(&line_key(player, *cursor))?;
                accounts_behind(self, range).await?.value
            }
            Some(_) => return Err(damaged("something else where a position should be")),
            None => Vec::new(),
        };
        let opened = self.get(&opened_key(player)).await?.value.map(as_opened).transpose()?;
        let value = match opened {
            Some(opened) => balances(&opened, accounts, |_, position| position <= wanted)?,
            None => None,
        };
        Ok(found.map(|_| value))
    }

    async fn all_balances_at(
        &self,
        at: Timestamp,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<PlayersThen>, ViewError> {
        let found = self.range(&opened_after(after)?, limited(limit)).await?;
        let mut players = Vec::with_capacity(found.value.rows.len());
        let mut last = None;
        for (key, row) in found.value.rows {
            let (player, opened) = (player_of(&key)?, as_opened(row)?);
            let (shard, _) = found.checkpoint.of(&Partition::Player(player.clone()));
            let range = all_lines(&player)?.through_key(&key!["line", player, at])?;
            let accounts = accounts_behind(self, range).await?.value;
            let is_open = |moment: Timestamp, position: Position| {
                moment <= at && found.checkpoint.contains(shard, position)
            };
            players.extend(balances(&opened, accounts, is_open)?.map(|then| (player.clone(), then)));
            last = Some(player);
        }
        let next = if found.value.next.is_some() { last } else { None };
        Ok(AtCheckpoint { checkpoint: found.checkpoint, value: Page { rows: players, next } })
    }

    async fn players(
        &self,
        after: Option<&PlayerId>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<PlayerId, PlayerId>>, ViewError> {
        let found = self.range(&opened_after(after)?, limited(limit)).await?;
        let players = found.value.rows.iter().map(|(key, _)| player_of(key));
        let players = players.collect::<Result<Vec<_>, ViewError>>()?;
        let next = found.value.next.as_ref().and_then(|_| players.last().cloned());
        Ok(found.map(|_| Page { rows: players, next }))
    }

    async fn summary(&self, player: &PlayerId, period: Period) -> Result<AtHead<Option<Summary>>, ViewError> {
        let range = lines_of(player, period)?;
        let found = read_at_most(self, &range, SUMMARY_LINES_MAX, "take a shorter period").await?;
        let found = found.of_player(player);
        let lines = found.value.iter().map(|(_, row)| as_line(row.clone()));
        let lines = lines.collect::<Result<Vec<_>, ViewError>>()?;
        let before = all_lines(player)?.until_key(&key!["line", player, period.from])?;
        let opening = accounts_behind(self, before).await?.value;
        let Some(opened) = self.get(&opened_key(player)).await?.value.map(as_opened).transpose()? else {
            return Ok(found.map(|_| None));
        };
        let rows = summary_rows(&opening, &lines).ok_or_else(too_large)?;
        if let Some(row) = rows.iter().find(|row| !row.adds_up()) {
            return Err(damaged(&format!(
                "movements in {} of {player} that do not add up: {row:?}",
                row.currency
            )));
        }
        Ok(found.map(|_| Some(Summary { kind: opened.kind, rows, entries: lines.len() })))
    }
}
