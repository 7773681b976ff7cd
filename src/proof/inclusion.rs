//! Proofs about single commits, and about the growth from one statement to a later one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ledger_core::Timestamp;
use ledger_core::stored::CommitIndex;
use ledger_store::{CommitHash, EventStore, Head, LedgerIdentity, Position, Shard, StoreError, commit_hash};
use serde::{Deserialize, Serialize};

use super::merkle::{
    self, Frontier, Nodes, PATH_HASHES_MAX, TreeHash, consistency_ranges, inclusion_ranges, is_consistent,
    is_included, leaf_hash,
};
use super::signer::PublicKey;
use super::statement::{self, ShardHead, SignedHeader, Statement, StatementHash};
use super::walk;
use crate::aside::reading;

/// The longest text of a proof, in bytes: a body of 1 MiB whose every byte is escaped, and what goes with it.
pub const PROOF_BYTES_MAX: usize = 8 << 20;
/// The most commits of one shard that [`prove_all`] proves in one walk.
pub const PROOFS_MAX: usize = 256;

const INCLUSION_TAG: &str = "casino-ledger inclusion 1";
const CONSISTENCY_TAG: &str = "casino-ledger consistency 1";

/// Why nothing can be proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The log cannot be read, or is not the one that the statement was taken of.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The statement does not reach that far: take another one.
    #[error("shard {shard} position {position} is not in the statement, which ends at {end}")]
    NotStated {
        /// The shard.
        shard: Shard,
        /// The position asked for; 0 is before the first commit.
        position: Position,
        /// The last position the statement covers.
        end: Position,
    },
    /// The statement is of another ledger.
    #[error("the statement is of another ledger")]
    OtherLedger,
    /// The older statement is the newer one.
    #[error("the older statement covers more of shard {shard} than the newer one")]
    NotOlder {
        /// The shard.
        shard: Shard,
    },
    /// More proofs at once than [`PROOFS_MAX`].
    #[error("{asked} commits at once: at most {PROOFS_MAX} are proven in one walk")]
    TooMany {
        /// How many were asked for.
        asked: usize,
    },
    /// The body is not text, so a proof cannot show it.
    #[error("the commit's body is not text")]
    NotText,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The text is no proof.
    #[error("not a proof: {0}")]
    Text(String),
    /// It is signed by a key that the verifier does not trust.
    #[error("it rests on a statement signed by key {key}, which is not trusted")]
    UnknownKey {
        /// The key.
        key: PublicKey,
    },
    /// The shard's head is not in the statement.
    #[error("the head it names is not in the statement")]
    Head,
    /// The commit is not in the shard's tree.
    #[error("the commit is not in the shard's tree")]
    Commit,
    /// The commit is of a partition of another shard.
    #[error("the commit is of another shard")]
    OtherShard,
    /// The newer statement does not continue the older one.
    #[error("shard {shard} does not grow from the older statement to the newer one")]
    NotGrown {
        /// The shard.
        shard: Shard,
    },
    /// The statements are not of one ledger.
    #[error("the statements are not of one ledger")]
    OtherLedger,
}

/// A proof that one commit is in the ledger a statement speaks of.
///
/// It shows the commit, the signed part of the statement, and a few hashes, whose number grows with the logarithm of the
/// log. Whoever trusts the key needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    statement: SignedHeader,
    shard: Shard,
    head: ShardHead,
    head_path: Vec<TreeHash>,
    position: Position,
    previous: CommitHash,
    body: String,
    path: Vec<TreeHash>,
}

/// What a proof proved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvenCommit {
    /// The ledger.
    pub identity: LedgerIdentity,
    /// The shard.
    pub shard: Shard,
    /// The commit's position.
    pub position: Position,
    /// Its hash.
    pub hash: CommitHash,
    /// Its body; [`CommitBody::decode`](ledger_core::stored::CommitBody::decode) reads it.
    pub body: String,
    /// The number of the statement that covers it.
    pub sequence: u64,
    /// The hash of that statement.
    pub statement: StatementHash,
    /// When that statement was taken: the commit was there by then.
    pub taken_at: Timestamp,
}

/// A proof as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInclusion {
    proof: String,
    statement: String,
    shard: Shard,
    end: Position,
    hash: CommitHash,
    root: TreeHash,
    head_path: Vec<TreeHash>,
    position: Position,
    previous: CommitHash,
    body: String,
    path: Vec<TreeHash>,
}

impl InclusionProof {
    /// The statement it rests on.
    pub fn statement(&self) -> &SignedHeader {
        &self.statement
    }

    /// Checks the proof against the keys that the verifier trusts.
    ///
    /// # Errors
    ///
    /// [`ProofError`] with what it fails to prove.
    pub fn verify(&self, trusted: &[PublicKey]) -> Result<ProvenCommit, ProofError> {
        let key = self.statement.key();
        if !trusted.contains(&key) {
            return Err(ProofError::UnknownKey { key });
        }
        let identity = *self.statement.identity();
        let shards = u64::from(identity.shards.get());
        let leaf = self.head.leaf(self.shard);
        let root = self.statement.heads_root();
        if !is_included(&leaf, u64::from(self.shard.0), shards, &self.head_path, &root) {
            return Err(ProofError::Head);
        }
        let index = self.position.0.checked_sub(1).ok_or(ProofError::Commit)?;
        let hash = commit_hash(&identity, self.shard, self.position, &self.previous, self.body.as_bytes());
        let size = self.head.head.position.0;
        if !is_included(&leaf_hash(&hash.0), index, size, &self.path, &self.head.root) {
            return Err(ProofError::Commit);
        }
        let partition = CommitIndex::of_body(self.body.as_bytes()).map(|index| index.partition);
        if !partition.is_ok_and(|partition| identity.shards.shard_of(&partition) == self.shard) {
            return Err(ProofError::OtherShard);
        }
        Ok(ProvenCommit {
            identity,
            shard: self.shard,
            position: self.position,
            hash,
            body: self.body.clone(),
            sequence: self.statement.sequence(),
            statement: self.statement.hash(),
            taken_at: self.statement.taken_at(),
        })
    }
}

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = WrittenInclusion {
            proof: INCLUSION_TAG.to_owned(),
            statement: self.statement.to_string(),
            shard: self.shard,
            end: self.head.head.position,
            hash: self.head.head.hash,
            root: self.head.root,
            head_path: self.head_path.clone(),
            position: self.position,
            previous: self.previous,
            body: self.body.clone(),
            path: self.path.clone(),
        };
        f.write_str(&serde_json::to_string(&written).map_err(|_| fmt::Error)?)
    }
}

fn read_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ProofError> {
    if text.len() > PROOF_BYTES_MAX {
        return Err(ProofError::Text("it is too long".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| ProofError::Text(error.to_string()))
}

fn check_tag(found: &str, expected: &str) -> Result<(), ProofError> {
    if found == expected {
        Ok(())
    } else {
        Err(ProofError::Text(format!("it begins with another word than {expected:?}")))
    }
}

fn check_path(path: &[TreeHash]) -> Result<(), ProofError> {
    if path.len() <= PATH_HASHES_MAX {
        Ok(())
    } else {
        Err(ProofError::Text(format!("a path of {} hashes", path.len())))
    }
}

impl FromStr for InclusionProof {
    type Err = ProofError;
    fn from_str(text: &str) -> Result<Self, ProofError> {
        let written: WrittenInclusion = read_json(text)?;
        check_tag(&written.proof, INCLUSION_TAG)?;
        check_path(&written.path)?;
        check_path(&written.head_path)?;
        let statement = written.statement.parse().map_err(|error| ProofError::Text(format!("{error}")))?;
        Ok(Self {
            statement,
            shard: written.shard,
            head: ShardHead { head: Head { position: written.end, hash: written.hash }, root: written.root },
            head_path: written.head_path,
            position: written.position,
            previous: written.previous,
            body: written.body,
            path: written.path,
        })
    }
}

/// Proves one commit. See [`prove_all`].
///
/// # Errors
///
/// [`ProveError`].
pub async fn prove(
    store: &Arc<dyn EventStore>,
    statement: &Statement,
    shard: Shard,
    position: Position,
) -> Result<InclusionProof, ProveError> {
    let proofs = prove_all(store, statement, shard, &[position]).await?;
    proofs.into_iter().next().ok_or(ProveError::NotStated { shard, position, end: Position::ZERO })
}

/// Proves commits of one shard, in the order asked: reads the shard once, from its first commit to the statement's
/// head, on a thread of its own. Holds one read of the store and a few hashes per commit in memory.
///
/// # Errors
///
/// [`ProveError`].
pub async fn prove_all(
    store: &Arc<dyn EventStore>,
    statement: &Statement,
    shard: Shard,
    positions: &[Position],
) -> Result<Vec<InclusionProof>, ProveError> {
    let head = stated(&**store, statement, shard)?;
    let end = head.head.position;
    if positions.len() > PROOFS_MAX {
        return Err(ProveError::TooMany { asked: positions.len() });
    }
    for position in positions.iter().copied() {
        if position == Position::ZERO || position > end {
            return Err(ProveError::NotStated { shard, position, end });
        }
    }
    let head_path = head_path(statement, shard);
    let header = statement.header().clone();
    let positions = positions.to_vec();
    reading("prove", store, move |store| async move {
        let paths: Vec<_> = positions.iter().map(|at| inclusion_ranges(at.0 - 1, end.0)).collect();
        let mut nodes = Nodes::new(paths.iter().flatten().copied());
        let mut shown = Vec::with_capacity(positions.len());
        walk_stated(&*store, shard, &head, &mut |commit| {
            nodes.push(leaf_hash(&commit.hash.0));
            if positions.contains(&commit.position) {
                shown.push(commit.clone());
            }
        })
        .await?;
        let proof = |(position, ranges): (&Position, &Vec<merkle::Range>)| {
            let commit = shown.iter().find(|commit| commit.position == *position);
            let (commit, path) = commit
                .zip(nodes.hashes(ranges))
                .ok_or_else(|| StoreError::corrupted_at(shard, *position, "it was not read"))?;
            let body = std::str::from_utf8(&commit.body).map_err(|_| ProveError::NotText)?;
            Ok(InclusionProof {
                statement: header.clone(),
                shard,
                head,
                head_path: head_path.clone(),
                position: *position,
                previous: commit.previous,
                body: body.to_owned(),
                path,
            })
        };
        positions.iter().zip(&paths).map(proof).collect()
    })
    .await
}

/// What a statement says of a shard of this store's ledger.
fn stated(store: &dyn EventStore, statement: &Statement, shard: Shard) -> Result<ShardHead, ProveError> {
    if statement.header().identity() != store.identity() {
        return Err(ProveError::OtherLedger);
    }
    let head = statement.heads().get(shard.index()).copied();
    head.ok_or(ProveError::NotStated { shard, position: Position::ZERO, end: Position::ZERO })
}

/// Walks over a shard up to a statement's head, which must come out as stated.
async fn walk_stated(
    store: &dyn EventStore,
    shard: Shard,
    stated: &ShardHead,
    visit: &mut (dyn FnMut(&ledger_store::StoredCommit) + Send),
) -> Result<(), ProveError> {
    let mut tree = Frontier::new();
    let origin = walk::origin(store, shard);
    let reached = walk::each(store, shard, origin, stated.head.position, &mut |commit| {
        tree.push(leaf_hash(&commit.hash.0));
        visit(commit);
    })
    .await?;
    if reached == stated.head && tree.root() == stated.root {
        return Ok(());
    }
    let actual = format!("hash {} there", reached.hash);
    Err(StoreError::HistoryLost { shard, seen: stated.head, actual }.into())
}

/// The path of a shard in the tree over all shards.
fn head_path(statement: &Statement, shard: Shard) -> Vec<TreeHash> {
    let shards = u64::from(statement.header().identity().shards.get());
    let ranges = inclusion_ranges(u64::from(shard.0), shards);
    let mut nodes = Nodes::new(ranges.iter().copied());
    statement::leaves(statement.heads()).for_each(|leaf| nodes.push(leaf));
    nodes.hashes(&ranges).unwrap_or_default()
}

/// A proof that everything an older statement covers stands unchanged under a newer one, without the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    paths: Vec<Vec<TreeHash>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenConsistency {
    proof: String,
    paths: Vec<Vec<TreeHash>>,
}

impl ConsistencyProof {
    /// Checks the proof. Whether the statements' keys are trusted is for a
    /// [`StatementChain`](super::StatementChain) to say.
    ///
    /// # Errors
    ///
    /// [`ProofError::NotGrown`] with the first shard that did not simply grow.
    pub fn verify(&self, older: &Statement, newer: &Statement) -> Result<(), ProofError> {
        if older.header().identity() != newer.header().identity() || self.paths.len() != newer.heads().len() {
            return Err(ProofError::OtherLedger);
        }
        let shards = older.heads().iter().zip(newer.heads()).zip(&self.paths);
        for (shard, ((old, new), path)) in (0..).map(Shard).zip(shards) {
            let (from, to) = ((old.head.position.0, &old.root), (new.head.position.0, &new.root));
            let rests = old.head.position == new.head.position && old.head.hash != new.head.hash;
            if rests || !is_consistent(from, to, path) {
                return Err(ProofError::NotGrown { shard });
            }
        }
        Ok(())
    }
}

impl fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = WrittenConsistency { proof: CONSISTENCY_TAG.to_owned(), paths: self.paths.clone() };
        f.write_str(&serde_json::to_string(&written).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for ConsistencyProof {
    type Err = ProofError;
    fn from_str(text: &str) -> Result<Self, ProofError> {
        let written: WrittenConsistency = read_json(text)?;
        check_tag(&written.proof, CONSISTENCY_TAG)?;
        written.paths.iter().try_for_each(|path| check_path(path))?;
        Ok(Self { paths: written.paths })
    }
}

/// Proves that a newer statement continues an older one: reads every shard once, up to the newer statement's head, on a
/// thread of its own.
///
/// # Errors
///
/// [`ProveError`].
pub async fn prove_consistency(
    store: &Arc<dyn EventStore>,
    older: &Statement,
    newer: &Statement,
) -> Result<ConsistencyProof, ProveError> {
    let (older, newer) = (older.clone(), newer.clone());
    reading("prove", store, move |store| async move {
        let mut paths = Vec::with_capacity(newer.heads().len());
        for shard in store.identity().shards.all() {
            let (old, new) = (stated(&*store, &older, shard)?, stated(&*store, &newer, shard)?);
            let (from, to) = (old.head.position.0, new.head.position.0);
            if from > to {
                return Err(ProveError::NotOlder { shard });
            }
            let ranges = consistency_ranges(from, to);
            let mut nodes = Nodes::new(ranges.iter().copied());
            walk_stated(&*store, shard, &new, &mut |commit| nodes.push(leaf_hash(&commit.hash.0))).await?;
            let path = nodes
                .hashes(&ranges)
                .ok_or_else(|| StoreError::corrupted_at(shard, new.head.position, "it was not read"))?;
            if !is_consistent((from, &old.root), (to, &new.root), &path) {
                let actual = "a tree that does not continue it".to_owned();
                return Err(StoreError::HistoryLost { shard, seen: old.head, actual }.into());
            }
            paths.push(path);
        }
        Ok(ConsistencyProof { paths })
    })
    .await
}
