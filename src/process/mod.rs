//! Long processes: what takes more than one commit, or must happen later, is carried on by the ledger itself and survives
//! any crash.
//!
//! A [`ProcessManager`] is two pure functions: a fold from what happened to the state of processes, and what a process in
//! a state wants done: commands, calls to the outside ([`Effects`]), timers. A [`ProcessRunner`] follows the log, keeps the
//! states, and does what is wanted for as long as it is wanted. Every command has a key that is made of the process
//! and the step, so it has its effect once, however often it is sent. What the runner keeps in a [`ProcessStore`] is a
//! saving of time: without it the log is folded again, and nothing is done twice.
//!
//! `docs/processes.md` has the whole story, the guarantees, and how to write a manager; `examples/own_process.rs` is one.
//!
//! - [`Expiries`] ends rounds, deposits, withdrawals and bonuses when their time is over; [`Dormancy`] makes money of
//!   players dormant who have not been seen.
//! - [`Payouts`] sends approved withdrawals and finds out what became of them; [`Cascade`] tries deposits at one payment
//!   provider after the other.
//! - [`Exclusions`] carries an exclusion to all players of a person; [`MassOperations`] does what two persons ordered for many
//!   players: cashback, rounds of a game called off, refunds, the close of a period.
//! - [`Jackpots`] tells pools what stakes gave to them, and awards and pays them; [`Tournaments`] runs tournaments, from the entry
//!   to the prize.
//! - [`Transfers`] carries money from one player's pot to another's, where the jurisdiction allows it.
//! - [`Signals`] raises alerts for what looks suspicious.
//!
//! [`MassProgress`] is a view: how far mass operations are, from the log alone.

mod id;
mod machine;
mod manager;
mod managers;
mod runner;
mod store;

pub use id::{
    MANAGER_NAME_BYTES_MAX, ManagerName, PROCESS_ID_BYTES_MAX, ProcessId, ProcessNameError, STEP_BYTES_MAX,
    step,
};
pub use machine::{Decision, StuckStep};
pub use manager::{
    Call, EffectError, Effects, Input, NoEffects, ProcessManager, StepKey, Turn, WANTS_MAX, Want, Wants,
};
pub use managers::{
    AttemptOf, AttemptState, AwardOfJackpot, BetGrowth, BookedForJackpot, Cascade, CascadeCall,
    CascadeSettings, ChargeAnswer, ChooseProvider, ChooseProviders, Chooser, ClaimOfJackpot, Coverage,
    CupOfTournament, CupSays, Dormancy, EntryOfTournament, Excluded, Exclusions, Expiries, Expiring,
    ExpiringWhat, Found, Idle, Jackpots, MASS_KIND, MASS_PAGE_MAX, ManyVoids, MassCall, MassItem,
    MassOperation, MassOperations, MassOrder, MassOrderCheck, MassPage, MassProgress, MassProgressRow,
    MassRun, Membership, MinimumBets, OfJackpot, OfTournament, OppositeBets, PLAYING_MAX, Payout,
    PayoutAnswer, PayoutCall, PayoutPhase, PayoutSettings, Payouts, PersonState, PlayerTransfer,
    PlayingTournament, PointsOfPlayer, PrizeOfTournament, SIGNAL_WINDOW_MAX, ScoreToTell, SignalRules,
    Signals, Started, SweepOfJackpot, TRANSFER_NAMESPACE, Tournaments, TransferNameError, TransferOrder,
    TransferOrderError, TransferPhase, Transfers, Watched, WatchedAward, WatchedRound, open_rounds_of,
};
pub use runner::{OrderError, ProcessRunner, ProcessSettings, ProcessStatus, ProcessStop, Processes};
pub use store::{
    FileProcesses, MemoryProcesses, ProcessStore, ProcessStoreError, SAVED_BYTES_MAX, Saved, SavedAs,
    SavedChanges,
};

/// A pause that doubles with every try, up to a most.
fn doubled(first: std::time::Duration, tries: u32, most: std::time::Duration) -> std::time::Duration {
    first.saturating_mul(1 << tries.min(20)).min(most)
}
