//! Entries: balanced postings with one door.

use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountCode, AccountKind, Book, Side};
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError, CurrencyCode};

/// The most postings of one entry.
pub const POSTINGS_MAX: usize = 256;

/// One leg of an entry: an amount on one side of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Posting {
    /// Debit or credit.
    pub side: Side,
    /// The account's code.
    pub account: AccountCode,
    /// What the account is kept per, where the chart says so.
    pub of: Option<SubAccount>,
    /// How much; always above zero.
    pub amount: Amount,
    /// In which currency.
    pub currency: CurrencyCode,
}

impl Posting {
    /// A debit.
    pub fn debit(
        account: AccountCode,
        of: Option<SubAccount>,
        amount: Amount,
        currency: CurrencyCode,
    ) -> Self {
        Self { side: Side::Debit, account, of, amount, currency }
    }

    /// A credit.
    pub fn credit(
        account: AccountCode,
        of: Option<SubAccount>,
        amount: Amount,
        currency: CurrencyCode,
    ) -> Self {
        Self { side: Side::Credit, account, of, amount, currency }
    }
}

/// Why postings are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Fewer than two postings, or more than [`POSTINGS_MAX`].
    #[error("an entry has 2 to {POSTINGS_MAX} postings, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A posting is not above zero.
    #[error("the posting on {account} is {amount}: postings are above zero")]
    NotPositive {
        /// The account.
        account: AccountCode,
        /// The amount.
        amount: Amount,
    },
    /// An account that is kept per something lacks it, or one that is not has it.
    #[error("{account} is kept per {per}, the posting says otherwise", per = account.per().unwrap_or("nothing"))]
    SubAccount {
        /// The account.
        account: AccountCode,
    },
    /// Debits and credits differ in a currency and book.
    #[error("debits {debits} and credits {credits} differ in the {book:?} book of {currency}")]
    Unbalanced {
        /// The currency.
        currency: CurrencyCode,
        /// The book.
        book: Book,
        /// The sum of debits.
        debits: Amount,
        /// The sum of credits.
        credits: Amount,
    },
    /// A conversion of bonus to cash stands on one side only, goes backwards, or its two sides differ.
    #[error("cash and bonus meet in one entry of {currency}, but not as a conversion of equal amounts")]
    BooksMixed {
        /// The currency.
        currency: CurrencyCode,
    },
    /// An entry of the house touches an account of a player.
    #[error("{account} is a player's: the house cannot post to it")]
    PlayerAccount {
        /// The account.
        account: AccountCode,
    },
    /// A sum is beyond what an amount can hold.
    #[error("a sum of the entry is too large")]
    Amount(#[from] AmountError),
}

/// A balanced set of postings. The only way to one is [`Entry::new`], also when stored bytes are read, so
/// an unbalanced entry, or one that mixes cash and bonus, cannot exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    kind: AccountKind,
    postings: Vec<Posting>,
}

#[derive(Debug, Clone, Copy)]
struct Sums {
    currency: CurrencyCode,
    book: Book,
    debits: Amount,
    credits: Amount,
}

/// The sums of an entry per currency and book: rarely more than two.
fn sums(postings: &[Posting]) -> Result<Vec<Sums>, AmountError> {
    let mut all: Vec<Sums> = Vec::with_capacity(2);
    for posting in postings {
        let (currency, book) = (posting.currency, posting.account.book());
        // House accounts may be finer than the currency, so sums are made at the finest scale that occurs.
        let scale = postings
            .iter()
            .filter(|p| p.currency == currency)
            .map(|p| p.amount.scale())
            .max()
            .unwrap_or_default();
        let amount = posting.amount.rescale_up(scale)?;
        let sums = match all.iter_mut().find(|s| s.currency == currency && s.book == book) {
            Some(sums) => sums,
            None => {
                all.push(Sums { currency, book, debits: Amount::zero(scale), credits: Amount::zero(scale) });
                match all.last_mut() {
                    Some(sums) => sums,
                    None => continue,
                }
            }
        };
        match posting.side {
            Side::Debit => sums.debits = sums.debits.checked_add(amount)?,
            Side::Credit => sums.credits = sums.credits.checked_add(amount)?,
        }
    }
    Ok(all)
}

/// The total of one account's postings on one side, in a currency, at a scale.
fn total(
    postings: &[Posting],
    account: AccountCode,
    side: Side,
    currency: CurrencyCode,
    scale: u8,
) -> Result<Amount, AmountError> {
    postings
        .iter()
        .filter(|p| p.account == account && p.side == side && p.currency == currency)
        .try_fold(Amount::zero(scale), |sum, p| sum.checked_add(p.amount.rescale_up(scale)?))
}

impl Entry {
    /// Takes postings as an entry, proving that they are one.
    ///
    /// # Errors
    ///
    /// [`EntryError`]: fewer than two or too many postings, an amount not above zero, a missing or
    /// superfluous sub-account, debits unlike credits in any currency and book, or `bonus:cost` and
    /// `bonus:converted` other than together, with equal amounts.
    pub fn new(kind: AccountKind, postings: Vec<Posting>) -> Result<Self, EntryError> {
        if !(2..=POSTINGS_MAX).contains(&postings.len()) {
            return Err(EntryError::Count { count: postings.len() });
        }
        for posting in &postings {
            if !posting.amount.is_positive() {
                return Err(EntryError::NotPositive { account: posting.account, amount: posting.amount });
            }
            if posting.account.per().is_some() != posting.of.is_some() {
                return Err(EntryError::SubAccount { account: posting.account });
            }
        }
        let sums = sums(&postings)?;
        for Sums { currency, book, debits, credits } in &sums {
            if debits != credits {
                return Err(EntryError::Unbalanced {
                    currency: *currency,
                    book: *book,
                    debits: *debits,
                    credits: *credits,
                });
            }
        }
        for Sums { currency, debits, .. } in &sums {
            Self::check_books(&postings, *currency, debits.scale())?;
        }
        Ok(Self { kind, postings })
    }

    /// [`Entry::new`] for an entry of a partition of the house: no account of a player is in it.
    ///
    /// # Errors
    ///
    /// [`EntryError::PlayerAccount`], and those of [`Entry::new`].
    pub fn of_house(kind: AccountKind, postings: Vec<Posting>) -> Result<Self, EntryError> {
        let entry = Self::new(kind, postings)?;
        match entry.player_account() {
            Some(account) => Err(EntryError::PlayerAccount { account }),
            None => Ok(entry),
        }
    }

    /// The first account of a player in it.
    pub fn player_account(&self) -> Option<AccountCode> {
        self.postings.iter().map(|posting| posting.account).find(|account| account.is_player())
    }

    /// Cash and bonus never mix: each book balances by itself, and the one bridge is a conversion whose two sides are
    /// equal.
    fn check_books(postings: &[Posting], currency: CurrencyCode, scale: u8) -> Result<(), EntryError> {
        let cost = total(postings, AccountCode::BonusCost, Side::Debit, currency, scale)?;
        let converted = total(postings, AccountCode::BonusConverted, Side::Credit, currency, scale)?;
        let backwards = total(postings, AccountCode::BonusCost, Side::Credit, currency, scale)?.is_positive()
            || total(postings, AccountCode::BonusConverted, Side::Debit, currency, scale)?.is_positive();
        if cost == converted && !backwards { Ok(()) } else { Err(EntryError::BooksMixed { currency }) }
    }

    /// Real or test.
    pub fn kind(&self) -> AccountKind {
        self.kind
    }

    /// The postings, in the order given.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The account of a posting of this entry.
    pub fn account(&self, posting: &Posting) -> Account {
        Account { kind: self.kind, code: posting.account, of: posting.of.clone(), currency: posting.currency }
    }
}

/// A posting as stored: the side is the name of the account's field.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StoredPosting {
    /// The debited account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    dr: Option<AccountCode>,
    /// The credited account. Exactly one of `dr` and `cr` is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cr: Option<AccountCode>,
    /// What the account is kept per.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    of: Option<SubAccount>,
    /// Above zero.
    amount: Amount,
    /// The currency.
    currency: CurrencyCode,
}

impl Serialize for Posting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Posting", if self.of.is_some() { 4 } else { 3 })?;
        match self.side {
            Side::Debit => fields.serialize_field("dr", &self.account)?,
            Side::Credit => fields.serialize_field("cr", &self.account)?,
        }
        if let Some(of) = &self.of {
            fields.serialize_field("of", of)?;
        }
        fields.serialize_field("amount", &self.amount)?;
        fields.serialize_field("currency", &self.currency)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Posting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredPosting::deserialize(deserializer)?;
        let (side, account) = match (stored.dr, stored.cr) {
            (Some(account), None) => (Side::Debit, account),
            (None, Some(account)) => (Side::Credit, account),
            _ => return Err(serde::de::Error::custom("a posting has either dr or cr")),
        };
        Ok(Self { side, account, of: stored.of, amount: stored.amount, currency: stored.currency })
    }
}

/// An entry as stored.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StoredEntry {
    /// Real or test.
    kind: AccountKind,
    /// Debits equal credits in each currency and book.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<StoredPosting>", length(min = 2, max = 256)))]
    postings: Vec<Posting>,
}

impl Serialize for Entry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Entry", 2)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("postings", &self.postings)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredEntry::deserialize(deserializer)?;
        Self::new(stored.kind, stored.postings).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Entry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Entry".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        StoredEntry::json_schema(generator)
    }
}
