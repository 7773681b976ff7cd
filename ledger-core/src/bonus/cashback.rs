//! What was played in a period: how much a cashback gives for it (F15, F16 in docs/bonuses.md), and whether it completes a
//! mission.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::endings::at_scale;
use crate::ids::GameType;
use crate::key::FingerprintBuilder;
use crate::money::{Amount, AmountError, Currency, Rounding};
use crate::player_ledger::Stop;
use crate::policy::{CashbackOf, MissionCondition, Reward};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity};
use crate::stored::{CashbackBase, CashbackLine};
use crate::time::Timestamp;
use crate::wallet::incoming;

/// The most products of one cashback or mission.
pub const CASHBACK_LINES_MAX: usize = 64;

/// What was played of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlayedProduct {
    /// The product.
    pub product: GameType,
    /// What was staked.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub stakes: Decimal,
    /// What was won.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub wins: Decimal,
    /// How many rounds, where a mission asks.
    #[serde(default, skip_serializing_if = "crate::policy::is_default")]
    pub rounds: u32,
}

/// What a player played in the period of a cashback or mission, added up by the host from a view. The core computes what
/// it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// The begin of the period.
    pub from: Timestamp,
    /// Its end; it is over.
    pub to: Timestamp,
    /// By product, at most [`CASHBACK_LINES_MAX`], each once.
    pub products: Vec<PlayedProduct>,
    /// What bonuses brought in it. A share of what was staked less what was won is less by this.
    #[serde(default, with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub bonus_wins: Decimal,
}

impl Played {
    /// Adds it to a fingerprint as one text, in which `10` and `10.00` are the same.
    pub(crate) fn print(&self, print: FingerprintBuilder, tag: u8) -> FingerprintBuilder {
        let line = |of: &PlayedProduct| {
            format!("\n{} {} {} {}", of.stakes.normalize(), of.wins.normalize(), of.rounds, of.product)
        };
        let lines: String = self.products.iter().map(line).collect();
        let text = format!("{} {} {}{lines}", self.from, self.to, self.bonus_wins.normalize());
        print.field(tag, Some(&text))
    }

    /// In units of a currency.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotAllowed`] if the period ends before it begins or is not over, or a product comes twice;
    /// [`Rejection::CapacityExceeded`]; the form of an amount.
    pub(crate) fn base(&self, currency: &Currency, now: Timestamp) -> Result<CashbackBase, Stop> {
        if self.products.len() > CASHBACK_LINES_MAX {
            return Err(capacity(Capacity::CashbackLines, CASHBACK_LINES_MAX).into());
        }
        if self.to <= self.from || now < self.to {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::Period }.into());
        }
        let mut lines: Vec<CashbackLine> = Vec::with_capacity(self.products.len());
        for of in &self.products {
            if lines.iter().any(|line| line.product == of.product) {
                return Err(Rejection::NotAllowed { reason: NotAllowedReason::Lines }.into());
            }
            let (stakes, wins) = (incoming(of.stakes, currency)?, incoming(of.wins, currency)?);
            lines.push(CashbackLine { product: of.product.clone(), stakes, wins, rounds: of.rounds });
        }
        let bonus_wins = incoming(self.bonus_wins, currency)?;
        Ok(CashbackBase { from: self.from, to: self.to, lines, bonus_wins })
    }
}

/// Whether all that a mission asks for was done. Its amounts are those of the currency.
pub(super) fn is_complete(
    conditions: &[MissionCondition],
    base: &CashbackBase,
    currency: &Currency,
) -> Result<bool, Stop> {
    for condition in conditions {
        let counts =
            |line: &&CashbackLine| condition.product.as_ref().is_none_or(|product| *product == line.product);
        let lines = base.lines.iter().filter(counts);
        let rounds = lines.clone().fold(0_u64, |sum, line| sum.saturating_add(line.rounds.into()));
        let mut stakes = currency.zero();
        for line in lines {
            stakes = stakes.checked_add(line.stakes)?;
        }
        let least = condition.stakes.get(&currency.code());
        let least = least.map(|least| at_scale(*least, currency.zero())).transpose()?;
        if rounds < condition.rounds.into() || least.is_some_and(|least| stakes < least) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A share of a difference, rounded towards zero; below zero if `less` is the greater one.
fn share_of_difference(
    more: Amount,
    less: Amount,
    rate: crate::money::BasisPoints,
) -> Result<Amount, AmountError> {
    if less > more {
        let zero = Amount::zero(more.scale());
        return zero.checked_sub(less.checked_sub(more)?.basis_points(rate, Rounding::Floor)?);
    }
    more.checked_sub(less)?.basis_points(rate, Rounding::Floor)
}

/// What a cashback gives before the most is looked at; zero below the least.
pub(super) fn worth(reward: &Reward, base: &CashbackBase, least: Amount) -> Result<Amount, AmountError> {
    let zero = Amount::zero(base.bonus_wins.scale());
    let Reward::Cashback { of, rates, others, .. } = reward else { return Ok(zero) };
    let mut sum = match of {
        CashbackOf::Ggr => zero.checked_sub(base.bonus_wins)?,
        CashbackOf::Turnover => zero,
    };
    for line in &base.lines {
        let Some(rate) = rates.get(&line.product).or(others.as_ref()) else { continue };
        sum = sum.checked_add(match of {
            CashbackOf::Ggr => share_of_difference(line.stakes, line.wins, *rate)?,
            CashbackOf::Turnover => line.stakes.basis_points(*rate, Rounding::Floor)?,
        })?;
    }
    Ok(if sum < least || sum.is_negative() { zero } else { sum })
}
