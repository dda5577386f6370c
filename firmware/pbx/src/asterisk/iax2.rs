//! IAX2: the trunk to VoIP.ms. The box is still asked by SIP; IAX2 carries none.

use crate::{Answers, PASSWORD};

pub fn text(a: &Answers) -> String {
    let register = if a.registers() {
        format!("\n[general](+)\nregister => {}\n", register_string(a))
    } else {
        String::new()
    };
    format!(
        "; VoIP.ms by IAX2. The section must be named voipms: VoIP.ms's calls come by that name.\n{register}\n[voipms]\n{}",
        voipms(a, "from-voipms")
    )
}

/// The register string.
pub fn register_string(a: &Answers) -> String {
    format!("{}:{PASSWORD}@{}:4569", a.account, a.pop)
}

/// The lines of VoIP.ms's peer; FreePBX wants the same as "PEER Details".
pub fn voipms(a: &Answers, context: &str) -> String {
    let login = if a.registers() {
        format!("username = {}\nsecret = {PASSWORD}\n", a.account)
    } else {
        String::new()
    };
    format!(
        "type = friend\nhost = {}\n{login}context = {context}\ndisallow = all\nallow = ulaw\nrequirecalltoken = auto\n\
         trunk = no\nqualify = yes\n",
        a.pop
    )
}
