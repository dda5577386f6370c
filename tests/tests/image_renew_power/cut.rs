//! Where the power goes, and what is left then.

use std::{fmt, ops::Range};

use trunkguard_tests::machine::{Chance, Part, Writes};

use crate::story::Story;

const SECTOR: u64 = 512;
/// Octets of a record that say something; the rest of its sector is zeros before and after.
const SPOKEN: u64 = 44;

/// What a card keeps of the writes that no flush came after.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// All of them.
    Prefix,
    /// All of them, but of the last one only octets before this one.
    Front(u64),
    /// All of them, but of the last one only octets from this one on.
    Back(u64),
    /// Some, some of these not to their end.
    Some,
    /// The same, in any order.
    Shuffled,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Prefix => f.write_str("all"),
            Kind::Front(at) => write!(f, "torn: up to octet {at}"),
            Kind::Back(at) => write!(f, "torn: from octet {at}"),
            Kind::Some => f.write_str("some"),
            Kind::Shuffled => f.write_str("some, reordered"),
        }
    }
}

/// One power cut.
#[derive(Clone, Debug)]
pub struct Cut {
    /// After so many recorded writes.
    pub count: usize,
    /// What the box was about.
    pub during: &'static str,
    /// What is left.
    pub kind: Kind,
    /// One of a few that more is done with.
    pub is_marked: bool,
    /// The trial has ended as well: the slot before is the one to start.
    pub given_up: bool,
}

impl Cut {
    fn new(count: usize, during: &'static str, kind: Kind) -> Cut {
        Cut {
            count,
            during,
            kind,
            is_marked: false,
            given_up: false,
        }
    }

    /// The parts that are there of these writes.
    pub fn parts(&self, writes: &Writes, open: &[usize], chance: &mut Chance) -> Vec<Part> {
        let mut parts: Vec<Part> = open.iter().map(|&index| writes.whole(index)).collect();
        match self.kind {
            Kind::Prefix => {}
            Kind::Front(at) => {
                if let Some(last) = parts.last_mut() {
                    last.octets.end = at;
                }
            }
            Kind::Back(at) => {
                if let Some(last) = parts.last_mut() {
                    last.octets.start = at;
                }
            }
            Kind::Some | Kind::Shuffled => {
                parts.retain_mut(|part| match chance.up_to(4) {
                    0 => false,
                    1 => {
                        part.octets.end = chance.up_to(part.octets.end / SECTOR) * SECTOR;
                        part.octets.end > 0
                    }
                    _ => true,
                });
                if matches!(self.kind, Kind::Shuffled) {
                    chance.shuffle(&mut parts);
                }
            }
        }
        parts
    }
}

/// A part of the story that cuts are spread over.
pub struct Span {
    /// What the box is about.
    pub name: &'static str,
    /// The writes.
    pub writes: Range<usize>,
    /// How many cuts it gets, beside the others.
    weight: usize,
}

impl Span {
    pub fn new(name: &'static str, writes: Range<usize>, weight: usize) -> Span {
        Span {
            name,
            writes,
            weight,
        }
    }
}

/// Cuts in the order of their writes: before, within and after each change of the boot state; the others by chance, where there were writes.
pub fn plan(story: &Story, spans: &[Span], wanted: usize, chance: &mut Chance) -> Vec<Cut> {
    let mut cuts = Vec::new();
    // Where there is room for more, each record is torn more often.
    for change in &story.changes {
        let at = change.index;
        cuts.push(Cut::new(at, "record", Kind::Prefix));
        for tear in 0..1 + wanted / 50 {
            let octet = change.offset + 1 + chance.up_to(SPOKEN);
            let kind = if tear % 2 == 0 {
                Kind::Front(octet)
            } else {
                Kind::Back(octet)
            };
            cuts.push(Cut::new(at + 1, "record", kind));
        }
        cuts.push(Cut::new(at + 1, "record", Kind::Prefix));
    }
    let turns: Vec<&Span> = turns(spans);
    let kinds = [Kind::Some, Kind::Shuffled, Kind::Prefix, Kind::Some];
    for n in 0..wanted.saturating_sub(cuts.len()) {
        let (span, kind) = (turns[n % turns.len()], kinds[n % kinds.len()]);
        // Where something is to be lost, the moment is one at which there is something to lose, if chance finds one.
        let draws = if matches!(kind, Kind::Prefix) { 1 } else { 6 };
        let drawn = (0..draws)
            .map(|_| span.writes.start + 1 + chance.up_to(span.writes.len() as u64) as usize);
        let count = drawn.max_by_key(|count| story.writes.unflushed(*count).len());
        let count = count.unwrap_or(span.writes.end).min(story.writes.len());
        let mut cut = Cut::new(count, span.name, kind);
        // The first of the first two spans, and every 33rd after them: 33 is three rounds of eleven.
        cut.is_marked = n % 33 < 2;
        cut.given_up = story.is_start && n % 4 == 3;
        cuts.push(cut);
    }
    cuts.sort_by_key(|cut| cut.count);
    cuts
}

/// Every span as often as it weighs, mixed.
fn turns(spans: &[Span]) -> Vec<&Span> {
    let most = spans.iter().map(|span| span.weight).max().unwrap_or(0);
    (0..most)
        .flat_map(|turn| spans.iter().filter(move |span| turn < span.weight))
        .filter(|span| !span.writes.is_empty())
        .collect()
}
