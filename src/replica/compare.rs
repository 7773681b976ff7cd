//! How two stores of one ledger stand to each other, shard by shard.

use ledger_store::{EventStore, Head, Position, Shard, StoreError, genesis};

use super::error::ReplicaError;

/// How the history of a shard in one store, the copy, stands to that in another, the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They are the same.
    Same,
    /// The copy has the beginning of what the source has.
    Behind {
        /// How many commits it lacks.
        by: u64,
    },
    /// The source has the beginning of what the copy has.
    Ahead {
        /// How many commits the source lacks.
        by: u64,
    },
    /// They have different commits at one position.
    Forked {
        /// The first position at which they differ.
        first: Position,
    },
}

/// Which of the two stores fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Source,
    Copy,
}

impl Side {
    fn error(self, error: StoreError) -> ReplicaError {
        match self {
            Self::Source => ReplicaError::Source(error),
            Self::Copy => ReplicaError::Target(error),
        }
    }
}

/// The head a store had when it stood at a position.
pub(super) async fn head_at(
    store: &dyn EventStore,
    side: Side,
    shard: Shard,
    position: Position,
) -> Result<Head, ReplicaError> {
    if position == Position::ZERO {
        return Ok(genesis(store.identity(), shard));
    }
    let read = store.read(shard, position, 1).await.map_err(|error| side.error(error))?;
    let commit = read.first().filter(|commit| commit.position == position);
    let commit = commit.ok_or_else(|| ReplicaError::Chain {
        shard,
        position,
        what: "its head says there is a commit, and there is none".to_owned(),
    })?;
    Ok(Head { position, hash: commit.hash })
}

/// Two stores at two heads of one shard.
pub(super) struct Pair<'a> {
    pub(super) source: &'a dyn EventStore,
    pub(super) copy: &'a dyn EventStore,
    pub(super) shard: Shard,
}

impl Pair<'_> {
    /// How they stand to each other, at these heads.
    pub(super) async fn relation(&self, source: Head, copy: Head) -> Result<Relation, ReplicaError> {
        let (shard, both) = (self.shard, source.position.min(copy.position));
        let in_source = if source.position == both {
            source
        } else {
            head_at(self.source, Side::Source, shard, both).await?
        };
        let in_copy =
            if copy.position == both { copy } else { head_at(self.copy, Side::Copy, shard, both).await? };
        if in_source.hash != in_copy.hash {
            return Ok(Relation::Forked { first: self.first_difference(both).await? });
        }
        Ok(match (source.position.0 - both.0, copy.position.0 - both.0) {
            (0, 0) => Relation::Same,
            (by, 0) => Relation::Behind { by },
            (_, by) => Relation::Ahead { by },
        })
    }

    /// The first position at which they differ, if they do at the last one: a hash covers all before it, so halving finds it.
    async fn first_difference(&self, last: Position) -> Result<Position, ReplicaError> {
        let (mut same, mut differs) = (0, last.0);
        while differs - same > 1 {
            let middle = Position(same + (differs - same) / 2);
            let source = head_at(self.source, Side::Source, self.shard, middle).await?;
            let copy = head_at(self.copy, Side::Copy, self.shard, middle).await?;
            if source.hash == copy.hash {
                same = middle.0;
            } else {
                differs = middle.0;
            }
        }
        Ok(Position(differs))
    }
}

/// The heads of both stores, checked to be of one ledger.
pub(super) async fn heads_of_both(
    source: &dyn EventStore,
    copy: &dyn EventStore,
) -> Result<(Vec<Head>, Vec<Head>), ReplicaError> {
    let (from, to) = (source.identity(), copy.identity());
    if from != to {
        return Err(ReplicaError::OtherLedger { from: from.ledger, to: to.ledger });
    }
    let of_source = source.heads().await.map_err(ReplicaError::Source)?;
    let of_copy = copy.heads().await.map_err(ReplicaError::Target)?;
    Ok((of_source, of_copy))
}

/// How a copy stands to its source, for every shard. Reads one commit of a shard where nothing differs, and the logarithm of its
/// length where something does.
///
/// # Errors
///
/// [`ReplicaError::OtherLedger`], [`ReplicaError::Source`], [`ReplicaError::Target`].
pub async fn compare(source: &dyn EventStore, copy: &dyn EventStore) -> Result<Vec<Relation>, ReplicaError> {
    let (of_source, of_copy) = heads_of_both(source, copy).await?;
    let mut relations = Vec::with_capacity(of_source.len());
    for ((shard, a), b) in source.identity().shards.all().zip(of_source).zip(of_copy) {
        relations.push(Pair { source, copy, shard }.relation(a, b).await?);
    }
    Ok(relations)
}
