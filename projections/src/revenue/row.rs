//! What gaming revenue is made of, and the figures that are made of it.

use ledger_core::{AccountKind, BrandId, CurrencyCode, Day, GameId, JurisdictionId, OperatorId, SourceId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::total::Total;

/// By what sums are broken down, besides kind and currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of a report, asked for or not")]
pub struct Breakdown {
    /// By day.
    pub day: bool,
    /// By operator.
    pub operator: bool,
    /// By brand.
    pub brand: bool,
    /// By jurisdiction.
    pub jurisdiction: bool,
    /// By game or payment provider.
    pub source: bool,
    /// By game.
    pub game: bool,
}

impl Breakdown {
    /// By nothing.
    pub const NONE: Self =
        Self { day: false, operator: false, brand: false, jurisdiction: false, source: false, game: false };

    /// By everything.
    pub const ALL: Self =
        Self { day: true, operator: true, brand: true, jurisdiction: true, source: true, game: true };
}

/// What sums are of. A part is absent if it was not asked for, or if what was booked has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevenueKey {
    /// The day, in the view's zone.
    pub day: Option<Day>,
    /// Real or test.
    pub kind: AccountKind,
    /// The operator.
    pub operator: Option<OperatorId>,
    /// The brand.
    pub brand: Option<BrandId>,
    /// The jurisdiction.
    pub jurisdiction: Option<JurisdictionId>,
    /// The game or payment provider.
    pub source: Option<SourceId>,
    /// The game.
    pub game: Option<GameId>,
    /// The currency.
    pub currency: CurrencyCode,
}

/// The columns, each with what adds to it.
macro_rules! columns {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// What was booked, column by column.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct RevenueSums {
            /// How many bets were placed, free ones too.
            pub bets: u64,
            $($(#[doc = $doc])* #[serde(skip_serializing_if = "Total::is_zero_ref")] pub $name: Total),*
        }

        impl RevenueSums {
            /// The columns that are money, by name, in order.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The columns that are money, in order.
            pub fn columns(&self) -> Vec<(&'static str, Total)> {
                vec![$((stringify!($name), self.$name)),*]
            }

            /// Column by column; `None` beyond 128 bits.
            pub fn plus(&self, other: &Self) -> Option<Self> {
                Some(Self {
                    bets: self.bets.checked_add(other.bets)?,
                    $($name: self.$name.plus(other.$name)?),*
                })
            }
        }
    };
}

columns! {
    /// Cash staked by bets as they were placed, before any of them were called off: what a turnover by placement begins with.
    placed,
    /// Bonus credits staked by bets as they were placed.
    placed_bonus,
    /// Cash stakes of settled bets, less those that went back: `gaming:stakes`.
    stakes,
    /// Cash wins, less those taken back: `gaming:payouts`.
    payouts,
    /// Bonus stakes of settled bets: `bonus:stakes`.
    bonus_stakes,
    /// Bonus wins: `bonus:payouts`.
    bonus_payouts,
    /// Bonus credits that became cash: `bonus:cost`.
    conversions,
    /// Cash wins of free rounds: `freespin:cost`.
    free_round_wins,
    /// Cashback paid as cash: `cashback:cost`.
    cashback,
    /// What stakes gave to jackpots: `gaming:jackpot_contribution`.
    contributions,
    /// Jackpots that players won, local and network.
    jackpot_wins,
    /// Promotions that providers pay for.
    promotions,
    /// Seeds of jackpots: `jackpot:seed_cost`.
    seeds,
    /// Rake and entry fees of tournaments: `gaming:rake`.
    rake,
    /// What the house added to prize pools: `tournament:overlay`.
    overlay,
    /// Fees charged to players: `fees:income`.
    fees,
    /// Corrections by hand that the house bore: `adjustments`.
    corrections,
    /// Debts written off: `bad_debt`.
    bad_debt,
    /// Fees of payment providers, for chargebacks too: `psp:fees` and `chargeback:fees`.
    psp_fees,
    /// Losses by chargebacks: `chargeback:loss`.
    chargebacks,
    /// Fees of game providers: `provider:fees_expense`.
    provider_fees,
    /// Gaming duty: `tax:gaming_duty_expense`.
    duty,
}

/// One line of an answer.
pub type RevenueRow = (RevenueKey, RevenueSums);

impl RevenueSums {
    /// Gross gaming revenue in cash: stakes settled less payouts. `None` beyond 128 bits, as of all that follow.
    pub fn ggr_cash(&self) -> Option<Total> {
        self.stakes.minus(self.payouts)
    }

    /// Gross gaming revenue with bonus play: [`Self::ggr_cash`], and bonus stakes less bonus payouts.
    pub fn ggr_total(&self) -> Option<Total> {
        self.ggr_cash()?.plus(self.bonus_stakes)?.minus(self.bonus_payouts)
    }

    /// Gross gaming revenue as in Ontario: what became withdrawable by bonuses and free rounds counts as won, and so do
    /// contributions to jackpots; jackpots that were won do not count once more (row E54 of docs/compliance.md).
    pub fn ggr_withdrawable(&self) -> Option<Total> {
        let won = self.conversions.plus(self.free_round_wins)?.plus(self.contributions)?;
        self.ggr_cash()?.minus(won)
    }

    /// What bonuses cost: conversions, cash wins of free rounds, cashback, and what was added to prize pools. A grant
    /// costs nothing until it is one of these.
    pub fn bonus_cost(&self) -> Option<Total> {
        self.conversions.plus(self.free_round_wins)?.plus(self.cashback)?.plus(self.overlay)
    }

    /// Net gaming revenue less bonuses and jackpots: [`Self::ggr_cash`] less [`Self::bonus_cost`] and contributions.
    pub fn ngr_after_bonuses(&self) -> Option<Total> {
        self.ggr_cash()?.minus(self.bonus_cost()?)?.minus(self.contributions)
    }

    /// Net gaming revenue less all costs: [`Self::ngr_after_bonuses`] less fees of payment and game providers, losses by
    /// chargebacks, and duty.
    pub fn ngr_after_costs(&self) -> Option<Total> {
        let costs = self.psp_fees.plus(self.chargebacks)?.plus(self.provider_fees)?.plus(self.duty)?;
        self.ngr_after_bonuses()?.minus(costs)
    }

    /// Actual return to player: payouts to stakes, without bonus credits and jackpots (GLI-19 2.8.3), rounded half to even
    /// at six digits. `None` if nothing was staked.
    pub fn rtp(&self) -> Option<Decimal> {
        self.payouts.ratio(self.stakes)
    }

    /// The same with what stakes gave to jackpots as won.
    pub fn rtp_with_contributions(&self) -> Option<Decimal> {
        self.payouts.plus(self.contributions)?.ratio(self.stakes)
    }

    /// The same with the jackpots that were won.
    pub fn rtp_with_jackpots(&self) -> Option<Decimal> {
        self.payouts.plus(self.jackpot_wins)?.ratio(self.stakes)
    }

    /// How far the actual return is from the one the game promises, such as `0.96`: above zero if players got more. The
    /// library has no table of these: they are of the games' certificates.
    pub fn rtp_deviation(&self, theoretical: Decimal) -> Option<Decimal> {
        self.rtp()?.checked_sub(theoretical)
    }

    /// The part of stakes that was kept: [`Self::ggr_cash`] to stakes, rounded half to even at six digits; below zero if
    /// players won more than they staked. `None` if nothing was staked.
    pub fn hold(&self) -> Option<Decimal> {
        let kept = self.ggr_cash()?;
        if kept.units() >= 0 {
            return kept.ratio(self.stakes);
        }
        Total::default().minus(kept)?.ratio(self.stakes).map(|lost| -lost)
    }

    /// Whether nothing was booked.
    pub fn is_nothing(&self) -> bool {
        self.bets == 0 && self.columns().iter().all(|(_, sum)| sum.is_zero())
    }
}
