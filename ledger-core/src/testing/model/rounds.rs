//! Bet rounds, as the model reads the rules.

use rust_decimal::Decimal;

use super::lots::{Drawn, Lots};
use super::{Judged, Model};
use crate::money::CurrencyCode;
use crate::policy::ShortfallPolicy;
use crate::round::{CloseRound, Finality, PlaceBet, Rollback, RollbackKind, Settle, Void};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stake {
    Held,
    Taken,
    Returned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paid {
    Stands,
    Undone,
    Kept,
}

#[derive(Debug, Clone)]
pub(super) struct ModelBet {
    pub(super) id: String,
    pub(super) game: String,
    pub(super) units: i128,
    /// What was cashed out of it, and what went back in parts.
    pub(super) cashed: i128,
    pub(super) returned: i128,
    /// What of it was unplayed money and did not go back.
    pub(super) unplayed: Drawn,
    pub(super) stake: Stake,
    pub(super) seq: u64,
}

impl ModelBet {
    /// What is held while it is open.
    pub(super) fn rest(&self) -> i128 {
        self.units - self.cashed - self.returned
    }

    /// What did not go back.
    pub(super) fn staked(&self) -> i128 {
        self.units - self.returned
    }
}

#[derive(Debug, Clone)]
pub(super) struct ModelWin {
    pub(super) id: String,
    pub(super) bet: Option<String>,
    pub(super) units: i128,
    pub(super) paid: Paid,
    pub(super) cash_out: bool,
    /// A resettlement made it.
    pub(super) made: bool,
    pub(super) seq: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ModelRound {
    pub(super) currency: Option<CurrencyCode>,
    pub(super) bets: Vec<ModelBet>,
    pub(super) wins: Vec<ModelWin>,
    pub(super) closed: bool,
    pub(super) cancelled: bool,
}

impl ModelRound {
    pub(super) fn all_returned(&self) -> bool {
        !self.bets.is_empty() && self.bets.iter().all(|bet| bet.stake == Stake::Returned)
    }

    pub(super) fn is_live(&self) -> bool {
        !self.closed && !self.cancelled && !self.bets.is_empty() && !self.all_returned()
    }

    /// Every bet went back, and a new one opens it again.
    pub(super) fn is_void(&self) -> bool {
        !self.closed && !self.cancelled && self.all_returned()
    }

    pub(super) fn wins_for<'a>(&'a self, bet: &'a ModelBet) -> impl Iterator<Item = &'a ModelWin> {
        self.wins.iter().filter(move |win| match &win.bet {
            Some(named) => *named == bet.id,
            None => win.seq > bet.seq,
        })
    }

    pub(super) fn answered(&self, bet: &ModelBet) -> bool {
        self.wins_for(bet).any(|win| win.paid != Paid::Undone)
    }

    /// Nothing is held, and no taken stake waits for a win that replaces one that was undone.
    pub(super) fn is_done(&self) -> bool {
        self.bets.iter().all(|bet| match bet.stake {
            Stake::Held => false,
            Stake::Returned => true,
            Stake::Taken => self.answered(bet) || self.wins_for(bet).count() == 0,
        })
    }
}

impl Model {
    pub(super) fn bet(&mut self, c: &PlaceBet) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).cloned().unwrap_or_default();
        if round.cancelled {
            return Err("txn_cancelled");
        }
        if round.closed {
            return Err("round_closed");
        }
        self.purse(c.currency)?;
        if round.currency.is_some_and(|own| own != c.currency) {
            return Err("currency_mismatch");
        }
        let units = self.units(c.amount, c.currency)?;
        if self.office.closed {
            return Err("player_closed");
        }
        let free = self.balance("player:cash", c.currency) - self.balance("receivable:player", c.currency);
        if units > 0 && units > free {
            return Err("insufficient_funds");
        }
        let unplayed = self.play(c.currency, units);
        self.add("player:cash", c.currency, -units);
        self.add(&held(&key), c.currency, units);
        let seq = self.seq;
        let round = self.rounds.entry(key).or_default();
        round.currency = Some(c.currency);
        round.bets.push(ModelBet {
            id: c.id.to_string(),
            game: c.game.to_string(),
            units,
            cashed: 0,
            returned: 0,
            unplayed,
            stake: Stake::Held,
            seq,
        });
        Ok("applied")
    }

    /// Takes the held stakes of these bets for good.
    pub(super) fn take(&mut self, key: &(String, String), which: impl Fn(&ModelBet) -> bool) {
        let round = self.rounds.get_mut(key).expect("a round");
        let currency = round.currency.expect("a round with bets has a currency");
        let mut taken = Vec::new();
        for bet in round.bets.iter_mut().filter(|bet| bet.stake == Stake::Held && which(bet)) {
            bet.stake = Stake::Taken;
            taken.push((bet.game.clone(), bet.rest()));
        }
        for (game, units) in taken {
            self.add(&held(key), currency, -units);
            self.add(&format!("gaming:stakes of {game}"), currency, units);
        }
    }

    pub(super) fn settle(&mut self, c: &Settle) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).cloned().ok_or("bet_not_found")?;
        let named = c.bet.as_ref().map(|id| round.bets.iter().find(|bet| bet.id == id.as_str()));
        if round.cancelled || round.is_void() {
            return Err("txn_cancelled");
        }
        if named.flatten().is_some_and(|bet| bet.stake == Stake::Returned) {
            return Err("txn_cancelled");
        }
        let sold = |bet: &ModelBet| bet.cashed > 0 && bet.rest() == 0;
        if round.closed && named.map_or_else(|| round.bets.iter().all(sold), |bet| bet.is_some_and(sold)) {
            return Err("already_settled");
        }
        if round.closed {
            return Err("round_closed");
        }
        match named {
            Some(None) => return Err("bet_not_found"),
            Some(Some(bet)) if bet.stake == Stake::Taken && round.answered(bet) => {
                return Err("already_settled");
            }
            _ => {}
        }
        self.purse(c.currency)?;
        if round.currency != Some(c.currency) {
            return Err("currency_mismatch");
        }
        let units = self.units(c.amount, c.currency)?;

        let game = named.flatten().or_else(|| round.bets.first()).expect("a round has a bet").game.clone();
        let bet = c.bet.as_ref().map(ToString::to_string);
        match c.finality {
            Finality::MoreToCome => {}
            Finality::Bet => self.take(&key, |b| bet.as_ref().is_none_or(|named| *named == b.id)),
            Finality::Round => self.take(&key, |_| true),
        }
        self.add(&format!("gaming:payouts of {game}"), c.currency, units);
        self.pay(c.currency, units);
        let seq = self.seq;
        let round = self.rounds.get_mut(&key).expect("the round");
        let id = c.id.to_string();
        round.wins.push(ModelWin { id, bet, units, paid: Paid::Stands, cash_out: false, made: false, seq });
        round.closed = match c.finality {
            Finality::MoreToCome => false,
            Finality::Bet => round.is_done(),
            Finality::Round => true,
        };
        Ok(if c.finality == Finality::MoreToCome && units == 0 { "noop" } else { "applied" })
    }

    pub(super) fn close(&mut self, c: &CloseRound) -> &'static str {
        let key = (c.source.to_string(), c.round.to_string());
        if !self.rounds.get(&key).is_some_and(ModelRound::is_live) {
            return "noop";
        }
        self.take(&key, |_| true);
        self.rounds.get_mut(&key).expect("the round").closed = true;
        "applied"
    }

    // Undoing.

    pub(super) fn undoable(&self, key: &(String, String), bet: &ModelBet) -> Result<(), &'static str> {
        let round = self.rounds.get(key).expect("the bet's round");
        match bet.stake {
            Stake::Returned => Err("already_rolled_back"),
            Stake::Taken => Err("already_settled"),
            Stake::Held if round.answered(bet) => Err("already_settled"),
            Stake::Held => Ok(()),
        }
    }

    pub(super) fn give_back(&mut self, key: &(String, String), id: &str) {
        let round = self.rounds.get_mut(key).expect("the bet's round");
        let currency = round.currency.expect("a currency");
        let bet = round.bets.iter_mut().find(|bet| bet.id == id).expect("the bet");
        bet.stake = Stake::Returned;
        let units = bet.rest();
        let unplayed = Lots::beyond(&bet.unplayed, bet.cashed);
        if !round.all_returned() && round.is_done() {
            round.closed = true;
        }
        self.add(&held(key), currency, -units);
        self.add("player:cash", currency, units);
        if units > 0 {
            self.put_back(currency, &unplayed);
        }
    }

    pub(super) fn void_round(&mut self, c: &Void) -> Judged {
        let key = (c.round_source.to_string(), c.round.to_string());
        let known = self.rounds.get(&key).cloned();
        let round = known.clone().unwrap_or_default();
        if round.cancelled {
            return Err("already_rolled_back");
        }
        let settled = round.bets.iter().any(|bet| bet.stake == Stake::Taken)
            || round.wins.iter().any(|win| win.paid != Paid::Undone);
        if round.closed || (settled && !round.all_returned()) {
            return Err("already_settled");
        }
        for bet in round.bets.iter().filter(|bet| bet.stake == Stake::Held) {
            self.give_back(&key, &bet.id);
        }
        let round = self.rounds.entry(key).or_default();
        round.closed = false;
        round.cancelled = true;
        Ok(if known.is_some() { "applied" } else { "tombstoned" })
    }

    /// Where a bet of a source stands, whatever its round.
    pub(super) fn find_bet(&self, source: &str, id: &str) -> Option<((String, String), ModelBet)> {
        let mut own = self.rounds.iter().filter(|((s, _), _)| s == source);
        own.find_map(|(key, round)| {
            round.bets.iter().find(|bet| bet.id == id).map(|bet| (key.clone(), bet.clone()))
        })
    }

    pub(super) fn find_win(&self, source: &str, id: &str) -> Option<((String, String), ModelWin)> {
        let mut own = self.rounds.iter().filter(|((s, _), _)| s == source);
        own.find_map(|(key, round)| {
            round
                .wins
                .iter()
                .find(|win| win.id == id && !win.cash_out && !win.made)
                .map(|win| (key.clone(), win.clone()))
        })
    }

    /// Whether an id of a source was used by something that was not refused, of one of these kinds.
    pub(super) fn is_used(&self, source: &str, id: &str, kinds: &[&str]) -> bool {
        self.keys.iter().any(|((s, kind, i), (_, outcome))| {
            s == source && i == id && kinds.contains(kind) && !outcome.starts_with("rejected")
        })
    }

    pub(super) fn void_bet(&mut self, c: &Void, bet: &str) -> Judged {
        let source = c.round_source.as_str();
        match self.find_bet(source, bet) {
            Some(((_, round), _)) if round != c.round.as_str() => Err("mismatch"),
            Some((key, bet)) => {
                self.undoable(&key, &bet)?;
                self.give_back(&key, &bet.id);
                Ok("applied")
            }
            None if self.is_used(source, bet, &["any"]) => Err("not_allowed"),
            None => Ok(self.bury(source, bet)),
        }
    }

    pub(super) fn bury(&mut self, source: &str, id: &str) -> &'static str {
        self.dead.insert((source.to_owned(), id.to_owned()));
        "tombstoned"
    }

    pub(super) fn rollback(&mut self, c: &Rollback) -> Judged {
        let (source, target) = (c.source.as_str(), c.target.as_str());
        if c.kind != Some(RollbackKind::Win)
            && let Some((key, bet)) = self.find_bet(source, target)
        {
            return self.rollback_bet(c, &key, &bet);
        }
        if c.kind != Some(RollbackKind::Bet)
            && let Some((key, win)) = self.find_win(source, target)
        {
            return if c.partial { Err("not_allowed") } else { self.take_back(c, &key, &win) };
        }
        let elsewhere: &[&str] = match c.kind {
            Some(_) => &["any"],
            None => &[
                "any",
                "rollback",
                "credit",
                "deposit",
                "void",
                "close",
                "void_settled",
                "resettle",
                "unsettle",
                "cash_out",
                "adjustment",
                "information",
            ],
        };
        if self.is_used(source, target, elsewhere) {
            return Err("not_allowed");
        }
        Ok(self.bury(source, target))
    }

    pub(super) fn agrees(
        &self,
        c: &Rollback,
        key: &(String, String),
        units: i128,
    ) -> Result<(), &'static str> {
        let currency = self.rounds.get(key).and_then(|round| round.currency).expect("a currency");
        let (scale, _) = self.purse(currency)?;
        let amount = Decimal::from_i128_with_scale(units, u32::from(scale));
        let agrees = c.round.as_ref().is_none_or(|round| round.as_str() == key.1)
            && c.currency.is_none_or(|named| named == currency)
            && c.amount.is_none_or(|named| named == amount);
        if agrees { Ok(()) } else { Err("mismatch") }
    }

    /// Takes money back that may be spent; `false` if he keeps it.
    pub(super) fn take_from_player(
        &mut self,
        currency: CurrencyCode,
        units: i128,
        policy: ShortfallPolicy,
    ) -> Result<bool, &'static str> {
        self.take_beside(currency, units, 0, policy)
    }

    /// The same, where `back` of the cash came with the same entry.
    pub(super) fn take_beside(
        &mut self,
        currency: CurrencyCode,
        units: i128,
        back: i128,
        policy: ShortfallPolicy,
    ) -> Result<bool, &'static str> {
        let (has, owes) =
            (self.balance("player:cash", currency), self.balance("receivable:player", currency));
        let net = units - back;
        let is_spent = net > 0 && net > has - back - owes;
        match policy {
            ShortfallPolicy::Reject if is_spent => return Err("insufficient_funds"),
            ShortfallPolicy::Retain if is_spent => return Ok(false),
            _ => {}
        }
        let cash = has.min(units);
        self.add("player:cash", currency, -cash);
        let missing = if policy == ShortfallPolicy::ZeroOut { "bad_debt" } else { "receivable:player" };
        self.add(missing, currency, units - cash);
        Ok(true)
    }

    pub(super) fn take_back(&mut self, c: &Rollback, key: &(String, String), win: &ModelWin) -> Judged {
        if win.paid != Paid::Stands {
            return Err("already_rolled_back");
        }
        self.agrees(c, key, win.units)?;
        let policy = c.on_shortfall.unwrap_or(self.of_source(c.source.as_str()).on_shortfall);
        let round = self.rounds.get(key).expect("the win's round");
        let currency = round.currency.expect("a currency");
        let named = win.bet.as_ref().and_then(|id| round.bets.iter().find(|bet| bet.id == *id));
        let game = named.or_else(|| round.bets.first()).expect("a bet").game.clone();
        let took = self.take_from_player(currency, win.units, policy)?;
        let (state, outcome) = if took { (Paid::Undone, "applied") } else { (Paid::Kept, "noop") };
        if took {
            self.add(&format!("gaming:payouts of {game}"), currency, -win.units);
        }
        let round = self.rounds.get_mut(key).expect("the win's round");
        let stored = round.wins.iter_mut().find(|w| w.id == win.id).expect("the win");
        stored.paid = state;
        if state == Paid::Undone {
            round.closed = false;
        }
        Ok(outcome)
    }
}

pub(super) fn held(round: &(String, String)) -> String {
    format!("player:held of {}/{}", round.0, round.1)
}
