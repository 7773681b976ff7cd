//! The decisions on the player himself.

use super::OpenPlayer;
use crate::player_ledger::{
    Draft, Facts, FactsNeeded, Fault, Outcome, PlayerCommand, PlayerState, Workspace,
};
use crate::rejection::{Capacity, NotAllowedReason, Rejection};
use crate::stored::{Event, KeyRecord, OutcomeKind, PlayerOpened, TransactionRef, TxnRejected};
use crate::time::Timestamp;

/// The most currencies of one player.
pub(super) const CURRENCIES_MAX: usize = 32;

pub(super) fn open(command: &OpenPlayer, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    if work.state().profile().is_some() {
        return Err(Rejection::NotAllowed { reason: NotAllowedReason::AlreadyOpen }.into());
    }
    let mut distinct = command.currencies.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() || distinct.len() != command.currencies.len() {
        return Err(Rejection::NotAllowed { reason: NotAllowedReason::Currencies }.into());
    }
    let mut currencies = Vec::with_capacity(command.currencies.len());
    for code in &command.currencies {
        let currency = facts.currencies.get(*code).ok_or(Rejection::CurrencyUnknown { currency: *code })?;
        currencies.push(*currency);
    }
    let known_zone =
        command.zone.len() <= 64 && jiff::tz::TimeZoneDatabase::bundled().get(&command.zone).is_ok();
    if !known_zone {
        return Err(Rejection::ZoneUnknown { zone: command.zone.chars().take(64).collect() }.into());
    }
    if command.currencies.len() > CURRENCIES_MAX {
        let maximum = u32::try_from(CURRENCIES_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::Currencies, maximum }.into());
    }

    work.push_player(Event::PlayerOpened(PlayerOpened {
        operator: command.operator.clone(),
        brand: command.brand.clone(),
        jurisdiction: command.jurisdiction.clone(),
        zone: command.zone.clone(),
        kind: command.kind,
        currencies,
        person: command.person.clone(),
    }))?;
    Ok(None)
}

/// The record of a refusal. It consumes the key, and so stays, if the command takes the player's money
/// and its source's policy says so; otherwise the same key may be tried again.
pub(crate) fn refusal(
    command: &PlayerCommand,
    needed: &FactsNeeded,
    rejection: Rejection,
    state: &PlayerState,
    sticky: bool,
    now: Timestamp,
) -> Result<Draft, Fault> {
    let mut work = Workspace::new(state, now);
    work.outcome(OutcomeKind::Rejected);
    let key = &needed.key;
    work.push_player(Event::TxnRejected(TxnRejected {
        txn: TransactionRef { source: key.source.clone(), kind: command.kind(), id: key.id.clone() },
        rejection: rejection.clone(),
        print: if sticky { None } else { Some(needed.print) },
    }))?;
    let record = sticky.then(|| KeyRecord {
        source: key.source.clone(),
        kind: key.kind,
        id: key.id.clone(),
        print: needed.print,
        outcome: OutcomeKind::Rejected,
        events: None,
    });
    let mut draft = work.finish(record, command.currency());
    draft.rejection = Some(rejection);
    Ok(draft)
}
