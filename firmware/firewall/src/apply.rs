//! Loading a script through nft, as one transaction, and reading back that it is in force.

use std::{
    fs::File,
    io::{self, Seek, Write},
    os::fd::OwnedFd,
    time::Duration,
};

use ipnet::IpNet;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::Value;

use crate::{
    render::{Script, TABLE},
    run::{self, Ended},
};

/// How long nft may take. 5,000 addresses take a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(5);
/// Octets of an answer of nft: a set of 8,192 networks takes half of one.
const ANSWER: usize = 2 << 20;
/// Lines of nft's complaint that are passed on.
const LINES: usize = 6;

/// Why rules are not in force: what failed, and the remedy. The rules of before stay.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no nft.
    #[error(
        "nft is not there: install the package nftables, and look that it is on the PATH of trunkguard-firewall.service"
    )]
    Missing,
    /// The kernel does not let us.
    #[error(
        "this process may not change the kernel's rules: start trunkguard-firewall.service, or `trunkguard firewall` as root (it needs CAP_NET_ADMIN)"
    )]
    NotAllowed,
    /// The kernel cannot do something that the rules need.
    #[error("this kernel lacks {what} ({option}): use a kernel that has it{instead}")]
    Lacks {
        /// What it lacks.
        what: &'static str,
        /// The option of its build.
        option: &'static str,
        /// What else can be done.
        instead: &'static str,
    },
    /// Something of ours is there with another shape: of another firmware.
    #[error("the table of another version is there: {said}")]
    Conflict {
        /// What nft says.
        said: String,
    },
    /// A set of bans is full.
    #[error(
        "no place for another ban: {} addresses are banned already; lift some, or wait",
        crate::render::BAN_PLACES
    )]
    Full,
    /// nft refuses for another reason.
    #[error("nft refuses the rules, please report it: {said}")]
    Refused {
        /// What nft says.
        said: String,
    },
    /// nft hangs.
    #[error("nft has not ended within {} s and was killed; is the machine overloaded?", PATIENCE.as_secs())]
    TimedOut,
    /// nft says that it is done, and it is not.
    #[error(
        "the rules were loaded and are not in force: the kernel says mark {found:?} and {} rules, not {expected} and {}; another program changes table {TABLE} (a helper that runs puts its own rules back)",
        .rules.1, .rules.0
    )]
    Unverified {
        /// The mark of the script.
        expected: u32,
        /// That of the kernel.
        found: Option<u32>,
        /// Rules of the script, and of the kernel.
        rules: (usize, usize),
    },
    /// The system refuses something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it says.
        source: io::Error,
    },
}

/// What is in the way of a script in the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// `table inet trunkguard` is there.
    pub inet: bool,
    /// `table bridge trunkguard` is there.
    pub bridge: bool,
}

/// The whole transaction: the script, and the end of a table that it has no use for.
pub fn transaction(script: &Script, before: Before, anew: bool) -> String {
    let mut text = String::new();
    // Only where a table of another firmware cannot be changed into ours: this empties bans and
    // counters, and lets a packet or two through.
    if anew && before.inet {
        text.push_str(&format!("delete table inet {TABLE}\n"));
    }
    if before.bridge && (anew || !script.bridge) {
        text.push_str(&format!("delete table bridge {TABLE}\n"));
    }
    text.push_str(&script.text);
    text
}

/// Has nft load a text, whole or not at all. Returns nft's process id.
///
/// # Errors
/// What failed, with the remedy; nothing was changed.
pub fn load(text: &str) -> Result<u32, Problem> {
    // A file and no pipe: nft 1.0.6 takes garbage from a pipe for success.
    let file = in_memory(text).map_err(|source| Problem::System {
        what: "no memory for the script",
        source,
    })?;
    let ended = nft(&["-f", "/proc/self/fd/0"], Some(file), |_| {})?;
    if ended.status.success() {
        return Ok(ended.pid);
    }
    Err(understand(&ended.complaint))
}

/// The mark of the rules in force; `None` without our table.
///
/// # Errors
/// Where nft cannot be asked.
pub fn generation() -> Result<Option<u32>, Problem> {
    let Some(elements) = set("generation")? else {
        return Ok(None);
    };
    Ok(elements
        .first()
        .and_then(Value::as_u64)
        .and_then(|mark| u32::try_from(mark).ok()))
}

/// The networks in a set of table inet; none without it.
///
/// # Errors
/// Where nft cannot be asked.
pub fn networks(name: &str) -> Result<Vec<IpNet>, Problem> {
    let elements = set(name)?.unwrap_or_default();
    Ok(elements.iter().filter_map(network).collect())
}

fn network(element: &Value) -> Option<IpNet> {
    if let Some(text) = element.as_str() {
        return text
            .parse()
            .ok()
            .map(|address: std::net::IpAddr| IpNet::from(address));
    }
    let prefix = element.get("prefix")?;
    let address = prefix.get("addr")?.as_str()?.parse().ok()?;
    IpNet::new(address, u8::try_from(prefix.get("len")?.as_u64()?).ok()?).ok()
}

fn set(name: &str) -> Result<Option<Vec<Value>>, Problem> {
    let mut answer = Vec::new();
    let arguments = ["-j", "list", "set", "inet", TABLE, name];
    let ended = nft(&arguments, None, |part| {
        if answer.len() < ANSWER {
            answer.extend_from_slice(part);
        }
    })?;
    if !ended.status.success() {
        return match ended.complaint.contains("No such file or directory") {
            true => Ok(None),
            false => Err(understand(&ended.complaint)),
        };
    }
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| Problem::Refused {
        said: format!("nft -j list set inet {TABLE} {name} prints no JSON"),
    })?;
    let all = answer["nftables"].as_array();
    let set = all.and_then(|all| all.iter().find_map(|part| part.get("set")));
    let elements = set.and_then(|set| set.get("elem")?.as_array());
    Ok(Some(elements.cloned().unwrap_or_default()))
}

fn nft(
    arguments: &[&str],
    input: Option<OwnedFd>,
    take: impl FnMut(&[u8]),
) -> Result<Ended, Problem> {
    run::run("nft", arguments, input, PATIENCE, take).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Problem::Missing,
        io::ErrorKind::TimedOut => Problem::TimedOut,
        _ => Problem::System {
            what: "nft cannot be run",
            source,
        },
    })
}

fn in_memory(text: &str) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("trunkguard.nft", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

/// What the words in a rule need of a kernel.
const FEATURES: [(&str, &str, &str); 10] = [
    (
        "log prefix",
        "samples of packets",
        "CONFIG_NETFILTER_NETLINK_LOG, CONFIG_NFT_LOG",
    ),
    ("masquerade", "masquerading", "CONFIG_NFT_MASQ"),
    ("dnat ", "translation of addresses", "CONFIG_NFT_NAT"),
    ("type nat", "translation of addresses", "CONFIG_NFT_NAT"),
    (
        "fib daddr",
        "the look-up of its own addresses",
        "CONFIG_NFT_FIB_INET",
    ),
    ("limit rate", "limits", "CONFIG_NFT_LIMIT"),
    (
        "ct state",
        "connection tracking for nftables",
        "CONFIG_NFT_CT, CONFIG_NF_CONNTRACK",
    ),
    (
        "ct mark",
        "marks of connections",
        "CONFIG_NFT_CT, CONFIG_NF_CONNTRACK_MARK",
    ),
    (
        "table bridge",
        "nftables for bridges",
        "CONFIG_NF_TABLES_BRIDGE",
    ),
    (
        "table inet",
        "nftables for IPv4 and IPv6",
        "CONFIG_NF_TABLES_INET",
    ),
];

/// From nft's complaint to ours. nft prints the error, the line of the script, and carets below the
/// part that is meant.
fn understand(complaint: &str) -> Problem {
    let said: Vec<&str> = complaint.lines().take(LINES).map(str::trim_end).collect();
    let line = said.get(1).copied().unwrap_or_default();
    let meant = (said.get(2))
        .and_then(|carets| line.get(carets.find('^')?..))
        .unwrap_or(line);
    let first = said.first().copied().unwrap_or("it says nothing");
    if first.contains("Operation not permitted") || complaint.contains("you must be root") {
        return Problem::NotAllowed;
    }
    if first.contains("Too many open files in system") {
        return Problem::Full;
    }
    // nft 1.1 looks at sets and chains itself before it asks the kernel.
    let differs = ["File exists", "existing set", "with different declaration"];
    if differs.iter().any(|words| first.contains(words))
        || (first.contains("not supported") && line.contains("hook"))
    {
        return Problem::Conflict {
            said: said.join("\n"),
        };
    }
    // Only in family bridge: conntrack for IP is there, or is missed by another error.
    if first.contains("Protocol error") && meant.starts_with("ct ") {
        return Problem::Lacks {
            what: "connection tracking for bridges",
            option: "CONFIG_NF_CONNTRACK_BRIDGE",
            instead: ", or set firewall.topology to \"router\"",
        };
    }
    let kernel = first.contains("Could not process rule");
    let feature = FEATURES.iter().find(|(word, ..)| meant.contains(word));
    match (
        kernel,
        feature.or_else(|| FEATURES.iter().find(|(word, ..)| line.contains(word))),
    ) {
        (true, Some((_, what, option))) => Problem::Lacks {
            what,
            option,
            instead: "",
        },
        _ => Problem::Refused {
            said: said.join("\n"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_understood() {
        let bridge = "/proc/self/fd/0:234:26-33: Error: Could not process rule: Protocol error\n\
            \t\tether type { ip, ip6 } ct state established,related accept\n\
            \t\t                       ^^^^^^^^\n";
        let said = understand(bridge).to_string();
        assert!(
            said.contains("CONFIG_NF_CONNTRACK_BRIDGE") && said.contains("router"),
            "{said}"
        );
        let log = "x:1:1-2: Error: Could not process rule: No such file or directory\n\
            \t\tlimit rate 4/second burst 8 packets log prefix \"a\" group 5060 snaplen 256\n\
            \t\t                                    ^^^^^^^^^^\n";
        let said = understand(log).to_string();
        assert!(said.contains("CONFIG_NFT_LOG"), "{said}");
        let root = "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n";
        assert!(matches!(understand(root), Problem::NotAllowed));
        let other = "e.nft:1:25-29: Error: Could not process rule: File exists\nadd set inet trunkguard pops4 { type ipv4_addr; }\n                        ^^^^^\n";
        assert!(matches!(understand(other), Problem::Conflict { .. }));
        for words in [
            "existing set lacks interval flag",
            "Chain \"forward\" already exists in table inet 'trunkguard' with different declaration",
        ] {
            let said = format!("x:1:1-2: Error: {words}\n\tset pops4 {{ }}\n\t    ^^^^^\n");
            assert!(
                matches!(understand(&said), Problem::Conflict { .. }),
                "{words}"
            );
        }
        let typo = "x:1:96-96: Error: syntax error, unexpected newline\nadd rule inet x ct state established foo\n      ^\n";
        assert!(matches!(understand(typo), Problem::Refused { .. }));
        let empty = understand("").to_string();
        assert!(empty.contains("nft refuses"), "{empty}");
    }

    #[test]
    fn elements_are_networks() {
        let all: Value = serde_json::from_str(
            r#"["1.2.3.4", {"prefix": {"addr": "1.2.4.0", "len": 24}}, "fd00::1", 7, {"range": []}]"#,
        )
        .unwrap();
        let read: Vec<String> = (all.as_array().unwrap().iter())
            .filter_map(network)
            .map(|n| n.to_string())
            .collect();
        assert_eq!(read, ["1.2.3.4/32", "1.2.4.0/24", "fd00::1/128"]);
    }

    #[test]
    fn a_table_that_is_not_needed_goes_in_the_same_transaction() {
        let script = crate::render::closed(false);
        let there = Before {
            inet: true,
            bridge: true,
        };
        assert_eq!(transaction(&script, Before::default(), true), script.text);
        let text = transaction(&script, there, false);
        assert!(
            text.starts_with("delete table bridge trunkguard\n"),
            "{text}"
        );
        assert!(text.ends_with(&script.text));
    }
}
