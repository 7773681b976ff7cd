//! Charts as inline SVG: no script, and what they show stands in a table beside them.

use maud::{Markup, html};

/// A bar: its label, how high it is of the highest (0 to 1000), and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) permille: i64,
    pub(super) says: String,
}

/// Bars of values, each as a share of the largest; below zero they hang.
pub(super) fn bars(values: &[(String, i128, String)]) -> Vec<Bar> {
    let most = values.iter().map(|(_, value, _)| value.unsigned_abs()).max().unwrap_or(0).max(1);
    let bar = |(label, value, says): &(String, i128, String)| {
        let share = value.unsigned_abs().saturating_mul(1_000) / most;
        let permille = i64::try_from(share).unwrap_or(1_000) * if *value < 0 { -1 } else { 1 };
        Bar { label: label.clone(), permille, says: says.clone() }
    };
    values.iter().map(bar).collect()
}

/// The width of one bar with its space.
const STEP: i64 = 34;
/// The height of the part above the line, and of the one below.
const HEIGHT: i64 = 120;

/// A chart of bars.
pub(super) fn chart(title: &str, bars: &[Bar]) -> Markup {
    let has_below = bars.iter().any(|bar| bar.permille < 0);
    let below = if has_below { HEIGHT } else { 0 };
    let count = i64::try_from(bars.len()).unwrap_or(0);
    // Labels hang at half a right angle: they need room below, and beyond the last bar.
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
    let room = i64::try_from(longest).unwrap_or(0) * 6 + 20;
    let (width, height) = (count * STEP + 10 + room, HEIGHT + below + room);
    html! {
        figure {
            svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img" aria-label=(title) {
                @for (index, bar) in (0_i64..).zip(bars) {
                    @let (x, tall) = (5 + index * STEP, bar.permille.abs() * HEIGHT / 1_000);
                    @let y = if bar.permille < 0 { HEIGHT } else { HEIGHT - tall };
                    rect x=(x) y=(y) width=(STEP - 8) height=(tall.max(1)) fill=(if bar.permille < 0 { "#c22" } else { "#0a6" }) {
                        title { (bar.label) ": " (bar.says) }
                    }
                    text x=(x + 4) y=(HEIGHT + below + 12) transform={ "rotate(45 " (x + 4) " " (HEIGHT + below + 12) ")" } { (bar.label) }
                }
                line x1="0" y1=(HEIGHT) x2=(width) y2=(HEIGHT) stroke="currentColor" {}
            }
            figcaption { (title) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_largest() {
        let values = [("a".to_owned(), 200, String::new()), ("b".to_owned(), -50, String::new())];
        let bars = bars(&values);
        assert_eq!((bars[0].permille, bars[1].permille), (1_000, -250));
        assert!(super::bars(&[]).is_empty());
        assert_eq!(super::bars(&[("z".to_owned(), 0, String::new())])[0].permille, 0);
    }
}
