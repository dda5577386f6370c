//! FreeSWITCH: files beside its "vanilla" configuration.
//!
//! Nothing that a phone chooses (its User-Agent, its From, the domain it dials) gets into the braces of a dial string: there
//! it could end them and name another gateway. So the box is told the name that the phone logged in with, and no User-Agent.

use crate::{
    Answers, Language, PASSWORD,
    answers::{Account, Method, Transport, Trunk, WhenAway},
    language::say,
    setup::{File, Step},
};

pub fn files(a: &Answers) -> Vec<File> {
    let file = |name: &str, place: &str, text: String| File {
        name: name.into(),
        place: format!("in /etc/freeswitch; {place}"),
        text,
    };
    vec![
        file(
            "sip_profiles/external/trunkguard.xml",
            "the profile external includes it",
            gateways(a),
        ),
        file(
            &format!("dialplan/{}/00_trunkguard.xml", a.context),
            "the phones' context includes it",
            outgoing(a),
        ),
        file(
            "dialplan/trunkguard.xml",
            "dialplan contexts of its own",
            contexts(a),
        ),
        file(
            "dialplan/public/00_voipms.xml",
            "the context public includes it",
            incoming(a),
        ),
    ]
}

fn gateways(a: &Answers) -> String {
    let transport = match a.to_box {
        Transport::Udp => String::new(),
        other => format!(";transport={other}"),
    };
    let mut text = format!(
        "<include>\n\
         \x20 <!-- Trunkguard -->\n\
         \x20 <gateway name=\"trunkguard\">\n\
         \x20   <param name=\"proxy\" value=\"{}{transport}\"/>\n\
         \x20   <param name=\"register\" value=\"false\"/>\n\
         \x20   <param name=\"caller-id-in-from\" value=\"true\"/>\n\
         \x20   <param name=\"ping\" value=\"10\"/>\n\
         \x20 </gateway>\n",
        a.box_at()
    );
    text += &voipms(a, "voipms", &a.account);
    if let Some(own) = &a.own_trunk {
        text += &voipms(a, &format!("voipms-{}", own.extension), &own.account);
    }
    text + "</include>\n"
}

fn voipms(a: &Answers, name: &str, account: &Account) -> String {
    let (pop, port, did) = (&a.pop, a.to_voipms.port(), &a.did);
    let transport = match a.to_voipms {
        Trunk::Udp | Trunk::Iax2 => "",
        Trunk::Tcp => {
            "    <param name=\"register-transport\" value=\"tcp\"/>\n    <param name=\"contact-params\" value=\"transport=tcp\"/>\n"
        }
        Trunk::Tls => {
            "    <param name=\"register-transport\" value=\"tls\"/>\n    <param name=\"contact-params\" value=\"transport=tls\"/>\n"
        }
    };
    let parameter = match a.to_voipms {
        Trunk::Udp | Trunk::Iax2 => String::new(),
        other => format!(";transport={other}"),
    };
    let login = if a.registers() {
        format!(
            "    <param name=\"password\" value=\"{PASSWORD}\"/>\n    <param name=\"register\" value=\"true\"/>\n    <param name=\"expire-seconds\" value=\"300\"/>\n"
        )
    } else {
        "    <param name=\"password\" value=\"\"/>\n    <param name=\"register\" value=\"false\"/>\n".to_owned()
    };
    format!(
        "  <gateway name=\"{name}\">\n\
         \x20   <param name=\"username\" value=\"{account}\"/>\n\
         \x20   <param name=\"realm\" value=\"{pop}\"/>\n\
         \x20   <param name=\"from-user\" value=\"{account}\"/>\n\
         \x20   <param name=\"from-domain\" value=\"{pop}\"/>\n\
         \x20   <param name=\"proxy\" value=\"{pop}:{port}{parameter}\"/>\n\
         \x20   <param name=\"extension\" value=\"{did}\"/>\n\
         {transport}{login}  </gateway>\n"
    )
}

/// The patterns, each of which hands the number in VoIP.ms's form to the question or to the emergency route.
fn outgoing(a: &Answers) -> String {
    let outside = a.outside_prefix.as_str();
    let emergency: Vec<&str> = a.emergencies().collect();
    let optional = if outside.is_empty() {
        String::new()
    } else {
        format!("(?:{outside})?")
    };
    let mut text = String::from("<include>\n");
    text += &extension(
        "trunkguard-emergency",
        &format!("^{optional}({})$", emergency.join("|")),
        "trunkguard_number=$1",
        "emergency XML trunkguard-emergency",
    );
    let mut call = |name: &str, pattern: &str, number: &str| {
        text += &extension(
            &format!("trunkguard-{name}"),
            &format!("^{outside}{pattern}$"),
            &format!("trunkguard_number={number}"),
            "ask XML trunkguard-ask",
        );
    };
    call("11-digits", "(1[2-9]\\d{2}[2-9]\\d{6})", "$1");
    call("10-digits", "([2-9]\\d{2}[2-9]\\d{6})", "1$1");
    if let Some(area) = a.area_code {
        call("7-digits", "([2-9]\\d{6})", &format!("1{area}$1"));
    }
    call("n11", "([2-8]11)", "$1");
    call("abroad", "((?:011|00|044|033)\\d+)", "$1");
    call("services", "(4443|4747|\\*\\*\\*\\d{3})", "$1");
    text + "</include>\n"
}

fn extension(name: &str, pattern: &str, set: &str, to: &str) -> String {
    format!(
        "  <extension name=\"{name}\">\n\
         \x20   <condition field=\"destination_number\" expression=\"{pattern}\">\n\
         \x20     <action application=\"set\" data=\"{set}\"/>\n\
         \x20     <action application=\"transfer\" data=\"{to}\"/>\n\
         \x20   </condition>\n\
         \x20 </extension>\n"
    )
}

/// The question, its answer, and the trunk. What a bridge ended with is `sip:STATUS`; nothing, and the statuses that
/// FreeSWITCH makes itself, are a box that is away.
fn contexts(a: &Answers) -> String {
    let redirect = match a.method {
        Method::Redirect => "sip_redirect_context=trunkguard-approved",
        Method::Failover => "outbound_redirect_fatal=true",
    };
    let ask = bridge(
        &format!(
            "{{leg_timeout=3,{redirect},sip_h_P-tfps=${{sip_auth_username}};${{domain_name}};${{network_addr}};;1}}"
        ),
        "trunkguard/${trunkguard_number}",
    );
    let after = "        <action application=\"transfer\" data=\"verdict-${last_bridge_proto_specific_hangup_cause} XML trunkguard-verdict\"/>\n";
    let mut text = String::from("<include>\n");
    text += &context(
        "trunkguard-ask",
        &[("^ask$", format!("{SETTINGS}{ask}{after}"))],
    );
    let out = outbound(a);
    let approved = match a.method {
        Method::Redirect => {
            let pattern = format!("^{}[0-9*]+$", a.prefix);
            text += &context(
                "trunkguard-approved",
                &[(pattern.as_str(), out.clone()), ("^.*$", refuse())],
            );
            None
        }
        Method::Failover => Some(("^verdict-sip:503$", out.clone())),
    };
    let silent = match a.method {
        Method::Redirect => "^verdict-(sip:(408|487|503))?$",
        Method::Failover => "^verdict-(sip:(408|487))?$",
    };
    let away = match a.when_away {
        WhenAway::Open => out,
        WhenAway::Closed => hangup("NORMAL_TEMPORARY_FAILURE"),
    };
    let mut verdicts: Vec<(&str, String)> = approved.into_iter().collect();
    verdicts.push((silent, away));
    verdicts.push(("^.*$", refuse()));
    text += &context("trunkguard-verdict", &verdicts);
    text += &context("trunkguard-emergency", &[("^emergency$", emergency(a))]);
    text + "</include>\n"
}

const SETTINGS: &str = "        <action application=\"set\" data=\"hangup_after_bridge=true\"/>\n\
                        \x20       <action application=\"set\" data=\"continue_on_fail=true\"/>\n";

fn context(name: &str, extensions: &[(&str, String)]) -> String {
    let mut text = format!("  <context name=\"{name}\">\n");
    for (n, (pattern, actions)) in extensions.iter().enumerate() {
        text += &format!(
            "    <extension name=\"{name}-{}\">\n\
             \x20     <condition field=\"destination_number\" expression=\"{pattern}\">\n\
             {actions}\
             \x20     </condition>\n\
             \x20   </extension>\n",
            n + 1
        );
    }
    text + "  </context>\n"
}

fn bridge(braces: &str, to: &str) -> String {
    format!("        <action application=\"bridge\" data=\"{braces}sofia/gateway/{to}\"/>\n")
}

fn hangup(cause: &str) -> String {
    format!("        <action application=\"hangup\" data=\"{cause}\"/>\n")
}

fn refuse() -> String {
    hangup("CALL_REJECTED")
}

/// To VoIP.ms, under the office's number; an extension with a trunk of its own by that one.
fn outbound(a: &Answers) -> String {
    let set = |data: String| format!("        <action application=\"set\" data=\"{data}\"/>\n");
    let mut text = set(format!("effective_caller_id_number={}", a.caller_id));
    let gateway = match &a.own_trunk {
        None => "voipms".to_owned(),
        Some(own) => {
            let extension = &own.extension;
            text += &set("trunkguard_gateway=voipms".to_owned());
            text += &set(format!(
                "trunkguard_gateway=${{cond(${{sip_auth_username}} == {extension} ? voipms-{extension} : voipms)}}"
            ));
            "${trunkguard_gateway}".to_owned()
        }
    };
    text + &bridge("", &format!("{gateway}/${{trunkguard_number}}"))
        + &hangup("${originate_disposition}")
}

fn emergency(a: &Answers) -> String {
    format!(
        "        <action application=\"set\" data=\"effective_caller_id_number={}\"/>\n{}{}",
        a.caller_id,
        SETTINGS,
        bridge("", "voipms/${trunkguard_number}")
    )
}

fn incoming(a: &Answers) -> String {
    format!(
        "<include>\n\
         \x20 <extension name=\"voipms\">\n\
         \x20   <condition field=\"destination_number\" expression=\"^{}$\">\n\
         \x20     <action application=\"transfer\" data=\"{} XML {}\"/>\n\
         \x20   </condition>\n\
         \x20 </extension>\n\
         </include>\n",
        a.did, a.ring, a.context
    )
}

pub fn steps(a: &Answers, l: Language) -> Vec<Step> {
    let place = PASSWORD;
    let mut steps = vec![Step::new(say!(
        l,
        "Put the files below into /etc/freeswitch, readable by its user only. Take out gateways and patterns that were there for \
         VoIP.ms before.",
        "Placez les fichiers ci-dessous dans /etc/freeswitch, lisibles par son utilisateur seulement. Retirez les passerelles et \
         motifs de VoIP.ms qui y étaient."
    ))];
    if a.registers() {
        steps.push(Step::new(say!(
            l,
            "In sip_profiles/external/trunkguard.xml, replace every {place} by the password of the VoIP.ms account: letters and digits \
             only, 12 or more.",
            "Dans sip_profiles/external/trunkguard.xml, remplacez chaque {place} par le mot de passe du compte VoIP.ms : lettres et \
             chiffres seulement, 12 ou plus."
        )));
    }
    let mut settings = String::new();
    if a.method == Method::Redirect {
        settings += "<param name=\"manual-redirect\" value=\"true\"/>\n";
    }
    if a.to_voipms == Trunk::Tls {
        settings += "<param name=\"tls\" value=\"true\"/>\n<param name=\"tls-verify-policy\" value=\"out\"/>\n";
    }
    if !settings.is_empty() {
        steps.push(
            Step::new(say!(
                l,
                "In sip_profiles/external.xml, among its settings:",
                "Dans sip_profiles/external.xml, parmi les réglages :"
            ))
            .block(settings),
        );
    }
    steps.push(
        Step::new(say!(
            l,
            "Load them (fs_cli), and see that the box is up and the registration stands.",
            "Chargez-les (fs_cli), puis vérifiez que le boîtier est là et l'enregistrement en place."
        ))
        .block("reloadxml\nsofia profile external restart\nsofia status gateway trunkguard\nsofia status gateway voipms"),
    );
    steps
}
