//! One jackpot of the house: its seeds. Contributions and wins are booked by players' commits; who triggers first and
//! how much it is comes with the pools.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::incoming::{above_zero, currency, two_persons};
use super::operation::{Currencies, HouseOperation, sent_by};
use super::postings::seed;
use super::{HousePurpose, HouseWorkspace};
use crate::ids::{ActorId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Stop};
use crate::stored::{Event, JackpotSeeded, SeedMovement, TransactionRef};

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
        two_persons(&self.by, &self.approved_by)?;
        let own = currency(facts, self.currency)?;
        let amount = above_zero(self.amount, own)?;
        let of = work.of_account()?;
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
