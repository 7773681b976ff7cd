//! Adjustments that have a life of their own: a correction waits for its decision, a withheld tax may be returned,
//! an exchange reversed. Each has its stream.

use serde::{Deserialize, Serialize};

use crate::ids::{SourceId, TransactionId};
use crate::money::Amount;
use crate::player_ledger::Fault;
use crate::stored::{CorrectionProposed, Event, EventRecord, ExchangeMade, TaxWithheld};
use crate::time::Timestamp;

/// The most corrections of one player that wait for a decision.
pub const PROPOSALS_MAX: usize = 64;

/// What kind of adjustment has a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AdjustmentKind {
    /// A correction.
    Correction,
    /// A withheld tax.
    Tax,
    /// An exchange between two purses.
    Exchange,
}

impl AdjustmentKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Correction, Self::Tax, Self::Exchange];

    /// The first part of its streams' names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Correction => "correction",
            Self::Tax => "tax",
            Self::Exchange => "exchange",
        }
    }
}

/// An adjustment by its kind and the operation that began it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdjustmentRef {
    /// The kind.
    pub kind: AdjustmentKind,
    /// Who began it.
    pub source: SourceId,
    /// His id of it.
    pub id: TransactionId,
}

/// What became of a proposed correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionStatus {
    /// It waits for a second person.
    Proposed,
    /// It was approved and booked.
    Applied,
    /// It was declined, or the player keeps what was to be taken.
    Declined,
}

/// A correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Who sent the proposal.
    pub source: SourceId,
    /// His id of it.
    pub id: TransactionId,
    /// What is proposed.
    pub proposal: CorrectionProposed,
    /// When.
    pub proposed_at: Timestamp,
    /// What became of it.
    pub status: CorrectionStatus,
    /// The version of its stream.
    pub version: u64,
}

/// A withheld tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxWithholding {
    /// Who withheld it.
    pub source: SourceId,
    /// His id of it.
    pub id: TransactionId,
    /// What was withheld.
    pub withheld: TaxWithheld,
    /// What of it was returned.
    pub returned: Amount,
    /// The version of its stream.
    pub version: u64,
}

/// An exchange between two purses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseExchange {
    /// Who sent it.
    pub source: SourceId,
    /// His id of it.
    pub id: TransactionId,
    /// What was exchanged.
    pub made: ExchangeMade,
    /// Whether it was undone.
    pub reversed: bool,
    /// The version of its stream.
    pub version: u64,
}

/// An adjustment that has a stream of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adjustment {
    /// A correction.
    Correction(Correction),
    /// A withheld tax.
    Tax(TaxWithholding),
    /// An exchange between two purses.
    Exchange(PurseExchange),
}

impl Adjustment {
    /// Its kind and the operation that began it.
    pub fn reference(&self) -> AdjustmentRef {
        let (kind, source, id) = match self {
            Self::Correction(c) => (AdjustmentKind::Correction, &c.source, &c.id),
            Self::Tax(t) => (AdjustmentKind::Tax, &t.source, &t.id),
            Self::Exchange(x) => (AdjustmentKind::Exchange, &x.source, &x.id),
        };
        AdjustmentRef { kind, source: source.clone(), id: id.clone() }
    }

    /// The version of its stream.
    pub fn version(&self) -> u64 {
        match self {
            Self::Correction(correction) => correction.version,
            Self::Tax(tax) => tax.version,
            Self::Exchange(exchange) => exchange.version,
        }
    }

    /// Folds the events of an adjustment's stream, oldest first, each with the instant of its commit. `None` if
    /// there are none.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an event cannot follow the ones before it.
    pub fn fold<'a>(
        of: &AdjustmentRef,
        events: impl IntoIterator<Item = (&'a EventRecord, Timestamp)>,
    ) -> Result<Option<Self>, Fault> {
        let mut adjustment = None;
        for (record, at) in events {
            evolve(&mut adjustment, of, record, at)?;
        }
        Ok(adjustment)
    }
}

/// Folds one event of an adjustment's stream.
pub(crate) fn evolve(
    adjustment: &mut Option<Adjustment>,
    of: &AdjustmentRef,
    record: &EventRecord,
    at: Timestamp,
) -> Result<(), Fault> {
    let wrong = || {
        let (kind, id) = (of.kind.as_str(), &of.id);
        let name = record.event.type_name();
        Fault::corrupted(format!("{name} {} cannot follow in {kind} {id} as it stands", record.version))
    };
    let before = adjustment.as_ref().map_or(0, Adjustment::version);
    if Some(record.version) != before.checked_add(1) {
        return Err(wrong());
    }
    match (of.kind, &mut *adjustment, &record.event) {
        (AdjustmentKind::Correction, None, Event::CorrectionProposed(event)) => {
            *adjustment = Some(Adjustment::Correction(Correction {
                source: of.source.clone(),
                id: of.id.clone(),
                proposal: event.clone(),
                proposed_at: at,
                status: CorrectionStatus::Proposed,
                version: record.version,
            }));
        }
        (_, Some(Adjustment::Correction(correction)), event)
            if correction.status == CorrectionStatus::Proposed =>
        {
            correction.status = match event {
                Event::CorrectionApplied(_) => CorrectionStatus::Applied,
                Event::CorrectionDeclined(_) => CorrectionStatus::Declined,
                _ => return Err(wrong()),
            };
            correction.version = record.version;
        }
        (AdjustmentKind::Tax, None, Event::TaxWithheld(event)) => {
            *adjustment = Some(Adjustment::Tax(TaxWithholding {
                source: of.source.clone(),
                id: of.id.clone(),
                withheld: event.clone(),
                returned: Amount::zero(event.amount.scale()),
                version: record.version,
            }));
        }
        (_, Some(Adjustment::Tax(tax)), Event::TaxReturned(event)) => {
            tax.returned = tax.returned.checked_add(event.amount).map_err(|_| wrong())?;
            if tax.returned > tax.withheld.amount {
                return Err(wrong());
            }
            tax.version = record.version;
        }
        (AdjustmentKind::Exchange, None, Event::ExchangeMade(event)) => {
            *adjustment = Some(Adjustment::Exchange(PurseExchange {
                source: of.source.clone(),
                id: of.id.clone(),
                made: event.clone(),
                reversed: false,
                version: record.version,
            }));
        }
        (_, Some(Adjustment::Exchange(exchange)), Event::ExchangeReversed(_)) if !exchange.reversed => {
            (exchange.reversed, exchange.version) = (true, record.version);
        }
        _ => return Err(wrong()),
    }
    Ok(())
}
