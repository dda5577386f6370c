//! Words of the command line and the log. Those about verdicts are the page's, in English: each exists once.

use trunkguard_core::{
    policy::{Mode, Profile},
    verdict::Verdict,
};
use trunkguard_page::texts::{Lang, verdicts};

/// The mode's name.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Detect => "detect",
        Mode::Prevent => "prevent",
        Mode::Lockdown => "lockdown",
    }
}

/// The profile's name.
pub fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Redirect => "redirect",
        Profile::Failover => "failover",
        Profile::FreepbxTrunk => "freepbx-trunk",
        Profile::Freeswitch => "freeswitch",
        Profile::TfpsCodes => "tfps-codes",
    }
}

/// The reason of a verdict in one sentence.
pub fn reason(verdict: &Verdict) -> String {
    verdicts::reason(Lang::En, verdict.rule, verdict.figures)
}
