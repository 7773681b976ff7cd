//! What must hold of bonus credits: I9 to I13, of both books.

use std::collections::BTreeMap;

use super::{Line, balances};
use crate::account::{AccountCode, Side};
use crate::ids::SubAccount;
use crate::money::{Amount, CurrencyCode};
use crate::partition::Stream;
use crate::stored::{
    AwardRef, Bet, BonusShare, BonusTaken, CommitBody, Event, EventRecord, ProgressChange, Recovery, Split,
};

/// The units of shares.
pub(super) fn sum(shares: &[BonusShare]) -> i128 {
    shares.iter().map(|share| share.amount.units()).sum()
}

/// What of a bet's open stake is bonus credits, from what its fold keeps.
pub(super) fn open_bonus(bet: &Bet) -> i128 {
    sum(&bet.split.bonus) - sum(&bet.returned_bonus) - sum(&bet.cashed_bonus)
}

fn recovered(recovery: Option<&Recovery>) -> i128 {
    recovery.map_or(0, |r| r.cash.units() + r.receivable.units() + r.written_off.units())
}

/// What wins that are taken back had brought awards, or forfeited.
fn brought(taken: &[BonusTaken]) -> i128 {
    taken.iter().map(|taken| taken.won.units() + taken.forfeited.map_or(0, Amount::units)).sum()
}

/// I10: the shares of a win add up to it, when it is paid and when it is taken back.
///
/// # Errors
///
/// The win.
pub fn i10_shares_add_up_to_the_win(commits: &[CommitBody]) -> Result<(), String> {
    let paid = |split: &Split| split.cash.units() + sum(&split.bonus) + sum(&split.forfeited);
    for record in commits.iter().flat_map(|body| &body.events) {
        let (shares, win) = match &record.event {
            Event::WinCredited(e) => (paid(&e.split), e.amount),
            Event::BetSettled(e) => (paid(&e.split), e.win),
            Event::BetCashedOut(e) => (paid(&e.split), e.amount),
            Event::WinRolledBack(e) => (recovered(Some(&e.recovery)) + brought(&e.taken), e.amount),
            Event::BetUnsettled(e) => (recovered(e.recovery.as_ref()) + brought(&e.taken), e.win),
            Event::SettlementVoided(e) => (recovered(e.recovery.as_ref()) + brought(&e.taken), e.win),
            Event::BetResettled(e) if e.amount < e.previous => {
                let less = e.previous.checked_sub(e.amount).map_err(|error| error.to_string())?;
                (recovered(e.recovery.as_ref()) + brought(&e.taken), less)
            }
            _ => continue,
        };
        if shares != win.units() {
            let name = record.event.type_name();
            return Err(format!("I10: {name} of {}: {shares} of {win}", record.stream));
        }
    }
    Ok(())
}

/// What is known of an award's wagering.
struct Wagered {
    target: i128,
    progress: i128,
    /// What stands of each bet.
    bets: BTreeMap<(String, String, String), i128>,
}

/// I11: progress stays between zero and its target, rises by what bets record and falls by no more than they did; it is
/// what adding up those steps gives.
///
/// # Errors
///
/// The award.
pub fn i11_progress_is_what_bets_recorded(commits: &[CommitBody]) -> Result<(), String> {
    let mut awards: BTreeMap<AwardRef, Wagered> = BTreeMap::new();
    let mut counted: BTreeMap<(AwardRef, String, String, String), i128> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        if let (Stream::Round(_, source, round), Event::BetPlaced(placed)) = (&record.stream, &record.event)
            && let Some(of) = &placed.counted
        {
            let bet = (of.award.clone(), source.to_string(), round.to_string(), placed.bet.to_string());
            counted.insert(bet, of.amount.units());
        }
        let Stream::Bonus(_, of) = &record.stream else { continue };
        match &record.event {
            Event::BonusIssued(issued) => {
                let target = issued.target.units();
                awards.insert(of.clone(), Wagered { target, progress: 0, bets: BTreeMap::new() });
            }
            Event::WagerProgressUpdated(step) => {
                let award = awards.get_mut(of).ok_or_else(|| format!("I11: {} is unknown", of.id))?;
                let bet = (step.source.to_string(), step.round.to_string(), step.bet.to_string());
                let units = step.amount.units();
                let recorded = counted.get(&(of.clone(), bet.0.clone(), bet.1.clone(), bet.2.clone()));
                let stands = award.bets.entry(bet).or_default();
                match step.change {
                    ProgressChange::Counted if recorded != Some(&units) => {
                        return Err(format!("I11: {} counts {units}, its bet {recorded:?}", of.id));
                    }
                    ProgressChange::Counted => (*stands, award.progress) = (units, award.progress + units),
                    ProgressChange::Reversed => {
                        (*stands, award.progress) = (*stands - units, award.progress - units);
                    }
                }
                let fits = *stands >= 0 && (0..=award.target).contains(&award.progress);
                if !fits || award.progress != step.progress.units() {
                    let found = (award.progress, *stands, award.target);
                    return Err(format!("I11: {} is at {}, not {found:?}", of.id, step.progress));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::BonusConverted(_) | Event::BonusLost(_) | Event::BonusExpired(_) | Event::BonusForfeited(_)
    )
}

/// I12: an award that has ended has nothing, gets nothing, and says nothing more.
///
/// # Errors
///
/// The award.
pub fn i12_awards_that_are_over_stay_over(commits: &[CommitBody]) -> Result<(), String> {
    let mut over: Vec<&AwardRef> = Vec::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        if let Event::EntryPosted(posted) = &record.event {
            let mut postings = posted.entry.postings().iter();
            let is_over =
                |of: &SubAccount| over.iter().any(|award| SubAccount::award(&award.source, &award.id) == *of);
            let touched = postings
                .find(|p| p.account == AccountCode::PlayerBonus && p.of.as_ref().is_some_and(is_over));
            if let Some(posting) = touched {
                return Err(format!("I12: {:?} has ended", posting.of));
            }
        }
        if let Stream::Bonus(_, of) = &record.stream {
            if over.contains(&of) {
                return Err(format!("I12: {} after the end of {}", record.event.type_name(), record.stream));
            }
            if ends(&record.event) {
                over.push(of);
            }
        }
    }
    Ok(())
}

/// I13: what the bonus book issued and won is what players hold of it, staked, lost, or converted; and nothing becomes
/// cash but by a conversion, of as much cash as credits, that an award's release or end names.
///
/// # Errors
///
/// The currency or entry.
pub fn i13_the_bonus_book_adds_up(commits: &[CommitBody], journal: &[Line]) -> Result<(), String> {
    use AccountCode::{
        BonusConverted, BonusCost, BonusExpired, BonusForfeited, BonusIssued, BonusPayouts, BonusStakes,
        PlayerBonus, PlayerBonusHeld,
    };
    let mut sums: BTreeMap<CurrencyCode, (i128, i128)> = BTreeMap::new();
    for (account, amount) in balances(journal).map_err(|error| error.to_string())? {
        let (house, player) = sums.entry(account.currency).or_default();
        match account.code {
            BonusIssued | BonusPayouts => *house += amount.units(),
            BonusStakes | BonusForfeited | BonusExpired | BonusConverted => *house -= amount.units(),
            PlayerBonus | PlayerBonusHeld => *player += amount.units(),
            _ => {}
        }
    }
    if let Some((currency, sums)) = sums.iter().find(|(_, (house, player))| house != player) {
        return Err(format!("I13: the bonus book of {currency} says {sums:?}"));
    }
    let mut bridged: BTreeMap<usize, (i128, i128)> = BTreeMap::new();
    for line in journal.iter().filter(|line| matches!(line.account.code, BonusCost | BonusConverted)) {
        let (cost, converted) = bridged.entry(line.entry).or_default();
        let units = line.amount.units();
        match (line.account.code, line.side) {
            (BonusCost, Side::Debit) => *cost += units,
            (BonusConverted, Side::Credit) => *converted += units,
            _ => return Err(format!("I13: entry {} converts backwards", line.entry)),
        }
    }
    let mut named: Vec<i128> = commits
        .iter()
        .flat_map(|body| &body.events)
        .filter_map(|record| match &record.event {
            Event::BonusConverted(e) if e.converted.is_positive() => Some(e.converted.units()),
            Event::BonusReleased(e) => Some(e.amount.units()),
            _ => None,
        })
        .collect();
    let mut found: Vec<i128> = bridged.values().map(|(cost, _)| *cost).collect();
    named.sort_unstable();
    found.sort_unstable();
    if bridged.values().any(|(cost, converted)| cost != converted) || named != found {
        return Err(format!("I13: {bridged:?} became cash, of awards {named:?}"));
    }
    Ok(())
}

/// I26: no bet above the most that an award lets one be has credits of the award in it or counts for it.
///
/// # Errors
///
/// The bet.
pub fn i26_no_bet_above_the_most_touches_its_bonus(commits: &[CommitBody]) -> Result<(), String> {
    let mut most: BTreeMap<&AwardRef, Amount> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        match (&record.stream, &record.event) {
            (Stream::Bonus(_, of), Event::BonusIssued(issued)) => {
                most.extend(issued.max_bet.map(|amount| (of, amount)));
            }
            (_, Event::BetPlaced(bet)) => {
                let staked = bet.split.bonus.iter().map(|share| &share.award);
                let mut touched = staked.chain(bet.counted.iter().map(|counted| &counted.award));
                if let Some(of) = touched.find(|of| most.get(of).is_some_and(|most| bet.stake > *most)) {
                    return Err(format!("I26: {} is above the most of {}", bet.bet, of.id));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What an event adds to a statement of both books, beside what it adds to one of cash. `award` is the currency and the
/// amount of the award whose stream it stands in, `round` the currency of its round.
pub(super) fn lines(
    record: &EventRecord,
    award: Option<(CurrencyCode, i128)>,
    round: Option<CurrencyCode>,
) -> Option<(CurrencyCode, i128)> {
    // What an award had no more was not taken, and what was forfeited it never had.
    let kept = |taken: &[BonusTaken]| -> i128 {
        brought(taken) - taken.iter().map(|taken| taken.taken.units()).sum::<i128>()
    };
    let minus = |amount: Option<Amount>| -amount.map_or(0, Amount::units);
    Some(match &record.event {
        Event::BetSettled(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::WinCredited(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::BetCashedOut(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::BetReturned(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::BetVoided(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::BetRolledBack(e) => (e.currency, -sum(&e.split.forfeited)),
        Event::RoundVoided(e) => (round?, -sum(&e.forfeited)),
        Event::BetResettled(e) => (e.currency, kept(&e.taken) - sum(&e.forfeited)),
        Event::BetUnsettled(e) => (e.currency, kept(&e.taken)),
        Event::SettlementVoided(e) => (e.currency, kept(&e.taken) - sum(&e.forfeited)),
        Event::WinRolledBack(e) => (e.currency, kept(&e.taken)),
        Event::BonusIssued(e) if !e.queued => (e.currency, e.amount.units()),
        Event::BonusActivated(_) => award?,
        Event::BonusConverted(e) => (award?.0, minus(e.forfeited)),
        Event::BonusLost(e) => (award?.0, minus(e.forfeited)),
        Event::BonusExpired(e) => (award?.0, -e.amount.units()),
        Event::BonusForfeited(e) => (award?.0, -e.amount.units()),
        _ => return None,
    })
}
