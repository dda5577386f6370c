//! A ZIP file with its files as they are (PKWARE APPNOTE 6.3, 4.3 and method 0): text for people to open, small enough that
//! nothing is gained by compressing it.

use super::Part;

/// Puts files together. What does not fit into 32 bits is left out: the parts of a support file are a thousandth of that.
pub fn write(parts: &[Part]) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for part in parts {
        let (Ok(at), Ok(size)) = (u32::try_from(out.len()), u32::try_from(part.text.len())) else {
            break;
        };
        let shared = shared(part, size);
        out.extend(*b"PK\x03\x04");
        out.extend(&shared);
        // No extra field.
        out.extend([0; 2]);
        out.extend(part.name.as_bytes());
        out.extend(part.text.as_bytes());

        directory.extend(*b"PK\x01\x02");
        // Made by Unix, for readers of version 2.0.
        directory.extend([20, 3]);
        directory.extend(&shared);
        // No extra field, no comment, first disk, text, mode 0644, and where it is.
        directory.extend([0, 0, 0, 0, 0, 0, 1, 0]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(part.name.as_bytes());
        count += 1;
    }
    let (at, size) = (out.len() as u32, directory.len() as u32);
    out.extend(directory);
    out.extend(*b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// What stands in front of the file and in the directory: version, flags (names are UTF-8), method, time, checksum, sizes, length
/// of the name.
fn shared(part: &Part, size: u32) -> Vec<u8> {
    let mut out = vec![20, 0, 0, 8, 0, 0];
    // 1 January 1980: when the file was made, its own contents say.
    out.extend([0, 0, 0x21, 0]);
    out.extend(crc32(part.text.as_bytes()).to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend((part.name.len() as u16).to_le_bytes());
    out
}

/// CRC-32 (ITU-T V.42), bit by bit: a support file takes milliseconds.
fn crc32(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn what_is_put_in_lies_where_the_directory_says() {
        let part = |name: &str, text: &str| Part {
            name: name.into(),
            text: text.into(),
        };
        let file = write(&[part("a.txt", "hello"), part("é.txt", "")]);
        let end = file.len() - 22;
        assert_eq!(&file[end..end + 4], b"PK\x05\x06");
        assert_eq!(file[end + 8], 2);
        let at = u32::from_le_bytes(file[end + 16..end + 20].try_into().unwrap()) as usize;
        assert_eq!(&file[at..at + 4], b"PK\x01\x02");
        assert_eq!(&file[30..35], b"a.txt");
        assert_eq!(&file[35..40], b"hello");
    }
}
