//! What a player asked for lately: exact, for limits over rolling windows (W17).

use serde::{Deserialize, Serialize};

use crate::money::{Amount, AmountError, CurrencyCode};
use crate::stored::{Event, PaymentRef};
use crate::time::Timestamp;

/// The most withdrawals of one player within a month; parts of one that was split count each.
pub const RECENT_WITHDRAWALS_MAX: usize = 1_000;

/// A rolling window. A month has 31 days: no month of the calendar sees more than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Day,
    Week,
    Month,
}

impl Window {
    fn micros(self) -> i64 {
        let days: i64 = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
        };
        days.saturating_mul(86_400_000_000)
    }

    /// Whether something at an instant is within the window that ends now: at most so long ago.
    fn has(self, at: Timestamp, now: Timestamp) -> bool {
        now.as_micros().saturating_sub(at.as_micros()) < self.micros()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    of: PaymentRef,
    currency: CurrencyCode,
    amount: Amount,
    at: Timestamp,
}

/// The withdrawals of a player that were not cancelled, rejected, expired, failed or returned, by when he asked for
/// them. What is older than a month is forgotten with the next request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Recent(Vec<Asked>);

impl Recent {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, of: &PaymentRef, currency: CurrencyCode, amount: Amount, at: Timestamp) {
        self.0.push(Asked { of: of.clone(), currency, amount, at });
    }

    fn remove(&mut self, of: &PaymentRef) {
        self.0.retain(|asked| asked.of != *of);
    }

    /// How many there are within a month.
    pub(super) fn count(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|asked| Window::Month.has(asked.at, now)).count()
    }

    /// What was asked for within a window.
    pub(super) fn sum(
        &self,
        window: Window,
        zero: Amount,
        currency: CurrencyCode,
        now: Timestamp,
    ) -> Result<Amount, AmountError> {
        let own = self.0.iter().filter(|asked| asked.currency == currency && window.has(asked.at, now));
        own.map(|asked| asked.amount).try_fold(zero, Amount::checked_add)
    }

    /// Follows an event of a withdrawal.
    pub(crate) fn evolve(
        &mut self,
        of: &PaymentRef,
        event: &Event,
        at: Timestamp,
    ) -> Result<(), AmountError> {
        match event {
            Event::WithdrawalRequested(event) => {
                self.0.retain(|asked| Window::Month.has(asked.at, at));
                self.add(of, event.currency, event.hold.amount, at);
            }
            Event::WithdrawalSplitOff(event) => {
                self.add(of, event.currency, event.hold.amount, event.requested_at);
            }
            Event::WithdrawalPaid(event) if event.late.is_some() => {
                self.add(of, event.currency, event.amount, at);
            }
            Event::WithdrawalPaid(event) => {
                for asked in self.0.iter_mut().filter(|asked| asked.of == *of) {
                    let unpaid =
                        event.rest.as_ref().map_or(Amount::zero(asked.amount.scale()), |rest| rest.amount);
                    asked.amount = asked.amount.checked_sub(unpaid)?;
                }
            }
            Event::WithdrawalSplit(_)
            | Event::WithdrawalCancelled(_)
            | Event::WithdrawalRejected(_)
            | Event::WithdrawalExpired(_)
            | Event::WithdrawalFailed(_)
            | Event::WithdrawalReturned(_) => self.remove(of),
            _ => {}
        }
        Ok(())
    }
}
