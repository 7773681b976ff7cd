//! Rejections: refusals that the rules demand, typed, with stable codes, in order of precedence.

use serde::{Deserialize, Serialize};

use crate::ids::{GameId, HostName, HostNamespace, RegisterName, RoundId, SourceId, TierName, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::player::Block;
use crate::policy::SourceSwitch;
use crate::stored::{ExclusionKind, LimitKind, LimitSide, LimitWindow};
use crate::time::Timestamp;

/// What does not agree between a command and what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MismatchField {
    /// The round.
    Round,
    /// The currency.
    Currency,
    /// The amount.
    Amount,
    /// How many points: no multiple of what is sold at once.
    Points,
    /// The payment provider, or its reference.
    Payment,
    /// The assignment of an item in suspense.
    Assignment,
    /// Whether it is real money or test money.
    Kind,
    /// The instrument money goes to.
    Destination,
    /// The jackpot.
    Jackpot,
    /// The tournament.
    Tournament,
    /// The terms.
    Terms,
}

/// Why something is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotAllowedReason {
    /// A rollback cannot be rolled back.
    RollbackOfRollback,
    /// An operation of this kind cannot be rolled back; corrections have commands of their own.
    NotReversible,
    /// The player is already open.
    AlreadyOpen,
    /// A player needs at least one currency, each once.
    Currencies,
    /// The bet is not settled: what it is about would be its result.
    NotSettled,
    /// The win answers other bets too: call off the round, or correct its result.
    SharedWin,
    /// The currency was recorded with another scale or maximum.
    CurrencyDiffers,
    /// Who approves must be another person than who acts.
    SamePerson,
    /// What the command names is not known.
    TargetUnknown,
    /// The proposal was approved or declined before.
    AlreadyDecided,
    /// The player is already closed.
    AlreadyClosed,
    /// The player has a purse in this currency.
    PurseExists,
    /// The rate of exchange is older than the policy allows, or of the future.
    StaleRate,
    /// The rate of exchange is of other currencies.
    OtherPair,
    /// The deposit has succeeded, failed, expired or was cancelled.
    DepositEnded,
    /// The attempt has failed already.
    AttemptEnded,
    /// The deposit is younger than it may become before it expires.
    NotExpired,
    /// The deposit is not the player's money: it is in suspense, or went back to its payer.
    NotCredited,
    /// The money is not in suspense, or no longer.
    NotSuspended,
    /// What the house has in suspense goes back to its payer from there, not from a player.
    HouseItem,
    /// A deposit that is exchanged has no fee in the currency it came in.
    FeeWithRate,
    /// The money has left already, so the player cannot keep it too.
    NotRetainable,
    /// The player owes nothing.
    NothingOwed,
    /// All of the chargeback was won back.
    ChargebackReversed,
    /// Another person must approve it.
    NeedsApproval,
    /// A settlement needs at least one line, each kind once.
    Lines,
    /// A period ends before it begins.
    Period,
    /// Money does not go from a bank account to itself.
    SameAccount,
    /// The item in suspense is assigned to a player.
    Assigned,
    /// The item in suspense is assigned to nobody.
    NotAssigned,
    /// The postings are no entry of the house: too few or many, debits unlike credits, or a sub-account too many
    /// or missing.
    NoEntry,
    /// Other commands keep an account of the journal entry together with what stands behind it.
    AccountNotFree,
    /// A document cannot take effect before it is published.
    Backdated,
    /// The newest version of the document says the same, and takes effect no later.
    Unchanged,
    /// The withdrawal was paid, failed, returned, cancelled, rejected, split, or has expired.
    WithdrawalEnded,
    /// The withdrawal is on its way: only its payment provider can tell what becomes of it.
    WithdrawalSent,
    /// The withdrawal was not sent to a payment provider.
    WithdrawalNotSent,
    /// The withdrawal was not paid.
    NotPaid,
    /// The player did not bear the late payout, so it is not his that comes back.
    NotBorneByPlayer,
    /// The player is not verified yet.
    AwaitsKyc,
    /// The withdrawal does not wait for the player to be verified.
    KycNotAwaited,
    /// Someone looks at the withdrawal, or has approved it, already.
    ReviewStarted,
    /// The withdrawal needs more approvals.
    NotApproved,
    /// The withdrawal has all approvals it needs, or one of this person.
    AlreadyApproved,
    /// The jurisdiction does not let a player take a withdrawal back.
    ReverseForbidden,
    /// A split needs at least two parts.
    Parts,
    /// The player is blocked for this already.
    AlreadyBlocked,
    /// The player is not blocked for this.
    NotBlocked,
    /// Another round of this source and game is open, and it may have one only.
    AnotherRoundOpen,
    /// The round is younger than its source's time-out, or there is none.
    RoundNotTimedOut,
    /// A limit on single bets or on the balance has no window, and any other has one.
    LimitWindow,
    /// The player's jurisdiction allows no transfers between players (E31).
    PlayerTransfers,
    /// The policy sets this limit, and nobody else.
    LimitOfPolicy,
    /// No raise of this limit waits for its confirmation.
    NoRaiseWaits,
    /// The player must wait for a higher limit.
    RaiseNotDue,
    /// A time-out has an end, and neither is longer or shorter than the policy says.
    ExclusionLength,
    /// An exclusion never ends early.
    ExclusionNotOver,
    /// There is no self-exclusion to return from.
    NotExcluded,
    /// The jurisdiction forbids this method of payment.
    MethodForbidden,
    /// The policy has no terms of that name.
    TermsUnknown,
    /// The terms name an amount that the currency cannot have.
    TermsAmounts,
    /// The terms give for a deposit, and none is named.
    DepositNeeded,
    /// The award has not ended.
    AwardLive,
    /// The award has ended.
    AwardEnded,
    /// Shapes of this level are not known to this build.
    LevelUnknown,
    /// Shapes of this level, or a higher one, are active already.
    LevelPassed,
    /// It would be written in a shape that older releases cannot read, and that is not active yet.
    NotActive,
    /// The policy has no tier of that name.
    TierUnknown,
    /// The policy has no profile of limits of that name.
    ProfileUnknown,
    /// There is no such alert, or it was closed.
    AlertNotOpen,
    /// There is no such case, or it was closed.
    CaseNotOpen,
    /// The terms are not for players of this jurisdiction.
    TermsElsewhere,
    /// The jurisdiction forbids such terms (B05).
    TermsForbidden,
    /// The terms contradict themselves.
    TermsContradictory,
    /// A bonus that does not go together with it is live.
    NotBeside,
    /// The terms give for what was played, and none is named; or the other way round.
    BaseNeeded,
    /// The terms are those of a mission, which is completed and not granted; or the other way round.
    OtherReward,
    /// Not all that the mission asks for was done.
    ConditionsUnmet,
    /// The bonus was not offered, or the offer is over or was claimed.
    NotOffered,
    /// More bonus credits would be forfeited than the request allows.
    ForfeitsMore,
    /// Something of this period was given for already.
    PeriodCounted,
    /// The policy has no such programme of points.
    ProgrammeUnknown,
    /// There are not so many points.
    PointsShort,
    /// The jackpot has no terms yet.
    JackpotWithoutTerms,
    /// The jackpot is suspended: it cannot be won now.
    JackpotSuspended,
    /// The jackpot is closed.
    JackpotClosed,
    /// The terms of the jackpot contradict themselves.
    JackpotTerms,
    /// A jackpot that is closed names another that gets what is in it, and only a closed one does.
    JackpotTarget,
    /// An award of the jackpot is on its way to its player.
    AwardsOpen,
    /// The sweep does not begin where the last one of its origin ended, or ends before it begins.
    SweepOutOfOrder,
    /// There is no such award, or it was settled.
    AwardNotOpen,
    /// There is no such claim on a jackpot, or it was paid or withdrawn.
    ClaimNotOpen,
    /// The tournament is not in a state for this: it has no terms yet, is open, is not open, or is over.
    TournamentState,
    /// The terms of the tournament contradict themselves.
    TournamentTerms,
    /// The tournament's time for this is not over.
    TournamentNotOver,
    /// The tournament's time for this is over, or has not begun.
    TournamentOver,
    /// There is no such entry in the tournament, or it went back.
    EntryNotOpen,
    /// Newer points of the player are known.
    ScoreOutOfOrder,
    /// The page of places is not the next one.
    PageOutOfOrder,
    /// There is no such prize, or it was settled.
    PrizeNotOpen,
}

/// Why what a register said is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegisterGap {
    /// No answer of it is known.
    Missing,
    /// Its last answer is older than the policy allows.
    Stale,
    /// It could not be reached, and the policy does not let that pass.
    Unreachable,
    /// It said what is left in another currency.
    OtherCurrency,
}

/// Which register excludes a player, and when it said so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterExclusion {
    /// The register.
    pub name: RegisterName,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// Why the rules of bonuses refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BonusRule {
    /// The player has no bonus that could be staked.
    NoBonus,
    /// Bonus credits cannot be used for it: tips, entries to tournaments, money that plays elsewhere.
    CashOnly,
    /// The bonus credits cannot be staked here: the game does not count, or its source never reports a loss.
    NotStakeable,
    /// A bet that buys a feature of its game is not paid with these bonus credits (S105).
    BuyFeature,
    /// The stake is above the most that one bet may stake while the bonus is wagered (F17, B29).
    MaxBet,
    /// Nothing is withdrawn while a bonus is live whose terms say so (B35). It can be given up.
    Withdrawal,
}

/// What a player, or a partition of the house, has too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capacity {
    /// Open rounds of one player.
    OpenRounds,
    /// Bets of one round.
    BetsInRound,
    /// Wins of one round.
    WinsInRound,
    /// Currencies of one player.
    Currencies,
    /// Namespaces of the host.
    HostNamespaces,
    /// Corrections of one player, or journal entries, that wait for a decision.
    Proposals,
    /// Deposits of one player that have not come to an end.
    OpenDeposits,
    /// Attempts of one deposit.
    AttemptsOfDeposit,
    /// Chargebacks of one deposit.
    ChargebacksOfDeposit,
    /// Items of one payment provider in suspense.
    SuspenseItems,
    /// Documents.
    Documents,
    /// Versions of one document that are in force or to come.
    DocumentVersions,
    /// Bytes of all documents that are in force or to come.
    DocumentBytes,
    /// Withdrawals of one player that have not come to an end.
    OpenWithdrawals,
    /// Parts of one withdrawal.
    PartsOfWithdrawal,
    /// Withdrawals of one player within 31 days.
    RecentWithdrawals,
    /// Events of one commit.
    EventsInCommit,
    /// Postings of one entry.
    PostingsInEntry,
    /// Bytes of one commit.
    BytesOfCommit,
    /// Games and campaigns of one round.
    GamesInRound,
    /// Jackpots that the bets of one round contribute to.
    JackpotsInRound,
    /// Jackpots that one bet contributes to.
    JackpotsOfBet,
    /// Transfers of one player that have not come back.
    OpenTransfers,
    /// Limits of one player.
    Limits,
    /// Registers that answered about one player.
    Registers,
    /// Alerts of one player that nobody closed.
    Alerts,
    /// Cases of one player that nobody closed.
    Cases,
    /// Bonus awards that have not ended.
    Awards,
    /// Products of one cashback.
    CashbackLines,
    /// Programmes of loyalty points of one player.
    Programmes,
    /// Points of one programme.
    Points,
    /// Games with a rate of their own in the terms of a jackpot.
    GamesOfJackpot,
    /// Currencies of one sweep.
    PartsOfSweep,
    /// Shards and jackpots that a pool learns from.
    SweepOrigins,
    /// Awards of one jackpot that are on their way.
    OpenJackpotAwards,
    /// Claims of one player that were neither paid nor withdrawn.
    JackpotClaims,
    /// Places of one tournament that have a prize.
    PlacesOfTournament,
    /// Games that the terms of one tournament name.
    GamesOfTournament,
    /// Entries of one tournament that wait to go back.
    TournamentReturns,
}

/// A limit that a command would pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// How many withdrawals may be under way at once (W18).
    PendingWithdrawals,
    /// What may be withdrawn within 24 hours (W17).
    WithdrawalsPerDay,
    /// What may be withdrawn within 7 days.
    WithdrawalsPerWeek,
    /// What may be withdrawn within 31 days.
    WithdrawalsPerMonth,
    /// What the player may deposit, stake or lose (D.2 in docs/scenarios.md).
    Protection {
        /// What the limit counts.
        kind: LimitKind,
        /// Over which window; of single bets there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<LimitWindow>,
        /// Whose limit leaves least.
        side: LimitSide,
    },
    /// What a register outside of this ledger said is left of a limit over several operators.
    Register {
        /// Which.
        register: RegisterName,
    },
}

/// A refusal that the rules demand. Nothing was posted.
///
/// The variants stand in order of precedence: where several apply, the first is answered (docs/scenarios.md:
/// idempotency, tombstone and round state, player and currency, form of the amount, funds).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// The player has not been opened. Nothing is recorded.
    #[error("the player is not open: open him first")]
    PlayerUnknown,
    /// The command is not for this partition of the house. Nothing is recorded.
    #[error("the command is not for this partition of the house")]
    WrongPartition,
    /// The key was used with another payload. Nothing is recorded.
    #[error("the key was already used for another payload")]
    KeyReused,
    /// Some operations of the batch are known already. Nothing is recorded.
    #[error("some operations of the batch are known already: {}", crate::player_ledger::listed(ids))]
    PartlyKnown {
        /// The known ones.
        ids: Vec<TransactionId>,
    },
    /// Another operation of the same batch was refused.
    #[error("operation {txn} of the same batch was refused")]
    BatchRefused {
        /// The one that was refused.
        txn: TransactionId,
    },
    /// The operation was rolled back before it came, or its round was cancelled.
    #[error("the transaction was cancelled by a rollback")]
    TxnCancelled,
    /// The round is closed.
    #[error("round {round} is closed")]
    RoundClosed {
        /// The round.
        round: RoundId,
    },
    /// What should be undone is settled.
    #[error("{txn} is already settled")]
    AlreadySettled {
        /// The bet or round.
        txn: TransactionId,
    },
    /// What should be undone is undone.
    #[error("{txn} is already rolled back")]
    AlreadyRolledBack {
        /// The bet, win or round.
        txn: TransactionId,
    },
    /// There is no such bet or round.
    #[error("there is no bet in round {round} to settle")]
    BetNotFound {
        /// The round.
        round: RoundId,
    },
    /// There is no such deposit, attempt, chargeback or withdrawal of this player.
    #[error("there is no payment {id}")]
    PaymentNotFound {
        /// What was named.
        id: TransactionId,
    },
    /// The document has a newer version than the one it was made from.
    #[error("the document stands at version {version}: read it again and decide anew")]
    DocumentVersion {
        /// Its newest version; 0 if there is none.
        version: u64,
    },
    /// The operation is not allowed.
    #[error("not allowed: {reason:?}")]
    NotAllowed {
        /// Why.
        reason: NotAllowedReason,
    },
    /// The command disagrees with what it refers to.
    #[error("the {field:?} of the command is not that of the transaction it names")]
    Mismatch {
        /// What differs.
        field: MismatchField,
    },
    /// The player has no purse in this currency, or the round is in another one.
    #[error("the player or round has no {currency}")]
    CurrencyMismatch {
        /// The currency of the command.
        currency: CurrencyCode,
    },
    /// The currency is in no registry of this ledger.
    #[error("the currency {currency} is not registered")]
    CurrencyUnknown {
        /// The currency.
        currency: CurrencyCode,
    },
    /// The time zone is not one of the IANA database.
    #[error("{zone:?} is not a time zone of the IANA database")]
    ZoneUnknown {
        /// The zone.
        zone: String,
    },
    /// The bet needs an open session and names none, or one that has ended or expired.
    #[error("the session is not open")]
    SessionExpired,
    /// The amount is negative, zero where it must not be, or above the currency's maximum.
    #[error("the amount {amount} is not allowed here")]
    InvalidAmount {
        /// The amount as given.
        amount: String,
    },
    /// The amount has digits that the currency does not have. The ledger never rounds an incoming amount.
    #[error("the amount {amount} is finer than the currency's {scale} digits")]
    Precision {
        /// The amount as given.
        amount: String,
        /// The currency's digits.
        scale: u8,
    },
    /// The player is closed: nothing new begins for him.
    #[error("the player is closed")]
    PlayerClosed,
    /// The player is excluded: nothing new begins for him, but withdrawals.
    #[error("the player is excluded: {kind:?}")]
    PlayerExcluded {
        /// A time-out or a self-exclusion.
        kind: ExclusionKind,
        /// Its end, if it has one. After a self-exclusion the player must ask before he may play again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// The register outside of this ledger that says so, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        register: Option<RegisterExclusion>,
    },
    /// The player is blocked, and the block bars this.
    #[error("the player is blocked: {block:?}")]
    PlayerBlocked {
        /// What for.
        block: Block,
    },
    /// A register must be asked about the player, and its answer sent with the command. The key stays free.
    #[error("ask the register {register} and send its answer with the command: {why:?}")]
    RegisterNeeded {
        /// Which.
        register: RegisterName,
        /// Why what is known of it is not enough.
        why: RegisterGap,
    },
    /// The player must be verified first.
    #[error("the player is not verified")]
    KycRequired {
        /// The tier that would do, if tiers are what it depends on and there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tier: Option<TierName>,
    },
    /// The source takes nothing new of this kind.
    #[error("{of} takes nothing new: {switch:?}")]
    SourceClosed {
        /// The source.
        of: SourceId,
        /// What of it is switched off.
        switch: SourceSwitch,
    },
    /// The player may not play this game in his jurisdiction, or nobody may.
    #[error("the game {game} is not allowed here")]
    GameNotAllowed {
        /// The game.
        game: GameId,
    },
    /// Nothing shows that the instrument the money goes to is the player's.
    #[error("the destination is not proven to be the player's")]
    DestinationUnproven,
    /// The player has played for as long as one session may be.
    #[error("the session has lasted {limit_secs} seconds")]
    SessionTimeReached {
        /// How long one may be, in seconds.
        limit_secs: u32,
    },
    /// The player has played for as long as he may in a window: over all his sessions, with the one that is named (R40).
    #[error("{limit_secs} seconds of play are the most in a window")]
    PlayTimeReached {
        /// Over which window.
        window: LimitWindow,
        /// Whose limit.
        side: LimitSide,
        /// How long he may play in it, in seconds.
        limit_secs: u32,
    },
    /// The player must be shown how long he plays and what he won and lost, before he goes on (R20).
    #[error("a reality check is due: {staked} staked, {won} won in this session")]
    RealityCheckDue {
        /// What the session's rounds staked.
        staked: Amount,
        /// What they won.
        won: Amount,
    },
    /// The player's last round began too short a time ago for another one.
    #[error("the next round may begin at {allowed_at}")]
    RoundTooSoon {
        /// From when on.
        allowed_at: Timestamp,
    },
    /// Bets of this stake are not allowed: it is none of the denominations there are, or less or more than the game may be
    /// played for.
    #[error("a stake of {stake} {currency} is not allowed")]
    StakeNotAllowed {
        /// The stake.
        stake: Amount,
        /// The currency.
        currency: CurrencyCode,
    },
    /// A limit would be passed.
    #[error("the limit {limit:?} would be passed")]
    LimitExceeded {
        /// Which.
        limit: Limit,
        /// What is left of it, if it is one of amounts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Amount>,
    },
    /// A rule of bonuses refuses.
    #[error("a rule of bonuses refuses: {rule:?}")]
    BonusRule {
        /// Which.
        rule: BonusRule,
    },
    /// The amount is more than is left of what it is taken from.
    #[error("the amount is more than is left: {left} {currency}")]
    ExceedsRest {
        /// What is left.
        left: Amount,
        /// The currency.
        currency: CurrencyCode,
    },
    /// A check of the host refuses.
    #[error("the host's check {check} (version {version}) refuses: {refusal}")]
    HostRefused {
        /// The check.
        check: HostName,
        /// Its version.
        version: u32,
        /// The host's code.
        refusal: HostName,
    },
    /// What the host keeps has changed since the command was made.
    #[error("the host's {namespace} stands at version {version}: read it again and decide anew")]
    HostVersion {
        /// The namespace.
        namespace: HostNamespace,
        /// The version of its stream.
        version: u64,
    },
    /// The document does not say what one of its kind may say. Nothing is recorded.
    #[error("the document is not valid: {what}")]
    DocumentInvalid {
        /// What is wrong with it.
        what: String,
    },
    /// The player would have too many of something.
    #[error("too many {what:?}: at most {maximum}")]
    CapacityExceeded {
        /// Of what.
        what: Capacity,
        /// How many are allowed.
        maximum: u32,
    },
    /// A balance or total would be beyond 96 bits of units.
    #[error("a balance would be beyond what the ledger can hold")]
    AmountOverflow,
    /// Deposits must be played before so much can be withdrawn, or go to another player.
    #[error("unplayed deposits: {withdrawable} {currency} can be withdrawn")]
    UnplayedDeposits {
        /// The most that can be withdrawn now, or go to another player.
        withdrawable: Amount,
        /// The currency.
        currency: CurrencyCode,
    },
    /// The player has not enough available cash.
    #[error("insufficient funds: {available} {currency} available")]
    InsufficientFunds {
        /// What is available: cash less receivable.
        available: Amount,
        /// The currency.
        currency: CurrencyCode,
    },
}

/// A refusal for a reason.
pub(crate) fn not_allowed(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

/// A refusal because there is room for no more.
pub(crate) fn capacity(what: Capacity, maximum: usize) -> Rejection {
    Rejection::CapacityExceeded { what, maximum: u32::try_from(maximum).unwrap_or(u32::MAX) }
}

impl Rejection {
    /// The stable text code, as stored and as an adapter maps it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PlayerUnknown => "player_unknown",
            Self::WrongPartition => "wrong_partition",
            Self::KeyReused => "key_reused",
            Self::PartlyKnown { .. } => "partly_known",
            Self::BatchRefused { .. } => "batch_refused",
            Self::TxnCancelled => "txn_cancelled",
            Self::RoundClosed { .. } => "round_closed",
            Self::AlreadySettled { .. } => "already_settled",
            Self::AlreadyRolledBack { .. } => "already_rolled_back",
            Self::BetNotFound { .. } => "bet_not_found",
            Self::PaymentNotFound { .. } => "payment_not_found",
            Self::DocumentVersion { .. } => "document_version",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Mismatch { .. } => "mismatch",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::CurrencyUnknown { .. } => "currency_unknown",
            Self::ZoneUnknown { .. } => "zone_unknown",
            Self::SessionExpired => "session_expired",
            Self::InvalidAmount { .. } => "invalid_amount",
            Self::Precision { .. } => "precision",
            Self::PlayerClosed => "player_closed",
            Self::PlayerExcluded { .. } => "player_excluded",
            Self::PlayerBlocked { .. } => "player_blocked",
            Self::RegisterNeeded { .. } => "register_needed",
            Self::KycRequired { .. } => "kyc_required",
            Self::SourceClosed { .. } => "source_closed",
            Self::GameNotAllowed { .. } => "game_not_allowed",
            Self::DestinationUnproven => "destination_unproven",
            Self::SessionTimeReached { .. } => "session_time_reached",
            Self::PlayTimeReached { .. } => "play_time_reached",
            Self::RealityCheckDue { .. } => "reality_check_due",
            Self::RoundTooSoon { .. } => "round_too_soon",
            Self::StakeNotAllowed { .. } => "stake_not_allowed",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::BonusRule { .. } => "bonus_rule",
            Self::ExceedsRest { .. } => "exceeds_rest",
            Self::HostRefused { .. } => "host_refused",
            Self::HostVersion { .. } => "host_version",
            Self::DocumentInvalid { .. } => "document_invalid",
            Self::CapacityExceeded { .. } => "capacity_exceeded",
            Self::AmountOverflow => "amount_overflow",
            Self::UnplayedDeposits { .. } => "unplayed_deposits",
            Self::InsufficientFunds { .. } => "insufficient_funds",
        }
    }

    /// Whether only something is missing that may come with the same command: such a refusal is recorded and never
    /// consumes its key.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(self, Self::RegisterNeeded { .. })
    }

    /// Whether the command itself is malformed: such refusals are never recorded and consume no key.
    pub fn is_malformed(&self) -> bool {
        matches!(
            self,
            Self::PlayerUnknown
                | Self::WrongPartition
                | Self::KeyReused
                | Self::PartlyKnown { .. }
                | Self::CurrencyUnknown { .. }
                | Self::ZoneUnknown { .. }
                | Self::InvalidAmount { .. }
                | Self::Precision { .. }
                | Self::DocumentInvalid { .. }
                | Self::CapacityExceeded { .. }
                | Self::AmountOverflow
        )
    }
}
