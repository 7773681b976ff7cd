//! Proofs for people who do not trust this ledger.
//!
//! Whoever holds the disk can write the log anew, with right hashes. What he cannot change is what others have kept:
//!
//! - A [`Statement`] says what the heads of all shards were at a moment, signed. A [`Notary`] takes them, once a period,
//!   with the key of a [`Signer`], into a [`StatementArchive`] that is kept elsewhere. A [`StatementChain`] checks that each
//!   follows the one before it, under the keys that a verifier [trusts](Trust).
//! - [`Witnesses`] are statements, or positions and hashes from receipts: a [`Verifier`](crate::Verifier) compares the log with
//!   them, and [`Settings::witnesses`](crate::Settings::witnesses) keeps a ledger from opening on a log that lost its end.
//! - An [`InclusionProof`] shows one commit to a stranger who knows the key, without the rest of the log; a
//!   [`ConsistencyProof`] shows that a later statement continues an earlier one.
//! - [`export_chain`] writes the whole log in a plain form.
//!
//! ```
//! use std::sync::Arc;
//! use casino_ledger::core::{PlayerCommand, PlayerId};
//! use casino_ledger::proof::{LocalSigner, MemoryArchive, Signer, Trust, prove};
//! use casino_ledger::store::{FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
//! use casino_ledger::{Ledger, Settings, Verifier};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let identity = LedgerIdentity { ledger: LedgerId([1; 16]), shards: ShardCount::ONE, format: FORMAT };
//! # let ledger = Ledger::with_store(Arc::new(MemoryStore::new(identity)), Settings::new()?).await?;
//! # let open = r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT",
//! #     "zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#;
//! # let receipt = ledger.execute(&PlayerId::new("p1")?, serde_json::from_str::<PlayerCommand>(open)?).await?;
//! let signer = Arc::new(LocalSigner::new(&[42; 32]));
//! let key = signer.public_key();
//! let archive = Arc::new(MemoryArchive::new());
//! let statement = ledger.notary(signer, archive.clone()).take().await?;
//!
//! // To a stranger: this commit was there.
//! let proof = prove(&ledger.store(), &statement, receipt.shard, receipt.position).await?.to_string();
//! let proven = proof.parse::<casino_ledger::proof::InclusionProof>()?.verify(&[key])?;
//! assert_eq!(proven.hash, receipt.hash);
//!
//! // To an auditor: the log is still the one that was signed.
//! Verifier::new(ledger.store()).archive(archive, Trust::of(key)).run().await?;
//! # ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The formats are `docs/proofs.md`, with a script that checks them without this code.

mod archive;
mod chain;
mod export;
mod inclusion;
mod merkle;
mod notary;
mod signer;
mod statement;
mod walk;
mod witness;

pub use crate::hex::HexTextError;
pub use archive::{ArchiveError, FolderArchive, HashSink, MemoryArchive, StatementArchive};
pub use chain::{StatementChain, StatementError, Trust};
pub use export::{ExportError, export_chain};
pub use inclusion::{
    ConsistencyProof, InclusionProof, PROOF_BYTES_MAX, PROOFS_MAX, ProofError, ProveError, ProvenCommit,
    prove, prove_all, prove_consistency,
};
pub use merkle::{Frontier, PATH_HASHES_MAX, TreeHash, is_consistent, is_included, leaf_hash};
pub use notary::{Notary, NotaryError, NotaryThread};
pub use signer::{KeyFileError, LocalSigner, PublicKey, Signature, Signer, SignerError};
pub use statement::{
    STATEMENT_BYTES_MAX, ShardHead, SignedHeader, Statement, StatementHash, StatementTextError,
};
pub(crate) use walk::passes_through;
pub use witness::{Witness, Witnesses};
