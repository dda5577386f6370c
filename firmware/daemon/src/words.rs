//! The words for people: modes, rules, reasons, and what would have to change.

use trunkguard_core::{
    number::{Dialled, Kind, NotANumber, Number},
    policy::{Mode, Profile},
    verdict::{Level, Rule, Verdict},
};

/// The mode's name.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Detect => "detect",
        Mode::Prevent => "prevent",
        Mode::Lockdown => "lockdown",
    }
}

/// The profile's name.
pub fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Redirect => "redirect",
        Profile::Failover => "failover",
        Profile::FreepbxTrunk => "freepbx-trunk",
        Profile::Freeswitch => "freeswitch",
        Profile::TfpsCodes => "tfps-codes",
    }
}

/// The kind's name.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Domestic => "domestic",
        Kind::UsCanada => "US/Canada",
        Kind::NanpAbroad => "+1 abroad",
        Kind::Abroad => "abroad",
        Kind::Premium => "premium rate",
        Kind::SharedCost => "shared cost",
        Kind::TollFree => "toll-free",
        Kind::Personal => "personal number",
        Kind::Satellite => "satellite",
        Kind::GlobalNetwork => "international network",
        Kind::Directory => "directory enquiries",
    }
}

/// Who set a setting.
pub fn level(level: Level) -> &'static str {
    match level {
        Level::BuiltIn => "built in",
        Level::Everybody => "for everybody",
        Level::Client => "for this client",
        Level::Group => "for this caller's group",
        Level::Caller => "for this caller",
    }
}

/// A number with what is known of it.
pub fn destination(dialled: &Result<Dialled, NotANumber>) -> String {
    match dialled {
        Ok(Dialled::Emergency) => "an emergency number".into(),
        Ok(Dialled::Service) => "a service of VoIP.ms".into(),
        Ok(Dialled::Number(number)) => self::number(number),
        Err(why) => format!("not a number: {}", not_a_number(*why)),
    }
}

fn number(number: &Number) -> String {
    let country = number.country.map(|code| {
        trunkguard_core::number::country_name(code.letters())
            .map_or_else(|| code.as_str().to_owned(), str::to_owned)
    });
    format!(
        "+{} ({}, {})",
        number.digits,
        country.as_deref().unwrap_or("no country"),
        kind(number.kind)
    )
}

/// Why it is not a number, and what to look at.
pub fn not_a_number(why: NotANumber) -> &'static str {
    match why {
        NotANumber::Empty => "nothing was dialled",
        NotANumber::Character => "it has a character that no number has",
        NotANumber::Length => "it is too short or too long for a number",
        NotANumber::Unassigned => "its country code or area code does not exist",
        NotANumber::NoAreaCode => "it has 7 digits, and settings.area_code is not set",
        NotANumber::OtherFormat => {
            "it is not of the client's number_format; look at what the dial plan sends"
        }
    }
}

/// The reason of a verdict in one sentence.
pub fn reason(verdict: &Verdict) -> String {
    let figures = verdict.figures.map_or((0, 0), |f| f);
    let (had, most) = figures;
    match (verdict.rule, verdict.allowed) {
        (Rule::Loop, _) => {
            "the number already carries the prefix: the PBX sent our own answer back".into()
        }
        (Rule::Emergency, _) => "emergency calls are always approved".into(),
        (Rule::AlwaysAllowed, _) => "the number is always allowed".into(),
        (Rule::Lockdown, _) => {
            "lockdown: only emergency calls and numbers that are always allowed pass".into()
        }
        (Rule::TollFree, _) => "toll-free calls are always approved".into(),
        (Rule::Service, _) => "services of VoIP.ms cost nothing".into(),
        (Rule::Tampering, _) => "somebody wrote headers into the PBX's request".into(),
        (Rule::NotANumber, _) => "it is not a number under this client's number_format".into(),
        (Rule::Scanner, _) => "the phone calls itself by a scanner's name".into(),
        (Rule::Network, _) => "the phone's address is outside the allowed networks".into(),
        (Rule::Number, _) => "the number is blocked by name or by a list".into(),
        (Rule::Prefix, _) => "a blocked prefix or pattern fits it best".into(),
        (Rule::Kind, _) => "this kind of number is blocked".into(),
        (Rule::Country, _) => "the country is not allowed".into(),
        (Rule::Simultaneous, _) => format!("{had} calls at the same time, {most} allowed"),
        (Rule::PerMinute, _) => format!("{had} calls within a minute, {most} allowed"),
        (Rule::PerHour, _) => format!("{had} calls within an hour, {most} allowed"),
        (Rule::PerDay, _) => format!("{had} calls within a day, {most} allowed"),
        (Rule::SameNumber, _) => format!("the same number {had} times, {most} allowed"),
        (Rule::Spellings, _) => format!("one number in {had} spellings, {most} allowed"),
        (Rule::Sequential, _) => format!("{had} numbers one after the other, {most} allowed"),
        (Rule::NewCountry, _) => "the first call of this client to that country".into(),
        (Rule::NewPhone, _) => "the first call of this extension from that phone".into(),
        (Rule::Default, _) => "no rule is against it".into(),
    }
}

/// What would have to change for a refused call to go through.
pub fn remedy(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Loop => {
            "look at the dial plan: calls that come back with the prefix must go to the provider, not to the box"
        }
        Rule::Lockdown => {
            "leave lockdown (`trunkguard mode prevent`), or put the number into always_allow"
        }
        Rule::Tampering => {
            "filter the phone's User-Agent and caller ID in the dial plan (docs/pbx.md)"
        }
        Rule::NotANumber => "compare the client's number_format with what its dial plan sends",
        Rule::Scanner => "switch the rule off for this caller: off = [\"scanner\"]",
        Rule::Network => "add the phone's network to `networks`",
        Rule::Number => "take the number off the list, or add it to allow.numbers",
        Rule::Prefix => "add a longer prefix to allow.prefixes",
        Rule::Kind => "add the kind to allow.kinds, or the number to allow.numbers",
        Rule::Country => "add the country to allow.countries, or the number to allow.numbers",
        Rule::Simultaneous | Rule::PerMinute | Rule::PerHour | Rule::PerDay => {
            "raise the limit, or wait"
        }
        Rule::SameNumber | Rule::Spellings | Rule::Sequential => {
            "wait, or raise `calls` of that rule"
        }
        Rule::NewCountry => "add the country to allow.countries",
        Rule::NewPhone => "set new_phone = \"alert\", or let the phone call once while it is off",
        Rule::Emergency | Rule::AlwaysAllowed | Rule::TollFree | Rule::Service | Rule::Default => {
            return None;
        }
    })
}
