//! What a person typed, and everything that is wrong with it at once.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};
use trunkguard_core::policy::{CountryCode, DenyCode, HostName, Name, TagPrefix};

use crate::{
    answers::{
        Account, Answers, Context, Driver, Extension, Login, Method, OwnTrunk, Pbx, TenDigits,
        Transport, Trunk, WhenAway,
    },
    fit,
};

/// The kinds of PBX, with what each is.
pub const KINDS: [(&str, &str); 4] = [
    ("freepbx", "FreePBX 13 to 17, set up by its pages"),
    ("asterisk-pjsip", "Asterisk 13 to 22 with chan_pjsip"),
    ("asterisk-chan-sip", "Asterisk up to 20 with chan_sip"),
    ("freeswitch", "FreeSWITCH 1.10 and later"),
];

/// The longest text of a field, in octets.
const LONGEST: usize = 256;
/// Most emergency numbers of one's own.
const MOST_EMERGENCY: usize = 16;

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
    /// Reads the form.
    ///
    /// # Errors
    /// Everything that is wrong with it; never empty.
    pub fn check(&self) -> Result<Answers, Vec<Wrong>> {
        let mut reader = Reader::default();
        let answers = self.read(&mut reader);
        match answers {
            Some(answers) if reader.wrong.is_empty() => {
                let wrong = fit::together(&answers);
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
        let to_box = r.choice(
            "to_box",
            &self.to_box,
            Transport::Udp,
            Transport::ALL,
            Transport::name,
        );
        let did = r.needed("did", &self.did, ten_digits);
        let freeswitch = pbx == Some(Pbx::FreeSwitch);
        let context = if freeswitch {
            "default"
        } else {
            "from-internal"
        };
        let method = r.choice(
            "method",
            &self.method,
            Method::Redirect,
            Method::ALL,
            Method::name,
        );
        let to_voipms = r.choice(
            "to_voipms",
            &self.to_voipms,
            Trunk::Udp,
            Trunk::ALL,
            Trunk::name,
        );
        let login = r.choice(
            "login",
            &self.login,
            Login::Register,
            Login::ALL,
            Login::name,
        );
        let closed = WhenAway::Closed;
        let when_away = r.choice(
            "when_away",
            &self.when_away,
            closed,
            WhenAway::ALL,
            WhenAway::name,
        );
        let the_box = r.needed("the_box", &self.the_box, |t| address(t, to_box));
        let pbx_address = r.needed("pbx_address", &self.pbx_address, host);
        let name = r.or("name", &self.name, "office", Name::parse);
        let account = r.needed("account", &self.account, Account::parse);
        let pop = r.needed("pop", &self.pop, pop);
        let caller_id = if self.caller_id.trim().is_empty() {
            did.clone()
        } else {
            r.needed("caller_id", &self.caller_id, ten_digits)
        };
        let ring = r.or("ring", &self.ring, "1001", Extension::parse);
        let context = r.or("context", &self.context, context, Context::parse);
        let country = r.or("country", &self.country, "US", country);
        let area_code = r.maybe("area_code", &self.area_code, area_code);
        let outside_prefix = r.maybe("outside_prefix", &self.outside_prefix, outside_prefix);
        let deny_code = r.maybe("deny_code", &self.deny_code, deny_code);
        let prefix = r.or("prefix", &self.prefix, "A00", TagPrefix::parse);
        let emergency = r.maybe("emergency", &self.emergency, emergency);
        let own_trunk = r.maybe("own_trunk", &self.own_trunk, own_trunk);
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
                    r.wrong.push(Wrong::new(
                        field,
                        "is a question about FreePBX; leave it out",
                    ));
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

/// Reads field after field, and keeps what is wrong.
#[derive(Default)]
struct Reader {
    wrong: Vec<Wrong>,
}

impl Reader {
    fn keep<T>(&mut self, field: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.wrong.push(Wrong::new(field, message)))
            .ok()
    }

    /// A field that may be empty.
    fn maybe<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let read = if text.len() > LONGEST {
            Err(format!("is longer than {LONGEST} characters"))
        } else {
            parse(text)
        };
        self.keep(field, read)
    }

    /// A field that must be there.
    fn needed<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.trim().is_empty() {
            return self.keep(field, Err("is missing; say it".into()));
        }
        self.maybe(field, text, parse)
    }

    /// A field with a default.
    fn or<T>(
        &mut self,
        field: &'static str,
        text: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = if text.trim().is_empty() {
            default
        } else {
            text
        };
        self.maybe(field, text, parse)
    }

    /// One of a few names.
    fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        text: &str,
        default: T,
        all: &'static [T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        self.or(field, text, name(default), |text| {
            all.iter()
                .copied()
                .find(|value| name(*value) == text)
                .ok_or_else(|| {
                    let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
                    format!(
                        "`{}` is not known; write {}",
                        text.escape_debug(),
                        names.join(" or ")
                    )
                })
        })
    }
}

fn ten_digits(text: &str) -> Result<TenDigits, String> {
    let read = TenDigits::parse(text)?;
    let area = read.area().parse().unwrap_or(0);
    if trunkguard_core::number::is_assigned_area(area) {
        Ok(read)
    } else {
        Err(format!(
            "`{text}`: there is no area code {area} in North America; compare the number with VoIP.ms's page Manage DID"
        ))
    }
}

fn host(text: &str) -> Result<Ipv4Addr, String> {
    let address: Option<Ipv4Addr> = text.parse().ok();
    address
        .filter(|a| !a.is_unspecified() && !a.is_multicast() && !a.is_broadcast())
        .ok_or_else(|| format!("`{}` is not the address of one machine; write its IPv4 address such as 192.168.1.10", text.escape_debug()))
}

fn address(text: &str, to_box: Option<Transport>) -> Result<SocketAddrV4, String> {
    let by_transport = if to_box == Some(Transport::Tls) {
        5061
    } else {
        5060
    };
    match text.split_once(':') {
        None => Ok(SocketAddrV4::new(host(text)?, by_transport)),
        Some((address, port)) => {
            let port = port.parse().ok().filter(|p| *p > 0);
            let port = port.ok_or_else(|| {
                format!(
                    "`{}` has no port; write 192.168.1.20 or 192.168.1.20:5060",
                    text.escape_debug()
                )
            })?;
            Ok(SocketAddrV4::new(host(address)?, port))
        }
    }
}

fn pop(text: &str) -> Result<HostName, String> {
    let name = HostName::parse(text)?;
    if name.as_str().ends_with(".voip.ms") {
        Ok(name)
    } else {
        Err(format!(
            "`{name}` is not VoIP.ms's; write the point of presence, such as montreal10.voip.ms (`trunkguard pops` lists them)"
        ))
    }
}

fn country(text: &str) -> Result<CountryCode, String> {
    let code = CountryCode::parse(text)?;
    if code == CountryCode::ANY {
        return Err("the office is in one country; write it, such as US".into());
    }
    Ok(code)
}

fn area_code(text: &str) -> Result<u16, String> {
    let code = text
        .parse()
        .ok()
        .filter(|code| text.len() == 3 && trunkguard_core::number::is_assigned_area(*code));
    code.ok_or_else(|| format!("`{}` is not an area code of North America; write its three digits, or leave it out where nobody dials seven", text.escape_debug()))
}

fn outside_prefix(text: &str) -> Result<String, String> {
    if text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.into())
    } else {
        Err(format!(
            "`{}` is not dialled for an outside line; write up to four digits such as 9, or leave it out",
            text.escape_debug()
        ))
    }
}

fn deny_code(text: &str) -> Result<DenyCode, String> {
    let code: u16 = text.parse().map_err(|_| {
        format!(
            "`{}` is no status; write 603, 486 or 600",
            text.escape_debug()
        )
    })?;
    DenyCode::try_from(code)
}

fn emergency(text: &str) -> Result<Vec<String>, String> {
    let numbers: Vec<String> = text
        .split([',', ' '])
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect();
    if let Some(bad) = numbers
        .iter()
        .find(|n| !(2..=6).contains(&n.len()) || !n.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(format!(
            "`{}` is no emergency number; it has 2 to 6 digits, such as 999",
            bad.escape_debug()
        ));
    }
    if numbers.len() > MOST_EMERGENCY {
        return Err(format!(
            "{} emergency numbers; at most {MOST_EMERGENCY}",
            numbers.len()
        ));
    }
    Ok(numbers)
}

fn own_trunk(text: &str) -> Result<OwnTrunk, String> {
    let (extension, account) = text.split_once(':').ok_or_else(|| {
        format!(
            "`{}`: write EXTENSION:ACCOUNT, such as 1001:100000_front",
            text.escape_debug()
        )
    })?;
    Ok(OwnTrunk {
        extension: Extension::parse(extension)?,
        account: Account::parse(account)?,
    })
}
