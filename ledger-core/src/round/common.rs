//! What the decisions on rounds share.

use crate::account::AccountCode;
use crate::bonus::{Award, Moved, add_shares, pay_bonus, sum, win_shares};
use crate::entry::Posting;
use crate::ids::{RoundId, SourceId, SubAccount, TransactionId};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::player_ledger::{Facts, Fault, OPEN_ROUNDS_MAX, Outcome, PlayerState, RoundRef, Stop, Workspace};
use crate::policy::{RoundClosePolicy, ShortfallPolicy, SourcePolicy};
use crate::rejection::{Capacity, Rejection};
use crate::stored::{
    Bet, BetStatus, BonusShare, BonusTaken, CloseReason, Event, Note, OutcomeKind, ReopenReason, Round,
    RoundClosed, RoundReopened, RoundStatus, Split, TombstoneRecord, TransactionRef, TxnTombstoned, Win,
};
use crate::wallet::{Purse, credit_cash};

/// The round a command is about: live, or fetched from the log. A fetched round that is another one (that
/// of the command's target) is not it.
pub(super) fn known_round<'a>(
    state: &'a PlayerState,
    facts: &Facts<'a>,
    round: &RoundRef,
) -> Option<&'a Round> {
    state.round(round).or_else(|| facts.found.round(round))
}

pub(super) fn check_currency(round: &Round, currency: CurrencyCode) -> Result<(), Rejection> {
    match round.currency {
        Some(own) if own != currency => Err(Rejection::CurrencyMismatch { currency }),
        _ => Ok(()),
    }
}

pub(super) fn sub_account(round: &Round) -> SubAccount {
    SubAccount::round(&round.source, &round.id)
}

/// Bonus credits in or out of a round.
pub(super) fn moved<'a>(round: &'a Round, purse: &Purse) -> Moved<'a> {
    Moved { currency: purse.currency().code(), round: (&round.source, &round.id) }
}

/// Shares of awards that are booked, and of those that have ended.
pub(super) fn by_life(state: &PlayerState, shares: Vec<BonusShare>) -> (Vec<BonusShare>, Vec<BonusShare>) {
    shares.into_iter().partition(|share| state.award(&share.award).is_some_and(Award::is_booked))
}

/// The money staked on what a win answers, and the bonus credits: on the bet it names, or on all that were placed before
/// it; of what is still in play. Nothing else decides where a win goes (F9, F10).
pub(super) fn sources(
    round: &Round,
    bet: Option<&TransactionId>,
    before: Option<u64>,
    zero: Amount,
) -> Result<(Amount, Vec<BonusShare>), AmountError> {
    // Of most rounds all is money, and how much does not matter then.
    if round.bets.iter().all(|bet| bet.split.bonus.is_empty()) {
        return Ok((zero, Vec::new()));
    }
    let stands = |bet: &&Bet| {
        matches!(bet.status, BetStatus::Open | BetStatus::Settled)
            && before.is_none_or(|before| bet.version < before)
    };
    let named = bet.and_then(|id| round.bet(id)).filter(|bet| before.is_none_or(|v| bet.version < v));
    let mut money = zero;
    let mut shares = Vec::new();
    let answered =
        round.bets.iter().filter(stands).filter(|bet| named.is_none_or(|named| named.version == bet.version));
    for bet in answered {
        let split = bet.open_split();
        money = money.checked_add(split.money())?;
        add_shares(&mut shares, &split.bonus)?;
    }
    Ok((money, shares))
}

/// Where a win goes: by the sources of the stakes it answers, and what is of awards that have ended is forfeited.
pub(super) fn win_split(
    state: &PlayerState,
    win: Amount,
    (money, bonus): &(Amount, Vec<BonusShare>),
) -> Result<Split, AmountError> {
    if bonus.is_empty() {
        return Ok(Split::cash(win));
    }
    let shares = win_shares(win, *money, bonus)?;
    let cash = win.checked_sub(sum(Amount::zero(win.scale()), &shares)?)?;
    let (bonus, forfeited) = by_life(state, shares);
    Ok(Split { cash, owed: None, bonus, forfeited })
}

/// The postings of a win: money from who pays it, bonus credits from the payouts of its game.
pub(super) fn pay_win(
    round: &Round,
    payer: Option<&Bet>,
    split: &Split,
    purse: &Purse,
) -> Result<Vec<Posting>, Stop> {
    let mut postings = Vec::new();
    if split.cash.is_positive() {
        let (account, of) = account_of(round, payer)?;
        postings = credit_cash(purse, account, of, split.cash)?;
    }
    if let Some(payer) = payer.filter(|_| !split.bonus.is_empty() || !split.forfeited.is_empty()) {
        let currency = purse.currency().code();
        postings.extend(pay_bonus(currency, &payer.game, &split.bonus, &split.forfeited));
    }
    Ok(postings)
}

/// What a win, or a part of it, takes back of awards: what each still has of it, with what the same entry brings it, and
/// without what it takes already.
pub(super) fn taken_of(
    work: &Workspace<'_>,
    won: &[BonusShare],
    forfeited: &[BonusShare],
    (back, gone): (&[BonusShare], &[BonusShare]),
) -> Result<Vec<BonusTaken>, AmountError> {
    let mut all: Vec<BonusTaken> = Vec::new();
    for share in won {
        let zero = Amount::zero(share.amount.scale());
        let is_live = work.state().award(&share.award).is_some_and(Award::is_booked);
        let (balance, _) = work.state().wallet().bonus_of(&share.award, zero);
        let of = |shares: &[BonusShare]| {
            shares.iter().find(|known| known.award == share.award).map_or(zero, |known| known.amount)
        };
        let has = balance.checked_add(of(back))?.checked_sub(of(gone))?;
        let taken = if is_live { share.amount.min(has)? } else { zero };
        let (award, campaign) = (share.award.clone(), share.campaign.clone());
        all.push(BonusTaken { award, campaign, won: share.amount, taken, forfeited: None });
    }
    for share in forfeited {
        match all.iter_mut().find(|taken| taken.award == share.award && taken.forfeited.is_none()) {
            Some(taken) => taken.forfeited = Some(share.amount),
            None => all.push(BonusTaken {
                award: share.award.clone(),
                campaign: share.campaign.clone(),
                won: Amount::zero(share.amount.scale()),
                taken: Amount::zero(share.amount.scale()),
                forfeited: Some(share.amount),
            }),
        }
    }
    Ok(all)
}

/// Whether an award that is booked has spent some of what is taken back: then a source that leaves spent wins alone, or
/// is refused them, leaves all of it.
pub(super) fn check_spent(
    work: &Workspace<'_>,
    taken: &[BonusTaken],
    policy: ShortfallPolicy,
    purse: &Purse,
) -> Result<bool, Rejection> {
    let is_spent = taken.iter().any(|taken| {
        taken.taken < taken.won && work.state().award(&taken.award).is_some_and(Award::is_booked)
    });
    match policy {
        ShortfallPolicy::Reject if is_spent => Err(Rejection::InsufficientFunds {
            available: purse.available(),
            currency: purse.currency().code(),
        }),
        ShortfallPolicy::Retain => Ok(is_spent),
        _ => Ok(false),
    }
}

/// The round as a name of something that was done; ids of rounds and transactions have the same form.
pub(super) fn as_txn(round: &RoundId) -> Result<TransactionId, Fault> {
    TransactionId::new(round.as_str()).map_err(|error| Fault::corrupted(error.to_string()))
}

pub(super) fn reopen(work: &mut Workspace<'_>, round: &mut Round, reason: ReopenReason) -> Result<(), Fault> {
    let event = Event::RoundReopened(RoundReopened { reason, round: round.clone() });
    work.push_round(round, event)
}

pub(super) fn capacity(what: Capacity, maximum: usize) -> Stop {
    Rejection::CapacityExceeded { what, maximum: u32::try_from(maximum).unwrap_or(u32::MAX) }.into()
}

/// The account a win was paid from: the payouts of its game, or the campaign of a free bet (P15). A bet that it names may
/// have come after it, and is not what it was paid under.
pub(super) fn paid_from(round: &Round, win: &Win) -> Result<(AccountCode, SubAccount), Fault> {
    account_of(round, paid_by(round, win))
}

/// The bet whose game or campaign paid a win.
pub(super) fn paid_by<'a>(round: &'a Round, win: &Win) -> Option<&'a Bet> {
    let named = win.bet.as_ref().and_then(|bet| round.bet(bet)).filter(|bet| bet.version < win.version);
    named.or_else(|| round.bets.first())
}

pub(super) fn account_of(round: &Round, bet: Option<&Bet>) -> Result<(AccountCode, SubAccount), Fault> {
    let bet = bet.ok_or_else(|| Fault::corrupted(format!("round {} has no bet", round.id)))?;
    Ok(match &bet.free {
        Some(free) => (AccountCode::FreeSpinCost, free.campaign.clone()),
        None => (AccountCode::GamingPayouts, SubAccount::game(&bet.game)),
    })
}

/// The bet whose game or campaign pays a win.
pub(super) fn payer_bet<'a>(round: &'a Round, bet: Option<&TransactionId>) -> Option<&'a Bet> {
    bet.and_then(|bet| round.bet(bet)).or_else(|| round.bets.first())
}

/// Closes a round whose bets all came to their end by themselves, unless its source ends it by a call.
pub(super) fn close_if_settled(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    source: &SourcePolicy,
) -> Result<(), Fault> {
    if round.status == RoundStatus::Open
        && round.is_settled()
        && source.round_close != RoundClosePolicy::EndCall
    {
        // What a rule took may still be undone or won: its source has not said that the round is over.
        let by_rule = round.bets.iter().any(|bet| bet.by_rule && bet.status == BetStatus::Settled);
        let rule = round.by_rule.unwrap_or(CloseReason::ImmediateLoss);
        close(work, round, txn, if by_rule { rule } else { CloseReason::AllSettled })?;
    }
    Ok(())
}

pub(super) fn close(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    reason: CloseReason,
) -> Result<(), Fault> {
    work.push_round(round, Event::RoundClosed(RoundClosed { txn: txn.clone(), reason }))
}

/// Makes a round that a rule closed live for the moment in which something of it is undone or added.
pub(super) fn reopen_for(
    work: &mut Workspace<'_>,
    round: &mut Round,
    reason: ReopenReason,
) -> Result<Option<CloseReason>, Fault> {
    let rule = round.closed_by_rule();
    if rule.is_some() {
        reopen(work, round, reason)?;
    }
    Ok(rule)
}

/// Closes it again by the same rule, if it still has bets that stand and none that is open.
pub(super) fn close_again(
    work: &mut Workspace<'_>,
    round: &mut Round,
    txn: &TransactionId,
    rule: Option<CloseReason>,
) -> Result<(), Fault> {
    match rule {
        Some(rule) if round.status == RoundStatus::Open && round.open_bets().next().is_none() => {
            close(work, round, txn, rule)
        }
        _ => Ok(()),
    }
}

/// Whether a bet was undone or called off.
pub(super) fn is_undone(bet: &Bet) -> bool {
    matches!(bet.status, BetStatus::RolledBack | BetStatus::Voided)
}

pub(super) fn total(bets: &[Bet], purse: &Purse) -> Result<Amount, Stop> {
    Ok(bets.iter().try_fold(purse.currency().zero(), |sum, bet| sum.checked_add(bet.open_stake()))?)
}

pub(super) fn note(work: &mut Workspace<'_>, txn: TransactionRef, note: Note) -> Outcome {
    work.note(txn, note)?;
    Ok(None)
}

pub(super) fn round_currency(round: &Round) -> Result<CurrencyCode, Fault> {
    round.currency.ok_or_else(|| Fault::corrupted(format!("round {} has no currency", round.id)))
}

/// Remembers that something never seen was undone.
pub(super) fn tombstone(
    work: &mut Workspace<'_>,
    txn: TransactionRef,
    source: &SourceId,
    target: &TransactionId,
) -> Outcome {
    work.outcome(OutcomeKind::Tombstoned);
    work.tombstone(TombstoneRecord { source: source.clone(), id: target.clone() });
    work.push_player(Event::TxnTombstoned(TxnTombstoned { txn, target: target.clone() }))?;
    Ok(None)
}

/// A round that is over needs room among the open ones to be live again.
pub(super) fn check_room(state: &PlayerState, round: &Round) -> Result<(), Stop> {
    if round.status != RoundStatus::Open && state.open_rounds() >= OPEN_ROUNDS_MAX {
        return Err(capacity(Capacity::OpenRounds, OPEN_ROUNDS_MAX));
    }
    Ok(())
}
