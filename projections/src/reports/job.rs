//! Reports in the background.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;

use tokio::sync::oneshot;

use super::definition::ReportDefinition;
use super::error::ReportError;
use super::file::{ReportFormat, write_report};
use super::run::{ReportArguments, ReportControl, ReportSummary};
use super::sources::ReportViews;

/// How far a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportProgress {
    /// The rows that were read of the view, those that filters left out too.
    pub read: u64,
    /// The rows that were written.
    pub written: u64,
}

/// A report that is made on a thread of its own. Dropping it cancels the report.
#[derive(Debug)]
pub struct ReportJob {
    control: ReportControl,
    done: Option<oneshot::Receiver<Result<ReportSummary, ReportError>>>,
}

impl ReportJob {
    /// Begins to make a report into a file, as [`write_report`] does.
    ///
    /// # Errors
    ///
    /// [`ReportError::Definition`] at once if the definition is wrong, [`ReportError::Write`] if there can be no thread.
    pub fn start(
        path: PathBuf,
        format: ReportFormat,
        definition: ReportDefinition,
        arguments: ReportArguments,
        views: ReportViews,
    ) -> Result<Self, ReportError> {
        definition.validate()?;
        let control = ReportControl::default();
        let (tell, done) = oneshot::channel();
        let watched = control.clone();
        let work = move || {
            let run = AssertUnwindSafe(|| {
                // Homes that are a network away have threads of their own; this one waits for them, with timers.
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
                let write = write_report(&path, format, &definition, &arguments, &views, &watched);
                runtime.block_on(write)
            });
            let answer = catch_unwind(run).unwrap_or(Err(ReportError::Panicked));
            // Nobody waits for it any more.
            let _ = tell.send(answer);
        };
        thread::Builder::new().name("report".to_owned()).spawn(work)?;
        Ok(Self { control, done: Some(done) })
    }

    /// How far it is.
    pub fn progress(&self) -> ReportProgress {
        ReportProgress { read: self.control.rows_read(), written: self.control.rows_written() }
    }

    /// Has it end at the next row: [`Self::done`] then answers [`ReportError::Cancelled`], if it was not over.
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// Waits until it is over.
    ///
    /// # Errors
    ///
    /// [`ReportError`]: then there is no file.
    pub async fn done(mut self) -> Result<ReportSummary, ReportError> {
        match self.done.take() {
            Some(done) => done.await.unwrap_or(Err(ReportError::Panicked)),
            None => Err(ReportError::Panicked),
        }
    }
}

impl Drop for ReportJob {
    fn drop(&mut self) {
        self.control.cancel();
    }
}
