//! Forwarding through the box's rules, beside plain forwarding.

use std::{net::IpAddr, process::Command, time::Duration};

use anyhow::Result;

use super::wiring::{Kind, Wiring};
use crate::{
    client::Client,
    load::{self, Ask, Load, Outcome, Pace},
    machine,
    process::{SERVER_CORE, Server, on_core},
    report::{Rows, Targets, micros},
    servers,
    suite::progress,
};

const MANY: &str = "64 outstanding";
const ONE: &str = "1 outstanding";
/// Loads that a round is cut into: the ways take turns that often, so that what else the machine does
/// hits all.
const SLICES: usize = 4;
/// What of plain forwarding is wanted.
const WANTED: f64 = 0.95;

/// Measures it and prints it: `rounds` times, each way for `burst` in slices.
///
/// # Errors
/// When something could not be measured.
pub fn measure(
    wiring: &Wiring,
    of: &servers::Place,
    rounds: usize,
    burst: Duration,
    targets: &mut Targets,
) -> Result<()> {
    let echoes = Kind::ALL
        .into_iter()
        .map(|kind| echo(wiring, of, kind))
        .collect::<Result<Vec<Server>>>()?;
    let mut rows = Rows::default();
    for slice in 0..rounds * SLICES {
        if slice % SLICES == 0 {
            progress(&format!(
                "forwarding: round {} of {rounds}",
                slice / SLICES + 1
            ));
        }
        for (name, outstanding) in [(MANY, 64), (ONE, 1)] {
            let mut kinds = Kind::ALL;
            // Who comes first changes from slice to slice.
            if slice % 2 == 1 {
                kinds.reverse();
            }
            for kind in kinds {
                let load = Load::new(Pace::Closed(outstanding), Ask::Echo, burst / SLICES as u32);
                let client = wiring
                    .internet
                    .within(|| Client::new(IpAddr::V4(kind.pop()), kind.audio(), &load))?;
                // Each of the two forwards what it sends: the work of the box is in both.
                let server = &echoes[kind as usize];
                let cpu = || Ok(server.cpu()? + machine::own()?);
                rows.add(kind.name(), name, load::put(client, &load, None, cpu)?);
            }
        }
    }
    println!("### Forwarding: UDP of an audio port, there and back\n");
    rows.print();
    for (name, wanted, text) in [
        (
            MANY,
            Figure::Rate,
            "forwarding: at least 0.95 of plain forwarding's packets/s",
        ),
        (
            ONE,
            Figure::P50,
            "forwarding: p50 at most plain forwarding's / 0.95",
        ),
    ] {
        let of_plain = |figure| ratio(&rows, Kind::Rules, Kind::Plain, name, figure);
        let judged = of_plain(wanted);
        let mut said = format!("{judged:.3}");
        for (figure, name) in [
            (Figure::Rate, "packets/s"),
            (Figure::P50, "p50"),
            (Figure::P99, "p99"),
            (Figure::Cpu, "CPU"),
        ] {
            if figure != wanted {
                said.push_str(&format!(", {name} {:.3}", of_plain(figure)));
            }
        }
        let bare = ratio(&rows, Kind::Rules, Kind::Bare, name, wanted);
        said.push_str(&format!(" (of forwarding without any rules {bare:.3})"));
        targets.add(text, said, judged >= WANTED);
    }
    let lost: u64 = rows.0.iter().map(|row| row.sum(|o| o.lost)).sum();
    println!("Datagrams lost on all ways: {lost}.\n");
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Figure {
    Rate,
    P50,
    P99,
    Cpu,
}

/// How much of `under` `over` reaches: 1 is as good, less is worse.
fn ratio(rows: &Rows, over: Kind, under: Kind, load: &str, figure: Figure) -> f64 {
    let per_time = |time: f64| 1.0 / time.max(1e-9);
    rows.ratio(
        (over.name(), load),
        (under.name(), load),
        |o: &Outcome| match figure {
            Figure::Rate => o.rate(),
            Figure::P50 => per_time(micros(o.latency.quantile(0.5))),
            Figure::P99 => per_time(micros(o.latency.quantile(0.99))),
            Figure::Cpu => per_time(o.cpu_per_answer()),
        },
    )
    .unwrap_or(0.0)
}

fn echo(wiring: &Wiring, of: &servers::Place, kind: Kind) -> Result<Server> {
    let (name, address) = (format!("echo-{}", kind.name()), kind.audio());
    wiring.office.within(|| {
        let mut command: Command = on_core(SERVER_CORE, &std::env::current_exe()?);
        command.args(["echo", "--at", &address.to_string()]);
        let log = of.folder.join(format!("{name}.log"));
        let mut server = Server::start(&name, command, &log)?;
        server.wait(|| servers::answers(address, b"echo?", |back| back == b"echo?"))?;
        Ok(server)
    })
}
