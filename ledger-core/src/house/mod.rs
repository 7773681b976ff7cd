//! The house: what is decided for the operator and not for one player. Each purpose has a partition of its own, of the
//! same shape as a player: commands, keys, a state, events, one commit per decision (docs/house.md).
//!
//! | partition | what is decided there |
//! |---|---|
//! | `currencies` | the scale and maximum of a currency, at its first use |
//! | `configuration` | published documents, and from when on newer shapes are written |
//! | `psp/<payment provider>` | settlements, rolling reserve, chargebacks no player bears, money of nobody known |
//! | `provider/<game provider>` | fees, and the settlement of what the two owe each other |
//! | `authority/<jurisdiction>` | gaming duty, and the tax withheld from players |
//! | `jackpot/<jackpot>` | the pool of a jackpot: its parameters, its size, who wins it |
//! | `tournament/<tournament>` | a tournament: its terms, who takes part, places and prizes |
//! | `treasury` | bank accounts, exchange, what came back of bad debts |
//! | `journal` | entries by hand |
//!
//! `test/` before a name (but the first two) is the same for test money.
//!
//! A partition of the house posts entries on a statement of its own. It can never touch an account of a player: its
//! entries have one door, [`Entry::of_house`](crate::Entry::of_house), which refuses that, and the fold refuses it too.
//! House accounts have no balance that a decision could look at, but those that one partition alone posts to.

mod activation;
mod authority;
mod command;
mod currencies;
mod decide;
mod document;
mod incoming;
mod item;
mod jackpot;
mod journal;
mod name;
mod operation;
mod pool;
mod postings;
mod provider;
mod psp;
mod settlement;
mod state;
mod suspense;
mod tournament;
mod treasury;
mod workspace;

pub use activation::ActivateShapes;
pub use authority::{AccrueDuty, SettleAuthority};
pub use command::HouseCommand;
pub use currencies::{RegisterCurrency, register_partition};
pub use decide::HouseLedger;
pub use document::{
    CONFIGURATION_BYTES_MAX, Configuration, DOCUMENT_BYTES_MAX, DOCUMENTS_MAX, DocumentChange, DocumentCheck,
    DocumentContent, DocumentContentError, DocumentDraft, DocumentVersion, POLICY_DOCUMENT, POLICY_KIND,
    PublishDocument, PublishedDocument, VERSIONS_MAX, configuration_partition, diff_documents, policy_of,
};
pub use item::{HouseAggregate, HouseAggregateRef};
pub use jackpot::SeedJackpot;
pub use journal::{
    DecideJournal, JOURNAL_POSTINGS_MAX, JOURNALS_MAX, JournalPosting, JournalProposal, JournalStatus,
    ProposeJournal,
};
pub use name::{HouseName, HousePurpose};
pub use pool::{
    AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, JACKPOT_GAMES_MAX, JACKPOT_SWEEP_PARTS_MAX,
    JackpotAward, JackpotPool, JackpotStep, JackpotSums, JackpotTally, OPEN_JACKPOT_AWARDS_MAX,
    SWEEP_ORIGINS_MAX, SettleJackpotAward, SweepJackpot, SweepPart, jackpot_steps,
};
pub use provider::{AccrueProviderFees, SettleProvider};
pub use psp::{RecordChargebackLoss, SettlePsp};
pub use settlement::{ConvertedNet, SettlementLine};
pub use state::{HOUSE_FOLD_VERSION, HouseState, KeptBalance};
pub use suspense::{
    AssignSuspense, Assignment, CancelAssignment, ConfirmAssignment, ReturnSuspense, SUSPENSE_ITEMS_MAX,
    SuspendCapture, SuspenseItem, SuspenseStatus,
};
pub use tournament::{
    CancelTournament, CloseTournament, ConfigureTournament, EndTournament, Entrant, EntrantScore,
    EntryToReturn, OpenPrize, OpenTournament, RankTournament, Ranking, ReleaseTournamentEntry,
    ScoreTournament, SettleTournamentPrize, TALLY_BEST_MAX, TALLY_RESULTS_MAX, TALLY_ROUNDS_MAX,
    TOURNAMENT_ENTRIES_MAX, TOURNAMENT_GAMES_MAX, TOURNAMENT_PLACES_MAX, TOURNAMENT_RANKS_PER_PAGE,
    TOURNAMENT_RETURNS_MAX, TakeTournamentEntry, Tournament, TournamentStatus, TournamentStep,
    TournamentTally, tournament_steps,
};
pub use treasury::{BookFxResult, ExchangeFunds, RecoverBadDebt, TransferFunds};
pub(crate) use workspace::HouseWorkspace;
