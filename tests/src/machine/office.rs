//! A usual office: its policy, its numbers, and what a test asks of a box in it.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Guest;
use crate::wire::Udp;

/// A policy of a usual office for a box of `side` at [`at::BOX`](crate::site::at::BOX), in a mode.
pub fn policy(mode: &str) -> String {
    format!(
        r#"format = 1

[settings]
mode = "{mode}"
country = "US"
area_code = 212

[network]
address = "192.168.77.2/24"
gateway = "192.168.77.1"
dns = ["192.0.2.53"]

[firewall]
topology = "side"
pbx = ["192.168.77.10"]
rtp = "10000-20200"

[policy.allow]
countries = ["US", "GB"]

[policy.limits]
simultaneous = 2000
per_minute = 2000
per_day = 20000

[policy.limits.abroad]
simultaneous = 2000
per_day = 20000

[policy.limits.abroad_off_hours]
simultaneous = 2000
per_day = 20000

[policy.total]
simultaneous = 5000

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
number_format = "dialled"
"#
    )
}

/// A number abroad that the policy allows: approved, and it costs.
pub const APPROVED: &str = "011442071838750";
/// A number that is no news: the first call to a country is an alert.
pub const AT_HOME: &str = "12125550123";
/// One that it does not.
pub const DENIED: &str = "01126377123456";

/// Waits until the whole box is up and its daemon answers the command line.
///
/// # Errors
/// When it does not come up, or a unit has failed.
pub fn up(guest: &mut Guest) -> Result<()> {
    // `degraded` ends the wait as well: something that failed does not come back by waiting.
    let state = guest.until(
        "s=$(systemctl is-system-running); case $s in running|degraded) echo $s;; *) echo $s; false;; esac",
    )?;
    if state.trim() != "running" {
        let said = guest.must("for unit in $(systemctl --failed --no-legend --plain | cut -d' ' -f1); do journalctl -b --no-pager -u $unit; done")?;
        bail!("the box is {}: {said}", state.trim());
    }
    guest
        .until("trunkguard status --state /var/lib/trunkguard --json >/dev/null; test $? -le 1")?;
    Ok(())
}

/// What the guest says of its network, for a message.
pub fn network(guest: &mut Guest) -> String {
    let lines = "ip addr; ip route; ls -la /data/box/network /run/trunkguard-network /run/systemd/network; cat /data/box/network/wish.json; systemctl list-units --all --no-legend 'trunkguard*'; nft list ruleset | grep -v elements; journalctl -b --no-pager -n 60";
    match guest.run(lines) {
        Ok(ran) => ran.out,
        Err(problem) => format!("{problem:#}"),
    }
}

/// Calls until there is a final answer, which is its status.
///
/// # Errors
/// When none comes.
pub fn call(client: &Udp, number: &str, id: &str) -> Result<u16> {
    let answer = client.ask_for(number, id, Duration::from_secs(40))?;
    let status = answer.context("no answer")?.status();
    status.context("no status")
}
