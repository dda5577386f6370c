//! Bar charts, drawn by the server: SVG without script, with the same figures in a table below.

use super::Span;
use crate::texts::{Calls, Home, fill};

/// The size of the drawing; it grows and shrinks with the page.
const WIDTH: u32 = 720;
const HEIGHT: u32 = 160;
/// Room for the labels below, and for the highest figure above.
const BELOW: u32 = 22;
const ABOVE: u32 = 18;

/// A chart.
pub struct Chart {
    /// Its name on the page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// The same with the figures that matter.
    pub desc: String,
    /// The drawing's size.
    pub view: String,
    /// The height of the line at 0.
    pub floor: u32,
    /// The highest bar.
    pub highest: u64,
    /// The bars, from the left.
    pub bars: Vec<Bar>,
    /// What the parts of a bar are: class and words.
    pub legend: Vec<(&'static str, &'static str)>,
}

/// A bar.
pub struct Bar {
    /// Which hour or day.
    pub label: String,
    /// The label is drawn; there is no room for every one.
    pub labelled: bool,
    /// Where its label is, and which part of the label.
    pub place: (u32, &'static str),
    /// Its parts from the bottom: class, left, top, width, height.
    pub parts: Vec<(&'static str, u32, u32, u32, u32)>,
    /// Its figures, in the legend's order.
    pub values: Vec<u64>,
    /// All of them in words.
    pub words: String,
}

impl Chart {
    /// Calls by what became of them.
    pub fn of_calls(id: &'static str, spans: &[Span], title: &str, t: &Home, c: &Calls) -> Chart {
        let legend = vec![
            ("good", c.approved),
            ("warn", c.would_refuse),
            ("bad", c.refused),
        ];
        let values = |span: &Span| vec![span.approved, span.would_refuse, span.refused];
        Chart::new(id, spans, title, t, legend, values)
    }

    /// Packets that did not pass.
    pub fn of_drops(id: &'static str, spans: &[Span], t: &'static Home) -> Chart {
        let legend = vec![("bad", t.packets)];
        Chart::new(id, spans, t.drops_title, t, legend, |span| {
            vec![span.dropped]
        })
    }

    fn new(
        id: &'static str,
        spans: &[Span],
        title: &str,
        t: &Home,
        legend: Vec<(&'static str, &'static str)>,
        values: impl Fn(&Span) -> Vec<u64>,
    ) -> Chart {
        let rows: Vec<Vec<u64>> = spans.iter().map(values).collect();
        let highest = rows.iter().map(|row| row.iter().sum()).max().unwrap_or(0);
        let place = WIDTH / (spans.len().max(1) as u32);
        let width = place * 7 / 10;
        // About eight labels.
        let every = spans.len().div_ceil(8).max(1);
        let bars = spans
            .iter()
            .zip(rows)
            .enumerate()
            .map(|(n, (span, values))| {
                let left = n as u32 * place + (place - width) / 2;
                let words: Vec<String> = (legend.iter().zip(&values))
                    .filter(|(_, value)| **value > 0)
                    .map(|((_, name), value)| format!("{name}: {value}"))
                    .collect();
                Bar {
                    labelled: (spans.len() - 1 - n).is_multiple_of(every),
                    place: place_of_label(left + width / 2),
                    parts: stack(&legend, &values, highest, left, width),
                    words: format!("{} – {}", span.label, or(words.join(", "), t.nothing)),
                    label: span.label.clone(),
                    values,
                }
            });
        let bars: Vec<Bar> = bars.collect();
        let totals: Vec<String> = (legend.iter().enumerate())
            .map(|(n, (_, name))| {
                let total: u64 = bars.iter().filter_map(|bar| bar.values.get(n)).sum();
                format!("{name}: {total}")
            })
            .collect();
        Chart {
            id,
            title: title.to_owned(),
            desc: fill(t.in_all, &[&totals.join(", ")]),
            view: format!("0 0 {WIDTH} {HEIGHT}"),
            floor: HEIGHT - BELOW,
            highest,
            bars,
            legend,
        }
    }
}

/// A label stands below the middle of its bar, and within the drawing.
fn place_of_label(middle: u32) -> (u32, &'static str) {
    /// Half a label, at the size that phones have.
    const HALF: u32 = 32;
    if middle + HALF > WIDTH {
        (WIDTH - 2, "end")
    } else {
        (middle, "middle")
    }
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() {
        other.to_owned()
    } else {
        text
    }
}

/// The parts of a bar on each other. What is not 0 is seen.
fn stack(
    legend: &[(&'static str, &'static str)],
    values: &[u64],
    highest: u64,
    left: u32,
    width: u32,
) -> Vec<(&'static str, u32, u32, u32, u32)> {
    let room = u64::from(HEIGHT - BELOW - ABOVE);
    let mut top = HEIGHT - BELOW;
    let mut parts = Vec::new();
    for ((class, _), &value) in legend.iter().zip(values) {
        if value == 0 {
            continue;
        }
        // At most `room`, which fits.
        let height = (value.saturating_mul(room) / highest.max(1)).max(2) as u32;
        top = top.saturating_sub(height);
        parts.push((*class, left, top, width, height));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Lang;

    #[test]
    fn bars_stay_in_their_drawing_and_say_what_they_show() {
        let (t, c) = (Home::of(Lang::En), Calls::of(Lang::En));
        let spans: Vec<Span> = (0..24u64)
            .map(|n| Span {
                label: format!("{n}:00"),
                approved: n * 1_000,
                would_refuse: 1,
                refused: u64::from(n == 3) * u64::MAX / 1_000,
                dropped: n,
            })
            .collect();
        let chart = Chart::of_calls("x", &spans, "Calls", t, c);
        assert_eq!(chart.bars.len(), 24);
        for bar in &chart.bars {
            for &(_, left, top, width, height) in &bar.parts {
                assert!(left + width <= WIDTH && top + height <= HEIGHT && height >= 2);
            }
        }
        assert!(
            chart.bars[3].words.contains("Refused: "),
            "{}",
            chart.bars[3].words
        );
        assert!(chart.bars[23].labelled, "the newest has its label");
        let none = Chart::of_drops("y", &[], t);
        assert!(none.bars.is_empty() && none.highest == 0);
    }
}
