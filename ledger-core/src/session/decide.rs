//! The decisions on sessions.

use super::{AcknowledgeRealityCheck, EndSession, SESSIONS_MAX, Session, StartSession};
use crate::controls::{self, Begins, Gate};
use crate::key::OperationKind;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, Workspace};
use crate::policy::RegisterUse;
use crate::rejection::Rejection;
use crate::stored::{
    Event, Note, RealityCheckAcknowledged, SessionEndReason, SessionEnded, SessionRef, SessionStarted,
    TransactionRef,
};
use crate::wallet::purse;

pub(super) fn start(command: &StartSession, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let of = command.session();
    // No key was found, but keys are found by their kind: had the source another scope of keys before, there is such
    // a session already.
    if state.session(&of).is_some() || facts.found.has_session(&of) {
        return Err(Rejection::KeyReused.into());
    }
    purse(state, command.currency)?;
    let gate = Gate::read(&command.registers, state, work.now())?;
    let policy = &state.jurisdiction_profile(facts.policy).controls;
    state.may_begin(&gate, RegisterUse::Session, policy, work.now())?;
    let jurisdiction = &state.profile().ok_or(Rejection::PlayerUnknown)?.jurisdiction;
    controls::check_source(facts.policy.of(&command.source), &command.source, Begins::Session)?;
    controls::check_game(facts.policy, &command.game, jurisdiction)?;
    controls::check_play_time(None, work)?;

    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::SessionStart, id };
    gate.record(|| txn.clone(), work)?;
    if state.open_sessions() >= SESSIONS_MAX
        && let Some(idle) = state.sessions().min_by_key(|session| session.last_at())
    {
        push_end(idle, txn, SessionEndReason::Displaced, work)?;
    }
    let stream = Stream::Session(state.player().clone(), of);
    let event = Event::SessionStarted(SessionStarted {
        game: command.game.clone(),
        currency: command.currency,
        device: command.device.clone(),
        launch: command.launch.clone(),
    });
    work.push_first(stream, event);
    Ok(Some(command.currency))
}

fn push_end(
    session: &Session,
    txn: TransactionRef,
    reason: SessionEndReason,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    let event =
        Event::SessionEnded(SessionEnded { txn, reason, staked: session.staked(), won: session.won() });
    push(session, event, work)
}

fn push(session: &Session, event: Event, work: &mut Workspace<'_>) -> Result<(), Fault> {
    let next = session.version().checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
    let stream = Stream::Session(work.state().player().clone(), session.of().clone());
    work.push(stream, next, event);
    Ok(())
}

pub(super) fn end(command: &EndSession, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::SessionEnd, id };
    let Some(session) = work.state().session(&command.session) else {
        work.note(txn, Note::SessionNotOpen)?;
        return Ok(None);
    };
    push_end(session, txn.clone(), SessionEndReason::Ended, work)?;
    record_near(&command.session, &txn, facts, work)?;
    Ok(Some(session.currency()))
}

/// The player is told that he comes near a limit on the time of play.
fn record_near(
    session: &SessionRef,
    txn: &TransactionRef,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    let percent = work.state().jurisdiction_profile(facts.policy).controls.warn_at_percent;
    controls::record_near_play_time(Some(session), percent, || txn.clone(), work)
}

pub(super) fn acknowledge(
    command: &AcknowledgeRealityCheck,
    facts: &Facts<'_>,
    work: &mut Workspace<'_>,
) -> Outcome {
    let session = work.state().session(&command.session).ok_or(Rejection::SessionExpired)?;
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: OperationKind::RealityCheck, id };
    let (staked, won) = (session.staked(), session.won());
    let event = Event::RealityCheckAcknowledged(RealityCheckAcknowledged { txn: txn.clone(), staked, won });
    push(session, event, work)?;
    record_near(&command.session, &txn, facts, work)?;
    Ok(Some(session.currency()))
}
