//! Closed players (E45, S46, S71) and purses opened later.

use ledger_core::stored::{CreditKind, PurseBalance};
use ledger_core::testing::{Scenario, commands, given, given_nobody};
use ledger_core::{
    AddPurse, NotAllowedReason, PlaceBet, PlayerCommand, RecordDeposit, Rejection, ReopenPlayer,
};

fn not_allowed(scenario: Scenario, reason: NotAllowedReason) -> Scenario {
    scenario.rejected("not_allowed").refused_as(&Rejection::NotAllowed { reason })
}

#[test]
fn s71_a_win_for_a_closed_player_is_applied() {
    let closed = given()
        .cash("100.00")
        .bet("T1", "R1", "10")
        .bet("T2", "R2", "20")
        .bet("T3", "R3", "30")
        .when(commands::close_player("Z1"))
        .applied()
        .records(&["player.closed"]);
    closed
        .bet("T4", "R4", "1")
        .rejected("player_closed")
        .bet("T5", "R1", "0")
        .rejected("player_closed")
        .win_close("W1", "R1", "25")
        .applied()
        .rollback("X1", "T2")
        .applied()
        .close("C3", "R3")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("gaming:stakes of game", "40.00"),
            ("gaming:payouts of game", "25.00"),
            ("player:cash", "85.00"),
        ]);
}

#[test]
fn s71_a_refused_bet_of_a_closed_player_stays_refused() {
    let refused =
        given().cash("9").when(commands::close_player("Z1")).bet("T1", "R", "1").rejected("player_closed");
    assert_eq!(refused.ledger().commits().last().unwrap().keys.len(), 1);
    let _ = refused
        .when(commands::reopen_player("Z2"))
        .applied()
        .bet("T1", "R", "1")
        .replayed("rejected:player_closed")
        .bet("T2", "R", "1")
        .applied();
}

/// What has begun takes its course: money is given, taken back and corrected as for anyone.
#[test]
fn e45_what_a_closed_player_has_stays_his() {
    let open = given().cash("100.00").bet("T1", "R", "10").win_close("W1", "R", "40");
    let after: Vec<PlayerCommand> = vec![
        commands::rollback("X1", "W1").into(),
        commands::credit("K1", CreditKind::Cashback, "3").into(),
        commands::deposit("D1", "7").into(),
        commands::propose_credit("C1", "5").into(),
        commands::approve("A1", "C1").into(),
        commands::withhold_tax("T1", "2").into(),
        commands::return_tax("T2", "T1", "2").into(),
        commands::inactivity_fee("F1", "1").into(),
        commands::transfer_dormant("S1").into(),
        commands::reclaim_dormant("S2").into(),
    ];
    let end = after
        .into_iter()
        .fold(open.when(commands::close_player("Z1")), |s, command| s.when(command).applied());
    end.accounts(&[
        ("psp:clearing of psp", "107.00"),
        ("gaming:stakes of game", "10.00"),
        ("cashback:cost of campaign", "3.00"),
        ("adjustments of goodwill", "5.00"),
        ("fees:income of inactivity", "1.00"),
        ("player:cash", "104.00"),
    ]);
}

#[test]
fn e45_the_answer_to_a_closing_shows_all_that_remains() {
    let usd = RecordDeposit { currency: commands::currency("USD"), ..commands::deposit("D1", "7.00") };
    let closed = given_nobody()
        .when(commands::open(&["EUR", "USD"]))
        .cash("100.00")
        .when(usd)
        .bet("T1", "R", "10")
        .after_secs(3)
        .when(commands::close_player("Z1"))
        .applied();
    let shown = closed.answer().balances.clone();
    let text = |b: &PurseBalance| (b.currency.to_string(), b.cash.to_string(), b.held.to_string());
    let texts: Vec<_> = shown.iter().map(text).collect();
    assert_eq!(
        texts,
        [
            ("EUR".to_owned(), "90.00".to_owned(), "10.00".to_owned()),
            ("USD".to_owned(), "7.00".to_owned(), "0.00".to_owned()),
        ]
    );
    assert_eq!(closed.ledger().state().standing().closed_at, Some(closed.ledger().now()));
    let again = closed.win_close("W1", "R", "5").when(commands::close_player("Z1")).replayed("applied");
    assert_eq!(again.answer().balances, shown, "as they were");
}

#[test]
fn e45_a_player_is_closed_once_and_reopened_by_two() {
    let alone = ReopenPlayer { approved_by: commands::person("ann"), ..commands::reopen_player("Z3") };
    let open = given().cash("5");
    let open = not_allowed(open.when(commands::reopen_player("Z0")), NotAllowedReason::AlreadyOpen);
    let closed = open.when(commands::close_player("Z1"));
    let closed = not_allowed(closed.when(commands::close_player("Z2")), NotAllowedReason::AlreadyClosed);
    let closed = not_allowed(closed.when(alone), NotAllowedReason::SamePerson);
    closed
        .when(commands::reopen_player("Z3"))
        .applied()
        .records(&["player.reopened"])
        .bet("T1", "R", "5")
        .applied()
        .when(commands::close_player("Z4"))
        .applied()
        .accounts(&[("psp:clearing of psp", "5.00"), ("player:held of prov/R", "5.00")]);
}

#[test]
fn a_closed_player_is_told_after_the_form_and_before_funds() {
    let usd = PlaceBet { currency: commands::currency("USD"), ..commands::bet("T1", "R", "1") };
    let _ = given()
        .when(commands::close_player("Z1"))
        .when(usd)
        .rejected("currency_mismatch")
        .bet("T2", "R", "-1")
        .refused("invalid_amount")
        .bet("T2", "R", "0.001")
        .refused("precision")
        .bet("T2", "R", "1")
        .rejected("player_closed");
}

#[test]
fn a_batch_with_a_bet_of_a_closed_player_is_refused() {
    let batch =
        commands::batch(vec![commands::close_player("Z1").into(), commands::bet("T1", "R", "1").into()]);
    let refused = given().cash("9").when(batch).rejected("player_closed");
    assert_eq!(refused.ledger().state().standing().closed_at, None);
}

// Purses.

#[test]
fn a_purse_is_opened_later() {
    let usd = commands::currency("USD");
    let deposit = RecordDeposit { currency: usd, ..commands::deposit("D1", "7.00") };
    let bet = PlaceBet { currency: usd, ..commands::bet("T0", "R", "2") };
    let opened = given()
        .when(bet.clone())
        .rejected("currency_mismatch")
        .when(commands::add_purse("U1", "USD"))
        .applied()
        .records(&["purse.opened"]);
    let opened = not_allowed(opened.when(commands::add_purse("U2", "USD")), NotAllowedReason::PurseExists);
    opened
        .when(commands::add_purse("U1", "USD"))
        .replayed("applied")
        .when(commands::add_purse("U1", "GBP"))
        .refused("key_reused")
        // What ISO 4217 has for no currency.
        .when(commands::add_purse("U3", "XXX"))
        .refused("currency_unknown")
        .when(deposit)
        .applied()
        .when(PlaceBet { id: commands::txn("T1"), ..bet })
        .applied()
        .accounts(&[
            ("psp:clearing of psp in USD", "7.00"),
            ("player:cash in USD", "5.00"),
            ("player:held of prov/R in USD", "2.00"),
        ]);
    let closed = given().when(commands::close_player("Z1"));
    let _ = closed.when(commands::add_purse("U1", "USD")).rejected("player_closed");
}

#[test]
fn a_purse_is_opened_and_used_in_one_batch() {
    let usd = commands::currency("USD");
    let batch = commands::batch(vec![
        AddPurse { currency: usd, ..commands::add_purse("U1", "USD") }.into(),
        RecordDeposit { currency: usd, ..commands::deposit("D1", "7.00") }.into(),
    ]);
    assert_eq!(PlayerCommand::from(batch.clone()).opens_currencies().collect::<Vec<_>>(), [usd]);
    given()
        .when(batch)
        .applied()
        .accounts(&[("psp:clearing of psp in USD", "7.00"), ("player:cash in USD", "7.00")]);
}

#[test]
fn a_player_has_at_most_32_purses() {
    let standard = ledger_core::CurrencyRegistry::standard();
    let mut ledger = given().ledger().clone();
    let codes: Vec<_> = standard.iter().filter(|c| c.code().as_str() != "EUR").take(32).collect();
    for (n, currency) in codes.iter().enumerate() {
        let _ = ledger.register(**currency);
        let add = commands::add_purse(&format!("U{n}"), currency.code().as_str());
        let expected = if n < 31 { "applied" } else { "refused:capacity_exceeded" };
        assert_eq!(ledger.execute(&add.into()).unwrap().outcome.text(), expected, "{n}");
    }
    ledger.check().unwrap();
}
