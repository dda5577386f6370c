use proptest::{collection::vec, prelude::*};
use trunkguard_core::{
    policy::{Clock, Policy, Weekday},
    time::Date,
};

use super::*;
use crate::{file, sample};

/// Monday, 2 November 2026, midnight in UTC; the office of the tests is in UTC.
const MONDAY: i64 = 1_793_577_600_000;

fn local(unix_ms: i64) -> Local {
    let day = (unix_ms - MONDAY).div_euclid(86_400_000);
    Local {
        date: Date {
            year: 2026,
            month: 11,
            day: (2 + day) as u8,
        },
        weekday: day.rem_euclid(7) as u8,
        minute: (unix_ms.rem_euclid(86_400_000) / 60_000) as u16,
    }
}

fn add(
    learner: &mut Learner,
    day: i64,
    hour: i64,
    minute: i64,
    caller: &str,
    country: &str,
    kind: Kind,
) {
    let at = MONDAY + day * 86_400_000 + hour * 3_600_000 + minute * 60_000;
    let mut record = sample::approved(0, at, caller, "+442071838750");
    record.country = Some(CountryCode::parse(country).unwrap());
    record.kind = Some(kind);
    learner.add("office", &record, Some(local(at)));
}

/// Two weeks of an office that calls at home from 9 to 17, and twice a week to France.
fn office() -> Learner {
    let mut learner = Learner::new(&Settings::default());
    for day in (0..14).filter(|d| d % 7 < 5) {
        for hour in 9..17 {
            for n in 0..3 {
                add(&mut learner, day, hour, n * 10, "101", "US", Kind::Domestic);
            }
            add(&mut learner, day, hour, 5, "102", "CA", Kind::UsCanada);
        }
        if day % 7 < 2 {
            add(&mut learner, day, 10, 20, "102", "FR", Kind::Abroad);
        }
    }
    add(&mut learner, 3, 15, 1, "101", "GB", Kind::Abroad);
    learner
}

#[test]
fn an_office_gets_its_countries_hours_and_limits() {
    let suggestion = office().suggest();
    let rules = &suggestion.rules;
    let countries: Vec<_> = rules
        .allow
        .countries
        .as_ref()
        .unwrap()
        .iter()
        .map(CountryCode::as_str)
        .collect();
    assert_eq!(countries, ["US", "CA", "FR"]);
    let hours = &rules.hours.as_ref().unwrap()[0];
    assert_eq!(
        hours.days,
        [
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri
        ]
    );
    assert_eq!(
        (hours.from, hours.to),
        (
            Clock::parse("09:00").unwrap(),
            Clock::parse("16:30").unwrap()
        )
    );
    // 24 or 25 calls in 24 hours by the busiest; half as much again, in fives.
    assert_eq!(rules.limits.per_day, Some(50));
    assert_eq!(rules.limits.abroad.per_day, Some(5));
    assert_eq!(
        rules.limits.abroad_off_hours,
        Limits::default(),
        "none was seen: the careful default stays"
    );
    let told: Vec<String> = suggestion.reasons.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for part in [
        "FR: 4 calls on 4 days: allowed",
        "GB: 1 call on 1 day: too few",
        "(101) made 25 calls in a day",
    ] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
    assert_eq!(suggestion.days, 10);
}

#[test]
fn the_proposal_is_a_policy_file_that_the_core_takes() {
    for learner in [office(), Learner::new(&Settings::default())] {
        let suggestion = learner.suggest();
        let text = suggestion.render();
        let definition = file::parse(&text, "proposal".as_ref()).unwrap();
        assert_eq!(definition.policy, suggestion.rules);
        Policy::compile(&definition)
            .map_err(|p| format!("{p:?}"))
            .unwrap();
    }
}

#[test]
fn calls_around_the_clock_have_no_business_hours() {
    let mut learner = Learner::new(&Settings::default());
    for day in 0..7 {
        for hour in 0..24 {
            add(&mut learner, day, hour, 0, "101", "US", Kind::Domestic);
        }
    }
    let suggestion = learner.suggest();
    assert_eq!(suggestion.rules.hours, None);
    assert_eq!(suggestion.rules.limits.off_hours, Limits::default());
    assert!(suggestion.reasons.contains(&Reason::AroundTheClock));
}

#[test]
fn what_looks_like_an_attack_teaches_nothing() {
    let mut learner = office();
    let before = learner.suggest();
    for n in 0..500 {
        let mut record = sample::approved(0, MONDAY + n * 1_000, "101", "+37167000000");
        record.country = Some(CountryCode::parse("LV").unwrap());
        record.verdict.allowed = false;
        record.verdict.rule = Rule::Sequential;
        learner.add("office", &record, Some(local(record.unix_ms)));
    }
    let after = learner.suggest();
    assert_eq!(after.rules, before.rules);
    assert!(after.reasons.contains(&Reason::LeftOut {
        rule: Rule::Sequential,
        calls: 500
    }));
}

#[test]
fn the_pbxs_own_count_is_the_whole_offices() {
    let mut learner = office();
    let mut record = sample::approved(0, MONDAY + 36_000_000, "101", "+442071838750");
    record.said_calls = Some(9);
    learner.add("office", &record, Some(local(record.unix_ms)));
    let rules = learner.suggest().rules;
    assert_eq!(rules.total.simultaneous, Some(14));
    assert_eq!(rules.limits.simultaneous, Some(3));
}

#[test]
fn costly_kinds_are_told_and_not_allowed() {
    let mut learner = office();
    for day in 0..3 {
        add(&mut learner, day, 10, 0, "101", "GB", Kind::Premium);
    }
    let suggestion = learner.suggest();
    assert!(
        !suggestion
            .rules
            .allow
            .countries
            .unwrap()
            .contains(&CountryCode::parse("GB").unwrap())
    );
    assert_eq!(suggestion.rules.allow.kinds, None);
    assert!(suggestion.reasons.iter().any(|r| {
        r.to_string()
            .contains("3 calls to numbers of the kind \"premium\"")
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_proposed_limit_lets_through_what_was_seen(times in vec((0..10i64, 0..1_440i64, 0..4u8, any::<bool>()), 1..200)) {
        let mut learner = Learner::new(&Settings::default());
        for (day, minute, caller, abroad) in &times {
            let (country, kind) = if *abroad { ("FR", Kind::Abroad) } else { ("US", Kind::Domestic) };
            add(&mut learner, *day, 0, *minute, &caller.to_string(), country, kind);
        }
        let rules = learner.suggest().rules;
        for caller in 0..4u8 {
            let mine: Vec<i64> = times.iter().filter(|t| t.2 == caller).map(|t| t.0 * 1_440 + t.1).collect();
            for (span, limit) in [(1, rules.limits.per_minute), (60, rules.limits.per_hour), (1_440, rules.limits.per_day)] {
                let most = mine.iter().map(|end| mine.iter().filter(|t| (end - span + 1..=*end).contains(*t)).count()).max().unwrap_or(0);
                prop_assert!(most as u32 <= limit.unwrap(), "{} calls in {} min, limit {:?}", most, span, limit);
            }
        }
    }

    #[test]
    fn room_is_never_less_than_what_was_seen(seen in any::<u32>(), least in 0..100u32) {
        let given = room(seen, least);
        prop_assert!(given >= least);
        prop_assert!(given >= seen || given > u32::MAX - 20);
    }
}
