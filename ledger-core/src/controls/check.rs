//! What limits say to a bet and a deposit.

use super::state::LimitLeft;
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Fault, PlayerState, Workspace};
use crate::policy::{ControlPolicy, CountedFunds};
use crate::rejection::{Limit, Rejection};
use crate::stored::{Event, LimitKind, LimitWarned, TransactionRef};
use crate::time::Timestamp;

/// What is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A deposit.
    Deposit(Amount),
    /// The stake of one bet: as far as it is the player's own money, and all of it. The policy says which counts (R11).
    Bet(Amount, Amount),
    /// Money that goes to play elsewhere: any part of it may be staked and lost there.
    Transfer(Amount),
}

impl Asked {
    fn amount(self) -> Amount {
        match self {
            Self::Deposit(amount) | Self::Bet(amount, _) | Self::Transfer(amount) => amount,
        }
    }

    /// The same, as the policy counts it.
    fn counted(self, funds: CountedFunds) -> Self {
        match self {
            Self::Bet(_, all) if funds == CountedFunds::All => Self::Bet(all, all),
            asked => asked,
        }
    }

    fn counts_for(self, kind: LimitKind) -> bool {
        use LimitKind::{Balance, Deposit, Loss, NetDeposit, NetLoss, SingleBet, Stake};
        match self {
            Self::Deposit(_) => matches!(kind, Deposit | NetDeposit | Balance),
            Self::Bet(..) => matches!(kind, Stake | Loss | NetLoss | SingleBet),
            Self::Transfer(_) => matches!(kind, Stake | Loss | NetLoss),
        }
    }
}

/// Limits that what was asked for comes near.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Near(Vec<LimitLeft>);

impl Near {
    /// Records it, after the events of the operation.
    pub(crate) fn record(
        self,
        txn: impl Fn() -> TransactionRef,
        work: &mut Workspace<'_>,
    ) -> Result<(), Fault> {
        for near in self.0 {
            work.push_player(Event::LimitWarned(LimitWarned {
                txn: txn(),
                term: near.term,
                side: near.side,
                amount: near.amount,
                used: near.used,
            }))?;
        }
        Ok(())
    }
}

fn plus(left: Amount, right: Amount) -> Result<Amount, Rejection> {
    left.checked_add(right).map_err(|_| Rejection::AmountOverflow)
}

/// Whether so much of a limit is used that the player is to be warned.
fn is_near(used: Amount, limit: Amount, percent: u8) -> bool {
    let (share, whole) = (used.units().checked_mul(100), limit.units().checked_mul(percent.into()));
    percent > 0 && used.is_positive() && share.zip(whole).is_some_and(|(share, whole)| share >= whole)
}

/// What a purse has for its owner to play with: cash, and what is held for bets and elsewhere.
fn balance(state: &PlayerState, currency: CurrencyCode) -> Option<Amount> {
    let purse = state.wallet().purse(currency)?;
    purse.cash().checked_add(purse.held()).ok()
}

/// How much of each limit in a currency is used, and what is left of it: on each term the lowest.
fn lowest(
    state: &PlayerState,
    work: Option<&Workspace<'_>>,
    policy: &ControlPolicy,
    now: Timestamp,
) -> Vec<LimitLeft> {
    let Some(controls) = work.map_or(state.controls(), |work| work.controls()) else { return Vec::new() };
    let mut all: Vec<LimitLeft> = Vec::new();
    for limit in controls.limits() {
        let zero = Amount::zero(limit.amount.scale());
        let currency = limit.term.currency;
        let under_way = state.intents().filter(|intent| intent.currency == currency);
        let own = balance(state, currency).filter(|_| limit.term.kind == LimitKind::Balance);
        let used =
            controls.used(limit, policy.counted_funds, own, under_way.map(|intent| intent.amount), now);
        let left = limit.amount.checked_sub(used).unwrap_or(zero);
        let is_near = is_near(used, limit.amount, policy.warn_at_percent);
        let (term, side, amount) = (limit.term, limit.side, limit.amount);
        let own = LimitLeft { term, side, amount, used, left, is_near };
        match all.iter_mut().find(|known| known.term == term) {
            Some(known) if (known.left, known.side) <= (left, side) => {}
            Some(known) => *known = own,
            None => all.push(own),
        }
    }
    all
}

impl PlayerState {
    /// What is left of his limits at an instant, on each term of the lowest: with what is counted, and the deposits that are
    /// under way. A limit that the policy sets is here once something was decided under it.
    pub fn limits_left(&self, policy: &crate::policy::Policy, now: Timestamp) -> Vec<LimitLeft> {
        // Asked after every command: of most players there is nothing to look up.
        if self.controls().is_none() {
            return Vec::new();
        }
        lowest(self, None, &self.jurisdiction_profile(policy).controls, now)
    }
}

/// That no limit would be passed: of several the one is told that leaves least, of those that leave the same the player's
/// before the operator's and the jurisdiction's.
///
/// # Errors
///
/// [`Rejection::LimitExceeded`] with what is left.
pub(crate) fn check(
    asked: Asked,
    currency: CurrencyCode,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<Near, Rejection> {
    if work.controls().is_none() {
        return Ok(Near::default());
    }
    let policy = &work.state().jurisdiction_profile(facts.policy).controls;
    let asked = asked.counted(policy.counted_funds);
    if asked.amount().is_zero() {
        return Ok(Near::default());
    }
    let mut all = lowest(work.state(), Some(work), policy, work.now());
    all.retain(|left| left.term.currency == currency && asked.counts_for(left.term.kind));
    let passed = all.iter().filter(|left| asked.amount() > left.left);
    if let Some(least) = passed.min_by_key(|left| (left.left, left.side, left.term)) {
        let (kind, window, side) = (least.term.kind, least.term.window, least.side);
        let left = Amount::zero(least.left.scale());
        let left = if least.left.is_negative() { left } else { least.left };
        return Err(Rejection::LimitExceeded {
            limit: Limit::Protection { kind, window, side },
            left: Some(left),
        });
    }
    let mut near = Vec::new();
    for left in all.into_iter().filter(|left| !left.is_near && left.term.window.is_some()) {
        let used = plus(left.used, asked.amount())?;
        if is_near(used, left.amount, policy.warn_at_percent) {
            near.push(LimitLeft { used, is_near: true, ..left });
        }
    }
    Ok(Near(near))
}
