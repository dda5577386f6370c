//! The privileged half of the firewall, from outside: the frames of its socket, and what the kernel
//! has afterwards. Each test has a network namespace of its own, and touches no other.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, UdpSocket},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::{Office, Process, tools};

const LIMIT: Duration = Duration::from_secs(20);
const STRANGER: &str = "203.0.113.9";

/// A helper that runs, and its socket.
struct Helper {
    process: Process,
    socket: PathBuf,
}

impl Helper {
    fn start(office: &Office) -> Result<Helper> {
        Helper::with(office, &[], &[])
    }

    /// With more arguments, through another program.
    fn with(office: &Office, arguments: &[&str], wrapper: &[&str]) -> Result<Helper> {
        let socket = office.folder().join("run/helper.sock");
        let binary = tools::trunkguard()?;
        let (binary, path) = (binary.to_string_lossy(), socket.to_string_lossy());
        let mut command: Vec<&str> = wrapper.to_vec();
        command.extend([&*binary, "firewall", "--socket", &path]);
        command.extend(arguments);
        let mut process =
            Process::start(Path::new(command[0]), &command[1..], &office.log("helper"))?;
        process.wait_for("ready", LIMIT, |log| log.contains("ready"))?;
        Ok(Helper { process, socket })
    }

    fn connect(&self) -> Result<Daemon> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Daemon {
            stream,
            events: Vec::new(),
        })
    }
}

/// The daemon's end of a connection.
struct Daemon {
    stream: UnixStream,
    events: Vec<Value>,
}

impl Daemon {
    fn send(&mut self, octets: &[u8]) -> Result<()> {
        let length = u32::try_from(octets.len())?.to_be_bytes();
        Ok(self.stream.write_all(&[&length[..], octets].concat())?)
    }

    fn frame(&mut self) -> Result<Value> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).context("no frame")?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    fn order(&mut self, order: &Value) -> Result<Value> {
        self.send(order.to_string().as_bytes())?;
        loop {
            let frame = self.frame()?;
            match frame.get("reply") {
                Some(reply) => return Ok(reply.clone()),
                None => self.events.push(frame["event"].clone()),
            }
        }
    }

    fn load(&mut self, intent: &Value) -> Result<Value> {
        let reply = self.order(&json!({ "load": intent }))?;
        let loaded = reply.get("loaded").cloned();
        loaded.with_context(|| format!("not loaded: {reply}"))
    }

    /// What is said in a refusal or failure.
    fn told(&mut self, order: &Value, how: &str) -> Result<String> {
        let reply = self.order(order)?;
        let said = reply[how].as_str().map(str::to_owned);
        said.with_context(|| format!("not {how}: {reply}"))
    }

    /// The next event of this kind.
    fn event(&mut self, kind: &str) -> Result<Value> {
        loop {
            let event = match self.events.is_empty() {
                true => self.frame()?["event"].clone(),
                false => self.events.remove(0),
            };
            if let Some(event) = event.get(kind) {
                return Ok(event.clone());
            }
        }
    }

    /// Packets of a counter.
    fn counted(&mut self, name: &str) -> Result<u64> {
        let reply = self.order(&json!("figures"))?;
        let all = reply["figures"].as_array().context("no figures")?.clone();
        let counter = all.iter().find(|counter| counter["name"] == name);
        let packets = counter.and_then(|counter| counter["packets"].as_u64());
        packets.with_context(|| format!("no counter {name} in {all:?}"))
    }

    /// The helper has closed the connection.
    fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }
}

fn side() -> Value {
    json!({
        "topology": "side", "enforce": true, "outside": "eth0", "inside": null,
        "pbx": ["192.168.7.10/32"], "clients": ["192.168.7.10/32"],
        "pops": ["208.100.60.17/32", "208.100.60.18/32"], "remote": [],
        "office": ["192.168.7.0/24"], "never_ban": ["192.168.8.1/32"],
        "from_pbx": "web", "rtp": "10000-20000",
        "serves": { "sip": 5060, "sips": null, "web": 8443, "ssh": false },
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut intent = side();
    intent[key] = value;
    intent
}

fn two_ports(topology: &str) -> Value {
    let mut intent = with("topology", json!(topology));
    intent["inside"] = json!("eth1");
    intent
}

fn ban(address: &str, seconds: u32) -> Value {
    json!({ "ban": [{ "address": address, "service": "sip", "seconds": seconds }] })
}

fn nft(arguments: &[&str]) -> Result<String> {
    tools::run("nft", arguments)
}

/// Our table without figures that move.
fn rules() -> Result<String> {
    nft(&["-s", "list", "table", "inet", "trunkguard"])
}

fn mark(loaded: &Value) -> String {
    format!("{:#010x}", loaded["generation"].as_u64().unwrap_or(0))
}

/// F14, F19: rules are in force when their mark has been read back; a refused change leaves them.
#[test]
fn rules_are_loaded_whole_and_verified() {
    Office::run(|office| {
        nft(&["add", "table", "inet", "other"])?;
        nft(&["add", "table", "ip", "trunkguard_x"])?;
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        let first = daemon.load(&side())?;
        ensure!(first["unchanged"] == false, "{first}");
        let set = nft(&["list", "set", "inet", "trunkguard", "generation"])?;
        ensure!(set.contains(&mark(&first)), "{set}");

        let again = daemon.load(&side())?;
        ensure!(again["unchanged"] == true && again["generation"] == first["generation"]);
        let other = daemon.load(&with("pops", json!(["208.100.60.17/32"])))?;
        ensure!(other["unchanged"] == false && other["generation"] != first["generation"]);
        daemon.load(&two_ports("router"))?;
        let router = rules()?;
        ensure!(router.contains("masquerade"), "{router}");
        daemon.load(&side())?;
        ensure!(!rules()?.contains("masquerade"));

        let tables = nft(&["list", "tables"])?;
        ensure!(
            tables.contains("inet other") && tables.contains("ip trunkguard_x"),
            "{tables}"
        );
        Ok(())
    });
}

/// F12, whoever asks.
#[test]
fn what_is_forbidden_is_refused_and_changes_nothing() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        let before = rules()?;
        for (intent, says) in [
            (with("pops", json!(["0.0.0.0/0"])), "every address"),
            (with("pops", json!(["10.1.0.0/24"])), "private"),
            (with("pops", json!(["208.96.0.0/16"])), "wider than /20"),
            (with("clients", json!(["127.0.0.0/8"])), "loopback"),
            (with("remote", json!(["224.0.0.0/8"])), "multicast"),
            (with("office", json!(["8.8.8.0/24"])), "not private"),
            (with("inside", json!("eth1")), "one port"),
            (
                with("pops", json!(vec!["198.51.100.1/32"; 8_193])),
                "at most 8192",
            ),
        ] {
            let said = daemon.told(&json!({ "load": intent }), "refused")?;
            ensure!(said.contains(says), "{says}: {said}");
        }
        for (address, says) in [
            ("208.100.60.17", "a PoP's"),
            ("192.168.7.10", "a client's"),
            ("192.168.7.99", "of the office"),
            ("192.168.8.1", "never banned"),
            ("127.0.0.1", "loopback"),
        ] {
            let said = daemon.told(&ban(address, 60), "refused")?;
            ensure!(said.contains(says), "{says}: {said}");
        }
        // The box's own address, which the daemon does not have to know.
        tools::run("ip", &["address", "add", "198.51.100.77/32", "dev", "lo"])?;
        let said = daemon.told(&ban("198.51.100.77", 60), "refused")?;
        ensure!(said.contains("own"), "{said}");
        ensure!(rules()? == before);
        Ok(())
    });
}

/// F12: root and the daemon's user, by the kernel's word.
#[test]
fn nobody_else_is_answered() {
    Office::run(|office| {
        let helper = Helper::with(office, &["--user", "daemon"], &[])?;
        // The socket's mode keeps others out already; that alone is not relied upon.
        fs::set_permissions(office.folder(), fs::Permissions::from_mode(0o755))?;
        fs::set_permissions(&helper.socket, fs::Permissions::from_mode(0o666))?;
        let ask = |user: &str| -> Result<String> {
            let script = "import socket,struct,sys\n\
                s=socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])\n\
                b=b'\"figures\"'\n\
                try:\n s.sendall(struct.pack('>I',len(b))+b); print(len(s.recv(9)))\n\
                except OSError: print(0)";
            let out = Command::new(tools::on_path("setpriv")?)
                .args(["--reuid", user, "--clear-groups", "python3", "-c", script])
                .arg(&helper.socket)
                // Root's own python may be where only root can go.
                .env("PATH", "/usr/bin:/bin")
                .output()?;
            let printed = String::from_utf8_lossy(&out.stdout).trim().to_owned();
            ensure!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            Ok(printed)
        };
        ensure!(ask("nobody")? == "0", "nobody got an answer");
        ensure!(ask("daemon")? == "9", "the daemon's user got none");
        ensure!(ask("root")? == "9", "root got none");
        Ok(())
    });
}

/// A frame that is too long, garbage, or an order with a key too many ends the connection; one that
/// never ends holds nobody up.
#[test]
fn bad_frames_end_the_connection_and_the_rules_stay() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        let before = rules()?;
        let mut half = helper.connect()?;
        half.stream.write_all(&[0, 0, 1, 0, b'{'])?;
        for octets in [
            &b"\x7f\xff\xff\xffx"[..],
            b"\0\0\0\x04nope",
            b"\0\0\0\0",
            b"\0\0\0\x15{\"load\":{\"shell\":\"x\"}}",
        ] {
            let mut other = helper.connect()?;
            other.stream.write_all(octets)?;
            ensure!(other.is_closed(), "{octets:?}");
        }
        let mut more = side();
        more["script"] = json!("flush ruleset");
        let mut other = helper.connect()?;
        other.send(json!({ "load": more }).to_string().as_bytes())?;
        ensure!(other.is_closed());
        for name in ["eth0\" accept #", "eth0 eth1", "../x", ""] {
            let mut other = helper.connect()?;
            let order = json!({ "load": with("outside", json!(name)) });
            other.send(order.to_string().as_bytes())?;
            ensure!(other.is_closed(), "{name}");
        }
        // Five were connected beside it, so the first had to make room (the oldest does).
        let mut daemon = helper.connect()?;
        ensure!(daemon.load(&side())?["unchanged"] == true);
        ensure!(rules()? == before);
        Ok(())
    });
}

/// F14: bans and counters outlive a re-apply, a new mode and a new topology.
#[test]
fn bans_and_counters_survive() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        let early = daemon.told(&ban(STRANGER, 600), "failed")?;
        ensure!(early.contains("load them first"), "{early}");
        daemon.load(&side())?;
        ensure!(daemon.order(&ban(STRANGER, 600))? == "done");
        ensure!(daemon.order(&ban("2001:db8::9", 600))? == "done");
        // To the box, from the box, by way of nothing: loopback passes, so this counts by hand.
        nft(&[
            "add",
            "rule",
            "inet",
            "trunkguard",
            "prerouting",
            "counter",
            "name",
            "box-sip",
        ])?;
        let drifted = daemon.event("drifted")?;
        ensure!(drifted["restored"] == true, "{drifted}");
        nft(&[
            "insert",
            "rule",
            "inet",
            "trunkguard",
            "input",
            "udp",
            "dport",
            "9",
            "counter",
            "name",
            "box-sip",
            "accept",
        ])?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.send_to(b"x", "127.0.0.1:9")?;
        daemon.event("drifted")?;
        let counted = daemon.counted("box-sip")?;

        daemon.load(&with("enforce", json!(false)))?;
        daemon.load(&two_ports("router"))?;
        daemon.load(&side())?;
        ensure!(daemon.counted("box-sip")? == counted);
        for (set, address) in [("bans_sip4", STRANGER), ("bans_sip6", "2001:db8::9")] {
            let bans = nft(&["list", "set", "inet", "trunkguard", set])?;
            ensure!(
                bans.contains(address) && bans.contains("timeout 10m"),
                "{bans}"
            );
        }
        // Longer, then shorter, then not at all; a second lift is no error.
        ensure!(daemon.order(&ban(STRANGER, 3_600))? == "done");
        let bans = nft(&["list", "set", "inet", "trunkguard", "bans_sip4"])?;
        ensure!(bans.contains("timeout 1h"), "{bans}");
        for _ in 0..2 {
            ensure!(daemon.order(&json!({ "unban": [[STRANGER, "sip"]] }))? == "done");
            let bans = nft(&["list", "set", "inet", "trunkguard", "bans_sip4"])?;
            ensure!(!bans.contains(STRANGER), "{bans}");
        }
        Ok(())
    });
}

/// F20: whoever takes the table away, or changes it, it is back, with the bans, and this is told.
#[test]
fn a_table_that_somebody_flushed_is_put_back() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        ensure!(daemon.order(&ban(STRANGER, 600))? == "done");
        let before = rules()?;
        for change in [
            &["flush", "ruleset"][..],
            &["flush", "table", "inet", "trunkguard"],
            &["delete", "table", "inet", "trunkguard"],
            &["flush", "set", "inet", "trunkguard", "pops4"],
            &["insert", "rule", "inet", "trunkguard", "input", "accept"],
        ] {
            nft(change)?;
            let drifted = daemon.event("drifted")?;
            ensure!(drifted["restored"] == true, "{change:?}: {drifted}");
            ensure!(
                drifted["what"]
                    .as_str()
                    .is_some_and(|what| what.contains("`nft`")),
                "{drifted}"
            );
            let bans = nft(&["list", "set", "inet", "trunkguard", "bans_sip4"])?;
            ensure!(bans.contains(STRANGER), "{change:?}: {bans}");
            ensure!(sorted(&rules()?) == sorted(&before), "{change:?}");
        }
        // Somebody else's table is nobody's business.
        nft(&["add", "table", "inet", "other"])?;
        nft(&["delete", "table", "inet", "other"])?;
        ensure!(daemon.load(&side())?["unchanged"] == true);
        ensure!(daemon.events.is_empty(), "{:?}", daemon.events);
        Ok(())
    });
}

/// Lines in order: what is taken away and put back has another place, but no other meaning. Times
/// of bans move.
fn sorted(rules: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = rules.lines().filter(|l| !l.contains("timeout ")).collect();
    lines.sort_unstable();
    lines
}

/// F18, F19: killed, it leaves the rules; the next one adopts them.
#[test]
fn rules_outlive_the_helper_and_are_adopted() {
    Office::run(|office| {
        let mut helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        let first = daemon.load(&side())?;
        ensure!(daemon.order(&ban(STRANGER, 600))? == "done");
        let before = rules()?;
        helper.process.kill();
        ensure!(rules()? == before);
        ensure!(daemon.is_closed());

        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        // It does not know yet what is to be, so it only tells.
        nft(&[
            "add",
            "set",
            "inet",
            "trunkguard",
            "foreign",
            "{ type mark; }",
        ])?;
        let drifted = daemon.event("drifted")?;
        ensure!(drifted["restored"] == false, "{drifted}");
        let adopted = daemon.load(&side())?;
        ensure!(adopted["unchanged"] == true && adopted["generation"] == first["generation"]);
        // And a second helper is not started beside it.
        let second = Command::new(tools::trunkguard()?)
            .args(["firewall", "--socket"])
            .arg(&helper.socket)
            .output()?;
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        ensure!(
            second.status.code() == Some(2) && said.contains("another helper"),
            "{said}"
        );
        Ok(())
    });
}

/// F16: the live flows of who is revoked end, also when the helper is a new one.
#[test]
fn revoked_addresses_lose_their_flows() {
    Office::run(|office| {
        let mut helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        let all: [IpAddr; 3] = [
            "208.100.60.17".parse()?,
            "208.100.60.18".parse()?,
            "192.168.7.10".parse()?,
        ];
        let flow = |address: &IpAddr| {
            let address = address.to_string();
            let udp = [
                "-p", "udp", "--sport", "5060", "--dport", "5060", "-t", "600",
            ];
            let ends = ["-I", "-s", &address, "-d", "192.0.2.1"];
            tools::run("conntrack", &[&ends[..], &udp].concat())
        };
        for address in &all {
            flow(address)?;
        }
        let flows = json!({ "flows": all });
        ensure!(daemon.order(&flows)? == json!({ "flows": [1, 1, 1] }));
        let loaded = daemon.load(&with("pops", json!(["208.100.60.17/32"])))?;
        ensure!(loaded.get("warning").is_none(), "{loaded}");
        ensure!(daemon.order(&flows)? == json!({ "flows": [1, 0, 1] }));

        helper.process.kill();
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&with("pops", json!(["198.51.100.1/32"])))?;
        ensure!(daemon.order(&flows)? == json!({ "flows": [0, 0, 1] }));
        Ok(())
    });
}

/// F19: what is missing is named, with the remedy.
#[test]
fn what_is_missing_is_named() {
    Office::run(|office| {
        let helper = Helper::with(office, &[], &["/usr/bin/env", "PATH=/nowhere"])?;
        let mut daemon = helper.connect()?;
        let said = daemon.told(&json!({ "load": side() }), "failed")?;
        ensure!(said.contains("install the package nftables"), "{said}");
        Ok(())
    });
    Office::run(|office| {
        // An nft that refuses, and one that hangs.
        let folder = office.folder().join("bin");
        fs::create_dir(&folder)?;
        let fake = folder.join("nft");
        let path = format!("PATH={}:/usr/bin:/bin", folder.display());
        let helper = Helper::with(office, &[], &["/usr/bin/env", &path])?;
        let mut daemon = helper.connect()?;
        let put = |script: &str| -> Result<()> {
            fs::write(&fake, script)?;
            Ok(fs::set_permissions(
                &fake,
                fs::Permissions::from_mode(0o755),
            )?)
        };
        put("#!/bin/sh\necho 'x:1:1-2: Error: syntax error, unexpected newline' >&2\nexit 1\n")?;
        let said = daemon.told(&json!({ "load": side() }), "failed")?;
        ensure!(
            said.contains("nft refuses the rules") && said.contains("unexpected newline"),
            "{said}"
        );
        put("#!/bin/sh\nexit 0\n")?;
        let said = daemon.told(&json!({ "load": side() }), "failed")?;
        ensure!(
            said.contains("no JSON") || said.contains("not in force"),
            "{said}"
        );
        put("#!/bin/sh\nexec sleep 60\n")?;
        let started = Instant::now();
        let said = daemon.told(&json!({ "load": side() }), "failed")?;
        ensure!(said.contains("was killed"), "{said}");
        ensure!(started.elapsed() < Duration::from_secs(15));
        Ok(())
    });
    Office::run(|office| {
        let socket = office.folder().join("helper.sock");
        let out = Command::new(tools::on_path("setpriv")?)
            .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"])
            .arg(tools::trunkguard()?)
            .args(["firewall", "--socket"])
            .arg(socket)
            .output()?;
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        ensure!(
            out.status.code() == Some(2) && said.contains("CAP_NET_ADMIN"),
            "{said}"
        );
        Ok(())
    });
}

/// F19: where the kernel has no conntrack for bridges, it is said, and the last rules stay. Where it
/// has, the rules are loaded.
#[test]
fn a_bridge_is_loaded_or_refused_with_the_remedy() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&two_ports("router"))?;
        let before = nft(&["-s", "list", "ruleset"])?;
        let reply = daemon.order(&json!({ "load": two_ports("bridge") }))?;
        if reply.get("loaded").is_some() {
            ensure!(nft(&["list", "tables"])?.contains("bridge trunkguard"));
            ensure!(daemon.order(&ban(STRANGER, 60))? == "done");
            daemon.load(&two_ports("router"))?;
            ensure!(!nft(&["list", "tables"])?.contains("bridge trunkguard"));
            return Ok(());
        }
        let said = reply["failed"].as_str().unwrap_or_default();
        ensure!(
            said.contains("CONFIG_NF_CONNTRACK_BRIDGE") && said.contains("router"),
            "{reply}"
        );
        ensure!(nft(&["-s", "list", "ruleset"])? == before);
        Ok(())
    });
}

/// F17: closed before anything, by the same binary; the first load opens what it says and takes the
/// bridge away that it has no use for.
#[test]
fn closed_rules_are_loaded_without_a_daemon() {
    Office::run(|office| {
        let closed = || -> Result<()> {
            let out = Command::new(tools::trunkguard()?)
                .args(["firewall", "closed"])
                .output()?;
            ensure!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            Ok(())
        };
        closed()?;
        let rules = nft(&["list", "ruleset"])?;
        ensure!(
            rules.contains("goto box-other") && !rules.contains("@clients4"),
            "{rules}"
        );
        ensure!(rules.matches("policy drop").count() >= 2, "{rules}");
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        let rules = nft(&["list", "ruleset"])?;
        ensure!(
            rules.contains("@clients4") && !rules.contains("table bridge"),
            "{rules}"
        );
        // Closed by hand under a helper: the rules that are to be come back.
        closed()?;
        ensure!(daemon.event("drifted")?["restored"] == true);
        ensure!(nft(&["list", "ruleset"])?.contains("@clients4"));
        Ok(())
    });
    Office::run(|_| {
        let out = Command::new(tools::trunkguard()?)
            .args(["firewall", "closed"])
            .env("PATH", "/nowhere")
            .output()?;
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        ensure!(
            out.status.code() == Some(2) && said.contains("install the package nftables"),
            "{said}"
        );
        Ok(())
    });
}

/// A table of another version, with other kinds of sets or chains, makes room for ours.
#[test]
fn a_table_of_another_version_is_replaced() {
    Office::run(|office| {
        nft(&["add", "table", "inet", "trunkguard"])?;
        nft(&[
            "add",
            "set",
            "inet",
            "trunkguard",
            "pops4",
            "{ type ipv6_addr; }",
        ])?;
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        ensure!(rules()?.contains("208.100.60.17"));
        Ok(())
    });
    Office::run(|office| {
        nft(&["add", "table", "inet", "trunkguard"])?;
        let chain = "{ type filter hook input priority 7; policy accept; }";
        nft(&["add", "chain", "inet", "trunkguard", "forward", chain])?;
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        ensure!(rules()?.contains("hook forward"));
        Ok(())
    });
}

/// F5, F13: a packet that is dropped is counted and sampled, under the name of its rule.
#[test]
fn dropped_packets_are_sampled() {
    Office::run(|office| {
        let helper = Helper::start(office)?;
        let mut daemon = helper.connect()?;
        // Another network namespace at the other end of eth0.
        let mut other = office.start("unshare", &["-n", "sleep", "600"])?;
        let pid = other.id().to_string();
        let link = [
            "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
        ];
        let started = Instant::now();
        // Until unshare has got there, the peer would be in this namespace.
        while namespace(&pid)? == namespace("self")? {
            ensure!(started.elapsed() < LIMIT && other.alive(), "no namespace");
        }
        tools::run("ip", &[&link[..], &[&pid]].concat())?;
        tools::run("ip", &["address", "add", "198.51.100.1/24", "dev", "eth0"])?;
        tools::run("ip", &["link", "set", "eth0", "up"])?;
        daemon.load(&side())?;
        let there =
            |args: &[&str]| tools::run("nsenter", &[&["-t", &pid, "-n", "--"], args].concat());
        there(&["ip", "address", "add", "198.51.100.9/24", "dev", "eth0"])?;
        there(&["ip", "link", "set", "eth0", "up"])?;
        let send = "import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b'OPTIONS sip:x SIP/2.0',('198.51.100.1',5060))";
        there(&["python3", "-c", send])?;
        let sample = loop {
            let samples = daemon.event("samples")?;
            let all = samples.as_array().context("no list")?.clone();
            if let Some(sample) = all.into_iter().find(|s| s["rule"] == "box-sip") {
                break sample;
            }
        };
        let octets: Vec<u8> = serde_json::from_value(sample["packet"].clone())?;
        ensure!(
            octets[0] == 0x45 && octets[12..16] == [198, 51, 100, 9],
            "{octets:?}"
        );
        ensure!(octets.windows(7).any(|w| w == b"OPTIONS"));
        ensure!(daemon.counted("box-sip")? == 1);
        other.kill();
        Ok(())
    });
}

fn namespace(pid: &str) -> Result<PathBuf> {
    // This test is a thread of its own, and so is its namespace.
    let path = match pid {
        "self" => "/proc/thread-self/ns/net".into(),
        pid => format!("/proc/{pid}/ns/net"),
    };
    Ok(fs::read_link(path)?)
}
