//! Merkle trees as RFC 9162 (Certificate Transparency) section 2.1 has them: over the commit hashes of a shard, and over the
//! heads of all shards.
//!
//! A tree is never held: a [`Frontier`] has the roots of its whole subtrees, at most 64 hashes whatever the size, and proofs
//! are computed by walking over the leaves once.

use sha2::{Digest, Sha256};

use crate::hex::hex_text;

/// The most hashes a path can have: a tree has fewer than 2^64 leaves.
pub const PATH_HASHES_MAX: usize = 64;

/// A node of a Merkle tree: its root, or a step of a path.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHash(pub [u8; 32]);

hex_text!(TreeHash, 32);

/// The hash of a leaf: `SHA-256(00 | data)`.
pub fn leaf_hash(data: &[u8]) -> TreeHash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(data);
    TreeHash(hash.finalize().into())
}

/// The hash of an inner node: `SHA-256(01 | left | right)`.
fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(bytes).into())
}

/// The right edge of a tree: the roots of its whole subtrees, largest first. Enough to append and to tell the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Frontier {
    size: u64,
    nodes: Vec<TreeHash>,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it can be what it says: as many whole subtrees as its size has bits.
    pub(crate) fn is_sound(&self) -> bool {
        usize::try_from(self.size.count_ones()) == Ok(self.nodes.len())
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The root of the tree; without leaves the hash of nothing.
    pub fn root(&self) -> TreeHash {
        let mut nodes = self.nodes.iter().rev();
        match nodes.next() {
            None => TreeHash(Sha256::digest([]).into()),
            Some(last) => nodes.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Leaves `from` to before `to`; a node of the tree.
pub(super) type Range = (u64, u64);

/// Where a tree over `from..to` is split: after the largest power of two that leaves something.
fn split((from, to): Range) -> u64 {
    let size = to - from;
    from + (1 << (u64::BITS - 1 - (size - 1).leading_zeros()))
}

/// The nodes whose hashes prove that leaf `index` is in a tree of `size` leaves, from the leaf upwards.
pub(super) fn inclusion_ranges(index: u64, size: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut node = (0, size);
    while node.1 - node.0 > 1 {
        let middle = split(node);
        let (left, right) = ((node.0, middle), (middle, node.1));
        let (inside, outside) = if index < middle { (left, right) } else { (right, left) };
        ranges.push(outside);
        node = inside;
    }
    ranges.reverse();
    ranges
}

/// The nodes whose hashes prove that the first `older` leaves of a tree of `newer` leaves are unchanged.
pub(super) fn consistency_ranges(older: u64, newer: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    if older == 0 || older >= newer {
        return ranges;
    }
    let mut node = (0, newer);
    // Whether the node's left edge is the tree's: then the older root itself is known to the verifier.
    let mut is_known = true;
    while node.1 != older {
        let middle = split(node);
        if older <= middle {
            ranges.push((middle, node.1));
            node = (node.0, middle);
        } else {
            ranges.push((node.0, middle));
            node = (middle, node.1);
            is_known = false;
        }
    }
    if !is_known {
        ranges.push(node);
    }
    ranges.reverse();
    ranges
}

/// Computes the hashes of some nodes while the leaves go by, once and in order.
#[derive(Debug)]
pub(super) struct Nodes {
    /// Sorted by where they begin, each once.
    wanted: Vec<(Range, Frontier)>,
    /// How many leaves came.
    leaves: u64,
    /// The first that has not begun.
    upcoming: usize,
    /// Those that have begun and not ended.
    open: Vec<usize>,
}

impl Nodes {
    pub(super) fn new(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        ranges.sort_unstable();
        ranges.dedup();
        let wanted = ranges.into_iter().map(|range| (range, Frontier::new())).collect();
        Self { wanted, leaves: 0, upcoming: 0, open: Vec::new() }
    }

    /// Takes the next leaf.
    pub(super) fn push(&mut self, leaf: TreeHash) {
        while self.wanted.get(self.upcoming).is_some_and(|((from, _), _)| *from == self.leaves) {
            self.open.push(self.upcoming);
            self.upcoming += 1;
        }
        self.leaves += 1;
        let (wanted, leaves) = (&mut self.wanted, self.leaves);
        self.open.retain(|at| {
            let ((_, to), frontier) = &mut wanted[*at];
            frontier.push(leaf);
            *to > leaves
        });
    }

    /// The hashes of nodes, in the order asked; `None` if one was not wanted or not all of its leaves came.
    pub(super) fn hashes(&self, ranges: &[Range]) -> Option<Vec<TreeHash>> {
        let hash = |range: &Range| {
            let at = self.wanted.binary_search_by_key(range, |(wanted, _)| *wanted).ok()?;
            let (_, frontier) = &self.wanted[at];
            (frontier.size() == range.1 - range.0).then(|| frontier.root())
        };
        ranges.iter().map(hash).collect()
    }
}

/// Whether a path proves that a leaf is the one at `index` of a tree of `size` leaves (RFC 9162, 2.1.3.2).
pub fn is_included(leaf: &TreeHash, index: u64, size: u64, path: &[TreeHash], root: &TreeHash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(step, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a path proves that a tree of `newer` leaves begins with all leaves of one of `older` (RFC 9162, 2.1.4.2).
pub fn is_consistent(
    (older, older_root): (u64, &TreeHash),
    (newer, newer_root): (u64, &TreeHash),
    path: &[TreeHash],
) -> bool {
    if older > newer {
        return false;
    }
    if older == newer {
        return path.is_empty() && older_root == newer_root;
    }
    if older == 0 {
        return path.is_empty() && *older_root == Frontier::new().root();
    }
    // A whole tree is a node of the newer one: the verifier knows its hash.
    let known = older.is_power_of_two().then_some(older_root);
    let mut steps = known.into_iter().chain(path);
    let Some(first) = steps.next() else { return false };
    let (mut at, mut last) = (older - 1, newer - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(step, &old);
            new = node_hash(step, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == *older_root && new == *newer_root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(size: u64) -> Vec<TreeHash> {
        (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// The definition of the RFC, read literally.
    fn naive(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => TreeHash(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let mut middle = 1;
                while middle * 2 < leaves.len() {
                    middle *= 2;
                }
                node_hash(&naive(&leaves[..middle]), &naive(&leaves[middle..]))
            }
        }
    }

    fn root(leaves: &[TreeHash]) -> TreeHash {
        let mut frontier = Frontier::new();
        for leaf in leaves {
            frontier.push(*leaf);
        }
        assert!(frontier.is_sound());
        frontier.root()
    }

    fn path(leaves: &[TreeHash], ranges: &[Range]) -> Vec<TreeHash> {
        let mut nodes = Nodes::new(ranges.iter().copied());
        for leaf in leaves {
            nodes.push(*leaf);
        }
        nodes.hashes(ranges).unwrap()
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        for size in 0..130 {
            let leaves = leaves(size);
            assert_eq!(root(&leaves), naive(&leaves), "{size}");
        }
    }

    /// The test vectors that implementations of RFC 6962 share: eight leaves, and the roots of the first n.
    #[test]
    fn the_known_vectors_come_out() {
        let data: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<_> = data.iter().map(|data| leaf_hash(data)).collect();
        let expected = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        for (size, hash) in expected {
            assert_eq!(root(&leaves[..size]).to_string(), hash, "{size}");
        }
    }

    #[test]
    fn every_leaf_is_proven_and_no_other() {
        for size in 1..40_u64 {
            let leaves = leaves(size);
            let root = naive(&leaves);
            for index in 0..size {
                let path = path(&leaves, &inclusion_ranges(index, size));
                assert!(path.len() <= 6);
                let leaf = &leaves[usize::try_from(index).unwrap()];
                assert!(is_included(leaf, index, size, &path, &root), "{index} of {size}");
                assert!(!is_included(&leaf_hash(b"other"), index, size, &path, &root));
                assert!(!is_included(leaf, index, size, &path, &leaf_hash(b"other")));
                for other in (0..size + 2).filter(|other| *other != index) {
                    assert!(
                        !is_included(leaf, other, size, &path, &root),
                        "{other} is not {index} of {size}"
                    );
                }
                let longer: Vec<_> = path.iter().copied().chain([root]).collect();
                assert!(!is_included(leaf, index, size, &longer, &root));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!is_included(leaf, index, size, shorter, &root));
                }
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].0[0] ^= 1;
                    assert!(!is_included(leaf, index, size, &changed, &root));
                }
            }
        }
    }

    #[test]
    fn every_growth_is_proven_and_no_change() {
        for newer in 0..40_u64 {
            let leaves = leaves(newer);
            let new_root = naive(&leaves);
            for older in 0..=newer {
                let old_root = naive(&leaves[..usize::try_from(older).unwrap()]);
                let path = path(&leaves, &consistency_ranges(older, newer));
                let proves =
                    |o: &TreeHash, n: &TreeHash, p: &[TreeHash]| is_consistent((older, o), (newer, n), p);
                assert!(proves(&old_root, &new_root, &path), "{older} to {newer}");
                let other = leaf_hash(b"other");
                assert!(!proves(&other, &new_root, &path), "{older} to {newer}");
                assert!(older == 0 || !proves(&old_root, &other, &path), "{older} to {newer}");
                let longer: Vec<_> = path.iter().copied().chain([other]).collect();
                assert!(!proves(&old_root, &new_root, &longer), "{older} to {newer}");
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].0[31] ^= 1;
                    assert!(!proves(&old_root, &new_root, &changed), "{older} to {newer}");
                    assert!(!proves(&old_root, &new_root, &path[..at]), "{older} to {newer}");
                }
            }
        }
        let root = naive(&leaves(3));
        assert!(!is_consistent((4, &root), (3, &root), &[]));
    }

    #[test]
    fn nodes_that_were_not_wanted_or_not_filled_are_not_told() {
        let mut nodes = Nodes::new([(0, 2), (2, 4), (0, 2)]);
        for leaf in leaves(3) {
            nodes.push(leaf);
        }
        assert!(nodes.hashes(&[(0, 2)]).is_some());
        assert!(nodes.hashes(&[(2, 4)]).is_none());
        assert!(nodes.hashes(&[(0, 1)]).is_none());
    }

    #[test]
    fn a_frontier_that_was_cut_is_not_sound() {
        let mut frontier = Frontier::new();
        for leaf in leaves(7) {
            frontier.push(leaf);
        }
        let text = serde_json::to_string(&frontier).unwrap();
        assert_eq!(serde_json::from_str::<Frontier>(&text).unwrap(), frontier);
        frontier.nodes.pop();
        assert!(!frontier.is_sound());
    }
}
