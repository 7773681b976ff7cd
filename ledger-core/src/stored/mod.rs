//! Stored shapes: everything that stands in the log, in one place. Frozen: see `docs/storage-format.md`.

mod adjustment;
mod bonus;
mod commit;
mod credit;
mod deposit;
mod event;
mod exchange;
mod exclusion;
mod host;
mod house;
mod index;
mod jackpot;
mod level;
mod limit;
mod loyalty;
#[cfg(feature = "next-release")]
mod next_release;
mod play_time;
mod player;
mod purchase;
mod register;
mod risk;
mod round;
mod sealed;
mod session;
mod shapes;
mod tournament;
mod transfer;
mod verification;
mod wallet;
mod withdrawal;

pub use adjustment::{
    CorrectionApplied, CorrectionDeclined, CorrectionProposed, DeclineCause, Direction, DormantReclaimed,
    DormantTransferred, FeeCharged, FeeKind, TaxReturned, TaxWithheld,
};
pub use bonus::{
    AwardRef, BonusActivated, BonusAfter, BonusCompleting, BonusConverted, BonusExpired, BonusForfeited,
    BonusIssued, BonusLost, BonusOffered, BonusReleased, BonusResumed, BonusShare, BonusTaken, CashbackBase,
    CashbackLine, Counted, ForfeitReason, ProgressChange, WagerProgressUpdated, WagerReversalIgnored,
};
pub use commit::{BodyError, CommitBody, EVENTS_MAX, KEYS_MAX, KeyRecord, OutcomeKind, TombstoneRecord};
pub use credit::{AdjustmentApplied, CreditGranted, CreditKind};
pub use deposit::{
    ChargebackReversed, Converted, DebtWrittenOff, DepositAttempted, DepositBreak, DepositCancelled,
    DepositChargedBack, DepositCompleted, DepositExpired, DepositFailed, DepositInitiated, DepositMismatch,
    DepositRefunded, DepositReleased, DepositSucceeded, DepositSuspended, LateAfter, Money, PaymentRef,
    ReleasedTo, SuspenseReason, SuspenseRefused,
};
#[cfg(feature = "schema")]
pub use event::event_schemas;
pub use event::{Event, EventError, EventRecord};
pub use exchange::{ExchangeMade, ExchangeReversed};
pub use exclusion::{ExclusionKind, ExclusionReturnRequested, ExclusionStarted};
pub use host::HostRecorded;
pub use house::{
    AccrualDirection, AuthorityLine, AuthorityPart, AuthoritySettled, BadDebtRecovered, BankAccount,
    CancelProof, ChargebackLost, CurrencyRegistered, DocumentPublished, DocumentStored, DutyAccrued, Funds,
    FundsExchanged, FundsTransferred, FxDirection, FxResultBooked, HouseEntryRef, JackpotSeeded,
    JournalDeclined, JournalPosted, JournalProposed, LossDirection, ProviderFeesAccrued, ProviderLine,
    ProviderPart, ProviderSettled, PspLine, PspPart, PspSettled, SeedMovement, ShapesActivated,
    SuspenseAssigned, SuspenseAssignmentCancelled, SuspenseCaptured, SuspenseLanded, SuspenseOrigin,
    SuspenseReturned,
};
pub use index::{CommitIndex, IndexError};
pub use jackpot::{
    AwardOutcome, ClaimEnd, JackpotAwardSettled, JackpotAwarded, JackpotClaimRef, JackpotClaimWithdrawn,
    JackpotClaimed, JackpotConfigured, JackpotOverflow, JackpotPaid, JackpotRate, JackpotStatus,
    JackpotStatusChanged, JackpotSwept, JackpotTerms, SweepOrigin, SweptPart,
};
pub use level::ShapeLevel;
pub use limit::{
    LimitBasis, LimitBounds, LimitCause, LimitKind, LimitPeriod, LimitProfileAssigned, LimitRaiseRequested,
    LimitSet, LimitSide, LimitTerm, LimitWarned, LimitWindow, LimitWindowOpened, LimitWindowsOpened,
    SessionLimitRaiseRequested, SessionLimitSet,
};
pub use loyalty::{PointsAdjusted, PointsEarned, PointsExpired, PointsSpent};
pub use play_time::{
    PlayTimeLimitSet, PlayTimeRaiseRequested, PlayTimeWarned, PlayTimeWindowOpened, PlayTimeWindowsOpened,
};
pub use player::{
    Note, PlayerBlocked, PlayerClosed, PlayerOpened, PlayerReopened, PlayerUnblocked, PurseOpened,
    TransactionRef, TxnNoted, TxnRejected, TxnTombstoned,
};
pub use purchase::{TipGiven, TipReturned, TournamentEntered, TournamentEntryReturned};
pub use register::{RegisterAnswered, RegisterOutcome, RegisterRecord};
pub use risk::{AlertClosed, AlertRaised, CaseAssigned, CaseClosed, CaseFinding, CaseOpened};
pub use round::{
    Bet, BetCashedOut, BetPlaced, BetResettled, BetReturned, BetRolledBack, BetSettled, BetStatus,
    BetUnsettled, BetVoided, CloseReason, Contribution, CountedShare, FreeBet, JackpotKind, ReopenReason,
    Round, RoundClosed, RoundReopened, RoundStatus, RoundVoided, SettledBy, SettlementVoided, Win,
    WinCredited, WinRetained, WinRolledBack, WinStatus,
};
pub use sealed::{
    FIELD_NAME_BYTES_MAX, FieldName, SEALED_BYTES_MAX, SEALED_FIELDS_MAX, SealedBytes, SealedError,
    SealedFields,
};
pub use session::{RealityCheckAcknowledged, SessionEndReason, SessionEnded, SessionRef, SessionStarted};
pub use tournament::{
    BarredPayee, ForfeitCause, PrizeOutcome, TournamentCancelled, TournamentClosed, TournamentConfigured,
    TournamentEnded, TournamentEntryRef, TournamentEntryReleased, TournamentEntryTaken, TournamentOpened,
    TournamentPlaces, TournamentPrize, TournamentPrizeForfeited, TournamentPrizePaid, TournamentPrizeSettled,
    TournamentRank, TournamentRanked, TournamentRemainder, TournamentScored, TournamentScoring,
    TournamentTerms, TournamentTie, TurnedAway,
};
pub use transfer::{TransferRolledBack, TransferRolledIn, TransferRolledOut};
pub use verification::{KycStatusChanged, PersonChanged};
pub use wallet::{
    EntryPosted, LotAfter, LotShare, NegativeBalanceCleared, NegativeBalanceRaised, PurseBalance, Recovery,
    Split,
};
pub use withdrawal::{
    Bearer, DestinationProof, Hold, InstrumentVerified, KycAnswer, KycStatus, LatePayout, LatePayoutSettled,
    PayoutReturnedTo, PendingStatus, ReturnFee, WithdrawalApproved, WithdrawalBreak, WithdrawalCancelled,
    WithdrawalExpired, WithdrawalFailed, WithdrawalKycPassed, WithdrawalMismatch, WithdrawalPaid,
    WithdrawalPart, WithdrawalRejected, WithdrawalRequested, WithdrawalReturned, WithdrawalReviewStarted,
    WithdrawalSent, WithdrawalSplit, WithdrawalSplitOff, WithdrawalTimedOut,
};
