//! The paste for FreePBX: the hook that it calls before it dials any trunk asks the box.
//!
//! FreePBX calls `[macro-dialout-trunk-predial-hook]` as a Macro up to version 16 and by Gosub from 17 on; DIAL_TRUNK,
//! OUTNUM (what the trunk is going to dial) and AMPUSER (the extension) are set by then.

use crate::{
    Answers,
    answers::{Driver, WhenAway},
    asterisk::ask,
    setup::File,
};

pub fn file(a: &Answers, driver: Driver) -> File {
    File {
        name: "extensions_custom.conf".into(),
        place: "paste at the end of /etc/asterisk/extensions_custom.conf (Admin, Config Edit), then Apply Config".into(),
        text: text(a, driver),
    }
}

fn text(a: &Answers, driver: Driver) -> String {
    let emergency: Vec<String> = a
        .emergencies()
        .map(|n| format!("\"${{TG_NUMBER}}\" = \"{n}\""))
        .collect();
    let emergency = emergency.join(" | ");
    let away = match a.when_away {
        WhenAway::Closed => "",
        WhenAway::Open => {
            " same => n,GotoIf($[\"${GOSUB_RETVAL}\" = \"silent\"]?end)       ; the box is away: let through\n"
        }
    };
    let hook = format!(
        "; Trunkguard: FreePBX calls this before it dials any trunk. Made by `trunkguard pbx-config`.\n\
         [macro-dialout-trunk-predial-hook]\n\
         exten => s,1,Set(TG_NUMBER=${{FILTER(0-9+*,${{OUTNUM}})}})\n\
         ; Emergency calls ask nobody and wait for nothing.\n\
         \x20same => n,GotoIf($[\"${{EMERGENCYROUTE}}\" = \"YES\" | {emergency}]?end)\n\
         ; What has other characters than a number has is not dialled at all.\n\
         \x20same => n,GotoIf($[${{LEN(${{TG_NUMBER}})}} != ${{LEN(${{OUTNUM}})}}]?refused)\n\
         ; The second trunk of one call does not ask again.\n\
         \x20same => n,GotoIf($[\"${{TG_APPROVED}}\" = \"${{TG_NUMBER}}\"]?end)\n\
         \x20same => n,Gosub(trunkguard-ask,s,1(${{TG_NUMBER}}))\n\
         \x20same => n,GotoIf($[\"${{GOSUB_RETVAL}}\" = \"approved\"]?approved)\n\
         {away}\
         \x20same => n(refused),Progress()\n\
         \x20same => n,Playback(ss-noservice,noanswer)\n\
         \x20same => n,Hangup(21)\n\
         \x20same => n(approved),Set(TG_APPROVED=${{TG_NUMBER}})\n\
         ; A Macro up to FreePBX 16, a Gosub from 17 on.\n\
         \x20same => n(end),ExecIf($[\"${{MACRO_CONTEXT}}\" != \"\"]?MacroExit():Return())\n"
    );
    // FreePBX has set the caller ID to the outgoing one by now; the extension is in AMPUSER.
    let caller = "${IF($[\"${AMPUSER}\" != \"\"]?${AMPUSER}:${CALLERID(num)})}";
    format!("{hook}\n{}", ask(a, driver, caller))
}
