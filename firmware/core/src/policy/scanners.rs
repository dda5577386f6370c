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
    let begins = |(i, b): (usize, &u8)| SCANNER_BEGINS[*b as usize].then_some(i);
    let mut starts = text.iter().enumerate().filter_map(begins);
    starts.find_map(|i| {
        let is_at = |name: &&&str| {
            text.get(i..i + name.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        SCANNERS.iter().find(is_at).copied()
    })
}
