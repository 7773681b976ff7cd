//! The whole ledger as a plain-text journal, for programs that are not this one: hledger and Beancount check every
//! transaction and every balance of it by themselves.
//!
//! [`export_journal`] walks the log to a checkpoint, in the order of time, and writes a transaction per entry. At the end it
//! states the balance of every account, as assertions that the other program proves. `docs/exports.md` has how accounts and
//! ids are written, and what is checked.

mod beancount;
mod hledger;
mod merge;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

use ledger_core::stored::{Event, EventRecord};
use ledger_core::{Account, CurrencyCode, Entry, Partition, Side};
use ledger_store::{EventStore, StoreError};

use self::merge::Merge;
use crate::checkpoint::Checkpoint;
use crate::commit::Commit;
use crate::entries::{cause, operation};
use crate::error::ViewError;
use crate::period::utc_day;
use crate::total::Total;
use crate::view::FollowError;

pub use names::{account_name, currency_name};

/// The most accounts that one journal names: accounts of the chart with what the house keeps them per.
pub const JOURNAL_ACCOUNTS_MAX: usize = 1_000_000;
/// The most bytes of a journal's title.
pub const JOURNAL_TITLE_BYTES_MAX: usize = 256;

/// For which program a journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalFormat {
    /// hledger, from 1.25 on.
    Hledger,
    /// Beancount, from 3.0 on.
    Beancount,
}

/// What a journal came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalSummary {
    /// The commits that were walked.
    pub commits: u64,
    /// The transactions that were written: one per entry.
    pub transactions: u64,
    /// The balances that the journal states, debits less credits, by its own names of account and currency. Those that are
    /// zero are among them.
    pub balances: BTreeMap<(String, String), Total>,
}

/// Why a journal could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The log could not be read, or is not the one of the checkpoint.
    #[error(transparent)]
    Log(#[from] FollowError),
    /// The file could not be written.
    #[error("writing the journal: {0}")]
    Write(#[from] io::Error),
    /// The title is too long, or has a control character in it.
    #[error("a title has at most {JOURNAL_TITLE_BYTES_MAX} bytes and no control characters")]
    Title,
    /// There are more accounts than one journal names.
    #[error("there are more than {JOURNAL_ACCOUNTS_MAX} accounts")]
    Accounts,
    /// A balance is beyond 128 bits.
    #[error("the balance of {account} is beyond 128 bits")]
    TooLarge {
        /// The account, as the journal names it.
        account: String,
    },
    /// Whoever watched it said to stop. What was written is no whole journal.
    #[error("it was cancelled")]
    Cancelled,
}

impl From<ViewError> for JournalError {
    fn from(error: ViewError) -> Self {
        Self::Log(error.into())
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// An entry with what a journal tells beside it.
struct Transaction<'a> {
    commit: &'a Commit,
    /// Which of the commit's events it is, from 0 on.
    index: usize,
    entry: &'a Entry,
    record: &'a EventRecord,
}

impl Transaction<'_> {
    /// Shard, position and index: the id of its event.
    fn id(&self) -> String {
        format!("{}/{}/{}", self.commit.shard.0, self.commit.position, self.index)
    }

    /// The day in UTC.
    fn day(&self) -> String {
        utc_day(self.commit.body.recorded_at)
    }

    /// The type of the event it came of, and its stream.
    fn cause(&self) -> (String, String) {
        let of_house = |record: &&EventRecord| !matches!(record.event, Event::EntryPosted(_));
        let cause = cause(self.commit, self.record.version)
            .or_else(|| self.commit.body.events.iter().find(of_house))
            .unwrap_or(self.record);
        (cause.event.type_name().to_owned(), cause.stream.to_string())
    }

    /// What is told beside it, as names and values.
    fn tags(&self) -> Vec<(&'static str, String)> {
        let body = &self.commit.body;
        let (_, stream) = self.cause();
        let mut tags = vec![("at", body.recorded_at.to_string()), ("stream", stream)];
        match &body.partition {
            Partition::Player(player) => tags.push(("player", player.to_string())),
            Partition::House(house) => tags.push(("house", house.to_string())),
        }
        tags.push(("actor", body.actor.to_string()));
        let mut tag = |name, value: Option<String>| tags.extend(value.map(|value| (name, value)));
        tag("operator", body.operator.as_ref().map(ToString::to_string));
        tag("brand", body.brand.as_ref().map(ToString::to_string));
        tag("jurisdiction", body.jurisdiction.as_ref().map(ToString::to_string));
        if let Some(operation) = operation(self.commit, self.record) {
            tag("source", Some(operation.source.to_string()));
            tag("operation", Some(operation.id.to_string()));
        }
        tags
    }

    /// The postings: account and currency as they are, and the amount, debits above zero and credits below.
    fn postings(&self) -> impl Iterator<Item = (Account, CurrencyCode, String)> {
        self.entry.postings().iter().map(|posting| {
            let sign = if posting.side == Side::Credit { "-" } else { "" };
            let mut account = self.entry.account(posting);
            if posting.account.is_player() {
                account.of = None;
            }
            (account, posting.currency, format!("{sign}{}", posting.amount))
        })
    }
}

/// How a program's journal is written.
trait Dialect {
    fn head(&self, out: &mut dyn Write, title: &str, comments: &[String]) -> io::Result<()>;
    fn account(&self, out: &mut dyn Write, name: &str, account: &Account) -> io::Result<()>;
    fn transaction(&self, out: &mut dyn Write, transaction: &Transaction<'_>) -> io::Result<()>;
    /// The balances at the end of a day.
    fn balances(
        &self,
        out: &mut dyn Write,
        day: &str,
        balances: &BTreeMap<(String, String), Total>,
    ) -> io::Result<()>;
}

/// Writes the whole ledger up to a checkpoint as a journal, entry by entry in the order of time; then what every account
/// has, as assertions. `watch` is told after every thousand commits how many were walked, and may end it.
///
/// The same checkpoint and title give the same bytes. It reads the log itself and needs no view; each commit's hash is
/// compared with the one before it, and the last of each shard with the checkpoint. What it keeps in memory is a piece of
/// each shard and the balances. `out` is written in small pieces, so give it a buffer; writing blocks the calling thread.
///
/// ```
/// # use ledger_projections::journal::{JournalFormat, export_journal};
/// # use ledger_projections::Checkpoint;
/// # use ledger_store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
/// # let identity = LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let store = MemoryStore::new(identity);
/// let now = Checkpoint::from_heads(store.identity(), store.heads().await?)?;
/// let mut journal = Vec::new();
/// let go_on = &mut |_| std::ops::ControlFlow::Continue(());
/// let summary = export_journal(&store, &now, JournalFormat::Hledger, "Casino", &mut journal, go_on).await?;
/// assert_eq!(summary.transactions, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`JournalError`]: the log is not that of the checkpoint, or cannot be read; the file cannot be written; it was cancelled.
pub async fn export_journal(
    store: &dyn EventStore,
    until: &Checkpoint,
    format: JournalFormat,
    title: &str,
    out: &mut (dyn Write + Send),
    watch: &mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
) -> Result<JournalSummary, JournalError> {
    if title.len() > JOURNAL_TITLE_BYTES_MAX || title.chars().any(char::is_control) {
        return Err(JournalError::Title);
    }
    let dialect: &(dyn Dialect + Sync) = match format {
        JournalFormat::Hledger => &hledger::Hledger,
        JournalFormat::Beancount => &beancount::Beancount,
    };
    let identity = until.identity();
    let mut comments = vec![format!("ledger {} ({} shards)", identity.ledger, identity.shards.get())];
    let begun = |head: &&(ledger_store::Shard, &ledger_store::Head)| head.1.position.0 > 0;
    let heads: Vec<_> = identity.shards.all().zip(until.heads()).collect();
    comments.extend(
        heads
            .iter()
            .filter(begun)
            .map(|(shard, head)| format!("{}/{} {}", shard.0, head.position, head.hash)),
    );
    dialect.head(out, title, &comments)?;
    let mut summary = JournalSummary::default();
    let mut names: BTreeMap<Account, String> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut last_day = None;
    let mut merge = Merge::new(store, until).await?;
    while let Some(commit) = merge.next().await? {
        for (index, record) in commit.body.events.iter().enumerate() {
            let Event::EntryPosted(event) = &record.event else { continue };
            let transaction = Transaction { commit: &commit, index, entry: &event.entry, record };
            for posting in event.entry.postings() {
                let mut account = event.entry.account(posting);
                if posting.account.is_player() {
                    account.of = None;
                }
                let name = match names.get(&account) {
                    Some(name) => name.clone(),
                    None if names.len() >= JOURNAL_ACCOUNTS_MAX => return Err(JournalError::Accounts),
                    None => {
                        let name = account_name(&account);
                        // An account of two currencies is one account to these programs, and is told once.
                        if told.insert(name.clone()) {
                            dialect.account(out, &name, &account)?;
                        }
                        names.insert(account, name.clone());
                        name
                    }
                };
                let change = match posting.side {
                    Side::Debit => Some(Total::from(posting.amount)),
                    Side::Credit => Total::default().minus(posting.amount.into()),
                };
                let sum = summary.balances.entry((name, currency_name(posting.currency))).or_default();
                match change.and_then(|change| sum.plus(change)) {
                    Some(after) => *sum = after,
                    None => {
                        return Err(JournalError::TooLarge {
                            account: account_name(&event.entry.account(posting)),
                        });
                    }
                }
            }
            dialect.transaction(out, &transaction)?;
            summary.transactions = summary.transactions.saturating_add(1);
            last_day = last_day.max(Some(transaction.day()));
        }
        summary.commits = summary.commits.saturating_add(1);
        if summary.commits % 1_000 == 0 && watch(summary.commits).is_break() {
            return Err(JournalError::Cancelled);
        }
    }
    if let Some(day) = last_day {
        dialect.balances(out, &day, &summary.balances)?;
    }
    out.flush()?;
    Ok(summary)
}
