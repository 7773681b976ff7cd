//! What an event changes of the statement.

use ledger_core::stored::{EntryPosted, Event, EventRecord, PlayerOpened, PurseBalance};
use ledger_core::{Amount, Authorisation, Currency, PlayerId, Posting, Stream};
use ledger_store::Position;

use super::Statement;
use super::row::{
    LineCursor, LineRound, Movement, Now, Opened, OpenedPurse, Standing, StatementLine, StatementRow,
};
use crate::commit::Commit;
use crate::entries::{cause, change, game_of, game_posted, moved, operation, round_of};
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};

/// How many lines go by from one with all accounts to the next.
pub(super) const LINES_BETWEEN: u8 = 31;

pub(super) fn opened_key(player: &PlayerId) -> KeyParts {
    key!["opened", player]
}

pub(super) fn now_key(player: &PlayerId) -> KeyParts {
    key!["now", player]
}

pub(super) fn line_key(player: &PlayerId, LineCursor { at, entry }: LineCursor) -> KeyParts {
    key!["line", player, at, KeyParts::number(entry)]
}

pub(super) fn position_key(player: &PlayerId, position: Position) -> KeyParts {
    key!["position", player, KeyParts::number(position.0)]
}

pub(super) fn fold(
    rows: &mut Rows<'_, Statement>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    match (&record.event, &record.stream) {
        (Event::PlayerOpened(event), Stream::Player(player)) => open(rows, commit, record, player, event),
        (Event::PurseOpened(event), Stream::Player(player)) => {
            let key = opened_key(player);
            let Some(StatementRow::Opened(mut opened)) = rows.get(&key)? else {
                return Err(commit.poison_event(record, "the player was never opened"));
            };
            opened.purses.push(purse(commit, &event.currency));
            rows.put(&key, StatementRow::Opened(opened))
        }
        (Event::EntryPosted(event), Stream::Wallet(player)) => post(rows, commit, record, player, event),
        _ => Ok(()),
    }
}

fn purse(commit: &Commit, currency: &Currency) -> OpenedPurse {
    let (at, position) = (commit.body.recorded_at, commit.position);
    OpenedPurse { currency: currency.code(), scale: currency.scale(), at, position }
}

fn open(
    rows: &mut Rows<'_, Statement>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    event: &PlayerOpened,
) -> Result<(), ViewError> {
    let key = opened_key(player);
    if rows.get(&key)?.is_some() {
        return Err(commit.poison_event(record, "the player was opened twice"));
    }
    let purses = event.currencies.iter().map(|currency| purse(commit, currency)).collect();
    let (at, position) = (commit.body.recorded_at, commit.position);
    rows.put(&key, StatementRow::Opened(Opened { kind: event.kind, at, position, purses }))
}

fn post(
    rows: &mut Rows<'_, Statement>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    event: &EntryPosted,
) -> Result<(), ViewError> {
    let key = now_key(player);
    let mut now = match rows.get(&key)? {
        Some(StatementRow::Now(now)) => now,
        _ => Now { lines: LINES_BETWEEN, ..Now::default() },
    };
    let large = || commit.poison_event(record, "a balance is too large");
    for posting in event.entry.postings().iter().filter(|posting| posting.account.is_player()) {
        now.take(posting).ok_or_else(large)?;
    }
    let before = event.after.iter().map(|after| now.purse(after)).collect();
    for after in &event.after {
        now.purses.retain(|purse| purse.currency != after.currency);
        now.purses.push(after.clone());
    }
    now.purses.sort_by_key(|purse| purse.currency);
    let shown = now.lines >= LINES_BETWEEN;
    now.lines = if shown { 0 } else { now.lines.saturating_add(1) };
    let accounts = shown.then(|| now.accounts.clone());
    let line = line(commit, record, event, before, accounts).ok_or_else(large)?;
    rows.put(&key, StatementRow::Now(now))?;
    rows.put(&position_key(player, commit.position), StatementRow::Position(line.cursor()))?;
    rows.put(&line_key(player, line.cursor()), StatementRow::Line(Box::new(line)))
}

fn line(
    commit: &Commit,
    record: &EventRecord,
    event: &EntryPosted,
    before: Vec<PurseBalance>,
    accounts: Option<Vec<Standing>>,
) -> Option<StatementLine> {
    let cause = cause(commit, record.version);
    let postings = event.entry.postings();
    let movement = |posting: &Posting| {
        let (account, of, currency) = (posting.account, posting.of.clone(), posting.currency);
        Some(Movement { account, of, currency, change: change(posting)? })
    };
    let body = &commit.body;
    let round = cause.and_then(round_of);
    Some(StatementLine {
        entry: record.version,
        at: body.recorded_at,
        position: commit.position,
        kind: event.entry.kind(),
        operator: body.operator.clone(),
        brand: body.brand.clone(),
        jurisdiction: body.jurisdiction.clone(),
        operation: operation(commit, record).map(|key| ledger_core::stored::TransactionRef {
            source: key.source.clone(),
            kind: key.kind,
            id: key.id.clone(),
        }),
        cause: cause.map(|cause| cause.event.type_name().to_owned()),
        reference: cause.map(|cause| cause.stream.to_string()),
        round: round.map(|(source, round)| LineRound { source: source.clone(), round: round.clone() }),
        game: cause.and_then(|cause| game_of(&cause.event)).cloned().or_else(|| game_posted(postings)),
        authorisation: cause.and_then(|cause| authorisation(&cause.event)).cloned(),
        actor: body.actor.clone(),
        trace: body.trace.clone(),
        movements: postings.iter().map(movement).collect::<Option<_>>()?,
        before,
        after: event.after.clone(),
        accounts,
    })
}

fn authorisation(event: &Event) -> Option<&Authorisation> {
    match event {
        Event::DepositSucceeded(event) => event.authorisation.as_ref(),
        Event::DepositSuspended(event) => event.authorisation.as_ref(),
        Event::WithdrawalPaid(event) => event.authorisation.as_ref(),
        _ => None,
    }
}

impl Now {
    /// The purse as it was, or an empty one.
    fn purse(&self, after: &PurseBalance) -> PurseBalance {
        let known = self.purses.iter().find(|purse| purse.currency == after.currency).cloned();
        let zero = Amount::zero(after.cash.scale());
        known.unwrap_or(PurseBalance {
            currency: after.currency,
            cash: zero,
            held: zero,
            pending: None,
            receivable: None,
            dormant: None,
        })
    }

    fn take(&mut self, posting: &Posting) -> Option<()> {
        take(&mut self.accounts, posting)
    }
}

/// Posts to accounts that are in order, and of which none is empty.
fn take(accounts: &mut Vec<Standing>, posting: &Posting) -> Option<()> {
    let place = |own: &Standing| {
        (own.currency, own.account, &own.of).cmp(&(posting.currency, posting.account, &posting.of))
    };
    match accounts.binary_search_by(place) {
        Ok(at) => {
            let own = accounts.get_mut(at)?;
            own.balance = moved(own.balance, posting).ok()?;
            if own.balance.is_zero() {
                accounts.remove(at);
            }
        }
        Err(at) => {
            let balance = moved(Amount::zero(posting.amount.scale()), posting).ok()?;
            let (account, of, currency) = (posting.account, posting.of.clone(), posting.currency);
            accounts.insert(at, Standing { account, of, currency, balance });
        }
    }
    Some(())
}
