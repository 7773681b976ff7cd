//! Accounting programs that read what this library exports: hledger, of Debian, and Beancount, of `PyPI`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{apt, python, told};

/// The version of Beancount that is installed.
const BEANCOUNT: &str = "3.2.3";

/// What accounts have, by account and currency: the text of a decimal number.
pub type Balances = BTreeMap<(String, String), String>;

/// What Beancount is asked to do: read each file and say what is wrong with it and what its accounts come to.
const SCRIPT: &str = r#"
import decimal, sys
from beancount import loader
from beancount.core import data
decimal.getcontext().prec = 80
for path in sys.argv[1:]:
    entries, errors, _ = loader.load_file(path)
    print("file")
    for error in errors:
        print("error", type(error).__name__, " ".join(error.message.split()), sep="\t")
    sums = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                key = (posting.account, posting.units.currency)
                sums[key] = sums.get(key, decimal.Decimal(0)) + posting.units.number
    for (account, currency), number in sums.items():
        print("balance", account, currency, format(number, "f"), sep="\t")
"#;

/// The program hledger. Where it is missing, Debian's package is installed.
///
/// # Errors
///
/// In words, with what to install, where that cannot be done.
pub fn ensure_hledger() -> Result<PathBuf, String> {
    let find = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|folder| folder.join("hledger"));
        found.find(|file| file.is_file())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    eprintln!("note: hledger is missing and is installed now");
    apt::install("hledger")?;
    find().ok_or_else(|| "hledger was installed, and is not there".to_owned())
}

/// What hledger says accounts have, after it has checked that transactions balance and assertions hold.
///
/// # Errors
///
/// What hledger has against the journal.
pub fn hledger_balances(journal: &Path) -> Result<Balances, String> {
    let run = |arguments: &[&str]| {
        let output = Command::new(ensure_hledger()?)
            .arg("-f")
            .arg(journal)
            .args(arguments)
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .map_err(told("hledger"))?;
        if output.status.success() {
            String::from_utf8(output.stdout).map_err(told("what hledger says"))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    // No price is made up where two currencies do not balance. Later releases call it otherwise.
    match run(&["check", "accounts", "balancednoautoconversion", "assertions"]) {
        Err(said) if said.contains("unknown") => run(&["check", "accounts", "balanced", "assertions"])?,
        checked => checked?,
    };
    let text = run(&["balance", "--flat", "--no-total", "--empty", "--layout=bare", "-O", "csv"])?;
    // No name or number of it has a comma or quote.
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(|field| field.trim_matches('"')).collect();
        match fields[..] {
            [account, currency, number] => Ok(((account.to_owned(), currency.to_owned()), number.to_owned())),
            _ => Err(format!("hledger says {line:?}")),
        }
    };
    // Of an account with nothing at all it names no currency.
    let has_currency = |((_, currency), _): &((String, String), String)| !currency.is_empty();
    let lines = text.lines().skip(1).map(line);
    lines.filter(|line| line.as_ref().map_or(true, has_currency)).collect()
}

/// A Python with Beancount in it, made under `target/tools` where it is missing.
///
/// # Errors
///
/// In words: no Python, no network.
pub fn ensure_beancount() -> Result<PathBuf, String> {
    python::ensure("beancount", BEANCOUNT).map(|folder| folder.join("bin/python"))
}

/// What Beancount says of journals, in their order: what accounts come to, or what it has against the journal.
///
/// # Errors
///
/// In words, if Beancount cannot be run.
pub fn beancount_balances(journals: &[PathBuf]) -> Result<Vec<Result<Balances, String>>, String> {
    let output = Command::new(ensure_beancount()?)
        .args(["-c", SCRIPT])
        .args(journals)
        .env("BEANCOUNT_DISABLE_LOAD_CACHE", "1")
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(told("beancount"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).map_err(told("what Beancount says"))?;
    let mut answers: Vec<Result<Balances, String>> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match (&fields[..], answers.last_mut()) {
            (["file"], _) => answers.push(Ok(Balances::new())),
            (["error", ..], Some(Err(errors))) => {
                errors.push('\n');
                errors.push_str(line);
            }
            (["error", ..], Some(answer)) => *answer = Err(line.to_owned()),
            (["balance", account, currency, number], Some(answer)) => {
                if let Ok(balances) = answer {
                    balances.insert(((*account).to_owned(), (*currency).to_owned()), (*number).to_owned());
                }
            }
            _ => return Err(format!("Beancount says {line:?}")),
        }
    }
    if answers.len() == journals.len() {
        Ok(answers)
    } else {
        Err(format!("Beancount tells of {} files, and not of {}", answers.len(), journals.len()))
    }
}
