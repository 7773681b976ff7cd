//! Carrying what the house assigned to its players: the second and third commit of a crossing that no commit can span.

use ledger_core::{ConfirmAssignment, HouseId, PlayerId, Rejection, TransactionId};

use crate::error::ExecuteError;
use crate::lane::Lane;
use crate::ledger::Ledger;
use crate::request::{EntryId, HouseRequest, Request};

/// What became of an assignment that was carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedAssignment {
    /// The payment provider's id of the money.
    pub reference: TransactionId,
    /// The player it is assigned to.
    pub player: PlayerId,
    /// The entry that booked it in his ledger; or why his ledger refuses it: then the item waits for a person, who
    /// sends the release with a rate of exchange, or calls the assignment off.
    pub outcome: Result<EntryId, Rejection>,
}

impl Ledger {
    /// Carries every assignment of a payment provider's partition to its player: releases it in his ledger, and tells
    /// the house that it landed. Whatever was done before a crash is answered as a replay, so this may be called at
    /// any time, and again after any error; a host calls it after an assignment, at its start, and now and then.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the ledger cannot serve; what was carried by then has landed.
    pub async fn carry_assignments(&self, house: &HouseId) -> Result<Vec<CarriedAssignment>, ExecuteError> {
        let state = self.house(house).await?.state;
        let mut carried = Vec::new();
        for item in state.items() {
            let (Some(assignment), Some((player, release))) = (item.assignment(), item.release(house)) else {
                continue;
            };
            let mut request = Request::new(player.clone(), release);
            request.lane = Some(Lane::Cashier);
            let outcome = match self.request(request).await {
                Ok(receipt) => receipt.entry.ok_or_else(|| ExecuteError::Bug {
                    what: format!("{} was released without an entry", item.reference),
                }),
                Err(ExecuteError::Rejected(refusal)) => {
                    let (reference, outcome) = (item.reference.clone(), Err(refusal.rejection));
                    carried.push(CarriedAssignment { reference, player, outcome });
                    continue;
                }
                Err(error) => Err(error),
            };
            let entry = outcome?;
            let confirmation = ConfirmAssignment {
                source: assignment.of.source.clone(),
                id: assignment.of.id.clone(),
                reference: item.reference.clone(),
                assignment: assignment.of.clone(),
                player_entry: entry.version,
            };
            match self.request_house(HouseRequest::new(house.clone(), confirmation)).await {
                // Refused: somebody else confirmed it meanwhile, under an id of his own.
                Ok(_) | Err(ExecuteError::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
            let reference = item.reference.clone();
            carried.push(CarriedAssignment { reference, player, outcome: Ok(entry) });
        }
        Ok(carried)
    }
}
