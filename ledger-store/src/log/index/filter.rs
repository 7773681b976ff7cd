//! Xor filters over digests: what is not in a run is known without reading it.
//!
//! A filter holds 16 bits of every digest, in two planes of 8. The low plane alone is a filter already, so
//! where memory is short the high one can stay on disk. There are no false negatives by construction; one
//! would be a bet taken twice, so the code is ours, the layout is frozen by a test and nothing a library changes
//! can make stored filters lie. The layout is `docs/index-format.md`.

/// Seeds that are tried before a set of digests gets no filter, which is slower and never wrong.
const SEEDS_MAX: u32 = 64;
/// The most digests of one filter.
pub(super) const FILTER_DIGESTS_MAX: usize = 1 << 18;

/// How a filter's slots are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) seed: u32,
    /// A third of the number of slots.
    pub(super) third: u32,
}

/// A filter as it was built.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) shape: Shape,
    /// The low eight bits of each slot.
    pub(super) low: Vec<u8>,
    /// The high eight bits of each slot.
    pub(super) high: Vec<u8>,
}

/// What a digest looks like to one filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    slots: [usize; 3],
    print: u16,
}

/// The part of a digest that filters know: its first eight bytes, in the order digests are sorted in.
pub(super) fn word(digest: &[u8; 16]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// The finaliser of `MurmurHash3` over the word and the seed.
fn mix(word: u64, seed: u32) -> u64 {
    let mut h = word ^ u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    h ^= h >> 33;
    h = h.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    h ^= h >> 33;
    h = h.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    h ^ (h >> 33)
}

/// A digest made ready for many filters. Nearly all of them have seed 0, for which it is hashed once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashed {
    word: u64,
    with_seed_0: u64,
}

impl Hashed {
    pub(super) fn of(digest: &[u8; 16]) -> Self {
        let word = word(digest);
        Self { word, with_seed_0: mix(word, 0) }
    }
}

impl Shape {
    /// How many bytes a plane has.
    pub(super) fn plane_bytes(self) -> usize {
        3 * self.third as usize
    }

    /// Where to look for a digest.
    pub(super) fn probe(self, digest: &Hashed) -> Probe {
        self.of_hash(if self.seed == 0 { digest.with_seed_0 } else { mix(digest.word, self.seed) })
    }

    fn of_hash(self, hash: u64) -> Probe {
        let third = u64::from(self.third);
        let slot = |rotation: u32| (((hash.rotate_left(rotation) & 0xFFFF_FFFF) * third) >> 32) as usize;
        let first = self.third as usize;
        Probe {
            slots: [slot(0), first + slot(21), 2 * first + slot(42)],
            print: ((hash ^ (hash >> 32)) & 0xFFFF) as u16,
        }
    }
}

impl Probe {
    /// Whether the low plane may hold the digest. A plane that is too short holds anything.
    pub(super) fn in_low(&self, plane: &[u8]) -> bool {
        self.is_in(plane, (self.print & 0xFF) as u8)
    }

    /// Whether the high plane may hold the digest.
    pub(super) fn in_high(&self, plane: &[u8]) -> bool {
        self.is_in(plane, (self.print >> 8) as u8)
    }

    fn is_in(&self, plane: &[u8], print: u8) -> bool {
        let [a, b, c] = self.slots;
        match (plane.get(a), plane.get(b), plane.get(c)) {
            (Some(a), Some(b), Some(c)) => a ^ b ^ c == print,
            _ => true,
        }
    }
}

impl Filter {
    /// Builds a filter over words in ascending order. `None` if there are too many, or no seed will do.
    pub(super) fn build(words: &[u64]) -> Option<Self> {
        debug_assert!(words.is_sorted());
        let mut distinct = words.to_vec();
        distinct.dedup();
        if distinct.len() > FILTER_DIGESTS_MAX {
            return None;
        }
        let third = u32::try_from((32 + distinct.len() * 123 / 100).div_ceil(3)).ok()?;
        (0..SEEDS_MAX).find_map(|seed| Self::peel(&distinct, Shape { seed, third }))
    }

    fn peel(words: &[u64], shape: Shape) -> Option<Self> {
        let slots = shape.plane_bytes();
        // Of each slot the exclusive or of the hashes that fall into it, and how many they are.
        let mut table = vec![(0_u64, 0_u32); slots];
        for word in words {
            let hash = mix(*word, shape.seed);
            for slot in shape.of_hash(hash).slots {
                table[slot].0 ^= hash;
                table[slot].1 += 1;
            }
        }
        let mut single: Vec<usize> = (0..slots).filter(|slot| table[*slot].1 == 1).collect();
        let mut order = Vec::with_capacity(words.len());
        while let Some(own) = single.pop() {
            if table[own].1 != 1 {
                continue;
            }
            let hash = table[own].0;
            order.push((hash, own));
            for slot in shape.of_hash(hash).slots {
                table[slot].0 ^= hash;
                table[slot].1 -= 1;
                if table[slot].1 == 1 {
                    single.push(slot);
                }
            }
        }
        if order.len() != words.len() {
            return None;
        }
        let mut prints = vec![0_u16; slots];
        for (hash, own) in order.into_iter().rev() {
            let probe = shape.of_hash(hash);
            let [a, b, c] = probe.slots;
            // The own slot is still zero here, so it takes what the other two leave open.
            prints[own] = probe.print ^ prints[a] ^ prints[b] ^ prints[c];
        }
        let low = prints.iter().map(|print| (print & 0xFF) as u8).collect();
        let high = prints.iter().map(|print| (print >> 8) as u8).collect();
        Some(Self { shape, low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: u64, salt: u32) -> Vec<u64> {
        let mut words: Vec<_> = (1..=count).map(|n| mix(n, salt)).collect();
        words.sort_unstable();
        words
    }

    fn holds(filter: &Filter, word: u64) -> (bool, bool) {
        let probe = filter.shape.probe(&Hashed { word, with_seed_0: mix(word, 0) });
        (probe.in_low(&filter.low), probe.in_high(&filter.high))
    }

    #[test]
    fn nothing_that_was_put_in_is_ever_denied() {
        for count in (0..200).chain([1_000, 4_096, 65_536, 200_000]) {
            let words = words(count, 7);
            let filter = Filter::build(&words).unwrap();
            assert!(words.iter().all(|word| holds(&filter, *word) == (true, true)), "{count}");
        }
        // Close together, as when somebody grinds his ids, and the same word twice.
        let mut close: Vec<u64> = (0..50_000).map(|n| (1 << 63) | n).collect();
        close.extend([(1 << 63) | 7, (1 << 63) | 9]);
        close.sort_unstable();
        let filter = Filter::build(&close).unwrap();
        assert!(close.iter().all(|word| holds(&filter, *word) == (true, true)));
    }

    #[test]
    fn nearly_everything_else_is_denied() {
        let filter = Filter::build(&words(65_536, 7)).unwrap();
        let others = words(1_000_000, 8);
        let low = others.iter().filter(|word| holds(&filter, **word).0).count();
        let both = others.iter().filter(|word| holds(&filter, **word) == (true, true)).count();
        assert!((3_500..4_400).contains(&low), "{low} of a million pass the low plane, 1 in 256 should");
        assert!(both < 60, "{both} of a million pass both planes, 1 in 65,536 should");
        let bytes = filter.low.len() + filter.high.len();
        assert!(bytes * 100 < 65_536 * 247, "{bytes} bytes");
    }

    #[test]
    fn too_many_get_no_filter() {
        let count = FILTER_DIGESTS_MAX as u64;
        assert!(Filter::build(&words(count, 1)).is_some());
        assert!(Filter::build(&words(count + 1, 1)).is_none());
    }

    /// Stored filters must be read by every later version as they were written: if this fails, the format
    /// needs a new number. The numbers were computed by an independent script.
    #[test]
    fn the_layout_is_frozen() {
        for (seed, third, slots, print) in
            [(0, 421, [225, 679, 920], 55_060), (3, 13_434, [8_983, 25_794, 28_868], 26_646)]
        {
            let probe = Shape { seed, third }.probe(&Hashed::of(b"\x01\x23\x45\x67\x89\xAB\xCD\xEFignored."));
            assert_eq!((probe.slots, probe.print), (slots, print));
            let mut plane = vec![0; 3 * third as usize];
            plane[slots[1]] = 0x55;
            plane[slots[2]] = (print & 0xFF) as u8 ^ 0x55;
            assert!(probe.in_low(&plane));
            plane[slots[0]] = 1;
            assert!(!probe.in_low(&plane));
        }
    }
}
