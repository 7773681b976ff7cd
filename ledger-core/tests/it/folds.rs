//! Folds: an impossible pair of state and event is a fault, never a panic and never a guess.

use crate::goldens::samples;
use ledger_core::stored::{CommitBody, Event, EventRecord, Round};
use ledger_core::testing::{TestLedger, commands, given};
use ledger_core::{HouseId, HouseState, Partition, PlayerId, PlayerState, Timestamp};

/// Two settled rounds, an open one, and a debt.
fn ledger() -> TestLedger {
    let scenario = given()
        .cash("100.00")
        .bet("T1", "R1", "10")
        .win_close("W1", "R1", "25")
        .bet("T2", "R2", "115")
        .rollback("X1", "W1")
        .bet("T3", "R3", "0");
    scenario.ledger().clone()
}

fn empty() -> PlayerState {
    PlayerState::new(PlayerId::new("p1").unwrap())
}

fn events(ledger: &TestLedger) -> Vec<EventRecord> {
    ledger.events().cloned().collect()
}

fn fold(events: &[EventRecord]) -> Result<PlayerState, String> {
    let mut state = empty();
    events
        .iter()
        .try_for_each(|record| state.evolve(record, Timestamp::EPOCH))
        .map_err(|fault| fault.to_string())?;
    Ok(state)
}

#[test]
fn every_lost_or_doubled_event_of_the_wallet_is_a_fault() {
    let all = events(&ledger());
    let entries: Vec<_> = (0..all.len()).filter(|n| all[*n].event.type_name() == "entry.posted").collect();
    for at in &entries[..entries.len() - 1] {
        let mut lost = all.clone();
        lost.remove(*at);
        assert!(fold(&lost).is_err(), "entry {at} lost");
    }
    for at in entries {
        let mut doubled = all.clone();
        doubled.insert(at, all[at].clone());
        assert!(fold(&doubled).is_err(), "entry {at} doubled");
    }
}

#[test]
fn an_entry_must_lead_to_the_balances_it_states() {
    let mut all = events(&ledger());
    for record in &mut all {
        if let Event::EntryPosted(posted) = &mut record.event {
            posted.after[0].cash = posted.after[0].cash.checked_add("0.01".parse().unwrap()).unwrap();
            break;
        }
    }
    assert!(fold(&all).unwrap_err().contains("balances"));
}

#[test]
fn events_stand_in_their_own_streams() {
    let opened = events(&ledger())[0].clone();
    for sample in samples() {
        let name = sample.event.type_name();
        let fits = [
            "player.opened",
            "txn.rejected",
            "txn.tombstoned",
            "txn.noted",
            "negative_balance.raised",
            "fee.charged",
            "dormant.transferred",
            "dormant.reclaimed",
            "player.closed",
            "player.reopened",
            "purse.opened",
            "adjustment.applied",
            "negative_balance.cleared",
            "debt.written_off",
            "suspense.refused",
            "player.blocked",
            "limit.set",
            "limit.warned",
            "exclusion.started",
            "register.answered",
            "player.kyc.status_changed",
            "player.person_changed",
            "session_limit.set",
            "play_time_limit.set",
            "play_time_limit.warned",
            "limit_profile.assigned",
            "risk.alert.raised",
            "aml.case.opened",
            "wager.reversal_ignored",
            "points.earned",
            "points.spent",
            "points.adjusted",
            "points.expired",
            "jackpot.claimed",
            "tournament.prize_paid",
            "tournament.prize_forfeited",
        ];
        let anywhere = ["entry.posted", "cashier.deposit.succeeded", "credit.granted"];
        if fits.contains(&name) || anywhere.contains(&name) {
            continue;
        }
        let misplaced = EventRecord::new(opened.stream.clone(), 2, sample.event.clone());
        assert!(fold(&[opened.clone(), misplaced]).is_err(), "{name} in the player's stream");
        let misplaced = EventRecord::new("wallet/p1".parse().unwrap(), 1, sample.event);
        assert!(fold(&[opened.clone(), misplaced]).is_err(), "{name} in the wallet's stream");
    }
    // And a player's event does not stand in a round's.
    for sample in samples().into_iter().filter(|s| s.stream.to_string() == "player/p1" && s.version > 1) {
        let round = Round::fold(
            &commands::source("prov"),
            &commands::round("R"),
            [(&EventRecord { version: 1, ..sample.clone() }, Timestamp::EPOCH)],
        );
        assert!(round.is_err(), "{}", sample.event.type_name());
    }
}

#[test]
fn a_commit_of_another_player_is_a_fault() {
    let ledger = ledger();
    let mut state = empty();
    for body in ledger.commits() {
        let foreign =
            CommitBody { partition: Partition::Player(PlayerId::new("p2").unwrap()), ..body.clone() };
        assert!(state.evolve_commit(&foreign).is_err());
        state.evolve_commit(body).unwrap();
    }
    for body in ledger.register_commits() {
        assert!(state.evolve_commit(body).is_err());
    }
    assert_eq!(state, *ledger.state());
}

#[test]
fn the_register_folds_its_own_commits_once() {
    let ledger = ledger();
    let mut register = HouseState::new(HouseId::new("currencies").unwrap());
    for body in ledger.register_commits() {
        register.evolve_commit(body).unwrap();
        assert!(register.clone().evolve_commit(body).is_err());
    }
    assert!(register.clone().evolve_commit(&ledger.commits()[0]).is_err());
    let mut other = HouseState::new(HouseId::new("treasury").unwrap());
    assert!(other.evolve_commit(&ledger.register_commits()[0]).is_err());
    assert!(other.evolve_all(&ledger.register_commits()[0].events, Timestamp::EPOCH).is_err());
    let kept = register.to_snapshot().unwrap();
    assert_eq!(HouseState::from_snapshot(&kept).unwrap(), register);
}

#[test]
fn a_player_is_opened_once_and_a_round_begins_with_a_bet() {
    let all = events(&ledger());
    let again = EventRecord { version: 2, ..all[0].clone() };
    assert!(fold(&[all[0].clone(), again]).is_err());
    let late = all.iter().find(|r| r.event.type_name() == "bet.settled").unwrap();
    assert!(fold(&[all[0].clone(), late.clone()]).is_err());
    let mut reopened = all.iter().find(|r| r.event.type_name() == "round.reopened").unwrap().clone();
    assert!(fold(&[all[0].clone(), reopened.clone()]).is_ok());
    reopened.version += 1;
    assert!(fold(&[all[0].clone(), reopened]).is_err());
}

#[test]
fn bytes_that_are_no_commit_are_refused() {
    let ledger = ledger();
    let mut bytes = Vec::new();
    ledger.commits()[2].encode(&mut bytes).unwrap();
    for end in 0..bytes.len() {
        assert!(CommitBody::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut many = ledger.commits()[2].clone();
    many.keys = vec![many.keys[0].clone(); ledger_core::stored::KEYS_MAX + 1];
    assert!(many.encode(&mut Vec::new()).is_err());
    let mut many = ledger.commits()[2].clone();
    many.events = vec![many.events[0].clone(); ledger_core::stored::EVENTS_MAX + 1];
    assert!(many.encode(&mut Vec::new()).is_err());
    for garbage in ["", "null", "[]", "{}", "\u{0}", "{\"partition\":\"player/p\"}"] {
        assert!(CommitBody::decode(garbage.as_bytes()).is_err());
        assert!(PlayerState::from_snapshot(garbage.as_bytes()).is_err());
    }
}

#[test]
fn what_the_back_office_did_folds_once_and_in_order() {
    let scenario = given()
        .cash("100.00")
        .when(commands::propose_debit("C1", "5"))
        .when(commands::approve("A1", "C1"))
        .when(commands::close_player("Z1"))
        .when(commands::reopen_player("Z2"))
        .when(commands::add_purse("U1", "USD"));
    let all = events(scenario.ledger());
    let of = |name: &str| all.iter().find(|record| record.event.type_name() == name).unwrap().clone();
    // Each again, numbered as the next of its stream.
    for name in
        ["correction.proposed", "correction.applied", "player.closed", "player.reopened", "purse.opened"]
    {
        let record = of(name);
        let last = all.iter().filter(|other| other.stream == record.stream).map(|other| other.version).max();
        let mut doubled = all.clone();
        doubled.push(EventRecord { version: last.unwrap() + 1, ..record.clone() });
        // A player who is open again can be closed again.
        assert_eq!(fold(&doubled).is_err(), name != "player.closed", "{name}");
        let mut early = vec![all[0].clone()];
        early.push(EventRecord { version: 2, ..record });
        let first = ["player.closed", "purse.opened"].contains(&name);
        assert_eq!(fold(&early).is_err(), !first, "{name}");
    }
    // A return of more than was withheld.
    let taxed = given().cash("9").when(commands::withhold_tax("T1", "5"));
    let taxed = taxed.when(commands::return_tax("T2", "T1", "3"));
    let stream = "tax/p1/office/T1".parse().unwrap();
    let mut events = taxed.ledger().stream(&stream);
    let of = match &stream {
        ledger_core::Stream::Adjustment(_, of) => of.clone(),
        other => panic!("{other}"),
    };
    let fold = |events: &[(EventRecord, Timestamp)]| {
        ledger_core::Adjustment::fold(&of, events.iter().map(|(record, at)| (record, *at)))
    };
    assert_eq!(fold(&events).unwrap().unwrap().reference(), of);
    let mut again = events[1].clone();
    again.0.version = 3;
    events.push(again);
    assert!(fold(&events).is_err());
    assert!(fold(&events[1..2]).is_err(), "a return of nothing");
}
