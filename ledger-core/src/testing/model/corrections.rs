//! Corrections of rounds, as the model reads the rules.

use super::bonuses;
use super::lots::Lots;
use super::rounds::{ModelBet, ModelRound, ModelWin, Paid, Stake, held};
use super::{Judged, Model};
use crate::money::CurrencyCode;
use crate::policy::ShortfallPolicy;
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
            let is_held = bet.stake == Stake::Held;
            let open = if is_held { bet.rest() } else { 0 };
            let open_money = if is_held { bet.rest_money() } else { 0 };
            let open_bonus = if is_held { bet.rest_bonus() } else { Vec::new() };
            let taken_bonus = Self::less(&bet.staked_bonus(), &open_bonus);
            self.add(&format!("gaming:stakes of {}", bet.game), currency, open_money - bet.staked_money());
            self.contribute(&key.0, currency, bet, bet.staked() - open, 0);
            self.add(&held(key), currency, -open_money);
            if again {
                self.add(&held(key), currency, bet.staked_money());
                self.hold_bonus_again(key, currency, &bet.game, &taken_bonus);
            } else {
                self.restore_bonus(key, currency, None, &open_bonus);
                self.restore_bonus(key, currency, Some(&bet.game), &taken_bonus);
            }
        }
        if !again {
            let owed = bets.iter().map(ModelBet::staked_owed).sum();
            self.restore(currency, bets.iter().map(ModelBet::staked_money).sum(), owed);
        }
        let money = |win: &ModelWin| win.units - bonuses::sum(&win.bonus) - bonuses::sum(&win.lost);
        let won = wins.iter().map(money).sum();
        let back = if again { 0 } else { bets.iter().map(ModelBet::staked_money).sum() };
        for win in wins {
            let game = round.paid_by(win).game.clone();
            match self.take_bonus_wins(&game, currency, &win.bonus, &win.lost, policy) {
                Ok(true) => {}
                kept => {
                    self.accounts = before;
                    return kept;
                }
            }
        }
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
                self.uncount(bet, bet.staked(), 0);
            }
        }
        for win in wins {
            self.add(&round.paid_from(win), currency, -money(win));
        }
        let round = self.rounds.get_mut(key).expect("the round");
        for bet in &mut round.bets {
            if bets.iter().any(|undone| undone.seq == bet.seq) {
                bet.ruled = bet.ruled && !again;
                bet.stake = if again { Stake::Held } else { Stake::Returned };
                bet.cashed = if again { 0 } else { bet.cashed };
                if again {
                    bet.cashed_bonus.clear();
                }
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
        let payer = payer.clone();
        if payer.campaign.as_deref().is_some_and(|campaign| self.pays_by_total(c.source.as_str(), campaign)) {
            return Ok("noop");
        }
        let mut gone = (Vec::new(), Vec::new());
        let mut came = (Vec::new(), Vec::new());
        let before = at.and_then(|at| round.wins.get(at));
        if units > previous {
            let named = before.map_or(bet.as_deref(), |win| win.bet.as_deref());
            let early = before.map(|win| i128::from(win.seq));
            let sources = self.sources(&key, named, early);
            came = self.pay_out(&payer, c.currency, units - previous, &sources);
        } else {
            let policy = c.on_shortfall.unwrap_or(policy.on_shortfall);
            let (mut money, accounts) = (previous - units, self.accounts.clone());
            if let Some(win) = before {
                let (cash, won, lost) = Self::part_of_win(money, win.units, &win.bonus, &win.lost);
                (money, gone) = (cash, (won, lost));
            }
            let mut took = self.take_bonus_wins(&payer.game, c.currency, &gone.0, &gone.1, policy);
            if took == Ok(true) {
                took = self.take_from_player(c.currency, money, policy);
            }
            if took != Ok(true) {
                self.accounts = accounts;
                return took.map(|_| "noop");
            }
            self.add(&payer.pays_from(), c.currency, -money);
        }
        self.touch(&key);
        let seq = self.seq;
        let round = self.rounds.get_mut(&key).expect("the round");
        match at.and_then(|at| round.wins.get_mut(at)) {
            Some(win) => {
                if win.units == 0 {
                    win.since = seq;
                }
                win.units = units;
                Self::plus(&mut win.bonus, &came.0);
                Self::plus(&mut win.lost, &came.1);
                (win.bonus, win.lost) = (Self::less(&win.bonus, &gone.0), Self::less(&win.lost, &gone.1));
            }
            None => round.wins.push(ModelWin {
                id: c.id.to_string(),
                bet,
                units,
                bonus: came.0,
                lost: came.1,
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
        let taken = bet.bonus_of_part(principal, true);
        let money = principal - bonuses::sum(&taken);
        self.add(&held(&key), c.currency, -money);
        self.add(&format!("gaming:stakes of {}", bet.game), c.currency, money);
        self.take_bonus(&key, c.currency, &bet.game, &taken);
        self.contribute(&key.0, c.currency, bet, bet.cashed, bet.cashed + principal);
        let (bonus, lost) = self.pay_out(bet, c.currency, units, &(bet.rest_money(), bet.rest_bonus()));
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
        Self::plus(&mut stored.cashed_bonus, &taken);
        round.wins.push(ModelWin {
            id: c.id.to_string(),
            bet: Some(c.bet.to_string()),
            units,
            bonus,
            lost,
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
        let is_held = bet.stake == Stake::Held;
        let bonus = bet.bonus_of_part(part, is_held);
        let money = part - bonuses::sum(&bonus);
        if is_held {
            self.add(&held(key), currency, -money);
        } else {
            self.add(&format!("gaming:stakes of {}", bet.game), currency, -money);
            self.contribute(&key.0, currency, bet, bet.staked(), bet.staked() - part);
        }
        self.restore_bonus(key, currency, if is_held { None } else { Some(&bet.game) }, &bonus);
        self.restore(currency, money, bet.staked_owed().min(money));
        let uncounted = self.uncount(bet, part, bet.staked() - part);
        let back = Lots::beyond(&bet.unplayed, bet.staked() - part);
        self.put_back(currency, &back);
        let round = self.rounds.get_mut(key).expect("the round");
        let stored = round.bets.iter_mut().find(|stored| stored.seq == bet.seq).expect("the bet");
        stored.returned += part;
        Self::plus(&mut stored.returned_bonus, &bonus);
        stored.uncounted += uncounted;
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
