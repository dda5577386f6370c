//! chan_pjsip: the box and VoIP.ms as endpoints.

use crate::{
    Answers, PASSWORD,
    answers::{Account, Transport, Trunk},
};

/// Ports of the PBX's own transports for the connections made here. They only name the connection; nobody
/// has to reach them.
const TO_BOX: u16 = 5066;
const TO_VOIPMS: u16 = 5067;

pub fn text(a: &Answers) -> String {
    let mut text = String::from(
        "; Trunkguard and VoIP.ms for chan_pjsip. UDP goes by the transport that is there already.\n",
    );
    text += &transports(a);
    text += &the_box(a);
    if a.to_voipms != Trunk::Iax2 {
        text += &voipms(a, "voipms", &a.account);
        if let Some(own) = &a.own_trunk {
            text += &format!(
                "\n; Extension {} calls out by its own account.",
                own.extension
            );
            text += &voipms(a, &format!("voipms-{}", own.extension), &own.account);
        }
        text += &format!(
            "\n[voipms]\ntype = identify\nendpoint = voipms\nmatch = {}\nsrv_lookups = no\n",
            a.pop
        );
    }
    text
}

fn transports(a: &Answers) -> String {
    let pbx = a.pbx_address;
    let mut text = String::new();
    let mut transport = |name: &str, protocol: &str, port: u16, more: &str| {
        text += &format!(
            "\n[{name}]\ntype = transport\nprotocol = {protocol}\nbind = {pbx}:{port}\n{more}"
        );
    };
    match a.to_box {
        Transport::Udp => {}
        Transport::Tcp => transport("trunkguard-tcp", "tcp", TO_BOX, ""),
        Transport::Tls => transport(
            "trunkguard-tls",
            "tls",
            TO_BOX,
            "method = tlsv1_2\nverify_server = no                    ; the box's certificate is its own\n",
        ),
    }
    match a.to_voipms {
        Trunk::Udp | Trunk::Iax2 => {}
        Trunk::Tcp => transport("voipms-tcp", "tcp", TO_VOIPMS, ""),
        Trunk::Tls => transport(
            "voipms-tls",
            "tls",
            TO_VOIPMS,
            "method = tlsv1_2\nverify_server = yes                   ; VoIP.ms must show that it is VoIP.ms\n\
             ca_list_file = /etc/ssl/certs/ca-certificates.crt\n",
        ),
    }
    text
}

fn the_box(a: &Answers) -> String {
    let (at, host) = (a.box_at(), a.the_box.ip());
    let (transport, parameter) = match a.to_box {
        Transport::Udp => ("", ""),
        Transport::Tcp => ("transport = trunkguard-tcp\n", "\\;transport=tcp"),
        Transport::Tls => ("transport = trunkguard-tls\n", "\\;transport=tls"),
    };
    format!(
        "\n[trunkguard]\ntype = endpoint\n{transport}context = from-trunkguard\ndisallow = all\nallow = ulaw\ndirect_media = no\n\
         aors = trunkguard\n\
         redirect_method = user                ; the default; the others would call the box again with {prefix}…\n\
         \n[trunkguard]\ntype = aor\ncontact = sip:{at}{parameter}\n\
         qualify_frequency = 10                ; a box that is away is passed over at once; 0, never, is the default\n\
         qualify_timeout = 2.0\n\
         \n[trunkguard]\ntype = identify\nendpoint = trunkguard\nmatch = {host}\n",
        prefix = a.prefix
    )
}

fn voipms(a: &Answers, name: &str, account: &Account) -> String {
    let (pop, port, did) = (&a.pop, a.to_voipms.port(), &a.did);
    let (transport, parameter, audio) = match a.to_voipms {
        Trunk::Udp | Trunk::Iax2 => ("", "", ""),
        Trunk::Tcp => ("transport = voipms-tcp\n", "\\;transport=tcp", ""),
        Trunk::Tls => (
            "transport = voipms-tls\n",
            "\\;transport=tls",
            "media_encryption = sdes\n",
        ),
    };
    let auth = if a.registers() {
        format!("outbound_auth = {name}\n")
    } else {
        String::new()
    };
    let mut text = format!(
        "\n[{name}]\ntype = endpoint\n{transport}context = from-voipms\ndisallow = all\nallow = ulaw\n{audio}direct_media = no\n\
         rtp_symmetric = yes\nforce_rport = yes\nrewrite_contact = yes\naors = {name}\n{auth}\
         from_user = {account}\nfrom_domain = {pop}\nsend_rpid = yes\ntrust_id_outbound = yes\n\
         \n[{name}]\ntype = aor\ncontact = sip:{pop}:{port}{parameter}\nqualify_frequency = 60\n"
    );
    if a.registers() {
        text += &format!(
            "\n[{name}]\ntype = auth\nauth_type = userpass\nusername = {account}\npassword = {PASSWORD}\n\
             \n[{name}]\ntype = registration\n{transport}outbound_auth = {name}\nserver_uri = sip:{pop}:{port}{parameter}\n\
             client_uri = sip:{account}@{pop}\ncontact_user = {did}\nexpiration = 300\nretry_interval = 30\n\
             auth_rejection_permanent = no\n"
        );
    }
    text
}
