//! Figures of several rounds, and the tables they are printed in.

use std::time::Duration;

use crate::load::Outcome;

/// What a load did to a server, over all rounds.
pub struct Row {
    /// The server.
    pub server: &'static str,
    /// The load.
    pub load: String,
    /// Round by round.
    pub rounds: Vec<Outcome>,
}

impl Row {
    /// The middle one of a figure over the rounds.
    pub fn median(&self, figure: impl Fn(&Outcome) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// A sum over the rounds.
    pub fn sum(&self, figure: impl Fn(&Outcome) -> u64) -> u64 {
        self.rounds.iter().map(figure).sum()
    }
}

/// The rows of a benchmark.
#[derive(Default)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    /// Adds the outcome of a round.
    pub fn add(&mut self, server: &'static str, load: &str, outcome: Outcome) {
        match self
            .0
            .iter_mut()
            .find(|row| row.server == server && row.load == load)
        {
            Some(row) => row.rounds.push(outcome),
            None => self.0.push(Row {
                server,
                load: load.into(),
                rounds: vec![outcome],
            }),
        }
    }

    /// The row of a load on a server.
    pub fn get(&self, server: &str, load: &str) -> Option<&Row> {
        self.0
            .iter()
            .find(|row| row.server == server && row.load == load)
    }

    /// Middle of the ratios, round by round, of a figure of one row to that of another: rounds of
    /// the two were measured one after the other, so that what else the machine did hit both.
    pub fn ratio(
        &self,
        over: (&str, &str),
        under: (&str, &str),
        figure: impl Fn(&Outcome) -> f64,
    ) -> Option<f64> {
        let (over, under) = (self.get(over.0, over.1)?, self.get(under.0, under.1)?);
        let pairs = over.rounds.iter().zip(&under.rounds);
        Some(median(
            pairs
                .map(|(a, b)| figure(a) / figure(b).max(f64::MIN_POSITIVE))
                .collect(),
        ))
    }

    /// Prints them as a table.
    pub fn print(&self) {
        println!(
            "| server | load | rounds | answers/s (min … max) | CPU µs/answer (min … max) | p50 µs | p99 µs | p99.9 µs | lost | wrong | duplicates |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
        for row in &self.0 {
            let all = |figure: &dyn Fn(&Outcome) -> f64| {
                row.rounds.iter().map(figure).collect::<Vec<f64>>()
            };
            let at = |share: f64| row.median(|o| micros(o.latency.quantile(share)));
            println!(
                "| {} | {} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {} | {} | {} |",
                row.server,
                row.load,
                row.rounds.len(),
                spread(all(&Outcome::rate), 0),
                spread(all(&Outcome::cpu_per_answer), 2),
                at(0.5),
                at(0.99),
                at(0.999),
                row.sum(|o| o.lost),
                row.sum(|o| o.wrong),
                row.sum(|o| o.duplicates),
            );
        }
        println!();
    }
}

/// Microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one; 0 of none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        n if n % 2 == 1 => figures[n / 2],
        n => (figures[n / 2 - 1] + figures[n / 2]) / 2.0,
    }
}

fn spread(figures: Vec<f64>, digits: usize) -> String {
    let (least, most) = figures
        .iter()
        .fold((f64::MAX, 0.0_f64), |(a, b), f| (a.min(*f), b.max(*f)));
    format!(
        "{:.digits$} ({least:.digits$} … {most:.digits$})",
        median(figures)
    )
}

/// The targets, met or not.
#[derive(Default)]
pub struct Targets(Vec<(String, String, bool)>);

impl Targets {
    /// Notes a target, the figure for it, and whether it is met.
    pub fn add(&mut self, target: impl Into<String>, figure: impl Into<String>, met: bool) {
        self.0.push((target.into(), figure.into(), met));
    }

    /// Prints them, and how many are met.
    pub fn print(&self) {
        println!("| | target | measured |\n|---|---|---|");
        for (target, figure, met) in &self.0 {
            println!(
                "| {} | {target} | {figure} |",
                if *met { "PASS" } else { "FAIL" }
            );
        }
        let met = self.0.iter().filter(|(_, _, met)| *met).count();
        println!("\n{met} of {} targets met.", self.0.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(answers: u64) -> Outcome {
        Outcome {
            answers,
            time: Duration::from_secs(1),
            ..Outcome::default()
        }
    }

    #[test]
    fn medians_and_ratios() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < 1e-9);
        let mut rows = Rows::default();
        for (a, b) in [(10, 5), (100, 10), (6, 2)] {
            rows.add("a", "x", outcome(a));
            rows.add("b", "x", outcome(b));
        }
        let ratio = rows.ratio(("a", "x"), ("b", "x"), Outcome::rate);
        assert!((ratio.unwrap_or(0.0) - 3.0).abs() < 1e-9);
        assert!(rows.ratio(("a", "x"), ("c", "x"), Outcome::rate).is_none());
    }
}
