//! Which shapes may be written: a ledger's level, which rises when its operator says so and never falls.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The level of the shapes that a ledger is written in.
///
/// A release that brings new shapes raises [`Self::NEWEST`] by one. It reads everything that was ever written, but
/// writes new shapes only once the ledger was told that no older release will write or read it any more
/// ([`ActivateShapes`](crate::ActivateShapes)). Until then both releases work side by side, and the older one may
/// come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ShapeLevel(pub u16);

impl ShapeLevel {
    /// Where every ledger begins: the shapes of the first release.
    pub const FIRST: Self = Self(1);

    /// The newest level this build can write.
    #[cfg(not(feature = "next-release"))]
    pub const NEWEST: Self = Self::FIRST;

    /// The newest level this build can write.
    #[cfg(feature = "next-release")]
    pub const NEWEST: Self = Self(2);
}

impl Default for ShapeLevel {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for ShapeLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
