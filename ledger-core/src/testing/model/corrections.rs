//! Corrections of rounds, as the model reads the rules.

use super::lots::Lots;
use super::rounds::{ModelBet, ModelRound, ModelWin, Paid, Stake, held};
use super::{Judged, Model};
use crate::money::CurrencyCode;
use crate::policy::{FreeRoundPayment, ShortfallPolicy};
use crate::round::{AdjustRound, CashOut, Resettle, Rollback, Unsettle, VoidSettled, VoidTarget};
use crate::stored::Direction;

type RoundKey = (String, String);

/// The wins that fall with a bet. One that others live by cannot fall.
fn falling(round: &ModelRound, bet: &ModelBet) -> Result<Vec<ModelWin>, &'static str> {
    let mut wins = Vec::new();
    for win in round.wins_for(bet).filter(|win| win.paid == Paid::Stands) {
        let others = round
            .bets
            .iter()
            .any(|other| other.id != bet.id && other.stake != Stake::Returned && other.seq < win.seq);
        match (&win.bet, others) {
            (None, true) if win.units > 0 => return Err("not_allowed"),
            (None, true) => {}
            _ => wins.push(win.clone()),
        }
    }
    Ok(wins)
}

/// Which win is the result of a bet, or of the round.
fn standing(round: &ModelRound, bet: Option<&String>) -> Result<Option<usize>, &'static str> {
    let named = bet.and_then(|id| round.bet(id));
    let sold = |bet: &&ModelBet| bet.cashed > 0 && bet.rest() == 0;
    let all_sold = || round.bets.iter().filter(|bet| bet.stake != Stake::Returned).all(|bet| sold(&bet));
    if named.map_or_else(all_sold, |bet| sold(&bet)) {
        return Err("not_allowed");
    }
    let mut results = Vec::new();
    for (at, win) in round.wins.iter().enumerate() {
        let sold = win.cash_out;
        let answers = named.is_none_or(|bet| round.wins_for(bet).any(|own| own.seq == win.seq));
        if win.paid != Paid::Stands || sold || !answers {
            continue;
        }
        let shared = named.is_some_and(|bet| {
            win.bet.is_none()
                && win.units > 0
                && round
                    .bets
                    .iter()
                    .any(|other| other.id != bet.id && other.stake != Stake::Returned && other.seq < win.seq)
        });
        if shared {
            return Err("not_allowed");
        }
        results.push((at, win.units));
    }
    let mut paid = results.iter().filter(|(_, units)| *units > 0);
    match (paid.next(), paid.next()) {
        (None, _) => Ok(results.last().map(|(at, _)| *at)),
        (Some((at, _)), None) => Ok(Some(*at)),
        _ => Err("not_allowed"),
    }
}

impl Model {
    fn round_at(&self, key: &RoundKey) -> Result<ModelRound, &'static str> {
        self.rounds.get(key).cloned().ok_or("bet_not_found")
    }

    /// Gives stakes back and takes wins back; `false` if the player keeps the wins.
    fn reverse(
        &mut self,
        key: &RoundKey,
        bets: &[ModelBet],
        wins: &[ModelWin],
        again: bool,
        policy: ShortfallPolicy,
    ) -> Result<bool, &'static str> {
        let round = self.round_at(key)?;
        let currency = round.currency.expect("a currency");
        let before = self.accounts.clone();
        for bet in bets {
            let open = if bet.stake == Stake::Held { bet.rest() } else { 0 };
            self.add(&format!("gaming:stakes of {}", bet.game), currency, open - bet.staked());
            self.contribute(&key.0, currency, bet, bet.staked() - open, 0);
            self.add(&held(key), currency, -open);
            if again {
                self.add(&held(key), currency, bet.staked());
            }
        }
        if !again {
            let owed = bets.iter().map(ModelBet::staked_owed).sum();
            self.restore(currency, bets.iter().map(ModelBet::staked).sum(), owed);
        }
        let won = wins.iter().map(|win| win.units).sum();
        let back = if again { 0 } else { bets.iter().map(ModelBet::staked).sum() };
        match self.take_beside(currency, won, back, policy) {
            Ok(true) => {}
            kept => {
                self.accounts = before;
                return kept;
            }
        }
        if !again {
            for bet in bets {
                self.put_back(currency, &bet.unplayed);
            }
        }
        for win in wins {
            self.add(&round.paid_from(win), currency, -win.units);
        }
        let round = self.rounds.get_mut(key).expect("the round");
        for bet in &mut round.bets {
            if bets.iter().any(|undone| undone.seq == bet.seq) {
                bet.ruled = bet.ruled && !again;
                bet.stake = if again { Stake::Held } else { Stake::Returned };
                bet.cashed = if again { 0 } else { bet.cashed };
            }
        }
        for win in &mut round.wins {
            if wins.iter().any(|undone| undone.seq == win.seq) {
                win.paid = Paid::Undone;
            }
        }
        self.touch(key);
        Ok(true)
    }

    /// Calls off a bet, or a whole round, whatever of it is settled.
    fn annul(&mut self, key: &RoundKey, bet: Option<&ModelBet>, policy: ShortfallPolicy) -> Judged {
        let round = self.round_at(key)?;
        if round.cancelled {
            return Err("already_rolled_back");
        }
        let (bets, wins) = match bet {
            Some(bet) if bet.stake == Stake::Returned => return Err("already_rolled_back"),
            Some(bet) => (vec![bet.clone()], falling(&round, bet)?),
            None if round.bets.iter().all(|bet| bet.stake == Stake::Returned) => {
                return Err("already_rolled_back");
            }
            None => (
                round
                    .bets
                    .iter()
                    .filter(|bet| bet.stake != Stake::Returned && !bet.made_up)
                    .cloned()
                    .collect(),
                round.wins.iter().filter(|win| win.paid == Paid::Stands).cloned().collect(),
            ),
        };
        if !self.reverse(key, &bets, &wins, false, policy)? {
            return Ok("noop");
        }
        let by_itself = self.ends_by_itself(&key.0);
        let round = self.rounds.get_mut(key).expect("the round");
        if bet.is_none() {
            round.cancelled = true;
            round.closed = false;
        } else if !round.closed && !round.all_returned() && round.is_done() && by_itself {
            round.end_by_itself();
        }
        Ok("applied")
    }

    pub(super) fn void_settled(&mut self, c: &VoidSettled) -> Judged {
        let key = (c.round_source.to_string(), c.round.to_string());
        let round = self.rounds.get(&key).cloned();
        let policy = c.on_shortfall.unwrap_or(self.of_source(&key.0).on_shortfall);
        match &c.target {
            VoidTarget::Round if round.is_none() => {
                self.rounds.entry(key).or_default().cancelled = true;
                Ok("tombstoned")
            }
            VoidTarget::Round => self.annul(&key, None, policy),
            VoidTarget::Bet(id) => {
                if let Some(bet) = round.as_ref().and_then(|round| round.bet(id.as_str())) {
                    return self.annul(&key, Some(bet), policy);
                }
                if self.find_bet(&key.0, id.as_str()).is_some() {
                    return Err("mismatch");
                }
                if self.is_used(&key.0, id.as_str(), &["any"]) {
                    return Err("not_allowed");
                }
                Ok(self.bury(&key.0, id.as_str()))
            }
        }
    }

    pub(super) fn unsettle(&mut self, c: &Unsettle) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.round_at(&key)?;
        let bet = round.bet(c.bet.as_str()).ok_or("bet_not_found")?;
        match bet.stake {
            _ if round.cancelled => return Err("txn_cancelled"),
            Stake::Returned => return Err("txn_cancelled"),
            Stake::Held => return Err("not_allowed"),
            Stake::Taken => {}
        }
        let wins = falling(&round, bet)?;
        let policy = c.on_shortfall.unwrap_or(self.of_source(&key.0).on_shortfall);
        if !self.reverse(&key, std::slice::from_ref(bet), &wins, true, policy)? {
            return Ok("noop");
        }
        self.rounds.get_mut(&key).expect("the round").closed = false;
        Ok("applied")
    }

    pub(super) fn resettle(&mut self, c: &Resettle) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.round_at(&key)?;
        if round.cancelled || round.is_void() {
            return Err("txn_cancelled");
        }
        let policy = self.of_source(&key.0).clone();
        let stakes: Vec<Stake> = match &c.bet {
            Some(id) => {
                let bet = round.bet(id.as_str()).ok_or("bet_not_found")?;
                vec![bet.stake]
            }
            None => round.bets.iter().map(|bet| bet.stake).collect(),
        };
        if stakes.iter().all(|stake| *stake == Stake::Returned) {
            return Err("txn_cancelled");
        }
        if stakes.contains(&Stake::Held) {
            return Err("not_allowed");
        }
        self.purse(c.currency)?;
        if round.currency != Some(c.currency) {
            return Err("currency_mismatch");
        }
        let units = self.units(c.amount, c.currency)?;
        let bet = c.bet.as_ref().map(ToString::to_string);
        let at = standing(&round, bet.as_ref())?;
        let previous = at.and_then(|at| round.wins.get(at)).map_or(0, |win| win.units);
        if units == previous {
            return Ok("noop");
        }
        let payer = match at.and_then(|at| round.wins.get(at)) {
            Some(win) => round.paid_by(win),
            None => round.payer_bet(bet.as_deref()),
        };
        let (is_free, from) = (payer.campaign.is_some(), payer.pays_from());
        if is_free && policy.free_rounds == FreeRoundPayment::Total {
            return Ok("noop");
        }
        if units > previous {
            self.pay(c.currency, units - previous);
        } else {
            let policy = c.on_shortfall.unwrap_or(policy.on_shortfall);
            if !self.take_from_player(c.currency, previous - units, policy)? {
                return Ok("noop");
            }
        }
        self.add(&from, c.currency, units - previous);
        self.touch(&key);
        let seq = self.seq;
        let round = self.rounds.get_mut(&key).expect("the round");
        match at.and_then(|at| round.wins.get_mut(at)) {
            Some(win) => {
                if win.units == 0 {
                    win.since = seq;
                }
                win.units = units;
            }
            None => round.wins.push(ModelWin {
                id: c.id.to_string(),
                bet,
                units,
                told: None,
                paid: Paid::Stands,
                cash_out: false,
                made: true,
                seq,
                since: seq,
            }),
        }
        Ok("applied")
    }

    pub(super) fn cash_out(&mut self, c: &CashOut) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let round = self.round_at(&key)?;
        let bet = round.bet(c.bet.as_str()).ok_or("bet_not_found")?;
        match bet.stake {
            _ if round.cancelled => return Err("txn_cancelled"),
            Stake::Returned => return Err("txn_cancelled"),
            Stake::Taken => return Err("already_settled"),
            Stake::Held => {}
        }
        self.purse(c.currency)?;
        if round.currency != Some(c.currency) {
            return Err("currency_mismatch");
        }
        let units = self.units(c.amount, c.currency)?;
        let principal = match c.principal {
            Some(principal) => self.units(principal, c.currency)?,
            None => bet.rest(),
        };
        if c.principal.is_some() && principal == 0 {
            return Err("invalid_amount");
        }
        if principal > bet.rest() {
            return Err("mismatch");
        }
        let is_whole = principal == bet.rest();
        self.add(&held(&key), c.currency, -principal);
        self.add(&format!("gaming:stakes of {}", bet.game), c.currency, principal);
        self.contribute(&key.0, c.currency, bet, bet.cashed, bet.cashed + principal);
        self.add(&round.payer(Some(c.bet.as_str())), c.currency, units);
        self.pay(c.currency, units);
        self.touch(&key);
        let seq = self.seq;
        let by_itself = self.ends_by_itself(&key.0);
        let round = self.rounds.get_mut(&key).expect("the round");
        let is_it = |bet: &&mut ModelBet| bet.id == c.bet.as_str() && !bet.made_up;
        let stored = round.bets.iter_mut().find(is_it).expect("the bet");
        if is_whole {
            stored.stake = Stake::Taken;
        }
        stored.cashed += principal;
        round.wins.push(ModelWin {
            id: c.id.to_string(),
            bet: Some(c.bet.to_string()),
            units,
            told: None,
            paid: Paid::Stands,
            cash_out: true,
            made: false,
            seq,
            since: seq,
        });
        if is_whole && round.is_done() && by_itself {
            round.end_by_itself();
        }
        Ok("applied")
    }

    pub(super) fn rollback_bet(&mut self, c: &Rollback, key: &RoundKey, bet: &ModelBet) -> Judged {
        let source = self.of_source(c.source.as_str()).clone();
        match self.undoable(key, bet) {
            Err("already_settled")
                if c.flags.cancel_settled.unwrap_or(source.cancel_settled) && !c.partial =>
            {
                self.agrees(c, key, bet.units)?;
                return self.annul(key, Some(bet), c.on_shortfall.unwrap_or(source.on_shortfall));
            }
            other => other?,
        }
        if !c.partial {
            self.agrees(c, key, bet.units)?;
            self.give_back(key, &bet.id);
            return Ok("applied");
        }
        let currency: CurrencyCode = self.round_at(key)?.currency.expect("a currency");
        let part = self.units(c.amount.ok_or("mismatch")?, currency)?;
        self.agrees(&Rollback { amount: None, ..c.clone() }, key, 0)?;
        if part == 0 {
            return Err("invalid_amount");
        }
        let rest = if bet.stake == Stake::Held { bet.rest() } else { bet.staked() };
        if part > rest {
            return Err("mismatch");
        }
        if part == rest {
            self.give_back(key, &bet.id);
            return Ok("applied");
        }
        self.gave_back = true;
        if bet.stake == Stake::Held {
            self.add(&held(key), currency, -part);
        } else {
            self.add(&format!("gaming:stakes of {}", bet.game), currency, -part);
            self.contribute(&key.0, currency, bet, bet.staked(), bet.staked() - part);
        }
        self.restore(currency, part, bet.staked_owed().min(part));
        let back = Lots::beyond(&bet.unplayed, bet.staked() - part);
        self.put_back(currency, &back);
        let round = self.rounds.get_mut(key).expect("the round");
        let stored = round.bets.iter_mut().find(|stored| stored.seq == bet.seq).expect("the bet");
        stored.returned += part;
        stored.unplayed = Lots::without(&bet.unplayed, &back);
        self.touch(key);
        Ok("applied")
    }

    pub(super) fn adjust(&mut self, c: &AdjustRound) -> Judged {
        let units = self.units(c.amount, c.currency)?;
        if units == 0 {
            return Ok("noop");
        }
        let account = format!("adjustments of {}", c.source);
        match c.direction {
            Direction::Credit => {
                self.add(&account, c.currency, units);
                self.pay(c.currency, units);
            }
            Direction::Debit => {
                let policy = c.on_shortfall.unwrap_or(self.of_source(c.source.as_str()).on_shortfall);
                if !self.take_from_player(c.currency, units, policy)? {
                    return Ok("noop");
                }
                self.add(&account, c.currency, -units);
            }
        }
        Ok("applied")
    }
}
