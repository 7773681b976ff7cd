//! What no other tool looks at: whitespace, line ends, unfinished code, and links between documents.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Checks every file that git knows or would take, and names each fault with file and line.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    eprintln!("$ tidy");
    let mut faults = Vec::new();
    for path in files(root)? {
        let Ok(bytes) = fs::read(root.join(&path)) else {
            // Deleted, but not yet from git's index.
            continue;
        };
        let found = if is_written_by_hand(&path) { faults_of_text(&path, &bytes) } else { vec![] };
        faults.extend(found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")));
        if has_extension(&path, "md") {
            let text = String::from_utf8_lossy(&bytes);
            let dead = dead_links(&text, |target| resolves(root, &path, target));
            faults
                .extend(dead.into_iter().map(|(line, link)| format!("{path}:{line}: {link} leads nowhere")));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("not tidy:\n  {}", faults.join("\n  "))) }
}

/// Every file that git knows or would take.
pub(crate) fn files(root: &Path) -> Result<Vec<String>, String> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").current_dir(root).args(listing).output();
    let output = output.map_err(|error| format!("tidy needs git to list the files: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Golden files and fuzz seeds are what they are; the rules are for what people write.
fn is_written_by_hand(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let data = ["/golden/", "/fixtures/", "fuzz/seeds/", "/proptest-regressions/"];
    if data.iter().any(|folder| path.contains(folder)) {
        return false;
    }
    match name.rsplit_once('.') {
        Some((_, extension)) => {
            ["rs", "toml", "md", "sh", "sql", "yml", "yaml", "editorconfig", "gitignore"].contains(&extension)
        }
        None => true,
    }
}

pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// The faults of a text file, each with its line.
fn faults_of_text(path: &str, bytes: &[u8]) -> Vec<(usize, String)> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![(1, "is not UTF-8".to_owned())];
    };
    let mut faults = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        faults.push((text.lines().count(), "does not end with a newline".to_owned()));
    }
    if text.ends_with("\n\n") {
        faults.push((text.lines().count(), "ends with an empty line".to_owned()));
    }
    // In one piece these words would be found here.
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    for (number, line) in (1..).zip(text.split('\n')) {
        let fault = |what: &str| (number, what.to_owned());
        if line.ends_with('\r') {
            faults.push(fault("ends with a carriage return"));
        } else if line.ends_with(char::is_whitespace) {
            faults.push(fault("ends with a space"));
        }
        if line.contains('\t') {
            faults.push(fault("holds a tab"));
        }
        if has_extension(path, "rs") {
            let found = unfinished.iter().filter(|macro_call| line.contains(macro_call.as_str()));
            faults.extend(found.map(|macro_call| fault(&format!("holds {macro_call}..)"))));
        }
    }
    faults
}

/// Relative links of a Markdown text that do not resolve, each with its line. Code is no prose.
fn dead_links(text: &str, resolves: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut dead = Vec::new();
    let mut in_fence = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            let links = links_of_line(line).into_iter();
            dead.extend(links.filter(|link| !resolves(link)).map(|link| (number, link)));
        }
    }
    dead
}

/// The relative targets of `[text](target)` and `[label]: target`, without their `#fragment`.
fn links_of_line(line: &str) -> Vec<String> {
    // Every other part between backticks is code.
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let label = prose.strip_prefix('[').and_then(|rest| rest.split_once("]:")).map(|(_, target)| target);
    let targets = inline.chain(label).filter_map(|target| target.split_whitespace().next());
    let paths = targets.map(|target| target.split('#').next().unwrap_or(target));
    let is_elsewhere = |path: &str| path.is_empty() || path.contains("://") || path.starts_with("mailto:");
    paths.filter(|path| !is_elsewhere(path)).map(str::to_owned).collect()
}

fn resolves(root: &Path, document: &str, target: &str) -> bool {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    match target.strip_prefix('/') {
        Some(from_root) => root.join(from_root).exists(),
        None => root.join(folder).join(target).exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        faults_of_text(path, text.as_bytes()).into_iter().map(|(n, what)| format!("{n}: {what}")).collect()
    }

    #[test]
    fn a_tidy_text_has_no_fault() {
        assert!(faults("a.rs", "fn main() {\n    run();\n}\n").is_empty());
        assert!(faults("empty.md", "").is_empty());
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        assert_eq!(faults("a.md", "one\ntwo"), ["2: does not end with a newline"]);
        assert_eq!(faults("a.md", "one\n\n"), ["2: ends with an empty line"]);
        assert_eq!(faults("a.md", "one \ntwo\n"), ["1: ends with a space"]);
        assert_eq!(faults("a.md", "one\n\ttwo\n"), ["2: holds a tab"]);
        assert_eq!(faults("a.md", "one\r\ntwo\n"), ["1: ends with a carriage return"]);
        assert_eq!(faults_of_text("a.md", b"\xff\n"), [(1, "is not UTF-8".to_owned())]);
    }

    #[test]
    fn unfinished_code_is_found_in_rust_only() {
        for name in ["todo", "unimplemented", "dbg"] {
            let text = format!("fn f() {{\n    {name}!()\n}}\n");
            assert_eq!(faults("a.rs", &text), [format!("2: holds {name}!(..)")]);
            assert!(faults("a.md", &text).is_empty());
        }
    }

    #[test]
    fn golden_files_are_left_as_they_are() {
        for path in ["ledger-core/tests/golden/bet.placed.1.md", "fuzz/seeds/open/1", "a.json", "logo.png"] {
            assert!(!is_written_by_hand(path), "{path}");
        }
        for path in ["src/lib.rs", "README.md", ".ci/run", "LICENSE-MIT", ".editorconfig", "deny.toml"] {
            assert!(is_written_by_hand(path), "{path}");
        }
    }

    #[test]
    fn relative_links_are_read_and_others_left_alone() {
        assert_eq!(
            links_of_line("see [a](docs/a.md#part) and ![b](b.png \"title\")"),
            ["docs/a.md", "b.png"]
        );
        assert_eq!(links_of_line("[a]: docs/a.md"), ["docs/a.md"]);
        for elsewhere in [
            "[a](https://a.example/b)",
            "[a](#part)",
            "[a](mailto:a@b.example)",
            "`[a](b)`",
            "f[x](y",
            "[x] (y)",
        ] {
            assert!(links_of_line(elsewhere).is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn dead_links_are_found_outside_code() {
        let text = "[a](a.md)\n```text\n[b](b.md)\n```\n[c](c.md)\n";
        assert_eq!(dead_links(text, |target| target == "a.md"), [(5, "c.md".to_owned())]);
    }

    #[test]
    fn links_resolve_from_the_document_or_the_root() {
        let root = crate::step::root();
        assert!(resolves(&root, "xtask/src/x.md", "../Cargo.toml"));
        assert!(resolves(&root, "docs/x.md", "/xtask/Cargo.toml"));
        assert!(!resolves(&root, "xtask/src/x.md", "Cargo.toml"));
    }
}
