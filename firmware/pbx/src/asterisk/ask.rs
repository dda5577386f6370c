//! The question to the box: `Gosub(trunkguard-ask,s,1(NUMBER))` returns approved, refused or silent.
//!
//! Approved is what the method says and nothing else; silent is a short list of causes that only a box that
//! is away makes; all the rest is refused, whatever the box's deny code. The causes were measured with
//! Asterisk 16 and 22 (docs/pbx.md "What Asterisk makes of an answer").

use crate::{
    Answers,
    answers::{Driver, Method},
};

/// The context `[trunkguard-ask]` and those that it needs. `caller` is what the box is told as the extension.
pub fn context(a: &Answers, driver: Driver, caller: &str) -> String {
    let mut text = String::from(
        "; Returns approved, refused or silent (the box is away).\n\
         [trunkguard-ask]\n\
         exten => s,1,Set(GROUP(trunkguard)=calls)\n",
    );
    let mut then = |line: &str| {
        text.push_str(" same => n");
        text.push_str(line);
        text.push('\n');
    };
    // No character that a phone chooses gets into an expression, an argument or a header.
    then(&format!(
        ",Set(LOCAL(who)=${{FILTER(0-9A-Za-z+*._\\x2d,{caller})}})"
    ));
    then(",Set(LOCAL(domain)=${FILTER(0-9A-Za-z.:_\\x2d,${SIPDOMAIN})})");
    then(",Set(LOCAL(phone)=)");
    then(",Set(LOCAL(agent)=)");
    // A function of one driver cannot be read on a channel of the other, nor on a Local one.
    then(
        ",Goto(${IF($[\"${CHANNEL(channeltype)}\" = \"PJSIP\"]?pjsip:${IF($[\"${CHANNEL(channeltype)}\" = \"SIP\"]?sip:ask)})})",
    );
    then("(pjsip),Set(phone=${CHANNEL(pjsip,remote_addr)})");
    then(",Set(agent=${FILTER(A-Za-z0-9._/ \\x2d,${PJSIP_HEADER(read,User-Agent)})})");
    then(",Goto(ask)");
    then("(sip),Set(phone=${CHANNEL(recvip)})");
    then(",Set(agent=${FILTER(A-Za-z0-9._/ \\x2d,${CHANNEL(useragent)})})");
    // An unescaped `;` begins a comment.
    then(
        "(ask),Set(__TG_SAID=${who}\\;${domain}\\;${phone}\\;${agent}\\;${GROUP_COUNT(calls@trunkguard)})",
    );
    if a.method == Method::Redirect {
        then(",Set(__FORWARD_CONTEXT=trunkguard-answer)   ; where a 302 leads");
        then(",Set(__TG_ASKER=${CHANNEL(name)})");
        then(",Set(SHARED(answer)=)");
    }
    then(&format!(",{}", question(a, driver)));
    if driver == Driver::ChanSip {
        then(",SIPRemoveHeader(P-tfps)                    ; inherited: VoIP.ms would get it too");
    }
    if a.method == Method::Redirect {
        then(",Set(__FORWARD_CONTEXT=)");
        then(",Set(REDIRECTING(from-num,i)=)              ; else VoIP.ms gets a Diversion header");
    }
    then(&format!(
        ",Verbose(1,trunkguard: {}${{DIALSTATUS}} ${{HANGUPCAUSE}})",
        match a.method {
            Method::Redirect => "answer=${SHARED(answer)} ",
            Method::Failover => "",
        }
    ));
    verdict(a, &mut then);
    text.push_str(&around(a, driver));
    text
}

/// The lines that place the question. Three seconds (chan_sip: its own timers, and eight) bound the wait when
/// the box has died since the last qualification.
fn question(a: &Answers, driver: Driver) -> String {
    let follow = if a.method == Method::Failover {
        "i"
    } else {
        ""
    };
    match driver {
        Driver::Pjsip => {
            format!("Dial(PJSIP/${{ARG1}}@trunkguard,3,{follow}b(trunkguard-header^s^1))")
        }
        Driver::ChanSip => {
            let comma = if follow.is_empty() { "" } else { "," };
            format!(
                "SIPAddHeader(P-tfps: ${{TG_SAID}})\n same => n,Dial(SIP/trunkguard/${{ARG1}},8{comma}{follow})"
            )
        }
    }
}

fn verdict(a: &Answers, then: &mut impl FnMut(&str)) {
    let cause = |causes: &[u8]| {
        let all: Vec<String> = causes
            .iter()
            .map(|c| format!("\"${{HANGUPCAUSE}}\" = \"{c}\""))
            .collect();
        all.join(" | ")
    };
    match a.method {
        Method::Redirect => {
            then(&format!(
                ",GotoIf($[\"${{SHARED(answer)}}\" = \"{}\"]?yes)",
                a.prefix
            ));
            then(",GotoIf($[\"${SHARED(answer)}\" != \"\" | \"${DIALSTATUS}\" = \"BUSY\"]?no)");
            // 34 is a connection that was refused or broke: the box never answers 503 to a redirect client.
            then(&format!(",GotoIf($[{}]?away)", cause(&[0, 3, 18, 20, 34])));
        }
        Method::Failover => {
            then(",GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?no)");
            then(
                ",GotoIf($[\"${DIALSTATUS}\" = \"CONGESTION\" & \"${HANGUPCAUSE}\" = \"34\"]?yes)   ; 503",
            );
            then(&format!(",GotoIf($[{}]?away)", cause(&[0, 3, 18, 20])));
        }
    }
    then("(no),Return(refused)");
    then("(yes),Return(approved)");
    then("(away),Return(silent)");
}

/// Contexts around the question: the header's handler, and where a 302 leads.
fn around(a: &Answers, driver: Driver) -> String {
    let mut text = String::new();
    if driver == Driver::Pjsip {
        text.push_str(
            "\n; Runs on the box's channel only, so that VoIP.ms never sees the header.\n\
             [trunkguard-header]\n\
             exten => s,1,Set(PJSIP_HEADER(add,P-tfps)=${TG_SAID})\n same => n,Return()\n",
        );
    }
    if a.method == Method::Redirect {
        let prefix = a.prefix;
        text.push_str(&format!(
            "\n; A 302 leads here, and only the prefix is noted: the caller's own channel dials VoIP.ms.\n\
             [trunkguard-answer]\n\
             exten => _{prefix}[0-9*].,1,Set(SHARED(answer,${{TG_ASKER}})={prefix})\n same => n,Hangup(16)\n\
             exten => _[0-9A-Za-z+*#].,1,Set(SHARED(answer,${{TG_ASKER}})=other)\n same => n,Hangup(21)\n"
        ));
    }
    text.push_str("\n; Calls that come from the box's address lead nowhere.\n[from-trunkguard]\n");
    text
}
