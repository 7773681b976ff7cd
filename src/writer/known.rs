//! What one partition of the house records and all others must know: the currencies, the policies in force, and the
//! level of shapes that is active.
//!
//! All of it is taken in once it is durable, never before: another shard's commit may land though theirs does not. The
//! answer to a publication waits until the writer has taken it in, so that whoever has it sends under the new policy.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger_core::stored::ShapeLevel;
use ledger_core::{CurrencyCode, CurrencyRegistry, HouseState, Partition, PartitionDigest, Timestamp};
use ledger_store::{Head, Shard};
use tokio::sync::oneshot;

use super::Writer;
use super::slots::Slots;
use crate::error::OpenError;
use crate::job::Job;
use crate::rules::{Rules, Schedule};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::state::State;

/// The recorded currencies and the policies in force, as this process has seen them.
#[derive(Debug)]
pub(crate) struct Known {
    /// The register of currencies.
    register: (Partition, PartitionDigest),
    /// The published documents.
    configuration: (Partition, PartitionDigest),
    pub(super) currencies: Arc<CurrencyRegistry>,
    /// The batch of the newest registration of a currency.
    pub(super) registered: u64,
    schedule: Schedule,
    pub(super) rules: Arc<Rules>,
    /// The level of the shapes that are active.
    pub(crate) level: ShapeLevel,
    /// When the next policy takes effect, if one is to.
    next: Option<Timestamp>,
    /// When others were last looked for.
    refreshed: Duration,
}

/// States that become known once the batch that has them is durable.
#[derive(Debug, Default)]
pub(super) struct News {
    states: Vec<(PartitionDigest, HouseState)>,
}

impl Known {
    /// What is known at the start: the durable states of both partitions, and the policy in force by then.
    pub(crate) fn new(
        settings: &Settings,
        register: &State,
        configuration: &State,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let named = |partition: Result<Partition, ledger_core::IdError>| {
            let partition = partition.map_err(|error| OpenError::Register(error.to_string()))?;
            let digest = partition.digest();
            Ok::<_, OpenError>((partition, digest))
        };
        let mut schedule = Schedule::new(settings)?;
        if let Some(state) = configuration.house() {
            schedule.publish(state.configuration(), &settings.checks);
        }
        schedule.check_given(settings)?;
        let active = configuration.house().map_or(ShapeLevel::FIRST, HouseState::level);
        if active > ShapeLevel::NEWEST {
            return Err(OpenError::NewerShapes { active, newest: ShapeLevel::NEWEST });
        }
        let rules = Arc::clone(schedule.at(now).0);
        let currencies = register.house().map(|state| state.currencies().clone()).unwrap_or_default();
        Ok(Self {
            register: named(ledger_core::register_partition())?,
            configuration: named(ledger_core::configuration_partition())?,
            currencies: Arc::new(currencies),
            registered: 0,
            schedule,
            rules,
            level: active,
            // The writer looks again with its own clock.
            next: Some(Timestamp::EPOCH),
            refreshed: Duration::ZERO,
        })
    }

    /// The policy in force at the start, and the currencies.
    pub(crate) fn shelves(&self) -> (Arc<CurrencyRegistry>, Arc<Rules>) {
        (Arc::clone(&self.currencies), Arc::clone(&self.rules))
    }

    pub(super) fn is_news(&self, partition: &PartitionDigest) -> bool {
        *partition == self.register.1 || *partition == self.configuration.1
    }

    /// Whether the answer to a commit of this partition waits until it is taken in. (A currency may be used by a
    /// caller who knows before the writer does: his command waits.)
    pub(super) fn holds_answers(&self, partition: &PartitionDigest) -> bool {
        *partition == self.configuration.1
    }

    /// Takes note of a commit that was decided.
    pub(super) fn decided(&mut self, partition: &PartitionDigest, batch: u64) {
        if *partition == self.register.1 {
            self.registered = batch;
        }
    }

    /// Whether a currency is recorded, but not known to be durable: by the state of the register as it was decided.
    pub(super) fn awaits(&self, currency: CurrencyCode, slots: &Slots) -> bool {
        let decided = || slots.get(&self.register.1)?.state.as_ref()?.house();
        self.currencies.get(currency).is_none()
            && decided().is_some_and(|register| register.currencies().get(currency).is_some())
    }

    /// The states that a batch leaves of the partitions that matter to all.
    pub(super) fn news(&self, slots: &Slots) -> News {
        let state = |digest: &PartitionDigest| {
            let state = slots.get(digest)?.state.as_ref()?.house()?;
            Some((*digest, state.clone()))
        };
        News { states: [&self.register.1, &self.configuration.1].into_iter().filter_map(state).collect() }
    }

    /// Takes in a durable state, if it is of one of the two partitions.
    pub(super) fn take_in(&mut self, shared: &Shared, partition: &PartitionDigest, state: &State) {
        if let Some(state) = state.house().filter(|_| self.is_news(partition)) {
            self.take_in_house(shared, partition, state);
        }
    }

    /// Why this process cannot decide anything any more: a newer release activated shapes it does not know.
    pub(super) fn outgrown(&self) -> Option<String> {
        let (level, newest) = (self.level, ShapeLevel::NEWEST);
        (level > newest).then(|| {
            format!(
                "shapes of level {level} are active, this build knows {newest}: use a newer casino-ledger"
            )
        })
    }

    fn take_in_house(&mut self, shared: &Shared, partition: &PartitionDigest, state: &HouseState) {
        if *partition == self.register.1 {
            self.currencies = Arc::new(state.currencies().clone());
            shared.currencies.set(Arc::clone(&self.currencies));
        } else {
            self.schedule.publish(state.configuration(), &shared.settings.checks);
            if state.level() != self.level {
                self.level = state.level();
                shared.level.store(self.level.0, Ordering::Release);
                tracing::info!(level = %self.level, "newer shapes are active");
            }
            // Whatever is in force by now is looked for with the next instant.
            self.next = Some(Timestamp::EPOCH);
        }
    }
}

impl Writer {
    /// Takes in what a batch recorded, but for shards on which it did not land.
    pub(super) fn take_in(&mut self, news: News, moved: &[(Shard, Head)]) {
        let shards = self.shared.store.identity().shards;
        for (partition, state) in news.states {
            let shard = shards.shard_of(&partition);
            if moved.iter().all(|(moved, _)| *moved != shard) {
                self.known.take_in_house(&self.shared, &partition, &state);
            }
        }
        self.follow_policy();
    }

    /// Goes over to the policy that is in force by now.
    pub(super) fn follow_policy(&mut self) {
        let Ok(now) = &self.now else { return };
        if self.known.next.is_none_or(|next| *now < next) {
            return;
        }
        let (rules, next) = self.known.schedule.at(*now);
        self.known.next = next;
        if Arc::ptr_eq(rules, &self.known.rules) {
            return;
        }
        self.known.rules = Arc::clone(rules);
        self.shared.rules.set(Arc::clone(rules));
        let (hash, version) = (rules.in_force.hash, rules.in_force.version);
        tracing::info!(%hash, version, "another policy is in force");
        if let Some(what) = &rules.unusable {
            tracing::error!(%what, "nothing new is decided for players");
        }
    }

    /// On a store that others may write to, looks for what they recorded: a reading of each partition, which is
    /// confirmed, and loaded again if it was out of date, as any other is.
    pub(super) fn refresh(&mut self) {
        let now = self.shared.threads.now();
        let due = now.saturating_sub(self.known.refreshed) >= self.shared.settings.refresh;
        if !due || self.shared.store.is_exclusive() || self.room() < 2 {
            return;
        }
        self.known.refreshed = now;
        let shards = self.shared.store.identity().shards;
        let of = [&self.known.register.0, &self.known.configuration.0];
        // Nobody waits for the answers.
        let jobs = of.map(|partition| Job::read(partition.clone(), shards, oneshot::channel().0));
        self.process(jobs.into());
    }
}
