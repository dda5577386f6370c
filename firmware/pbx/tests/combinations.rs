//! What must hold for every set-up that can be asked for.
#![allow(clippy::unwrap_used)]

use trunkguard_core::{
    gate,
    number::{Dialled, Home, read},
    policy::{CountryCode, Definition, Policy},
};
use trunkguard_pbx::{Answers, Form, Language, PASSWORD, Setup, answers::EMERGENCY, setup};

mod common;
use common::form;

/// Every combination of the answers that are choices.
fn all() -> Vec<Form> {
    let mut forms = Vec::new();
    let pbxs = [
        ("freepbx", "17", "pjsip"),
        ("freepbx", "13", "pjsip"),
        ("freepbx", "16", "chan-sip"),
        ("freepbx", "17", "chan-sip"),
        ("asterisk-pjsip", "", ""),
        ("asterisk-chan-sip", "", ""),
        ("freeswitch", "", ""),
    ];
    for (pbx, freepbx, driver) in pbxs {
        for method in ["redirect", "failover"] {
            for to_box in ["udp", "tcp", "tls"] {
                for to_voipms in ["udp", "tcp", "tls", "iax2"] {
                    for (login, when_away) in [
                        ("register", "closed"),
                        ("register", "open"),
                        ("address", "open"),
                    ] {
                        for more in ["", "486", "403"] {
                            forms.push(form(&[
                                ("pbx", pbx),
                                ("freepbx", freepbx),
                                ("driver", driver),
                                ("method", method),
                                ("to_box", to_box),
                                ("to_voipms", to_voipms),
                                ("login", login),
                                ("when_away", when_away),
                                ("deny_code", more),
                                ("outside_prefix", if more.is_empty() { "" } else { "9" }),
                            ]));
                        }
                    }
                }
            }
        }
    }
    forms
}

fn fitting() -> Vec<Answers> {
    let fitting: Vec<Answers> = all().iter().filter_map(|form| form.check().ok()).collect();
    assert!(fitting.len() > 300, "{}", fitting.len());
    fitting
}

#[test]
fn what_does_not_fit_is_refused_with_a_remedy() {
    for form in all() {
        if let Err(wrong) = form.check() {
            assert!(!wrong.is_empty());
            for one in wrong {
                assert!(
                    one.message.len() > 20 && one.message.contains("write"),
                    "{one:?}"
                );
            }
        }
    }
}

#[test]
fn the_client_is_one_that_the_policy_takes_and_its_text_says_the_same() {
    for answers in fitting() {
        let made = setup::client(&answers);
        assert_eq!(gate::deny_status(&made), answers.refusal());
        let text = Setup::new(&answers, Language::English).client;
        let definition: Definition =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(definition.clients, [made]);
        Policy::compile(&definition).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    }
}

#[test]
fn the_password_has_a_place_and_no_other() {
    for answers in fitting() {
        let text = Setup::new(&answers, Language::English).readable(Language::English);
        assert_eq!(text.contains(PASSWORD), answers.registers(), "{text}");
        assert!(!text.contains("secret = \n"));
    }
}

#[test]
fn emergency_calls_ask_nobody() {
    for answers in fitting() {
        let setup = Setup::new(&answers, Language::English);
        let text = setup.readable(Language::English);
        for number in EMERGENCY {
            assert!(text.contains(number), "{number}\n{text}");
        }
        for file in setup
            .files
            .iter()
            .filter(|f| f.name == "trunkguard_extensions.conf")
        {
            for number in EMERGENCY {
                assert!(file.text.contains(&format!(
                    "exten => {number},1,Gosub(trunkguard-emergency,s,1({number}))\n"
                )));
            }
            let section = file.text.split("[trunkguard-emergency]").nth(1).unwrap();
            let section = section.split("\n[").next().unwrap();
            assert!(
                !section.contains("trunkguard-ask") && section.contains("Dial("),
                "{section}"
            );
        }
    }
}

#[test]
fn emergency_numbers_are_those_of_the_core() {
    let home = Home {
        country: CountryCode::US,
        area_code: None,
        outside_prefix: b"",
        emergency: &[],
    };
    for number in EMERGENCY {
        let read = read(number.as_bytes(), Default::default(), &home);
        assert_eq!(read, Ok(Dialled::Emergency), "{number}");
    }
}

/// A line of an Asterisk file is a section, a setting, a comment, or nothing; and no `;` cuts one short.
#[test]
fn asterisk_files_are_of_whole_lines() {
    for answers in fitting() {
        for file in Setup::new(&answers, Language::English).files {
            if !file.name.ends_with(".conf") {
                continue;
            }
            assert!(
                file.text.is_ascii() || file.text.contains('…'),
                "{}",
                file.text
            );
            for line in file.text.lines() {
                let bare = line.trim();
                let known = bare.is_empty() || bare.starts_with(['[', ';']) || bare.contains('=');
                assert!(known, "{line}");
                if let Some(at) = bare.find(';').filter(|at| !bare[..*at].ends_with('\\')) {
                    // A comment behind a setting has a space in front.
                    assert!(at == 0 || bare[..at].ends_with(' '), "{line}");
                }
                let opened = bare.matches(['(', '{', '[']).count();
                assert_eq!(opened, bare.matches([')', '}', ']']).count(), "{line}");
            }
        }
    }
}

#[test]
fn freeswitch_files_are_well_formed() {
    let mut seen = 0;
    for answers in fitting() {
        for file in Setup::new(&answers, Language::English).files {
            if file.name.ends_with(".xml") {
                let tree = roxmltree::Document::parse(&file.text)
                    .unwrap_or_else(|e| panic!("{e}\n{}", file.text));
                assert_eq!(tree.root_element().tag_name().name(), "include");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_sentence_is_there_in_french() {
    for answers in fitting() {
        let english = Setup::new(&answers, Language::English);
        let french = Setup::new(&answers, Language::French);
        assert_eq!(english.files, french.files);
        assert_eq!(english.client, french.client);
        for (e, f) in english.steps.iter().zip(&french.steps) {
            assert!(e.what != f.what && e.block == f.block, "{}", e.what);
        }
        assert_eq!(english.warnings.len(), french.warnings.len());
        assert!(
            english
                .warnings
                .iter()
                .zip(&french.warnings)
                .all(|(e, f)| e != f)
        );
        assert_eq!(english.checks.len(), french.checks.len());
    }
}

/// What is written here passes what is looked for in what others wrote.
#[test]
fn our_own_files_have_no_traps() {
    for answers in fitting() {
        for file in Setup::new(&answers, Language::English).files {
            if !file.name.ends_with(".conf") {
                continue;
            }
            let traps = trunkguard_pbx::traps::look_over(&file.text);
            assert_eq!(traps, [], "{}\n{}", file.name, file.text);
        }
    }
}

#[test]
fn a_policy_gets_the_client_and_keeps_what_it_had() {
    let mut definition: Definition = toml::from_str(
        "[settings]\narea_code = 212\nemergency = [\"999\"]\n[firewall]\npops = [\"atlanta1.voip.ms\"]\n\
         [[client]]\nname = \"office\"\naddresses = [\"10.0.0.9\"]\nprofile = \"failover\"\noutside_prefix = \"9\"\n\
         credentials = { username = \"u\", password = \"long-enough-secret\" }\n[client.policy]\noff = [\"scanner\"]\n",
    )
    .unwrap();
    // What it tells is asked no more.
    let typed = Form::of(&definition);
    assert_eq!(
        (
            typed.pbx_address.as_str(),
            typed.area_code.as_str(),
            typed.emergency.as_str()
        ),
        ("10.0.0.9", "212", "999")
    );
    assert_eq!(
        (typed.name.as_str(), typed.pop.as_str()),
        ("office", "atlanta1.voip.ms")
    );

    let answers = form(&[("emergency", "000 999")]).check().unwrap();
    setup::add(&mut definition, &answers);
    let client = &definition.clients[0];
    let wanted = setup::client(&answers);
    assert_eq!(
        (
            &client.addresses,
            client.profile,
            client.outside_prefix.as_str()
        ),
        (&wanted.addresses, wanted.profile, "")
    );
    assert!(client.credentials.is_some() && !client.policy.is_empty());
    let pops: Vec<&str> = definition
        .firewall
        .pops
        .iter()
        .map(|p| p.as_str())
        .collect();
    assert_eq!(pops, ["atlanta1.voip.ms", "montreal10.voip.ms"]);
    assert_eq!(definition.settings.emergency.len(), 2);

    let other = form(&[("name", "branch"), ("pbx_address", "192.168.2.10")])
        .check()
        .unwrap();
    setup::add(&mut definition, &other);
    setup::add(&mut definition, &other);
    assert_eq!(definition.clients.len(), 2);
    Policy::compile(&definition).unwrap();
}
