//! The commands of a player's ledger, each in the file of what it is about.

use serde::{Deserialize, Serialize};

use crate::adjustment::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax,
};
use crate::bonus::{ClaimBonus, CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus, OfferBonus};
use crate::controls::{
    AssignCase, AssignLimitProfile, CloseAlert, CloseCase, ConfirmLimit, ConfirmPlayTimeLimit,
    ConfirmSessionLimit, ExcludePlayer, OpenCaseFor, RaiseAlert, RecordRegisterAnswers, ReturnFromExclusion,
    SetLimit, SetPerson, SetPlayTimeLimit, SetSessionLimit, SetTier,
};
use crate::credit::{GrantCredit, ReportFreeRounds};
use crate::deposit::{
    AttemptDeposit, CancelDeposit, Chargeback, ExpireDeposit, FailDeposit, InitiateDeposit, RecordDeposit,
    RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback, WriteOffDebt,
};
use crate::exchange::{Exchange, ReverseExchange};
use crate::host::HostOperation;
use crate::ids::{IdError, PlayerId, SourceId, TransactionId};
use crate::jackpot::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
use crate::key::{Fingerprint, FingerprintBuilder, IdempotencyKey, OperationKind};
use crate::loyalty::{AdjustPoints, EarnPoints, ExpirePoints, SpendPoints};
use crate::money::CurrencyCode;
use crate::player::{AddPurse, BlockPlayer, ClosePlayer, OpenPlayer, ReopenPlayer, UnblockPlayer};
use crate::player_ledger::{Batch, Facts, Fault, Needs, Operation, Outcome, Workspace};
use crate::policy::Policy;
use crate::purchase::{EnterTournament, Tip};
use crate::round::{
    AdjustRound, CashOut, CloseRound, ExpireRound, Inform, PlaceBet, ReopenRound, Resettle, Rollback, Settle,
    Unsettle, Void, VoidSettled,
};
use crate::session::{AcknowledgeRealityCheck, EndSession, StartSession};
use crate::tournament::{PayTournamentPrize, ReturnTournamentEntry};
use crate::transfer::{RollIn, RollOut};
use crate::withdrawal::{
    ApproveWithdrawal, CancelWithdrawal, ExpireWithdrawal, MarkFailed, MarkPaid, MarkReturned, MarkUnknown,
    PassKyc, RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SettleLatePayout, SplitWithdrawal,
    StartReview,
};

macro_rules! commands {
    ($($name:ident),* $(,)?) => {
        /// A command to one player's ledger.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "command", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum PlayerCommand {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)*
            /// Several of the others, all or none. See [`Batch`].
            Batch(Batch),
        }

        $(impl From<$name> for PlayerCommand {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })*

        impl PlayerCommand {
            /// The names of all commands, as they are written.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)* "Batch"];

            /// The JSON Schema of every command, in the order of [`Self::NAMES`].
            #[cfg(feature = "schema")]
            pub fn schemas() -> Vec<schemars::Schema> {
                vec![$(schemars::schema_for!($name),)* schemars::schema_for!(Batch)]
            }

            /// What the operation does; of a batch, what its first one does.
            pub fn kind(&self) -> OperationKind {
                match self {
                    $(Self::$name(_) => <$name as Operation>::KIND,)*
                    Self::Batch(batch) => batch.first().kind(),
                }
            }

            /// Whether it is the cashier's business rather than play.
            pub fn is_cashier(&self) -> bool {
                match self {
                    $(Self::$name(_) => <$name as Operation>::IS_CASHIER,)*
                    Self::Batch(batch) => batch.first().is_cashier(),
                }
            }

            /// Who sends the operation and its id of it; of a batch, those of its first one.
            ///
            /// # Errors
            ///
            /// None in practice: operator and player ids are transaction and source ids too.
            pub fn sender(&self, player: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
                match self {
                    $(Self::$name(c) => c.sender(player),)*
                    Self::Batch(batch) => batch.first().sender(player),
                }
            }

            /// The currency it names, if it names one.
            pub fn currency(&self) -> Option<CurrencyCode> {
                match self {
                    $(Self::$name(c) => c.currency(),)*
                    Self::Batch(batch) => batch.commands().iter().find_map(Self::currency),
                }
            }

            /// Whether the command takes the player's money or starts a payment: then a refusal stays under its
            /// key.
            pub fn takes_money(&self) -> bool {
                match self {
                    $(Self::$name(c) => c.takes_money(),)*
                    Self::Batch(batch) => batch.commands().iter().any(Self::takes_money),
                }
            }

            /// Whether it may take more than is available, so that the player owes the rest.
            pub(crate) fn may_owe(&self, policy: &Policy) -> bool {
                match self {
                    $(Self::$name(c) => c.may_owe(policy),)*
                    Self::Batch(_) => false,
                }
            }

            /// The fingerprint of the business fields: two commands with one key are the same operation if these
            /// agree. `10`, `10.0` and `10.00` agree. Each operation of a batch has its own; this is the first's.
            pub fn fingerprint(&self) -> Fingerprint {
                let print = FingerprintBuilder::new(self.kind().as_str());
                match self {
                    $(Self::$name(c) => c.print(print).finish(),)*
                    Self::Batch(batch) => batch.first().fingerprint(),
                }
            }

            /// What must be looked for in the log; a batch's commands say it each for itself.
            pub(crate) fn needs(&self, policy: &Policy) -> Needs {
                match self {
                    $(Self::$name(c) => c.needs(policy),)*
                    Self::Batch(_) => Needs::default(),
                }
            }

            pub(crate) fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
                match self {
                    $(Self::$name(c) => c.decide(facts, work),)*
                    Self::Batch(_) => Err(Fault::corrupted("a batch in a batch").into()),
                }
            }
        }
    };
}

commands! {
    OpenPlayer,
    InitiateDeposit,
    AttemptDeposit,
    FailDeposit,
    CancelDeposit,
    ExpireDeposit,
    RecordDeposit,
    ReleaseSuspense,
    RefuseAssignment,
    RefundDeposit,
    Chargeback,
    ReverseChargeback,
    WriteOffDebt,
    PlaceBet,
    Settle,
    CloseRound,
    Void,
    Rollback,
    GrantCredit,
    ClaimJackpot,
    PayJackpot,
    WithdrawJackpotClaim,
    VoidSettled, Resettle, Unsettle, CashOut, AdjustRound, Inform, HostOperation, ProposeCorrection, DecideCorrection, ChargeInactivityFee, TransferDormant, ReclaimDormant, WithholdTax, ReturnTax, ClosePlayer, ReopenPlayer, AddPurse, Exchange, ReverseExchange,
    RequestWithdrawal,
    PassKyc,
    StartReview,
    ApproveWithdrawal,
    RejectWithdrawal,
    CancelWithdrawal,
    ExpireWithdrawal,
    SplitWithdrawal,
    SendWithdrawal,
    MarkUnknown,
    MarkPaid,
    MarkFailed,
    MarkReturned,
    SettleLatePayout,
    BlockPlayer,
    UnblockPlayer,
    ExpireRound,
    ReopenRound,
    SetLimit,
    ConfirmLimit,
    ExcludePlayer,
    ReturnFromExclusion,
    RecordRegisterAnswers,
    AssignLimitProfile,
    SetTier,
    SetPerson,
    SetSessionLimit,
    ConfirmSessionLimit,
    SetPlayTimeLimit,
    ConfirmPlayTimeLimit,
    RaiseAlert,
    CloseAlert,
    OpenCaseFor,
    AssignCase,
    CloseCase,
    StartSession,
    EndSession,
    AcknowledgeRealityCheck,
    Tip,
    EnterTournament,
    PayTournamentPrize,
    ReturnTournamentEntry,
    RollOut,
    RollIn,
    ReportFreeRounds,
    GrantBonus,
    ForfeitBonus,
    ExpireBonus,
    CompleteMission,
    OfferBonus,
    ClaimBonus,
    EarnPoints,
    SpendPoints,
    ExpirePoints,
    AdjustPoints,
}

impl From<Batch> for PlayerCommand {
    fn from(batch: Batch) -> Self {
        Self::Batch(batch)
    }
}

impl PlayerCommand {
    /// The idempotency key under a policy; of a batch, that of its first command.
    ///
    /// # Errors
    ///
    /// See [`Self::sender`].
    pub fn key(&self, player: &PlayerId, policy: &Policy) -> Result<IdempotencyKey, IdError> {
        let (source, id) = self.sender(player)?;
        let kind = policy.key_kind(&source, self.kind());
        Ok(IdempotencyKey { source, kind, id })
    }

    /// The currencies whose purses it opens: they must be registered before it is decided.
    pub fn opens_currencies(&self) -> impl Iterator<Item = CurrencyCode> {
        self.operations().iter().flat_map(|command| match command {
            Self::OpenPlayer(open) => open.currencies.clone(),
            Self::AddPurse(add) => vec![add.currency],
            _ => Vec::new(),
        })
    }

    /// The operations it consists of: itself, or those of the batch.
    pub fn operations(&self) -> &[Self] {
        match self {
            Self::Batch(batch) => batch.commands(),
            single => std::slice::from_ref(single),
        }
    }
}
