//! SIPp as a client that this project did not write: INVITE, 302, ACK.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    call::{Calls, LIST_MAX},
    process::{CLIENT_CORE, on_core},
    servers::{Place, Target},
    socket::free_port,
};

/// What SIPp saw.
pub struct Seen {
    /// Calls that got what the scenario asks for.
    pub right: u64,
    /// Calls that did not.
    pub failed: u64,
    /// Messages that SIPp sent again.
    pub retransmitted: u64,
    /// Calls in a second, over the whole run.
    pub rate: f64,
}

/// Makes `calls` approved calls at `rate` calls a second.
///
/// # Errors
/// When SIPp does not run.
pub fn run(place: &Place, scenario: &Path, target: &Target, rate: u32, calls: u32) -> Result<Seen> {
    let numbers = place.folder.join("sipp.csv");
    let all = Calls::new(10_000, LIST_MAX);
    let mut text = String::from("SEQUENTIAL\n");
    for call in (0..20_000).map(|n| all.nth(n)).filter(|call| !call.refused) {
        text += &format!(
            "{};{}\n",
            String::from_utf8_lossy(&call.number),
            call.caller
        );
    }
    fs::write(&numbers, text)?;
    let figures = place.folder.join(format!("sipp-{}.csv", target.name));
    let port = free_port(target.address.ip(), 7000)?;
    // SIPp ends after its last call; `timeout` bounds it all the same.
    let mut command: Command = on_core(CLIENT_CORE, Path::new("timeout"));
    command.args([
        "40",
        "sipp",
        &target.address.to_string(),
        "-i",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    command
        .arg("-sf")
        .arg(scenario)
        .arg("-inf")
        .arg(&numbers)
        .arg("-stf")
        .arg(&figures);
    command.args([
        "-r",
        &rate.to_string(),
        "-m",
        &calls.to_string(),
        "-l",
        "10000",
        "-buff_size",
        "4194304",
    ]);
    command.args([
        "-trace_stat",
        "-fd",
        "1",
        "-nostdin",
        "-timeout",
        "30",
        "-recv_timeout",
        "5000",
    ]);
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start sipp")?;
    let text = fs::read_to_string(&figures)
        .with_context(|| format!("sipp ended with {status} and no figures"))?;
    read(&text).with_context(|| format!("sipp ended with {status}"))
}

/// Reads SIPp's statistics: a line of names, then lines of figures, the last of which counts.
fn read(text: &str) -> Result<Seen> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(';').collect();
    let Some(last) = lines.next_back() else {
        bail!("sipp wrote no figures")
    };
    let last: Vec<&str> = last.split(';').collect();
    let field = |name: &str| {
        let at = names
            .iter()
            .position(|n| *n == name)
            .with_context(|| format!("sipp has no figure {name}"))?;
        last.get(at)
            .copied()
            .with_context(|| format!("sipp's figures end before {name}"))
    };
    Ok(Seen {
        right: field("SuccessfulCall(C)")?.parse()?,
        failed: field("FailedCall(C)")?.parse()?,
        retransmitted: field("Retransmissions(C)")?.parse()?,
        rate: field("CallRate(C)")?.parse()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_figures_counts() {
        let text = "StartTime;CallRate(C);SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n\
                    a;1.0;1;0;0;\nb;7990.5;24000;2;3;\n";
        let seen = read(text).unwrap();
        assert_eq!(
            (seen.right, seen.failed, seen.retransmitted),
            (24_000, 2, 3)
        );
        assert!((seen.rate - 7990.5).abs() < 0.01);
        assert!(read("StartTime;\n").is_err());
    }
}
