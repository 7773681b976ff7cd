//! The wallet's state and its fold.

use serde::{Deserialize, Serialize};

use crate::account::AccountCode;
use crate::entry::{Entry, Posting};
use crate::ids::{SourceId, TransactionId};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::player_ledger::Fault;
use crate::stored::{AwardRef, BonusAfter, EntryPosted, PurseBalance};
use crate::text::unescape;
use crate::wallet::Lot;

/// The money of a player in one currency. No account of it is ever below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purse {
    currency: Currency,
    cash: Amount,
    held: Amount,
    pending: Amount,
    receivable: Amount,
    dormant: Amount,
}

impl Purse {
    /// An empty purse.
    pub fn new(currency: Currency) -> Self {
        let zero = currency.zero();
        Self { currency, cash: zero, held: zero, pending: zero, receivable: zero, dormant: zero }
    }

    /// The currency, as recorded when the player was opened.
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// `player:cash`.
    pub fn cash(&self) -> Amount {
        self.cash
    }

    /// `player:held`, over all rounds.
    pub fn held(&self) -> Amount {
        self.held
    }

    /// `player:withdrawal_pending`, over all withdrawals.
    pub fn pending(&self) -> Amount {
        self.pending
    }

    /// `receivable:player`: what the player owes.
    pub fn receivable(&self) -> Amount {
        self.receivable
    }

    /// `player:dormant`: what a dormant player had.
    pub fn dormant(&self) -> Amount {
        self.dormant
    }

    /// What the player can bet: cash less receivable. Below zero when he owes more than he has.
    pub fn available(&self) -> Amount {
        self.balance().available()
    }

    /// What the player can bet of it: never below zero.
    pub(crate) fn free(&self) -> Amount {
        let available = self.available();
        if available.is_negative() { self.currency.zero() } else { available }
    }

    /// The balances, as receipts and events show them.
    pub fn balance(&self) -> PurseBalance {
        let unless_zero = |amount: Amount| if amount.is_zero() { None } else { Some(amount) };
        PurseBalance {
            currency: self.currency.code(),
            cash: self.cash,
            held: self.held,
            pending: unless_zero(self.pending),
            receivable: unless_zero(self.receivable),
            dormant: unless_zero(self.dormant),
        }
    }

    /// Applies one posting; house accounts are not the purse's.
    fn apply(&mut self, posting: &Posting) -> Result<(), AmountError> {
        let account = match posting.account {
            AccountCode::PlayerCash => &mut self.cash,
            AccountCode::PlayerHeld => &mut self.held,
            AccountCode::WithdrawalPending => &mut self.pending,
            AccountCode::PlayerReceivable => &mut self.receivable,
            AccountCode::PlayerDormant => &mut self.dormant,
            _ => return Ok(()),
        };
        *account = if posting.side == posting.account.class().normal_side() {
            account.checked_add(posting.amount)?
        } else {
            account.checked_sub(posting.amount)?
        };
        Ok(())
    }

    fn is_sound(&self) -> bool {
        [self.cash, self.held, self.pending, self.receivable, self.dormant]
            .iter()
            .all(|amount| !amount.is_negative())
    }
}

/// The bonus credits of one award. No account of it is ever below zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BonusPurse {
    award: AwardRef,
    currency: CurrencyCode,
    balance: Amount,
    held: Amount,
}

impl BonusPurse {
    /// The award.
    pub fn award(&self) -> &AwardRef {
        &self.award
    }

    /// The currency.
    pub fn currency(&self) -> CurrencyCode {
        self.currency
    }

    /// `player:bonus` of the award.
    pub fn balance(&self) -> Amount {
        self.balance
    }

    /// `player:bonus_held` of the award, over all rounds.
    pub fn held(&self) -> Amount {
        self.held
    }

    fn told(&self) -> BonusAfter {
        let (award, currency) = (self.award.clone(), self.currency);
        BonusAfter { award, currency, balance: self.balance, held: self.held }
    }

    fn apply(&mut self, posting: &Posting) -> Result<(), AmountError> {
        let account = match posting.account {
            AccountCode::PlayerBonusHeld => &mut self.held,
            _ => &mut self.balance,
        };
        *account = if posting.side == posting.account.class().normal_side() {
            account.checked_add(posting.amount)?
        } else {
            account.checked_sub(posting.amount)?
        };
        Ok(())
    }
}

/// The award of a posting on bonus credits of the player: the last two parts of what its account is kept per.
fn award_of(posting: &Posting) -> Option<AwardRef> {
    let of = posting.of.as_ref()?;
    let mut parts = of.as_str().rsplit('/');
    let mut part = || parts.next().and_then(unescape);
    let (id, source) = (part()?, part()?);
    Some(AwardRef { source: SourceId::new(source).ok()?, id: TransactionId::new(id).ok()? })
}

/// The money of a player.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    version: u64,
    purses: Vec<Purse>,
    /// In the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lots: Vec<Lot>,
    /// Awards that have credits, in play or not, in the order they first had some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bonus: Vec<BonusPurse>,
}

impl Wallet {
    /// The number of entries so far; the next entry's id is one more.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The purse of a currency.
    pub fn purse(&self, currency: CurrencyCode) -> Option<&Purse> {
        self.purses.iter().find(|purse| purse.currency.code() == currency)
    }

    /// All purses, in the order they were opened.
    pub fn purses(&self) -> &[Purse] {
        &self.purses
    }

    pub(crate) fn open(&mut self, currencies: &[Currency]) {
        self.purses = currencies.iter().copied().map(Purse::new).collect();
    }

    /// One purse more.
    pub(crate) fn add(&mut self, currency: Currency) -> Result<(), Fault> {
        if self.purse(currency.code()).is_some() {
            return Err(Fault::corrupted(format!("a purse in {} was opened twice", currency.code())));
        }
        self.purses.push(Purse::new(currency));
        Ok(())
    }

    /// The purses an entry touches, as they are after it.
    ///
    /// Postings on player accounts of a currency the player has no purse of, or at another scale, and
    /// accounts below zero, are faults: decisions never build them, stored ones are damaged.
    pub(crate) fn after(&self, entry: &Entry) -> Result<Vec<Purse>, PostError> {
        let mut touched: Vec<Purse> = Vec::with_capacity(1);
        for posting in entry.postings().iter().filter(|p| p.account.is_player()) {
            let purse = match touched.iter_mut().find(|p| p.currency.code() == posting.currency) {
                Some(purse) => purse,
                None => {
                    touched.push(*self.purse(posting.currency).ok_or(PostError::NoPurse(posting.currency))?);
                    touched.last_mut().ok_or(PostError::NoPurse(posting.currency))?
                }
            };
            purse.apply(posting)?;
        }
        match touched.iter().find(|purse| !purse.is_sound()) {
            Some(purse) => Err(PostError::Negative(purse.currency.code())),
            None => Ok(touched),
        }
    }

    /// The bonus credits of awards that have some, in play or not.
    pub fn bonus(&self) -> &[BonusPurse] {
        &self.bonus
    }

    /// `player:bonus` of an award, and `player:bonus_held` of it.
    pub(crate) fn bonus_of(&self, award: &AwardRef, zero: Amount) -> (Amount, Amount) {
        let purse = self.bonus.iter().find(|purse| purse.award == *award);
        purse.map_or((zero, zero), |purse| (purse.balance, purse.held))
    }

    /// The bonus credits an entry moves, as they are after it.
    pub(crate) fn bonus_after(&self, entry: &Entry) -> Result<Vec<BonusPurse>, PostError> {
        let mut touched: Vec<BonusPurse> = Vec::new();
        let moves =
            |p: &&Posting| matches!(p.account, AccountCode::PlayerBonus | AccountCode::PlayerBonusHeld);
        for posting in entry.postings().iter().filter(moves) {
            let award = award_of(posting).ok_or(PostError::NoAward)?;
            let purse = match touched.iter_mut().find(|known| known.award == award) {
                Some(purse) => purse,
                None => {
                    let zero = Amount::zero(posting.amount.scale());
                    let empty = BonusPurse {
                        award: award.clone(),
                        currency: posting.currency,
                        balance: zero,
                        held: zero,
                    };
                    let known = self.bonus.iter().find(|known| known.award == award).cloned();
                    touched.push(known.unwrap_or(empty));
                    touched.last_mut().ok_or(PostError::NoAward)?
                }
            };
            if purse.currency != posting.currency {
                return Err(PostError::NoPurse(posting.currency));
            }
            purse.apply(posting)?;
        }
        match touched.iter().find(|purse| purse.balance.is_negative() || purse.held.is_negative()) {
            Some(purse) => Err(PostError::Negative(purse.currency)),
            None => Ok(touched),
        }
    }

    /// The same, as an event tells it.
    pub(crate) fn bonus_told(&self, entry: &Entry) -> Result<Vec<BonusAfter>, PostError> {
        Ok(self.bonus_after(entry)?.iter().map(BonusPurse::told).collect())
    }

    pub(crate) fn evolve(&mut self, version: u64, posted: &EntryPosted) -> Result<(), Fault> {
        if Some(version) != self.version.checked_add(1) {
            return Err(Fault::corrupted(format!("entry {version} follows entry {}", self.version)));
        }
        let touched =
            self.after(&posted.entry).map_err(|e| Fault::corrupted(format!("entry {version}: {e}")))?;
        let agrees = touched.len() == posted.after.len()
            && touched.iter().zip(&posted.after).all(|(purse, after)| purse.balance() == *after);
        if !agrees {
            return Err(Fault::corrupted(format!("entry {version} does not lead to the balances it states")));
        }
        let bonus =
            self.bonus_after(&posted.entry).map_err(|e| Fault::corrupted(format!("entry {version}: {e}")))?;
        let agrees = bonus.len() == posted.bonus.len()
            && bonus.iter().zip(&posted.bonus).all(|(purse, after)| purse.told() == *after);
        if !agrees {
            return Err(Fault::corrupted(format!("entry {version} does not lead to the bonus it states")));
        }
        for purse in bonus {
            match self.bonus.iter_mut().find(|known| known.award == purse.award) {
                Some(old) => *old = purse,
                None => self.bonus.push(purse),
            }
        }
        if !posted.bonus.is_empty() {
            self.bonus.retain(|purse| purse.balance.is_positive() || purse.held.is_positive());
        }
        for purse in touched {
            if let Some(old) = self.purses.iter_mut().find(|p| p.currency.code() == purse.currency.code()) {
                *old = purse;
            }
        }
        self.evolve_lots(&posted.lots)?;
        self.version = version;
        Ok(())
    }
}

/// Why an entry cannot be posted to a wallet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostError {
    #[error("the player has no purse in {0}")]
    NoPurse(CurrencyCode),
    #[error("an account in {0} would be below zero")]
    Negative(CurrencyCode),
    #[error("bonus credits of no award")]
    NoAward,
    #[error(transparent)]
    Amount(#[from] AmountError),
}
