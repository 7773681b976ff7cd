//! How bad the days of a seed are: how often each kind of failure comes. Drawn, so that some seeds have one kind only, some
//! have all of them, and some none.

use crate::scheduler::Sim;

/// Rates, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// A call takes milliseconds.
    pub(crate) slow: u64,
    /// A call takes longer than the engine waits.
    pub(crate) hang: u64,
    /// An append fails before it does anything, and says so.
    pub(crate) refused: u64,
    /// An append gets lost; whether it will arrive is unknown.
    pub(crate) lost: u64,
    /// An append lands, and its answer gets lost.
    pub(crate) unanswered: u64,
    /// What got lost, and what a process that dies had under way, arrives later.
    pub(crate) late: u64,
    /// An append arrives a second time, later.
    pub(crate) twice: u64,
    /// An append fails for good: the store takes no more until it is opened again.
    pub(crate) stopped: u64,
    /// A question fails before it is asked.
    pub(crate) unasked: u64,
    /// A question is asked, and its answer gets lost.
    pub(crate) unheard: u64,
    /// A read, a lookup or a snapshot is older than what others have written since.
    pub(crate) stale: u64,
    /// A snapshot is not kept, or not found.
    pub(crate) forgotten: u64,
    /// After how many milliseconds a process dies, on average; 0 if none does.
    pub(crate) death: u64,
    /// A process is closed in good order instead.
    pub(crate) close: u64,
}

impl Weather {
    /// Draws the days of a seed.
    pub(crate) fn draw(sim: &Sim) -> Self {
        // One seed in sixteen has no failure at all: the order of things alone must not matter.
        if sim.chance(62) {
            return Self::default();
        }
        let rate = |rates: &[u64]| rates[usize::try_from(sim.below(rates.len() as u64)).expect("few")];
        Self {
            slow: rate(&[0, 20, 100, 300]),
            hang: rate(&[0, 0, 3, 10, 30]),
            refused: rate(&[0, 0, 0, 20, 100]),
            lost: rate(&[0, 20, 80, 160]),
            unanswered: rate(&[0, 20, 80, 160]),
            late: rate(&[0, 300, 700, 1_000]),
            twice: rate(&[0, 50, 200]),
            stopped: rate(&[0, 0, 0, 5, 20]),
            unasked: rate(&[0, 0, 0, 10, 60]),
            unheard: rate(&[0, 0, 0, 10, 60]),
            stale: rate(&[0, 200, 700]),
            forgotten: rate(&[0, 100, 500]),
            death: rate(&[0, 0, 20, 50, 150]),
            close: rate(&[0, 200, 600]),
        }
    }
}
