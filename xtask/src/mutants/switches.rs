//! The switches of the mutants: which one is on stands in `LEDGER_MUTANT`.

use std::cell::Cell;
use std::sync::OnceLock;

use crate::{Amount, SubAccount};

/// Whether one of these mutants is on.
pub(crate) fn on(mutants: &[u32]) -> bool {
    static MUTANT: OnceLock<Option<u32>> = OnceLock::new();
    let mutant = MUTANT.get_or_init(|| std::env::var("LEDGER_MUTANT").ok().and_then(|text| text.parse().ok()));
    mutant.is_some_and(|mutant| mutants.contains(&mutant))
}

/// An amount, or twice of it, or nothing.
pub(crate) fn amount(double: &[u32], none: &[u32], amount: Amount) -> Amount {
    if on(double) {
        amount.checked_add(amount).unwrap_or(amount)
    } else if on(none) {
        amount.checked_sub(amount).unwrap_or(amount)
    } else {
        amount
    }
}

/// A sub-account, or another one.
pub(crate) fn sub_account<T: Other>(mutants: &[u32], of: T) -> T {
    if on(mutants) { of.other() } else { of }
}

pub(crate) trait Other {
    fn other(self) -> Self;
}

impl Other for SubAccount {
    fn other(self) -> Self {
        Self::new("mutant").unwrap_or(self)
    }
}

impl Other for Option<SubAccount> {
    fn other(self) -> Self {
        self.map(Other::other)
    }
}

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Tells the function that is called next to take two of its arguments the other way round.
pub(crate) fn arm<T>(mutants: &[u32], last_argument: T) -> T {
    if on(mutants) {
        ARMED.set(true);
    }
    last_argument
}

/// Whether the function was told to.
pub(crate) fn is_armed() -> bool {
    ARMED.take()
}
