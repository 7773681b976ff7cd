//! Checks of the host: pure, versioned, and able to refuse only.

use std::fmt::Debug;
use std::sync::Arc;

use crate::ids::HostName;
use crate::player_ledger::{PlayerCommand, PlayerState};
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// Why a check refuses, in a word of the host that its adapters map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The host's code, such as `vip_only`.
    pub code: HostName,
}

/// A check of the host, asked of every command that takes the player's money or starts a payment, after all
/// checks of the ledger and before funds. Wins, rollbacks and corrections are never asked about: they must pass.
///
/// It must be pure: equal arguments, equal answer, no clock, no input or output. It runs on the writer's thread.
/// The policy names the checks in force with their versions, so that the policy hash of every commit tells which
/// code had its say; raise the version with every change of behaviour.
pub trait PreCheck: Debug + Send + Sync {
    /// Its name, such as `acme.vip`.
    fn name(&self) -> &HostName;

    /// Its version.
    fn version(&self) -> u32;

    /// Passes or refuses a command.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the host's code.
    fn check(&self, state: &PlayerState, command: &PlayerCommand, now: Timestamp) -> Result<(), Refused>;
}

/// Whether checks are asked about a command.
pub(crate) fn takes_part(command: &PlayerCommand, refused: Option<&Rejection>) -> bool {
    command.takes_money()
        && refused.is_none_or(|rejection| {
            matches!(rejection, Rejection::UnplayedDeposits { .. } | Rejection::InsufficientFunds { .. })
        })
}

/// The first refusal of the checks.
pub(crate) fn run_checks(
    checks: &[Arc<dyn PreCheck>],
    state: &PlayerState,
    command: &PlayerCommand,
    now: Timestamp,
) -> Result<(), Rejection> {
    checks.iter().try_for_each(|check| {
        check.check(state, command, now).map_err(|Refused { code }| Rejection::HostRefused {
            check: check.name().clone(),
            version: check.version(),
            refusal: code,
        })
    })
}
