//! Openings and credits, as the model reads the rules.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judged, Model};
use crate::credit::GrantCredit;
use crate::player::OpenPlayer;
use crate::stored::CreditKind;

impl Model {
    pub(super) fn open(&mut self, c: &OpenPlayer) -> Judged {
        if self.purses.is_some() {
            return Err("not_allowed");
        }
        let distinct: BTreeSet<_> = c.currencies.iter().collect();
        if distinct.is_empty() || distinct.len() != c.currencies.len() {
            return Err("not_allowed");
        }
        let mut purses = BTreeMap::new();
        for code in &c.currencies {
            let currency = self.registry.get(*code).ok_or("currency_unknown")?;
            purses.insert(*code, (currency.scale(), currency.maximum().units()));
        }
        if jiff::tz::TimeZone::get(&c.zone).is_err() {
            return Err("zone_unknown");
        }
        self.purses = Some(purses);
        self.kind = c.kind;
        self.jurisdiction = c.jurisdiction.to_string();
        self.limits.zone.clone_from(&c.zone);
        Ok("applied")
    }

    pub(super) fn credit(&mut self, c: &GrantCredit) -> Judged {
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Ok("noop");
        }
        let (account, change) = match c.reason {
            CreditKind::ProviderPromo | CreditKind::NetworkJackpot => {
                (format!("receivable:provider of {}", c.source), units)
            }
            CreditKind::FreeRound => (format!("freespin:cost of {}", c.of), units),
            CreditKind::Cashback => (format!("cashback:cost of {}", c.of), units),
            CreditKind::LocalJackpot => {
                (format!("jackpot:liability of {}", c.of), -units * self.fine(c.currency)?)
            }
        };
        self.add(&account, c.currency, change);
        self.pay(c.currency, units);
        if let Some(round) = &c.round {
            self.touch(&(c.source.to_string(), round.to_string()));
        }
        Ok("applied")
    }
}
