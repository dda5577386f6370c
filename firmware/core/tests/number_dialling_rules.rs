//! Every dialling rule of VoIP.ms, and what each format makes of it.
#![allow(clippy::unwrap_used)]

use trunkguard_core::{
    number::{
        Dialled::{self, Emergency, Service},
        Format::{self, Dialled as AsDialled, E164, Seed2},
        Home,
        NotANumber::{self, Character, Empty, Length, NoAreaCode, OtherFormat, Unassigned},
        read,
    },
    policy::{CountryCode, Name},
};

const FORMATS: [Format; 3] = [AsDialled, E164, Seed2];

fn home(country: &str) -> Home<'static> {
    Home {
        country: CountryCode::parse(country).unwrap(),
        area_code: Some(212),
        outside_prefix: b"",
        emergency: &[],
    }
}

/// `+digits country kind`, or the service or error.
fn shown(result: Result<Dialled, NotANumber>) -> String {
    match result {
        Ok(Dialled::Number(n)) => {
            let country = n.country.map_or("--".to_owned(), |c| c.as_str().to_owned());
            format!("+{} {country} {:?}", n.digits, n.kind)
        }
        Ok(other) => format!("{other:?}"),
        Err(why) => format!("{why:?}"),
    }
}

fn check(home: &Home, format: Format, rows: &[(&str, &str)]) {
    let read_as: Vec<_> = rows
        .iter()
        .map(|(d, _)| (*d, shown(read(d.as_bytes(), format, home))))
        .collect();
    let expected: Vec<_> = rows.iter().map(|(d, e)| (*d, (*e).to_owned())).collect();
    let wrong: Vec<_> = read_as
        .iter()
        .zip(&expected)
        .filter(|(a, b)| a != b)
        .collect();
    assert!(
        wrong.is_empty(),
        "{format:?}, read and expected: {wrong:#?}"
    );
}

#[test]
fn as_dialled_in_new_york() {
    check(
        &home("US"),
        AsDialled,
        &[
            // NXXNXXXXXX, 1NXXNXXXXXX and seven digits
            ("2125551234", "+12125551234 US Domestic"),
            ("12125551234", "+12125551234 US Domestic"),
            ("5551234", "+12125551234 US Domestic"),
            ("4165551234", "+14165551234 CA UsCanada"),
            ("0125551234", "Unassigned"),
            ("1125551234", "Unassigned"),
            ("2121551234", "Unassigned"),
            ("12120551234", "Unassigned"),
            ("2115551234", "Unassigned"),
            ("1551234", "Unassigned"),
            ("212555123", "Length"),
            ("555123", "Length"),
            ("21255512345", "Length"),
            // +1 that is not home
            ("8765551234", "+18765551234 JM NanpAbroad"),
            ("18095551234", "+18095551234 DO NanpAbroad"),
            ("7875551234", "+17875551234 PR NanpAbroad"),
            // what costs more, or nothing
            ("9005551234", "+19005551234 -- Premium"),
            ("2129761234", "+12129761234 US Premium"),
            ("12469761234", "+12469761234 BB Premium"),
            ("9761234", "+12129761234 US Premium"),
            ("8005551234", "+18005551234 -- TollFree"),
            ("18889761234", "+18889761234 -- TollFree"),
            // kept for free numbers, not in use; but it would do for Seoul in bare E.164
            ("8225551234", "OtherFormat"),
            ("18225551234", "Unassigned"),
            ("5335551234", "+15335551234 US Personal"),
            ("6005551234", "+16005551234 CA Personal"),
            ("411", "+1411 US Directory"),
            ("12125551212", "+12125551212 US Directory"),
            ("18765551212", "+18765551212 JM NanpAbroad"),
            ("18005551212", "+18005551212 -- TollFree"),
            // 011, 00, + and the routes 044 and 033
            ("011442071838750", "+442071838750 GB Abroad"),
            ("00442071838750", "+442071838750 GB Abroad"),
            ("+442071838750", "+442071838750 GB Abroad"),
            ("044442071838750", "+442071838750 GB Abroad"),
            ("033442071838750", "+442071838750 GB Abroad"),
            ("04414165551234", "+14165551234 CA UsCanada"),
            ("03314165551234", "+14165551234 CA UsCanada"),
            ("01112125551234", "+12125551234 US Domestic"),
            ("+12125551234", "+12125551234 US Domestic"),
            ("0112125551234", "Length"),
            ("011212522334455", "+212522334455 MA Abroad"),
            ("000442071838750", "Unassigned"),
            ("0110442071838750", "Unassigned"),
            ("011", "Empty"),
            ("01144", "Length"),
            ("0114420718387501234", "Length"),
            ("+44207183875012345", "Length"),
            ("011+442071838750", "Character"),
            // services
            ("4443", "Service"),
            ("4747", "Service"),
            ("4000", "Service"),
            ("*97", "Service"),
            ("***123", "Service"),
            ("*9", "Character"),
            ("*977", "Character"),
            ("**123", "Character"),
            ("***12", "Character"),
            ("*#1", "Character"),
            ("211", "Service"),
            ("311", "Service"),
            ("511", "Service"),
            ("611", "Service"),
            ("711", "Service"),
            ("811", "Service"),
            ("111", "Length"),
            ("3443", "Length"),
            ("0", "Length"),
            // the whole that is none
            ("", "Empty"),
            ("--", "Empty"),
            ("alice", "Character"),
            ("212 555 1234", "Character"),
            ("2125551234#", "Character"),
            ("212+5551234", "Character"),
            ("+", "Empty"),
        ],
    );
}

#[test]
fn countries_share_codes() {
    check(
        &home("US"),
        E164,
        &[
            ("74951234567", "+74951234567 RU Abroad"),
            ("77172123456", "+77172123456 KZ Abroad"),
            ("441481234567", "+441481234567 GG Abroad"),
            ("441624712345", "+441624712345 IM Abroad"),
            ("441534712345", "+441534712345 JE Abroad"),
            ("35818123456", "+35818123456 AX Abroad"),
            ("35891234567", "+35891234567 FI Abroad"),
            ("390669812345", "+390669812345 VA Abroad"),
            ("262269123456", "+262269123456 YT Abroad"),
            ("262262123456", "+262262123456 RE Abroad"),
            ("5997123456", "+5997123456 BQ Abroad"),
            ("59994612345", "+59994612345 CW Abroad"),
        ],
    );
}

#[test]
fn what_costs_more_abroad() {
    check(
        &home("US"),
        E164,
        &[
            ("+449012345678", "+449012345678 GB Premium"),
            ("+447012345678", "+447012345678 GB Personal"),
            ("+33899123456", "+33899123456 FR Premium"),
            ("+41840123456", "+41840123456 CH SharedCost"),
            ("+80012345678", "+80012345678 -- TollFree"),
            ("+8001234567", "Length"),
            ("+80812345678", "+80812345678 -- SharedCost"),
            ("+870123456789", "+870123456789 -- Satellite"),
            ("+878101234567890", "+878101234567890 -- Personal"),
            ("+881612345678", "+881612345678 -- Satellite"),
            ("+88213300655", "+88213300655 -- GlobalNetwork"),
            ("+8835100123456", "+8835100123456 -- GlobalNetwork"),
            ("+979123456789", "+979123456789 -- Premium"),
            ("+999123456789", "Unassigned"),
            ("+210123456789", "Unassigned"),
        ],
    );
}

#[test]
fn the_declared_format_alone_decides() {
    let home = home("US");
    let london = [
        (AsDialled, "011442071838750"),
        (E164, "442071838750"),
        (Seed2, "1442071838750"),
    ];
    for (written, dialled) in london {
        for format in FORMATS {
            let expected = if format == written {
                "+442071838750 GB Abroad"
            } else {
                "OtherFormat"
            };
            assert_eq!(
                shown(read(dialled.as_bytes(), format, &home)),
                expected,
                "{dialled} as {format:?}"
            );
        }
    }
    // Oslo as the seed's dial plan sends it. Each format says something else; none guesses.
    check(
        &home,
        Seed2,
        &[
            ("14722345678", "+4722345678 NO Abroad"),
            ("4722345678", "OtherFormat"),
        ],
    );
    check(
        &home,
        E164,
        &[
            ("4722345678", "+4722345678 NO Abroad"),
            ("2125551234", "OtherFormat"),
        ],
    );
    check(
        &home,
        AsDialled,
        &[("0114722345678", "+4722345678 NO Abroad")],
    );
    check(
        &home,
        Seed2,
        &[
            ("112125551234", "+12125551234 US Domestic"),
            ("12125551234", "OtherFormat"),
            ("+14722345678", "OtherFormat"),
            ("1", "Empty"),
            ("*97", "OtherFormat"),
            ("4443", "OtherFormat"),
        ],
    );
}

#[test]
fn emergency_is_heard_under_every_format() {
    let own = [
        Name::parse("999").unwrap(),
        Name::parse("*11").unwrap(),
        Name::parse("sos").unwrap(),
    ];
    for format in FORMATS {
        for country in ["US", "GB"] {
            for prefix in [b"".as_slice(), b"9", b"0", b"91", b"**"] {
                let home = Home {
                    country: CountryCode::parse(country).unwrap(),
                    area_code: None,
                    outside_prefix: prefix,
                    emergency: &own,
                };
                for number in [
                    "911", "933", "988", "112", "999", "*11", "sos", "9-1-1", "+911", "(112)",
                ] {
                    assert_eq!(
                        read(number.as_bytes(), format, &home),
                        Ok(Emergency),
                        "{number} {format:?} {prefix:?}"
                    );
                    if number != "sos" && !number.starts_with('+') {
                        let outside = [prefix, number.as_bytes()].concat();
                        assert_eq!(
                            read(&outside, format, &home),
                            Ok(Emergency),
                            "{outside:?} {format:?}"
                        );
                    }
                }
            }
        }
        // Only the whole number is one.
        for other in ["9112125551234", "9110", "91", "0911", "1911"] {
            assert_ne!(
                read(other.as_bytes(), format, &home("US")),
                Ok(Emergency),
                "{other}"
            );
        }
    }
}

#[test]
fn the_outside_prefix_is_declared() {
    let nine = Home {
        outside_prefix: b"9",
        ..home("US")
    };
    check(
        &nine,
        AsDialled,
        &[
            ("92125551234", "+12125551234 US Domestic"),
            ("9011442071838750", "+442071838750 GB Abroad"),
            ("9+442071838750", "+442071838750 GB Abroad"),
            ("2125551234", "+12125551234 US Domestic"),
            ("9*97", "Service"),
            ("9", "Empty"),
            // 919 is Raleigh, but the 9 in front is declared to be the outside line.
            ("9195551234", "Length"),
        ],
    );
    check(
        &home("US"),
        AsDialled,
        &[
            ("9011442071838750", "Length"),
            ("92125551234", "OtherFormat"),
        ],
    );
}

#[test]
fn separators_of_rfc_3966_mean_nothing() {
    check(
        &home("US"),
        AsDialled,
        &[
            ("(212)555-1234", "+12125551234 US Domestic"),
            ("+1-212-555-1234", "+12125551234 US Domestic"),
            ("212.555.1234", "+12125551234 US Domestic"),
            ("212/5551234", "Character"),
        ],
    );
}

#[test]
fn offices_elsewhere() {
    check(
        &home("CA"),
        AsDialled,
        &[
            ("2125551234", "+12125551234 US UsCanada"),
            ("4165551234", "+14165551234 CA Domestic"),
        ],
    );
    let jamaica = Home {
        area_code: Some(876),
        ..home("JM")
    };
    check(
        &jamaica,
        AsDialled,
        &[
            ("5551234", "+18765551234 JM Domestic"),
            ("2125551234", "+12125551234 US NanpAbroad"),
            ("411", "+1411 JM Directory"),
        ],
    );
    check(
        &home("PR"),
        AsDialled,
        &[
            ("2125551234", "+12125551234 US UsCanada"),
            ("3405551234", "+13405551234 VI NanpAbroad"),
        ],
    );
    let london = Home {
        area_code: None,
        ..home("GB")
    };
    check(
        &london,
        AsDialled,
        &[
            ("011442071838750", "+442071838750 GB Domestic"),
            ("2125551234", "+12125551234 US Abroad"),
            ("8765551234", "+18765551234 JM NanpAbroad"),
            ("0119051234", "Length"),
            ("01133142685300", "+33142685300 FR Abroad"),
            ("011449012345678", "+449012345678 GB Premium"),
        ],
    );
}

#[test]
fn seven_digits_need_an_area_code() {
    let none = Home {
        area_code: None,
        ..home("US")
    };
    assert_eq!(read(b"5551234", AsDialled, &none), Err(NoAreaCode));
    let unassigned = Home {
        area_code: Some(211),
        ..home("US")
    };
    assert_eq!(read(b"5551234", AsDialled, &unassigned), Err(Unassigned));
    let absurd = Home {
        area_code: Some(1212),
        ..home("US")
    };
    assert_eq!(read(b"5551234", AsDialled, &absurd), Err(NoAreaCode));
}

#[test]
fn errors_are_the_same_whatever_the_length() {
    let home = home("US");
    for format in FORMATS {
        assert_eq!(read(&[b'2'; 33], format, &home), Err(Length));
        assert_eq!(read(&[b'2'; 4000], format, &home), Err(Length));
        assert_eq!(read(&[0xff; 3], format, &home), Err(Character));
        assert_eq!(read(b"", format, &home), Err(Empty));
        assert!(
            read(b"2125551234", format, &home).is_ok_and(|d| d != Service) || format != AsDialled
        );
    }
    assert_eq!(read(b"442071838750", AsDialled, &home), Err(OtherFormat));
}
