//! Transfers between the pots of two players, through an account of the house.

use std::convert::Infallible;

use ledger_core::stored::{Event, HostRecorded};
use ledger_core::{
    CurrencyCode, HostAccount, HostAccountClass, HostData, HostMovement, HostName, HostNamespace,
    HostOperation, IdError, PlayerId, Policy, Rejection, SourceId, Stream, Timestamp, TransactionId,
};
use ledger_projections::Occurrence;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::process::id::{ManagerName, ProcessId, ProcessNameError};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// The namespace that transfers are recorded under, at both players.
pub const TRANSFER_NAMESPACE: &str = "ledger.transfers";

/// What a transfer's events are called: it is asked for, it left the payer, it came to the payee or never will, it came back.
const ASKED: &str = "asked";
const SENT: &str = "sent";
const RECEIVED: &str = "received";
const REFUSED: &str = "refused";
const RETURNED: &str = "returned";

/// Why the credit is refused where an operator left it out.
const SKIPPED: &str = "skipped";

/// The version of the events' data.
const SHAPE: u16 = 1;

/// What is asked for, as the data of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferOrder {
    /// To whom.
    pub to: PlayerId,
    /// How much; above zero.
    #[serde(with = "super::decimal_text")]
    pub amount: Decimal,
    /// The currency: both must have a purse in it.
    pub currency: CurrencyCode,
}

/// Why a transfer cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferOrderError {
    /// Payer and payee are one.
    #[error("a player transfers nothing to himself")]
    ToHimself,
    /// The amount is zero or below.
    #[error("{0} is no amount to transfer")]
    Amount(Decimal),
    /// A name is not usable.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The data is not usable.
    #[error("{0}")]
    Data(String),
}

impl TransferOrder {
    /// The command that asks for it: the host executes it on the payer's ledger, under its own source and id. It moves no
    /// money; [`Transfers`] does.
    ///
    /// # Errors
    ///
    /// [`TransferOrderError`].
    pub fn ask(
        &self,
        payer: &PlayerId,
        source: SourceId,
        id: TransactionId,
    ) -> Result<HostOperation, TransferOrderError> {
        if self.to == *payer {
            return Err(TransferOrderError::ToHimself);
        }
        if self.amount <= Decimal::ZERO {
            return Err(TransferOrderError::Amount(self.amount));
        }
        let text =
            serde_json::to_string(self).map_err(|error| TransferOrderError::Data(error.to_string()))?;
        Ok(HostOperation {
            source,
            id,
            namespace: HostNamespace::new(TRANSFER_NAMESPACE)?,
            name: HostName::new(ASKED)?,
            version: SHAPE,
            data: HostData::new(text).map_err(|error| TransferOrderError::Data(error.to_string()))?,
            state: None,
            expected: None,
            movement: None,
        })
    }
}

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferPhase {
    /// It is asked for: the payer's money is to be taken.
    Asked,
    /// It left the payer, and is on its way.
    Sent,
    /// The payee's ledger refused it: that is to be put on record there, so that it never comes after all.
    Refused {
        /// The refusal's code.
        code: String,
    },
    /// It never comes to the payee: it is to go back.
    Returning,
}

/// A transfer that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerTransfer {
    /// From whom.
    pub from: PlayerId,
    /// What was asked for.
    pub order: TransferOrder,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// How far it is.
    pub phase: TransferPhase,
}

/// The data of the events after it was asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    transfer: String,
}

/// Carries money from one player's pot to another's: it is taken from the payer, stands in transit at the house
/// (`host:liability` of `ledger.transfers/in_transit`), and is credited to the payee. If his ledger refuses it (he is closed, excluded,
/// blocked, unknown, or has no purse in the currency) it goes back to the payer, whatever became of him meanwhile. If the
/// payer's refuses it, nothing has moved.
///
/// Before it goes back, the refusal is put on record at the payee, under the key that the credit has: of the two the first one
/// counts, so that no other runner can credit later what went back.
///
/// The events of payer and payee may be heard in any order, so the answers to its commands move it on as well: a copy of what
/// was done before is answered as done.
///
/// The jurisdictions of both must allow it (`player_transfers`, E31); by default none does.
#[derive(Debug, Clone)]
pub struct Transfers {
    name: ManagerName,
    namespace: HostNamespace,
    account: HostAccount,
}

impl Transfers {
    /// The manager `transfers`.
    ///
    /// # Errors
    ///
    /// None in practice: the names are usable.
    pub fn new() -> Result<Self, TransferNameError> {
        let account = HostAccount { class: HostAccountClass::Liability, name: HostName::new("in_transit")? };
        Ok(Self { name: named("transfers")?, namespace: HostNamespace::new(TRANSFER_NAMESPACE)?, account })
    }

    /// The process of a transfer, by who asked for it and the id he gave it.
    ///
    /// # Errors
    ///
    /// None in practice: the names are short enough.
    pub fn process(
        payer: &PlayerId,
        source: &SourceId,
        id: &TransactionId,
    ) -> Result<ProcessId, ProcessNameError> {
        ProcessId::of(&["transfer", payer.as_str(), source.as_str(), id.as_str()])
    }

    /// The event of the namespace, if it is one.
    fn own<'e>(&self, event: &'e Occurrence) -> Option<(&'e PlayerId, &'e HostRecorded)> {
        let record = event.record()?;
        match (&record.stream, &record.event) {
            (Stream::Host(_, namespace), Event::HostRecorded(recorded)) if *namespace == self.namespace => {
                Some((player(event)?, recorded))
            }
            _ => None,
        }
    }

    /// Of which transfer it is. Only what this manager recorded itself moves one on.
    fn concerned(&self, of: &PlayerId, recorded: &HostRecorded) -> Option<ProcessId> {
        if recorded.name.as_str() == ASKED {
            return Self::process(of, &recorded.source, &recorded.txn).ok();
        }
        let is_own = self.name.source().is_ok_and(|own| own == recorded.source);
        let step: Step = serde_json::from_str(recorded.data.as_str()).ok().filter(|_| is_own)?;
        ProcessId::new(&step.transfer).ok()
    }

    fn begun(of: &PlayerId, recorded: &HostRecorded, at: Timestamp) -> Option<PlayerTransfer> {
        let order: TransferOrder = serde_json::from_str(recorded.data.as_str()).ok()?;
        (order.to != *of).then(|| PlayerTransfer {
            from: of.clone(),
            order,
            asked_at: at,
            phase: TransferPhase::Asked,
        })
    }

    /// A step of it was refused. Late answers, of what an event has told already, change nothing: no phase goes back.
    fn refused(state: &mut Option<PlayerTransfer>, step: &str, rejection: &Rejection) {
        let Some(transfer) = state else { return };
        match (step, &transfer.phase) {
            // The payer's ledger refused it: nothing has moved.
            (SENT, TransferPhase::Asked) => *state = None,
            // The payee's did: it goes back. Where the key is taken, the refusal is on record there, heard before the
            // transfer was known: to record it again is a replay.
            (RECEIVED, TransferPhase::Sent) => {
                transfer.phase = match rejection {
                    // There is no ledger in which it could be put on record.
                    Rejection::PlayerUnknown => TransferPhase::Returning,
                    rejection => TransferPhase::Refused { code: rejection.code().to_owned() },
                };
            }
            // Somebody credited it meanwhile; unless the credit found the key taken as well: then neither is there, and it
            // is stuck.
            (REFUSED, TransferPhase::Refused { code })
                if *rejection == Rejection::KeyReused && *code != rejection.code() =>
            {
                *state = None;
            }
            _ => {}
        }
    }

    /// One movement of it.
    fn movement(
        &self,
        process: &ProcessId,
        state: &PlayerTransfer,
        step: &str,
        wants: &mut Wants<Infallible>,
    ) {
        let data = serde_json::to_string(&Step { transfer: process.as_str().to_owned() });
        let data = data.ok().and_then(|text| HostData::new(text).ok());
        let Some((data, name)) = data.zip(HostName::new(step).ok()) else {
            wants.stuck(format!("{step} cannot be written"));
            return;
        };
        let is_at_payee = step == RECEIVED || step == REFUSED;
        let of = if is_at_payee { &state.order.to } else { &state.from };
        // What is received and what is refused have one key: the first counts.
        let Some(key) = wants.key(if is_at_payee { RECEIVED } else { step }) else { return };
        wants.player(step, of, |_| HostOperation {
            source: key.source,
            id: key.id,
            namespace: self.namespace.clone(),
            name,
            version: SHAPE,
            data,
            state: None,
            expected: None,
            movement: (step != REFUSED).then(|| HostMovement {
                account: self.account.clone(),
                to_player: step != SENT,
                amount: state.order.amount,
                currency: state.order.currency,
                // What goes back is the payer's own.
                between_players: step != RETURNED,
            }),
        });
    }
}

/// Why the manager cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferNameError {
    /// A name is not usable.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Its own name is not usable.
    #[error(transparent)]
    Manager(#[from] ProcessNameError),
}

impl ProcessManager for Transfers {
    type State = PlayerTransfer;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        if let Some((of, recorded)) = self.own(event) {
            processes.extend(self.concerned(of, recorded));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<PlayerTransfer>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match input {
            Input::Event(event) => {
                let Some((of, recorded)) = self.own(event) else { return };
                match (recorded.name.as_str(), state.as_mut()) {
                    (ASKED, None) => *state = Self::begun(of, recorded, turn.at),
                    (SENT, Some(transfer)) if transfer.phase == TransferPhase::Asked => {
                        transfer.phase = TransferPhase::Sent;
                    }
                    (REFUSED, Some(transfer)) => transfer.phase = TransferPhase::Returning,
                    (RECEIVED | RETURNED, Some(_)) => *state = None,
                    _ => {}
                }
            }
            Input::Done { step, .. } => match (step, state.as_mut()) {
                (SENT, Some(transfer)) if transfer.phase == TransferPhase::Asked => {
                    transfer.phase = TransferPhase::Sent;
                }
                (REFUSED, Some(transfer)) => transfer.phase = TransferPhase::Returning,
                (RECEIVED | RETURNED, Some(_)) => *state = None,
                _ => {}
            },
            Input::Refused { step, rejection } => Self::refused(state, step, rejection),
            Input::Skipped { step, .. } => {
                if let Some(transfer) = state {
                    match (step, &transfer.phase) {
                        // It may have been credited all the same: the record of the refusal has its key, and finds out.
                        (RECEIVED, TransferPhase::Sent) => {
                            transfer.phase = TransferPhase::Refused { code: SKIPPED.to_owned() };
                        }
                        (REFUSED, TransferPhase::Refused { .. }) => transfer.phase = TransferPhase::Returning,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn wants(&self, process: &ProcessId, state: &PlayerTransfer, _: &Policy, wants: &mut Wants<Infallible>) {
        let step = match state.phase {
            TransferPhase::Asked => SENT,
            TransferPhase::Sent => RECEIVED,
            TransferPhase::Refused { .. } => REFUSED,
            TransferPhase::Returning => RETURNED,
        };
        self.movement(process, state, step, wants);
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::{NotAllowedReason, Reason};

    use super::*;
    use crate::request::Outcome;

    const STEPS: [&str; 4] = [SENT, RECEIVED, REFUSED, RETURNED];

    fn phases() -> [TransferPhase; 4] {
        let code = "player_closed".to_owned();
        [TransferPhase::Asked, TransferPhase::Sent, TransferPhase::Refused { code }, TransferPhase::Returning]
    }

    fn rank(phase: Option<&TransferPhase>) -> u32 {
        match phase {
            Some(TransferPhase::Asked) => 0,
            Some(TransferPhase::Sent) => 1,
            Some(TransferPhase::Refused { .. }) => 2,
            Some(TransferPhase::Returning) => 3,
            None => 4,
        }
    }

    fn after(phase: &TransferPhase, input: Input<'_, Infallible, Infallible>) -> Option<TransferPhase> {
        let manager = Transfers::new().unwrap();
        let order = r#"{"from":"p","order":{"to":"q","amount":"30","currency":"EUR"},"asked_at":"2026-01-01T00:00:00.000000Z","phase":{"is":"asked"}}"#;
        let transfer: PlayerTransfer = serde_json::from_str(order).unwrap();
        let mut state = Some(PlayerTransfer { phase: phase.clone(), ..transfer });
        let process = ProcessId::new("transfer/p/host/t1").unwrap();
        manager.fold(&process, &mut state, input, &mut Turn::new(Timestamp::EPOCH));
        state.map(|transfer| transfer.phase)
    }

    fn done(step: &str) -> Input<'_, Infallible, Infallible> {
        Input::Done { step, outcome: Outcome::Applied, replayed: true }
    }

    #[test]
    fn no_answer_takes_a_transfer_back_to_an_earlier_phase() {
        let reason = Reason::new("it takes too long").unwrap();
        let closed = Rejection::NotAllowed { reason: NotAllowedReason::PlayerTransfers };
        for phase in phases() {
            for step in STEPS {
                let before = rank(Some(&phase));
                assert!(rank(after(&phase, done(step)).as_ref()) >= before, "{phase:?} {step}");
                let skipped = after(&phase, Input::Skipped { step, reason: &reason });
                assert!(rank(skipped.as_ref()) >= before, "{phase:?} {step}");
                for rejection in [&Rejection::KeyReused, &Rejection::PlayerUnknown, &closed] {
                    let refused = after(&phase, Input::Refused { step, rejection });
                    assert!(rank(refused.as_ref()) >= before, "{phase:?} {step} {rejection}");
                }
            }
        }
    }

    /// All events may have come before the transfer was known, so each answer alone brings it on.
    #[test]
    fn what_was_done_before_brings_a_transfer_on() {
        let [asked, sent, refused, returning] = phases();
        assert_eq!(after(&asked, done(SENT)), Some(TransferPhase::Sent));
        assert_eq!(after(&sent, done(RECEIVED)), None);
        assert_eq!(after(&refused, done(REFUSED)), Some(TransferPhase::Returning));
        assert_eq!(after(&returning, done(RETURNED)), None);
        let reused = |step| Input::Refused { step, rejection: &Rejection::KeyReused };
        let code = "key_reused".to_owned();
        let on_record = TransferPhase::Refused { code };
        assert_eq!(after(&sent, reused(RECEIVED)), Some(on_record.clone()));
        assert_eq!(after(&on_record, done(REFUSED)), Some(TransferPhase::Returning));
        assert_eq!(after(&refused, reused(REFUSED)), None, "it was credited");
        assert_eq!(after(&on_record, reused(REFUSED)), Some(on_record), "neither: an operator looks into it");
    }

    #[test]
    fn what_an_operator_leaves_out_at_the_payee_goes_back() {
        let [_, sent, refused, returning] = phases();
        let reason = Reason::new("it takes too long").unwrap();
        let skipped = |step| Input::Skipped { step, reason: &reason };
        let code = SKIPPED.to_owned();
        assert_eq!(after(&sent, skipped(RECEIVED)), Some(TransferPhase::Refused { code }));
        assert_eq!(after(&refused, skipped(REFUSED)), Some(TransferPhase::Returning));
        assert_eq!(after(&returning, skipped(RETURNED)), Some(returning.clone()), "it is his");
    }
}
