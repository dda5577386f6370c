use trunkguard_core::{
    policy::Update,
    update::{
        gate::Release,
        report::{Checked, Pending, Ready},
    },
};

use super::*;
use crate::texts::{Lang, Updates};

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn calm() -> Status {
    Status {
        version: v("1.0.0"),
        slot: Some("A".into()),
        trial: false,
        activity: Activity::Idle,
        offer: None,
        ready: None,
        pending: None,
        other: Some(v("0.9.0")),
        outcomes: Vec::new(),
        checked: Some(Checked {
            at_s: 7,
            problem: None,
        }),
        url: Some("https://example.com/".into()),
        problem: None,
    }
}

fn offer(notes: &str) -> Offer {
    Offer {
        release: Release {
            compatible: "box".into(),
            version: v("1.1.0"),
            data: 1,
            data_oldest: 1,
        },
        size: 38_100_000,
        notes: notes.into(),
        in_share: true,
    }
}

fn view(why: Why) -> View {
    View {
        status: None,
        absent: String::new(),
        why,
        wanted: false,
        postponed_until_s: None,
        next_check_s: Some(90),
        settings: Update::default(),
        local: Box::new(|s| format!("<{s}>")),
    }
}

fn en() -> &'static Updates {
    Updates::of(Lang::En)
}

#[test]
fn every_reason_to_wait_is_a_sentence_in_both_languages() {
    let all = [
        Why::Nothing,
        Why::Off,
        Why::NoServer,
        Why::NoTime,
        Why::Busy,
        Why::NotNow,
        Why::ForAPerson,
        Why::NotInShare,
        Why::Postponed,
        Why::Hours,
        Why::Calls,
        Why::Again,
    ];
    for lang in Lang::ALL {
        let mut said = Vec::new();
        for why in all {
            let view = View {
                postponed_until_s: Some(5),
                ..view(why)
            };
            let text = when(&view, &calm(), Updates::of(lang));
            assert!(!text.contains("{}") && text.ends_with('.'), "{text}");
            said.push(text);
        }
        said.sort();
        said.dedup();
        assert_eq!(said.len(), all.len(), "{said:?}");
    }
    let postponed = View {
        postponed_until_s: Some(5),
        ..view(Why::Postponed)
    };
    assert!(when(&postponed, &calm(), en()).contains("<5>"));
    assert!(when(&view(Why::Hours), &calm(), en()).contains("between 02:00 and 05:00"));
}

#[test]
fn the_lead_says_what_matters_most() {
    let said = |status: &Status, why| lead(&view(why), status, Lang::En);
    assert_eq!(said(&calm(), Why::Nothing).class, "good");
    let mut status = calm();
    status.outcomes = vec![Outcome {
        version: Some(v("1.1.0")),
        from: v("1.0.0"),
        at_s: 1,
        end: End::Failed { why: "x".into() },
    }];
    let text = said(&status, Why::Nothing).text;
    assert!(text.starts_with("Version 1.1.0 did not work"), "{text}");
    status.outcomes.clear();
    status.checked = None;
    assert!(said(&status, Why::Nothing).text.contains("yet"));
    status.offer = Some(offer(""));
    let text = said(&status, Why::Postponed).text;
    assert!(text.starts_with("Version 1.1.0 is available."), "{text}");
    status.ready = Some(Ready {
        version: None,
        size: 1,
        by: Source::Person,
    });
    let text = said(&status, Why::ForAPerson).text;
    assert!(
        text.contains("uploaded") && text.contains("Install now"),
        "{text}"
    );
    status.pending = Some(Pending {
        version: v("1.1.0"),
        from: v("1.0.0"),
        slot: "B".into(),
        at_s: 1,
        rollback: false,
    });
    let text = said(&status, Why::Hours).text;
    assert!(
        text.contains("installed") && text.contains("restarts by itself"),
        "{text}"
    );
    status.trial = true;
    assert_eq!(said(&status, Why::NotNow).class, "warn");
    status.problem = Some("two records\u{202e}\n".into());
    let problem = said(&status, Why::NotNow);
    assert_eq!(problem.class, "bad");
    assert!(problem.text.ends_with("two records"), "{}", problem.text);
}

#[test]
fn what_cannot_work_is_not_offered() {
    let mut status = calm();
    let can = |status: &Status| Can::of(&view(Why::Nothing), status);
    assert_eq!(
        can(&status),
        Can {
            check: true,
            postpone: true,
            upload: true,
            rollback: Some(v("0.9.0")),
            ..Can::default()
        }
    );
    status.offer = Some(offer(""));
    assert!(can(&status).install && !can(&status).discard);
    let off = View {
        settings: Update {
            automatic: Automatic::Check,
            ..Update::default()
        },
        postponed_until_s: Some(5),
        ..view(Why::ForAPerson)
    };
    assert!(!Can::of(&off, &status).postpone && Can::of(&off, &status).take_back);
    status.url = None;
    assert!(!can(&status).check);
    let busy = Status {
        activity: Activity::Checking,
        ..status.clone()
    };
    let nothing = |status: &Status| {
        let can = can(status);
        !(can.check || can.install || can.discard || can.upload || can.rollback.is_some())
    };
    assert!(nothing(&busy));
    status.trial = true;
    assert!(nothing(&status) && !can(&status).postpone);
    status.trial = false;
    status.problem = Some("x".into());
    assert!(nothing(&status) && !can(&status).postpone);
}

#[test]
fn progress_is_a_share_of_a_hundred_whatever_is_said() {
    let of = |activity: Activity| {
        let status = Status { activity, ..calm() };
        progress(&view(Why::Busy), &status, en())
    };
    assert!(of(Activity::Idle).is_none());
    assert_eq!(of(Activity::Checking).unwrap().percent, None);
    for (octets, of_, percent) in [(0, 0, 0), (5, 10, 50), (20, 10, 100), (u64::MAX, 3, 100)] {
        let fetching = of(Activity::Downloading { octets, of: of_ }).unwrap();
        assert_eq!(fetching.percent, Some(percent));
    }
    let installing = of(Activity::Installing {
        percent: 200,
        message: "Copying\u{202e} <b>".into(),
    });
    let installing = installing.unwrap();
    assert_eq!(installing.percent, Some(100));
    assert!(
        installing.text.ends_with("Copying <b>"),
        "{}",
        installing.text
    );
    let wanted = View {
        wanted: true,
        ..view(Why::Calls)
    };
    assert!(
        progress(&wanted, &calm(), en())
            .unwrap()
            .text
            .contains("call")
    );
}

#[test]
fn notes_are_lines_of_plain_text() {
    let found = found(&offer("\n One\u{202e}\u{7} \n\nTwo <b>\n\n"), en());
    assert_eq!(found.notes, "One\n\nTwo <b>");
    assert_eq!(found.title, "Version 1.1.0 (39 MB)");
    assert!(!found.later);
}

#[test]
fn the_first_page_has_what_is_new_and_not_what_is_old() {
    const NOW: i64 = 1_000_000_000;
    let mut status = calm();
    assert_eq!(news(&status, NOW), None);
    let outcome = |end: End, at_s: i64| Outcome {
        version: Some(v("1.1.0")),
        from: v("1.0.0"),
        at_s,
        end,
    };
    let failed = End::Failed { why: "x".into() };
    status.outcomes = vec![outcome(failed, NOW - 60)];
    assert_eq!(news(&status, NOW), Some(News::Failed(Some(v("1.1.0")))));
    assert_eq!(news(&status, NOW + 31 * 86_400), None);
    status.outcomes.insert(0, outcome(End::Confirmed, NOW - 30));
    assert_eq!(news(&status, NOW), None);
    status.offer = Some(offer(""));
    assert_eq!(news(&status, NOW), Some(News::Offered(Some(v("1.1.0")))));
    status.trial = true;
    assert_eq!(news(&status, NOW), Some(News::Trial(v("1.0.0"))));
}

#[test]
fn when_the_server_is_asked_next() {
    let next = |s: Option<i64>| {
        let view = View {
            next_check_s: s,
            ..view(Why::Nothing)
        };
        next_look(&view, en())
    };
    assert_eq!(next(Some(0)), "in about 1 min");
    assert_eq!(next(Some(3_599)), "in about 60 min");
    assert_eq!(next(Some(86_400)), "in about 24 h");
    assert_eq!(next(None), "only when you ask");
}
