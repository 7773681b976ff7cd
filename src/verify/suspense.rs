//! What the house assigned and what players' ledgers released: no commit spans the two, so that they agree is looked
//! at here. What was released to a player without an assignment, or more than once, is money given away.

use std::collections::BTreeMap;

use ledger_core::stored::{CancelProof, Event, EventRecord};
use ledger_core::{
    Amount, CurrencyCode, HouseAggregateRef, HouseId, HouseName, HousePurpose, PlayerId, Stream,
    TransactionId,
};

/// An item in suspense, as the house's partition tells it.
#[derive(Debug, Default)]
struct Item {
    worth: Option<(CurrencyCode, Amount)>,
    /// To whom it is or was assigned, and whether that was called off since.
    assigned: Vec<(PlayerId, Option<CancelProof>)>,
    landed: bool,
}

/// What a player's ledger released of the house's.
#[derive(Debug)]
struct Release {
    player: PlayerId,
    currency: CurrencyCode,
    amount: Amount,
}

/// By payment provider and reference. Test and real are told apart by the partition of the house; a player's is either.
type Name = (String, TransactionId);

/// Both sides of every crossing.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    items: BTreeMap<(HouseId, TransactionId), Item>,
    released: BTreeMap<Name, Vec<Release>>,
}

impl Crossings {
    /// Takes an event of any partition.
    pub(super) fn take(&mut self, record: &EventRecord) {
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
                    let release = Release { player: player.clone(), currency, amount };
                    let name = (psp.to_string(), reference.clone());
                    self.released.entry(name).or_default().push(release);
                }
            }
            _ => {}
        }
    }

    /// What does not agree: a release to a player without an assignment that stands, to him, of this amount; and an
    /// item that is said to have landed and was not released.
    pub(super) fn breaks(&self) -> Vec<String> {
        let mut breaks = Vec::new();
        let mut known: BTreeMap<Name, Vec<&Item>> = BTreeMap::new();
        for ((house, reference), item) in &self.items {
            let Some(HouseName { purpose: HousePurpose::Psp(psp), .. }) = HouseName::of(house) else {
                continue;
            };
            let name = (psp.to_string(), reference.clone());
            let released = self.released.get(&name).map_or(&[][..], Vec::as_slice);
            let player = item.assigned.last().map(|(player, _)| player);
            if item.landed && !released.iter().any(|release| Some(&release.player) == player) {
                breaks.push(format!("{reference} of {house} is said to have landed, and was not released"));
            }
            known.entry(name).or_default().push(item);
        }
        for (name, releases) in &self.released {
            let mut items = known.remove(name).unwrap_or_default();
            for release in releases {
                // An item is good for one release.
                match items.iter().position(|item| item.allows(release)) {
                    Some(at) => drop(items.remove(at)),
                    None => {
                        let ((psp, reference), Release { player, currency, amount }) = (name, release);
                        breaks.push(format!(
                            "{amount} {currency} of {psp}:{reference} were released to {player} from the house, which has not assigned them"
                        ));
                    }
                }
            }
        }
        breaks
    }
}

impl Item {
    /// Whether it is assigned to this player, in this amount, and that was not called off.
    fn allows(&self, release: &Release) -> bool {
        let stands = self.assigned.last().filter(|(_, proof)| proof.is_none());
        let to_him = stands.is_some_and(|(player, _)| *player == release.player);
        to_him && self.worth == Some((release.currency, release.amount))
    }
}
