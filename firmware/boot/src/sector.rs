//! One sector of variables, as U-Boot's `env export -c -s 0x200` writes it and `env import -c` reads
//! it: CRC-32 (IEEE, little endian) of all that follows, then `NAME=value` each ended by a NUL, an
//! empty one last, zeros to the end.

/// Octets of a sector, and so of a record.
pub const OCTETS: usize = 512;

/// A sector's octets.
pub type Sector = [u8; OCTETS];

/// Where the variables begin: behind the checksum.
const FRONT: usize = 4;

/// What a sector holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing but zeros, or nothing but ones: never written, or erased.
    Blank,
    /// No record: torn, damaged, or of somebody else.
    Damaged,
    /// Variables with their values, in the order in which they stand there.
    Variables(Vec<(String, String)>),
}

/// CRC-32 as in IEEE 802.3, zlib and U-Boot.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |crc, &octet| {
        (0..8).fold(crc ^ u32::from(octet), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Writes variables as U-Boot does, sorted by name. Nothing where they do not fit into a sector, or
/// where a name or a value is none (empty, a NUL, an `=` in a name).
pub fn encode(variables: &[(&str, &str)]) -> Option<Sector> {
    let mut sorted = variables.to_vec();
    sorted.sort_unstable();
    let mut sector = [0; OCTETS];
    let mut at = FRONT;
    for (name, value) in sorted {
        if name.is_empty() || value.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        {
            return None;
        }
        let text = format!("{name}={value}\0");
        // One octet stays for the empty variable that ends the list.
        if at + text.len() >= OCTETS {
            return None;
        }
        sector[at..at + text.len()].copy_from_slice(text.as_bytes());
        at += text.len();
    }
    let crc = crc32(&sector[FRONT..]);
    sector[..FRONT].copy_from_slice(&crc.to_le_bytes());
    Some(sector)
}

/// Reads what U-Boot or [`encode`] wrote.
pub fn decode(sector: &Sector) -> Content {
    if sector.iter().all(|&o| o == 0) || sector.iter().all(|&o| o == 0xff) {
        return Content::Blank;
    }
    let (front, rest) = sector.split_at(FRONT);
    if front != crc32(rest).to_le_bytes() {
        return Content::Damaged;
    }
    let mut variables = Vec::new();
    for text in rest.split(|&o| o == 0).take_while(|text| !text.is_empty()) {
        let Some((name, value)) = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.split_once('='))
        else {
            return Content::Damaged;
        };
        variables.push((name.to_owned(), value.to_owned()));
    }
    Content::Variables(variables)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn variables_come_back_sorted() {
        let sector = encode(&[("B", "2"), ("A", "1")]).unwrap();
        assert_eq!(&sector[4..13], b"A=1\0B=2\0\0");
        let found = [("A", "1"), ("B", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(decode(&sector), Content::Variables(found.to_vec()));
    }

    #[test]
    fn what_is_no_variable_or_does_not_fit_is_not_written() {
        for wrong in [("", "1"), ("A", ""), ("A=B", "1"), ("A", "1\0")] {
            assert_eq!(encode(&[wrong]), None, "{wrong:?}");
        }
        let fits = "x".repeat(OCTETS - FRONT - "A=\0\0".len());
        assert!(encode(&[("A", &fits)]).is_some());
        assert_eq!(encode(&[("A", &(fits + "x"))]), None);
    }

    #[test]
    fn an_empty_sector_is_not_a_damaged_one() {
        assert_eq!(decode(&[0; OCTETS]), Content::Blank);
        assert_eq!(decode(&[0xff; OCTETS]), Content::Blank);
        assert_eq!(decode(&[0x55; OCTETS]), Content::Damaged);
    }
}
