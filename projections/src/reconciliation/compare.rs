//! Compares a settlement file with the payments of the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger_core::{CurrencyCode, PlayerId, Timestamp};
use rust_decimal::Decimal;

use super::file::{LineStatus, SettlementFile, SettlementLine};
use super::row::{Payment, PaymentKind, PaymentStatus};

/// What a provider charges for a payment: a part of it, and a fixed amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTerms {
    /// The part, such as `0.029`.
    pub rate: Decimal,
    /// The fixed amount, in the payment's currency.
    pub fixed: Decimal,
}

impl FeeTerms {
    /// The fee of a payment, rounded half up to the digits that the file gives.
    fn of(&self, gross: Decimal, digits: u32) -> Option<Decimal> {
        let exact = gross.abs().checked_mul(self.rate)?.checked_add(self.fixed)?;
        Some(exact.round_dp_with_strategy(digits, rust_decimal::RoundingStrategy::MidpointAwayFromZero))
    }
}

/// What is expected of a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// When the file was made: what the ledger booked after it cannot be in it.
    pub cut_off: Timestamp,
    /// How long a payment may take to come into a file; then it is missing. Until then it is an open item.
    pub late_after: Duration,
    /// The fees that were agreed, by kind of payment and currency. Without terms a fee is not compared.
    pub fees: BTreeMap<(PaymentKind, CurrencyCode), FeeTerms>,
    /// How far a rate may be from the one the ledger booked, such as `0.01` for one in a hundred; absent if rates are not
    /// compared.
    pub fx_tolerance: Option<Decimal>,
    /// What the bank credited for the batch, by currency; below zero if it was debited. Absent if the bank's line is not there
    /// yet.
    pub bank: Option<BTreeMap<CurrencyCode, Decimal>>,
}

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The file has a payment that the ledger has not.
    MissingInLedger,
    /// The ledger has a payment that should be in a file by now.
    MissingAtPsp,
    /// The amounts differ.
    Amount {
        /// The ledger's.
        ledger: Decimal,
        /// The file's.
        file: Decimal,
    },
    /// The currencies differ.
    Currency {
        /// The ledger's.
        ledger: CurrencyCode,
        /// The file's.
        file: CurrencyCode,
    },
    /// One has it settled, the other not.
    Status {
        /// The ledger's.
        ledger: PaymentStatus,
        /// The file's.
        file: LineStatus,
    },
    /// The file has a payment twice.
    DuplicateInFile,
    /// The ledger has booked a payment more than once.
    DuplicateInLedger {
        /// How often.
        bookings: u32,
    },
    /// The fee is not what was agreed.
    Fee {
        /// What was agreed.
        expected: Decimal,
        /// The file's.
        file: Decimal,
    },
    /// The rate is too far from the one the ledger booked.
    Fx {
        /// The ledger's.
        ledger: Decimal,
        /// The file's.
        file: Decimal,
    },
    /// The lines do not add up to what the bank credited.
    Net {
        /// In which currency.
        currency: CurrencyCode,
        /// The sum of the lines.
        lines: Decimal,
        /// What the bank credited.
        bank: Decimal,
    },
    /// The net amount of a line is not its gross amount less its fee.
    LineNet {
        /// Gross less fee.
        expected: Decimal,
        /// The file's.
        file: Decimal,
    },
    /// The ledger knows no such kind of line: it belongs in suspense until someone looks at it.
    UnknownType {
        /// The word of the file.
        word: String,
    },
    /// A payout came back of which the ledger knows only that it was paid.
    OrphanPayoutReturn,
}

impl Difference {
    /// Its name, which never changes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MissingInLedger => "missing_in_ledger",
            Self::MissingAtPsp => "missing_at_psp",
            Self::Amount { .. } => "amount_mismatch",
            Self::Currency { .. } => "currency_mismatch",
            Self::Status { .. } => "status_mismatch",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::DuplicateInLedger { .. } => "duplicate_in_ledger",
            Self::Fee { .. } => "fee_mismatch",
            Self::Fx { .. } => "fx_mismatch",
            Self::Net { .. } => "net_mismatch",
            Self::LineNet { .. } => "line_net_mismatch",
            Self::UnknownType { .. } => "unknown_type",
            Self::OrphanPayoutReturn => "orphan_payout_return",
        }
    }
}

/// A break: something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// What does not agree.
    pub what: Difference,
    /// The provider's reference; absent for the batch as a whole.
    pub reference: Option<String>,
    /// The line of the file, if it is one's.
    pub line_no: Option<u64>,
    /// The player, if the ledger knows one.
    pub player: Option<PlayerId>,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// How many lines agree with the ledger.
    pub matched: u64,
    /// How many lines are of the settlement as a whole: fees, reserves, exchange, adjustments.
    pub not_itemised: u64,
    /// What does not agree, in the order of the file, then by reference.
    pub breaks: Vec<Break>,
    /// Payments of the ledger that no file has yet, and need not: they are in transit.
    pub open: Vec<Payment>,
}

impl Reconciliation {
    /// The part of itemised lines that agree, rounded to six digits; `None` if there are none.
    pub fn consistency(&self) -> Option<Decimal> {
        let broken: BTreeSet<u64> = self.breaks.iter().filter_map(|found| found.line_no).collect();
        let broken = u64::try_from(broken.len()).ok()?;
        let all = Decimal::from(self.matched.checked_add(broken)?);
        Decimal::from(self.matched).checked_div(all).map(|part| part.round_dp(6))
    }
}

/// Compares a settlement file with the payments that the ledger has of its provider.
///
/// A payment of the ledger that is not in the file is an open item until [`Terms::late_after`] is over, then it is missing at
/// the provider; give it only what no earlier file had. Every difference of a line is told, not only the first.
pub fn reconcile(file: &SettlementFile, payments: &[Payment], terms: &Terms) -> Reconciliation {
    let mut found = Reconciliation::default();
    let own: BTreeMap<(PaymentKind, &str), &Payment> =
        payments.iter().map(|payment| ((payment.kind, payment.reference.as_str()), payment)).collect();
    let mut seen: BTreeSet<(PaymentKind, &str)> = BTreeSet::new();
    for line in &file.lines {
        let mut differences = Vec::new();
        let mut player = None;
        if let Some(expected) = line.gross.checked_sub(line.fee).filter(|expected| *expected != line.net) {
            differences.push(Difference::LineNet { expected, file: line.net });
        }
        match &line.kind {
            Err(word) => differences.push(Difference::UnknownType { word: word.clone() }),
            Ok(kind) if !kind.is_itemised() && differences.is_empty() => {
                found.not_itemised = found.not_itemised.saturating_add(1);
                continue;
            }
            Ok(kind) if !kind.is_itemised() => {}
            Ok(kind) => {
                let key = (*kind, line.psp_ref.as_str());
                if seen.insert(key) {
                    let payment = own.get(&key).copied();
                    player = payment.and_then(|payment| payment.player.clone());
                    differences.extend(of_line(line, *kind, payment, &own, terms));
                } else {
                    differences.push(Difference::DuplicateInFile);
                }
            }
        }
        if differences.is_empty() {
            found.matched = found.matched.saturating_add(1);
        }
        found.breaks.extend(differences.into_iter().map(|what| Break {
            what,
            reference: Some(line.psp_ref.clone()),
            line_no: Some(line.line_no),
            player: player.clone(),
        }));
    }
    let unseen =
        payments.iter().filter(|payment| !seen.contains(&(payment.kind, payment.reference.as_str())));
    for payment in unseen.filter(|payment| payment.status != PaymentStatus::Failed) {
        if is_late(payment, terms) && payment.status != PaymentStatus::Pending {
            found.breaks.push(Break {
                what: Difference::MissingAtPsp,
                reference: Some(payment.reference.clone()),
                line_no: None,
                player: payment.player.clone(),
            });
        } else {
            found.open.push(payment.clone());
        }
    }
    found.breaks.extend(nets(file, terms));
    found
}

fn is_late(payment: &Payment, terms: &Terms) -> bool {
    payment.at.saturating_add(terms.late_after) <= terms.cut_off
}

fn of_line(
    line: &SettlementLine,
    kind: PaymentKind,
    payment: Option<&Payment>,
    own: &BTreeMap<(PaymentKind, &str), &Payment>,
    terms: &Terms,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let Some(payment) = payment else {
        // A line that failed there and is not here agrees.
        let paid_out = own.get(&(PaymentKind::Payout, line.psp_ref.as_str()));
        let is_paid = paid_out.is_some_and(|payout| payout.status == PaymentStatus::Booked);
        if kind == PaymentKind::PayoutReturn && is_paid {
            differences.push(Difference::OrphanPayoutReturn);
        } else if line.status == LineStatus::Settled {
            differences.push(Difference::MissingInLedger);
        }
        return differences;
    };
    if payment.bookings > 1 {
        differences.push(Difference::DuplicateInLedger { bookings: payment.bookings });
    }
    let agrees = match payment.status {
        PaymentStatus::Booked | PaymentStatus::Suspended => line.status == LineStatus::Settled,
        PaymentStatus::Pending => line.status == LineStatus::Pending,
        PaymentStatus::Failed => line.status == LineStatus::Failed,
    };
    if !agrees {
        differences.push(Difference::Status { ledger: payment.status, file: line.status });
    }
    if payment.currency != line.currency {
        differences.push(Difference::Currency { ledger: payment.currency, file: line.currency });
    } else if payment.amount.to_decimal() != line.gross.abs() {
        differences.push(Difference::Amount { ledger: payment.amount.to_decimal(), file: line.gross.abs() });
    }
    let expected =
        terms.fees.get(&(kind, line.currency)).and_then(|fee| fee.of(line.gross, line.fee.scale().max(2)));
    if let Some(expected) = expected.filter(|expected| *expected != line.fee) {
        differences.push(Difference::Fee { expected, file: line.fee });
    }
    differences.extend(fx(line, payment, terms));
    differences
}

/// A rate that is too far from the ledger's.
fn fx(line: &SettlementLine, payment: &Payment, terms: &Terms) -> Option<Difference> {
    let file = line.fx_rate?;
    let ledger = Decimal::from_str_exact(payment.rate.as_deref()?).ok()?;
    let off = file.checked_sub(ledger)?.abs();
    let most = ledger.checked_mul(terms.fx_tolerance?)?;
    (off > most).then_some(Difference::Fx { ledger, file })
}

/// The sums of the lines against the bank, per currency of settlement.
fn nets(file: &SettlementFile, terms: &Terms) -> Vec<Break> {
    let Some(bank) = &terms.bank else { return Vec::new() };
    let mut sums: BTreeMap<CurrencyCode, Option<Decimal>> = BTreeMap::new();
    for line in file.lines.iter().filter(|line| line.status == LineStatus::Settled) {
        let sum = sums.entry(line.settle_currency).or_insert(Some(Decimal::ZERO));
        *sum = sum.and_then(|sum| {
            let rate = if line.settle_currency == line.currency { Decimal::ONE } else { line.fx_rate? };
            sum.checked_add(line.net.checked_mul(rate)?)
        });
    }
    let currencies: BTreeSet<_> = sums.keys().chain(bank.keys()).copied().collect();
    let differs = |currency: CurrencyCode| {
        let lines = sums.get(&currency).copied().unwrap_or(Some(Decimal::ZERO));
        let bank = bank.get(&currency).copied().unwrap_or_default();
        // A sum that cannot be made is no agreement.
        let lines = lines.map(|lines| lines.round_dp(bank.scale().max(2)));
        match lines {
            Some(lines) if lines == bank => None,
            lines => Some(Break {
                what: Difference::Net { currency, lines: lines.unwrap_or_default(), bank },
                reference: None,
                line_no: None,
                player: None,
            }),
        }
    };
    currencies.into_iter().filter_map(differs).collect()
}
