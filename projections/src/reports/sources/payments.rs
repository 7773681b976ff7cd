//! Withdrawals, and payments by provider.

use super::{Job, instant, kind, need, word};
use crate::page::PAGE_MAX;
use crate::reports::cell::Cell;
use crate::reports::error::{DefinitionError, ReportError};
use crate::reports::run::Rows;
use crate::withdrawals::{WithdrawalRow, WithdrawalState};

fn reference(of: Option<&ledger_core::stored::PaymentRef>) -> Cell {
    of.map_or(Cell::Empty, |of| Cell::text(format!("{}/{}", of.source, of.id)))
}

fn withdrawal(row: &WithdrawalRow) -> Result<Vec<Cell>, ReportError> {
    Ok(vec![
        Cell::text(&row.player),
        Cell::text(&row.reference.source),
        Cell::text(&row.reference.id),
        kind(row.kind),
        Cell::maybe(row.operator.as_ref()),
        Cell::maybe(row.brand.as_ref()),
        Cell::text(row.state.as_str()),
        Cell::text(row.currency),
        Cell::amount(row.amount),
        Cell::maybe_amount(row.fee),
        Cell::maybe_amount(row.extra),
        Cell::text(&row.destination),
        Cell::maybe(row.method.as_ref()),
        Cell::Instant(row.requested_at),
        Cell::Instant(row.changed_at),
        row.kyc.as_ref().map(word).transpose()?.unwrap_or(Cell::Empty),
        Cell::maybe(row.by.as_ref()),
        Cell::Integer(u64::from(row.approvals)),
        Cell::list(&row.approved_by),
        Cell::maybe(row.reviewer.as_ref()),
        reference(row.parent.as_ref()),
        Cell::count(row.parts.len()),
        reference(row.payout.as_ref()),
        instant(row.sent_at),
        Cell::maybe_amount(row.paid),
        Cell::maybe(row.authorisation.as_ref()),
        Cell::maybe(row.reason.as_ref()),
        Cell::count(row.breaks.len()),
        Cell::Flag(row.state.is_open()),
    ])
}

impl Job<'_> {
    pub(super) async fn withdrawals(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.withdrawals.as_ref(), "withdrawals")?;
        rows.begin(&reader.checkpoint().await?)?;
        for state in WithdrawalState::ALL {
            let mut cursor = None;
            loop {
                rows.control().go_on()?;
                let page = reader.queue(state, cursor.as_ref(), PAGE_MAX).await?;
                rows.still(&page.checkpoint)?;
                for row in page.value.rows.iter().filter(|row| self.is_in_period(row.requested_at)) {
                    rows.row(withdrawal(row)?)?;
                }
                cursor = page.value.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn withdrawal_totals(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let found = need(self.views.withdrawals.as_ref(), "withdrawals")?.totals().await?;
        rows.begin(&found.checkpoint)?;
        for totals in found.value {
            rows.row(vec![
                Cell::text(totals.state.as_str()),
                kind(totals.kind),
                Cell::text(totals.currency),
                Cell::Integer(totals.sums.count),
                Cell::Amount(totals.sums.amount),
            ])?;
        }
        Ok(())
    }

    pub(super) async fn payments(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.payments.as_ref(), "payments")?;
        let psp = self.id("psp", |text| ledger_core::SourceId::new(text))?;
        let psp = psp.ok_or_else(|| DefinitionError::Parameter("psp".to_owned()))?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let after = cursor.as_ref().map(|(kind, reference): &(_, String)| (*kind, reference.as_str()));
            let page = reader.list(&psp, after, PAGE_MAX).await?;
            rows.still(&page.checkpoint)?;
            for row in &page.value.rows {
                rows.row(vec![
                    Cell::text(&row.psp),
                    Cell::text(row.kind.as_str()),
                    Cell::text(&row.reference),
                    Cell::maybe(row.player.as_ref()),
                    Cell::maybe(row.merchant.as_ref().map(|merchant| &merchant.source)),
                    Cell::maybe(row.merchant.as_ref().map(|merchant| &merchant.id)),
                    Cell::text(row.status.as_str()),
                    Cell::text(row.currency),
                    Cell::amount(row.amount),
                    Cell::maybe(row.rate.as_ref()),
                    Cell::Instant(row.at),
                    Cell::Integer(u64::from(row.bookings)),
                ])?;
            }
            cursor = page.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
