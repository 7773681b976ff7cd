//! What an event changes of alerts and cases.

use ledger_core::stored::{AlertRaised, CaseOpened, Event, EventRecord, TransactionRef};
use ledger_core::{ActorId, PlayerId, Stream};

use super::Cases;
use super::row::{AlertRow, CaseRow, CaseState, CasesRow, Closing, RiskCursor};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};

pub(super) fn alert_key(player: &PlayerId, of: &TransactionRef) -> KeyParts {
    key!["alert", player, of.source, of.kind.as_str(), of.id]
}

pub(super) fn case_key(player: &PlayerId, of: &TransactionRef) -> KeyParts {
    key!["case", player, of.source, of.kind.as_str(), of.id]
}

/// The place in a queue: of alerts or cases in a state, or of the cases of a person.
pub(super) fn queue_key(queue: &str, of: &str, cursor: &RiskCursor) -> KeyParts {
    let RiskCursor { at, player, of: name } = cursor;
    key![queue, of, at, player, name.source, name.kind.as_str(), name.id]
}

fn count_key(queue: &str, state: &str) -> KeyParts {
    key!["count", queue, state]
}

pub(super) fn fold(
    rows: &mut Rows<'_, Cases>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let Stream::Player(player) = &record.stream else { return Ok(()) };
    let at = commit.body.recorded_at;
    match &record.event {
        Event::AlertRaised(event) => raise(rows, commit, record, player, event),
        Event::AlertClosed(event) => {
            let Some(CasesRow::Alert(before)) = rows.get(&alert_key(player, &event.alert))? else {
                return Err(commit.poison_event(record, "the alert was never raised"));
            };
            let closed = Some(Closing { at, by: event.by.clone(), reason: event.reason.clone() });
            let after = AlertRow { closed, ..(*before).clone() };
            put_alert(rows, Some(&before), &after)
        }
        Event::CaseOpened(event) => open(rows, commit, record, player, event),
        Event::CaseAssigned(event) => {
            let before = known(rows, commit, record, player, &event.case)?;
            let assignments = before.assignments.saturating_add(1);
            let is_new = before.state != CaseState::Assigned;
            let changed_at = if is_new { at } else { before.changed_at };
            let (assigned_to, assigned_at) = (Some(event.to.clone()), Some(at));
            let state = CaseState::Assigned;
            let after =
                CaseRow { state, assigned_to, assigned_at, assignments, changed_at, ..before.clone() };
            put_case(rows, Some(&before), &after)
        }
        Event::CaseClosed(event) => {
            let before = known(rows, commit, record, player, &event.case)?;
            let closed = Some(Closing { at, by: event.by.clone(), reason: event.reason.clone() });
            let after = CaseRow { state: event.finding.into(), changed_at: at, closed, ..before.clone() };
            put_case(rows, Some(&before), &after)
        }
        _ => Ok(()),
    }
}

fn raise(
    rows: &mut Rows<'_, Cases>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    event: &AlertRaised,
) -> Result<(), ViewError> {
    if rows.get(&alert_key(player, &event.txn))?.is_some() {
        return Err(commit.poison_event(record, "the alert was raised twice"));
    }
    let row = AlertRow {
        player: player.clone(),
        of: event.txn.clone(),
        operator: commit.body.operator.clone(),
        brand: commit.body.brand.clone(),
        signal: event.signal.clone(),
        at: commit.body.recorded_at,
        by: event.by.clone(),
        reason: event.reason.clone(),
        closed: None,
    };
    put_alert(rows, None, &row)
}

fn open(
    rows: &mut Rows<'_, Cases>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    event: &CaseOpened,
) -> Result<(), ViewError> {
    if rows.get(&case_key(player, &event.txn))?.is_some() {
        return Err(commit.poison_event(record, "the case was opened twice"));
    }
    let at = commit.body.recorded_at;
    let row = CaseRow {
        player: player.clone(),
        of: event.txn.clone(),
        operator: commit.body.operator.clone(),
        brand: commit.body.brand.clone(),
        state: CaseState::Open,
        signal: event.signal.clone(),
        at,
        by: event.by.clone(),
        reason: event.reason.clone(),
        assigned_to: None,
        assigned_at: None,
        assignments: 0,
        changed_at: at,
        closed: None,
    };
    put_case(rows, None, &row)
}

fn known(
    rows: &Rows<'_, Cases>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    of: &TransactionRef,
) -> Result<CaseRow, ViewError> {
    match rows.get(&case_key(player, of))? {
        Some(CasesRow::Case(row)) => Ok(*row),
        _ => Err(commit.poison_event(record, "the case was never opened")),
    }
}

fn count(rows: &mut Rows<'_, Cases>, queue: &str, state: &str, adds: bool) -> Result<(), ViewError> {
    rows.update(&count_key(queue, state), |row| {
        let CasesRow::Count(count) = row else { return None };
        *count = if adds { count.checked_add(1)? } else { count.checked_sub(1)? };
        Some(())
    })
}

fn put_alert(
    rows: &mut Rows<'_, Cases>,
    before: Option<&AlertRow>,
    after: &AlertRow,
) -> Result<(), ViewError> {
    if let Some(before) = before {
        let state = before.state().as_str();
        rows.remove(&queue_key("alerts", state, &before.cursor()))?;
        count(rows, "alerts", state, false)?;
    }
    let state = after.state().as_str();
    count(rows, "alerts", state, true)?;
    let row = CasesRow::Alert(Box::new(after.clone()));
    rows.put(&queue_key("alerts", state, &after.cursor()), row.clone())?;
    rows.put(&alert_key(&after.player, &after.of), row)
}

/// Who looks into a case, as long as it is open.
fn looks_into(row: &CaseRow) -> Option<&ActorId> {
    row.assigned_to.as_ref().filter(|_| row.state.is_open())
}

fn put_case(rows: &mut Rows<'_, Cases>, before: Option<&CaseRow>, after: &CaseRow) -> Result<(), ViewError> {
    if let Some(before) = before {
        rows.remove(&queue_key("cases", before.state.as_str(), &before.cursor()))?;
        count(rows, "cases", before.state.as_str(), false)?;
        if let Some(to) = looks_into(before) {
            rows.remove(&queue_key("assigned", to.as_str(), &before.cursor()))?;
        }
    }
    count(rows, "cases", after.state.as_str(), true)?;
    let row = CasesRow::Case(Box::new(after.clone()));
    if let Some(to) = looks_into(after) {
        rows.put(&queue_key("assigned", to.as_str(), &after.cursor()), row.clone())?;
    }
    rows.put(&queue_key("cases", after.state.as_str(), &after.cursor()), row.clone())?;
    rows.put(&case_key(&after.player, &after.of), row)
}
