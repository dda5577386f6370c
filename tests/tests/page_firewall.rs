//! The firewall on the page: its forms against a running box without rules of its own.
#![allow(clippy::unwrap_used)]

use anyhow::Result;
use trunkguard_tests::{Office, page::Page};

const POLICY: &str =
    "[settings]\nmode = \"prevent\"\n[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\n";

#[test]
fn points_of_presence_are_decided_on_by_name() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let shown = owner.page("/firewall")?;
        assert!(shown.has("none is loaded (trial run)"), "{shown:?}");
        let pops = owner.page("/firewall/pops")?;
        assert!(
            pops.has("atlanta1.voip.ms") && pops.has("208.100.60.0/24"),
            "{pops:?}"
        );
        let csrf = pops.csrf()?;
        let act = |act: &str, subject: &str| {
            owner.post(
                "/firewall/pop",
                &[("csrf", &csrf), ("act", act), ("subject", subject)],
            )
        };
        assert_eq!(
            act("add", "198.51.100.0/28")?.location(),
            Some("/firewall/pops?said=done")
        );
        assert_eq!(
            act("refuse", "208.100.60.17")?.location(),
            Some("/firewall/pops?said=done")
        );
        let shown = owner.page("/firewall/pops")?;
        assert!(
            shown.has("198.51.100.0/28") && shown.has("208.100.60.17"),
            "{shown:?}"
        );
        assert!(
            shown.has("never allowed") && shown.has("owner"),
            "{shown:?}"
        );
        let listed = page.guard.json(&["pops", "list"])?;
        assert_eq!(listed["decisions"][0]["by"], "owner", "{listed}");
        assert_eq!(act("forget", "198.51.100.0/28")?.status, 303);
        assert!(!owner.page("/firewall/pops")?.has("198.51.100.0/28"));
        for (what, subject) in [
            ("add", "0.0.0.0/0"),
            ("add", "127.0.0.1"),
            ("add", "<script>"),
            ("approve", "203.0.113.5"),
            ("forget", "203.0.113.5"),
            ("explode", "203.0.113.5"),
            // Nothing is asked without rules.
            ("refresh", ""),
        ] {
            let refused = act(what, subject)?;
            assert_eq!(refused.status, 422, "{what} {subject}: {refused:?}");
            assert!(!refused.has("<script>alert") && !refused.has("`<script>"));
        }
        assert!(
            owner
                .page("/firewall/ruleset")?
                .has("table inet trunkguard")
        );
        Ok(())
    });
}

#[test]
fn nobody_is_banned_where_no_rule_is_loaded() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let csrf = owner.page("/firewall/pops")?.csrf()?;
        let ban = [
            ("csrf", &*csrf),
            ("address", "203.0.113.5"),
            ("service", "sip"),
            ("hours", "1"),
            ("reason", "x"),
        ];
        let refused = owner.post("/firewall/ban", &ban)?;
        assert!(
            refused.status == 422 && refused.has("dry-run"),
            "{refused:?}"
        );
        let refused = owner.post(
            "/firewall/unban",
            &[("csrf", &csrf), ("address", "203.0.113.5")],
        )?;
        assert_eq!(refused.status, 422);
        assert_eq!(
            owner
                .post("/firewall/unban", &[("address", "203.0.113.5")])?
                .status,
            422,
            "no mark"
        );
        assert_eq!(
            page.browser().post("/firewall/ban", &ban)?.status,
            303,
            "to the log-in"
        );
        Ok(())
    });
}
