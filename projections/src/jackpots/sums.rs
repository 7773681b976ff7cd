//! The sums of a jackpot, and how they add up.

use ledger_core::CurrencyCode;
use serde::{Deserialize, Serialize};

use crate::total::Total;

macro_rules! sums {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $each:literal])* $column:ident,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[doc = $each])* #[serde(skip_serializing_if = "Total::is_zero_ref")] pub $column: Total,)*
        }

        impl $name {
            /// Column by column; `None` beyond 128 bits.
            pub fn plus(&self, other: &Self) -> Option<Self> {
                Some(Self { $($column: self.$column.plus(other.$column)?),* })
            }
        }
    };
}

sums! {
    /// What a pool's own log says, in one currency.
    PoolSums {
        /// Seeds that the house paid into the pool: by hand, and with awards.
        seeded_from_cost,
        /// Seeds that came out of the reserve.
        seeded_from_reserve,
        /// What the house paid into the reserve.
        reserved_from_cost,
        /// What of contributions went to the reserve.
        diverted,
        /// What came out of the reserve when the jackpot was closed.
        closed_from_reserve,
        /// What stakes gave, less what went back with them, as far as the pool was told.
        contributed,
        /// What credits that name it were paid of it, as far as the pool was told.
        drawn,
        /// What other jackpots sent, as far as the pool was told.
        received,
        /// What went to other jackpots.
        sent,
        /// What was awarded.
        awarded,
        /// What of that is in the pool again, because the player's ledger refused it for good.
        refused,
    }
}

impl PoolSums {
    /// What the pool holds; `None` beyond 128 bits.
    pub fn held(&self) -> Option<Total> {
        let gave = [
            self.seeded_from_reserve,
            self.closed_from_reserve,
            self.contributed,
            self.received,
            self.refused,
        ];
        let took = [self.diverted, self.drawn, self.sent, self.awarded];
        let sum = gave.into_iter().try_fold(self.seeded_from_cost, Total::plus)?;
        took.into_iter().try_fold(sum, Total::minus)
    }

    /// What is set aside for later seeds; `None` beyond 128 bits.
    pub fn reserve(&self) -> Option<Total> {
        let sum = self.reserved_from_cost.plus(self.diverted)?;
        sum.minus(self.seeded_from_reserve)?.minus(self.closed_from_reserve)
    }
}

sums! {
    /// What a pool learnt from one origin, in one currency.
    SweptSums {
        /// What was given, less what went back.
        contributed,
        /// What credits that name it were paid of it.
        drawn,
    }
}

sums! {
    /// What entries of all partitions moved, in one currency: credits of `jackpot:liability` less debits, and the same of the
    /// reserve.
    BookedSums {
        /// Entries of the pool itself.
        own,
        /// Entries of other pools: what they sent.
        others,
        /// Entries of players that stakes came with: given, less what went back.
        contributed,
        /// Credits to players that name the jackpot.
        drawn,
        /// Awards that were paid to players.
        paid,
        /// The reserve for later seeds.
        reserve,
    }
}

impl BookedSums {
    /// The balance of the account `jackpot:liability`; `None` beyond 128 bits.
    pub fn liability(&self) -> Option<Total> {
        self.own.plus(self.others)?.plus(self.contributed)?.minus(self.drawn)?.minus(self.paid)
    }
}

/// I15 of a jackpot in one currency: what is owed is what the pool holds, what was awarded and not paid yet, what was booked and
/// not swept yet, and what another jackpot sent and did not tell yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JackpotProof {
    /// The currency.
    pub currency: CurrencyCode,
    /// The balance of the account `jackpot:liability`.
    pub liability: Total,
    /// What the pool holds, by its own events.
    pub held: Total,
    /// What was awarded and not paid yet.
    pub unpaid: Total,
    /// What was booked with players and not swept yet. Below zero where the view knows the sweep and not yet what was swept.
    pub unswept: Total,
    /// What other pools sent and did not tell yet.
    pub untold: Total,
    /// The balance of the account `jackpot:seed_reserve`.
    pub reserve: Total,
    /// The same by the pool's own events.
    pub reserve_by_events: Total,
}

impl JackpotProof {
    /// `None` beyond 128 bits.
    pub(super) fn of(currency: CurrencyCode, pool: &PoolSums, booked: &BookedSums) -> Option<Self> {
        let swept = pool.contributed.minus(pool.drawn)?;
        Some(Self {
            currency,
            liability: booked.liability()?,
            held: pool.held()?,
            unpaid: pool.awarded.minus(pool.refused)?.minus(booked.paid)?,
            unswept: booked.contributed.minus(booked.drawn)?.minus(swept)?,
            untold: booked.others.minus(pool.received)?,
            reserve: booked.reserve,
            reserve_by_events: pool.reserve()?,
        })
    }

    /// Whether both sides are the same, of the pool and of its reserve.
    pub fn adds_up(&self) -> bool {
        let parts = [self.unpaid, self.unswept, self.untold];
        let sum = parts.into_iter().try_fold(self.held, Total::plus);
        sum == Some(self.liability) && self.reserve == self.reserve_by_events
    }
}
