//! domain.md A.5.1. Every scenario asserts every account of player and house.
//!
//! Rows of A.5.1 to A.5.4 that are tested elsewhere, so that none is skipped in silence:
//!
//! | row | where | why |
//! |---|---|---|
//! | S11 (token of another player) | gateway | a key is a player's own; only `PlayerUnknown` is the core's |
//! | S13, S14 | gateway | signatures on raw bytes |
//! | S15 | gateway | time stamps of requests |
//! | S16 | gateway | bodies of providers; the core's own commands refuse unknown fields on purpose |
//! | S21 (other player) | gateway | keys are per player |
//! | S24, S25, S26, S30 | engine | races, crashes, retries; the core sees one command at a time |
//! | S43 (other player) | gateway | as S21 |
//! | S45 | gateway | sessions |
//! | S46 | controls | blocks and exclusions come with the player's controls |
//! | S48 | bonus | bonus funds; I9 checks that splits are restored |
//! | S69 | timers | time-outs of rounds |
//! | S71 | gateway, controls | sessions and closed players |
//! | S75 | policy | reopening by a provider needs a policy that does not exist yet; until then `RoundClosed` (S62) |
//!
//! S27, S37, S42, S44, S49, S51, S57, S68, S73 and S74 do not exist or stand in rows of other names.

use ledger_core::testing::{commands, given, given_nobody};
use ledger_core::{PlaceBet, Rejection};

#[test]
fn s01_a_bet_is_held() {
    given().cash("100.00").bet("T1", "R", "10").applied().available("90.00").held("10.00").accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "90.00"),
        ("player:held of prov/R", "10.00"),
    ]);
}

#[test]
fn s02_a_win_takes_the_stake_and_pays() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "36.40")
        .applied()
        .records(&["entry.posted", "bet.settled", "round.closed"])
        .available("126.40")
        .held("0.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "126.40"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "36.40"),
        ]);
}

#[test]
fn s03_a_win_of_zero_is_a_loss() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "0")
        .applied()
        .available("90.00")
        .held("0.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s04_a_bet_beyond_the_balance_is_refused_with_it() {
    given()
        .cash("100.00")
        .bet("T1", "R", "100.01")
        .rejected("insufficient_funds")
        .refused_as(&Rejection::InsufficientFunds {
            available: "100.00".parse().unwrap(),
            currency: commands::currency("EUR"),
        })
        .answered("100.00")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn s05_a_bet_of_everything_passes() {
    given()
        .cash("100.00")
        .bet("T1", "R", "100.00")
        .applied()
        .available("0.00")
        .held("100.00")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:held of prov/R", "100.00")]);
}

#[test]
fn s06_a_bet_of_zero_opens_the_round_and_uses_its_id() {
    given()
        .cash("100.00")
        .bet("T1", "R", "0.00")
        .applied()
        .records(&["bet.placed"])
        .answered("100.00")
        .bet("T1", "R", "0")
        .replayed("applied")
        .bet("T1", "R", "1")
        .refused("key_reused")
        .win_close("W1", "R", "7.30")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "107.30"),
            ("gaming:payouts of game", "7.30"),
        ]);
}

#[test]
fn s07_a_negative_bet_is_refused() {
    given()
        .cash("100.00")
        .bet("T1", "R", "-10")
        .refused("invalid_amount")
        .bet("T1", "R", "10")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
}

#[test]
fn s08_a_stake_is_never_rounded() {
    given()
        .cash("100.00")
        .bet("T1", "R", "1.005")
        .refused("precision")
        .refused_as(&Rejection::Precision { amount: "1.005".to_owned(), scale: 2 })
        .bet("T1", "R", "1.0000")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "99.00"),
            ("player:held of prov/R", "1.00"),
        ]);
}

#[test]
fn s09_an_absurd_stake_is_refused_without_overflow() {
    let scenario = given().cash("100.00");
    // 2^63 subunits, the largest Decimal, and one subunit above the currency's maximum.
    ["92233720368547758.08", "79228162514264337593543950335", "1000000000000.01"]
        .into_iter()
        .fold(scenario, |scenario, amount| scenario.bet("T1", "R", amount).refused("invalid_amount"))
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn s10_a_bet_in_another_currency_is_refused() {
    given()
        .cash("100.00")
        .when(PlaceBet { currency: commands::currency("USD"), ..commands::bet("T1", "R", "10") })
        .rejected("currency_mismatch")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

#[test]
fn s11_a_player_must_be_open() {
    given_nobody()
        .bet("T1", "R", "10")
        .refused("player_unknown")
        .when(commands::open(&["EUR"]))
        .applied()
        .bet("T1", "R", "0")
        .applied()
        .accounts(&[]);
}

#[test]
fn s12_held_money_is_not_in_the_balance() {
    let scenario = given().cash("100.00").bet("T1", "R", "10").available("90.00").held("10.00");
    let balance = scenario.ledger().state().balance(commands::currency("EUR")).unwrap();
    assert_eq!((balance.cash.to_string(), balance.held.to_string()), ("90.00".into(), "10.00".into()));
}
