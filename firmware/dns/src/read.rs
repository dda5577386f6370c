//! One answer, read within bounds: aliases followed inside it, everything else in it passed over.

use std::net::IpAddr;

use hickory_net::proto::{
    op::{Message, Query, ResponseCode},
    rr::{DNSClass, RData, Record as Wire},
};
use trunkguard_core::pops::answers::{Answer, MOST_ALIASES, MOST_RECORDS, Outcome, Record};

/// The outcome for one record type.
#[derive(Debug)]
pub(crate) enum Part {
    /// Addresses, and the aliases that led to them.
    Addresses(Vec<Record>, usize),
    /// The name exists and has none of this type.
    None,
    /// The name does not exist.
    NoSuchName,
    /// Cannot be used, and why.
    Failed(String),
}

/// Reads the answer to `query`, which named the type and the name that was asked for.
pub(crate) fn part(query: &Query, answer: &Message) -> Part {
    // By UDP this has been looked at; by TCP nobody has.
    if answer.queries.len() != 1 || answer.queries.first() != Some(query) {
        return Part::Failed("the answer is to another question".into());
    }
    match answer.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Part::NoSuchName,
        other => return Part::Failed(format!("the server says: {other}")),
    }
    let mut name = query.name();
    let (mut aliases, mut ttl_s) = (0, u32::MAX);
    while let Some((target, alias)) = alias(&answer.answers, name) {
        aliases += 1;
        ttl_s = ttl_s.min(alias.ttl);
        name = target;
        if aliases > MOST_ALIASES {
            return Part::Failed(format!(
                "more than {MOST_ALIASES} aliases, or a loop of them"
            ));
        }
    }
    let addresses = answer
        .answers
        .iter()
        .filter(|r| in_class(r) && r.name == *name);
    let records: Vec<Record> = addresses
        .filter(|r| r.record_type() == query.query_type())
        .filter_map(|r| {
            Some(Record {
                address: address(&r.data)?,
                ttl_s: shorter(r.ttl, ttl_s),
            })
        })
        // One more than the core looks at, so that it knows of the rest.
        .take(MOST_RECORDS + 1)
        .collect();
    if records.is_empty() {
        return Part::None;
    }
    Part::Addresses(records, aliases)
}

/// Both types together. IPv6 that fails where IPv4 answers is common (old forwarders), and hides
/// nothing of IPv4.
pub(crate) fn both(v4: Part, v6: Part) -> Outcome {
    let mut answer = Answer::default();
    let mut failure = None;
    let mut exists = false;
    for (part, answered) in [(v4, &mut answer.v4), (v6, &mut answer.v6)] {
        *answered = !matches!(part, Part::Failed(_));
        match part {
            Part::Addresses(records, aliases) => {
                answer.records.extend(records);
                answer.aliases = answer.aliases.max(aliases);
            }
            Part::None => exists = true,
            Part::NoSuchName => {}
            Part::Failed(why) => failure = failure.or(Some(why)),
        }
    }
    match failure {
        _ if !answer.records.is_empty() => Outcome::Answer(answer),
        Some(why) => Outcome::Failed(why),
        None if exists => Outcome::Failed("the name has no address".into()),
        None => Outcome::NoSuchName,
    }
}

fn in_class(record: &Wire) -> bool {
    record.dns_class == DNSClass::IN
}

/// The alias that stands for a name, where one does.
fn alias<'a>(
    records: &'a [Wire],
    name: &hickory_net::proto::rr::Name,
) -> Option<(&'a hickory_net::proto::rr::Name, &'a Wire)> {
    records.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if in_class(record) && record.name == *name => {
            Some((&target.0, record))
        }
        _ => None,
    })
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(v4) => Some(IpAddr::V4(v4.0)),
        RData::AAAA(v6) => Some(IpAddr::V6(v6.0)),
        _ => None,
    }
}

/// The shorter time to live; one of 2^31 and more is none (RFC 2181 8).
fn shorter(a: u32, b: u32) -> u32 {
    // Left as it came, so that the core, which clamps it, sees what was sent.
    if a > i32::MAX as u32 { a } else { a.min(b) }
}
