//! Activation: from one commit on, newer shapes are written.
//!
//! Two releases may run side by side on one ledger, and the older one may come back, as long as nothing is written
//! that it cannot read. The operator ends that time, once for each level, when no process of the older release is
//! left. A process that was forgotten writes nothing wrong: it cannot read what is new, and stops where it meets it.

use serde::{Deserialize, Serialize};

use super::operation::{HouseOperation, not_allowed};
use super::{HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Stop};
use crate::rejection::NotAllowedReason;
use crate::stored::{Event, ShapeLevel, ShapesActivated};

/// Lets newer shapes be written. There is no way back: older releases cannot read what is written from here on.
/// Key: (`ledger`, activation, level).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivateShapes {
    /// The level: above the active one, and at most the newest this build knows.
    pub level: ShapeLevel,
    /// Why, in the words of who does it; not part of the fingerprint.
    pub reason: Reason,
}

impl HouseOperation for ActivateShapes {
    const KIND: OperationKind = OperationKind::Activation;

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Configuration)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        Ok((SourceId::new("ledger")?, TransactionId::new(self.level.to_string())?))
    }

    /// The level is in the key.
    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        if self.level > ShapeLevel::NEWEST {
            return Err(not_allowed(NotAllowedReason::LevelUnknown));
        }
        if self.level <= work.state().level() {
            return Err(not_allowed(NotAllowedReason::LevelPassed));
        }
        let event = ShapesActivated { level: self.level, reason: self.reason.clone() };
        work.push_house(Event::ShapesActivated(event))?;
        Ok(())
    }
}
