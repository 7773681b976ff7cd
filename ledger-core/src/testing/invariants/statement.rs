//! I14: a player's statement. What he has is what the events say he got, less what they say he gave.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{AccountCode, Side};
use crate::ids::TransactionId;
use crate::money::{Amount, CurrencyCode};
use crate::partition::Stream;
use crate::stored::{
    Bearer, CommitBody, Direction, Event, EventRecord, ExchangeMade, Hold, LatePayout, PayoutReturnedTo,
    Recovery, ReleasedTo, SettledBy, SettlementVoided,
};

/// Units by currency.
type Lines = BTreeMap<CurrencyCode, i128>;

/// What the lines of later events rest on.
#[derive(Debug, Default)]
struct Known<'a> {
    /// What is held of each bet.
    held: BTreeMap<(&'a Stream, &'a TransactionId), i128>,
    /// What did not go back of each stake.
    staked: BTreeMap<(&'a Stream, &'a TransactionId), (CurrencyCode, i128)>,
    /// Bets that a rule of the ledger took: the only settled ones that are called off without a word on their wins.
    ruled: BTreeSet<(&'a Stream, &'a TransactionId)>,
    /// Chargebacks that were taken from suspense.
    from_suspense: Vec<(&'a Stream, &'a TransactionId)>,
    exchanges: BTreeMap<&'a Stream, &'a ExchangeMade>,
    holds: BTreeMap<&'a Stream, &'a Hold>,
    /// Of an award: its currency and amount.
    awards: BTreeMap<&'a Stream, (CurrencyCode, i128)>,
}

fn lost(recovery: Option<&Recovery>) -> i128 {
    recovery.map_or(0, |recovery| recovery.written_off.units())
}

fn units(amount: Option<Amount>) -> i128 {
    amount.map_or(0, Amount::units)
}

/// What a late payout took from the player.
fn borne(late: &LatePayout) -> i128 {
    let taken = late.recovery.as_ref().filter(|_| late.bearer == Some(Bearer::Player));
    taken.map_or(0, |taken| -taken.cash.units() - taken.receivable.units())
}

impl<'a> Known<'a> {
    fn remember(&mut self, record: &'a EventRecord) {
        let stream = &record.stream;
        match &record.event {
            Event::BetPlaced(e) if !e.made_up => {
                self.staked.insert((stream, &e.bet), (e.currency, e.stake.units()));
                self.held.insert((stream, &e.bet), e.stake.units());
            }
            Event::BetReturned(e) => {
                if let Some((_, staked)) = self.staked.get_mut(&(stream, &e.bet)) {
                    *staked -= e.stake.units();
                }
                if let Some(held) = self.held.get_mut(&(stream, &e.bet)) {
                    *held -= e.stake.units();
                }
            }
            Event::BetCashedOut(e) => *self.held.entry((stream, &e.bet)).or_default() -= e.principal.units(),
            Event::BetUnsettled(e) => {
                self.ruled.remove(&(stream, &e.bet));
                self.held.insert((stream, &e.bet), e.stake.units());
            }
            Event::BetRolledBack(e) => drop(self.held.remove(&(stream, &e.bet))),
            Event::BetVoided(e) => drop(self.held.remove(&(stream, &e.bet))),
            Event::BetSettled(e) => {
                self.forget(stream, &e.bets);
                if e.by == SettledBy::Rule {
                    self.ruled.extend(e.bets.iter().map(|bet| (stream, bet)));
                }
            }
            Event::RoundVoided(e) => self.forget(stream, &e.bets),
            Event::SettlementVoided(e) => self.forget(stream, &e.bets),
            Event::DepositChargedBack(e) if e.recovery.is_none() => self.from_suspense.push((stream, &e.txn)),
            Event::BonusIssued(e) => drop(self.awards.insert(stream, (e.currency, e.amount.units()))),
            Event::ExchangeMade(e) => drop(self.exchanges.insert(stream, e)),
            Event::WithdrawalRequested(e) => drop(self.holds.insert(stream, &e.hold)),
            Event::WithdrawalSplitOff(e) => drop(self.holds.insert(stream, &e.hold)),
            _ => {}
        }
    }

    /// The currency of a round.
    fn currency_of(&self, stream: &Stream) -> Option<CurrencyCode> {
        self.staked.iter().find(|((of, _), _)| *of == stream).map(|(_, (currency, _))| *currency)
    }

    fn forget(&mut self, stream: &'a Stream, bets: &'a [TransactionId]) {
        for bet in bets {
            self.held.remove(&(stream, bet));
        }
    }

    fn is_ruled(&self, stream: &Stream, bet: &TransactionId) -> bool {
        self.ruled.iter().any(|(of, id)| *of == stream && *id == bet)
    }

    /// The stakes that a rule took of these bets.
    fn taken_of(&self, stream: &Stream, bets: &[TransactionId]) -> Vec<(CurrencyCode, i128)> {
        let ruled = self
            .staked
            .iter()
            .filter(|((of, id), _)| *of == stream && bets.contains(id) && self.is_ruled(stream, id));
        ruled.map(|(_, taken)| *taken).collect()
    }

    fn voided(&self, stream: &Stream, e: &SettlementVoided) -> i128 {
        let open = self.held.iter().filter(|((of, bet), _)| *of == stream && e.bets.contains(bet));
        let open: i128 = open.map(|(_, units)| units).sum();
        e.stake.units() - open - e.win.units() + lost(e.recovery.as_ref())
    }

    /// What of a withdrawal goes back that was taken beside its amount; all of it must.
    fn back(&self, record: &EventRecord, amount: Amount) -> Result<i128, String> {
        let hold = self.holds.get(&record.stream).ok_or_else(|| format!("I14: {} is new", record.stream))?;
        let taken = hold.taken().map_err(|error| format!("I14: {}: {error}", record.stream))?;
        if taken == amount {
            Ok(hold.extra().units())
        } else {
            Err(format!("I14: {amount} of {taken} goes back in {}", record.stream))
        }
    }

    /// What an event changes of what the player has: cash, held, pending and dormant, less what he owes.
    fn lines(&self, record: &EventRecord) -> Result<Vec<(CurrencyCode, i128)>, String> {
        let stream = &record.stream;
        let one = |currency, units| Ok(vec![(currency, units)]);
        match &record.event {
            Event::DepositSucceeded(e) => match &e.converted {
                Some(to) => one(to.currency, to.amount.units()),
                None => one(e.currency, e.amount.units() - units(e.fee)),
            },
            Event::DepositReleased(e) if e.to == ReleasedTo::Player => match &e.converted {
                Some(to) => one(to.currency, to.amount.units()),
                None => one(e.currency, e.amount.units()),
            },
            Event::DepositRefunded(e) => match &e.converted {
                Some(to) => one(to.currency, lost(Some(&e.recovery)) - to.amount.units()),
                None => one(e.currency, lost(Some(&e.recovery)) - e.amount.units() + units(e.fee)),
            },
            Event::DepositChargedBack(e) if e.recovery.is_some() => match &e.converted {
                Some(to) => one(to.currency, lost(e.recovery.as_ref()) - to.amount.units()),
                None => one(e.currency, lost(e.recovery.as_ref()) - e.amount.units()),
            },
            Event::ChargebackReversed(e) if !self.from_suspense.contains(&(stream, &e.chargeback)) => {
                match &e.converted {
                    Some(to) => one(to.currency, to.amount.units()),
                    None => one(e.currency, e.amount.units()),
                }
            }
            Event::DebtWrittenOff(e) => one(e.currency, e.amount.units()),
            Event::BetReturned(e) if self.is_ruled(stream, &e.bet) => one(e.currency, e.stake.units()),
            Event::BetVoided(e) if self.is_ruled(stream, &e.bet) => one(e.currency, e.stake.units()),
            Event::BetRolledBack(e) if self.is_ruled(stream, &e.bet) => one(e.currency, e.stake.units()),
            Event::RoundVoided(e) => Ok(self.taken_of(stream, &e.bets)),
            Event::TipGiven(e) => one(e.currency, -e.amount.units()),
            Event::TipReturned(e) => one(e.currency, e.amount.units()),
            Event::TournamentEntered(e) => one(e.currency, -e.buy_in.units() - e.fee.units()),
            Event::TournamentEntryReturned(e) => one(e.currency, e.amount.units()),
            Event::TransferRolledIn(e) => one(e.currency, e.won.units() - e.staked.units()),
            Event::BetSettled(e) => one(e.currency, e.win.units() - e.stake.units()),
            Event::WinCredited(e) => one(e.currency, e.amount.units()),
            Event::BetCashedOut(e) => one(e.currency, e.amount.units() - e.principal.units()),
            Event::BetResettled(e) => {
                one(e.currency, e.amount.units() - e.previous.units() + lost(e.recovery.as_ref()))
            }
            Event::BetUnsettled(e) => {
                one(e.currency, e.stake.units() - e.win.units() + lost(e.recovery.as_ref()))
            }
            Event::SettlementVoided(e) => one(e.currency, self.voided(stream, e)),
            Event::WinRolledBack(e) => one(e.currency, lost(Some(&e.recovery)) - e.amount.units()),
            Event::CreditGranted(e) => one(e.currency, e.amount.units()),
            Event::TournamentPrizePaid(e) => one(e.currency, e.amount.units()),
            Event::JackpotPaid(e) => one(e.currency, e.amount.units()),
            Event::AdjustmentApplied(e) => {
                one(e.currency, directed(e.direction, e.amount) + lost(e.recovery.as_ref()))
            }
            Event::CorrectionApplied(e) => {
                one(e.currency, directed(e.direction, e.amount) + lost(e.recovery.as_ref()))
            }
            Event::FeeCharged(e) => one(e.currency, -e.amount.units()),
            Event::TaxWithheld(e) => one(e.currency, lost(Some(&e.recovery)) - e.amount.units()),
            Event::TaxReturned(e) => one(e.currency, e.to_player.units()),
            Event::ExchangeMade(e) => Ok(vec![(e.from, -e.given.units()), (e.to, e.received.units())]),
            Event::ExchangeReversed(e) => {
                let made = self.exchanges.get(stream).ok_or_else(|| format!("I14: {stream} is new"))?;
                let back = lost(Some(&e.recovery)) - made.received.units();
                Ok(vec![(made.from, made.given.units()), (made.to, back)])
            }
            _ => self.withdrawal_lines(record),
        }
    }

    fn withdrawal_lines(&self, record: &EventRecord) -> Result<Vec<(CurrencyCode, i128)>, String> {
        let one = |currency, units| Ok(vec![(currency, units)]);
        match &record.event {
            Event::WithdrawalRequested(e) => one(e.currency, -units(e.hold.extra)),
            Event::WithdrawalRejected(e) => one(e.currency, self.back(record, e.amount)?),
            Event::WithdrawalCancelled(e) => one(e.currency, self.back(record, e.amount)?),
            Event::WithdrawalExpired(e) => one(e.currency, self.back(record, e.amount)?),
            Event::WithdrawalSent(e) => one(e.currency, -e.amount.units() - units(e.fee)),
            Event::WithdrawalFailed(e) => {
                self.back(record, e.amount)?;
                one(e.currency, e.amount.units())
            }
            Event::WithdrawalPaid(e) => {
                let rest = e.rest.as_ref().map_or(0, |rest| rest.amount.units() + units(rest.extra));
                one(e.currency, rest + e.late.as_ref().map_or(0, borne))
            }
            Event::WithdrawalReturned(e) if e.to == PayoutReturnedTo::Player => {
                one(e.currency, e.credited.units())
            }
            Event::LatePayoutSettled(e) => one(e.currency, borne(&e.late)),
            _ => Ok(Vec::new()),
        }
    }
}

fn directed(direction: Direction, amount: Amount) -> i128 {
    match direction {
        Direction::Credit => amount.units(),
        Direction::Debit => -amount.units(),
    }
}

fn is_host(code: AccountCode) -> bool {
    matches!(
        code,
        AccountCode::HostAsset
            | AccountCode::HostLiability
            | AccountCode::HostIncome
            | AccountCode::HostExpense
    )
}

/// What a commit's entries change of what the player has; and, as lines, what they move between him and accounts of
/// the host, whose events do not say how much.
fn moved(body: &CommitBody) -> (Lines, Lines) {
    let (mut has, mut host) = (Lines::new(), Lines::new());
    for record in &body.events {
        let Event::EntryPosted(posted) = &record.event else { continue };
        for posting in posted.entry.postings() {
            let credit = match posting.side {
                Side::Credit => posting.amount.units(),
                Side::Debit => -posting.amount.units(),
            };
            if posting.account.is_player() {
                *has.entry(posting.currency).or_default() += credit;
            } else if is_host(posting.account) {
                *host.entry(posting.currency).or_default() -= credit;
            }
        }
    }
    (has, host)
}

/// I14: what a player has (cash, held, pending and dormant money, less what he owes) changes by what the events say he
/// got and gave, commit by commit.
///
/// # Errors
///
/// The commit whose entries and events disagree.
pub fn i14_the_statement_adds_up(commits: &[CommitBody]) -> Result<(), String> {
    let mut known = Known::default();
    for body in commits {
        let (has, mut lines) = moved(body);
        for record in &body.events {
            let award = known.awards.get(&record.stream).copied();
            let bonus = super::bonuses::lines(record, award, known.currency_of(&record.stream));
            for (currency, units) in known.lines(record)?.into_iter().chain(bonus) {
                *lines.entry(currency).or_default() += units;
            }
            known.remember(record);
        }
        let differs = |left: &Lines, right: &Lines| {
            left.iter().any(|(currency, units)| right.get(currency).copied().unwrap_or_default() != *units)
        };
        if differs(&has, &lines) || differs(&lines, &has) {
            return Err(format!("I14: entries say {has:?}, events {lines:?} in {body:?}"));
        }
    }
    Ok(())
}
