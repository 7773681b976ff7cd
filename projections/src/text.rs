//! The words that stand in SQL columns.

use std::time::Duration;

use ledger_core::stored::RoundStatus;
use ledger_core::{Account, AccountKind, SubAccount, Timestamp};

use crate::error::ViewError;
pub(crate) use crate::sql::parse;

/// An id of a column, checked again.
pub(crate) fn parse_id<T, E: std::fmt::Display>(id: Result<T, E>) -> Result<T, ViewError> {
    id.map_err(|error| ViewError::Damaged(error.to_string()))
}

/// A number of a column, as one that is never below zero.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn natural(number: i64) -> Result<u64, ViewError> {
    u64::try_from(number).map_err(|_| ViewError::Damaged(format!("{number} is below zero")))
}

pub(crate) fn kind_text(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Real => "real",
        AccountKind::Test => "test",
    }
}

pub(crate) fn parse_kind(text: &str) -> Result<AccountKind, ViewError> {
    match text {
        "real" => Ok(AccountKind::Real),
        "test" => Ok(AccountKind::Test),
        _ => Err(ViewError::Damaged(format!("{text:?} is not a kind of account"))),
    }
}

pub(crate) fn status_text(status: RoundStatus) -> Result<&'static str, ViewError> {
    match status {
        RoundStatus::Open => Ok("open"),
        RoundStatus::Closed => Ok("closed"),
        RoundStatus::Void => Ok("void"),
        RoundStatus::Cancelled => Ok("cancelled"),
        status => Err(ViewError::home(format!("the round status {status:?} has no column text"))),
    }
}

pub(crate) fn parse_status(text: &str) -> Result<RoundStatus, ViewError> {
    match text {
        "open" => Ok(RoundStatus::Open),
        "closed" => Ok(RoundStatus::Closed),
        "void" => Ok(RoundStatus::Void),
        "cancelled" => Ok(RoundStatus::Cancelled),
        _ => Err(ViewError::Damaged(format!("{text:?} is not the status of a round"))),
    }
}

pub(crate) fn sub_account_text(of: Option<&SubAccount>) -> &str {
    of.map_or("", SubAccount::as_str)
}

/// An account from its columns.
pub(crate) fn parse_account(kind: &str, code: &str, of: &str, currency: &str) -> Result<Account, ViewError> {
    let of = if of.is_empty() { None } else { Some(SubAccount::new(of)) };
    let of = of.transpose().map_err(|error| ViewError::Damaged(error.to_string()))?;
    Ok(Account { kind: parse_kind(kind)?, code: parse(code)?, of, currency: parse(currency)? })
}

/// How long it is from one instant to another; nothing if the other is not later.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    let micros = now.as_micros().saturating_sub(then.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
