//! The pure domain of casino-ledger.

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
mod deposit;
mod entry;
mod house;
mod ids;
mod key;
mod money;
mod partition;
mod player;
mod player_ledger;
mod policy;
mod rejection;
mod round;
pub mod stored;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod time;
mod wallet;

pub use account::{Account, AccountClass, AccountCode, AccountKind, AccountNameError, Book, Side};
pub use entry::{Entry, EntryError, POSTINGS_MAX, Posting};
pub use house::{CurrencyRegister, RegisterCurrency, register_partition};
pub use ids::{
    ActorId, Authorisation, BrandId, GameId, HouseId, ID_BYTES_MAX, IdError, JurisdictionId, OperatorId,
    PlayerId, REASON_BYTES_MAX, Reason, RoundId, SUB_ACCOUNT_BYTES_MAX, SourceId, SubAccount, TraceId,
    TransactionId,
};
pub use key::{
    ContentHash, DigestTextError, FINGERPRINT_VERSION, Fingerprint, FingerprintBuilder, IdempotencyKey,
    OperationKind, tombstone_digest,
};
pub use money::{
    Amount, AmountError, Currency, CurrencyCode, CurrencyCodeError, CurrencyError, CurrencyRegistry,
    SCALE_MAX, UNITS_BOUND,
};
pub use partition::{KeyDigest, NameError, Partition, PartitionDigest, Stream, StreamDigest};
pub use player_ledger::{
    CloseRound, Context, Decision, Draft, FOLD_VERSION, Facts, FactsNeeded, Fault, Finality, GrantCredit,
    KnownOperation, OPEN_ROUNDS_MAX, OpenPlayer, PlaceBet, PlayerCommand, PlayerLedger, PlayerState, Profile,
    RecordDeposit, Rollback, RollbackKind, RoundRef, Settle, Subject, Void, VoidTarget,
};
pub use policy::{KeyScope, Policy, ShortfallPolicy, SourcePolicy};
pub use rejection::{Capacity, MismatchField, NotAllowedReason, Rejection};
pub use round::{BETS_MAX, WINS_MAX};
pub use time::{Timestamp, TimestampError};
pub use wallet::{Purse, Wallet};
