//! The image as a bridge between internet and PBX, in a machine of its own, with connections tracked in
//! the bridge (NF_CONNTRACK_BRIDGE): docs/security.md, Packets.

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Card, Image, Machine, Options, plug},
    site::{
        Site, Topology, at, attempts,
        bridged::{Wire, control, dhcp, first_packets, strangers},
    },
};

const POLICY: &str = r#"format = 1

[settings]
mode = "prevent"
country = "US"

[network]
address = "192.168.77.2/24"
gateway = "192.168.77.1"

[firewall]
topology = "bridge"
pbx = ["192.168.77.10", "2001:db8:77::10"]
rtp = "10000-20200"

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
"#;

#[test]
#[ignore = "boots the image: make test-image"]
fn image_bridge_lets_pops_through_and_nobody_else() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Bridge, move |site| {
        // The control: the site's own bridge, without rules, passes everything.
        control(site, &Wire::of(site)?)?;
        let taps = plug(site)?;
        let folder = site.office.folder().join("machine");
        let card = Card::with_test_kernel(&image, &site.office.folder().join("card.img"))?;
        card.put("trunkguard.toml", POLICY)?;
        let options = Options {
            taps,
            shell: true,
            ..Options::default()
        };
        let mut machine = site
            .gate
            .within(|| Machine::virt(&image, &card, &folder, &options))?;
        let outcome = tried(site, &mut machine);
        if outcome.is_err() {
            println!("{}", machine.console());
        }
        outcome
    });
}

fn tried(site: &Site<'_>, machine: &mut Machine) -> Result<()> {
    let wire = Wire::of(site)?;
    let mut guest = machine.guest()?;
    guest.until("systemctl is-active trunkguard.service")?;
    guest.until("nft list table bridge trunkguard | grep -q 'ct state established'")?;
    guest.until("ip link show br0 | grep -q LOWER_UP")?;
    first_packets(site, &wire)?;
    wire.inwards(&[attempts::pop(at::PBX), dhcp(at::GATEWAY, at::PBX)])
        .context("F1, F8")?;
    wire.outwards(&[attempts::to_pop(), dhcp(at::PBX, at::NEIGHBOUR)])
        .context("F6, F8")?;
    let known = guest.must("conntrack -L 2>/dev/null")?;
    ensure!(
        known.contains("208.100.60.17") && known.contains("192.168.77.10"),
        "the bridge's connections are not tracked:\n{known}"
    );
    // Rules outlive the daemon and the helper (F18, F19).
    guest.must("systemctl kill -s KILL trunkguard.service trunkguard-firewall.service")?;
    wire.nothing_inwards(&strangers()).context("F18")?;
    wire.inwards(&[attempts::pop(at::PBX)]).context("F18")
}
