//! Any definition and any record at all, for property tests.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use trunkguard_core::{
    alerts::{KINDS, Kind as IncidentKind, When},
    number::{Digits, Format, Kind},
    pattern::Pattern,
    policy::*,
    record::{Record, text},
    time::Date,
    verdict::{Level, Rule, Verdict},
};

fn name() -> impl Strategy<Value = Name> {
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

fn country() -> impl Strategy<Value = CountryCode> {
    prop_oneof![Just("US"), Just("CA"), Just("GB"), Just("DO"), Just("*")]
        .prop_map(|c| CountryCode::parse(c).unwrap())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Domestic),
        Just(Kind::UsCanada),
        Just(Kind::Premium),
        Just(Kind::GlobalNetwork)
    ]
}

fn network() -> impl Strategy<Value = Network> {
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

fn network_settings() -> impl Strategy<Value = Addresses> {
    let host = || {
        (1..224u8, any::<[u8; 3]>(), 8..=30u8)
            .prop_filter_map("a machine's", |(a, [b, c, d], n)| {
                HostAddress::parse(&format!("{a}.{b}.{c}.{d}/{n}")).ok()
            })
    };
    let address = option::of(host()).prop_map(|a| a.map_or(Address::Dhcp, Address::Fixed));
    let ntp = prop_oneof![
        Just("0.pool.ntp.org"),
        Just("192.0.2.1"),
        Just("2001:db8::1")
    ]
    .prop_map(|t| TimeServer::parse(t).unwrap());
    (
        (address, option::of(any::<[u8; 4]>()), option::of(host())),
        vec(any::<[u8; 16]>(), 0..3),
        (vec(ntp, 0..3), any::<bool>()),
    )
        .prop_map(
            |((address, gateway, inside), dns, (ntp, dhcp_server))| Addresses {
                address,
                gateway: gateway.map(Into::into),
                dns: dns.into_iter().map(Into::into).collect(),
                ntp,
                inside,
                dhcp_server,
            },
        )
}

fn alerts() -> impl Strategy<Value = Alerts> {
    let clock = || {
        (0..1_440u16).prop_map(|m| Clock::parse(&format!("{:02}:{:02}", m / 60, m % 60)).unwrap())
    };
    let address =
        || "[a-z]{1,8}@[a-z]{1,8}\\.example".prop_map(|a| MailAddress::parse(&a).unwrap());
    let secret = || "[ -~]{8,20}".prop_map(|s| Secret::parse(&s).unwrap());
    let security = prop_oneof![
        Just(Security::Starttls),
        Just(Security::Tls),
        Just(Security::None)
    ];
    let host = prop_oneof![
        Just("smtp.example.com"),
        Just("192.168.1.5"),
        Just("fd00::5")
    ];
    let login = option::of((name(), secret()));
    let mail = (
        host,
        option::of(1..=65_535u16),
        security,
        login,
        address(),
        vec(address(), 1..4),
    )
        .prop_map(|(server, port, security, login, from, to)| {
            let (username, password) = login.unzip();
            Mail {
                server: Host::parse(server).unwrap(),
                port,
                security,
                username,
                password,
                from,
                to,
            }
        });
    let shape = prop_oneof![
        Just(Shape::Json),
        Just(Shape::Ntfy),
        Just(Shape::Slack),
        Just(Shape::Teams)
    ];
    let webhook = (
        name(),
        "https://[a-z]{1,9}\\.example/[a-z?=&%0-9]{1,20}",
        shape,
        option::of(secret()),
    )
        .prop_map(|(name, url, shape, secret)| Webhook {
            name,
            url: WebhookUrl::parse(&url).unwrap(),
            shape,
            secret,
        });
    let when = prop_oneof![
        Just(When::Urgent),
        Just(When::Now),
        Just(When::Digest),
        Just(When::Off)
    ];
    let kind = (0..KINDS.len()).prop_map(|at| IncidentKind::named(KINDS[at].0).unwrap());
    (
        (name(), any::<bool>(), option::of(clock())),
        option::of((clock(), clock()).prop_map(|(from, to)| Quiet { from, to })),
        btree_map(kind, when, 0..4),
        (option::of(mail), vec(webhook, 0..3)),
    )
        .prop_map(
            |((name, french, digest), quiet, kinds, (mail, webhooks))| Alerts {
                name,
                language: if french { Language::Fr } else { Language::En },
                digest: digest.map_or(Digest::Off, Digest::At),
                quiet,
                kinds,
                mail,
                webhooks,
            },
        )
}

fn firewall() -> impl Strategy<Value = Firewall> {
    let topology = prop_oneof![
        Just(Topology::Side),
        Just(Topology::Router),
        Just(Topology::Bridge)
    ];
    let from_pbx = prop_oneof![Just(FromPbx::Trunk), Just(FromPbx::Web), Just(FromPbx::Any)];
    let host = "[a-z0-9]{1,9}\\.voip\\.ms".prop_map(|h| HostName::parse(&h).unwrap());
    let port = || option::of("[a-z][a-z0-9.-]{0,14}".prop_map(|p| Interface::parse(&p).unwrap()));
    let networks = || vec(network(), 0..3);
    (
        (topology, from_pbx, any::<(bool, bool, bool)>()),
        (port(), port(), vec(host, 0..3), any::<Vec<[u8; 4]>>()),
        (networks(), networks(), networks()),
        (1_024..30_000u16, 0..30_000u16),
    )
        .prop_map(
            |(
                (topology, from_pbx, (range, ssh, bans)),
                (outside, inside, pops, dns),
                (pbx, remote, office),
                (first, more),
            )| Firewall {
                topology,
                outside,
                inside,
                pbx,
                allow: if range {
                    AllowList::Range
                } else {
                    AllowList::Hosts
                },
                pops,
                dns: dns.into_iter().map(Into::into).collect(),
                remote,
                office,
                from_pbx,
                rtp: PortRange {
                    first,
                    last: first + more,
                },
                ssh,
                bans,
            },
        )
}

fn exports() -> impl Strategy<Value = (Syslog, Metrics)> {
    let server = prop_oneof![
        Just("logs.example.net"),
        Just("192.0.2.7"),
        Just("2001:db8::7")
    ];
    let transport = prop_oneof![
        Just((Transport::Udp, false)),
        Just((Transport::Tcp, false)),
        Just((Transport::Tls, false)),
        Just((Transport::Tls, true))
    ];
    let access = prop_oneof![
        Just(MetricsAccess::Off),
        Just(MetricsAccess::Token),
        Just(MetricsAccess::Office)
    ];
    let rest = (0..8u8, any::<bool>(), any::<bool>());
    (
        option::of(server),
        option::of(1..=65_535u16),
        transport,
        "[0-9a-f]{64}",
        rest,
        access,
    )
        .prop_map(
            |(server, port, (transport, pinned), mark, (local, calls, incidents), access)| {
                let syslog = Syslog {
                    server: server.map(|server| Host::parse(server).unwrap()),
                    port,
                    transport,
                    fingerprint: pinned.then(|| Fingerprint::parse(&mark).unwrap()),
                    local,
                    calls,
                    incidents,
                };
                (syslog, Metrics { access })
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
                (settings, firewall, network, alerts, (syslog, metrics)),
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
                    policy,
                    clients,
                    groups,
                    callers,
                    lists,
                }
            },
        )
}

/// Any record.
pub fn record() -> impl Strategy<Value = Record> {
    let rule = || (0..Rule::ALL.len()).prop_map(|n| Rule::ALL[n]);
    let mode = prop_oneof![
        Just(Mode::Detect),
        Just(Mode::Prevent),
        Just(Mode::Lockdown)
    ];
    let level = prop_oneof![
        Just(Level::BuiltIn),
        Just(Level::Everybody),
        Just(Level::Caller)
    ];
    let phone = option::of(prop_oneof![
        any::<[u8; 4]>().prop_map(std::net::IpAddr::from),
        any::<[u8; 16]>().prop_map(std::net::IpAddr::from),
    ]);
    let digits = option::of("[0-9]{1,15}".prop_map(|d| Digits::new(d.as_bytes()).unwrap()));
    let texts = ("[ -~]{0,32}", "[ -~]{0,40}", "[ -~]{0,40}");
    let number = (
        digits,
        option::of(country().prop_filter("a country", |c| *c != CountryCode::ANY)),
        option::of(kind()),
    );
    let verdict = (
        any::<[bool; 3]>(),
        rule(),
        level,
        option::of(any::<(u32, u32)>()),
    )
        .prop_map(
            |([approved, allowed, chargeable], rule, level, figures)| Verdict {
                approved,
                allowed,
                rule,
                level,
                figures,
                chargeable,
            },
        );
    (
        any::<i64>(),
        texts,
        number,
        verdict,
        mode,
        option::of(rule()),
        option::of(any::<u16>()),
        phone,
        0..=5u8,
    )
        .prop_map(
            |(
                unix_ms,
                (caller, dialled, agent),
                (digits, country, kind),
                verdict,
                mode,
                first,
                said_calls,
                phone,
                said_fields,
            )| Record {
                unix_ms,
                client: 0,
                caller: text(caller.as_bytes()),
                dialled: text(dialled.as_bytes()),
                digits,
                country,
                kind,
                mode,
                verdict,
                first,
                said_calls,
                phone,
                phone_agent: text(agent.as_bytes()),
                said_fields,
            },
        )
}

/// A call that was approved by default, costs money and goes to this number.
pub fn approved(client: u16, unix_ms: i64, caller: &str, number: &str) -> Record {
    let digits = number.trim_start_matches('+').as_bytes();
    Record {
        unix_ms,
        client,
        caller: text(caller.as_bytes()),
        dialled: text(format!("011{}", number.trim_start_matches('+')).as_bytes()),
        digits: Digits::new(digits),
        country: Some(CountryCode::new(if digits.starts_with(b"44") {
            *b"GB"
        } else {
            *b"DO"
        })),
        kind: Some(Kind::Abroad),
        mode: Mode::Prevent,
        verdict: Verdict {
            approved: true,
            allowed: true,
            rule: Rule::Default,
            level: Level::BuiltIn,
            figures: None,
            chargeable: true,
        },
        first: None,
        said_calls: None,
        phone: Some([192, 0, 2, 7].into()),
        phone_agent: text(b"Phone 1.0"),
        said_fields: 5,
    }
}

/// The same call, refused because of its country.
pub fn refused(client: u16, unix_ms: i64, caller: &str, number: &str) -> Record {
    let mut record = approved(client, unix_ms, caller, number);
    record.verdict = Verdict {
        approved: false,
        allowed: false,
        rule: Rule::Country,
        level: Level::Everybody,
        chargeable: false,
        figures: None,
    };
    record
}

/// A directory for tests that commit often and do not ask what a disk does.
pub fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
