//! The event types: names, versions and the dispatch from stored text to shapes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::adjustment::{
    CorrectionApplied, CorrectionDeclined, CorrectionProposed, DormantReclaimed, DormantTransferred,
    FeeCharged, TaxReturned, TaxWithheld,
};
use super::bonus::{
    BonusActivated, BonusCompleting, BonusConverted, BonusExpired, BonusForfeited, BonusIssued, BonusLost,
    BonusOffered, BonusReleased, BonusResumed, WagerProgressUpdated, WagerReversalIgnored,
};
use super::credit::{AdjustmentApplied, CreditGranted};
use super::deposit::{
    ChargebackReversed, DebtWrittenOff, DepositAttempted, DepositCancelled, DepositChargedBack,
    DepositCompleted, DepositExpired, DepositFailed, DepositInitiated, DepositMismatch, DepositRefunded,
    DepositReleased, DepositSucceeded, DepositSuspended, SuspenseRefused,
};
use super::exchange::{ExchangeMade, ExchangeReversed};
use super::exclusion::{ExclusionReturnRequested, ExclusionStarted};
use super::host::HostRecorded;
use super::house::{
    AuthoritySettled, BadDebtRecovered, ChargebackLost, CurrencyRegistered, DocumentPublished,
    DocumentStored, DutyAccrued, FundsExchanged, FundsTransferred, FxResultBooked, JackpotSeeded,
    JournalDeclined, JournalPosted, JournalProposed, ProviderFeesAccrued, ProviderSettled, PspSettled,
    ShapesActivated, SuspenseAssigned, SuspenseAssignmentCancelled, SuspenseCaptured, SuspenseLanded,
    SuspenseReturned,
};
use super::jackpot::{
    JackpotAwardSettled, JackpotAwarded, JackpotClaimWithdrawn, JackpotClaimed, JackpotConfigured,
    JackpotPaid, JackpotStatusChanged, JackpotSwept,
};
use super::level::ShapeLevel;
use super::limit::{
    LimitProfileAssigned, LimitRaiseRequested, LimitSet, LimitWarned, LimitWindowsOpened,
    SessionLimitRaiseRequested, SessionLimitSet,
};
use super::loyalty::{PointsAdjusted, PointsEarned, PointsExpired, PointsSpent};
use super::play_time::{PlayTimeLimitSet, PlayTimeRaiseRequested, PlayTimeWarned, PlayTimeWindowsOpened};
use super::player::{
    PlayerBlocked, PlayerClosed, PlayerOpened, PlayerReopened, PlayerUnblocked, PurseOpened, TxnNoted,
    TxnRejected, TxnTombstoned,
};
use super::purchase::{TipGiven, TipReturned, TournamentEntered, TournamentEntryReturned};
use super::register::RegisterAnswered;
use super::risk::{AlertClosed, AlertRaised, CaseAssigned, CaseClosed, CaseOpened};
use super::round::{
    BetCashedOut, BetPlaced, BetResettled, BetReturned, BetRolledBack, BetSettled, BetUnsettled, BetVoided,
    RoundClosed, RoundReopened, RoundVoided, SettlementVoided, WinCredited, WinRetained, WinRolledBack,
};
use super::session::{RealityCheckAcknowledged, SessionEnded, SessionStarted};
use super::tournament::{
    TournamentCancelled, TournamentClosed, TournamentConfigured, TournamentEnded, TournamentEntryReleased,
    TournamentEntryTaken, TournamentOpened, TournamentPrizeForfeited, TournamentPrizePaid,
    TournamentPrizeSettled, TournamentRanked, TournamentScored,
};
use super::transfer::{TransferRolledBack, TransferRolledIn, TransferRolledOut};
use super::verification::{KycStatusChanged, PersonChanged};
use super::wallet::{EntryPosted, NegativeBalanceCleared, NegativeBalanceRaised};
use super::withdrawal::{
    LatePayoutSettled, WithdrawalApproved, WithdrawalCancelled, WithdrawalExpired, WithdrawalFailed,
    WithdrawalKycPassed, WithdrawalMismatch, WithdrawalPaid, WithdrawalRejected, WithdrawalRequested,
    WithdrawalReturned, WithdrawalReviewStarted, WithdrawalSent, WithdrawalSplit, WithdrawalSplitOff,
    WithdrawalTimedOut,
};
use crate::partition::Stream;

/// Reads data of an older version as the newest shape: decodes the shape it was stored in, and takes every
/// step from there on. Versions are listed oldest first.
macro_rules! older {
    ($name:ident $schema:ident $data:ident;) => {
        Err(EventError::unknown($name, $schema))
    };
    (
        $name:ident $schema:ident $data:ident;
        $version:literal $shape:ty => $step:path $(, $later:literal $later_shape:ty => $later_step:path)* $(,)?
    ) => {
        if $schema == $version {
            let shape = $step(serde_json::from_str::<$shape>($data)?);
            $(let shape = $later_step(shape);)*
            Ok(shape)
        } else {
            older!($name $schema $data; $($later $later_shape => $later_step),*)
        }
    };
}

/// The version in which an event is stored while `level` is active: the newest one from the level on that its line
/// names; below it, the version before if the line has a way back, else none.
macro_rules! version_at {
    ($event:ident $data:ident $level:ident $schema:literal;) => {
        Some($schema)
    };
    ($event:ident $data:ident $level:ident $schema:literal; $since:literal) => {
        (($level) >= ShapeLevel($since)).then_some($schema)
    };
    ($event:ident $data:ident $level:ident $schema:literal; $since:literal $back:path) => {
        if ($level) >= ShapeLevel($since) {
            Some($schema)
        } else {
            let before: u16 = $schema - 1;
            let stored = serde_json::to_string(&$back($data)).ok();
            let read = stored.and_then(|stored| Event::decode($event.type_name(), before, &stored).ok());
            // What the older version cannot say is not written in it.
            read.is_some_and(|read| read == *$event).then_some(before)
        }
    };
}

/// Writes an event's data: in its newest version, or in the one before.
macro_rules! write_data {
    ($data:ident $version:expr, $serializer:ident $schema:literal; $since:literal $back:path) => {
        if $version == $schema { $data.serialize($serializer) } else { $back($data).serialize($serializer) }
    };
    ($data:ident $version:expr, $serializer:ident $schema:literal; $($since:literal)?) => {{
        // There is one version to write.
        let _ = $version;
        $data.serialize($serializer)
    }};
}

/// The event types, one line each: variant and shape, frozen name, newest version.
///
/// A type whose shape changed lists its older versions behind the number, oldest first and without a gap: the
/// struct that version is stored in, and the upcaster, a function from it to the struct of the next version
/// (the last one gives the newest). Upcasters are total: what was stored can be read for ever.
///
/// A version or type that came after the first release names the level it is written from (`from 2`), and the way
/// back to the version before it (`or`), by which it is written until then. A new type has no version before.
///
/// ```ignore
/// BetPlaced = "bet.placed" 3 from 2 or bet_placed_v2 { 1 BetPlacedV1 => to_v2, 2 BetPlacedV2 => to_v3 },
/// BetBoosted = "bet.boosted" 1 from 2,
/// ```
macro_rules! events {
    ($(
        $(#[doc = $doc:literal])* $(#[cfg($condition:meta)])?
        $variant:ident = $name:literal $schema:literal
        $(from $since:literal $(or $back:path)?)? $({ $($older:tt)+ })?
    ),* $(,)?) => {
        /// A stored event, by type. The names are frozen.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[doc = $doc])* $(#[cfg($condition)])? $variant($variant)),*
        }

        impl Event {
            /// Every event type of this build, with its newest schema version. Older versions, from 1 on, are
            /// read too.
            pub const TYPES: &'static [(&'static str, u16)] =
                &[$($(#[cfg($condition)])? ($name, $schema)),*];

            /// The event's type, such as `bet.placed`.
            pub fn type_name(&self) -> &'static str {
                match self { $($(#[cfg($condition)])? Self::$variant(_) => $name),* }
            }

            /// The newest version of the shape it is stored in.
            pub fn schema(&self) -> u16 {
                match self { $($(#[cfg($condition)])? Self::$variant(_) => $schema),* }
            }

            /// The version it is stored in while a level is active; `None` if that cannot be written yet.
            pub fn schema_at(&self, level: ShapeLevel) -> Option<u16> {
                // Of the first release no line asks.
                let _ = level;
                match self {
                    $(
                        $(#[cfg($condition)])?
                        Self::$variant(_data) => version_at!(self _data level $schema; $($since $($back)?)?),
                    )*
                }
            }

            /// Reads an event from its parts as they are stored: the type's name, the version of its shape,
            /// and its data as JSON. An older version becomes the newest.
            ///
            /// # Errors
            ///
            /// [`EventError::Unknown`] if this build does not know the type or the version,
            /// [`EventError::Shape`] if the data is not of that shape.
            pub fn decode(name: &str, schema: u16, data: &str) -> Result<Self, EventError> {
                match (name, schema) {
                    $(
                        $(#[cfg($condition)])?
                        ($name, $schema) => Ok(Self::$variant(serde_json::from_str(data)?)),
                        $(#[cfg($condition)])?
                        ($name, _) => {
                            let newest: Result<$variant, EventError> =
                                older!(name schema data; $($($older)+)?);
                            newest.map(Self::$variant)
                        }
                    )*
                    _ => Err(EventError::unknown(name, schema)),
                }
            }
        }

        struct Data<'a>(&'a Event, u16);

        impl Serialize for Data<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    $(
                        $(#[cfg($condition)])?
                        Event::$variant(data) => {
                            write_data!(data self.1, serializer $schema; $($since $($back)?)?)
                        }
                    )*
                }
            }
        }

        /// The JSON Schema of every event type, by name and version.
        #[cfg(feature = "schema")]
        pub fn event_schemas() -> Vec<(&'static str, u16, schemars::Schema)> {
            Vec::from([$($(#[cfg($condition)])? ($name, $schema, schemars::schema_for!($variant))),*])
        }
    };
}

events! {
    /// A player exists from here on.
    PlayerOpened = "player.opened" 1,
    /// An operation was refused.
    TxnRejected = "txn.rejected" 1,
    /// A rollback came for something never seen.
    TxnTombstoned = "txn.tombstoned" 1,
    /// An operation was accepted; there was nothing to do.
    TxnNoted = "txn.noted" 1,
    /// The player owes money.
    NegativeBalanceRaised = "negative_balance.raised" 1,
    /// The player owes nothing any more.
    NegativeBalanceCleared = "negative_balance.cleared" 1,
    /// The house gives up what a player owes.
    DebtWrittenOff = "debt.written_off" 1,
    /// Money moved.
    EntryPosted = "entry.posted" 1,
    /// A deposit was started.
    DepositInitiated = "cashier.deposit.initiated" 1,
    /// A deposit was sent to a payment provider.
    DepositAttempted = "cashier.deposit.attempted" 1,
    /// A deposit or an attempt of it failed.
    DepositFailed = "cashier.deposit.failed" 1,
    /// A deposit was given up.
    DepositCancelled = "cashier.deposit.cancelled" 1,
    /// A deposit took too long.
    DepositExpired = "cashier.deposit.expired" 1,
    /// What was started has been captured.
    DepositCompleted = "cashier.deposit.completed" 1,
    /// What was started and what was captured differ.
    DepositMismatch = "cashier.deposit.mismatch" 1,
    /// A deposit was captured.
    DepositSucceeded = "cashier.deposit.succeeded" 1,
    /// A captured deposit is in suspense.
    DepositSuspended = "cashier.deposit.suspended" 1,
    /// A captured deposit left suspense.
    DepositReleased = "cashier.deposit.released" 1,
    /// A deposit went back to its payer.
    DepositRefunded = "cashier.deposit.refunded" 1,
    /// A deposit was disputed and taken back.
    DepositChargedBack = "cashier.deposit.charged_back" 1,
    /// A dispute was won.
    ChargebackReversed = "cashier.deposit.chargeback_reversed" 1,
    /// What the house assigned to the player will never land.
    SuspenseRefused = "suspense.refused" 1,
    /// A bet was placed.
    BetPlaced = "bet.placed" 1,
    /// A win was credited that does not end its bet.
    WinCredited = "win.credited" 1,
    /// Bets came to their end.
    BetSettled = "bet.settled" 1,
    /// A bet was undone by its source.
    BetRolledBack = "bet.rolled_back" 1,
    /// A bet was called off.
    BetVoided = "bet.voided" 1,
    /// A win was undone by its source.
    WinRolledBack = "win.rolled_back" 1,
    /// A win that should have been undone stays by policy.
    WinRetained = "win.retained" 1,
    /// Part of a bet was cashed out.
    BetCashedOut = "bet.cashed_out" 1,
    /// Part of an open stake went back.
    BetReturned = "bet.returned" 1,
    /// The result of settled bets was corrected.
    BetResettled = "bet.resettled" 1,
    /// A settled bet is open again.
    BetUnsettled = "bet.unsettled" 1,
    /// Settled bets were called off.
    SettlementVoided = "settlement.voided" 1,
    /// An adjustment by a provider.
    AdjustmentApplied = "adjustment.applied" 1,
    /// A round is over.
    #[cfg(not(feature = "next-release"))]
    RoundClosed = "round.closed" 1,
    /// A round is over.
    #[cfg(feature = "next-release")]
    RoundClosed = "round.closed" 2 from 2 or super::next_release::before {
        1 super::next_release::RoundClosedV1 => super::next_release::newest
    },
    /// A round was called off as a whole.
    RoundVoided = "round.voided" 1,
    /// A round that was over is live again.
    RoundReopened = "round.reopened" 1,
    /// Money that no stake earned.
    CreditGranted = "credit.granted" 1,
    /// A round triggered a jackpot.
    JackpotClaimed = "jackpot.claimed" 1,
    /// A claim on a jackpot is withdrawn.
    JackpotClaimWithdrawn = "jackpot.claim_withdrawn" 1,
    /// A player got a jackpot.
    JackpotPaid = "jackpot.paid" 1,
    /// An event of the host.
    HostRecorded = "host.recorded" 1,
    /// A currency's first use.
    CurrencyRegistered = "currency.registered" 1,
    /// The content of a document.
    DocumentStored = "document.stored" 1,
    /// A version of a document was published.
    DocumentPublished = "document.published" 1,
    /// Newer shapes are written from here on.
    ShapesActivated = "shapes.activated" 1,
    /// A payment provider settled a batch.
    PspSettled = "psp.settled" 1,
    /// A chargeback that no player bears.
    ChargebackLost = "chargeback.lost" 1,
    /// Money of nobody known came in.
    SuspenseCaptured = "suspense.captured" 1,
    /// It is one player's.
    SuspenseAssigned = "suspense.assigned" 1,
    /// It is nobody's again.
    SuspenseAssignmentCancelled = "suspense.assignment_cancelled" 1,
    /// It is booked in the player's ledger.
    SuspenseLanded = "suspense.landed" 1,
    /// It went back to its payer.
    SuspenseReturned = "suspense.returned" 1,
    /// Fees of a game provider are owed.
    ProviderFeesAccrued = "provider.fees_accrued" 1,
    /// House and game provider paid each other.
    ProviderSettled = "provider.settled" 1,
    /// Gaming duty is owed.
    DutyAccrued = "duty.accrued" 1,
    /// Duty and withheld tax were paid over.
    AuthoritySettled = "authority.settled" 1,
    /// Money went between bank accounts.
    FundsTransferred = "funds.transferred" 1,
    /// The house exchanged money.
    FundsExchanged = "funds.exchanged" 1,
    /// A gain or loss of exchange.
    FxResultBooked = "fx.result_booked" 1,
    /// A debt was paid after all.
    BadDebtRecovered = "bad_debt.recovered" 1,
    /// A jackpot got a seed.
    JackpotSeeded = "jackpot.seeded" 1,
    /// A jackpot has other parameters.
    JackpotConfigured = "jackpot.configured" 1,
    /// A jackpot is open, suspended or closed.
    JackpotStatusChanged = "jackpot.status_changed" 1,
    /// A pool learnt what was booked for it.
    JackpotSwept = "jackpot.swept" 1,
    /// A claim got the pool.
    JackpotAwarded = "jackpot.awarded" 1,
    /// An award was paid, or came back.
    JackpotAwardSettled = "jackpot.award_settled" 1,
    /// A tournament has terms.
    TournamentConfigured = "tournament.configured" 1,
    /// A tournament is open.
    TournamentOpened = "tournament.opened" 1,
    /// An entry came to a tournament.
    TournamentEntryTaken = "tournament.entry_taken" 1,
    /// What was paid for an entry went back.
    TournamentEntryReleased = "tournament.entry_released" 1,
    /// What points a player has.
    TournamentScored = "tournament.scored" 1,
    /// Play of a tournament is over.
    TournamentEnded = "tournament.ended" 1,
    /// The results of a tournament are fixed.
    TournamentClosed = "tournament.closed" 1,
    /// A page of the places of a tournament.
    TournamentRanked = "tournament.ranked" 1,
    /// A prize was paid, or is the house's.
    TournamentPrizeSettled = "tournament.prize_settled" 1,
    /// A tournament is called off.
    TournamentCancelled = "tournament.cancelled" 1,
    /// Someone proposed an entry by hand.
    JournalProposed = "journal.proposed" 1,
    /// It was approved and posted.
    JournalPosted = "journal.posted" 1,
    /// It is not posted.
    JournalDeclined = "journal.declined" 1,
    /// Someone proposed to correct a balance.
    CorrectionProposed = "correction.proposed" 1,
    /// A correction was approved and booked.
    CorrectionApplied = "correction.applied" 1,
    /// A correction is not booked.
    CorrectionDeclined = "correction.declined" 1,
    /// A fee was taken.
    FeeCharged = "fee.charged" 1,
    /// Cash became dormant.
    DormantTransferred = "dormant.transferred" 1,
    /// Dormant money became cash again.
    DormantReclaimed = "dormant.reclaimed" 1,
    /// Tax was withheld.
    TaxWithheld = "tax.withheld" 1,
    /// Withheld tax went back.
    TaxReturned = "tax.returned" 1,
    /// A player was closed.
    PlayerClosed = "player.closed" 1,
    /// A closed player is open again.
    PlayerReopened = "player.reopened" 1,
    /// A player has one purse more.
    PurseOpened = "purse.opened" 1,
    /// Cash of one purse became cash of another.
    ExchangeMade = "exchange.made" 1,
    /// An exchange was undone.
    ExchangeReversed = "exchange.reversed" 1,
    /// A player wants money out.
    WithdrawalRequested = "withdrawal.requested" 1,
    /// A part of a withdrawal begins.
    WithdrawalSplitOff = "withdrawal.split_off" 1,
    /// A player who wants money out is verified.
    WithdrawalKycPassed = "withdrawal.kyc_passed" 1,
    /// Someone looks at a withdrawal.
    WithdrawalReviewStarted = "withdrawal.review_started" 1,
    /// Someone approved a withdrawal.
    WithdrawalApproved = "withdrawal.approved" 1,
    /// A withdrawal was refused by the operator.
    WithdrawalRejected = "withdrawal.rejected" 1,
    /// A withdrawal was taken back by the player.
    WithdrawalCancelled = "withdrawal.cancelled" 1,
    /// A withdrawal took too long.
    WithdrawalExpired = "withdrawal.expired" 1,
    /// A withdrawal was replaced by parts.
    WithdrawalSplit = "withdrawal.split" 1,
    /// A withdrawal is on its way.
    WithdrawalSent = "withdrawal.sent" 1,
    /// No answer came to a withdrawal that was sent.
    WithdrawalTimedOut = "withdrawal.timed_out" 1,
    /// A withdrawal was paid.
    WithdrawalPaid = "withdrawal.paid" 1,
    /// A withdrawal was not paid.
    WithdrawalFailed = "withdrawal.failed" 1,
    /// A paid withdrawal came back.
    WithdrawalReturned = "withdrawal.returned" 1,
    /// A withdrawal and what is reported of it differ.
    WithdrawalMismatch = "withdrawal.mismatch" 1,
    /// Someone bears a payout that was paid late.
    LatePayoutSettled = "withdrawal.late_payout_settled" 1,
    /// A player may not do something for a while.
    PlayerBlocked = "player.blocked" 1,
    /// A block of a player was lifted.
    PlayerUnblocked = "player.unblocked" 1,
    /// A limit is as it says from here on.
    LimitSet = "limit.set" 1,
    /// The player wants a limit of his higher.
    LimitRaiseRequested = "limit.raise_requested" 1,
    /// Windows of the calendar began.
    LimitWindowsOpened = "limit.windows_opened" 1,
    /// The player is near a limit.
    LimitWarned = "limit.warned" 1,
    /// A player is excluded.
    ExclusionStarted = "exclusion.started" 1,
    /// A player whose self-exclusion is over asks to play again.
    ExclusionReturnRequested = "exclusion.return_requested" 1,
    /// Registers answered about the player.
    RegisterAnswered = "register.answered" 1,
    /// The player has another profile of limits.
    LimitProfileAssigned = "limit_profile.assigned" 1,
    /// How far the player is verified has changed.
    KycStatusChanged = "player.kyc.status_changed" 1,
    /// Which person the player is has changed.
    PersonChanged = "player.person_changed" 1,
    /// Something about the player is suspicious.
    AlertRaised = "risk.alert.raised" 1,
    /// Someone looked at an alert.
    AlertClosed = "risk.alert.closed" 1,
    /// Someone is to look into the player.
    CaseOpened = "aml.case.opened" 1,
    /// Someone looks into a case.
    CaseAssigned = "aml.case.assigned" 1,
    /// A case is over.
    CaseClosed = "aml.case.closed" 1,
    /// A limit on the time of a session is as it says from here on.
    SessionLimitSet = "session_limit.set" 1,
    /// The player wants longer sessions.
    SessionLimitRaiseRequested = "session_limit.raise_requested" 1,
    /// A limit on the time of play is as it says from here on.
    PlayTimeLimitSet = "play_time_limit.set" 1,
    /// The player wants a limit of his on the time of play higher, or no more.
    PlayTimeRaiseRequested = "play_time_limit.raise_requested" 1,
    /// Windows of the calendar begin, in which the time of play is counted.
    PlayTimeWindowsOpened = "play_time_limit.windows_opened" 1,
    /// The player is near a limit of his on the time of play.
    PlayTimeWarned = "play_time_limit.warned" 1,
    /// A player opened a game.
    SessionStarted = "session.started" 1,
    /// A session is over.
    SessionEnded = "session.ended" 1,
    /// A player was shown how he plays.
    RealityCheckAcknowledged = "reality_check.acknowledged" 1,
    /// A tip was given.
    TipGiven = "tip.given" 1,
    /// A tip went back.
    TipReturned = "tip.returned" 1,
    /// A player takes part in a tournament.
    TournamentEntered = "tournament.entered" 1,
    /// A player does not take part in a tournament after all.
    TournamentEntryReturned = "tournament.entry_returned" 1,
    /// A player got a prize of a tournament.
    TournamentPrizePaid = "tournament.prize_paid" 1,
    /// A player does not get his prize.
    TournamentPrizeForfeited = "tournament.prize_forfeited" 1,
    /// Money plays elsewhere.
    TransferRolledOut = "transfer.rolled_out" 1,
    /// Money came back.
    TransferRolledIn = "transfer.rolled_in" 1,
    /// Money never left.
    TransferRolledBack = "transfer.rolled_back" 1,
    /// A bonus was granted.
    BonusIssued = "bonus.issued" 1,
    /// An award that had waited is booked.
    BonusActivated = "bonus.activated" 1,
    /// A stake counts towards wagering, or no longer does.
    WagerProgressUpdated = "wager.progress.updated" 1,
    /// A stake went back that had counted for an award that has ended.
    WagerReversalIgnored = "wager.reversal_ignored" 1,
    /// All is wagered; rounds with stakes of the award are open.
    BonusCompleting = "bonus.completing" 1,
    /// Wagering goes on after all.
    BonusResumed = "bonus.resumed" 1,
    /// An award became cash.
    BonusConverted = "bonus.converted" 1,
    /// An award was played away.
    BonusLost = "bonus.lost" 1,
    /// The time of an award was over.
    BonusExpired = "bonus.expired" 1,
    /// An award was given up or taken back.
    BonusForfeited = "bonus.forfeited" 1,
    /// A share of an award became cash.
    BonusReleased = "bonus.released" 1,
    /// A bonus was offered.
    BonusOffered = "bonus.offered" 1,
    /// Points were given for what was played.
    PointsEarned = "points.earned" 1,
    /// Points became a bonus.
    PointsSpent = "points.spent" 1,
    /// Two persons gave or took points.
    PointsAdjusted = "points.adjusted" 1,
    /// Points were not touched for too long.
    PointsExpired = "points.expired" 1,
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// This build does not know the type or its version.
    #[error("event {name} version {schema} is unknown to this build: use a newer casino-ledger")]
    Unknown {
        /// The type.
        name: String,
        /// The version.
        schema: u16,
    },
    /// The data does not have the type's shape.
    #[error("the event's data does not have its shape: {0}")]
    Shape(#[from] serde_json::Error),
}

impl EventError {
    fn unknown(name: &str, schema: u16) -> Self {
        Self::Unknown { name: name.chars().take(64).collect(), schema }
    }
}

/// An event in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The stream.
    pub stream: Stream,
    /// The event's version in the stream: 1, 2, 3 ...
    pub version: u64,
    /// The version of the shape it is stored in.
    pub schema: u16,
    /// The event.
    pub event: Event,
}

impl EventRecord {
    /// An event of a stream, to be stored in its newest shape.
    pub fn new(stream: Stream, version: u64, event: Event) -> Self {
        Self { stream, version, schema: event.schema(), event }
    }
}

impl Serialize for EventRecord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("EventRecord", 5)?;
        fields.serialize_field("stream", &self.stream)?;
        fields.serialize_field("version", &self.version)?;
        fields.serialize_field("type", self.event.type_name())?;
        fields.serialize_field("schema", &self.schema)?;
        fields.serialize_field("data", &Data(&self.event, self.schema))?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for EventRecord {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored<'a> {
            stream: Stream,
            version: u64,
            #[serde(rename = "type", borrow)]
            name: crate::text::BorrowedText<'a>,
            schema: u16,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let stored = Stored::deserialize(deserializer)?;
        let event = Event::decode(&stored.name.0, stored.schema, stored.data.get())
            .map_err(serde::de::Error::custom)?;
        Ok(Self { stream: stored.stream, version: stored.version, schema: stored.schema, event })
    }
}

#[cfg(test)]
mod tests {
    /// A list of events as a build of the future might have it: one type in its third version, one in its
    /// first.
    #[expect(unreachable_pub, reason = "the macro makes public items")]
    #[cfg_attr(feature = "schema", expect(dead_code, reason = "schemas are not what is tested here"))]
    mod future {
        use super::super::{EventError, ShapeLevel};
        use serde::{Deserialize, Serialize};

        macro_rules! shapes {
            ($($name:ident { $($field:ident: $type:ty),* })*) => {$(
                #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
                #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
                pub struct $name { $(pub $field: $type),* }
            )*};
        }

        shapes! {
            MovedV1 { cents: u32, by: String }
            MovedV2 { cents: u32, currency: String, by: String }
            Moved { units: u64, scale: u8, currency: String, by: String }
            Rested { why: String }
            Slept { hours: u8 }
        }

        fn moved_v2(old: MovedV1) -> MovedV2 {
            MovedV2 { cents: old.cents, currency: "EUR".to_owned(), by: old.by }
        }

        fn moved_v3(old: MovedV2) -> Moved {
            Moved { units: u64::from(old.cents), scale: 2, currency: old.currency, by: old.by }
        }

        /// Cents alone, as there were before.
        fn moved_before(new: &Moved) -> MovedV2 {
            let cents = u32::try_from(new.units).unwrap_or(0);
            MovedV2 { cents, currency: new.currency.clone(), by: new.by.clone() }
        }

        events! {
            /// It was moved.
            Moved = "test.moved" 3 from 2 or moved_before { 1 MovedV1 => moved_v2, 2 MovedV2 => moved_v3 },
            /// It rested.
            Rested = "test.rested" 1,
            /// It slept.
            Slept = "test.slept" 1 from 3,
            /// It is in no build.
            #[cfg(any())]
            Dreamt = "test.dreamt" 1,
        }

        pub(super) fn encode(event: &Event, version: u16) -> String {
            serde_json::to_string(&Data(event, version)).unwrap()
        }
    }

    use super::EventError;
    use super::ShapeLevel;
    use future::{Event, Moved, Rested, Slept};

    fn moved(currency: &str) -> Event {
        Event::Moved(Moved { units: 250, scale: 2, currency: currency.to_owned(), by: "me".to_owned() })
    }

    #[test]
    fn an_older_version_is_read_through_every_step_after_it() {
        let read = |schema, data| Event::decode("test.moved", schema, data).unwrap();
        assert_eq!(read(1, r#"{"cents":250,"by":"me"}"#), moved("EUR"));
        assert_eq!(read(2, r#"{"cents":250,"currency":"SEK","by":"me"}"#), moved("SEK"));
        assert_eq!(read(3, r#"{"units":250,"scale":2,"currency":"SEK","by":"me"}"#), moved("SEK"));
    }

    #[test]
    fn what_was_read_from_an_older_version_is_written_as_the_newest() {
        assert_eq!(Event::TYPES, [("test.moved", 3), ("test.rested", 1), ("test.slept", 1)]);
        let event = Event::decode("test.moved", 1, r#"{"cents":250,"by":"me"}"#).unwrap();
        assert_eq!((event.type_name(), event.schema()), ("test.moved", 3));
        let written = future::encode(&event, 3);
        assert_eq!(written, r#"{"units":250,"scale":2,"currency":"EUR","by":"me"}"#);
        assert_eq!(Event::decode("test.moved", 3, &written).unwrap(), event);
    }

    #[test]
    fn an_event_is_written_as_the_level_allows() {
        let rested = Event::Rested(Rested { why: "tired".to_owned() });
        let slept = Event::Slept(Slept { hours: 8 });
        let at = |event: &Event| [1, 2, 3, 4].map(|level| event.schema_at(ShapeLevel(level)));
        assert_eq!(at(&rested), [Some(1); 4]);
        assert_eq!(at(&moved("SEK")), [Some(2), Some(3), Some(3), Some(3)]);
        assert_eq!(at(&slept), [None, None, Some(1), Some(1)], "there is no version before the first");
        let written = future::encode(&moved("SEK"), 2);
        assert_eq!(written, r#"{"cents":250,"currency":"SEK","by":"me"}"#);
        assert_eq!(Event::decode("test.moved", 2, &written).unwrap(), moved("SEK"));
    }

    /// Nothing is lost on the way back: what the older version cannot say has to wait.
    #[test]
    fn what_an_older_version_cannot_say_is_not_written_in_it() {
        for (units, scale) in [(250, 3), (u64::from(u32::MAX) + 1, 2)] {
            let by = "me".to_owned();
            let event = Event::Moved(Moved { units, scale, currency: "EUR".to_owned(), by });
            let at = [1, 2].map(|level| event.schema_at(ShapeLevel(level)));
            assert_eq!(at, [None, Some(3)], "{units} {scale}");
        }
    }

    #[test]
    fn each_version_has_its_own_shape() {
        for (schema, data) in [
            (1, r#"{"units":250,"scale":2,"currency":"SEK","by":"me"}"#),
            (2, r#"{"cents":250,"by":"me"}"#),
            (3, r#"{"cents":250,"currency":"SEK","by":"me"}"#),
        ] {
            let error = Event::decode("test.moved", schema, data).unwrap_err();
            assert!(matches!(error, EventError::Shape(_)), "{schema}: {error}");
        }
    }

    #[test]
    fn a_version_that_is_not_listed_is_unknown() {
        for (name, schema) in [
            ("test.moved", 0),
            ("test.moved", 4),
            ("test.moved", u16::MAX),
            ("test.rested", 0),
            ("test.rested", 2),
            ("test.imagined", 1),
        ] {
            let error = Event::decode(name, schema, "{}").unwrap_err();
            assert!(
                matches!(&error, EventError::Unknown { name: n, schema: s } if n == name && *s == schema),
                "{error}"
            );
        }
    }

    /// The numbers of a type are 1, 2, 3 ... up to the newest, and each of them is read: a version nobody
    /// listed would leave what was stored in it unreadable.
    #[test]
    fn no_version_is_missing() {
        for (name, newest) in super::Event::TYPES {
            for schema in 1..=*newest {
                let error = super::Event::decode(name, schema, "null").unwrap_err();
                assert!(matches!(error, EventError::Shape(_)), "{name} {schema}: {error}");
            }
        }
    }
}
