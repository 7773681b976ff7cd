//! domain.md A.5.2.

use ledger_core::testing::{commands, given};
use ledger_core::{GameId, KeyScope, PlaceBet, RoundId, SourceId};

#[test]
fn s17_a_repeated_bet_has_one_effect() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .applied()
        .bet("T1", "R", "10.00")
        .replayed("applied")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
}

#[test]
fn s18_a_replay_carries_the_original_and_the_current_balance() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .bet("T2", "R", "20")
        .bet("T1", "R", "10")
        .replayed("applied")
        .answered("90.00")
        .available("70.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "70.00"),
            ("player:held of prov/R", "30.00"),
        ]);
}

#[test]
fn s19_the_same_id_with_another_amount_is_refused() {
    given().cash("100.00").bet("T1", "R", "10").bet("T1", "R", "15").refused("key_reused").accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "90.00"),
        ("player:held of prov/R", "10.00"),
    ]);
}

#[test]
fn s20_a_refused_bet_stays_refused_under_its_id() {
    let scenario = given()
        .cash("100.00")
        .bet("T1", "R", "150")
        .rejected("insufficient_funds")
        .cash("100.00")
        .bet("T1", "R", "150")
        .replayed("rejected:insufficient_funds")
        .answered("100.00")
        .available("200.00");
    // Another payload is another operation, also after a refusal.
    scenario.bet("T1", "R", "149").refused("key_reused").bet("T2", "R", "150").applied().accounts(&[
        ("psp:clearing of psp", "200.00"),
        ("player:cash", "50.00"),
        ("player:held of prov/R", "150.00"),
    ]);
}

#[test]
fn s20_a_policy_lets_refused_bets_be_tried_again() {
    given()
        .refusals_do_not_stick()
        .cash("100.00")
        .bet("T1", "R", "150")
        .rejected("insufficient_funds")
        .cash("100.00")
        .bet("T1", "R", "150")
        .applied()
        .bet("T1", "R", "150")
        .replayed("applied")
        .accounts(&[
            ("psp:clearing of psp", "200.00"),
            ("player:cash", "50.00"),
            ("player:held of prov/R", "150.00"),
        ]);
}

#[test]
fn s21_the_same_id_with_any_other_field_is_refused() {
    let bet = commands::bet("T1", "R", "10");
    let others = [
        PlaceBet { currency: commands::currency("USD"), ..bet.clone() },
        PlaceBet { round: RoundId::new("R2").unwrap(), ..bet.clone() },
        PlaceBet { game: GameId::new("other").unwrap(), ..bet.clone() },
    ];
    let scenario = given().cash("100.00").when(bet).applied();
    others.into_iter().fold(scenario, |scenario, other| scenario.when(other).refused("key_reused")).accounts(
        &[("psp:clearing of psp", "100.00"), ("player:cash", "90.00"), ("player:held of prov/R", "10.00")],
    );
}

#[test]
fn s22_a_win_may_carry_the_id_of_its_bet_if_ids_are_per_kind() {
    given().cash("100.00").bet("T1", "R", "10").win_close("T1", "R", "5").applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "95.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "5.00"),
    ]);
}

#[test]
fn s22_a_win_may_not_carry_the_id_of_its_bet_if_ids_are_over_all_kinds() {
    given()
        .scope(KeyScope::AnyKind)
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("T1", "R", "5")
        .refused("key_reused")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("player:held of prov/R", "10.00"),
        ]);
}

#[test]
fn s23_two_providers_may_use_one_id() {
    let other = PlaceBet { source: SourceId::new("prov2").unwrap(), ..commands::bet("T1", "R", "10") };
    given().cash("100.00").bet("T1", "R", "10").applied().when(other).applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "80.00"),
        ("player:held of prov/R", "10.00"),
        ("player:held of prov2/R", "10.00"),
    ]);
}

#[test]
fn s28_a_key_is_known_for_ever() {
    given()
        .cash("100.00")
        .bet("T1", "R", "10")
        .win_close("W1", "R", "0")
        .after_secs(150 * 86_400)
        .bet("T1", "R", "10")
        .replayed("applied")
        .bet("T1", "R", "11")
        .refused("key_reused")
        .win_close("W1", "R", "0")
        .replayed("applied")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "90.00"),
            ("gaming:stakes of game", "10.00"),
        ]);
}

#[test]
fn s29_the_trace_of_a_request_is_not_its_key() {
    given()
        .cash("100.00")
        .trace("request-1")
        .bet("T1", "R", "10")
        .applied()
        .bet("T2", "R", "10")
        .applied()
        .trace("request-2")
        .bet("T1", "R", "10")
        .replayed("applied")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "80.00"),
            ("player:held of prov/R", "20.00"),
        ]);
}
