//! Tournaments: E10, P41, P42, S110 in docs/scenarios.md, from the entry to the prize.

use std::collections::BTreeMap;

use ledger_core::stored::{
    BarredPayee, CommitBody, Event, ExclusionKind, ForfeitCause, TournamentPlaces, TournamentPrize,
    TournamentRank, TournamentRemainder, TournamentScoring, TournamentTerms, TournamentTie, TurnedAway,
};
use ledger_core::testing::commands::{self as player_commands, currency, decimal};
use ledger_core::testing::house_commands::{self as commands, tournament_terms};
use ledger_core::testing::invariants::{self, i28_the_pool_is_held_or_owed};
use ledger_core::testing::{HouseScenario, Scenario, TestHouse, TestLedger, given, given_house};
use ledger_core::{
    AccountKind, Amount, BasisPoints, Capacity, ConfigureTournament, HouseCommand, KeyScope, MismatchField,
    NotAllowedReason, OpenPlayer, PayTournamentPrize, PlayerCommand, RankTournament, Rejection,
    ReturnTournamentEntry, Rollback, RollbackKind, ScoreTournament, TOURNAMENT_GAMES_MAX,
    TOURNAMENT_PLACES_MAX, TOURNAMENT_RANKS_PER_PAGE, TakeTournamentEntry, TournamentId, TournamentStatus,
    TournamentStep, tournament_steps,
};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn cup() -> TournamentTerms {
    tournament_terms("10.00", "1.00")
}

/// A tournament that is open.
fn open(terms: &TournamentTerms) -> HouseScenario {
    given_house("tournament/cup")
        .when(commands::configure_tournament("C1", terms.clone()))
        .applied()
        .records(&["tournament.configured"])
        .when(commands::open_tournament("O1", terms))
        .applied()
        .records(&["tournament.opened"])
}

fn shares(points: &[u32]) -> Vec<TournamentPlaces> {
    let prize = |points: &u32| TournamentPrize::Share(BasisPoints::new(*points).unwrap());
    points.iter().map(|points| TournamentPlaces { places: 1, prize: prize(points) }).collect()
}

fn fixed(amounts: &[&str]) -> Vec<TournamentPlaces> {
    let places = |text: &&str| TournamentPlaces { places: 1, prize: TournamentPrize::Fixed(amount(text)) };
    amounts.iter().map(places).collect()
}

/// Players `p1` and so on enter and have so many points.
fn played(terms: &TournamentTerms, points: &[&str]) -> HouseScenario {
    points.iter().enumerate().fold(open(terms), |house, (at, points)| {
        let player = format!("p{}", at + 1);
        house
            .when(commands::take_entry(&player, "E1"))
            .applied()
            .when(commands::score(&player, 7, points))
            .applied()
            .records(&["tournament.scored"])
    })
}

const TWO_HOURS: u32 = 7_200;

fn closed(house: HouseScenario) -> HouseScenario {
    house.after_secs(TWO_HOURS).when(commands::close_tournament()).applied()
}

/// The places of a closed tournament, by player, with their prizes.
fn places(house: &HouseScenario) -> Vec<(u32, String, String)> {
    let ranks = house.house().state().tournament().unwrap().ranking().unwrap().unwrap().ranks;
    let text = |rank: TournamentRank| {
        let prize = rank.prize.map_or("-".to_owned(), |prize| prize.to_string());
        (rank.place, rank.of.player.to_string(), prize)
    };
    ranks.into_iter().map(text).collect()
}

fn expected(all: &[(u32, &str, &str)]) -> Vec<(u32, String, String)> {
    all.iter().map(|(place, player, prize)| (*place, (*player).to_owned(), (*prize).to_owned())).collect()
}

/// The one command to the tournament that follows the last commit of a player.
fn told(player: &Scenario) -> HouseCommand {
    match tournament_steps(player.ledger().commits().last().unwrap()).unwrap().as_slice() {
        [TournamentStep::House(house, command)] if house.as_str() == "tournament/cup" => command.clone(),
        steps => panic!("{steps:?}"),
    }
}

/// The commands that are due to players, by player.
fn due(house: &HouseScenario) -> BTreeMap<String, PlayerCommand> {
    let state = house.house().state();
    let steps = state.tournament().unwrap().due(state.house());
    let to_player = |step: TournamentStep| match step {
        TournamentStep::Player(player, command) => (player.to_string(), command),
        TournamentStep::House(house, command) => panic!("{house}: {command:?}"),
    };
    steps.into_iter().map(to_player).collect()
}

/// What the accounts of players and the tournament come to together.
fn together(players: &[&TestLedger], houses: &[&TestHouse]) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
    let texts = players.iter().map(|ledger| ledger.account_texts());
    for (account, text) in texts.chain(houses.iter().map(|house| house.account_texts())).flatten() {
        *sums.entry(account).or_default() += decimal(&text);
    }
    let sums = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
    sums.map(|(account, sum)| (account, sum.normalize().to_string())).collect()
}

fn sums(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(account, text)| ((*account).to_owned(), (*text).to_owned())).collect()
}

fn held(players: &[&TestLedger], house: &TestHouse) {
    let logs: Vec<&[CommitBody]> =
        players.iter().map(|ledger| ledger.commits()).chain([house.commits()]).collect();
    let cup = TournamentId::new("cup").unwrap();
    i28_the_pool_is_held_or_owed((AccountKind::Real, &cup), house.state(), &logs).unwrap();
}

// The way of a tournament.

#[test]
fn p42_a_prize_is_fixed_by_the_tournament_and_paid_by_the_players_commit() {
    let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1")).applied();
    let house = open(&cup());
    held(&[entered.ledger()], house.house());
    let take = told(&entered);
    let house = house.when(take.clone()).applied().records(&["tournament.entry_taken"]);
    held(&[entered.ledger()], house.house());
    let house = house.when(commands::score("p1", 5, "12.50")).applied();
    let house = house.after_secs(TWO_HOURS).when(commands::end_tournament()).applied();
    let house = house.records(&["tournament.ended"]).when(commands::close_tournament()).applied();
    // One player, so the second place has nobody: what it would have got is the house's.
    let house = house
        .records(&["entry.posted", "tournament.closed"])
        .accounts(&[("tournament:pool of cup", "-4.00"), ("gaming:rake of cup", "4.00")]);
    assert!(due(&house).is_empty(), "nothing is paid before its page is there");
    let house = house.when(RankTournament { page: 1 }).applied().records(&["tournament.ranked"]);
    held(&[entered.ledger()], house.house());
    let pay = due(&house).remove("p1").unwrap();
    let paid = entered.when(pay.clone()).applied().records(&["entry.posted", "tournament.prize_paid"]);
    let paid = paid.accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "95.00"),
        ("gaming:rake of cup", "1.00"),
        ("tournament:pool of cup", "4.00"),
    ]);
    held(&[paid.ledger()], house.house());
    let settle = told(&paid);
    let house = house.when(settle.clone()).applied().records(&["tournament.prize_settled"]);
    held(&[paid.ledger()], house.house());
    assert!(due(&house).is_empty());
    assert_eq!(
        together(&[paid.ledger()], &[house.house()]),
        sums(&[("psp:clearing of psp", "100"), ("player:cash", "95"), ("gaming:rake of cup", "5")])
    );
    // Every step may come again.
    let _ = paid.when(pay).replayed("applied");
    let _ = house
        .when(take)
        .replayed()
        .when(commands::score("p1", 5, "12.5"))
        .replayed()
        .when(commands::close_tournament())
        .replayed()
        .when(RankTournament { page: 1 })
        .replayed()
        .when(settle)
        .replayed()
        .when(commands::prize_forfeited(1))
        .refused("key_reused");
}

/// E10: the terms stand in the log with their hash, their version and two persons; once it is open nobody changes them.
#[test]
fn e10_terms_are_set_by_two_persons_and_stand_once_it_is_open() {
    let house = given_house("tournament/cup");
    let alone = ConfigureTournament {
        approved_by: player_commands::person("anna"),
        ..commands::configure_tournament("C1", cup())
    };
    let other = TournamentTerms { entries_max: 5, ..cup() };
    let house = house
        .when(commands::open_tournament("O1", &cup()))
        .refused_as(&no(NotAllowedReason::TournamentState))
        .when(alone)
        .refused_as(&no(NotAllowedReason::SamePerson))
        .when(commands::configure_tournament("C1", cup()))
        .applied()
        .when(commands::configure_tournament("C2", cup()))
        .refused_as(&no(NotAllowedReason::Unchanged))
        .when(commands::configure_tournament("C2", other.clone()))
        .applied()
        .when(commands::open_tournament("O1", &cup()))
        .refused_as(&Rejection::Mismatch { field: MismatchField::Terms });
    let known = house.house().state().tournament().unwrap();
    assert_eq!((known.terms(), known.terms_version()), (Some(&other), 2));
    let configured = house.house().events().filter_map(|record| match &record.event {
        Event::TournamentConfigured(event) => {
            Some((event.version, event.hash, event.approved_by.to_string()))
        }
        _ => None,
    });
    let configured: Vec<_> = configured.collect();
    assert_eq!(configured[1].1, commands::open_tournament("O1", &other).terms);
    assert_eq!((configured[1].0, configured[1].2.as_str()), (2, "boris"));
    let house = house.when(commands::open_tournament("O1", &other)).applied();
    let house = house
        .when(commands::configure_tournament("C3", cup()))
        .refused_as(&no(NotAllowedReason::TournamentState));
    assert_eq!(house.house().state().tournament().unwrap().status(), TournamentStatus::Open);
    // A tournament whose end has come does not open.
    let _ = given_house("tournament/late")
        .when(commands::configure_tournament("C1", cup()))
        .after_secs(3_600)
        .when(commands::open_tournament("O1", &cup()))
        .refused_as(&no(NotAllowedReason::TournamentOver));
}

#[test]
fn terms_of_a_tournament_that_contradict_themselves_are_refused() {
    let with = |change: &dyn Fn(&mut TournamentTerms)| {
        let mut terms = cup();
        change(&mut terms);
        given_house("tournament/cup").when(commands::configure_tournament("C1", terms))
    };
    let wrong: [&dyn Fn(&mut TournamentTerms); 8] = [
        &|terms| terms.until = terms.from,
        &|terms| terms.results_until = terms.from,
        &|terms| terms.entries_max = 0,
        &|terms| terms.entries_max = 10_001,
        &|terms| terms.prizes.clear(),
        &|terms| terms.prizes[0].places = 0,
        &|terms| terms.remainder = TournamentRemainder::Place(0),
        &|terms| terms.remainder = TournamentRemainder::Place(3),
    ];
    for change in wrong {
        let _ = with(change).refused_as(&no(NotAllowedReason::TournamentTerms));
    }
    let amounts: [&dyn Fn(&mut TournamentTerms); 5] = [
        &|terms| terms.buy_in = amount("10.000"),
        &|terms| terms.fee = amount("-1.00"),
        &|terms| terms.guarantee = amount("2000000000000.00"),
        &|terms| terms.prizes = shares(&[6_000, 4_001]),
        &|terms| terms.prizes = fixed(&["1.000"]),
    ];
    for change in amounts {
        let _ = with(change).refused_as(&no(NotAllowedReason::TermsAmounts));
    }
    let full = |what, maximum| Rejection::CapacityExceeded { what, maximum };
    let places = u32::try_from(TOURNAMENT_PLACES_MAX).unwrap();
    let _ = with(&|terms| {
        terms.prizes =
            vec![TournamentPlaces { places: places + 1, prize: TournamentPrize::Fixed(amount("1.00")) }];
    })
    .refused_as(&full(Capacity::PlacesOfTournament, places));
    let _ = with(&|terms| {
        terms.games = (0..=TOURNAMENT_GAMES_MAX).map(|n| player_commands::game(&format!("g{n}"))).collect();
    })
    .refused_as(&full(Capacity::GamesOfTournament, u32::try_from(TOURNAMENT_GAMES_MAX).unwrap()));
    let unknown = TournamentTerms { currency: currency("XXX"), ..cup() };
    let _ = given_house("tournament/cup")
        .when(commands::configure_tournament("C1", unknown))
        .refused("currency_unknown");
}

/// What prizes may come to is an amount, whoever ties: else a tournament could never be closed.
#[test]
fn terms_whose_prizes_are_beyond_what_an_amount_can_be_are_refused() {
    use TournamentTie::{EarlierFirst, HigherPrize, SharePrizes};

    let digits = "0".repeat(18);
    let ether = |whole: &str| amount(&format!("{whole}.{digits}"));
    let configured = |tie, entries_max, buy_in: &str, (places, prize): (u32, TournamentPrize)| {
        let terms = TournamentTerms {
            currency: currency("ETH"),
            buy_in: ether(buy_in),
            fee: ether("0"),
            guarantee: ether("0"),
            min_stake: ether("0"),
            prizes: vec![TournamentPlaces { places, prize }],
            entries_max,
            tie,
            ..cup()
        };
        given_house("tournament/cup").when(commands::configure_tournament("C1", terms))
    };
    let fixed = |whole: &str| TournamentPrize::Fixed(ether(whole));
    let all = TournamentPrize::Share(BasisPoints::new(10_000).unwrap());
    let _ = configured(SharePrizes, 10_000, "0", (7, fixed("10000000000"))).applied();
    let _ = configured(SharePrizes, 10_000, "0", (8, fixed("10000000000"))).refused("amount_overflow");
    // Beside the prizes there is what is left over of what is shared.
    let _ = configured(EarlierFirst, 10, "1000000000", (7, fixed("10000000000"))).refused("amount_overflow");
    // The higher prize goes to all who tie.
    let _ = configured(HigherPrize, 700, "0", (1, fixed("100000000"))).applied();
    let _ = configured(HigherPrize, 800, "0", (1, fixed("100000000"))).refused("amount_overflow");
    let _ = configured(HigherPrize, 80, "10000000", (1, all)).applied();
    let _ = configured(HigherPrize, 90, "10000000", (1, all)).refused("amount_overflow");
    let _ = configured(SharePrizes, 90, "10000000", (1, all)).applied();
}

/// A player has paid before the tournament is asked, so what takes no part goes back, fee and all.
#[test]
fn an_entry_that_takes_no_part_goes_back_fee_and_all() {
    let terms = TournamentTerms { entries_max: 2, ..cup() };
    let late = TakeTournamentEntry { entered_at: terms.until, ..commands::take_entry("p4", "E1") };
    let cheap = TakeTournamentEntry { fee: decimal("0"), ..commands::take_entry("p4", "E2") };
    let dollars = TakeTournamentEntry { currency: currency("USD"), ..commands::take_entry("p4", "E3") };
    let house = open(&terms)
        .when(commands::take_entry("p1", "E1"))
        .when(late)
        .when(cheap)
        .when(dollars)
        .when(commands::take_entry("p1", "E9"))
        .when(commands::take_entry("p2", "E1"))
        .when(commands::take_entry("p3", "E1"))
        .applied();
    let why: Vec<_> = house
        .house()
        .events()
        .filter_map(|record| match &record.event {
            Event::TournamentEntryTaken(event) => Some(event.turned_away),
            _ => None,
        })
        .collect();
    assert_eq!(
        why,
        [
            None,
            Some(TurnedAway::Over),
            Some(TurnedAway::Terms),
            Some(TurnedAway::Terms),
            Some(TurnedAway::Again),
            None,
            Some(TurnedAway::Full)
        ]
    );
    let known = house.house().state().tournament().unwrap();
    assert_eq!((known.entrant_count(), known.collected()), (2, Some(amount("20.00"))));

    // One of them, from the player's side.
    let entered = given().cash("100").when(player_commands::enter_tournament("E9", "10", "1")).applied();
    let back = due(&house).remove("p1").unwrap();
    let returned =
        entered.when(back.clone()).applied().records(&["entry.posted", "tournament.entry_returned"]);
    let returned = returned.accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    let house = house.when(told(&returned)).applied().records(&["tournament.entry_released"]);
    assert!(!due(&house).contains_key("p1"));
    // Its source undoes it too: too late. And the other way round.
    let undo =
        Rollback { kind: Some(RollbackKind::TournamentEntry), ..player_commands::rollback("X1", "E9") };
    let _ =
        returned.when(back.clone()).replayed("applied").when(undo.clone()).rejected("already_rolled_back");
    let undone =
        given().cash("100").when(player_commands::enter_tournament("E9", "10", "1")).when(undo).applied();
    let _ = undone.when(back).rejected("already_rolled_back");
    // Before it opens and after it is over.
    let of = |house: &HouseScenario| match &house.house().events().last().unwrap().event {
        Event::TournamentEntryTaken(event) => event.turned_away,
        event => panic!("{event:?}"),
    };
    let draft = given_house("tournament/cup").when(commands::configure_tournament("C1", terms.clone()));
    assert_eq!(of(&draft.when(commands::take_entry("p1", "E1")).applied()), Some(TurnedAway::NotOpen));
    let over = open(&terms).after_secs(3_600).when(commands::end_tournament()).applied();
    assert_eq!(of(&over.when(commands::take_entry("p1", "E1")).applied()), Some(TurnedAway::Over));
}

/// Providers run tournaments of their own, whose entries are booked here too: those stay paid.
#[test]
fn an_entry_to_a_tournament_of_somebody_else_stays_with_it() {
    let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1")).applied();
    let take = told(&entered);
    let house = given_house("tournament/cup").when(take.clone());
    let house = house.refused("not_allowed").refused_as(&no(NotAllowedReason::TournamentState));
    assert!(house.house().state().tournament().is_none());
    assert_eq!(house.house().events().count(), 0);
    // The refusal does not stick: once it is the house's, the entry is what it says.
    let terms = cup();
    let house = house.when(commands::configure_tournament("C1", terms.clone())).applied();
    let house = house.when(commands::open_tournament("O1", &terms)).applied().when(take).applied();
    assert_eq!(house.house().state().tournament().unwrap().entrant_count(), 1);
}

#[test]
fn a_cancelled_tournament_gives_every_entry_back() {
    let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1")).applied();
    let house = open(&cup()).when(told(&entered)).when(commands::score("p1", 5, "30")).applied();
    let house = house.when(commands::cancel_tournament("Z1")).applied().records(&["tournament.cancelled"]);
    held(&[entered.ledger()], house.house());
    let back = due(&house).remove("p1").unwrap();
    let returned = entered.when(back).applied();
    held(&[returned.ledger()], house.house());
    let house = house.when(told(&returned)).applied();
    assert_eq!(
        together(&[returned.ledger()], &[house.house()]),
        sums(&[("psp:clearing of psp", "100"), ("player:cash", "100")])
    );
    let state = || no(NotAllowedReason::TournamentState);
    let house = house
        .when(commands::score("p1", 9, "40"))
        .refused_as(&state())
        .when(commands::cancel_tournament("Z2"))
        .refused_as(&state())
        .after_secs(TWO_HOURS)
        .when(commands::close_tournament())
        .refused_as(&state())
        .when(commands::take_entry("p2", "E1"))
        .applied();
    assert_eq!(due(&house).len(), 1);
    let alone = ledger_core::CancelTournament {
        approved_by: player_commands::person("anna"),
        ..commands::cancel_tournament("Z1")
    };
    let _ = open(&cup()).when(alone).refused_as(&no(NotAllowedReason::SamePerson));
    let _ = closed(open(&cup())).when(commands::cancel_tournament("Z1")).refused_as(&state());
}

// Prizes.

#[test]
fn the_house_adds_what_a_guarantee_is_above_what_was_collected() {
    let terms = TournamentTerms { guarantee: amount("100.00"), ..cup() };
    let house = closed(played(&terms, &["5", "9"]))
        .accounts(&[("tournament:overlay", "80.00"), ("tournament:pool of cup", "80.00")]);
    assert_eq!(places(&house), expected(&[(1, "p2", "60.00"), (2, "p1", "40.00")]));
    // Of a guarantee that nobody wins the house adds nothing.
    let house = closed(played(&terms, &["5"]))
        .accounts(&[("tournament:overlay", "50.00"), ("tournament:pool of cup", "50.00")]);
    assert_eq!(places(&house), expected(&[(1, "p1", "60.00")]));
    let house = closed(open(&terms)).accounts(&[]);
    assert!(places(&house).is_empty());
    // Prizes that are fixed may be above it.
    let terms = TournamentTerms { prizes: fixed(&["30.00", "5.00"]), ..cup() };
    let _ = closed(played(&terms, &["5", "9"]))
        .accounts(&[("tournament:overlay", "15.00"), ("tournament:pool of cup", "15.00")]);
}

#[test]
fn what_prizes_leave_over_is_whose_the_terms_say() {
    let small = TournamentTerms { prizes: fixed(&["12.00", "3.00"]), ..cup() };
    let house = closed(played(&small, &["5", "9"]))
        .accounts(&[("gaming:rake of cup", "5.00"), ("tournament:pool of cup", "-5.00")]);
    assert_eq!(places(&house), expected(&[(1, "p2", "12.00"), (2, "p1", "3.00")]));
    let to_second = TournamentTerms { remainder: TournamentRemainder::Place(2), ..small.clone() };
    let house = closed(played(&to_second, &["5", "9"])).accounts(&[]);
    assert_eq!(places(&house), expected(&[(1, "p2", "12.00"), (2, "p1", "8.00")]));
    // Nobody has that place.
    let house = closed(played(&to_second, &["5"]));
    assert_eq!(places(&house), expected(&[(1, "p1", "12.00")]));
    // A guarantee that is named a place's goes out whole.
    let whole = TournamentTerms { guarantee: amount("50.00"), ..to_second };
    let house = closed(played(&whole, &["5", "9"]))
        .accounts(&[("tournament:overlay", "30.00"), ("tournament:pool of cup", "30.00")]);
    assert_eq!(places(&house), expected(&[(1, "p2", "12.00"), (2, "p1", "38.00")]));
    // Shares are rounded down, and what that leaves is left over.
    let thirds = TournamentTerms { prizes: shares(&[3_333, 3_333, 3_333]), ..cup() };
    let house = closed(played(&thirds, &["3", "2", "1"]))
        .accounts(&[("gaming:rake of cup", "0.03"), ("tournament:pool of cup", "-0.03")]);
    assert_eq!(places(&house), expected(&[(1, "p1", "9.99"), (2, "p2", "9.99"), (3, "p3", "9.99")]));
}

#[test]
fn the_same_points_come_to_what_the_terms_say() {
    let terms = |tie| TournamentTerms { prizes: fixed(&["20.00", "10.01", "5.00"]), tie, ..cup() };
    let points = ["7", "9", "9", "1"];
    let house = closed(played(&terms(TournamentTie::SharePrizes), &points));
    let shared = [(1, "p2", "15.01"), (1, "p3", "15.00"), (3, "p1", "5.00"), (4, "p4", "-")];
    assert_eq!(places(&house), expected(&shared));
    let house = closed(played(&terms(TournamentTie::HigherPrize), &points));
    let higher = [(1, "p2", "20.00"), (1, "p3", "20.00"), (3, "p1", "5.00"), (4, "p4", "-")];
    assert_eq!(places(&house), expected(&higher));
    // Who reached it first; of one instant, who entered first.
    let earlier = played(&terms(TournamentTie::EarlierFirst), &points);
    assert_eq!(
        places(&earlier),
        expected(&[(1, "p2", "20.00"), (2, "p3", "10.01"), (3, "p1", "5.00"), (4, "p4", "-")])
    );
    let sooner = ScoreTournament {
        reached_at: "2026-01-01T00:20:00Z".parse().unwrap(),
        ..commands::score("p3", 8, "9")
    };
    let house = closed(earlier.when(sooner).applied());
    assert_eq!(
        places(&house),
        expected(&[(1, "p3", "20.00"), (2, "p2", "10.01"), (3, "p1", "5.00"), (4, "p4", "-")])
    );
    // A remainder is shared as well.
    let rest = TournamentTerms {
        prizes: fixed(&["1.00"]),
        remainder: TournamentRemainder::Place(1),
        ..terms(TournamentTie::HigherPrize)
    };
    let house = closed(played(&rest, &["9", "9", "1"]));
    assert_eq!(places(&house), expected(&[(1, "p1", "15.00"), (1, "p2", "15.00"), (3, "p3", "-")]));
}

// Points.

#[test]
fn points_are_all_that_a_player_has_and_only_newer_ones_count() {
    let house = played(&cup(), &["10", "20"]);
    assert_eq!(places(&house), expected(&[(1, "p2", "12.00"), (2, "p1", "8.00")]));
    // A result was taken back: his points are less.
    let house = house.when(commands::score("p2", 9, "3")).applied();
    assert_eq!(places(&house), expected(&[(1, "p1", "12.00"), (2, "p2", "8.00")]));
    let old = no(NotAllowedReason::ScoreOutOfOrder);
    let none = no(NotAllowedReason::EntryNotOpen);
    let at =
        |text: &str| ScoreTournament { reached_at: text.parse().unwrap(), ..commands::score("p2", 10, "99") };
    let house = house
        .when(commands::score("p2", 8, "30"))
        .refused_as(&old)
        .when(commands::score("p2", 9, "4"))
        .refused("key_reused")
        .when(commands::score("p9", 1, "3"))
        .refused_as(&none)
        .when(commands::score("p2", 10, "0.001"))
        .refused("precision")
        .when(at("2025-12-31T23:59:59Z"))
        .refused_as(&no(NotAllowedReason::TournamentOver))
        .when(at("2026-01-01T02:00:00.000001Z"))
        .refused_as(&no(NotAllowedReason::TournamentOver));
    // He left and entered again: points of his first entry are none of the second.
    let again = TakeTournamentEntry {
        entered_at: "2026-01-01T00:40:00Z".parse().unwrap(),
        ..commands::take_entry("p2", "E2")
    };
    let back = house.when(commands::release_entry("p2", "E1")).applied().when(again).applied();
    let back = back.when(commands::score("p2", 11, "99")).refused_as(&no(NotAllowedReason::TournamentOver));
    let _ = back.when(at("2026-01-01T00:40:00Z")).applied();
    let house = played(&cup(), &["10", "20"]).when(commands::score("p2", 9, "3")).applied();
    // Late results count until the time for them is over.
    let house = house.after_secs(3_600).when(commands::end_tournament()).applied();
    let house = house.when(at("2026-01-01T02:00:00Z")).applied();
    assert_eq!(places(&house), expected(&[(1, "p2", "12.00"), (2, "p1", "8.00")]));
    let house = house
        .when(commands::close_tournament())
        .refused_as(&no(NotAllowedReason::TournamentNotOver))
        .after_secs(3_600)
        .when(commands::close_tournament())
        .applied();
    let _ = house.when(commands::score("p1", 99, "500")).refused_as(&no(NotAllowedReason::TournamentState));
    let _ =
        open(&cup()).when(commands::end_tournament()).refused_as(&no(NotAllowedReason::TournamentNotOver));
}

#[test]
fn who_has_too_few_bets_has_no_place() {
    let terms = TournamentTerms { min_bets: 3, scoring: TournamentScoring::Net, ..cup() };
    let bets =
        |player: &str, bets, points: &str| ScoreTournament { bets, ..commands::score(player, 7, points) };
    let house = ["p1", "p2", "p3"]
        .iter()
        .fold(open(&terms), |house, player| house.when(commands::take_entry(player, "E1")));
    let house = house.when(bets("p1", 2, "500")).when(bets("p2", 3, "-4.50")).applied();
    assert_eq!(places(&house), expected(&[(1, "p2", "18.00")]));
    let house =
        closed(house).accounts(&[("gaming:rake of cup", "12.00"), ("tournament:pool of cup", "-12.00")]);
    // And there is no place without any bet.
    assert_eq!(house.house().state().tournament().unwrap().ranked(), 1);
}

// After the closing.

#[test]
fn an_entry_that_is_undone_after_the_closing_is_made_up_by_the_house() {
    let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1")).applied();
    let house = open(&cup()).when(told(&entered)).when(commands::take_entry("p2", "E1"));
    let house = house.when(commands::score("p1", 5, "30")).when(commands::score("p2", 5, "20"));
    // Before it, what was collected is less.
    let undo =
        Rollback { kind: Some(RollbackKind::TournamentEntry), ..player_commands::rollback("X1", "E1") };
    let undone = entered.when(undo).applied();
    let before = house.clone().when(told(&undone)).applied().accounts(&[]);
    assert_eq!(before.house().state().tournament().unwrap().collected(), Some(amount("10.00")));
    assert_eq!(places(&before), expected(&[(1, "p2", "6.00")]));
    let _ = before.when(commands::release_entry("p1", "E1")).replayed();
    // After it, the prizes stand.
    let house = closed(house).when(RankTournament { page: 1 }).when(told(&undone)).applied();
    let house = house
        .records(&["entry.posted", "tournament.entry_released"])
        .accounts(&[("tournament:overlay", "10.00"), ("tournament:pool of cup", "10.00")]);
    assert_eq!(places(&house), expected(&[(1, "p1", "12.00"), (2, "p2", "8.00")]));
    let paid = undone.when(due(&house).remove("p1").unwrap()).applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "112.00"),
        ("tournament:pool of cup", "-12.00"),
    ]);
    let house = house.when(told(&paid)).applied();
    let unknown = house.when(commands::release_entry("p3", "E1"));
    let _ = unknown.refused_as(&no(NotAllowedReason::EntryNotOpen));
}

#[test]
fn a_barred_player_is_paid_or_not_as_the_terms_say() {
    let entered = || given().cash("100").when(player_commands::enter_tournament("E1", "10", "1"));
    let house = |barred| {
        let terms = TournamentTerms { barred, ..cup() };
        closed(played(&terms, &["9", "5"])).when(RankTournament { page: 1 }).applied()
    };
    let excluded =
        || entered().when(player_commands::exclude("S1", ExclusionKind::SelfExclusion, None)).applied();
    let paying = house(BarredPayee::Pay);
    let paid = excluded().when(due(&paying).remove("p1").unwrap()).applied();
    let _ = paid.records(&["entry.posted", "tournament.prize_paid"]).available("101.00");
    let keeping = house(BarredPayee::Forfeit);
    let pay = due(&keeping).remove("p1").unwrap();
    let _ = entered().when(pay.clone()).applied().available("101.00");
    let closed = || entered().when(player_commands::close_player("Z1")).applied();
    for (player, why) in [(excluded(), ForfeitCause::Excluded), (closed(), ForfeitCause::Closed)] {
        let forfeited = player.when(pay.clone()).applied().records(&["tournament.prize_forfeited"]);
        let Some(Event::TournamentPrizeForfeited(event)) =
            forfeited.ledger().events().last().map(|record| &record.event)
        else {
            panic!("no forfeit");
        };
        assert_eq!((event.cause, event.amount), (why, amount("12.00")));
        let house = keeping.clone().when(told(&forfeited)).applied();
        let house = house
            .records(&["entry.posted", "tournament.prize_settled"])
            .accounts(&[("tournament:pool of cup", "-12.00"), ("gaming:rake of cup", "12.00")]);
        assert_eq!(due(&house).len(), 1, "the other's is still due");
    }
}

#[test]
fn a_prize_needs_the_entry_that_won_it() {
    let entered = || given().cash("100").when(player_commands::enter_tournament("E1", "10", "1"));
    let pay = || player_commands::pay_prize("E1", "12");
    let _ = given().cash("100").when(pay()).rejected("payment_not_found");
    let mismatch = |field| Rejection::Mismatch { field };
    let other = TournamentId::new("other").unwrap();
    let elsewhere = PayTournamentPrize { tournament: other.clone(), ..pay() };
    let _ = entered().when(elsewhere).refused_as(&mismatch(MismatchField::Tournament));
    let test = PayTournamentPrize { kind: AccountKind::Test, ..pay() };
    let _ = entered().when(test).refused_as(&mismatch(MismatchField::Kind));
    let dollars = PayTournamentPrize { currency: currency("USD"), ..pay() };
    let _ = entered().when(dollars).refused_as(&mismatch(MismatchField::Currency));
    let _ = entered().when(player_commands::pay_prize("E1", "0")).refused("invalid_amount");
    let _ = entered().when(player_commands::pay_prize("E1", "0.001")).refused("precision");
    let back = ReturnTournamentEntry { tournament: other, ..player_commands::return_entry("E1") };
    let _ = entered().when(back).refused_as(&mismatch(MismatchField::Tournament));
    let _ = entered().when(player_commands::return_entry("E2")).rejected("payment_not_found");
    // Ids that are unique over all kinds are the source's; these commands are the ledger's own.
    let any = entered().scope(KeyScope::AnyKind);
    let _ = any.when(pay()).applied().when(pay()).replayed("applied");
}

/// What one operation may carry bounds no prize: it is of what many paid.
#[test]
fn p42_a_prize_above_the_most_of_one_operation_is_paid() {
    let terms = TournamentTerms {
        buy_in: amount("900000000000.00"),
        prizes: shares(&[10_000]),
        remainder: TournamentRemainder::Place(1),
        ..cup()
    };
    let take = |player: &str| TakeTournamentEntry {
        buy_in: decimal("900000000000"),
        ..commands::take_entry(player, "E1")
    };
    let house = open(&terms).when(take("p1")).applied().when(take("p2")).applied();
    let house = closed(house.when(commands::score("p1", 7, "3")).applied());
    let house = house.when(RankTournament { page: 1 }).applied();
    let pay = due(&house).remove("p1").unwrap();
    let entered = given().cash("900000000001");
    let entered = entered.when(player_commands::enter_tournament("E1", "900000000000", "1")).applied();
    let paid = entered.when(pay).applied().records(&["entry.posted", "tournament.prize_paid"]);
    let _ = paid.accounts(&[
        ("psp:clearing of psp", "900000000001.00"),
        ("tournament:pool of cup", "-900000000000.00"),
        ("gaming:rake of cup", "1.00"),
        ("player:cash", "1800000000000.00"),
    ]);
    for wrong in ["-1800000000000", "0"] {
        let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1"));
        let _ = entered.when(player_commands::pay_prize("E1", wrong)).refused("invalid_amount");
    }
}

/// A free entry has no entry in the ledger, and still says what money it is of.
#[test]
fn a_free_entry_of_a_test_player_goes_to_the_tournament_of_test_money() {
    let open = OpenPlayer { kind: AccountKind::Test, ..player_commands::open(&["EUR"]) };
    let player = ledger_core::testing::given_nobody().when(open).applied();
    let entered = player.when(player_commands::enter_tournament("E1", "0", "0")).applied();
    let steps = tournament_steps(entered.ledger().commits().last().unwrap()).unwrap();
    let [TournamentStep::House(house, take)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(house.as_str(), "test/tournament/cup");
    let free = tournament_terms("0.00", "0.00");
    let house = given_house("test/tournament/cup")
        .when(commands::configure_tournament("C1", free.clone()))
        .when(commands::open_tournament("O1", &free))
        .when(take.clone())
        .when(commands::cancel_tournament("Z1"))
        .applied();
    let back = due(&house).remove("p1").unwrap();
    let returned = entered.when(back).applied().records(&["tournament.entry_returned"]);
    let steps = tournament_steps(returned.ledger().commits().last().unwrap()).unwrap();
    let [TournamentStep::House(to, release)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(to.as_str(), "test/tournament/cup");
    let house = house.when(release.clone()).applied().accounts(&[]);
    assert!(due(&house).is_empty());
}

#[test]
fn places_are_written_page_by_page() {
    let each = TournamentPlaces { places: 2, prize: TournamentPrize::Fixed(amount("1.00")) };
    let terms =
        TournamentTerms { entries_max: 1_000, prizes: vec![each], ..tournament_terms("0.00", "0.00") };
    let mut house = TestHouse::new("tournament/cup");
    let run = |house: &mut TestHouse, command: HouseCommand| house.execute(&command).unwrap().outcome.text();
    run(&mut house, commands::configure_tournament("C1", terms.clone()).into());
    run(&mut house, commands::open_tournament("O1", &terms).into());
    let players = TOURNAMENT_RANKS_PER_PAGE + 44;
    for n in 0..players {
        let player = format!("p{n:03}");
        let free = TakeTournamentEntry {
            buy_in: decimal("0"),
            fee: decimal("0"),
            ..commands::take_entry(&player, "E1")
        };
        assert_eq!(run(&mut house, free.into()), "applied");
        let points = (players - n).to_string();
        assert_eq!(run(&mut house, commands::score(&player, 1, &points).into()), "applied");
    }
    house.advance_secs(TWO_HOURS);
    assert_eq!(run(&mut house, commands::close_tournament().into()), "applied");
    assert_eq!(run(&mut house, RankTournament { page: 2 }.into()), "rejected:not_allowed");
    assert_eq!(run(&mut house, RankTournament { page: 1 }.into()), "applied");
    assert_eq!(run(&mut house, RankTournament { page: 2 }.into()), "applied");
    assert_eq!(run(&mut house, RankTournament { page: 3 }.into()), "rejected:not_allowed");
    let pages: Vec<_> = house
        .events()
        .filter_map(|record| match &record.event {
            Event::TournamentRanked(event) => Some(&event.ranks),
            _ => None,
        })
        .collect();
    assert_eq!(pages.iter().map(|ranks| ranks.len()).collect::<Vec<_>>(), [TOURNAMENT_RANKS_PER_PAGE, 44]);
    let names: Vec<_> =
        pages.iter().flat_map(|ranks| ranks.iter()).map(|rank| rank.of.player.to_string()).collect();
    assert_eq!(names, (0..players).map(|n| format!("p{n:03}")).collect::<Vec<_>>());
    assert_eq!(pages[0][1].prize, Some(amount("1.00")));
    assert_eq!(pages[0][2].prize, None);
    house.check().unwrap();
}

// Planted bugs.

fn staged() -> TestHouse {
    let house = closed(played(&TournamentTerms { guarantee: amount("30.00"), ..cup() }, &["9", "5"]));
    let house = house.when(RankTournament { page: 1 }).when(commands::prize_paid(1, 7)).applied();
    house.house().clone()
}

#[test]
fn i28_a_tournament_that_does_not_add_up() {
    let house = staged();
    let id = commands::house("tournament/cup");
    let journal = invariants::journal(house.commits());
    let check = |commits: &[CommitBody], journal: &[invariants::Line]| {
        invariants::i28_a_tournament_adds_up(&id, commits, house.state(), journal)
    };
    assert_eq!(check(house.commits(), &journal), Ok(()));
    let planted = |plant: &dyn Fn(&mut Event)| {
        let mut commits = house.commits().to_vec();
        commits.iter_mut().flat_map(|body| &mut body.events).for_each(|record| plant(&mut record.event));
        check(&commits, &journal).unwrap_err()
    };
    let wrong: [&dyn Fn(&mut Event); 4] = [
        &|event| {
            if let Event::TournamentEntryTaken(event) = event {
                event.buy_in = amount("10.01");
            }
        },
        &|event| {
            if let Event::TournamentClosed(event) = event {
                event.overlay = None;
            }
        },
        &|event| {
            if let Event::TournamentRanked(event) = event {
                event.ranks[0].prize = Some(amount("99.00"));
            }
        },
        &|event| {
            if let Event::TournamentPrizeSettled(event) = event {
                event.number = 2;
            }
        },
    ];
    for plant in wrong {
        assert!(planted(plant).starts_with("I28"));
    }
    let mut lines = journal.clone();
    lines[1].amount = amount("10.01");
    assert!(check(house.commits(), &lines).unwrap_err().starts_with("I28"));
}

#[test]
fn i28_a_pool_that_nobody_owes() {
    let entered = given().cash("100").when(player_commands::enter_tournament("E1", "10", "1")).applied();
    let house = open(&cup()).when(told(&entered)).applied();
    let cup = TournamentId::new("cup").unwrap();
    let check = |all: &[&[CommitBody]]| {
        i28_the_pool_is_held_or_owed((AccountKind::Real, &cup), house.house().state(), all)
    };
    assert_eq!(check(&[entered.ledger().commits(), house.house().commits()]), Ok(()));
    // The player's log is lost, or the tournament took the entry of somebody who never paid.
    assert!(check(&[house.house().commits()]).unwrap_err().starts_with("I28"));
}
