//! What a person typed, and everything that is wrong with it at once.

mod french;
mod reader;
mod values;

use serde::{Deserialize, Serialize};
use trunkguard_core::policy::{Definition, Name, TagPrefix};

use crate::{
    Language,
    answers::{
        Account, Answers, Context, Driver, Extension, Login, Method, Pbx, Transport, Trunk,
        WhenAway,
    },
    fit,
};
use reader::Reader;

/// The kinds of PBX, with what each is.
pub const KINDS: [(&str, &str); 4] = [
    ("freepbx", "FreePBX 13 to 17, set up by its pages"),
    ("asterisk-pjsip", "Asterisk 13 to 22 with chan_pjsip"),
    ("asterisk-chan-sip", "Asterisk up to 20 with chan_sip"),
    ("freeswitch", "FreeSWITCH 1.10 and later"),
];

/// The answers as texts: flags of the command line, fields of the page. Empty is "not said", and has the
/// default that the field names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Form {
    /// One of [`KINDS`].
    pub pbx: String,
    /// FreePBX's major version, 13 to 17 (17).
    pub freepbx: String,
    /// The driver of FreePBX's trunks: `pjsip` or `chan-sip` (pjsip).
    pub driver: String,
    /// `redirect` or `failover` (redirect).
    pub method: String,
    /// `udp`, `tcp` or `tls` (udp).
    pub to_box: String,
    /// `udp`, `tcp`, `tls` or `iax2` (udp).
    pub to_voipms: String,
    /// `register` or `address` (register).
    pub login: String,
    /// The box's IPv4 address, with a port or without (5060, and 5061 for TLS).
    pub the_box: String,
    /// The PBX's IPv4 address.
    pub pbx_address: String,
    /// The client's name (office).
    pub name: String,
    /// The VoIP.ms account.
    pub account: String,
    /// The host name of the point of presence.
    pub pop: String,
    /// The office's number, ten digits.
    pub did: String,
    /// What called people see, ten digits (the office's number).
    pub caller_id: String,
    /// The extension that rings (1001).
    pub ring: String,
    /// The context of the phones (from-internal, and default in FreeSWITCH).
    pub context: String,
    /// Two letters (US).
    pub country: String,
    /// Three digits, or nothing.
    pub area_code: String,
    /// Up to four digits, or nothing.
    pub outside_prefix: String,
    /// `closed` or `open` (closed).
    pub when_away: String,
    /// A status, or nothing.
    pub deny_code: String,
    /// Three characters (A00).
    pub prefix: String,
    /// Emergency numbers beside the built-in ones, with spaces or commas between them.
    pub emergency: String,
    /// `EXTENSION:ACCOUNT`, or nothing.
    pub own_trunk: String,
}

/// One thing that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The field's name, as in [`Form`].
    pub field: &'static str,
    /// What is wrong, and after a `;` or `:` what to do.
    pub message: String,
}

impl Wrong {
    pub(crate) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Wrong {
            field,
            message: message.into(),
        }
    }
}

impl Form {
    /// What a policy tells already: of its first client, and of the office.
    pub fn of(definition: &Definition) -> Form {
        let settings = &definition.settings;
        let client = definition.clients.first();
        let address = client.and_then(|c| {
            c.addresses
                .iter()
                .find(|a| a.net().prefix_len() == a.net().max_prefix_len())
        });
        let emergency: Vec<&str> = settings.emergency.iter().map(Name::as_str).collect();
        Form {
            pbx_address: address.map(ToString::to_string).unwrap_or_default(),
            name: client.map_or_else(String::new, |c| c.name.to_string()),
            prefix: client.map_or_else(String::new, |c| c.prefix.to_string()),
            pop: definition
                .firewall
                .pops
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            country: settings.country.to_string(),
            area_code: settings
                .area_code
                .map(|code| code.to_string())
                .unwrap_or_default(),
            emergency: emergency.join(", "),
            ..Form::default()
        }
    }

    /// Reads the form.
    ///
    /// # Errors
    /// Everything that is wrong with it; never empty.
    pub fn check(&self) -> Result<Answers, Vec<Wrong>> {
        self.check_in(Language::English)
    }

    /// Reads the form, and says what is wrong in a language.
    ///
    /// # Errors
    /// Everything that is wrong with it; never empty.
    pub fn check_in(&self, language: Language) -> Result<Answers, Vec<Wrong>> {
        let mut reader = Reader::new(language);
        let answers = self.read(&mut reader);
        match answers {
            Some(answers) if reader.wrong.is_empty() => {
                let wrong = fit::together(&answers, language);
                if wrong.is_empty() {
                    Ok(answers)
                } else {
                    Err(wrong)
                }
            }
            _ => Err(reader.wrong),
        }
    }

    fn read(&self, r: &mut Reader) -> Option<Answers> {
        let pbx = self.read_pbx(r);
        let to_box = r.choice("to_box", &self.to_box, Transport::Udp);
        let did = r.needed("did", &self.did, values::ten_digits);
        let freeswitch = pbx == Some(Pbx::FreeSwitch);
        let context = if freeswitch {
            "default"
        } else {
            "from-internal"
        };
        let method = r.choice("method", &self.method, Method::Redirect);
        let to_voipms = r.choice("to_voipms", &self.to_voipms, Trunk::Udp);
        let login = r.choice("login", &self.login, Login::Register);
        let when_away = r.choice("when_away", &self.when_away, WhenAway::Closed);
        let the_box = r.needed("the_box", &self.the_box, |t| values::address(t, to_box));
        let pbx_address = r.needed("pbx_address", &self.pbx_address, values::host);
        let name = r.or("name", &self.name, "office", Name::parse);
        let account = r.needed("account", &self.account, Account::parse);
        let pop = r.needed("pop", &self.pop, values::pop);
        let caller_id = if self.caller_id.trim().is_empty() {
            did.clone()
        } else {
            r.needed("caller_id", &self.caller_id, values::ten_digits)
        };
        let ring = r.or("ring", &self.ring, "1001", Extension::parse);
        let context = r.or("context", &self.context, context, Context::parse);
        let country = r.or("country", &self.country, "US", values::country);
        let area_code = r.maybe("area_code", &self.area_code, values::area_code);
        let outside_prefix = r.maybe(
            "outside_prefix",
            &self.outside_prefix,
            values::outside_prefix,
        );
        let deny_code = r.maybe("deny_code", &self.deny_code, values::deny_code);
        let prefix = r.or("prefix", &self.prefix, "A00", TagPrefix::parse);
        let emergency = r.maybe("emergency", &self.emergency, values::emergency);
        let own_trunk = r.maybe("own_trunk", &self.own_trunk, values::own_trunk);
        Some(Answers {
            pbx: pbx?,
            method: method?,
            to_box: to_box?,
            to_voipms: to_voipms?,
            login: login?,
            the_box: the_box?,
            pbx_address: pbx_address?,
            name: name?,
            account: account?,
            pop: pop?,
            did: did?,
            caller_id: caller_id?,
            ring: ring?,
            context: context?,
            country: country?,
            area_code,
            outside_prefix: outside_prefix.unwrap_or_default(),
            when_away: when_away?,
            deny_code,
            prefix: prefix?,
            emergency: emergency.unwrap_or_default(),
            own_trunk,
        })
    }

    fn read_pbx(&self, r: &mut Reader) -> Option<Pbx> {
        let kind = r.needed("pbx", &self.pbx, |text| {
            let names = KINDS.map(|(name, _)| name);
            let known = names.contains(&text).then(|| text.to_owned());
            known.ok_or_else(|| {
                format!(
                    "`{}` is not known; write one of {}",
                    text.escape_debug(),
                    names.join(", ")
                )
            })
        })?;
        if kind != "freepbx" {
            for (field, text) in [("freepbx", &self.freepbx), ("driver", &self.driver)] {
                if !text.trim().is_empty() {
                    r.maybe(field, text, |_| {
                        Err::<(), _>("is a question about FreePBX; leave it out".into())
                    });
                }
            }
        }
        match kind.as_str() {
            "asterisk-pjsip" => Some(Pbx::Asterisk(Driver::Pjsip)),
            "asterisk-chan-sip" => Some(Pbx::Asterisk(Driver::ChanSip)),
            "freeswitch" => Some(Pbx::FreeSwitch),
            _ => {
                let version = r.or("freepbx", &self.freepbx, "17", |text| {
                    let known = text.parse().ok().filter(|v| (13..=17).contains(v));
                    known.ok_or_else(|| {
                        "write FreePBX's major version, 13 to 17 (Admin, Updates shows it)".into()
                    })
                });
                let driver = r.or("driver", &self.driver, "pjsip", |text| match text {
                    "pjsip" => Ok(Driver::Pjsip),
                    "chan-sip" => Ok(Driver::ChanSip),
                    _ => {
                        Err("write pjsip or chan-sip: which trunks does this FreePBX have?".into())
                    }
                });
                Some(Pbx::FreePbx {
                    version: version?,
                    driver: driver?,
                })
            }
        }
    }
}
