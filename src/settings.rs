//! What a host can choose when it opens a ledger.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ledger_core::{ActorId, CurrencyRegistry, DocumentCheck, POLICY_KIND, Policy, PreCheck, WriterId};
use ledger_store::ShardCount;

use crate::clock::{Clock, SystemClock};
use crate::error::OpenError;
use crate::privacy::KeyStore;
use crate::proof::Witnesses;
use crate::threads::Scheduler;

/// The settings of a [`crate::Ledger`]. Every limit has a default that suits one machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// How many shards a new ledger gets; an existing one keeps its own. Default 64.
    pub shards: ShardCount,
    /// How sources behave, until a policy that was published is in force. The hash of the one in force stands in
    /// every commit.
    pub policy: Policy,
    /// The host's own checks, asked in this order before funds. The policy in force names those that are asked, each
    /// with its version: then the policy hash of a commit tells which checks had their say. All that the policy here
    /// names must be there; others only in versions for a published policy, or named by one. Default: none.
    pub checks: Vec<Arc<dyn PreCheck>>,
    /// The host's checks of its own kinds of documents, asked when one is published; a kind nobody knows is refused.
    /// Default: none.
    pub documents: Vec<Arc<dyn DocumentCheck>>,
    /// On a store that others may write to, how often this process looks whether one of them published documents or
    /// recorded currencies. Default 5 s.
    pub refresh: Duration,
    /// The currencies players may be opened with. A currency's first use records its scale and maximum in
    /// the log; from then on the log counts. Default: ISO 4217 and the usual crypto currencies.
    pub currencies: CurrencyRegistry,
    /// The most commands that wait in each lane: play, cashier, bulk. Default 16,384 each.
    pub lane_capacity: [usize; 3],
    /// The most commands that one durable write carries. Default 1,024.
    pub batch_commands_max: usize,
    /// The most bytes of commit bodies that one durable write carries. Default 8 MiB.
    pub batch_bytes_max: usize,
    /// How much memory cached players may take, in bytes, estimated. Default 256 MiB.
    pub cache_bytes: usize,
    /// After how many commits of a player since his last snapshot a new one is kept. Default 1,000.
    pub snapshot_every: u32,
    /// How far the wall clock may stray before nothing is recorded any more. Default 60 s.
    pub clock_bound: Duration,
    /// How long a durable write may take before callers are told that the outcome is unknown. Default 10 s.
    pub write_timeout: Duration,
    /// How long the bytes of an append of unknown outcome are sent again before the ledger stops. Its callers were
    /// told after [`Self::write_timeout`]; if the store comes back in this time, the ledger goes on. Default 5 min.
    pub settle_timeout: Duration,
    /// How long a player's state may take to load before waiting commands are given up, and the longest that
    /// any question to the store may take. Default 10 s.
    pub load_timeout: Duration,
    /// Who acts where a command does not say so.
    pub actor: ActorId,
    /// The name of this engine among those that write to one store: it stands in every commit there, and must
    /// be another for each process. Default: random. On a store that is this engine's alone it is not written.
    pub writer: WriterId,
    /// The clock. Default: the machine's.
    pub clock: Arc<dyn Clock>,
    /// Where the keys of players are kept, for personal data. Default: none, and requests with personal data are refused.
    pub keys: Option<Arc<dyn KeyStore>>,
    /// What was seen of this ledger: statements kept elsewhere, receipts, checkpoints. A log that ends before the newest
    /// of each shard, or does not pass through it, is not opened. Default: none.
    pub witnesses: Witnesses,
    /// Who decides which thread runs, in simulations. No part of what this crate promises. Default: the operating system.
    #[doc(hidden)]
    pub scheduler: Option<Arc<dyn Scheduler>>,
}

impl Settings {
    /// The defaults.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn new() -> Result<Self, OpenError> {
        let actor =
            ActorId::new("host").map_err(|e| OpenError::Setting { name: "actor", reason: e.to_string() })?;
        let writer = WriterId::new(uuid::Uuid::new_v4().simple().to_string())
            .map_err(|e| OpenError::Setting { name: "writer", reason: e.to_string() })?;
        Ok(Self {
            shards: ShardCount::DEFAULT,
            policy: Policy::default(),
            checks: Vec::new(),
            documents: Vec::new(),
            refresh: Duration::from_secs(5),
            currencies: CurrencyRegistry::standard(),
            lane_capacity: [16_384; 3],
            batch_commands_max: 1_024,
            batch_bytes_max: 8 << 20,
            cache_bytes: 256 << 20,
            snapshot_every: 1_000,
            clock_bound: Duration::from_mins(1),
            write_timeout: Duration::from_secs(10),
            settle_timeout: Duration::from_mins(5),
            load_timeout: Duration::from_secs(10),
            actor,
            writer,
            clock: Arc::new(SystemClock::default()),
            keys: None,
            witnesses: Witnesses::new(),
            scheduler: None,
        })
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let wrong = |name, reason: &str| Err(OpenError::Setting { name, reason: reason.to_owned() });
        if self.lane_capacity.contains(&0) {
            return wrong("lane_capacity", "every lane needs room for a command");
        }
        if !(1..=ledger_store::APPEND_COMMITS_MAX).contains(&self.batch_commands_max) {
            return wrong("batch_commands_max", "take 1 to 8,192");
        }
        if !(ledger_store::BODY_BYTES_MAX..=ledger_store::APPEND_BYTES_MAX / 2)
            .contains(&self.batch_bytes_max)
        {
            return wrong("batch_bytes_max", "take 1 MiB to 16 MiB");
        }
        let given: BTreeSet<_> = self.checks.iter().map(|check| (check.name(), check.version())).collect();
        let all_there = self.policy.checks.iter().all(|(name, version)| given.contains(&(name, *version)));
        if !all_there || given.len() != self.checks.len() {
            return wrong(
                "checks",
                "every check that the policy names must be there in its version, and each once",
            );
        }
        let kinds: BTreeSet<_> = self.documents.iter().map(|check| check.kind().as_str()).collect();
        if kinds.contains(POLICY_KIND) || kinds.len() != self.documents.len() {
            return wrong(
                "documents",
                "there is one check for a kind of document, and that of policies is built in",
            );
        }
        if self.refresh.is_zero() {
            return wrong("refresh", "it must be above zero");
        }
        if self.write_timeout.is_zero() || self.load_timeout.is_zero() || self.settle_timeout.is_zero() {
            return wrong("write_timeout", "time limits must be above zero");
        }
        Ok(())
    }
}
