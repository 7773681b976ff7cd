//! The rules of one jurisdiction.

use serde::{Deserialize, Serialize};

/// The rules of one jurisdiction, for the players that were opened in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct JurisdictionProfile {}
