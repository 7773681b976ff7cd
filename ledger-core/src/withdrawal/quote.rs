//! What a withdrawal costs: the figures that a request is decided on, for who wants to know before.

use rust_decimal::Decimal;

use crate::bonus::{self, Award};
use crate::money::{Amount, AmountError, BasisPoints, Currency, CurrencyCode, Rounding, fee, mul_div};
use crate::player_ledger::{Fault, PlayerState, Stop};
use crate::policy::{Policy, UnplayedMoney, WithdrawalFee};
use crate::rejection::Rejection;
use crate::stored::{AwardRef, Hold};
use crate::time::Timestamp;
use crate::wallet::{Purse, incoming, purse};

/// What a withdrawal of an amount would come to now. A request is decided on the same figures, so a quote and a
/// request of one state and policy agree.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use ledger_core::testing::{commands, given};
/// use ledger_core::{Policy, WithdrawalQuote};
/// let scenario = given().cash("100.00");
/// let (player, eur) = (scenario.ledger().state(), commands::currency("EUR"));
/// let now = scenario.ledger().now();
/// let quote = WithdrawalQuote::of(player, &Policy::default(), commands::decimal("86"), eur, now).unwrap();
/// assert_eq!((quote.payout.to_string(), quote.withdrawable.to_string()), ("86.00".into(), "100.00".into()));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalQuote {
    /// The currency.
    pub currency: CurrencyCode,
    /// What is asked for.
    pub amount: Amount,
    /// What of it the player pays for the withdrawal (P26).
    pub fee: Amount,
    /// What arrives: the amount less the fee.
    pub payout: Amount,
    /// What is taken beside the amount for unplayed deposits in it (P27).
    pub extra: Amount,
    /// What is taken from cash: the amount and what is taken beside it.
    pub taken: Amount,
    /// What the player has, less what he owes.
    pub available: Amount,
    /// The most that he can ask for.
    pub withdrawable: Amount,
    /// The awards that a request forfeits (B.7 in docs/bonuses.md), for the player to be told before he confirms it.
    pub forfeits: Vec<AwardAtStake>,
}

/// What a withdrawal costs a player of one award.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwardAtStake {
    /// The award.
    pub award: AwardRef,
    /// Its credits, which are forfeited at once; zero if it waits.
    pub credits: Amount,
    /// What open rounds hold of it: it is forfeited when it comes back, and what it wins too.
    pub held: Amount,
    /// What was given, and is never booked if it waits.
    pub amount: Amount,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// A request of the amount would be refused, whatever else holds.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The state contradicts itself.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Stop> for QuoteError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Reject(rejection) => Self::Refused(rejection),
            Stop::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl WithdrawalQuote {
    /// What a withdrawal of an amount would come to. Whether it passes depends on more: blocks, limits, proofs.
    ///
    /// # Errors
    ///
    /// [`QuoteError::Refused`] with what a request would be refused with: no purse in the currency, the form of the
    /// amount, [`Rejection::BonusRule`] while a bonus holds all money back, [`Rejection::UnplayedDeposits`] or
    /// [`Rejection::InsufficientFunds`] if it is too much.
    pub fn of(
        state: &PlayerState,
        policy: &Policy,
        amount: Decimal,
        currency: CurrencyCode,
        now: Timestamp,
    ) -> Result<Self, QuoteError> {
        let purse = purse(state, currency)?;
        let priced = Priced::of(state, policy, amount, purse)?;
        bonus::check_withdrawal(state, currency, now)?;
        priced.check()?;
        let price = priced.price()?;
        let left = purse.cash().checked_sub(price.taken).map_err(Stop::from)?;
        let zero = purse.currency().zero();
        let lost = bonus::lost_to_withdrawal(state.awards(), currency, left, now);
        let at_stake = |award: &Award| {
            let (credits, held) = state.wallet().bonus_of(&award.of, zero);
            AwardAtStake { award: award.of.clone(), credits, held, amount: award.amount }
        };
        Ok(Self { forfeits: lost.map(at_stake).collect(), ..price })
    }

    /// What a withdrawal of all that can be withdrawn would come to.
    ///
    /// # Errors
    ///
    /// As [`Self::of`]; [`Rejection::InvalidAmount`] if there is nothing, or no more than the fee.
    pub fn of_all(
        state: &PlayerState,
        policy: &Policy,
        currency: CurrencyCode,
        now: Timestamp,
    ) -> Result<Self, QuoteError> {
        let most = Funds::of(state, policy, purse(state, currency)?).map_err(Stop::from)?.withdrawable;
        Self::of(state, policy, most.to_decimal(), currency, now)
    }
}

/// What of a purse can be withdrawn.
#[derive(Debug, Clone, Copy)]
struct Funds {
    available: Amount,
    /// What of it was played, or was never a deposit.
    played: Amount,
    unplayed: Amount,
    withdrawable: Amount,
    rule: UnplayedMoney,
}

impl Funds {
    fn of(state: &PlayerState, policy: &Policy, purse: &Purse) -> Result<Self, AmountError> {
        let (zero, rule) = (purse.currency().zero(), state.unplayed_money(policy));
        let not_negative = |amount: Amount| if amount.is_negative() { zero } else { amount };
        let available = purse.available();
        let played = state.wallet().free_of_lots(purse)?;
        let unplayed = not_negative(available).checked_sub(played)?;
        let withdrawable = match rule {
            UnplayedMoney::Free => not_negative(available),
            UnplayedMoney::Fee { rate } => {
                played.checked_add(unplayed.basis_points(remaining(rate)?, Rounding::Floor)?)?
            }
            UnplayedMoney::Block if unplayed.is_positive() => zero,
            UnplayedMoney::Block => played,
        };
        Ok(Self { available, played, unplayed, withdrawable, rule })
    }

    /// What is taken beside an amount that can be withdrawn: `(amount - played) * p / (100 - p)`, a half rounded up,
    /// and at least one unit where anything is due. It never is more than there is: what can be withdrawn is rounded
    /// down.
    fn extra(&self, amount: Amount) -> Result<Amount, AmountError> {
        let (zero, beyond) = (Amount::zero(amount.scale()), amount.checked_sub(self.played)?);
        let UnplayedMoney::Fee { rate } = self.rule else { return Ok(zero) };
        let left = remaining(rate)?;
        if !beyond.is_positive() || rate.get() == 0 || left.get() == 0 {
            return Ok(zero);
        }
        let units = u128::try_from(beyond.units()).map_err(|_| AmountError::Negative { amount: beyond })?;
        let due = mul_div(units, all_of(rate).into(), left.get().into(), Rounding::HalfUp)?.max(1);
        Amount::new(i128::try_from(due).map_err(|_| AmountError::AmountOverflow)?, amount.scale())
    }
}

const ALL: u32 = 10_000;

/// A rate, at most all.
fn all_of(rate: BasisPoints) -> u32 {
    rate.get().min(ALL)
}

/// What a rate leaves.
fn remaining(rate: BasisPoints) -> Result<BasisPoints, AmountError> {
    BasisPoints::new(ALL.saturating_sub(all_of(rate))).map_err(|_| AmountError::AmountOverflow)
}

/// An amount of a policy in units of a currency: digits that it does not have are cut off, less than nothing is
/// nothing.
fn policy_amount(amount: Decimal, currency: &Currency) -> Result<Amount, AmountError> {
    let amount = amount.max(Decimal::ZERO).trunc_with_scale(currency.scale().into());
    Amount::from_decimal(amount, currency.scale())
}

/// A request with its price, before it is known whether it can be paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced {
    currency: CurrencyCode,
    amount: Amount,
    fee: Amount,
    funds: Funds,
}

impl Priced {
    pub(super) fn of(
        state: &PlayerState,
        policy: &Policy,
        amount: Decimal,
        purse: &Purse,
    ) -> Result<Self, Stop> {
        let invalid = || Rejection::InvalidAmount { amount: amount.to_string() };
        let asked = incoming(amount, purse.currency())?;
        let currency = purse.currency().code();
        let terms = policy.withdrawals.currencies.get(&currency);
        let fee = match terms.map(|terms| &terms.fee) {
            Some(WithdrawalFee { fixed, rate }) => {
                policy_amount(*fixed, purse.currency())?.checked_add(fee(asked, *rate)?)?
            }
            None => purse.currency().zero(),
        };
        if asked.is_zero() || asked <= fee {
            return Err(invalid().into());
        }
        Ok(Self { currency, amount: asked, fee, funds: Funds::of(state, policy, purse)? })
    }

    pub(super) fn amount(&self) -> Amount {
        self.amount
    }

    /// Whether there is so much, and may be withdrawn.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let Funds { available, withdrawable, .. } = self.funds;
        let currency = self.currency;
        if self.amount > available {
            return Err(Rejection::InsufficientFunds { available, currency });
        }
        if self.amount > withdrawable {
            return Err(Rejection::UnplayedDeposits { withdrawable, currency });
        }
        Ok(())
    }

    /// The bonus credits it costs, of all awards that are lost by it.
    pub(super) fn costs(&self, state: &PlayerState, now: Timestamp) -> Result<Amount, Stop> {
        let left = purse(state, self.currency)?.cash().checked_sub(self.price()?.taken)?;
        let mut sum = Amount::zero(self.amount.scale());
        for award in bonus::lost_to_withdrawal(state.awards(), self.currency, left, now) {
            sum = sum.checked_add(award.cost(state.wallet())?)?;
        }
        Ok(sum)
    }

    /// The quote without what it costs of bonuses.
    fn price(&self) -> Result<WithdrawalQuote, Stop> {
        let extra = self.funds.extra(self.amount)?;
        Ok(WithdrawalQuote {
            currency: self.currency,
            amount: self.amount,
            fee: self.fee,
            payout: self.amount.checked_sub(self.fee)?,
            extra,
            taken: self.amount.checked_add(extra)?,
            available: self.funds.available,
            withdrawable: self.funds.withdrawable,
            forfeits: Vec::new(),
        })
    }

    /// The money of the withdrawal: played money first, then lots, the oldest first.
    pub(super) fn hold(&self, state: &PlayerState) -> Result<Hold, Stop> {
        let WithdrawalQuote { amount, fee, extra, taken, .. } = self.price()?;
        let from_lots = taken.checked_sub(taken.min(self.funds.played)?)?;
        debug_assert!(from_lots <= self.funds.unplayed, "no more than there is");
        let unless_zero = |amount: Amount| Some(amount).filter(|amount| amount.is_positive());
        Ok(Hold {
            amount,
            fee: unless_zero(fee),
            extra: unless_zero(extra),
            unplayed: state.wallet().draw(self.currency, from_lots)?,
        })
    }
}
