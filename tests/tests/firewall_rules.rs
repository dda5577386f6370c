//! Rules in the kernel, as the helper keeps them: what lives through a load, and what is put back. Each
//! test has a network namespace of its own, and touches no other.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    net::{IpAddr, UdpSocket},
    path::PathBuf,
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    Office,
    firewall::{Helper, LIMIT, STRANGER, ban, mark, nft, rules, side, two_ports, with},
    tools,
};

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
            "forward",
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

        let mut helper = Helper::start(office)?;
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
        nft(&["delete", "set", "inet", "trunkguard", "foreign"])?;
        let adopted = daemon.load(&side())?;
        ensure!(adopted["unchanged"] == true && adopted["generation"] == first["generation"]);
        // What was changed while no helper was there is found, although the mark is.
        for change in [
            &["flush", "table", "inet", "trunkguard"][..],
            &["flush", "set", "inet", "trunkguard", "pops4"],
            &["insert", "rule", "inet", "trunkguard", "input", "accept"],
        ] {
            helper.process.kill();
            nft(change)?;
            helper = Helper::start(office)?;
            let loaded = helper.connect()?.load(&side())?;
            ensure!(loaded["unchanged"] == false, "{change:?}: {loaded}");
            ensure!(sorted(&rules()?) == sorted(&before), "{change:?}");
        }
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
