//! The form's fields, in the order in which they are asked.

use trunkguard_pbx::{
    Form, Wrong,
    answers::{Login, Method, Transport, Trunk, WhenAway},
};

use crate::texts;

/// Fields that belong together.
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// Most people leave them alone.
    pub folded: bool,
    /// The fields.
    pub fields: Vec<Field>,
}

/// One field.
pub struct Field {
    /// Its name in the form.
    pub name: &'static str,
    /// What is asked.
    pub label: &'static str,
    /// More about it.
    pub hint: &'static str,
    /// What is typed.
    pub value: String,
    /// What can be chosen: value and text; empty where anything may be typed.
    pub choices: Vec<(&'static str, &'static str)>,
    /// It must not be empty.
    pub needed: bool,
    /// What is wrong with it.
    pub problem: String,
}

/// The value of every field of the form, by its name.
pub fn pairs(form: &Form) -> Vec<(&'static str, String)> {
    NAMES
        .iter()
        .map(|&name| (name, value(form, name).to_owned()))
        .collect()
}

const NAMES: [&str; 24] = [
    "pbx",
    "freepbx",
    "driver",
    "method",
    "to_box",
    "to_voipms",
    "login",
    "the_box",
    "pbx_address",
    "name",
    "account",
    "pop",
    "did",
    "caller_id",
    "ring",
    "context",
    "country",
    "area_code",
    "outside_prefix",
    "when_away",
    "deny_code",
    "prefix",
    "emergency",
    "own_trunk",
];

fn value<'a>(form: &'a Form, name: &str) -> &'a str {
    match name {
        "pbx" => &form.pbx,
        "freepbx" => &form.freepbx,
        "driver" => &form.driver,
        "method" => &form.method,
        "to_box" => &form.to_box,
        "to_voipms" => &form.to_voipms,
        "login" => &form.login,
        "the_box" => &form.the_box,
        "pbx_address" => &form.pbx_address,
        "name" => &form.name,
        "account" => &form.account,
        "pop" => &form.pop,
        "did" => &form.did,
        "caller_id" => &form.caller_id,
        "ring" => &form.ring,
        "context" => &form.context,
        "country" => &form.country,
        "area_code" => &form.area_code,
        "outside_prefix" => &form.outside_prefix,
        "when_away" => &form.when_away,
        "deny_code" => &form.deny_code,
        "prefix" => &form.prefix,
        "emergency" => &form.emergency,
        "own_trunk" => &form.own_trunk,
        _ => "",
    }
}

/// Makes fields out of what was typed.
struct Maker<'a> {
    form: &'a Form,
    wrong: &'a [Wrong],
}

impl Maker<'_> {
    fn field(&self, name: &'static str, label: &'static str, hint: &'static str) -> Field {
        let problems = self.wrong.iter().filter(|one| one.field == name);
        let problems: Vec<&str> = problems.map(|one| one.message.as_str()).collect();
        Field {
            name,
            label,
            hint,
            value: value(self.form, name).to_owned(),
            choices: Vec::new(),
            needed: false,
            problem: problems.join("; "),
        }
    }

    fn needed(&self, name: &'static str, label: &'static str, hint: &'static str) -> Field {
        Field {
            needed: true,
            ..self.field(name, label, hint)
        }
    }

    fn choice(
        &self,
        name: &'static str,
        label: &'static str,
        hint: &'static str,
        choices: &[(&'static str, &'static str)],
    ) -> Field {
        Field {
            choices: choices.to_vec(),
            ..self.field(name, label, hint)
        }
    }
}

/// All fields, with what is wrong with each.
pub fn groups(form: &Form, wrong: &[Wrong], t: &'static texts::Pbx) -> Vec<Group> {
    let make = Maker { form, wrong };
    let more = more(&make, t);
    // Nothing that is wrong may be folded away.
    let folded = more.iter().all(|field| field.problem.is_empty());
    let group = |title, folded, fields| Group {
        title,
        folded,
        fields,
    };
    vec![
        group(t.group_pbx, false, the_pbx(&make, t)),
        group(t.group_network, false, network(&make, t)),
        group(t.group_voipms, false, voipms(&make, t)),
        group(t.group_dialling, false, dialling(&make, t)),
        group(t.group_more, folded, more),
    ]
}

fn the_pbx(make: &Maker<'_>, t: &'static texts::Pbx) -> Vec<Field> {
    vec![
        Field {
            needed: true,
            ..make.choice(
                "pbx",
                t.pbx,
                "",
                &[
                    ("freepbx", "FreePBX"),
                    ("asterisk-pjsip", "Asterisk, PJSIP"),
                    ("asterisk-chan-sip", "Asterisk, chan_sip"),
                    ("freeswitch", "FreeSWITCH"),
                ],
            )
        },
        make.choice(
            "freepbx",
            t.freepbx,
            t.only_freepbx,
            &[
                ("", "—"),
                ("17", "17"),
                ("16", "16"),
                ("15", "15"),
                ("14", "14"),
                ("13", "13"),
            ],
        ),
        make.choice(
            "driver",
            t.driver,
            t.only_freepbx,
            &[("", "—"), ("pjsip", "PJSIP"), ("chan-sip", "chan_sip")],
        ),
        make.choice(
            "method",
            t.method,
            t.method_hint,
            &[
                (Method::Redirect.name(), t.redirect),
                (Method::Failover.name(), t.failover),
            ],
        ),
        make.choice(
            "when_away",
            t.when_away,
            t.when_away_hint,
            &[
                (WhenAway::Closed.name(), t.closed),
                (WhenAway::Open.name(), t.open),
            ],
        ),
    ]
}

fn network(make: &Maker<'_>, t: &'static texts::Pbx) -> Vec<Field> {
    vec![
        make.needed("pbx_address", t.pbx_address, t.address_hint),
        make.needed("the_box", t.the_box, t.the_box_hint),
        make.choice(
            "to_box",
            t.to_box,
            "",
            &[
                (Transport::Udp.name(), "UDP"),
                (Transport::Tcp.name(), "TCP"),
                (Transport::Tls.name(), "TLS"),
            ],
        ),
        make.field("name", t.name, t.name_hint),
    ]
}

fn voipms(make: &Maker<'_>, t: &'static texts::Pbx) -> Vec<Field> {
    vec![
        make.needed("account", t.account, t.account_hint),
        make.needed("pop", t.pop, t.pop_hint),
        make.choice(
            "to_voipms",
            t.to_voipms,
            "",
            &[
                (Trunk::Udp.name(), "SIP (UDP)"),
                (Trunk::Tcp.name(), "SIP (TCP)"),
                (Trunk::Tls.name(), "SIP (TLS)"),
                (Trunk::Iax2.name(), "IAX2"),
            ],
        ),
        make.choice(
            "login",
            t.login,
            "",
            &[
                (Login::Register.name(), t.register),
                (Login::Address.name(), t.by_address),
            ],
        ),
        make.needed("did", t.did, t.ten_digits),
        make.field("caller_id", t.caller_id, t.caller_id_hint),
    ]
}

fn dialling(make: &Maker<'_>, t: &'static texts::Pbx) -> Vec<Field> {
    vec![
        make.field("ring", t.ring, t.ring_hint),
        make.field("country", t.country, t.country_hint),
        make.field("area_code", t.area_code, t.area_code_hint),
        make.field("outside_prefix", t.outside_prefix, t.outside_prefix_hint),
    ]
}

fn more(make: &Maker<'_>, t: &'static texts::Pbx) -> Vec<Field> {
    vec![
        make.field("context", t.context, t.context_hint),
        make.field("emergency", t.emergency, t.emergency_hint),
        make.field("own_trunk", t.own_trunk, t.own_trunk_hint),
        make.field("deny_code", t.deny_code, t.deny_code_hint),
        make.field("prefix", t.prefix, t.prefix_hint),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_one_field_and_nothing_wrong_is_folded_away() {
        let json = serde_json::to_value(Form::default()).unwrap();
        let mut known: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        known.sort_unstable();
        let mut names = NAMES;
        names.sort_unstable();
        assert_eq!(names[..], known);
        let t = texts::Pbx::of(crate::texts::Lang::En);
        let form = Form {
            prefix: "X".into(),
            ..Form::default()
        };
        let wrong = form.check().unwrap_err();
        let all = groups(&form, &wrong, t);
        let mut shown: Vec<&str> = all.iter().flat_map(|g| &g.fields).map(|f| f.name).collect();
        shown.sort_unstable();
        assert_eq!(shown, known);
        assert!(!all[4].folded && groups(&form, &[], t)[4].folded);
        let told = all
            .iter()
            .flat_map(|g| &g.fields)
            .filter(|f| !f.problem.is_empty())
            .count();
        assert_eq!(told, wrong.len());
    }

    #[test]
    fn pairs_give_back_what_was_typed() {
        let form = Form {
            pbx: "freeswitch".into(),
            own_trunk: "1:2".into(),
            ..Form::default()
        };
        let query = serde_html_form::to_string(pairs(&form)).unwrap();
        assert_eq!(crate::shell::read::<Form>(&query).unwrap(), form);
    }
}
