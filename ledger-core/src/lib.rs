//! The pure domain of casino-ledger: money, accounts, entries, commands, decisions and stored shapes.
//!
//! It decides and folds, and does nothing else: no input or output, no clock, no randomness, no async.
//! Whatever a decision needs comes in as an argument, so equal arguments give equal decisions.
//!
//! ```
//! use ledger_core::{
//!     CurrencyRegistry, Decision, Facts, Found, PlayerCommand, PlayerId, PlayerLedger, PlayerState, Policy, Timestamp,
//! };
//!
//! let mut state = PlayerState::new(PlayerId::new("p1")?);
//! let (currencies, policy) = (CurrencyRegistry::standard(), Policy::default());
//! for command in [
//!     r#"{"command":"open_player","operator":"acme","brand":"lucky","jurisdiction":"MT","zone":"Europe/Malta","kind":"real","currencies":["EUR"]}"#,
//!     r#"{"command":"record_deposit","source":"psp","id":"d1","amount":"100.00","currency":"EUR"}"#,
//!     r#"{"command":"place_bet","source":"prov","id":"t1","round":"r1","game":"crash","amount":"10.00","currency":"EUR"}"#,
//! ] {
//!     let command: PlayerCommand = serde_json::from_str(command)?;
//!     let facts = Facts::new(Found::NOTHING, &currencies, &policy);
//!     let decision = PlayerLedger::decide(&state, &command, &facts, Timestamp::EPOCH)?;
//!     let Decision::Commit(draft) = decision else { panic!("refused") };
//!     state.evolve_all(&draft.events, Timestamp::EPOCH)?;
//! }
//! let balance = &state.balances()[0];
//! assert_eq!((balance.cash.to_string(), balance.held.to_string()), ("90.00".into(), "10.00".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A tour
//!
//! - **Money.** An [`Amount`] is a whole number of units of 10^-scale; a [`Currency`] has a scale and a
//!   maximum, a [`CurrencyRegistry`] is what a ledger may hold. Amounts are checked and never rounded, but where
//!   the caller says how: shares ([`mul_div`], [`Amount::share`], [`Amount::split`]), a [`fee`], a [`Conversion`]
//!   at an [`FxRate`].
//! - **Odds.** [`gross_return`], [`parlay_odds`] and [`free_bet_return`] turn results at [`Odds`] into amounts, for
//!   adapters of sportsbooks.
//! - **Accounts.** [`AccountCode`] is the chart: each account has one [`AccountClass`] and one [`Book`]. A
//!   [`Posting`] is one leg of an [`Entry`], and [`Entry::new`] is the only way to one: it proves that
//!   debits equal credits per currency and book, and that cash and bonus do not mix.
//! - **Names.** Ids ([`PlayerId`], [`SourceId`], [`RoundId`] ...) are opaque texts. A [`Partition`] is what
//!   one commit decides about, a [`Stream`] the events of one aggregate in it. An [`IdempotencyKey`] is
//!   unique for ever in its partition; a [`Fingerprint`] tells whether two commands under it are the same.
//! - **Commands.** [`PlayerCommand`] is one of [`OpenPlayer`], [`RecordDeposit`], [`PlaceBet`], [`Settle`],
//!   [`CloseRound`], [`Void`], [`Rollback`], [`GrantCredit`], one beside play, such as [`StartSession`], [`Tip`] and
//!   [`RollOut`], or one of the back office's, such as [`ProposeCorrection`] and [`ClosePlayer`]. They carry decimals as
//!   their sender wrote them. Money out is [`RequestWithdrawal`] and what follows it; a [`WithdrawalQuote`] tells before
//!   what it will cost.
//! - **Decisions.** [`FactsNeeded`] says what to look for in the log, [`Facts`] is what was found,
//!   [`PlayerLedger::decide`] gives a [`Decision`]: a [`Draft`] to commit, a replay, or a [`Rejection`]
//!   that is not recorded. A [`Policy`] says how a source behaves. A contradiction is a [`Fault`], never an
//!   answer.
//! - **State.** [`PlayerState`] folds commits: a [`Profile`], a [`Wallet`] of [`Purse`]s and [`Lot`]s, the open rounds,
//!   sessions, transfers and [`Withdrawal`]s. What is over is not in it.
//! - **The house.** [`HouseCommand`] is a command to one partition of the house, [`HouseLedger::decide`] and
//!   [`HouseState`] are what [`PlayerLedger`] and [`PlayerState`] are for a player. A [`HouseName`] says what a
//!   partition is for: the register of currencies, the published documents ([`Configuration`]), payment and game
//!   providers, authorities, jackpots, tournaments, the treasury, the journal. No entry of the house touches a player's account.
//! - **Stored shapes.** [`stored`] has everything that stands in the log; `docs/storage-format.md` freezes
//!   it.
//!
//! # What it is not
//!
//! It keeps nothing and finds nothing: keys that were used, tombstones and rounds that are over are facts
//! that the caller fetches. The crate `casino-ledger` does that, with durability, threads and limits. Use
//! this crate by itself to read a log, to check a rule, or to simulate.
//!
//! # Features
//!
//! **`schema`**: JSON Schemas of the stored shapes, by event type and version (`stored::event_schemas`).
//!
//! **`testing`**: a naive engine, a language of given, when, then, generators, a model, and checkers of
//! invariants, for tests of hosts and of this workspace.
//!
//! **`spike-cbor`**: encodes commit bodies as CBOR, so that benches can compare. A log written with it is
//! read by no other build; never use it elsewhere.

#![deny(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

mod account;
mod adjustment;
mod bonus;
mod controls;
mod credit;
mod deposit;
mod entry;
mod exchange;
mod host;
mod house;
mod ids;
mod jackpot;
mod key;
mod loyalty;
mod money;
mod partition;
mod player;
mod player_ledger;
mod policy;
mod purchase;
mod rejection;
mod round;
mod session;
mod sportsbook;
pub mod stored;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod time;
mod tournament;
mod transfer;
mod wallet;
mod withdrawal;

pub use account::{Account, AccountClass, AccountCode, AccountKind, AccountNameError, Book, Side};
pub use adjustment::{
    Adjustment, AdjustmentKind, AdjustmentRef, ChargeInactivityFee, Correction, CorrectionStatus,
    DecideCorrection, PROPOSALS_MAX, ProposeCorrection, PurseExchange, ReclaimDormant, ReturnTax,
    TaxWithholding, TransferDormant, WithholdTax,
};
pub use bonus::{
    AWARDS_MAX, Award, AwardStatus, CASHBACK_LINES_MAX, ClaimBonus, CompleteMission, ExpireBonus,
    ForfeitBonus, GrantBonus, Offer, OfferBonus, Played, PlayedProduct,
};
pub use controls::{
    AssignCase, AssignLimitProfile, Bucket, CloseAlert, CloseCase, ConfirmLimit, ConfirmPlayTimeLimit,
    ConfirmSessionLimit, Controls, Counter, ExcludePlayer, Exclusion, KnownRegister, LIMITS_MAX, LimitLeft,
    LivePlay, OPEN_ALERTS_MAX, OPEN_CASES_MAX, OpenAlert, OpenCase, OpenCaseFor, PlayTime, PlayTimeLeft,
    PlayTimeLimit, PlayTimeWindow, PlayerLimit, Protection, REGISTERS_MAX, Raise, RaiseAlert,
    RecordRegisterAnswers, RegisterAnswer, RegisterSays, ReturnFromExclusion, STRETCHES_MAX, SaidByRegister,
    SessionLimit, SessionRaise, SetLimit, SetPerson, SetPlayTimeLimit, SetSessionLimit, SetTier, Stretch,
};
pub use credit::{GrantCredit, ReportFreeRounds};
pub use deposit::{
    ATTEMPTS_MAX, Attempt, AttemptDeposit, CHARGEBACKS_MAX, CancelDeposit, Chargeback, ChargedBack, Deposit,
    DepositStatus, ExpireDeposit, FailDeposit, HouseItem, InitiateDeposit, Intent, IntentStatus,
    OPEN_INTENTS_MAX, RecordDeposit, RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback,
    WriteOffDebt,
};
pub use entry::{Entry, EntryError, POSTINGS_MAX, Posting};
pub use exchange::{Exchange, ReverseExchange};
pub use host::{
    HOST_NAMESPACES_MAX, HostAccount, HostAccountClass, HostData, HostDataError, HostMovement, HostOperation,
    PreCheck, Refused,
};
pub use house::{
    AccrueDuty, AccrueProviderFees, ActivateShapes, AssignSuspense, Assignment, BookFxResult,
    CONFIGURATION_BYTES_MAX, CancelAssignment, Configuration, ConfirmAssignment, ConvertedNet,
    DOCUMENT_BYTES_MAX, DOCUMENTS_MAX, DecideJournal, DocumentChange, DocumentCheck, DocumentContent,
    DocumentContentError, DocumentDraft, DocumentVersion, ExchangeFunds, HOUSE_FOLD_VERSION, HouseAggregate,
    HouseAggregateRef, HouseCommand, HouseLedger, HouseName, HousePurpose, HouseState, JOURNAL_POSTINGS_MAX,
    JOURNALS_MAX, JournalPosting, JournalProposal, JournalStatus, KeptBalance, POLICY_DOCUMENT, POLICY_KIND,
    ProposeJournal, PublishDocument, PublishedDocument, RecordChargebackLoss, RecoverBadDebt,
    RegisterCurrency, ReturnSuspense, SUSPENSE_ITEMS_MAX, SeedJackpot, SettleAuthority, SettleProvider,
    SettlePsp, SettlementLine, SuspendCapture, SuspenseItem, SuspenseStatus, TransferFunds, VERSIONS_MAX,
    configuration_partition, diff_documents, policy_of, register_partition,
};
pub use house::{
    AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, JACKPOT_GAMES_MAX, JACKPOT_SWEEP_PARTS_MAX,
    JackpotAward, JackpotPool, JackpotStep, JackpotSums, JackpotTally, OPEN_JACKPOT_AWARDS_MAX,
    SWEEP_ORIGINS_MAX, SettleJackpotAward, SweepJackpot, SweepPart, jackpot_steps,
};
pub use house::{
    CancelTournament, CloseTournament, ConfigureTournament, EndTournament, Entrant, EntrantScore,
    EntryToReturn, OpenPrize, OpenTournament, RankTournament, Ranking, ReleaseTournamentEntry,
    ScoreTournament, SettleTournamentPrize, TALLY_BEST_MAX, TALLY_RESULTS_MAX, TALLY_ROUNDS_MAX,
    TOURNAMENT_ENTRIES_MAX, TOURNAMENT_GAMES_MAX, TOURNAMENT_PLACES_MAX, TOURNAMENT_RANKS_PER_PAGE,
    TOURNAMENT_RETURNS_MAX, TakeTournamentEntry, Tournament, TournamentStatus, TournamentStep,
    TournamentTally, tournament_steps,
};
pub use ids::{
    ActorId, Authorisation, BrandId, DeviceId, DocumentKind, DocumentName, GameId, GameType,
    HOUSE_ID_BYTES_MAX, HostName, HostNamespace, HouseId, ID_BYTES_MAX, IdError, InstrumentId, JackpotId,
    JurisdictionId, MethodId, OperatorId, PersonId, PlayerId, ProfileName, ProgrammeName, REASON_BYTES_MAX,
    RateId, Reason, RegisterName, RoundId, SUB_ACCOUNT_BYTES_MAX, SignalName, SourceId, SubAccount,
    TermsName, TierName, TournamentId, TraceId, TransactionId, WriterId,
};
pub use jackpot::{ClaimJackpot, JACKPOT_CLAIMS_MAX, JackpotClaim, PayJackpot, WithdrawJackpotClaim};
pub use key::{
    ContentHash, DigestTextError, FINGERPRINT_VERSION, Fingerprint, FingerprintBuilder, IdempotencyKey,
    OperationKind, tombstone_digest,
};
pub use loyalty::{
    AdjustPoints, EarnPoints, ExpirePoints, POINTS_MAX, PROGRAMMES_MAX, Points, Rewards, SpendPoints,
};
pub use money::{
    Amount, AmountError, BASIS_POINTS_MAX, BasisPoints, BasisPointsError, Conversion, Currency, CurrencyCode,
    CurrencyCodeError, CurrencyError, CurrencyRegistry, FINE_DIGITS, FxError, FxRate, RATE_DIGITS_MAX,
    Remainder, Rounding, SCALE_MAX, SHARES_MAX, UNITS_BOUND, fee, mul_div, split_units,
};
pub use partition::{KeyDigest, NameError, Partition, PartitionDigest, Stream, StreamDigest};
pub use player::{AddPurse, Block, BlockPlayer, ClosePlayer, OpenPlayer, ReopenPlayer, UnblockPlayer};
pub use player_ledger::{
    AggregateRef, Batch, BatchError, Context, Decision, Draft, DraftOperation, FAILED_DEPOSITS_MAX,
    FOLD_VERSION, Facts, FactsNeeded, Fault, Found, HostKept, KnownBatch, KnownOperation, KnownOperations,
    OPEN_ROUNDS_MAX, PlayerCommand, PlayerLedger, PlayerState, Profile, RoundRef, Standing, Subject,
    operations_of,
};
pub use policy::{
    AboveMaxBet, AfterChargeback, ApprovalStep, BonusRestrictions, BonusTerms, CapturePolicy, CashbackOf,
    CategoryStakes, ControlPolicy, CountedFunds, DEFAULT_PROFILE, DepositPolicy, DestinationPolicy,
    FailureRule, FreeRoundPayment, FundOrder, FxPolicy, GameRule, GameTable, JurisdictionDocument,
    JurisdictionProfile, KeyScope, KycRequirement, LatePayoutPolicy, Leaving, LimitProfile, LimitRule,
    LoyaltyTerms, MISSION_CONDITIONS_MAX, MaxBet, MaxConversion, MissionCondition, OnLeaving, OnWithdrawal,
    PlayTimeRule, PointWorth, Policy, Principal, Reaction, RegisterRule, RegisterUse, ReverseWithdrawal,
    Reward, RiskRule, RoundClosePolicy, RoundTimeOut, SessionPolicy, ShortfallPolicy, SourcePolicy,
    SourceSwitch, StakeRange, TierBar, TierRule, TimeOutAction, UnplayedMoney, WageringBase, WageringCount,
    WageringTerms, WeekStart, Weights, WhenUnreachable, WithdrawalFee, WithdrawalGate, WithdrawalPolicy,
    WithdrawalTerms,
};
pub use purchase::{EnterTournament, Purchase, PurchaseKind, PurchaseRef, Tip};
pub use rejection::{
    BonusRule, Capacity, Limit, MismatchField, NotAllowedReason, RegisterExclusion, RegisterGap, Rejection,
};
pub use round::{
    AdjustRound, BETS_MAX, CallFlags, CashOut, CloseRound, ExpireRound, Finality, FreeStake, Funds,
    GAMES_MAX, Inform, JACKPOTS_MAX, JACKPOTS_OF_BET_MAX, JackpotShare, PlaceBet, ReopenRound, Resettle,
    Rollback, RollbackKind, Settle, Unsettle, Void, VoidSettled, VoidTarget, WINS_MAX,
};
pub use session::{AcknowledgeRealityCheck, EndSession, SESSIONS_MAX, Session, StartSession};
pub use sportsbook::{
    LEGS_MAX, Leg, ODDS_DIGITS_MAX, ODDS_MAX, ODDS_SCALE_MAX, Odds, OddsError, SettledStatus,
    free_bet_return, gross_return, parlay_odds,
};
pub use time::{Day, DayError, Timestamp, TimestampError};
pub use tournament::{PayTournamentPrize, ReturnTournamentEntry};
pub use transfer::{OPEN_TRANSFERS_MAX, RollIn, RollOut, Transfer, TransferRef, TransferStatus};
pub use wallet::{BonusPurse, LOTS_MAX, Lot, Purse, Wallet};
pub use withdrawal::{
    APPROVALS_MAX, ApproveWithdrawal, AwardAtStake, CancelWithdrawal, ExpireWithdrawal, MarkFailed, MarkPaid,
    MarkReturned, MarkUnknown, OPEN_WITHDRAWALS_MAX, PARTS_MAX, PassKyc, QuoteError, RECENT_WITHDRAWALS_MAX,
    RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SettleLatePayout, SplitPart, SplitWithdrawal,
    StartReview, Withdrawal, WithdrawalQuote, WithdrawalStatus,
};
