//! What else protects a player, and its fold: what registers outside of this ledger said of him, how far he is verified, how
//! long his sessions may be.

use serde::{Deserialize, Serialize};

use super::register::KnownRegister;
use super::risk::{OpenAlert, OpenCase};
use super::session_limit::SessionLimit;
use crate::ids::{ProfileName, TierName};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{
    Event, Money, PayoutReturnedTo, RegisterRecord, SessionLimitRaiseRequested, SessionLimitSet,
};
use crate::time::Timestamp;

/// What protects a player beside limits, blocks and exclusions of this ledger's own. A player of whom there is nothing of
/// it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// In the order they first answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    registers: Vec<KnownRegister>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<TierName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_profile: Option<ProfileName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_limit: Option<SessionLimit>,
    /// In the order they were raised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alerts: Vec<OpenAlert>,
    /// In the order they were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cases: Vec<OpenCase>,
    /// What was paid out to him so far, less what came back to him, by currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paid_out: Vec<Money>,
}

impl Protection {
    /// What registers said of him, in the order they first answered.
    pub fn registers(&self) -> &[KnownRegister] {
        &self.registers
    }

    /// How far he is verified; `None` if nobody said.
    pub fn tier(&self) -> Option<&TierName> {
        self.tier.as_ref()
    }

    /// The profile of limits he was assigned; `None` for the default.
    pub fn limit_profile(&self) -> Option<&ProfileName> {
        self.limit_profile.as_ref()
    }

    /// His own limit on the time of a session.
    pub fn session_limit(&self) -> Option<&SessionLimit> {
        self.session_limit.as_ref()
    }

    pub(crate) fn alerts(&self) -> &[OpenAlert] {
        &self.alerts
    }

    pub(crate) fn cases(&self) -> &[OpenCase] {
        &self.cases
    }

    /// Folds an event of alerts and cases.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow.
    pub(crate) fn evolve_risk(&mut self, event: &Event, at: Timestamp) -> Result<(), Fault> {
        let missing = || Fault::corrupted("an alert or a case is named that is not open");
        match event {
            Event::AlertRaised(event) => {
                let (of, signal) = (event.txn.clone(), event.signal.clone());
                self.alerts.push(OpenAlert { of, signal, at });
            }
            Event::AlertClosed(event) => {
                let index = self.alerts.iter().position(|open| open.of == event.alert);
                self.alerts.remove(index.ok_or_else(missing)?);
            }
            Event::CaseOpened(event) => {
                self.cases.push(OpenCase { of: event.txn.clone(), assigned_to: None, at });
            }
            Event::CaseAssigned(event) => {
                let open = self.cases.iter_mut().find(|open| open.of == event.case);
                open.ok_or_else(missing)?.assigned_to = Some(event.to.clone());
            }
            Event::CaseClosed(event) => {
                let index = self.cases.iter().position(|open| open.of == event.case);
                self.cases.remove(index.ok_or_else(missing)?);
            }
            event => return Err(Fault::corrupted(format!("{} is of no risk", event.type_name()))),
        }
        Ok(())
    }

    /// What was paid out to him so far in a currency, less what came back to him.
    pub fn paid_out(&self, currency: CurrencyCode) -> Option<Amount> {
        self.paid_out.iter().find(|paid| paid.currency == currency).map(|paid| paid.amount)
    }

    /// The estimated bytes of it in a cache.
    pub fn weight(&self) -> usize {
        let open = self.alerts.len().saturating_add(self.cases.len()).saturating_mul(200);
        let paid = self.paid_out.len().saturating_mul(48).saturating_add(open);
        self.registers.len().saturating_mul(160).saturating_add(paid).saturating_add(160)
    }

    /// Folds the answers of registers.
    pub(crate) fn answered(&mut self, answers: &[RegisterRecord]) {
        for answer in answers {
            KnownRegister::take(&mut self.registers, answer);
        }
    }

    /// Folds that he is verified so far from here on.
    pub(crate) fn verified(&mut self, tier: Option<&TierName>) {
        self.tier = tier.cloned();
    }

    /// Folds that he has the limits of this profile from here on.
    pub(crate) fn assigned(&mut self, profile: Option<&ProfileName>) {
        self.limit_profile = profile.cloned();
    }

    /// Folds a new limit on the time of a session.
    pub(crate) fn session_limited(&mut self, event: &SessionLimitSet) {
        self.session_limit = SessionLimit::set(event);
    }

    /// Folds that he asked for longer sessions. What waited before and has come by itself is what he has.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no limit.
    pub(crate) fn session_raise_requested(
        &mut self,
        event: &SessionLimitRaiseRequested,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let missing = || Fault::corrupted("a session limit is to be raised that there is not");
        let limit = self.session_limit.as_mut().ok_or_else(missing)?;
        *limit = limit.after_request(event, now);
        Ok(())
    }

    /// Folds a deposit that was started, or captured without a start: so much less is left of what registers said.
    fn deposited(&mut self, currency: CurrencyCode, amount: Amount) {
        for register in &mut self.registers {
            register.deposited(currency, amount);
        }
    }

    /// Folds an event of money.
    pub(crate) fn follow_money(&mut self, event: &Event) {
        match event {
            Event::DepositInitiated(event) => self.deposited(event.currency, event.amount),
            Event::DepositSucceeded(event) if event.intent.is_none() => {
                self.deposited(event.currency, event.amount);
            }
            Event::WithdrawalPaid(event) => {
                self.pay_out(Money { currency: event.currency, amount: event.amount }, false);
            }
            Event::WithdrawalReturned(event) if event.to == PayoutReturnedTo::Player => {
                self.pay_out(Money { currency: event.currency, amount: event.amount }, true);
            }
            _ => {}
        }
    }

    /// So much more, or less, was paid out. A sum that no amount can hold stays as it is.
    fn pay_out(&mut self, of: Money, is_back: bool) {
        let units = if is_back { of.amount.units().saturating_neg() } else { of.amount.units() };
        let sum = |paid: &Money| {
            let units = paid.amount.units().checked_add(units)?;
            Amount::new(units, paid.amount.scale()).ok()
        };
        match self.paid_out.iter_mut().find(|paid| paid.currency == of.currency) {
            Some(paid) => paid.amount = sum(paid).unwrap_or(paid.amount),
            None => {
                let zero = Money { amount: Amount::zero(of.amount.scale()), ..of };
                self.paid_out.push(Money { amount: sum(&zero).unwrap_or(zero.amount), ..of });
            }
        }
    }
}
