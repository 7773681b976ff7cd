//! What stands above a report.

use ledger_core::{Day, Timestamp};
use sha2::{Digest, Sha256};

use super::cell::FieldKind;
use super::definition::ReportDefinition;
use super::error::ReportError;
use super::run::ReportArguments;
use crate::checkpoint::Checkpoint;
use crate::model::written;
use crate::period::Period;

/// A column as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownColumn {
    /// The field.
    pub field: &'static str,
    /// What stands above it.
    pub title: String,
    /// What it holds.
    pub kind: FieldKind,
    /// How many digits amounts have at least.
    pub digits: Option<u8>,
}

/// What stands above a report (GLI-19 2.9.1; row E23 of docs/compliance.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHeader {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Who it is of.
    pub operator: String,
    /// Its first and last day, and the period they are.
    pub interval: Option<(Day, Day, Period)>,
    /// The time zone of its days.
    pub zone: String,
    /// When it was made, as its caller told.
    pub at: Timestamp,
    /// What it was told.
    pub parameters: Vec<(String, String)>,
    /// What it is true of.
    pub checkpoint: Checkpoint,
    /// The SHA-256 of the definition as JSON.
    pub definition: String,
    /// What a reader must know of it.
    pub note: Option<String>,
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl ReportHeader {
    pub(super) fn new(
        definition: &ReportDefinition,
        arguments: &ReportArguments,
        period: Option<Period>,
        checkpoint: &Checkpoint,
    ) -> Result<Self, ReportError> {
        let told = |parameter: &super::definition::ReportParameter| {
            let value = arguments.parameters.get(&parameter.name).or(parameter.default.as_ref())?;
            Some((parameter.name.clone(), value.clone()))
        };
        Ok(Self {
            id: definition.id.clone(),
            title: definition.title.clone(),
            operator: arguments.operator.clone(),
            interval: arguments.days.zip(period).map(|((from, to), period)| (from, to, period)),
            zone: definition.zone.clone(),
            at: arguments.at,
            parameters: definition.parameters.iter().filter_map(told).collect(),
            checkpoint: checkpoint.clone(),
            definition: hash(written(definition)?.as_bytes()),
            note: definition.note.clone(),
        })
    }

    /// All of it as names and values, in order.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        let mut line = |name: &str, value: String| lines.push((name.to_owned(), value));
        line("Operator", self.operator.clone());
        line("Report", self.title.clone());
        line("Id", self.id.clone());
        match &self.interval {
            Some((from, to, period)) => {
                line("Interval", format!("{from} to {to}, {}", self.zone));
                line("From", period.from.to_string());
                line("Until", period.until.to_string());
            }
            None => line("Interval", "as it stands".to_owned()),
        }
        line("Made at", self.at.to_string());
        for (name, value) in &self.parameters {
            line(&format!("Parameter {name}"), value.clone());
        }
        let checkpoint = &self.checkpoint;
        line("Ledger", checkpoint.identity().ledger.to_string());
        let heads = checkpoint.identity().shards.all().zip(checkpoint.heads());
        let begun = heads.filter(|(_, head)| head.position.0 > 0);
        let positions: Vec<String> =
            begun.map(|(shard, head)| format!("{}/{}", shard.0, head.position)).collect();
        line("Positions", positions.join(" "));
        let heads = checkpoint.heads().iter().map(|head| head.hash.to_string());
        line("Hash of positions", hash(heads.collect::<Vec<_>>().join(" ").as_bytes()));
        let skips = checkpoint.skips();
        if !skips.is_empty() {
            line("Incomplete", format!("{} commits were left out of the view", skips.len()));
            for skip in skips {
                let place = format!("{}/{}", skip.shard.0, skip.position);
                line("Left out", format!("{place} by {} at {}: {}", skip.by, skip.at, skip.why));
            }
        }
        line("Definition", self.definition.clone());
        if let Some(note) = &self.note {
            line("Note", note.clone());
        }
        lines
    }
}
