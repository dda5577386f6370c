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

/// Pairs of letters that a scanner's name begins with, one bit for each second letter in the row of the
/// first: without their case, and of five bits each, so that other octets may be taken for letters.
static BEGINNINGS: [u32; 32] = {
    let mut rows = [0; 32];
    let mut i = 0;
    while i < SCANNERS.len() {
        let name = SCANNERS[i].as_bytes();
        rows[(name[0] & 31) as usize] |= 1 << (name[1] & 31);
        i += 1;
    }
    rows
};

/// The first four octets of every name, for all of them to be compared at once.
static FRONTS: [u32; SCANNERS.len()] = {
    let mut fronts = [0; SCANNERS.len()];
    let mut i = 0;
    while i < SCANNERS.len() {
        let name = SCANNERS[i].as_bytes();
        fronts[i] = u32::from_le_bytes([name[0], name[1], name[2], name[3]]);
        i += 1;
    }
    fronts
};

/// The scanner's name that is a part of this text, in any case.
pub(crate) fn named(text: &[u8]) -> Option<&'static str> {
    let may_begin = |pair: &[u8]| BEGINNINGS[(pair[0] & 31) as usize] >> (pair[1] & 31) & 1 != 0;
    let at = |(i, pair): (usize, &[u8])| {
        if !may_begin(pair) {
            return None;
        }
        let rest = &text[i..];
        let front = rest.first_chunk()?.map(|b: u8| b.to_ascii_lowercase());
        let front = u32::from_le_bytes(front);
        if !FRONTS
            .iter()
            .fold(false, |any, &name| any | (name == front))
        {
            return None;
        }
        let is_here = |name: &&&str| {
            rest.get(..name.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        SCANNERS.iter().find(is_here).copied()
    };
    text.windows(2).enumerate().find_map(at)
}
