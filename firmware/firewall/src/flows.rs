//! Live connections: who has some, and their end when an address is revoked (F16).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use ipnet::IpNet;

use crate::{
    apply::{self, Problem},
    intent::Intent,
    nets, run,
};

/// How long conntrack may take, over all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses whose flows are ended at one go. The kernel's table is finite, and so is patience.
const ADDRESSES: usize = 512;
/// Octets of a line of conntrack's that are looked at.
const LINE: usize = 1_024;

/// Whose packets pass, by an intent or by the kernel's sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Through the box: PoPs, remote phones.
    through: Vec<IpNet>,
    /// To the box: clients, the office.
    to_box: Vec<IpNet>,
}

impl Trust {
    /// That of an intent.
    pub fn of(i: &Intent) -> Trust {
        Trust {
            through: [&i.pops[..], &i.remote].concat(),
            to_box: [&i.clients[..], &i.office].concat(),
        }
    }

    /// That of the rules in force, for a helper that did not load them.
    ///
    /// # Errors
    /// Where nft cannot be asked.
    pub fn in_force() -> Result<Trust, Problem> {
        let of = |names: [&str; 4]| -> Result<Vec<IpNet>, Problem> {
            let lists: Result<Vec<_>, _> = names.into_iter().map(apply::networks).collect();
            Ok(lists?.concat())
        };
        Ok(Trust {
            through: of(["pops4", "pops6", "remote4", "remote6"])?,
            to_box: of(["clients4", "clients6", "office4", "office6"])?,
        })
    }

    /// Who was trusted and is not any more.
    pub fn revoked(&self, now: &Trust) -> Vec<IpNet> {
        let mut all = nets::minus(&self.through, &now.through);
        all.extend(nets::minus(&self.to_box, &now.to_box));
        all
    }
}

/// Ends the live flows of these networks. The rules that revoke them are in force already, so none
/// comes anew.
///
/// # Errors
/// What is left, and the remedy, for a person.
pub fn end(revoked: &[IpNet]) -> Result<usize, String> {
    if revoked.is_empty() {
        return Ok(0);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut live = BTreeSet::new();
    for ipv6 in families(revoked.iter().map(|n| n.addr())) {
        dump(ipv6, |source, target| {
            for address in [source, target] {
                if live.len() < ADDRESSES && nets::contains(revoked, address) {
                    live.insert(address);
                }
            }
        })?;
    }
    let full = live.len() == ADDRESSES;
    for address in &live {
        let left = deadline.saturating_duration_since(Instant::now());
        for direction in ["-s", "-d"] {
            delete(direction, *address, left)?;
        }
    }
    if full {
        return Err(format!(
            "over {ADDRESSES} revoked addresses have live connections; those of the rest stay: load the rules again, or run `conntrack -F`"
        ));
    }
    Ok(live.len())
}

/// How many live flows each address has, at either end.
///
/// # Errors
/// Where conntrack cannot be asked.
pub fn count(addresses: &[IpAddr]) -> Result<Vec<u32>, String> {
    let mut counts: BTreeMap<IpAddr, u32> = addresses.iter().map(|a| (*a, 0)).collect();
    for ipv6 in families(addresses.iter().copied()) {
        dump(ipv6, |source, target| {
            for address in BTreeSet::from([source, target]) {
                if let Some(count) = counts.get_mut(&address) {
                    *count = count.saturating_add(1);
                }
            }
        })?;
    }
    Ok(addresses
        .iter()
        .map(|a| counts.get(a).copied().unwrap_or(0))
        .collect())
}

fn families(addresses: impl Iterator<Item = IpAddr>) -> BTreeSet<bool> {
    addresses.map(|address| address.is_ipv6()).collect()
}

/// Hands source and destination of each flow's first direction to `take`, line by line: the
/// kernel's table may be larger than our memory.
fn dump(ipv6: bool, mut take: impl FnMut(IpAddr, IpAddr)) -> Result<(), String> {
    let family = if ipv6 { "ipv6" } else { "ipv4" };
    let mut line = Vec::new();
    let ended = conntrack(&["-L", "-f", family], PATIENCE, |part| {
        for &octet in part {
            if octet != b'\n' {
                if line.len() < LINE {
                    line.push(octet);
                }
                continue;
            }
            if let Some((source, target)) = ends(&String::from_utf8_lossy(&line)) {
                take(source, target);
            }
            line.clear();
        }
    })?;
    if ended.status.success() {
        return Ok(());
    }
    Err(failed(&ended.complaint))
}

/// The first `src=` and `dst=` of a line.
fn ends(line: &str) -> Option<(IpAddr, IpAddr)> {
    let value = |key: &str| -> Option<IpAddr> {
        let word = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key))?;
        word.parse().ok()
    };
    Some((value("src=")?, value("dst=")?))
}

fn delete(direction: &str, address: IpAddr, limit: Duration) -> Result<(), String> {
    let family = if address.is_ipv6() { "ipv6" } else { "ipv4" };
    let address = address.to_string();
    let ended = conntrack(&["-D", "-f", family, direction, &address], limit, |_| {})?;
    // Nothing to delete is an exit of 1.
    match ended.status.success() || ended.complaint.contains("0 flow entries have been deleted") {
        true => Ok(()),
        false => Err(failed(&ended.complaint)),
    }
}

fn conntrack(
    arguments: &[&str],
    limit: Duration,
    take: impl FnMut(&[u8]),
) -> Result<run::Ended, String> {
    run::run("conntrack", arguments, None, limit, take).map_err(|problem| match problem.kind() {
        io::ErrorKind::NotFound => {
            "conntrack is not there: install the package conntrack, and look that it is on the PATH of trunkguard-firewall.service".into()
        }
        io::ErrorKind::TimedOut => {
            "conntrack did not end in time and was killed; is the machine overloaded?".into()
        }
        _ => format!("conntrack cannot be run: {problem}"),
    })
}

fn failed(complaint: &str) -> String {
    let first = complaint.lines().find(|line| !line.trim().is_empty());
    format!("conntrack fails: {}", first.unwrap_or("it says nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_conntrack_are_read() {
        let line = "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5060 dport=5060 [UNREPLIED] src=10.0.0.2 dst=192.0.2.1 sport=5060 dport=5060 mark=0 use=1";
        assert_eq!(
            ends(line),
            Some(("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()))
        );
        for line in [
            "",
            "src=",
            "src=x dst=y",
            "conntrack v1.4.7: 3 flow entries",
        ] {
            assert_eq!(ends(line), None, "{line}");
        }
    }
}
