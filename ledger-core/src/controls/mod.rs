//! What protects a player: limits on what he deposits, stakes and loses, decided in the same append as the money.
//!
//! What is counted for a limit is a fold of the events of money; nothing is written for it, and no cache can be behind. A
//! player without limits has no state here. docs/controls.md says what is checked when, and how windows move.

mod begin;
mod check;
mod command;
mod count;
mod counter;
mod decide;
mod exclusion;
mod follow;
mod game;
mod play_time;
mod profile;
mod protection;
mod register;
mod risk;
mod session_limit;
mod state;
mod tier;
mod window;

pub(crate) use begin::begin;
pub(crate) use check::{Asked, check};
pub use command::{ConfirmLimit, SetLimit};
pub(crate) use count::shares;
pub use counter::{Bucket, Counter};
pub(crate) use decide::is_whole;
pub use exclusion::{ExcludePlayer, Exclusion, ReturnFromExclusion};
pub use follow::LivePlay;
pub(crate) use game::{Begins, Staked, check_game, check_source, check_stake};
pub use play_time::{
    ConfirmPlayTimeLimit, PlayTime, PlayTimeLeft, PlayTimeLimit, PlayTimeWindow, STRETCHES_MAX,
    SetPlayTimeLimit, Stretch,
};
pub(crate) use play_time::{check as check_play_time, near as record_near_play_time};
pub use profile::AssignLimitProfile;
pub use protection::Protection;
pub(crate) use register::Gate;
pub use register::{
    KnownRegister, REGISTERS_MAX, RecordRegisterAnswers, RegisterAnswer, RegisterSays, SaidByRegister,
};
pub use risk::{
    AssignCase, CloseAlert, CloseCase, OPEN_ALERTS_MAX, OPEN_CASES_MAX, OpenAlert, OpenCase, OpenCaseFor,
    RaiseAlert,
};
pub use session_limit::{ConfirmSessionLimit, SessionLimit, SessionRaise, SetSessionLimit};
pub use state::{Controls, LimitLeft, PlayerLimit, Raise};
pub use tier::{SetPerson, SetTier};
pub(crate) use tier::{check_tier, tier_for_withdrawal, tiers_make_sense};
pub(crate) use window::is_zone;

/// The most limits of one player, of all sides and currencies; those that the policy sets come on top.
pub const LIMITS_MAX: usize = 64;
