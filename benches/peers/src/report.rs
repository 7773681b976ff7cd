//! What a run found: samples, medians, the table.

use std::fmt::Write as _;
use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::machine::Machine;
use crate::system::Slice;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) rounds_per_second: f64,
    /// Of one operation, a bet or a settlement.
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown, nothing is computed with it")]
    pub(crate) fn of(slice: &Slice) -> Self {
        Self {
            rounds_per_second: slice.rounds as f64 / slice.took.as_secs_f64(),
            p50_us: slice.latencies.quantile_us(0.5),
            p99_us: slice.latencies.quantile_us(0.99),
        }
    }
}

/// All measurements of one system at one level. Written as their medians.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) system: String,
    pub(crate) in_flight: usize,
    pub(crate) samples: Vec<Sample>,
    /// How long the measurements took, with warming up.
    pub(crate) spent: Duration,
}

impl Measured {
    pub(crate) fn new(system: &str, in_flight: usize) -> Self {
        Self { system: system.to_owned(), in_flight, samples: Vec::new(), spent: Duration::ZERO }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = self.samples.iter().map(|sample| sample.rounds_per_second).collect();
        rates.sort_by(f64::total_cmp);
        rates
    }

    pub(crate) fn rounds_per_second(&self) -> f64 {
        let rates = self.sorted();
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    }

    /// The slowest and the fastest measurement.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let rates = self.sorted();
        (rates.first().copied().unwrap_or_default(), rates.last().copied().unwrap_or_default())
    }

    pub(crate) fn p50_us(&self) -> u64 {
        median(self.samples.iter().map(|sample| sample.p50_us))
    }

    pub(crate) fn p99_us(&self) -> u64 {
        median(self.samples.iter().map(|sample| sample.p99_us))
    }
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (min, max) = self.spread();
        let tenths = |rate: f64| (rate * 10.0).round() / 10.0;
        let mut fields = serializer.serialize_struct("Measured", 8)?;
        fields.serialize_field("system", &self.system)?;
        fields.serialize_field("in_flight", &self.in_flight)?;
        fields.serialize_field("rounds_per_second", &tenths(self.rounds_per_second()))?;
        fields.serialize_field("rounds_per_second_min", &tenths(min))?;
        fields.serialize_field("rounds_per_second_max", &tenths(max))?;
        fields.serialize_field("p50_us", &self.p50_us())?;
        fields.serialize_field("p99_us", &self.p99_us())?;
        fields.serialize_field("repetitions", &self.samples.len())?;
        fields.end()
    }
}

/// A check that was passed.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) system: String,
    pub(crate) found: String,
}

/// A system that was not measured.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) system: String,
    pub(crate) reason: String,
}

/// What a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Vec<String>,
    pub(crate) results: Vec<Measured>,
    pub(crate) checks: Vec<Checked>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Report {
    /// The report for people, as Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        self.write_table(&mut out).expect("a string takes everything");
        out
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        let Machine { processor, cores, memory_gib, kernel, file_system, load_before } = &self.machine;
        writeln!(
            out,
            "{cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}, {file_system}, load before {load_before}"
        )?;
        for setting in &self.settings {
            writeln!(out, "{setting}")?;
        }
        let heads = ["system", "in flight", "rounds/s", "least - most", "p50 of one operation", "p99"];
        let mut rows = vec![heads.map(str::to_owned).to_vec()];
        for measured in &self.results {
            let (least, most) = measured.spread();
            rows.push(vec![
                measured.system.clone(),
                grouped(measured.in_flight as u64),
                grouped_rate(measured.rounds_per_second()),
                format!("{} - {}", grouped_rate(least), grouped_rate(most)),
                latency(measured.p50_us()),
                latency(measured.p99_us()),
            ]);
        }
        let widths: Vec<usize> =
            (0..heads.len()).map(|i| rows.iter().map(|row| row[i].len()).max().unwrap_or(0)).collect();
        for (i, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
            if i == 0 {
                let lines = widths.iter().map(|width| "-".repeat(width + 2));
                writeln!(out, "|{}|", lines.collect::<Vec<_>>().join("|"))?;
            }
        }
        for Checked { system, found } in &self.checks {
            writeln!(out, "checked {system}: {found}")?;
        }
        for LeftOut { system, reason } in &self.left_out {
            writeln!(out, "left out {system}: {reason}")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is shown, nothing more")]
fn grouped_rate(rate: f64) -> String {
    grouped(rate.round() as u64)
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "a latency is shown, nothing more")]
fn latency(us: u64) -> String {
    if us < 1_000 { format!("{us} us") } else { format!("{:.2} ms", us as f64 / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rates: &[f64]) -> Measured {
        let sample = |rate: &f64| Sample { rounds_per_second: *rate, p50_us: 900, p99_us: 2_500 };
        Measured { samples: rates.iter().map(sample).collect(), ..Measured::new("a system", 64) }
    }

    #[test]
    fn medians_and_spread_are_of_all_samples() {
        let measured = measured(&[3.0, 1.0, 200.0]);
        assert!((measured.rounds_per_second() - 3.0).abs() < f64::EPSILON);
        assert_eq!(measured.spread(), (1.0, 200.0));
        assert_eq!((measured.p50_us(), measured.p99_us()), (900, 2_500));
    }

    #[test]
    fn json_has_the_figures_by_system_and_level() {
        let json = serde_json::to_value(measured(&[1.0, 2.04, 3.0])).expect("JSON");
        assert_eq!(json["system"], "a system");
        assert_eq!(json["in_flight"], 64);
        assert_eq!(json["rounds_per_second"], 2.0);
        assert_eq!((&json["p50_us"], &json["p99_us"]), (&900.into(), &2_500.into()));
    }

    #[test]
    fn numbers_are_grouped_and_latencies_have_units() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([999, 1_000, 12_345].map(latency), ["999 us", "1.00 ms", "12.35 ms"]);
    }
}
