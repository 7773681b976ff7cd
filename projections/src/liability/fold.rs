//! What an entry changes of what is owed.

use ledger_core::stored::{EntryPosted, Event, EventRecord};
use ledger_core::{AccountCode, AccountKind, CurrencyCode, Partition, PlayerId, Posting, Stream, SubAccount};

use super::Liability;
use super::row::{HeldSums, LiabilitySums, LiabilityTableRow, Round};
use crate::commit::Commit;
use crate::entries::{cause, change, game_of, game_posted};
use crate::error::ViewError;
use crate::model::Rows;
use crate::period::utc_day;
use crate::range::{KeyParts, key};
use crate::text::kind_text;
use crate::total::Total;

pub(super) fn fold(
    rows: &mut Rows<'_, Liability>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let Event::EntryPosted(event) = &record.event else { return Ok(()) };
    let kind = event.entry.kind();
    for posting in event.entry.postings() {
        if LiabilitySums::default().column(posting.account).is_none() {
            continue;
        }
        let [kind, operator, brand] = whose(commit, kind);
        rows.update(&key!["balances", kind, operator, brand, posting.currency], |row| {
            if *row == LiabilityTableRow::Nothing {
                *row = LiabilityTableRow::Balances(Box::default());
            }
            let LiabilityTableRow::Balances(sums) = row else { return None };
            let column = sums.column(posting.account)?;
            *column = column.plus(change(posting)?)?;
            Some(())
        })?;
    }
    match &commit.body.partition {
        Partition::Player(player) => hold(rows, commit, record, player, event),
        Partition::House(_) => Ok(()),
    }
}

fn whose(commit: &Commit, kind: AccountKind) -> [&str; 3] {
    let operator = commit.body.operator.as_ref().map_or("", |id| id.as_str());
    let brand = commit.body.brand.as_ref().map_or("", |id| id.as_str());
    [kind_text(kind), operator, brand]
}

/// The sub-account of the round that a posting holds money for: of bonus credits it names the award behind it.
fn round(posting: &Posting) -> Option<SubAccount> {
    let of = posting.of.as_ref()?;
    match posting.account {
        AccountCode::PlayerHeld => Some(of.clone()),
        AccountCode::PlayerBonusHeld => {
            let mut parts = of.as_str().splitn(3, '/');
            let (source, round) = (parts.next()?, parts.next()?);
            SubAccount::new(format!("{source}/{round}")).ok()
        }
        _ => None,
    }
}

fn hold(
    rows: &mut Rows<'_, Liability>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    event: &EntryPosted,
) -> Result<(), ViewError> {
    let key = key!["rounds", player];
    let mut known = None;
    for posting in event.entry.postings() {
        let Some(of) = round(posting) else { continue };
        let mut rounds = match known.take() {
            Some(rounds) => rounds,
            None => match rows.get(&key)? {
                Some(LiabilityTableRow::Rounds(rounds)) => rounds,
                _ => std::collections::BTreeMap::new(),
            },
        };
        let before = rounds.remove(&of);
        let begun = || begin(commit, record, event, posting.currency);
        let mut after = before.clone().unwrap_or_else(begun);
        let large = || commit.poison_event(record, "what is held is too large");
        after.sums = moved(after.sums, posting).ok_or_else(large)?;
        if let Some(before) = &before {
            count(rows, commit, event.entry.kind(), before, false)?;
        }
        if !after.sums.is_nothing() {
            count(rows, commit, event.entry.kind(), &after, true)?;
            rounds.insert(of, after);
        }
        known = Some(rounds);
    }
    match known {
        Some(rounds) if rounds.is_empty() => rows.remove(&key),
        Some(rounds) => rows.put(&key, LiabilityTableRow::Rounds(rounds)),
        None => Ok(()),
    }
}

fn begin(commit: &Commit, record: &EventRecord, event: &EntryPosted, currency: CurrencyCode) -> Round {
    let cause = cause(commit, record.version);
    let source = match cause.map(|cause| &cause.stream) {
        Some(Stream::Round(_, source, _)) => Some(source.clone()),
        Some(Stream::Transfer(_, of)) => Some(of.source.clone()),
        _ => None,
    };
    let game = cause.and_then(|cause| game_of(&cause.event)).cloned();
    let game = game.or_else(|| game_posted(event.entry.postings()));
    let sums = HeldSums { rounds: 1, ..HeldSums::default() };
    Round { source, game, currency, since: commit.body.recorded_at, sums }
}

fn moved(sums: HeldSums, posting: &Posting) -> Option<HeldSums> {
    let change: Total = change(posting)?;
    Some(match posting.account {
        AccountCode::PlayerHeld => HeldSums { cash: sums.cash.plus(change)?, ..sums },
        _ => HeldSums { bonus: sums.bonus.plus(change)?, ..sums },
    })
}

pub(super) fn held_key(commit: &Commit, kind: AccountKind, round: &Round) -> KeyParts {
    let [kind, operator, brand] = whose(commit, kind);
    let source = round.source.as_ref().map_or("", |id| id.as_str());
    let game = round.game.as_ref().map_or("", |id| id.as_str());
    key!["held", kind, operator, brand, source, game, round.currency, utc_day(round.since)]
}

fn count(
    rows: &mut Rows<'_, Liability>,
    commit: &Commit,
    kind: AccountKind,
    round: &Round,
    adds: bool,
) -> Result<(), ViewError> {
    let key = held_key(commit, kind, round);
    let known = match rows.get(&key)? {
        Some(LiabilityTableRow::Held(known)) => known,
        _ => HeldSums::default(),
    };
    let sums = if adds { known.plus(round.sums) } else { known.minus(round.sums) };
    match sums.ok_or_else(|| commit.poison(format!("what is held for {key:?} is too large")))? {
        sums if sums.rounds == 0 => rows.remove(&key),
        sums => rows.put(&key, LiabilityTableRow::Held(sums)),
    }
}
