//! Placing a bet: its stake is held, or taken at once if its source never reports a loss.

use std::time::Duration;

use super::common::{capacity, check_currency, close, known_round, moved, reopen, sub_account};
use super::stakes::Jackpots;
use super::state::{BETS_MAX, empty};
use super::{Funds, PlaceBet};
use crate::account::AccountCode;
use crate::bonus::{self, Asking, Stakeable, hold_bonus};
use crate::controls::{self, Begins, Gate, Staked};
use crate::entry::Posting;
use crate::ids::{GameId, SubAccount};
use crate::key::OperationKind;
use crate::money::{Amount, AmountError};
use crate::player_ledger::{Facts, OPEN_ROUNDS_MAX, Outcome, PlayerState, RoundRef, Stop, Workspace};
use crate::policy::{
    FundOrder, JurisdictionProfile, RegisterUse, RoundClosePolicy, SourcePolicy, SourceSwitch,
};
use crate::rejection::{BonusRule, Capacity, NotAllowedReason, Rejection};
use crate::session;
use crate::stored::{
    Bet, BetPlaced, BetSettled, BetStatus, BonusShare, CloseReason, Contribution, Event, FreeBet,
    JackpotKind, ReopenReason, Round, RoundStatus, SettledBy, Split, TransactionRef,
};
use crate::time::Timestamp;
use crate::wallet::{LotMoves, Purse, hold, incoming, purse, take_at_once};

/// The most games, and campaigns of free bets, of one round: each is an account of the entry that settles it.
pub const GAMES_MAX: usize = 100;
/// The most jackpots that the bets of one round contribute to.
pub const JACKPOTS_MAX: usize = 16;
/// The most jackpots that one bet contributes to.
pub const JACKPOTS_OF_BET_MAX: usize = 8;

/// What is at stake, in the currency's units.
struct Wager {
    stake: Amount,
    free: Option<FreeBet>,
    contributions: Vec<Contribution>,
}

impl Wager {
    /// Reads the amounts of a bet: its stake, what a free one is worth, and what goes to jackpots.
    fn read(command: &PlaceBet, purse: &Purse) -> Result<Self, Stop> {
        let invalid =
            |amount: &rust_decimal::Decimal| Rejection::InvalidAmount { amount: amount.to_string() };
        let stake = incoming(command.amount, purse.currency())?;
        let free = match &command.free {
            Some(_) if !stake.is_zero() => return Err(invalid(&command.amount).into()),
            Some(free) => {
                let nominal = incoming(free.nominal, purse.currency())?;
                Some(FreeBet { campaign: free.campaign.clone(), nominal })
            }
            None => None,
        };
        let scale = AccountCode::JackpotContribution.scale(purse.currency());
        let mut contributions = Vec::with_capacity(command.contributions.len());
        let mut sum = Amount::zero(scale);
        for share in &command.contributions {
            let amount = Amount::from_decimal(share.amount, scale).map_err(|error| match error {
                AmountError::TooFine { .. } => {
                    Rejection::Precision { amount: share.amount.to_string(), scale }
                }
                _ => invalid(&share.amount),
            })?;
            if !amount.is_positive() {
                return Err(invalid(&share.amount).into());
            }
            sum = sum.checked_add(amount)?;
            let (jackpot, kind) = (share.jackpot.clone(), share.kind);
            contributions.push(Contribution { jackpot, kind, amount });
            if sum > stake.rescale_up(scale)? {
                return Err(invalid(&share.amount).into());
            }
        }
        Ok(Self { stake, free, contributions })
    }
}

pub(super) fn place_bet(command: &PlaceBet, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let source = facts.policy.of(&command.source);
    let reference = RoundRef { source: command.source.clone(), round: command.round.clone() };
    let known = known_round(state, facts, &reference);
    check_round(command, known, source)?;
    let is_new = state.round(&reference).is_none();
    if is_new && !command.flags.may_be_one_of_many(source) && is_another_open(command, state) {
        return Err(Rejection::NotAllowed { reason: NotAllowedReason::AnotherRoundOpen }.into());
    }
    let purse = purse(state, command.currency)?;
    if let Some(round) = known {
        check_currency(round, command.currency)?;
    }
    let jurisdiction = &state.profile().ok_or(Rejection::PlayerUnknown)?.jurisdiction;
    let profile = facts.policy.profile(jurisdiction);
    let asked = session::Asked {
        session: command.session.as_ref(),
        currency: command.currency,
        validate: command.flags.validate_session,
    };
    session::check(asked, &source.sessions, profile, state, work.now())?;
    let wager = Wager::read(command, purse)?;
    let gate = Gate::read(&command.registers, state, work.now())?;
    state.may_begin(&gate, RegisterUse::Bet, &profile.controls, work.now())?;
    controls::check_source(source, &command.source, Begins::Play)?;
    controls::check_game(facts.policy, &command.game, jurisdiction)?;
    session::check_time(command.session.as_ref(), profile, work)?;
    if is_new {
        check_interval(profile, state, work.now())?;
    }
    check_stake(profile, wager.stake, command)?;
    let staked = Staked {
        game: &command.game,
        game_type: command.game_type.as_ref(),
        currency: command.currency,
        stake: wager.stake,
        round: known,
    };
    controls::check_stake(facts.policy, state, (jurisdiction, &profile.controls.stakes), staked)?;
    let at_once = source.round_close == RoundClosePolicy::ImmediateLoss;
    let asking = Asking {
        game: (&command.game, command.game_type.as_ref()),
        round: (&command.source, &command.round),
        stake: wager.stake,
        buys_feature: command.buys_feature,
        reports_losses: !at_once,
    };
    let is_off = source.switches.contains(&SourceSwitch::BonusesOff);
    let award = bonus::stakeable(state, command.currency, work.now(), asking).filter(|_| !is_off);
    let split = funds(command, purse, wager.stake, award, command.flags.may_owe(source));
    // Limits are told before funds: of a stake that cannot be paid they look at all of it.
    let money = split.as_ref().map_or(wager.stake, Split::money);
    let near = controls::check(controls::Asked::Bet(money, wager.stake), command.currency, facts, work)?;
    if is_off && command.funds == Funds::Bonus {
        return Err(Rejection::BonusRule { rule: BonusRule::NotStakeable }.into());
    }
    check_bonus(command, award, wager.stake, purse)?;
    check_max_bet(command, award, wager.stake, split.as_ref().ok())?;
    check_room(command, known, &wager)?;
    if is_new && !at_once && state.open_rounds() >= OPEN_ROUNDS_MAX {
        return Err(capacity(Capacity::OpenRounds, OPEN_ROUNDS_MAX));
    }
    purse.held().checked_add(wager.stake)?;
    let split = split?;
    let counted = award.map_or(Ok(None), |award| bonus::count(award, wager.stake, &split))?;

    gate.record(|| as_txn(command), work)?;
    let mut round = known.cloned().unwrap_or_else(|| empty(&command.source, &command.round));
    match round.status {
        RoundStatus::Void => reopen(work, &mut round, ReopenReason::Bet)?,
        RoundStatus::Closed if round.by_rule.is_some() => reopen(work, &mut round, ReopenReason::Bet)?,
        RoundStatus::Closed => reopen(work, &mut round, ReopenReason::AfterEnd)?,
        RoundStatus::Open | RoundStatus::Cancelled => {}
    }
    let (stake, currency, bet) = (wager.stake, command.currency, command.id.clone());
    let unplayed = state.wallet().draw(currency, split.cash)?;
    let postings = postings(command, &round, &wager, &split, purse, at_once)?;
    let entry = work.post_with(postings, &LotMoves::drawn(&unplayed))?;
    let event = Event::BetPlaced(BetPlaced {
        bet: bet.clone(),
        game: command.game.clone(),
        currency,
        stake,
        split,
        unplayed,
        entry,
        session: command.session.clone(),
        free: wager.free,
        contributions: wager.contributions,
        made_up: false,
        counted: counted.clone(),
    });
    work.push_round(&mut round, event)?;
    if let (Some(counted), Some(placed)) = (counted, round.bets.last()) {
        work.push_counted(&round, placed, &counted)?;
    }
    if at_once {
        let zero = purse.currency().zero();
        let event = Event::BetSettled(BetSettled {
            txn: bet.clone(),
            bets: vec![bet.clone()],
            bet: None,
            currency,
            stake,
            win: zero,
            split: Split::cash(zero),
            by: SettledBy::Rule,
            entry,
            reported: None,
        });
        work.push_round(&mut round, event)?;
        // Bets of before the source was such, or that are running again, still have a result to come.
        if round.open_bets().next().is_none() {
            close(work, &mut round, &bet, CloseReason::ImmediateLoss)?;
        }
    }
    near.record(|| as_txn(command), work)?;
    let percent = profile.controls.warn_at_percent;
    controls::record_near_play_time(command.session.as_ref(), percent, || as_txn(command), work)?;
    Ok(Some(command.currency))
}

fn as_txn(command: &PlaceBet) -> TransactionRef {
    TransactionRef { source: command.source.clone(), kind: OperationKind::Bet, id: command.id.clone() }
}

/// The round takes bets, and has none of this id.
fn check_round(command: &PlaceBet, known: Option<&Round>, source: &SourcePolicy) -> Result<(), Rejection> {
    let Some(round) = known else { return Ok(()) };
    // No key was found, but keys are found by their kind: had the source another scope of keys before, the
    // round still has the bet.
    if round.bet(&command.id).is_some() {
        return Err(Rejection::KeyReused);
    }
    match round.status {
        RoundStatus::Cancelled => Err(Rejection::TxnCancelled),
        RoundStatus::Closed if round.by_rule.is_none() && !command.flags.may_come_late(source) => {
            Err(Rejection::RoundClosed { round: command.round.clone() })
        }
        RoundStatus::Open | RoundStatus::Void | RoundStatus::Closed => Ok(()),
    }
}

/// Whether a round of this source with a bet on this game is open.
fn is_another_open(command: &PlaceBet, state: &PlayerState) -> bool {
    let mut own = state.rounds().filter(|round| round.source == command.source);
    own.any(|round| round.bets.iter().any(|bet| bet.game == command.game))
}

/// A new round may begin.
fn check_interval(
    profile: &JurisdictionProfile,
    state: &PlayerState,
    now: Timestamp,
) -> Result<(), Rejection> {
    let interval = Duration::from_millis(profile.round_interval_ms.into());
    let allowed_at = state.last_round_at().map(|last| last.saturating_add(interval));
    match allowed_at.filter(|allowed_at| now < *allowed_at) {
        Some(allowed_at) => Err(Rejection::RoundTooSoon { allowed_at }),
        None => Ok(()),
    }
}

/// The stake is one of those that there are.
fn check_stake(profile: &JurisdictionProfile, stake: Amount, command: &PlaceBet) -> Result<(), Rejection> {
    let Some(stakes) = profile.stakes.get(&command.currency) else { return Ok(()) };
    if stake.is_zero() || stakes.iter().any(|allowed| allowed.to_decimal() == stake.to_decimal()) {
        return Ok(());
    }
    Err(Rejection::StakeNotAllowed { stake, currency: command.currency })
}

/// Who pays the wins of a bet: its game, or its campaign.
#[derive(PartialEq)]
enum Payer<'a> {
    Game(&'a GameId),
    Campaign(&'a SubAccount),
}

/// The round has room for a bet, its game and its jackpots: what settles them all fits one entry.
fn check_room(command: &PlaceBet, known: Option<&Round>, wager: &Wager) -> Result<(), Stop> {
    if command.contributions.len() > JACKPOTS_OF_BET_MAX {
        return Err(capacity(Capacity::JackpotsOfBet, JACKPOTS_OF_BET_MAX));
    }
    let Some(round) = known else { return Ok(()) };
    if round.bets.len() >= BETS_MAX {
        return Err(capacity(Capacity::BetsInRound, BETS_MAX));
    }
    let mut payers: Vec<Payer<'_>> = Vec::new();
    let mut jackpots: Vec<(&SubAccount, JackpotKind)> = Vec::new();
    let own = Bet::payer(&command.game, wager.free.as_ref());
    for payer in round.bets.iter().map(|bet| Bet::payer(&bet.game, bet.free.as_ref())).chain([own]) {
        if !payers.contains(&payer) {
            payers.push(payer);
        }
    }
    let own = wager.contributions.iter();
    for share in round.bets.iter().flat_map(|bet| &bet.contributions).chain(own) {
        if !jackpots.contains(&(&share.jackpot, share.kind)) {
            jackpots.push((&share.jackpot, share.kind));
        }
    }
    if payers.len() > GAMES_MAX {
        return Err(capacity(Capacity::GamesInRound, GAMES_MAX));
    }
    if jackpots.len() > JACKPOTS_MAX {
        return Err(capacity(Capacity::JackpotsInRound, JACKPOTS_MAX));
    }
    Ok(())
}

impl Bet {
    fn payer<'a>(game: &'a GameId, free: Option<&'a FreeBet>) -> Payer<'a> {
        free.map_or(Payer::Game(game), |free| Payer::Campaign(&free.campaign))
    }
}

/// The rules of bonuses on the funds of a stake: named bonus credits must be there to be staked on this game, and where
/// only they would do, they may be.
fn check_bonus(
    command: &PlaceBet,
    award: Option<Stakeable<'_>>,
    stake: Amount,
    purse: &Purse,
) -> Result<(), Stop> {
    let refuse = |rule| Err(Rejection::BonusRule { rule }.into());
    let Some(award) = award else {
        return if command.funds == Funds::Bonus { refuse(BonusRule::NoBonus) } else { Ok(()) };
    };
    match (command.funds, award.barred) {
        (Funds::Bonus, Some(rule)) => refuse(rule),
        (Funds::ByPolicy, Some(rule)) if stake > purse.available() => {
            let all = purse.free().checked_add(award.balance)?;
            if stake.is_positive() && award.balance.is_positive() && stake <= all {
                refuse(rule)
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

/// A stake above the most has no credits in it and counts for nothing, whatever else would pay it (F17, B29). One that
/// cannot be paid is looked at as it was asked for.
fn check_max_bet(
    command: &PlaceBet,
    award: Option<Stakeable<'_>>,
    stake: Amount,
    split: Option<&Split>,
) -> Result<(), Stop> {
    let Some(award) = award.filter(|award| award.is_too_high) else { return Ok(()) };
    let asks_credits = match split {
        Some(split) => !split.bonus.is_empty(),
        None => award.may() && command.funds != Funds::Cash,
    };
    let cash = Split::cash(stake);
    if asks_credits || bonus::count(award, stake, split.unwrap_or(&cash))?.is_some() {
        return Err(Rejection::BonusRule { rule: BonusRule::MaxBet }.into());
    }
    Ok(())
}

/// From which funds a stake comes: from what is available and bonus credits, in the order of the award's terms, or from
/// cash and, if its source may, from what the player will owe.
fn funds(
    command: &PlaceBet,
    purse: &Purse,
    stake: Amount,
    award: Option<Stakeable<'_>>,
    may_owe: bool,
) -> Result<Split, Stop> {
    let award = award.filter(|award| award.may() && command.funds != Funds::Cash);
    if let Some(award) = award.filter(|_| stake.is_positive()) {
        let cash = if command.funds == Funds::Bonus { purse.currency().zero() } else { purse.free() };
        let bonus = match award.award.terms.funds {
            FundOrder::BonusFirst => stake.min(award.balance)?,
            FundOrder::CashFirst => stake.checked_sub(stake.min(cash)?)?,
        };
        let rest = stake.checked_sub(bonus)?;
        if bonus <= award.balance && rest <= cash {
            let share = BonusShare {
                award: award.award.of.clone(),
                campaign: award.award.campaign.clone(),
                amount: bonus,
            };
            let bonus = Some(share).filter(|share| share.amount.is_positive()).into_iter().collect();
            return Ok(Split { bonus, ..Split::cash(rest) });
        }
        if command.funds == Funds::Bonus || !may_owe {
            let available = cash.checked_add(award.balance)?;
            return Err(Rejection::InsufficientFunds { available, currency: command.currency }.into());
        }
    }
    if stake.is_zero() || stake <= purse.available() {
        return Ok(Split::cash(stake));
    }
    if !may_owe {
        let (available, currency) = (purse.available(), purse.currency().code());
        return Err(Rejection::InsufficientFunds { available, currency }.into());
    }
    let cash = stake.min(purse.cash())?;
    let owed = Some(stake.checked_sub(cash)?).filter(|owed| owed.is_positive());
    Ok(Split { owed, ..Split::cash(cash) })
}

fn postings(
    command: &PlaceBet,
    round: &Round,
    wager: &Wager,
    split: &Split,
    purse: &Purse,
    at_once: bool,
) -> Result<Vec<Posting>, Stop> {
    if !at_once {
        let mut postings = hold(purse, sub_account(round), split.money(), split);
        if !split.bonus.is_empty() {
            postings.extend(hold_bonus(moved(round, purse), &split.bonus)?);
        }
        return Ok(postings);
    }
    // Where a loss is never reported, bonus credits are not staked.
    let mut postings = take_at_once(purse, SubAccount::game(&command.game), wager.stake, split);
    let bet = Bet {
        id: command.id.clone(),
        game: command.game.clone(),
        stake: wager.stake,
        split: split.clone(),
        unplayed: Vec::new(),
        cashed_out: None,
        returned: None,
        cashed_bonus: Vec::new(),
        returned_bonus: Vec::new(),
        counted: None,
        uncounted: None,
        free: None,
        contributions: wager.contributions.clone(),
        made_up: false,
        by_rule: true,
        entry: None,
        status: BetStatus::Settled,
        version: 0,
    };
    let mut jackpots = Jackpots::default();
    jackpots.add(&bet, purse.currency().zero(), wager.stake)?;
    postings.extend(jackpots.contribute(round, purse));
    Ok(postings)
}
