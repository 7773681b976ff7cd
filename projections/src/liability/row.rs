//! What the liability view holds.

use std::collections::BTreeMap;

use ledger_core::{
    AccountCode, AccountKind, BrandId, CurrencyCode, Day, GameId, OperatorId, SourceId, SubAccount, Timestamp,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::total::Total;

/// Whose sums they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiabilityKey {
    /// Real or test.
    pub kind: AccountKind,
    /// The operator.
    pub operator: Option<OperatorId>,
    /// The brand.
    pub brand: Option<BrandId>,
    /// The currency.
    pub currency: CurrencyCode,
}

/// What is owed to players.
pub type LiabilityRow = (LiabilityKey, LiabilitySums);

macro_rules! columns {
    ($($(#[doc = $doc:literal])* $name:ident = $account:ident),* $(,)?) => {
        /// Balances, each in the normal direction of its account.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct LiabilitySums {
            $($(#[doc = $doc])* #[serde(skip_serializing_if = "Total::is_zero_ref")] pub $name: Total),*
        }

        impl LiabilitySums {
            /// Column by column; `None` beyond 128 bits.
            pub fn plus(&self, other: &Self) -> Option<Self> {
                Some(Self { $($name: self.$name.plus(other.$name)?),* })
            }

            /// The column of an account; `None` if it is none of these.
            pub(super) fn column(&mut self, account: AccountCode) -> Option<&mut Total> {
                match account {
                    $(AccountCode::$account => Some(&mut self.$name),)*
                    _ => None,
                }
            }

            /// The columns, with the account each is of.
            pub fn columns(&self) -> Vec<(AccountCode, Total)> {
                vec![$((AccountCode::$account, self.$name)),*]
            }
        }
    };
}

columns! {
    /// Players' cash.
    cash = PlayerCash,
    /// Stakes of open rounds, and money that plays elsewhere.
    held = PlayerHeld,
    /// Withdrawals that wait.
    pending = WithdrawalPending,
    /// Dormant money.
    dormant = PlayerDormant,
    /// What players owe.
    receivable = PlayerReceivable,
    /// Withdrawals on their way.
    in_transit = PayoutsInTransit,
    /// Local jackpots.
    jackpots = JackpotLiability,
    /// Seeds of jackpots that are set aside.
    seeds = JackpotSeedReserve,
    /// Contributions owed to network jackpots.
    network = JackpotNetworkPayable,
    /// Prize pools of tournaments.
    tournaments = TournamentPool,
    /// Money that belongs to nobody known.
    suspense = Suspense,
    /// Bonus credits of awards: promises, no money.
    bonus = PlayerBonus,
    /// Bonus credits in open rounds.
    bonus_held = PlayerBonusHeld,
    /// Bank accounts with players' money.
    bank_players = BankPlayers,
    /// The house's own bank accounts.
    bank_operating = BankOperating,
    /// What payment providers have collected and not settled.
    psp_clearing = PspClearing,
    /// What payment providers keep as a reserve.
    psp_reserve = PspReserve,
}

impl LiabilitySums {
    /// What is owed to players as a regulator counts it (MGA): cash, held stakes, pending withdrawals, dormant money, and
    /// jackpots with what is set aside for them. What players owe is not taken off. `None` beyond 128 bits.
    pub fn owed(&self) -> Option<Total> {
        [self.held, self.pending, self.dormant, self.jackpots, self.seeds]
            .into_iter()
            .try_fold(self.cash, Total::plus)
    }

    /// The same with withdrawals on their way: what is owed until it is paid.
    pub fn owed_until_paid(&self) -> Option<Total> {
        self.owed()?.plus(self.in_transit)
    }

    /// What covers it: bank accounts with players' money, and what payment providers have collected. The house's own bank
    /// accounts and reserves are not counted.
    pub fn funds(&self) -> Option<Total> {
        self.bank_players.plus(self.psp_clearing)
    }
}

/// What is owed and what covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Real or test.
    pub kind: AccountKind,
    /// The currency.
    pub currency: CurrencyCode,
    /// [`LiabilitySums::owed`].
    pub owed: Total,
    /// [`LiabilitySums::funds`].
    pub funds: Total,
    /// The balances.
    pub sums: LiabilitySums,
}

impl Cover {
    /// What of the debt is covered, rounded half to even at six digits: 1 or more is all. `None` if nothing is owed, or the
    /// funds are below zero.
    pub fn ratio(&self) -> Option<Decimal> {
        self.funds.ratio(self.owed)
    }

    /// Whether all is covered.
    pub fn is_covered(&self) -> bool {
        self.funds.minus(self.owed).is_some_and(|rest| rest.units() >= 0)
    }
}

/// Whose held money it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldKey {
    /// Real or test.
    pub kind: AccountKind,
    /// The operator.
    pub operator: Option<OperatorId>,
    /// The brand.
    pub brand: Option<BrandId>,
    /// The provider.
    pub source: Option<SourceId>,
    /// The game.
    pub game: Option<GameId>,
    /// The currency.
    pub currency: CurrencyCode,
}

/// What is held for a game.
pub type HeldRow = (HeldKey, HeldSums);

/// What is held for a game since a day of UTC.
pub type HeldDayRow = (HeldKey, Day, HeldSums);

/// What is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSums {
    /// In how many rounds.
    pub rounds: u64,
    /// Cash.
    pub cash: Total,
    /// Bonus credits.
    pub bonus: Total,
}

impl HeldSums {
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            rounds: self.rounds.checked_add(other.rounds)?,
            cash: self.cash.plus(other.cash)?,
            bonus: self.bonus.plus(other.bonus)?,
        })
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        Some(Self {
            rounds: self.rounds.checked_sub(other.rounds)?,
            cash: self.cash.minus(other.cash)?,
            bonus: self.bonus.minus(other.bonus)?,
        })
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.cash.is_zero() && self.bonus.is_zero()
    }
}

/// What is held for one round of a player, and where it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<SourceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) game: Option<GameId>,
    pub(super) currency: CurrencyCode,
    /// Since when it holds something.
    pub(super) since: Timestamp,
    pub(super) sums: HeldSums,
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiabilityTableRow {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Balances.
    Balances(Box<LiabilitySums>),
    /// What is held for a game.
    Held(HeldSums),
    /// The rounds of a player that hold something.
    Rounds(BTreeMap<SubAccount, Round>),
}

impl LiabilityTableRow {
    pub(super) fn joined(&self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Balances(own), Self::Balances(other)) => Some(Self::Balances(Box::new(own.plus(&other)?))),
            (Self::Held(own), Self::Held(other)) => Some(Self::Held(own.plus(other)?)),
            // A player is in one shard.
            _ => None,
        }
    }
}
