//! The commands on the player himself.

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::ids::{BrandId, IdError, JurisdictionId, OperatorId, PersonId, PlayerId, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Operation, Outcome, Workspace};

/// Opens a player. Key: (operator, open, player).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenPlayer {
    /// The operator.
    pub operator: OperatorId,
    /// The brand.
    pub brand: BrandId,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: JurisdictionId,
    /// The time zone of his periods, as in the IANA database.
    pub zone: String,
    /// Real or test, for ever.
    pub kind: AccountKind,
    /// His purses: at least one, each currency once.
    pub currencies: Vec<CurrencyCode>,
    /// Which person he is, as an opaque token of the host; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
}

impl Operation for OpenPlayer {
    const KIND: OperationKind = OperationKind::Open;
    const IS_CASHIER: bool = true;

    fn sender(&self, player: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
        Ok((SourceId::new(self.operator.as_str())?, TransactionId::new(player.as_str())?))
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let kind = match self.kind {
            AccountKind::Real => "real",
            AccountKind::Test => "test",
        };
        let print = print
            .field(1, Some(self.operator.as_str()))
            .field(2, Some(self.brand.as_str()))
            .field(3, Some(self.jurisdiction.as_str()))
            .field(4, Some(&self.zone))
            .field(5, Some(kind));
        self.currencies.iter().fold(print, |print, currency| print.field(6, Some(currency.as_str())))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::decide::open(self, facts, work)
    }
}
