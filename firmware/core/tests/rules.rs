//! Every rule of the product, each with calls that it decides and calls that it leaves alone.
#![allow(clippy::unwrap_used)]

mod office;

use office::{Dial, dial, office};
use trunkguard_core::{
    request::Tampering,
    verdict::{Answer, Level, Rule},
};

const LONDON: &str = "011442071838750";
const HOME: &str = "2125550123";

#[test]
fn a_careful_small_office_is_what_nobody_has_to_set() {
    let mut o = office("");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(
        o.rule(dial("2001", "16135550123")),
        "+default",
        "Canada belongs to home in the US"
    );
    assert_eq!(o.rule(dial("2001", LONDON)), "-country");
    assert_eq!(
        o.rule(dial("2001", "18095550123")),
        "-country",
        "+1, but the Dominican Republic"
    );
    assert_eq!(o.rule(dial("2001", "19005550123")), "-kind", "premium");
    assert_eq!(
        o.rule(dial("2001", "011881612345678")),
        "-kind",
        "satellite"
    );
    assert_eq!(o.rule(dial("2001", "18005550123")), "+toll-free");
    assert_eq!(o.rule(dial("2001", "911")), "+emergency");
    assert_eq!(o.rule(dial("2001", "4443")), "+service");
    assert_eq!(o.rule(dial("2001", "no number")), "-not-a-number");
}

#[test]
fn emergency_comes_before_everything_but_a_loop() {
    let mut o = office(
        "settings = {mode = 'lockdown', emergency = ['999']}\npolicy = {off = [], limits = {simultaneous = 0, per_day = 0}}\n[[client]]\nname='pbx'\naddresses=['10.0.0.0/24']\noutside_prefix='9'\n",
    );
    for number in ["911", "933", "988", "112", "999", "9911"] {
        let call = Dial {
            tampering: Some(Tampering::TwiceSaid),
            agent: "friendly-scanner",
            ..dial("2001", number)
        };
        for _ in 0..30 {
            assert_eq!(o.rule(call), "+emergency", "{number}");
        }
    }
    assert_eq!(
        o.rule(dial("2001", "18005550123")),
        "-lockdown",
        "toll-free is not emergency"
    );
}

#[test]
fn always_allowed_passes_in_lockdown_and_through_limits() {
    let mut o = office(
        "settings = {mode = 'lockdown'}\n[policy]\nalways_allow = ['+442071838750']\n[policy.limits]\nper_day = 1\n",
    );
    for _ in 0..10 {
        assert_eq!(o.rule(dial("2001", LONDON)), "+always-allowed");
    }
    assert_eq!(o.rule(dial("2001", HOME)), "-lockdown");
}

#[test]
fn detect_approves_and_remembers_what_it_would_have_denied() {
    let mut o = office("settings = {mode = 'detect'}\n");
    let (answer, record) = o.call(dial("2001", LONDON));
    assert_eq!(answer, Answer::Redirect(*b"A00"));
    assert!(record.verdict.approved && !record.verdict.allowed && record.verdict.chargeable);
    assert_eq!(record.verdict.rule, Rule::Country);
    let (answer, record) = o.call(dial("2001", "A00011442071838750"));
    assert_eq!(
        (answer, record.verdict.approved),
        (Answer::Status(482), false),
        "a loop is no call"
    );
}

#[test]
fn tampering_is_refused_and_can_be_switched_off() {
    let call = Dial {
        tampering: Some(Tampering::TwiceSaid),
        ..dial("2001", HOME)
    };
    assert_eq!(office("").rule(call), "-tampering");
    assert_eq!(
        office("policy = {off = ['tampering']}").rule(call),
        "+default"
    );
}

#[test]
fn what_is_no_number_is_refused_and_can_be_let_through() {
    assert_eq!(office("").rule(dial("2001", "01")), "-not-a-number");
    assert_eq!(
        office("policy = {off = ['not-a-number']}").rule(dial("2001", "01")),
        "+default"
    );
}

#[test]
fn scanners_by_name() {
    let from = |agent| Dial {
        agent,
        ..dial("2001", HOME)
    };
    assert_eq!(office("").rule(from("friendly-scanner")), "-scanner");
    assert_eq!(office("").rule(from("Mozilla SIPVicious 0.3")), "-scanner");
    assert_eq!(
        office("").rule(from("Yealink SIP-T46U 108.86.0.20")),
        "+default"
    );
    assert_eq!(
        office("policy = {scanners = ['EvilPhone']}").rule(from("evilphone/2")),
        "-scanner"
    );
    assert_eq!(
        office("policy = {off = ['scanner']}").rule(from("friendly-scanner")),
        "+default"
    );
}

#[test]
fn phones_call_from_the_allowed_networks_only() {
    let policy = "policy = {networks = ['192.168.0.0/16', 'fd00::/8']}";
    let from = |phone| Dial {
        phone,
        ..dial("2001", HOME)
    };
    assert_eq!(office(policy).rule(from(Some("192.168.3.4"))), "+default");
    assert_eq!(
        office(policy).rule(from(Some("::ffff:192.168.3.4"))),
        "+default"
    );
    assert_eq!(office(policy).rule(from(Some("fd00::1"))), "+default");
    assert_eq!(office(policy).rule(from(Some("203.0.113.7"))), "-network");
    assert_eq!(
        office(policy).rule(from(None)),
        "-network",
        "an unknown address is not an allowed one"
    );
}

#[test]
fn numbers_and_lists_come_first_and_allow_beats_block() {
    let mut o = office(
        "policy = {allow = {numbers = ['+442071838750']}, block = {numbers = ['+12125550199'], lists = ['bad'], prefixes = ['+44']}}\n[[list]]\nname = 'bad'\nnumbers = ['+442071838750', '+12125550188']\n",
    );
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "+default",
        "allowed by name, though its list and prefix are blocked"
    );
    assert_eq!(o.rule(dial("2001", "2125550199")), "-number");
    assert_eq!(o.rule(dial("2001", "12125550188")), "-number");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
}

#[test]
fn the_most_specific_prefix_or_pattern_wins_whatever_their_order() {
    let mut o = office(
        "policy = {allow = {countries = ['*'], prefixes = ['+4420', '+44870123']}, block = {prefixes = ['+44', '+44870'], patterns = ['_0113906.', '_1900NXXXXXX', '_+4420718!']}}",
    );
    assert_eq!(o.rule(dial("2001", "011441612345678")), "-prefix");
    assert_eq!(
        o.rule(dial("2001", "011442012345678")),
        "+default",
        "+4420 is longer than +44"
    );
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "-prefix",
        "the pattern +4420718! is longer still, on the + form"
    );
    assert_eq!(
        o.rule(dial("2001", "0443906123456")),
        "+default",
        "the pattern is about 011"
    );
    assert_eq!(
        o.rule(dial("2001", "0113906123456")),
        "-prefix",
        "a pattern on what was dialled"
    );
}

#[test]
fn kinds_and_countries() {
    let mut o = office(
        "policy = {allow = {kinds = ['nanp-abroad'], countries = ['US', 'GB']}, block = {kinds = ['premium'], countries = ['GB', 'FR']}}",
    );
    assert_eq!(
        o.rule(dial("2001", "18095550123")),
        "+default",
        "an allowed kind needs no country"
    );
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "+default",
        "allow beats block"
    );
    assert_eq!(o.rule(dial("2001", "01133142685300")), "-country");
    assert_eq!(
        o.rule(dial("2001", "01149301234567")),
        "-country",
        "not allowed by anybody"
    );
    let mut o = office("policy = {allow = {countries = ['*']}, block = {countries = ['FR']}}");
    assert_eq!(o.rule(dial("2001", "01149301234567")), "+default");
    assert_eq!(o.rule(dial("2001", "01133142685300")), "-country");
}

#[test]
fn a_destination_rule_that_is_off_is_not_asked() {
    let mut o = office("policy = {off = ['country', 'kind']}");
    assert_eq!(o.rule(dial("2001", LONDON)), "+default");
    assert_eq!(o.rule(dial("2001", "19005550123")), "+default");
}

#[test]
fn limits_per_caller_slide_with_time() {
    let mut o = office(
        "policy = {off = ['same-number', 'simultaneous', 'sequential'], limits = {per_minute = 3, per_hour = 5, per_day = 6}}",
    );
    let numbers = ["2125550101", "2125550111", "2125550121", "2125550131"];
    for n in &numbers[..3] {
        assert_eq!(o.rule(dial("2001", n)), "+default");
    }
    assert_eq!(o.rule(dial("2001", numbers[3])), "-per-minute");
    assert_eq!(
        o.rule(dial("2002", numbers[3])),
        "+default",
        "another caller"
    );
    o.pass(70);
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "-per-hour");
    o.pass(3_900);
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "-per-day");
    o.pass(25 * 3_600);
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
}

#[test]
fn refused_calls_use_up_no_limit() {
    let mut o = office("policy = {off = ['same-number', 'spellings'], limits = {per_day = 2}}");
    for _ in 0..20 {
        assert_eq!(o.rule(dial("2001", LONDON)), "-country");
    }
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
}

#[test]
fn limits_of_a_whole_client_and_abroad() {
    let mut o = office(
        "policy = {off = ['same-number', 'simultaneous', 'sequential'], allow = {countries = ['US', 'GB']}, limits = {abroad = {per_day = 2}}, total = {per_day = 4}}",
    );
    assert_eq!(o.rule(dial("2001", LONDON)), "+default");
    assert_eq!(o.rule(dial("2001", LONDON)), "+default");
    assert_eq!(o.rule(dial("2001", LONDON)), "-per-day");
    assert_eq!(o.rule(dial("2001", HOME)), "+default", "at home it goes on");
    assert_eq!(o.rule(dial("2002", HOME)), "+default");
    let (_, record) = o.call(dial("2003", HOME));
    assert_eq!(
        (
            record.verdict.approved,
            record.verdict.rule,
            record.verdict.figures
        ),
        (false, Rule::PerDay, Some((5, 4)))
    );
}

#[test]
fn simultaneous_by_the_pbx_count_or_by_our_own() {
    let counted = |caller, calls| Dial {
        calls: Some(calls),
        ..dial(caller, HOME)
    };
    let mut o = office("policy = {off = ['same-number'], total = {simultaneous = 2}}");
    assert_eq!(o.rule(counted("2001", 2)), "+default");
    assert_eq!(
        o.rule(counted("2002", 3)),
        "-simultaneous",
        "the PBX counts all its callers"
    );

    let one_each = "policy = {off = ['same-number'], limits = {simultaneous = 1}}";
    let mut o = office(one_each);
    assert_eq!(o.rule(counted("2001", 1)), "+default");
    assert_eq!(
        o.rule(counted("2002", 2)),
        "+default",
        "Alice's call is not Bob's"
    );
    assert_eq!(o.rule(counted("2001", 3)), "-simultaneous");
    assert_eq!(
        o.rule(counted("2001", 1)),
        "+default",
        "the PBX knows that the first has ended"
    );

    let mut o = office(one_each);
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "-simultaneous");
    o.pass(3 * 60 + 23);
    assert_eq!(
        o.rule(dial("2001", HOME)),
        "+default",
        "a call is taken to last three minutes"
    );
}

#[test]
fn off_hours_are_stricter_and_pass_midnight() {
    let mut o = office(
        "[policy]\noff = ['same-number', 'simultaneous']\nholidays = ['2026-11-17']\n[policy.allow]\ncountries = ['US', 'GB']\n[policy.limits.off_hours]\nper_day = 1\n[policy.limits.abroad_off_hours]\nper_day = 0\n[[policy.hours]]\ndays = ['mon', 'tue']\nfrom = '08:00'\nto = '02:00'\n",
    );
    assert_eq!(o.rule(dial("2001", LONDON)), "+default");
    o.at(0, 7 * 60);
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "-per-day",
        "before opening, a call was made today"
    );
    assert_eq!(
        o.rule(dial("2002", LONDON)),
        "-per-day",
        "none abroad off hours"
    );
    o.at(1, 60);
    assert_eq!(
        o.rule(dial("2003", LONDON)),
        "+default",
        "Monday's hours end on Tuesday at two"
    );
    o.at(6, 720);
    assert_eq!(o.rule(dial("2004", HOME)), "+default");
    assert_eq!(o.rule(dial("2004", HOME)), "-per-day");
    o.at(1, 720);
    o.now.local.as_mut().unwrap().date.day = 17;
    assert_eq!(o.rule(dial("2004", HOME)), "-per-day", "a holiday");
    o.now.local = None;
    assert_eq!(
        o.rule(dial("2004", HOME)),
        "+default",
        "an unknown clock does not close the office"
    );
}

#[test]
fn bursts_of_numbers() {
    let mut o =
        office("policy = {off = ['simultaneous'], same_number = {calls = 2, seconds = 30}}");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "-same-number");
    o.pass(31);
    assert_eq!(o.rule(dial("2001", HOME)), "+default");

    let mut o = office(
        "policy = {off = ['country', 'simultaneous'], spellings = {calls = 2, seconds = 600}}",
    );
    for spelling in ["011442071838750", "00442071838750"] {
        assert_eq!(o.rule(dial("2001", spelling)), "+default", "{spelling}");
    }
    assert_eq!(o.rule(dial("2001", "044442071838750")), "-spellings");

    let mut o =
        office("policy = {off = ['simultaneous'], sequential = {calls = 3, seconds = 600}}");
    for n in ["2125550101", "2125550102", "2125550103"] {
        assert_eq!(o.rule(dial("2001", n)), "+default");
    }
    assert_eq!(o.rule(dial("2001", "2125550104")), "-sequential");
}

#[test]
fn first_times_are_told_or_refused() {
    let mut o = office("policy = {allow = {countries = ['*']}}");
    let (_, record) = o.call(dial("2001", LONDON));
    assert_eq!(
        (record.verdict.approved, record.first),
        (true, Some(Rule::NewCountry))
    );
    assert_eq!(
        o.call(dial("2002", LONDON)).1.first,
        None,
        "the client knows the country now"
    );
    assert_eq!(o.call(dial("2002", HOME)).1.first, None, "home is no news");

    let mut o = office("policy = {allow = {countries = ['*']}, new_country = 'deny'}");
    assert_eq!(o.rule(dial("2001", LONDON)), "-new-country");
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "-new-country",
        "a refusal teaches nothing"
    );
    let mut o = office("policy = {allow = {countries = ['US', 'GB']}, new_country = 'deny'}");
    assert_eq!(
        o.rule(dial("2001", LONDON)),
        "+default",
        "the owner wrote the country down"
    );

    let mut o = office("policy = {new_phone = 'deny'}");
    let phone = |address, agent| Dial {
        phone: Some(address),
        agent,
        ..dial("2001", HOME)
    };
    assert_eq!(
        o.rule(phone("10.0.0.31", "Yealink")),
        "+default",
        "the first phone of an extension"
    );
    assert_eq!(o.rule(phone("10.0.0.31", "Yealink")), "+default");
    assert_eq!(o.rule(phone("203.0.113.9", "Yealink")), "-new-phone");
    assert_eq!(o.rule(phone("10.0.0.31", "Zoiper")), "-new-phone");
}

#[test]
fn the_nearest_setting_wins_one_by_one() {
    let mut o = office(
        "[policy]\noff = ['same-number', 'simultaneous', 'sequential']\n[policy.limits]\nper_day = 5\n[policy.allow]\ncountries = ['US', 'GB']\n
        [[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n[client.policy.limits]\nper_day = 4\n
        [[group]]\nname = 'lobby'\ncallers = ['2090', '2091']\n[group.policy.limits]\nper_day = 3\n[group.policy.allow]\ncountries = ['US']\n
        [[caller]]\nname = '2091'\n[caller.policy.limits]\nper_day = 2\n",
    );
    for (caller, most, level) in [
        ("2001", 4, Level::Client),
        ("2090", 3, Level::Group),
        ("2091", 2, Level::Caller),
    ] {
        for _ in 0..most {
            assert_eq!(o.rule(dial(caller, HOME)), "+default", "{caller}");
        }
        let verdict = o.call(dial(caller, HOME)).1.verdict;
        assert_eq!(
            (verdict.rule, verdict.level, verdict.figures),
            (Rule::PerDay, level, Some((most + 1, most))),
            "{caller}"
        );
    }
    assert_eq!(
        o.rule(dial("2091", LONDON)),
        "-country",
        "the group's countries hold for a caller with limits of its own"
    );
}
