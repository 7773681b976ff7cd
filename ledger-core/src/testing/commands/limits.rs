//! Commands on limits by texts: of `host`, in EUR.

use super::{currency, decimal, source, txn};
use crate::controls::{ConfirmLimit, ExcludePlayer, ReturnFromExclusion, SetLimit};
use crate::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow};
use crate::time::Timestamp;

/// A term in EUR.
pub fn term(kind: LimitKind, period: LimitPeriod, basis: LimitBasis) -> LimitTerm {
    LimitTerm { kind, currency: currency("EUR"), window: Some(LimitWindow { period, basis }) }
}

/// The term of single bets in EUR.
pub fn single_bet() -> LimitTerm {
    LimitTerm { kind: LimitKind::SingleBet, currency: currency("EUR"), window: None }
}

/// A limit of the player's own.
pub fn limit(id: &str, term: LimitTerm, amount: &str) -> SetLimit {
    SetLimit {
        source: source("host"),
        id: txn(id),
        side: LimitSide::Player,
        term,
        amount: Some(decimal(amount)),
        by: None,
    }
}

/// A limit of his that is to be lifted.
pub fn no_limit(id: &str, term: LimitTerm) -> SetLimit {
    SetLimit { amount: None, ..limit(id, term, "0") }
}

/// The confirmation of a higher limit.
pub fn confirm_limit(id: &str, term: LimitTerm) -> ConfirmLimit {
    ConfirmLimit { source: source("host"), id: txn(id), term }
}

/// An exclusion.
pub fn exclude(id: &str, kind: ExclusionKind, until: Option<Timestamp>) -> ExcludePlayer {
    ExcludePlayer { source: source("host"), id: txn(id), kind, until, by: None }
}

/// The return from a self-exclusion.
pub fn come_back(id: &str) -> ReturnFromExclusion {
    ReturnFromExclusion { source: source("host"), id: txn(id) }
}
