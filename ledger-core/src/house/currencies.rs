//! The register of currencies.

use crate::ids::{HouseId, IdError, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, IdempotencyKey, OperationKind};
use crate::money::{Currency, CurrencyRegistry};
use crate::partition::{Partition, Stream};
use crate::player_ledger::{Decision, Draft, Fault};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{CommitBody, CurrencyRegistered, Event, EventRecord, KeyRecord, OutcomeKind};

/// The house partition of the register.
///
/// # Errors
///
/// None in practice: the name is an identifier.
pub fn register_partition() -> Result<Partition, IdError> {
    Ok(Partition::House(HouseId::new("currencies")?))
}

/// Records a currency at its first use. Key: (`ledger`, currency, code).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterCurrency {
    /// The currency as it is to be for ever.
    pub currency: Currency,
}

/// The currencies this ledger has used, as recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CurrencyRegister {
    version: u64,
    registry: CurrencyRegistry,
}

impl CurrencyRegister {
    /// The recorded currencies.
    pub fn registry(&self) -> &CurrencyRegistry {
        &self.registry
    }

    /// Decides a registration: new, known, or refused because it was recorded otherwise.
    ///
    /// # Errors
    ///
    /// [`Fault`] never in practice.
    pub fn decide(&self, command: &RegisterCurrency) -> Result<Decision, Fault> {
        let currency = command.currency;
        match self.registry.get(currency.code()) {
            Some(known) if *known == currency => return Ok(Decision::Replay),
            Some(_) => {
                return Ok(Decision::Refuse(Rejection::NotAllowed {
                    reason: NotAllowedReason::CurrencyDiffers,
                }));
            }
            None => {}
        }
        let fault = |error: IdError| Fault::corrupted(error.to_string());
        let version = self.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let house = HouseId::new("currencies").map_err(fault)?;
        let key = IdempotencyKey {
            source: SourceId::new("ledger").map_err(fault)?,
            kind: OperationKind::Currency,
            id: TransactionId::new(currency.code().as_str()).map_err(fault)?,
        };
        let print = FingerprintBuilder::new("currency")
            .field(1, Some(&currency.scale().to_string()))
            .field(2, Some(&currency.maximum().to_string()))
            .finish();
        Ok(Decision::Commit(Draft {
            keys: vec![KeyRecord {
                source: key.source,
                kind: key.kind,
                id: key.id,
                print,
                outcome: OutcomeKind::Applied,
                events: None,
            }],
            tombstones: Vec::new(),
            outcome: OutcomeKind::Applied,
            rejection: None,
            entry: None,
            balance: None,
            operations: Vec::new(),
            events: vec![EventRecord {
                stream: Stream::House(house),
                version,
                event: Event::CurrencyRegistered(CurrencyRegistered { currency }),
            }],
        }))
    }

    /// Folds a commit of the register's partition.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the commit cannot follow this state.
    pub fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), Fault> {
        for record in &body.events {
            match &record.event {
                Event::CurrencyRegistered(event) if Some(record.version) == self.version.checked_add(1) => {
                    if self.registry.get(event.currency.code()).is_some() {
                        return Err(Fault::corrupted("a currency was registered twice"));
                    }
                    self.registry.insert(event.currency);
                    self.version = record.version;
                }
                event => {
                    return Err(Fault::corrupted(format!(
                        "{} version {} stands in the register of currencies",
                        event.type_name(),
                        record.version
                    )));
                }
            }
        }
        Ok(())
    }
}
