//! `docs/events.md` is written from the code: from the doc comments and shapes of events and rejections, and from the
//! golden samples. `LEDGER_BLESS_DOCS=1` writes it; otherwise it must be what would be written. `commands_doc.rs` does
//! the same for `docs/commands.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::goldens::{dir, samples};

/// Compares a page with what the code says, or writes it.
pub(crate) fn compare(page: &str, text: &str) {
    let path = dir("../docs").join(page);
    if std::env::var_os("LEDGER_BLESS_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).position(|(found, expected)| found != expected);
    assert!(
        found == text,
        "docs/{page} is not what the code says (first at line {}): LEDGER_BLESS_DOCS=1 writes it",
        differs.unwrap_or_else(|| found.lines().count().min(text.lines().count())) + 1
    );
}

pub(crate) fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default().replace("\n\n", " ").replace('\n', " ");
    // Links of rustdoc lead nowhere on a page.
    let text = text.replace("[`crate::", "`").replace("[`Self::", "`").replace("[`", "`").replace("`]", "`");
    text.replace('|', "\\|")
}

/// The first sentence or two that a heading line can carry.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '_' || *c == '-').collect()
}

/// The type of a property, as a reader names it.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    for of in ["anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema[of].as_array() {
            let names: Vec<_> = all.iter().filter(|s| s["type"] != "null").map(type_of).collect();
            return names.join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", type_of(&schema["items"])),
        Value::String(name) if name == "object" && schema["additionalProperties"].is_object() => {
            format!("map to {}", type_of(&schema["additionalProperties"]))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// The table of an object's properties, in the order of `keys`.
pub(crate) fn fields(schema: &Value, text: &mut String) {
    let Some(properties) = schema["properties"].as_object() else { return };
    if properties.is_empty() {
        return;
    }
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    text.push_str("| field | type | meaning |\n|---|---|---|\n");
    for (name, property) in properties {
        let optional = if required.contains(name.as_str()) { "" } else { ", optional" };
        writeln!(text, "| `{name}` | {}{optional} | {} |", type_of(property), description(property)).unwrap();
    }
    text.push('\n');
}

/// The words and shapes that fields are made of.
pub(crate) fn definitions(schemas: &[Value], text: &mut String) {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for schema in schemas {
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            if name != "Rejection" && name != "PlayerCommand" {
                all.insert(name.clone(), definition.clone());
            }
        }
    }
    for (name, definition) in all {
        writeln!(text, "### {name}\n").unwrap();
        let about = description(&definition);
        if !about.is_empty() {
            writeln!(text, "{about}\n").unwrap();
        }
        fields(&definition, text);
        let words = definition["oneOf"].as_array().or(definition["anyOf"].as_array());
        let words: Vec<String> = words
            .into_iter()
            .flatten()
            .filter_map(|word| {
                let name = word["const"].as_str().map(str::to_owned).or_else(|| {
                    let properties = word["properties"].as_object()?;
                    Some(properties.keys().next()?.clone())
                })?;
                Some(format!("| `{name}` | {} |", description(word)))
            })
            .collect();
        let plain: Vec<String> = definition["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| Some(format!("`{}`", word.as_str()?)))
            .collect();
        if !words.is_empty() {
            writeln!(text, "| word | meaning |\n|---|---|\n{}\n", words.join("\n")).unwrap();
        } else if !plain.is_empty() {
            writeln!(text, "One of {}.\n", plain.join(", ")).unwrap();
        }
    }
}

/// The pattern of a stream, from one of its kind.
pub(crate) fn pattern(stream: &str) -> &'static str {
    match stream.split('/').next() {
        Some("player") => "player/P",
        Some("wallet") => "wallet/P",
        Some("round") => "round/P/source/R",
        Some("deposit") => "deposit/P/source/D",
        Some("intent") => "intent/P/source/I",
        Some("exchange") => "exchange/P/source/X",
        Some("withdrawal") => "withdrawal/P/source/W",
        Some("correction") => "correction/P/source/C",
        Some("tax") => "tax/P/source/T",
        Some("session") => "session/P/source/S",
        Some("tip") => "tip/P/source/T",
        Some("tournament") => "tournament/P/source/E",
        Some("transfer") => "transfer/P/source/T",
        Some("bonus") => "bonus/P/source/A",
        Some("host") => "host/P/N",
        Some("house") => "house/H",
        Some("suspense") => "suspense/H/R",
        Some("journal") => "journal/H/source/J",
        Some("document") => "document/H/kind/name",
        Some("content") => "content/H/hash",
        _ => panic!("{stream} is of no known kind"),
    }
}

const EVENTS: &str = "# Events

Every fact this ledger stores, one section a type. This page is written from the code by a test
(`ledger-core/tests/it/catalogue.rs`): the words are the doc comments of `ledger-core/src/stored`, the examples are
the golden files of `ledger-core/tests/golden`. JSON Schemas of `data` are in `ledger-core/schemas`. Shapes are
frozen: a released version never changes, a new one gets a new number and an upcaster.

An event stands in a commit with the events decided with it. The commit carries what they share: partition,
`recorded_at`, the idempotency keys it consumed with fingerprint and outcome, tombstones, operator, brand,
jurisdiction, actor, trace, causation, the policy's hash and the engine's build (see
`tests/golden/commit.place.v1.json`). A commit of several operations says with each key how many events are its own.

Amounts are texts with exactly the digits of their account's scale; ids are opaque and compared byte by byte;
instants are UTC with six digits. A field marked *optional* is absent where it does not apply, never null.
Unknown fields are ignored by readers and kept in the stored bytes.
";

const REJECTIONS: &str = "## Rejections

Refusals that the rules demand, in order of precedence: where several apply, the first is told. *Recorded* means
that a `txn.rejected` event stands in the log. A recorded refusal consumes the key, so that the same key gets the same
refusal for ever ([S20](scenarios.md#keys-s17-to-s30)), if the command takes the player's money or starts a payment
and the source's policy does not say `sticky_rejections: false`; all other commands may come again with the same key,
and so may every command to the house.

| precedence | code | recorded | when |
|---|---|---|---|
";

fn rejections(text: &mut String) {
    text.push_str(REJECTIONS);
    let schema = serde_json::to_value(schemars::schema_for!(ledger_core::Rejection)).unwrap();
    let one_of_each = crate::rejections::one_of_each();
    let variants = schema["oneOf"].as_array().unwrap();
    assert_eq!(variants.len(), one_of_each.len(), "one sample of each rejection");
    for ((at, variant), sample) in variants.iter().enumerate().zip(one_of_each) {
        let code = variant["properties"]["code"]["const"].as_str().unwrap();
        assert_eq!(code, sample.code(), "samples stand in the order of the enum");
        let recorded = if sample.is_malformed() { "no" } else { "yes" };
        writeln!(text, "| {} | `{code}` | {recorded} | {} |", at + 1, description(variant)).unwrap();
    }
    text.push('\n');
}

#[test]
fn the_page_of_events_is_what_the_code_says() {
    let schemas = ledger_core::stored::event_schemas();
    let schemas: Vec<(&str, u16, Value)> = schemas
        .into_iter()
        .map(|(name, version, schema)| (name, version, serde_json::to_value(schema).unwrap()))
        .collect();
    let samples = samples();
    let mut text = EVENTS.to_owned();
    text.push_str("\n| event | version | stream |\n|---|---|---|\n");
    let sample = |name: &str| {
        let found = samples.iter().find(|record| record.event.type_name() == name);
        found.unwrap_or_else(|| panic!("{name} has no golden sample"))
    };
    for (name, version, _) in &schemas {
        let stream = pattern(&sample(name).stream.to_string());
        writeln!(text, "| [`{name}`](#{}) | {version} | `{stream}` |", anchor(name)).unwrap();
    }
    text.push('\n');
    for (name, version, schema) in &schemas {
        let sample = sample(name);
        let about = description(schema);
        let about = about.strip_prefix(&format!("`{name}` {version}: ")).unwrap_or(&about).to_owned();
        let stream = pattern(&sample.stream.to_string());
        writeln!(text, "## {name}\n\nVersion {version}, in `{stream}`. {}\n", capitalised(&about)).unwrap();
        fields(schema, &mut text);
        writeln!(text, "```json\n{}\n```\n", serde_json::to_string_pretty(sample).unwrap()).unwrap();
    }
    rejections(&mut text);
    text.push_str("## Types\n\nThe words and shapes that fields of events are made of.\n\n");
    let all: Vec<Value> = schemas.into_iter().map(|(_, _, schema)| schema).collect();
    definitions(&all, &mut text);
    compare("events.md", &format!("{}\n", text.trim_end()));
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
