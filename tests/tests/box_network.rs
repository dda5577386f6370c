//! How the box is to be reached (docs/box.md B9): from a policy that is applied, by the wish that the
//! daemon writes, to the files that systemd-networkd reads.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::{Guard, Office, tools};

/// A policy with two ports, and further tables.
fn policy(topology: &str, more: &str) -> String {
    format!(
        "[firewall]\ntopology = \"{topology}\"\noutside = \"port0\"\n{}{more}\n\
         [[client]]\nname = \"office\"\naddresses = [\"192.168.77.10\"]\n",
        match topology {
            "side" => "",
            _ => "inside = \"port1\"\n",
        }
    )
}

/// A daemon that writes its wish, and where everything is.
struct Box {
    wish: PathBuf,
    run: PathBuf,
    changed: PathBuf,
}

impl Box {
    fn new(office: &Office) -> Result<Box> {
        let folder = office.folder();
        for name in ["network", "run/netif"] {
            fs::create_dir_all(folder.join(name))?;
        }
        Ok(Box {
            wish: folder.join("network/wish.json"),
            run: folder.join("run"),
            changed: folder.join("changed"),
        })
    }

    fn guard(&self, office: &Office, policy: &str) -> Result<Guard> {
        let mut guard = Guard::new(office, policy)?;
        guard.option("--network-wish");
        guard.option(&self.wish.to_string_lossy());
        guard.start()?;
        Ok(guard)
    }

    /// Runs `trunkguard network`; its exit code and what it said.
    fn render(&self) -> Result<(i32, String)> {
        let out = Command::new(tools::trunkguard()?)
            .arg("network")
            .arg("--wish")
            .arg(&self.wish)
            .arg("--folder")
            .arg(&self.run)
            .arg("--changed")
            .arg(&self.changed)
            .output()?;
        let said = [out.stdout, out.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((out.status.code().context("a signal")?, said))
    }

    fn wished(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(&self.wish)?)?)
    }

    /// Has something changed since the last time that was asked?
    fn told(&self) -> bool {
        fs::remove_file(&self.changed).is_ok()
    }

    fn file(&self, name: &str) -> Result<String> {
        let path = self.run.join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}

/// What is applied is rendered, once; what a box cannot be is refused, and everything stays.
#[test]
fn box_b9_a_policy_becomes_the_boxs_network() {
    Office::run(|office| {
        let place = Box::new(office)?;
        let guard = place.guard(office, &policy("side", ""))?;
        let word = place.wish.with_file_name("told");
        ensure!(word.exists(), "nobody is told of the wish");
        let wish = place.wished()?;
        ensure!(
            wish["topology"] == "side" && wish["outside"] == "port0",
            "{wish}"
        );
        let mode = fs::metadata(&place.wish)?.permissions().mode() & 0o777;
        ensure!(mode == 0o644, "{mode:o}");
        let (code, said) = place.render()?;
        ensure!(code == 0 && !word.exists(), "{code} {said}");
        ensure!(!place.told(), "systemd-networkd has not read anything yet");
        fs::write(place.run.join("netif/state"), "")?;
        ensure!(
            place
                .file("network/10-trunkguard-port0.network")?
                .contains("DHCP=ipv4")
        );
        let (code, said) = place.render()?;
        ensure!(code == 0 && said.contains("nothing has changed"), "{said}");
        ensure!(!place.told(), "systemd-networkd is restarted for nothing");

        guard.apply(&policy("bridge", "[network]\naddress = \"192.168.77.2/24\"\ngateway = \"192.168.77.1\"\ndns = [\"192.168.77.1\"]\n"))?;
        let (code, said) = place.render()?;
        ensure!(
            code == 0 && place.told() && said.contains("br0.netdev"),
            "{said}"
        );
        let bridge = place.file("network/10-trunkguard-br0.network")?;
        ensure!(
            bridge.contains("Address=192.168.77.2/24\nGateway=192.168.77.1\n"),
            "{bridge}"
        );

        // A router that does not know its own address inside.
        let before = place.wished()?;
        let said = guard.apply(&policy("router", ""));
        let said = said.err().context("it was taken")?.to_string();
        ensure!(said.contains("network.inside: "), "{said}");
        ensure!(place.wished()? == before);
        let exported = guard.cli(&["export"])?.out;
        ensure!(exported.contains("topology = \"bridge\""), "{exported}");
        ensure!(
            exported.contains("gateway = \"192.168.77.1\""),
            "{exported}"
        );

        guard.apply(&policy(
            "router",
            "[network]\ninside = \"192.168.77.1/24\"\n",
        ))?;
        let (_, said) = place.render()?;
        ensure!(
            place.told() && said.contains("removed: ") && said.contains("br0.netdev"),
            "{said}"
        );
        let inside = place.file("network/10-trunkguard-port1.network")?;
        ensure!(inside.contains("DHCPServer=yes"), "{inside}");
        let forwarding = place.file("networkd.conf.d/60-trunkguard.conf")?;
        ensure!(forwarding.contains("IPv4Forwarding=yes"), "{forwarding}");
        let rules = guard.cli(&["ruleset"])?.out;
        ensure!(rules.contains("iifname \"port1\" ip saddr 192.168.77.0/24 meta l4proto { tcp, udp } th dport 53 accept"), "{rules}");
        // A change of calls alone is none of the network.
        guard.cli(&["mode", "prevent"])?;
        let (_, said) = place.render()?;
        ensure!(
            !place.told() && said.contains("nothing has changed"),
            "{said}"
        );
        Ok(())
    });
}

/// No wish is a new box; a wrong one is too at the start, and later leaves the network as it is.
#[test]
fn box_b9_without_a_wish_the_box_is_reached_by_dhcp() {
    Office::run(|office| {
        let place = Box::new(office)?;
        let (code, said) = place.render()?;
        ensure!(code == 0 && said.contains("side, port0 by DHCP"), "{said}");
        ensure!(
            place
                .file("network/10-trunkguard-port0.network")?
                .contains("DHCP=ipv4")
        );
        fs::write(place.run.join("netif/state"), "")?;
        let theirs = place.run.join("network/50-theirs.network");
        fs::write(&theirs, "theirs")?;
        let guard = place.guard(office, &policy("bridge", ""))?;
        drop(guard);
        ensure!(place.render()?.0 == 0 && place.told());
        fs::write(&place.wish, "{\"version\": 1")?;
        let (code, said) = place.render()?;
        ensure!(
            code == 1 && said.contains("stays as it is"),
            "{code} {said}"
        );
        ensure!(!place.told());
        ensure!(
            place
                .file("network/10-trunkguard-br0.netdev")?
                .contains("Kind=bridge")
        );
        // The next start: nothing is rendered yet.
        fs::remove_dir_all(&place.run)?;
        fs::create_dir_all(place.run.join("network"))?;
        ensure!(!place.told());
        fs::write(&theirs, "theirs")?;
        let (code, said) = place.render()?;
        ensure!(
            code == 1 && said.contains("side, port0 by DHCP"),
            "{code} {said}"
        );
        ensure!(!place.told() && fs::read_to_string(&theirs)? == "theirs");
        Ok(())
    });
}
