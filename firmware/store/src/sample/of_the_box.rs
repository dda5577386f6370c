//! Sections of a policy that are the box's own: how it is reached, whom it lets through, whom it tells.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use trunkguard_core::{
    alerts::{KINDS, Kind as IncidentKind, When},
    policy::*,
};

use super::definition::{name, network};

pub(super) fn network_settings() -> impl Strategy<Value = Addresses> {
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

pub(super) fn alerts() -> impl Strategy<Value = Alerts> {
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

pub(super) fn firewall() -> impl Strategy<Value = Firewall> {
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

/// `[syslog]`, `[metrics]` and `[update]`.
pub(super) fn exports() -> impl Strategy<Value = (Syslog, Metrics, Update)> {
    let update = (
        prop_oneof![
            Just(Automatic::Install),
            Just(Automatic::Check),
            Just(Automatic::Off)
        ],
        option::of(Just("https://updates.example.net:8443/box/")),
        (0..1_440u16, 60..1_380u16),
    )
        .prop_map(|(automatic, url, (from, length))| {
            let to = (from + length) % 1_440;
            Update {
                automatic,
                url: url.map(|url| UpdateUrl::parse(url).unwrap()),
                hours: Quiet {
                    from: Clock::parse(&format!("{:02}:{:02}", from / 60, from % 60)).unwrap(),
                    to: Clock::parse(&format!("{:02}:{:02}", to / 60, to % 60)).unwrap(),
                },
            }
        });
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
        (access, update),
    )
        .prop_map(
            |(
                server,
                port,
                (transport, pinned),
                mark,
                (local, calls, incidents),
                (access, update),
            )| {
                let syslog = Syslog {
                    server: server.map(|server| Host::parse(server).unwrap()),
                    port,
                    transport,
                    fingerprint: pinned.then(|| Fingerprint::parse(&mark).unwrap()),
                    local,
                    calls,
                    incidents,
                };
                (syslog, Metrics { access }, update)
            },
        )
}
