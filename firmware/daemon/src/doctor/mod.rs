//! `doctor`: finds the usual mistakes of an installation. [`gather`] looks at the machine, [`checks`] judge
//! what it found, as pure functions over [`Facts`].

use std::fmt;

use serde::Serialize;

pub mod checks;
pub mod facts;
pub mod gather;

pub use facts::Facts;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check; a stable name.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it; empty for [`Severity::Ok`].
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Could not be found out, or is worth knowing.
    Hint,
    /// May be wrong.
    Warning,
    /// Is wrong: calls or protection suffer.
    Problem,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Finding {
            check,
            severity: Severity::Ok,
            what: what.into(),
            remedy: String::new(),
        }
    }

    /// Something to be looked at.
    pub fn of(
        check: &'static str,
        severity: Severity,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding {
            check,
            severity,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Everything that was found, the worst first.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = checks::ALL.iter().flat_map(|check| check(facts)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Is anything wrong?
pub fn is_wrong(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Problem)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Ok => "ok     ",
            Severity::Hint => "hint   ",
            Severity::Warning => "WARNING",
            Severity::Problem => "PROBLEM",
        };
        write!(f, "{mark}  {}", self.what)?;
        if !self.remedy.is_empty() {
            write!(f, "\n         -> {}", self.remedy)?;
        }
        Ok(())
    }
}
