//! What the back office does, as the model reads the rules.

use std::collections::BTreeMap;

use super::{Judged, Model};
use crate::adjustment::ReclaimDormant;
use crate::adjustment::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReturnTax, TransferDormant, WithholdTax,
};
use crate::money::CurrencyCode;
use crate::player::{AddPurse, ClosePlayer, ReopenPlayer};
use crate::player_ledger::PlayerCommand;
use crate::policy::ShortfallPolicy;
use crate::stored::Direction;

type Key = (String, String);

#[derive(Debug, Clone)]
struct ModelTax {
    currency: CurrencyCode,
    of: String,
    units: i128,
    /// What the player did not pay.
    lost: i128,
    back: i128,
}

/// What the back office has open.
#[derive(Debug, Clone, Default)]
pub(super) struct Office {
    proposals: BTreeMap<Key, (ProposeCorrection, i128)>,
    decided: Vec<Key>,
    taxes: BTreeMap<Key, ModelTax>,
    pub(super) exchanges: BTreeMap<Key, super::exchange::ModelExchange>,
    pub(super) closed: bool,
}

impl Model {
    /// How many corrections wait for a decision.
    pub fn live_proposals(&self) -> usize {
        self.office.proposals.len()
    }

    /// Whether the player is closed.
    pub fn is_closed(&self) -> bool {
        self.office.closed
    }

    /// An amount above zero.
    fn some_units(
        &self,
        amount: rust_decimal::Decimal,
        currency: CurrencyCode,
    ) -> Result<i128, &'static str> {
        match self.units(amount, currency)? {
            0 => Err("invalid_amount"),
            units => Ok(units),
        }
    }

    /// Takes money for an account of the house. What of it came from where: cash, nowhere.
    fn charge(
        &mut self,
        to: &str,
        currency: CurrencyCode,
        units: i128,
        policy: ShortfallPolicy,
    ) -> Option<i128> {
        let cash = self.balance("player:cash", currency).min(units);
        // Cash that pays a debt is spent.
        let free = self.balance("player:cash", currency) - self.balance("receivable:player", currency);
        let missing = match policy {
            ShortfallPolicy::Retain if free < units => return None,
            ShortfallPolicy::ZeroOut => "bad_debt",
            _ => "receivable:player",
        };
        self.add("player:cash", currency, -cash);
        self.add(missing, currency, units - cash);
        self.add(to, currency, if to.starts_with("adjustments") { -units } else { units });
        Some(if missing == "bad_debt" { units - cash } else { 0 })
    }

    pub(super) fn propose(&mut self, c: &ProposeCorrection) -> Judged {
        self.purse(c.currency)?;
        let units = self.some_units(c.amount, c.currency)?;
        if self.office.proposals.len() >= 64 {
            return Err("capacity_exceeded");
        }
        self.office.proposals.insert((c.source.to_string(), c.id.to_string()), (c.clone(), units));
        Ok("applied")
    }

    pub(super) fn decide_proposal(&mut self, c: &DecideCorrection) -> Judged {
        let key = (c.source.to_string(), c.proposal.to_string());
        let (proposal, units) = self.office.proposals.get(&key).cloned().ok_or("not_allowed")?;
        let mut outcome = "applied";
        if c.approve {
            if c.by == proposal.by {
                return Err("not_allowed");
            }
            let (currency, account) = (proposal.currency, format!("adjustments of {}", proposal.code));
            if proposal.direction == Direction::Credit {
                self.add(&account, currency, units);
                self.pay(currency, units);
            } else {
                let own = self.of_source(c.source.as_str()).on_shortfall;
                let policy = proposal.on_shortfall.unwrap_or(own);
                let owed = self.balance("receivable:player", currency);
                if policy == ShortfallPolicy::Reject && self.balance("player:cash", currency) - owed < units {
                    return Err("insufficient_funds");
                }
                if self.charge(&account, currency, units, policy).is_none() {
                    outcome = "noop";
                }
            }
        }
        self.office.proposals.remove(&key);
        self.office.decided.push(key);
        Ok(outcome)
    }

    pub(super) fn inactivity(&mut self, c: &ChargeInactivityFee) -> Judged {
        let units = self.some_units(c.amount, c.currency)?;
        let free = self.balance("player:cash", c.currency) - self.balance("receivable:player", c.currency);
        if free <= 0 {
            return Ok("noop");
        }
        self.add("player:cash", c.currency, -units.min(free));
        self.add("fees:income of inactivity", c.currency, units.min(free));
        Ok("applied")
    }

    fn turn(&mut self, from: &str, to: &str, currency: CurrencyCode) -> Judged {
        self.purse(currency)?;
        let all = self.balance(from, currency);
        self.add(from, currency, -all);
        self.add(to, currency, all);
        Ok(if all == 0 { "noop" } else { "applied" })
    }

    pub(super) fn sleep(&mut self, c: &TransferDormant) -> Judged {
        self.turn("player:cash", "player:dormant", c.currency)
    }

    pub(super) fn wake(&mut self, c: &ReclaimDormant) -> Judged {
        self.turn("player:dormant", "player:cash", c.currency)
    }

    pub(super) fn withhold(&mut self, c: &WithholdTax) -> Judged {
        let units = self.some_units(c.amount, c.currency)?;
        let free = self.balance("player:cash", c.currency) - self.balance("receivable:player", c.currency);
        let policy = c.on_shortfall.unwrap_or(ShortfallPolicy::Reject);
        if policy == ShortfallPolicy::Reject && free < units {
            return Err("insufficient_funds");
        }
        let of = format!("tax:withheld_player of {}", c.jurisdiction);
        let Some(lost) = self.charge(&of, c.currency, units, policy) else { return Ok("noop") };
        let tax = ModelTax { currency: c.currency, of, units, lost, back: 0 };
        self.office.taxes.insert((c.source.to_string(), c.id.to_string()), tax);
        Ok("applied")
    }

    pub(super) fn give_tax_back(&mut self, c: &ReturnTax) -> Judged {
        let key = (c.source.to_string(), c.tax.to_string());
        let tax = self.office.taxes.get(&key).cloned().ok_or("not_allowed")?;
        if tax.currency != c.currency {
            return Err("mismatch");
        }
        let (scale, _) = self.purse(c.currency)?;
        let left = rust_decimal::Decimal::from_i128_with_scale(tax.units - tax.back, u32::from(scale));
        if c.amount > left {
            return Err("mismatch");
        }
        let units = self.some_units(c.amount, c.currency)?;
        // Unit by unit: the player's come first, then what the house had lost.
        let own_left = (tax.units - tax.lost - tax.back).max(0);
        let own = units.min(own_left);
        self.add(&tax.of, c.currency, -units);
        self.pay(c.currency, own);
        self.add("bad_debt", c.currency, own - units);
        self.office.taxes.get_mut(&key).expect("the tax").back += units;
        Ok("applied")
    }

    pub(super) fn close_account(&mut self, _: &ClosePlayer) -> Judged {
        if self.office.closed {
            return Err("not_allowed");
        }
        self.office.closed = true;
        Ok("applied")
    }

    pub(super) fn reopen_account(&mut self, c: &ReopenPlayer) -> Judged {
        if !self.office.closed || c.by == c.approved_by {
            return Err("not_allowed");
        }
        self.office.closed = false;
        Ok("applied")
    }

    pub(super) fn add_purse(&mut self, c: &AddPurse) -> Judged {
        if self.purse(c.currency).is_ok() {
            return Err("not_allowed");
        }
        let currency = self.registry.get(c.currency).ok_or("currency_unknown")?;
        let purse = (currency.scale(), currency.maximum().units());
        if self.office.closed {
            return Err("player_closed");
        }
        self.purses.as_mut().expect("the player is open").insert(c.currency, purse);
        Ok("applied")
    }
}

/// The source, kind and id of a command of the back office.
pub(super) fn name(command: &PlayerCommand) -> Option<(Key, &'static str)> {
    let texts =
        |source: &crate::ids::SourceId, id: &crate::ids::TransactionId| (source.to_string(), id.to_string());
    Some(match command {
        PlayerCommand::ProposeCorrection(c) => (texts(&c.source, &c.id), "correction"),
        PlayerCommand::DecideCorrection(c) => (texts(&c.source, &c.id), "correction_decision"),
        PlayerCommand::ChargeInactivityFee(c) => (texts(&c.source, &c.id), "inactivity_fee"),
        PlayerCommand::TransferDormant(c) => (texts(&c.source, &c.id), "dormant_transfer"),
        PlayerCommand::ReclaimDormant(c) => (texts(&c.source, &c.id), "dormant_reclaim"),
        PlayerCommand::WithholdTax(c) => (texts(&c.source, &c.id), "tax"),
        PlayerCommand::ReturnTax(c) => (texts(&c.source, &c.id), "tax_return"),
        PlayerCommand::ClosePlayer(c) => (texts(&c.source, &c.id), "player_close"),
        PlayerCommand::ReopenPlayer(c) => (texts(&c.source, &c.id), "player_reopen"),
        PlayerCommand::AddPurse(c) => (texts(&c.source, &c.id), "purse"),
        PlayerCommand::Exchange(c) => (texts(&c.source, &c.id), "exchange"),
        PlayerCommand::ReverseExchange(c) => (texts(&c.source, &c.id), "exchange_reversal"),
        _ => return None,
    })
}
