//! What is undone together: bets, and the wins that answer them and no other.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::Amount;
use crate::player_ledger::Stop;
use crate::policy::ShortfallPolicy;
use crate::rejection::{NotAllowedReason, Rejection};
use crate::round::common::{paid_from, sub_account};
use crate::round::stakes::{Jackpots, add, add_to};
use crate::stored::{Bet, BetStatus, LotShare, Recovery, Round, Split, Win, WinStatus};
use crate::wallet::{self, Purse, back_from, recovery_beside};

/// Where stakes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// To cash: the bets are called off.
    Cash,
    /// They are held again: the bets are open.
    Held,
}

/// Bets that are undone, with the wins that are taken back for it.
pub(super) struct Undone {
    pub(super) bets: Vec<Bet>,
    pub(super) wins: Vec<Win>,
    /// What was held of the stakes.
    pub(super) open: Amount,
    /// What was taken of them, per game.
    taken: Vec<(GameId, Amount)>,
    /// What was won, per account that paid it.
    won: Vec<((AccountCode, SubAccount), Amount)>,
    pub(super) stake: Amount,
    /// The stakes, by the funds they came from.
    split: Split,
    pub(super) win: Amount,
    sub_account: SubAccount,
    /// The postings of contributions that come back with what was taken.
    contributions: Vec<Posting>,
}

fn stands(bet: &Bet) -> bool {
    matches!(bet.status, BetStatus::Open | BetStatus::Settled)
}

/// The wins that stand and answer this bet. A win that answers others too cannot be taken back for one of them.
pub(super) fn answering(round: &Round, bet: &Bet) -> Result<Vec<Win>, Rejection> {
    let mut wins = Vec::new();
    for win in round.answers(bet).filter(|win| win.status == WinStatus::Paid) {
        let others = |other: &&Bet| other.id != bet.id && stands(other) && other.version < win.version;
        let is_shared = win.bet.is_none() && round.bets.iter().any(|other| others(&other));
        if is_shared && win.amount.is_positive() {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::SharedWin });
        }
        // That others lost as well still stands.
        if !is_shared {
            wins.push(win.clone());
        }
    }
    Ok(wins)
}

impl Undone {
    pub(super) fn of(round: &Round, bets: Vec<Bet>, wins: Vec<Win>, purse: &Purse) -> Result<Self, Stop> {
        let zero = purse.currency().zero();
        let mut all = Self {
            open: zero,
            taken: Vec::with_capacity(1),
            won: Vec::with_capacity(1),
            stake: zero,
            split: Split::cash(zero),
            win: zero,
            sub_account: sub_account(round),
            contributions: Vec::new(),
            bets: Vec::new(),
            wins: Vec::new(),
        };
        let mut jackpots = Jackpots::default();
        for bet in &bets {
            let open = if bet.status == BetStatus::Open { bet.open_stake() } else { zero };
            let taken = bet.staked().checked_sub(open)?;
            all.open = all.open.checked_add(open)?;
            all.stake = all.stake.checked_add(bet.staked())?;
            all.split = add(&all.split, &bet.staked_split())?;
            add_to(&mut all.taken, &bet.game, taken)?;
            jackpots.add(bet, zero, taken)?;
        }
        all.contributions = jackpots.take_back(round, purse);
        for win in &wins {
            all.win = all.win.checked_add(win.amount)?;
            add_to(&mut all.won, &paid_from(round, win)?, win.amount)?;
        }
        Ok(Self { bets, wins, ..all })
    }

    /// From where the wins are taken; `None` if the player keeps them by policy. Stakes that go back to cash count as
    /// his cash; what of them was owed pays what he owes.
    pub(super) fn recovery(
        &self,
        purse: &Purse,
        back: Back,
        policy: ShortfallPolicy,
    ) -> Result<Option<Recovery>, Stop> {
        let zero = purse.currency().zero();
        let (cash, back) = match back {
            Back::Cash => {
                let debt = self.split.owed.unwrap_or(zero).min(purse.receivable())?;
                (purse.cash().checked_add(self.stake)?.checked_sub(debt)?, self.stake)
            }
            Back::Held => (purse.cash(), zero),
        };
        recovery_beside(purse, cash, back, self.win, policy)
    }

    /// What of the stakes was unplayed and is so again, if they go back to cash.
    pub(super) fn unplayed_back(&self) -> Result<Vec<LotShare>, Stop> {
        let mut all = Vec::new();
        for bet in self.bets.iter().filter(|bet| !bet.unplayed.is_empty()) {
            all.extend(back_from(&bet.unplayed, Amount::zero(bet.stake.scale()))?);
        }
        Ok(all)
    }

    /// The postings (P08 for cash; for held the stakes go back to `player:held`).
    pub(super) fn postings(
        &self,
        purse: &Purse,
        back: Back,
        recovery: &Recovery,
    ) -> Result<Vec<Posting>, Stop> {
        let round = self.sub_account.clone();
        let mut postings = match back {
            Back::Cash => wallet::give_back(purse, round, self.open, &self.taken, &self.split)?,
            Back::Held => wallet::hold_again(purse, round, &self.taken)?,
        };
        postings.extend(self.contributions.iter().cloned());
        postings.extend(wallet::recover_all(purse, &self.won, recovery));
        Ok(postings)
    }
}
