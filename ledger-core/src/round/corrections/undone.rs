//! What is undone together: bets, and the wins that answer them and no other.

use crate::account::AccountCode;
use crate::bonus::{add_shares, hold_bonus_again, less_shares, take_bonus_win};
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::money::Amount;
use crate::player_ledger::{Stop, Workspace};
use crate::policy::ShortfallPolicy;
use crate::rejection::{NotAllowedReason, Rejection};
use crate::round::common::{check_spent, moved, paid_by, paid_from, sub_account, taken_of};
use crate::round::stakes::{Jackpots, add, add_to, bonus_back};
use crate::stored::{
    Bet, BetStatus, BonusShare, BonusTaken, LotShare, Recovery, Round, Split, Win, WinStatus,
};
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
    /// The money of the stakes and of the wins: what is not bonus credits.
    stake_money: Amount,
    win_money: Amount,
    /// The postings of the stakes' bonus credits.
    bonus_back: Vec<Posting>,
    /// What of them goes back to awards, and what is forfeited because its award has ended; if they go back.
    pub(super) bonus: Vec<BonusShare>,
    pub(super) forfeited: Vec<BonusShare>,
    /// What of the wins is taken from awards, and its postings.
    pub(super) wins_taken: Vec<BonusTaken>,
    bonus_wins: Vec<Posting>,
}

fn share_taken(taken: &BonusTaken) -> BonusShare {
    let (award, campaign) = (taken.award.clone(), taken.campaign.clone());
    BonusShare { award, campaign, amount: taken.taken }
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
    pub(super) fn of(
        round: &Round,
        bets: Vec<Bet>,
        wins: Vec<Win>,
        back: Back,
        purse: &Purse,
        work: &Workspace<'_>,
    ) -> Result<Self, Stop> {
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
            stake_money: zero,
            win_money: zero,
            bonus_back: Vec::new(),
            bonus: Vec::new(),
            forfeited: Vec::new(),
            wins_taken: Vec::new(),
            bonus_wins: Vec::new(),
            bets: Vec::new(),
            wins: Vec::new(),
        };
        let mut jackpots = Jackpots::default();
        for bet in &bets {
            let is_open = bet.status == BetStatus::Open;
            let staked = bet.staked_split();
            let open = if is_open { bet.open_split() } else { Split::cash(zero) };
            let held = if is_open { bet.open_stake() } else { zero };
            all.open = all.open.checked_add(open.money())?;
            all.stake = all.stake.checked_add(bet.staked())?;
            all.stake_money = all.stake_money.checked_add(staked.money())?;
            add_to(&mut all.taken, &bet.game, staked.money().checked_sub(open.money())?)?;
            jackpots.add(bet, zero, bet.staked().checked_sub(held)?)?;
            all.add_bonus(round, bet, &staked, &open, back, purse, work)?;
            all.split = add(&all.split, &Split { bonus: Vec::new(), ..staked })?;
        }
        all.contributions = jackpots.take_back(round, purse);
        for win in &wins {
            let money = win.money();
            all.win = all.win.checked_add(win.amount)?;
            all.win_money = all.win_money.checked_add(money)?;
            add_to(&mut all.won, &paid_from(round, win)?, money)?;
            all.add_bonus_win(round, win, purse, work)?;
        }
        Ok(Self { bets, wins, ..all })
    }

    /// The bonus credits of a bet: back to where they came from, or held again.
    #[expect(clippy::too_many_arguments, reason = "it is a part of one function")]
    fn add_bonus(
        &mut self,
        round: &Round,
        bet: &Bet,
        staked: &Split,
        open: &Split,
        back: Back,
        purse: &Purse,
        work: &Workspace<'_>,
    ) -> Result<(), Stop> {
        if staked.bonus.is_empty() {
            return Ok(());
        }
        let taken = less_shares(&staked.bonus, &open.bonus);
        if back == Back::Held {
            self.bonus_back.extend(hold_bonus_again(moved(round, purse), &bet.game, &taken)?);
            return Ok(());
        }
        for (game, shares) in [(None, open.bonus.clone()), (Some(&bet.game), taken)] {
            let mut split = Split { bonus: shares, ..Split::cash(purse.currency().zero()) };
            self.bonus_back.extend(bonus_back(work.state(), round, purse, game, &mut split)?);
            add_shares(&mut self.bonus, &split.bonus)?;
            add_shares(&mut self.forfeited, &split.forfeited)?;
        }
        Ok(())
    }

    /// What of a win is taken from awards: they have what they had, what goes back, less what other wins take.
    fn add_bonus_win(
        &mut self,
        round: &Round,
        win: &Win,
        purse: &Purse,
        work: &Workspace<'_>,
    ) -> Result<(), Stop> {
        if win.bonus.is_empty() && win.forfeited.is_empty() {
            return Ok(());
        }
        // Several wins may have taken from one award: what goes back covers all of them together, once.
        let mut gone = Vec::new();
        for taken in &self.wins_taken {
            add_shares(&mut gone, &[share_taken(taken)])?;
        }
        let back = less_shares(&self.bonus, &gone);
        // What other wins take beyond what goes back is no longer there.
        let taken = taken_of(work, &win.bonus, &win.forfeited, (&back, &less_shares(&gone, &self.bonus)))?;
        if let Some(payer) = paid_by(round, win) {
            self.bonus_wins.extend(take_bonus_win(purse.currency().code(), &payer.game, &taken));
        }
        self.wins_taken.extend(taken);
        Ok(())
    }

    /// From where the wins are taken; `None` if the player keeps them by policy. Stakes that go back to cash count as
    /// his cash; what of them was owed pays what he owes.
    pub(super) fn recovery(
        &self,
        purse: &Purse,
        back: Back,
        policy: ShortfallPolicy,
        work: &Workspace<'_>,
    ) -> Result<Option<Recovery>, Stop> {
        let zero = purse.currency().zero();
        let (cash, back) = match back {
            Back::Cash => {
                let debt = self.split.owed.unwrap_or(zero).min(purse.receivable())?;
                (purse.cash().checked_add(self.stake_money)?.checked_sub(debt)?, self.stake_money)
            }
            Back::Held => (purse.cash(), zero),
        };
        if check_spent(work, &self.wins_taken, policy, purse)? {
            return Ok(None);
        }
        recovery_beside(purse, cash, back, self.win_money, policy)
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
        postings.extend(self.bonus_back.iter().cloned());
        postings.extend(self.bonus_wins.iter().cloned());
        Ok(postings)
    }
}
