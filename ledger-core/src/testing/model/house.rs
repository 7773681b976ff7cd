//! The house, as the model reads its rules: plain maps and integers, without events. It shares no code with the core
//! but the command types.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::jackpots::{ModelPool, eighteen};
use super::tournaments::ModelTournament;
use super::{Judged, refused};
use crate::account::Side;
use crate::house::{
    AssignSuspense, CancelAssignment, ConfirmAssignment, ConvertedNet, DecideJournal, HouseCommand,
    ProposeJournal, PublishDocument, ReturnSuspense, SettlementLine, SuspendCapture,
};
use crate::ids::{ActorId, Reason, TransactionId};
use crate::money::{CurrencyCode, CurrencyRegistry};
use crate::policy::Policy;
use crate::stored::{
    AccrualDirection, AuthorityLine, AwardOutcome, BankAccount, CancelProof, Funds, FxDirection,
    LossDirection, PaymentRef, ProviderLine, PspLine, SeedMovement, SweepOrigin,
};
use crate::testing::commands;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Open,
    Assigned(PaymentRef),
    Gone,
}

#[derive(Debug, Clone)]
struct ModelItem {
    currency: CurrencyCode,
    units: i128,
    place: Place,
}

#[derive(Debug, Clone)]
struct ModelVersion {
    content: String,
    from: i64,
}

type Name = (String, String);

/// The naive model of one partition of the house.
///
/// It answers each command with the text that [`super::super::TestOutcome::text`] has for it, and keeps the balance
/// of every account.
#[derive(Debug, Clone)]
pub struct HouseModel {
    /// `psp`, `treasury` ...
    purpose: String,
    /// What stands behind the purpose.
    of: String,
    test: bool,
    registry: CurrencyRegistry,
    policy: Policy,
    keys: BTreeMap<(String, &'static str, String), HouseCommand>,
    begun: bool,
    /// In units of 10^-18, on the normal side.
    accounts: BTreeMap<(String, CurrencyCode), i128>,
    items: BTreeMap<String, ModelItem>,
    journals: BTreeMap<Name, (ProposeJournal, bool)>,
    recorded: BTreeSet<CurrencyCode>,
    documents: BTreeMap<Name, Vec<ModelVersion>>,
    pool: ModelPool,
    tournament: ModelTournament,
    /// Microseconds since 1970.
    level: u16,
    now: i64,
}

const FINEST: u32 = 18;

/// Which way an amount moves an account.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Up,
    Down,
}

fn bank_name(bank: &BankAccount) -> String {
    let kind = if bank.funds == Funds::Players { "bank:players" } else { "bank:operating" };
    format!("{kind} of {}", bank.account)
}

/// The accounts that grow by credits.
fn is_credit(account: &str) -> bool {
    let credits = [
        "payouts:",
        "jackpot:liability",
        "jackpot:seed_reserve",
        "jackpot:network_payable",
        "tournament:pool",
        "tips:",
        "tax:withheld_player",
        "provider:fees_payable",
        "suspense:",
        "gaming:stakes",
        "gaming:rake",
        "fees:income",
        "fx:gain_loss",
        "rounding",
        "host:liability",
        "host:income",
    ];
    let duty = account.starts_with("tax:gaming_duty") && !account.starts_with("tax:gaming_duty_expense");
    duty || credits.iter().any(|start| account.starts_with(start))
}

/// The digits of an account.
fn digits(account: &str, scale: u32) -> u32 {
    let fine = ["fx:position", "rounding", "jackpot:", "gaming:jackpot_contribution"];
    if fine.iter().any(|start| account.starts_with(start)) { (scale + 4).min(FINEST) } else { scale }
}

impl HouseModel {
    /// A model of a partition in which nothing has happened.
    pub fn new(house: &str, policy: Policy, registry: CurrencyRegistry) -> Self {
        let test = house.starts_with("test/");
        let name = house.trim_start_matches("test/");
        let (purpose, of) = name.split_once('/').unwrap_or((name, ""));
        Self {
            purpose: purpose.to_owned(),
            of: of.to_owned(),
            test,
            registry,
            policy,
            keys: BTreeMap::new(),
            begun: false,
            accounts: BTreeMap::new(),
            items: BTreeMap::new(),
            journals: BTreeMap::new(),
            recorded: BTreeSet::new(),
            documents: BTreeMap::new(),
            pool: ModelPool::default(),
            tournament: ModelTournament::default(),
            level: 1,
            now: 0,
        }
    }

    /// Sets the clock.
    pub fn set_now(&mut self, now: crate::time::Timestamp) {
        self.now = now.as_micros();
    }

    /// How many items are open or on their way to a player.
    pub fn live_items(&self) -> usize {
        self.items.values().filter(|item| item.place != Place::Gone).count()
    }

    /// How many journal entries wait for a decision.
    pub fn live_journals(&self) -> usize {
        self.journals.values().filter(|(_, decided)| !decided).count()
    }

    /// What of a document is in force now.
    pub fn in_force(&self, kind: &str, name: &str) -> Option<&str> {
        let versions = self.documents.get(&(kind.to_owned(), name.to_owned()))?;
        versions.iter().rev().find(|version| version.from <= self.now).map(|version| version.content.as_str())
    }

    /// Every account that is not at zero, by the text that [`super::super::TestHouse::account_texts`] gives it.
    pub fn account_texts(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for ((name, currency), units) in self.accounts.iter().filter(|(_, units)| **units != 0) {
            let scale = u32::from(self.registry.get(*currency).expect("a known currency").scale());
            let digits = digits(name, scale);
            let units = units / 10_i128.pow(FINEST - digits);
            let mut text = name.clone();
            if currency.as_str() != "EUR" {
                text = format!("{text} in {currency}");
            }
            if self.test {
                text.push_str(" test");
            }
            all.insert(text, Decimal::from_i128_with_scale(units, digits).to_string());
        }
        all
    }

    /// Judges and applies a command. Answers with the text of its outcome.
    pub fn execute(&mut self, command: &HouseCommand) -> String {
        let (source, id, kind) = self.name(command);
        let (key, payload) = ((source, kind, id), payload_of(command));
        if let Some(known) = self.keys.get(&key) {
            return match (*known == payload, command) {
                (true, _) => "replayed:applied".to_owned(),
                (false, HouseCommand::RegisterCurrency(_)) => refused("not_allowed"),
                (false, _) => refused("key_reused"),
            };
        }
        if purpose(command) != self.purpose || (self.test && self.holds_no_money()) {
            return refused("wrong_partition");
        }
        let before = self.clone();
        match self.judge(command) {
            Ok(outcome) => {
                self.keys.insert(key, payload);
                self.begun = true;
                outcome.to_owned()
            }
            Err(code) => {
                *self = before;
                let malformed = [
                    "currency_unknown",
                    "invalid_amount",
                    "precision",
                    "capacity_exceeded",
                    "amount_overflow",
                    "document_invalid",
                ];
                if malformed.contains(&code) || !self.begun {
                    refused(code)
                } else {
                    format!("rejected:{code}")
                }
            }
        }
    }

    fn holds_no_money(&self) -> bool {
        ["currencies", "configuration"].contains(&self.purpose.as_str())
    }

    /// Who sends a command, and its id and kind.
    fn name(&self, command: &HouseCommand) -> (String, String, &'static str) {
        let own = |id: &TransactionId, kind| {
            let known =
                ["psp", "provider", "authority", "jackpot", "tournament"].contains(&self.purpose.as_str());
            (if known { self.of.clone() } else { "house".to_owned() }, id.to_string(), kind)
        };
        macro_rules! sent {
            ($c:expr, $kind:literal) => {
                ($c.source.to_string(), $c.id.to_string(), $kind)
            };
        }
        match command {
            HouseCommand::RegisterCurrency(c) => {
                ("ledger".to_owned(), c.currency.code().to_string(), "currency")
            }
            HouseCommand::PublishDocument(c) => sent!(c, "document"),
            HouseCommand::ActivateShapes(c) => ("ledger".to_owned(), c.level.0.to_string(), "activation"),
            HouseCommand::SettlePsp(c) => own(&c.batch, "psp_settlement"),
            HouseCommand::RecordChargebackLoss(c) => own(&c.reference, "chargeback_loss"),
            HouseCommand::SuspendCapture(c) => own(&c.reference, "suspense_capture"),
            HouseCommand::AssignSuspense(c) => sent!(c, "suspense_assignment"),
            HouseCommand::ConfirmAssignment(c) => sent!(c, "suspense_landing"),
            HouseCommand::CancelAssignment(c) => sent!(c, "assignment_cancel"),
            HouseCommand::ReturnSuspense(c) => sent!(c, "suspense_return"),
            HouseCommand::AccrueProviderFees(c) => sent!(c, "provider_fee_accrual"),
            HouseCommand::SettleProvider(c) => own(&c.statement, "provider_settlement"),
            HouseCommand::AccrueDuty(c) => sent!(c, "duty_accrual"),
            HouseCommand::SettleAuthority(c) => own(&c.statement, "authority_settlement"),
            HouseCommand::TransferFunds(c) => sent!(c, "funds_transfer"),
            HouseCommand::ExchangeFunds(c) => sent!(c, "funds_exchange"),
            HouseCommand::BookFxResult(c) => sent!(c, "fx_result"),
            HouseCommand::RecoverBadDebt(c) => sent!(c, "debt_recovery"),
            HouseCommand::SeedJackpot(c) => sent!(c, "jackpot_seed"),
            HouseCommand::ConfigureJackpot(c) => sent!(c, "jackpot_configuration"),
            HouseCommand::ChangeJackpotStatus(c) => sent!(c, "jackpot_status"),
            HouseCommand::SweepJackpot(c) => {
                let (source, id) = match &c.origin {
                    SweepOrigin::Shard(shard) => ("ledger".to_owned(), format!("{shard}:{}", c.after)),
                    SweepOrigin::Jackpot(jackpot) => (jackpot.to_string(), c.after.to_string()),
                };
                (source, id, "jackpot_sweep")
            }
            HouseCommand::AwardJackpot(c) => {
                let claim = format!("{} {}", c.claim.player, c.claim.id);
                (c.claim.source.to_string(), claim, "jackpot_award")
            }
            HouseCommand::SettleJackpotAward(c) => {
                own(&commands::txn(&c.award.to_string()), "jackpot_award_settlement")
            }
            HouseCommand::ConfigureTournament(c) => sent!(c, "tournament_configuration"),
            HouseCommand::OpenTournament(c) => sent!(c, "tournament_opening"),
            HouseCommand::CancelTournament(c) => sent!(c, "tournament_cancel"),
            HouseCommand::TakeTournamentEntry(c) => {
                let entry = format!("{} {}", c.of.player, c.of.id);
                (c.of.source.to_string(), entry, "tournament_entry_taking")
            }
            HouseCommand::ReleaseTournamentEntry(c) => {
                let entry = format!("{} {}", c.of.player, c.of.id);
                (c.of.source.to_string(), entry, "tournament_entry_release")
            }
            HouseCommand::ScoreTournament(c) => {
                ("ledger".to_owned(), format!("{} {}", c.player, c.up_to), "tournament_score")
            }
            HouseCommand::EndTournament(_) => own(&commands::txn("end"), "tournament_end"),
            HouseCommand::CloseTournament(_) => own(&commands::txn("close"), "tournament_closing"),
            HouseCommand::RankTournament(c) => own(&commands::txn(&c.page.to_string()), "tournament_page"),
            HouseCommand::SettleTournamentPrize(c) => {
                own(&commands::txn(&c.number.to_string()), "tournament_prize_settlement")
            }
            HouseCommand::ProposeJournal(c) => sent!(c, "journal"),
            HouseCommand::DecideJournal(c) => sent!(c, "journal_decision"),
        }
    }

    /// An amount in units of 10^-18, read from its digits: not negative, at most the maximum, no digits too many.
    fn units(&self, amount: Decimal, account: &str, currency: CurrencyCode) -> Result<i128, &'static str> {
        let known = self.registry.get(currency).ok_or("currency_unknown")?;
        let text = amount.to_string();
        let (negative, text) = text.strip_prefix('-').map_or((false, &*text), |rest| (true, rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = part.trim_end_matches('0');
        let is_zero = whole.bytes().all(|b| b == b'0') && part.is_empty();
        let whole: i128 = whole.parse().expect("digits");
        let scale = u32::from(known.scale());
        let maximum = known.maximum().units() / 10_i128.pow(scale);
        if (negative && !is_zero) || whole > maximum || (whole == maximum && !part.is_empty()) {
            return Err("invalid_amount");
        }
        let digits = digits(account, scale);
        if part.len() > usize::try_from(digits).expect("few") {
            return Err("precision");
        }
        let padded: i128 = format!("{part:0<18}").parse().expect("digits");
        Ok(whole * 10_i128.pow(FINEST) + padded)
    }

    fn above_zero(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        match self.units(amount, "", currency)? {
            0 => Err("invalid_amount"),
            units => Ok(units),
        }
    }

    fn known(&self, currency: CurrencyCode) -> Result<(), &'static str> {
        self.registry.get(currency).map(|_| ()).ok_or("currency_unknown")
    }

    fn balance(&self, account: &str, currency: CurrencyCode) -> i128 {
        self.accounts.get(&(account.to_owned(), currency)).copied().unwrap_or_default()
    }

    fn add(&mut self, account: &str, way: Way, currency: CurrencyCode, units: i128) {
        let units = if way == Way::Up { units } else { -units };
        *self.accounts.entry((account.to_owned(), currency)).or_default() += units;
    }

    /// What goes up must come from somewhere, and no kept account goes below zero.
    fn checked(&self) -> Result<(), &'static str> {
        let mut sides: BTreeMap<CurrencyCode, i128> = BTreeMap::new();
        for ((account, currency), units) in &self.accounts {
            *sides.entry(*currency).or_default() += if is_credit(account) { -units } else { *units };
        }
        assert!(sides.values().all(|sum| *sum == 0), "the model does not balance: {:?}", self.accounts);
        let kept = [
            "receivable:psp_reserve",
            "chargeback:loss",
            "provider:fees_payable",
            "tax:gaming_duty of",
            "jackpot:seed_reserve",
        ];
        let is_kept = |account: &str| kept.iter().any(|start| account.starts_with(start));
        let below = self.accounts.iter().any(|((account, _), units)| is_kept(account) && *units < 0);
        if below { Err("exceeds_rest") } else { Ok(()) }
    }

    fn judge(&mut self, command: &HouseCommand) -> Judged {
        let of = self.of.clone();
        match command {
            HouseCommand::RegisterCurrency(c) => {
                self.recorded.insert(c.currency.code());
                return Ok("applied");
            }
            HouseCommand::PublishDocument(c) => return self.publish(c),
            HouseCommand::ActivateShapes(c) => {
                if c.level.0 > crate::stored::ShapeLevel::NEWEST.0 || c.level.0 <= self.level {
                    return Err("not_allowed");
                }
                self.level = c.level.0;
                return Ok("applied");
            }
            HouseCommand::SettlePsp(c) => {
                let lines = |line| match line {
                    PspLine::Payments | PspLine::PayoutReturns | PspLine::ChargebackReversals => {
                        (format!("psp:clearing of {of}"), Way::Down, 1)
                    }
                    PspLine::Refunds | PspLine::Payouts | PspLine::Chargebacks | PspLine::ChargebackFees => {
                        (format!("psp:clearing of {of}"), Way::Up, -1)
                    }
                    PspLine::ReserveReleased => (format!("receivable:psp_reserve of {of}"), Way::Down, 1),
                    PspLine::ReserveHeld => (format!("receivable:psp_reserve of {of}"), Way::Up, -1),
                    PspLine::Fees => (format!("psp:fees of {of}"), Way::Up, -1),
                };
                each_once(&c.lines)?;
                self.settle(&c.bank, c.currency, &c.lines, lines, c.net, c.converted.as_ref())?;
            }
            HouseCommand::SettleProvider(c) => {
                let lines = |line| match line {
                    ProviderLine::Jackpots | ProviderLine::Promotions => {
                        (format!("receivable:provider of {of}"), Way::Down, 1)
                    }
                    ProviderLine::Fees => (format!("provider:fees_payable of {of}"), Way::Down, -1),
                    ProviderLine::Contributions => {
                        (format!("jackpot:network_payable of {of}"), Way::Down, -1)
                    }
                    ProviderLine::Tips => (format!("tips:payable of {of}"), Way::Down, -1),
                };
                each_once(&c.lines)?;
                let pays = |line: &SettlementLine<ProviderLine>| {
                    !matches!(line.line, ProviderLine::Jackpots | ProviderLine::Promotions)
                };
                agreed(c.lines.iter().any(pays), &c.by, c.approved_by.as_ref())?;
                self.settle(&c.bank, c.currency, &c.lines, lines, c.net, c.converted.as_ref())?;
            }
            HouseCommand::SettleAuthority(c) => {
                let lines = |line| match line {
                    AuthorityLine::DutyRefunds => (format!("tax:gaming_duty_expense of {of}"), Way::Down, 1),
                    AuthorityLine::Duty => (format!("tax:gaming_duty of {of}"), Way::Down, -1),
                    AuthorityLine::WithheldTax => (format!("tax:withheld_player of {of}"), Way::Down, -1),
                };
                each_once(&c.lines)?;
                let pays = c.lines.iter().any(|line| line.line != AuthorityLine::DutyRefunds);
                agreed(pays, &c.by, c.approved_by.as_ref())?;
                self.settle(&c.bank, c.currency, &c.lines, lines, c.net, c.converted.as_ref())?;
            }
            HouseCommand::RecordChargebackLoss(c) => {
                let units = self.above_zero(c.amount, c.currency)?;
                let fee = c.fee.map_or(Ok(0), |fee| self.above_zero(fee, c.currency))?;
                let (up, down) = match c.direction {
                    LossDirection::Taken => (Way::Up, Way::Down),
                    LossDirection::Returned => (Way::Down, Way::Up),
                };
                self.add(&format!("chargeback:loss of {of}"), up, c.currency, units);
                self.add(&format!("chargeback:fees of {of}"), up, c.currency, fee);
                self.add(&format!("psp:clearing of {of}"), down, c.currency, units + fee);
            }
            HouseCommand::SuspendCapture(c) => return self.capture(c),
            HouseCommand::AssignSuspense(c) => return self.assign(c),
            HouseCommand::ConfirmAssignment(c) => return self.confirm(c),
            HouseCommand::CancelAssignment(c) => return self.cancel(c),
            HouseCommand::ReturnSuspense(c) => return self.give_back(c),
            HouseCommand::AccrueProviderFees(c) => {
                if c.from > c.to {
                    return Err("not_allowed");
                }
                let units = self.above_zero(c.amount, c.currency)?;
                let way = if c.direction == AccrualDirection::Charge { Way::Up } else { Way::Down };
                self.add(&format!("provider:fees_expense of {of}"), way, c.currency, units);
                self.add(&format!("provider:fees_payable of {of}"), way, c.currency, units);
            }
            HouseCommand::AccrueDuty(c) => {
                if c.from > c.to {
                    return Err("not_allowed");
                }
                let units = self.above_zero(c.amount, c.currency)?;
                let way = if c.direction == AccrualDirection::Charge { Way::Up } else { Way::Down };
                self.add(&format!("tax:gaming_duty_expense of {of}"), way, c.currency, units);
                self.add(&format!("tax:gaming_duty of {of}"), way, c.currency, units);
            }
            HouseCommand::TransferFunds(c) => {
                if c.from == c.to {
                    return Err("not_allowed");
                }
                agreed(c.from.funds == Funds::Players, &c.by, c.approved_by.as_ref())?;
                let units = self.above_zero(c.amount, c.currency)?;
                self.add(&bank_name(&c.to), Way::Up, c.currency, units);
                self.add(&bank_name(&c.from), Way::Down, c.currency, units);
            }
            HouseCommand::ExchangeFunds(c) => {
                agreed(true, &c.by, Some(&c.approved_by))?;
                if c.given_currency == c.received_currency {
                    return Err("mismatch");
                }
                self.known(c.given_currency)?;
                self.known(c.received_currency)?;
                let given = self.above_zero(c.given, c.given_currency)?;
                let received = self.above_zero(c.received, c.received_currency)?;
                self.add(&bank_name(&c.from), Way::Down, c.given_currency, given);
                self.add("fx:position", Way::Up, c.given_currency, given);
                self.add(&bank_name(&c.to), Way::Up, c.received_currency, received);
                self.add("fx:position", Way::Down, c.received_currency, received);
            }
            HouseCommand::BookFxResult(c) => {
                let units = self.above_zero(c.amount, c.currency)?;
                let way = if c.direction == FxDirection::Gain { Way::Up } else { Way::Down };
                self.add("fx:position", way, c.currency, units);
                self.add("fx:gain_loss", way, c.currency, units);
            }
            HouseCommand::RecoverBadDebt(c) => {
                let units = self.above_zero(c.amount, c.currency)?;
                self.add(&bank_name(&c.bank), Way::Up, c.currency, units);
                self.add("bad_debt", Way::Down, c.currency, units);
            }
            HouseCommand::ConfigureJackpot(c) => {
                if self.pool.is_closed() || self.pool.terms.as_ref() == Some(&c.terms) {
                    return Err("not_allowed");
                }
                agreed(true, &c.by, Some(&c.approved_by))?;
                let scale = self.scale(c.terms.currency)?;
                return self.pool.configure(&of, scale, c);
            }
            HouseCommand::ChangeJackpotStatus(c) => {
                let reserve = self.reserve();
                let moves = self.pool.change(&of, &reserve, c)?;
                self.move_all(moves);
            }
            HouseCommand::SweepJackpot(c) => {
                self.pool.advance(c)?;
                let mut parts: Vec<(CurrencyCode, i128, i128, i128)> = Vec::new();
                for part in &c.parts {
                    let digits = (self.scale(part.currency)? + 4).min(FINEST);
                    let fine = |amount: Decimal| match amount.normalize() {
                        amount if amount.scale() > digits => Err("precision"),
                        amount => Ok(eighteen(amount)),
                    };
                    let (given, drawn) = (fine(part.contributed)?, fine(part.drawn)?);
                    if drawn < 0 {
                        return Err("invalid_amount");
                    }
                    if parts.iter().any(|(known, ..)| *known == part.currency) {
                        return Err("not_allowed");
                    }
                    parts.push((part.currency, given, drawn, 10_i128.pow(FINEST - digits)));
                }
                let moves = self.pool.sweep(&of, &parts, c);
                self.move_all(moves);
            }
            HouseCommand::AwardJackpot(c) => {
                let reserve = self.reserve();
                if self.pool.terms.is_none() || self.pool.is_closed() || self.pool.suspended {
                    return Err("not_allowed");
                }
                let one = 10_i128.pow(FINEST - self.scale(c.currency)?);
                let moves = self.pool.award(&of, one, &reserve, c)?;
                self.move_all(moves);
            }
            HouseCommand::SettleJackpotAward(c) => return self.pool.settle(c),
            HouseCommand::SeedJackpot(c) => {
                if self.pool.is_closed() {
                    return Err("not_allowed");
                }
                agreed(true, &c.by, Some(&c.approved_by))?;
                let units = self.above_zero(c.amount, c.currency)?;
                let (cost, reserve) =
                    (format!("jackpot:seed_cost of {of}"), format!("jackpot:seed_reserve of {of}"));
                let pool = format!("jackpot:liability of {of}");
                let (from, way, to) = match c.movement {
                    SeedMovement::CostToPool => (cost, Way::Up, pool),
                    SeedMovement::CostToReserve => (cost, Way::Up, reserve),
                    SeedMovement::ReserveToPool => (reserve, Way::Down, pool),
                };
                if to.starts_with("jackpot:liability") {
                    self.pool.add(c.currency, units);
                }
                self.add(&from, way, c.currency, units);
                self.add(&to, Way::Up, c.currency, units);
            }
            HouseCommand::ConfigureTournament(c) => {
                self.tournament.may_configure(c)?;
                let scale = self.scale(c.terms.currency)?;
                return self.tournament.configure(scale, c);
            }
            HouseCommand::OpenTournament(c) => return self.tournament.open(self.now, c),
            HouseCommand::CancelTournament(c) => {
                self.tournament.cancel()?;
                agreed(true, &c.by, Some(&c.approved_by))?;
            }
            HouseCommand::TakeTournamentEntry(c) => {
                // Without terms it is run by somebody else.
                self.tournament.currency().ok_or("not_allowed")?;
                let (units, fee) =
                    (self.units(c.buy_in, "", c.currency)?, self.units(c.fee, "", c.currency)?);
                self.tournament.take(units, fee, c);
            }
            HouseCommand::ReleaseTournamentEntry(c) => {
                let moves = self.tournament.release(&of, c)?;
                self.move_all(moves);
            }
            HouseCommand::ScoreTournament(c) => return self.tournament.score(c),
            HouseCommand::EndTournament(_) => return self.tournament.end(self.now),
            HouseCommand::CloseTournament(_) => {
                let euro = commands::currency("EUR");
                let one = 10_i128.pow(FINEST - self.scale(self.tournament.currency().unwrap_or(euro))?);
                let moves = self.tournament.close(&of, self.now, one)?;
                self.move_all(moves);
            }
            HouseCommand::RankTournament(c) => return self.tournament.page(c),
            HouseCommand::SettleTournamentPrize(c) => {
                let moves = self.tournament.settle(&of, c)?;
                self.move_all(moves);
            }
            HouseCommand::ProposeJournal(c) => return self.propose(c),
            HouseCommand::DecideJournal(c) => return self.decide(c),
        }
        self.checked()?;
        Ok("applied")
    }

    fn scale(&self, currency: CurrencyCode) -> Result<u32, &'static str> {
        self.registry.get(currency).map(|known| u32::from(known.scale())).ok_or("currency_unknown")
    }

    /// What is set aside for seeds.
    fn reserve(&self) -> BTreeMap<CurrencyCode, i128> {
        let own =
            self.accounts.iter().filter(|((account, _), _)| account.starts_with("jackpot:seed_reserve"));
        own.map(|((_, currency), units)| (*currency, *units)).collect()
    }

    /// Amounts go from account to account; a cost grows by what comes from it.
    fn move_all(&mut self, moves: Vec<(String, String, CurrencyCode, i128)>) {
        for (from, to, currency, units) in moves {
            let cost = from.starts_with("jackpot:seed_cost") || from == "tournament:overlay";
            let way = if cost { Way::Up } else { Way::Down };
            self.add(&from, way, currency, units);
            self.add(&to, Way::Up, currency, units);
        }
    }

    /// What a tournament has come to, a line for each thing.
    pub fn tournament(&self) -> Vec<String> {
        self.tournament.lines()
    }

    /// What a pool holds, by currency, in units of 10^-18; and its open awards.
    pub fn pool(&self) -> (BTreeMap<CurrencyCode, i128>, Vec<u64>) {
        let held = self.pool.held.iter().filter(|(_, units)| **units != 0);
        (held.map(|(code, units)| (*code, *units)).collect(), self.pool.open.keys().copied().collect())
    }

    fn settle<L: Copy + Ord>(
        &mut self,
        bank: &BankAccount,
        currency: CurrencyCode,
        lines: &[SettlementLine<L>],
        of: impl Fn(L) -> (String, Way, i128),
        net: Decimal,
        converted: Option<&ConvertedNet>,
    ) -> Result<(), &'static str> {
        self.known(currency)?;
        converted.map_or(Ok(()), |net| self.known(net.currency))?;
        let mut sum = 0;
        // In the order of their kinds, however they came.
        let mut lines: Vec<_> = lines.iter().collect();
        lines.sort_by_key(|line| line.line);
        for line in lines {
            let units = self.above_zero(line.amount, currency)?;
            let (account, way, sign) = of(line.line);
            self.add(&account, way, currency, units);
            sum += sign * units;
        }
        let stated = self.units(net.abs(), "", currency)?;
        if sum != if net.is_sign_negative() { -stated } else { stated } {
            return Err("mismatch");
        }
        let way = |sum: i128| if sum < 0 { Way::Down } else { Way::Up };
        let Some(other) = converted else {
            self.add(&bank_name(bank), way(sum), currency, sum.abs());
            return Ok(());
        };
        let units = self.above_zero(other.amount, other.currency)?;
        if other.currency == currency || sum == 0 {
            return Err("mismatch");
        }
        self.add("fx:position", way(sum), currency, sum.abs());
        self.add("fx:position", way(-sum), other.currency, units);
        self.add(&bank_name(bank), way(sum), other.currency, units);
        Ok(())
    }

    fn capture(&mut self, c: &SuspendCapture) -> Judged {
        let units = self.above_zero(c.amount, c.currency)?;
        if self.live_items() >= 10_000 {
            return Err("capacity_exceeded");
        }
        self.add(&format!("psp:clearing of {}", self.of), Way::Up, c.currency, units);
        self.add(&format!("suspense:unmatched_psp of {}", self.of), Way::Up, c.currency, units);
        let item = ModelItem { currency: c.currency, units, place: Place::Open };
        self.items.insert(c.reference.to_string(), item);
        Ok("applied")
    }

    /// An item where it is expected to be.
    fn item(&mut self, reference: &TransactionId) -> Result<&mut ModelItem, &'static str> {
        let item = self.items.get_mut(reference.as_str()).ok_or("payment_not_found")?;
        if item.place == Place::Gone { Err("not_allowed") } else { Ok(item) }
    }

    fn assign(&mut self, c: &AssignSuspense) -> Judged {
        let item = self.item(&c.reference)?;
        if item.place != Place::Open || c.by == c.approved_by {
            return Err("not_allowed");
        }
        item.place = Place::Assigned(PaymentRef { source: c.source.clone(), id: c.id.clone() });
        Ok("applied")
    }

    fn on_its_way(
        &mut self,
        reference: &TransactionId,
        assignment: &PaymentRef,
    ) -> Result<&mut ModelItem, &'static str> {
        let item = self.item(reference)?;
        match &item.place {
            Place::Assigned(known) if known == assignment => Ok(item),
            Place::Assigned(_) => Err("mismatch"),
            _ => Err("not_allowed"),
        }
    }

    fn confirm(&mut self, c: &ConfirmAssignment) -> Judged {
        self.on_its_way(&c.reference, &c.assignment)?.place = Place::Gone;
        Ok("applied")
    }

    fn cancel(&mut self, c: &CancelAssignment) -> Judged {
        let item = self.on_its_way(&c.reference, &c.assignment)?;
        if c.by == c.approved_by {
            return Err("not_allowed");
        }
        item.place = Place::Open;
        Ok("applied")
    }

    fn give_back(&mut self, c: &ReturnSuspense) -> Judged {
        let item = self.item(&c.reference)?;
        if item.place != Place::Open || c.by == c.approved_by {
            return Err("not_allowed");
        }
        item.place = Place::Gone;
        let (currency, units) = (item.currency, item.units);
        self.add(&format!("psp:clearing of {}", self.of), Way::Down, currency, units);
        self.add(&format!("suspense:unmatched_psp of {}", self.of), Way::Down, currency, units);
        Ok("applied")
    }

    /// The amounts of a journal entry, each with its account and way.
    fn legs(&self, c: &ProposeJournal) -> Result<Vec<(String, Way, CurrencyCode, i128)>, &'static str> {
        let mut legs = Vec::new();
        let mut sides: BTreeMap<CurrencyCode, i128> = BTreeMap::new();
        let mut shaped = true;
        for posting in &c.postings {
            let name = posting.account.name();
            self.known(posting.currency)?;
            let units = match self.units(posting.amount, name, posting.currency)? {
                0 => return Err("invalid_amount"),
                units => units,
            };
            shaped &= posting.account.per().is_some() == posting.of.is_some();
            let debits = posting.side == Side::Debit;
            *sides.entry(posting.currency).or_default() += if debits { units } else { -units };
            let way = if debits == is_credit(name) { Way::Down } else { Way::Up };
            let account = posting.of.as_ref().map_or(name.to_owned(), |of| format!("{name} of {of}"));
            legs.push((account, way, posting.currency, units));
        }
        let cost = c.postings.iter().any(|posting| posting.account.name() == "bonus:cost");
        let fits = shaped && !cost && legs.len() >= 2 && sides.values().all(|sum| *sum == 0);
        if fits { Ok(legs) } else { Err("not_allowed") }
    }

    fn propose(&mut self, c: &ProposeJournal) -> Judged {
        let taken = [
            "player:",
            "receivable:player",
            "receivable:psp_reserve",
            "chargeback:loss",
            "provider:fees_payable",
            "jackpot:seed_reserve",
            "payouts:in_transit",
            "suspense:",
            "jackpot:liability",
            "tournament:pool",
        ];
        let is_taken = |name: &str| {
            let bonus = name.starts_with("bonus:") && name != "bonus:cost";
            bonus || name == "tax:gaming_duty" || taken.iter().any(|start| name.starts_with(start))
        };
        if c.postings.len() > 64 || c.postings.iter().any(|posting| is_taken(posting.account.name())) {
            return Err("not_allowed");
        }
        self.legs(c)?;
        if self.live_journals() >= 64 {
            return Err("capacity_exceeded");
        }
        self.journals.insert((c.source.to_string(), c.id.to_string()), (c.clone(), false));
        Ok("applied")
    }

    fn decide(&mut self, c: &DecideJournal) -> Judged {
        let key = (c.source.to_string(), c.proposal.to_string());
        let (proposal, decided) = self.journals.get_mut(&key).ok_or("not_allowed")?;
        if *decided || (c.approve && c.by == proposal.by) {
            return Err("not_allowed");
        }
        *decided = true;
        if c.approve {
            let proposal = proposal.clone();
            for (account, way, currency, units) in self.legs(&proposal)? {
                self.add(&account, way, currency, units);
            }
            self.checked()?;
        }
        Ok("applied")
    }

    fn publish(&mut self, c: &PublishDocument) -> Judged {
        let name = (c.kind.to_string(), c.name.to_string());
        let versions = self.documents.get(&name).cloned().unwrap_or_default();
        let number = u64::try_from(versions.len()).expect("few");
        if c.expected.is_some_and(|expected| expected != number) {
            return Err("document_version");
        }
        let from = c.effective_from.map_or(self.now, crate::time::Timestamp::as_micros);
        let content = c.content.as_str().to_owned();
        let same = versions.last().is_some_and(|last| last.content == content && last.from <= from);
        if from < self.now || same || c.author == c.approved_by {
            return Err("not_allowed");
        }
        if c.kind.as_str() != "policy" || c.name.as_str() != "default" {
            return Err("document_invalid");
        }
        let policy: Policy = serde_json::from_str(&content).map_err(|_| "document_invalid")?;
        if !super::bonuses::may_be_published(&policy) || !super::play_time::may_be_published(&policy) {
            return Err("document_invalid");
        }
        // What is or may yet be in force: all but those that a newer one is in the place of.
        let live = versions.iter().enumerate().filter(|(at, version)| {
            !versions.iter().skip(at + 1).any(|newer| newer.from <= version.from.max(self.now))
        });
        let live: Vec<Policy> =
            live.map(|(_, version)| serde_json::from_str(&version.content).expect("a policy")).collect();
        let keeps = |old: &Policy| {
            old.default.key_scope == policy.default.key_scope
                && old.sources.iter().all(|(source, own)| own.key_scope == policy.of(source).key_scope)
        };
        if !keeps(&self.policy) || !live.iter().all(keeps) {
            return Err("document_invalid");
        }
        if live.len() >= 16 {
            return Err("capacity_exceeded");
        }
        self.documents.entry(name).or_default().push(ModelVersion { content, from });
        Ok("applied")
    }

    /// Puts money on an account, unasked: the plant for tests of checkers.
    pub fn plant(&mut self, account: &str, currency: CurrencyCode, units: i128) {
        let all = self.balance(account, currency) + units;
        self.accounts.insert((account.to_owned(), currency), all);
    }
}

/// Each line once, and at least one.
fn each_once<L: Copy + Ord>(lines: &[SettlementLine<L>]) -> Result<(), &'static str> {
    let kinds: BTreeSet<L> = lines.iter().map(|line| line.line).collect();
    if lines.is_empty() || kinds.len() < lines.len() { Err("not_allowed") } else { Ok(()) }
}

fn agreed(needed: bool, by: &ActorId, approved_by: Option<&ActorId>) -> Result<(), &'static str> {
    let fits = approved_by.map_or(!needed, |other| other != by);
    if fits { Ok(()) } else { Err("not_allowed") }
}

/// The purpose of the partition a command is for.
fn purpose(command: &HouseCommand) -> &'static str {
    match command {
        HouseCommand::RegisterCurrency(_) => "currencies",
        HouseCommand::PublishDocument(_) | HouseCommand::ActivateShapes(_) => "configuration",
        HouseCommand::SettlePsp(_)
        | HouseCommand::RecordChargebackLoss(_)
        | HouseCommand::SuspendCapture(_)
        | HouseCommand::AssignSuspense(_)
        | HouseCommand::ConfirmAssignment(_)
        | HouseCommand::CancelAssignment(_)
        | HouseCommand::ReturnSuspense(_) => "psp",
        HouseCommand::AccrueProviderFees(_) | HouseCommand::SettleProvider(_) => "provider",
        HouseCommand::AccrueDuty(_) | HouseCommand::SettleAuthority(_) => "authority",
        HouseCommand::TransferFunds(_)
        | HouseCommand::ExchangeFunds(_)
        | HouseCommand::BookFxResult(_)
        | HouseCommand::RecoverBadDebt(_) => "treasury",
        HouseCommand::SeedJackpot(_)
        | HouseCommand::ConfigureJackpot(_)
        | HouseCommand::ChangeJackpotStatus(_)
        | HouseCommand::SweepJackpot(_)
        | HouseCommand::AwardJackpot(_)
        | HouseCommand::SettleJackpotAward(_) => "jackpot",
        HouseCommand::ConfigureTournament(_)
        | HouseCommand::OpenTournament(_)
        | HouseCommand::CancelTournament(_)
        | HouseCommand::TakeTournamentEntry(_)
        | HouseCommand::ReleaseTournamentEntry(_)
        | HouseCommand::ScoreTournament(_)
        | HouseCommand::EndTournament(_)
        | HouseCommand::CloseTournament(_)
        | HouseCommand::RankTournament(_)
        | HouseCommand::SettleTournamentPrize(_) => "tournament",
        HouseCommand::ProposeJournal(_) | HouseCommand::DecideJournal(_) => "journal",
    }
}

/// What makes two commands of one key the same operation.
fn payload_of(command: &HouseCommand) -> HouseCommand {
    let mut payload = command.clone();
    let (nobody, nothing) = (commands::person("-"), Reason::new("-").expect("a reason"));
    match &mut payload {
        HouseCommand::PublishDocument(c) => {
            (c.reason, c.expected, c.approved_by) = (nothing, None, nobody);
        }
        HouseCommand::SettlePsp(c) => {
            c.lines.sort_by_key(|line| line.line);
            c.by = nobody;
        }
        HouseCommand::SettleProvider(c) => {
            c.lines.sort_by_key(|line| line.line);
            (c.by, c.approved_by) = (nobody, None);
        }
        HouseCommand::SettleAuthority(c) => {
            c.lines.sort_by_key(|line| line.line);
            (c.by, c.approved_by) = (nobody, None);
        }
        HouseCommand::RecordChargebackLoss(c) => (c.by, c.reason) = (nobody, nothing),
        HouseCommand::SuspendCapture(c) => c.authorisation = None,
        HouseCommand::AssignSuspense(c) => (c.by, c.approved_by) = (nobody.clone(), nobody),
        HouseCommand::ConfirmAssignment(c) => c.player_entry = 0,
        HouseCommand::CancelAssignment(c) => {
            (c.by, c.approved_by, c.proof) = (nobody.clone(), nobody, CancelProof::Refused);
        }
        HouseCommand::ReturnSuspense(c) => (c.by, c.approved_by) = (nobody.clone(), nobody),
        HouseCommand::AccrueProviderFees(c) => c.by = nobody,
        HouseCommand::AccrueDuty(c) => c.by = nobody,
        HouseCommand::TransferFunds(c) => (c.by, c.approved_by) = (nobody, None),
        HouseCommand::ExchangeFunds(c) => (c.by, c.approved_by) = (nobody.clone(), nobody),
        HouseCommand::BookFxResult(c) => c.by = nobody,
        HouseCommand::RecoverBadDebt(c) => (c.by, c.reason) = (nobody, nothing),
        HouseCommand::SeedJackpot(c) => (c.by, c.approved_by) = (nobody.clone(), nobody),
        HouseCommand::ConfigureJackpot(c) => {
            (c.by, c.approved_by, c.reason) = (nobody.clone(), nobody, nothing);
        }
        HouseCommand::ChangeJackpotStatus(c) => {
            (c.by, c.approved_by, c.reason) = (nobody.clone(), nobody, nothing);
        }
        HouseCommand::SweepJackpot(c) => c.parts.sort_by_key(|part| part.currency),
        HouseCommand::SettleJackpotAward(c) => {
            if let AwardOutcome::Paid(entry) = &mut c.outcome {
                *entry = 0;
            }
        }
        HouseCommand::ConfigureTournament(c) => {
            (c.by, c.approved_by, c.reason) = (nobody.clone(), nobody, nothing);
        }
        HouseCommand::CancelTournament(c) => {
            (c.by, c.approved_by, c.reason) = (nobody.clone(), nobody, nothing);
        }
        HouseCommand::OpenTournament(c) => c.by = nobody,
        HouseCommand::SettleTournamentPrize(c) => {
            if let crate::stored::PrizeOutcome::Paid(entry) = &mut c.outcome {
                *entry = 0;
            }
        }
        HouseCommand::ProposeJournal(c) => c.reason = nothing,
        HouseCommand::ActivateShapes(c) => c.reason = nothing,
        HouseCommand::AwardJackpot(_)
        | HouseCommand::TakeTournamentEntry(_)
        | HouseCommand::ReleaseTournamentEntry(_)
        | HouseCommand::ScoreTournament(_)
        | HouseCommand::EndTournament(_)
        | HouseCommand::CloseTournament(_)
        | HouseCommand::RankTournament(_)
        | HouseCommand::RegisterCurrency(_)
        | HouseCommand::DecideJournal(_) => {}
    }
    payload
}
