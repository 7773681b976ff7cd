//! What registers said, looked at again from all commits.

use std::collections::BTreeMap;

use crate::ids::RegisterName;
use crate::money::CurrencyCode;
use crate::partition::Stream;
use crate::rejection::Rejection;
use crate::stored::{CommitBody, Event, EventRecord, RegisterOutcome};
use crate::time::Timestamp;

/// Whether something new begins with an event for which the player must not be excluded.
fn begins(event: &Event) -> bool {
    match event {
        Event::BetPlaced(event) => !event.made_up,
        Event::SessionStarted(_)
        | Event::TipGiven(_)
        | Event::TournamentEntered(_)
        | Event::TransferRolledOut(_)
        | Event::DepositInitiated(_) => true,
        _ => false,
    }
}

/// What a register said last; of what it left, how much is left.
#[derive(Debug)]
enum Last {
    Clear,
    Excluded(Option<Timestamp>),
    Left(CurrencyCode, i128),
}

/// Whether the answers of an event came with a deposit that is started.
fn came_with(before: Option<&EventRecord>, stream: &Stream) -> bool {
    match (before.map(|record| &record.event), stream) {
        (Some(Event::RegisterAnswered(event)), Stream::Intent(_, source, id)) => {
            event.txn.source == *source && event.txn.id == *id
        }
        _ => false,
    }
}

/// I25: whom a register excludes begins nothing, and a deposit is within what the answer left that came with it.
///
/// # Errors
///
/// What began in spite of it.
pub fn i25_registers_are_heeded(commits: &[CommitBody]) -> Result<(), String> {
    let mut last: BTreeMap<&RegisterName, Last> = BTreeMap::new();
    for body in commits {
        let at = body.recorded_at;
        for (index, record) in body.events.iter().enumerate() {
            if let Event::RegisterAnswered(event) = &record.event {
                for answer in &event.answers {
                    let said = match &answer.outcome {
                        RegisterOutcome::Clear => Last::Clear,
                        RegisterOutcome::Excluded { until } => Last::Excluded(*until),
                        RegisterOutcome::Left(left) => Last::Left(left.currency, left.amount.units()),
                        RegisterOutcome::Unreachable => continue,
                    };
                    last.insert(&answer.register, said);
                }
            }
            if let Event::TxnRejected(event) = &record.event
                && let Rejection::PlayerExcluded { until, register: Some(register), .. } = &event.rejection
            {
                last.insert(&register.name, Last::Excluded(*until));
            }
            let bars =
                |said: &Last| matches!(said, Last::Excluded(until) if until.is_none_or(|until| at < until));
            if begins(&record.event)
                && let Some((register, _)) = last.iter().find(|(_, said)| bars(said))
            {
                return Err(format!("I25: {} at {at}, but {register} excludes", record.event.type_name()));
            }
            let (currency, units) = match &record.event {
                Event::DepositInitiated(event) => (event.currency, event.amount.units()),
                Event::DepositSucceeded(event) if event.intent.is_none() => {
                    (event.currency, event.amount.units())
                }
                _ => continue,
            };
            let before = index.checked_sub(1).and_then(|before| body.events.get(before));
            let came = came_with(before, &record.stream);
            for (register, said) in &mut last {
                let Last::Left(own, left) = said else { continue };
                if *own == currency {
                    if came && units > *left && answers(before, register) {
                        return Err(format!("I25: a deposit of {units} units, {register} left {left}"));
                    }
                    *left = (*left - units).max(0);
                }
            }
        }
    }
    Ok(())
}

fn answers(record: Option<&EventRecord>, register: &RegisterName) -> bool {
    match record.map(|record| &record.event) {
        Some(Event::RegisterAnswered(event)) => {
            event.answers.iter().any(|answer| answer.register == *register)
        }
        _ => false,
    }
}
