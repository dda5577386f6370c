//! Looks at the machine. Nothing is changed; what is sent is one DNS question to each server and one SIP
//! OPTIONS to each PBX.

use std::{
    net::{IpAddr, SocketAddr},
    os::unix::net::UnixStream,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use trunkguard_board::Profile;
use trunkguard_core::policy::Definition;
use trunkguard_store::{
    history::{Filter, History},
    policy_store::PolicyStore,
};

use super::facts::{Asked, Daemon, Facts, Helper, Kernel, Pbx, Port, Settings};
use crate::{
    control::{self, Ask},
    pbx_health,
};

mod ask;
mod read;

/// PBXs that are asked. A policy may name thousands of addresses.
const PBXS: usize = 8;
/// DNS servers that are asked.
const SERVERS: usize = 4;

/// Everything about this machine and this state directory.
pub fn facts(state: &Path, board: Option<&Profile>) -> Facts {
    let settings = definition(state).map(|d| settings(&d));
    let board = |at: usize| {
        let port = board.and_then(|b| b.ports.get(at));
        port.map(|p| p.interface.as_str().to_owned())
    };
    let set = |pick: fn(&Settings) -> Option<String>| settings.as_ref().and_then(pick);
    let outside =
        set(|s| s.firewall.outside.as_ref().map(ToString::to_string)).or_else(|| board(0));
    let inside = set(|s| s.firewall.inside.as_ref().map(ToString::to_string)).or_else(|| board(1));
    // Before the neighbours are read, because asking makes the kernel look for them.
    let pbx: Vec<Pbx> = addresses(settings.as_ref())
        .map(|address| Pbx {
            address,
            options: ask::options(SocketAddr::new(address, 5_060)),
        })
        .collect();
    let servers = servers(settings.as_ref());
    let status = control::ask::<serde_json::Value>(state, &Ask::Status)
        .ok()
        .flatten();
    let ports = read::ports();
    let (table, known_problem) = pbx_health::table(state);
    let daemon = status.as_ref().map(daemon);
    let agents = daemon.iter().flat_map(|d| &d.agents);
    Facts {
        known: agents
            .map(|(name, agent)| (name.clone(), pbx_health::of(agent, &table, None)))
            .collect(),
        known_problem,
        unix_s: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as i64),
        last_call_s: last_call(state),
        kernel: kernel(outside.as_deref()),
        learned: learned(&ports),
        outside,
        inside,
        ports,
        routes: read::routes(),
        neighbours: read::neighbours(),
        dns: servers
            .into_iter()
            .map(|server| Asked {
                server,
                answer: ask::dns(SocketAddr::new(server, 53), "voip.ms"),
            })
            .collect(),
        helper: helper(Path::new(trunkguard_firewall::protocol::SOCKET)),
        pops: control::ask::<serde_json::Value>(state, &Ask::Firewall)
            .ok()
            .flatten()
            .map(|view| pops(&view))
            .unwrap_or_default(),
        daemon,
        pbx,
        settings,
    }
}

/// The policy, where there is one: opening the store would make one, of the wrong user perhaps.
fn definition(state: &Path) -> Option<Definition> {
    let mut entries = std::fs::read_dir(state).ok()?.flatten();
    entries
        .any(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(b"policy.v")
        })
        .then_some(())?;
    PolicyStore::open(state).ok()?.0.definition().ok()
}

fn settings(definition: &Definition) -> Settings {
    let clients = definition
        .clients
        .iter()
        .flat_map(|c| c.addresses.iter().copied());
    Settings {
        firewall: definition.firewall.clone(),
        clients: clients.collect(),
    }
}

/// Single addresses of the PBX; nobody asks a whole network.
fn addresses(settings: Option<&Settings>) -> impl Iterator<Item = IpAddr> {
    (settings.into_iter().flat_map(Settings::pbx))
        .map(|network| network.net())
        .filter(|net| net.prefix_len() == net.max_prefix_len())
        .map(|net| net.addr())
        .filter(|address| !address.is_loopback())
        .take(PBXS)
}

fn servers(settings: Option<&Settings>) -> Vec<IpAddr> {
    let mut servers = settings.map(|s| s.firewall.dns.clone()).unwrap_or_default();
    if servers.is_empty() {
        servers = read::resolvers();
    }
    servers.truncate(SERVERS);
    servers
}

fn last_call(state: &Path) -> Option<i64> {
    let newest = Filter {
        limit: 1,
        ..Filter::default()
    };
    let calls = History::open(state).ok()?.calls(&newest).ok()?;
    calls.first().map(|call| call.unix_ms / 1_000)
}

fn kernel(outside: Option<&str>) -> Kernel {
    let flag = |path: &str| read::number(path).map(|n| n > 0);
    let strictest = [Some("all"), outside]
        .into_iter()
        .flatten()
        .filter_map(|port| read::number(&format!("/proc/sys/net/ipv4/conf/{port}/rp_filter")))
        .max();
    let flows = |name: &str| read::number(&format!("/proc/sys/net/netfilter/nf_conntrack_{name}"));
    Kernel {
        forward_v4: flag("/proc/sys/net/ipv4/ip_forward"),
        forward_v6: flag("/proc/sys/net/ipv6/conf/all/forwarding"),
        rp_filter: strictest.map(|n| n as u8),
        conntrack: Some(flows("max").is_some()),
        flows: flows("count").zip(flows("max")),
        nft: Some(nft()),
    }
}

fn nft() -> Result<String, String> {
    let out = std::process::Command::new("nft").arg("--version").output();
    match out {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout)
            .trim()
            .chars()
            .take(80)
            .collect()),
        Ok(out) => Err(String::from_utf8_lossy(&out.stderr)
            .trim()
            .chars()
            .take(200)
            .collect()),
        Err(problem) => Err(problem.to_string()),
    }
}

fn learned(ports: &[Port]) -> Vec<(String, String)> {
    let mut bridges: Vec<&str> = ports.iter().filter_map(|p| p.bridge.as_deref()).collect();
    bridges.sort_unstable();
    bridges.dedup();
    bridges
        .into_iter()
        .flat_map(|bridge| read::learned(bridge, ports))
        .collect()
}

fn helper(socket: &Path) -> Helper {
    match UnixStream::connect(socket) {
        Ok(_) => Helper::Reachable,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Helper::Absent,
        Err(problem) => Helper::Closed(problem.to_string()),
    }
}

/// The status as JSON, and leniently: the daemon that runs may be of another version.
fn daemon(status: &serde_json::Value) -> Daemon {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let list = |key: &str| status[key].as_array().cloned().unwrap_or_default();
    let firewall = &status["firewall"];
    Daemon {
        uptime_s: status["uptime_s"].as_u64().unwrap_or(0),
        problems: list("problems").iter().filter_map(text).collect(),
        clients: list("clients")
            .iter()
            .filter_map(|c| Some((text(&c["name"])?, c["heard_s"].as_u64())))
            .collect(),
        agents: list("clients")
            .iter()
            .filter_map(|c| Some((text(&c["name"])?, text(&c["user_agent"])?)))
            .filter(|(_, agent)| !agent.is_empty())
            .collect(),
        strangers: status["strangers"].as_u64().unwrap_or(0),
        firewall_loaded: (firewall["driver"] == "nft")
            .then(|| firewall["in_force"].as_bool())
            .flatten(),
        firewall_problem: text(&firewall["problem"]),
        page: text(&status["web"]),
        alerts: status["alerts"]["channels"].as_array().map(|channels| {
            let channel = |c: &serde_json::Value| Some((text(&c["target"])?, text(&c["error"])));
            channels.iter().filter_map(channel).collect()
        }),
    }
}

/// PoPs of the daemon's view of the firewall.
fn pops(view: &serde_json::Value) -> Vec<super::facts::Pop> {
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let asked = list(&view["pops"]["asked"]);
    let named = |host: &str| {
        let of_host = |line: &&serde_json::Value| list(&line["names"]).iter().any(|n| n == host);
        let address = |line: &serde_json::Value| line["address"].as_str()?.parse().ok();
        asked.iter().filter(of_host).filter_map(address).collect()
    };
    list(&view["pops"]["names"])
        .iter()
        .filter_map(|line| {
            let host = line["name"].as_str()?;
            let probed = line["round_trip_us"].is_u64() || line["dead"] == true;
            Some(super::facts::Pop {
                host: host.to_owned(),
                elsewhere: named(host),
                alive: probed.then(|| line["dead"] != true),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(definition(folder.path()).is_none());
        assert!(definition(&folder.path().join("none")).is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        PolicyStore::open(folder.path()).unwrap();
        assert!(definition(folder.path()).is_some());
    }

    #[test]
    fn the_status_is_read_as_far_as_it_goes() {
        let status = serde_json::json!({
            "uptime_s": 5, "problems": ["x"], "clients": [{"name": "pbx", "heard_s": null}, {"heard_s": 1}],
            "strangers": 9, "firewall": {"driver": "nft", "in_force": false, "problem": "no nft"},
            "web": "0.0.0.0:80", "alerts": {"channels": [{"target": "mail:a@b.c", "error": "no"}, {"error": 1}]},
        });
        let read = daemon(&status);
        assert_eq!(read.clients, [("pbx".to_owned(), None)]);
        assert_eq!(read.firewall_problem.as_deref(), Some("no nft"));
        assert_eq!(read.firewall_loaded, Some(false));
        assert_eq!(
            read.alerts,
            Some(vec![("mail:a@b.c".into(), Some("no".into()))])
        );
        assert_eq!(daemon(&serde_json::json!({})), Daemon::default());

        let view = serde_json::json!({"pops": {
            "names": [{"name": "a.voip.ms", "dead": true}, {"name": "b.voip.ms", "dead": false}],
            "asked": [{"address": "192.0.2.1", "names": ["a.voip.ms"], "agreed": true}],
        }});
        let read = pops(&view);
        assert_eq!(read[0].elsewhere, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert_eq!((read[0].alive, read[1].alive), (Some(false), None));
        assert!(pops(&serde_json::json!({"pops": 3})).is_empty());
    }
}
