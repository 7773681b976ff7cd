//! Awards: a claim gets the pool, and its player is paid.
//!
//! ```text
//! player: jackpot.claimed --> pool: jackpot.awarded --> player: jackpot.paid --> pool: jackpot.award_settled, paid
//!             |                                            |
//!             v                                            v
//!         claim_withdrawn                     refused --> pool: jackpot.award_settled, refused
//! ```
//!
//! No commit spans two partitions, so each step names the one before it and has a key made from it. Whether a claim is
//! paid or withdrawn the player's log decides, once; who was first and how much it is, the pool's (E38).

use serde::{Deserialize, Serialize};

use super::configure::{configured, is_jackpot};
use super::state::{JackpotAward, OPEN_JACKPOT_AWARDS_MAX, fine};
use crate::account::AccountCode;
use crate::house::incoming::currency;
use crate::house::operation::{Currencies, HouseOperation, not_allowed, sent_by_counterpart};
use crate::house::postings::reseed;
use crate::house::{HouseName, HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, PlayerId, RoundId, SourceId, TransactionId};
use crate::jackpot::PayJackpot;
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Fault, Stop};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity};
use crate::stored::{
    AwardOutcome, Event, JackpotAwardSettled, JackpotAwarded, JackpotClaimRef, JackpotStatus,
};

/// Gives the pool to a claim of a player. Claims get it in the order in which they come here, each what the pool then
/// holds: whole units of the currency, at most what the terms let one award be. The rest is carried to the next pool, which
/// gets its seed at once, from the reserve as far as that goes. A second claim on the same pool gets what it is after that
/// (E36, E38). Key: made from the claim, so that a claim gets one award.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwardJackpot {
    /// The claim.
    pub claim: JackpotClaimRef,
    /// The round that triggered it.
    pub round: RoundId,
    /// The currency that it is to be paid in: the jackpot's.
    pub currency: CurrencyCode,
}

/// What a claim gets of a pool that holds so much: whole units of the currency, not above the most.
fn payable(held: Amount, most: Option<Amount>, currency: &Currency) -> Result<Amount, AmountError> {
    let finer = u32::from(held.scale().saturating_sub(currency.scale()));
    let factor = 10_i128.checked_pow(finer).ok_or(AmountError::AmountOverflow)?;
    let units = held.units().checked_div_euclid(factor).ok_or(AmountError::DivisionByZero)?;
    let whole = Amount::new(units, currency.scale())?;
    most.map_or(Ok(whole), |most| whole.min(most))
}

impl HouseOperation for AwardJackpot {
    const KIND: OperationKind = OperationKind::JackpotAward;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_jackpot(purpose)
    }

    /// Ids of claims are unique per player and source only, and the three together are too long for an id.
    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        let JackpotClaimRef { player, source, id } = &self.claim;
        let named = [player.as_str(), source.as_str(), id.as_str()].join("\n");
        Ok((source.clone(), TransactionId::new(ContentHash::of(named.as_bytes()).to_string())?))
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.round.as_str())).field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (pool, terms) = configured(work.state().jackpot())?;
        if pool.status() == JackpotStatus::Suspended {
            return Err(not_allowed(NotAllowedReason::JackpotSuspended));
        }
        let own = currency(facts, self.currency)?;
        if terms.currency != self.currency {
            return Err(Rejection::CurrencyMismatch { currency: self.currency }.into());
        }
        if pool.open_awards().len() >= OPEN_JACKPOT_AWARDS_MAX {
            return Err(capacity(Capacity::OpenJackpotAwards, OPEN_JACKPOT_AWARDS_MAX).into());
        }
        let zero = Amount::zero(AccountCode::JackpotLiability.scale(own));
        let held = pool.amount(self.currency).unwrap_or(zero);
        let amount = payable(held, terms.must_hit_by, own)?;
        if !amount.is_positive() {
            return Err(Rejection::ExceedsRest { left: held, currency: self.currency }.into());
        }
        let carried = held.checked_sub(fine(amount)?)?;
        let seed = fine(terms.seed)?;
        let reserve = work.state().balance(AccountCode::JackpotSeedReserve, self.currency).unwrap_or(zero);
        let from_reserve = seed.min(reserve)?;
        let from_cost = seed.checked_sub(from_reserve)?;
        carried.checked_add(seed)?;
        let number = pool.awards().checked_add(1).ok_or_else(|| Fault::corrupted("numbers have run out"))?;
        let entry = if seed.is_zero() {
            None
        } else {
            let of = work.of_account()?;
            Some(work.post(reseed(&of, from_reserve, from_cost, self.currency)?.into())?)
        };
        let unless_zero = |amount: Amount| Some(amount).filter(|amount| amount.is_positive());
        work.push_house(Event::JackpotAwarded(JackpotAwarded {
            number,
            claim: self.claim.clone(),
            round: self.round.clone(),
            currency: self.currency,
            amount,
            carried,
            seed_from_reserve: unless_zero(from_reserve),
            seed_from_cost: unless_zero(from_cost),
            entry,
        }))?;
        Ok(())
    }
}

/// Tells what became of an award with its player: it was paid, or his ledger refused it for good, because the claim was
/// withdrawn; then its money is in the pool again. Key: (the jackpot, settlement, the award).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleJackpotAward {
    /// The award, by its number.
    pub award: u64,
    /// What became of it. With which entry it was paid is not part of the fingerprint.
    pub outcome: AwardOutcome,
}

impl HouseOperation for SettleJackpotAward {
    const KIND: OperationKind = OperationKind::JackpotAwardSettlement;

    fn is_for(purpose: &HousePurpose) -> bool {
        is_jackpot(purpose)
    }

    fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        sent_by_counterpart(house, &TransactionId::new(self.award.to_string())?)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let outcome = match self.outcome {
            AwardOutcome::Paid(_) => "paid",
            AwardOutcome::Refused => "refused",
        };
        print.field(1, Some(outcome))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let pool = work.state().jackpot();
        let Some(award) = pool.and_then(|pool| pool.open_award(self.award)) else {
            return Err(not_allowed(NotAllowedReason::AwardNotOpen));
        };
        if self.outcome == AwardOutcome::Refused {
            let held = pool.and_then(|pool| pool.amount(award.currency));
            fine(award.amount)?.checked_add(held.unwrap_or(Amount::zero(fine(award.amount)?.scale())))?;
        }
        let settled = JackpotAwardSettled { award: self.award, outcome: self.outcome };
        work.push_house(Event::JackpotAwardSettled(settled))?;
        Ok(())
    }
}

/// What a payment says of an award.
pub(super) struct PayingAward<'a> {
    pub(super) number: u64,
    pub(super) claim: &'a JackpotClaimRef,
    pub(super) currency: CurrencyCode,
    pub(super) amount: Amount,
}

/// The command that pays an award of the jackpot that a partition is of, and its player.
pub(super) fn paying(award: &PayingAward<'_>, house: &HouseId) -> Option<(PlayerId, PayJackpot)> {
    let name = HouseName::of(house)?;
    let HousePurpose::Jackpot(jackpot) = name.purpose else { return None };
    let command = PayJackpot {
        source: award.claim.source.clone(),
        id: award.claim.id.clone(),
        kind: name.kind,
        jackpot,
        award: award.number,
        amount: award.amount.to_decimal(),
        currency: award.currency,
    };
    Some((award.claim.player.clone(), command))
}

impl JackpotAward {
    /// The command to the pool that tells that it was paid, with this entry of its player's.
    pub fn paid(&self, entry: u64) -> SettleJackpotAward {
        SettleJackpotAward { award: self.number, outcome: AwardOutcome::Paid(entry) }
    }

    /// The command to the pool that tells that the player's ledger refused it for good. It may be sent if the payment was
    /// refused as `key_reused`, as `txn_cancelled`, or as `not_allowed` with [`NotAllowedReason::ClaimNotOpen`].
    pub fn refused(&self) -> SettleJackpotAward {
        SettleJackpotAward { award: self.number, outcome: AwardOutcome::Refused }
    }
}
