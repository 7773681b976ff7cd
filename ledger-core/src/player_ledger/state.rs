//! The live state of one player and its fold. Used keys, tombstones and rounds that are over are not in
//! it: they stay in the log, and the engine fetches what a command names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::ids::{BrandId, JurisdictionId, OperatorId, PlayerId, RoundId, SourceId};
use crate::money::CurrencyCode;
use crate::player_ledger::RoundRef;
use crate::round;
use crate::stored::{CommitBody, Event, EventRecord, PurseBalance, Round, RoundStatus};
use crate::time::Timestamp;
use crate::wallet::{Purse, Wallet};

/// The version of this fold; a snapshot made by another is ignored. Raise it with every change to what
/// `evolve` makes of events or to how the state is encoded.
pub const FOLD_VERSION: u32 = 1;

/// The most rounds a player may have open at once.
pub const OPEN_ROUNDS_MAX: usize = 1_000;

/// Stored bytes and state contradict each other, or the code contradicts itself. Never an answer to a
/// command: the player stops until the store was verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger is inconsistent: {what}")]
pub struct Fault {
    what: String,
}

impl Fault {
    /// A contradiction, in words.
    pub fn corrupted(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// What a player was opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The operator.
    pub operator: OperatorId,
    /// The brand.
    pub brand: BrandId,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: JurisdictionId,
    /// The time zone of his periods.
    pub zone: String,
    /// Real or test.
    pub kind: AccountKind,
}

/// The live state of one player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerState {
    player: PlayerId,
    profile: Option<Profile>,
    version: u64,
    wallet: Wallet,
    #[serde(with = "rounds_as_list")]
    rounds: BTreeMap<(SourceId, RoundId), Round>,
    recorded_at: Option<Timestamp>,
}

/// The events that stand in a player's own stream beside his opening.
fn stands_in_player_stream(event: &Event) -> bool {
    matches!(
        event,
        Event::TxnRejected(_)
            | Event::TxnTombstoned(_)
            | Event::TxnNoted(_)
            | Event::NegativeBalanceRaised(_)
            | Event::CreditGranted(_)
    )
}

/// A map with a compound key, as a list.
mod rounds_as_list {
    use super::{BTreeMap, Round, RoundId, SourceId};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        rounds: &BTreeMap<(SourceId, RoundId), Round>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(rounds.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<(SourceId, RoundId), Round>, D::Error> {
        let rounds = Vec::<Round>::deserialize(deserializer)?;
        Ok(rounds.into_iter().map(|round| ((round.source.clone(), round.id.clone()), round)).collect())
    }
}

impl PlayerState {
    /// A player of whom the log knows nothing.
    pub fn new(player: PlayerId) -> Self {
        Self {
            player,
            profile: None,
            version: 0,
            wallet: Wallet::default(),
            rounds: BTreeMap::new(),
            recorded_at: None,
        }
    }

    /// Whose state it is.
    pub fn player(&self) -> &PlayerId {
        &self.player
    }

    /// What he was opened with; `None` before that.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// His money.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The version of his `player` stream.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When his last commit was recorded.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// His open rounds, by source and id.
    pub fn rounds(&self) -> impl Iterator<Item = &Round> {
        self.rounds.values()
    }

    /// How many rounds are open.
    pub fn open_rounds(&self) -> usize {
        self.rounds.len()
    }

    /// An open round.
    pub fn round(&self, round: &RoundRef) -> Option<&Round> {
        self.rounds.get(&(round.source.clone(), round.round.clone()))
    }

    /// The balances of all purses.
    pub fn balances(&self) -> Vec<PurseBalance> {
        self.wallet.purses().iter().map(Purse::balance).collect()
    }

    /// The balance of one purse.
    pub fn balance(&self, currency: CurrencyCode) -> Option<PurseBalance> {
        self.wallet.purse(currency).map(Purse::balance)
    }

    /// Folds a commit into the state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the commit cannot follow this state: stored bytes are damaged.
    pub fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), Fault> {
        if !matches!(&body.partition, crate::partition::Partition::Player(own) if *own == self.player) {
            return Err(Fault::corrupted(format!("a commit of {} came to {}", body.partition, self.player)));
        }
        self.evolve_all(&body.events, body.recorded_at)
    }

    /// Folds the events of one commit, recorded at an instant.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the events cannot follow this state; the state must not be used any more.
    pub fn evolve_all(&mut self, events: &[EventRecord], recorded_at: Timestamp) -> Result<(), Fault> {
        events.iter().try_for_each(|record| self.evolve(record))?;
        self.recorded_at = Some(recorded_at);
        Ok(())
    }

    /// Folds one event into the state. Holds no business rule and cannot panic.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow this state.
    pub fn evolve(&mut self, record: &EventRecord) -> Result<(), Fault> {
        match &record.event {
            Event::EntryPosted(event) => self.wallet.evolve(record.version, event),
            Event::PlayerOpened(event) => {
                self.next_version(record.version)?;
                if self.profile.is_some() {
                    return Err(Fault::corrupted("a player was opened twice"));
                }
                self.profile = Some(Profile {
                    operator: event.operator.clone(),
                    brand: event.brand.clone(),
                    jurisdiction: event.jurisdiction.clone(),
                    zone: event.zone.clone(),
                    kind: event.kind,
                });
                self.wallet.open(&event.currencies);
                Ok(())
            }
            Event::DepositSucceeded(_) => Ok(()),
            Event::CurrencyRegistered(_) => {
                Err(Fault::corrupted("a house event stands in a player's partition"))
            }
            event => match &record.stream {
                crate::partition::Stream::Round(_, source, round) => self.evolve_round(source, round, record),
                crate::partition::Stream::Player(_) if stands_in_player_stream(event) => {
                    self.next_version(record.version)
                }
                stream => Err(Fault::corrupted(format!("{} stands in {stream}", record.event.type_name()))),
            },
        }
    }

    fn next_version(&mut self, version: u64) -> Result<(), Fault> {
        if Some(version) != self.version.checked_add(1) {
            return Err(Fault::corrupted(format!("event {version} of the player follows {}", self.version)));
        }
        self.version = version;
        Ok(())
    }

    fn evolve_round(&mut self, source: &SourceId, id: &RoundId, record: &EventRecord) -> Result<(), Fault> {
        let key = (source.clone(), id.clone());
        if let Some(live) = self.rounds.get_mut(&key) {
            round::evolve(live, record)?;
            if live.status != RoundStatus::Open {
                self.rounds.remove(&key);
            }
            return Ok(());
        }
        match &record.event {
            Event::RoundReopened(_) => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record)?;
                self.rounds.insert(key, round);
                Ok(())
            }
            Event::BetPlaced(_) if record.version == 1 => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record)?;
                self.rounds.insert(key, round);
                Ok(())
            }
            // These touch a round that is over and leave it so; the live state has nothing of it.
            Event::RoundVoided(_) | Event::WinRetained(_) | Event::CreditGranted(_) => Ok(()),
            event => {
                Err(Fault::corrupted(format!("{} came for round {id}, which is not open", event.type_name())))
            }
        }
    }

    /// The state as bytes for a snapshot.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// A state from a snapshot's bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a state; the caller then replays the log.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
