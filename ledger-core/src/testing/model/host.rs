//! Events of the host, as the model reads the rules.

use super::{Judged, Model};
use crate::host::{HostAccountClass, HostOperation};
use crate::player::Block;
use crate::policy::{AfterChargeback, TierBar, UnplayedMoney};

impl Model {
    pub(super) fn host(&mut self, c: &HostOperation) -> Judged {
        let namespace = c.namespace.to_string();
        let version = self.host.get(&namespace).copied().unwrap_or_default();
        let between = c.movement.as_ref().filter(|movement| movement.between_players);
        if between.is_some() && !self.profile().player_transfers {
            return Err("not_allowed");
        }
        if c.expected.is_some_and(|expected| expected != version) {
            return Err("host_version");
        }
        if let Some(movement) = &c.movement {
            let units = self.units(movement.amount, movement.currency)?;
            if units == 0 {
                return Err("invalid_amount");
            }
            let currency = movement.currency;
            if movement.between_players {
                self.may_transfer(movement.to_player)?;
            }
            let free = self.balance("player:cash", currency) - self.balance("receivable:player", currency);
            if !movement.to_player && units > free {
                return Err("insufficient_funds");
            }
            let goes = movement.between_players && !movement.to_player;
            if goes && self.rule_of_unplayed() != UnplayedMoney::Free && units > self.played_free(currency) {
                return Err("unplayed_deposits");
            }
            let (code, grows_by_debits) = match movement.account.class {
                HostAccountClass::Asset => ("host:asset", true),
                HostAccountClass::Liability => ("host:liability", false),
                HostAccountClass::Income => ("host:income", false),
                HostAccountClass::Expense => ("host:expense", true),
            };
            let account = format!("{code} of {namespace}/{}", movement.account.name);
            let debited = movement.to_player;
            self.add(&account, currency, if debited == grows_by_debits { units } else { -units });
            if movement.to_player {
                self.pay(currency, units);
            } else {
                self.add("player:cash", currency, -units);
            }
        }
        self.host.insert(namespace, version + 1);
        Ok("applied")
    }

    /// That money of another player may come to him, or his go to one.
    fn may_transfer(&self, comes: bool) -> Result<(), &'static str> {
        if self.office.closed {
            return Err("player_closed");
        }
        if comes {
            self.not_barred(Block::Deposits)?;
            return self.tier_lets(TierBar::Deposits);
        }
        self.not_excluded()?;
        let disputed = self.policy.withdrawals.after_chargeback == AfterChargeback::Reject;
        let bars = |block: &Block| match block {
            Block::PayoutsFrozen | Block::Withdrawals => true,
            Block::ChargedBack => disputed,
            _ => false,
        };
        if self.blocks.iter().any(bars) {
            return Err("player_blocked");
        }
        self.tier_lets(TierBar::Withdrawals)
    }
}
