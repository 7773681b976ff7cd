//! Postings from bytes, and the rules of an entry read a second time.

use std::collections::BTreeMap;

use ledger_core::{
    AccountCode, AccountKind, Amount, Book, CurrencyCode, Entry, EntryError, POSTINGS_MAX, Posting,
    SCALE_MAX, Side, SubAccount, UNITS_BOUND,
};

/// Reads postings of four bytes each, so that small changes of the input are small changes of the entry:
/// flags, account, and an amount of 16 bits. The first byte before them tells real from test.
pub(crate) fn read(data: &[u8]) -> (AccountKind, Vec<Posting>) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let kind = if first & 1 == 0 { AccountKind::Real } else { AccountKind::Test };
    // One posting beyond the limit shows that the limit holds.
    let postings =
        rest.chunks_exact(4).take(POSTINGS_MAX + 1).map(|bytes| posting([0, 1, 2, 3].map(|n| bytes[n])));
    (kind, postings.collect())
}

fn posting([flags, account, high, low]: [u8; 4]) -> Posting {
    let account = AccountCode::ALL[usize::from(account) % AccountCode::ALL.len()];
    let currency = ["EUR", "BTC"][usize::from(flags & 2 != 0)];
    let currency = CurrencyCode::new(currency).expect("a code");
    let scale = [2, 0, 8, SCALE_MAX][usize::from(flags >> 2 & 3)];
    let units = i128::from(u16::from_be_bytes([high, low]));
    let units = match flags >> 4 & 3 {
        0 | 1 => units,
        2 => -units,
        // Up to the bound itself, where sums run over.
        _ => (units << 80) | i128::from(low),
    };
    let amount = Amount::new(units, scale).unwrap_or_else(|_| Amount::zero(scale));
    // Most accounts get what the chart asks for; the flag turns it round.
    let of = account.per().is_some() != (flags & 0x80 != 0);
    let of = of.then(|| SubAccount::new("x").expect("a sub-account"));
    match flags & 1 {
        0 => Posting::debit(account, of, amount, currency),
        _ => Posting::credit(account, of, amount, currency),
    }
}

/// Sums per currency, of what a posting is about.
#[derive(Default)]
struct Sums {
    /// Debits less credits, per book.
    books: BTreeMap<bool, i128>,
    /// The larger of the two sides per book and of the two legs of a conversion.
    largest: i128,
    /// Debits of `bonus:cost`, credits of `bonus:converted`, and either the wrong way round.
    cost: i128,
    converted: i128,
    backwards: i128,
}

/// What the rules say of postings: `None` where a sum is beyond what an amount can hold.
fn is_entry(postings: &[Posting]) -> Option<bool> {
    if !(2..=POSTINGS_MAX).contains(&postings.len()) {
        return Some(false);
    }
    if postings.iter().any(|p| p.amount.units() <= 0 || p.account.per().is_some() != p.of.is_some()) {
        return Some(false);
    }
    let mut all: BTreeMap<CurrencyCode, Sums> = BTreeMap::new();
    let mut sides: BTreeMap<(CurrencyCode, bool, bool), i128> = BTreeMap::new();
    for posting in postings {
        let same = postings.iter().filter(|p| p.currency == posting.currency);
        let scale = same.map(|p| p.amount.scale()).max()?;
        let factor = 10_i128.checked_pow(u32::from(scale - posting.amount.scale()))?;
        let units = posting.amount.units().checked_mul(factor).filter(|units| *units < UNITS_BOUND)?;
        let (bonus, debit) = (posting.account.book() == Book::Bonus, posting.side == Side::Debit);
        let side = sides.entry((posting.currency, bonus, debit)).or_default();
        *side += units;
        let sums = all.entry(posting.currency).or_default();
        sums.largest = sums.largest.max(*side);
        *sums.books.entry(bonus).or_default() += if debit { units } else { -units };
        match (posting.account, debit) {
            (AccountCode::BonusCost, true) => sums.cost += units,
            (AccountCode::BonusConverted, false) => sums.converted += units,
            (AccountCode::BonusCost | AccountCode::BonusConverted, _) => sums.backwards += units,
            _ => {}
        }
    }
    if all.values().any(|sums| sums.largest >= UNITS_BOUND) {
        return None;
    }
    Some(all.values().all(|sums| {
        let balanced = sums.books.values().all(|difference| *difference == 0);
        balanced && sums.cost == sums.converted && sums.backwards == 0
    }))
}

/// Compares what `Entry::new` said with what the rules say.
pub(crate) fn judge(postings: &[Posting], result: &Result<Entry, EntryError>) {
    match (is_entry(postings), result) {
        (Some(true), Ok(entry)) => {
            assert_eq!(entry.postings(), postings, "nothing is added, left out or moved");
        }
        (Some(false), Err(error)) => assert!(!matches!(error, EntryError::Amount(_)), "{error}"),
        (None, Err(_)) => {}
        (expected, result) => panic!("is it an entry? {expected:?}, but {result:?} of {postings:?}"),
    }
}
