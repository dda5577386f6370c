use std::time::Duration;

use trunkguard_page::{
    Answer,
    accounts::{Account, Deed, Hash, Source, totp::Key},
    shell::Role,
};
use trunkguard_store::page_store::StoredAccount;

use super::{Office, unkept};
use crate::{control::Ask, health::Status};

impl Source for Office {
    fn accounts(&self) -> Answer<Vec<Account>> {
        let stored = self.kept().accounts().map_err(unkept)?;
        Ok(stored.into_iter().map(account).collect())
    }

    fn put(&self, account: &Account) -> Answer<()> {
        let stored = StoredAccount {
            name: account.name.clone(),
            role: role_name(account.role).into(),
            hash: account.hash.0.clone(),
            totp: account.totp.as_ref().map(|key| key.text().to_owned()),
        };
        self.kept().put(&stored).map_err(unkept)
    }

    fn remove(&self, name: &str) -> Answer<()> {
        self.kept().remove(name).map_err(unkept)
    }

    fn setup_window(&self) -> Answer<Option<Duration>> {
        let status: Status = self.ask(&Ask::Status)?;
        Ok(status.setup_window_s.map(Duration::from_secs))
    }

    fn close_setup_window(&self) -> Answer<bool> {
        self.ask(&Ask::CloseSetupWindow)
    }

    fn note(&self, deed: &Deed) -> Answer<()> {
        self.kept()
            .note(&deed.who, deed.from, &deed.what, &deed.detail)
            .map_err(unkept)
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Viewer => "viewer",
    }
}

/// A role that this version does not know may only look.
fn account(stored: StoredAccount) -> Account {
    Account {
        role: if stored.role == role_name(Role::Owner) {
            Role::Owner
        } else {
            Role::Viewer
        },
        name: stored.name,
        hash: Hash(stored.hash),
        // One that cannot be read lets nobody in: the box's button does.
        totp: stored.totp.map(|key| Key::parse(&key).unwrap_or_default()),
    }
}
