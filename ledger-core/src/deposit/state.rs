//! The folds of intents and of captured deposits.

use serde::{Deserialize, Serialize};

use crate::ids::{InstrumentId, MethodId, SourceId, TransactionId};
use crate::money::{Amount, Conversion, CurrencyCode, FxError, FxRate};
use crate::player_ledger::Fault;
use crate::stored::{Converted, DepositFailed, Event, EventRecord, LotShare, PaymentRef, ReleasedTo};
use crate::time::Timestamp;
use crate::wallet::less;

/// The most deposits of one player that have not come to an end.
pub const OPEN_INTENTS_MAX: usize = 100;
/// The most attempts of one deposit.
pub const ATTEMPTS_MAX: usize = 20;
/// The most chargebacks of one deposit.
pub const CHARGEBACKS_MAX: usize = 100;

/// Where a deposit stands at the cashier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// It was started.
    Initiated,
    /// It was sent to a payment provider.
    Pending,
    /// It was captured.
    Succeeded,
    /// It failed.
    Failed,
    /// It was given up.
    Cancelled,
    /// It took too long.
    Expired,
}

/// One attempt of a deposit at a payment provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The attempt.
    pub id: TransactionId,
    /// The payment provider.
    pub psp: SourceId,
    /// Its reference, as far as it is known.
    pub reference: Option<TransactionId>,
    /// Whether it was reported as failed.
    pub failed: bool,
}

impl Attempt {
    /// Whether this may be the attempt that a payment provider captured.
    fn admits(&self, capture: &PaymentRef) -> bool {
        self.psp == capture.source && self.reference.as_ref().is_none_or(|own| *own == capture.id)
    }
}

/// A deposit as the cashier started it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The cashier, and its id of the deposit.
    pub of: PaymentRef,
    /// The currency.
    pub currency: CurrencyCode,
    /// What was asked for.
    pub amount: Amount,
    /// How the player wants to pay.
    pub method: Option<MethodId>,
    /// Where it stands.
    pub status: IntentStatus,
    /// When it was started.
    pub opened_at: Timestamp,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// The payment under which it failed as a whole, if that was told.
    pub failed_payment: Option<PaymentRef>,
    /// What completed it.
    pub capture: Option<PaymentRef>,
    /// The version of its stream.
    pub version: u64,
}

fn follows(record: &EventRecord, version: u64) -> Result<(), Fault> {
    if Some(record.version) == version.checked_add(1) {
        return Ok(());
    }
    Err(Fault::corrupted(format!("event {} of {} follows {version}", record.version, record.stream)))
}

fn misplaced(record: &EventRecord) -> Fault {
    Fault::corrupted(format!("{} {} stands in {}", record.event.type_name(), record.version, record.stream))
}

impl Intent {
    /// Whether it has not come to an end.
    pub fn is_open(&self) -> bool {
        matches!(self.status, IntentStatus::Initiated | IntentStatus::Pending)
    }

    /// One of its attempts.
    pub fn attempt(&self, id: &TransactionId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == *id)
    }

    /// Whether a payment may be the one that failed: a provider's failure may be followed by its success.
    pub fn has_failed_as(&self, capture: &PaymentRef) -> bool {
        match &self.failed_payment {
            Some(failed) if failed == capture => true,
            None if self.attempts.is_empty() => true,
            _ => self.attempts.iter().any(|attempt| attempt.admits(capture)),
        }
    }

    /// The attempt that a payment provider captured, if it was recorded.
    pub fn attempt_of(&self, capture: &PaymentRef) -> Option<&Attempt> {
        let own = || self.attempts.iter().filter(|attempt| attempt.admits(capture));
        own().find(|attempt| attempt.reference.is_some()).or_else(|| own().next())
    }

    fn start(of: &PaymentRef, record: &EventRecord, at: Timestamp) -> Result<Self, Fault> {
        follows(record, 0)?;
        let Event::DepositInitiated(event) = &record.event else { return Err(misplaced(record)) };
        Ok(Self {
            of: of.clone(),
            currency: event.currency,
            amount: event.amount,
            method: event.method.clone(),
            status: IntentStatus::Initiated,
            opened_at: at,
            attempts: Vec::new(),
            failed_payment: None,
            capture: None,
            version: record.version,
        })
    }

    fn fail(&mut self, event: &DepositFailed) -> Result<(), Fault> {
        let Some(id) = &event.attempt else {
            self.status = IntentStatus::Failed;
            self.failed_payment.clone_from(&event.payment);
            return Ok(());
        };
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.id == *id);
        let attempt = attempt.ok_or_else(|| Fault::corrupted(format!("there is no attempt {id}")))?;
        attempt.failed = true;
        if let Some(payment) = &event.payment {
            attempt.reference = Some(payment.id.clone());
        }
        Ok(())
    }

    /// Folds an event that follows the first.
    pub(crate) fn evolve(&mut self, record: &EventRecord) -> Result<(), Fault> {
        follows(record, self.version)?;
        match &record.event {
            Event::DepositAttempted(event) => {
                self.status = IntentStatus::Pending;
                self.attempts.push(Attempt {
                    id: event.attempt.clone(),
                    psp: event.psp.clone(),
                    reference: event.reference.clone(),
                    failed: false,
                });
            }
            Event::DepositFailed(event) => self.fail(event)?,
            Event::DepositCancelled(_) => self.status = IntentStatus::Cancelled,
            Event::DepositExpired(_) => self.status = IntentStatus::Expired,
            Event::DepositCompleted(event) => {
                self.status = IntentStatus::Succeeded;
                self.capture = Some(event.capture.clone());
            }
            Event::DepositMismatch(_) => {}
            _ => return Err(misplaced(record)),
        }
        self.version = record.version;
        Ok(())
    }
}

/// Folds an event into an intent; the first one starts it.
pub(crate) fn fold_intent(
    intent: &mut Option<Intent>,
    of: &PaymentRef,
    record: &EventRecord,
    at: Timestamp,
) -> Result<(), Fault> {
    match intent {
        Some(intent) => intent.evolve(record),
        None => {
            *intent = Some(Intent::start(of, record, at)?);
            Ok(())
        }
    }
}

/// Where a captured deposit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DepositStatus {
    /// It is the player's.
    Succeeded,
    /// It is in suspense.
    Suspended,
    /// It went from suspense back to its payer.
    Returned,
    /// A part went back to its payer.
    PartiallyRefunded,
    /// It went back to its payer, but for a fee that was kept.
    Refunded,
    /// It, or a part of it, was disputed and taken back.
    ChargedBack,
}

/// A chargeback of a deposit, and what of it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedBack {
    /// The chargeback, as the payment provider names it.
    pub txn: TransactionId,
    /// What of it was not won back.
    pub standing: Amount,
    /// What of its fee the house has not got back.
    pub fee: Amount,
    /// Whether it was taken from suspense, not from the player.
    pub from_suspense: bool,
    /// What stands of it in the player's currency, if that is another.
    pub converted: Option<Conversion>,
    /// What of the cash it took was unplayed money and did not come back, by lot.
    pub unplayed: Vec<LotShare>,
}

impl ChargedBack {
    /// What stands of it in the player's currency.
    pub(super) fn standing_with_player(&self) -> Amount {
        self.converted.map_or(self.standing, |converted| converted.to())
    }
}

/// A deposit as a payment provider captured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The payment provider, and its id of the deposit.
    pub of: PaymentRef,
    /// The currency it was captured in.
    pub currency: CurrencyCode,
    /// What was captured.
    pub amount: Amount,
    /// What the player paid with, if that is known.
    pub instrument: Option<InstrumentId>,
    /// The deposit at the cashier that it names.
    pub intent: Option<PaymentRef>,
    /// What of it is in suspense.
    pub suspense: Amount,
    /// What of it was credited, fee and all.
    pub credited: Amount,
    /// What of that went back to the payer.
    pub refunded: Amount,
    /// What of that is charged back.
    pub charged_back: Amount,
    /// The player's fee, as far as the house keeps it.
    pub fee: Amount,
    /// The currency the player was credited in.
    pub credited_in: Option<CurrencyCode>,
    /// The rate it was exchanged at.
    pub rate: Option<FxRate>,
    /// What is left of the exchange.
    pub converted: Option<Conversion>,
    /// The numbers of the entries that credited it: the names of the lots it brought.
    pub credits: Vec<u64>,
    /// Its chargebacks, in order.
    pub chargebacks: Vec<ChargedBack>,
    /// The version of its stream.
    pub version: u64,
}

fn damaged(error: &FxError) -> Fault {
    Fault::corrupted(error.to_string())
}

/// An exchange as it was booked.
fn conversion(from: (CurrencyCode, Amount), to: &Converted) -> Result<Conversion, Fault> {
    let (currency, amount) = from;
    Conversion::new(currency, amount, to.currency, to.amount, to.exact).map_err(|error| damaged(&error))
}

/// Two parts of one exchange together.
fn together(left: Conversion, right: Conversion) -> Result<Conversion, Fault> {
    let sum = |a: Amount, b: Amount| a.checked_add(b).map_err(FxError::from);
    let whole = || {
        Conversion::new(
            left.from_currency(),
            sum(left.from(), right.from())?,
            left.to_currency(),
            sum(left.to(), right.to())?,
            sum(left.exact(), right.exact())?,
        )
    };
    whole().map_err(|error| damaged(&error))
}

/// One part of an exchange less another.
fn without(whole: Conversion, part: Conversion) -> Result<Conversion, Fault> {
    let rest = |a: Amount, b: Amount| a.checked_sub(b).map_err(FxError::from);
    let left = || {
        Conversion::new(
            whole.from_currency(),
            rest(whole.from(), part.from())?,
            whole.to_currency(),
            rest(whole.to(), part.to())?,
            rest(whole.exact(), part.exact())?,
        )
    };
    left().map_err(|error| damaged(&error))
}

fn plus(to: &mut Amount, amount: Amount) -> Result<(), Fault> {
    *to = to.checked_add(amount).map_err(|error| Fault::corrupted(error.to_string()))?;
    Ok(())
}

fn minus(from: &mut Amount, amount: Amount) -> Result<(), Fault> {
    let left = from.checked_sub(amount).map_err(|error| Fault::corrupted(error.to_string()))?;
    if left.is_negative() {
        return Err(Fault::corrupted(format!("{amount} was taken from {from} of a deposit")));
    }
    *from = left;
    Ok(())
}

impl Deposit {
    /// What was credited and neither refunded nor charged back, fee and all: the most that can be taken back.
    ///
    /// # Errors
    ///
    /// [`Fault`] if more was taken than there was: the stream is damaged.
    pub fn left(&self) -> Result<Amount, Fault> {
        let mut left = self.credited;
        minus(&mut left, self.refunded)?;
        minus(&mut left, self.charged_back)?;
        Ok(left)
    }

    /// Whether it shows that its instrument is the player's: it was credited, and no chargeback of it stands.
    pub fn proves_its_instrument(&self) -> bool {
        self.credited.is_positive() && !self.chargebacks.iter().any(|own| own.standing.is_positive())
    }

    /// A chargeback of it.
    pub fn chargeback(&self, txn: &TransactionId) -> Option<&ChargedBack> {
        self.chargebacks.iter().find(|chargeback| chargeback.txn == *txn)
    }

    /// Where it stands.
    pub fn status(&self) -> DepositStatus {
        let standing = |chargeback: &ChargedBack| chargeback.standing.is_positive();
        if self.chargebacks.iter().any(standing) {
            DepositStatus::ChargedBack
        } else if self.suspense.is_positive() {
            DepositStatus::Suspended
        } else if !self.credited.is_positive() {
            DepositStatus::Returned
        } else if self.left().is_ok_and(|left| left <= self.fee) {
            DepositStatus::Refunded
        } else if self.refunded.is_positive() {
            DepositStatus::PartiallyRefunded
        } else {
            DepositStatus::Succeeded
        }
    }

    fn empty(of: &PaymentRef, currency: CurrencyCode, amount: Amount) -> Self {
        let zero = Amount::zero(amount.scale());
        Self {
            of: of.clone(),
            currency,
            amount,
            instrument: None,
            intent: None,
            suspense: zero,
            credited: zero,
            refunded: zero,
            charged_back: zero,
            fee: zero,
            credited_in: None,
            rate: None,
            converted: None,
            credits: Vec::new(),
            chargebacks: Vec::new(),
            version: 0,
        }
    }

    fn start(of: &PaymentRef, record: &EventRecord) -> Result<Self, Fault> {
        follows(record, 0)?;
        let mut deposit = match &record.event {
            Event::DepositSucceeded(event) => {
                let mut deposit = Self::empty(of, event.currency, event.amount);
                deposit.intent.clone_from(&event.intent);
                deposit.instrument.clone_from(&event.instrument);
                deposit.credits.push(event.entry);
                deposit.fee = event.fee.unwrap_or(deposit.fee);
                deposit.credit(event.amount, event.converted.as_ref())?;
                deposit
            }
            Event::DepositSuspended(event) => {
                let mut deposit = Self::empty(of, event.currency, event.amount);
                deposit.intent.clone_from(&event.intent);
                deposit.instrument.clone_from(&event.instrument);
                deposit.suspense = event.amount;
                deposit
            }
            Event::DepositReleased(event) if event.house_item => {
                let mut deposit = Self::empty(of, event.currency, event.amount);
                deposit.credits.push(event.entry);
                deposit.credit(event.amount, event.converted.as_ref())?;
                deposit
            }
            _ => return Err(misplaced(record)),
        };
        deposit.version = record.version;
        Ok(deposit)
    }

    fn credit(&mut self, amount: Amount, converted: Option<&Converted>) -> Result<(), Fault> {
        plus(&mut self.credited, amount)?;
        self.credited_in = Some(converted.map_or(self.currency, |converted| converted.currency));
        if let Some(converted) = converted {
            self.rate = Some(converted.rate.clone());
            self.add_converted(conversion((self.currency, amount), converted)?)?;
        }
        Ok(())
    }

    fn add_converted(&mut self, part: Conversion) -> Result<(), Fault> {
        self.converted = Some(match self.converted {
            Some(rest) => together(rest, part)?,
            None => part,
        });
        Ok(())
    }

    /// What is taken back of it leaves the exchange too.
    fn take_converted(&mut self, amount: Amount, part: &Converted) -> Result<Conversion, Fault> {
        let part = conversion((self.currency, amount), part)?;
        let rest = self.converted.ok_or_else(|| Fault::corrupted("nothing of the deposit was exchanged"))?;
        self.converted = Some(without(rest, part)?);
        Ok(part)
    }

    fn evolve(&mut self, record: &EventRecord) -> Result<(), Fault> {
        follows(record, self.version)?;
        match &record.event {
            Event::DepositReleased(event) => {
                minus(&mut self.suspense, event.amount)?;
                if event.to == ReleasedTo::Player {
                    self.credits.push(event.entry);
                    self.credit(event.amount, event.converted.as_ref())?;
                }
            }
            Event::DepositRefunded(event) => {
                plus(&mut self.refunded, event.amount)?;
                if let Some(fee) = event.fee {
                    minus(&mut self.fee, fee)?;
                }
                if let Some(part) = &event.converted {
                    self.take_converted(event.amount, part)?;
                }
            }
            Event::DepositChargedBack(event) => {
                let converted = event.converted.as_ref();
                let converted = converted.map(|part| self.take_converted(event.amount, part)).transpose()?;
                let from_suspense = event.recovery.is_none();
                if from_suspense {
                    minus(&mut self.suspense, event.amount)?;
                } else {
                    plus(&mut self.charged_back, event.amount)?;
                }
                self.chargebacks.push(ChargedBack {
                    txn: event.txn.clone(),
                    standing: event.amount,
                    fee: event.fee.unwrap_or(Amount::zero(event.amount.scale())),
                    from_suspense,
                    converted,
                    unplayed: event.unplayed.clone(),
                });
            }
            Event::ChargebackReversed(event) => {
                let converted = event.converted.as_ref();
                let part =
                    converted.map(|part| conversion((self.currency, event.amount), part)).transpose()?;
                let found = self.chargebacks.iter_mut().find(|own| own.txn == event.chargeback);
                let found = found.ok_or_else(|| misplaced(record))?;
                minus(&mut found.standing, event.amount)?;
                if let Some(fee) = event.fee {
                    minus(&mut found.fee, fee)?;
                }
                found.unplayed = less(&found.unplayed, &event.unplayed)
                    .map_err(|error| Fault::corrupted(error.to_string()))?;
                if let (Some(rest), Some(part)) = (found.converted, part) {
                    found.converted = Some(without(rest, part)?);
                }
                if found.from_suspense {
                    plus(&mut self.suspense, event.amount)?;
                } else {
                    minus(&mut self.charged_back, event.amount)?;
                }
                if let Some(part) = part {
                    self.add_converted(part)?;
                }
            }
            _ => return Err(misplaced(record)),
        }
        self.version = record.version;
        Ok(())
    }
}

/// Folds an event into a deposit; the first one starts it.
pub(crate) fn fold_deposit(
    deposit: &mut Option<Deposit>,
    of: &PaymentRef,
    record: &EventRecord,
) -> Result<(), Fault> {
    match deposit {
        Some(deposit) => deposit.evolve(record),
        None => {
            *deposit = Some(Deposit::start(of, record)?);
            Ok(())
        }
    }
}
