//! The privileged half of the firewall, from outside: whom it answers, what it refuses, and what it says
//! when something is missing. Each test has a network namespace of its own, and touches no other.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    Office,
    firewall::{Helper, LIMIT, STRANGER, ban, nft, rules, side, two_ports, with},
    tools,
};

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
            b"\0\0\0\x16{\"load\":{\"shell\":\"x\"}}",
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

/// As the unit runs it: another user than root, one capability, and a socket that was handed over.
#[test]
fn one_capability_is_enough() {
    Office::run(|office| {
        let folder = office.folder();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.join("bin"))?;
        let binary = folder.join("bin/trunkguard");
        fs::copy(tools::trunkguard()?, &binary)?;
        let socket = folder.join("orders.sock");
        let caps = "-all,+net_admin";
        let mut command = vec!["--listen", "", "--fdname=orders"];
        let (path, binary) = (socket.to_string_lossy(), binary.to_string_lossy());
        command[1] = &path;
        command.extend(["/usr/bin/setpriv", "--reuid", "daemon", "--regid", "daemon"]);
        command.extend(["--clear-groups", "--no-new-privs", "--inh-caps", caps]);
        command.extend(["--ambient-caps", caps, "--bounding-set", caps]);
        command.extend([&*binary, "firewall", "--user", "daemon"]);
        let mut process = office.start("systemd-socket-activate", &command)?;
        process.wait_for("the socket", LIMIT, |log| log.contains("Listening on"))?;
        let mut helper = Helper { process, socket };
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        daemon.load(&two_ports("router"))?;
        ensure!(daemon.order(&ban(STRANGER, 60))? == "done");
        ensure!(daemon.order(&json!({ "flows": [STRANGER] }))? == json!({ "flows": [0] }));
        helper.process.kill();
        let closed = Command::new(tools::on_path("setpriv")?)
            .args([
                "--reuid",
                "daemon",
                "--regid",
                "daemon",
                "--clear-groups",
                "--no-new-privs",
            ])
            .args([
                "--inh-caps",
                caps,
                "--ambient-caps",
                caps,
                "--bounding-set",
                caps,
            ])
            .args([&*binary, "firewall", "closed"])
            .output()?;
        ensure!(
            closed.status.success(),
            "{}",
            String::from_utf8_lossy(&closed.stderr)
        );
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
        // Rules without conntrack are better than none, but this is said (F16).
        let folder = office.folder().join("bin");
        fs::create_dir(&folder)?;
        std::os::unix::fs::symlink(tools::on_path("nft")?, folder.join("nft"))?;
        let path = format!("PATH={}", folder.display());
        let helper = Helper::with(office, &[], &["/usr/bin/env", &path])?;
        let mut daemon = helper.connect()?;
        daemon.load(&side())?;
        let loaded = daemon.load(&with("pops", json!(["208.100.60.17/32"])))?;
        let said = loaded["warning"].as_str().unwrap_or_default();
        ensure!(said.contains("install the package conntrack"), "{loaded}");
        ensure!(!rules()?.contains("208.100.60.18"));
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
        // Closed by hand under a helper: the rules that are to be come back, perhaps before the command
        // has looked whether its own are in force.
        let _ = closed();
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
