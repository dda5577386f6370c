//! The names of figures for Prometheus: base units, `_total` where they only grow, labels that nobody outside can invent.

use trunkguard_core::{policy::Mode, report::Line, update::report::End};
use trunkguard_page::api::{
    Family, Figures,
    Kind::{Counter, Gauge},
};

use crate::{figures, words};

/// The figures of the daemon.
pub fn of(given: figures::Figures) -> Figures {
    let mut families = calls(&given);
    families.extend(health(&given));
    families.extend(journal(&given));
    families.extend(told(&given));
    families.extend(firewall(&given));
    families.extend(pops(&given));
    families.extend(updates(&given));
    Figures {
        access: given.access,
        families,
    }
}

/// None on a machine that is no box.
fn updates(given: &figures::Figures) -> Vec<Family> {
    let Some(status) = &given.updates.status else {
        return Vec::new();
    };
    let mut info = Family::new(
        Gauge,
        "trunkguard_update_info",
        "The version that runs and the slot that it is in; always 1.",
    );
    let version = status.version.to_string();
    let slot = status.slot.as_deref().unwrap_or_default();
    info.push(&[("version", &version), ("slot", slot)], 1.0);
    let gauge = |name, help, is| Family::new(Gauge, name, help).with(flag(is));
    let last = status.outcomes.first();
    vec![
        info,
        gauge(
            "trunkguard_update_trial",
            "1 while the version that runs is on trial.",
            status.trial,
        ),
        gauge(
            "trunkguard_update_waiting",
            "1 while an update is offered, here, or waits for a restart.",
            status.offer.is_some() || status.ready.is_some() || status.pending.is_some(),
        ),
        gauge(
            "trunkguard_update_failed",
            "1 when the last update did not do.",
            last.is_some_and(|last| last.end != End::Confirmed),
        ),
    ]
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn calls(given: &figures::Figures) -> Vec<Family> {
    let figures = &given.status.calls;
    let mut decided = Family::new(
        Counter,
        "trunkguard_calls_total",
        "Decided calls. detected: the policy was against them, and the mode detect let them through.",
    );
    for line in &given.tally {
        let labels = [
            ("client", &*line.client),
            ("rule", &*line.rule),
            ("verdict", &*line.verdict),
        ];
        decided.push(&labels, line.calls as f64);
    }
    vec![
        decided,
        Family::new(
            Counter,
            "trunkguard_requests_repeated_total",
            "Requests that came again and got the same answer.",
        )
        .with(figures.repeated as f64),
        Family::new(
            Gauge,
            "trunkguard_answers_waiting",
            "Answers that wait for the disk.",
        )
        .with(figures.waiting as f64),
        Family::new(
            Counter,
            "trunkguard_strangers_datagrams_total",
            "Datagrams and connections of strangers; none got an answer.",
        )
        .with(given.status.strangers as f64),
    ]
}

fn health(given: &figures::Figures) -> Vec<Family> {
    let status = &given.status;
    let mut build = Family::new(
        Gauge,
        "trunkguard_build_info",
        "The version of the firmware; always 1.",
    );
    build.push(&[("version", &status.version)], 1.0);
    let mut mode = Family::new(Gauge, "trunkguard_mode", "1 for the mode in force.");
    for known in [Mode::Detect, Mode::Prevent, Mode::Lockdown].map(words::mode) {
        mode.push(&[("mode", known)], flag(status.mode == known));
    }
    let mut heard = Family::new(
        Gauge,
        "trunkguard_client_heard_seconds",
        "Seconds since the PBX was last heard of.",
    );
    for client in &status.clients {
        if let Some(seconds) = client.heard_s {
            heard.push(&[("client", &client.name)], seconds as f64);
        }
    }
    let gauge = |name, help, value| Family::new(Gauge, name, help).with(value);
    vec![
        build,
        mode,
        heard,
        gauge(
            "trunkguard_healthy",
            "1 when nothing needs a look.",
            flag(status.healthy),
        ),
        gauge(
            "trunkguard_uptime_seconds",
            "Seconds since the daemon began.",
            status.uptime_s as f64,
        ),
        gauge(
            "trunkguard_memory_resident_bytes",
            "Memory of the daemon that is in use.",
            given.resident as f64,
        ),
    ]
}

fn journal(given: &figures::Figures) -> Vec<Family> {
    let journal = &given.status.journal;
    let counter = |name, help, value: u64| Family::new(Counter, name, help).with(value as f64);
    vec![
        counter(
            "trunkguard_journal_stored_total",
            "Calls that were put on disk.",
            journal.stored,
        ),
        counter(
            "trunkguard_journal_commits_total",
            "Commits, each with one fsync.",
            journal.commits,
        ),
        counter(
            "trunkguard_journal_failed_total",
            "Calls that could not be put on disk before their answer.",
            journal.failed,
        ),
        counter(
            "trunkguard_journal_lost_total",
            "Calls that are missing from the history.",
            journal.lost,
        ),
        Family::new(
            Gauge,
            "trunkguard_disk_failing",
            "1 while the disk takes nothing.",
        )
        .with(flag(journal.failing)),
    ]
}

/// What leaves the box, and whether it arrives.
fn told(given: &figures::Figures) -> Vec<Family> {
    let status = &given.status;
    let mut waiting = Family::new(
        Gauge,
        "trunkguard_alerts_waiting",
        "Messages that wait for a channel of alerts.",
    );
    let mut failing = Family::new(
        Gauge,
        "trunkguard_alerts_failing",
        "1 when a channel of alerts has not taken the last message.",
    );
    for channel in &status.alerts.channels {
        let labels = [("channel", &*channel.target)];
        waiting.push(&labels, f64::from(channel.waiting));
        failing.push(&labels, flag(channel.failed_ms.is_some()));
    }
    let open = Family::new(
        Gauge,
        "trunkguard_alerts_open",
        "Incidents that nobody has acknowledged.",
    )
    .with(status.journal.open_incidents as f64);
    let mut sent = Family::new(
        Counter,
        "trunkguard_syslog_sent_total",
        "Messages that were handed to the log server.",
    );
    let mut lost = Family::new(
        Counter,
        "trunkguard_syslog_lost_total",
        "Messages that found no room while the log server was away.",
    );
    if let Some(syslog) = &status.syslog {
        sent.push(&[], syslog.sent as f64);
        lost.push(&[], syslog.lost as f64);
    }
    vec![open, waiting, failing, sent, lost]
}

fn firewall(given: &figures::Figures) -> Vec<Family> {
    let status = &given.status.firewall;
    let all = vec![
        Family::new(
            Gauge,
            "trunkguard_firewall_in_force",
            "1 when the rules that were set are in force, as read back from the kernel.",
        )
        .with(flag(status.in_force)),
        Family::new(
            Gauge,
            "trunkguard_firewall_enforces",
            "1 when what is not allowed is dropped, 0 when it is only counted.",
        )
        .with(flag(status.enforces)),
        Family::new(Gauge, "trunkguard_bans", "Bans in force.").with(status.bans as f64),
        Family::new(
            Gauge,
            "trunkguard_pops_asked",
            "Addresses of PoPs that wait for the owner's decision.",
        )
        .with(status.asked as f64),
    ];
    let Some(report) = &given.report else {
        return all;
    };
    let mut packets = Family::new(
        Counter,
        "trunkguard_firewall_packets_total",
        "Packets by rule (connections where they pass).",
    );
    let mut bytes = Family::new(
        Counter,
        "trunkguard_firewall_bytes_total",
        "Octets of those packets.",
    );
    let decided = if report.mode == Mode::Detect {
        "would-drop"
    } else {
        "dropped"
    };
    let mut push = |lines: &[Line], fate: &str| {
        for line in lines {
            let labels = [("rule", &*line.rule), ("fate", fate)];
            packets.push(&labels, line.packets as f64);
            bytes.push(&labels, line.bytes as f64);
        }
    };
    push(&report.decided, decided);
    push(&report.always, "dropped");
    push(&report.passed, "passed");
    [all, vec![packets, bytes]].concat()
}

fn pops(given: &figures::Figures) -> Vec<Family> {
    let mut up = Family::new(
        Gauge,
        "trunkguard_pop_up",
        "0 when the PoP has stopped answering SIP OPTIONS.",
    );
    let mut round_trip = Family::new(
        Gauge,
        "trunkguard_pop_round_trip_seconds",
        "Round trip of SIP OPTIONS to the PoP, smoothed.",
    );
    let mut loss = Family::new(
        Gauge,
        "trunkguard_pop_loss_ratio",
        "Of the last 20 probes, those without an answer.",
    );
    for pop in &given.pops {
        let labels = [("pop", &*pop.name)];
        if let Some(us) = pop.round_trip_us {
            round_trip.push(&labels, f64::from(us) / 1e6);
        }
        if pop.dead || pop.round_trip_us.is_some() {
            up.push(&labels, flag(!pop.dead));
            loss.push(&labels, f64::from(pop.loss_percent) / 100.0);
        }
    }
    vec![up, round_trip, loss]
}
