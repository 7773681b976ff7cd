//! `docs/events.md` says what the code does.

use crate::goldens::{dir, samples};
use crate::rejections::{CODES, one_of_each};
use ledger_core::stored::Event;
use std::fs;

fn page() -> String {
    fs::read_to_string(dir("../docs/events.md")).unwrap()
}

/// The text under a heading, up to the next of its level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let rest = &page[start + 1..];
    &rest[..rest[3..].find("\n## ").map_or(rest.len(), |end| end + 3)]
}

#[test]
fn every_event_type_has_a_section_with_its_fields_and_its_golden() {
    let page = page();
    for record in samples() {
        let name = record.event.type_name();
        let section = section(&page, name);
        assert!(section.contains(&format!("Version {}, in ", record.event.schema())), "{name}");
        let (_, example) = section.split_once("```json\n").unwrap();
        let (example, _) = example.split_once("\n```").unwrap();
        let golden = serde_json::to_value(&record).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(example).unwrap(), golden, "{name}");
        for field in golden["data"].as_object().unwrap().keys() {
            assert!(section.contains(&format!("\n| `{field}` | ")), "{name} {field}");
        }
        assert!(page.contains(&format!("\n| [`{name}`](")), "{name} is in the list");
    }
}

#[test]
fn the_page_has_no_section_of_an_unknown_event() {
    let page = page();
    let found: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let known: Vec<_> = Event::TYPES.iter().map(|(name, _)| *name).chain(["Rejections"]).collect();
    assert_eq!(found, known);
}

#[test]
fn the_table_of_rejections_is_the_one_of_the_code() {
    let page = page();
    let section = section(&page, "Rejections");
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("precedence"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), CODES.len());
    for ((at, rejection), row) in one_of_each().iter().enumerate().zip(rows) {
        assert_eq!(row[0], (at + 1).to_string());
        assert_eq!(row[1], format!("`{}`", rejection.code()));
        assert_eq!(row[2], if rejection.is_malformed() { "no" } else { "yes" }, "{rejection}");
        if rejection.is_malformed() {
            assert_eq!(row[3], "nothing", "what is not recorded consumes nothing");
        }
    }
}
