//! Withdrawals, as the model reads the rules.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::limits::What;
use super::lots::{Drawn, Lots};
use super::{Judged, Model};
use crate::money::CurrencyCode;
use crate::player::{Block, BlockPlayer, UnblockPlayer};
use crate::policy::{
    AfterChargeback, BonusRestrictions, DestinationPolicy, JurisdictionProfile, KycRequirement,
    LatePayoutPolicy, ReverseWithdrawal, TierBar, UnplayedMoney,
};
use crate::stored::{Bearer, DestinationProof, KycStatus, PaymentRef, PayoutReturnedTo};
use crate::time::Timestamp;
use crate::withdrawal::{
    ApproveWithdrawal, CancelWithdrawal, ExpireWithdrawal, MarkFailed, MarkPaid, MarkReturned, MarkUnknown,
    PassKyc, RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SettleLatePayout, SplitWithdrawal,
    StartReview,
};

type Name = (String, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Kyc,
    Asked,
    Review,
    Partly,
    Approved,
    OnItsWay,
    Lost,
    Paid,
    Failed,
    /// It came back, was split, or ended before it was sent.
    Over,
}

use Stands::{Approved, Asked, Failed, Kyc, Lost, OnItsWay, Over, Paid, Partly, Review};

/// A payout that failed and was paid all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    No,
    /// Nobody has said who bears it.
    Open,
    Borne(Bearer),
}

#[derive(Debug, Clone)]
pub(super) struct ModelWithdrawal {
    root: Name,
    currency: CurrencyCode,
    units: i128,
    fee: i128,
    extra: i128,
    drawn: Drawn,
    stands: Stands,
    needs: usize,
    approved_by: BTreeSet<String>,
    creator: Option<String>,
    editor: Option<String>,
    asked_at: i64,
    payout: Option<Name>,
    paid: i128,
    /// Paid late: by whom it is borne.
    late: Late,
    /// When it counts for limits, if it does.
    counts: Option<i64>,
}

impl ModelWithdrawal {
    fn sent(&self) -> i128 {
        self.units - self.fee
    }

    fn is_before_sending(&self) -> bool {
        matches!(self.stands, Kyc | Asked | Review | Partly | Approved)
    }

    fn is_open(&self) -> bool {
        self.is_before_sending() || matches!(self.stands, OnItsWay | Lost)
    }

    /// Takes the first so many units of it away, with what they cost of unplayed money; the fee as said.
    fn part(&mut self, units: i128, fee: i128) -> Self {
        let drawn: i128 = self.drawn.iter().map(|(_, units)| units).sum();
        let net = drawn - self.extra;
        let beyond = (units - (self.units - net)).max(0);
        let extra = if beyond == 0 { 0 } else { self.extra * beyond / net };
        let mine = Lots::first(&self.drawn, beyond + extra);
        let part = Self { units, fee, extra, drawn: mine, ..self.clone() };
        self.drawn = Lots::without(&self.drawn, &part.drawn);
        (self.units, self.fee, self.extra) = (self.units - units, self.fee - fee, self.extra - extra);
        part
    }
}

fn name(of: &PaymentRef) -> Name {
    (of.source.to_string(), of.id.to_string())
}

fn pending_of(name: &Name) -> String {
    format!("player:withdrawal_pending of {}/{}", name.0, name.1)
}

const DAY: i64 = 86_400_000_000;

impl Model {
    pub(super) fn profile(&self) -> JurisdictionProfile {
        let named = self.policy.jurisdictions.iter().find(|(id, _)| id.as_str() == self.jurisdiction);
        if let Some((_, profile)) = named {
            return profile.clone();
        }
        match self.jurisdiction.as_str() {
            "GB" => JurisdictionProfile {
                reverse_withdrawal: ReverseWithdrawal::Forbidden,
                bonuses: BonusRestrictions {
                    wagering_max: Some(crate::testing::commands::basis_points(100_000)),
                    cash_free: true,
                    ..BonusRestrictions::default()
                },
                ..JurisdictionProfile::default()
            },
            "SE" => JurisdictionProfile {
                reverse_withdrawal: ReverseWithdrawal::Forbidden,
                ..JurisdictionProfile::default()
            },
            _ => self.policy.default_jurisdiction.clone(),
        }
    }

    /// How many withdrawals are open.
    pub fn open_withdrawals(&self) -> usize {
        self.withdrawals.values().filter(|w| w.is_open()).count()
    }

    fn young(&self, as_of: Timestamp) -> bool {
        let age = self.now - as_of.as_micros();
        (0..=i64::from(self.policy.withdrawals.kyc_max_age_secs) * 1_000_000).contains(&age)
    }

    fn held_for_dispute(&self) -> bool {
        self.blocks.contains(&Block::ChargedBack)
            && self.policy.withdrawals.after_chargeback != AfterChargeback::Allow
    }

    fn not_frozen(&self) -> Result<(), &'static str> {
        if self.blocks.contains(&Block::PayoutsFrozen) { Err("player_blocked") } else { Ok(()) }
    }

    pub(super) fn decimal(&self, units: i128, currency: CurrencyCode) -> Decimal {
        let (scale, _) = self.purse(currency).expect("a purse");
        Decimal::from_i128_with_scale(units, u32::from(scale))
    }

    fn by_rule(&self, units: i128, currency: CurrencyCode) -> bool {
        let terms = self.policy.withdrawals.currencies.get(&currency);
        let most = terms.and_then(|terms| terms.auto_approve_max);
        most.is_some_and(|most| self.decimal(units, currency) <= most) && !self.held_for_dispute()
    }

    /// The fee of the policy, digit by digit.
    fn fee_of(&self, units: i128, currency: CurrencyCode) -> i128 {
        let Some(terms) = self.policy.withdrawals.currencies.get(&currency) else { return 0 };
        let (scale, _) = self.purse(currency).expect("a purse");
        let text = terms.fee.fixed.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let padded = format!("{part:0<18}");
        let fixed: i128 = format!("{whole}{}", &padded[..usize::from(scale)]).parse().expect("digits");
        let rate = i128::from(terms.fee.rate.get());
        let share = (units * rate * 2 + 10_000) / 20_000;
        fixed.max(0) + if rate > 0 && units > 0 { share.max(1) } else { 0 }
    }

    /// What can be withdrawn, and what of cash was played.
    fn withdrawable(&self, currency: CurrencyCode) -> (i128, i128, i128) {
        let free = self.balance("player:cash", currency) - self.balance("receivable:player", currency);
        let played = self.played_free(currency);
        let unplayed = free.max(0) - played;
        let most = match self.rule_of_unplayed() {
            UnplayedMoney::Free => free.max(0),
            UnplayedMoney::Fee { rate } => {
                played + unplayed * (10_000 - i128::from(rate.get()).min(10_000)) / 10_000
            }
            UnplayedMoney::Block => {
                if unplayed > 0 {
                    0
                } else {
                    played
                }
            }
        };
        (free, most, played)
    }

    fn asked_within(&self, days: i64, currency: CurrencyCode) -> i128 {
        let recent = |w: &&ModelWithdrawal| {
            w.currency == currency && w.counts.is_some_and(|at| self.now - at < days * DAY)
        };
        self.withdrawals
            .values()
            .filter(recent)
            .map(|w| if w.late == Late::No { w.units } else { w.paid })
            .sum()
    }

    pub(super) fn request(&mut self, c: &RequestWithdrawal) -> Judged {
        let key = (c.source.to_string(), c.id.to_string());
        if self.withdrawals.contains_key(&key) {
            return Err("key_reused");
        }
        if let Some(DestinationProof::Deposit(of)) = &c.proof {
            let from = self.instrument_of(&name(of))?;
            if from.as_deref() != Some(c.destination.as_str()) {
                return Err("mismatch");
            }
        }
        let units = self.units(c.amount, c.currency)?;
        let fee = self.fee_of(units, c.currency);
        if units <= fee {
            return Err("invalid_amount");
        }
        let policy = self.policy.withdrawals.clone();
        self.not_frozen()?;
        if self.blocks.contains(&Block::Withdrawals) {
            return Err("player_blocked");
        }
        if self.blocks.contains(&Block::ChargedBack) && policy.after_chargeback == AfterChargeback::Reject {
            return Err("player_blocked");
        }
        self.tier_lets(TierBar::Withdrawals)?;
        let pays = self.tier_pays(units, c.currency);
        let verified = c.kyc.is_some_and(|k| k.status == KycStatus::Verified && self.young(k.as_of)) && pays;
        if !verified && policy.kyc == KycRequirement::Reject || !pays && policy.kyc != KycRequirement::Await {
            return Err("kyc_required");
        }
        match (policy.destination, &c.proof) {
            (DestinationPolicy::Any, _)
            | (_, Some(DestinationProof::Deposit(_)))
            | (DestinationPolicy::Proven, Some(_)) => {}
            _ => return Err("destination_unproven"),
        }
        let terms = policy.currencies.get(&c.currency);
        for (days, most) in [
            (1, terms.and_then(|t| t.day_max)),
            (7, terms.and_then(|t| t.week_max)),
            (31, terms.and_then(|t| t.month_max)),
        ] {
            let all = self.asked_within(days, c.currency) + units;
            if most.is_some_and(|most| self.decimal(all, c.currency) > most) {
                return Err("limit_exceeded");
            }
        }
        let roots: BTreeSet<&Name> =
            self.withdrawals.values().filter(|w| w.is_open()).map(|w| &w.root).collect();
        if policy.pending_max.is_some_and(|most| roots.len() >= usize::from(most)) {
            return Err("limit_exceeded");
        }
        if self.holds_back(c.currency) {
            return Err("bonus_rule");
        }
        if self.open_withdrawals() == 100 {
            return Err("capacity_exceeded");
        }
        let (free, most, played) = self.withdrawable(c.currency);
        if units > free {
            return Err("insufficient_funds");
        }
        if units > most {
            return Err("unplayed_deposits");
        }
        let beyond = (units - played).max(0);
        let extra = match self.rule_of_unplayed() {
            UnplayedMoney::Fee { rate } if beyond > 0 && rate.get() > 0 => {
                let (p, left) = (i128::from(rate.get()), 10_000 - i128::from(rate.get()));
                ((beyond * p * 2 + left) / (left * 2)).max(1)
            }
            _ => 0,
        };
        let told = c.forfeits_at_most;
        if told
            .is_some_and(|told| self.decimal(self.would_lose(c.currency, units + extra), c.currency) > told)
        {
            return Err("not_allowed");
        }
        // What was played goes first.
        let drawn = if beyond > 0 { self.play(c.currency, beyond + extra) } else { Vec::new() };
        self.add("player:cash", c.currency, -units - extra);
        self.add(&pending_of(&key), c.currency, units);
        self.add("fees:income of unplayed", c.currency, extra);
        let steps = terms.into_iter().flat_map(|t| &t.approvals);
        let reached = steps.filter(|step| step.from <= self.decimal(units, c.currency));
        let needs = reached.max_by_key(|step| step.from).map_or(1, |step| step.approvals).clamp(1, 10);
        let stands = if !verified && policy.kyc == KycRequirement::Await {
            Kyc
        } else if verified && c.by.is_none() && self.by_rule(units, c.currency) {
            Approved
        } else {
            Asked
        };
        self.withdrawals.insert(
            key.clone(),
            ModelWithdrawal {
                root: key,
                currency: c.currency,
                units,
                fee,
                extra,
                drawn,
                stands,
                needs: usize::from(needs),
                approved_by: BTreeSet::new(),
                creator: c.by.as_ref().map(ToString::to_string),
                editor: None,
                asked_at: self.now,
                payout: None,
                paid: 0,
                late: Late::No,
                counts: Some(self.now),
            },
        );
        Ok("applied")
    }

    fn withdrawal_at(&self, of: &PaymentRef) -> Result<ModelWithdrawal, &'static str> {
        self.withdrawals.get(&name(of)).cloned().ok_or("payment_not_found")
    }

    fn before_sending(&self, of: &PaymentRef) -> Result<ModelWithdrawal, &'static str> {
        let w = self.withdrawal_at(of)?;
        if w.is_before_sending() { Ok(w) } else { Err("not_allowed") }
    }

    fn store(&mut self, of: &PaymentRef, w: ModelWithdrawal) -> &'static str {
        self.withdrawals.insert(name(of), w);
        "applied"
    }

    /// What is asked for and neither paid nor given up.
    pub(super) fn withdrawals_under_way(&self, currency: CurrencyCode) -> i128 {
        let open = self.withdrawals.values().filter(|w| w.is_open() && w.currency == currency);
        open.map(|w| w.units).sum()
    }

    pub(super) fn pass_kyc(&mut self, c: &PassKyc) -> Judged {
        let mut w = self.before_sending(&c.withdrawal)?;
        if w.stands != Kyc {
            return Err("not_allowed");
        }
        if !self.young(c.as_of) || !self.tier_pays(0, w.currency) {
            return Err("kyc_required");
        }
        let alone = w.creator.is_none() && w.editor.is_none();
        w.stands = if alone && self.by_rule(w.units, w.currency) { Approved } else { Asked };
        Ok(self.store(&c.withdrawal, w))
    }

    pub(super) fn start_review(&mut self, c: &StartReview) -> Judged {
        let mut w = self.before_sending(&c.withdrawal)?;
        if w.stands != Asked {
            return Err("not_allowed");
        }
        w.stands = Review;
        Ok(self.store(&c.withdrawal, w))
    }

    pub(super) fn approve_withdrawal(&mut self, c: &ApproveWithdrawal) -> Judged {
        let mut w = self.before_sending(&c.withdrawal)?;
        let by = Some(c.by.to_string());
        if matches!(w.stands, Kyc | Approved) || w.creator == by || w.editor == by {
            return Err("not_allowed");
        }
        if !w.approved_by.insert(c.by.to_string()) {
            return Err("not_allowed");
        }
        w.stands = if w.approved_by.len() >= w.needs { Approved } else { Partly };
        Ok(self.store(&c.withdrawal, w))
    }

    /// Everything of it is cash again, and in the lots it was in.
    fn undo(&mut self, w: &ModelWithdrawal) {
        self.add("fees:income of unplayed", w.currency, -w.extra);
        self.add("player:cash", w.currency, w.units + w.extra);
        self.put_back(w.currency, &w.drawn);
        self.gave_back = true;
    }

    fn call_off(&mut self, of: &PaymentRef, mut w: ModelWithdrawal) -> &'static str {
        self.add(&pending_of(&name(of)), w.currency, -w.units);
        self.undo(&w);
        (w.stands, w.counts) = (Over, None);
        self.store(of, w)
    }

    pub(super) fn reject_withdrawal(&mut self, c: &RejectWithdrawal) -> Judged {
        let w = self.before_sending(&c.withdrawal)?;
        Ok(self.call_off(&c.withdrawal, w))
    }

    pub(super) fn cancel_withdrawal(&mut self, c: &CancelWithdrawal) -> Judged {
        let w = self.before_sending(&c.withdrawal)?;
        match self.profile().reverse_withdrawal {
            ReverseWithdrawal::Forbidden => return Err("not_allowed"),
            ReverseWithdrawal::UntilReview if !matches!(w.stands, Kyc | Asked) => return Err("not_allowed"),
            _ => {}
        }
        self.not_frozen()?;
        Ok(self.call_off(&c.withdrawal, w))
    }

    pub(super) fn expire_withdrawal(&mut self, c: &ExpireWithdrawal) -> Judged {
        let w = self.before_sending(&c.withdrawal)?;
        let age = self.now - w.asked_at;
        let old = age >= i64::from(self.policy.withdrawals.ttl_secs) * 1_000_000;
        if !matches!(w.stands, Kyc | Asked) || !old {
            return Err("not_allowed");
        }
        self.not_frozen()?;
        Ok(self.call_off(&c.withdrawal, w))
    }

    pub(super) fn split_withdrawal(&mut self, c: &SplitWithdrawal) -> Judged {
        let whole = self.before_sending(&c.withdrawal)?;
        if c.parts.len() < 2 {
            return Err("not_allowed");
        }
        if c.parts.len() > 20 {
            return Err("capacity_exceeded");
        }
        let source = c.withdrawal.source.to_string();
        let names: Vec<Name> = c.parts.iter().map(|part| (source.clone(), part.id.to_string())).collect();
        let distinct: BTreeSet<&Name> = names.iter().collect();
        if distinct.len() < names.len() || names.iter().any(|name| self.withdrawals.contains_key(name)) {
            return Err("key_reused");
        }
        let mut units = Vec::new();
        for part in &c.parts {
            match self.units(part.amount, whole.currency)? {
                0 => return Err("invalid_amount"),
                some => units.push(some),
            }
        }
        if units.iter().sum::<i128>() != whole.units {
            return Err("mismatch");
        }
        let mut rest = whole.clone();
        let mut parts = Vec::new();
        for own in units {
            let fee = rest.fee * own / rest.units;
            let part = rest.part(own, fee);
            if part.sent() <= 0 {
                return Err("invalid_amount");
            }
            parts.push(part);
        }
        if self.open_withdrawals() - 1 + parts.len() > 100 {
            return Err("capacity_exceeded");
        }
        self.add(&pending_of(&name(&c.withdrawal)), whole.currency, -whole.units);
        for (key, mut part) in names.into_iter().zip(parts) {
            self.add(&pending_of(&key), part.currency, part.units);
            part.editor = Some(c.by.to_string());
            part.approved_by.remove(c.by.as_str());
            part.stands = match part.stands {
                Partly | Approved if part.approved_by.is_empty() => Review,
                Partly | Approved if part.approved_by.len() >= part.needs => Approved,
                Partly | Approved => Partly,
                early => early,
            };
            self.withdrawals.insert(key, part);
        }
        let over = ModelWithdrawal { stands: Over, counts: None, ..whole };
        Ok(self.store(&c.withdrawal, over))
    }

    // Payouts.

    pub(super) fn send(&mut self, c: &SendWithdrawal) -> Judged {
        let mut w = self.before_sending(&c.withdrawal)?;
        if w.stands != Approved {
            return Err("not_allowed");
        }
        self.not_frozen()?;
        if self.held_for_dispute() {
            return Err("player_blocked");
        }
        self.add(&pending_of(&name(&c.withdrawal)), w.currency, -w.units);
        self.add(&format!("payouts:in_transit of {}", c.payout.source), w.currency, w.sent());
        self.add("fees:income of withdrawal", w.currency, w.fee);
        w.payout = Some(name(&c.payout));
        w.stands = OnItsWay;
        Ok(self.store(&c.withdrawal, w))
    }

    fn told(&self, of: &PaymentRef, payout: &PaymentRef) -> Result<ModelWithdrawal, &'static str> {
        let w = self.withdrawal_at(of)?;
        match &w.payout {
            None => Err("not_allowed"),
            Some(own) if *own == name(payout) => Ok(w),
            Some(_) => Err("mismatch"),
        }
    }

    pub(super) fn unknown(&mut self, c: &MarkUnknown) -> Judged {
        let mut w = self.told(&c.withdrawal, &c.payout)?;
        if w.stands != OnItsWay {
            return Ok("noop");
        }
        w.stands = Lost;
        Ok(self.store(&c.withdrawal, w))
    }

    pub(super) fn paid(&mut self, c: &MarkPaid) -> Judged {
        let mut w = self.told(&c.withdrawal, &c.payout)?;
        if !matches!(w.stands, OnItsWay | Lost | Failed) {
            return Ok("noop");
        }
        let sent = w.sent();
        let paid = match c.amount {
            None => sent,
            Some(amount) => self.units(amount, w.currency)?,
        };
        if paid == 0 {
            return Err("invalid_amount");
        }
        if paid > sent {
            return Err("mismatch");
        }
        let clearing = format!("psp:clearing of {}", c.payout.source);
        self.add(&clearing, w.currency, -paid);
        if w.stands == Failed {
            let bearer = match self.policy.withdrawals.late_payout {
                LatePayoutPolicy::Player => {
                    self.add("fees:income of withdrawal", w.currency, w.fee);
                    self.owe(w.currency, paid + w.fee);
                    Some(Bearer::Player)
                }
                LatePayoutPolicy::Suspense => {
                    let suspense = format!("suspense:unmatched_psp of {}", c.payout.source);
                    self.add(&suspense, w.currency, -paid);
                    None
                }
            };
            w.late = bearer.map_or(Late::Open, Late::Borne);
            w.counts = Some(self.now);
        } else {
            self.add(&format!("payouts:in_transit of {}", c.payout.source), w.currency, -sent);
            if paid < sent {
                let (units, fee) = (paid + w.fee, w.fee);
                let mut rest = w.clone();
                w = rest.part(units, fee);
                self.undo(&rest);
            }
        }
        w.paid = paid;
        w.stands = Paid;
        self.count(format!("paid {}", self.seq), What::Payout, w.currency, paid);
        Ok(self.store(&c.withdrawal, w))
    }

    /// Takes units from the player, who owes what he has not.
    fn owe(&mut self, currency: CurrencyCode, units: i128) {
        let cash = self.balance("player:cash", currency).min(units);
        self.add("player:cash", currency, -cash);
        self.add("receivable:player", currency, units - cash);
    }

    pub(super) fn failed(&mut self, c: &MarkFailed) -> Judged {
        let mut w = self.told(&c.withdrawal, &c.payout)?;
        if !matches!(w.stands, OnItsWay | Lost) {
            return Ok("noop");
        }
        self.add(&format!("payouts:in_transit of {}", c.payout.source), w.currency, -w.sent());
        self.add("fees:income of withdrawal", w.currency, -w.fee);
        self.undo(&w);
        (w.extra, w.drawn) = (0, Vec::new());
        (w.stands, w.counts) = (Failed, None);
        Ok(self.store(&c.withdrawal, w))
    }

    pub(super) fn came_back(&mut self, c: &MarkReturned) -> Judged {
        let mut w = self.told(&c.withdrawal, &c.payout)?;
        if w.stands != Paid {
            return Err("not_allowed");
        }
        let his = matches!(w.late, Late::No | Late::Borne(Bearer::Player));
        let to_player = c.to == PayoutReturnedTo::Player;
        if !his && to_player {
            return Err("not_allowed");
        }
        let there = (c.payout.source.to_string(), c.id.to_string());
        if his && !to_player && self.deposits.contains_key(&there) {
            return Err("key_reused");
        }
        let kept = c.fee.map_or(Ok(0), |fee| self.units(fee, w.currency))?;
        if kept >= w.paid {
            return Err("invalid_amount");
        }
        let house_pays = !his || c.fee_by == Bearer::House;
        let psp = c.payout.source.to_string();
        self.add(&format!("psp:clearing of {psp}"), w.currency, w.paid - kept);
        let left = if house_pays { w.paid } else { w.paid - kept };
        self.add(&format!("psp:fees of {psp}"), w.currency, if house_pays { kept } else { 0 });
        let suspense = format!("suspense:unmatched_psp of {psp}");
        if !his {
            let to = if w.late == Late::Open { suspense } else { "bad_debt".to_owned() };
            self.add(&to, w.currency, if w.late == Late::Open { left } else { -left });
        } else if to_player {
            self.count(format!("returned {}", self.seq), What::Payout, w.currency, -w.paid);
            let fee = if c.return_fee { w.fee } else { 0 };
            self.add("fees:income of withdrawal", w.currency, -fee);
            self.add("fees:income of unplayed", w.currency, -w.extra);
            let before = self.balance("player:cash", w.currency);
            self.pay(w.currency, left + fee + w.extra);
            let more = self.balance("player:cash", w.currency) - before;
            self.put_back(w.currency, &Lots::first(&w.drawn, more));
        } else {
            self.add(&suspense, w.currency, left);
            self.suspended_payout(there, w.currency, left);
        }
        (w.stands, w.counts) = (Over, None);
        Ok(self.store(&c.withdrawal, w))
    }

    pub(super) fn settle_late(&mut self, c: &SettleLatePayout) -> Judged {
        let mut w = self.withdrawal_at(&c.withdrawal)?;
        if w.stands != Paid || w.late != Late::Open || c.by == c.approved_by {
            return Err("not_allowed");
        }
        let psp = w.payout.clone().expect("a payout").0;
        self.add(&format!("suspense:unmatched_psp of {psp}"), w.currency, w.paid);
        match c.bearer {
            Bearer::Player => self.owe(w.currency, w.paid),
            Bearer::House => self.add("bad_debt", w.currency, w.paid),
        }
        w.late = Late::Borne(c.bearer);
        Ok(self.store(&c.withdrawal, w))
    }

    // Blocks.

    pub(super) fn block(&mut self, c: &BlockPlayer) -> Judged {
        if self.blocks.insert(c.block) { Ok("applied") } else { Err("not_allowed") }
    }

    pub(super) fn unblock(&mut self, c: &UnblockPlayer) -> Judged {
        if c.by == c.approved_by || !self.blocks.remove(&c.block) {
            return Err("not_allowed");
        }
        if c.block == Block::Deposits {
            self.forget_failures();
        }
        Ok("applied")
    }
}
