//! Given events, when a command, then events: `cqrs_es::test::TestFramework` with the decisions of the ledger.

use casino_ledger::core::stored::Event;
use casino_ledger::core::{PlayerCommand, Rejection};
use casino_ledger_cqrs_es::{
    LedgerEventStore, PlayerError, PlayerEvent, PlayerLedger, PlayerServices, Rules, ledger_cqrs,
};
use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate as _, DomainEvent as _, EventStore as _};

use crate::support::{PLAYER, bet, bet_and_win, deposit, history, in_memory, open, player, rollback, win};

fn framework() -> TestFramework<PlayerLedger> {
    let mut rules = Rules::new(player(PLAYER));
    // As the clock of the ledgers of the tests.
    rules.now = "2026-01-01T00:00:00Z".parse().unwrap();
    TestFramework::with(PlayerServices::deciding(rules))
}

/// The events of a player after these commands, from a ledger.
async fn events_after(commands: &[PlayerCommand]) -> Vec<PlayerEvent> {
    let ledger = in_memory().await;
    let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
    for command in commands {
        drop(cqrs.execute(PLAYER, command.clone()).await);
    }
    let events = LedgerEventStore::new(ledger).unwrap().load_events(PLAYER).await.unwrap();
    events.into_iter().map(|event| event.payload).collect()
}

/// What a command adds to given events, or the code of its refusal.
async fn when(given: &[PlayerEvent], command: PlayerCommand) -> Result<Vec<PlayerEvent>, PlayerError> {
    framework().given(given.to_vec()).when_async(command).await.inspect_result()
}

#[tokio::test]
async fn a_bet_without_cash_is_refused() {
    let given = events_after(&[open()]).await;
    let refused = when(&given, bet("t1", "10.00")).await.unwrap_err();
    let PlayerError::Refused(refusal) = refused else { panic!("{refused}") };
    assert!(matches!(refusal.rejection, Rejection::InsufficientFunds { .. }));
    assert!(!refusal.replayed && refusal.recorded.is_none());
}

/// On every prefix of a history, the aggregate decides each of many commands as the ledger does.
#[tokio::test]
async fn it_decides_as_the_ledger_does() {
    let all: Vec<PlayerCommand> = history().into_iter().map(|(command, _)| command).collect();
    let further = [
        open(),
        deposit("d1", "100.00"),
        deposit("d2", "1.00"),
        bet("t1", "10.00"),
        bet("t1", "11.00"),
        bet("t2", "1000.00"),
        bet("t3", "5.00"),
        bet("t7", "1.00"),
        win("w1", "t1", "36.40"),
        win("w8", "t1", "1.00"),
        win("w9", "t7", "1.00"),
        rollback("x1", "t1"),
        rollback("x3", "t3"),
        rollback("x5", "t5"),
        rollback("x7", "w5"),
        rollback("x9", "t9"),
        bet_and_win("t5", "10.00", "w5", "5.00"),
        bet_and_win("t8", "1.00", "w8", "2.00"),
    ];
    let mut compared = 0;
    for length in 0..=all.len() {
        let given = events_after(&all[..length]).await;
        for command in &further {
            let commands: Vec<_> = all[..length].iter().chain([command]).cloned().collect();
            let ledger = in_memory().await;
            let cqrs = ledger_cqrs(ledger.clone(), vec![]).unwrap();
            let mut last = Ok(());
            for command in &commands {
                last = cqrs.execute(PLAYER, command.clone()).await;
            }
            match (when(&given, command.clone()).await, last) {
                (Ok(events), Ok(())) => {
                    let due = LedgerEventStore::new(ledger).unwrap().load_events(PLAYER).await.unwrap();
                    let due: Vec<_> = due.into_iter().skip(given.len()).map(|event| event.payload).collect();
                    assert_eq!(events, due, "after {length}: {command:?}");
                }
                (Err(found), Err(cqrs_es::AggregateError::UserError(due))) => {
                    let (PlayerError::Refused(found), PlayerError::Refused(due)) = (found, due) else {
                        panic!("after {length}: {command:?}")
                    };
                    assert_eq!(found.rejection, due.rejection, "after {length}: {command:?}");
                    assert_eq!(found.replayed, due.replayed, "after {length}: {command:?}");
                }
                (found, due) => panic!("after {length}: {command:?} gives {found:?}, not {due:?}"),
            }
            compared += 1;
        }
    }
    assert_eq!(compared, (all.len() + 1) * further.len());
}

#[tokio::test]
async fn events_survive_their_json_in_text_and_in_values() {
    let all: Vec<PlayerCommand> = history().into_iter().map(|(command, _)| command).collect();
    for event in events_after(&all).await {
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(serde_json::from_value::<PlayerEvent>(value).unwrap(), event);
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<PlayerEvent>(&text).unwrap(), event);
        assert_eq!(
            (event.event_type().as_str(), event.event_version().as_str()),
            (event.event().type_name(), "1")
        );
    }
}

#[tokio::test]
async fn an_aggregate_survives_its_json() {
    let all: Vec<PlayerCommand> = history().into_iter().map(|(command, _)| command).collect();
    let mut aggregate = PlayerLedger::default();
    events_after(&all).await.into_iter().for_each(|event| aggregate.apply(event));
    let value = serde_json::to_value(&aggregate).unwrap();
    let again: PlayerLedger = serde_json::from_value(value).unwrap();
    assert_eq!(again.state(), aggregate.state());
    assert_eq!(again.state().unwrap().balances()[0].available().to_string(), "121.40");
}

#[tokio::test]
async fn events_that_contradict_each_other_make_every_command_fail() {
    let mut given = events_after(&[open(), deposit("d1", "100.00"), deposit("d2", "1.00")]).await;
    let lost = given.iter().position(|event| matches!(event.event(), Event::EntryPosted(_))).unwrap();
    given.remove(lost);
    for command in [open(), bet("t1", "1.00")] {
        let refused = when(&given, command).await.unwrap_err();
        assert!(matches!(refused, PlayerError::Fault(_)), "{refused}");
    }
}

#[tokio::test]
async fn without_rules_and_without_a_ledger_nothing_is_decided() {
    let framework = TestFramework::<PlayerLedger>::with(PlayerServices::ledger());
    let refused = framework.given_no_previous_events().when_async(open()).await.inspect_result();
    assert_eq!(refused, Err(PlayerError::WithoutLedger));
}
