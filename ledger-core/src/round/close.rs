//! The end of a round: what is still open is lost.

use super::common::{close as close_round, known_round, note, round_currency, total};
use super::{CloseRound, stakes};
use crate::ids::TransactionId;
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Outcome, RoundRef, Stop, Workspace};
use crate::stored::{
    Bet, BetSettled, CloseReason, Event, Note, Round, RoundStatus, SettledBy, Split, TransactionRef,
};
use crate::wallet::{Purse, purse};

pub(super) fn close(command: &CloseRound, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let txn = || TransactionRef {
        source: command.source.clone(),
        kind: OperationKind::Close,
        id: command.id.clone(),
    };
    let Some(round) = known_round(state, facts, &reference) else {
        return note(work, txn(), Note::RoundUnknown);
    };
    if round.status != RoundStatus::Open {
        return note(work, txn(), Note::RoundNotOpen);
    }
    let currency = round_currency(round)?;
    let purse = purse(state, currency)?;

    let mut round = round.clone();
    let open: Vec<Bet> = round.open_bets().cloned().collect();
    let entry = work.post(stakes::take(&round, &open, purse)?)?;
    lose(work, &mut round, open, &command.id, SettledBy::Close, entry, purse)?;
    close_round(work, &mut round, &command.id, CloseReason::Close)?;
    Ok(Some(currency))
}

/// Bets that end without a result are lost.
pub(super) fn lose(
    work: &mut Workspace<'_>,
    round: &mut Round,
    bets: Vec<Bet>,
    txn: &TransactionId,
    by: SettledBy,
    entry: Option<u64>,
    purse: &Purse,
) -> Result<(), Stop> {
    if bets.is_empty() {
        return Ok(());
    }
    let zero = purse.currency().zero();
    let event = Event::BetSettled(BetSettled {
        txn: txn.clone(),
        stake: total(&bets, purse)?,
        bets: bets.into_iter().map(|bet| bet.id).collect(),
        bet: None,
        currency: purse.currency().code(),
        win: zero,
        split: Split::cash(zero),
        by,
        entry,
        reported: None,
    });
    Ok(work.push_round(round, event)?)
}
