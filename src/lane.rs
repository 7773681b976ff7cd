//! Lanes: what waits for the writer, by urgency.

/// The lanes of the queue: a full one does not hinder the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Bets, wins, rollbacks, rounds: what a player waits for.
    Play,
    /// Openings, deposits and other business of the cashier.
    Cashier,
    /// Mass operations.
    Bulk,
}

impl Lane {
    /// All lanes, in order of urgency.
    pub const ALL: [Self; 3] = [Self::Play, Self::Cashier, Self::Bulk];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Play => 0,
            Self::Cashier => 1,
            Self::Bulk => 2,
        }
    }

    /// The lane's name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::Cashier => "cashier",
            Self::Bulk => "bulk",
        }
    }
}
