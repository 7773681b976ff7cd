//! One purse more for a player who needs a currency he was not opened with.

use serde::{Deserialize, Serialize};

use super::decide::CURRENCIES_MAX;
use crate::ids::{SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::rejection::{Capacity, NotAllowedReason, Rejection};
use crate::stored::{Event, PurseOpened, TransactionRef};

/// Opens one purse more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddPurse {
    /// The host.
    pub source: SourceId,
    /// Its id of the opening.
    pub id: TransactionId,
    /// The currency.
    pub currency: CurrencyCode,
}

impl Operation for AddPurse {
    const KIND: OperationKind = OperationKind::Purse;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(2, Some(self.currency.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let state = work.state();
        if state.wallet().purse(self.currency).is_some() {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::PurseExists }.into());
        }
        let unknown = || Rejection::CurrencyUnknown { currency: self.currency };
        let currency = *facts.currencies.get(self.currency).ok_or_else(unknown)?;
        state.check_open()?;
        if state.wallet().purses().len() >= CURRENCIES_MAX {
            let maximum = u32::try_from(CURRENCIES_MAX).unwrap_or(u32::MAX);
            return Err(Rejection::CapacityExceeded { what: Capacity::Currencies, maximum }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_player(Event::PurseOpened(PurseOpened { txn, currency }))?;
        Ok(None)
    }
}
