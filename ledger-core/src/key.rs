//! Idempotency keys, fingerprints and content hashes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{SourceId, TransactionId};
use crate::partition::{KeyDigest, PartitionDigest};

/// What an operation does; part of its idempotency key, so that a bet and its win may carry the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OperationKind {
    /// Opening of the player.
    Open,
    /// A deposit.
    Deposit,
    /// A bet.
    Bet,
    /// A win or the settlement of a bet.
    Win,
    /// A credit without a stake: promotion, free round, jackpot.
    Credit,
    /// The end of a round.
    Close,
    /// The voiding of a bet or a round.
    Void,
    /// The rollback of a bet or a win.
    Rollback,
    /// The voiding of settled bets.
    VoidSettled,
    /// The correction of a result.
    Resettle,
    /// A settled bet that is open again.
    Unsettle,
    /// A cash-out.
    CashOut,
    /// A provider's adjustment.
    Adjustment,
    /// A message about no money.
    Information,
    /// An event of the host.
    Host,
    /// The start of a deposit at the cashier.
    DepositIntent,
    /// An attempt of it at a payment provider.
    DepositAttempt,
    /// The failure of a deposit, or of one of its attempts.
    DepositFail,
    /// The player gives a deposit up.
    DepositCancel,
    /// A deposit took too long.
    DepositExpire,
    /// Money leaves suspense.
    SuspenseRelease,
    /// A captured deposit goes back to its payer.
    DepositRefund,
    /// A payment is disputed and taken back.
    Chargeback,
    /// A dispute was won.
    ChargebackReversal,
    /// What a player owes is given up.
    DebtWriteOff,
    /// A currency's first use (house).
    Currency,
    /// Newer shapes are written (house).
    Activation,
    /// The proposal of a correction.
    Correction,
    /// The decision on a proposed correction.
    CorrectionDecision,
    /// A fee for inactivity.
    InactivityFee,
    /// Cash becomes dormant.
    DormantTransfer,
    /// Dormant money becomes cash again.
    DormantReclaim,
    /// The withholding of a tax.
    Tax,
    /// The return of a withheld tax.
    TaxReturn,
    /// The closing of the player.
    PlayerClose,
    /// The reopening of the player.
    PlayerReopen,
    /// One purse more.
    Purse,
    /// An exchange between two purses.
    Exchange,
    /// The reversal of an exchange.
    ExchangeReversal,
    /// The settlement of a payment provider (house).
    PspSettlement,
    /// A chargeback that no player bears, or its return (house).
    ChargebackLoss,
    /// Money of nobody known came in (house).
    SuspenseCapture,
    /// An item in suspense is assigned to a player (house).
    SuspenseAssignment,
    /// An assigned item has landed (house).
    SuspenseLanding,
    /// An assignment is called off (house).
    AssignmentCancel,
    /// An item in suspense goes back to its payer (house).
    SuspenseReturn,
    /// Fees of a game provider are owed (house).
    ProviderFeeAccrual,
    /// The settlement with a game provider (house).
    ProviderSettlement,
    /// Gaming duty is owed (house).
    DutyAccrual,
    /// The settlement with an authority (house).
    AuthoritySettlement,
    /// A transfer between bank accounts (house).
    FundsTransfer,
    /// An exchange between bank accounts (house).
    FundsExchange,
    /// A gain or loss of exchange (house).
    FxResult,
    /// A debt that was written off is paid after all (house).
    DebtRecovery,
    /// The seed of a jackpot (house).
    JackpotSeed,
    /// The parameters of a jackpot (house).
    JackpotConfiguration,
    /// A jackpot is opened, suspended or closed (house).
    JackpotStatus,
    /// A pool learns what was booked for it (house).
    JackpotSweep,
    /// A claim gets the pool (house).
    JackpotAward,
    /// An award was paid, or came back (house).
    JackpotAwardSettlement,
    /// A round triggered a jackpot.
    JackpotClaim,
    /// A jackpot is paid, or its claim withdrawn: of the two the first counts.
    JackpotPayment,
    /// The terms of a tournament (house).
    TournamentConfiguration,
    /// A tournament is opened (house).
    TournamentOpening,
    /// A tournament is cancelled (house).
    TournamentCancel,
    /// An entry came to a tournament (house).
    TournamentEntryTaking,
    /// What was paid for an entry went back (house).
    TournamentEntryRelease,
    /// What points a player has (house).
    TournamentScore,
    /// The end of play in a tournament (house).
    TournamentEnd,
    /// The results of a tournament are fixed (house).
    TournamentClosing,
    /// A page of the places of a tournament (house).
    TournamentPage,
    /// A prize was paid, or is the house's (house).
    TournamentPrizeSettlement,
    /// A prize of a tournament is paid.
    TournamentPrize,
    /// An entry to a tournament goes back that takes no part.
    TournamentReturn,
    /// The proposal of a journal entry (house).
    Journal,
    /// The decision on a proposed journal entry (house).
    JournalDecision,
    /// The publication of a document (house).
    Document,
    /// The request for a withdrawal.
    Withdrawal,
    /// That the player of a withdrawal is verified.
    WithdrawalKyc,
    /// Someone looks at a withdrawal.
    WithdrawalReview,
    /// The approval of a withdrawal.
    WithdrawalApproval,
    /// The operator's refusal of a withdrawal.
    WithdrawalRejection,
    /// The player takes a withdrawal back.
    WithdrawalCancel,
    /// A withdrawal is replaced by parts.
    WithdrawalSplit,
    /// A withdrawal took too long.
    WithdrawalExpire,
    /// A payment provider is told to pay.
    PayoutSend,
    /// It does not answer.
    PayoutUnknown,
    /// It has paid.
    PayoutPaid,
    /// It has not paid.
    PayoutFailed,
    /// What it paid came back.
    PayoutReturn,
    /// Who bears a late payout.
    PayoutSettlement,
    /// A block of the player.
    PlayerBlock,
    /// The lifting of a block.
    PlayerUnblock,
    /// A round took too long.
    RoundExpire,
    /// A round is open again.
    RoundReopen,
    /// A limit of the player.
    LimitSet,
    /// The confirmation of a higher limit.
    LimitConfirm,
    /// An exclusion of the player.
    Exclusion,
    /// The return from one.
    ExclusionReturn,
    /// What registers outside of this ledger answered.
    RegisterAnswer,
    /// How far the player is verified.
    Tier,
    /// The assignment of a profile of limits.
    LimitProfile,
    /// Which person the player is.
    Person,
    /// A signal of risk.
    Alert,
    /// The end of an alert.
    AlertClose,
    /// A case is opened.
    Case,
    /// Someone looks into a case.
    CaseAssign,
    /// The end of a case.
    CaseClose,
    /// A limit on the time of a session.
    SessionLimitSet,
    /// The confirmation of longer sessions.
    SessionLimitConfirm,
    /// A limit on the time of play.
    PlayTimeLimitSet,
    /// The confirmation of a higher limit on the time of play.
    PlayTimeLimitConfirm,
    /// The start of a session.
    SessionStart,
    /// The end of a session.
    SessionEnd,
    /// The acknowledgement of a reality check.
    RealityCheck,
    /// A tip.
    Tip,
    /// The entry to a tournament.
    TournamentEntry,
    /// Money goes to play elsewhere.
    RollOut,
    /// Money comes back from there.
    RollIn,
    /// The total of free rounds.
    FreeRoundTotal,
    /// The grant of a bonus.
    BonusGrant,
    /// The end of a bonus before its time.
    BonusForfeit,
    /// The end of a bonus whose time is over.
    BonusExpire,
    /// A mission is completed.
    MissionComplete,
    /// The offer of a bonus.
    BonusOffer,
    /// The claim of an offered bonus.
    BonusClaim,
    /// Loyalty points for what was played.
    PointsEarn,
    /// Loyalty points are spent on a bonus.
    PointsSpend,
    /// The end of loyalty points.
    PointsExpire,
    /// Loyalty points are given or taken by hand.
    PointsAdjust,
    /// Any of the above: the kind under which a source's keys stand whose ids are unique over all kinds.
    Any,
}

impl OperationKind {
    /// The stable text of this kind, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Deposit => "deposit",
            Self::Bet => "bet",
            Self::Win => "win",
            Self::Credit => "credit",
            Self::Close => "close",
            Self::Void => "void",
            Self::Rollback => "rollback",
            Self::VoidSettled => "void_settled",
            Self::Resettle => "resettle",
            Self::Unsettle => "unsettle",
            Self::CashOut => "cash_out",
            Self::Adjustment => "adjustment",
            Self::Information => "information",
            Self::Host => "host",
            Self::DepositIntent => "deposit_intent",
            Self::DepositAttempt => "deposit_attempt",
            Self::DepositFail => "deposit_fail",
            Self::DepositCancel => "deposit_cancel",
            Self::DepositExpire => "deposit_expire",
            Self::SuspenseRelease => "suspense_release",
            Self::DepositRefund => "deposit_refund",
            Self::Chargeback => "chargeback",
            Self::ChargebackReversal => "chargeback_reversal",
            Self::DebtWriteOff => "debt_write_off",
            Self::Currency => "currency",
            Self::Activation => "activation",
            Self::Correction => "correction",
            Self::CorrectionDecision => "correction_decision",
            Self::InactivityFee => "inactivity_fee",
            Self::DormantTransfer => "dormant_transfer",
            Self::DormantReclaim => "dormant_reclaim",
            Self::Tax => "tax",
            Self::TaxReturn => "tax_return",
            Self::PlayerClose => "player_close",
            Self::PlayerReopen => "player_reopen",
            Self::Purse => "purse",
            Self::Exchange => "exchange",
            Self::ExchangeReversal => "exchange_reversal",
            Self::PspSettlement => "psp_settlement",
            Self::ChargebackLoss => "chargeback_loss",
            Self::SuspenseCapture => "suspense_capture",
            Self::SuspenseAssignment => "suspense_assignment",
            Self::SuspenseLanding => "suspense_landing",
            Self::AssignmentCancel => "assignment_cancel",
            Self::SuspenseReturn => "suspense_return",
            Self::ProviderFeeAccrual => "provider_fee_accrual",
            Self::ProviderSettlement => "provider_settlement",
            Self::DutyAccrual => "duty_accrual",
            Self::AuthoritySettlement => "authority_settlement",
            Self::FundsTransfer => "funds_transfer",
            Self::FundsExchange => "funds_exchange",
            Self::FxResult => "fx_result",
            Self::DebtRecovery => "debt_recovery",
            Self::JackpotSeed => "jackpot_seed",
            Self::JackpotConfiguration => "jackpot_configuration",
            Self::JackpotStatus => "jackpot_status",
            Self::JackpotSweep => "jackpot_sweep",
            Self::JackpotAward => "jackpot_award",
            Self::JackpotAwardSettlement => "jackpot_award_settlement",
            Self::JackpotClaim => "jackpot_claim",
            Self::JackpotPayment => "jackpot_payment",
            Self::TournamentConfiguration => "tournament_configuration",
            Self::TournamentOpening => "tournament_opening",
            Self::TournamentCancel => "tournament_cancel",
            Self::TournamentEntryTaking => "tournament_entry_taking",
            Self::TournamentEntryRelease => "tournament_entry_release",
            Self::TournamentScore => "tournament_score",
            Self::TournamentEnd => "tournament_end",
            Self::TournamentClosing => "tournament_closing",
            Self::TournamentPage => "tournament_page",
            Self::TournamentPrizeSettlement => "tournament_prize_settlement",
            Self::TournamentPrize => "tournament_prize",
            Self::TournamentReturn => "tournament_return",
            Self::Journal => "journal",
            Self::JournalDecision => "journal_decision",
            Self::Document => "document",
            Self::Withdrawal => "withdrawal",
            Self::WithdrawalKyc => "withdrawal_kyc",
            Self::WithdrawalReview => "withdrawal_review",
            Self::WithdrawalApproval => "withdrawal_approval",
            Self::WithdrawalRejection => "withdrawal_rejection",
            Self::WithdrawalCancel => "withdrawal_cancel",
            Self::WithdrawalSplit => "withdrawal_split",
            Self::WithdrawalExpire => "withdrawal_expire",
            Self::PayoutSend => "payout_send",
            Self::PayoutUnknown => "payout_unknown",
            Self::PayoutPaid => "payout_paid",
            Self::PayoutFailed => "payout_failed",
            Self::PayoutReturn => "payout_return",
            Self::PayoutSettlement => "payout_settlement",
            Self::PlayerBlock => "player_block",
            Self::PlayerUnblock => "player_unblock",
            Self::RoundExpire => "round_expire",
            Self::RoundReopen => "round_reopen",
            Self::LimitSet => "limit_set",
            Self::LimitConfirm => "limit_confirm",
            Self::Exclusion => "exclusion",
            Self::ExclusionReturn => "exclusion_return",
            Self::RegisterAnswer => "register_answer",
            Self::Tier => "tier",
            Self::LimitProfile => "limit_profile",
            Self::Person => "person",
            Self::Alert => "alert",
            Self::AlertClose => "alert_close",
            Self::Case => "case",
            Self::CaseAssign => "case_assign",
            Self::CaseClose => "case_close",
            Self::SessionLimitSet => "session_limit_set",
            Self::SessionLimitConfirm => "session_limit_confirm",
            Self::PlayTimeLimitSet => "play_time_limit_set",
            Self::PlayTimeLimitConfirm => "play_time_limit_confirm",
            Self::SessionStart => "session_start",
            Self::SessionEnd => "session_end",
            Self::RealityCheck => "reality_check",
            Self::Tip => "tip",
            Self::TournamentEntry => "tournament_entry",
            Self::RollOut => "roll_out",
            Self::RollIn => "roll_in",
            Self::FreeRoundTotal => "free_round_total",
            Self::BonusGrant => "bonus_grant",
            Self::BonusForfeit => "bonus_forfeit",
            Self::BonusExpire => "bonus_expire",
            Self::MissionComplete => "mission_complete",
            Self::BonusOffer => "bonus_offer",
            Self::BonusClaim => "bonus_claim",
            Self::PointsEarn => "points_earn",
            Self::PointsSpend => "points_spend",
            Self::PointsExpire => "points_expire",
            Self::PointsAdjust => "points_adjust",
            Self::Any => "any",
        }
    }
}

/// The text that stands for a tombstone in the index; no [`OperationKind`] reads like it.
pub(crate) const TOMBSTONE: &str = "tombstone";

/// An idempotency key: unique for ever within its partition.
///
/// Rule: the same key with the same payload answers the first outcome again; with another payload it is
/// refused as `key_reused`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey {
    /// Who sent the operation.
    pub source: SourceId,
    /// What the operation does.
    pub kind: OperationKind,
    /// The sender's id of it.
    pub id: TransactionId,
}

impl IdempotencyKey {
    /// What the index finds this key by.
    pub fn digest(&self, partition: &PartitionDigest) -> KeyDigest {
        KeyDigest::new(partition, &self.source, self.kind.as_str(), &self.id)
    }
}

/// What the index finds the tombstone of `(source, any kind, id)` by.
pub fn tombstone_digest(partition: &PartitionDigest, source: &SourceId, id: &TransactionId) -> KeyDigest {
    KeyDigest::new(partition, source, TOMBSTONE, id)
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.kind.as_str(), self.id)
    }
}

/// A text that is not the expected number of bytes in base64 (URL alphabet, no padding).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {bytes} bytes in base64 (URL alphabet, no padding)")]
pub struct DigestTextError {
    bytes: usize,
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], DigestTextError> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(n) if n == N => Ok(bytes),
        _ => Err(DigestTextError { bytes: N }),
    }
}

macro_rules! digest_text {
    ($name:ident, $bytes:literal, $chars:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; $chars];
                let n = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
                f.write_str(text.get(..n).and_then(|t| std::str::from_utf8(t).ok()).ok_or(fmt::Error)?)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
        impl FromStr for $name {
            type Err = DigestTextError;
            fn from_str(text: &str) -> Result<Self, DigestTextError> {
                decode::<$bytes>(text).map(Self)
            }
        }
        crate::text::serde_as_text!($name);
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "minLength": $chars, "maxLength": $chars,
                    "pattern": "^[A-Za-z0-9_-]*$",
                    "description": concat!(stringify!($bytes), " bytes in base64, URL alphabet, no padding")
                })
            }
        }
    };
}

/// The fingerprint of a command's business fields: a version byte and a SHA-256 (33 bytes, 44 characters).
///
/// Two commands with one key are the same operation if their fingerprints are equal. Metadata (actor,
/// trace) is not part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 33]);
digest_text!(Fingerprint, 33, 44);

/// The SHA-256 of a published document (43 characters).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);
digest_text!(ContentHash, 32, 43);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Builds a [`Fingerprint`] over a fixed layout: each field is a tag byte, a length and its bytes.
#[derive(Debug, Clone)]
pub struct FingerprintBuilder(Sha256);

/// The version of the layout that new fingerprints have; older ones stay computable.
pub const FINGERPRINT_VERSION: u8 = 1;

impl FingerprintBuilder {
    /// Starts a fingerprint of an operation of this kind.
    pub fn new(kind: &str) -> Self {
        Self(Sha256::new()).field(0, Some(kind))
    }

    /// Adds a field, present or absent. `tag` numbers the field within its kind.
    #[must_use]
    pub fn field(mut self, tag: u8, value: Option<&str>) -> Self {
        match value {
            Some(text) => {
                self.0.update([tag, 1]);
                // Ids and amounts are bounded far below 2^32 bytes.
                self.0.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                self.0.update(text);
            }
            None => self.0.update([tag, 0]),
        }
        self
    }

    /// Adds an amount by its value: `10`, `10.0` and `10.00` are one.
    #[must_use]
    pub fn amount(self, tag: u8, value: &Decimal) -> Self {
        self.optional_amount(tag, Some(value))
    }

    /// Adds an amount by its value, present or absent.
    #[must_use]
    pub fn optional_amount(self, tag: u8, value: Option<&Decimal>) -> Self {
        self.field(tag, value.map(|value| value.normalize().to_string()).as_deref())
    }

    /// The fingerprint.
    pub fn finish(self) -> Fingerprint {
        let mut bytes = [0; 33];
        let (version, digest) = bytes.split_at_mut(1);
        version.fill(FINGERPRINT_VERSION);
        digest.copy_from_slice(&self.0.finalize());
        Fingerprint(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_back() {
        let print = FingerprintBuilder::new("bet").field(1, Some("x")).field(2, None).finish();
        assert_eq!(print.to_string().len(), 44);
        assert_eq!(print.to_string().parse(), Ok(print));
        let hash = ContentHash::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("AAAA".parse::<Fingerprint>().is_err());
        assert!("!".repeat(44).parse::<Fingerprint>().is_err());
    }

    #[test]
    fn fields_cannot_run_together() {
        let a = FingerprintBuilder::new("bet").field(1, Some("1")).field(2, Some("23")).finish();
        let b = FingerprintBuilder::new("bet").field(1, Some("12")).field(2, Some("3")).finish();
        let c = FingerprintBuilder::new("bet").field(1, Some("")).field(2, None).finish();
        let d = FingerprintBuilder::new("bet").field(1, None).field(2, Some("")).finish();
        assert_ne!(a, b);
        assert_ne!(c, d);
    }
}
