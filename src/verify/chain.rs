//! The chain of one shard: every hash recomputed, every link and witness compared.

use std::sync::Arc;

use ledger_store::{
    CommitHash, EventStore, Head, LedgerIdentity, Position, READ_COMMITS_MAX, Shard, StoredCommit,
    commit_hash, genesis,
};

use super::error::VerifyError;
use crate::proof::{Frontier, StatementArchive, Witness, leaf_hash};

/// How many hashes of an archive's list are compared at once.
const HASHES_AT_ONCE: usize = 4_096;

/// What was vouched for last: a witness, and the tree up to there.
#[derive(Debug, Clone)]
struct Vouched {
    head: Head,
    tree: Frontier,
}

/// Takes the commits of a shard in the order they stand, and finds the first that cannot stand there.
#[derive(Debug)]
pub(super) struct ChainCheck<'a> {
    identity: LedgerIdentity,
    shard: Shard,
    last: Head,
    tree: Frontier,
    /// Those that are still ahead.
    witnesses: &'a [Witness],
    vouched: Vouched,
}

impl<'a> ChainCheck<'a> {
    pub(super) fn new(
        identity: LedgerIdentity,
        shard: Shard,
        witnesses: &'a [Witness],
    ) -> Result<Self, VerifyError> {
        let last = genesis(&identity, shard);
        let vouched = Vouched { head: last, tree: Frontier::new() };
        let mut this = Self { identity, shard, last, tree: Frontier::new(), witnesses, vouched };
        this.compare()?;
        Ok(this)
    }

    /// The last commit that was taken, or the genesis.
    pub(super) fn last(&self) -> Head {
        self.last
    }

    /// Takes the next commit.
    pub(super) fn take(&mut self, commit: &StoredCommit) -> Result<(), VerifyError> {
        let wrong =
            |what: String| Err(VerifyError::Commit { shard: self.shard, position: commit.position, what });
        if commit.position != self.last.position.next() {
            return wrong(format!("it follows position {}", self.last.position));
        }
        if commit.previous != self.last.hash {
            return wrong("it does not name its predecessor's hash".to_owned());
        }
        let hash = commit_hash(&self.identity, self.shard, commit.position, &self.last.hash, &commit.body);
        if hash != commit.hash {
            return wrong("its hash is not that of its contents".to_owned());
        }
        self.last = Head { position: commit.position, hash };
        self.tree.push(leaf_hash(&hash.0));
        self.compare()
    }

    /// Compares with the witnesses of the position that was reached.
    fn compare(&mut self) -> Result<(), VerifyError> {
        while let Some((witness, rest)) = self.witnesses.split_first()
            && witness.head.position == self.last.position
        {
            if witness.head.hash != self.last.hash {
                return Err(self.contradicts(witness, format!("its hash is {}", self.last.hash)));
            }
            if witness.root.is_some_and(|root| root != self.tree.root()) {
                return Err(self.contradicts(witness, format!("its tree is {}", self.tree.root())));
            }
            self.vouched.head = self.last;
            if witness.root.is_some() {
                self.vouched.tree = self.tree.clone();
            }
            self.witnesses = rest;
        }
        Ok(())
    }

    /// The log has come to its end: no witness may be ahead.
    pub(super) fn end(&self) -> Result<(), VerifyError> {
        match self.witnesses.first() {
            Some(witness) => {
                Err(self.contradicts(witness, format!("the log ends at position {}", self.last.position)))
            }
            None => Ok(()),
        }
    }

    fn contradicts(&self, witness: &Witness, what: String) -> VerifyError {
        VerifyError::Witness {
            shard: self.shard,
            first: None,
            vouched: self.vouched.head.position,
            witnessed: witness.head.position,
            statement: witness.statement,
            what,
        }
    }

    /// After something was found wrong at a position: the first commit before or at it that is not the one whose hash
    /// was kept with the next statement. `None` if no list was kept, it is not the statement's own, or it agrees.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] if store or archive cannot be read.
    pub(super) async fn trace(
        &self,
        store: &dyn EventStore,
        archive: Option<&Arc<dyn StatementArchive>>,
        wrong_at: Position,
    ) -> Result<Option<VerifyError>, VerifyError> {
        let Some(archive) = archive else { return Ok(None) };
        let ahead = self.witnesses.iter().find(|w| w.statement.is_some() && w.root.is_some());
        let Some((witness, sequence)) = ahead.and_then(|w| w.statement.map(|sequence| (w, sequence))) else {
            return Ok(None);
        };
        let Some(list) = self.list(archive, sequence).await? else { return Ok(None) };
        if self.vouched.tree.size() != list.from.0 || !self.is_own(archive, &list, witness).await? {
            tracing::warn!(shard = %self.shard, sequence, "the list of hashes is not the statement's");
            return Ok(None);
        }
        let mut position = list.from;
        while position < wrong_at.min(witness.head.position) {
            let kept = self.read_list(archive, &list, position).await?;
            // What cannot be read is found wrong by whoever reads it; here only what differs is sought.
            let Ok(found) = store.read(self.shard, position.next(), READ_COMMITS_MAX).await else {
                return Ok(None);
            };
            let mut pairs = 0;
            for (hash, commit) in kept.iter().zip(&found) {
                pairs += 1;
                position = position.next();
                if *hash != commit.hash || commit.position != position {
                    return Ok(Some(self.first(witness, position)));
                }
            }
            if pairs == 0 {
                return Ok(Some(self.first(witness, position.next())));
            }
        }
        Ok(None)
    }

    fn first(&self, witness: &Witness, position: Position) -> VerifyError {
        let what = "it is not the commit whose hash was kept with the statement".to_owned();
        match self.contradicts(witness, what) {
            VerifyError::Witness { shard, vouched, witnessed, statement, what, .. } => {
                VerifyError::Witness { shard, first: Some(position), vouched, witnessed, statement, what }
            }
            other => other,
        }
    }

    /// Where this shard's hashes stand in the list of a statement.
    async fn list(
        &self,
        archive: &Arc<dyn StatementArchive>,
        sequence: u64,
    ) -> Result<Option<List>, VerifyError> {
        let Some(statement) = archive.statement(sequence).await? else { return Ok(None) };
        let before = match sequence {
            1 => None,
            _ => archive.statement(sequence - 1).await?,
        };
        if before.is_none() && sequence != 1 {
            return Ok(None);
        }
        let from = |shard: usize| {
            let heads = before.as_ref().and_then(|before| before.heads().get(shard));
            heads.map_or(Position::ZERO, |stated| stated.head.position)
        };
        let mut skip = 0_u64;
        for (shard, stated) in statement.heads().iter().enumerate() {
            let (from, to) = (from(shard), stated.head.position);
            if shard == self.shard.index() {
                return Ok(Some(List { sequence, skip, from, to }));
            }
            skip = skip.saturating_add(to.0.saturating_sub(from.0));
        }
        Ok(None)
    }

    async fn read_list(
        &self,
        archive: &Arc<dyn StatementArchive>,
        list: &List,
        after: Position,
    ) -> Result<Vec<CommitHash>, VerifyError> {
        let left = usize::try_from(list.to.0 - after.0).unwrap_or(usize::MAX);
        let skip = list.skip + (after.0 - list.from.0);
        let read = archive.hashes(list.sequence, skip, left.min(HASHES_AT_ONCE)).await?;
        Ok(read.unwrap_or_default())
    }

    /// Whether the list leads from the tree that was vouched for to the one that the statement signed.
    async fn is_own(
        &self,
        archive: &Arc<dyn StatementArchive>,
        list: &List,
        witness: &Witness,
    ) -> Result<bool, VerifyError> {
        let mut tree = self.vouched.tree.clone();
        while tree.size() < list.to.0 {
            let hashes = self.read_list(archive, list, Position(tree.size())).await?;
            if hashes.is_empty() {
                return Ok(false);
            }
            for hash in &hashes {
                tree.push(leaf_hash(&hash.0));
            }
        }
        Ok(Some(tree.root()) == witness.root)
    }
}

/// A shard's part of the list of hashes that goes with a statement.
#[derive(Debug)]
struct List {
    sequence: u64,
    /// How many hashes of other shards stand before it.
    skip: u64,
    /// It begins after this position.
    from: Position,
    to: Position,
}
