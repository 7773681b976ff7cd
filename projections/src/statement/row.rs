//! What the statement holds.

use std::collections::BTreeMap;

use ledger_core::stored::{PurseBalance, TransactionRef};
use ledger_core::{
    AccountCode, AccountKind, ActorId, Amount, Authorisation, BrandId, CurrencyCode, GameId, JurisdictionId,
    OperatorId, RoundId, SourceId, SubAccount, Timestamp, TraceId,
};
use ledger_store::Position;
use serde::{Deserialize, Serialize};

use crate::total::Total;

/// A row of the statement's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementRow {
    /// Nothing.
    #[default]
    Empty,
    /// A player's opening, with his purses.
    Opened(Opened),
    /// What a player has now.
    Now(Now),
    /// An entry.
    Line(Box<StatementLine>),
    /// The last entry of a position.
    Position(LineCursor),
}

/// A player's opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub(super) kind: AccountKind,
    pub(super) at: Timestamp,
    pub(super) position: Position,
    pub(super) purses: Vec<OpenedPurse>,
}

/// A purse, and when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenedPurse {
    pub(super) currency: CurrencyCode,
    pub(super) scale: u8,
    pub(super) at: Timestamp,
    pub(super) position: Position,
}

/// What a player has now: his accounts that are not empty, and how long it is since a line had them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    pub(super) lines: u8,
    pub(super) purses: Vec<PurseBalance>,
    pub(super) accounts: Vec<Standing>,
}

/// What stands on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) account: AccountCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<SubAccount>,
    pub(super) currency: CurrencyCode,
    pub(super) balance: Amount,
}

/// A round, as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineRound {
    /// The source.
    pub source: SourceId,
    /// The round.
    pub round: RoundId,
}

/// One posting of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The account.
    pub account: AccountCode,
    /// What it is kept per.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<SubAccount>,
    /// The currency.
    pub currency: CurrencyCode,
    /// What it changes of the account, in its normal direction; below zero if that becomes less.
    pub change: Total,
}

/// An entry of a player's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// Its number in the player's statement: 1, 2, 3 ...
    pub entry: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The position of its commit.
    pub position: Position,
    /// Real or test.
    pub kind: AccountKind,
    /// The operator, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// The jurisdiction, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<JurisdictionId>,
    /// The operation; absent where a rule of the ledger moved money by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<TransactionRef>,
    /// The type of the event it came of, such as `bet.placed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The stream of that event: which deposit, withdrawal, round or award.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The round, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<LineRound>,
    /// The game, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub game: Option<GameId>,
    /// The authorisation number of a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation: Option<Authorisation>,
    /// Who sent it.
    pub actor: ActorId,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The postings, in their order.
    pub movements: Vec<Movement>,
    /// The purses it touched, as they were before it.
    pub before: Vec<PurseBalance>,
    /// The same purses after it.
    pub after: Vec<PurseBalance>,
    /// All accounts of the player that are not empty after it; only with some lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accounts: Option<Vec<Standing>>,
}

/// Where a page of a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineCursor {
    /// When the last line was recorded.
    pub at: Timestamp,
    /// Its number.
    pub entry: u64,
}

impl StatementLine {
    /// Where a page that ends with this line goes on.
    pub fn cursor(&self) -> LineCursor {
        LineCursor { at: self.at, entry: self.entry }
    }
}

/// What moved a player's money, as a statement for him or an authority tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Money in by a payment provider, or out of suspense.
    Deposit,
    /// Deposits that went back to their payer, were charged back, or went to suspense.
    DepositReturned,
    /// Withdrawals that were sent: until then they are the player's.
    Withdrawal,
    /// Withdrawals that were not paid, or came back.
    WithdrawalReturned,
    /// Stakes of settled bets.
    Stake,
    /// Stakes of settled bets that went back.
    StakeReturned,
    /// Wins.
    Win,
    /// Wins that were taken back.
    WinTakenBack,
    /// Bonuses that became cash, cash wins of free rounds, cashback.
    Bonus,
    /// Jackpots and promotions of providers.
    Jackpot,
    /// Entries to tournaments, and prizes.
    Tournament,
    /// Tips.
    Tip,
    /// Fees.
    Fee,
    /// Tax that was withheld, or came back.
    Tax,
    /// Corrections by hand, and debts that were written off.
    Correction,
    /// Exchange.
    Exchange,
    /// Accounts of the host.
    Host,
    /// Anything else.
    Other,
}

/// The categories of what a player gets from an account of the house, and of what he gives to it.
///
/// Accounts with the same two belong together: what moves between them within an entry moves nothing of the player's,
/// such as the fee of a chargeback, or a jackpot's share of a stake.
pub fn categories(account: AccountCode) -> (Category, Category) {
    use AccountCode::{
        Adjustments, BadDebt, BankOperating, BankPlayers, BonusCost, CashbackCost, ChargebackFees,
        ChargebackLoss, FeesIncome, FreeSpinCost, FxGainLoss, FxPosition, GamingPayouts, GamingStakes,
        HostAsset, HostExpense, HostIncome, HostLiability, JackpotContribution, JackpotLiability,
        JackpotNetworkPayable, JackpotSeedCost, JackpotSeedReserve, PayoutsInTransit, ProviderReceivable,
        PspClearing, PspFees, PspReserve, Rake, Rounding, Suspense, TaxWithheld, TipsPayable,
        TournamentOverlay, TournamentPool,
    };
    let both = |category: Category| (category, category);
    match account {
        PspClearing | PspReserve | PspFees | ChargebackFees | ChargebackLoss | Suspense | BankOperating
        | BankPlayers => (Category::Deposit, Category::DepositReturned),
        PayoutsInTransit => (Category::WithdrawalReturned, Category::Withdrawal),
        GamingStakes => (Category::StakeReturned, Category::Stake),
        GamingPayouts => (Category::Win, Category::WinTakenBack),
        BonusCost | FreeSpinCost | CashbackCost => both(Category::Bonus),
        JackpotContribution
        | JackpotLiability
        | JackpotNetworkPayable
        | JackpotSeedCost
        | JackpotSeedReserve
        | ProviderReceivable => both(Category::Jackpot),
        TournamentPool | TournamentOverlay | Rake => both(Category::Tournament),
        TipsPayable => both(Category::Tip),
        FeesIncome => both(Category::Fee),
        TaxWithheld => both(Category::Tax),
        Adjustments | BadDebt => both(Category::Correction),
        FxPosition | FxGainLoss | Rounding => both(Category::Exchange),
        HostAsset | HostLiability | HostIncome | HostExpense => both(Category::Host),
        _ => both(Category::Other),
    }
}

/// What a player's money in one currency did in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The currency.
    pub currency: CurrencyCode,
    /// What he had before it: cash, held stakes, pending withdrawals and dormant money, less what he owed.
    pub opening: Total,
    /// What he got of each category, below zero for what he gave. Movements between his own accounts are none.
    pub movements: BTreeMap<Category, Total>,
    /// What of `opening` was held for open rounds.
    pub opening_held: Total,
    /// What he had after it.
    pub closing: Total,
    /// What of `closing` was held for open rounds.
    pub closing_held: Total,
}

impl SummaryRow {
    /// What he got of a category.
    pub fn of(&self, category: Category) -> Total {
        self.movements.get(&category).copied().unwrap_or_default()
    }

    /// What he staked in the period, settled or not, less what went back: the stakes as an authority counts them that
    /// looks at the placing of bets. `None` beyond 128 bits.
    pub fn staked(&self) -> Option<Total> {
        let settled =
            Total::default().minus(self.of(Category::Stake))?.minus(self.of(Category::StakeReturned))?;
        settled.plus(self.closing_held)?.minus(self.opening_held)
    }

    /// Whether what he had before it and all movements are what he had after it.
    pub fn adds_up(&self) -> bool {
        let sum = self.movements.values().try_fold(self.opening, |sum, change| sum.plus(*change));
        sum == Some(self.closing)
    }
}

/// What a player's money did in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Real or test.
    pub kind: AccountKind,
    /// Per currency, in order.
    pub rows: Vec<SummaryRow>,
    /// How many entries it adds up.
    pub entries: usize,
}
