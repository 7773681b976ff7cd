//! Deposits, as the model reads the rules.

use rust_decimal::Decimal;

use super::limits::What;
use super::lots::{Drawn, Lots};
use super::{Judged, Model};
use crate::deposit::{
    AttemptDeposit, CancelDeposit, Chargeback, ExpireDeposit, FailDeposit, InitiateDeposit, RecordDeposit,
    RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback, WriteOffDebt,
};
use crate::money::{CurrencyCode, FxRate};
use crate::player::Block;
use crate::policy::{CapturePolicy, RegisterUse, ShortfallPolicy, TierBar, UnplayedMoney};
use crate::stored::{PaymentRef, ReleasedTo};

/// Source and id.
type Name = (String, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Open,
    Paid,
    Failed,
    GivenUp,
}

#[derive(Debug, Clone)]
struct ModelAttempt {
    id: String,
    psp: String,
    reference: Option<String>,
    failed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ModelIntent {
    stands: Stands,
    currency: CurrencyCode,
    units: i128,
    started: i64,
    attempts: Vec<ModelAttempt>,
    failed_as: Option<Name>,
}

/// What an amount became: units of the purse, and finer units of the house's position.
#[derive(Debug, Clone, Copy, Default)]
struct Exchanged {
    from: i128,
    to: i128,
    exact: i128,
}

impl Exchanged {
    /// The share of a part, rounded down; all for all.
    fn part(&self, from: i128) -> Self {
        if from == self.from {
            return *self;
        }
        Self { from, to: self.to * from / self.from, exact: self.exact * from / self.from }
    }

    fn less(&self, part: &Self) -> Self {
        Self { from: self.from - part.from, to: self.to - part.to, exact: self.exact - part.exact }
    }

    fn plus(&self, part: &Self) -> Self {
        Self { from: self.from + part.from, to: self.to + part.to, exact: self.exact + part.exact }
    }
}

#[derive(Debug, Clone)]
struct Dispute {
    id: String,
    stands: i128,
    fee: i128,
    of_suspense: bool,
    exchanged: Option<Exchanged>,
    /// What it took of lots and did not give back.
    drawn: Drawn,
}

#[derive(Debug, Clone)]
pub(super) struct ModelDeposit {
    instrument: Option<String>,
    /// The lots it brought.
    lots: Vec<u64>,
    currency: CurrencyCode,
    suspense: i128,
    /// With the player, fee and all.
    left: i128,
    fee: i128,
    credited: Option<(CurrencyCode, Option<FxRate>)>,
    exchanged: Option<Exchanged>,
    disputes: Vec<Dispute>,
}

fn name(of: &PaymentRef) -> Name {
    (of.source.to_string(), of.id.to_string())
}

/// A quotient rounded half to even.
fn half_even(over: i128, under: i128) -> i128 {
    let (whole, rest) = (over / under, over % under);
    match (rest * 2).cmp(&under) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Greater => whole + 1,
        std::cmp::Ordering::Equal => whole + whole % 2,
    }
}

impl Model {
    fn scale(&self, currency: CurrencyCode) -> u32 {
        self.registry.get(currency).map_or(0, |c| u32::from(c.scale()))
    }

    /// An amount in a currency that the player need not have.
    fn any_units(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        let known = self.registry.get(currency).ok_or("currency_unknown")?;
        let mut wide = self.clone();
        wide.purses.get_or_insert_default().insert(currency, (known.scale(), known.maximum().units()));
        wide.units(amount, currency)
    }

    fn above_zero(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        match self.any_units(amount, currency)? {
            0 => Err("invalid_amount"),
            units => Ok(units),
        }
    }

    /// What is asked for of what is left.
    fn of_left(
        &self,
        amount: Option<Decimal>,
        left: i128,
        currency: CurrencyCode,
    ) -> Result<i128, &'static str> {
        let units = amount.map_or(Ok(left), |amount| self.above_zero(amount, currency))?;
        if units > left || units == 0 { Err("exceeds_rest") } else { Ok(units) }
    }

    fn intent(&self, of: &PaymentRef) -> Result<ModelIntent, &'static str> {
        self.intents.get(&name(of)).cloned().ok_or("payment_not_found")
    }

    fn open_intent(&self, of: &PaymentRef) -> Result<ModelIntent, &'static str> {
        let intent = self.intent(of)?;
        if intent.stands == Stands::Open { Ok(intent) } else { Err("not_allowed") }
    }

    /// How many deposits have not come to an end.
    pub fn open_intents(&self) -> usize {
        self.intents.values().filter(|intent| intent.stands == Stands::Open).count()
    }

    /// What is to come of deposits in a currency.
    pub(super) fn deposits_under_way(&self, currency: CurrencyCode) -> i128 {
        let open = self.intents.values().filter(|intent| intent.stands == Stands::Open);
        open.filter(|intent| intent.currency == currency).map(|intent| intent.units).sum()
    }

    pub(super) fn initiate(&mut self, c: &InitiateDeposit) -> Judged {
        let key = (c.source.to_string(), c.id.to_string());
        if self.intents.contains_key(&key) {
            return Err("key_reused");
        }
        let profile = self.profile();
        if c.method.as_ref().is_some_and(|method| profile.controls.forbidden_methods.contains(method)) {
            return Err("not_allowed");
        }
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Err("invalid_amount");
        }
        self.read_registers(&c.registers)?;
        self.not_barred(Block::Deposits)?;
        self.may_go_on(RegisterUse::Deposit, Some(c.currency), TierBar::Deposits)?;
        self.in_limits("deposit", units, c.currency)?;
        self.left_by_registers(units, c.currency)?;
        if self.open_intents() == 100 {
            return Err("capacity_exceeded");
        }
        let intent = ModelIntent {
            stands: Stands::Open,
            currency: c.currency,
            units,
            started: self.now / 1_000_000,
            attempts: Vec::new(),
            failed_as: None,
        };
        self.intents.insert(key, intent);
        self.deposit_began(c.currency, units);
        Ok("applied")
    }

    pub(super) fn attempt(&mut self, c: &AttemptDeposit) -> Judged {
        let mut intent = self.open_intent(&c.intent)?;
        if intent.attempts.iter().any(|attempt| attempt.id == c.id.as_str()) {
            return Err("key_reused");
        }
        if intent.attempts.len() == 20 {
            return Err("capacity_exceeded");
        }
        intent.attempts.push(ModelAttempt {
            id: c.id.to_string(),
            psp: c.psp.to_string(),
            reference: c.reference.as_ref().map(ToString::to_string),
            failed: false,
        });
        self.intents.insert(name(&c.intent), intent);
        Ok("applied")
    }

    pub(super) fn fail(&mut self, c: &FailDeposit) -> Judged {
        let Some(id) = &c.attempt else {
            let mut intent = self.open_intent(&c.intent)?;
            intent.stands = Stands::Failed;
            intent.failed_as = c.payment.as_ref().map(name);
            self.intents.insert(name(&c.intent), intent);
            self.failed_once_more();
            return Ok("applied");
        };
        let mut intent = self.intent(&c.intent)?;
        let open = intent.stands == Stands::Open;
        let attempt = intent.attempts.iter_mut().find(|attempt| attempt.id == id.as_str());
        let attempt = attempt.ok_or("payment_not_found")?;
        if attempt.failed {
            return Err("not_allowed");
        }
        if let Some(payment) = &c.payment {
            let own = attempt.reference.get_or_insert_with(|| payment.id.to_string());
            if attempt.psp != payment.source.as_str() || *own != payment.id.as_str() {
                return Err("mismatch");
            }
        }
        attempt.failed = true;
        self.intents.insert(name(&c.intent), intent);
        self.failed_once_more();
        Ok(if open { "applied" } else { "noop" })
    }

    fn give_up(&mut self, of: &PaymentRef, at_age: i64) -> Judged {
        let mut intent = self.open_intent(of)?;
        if self.now / 1_000_000 < intent.started + at_age {
            return Err("not_allowed");
        }
        intent.stands = Stands::GivenUp;
        self.intents.insert(name(of), intent);
        Ok("applied")
    }

    pub(super) fn cancel(&mut self, c: &CancelDeposit) -> Judged {
        self.give_up(&c.intent, 0)
    }

    pub(super) fn expire(&mut self, c: &ExpireDeposit) -> Judged {
        self.give_up(&c.intent, i64::from(self.policy.deposits.intent_ttl_secs))
    }

    /// Whether the player gets what was captured, and whether the deposit at the cashier is paid by it.
    fn is_his(&self, c: &RecordDeposit) -> (bool, bool) {
        let may = self.not_excluded().is_ok();
        let Some(of) = &c.intent else { return (may, false) };
        let Some(intent) = self.intents.get(&name(of)) else { return (false, false) };
        if !may {
            return (false, intent.stands != Stands::Paid);
        }
        let policy = &self.policy.deposits;
        let capture = (c.source.to_string(), c.id.to_string());
        let fits = |attempt: &ModelAttempt| {
            attempt.psp == capture.0 && attempt.reference.as_ref().is_none_or(|own| *own == capture.1)
        };
        let his = match intent.stands {
            Stands::Open => true,
            Stands::Paid => return (policy.second_capture == CapturePolicy::Credit, false),
            Stands::GivenUp => policy.late_capture == CapturePolicy::Credit,
            Stands::Failed => {
                let nothing_told = intent.failed_as.is_none() && intent.attempts.is_empty();
                nothing_told
                    || intent.failed_as.as_ref() == Some(&capture)
                    || intent.attempts.iter().any(fits)
            }
        };
        (his, his)
    }

    /// The currency that money becomes.
    fn becomes(&self, rate: Option<&FxRate>, from: CurrencyCode) -> Result<CurrencyCode, &'static str> {
        let Some(rate) = rate else { return Ok(from) };
        let fixed = rate.as_of().as_micros() / 1_000_000;
        if (self.now / 1_000_000 - fixed).abs() > i64::from(self.policy.fx.max_age_secs) {
            return Err("not_allowed");
        }
        match (rate.base() == from, rate.quote() == from) {
            (true, _) => Ok(rate.quote()),
            (_, true) => Ok(rate.base()),
            _ => Err("mismatch"),
        }
    }

    /// What units are in another currency.
    fn converted(&self, units: i128, from: CurrencyCode, to: CurrencyCode, rate: &FxRate) -> Exchanged {
        let value = rate.rate();
        let (mantissa, places) = (value.mantissa(), value.scale());
        let ten = |n: u32| 10_i128.pow(n);
        let at = |digits: u32| {
            if rate.base() == from {
                half_even(units * mantissa * ten(digits), ten(self.scale(from) + places))
            } else {
                half_even(units * ten(places) * ten(digits), ten(self.scale(from)) * mantissa)
            }
        };
        let digits = self.scale(to);
        Exchanged { from: units, to: at(digits), exact: at((digits + 4).min(18)) }
    }

    /// The house's side of an exchange.
    fn post_exchange(&mut self, from: CurrencyCode, to: CurrencyCode, all: &Exchanged, sign: i128) {
        let finer = |model: &Self, currency: CurrencyCode| {
            let scale = model.scale(currency);
            10_i128.pow((scale + 4).min(18) - scale)
        };
        let taken = all.from * finer(self, from);
        let residual = all.to * finer(self, to) - all.exact;
        self.add("fx:position", from, -sign * taken);
        self.add("fx:position", to, sign * all.exact);
        self.add("rounding", to, -sign * residual);
    }

    /// [`Self::pay`] of a deposit, which is unplayed.
    fn pay_deposit(&mut self, currency: CurrencyCode, units: i128) {
        let before = self.balance("player:cash", currency);
        self.pay(currency, units);
        if self.rule_of_unplayed() != UnplayedMoney::Free {
            self.new_lot(currency, self.balance("player:cash", currency) - before);
        }
    }

    /// Money for the player, exchanged or not; answers what it became.
    fn pay_in(&mut self, units: i128, from: CurrencyCode, rate: Option<&FxRate>) -> Option<Exchanged> {
        let Some(rate) = rate else {
            self.pay_deposit(from, units);
            return None;
        };
        let to = if rate.base() == from { rate.quote() } else { rate.base() };
        let exchanged = self.converted(units, from, to, rate);
        self.post_exchange(from, to, &exchanged, 1);
        self.pay_deposit(to, exchanged.to);
        Some(exchanged)
    }

    pub(super) fn deposit(&mut self, c: &RecordDeposit) -> Judged {
        let key = (c.source.to_string(), c.id.to_string());
        if self.deposits.contains_key(&key) {
            return Err("key_reused");
        }
        let (his, pays) = self.is_his(c);
        let rate = c.rate.as_deref().filter(|_| his);
        if rate.is_some() && c.fee.is_some_and(|fee| !fee.is_zero()) {
            return Err("not_allowed");
        }
        let to = self.becomes(rate, c.currency)?;
        let units = self.above_zero(c.amount, c.currency)?;
        let fee = c.fee.map_or(Ok(0), |fee| self.any_units(fee, c.currency))?;
        if fee >= units {
            return Err("invalid_amount");
        }
        let credited = his && self.purse(to).is_ok();
        self.add(&format!("psp:clearing of {}", c.source), c.currency, units);
        let mut deposit = ModelDeposit {
            instrument: c.instrument.as_ref().map(ToString::to_string),
            lots: vec![self.seq],
            currency: c.currency,
            suspense: 0,
            left: 0,
            fee: 0,
            credited: None,
            exchanged: None,
            disputes: Vec::new(),
        };
        if credited {
            if c.intent.is_none() {
                self.deposit_began(c.currency, units);
            }
            self.add("fees:income of deposit", c.currency, fee);
            deposit.exchanged = self.pay_in(units - fee, c.currency, rate);
            let gross = deposit.exchanged.map_or(units, |exchanged| exchanged.to);
            self.count(format!("deposit {key:?}"), What::Deposit, to, gross);
            deposit.left = units;
            deposit.fee = fee;
            deposit.credited = Some((to, rate.cloned()));
        } else {
            self.add(&format!("suspense:unmatched_psp of {}", c.source), c.currency, units);
            deposit.suspense = units;
        }
        self.deposits.insert(key, deposit);
        if let (true, Some(of)) = (pays, &c.intent) {
            self.intents.get_mut(&name(of)).expect("the intent").stands = Stands::Paid;
        }
        Ok("applied")
    }

    pub(super) fn release(&mut self, c: &ReleaseSuspense) -> Judged {
        let key = (c.psp.to_string(), c.reference.to_string());
        let deposit = self.deposits.get(&key).cloned();
        if c.by == c.approved_by {
            return Err("not_allowed");
        }
        let (currency, units) = match (&c.house_item, &deposit) {
            (Some(_), Some(_)) => return Err("not_allowed"),
            (Some(_), None) if c.to == ReleasedTo::Payer => return Err("not_allowed"),
            (Some(item), None) if item.kind != self.kind => return Err("mismatch"),
            (Some(item), None) => (item.currency, self.above_zero(item.amount, item.currency)?),
            (None, None) => return Err("payment_not_found"),
            (None, Some(deposit)) if deposit.suspense == 0 => return Err("not_allowed"),
            (None, Some(deposit)) => (deposit.currency, deposit.suspense),
        };
        let mut deposit = deposit.unwrap_or(ModelDeposit {
            instrument: None,
            lots: Vec::new(),
            currency,
            suspense: units,
            left: 0,
            fee: 0,
            credited: None,
            exchanged: None,
            disputes: Vec::new(),
        });
        let suspense = format!("suspense:unmatched_psp of {}", c.psp);
        if c.to == ReleasedTo::Payer {
            self.add(&format!("psp:clearing of {}", c.psp), currency, -units);
        } else {
            let rate = c.rate.as_deref();
            if deposit.credited.as_ref().is_some_and(|(_, before)| before.as_ref() != rate) {
                return Err("mismatch");
            }
            let to = self.becomes(rate, currency)?;
            self.purse(to)?;
            if c.house_item.is_none() {
                self.not_excluded()?;
            }
            let more = self.pay_in(units, currency, rate);
            let first = if deposit.credited.is_none() { "" } else { "again" };
            let of = format!("deposit {key:?}{first}");
            self.count(of, What::Deposit, to, more.map_or(units, |more| more.to));
            if let Some(more) = more {
                deposit.exchanged = Some(deposit.exchanged.unwrap_or_default().plus(&more));
            }
            deposit.left += units;
            deposit.lots.push(self.seq);
            deposit.credited = Some((to, rate.cloned()));
        }
        deposit.suspense = 0;
        self.add(&suspense, currency, -units);
        self.deposits.insert(key, deposit);
        Ok("applied")
    }

    pub(super) fn refuse_assignment(&mut self, c: &RefuseAssignment) -> Judged {
        let arrived = self.deposits.contains_key(&(c.psp.to_string(), c.reference.to_string()));
        if arrived { Err("not_allowed") } else { Ok("applied") }
    }

    fn named_deposit(&self, key: &Name, currency: CurrencyCode) -> Result<ModelDeposit, &'static str> {
        let deposit = self.deposits.get(key).cloned().ok_or("payment_not_found")?;
        if deposit.currency == currency { Ok(deposit) } else { Err("mismatch") }
    }

    /// What of a deposit a bonus can be given for.
    pub(super) fn deposited(&self, of: &PaymentRef, currency: CurrencyCode) -> Result<i128, &'static str> {
        let deposit = self.deposits.get(&name(of)).ok_or("payment_not_found")?;
        let (own, _) = deposit.credited.as_ref().ok_or("not_allowed")?;
        if *own != currency {
            return Err("currency_mismatch");
        }
        let left = deposit.exchanged.map_or(deposit.left, |exchanged| exchanged.to);
        if left > 0 { Ok(left) } else { Err("not_allowed") }
    }

    /// Takes units of a deposit back; answers what of its exchange went with them.
    fn take_deposit(
        &mut self,
        deposit: &mut ModelDeposit,
        units: i128,
        fee: i128,
        policy: ShortfallPolicy,
    ) -> Result<(Option<Exchanged>, Drawn), &'static str> {
        let (own, _) = deposit.credited.clone().expect("a credited deposit");
        let part = deposit.exchanged.map(|whole| whole.part(units));
        let player = part.map_or(units - fee, |part| part.to);
        let cash = self.balance("player:cash", own).min(player);
        let short = player - cash;
        // Cash that pays a debt is spent.
        let free = self.balance("player:cash", own) - self.balance("receivable:player", own);
        let spent = player > 0 && player > free;
        let missing = match policy {
            ShortfallPolicy::Reject if spent => return Err("insufficient_funds"),
            ShortfallPolicy::Retain if spent => return Err("not_allowed"),
            ShortfallPolicy::ZeroOut => "bad_debt",
            _ => "receivable:player",
        };
        let drawn = self.leave(own, cash, &deposit.lots);
        self.add("player:cash", own, -cash);
        self.add(missing, own, short);
        self.add("fees:income of deposit", own, -fee);
        if let (Some(part), Some(whole)) = (part, deposit.exchanged) {
            self.post_exchange(deposit.currency, own, &part, -1);
            deposit.exchanged = Some(whole.less(&part));
        }
        deposit.left -= units;
        deposit.fee -= fee;
        Ok((part, drawn))
    }

    pub(super) fn refund(&mut self, c: &RefundDeposit) -> Judged {
        let key = (c.source.to_string(), c.deposit.to_string());
        let mut deposit = self.named_deposit(&key, c.currency)?;
        if deposit.credited.is_none() {
            return Err("not_allowed");
        }
        let kept = if c.return_fee { 0 } else { deposit.fee.min(deposit.left) };
        let units = self.of_left(c.amount, deposit.left - kept, c.currency)?;
        let fee = if c.return_fee { deposit.fee.min(units) } else { 0 };
        let policy = c.on_shortfall.unwrap_or(self.policy.deposits.on_shortfall);
        let (part, _) = self.take_deposit(&mut deposit, units, fee, policy)?;
        let back = part.map_or(units, |part| part.to);
        self.count_less(&format!("deposit {key:?}"), What::Deposit, back);
        self.add(&format!("psp:clearing of {}", c.source), c.currency, -units);
        self.deposits.insert(key, deposit);
        Ok("applied")
    }

    pub(super) fn charge_back(&mut self, c: &Chargeback) -> Judged {
        let key = (c.source.to_string(), c.deposit.to_string());
        let mut deposit = self.named_deposit(&key, c.currency)?;
        if deposit.disputes.iter().any(|dispute| dispute.id == c.id.as_str()) {
            return Err("key_reused");
        }
        let of_suspense = deposit.left == 0 && deposit.suspense > 0;
        let left = if of_suspense { deposit.suspense } else { deposit.left };
        let units = self.of_left(c.amount, left, c.currency)?;
        let fee = c.fee.map_or(Ok(0), |fee| self.any_units(fee, c.currency))?;
        let (exchanged, drawn) = if of_suspense {
            deposit.suspense -= units;
            self.add(&format!("suspense:unmatched_psp of {}", c.source), c.currency, -units);
            (None, Vec::new())
        } else {
            self.take_deposit(&mut deposit, units, 0, ShortfallPolicy::AllowNegative)?
        };
        self.add(&format!("chargeback:fees of {}", c.source), c.currency, fee);
        self.add(&format!("psp:clearing of {}", c.source), c.currency, -units - fee);
        self.blocks.insert(crate::player::Block::ChargedBack);
        let id = c.id.to_string();
        deposit.disputes.push(Dispute { id, stands: units, fee, of_suspense, exchanged, drawn });
        self.deposits.insert(key, deposit);
        Ok("applied")
    }

    pub(super) fn win_dispute(&mut self, c: &ReverseChargeback) -> Judged {
        let key = (c.source.to_string(), c.deposit.to_string());
        let mut deposit = self.named_deposit(&key, c.currency)?;
        let dispute = deposit.disputes.iter_mut().find(|dispute| dispute.id == c.chargeback.as_str());
        let dispute = dispute.ok_or("payment_not_found")?;
        if dispute.stands == 0 {
            return Err("not_allowed");
        }
        let units = self.of_left(c.amount, dispute.stands, c.currency)?;
        let fee = c.fee.map_or(Ok(0), |fee| self.any_units(fee, c.currency))?;
        if fee > dispute.fee {
            return Err("exceeds_rest");
        }
        dispute.stands -= units;
        dispute.fee -= fee;
        let part = dispute.exchanged.map(|whole| whole.part(units));
        dispute.exchanged = dispute.exchanged.zip(part).map(|(whole, part)| whole.less(&part));
        let stands = dispute.exchanged.map_or(dispute.stands, |left| left.to);
        let back = Lots::beyond(&dispute.drawn, stands);
        if dispute.of_suspense {
            deposit.suspense += units;
            self.add(&format!("suspense:unmatched_psp of {}", c.source), c.currency, units);
        } else {
            let (own, _) = deposit.credited.clone().expect("a credited deposit");
            deposit.left += units;
            if let Some(part) = part {
                self.post_exchange(c.currency, own, &part, 1);
                deposit.exchanged = Some(deposit.exchanged.unwrap_or_default().plus(&part));
            }
            let before = self.balance("player:cash", own);
            self.pay(own, part.map_or(units, |part| part.to));
            let back = Lots::first(&back, self.balance("player:cash", own) - before);
            self.put_back(own, &back);
            let dispute = deposit.disputes.iter_mut().find(|dispute| dispute.id == c.chargeback.as_str());
            let dispute = dispute.expect("the dispute");
            dispute.drawn = Lots::without(&dispute.drawn, &back);
        }
        self.add(&format!("chargeback:fees of {}", c.source), c.currency, -fee);
        self.add(&format!("psp:clearing of {}", c.source), c.currency, units + fee);
        self.deposits.insert(key, deposit);
        Ok("applied")
    }

    /// What a deposit came from, if it shows that.
    pub(super) fn instrument_of(&self, key: &Name) -> Result<Option<String>, &'static str> {
        let deposit = self.deposits.get(key).ok_or("payment_not_found")?;
        let shows = deposit.credited.is_some() && deposit.disputes.iter().all(|dispute| dispute.stands == 0);
        Ok(deposit.instrument.clone().filter(|_| shows))
    }

    /// A payout came back and is in suspense.
    pub(super) fn suspended_payout(&mut self, key: Name, currency: CurrencyCode, units: i128) {
        let deposit = ModelDeposit {
            instrument: None,
            lots: Vec::new(),
            currency,
            suspense: units,
            left: 0,
            fee: 0,
            credited: None,
            exchanged: None,
            disputes: Vec::new(),
        };
        self.deposits.insert(key, deposit);
    }

    pub(super) fn write_off(&mut self, c: &WriteOffDebt) -> Judged {
        if c.by == c.approved_by {
            return Err("not_allowed");
        }
        self.purse(c.currency)?;
        let owed = self.balance("receivable:player", c.currency);
        if owed == 0 {
            return Err("not_allowed");
        }
        let units = self.of_left(c.amount, owed, c.currency)?;
        self.add("bad_debt", c.currency, units);
        self.add("receivable:player", c.currency, -units);
        Ok("applied")
    }
}
