//! An internet, a box and an office, each a network of its own with no way out, for the tests of the
//! firewall with packets.
//!
//! A claim about packets rests on what was captured at the PBX's port ([`Capture`]), and every claim
//! that something does not arrive has a control that it does when nothing stops it.

pub mod attempts;
mod audio;
pub mod bridged;
mod capture;
pub mod dns;
mod ears;
pub mod ethernet;
pub mod helper;
pub mod mdns;
pub mod packet;
mod place;
mod pop;
mod probe;
pub mod traffic;
mod wiring;

pub use audio::Talk;
pub use capture::{Capture, Frame};
pub use dns::{Dns, Says};
pub use ears::{Ears, Knock};
pub use helper::{Helper, Intent};
pub use place::Place;
pub use pop::{Pop, PopCall};
pub use probe::{Probe, Probes};
pub use traffic::{Counted, Echo, Flow};
pub use wiring::{INSIDE, OUTSIDE, at};

use std::{
    net::Ipv4Addr,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, ensure};

use crate::{Guard, Office, Pbx, Root, office};

/// How the box is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Two ports; it routes.
    Router,
    /// Two ports in a bridge.
    Bridge,
    /// One port.
    Side,
}

impl Topology {
    /// As the policy writes it.
    pub fn name(self) -> &'static str {
        match self {
            Topology::Router => "router",
            Topology::Bridge => "bridge",
            Topology::Side => "side",
        }
    }
}

/// Everything that a test of the firewall has.
pub struct Site<'a> {
    /// Folder, logs, mounts.
    pub office: &'a Office,
    /// How the box is plugged in.
    pub topology: Topology,
    /// PoPs, attackers, carriers, DNS.
    pub internet: Place,
    /// The box.
    pub gate: Place,
    /// PBX and page client.
    pub lan: Place,
    /// What connects the three in `side`.
    switch: Option<Place>,
}

/// Packets are counted and timed: one site at a time.
static ONE: Mutex<()> = Mutex::new(());

impl Site<'_> {
    /// Runs a test at a site of its own. As [`Office::run`].
    ///
    /// # Panics
    /// When the test does or fails, when the site cannot be made, or when a process was left.
    pub fn run(topology: Topology, test: impl FnOnce(&Site<'_>) -> Result<()> + Send + 'static) {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Office::run(move |office| {
            let site = Site::open(office, topology)?;
            let outcome = test(&site);
            let left = site.sweep()?;
            outcome?;
            ensure!(left.is_empty(), "the test left processes: {left:?}");
            Ok(())
        });
    }

    fn open(office: &Office, topology: Topology) -> Result<Site<'_>> {
        let internet = Place::new("internet")?;
        let gate = Place::new("box")?;
        let lan = Place::new("office")?;
        let switch = wiring::connect(topology, &internet, &gate, &lan)?;
        Ok(Site {
            office,
            topology,
            internet,
            gate,
            lan,
            switch,
        })
    }

    /// Ends what is left in the networks.
    fn sweep(&self) -> Result<Vec<(&'static str, i32)>> {
        let mut left = Vec::new();
        let places = [&self.internet, &self.gate, &self.lan];
        for place in places.into_iter().chain(&self.switch) {
            let pids = place.within(|| Ok(office::end_others_in_this_network()))?;
            left.extend(pids.into_iter().map(|pid| (place.name(), pid)));
        }
        Ok(left)
    }

    /// A real Asterisk 22 in the office.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn asterisk(&self, layers: &[&str]) -> Result<Pbx> {
        self.lan
            .within(|| self.office.pbx(Root::Asterisk22, layers))
    }

    /// The daemon on the box, at the box's address in the office, with a helper to load its rules; it
    /// does not run yet. The first line of `policy` is that of `[firewall]`.
    ///
    /// # Errors
    /// When it refuses the policy.
    pub fn daemon(&self, helper: &Path, policy: &str) -> Result<Guard> {
        let mut guard = Guard::new(self.office, &self.policy("prevent", policy))?;
        guard.listen((at::BOX, 5060).into());
        guard.load_rules_by(helper);
        Ok(guard)
    }

    /// A policy file of a usual office, with further lines of `[firewall]`.
    pub fn policy(&self, mode: &str, firewall: &str) -> String {
        let inside = match self.topology {
            Topology::Side => String::new(),
            _ => format!("inside = \"{INSIDE}\"\n"),
        };
        format!(
            r#"format = 1

[settings]
mode = "{mode}"
country = "US"

[firewall]
topology = "{}"
outside = "{OUTSIDE}"
{inside}pbx = ["192.168.77.10", "2001:db8:77::10"]
rtp = "10000-20200"
{firewall}

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
"#,
            self.topology.name()
        )
    }

    /// What passes the PBX's port from now on.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn at_pbx(&self) -> Result<Capture> {
        Capture::start(&self.lan, at::NOBODY)
    }

    /// What passes the internet's port from now on.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn at_internet(&self) -> Result<Capture> {
        let nobody = match self.topology {
            Topology::Router => at::NOBODY_OUTSIDE,
            _ => at::NOBODY,
        };
        Capture::start(&self.internet, nobody)
    }

    /// Where the internet finds the PBX.
    pub fn pbx_from_outside(&self) -> Ipv4Addr {
        match self.topology {
            Topology::Router => at::BOX_OUTSIDE,
            _ => at::PBX,
        }
    }
}
