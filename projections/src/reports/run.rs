//! Running a report.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use ledger_core::{Day, Timestamp};

use super::cell::{Cell, Field};
use super::definition::{ReadyFilter, ReportDefinition, SORT_ROWS_MAX, TEXT_BYTES_MAX};
use super::error::{DefinitionError, ReportError};
use super::header::{ReportHeader, ShownColumn};
use super::outputs::ReportWriter;
use super::sources::{self, ReportViews};
use crate::checkpoint::Checkpoint;
use crate::period::Period;

/// What a report is told when it is run. Nothing else goes into it: no clock and no randomness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportArguments {
    /// Who it is of, as it stands on top.
    pub operator: String,
    /// When it is made.
    pub at: Timestamp,
    /// Its first and last day, in the definition's time zone.
    pub days: Option<(Day, Day)>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// What the view must contain before it is read; the heads of the store at the end of a period, such as. How long that is
    /// waited for.
    pub at_least: Option<(Checkpoint, Duration)>,
}

impl ReportArguments {
    /// Of an operator, made at an instant; with no days, no parameters, and nothing to wait for.
    pub fn new(operator: impl Into<String>, at: Timestamp) -> Self {
        let (days, parameters, at_least) = (None, BTreeMap::new(), None);
        Self { operator: operator.into(), at, days, parameters, at_least }
    }

    /// The same over these days.
    pub fn of_days(self, from: Day, to: Day) -> Self {
        Self { days: Some((from, to)), ..self }
    }

    /// The same with a parameter.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }
}

/// How far a report is, and whether it should go on. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ReportControl {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    read: AtomicU64,
    written: AtomicU64,
}

impl ReportControl {
    /// Has it end at the next row.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// The rows that were read of the view, those that filters left out too.
    pub fn rows_read(&self) -> u64 {
        self.shared.read.load(Ordering::Relaxed)
    }

    /// The rows that were written.
    pub fn rows_written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// Whether it should go on.
    pub(super) fn go_on(&self) -> Result<(), ReportError> {
        if self.shared.cancelled.load(Ordering::Relaxed) { Err(ReportError::Cancelled) } else { Ok(()) }
    }
}

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSummary {
    /// What stands above it.
    pub header: ReportHeader,
    /// Its rows.
    pub rows: u64,
}

/// What a source gives its rows to.
pub(super) struct Rows<'a> {
    definition: &'a ReportDefinition,
    arguments: &'a ReportArguments,
    period: Option<Period>,
    control: &'a ReportControl,
    writer: &'a mut dyn ReportWriter,
    filters: Vec<ReadyFilter>,
    /// Which fields of the source are shown, in order.
    shown: Vec<usize>,
    columns: Vec<ShownColumn>,
    /// By which fields it is sorted, and whether downwards.
    sort: Vec<(usize, bool)>,
    kept: Vec<Vec<Cell>>,
    header: Option<ReportHeader>,
    written: u64,
}

impl Rows<'_> {
    /// The first thing a source says: what all its rows are true of.
    pub(super) fn begin(&mut self, checkpoint: &Checkpoint) -> Result<(), ReportError> {
        let header = ReportHeader::new(self.definition, self.arguments, self.period, checkpoint)?;
        self.writer.begin(&header, &self.columns)?;
        self.header = Some(header);
        Ok(())
    }

    /// What all rows are true of.
    pub(super) fn begun(&self) -> Result<&Checkpoint, ReportError> {
        let none = || crate::error::ViewError::home("a source of a report gave rows before it began");
        Ok(&self.header.as_ref().ok_or_else(none)?.checkpoint)
    }

    /// Whether an answer is true of what the report began with.
    pub(super) fn still(&self, checkpoint: &Checkpoint) -> Result<(), ReportError> {
        let begun = self.begun()?;
        let shards = begun.identity().shards.all();
        let moved = shards.zip(begun.heads().iter().zip(checkpoint.heads())).find(|(_, (a, b))| a != b);
        match moved {
            Some((shard, (begun, now))) => Err(ReportError::Moved { shard, begun: *begun, now: *now }),
            None => Ok(()),
        }
    }

    pub(super) fn control(&self) -> &ReportControl {
        self.control
    }

    /// A row with a value for every field of the source.
    pub(super) fn row(&mut self, cells: Vec<Cell>) -> Result<(), ReportError> {
        self.control.go_on()?;
        self.control.shared.read.fetch_add(1, Ordering::Relaxed);
        let value = |at: usize| cells.get(at).unwrap_or(&Cell::Empty);
        if !self.filters.iter().all(|filter| filter.passes(value(filter.field))) {
            return Ok(());
        }
        if self.sort.is_empty() {
            return self.write(&cells);
        }
        if self.kept.len() >= SORT_ROWS_MAX {
            return Err(ReportError::TooManyRows);
        }
        self.kept.push(cells);
        Ok(())
    }

    fn write(&mut self, cells: &[Cell]) -> Result<(), ReportError> {
        let shown: Vec<Cell> =
            self.shown.iter().map(|at| cells.get(*at).cloned().unwrap_or(Cell::Empty)).collect();
        let digits = |(cell, column): (Cell, &ShownColumn)| match (cell, column.digits) {
            (Cell::Amount(amount), Some(digits)) if amount.scale() < digits => {
                Cell::Amount(amount.rescale_up(digits).unwrap_or(amount))
            }
            (cell, _) => cell,
        };
        let shown: Vec<Cell> = shown.into_iter().zip(&self.columns).map(digits).collect();
        self.writer.row(&shown)?;
        self.written = self.written.saturating_add(1);
        self.control.shared.written.store(self.written, Ordering::Relaxed);
        Ok(())
    }

    fn end(mut self) -> Result<ReportSummary, ReportError> {
        let (mut kept, sort) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.sort));
        // Stable: rows that are equal by it stay in the source's order.
        kept.sort_by(|one, other| {
            let by = |(at, descending): &(usize, bool)| {
                let empty = Cell::Empty;
                let order = one.get(*at).unwrap_or(&empty).order(other.get(*at).unwrap_or(&empty));
                if *descending { order.reverse() } else { order }
            };
            sort.iter().map(by).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        for cells in kept {
            self.control.go_on()?;
            self.write(&cells)?;
        }
        self.begun()?;
        self.writer.end(self.written)?;
        // It began: see above.
        let header = self.header.take().ok_or(ReportError::Cancelled)?;
        Ok(ReportSummary { header, rows: self.written })
    }
}

fn shown(
    definition: &ReportDefinition,
    fields: &[Field],
) -> Result<Vec<(usize, ShownColumn)>, DefinitionError> {
    if definition.columns.is_empty() {
        let all = |(at, field): (usize, &Field)| {
            let Field { name, kind } = *field;
            (at, ShownColumn { field: name, title: name.to_owned(), kind, digits: None })
        };
        return Ok(fields.iter().enumerate().map(all).collect());
    }
    let column = |column: &super::definition::ReportColumn| {
        let (at, Field { name, kind }) = definition.field(fields, &column.field)?;
        let title = column.title.clone().unwrap_or_else(|| name.to_owned());
        Ok((at, ShownColumn { field: name, title, kind, digits: column.digits }))
    };
    definition.columns.iter().map(column).collect()
}

/// Runs a report: reads its view, and gives what is asked for to a writer, row by row.
///
/// The same definition, arguments and checkpoint give the same rows in the same order, and the writers of this crate the same
/// bytes. Rows are read and written page by page: only a report with an order of its own is kept in memory, up to
/// [`SORT_ROWS_MAX`] rows. Reading blocks the calling thread where the view's home does; [`ReportJob`](super::ReportJob) has a thread
/// of its own. A view that a report holds still goes on once the report is over, however it ends; dropping this future ends it too.
///
/// # Errors
///
/// [`ReportError`]. What was written until then is no report.
pub async fn run_report(
    definition: &ReportDefinition,
    arguments: &ReportArguments,
    views: &ReportViews,
    writer: &mut dyn ReportWriter,
    control: &ReportControl,
) -> Result<ReportSummary, ReportError> {
    definition.validate()?;
    let texts = [&arguments.operator].into_iter().chain(arguments.parameters.values());
    for text in texts {
        if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(DefinitionError::Text(text.chars().take(64).collect()).into());
        }
    }
    for name in arguments.parameters.keys() {
        if !definition.parameters.iter().any(|own| own.name == *name) {
            return Err(DefinitionError::Parameter(name.clone()).into());
        }
    }
    for parameter in &definition.parameters {
        let is_told = arguments.parameters.contains_key(&parameter.name);
        if !is_told && parameter.default.is_none() && !parameter.optional {
            return Err(DefinitionError::Parameter(parameter.name.clone()).into());
        }
    }
    let fields = definition.source.fields();
    let period = definition.period_of(arguments.days)?;
    let mut filters = Vec::with_capacity(definition.filters.len());
    for filter in &definition.filters {
        filters.extend(definition.ready(&fields, filter, &arguments.parameters, false)?);
    }
    let (shown, columns) = shown(definition, &fields)?.into_iter().unzip();
    let mut sort = Vec::with_capacity(definition.sort.len());
    for by in &definition.sort {
        sort.push((definition.field(&fields, &by.field)?.0, by.descending));
    }
    let mut rows = Rows {
        definition,
        arguments,
        period,
        control,
        writer,
        filters,
        shown,
        columns,
        sort,
        kept: Vec::new(),
        header: None,
        written: 0,
    };
    let view = sources::standing(definition, views)?;
    if let Some((wanted, limit)) = &arguments.at_least {
        for (shard, head) in wanted.identity().shards.all().zip(wanted.heads()) {
            control.go_on()?;
            view.at_least(shard, head.position, *limit).await?;
        }
    }
    let held = match &views.hold {
        Some(hold) if definition.source.is_held() => Some(hold.hold().await?),
        _ => None,
    };
    let job = sources::Job { definition, arguments, period, views };
    // Whatever happens while it is read, the runner goes on behind it.
    let read = AssertUnwindSafe(job.read(&mut rows)).catch_unwind().await;
    drop(held);
    read.unwrap_or(Err(ReportError::Panicked))?;
    rows.end()
}
