//! Verification: what an auditor runs. Walks every shard's chain, recomputes every hash, reads every entry
//! through its one door, replays every player and every partition of the house, and compares what the entries add up
//! to, and what house and players say of each other.

mod suspense;

use std::collections::{BTreeMap, HashMap, HashSet};

use ledger_core::stored::{CommitBody, CommitIndex, Event};
use ledger_core::{
    AccountCode, AccountKind, Amount, AmountError, Book, CurrencyCode, HouseState, KeyDigest, Partition,
    PartitionDigest, PlayerId, PlayerState, Side, Stream, Timestamp,
};
use ledger_store::{
    EventStore, Head, Position, READ_COMMITS_MAX, Shard, StoreError, StoredCommit, commit_hash, genesis,
};

/// One line of the trial balance.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What a verification found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The heads of all shards, as recomputed.
    pub heads: Vec<Head>,
    /// How many commits were checked.
    pub commits: u64,
    /// How many entries.
    pub entries: u64,
    /// How many players.
    pub players: u64,
    /// How many partitions of the house, the register of currencies among them.
    pub houses: u64,
    /// Where house and players do not agree on money that went from suspense to a player: it was released without an
    /// assignment, or said to have landed and did not. No commit spans the two, so no rule can prevent it; each is for
    /// a person to look at. Empty if all is well.
    pub breaks: Vec<String>,
    /// The trial balance: one line per account code and currency.
    pub trial_balance: Vec<TrialBalanceLine>,
}

/// What a verification found to be wrong, with the place of the first.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The store cannot be read, or finds damage itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit is wrong.
    #[error("shard {shard} position {position} is wrong: {what}")]
    Commit {
        /// The shard.
        shard: Shard,
        /// The position.
        position: Position,
        /// What is wrong.
        what: String,
    },
    /// The books do not add up.
    #[error("the books do not add up: {0}")]
    Books(String),
}

type AccountKey = (AccountKind, Book, AccountCode, CurrencyCode);

#[derive(Debug, Default)]
struct Books {
    lines: BTreeMap<AccountKey, (Amount, Amount)>,
    entries: u64,
}

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
    fn post(&mut self, entry: &ledger_core::Entry) -> Result<(), String> {
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
    fn check_balanced(&self) -> Result<(), String> {
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
}

#[derive(Debug, Default)]
struct Walk {
    books: Books,
    players: HashMap<PartitionDigest, PlayerState>,
    houses: HashMap<PartitionDigest, HouseState>,
    suspense: suspense::Crossings,
    keys: HashSet<(PartitionDigest, KeyDigest)>,
    /// When the shard's last commit was recorded.
    recorded_at: Option<Timestamp>,
    commits: u64,
}

impl Walk {
    fn commit(
        &mut self,
        identity: &ledger_store::LedgerIdentity,
        commit: &StoredCommit,
    ) -> Result<(), String> {
        let body = CommitBody::decode(&commit.body).map_err(|e| e.to_string())?;
        let index = CommitIndex::of_body(&commit.body).map_err(|e| e.to_string())?;
        if identity.shards.shard_of(&index.partition) != commit.shard {
            return Err(format!("{} belongs to another shard", body.partition));
        }
        if self.recorded_at.replace(body.recorded_at).is_some_and(|last| last > body.recorded_at) {
            return Err("it is recorded before its predecessor".to_owned());
        }
        for (record, digest) in body.keys.iter().zip(&index.keys) {
            if !self.keys.insert((index.partition, *digest)) {
                return Err(format!("key {} was consumed before", record.key()));
            }
        }
        for record in &body.events {
            if record.stream.partition() != body.partition {
                return Err(format!(
                    "stream {} is of another partition than {}",
                    record.stream, body.partition
                ));
            }
            if let (Event::EntryPosted(event), Stream::Wallet(_) | Stream::Statement(_)) =
                (&record.event, &record.stream)
            {
                self.books.post(&event.entry)?;
            }
            self.suspense.take(record);
        }
        match &body.partition {
            Partition::Player(player) => {
                let state =
                    self.players.entry(index.partition).or_insert_with(|| PlayerState::new(player.clone()));
                state.evolve_commit(&body).map_err(|fault| fault.to_string())?;
            }
            Partition::House(house) => {
                let state =
                    self.houses.entry(index.partition).or_insert_with(|| HouseState::new(house.clone()));
                state.evolve_commit(&body).map_err(|fault| fault.to_string())?;
            }
        }
        self.commits += 1;
        Ok(())
    }

    /// What a player's money is.
    fn kind_of(&self, player: &PlayerId) -> Option<AccountKind> {
        let state = self.players.get(&Partition::Player(player.clone()).digest());
        state.and_then(PlayerState::profile).map(|profile| profile.kind)
    }

    /// The purses of all players are what the player accounts of the books say.
    fn check_players(&self) -> Result<(), String> {
        let mut purses: BTreeMap<AccountKey, i128> = BTreeMap::new();
        for state in self.players.values() {
            let Some(profile) = state.profile() else { continue };
            let aside = Aside::of(state)?;
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
                    *purses.entry((profile.kind, Book::Cash, account, currency)).or_default() +=
                        amount.units();
                }
            }
        }
        for (key, sum) in purses {
            let booked = self.books.balance(key)?;
            if booked != sum {
                return Err(format!(
                    "{} {}: players add up to {sum} units, the books say {booked}",
                    key.2, key.3
                ));
            }
        }
        Ok(())
    }
}

/// What of a player's money is put aside by currency, as what it is put aside for says.
#[derive(Default)]
struct Aside {
    /// Stakes of open bets, and money that plays elsewhere.
    held: BTreeMap<CurrencyCode, i128>,
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
                *all.held.entry(currency).or_default() += bet.open_stake().units();
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

/// Verifies everything up to the heads that are durable when it begins.
///
/// # Errors
///
/// [`VerifyError`] naming the first wrong commit of the first wrong shard, or the account that does not
/// add up.
pub async fn verify(store: &dyn EventStore) -> Result<Verification, VerifyError> {
    let identity = *store.identity();
    let heads = store.heads().await?;
    let mut walk = Walk::default();
    for (shard, head) in identity.shards.all().zip(&heads) {
        let mut last = genesis(&identity, shard);
        walk.recorded_at = None;
        while last.position < head.position {
            let commits = store.read(shard, last.position.next(), READ_COMMITS_MAX).await?;
            if commits.is_empty() {
                let what = "it is missing".to_owned();
                return Err(VerifyError::Commit { shard, position: last.position.next(), what });
            }
            for commit in commits.iter().take_while(|commit| commit.position <= head.position) {
                let wrong = |what: String| VerifyError::Commit { shard, position: commit.position, what };
                if commit.position != last.position.next() {
                    return Err(wrong(format!("it follows position {}", last.position)));
                }
                if commit.previous != last.hash {
                    return Err(wrong("it does not name its predecessor's hash".to_owned()));
                }
                let hash = commit_hash(&identity, shard, commit.position, &last.hash, &commit.body);
                if hash != commit.hash {
                    return Err(wrong("its hash is not that of its contents".to_owned()));
                }
                walk.commit(&identity, commit).map_err(wrong)?;
                last = Head { position: commit.position, hash };
            }
        }
        if last != *head {
            let what = "the recomputed head is another".to_owned();
            return Err(VerifyError::Commit { shard, position: head.position, what });
        }
    }
    walk.books.check_balanced().map_err(VerifyError::Books)?;
    walk.check_players().map_err(VerifyError::Books)?;
    let trial_balance = walk
        .books
        .lines
        .iter()
        .map(|((kind, book, account, currency), (debits, credits))| TrialBalanceLine {
            kind: *kind,
            book: *book,
            account: *account,
            currency: *currency,
            debits: *debits,
            credits: *credits,
        })
        .collect();
    Ok(Verification {
        heads,
        commits: walk.commits,
        entries: walk.books.entries,
        players: walk.players.values().filter(|state| state.profile().is_some()).count() as u64,
        houses: walk.houses.len() as u64,
        breaks: walk.suspense.breaks(|player| walk.kind_of(player)),
        trial_balance,
    })
}
