//! The seeds of a jackpot that the house pays by hand. Those that follow a win come with it (`pool`).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, currency, two_persons};
use super::operation::{Currencies, HouseOperation, not_allowed, sent_by};
use super::postings::seed;
use super::{HousePurpose, HouseWorkspace, JackpotPool};
use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, Currency, CurrencyCode};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::NotAllowedReason;
use crate::stored::{Event, JackpotSeeded, JackpotStatus, SeedMovement, TransactionRef};

/// Puts money of the house into a jackpot (P35), or sets it aside for its next pools; from what was set aside at most
/// what is there. Two persons agree: what is in a pool is owed to players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedJackpot {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the seed.
    pub id: TransactionId,
    /// From where to where.
    pub movement: SeedMovement,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl SeedJackpot {
    /// That the pool can hold it.
    fn check_room(amount: Amount, own: &Currency, pool: Option<&JackpotPool>) -> Result<(), Stop> {
        let Some(held) = pool.and_then(|pool| pool.amount(own.code())) else { return Ok(()) };
        held.checked_add(amount.rescale_up(held.scale())?)?;
        Ok(())
    }
}

impl HouseOperation for SeedJackpot {
    const KIND: OperationKind = OperationKind::JackpotSeed;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Jackpot(_))
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let movement = match self.movement {
            SeedMovement::CostToPool => "cost_to_pool",
            SeedMovement::CostToReserve => "cost_to_reserve",
            SeedMovement::ReserveToPool => "reserve_to_pool",
        };
        print.amount(1, &self.amount).field(2, Some(self.currency.as_str())).field(3, Some(movement))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        // What is put into a closed jackpot nobody can win.
        if work.state().jackpot().is_some_and(|pool| pool.status() == JackpotStatus::Closed) {
            return Err(not_allowed(NotAllowedReason::JackpotClosed));
        }
        two_persons(&self.by, &self.approved_by)?;
        let own = currency(facts, self.currency)?;
        let amount = above_zero(self.amount, own)?;
        let of = work.of_account()?;
        Self::check_room(amount, own, work.state().jackpot())?;
        let entry = work.post(seed(self.movement, &of, amount, own)?)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::JackpotSeeded(JackpotSeeded {
            txn,
            movement: self.movement,
            currency: self.currency,
            amount,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            entry,
        }))?;
        Ok(())
    }
}
