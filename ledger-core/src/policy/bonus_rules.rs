//! What terms of bonuses say beyond play: what a player's leaving does to an award, which awards go together, and what
//! jurisdictions forbid of all of it.

use serde::{Deserialize, Serialize};

use super::bonus::{BonusTerms, Reward, WHOLE, WageringBase};
use crate::ids::JurisdictionId;
use crate::money::{Amount, AmountError, BasisPoints, Rounding};

/// The most conditions of one mission.
pub const MISSION_CONDITIONS_MAX: usize = 16;

/// What a withdrawal does to an award in its currency (B.7, B20, B35 in docs/bonuses.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnWithdrawal {
    /// The award is forfeited by the request.
    #[default]
    Forfeit,
    /// Cash may leave at any time and the award stays, as long as some cash does; a request that leaves none forfeits it.
    CashFree,
    /// The request is refused while the award is live. It holds nobody who may not play: of him it is forfeited.
    Block,
}

/// What becomes of an award when its player excludes himself or is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnLeaving {
    /// It is forfeited.
    #[default]
    Forfeit,
    /// It stays, and its time goes on.
    Keep,
}

/// What a player's leaving does to an award. An award that is wagered to its end, and only waits for open rounds, is not
/// lost by any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Leaving {
    /// He asks for money out.
    #[serde(skip_serializing_if = "super::is_default")]
    pub withdrawal: OnWithdrawal,
    /// He excludes himself. A time-out does nothing to an award.
    #[serde(skip_serializing_if = "super::is_default")]
    pub self_exclusion: OnLeaving,
    /// He is closed.
    #[serde(skip_serializing_if = "super::is_default")]
    pub closing: OnLeaving,
}

/// Whether what was given becomes cash with what was won with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// It does.
    #[default]
    Converted,
    /// It is taken away when the award is completed: a sticky bonus, or a phantom one (B17, B18).
    Removed,
}

/// What a jurisdiction forbids of bonuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BonusRestrictions {
    /// All of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forbidden: bool,
    /// A target above so many times the bonus: 100,000 is ten times (B05).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wagering_max: Option<BasisPoints>,
    /// A limit to what is converted (H23).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_max_conversion: bool,
    /// Terms under which a withdrawal of cash is refused or costs the bonus: [`OnWithdrawal::CashFree`] alone is allowed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cash_free: bool,
    /// A shorter time to play than so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_secs: Option<u32>,
}

impl BonusRestrictions {
    /// Nothing.
    pub const NONE: Self = Self {
        forbidden: false,
        wagering_max: None,
        no_max_conversion: false,
        cash_free: false,
        least_secs: None,
    };

    /// What of terms is forbidden whatever is granted under them, in words; `None` if nothing is.
    pub fn forbid(&self, terms: &BonusTerms) -> Option<&'static str> {
        let is_short = |least: u32| terms.expires_after_secs.is_some_and(|secs| secs < least);
        if self.forbidden {
            Some("bonuses are forbidden")
        } else if self.wagering_max.is_some_and(|most| !is_within(terms, most)) {
            Some("more must be wagered than is allowed")
        } else if self.no_max_conversion && terms.max_conversion.is_some() {
            Some("what is converted may not be limited")
        } else if self.cash_free && terms.leaving.withdrawal != OnWithdrawal::CashFree {
            Some("cash may always be withdrawn")
        } else if self.least_secs.is_some_and(is_short) {
            Some("the time to play is too short")
        } else {
            None
        }
    }

    /// Whether a target is above what may be asked for a bonus of an amount.
    ///
    /// # Errors
    ///
    /// [`AmountError`] if the limit cannot be computed.
    pub(crate) fn forbids_target(&self, amount: Amount, target: Amount) -> Result<bool, AmountError> {
        match self.wagering_max {
            Some(most) => Ok(target > amount.basis_points(most, Rounding::Floor)?),
            None => Ok(false),
        }
    }
}

/// Whether terms can keep to a target of so many times the bonus. Where the deposit is in the base too and the bonus is
/// a share of it, the bonus is at most that share; where it is not known what it is, a grant tells.
fn is_within(terms: &BonusTerms, most: BasisPoints) -> bool {
    let (times, most) = (u128::from(terms.wagering.times.get()), u128::from(most.get()));
    match (terms.wagering.base, &terms.reward) {
        (WageringBase::DepositAndBonus, Reward::Match { rate, .. }) => {
            let (rate, whole) = (u128::from(rate.get()), u128::from(WHOLE));
            times.saturating_mul(rate.saturating_add(whole)) <= most.saturating_mul(rate)
        }
        _ => times <= most,
    }
}

impl BonusTerms {
    /// Whether they are for players of a jurisdiction: it or what it is a part of is named (`GB` for `GB-ENG`), or none is.
    pub fn are_for(&self, jurisdiction: &JurisdictionId) -> bool {
        let name = jurisdiction.as_str();
        let whole = name.split('-').next().unwrap_or(name);
        let fits = |own: &JurisdictionId| own.as_str() == name || own.as_str() == whole;
        self.jurisdictions.is_empty() || self.jurisdictions.iter().any(fits)
    }

    /// What in them contradicts itself, in words; `None` if nothing does.
    pub fn contradiction(&self) -> Option<&'static str> {
        let share = self.release_every.map(BasisPoints::get);
        if share.is_some_and(|share| share == 0 || share > WHOLE) {
            Some("a bonus is released by a share between nothing and all")
        } else if share.is_some() && self.principal == Principal::Removed {
            Some("what is taken away in the end cannot be released before")
        } else if matches!(&self.reward, Reward::Mission { conditions, .. }
            if conditions.is_empty() || conditions.len() > MISSION_CONDITIONS_MAX)
        {
            Some("a mission has conditions, and not too many")
        } else {
            None
        }
    }
}
