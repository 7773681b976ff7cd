//! The host's own events, accounts and checks.

use std::sync::Arc;

use ledger_core::stored::{CreditKind, ExclusionKind};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    BasisPoints, Block, HostAccountClass, HostData, HostDataError, HostMovement, HostName, HostNamespace,
    HostOperation, NotAllowedReason, PlayerCommand, PlayerState, Policy, PreCheck, Refused, Rejection,
    Timestamp, UnplayedMoney,
};

fn acme() -> HostNamespace {
    HostNamespace::new("acme").unwrap()
}

fn kept(scenario: &Scenario) -> (u64, Option<String>) {
    let kept = scenario.ledger().state().host(&acme()).unwrap();
    (kept.version, kept.state.as_ref().map(|state| state.as_str().to_owned()))
}

#[test]
fn an_event_of_the_host_is_kept_with_its_state() {
    let earned = HostOperation {
        state: Some(HostData::new(r#"{"points":10}"#).unwrap()),
        ..commands::host("H1", "points.earned", r#"{"by":"bet T1"}"#)
    };
    let scenario = given().cash("100.00").when(earned.clone()).applied().records(&["host.recorded"]);
    assert_eq!(kept(&scenario), (1, Some(r#"{"points":10}"#.to_owned())));
    let scenario = scenario
        .when(earned)
        .replayed("applied")
        .when(commands::host("H1", "points.earned", "{}"))
        .refused("key_reused")
        .when(commands::host("H2", "seen", "null"))
        .applied()
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    assert_eq!(kept(&scenario), (2, Some(r#"{"points":10}"#.to_owned())), "no new state: the old one stays");
}

#[test]
fn a_host_decides_on_what_it_read_or_not_at_all() {
    let expecting = |id: &str, version| HostOperation {
        expected: Some(version),
        ..commands::host(id, "points.spent", "{}")
    };
    given()
        .when(expecting("H1", 0))
        .applied()
        .when(expecting("H2", 0))
        .rejected("host_version")
        .refused_as(&Rejection::HostVersion { namespace: acme(), version: 1 })
        .when(expecting("H2", 1))
        .applied();
}

#[test]
fn money_moves_between_the_hosts_accounts_and_cash() {
    use HostAccountClass::{Asset, Expense, Income, Liability};
    let moved = |id: &str, class, to_player, amount: &str| HostOperation {
        movement: Some(commands::host_movement(class, "points", to_player, amount)),
        ..commands::host(id, "points.paid", "{}")
    };
    given()
        .cash("100.00")
        .when(moved("H1", Expense, true, "7"))
        .applied()
        .records(&["entry.posted", "host.recorded"])
        .available("107.00")
        .when(moved("H2", Income, false, "3"))
        .applied()
        .when(moved("H3", Liability, false, "2"))
        .applied()
        .when(moved("H4", Asset, true, "1"))
        .applied()
        .when(moved("H5", Income, false, "103.01"))
        .rejected("insufficient_funds")
        .when(moved("H5", Income, false, "103.01"))
        .replayed("rejected:insufficient_funds")
        .when(moved("H6", Income, false, "0"))
        .refused("invalid_amount")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "103.00"),
            ("host:expense of acme/points", "7.00"),
            ("host:income of acme/points", "3.00"),
            ("host:liability of acme/points", "2.00"),
            ("host:asset of acme/points", "1.00"),
        ]);
}

#[test]
fn a_bet_and_the_hosts_event_are_one_commit() {
    let both = commands::batch(vec![
        commands::bet("T1", "R", "10").into(),
        HostOperation { expected: Some(0), ..commands::host("H1", "points.earned", "{}") }.into(),
    ]);
    given()
        .cash("100.00")
        .when(both)
        .applied()
        .records(&["entry.posted", "bet.placed", "host.recorded"])
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
    let stale = commands::batch(vec![
        commands::bet("T1", "R", "10").into(),
        HostOperation { expected: Some(7), ..commands::host("H1", "points.earned", "{}") }.into(),
    ]);
    given()
        .cash("100.00")
        .when(stale)
        .rejected("host_version")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")])
        .bet("T1", "R", "10")
        .applied();
}

/// Lets nobody bet more than ten at once.
#[derive(Debug)]
struct AtMostTen(HostName);

impl PreCheck for AtMostTen {
    fn name(&self) -> &HostName {
        &self.0
    }
    fn version(&self) -> u32 {
        3
    }
    fn check(&self, _: &PlayerState, command: &PlayerCommand, _: Timestamp) -> Result<(), Refused> {
        match command {
            PlayerCommand::PlaceBet(bet) if bet.amount > commands::decimal("10") => {
                Err(Refused { code: HostName::new("too_much").unwrap() })
            }
            PlayerCommand::Settle(_) | PlayerCommand::Rollback(_) => panic!("wins and rollbacks must pass"),
            _ => Ok(()),
        }
    }
}

fn checked() -> Scenario {
    given().checks(vec![Arc::new(AtMostTen(HostName::new("acme.at_most_ten").unwrap()))])
}

fn too_much() -> Rejection {
    Rejection::HostRefused {
        check: HostName::new("acme.at_most_ten").unwrap(),
        version: 3,
        refusal: HostName::new("too_much").unwrap(),
    }
}

#[test]
fn a_check_refuses_before_funds_and_after_everything_else() {
    checked()
        .cash("100.00")
        .bet("T1", "R", "10")
        .applied()
        .bet("T2", "R", "10.01")
        .rejected("host_refused")
        .refused_as(&too_much())
        .bet("T2", "R", "10.01")
        .replayed("rejected:host_refused")
        .bet("T3", "R", "1000")
        .rejected("host_refused")
        .bet("T4", "R", "10.001")
        .refused("precision")
        .close("C1", "R")
        .bet("T5", "R", "11")
        .rejected("round_closed")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn wins_and_rollbacks_are_not_asked_about() {
    checked()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win("W1", "R", "50")
        .applied()
        .rollback_win("X1", "W1")
        .applied()
        .rollback("X2", "T1")
        .applied()
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn a_check_is_asked_about_each_bet_of_a_batch() {
    let bets =
        commands::batch(vec![commands::bet("T1", "R", "10").into(), commands::bet("T2", "R", "11").into()]);
    checked()
        .cash("100.00")
        .when(bets)
        .records(&["txn.rejected", "txn.rejected"])
        .refused_as(&too_much())
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn host_data_is_bounded_json() {
    assert!(HostData::new("{\"a\":[1,2]}").is_ok());
    assert!(matches!(HostData::new("{"), Err(HostDataError::NotJson(_))));
    let long = format!("\"{}\"", "x".repeat(8_191));
    assert_eq!(HostData::new(&long), Err(HostDataError::TooLong { bytes: 8_193 }));
    assert!(HostData::new(&long[1..]).is_err());
}

#[test]
fn namespaces_of_one_player_are_bounded() {
    let mut scenario = given();
    for n in 0..ledger_core::HOST_NAMESPACES_MAX {
        let namespace = HostNamespace::new(format!("n{n}")).unwrap();
        let id = format!("H{n}");
        scenario = scenario.when(HostOperation { namespace, ..commands::host(&id, "e", "1") }).applied();
    }
    scenario.when(commands::host("H99", "e", "1")).refused("capacity_exceeded");
}

#[test]
fn e31_money_goes_between_players_only_where_it_may() {
    let half = |id: &str, to_player: bool, amount: &str| {
        let movement = commands::host_movement(HostAccountClass::Liability, "pots", to_player, amount);
        let movement = HostMovement { between_players: true, ..movement };
        HostOperation { movement: Some(movement), ..commands::host(id, "pot", "{}") }
    };
    // By default it may nowhere, in neither direction.
    let none = given().cash("10.00");
    let told = Rejection::NotAllowed { reason: NotAllowedReason::PlayerTransfers };
    let none = none.when(half("H1", false, "3")).rejected("not_allowed").refused_as(&told);
    let none = none.when(half("H2", true, "3")).rejected("not_allowed").refused_as(&told);
    let _ = none.accounts(&[("psp:clearing of psp", "10.00"), ("player:cash", "10.00")]);
    let mut policy = Policy::default();
    policy.default_jurisdiction.player_transfers = true;
    let some = || given().cash("10.00").policy(policy.clone());
    let both = some().when(half("H1", false, "3")).applied().when(half("H2", true, "1")).applied();
    let both = both.when(half("H3", false, "8.01")).rejected("insufficient_funds");
    let _ = both.accounts(&[
        ("psp:clearing of psp", "10.00"),
        ("player:cash", "8.00"),
        ("host:liability of acme/pots", "2.00"),
    ]);
    // What bars deposits bars what comes, what bars withdrawals bars what goes.
    let until = "2026-01-02T00:00:00Z".parse().ok();
    let bars: [(PlayerCommand, &str, &str); 6] = [
        (commands::close_player("X").into(), "player_closed", "player_closed"),
        (commands::exclude("X", ExclusionKind::TimeOut, until).into(), "player_excluded", "player_excluded"),
        (commands::block("X", Block::Deposits).into(), "player_blocked", ""),
        (commands::block("X", Block::Withdrawals).into(), "", "player_blocked"),
        (commands::block("X", Block::PayoutsFrozen).into(), "", "player_blocked"),
        (commands::block("X", Block::Bets).into(), "", ""),
    ];
    for (bar, comes, goes) in bars {
        for (to_player, expected) in [(true, comes), (false, goes)] {
            let tried = some().when(bar.clone()).applied().when(half("H1", to_player, "3"));
            let _ = if expected.is_empty() { tried.applied() } else { tried.rejected(expected) };
        }
    }
    // Unplayed deposits that cost something to withdraw do not leave so: at the other player they would be in no lot.
    let fee = UnplayedMoney::Fee { rate: BasisPoints::new(2_000).unwrap() };
    for (unplayed, goes) in [(fee, "3"), (UnplayedMoney::Block, "3"), (UnplayedMoney::Free, "10")] {
        let mut policy = policy.clone();
        policy.default_jurisdiction.unplayed = unplayed;
        let lots =
            given().policy(policy).when(commands::credit("K1", CreditKind::Cashback, "3")).cash("7.00");
        let lots = if unplayed == UnplayedMoney::Free {
            lots
        } else {
            let withdrawable = "3.00".parse().unwrap();
            let told = Rejection::UnplayedDeposits { withdrawable, currency: commands::currency("EUR") };
            lots.when(half("H1", false, "3.01")).rejected("unplayed_deposits").refused_as(&told)
        };
        let more = lots.when(half("H2", false, "10.01")).rejected("insufficient_funds");
        let _ = more.when(half("H3", false, goes)).applied();
    }
    // What is no half of a transfer passes, as before.
    let plain = HostOperation {
        movement: Some(commands::host_movement(HostAccountClass::Liability, "pots", true, "3")),
        ..commands::host("H1", "pot", "{}")
    };
    let excluded = some().when(commands::exclude("X", ExclusionKind::TimeOut, until)).applied();
    let _ = excluded.when(plain).applied();
}
