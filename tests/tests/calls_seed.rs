//! A PBX set up by the integration guide's letter, slips included (Asterisk 16, chan_sip). What does
//! not work here does not work with any redirect server: docs/pbx.md says why and what to change.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use trunkguard_tests::{
    Guard, Office, Outcome, Pbx, Phone, Provider, Root,
    scenario::{ALLOWED, BLOCKED, Down, Entry, Plan},
};

/// `${EXTEN:2}` sends 011 44… as 1 44…, which only the format `seed-2` can tell from a US number.
const REDIRECT: Plan = Plan {
    root: Root::Asterisk16,
    layers: &["seed-redirect"],
    profile: "redirect",
    client: "number_format = \"seed-2\"",
    answers: &[],
    options: &[],
    caller: "1001",
    down: Down::AsSet,
    fields: 1,
};
/// London as the guide's dial plan sends it.
const ALLOWED_SENT: &str = "1442071838750";
/// Havana as the guide's dial plan sends it.
const BLOCKED_SENT: &str = "15378301234";

fn start(office: &Office, plan: &Plan) -> Result<(Guard, Pbx, Provider, Phone)> {
    let guard = office.guard(&plan.policy("prevent"))?;
    let provider = office.provider()?;
    let pbx = office.pbx(plan.root, plan.layers)?;
    let phone = office.phone()?;
    Ok((guard, pbx, provider, phone))
}

fn decided(guard: &Guard, fields: u8, expected: &[(&str, bool, &str)]) -> Result<()> {
    let calls = guard.calls(expected.len())?;
    for (call, (dialled, approved, rule)) in calls.iter().zip(expected) {
        let entry = Entry::read(call)?;
        ensure!(
            (entry.dialled.as_str(), entry.approved, entry.rule.as_str())
                == (*dialled, *approved, *rule),
            "the journal says {entry:?}; expected {dialled} {approved} {rule}"
        );
        // An unescaped `;` leaves one field of the header, which is still the caller.
        ensure!(entry.caller == "1001", "{entry:?}");
        ensure!(
            call["said_fields"] == fields,
            "P-tfps should have arrived with {fields} fields: {call}"
        );
    }
    Ok(())
}

/// With `context=fps` as printed the box approves, but the 302 leads nowhere.
#[test]
fn calls_seed_redirect_by_the_letter_never_reaches_the_provider() {
    Office::run(|office| {
        let (guard, pbx, provider, mut phone) = start(office, &REDIRECT)?;
        phone.call_refused(ALLOWED)?;
        provider.saw(&[])?;
        decided(&guard, 1, &[(ALLOWED_SENT, true, "default")])?;
        let log = pbx.log();
        ensure!(
            log.contains(&format!("A00{ALLOWED_SENT}@fps")),
            "the 302 was not followed:\n{log}"
        );
        Ok(())
    });
}

/// With the box's peer in the context that has the guide's `_A.` extension, it works.
#[test]
fn calls_seed_redirect_in_the_callers_context_works() {
    Office::run(|office| {
        let plan = Plan {
            layers: &["seed-redirect", "seed-same-context"],
            ..REDIRECT
        };
        let (guard, _pbx, provider, mut phone) = start(office, &plan)?;
        let (status, took) = phone.call_refused(BLOCKED)?;
        ensure!(
            took < Duration::from_secs(3),
            "the refusal ({status}) took {took:?}"
        );
        provider.saw(&[])?;
        // Its Answer() comes first: the phone is told 200 before the provider is even dialled.
        let Outcome::Answered(call) = phone.dial(ALLOWED)? else {
            bail!("the call was refused")
        };
        provider.wait_for(1)?;
        call.hang_up()?;
        provider.saw(&[ALLOWED])?;
        decided(
            &guard,
            1,
            &[
                (BLOCKED_SENT, false, "country"),
                (ALLOWED_SENT, true, "default"),
            ],
        )
    });
}

/// With the fewest changes that make the guide's own dial plan right.
#[test]
fn calls_seed_redirect_with_the_fewest_changes_works() {
    Office::run(|office| {
        let plan = Plan {
            layers: &["seed-corrected"],
            client: "number_format = \"e164\"",
            ..REDIRECT
        };
        let (guard, _pbx, provider, mut phone) = start(office, &plan)?;
        phone.call_refused(BLOCKED)?;
        provider.saw(&[])?;
        phone.call_through(ALLOWED)?;
        provider.saw(&[ALLOWED])?;
        decided(
            &guard,
            5,
            &[
                (&BLOCKED[3..], false, "country"),
                (&ALLOWED[3..], true, "default"),
            ],
        )
    });
}

/// The approved branch of the guide's failover has an empty application: no call ever passes.
#[test]
fn calls_seed_failover_by_the_letter_never_reaches_the_provider() {
    Office::run(|office| {
        let plan = Plan {
            layers: &["seed-failover"],
            profile: "failover",
            client: "",
            ..REDIRECT
        };
        let (guard, pbx, provider, mut phone) = start(office, &plan)?;
        phone.call_refused(ALLOWED)?;
        provider.saw(&[])?;
        // The refused branch plays to the caller, who is "answered" by the PBX itself.
        if let Outcome::Answered(call) = phone.dial(BLOCKED)? {
            call.ended_by_peer(Duration::from_secs(5))?;
        }
        provider.saw(&[])?;
        decided(
            &guard,
            1,
            &[(ALLOWED, true, "default"), (BLOCKED, false, "country")],
        )?;
        ensure!(
            pbx.log().contains("No application ''"),
            "not the slip that was expected:\n{}",
            pbx.log()
        );
        Ok(())
    });
}
