//! A process of a platform's own: a welcome gift, a while after a player's first deposit, and a letter about it.
//!
//! `cargo run --example own_process`
//!
//! All there is to write is what is kept of a process, a fold, and what is wanted. The runner keeps the rest: keys,
//! retries, timers, restarts. A crash anywhere between the two commits and the letter ends in one gift, and in a letter
//! that is sent again under the same id.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::stored::{CreditKind, Event};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{GrantCredit, Partition, PlayerId, Policy, Timestamp};
use casino_ledger::process::{
    Call, EffectError, Effects, Input, ManagerName, MemoryProcesses, ProcessId, ProcessManager,
    ProcessNameError, ProcessRunner, ProcessSettings, Turn, Wants,
};
use casino_ledger::projections::{Feed, Occurrence};
use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{Ledger, Settings};
use serde::{Deserialize, Serialize};

/// Gives 5 EUR some time after the first deposit, and has a letter sent.
struct Welcome {
    name: ManagerName,
    after: Duration,
}

/// A player's welcome: one for ever, so that the second deposit begins none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Guest {
    player: PlayerId,
    since: Timestamp,
    is_given: bool,
    is_told: bool,
}

/// What the letter is about.
#[derive(Debug, Clone, PartialEq)]
struct Letter {
    player: PlayerId,
}

impl Welcome {
    fn new(after: Duration) -> Result<Self, ProcessNameError> {
        Ok(Self { name: ManagerName::new("welcome")?, after })
    }
}

impl ProcessManager for Welcome {
    type State = Guest;
    type Effect = Letter;
    type Answer = ();
    type Message = std::convert::Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    // Which process an event is for.
    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let is_ours = event.record().is_some_and(|record| {
            matches!(record.event, Event::DepositSucceeded(_) | Event::CreditGranted(_))
        });
        if let (true, Partition::Player(player)) = (is_ours, &event.commit().body.partition) {
            processes.extend(ProcessId::of(&[player.as_str()]));
        }
    }

    // What the process is after something happened.
    fn fold(
        &self,
        process: &ProcessId,
        state: &mut Option<Guest>,
        input: Input<'_, (), Self::Message>,
        turn: &mut Turn<Self::Message>,
    ) {
        match input {
            Input::Event(event) => {
                match (event.record().map(|record| &record.event), &event.commit().body.partition) {
                    (Some(Event::DepositSucceeded(_)), Partition::Player(player)) => {
                        let player = player.clone();
                        state.get_or_insert(Guest {
                            player,
                            since: turn.at,
                            is_given: false,
                            is_told: false,
                        });
                    }
                    // The event of the step ends the wish for it: also when the log is folded again.
                    (Some(Event::CreditGranted(credit)), _) => {
                        let ours = process.transaction("gift").is_ok_and(|id| id == credit.credit.id);
                        if let (true, Some(guest)) = (ours, state) {
                            guest.is_given = true;
                        }
                    }
                    _ => {}
                }
            }
            Input::Answered { .. } => {
                if let Some(guest) = state {
                    guest.is_told = true;
                }
            }
            _ => {}
        }
    }

    // What a process in this state wants done.
    fn wants(&self, _: &ProcessId, guest: &Guest, _: &Policy, wants: &mut Wants<Letter>) {
        if !guest.is_given {
            let gift = wants.player("gift", &guest.player, |key| GrantCredit {
                source: key.source,
                id: key.id,
                ..commands::credit("gift", CreditKind::ProviderPromo, "5.00")
            });
            if let Some(gift) = gift {
                gift.not_before(guest.since.saturating_add(self.after));
            }
        } else if !guest.is_told {
            wants.effect("letter", Letter { player: guest.player.clone() });
        }
    }
}

/// Sends letters.
struct Post;

#[async_trait]
impl Effects<Welcome> for Post {
    async fn perform(&self, call: Call<'_, Letter>) -> Result<(), EffectError> {
        println!("letter {} goes to {}", call.id, call.request.player);
        Ok(())
    }
}

async fn welcome() -> anyhow::Result<String> {
    let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::DEFAULT, format: FORMAT };
    let ledger = Ledger::with_store(Arc::new(MemoryStore::new(identity)), Settings::new()?).await?;
    let player = PlayerId::new("p1")?;
    ledger.execute(&player, commands::open(&["EUR"])).await?;
    ledger.execute(&player, commands::deposit("d1", "20.00")).await?;
    ledger.execute(&player, commands::deposit("d2", "20.00")).await?;

    let (feed, store) = (Feed::new(ledger.store()), Arc::new(MemoryProcesses::new()));
    let manager = Welcome::new(Duration::from_millis(20))?;
    let (runner, processes) =
        ProcessRunner::new(&ledger, &feed, manager, Post, store, ProcessSettings::default())?;
    let running = tokio::spawn(runner.run());
    let guest = ProcessId::of(&["p1"])?;
    tokio::time::timeout(Duration::from_secs(30), async {
        // Looked at now and then: the handle says how a process stands, not when it changes.
        while !processes.process(&guest).is_some_and(|guest| guest.is_told) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await?;
    processes.stop().await?;
    running.await??;
    let reading = ledger.player(&player).await?;
    ledger.close().await?;
    Ok(reading.balances()[0].available().to_string())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("p1 has {} EUR", welcome().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_guest_is_welcomed_once() {
        assert_eq!(super::welcome().await.unwrap(), "45.00");
    }
}
