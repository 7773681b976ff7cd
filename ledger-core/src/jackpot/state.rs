//! The claims of a player that were neither paid nor withdrawn, and their fold.

use serde::{Deserialize, Serialize};

use crate::ids::{JackpotId, RoundId};
use crate::money::CurrencyCode;
use crate::player_ledger::{Fault, RoundRef};
use crate::stored::{Event, PaymentRef};

/// The most claims of one player that were neither paid nor withdrawn.
pub const JACKPOT_CLAIMS_MAX: usize = 64;

/// A claim on a jackpot that was neither paid nor withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JackpotClaim {
    /// The claim, as its source names it.
    pub of: PaymentRef,
    /// The jackpot.
    pub jackpot: JackpotId,
    /// The round that triggered it, of the same source.
    pub round: RoundId,
    /// The currency it is to be paid in.
    pub currency: CurrencyCode,
}

impl JackpotClaim {
    /// The round that triggered it.
    pub(super) fn round_ref(&self) -> RoundRef {
        RoundRef { source: self.of.source.clone(), round: self.round.clone() }
    }
}

/// Folds an event of a claim. Holds no rule and cannot panic.
pub(crate) fn evolve(claims: &mut Vec<JackpotClaim>, event: &Event) -> Result<(), Fault> {
    let ended = match event {
        Event::JackpotClaimed(event) => {
            if claims.iter().any(|claim| claim.of == event.claim) {
                return Err(Fault::corrupted(format!("claim {} was made twice", event.claim.id)));
            }
            claims.push(JackpotClaim {
                of: event.claim.clone(),
                jackpot: event.jackpot.clone(),
                round: event.round.clone(),
                currency: event.currency,
            });
            return Ok(());
        }
        Event::JackpotPaid(event) => &event.claim,
        Event::JackpotClaimWithdrawn(event) => &event.claim,
        _ => return Err(Fault::corrupted("an event that is not of a claim")),
    };
    let at = claims.iter().position(|claim| claim.of == *ended);
    claims.remove(at.ok_or_else(|| Fault::corrupted(format!("claim {} is not open", ended.id)))?);
    Ok(())
}
