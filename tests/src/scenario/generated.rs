//! PBXs that `trunkguard pbx-config` has set up: its files are loaded as they are written, but for the password, which a
//! person types.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{ALLOWED, BLOCKED, EMERGENCY, Plan, Stage};
use crate::{Office, Root, tools};

/// What an office of the tests answers, whatever its PBX.
const OFFICE: [&str; 16] = [
    "--box",
    "127.0.0.20",
    "--pbx-address",
    "127.0.0.10",
    "--account",
    "100000_office",
    "--pop",
    "montreal10.voip.ms",
    "--did",
    "4165551234",
    "--country",
    "US",
    "--area-code",
    "212",
    "--name",
    "office",
];

/// Longest that a caller may wait for a refusal while the box is away.
const PATIENCE: Duration = Duration::from_secs(10);

fn command(plan: &Plan, more: &[&str]) -> Result<String> {
    let out = Command::new(tools::trunkguard()?)
        .arg("pbx-config")
        .args(OFFICE)
        .args(plan.answers)
        .args(more)
        .output()?;
    ensure!(
        out.status.success(),
        "pbx-config {:?}: {}",
        plan.answers,
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8(out.stdout)?)
}

/// The `[[client]]` that belongs to the PBX.
pub(super) fn client(plan: &Plan) -> Result<String> {
    let json: serde_json::Value = serde_json::from_str(&command(plan, &["--json"])?)?;
    let text = json["client"].as_str().context("no client")?;
    let at = text.find("[[client]]").context("no [[client]]")?;
    Ok(text[at..].to_owned())
}

/// Writes the PBX's files to a folder of their own, and types the password in.
pub(super) fn files(plan: &Plan, office: &Office) -> Result<PathBuf> {
    let folder = office.folder().join("generated");
    command(plan, &["--out", &folder.to_string_lossy(), "--force"])?;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        fs::write(
            &path,
            text.replace("TYPE-THE-PASSWORD-HERE", "aB3dEf6hIj9k"),
        )?;
    }
    Ok(folder)
}

/// What is dialled reaches VoIP.ms in its own form, and nothing but digits does.
///
/// # Errors
/// When it does not.
pub fn dials_as_voipms(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    let mut expected = Vec::new();
    for (dialled, sent) in [
        ("2125551234", "12125551234"),
        ("12125551235", "12125551235"),
        ("5551236", "12125551236"),
        ("011442071838750", "011442071838750"),
        ("00442071838751", "00442071838751"),
        ("044442071838752", "044442071838752"),
        ("0114420718&38753", "011442071838753"),
        ("4443", "4443"),
        ("***123", "***123"),
        ("933", "933"),
        ("911", "911"),
    ] {
        let outcome = stage.phone.call_through(dialled);
        outcome.with_context(|| format!("dialled {dialled}"))?;
        expected.push(sent);
        stage.provider.saw(&expected)?;
    }
    Ok(())
}

/// VoIP.ms gets a call from the account, under the office's number, and nothing of what was meant for the box.
///
/// # Errors
/// When it does not.
pub fn calls_from_the_account(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    let (command, word) = match plan.root {
        Root::Asterisk16 => ("sip show registry", "Registered"),
        Root::Asterisk22 => ("pjsip show registrations", "Registered"),
    };
    let registered = |text: &str| text.contains(word);
    stage
        .pbx
        .wait_cli(command, Duration::from_secs(15), registered)?;
    stage.phone.call_through(ALLOWED)?;
    let calls = stage.provider.calls()?;
    let invite = &calls.first().context("no call")?.invite;
    let from = invite.header("From");
    ensure!(
        from.contains("<sip:100000_office@montreal10.voip.ms>"),
        "{from}"
    );
    let party = invite.header("Remote-Party-ID");
    ensure!(party.contains("sip:4165551234@"), "{invite:?}");
    for header in ["P-tfps", "Diversion"] {
        ensure!(invite.header(header).is_empty(), "{invite:?}");
    }
    Ok(())
}

/// An outside prefix is taken off, an emergency call needs none, and extension 1001 calls by its own account, but for
/// emergency calls.
///
/// # Errors
/// When that is not so.
pub fn prefix_and_own_trunk(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    for dialled in ["92125551234", "95551235", "9011442071838750", "911", "9911"] {
        let outcome = stage.phone.call_through(dialled);
        outcome.with_context(|| format!("dialled {dialled}"))?;
    }
    // Without the prefix it is no outside call.
    stage.phone.call_refused("2125551236")?;
    let expected = [
        "12125551234",
        "12125551235",
        "011442071838750",
        "911",
        "911",
    ];
    stage.provider.saw(&expected)?;
    for call in stage.provider.calls()? {
        let account = if call.number == "911" {
            "100000_office"
        } else {
            "100000_front"
        };
        let from = call.invite.header("From");
        ensure!(
            from.contains(&format!("sip:{account}@")),
            "{}: {from}",
            call.number
        );
    }
    Ok(())
}

/// In lockdown an emergency call goes out and the box is not asked; any other is refused.
///
/// # Errors
/// When that is not so.
pub fn emergency_asks_nobody(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "lockdown")?;
    stage.phone.call_refused(ALLOWED)?;
    stage.phone.call_through(EMERGENCY)?;
    stage.phone.call_through("933")?;
    stage.provider.saw(&[EMERGENCY, "933"])?;
    stage.journal(&[plan.entry(ALLOWED, false, false, "lockdown")])
}

/// With the box away calls are refused in time, and emergency calls go out at once, both before and after the PBX has
/// found out; when it is back, it decides again.
///
/// # Errors
/// When that is not so.
pub fn fails_closed(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.stop()?;
    let (_, took) = stage.phone.call_refused(ALLOWED)?;
    ensure!(
        took < PATIENCE,
        "the caller waited {took:?} for the refusal"
    );
    stage.phone.call_through(EMERGENCY)?;
    plan.wait_unreachable(&stage)?;
    let (_, took) = stage.phone.call_refused(ALLOWED)?;
    ensure!(
        took < Duration::from_secs(1),
        "the PBX asked a dead box for {took:?}"
    );
    stage.phone.call_through(EMERGENCY)?;
    stage.provider.saw(&[EMERGENCY, EMERGENCY])?;
    back(plan, &mut stage)
}

/// With the box away calls go out unasked, both before and after the PBX has found out; when it is back, it decides again.
///
/// # Errors
/// When that is not so.
pub fn fails_open(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.stop()?;
    stage.phone.call_through(ALLOWED)?;
    stage.phone.call_through(EMERGENCY)?;
    plan.wait_unreachable(&stage)?;
    stage.phone.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED, EMERGENCY, ALLOWED])?;
    back(plan, &mut stage)
}

fn back(plan: &Plan, stage: &mut Stage) -> Result<()> {
    stage.guard.start()?;
    plan.wait_reachable(stage)?;
    let before = stage.provider.numbers()?.len();
    stage.phone.call_refused(BLOCKED)?;
    stage.phone.call_through(ALLOWED)?;
    ensure!(
        stage.provider.numbers()?.len() == before + 1,
        "a refused call went out"
    );
    Ok(())
}

/// Whatever status refuses, no call goes out, though the dial plan lets calls through while the box is away.
///
/// # Errors
/// When one does.
pub fn every_refusal_refuses(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    for code in ["603", "486", "600", "403", "480", "488", "607", "608"] {
        let policy = plan.policy("prevent");
        let policy = policy.replace("[[client]]\n", &format!("[[client]]\ndeny_code = {code}\n"));
        stage.guard.apply(&policy)?;
        let outcome = stage.phone.call_refused(BLOCKED);
        outcome.with_context(|| format!("refused by {code}"))?;
    }
    stage.provider.saw(&[])
}
