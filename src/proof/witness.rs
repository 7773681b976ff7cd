//! Witnesses: what was seen of a ledger before, by someone who kept it elsewhere.

use std::collections::BTreeMap;

use ledger_store::{Head, Position, Shard};

use super::merkle::TreeHash;
use super::statement::Statement;

/// What was seen of a shard at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The hash of the commit there.
    pub head: Head,
    /// The root of the tree over all commits up to there, if a statement told it.
    pub root: Option<TreeHash>,
    /// The number of the statement that told it.
    pub statement: Option<u64>,
}

/// What was seen of a ledger: heads of checked statements, of receipts, of checkpoints.
///
/// A log that does not pass through every one of them is not the log they were seen of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnesses {
    by_shard: BTreeMap<Shard, Vec<Witness>>,
}

impl Witnesses {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_shard.is_empty()
    }

    /// Adds a position and its hash as someone saw them, such as those of a [`Receipt`](crate::Receipt).
    pub fn add(&mut self, shard: Shard, head: Head) {
        self.insert(shard, Witness { head, root: None, statement: None });
    }

    /// Adds the heads of a statement. Check it first, with a [`StatementChain`](super::StatementChain).
    pub fn add_statement(&mut self, statement: &Statement) {
        let sequence = Some(statement.header().sequence());
        for (shard, found) in (0..).map(Shard).zip(statement.heads()) {
            self.insert(shard, Witness { head: found.head, root: Some(found.root), statement: sequence });
        }
    }

    /// Keeps witnesses in the order of positions. One that says nothing new is left out: a shard that rests would
    /// otherwise be kept once per statement.
    fn insert(&mut self, shard: Shard, witness: Witness) {
        let kept = self.by_shard.entry(shard).or_default();
        let at = kept.partition_point(|other| other.head.position <= witness.head.position);
        let same = |other: &Witness| {
            other.head == witness.head && (witness.root.is_none() || other.root == witness.root)
        };
        let says_it_too = kept[..at]
            .iter()
            .rev()
            .take_while(|other| other.head.position == witness.head.position)
            .any(same);
        if !says_it_too {
            kept.insert(at, witness);
        }
    }

    /// What was seen of a shard, by position.
    pub fn of(&self, shard: Shard) -> &[Witness] {
        self.by_shard.get(&shard).map(Vec::as_slice).unwrap_or_default()
    }

    /// The shards of which something was seen.
    pub fn shards(&self) -> impl Iterator<Item = Shard> {
        self.by_shard.keys().copied()
    }

    /// For each shard everything that was seen at the highest position.
    pub fn newest(&self) -> Vec<(Shard, Head)> {
        let mut newest = Vec::with_capacity(self.by_shard.len());
        for (shard, kept) in &self.by_shard {
            let last: Position = kept.last().map_or(Position::ZERO, |w| w.head.position);
            let at_last = kept.iter().rev().take_while(|witness| witness.head.position == last);
            newest.extend(at_last.map(|witness| (*shard, witness.head)));
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_store::CommitHash;

    fn head(position: u64, byte: u8) -> Head {
        Head { position: Position(position), hash: CommitHash([byte; 32]) }
    }

    #[test]
    fn witnesses_stand_in_order_each_once() {
        let mut witnesses = Witnesses::new();
        assert!(witnesses.is_empty());
        for (position, byte) in [(5, 5), (2, 2), (9, 9), (5, 5), (5, 6), (1, 1)] {
            witnesses.add(Shard(3), head(position, byte));
        }
        witnesses.add(Shard(1), head(4, 4));
        let of: Vec<_> =
            witnesses.of(Shard(3)).iter().map(|w| (w.head.position.0, w.head.hash.0[0])).collect();
        assert_eq!(of, [(1, 1), (2, 2), (5, 5), (5, 6), (9, 9)]);
        assert_eq!(witnesses.of(Shard(0)), []);
        assert_eq!(witnesses.newest(), [(Shard(1), head(4, 4)), (Shard(3), head(9, 9))]);
    }

    #[test]
    fn a_contradiction_is_kept() {
        let mut witnesses = Witnesses::new();
        witnesses.add(Shard(0), head(5, 5));
        witnesses.add(Shard(0), head(5, 6));
        assert_eq!(witnesses.newest().len(), 2);
        let root = Some(TreeHash([1; 32]));
        witnesses.insert(Shard(0), Witness { head: head(5, 5), root, statement: Some(1) });
        witnesses.insert(Shard(0), Witness { head: head(5, 5), root, statement: Some(2) });
        assert_eq!(witnesses.of(Shard(0)).len(), 3, "a root is news, told again it is not");
    }
}
