//! What the house assigned and what players' ledgers released: no commit spans the two, so that they agree is looked
//! at here. What was released to a player without an assignment, or more than once, is money given away.

use std::collections::BTreeMap;

use ledger_core::stored::{CancelProof, CommitBody, Event, EventRecord};
use ledger_core::{
    AccountKind, Amount, CurrencyCode, HouseAggregateRef, HouseId, HouseName, HousePurpose, PlayerId,
    SourceId, Stream, TransactionId,
};
use serde::{Deserialize, Serialize};

/// An item in suspense, as the house's partition tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Item {
    worth: Option<(CurrencyCode, Amount)>,
    /// To whom it is or was assigned, and whether that was called off since.
    assigned: Vec<(PlayerId, Option<CancelProof>)>,
    landed: bool,
}

/// What a player's ledger released of the house's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Release {
    player: PlayerId,
    /// What his money is.
    kind: Option<AccountKind>,
    currency: CurrencyCode,
    amount: Amount,
}

/// What a shard tells of crossings, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct CrossingsOfShard {
    items: Vec<(HouseId, TransactionId, Item)>,
    released: Vec<(SourceId, TransactionId, Vec<Release>)>,
}

/// Both sides of every crossing.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    items: BTreeMap<(HouseId, TransactionId), Item>,
    /// By payment provider and reference.
    released: BTreeMap<(SourceId, TransactionId), Vec<Release>>,
}

impl Crossings {
    /// Takes a commit of any partition.
    pub(super) fn take(&mut self, body: &CommitBody) {
        for record in &body.events {
            self.take_event(record, body);
        }
    }

    /// What a shard told, to be kept.
    pub(super) fn into_parts(self) -> CrossingsOfShard {
        let items = self.items.into_iter().map(|((house, reference), item)| (house, reference, item));
        let released =
            self.released.into_iter().map(|((psp, reference), released)| (psp, reference, released));
        CrossingsOfShard { items: items.collect(), released: released.collect() }
    }

    /// Adds what a shard told. Every partition is of one shard.
    pub(super) fn merge(&mut self, shard: CrossingsOfShard) {
        self.items.extend(shard.items.into_iter().map(|(house, reference, item)| ((house, reference), item)));
        for (psp, reference, released) in shard.released {
            self.released.entry((psp, reference)).or_default().extend(released);
        }
    }

    fn take_event(&mut self, record: &EventRecord, body: &CommitBody) {
        match &record.stream {
            Stream::HouseAggregate(house, HouseAggregateRef::Suspense(reference)) => {
                let item = self.items.entry((house.clone(), reference.clone())).or_default();
                match &record.event {
                    Event::SuspenseCaptured(event) => item.worth = Some((event.currency, event.amount)),
                    Event::SuspenseAssigned(event) => item.assigned.push((event.player.clone(), None)),
                    Event::SuspenseAssignmentCancelled(event) => {
                        if let Some((_, proof)) = item.assigned.last_mut() {
                            *proof = Some(event.proof);
                        }
                    }
                    Event::SuspenseLanded(_) => item.landed = true,
                    _ => {}
                }
            }
            Stream::Deposit(player, psp, reference) => {
                if let Event::DepositReleased(event) = &record.event
                    && event.house_item
                {
                    let (currency, amount) = (event.currency, event.amount);
                    // The entry that books it says what money it is.
                    let kind = body.events.iter().find_map(|record| match &record.event {
                        Event::EntryPosted(event) => Some(event.entry.kind()),
                        _ => None,
                    });
                    let release = Release { player: player.clone(), kind, currency, amount };
                    self.released.entry((psp.clone(), reference.clone())).or_default().push(release);
                }
            }
            _ => {}
        }
    }

    /// What does not agree: a release to a player without an assignment that stands, to him, of this amount; and an
    /// item that is said to have landed and was not released.
    pub(super) fn breaks(&self) -> Vec<String> {
        let mut breaks = Vec::new();
        let mut known: BTreeMap<(AccountKind, &SourceId, &TransactionId), &Item> = BTreeMap::new();
        let names = self.items.keys().map(|(house, _)| HouseName::of(house)).collect::<Vec<_>>();
        for (((house, reference), item), name) in self.items.iter().zip(&names) {
            let Some(HouseName { kind, purpose: HousePurpose::Psp(psp) }) = name else { continue };
            let name = (psp.clone(), reference.clone());
            let player = item.assigned.last().map(|(player, _)| player);
            let mut released = self.released.get(&name).into_iter().flatten();
            if item.landed && !released.any(|release| Some(&release.player) == player) {
                breaks.push(format!("{reference} of {house} is said to have landed, and was not released"));
            }
            known.insert((*kind, psp, reference), item);
        }
        for ((psp, reference), releases) in &self.released {
            for Release { player, kind, currency, amount } in releases {
                // An item is good for one release.
                let name = kind.map(|kind| (kind, psp, reference));
                let item = name.filter(|name| {
                    known.get(name).is_some_and(|item| item.allows(player, (*currency, *amount)))
                });
                if item.and_then(|name| known.remove(&name)).is_none() {
                    breaks.push(format!(
                        "{amount} {currency} of {psp}:{reference} were released to {player} from the house, which has not assigned them"
                    ));
                }
            }
        }
        breaks
    }
}

impl Item {
    /// Whether it is assigned to this player, in this amount, and that was not called off.
    fn allows(&self, player: &PlayerId, worth: (CurrencyCode, Amount)) -> bool {
        let stands = self.assigned.last().filter(|(_, proof)| proof.is_none());
        stands.is_some_and(|(to, _)| to == player) && self.worth == Some(worth)
    }
}
