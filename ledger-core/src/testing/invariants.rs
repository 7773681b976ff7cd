//! What must hold of any log of a player, or of a partition of the house, checked from its commits alone (I1 to I28 in
//! docs/scenarios.md).
//!
//! Each checker reads plain data, so that a test can plant a bug in it and see the checker fail.

mod bonuses;
mod jackpots;
mod limits;
mod loyalty;
mod play_time;
mod registers;
mod statement;
mod tournaments;
mod withdrawals;

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Account, AccountCode, AccountKind, Side};
use crate::house::{HouseState, KeptBalance, SuspenseStatus};
use crate::ids::{HouseId, PlayerId, SubAccount, TransactionId};
use crate::key::{IdempotencyKey, OperationKind};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::partition::{Partition, Stream};
use crate::player_ledger::{Fault, PlayerState, operations_of};
use crate::stored::{
    AwardRef, BetStatus, BonusShare, CloseReason, CommitBody, Event, OutcomeKind, Round, RoundStatus,
    SettledBy, Split,
};
use crate::testing::ledger::{account_text, round_of_stream};
use crate::transfer::{self, Transfer, TransferRef, TransferStatus};

pub use bonuses::{
    i10_shares_add_up_to_the_win, i11_progress_is_what_bets_recorded, i12_awards_that_are_over_stay_over,
    i13_the_bonus_book_adds_up, i26_no_bet_above_the_most_touches_its_bonus,
};
pub use jackpots::{i15_a_pool_adds_up, i15_the_liability_is_held_or_owed};
pub use limits::{
    Worth, bonus_worth, counter_agrees, i17_counters_are_what_entries_are_worth,
    i20_items_stand_in_their_windows, worth,
};
pub use loyalty::i27_points_add_up;
pub use play_time::i17_play_time_is_that_of_sessions;
pub use registers::i25_registers_are_heeded;
pub use statement::i14_the_statement_adds_up;
pub use tournaments::{i28_a_tournament_adds_up, i28_the_pool_is_held_or_owed};
pub use withdrawals::{
    i4_pending_is_what_open_withdrawals_hold, i9_unplayed_money_goes_back_to_its_lots,
    i12_withdrawals_that_are_over_stay_over, withdrawals,
};

/// One posting of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which entry: the position of its event over all events.
    pub entry: usize,
    /// The account.
    pub account: Account,
    /// Debit or credit.
    pub side: Side,
    /// How much.
    pub amount: Amount,
}

impl Line {
    /// The amount as it changes the balance on the account's normal side.
    ///
    /// # Errors
    ///
    /// None in practice: amounts are symmetric.
    pub fn signed(&self) -> Result<Amount, AmountError> {
        if self.side == self.account.code.class().normal_side() {
            Ok(self.amount)
        } else {
            Amount::zero(self.amount.scale()).checked_sub(self.amount)
        }
    }
}

/// All postings of the log, in order.
pub fn journal(commits: &[CommitBody]) -> Vec<Line> {
    let events = commits.iter().flat_map(|body| &body.events).enumerate();
    let mut lines = Vec::new();
    for (entry, record) in events {
        if let Event::EntryPosted(posted) = &record.event {
            lines.extend(posted.entry.postings().iter().map(|posting| Line {
                entry,
                account: posted.entry.account(posting),
                side: posting.side,
                amount: posting.amount,
            }));
        }
    }
    lines
}

/// A sum at the finer of two scales: accounts of the house may be finer than their currency.
fn plus(left: Amount, right: Amount) -> Result<Amount, AmountError> {
    let scale = left.scale().max(right.scale());
    left.rescale_up(scale)?.checked_add(right.rescale_up(scale)?)
}

/// The balance of every account on its normal side.
///
/// # Errors
///
/// [`AmountError`] if a sum cannot be held.
pub fn balances(journal: &[Line]) -> Result<BTreeMap<Account, Amount>, AmountError> {
    let mut all: BTreeMap<Account, Amount> = BTreeMap::new();
    for line in journal {
        let balance = all.entry(line.account.clone()).or_insert(Amount::zero(line.amount.scale()));
        *balance = plus(*balance, line.signed()?)?;
    }
    Ok(all)
}

/// The state that commits fold to.
///
/// # Errors
///
/// [`Fault`] if they do not fold.
pub fn replay(player: &PlayerId, commits: &[CommitBody]) -> Result<PlayerState, Fault> {
    let mut state = PlayerState::new(player.clone());
    commits.iter().try_for_each(|body| state.evolve_commit(body))?;
    Ok(state)
}

/// All checks of this module.
///
/// # Errors
///
/// The first violation, in words.
pub fn check_all(player: &PlayerId, commits: &[CommitBody], live: &PlayerState) -> Result<(), String> {
    let journal = journal(commits);
    i1_entries_balance(&journal)?;
    i2_replay_is_live(player, commits, live)?;
    i3_no_overdraft(&journal)?;
    i4_held_is_what_open_bets_hold(&rounds(commits)?, &transfers(commits)?, &journal)?;
    i4_pending_is_what_open_withdrawals_hold(&withdrawals(commits)?, &journal)?;
    i5_keys_are_used_once(commits)?;
    i6_targets_are_undone_once(commits)?;
    i7_tombstoned_ids_never_post(commits)?;
    i9_refunds_restore_their_funds(commits)?;
    i9_unplayed_money_goes_back_to_its_lots(commits)?;
    i12_rounds_that_are_over_stay_over(commits)?;
    i12_withdrawals_that_are_over_stay_over(commits)?;
    i10_shares_add_up_to_the_win(commits)?;
    i11_progress_is_what_bets_recorded(commits)?;
    i12_awards_that_are_over_stay_over(commits)?;
    i13_the_bonus_book_adds_up(commits, &journal)?;
    i26_no_bet_above_the_most_touches_its_bonus(commits)?;
    i14_the_statement_adds_up(commits)?;
    i12_others_that_are_over_stay_over(commits)?;
    i16_one_player(player, commits)?;
    i17_counters_are_what_entries_are_worth(commits, live)?;
    i17_play_time_is_that_of_sessions(commits, live)?;
    i27_points_add_up(commits, live)?;
    i20_items_stand_in_their_windows(commits, live)?;
    i25_registers_are_heeded(commits)?;
    i19_one_kind_of_account(commits, &journal)?;
    i22_legs_are_in_the_purse_currency(live, &journal)
}

/// All checks of this module for a partition of the house.
///
/// # Errors
///
/// The first violation, in words.
pub fn check_house(house: &HouseId, commits: &[CommitBody], live: &HouseState) -> Result<(), String> {
    let journal = journal(commits);
    i1_entries_balance(&journal)?;
    i2_house_replay_is_live(house, commits, live)?;
    i5_keys_are_used_once(commits)?;
    i7_tombstoned_ids_never_post(commits)?;
    i16_house_touches_no_player(house, commits, &journal)?;
    i19_house_has_one_kind(house, &journal)?;
    i23_suspense_adds_up(commits, live, &journal)?;
    i24_kept_balances_are_what_entries_say(house, live, &journal)?;
    i15_a_pool_adds_up(house, commits, live, &journal)?;
    i28_a_tournament_adds_up(house, commits, live, &journal)
}

/// I1: debits equal credits in each entry, currency and book.
///
/// # Errors
///
/// The entry that does not balance.
pub fn i1_entries_balance(journal: &[Line]) -> Result<(), String> {
    let mut sums: BTreeMap<_, Amount> = BTreeMap::new();
    for line in journal {
        let (zero, amount) = (Amount::zero(line.amount.scale()), line.amount);
        let signed = match line.side {
            Side::Debit => Ok(amount),
            Side::Credit => zero.checked_sub(amount),
        };
        let key = (line.entry, line.account.currency, line.account.code.book());
        let sum = sums.entry(key).or_insert(zero);
        let after = signed.and_then(|signed| plus(*sum, signed));
        *sum = after.map_err(|error| format!("I1: entry {}: {error}", line.entry))?;
    }
    match sums.iter().find(|(_, sum)| !sum.is_zero()) {
        Some((entry, sum)) => Err(format!("I1: entry {entry:?} is off by {sum}")),
        None => Ok(()),
    }
}

/// I2: a replay of all commits is the live state.
///
/// # Errors
///
/// How it differs.
pub fn i2_replay_is_live(
    player: &PlayerId,
    commits: &[CommitBody],
    live: &PlayerState,
) -> Result<(), String> {
    let replayed = replay(player, commits).map_err(|fault| format!("I2: {fault}"))?;
    if replayed == *live { Ok(()) } else { Err(format!("I2: replay gives {replayed:?}, live is {live:?}")) }
}

/// I3: no account of a player is ever below zero (debts are a receivable, which is above zero).
///
/// # Errors
///
/// The account and entry.
pub fn i3_no_overdraft(journal: &[Line]) -> Result<(), String> {
    let mut all: BTreeMap<&Account, Amount> = BTreeMap::new();
    let mut lines = journal.iter().filter(|line| line.account.code.is_player()).peekable();
    while let Some(line) = lines.next() {
        let balance = all.entry(&line.account).or_insert(Amount::zero(line.amount.scale()));
        let after = line.signed().and_then(|signed| plus(*balance, signed));
        *balance = after.map_err(|error| format!("I3: {}: {error}", account_text(&line.account)))?;
        let entry_ends = lines.peek().is_none_or(|next| next.entry != line.entry);
        let below = all.iter().find(|(_, balance)| balance.is_negative());
        if let (true, Some((account, balance))) = (entry_ends, below) {
            return Err(format!("I3: {} is {balance} after entry {}", account_text(account), line.entry));
        }
    }
    Ok(())
}

/// All rounds of a log, each folded from its stream.
///
/// # Errors
///
/// The round that does not fold.
pub fn rounds(commits: &[CommitBody]) -> Result<Vec<Round>, String> {
    let dated = |body: &'_ CommitBody| body.recorded_at;
    let records = || commits.iter().flat_map(|body| body.events.iter().map(move |r| (r, dated(body))));
    let streams: BTreeSet<&Stream> =
        records().map(|(r, _)| &r.stream).filter(|s| round_of_stream(s).is_some()).collect();
    let mut all = Vec::new();
    for stream in streams {
        if let Some((source, id)) = round_of_stream(stream) {
            let events = records().filter(|(record, _)| record.stream == *stream);
            all.extend(Round::fold(source, id, events).map_err(|fault| format!("{stream}: {fault}"))?);
        }
    }
    Ok(all)
}

/// All transfers of a log, each folded from its stream.
///
/// # Errors
///
/// The transfer that does not fold.
pub fn transfers(commits: &[CommitBody]) -> Result<Vec<Transfer>, String> {
    let mut all: BTreeMap<&TransferRef, Option<Transfer>> = BTreeMap::new();
    for body in commits {
        for record in &body.events {
            if let Stream::Transfer(_, of) = &record.stream {
                let folded = all.entry(of).or_default();
                transfer::evolve(folded, of, record, body.recorded_at).map_err(|fault| fault.to_string())?;
            }
        }
    }
    Ok(all.into_values().flatten().collect())
}

/// I4: the held account of each round is the sum of its open bets, so zero once it is over; that of a transfer is what
/// went, until it comes back.
///
/// # Errors
///
/// The round or transfer.
pub fn i4_held_is_what_open_bets_hold(
    rounds: &[Round],
    transfers: &[Transfer],
    journal: &[Line],
) -> Result<(), String> {
    let balances = balances(journal).map_err(|error| error.to_string())?;
    let mut held: BTreeMap<SubAccount, i128> = BTreeMap::new();
    let mut bonus: BTreeMap<SubAccount, i128> = BTreeMap::new();
    for (account, amount) in &balances {
        match (account.code, &account.of) {
            (AccountCode::PlayerHeld, Some(of)) => *held.entry(of.clone()).or_default() += amount.units(),
            // Of each round the bonus credits of all awards.
            (AccountCode::PlayerBonusHeld, Some(of)) => {
                let mut parts = of.as_str().splitn(3, '/');
                let round = [parts.next(), parts.next()].map(Option::unwrap_or_default).join("/");
                let round = SubAccount::new(round).map_err(|error| error.to_string())?;
                *bonus.entry(round).or_default() += amount.units();
            }
            _ => {}
        }
    }
    for round in rounds {
        let of = SubAccount::round(&round.source, &round.id);
        let credits = round.open_bets().map(bonuses::open_bonus).sum::<i128>();
        let money = round.open_bets().map(|bet| bet.open_stake().units()).sum::<i128>() - credits;
        for (held, open) in [(held.remove(&of), money), (bonus.remove(&of), credits)] {
            let held = held.unwrap_or_default();
            if held != open || (round.status != RoundStatus::Open && held != 0) {
                let status = round.status;
                return Err(format!("I4: round {} is {status:?}, holds {held}, bets {open}", round.id));
            }
        }
    }
    for transfer in transfers {
        let of = SubAccount::transfer(&transfer.of.source, &transfer.of.id);
        let held = of.ok().and_then(|of| held.remove(&of)).unwrap_or_default();
        let away = if transfer.status == TransferStatus::Out { transfer.amount.units() } else { 0 };
        if held != away {
            return Err(format!("I4: {held} is held for transfer {}, {away} is away", transfer.of.id));
        }
    }
    match held.iter().chain(&bonus).find(|(_, units)| **units != 0) {
        Some((of, units)) => Err(format!("I4: {units} is held for the unknown round {of}")),
        None => Ok(()),
    }
}

/// I5: each idempotency key is consumed by one commit.
///
/// # Errors
///
/// The key.
pub fn i5_keys_are_used_once(commits: &[CommitBody]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut keys = commits.iter().flat_map(|body| &body.keys).map(crate::stored::KeyRecord::key);
    match keys.find(|key| !seen.insert(key.clone())) {
        Some(key) => Err(format!("I5: {key} was consumed twice")),
        None => Ok(()),
    }
}

/// I6: each bet and each win is undone at most once, by an operation that undoes nothing else.
///
/// # Errors
///
/// The bet or win.
pub fn i6_targets_are_undone_once(commits: &[CommitBody]) -> Result<(), String> {
    // Cash-outs and wins may share an id: as many of it may be undone as there are.
    let mut seen: BTreeMap<(Stream, &str, String), usize> = BTreeMap::new();
    let mut wins: BTreeMap<(Stream, String), usize> = BTreeMap::new();
    for (_, events) in commits.iter().flat_map(operations_of) {
        let mut singles = 0;
        for record in events {
            let won = match &record.event {
                Event::WinCredited(e) => Some(&e.win),
                Event::BetSettled(e) if matches!(e.by, SettledBy::Win | SettledBy::CashOut) => Some(&e.txn),
                Event::BetCashedOut(e) => Some(&e.txn),
                Event::BetResettled(e) if e.win.is_none() => Some(&e.txn),
                _ => None,
            };
            if let Some(id) = won {
                *wins.entry((record.stream.clone(), id.to_string())).or_default() += 1;
            }
            let targets: Vec<(&str, String)> = match &record.event {
                Event::BetRolledBack(e) => vec![("bet", e.bet.to_string())],
                Event::BetVoided(e) => vec![("bet", e.bet.to_string())],
                Event::WinRolledBack(e) => vec![("win", e.win.to_string())],
                Event::WinRetained(e) => vec![("win", e.win.to_string())],
                Event::RoundVoided(e) => e.bets.iter().map(|bet| ("bet", bet.to_string())).collect(),
                Event::SettlementVoided(e) => {
                    let bets = e.bets.iter().map(|bet| ("bet", bet.to_string()));
                    bets.chain(e.wins.iter().map(|win| ("win", win.to_string()))).collect()
                }
                Event::BetUnsettled(e) => e.wins.iter().map(|win| ("win", win.to_string())).collect(),
                Event::TipReturned(_) | Event::TournamentEntryReturned(_) | Event::TransferRolledBack(_) => {
                    vec![("payment", String::new())]
                }
                _ => Vec::new(),
            };
            // A round that took too long is undone as a whole, bet by bet where some have a result.
            let times_out =
                matches!(&record.event, Event::BetVoided(e) if e.txn.kind == OperationKind::RoundExpire);
            let whole_round = times_out
                || matches!(
                    record.event,
                    Event::RoundVoided(_) | Event::SettlementVoided(_) | Event::BetUnsettled(_)
                );
            singles += usize::from(!whole_round && !targets.is_empty());
            for (what, id) in targets {
                let most = match what {
                    "win" => wins.get(&(record.stream.clone(), id.clone())).copied().unwrap_or(1),
                    _ => 1,
                };
                let times = seen.entry((record.stream.clone(), what, id.clone())).or_default();
                *times += 1;
                if *times > most {
                    return Err(format!("I6: {what} {id} of {} was undone twice", record.stream));
                }
            }
        }
        if singles > 1 {
            return Err("I6: one operation undoes several targets".to_owned());
        }
    }
    Ok(())
}

/// I7: what was undone before it came never has an effect.
///
/// # Errors
///
/// The key.
pub fn i7_tombstoned_ids_never_post(commits: &[CommitBody]) -> Result<(), String> {
    let mut dead = BTreeSet::new();
    for body in commits {
        let is_dead = |key: &IdempotencyKey| dead.contains(&(key.source.clone(), key.id.clone()));
        for record in &body.keys {
            let key = record.key();
            if is_dead(&key) && record.outcome != OutcomeKind::Rejected {
                return Err(format!("I7: {key} is dead and came to {:?}", record.outcome));
            }
        }
        dead.extend(body.tombstones.iter().map(|t| (t.source.clone(), t.id.clone())));
    }
    Ok(())
}

/// What a bet took, and what of it is gone.
struct Taken {
    /// The shares of its funds: cash, what is owed, and each award's.
    funds: (i128, i128),
    bonus: BTreeMap<AwardRef, i128>,
    cashed: i128,
    cashed_bonus: BTreeMap<AwardRef, i128>,
    /// What went back to each.
    back: (i128, i128),
    back_bonus: BTreeMap<AwardRef, i128>,
    currency: CurrencyCode,
}

fn add_all(to: &mut BTreeMap<AwardRef, i128>, shares: &[BonusShare]) {
    for share in shares {
        *to.entry(share.award.clone()).or_default() += share.amount.units();
    }
}

impl Taken {
    fn of(split: &Split, currency: CurrencyCode) -> Self {
        let mut bonus = BTreeMap::new();
        add_all(&mut bonus, &split.bonus);
        Self {
            funds: funds(split),
            bonus,
            cashed: 0,
            cashed_bonus: BTreeMap::new(),
            back: (0, 0),
            back_bonus: BTreeMap::new(),
            currency,
        }
    }

    fn rest(&self) -> i128 {
        let all = |shares: &BTreeMap<AwardRef, i128>| shares.values().sum::<i128>();
        self.funds.0 + self.funds.1 + all(&self.bonus)
            - self.cashed
            - self.back.0
            - self.back.1
            - all(&self.back_bonus)
    }

    /// Takes note of a part that goes back; whether it can be of what was taken. What is forfeited counts as back.
    fn give(&mut self, stake: Amount, split: &Split) -> bool {
        let (cash, owed) = funds(split);
        (self.back.0, self.back.1) = (self.back.0 + cash, self.back.1 + owed);
        add_all(&mut self.back_bonus, &split.bonus);
        add_all(&mut self.back_bonus, &split.forfeited);
        let has = |award| self.bonus.get(award).copied().unwrap_or_default();
        let fits = self.back.0 <= self.funds.0
            && self.back.1 <= self.funds.1
            && self.back_bonus.iter().all(|(award, units)| *units <= has(award));
        let bonus = bonuses::sum(&split.bonus) + bonuses::sum(&split.forfeited);
        cash + owed + bonus == stake.units() && fits && self.rest() >= 0
    }

    /// Whether each fund has back what was not sold of it: of money, cash is sold first.
    fn is_whole(&self) -> bool {
        let of = |shares: &BTreeMap<AwardRef, i128>, award| shares.get(award).copied().unwrap_or_default();
        let money = self.cashed - self.cashed_bonus.values().sum::<i128>();
        self.rest() == 0
            && self.back.0 == (self.funds.0 - money).max(0)
            && self
                .bonus
                .iter()
                .all(|(award, units)| of(&self.back_bonus, award) == units - of(&self.cashed_bonus, award))
    }
}

/// The shares of a split: cash, and what is owed.
fn funds(split: &Split) -> (i128, i128) {
    (split.cash.units(), split.owed.map_or(0, Amount::units))
}

/// I9: what goes back for a bet is what it took, fund by fund.
///
/// # Errors
///
/// The bet.
pub fn i9_refunds_restore_their_funds(commits: &[CommitBody]) -> Result<(), String> {
    let mut bets: BTreeMap<(&Stream, &TransactionId), Taken> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        let refund = match &record.event {
            Event::BetPlaced(e) => {
                let funds = funds(&e.split);
                if funds.0 + funds.1 + bonuses::sum(&e.split.bonus) != e.stake.units() {
                    return Err(format!("I9: the funds of bet {} are not its stake", e.bet));
                }
                if !e.made_up {
                    bets.insert((&record.stream, &e.bet), Taken::of(&e.split, e.currency));
                }
                continue;
            }
            Event::BetCashedOut(e) => {
                if let Some(taken) = bets.get_mut(&(&record.stream, &e.bet)) {
                    taken.cashed += e.principal.units();
                    add_all(&mut taken.cashed_bonus, &e.taken);
                }
                continue;
            }
            Event::BetUnsettled(e) => {
                if let Some(taken) = bets.get_mut(&(&record.stream, &e.bet)) {
                    taken.cashed = 0;
                    taken.cashed_bonus.clear();
                }
                continue;
            }
            Event::BetReturned(e) => {
                let taken = bets.get_mut(&(&record.stream, &e.bet));
                if !taken.is_some_and(|taken| taken.give(e.stake, &e.split)) {
                    return Err(format!("I9: more of bet {} goes back than it took", e.bet));
                }
                continue;
            }
            Event::BetRolledBack(e) => (&e.bet, e.stake, &e.split, e.currency),
            Event::BetVoided(e) => (&e.bet, e.stake, &e.split, e.currency),
            _ => continue,
        };
        let (bet, stake, split, currency) = refund;
        let taken = bets.get_mut(&(&record.stream, bet)).filter(|taken| taken.currency == currency);
        if !taken.is_some_and(|taken| taken.give(stake, split) && taken.is_whole()) {
            return Err(format!("I9: bet {bet} does not get back what it took"));
        }
    }
    Ok(())
}

/// I12: a round that is over takes no bets and no wins unless it is reopened; a cancelled one never again.
///
/// # Errors
///
/// The stream and event.
pub fn i12_rounds_that_are_over_stay_over(commits: &[CommitBody]) -> Result<(), String> {
    /// How a round ended.
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        /// A rule of the ledger closed it: wins may come.
        Rule,
        Closed,
        Cancelled,
    }
    let mut ended: BTreeMap<&Stream, End> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        let over = ended.get(&record.stream).copied();
        let allowed = match &record.event {
            Event::CreditGranted(_) | Event::WinRetained(_) => true,
            Event::RoundReopened(_) | Event::SettlementVoided(_) | Event::BetResettled(_) => {
                over != Some(End::Cancelled)
            }
            Event::WinCredited(_) => over.is_none_or(|end| end == End::Rule),
            _ => over.is_none(),
        };
        if round_of_stream(&record.stream).is_some() && !allowed {
            return Err(format!("I12: {} after the end of {}", record.event.type_name(), record.stream));
        }
        match &record.event {
            Event::RoundClosed(e) => {
                let by_rule = matches!(e.reason, CloseReason::ImmediateLoss | CloseReason::TimeOut);
                ended.insert(&record.stream, if by_rule { End::Rule } else { End::Closed });
            }
            Event::RoundVoided(_) => {
                ended.insert(&record.stream, End::Cancelled);
            }
            Event::SettlementVoided(e) if e.round => {
                ended.insert(&record.stream, End::Cancelled);
            }
            Event::RoundReopened(_) => {
                ended.remove(&record.stream);
            }
            _ => {}
        }
    }
    Ok(())
}

/// I12: a transfer that came back, a session that ended, and a purchase that went back are over for good.
///
/// # Errors
///
/// The stream and event.
pub fn i12_others_that_are_over_stay_over(commits: &[CommitBody]) -> Result<(), String> {
    let mut ended: BTreeSet<&Stream> = BTreeSet::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        if ended.contains(&record.stream) {
            return Err(format!("I12: {} after the end of {}", record.event.type_name(), record.stream));
        }
        if matches!(
            record.event,
            Event::SessionEnded(_)
                | Event::TipReturned(_)
                | Event::TournamentEntryReturned(_)
                | Event::TransferRolledIn(_)
                | Event::TransferRolledBack(_)
        ) {
            ended.insert(&record.stream);
        }
    }
    Ok(())
}

/// I16: a commit concerns one player: its partition, and every stream it has events in.
///
/// # Errors
///
/// The stream.
pub fn i16_one_player(player: &PlayerId, commits: &[CommitBody]) -> Result<(), String> {
    let own = Partition::Player(player.clone());
    for body in commits {
        let foreign = body.events.iter().find(|record| record.stream.partition() != own);
        if body.partition != own || foreign.is_some() {
            return Err(format!("I16: a commit of {} touches {foreign:?}", body.partition));
        }
    }
    Ok(())
}

/// I19: the entries of a player are of the kind, real or test, that he was opened with.
///
/// # Errors
///
/// The account.
pub fn i19_one_kind_of_account(commits: &[CommitBody], journal: &[Line]) -> Result<(), String> {
    let mut records = commits.iter().flat_map(|body| &body.events);
    let opened: Option<AccountKind> = records.find_map(|record| match &record.event {
        Event::PlayerOpened(e) => Some(e.kind),
        _ => None,
    });
    match journal.iter().find(|line| Some(line.account.kind) != opened) {
        Some(line) => Err(format!("I19: {} for a player opened as {opened:?}", account_text(&line.account))),
        None => Ok(()),
    }
}

/// I22: every leg is in a currency of the player, at the scale of its account; but for the legs of an exchange in
/// the other currency, and of suspense, which are the house's and have one scale per account.
///
/// # Errors
///
/// The account.
pub fn i22_legs_are_in_the_purse_currency(live: &PlayerState, journal: &[Line]) -> Result<(), String> {
    let exchanged: BTreeSet<(usize, CurrencyCode)> = journal
        .iter()
        .filter(|line| matches!(line.account.code, AccountCode::FxPosition | AccountCode::Suspense))
        .map(|line| (line.entry, line.account.currency))
        .collect();
    let mut scales: BTreeMap<(AccountCode, CurrencyCode), u8> = BTreeMap::new();
    let mut fits = |line: &Line| {
        let (code, currency, scale) = (line.account.code, line.account.currency, line.amount.scale());
        match live.wallet().purse(currency) {
            Some(purse) => scale == code.scale(purse.currency()),
            None if code.is_player() => false,
            None => {
                exchanged.contains(&(line.entry, currency))
                    && *scales.entry((code, currency)).or_insert(scale) == scale
            }
        }
    };
    match journal.iter().find(|line| !fits(line)) {
        Some(line) => Err(format!("I22: {} has no such purse or scale", account_text(&line.account))),
        None => Ok(()),
    }
}

/// I2 of the house: a replay of all commits is the live state.
///
/// # Errors
///
/// How it differs.
pub fn i2_house_replay_is_live(
    house: &HouseId,
    commits: &[CommitBody],
    live: &HouseState,
) -> Result<(), String> {
    let mut state = HouseState::new(house.clone());
    commits.iter().try_for_each(|body| state.evolve_commit(body)).map_err(|fault| format!("I2: {fault}"))?;
    if state == *live { Ok(()) } else { Err(format!("I2: replay gives {state:?}, live is {live:?}")) }
}

/// I16 of the house: a commit concerns one partition of the house, and no account of a player.
///
/// # Errors
///
/// The stream or account.
pub fn i16_house_touches_no_player(
    house: &HouseId,
    commits: &[CommitBody],
    journal: &[Line],
) -> Result<(), String> {
    let own = Partition::House(house.clone());
    for body in commits {
        let foreign = body.events.iter().find(|record| record.stream.partition() != own);
        if body.partition != own || foreign.is_some() {
            return Err(format!("I16: a commit of {} touches {foreign:?}", body.partition));
        }
    }
    match journal.iter().find(|line| line.account.code.is_player()) {
        Some(line) => Err(format!("I16: the house touches {}", account_text(&line.account))),
        None => Ok(()),
    }
}

/// I19 of the house: the entries of a partition are of the kind that its name says.
///
/// # Errors
///
/// The account.
pub fn i19_house_has_one_kind(house: &HouseId, journal: &[Line]) -> Result<(), String> {
    let named = if house.as_str().starts_with("test/") { AccountKind::Test } else { AccountKind::Real };
    match journal.iter().find(|line| line.account.kind != named) {
        Some(line) => Err(format!("I19: {} in {house}", account_text(&line.account))),
        None => Ok(()),
    }
}

/// I23: what came into suspense is open, on its way to one player, with him, or returned; and what did not go back is
/// what the account says.
///
/// # Errors
///
/// The item or the sums.
pub fn i23_suspense_adds_up(
    commits: &[CommitBody],
    live: &HouseState,
    journal: &[Line],
) -> Result<(), String> {
    // Of each item: how much, and where it is. Read from the events without the fold.
    let mut items: BTreeMap<&Stream, (CurrencyCode, i128, &str)> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        let (from, to) = match &record.event {
            Event::SuspenseCaptured(event) => {
                let item = (event.currency, event.amount.units(), "open");
                if items.insert(&record.stream, item).is_some() {
                    return Err(format!("I23: {} came in twice", record.stream));
                }
                continue;
            }
            Event::SuspenseAssigned(_) => ("open", "assigned"),
            Event::SuspenseAssignmentCancelled(_) => ("assigned", "open"),
            Event::SuspenseLanded(_) => ("assigned", "landed"),
            Event::SuspenseReturned(_) => ("open", "returned"),
            _ => continue,
        };
        match items.get_mut(&record.stream) {
            Some((_, _, place)) if *place == from => *place = to,
            other => return Err(format!("I23: {} is {other:?}, and goes to {to}", record.stream)),
        }
    }
    let mut sums: BTreeMap<CurrencyCode, i128> = BTreeMap::new();
    for (currency, units, place) in items.values() {
        *sums.entry(*currency).or_default() += if *place == "returned" { 0 } else { *units };
    }
    for line in journal.iter().filter(|line| line.account.code == AccountCode::Suspense) {
        let signed = line.signed().map_err(|error| error.to_string())?;
        *sums.entry(line.account.currency).or_default() -= signed.units();
    }
    if let Some((currency, units)) = sums.iter().find(|(_, units)| **units != 0) {
        return Err(format!("I23: items and account differ by {units} units of {currency}"));
    }
    let places = live.items().map(|item| match item.status {
        SuspenseStatus::Assigned(_) => "assigned",
        _ => "open",
    });
    let mut shown: Vec<&str> = places.collect();
    let mut kept: Vec<&str> = items.values().map(|(_, _, place)| *place).collect();
    kept.retain(|place| ["open", "assigned"].contains(place));
    shown.sort_unstable();
    kept.sort_unstable();
    if shown == kept { Ok(()) } else { Err(format!("I23: {shown:?} are live, {kept:?} are in the log")) }
}

/// I24: the balances a partition keeps are what its entries add up to, and none was ever below zero.
///
/// # Errors
///
/// The account.
pub fn i24_kept_balances_are_what_entries_say(
    house: &HouseId,
    live: &HouseState,
    journal: &[Line],
) -> Result<(), String> {
    let kept: Vec<Line> = journal.iter().filter(|line| line.account.code.is_kept()).cloned().collect();
    for end in 1..=kept.len() {
        let until = kept.get(..end).unwrap_or_default();
        let last = until.last().map(|line| line.entry);
        let whole_entry = kept.get(end).is_none_or(|next| Some(next.entry) != last);
        let sums = balances(until).map_err(|error| error.to_string())?;
        if let Some((account, balance)) = sums.iter().find(|(_, sum)| whole_entry && sum.is_negative()) {
            return Err(format!("I24: {} of {house} is {balance}", account_text(account)));
        }
    }
    let sums = balances(&kept).map_err(|error| error.to_string())?;
    let mut expected: Vec<(AccountCode, CurrencyCode, Amount)> =
        sums.into_iter().map(|(account, sum)| (account.code, account.currency, sum)).collect();
    let shown = |kept: &KeptBalance| (kept.account, kept.currency, kept.balance);
    let mut found: Vec<_> = live.kept().iter().map(shown).collect();
    expected.sort_unstable();
    found.sort_unstable();
    if found == expected {
        Ok(())
    } else {
        Err(format!("I24: {house} keeps {found:?}, entries say {expected:?}"))
    }
}

/// How many bets of a log have a status; for tests that want to know what their histories reached.
///
/// # Errors
///
/// See [`rounds`].
pub fn count_bets(commits: &[CommitBody], status: BetStatus) -> Result<usize, String> {
    Ok(rounds(commits)?.iter().flat_map(|round| &round.bets).filter(|bet| bet.status == status).count())
}
