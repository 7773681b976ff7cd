//! The events, one struct per stored shape. A shape that has been released is never edited: a new version
//! gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::entry::Entry;
use crate::ids::{
    Authorisation, BrandId, GameId, JurisdictionId, OperatorId, Reason, RoundId, SourceId, SubAccount,
    TransactionId,
};
use crate::key::{Fingerprint, OperationKind};
use crate::money::{Amount, Currency, CurrencyCode};
use crate::rejection::Rejection;

macro_rules! shape {
    ($(#[$doc:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $vis struct $name { $($body)* }
    };
}

macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($body:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        $vis enum $name { $($body)* }
    };
}

shape! {
    /// The balances of one purse after a movement.
    pub struct PurseBalance {
        /// The currency.
        pub currency: CurrencyCode,
        /// `player:cash`.
        pub cash: Amount,
        /// `player:held`, over all rounds.
        pub held: Amount,
        /// `player:withdrawal_pending`, over all withdrawals; absent when zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pending: Option<Amount>,
        /// `receivable:player`; absent when zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub receivable: Option<Amount>,
    }
}

impl PurseBalance {
    /// What the player can bet: cash less receivable. Below zero when he owes more than he has.
    pub fn available(&self) -> Amount {
        // Both are bounded by 96 bits and not negative, so the difference always is an amount.
        self.receivable.and_then(|owed| self.cash.checked_sub(owed).ok()).unwrap_or(self.cash)
    }
}

shape! {
    /// From which funds an amount comes or to which it goes. Bonus shares join with the bonus events.
    pub struct Split {
        /// The cash share.
        pub cash: Amount,
    }
}

shape! {
    /// An operation as its sender names it.
    pub struct TransactionRef {
        /// Who sent it.
        pub source: SourceId,
        /// What it does.
        pub kind: OperationKind,
        /// Its id.
        pub id: TransactionId,
    }
}

shape! {
    /// `player.opened` 1: a player exists from here on.
    pub struct PlayerOpened {
        /// The operator.
        pub operator: OperatorId,
        /// The brand.
        pub brand: BrandId,
        /// The jurisdiction whose rules hold.
        pub jurisdiction: JurisdictionId,
        /// The time zone of his periods, as in the IANA database.
        pub zone: String,
        /// Real or test, for ever.
        pub kind: AccountKind,
        /// His purses.
        pub currencies: Vec<Currency>,
    }
}

shape! {
    /// `txn.rejected` 1: an operation was refused.
    pub struct TxnRejected {
        /// The operation.
        pub txn: TransactionRef,
        /// Why.
        pub rejection: Rejection,
        /// Its fingerprint, where its key was not consumed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub print: Option<Fingerprint>,
    }
}

shape! {
    /// `txn.tombstoned` 1: a rollback came for something never seen; it must not come later.
    pub struct TxnTombstoned {
        /// The rollback.
        pub txn: TransactionRef,
        /// The id that is dead from now on, whatever its kind.
        pub target: TransactionId,
    }
}

words! {
    /// Why an operation was accepted without doing anything.
    pub enum Note {
        /// The round to close does not exist.
        RoundUnknown,
        /// The round is no longer open.
        RoundNotOpen,
        /// A credit of zero.
        ZeroCredit,
    }
}

shape! {
    /// `txn.noted` 1: an operation was accepted; there was nothing to do.
    pub struct TxnNoted {
        /// The operation.
        pub txn: TransactionRef,
        /// Why nothing was done.
        pub note: Note,
    }
}

shape! {
    /// `negative_balance.raised` 1: the player owes money (GLI-19 2.8.8(n)(v)).
    pub struct NegativeBalanceRaised {
        /// The entry that made it so.
        pub entry: u64,
        /// The currency.
        pub currency: CurrencyCode,
        /// What he owes now.
        pub receivable: Amount,
    }
}

shape! {
    /// `entry.posted` 1: money moved. The wallet's stream is the player's complete statement; the entry's
    /// id is the player and this event's version.
    pub struct EntryPosted {
        /// The balanced postings.
        pub entry: Entry,
        /// The purses it touched, as they are after it.
        pub after: Vec<PurseBalance>,
    }
}

shape! {
    /// `cashier.deposit.succeeded` 1: a payment provider captured a deposit.
    pub struct DepositSucceeded {
        /// The currency.
        pub currency: CurrencyCode,
        /// What was captured.
        pub amount: Amount,
        /// The authorisation number (GLI-19 2.5.6(c)), if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `bet.placed` 1.
    pub struct BetPlaced {
        /// The bet.
        pub bet: TransactionId,
        /// The game.
        pub game: GameId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The stake.
        pub stake: Amount,
        /// From which funds.
        pub split: Split,
        /// The entry; absent for a stake of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `win.credited` 1: a win that does not end its bet.
    pub struct WinCredited {
        /// The win.
        pub win: TransactionId,
        /// The bet it answers; without one it answers all bets placed before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bet: Option<TransactionId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The win, possibly zero.
        pub amount: Amount,
        /// To which funds.
        pub split: Split,
        /// The entry; absent for a win of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `bet.settled` 1: bets came to their end, with a win or without.
    pub struct BetSettled {
        /// The settling operation: a win, or the close of the round.
        pub txn: TransactionId,
        /// The bets that are settled by it.
        pub bets: Vec<TransactionId>,
        /// The bet the win answers, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bet: Option<TransactionId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// Their stakes, taken for good.
        pub stake: Amount,
        /// The win paid with it; zero if lost.
        pub win: Amount,
        /// To which funds the win goes.
        pub split: Split,
        /// Whether a win operation did it (so that the win can be rolled back), or a close.
        pub by: SettledBy,
        /// The entry; absent if neither stake nor win is above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

words! {
    /// What settled bets.
    pub enum SettledBy {
        /// A win, possibly of zero.
        Win,
        /// The close of the round: what is still open is lost.
        Close,
    }
}

words! {
    /// Why a round closed.
    pub enum CloseReason {
        /// A win said so.
        Win,
        /// The end of the round was announced.
        Close,
        /// Every bet came to its end by itself.
        AllSettled,
    }
}

shape! {
    /// `round.closed` 1: no bets and no wins from here on.
    pub struct RoundClosed {
        /// The operation that closed it.
        pub txn: TransactionId,
        /// Why.
        pub reason: CloseReason,
    }
}

shape! {
    /// `bet.rolled_back` 1: a bet was undone by its source.
    pub struct BetRolledBack {
        /// The rollback.
        pub txn: TransactionId,
        /// The bet.
        pub bet: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The stake that went back.
        pub stake: Amount,
        /// To which funds: those it came from.
        pub split: Split,
        /// The entry; absent for a stake of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `bet.voided` 1: a bet was called off (void, push).
    pub struct BetVoided {
        /// The voiding operation.
        pub txn: TransactionRef,
        /// The bet.
        pub bet: TransactionId,
        /// Why, in the words of who did it.
        pub reason: Reason,
        /// The currency.
        pub currency: CurrencyCode,
        /// The stake that went back.
        pub stake: Amount,
        /// To which funds: those it came from.
        pub split: Split,
        /// The entry; absent for a stake of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `round.voided` 1: a whole round was called off; bets that come later are refused.
    pub struct RoundVoided {
        /// The voiding operation.
        pub txn: TransactionRef,
        /// Why, in the words of who did it.
        pub reason: Reason,
        /// The bets whose stakes went back.
        pub bets: Vec<TransactionId>,
        /// The entry; absent if no stake was above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// From where the money of a rolled-back win was taken.
    pub struct Recovery {
        /// From cash.
        pub cash: Amount,
        /// Added to what the player owes.
        pub receivable: Amount,
        /// Written off.
        pub written_off: Amount,
    }
}

shape! {
    /// `win.rolled_back` 1: a win was undone by its source.
    pub struct WinRolledBack {
        /// The rollback.
        pub txn: TransactionId,
        /// The win.
        pub win: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The win.
        pub amount: Amount,
        /// From where it was taken.
        pub recovery: Recovery,
        /// The entry; absent for a win of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `win.retained` 1: a win should have been undone, but the player had spent it and keeps it by policy.
    pub struct WinRetained {
        /// The rollback.
        pub txn: TransactionId,
        /// The win.
        pub win: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The win.
        pub amount: Amount,
    }
}

words! {
    /// What a bet came to.
    pub enum BetStatus {
        /// Its stake is held.
        Open,
        /// Its stake is taken.
        Settled,
        /// Undone by its source.
        RolledBack,
        /// Called off.
        Voided,
    }
}

words! {
    /// What a win came to.
    pub enum WinStatus {
        /// Paid.
        Paid,
        /// Undone by its source.
        RolledBack,
        /// Should have been undone; the player keeps it by policy.
        Retained,
    }
}

words! {
    /// What a round came to.
    pub enum RoundStatus {
        /// Bets and wins may come.
        Open,
        /// Over.
        Closed,
        /// Every bet of it was undone or called off; a new bet opens it again.
        Void,
        /// Called off as a whole; nothing may come.
        Cancelled,
    }
}

shape! {
    /// A bet of a round.
    pub struct Bet {
        /// The bet.
        pub id: TransactionId,
        /// Its game.
        pub game: GameId,
        /// Its stake.
        pub stake: Amount,
        /// From which funds.
        pub split: Split,
        /// What it came to.
        pub status: BetStatus,
        /// The version of its event in the round's stream.
        pub version: u64,
    }
}

shape! {
    /// A win of a round.
    pub struct Win {
        /// The win.
        pub id: TransactionId,
        /// The bet it answers; without one it answers all bets placed before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bet: Option<TransactionId>,
        /// The win.
        pub amount: Amount,
        /// What it came to.
        pub status: WinStatus,
        /// The version of its event in the round's stream.
        pub version: u64,
    }
}

shape! {
    /// A round of one player: what its stream amounts to.
    pub struct Round {
        /// Its source.
        pub source: SourceId,
        /// Its id.
        pub id: RoundId,
        /// Its currency, once a bet came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub currency: Option<CurrencyCode>,
        /// What it came to.
        pub status: RoundStatus,
        /// The version of its last event.
        pub version: u64,
        /// Its bets, in order.
        pub bets: Vec<Bet>,
        /// Its wins, in order.
        pub wins: Vec<Win>,
    }
}

words! {
    /// Why a round that was over is live again.
    pub enum ReopenReason {
        /// A bet came after all earlier ones were undone.
        Bet,
        /// A win of it was rolled back.
        WinRollback,
    }
}

shape! {
    /// `round.reopened` 1: a round that was over is live again, as it stood.
    pub struct RoundReopened {
        /// Why.
        pub reason: ReopenReason,
        /// The round as it stood, before this event.
        pub round: Round,
    }
}

words! {
    /// What a credit without a stake is for, which tells who bears it.
    pub enum CreditKind {
        /// A promotion the game provider pays for: his debt.
        ProviderPromo,
        /// The cash win of a free round: a cost of the house.
        FreeRound,
        /// Cashback: a cost of the house.
        Cashback,
        /// A local jackpot: from its pool.
        LocalJackpot,
        /// A network jackpot: the provider's debt.
        NetworkJackpot,
    }
}

shape! {
    /// `credit.granted` 1: money for the player that no stake earned.
    pub struct CreditGranted {
        /// The credit.
        pub credit: TransactionRef,
        /// What for.
        pub reason: CreditKind,
        /// The campaign, jackpot or provider that bears it.
        pub of: SubAccount,
        /// The round it is linked to, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub round: Option<RoundId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The credit.
        pub amount: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `currency.registered` 1: a currency's first use fixes its scale and maximum for ever.
    pub struct CurrencyRegistered {
        /// The currency.
        pub currency: Currency,
    }
}
