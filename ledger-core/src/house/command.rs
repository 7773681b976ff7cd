//! The commands of the house, each in the file of what it is about.

use serde::{Deserialize, Serialize};

use super::operation::{Currencies, HouseOperation};
use crate::house::{
    AccrueDuty, AccrueProviderFees, ActivateShapes, AssignSuspense, BookFxResult, CancelAssignment,
    ConfirmAssignment, DecideJournal, ExchangeFunds, HouseAggregateRef, HouseName, HouseWorkspace,
    ProposeJournal, PublishDocument, RecordChargebackLoss, RecoverBadDebt, RegisterCurrency, ReturnSuspense,
    SeedJackpot, SettleAuthority, SettleProvider, SettlePsp, SuspendCapture, TransferFunds,
};
use crate::house::{AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, SettleJackpotAward, SweepJackpot};
use crate::house::{
    CancelTournament, CloseTournament, ConfigureTournament, EndTournament, OpenTournament, RankTournament,
    ReleaseTournamentEntry, ScoreTournament, SettleTournamentPrize, TakeTournamentEntry,
};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{Fingerprint, FingerprintBuilder, IdempotencyKey, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::Rejection;

macro_rules! commands {
    ($($name:ident),* $(,)?) => {
        /// A command to one partition of the house.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "command", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum HouseCommand {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)*
        }

        $(impl From<$name> for HouseCommand {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })*

        impl HouseCommand {
            /// The names of all commands, as they are written.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// What the operation does.
            pub fn kind(&self) -> OperationKind {
                match self {
                    $(Self::$name(_) => <$name as HouseOperation>::KIND,)*
                }
            }

            /// Whether it is for this partition.
            pub fn is_for(&self, house: &HouseId) -> bool {
                let Some(HouseName { purpose, .. }) = HouseName::of(house) else { return false };
                match self {
                    $(Self::$name(_) => <$name as HouseOperation>::is_for(&purpose),)*
                }
            }

            /// Who sends the operation, and its id of it.
            ///
            /// # Errors
            ///
            /// None in practice: the names of partitions are made of ids.
            pub fn sender(&self, house: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
                match self {
                    $(Self::$name(c) => c.sender(house),)*
                }
            }

            /// The currencies it needs: they must be registered before it is decided.
            pub fn currencies(&self) -> impl Iterator<Item = CurrencyCode> {
                let all: Currencies = match self {
                    $(Self::$name(c) => c.currencies(),)*
                };
                all.into_iter()
            }

            /// The fingerprint of the business fields: two commands with one key are the same operation if these
            /// agree. `10`, `10.0` and `10.00` agree.
            pub fn fingerprint(&self) -> Fingerprint {
                let print = FingerprintBuilder::new(self.kind().as_str());
                match self {
                    $(Self::$name(c) => c.print(print).finish(),)*
                }
            }

            /// What must be looked for in the log.
            pub(crate) fn needs(&self) -> Option<HouseAggregateRef> {
                match self {
                    $(Self::$name(c) => c.needs(),)*
                }
            }

            pub(super) fn reused(&self) -> Rejection {
                match self {
                    $(Self::$name(c) => c.reused(),)*
                }
            }

            pub(super) fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
                match self {
                    $(Self::$name(c) => c.decide(facts, work),)*
                }
            }
        }
    };
}

commands! {
    RegisterCurrency,
    PublishDocument,
    ActivateShapes,
    SettlePsp,
    RecordChargebackLoss,
    SuspendCapture,
    AssignSuspense,
    ConfirmAssignment,
    CancelAssignment,
    ReturnSuspense,
    AccrueProviderFees,
    SettleProvider,
    AccrueDuty,
    SettleAuthority,
    TransferFunds,
    ExchangeFunds,
    BookFxResult,
    RecoverBadDebt,
    SeedJackpot,
    ConfigureJackpot,
    ChangeJackpotStatus,
    SweepJackpot,
    AwardJackpot,
    SettleJackpotAward,
    ConfigureTournament,
    OpenTournament,
    CancelTournament,
    TakeTournamentEntry,
    ReleaseTournamentEntry,
    ScoreTournament,
    EndTournament,
    CloseTournament,
    RankTournament,
    SettleTournamentPrize,
    ProposeJournal,
    DecideJournal,
}

impl HouseCommand {
    /// The idempotency key. A policy's scope of keys is about sources of players' operations; the house's are
    /// always unique per kind.
    ///
    /// # Errors
    ///
    /// See [`Self::sender`].
    pub fn key(&self, house: &HouseId) -> Result<IdempotencyKey, IdError> {
        let (source, id) = self.sender(house)?;
        Ok(IdempotencyKey { source, kind: self.kind(), id })
    }
}
