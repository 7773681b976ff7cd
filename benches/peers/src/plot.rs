//! The plot: rounds a second of every system at every level, as bars on a logarithmic scale.

use std::fmt::Write as _;

use crate::report::{Measured, Report, grouped};

const WIDTH: f64 = 1_000.0;
/// Where the bars begin, and how long they may become.
const LEFT: f64 = 250.0;
const SPAN: f64 = 560.0;
const TOP: f64 = 70.0;
const BAR: f64 = 14.0;
const GAP: f64 = 4.0;
/// Between two systems.
const BREAK: f64 = 10.0;
/// The least and the most that the scale shows, as powers of ten.
const DECADES: (i32, i32) = (1, 7);

/// Draws the report.
pub(crate) fn svg(report: &Report) -> String {
    let mut out = String::new();
    draw(report, &mut out).expect("a string takes everything");
    out
}

/// Where a rate stands on the scale.
fn across(rate: f64) -> f64 {
    let (least, most) = (f64::from(DECADES.0), f64::from(DECADES.1));
    LEFT + SPAN * ((rate.max(1.0).log10() - least) / (most - least)).clamp(0.0, 1.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Bars of our own stand out; of several levels the more in flight, the darker.
fn colour(measured: &Measured, level: usize) -> &'static str {
    let ours = ["#f6b26b", "#e69138", "#b45f06", "#783f04"];
    let bare = ["#999999"; 4];
    let peers = ["#9fc5e8", "#6fa8dc", "#3d85c6", "#0b5394"];
    let of = if measured.system.starts_with("casino-ledger") {
        ours
    } else if measured.system.starts_with("bare") {
        bare
    } else {
        peers
    };
    of[level.min(of.len() - 1)]
}

fn draw(report: &Report, out: &mut String) -> std::fmt::Result {
    let systems = report.results.chunk_by(|a, b| a.system == b.system);
    let bars = f64::from(u32::try_from(report.results.len()).unwrap_or(u32::MAX));
    let breaks = f64::from(u32::try_from(systems.clone().count()).unwrap_or(u32::MAX));
    let bottom = TOP + bars * (BAR + GAP) + breaks * BREAK;
    let height = bottom + 40.0;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">"#
    )?;
    writeln!(out, r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##)?;
    writeln!(
        out,
        r#"<text x="20" y="26" font-size="16">Bet rounds a second: place and settle, both durable</text>"#
    )?;
    let machine = &report.machine;
    let words = format!(
        "{} cores ({}), {} GiB, {}; medians, with the least and the most; p50 / p99 of one operation",
        machine.cores, machine.processor, machine.memory_gib, machine.file_system
    );
    writeln!(out, r##"<text x="20" y="46" fill="#555555">{}</text>"##, escaped(&words))?;
    scale(out, bottom)?;
    let mut y = TOP;
    for system in systems {
        y += BREAK;
        let name = system.first().map_or("", |measured| measured.system.as_str());
        let middle = y + BAR - 3.0;
        writeln!(out, r#"<text x="20" y="{middle}">{}</text>"#, escaped(name))?;
        for (level, measured) in system.iter().enumerate() {
            bar(out, measured, level, y)?;
            y += BAR + GAP;
        }
    }
    writeln!(out, "</svg>")
}

fn scale(out: &mut String, bottom: f64) -> std::fmt::Result {
    for power in DECADES.0..=DECADES.1 {
        let rate = 10_u64.pow(power.unsigned_abs());
        let x = across(10_f64.powi(power));
        writeln!(out, r##"<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#dddddd"/>"##)?;
        let below = bottom + 16.0;
        writeln!(out, r#"<text x="{x}" y="{below}" text-anchor="middle">{}</text>"#, grouped(rate))?;
    }
    Ok(())
}

fn bar(out: &mut String, measured: &Measured, level: usize, y: f64) -> std::fmt::Result {
    let (rate, (least, most)) = (measured.rounds_per_second(), measured.spread());
    let (end, colour) = (across(rate), colour(measured, level));
    let (middle, base) = (y + BAR / 2.0, y + BAR - 3.0);
    writeln!(
        out,
        r#"<text x="{}" y="{base}" text-anchor="end">{}</text>"#,
        LEFT - 6.0,
        grouped(measured.in_flight as u64)
    )?;
    writeln!(out, r#"<rect x="{LEFT}" y="{y}" width="{:.1}" height="{BAR}" fill="{colour}"/>"#, end - LEFT)?;
    writeln!(
        out,
        r##"<line x1="{:.1}" y1="{middle}" x2="{:.1}" y2="{middle}" stroke="#000000"/>"##,
        across(least),
        across(most)
    )?;
    #[expect(clippy::cast_precision_loss, reason = "a latency is shown, nothing more")]
    let ms = |us: u64| us as f64 / 1_000.0;
    writeln!(
        out,
        r#"<text x="{:.1}" y="{base}">{:.0} ({:.2} / {:.2} ms)</text>"#,
        across(most) + 8.0,
        rate,
        ms(measured.p50_us()),
        ms(measured.p99_us())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_stand_on_a_logarithmic_scale() {
        assert!((across(10.0) - LEFT).abs() < 1e-9);
        assert!((across(1.0) - LEFT).abs() < 1e-9, "below the scale is its beginning");
        assert!((across(1e9) - LEFT - SPAN).abs() < 1e-9, "above it is its end");
        assert!((across(10_000.0) - across(1_000.0) - (across(1_000.0) - across(100.0))).abs() < 1e-9);
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped("a <b> & c"), "a &lt;b> &amp; c");
    }
}
