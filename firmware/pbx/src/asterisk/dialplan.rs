//! The dial plan of plain Asterisk: what is dialled, the question, the trunk, and incoming calls.

use crate::{
    Answers,
    answers::{Driver, WhenAway},
    asterisk::{ask, dial},
};

pub fn text(a: &Answers, driver: Driver) -> String {
    let context = &a.context;
    [
        format!(
            "; Outgoing calls ask Trunkguard first. Made by `trunkguard pbx-config`: make it anew rather than edit it.\n\
             ; In the phones' context, [{context}]: include => trunkguard-out\n"
        ),
        patterns(a),
        calls(a, driver),
        ask(a, driver, "${CALLERID(num)}"),
        incoming(a),
    ]
    .join("\n")
}

/// N is 2 to 9, Z is 1 to 9, X is 0 to 9. Only `.` takes characters that are no digit; they are taken out
/// before anything is done with them, so that no dialled text gets into an argument.
fn patterns(a: &Answers) -> String {
    let outside = a.outside_prefix.as_str();
    let rest = match outside.len() {
        0 => "${EXTEN}".to_owned(),
        n => format!("${{EXTEN:{n}}}"),
    };
    let call = |pattern: &str, number: &str| {
        format!("exten => {pattern},1,Gosub(trunkguard-call,s,1({number}))\n")
    };
    let mut text =
        String::from("[trunkguard-out]\n; Emergency calls ask nobody and wait for nothing.\n");
    let mut ways = vec!["", outside];
    ways.dedup();
    for number in a.emergencies() {
        for prefix in &ways {
            text +=
                &format!("exten => {prefix}{number},1,Gosub(trunkguard-emergency,s,1({number}))\n");
        }
    }
    text += "; As dialled at VoIP.ms. N is 2 to 9, X is 0 to 9. What is asked is what is dialled then.\n";
    text += &call(&format!("_{outside}1NXXNXXXXXX"), &rest);
    text += &call(&format!("_{outside}NXXNXXXXXX"), &format!("1{rest}"));
    if let Some(area) = a.area_code {
        text += &call(&format!("_{outside}NXXXXXX"), &format!("1{area}{rest}"));
    }
    text += &call(&format!("_{outside}[2-8]11"), &rest);
    text += "; Abroad by 011 and 00; by VoIP.ms's premium (044) and value (033) routes, to Canada 0441 and 0331.\n";
    for access in ["011", "00", "044", "033"] {
        text += &call(
            &format!("_{outside}{access}."),
            &format!("${{FILTER(0-9,{rest})}}"),
        );
    }
    text += "; VoIP.ms's echo test, DTMF test and music on hold.\n";
    for service in ["4443", "4747"] {
        text += &call(&format!("{outside}{service}"), service);
    }
    text += &call(&format!("_{outside}***XXX"), &rest);
    text
}

fn calls(a: &Answers, driver: Driver) -> String {
    let caller = &a.caller_id;
    let away = match a.when_away {
        WhenAway::Closed => "Hangup(34)                            ; the box is away: refused",
        WhenAway::Open => "Goto(approved)                        ; the box is away: let through",
    };
    let by_trunk = dial(a, driver, "${number}", "${trunk}");
    let emergency = dial(a, driver, "${ARG1}", "voipms");
    let own = a.own_trunk.as_ref().map_or_else(String::new, |own| {
        let extension = &own.extension;
        format!(" same => n,ExecIf($[\"${{CALLERID(num)}}\" = \"{extension}\"]?Set(trunk=voipms-{extension}))\n")
    });
    format!(
        "[trunkguard-emergency]\n\
         exten => s,1,Set(CALLERID(num)={caller})\n\
         \x20same => n,Dial({emergency},120)\n\
         \x20same => n,Hangup(${{HANGUPCAUSE}})\n\
         \n\
         [trunkguard-call]\n\
         exten => s,1,Set(LOCAL(number)=${{ARG1}})\n\
         \x20same => n,Set(LOCAL(trunk)=voipms)\n\
         \x20same => n,Gosub(trunkguard-ask,s,1(${{number}}))\n\
         \x20same => n,Goto(${{GOSUB_RETVAL}})\n\
         \x20same => n(silent),{away}\n\
         \x20same => n(refused),Progress()\n\
         \x20same => n,Playback(ss-noservice,noanswer)\n\
         \x20same => n,Hangup(21)\n\
         \x20same => n(approved),NoOp()\n\
         {own}\
         \x20same => n,Set(CALLERID(num)={caller})\n\
         \x20same => n,Dial({by_trunk},120)\n\
         \x20same => n,Hangup(${{HANGUPCAUSE}})\n"
    )
}

fn incoming(a: &Answers) -> String {
    let (did, context, ring) = (&a.did, &a.context, &a.ring);
    format!(
        "; Calls from VoIP.ms: one number, one extension; nothing of it leads out again.\n\
         [from-voipms]\n\
         exten => {did},1,Goto({context},{ring},1)\n\
         exten => _X.,1,Hangup(1)\n"
    )
}
