//! The host's own: events, accounts and checks that the platform adds without forking (D16 of the architecture).
//!
//! - A host *event* stands in a stream of its own, `host/P/N`, and may carry the new state of what the host keeps
//!   under the namespace N. Its state is part of the player's, so it is decided on and committed with everything
//!   else of him; in a [`crate::Batch`] it lands in the same commit as a bet.
//! - A host *account* is a name of the host under one of the four host codes of the chart (asset, liability, income,
//!   expense). Money moves between it and the player's cash, in an entry like any other.
//! - A host *check* ([`PreCheck`]) is asked before funds are, of every command that takes the player's money. It may
//!   only refuse.

mod check;
mod command;
mod decide;
mod postings;

pub use check::{PreCheck, Refused};
pub(crate) use check::{run_checks, takes_part};
pub use command::{HostAccount, HostAccountClass, HostData, HostDataError, HostMovement, HostOperation};

/// The most namespaces of one player.
pub const HOST_NAMESPACES_MAX: usize = 32;
