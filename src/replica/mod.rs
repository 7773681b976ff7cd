//! Copies of a ledger: backups, standbys, and what is missing brought back.
//!
//! Everything here stands on one fact: the history of a shard is a chain. Whoever has the same hash at the same position has the
//! same history up to there, so two stores are compared by a few hashes, and what one has more is what is copied. The stores may
//! be of different kinds: a log is backed up into a log or a SQLite file, a database into a log.
//!
//! - [`copy`] brings a store up to another one's heads: a backup while the ledger runs, again to bring it up to date,
//!   and back to restore it, or to move to another kind of store.
//! - [`bring_back`] takes from an old store what a restored or promoted one has lost, where the two do not contradict each other, and
//!   names the first commit where they do.
//! - A [`Standby`] takes commits as they land and is promoted when the primary is gone. A [`Primary`] is a store that sends
//!   everything to its standbys: beside its answers, or before them ([`Mode`]).
//!
//! `docs/backup.md` says how they are used together.

mod bring_back;
mod compare;
mod copy;
mod error;
mod fence;
mod link;
mod primary;
mod shipper;
mod standby;

pub use bring_back::{BroughtBack, Conflict, LostCommit, bring_back, lost_commits};
pub use compare::{Relation, compare};
pub use copy::{Copied, copy};
pub use error::ReplicaError;
pub use fence::{Epoch, Fence, FenceState, FileFence, MemoryFence, Role};
pub use link::{Hello, LinkError, ShardCommits, Shipment, StandbyLink};
pub use primary::{Mode, Primary, PrimaryOptions, WhenAway};
pub use shipper::{Following, StandbyStatus};
pub use standby::{Promotion, Standby, StandbyReport};
