use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::sample;

const PATH: &str = "dir/policy.toml";

fn refused(text: &str) -> String {
    parse(text, Path::new(PATH)).unwrap_err().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_rendered_is_read_back(definition in sample::definition()) {
        let text = render(&definition);
        prop_assert_eq!(parse(&text, Path::new(PATH)).unwrap(), definition, "{}", text);
    }

    #[test]
    fn no_text_panics(text in "(\\[+(client|policy|list|settings)\\]+\n|[a-z_.]{1,9} ?= ?[\"'\\[{0-9a-z,\\]}é]*\n|\\PC){0,20}") {
        if let Err(e) = parse(&text, Path::new(PATH)) {
            prop_assert!(e.line >= 1 && e.line <= text.split('\n').count(), "{}", e);
            prop_assert!(!e.to_string().contains('\n'), "{}", e);
        }
    }
}

#[test]
fn an_empty_file_is_the_default_policy() {
    let definition = parse("", Path::new(PATH)).unwrap();
    assert_eq!(
        definition,
        Definition {
            format: 1,
            ..Definition::default()
        }
    );
}

#[test]
fn errors_name_file_line_column_key_fault_and_remedy() {
    for (text, expected) in [
        (
            "[settings]\n  mod = \"prevent\"\n",
            "dir/policy.toml:2:3: settings.mod: `mod` is not a key here; did you mean `mode`? (allowed: mode, time_zone, country,",
        ),
        (
            "colour = 1\n",
            "dir/policy.toml:1:1: colour: `colour` is not a key here; allowed: format, settings, firewall, network, alerts, syslog, metrics, update, policy, client,",
        ),
        (
            "[settings]\nmode = \"prevnt\"\n",
            "dir/policy.toml:2:8: settings.mode: `prevnt` is not one of the words here; did you mean `prevent`? (allowed: detect,",
        ),
        (
            "\n[[client]]\nname = \"a\"\n\n[[client]]\nname = \"b\"\naddresses = [\"10.0.0.1/32\"]\n",
            "dir/policy.toml:2:1: client[0]: `addresses` is missing; add it",
        ),
        (
            "[[client]]\nname = \"é\"\naddresses = [\n  \"10.0.0.1/32\",\n  \"10.0.0.300\",\n]\n",
            "dir/policy.toml:5:3: client[0].addresses[1]: `10.0.0.300` is not an address; write it as",
        ),
        (
            "[policy]\nallow.countries = [\"US\", \"usa\"]\n",
            "dir/policy.toml:2:26: policy.allow.countries[1]: `usa` is not a country; write two capital letters",
        ),
        (
            "[policy]\nsame_number = { calls = 300, seconds = 1 }\n",
            "dir/policy.toml:2:25: policy.same_number.calls: integer `300` does not fit; write a whole number from 0 to 255",
        ),
        (
            "[policy]\nsame_number = { calls = 3 }\n",
            "dir/policy.toml:2:15: policy.same_number: `seconds` is missing; add it",
        ),
        (
            "[network]\naddress = \"192.168.1.2\"\n",
            "dir/policy.toml:2:11: network.address: `192.168.1.2` is not an IPv4 address with its network; write an address and its network such as 192.168.1.2/24, or dhcp",
        ),
        (
            "[alerts.kinds]\ncountry = \"later\"\n",
            "dir/policy.toml:2:11: alerts.kinds.country: `later` is not one of the words here; allowed: urgent, now, digest, off",
        ),
        (
            "[alerts]\ndigest = \"24:00\"\n",
            "dir/policy.toml:2:10: alerts.digest: `24:00` is not a time for the digest; write a time of day such as 07:30, or off",
        ),
        (
            "[[alerts.webhook]]\nname = \"x\"\nurl = \"http://example.com/\"\n",
            "dir/policy.toml:3:7: alerts.webhook[0].url: example.com cannot be reached by http,",
        ),
        (
            "[settings]\ntime_zone = 7\n",
            "dir/policy.toml:2:13: settings.time_zone: integer `7` where a text belongs; put it in quotes",
        ),
        (
            "[policy]\nnetworks = \"x\"\n",
            "dir/policy.toml:2:12: policy.networks: string \"x\" where a list belongs; put it in brackets",
        ),
        (
            "[settings\n",
            "dir/policy.toml:1:10: not TOML here (unclosed table, expected `]`); compare the line",
        ),
        (
            "[settings]\nmode = \"detect\"\nmode = \"detect\"\n",
            "dir/policy.toml:3:1: this key is there twice; keep one",
        ),
        (
            "format = 2\n",
            "dir/policy.toml:1:1: format: format 2 is not known to this version; write format = 1",
        ),
        (
            "[[list]]\nname = \"l\"\nnumbers = [\"0442071838750\"]\n",
            "dir/policy.toml:3:12: list[0].numbers[0]: `0442071838750` is not a number or prefix; write it as",
        ),
    ] {
        let error = refused(text);
        assert!(
            error.starts_with(expected),
            "\n got: {error}\nwant: {expected}"
        );
    }
}

#[test]
fn a_password_is_not_in_an_error() {
    let text = "[[client]]\nname = \"a\"\naddresses = []\ncredentials = { username = \"u\", password = 87654321 }\n";
    let error = refused(text);
    assert!(error.contains("client[0].credentials.password"), "{error}");
    assert!(!error.contains("87654321"), "{error}");
    let short = refused(&text.replace("87654321", "\"geheim\""));
    assert!(
        short.contains("8 to 128") && !short.contains("geheim"),
        "{short}"
    );
}

#[test]
fn a_key_of_the_core_is_found_in_the_text() {
    let text = "format = 1\n[[client]]\nname = 'a'\n[[client]]\nname = 'b'\npolicy.allow.lists = [\n 'x',\n 'y' ]\n[client.policy.limits]\nper_day = 3\n";
    let place = |key: &str| {
        let e = problem(text, Path::new(PATH), key, "m");
        (e.line, e.column)
    };
    assert_eq!(place("client[1].policy.allow.lists[1]"), (8, 2));
    assert_eq!(place("client[1].policy.limits.per_day"), (10, 1));
    assert_eq!(place("client[1].policy.limits.per_hour"), (9, 16));
    assert_eq!(place("client[1].name"), (5, 1));
    assert_eq!(place("client[0].addresses"), (2, 1));
    assert_eq!(place("client[0]"), (2, 1));
    assert_eq!(place("settings.time_zone"), (0, 0));
    assert_eq!(
        problem(text, Path::new("p.toml"), "caller[0]", "m; r").to_string(),
        "p.toml: caller[0]: m; r"
    );
}

#[test]
fn numbers_come_from_files_beside_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    fs::write(
        dir.path().join("n.csv"),
        "\u{feff}Number;Who\r\n\"+44 20 7183 8750\";x\r\n\r\n# note\n+1-809-555-0100,y\n",
    )
    .unwrap();
    fs::write(
        &path,
        "[[list]]\nname = \"l\"\nnumbers = [\"+15551234567\"]\nfile = \"n.csv\"\n",
    )
    .unwrap();
    let (_, definition) = read(&path).unwrap();
    let list = &definition.lists[0];
    assert_eq!(list.file, None);
    let numbers: Vec<String> = list.numbers.iter().map(ToString::to_string).collect();
    assert_eq!(numbers, ["+15551234567", "+442071838750", "+18095550100"]);

    fs::write(dir.path().join("n.csv"), "+442071838750\n\n4.42072E+11\n").unwrap();
    let error = read(&path).unwrap_err();
    assert_eq!(
        (
            error.line,
            error.file.file_name().unwrap().to_str().unwrap()
        ),
        (3, "n.csv")
    );
    assert!(error.message.contains("4.42072E+11"), "{error}");

    fs::write(dir.path().join("n.csv"), "Number\nName\n").unwrap();
    assert_eq!(read(&path).unwrap_err().line, 2);
}

#[test]
fn files_of_numbers_are_bounded_and_stay_beside_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    let with = |file: &str| format!("[[list]]\nname = \"l\"\nfile = \"{file}\"\n");
    for (file, expected) in [
        ("../n.csv", "leads away"),
        ("/etc/hostname", "leads away"),
        ("", "leads away"),
        ("none.csv", "cannot be read"),
        (".", "not a plain file"),
    ] {
        let error = parse(&with(file), &path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(
            (error.line, error.key.as_str()),
            (3, "list[0].file"),
            "{error}"
        );
    }
    let many: String = (0..=MAX_NUMBERS)
        .map(|n| format!("+1555{n:07}\n"))
        .collect();
    fs::write(dir.path().join("n.csv"), many).unwrap();
    let error = parse(&with("n.csv"), &path).unwrap_err();
    assert!(
        error.to_string().contains("more than 200000 numbers"),
        "{error}"
    );
    assert_eq!(error.line, MAX_NUMBERS + 1);
    fs::write(dir.path().join("n.csv"), vec![b'1'; MAX_LIST_FILE + 1]).unwrap();
    assert!(
        parse(&with("n.csv"), &path)
            .unwrap_err()
            .to_string()
            .contains("larger than 8 MiB")
    );
}

#[test]
fn a_file_that_is_not_text_is_refused_where_it_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    fs::write(&path, b"[settings]\nmode = \"\xff\"\n").unwrap();
    let error = read(&path).unwrap_err();
    assert_eq!((error.line, error.column), (2, 9), "{error}");
    let error = read(&dir.path().join("missing.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing.toml: cannot be read: No such file"),
        "{error}"
    );
}

#[test]
fn what_the_core_refuses_is_found_in_the_text() {
    let text =
        "[[client]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\npolicy.allow.lists = [\"none\"]\n";
    let definition = parse(text, Path::new(PATH)).unwrap();
    let error = check(text, Path::new(PATH), &definition).unwrap_err();
    assert_eq!(
        (error.line, error.key.as_str()),
        (4, "client[0].policy.allow.lists[0]"),
        "{error}"
    );
}

#[test]
fn a_policy_that_is_sent_reads_no_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bad.csv"), "+442071838750\n").unwrap();
    let text = "[[list]]\nname = \"known-bad\"\nfile = \"bad.csv\"\n";
    let name = dir.path().join("policy.toml");
    assert_eq!(parse(text, &name).unwrap().lists[0].numbers.len(), 1);
    let said = parse_sent(text, &name).unwrap_err();
    assert_eq!((said.line, said.key.as_str()), (3, "list[0].file"));
    let text =
        "[[client]]\nname = \"pbx\"\naddresses = []\npolicy = { block = { lists = [\"none\"] } }\n";
    assert!(parse_sent(text, &name).unwrap_err().line > 0);
}
