//! Commands to tournaments.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::house::{HouseStep, earlier, persons, txns};
use crate::house::{
    CancelTournament, ConfigureTournament, DocumentContent, HouseCommand, OpenTournament, RankTournament,
    ReleaseTournamentEntry, ScoreTournament, SettleTournamentPrize, TakeTournamentEntry,
};
use crate::money::{Amount, BasisPoints};
use crate::player_ledger::PlayerCommand;
use crate::round::{Rollback, RollbackKind};
use crate::stored::{
    BarredPayee, PrizeOutcome, TournamentPlaces, TournamentPrize, TournamentRemainder, TournamentScoring,
    TournamentTerms, TournamentTie,
};
use crate::testing::{commands, house_commands};

fn whole(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn prizes() -> impl Strategy<Value = Vec<TournamentPlaces>> {
    let share = |points| TournamentPrize::Share(BasisPoints::new(points).expect("few"));
    let fixed = |text: &str| TournamentPrize::Fixed(whole(text));
    let prize = select(vec![share(5_000), share(3_333), share(1_000), fixed("25.00"), fixed("0.01")]);
    vec((1..3_u32, prize), 1..4)
        .prop_map(|all| all.into_iter().map(|(places, prize)| TournamentPlaces { places, prize }).collect())
}

fn odd_terms() -> impl Strategy<Value = TournamentTerms> {
    (sound_terms(), 0..8_u8).prop_map(|(mut terms, odd)| {
        match odd {
            0 => terms.buy_in = whole("-1.00"),
            1 => terms.guarantee = whole("1.000"),
            2 => terms.until = terms.from,
            3 => terms.entries_max = 0,
            4 => terms.prizes.clear(),
            5 => terms.remainder = TournamentRemainder::Place(99),
            6 => {
                let share = TournamentPrize::Share(BasisPoints::new(10_000).expect("few"));
                terms.prizes.push(TournamentPlaces { places: 2, prize: share });
            }
            _ => terms.currency = commands::currency("XXX"),
        }
        terms
    })
}

/// Terms that a tournament can have, but that their shares may come to more than all.
pub(super) fn sound_terms() -> impl Strategy<Value = TournamentTerms> {
    use TournamentScoring::{Bets, HighestMultiple, MultipleSum, Net, Stakes, Wins};
    use TournamentTie::{EarlierFirst, HigherPrize, SharePrizes};
    let remainder = select(vec![
        TournamentRemainder::House,
        TournamentRemainder::House,
        TournamentRemainder::Place(1),
        TournamentRemainder::Place(2),
    ]);
    let guarantee = select(&["0.00", "0.00", "100.00", "33.33"][..]);
    let scoring = select(vec![Stakes, Wins, Net, HighestMultiple, MultipleSum, Bets]);
    let tie = select(vec![SharePrizes, EarlierFirst, HigherPrize]);
    let barred = select(vec![BarredPayee::Pay, BarredPayee::Forfeit]);
    let free = prop::bool::weighted(0.1);
    (prizes(), remainder, guarantee, scoring, tie, barred, 1..5_u32, 0..3_u32, free).prop_map(
        |(prizes, remainder, guarantee, scoring, tie, barred, entries_max, min_bets, free)| {
            let terms = house_commands::tournament_terms("10.00", "1.00");
            let places: u32 = prizes.iter().map(|band| band.places).sum();
            let remainder = match remainder {
                TournamentRemainder::Place(place) => TournamentRemainder::Place(place.min(places)),
                other @ TournamentRemainder::House => other,
            };
            let buy_in = if free { whole("0.00") } else { terms.buy_in };
            let guarantee = whole(guarantee);
            TournamentTerms {
                buy_in,
                guarantee,
                prizes,
                remainder,
                entries_max,
                min_bets,
                scoring,
                tie,
                barred,
                ..terms
            }
        },
    )
}

/// How far a tournament has come before a history begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begun {
    /// It is open.
    Open,
    /// Three players take part, and have points.
    Played,
    /// Its results are fixed.
    Closed,
}

/// As far as a tournament has come, if its terms are sound.
pub(super) fn begun(terms: &TournamentTerms, far: Begun) -> Vec<HouseStep> {
    let mut commands: Vec<HouseCommand> = vec![
        house_commands::configure_tournament("B1", terms.clone()).into(),
        house_commands::open_tournament("B2", terms).into(),
    ];
    if matches!(far, Begun::Played | Begun::Closed) {
        for (player, points) in [("p1", "10"), ("p2", "20"), ("p3", "20")] {
            let entry = house_commands::take_entry(player, "B3");
            commands.push(TakeTournamentEntry { buy_in: terms.buy_in.to_decimal(), ..entry }.into());
            let score = house_commands::score(player, 9, points);
            commands.push(ScoreTournament { bets: terms.min_bets.max(1), ..score }.into());
        }
    }
    let command = |command| HouseStep::Command(Box::new(command));
    let mut steps: Vec<HouseStep> = commands.into_iter().map(command).collect();
    if matches!(far, Begun::Closed) {
        // Play takes an hour, and results may come for another.
        steps.extend([
            HouseStep::Wait(3_700),
            command(house_commands::end_tournament().into()),
            HouseStep::Wait(3_700),
            command(house_commands::close_tournament().into()),
        ]);
    }
    steps
}

fn entries() -> impl Strategy<Value = TakeTournamentEntry> {
    let price =
        prop_oneof![12 => Just("10"), 2 => Just("0"), 1 => Just("5"), 1 => Just("-1"), 1 => Just("0.001")];
    let currency = prop_oneof![20 => Just("EUR"), 1 => Just("USD"), 1 => Just("XXX")];
    let players = select(&["p1", "p2", "p3", "p4", "p5"][..]);
    let at = prop_oneof![
        16 => Just("2026-01-01T00:00:00Z"),
        3 => Just("2026-01-01T00:15:00Z"),
        1 => Just("2026-01-02T00:00:00Z")
    ];
    (players, txns(), price, currency, at).prop_map(|(player, id, buy_in, currency, entered_at)| {
        TakeTournamentEntry {
            buy_in: commands::decimal(buy_in),
            currency: commands::currency(currency),
            entered_at: entered_at.parse().expect("an instant"),
            ..house_commands::take_entry(player, id.as_str())
        }
    })
}

fn scores() -> impl Strategy<Value = ScoreTournament> {
    let points = prop_oneof![12 => select(&["10", "20", "5", "30"][..]), 1 => Just("-3"), 1 => Just("0.5"), 1 => Just("0.00001")];
    let at = prop_oneof![12 => select(&["00:10:00", "00:20:00"][..]), 1 => Just("23:00:00")];
    (select(&["p1", "p2", "p3", "p4", "p5"][..]), 1..40_u64, points, 0..4_u32, at).prop_map(
        |(player, up_to, points, bets, at)| ScoreTournament {
            bets,
            reached_at: format!("2026-01-01T{at}Z").parse().expect("an instant"),
            ..house_commands::score(player, up_to, points)
        },
    )
}

fn settlements() -> impl Strategy<Value = SettleTournamentPrize> {
    (1..5_u64, prop::bool::weighted(0.6)).prop_map(|(number, paid)| SettleTournamentPrize {
        number,
        outcome: if paid { PrizeOutcome::Paid(7) } else { PrizeOutcome::Forfeited },
    })
}

pub(super) fn tournament_commands() -> impl Strategy<Value = HouseCommand> {
    let terms = prop_oneof![2 => sound_terms(), 1 => odd_terms()];
    let configurations = (txns(), terms, persons()).prop_map(|(id, terms, approved_by)| {
        ConfigureTournament { approved_by, ..house_commands::configure_tournament(id.as_str(), terms) }
    });
    let openings =
        (txns(), sound_terms()).prop_map(|(id, terms)| house_commands::open_tournament(id.as_str(), &terms));
    let cancellations = (txns(), persons()).prop_map(|(id, approved_by)| CancelTournament {
        approved_by,
        ..house_commands::cancel_tournament(id.as_str())
    });
    let releases = (select(&["p1", "p2", "p3"][..]), txns()).prop_map(|(player, id)| {
        ReleaseTournamentEntry { of: house_commands::entry_of(player, id.as_str()) }
    });
    prop_oneof![
        12 => configurations.prop_map(HouseCommand::from),
        12 => openings.prop_map(HouseCommand::from),
        3 => cancellations.prop_map(HouseCommand::from),
        40 => entries().prop_map(HouseCommand::from),
        16 => releases.prop_map(HouseCommand::from),
        40 => scores().prop_map(HouseCommand::from),
        14 => Just(house_commands::end_tournament().into()),
        40 => Just(house_commands::close_tournament().into()),
        60 => select(&[1_u32, 1, 1, 1, 2][..]).prop_map(|page| RankTournament { page }.into()),
        70 => settlements().prop_map(HouseCommand::from),
    ]
}

fn an_entry(command: &HouseCommand) -> Option<TakeTournamentEntry> {
    match command {
        HouseCommand::TakeTournamentEntry(c) => Some(c.clone()),
        _ => None,
    }
}

/// Aims a command at terms or an entry that came before it.
pub(super) fn aim(command: &mut HouseCommand, all: &[HouseCommand], at: Index) {
    let configured = |command: &HouseCommand| match command {
        HouseCommand::ConfigureTournament(c) => DocumentContent::of(&c.terms).ok(),
        _ => None,
    };
    match command {
        HouseCommand::OpenTournament(OpenTournament { terms, .. }) => {
            if let Some(content) = earlier(all, at, configured) {
                *terms = content.hash();
            }
        }
        HouseCommand::ReleaseTournamentEntry(c) => {
            if let Some(entry) = earlier(all, at, an_entry) {
                c.of = entry.of;
            }
        }
        HouseCommand::ScoreTournament(c) => {
            if let Some(entry) = earlier(all, at, an_entry) {
                c.player = entry.of.player;
            }
        }
        _ => {}
    }
}

/// What a player has of a tournament, from his entry to his prize: also what cannot all be true of one entry.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let undo =
        |id: &str| Rollback { kind: Some(RollbackKind::TournamentEntry), ..commands::rollback(id, "ZE") };
    let all: Vec<PlayerCommand> = vec![
        commands::enter_tournament("ZE", "10", "1").into(),
        undo("ZR").into(),
        commands::return_entry("ZE").into(),
        undo("ZS").into(),
        commands::pay_prize("ZE", "5").into(),
        commands::return_entry("ZE").into(),
    ];
    let count = all.len();
    prop::sample::subsequence(all, count / 2..=count)
}
