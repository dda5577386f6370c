//! Tools that scan and dial, by what they call themselves.

/// From sipvicious, sippts and the lists of TFPS and Pexip. Changed in a second by whoever runs them: a
/// hint, not a wall.
const SCANNERS: &[&str] = &[
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "iwar",
    "vaxsipuseragent",
    "vaxuseragent",
    "siparmyknife",
    "pplsip",
    "sivus",
    "nsauditor",
    "sipsak",
    "gulp",
];

/// Letters that a scanner's name begins with, in either case: most letters begin none.
static SCANNER_BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let mut i = 0;
    while i < SCANNERS.len() {
        let first = SCANNERS[i].as_bytes()[0];
        begins[first as usize] = true;
        begins[first.to_ascii_uppercase() as usize] = true;
        i += 1;
    }
    begins
};

/// The scanner's name that is a part of this text, in any case.
pub(crate) fn named(text: &[u8]) -> Option<&'static str> {
    // Two letters rule out nearly every name in nearly every place.
    let at = |(i, pair): (usize, &[u8])| {
        if !SCANNER_BEGINS[pair[0] as usize] {
            return None;
        }
        let pair = [pair[0] | 0x20, pair[1] | 0x20];
        let begins = SCANNERS.iter().filter(|name| name.as_bytes()[..2] == pair);
        let is_here = |name: &&&str| {
            text.get(i..i + name.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        begins.copied().find(|name| is_here(&name))
    };
    text.windows(2).enumerate().find_map(at)
}
