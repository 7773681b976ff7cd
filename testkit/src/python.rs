//! Programs of `PyPI` that tests run, each in an environment of its own under `target/tools`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{apt, told};

/// The folder of an environment with a package of a version in it, made where it is missing.
///
/// # Errors
///
/// In words: no Python, no network.
pub fn ensure(package: &str, version: &str) -> Result<PathBuf, String> {
    ensure_with(package, version, &[])
}

/// As [`ensure`], with other packages beside it, each with its version: `name==1.0`.
///
/// # Errors
///
/// As [`ensure`].
pub fn ensure_with(package: &str, version: &str, others: &[&str]) -> Result<PathBuf, String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    fs::create_dir_all(&tools).map_err(told("target/tools"))?;
    let folder = tools.join(format!("{package}-{version}"));
    let ready = folder.join("ready");
    // Tests are processes of their own.
    let lock =
        File::create(tools.join(format!("{package}.lock"))).map_err(told("the lock of target/tools"))?;
    lock.lock().map_err(told("the lock of target/tools"))?;
    let with = others.join(" ");
    if fs::read_to_string(&ready).is_ok_and(|there| there == with) {
        return Ok(folder);
    }
    eprintln!("note: {package} is missing and is installed now, in target/tools");
    let package = format!("{package}=={version}");
    if let Err(error) = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)) {
        apt::install("python3-venv").map_err(|why| format!("{error}; {why}"))?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    run(Command::new(folder.join("bin/python")).args(pip).arg(&package).args(others))?;
    fs::write(&ready, with).map_err(told("target/tools"))?;
    Ok(folder)
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
}
