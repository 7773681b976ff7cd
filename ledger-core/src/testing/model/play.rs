//! Sessions, the ends of rounds that nobody says, and money that is no stake, as the model reads the rules.

use super::limits::What;
use super::lots::{Drawn, Lots};
use super::rounds::{Key, ModelRound, Paid, Stake};
use super::{Judged, Model};
use crate::bonus::GrantBonus;
use crate::credit::ReportFreeRounds;
use crate::money::CurrencyCode;
use crate::player::Block;
use crate::policy::{FreeRoundPayment, RegisterUse, Reward, SourcePolicy, TierBar, TimeOutAction};
use crate::purchase::{EnterTournament, Tip};
use crate::round::{ExpireRound, Funds, PlaceBet, ReopenRound, Rollback, RollbackKind};
use crate::session::{AcknowledgeRealityCheck, EndSession, StartSession};
use crate::stored::SessionRef;
use crate::testing::commands;
use crate::transfer::{RollIn, RollOut};

#[derive(Debug, Clone)]
pub(super) struct ModelSession {
    currency: CurrencyCode,
    started: i64,
    /// When he was shown how he does, or it began.
    shown: i64,
    pub(super) last: i64,
    seq: u64,
    /// What transfers for it staked and won.
    elsewhere: (i128, i128),
}

/// A tip or an entry to a tournament: how much goes where.
#[derive(Debug, Clone)]
pub(super) struct ModelPurchase {
    currency: CurrencyCode,
    round: Option<String>,
    parts: Vec<(String, i128)>,
    unplayed: Drawn,
    returned: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ModelTransfer {
    currency: CurrencyCode,
    game: String,
    units: i128,
    unplayed: Drawn,
    session: Option<Key>,
    /// Why it is not away any more.
    ended: Option<&'static str>,
}

fn key(of: &SessionRef) -> Key {
    (of.source.to_string(), of.id.to_string())
}

impl Model {
    /// What every open session's rounds staked and won, in the order the sessions were started.
    pub fn session_totals(&self) -> Vec<(i128, i128)> {
        let mut all: Vec<_> = self.sessions.iter().collect();
        all.sort_by_key(|(_, session)| session.seq);
        let totals = all.into_iter().map(|(of, session)| {
            let rounds = self.rounds.values().filter_map(|round| {
                let (own, staked, won) = round.session.as_ref()?;
                let totals = round.totals();
                (own == of).then_some((totals.0 - staked, totals.1 - won))
            });
            rounds.fold(session.elsewhere, |sum, part| (sum.0 + part.0, sum.1 + part.1))
        });
        totals.collect()
    }

    /// What went to play elsewhere, and is still there.
    pub(super) fn transfers_away(&self) -> Vec<(Key, CurrencyCode, i128)> {
        let all = self.transfers.iter().map(|(key, transfer)| {
            let units = if transfer.ended.is_none() { transfer.units } else { 0 };
            (key.clone(), transfer.currency, units)
        });
        all.collect()
    }

    /// How many transfers are away.
    pub fn open_transfers(&self) -> usize {
        self.transfers.values().filter(|transfer| transfer.ended.is_none()).count()
    }

    /// Whether a bet has the session it needs.
    pub(super) fn in_session(
        &self,
        named: Option<&SessionRef>,
        currency: CurrencyCode,
        validate: Option<bool>,
        policy: &SourcePolicy,
    ) -> Result<(), &'static str> {
        let law = self.profile().session_needed;
        let (needed, checked) = match validate {
            Some(wanted) => (law || wanted, law || wanted),
            None => (law || policy.sessions.needed, law || policy.sessions.checked),
        };
        let open = named.map(|of| self.sessions.get(&key(of)));
        let ttl = policy.sessions.ttl_secs.map(|secs| i64::from(secs) * 1_000_000);
        match open {
            None if needed => Err("session_expired"),
            Some(None) if checked => Err("session_expired"),
            Some(Some(session)) if session.currency != currency => Err("currency_mismatch"),
            Some(Some(session)) if checked && ttl.is_some_and(|ttl| self.now - session.started > ttl) => {
                Err("session_expired")
            }
            _ => Ok(()),
        }
    }

    /// Whether a stake may be placed now, as far as the player and his jurisdiction go.
    pub(super) fn may_begin(
        &self,
        is_new: bool,
        units: i128,
        currency: CurrencyCode,
        c: &PlaceBet,
    ) -> Result<(), &'static str> {
        let named = c.session.as_ref();
        if self.office.closed {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        self.may_go_on(RegisterUse::Bet, None, TierBar::Play)?;
        self.may_play_at(c.source.as_str(), Some(&c.game), false)?;
        self.in_time(named)?;
        let pause = i64::from(self.profile().round_interval_ms) * 1_000;
        if is_new && self.last_round.is_some_and(|last| self.now < last + pause) {
            return Err("round_too_soon");
        }
        if let Some(stakes) = self.profile().stakes.get(&currency)
            && units > 0
            && !stakes.iter().any(|stake| self.units(stake.to_decimal(), currency) == Ok(units))
        {
            return Err("stake_not_allowed");
        }
        let round = self.rounds.get(&(c.source.to_string(), c.round.to_string()));
        let of_round = units + round.map_or(0, |round| round.totals().0);
        self.plays_for((&c.game, c.game_type.as_ref()), (units, of_round), currency)
    }

    /// Whether a session may go on.
    fn in_time(&self, named: Option<&SessionRef>) -> Result<(), &'static str> {
        let Some(session) = named.and_then(|of| self.sessions.get(&key(of))) else {
            return self.in_play_time(None);
        };
        let controls = &self.profile().controls;
        let past = |since: i64, secs: u32| self.now - since >= i64::from(secs) * 1_000_000;
        let most = controls.session_max_secs.into_iter().chain(self.own_session_secs()).min();
        if most.is_some_and(|secs| past(session.started, secs)) {
            return Err("session_time_reached");
        }
        self.in_play_time(named)?;
        if controls.reality_check_secs.is_some_and(|secs| past(session.shown, secs)) {
            return Err("reality_check_due");
        }
        Ok(())
    }

    pub(super) fn start_session(&mut self, c: &StartSession) -> Judged {
        self.purse(c.currency)?;
        self.read_registers(&c.registers)?;
        if self.office.closed {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        self.may_go_on(RegisterUse::Session, None, TierBar::Play)?;
        self.may_play_at(c.source.as_str(), Some(&c.game), true)?;
        self.in_play_time(None)?;
        if self.sessions.len() >= 32 {
            let idle = self.sessions.iter().min_by_key(|(_, session)| (session.last, session.seq));
            let idle = idle.map(|(of, _)| of.clone()).expect("there are many");
            self.end(&idle);
        }
        let session = ModelSession {
            currency: c.currency,
            started: self.now,
            shown: self.now,
            last: self.now,
            seq: self.seq,
            elsewhere: (0, 0),
        };
        let of = (c.source.to_string(), c.id.to_string());
        // Bets may have named it before: it counts from here on.
        for round in self.rounds.values_mut() {
            let totals = round.totals();
            if let Some((named, staked, won)) = &mut round.session
                && *named == of
            {
                (*staked, *won) = totals;
            }
        }
        self.sessions.insert(of, session);
        Ok("applied")
    }

    fn end(&mut self, of: &Key) -> bool {
        self.sessions.remove(of).is_some()
    }

    pub(super) fn end_session(&mut self, c: &EndSession) -> &'static str {
        if let Some(last) = self.sessions.get(&key(&c.session)).map(|session| session.last) {
            self.played(last);
        }
        if self.end(&key(&c.session)) { "applied" } else { "noop" }
    }

    pub(super) fn acknowledge(&mut self, c: &AcknowledgeRealityCheck) -> Judged {
        let now = self.now;
        let session = self.sessions.get_mut(&key(&c.session)).ok_or("session_expired")?;
        let last = std::mem::replace(&mut session.last, now);
        session.shown = now;
        self.played(last);
        Ok("applied")
    }

    pub(super) fn expire_round(&mut self, c: &ExpireRound) -> Judged {
        let key = (c.round_source.to_string(), c.round.to_string());
        let Some(round) = self.rounds.get(&key).filter(|round| round.is_live()).cloned() else {
            return Ok("noop");
        };
        let limit = self.of_source(&key.0).round_time_out.ok_or("not_allowed")?;
        if self.now < round.last + i64::from(limit.after_secs) * 1_000_000 {
            return Err("not_allowed");
        }
        let held = |round: &ModelRound| -> Vec<_> {
            round.bets.iter().filter(|bet| bet.stake == Stake::Held).cloned().collect()
        };
        if limit.then == TimeOutAction::Void {
            let has_result = round.bets.iter().any(|bet| bet.stake == Stake::Taken)
                || round.wins.iter().any(|win| win.paid != Paid::Undone);
            for bet in held(&round).iter().filter(|bet| !round.answered(bet)) {
                self.give_back(&key, &bet.id);
            }
            if !has_result {
                let round = self.rounds.get_mut(&key).expect("the round");
                (round.closed, round.cancelled) = (false, true);
                return Ok("applied");
            }
        }
        self.take(&key, true, |_| true);
        let round = self.rounds.get_mut(&key).expect("the round");
        (round.closed, round.ruled) = (!round.all_returned(), true);
        self.touch(&key);
        Ok("applied")
    }

    pub(super) fn reopen_round(&mut self, c: &ReopenRound) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).ok_or("bet_not_found")?;
        if round.cancelled || (round.closed && round.all_returned()) {
            return Err("txn_cancelled");
        }
        if !round.closed {
            return Ok("noop");
        }
        if !c.flags.reopen.unwrap_or(self.of_source(&key.0).reopen_rounds) {
            return Err("round_closed");
        }
        self.rounds.get_mut(&key).expect("the round").closed = false;
        self.touch(&key);
        Ok("applied")
    }

    /// Whether free rounds of a campaign are paid by their total.
    pub(super) fn pays_by_total(&self, source: &str, campaign: &str) -> bool {
        let mut bonuses = self.policy.free_round_bonuses.keys();
        self.of_source(source).free_rounds == FreeRoundPayment::Total
            || bonuses.any(|of| of.as_str() == campaign)
    }

    pub(super) fn report_free_rounds(&mut self, c: &ReportFreeRounds) -> Judged {
        let units = self.units(c.amount, c.currency)?;
        if units == 0 || !self.pays_by_total(c.source.as_str(), c.campaign.as_str()) {
            return Ok("noop");
        }
        if let Some(terms) = self.policy.free_round_bonuses.get(&c.campaign).cloned() {
            let most = self.policy.bonuses.get(&terms).and_then(|terms| match &terms.reward {
                Reward::Given { most } => most.get(&c.currency).map(|most| most.to_decimal()),
                _ => None,
            });
            let grant = GrantBonus {
                source: c.source.clone(),
                id: c.id.clone(),
                terms,
                amount: Some(most.map_or(c.amount, |most| c.amount.min(most))),
                currency: c.currency,
                ..commands::grant_bonus("-", "1")
            };
            return self.grant_bonus(&grant);
        }
        self.add(&format!("freespin:cost of {}", c.campaign), c.currency, units);
        self.pay(c.currency, units);
        Ok("applied")
    }

    /// Pays for something that is no stake.
    fn buy(
        &mut self,
        of: (&'static str, String, String),
        currency: CurrencyCode,
        parts: Vec<(String, i128)>,
        funds: Funds,
        round: Option<String>,
    ) -> Judged {
        let units: i128 = parts.iter().map(|(_, units)| units).sum();
        if self.office.closed {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        self.may_go_on(RegisterUse::Purchase, None, TierBar::Play)?;
        self.may_play_at(&of.1, None, false)?;
        if funds == Funds::Bonus {
            return Err("bonus_rule");
        }
        if units > 0 && units > self.free(currency) {
            return Err("insufficient_funds");
        }
        // It is not played: money that was played goes first.
        let unplayed = self.leave(currency, units, &[]);
        self.add("player:cash", currency, -units);
        for (account, part) in &parts {
            self.add(account, currency, *part);
        }
        self.purchases.insert(of, ModelPurchase { currency, round, parts, unplayed, returned: false });
        Ok("applied")
    }

    pub(super) fn tip(&mut self, c: &Tip) -> Judged {
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Err("invalid_amount");
        }
        self.read_registers(&c.registers)?;
        let parts = vec![(format!("tips:payable of {}", c.source), units)];
        let of = ("tip", c.source.to_string(), c.id.to_string());
        self.buy(of, c.currency, parts, c.funds, c.round.as_ref().map(ToString::to_string))
    }

    pub(super) fn enter_tournament(&mut self, c: &EnterTournament) -> Judged {
        let pool = self.units(c.buy_in, c.currency)?;
        let rake = self.units(c.fee, c.currency)?;
        self.read_registers(&c.registers)?;
        let parts = vec![
            (format!("tournament:pool of {}", c.tournament), pool),
            (format!("gaming:rake of {}", c.tournament), rake),
        ];
        let of = ("tournament_entry", c.source.to_string(), c.id.to_string());
        self.buy(of, c.currency, parts, c.funds, None)
    }

    pub(super) fn roll_out(&mut self, c: &RollOut) -> Judged {
        let policy = self.of_source(c.source.as_str()).clone();
        self.purse(c.currency)?;
        self.in_session(c.session.as_ref(), c.currency, c.flags.validate_session, &policy)?;
        let asked = c.amount.map(|amount| self.units(amount, c.currency)).transpose()?;
        self.read_registers(&c.registers)?;
        if self.office.closed {
            return Err("player_closed");
        }
        self.not_barred(Block::Bets)?;
        self.may_go_on(RegisterUse::Transfer, None, TierBar::Play)?;
        self.may_play_at(c.source.as_str(), Some(&c.game), false)?;
        self.in_time(c.session.as_ref())?;
        let free = self.free(c.currency);
        if asked.is_some_and(|units| units > 0 && units > free) {
            return Err("insufficient_funds");
        }
        let units = asked.unwrap_or(free.max(0));
        self.in_limits("transfer", units, c.currency)?;
        let of = (c.source.to_string(), c.id.to_string());
        let unplayed = self.play(c.currency, units);
        self.add("player:cash", c.currency, -units);
        self.add(&away(&of), c.currency, units);
        let transfer = ModelTransfer {
            currency: c.currency,
            game: c.game.to_string(),
            units,
            unplayed,
            session: c.session.as_ref().map(key),
            ended: None,
        };
        self.transfers.insert(of, transfer);
        Ok("applied")
    }

    pub(super) fn roll_in(&mut self, c: &RollIn) -> Judged {
        let of = (c.source.to_string(), c.transfer.to_string());
        let transfer = self.transfers.get(&of).cloned().ok_or("not_allowed")?;
        if let Some(ended) = transfer.ended {
            return Err(ended);
        }
        if transfer.currency != c.currency {
            return Err("mismatch");
        }
        let back = self.units(c.amount, c.currency)?;
        let (staked, won) = match (c.staked, c.won) {
            (None, None) => ((transfer.units - back).max(0), (back - transfer.units).max(0)),
            (Some(staked), Some(won)) => (self.units(staked, c.currency)?, self.units(won, c.currency)?),
            _ => return Err("mismatch"),
        };
        if transfer.units - staked + won != back {
            return Err("mismatch");
        }
        self.add(&away(&of), c.currency, -transfer.units);
        self.add(&format!("gaming:stakes of {}", transfer.game), c.currency, staked);
        self.add(&format!("gaming:payouts of {}", transfer.game), c.currency, won);
        // What he had is his again; what he gained pays what he owes.
        let own = back.min(transfer.units);
        self.add("player:cash", c.currency, own);
        self.came_back = own;
        self.put_back(c.currency, &Lots::beyond(&transfer.unplayed, staked.min(transfer.units)));
        self.pay(c.currency, back - own);
        if let Some(session) = transfer.session.as_ref().and_then(|of| self.sessions.get_mut(of)) {
            session.elsewhere.0 += staked;
            session.elsewhere.1 += won;
        }
        self.transfers.get_mut(&of).expect("the transfer").ended = Some("already_settled");
        self.count(format!("in {of:?}"), What::Stake, c.currency, staked);
        self.count(format!("in {of:?}"), What::Win, c.currency, won);
        Ok("applied")
    }

    /// A rollback of something that is neither a bet nor a win, if it is one.
    pub(super) fn rollback_other(
        &mut self,
        c: &Rollback,
        may_be: impl Fn(RollbackKind) -> bool,
    ) -> Option<Judged> {
        let of = |kind| (kind, c.source.to_string(), c.target.to_string());
        for (kind, name) in [(RollbackKind::Tip, "tip"), (RollbackKind::TournamentEntry, "tournament_entry")]
        {
            if may_be(kind) && self.purchases.contains_key(&of(name)) {
                return Some(self.give_purchase_back(c, &of(name)));
            }
        }
        let of = (c.source.to_string(), c.target.to_string());
        if may_be(RollbackKind::RollOut) && self.transfers.contains_key(&of) {
            return Some(self.bring_back(c, &of));
        }
        None
    }

    /// What a rollback says of what it undoes.
    fn agrees_with(
        &self,
        c: &Rollback,
        round: Option<&String>,
        currency: CurrencyCode,
        units: i128,
    ) -> Result<(), &'static str> {
        let is_so = c.round.as_ref().is_none_or(|named| round.is_some_and(|own| *own == named.as_str()))
            && c.currency.is_none_or(|named| named == currency)
            && c.amount.is_none_or(|named| self.units(named, currency) == Ok(units));
        if is_so { Ok(()) } else { Err("mismatch") }
    }

    fn give_purchase_back(&mut self, c: &Rollback, of: &(&'static str, String, String)) -> Judged {
        let purchase = self.purchases.get(of).cloned().expect("it is there");
        if c.partial {
            return Err("not_allowed");
        }
        let units = purchase.parts.iter().map(|(_, units)| units).sum();
        self.agrees_with(c, purchase.round.as_ref(), purchase.currency, units)?;
        self.return_purchase(of)
    }

    /// The pool that a purchase went into, of an entry to a tournament.
    pub(super) fn pool_of_purchase(&self, of: &(&'static str, String, String)) -> Option<&str> {
        self.purchases.get(of).and_then(|known| known.parts.first()).map(|(pool, _)| pool.as_str())
    }

    pub(super) fn currency_of_purchase(&self, of: &(&'static str, String, String)) -> Option<CurrencyCode> {
        self.purchases.get(of).map(|known| known.currency)
    }

    /// All that was paid goes back.
    pub(super) fn return_purchase(&mut self, of: &(&'static str, String, String)) -> Judged {
        let purchase = self.purchases.get(of).cloned().expect("it is there");
        let units = purchase.parts.iter().map(|(_, units)| units).sum();
        if purchase.returned {
            return Err("already_rolled_back");
        }
        for (account, part) in &purchase.parts {
            self.add(account, purchase.currency, -part);
        }
        self.add("player:cash", purchase.currency, units);
        self.put_back(purchase.currency, &purchase.unplayed);
        self.gave_back = true;
        self.purchases.get_mut(of).expect("it is there").returned = true;
        Ok("applied")
    }

    fn bring_back(&mut self, c: &Rollback, of: &Key) -> Judged {
        let transfer = self.transfers.get(of).cloned().expect("it is there");
        if c.partial {
            return Err("not_allowed");
        }
        self.agrees_with(c, None, transfer.currency, transfer.units)?;
        if let Some(ended) = transfer.ended {
            return Err(ended);
        }
        self.add(&away(of), transfer.currency, -transfer.units);
        self.add("player:cash", transfer.currency, transfer.units);
        self.put_back(transfer.currency, &transfer.unplayed);
        self.gave_back = true;
        self.transfers.get_mut(of).expect("it is there").ended = Some("already_rolled_back");
        Ok("applied")
    }
}

fn away(of: &Key) -> String {
    format!("player:held of {}/transfer/{}", of.0, of.1)
}
