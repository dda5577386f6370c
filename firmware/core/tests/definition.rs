//! What a policy may not be, with the place and the remedy.
#![allow(clippy::unwrap_used)]

mod office;

use office::compile;

fn problems(toml: &str) -> Vec<String> {
    match compile(toml) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|p| format!("{}: {}", p.path, p.message))
            .collect(),
    }
}

#[test]
fn every_problem_is_named_with_its_path() {
    let found = problems(
        "[settings]\ncountry = '*'\narea_code = 55\nemergency = ['nine']\n[policy]\noff = ['emergency']\n[policy.allow]\nlists = ['missing']\n[policy.limits]\nper_day = 70000\n
        [[client]]\nname = 'a'\naddresses = ['0.0.0.0/0']\n[[client]]\nname = 'a'\naddresses = []\n
        [[group]]\nname = 'g'\nclient = 'nobody'\ncallers = ['1']\n[[caller]]\nname = '1'\n[caller.policy.total]\nper_day = 1\n[[caller]]\nname = '1'\n",
    );
    for expected in [
        "settings.country: the office is in one country",
        "settings.area_code: an area code has three digits",
        "settings.emergency[0]: `nine` is no emergency number",
        "policy.off: `emergency` cannot be switched off",
        "policy.allow.lists[0]: there is no list named `missing`",
        "policy.limits: a limit is at most 65535",
        "client[0].addresses[0]: 0.0.0.0/0 is too wide",
        "client[1].name: there are two clients named `a`",
        "client[1].addresses: a client is told apart by its address",
        "group[0].client: there is no client named `nobody`",
        "caller[0].policy.total: `total` limits a whole client",
        "caller[1].name: caller `1` stands here twice",
    ] {
        assert!(
            found.iter().any(|f| f.starts_with(expected)),
            "missing `{expected}` in {found:#?}"
        );
    }
}

#[test]
fn alerts_that_cannot_be_sent_or_would_be_read_on_the_way_are_refused() {
    let mail = |more: &str| {
        format!("[alerts.mail]\nfrom = 'box@example.com'\nto = ['owner@example.com']\n{more}")
    };
    for (toml, expected) in [
        (mail("server = 'smtp.example.com'"), ""),
        (mail("server = '192.168.1.5'\nsecurity = 'none'"), ""),
        (
            mail("server = 'smtp.example.com'\nusername = 'x'\npassword = 'secret-secret'"),
            "",
        ),
        (
            mail("server = 'smtp.example.com'\nsecurity = 'none'"),
            "alerts.mail.security: `none` sends in clear",
        ),
        (
            mail(
                "server = '192.168.1.5'\nsecurity = 'none'\nusername = 'x'\npassword = 'secret-secret'",
            ),
            "alerts.mail.security: with `none` the password would go in clear",
        ),
        (
            mail("server = 'smtp.example.com'\nusername = 'x'"),
            "alerts.mail.password: a login needs its password",
        ),
        (
            mail("server = 'smtp.example.com'\npassword = 'secret-secret'"),
            "alerts.mail.username: a password needs its user name",
        ),
        (
            mail("server = 'smtp.example.com'\nport = 0"),
            "alerts.mail.port: a port is",
        ),
        (
            "[alerts.mail]\nserver = 'a.b'\nfrom = 'a@b.c'\nto = []".into(),
            "alerts.mail.to: write 1 to 10",
        ),
        (
            "[alerts.mail]\nserver = 'a.b'\nfrom = 'a@b.c'\nto = ['a@b.c', 'a@b.c']".into(),
            "alerts.mail.to[1]: a@b.c stands here twice",
        ),
        (
            "[[alerts.webhook]]\nname = 'mail'\nurl = 'https://a.b/'".into(),
            "alerts.webhook[0].name: `mail` is the name of another channel",
        ),
        (
            "[[alerts.webhook]]\nname = 'n'\nshape = 'ntfy'\nurl = 'https://a.b/'".into(),
            "alerts.webhook[0].url: an ntfy address ends in its topic",
        ),
        (
            "[[alerts.webhook]]\nname = 'n'\nurl = 'https://a.b/'\n".repeat(5),
            "alerts.webhook: at most 4",
        ),
    ] {
        let found = problems(&toml);
        match expected {
            "" => assert!(found.is_empty(), "{toml}: {found:#?}"),
            _ => assert!(
                found.iter().any(|f| f.starts_with(expected)),
                "{toml}: {found:#?}"
            ),
        }
    }
}

#[test]
fn values_refuse_what_they_cannot_be() {
    for (toml, expected) in [
        (
            "[policy.allow]\ncountries = ['XX']",
            "`XX` is not a country",
        ),
        (
            "[policy.block]\nprefixes = ['44']",
            "write it as +442071838750 or +44",
        ),
        (
            "[policy]\nholidays = ['2026-02-29']",
            "`2026-02-29` is not a day",
        ),
        (
            "[[policy.hours]]\ndays=['mon']\nfrom='8:00'\nto='25:00'",
            "is not a time of day",
        ),
        (
            "[[client]]\nname='a'\naddresses=['10.0.0.1']\nprefix='N00'",
            "`N00` is not a prefix",
        ),
        (
            "[[client]]\nname='a'\naddresses=['10.0.0.1']\ndeny_code=503",
            "503 approves a call",
        ),
        (
            "[[client]]\nname='a'\naddresses=['10.0.0.1']\ncontact_host='a b'",
            "is not a contact host",
        ),
        (
            "[[client]]\nname='a'\naddresses=['10.0.0.1']\ncredentials={username='u',password='short'}",
            "8 to 128",
        ),
        ("[policy]\nlimit = 3", "unknown field `limit`"),
    ] {
        let problem = toml::from_str::<trunkguard_core::policy::Definition>(toml)
            .unwrap_err()
            .to_string();
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn the_longest_network_tells_clients_apart() {
    let policy = compile(
        "[[client]]\nname = 'lan'\naddresses = ['10.0.0.0/8']\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5', 'fd00::5']\n",
    )
    .map_err(|p| format!("{p:?}"))
    .unwrap();
    let name = |source: &str| {
        policy
            .client_of(source.parse().unwrap())
            .map(|i| policy.clients()[i as usize].name.to_string())
    };
    assert_eq!(name("10.0.0.5").as_deref(), Some("pbx"));
    assert_eq!(name("::ffff:10.0.0.5").as_deref(), Some("pbx"));
    assert_eq!(name("10.0.0.6").as_deref(), Some("lan"));
    assert_eq!(name("fd00::5").as_deref(), Some("pbx"));
    assert_eq!(name("192.0.2.1"), None);
}
