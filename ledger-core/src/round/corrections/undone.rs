//! What is undone together: bets, and the wins that answer them and no other.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::Amount;
use crate::player_ledger::Stop;
use crate::policy::ShortfallPolicy;
use crate::rejection::{NotAllowedReason, Rejection};
use crate::round::common::{payout_game, sub_account};
use crate::stored::{Bet, BetStatus, LotShare, Recovery, Round, Win, WinStatus};
use crate::wallet::{self, Purse, back_from, recovery_of};

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
    /// What was won, per game.
    won: Vec<(GameId, Amount)>,
    pub(super) stake: Amount,
    pub(super) win: Amount,
    sub_account: SubAccount,
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

fn add(sums: &mut Vec<(GameId, Amount)>, game: &GameId, amount: Amount) -> Result<(), Stop> {
    if amount.is_zero() {
        return Ok(());
    }
    match sums.iter_mut().find(|(g, _)| g == game) {
        Some((_, sum)) => *sum = sum.checked_add(amount)?,
        None => sums.push((game.clone(), amount)),
    }
    Ok(())
}

impl Undone {
    pub(super) fn of(round: &Round, bets: Vec<Bet>, wins: Vec<Win>, purse: &Purse) -> Result<Self, Stop> {
        let zero = purse.currency().zero();
        let mut all = Self {
            open: zero,
            taken: Vec::with_capacity(1),
            won: Vec::with_capacity(1),
            stake: zero,
            win: zero,
            sub_account: sub_account(round),
            bets: Vec::new(),
            wins: Vec::new(),
        };
        for bet in &bets {
            let open = if bet.status == BetStatus::Open { bet.open_stake() } else { zero };
            all.open = all.open.checked_add(open)?;
            all.stake = all.stake.checked_add(bet.staked())?;
            add(&mut all.taken, &bet.game, bet.staked().checked_sub(open)?)?;
        }
        for win in &wins {
            all.win = all.win.checked_add(win.amount)?;
            add(&mut all.won, payout_game(round, win.bet.as_ref())?, win.amount)?;
        }
        Ok(Self { bets, wins, ..all })
    }

    /// From where the wins are taken; `None` if the player keeps them by policy. Stakes that go back to cash count as
    /// his cash.
    pub(super) fn recovery(
        &self,
        purse: &Purse,
        back: Back,
        policy: ShortfallPolicy,
    ) -> Result<Option<Recovery>, Stop> {
        let cash = match back {
            Back::Cash => purse.cash().checked_add(self.stake)?,
            Back::Held => purse.cash(),
        };
        recovery_of(purse, cash, self.win, policy)
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
        let mut postings = Vec::new();
        let (account, of) = match back {
            Back::Cash => (AccountCode::PlayerCash, None),
            Back::Held => (AccountCode::PlayerHeld, Some(self.sub_account.clone())),
        };
        if back == Back::Cash && self.open.is_positive() {
            postings.extend(wallet::release(purse, self.sub_account.clone(), self.open));
        }
        postings.extend(wallet::return_taken(purse, &self.taken, account, of.as_ref())?);
        postings.extend(wallet::recover_all(purse, &self.won, recovery));
        Ok(postings)
    }
}
