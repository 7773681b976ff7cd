//! A second reading of the rules, in plain maps and integers, without events. It shares no code with the
//! core but the command types and the policy document.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::ids::{Reason, SourceId, TransactionId};
use crate::money::{CurrencyCode, CurrencyRegistry};
use crate::player_ledger::{
    CloseRound, Finality, GrantCredit, OpenPlayer, PlaceBet, PlayerCommand, RecordDeposit, Rollback,
    RollbackKind, Settle, Void, VoidTarget,
};
use crate::policy::{KeyScope, Policy, ShortfallPolicy, SourcePolicy};
use crate::stored::CreditKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stake {
    Held,
    Taken,
    Returned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paid {
    Stands,
    Undone,
    Kept,
}

#[derive(Debug, Clone)]
struct ModelBet {
    id: String,
    game: String,
    units: i128,
    stake: Stake,
    seq: u64,
}

#[derive(Debug, Clone)]
struct ModelWin {
    id: String,
    bet: Option<String>,
    units: i128,
    paid: Paid,
    seq: u64,
}

#[derive(Debug, Clone, Default)]
struct ModelRound {
    currency: Option<CurrencyCode>,
    bets: Vec<ModelBet>,
    wins: Vec<ModelWin>,
    closed: bool,
    cancelled: bool,
}

impl ModelRound {
    fn all_returned(&self) -> bool {
        !self.bets.is_empty() && self.bets.iter().all(|bet| bet.stake == Stake::Returned)
    }

    fn is_live(&self) -> bool {
        !self.closed && !self.cancelled && !self.bets.is_empty() && !self.all_returned()
    }

    fn wins_for<'a>(&'a self, bet: &'a ModelBet) -> impl Iterator<Item = &'a ModelWin> {
        self.wins.iter().filter(move |win| match &win.bet {
            Some(named) => *named == bet.id,
            None => win.seq > bet.seq,
        })
    }

    fn answered(&self, bet: &ModelBet) -> bool {
        self.wins_for(bet).any(|win| win.paid != Paid::Undone)
    }

    /// Nothing is held, and no taken stake waits for a win that replaces one that was undone.
    fn is_done(&self) -> bool {
        self.bets.iter().all(|bet| match bet.stake {
            Stake::Held => false,
            Stake::Returned => true,
            Stake::Taken => self.answered(bet) || self.wins_for(bet).count() == 0,
        })
    }
}

/// An outcome, or the code of a refusal.
type Judged = Result<&'static str, &'static str>;

/// The naive model of one player's ledger.
///
/// It answers each command with the text that [`super::TestOutcome::text`] has for it, and keeps the
/// balance of every account.
#[derive(Debug, Clone)]
pub struct Model {
    policy: Policy,
    player: String,
    registry: CurrencyRegistry,
    /// Scale and maximum in units of each purse; `None` before the opening.
    purses: Option<BTreeMap<CurrencyCode, (u8, i128)>>,
    keys: BTreeMap<(String, &'static str, String), (PlayerCommand, String)>,
    dead: BTreeSet<(String, String)>,
    rounds: BTreeMap<(String, String), ModelRound>,
    accounts: BTreeMap<(String, CurrencyCode), i128>,
    seq: u64,
}

impl Model {
    /// A model of a player who has not been opened.
    pub fn new(player: &str, policy: Policy, registry: CurrencyRegistry) -> Self {
        Self {
            policy,
            player: player.to_owned(),
            registry,
            purses: None,
            keys: BTreeMap::new(),
            dead: BTreeSet::new(),
            rounds: BTreeMap::new(),
            accounts: BTreeMap::new(),
            seq: 0,
        }
    }

    /// Every account that is not at zero, by the text that [`super::TestLedger::account_texts`] gives it.
    pub fn account_texts(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for ((name, currency), units) in self.accounts.iter().filter(|(_, units)| **units != 0) {
            let purse = self.purses.as_ref().and_then(|purses| purses.get(currency));
            let (scale, _) = *purse.expect("an account is in a purse's currency");
            // A jackpot accrues fractions of a cent: the ledger shows its accounts with four digits more.
            let finer = if name.starts_with("jackpot:") { (18 - scale).min(4) } else { 0 };
            let (units, scale) = (units * 10_i128.pow(u32::from(finer)), scale + finer);
            let name =
                if currency.as_str() == "EUR" { name.clone() } else { format!("{name} in {currency}") };
            all.insert(name, Decimal::from_i128_with_scale(units, u32::from(scale)).to_string());
        }
        all
    }

    /// How many rounds are live.
    pub fn live_rounds(&self) -> usize {
        self.rounds.values().filter(|round| round.is_live()).count()
    }

    /// Takes money from an account and puts it on another, unasked: the plant for tests of checkers.
    pub fn plant(&mut self, account: &str, currency: CurrencyCode, units: i128) {
        self.add(account, currency, units);
    }

    fn of_source(&self, source: &str) -> &SourcePolicy {
        let named = self.policy.sources.iter().find(|(id, _)| id.as_str() == source);
        named.map_or(&self.policy.default, |(_, policy)| policy)
    }

    fn any_kind(&self, source: &str) -> bool {
        self.of_source(source).key_scope == KeyScope::AnyKind
    }

    /// Judges and applies a command. Answers with the text of its outcome.
    pub fn execute(&mut self, command: &PlayerCommand) -> String {
        self.seq += 1;
        let (source, kind, id) = self.name(command);
        let key = (source.clone(), if self.any_kind(&source) { "any" } else { kind }, id.clone());
        let payload = payload_of(command);
        if let Some((known, outcome)) = self.keys.get(&key) {
            return if *known == payload { format!("replayed:{outcome}") } else { refused("key_reused") };
        }
        if self.purses.is_none() && !matches!(command, PlayerCommand::OpenPlayer(_)) {
            return refused("player_unknown");
        }
        let judged = if self.dead.contains(&(source.clone(), id)) {
            Err("txn_cancelled")
        } else {
            self.judge(command)
        };
        let outcome = match judged {
            Ok(outcome) => outcome.to_owned(),
            Err(code) => {
                let malformed = [
                    "currency_unknown",
                    "zone_unknown",
                    "invalid_amount",
                    "precision",
                    "capacity_exceeded",
                    "amount_overflow",
                ];
                if self.purses.is_none() || malformed.contains(&code) {
                    return refused(code);
                }
                let outcome = format!("rejected:{code}");
                if kind != "bet" || !self.of_source(&source).sticky_rejections {
                    return outcome;
                }
                outcome
            }
        };
        self.keys.insert(key, (payload, outcome.clone()));
        outcome
    }

    fn name(&self, command: &PlayerCommand) -> (String, &'static str, String) {
        let texts = |source: &SourceId, id: &TransactionId| (source.to_string(), id.to_string());
        let ((source, id), kind) = match command {
            PlayerCommand::OpenPlayer(c) => ((c.operator.to_string(), self.player.clone()), "open"),
            PlayerCommand::RecordDeposit(c) => (texts(&c.source, &c.id), "deposit"),
            PlayerCommand::PlaceBet(c) => (texts(&c.source, &c.id), "bet"),
            PlayerCommand::Settle(c) => (texts(&c.source, &c.id), "win"),
            PlayerCommand::CloseRound(c) => (texts(&c.source, &c.id), "close"),
            PlayerCommand::Void(c) => (texts(&c.source, &c.id), "void"),
            PlayerCommand::Rollback(c) => (texts(&c.source, &c.id), "rollback"),
            PlayerCommand::GrantCredit(c) => (texts(&c.source, &c.id), "credit"),
        };
        (source, kind, id)
    }

    fn judge(&mut self, command: &PlayerCommand) -> Judged {
        match command {
            PlayerCommand::OpenPlayer(c) => self.open(c),
            PlayerCommand::RecordDeposit(c) => self.deposit(c),
            PlayerCommand::PlaceBet(c) => self.bet(c),
            PlayerCommand::Settle(c) => self.settle(c),
            PlayerCommand::CloseRound(c) => Ok(self.close(c)),
            PlayerCommand::Void(c) => match &c.target {
                VoidTarget::Round => self.void_round(c),
                VoidTarget::Bet(bet) => self.void_bet(c, bet.as_str()),
            },
            PlayerCommand::Rollback(c) => self.rollback(c),
            PlayerCommand::GrantCredit(c) => self.credit(c),
        }
    }

    // Money.

    fn add(&mut self, account: &str, currency: CurrencyCode, units: i128) {
        *self.accounts.entry((account.to_owned(), currency)).or_default() += units;
    }

    fn balance(&self, account: &str, currency: CurrencyCode) -> i128 {
        self.accounts.get(&(account.to_owned(), currency)).copied().unwrap_or_default()
    }

    /// Money for the player; what he owes is paid first.
    fn pay(&mut self, currency: CurrencyCode, units: i128) {
        let owed = self.balance("receivable:player", currency).min(units);
        self.add("receivable:player", currency, -owed);
        self.add("player:cash", currency, units - owed);
    }

    fn purse(&self, currency: CurrencyCode) -> Result<(u8, i128), &'static str> {
        let purses = self.purses.as_ref().expect("the player is open");
        purses.get(&currency).copied().ok_or("currency_mismatch")
    }

    /// Reads an incoming amount from its digits.
    fn units(&self, amount: Decimal, currency: CurrencyCode) -> Result<i128, &'static str> {
        let (scale, maximum) = self.purse(currency)?;
        let text = amount.to_string();
        if text.starts_with('-') && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            return Err("invalid_amount");
        }
        let text = text.trim_start_matches('-');
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = part.trim_end_matches('0');
        let whole: i128 = whole.parse().expect("digits");
        let one = 10_i128.pow(u32::from(scale));
        assert_eq!(maximum % one, 0, "the model knows maxima of whole units only");
        if whole > maximum / one || (whole == maximum / one && !part.is_empty()) {
            return Err("invalid_amount");
        }
        if part.len() > usize::from(scale) {
            return Err("precision");
        }
        let padded = format!("{part:0<width$}", width = usize::from(scale));
        let part: i128 = if padded.is_empty() { 0 } else { padded.parse().expect("digits") };
        Ok(whole * one + part)
    }

    // The player.

    fn open(&mut self, c: &OpenPlayer) -> Judged {
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
        Ok("applied")
    }

    fn deposit(&mut self, c: &RecordDeposit) -> Judged {
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Err("invalid_amount");
        }
        self.add(&format!("psp:clearing of {}", c.source), c.currency, units);
        self.pay(c.currency, units);
        Ok("applied")
    }

    fn credit(&mut self, c: &GrantCredit) -> Judged {
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
            CreditKind::LocalJackpot => (format!("jackpot:liability of {}", c.of), -units),
        };
        self.add(&account, c.currency, change);
        self.pay(c.currency, units);
        Ok("applied")
    }

    // Rounds.

    fn bet(&mut self, c: &PlaceBet) -> Judged {
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
        let free = self.balance("player:cash", c.currency) - self.balance("receivable:player", c.currency);
        if units > 0 && units > free {
            return Err("insufficient_funds");
        }
        self.add("player:cash", c.currency, -units);
        self.add(&held(&key), c.currency, units);
        let seq = self.seq;
        let round = self.rounds.entry(key).or_default();
        round.currency = Some(c.currency);
        round.bets.push(ModelBet {
            id: c.id.to_string(),
            game: c.game.to_string(),
            units,
            stake: Stake::Held,
            seq,
        });
        Ok("applied")
    }

    /// Takes the held stakes of these bets for good.
    fn take(&mut self, key: &(String, String), which: impl Fn(&ModelBet) -> bool) {
        let round = self.rounds.get_mut(key).expect("a round");
        let currency = round.currency.expect("a round with bets has a currency");
        let mut taken = Vec::new();
        for bet in round.bets.iter_mut().filter(|bet| bet.stake == Stake::Held && which(bet)) {
            bet.stake = Stake::Taken;
            taken.push((bet.game.clone(), bet.units));
        }
        for (game, units) in taken {
            self.add(&held(key), currency, -units);
            self.add(&format!("gaming:stakes of {game}"), currency, units);
        }
    }

    fn settle(&mut self, c: &Settle) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).cloned().ok_or("bet_not_found")?;
        let named = c.bet.as_ref().map(|id| round.bets.iter().find(|bet| bet.id == id.as_str()));
        if round.cancelled || round.all_returned() {
            return Err("txn_cancelled");
        }
        if named.flatten().is_some_and(|bet| bet.stake == Stake::Returned) {
            return Err("txn_cancelled");
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
        round.wins.push(ModelWin { id: c.id.to_string(), bet, units, paid: Paid::Stands, seq });
        round.closed = match c.finality {
            Finality::MoreToCome => false,
            Finality::Bet => round.is_done(),
            Finality::Round => true,
        };
        Ok(if c.finality == Finality::MoreToCome && units == 0 { "noop" } else { "applied" })
    }

    fn close(&mut self, c: &CloseRound) -> &'static str {
        let key = (c.source.to_string(), c.round.to_string());
        if !self.rounds.get(&key).is_some_and(ModelRound::is_live) {
            return "noop";
        }
        self.take(&key, |_| true);
        self.rounds.get_mut(&key).expect("the round").closed = true;
        "applied"
    }

    // Undoing.

    fn undoable(&self, key: &(String, String), bet: &ModelBet) -> Result<(), &'static str> {
        let round = self.rounds.get(key).expect("the bet's round");
        match bet.stake {
            Stake::Returned => Err("already_rolled_back"),
            Stake::Taken => Err("already_settled"),
            Stake::Held if round.answered(bet) => Err("already_settled"),
            Stake::Held => Ok(()),
        }
    }

    fn give_back(&mut self, key: &(String, String), id: &str) {
        let round = self.rounds.get_mut(key).expect("the bet's round");
        let currency = round.currency.expect("a currency");
        let bet = round.bets.iter_mut().find(|bet| bet.id == id).expect("the bet");
        bet.stake = Stake::Returned;
        let units = bet.units;
        if !round.all_returned() && round.is_done() {
            round.closed = true;
        }
        self.add(&held(key), currency, -units);
        self.add("player:cash", currency, units);
    }

    fn void_round(&mut self, c: &Void) -> Judged {
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
    fn find_bet(&self, source: &str, id: &str) -> Option<((String, String), ModelBet)> {
        let mut own = self.rounds.iter().filter(|((s, _), _)| s == source);
        own.find_map(|(key, round)| {
            round.bets.iter().find(|bet| bet.id == id).map(|bet| (key.clone(), bet.clone()))
        })
    }

    fn find_win(&self, source: &str, id: &str) -> Option<((String, String), ModelWin)> {
        let mut own = self.rounds.iter().filter(|((s, _), _)| s == source);
        own.find_map(|(key, round)| {
            round.wins.iter().find(|win| win.id == id).map(|win| (key.clone(), win.clone()))
        })
    }

    /// Whether an id of a source was used by something that was not refused, of one of these kinds.
    fn is_used(&self, source: &str, id: &str, kinds: &[&str]) -> bool {
        self.keys.iter().any(|((s, kind, i), (_, outcome))| {
            s == source && i == id && kinds.contains(kind) && !outcome.starts_with("rejected")
        })
    }

    fn void_bet(&mut self, c: &Void, bet: &str) -> Judged {
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

    fn bury(&mut self, source: &str, id: &str) -> &'static str {
        self.dead.insert((source.to_owned(), id.to_owned()));
        "tombstoned"
    }

    fn rollback(&mut self, c: &Rollback) -> Judged {
        let (source, target) = (c.source.as_str(), c.target.as_str());
        if c.kind != Some(RollbackKind::Win)
            && let Some((key, bet)) = self.find_bet(source, target)
        {
            self.undoable(&key, &bet)?;
            self.agrees(c, &key, bet.units)?;
            self.give_back(&key, &bet.id);
            return Ok("applied");
        }
        if c.kind != Some(RollbackKind::Bet)
            && let Some((key, win)) = self.find_win(source, target)
        {
            return self.take_back(c, &key, &win);
        }
        let elsewhere: &[&str] = match c.kind {
            Some(_) => &["any"],
            None => &["any", "rollback", "credit", "deposit", "void", "close"],
        };
        if self.is_used(source, target, elsewhere) {
            return Err("not_allowed");
        }
        Ok(self.bury(source, target))
    }

    fn agrees(&self, c: &Rollback, key: &(String, String), units: i128) -> Result<(), &'static str> {
        let currency = self.rounds.get(key).and_then(|round| round.currency).expect("a currency");
        let (scale, _) = self.purse(currency)?;
        let amount = Decimal::from_i128_with_scale(units, u32::from(scale));
        let agrees = c.round.as_ref().is_none_or(|round| round.as_str() == key.1)
            && c.currency.is_none_or(|named| named == currency)
            && c.amount.is_none_or(|named| named == amount);
        if agrees { Ok(()) } else { Err("mismatch") }
    }

    fn take_back(&mut self, c: &Rollback, key: &(String, String), win: &ModelWin) -> Judged {
        if win.paid != Paid::Stands {
            return Err("already_rolled_back");
        }
        self.agrees(c, key, win.units)?;
        let policy = c.on_shortfall.unwrap_or(self.of_source(c.source.as_str()).on_shortfall);
        let round = self.rounds.get(key).expect("the win's round");
        let currency = round.currency.expect("a currency");
        let named = win.bet.as_ref().and_then(|id| round.bets.iter().find(|bet| bet.id == *id));
        let game = named.or_else(|| round.bets.first()).expect("a bet").game.clone();
        let cash = self.balance("player:cash", currency).min(win.units);
        let short = win.units - cash;
        let (state, outcome) = match policy {
            ShortfallPolicy::Reject if short > 0 => return Err("insufficient_funds"),
            ShortfallPolicy::Retain if short > 0 => (Paid::Kept, "noop"),
            _ => (Paid::Undone, "applied"),
        };
        if state == Paid::Undone {
            self.add(&format!("gaming:payouts of {game}"), currency, -win.units);
            self.add("player:cash", currency, -cash);
            let missing = if policy == ShortfallPolicy::ZeroOut { "bad_debt" } else { "receivable:player" };
            self.add(missing, currency, short);
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

fn held(round: &(String, String)) -> String {
    format!("player:held of {}/{}", round.0, round.1)
}

fn refused(code: &str) -> String {
    format!("refused:{code}")
}

/// What makes two commands of one key the same operation. Decimals of equal value are equal.
fn payload_of(command: &PlayerCommand) -> PlayerCommand {
    let mut payload = command.clone();
    match &mut payload {
        PlayerCommand::RecordDeposit(c) => c.authorisation = None,
        PlayerCommand::Rollback(c) => c.on_shortfall = None,
        PlayerCommand::Void(c) => c.reason = Reason::new("-").expect("a reason"),
        _ => {}
    }
    payload
}
