//! Tokens of the API: made by the page and by `trunkguard token`, by the same code.

use anyhow::Context;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use trunkguard_core::unseen::is_unseen;
use trunkguard_page::api::{Access, NewToken, Token, token::make};
use trunkguard_store::page_store::{PageStore, StoredToken};

/// Makes a token, good to the end of its last day in the office's time zone, and answers with its secret.
///
/// # Errors
/// A name or a day that is none; a store that takes nothing.
pub fn add(store: &mut PageStore, token: &NewToken, zone: &TimeZone) -> anyhow::Result<String> {
    let name = &token.name;
    anyhow::ensure!(
        (1..=64).contains(&name.chars().count()) && !name.chars().any(is_unseen),
        "this is no name of a token; write 1 to 64 printable characters"
    );
    let now = Timestamp::now();
    let expires_ms = (token.expires.as_deref())
        .map(|day| end_of(day, zone))
        .transpose()?;
    anyhow::ensure!(
        expires_ms.is_none_or(|end| end > now.as_millisecond()),
        "that day has passed; write one that is to come"
    );
    let (secret, hash) = make().context("the kernel gives no random numbers")?;
    store.add_token(&StoredToken {
        name: name.clone(),
        role: token.access.name().into(),
        hash,
        made_ms: now.as_millisecond(),
        expires_ms,
        used_ms: None,
    })?;
    Ok(secret)
}

fn end_of(day: &str, zone: &TimeZone) -> anyhow::Result<i64> {
    let wrong = || format!("`{}` is no day; write it as 2027-01-31", day.escape_debug());
    let date: Date = day.parse().ok().with_context(wrong)?;
    let next = date.tomorrow().ok().with_context(wrong)?;
    let end = next.to_zoned(zone.clone()).ok().with_context(wrong)?;
    Ok(end.timestamp().as_millisecond())
}

/// A token as it is listed, with its days in the office's time zone.
pub fn listed(stored: StoredToken, zone: &TimeZone) -> Token {
    let text = |ms: i64, form: &str| {
        Timestamp::from_millisecond(ms).map_or_else(
            |_| "?".to_owned(),
            |at| at.to_zoned(zone.clone()).strftime(form).to_string(),
        )
    };
    let now_ms = Timestamp::now().as_millisecond();
    Token {
        access: access(&stored.role),
        name: stored.name,
        made: text(stored.made_ms, "%Y-%m-%d"),
        // What is kept is the first moment at which it is good no more.
        expires: stored.expires_ms.map(|ms| text(ms - 1, "%Y-%m-%d")),
        expired: stored.expires_ms.is_some_and(|ms| ms <= now_ms),
        used: stored.used_ms.map(|ms| text(ms, "%Y-%m-%d %H:00")),
    }
}

/// A word that this version does not know is good for looking.
pub fn access(role: &str) -> Access {
    if role == Access::Write.name() {
        Access::Write
    } else {
        Access::Read
    }
}

#[cfg(test)]
mod tests {
    use trunkguard_page::api::token::hash;

    use super::*;

    #[test]
    fn a_token_is_good_to_the_end_of_its_day() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = PageStore::open(dir.path()).unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        let new = |name: &str, expires: Option<&str>| NewToken {
            name: name.into(),
            access: Access::Write,
            expires: expires.map(Into::into),
        };
        let secret = add(&mut store, &new("dashboard", Some("2999-01-31")), &zone).unwrap();
        let stored = store.use_token(&hash(&secret)).unwrap().unwrap();
        let token = listed(stored, &zone);
        assert_eq!(
            (token.expires.as_deref(), token.expired),
            (Some("2999-01-31"), false)
        );
        assert_eq!(token.access, Access::Write);
        for (wrong, says) in [
            (new("x", Some("2020-02-30")), "is no day"),
            (new("x", Some("2020-02-20")), "has passed"),
            (new("", None), "is no name"),
            (new("a\u{202e}b", None), "is no name"),
            (new("dashboard", None), "another name"),
        ] {
            let said = add(&mut store, &wrong, &zone).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
