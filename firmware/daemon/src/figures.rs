//! Figures for `/metrics`: what the daemon knows, as values. The page gives them their names.

use serde::{Deserialize, Serialize};
use trunkguard_core::{policy::MetricsAccess, report::Report};

use crate::{
    daemon::Run,
    firewall::view::PopLine,
    health::{self, Status},
    tally::TallyLine,
    updates::View,
};

/// Everything that is counted or measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Who may read them.
    pub access: MetricsAccess,
    /// Health and figures.
    pub status: Status,
    /// Decided calls, told apart.
    pub tally: Vec<TallyLine>,
    /// The points of presence.
    pub pops: Vec<PopLine>,
    /// What the firewall counted; `None` with `dry-run`.
    pub report: Option<Report>,
    /// Updates of the box.
    pub updates: View,
    /// Memory of the daemon that is in use, in octets.
    pub resident: u64,
}

/// The figures of this run.
pub fn of(run: &Run) -> Figures {
    let (tally, access) = {
        let desk = run.shared.lock();
        (desk.tally.lines(), desk.gate.policy().metrics.access)
    };
    let view = run.firewall.view();
    Figures {
        access,
        status: health::status(run),
        tally,
        pops: view.pops.names.clone(),
        report: view.report.clone(),
        updates: run.updates.order(None).unwrap_or_default(),
        resident: resident(),
    }
}

/// Resident pages of this process (proc(5), statm); 0 where /proc says nothing.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    // SAFETY: sysconf(3) reads a constant of the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.unwrap_or(0) * u64::try_from(page).unwrap_or(4_096)
}
