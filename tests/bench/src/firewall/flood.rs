//! A million strangers, each with an address of its own, beside calls that are decided.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    guard::{self, Guard},
    place::Place,
    sources::{NETWORK, Sources},
    wiring::{Kind, Wiring},
};
use crate::{
    client::Client,
    flood::{Beside, Flood},
    load::{self, Ask, Load, Outcome, Pace},
    report::{Rows, Targets},
    servers,
    suite::progress,
};

/// Datagrams, and as many sources.
const STRANGERS: u64 = 1_000_000;
/// Calls in a second.
const CALLS: u32 = 500;
/// How long strangers send, and the calls beside them are measured.
const FLOODED: Duration = Duration::from_secs(14);
/// How long calls are measured without strangers.
const QUIET: Duration = Duration::from_secs(7);
/// Datagrams of strangers that plain forwarding is shown, to see that they can be seen.
const CONTROL: u64 = 40;
/// MiB.
const GROWTH: f64 = 8.0;
const MOST: f64 = 32.0;
const QUIET_NAME: &str = "500/s";
const FLOODED_NAME: &str = "500/s, strangers";

/// Measures it and prints it.
///
/// # Errors
/// When something could not be measured.
pub fn measure(
    wiring: &Wiring,
    of: &servers::Place,
    guard: &Guard,
    targets: &mut Targets,
) -> Result<()> {
    let eyes = Eyes::open(wiring, of)?;
    control(wiring, &eyes, targets)?;
    progress("strangers: calls without them");
    let mut rows = Rows::default();
    rows.add("trunkguard", QUIET_NAME, calls(wiring, guard, QUIET, None)?);
    let (memory, before) = (memories(guard)?, eyes.look()?);
    let place = wiring.of(Kind::Rules);
    let connections = || place.figure("netfilter/nf_conntrack_count");
    let (dropped, connected) = (dropped(wiring)?, connections()?);
    let bans = figure(guard, "bans")?;
    progress("strangers: a million of them");
    // Sent in seven eighths of the time: the last ones are not cut off by a late start.
    let flood = Flood {
        rate: (STRANGERS as f64 / (FLOODED.as_secs_f64() * 0.875)) as u32,
        total: STRANGERS,
    };
    let to: [SocketAddr; 2] = [
        (Kind::Rules.pbx(), 5060).into(),
        (Kind::Rules.outside(), 5060).into(),
    ];
    let mut sources = Sources::new(&wiring.internet, flood, &to)?;
    let flooded = calls(wiring, guard, FLOODED, Some(&mut sources))?;
    let connections = connections()?;
    let (answered, lost, wrong) = (flooded.all_answers, flooded.lost, flooded.wrong);
    rows.add("trunkguard", FLOODED_NAME, flooded);
    let after = eyes.look()?;
    let grown = memories(guard)?;
    let dropped = self::dropped(wiring)?.saturating_sub(dropped);
    let bans = figure(guard, "bans")?.saturating_sub(bans);
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "### Strangers: {} datagrams from as many sources, {} a second, to the PBX and to the box\n",
        sources.sent, flood.rate
    );
    rows.print();
    println!("| | before | after |\n|---|---|---|");
    println!(
        "| daemon, resident MiB | {:.1} | {:.1} |",
        mib(memory.0),
        mib(grown.0)
    );
    println!(
        "| helper, resident MiB | {:.1} | {:.1} |\n",
        mib(memory.1),
        mib(grown.1)
    );
    let came = after.office - before.office;
    println!(
        "The rules counted {dropped} datagrams as dropped. Connections in the kernel's table: {connected} before, {connections} after. \
         Bans made: {bans}. The office's port received {came} packets in all, the answers to its calls were {answered}.\n"
    );
    let grew = |before: u64, after: u64| mib(after.saturating_sub(before));
    let (daemon, helper) = (grew(memory.0, grown.0), grew(memory.1, grown.1));
    targets.add(
        "10⁶ sources: memory bounded (under 8 MiB more each, daemon under 32 MiB, under 1,000 connections more)",
        format!(
            "daemon + {daemon:.1} = {:.1} MiB, helper + {helper:.1} = {:.1} MiB, connections {connected}, then {connections}",
            mib(grown.0),
            mib(grown.1)
        ),
        daemon < GROWTH
            && helper < GROWTH
            && mib(grown.0) < MOST
            && connections < connected + STRANGERS / 1_000,
    );
    let p99 = |name: &str| {
        let row = rows.get("trunkguard", name);
        row.map_or(0.0, |row| {
            row.median(|o| o.latency.quantile(0.99).as_secs_f64() * 1e3)
        })
    };
    let (quiet, with) = (p99(QUIET_NAME), p99(FLOODED_NAME));
    targets.add(
        "10⁶ sources: calls are decided",
        format!("{answered} answers, {lost} lost, {wrong} wrong; p99 {with:.2} ms, without them {quiet:.2} ms"),
        lost + wrong == 0 && answered > 0,
    );
    let (back, reached) = (after.back - before.back, after.reached - before.reached);
    targets.add(
        "10⁶ sources: all sent and dropped; none answered, nothing reached the office",
        format!(
            "{} sent, {dropped} dropped by rules, {back} packets back, {reached} in the office",
            sources.sent
        ),
        sources.sent == STRANGERS && dropped >= STRANGERS && back + reached == 0,
    );
    Ok(())
}

fn calls(
    wiring: &Wiring,
    guard: &Guard,
    time: Duration,
    beside: Option<&mut dyn Beside>,
) -> Result<Outcome> {
    let load = Load::new(Pace::Open(CALLS), Ask::Invite, time);
    let load = Load {
        warm_up: Duration::from_secs(1),
        // The journal may be written a second behind.
        settle: Duration::from_millis(1_200),
        ..load
    };
    let server = SocketAddr::from((Kind::Rules.inside(), 5060));
    let from = IpAddr::V4(Kind::Rules.pbx());
    let client = wiring.office.within(|| Client::new(from, server, &load))?;
    load::put(client, &load, beside, || guard.daemon.cpu())
}

fn memories(guard: &Guard) -> Result<(u64, u64)> {
    Ok((guard.daemon.memory()?.0, guard.helper.memory()?.0))
}

fn figure(guard: &Guard, name: &str) -> Result<u64> {
    let status = guard.status()?;
    status[name]
        .as_u64()
        .with_context(|| format!("{name}: {status}"))
}

/// What the rules have dropped that came from outside.
fn dropped(wiring: &Wiring) -> Result<u64> {
    guard::counted(wiring.of(Kind::Rules), |name| {
        name.starts_with("outside-") || name.starts_with("box-")
    })
}

/// Plain forwarding, shown a few of the same datagrams, must let them through, and the PBX's kernel and
/// the box's must answer: else nothing would be seen of what Trunkguard lets through.
fn control(wiring: &Wiring, eyes: &Eyes<'_>, targets: &mut Targets) -> Result<()> {
    let before = eyes.look()?;
    let flood = Flood {
        rate: 1_000,
        total: CONTROL,
    };
    let to: [SocketAddr; 2] = [
        (Kind::Plain.pbx(), 5060).into(),
        (Kind::Plain.outside(), 5060).into(),
    ];
    Sources::new(&wiring.internet, flood, &to)?.all()?;
    std::thread::sleep(Duration::from_millis(300));
    let after = eyes.look()?;
    let (back, reached) = (after.back - before.back, after.reached - before.reached);
    targets.add(
        "control: what plain forwarding lets through and answers is seen",
        format!("{CONTROL} sent, {reached} in the office, {back} packets back"),
        reached == CONTROL / 2 && back >= CONTROL / 4,
    );
    Ok(())
}

/// Counters of what comes from strangers to the office, and back to them on the internet.
struct Eyes<'a>(&'a Wiring);

/// What they have counted.
struct Seen {
    /// Packets from strangers in the office.
    reached: u64,
    /// Packets to strangers on the internet.
    back: u64,
    /// Packets that the office's port towards the box under test has received, whatever they are.
    office: u64,
}

impl Eyes<'_> {
    fn open<'a>(wiring: &'a Wiring, of: &servers::Place) -> Result<Eyes<'a>> {
        let script = |direction: &str| {
            format!(
                "table ip eyes {{\n\tcounter seen {{ }}\n\tchain first {{\n\
                 \t\ttype filter hook prerouting priority -400; policy accept;\n\
                 \t\tip {direction} {NETWORK} counter name \"seen\"\n\t}}\n}}\n"
            )
        };
        wiring.office.nft(&of.folder, &script("saddr"))?;
        wiring.internet.nft(&of.folder, &script("daddr"))?;
        Ok(Eyes(wiring))
    }

    fn look(&self) -> Result<Seen> {
        let of = |place: &Place| -> Result<u64> {
            let counters = place.nft_list("counter", &["counters", "table", "ip", "eyes"])?;
            let packets = counters.first().and_then(|c| c["packets"].as_u64());
            packets.context("no counter")
        };
        Ok(Seen {
            reached: of(&self.0.office)?,
            back: of(&self.0.internet)?,
            office: self.0.office.received(&Kind::Rules.port())?,
        })
    }
}
