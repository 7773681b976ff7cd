//! The tour of the README, run as it stands.

use std::process::Command;

use crate::process::start;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_of_the_readme_answers_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_process, http) = start(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    let readme = include_str!("../../README.md");
    let mut script = String::new();
    let mut steps = 0;
    let mut rest = readme;
    while let Some((_, after)) = rest.split_once("\n```sh\n") {
        let (lines, after) = after.split_once("\n```\n").unwrap();
        let (between, expected) = after.split_once("\n```text\n").unwrap();
        assert!(between.trim().is_empty(), "what it answers stands below it: {between}");
        let (expected, after) = expected.split_once("\n```\n").unwrap();
        // The variables of earlier blocks are there; what they printed is not.
        let whole = format!("set -euo pipefail\n{{\n:\n{script}\n}} > /dev/null\n{lines}\n");
        let output = Command::new("bash").arg("-c").arg(&whole).env("BASE", http.base()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{lines}\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
        for line in expected.lines() {
            assert!(told.contains(line), "{line} is not in the answer to\n{lines}\n{told}");
        }
        for line in lines.lines().filter(|line| !line.starts_with("curl")) {
            script.push_str(line);
            script.push('\n');
        }
        steps += 1;
        rest = after;
    }
    assert!(steps >= 9, "{steps}");
}
