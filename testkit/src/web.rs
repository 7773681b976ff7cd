//! What looks at a server from without: schemathesis, of `PyPI`, and the browser Chromium, of Debian.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{apt, python};

/// The version of schemathesis.
const SCHEMATHESIS: &str = "4.32.5";

/// The program schemathesis, made under `target/tools` where it is missing.
///
/// # Errors
///
/// In words: no Python, no network.
pub fn ensure_schemathesis() -> Result<PathBuf, String> {
    python::ensure("schemathesis", SCHEMATHESIS).map(|folder| folder.join("bin/schemathesis"))
}

/// The name of the program Chromium. Where it is missing, Debian's package is installed.
///
/// # Errors
///
/// In words: no apt, no right to use it, no network.
pub fn ensure_chromium() -> Result<&'static str, String> {
    if !is_there() {
        eprintln!("note: Chromium is missing and is installed now");
        apt::install("chromium")?;
        if !is_there() {
            return Err("chromium was installed, and does not start".to_owned());
        }
    }
    Ok("chromium")
}

fn is_there() -> bool {
    let mut probe = Command::new("chromium");
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
