//! Reports: every shipped definition in every format, against what the views and a few lines over the events say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_core::stored::Event;
use ledger_core::{AccountCode, CurrencyCode, Day, Partition, Side, Timestamp};
use ledger_projections::audit::AuditTrail;
use ledger_projections::balances::Balances;
use ledger_projections::bonuses::Bonuses;
use ledger_projections::cases::Cases;
use ledger_projections::controls::PlayerProtection;
use ledger_projections::jackpots::Jackpots;
use ledger_projections::leaderboards::Leaderboards;
use ledger_projections::liability::Liability;
use ledger_projections::reconciliation::Payments;
use ledger_projections::reports::{
    Comparison, CsvReport, DefinitionError, JsonLinesReport, NO_ACTIVITY, ReportArguments, ReportColumn,
    ReportControl, ReportDefinition, ReportError, ReportFilter, ReportPeriod, ReportSource, ReportSummary,
    ReportViews, ReportWriter, catalogue, rows_answered, run_report,
};
use ledger_projections::revenue::{Revenue, RevenueZone};
use ledger_projections::rounds::Rounds;
use ledger_projections::statement::Statement;
use ledger_projections::testing::history;
use ledger_projections::trial_balance::TrialBalance;
use ledger_projections::withdrawals::Withdrawals;
use ledger_projections::{Commit, Memory, View};
use ledger_store::LedgerIdentity;
use rust_decimal::Decimal;

use crate::property::block_on;

/// The days of an authority in Ontario, and of one in Spain.
pub(crate) struct Toronto;
impl RevenueZone for Toronto {
    const VIEW: &'static str = "revenue_toronto";
    const ZONE: &'static str = "America/Toronto";
}
pub(crate) struct Madrid;
impl RevenueZone for Madrid {
    const VIEW: &'static str = "revenue_madrid";
    const ZONE: &'static str = "Europe/Madrid";
}

fn fed<V: View>(mut view: V, commits: &[Arc<Commit>]) -> V {
    for batch in commits.chunks(200) {
        block_on(view.apply(batch)).unwrap();
    }
    view
}

/// All views over these commits, in memory.
pub(crate) fn views(identity: &LedgerIdentity, commits: &[Arc<Commit>]) -> ReportViews {
    macro_rules! view {
        ($model:ty) => {
            Arc::new(fed(Memory::<$model>::new(identity), commits).reader())
        };
    }
    let utc: Arc<dyn ledger_projections::revenue::ReadRevenue> = view!(Revenue);
    let revenue = [
        ("UTC".to_owned(), utc),
        (Toronto::ZONE.to_owned(), view!(Revenue<Toronto>) as _),
        (Madrid::ZONE.to_owned(), view!(Revenue<Madrid>) as _),
    ];
    ReportViews {
        balances: Some(view!(Balances)),
        trial_balance: Some(view!(TrialBalance)),
        rounds: Some(view!(Rounds)),
        statement: Some(view!(Statement)),
        revenue: revenue.into(),
        withdrawals: Some(view!(Withdrawals)),
        liability: Some(view!(Liability)),
        bonuses: Some(view!(Bonuses)),
        audit: Some(view!(AuditTrail)),
        payments: Some(view!(Payments)),
        controls: Some(view!(PlayerProtection)),
        cases: Some(view!(Cases)),
        jackpots: Some(view!(Jackpots)),
        leaderboards: Some(view!(Leaderboards)),
        certified: BTreeMap::new(),
        hold: None,
    }
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn at() -> Timestamp {
    "2026-12-01T06:00:00Z".parse().unwrap()
}

pub(crate) fn shipped(id: &str) -> ReportDefinition {
    catalogue().into_iter().find(|report| report.id == id).unwrap_or_else(|| panic!("no report {id}"))
}

/// Arguments that a definition takes: all of a year, or a part of it of the kind it wants.
pub(crate) fn arguments(definition: &ReportDefinition) -> ReportArguments {
    let mut arguments = ReportArguments::new("Casino Ltd", at());
    arguments.days = match definition.period {
        ReportPeriod::None => None,
        ReportPeriod::Day => Some((day("2026-01-01"), day("2026-01-01"))),
        ReportPeriod::WeekFromSunday => Some((day("2025-12-28"), day("2026-01-03"))),
        ReportPeriod::WeekFromMonday => Some((day("2025-12-29"), day("2026-01-04"))),
        ReportPeriod::Month => Some((day("2026-01-01"), day("2026-01-31"))),
        _ => Some((day("2026-01-01"), day("2026-12-31"))),
    };
    for parameter in definition.parameters.iter().filter(|parameter| !parameter.optional) {
        let value = match parameter.name.as_str() {
            "player" => "player/0",
            "psp" => "psp",
            "currency" => "EUR",
            "threshold" => "5.00",
            "actor" => "test",
            other => panic!("a parameter {other}"),
        };
        arguments = arguments.with(&parameter.name, value);
    }
    arguments
}

/// A report as rows of texts by title.
pub(crate) fn csv(
    definition: &ReportDefinition,
    arguments: &ReportArguments,
    views: &ReportViews,
) -> (String, Vec<BTreeMap<String, String>>) {
    let mut writer = CsvReport::new(Vec::new());
    let control = ReportControl::default();
    let run = block_on(run_report(definition, arguments, views, &mut writer, &control));
    let summary = run.unwrap_or_else(|error| panic!("{}: {error}", definition.id));
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
    // The reader leaves empty lines out; the definition's hash or note is the last line of the header.
    let last = lines.iter().rposition(|line| matches!(&line[0], "Definition" | "Note") && line.len() == 2);
    let titles = &lines[last.unwrap() + 1];
    let titles = if titles.iter().all(str::is_empty) { &lines[last.unwrap() + 2] } else { titles };
    let from = lines.iter().position(|line| line == titles).unwrap() + 1;
    let rows: Vec<BTreeMap<String, String>> = lines[from..lines.len() - 1]
        .iter()
        .filter(|line| line.len() > 1 || &line[0] != NO_ACTIVITY)
        .map(|line| titles.iter().map(str::to_owned).zip(line.iter().map(str::to_owned)).collect())
        .collect();
    assert_eq!(summary.rows, u64::try_from(rows.len()).unwrap());
    assert_eq!(
        lines.last().unwrap(),
        &csv::StringRecord::from(vec!["Rows".to_owned(), rows.len().to_string()])
    );
    assert_eq!(rows.is_empty(), text.contains("\r\nNo activity\r\n"));
    (text, rows)
}

/// A report as rows of its JSON Lines.
fn json(
    definition: &ReportDefinition,
    arguments: &ReportArguments,
    views: &ReportViews,
) -> Vec<serde_json::Value> {
    let mut bytes = Vec::new();
    let control = ReportControl::default();
    block_on(run_report(definition, arguments, views, &mut JsonLinesReport::new(&mut bytes), &control))
        .unwrap();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every shipped report over some histories, of players, jackpots and tournaments; each in two formats, which say the same, and
/// twice, which are the same bytes.
#[test]
fn e23_every_shipped_report_is_made_and_says_what_it_is_of() {
    let mut with_rows = BTreeSet::new();
    let players = [3, 11, 25].map(|seed| history(4, 12, 40, seed));
    let others = [crate::controls::barred().0, crate::jackpots::drawn(), crate::leaderboards::several()];
    for history in players.into_iter().chain(others) {
        let views = views(&history.identity, &history.commits);
        for definition in catalogue() {
            let arguments = arguments(&definition);
            let (text, rows) = csv(&definition, &arguments, &views);
            assert_eq!(csv(&definition, &arguments, &views).0, text, "{}", definition.id);
            for (name, value) in [
                ("Operator", "Casino Ltd"),
                ("Id", &definition.id),
                ("Made at", "2026-12-01T06:00:00.000000Z"),
            ] {
                assert!(text.contains(&format!("{name},{value}\r\n")), "{}: {name}", definition.id);
            }
            assert_eq!(arguments.days.is_some(), !text.contains("Interval,as it stands\r\n"));
            assert!(text.contains("\r\nPositions,") && !text.contains("\r\nPositions,\r\n"), "{text}");
            assert!(text.contains("\r\nHash of positions,"), "{text}");
            let lines = json(&definition, &arguments, &views);
            assert_eq!(lines.len(), rows.len() + 2);
            assert_eq!(lines[lines.len() - 1]["rows"], rows.len());
            let columns = lines[0]["columns"].as_array().unwrap();
            for (line, row) in lines[1..].iter().zip(&rows) {
                for column in columns {
                    let (field, title) =
                        (column["field"].as_str().unwrap(), column["title"].as_str().unwrap());
                    let shown = match &line[field] {
                        serde_json::Value::Null => String::new(),
                        serde_json::Value::String(text) => text.clone(),
                        serde_json::Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
                        other => other.to_string(),
                    };
                    let known = row[title].strip_prefix('\'').unwrap_or(&row[title]);
                    assert_eq!(
                        known,
                        shown.strip_prefix('\'').unwrap_or(&shown),
                        "{}: {field}",
                        definition.id
                    );
                }
            }
            if !rows.is_empty() {
                with_rows.insert(definition.source);
            }
        }
    }
    let sources: BTreeSet<ReportSource> = catalogue().iter().map(|report| report.source).collect();
    assert_eq!(with_rows, sources, "every source had rows in some report");
}

#[test]
fn e23_nothing_is_said_where_nothing_was() {
    let history = history(1, 4, 20, 5);
    let all = views(&history.identity, &history.commits);
    let nothing = views(&history.identity, &[]);
    for definition in catalogue() {
        let (text, rows) = csv(&definition, &arguments(&definition), &nothing);
        assert!(rows.is_empty() && text.contains("\r\nNo activity\r\nRows,0\r\n"), "{text}");
        let lines = json(&definition, &arguments(&definition), &nothing);
        assert_eq!((lines.len(), lines[1]["note"].as_str()), (2, Some(NO_ACTIVITY)));
    }
    // Before the first day there was nothing either.
    let early = ReportArguments::new("Casino Ltd", at()).of_days(day("2020-01-01"), day("2020-01-31"));
    assert!(csv(&shipped("revenue_by_day"), &early, &all).1.is_empty());
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// `SaldoInicial` and all movements are `SaldoFinal`, for every player and day; a day begins with what the one before ended with.
#[test]
fn e56_the_report_of_players_and_days_adds_up() {
    let history = history(2, 10, 40, 11);
    let views = views(&history.identity, &history.commits);
    let definition = shipped("spain_player_days");
    let known = ["JugadorId", "Fecha", "currency", "SaldoInicial", "SaldoFinal"];
    let arguments = ReportArguments::new("Casino SA", at()).of_days(day("2026-01-01"), day("2026-03-31"));
    let (text, rows) = csv(&definition, &arguments, &views);
    assert!(text.contains("\r\nNote,Unverified: "));
    let mut closings: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    let mut moved = 0;
    for row in &rows {
        let movements = row.iter().filter(|(title, _)| !known.contains(&title.as_str()));
        let sum: Decimal = movements.map(|(_, text)| decimal(text)).sum();
        moved += usize::from(!sum.is_zero());
        assert_eq!(decimal(&row["SaldoInicial"]) + sum, decimal(&row["SaldoFinal"]), "{row:?}");
        let of = (row["JugadorId"].clone(), row["currency"].clone());
        let before = closings.insert(of, decimal(&row["SaldoFinal"])).unwrap_or_default();
        assert_eq!(before, decimal(&row["SaldoInicial"]), "{row:?}");
    }
    assert!(moved > 10, "{moved} days moved something");
}

/// Every deposit from a threshold on, and nothing below it.
#[test]
fn e20_large_transactions_are_those_from_the_threshold_on() {
    let history = history(4, 12, 40, 3);
    let views = views(&history.identity, &history.commits);
    let definition = shipped("large_transactions");
    let eur: CurrencyCode = "EUR".parse().unwrap();
    // What each deposit brought in cash.
    let mut deposits: BTreeMap<(String, u64), i128> = BTreeMap::new();
    for commit in &history.commits {
        let Partition::Player(player) = &commit.body.partition else { continue };
        let of_deposit = commit.body.events.iter().filter_map(|record| match &record.event {
            Event::DepositSucceeded(event) => event.entry.into(),
            _ => None,
        });
        let of_deposit: Vec<u64> = of_deposit.collect();
        for record in commit.body.events.iter().filter(|record| of_deposit.contains(&record.version)) {
            let Event::EntryPosted(event) = &record.event else { continue };
            let cash = event
                .entry
                .postings()
                .iter()
                .filter(|posting| posting.account == AccountCode::PlayerCash && posting.currency == eur);
            let change: i128 = cash
                .map(|posting| match posting.side {
                    Side::Credit => posting.amount.units(),
                    Side::Debit => -posting.amount.units(),
                })
                .sum();
            if event.entry.kind() == ledger_core::AccountKind::Real && change > 0 {
                deposits.insert((player.to_string(), record.version), change);
            }
        }
    }
    let mut changes: Vec<i128> = deposits.values().copied().collect();
    changes.sort_unstable();
    let least = changes[changes.len() / 2];
    let expected: BTreeSet<_> =
        deposits.iter().filter(|(_, change)| **change >= least).map(|(key, _)| key.clone()).collect();
    assert!(
        expected.len() > 2 && expected.len() < deposits.len(),
        "{} of {}",
        expected.len(),
        deposits.len()
    );
    let threshold = Decimal::from_i128_with_scale(least, 2);
    let arguments = ReportArguments::new("Casino Ltd", at())
        .of_days(day("2026-01-01"), day("2026-12-31"))
        .with("currency", "EUR")
        .with("threshold", threshold.to_string());
    let (_, rows) = csv(&definition, &arguments, &views);
    let is_deposit = |row: &&BTreeMap<String, String>| row["cause"] == "cashier.deposit.succeeded";
    let found: BTreeSet<(String, u64)> = rows
        .iter()
        .filter(is_deposit)
        .map(|row| (row["player"].clone(), row["entry"].parse().unwrap()))
        .collect();
    assert_eq!(found, expected);
    for row in &rows {
        assert!(
            decimal(&row["cash_change"]) >= threshold && row["currency"] == "EUR" && row["kind"] == "real"
        );
        assert!(
            row["cause"].starts_with("cashier.deposit.") || row["cause"].starts_with("withdrawal."),
            "{row:?}"
        );
    }
}

/// Wins from the threshold on, the largest first.
#[test]
fn e16_large_wins_stand_first() {
    let history = history(4, 12, 160, 3);
    let views = views(&history.identity, &history.commits);
    let arguments = |threshold: &str| {
        ReportArguments::new("Casino Ltd", at())
            .of_days(day("2026-01-01"), day("2026-12-31"))
            .with("currency", "EUR")
            .with("threshold", threshold)
    };
    let (_, all) = csv(&shipped("large_wins"), &arguments("0.01"), &views);
    let wins: Vec<Decimal> = all.iter().map(|row| decimal(&row["largest_win"])).collect();
    assert!(wins.len() > 3 && wins.is_sorted_by(|one, other| one >= other), "{wins:?}");
    let middle = wins[wins.len() / 2];
    let (_, some) = csv(&shipped("large_wins"), &arguments(&middle.to_string()), &views);
    assert_eq!(some.len(), wins.iter().filter(|win| **win >= middle).count());
    assert!(all.iter().all(|row| row["kind"] == "real" && row["currency"] == "EUR"));
}

/// The week of Ontario begins on a Sunday and is of its time zone; test accounts are in none of it.
#[test]
fn e54_a_week_is_from_sunday_to_saturday_of_its_zone() {
    let history = history(4, 12, 40, 3);
    let views = views(&history.identity, &history.commits);
    let definition = shipped("agco_weekly");
    let of = |from, to| ReportArguments::new("Casino Ltd", at()).of_days(day(from), day(to));
    let (text, rows) = csv(&definition, &of("2025-12-28", "2026-01-03"), &views);
    assert!(
        text.contains("From,2025-12-28T05:00:00.000000Z\r\nUntil,2026-01-04T05:00:00.000000Z\r\n"),
        "{text}"
    );
    assert!(!rows.is_empty());
    for row in &rows {
        let of = |title: &str| decimal(&row[title]);
        let won =
            of("wins") + of("withdrawable bonus wins") + of("withdrawable free round wins") + of("JpContrib");
        assert_eq!(of("GGR"), of("wagers") - won);
    }
    for (from, to) in
        [("2025-12-29", "2026-01-04"), ("2025-12-28", "2026-01-04"), ("2025-12-28", "2025-12-28")]
    {
        let mut writer = CsvReport::new(Vec::new());
        let run =
            block_on(run_report(&definition, &of(from, to), &views, &mut writer, &ReportControl::default()));
        assert!(matches!(run, Err(ReportError::Definition(DefinitionError::OtherPeriod { .. }))), "{run:?}");
        assert!(writer.into_inner().unwrap().is_empty(), "nothing was written");
    }
}

/// What is owed and what covers it are the accounts of the trial balance.
#[test]
fn e52_player_funds_are_the_accounts() {
    let history = history(4, 12, 40, 3);
    let views = views(&history.identity, &history.commits);
    let none = ReportArguments::new("Casino Ltd", at());
    let (_, trial) = csv(&shipped("trial_balance"), &none, &views);
    let (_, funds) = csv(&shipped("player_funds"), &none, &views);
    assert!(!funds.is_empty());
    for row in funds {
        let of = |names: &[&str]| -> Decimal {
            let own = trial.iter().filter(|account| {
                account["kind"] == "real"
                    && account["currency"] == row["currency"]
                    && names.contains(&account["account"].as_str())
            });
            own.map(|account| decimal(&account["balance"])).sum()
        };
        let owed = of(&[
            "player:cash",
            "player:held",
            "player:withdrawal_pending",
            "player:dormant",
            "jackpot:liability",
            "jackpot:seed_reserve",
        ]);
        assert_eq!(decimal(&row["owed"]), owed, "{row:?}");
        assert_eq!(decimal(&row["funds"]), of(&["bank:players", "psp:clearing"]), "{row:?}");
        assert_eq!(row["covered"] == "yes", decimal(&row["funds"]) >= owed);
    }
}

fn refused(change: impl FnOnce(&mut ReportDefinition)) -> DefinitionError {
    let mut definition = shipped("large_wins");
    change(&mut definition);
    definition.validate().unwrap_err()
}

#[test]
fn a_definition_that_cannot_be_run_is_refused_with_what_is_wrong() {
    use DefinitionError as E;
    assert!(matches!(refused(|d| d.id = "A b".to_owned()), E::Name(_)));
    assert!(matches!(refused(|d| d.title = "x".repeat(1_001)), E::Text(_)));
    assert!(matches!(refused(|d| d.title = "a\u{7}".to_owned()), E::Text(_)));
    assert!(matches!(refused(|d| d.zone = "Mars/A".to_owned()), E::Period(_)));
    let column = |field: &str, digits| ReportColumn { field: field.to_owned(), title: None, digits };
    assert!(matches!(refused(|d| d.columns = vec![column("nothing", None)]), E::Field { .. }));
    assert!(matches!(refused(|d| d.columns = vec![column("player", Some(2))]), E::Digits(_)));
    assert!(matches!(refused(|d| d.columns = vec![column("paid", Some(19))]), E::Digits(_)));
    assert!(matches!(refused(|d| d.columns = vec![column("paid", None); 101]), E::TooMany { .. }));
    let filter = |field: &str, is, values: &[&str]| ReportFilter {
        field: field.to_owned(),
        is,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let with = |filter: ReportFilter| refused(|d| d.filters = vec![filter]);
    assert!(matches!(with(filter("paid", Comparison::AtLeast, &["1,5"])), E::Value { .. }));
    assert!(matches!(with(filter("paid", Comparison::AtLeast, &["1", "2"])), E::Comparison(_)));
    assert!(matches!(with(filter("paid", Comparison::BeginsWith, &["1"])), E::Comparison(_)));
    assert!(matches!(with(filter("paid", Comparison::Present, &["1"])), E::Comparison(_)));
    assert!(matches!(with(filter("paid", Comparison::AtLeast, &["$nothing"])), E::Parameter(_)));
    assert!(matches!(refused(|d| d.parameters.push(d.parameters[0].clone())), E::Name(_)));
    assert!(matches!(refused(|d| d.source = ReportSource::Payments), E::Field { .. }));
    let mut statement = shipped("player_statement");
    statement.period = ReportPeriod::None;
    assert_eq!(statement.validate(), Err(E::NeedsPeriod));
    let mut trial = shipped("trial_balance");
    trial.period = ReportPeriod::Days;
    assert_eq!(trial.validate(), Err(E::TakesNoPeriod));
    let text = serde_json::to_string(&shipped("trial_balance")).unwrap();
    let unknown = text.replacen('{', "{\"more\":1,", 1);
    assert!(serde_json::from_str::<ReportDefinition>(&unknown).is_err(), "unknown fields are no definition");
}

#[test]
fn what_a_report_is_told_is_checked_before_it_is_read() {
    let history = history(1, 2, 5, 1);
    let views = views(&history.identity, &history.commits);
    let run = |id: &str, arguments: &ReportArguments, views: &ReportViews| {
        let mut writer = CsvReport::new(Vec::new());
        let run =
            block_on(run_report(&shipped(id), arguments, views, &mut writer, &ReportControl::default()));
        assert!(writer.into_inner().unwrap().is_empty());
        run.unwrap_err()
    };
    let year = || ReportArguments::new("Casino", at()).of_days(day("2026-01-01"), day("2026-12-31"));
    let definition = |error: ReportError| match error {
        ReportError::Definition(error) => error,
        other => panic!("{other}"),
    };
    let parameter = |name: &str| DefinitionError::Parameter(name.to_owned());
    assert_eq!(definition(run("player_statement", &year(), &views)), parameter("player"));
    assert_eq!(definition(run("rounds", &year().with("x", "1"), &views)), parameter("x"));
    let of = |player: &str| year().with("player", player);
    assert!(matches!(definition(run("player_statement", &of(""), &views)), DefinitionError::Value { .. }));
    assert!(matches!(definition(run("player_statement", &of("a\nb"), &views)), DefinitionError::Text(_)));
    assert_eq!(definition(run("trial_balance", &year(), &views)), DefinitionError::TakesNoPeriod);
    let none = ReportArguments::new("Casino", at());
    assert_eq!(definition(run("rounds", &none, &views)), DefinitionError::NeedsPeriod);
    let without = ReportViews::default();
    for definition in catalogue() {
        let error = run(&definition.id, &arguments(&definition), &without);
        assert!(matches!(error, ReportError::NoView(_)), "{error}");
    }
}

/// A writer that does something at each row.
pub(crate) struct At<F>(pub(crate) F, pub(crate) u64);

impl<F: FnMut(u64) + Send> ReportWriter for At<F> {
    fn begin(
        &mut self,
        _: &ledger_projections::reports::ReportHeader,
        _: &[ledger_projections::reports::ShownColumn],
    ) -> Result<(), ReportError> {
        Ok(())
    }
    fn row(&mut self, _: &[ledger_projections::reports::Cell]) -> Result<(), ReportError> {
        self.1 += 1;
        (self.0)(self.1);
        Ok(())
    }
    fn end(&mut self, _: u64) -> Result<(), ReportError> {
        Ok(())
    }
}

#[test]
fn a_report_is_cancelled_at_any_row() {
    let history = history(2, 6, 30, 3);
    let views = views(&history.identity, &history.commits);
    for definition in catalogue() {
        let arguments = arguments(&definition);
        let rows = csv(&definition, &arguments, &views).1.len();
        if rows < 2 {
            continue;
        }
        let control = ReportControl::default();
        let other = control.clone();
        let mut writer = At(move |_| other.cancel(), 0);
        let run: Result<ReportSummary, _> =
            block_on(run_report(&definition, &arguments, &views, &mut writer, &control));
        assert!(matches!(run, Err(ReportError::Cancelled)), "{}: {run:?}", definition.id);
        assert_eq!((writer.1, control.rows_written()), (1, 1));
    }
}

#[test]
fn the_page_has_every_report_and_row() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reports.md");
    let text = std::fs::read_to_string(page).unwrap();
    for definition in catalogue() {
        let line = format!(
            "| `{}` | {} | `{}` | {} |",
            definition.id,
            definition.title,
            definition.source.name(),
            definition.answers.join(", ")
        );
        assert!(text.contains(&line), "docs/reports.md has no line\n{line}");
    }
    let example = text.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let example: ReportDefinition = serde_json::from_str(example).unwrap();
    example.validate().unwrap();
    for answer in rows_answered() {
        assert!(answer.row.starts_with('E') && answer.row.len() == 3, "{answer:?}");
    }
    let named = text.lines().filter(|line| line.starts_with("| `")).count();
    let sources = 30;
    assert_eq!(named, catalogue().len() + sources, "a report a line, and a source a line");
}
