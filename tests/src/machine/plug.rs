//! A machine in the place of a site's box.

use anyhow::Result;

use crate::site::{INSIDE, OUTSIDE, Site, Topology};

/// Connects the site's cables to taps for a machine's ports, in their order: what the site's own box
/// answered, nobody answers any more, and each frame of a cable comes out of a tap as it went in.
///
/// # Errors
/// When the kernel does not do it.
pub fn plug(site: &Site<'_>) -> Result<Vec<String>> {
    let cables: &[&str] = match site.topology {
        Topology::Side => &[OUTSIDE],
        Topology::Router | Topology::Bridge => &[OUTSIDE, INSIDE],
    };
    if site.topology == Topology::Bridge {
        site.gate.ip("link del br0\n")?;
    }
    let mut taps = Vec::new();
    for (index, cable) in cables.iter().enumerate() {
        let (tap, wire) = (format!("tap{index}"), format!("wire{index}"));
        // A wire forwards every frame, those for switches themselves too (group_fwd_mask; the kernel
        // keeps three kinds for itself).
        site.gate.ip(&format!(
            "addr flush dev {cable}
tuntap add dev {tap} mode tap
link add {wire} type bridge forward_delay 0 mcast_snooping 0 group_fwd_mask 0xfff8
link set {cable} master {wire}
link set {tap} master {wire}
link set {tap} up
link set {wire} up
"
        ))?;
        site.gate.set(&format!("ipv6/conf/{wire}/disable_ipv6=1"))?;
        site.gate
            .set(&format!("ipv6/conf/{cable}/disable_ipv6=1"))?;
        taps.push(tap);
    }
    // The namespace itself is out of the way.
    for name in ["arptables", "iptables", "ip6tables"] {
        if site
            .gate
            .within(|| Ok(std::fs::exists("/proc/sys/net/bridge")?))?
        {
            site.gate.set(&format!("bridge/bridge-nf-call-{name}=0"))?;
        }
    }
    Ok(taps)
}
