//! Which closes may be published.

use ledger_core::{DocumentCheck, DocumentDraft, DocumentKind, IdError};

use super::{CloseError, PeriodClose, prove, read, tomorrow};

/// The kind of the documents that close periods. Name one for each kind of period, such as `day` and `month`: its versions are
/// the periods, one after the other.
pub const PERIOD_CLOSE_KIND: &str = "period_close";

/// Lets a close be published that ends with its last day, balances, and follows the one before it: the same ledger and time zone, the next day, its hash, no
/// place and no sum below its. Whether it is what the log says, only the log can tell: [`PeriodClose::verify`].
#[derive(Debug, Clone)]
pub struct PeriodCloseCheck(DocumentKind);

impl PeriodCloseCheck {
    /// The check.
    ///
    /// # Errors
    ///
    /// None in practice: the kind is usable.
    pub fn new() -> Result<Self, IdError> {
        DocumentKind::new(PERIOD_CLOSE_KIND).map(Self)
    }
}

/// Whether one follows another.
fn follows(close: &PeriodClose, previous: &PeriodClose) -> Result<(), CloseError> {
    let no = |why: &str| Err(CloseError::Sequence(why.to_owned()));
    if close.ledger != previous.ledger || close.zone != previous.zone {
        return no("another ledger or time zone");
    }
    if tomorrow(previous.to) != Some(close.from) {
        return no("it does not begin with the day after it");
    }
    if close.previous != Some(previous.hash()?) {
        return no("it names another hash");
    }
    for head in &previous.heads {
        let own = close.heads.iter().find(|own| own.shard == head.shard);
        let grew = own.is_some_and(|own| {
            own.position > head.position || (own.position == head.position && own.hash == head.hash)
        });
        if !grew {
            return no("a shard ends before it");
        }
    }
    let sums = read(&close.sums)?;
    for (key, (debits, credits)) in read(&previous.sums)? {
        let (own_debits, own_credits) = sums.get(&key).copied().unwrap_or_default();
        let grew = |own: crate::total::Total, before| own.minus(before).is_some_and(|rest| rest.units() >= 0);
        if !grew(own_debits, debits) || !grew(own_credits, credits) {
            return no("a sum is below it");
        }
    }
    Ok(())
}

impl DocumentCheck for PeriodCloseCheck {
    fn kind(&self) -> &DocumentKind {
        &self.0
    }

    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String> {
        let close: PeriodClose =
            serde_json::from_str(draft.content.as_str()).map_err(|error| error.to_string())?;
        let written = close.content().map_err(|error| error.to_string())?;
        if written != *draft.content {
            return Err("a close is written as the library writes it".to_owned());
        }
        if close.from > close.to {
            return Err("it ends before it begins".to_owned());
        }
        close.check_end().map_err(|error| error.to_string())?;
        prove(&close.sums).map_err(|error| error.to_string())?;
        let known = draft.configuration.document(&self.0, draft.name);
        let newest = known.and_then(|document| document.versions().last());
        let Some(newest) = newest else {
            return if close.previous.is_none() {
                Ok(())
            } else {
                Err("there is no close before it".to_owned())
            };
        };
        let content = draft.configuration.content(&newest.hash);
        let content = content.ok_or("the close before it is not at hand")?;
        let previous: PeriodClose =
            serde_json::from_str(content.as_str()).map_err(|error| error.to_string())?;
        follows(&close, &previous).map_err(|error| error.to_string())
    }
}
