//! chan_sip: the box and VoIP.ms as peers.

use crate::{
    Answers, PASSWORD,
    answers::{Account, Transport, Trunk},
};

pub fn text(a: &Answers) -> String {
    let mut text = String::from(
        "; Trunkguard and VoIP.ms for chan_sip. promiscredir stays at its default, no.\n",
    );
    text += &general(a);
    text += &the_box(a);
    if a.to_voipms != Trunk::Iax2 {
        text += &format!("\n[voipms]\n{}", voipms(a, &a.account, "from-voipms"));
        if let Some(own) = &a.own_trunk {
            text += &format!(
                "\n; Extension {0} calls out by its own account.\n[voipms-{0}]\n{1}",
                own.extension,
                voipms(a, &own.account, "from-voipms")
            );
        }
    }
    text
}

fn general(a: &Answers) -> String {
    let mut lines = Vec::new();
    if a.to_box == Transport::Tcp || a.to_voipms == Trunk::Tcp {
        lines.push("tcpenable = yes".to_owned());
    }
    if a.to_voipms == Trunk::Tls {
        lines.push("tlsenable = yes".to_owned());
        lines.push(
            "tlsdontverifyserver = no              ; VoIP.ms must show that it is VoIP.ms"
                .to_owned(),
        );
        lines.push("tlscapath = /etc/ssl/certs".to_owned());
    }
    if a.registers() && a.to_voipms != Trunk::Iax2 {
        lines.push(format!("register => {}", register_string(a)));
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\n[general](+)\n{}\n", lines.join("\n"))
}

/// The register string; the number behind the slash is where VoIP.ms's calls arrive.
pub fn register_string(a: &Answers) -> String {
    let (account, pop, port, did) = (&a.account, &a.pop, a.to_voipms.port(), &a.did);
    match a.to_voipms {
        Trunk::Tls => format!("tls://{account}:{PASSWORD}@{pop}:{port}/{did}~300"),
        Trunk::Tcp => format!("tcp://{account}:{PASSWORD}@{pop}:{port}/{did}"),
        Trunk::Udp | Trunk::Iax2 => format!("{account}:{PASSWORD}@{pop}:{port}/{did}"),
    }
}

/// `timert1` and `timerb` bound the wait when the box dies between two qualifications: 3.2 s instead of 32.
fn the_box(a: &Answers) -> String {
    let (host, port) = (a.the_box.ip(), a.the_box.port());
    let transport = match a.to_box {
        Transport::Udp => "",
        Transport::Tcp => "transport = tcp\n",
        Transport::Tls => "transport = tls\n",
    };
    format!(
        "\n[trunkguard]\ntype = peer\nhost = {host}\nport = {port}\n{transport}context = from-trunkguard\n\
         directmedia = no\ndisallow = all\nallow = ulaw\n\
         qualify = yes                         ; a box that is away is passed over at once\nqualifyfreq = 10\n\
         timert1 = 200\ntimerb = 3200\n"
    )
}

/// The lines of VoIP.ms's peer, without its name in brackets; FreePBX wants the same as "PEER Details".
pub fn voipms(a: &Answers, account: &Account, context: &str) -> String {
    let (pop, port) = (&a.pop, a.to_voipms.port());
    let mut text = format!("type = peer\nhost = {pop}\nport = {port}\n");
    text += match a.to_voipms {
        Trunk::Tls => "transport = tls\nencryption = yes\n",
        Trunk::Tcp => "transport = tcp\n",
        Trunk::Udp | Trunk::Iax2 => "",
    };
    if a.registers() {
        text += &format!("defaultuser = {account}\nsecret = {PASSWORD}\n");
    }
    text += &format!(
        "fromuser = {account}\nfromdomain = {pop}\ncontext = {context}\ninsecure = invite\nnat = force_rport,comedia\n\
         directmedia = no\ndisallow = all\nallow = ulaw\ntrustrpid = yes\nsendrpid = yes\nqualify = yes\n"
    );
    text
}
