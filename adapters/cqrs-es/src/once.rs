//! Views that take each event once, though it may come again.

use cqrs_es::{EventEnvelope, View};
use serde::{Deserialize, Serialize};

use crate::aggregate::PlayerLedger;

/// A view of one player that takes each of his events once: it keeps the sequence of the last one it took, in the same row
/// as what it made of it.
///
/// For `GenericQuery`, whose views are one per player and whose repositories write a view whole, in one statement: with it a
/// feed that dispatches at least once has its effect once. The column `version` of a view table cannot do that; it counts
/// updates.
///
/// Not for a view that several players' events go to: their sequences say nothing of each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once<V> {
    seen: usize,
    view: V,
}

impl<V> Once<V> {
    /// The view.
    pub fn view(&self) -> &V {
        &self.view
    }

    /// The sequence of the last event it took, 0 before the first: where the view is true.
    pub fn seen(&self) -> usize {
        self.seen
    }
}

impl<V: View<PlayerLedger>> View<PlayerLedger> for Once<V> {
    fn update(&mut self, event: &EventEnvelope<PlayerLedger>) {
        if event.sequence > self.seen {
            self.view.update(event);
            self.seen = event.sequence;
        }
    }
}
