//! What happens, as it happens: a subscription to the log, handed to whoever listens. For people who look on; a
//! publisher of events keeps a checkpoint instead, as `examples/nats` does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use casino_ledger::Ledger;
use casino_ledger::core::stored::Event;
use casino_ledger::core::{Partition, PlayerId, Timestamp};
use casino_ledger::projections::{Checkpoint, Feed, Occurrence, SubscriptionSettings};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// How many items a listener may be behind before some are left out for him.
const BEHIND_MAX: usize = 1_024;

/// How many items are kept for who comes later.
const KEPT: usize = 100;

/// Something that happened to a player's money or play.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Which event: shard, position of its commit, place in the commit.
    pub id: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// The player.
    pub player: PlayerId,
    /// The brand, if the commit names one.
    pub brand: Option<String>,
    /// The type of the event, such as `bet.placed`.
    pub event: &'static str,
    /// The round, deposit, withdrawal or award.
    pub of: String,
    /// The game, if it names one.
    pub game: Option<String>,
    /// The amount, if it names one.
    pub amount: Option<String>,
    /// Its currency.
    pub currency: Option<String>,
    /// The trace of the request.
    pub trace: Option<String>,
}

#[derive(Debug)]
struct Shared {
    sender: broadcast::Sender<Arc<Item>>,
    last: Mutex<VecDeque<Arc<Item>>>,
}

/// The stream of what happens.
#[derive(Debug)]
pub struct LiveFeed {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl LiveFeed {
    /// Follows the log from where it ends now.
    pub(crate) async fn start(ledger: &Ledger, feed: &Feed) -> anyhow::Result<Self> {
        let from = Checkpoint::from_heads(feed.identity(), ledger.heads().await?)?;
        let mut subscription = feed.subscribe(from, SubscriptionSettings::default())?;
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        let shared = Arc::new(Shared { sender, last: Mutex::default() });
        let told = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Some(delivery) = subscription.next().await {
                match delivery {
                    Ok(delivery) => delivery.events.iter().filter_map(item).for_each(|item| told.tell(item)),
                    Err(error) => tracing::error!(%error, "the live feed stopped"),
                }
            }
        });
        Ok(Self { shared, task })
    }

    /// What happens from now on. A listener who is too slow loses what he was too slow for, and is told.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Item>> {
        self.shared.sender.subscribe()
    }

    /// The last that happened since the server was started, the newest first.
    pub fn last(&self) -> Vec<Arc<Item>> {
        let last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().rev().cloned().collect()
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Shared {
    fn tell(&self, item: Item) {
        let item = Arc::new(item);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(Arc::clone(&item));
        drop(last);
        // Nobody listens, or somebody does.
        let _ = self.sender.send(item);
    }
}

/// An event as an item. Entries are left out: each belongs to an event that says what it was for.
fn item(occurrence: &Occurrence) -> Option<Item> {
    let (commit, record) = (occurrence.commit(), occurrence.record()?);
    let Partition::Player(player) = &commit.body.partition else { return None };
    let (game, amount, currency) = match &record.event {
        Event::EntryPosted(_) => return None,
        Event::BetPlaced(e) => (Some(e.game.to_string()), Some(e.stake), Some(e.currency)),
        Event::WinCredited(e) => (None, Some(e.amount), Some(e.currency)),
        Event::BetSettled(e) => (None, Some(e.win), Some(e.currency)),
        Event::BetRolledBack(e) => (None, None, Some(e.currency)),
        Event::CreditGranted(e) => (None, Some(e.amount), Some(e.currency)),
        Event::DepositSucceeded(e) => (None, Some(e.amount), Some(e.currency)),
        Event::WithdrawalRequested(e) => (None, Some(e.hold.amount), Some(e.currency)),
        _ => (None, None, None),
    };
    Some(Item {
        id: occurrence.id().to_string(),
        at: commit.body.recorded_at,
        player: player.clone(),
        brand: commit.body.brand.as_ref().map(ToString::to_string),
        event: record.event.type_name(),
        of: record.stream.to_string(),
        game,
        amount: amount.map(|amount| amount.to_string()),
        currency: currency.map(|currency| currency.to_string()),
        trace: commit.body.trace.as_ref().map(ToString::to_string),
    })
}
