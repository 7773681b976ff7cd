//! The register of currencies: a currency's first use fixes its scale and maximum for ever, for the whole ledger.

use serde::{Deserialize, Serialize};

use super::operation::HouseOperation;
use super::{HouseName, HousePurpose, HouseWorkspace};
use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::Currency;
use crate::partition::Partition;
use crate::player_ledger::{Facts, Stop};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{CurrencyRegistered, Event};

/// The partition of the register.
///
/// # Errors
///
/// None in practice: the name is an identifier.
pub fn register_partition() -> Result<Partition, IdError> {
    HouseName::real(HousePurpose::Currencies).partition()
}

/// Records a currency at its first use. Key: (`ledger`, currency, code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterCurrency {
    /// The currency as it is to be for ever.
    pub currency: Currency,
}

impl HouseOperation for RegisterCurrency {
    const KIND: OperationKind = OperationKind::Currency;

    fn is_for(purpose: &HousePurpose) -> bool {
        matches!(purpose, HousePurpose::Currencies)
    }

    fn sender(&self, _: &HouseId) -> Result<(SourceId, TransactionId), IdError> {
        Ok((SourceId::new("ledger")?, TransactionId::new(self.currency.code().as_str())?))
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(1, Some(&self.currency.scale().to_string()))
            .field(2, Some(&self.currency.maximum().to_string()))
    }

    fn reused(&self) -> Rejection {
        Rejection::NotAllowed { reason: NotAllowedReason::CurrencyDiffers }
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        // Its key was not found, so this cannot be; two of them would be damage for ever.
        if work.state().currencies().get(self.currency.code()).is_some() {
            return Err(self.reused().into());
        }
        work.push_house(Event::CurrencyRegistered(CurrencyRegistered { currency: self.currency }))?;
        Ok(())
    }
}
