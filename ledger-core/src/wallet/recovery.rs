//! Where money comes from that is taken back after it may have been spent.

use super::Purse;
use crate::money::Amount;
use crate::player_ledger::Stop;
use crate::policy::ShortfallPolicy;
use crate::rejection::Rejection;
use crate::stored::Recovery;

/// Where money comes from when it is taken back: from cash, and what is missing as the policy says. `None` if the
/// player keeps all of it.
pub(crate) fn recovery(
    purse: &Purse,
    amount: Amount,
    policy: ShortfallPolicy,
) -> Result<Option<Recovery>, Stop> {
    recovery_of(purse, purse.cash(), amount, policy)
}

/// [`recovery`] from another amount of cash than the purse has now, because the same entry adds to it.
///
/// The policies that leave a spent amount alone look at cash less what the player owes: cash that pays a debt is
/// spent.
pub(crate) fn recovery_of(
    purse: &Purse,
    available: Amount,
    amount: Amount,
    policy: ShortfallPolicy,
) -> Result<Option<Recovery>, Stop> {
    let back = available.checked_sub(purse.cash())?;
    recovery_beside(purse, available, back, amount, policy)
}

/// [`recovery_of`] where the same entry gives `back` to the player, of which not all need be cash.
pub(crate) fn recovery_beside(
    purse: &Purse,
    available: Amount,
    back: Amount,
    amount: Amount,
    policy: ShortfallPolicy,
) -> Result<Option<Recovery>, Stop> {
    let zero = purse.currency().zero();
    let cash = available.min(amount)?;
    let short = amount.checked_sub(cash)?;
    // What the same entry gives back is not asked for of what he has.
    let net = amount.checked_sub(back)?;
    let is_spent = net.is_positive() && net > purse.available();
    match policy {
        ShortfallPolicy::Retain if is_spent => Ok(None),
        ShortfallPolicy::ZeroOut => Ok(Some(Recovery { cash, receivable: zero, written_off: short })),
        // Whatever the policy, it may be short where what is given back pays a debt: he owes no more than before.
        ShortfallPolicy::AllowNegative | ShortfallPolicy::Retain => {
            Ok(Some(Recovery { cash, receivable: short, written_off: zero }))
        }
        ShortfallPolicy::Reject if !is_spent => {
            Ok(Some(Recovery { cash, receivable: short, written_off: zero }))
        }
        ShortfallPolicy::Reject => Err(Rejection::InsufficientFunds {
            available: purse.available(),
            currency: purse.currency().code(),
        }
        .into()),
    }
}
