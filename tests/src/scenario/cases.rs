//! What every PBX must do with the box.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{ALLOWED, BLOCKED, Down, EMERGENCY, Plan};
use crate::{Office, Outcome};

/// An allowed call reaches the provider with its number, and without what was meant for the box.
///
/// # Errors
/// When it does not.
pub fn approved(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.phone.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED])?;
    stage.provider.all_over()?;
    for call in stage.provider.calls()? {
        for header in ["P-tfps", "Diversion"] {
            ensure!(
                call.invite.header(header).is_empty(),
                "the provider was sent {header}: {:?}",
                call.invite
            );
        }
    }
    stage.journal(&[plan.entry(ALLOWED, true, true, "default")])?;
    let call = &stage.guard.calls(1)?[0];
    ensure!(
        call["said_fields"] == plan.fields,
        "{} fields of P-tfps: {call:#}",
        plan.fields
    );
    if plan.fields == 5 {
        let said = (&call["phone"], &call["phone_agent"], &call["said_calls"]);
        ensure!(
            *said.0 == "127.0.0.31" && *said.1 == crate::phone::AGENT && *said.2 == 1,
            "P-tfps was not understood: {call:#}"
        );
    }
    Ok(())
}

/// A blocked call is refused at once and never reaches the provider; the next one is decided anew.
///
/// # Errors
/// When it does.
pub fn denied(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    let (status, took) = stage.phone.call_refused(BLOCKED)?;
    ensure!(
        status != 503,
        "the phone was told 503, as if no trunk were there"
    );
    ensure!(took < Duration::from_secs(3), "the refusal took {took:?}");
    stage.provider.saw(&[])?;
    let why = stage.guard.cli(&[
        "explain",
        "--client",
        "office",
        "--from",
        plan.caller,
        BLOCKED,
    ])?;
    ensure!(
        why.code == 1 && why.out.contains("country"),
        "explain does not say what happened: {why:?}"
    );
    stage.phone.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED])?;
    stage.journal(&[
        plan.entry(BLOCKED, false, false, "country"),
        plan.entry(ALLOWED, true, true, "default"),
    ])
}

/// In lockdown, switched on while the box runs, an emergency call reaches the provider, and no
/// other does.
///
/// # Errors
/// When that is not so.
pub fn emergency_in_lockdown(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    let said = stage.guard.cli(&["mode", "lockdown"])?;
    ensure!(said.code == 0, "mode lockdown: {said:?}");
    stage.phone.call_refused(ALLOWED)?;
    stage.provider.saw(&[])?;
    stage.phone.call_through(EMERGENCY)?;
    stage.provider.saw(&[EMERGENCY])?;
    stage.journal(&[
        plan.entry(ALLOWED, false, false, "lockdown"),
        plan.entry(EMERGENCY, true, true, "emergency"),
    ])
}

/// In Detect a call that would be refused reaches the provider, and the journal says so; after the
/// switch to Prevent the same call is refused, without a restart.
///
/// # Errors
/// When that is not so.
pub fn detect_then_prevent(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "detect")?;
    stage.phone.call_through(BLOCKED)?;
    stage.provider.saw(&[BLOCKED])?;
    stage.guard.apply(&plan.policy("prevent"))?;
    stage.phone.call_refused(BLOCKED)?;
    stage.provider.saw(&[BLOCKED])?;
    stage.journal(&[
        plan.entry(BLOCKED, true, false, "country"),
        plan.entry(BLOCKED, false, false, "country"),
    ])
}

/// With the box gone the dial plan decides: closed refuses, open lets the call through, and an
/// emergency call goes through either way.
///
/// # Errors
/// When that is not so.
pub fn box_down(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.stop()?;
    let mut expected = Vec::new();
    if plan.down == Down::AsSet {
        let (_, took) = stage.phone.call_refused(ALLOWED)?;
        ensure!(
            took < Duration::from_secs(10),
            "the caller waited {took:?} for the refusal"
        );
        stage.provider.saw(&[])?;
        stage.pbx.set("TG_FAIL_OPEN", "1")?;
    } else {
        // A trunk that FreePBX takes for alive keeps the caller for 32 s; a qualified one is passed over.
        plan.wait_unreachable(&stage)?;
    }
    stage.phone.call_through(ALLOWED)?;
    expected.push(ALLOWED);
    stage.provider.saw(&expected)?;
    if plan.down == Down::AsSet {
        stage.pbx.set("TG_FAIL_OPEN", "0")?;
    }
    stage.phone.call_through(EMERGENCY)?;
    expected.push(EMERGENCY);
    stage.provider.saw(&expected)
}

/// The box is killed and started again in the middle of a call: the call stays up, and the next one is decided.
///
/// # Errors
/// When that is not so.
pub fn restarted_mid_call(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    let mut other = office.other_phone()?;
    let Outcome::Answered(call) = stage.phone.dial(ALLOWED)? else {
        anyhow::bail!("the first call was refused")
    };
    stage.guard.kill();
    call.still_up()?;
    stage.guard.start()?;
    let (command, word) = plan.qualification();
    stage
        .pbx
        .wait_cli(command, Duration::from_secs(15), |text| text.contains(word))?;
    other.call_refused(BLOCKED)?;
    other.call_through(ALLOWED)?;
    call.still_up()?;
    call.hang_up()?;
    stage.provider.saw(&[ALLOWED, ALLOWED])?;
    stage.provider.all_over()?;
    stage.journal(&[
        plan.entry(ALLOWED, true, true, "default"),
        plan.entry(BLOCKED, false, false, "country"),
        plan.entry(ALLOWED, true, true, "default"),
    ])
}

/// The PBX's qualification finds the box alive, finds it dead, passes it over at once, and finds it
/// alive again.
///
/// # Errors
/// When that is not so.
pub fn qualified(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.stop()?;
    plan.wait_unreachable(&stage)?;
    match (plan.down, stage.phone.dial(ALLOWED)?) {
        (Down::AsSet, Outcome::Refused(_, took)) => {
            ensure!(
                took < Duration::from_secs(1),
                "the PBX asked a dead box for {took:?}"
            );
            stage.provider.saw(&[])?;
        }
        (Down::Open, Outcome::Answered(call)) => {
            call.hang_up()?;
            stage.provider.saw(&[ALLOWED])?;
        }
        (down, _) => anyhow::bail!("{down:?} did not do what it says"),
    }
    stage.guard.start()?;
    plan.wait_reachable(&stage)?;
    stage.phone.call_refused(BLOCKED)?;
    stage.phone.call_through(ALLOWED)?;
    Ok(())
}

/// The box refuses because the PBX's credentials are not the ones it knows: no call passes.
///
/// # Errors
/// When one does.
pub fn wrong_credentials(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.apply(
        &plan
            .policy("prevent")
            .replace("long-enough-secret", "another-secret"),
    )?;
    stage.phone.call_refused(ALLOWED)?;
    stage.provider.saw(&[])?;
    stage.guard.apply(&plan.policy("prevent"))?;
    stage.phone.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED])?;
    stage.journal(&[plan.entry(ALLOWED, true, true, "default")])
}

/// The PBX follows a 302 to the Contact's host, which is set to be the box: the box sees its own
/// prefix and refuses, and no loop is made.
///
/// # Errors
/// When one is.
pub fn loop_is_cut(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.phone.call_refused(ALLOWED)?;
    stage.provider.saw(&[])?;
    let looped = format!("A00{ALLOWED}");
    stage.journal(&[
        plan.entry(ALLOWED, true, true, "default"),
        plan.entry(&looped, false, false, "loop"),
    ])
}

/// Over a connection, the PBX makes 503 of a box that is away, which under failover approves, though the dial plan says
/// closed: why `trunkguard pbx-config` does not offer it.
///
/// # Errors
/// When the call is refused.
pub fn away_leaks(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.stop()?;
    stage.phone.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED])
}

/// With a limit of one call at a time the second is refused while the first is up, by what the PBX
/// counts, and passes after it.
///
/// # Errors
/// When that is not so.
pub fn one_at_a_time(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.guard.apply(&format!(
        "{}[policy.limits]\nsimultaneous = 1\n",
        plan.policy("prevent")
    ))?;
    let mut other = office.other_phone()?;
    let Outcome::Answered(call) = stage.phone.dial(ALLOWED)? else {
        anyhow::bail!("the first call was refused")
    };
    other.call_refused(ALLOWED)?;
    stage.provider.saw(&[ALLOWED])?;
    call.hang_up()?;
    stage.provider.all_over()?;
    other.call_through(ALLOWED)?;
    stage.provider.saw(&[ALLOWED, ALLOWED])?;
    stage.journal(&[
        plan.entry(ALLOWED, true, true, "default"),
        plan.entry(ALLOWED, false, false, "simultaneous"),
        plan.entry(ALLOWED, true, true, "default"),
    ])
}

/// Why `freepbx-trunk` must not refuse with 603: FreePBX by PJSIP then goes on to the provider.
///
/// # Errors
/// When the call does not leak, so that this page of docs/pbx.md is out of date.
pub fn refusal_leaks(plan: &Plan, office: &Office) -> Result<()> {
    let mut stage = plan.start(office, "prevent")?;
    stage.phone.call_through(BLOCKED)?;
    stage.provider.saw(&[BLOCKED])?;
    stage.journal(&[plan.entry(BLOCKED, false, false, "country")])
}
