//! The support file: everything that whoever helps asks for first, and nothing that is secret.

use std::{fmt::Write, process::Command};

use trunkguard_core::policy::LogNumbers;
use trunkguard_page::{
    Answer, Problem,
    calls::{Query, Source as Calls},
    diagnostics::{Part, Source as Diagnostics},
    texts::Lang,
};
use trunkguard_store::file;

use super::{Office, examine};
use crate::{control::Ask, firewall::view::View, logs};

const CALLS: u32 = 1_000;
const ALERTS: u32 = 1_000;
/// Lines of the log, and octets of any part.
const LINES: &str = "3000";
const OCTETS: usize = 2 << 20;

const README: &str = "Support file of Trunkguard. All of it is text.\n\n\
    version.txt    the firmware and the machine\n\
    status.json    state and figures (trunkguard status)\n\
    doctor.txt     what the checks found (trunkguard doctor)\n\
    policy.toml    the policy; passwords, secrets and addresses of webhooks are blanked\n\
    ruleset.nft    the firewall's rules; report.txt what they counted\n\
    calls.csv      the last calls; alerts.json the last alerts\n\
    sip.txt        SIP messages, where some were recorded; credentials and bodies are not kept\n\
    log.txt        the last lines of the log, where it can be read\n\n\
    Numbers are masked where the settings say so (log_numbers). Accounts, keys and certificates are not in it.\n";

/// All parts. One that cannot be had says why in its own file.
pub(super) fn parts(office: &Office) -> Vec<Part> {
    let masks = office.masks_numbers();
    let parts: [(&str, Answer<String>); 10] = [
        ("README.txt", Ok(README.into())),
        ("version.txt", Ok(version())),
        ("status.json", status(office)),
        ("doctor.txt", Ok(doctor(office))),
        ("policy.toml", policy(office)),
        ("ruleset.nft", view(office).map(|view| view.ruleset)),
        ("report.txt", view(office).map(|view| report(&view))),
        ("calls.csv", calls(office, masks)),
        ("alerts.json", alerts(office, masks)),
        ("sip.txt", sip(office)),
    ];
    let log = [("log.txt", Ok(log()))];
    let parts = parts.into_iter().chain(log).map(|(name, text)| {
        let mut text = text.unwrap_or_else(|problem| format!("not to be had: {problem}\n"));
        let mut end = text.len().min(OCTETS);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Part {
            name: format!("trunkguard-support/{name}"),
            text,
        }
    });
    parts.collect()
}

impl Office {
    /// Where it cannot be found out, they are.
    fn masks_numbers(&self) -> bool {
        self.definition()
            .map_or(true, |d| d.settings.log_numbers == LogNumbers::Masked)
    }
}

fn version() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    format!(
        "trunkguard {}\nmade at {} (UTC)\n{}\n{}\nup {} s\nmemory:\n{}",
        env!("CARGO_PKG_VERSION"),
        jiff::Timestamp::now(),
        read("/proc/version").trim(),
        read("/etc/os-release").trim(),
        read("/proc/uptime").split(' ').next().unwrap_or_default(),
        read("/proc/meminfo")
            .lines()
            .take(5)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn status(office: &Office) -> Answer<String> {
    let status: serde_json::Value = office.ask(&Ask::Status)?;
    json(&status)
}

fn doctor(office: &Office) -> String {
    let findings = examine(office);
    findings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect()
}

fn policy(office: &Office) -> Answer<String> {
    Ok(file::blanked(&office.definition()?))
}

fn view(office: &Office) -> Answer<View> {
    office.ask(&Ask::Firewall)
}

fn report(view: &View) -> String {
    let report = view.report.as_ref().map(ToString::to_string);
    format!("{}\n\n{}", view.status, report.unwrap_or_default())
}

fn calls(office: &Office, masks: bool) -> Answer<String> {
    let query = Query {
        limit: CALLS,
        ..Query::default()
    };
    let mut calls = office.calls(&query)?.calls;
    for call in calls.iter_mut().filter(|_| masks) {
        call.dialled = logs::masked(&call.dialled);
        call.number = call.number.as_deref().map(logs::masked);
    }
    Ok(trunkguard_page::calls::csv(&calls, Lang::En))
}

fn alerts(office: &Office, masks: bool) -> Answer<String> {
    let history = office.history()?;
    let incidents = history.incidents(false, ALERTS);
    let mut incidents = incidents.map_err(|e| Problem::Unavailable(e.to_string()))?;
    for incident in incidents.iter_mut().filter(|_| masks) {
        if incident
            .text
            .starts_with(|c: char| c == '+' || c.is_ascii_digit())
        {
            incident.text = logs::masked(&incident.text);
        }
    }
    json(&incidents)
}

fn sip(office: &Office) -> Answer<String> {
    let mut out = String::new();
    for message in office.trace()?.messages {
        let way = if message.incoming { "from" } else { "to" };
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "---- {} {way} {} {}\n{}\n",
            message.at, message.peer, message.transport, message.text
        );
    }
    Ok(out)
}

/// The journal's last lines; a process that may not read it gets none.
fn log() -> String {
    let mut command = Command::new("journalctl");
    command.args(["--no-pager", "--quiet", "-o", "short-iso", "-n", LINES]);
    command.args(["-u", "trunkguard*"]);
    match command.output() {
        Ok(out) if !out.stdout.is_empty() => String::from_utf8_lossy(&out.stdout).into_owned(),
        Ok(out) => format!(
            "not to be had: {}\n",
            String::from_utf8_lossy(&out.stderr).trim()
        ),
        Err(problem) => format!("not to be had: {problem}\n"),
    }
}

fn json(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string_pretty(value).map_err(|e| Problem::Unavailable(e.to_string()))
}
