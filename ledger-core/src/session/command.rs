//! The commands on sessions.

use serde::{Deserialize, Serialize};

use super::decide;
use crate::controls::RegisterAnswer;
use crate::ids::{DeviceId, GameId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::Policy;
use crate::stored::SessionRef;

/// Starts a session: the player opens a game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    /// Who starts it: the host, or the game provider.
    pub source: SourceId,
    /// Its id of the session.
    pub id: TransactionId,
    /// The game.
    pub game: GameId,
    /// The currency of all its bets: it stays the same.
    pub currency: CurrencyCode,
    /// The device, as an opaque id.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// The launch of the game that it belongs to.
    #[serde(default)]
    pub launch: Option<TransactionId>,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
}

impl StartSession {
    /// The session as bets name it.
    pub fn session(&self) -> SessionRef {
        SessionRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for StartSession {
    const KIND: OperationKind = OperationKind::SessionStart;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(2, Some(self.currency.as_str()))
            .field(4, Some(self.game.as_str()))
            .field(5, self.device.as_ref().map(DeviceId::as_str))
            .field(6, self.launch.as_ref().map(TransactionId::as_str))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(self.session().into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::start(self, facts, work)
    }
}

/// Ends a session: no bets in it from here on. What is open of it takes its course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    /// Who ends it.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The session.
    pub session: SessionRef,
}

impl Operation for EndSession {
    const KIND: OperationKind = OperationKind::SessionEnd;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.session.source.as_str())).field(2, Some(self.session.id.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::end(self, facts, work)
    }
}

/// Records that the player was shown how long he plays and what he won and lost, and wants to go on (R20, S108 in
/// docs/scenarios.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeRealityCheck {
    /// Who showed it.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The session.
    pub session: SessionRef,
}

impl Operation for AcknowledgeRealityCheck {
    const KIND: OperationKind = OperationKind::RealityCheck;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.session.source.as_str())).field(2, Some(self.session.id.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        decide::acknowledge(self, facts, work)
    }
}
