//! Proofs for people who do not trust this ledger.
mod archive;
mod chain;
mod export;
mod hex;
mod inclusion;
mod merkle;
mod notary;
mod signer;
mod statement;
mod walk;
mod witness;

pub use archive::{ArchiveError, FolderArchive, HashSink, MemoryArchive, StatementArchive};
pub use chain::{StatementChain, StatementError, Trust};
pub use export::{ExportError, export_chain};
pub use hex::HexTextError;
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
