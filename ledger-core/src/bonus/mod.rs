//! Bonuses: awards of bonus credits that are wagered, and become cash by one conversion or not at all.
//!
//! An award is a lot of credits in a book of its own. Stakes draw from it in the order its terms declare, wins come back
//! by the sources of the stakes they answer, and what a stake counted is recorded with it and reversed as it was
//! recorded. What ends an award is decided in the commit that causes it ([`follow_up`]).

mod cashback;
mod command;
mod decide;
mod endings;
mod leaving;
mod offer;
mod postings;
mod shares;
mod state;
mod wagering;

pub use cashback::{CASHBACK_LINES_MAX, Played, PlayedProduct};
pub use command::{CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus};
pub(crate) use decide::grant;
pub(crate) use endings::follow_up;
pub(crate) use leaving::{check_withdrawal, lost_to_withdrawal};
pub use offer::{ClaimBonus, OfferBonus};
pub(crate) use postings::{
    Moved, give_back_bonus, hold_bonus, hold_bonus_again, pay_bonus, take_bonus, take_bonus_win,
};
pub(crate) use shares::{add_shares, less_shares, part_of, parts, sum, win_shares, with_amounts};
pub use state::{AWARDS_MAX, Award, AwardStatus, Offer};
pub(crate) use state::{evolve, fold_award};
pub(crate) use wagering::{Asking, Stakeable, count, stakeable, uncount, uncounted};
