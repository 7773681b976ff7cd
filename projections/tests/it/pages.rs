//! `docs/compliance.md` and `docs/checklists.md` name tests that there are, and every row of regulation stands on the page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && !line.starts_with("#[") {
                let name = line.trim_start_matches("async ").strip_prefix("fn ").unwrap_or_default();
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                if let Some(name) = name.get(..end).filter(|name| !name.is_empty()) {
                    names.insert(name.to_owned());
                }
                is_test = false;
            }
        }
    }
    names
}

/// The cells of the rows of all tables with so many columns, but for their headers.
fn rows(page: &str, columns: usize) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let mut all = Vec::new();
    let mut in_table = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            in_table = false;
        } else if !in_table {
            in_table = true;
        } else if !line.starts_with("|---") {
            let cells: Vec<String> =
                line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            assert_eq!(cells.len(), columns, "{page}: {line}");
            all.push(cells);
        }
    }
    all
}

/// A last cell names tests between backticks, or says whose the row is and why: `host: `, `later: `, or `; the host's: ` behind
/// the tests.
fn check(page: &str, row: &[String], tests: &BTreeSet<String>) -> BTreeSet<String> {
    let answer = row.last().unwrap();
    let named: BTreeSet<String> = answer.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    for name in &named {
        assert!(tests.contains(name), "{page}: {}: there is no test {name}", row[0]);
    }
    let said = ["host: ", "later: "].iter().any(|word| answer.starts_with(word))
        || answer.contains("; the host's: ");
    assert!(!named.is_empty() || said, "{page}: {} is answered by nothing", row[0]);
    named
}

#[test]
fn every_row_of_regulation_is_answered() {
    let tests = tests();
    let mut ids = Vec::new();
    let mut named = BTreeSet::new();
    for row in rows("compliance.md", 4) {
        named.extend(check("compliance.md", &row, &tests));
        ids.push(row[0].clone());
    }
    let expected: Vec<String> = (1..=66).map(|n| format!("E{n:02}")).collect();
    assert_eq!(ids, expected, "each once, in order");
    let is_of_a_row = |name: &&String| {
        name.strip_prefix('e')
            .and_then(|rest| rest.split_once('_'))
            .is_some_and(|(number, _)| number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let missing: Vec<_> = tests.iter().filter(is_of_a_row).filter(|name| !named.contains(*name)).collect();
    assert!(missing.is_empty(), "tests of rows that the page does not name: {missing:?}");
}

#[test]
fn every_line_of_the_checklists_is_answered() {
    let tests = tests();
    let all = rows("checklists.md", 2);
    assert!(all.len() > 40, "only {} lines", all.len());
    for row in all {
        check("checklists.md", &row, &tests);
    }
}

/// The rows of the one table of a page whose header begins with this.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let all = text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = all.take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_manager_is_killed_by_its_tests() {
    let tests = tests();
    for row in table("processes.md", "| manager | killed at every moment") {
        assert!(!check("processes.md", &row, &tests).is_empty(), "{row:?}");
    }
}

#[test]
fn every_promise_of_the_controls_has_its_tests() {
    let tests = tests();
    let all = table("controls.md", "| promise | tests |");
    assert!(all.len() > 20, "only {} promises", all.len());
    for row in all {
        assert_eq!(row.len(), 2, "{row:?}");
        assert!(!check("controls.md", &row, &tests).is_empty(), "{row:?}");
    }
}
