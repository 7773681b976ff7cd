//! The books: what the entries of a log add up to.

use std::collections::BTreeMap;

use ledger_core::stored::AwardRef;
use ledger_core::{AccountCode, AccountKind, Amount, AmountError, Book, CurrencyCode, PlayerState, Side};
use serde::{Deserialize, Serialize};

/// One line of the trial balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalanceLine {
    /// Real or test.
    pub kind: AccountKind,
    /// The book.
    pub book: Book,
    /// The account.
    pub account: AccountCode,
    /// The currency.
    pub currency: CurrencyCode,
    /// The sum of debits.
    pub debits: Amount,
    /// The sum of credits.
    pub credits: Amount,
}

/// A line of the books.
pub(super) type AccountKey = (AccountKind, Book, AccountCode, CurrencyCode);

/// Debits and credits per account code and currency: bounded by their number, whatever the log's.
#[derive(Debug, Default)]
pub(super) struct Books {
    lines: BTreeMap<AccountKey, (Amount, Amount)>,
    pub(super) entries: u64,
}

/// What the purses of players add up to, per account of a player.
pub(super) type Purses = BTreeMap<AccountKey, i128>;

/// Adds to one side of a line, both sides at the finest scale that the account met: accounts of the house may be
/// finer than their currency.
fn post_line(line: &mut (Amount, Amount), side: Side, amount: Amount) -> Result<(), AmountError> {
    let scale = line.0.scale().max(amount.scale());
    let (debits, credits, amount) =
        (line.0.rescale_up(scale)?, line.1.rescale_up(scale)?, amount.rescale_up(scale)?);
    *line = match side {
        Side::Debit => (debits.checked_add(amount)?, credits),
        Side::Credit => (debits, credits.checked_add(amount)?),
    };
    Ok(())
}

impl Books {
    pub(super) fn post(&mut self, entry: &ledger_core::Entry) -> Result<(), String> {
        self.entries += 1;
        for posting in entry.postings() {
            let key = (entry.kind(), posting.account.book(), posting.account, posting.currency);
            let nothing = Amount::zero(posting.amount.scale());
            let line = self.lines.entry(key).or_insert((nothing, nothing));
            post_line(line, posting.side, posting.amount).map_err(|e| format!("{}: {e}", posting.account))?;
        }
        Ok(())
    }

    fn balance(&self, key: AccountKey) -> Result<i128, String> {
        let Some((debits, credits)) = self.lines.get(&key) else { return Ok(0) };
        let (more, less) = match key.2.class().normal_side() {
            Side::Debit => (debits, credits),
            Side::Credit => (credits, debits),
        };
        more.checked_sub(*less).map(Amount::units).map_err(|e| e.to_string())
    }

    /// Debits equal credits per kind, book and currency.
    pub(super) fn check_balanced(&self) -> Result<(), String> {
        let mut totals: BTreeMap<(AccountKind, Book, CurrencyCode), i128> = BTreeMap::new();
        let scale = |currency: CurrencyCode| {
            self.lines.iter().filter(|(k, _)| k.3 == currency).map(|(_, (d, _))| d.scale()).max().unwrap_or(0)
        };
        for ((kind, book, _, currency), (debits, credits)) in &self.lines {
            let scale = scale(*currency);
            // In 128 bits: what is compared may be finer than the amounts themselves.
            let finer = 10_i128.checked_pow(u32::from(scale - debits.scale()));
            let total = totals.entry((*kind, *book, *currency)).or_default();
            *total = finer
                .and_then(|finer| (debits.units() - credits.units()).checked_mul(finer))
                .and_then(|difference| total.checked_add(difference))
                .ok_or_else(|| format!("the sums of {currency} are beyond 128 bits"))?;
        }
        match totals.iter().find(|(_, difference)| **difference != 0) {
            Some(((kind, book, currency), difference)) => {
                Err(format!("{kind:?} {book:?} {currency}: debits and credits differ by {difference} units"))
            }
            None => Ok(()),
        }
    }

    /// The purses of all players are what the player accounts of the books say.
    pub(super) fn check_purses(&self, purses: &Purses) -> Result<(), String> {
        for (key, sum) in purses {
            let booked = self.balance(*key)?;
            if booked != *sum {
                return Err(format!(
                    "{} {}: players add up to {sum} units, the books say {booked}",
                    key.2, key.3
                ));
            }
        }
        Ok(())
    }

    /// Adds the lines of other books.
    pub(super) fn merge(&mut self, lines: &[TrialBalanceLine], entries: u64) -> Result<(), String> {
        self.entries += entries;
        for line in lines {
            let key = (line.kind, line.book, line.account, line.currency);
            let nothing = Amount::zero(line.debits.scale());
            let sum = self.lines.entry(key).or_insert((nothing, nothing));
            post_line(sum, Side::Debit, line.debits)
                .and_then(|()| post_line(sum, Side::Credit, line.credits))
                .map_err(|error| format!("{}: {error}", line.account))?;
        }
        Ok(())
    }

    /// The lines, in order.
    pub(super) fn lines(&self) -> Vec<TrialBalanceLine> {
        let line =
            |((kind, book, account, currency), (debits, credits)): (&AccountKey, &(Amount, Amount))| {
                TrialBalanceLine {
                    kind: *kind,
                    book: *book,
                    account: *account,
                    currency: *currency,
                    debits: *debits,
                    credits: *credits,
                }
            };
        self.lines.iter().map(line).collect()
    }
}

/// What of a player's money is put aside by currency, as what it is put aside for says.
#[derive(Default)]
struct Aside {
    /// Stakes of open bets, and money that plays elsewhere.
    held: BTreeMap<CurrencyCode, i128>,
    /// What open bets staked of bonus awards.
    bonus: BTreeMap<AwardRef, i128>,
    /// Withdrawals that were not sent.
    pending: BTreeMap<CurrencyCode, i128>,
    /// Withdrawals that were, and have no answer. It is on an account of the house.
    in_transit: BTreeMap<CurrencyCode, i128>,
}

impl Aside {
    fn of(state: &PlayerState) -> Result<Self, String> {
        let mut all = Self::default();
        for round in state.rounds() {
            for bet in round.open_bets() {
                let currency = round.currency.ok_or("an open bet without a currency")?;
                *all.held.entry(currency).or_default() += bet.open_money().units();
                for share in bet.open_bonus() {
                    *all.bonus.entry(share.award).or_default() += share.amount.units();
                }
            }
        }
        for transfer in state.transfers() {
            *all.held.entry(transfer.currency).or_default() += transfer.amount.units();
        }
        for own in state.withdrawals() {
            *all.pending.entry(own.currency).or_default() += own.pending().units();
            let in_transit = own.in_transit().map_err(|fault| fault.to_string())?;
            *all.in_transit.entry(own.currency).or_default() += in_transit.units();
        }
        Ok(all)
    }
}

/// Adds a player's purses to the sums; what is put aside must be the sum of what it is put aside for.
pub(super) fn add_purses(purses: &mut Purses, state: &PlayerState) -> Result<(), String> {
    let Some(profile) = state.profile() else { return Ok(()) };
    let aside = Aside::of(state)?;
    for own in state.wallet().bonus() {
        let staked = aside.bonus.get(own.award()).copied().unwrap_or(0);
        if staked != own.held().units() {
            let (player, of) = (state.player(), own.award());
            return Err(format!(
                "player {player}: what is held of award {}/{} is not the sum of his open bets",
                of.source, of.id
            ));
        }
        for (account, amount) in
            [(AccountCode::PlayerBonus, own.balance()), (AccountCode::PlayerBonusHeld, own.held())]
        {
            *purses.entry((profile.kind, Book::Bonus, account, own.currency())).or_default() +=
                amount.units();
        }
    }
    for purse in state.wallet().purses() {
        let currency = purse.currency().code();
        let wrong = |what: &str| Err(format!("player {}: {what}", state.player()));
        let of = |sums: &BTreeMap<CurrencyCode, i128>| sums.get(&currency).copied().unwrap_or(0);
        if of(&aside.held) != purse.held().units() {
            return wrong(&format!("held {currency} is not the sum of his open bets and transfers"));
        }
        if of(&aside.pending) != purse.pending().units() {
            return wrong(&format!("pending {currency} is not the sum of his open withdrawals"));
        }
        let in_transit = (profile.kind, Book::Cash, AccountCode::PayoutsInTransit, currency);
        *purses.entry(in_transit).or_default() += of(&aside.in_transit);
        for (account, amount) in [
            (AccountCode::PlayerCash, purse.cash()),
            (AccountCode::PlayerHeld, purse.held()),
            (AccountCode::WithdrawalPending, purse.pending()),
            (AccountCode::PlayerReceivable, purse.receivable()),
            (AccountCode::PlayerDormant, purse.dormant()),
        ] {
            *purses.entry((profile.kind, Book::Cash, account, currency)).or_default() += amount.units();
        }
    }
    Ok(())
}
