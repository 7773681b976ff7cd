//! The decision on an event of the host.

use super::{HOST_NAMESPACES_MAX, HostMovement, HostOperation, postings};
use crate::money::Amount;
use crate::partition::Stream;
use crate::player_ledger::{Facts, Fault, Outcome, PlayerState, Stop, Workspace};
use crate::policy::UnplayedMoney;
use crate::rejection::{Capacity, NotAllowedReason, Rejection, not_allowed};
use crate::stored::{Event, HostRecorded};
use crate::wallet::{Purse, incoming, purse};

pub(super) fn record(command: &HostOperation, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let state = work.state();
    let between = command.movement.as_ref().filter(|movement| movement.between_players);
    if between.is_some() && !state.jurisdiction_profile(facts.policy).player_transfers {
        return Err(not_allowed(NotAllowedReason::PlayerTransfers).into());
    }
    let kept = state.host(&command.namespace);
    let version = kept.map_or(0, |kept| kept.version);
    if command.expected.is_some_and(|expected| expected != version) {
        return Err(Rejection::HostVersion { namespace: command.namespace.clone(), version }.into());
    }
    if kept.is_none() && state.host_namespaces() >= HOST_NAMESPACES_MAX {
        let maximum = u32::try_from(HOST_NAMESPACES_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::HostNamespaces, maximum }.into());
    }
    let entry = match &command.movement {
        Some(movement) => work.post(postings(command, movement, facts, work)?)?,
        None => None,
    };
    let version = version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
    let stream = Stream::Host(state.player().clone(), command.namespace.clone());
    let event = Event::HostRecorded(HostRecorded {
        txn: command.id.clone(),
        source: command.source.clone(),
        name: command.name.clone(),
        version: command.version,
        data: command.data.clone(),
        state: command.state.clone(),
        entry,
    });
    work.push(stream, version, event);
    Ok(command.movement.as_ref().map(|movement| movement.currency))
}

fn postings(
    command: &HostOperation,
    movement: &HostMovement,
    facts: &Facts<'_>,
    work: &Workspace<'_>,
) -> Result<Vec<crate::entry::Posting>, Stop> {
    let purse = purse(work.state(), movement.currency)?;
    let amount = incoming(movement.amount, purse.currency())?;
    if amount.is_zero() {
        return Err(Rejection::InvalidAmount { amount: movement.amount.to_string() }.into());
    }
    if movement.between_players {
        work.state().may_transfer(movement.to_player, facts.policy, work.now())?;
    }
    let (account, of) = (movement.account.code(), movement.account.sub_account(&command.namespace));
    if movement.to_player {
        return Ok(postings::to_player(purse, account, of, amount)?);
    }
    if amount > purse.available() {
        let currency = movement.currency;
        return Err(Rejection::InsufficientFunds { available: purse.available(), currency }.into());
    }
    if movement.between_players {
        check_played(work.state(), purse, amount, facts)?;
    }
    Ok(postings::from_player(purse, account, of, amount))
}

/// At whom it comes to, money of a transfer is in no lot: where withdrawing unplayed money is not free, only what was played
/// goes to another player. Else he would withdraw it instead.
fn check_played(state: &PlayerState, purse: &Purse, amount: Amount, facts: &Facts<'_>) -> Result<(), Stop> {
    if state.unplayed_money(facts.policy) == UnplayedMoney::Free {
        return Ok(());
    }
    let withdrawable = state.wallet().free_of_lots(purse)?;
    if amount > withdrawable {
        let currency = purse.currency().code();
        return Err(Rejection::UnplayedDeposits { withdrawable, currency }.into());
    }
    Ok(())
}
