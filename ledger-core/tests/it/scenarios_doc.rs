//! `docs/scenarios.md` names the tests that there are, and no others.

use crate::goldens::dir;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A row of a table: its first cell, and the names between backticks of each cell, by the table's header.
struct Row {
    id: String,
    names: BTreeMap<String, Vec<String>>,
}

impl Row {
    fn names(&self, column: &str) -> &[String] {
        self.names.get(column).map_or(&[], Vec::as_slice)
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The rows of all tables whose first column is `id`.
fn rows(page: &str) -> Vec<Row> {
    let mut header: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in page.lines() {
        if !line.starts_with('|') {
            header.clear();
        } else if header.is_empty() {
            header = cells(line);
        } else if header[0] == "id" && !line.starts_with("|---") {
            let cells = cells(line);
            assert_eq!(cells.len(), header.len(), "{line}");
            let between = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let names = header.iter().zip(&cells).map(|(column, cell)| ((*column).to_owned(), between(cell)));
            rows.push(Row { id: cells[0].to_owned(), names: names.collect() });
        }
    }
    rows
}

fn name_of(line: &str, before: &str) -> Option<String> {
    let name = line.trim_start().strip_prefix(before)?;
    Some(name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?.to_owned())
}

/// The functions of a source that follow an attribute `#[test]` or the like.
fn tests_of(path: &Path) -> BTreeSet<String> {
    let source = fs::read_to_string(path).unwrap();
    let mut found = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with("#[") {
            found.extend(name_of(line, "fn ").or_else(|| name_of(line, "async fn ")));
            is_test = false;
        }
    }
    found
}

/// The tests of this crate's `tests/it`.
fn tests() -> BTreeSet<String> {
    let files = fs::read_dir(dir("tests/it")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .flat_map(|path| tests_of(&path))
        .collect()
}

/// The row a test shows, by its name: `s42a_...` is S42a, `m03_...` is M03, `a6_07_...` is A6.7, `fx1_...` is FX1.
fn row_of(test: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let number = |text: &str| text.len() == 2 && digits(text);
    let (id, rest) = test.split_once('_')?;
    if id == "a6" {
        let (id, _) = rest.split_once('_').filter(|(id, _)| number(id))?;
        return Some(format!("A6.{}", id.trim_start_matches('0')));
    }
    if let Some(id) = id.strip_prefix('m').filter(|id| number(id)) {
        return Some(format!("M{id}"));
    }
    for letter in ["b", "d", "r", "x", "p", "w", "t"] {
        if let Some(id) = id.strip_prefix(letter).filter(|id| number(id)) {
            return Some(format!("{}{id}", letter.to_uppercase()));
        }
    }
    if let Some(id) = id.strip_prefix("fx").filter(|id| id.len() == 1 && digits(id)) {
        return Some(format!("FX{id}"));
    }
    let id = id.strip_prefix('s')?;
    let is_number = number(id.trim_end_matches(['a', 'b', 'c', 'd'])) || (id.len() == 3 && digits(id));
    is_number.then(|| format!("S{id}"))
}

fn page() -> Vec<Row> {
    rows(&fs::read_to_string(dir("../docs/scenarios.md")).unwrap())
}

#[test]
fn names_of_tests_are_read() {
    assert_eq!(row_of("s01_a_bet"), Some("S01".to_owned()));
    assert_eq!(row_of("s42a_a_debt"), Some("S42a".to_owned()));
    assert_eq!(row_of("s116_a_return"), Some("S116".to_owned()));
    assert_eq!(row_of("fx1_dollars"), Some("FX1".to_owned()));
    assert_eq!(row_of("m12_shares"), Some("M12".to_owned()));
    assert_eq!(row_of("a6_07_the_key"), Some("A6.7".to_owned()));
    assert_eq!(row_of("a6_18_payloads"), Some("A6.18".to_owned()));
    assert_eq!(row_of("b34_a_queue"), Some("B34".to_owned()));
    assert_eq!(row_of("d01_a_success"), Some("D01".to_owned()));
    assert_eq!(row_of("x04_a_dispute"), Some("X04".to_owned()));
    assert_eq!(row_of("w27_frozen"), Some("W27".to_owned()));
    assert_eq!(row_of("t01_a_share"), Some("T01".to_owned()));
    assert_eq!(row_of("p28_a_debt"), Some("P28".to_owned()));
    assert_eq!(row_of("fx2_a_residual"), Some("FX2".to_owned()));
    let others = [
        "scales_do_not_mix",
        "i8_an_order",
        "a_test_player",
        "s1_short",
        "m1234_long",
        "s42e_no",
        "s1234_long",
        "fx_no",
    ];
    for other in others {
        assert_eq!(row_of(other), None, "{other}");
    }
    let own = tests_of(&dir("tests/it/scenarios_doc.rs"));
    assert_eq!(own.len(), 5, "{own:?}");
}

#[test]
fn every_id_has_one_row() {
    let mut seen = BTreeSet::new();
    for row in page() {
        assert!(seen.insert(row.id.clone()), "{} stands twice", row.id);
    }
    let numbers = |letter: &str, of: std::ops::RangeInclusive<u8>, width: usize, none: &[u8]| {
        let all = of.filter(|n| !none.contains(n)).map(|n| format!("{letter}{n:0width$}"));
        all.collect::<Vec<_>>()
    };
    let none = [27, 37, 42, 44, 49, 51, 57, 68, 73, 74];
    let all = [
        numbers("S", 1..=77, 2, &none),
        numbers("S", 78..=112, 2, &[86, 91, 100, 103, 104, 111]),
        ["S42a", "S42b", "S42c", "S42d"].map(str::to_owned).to_vec(),
        [
            "S103", "S104", "S113", "S114", "S116", "S117", "S118", "S119", "S123", "S124", "S125", "S126",
            "S128", "S129", "S130", "S131",
        ]
        .map(str::to_owned)
        .to_vec(),
        numbers("FX", 1..=3, 1, &[]),
        numbers("A6.", 1..=20, 1, &[]),
        numbers("M", 1..=12, 2, &[]),
        numbers("I", 1..=28, 1, &[]),
        numbers("B", 1..=35, 2, &[10, 12, 13, 19, 24, 26, 27, 28, 33]),
        numbers("D", 1..=14, 2, &[9]),
        numbers("R", 1..=41, 2, &[2, 3, 8, 9, 10, 12, 16]),
        numbers("X", 1..=7, 2, &[2, 3]),
        numbers("H", 1..=22, 2, &[]),
        numbers("J", 1..=14, 2, &[]),
        numbers("K", 1..=12, 2, &[]),
        numbers("W", 1..=27, 2, &[19, 20, 22, 26]),
        numbers("T", 1..=7, 2, &[2, 5]),
    ];
    let expected: BTreeSet<String> = all.concat().into_iter().collect();
    seen.retain(|id| !id.starts_with('P'));
    assert_eq!(seen, expected);
}

#[test]
fn every_scenario_test_is_in_the_row_of_its_id() {
    let page = page();
    let all: Vec<_> = tests().into_iter().filter_map(|test| Some((row_of(&test)?, test))).collect();
    assert!(all.len() > 80, "{} tests of scenarios found", all.len());
    for (id, test) in all {
        let row = page.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("{id} of {test} has no row"));
        assert!(row.names("test").contains(&test), "the row of {id} does not name {test}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = tests();
    for row in page() {
        for name in row.names("test") {
            let Some((path, name)) = name.split_once("::") else {
                assert!(tests.contains(name), "{} names {name}, which is no test of this crate", row.id);
                continue;
            };
            // Tests of the engine: it need not be there where only this crate is built.
            let path = dir("..").join(path);
            if path.exists() {
                let found = tests_of(&path);
                assert!(found.contains(name), "{} names {name}, which {} has not", row.id, path.display());
            }
        }
    }
}

#[test]
fn every_checker_is_named_and_exists() {
    let files = [
        "invariants.rs",
        "invariants/bonuses.rs",
        "invariants/jackpots.rs",
        "invariants/limits.rs",
        "invariants/loyalty.rs",
        "invariants/play_time.rs",
        "invariants/registers.rs",
        "invariants/statement.rs",
        "invariants/tournaments.rs",
        "invariants/withdrawals.rs",
    ];
    let files = files.map(|file| fs::read_to_string(dir("src/testing").join(file)).unwrap());
    let functions =
        files.iter().flat_map(|source| source.lines()).filter_map(|line| name_of(line, "pub fn "));
    let is_checker =
        |name: &String| name.starts_with('i') && name.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let known: BTreeSet<String> = functions.filter(is_checker).collect();
    let mut named = BTreeSet::new();
    for row in page().into_iter().filter(|row| row.id.starts_with('I')) {
        for checker in row.names("checker").iter().filter(|name| is_checker(name)) {
            assert!(checker.starts_with(&format!("{}_", row.id.to_lowercase())), "{checker} in {}", row.id);
            named.insert(checker.clone());
        }
    }
    assert_eq!(named, known);
}
