//! FreePBX's routes, outgoing and incoming. A dial pattern is written here as its boxes stand on the page:
//! `(prepend) prefix | match / CallerID`.

use crate::{
    Answers, Language,
    answers::{Extension, Method},
    language::say,
    setup::Step,
};

/// All routes, the first one first: FreePBX takes the first whose pattern fits.
pub fn all(a: &Answers, l: Language) -> Vec<Step> {
    let mut steps = vec![emergency(a, l)];
    if let Some(own) = &a.own_trunk {
        let trunk = format!("voipms-{}", own.extension);
        steps.push(outgoing(a, l, &trunk, Some(&own.extension)));
    }
    steps.push(outgoing(a, l, "voipms", None));
    steps.push(incoming(a, l));
    steps
}

fn emergency(a: &Answers, l: Language) -> Step {
    let mut patterns = Vec::new();
    for number in a.emergencies() {
        patterns.push(number.to_owned());
        if !a.outside_prefix.is_empty() {
            patterns.push(format!("{} | {number}", a.outside_prefix));
        }
    }
    Step::new(say!(
        l,
        "Connectivity > Outbound Routes > Add Outbound Route: emergency calls, above all other routes. They go straight to \
         VoIP.ms and wait for nobody. Dial Patterns:",
        "Connectivity > Outbound Routes > Add Outbound Route : les appels d'urgence, au-dessus de toutes les routes. Ils vont droit \
         à VoIP.ms et n'attendent personne. Dial Patterns :"
    ))
    .field("Route Settings > Route Name", "emergency")
    .field("Route Settings > Route CID", a.caller_id.as_str())
    .field("Route Settings > Override Extension", "Yes")
    .field("Route Settings > Route Type: Emergency", "Yes")
    .field("Route Settings > Trunk Sequence for Matched Routes", "voipms")
    .block(patterns.join("\n"))
}

fn outgoing(a: &Answers, l: Language, trunk: &str, only: Option<&Extension>) -> Step {
    let sequence = match a.method {
        Method::Redirect => trunk.to_owned(),
        Method::Failover => format!("1. trunkguard  2. {trunk}"),
    };
    let what = match only {
        None => say!(
            l,
            "Connectivity > Outbound Routes > Add Outbound Route: all other calls. Dial Patterns, as (prepend) prefix | match:",
            "Connectivity > Outbound Routes > Add Outbound Route : tous les autres appels. Dial Patterns, soit (prepend) \
             prefix | match :"
        ),
        Some(extension) => say!(
            l,
            "Connectivity > Outbound Routes > Add Outbound Route, above the next one: the calls of extension {extension} alone, by its \
             own trunk. Dial Patterns, with {extension} in the box CallerID of every line:",
            "Connectivity > Outbound Routes > Add Outbound Route, au-dessus de la suivante : les appels du poste {extension} seul, par \
             sa propre liaison. Dial Patterns, avec {extension} dans la case CallerID de chaque ligne :"
        ),
    };
    Step::new(what)
        .field("Route Settings > Route Name", trunk)
        .field("Route Settings > Route CID", a.caller_id.as_str())
        .field(
            "Route Settings > Trunk Sequence for Matched Routes",
            sequence,
        )
        .block(patterns(a, only))
}

/// N is 2 to 9, Z is 1 to 9, X is 0 to 9.
fn patterns(a: &Answers, only: Option<&Extension>) -> String {
    let outside = if a.outside_prefix.is_empty() {
        String::new()
    } else {
        format!("{} | ", a.outside_prefix)
    };
    let caller = only.map_or_else(String::new, |extension| format!(" / {extension}"));
    let mut lines = vec![("", "1NXXNXXXXXX"), ("(1) ", "NXXNXXXXXX")];
    let seven = a.area_code.map(|area| format!("(1{area}) "));
    if let Some(prepend) = &seven {
        lines.push((prepend, "NXXXXXX"));
    }
    lines.extend(
        [
            "[2-8]11", "011.", "00.", "044.", "033.", "4443", "4747", "***XXX",
        ]
        .map(|p| ("", p)),
    );
    let lines: Vec<String> = lines
        .iter()
        .map(|(prepend, pattern)| format!("{prepend}{outside}{pattern}{caller}"))
        .collect();
    lines.join("\n")
}

fn incoming(a: &Answers, l: Language) -> Step {
    Step::new(say!(
        l,
        "Connectivity > Inbound Routes > Add Inbound Route: calls to the office.",
        "Connectivity > Inbound Routes > Add Inbound Route : les appels vers le bureau."
    ))
    .field("General > Description", "voipms")
    .field("General > DID Number", a.did.as_str())
    .field("General > CallerID Number", "")
    .field(
        "General > Set Destination",
        format!("Extensions: {}", a.ring),
    )
}
