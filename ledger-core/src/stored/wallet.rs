//! The event of the wallet, and the amounts that others share with it. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::bonus::BonusAfter;
use super::bonus::BonusShare;
use super::shapes::shape;
use crate::entry::Entry;
use crate::money::Amount;
use crate::money::CurrencyCode;

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
        /// `player:dormant`; absent when zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub dormant: Option<Amount>,
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
    /// From which funds an amount comes or to which it goes.
    pub struct Split {
        /// The cash share.
        pub cash: Amount,
        /// What of a stake is owed, because it was more than there was and its source may do so; absent if nothing is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub owed: Option<Amount>,
        /// The shares of bonus awards; absent if there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bonus: Vec<BonusShare>,
        /// What would go to awards that have ended, and is forfeited; absent if there is none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forfeited: Vec<BonusShare>,
    }
}

impl Split {
    /// All of it in cash.
    pub fn cash(amount: Amount) -> Self {
        Self { cash: amount, owed: None, bonus: Vec::new(), forfeited: Vec::new() }
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
        /// The lots of unplayed money that it changed, as they are after it; absent where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub lots: Vec<LotAfter>,
        /// The bonus awards whose credits it moved, as they are after it; absent where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bonus: Vec<BonusAfter>,
    }
}

shape! {
    /// A lot of cash after an entry: what of one deposit has not been played.
    #[derive(Copy)]
    pub struct LotAfter {
        /// The lot: the number of the entry that brought it.
        pub lot: u64,
        /// The currency.
        pub currency: CurrencyCode,
        /// What of it is not played; zero if nothing is left.
        pub unplayed: Amount,
    }
}

shape! {
    /// What of an amount is the unplayed money of one lot.
    #[derive(Copy)]
    pub struct LotShare {
        /// The lot: the number of the entry that brought it.
        pub lot: u64,
        /// How much.
        pub amount: Amount,
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
    /// `negative_balance.cleared` 1: the player owes nothing any more.
    pub struct NegativeBalanceCleared {
        /// The entry that made it so.
        pub entry: u64,
        /// The currency.
        pub currency: CurrencyCode,
    }
}

shape! {
    /// From where money was taken that is taken back: of a win, of a deposit.
    pub struct Recovery {
        /// From cash.
        pub cash: Amount,
        /// Added to what the player owes.
        pub receivable: Amount,
        /// Written off.
        pub written_off: Amount,
    }
}
