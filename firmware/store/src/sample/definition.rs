//! Policies: who may call whom.

use proptest::{collection::vec, option, prelude::*};
use trunkguard_core::{
    number::{Format, Kind},
    pattern::Pattern,
    policy::*,
    time::Date,
    verdict::Rule,
};

use super::of_the_box::{alerts, exports, firewall, network_settings};

pub(super) fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        "[a-z0-9-]{1,12}".prop_map(|t| Name::parse(&t).unwrap()),
        // Whatever is printable: quotes, backslashes, other scripts, spaces at the ends.
        vec(
            any::<char>().prop_filter("printable", |c| !c.is_control()),
            1..16
        )
        .prop_map(|c| Name::parse(&c.into_iter().collect::<String>()).unwrap()),
    ]
}

fn prefix() -> impl Strategy<Value = Prefix> {
    "[1-9][0-9]{0,14}".prop_map(|d| Prefix::parse(&format!("+{d}")).unwrap())
}

pub(super) fn country() -> impl Strategy<Value = CountryCode> {
    prop_oneof![Just("US"), Just("CA"), Just("GB"), Just("DO"), Just("*")]
        .prop_map(|c| CountryCode::parse(c).unwrap())
}

pub(super) fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Domestic),
        Just(Kind::UsCanada),
        Just(Kind::Premium),
        Just(Kind::GlobalNetwork)
    ]
}

pub(super) fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        (any::<[u8; 4]>(), 0..=32u8)
            .prop_map(|(a, n)| format!("{}/{n}", std::net::IpAddr::from(a))),
        (any::<[u8; 16]>(), 0..=128u8)
            .prop_map(|(a, n)| format!("{}/{n}", std::net::IpAddr::from(a))),
    ]
    .prop_map(|text| Network::parse(&text).unwrap())
}

fn some<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<Vec<S::Value>>>
where
    S::Value: 'static,
{
    option::of(vec(strategy, 0..4))
}

fn targets() -> impl Strategy<Value = Targets> {
    let pattern = prop_oneof![Just("_011NX."), Just("_1NXXNXXXXXX"), Just("_[2-46]Z!")]
        .prop_map(|p| Pattern::try_from(p.to_owned()).unwrap());
    (
        some(prefix()),
        some(name()),
        some(prefix()),
        some(pattern),
        some(kind()),
        some(country()),
    )
        .prop_map(
            |(numbers, lists, prefixes, patterns, kinds, countries)| Targets {
                numbers,
                lists,
                prefixes,
                patterns,
                kinds,
                countries,
            },
        )
}

fn limits() -> impl Strategy<Value = Limits> {
    let figure = || option::of(any::<u32>());
    (figure(), figure(), figure(), figure()).prop_map(
        |(simultaneous, per_minute, per_hour, per_day)| Limits {
            simultaneous,
            per_minute,
            per_hour,
            per_day,
        },
    )
}

fn limit_set() -> impl Strategy<Value = LimitSet> {
    (limits(), limits(), limits(), limits()).prop_map(
        |(all, off_hours, abroad, abroad_off_hours)| LimitSet {
            simultaneous: all.simultaneous,
            per_minute: all.per_minute,
            per_hour: all.per_hour,
            per_day: all.per_day,
            off_hours,
            abroad,
            abroad_off_hours,
        },
    )
}

fn hours() -> impl Strategy<Value = Hours> {
    let day = prop_oneof![Just(Weekday::Mon), Just(Weekday::Sat), Just(Weekday::Sun)];
    let clock =
        || (0..24u16, 0..60u16).prop_map(|(h, m)| Clock::parse(&format!("{h:02}:{m:02}")).unwrap());
    (vec(day, 0..3), clock(), clock()).prop_map(|(days, from, to)| Hours { days, from, to })
}

fn rules() -> impl Strategy<Value = Rules> {
    let burst = || {
        option::of(
            (any::<u8>(), any::<u32>()).prop_map(|(calls, seconds)| Burst { calls, seconds }),
        )
    };
    let action = || option::of(prop_oneof![Just(Action::Alert), Just(Action::Deny)]);
    let date = (1970..=9999u16, 1..=12u8, 1..=28u8).prop_map(|(year, month, day)| Date {
        year,
        month,
        day,
    });
    let rule = (0..Rule::ALL.len()).prop_map(|n| Rule::ALL[n]);
    let lists = (
        some(rule),
        some(prefix()),
        targets(),
        targets(),
        some(hours()),
        some(date),
    );
    let rest = (
        limit_set(),
        limit_set(),
        burst(),
        burst(),
        burst(),
        some(network()),
        some(name()),
        action(),
        action(),
    );
    (lists, rest).prop_map(
        |((off, always_allow, allow, block, hours, holidays), rest)| {
            let (
                limits,
                total,
                same_number,
                spellings,
                sequential,
                networks,
                scanners,
                new_country,
                new_phone,
            ) = rest;
            Rules {
                off,
                always_allow,
                allow,
                block,
                hours,
                holidays,
                limits,
                total,
                same_number,
                spellings,
                sequential,
                networks,
                scanners,
                new_country,
                new_phone,
            }
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    let mode = prop_oneof![
        Just(Mode::Detect),
        Just(Mode::Prevent),
        Just(Mode::Lockdown)
    ];
    let durability = prop_oneof![Just(Durability::Strict), Just(Durability::Relaxed)];
    (
        mode,
        name(),
        country(),
        option::of(200..999u16),
        durability,
        vec(name(), 0..3),
        any::<(u16, u16, bool)>(),
    )
        .prop_map(
            |(mode, zone, country, area_code, durability, emergency, (minutes, days, masked))| {
                Settings {
                    mode,
                    time_zone: zone.as_str().into(),
                    country,
                    area_code,
                    durability,
                    store_failure: if masked {
                        StoreFailure::Refuse
                    } else {
                        StoreFailure::Approve
                    },
                    log_numbers: if masked {
                        LogNumbers::Masked
                    } else {
                        LogNumbers::Full
                    },
                    emergency,
                    assumed_call_minutes: minutes,
                    history_days: days,
                }
            },
        )
}

fn client() -> impl Strategy<Value = Client> {
    let profile = prop_oneof![
        Just(Profile::Redirect),
        Just(Profile::FreepbxTrunk),
        Just(Profile::TfpsCodes)
    ];
    let format = prop_oneof![
        Just(Format::Dialled),
        Just(Format::E164),
        Just(Format::Seed2)
    ];
    let host = prop_oneof![Just("via"), Just("source"), Just("pbx.example:5062")];
    let credentials =
        option::of(
            (name(), "[ -~]{8,20}").prop_map(|(username, password)| Credentials {
                username,
                password: Secret::parse(&password).unwrap(),
            }),
        );
    let names = (
        name(),
        vec(network(), 0..3),
        "[0-9]{0,2}",
        "[a-mA-M][0-9]{2}",
    );
    let rest = (
        option::of(Just(603u16)),
        any::<bool>(),
        credentials,
        rules(),
    );
    (names, profile, format, host, rest).prop_map(
        |(
            (name, addresses, outside_prefix, prefix),
            profile,
            number_format,
            host,
            (deny, retransmit, credentials, policy),
        )| Client {
            name,
            addresses,
            profile,
            number_format,
            outside_prefix,
            prefix: TagPrefix::parse(&prefix).unwrap(),
            deny_code: deny.map(|c| DenyCode::try_from(c).unwrap()),
            contact_host: ContactHost::parse(host).unwrap(),
            retransmit,
            credentials,
            policy,
        },
    )
}

/// Any definition that a store can hold: clients, groups and lists have names of their own, and
/// so have the callers of a client.
pub fn definition() -> impl Strategy<Value = Definition> {
    let group = (name(), option::of(name()), vec(name(), 0..3), rules()).prop_map(
        |(name, client, callers, policy)| Group {
            name,
            client,
            callers,
            policy,
        },
    );
    let caller = (name(), option::of(name()), rules()).prop_map(|(name, client, policy)| Caller {
        name,
        client,
        policy,
    });
    let list = (name(), vec(prefix(), 0..20)).prop_map(|(name, numbers)| NumberList {
        name,
        numbers,
        file: None,
    });
    (
        (
            settings(),
            firewall(),
            network_settings(),
            alerts(),
            exports(),
        ),
        rules(),
        vec(client(), 0..3),
        vec(group, 0..3),
        vec(caller, 0..3),
        vec(list, 0..3),
    )
        .prop_map(
            |(
                (settings, firewall, network, alerts, (syslog, metrics, update)),
                policy,
                mut clients,
                mut groups,
                mut callers,
                mut lists,
            )| {
                let mut seen = std::collections::HashSet::new();
                clients.retain(|c| seen.insert(("client", c.name.clone(), None)));
                groups.retain(|g| seen.insert(("group", g.name.clone(), None)));
                callers.retain(|c| seen.insert(("caller", c.name.clone(), c.client.clone())));
                lists.retain(|l| seen.insert(("list", l.name.clone(), None)));
                Definition {
                    format: 1,
                    settings,
                    firewall,
                    network,
                    alerts,
                    syslog,
                    metrics,
                    update,
                    policy,
                    clients,
                    groups,
                    callers,
                    lists,
                }
            },
        )
}
