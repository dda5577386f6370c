//! What the page lets whom do, tried from outside (docs/security.md, "The page").
#![allow(clippy::unwrap_used)]

use anyhow::Result;
use trunkguard_tests::{Office, page::Page};

const POLICY: &str = "[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\n";

#[test]
fn the_first_password_is_set_with_the_code_and_opens_the_page() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        assert_eq!(page.browser().get("/")?.location(), Some("/login?next=/"));
        let owner = page.owner()?;
        assert!(owner.page("/")?.has("owner"));
        Ok(())
    });
}
