//! From a player's rounds to his points in a tournament (docs/tournaments.md).

use ledger_core::stored::{TournamentScoring, TournamentTerms};
use ledger_core::testing::house_commands::tournament_terms;
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{TALLY_BEST_MAX, TournamentTally};

fn terms(scoring: TournamentScoring) -> TournamentTerms {
    TournamentTerms { scoring, ..tournament_terms("10.00", "1.00") }
}

/// Points and bets of all that a player did, with terms that are known from the beginning, or only at the end.
fn both(player: &Scenario, terms: &TournamentTerms) -> Vec<Option<(String, u32)>> {
    let entered_at = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut early, mut late) = (TournamentTally::new(entered_at), TournamentTally::new(entered_at));
    early.begin(terms).unwrap();
    for body in player.ledger().commits() {
        for record in &body.events {
            early.add(record, body.recorded_at).unwrap();
            late.add(record, body.recorded_at).unwrap();
        }
    }
    assert_eq!(late.score(), None, "there are no terms yet");
    late.begin(terms).unwrap();
    let told = |tally: &TournamentTally| tally.score().map(|(points, bets, _)| (points.to_string(), bets));
    vec![told(&early), told(&late)]
}

fn points(player: &Scenario, terms: &TournamentTerms) -> Option<(String, u32)> {
    let told = both(player, terms);
    assert_eq!(told[0], told[1], "it does not matter when the terms are known");
    told[0].clone()
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with may be nothing")]
fn is(points: &str, bets: u32) -> Option<(String, u32)> {
    Some((points.to_owned(), bets))
}

/// Three rounds: 10 staked and 25 won, 20 and nothing, 3 and 10 in two bets.
fn played() -> Scenario {
    given()
        .cash("1000")
        .bet("T1", "R1", "10")
        .win_close("W1", "R1", "25")
        .bet("T2", "R2", "20")
        .close("C2", "R2")
        .bet("T3", "R3", "1")
        .bet("T4", "R3", "2")
        .win_close("W3", "R3", "10")
}

#[test]
fn points_are_what_the_scoring_says_of_rounds_that_are_over() {
    use TournamentScoring::{Bets, HighestMultiple, MultipleSum, Net, Stakes, Wins};
    let player = played().bet("T5", "R5", "400");
    for (scoring, expected) in [
        (Stakes, "33.00"),
        (Wins, "35.00"),
        (Net, "2.00"),
        (HighestMultiple, "3.3333"),
        (MultipleSum, "5.8333"),
        (Bets, "4"),
    ] {
        assert_eq!(points(&player, &terms(scoring)), is(expected, 4), "{scoring:?}");
    }
}

#[test]
fn only_rounds_within_the_time_the_games_and_the_stakes_count() {
    let wins = || terms(TournamentScoring::Wins);
    let player = played();
    let small = TournamentTerms { min_stake: "10.00".parse().unwrap(), ..wins() };
    assert_eq!(points(&player, &small), is("25.00", 2));
    let elsewhere = TournamentTerms { games: [commands::game("other")].into(), ..wins() };
    assert_eq!(points(&player, &elsewhere), None);
    let dollars = TournamentTerms { currency: commands::currency("USD"), ..wins() };
    assert_eq!(points(&player, &dollars), None);
    let later = TournamentTerms { from: "2026-01-01T00:10:00Z".parse().unwrap(), ..wins() };
    assert_eq!(points(&player, &later), None);
    // A round that began in time counts when its result comes late, until the time for results is over.
    let late = given().cash("100").bet("T1", "R1", "10").after_secs(3_700);
    let late = late.win_close("W1", "R1", "30").bet("T2", "R2", "10").win_close("W2", "R2", "50");
    assert_eq!(points(&late, &wins()), is("30.00", 1));
    let over = given().cash("100").bet("T1", "R1", "10").after_secs(7_300).win_close("W1", "R1", "30");
    assert_eq!(points(&over, &wins()), None);
}

#[test]
fn what_is_taken_back_takes_its_points_back() {
    use TournamentScoring::{HighestMultiple, Net, Stakes};
    let best = || terms(HighestMultiple);
    let voided = played().when(commands::void_settled_round("V1", "R3")).applied();
    assert_eq!(points(&voided, &best()), is("2.5000", 2));
    assert_eq!(points(&voided, &terms(Stakes)), is("30.00", 2));
    // A win that is rolled back leaves its round open, so it counts when it is over again.
    let undone = played().rollback_win("X1", "W1").applied();
    assert_eq!(points(&undone, &terms(Net)), is("-13.00", 3));
    let again = undone.win_close("W9", "R1", "40");
    assert_eq!(points(&again, &terms(Net)), is("17.00", 4));
    let bet = given().cash("100").bet("T1", "R1", "10").rollback("X1", "T1").applied();
    assert_eq!(points(&bet, &terms(Stakes)), None);
}

#[test]
fn a_tally_remembers_so_many_of_the_highest() {
    let rounds = TALLY_BEST_MAX + 8;
    let player = (0..rounds).fold(given().cash("10000"), |player, n| {
        let round = format!("R{n}");
        player.bet(&format!("T{n}"), &round, "1").win_close(&format!("W{n}"), &round, &format!("{}", n + 1))
    });
    let best = terms(TournamentScoring::HighestMultiple);
    let all = u32::try_from(rounds).unwrap();
    assert_eq!(points(&player, &best), is(&format!("{rounds}.0000"), all));
    let highest = format!("R{}", rounds - 1);
    let player = player.when(commands::void_settled_round("V1", &highest)).applied();
    assert_eq!(points(&player, &best), is(&format!("{}.0000", rounds - 1), all - 1));
}
