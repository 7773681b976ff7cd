//! Reports as files, in the background, and while the view moves on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use ledger_projections::balances::Balances;
use ledger_projections::reports::{
    Hold, ReportArguments, ReportControl, ReportError, ReportFormat, ReportJob, ReportViews, run_report,
    write_report,
};
use ledger_projections::rounds::Rounds;
use ledger_projections::statement::Statement;
use ledger_projections::testing::history;
use ledger_projections::{Checkpoint, Feed, MemoryHome, Runner, Settings, Standing};
use ledger_store::EventStore;

use crate::history::{World, append};
use crate::property::block_on;
use crate::reports::{At, arguments, at, csv, day, shipped, views};
use crate::runner::{LIMIT, store, woken};

const FORMATS: [ReportFormat; 4] =
    [ReportFormat::Csv, ReportFormat::JsonLines, ReportFormat::Xlsx, ReportFormat::Parquet];

fn is_made(format: ReportFormat) -> bool {
    match format {
        ReportFormat::Xlsx => cfg!(feature = "xlsx"),
        ReportFormat::Parquet => cfg!(feature = "parquet"),
        _ => true,
    }
}

#[tokio::test]
async fn a_file_appears_whole_or_not_at_all_and_is_the_same_bytes() {
    let history = history(2, 12, 60, 3);
    let views =
        tokio::task::spawn_blocking(move || views(&history.identity, &history.commits)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS.into_iter().filter(|format| is_made(*format)) {
        let definition = shipped("rounds");
        let arguments = arguments(&definition);
        let [one, two] = ["one", "two"].map(|name| folder.path().join(format!("{name}-{format:?}")));
        let control = ReportControl::default();
        let summary = write_report(&one, format, &definition, &arguments, &views, &control).await.unwrap();
        assert!(summary.rows > 10 && control.rows_written() == summary.rows);
        let job = ReportJob::start(two.clone(), format, definition.clone(), arguments.clone(), views.clone());
        let again = job.unwrap().done().await.unwrap();
        assert_eq!(again, summary);
        let bytes = fs::read(&one).unwrap();
        assert!(bytes == fs::read(&two).unwrap(), "{format:?}: other bytes");
        // One that was cancelled leaves what was there.
        let cancelled = ReportControl::default();
        cancelled.cancel();
        let run = write_report(&one, format, &definition, &arguments, &views, &cancelled).await;
        assert!(matches!(run, Err(ReportError::Cancelled)));
        assert!(fs::read(&one).unwrap() == bytes);
        let new = folder.path().join("new");
        assert!(write_report(&new, format, &definition, &arguments, &views, &cancelled).await.is_err());
        assert!(!new.exists());
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{names:?}");
    // What a killed process left is in nobody's way; what another run writes is.
    let path = folder.path().join("one-Csv");
    let part = folder.path().join("one-Csv.part");
    fs::write(&part, "left behind").unwrap();
    let definition = shipped("games");
    let arguments = arguments(&definition);
    let control = ReportControl::default();
    let write = || write_report(&path, ReportFormat::Csv, &definition, &arguments, &views, &control);
    write().await.unwrap();
    assert!(!part.exists() && fs::read_to_string(&path).unwrap().contains("Id,games"));
    let other = fs::File::create(&part).unwrap();
    other.lock().unwrap();
    let run = write().await;
    assert!(matches!(run, Err(ReportError::File { .. })), "{run:?}");
    assert!(fs::read_to_string(&path).unwrap().contains("Id,games"));
}

/// The cells of a sheet, by row.
#[cfg(feature = "xlsx")]
fn sheet(path: &std::path::Path, name: &str) -> Vec<Vec<String>> {
    use std::io::Read as _;
    let mut file = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    file.by_name(&format!("xl/worksheets/{name}.xml")).unwrap().read_to_string(&mut text).unwrap();
    let cell = |cell: &str| {
        let value = cell.split_once("<v>").or_else(|| cell.split_once("<t>"));
        let value = value.or_else(|| cell.split_once("<t xml:space=\"preserve\">"));
        let (_, rest) = value.unwrap_or_else(|| panic!("{cell}"));
        rest.split('<').next().unwrap().replace("&amp;", "&").replace("&lt;", "<")
    };
    let row = |row: &str| row.split("<c ").skip(1).map(cell).collect();
    text.split("<row ").skip(1).map(row).collect()
}

/// A workbook has what the CSV has: numbers as numbers, those that are too long for one as texts.
#[cfg(feature = "xlsx")]
#[tokio::test]
async fn a_workbook_has_what_the_csv_has() {
    let history = history(2, 6, 30, 3);
    let views =
        tokio::task::spawn_blocking(move || views(&history.identity, &history.commits)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for id in ["trial_balance", "player_funds", "games"] {
        let definition = shipped(id);
        let arguments = arguments(&definition);
        let path = folder.path().join(id);
        let control = ReportControl::default();
        write_report(&path, ReportFormat::Xlsx, &definition, &arguments, &views, &control).await.unwrap();
        let (definition, views) = (definition.clone(), views.clone());
        let (_, rows) =
            tokio::task::spawn_blocking(move || csv(&definition, &arguments, &views)).await.unwrap();
        let found = sheet(&path, "sheet1");
        let same = |text: &str, shown: &str| match (text.parse::<rust_decimal::Decimal>(), shown.parse()) {
            (Ok(text), Ok(shown)) => text == shown,
            _ => text == shown,
        };
        let expected: Vec<Vec<String>> =
            rows.iter().map(|row| row.values().filter(|text| !text.is_empty()).cloned().collect()).collect();
        let body = &found[found.len() - 1 - rows.len()..found.len() - 1];
        for (found, expected) in body.iter().zip(&expected) {
            assert_eq!(found.len(), expected.len(), "{id}: {found:?}");
            // The rows of the CSV are by title here: each value is somewhere in the row.
            for text in expected {
                assert!(found.iter().any(|shown| same(text, shown)), "{id}: {text} in {found:?}");
            }
        }
        assert_eq!(found.last().unwrap(), &["Rows".to_owned(), rows.len().to_string()]);
    }
}

/// A Parquet file has what the CSV has, and amounts are decimals.
#[cfg(feature = "parquet")]
#[tokio::test]
async fn a_parquet_file_has_what_the_csv_has() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    let history = history(2, 6, 30, 3);
    let views =
        tokio::task::spawn_blocking(move || views(&history.identity, &history.commits)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for id in ["trial_balance", "rounds", "revenue_by_day", "withdrawals_waiting"] {
        let definition = shipped(id);
        let arguments = arguments(&definition);
        let path = folder.path().join(id);
        let control = ReportControl::default();
        write_report(&path, ReportFormat::Parquet, &definition, &arguments, &views, &control).await.unwrap();
        let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let metadata: BTreeMap<&str, &str> =
            metadata.iter().map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap())).collect();
        assert_eq!((metadata["Operator"], metadata["Id"]), ("Casino Ltd", id));
        let titles: BTreeMap<String, String> = metadata
            .iter()
            .filter_map(|(key, title)| Some((key.strip_prefix("title.")?.to_owned(), (*title).to_owned())))
            .collect();
        let (definition, views) = (definition.clone(), views.clone());
        let (_, rows) =
            tokio::task::spawn_blocking(move || csv(&definition, &arguments, &views)).await.unwrap();
        assert_eq!(metadata["Rows"], rows.len().to_string());
        let mut count = 0;
        for (row, expected) in reader.get_row_iter(None).unwrap().zip(&rows) {
            for (field, value) in row.unwrap().get_column_iter() {
                let text = &expected[&titles[field]];
                let is_same = match value {
                    Field::Null => text.is_empty(),
                    Field::Str(found) => found == text,
                    Field::ULong(found) => found.to_string() == *text,
                    Field::Bool(found) => (if *found { "yes" } else { "no" }) == text,
                    Field::TimestampMicros(found) => {
                        ledger_core::Timestamp::from_micros(*found).unwrap().to_string() == *text
                    }
                    Field::Date(found) => {
                        let day = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(i64::from(*found));
                        day.to_string() == *text
                    }
                    Field::Decimal(found) => {
                        let units = i128::from_be_bytes(found.data().try_into().unwrap());
                        let scale = u8::try_from(found.scale()).unwrap();
                        text.parse() == Ok(ledger_projections::Total::new(units, scale).unwrap())
                    }
                    other => panic!("{other:?}"),
                };
                assert!(is_same, "{id}: {field}: {value:?} is not {text}");
            }
            count += 1;
        }
        assert_eq!(count, rows.len());
    }
}

/// The view moves on after the first row: a report of rows that change says so, and one that has the runner stand still does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_of_one_moment_while_the_ledger_goes_on() {
    let mut world = World::new(4, 10, 8);
    let store = store(&world);
    append(store.as_ref(), &world.run(2_000)).await;
    let feed = Feed::new(store.clone());
    let home = MemoryHome::<Rounds>::new(&world.identity);
    let rounds = home.reader();
    let runner = Arc::new(Runner::start(&feed, home, woken()).unwrap());
    let statements = MemoryHome::<Statement>::new(&world.identity);
    let statement = statements.reader();
    let other = Runner::start(&feed, statements, Settings::default()).unwrap();
    let until = store.heads().await.unwrap();
    runner.wait_for_all(&until, LIMIT).await.unwrap();
    other.wait_for_all(&until, LIMIT).await.unwrap();
    let mut views = ReportViews {
        rounds: Some(Arc::new(rounds.clone())),
        statement: Some(Arc::new(statement)),
        ..ReportViews::default()
    };
    let mut year = ReportArguments::new("Casino", at()).of_days(day("2020-01-01"), day("2030-12-31"));
    year.at_least = Some((Checkpoint::from_heads(&world.identity, until.clone()).unwrap(), LIMIT));
    // Nothing comes in between: rows of 2 pages and more.
    let quiet = tokio::task::spawn_blocking({
        let (views, year) = (views.clone(), year.clone());
        move || csv(&shipped("rounds"), &year, &views).1
    });
    let quiet = quiet.await.unwrap();
    // At the first row more is written, and awaited in the view that may move.
    let more = |world: &mut World, awaited: Option<Arc<Runner>>| {
        let (run, store) = (world.run(40), store.clone());
        let mut run = Some(run);
        move |row: u64| {
            let Some(run) = (if row == 1 { run.take() } else { None }) else { return };
            let (store, awaited) = (store.clone(), awaited.clone());
            let write = move || {
                block_on(async {
                    append(store.as_ref(), &run).await;
                    if let Some(runner) = awaited {
                        runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
                    }
                });
            };
            std::thread::spawn(write).join().unwrap();
        }
    };
    let control = ReportControl::default();
    let mut writer = At(more(&mut world, Some(Arc::clone(&runner))), 0);
    let run = run_report(&shipped("rounds"), &year, &views, &mut writer, &control).await;
    assert!(matches!(run, Err(ReportError::Moved { .. })), "{run:?}");
    // Held still, it is whole, and the runner goes on behind it.
    views.hold = Some(Arc::clone(&runner) as Arc<dyn Hold>);
    let begun = rounds.checkpoint().await.unwrap();
    let mut writer = At(more(&mut world, None), 0);
    let summary = run_report(&shipped("rounds"), &year, &views, &mut writer, &control).await.unwrap();
    assert_eq!(summary.header.checkpoint, begun);
    assert!(summary.rows >= u64::try_from(quiet.len()).unwrap());
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    // A pause that was somebody else's stays.
    runner.pause(LIMIT).await.unwrap();
    run_report(&shipped("rounds"), &year, &views, &mut At(|_| {}, 0), &control).await.unwrap();
    assert!(matches!(runner.progress().state, ledger_projections::State::Paused));
    runner.resume(LIMIT).await.unwrap();
    // One that is over meanwhile does not let the view go on while another reads it, and one that is dropped holds nothing.
    let begun = rounds.checkpoint().await.unwrap();
    let (inner, arguments, still) = (views.clone(), year.clone(), Arc::clone(&runner));
    let mut run = Some((world.run(40), store.clone()));
    let between = move |row: u64| {
        let Some((run, store)) = (if row == 1 { run.take() } else { None }) else { return };
        let (views, arguments, still) = (inner.clone(), arguments.clone(), Arc::clone(&still));
        let other = move || {
            let control = ReportControl::default();
            let mut writer = At(|_| {}, 0);
            block_on(append(store.as_ref(), &run));
            block_on(run_report(&shipped("rounds"), &arguments, &views, &mut writer, &control)).unwrap();
            let heads = block_on(store.heads()).unwrap();
            assert!(block_on(still.wait_for_all(&heads, Duration::from_millis(30))).is_err());
        };
        std::thread::spawn(other).join().unwrap();
    };
    let summary = run_report(&shipped("rounds"), &year, &views, &mut At(between, 0), &control).await.unwrap();
    assert_eq!(summary.header.checkpoint, begun);
    let stays: Arc<dyn Hold> = Arc::clone(&runner) as Arc<dyn Hold>;
    drop(stays.hold().await.unwrap());
    runner.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    // Of entries, which never change, what came later is left out.
    other.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
    let all = shipped("financial_transactions");
    let mut lines = all.clone();
    lines.filters.clear();
    let plain = run_report(&lines, &year, &views, &mut At(|_| {}, 0), &control).await.unwrap();
    let (run, other) = (world.run(60), Arc::new(other));
    let late = {
        let (store, other) = (store.clone(), Arc::clone(&other));
        let mut run = Some(run);
        move |row: u64| {
            let Some(run) = (if row == 1 { run.take() } else { None }) else { return };
            let (store, other) = (store.clone(), Arc::clone(&other));
            let write = move || {
                block_on(async {
                    append(store.as_ref(), &run).await;
                    other.wait_for_all(&store.heads().await.unwrap(), LIMIT).await.unwrap();
                });
            };
            std::thread::spawn(write).join().unwrap();
        }
    };
    let moved = run_report(&lines, &year, &views, &mut At(late, 0), &control).await.unwrap();
    assert_eq!(moved, plain);
    let after = run_report(&lines, &year, &views, &mut At(|_| {}, 0), &control).await.unwrap();
    assert!(after.rows > plain.rows);
}

/// A report waits until the view contains what it was told, and says so where it does not come.
#[tokio::test]
async fn a_report_waits_for_what_it_must_contain() {
    let mut world = World::new(2, 4, 8);
    let store = store(&world);
    append(store.as_ref(), &world.run(200)).await;
    let home = MemoryHome::<Balances>::new(&world.identity);
    let views = ReportViews { balances: Some(Arc::new(home.reader())), ..ReportViews::default() };
    let heads = Checkpoint::from_heads(&world.identity, store.heads().await.unwrap()).unwrap();
    let mut arguments = ReportArguments::new("Casino", at());
    arguments.at_least = Some((heads.clone(), Duration::from_millis(20)));
    let control = ReportControl::default();
    let run = run_report(&shipped("balances"), &arguments, &views, &mut At(|_| {}, 0), &control).await;
    assert!(matches!(run, Err(ReportError::View(_))), "{run:?}");
    arguments.at_least = Some((heads.clone(), LIMIT));
    let runner = Runner::start(&Feed::new(store.clone()), home, Settings::default()).unwrap();
    let summary =
        run_report(&shipped("balances"), &arguments, &views, &mut At(|_| {}, 0), &control).await.unwrap();
    assert_eq!(summary.header.checkpoint.heads(), heads.heads());
    runner.stop(LIMIT).await.unwrap();
}
