//! Reading what was dialled: emergency first, then the rules of the declared format.

use super::{Dialled, Digits, Format, Home, Kind, NotANumber, Number, plan};
use crate::policy::CountryCode;

/// Emergency numbers that need no setting: 911 (North America), 933 (VoIP.ms: tests 911), 988
/// (suicide and crisis line, US and Canada), 112 (GSM, Europe).
const EMERGENCY: [&[u8]; 4] = [b"911", b"933", b"988", b"112"];

/// No rule of any format takes more symbols: 011, 15 digits, and an outside prefix of some digits.
const LONGEST: usize = 32;

/// Reads what was dialled.
///
/// `dialled` is the user part of the Request-URI without parameters. The visual separators of RFC
/// 3966 5.1.1 (`-`, `.`, `(`, `)`) mean nothing and are passed over; a space or a letter is an
/// error, as `+` is anywhere but in front. Nothing is allocated.
///
/// # Errors
/// Says why it is not a number under this format.
pub fn read(dialled: &[u8], format: Format, home: &Home<'_>) -> Result<Dialled, NotANumber> {
    if is_emergency(dialled, home.emergency) {
        return Ok(Dialled::Emergency);
    }
    let symbols = Symbols::new(dialled);
    // An emergency call must get through though the rest of what was sent cannot be read.
    if let Ok(symbols) = &symbols {
        let whole = symbols.as_bytes();
        if is_emergency(whole, home.emergency)
            || is_emergency(without(whole, home.outside_prefix), home.emergency)
        {
            return Ok(Dialled::Emergency);
        }
    }
    let symbols = symbols?;
    let inside = without(symbols.as_bytes(), home.outside_prefix);
    if inside.is_empty() {
        return Err(NotANumber::Empty);
    }
    by_format(inside, format, home).map_err(|why| {
        let hint = why != NotANumber::NoAreaCode && fits_another(inside, format, home);
        if hint { NotANumber::OtherFormat } else { why }
    })
}

/// Would it be right in another format? Only a hint at a wrong setting; nothing is decided by it.
fn fits_another(symbols: &[u8], declared: Format, home: &Home<'_>) -> bool {
    [Format::Dialled, Format::E164, Format::Seed2]
        .into_iter()
        .any(|format| {
            // Short ones that begin with 1 are mistyped far more often than mangled.
            let telling = format != Format::Seed2 || symbols.len() >= 12;
            format != declared && telling && by_format(symbols, format, home).is_ok()
        })
}

fn is_emergency(symbols: &[u8], own: &[crate::policy::Name]) -> bool {
    // A PBX that puts `+` before everything it sends does so before 911 too.
    let bare = symbols.strip_prefix(b"+").unwrap_or(symbols);
    EMERGENCY.contains(&bare)
        || own
            .iter()
            .any(|name| !name.as_str().is_empty() && name.as_str().as_bytes() == symbols)
}

/// Takes the outside prefix off where it is in front.
fn without<'a>(symbols: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    symbols.strip_prefix(prefix).unwrap_or(symbols)
}

fn by_format(symbols: &[u8], format: Format, home: &Home<'_>) -> Result<Dialled, NotANumber> {
    match format {
        Format::Dialled => as_dialled(symbols, home),
        Format::E164 => {
            let digits = symbols.strip_prefix(b"+").unwrap_or(symbols);
            number(digits, home.country).map(Dialled::Number)
        }
        Format::Seed2 => {
            only_digits(symbols)?;
            // What `${EXTEN:2}` leaves of 011 is a 1, always; without it this is something else.
            let digits = symbols.strip_prefix(b"1").ok_or(NotANumber::Unassigned)?;
            number(digits, home.country).map(Dialled::Number)
        }
    }
}

/// The dialling rules of VoIP.ms.
fn as_dialled(symbols: &[u8], home: &Home<'_>) -> Result<Dialled, NotANumber> {
    if let Some(star) = service_of_voipms(symbols) {
        return star;
    }
    if let Some(rest) = symbols.strip_prefix(b"+") {
        return number(rest, home.country).map(Dialled::Number);
    }
    only_digits(symbols)?;
    // 011 and 00 dial abroad; 044 and 033 do so over a route of the caller's choice. 0441 and 0331,
    // the routes to Canada, are the same with Canada's country code.
    for access in [b"011".as_slice(), b"00", b"044", b"033"] {
        if let Some(rest) = symbols.strip_prefix(access) {
            return number(rest, home.country).map(Dialled::Number);
        }
    }
    match symbols {
        [b'2'..=b'8', b'1', b'1'] => Ok(three_digits(symbols[0], home.country)),
        [b'1', rest @ ..] if rest.len() == 10 => number(symbols, home.country).map(Dialled::Number),
        [b'2'..=b'9', ..] if symbols.len() == 10 => number_in(None, symbols, home.country),
        [b'2'..=b'9', ..] if symbols.len() == 7 => {
            let area = home
                .area_code
                .filter(|a| *a <= 999)
                .ok_or(NotANumber::NoAreaCode)?;
            number_in(Some(area), symbols, home.country)
        }
        [b'0' | b'1', ..] if matches!(symbols.len(), 7 | 10) => Err(NotANumber::Unassigned),
        _ => Err(NotANumber::Length),
    }
}

/// 4443 (echo), 4747 (DTMF) and the like, `*xx` (voicemail), `***XXX` (music on hold).
fn service_of_voipms(symbols: &[u8]) -> Option<Result<Dialled, NotANumber>> {
    let service = |code: &[u8], len| {
        let is = code.len() == len && code.iter().all(u8::is_ascii_digit);
        Some(if is {
            Ok(Dialled::Service)
        } else {
            Err(NotANumber::Character)
        })
    };
    match symbols {
        [b'*', b'*', b'*', code @ ..] => service(code, 3),
        [b'*', code @ ..] => service(code, 2),
        [b'4', code @ ..] if code.len() == 3 => service(code, 3),
        _ => None,
    }
}

/// The N11 codes but 911.
fn three_digits(first: u8, home: CountryCode) -> Dialled {
    let country = if plan::is_north_american(home.letters()) {
        home
    } else {
        CountryCode::US
    };
    match Digits::new(b"1411") {
        Some(digits) if first == b'4' => Dialled::Number(Number {
            digits,
            country: Some(country),
            area: None,
            kind: Kind::Directory,
        }),
        _ => Dialled::Service,
    }
}

/// Country code and number; anything but digits is an error.
fn number(digits: &[u8], home: CountryCode) -> Result<Number, NotANumber> {
    only_digits(digits)?;
    plan::international(digits, home)
}

/// `NXXNXXXXXX`, or `NXXXXXX` in an area code.
fn number_in(area: Option<u16>, symbols: &[u8], home: CountryCode) -> Result<Dialled, NotANumber> {
    let mut whole = Symbols {
        len: 0,
        symbols: [0; LONGEST],
    };
    whole.push(b'1')?;
    if let Some(area) = area {
        for digit in [area / 100 % 10, area / 10 % 10, area % 10] {
            whole.push(b'0' + digit as u8)?;
        }
    }
    for &digit in symbols {
        whole.push(digit)?;
    }
    number(whole.as_bytes(), home).map(Dialled::Number)
}

fn only_digits(symbols: &[u8]) -> Result<(), NotANumber> {
    // Without a branch, for the compiler to take many at a time.
    if symbols.iter().fold(true, |all, s| all & s.is_ascii_digit()) {
        Ok(())
    } else {
        Err(NotANumber::Character)
    }
}

/// What was dialled, without visual separators.
struct Symbols {
    len: usize,
    symbols: [u8; LONGEST],
}

impl Symbols {
    fn new(dialled: &[u8]) -> Result<Self, NotANumber> {
        let mut all = Symbols {
            len: 0,
            symbols: [0; LONGEST],
        };
        for &symbol in dialled {
            match symbol {
                b'-' | b'.' | b'(' | b')' => {}
                b'0'..=b'9' | b'+' | b'*' | b'#' => all.push(symbol)?,
                _ => return Err(NotANumber::Character),
            }
        }
        if all.len == 0 {
            Err(NotANumber::Empty)
        } else {
            Ok(all)
        }
    }

    fn push(&mut self, symbol: u8) -> Result<(), NotANumber> {
        *self.symbols.get_mut(self.len).ok_or(NotANumber::Length)? = symbol;
        self.len += 1;
        Ok(())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.symbols[..self.len]
    }
}
