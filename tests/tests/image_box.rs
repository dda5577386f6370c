//! The running box, seen from inside with the test kernel's shell: docs/box.md B1, B5 to B8, B12.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Card, Guest, Image, Stand, at as part, policy},
    site::{Site, Topology},
};

const MIB: u64 = 1 << 20;

/// What stays running: B8. Unit, number of its user, capabilities (bit 12 is CAP_NET_ADMIN).
const RUNNING: [(&str, u32, u64); 5] = [
    ("trunkguard.service", 961, 0),
    ("trunkguard-page.service", 961, 0),
    ("trunkguard-firewall.service", 962, 1 << 12),
    ("trunkguard-panel.service", 963, 0),
    ("trunkguard-ports.service", 965, 1 << 12),
];
/// What ran once and stays active.
const DONE: [&str; 4] = [
    "trunkguard-firewall-closed.service",
    "trunkguard-erase.service",
    "trunkguard-identity.service",
    "trunkguard-provision.service",
];
/// What runs when there is something to do.
const IDLE: [&str; 13] = [
    "rauc.service",
    "trunkguard-update.service",
    "trunkguard-confirm.service",
    "trunkguard-back.service",
    "trunkguard-restart.service",
    "trunkguard-bus.service",
    "trunkguard-slots.service",
    "trunkguard-crash@trunkguard.service.service",
    "trunkguard-crash-kernel.service",
    "trunkguard-network.service",
    "trunkguard-network-changed.service",
    "trunkguard-unbridge.service",
    "trunkguard-reset.service",
];
const OPEN: [&str; 11] = [
    "trunkguard-update.socket",
    "trunkguard-restart.path",
    "trunkguard-bus.socket",
    "trunkguard.socket",
    "trunkguard-tls.socket",
    "trunkguard-page.socket",
    "trunkguard-page-plain.socket",
    "trunkguard-firewall.socket",
    "trunkguard-panel.socket",
    "trunkguard-network.path",
    "trunkguard-reset.path",
];
/// systemd's own that run on the box.
const SYSTEM: [&str; 5] = [
    "systemd-journald.service",
    "systemd-udevd.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
];

#[test]
#[ignore = "boots the image: make test-image"]
fn image_box_is_confined_as_the_documents_say() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = Card::with_test_kernel(&image, &stand.path("card.img"))?;
        card.put("trunkguard.toml", &policy("A01"))?;
        let mut started = stand.start(&card, true)?;
        let outcome = claims(&stand, &card, &mut started.machine.guest()?);
        if outcome.is_err() {
            println!("{}", started.machine.console());
        }
        outcome
    });
}

fn claims(stand: &Stand<'_>, card: &Card, guest: &mut Guest) -> Result<()> {
    guest.running()?;
    stand.until_decides("A01")?;
    times(guest)?;
    units(guest)?;
    processes(guest)?;
    ports(guest)?;
    mounts(guest)?;
    exposure(guest)?;
    memory(guest)?;
    disk(card, guest)?;
    name(guest)
}

/// Blocks of `systemctl show`, by unit.
fn shown(guest: &mut Guest, units: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let said = guest.must(&format!(
        "systemctl show -p Id,ActiveState,SubState,Result,NRestarts,MainPID,MemoryCurrent,MemoryPeak '{}'",
        units.join("' '")
    ))?;
    let mut all = BTreeMap::new();
    for block in said.split("\n\n") {
        let values: BTreeMap<String, String> = block
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let id = values.get("Id").context("no Id")?.clone();
        all.insert(id, values);
    }
    Ok(all)
}

fn units(guest: &mut Guest) -> Result<()> {
    let running = RUNNING.map(|(unit, ..)| unit);
    let names = [&running[..], &SYSTEM, &DONE, &IDLE, &OPEN].concat();
    let states = shown(guest, &names)?;
    for unit in names {
        let is = states.get(unit).with_context(|| format!("no {unit}"))?;
        let state = format!("{}/{}", is["ActiveState"], is["SubState"]);
        let wanted: &[&str] = match unit {
            _ if running.contains(&unit) || SYSTEM.contains(&unit) => &["active/running"],
            _ if DONE.contains(&unit) => &["active/exited"],
            _ if OPEN.contains(&unit) => &["active/running", "active/listening", "active/waiting"],
            _ => &["inactive/dead"],
        };
        ensure!(wanted.contains(&state.as_str()), "{unit} is {state}");
        // Passed over, because what runs was confirmed.
        let passed = unit == "trunkguard-confirm.service" && is["Result"] == "exec-condition";
        let fine = is["Result"] == "success" || passed;
        ensure!(fine, "{unit}: {}", is["Result"]);
        let restarts = is.get("NRestarts").map_or("0", String::as_str);
        ensure!(restarts == "0", "{unit} was restarted {restarts} times");
    }
    Ok(())
}

fn processes(guest: &mut Guest) -> Result<()> {
    let states = shown(guest, &RUNNING.map(|(unit, ..)| unit))?;
    for (unit, user, capabilities) in RUNNING {
        let pid = &states[unit]["MainPID"];
        let status = guest.must(&format!("cat /proc/{pid}/status"))?;
        let value = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))
                .with_context(|| format!("{unit}: no {name}"))
        };
        for name in ["Uid", "Gid"] {
            let all = format!("{user}\t{user}\t{user}\t{user}");
            ensure!(value(name)? == all, "{unit}: {name} {}", value(name)?);
        }
        for name in ["CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"] {
            let has = u64::from_str_radix(value(name)?, 16)?;
            ensure!(has == capabilities, "{unit}: {name} is {has:#x}");
        }
        ensure!(value("NoNewPrivs")? == "1", "{unit}: NoNewPrivs");
        ensure!(value("Seccomp")? == "2", "{unit}: Seccomp");
    }
    // Kernel threads have no `exe`. The shell is the test's own.
    let all = guest.must(
        "for p in /proc/[0-9]*; do e=$(readlink $p/exe) && echo \"$(stat -c %u $p) $e\"; done | sort -u",
    )?;
    let root: BTreeSet<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("0 "))
        .filter(|exe| !exe.starts_with("/run/tools/"))
        .collect();
    let known = [
        "systemd",
        "systemd-journald",
        "systemd-executor",
        "systemd-udevd",
    ];
    for exe in root {
        let name = exe.rsplit('/').next().unwrap_or(exe);
        let udev = exe == "/usr/bin/udevadm";
        ensure!(known.contains(&name) || udev, "{exe} runs as root:\n{all}");
    }
    Ok(())
}

/// Sockets that take something from anybody: kind, address and port as the kernel writes them, user.
fn ports(guest: &mut Guest) -> Result<()> {
    println!("{}", guest.must("netstat -tuln")?.trim());
    let said = guest
        .must("cd /proc/net && grep . tcp tcp6 udp udp6 udplite raw raw6 2>/dev/null; true")?;
    let open: BTreeSet<(&str, &str, &str)> = said
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(kind, line)| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let waits = if kind.starts_with("tcp") { "0A" } else { "07" };
            (words.get(3) == Some(&waits)).then(|| (kind, words[1], words[7]))
        })
        .collect();
    // The sockets of SIP and of the page stay those of systemd, who opened them.
    let (any, any6) = ("00000000", "0".repeat(32));
    let [sip, sips, mdns] = [":13C4", ":13C5", ":14E9"].map(|port| format!("{any}{port}"));
    let [mdns6, page, plain] = [":14E9", ":01BB", ":0050"].map(|port| format!("{any6}{port}"));
    let wanted: BTreeSet<(&str, &str, &str)> = [
        ("tcp", &*sip, "0"),
        ("tcp", &*sips, "0"),
        ("tcp6", &*page, "0"),
        ("tcp6", &*plain, "0"),
        ("udp", &*sip, "0"),
        ("udp", &*mdns, "973"),
        ("udp6", &*mdns6, "973"),
    ]
    .into();
    // networkd asks for a router (ICMPv6, 58), as F11 says.
    let open: BTreeSet<_> = open
        .into_iter()
        .filter(|(kind, at, user)| !(*kind == "raw6" && at.ends_with(":003A") && *user == "972"))
        .collect();
    ensure!(open == wanted, "open: {open:?}");
    Ok(())
}

fn mounts(guest: &mut Guest) -> Result<()> {
    let said = guest.must("cat /proc/mounts")?;
    let options = |place: &str| {
        said.lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|words| words[1] == place)
            .map(|words| {
                (
                    words[2].to_owned(),
                    words[3]
                        .split(',')
                        .map(String::from)
                        .collect::<BTreeSet<_>>(),
                )
            })
            .with_context(|| format!("{place} is not mounted:\n{said}"))
    };
    let (kind, root) = options("/")?;
    ensure!(kind == "squashfs" && root.contains("ro"), "/ is {kind}");
    for place in ["/var/data", "/var/lib/trunkguard", "/var/lib/systemd"] {
        let (kind, has) = options(place)?;
        ensure!(kind == "ext4", "{place} is {kind}");
        for option in ["rw", "noatime", "nosuid", "nodev", "noexec"] {
            ensure!(has.contains(option), "{place} is not {option}: {has:?}");
        }
    }
    for place in ["/var", "/tmp"] {
        let (kind, has) = options(place)?;
        ensure!(
            kind == "tmpfs" && has.contains("noexec"),
            "{place}: {has:?}"
        );
    }
    // The log is in memory only.
    guest.must("test ! -e /var/log/journal && ls /run/log/journal/*/system.journal")?;
    ensure!(
        guest.run("touch /usr/x /etc/x /x")?.code != 0,
        "the root can be written to"
    );
    Ok(())
}

fn exposure(guest: &mut Guest) -> Result<()> {
    let here =
        guest.must("cd /usr/lib/systemd/system && ls -d trunkguard*.service rauc.service")?;
    let units: Vec<String> = here
        .lines()
        .map(|unit| unit.replace("@.", "@trunkguard.service."))
        .collect();
    ensure!(units.len() >= 22, "units: {units:?}");
    let said = guest.must(&format!(
        "systemd-analyze security --no-pager '{}' | grep Overall",
        units.join("' '")
    ))?;
    let mut seen = 0;
    for line in said.lines() {
        let (unit, level) = line
            .split_once("level for ")
            .and_then(|(_, rest)| rest.split_once(": "))
            .context("no level")?;
        let level: f64 = level.split(' ').next().context("no figure")?.parse()?;
        println!("figure: exposure {unit} {level}");
        ensure!(level <= 1.5, "{unit} has an exposure of {level}");
        seen += 1;
    }
    ensure!(seen == units.len(), "{seen} of {} units", units.len());
    Ok(())
}

fn memory(guest: &mut Guest) -> Result<()> {
    let said = guest.must("cat /proc/meminfo")?;
    let kib = |name: &str| -> Result<u64> {
        let line = said.lines().find(|line| line.starts_with(name));
        let figure = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(figure.with_context(|| format!("no {name}"))?.parse()?)
    };
    let (total, free) = (kib("MemTotal:")?, kib("MemAvailable:")?);
    println!("figure: memory total {total} KiB");
    println!("figure: memory used at idle {} KiB", total - free);
    let units = [&RUNNING.map(|(unit, ..)| unit)[..], &SYSTEM].concat();
    for (unit, is) in shown(guest, &units)? {
        for which in ["MemoryCurrent", "MemoryPeak"] {
            let octets: u64 = is[which]
                .parse()
                .with_context(|| format!("{unit}: {which}"))?;
            println!("figure: {which} {unit} {} KiB", octets >> 10);
        }
    }
    // Room for the largest policy, for an update, and for a busy day.
    ensure!(total - free < 160 << 10, "{} KiB are used", total - free);
    Ok(())
}

/// When each stage was reached, by the log.
fn times(guest: &mut Guest) -> Result<()> {
    let log = guest.must("journalctl -b -q --no-pager -o short-monotonic")?;
    let when = |what: &str| -> Result<f64> {
        let line = log.lines().find(|line| line.contains(what));
        let stamp = line.and_then(|line| line.strip_prefix('[')?.split(']').next());
        let stamp = stamp.with_context(|| format!("the log does not say: {what}\n{log}"))?;
        Ok(stamp.trim().parse()?)
    };
    println!("{}", guest.must("systemd-analyze")?.trim());
    let closed = when("the closed rules are in force")?;
    let up = when("port0: Link UP")?;
    for (stage, at) in [
        ("systemd", when("systemd 257")?),
        ("closed-rules", closed),
        ("data-mounted", when("Mounted var-data.mount")?),
        ("sockets-listening", when("Listening on trunkguard.socket")?),
        ("network-up", up),
        ("rules-in-force", when("]: rules are in force")?),
        ("daemon-ready", when("Started trunkguard.service")?),
        (
            "file-applied",
            when("Finished trunkguard-provision.service")?,
        ),
        ("multi-user", when("Reached target multi-user.target")?),
    ] {
        println!("figure: start {stage} {at:.1} s");
    }
    // F17
    ensure!(
        closed < up,
        "closed rules at {closed} s, the network at {up} s"
    );
    ensure!(
        when("Finished trunkguard-firewall-closed.service")?
            < when("Starting systemd-networkd.service")?,
        "F17: networkd did not wait for the closed rules"
    );
    Ok(())
}

/// B12: what the box is called.
fn name(guest: &mut Guest) -> Result<()> {
    let id = guest.must("cat /data/box/id")?;
    let name = guest.must("hostname")?;
    let name = name.trim();
    ensure!(name == format!("trunkguard-{}", &id[..4]), "{name} of {id}");
    Ok(())
}

/// B1 and B5: the data reach to the card's end, and the boot ROM of a Pi 3 still finds its partition.
fn disk(card: &Card, guest: &mut Guest) -> Result<()> {
    let sectors: u64 = guest.must("cat /sys/block/vda/size")?.trim().parse()?;
    let first: u64 = guest
        .must("cat /sys/block/vda/vda7/start")?
        .trim()
        .parse()?;
    let count: u64 = guest.must("cat /sys/block/vda/vda7/size")?.trim().parse()?;
    ensure!(first == part::DATA * 2_048, "data begin at sector {first}");
    let left = sectors - first - count;
    ensure!(
        left <= 2_048,
        "{left} sectors are left at the end of the card"
    );
    let free: u64 = guest
        .must("df -k /data/ | awk 'END { print $2 }'")?
        .trim()
        .parse()?;
    ensure!(free * 1024 > (1024 - part::DATA - 48) * MIB, "{free} KiB");
    let table = card.read(446, 66)?;
    let mut hybrid = vec![0, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff];
    hybrid.extend(2048u32.to_le_bytes());
    hybrid.extend((64u32 * 2048).to_le_bytes());
    ensure!(
        table[..16] == hybrid && table[20] == 0xee,
        "the old table: {table:x?}"
    );
    ensure!(table[64..] == [0x55, 0xaa], "no signature");
    Ok(())
}
