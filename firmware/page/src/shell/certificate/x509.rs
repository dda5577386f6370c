//! Reads of a certificate (RFC 5280 4.1, in DER) the little that is shown and compared: names, end, whether it is its own
//! issuer. Whether it can be used, rustls says.

use std::net::IpAddr;

/// What is read.
pub struct Written {
    pub names: Vec<String>,
    pub addresses: Vec<IpAddr>,
    pub until_s: i64,
    pub self_made: bool,
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]` and `[3]` of TBSCertificate: version and extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// subjectAltName: 2.5.29.17.
const ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Names that are kept.
const MOST: usize = 64;

/// One value (X.690 8.1): its tag, what is in it, and what follows.
fn value(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = octets
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            (length, rest)
        }
        _ => return None,
    };
    let (inner, after) = rest.split_at_checked(length)?;
    Some((tag, inner, after))
}

/// One value of this kind: what is in it, and what follows.
fn of(tag: u8, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, inner, after) = value(octets)?;
    (found == tag).then_some((inner, after))
}

/// Reads it; `None` where it is none.
pub fn read(der: &[u8]) -> Option<Written> {
    let (certificate, _) = of(SEQUENCE, der)?;
    let (signed, _) = of(SEQUENCE, certificate)?;
    let rest = of(VERSION, signed).map_or(signed, |(_, after)| after);
    let (_, _, rest) = value(rest)?; // serialNumber
    let (_, rest) = of(SEQUENCE, rest)?; // signature
    let (issuer, rest) = of(SEQUENCE, rest)?;
    let (validity, rest) = of(SEQUENCE, rest)?;
    let (subject, rest) = of(SEQUENCE, rest)?;
    let (_, mut rest) = of(SEQUENCE, rest)?; // subjectPublicKeyInfo
    let (_, _, until) = value(validity)?;
    let mut written = Written {
        names: Vec::new(),
        addresses: Vec::new(),
        until_s: time(until)?,
        self_made: issuer == subject,
    };
    while let Some((tag, inner, after)) = value(rest) {
        if tag == EXTENSIONS {
            alt_names(inner, &mut written);
        }
        rest = after;
    }
    Some(written)
}

fn alt_names(extensions: &[u8], written: &mut Written) {
    let Some((mut rest, _)) = of(SEQUENCE, extensions) else {
        return;
    };
    while let Some((extension, after)) = of(SEQUENCE, rest) {
        rest = after;
        let Some((0x06, kind, inner)) = value(extension) else {
            continue;
        };
        // `critical` may stand between the two.
        let inner = of(0x01, inner).map_or(inner, |(_, after)| after);
        let names = of(0x04, inner).and_then(|(octets, _)| of(SEQUENCE, octets));
        if let (ALT_NAME, Some((mut names, _))) = (kind, names) {
            while let Some((tag, name, after)) = value(names) {
                names = after;
                one(tag, name, written);
            }
        }
    }
}

fn one(tag: u8, name: &[u8], written: &mut Written) {
    if written.names.len() + written.addresses.len() >= MOST {
        return;
    }
    match tag {
        0x82 => {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) {
                written.names.push(name);
            }
        }
        0x87 => {
            let v4 = <[u8; 4]>::try_from(name).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(name).map(IpAddr::from));
            written.addresses.extend(address);
        }
        _ => {}
    }
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 4.1.2.5) as seconds since 1970.
fn time(octets: &[u8]) -> Option<i64> {
    let (tag, text, _) = value(octets)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME if text.len() == 12 => {
            let century = if text < "50" { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    // Days since 1970 in the Gregorian calendar, years from March on (Hinnant, days_from_civil).
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + part(8, 10)? * 3_600 + part(10, 12)? * 60 + part(12, 14)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds() {
        let utc = |text: &str| time(&[&[UTC_TIME, text.len() as u8], text.as_bytes()].concat());
        assert_eq!(utc("261126184305Z"), Some(1_795_718_585));
        assert_eq!(utc("700101000000Z"), Some(0));
        assert_eq!(utc("2611261843"), None);
        let long = b"\x18\x0f20500301000000Z";
        assert_eq!(time(long), Some(2_529_705_600));
    }

    #[test]
    fn what_is_none_is_refused_wherever_it_is_cut() {
        assert!(read(b"").is_none());
        assert!(read(&[0x30, 0x83, 0xff, 0xff, 0xff, 0x30]).is_none());
        assert!(read(&[0x30, 0x84, 0, 0, 0, 0]).is_none());
    }
}
