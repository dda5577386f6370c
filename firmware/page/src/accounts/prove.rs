//! Is somebody who they say? The password, and the code of an authenticator where the account has one.

use std::{
    net::IpAddr,
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use tracing::warn;

use super::{Account, Deed, Hash};
use crate::{Answer, shell::Shell};

/// What somebody types.
pub struct Typed {
    /// The account.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The code; empty for who has none.
    pub code: String,
}

/// The account, where all that was typed is right. What is wrong is noted, and costs this address time; it takes as long
/// where there is no such account.
///
/// # Errors
/// [`Problem::Busy`](crate::Problem::Busy) for who has been wrong too often; what the store says.
pub async fn proved(shell: &Shell, from: IpAddr, typed: Typed) -> Answer<Option<Account>> {
    let name: String = typed.name.chars().take(64).collect();
    shell.attempts(|attempts| attempts.begin(from, &name, Instant::now()))?;
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    let account = accounts.into_iter().find(|account| account.name == name);
    let password = typed.password;
    let account = shell
        .password(move || Ok(of_password(account, &password)))
        .await?;
    let account = account.filter(|account| is_of_code(shell, account, &typed.code));
    if account.is_some() {
        shell.attempts(|attempts| attempts.right(from, &name));
        note(shell, &name, from, "log-in", "").await?;
    } else if let Some(untold) = shell.attempts(|attempts| attempts.tells(Instant::now())) {
        warn!(%from, untold, "a log-in was refused");
        let detail = match untold {
            0 => String::new(),
            more => format!("+{more}"),
        };
        note(shell, &name, from, "log-in-refused", &detail).await?;
    }
    Ok(account)
}

/// Writes a line of the audit log.
///
/// # Errors
/// When the store takes nothing.
pub async fn note(shell: &Shell, who: &str, from: IpAddr, what: &str, detail: &str) -> Answer<()> {
    let deed = Deed {
        who: who.chars().take(32).collect(),
        from,
        what: what.into(),
        detail: detail.into(),
    };
    shell.ask(move |parts| parts.accounts.note(&deed)).await
}

fn of_password(account: Option<Account>, password: &str) -> Option<Account> {
    static NOBODY: LazyLock<Option<Hash>> = LazyLock::new(|| Hash::of("").ok());
    let hash = account
        .as_ref()
        .map(|account| &account.hash)
        .or(NOBODY.as_ref())?;
    let is_of = hash.is_of(password);
    account.filter(|_| is_of)
}

/// Is this the account's code of now, and was it not used before? Anything is right where it has none.
fn is_of_code(shell: &Shell, account: &Account, code: &str) -> bool {
    let Some(key) = &account.totp else {
        return true;
    };
    shell.attempts(|attempts| {
        let step = key.step_of(code, unix_s(), attempts.code_of(&account.name));
        if let Some(step) = step {
            attempts.code_was_used(&account.name, step);
        }
        step.is_some()
    })
}

/// Seconds since 1970.
pub fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
