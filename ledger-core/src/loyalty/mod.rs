//! Loyalty points: a unit of their own beside money, earned by what was played and spent on bonuses. Points are no money: no
//! entry has them, and they leave as a bonus or not at all.
//!
//! A programme is a document of the policy ([`LoyaltyTerms`](crate::LoyaltyTerms)). What a player has of each is in his state
//! ([`Points`]); every change is an event of his stream with the points after it.

mod command;
mod decide;
mod state;

pub use command::{AdjustPoints, EarnPoints, ExpirePoints, SpendPoints};
pub(crate) use decide::is_sensible;
pub(crate) use state::counted_up_to;
pub use state::{POINTS_MAX, PROGRAMMES_MAX, Points, Rewards};
