mod disk;
mod kill;

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex, mpsc},
};

use proptest::{collection::vec, prelude::*};
use trunkguard_core::verdict::Rule;

use super::{queue::Queue, *};
use crate::{
    history::{Call, Filter, History},
    sample,
};

/// What each ticket has been told, in order.
pub(super) type Told = Arc<Mutex<BTreeMap<Ticket, Vec<Outcome>>>>;

pub(super) fn open(dir: &Path) -> (Journal, Recovered, Told) {
    open_with(dir, Options::default())
}

pub(super) fn open_with(dir: &Path, options: Options) -> (Journal, Recovered, Told) {
    let told = Told::default();
    let teller = Arc::clone(&told);
    let (journal, recovered) = Journal::open(dir, options, move |tickets, outcome| {
        let mut told = teller.lock().unwrap();
        for ticket in tickets {
            told.entry(*ticket).or_default().push(outcome);
        }
    })
    .unwrap();
    announce(&journal, &["office"]);
    (journal, recovered, told)
}

pub(super) fn announce(journal: &Journal, names: &[&str]) {
    assert!(journal.announce(names.iter().map(|n| Name::parse(n).unwrap()).collect()));
}

/// A call that carries its ticket in what was dialled.
pub(super) fn numbered(ticket: Ticket) -> Entry {
    let mut record = sample::approved(0, 1_790_000_000_000 + ticket as i64, "101", "+18095550100");
    record.dialled = trunkguard_core::record::text(ticket.to_string().as_bytes());
    Entry {
        record,
        ticket: Some(ticket),
    }
}

fn push(journal: &Journal, entries: impl IntoIterator<Item = Entry>) {
    let mut batch: Vec<Entry> = entries.into_iter().collect();
    while !batch.is_empty() {
        journal.push(&mut batch);
        std::thread::yield_now();
    }
}

/// Calls that are waited for end the wait; without them it ends by itself, and so does one for a
/// queue that is closed.
#[test]
fn the_writer_waits_for_company_and_not_for_ever() {
    use std::time::{Duration, Instant};
    let far = Duration::from_secs(3_600);
    let queue = Queue::new(64);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.gather(3, Instant::now() + far));
        queue.push(&mut vec![numbered(1)]);
        queue.push(&mut vec![numbered(2), numbered(3)]);
        waiting.join().unwrap();
    });
    assert_eq!(queue.calls(), 3);
    queue.gather(4, Instant::now());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.gather(4, Instant::now() + far));
        queue.close();
        waiting.join().unwrap();
    });
    let mut items = queue.buffer();
    queue.take(&mut items, Instant::now());
    assert_eq!((items.len(), queue.calls()), (3, 0));
}

fn behind(record: Record) -> Entry {
    Entry {
        record,
        ticket: None,
    }
}

fn calls(dir: &Path) -> Vec<Call> {
    History::open(dir)
        .unwrap()
        .calls(&Filter {
            limit: 10_000,
            ..Filter::default()
        })
        .unwrap()
}

/// Tickets of the calls that are on disk; other calls have numbers too long for a ticket.
pub(super) fn stored(dir: &Path) -> Vec<Ticket> {
    let mut found = Vec::new();
    let history = History::open(dir).unwrap();
    history
        .each_approved(i64::MIN, u64::MAX, |_, record| {
            found.extend(
                record
                    .dialled
                    .parse::<Ticket>()
                    .ok()
                    .filter(|t| *t < 100_000_000),
            )
        })
        .unwrap();
    found.sort_unstable();
    found
}

#[test]
fn a_full_queue_hands_back_what_does_not_fit_in_order() {
    let queue = Queue::new(10);
    let mut batch: Vec<Entry> = (0..15).map(numbered).collect();
    queue.push(&mut batch);
    let left: Vec<_> = batch.iter().map(|e| e.ticket.unwrap()).collect();
    assert_eq!(left, [10, 11, 12, 13, 14]);
    queue.push(&mut batch);
    assert_eq!(batch.len(), 5);

    let mut items = queue.buffer();
    assert_eq!(
        queue.take(&mut items, std::time::Instant::now()),
        queue::Taken::Items
    );
    assert_eq!(items.len(), 10);
    queue.push(&mut batch);
    assert!(batch.is_empty());

    for n in 0..64 {
        assert!(queue.send(Item::Acknowledge(Some(n))), "{n}");
    }
    assert!(
        !queue.send(Item::Acknowledge(None)),
        "no room for a 65th message"
    );
    queue.close();
    items.clear();
    assert_eq!(
        queue.take(&mut items, std::time::Instant::now()),
        queue::Taken::Items
    );
    assert_eq!(items.len(), 5 + 64);
    items.clear();
    assert_eq!(
        queue.take(&mut items, std::time::Instant::now()),
        queue::Taken::Closed
    );
    let mut late = vec![numbered(99)];
    queue.push(&mut late);
    assert_eq!(late.len(), 1, "a closed queue takes nothing");
}

#[test]
fn the_queue_stays_within_its_memory() {
    // Two buffers, the queue's and the writer's.
    let octets = 2 * (CAPACITY + 64) * size_of::<Item>();
    assert!(octets <= 5 << 20, "{octets}");
}

#[test]
fn every_ticket_is_told_once_and_only_after_its_call_can_be_read() {
    let dir = sample::memory_dir();
    let path = dir.path().to_owned();
    let (checked, wait) = mpsc::sync_channel(1_000);
    let (journal, _) = Journal::open(dir.path(), Options::default(), move |tickets, outcome| {
        assert_eq!(outcome, Outcome::Stored);
        let there = stored(&path);
        for ticket in tickets {
            checked
                .send((*ticket, there.binary_search(ticket).is_ok()))
                .unwrap();
        }
    })
    .unwrap();
    push(&journal, (0..300).map(numbered));
    drop(journal);
    let told: Vec<_> = wait.iter().collect();
    assert_eq!(told, (0..300).map(|n| (n, true)).collect::<Vec<_>>());
}

#[test]
fn tickets_that_wait_together_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, told) = open(dir.path());
    assert!(journal.flush());
    let before = journal.figures().commits;
    push(&journal, (0..1_000).map(numbered));
    assert!(journal.flush());
    let figures = journal.figures();
    assert!(
        figures.commits - before <= 2,
        "{} commits for one batch",
        figures.commits - before
    );
    assert_eq!(
        (figures.stored, figures.failed, figures.lost),
        (1_000, 0, 0)
    );
    assert!(
        told.lock()
            .unwrap()
            .values()
            .all(|o| *o == [Outcome::Stored])
    );
}

#[test]
fn what_has_no_ticket_is_written_within_a_second_by_itself() {
    let dir = sample::memory_dir();
    let (journal, _, _) = open(dir.path());
    // Nothing else is to do for the writer: only the call itself can wake it.
    assert!(journal.flush());
    let start = std::time::Instant::now();
    push(
        &journal,
        [behind(sample::approved(0, 1, "101", "+18095550100"))],
    );
    while calls(dir.path()).is_empty() {
        assert!(start.elapsed().as_secs() < 30, "never written");
        std::thread::yield_now();
    }
    // Twice the promise: the machine that runs the tests may be busy.
    assert!(start.elapsed().as_millis() < 2_000, "{:?}", start.elapsed());
}

#[test]
fn the_names_of_clients_hold_from_where_they_are_announced() {
    let dir = sample::memory_dir();
    let (journal, _, _) = open(dir.path());
    push(
        &journal,
        [behind(sample::approved(1, 1, "a", "+18095550100"))],
    );
    announce(&journal, &["shop", "office"]);
    push(
        &journal,
        [
            behind(sample::approved(1, 2, "b", "+18095550100")),
            behind(sample::approved(0, 3, "c", "+18095550100")),
        ],
    );
    drop(journal);
    let (journal, _, _) = open(dir.path());
    announce(&journal, &["office", "new"]);
    push(
        &journal,
        [
            behind(sample::approved(0, 4, "d", "+18095550100")),
            behind(sample::approved(1, 5, "e", "+18095550100")),
        ],
    );
    drop(journal);
    let found: Vec<_> = calls(dir.path())
        .into_iter()
        .map(|c| (c.caller, c.client))
        .collect();
    let expected = [
        ("e", "new"),
        ("d", "office"),
        ("c", "shop"),
        ("b", "office"),
        ("a", "?"),
    ];
    assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn a_flood_of_refusals_is_few_rows_with_their_count() {
    let dir = sample::memory_dir();
    let (journal, _, _) = open(dir.path());
    let flood = (0..60_000u64).map(|n| {
        behind(sample::refused(
            0,
            1_000 + n as i64,
            &format!("{}", n % 50),
            &format!("+1809{n:07}"),
        ))
    });
    push(&journal, flood);
    assert!(journal.flush());
    let history = History::open(dir.path()).unwrap();
    assert_eq!(history.totals(0).unwrap().denied, 60_000);
    let rows = calls(dir.path());
    assert!(
        rows.len() <= 4_096 + 1_024 + Rule::ALL.len(),
        "{} rows",
        rows.len()
    );
    let rest = rows.iter().find(|c| c.caller == "*").unwrap();
    assert_eq!(
        (rest.count, rest.rule, rest.client.as_str()),
        (60_000 - 4_096, Rule::Country, "office")
    );
    assert_eq!(
        history.incidents(true, 100).unwrap().len(),
        50,
        "one incident for each caller"
    );

    push(
        &journal,
        (0..5_000).map(|n| behind(sample::refused(0, 100_000 + n, "7", "+18090000007"))),
    );
    assert!(journal.flush());
    assert_eq!(history.totals(0).unwrap().denied, 65_000);
    assert_eq!(
        calls(dir.path()).len(),
        rows.len(),
        "the same refusals again need no new row"
    );
    let size = fs::metadata(dir.path().join(db::FILE)).unwrap().len();
    assert!(size < 2 << 20, "{size} octets");
}

#[test]
fn an_incident_is_one_for_many_calls_and_goes_on_after_a_restart() {
    let dir = sample::memory_dir();
    let now = crate::disk::unix_ms();
    let incidents = || {
        History::open(dir.path())
            .unwrap()
            .incidents(false, 100)
            .unwrap()
    };
    let (journal, _, _) = open(dir.path());
    let mut new_phone = sample::approved(0, now, "102", "+18095550100");
    new_phone.first = Some(Rule::NewPhone);
    let mut detected = sample::refused(0, now, "103", "+18095550100");
    detected.verdict.approved = true;
    push(
        &journal,
        (0..3).map(|_| behind(sample::refused(0, now, "101", "+18095550100"))),
    );
    push(
        &journal,
        [
            behind(new_phone),
            behind(detected),
            behind(sample::approved(0, now, "104", "+18095550100")),
        ],
    );
    assert!(journal.raise("journal-full", "12 calls\nwere not recorded"));
    drop(journal);
    let mut found: Vec<_> = incidents()
        .into_iter()
        .map(|i| (i.kind, i.caller, i.count, i.text))
        .collect();
    found.sort();
    let expected = [
        ("country", "101", 3, "18095550100"),
        ("country", "103", 1, "18095550100"),
        ("journal-full", "", 1, "12 callswere not recorded"),
        ("new-phone", "102", 1, "18095550100"),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, caller, count, text)| (
            kind.to_owned(),
            caller.to_owned(),
            count,
            text.to_owned()
        ))
    );

    let (journal, _, _) = open(dir.path());
    push(
        &journal,
        [behind(sample::refused(0, now + 1, "101", "+18095550100"))],
    );
    assert!(journal.flush());
    assert_eq!(journal.figures().open_incidents, 4);
    let first = incidents().into_iter().find(|i| i.caller == "101").unwrap();
    assert_eq!((first.count, first.last_ms), (4, now + 1));

    assert!(journal.acknowledge(Some(first.id)));
    assert!(journal.flush());
    assert_eq!(journal.figures().open_incidents, 3);
    assert!(journal.acknowledge(None));
    push(
        &journal,
        [behind(sample::refused(0, now + 2, "101", "+18095550100"))],
    );
    assert!(journal.flush());
    assert_eq!(
        journal.figures().open_incidents,
        0,
        "what was just seen does not alert again at once"
    );
}

#[test]
fn countries_and_phones_are_remembered_over_a_restart() {
    let dir = sample::memory_dir();
    let (journal, recovered, _) = open(dir.path());
    assert_eq!((recovered.countries.len(), recovered.phones.len()), (0, 0));
    let mut free = sample::approved(0, 1, "103", "+442071838750");
    free.verdict.chargeable = false;
    push(
        &journal,
        [
            behind(sample::approved(0, 1, "101", "+18095550100")),
            behind(sample::refused(0, 1, "102", "+18095550100")),
            behind(free),
        ],
    );
    push(
        &journal,
        (0..10).map(|n| behind(sample::approved(0, n, "101", "+18095550100"))),
    );
    drop(journal);
    let (_, recovered, _) = open(dir.path());
    assert_eq!(
        recovered.countries,
        [("office".to_owned(), CountryCode::new(*b"DO"))]
    );
    let phone = KnownPhone {
        client: "office".into(),
        caller: "101".into(),
        address: [192, 0, 2, 7].into(),
        agent: "Phone 1.0".into(),
    };
    assert_eq!(recovered.phones, [phone]);
}

#[test]
fn invented_phones_do_not_grow_the_memory_without_end() {
    let dir = sample::memory_dir();
    let (journal, _, _) = open(dir.path());
    let calls = (0..40_000u32).map(|n| {
        let mut record = sample::approved(0, n.into(), "101", "+18095550100");
        record.phone = Some(n.to_be_bytes().into());
        behind(record)
    });
    push(&journal, calls);
    assert!(journal.flush());
    drop(journal);
    let (_, recovered, _) = open(dir.path());
    assert!(
        (8_192..=16_384).contains(&recovered.phones.len()),
        "{}",
        recovered.phones.len()
    );
    assert_eq!(
        recovered.phones[0].address,
        std::net::IpAddr::from(39_999u32.to_be_bytes()),
        "the newest are kept"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_record_is_kept_as_it_is(records in vec(sample::record(), 1..60)) {
        let dir = sample::memory_dir();
        let (journal, _, _) = open(dir.path());
        push(&journal, records.iter().cloned().map(behind));
        drop(journal);
        let mut expected: Vec<_> = records.into_iter().filter(|r| r.verdict.approved).collect();
        let mut found = Vec::new();
        History::open(dir.path()).unwrap().each_approved(i64::MIN, 1_000, |_, r| found.push(r.clone())).unwrap();
        for list in [&mut expected, &mut found] {
            list.sort_by_key(|r| (r.unix_ms, format!("{r:?}")));
        }
        prop_assert_eq!(found, expected);
    }
}
