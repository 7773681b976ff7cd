//! The end of a round: what is still open is lost.

use super::CloseRound;
use super::common::{known_round, note, round_currency, stakes, sub_account, total};
use crate::key::OperationKind;
use crate::player_ledger::{Facts, Outcome, RoundRef, Workspace};
use crate::stored::{
    Bet, BetSettled, CloseReason, Event, Note, RoundClosed, RoundStatus, SettledBy, Split, TransactionRef,
};
use crate::wallet::{purse, take_stakes};

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
    if !open.is_empty() {
        let stake = total(&open, purse)?;
        let entry = work.post(take_stakes(purse, sub_account(&round), &stakes(&open))?)?;
        let event = Event::BetSettled(BetSettled {
            txn: command.id.clone(),
            bets: open.into_iter().map(|bet| bet.id).collect(),
            bet: None,
            currency,
            stake,
            win: purse.currency().zero(),
            split: Split { cash: purse.currency().zero() },
            by: SettledBy::Close,
            entry,
        });
        work.push_round(&mut round, event)?;
    }
    let event = Event::RoundClosed(RoundClosed { txn: command.id.clone(), reason: CloseReason::Close });
    work.push_round(&mut round, event)?;
    Ok(Some(currency))
}
