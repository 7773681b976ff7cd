//! The library does not depend on what it is adapted to.

use std::fs;
use std::path::Path;

/// What a manifest depends on, for whatever purpose: its sections of dependencies, without those of the workspace, which are
/// versions alone.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_in = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_in = section.ends_with("dependencies") && section != "workspace.dependencies";
        } else if is_in && let Some((name, _)) = line.split_once(['=', '.']) {
            names.push(name.trim());
        }
    }
    names
}

#[test]
fn no_crate_of_the_library_depends_on_the_adapter_or_on_what_it_adapts_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for krate in [".", "ledger-core", "ledger-store", "projections", "testkit"] {
        let manifest = fs::read_to_string(root.join(krate).join("Cargo.toml")).unwrap();
        let names = dependencies(&manifest);
        assert!(!names.is_empty(), "{krate}: {names:?}");
        for foreign in ["casino-ledger-cqrs-es", "cqrs-es", "postgres-es"] {
            assert!(!names.contains(&foreign), "{krate} depends on {foreign}");
        }
    }
    let own = fs::read_to_string(root.join("adapters/cqrs-es/Cargo.toml")).unwrap();
    assert!(dependencies(&own).contains(&"cqrs-es"), "what is looked for would be found");
}

/// Only one crate of a program may link the C library of SQLite.
#[test]
fn one_crate_links_sqlite() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1);
}
