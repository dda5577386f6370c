//! `/.well-known/security.txt` (RFC 9116): where whoever finds a hole in the box tells of it.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::Shell;
use crate::accounts::prove::unix_s;

/// It is to be looked at again after so long (RFC 9116 2.5.5: less than a year).
const GOOD_FOR_S: u64 = 180 * 86_400;

pub fn routes() -> Router<Shell> {
    Router::new().route("/.well-known/security.txt", get(text))
}

async fn text() -> Response {
    let text = format!(
        "Contact: https://github.com/trunkguard/trunkguard/security/advisories/new\n\
         Expires: {}\n\
         Preferred-Languages: en, fr\n\
         Policy: https://github.com/trunkguard/trunkguard/blob/main/SECURITY.md\n",
        day(unix_s() + GOOD_FOR_S)
    );
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The first moment of a day of the Gregorian calendar (RFC 3339), of so many seconds since 1970 (Hinnant, civil_from_days).
fn day(unix_s: u64) -> String {
    let days = unix_s / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02}T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "1970-01-01T00:00:00Z");
        assert_eq!(day(1_795_718_585), "2026-11-26T00:00:00Z");
        assert_eq!(day(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(day(2_529_705_600), "2050-03-01T00:00:00Z");
    }
}
