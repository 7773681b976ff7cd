//! Leaderboards, against the ranking of the core, in memory and in SQLite.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_core::stored::{TournamentPlaces, TournamentPrize, TournamentTerms, TournamentTie, TurnedAway};
use ledger_core::testing::{TestHouse, house_commands};
use ledger_core::{HouseCommand, HouseId, PlayerId, RankTournament, TournamentStatus};
use ledger_projections::leaderboards::{EntryState, Leaderboards, PlaceCursor, ReadLeaderboards};
use ledger_projections::testing::History;
use ledger_projections::{Commit, Memory, View};

use crate::figures::{feed, kit};
use crate::history::{World, decoded};
use crate::property::block_on;

fn cup() -> HouseId {
    HouseId::new("tournament/cup").unwrap()
}

fn run(house: &mut TestHouse, command: impl Into<HouseCommand>) {
    let answer = house.execute(&command.into()).unwrap();
    assert_eq!(answer.outcome.text(), "applied");
}

fn terms(tie: TournamentTie) -> TournamentTerms {
    let places = |places, text: &str| TournamentPlaces {
        places,
        prize: TournamentPrize::Fixed(text.parse().unwrap()),
    };
    TournamentTerms {
        tie,
        prizes: vec![places(1, "40.00"), places(2, "10.00")],
        ..house_commands::tournament_terms("10.00", "1.00")
    }
}

/// Six players, of whom one goes back; two have the same points.
fn played(tie: TournamentTie) -> TestHouse {
    played_in("tournament/cup", tie)
}

fn played_in(name: &str, tie: TournamentTie) -> TestHouse {
    let mut house = TestHouse::new(name);
    run(&mut house, house_commands::configure_tournament("C1", terms(tie)));
    run(&mut house, house_commands::take_entry("p0", "E1"));
    run(&mut house, house_commands::open_tournament("O1", &terms(tie)));
    for (player, points) in [("p1", "5"), ("p2", "7"), ("p3", "-2"), ("p4", "7"), ("p5", "6"), ("p6", "9")] {
        run(&mut house, house_commands::take_entry(player, "E1"));
        run(&mut house, house_commands::score(player, 3, "1"));
        run(&mut house, house_commands::score(player, 4, points));
    }
    run(&mut house, house_commands::release_entry("p6", "E1"));
    house
}

fn closed(tie: TournamentTie) -> TestHouse {
    close(played(tie))
}

fn close(mut house: TestHouse) -> TestHouse {
    house.advance_secs(7_200);
    run(&mut house, house_commands::end_tournament());
    run(&mut house, house_commands::close_tournament());
    run(&mut house, RankTournament { page: 1 });
    house
}

fn commits(house: &TestHouse) -> (World, Vec<Arc<Commit>>) {
    let mut world = World::new(2, 1, 1);
    let sealed: Vec<_> = house.commits().iter().map(|body| world.seal(body)).collect();
    let commits = decoded(&sealed);
    (world, commits)
}

/// Tournaments that run, are closed with prizes paid and kept, and are cancelled, side by side in several shards.
pub(crate) fn several() -> History {
    let of = |name: &str, tie| played_in(&format!("tournament/{name}"), tie);
    let mut houses: Vec<TestHouse> = ["a", "b", "c", "d"]
        .into_iter()
        .zip([TournamentTie::SharePrizes, TournamentTie::EarlierFirst].into_iter().cycle())
        .map(|(name, tie)| close(of(name, tie)))
        .collect();
    for house in &mut houses {
        run(house, house_commands::prize_paid(3, 9));
    }
    run(&mut houses[0], house_commands::prize_forfeited(5));
    run(&mut houses[1], house_commands::release_entry("p3", "E1"));
    houses.push(of("e", TournamentTie::HigherPrize));
    let mut cancelled = of("f", TournamentTie::SharePrizes);
    run(&mut cancelled, house_commands::cancel_tournament("Z1"));
    houses.push(cancelled);
    let mut world = World::new(4, 0, 1);
    let longest = houses.iter().map(|house| house.commits().len()).max().unwrap();
    let bodies = (0..longest).flat_map(|nth| houses.iter().filter_map(move |house| house.commits().get(nth)));
    let sealed: Vec<_> = bodies.map(|body| world.seal(body)).collect();
    let commits = decoded(&sealed);
    History { identity: world.identity, players: Vec::new(), commits, sealed }
}

#[tokio::test]
async fn leaderboards_keep_the_contract() {
    let history = several();
    let shards: BTreeSet<_> = history.commits.iter().map(|commit| commit.shard).collect();
    assert!(shards.len() > 1, "{shards:?}");
    kit::<Leaderboards>(&history).await;
}

#[test]
fn e10_tournaments_are_listed_each_once() {
    let history = several();
    crate::figures::in_every_home!(
        Leaderboards,
        history.identity,
        history.commits,
        7,
        |reader: &dyn ReadLeaderboards| {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = block_on(reader.tournaments(after.as_ref(), 2)).unwrap().value;
                all.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let names: Vec<&str> = all.iter().map(|row| row.house.as_str()).collect();
            let expected = ["a", "b", "c", "d", "e", "f"].map(|name| format!("tournament/{name}"));
            assert_eq!(names, expected);
            let own = block_on(reader.tournament(&all[1].house)).unwrap().value;
            assert_eq!(own.as_ref(), Some(&all[1]));
        }
    );
}

/// Folds a house in every home and has the reader of each checked.
fn in_every_home(house: &TestHouse, check: impl Fn(&dyn ReadLeaderboards)) {
    let (world, commits) = commits(house);
    let mut view = Memory::<Leaderboards>::new(&world.identity);
    for batch in commits.chunks(3) {
        block_on(view.apply(batch)).unwrap();
    }
    check(&view.reader());
    #[cfg(feature = "sqlite")]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("view");
        let mut view =
            ledger_projections::sqlite::Sqlite::<Leaderboards>::open(path, &world.identity).unwrap();
        for batch in commits.chunks(3) {
            block_on(view.apply(batch)).unwrap();
        }
        check(&view.reader().unwrap());
    }
}

/// Place, player and points of all pages of so many.
fn places(reader: &dyn ReadLeaderboards, limit: usize) -> Vec<(u64, String, String)> {
    let (mut all, mut after): (Vec<_>, Option<PlaceCursor>) = (Vec::new(), None);
    loop {
        let page = block_on(reader.places(&cup(), after.as_ref(), limit)).unwrap().value;
        let line = |row: &ledger_projections::leaderboards::PlaceRow| {
            (row.place, row.entry.of.player.to_string(), row.entry.points.unwrap().to_string())
        };
        all.extend(page.rows.iter().map(line));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn ranking(house: &TestHouse) -> Vec<(u64, String, String)> {
    let ranks = house.state().tournament().unwrap().ranking().unwrap().unwrap().ranks;
    let line = |rank: ledger_core::stored::TournamentRank| {
        (u64::from(rank.place), rank.of.player.to_string(), rank.points.to_string())
    };
    ranks.into_iter().map(line).collect()
}

#[test]
fn e10_the_standing_is_the_cores_while_it_runs_and_when_it_is_closed() {
    for tie in [TournamentTie::SharePrizes, TournamentTie::EarlierFirst, TournamentTie::HigherPrize] {
        for house in [played(tie), closed(tie)] {
            let expected = ranking(&house);
            assert_eq!(expected.len(), 5);
            in_every_home(&house, |reader| {
                for limit in [1, 2, 3, 100] {
                    assert_eq!(places(reader, limit), expected, "{tie:?} by {limit}");
                }
            });
        }
    }
}

#[test]
fn e10_a_tournament_shows_its_status_its_money_and_who_won_what() {
    let mut house = closed(TournamentTie::SharePrizes);
    run(&mut house, house_commands::prize_paid(3, 9));
    run(&mut house, house_commands::prize_forfeited(5));
    in_every_home(&house, |reader| {
        let row = block_on(reader.tournament(&cup())).unwrap().value.unwrap();
        assert_eq!((row.status, row.version, row.entrants, row.others), (TournamentStatus::Closed, 1, 5, 2));
        assert_eq!(row.ranked, 5);
        let sums = row.sums;
        let texts = [sums.collected, sums.fees, sums.prizes, sums.paid, sums.overlay, sums.kept];
        let texts = texts.map(|sum| sum.to_string());
        assert_eq!(texts, ["50.00", "5.00", "60.00", "25.00", "10.00", "25.00"]);
        let entry = |number| block_on(reader.entry(&cup(), number)).unwrap().value.unwrap();
        assert_eq!(entry(1).state, EntryState::TurnedAway(TurnedAway::NotOpen));
        assert_eq!(entry(7).state, EntryState::WentBack);
        let won = entry(3);
        assert_eq!((won.place, won.prize.unwrap().to_string()), (Some(1), "25.00".to_owned()));
        assert!(won.outcome.is_some() && entry(6).outcome.is_none());
        let p2 = PlayerId::new("p2").unwrap();
        let own = block_on(reader.of_player(&p2, None, 10)).unwrap().value.rows;
        assert_eq!(own, [won]);
        let nobody = HouseId::new("tournament/none").unwrap();
        assert_eq!(block_on(reader.tournament(&nobody)).unwrap().value, None);
    });
}

#[test]
fn e10_an_entry_that_goes_back_after_the_closing_leaves_the_results() {
    let mut house = closed(TournamentTie::SharePrizes);
    let expected = ranking(&house);
    run(&mut house, house_commands::release_entry("p2", "E1"));
    in_every_home(&house, |reader| {
        assert_eq!(places(reader, 10), expected);
        let row = block_on(reader.tournament(&cup())).unwrap().value.unwrap();
        assert_eq!((row.entrants, row.sums.overlay.to_string()), (5, "20.00".to_owned()));
    });
    let mut house = played(TournamentTie::SharePrizes);
    run(&mut house, house_commands::cancel_tournament("Z1"));
    in_every_home(&house, |reader| {
        let row = block_on(reader.tournament(&cup())).unwrap().value.unwrap();
        assert_eq!(row.status, TournamentStatus::Cancelled);
    });
}
