//! The page in French: every sentence of the firmware has one (core::french), and none in English is left on any page.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use trunkguard_core::{
    alerts::{Kind, words},
    french::{french, sentences},
    policy::Language,
};
use trunkguard_tests::{
    Office, address,
    page::{PASSWORD, Page, routes},
    wire::Udp,
};

/// Where sentences are made that somebody may read on the page, below `firmware/`.
const SOURCES: &[&str] = &[
    "core/src/bans",
    "core/src/pattern",
    "core/src/policy",
    "core/src/pops",
    "core/src/update",
    "daemon/src/alerts",
    "daemon/src/backup",
    "daemon/src/clock.rs",
    "daemon/src/control.rs",
    "daemon/src/control_server.rs",
    "daemon/src/doctor/checks",
    "daemon/src/firewall",
    "daemon/src/network.rs",
    "daemon/src/page",
    "daemon/src/policy.rs",
    "daemon/src/tls.rs",
    "daemon/src/updates.rs",
    "dns/src",
    "firewall/src/check.rs",
    "firewall/src/client.rs",
    "firewall/src/nets.rs",
    "notify/src/mail.rs",
    "notify/src/pipe.rs",
    "notify/src/webhook.rs",
    "page/src",
    "store/src/backup",
    "store/src/file",
    "store/src/journal",
    "store/src/network",
    "store/src/outbox",
    "store/src/page_store.rs",
    "store/src/policy_store",
    "store/src/small.rs",
    "update/src",
];

/// Files there that speak to programs, to who reads a log, or in both languages by themselves.
const OTHERS: &[&str] = &[
    "/api/",
    "page/api.rs",
    "page/figures.rs",
    "page/src/texts",
    "diagnostics/support.rs",
    "shell/contact.rs",
    "shell/guard.rs",
    "calls/csv.rs",
    "firewall/view.rs",
    "tests.rs",
    "/tests/",
];

/// Parts of sentences that are not said by themselves, and what is no sentence.
const PARTS: &[&str] = &[
    "is not a key",
    "is not one of the words",
    "missing field ",
    "unknown field ",
    "unknown variant ",
    "invalid type: ",
    "invalid value: ",
    "duplicate key",
    "command line",
    "the control socket",
    "forgotten within the hour",
    "Trunkguard backup\n",
    "to set the page's first password, type this code: 12-12",
    ", until the next restart (12)",
    ", once the firewall's helper is there again",
    " or more",
    ", which leads elsewhere and is not followed: write the final address as update.url",
    ": it has no such file; look at update.url",
    ": its file ends before the octets that are signed; whoever looks after it has to put it there again",
    "no decision on a ban",
    "no decision on a PoP",
    "its path is not UTF-8",
    "two families",
    "not known yet",
    "no answer, 12 % lost",
    "12.12 ms, 12 % lost, 12",
    "Canada helper (beta)",
    "is switched off",
    "has no live cable",
    "; it is being used by attackers",
    "`12` 12 here; did you mean `12`? (allowed: 12)",
    "`12` 12 here; allowed: 12",
    "public, max-age=31536000, immutable",
    "Asterisk, chan_sip",
    "{\"error\": \"the answer cannot be written\"}",
];

#[test]
fn every_sentence_of_the_firmware_has_a_french_one() {
    let root = (Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware"))
        .canonicalize()
        .unwrap();
    let (mut looked_at, mut missing) = (0, Vec::new());
    for source in SOURCES {
        for (file, text) in files(&root.join(source)) {
            if OTHERS.iter().any(|other| file.contains(other)) {
                continue;
            }
            for literal in literals(&text) {
                let sentence = filled(&literal);
                if !is_sentence(&sentence) || PARTS.contains(&&*sentence) {
                    continue;
                }
                looked_at += 1;
                if french(&sentence).is_none() {
                    let name = file.rsplit("firmware/").next().unwrap();
                    missing.push(format!("{name}: {sentence}"));
                }
            }
        }
    }
    assert!(looked_at > 300, "only {looked_at} sentences were found");
    assert!(
        missing.is_empty(),
        "{} sentences are not in firmware/core/src/french:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn every_kind_of_incident_has_words_in_both_languages() {
    for kind in Kind::all() {
        let of = |language| words(kind.name(), language);
        let (english, french) = (of(Language::En), of(Language::Fr));
        assert_ne!(english.title, french.title, "{}", kind.name());
        assert_ne!(english.what, french.what, "{}", kind.name());
        assert_ne!(english.todo, french.todo, "{}", kind.name());
    }
}

/// No PBX, a channel that does not work, a PoP that nobody knows: there is much to be said of this box.
const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
country = "CA"
[firewall]
pops = ["montreal10.voip.ms"]
[policy.block]
countries = ["CU"]
[alerts]
language = "fr"
[alerts.kinds]
country = "urgent"
[[alerts.webhook]]
name = "chat"
url = "http://127.0.0.1:9/x"
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#;

#[test]
fn page_in_french_says_nothing_in_english() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        owner.set_cookie("lang", "fr");
        Udp::at(address::SCRIPT, page.guard.listens())?.ask("0115350000000", "call")?;
        page.guard.calls(1)?;

        for address in routes::taking(&["get("])? {
            // For programs, and for who reads the API's description, which is in English and says so.
            if address.starts_with("/api") || ["/live", "/metrics"].contains(&&*address) {
                continue;
            }
            let answer = owner.follow(&routes::filled(&address))?;
            nothing_english(&address, &answer.text())?;
        }
        // What the doctor says of this box.
        let checked = owner.page("/box/diagnostics?checks=run")?;
        nothing_english("/box/diagnostics?checks=run", &checked.text())?;
        ensure!(checked.has("script") && checked.has("IPv4"), "{checked:?}");

        // What is wrong with a policy, by line and key.
        for (text, says) in [
            (
                "[settings]\nmode = \"on\"\n",
                "n’est pas un des mots permis ici",
            ),
            ("[settings]\ncountry = \"XX\"\n", "n’est pas un pays"),
            ("[settings]\ncolour = 3\n", "n’est pas une clé ici"),
            (
                "[[client]]\nname = \"a\"\naddresses = []\n",
                "un client se reconnaît à son adresse",
            ),
            (
                "[settings]\ntime_zone = \"Mars/Olympus\"\n",
                "il n’y a pas de fuseau horaire",
            ),
            ("x = = 1\n", "ce n’est pas du TOML ici"),
        ] {
            let wrong = owner.submit("/policy/text", "/policy/text", &[("text", text)])?;
            ensure!(wrong.status == 422 && wrong.has(says), "{says}: {wrong:?}");
            nothing_english(text, &wrong.text())?;
        }
        // Refusals, each on a page of its own.
        for (on, action, fields, says) in [
            (
                "/firewall/pops",
                "/firewall/pop",
                [("act", "approve"), ("subject", "x")],
                "n’est pas une adresse",
            ),
            (
                "/firewall/pops",
                "/firewall/pop",
                [("act", "add"), ("subject", "10.0.0.1")],
                "n’est jamais permise",
            ),
            (
                "/settings/tokens",
                "/settings/tokens",
                [("name", "a"), ("expires", "2020-01-01")],
                "ce jour est passé",
            ),
        ] {
            let refused = owner.submit(on, action, &fields)?;
            ensure!(refused.has(says), "{says}: {refused:?}");
            nothing_english(action, &refused.text())?;
        }
        let tested = owner.submit("/alerts/channels", "/alerts/test", &[("channel", "")])?;
        nothing_english("/alerts/test", &tested.text())?;
        let gone = owner.get("/nothing")?;
        ensure!(gone.status == 404 && gone.has("lang=\"fr\""), "{gone:?}");
        nothing_english("/nothing", &gone.text())
    });
}

/// A box with much wrong with it: no helper for its firewall, and a policy file that was damaged.
#[test]
fn page_in_french_says_in_french_what_is_wrong_with_the_box() {
    Office::run(|office| {
        let nobody = office.folder().join("no-helper.sock");
        let mut page = Page::with(office, POLICY, |guard| guard.load_rules_by(&nobody))?;
        page.owner()?;
        page.guard.stop()?;
        fs::write(page.guard.state().join("policy.v2.db"), [b'x'; 8192])?;
        page.guard.start()?;
        let owner = page.log_in("owner", PASSWORD)?;
        owner.set_cookie("lang", "fr");
        for (address, says) in [
            ("/", "l’auxiliaire du pare-feu ne peut pas être joint"),
            (
                "/",
                "la politique en vigueur est celle du dernier changement",
            ),
            (
                "/firewall",
                "l’auxiliaire du pare-feu ne peut pas être joint",
            ),
            ("/alerts", "l’auxiliaire du pare-feu ne peut pas être joint"),
            ("/alerts", "était endommagé"),
            (
                "/box/diagnostics?checks=run",
                "les règles du pare-feu ne sont pas en vigueur",
            ),
        ] {
            let answer = owner.page(address)?;
            ensure!(answer.has(says), "{address}, {says}: {answer:?}");
            nothing_english(address, &answer.text())?;
        }
        Ok(())
    });
}

/// None of the firmware's sentences stands there as it is in English.
fn nothing_english(address: &str, html: &str) -> Result<()> {
    let text = (html.replace("&#39;", "'").replace("&#34;", "\"")).replace("&#96;", "`");
    for (english, french) in sentences() {
        // The longest piece between two values tells it well enough.
        let piece = english.split("{}").max_by_key(|piece| piece.len()).unwrap();
        let found = text
            .find(piece)
            .filter(|_| piece.len() >= 16 && !french.contains(piece));
        if let Some(at) = found {
            let from = text.floor_char_boundary(at.saturating_sub(80));
            let to = text.ceil_char_boundary(at + piece.len() + 80);
            anyhow::bail!("{address}: in English: {english}\n…{}…", &text[from..to]);
        }
    }
    Ok(())
}

/// Files of a folder and what is in it, or the file itself.
fn files(path: &Path) -> Vec<(String, String)> {
    if path.is_dir() {
        let mut entries: Vec<_> = (fs::read_dir(path).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        return entries.iter().flat_map(|entry| files(entry)).collect();
    }
    let name = path.to_string_lossy().into_owned();
    match name.ends_with(".rs") {
        true => vec![(name, fs::read_to_string(path).unwrap())],
        false => Vec::new(),
    }
}

/// The texts of a source file in quotes, but for those of its tests, of comments and of the log.
fn literals(source: &str) -> Vec<String> {
    let source = source
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let (mut found, mut rest) = (Vec::new(), source);
    // Inside of a macro of the log, as deep in brackets.
    let mut logged = 0_i32;
    while let Some(first) = rest.chars().next() {
        let log = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
        if logged == 0
            && let Some(name) = log.iter().find(|name| rest.starts_with(**name))
        {
            (logged, rest) = (1, &rest[name.len()..]);
        } else if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if first == '\'' {
            // A character, or a lifetime.
            let escaped = usize::from(rest[1..].starts_with('\\'));
            let end = rest.char_indices().nth(2 + escaped);
            let is_char = end.is_some_and(|(at, c)| c == '\'' && at > 0);
            rest = match end {
                Some((at, _)) if is_char => &rest[at + 1..],
                _ => &rest[1..],
            };
        } else if first == '"' {
            let (literal, behind) = quoted(&rest[1..]);
            if logged == 0 {
                found.push(literal);
            }
            rest = behind;
        } else {
            logged = match (logged, first) {
                (0, _) => 0,
                (deep, '(') => deep + 1,
                (deep, ')') => deep - 1,
                (deep, _) => deep,
            };
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// A text up to its closing quote, without its escapes, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (literal, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => literal.push('\n'),
                // The line goes on below, without the space in front.
                Some((at, '\n')) => {
                    let more = text[at..].trim_start();
                    characters = text.char_indices();
                    let skip = text.len() - more.len();
                    while characters.offset() < skip {
                        characters.next();
                    }
                }
                Some((_, other)) => literal.push(other),
                None => break,
            },
            other => literal.push(other),
        }
    }
    (literal, "")
}

/// With a value in each place.
fn filled(literal: &str) -> String {
    let mut filled = String::new();
    let mut rest = literal;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let name = |c: char| c.is_ascii_alphanumeric() || "_.:?#$".contains(c);
        rest = match (behind.strip_prefix('{'), behind.split_once('}')) {
            (Some(escaped), _) => {
                filled.push('{');
                escaped
            }
            (None, Some((inside, rest))) if inside.chars().all(name) => {
                // Two values without anything between them are one.
                if !filled.ends_with("12") {
                    filled.push_str("12");
                }
                rest
            }
            _ => {
                filled.push('{');
                behind
            }
        };
    }
    filled.push_str(rest);
    filled.replace("}}", "}")
}

/// Three words, or two with a value: what is said to people, and no name, key or piece of SQL.
fn is_sentence(text: &str) -> bool {
    let words = text.split(' ').filter(|word| {
        let letters = word.trim_matches(|c: char| !c.is_alphanumeric());
        letters.len() > 1
            && letters
                .chars()
                .all(|c| c.is_ascii_lowercase() || "'-".contains(c))
    });
    let sql = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "PRAGMA"];
    words.count() >= 2
        && !text.starts_with('#')
        && !sql.iter().any(|word| text.contains(word))
        && !text.contains("charset=")
}
