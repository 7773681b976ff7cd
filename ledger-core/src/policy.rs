//! Policies: how sources behave, as a plain versioned document whose hash every commit names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::SourceId;
use crate::key::{ContentHash, OperationKind};

/// What happens when a win is rolled back and the player has already spent it (S42a to S42d in
/// docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShortfallPolicy {
    /// Take it all; what is missing becomes a receivable that blocks bets until it is paid.
    #[default]
    AllowNegative,
    /// Refuse the rollback.
    Reject,
    /// Answer that it was done, take nothing, and record that the win was retained.
    Retain,
    /// Take what is there and write the rest off as bad debt.
    ZeroOut,
}

/// Over what a source's transaction ids are unique (S22 in docs/scenarios.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Per kind of operation: a bet and its win may carry the same id.
    #[default]
    PerKind,
    /// Over all kinds: an id is used once, whatever for.
    AnyKind,
}

/// How one source behaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SourcePolicy {
    /// Over what its transaction ids are unique.
    pub key_scope: KeyScope,
    /// What a rollback of a spent win does.
    pub on_shortfall: ShortfallPolicy,
    /// Whether a refused bet stays refused under its key (S20 in docs/scenarios.md).
    pub sticky_rejections: bool,
}

impl Default for SourcePolicy {
    fn default() -> Self {
        Self {
            key_scope: KeyScope::PerKind,
            on_shortfall: ShortfallPolicy::AllowNegative,
            sticky_rejections: true,
        }
    }
}

/// The policies a ledger decides under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The version of the document's shape.
    pub version: u16,
    /// How sources behave that are not named.
    pub default: SourcePolicy,
    /// How named sources behave.
    pub sources: BTreeMap<SourceId, SourcePolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { version: 1, default: SourcePolicy::default(), sources: BTreeMap::new() }
    }
}

impl Policy {
    /// How a source behaves.
    pub fn of(&self, source: &SourceId) -> &SourcePolicy {
        self.sources.get(source).unwrap_or(&self.default)
    }

    /// The kind under which an operation's key stands, by the source's scope.
    pub fn key_kind(&self, source: &SourceId, kind: OperationKind) -> OperationKind {
        match self.of(source).key_scope {
            KeyScope::PerKind => kind,
            KeyScope::AnyKind => OperationKind::Any,
        }
    }

    /// The hash of the document's canonical JSON: fields in declaration order, sources by id.
    ///
    /// # Errors
    ///
    /// None in practice: the document has only texts, numbers and flags.
    pub fn content_hash(&self) -> Result<ContentHash, serde_json::Error> {
        Ok(ContentHash::of(&serde_json::to_vec(self)?))
    }
}
