//! The chart of accounts (docs/chart-of-accounts.md): every account has one code, one class and one book.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::SubAccount;
use crate::money::{Currency, CurrencyCode, fine_scale};

/// The two books that never mix: money, and bonus credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// Money.
    Cash,
    /// Bonus credits: promises, not money.
    Bonus,
}

/// Whether a player's play is real, or a test that no report counts (GLI-19 A.2.5). Fixed at opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Real money.
    Real,
    /// A test account: same postings, its own accounts.
    Test,
}

/// The class of an account, which tells its normal balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountClass {
    /// Debit-normal: what others owe the house.
    Asset,
    /// Credit-normal: what the house owes.
    Liability,
    /// Credit-normal: what the house earned.
    Income,
    /// Debit-normal: reduces income.
    ContraIncome,
    /// Debit-normal: what the house spent.
    Expense,
    /// Debit-normal in the bonus book: credits issued or paid out.
    BonusSource,
    /// Credit-normal in the bonus book: credits used up, taken back or converted.
    BonusSink,
}

/// The side of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Debit.
    Debit,
    /// Credit.
    Credit,
}

impl AccountClass {
    /// The side on which accounts of this class grow.
    pub fn normal_side(self) -> Side {
        match self {
            Self::Asset | Self::ContraIncome | Self::Expense | Self::BonusSource => Side::Debit,
            Self::Liability | Self::Income | Self::BonusSink => Side::Credit,
        }
    }
}

macro_rules! chart {
    ($($variant:ident = $code:literal $name:literal $class:ident $book:ident $per:literal $player:literal: $doc:literal),* $(,)?) => {
        /// A code of the chart of accounts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum AccountCode {
            $(#[doc = concat!($doc, " (", $code, ")")] $variant),*
        }

        impl AccountCode {
            /// The whole chart, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The short code, such as `L10`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The name, such as `player:cash`; this is what is stored.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The class.
            pub fn class(self) -> AccountClass {
                match self { $(Self::$variant => AccountClass::$class),* }
            }

            /// The one book the account stands in.
            pub fn book(self) -> Book {
                match self { $(Self::$variant => Book::$book),* }
            }

            /// What the account is kept per (besides player and currency), if anything.
            pub fn per(self) -> Option<&'static str> {
                let per = match self { $(Self::$variant => $per),* };
                if per.is_empty() { None } else { Some(per) }
            }

            /// Whether the account belongs to a player; the others belong to the house.
            pub fn is_player(self) -> bool {
                match self { $(Self::$variant => $player),* }
            }
        }

        impl FromStr for AccountCode {
            type Err = AccountNameError;
            fn from_str(text: &str) -> Result<Self, AccountNameError> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(AccountNameError { name: text.chars().take(64).collect() }),
                }
            }
        }
    };
}

impl AccountCode {
    /// Whether one partition of the house alone posts to an account of this code and sub-account, so that it knows
    /// the balance: it is part of its state and never below zero.
    pub fn is_kept(self) -> bool {
        matches!(
            self,
            Self::PspReserve
                | Self::JackpotSeedReserve
                | Self::GamingDuty
                | Self::ProviderFeesPayable
                | Self::ChargebackLoss
        )
    }

    /// Whether a journal may post to the account. Not so where a player, an item in suspense, a withdrawal, a
    /// pool or a kept balance stands behind it: there the commands that keep these together are the only door. Nor in the bonus
    /// book, whose accounts add up to what players hold of it.
    pub fn is_free(self) -> bool {
        let has_items = matches!(
            self,
            Self::Suspense | Self::PayoutsInTransit | Self::JackpotLiability | Self::TournamentPool
        );
        !self.is_player() && !self.is_kept() && !has_items && self.book() == Book::Cash
    }

    /// Whether the account holds fractions of a currency's smallest unit: exchange and what rounding leaves
    /// over, and what jackpots accrue (P33 to P36, P39 and P40 in docs/scenarios.md).
    pub(crate) fn is_fine(self) -> bool {
        matches!(
            self,
            Self::FxPosition
                | Self::Rounding
                | Self::JackpotLiability
                | Self::JackpotSeedReserve
                | Self::JackpotNetworkPayable
                | Self::JackpotContribution
                | Self::JackpotSeedCost
        )
    }

    /// The scale of every posting on this account in a currency: the currency's own, or for the few accounts that
    /// hold fractions of its smallest unit [`crate::FINE_DIGITS`] more, at most [`crate::SCALE_MAX`].
    ///
    /// ```
    /// use ledger_core::{AccountCode, CurrencyCode, CurrencyRegistry};
    /// let registry = CurrencyRegistry::standard();
    /// let euro = registry.get(CurrencyCode::new("EUR")?).expect("a standard currency");
    /// assert_eq!((AccountCode::PlayerCash.scale(euro), AccountCode::FxPosition.scale(euro)), (2, 6));
    /// # Ok::<(), ledger_core::CurrencyCodeError>(())
    /// ```
    pub fn scale(self, currency: &Currency) -> u8 {
        self.scale_at(currency.scale())
    }

    /// [`Self::scale`] by the currency's scale.
    pub(crate) fn scale_at(self, scale: u8) -> u8 {
        if self.is_fine() { fine_scale(scale) } else { scale }
    }
}

/// A name that is not in the chart of accounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not an account of the chart")]
pub struct AccountNameError {
    name: String,
}

chart! {
    PspClearing = "A10" "psp:clearing" Asset Cash "psp" false: "Money a payment provider collected and has not settled yet",
    BankOperating = "A11" "bank:operating" Asset Cash "account" false: "The house's own bank accounts",
    BankPlayers = "A12" "bank:players" Asset Cash "account" false: "Bank accounts that hold players' money",
    ProviderReceivable = "A20" "receivable:provider" Asset Cash "provider" false: "What a game provider owes the house",
    PlayerReceivable = "A30" "receivable:player" Asset Cash "" true: "What the player owes: a shortfall, kept off his cash",
    PspReserve = "A31" "receivable:psp_reserve" Asset Cash "psp" false: "A payment provider's rolling reserve",
    FxPosition = "A40" "fx:position" Asset Cash "" false: "The house's position in a currency",
    PlayerCash = "L10" "player:cash" Liability Cash "" true: "The player's cash",
    PlayerHeld = "L11" "player:held" Liability Cash "round" true: "The player's stakes in an open round",
    WithdrawalPending = "L12" "player:withdrawal_pending" Liability Cash "withdrawal" true: "Requested withdrawals",
    PayoutsInTransit = "L13" "payouts:in_transit" Liability Cash "psp" false: "Withdrawals on their way",
    JackpotLiability = "L20" "jackpot:liability" Liability Cash "jackpot" false: "A local jackpot's pool",
    JackpotSeedReserve = "L21" "jackpot:seed_reserve" Liability Cash "jackpot" false: "Seeds set aside",
    JackpotNetworkPayable = "L22" "jackpot:network_payable" Liability Cash "provider" false: "Contributions owed to a network jackpot",
    TournamentPool = "L30" "tournament:pool" Liability Cash "tournament" false: "A tournament's pool",
    TipsPayable = "L31" "tips:payable" Liability Cash "provider" false: "Tips owed to a provider's dealers",
    TaxWithheld = "L40" "tax:withheld_player" Liability Cash "jurisdiction" false: "Tax withheld from players",
    GamingDuty = "L41" "tax:gaming_duty" Liability Cash "jurisdiction" false: "Gaming duty owed",
    ProviderFeesPayable = "L50" "provider:fees_payable" Liability Cash "provider" false: "Fees owed to a game provider",
    Suspense = "L60" "suspense:unmatched_psp" Liability Cash "psp" false: "Money in that belongs to nobody known",
    PlayerDormant = "L70" "player:dormant" Liability Cash "" true: "The cash of a dormant player",
    GamingStakes = "R10" "gaming:stakes" Income Cash "game" false: "Stakes of settled bets",
    GamingPayouts = "R11" "gaming:payouts" ContraIncome Cash "game" false: "Wins paid",
    JackpotContribution = "R12" "gaming:jackpot_contribution" ContraIncome Cash "jackpot" false: "Contributions to jackpots",
    Rake = "R13" "gaming:rake" Income Cash "tournament" false: "Rake and entry fees",
    FeesIncome = "R20" "fees:income" Income Cash "kind" false: "Fees charged to players",
    FxGainLoss = "R21" "fx:gain_loss" Income Cash "" false: "Gains and losses of exchange",
    Rounding = "R22" "rounding" Income Cash "" false: "Residues of conversions",
    BonusCost = "X10" "bonus:cost" Expense Cash "campaign" false: "Bonus converted to cash; only ever with bonus:converted",
    FreeSpinCost = "X11" "freespin:cost" Expense Cash "campaign" false: "Cash wins of free rounds",
    CashbackCost = "X12" "cashback:cost" Expense Cash "campaign" false: "Cashback paid as cash",
    TournamentOverlay = "X13" "tournament:overlay" Expense Cash "" false: "What the house adds to a prize pool",
    JackpotSeedCost = "X14" "jackpot:seed_cost" Expense Cash "jackpot" false: "Seeds of jackpots",
    PspFees = "X20" "psp:fees" Expense Cash "psp" false: "Fees of payment providers",
    ChargebackLoss = "X21" "chargeback:loss" Expense Cash "psp" false: "Losses by chargebacks",
    ChargebackFees = "X22" "chargeback:fees" Expense Cash "psp" false: "Fees for chargebacks",
    BadDebt = "X23" "bad_debt" Expense Cash "" false: "Shortfalls written off",
    Adjustments = "X30" "adjustments" Expense Cash "reason" false: "Corrections by hand",
    GamingDutyExpense = "X40" "tax:gaming_duty_expense" Expense Cash "jurisdiction" false: "Gaming duty",
    ProviderFeesExpense = "X41" "provider:fees_expense" Expense Cash "provider" false: "Fees of game providers",
    PlayerBonus = "B10" "player:bonus" BonusSink Bonus "award" true: "The player's bonus credits of an award",
    PlayerBonusHeld = "B11" "player:bonus_held" BonusSink Bonus "round_award" true: "Bonus credits staked in an open round",
    BonusIssued = "B20" "bonus:issued" BonusSource Bonus "campaign" false: "Bonus credits issued",
    BonusStakes = "B21" "bonus:stakes" BonusSink Bonus "game" false: "Bonus stakes of settled bets",
    BonusPayouts = "B22" "bonus:payouts" BonusSource Bonus "game" false: "Bonus wins",
    BonusForfeited = "B23" "bonus:forfeited" BonusSink Bonus "campaign" false: "Bonus credits forfeited",
    BonusExpired = "B24" "bonus:expired" BonusSink Bonus "campaign" false: "Bonus credits expired",
    BonusConverted = "B25" "bonus:converted" BonusSink Bonus "campaign" false: "Bonus credits converted to cash; only ever with bonus:cost",
    HostAsset = "H10" "host:asset" Asset Cash "account" false: "The host's own: what others owe",
    HostLiability = "H20" "host:liability" Liability Cash "account" false: "The host's own: what it owes",
    HostIncome = "H30" "host:income" Income Cash "account" false: "The host's own: what it earned",
    HostExpense = "H40" "host:expense" Expense Cash "account" false: "The host's own: what it spent",
}

impl fmt::Display for AccountCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for AccountCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AccountCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::text::BorrowedText::deserialize(deserializer)?;
        text.0.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for AccountCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AccountCode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = Self::ALL.iter().map(|code| code.name()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// One account of the ledger: real or test, a code, what it is kept per, and a currency. Accounts of a
/// player are told apart by the partition they stand in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// Real or test.
    pub kind: AccountKind,
    /// The code.
    pub code: AccountCode,
    /// What it is kept per, where the chart says so.
    pub of: Option<SubAccount>,
    /// The currency.
    pub currency: CurrencyCode,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            AccountKind::Real => "real",
            AccountKind::Test => "test",
        };
        write!(f, "{kind} {} {}", self.code, self.currency)?;
        self.of.iter().try_for_each(|of| write!(f, " {of}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_chart_is_the_one_of_the_domain() {
        assert_eq!(AccountCode::ALL.len(), 52);
        let codes: BTreeSet<_> = AccountCode::ALL.iter().map(|a| a.code()).collect();
        let names: BTreeSet<_> = AccountCode::ALL.iter().map(|a| a.name()).collect();
        assert_eq!((codes.len(), names.len()), (52, 52));
        for account in AccountCode::ALL {
            assert_eq!(account.name().parse::<AccountCode>().as_ref(), Ok(account));
            assert_eq!(account.code().starts_with('B'), account.book() == Book::Bonus, "{account}");
        }
        assert!("L10".parse::<AccountCode>().is_err(), "names are stored, not codes");
    }

    /// The cells of the rows of a Markdown table whose first cell is an account's code.
    fn chart_rows(page: &str) -> Vec<Vec<&str>> {
        let is_code = |cell: &str| match cell.as_bytes() {
            [class, a, b] => b"ALRXBH".contains(class) && a.is_ascii_digit() && b.is_ascii_digit(),
            _ => false,
        };
        page.lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
            .filter(|row| row.first().is_some_and(|cell| is_code(cell)))
            .collect()
    }

    /// `docs/chart-of-accounts.md` shows the chart as it is, row by row.
    #[test]
    fn the_chart_is_the_documented_one() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/chart-of-accounts.md"));
        let rows = chart_rows(page);
        assert_eq!(rows.len(), AccountCode::ALL.len(), "one row per account, and no other");
        for (row, account) in rows.iter().zip(AccountCode::ALL) {
            let class = match account.class() {
                AccountClass::Asset => "asset",
                AccountClass::Liability => "liability",
                AccountClass::Income => "income",
                AccountClass::ContraIncome => "contra-income",
                AccountClass::Expense => "expense",
                AccountClass::BonusSource => "bonus source",
                AccountClass::BonusSink => "bonus sink",
            };
            let side = match account.class().normal_side() {
                Side::Debit => "debit",
                Side::Credit => "credit",
            };
            let book = match account.book() {
                Book::Cash => "cash",
                Book::Bonus => "bonus",
            };
            let name = format!("`{}`", account.name());
            let player = if account.is_player() { "yes" } else { "no" };
            let per = account.per().unwrap_or("–");
            let documented = &row[..7];
            assert_eq!(documented, [account.code(), &name, class, side, book, per, player]);
        }
    }

    /// The page names the accounts that are finer than their currency, and no others.
    #[test]
    fn the_finer_accounts_are_the_documented_ones() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/chart-of-accounts.md"));
        let (_, section) = page.split_once("\n## Finer accounts\n").unwrap();
        let (_, list) = section.split_once("at most 18 digits: ").unwrap();
        let (list, _) = list.split_once(". ").unwrap();
        let fine = AccountCode::ALL.iter().filter(|account| account.is_fine());
        assert_eq!(list, fine.map(|account| account.code()).collect::<Vec<_>>().join(", "));
        assert!(AccountCode::ALL.iter().all(|account| !(account.is_fine() && account.is_player())));
    }

    #[test]
    fn an_account_has_one_scale_in_a_currency() {
        let currency = |code: &str| {
            let code = CurrencyCode::new(code).unwrap();
            *crate::money::CurrencyRegistry::standard().get(code).unwrap()
        };
        for (code, scale, fine) in
            [("JPY", 0, 4), ("EUR", 2, 6), ("KWD", 3, 7), ("BTC", 8, 12), ("SOL", 9, 13), ("ETH", 18, 18)]
        {
            for account in AccountCode::ALL {
                let expected = if account.is_fine() { fine } else { scale };
                assert_eq!(account.scale(&currency(code)), expected, "{account} in {code}");
            }
        }
        assert_eq!((fine_scale(14), fine_scale(15), fine_scale(17)), (18, 18, 18));
    }

    #[test]
    fn a_row_of_the_chart_is_told_from_other_rows() {
        let page =
            "| code | name |\n|---|---|\n| L10 | `player:cash` |\n| P01 | a movement |\nL11 | no row |\n";
        assert_eq!(chart_rows(page), [["L10", "`player:cash`"]]);
    }
}
