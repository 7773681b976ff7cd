//! The parameters of a jackpot: whether they may be, and what of a bet they take.

use crate::account::AccountCode;
use crate::house::operation::not_allowed;
use crate::ids::{GameId, JackpotId};
use crate::money::{Amount, AmountError, Currency, Rounding};
use crate::player_ledger::Stop;
use crate::rejection::{Capacity, NotAllowedReason, capacity};
use crate::stored::{JackpotRate, JackpotTerms};

/// The most games with a rate of their own in the terms of one jackpot.
pub const JACKPOT_GAMES_MAX: usize = 1_024;

/// All of a stake, in basis points.
const WHOLE: u32 = 10_000;

impl JackpotTerms {
    /// What of a bet goes to the jackpot (P33), with the four digits more than its currency that pools have. A host that
    /// computes contributions sends it with the bet, as a [`JackpotShare`](crate::JackpotShare).
    ///
    /// ```
    /// use ledger_core::stored::{JackpotRate, JackpotTerms};
    /// use ledger_core::{BasisPoints, CurrencyRegistry, GameId};
    /// let registry = CurrencyRegistry::standard();
    /// let euro = registry.get("EUR".parse()?).expect("a standard currency");
    /// let terms = JackpotTerms {
    ///     currency: euro.code(),
    ///     seed: "1000.00".parse()?,
    ///     must_hit_by: None,
    ///     ceiling: None,
    ///     overflow: None,
    ///     diversion: BasisPoints::default(),
    ///     rate: JackpotRate::Share(BasisPoints::new(125)?),
    ///     games: [(GameId::new("old")?, JackpotRate::Fixed("0.005000".parse()?))].into(),
    /// };
    /// assert_eq!(terms.contribution(&GameId::new("new")?, "0.30".parse()?, euro)?.to_string(), "0.003750");
    /// assert_eq!(terms.contribution(&GameId::new("old")?, "0.30".parse()?, euro)?.to_string(), "0.005000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the stake is not in the jackpot's currency, or below zero.
    pub fn contribution(
        &self,
        game: &GameId,
        stake: Amount,
        currency: &Currency,
    ) -> Result<Amount, AmountError> {
        let stake = stake.rescale_up(AccountCode::JackpotLiability.scale(currency))?;
        match self.games.get(game).unwrap_or(&self.rate) {
            JackpotRate::Share(rate) => stake.basis_points(*rate, Rounding::Floor),
            JackpotRate::Fixed(fixed) => Amount::min(*fixed, stake),
        }
    }

    /// Whether the terms can be those of a jackpot of that name.
    pub(super) fn check(&self, currency: &Currency, own: Option<&JackpotId>) -> Result<(), Stop> {
        self.check_amounts(currency)?;
        let most = [self.must_hit_by, self.ceiling].into_iter().flatten();
        let below_seed = most.into_iter().any(|most| most <= self.seed);
        let to_itself = self.overflow.is_some() && self.overflow.as_ref() == own;
        if below_seed || to_itself || (self.overflow.is_some() && self.ceiling.is_none()) {
            return Err(not_allowed(NotAllowedReason::JackpotTerms));
        }
        if self.games.len() > JACKPOT_GAMES_MAX {
            return Err(capacity(Capacity::GamesOfJackpot, JACKPOT_GAMES_MAX).into());
        }
        Ok(())
    }

    /// The seed and the limits are whole amounts of the currency; rates are at most the stake.
    fn check_amounts(&self, currency: &Currency) -> Result<(), Stop> {
        let whole = |amount: Amount| {
            amount.scale() == currency.scale() && !amount.is_negative() && amount <= currency.maximum()
        };
        let fine = AccountCode::JackpotLiability.scale(currency);
        let rate = |rate: &JackpotRate| match rate {
            JackpotRate::Share(share) => share.get() <= WHOLE,
            JackpotRate::Fixed(amount) => amount.scale() == fine && !amount.is_negative(),
        };
        let amounts = [Some(self.seed), self.must_hit_by, self.ceiling];
        let fits = amounts.into_iter().flatten().all(whole)
            && self.diversion.get() <= WHOLE
            && rate(&self.rate)
            && self.games.values().all(rate);
        if fits { Ok(()) } else { Err(not_allowed(NotAllowedReason::TermsAmounts)) }
    }
}
