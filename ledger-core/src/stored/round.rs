//! The events of bet rounds. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::bonus::BonusShare;
use super::bonus::BonusTaken;
use super::bonus::Counted;
use super::player::TransactionRef;
use super::session::SessionRef;
use super::shapes::shape;
use super::shapes::words;
use super::wallet::LotShare;
use super::wallet::Recovery;
use super::wallet::Split;
use crate::ids::GameId;
use crate::ids::Reason;
use crate::ids::RoundId;
use crate::ids::SourceId;
use crate::ids::SubAccount;
use crate::ids::TransactionId;
use crate::money::Amount;
use crate::money::CurrencyCode;
use crate::time::Timestamp;

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
        /// What of the stake was unplayed money of deposits, by lot; absent where nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// The entry; absent for a stake of zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
        /// The session it was placed in, if it named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
        /// That it was free, and for which campaign; absent for a bet with the player's money.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub free: Option<FreeBet>,
        /// What of its stake goes to jackpots when it is taken; absent if nothing does.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub contributions: Vec<Contribution>,
        /// Whether the ledger made it up for a win that came without a bet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub made_up: bool,
        /// What it counts towards the wagering of an award; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub counted: Option<Counted>,
    }
}

shape! {
    /// A bet that costs the player nothing.
    pub struct FreeBet {
        /// The campaign that bears its wins.
        pub campaign: SubAccount,
        /// What the bet is worth, for the record: no money moves for it.
        pub nominal: Amount,
    }
}

words! {
    /// Whose jackpot a contribution goes to.
    pub enum JackpotKind {
        /// The house's own: from its revenue into the jackpot's pool (P33).
        Local,
        /// A provider's, over many houses: from the revenue, owed to the provider (P34).
        Network,
    }
}

shape! {
    /// The part of a stake that goes to a jackpot when the stake is taken.
    pub struct Contribution {
        /// The jackpot.
        pub jackpot: SubAccount,
        /// Whose it is.
        pub kind: JackpotKind,
        /// How much: in units finer than the currency's.
        pub amount: Amount,
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
        /// What the source reported, where nothing is paid for it: the summary of its free rounds pays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<Amount>,
        /// The session of the round, where the round was over: a rule of the ledger had closed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
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
        /// What the source reported, where nothing is paid for it: the summary of its free rounds pays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<Amount>,
    }
}

words! {
    /// What settled bets.
    pub enum SettledBy {
        /// A win, possibly of zero.
        Win,
        /// The close of the round: what is still open is lost.
        Close,
        /// A cash-out of the whole open stake.
        CashOut,
        /// A rule of the ledger: its source never reports a loss, or took too long.
        Rule,
    }
}

shape! {
    /// `bet.cashed_out` 1: part of a bet's stake was cashed out; the rest stays open.
    pub struct BetCashedOut {
        /// The cash-out.
        pub txn: TransactionId,
        /// The bet.
        pub bet: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The part of the stake that is taken for good.
        pub principal: Amount,
        /// What was paid for it.
        pub amount: Amount,
        /// To which funds.
        pub split: Split,
        /// What of the principal was bonus credits; absent if nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub taken: Vec<BonusShare>,
        /// The entry; absent if both are zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `bet.returned` 1: part of an open stake went back (a partial rollback); the rest stays open.
    pub struct BetReturned {
        /// The rollback.
        pub txn: TransactionId,
        /// The bet.
        pub bet: TransactionId,
        /// The currency.
        pub currency: CurrencyCode,
        /// The part of the stake that went back.
        pub stake: Amount,
        /// To which funds: those it came from.
        pub split: Split,
        /// What of it is unplayed money of deposits again, by lot; absent where nothing is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// What of its wagering went back with it; absent if nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uncounted: Option<Amount>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// What is not counted any more of a round that is over, or is counted now beside: limits know by the entry in which
    /// window.
    #[derive(Copy)]
    pub struct CountedShare {
        /// The entry that took the stake or paid the win.
        pub entry: u64,
        /// So much of the stake does not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stake: Option<Amount>,
        /// So much of the win does not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub win: Option<Amount>,
        /// So much of the stake that bonus credits bore does not count; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bonus_stake: Option<Amount>,
        /// So much of the win that went to awards does not count; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bonus_win: Option<Amount>,
    }
}

shape! {
    /// `bet.resettled` 1: the result of settled bets was corrected, by the difference to the last one.
    pub struct BetResettled {
        /// The resettlement.
        pub txn: TransactionId,
        /// The bet whose result it corrects; without one, the result of all bets of the round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bet: Option<TransactionId>,
        /// The win whose amount it replaces; absent if there was none (the bet was lost by a close).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub win: Option<TransactionId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The result before.
        pub previous: Amount,
        /// The result from now on.
        pub amount: Amount,
        /// From where the difference was taken, if the result is lower.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// To which awards the difference went, if the result is higher; absent if to none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bonus: Vec<BonusShare>,
        /// What of it would have gone to awards that have ended, and is forfeited; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forfeited: Vec<BonusShare>,
        /// What was taken from awards, if the result is lower; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub taken: Vec<BonusTaken>,
        /// The entry; absent if nothing could be taken: an award that has ended, or has spent what it won.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
        /// The session of the round, where the round was over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
        /// The entry that paid the win first, where the round was over and limits of the player count it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub counted: Option<u64>,
    }
}

shape! {
    /// `bet.unsettled` 1: a settled bet is open again; its stake is held and its wins are taken back.
    pub struct BetUnsettled {
        /// The operation.
        pub txn: TransactionId,
        /// The bet.
        pub bet: TransactionId,
        /// The wins that are taken back.
        pub wins: Vec<TransactionId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The stake that is held again.
        pub stake: Amount,
        /// The sum of the wins.
        pub win: Amount,
        /// From where the wins were taken, if they were above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// What was taken from awards; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub taken: Vec<BonusTaken>,
        /// The entry; absent if nothing was above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}

shape! {
    /// `settlement.voided` 1: settled bets were called off: stakes go back, wins are taken back.
    pub struct SettlementVoided {
        /// The voiding operation.
        pub txn: TransactionRef,
        /// Why, in the words of who did it.
        pub reason: Reason,
        /// Whether the whole round is called off, so that nothing may come any more.
        pub round: bool,
        /// The bets.
        pub bets: Vec<TransactionId>,
        /// The wins that are taken back.
        pub wins: Vec<TransactionId>,
        /// The currency.
        pub currency: CurrencyCode,
        /// The stakes that go back, held or taken before.
        pub stake: Amount,
        /// The sum of the wins.
        pub win: Amount,
        /// From where the wins were taken, if they were above zero; stakes that go back count as cash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub recovery: Option<Recovery>,
        /// What of the stakes goes back to awards; absent if nothing does.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bonus: Vec<BonusShare>,
        /// What of them would go to awards that have ended, and is forfeited; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forfeited: Vec<BonusShare>,
        /// What of the wins was taken from awards; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub taken: Vec<BonusTaken>,
        /// The entry; absent if nothing was above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
        /// The session of the round, where the round was over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
        /// What is not counted any more, where the round was over and limits of the player count it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub counted: Vec<CountedShare>,
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
        /// Its source never reports a loss, so the stake was taken at once. Wins may still come.
        ImmediateLoss,
        /// It took longer than its source's policy allows. Wins of bets that were lost by it may still come.
        TimeOut,
    }
}

shape! {
    /// `round.closed` 1: no bets and no wins from here on.
    pub struct RoundClosed {
        /// The operation that closed it.
        pub txn: TransactionId,
        /// Why.
        #[cfg_attr(feature = "next-release", serde(rename = "why"))]
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
        /// What of them would have gone to awards that have ended, and is forfeited; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forfeited: Vec<BonusShare>,
        /// The entry; absent if no stake was above zero.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
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
        /// What of it was taken from awards; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub taken: Vec<BonusTaken>,
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
    /// Why a round that was over is live again.
    pub enum ReopenReason {
        /// A bet came after all earlier ones were undone.
        Bet,
        /// A win of it was rolled back.
        WinRollback,
        /// A bet of it was unsettled.
        Unsettle,
        /// A bet of it was undone that a rule of the ledger had taken.
        BetUndone,
        /// A last win came, and it is over again: a rule of the ledger had closed it, or its source may come late.
        LastWin,
        /// A bet came after its end, which its source may.
        AfterEnd,
        /// Its source said so.
        Source,
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
        /// What of the stake was unplayed money of deposits and did not go back, by lot; absent where nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unplayed: Vec<LotShare>,
        /// How much of the stake was cashed out for good; absent when nothing was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cashed_out: Option<Amount>,
        /// How much of the stake went back by partial rollbacks; absent when nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub returned: Option<Amount>,
        /// What of what was cashed out was bonus credits; absent when nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub cashed_bonus: Vec<BonusShare>,
        /// What of what went back was bonus credits; absent when nothing was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub returned_bonus: Vec<BonusShare>,
        /// What it counts towards the wagering of an award; absent if nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub counted: Option<Counted>,
        /// What of that went back by partial rollbacks; absent when nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uncounted: Option<Amount>,
        /// That it was free, and for which campaign.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub free: Option<FreeBet>,
        /// What of its stake goes to jackpots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub contributions: Vec<Contribution>,
        /// Whether the ledger made it up for a win that came without a bet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub made_up: bool,
        /// Whether a rule of the ledger took its stake, not a result: until a win answers it or its source ends the
        /// round, it can be undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub by_rule: bool,
        /// The entry that took its stake; absent if none did. Limits know by it in which window it was counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
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
        /// What of it went to awards; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bonus: Vec<BonusShare>,
        /// What of it came after the end of its awards, and is forfeited; absent if nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forfeited: Vec<BonusShare>,
        /// Whether it is a cash-out rather than a win of its source.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub cash_out: bool,
        /// Whether a resettlement made it, of bets that had no win: it is no win of its source either.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub by_resettlement: bool,
        /// What the source reported, where nothing was paid for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<Amount>,
        /// The entry that paid it first; absent if none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
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
        /// When its first event was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub opened_at: Option<Timestamp>,
        /// When its last event was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_at: Option<Timestamp>,
        /// The rule of the ledger that closed it last; absent if its source did. While that stands, bets and wins may
        /// still come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by_rule: Option<CloseReason>,
        /// The session that its stakes and wins count in: that of its first bet that named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<SessionRef>,
        /// Its bets, in order.
        pub bets: Vec<Bet>,
        /// Its wins, in order.
        pub wins: Vec<Win>,
    }
}

impl BetResettled {
    /// How much more the win is without its bonus credits, in units; below zero if it is less.
    pub(crate) fn money_change(&self) -> i128 {
        let all = self.amount.units().saturating_sub(self.previous.units());
        let to_awards = self.bonus.iter().chain(&self.forfeited).map(|share| share.amount.units());
        let of_awards = self.taken.iter().map(|taken| {
            let forfeited = taken.forfeited.map_or(0, Amount::units);
            taken.won.units().saturating_add(forfeited)
        });
        let come = to_awards.fold(all, i128::saturating_sub);
        of_awards.fold(come, i128::saturating_add)
    }
}
