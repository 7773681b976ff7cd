//! What happens, as it happens: a subscription to the log, handed to whoever listens. For people who look on; a
//! publisher of events keeps a checkpoint instead, as `examples/nats` does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use casino_ledger::Ledger;
use casino_ledger::core::stored::Event;
use casino_ledger::core::{Partition, PlayerId, Timestamp};
use casino_ledger::projections::{
    Checkpoint, Delivery, Feed, Occurrence, SubscribeError, SubscriptionSettings,
};
use futures_util::{Stream, StreamExt as _};
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
struct Shared(Mutex<Told>);

#[derive(Debug)]
struct Told {
    /// Gone once the feed has ended: then whoever listens is told.
    sender: Option<broadcast::Sender<Arc<Item>>>,
    last: VecDeque<Arc<Item>>,
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
        Ok(Self::follow(feed.subscribe(from, SubscriptionSettings::default())?))
    }

    fn follow<S>(mut subscription: S) -> Self
    where
        S: Stream<Item = Result<Delivery, SubscribeError>> + Send + Unpin + 'static,
    {
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        let told = Told { sender: Some(sender), last: VecDeque::new() };
        let shared = Arc::new(Shared(Mutex::new(told)));
        let told = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Some(delivery) = subscription.next().await {
                match delivery {
                    Ok(delivery) => delivery.events.iter().filter_map(item).for_each(|item| told.tell(item)),
                    Err(error) => tracing::error!(%error, "the live feed stopped"),
                }
            }
            // What was missed cannot be told any more. Whoever listens is to see that, and not wait for ever.
            told.end();
        });
        Self { shared, task }
    }

    /// What happens from now on. A listener who is too slow loses what he was too slow for, and is told. When the feed has
    /// ended, so have all listeners.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Item>> {
        match &self.shared.told().sender {
            Some(sender) => sender.subscribe(),
            // Its sender is gone at once.
            None => broadcast::channel(1).1,
        }
    }

    /// Whether it goes on. It ends where the log cannot be read on; only a new start mends that.
    pub fn is_live(&self) -> bool {
        self.shared.told().sender.is_some()
    }

    /// The last that happened since the server was started, the newest first.
    pub fn last(&self) -> Vec<Arc<Item>> {
        self.shared.told().last.iter().rev().cloned().collect()
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
        self.shared.end();
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, item: Item) {
        let item = Arc::new(item);
        let mut told = self.told();
        if told.last.len() == KEPT {
            told.last.pop_front();
        }
        told.last.push_back(Arc::clone(&item));
        if let Some(sender) = &told.sender {
            // Nobody listens, or somebody does.
            let _ = sender.send(item);
        }
    }

    fn end(&self) {
        self.told().sender = None;
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

#[cfg(test)]
mod tests {
    use casino_ledger::projections::{Stop, StopReason};
    use futures_util::stream::{iter, pending};
    use tokio::sync::broadcast::error::RecvError;

    use super::*;

    #[tokio::test]
    async fn a_feed_that_cannot_go_on_tells_whoever_listens() {
        let stop = Stop { at: None, events: Vec::new(), reason: StopReason::Panicked("a test".to_owned()) };
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let failed = futures_util::stream::once(async move {
            let _ = gone.await;
            Err(SubscribeError(Arc::new(stop)))
        });
        let feed = LiveFeed::follow(Box::pin(failed));
        let mut listener = feed.listen();
        assert!(feed.is_live());
        let _ = go.send(());
        assert!(matches!(listener.recv().await, Err(RecvError::Closed)));
        assert!(!feed.is_live());
        assert!(matches!(feed.listen().recv().await, Err(RecvError::Closed)), "who comes later too");
        // Also where there is nothing more to come.
        let feed = LiveFeed::follow(iter([]));
        assert!(matches!(feed.listen().recv().await, Err(RecvError::Closed)));
        assert!(LiveFeed::follow(pending()).is_live());
    }
}
