//! The list of erasures: a file of its own, only ever appended to, each line bound to those before it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use ledger_core::Timestamp;
use ledger_store::LedgerId;
use sha2::{Digest, Sha256};

use super::keys::{Erasure, KeyError, KeyOwner};
use crate::hex;
use crate::safe_file::{self, Readers};

const TAG: &str = "casino-ledger erasures 1";
const LINE_TAG: &[u8; 24] = b"casino-ledger/erasure/1\0";

/// The list, and its file.
#[derive(Debug)]
pub(super) struct ErasureList {
    path: PathBuf,
    file: File,
    /// Where the next line goes.
    end: u64,
    /// Binds the next line to all before it.
    link: [u8; 32],
    erased: HashMap<KeyOwner, Timestamp>,
    order: Vec<KeyOwner>,
    /// After a failed write nothing is known about the file's end.
    broken: bool,
}

fn head(ledger: LedgerId) -> String {
    format!("{TAG} {ledger}\n")
}

fn link_of(previous: &[u8; 32], erasure: &Erasure) -> [u8; 32] {
    let hash =
        Sha256::new_with_prefix(LINE_TAG).chain_update(previous).chain_update(erasure.owner.as_bytes());
    hash.chain_update(erasure.at.to_string()).finalize().into()
}

/// The end of a line: the first bytes of its link.
fn check_of(link: &[u8; 32]) -> String {
    hex::text(&link[..8])
}

impl ErasureList {
    /// Makes an empty list; the file must not be there.
    pub(super) fn create(path: &Path, ledger: LedgerId) -> Result<Self, KeyError> {
        let head = head(ledger);
        safe_file::create(path, head.as_bytes(), Readers::Owner)
            .map_err(|error| KeyError::unavailable("making the list of erasures", error))?;
        Self::open(path, ledger)
    }

    /// Reads a list. What a crash left of a line that was never acknowledged is cut off.
    pub(super) fn open(path: &Path, ledger: LedgerId) -> Result<Self, KeyError> {
        let io = |error: io::Error| KeyError::unavailable("the list of erasures", error);
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::ErasuresMissing { known: 0, found: 0 });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(KeyError::Damaged { what: "the list of erasures is no text".to_owned() });
            }
            read => read.map_err(io)?,
        };
        let first = head(ledger);
        let Some(lines) = text.strip_prefix(&first) else {
            return Err(KeyError::Other {
                what: format!("{} is no list of this ledger's erasures", path.display()),
            });
        };
        let file = File::options().write(true).open(path).map_err(io)?;
        let mut list = Self {
            path: path.to_owned(),
            file,
            end: first.len() as u64,
            link: Sha256::digest(&first).into(),
            erased: HashMap::new(),
            order: Vec::new(),
            broken: false,
        };
        for (number, line) in (2..).zip(lines.split_inclusive('\n')) {
            let Some(whole) = line.strip_suffix('\n') else { break };
            let erasure = list.parse(whole).ok_or_else(|| KeyError::Damaged {
                what: format!("line {number} of the list of erasures"),
            })?;
            list.take(erasure);
            list.end += line.len() as u64;
        }
        list.file.set_len(list.end).and_then(|()| list.file.sync_all()).map_err(io)?;
        Ok(list)
    }

    fn parse(&self, line: &str) -> Option<Erasure> {
        let mut parts = line.split(' ');
        let (owner, at, check) = (parts.next()?, parts.next()?, parts.next()?);
        let erasure = Erasure { owner: owner.parse().ok()?, at: at.parse().ok()? };
        let is_next = check_of(&link_of(&self.link, &erasure)) == check;
        (is_next && parts.next().is_none()).then_some(erasure)
    }

    fn take(&mut self, erasure: Erasure) {
        self.link = link_of(&self.link, &erasure);
        if self.erased.insert(erasure.owner, erasure.at).is_none() {
            self.order.push(erasure.owner);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.order.len() as u64
    }

    pub(super) fn has(&self, owner: &KeyOwner) -> bool {
        self.erased.contains_key(owner)
    }

    pub(super) fn all(&self) -> Vec<Erasure> {
        let erasure = |owner: &KeyOwner| self.erased.get(owner).map(|at| Erasure { owner: *owner, at: *at });
        self.order.iter().filter_map(erasure).collect()
    }

    /// Adds an erasure, durably when it returns; one that is listed already is answered as it was.
    pub(super) fn add(&mut self, erasure: Erasure) -> Result<Erasure, KeyError> {
        if let Some(at) = self.erased.get(&erasure.owner) {
            return Ok(Erasure { at: *at, ..erasure });
        }
        if self.broken {
            let reason = format!("{} could not be written: open the key store again", self.path.display());
            return Err(KeyError::Unavailable { reason });
        }
        let check = check_of(&link_of(&self.link, &erasure));
        let line = format!("{} {} {check}\n", erasure.owner, erasure.at);
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.sync_all());
        if let Err(error) = written {
            self.broken = true;
            return Err(KeyError::unavailable("writing the list of erasures", error));
        }
        self.end += line.len() as u64;
        self.take(erasure);
        Ok(erasure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: LedgerId = LedgerId([7; 16]);

    fn erasure(byte: u8) -> Erasure {
        let owner = format!("{byte:02x}").repeat(32).parse().unwrap();
        Erasure { owner, at: "2026-01-01T00:00:00Z".parse().unwrap() }
    }

    #[test]
    fn a_torn_line_is_cut_and_a_changed_one_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("erasures");
        let mut list = ErasureList::create(&path, LEDGER).unwrap();
        for byte in 1..=3 {
            list.add(erasure(byte)).unwrap();
            list.add(erasure(byte)).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4);
        let open = |text: &str| {
            fs::write(&path, text).unwrap();
            ErasureList::open(&path, LEDGER)
        };
        assert_eq!(open(&text).unwrap().all(), [erasure(1), erasure(2), erasure(3)]);
        // Torn anywhere in the last line: it was never acknowledged.
        let last = text.trim_end().rfind('\n').unwrap() + 1;
        for at in last..text.len() {
            let mut list = open(&text[..at]).unwrap();
            assert_eq!(list.all(), [erasure(1), erasure(2)]);
            list.add(erasure(9)).unwrap();
            assert_eq!(ErasureList::open(&path, LEDGER).unwrap().all(), [erasure(1), erasure(2), erasure(9)]);
        }
        // A line that was taken out, changed, or stands at another place.
        let lines: Vec<_> = text.lines().collect();
        for wrong in [
            [lines[0], lines[2], lines[3]].join("\n"),
            [lines[0], lines[2], lines[1]].join("\n"),
            text.trim_end().replacen("0101", "0102", 1),
            text.trim_end().replacen("2026", "2025", 1),
            [lines[0], ""].join("\n"),
        ] {
            let opened = open(&format!("{wrong}\n"));
            assert!(matches!(opened, Err(KeyError::Damaged { .. })), "{wrong}: {opened:?}");
        }
        assert!(matches!(open("hello\n"), Err(KeyError::Other { .. })));
        let other = LedgerId([8; 16]);
        fs::write(&path, &text).unwrap();
        assert!(matches!(ErasureList::open(&path, other), Err(KeyError::Other { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(ErasureList::open(&path, LEDGER), Err(KeyError::ErasuresMissing { .. })));
    }
}
