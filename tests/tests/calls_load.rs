//! Many calls at once, from sipp and sipsak as clients. Bounded: at most 1,000 calls a second for
//! 10 s, on loopback in a namespace of the test's own.

use std::time::Duration;

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Office, Process, address,
    scenario::{BLOCKED, DOMESTIC},
    tools, wire,
};

const POLICY: &str = r#"
format = 1
[settings]
mode = "prevent"
country = "US"
[policy]
off = ["same-number", "spellings", "sequential"]
[policy.block]
countries = ["CU"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#;

/// Runs sipp until it has made all its calls; it ends with 0 only when every one went as its
/// scenario says.
fn sipp(
    office: &Office,
    scenario: &str,
    port: u16,
    transport: &[&str],
    calls: u32,
    rate: u32,
) -> Result<Process> {
    ensure!(
        rate <= 1_000 && calls <= 10 * rate,
        "more load than a shared machine should get"
    );
    let number = if scenario == "ask-approved" {
        DOMESTIC
    } else {
        BLOCKED
    };
    let file = tools::here().join("sipp").join(format!("{scenario}.xml"));
    let (from, port) = (address::SCRIPT.to_string(), port.to_string());
    let (calls, rate) = (calls.to_string(), rate.to_string());
    let file = file.to_string_lossy();
    let mut args = vec![
        "127.0.0.20:5060",
        "-sf",
        &file,
        "-s",
        number,
        "-i",
        &from,
        "-p",
        &port,
    ];
    args.extend([
        "-m",
        &calls,
        "-r",
        &rate,
        "-l",
        "4000",
        "-nostdin",
        "-timeout",
        "30s",
        "-timeout_error",
    ]);
    args.extend(transport);
    office.start("sipp", &args)
}

fn succeeds(mut process: Process) -> Result<()> {
    let status = process.wait(Duration::from_secs(45))?;
    ensure!(
        status.success(),
        "sipp ended with {status}:\n{}",
        process.printed()
    );
    Ok(())
}

#[test]
fn calls_load_sipp_udp_a_thousand_a_second() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let approved = sipp(office, "ask-approved", 5070, &["-t", "u1"], 4_000, 800)?;
        let refused = sipp(office, "ask-refused", 5071, &["-t", "u1"], 1_000, 200)?;
        succeeds(approved)?;
        succeeds(refused)?;
        let journal = guard.approved_calls()?;
        ensure!(
            journal == 4_000,
            "4,000 calls were approved; the journal holds {journal}"
        );
        Ok(())
    });
}

#[test]
fn calls_load_sipp_tcp_one_connection_and_many() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        succeeds(sipp(
            office,
            "ask-approved",
            5070,
            &["-t", "t1"],
            2_000,
            500,
        )?)?;
        succeeds(sipp(
            office,
            "ask-approved",
            5072,
            &["-t", "tn", "-max_socket", "8"],
            200,
            100,
        )?)?;
        succeeds(sipp(office, "ask-refused", 5071, &["-t", "t1"], 500, 250)?)?;
        let journal = guard.approved_calls()?;
        ensure!(
            journal == 2_200,
            "2,200 calls were approved; the journal holds {journal}"
        );
        Ok(())
    });
}

#[test]
fn calls_load_sipsak_options_as_a_client() {
    Office::run(|office| {
        // sipsak cannot choose its address: on loopback it is 127.0.0.1.
        let _guard = office.guard(&POLICY.replace("127.0.0.50", "127.0.0.1"))?;
        let sipsak = tools::on_path("sipsak")?;
        let said = office.finish(&sipsak, &["-vv", "-s", "sip:trunkguard@127.0.0.20:5060"])?;
        ensure!(
            said.contains("200 OK"),
            "sipsak's OPTIONS got no 200:\n{said}"
        );
        Ok(())
    });
}

#[test]
fn calls_load_a_retransmission_gets_the_same_answer_and_counts_once() {
    Office::run(|office| {
        let guard = office.guard(&format!("{POLICY}[policy.limits]\nper_day = 1\n"))?;
        let udp = wire::Udp::at(address::SCRIPT, guard.listens())?;
        let first = udp.ask_for(DOMESTIC, "again", Duration::from_secs(5))?;
        let again = udp.ask_for(DOMESTIC, "again", Duration::from_secs(5))?;
        let (Some(first), Some(again)) = (first, again) else {
            anyhow::bail!("an answer is missing")
        };
        ensure!(
            first.status() == Some(302) && format!("{first:?}") == format!("{again:?}"),
            "{first:?} {again:?}"
        );
        ensure!(
            udp.ask(DOMESTIC, "another")?.status() == Some(603),
            "the limit of one a day did not hold"
        );
        ensure!(
            guard.approved_calls()? == 1,
            "the retransmission was counted"
        );
        Ok(())
    });
}

/// A running box takes ten policies over, one after the other, and loses no call.
#[test]
fn calls_load_policies_change_under_load_without_losing_a_call() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let mut load = sipp(office, "ask-approved", 5070, &["-t", "u1"], 2_000, 400)?;
        let mut applied = 0;
        while load.alive() {
            let limit = 60_000 + applied;
            guard.apply(&format!("{POLICY}[policy.limits]\nper_day = {limit}\n"))?;
            applied += 1;
            std::thread::sleep(Duration::from_millis(200));
        }
        succeeds(load)?;
        ensure!(
            applied >= 10,
            "only {applied} policies were applied meanwhile"
        );
        let journal = guard.approved_calls()?;
        ensure!(
            journal == 2_000,
            "2,000 calls were approved; the journal holds {journal}"
        );
        Ok(())
    });
}

/// A stop as systemd does it, in the middle of the load: what was answered is in the journal, and
/// the calls after the start are answered again.
#[test]
fn calls_load_a_restart_under_load_forgets_nothing() {
    Office::run(|office| {
        let mut guard = office.guard(POLICY)?;
        let load = sipp(office, "ask-approved", 5070, &["-t", "u1"], 1_500, 300)?;
        std::thread::sleep(Duration::from_millis(1_500));
        guard.stop()?;
        guard.start()?;
        succeeds(load)?;
        let journal = guard.approved_calls()?;
        ensure!(
            journal >= 1_500,
            "1,500 calls were answered; the journal holds {journal}"
        );
        Ok(())
    });
}
