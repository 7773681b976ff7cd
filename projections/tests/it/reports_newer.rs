//! Reports over the views of what protects players, of cases, jackpots, tournaments and returns.

use std::collections::BTreeMap;

use ledger_core::stored::Event;
use ledger_core::{AccountKind, CountedFunds, Limit, Partition, Rejection, Timestamp};
use ledger_projections::controls::ReadControls;
use ledger_projections::jackpots::ReadJackpots;
use ledger_projections::reports::{
    CsvReport, DefinitionError, ReportArguments, ReportControl, ReportError, ReportViews, run_report,
};
use ledger_projections::rtp::GameReturn;
use ledger_projections::testing::{History, history};
use rust_decimal::Decimal;

use crate::generated::states;
use crate::naive::now;
use crate::property::block_on;
use crate::reports::{at, csv, day, shipped, views};

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn none() -> ReportArguments {
    ReportArguments::new("Casino Ltd", at())
}

fn year() -> ReportArguments {
    none().of_days(day("2026-01-01"), day("2026-12-31"))
}

fn of_views(history: &History) -> ReportViews {
    views(&history.identity, &history.commits)
}

fn refused(id: &str, arguments: &ReportArguments, views: &ReportViews) -> ReportError {
    let mut writer = CsvReport::new(Vec::new());
    let run = block_on(run_report(&shipped(id), arguments, views, &mut writer, &ReportControl::default()));
    run.unwrap_err()
}

/// Every limit of every real player stands there with what is used of it, as the view counts it.
#[test]
fn e12_limits_in_force_are_reported_with_what_is_used() {
    let (mut money, mut time, mut sessions) = (0, 0, 0);
    for seed in 60..64 {
        let history = history(2, 6, 120, seed);
        let views = of_views(&history);
        let reader: &dyn ReadControls = views.controls.as_deref().unwrap();
        for (funds, counted) in [("own_money", CountedFunds::OwnMoney), ("all", CountedFunds::All)] {
            let (_, rows) = csv(&shipped("limits_in_force"), &none().with("funds", funds), &views);
            let mut expected = Vec::new();
            for player in &history.players {
                let Some(of) = now(reader.player(player)).unwrap().value else { continue };
                let own: Vec<_> =
                    rows.iter().filter(|row| row["player"] == player.as_str()).cloned().collect();
                let alone = none().with("funds", funds).with("player", player.as_str());
                assert_eq!(csv(&shipped("limits_in_force"), &alone, &views).1, own);
                if of.standing.kind == AccountKind::Test {
                    assert!(own.is_empty());
                    continue;
                }
                for limit in of.limits(counted, at()) {
                    money += 1;
                    let kind = limit.term.kind.as_str().to_owned();
                    expected.push([
                        player.to_string(),
                        kind,
                        limit.amount.to_string(),
                        limit.used.to_string(),
                        limit.left.to_string(),
                    ]);
                }
                for (limit, used) in of.play_time_used(at()) {
                    time += 1;
                    let (most, used) = (limit.max_secs.to_string(), used.as_secs().to_string());
                    expected.push([player.to_string(), "play_time".to_owned(), most, used, String::new()]);
                }
                if let Some(limit) = of.standing.session_limit {
                    sessions += 1;
                    let most = limit.max_secs.to_string();
                    expected.push([
                        player.to_string(),
                        "session".to_owned(),
                        most,
                        String::new(),
                        String::new(),
                    ]);
                }
            }
            let shown = rows.iter().map(|row| {
                let in_time = matches!(row["limit"].as_str(), "play_time" | "session");
                let [most, used] = if in_time { ["seconds", "used_seconds"] } else { ["amount", "used"] };
                [&row["player"], &row["limit"], &row[most], &row[used], &row["left"]]
                    .map(|text| text.strip_prefix('\'').unwrap_or(text).to_owned())
            });
            let (mut shown, mut expected) = (shown.collect::<Vec<_>>(), expected);
            shown.sort();
            expected.sort();
            assert_eq!(shown, expected);
        }
        assert_eq!(
            match refused("limits_in_force", &none().with("funds", "some"), &views) {
                ReportError::Definition(error) => error,
                other => panic!("{other}"),
            },
            DefinitionError::Value { field: "funds".to_owned(), value: "some".to_owned() }
        );
    }
    assert!(money > 10 && time > 0 && sessions > 0, "{money} {time} {sessions}");
}

/// Pages of players who have more rows than a page reads are whole.
#[test]
fn all_players_are_met_whole_and_once() {
    let history = history(2, 9, 120, 61);
    let views = of_views(&history);
    let reader: &dyn ReadControls = views.controls.as_deref().unwrap();
    for limit in [1, 2, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = now(reader.players(after.as_ref(), limit)).unwrap().value;
            assert!(page.rows.len() <= limit);
            found.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let alone = history.players.iter().filter_map(|player| now(reader.player(player)).unwrap().value);
        assert_eq!(found, alone.collect::<Vec<_>>(), "by {limit}");
    }
}

/// How often real players were warned of a limit or refused for one, and limits from a sum on.
#[test]
fn e63_reports_of_limits_are_what_the_events_say() {
    let mut hits = 0;
    for seed in 60..70 {
        let history = history(2, 6, 120, seed);
        let views = of_views(&history);
        let states = states(&history);
        let mut expected: BTreeMap<(String, String), usize> = BTreeMap::new();
        for commit in &history.commits {
            let Partition::Player(player) = &commit.body.partition else { continue };
            if states[player].profile().is_none_or(|profile| profile.kind != AccountKind::Real) {
                continue;
            }
            for record in &commit.body.events {
                let met = match &record.event {
                    Event::LimitWarned(_) | Event::PlayTimeWarned(_) => "warned",
                    Event::TxnRejected(event) => match &event.rejection {
                        Rejection::LimitExceeded {
                            limit: Limit::Protection { .. } | Limit::Register { .. },
                            ..
                        }
                        | Rejection::PlayTimeReached { .. } => "refused",
                        _ => continue,
                    },
                    _ => continue,
                };
                *expected.entry((player.to_string(), met.to_owned())).or_default() += 1;
            }
        }
        let (_, rows) = csv(&shipped("limit_hits"), &year(), &views);
        let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in &rows {
            *found.entry((row["player"].clone(), row["met"].clone())).or_default() += 1;
        }
        assert_eq!(found, expected);
        hits += rows.len();
        let of = |least: &str| none().with("currency", "EUR").with("threshold", least);
        let (_, all) = csv(&shipped("high_deposit_limits"), &of("0"), &views);
        let amounts: Vec<Decimal> = all.iter().map(|row| decimal(&row["amount"])).collect();
        assert!(amounts.is_sorted_by(|one, other| one >= other), "{amounts:?}");
        if let Some(middle) = amounts.get(amounts.len() / 2) {
            let (_, some) = csv(&shipped("high_deposit_limits"), &of(&middle.to_string()), &views);
            assert_eq!(some.len(), amounts.iter().filter(|amount| *amount >= middle).count());
        }
    }
    assert!(hits > 10, "only {hits}");
}

/// Who is barred when the report is made, and nobody else.
#[test]
fn e44_exclusions_in_force_are_reported() {
    let mut seen = 0;
    for seed in 60..66 {
        let history = history(2, 8, 60, seed);
        let views = of_views(&history);
        let reader: &dyn ReadControls = views.controls.as_deref().unwrap();
        let (_, rows) = csv(&shipped("exclusions_in_force"), &none(), &views);
        for player in &history.players {
            let Some(of) = now(reader.player(player)).unwrap().value else { continue };
            let own =
                rows.iter().filter(|row| row["player"] == player.as_str() && row["exclusion"] != "register");
            let ends = |end: Option<Timestamp>| end.is_some_and(|end| end <= at());
            let is_barred = of.standing.kind == AccountKind::Real
                && of.standing.exclusion.as_ref().is_some_and(|exclusion| match exclusion.kind {
                    ledger_core::stored::ExclusionKind::TimeOut => !ends(exclusion.until),
                    _ => !ends(exclusion.returns_at),
                });
            assert_eq!(own.count(), usize::from(is_barred), "{player}");
        }
        seen += rows.len();
    }
    assert!(seen > 0);
    let (history, [start, week, end]) = crate::controls::barred();
    let views = of_views(&history);
    let listed = |at: Timestamp| -> Vec<[String; 2]> {
        let (_, rows) = csv(&shipped("exclusions_in_force"), &ReportArguments::new("Casino", at), &views);
        rows.iter().map(|row| [row["player"].clone(), row["exclusion"].clone()]).collect()
    };
    let of = |pairs: &[[&str; 2]]| -> Vec<[String; 2]> {
        pairs.iter().map(|pair| pair.map(str::to_owned)).collect()
    };
    let (excluded, back) = (["excluded", "self_exclusion"], ["back", "self_exclusion"]);
    assert_eq!(listed(start), of(&[["timed", "time_out"], back, excluded, ["barred", "register"]]));
    assert_eq!(listed(week), of(&[back, excluded]));
    assert_eq!(
        listed(Timestamp::from_micros(end.as_micros() + 30 * 86_400_000_000).unwrap()),
        of(&[excluded])
    );
}

/// Alerts and cases are those of the events, and the open ones are those that nobody closed.
#[test]
fn e65_alerts_and_cases_are_reported() {
    let (mut alerts, mut cases) = (0, 0);
    for seed in 0..12 {
        let history = history(2, 10, 60, seed);
        let views = of_views(&history);
        let count = |is: fn(&Event) -> bool| {
            let records = history.commits.iter().flat_map(|commit| &commit.body.events);
            records.filter(|record| is(&record.event)).count()
        };
        let raised = count(|event| matches!(event, Event::AlertRaised(_)));
        let opened = count(|event| matches!(event, Event::CaseOpened(_)));
        let closed = count(|event| matches!(event, Event::CaseClosed(_)));
        let rows = |id, arguments: &ReportArguments| csv(&shipped(id), arguments, &views).1;
        assert_eq!(rows("alerts", &year()).len(), raised);
        assert_eq!(rows("cases", &year()).len(), opened);
        assert_eq!(rows("open_cases", &none()).len(), opened - closed);
        let early = none().of_days(day("2020-01-01"), day("2020-12-31"));
        assert!(rows("alerts", &early).is_empty() && rows("cases", &early).is_empty());
        (alerts, cases) = (alerts + raised, cases + opened);
    }
    assert!(alerts > 0 && cases > 0, "{alerts} {cases}");
}

/// Pools add up, and what each award left in the pool is told.
#[test]
fn e36_jackpots_are_reported_with_what_is_carried() {
    let history = crate::jackpots::drawn();
    let views = of_views(&history);
    let reader: &dyn ReadJackpots = views.jackpots.as_deref().unwrap();
    let (_, pools) = csv(&shipped("jackpot_pools"), &none(), &views);
    let (_, awards) = csv(&shipped("jackpot_awards"), &year(), &views);
    let (_, claims) = csv(&shipped("jackpot_claims"), &year(), &views);
    let (mut given, mut claimed) = (0, 0);
    let names = now(reader.jackpots(None, 10)).unwrap().value.rows;
    assert!(names.len() > 1);
    for (kind, jackpot) in &names {
        assert_eq!(*kind, AccountKind::Real);
        let state = now(reader.jackpot(*kind, jackpot)).unwrap().value.unwrap();
        let currency = state.terms.as_ref().unwrap().terms.currency.to_string();
        let own = |rows: &[BTreeMap<String, String>]| -> Vec<BTreeMap<String, String>> {
            rows.iter().filter(|row| row["jackpot"] == jackpot.as_str()).cloned().collect()
        };
        let pool = own(&pools).into_iter().find(|row| row["currency"] == currency).unwrap();
        assert_eq!((pool["adds_up"].as_str(), &pool["value"]), ("yes", &state.value().unwrap().to_string()));
        assert_eq!(pool["carried"], state.pool.carried.map_or(String::new(), |carried| carried.to_string()));
        let sum = |names: &[&str]| names.iter().map(|name| decimal(&pool[*name])).sum::<Decimal>();
        // No contribution is lost: what came is there, was awarded, sent on, or set aside.
        let came = sum(&[
            "contributed",
            "received",
            "refused",
            "seeded_from_cost",
            "seeded_from_reserve",
            "closed_from_reserve",
        ]);
        assert_eq!(came, sum(&["awarded", "sent", "drawn", "diverted", "value"]));
        let expected = now(reader.awards(*kind, jackpot, None, 1_000)).unwrap().value.rows;
        for (row, award) in own(&awards).iter().zip(&expected) {
            assert_eq!(
                (&row["amount"], &row["carried"]),
                (&award.amount.to_string(), &award.carried.to_string())
            );
            assert_eq!(row["entry"].is_empty(), award.payment.is_none());
        }
        assert_eq!(own(&awards).len(), expected.len());
        let of_pool = now(reader.claims(*kind, jackpot, None, 1_000)).unwrap().value.rows.len();
        assert_eq!(own(&claims).len(), of_pool);
        (given, claimed) = (given + expected.len(), claimed + of_pool);
    }
    assert!(given > 1 && claimed >= given, "{given} {claimed}");
    assert!(claims.iter().any(|row| row["state"] == "paid" && !row["award"].is_empty()));
}

/// Entry fee, prizes, status, and who won what.
#[test]
fn e10_tournaments_are_reported_with_their_prizes() {
    let history = crate::leaderboards::several();
    let views = of_views(&history);
    let (_, all) = csv(&shipped("tournaments"), &none(), &views);
    let names: Vec<&str> = all.iter().map(|row| row["tournament"].as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f"].map(|name| format!("tournament/{name}")));
    let first = &all[0];
    let texts = ["status", "buy_in", "fee", "entrants", "collected", "fees", "prizes", "paid", "kept"];
    let texts = texts.map(|name| first[name].as_str());
    assert_eq!(texts, ["closed", "10.00", "1.00", "5", "50.00", "5.00", "60.00", "25.00", "25.00"]);
    assert_eq!((all[4]["status"].as_str(), all[5]["status"].as_str()), ("open", "cancelled"));
    let (_, places) = csv(&shipped("tournament_places"), &none(), &views);
    let own: Vec<_> = places.iter().filter(|row| row["tournament"] == "tournament/a").cloned().collect();
    let alone = none().with("tournament", "tournament/a");
    assert_eq!(csv(&shipped("tournament_places"), &alone, &views).1, own);
    let shown: Vec<[&str; 4]> = own
        .iter()
        .map(|row| ["place", "player", "prize", "outcome"].map(|name| row[name].as_str()))
        .collect();
    assert_eq!(shown[0], ["1", "p2", "25.00", "paid"]);
    assert_eq!(shown[1], ["1", "p4", "25.00", "forfeited"]);
    assert_eq!(shown.len(), 5);
    let nobody = none().with("tournament", "tournament/none");
    assert!(csv(&shipped("tournament_places"), &nobody, &views).1.is_empty());
}

/// The actual return is what was posted; the theoretical one is the host's, and what it has not is said.
#[test]
fn e09_actual_returns_are_reported_beside_the_theoretical_ones() {
    let history = history(4, 12, 40, 3);
    let mut views = of_views(&history);
    let arguments = year().with("bets_min", "0");
    let (_, plain) = csv(&shipped("rtp"), &arguments, &views);
    assert!(!plain.is_empty() && plain.iter().all(|row| row["flag"] == "unrated"), "{plain:?}");
    let games = plain.iter().filter(|row| !row["game"].is_empty());
    let rated = GameReturn { rtp: decimal("0.96"), deviation: Some(decimal("8")) };
    views.certified = games.map(|row| (ledger_core::GameId::new(&row["game"]).unwrap(), rated)).collect();
    let (_, rows) = csv(&shipped("rtp"), &arguments, &views);
    assert_eq!(rows.len(), plain.len());
    let mut within = 0;
    let rated = |row: &&BTreeMap<String, String>| {
        decimal(&row["stakes"]) > Decimal::ZERO && !row["actual"].is_empty()
    };
    for row in rows.iter().filter(rated) {
        let of = |name: &str| decimal(&row[name]);
        let actual = (of("payouts") / of("stakes")).round_dp(6);
        assert_eq!((of("actual"), of("theoretical")), (actual, decimal("0.96")), "{row:?}");
        assert_eq!(of("deviation"), of("actual") - of("theoretical"));
        within += usize::from(row["flag"] == "within");
    }
    assert!(within > 0);
    let few = csv(&shipped("rtp"), &year(), &views).1;
    assert!(few.iter().all(|row| row["flag"] == "too_few"), "{few:?}");
    for wrong in [year().with("sigmas", "-1"), year().with("sigmas", "x"), year().with("bets", "-1")] {
        let error = refused("rtp", &wrong, &views);
        assert!(matches!(error, ReportError::Definition(DefinitionError::Value { .. })), "{error}");
    }
    let long = none().of_days(day("2000-01-01"), day("2026-12-31"));
    let error = refused("rtp", &long, &views);
    assert!(matches!(error, ReportError::Definition(DefinitionError::TooMany { .. })), "{error}");
}
