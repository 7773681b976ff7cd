//! Reports as files, which appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::definition::ReportDefinition;
use super::error::ReportError;
use super::outputs::{CsvReport, JsonLinesReport, ReportWriter};
use super::run::{ReportArguments, ReportControl, ReportSummary, run_report};
use super::sources::ReportViews;

/// What kind of file a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// A workbook; with the feature `xlsx`.
    Xlsx,
    /// A Parquet file; with the feature `parquet`.
    Parquet,
}

/// How often a file that others finish again and again is opened.
const OPENS_MAX: usize = 8;

/// Whether an open file is the one of a name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let known = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(known) == fs::metadata(path).ok().map(known)
}

/// Whether an open file is the one of a name; elsewhere an open file is not renamed.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A file that is not there yet: beside its name until it is whole.
struct Unfinished {
    path: PathBuf,
    part: PathBuf,
}

impl Unfinished {
    fn failed(&self) -> impl FnOnce(std::io::Error) -> ReportError + use<> {
        let path = self.path.clone();
        move |source| ReportError::File { path, source }
    }

    fn create(path: &Path) -> Result<(Self, File), ReportError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let unfinished = Self { path: path.to_owned(), part: path.with_file_name(name) };
        for _ in 0..OPENS_MAX {
            // One that a killed process left is of no use; one that another process writes is locked.
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&unfinished.part);
            let file = file.map_err(unfinished.failed())?;
            file.try_lock().map_err(|error| unfinished.failed()(error.into()))?;
            // Another process may have finished in between: then this is its report, and has another name by now.
            if is_at(&file, &unfinished.part) {
                file.set_len(0).map_err(unfinished.failed())?;
                return Ok((unfinished, file));
            }
        }
        let busy = std::io::Error::other("others write reports of this name one after the other");
        Err(unfinished.failed()(busy))
    }

    fn finish(self, file: &File) -> Result<(), ReportError> {
        let done = || {
            file.sync_all()?;
            fs::rename(&self.part, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        done().map_err(self.failed())
    }

    fn discard(self) {
        // What is left of it has another name than a report, and the next run of it begins anew.
        let _ = fs::remove_file(&self.part);
    }
}

/// Runs a report into a file, which appears when it is whole and synced, in place of one that was there; on any error there is
/// none, and an older one stays. Two runs of one name at once: the second is refused.
///
/// # Errors
///
/// [`ReportError`].
pub async fn write_report(
    path: &Path,
    format: ReportFormat,
    definition: &ReportDefinition,
    arguments: &ReportArguments,
    views: &ReportViews,
    control: &ReportControl,
) -> Result<ReportSummary, ReportError> {
    let (unfinished, file) = Unfinished::create(path)?;
    let handle = file.try_clone().map_err(unfinished.failed())?;
    let run = run_into(format, handle, definition, arguments, views, control).await;
    match run {
        Ok(summary) => unfinished.finish(&file).map(|()| summary),
        Err(error) => {
            unfinished.discard();
            Err(error)
        }
    }
}

async fn run_into(
    format: ReportFormat,
    file: File,
    definition: &ReportDefinition,
    arguments: &ReportArguments,
    views: &ReportViews,
    control: &ReportControl,
) -> Result<ReportSummary, ReportError> {
    let mut out = BufWriter::new(file);
    let run =
        async |writer: &mut dyn ReportWriter| run_report(definition, arguments, views, writer, control).await;
    match format {
        ReportFormat::Csv => {
            let mut writer = CsvReport::new(&mut out);
            let summary = run(&mut writer).await?;
            writer.into_inner()?;
            out.flush()?;
            Ok(summary)
        }
        ReportFormat::JsonLines => {
            let summary = run(&mut JsonLinesReport::new(&mut out)).await?;
            out.flush()?;
            Ok(summary)
        }
        #[cfg(feature = "xlsx")]
        ReportFormat::Xlsx => run(&mut super::outputs::XlsxReport::new(out)).await,
        #[cfg(feature = "parquet")]
        ReportFormat::Parquet => run(&mut super::outputs::ParquetReport::new(out)).await,
        #[cfg(not(feature = "xlsx"))]
        ReportFormat::Xlsx => Err(ReportError::NoFormat("xlsx")),
        #[cfg(not(feature = "parquet"))]
        ReportFormat::Parquet => Err(ReportError::NoFormat("parquet")),
    }
}
