//! The event of the host. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::shapes::shape;
use crate::host::HostData;
use crate::ids::{HostName, SourceId, TransactionId};

shape! {
    /// `host.recorded` 1: an event of the host, in the stream of its namespace.
    pub struct HostRecorded {
        /// Who sent it.
        pub source: SourceId,
        /// Its id of the operation.
        pub txn: TransactionId,
        /// The type of the event, as the host names it.
        pub name: HostName,
        /// The version of the event's shape.
        pub version: u16,
        /// The event: a JSON text of the host.
        pub data: HostData,
        /// What the host keeps under the namespace from now on; absent if that did not change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub state: Option<HostData>,
        /// The entry, if it moved money.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entry: Option<u64>,
    }
}
