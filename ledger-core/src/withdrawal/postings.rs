//! The postings of withdrawals (docs/chart-of-accounts.md), one function per movement.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{SourceId, SubAccount};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::stored::{Bearer, Hold, PaymentRef, Recovery};
use crate::wallet::{Purse, pay, take_back, unless_zero};

fn only_positive(postings: impl IntoIterator<Item = Posting>) -> Vec<Posting> {
    postings.into_iter().filter_map(unless_zero).collect()
}

fn pending(of: &PaymentRef) -> SubAccount {
    SubAccount::withdrawal(&of.source, &of.id)
}

/// What the player pays for a withdrawal is kept under this name of `fees:income`.
fn fee_kind() -> Option<SubAccount> {
    SubAccount::new("withdrawal").ok()
}

/// What unplayed money costs him is kept under this name.
fn unplayed_kind() -> Option<SubAccount> {
    SubAccount::new("unplayed").ok()
}

/// A withdrawal is requested (P19), with what unplayed money in it costs (P27).
pub(super) fn request(purse: &Purse, of: &PaymentRef, hold: &Hold) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    Ok(only_positive([
        Posting::debit(AccountCode::PlayerCash, None, hold.taken()?, currency),
        Posting::credit(AccountCode::WithdrawalPending, Some(pending(of)), hold.amount, currency),
        Posting::credit(AccountCode::FeesIncome, unplayed_kind(), hold.extra(), currency),
    ]))
}

/// It is not sent: all of it is cash again (P25). It pays no debts: it goes back where it came from, as a refund does
/// (P07).
pub(super) fn give_back(purse: &Purse, of: &PaymentRef, hold: &Hold) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    Ok(only_positive([
        Posting::debit(AccountCode::WithdrawalPending, Some(pending(of)), hold.amount, currency),
        Posting::debit(AccountCode::FeesIncome, unplayed_kind(), hold.extra(), currency),
        Posting::credit(AccountCode::PlayerCash, None, hold.taken()?, currency),
    ]))
}

/// It is replaced by parts.
pub(super) fn split(
    of: &PaymentRef,
    amount: Amount,
    parts: &[(PaymentRef, Hold)],
    currency: CurrencyCode,
) -> Vec<Posting> {
    let whole = Posting::debit(AccountCode::WithdrawalPending, Some(pending(of)), amount, currency);
    let parts = parts.iter().map(|(of, hold)| {
        Posting::credit(AccountCode::WithdrawalPending, Some(pending(of)), hold.amount, currency)
    });
    [whole].into_iter().chain(parts).collect()
}

/// It is sent (P21), less the player's fee (P26).
pub(super) fn send(
    of: &PaymentRef,
    psp: &SourceId,
    hold: &Hold,
    currency: CurrencyCode,
) -> Result<Vec<Posting>, AmountError> {
    Ok(only_positive([
        Posting::debit(AccountCode::WithdrawalPending, Some(pending(of)), hold.amount, currency),
        Posting::credit(
            AccountCode::PayoutsInTransit,
            Some(SubAccount::source(psp)),
            hold.payout()?,
            currency,
        ),
        Posting::credit(AccountCode::FeesIncome, fee_kind(), hold.fee(), currency),
    ]))
}

/// It is paid (P22); of what was sent the rest is cash again.
pub(super) fn paid(
    psp: &SourceId,
    sent: Amount,
    paid: Amount,
    rest: Option<&Hold>,
    currency: CurrencyCode,
) -> Result<Vec<Posting>, AmountError> {
    let zero = Amount::zero(sent.scale());
    let (extra, cash) = match rest {
        Some(rest) => (rest.extra(), rest.taken()?),
        None => (zero, zero),
    };
    Ok(only_positive([
        Posting::debit(AccountCode::PayoutsInTransit, Some(SubAccount::source(psp)), sent, currency),
        Posting::debit(AccountCode::FeesIncome, unplayed_kind(), extra, currency),
        Posting::credit(AccountCode::PspClearing, Some(SubAccount::source(psp)), paid, currency),
        Posting::credit(AccountCode::PlayerCash, None, cash, currency),
    ]))
}

/// It is not paid: all of it, fees too, is cash again (P23). It pays no debts.
pub(super) fn failed(purse: &Purse, psp: &SourceId, hold: &Hold) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    Ok(only_positive([
        Posting::debit(
            AccountCode::PayoutsInTransit,
            Some(SubAccount::source(psp)),
            hold.payout()?,
            currency,
        ),
        Posting::debit(AccountCode::FeesIncome, fee_kind(), hold.fee(), currency),
        Posting::debit(AccountCode::FeesIncome, unplayed_kind(), hold.extra(), currency),
        Posting::credit(AccountCode::PlayerCash, None, hold.taken()?, currency),
    ]))
}

/// It was paid after its money had gone back to the player, who bears it: his fee is due as well.
pub(super) fn paid_late(
    purse: &Purse,
    psp: &SourceId,
    paid: Amount,
    fee: Amount,
    recovery: &Recovery,
) -> Vec<Posting> {
    let currency = purse.currency().code();
    only_positive(take_back(purse, recovery).into_iter().chain([
        Posting::credit(AccountCode::PspClearing, Some(SubAccount::source(psp)), paid, currency),
        Posting::credit(AccountCode::FeesIncome, fee_kind(), fee, currency),
    ]))
}

/// The same, and nobody bears it yet.
pub(super) fn paid_late_in_suspense(psp: &SourceId, paid: Amount, currency: CurrencyCode) -> Vec<Posting> {
    vec![
        Posting::debit(AccountCode::Suspense, Some(SubAccount::source(psp)), paid, currency),
        Posting::credit(AccountCode::PspClearing, Some(SubAccount::source(psp)), paid, currency),
    ]
}

/// The player bears it.
pub(super) fn settle_on_player(
    purse: &Purse,
    psp: &SourceId,
    paid: Amount,
    recovery: &Recovery,
) -> Vec<Posting> {
    let currency = purse.currency().code();
    let suspense = Posting::credit(AccountCode::Suspense, Some(SubAccount::source(psp)), paid, currency);
    only_positive(take_back(purse, recovery).into_iter().chain([suspense]))
}

/// The house bears it.
pub(super) fn settle_on_house(psp: &SourceId, paid: Amount, currency: CurrencyCode) -> Vec<Posting> {
    vec![
        Posting::debit(AccountCode::BadDebt, None, paid, currency),
        Posting::credit(AccountCode::Suspense, Some(SubAccount::source(psp)), paid, currency),
    ]
}

/// What comes back of a payout: what was paid less what a bank kept, which the house or the player bears.
pub(super) struct Back {
    pub(super) paid: Amount,
    pub(super) bank_fee: Amount,
    pub(super) bearer: Bearer,
}

impl Back {
    /// What of it is there for the player, or for suspense.
    pub(super) fn left(&self) -> Result<Amount, AmountError> {
        match self.bearer {
            Bearer::Player => self.paid.checked_sub(self.bank_fee),
            Bearer::House => Ok(self.paid),
        }
    }

    fn arrives(&self, psp: &SourceId, currency: CurrencyCode) -> Result<[Posting; 2], AmountError> {
        let psp = SubAccount::source(psp);
        let cost = match self.bearer {
            Bearer::Player => Amount::zero(self.bank_fee.scale()),
            Bearer::House => self.bank_fee,
        };
        let arrived = self.paid.checked_sub(self.bank_fee)?;
        Ok([
            Posting::debit(AccountCode::PspClearing, Some(psp.clone()), arrived, currency),
            Posting::debit(AccountCode::PspFees, Some(psp), cost, currency),
        ])
    }
}

/// It comes back to the player (P24), with `fee` of his fee and `extra` of what unplayed money cost. It is new money: it
/// pays what he owes first (P29).
pub(super) fn returned(
    purse: &Purse,
    psp: &SourceId,
    back: &Back,
    (fee, extra): (Amount, Amount),
) -> Result<Vec<Posting>, AmountError> {
    let currency = purse.currency().code();
    let all = back.left()?.checked_add(fee)?.checked_add(extra)?;
    let house = [
        Posting::debit(AccountCode::FeesIncome, fee_kind(), fee, currency),
        Posting::debit(AccountCode::FeesIncome, unplayed_kind(), extra, currency),
    ];
    Ok(only_positive(back.arrives(psp, currency)?.into_iter().chain(house).chain(pay(purse, all)?)))
}

/// It comes back to suspense (P24).
pub(super) fn returned_to_suspense(
    psp: &SourceId,
    back: &Back,
    currency: CurrencyCode,
) -> Result<Vec<Posting>, AmountError> {
    let suspense =
        Posting::credit(AccountCode::Suspense, Some(SubAccount::source(psp)), back.left()?, currency);
    Ok(only_positive(back.arrives(psp, currency)?.into_iter().chain([suspense])))
}

/// A late payout that the house had written off comes back.
pub(super) fn returned_to_house(
    psp: &SourceId,
    back: &Back,
    currency: CurrencyCode,
) -> Result<Vec<Posting>, AmountError> {
    let bad_debt = Posting::credit(AccountCode::BadDebt, None, back.left()?, currency);
    Ok(only_positive(back.arrives(psp, currency)?.into_iter().chain([bad_debt])))
}
