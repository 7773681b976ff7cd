//! Bet rounds, as the model reads the rules.

use rust_decimal::Decimal;

use super::bonuses::{self, Shares};
use super::lots::{Drawn, Lots};
use super::{Judged, Model};
use crate::money::CurrencyCode;
use crate::policy::{CountedFunds, RoundClosePolicy, ShortfallPolicy};
use crate::round::{CloseRound, Finality, PlaceBet, Rollback, RollbackKind, Settle, Void};
use crate::stored::JackpotKind;

pub(super) type Key = (String, String);

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
    /// Who pays its wins, if it is free.
    pub(super) campaign: Option<String>,
    pub(super) units: i128,
    /// What of it is owed.
    pub(super) owed: i128,
    /// What of it goes to which jackpot of the house or of its provider, in fine units.
    pub(super) shares: Vec<(String, bool, i128)>,
    /// What was cashed out of it, and what went back in parts.
    pub(super) cashed: i128,
    pub(super) returned: i128,
    /// What of it was bonus credits of which award; what of that was cashed out, and what went back in parts.
    pub(super) bonus: Shares,
    pub(super) cashed_bonus: Shares,
    pub(super) returned_bonus: Shares,
    /// What it counts for which award, and what of that went back.
    pub(super) counts: Option<(String, i128)>,
    pub(super) uncounted: i128,
    /// What of it was unplayed money and did not go back.
    pub(super) unplayed: Drawn,
    pub(super) stake: Stake,
    /// It was taken without a result.
    pub(super) ruled: bool,
    /// A win without a bet has one for its game's sake.
    pub(super) made_up: bool,
    pub(super) seq: u64,
}

impl ModelBet {
    /// The account that pays its wins.
    pub(super) fn pays_from(&self) -> String {
        match &self.campaign {
            Some(campaign) => format!("freespin:cost of {campaign}"),
            None => format!("gaming:payouts of {}", self.game),
        }
    }

    /// What is held while it is open.
    pub(super) fn rest(&self) -> i128 {
        self.units - self.cashed - self.returned
    }

    /// What did not go back.
    pub(super) fn staked(&self) -> i128 {
        self.units - self.returned
    }

    /// What of that is owed: it goes back first.
    pub(super) fn staked_owed(&self) -> i128 {
        (self.owed - self.returned).max(0)
    }

    /// What of what is held is owed: cash is sold first.
    fn rest_owed(&self) -> i128 {
        // What is owed and bonus credits never fund one stake.
        if self.owed == 0 {
            return 0;
        }
        let cash = (self.staked() - self.staked_owed() - self.cashed).max(0);
        self.rest() - cash
    }

    pub(super) fn is_sold(&self) -> bool {
        self.cashed > 0 && self.rest() == 0
    }
}

#[derive(Debug, Clone)]
pub(super) struct ModelWin {
    pub(super) id: String,
    pub(super) bet: Option<String>,
    pub(super) units: i128,
    /// What of it awards got, and what was forfeited because they were over.
    pub(super) bonus: Shares,
    pub(super) lost: Shares,
    /// What was told, where that was not paid.
    pub(super) told: Option<i128>,
    pub(super) paid: Paid,
    pub(super) cash_out: bool,
    /// A resettlement made it.
    pub(super) made: bool,
    pub(super) seq: u64,
    /// The command since which it is above zero.
    pub(super) since: u64,
}

impl ModelWin {
    /// What of it is the player's own money.
    pub(super) fn own(&self) -> i128 {
        self.units - super::bonuses::total(&self.bonus) - super::bonuses::total(&self.lost)
    }
}

impl ModelBet {
    /// What of the stake that did not go back was the player's own money.
    pub(super) fn own_staked(&self) -> i128 {
        self.staked() - super::bonuses::total(&self.bonus) + super::bonuses::total(&self.returned_bonus)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct ModelRound {
    pub(super) currency: Option<CurrencyCode>,
    pub(super) bets: Vec<ModelBet>,
    pub(super) wins: Vec<ModelWin>,
    pub(super) closed: bool,
    /// While closed: nobody said that it is over.
    pub(super) ruled: bool,
    pub(super) cancelled: bool,
    /// When something last happened in it.
    pub(super) last: i64,
    /// The session it counts in, and what there was before it did.
    pub(super) session: Option<(Key, i128, i128)>,
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

    /// The provider said that it is over: nothing of it is open to be undone.
    fn end_by_word(&mut self) {
        (self.closed, self.ruled) = (true, false);
        self.bets.iter_mut().for_each(|bet| bet.ruled = false);
    }

    /// Nothing is held any more. Of what a rule took the provider has said nothing.
    pub(super) fn end_by_itself(&mut self) {
        let ruled = self.bets.iter().any(|bet| bet.ruled && bet.stake == Stake::Taken);
        (self.closed, self.ruled) = (true, ruled);
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

    pub(super) fn bet(&self, id: &str) -> Option<&ModelBet> {
        self.bets.iter().find(|bet| bet.id == id && !bet.made_up)
    }

    /// The bet whose game or campaign pays what answers a bet.
    pub(super) fn payer_bet(&self, bet: Option<&str>) -> &ModelBet {
        bet.and_then(|id| self.bet(id)).or_else(|| self.bets.first()).expect("a round has a bet")
    }

    /// The account that paid a win: by the bets that were there by then.
    pub(super) fn paid_from(&self, win: &ModelWin) -> String {
        self.paid_by(win).pays_from()
    }

    /// The bet whose game or campaign paid it.
    pub(super) fn paid_by(&self, win: &ModelWin) -> &ModelBet {
        let named = win.bet.as_ref().and_then(|id| self.bet(id)).filter(|bet| bet.seq <= win.seq);
        named.or_else(|| self.bets.first()).expect("a round has a bet")
    }

    /// What stands of its stakes and of its wins.
    pub(super) fn totals(&self) -> (i128, i128) {
        let staked = self.bets.iter().filter(|bet| bet.stake != Stake::Returned).map(ModelBet::staked);
        let won = self.wins.iter().filter(|win| win.paid != Paid::Undone).map(|win| win.units);
        (staked.sum(), won.sum())
    }
}

/// What of a contribution falls due with a part of the stake.
fn due(share: i128, part: i128, stake: i128) -> i128 {
    if part == stake { share } else { share * part / stake }
}

impl Model {
    /// Something happened in a round.
    pub(super) fn touch(&mut self, key: &Key) {
        let now = self.now;
        if let Some(round) = self.rounds.get_mut(key) {
            round.last = now;
        }
    }

    /// Whether bets of a source that end one by one end the round with the last.
    pub(super) fn ends_by_itself(&self, source: &str) -> bool {
        self.of_source(source).round_close != RoundClosePolicy::EndCall
    }

    pub(super) fn bet(&mut self, c: &PlaceBet) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let policy = self.of_source(&key.0).clone();
        let round = self.rounds.get(&key).cloned().unwrap_or_default();
        if round.cancelled {
            return Err("txn_cancelled");
        }
        let late = c.flags.after_end.unwrap_or(policy.wagers_after_end);
        if round.closed && !round.ruled && !late {
            return Err("round_closed");
        }
        let is_new = !round.is_live();
        let many = c.flags.open_rounds.unwrap_or(!policy.one_open_round);
        let same_game = |other: &ModelRound| other.bets.iter().any(|bet| bet.game == c.game.as_str());
        let mut others =
            self.rounds.iter().filter(|((source, _), other)| *source == key.0 && other.is_live());
        if is_new && !many && others.any(|(_, other)| same_game(other)) {
            return Err("not_allowed");
        }
        self.purse(c.currency)?;
        if round.currency.is_some_and(|own| own != c.currency) {
            return Err("currency_mismatch");
        }
        self.in_session(c.session.as_ref(), c.currency, c.flags.validate_session, &policy)?;
        let units = self.units(c.amount, c.currency)?;
        if let Some(free) = &c.free {
            if units != 0 {
                return Err("invalid_amount");
            }
            self.units(free.nominal, c.currency)?;
        }
        let shares = self.shares(c, units)?;
        self.read_registers(&c.registers)?;
        self.may_begin(is_new, units, c.currency, c)?;
        let at_once = policy.round_close == RoundClosePolicy::ImmediateLoss;
        let may_owe = c.flags.negative_debit.unwrap_or(policy.negative_debit);
        let paid = self.fund(c, units, at_once, may_owe);
        let all = self.profile().controls.counted_funds == CountedFunds::All;
        let own = paid.as_ref().map_or(units, |paid| paid.cash + paid.owed);
        self.in_limits("bet", if all { units } else { own }, c.currency)?;
        let paid = paid?;
        if paid.too_high {
            return Err("bonus_rule");
        }
        let unplayed = self.play(c.currency, paid.cash);
        self.add("player:cash", c.currency, -paid.cash);
        self.add("receivable:player", c.currency, paid.owed);
        let taken = format!("gaming:stakes of {}", c.game);
        self.add(&if at_once { taken } else { held(&key) }, c.currency, paid.cash + paid.owed);
        self.hold_bonus(&key, c.currency, &paid.bonus);
        self.staked.clone_from(&paid.bonus);
        if let Some((award, counted)) = &paid.counts {
            self.wager(award, *counted);
        }
        let bet = ModelBet {
            id: c.id.to_string(),
            game: c.game.to_string(),
            campaign: c.free.as_ref().map(|free| free.campaign.to_string()),
            units,
            owed: paid.owed,
            shares,
            cashed: 0,
            returned: 0,
            bonus: paid.bonus,
            cashed_bonus: Vec::new(),
            returned_bonus: Vec::new(),
            counts: paid.counts,
            uncounted: 0,
            unplayed,
            stake: if at_once { Stake::Taken } else { Stake::Held },
            ruled: at_once,
            made_up: false,
            seq: self.seq,
        };
        if at_once {
            self.contribute(&key.0, c.currency, &bet, 0, units);
        }
        if is_new {
            self.last_round = Some(self.now);
        }
        let session = c.session.as_ref().map(|of| (of.source.to_string(), of.id.to_string()));
        let now = self.now;
        if let Some(live) = session.as_ref().and_then(|of| self.sessions.get_mut(of)) {
            let last = std::mem::replace(&mut live.last, now);
            self.played(last);
        }
        let round = self.rounds.entry(key.clone()).or_default();
        round.currency = Some(c.currency);
        if round.session.is_none() {
            let (staked, won) = round.totals();
            round.session = session.map(|of| (of, staked, won));
        }
        round.bets.push(bet);
        round.closed = at_once && round.bets.iter().all(|bet| bet.stake != Stake::Held);
        round.ruled = round.closed;
        self.touch(&key);
        Ok("applied")
    }

    /// Reads what goes to jackpots, in fine units.
    fn shares(&self, c: &PlaceBet, units: i128) -> Result<Vec<(String, bool, i128)>, &'static str> {
        let (scale, fine) = (u32::from(self.purse(c.currency)?.0), self.fine(c.currency)?);
        let digits = scale + fine.ilog10();
        let mut shares = Vec::new();
        let mut sum = 0;
        for share in &c.contributions {
            let amount = share.amount.normalize();
            if amount.scale() > digits {
                return Err("precision");
            }
            let part = amount.mantissa() * 10_i128.pow(digits - amount.scale());
            sum += part;
            if part <= 0 || sum > units * fine {
                return Err("invalid_amount");
            }
            shares.push((share.jackpot.to_string(), share.kind == JackpotKind::Network, part));
        }
        Ok(shares)
    }

    /// What goes to jackpots when what was taken of a stake grows, or comes back when it shrinks.
    pub(super) fn contribute(
        &mut self,
        source: &str,
        currency: CurrencyCode,
        bet: &ModelBet,
        from: i128,
        to: i128,
    ) {
        for (jackpot, network, share) in &bet.shares {
            let units = due(*share, to, bet.units) - due(*share, from, bet.units);
            self.add(&format!("gaming:jackpot_contribution of {jackpot}"), currency, units);
            let to = if *network {
                format!("jackpot:network_payable of {source}")
            } else {
                format!("jackpot:liability of {jackpot}")
            };
            self.add(&to, currency, units);
        }
    }

    /// A stake goes back to where it came from.
    pub(super) fn restore(&mut self, currency: CurrencyCode, units: i128, owed: i128) {
        let debt = self.balance("receivable:player", currency).min(owed);
        self.add("receivable:player", currency, -debt);
        self.add("player:cash", currency, units - debt);
    }

    /// Takes the held stakes of these bets for good.
    pub(super) fn take(&mut self, key: &Key, ruled: bool, which: impl Fn(&ModelBet) -> bool) {
        let round = self.rounds.get_mut(key).expect("a round");
        let currency = round.currency.expect("a round with bets has a currency");
        let mut taken = Vec::new();
        for bet in round.bets.iter_mut().filter(|bet| bet.stake == Stake::Held && which(bet)) {
            (bet.stake, bet.ruled) = (Stake::Taken, ruled);
            taken.push(bet.clone());
        }
        for bet in taken {
            self.add(&held(key), currency, -bet.rest_money());
            self.add(&format!("gaming:stakes of {}", bet.game), currency, bet.rest_money());
            self.take_bonus(key, currency, &bet.game, &bet.rest_bonus());
            self.contribute(&key.0, currency, &bet, bet.cashed, bet.staked());
        }
    }

    pub(super) fn settle(&mut self, c: &Settle) -> Judged {
        let key = (c.source.to_string(), c.round.to_string());
        let policy = self.of_source(&key.0).clone();
        let alone = c.flags.credit_without_debit.unwrap_or(policy.credit_without_debit);
        let is_dead = |bet: &crate::ids::TransactionId| self.dead.contains(&(key.0.clone(), bet.to_string()));
        if alone && c.bet.as_ref().is_some_and(is_dead) {
            return Err("txn_cancelled");
        }
        let known = self.rounds.get(&key).cloned();
        if known.is_none() && !(alone && c.game.is_some()) {
            return Err("bet_not_found");
        }
        let late = known.as_ref().is_some_and(|round| round.closed && !round.ruled);
        if let Some(round) = &known {
            Self::may_win(c, round, alone, c.flags.after_end.unwrap_or(policy.wagers_after_end))?;
        }
        self.purse(c.currency)?;
        if known.as_ref().is_some_and(|round| round.currency != Some(c.currency)) {
            return Err("currency_mismatch");
        }
        let units = self.units(c.amount, c.currency)?;

        if let (None, Some(game)) = (&known, &c.game) {
            let bet = ModelBet {
                id: c.id.to_string(),
                game: game.to_string(),
                campaign: None,
                units: 0,
                owed: 0,
                shares: Vec::new(),
                cashed: 0,
                returned: 0,
                bonus: Vec::new(),
                cashed_bonus: Vec::new(),
                returned_bonus: Vec::new(),
                counts: None,
                uncounted: 0,
                unplayed: Vec::new(),
                stake: Stake::Taken,
                ruled: false,
                made_up: true,
                seq: self.seq,
            };
            let (currency, bets) = (Some(c.currency), vec![bet]);
            self.rounds.insert(key.clone(), ModelRound { currency, bets, ..ModelRound::default() });
            // The win comes after it.
            self.seq += 1;
        }
        let round = self.rounds.get(&key).cloned().expect("the round");
        let holds = round.bets.iter().any(|bet| bet.stake == Stake::Held);
        let ends = match (late, c.finality, policy.round_close) {
            (true, ..) => Finality::Round,
            (_, Finality::ByPolicy, RoundClosePolicy::EveryWin) => Finality::Bet,
            (_, Finality::ByPolicy, RoundClosePolicy::ZeroWin) if units == 0 => {
                if c.bet.is_some() {
                    Finality::Bet
                } else {
                    Finality::Round
                }
            }
            (_, Finality::ByPolicy, RoundClosePolicy::ImmediateLoss) if holds => Finality::Bet,
            (_, Finality::ByPolicy, _) => Finality::MoreToCome,
            (_, said, _) => said,
        };
        let bet = c.bet.as_ref().map(ToString::to_string);
        let sources = self.sources(&key, bet.as_deref(), None);
        match ends {
            Finality::Bet => self.take(&key, false, |b| bet.as_ref().is_none_or(|named| *named == b.id)),
            Finality::Round => self.take(&key, false, |_| true),
            _ => {}
        }
        let campaign = round.payer_bet(bet.as_deref()).campaign.clone();
        let is_news = campaign.is_some_and(|campaign| self.pays_by_total(&key.0, &campaign));
        let (paid, told) = if is_news { (0, Some(units)) } else { (units, None) };
        let (bonus, lost) = self.pay_out(round.payer_bet(bet.as_deref()), c.currency, paid, &sources);
        let seq = self.seq;
        let by_itself = self.ends_by_itself(&key.0);
        let round = self.rounds.get_mut(&key).expect("the round");
        round.wins.push(ModelWin {
            id: c.id.to_string(),
            bet,
            units: paid,
            bonus,
            lost,
            told,
            paid: Paid::Stands,
            cash_out: false,
            made: false,
            seq,
            since: seq,
        });
        let beside = round.closed && ends != Finality::Round;
        if ends == Finality::Round {
            round.end_by_word();
        } else if ends == Finality::Bet && !round.closed {
            if round.is_done() && by_itself {
                round.end_by_itself();
            }
        } else if !round.closed && !holds && policy.round_close == RoundClosePolicy::ImmediateLoss {
            (round.closed, round.ruled) = (true, true);
        }
        self.touch(&key);
        let is_nothing = paid == 0 && (beside || ends == Finality::MoreToCome);
        Ok(if is_nothing { "noop" } else { "applied" })
    }

    /// Whether a round that is known takes a win.
    fn may_win(c: &Settle, round: &ModelRound, alone: bool, late: bool) -> Result<(), &'static str> {
        let named = c.bet.as_ref().map(|id| round.bet(id.as_str()));
        if round.cancelled || round.all_returned() {
            return Err("txn_cancelled");
        }
        if named.flatten().is_some_and(|bet| bet.stake == Stake::Returned) {
            return Err("txn_cancelled");
        }
        let sold = ModelBet::is_sold;
        if round.closed {
            let all_sold = named.map_or_else(|| round.bets.iter().all(sold), |bet| bet.is_some_and(sold));
            if all_sold {
                return Err("already_settled");
            }
            if !round.ruled && !late {
                return Err("round_closed");
            }
        }
        match named {
            Some(None) if !alone => Err("bet_not_found"),
            Some(Some(bet)) if bet.stake == Stake::Taken && round.answered(bet) => {
                let again = (round.closed && !round.ruled) || (bet.ruled && !sold(bet));
                if again { Ok(()) } else { Err("already_settled") }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn close(&mut self, c: &CloseRound) -> &'static str {
        let key = (c.source.to_string(), c.round.to_string());
        if !self.rounds.get(&key).is_some_and(ModelRound::is_live) {
            return "noop";
        }
        self.take(&key, false, |_| true);
        self.rounds.get_mut(&key).expect("the round").end_by_word();
        self.touch(&key);
        "applied"
    }

    // Undoing.

    pub(super) fn undoable(&self, key: &Key, bet: &ModelBet) -> Result<(), &'static str> {
        let round = self.rounds.get(key).expect("the bet's round");
        match bet.stake {
            Stake::Returned => Err("already_rolled_back"),
            Stake::Taken if !bet.ruled => Err("already_settled"),
            _ if round.answered(bet) => Err("already_settled"),
            _ => Ok(()),
        }
    }

    pub(super) fn give_back(&mut self, key: &Key, id: &str) {
        let by_itself = self.ends_by_itself(&key.0);
        let round = self.rounds.get_mut(key).expect("the bet's round");
        let currency = round.currency.expect("a currency");
        let stored = round.bets.iter_mut().find(|bet| bet.id == id && !bet.made_up).expect("the bet");
        let bet = stored.clone();
        stored.stake = Stake::Returned;
        if round.all_returned() {
            round.closed = false;
        } else if !round.closed && round.is_done() && by_itself {
            round.end_by_itself();
        }
        self.gave_back = true;
        let back = if bet.stake == Stake::Held { bet.rest() } else { bet.staked() };
        self.uncount(&bet, back, bet.staked() - back);
        if bet.stake == Stake::Held {
            self.add(&held(key), currency, -bet.rest_money());
            self.restore(currency, bet.rest_money(), bet.rest_owed());
            self.restore_bonus(key, currency, None, &bet.rest_bonus());
            if bet.rest() > 0 {
                self.put_back(currency, &Lots::beyond(&bet.unplayed, bet.cashed));
            }
        } else {
            self.add(&format!("gaming:stakes of {}", bet.game), currency, -bet.staked_money());
            self.contribute(&key.0, currency, &bet, bet.staked(), 0);
            self.restore(currency, bet.staked_money(), bet.staked_owed());
            self.restore_bonus(key, currency, Some(&bet.game), &bet.staked_bonus());
            self.put_back(currency, &bet.unplayed);
        }
        self.touch(key);
    }

    pub(super) fn void_round(&mut self, c: &Void) -> Judged {
        let key = (c.round_source.to_string(), c.round.to_string());
        let known = self.rounds.get(&key).cloned();
        let round = known.clone().unwrap_or_default();
        if round.cancelled {
            return Err("already_rolled_back");
        }
        let settled = round.bets.iter().any(|bet| bet.stake == Stake::Taken && !bet.ruled && !bet.made_up)
            || round.wins.iter().any(|win| win.paid != Paid::Undone);
        if (round.closed && !round.ruled) || (settled && !round.is_void()) {
            return Err("already_settled");
        }
        let stands = |bet: &&ModelBet| bet.stake != Stake::Returned && !bet.made_up;
        for bet in round.bets.iter().filter(stands) {
            self.give_back(&key, &bet.id);
        }
        let round = self.rounds.entry(key).or_default();
        (round.closed, round.cancelled) = (false, true);
        Ok(if known.is_some() { "applied" } else { "tombstoned" })
    }

    /// Where a bet of a source stands, whatever its round.
    pub(super) fn find_bet(&self, source: &str, id: &str) -> Option<(Key, ModelBet)> {
        let mut own = self.rounds.iter().filter(|((s, _), _)| s == source);
        own.find_map(|(key, round)| round.bet(id).map(|bet| (key.clone(), bet.clone())))
    }

    pub(super) fn find_win(&self, source: &str, id: &str) -> Option<(Key, ModelWin)> {
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
        let may_be = |kind| c.kind.is_none_or(|stated| stated == kind);
        if may_be(RollbackKind::Bet)
            && let Some((key, bet)) = self.find_bet(source, target)
        {
            return self.rollback_bet(c, &key, &bet);
        }
        if may_be(RollbackKind::Win)
            && let Some((key, win)) = self.find_win(source, target)
        {
            return if c.partial { Err("not_allowed") } else { self.take_back(c, &key, &win) };
        }
        if let Some(judged) = self.rollback_other(c, may_be) {
            return judged;
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
                "roll_in",
                "free_round_total",
                "round_reopen",
            ],
        };
        if self.is_used(source, target, elsewhere) {
            return Err("not_allowed");
        }
        Ok(self.bury(source, target))
    }

    pub(super) fn agrees(&self, c: &Rollback, key: &Key, units: i128) -> Result<(), &'static str> {
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

    pub(super) fn take_back(&mut self, c: &Rollback, key: &Key, win: &ModelWin) -> Judged {
        if win.paid != Paid::Stands {
            return Err("already_rolled_back");
        }
        self.agrees(c, key, win.told.unwrap_or(win.units))?;
        let policy = c.on_shortfall.unwrap_or(self.of_source(c.source.as_str()).on_shortfall);
        let round = self.rounds.get(key).expect("the win's round");
        let currency = round.currency.expect("a currency");
        let (payer, game) = (round.paid_from(win), round.paid_by(win).game.clone());
        let money = win.units - bonuses::sum(&win.bonus) - bonuses::sum(&win.lost);
        let before = self.accounts.clone();
        let mut took = self.take_bonus_wins(&game, currency, &win.bonus, &win.lost, policy);
        if took == Ok(true) {
            took = self.take_from_player(currency, money, policy);
        }
        if took != Ok(true) {
            self.accounts = before;
        }
        let took = took?;
        let (state, outcome) = if took { (Paid::Undone, "applied") } else { (Paid::Kept, "noop") };
        if took {
            self.add(&payer, currency, -money);
        }
        let round = self.rounds.get_mut(key).expect("the win's round");
        let stored = round.wins.iter_mut().find(|w| w.seq == win.seq).expect("the win");
        stored.paid = state;
        if state == Paid::Undone && (!round.ruled || round.all_returned()) {
            round.closed = false;
        }
        self.touch(key);
        Ok(outcome)
    }
}

pub(super) fn held(round: &Key) -> String {
    format!("player:held of {}/{}", round.0, round.1)
}
