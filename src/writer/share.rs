//! What the bulk lane may have of a batch.
//!
//! A batch is what a bet waits for. Commands of the bulk lane cost several times a bet (they start bonuses, and their
//! players have mostly to be loaded first), so a batch in which they take whatever room is left makes everybody else wait for
//! them. They get a part of what the others take instead, and more and more while nobody else is there.

/// The bulk commands that a batch may always hold, so that their lane moves whatever the others do.
const LEAST: usize = 4;
/// Beside the others, there is one bulk command for so many of theirs.
const ONE_FOR: usize = 8;
/// How often the share doubles while nobody else is there; past that there is room for any batch.
const DOUBLINGS_MAX: u32 = 20;

/// Counts what was taken in for the batch that is being built.
#[derive(Debug, Default)]
pub(super) struct BulkShare {
    bulk: usize,
    others: usize,
    /// What the others had in the batch before.
    others_before: usize,
    /// The batches in a row without others.
    alone: u32,
}

impl BulkShare {
    /// How many more bulk commands may be taken in.
    pub(super) fn room(&self) -> usize {
        // What the others had before is what comes again: they send the next when this batch is answered.
        let beside = self.others.max(self.others_before) / ONE_FOR;
        let share = beside.max(LEAST) << self.alone.min(DOUBLINGS_MAX);
        share.saturating_sub(self.bulk)
    }

    /// Notes what was taken in.
    pub(super) fn note(&mut self, bulk: usize, others: usize) {
        self.bulk += bulk;
        self.others += others;
        if others > 0 {
            self.alone = 0;
        }
    }

    /// Begins the next batch.
    pub(super) fn next(&mut self) {
        let alone = if self.others == 0 { self.alone.saturating_add(1) } else { 0 };
        *self = Self { bulk: 0, others: 0, others_before: self.others, alone };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rooms of batches in a row, each with so many others, of which bulk takes all.
    fn rooms(others: &[usize]) -> Vec<usize> {
        let mut share = BulkShare::default();
        let room = |others: &usize| {
            share.note(0, *others);
            let room = share.room();
            share.note(room, 0);
            assert_eq!(share.room(), 0, "what was taken is taken");
            share.next();
            room
        };
        others.iter().map(room).collect()
    }

    #[test]
    fn bulk_has_an_eighth_beside_others_and_everything_alone() {
        assert_eq!(rooms(&[64, 64, 80]), [8, 8, 10]);
        assert_eq!(rooms(&[64, 8, 8]), [8, 8, LEAST], "the batch before counts");
        assert_eq!(rooms(&[1, 1, 1]), [LEAST; 3], "it moves whatever the others do");
        assert_eq!(rooms(&[64, 0, 0, 0, 0]), [8, 8, 8, 16, 32]);
        assert_eq!(rooms(&[0, 0, 0, 8, 0]), [4, 8, 16, 4, 4], "whoever comes is before it at once");
        let alone = rooms(&[0; 40]);
        assert!(alone[20..].iter().all(|room| *room > 1 << 20), "no batch is larger: {alone:?}");
    }
}
