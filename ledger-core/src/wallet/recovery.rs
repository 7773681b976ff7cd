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
    let zero = purse.currency().zero();
    let cash = purse.cash().min(amount)?;
    let short = amount.checked_sub(cash)?;
    if short.is_zero() {
        return Ok(Some(Recovery { cash, receivable: zero, written_off: zero }));
    }
    match policy {
        ShortfallPolicy::AllowNegative => Ok(Some(Recovery { cash, receivable: short, written_off: zero })),
        ShortfallPolicy::ZeroOut => Ok(Some(Recovery { cash, receivable: zero, written_off: short })),
        ShortfallPolicy::Retain => Ok(None),
        ShortfallPolicy::Reject => Err(Rejection::InsufficientFunds {
            available: purse.available(),
            currency: purse.currency().code(),
        }
        .into()),
    }
}
