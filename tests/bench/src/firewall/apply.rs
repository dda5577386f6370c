//! Loading 5,000 addresses: the helper's whole apply, beside nft taking one element at a time.

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    guard,
    place::Place,
    wiring::{INSIDE, OUTSIDE},
};
use crate::{
    call::mix,
    process::CLIENT_CORE,
    report::{Targets, median},
    servers,
    suite::progress,
};

/// Addresses that are applied.
const ADDRESSES: u32 = 5_000;
/// Of these so many are added one by one in a round; the time is scaled.
const SINGLES: u32 = 40;
/// Rounds at least: 200 single additions.
const LEAST: usize = 5;
/// What of the time for single additions is allowed.
const ALLOWED: f64 = 0.3;
/// The longest frame of the helper (`firmware/firewall/src/protocol.rs`).
const LONGEST: u32 = 1 << 20;

/// Measures it and prints it. The helper, its nft and the other nft are all on the clients' core.
///
/// # Errors
/// When something could not be measured.
pub fn measure(of: &servers::Place, rounds: usize, targets: &mut Targets) -> Result<()> {
    let (place, by_hand) = (Place::new("apply")?, Place::new("by hand")?);
    let (server, socket) = guard::helper(&place, CLIENT_CORE, of, "apply")?;
    let mut stream = UnixStream::connect(&socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    load(&mut stream, 0).with_context(|| server.log_end())?;
    let (mut whole, mut said, mut singles, mut script) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds.max(LEAST) as u32 {
        progress(&format!("apply: round {}", round + 1));
        let start = Instant::now();
        // Every address differs from all of the last order's: each is a change.
        let took = load(&mut stream, round % 2 + 1).with_context(|| server.log_end())?;
        whole.push(millis(start.elapsed()));
        said.push(took as f64);
        let counted = place.nft_list("set", &["set", "inet", "trunkguard", "pops4"])?;
        let elements = counted.first().and_then(|set| set["elem"].as_array());
        let there = elements.map_or(0, Vec::len);
        ensure!(there == ADDRESSES as usize, "{there} addresses are allowed");
        singles.push(one_by_one(&by_hand, &of.folder, round)? * f64::from(ADDRESSES / SINGLES));
        script.push(commands(&by_hand, &of.folder, round)?);
    }
    let ratios = whole.iter().zip(&singles).map(|(a, b)| a / b);
    let ratio = median(ratios.collect());
    let (whole, said, singles, script) =
        (median(whole), median(said), median(singles), median(script));
    println!("### Apply: {ADDRESSES} addresses\n");
    println!("| way | ms |\n|---|---|");
    println!(
        "| the helper's whole apply: order, script, nft, flows, reading back | {whole:.0} (it says {said:.0}) |"
    );
    println!("| nft, one element at a time ({SINGLES} a round, scaled) | {singles:.0} |");
    println!("| nft -f, one script of {ADDRESSES} commands | {script:.0} |\n");
    targets.add(
        "whole apply of 5,000 addresses under 0.3 of nft's time, one element at a time",
        format!("{ratio:.4} ({whole:.0} ms of {singles:.0} ms)"),
        ratio < ALLOWED,
    );
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Scattered public addresses of nobody in particular, none twice, no two neighbours; other ones
/// for each `turn`.
fn addresses(turn: u32) -> impl Iterator<Item = Ipv4Addr> {
    let low = move |n: u32| mix(u64::from(turn) << 32 | u64::from(n)) as u32 & 0x7F;
    let at = move |n: u32| (40 << 24) + (n << 10) + ((turn & 3) << 8) + 2 * low(n);
    (0..ADDRESSES).map(move |n| Ipv4Addr::from(at(n)))
}

/// Has the helper load an intent (`firmware/firewall/src/intent.rs`); milliseconds, as it says.
fn load(stream: &mut UnixStream, turn: u32) -> Result<u64> {
    let pops: Vec<String> = addresses(turn).map(|a| format!("{a}/32")).collect();
    let order = json!({ "load": {
        "topology": "router",
        "enforce": true,
        "outside": OUTSIDE,
        "inside": INSIDE,
        "pbx": ["192.168.77.10/32"],
        "clients": ["192.168.77.10/32"],
        "pops": pops,
        "remote": [],
        "office": ["192.168.0.0/16"],
        "never_ban": [],
        "from_pbx": "web",
        "rtp": "10000-20000",
        "serves": { "sip": 5060, "sips": null, "web": null, "ssh": false },
    }});
    let body = serde_json::to_vec(&order)?;
    let frame = [&u32::try_from(body.len())?.to_be_bytes()[..], &body].concat();
    stream.write_all(&frame).context("the helper")?;
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).context("the helper")?;
        let length = u32::from_be_bytes(length);
        ensure!(length <= LONGEST, "a frame of {length} octets");
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body)?;
        let frame: Value = serde_json::from_slice(&body)?;
        // Events come in between.
        if let Some(reply) = frame.get("reply") {
            let loaded = &reply["loaded"];
            ensure!(loaded["unchanged"] == false, "not loaded: {reply}");
            return loaded["took_ms"].as_u64().context("no time");
        }
    }
}

const EMPTY: &str = "table inet hand { set pops4 { type ipv4_addr; flags interval; }\n}\n\
     flush set inet hand pops4\n";

/// One process of nft for each element, into a set that is empty: the cheapest case. Milliseconds.
fn one_by_one(place: &Place, folder: &Path, round: u32) -> Result<f64> {
    place.nft(folder, EMPTY)?;
    place.within(|| {
        let start = Instant::now();
        for address in addresses(round).take(SINGLES as usize) {
            let mut command = Command::new("nft");
            command.args(["add", "element", "inet", "hand", "pops4"]);
            let status = command.arg(format!("{{ {address} }}")).status()?;
            ensure!(status.success(), "nft add element ended with {status}");
        }
        Ok(millis(start.elapsed()))
    })
}

/// One process of nft, and a command for each element. Milliseconds.
fn commands(place: &Place, folder: &Path, round: u32) -> Result<f64> {
    place.nft(folder, EMPTY)?;
    let mut script = String::new();
    for address in addresses(round) {
        let _ = writeln!(script, "add element inet hand pops4 {{ {address} }}");
    }
    let start = Instant::now();
    place.nft(folder, &script)?;
    Ok(millis(start.elapsed()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_are_scattered_and_differ_from_turn_to_turn() {
        let one: HashSet<u32> = addresses(1).map(u32::from).collect();
        let two: HashSet<u32> = addresses(2).map(u32::from).collect();
        assert_eq!(one.len(), ADDRESSES as usize);
        assert_eq!(two.len(), ADDRESSES as usize);
        assert!(one.is_disjoint(&two));
        assert!(one.iter().all(|a| !one.contains(&(a ^ 1))));
    }
}
