//! The scripts of the documents: what a stranger runs, without this code, finds the same.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use casino_ledger::Verifier;
use casino_ledger::proof::{FolderArchive, Notary, Signer as _, Trust, export_chain, prove};
use casino_ledger::store::{EventStore, Position, ShardCount};

use crate::proofs::{on_hands, play, signer};
use crate::support::{Hands, funded, memory};

/// The one Python script of a document.
fn script(document: &str) -> String {
    let text = std::fs::read_to_string(document).unwrap();
    let (_, rest) = text.split_once("\n```python\n").unwrap();
    let (script, rest) = rest.split_once("\n```\n").unwrap();
    assert!(!rest.contains("```python"), "{document} has two");
    format!("{script}\n")
}

/// Runs a script; `None`, said loudly, on a machine without Python.
fn python(script: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script.as_bytes()).unwrap();
    match Command::new("python3").arg(file.path()).args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: there is no python3 here, so the scripts of the documents were NOT run");
            None
        }
        Err(error) => panic!("python3: {error}"),
    }
}

#[test]
fn the_scripts_of_the_formats_find_their_pages_right() {
    for (document, says) in [
        ("docs/storage-format.md", "every hash of this page is right"),
        ("docs/privacy.md", "the sealed value of this page opens"),
    ] {
        if let Some((passed, text)) = python(&script(document), &[]) {
            assert!(passed && text.contains(says), "{document}: {text}");
        }
    }
}

/// Where an export is written to.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn exported(store: &Arc<dyn EventStore>) -> (u64, Vec<u8>) {
    let sink = Sink::default();
    let commits = export_chain(store, sink.clone()).await.unwrap();
    let bytes = sink.0.lock().unwrap().clone();
    (commits, bytes)
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {from}"));
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

#[tokio::test]
async fn a_stranger_checks_statements_export_and_proofs_with_python() {
    let folder = tempfile::tempdir().unwrap();
    let statements = folder.path().join("statements");
    let archive = Arc::new(FolderArchive::open(&statements).unwrap().with_hashes());
    let (clock, shards) = (Hands::new(), ShardCount::new(4).unwrap());
    let store: Arc<dyn EventStore> = memory(shards);
    let ledger = on_hands(Arc::clone(&store), &clock).await;
    let by = |seed: u8| {
        Notary::new(Arc::clone(&store), signer(seed), Arc::clone(&archive) as _, Arc::clone(&clock) as _)
    };
    by(1).take().await.unwrap();
    let players = [funded(&ledger, "p1", "100.00").await, funded(&ledger, "Ünü/\"~", "100.00").await];
    clock.pass(10);
    by(1).take_introducing(signer(2).public_key()).await.unwrap();
    play(&ledger, &players, 1).await;
    clock.pass(10);
    let last = by(2).take().await.unwrap();
    play(&ledger, &players, 2).await;
    let (commits, export) = exported(&store).await;

    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(path(name), bytes).unwrap();
        path(name).to_str().unwrap().to_owned()
    };
    let export_path = write("export.txt", &export);
    let mut proofs = Vec::new();
    for (shard, stated) in shards.all().zip(last.heads()) {
        for position in 1..=stated.head.position.0 {
            let proof = prove(&store, &last, shard, Position(position)).await.unwrap();
            proofs.push((format!("proof-{shard}-{position}.json"), proof.to_string()));
        }
    }
    let proof_paths: Vec<_> = proofs.iter().map(|(name, text)| write(name, text.as_bytes())).collect();
    let script = script("docs/proofs.md");
    let key = signer(1).public_key().to_string();
    let run = |folder: &Path, more: &[&str]| {
        let mut arguments = vec![key.as_str(), folder.to_str().unwrap()];
        arguments.extend(more);
        python(&script, &arguments)
    };
    let mut all = vec![export_path.as_str()];
    all.extend(proof_paths.iter().map(String::as_str));
    let Some((passed, text)) = run(&statements, &all) else { return };
    assert!(passed, "{text}");
    assert!(text.contains("3 statements follow each other"), "{text}");
    assert!(text.contains(&format!("{commits} commits pass through every statement")), "{text}");
    assert_eq!(text.matches(" was there at ").count(), proofs.len(), "{text}");
    // Ours finds the same.
    let trust = Trust::of(signer(1).public_key());
    Verifier::new(Arc::clone(&store)).archive(Arc::clone(&archive) as _, trust).run().await.unwrap();

    // What is wrong is refused, whatever it is.
    let end = |bytes: &[u8]| {
        let cut = bytes.windows(4).rposition(|window| window == b"end ").unwrap();
        bytes[..cut].to_vec()
    };
    for (what, bytes) in [
        ("a changed body", replaced(&export, "\"1.50\"", "\"9.50\"")),
        ("no end", end(&export)),
        ("another count", replaced(&export, &format!("end {commits}"), "end 1")),
        ("another ledger", replaced(&export, "ledger 09", "ledger 08")),
    ] {
        let (passed, text) = run(&statements, &[&write("forged.txt", &bytes)]).unwrap();
        assert!(!passed, "{what}: {text}");
    }
    // A ledger that was played again is rightly hashed, and is not the one of the statements.
    let forged: Arc<dyn EventStore> = memory(shards);
    let other = on_hands(Arc::clone(&forged), &Hands::new()).await;
    for (id, cash) in [("p1", "100.00"), ("Ünü/\"~", "100.00")] {
        play(&other, &[funded(&other, id, cash).await], 1).await;
    }
    let (_, bytes) = exported(&forged).await;
    let (passed, text) = run(&statements, &[&write("forged.txt", &bytes)]).unwrap();
    assert!(!passed && text.contains("is not what statement"), "{text}");
    // Proofs.
    for (from, to) in [("\"position\":2", "\"position\":1"), ("p1", "p2"), ("inclusion 1", "inclusion 2")] {
        let (_, proof) = proofs.iter().find(|(_, text)| text.contains(from) && text.contains("p1")).unwrap();
        let bytes = replaced(proof.as_bytes(), from, to);
        let (passed, text) = run(&statements, &[&write("forged.json", &bytes)]).unwrap();
        assert!(!passed, "{from}: {text}");
    }
    // Statements: each byte of the signed part counts, one that is missing is missed, and so is the trust in a key.
    let copy = path("copy");
    let spoil = |spoil: &dyn Fn(&Path)| {
        std::fs::create_dir_all(&copy).unwrap();
        for entry in std::fs::read_dir(&statements).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        spoil(&copy);
        let result = run(&copy, &[&export_path]).unwrap();
        std::fs::remove_dir_all(&copy).unwrap();
        result
    };
    let second = "statement-00000000000000000002.txt";
    let edit = |from: &'static str, to: &'static str| {
        move |folder: &Path| {
            let text = std::fs::read(folder.join(second)).unwrap();
            std::fs::write(folder.join(second), replaced(&text, from, to)).unwrap();
        }
    };
    assert!(spoil(&|_| {}).0);
    assert!(!spoil(&|folder| std::fs::remove_file(folder.join(second)).unwrap()).0);
    assert!(!spoil(&edit("taken_at 2026", "taken_at 2025")).0);
    assert!(!spoil(&edit("sequence 2", "sequence 02")).0);
    assert!(!spoil(&edit("\nhead 3 ", "\nhead 2 ")).0);
    assert!(
        !spoil(&|folder| {
            let list = folder.join("hashes-00000000000000000003.bin");
            let mut bytes = std::fs::read(&list).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(list, bytes).unwrap();
        })
        .0
    );
    let stranger = signer(3).public_key().to_string();
    let (passed, _) = python(&script, &[&stranger, statements.to_str().unwrap()]).unwrap();
    assert!(!passed);
}
