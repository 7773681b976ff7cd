//! Real bets, end to end: a file of bets on a crash game is played through the core, and what the views say is what a few lines
//! over the file say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ledger_core::stored::CommitBody;
use ledger_core::testing::{TestLedger, TestOutcome, commands};
use ledger_core::{
    CurrencyCode, CurrencyRegistry, Finality, GameId, PlaceBet, PlayerCommand, PlayerId, Policy,
    RecordDeposit, RoundId, Settle, SourceId, Timestamp, TransactionId,
};
use ledger_projections::balances::{Balances, ReadBalances};
use ledger_projections::reports::ReportArguments;
use ledger_projections::revenue::{Breakdown, ReadRevenue, Revenue};
use ledger_projections::rounds::{ReadRounds, Rounds};
use ledger_projections::statement::{ReadStatement, Statement};
use ledger_projections::{Commit, Memory, View};
use rust_decimal::Decimal;

use crate::history::{World, decoded, id};
use crate::naive::now;
use crate::property::block_on;

struct Bet {
    number: String,
    round: String,
    player: String,
    stake: Decimal,
    payout: Decimal,
    at: Timestamp,
}

/// The file lies beside the repository, or where `CRASH_BETS` says.
fn bets() -> Option<Vec<Bet>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/crash-bets.csv"));
    let path = std::env::var_os("CRASH_BETS").map_or_else(beside, PathBuf::from);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if std::env::var_os("CRASH_BETS").is_some() => panic!("{}: {error}", path.display()),
        Err(_) => return None,
    };
    let bet = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let text = |at: usize| fields[at].to_owned();
        let decimal = |at: usize| Decimal::from_str_exact(fields[at]).unwrap();
        let (stake, payout) = (decimal(3), decimal(4));
        Bet {
            number: text(0),
            round: text(1),
            player: text(2),
            stake,
            payout,
            at: fields[7].parse().unwrap(),
        }
    };
    Some(text.lines().skip(1).map(bet).collect())
}

fn applied(ledger: &mut TestLedger, command: &PlayerCommand) {
    let answer = ledger.execute(command).unwrap();
    assert_eq!(answer.outcome, TestOutcome::Applied, "{command:?}");
}

/// Every bet as the core decides it, in the order and at the instants of the file; each player deposits once all that he stakes.
fn played(bets: &[Bet], world: &mut World) -> Vec<Arc<Commit>> {
    let eur = CurrencyCode::new("EUR").unwrap();
    let source = id(SourceId::new, "crash");
    let mut stakes: BTreeMap<&str, Decimal> = BTreeMap::new();
    for bet in bets {
        *stakes.entry(&bet.player).or_default() += bet.stake;
    }
    let mut ledgers: BTreeMap<&str, TestLedger> = BTreeMap::new();
    let mut commits = Vec::new();
    for bet in bets {
        let is_new = !ledgers.contains_key(bet.player.as_str());
        let of = || TestLedger::new(id(PlayerId::new, bet.player.clone()), Policy::default());
        let ledger = ledgers.entry(&bet.player).or_insert_with(of);
        let known = ledger.commits().len();
        if is_new {
            let standard = CurrencyRegistry::standard();
            ledger.register(*standard.get(eur).unwrap()).unwrap();
            applied(ledger, &commands::open(&["EUR"]).into());
            let amount = stakes[bet.player.as_str()];
            applied(ledger, &RecordDeposit { amount, ..commands::deposit("D", "1") }.into());
        }
        let (txn, round) = (id(TransactionId::new, bet.number.clone()), id(RoundId::new, bet.round.clone()));
        let game = id(GameId::new, "crash");
        let place = PlaceBet::new(source.clone(), txn.clone(), round.clone(), game, bet.stake, eur);
        applied(ledger, &place.into());
        let win = id(TransactionId::new, format!("{}-win", bet.number));
        let settle = Settle::new(source.clone(), win, round, bet.payout, eur);
        applied(ledger, &Settle { bet: Some(txn), finality: Finality::Round, ..settle }.into());
        for body in &ledger.commits()[known..] {
            let body = CommitBody { recorded_at: bet.at, ..body.clone() };
            commits.push(world.seal(&body));
        }
    }
    decoded(&commits)
}

fn feed<V: View>(view: &mut V, commits: &[Arc<Commit>]) {
    for batch in commits.chunks(1_000) {
        block_on(view.apply(batch)).unwrap();
    }
}

fn decimal(total: ledger_projections::Total) -> Decimal {
    total.to_decimal().unwrap().normalize()
}

#[test]
fn real_bets_come_to_what_the_file_says() {
    let Some(mut bets) = bets() else {
        eprintln!("SKIPPED: there is no file of real bets beside the repository, and CRASH_BETS names none");
        return;
    };
    bets.sort_by_key(|bet| bet.at);
    let mut world = World::new(8, 0, 1);
    let commits = played(&bets, &mut world);

    // What the file says.
    let turnover: Decimal = bets.iter().map(|bet| bet.stake).sum();
    let payouts: Decimal = bets.iter().map(|bet| bet.payout).sum();
    let mut days: BTreeMap<String, (u64, Decimal, Decimal)> = BTreeMap::new();
    let mut players: BTreeMap<&str, Decimal> = BTreeMap::new();
    for bet in &bets {
        let day = days.entry(bet.at.to_string()[..10].to_owned()).or_default();
        *day = (day.0 + 1, day.1 + bet.stake, day.2 + bet.payout);
        // He deposits what he stakes: what he wins is left.
        *players.entry(&bet.player).or_default() += bet.payout;
    }

    let mut rounds = Memory::<Rounds>::new(&world.identity);
    feed(&mut rounds, &commits);
    let games = now(rounds.reader().games()).unwrap().value;
    let [game] = &games[..] else { panic!("one game: {games:?}") };
    assert_eq!((decimal(game.stakes), decimal(game.payouts)), (turnover.normalize(), payouts.normalize()));

    let mut revenue = Memory::<Revenue>::new(&world.identity);
    feed(&mut revenue, &commits);
    let reader = revenue.reader();
    let by = Breakdown { day: true, game: true, source: true, ..Breakdown::NONE };
    let rows =
        now(reader.sums("2021-01-01".parse().unwrap(), "2022-12-31".parse().unwrap(), by)).unwrap().value;
    assert_eq!(rows.len(), days.len());
    for (key, row) in &rows {
        let (count, stakes, wins) = days[&key.day.unwrap().to_string()];
        assert_eq!(
            (key.game.as_ref().unwrap().as_str(), key.source.as_ref().unwrap().as_str()),
            ("crash", "crash")
        );
        assert_eq!(
            (row.bets, decimal(row.stakes), decimal(row.payouts)),
            (count, stakes.normalize(), wins.normalize())
        );
        assert_eq!(decimal(row.placed), stakes.normalize());
        assert_eq!(decimal(row.ggr_cash().unwrap()), (stakes - wins).normalize());
    }
    let all = now(reader.sums("2021-01-01".parse().unwrap(), "2022-12-31".parse().unwrap(), Breakdown::NONE));
    let all = all.unwrap().value[0].1;
    let rtp = payouts.checked_div(turnover).unwrap();
    assert!((all.rtp().unwrap() - rtp).abs() <= Decimal::new(5, 7), "{} is not {rtp}", all.rtp().unwrap());
    assert_eq!(decimal(all.ggr_cash().unwrap()), (turnover - payouts).normalize());
    assert_eq!(all.hold().unwrap(), (Decimal::ONE - all.rtp().unwrap()).normalize());

    report_is(&world, &commits, &days, (turnover, payouts));
    let mut balances = Memory::<Balances>::new(&world.identity);
    feed(&mut balances, &commits);
    let mut statement = Memory::<Statement>::new(&world.identity);
    feed(&mut statement, &commits);
    let (balances, statement) = (balances.reader(), statement.reader());
    let end = bets.last().unwrap().at;
    for (player, cash) in players {
        let player = id(PlayerId::new, player);
        let purses = now(balances.player(&player)).unwrap().value.unwrap().purses;
        assert_eq!(purses[0].cash.to_decimal().normalize(), cash.normalize(), "{player}");
        let then = now(statement.balances_at(&player, end)).unwrap().value.unwrap().purses;
        assert_eq!(then, purses, "{player}");
    }
}

/// The report of revenue by day has the sums of the file, day by day and in all, to the digit.
fn report_is(
    world: &World,
    commits: &[Arc<Commit>],
    days: &BTreeMap<String, (u64, Decimal, Decimal)>,
    (turnover, payouts): (Decimal, Decimal),
) {
    let arguments = ReportArguments::new("Crash Ltd", "2023-01-01T00:00:00Z".parse().unwrap())
        .of_days("2021-01-01".parse().unwrap(), "2022-12-31".parse().unwrap());
    let views = crate::reports::views(&world.identity, commits);
    let definition = crate::reports::shipped("revenue_by_day");
    let (_, rows) = crate::reports::csv(&definition, &arguments, &views);
    assert_eq!(rows.len(), days.len());
    let exact = |text: &String| Decimal::from_str_exact(text).unwrap();
    let (mut stakes, mut wins) = (Decimal::ZERO, Decimal::ZERO);
    for row in &rows {
        let (count, staked, won) = days[&row["day"]];
        assert_eq!(row["bets"], count.to_string());
        assert_eq!((exact(&row["stakes"]), exact(&row["payouts"])), (staked, won));
        assert_eq!(exact(&row["ggr_cash"]), staked - won);
        (stakes, wins) = (stakes + exact(&row["stakes"]), wins + exact(&row["payouts"]));
    }
    assert_eq!((stakes, wins), (turnover, payouts));
}
