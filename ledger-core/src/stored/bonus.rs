//! The events of bonus awards, and the shares of awards that others have with them. A shape that has been released is
//! never edited: a new version gets a new struct and an upcaster.

use serde::{Deserialize, Serialize};

use super::deposit::PaymentRef;
use super::player::TransactionRef;
use super::shapes::shape;
use super::shapes::words;
use crate::ids::ActorId;
use crate::ids::GameType;
use crate::ids::RoundId;
use crate::ids::SourceId;
use crate::ids::SubAccount;
use crate::ids::TermsName;
use crate::ids::TransactionId;
use crate::key::ContentHash;
use crate::money::Amount;
use crate::money::CurrencyCode;
use crate::policy::BonusTerms;
use crate::time::Timestamp;

shape! {
    /// A bonus award as its source names it.
    #[derive(Hash, PartialOrd, Ord)]
    pub struct AwardRef {
        /// Who granted it.
        pub source: SourceId,
        /// Its id of the grant.
        pub id: TransactionId,
    }
}

shape! {
    /// What of an amount is bonus credits of one award.
    pub struct BonusShare {
        /// The award.
        pub award: AwardRef,
        /// The campaign that bears it.
        pub campaign: SubAccount,
        /// How much.
        pub amount: Amount,
    }
}

shape! {
    /// What a win that is taken back took of one award.
    pub struct BonusTaken {
        /// The award.
        pub award: AwardRef,
        /// The campaign that bears it.
        pub campaign: SubAccount,
        /// What the win had brought it.
        pub won: Amount,
        /// What was taken: less if the player had spent it, or the award has ended. Never from cash.
        pub taken: Amount,
        /// What the win had brought after the award's end, so that it was forfeited; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub forfeited: Option<Amount>,
    }
}

shape! {
    /// What a stake counts towards the wagering of an award.
    pub struct Counted {
        /// The award.
        pub award: AwardRef,
        /// By how much its progress rose: what is reversed with the stake.
        pub amount: Amount,
        /// The terms it was counted under.
        pub terms: ContentHash,
    }
}

shape! {
    /// The bonus credits of an award after an entry.
    pub struct BonusAfter {
        /// The award.
        pub award: AwardRef,
        /// The currency.
        pub currency: CurrencyCode,
        /// `player:bonus` of it.
        pub balance: Amount,
        /// `player:bonus_held` of it, over all rounds.
        pub held: Amount,
    }
}

shape! {
    /// What was played of one product in the period of a cashback or mission.
    pub struct CashbackLine {
        /// The product.
        pub product: GameType,
        /// What was staked.
        pub stakes: Amount,
        /// What was won.
        pub wins: Amount,
        /// How many rounds; absent if none were told.
        #[serde(default, skip_serializing_if = "crate::policy::is_default")]
        pub rounds: u32,
    }
}

shape! {
    /// What was played in the period of a cashback or mission.
    pub struct CashbackBase {
        /// Its begin.
        pub from: Timestamp,
        /// Its end.
        pub to: Timestamp,
        /// By product.
        pub lines: Vec<CashbackLine>,
        /// What bonuses brought in it: less is given back (F15).
        pub bonus_wins: Amount,
    }
}

shape! {
    /// `bonus.offered` 1: a bonus was offered. Nothing is booked before it is claimed.
    pub struct BonusOffered {
        /// The campaign that bears it.
        pub campaign: SubAccount,
        /// The name of its terms.
        pub name: TermsName,
        /// The hash of its terms.
        pub hash: ContentHash,
        /// Its terms, as they were then: they hold if it is claimed.
        pub terms: Box<BonusTerms>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The currency's digits.
        pub scale: u8,
        /// How much; absent if the terms say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub amount: Option<Amount>,
        /// Until when it can be claimed; absent if for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at: Option<Timestamp>,
    }
}

shape! {
    /// `bonus.issued` 1: a bonus was granted. It is booked now, or when its turn comes.
    pub struct BonusIssued {
        /// The campaign that bears it.
        pub campaign: SubAccount,
        /// The name of its terms.
        pub name: TermsName,
        /// The hash of its terms.
        pub hash: ContentHash,
        /// Its terms, as they were then: they hold for its whole life.
        pub terms: Box<BonusTerms>,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// What must be wagered.
        pub target: Amount,
        /// The most that one bet may stake; absent if any may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_bet: Option<Amount>,
        /// The deposit it is for, if it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub deposit: Option<PaymentRef>,
        /// What was deposited; with `deposit`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub deposited: Option<Amount>,
        /// What was played, of a cashback or mission.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cashback: Option<CashbackBase>,
        /// The award it replaces, which had ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reactivates: Option<AwardRef>,
        /// Whether it waits for an older one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub queued: bool,
        /// When it expires; absent if it never does, or waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at: Option<Timestamp>,
        /// The entry; absent if it waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `bonus.activated` 1: an award that had waited is booked, and wagering counts for it.
    pub struct BonusActivated {
        /// When it expires; absent if it never does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at: Option<Timestamp>,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Which way wagering went.
    pub enum ProgressChange {
        /// A stake was counted.
        Counted,
        /// A stake went back.
        Reversed,
    }
}

shape! {
    /// `wager.progress.updated` 1: a stake counts towards the wagering of the award, or what it counted is reversed.
    pub struct WagerProgressUpdated {
        /// The source of the round.
        pub source: SourceId,
        /// The round.
        pub round: RoundId,
        /// The bet.
        pub bet: TransactionId,
        /// Which way.
        pub change: ProgressChange,
        /// By how much.
        pub amount: Amount,
        /// The progress from now on.
        pub progress: Amount,
    }
}

shape! {
    /// `wager.reversal_ignored` 1: a stake went back that had counted for an award that has ended since.
    pub struct WagerReversalIgnored {
        /// The award.
        pub award: AwardRef,
        /// The source of the round.
        pub source: SourceId,
        /// The round.
        pub round: RoundId,
        /// The bet.
        pub bet: TransactionId,
        /// What would have been reversed.
        pub amount: Amount,
    }
}

shape! {
    /// `bonus.completing` 1: all is wagered; rounds with stakes of the award are still open.
    pub struct BonusCompleting {
        /// What they hold of it.
        pub held: Amount,
    }
}

shape! {
    /// `bonus.resumed` 1: a stake went back while it was completing, so that wagering goes on.
    pub struct BonusResumed {
        /// The progress.
        pub progress: Amount,
    }
}

shape! {
    /// `bonus.converted` 1: the award is completed: its credits are cash, as far as its terms convert them.
    pub struct BonusConverted {
        /// What became cash.
        pub converted: Amount,
        /// What is forfeited, because the terms convert no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub forfeited: Option<Amount>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `bonus.released` 1: a share of the award became cash, because as much of its target is wagered.
    pub struct BonusReleased {
        /// How much.
        pub amount: Amount,
        /// What of the award was released up to now.
        pub released: Amount,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `bonus.lost` 1: the award's credits were played away.
    pub struct BonusLost {
        /// What was left, too little to be played; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub forfeited: Option<Amount>,
        /// The entry; absent if nothing was left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `bonus.expired` 1: its time was over.
    pub struct BonusExpired {
        /// What was left of it.
        pub amount: Amount,
        /// The entry; absent if nothing was left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

words! {
    /// Why an award was forfeited.
    pub enum ForfeitReason {
        /// The player gave it up.
        Player,
        /// A rule was broken.
        Breach,
        /// The operator took it back.
        Operator,
        /// The deposit it was for went back.
        Deposit,
        /// The player was closed.
        Closed,
        /// The player asked for money out.
        Withdrawal,
        /// The player excluded himself.
        SelfExclusion,
    }
}

shape! {
    /// `bonus.forfeited` 1: the award was given up or taken back.
    pub struct BonusForfeited {
        /// The operation that did it; absent if a rule of the ledger did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub txn: Option<TransactionRef>,
        /// Why.
        pub reason: ForfeitReason,
        /// Who did it, if a person did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<ActorId>,
        /// What was left of it; zero if it waited.
        pub amount: Amount,
        /// The entry; absent if nothing was left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}
