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

mod ids;
mod key;
mod partition;
pub mod stored;
mod text;
mod time;

pub use ids::{
    ActorId, BrandId, GameId, HouseId, ID_BYTES_MAX, IdError, JurisdictionId, OperatorId, PlayerId, RoundId,
    SourceId, SubAccount, TraceId, TransactionId,
};
pub use key::{
    ContentHash, DigestTextError, FINGERPRINT_VERSION, Fingerprint, FingerprintBuilder, IdempotencyKey,
    OperationKind, tombstone_digest,
};
pub use partition::{KeyDigest, NameError, Partition, PartitionDigest, Stream, StreamDigest};
pub use time::{Timestamp, TimestampError};
