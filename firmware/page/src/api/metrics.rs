//! `/metrics`, in the text format 0.0.4 of Prometheus.
//!
//! Its own writer, of a page: the figures are a snapshot that the daemon hands over, and a library's registry wants to own them
//! (docs/decisions/metrics-writer.md).

use std::fmt::Write;

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use trunkguard_core::policy::MetricsAccess;

use super::{Fault, token::Reader};
use crate::shell::Shell;

/// What is said, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Who may read it.
    pub access: MetricsAccess,
    /// The figures.
    pub families: Vec<Family>,
}

/// Figures of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// `trunkguard_…`, in base units; of a counter it ends in `_total`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What it does.
    pub kind: Kind,
    /// The figures.
    pub samples: Vec<Sample>,
}

/// What figures do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and begins anew with the daemon.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What tells it from the others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// How much.
    pub value: f64,
}

impl Family {
    /// A family without a figure yet.
    pub fn new(kind: Kind, name: &'static str, help: &'static str) -> Family {
        Family {
            name,
            help,
            kind,
            samples: Vec::new(),
        }
    }

    /// With the only figure of this name.
    pub fn with(mut self, value: f64) -> Family {
        self.push(&[], value);
        self
    }

    /// One figure more.
    pub fn push(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter();
        self.samples.push(Sample {
            labels: labels
                .map(|&(name, text)| (name, text.to_owned()))
                .collect(),
            value,
        });
    }
}

pub fn routes() -> Router<Shell> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(shell): State<Shell>, request: Request) -> Result<Response, Fault> {
    let figures = shell.ask(|parts| parts.api.figures()).await?;
    let (mut parts, _) = request.into_parts();
    match figures.access {
        MetricsAccess::Off => {
            return Err(Fault::new(
                StatusCode::NOT_FOUND,
                "there are no figures here; write [metrics] access = \"token\" or \"office\" in the policy to have them",
            ));
        }
        // Nobody else reaches the page (docs/security.md P1).
        MetricsAccess::Office => {}
        MetricsAccess::Token => {
            Reader::from_request_parts(&mut parts, &shell).await?;
        }
    }
    let kind = (
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    );
    Ok(([kind], written(&figures.families)).into_response())
}

/// The text. A family without figures is left out.
fn written(families: &[Family]) -> String {
    let mut out = String::with_capacity(8 << 10);
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a String does not fail.
        let _ = writeln!(out, "# HELP {} {}", family.name, family.help);
        let _ = writeln!(out, "# TYPE {} {kind}", family.name);
        for sample in &family.samples {
            out.push_str(family.name);
            for (n, (name, text)) in sample.labels.iter().enumerate() {
                let begin = if n == 0 { '{' } else { ',' };
                let _ = write!(out, "{begin}{name}=\"{}\"", escaped(text));
            }
            if !sample.labels.is_empty() {
                out.push('}');
            }
            let _ = writeln!(out, " {}", sample.value);
        }
    }
    out
}

/// The text of a label: `\`, `"` and line feeds are escaped (text format 0.0.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut calls = Family::new(Kind::Counter, "trunkguard_calls_total", "Decided calls.");
        calls.push(&[("client", "a\"b\\c\nd"), ("verdict", "approved")], 3.0);
        calls.push(&[("client", "x"), ("verdict", "denied")], 0.5);
        let families = [
            calls,
            Family::new(Kind::Gauge, "trunkguard_nothing", "Nothing."),
            Family::new(Kind::Gauge, "trunkguard_up", "Up.").with(1.0),
        ];
        assert_eq!(
            written(&families),
            "# HELP trunkguard_calls_total Decided calls.\n# TYPE trunkguard_calls_total counter\n\
             trunkguard_calls_total{client=\"a\\\"b\\\\c\\nd\",verdict=\"approved\"} 3\n\
             trunkguard_calls_total{client=\"x\",verdict=\"denied\"} 0.5\n\
             # HELP trunkguard_up Up.\n# TYPE trunkguard_up gauge\ntrunkguard_up 1\n"
        );
    }
}
