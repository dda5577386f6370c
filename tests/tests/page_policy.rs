//! Policies on the page, against a running box that decides real calls: what a preview says is what then happens.
#![allow(clippy::unwrap_used)]

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Guard, Office,
    page::{Answer, Browser, Page},
};

const POLICY: &str = r#"
[settings]
mode = "prevent"
country = "US"
area_code = 212

[policy]
allow.countries = ["US", "GB"]
limits.abroad = { per_day = 1000, simultaneous = 1000 }
off = ["same-number"]

[[client]]
name = "office"
addresses = ["127.0.0.0/8", "10.0.0.0/8"]
credentials = { username = "pbx", password = "very secret words" }

[[client]]
name = "annex"
addresses = ["192.168.9.9"]
"#;

/// The same without a password, so that this machine may call.
fn callable() -> String {
    POLICY.replace(
        "credentials = { username = \"pbx\", password = \"very secret words\" }\n",
        "",
    )
}

/// Opens `on`, takes its form whose action begins with `action`, and sends it with these values: a name that is given takes the
/// place of all fields of this name, and may be given several times.
fn send(browser: &Browser, on: &str, action: &str, fields: &[(&str, &str)]) -> Result<Answer> {
    send_from(browser, &browser.page(on)?, action, fields)
}

fn send_from(
    browser: &Browser,
    page: &Answer,
    action: &str,
    fields: &[(&str, &str)],
) -> Result<Answer> {
    let text = page.text();
    let mark = format!("action=\"{action}");
    let (_, rest) = text
        .split_once(&mark)
        .with_context(|| format!("no form for {action} in {text}"))?;
    let end = rest.find('"').context("an action without an end")?;
    let whole = format!("{action}{}", &rest[..end]);
    let prefilled = page.form(&whole)?;
    let kept = prefilled.iter().map(|(name, value)| (&**name, &**value));
    let all: Vec<(&str, &str)> = kept
        .filter(|(name, _)| fields.iter().all(|(set, _)| set != name))
        .chain(fields.iter().copied())
        .filter(|(name, _)| !name.is_empty())
        .collect();
    browser.post(&whole.replace("&#38;", "&"), &all)
}

/// The page that an answer leads to.
fn on(browser: &Browser, answer: &Answer) -> Result<Answer> {
    let next = answer
        .location()
        .with_context(|| format!("no redirect: {answer:?}"))?;
    browser.page(next.split('#').next().unwrap_or(next))
}

fn call(guard: &Guard, number: &str, from: &str) -> Result<bool> {
    let said = guard.cli(&[
        "call", "--client", "office", "--number", number, "--from", from,
    ])?;
    ensure!(said.code == 0 || said.code == 1, "{number}: {said:?}");
    Ok(said.code == 0)
}

fn refused(guard: &Guard, number: &str) -> Result<String> {
    let said = guard.cli(&[
        "explain", "--json", "--client", "office", "--from", "2001", number,
    ])?;
    let json: serde_json::Value = serde_json::from_str(&said.out)?;
    Ok(json["rule"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_the_preview_says_is_what_then_happens() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &callable())?;
        let owner = page.owner()?;
        // Four to the UK, two at home, one that is refused: to Cuba.
        let uk = [
            "011442071838750",
            "011442071838751",
            "011442071838752",
            "011442071838753",
        ];
        for number in uk.iter().chain(&["2125550101", "2125550102"]) {
            assert!(call(&page.guard, number, "2001")?, "{number}");
        }
        assert!(!call(&page.guard, "01153712345678", "2001")?);

        // The UK blocked, Cuba allowed.
        let sent = send(
            &owner,
            "/policy/rules",
            "/policy/rules",
            &[("allow_countries", "US"), ("allow_countries", "CU")],
        )?;
        let draft = on(&owner, &sent)?;
        let text = draft.text();
        assert!(draft.has("the one in force: 7."), "{text}");
        assert!(draft.has("would be refused: 4"), "{text}");
        assert!(draft.has("would go through: 1"), "{text}");
        assert!(
            uk.iter()
                .all(|number| text.contains(&number.replacen("011", "+", 1))),
            "{text}"
        );
        // A preview changes nothing.
        assert!(call(&page.guard, uk[0], "2001")?);
        let forced = send_from(&owner, &draft, "/policy/draft/", &[])?;
        assert!(on(&owner, &forced)?.has("The new policy is in force."));
        for number in uk {
            assert!(!call(&page.guard, number, "2001")?, "{number}");
            assert_eq!(refused(&page.guard, number)?, "country");
        }
        assert!(call(&page.guard, "2125550101", "2001")?);
        assert!(call(&page.guard, "01153712345678", "2001")?);
        let exported = page.guard.cli(&["export"])?.out;
        assert!(
            exported.contains("\"CU\"") && !exported.contains("\"GB\""),
            "{exported}"
        );
        Ok(())
    });
}

#[test]
fn limits_are_previewed_as_they_count() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &callable())?;
        let owner = page.owner()?;
        let numbers: Vec<String> = (0..5).map(|n| format!("21255501{n}7")).collect();
        for number in &numbers {
            assert!(call(&page.guard, number, "2001")?);
        }
        let mut limits = vec![("limits", ""); 16];
        limits[3] = ("limits", "3");
        let draft = on(
            &owner,
            &send(&owner, "/policy/rules", "/policy/rules", &limits)?,
        )?;
        assert!(draft.has("would be refused: 2"), "{}", draft.text());
        assert!(draft.has("Calls per day"));

        // On a box that has had no call yet, the same calls get exactly that.
        let policy = format!(
            "{}\n",
            callable().replace("off = [", "limits.per_day = 3\noff = [")
        );
        let fresh = Guard::with_state(office, office.folder().join("fresh"), &policy)?;
        let mut fresh = fresh;
        page_gone(page)?;
        fresh.start()?;
        let went: Vec<bool> = numbers
            .iter()
            .map(|number| call(&fresh, number, "2001"))
            .collect::<Result<_>>()?;
        assert_eq!(went, [true, true, true, false, false]);
        Ok(())
    });
}

/// Ends a box, so that another one can have its addresses.
fn page_gone(mut page: Page) -> Result<()> {
    page.guard.stop()
}

#[test]
fn a_form_that_is_not_touched_changes_nothing() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let before = page.guard.cli(&["export"])?.out;
        for (form, action) in [
            ("/policy/rules", "/policy/rules"),
            ("/policy/rules?of=client&name=office", "/policy/rules"),
            ("/policy/client?name=office", "/policy/client"),
            ("/policy/text", "/policy/text"),
        ] {
            let sent = send(&owner, form, action, &[])?;
            assert_eq!(
                sent.location(),
                Some("/policy?said=same"),
                "{form}: {sent:?}"
            );
        }
        assert_eq!(page.guard.cli(&["export"])?.out, before);
        Ok(())
    });
}

#[test]
fn secrets_stay_in_the_box() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        for path in [
            "/policy",
            "/policy/text",
            "/policy/export",
            "/policy/client?name=office",
        ] {
            let shown = owner.page(path)?;
            assert!(!shown.has("very secret words"), "{path}");
        }
        // Text that went out and comes back changed still has them.
        let text = owner.page("/policy/export")?.text();
        assert!(text.contains("(unchanged)"), "{text}");
        let changed = text.replace("mode = \"prevent\"", "mode = \"detect\"");
        let draft = on(
            &owner,
            &send(
                &owner,
                "/policy/text",
                "/policy/text",
                &[("text", &changed)],
            )?,
        )?;
        assert!(!draft.has("very secret words"));
        on(&owner, &send_from(&owner, &draft, "/policy/draft/", &[])?)?;
        let exported = page.guard.cli(&["export"])?.out;
        assert!(
            exported.contains("very secret words") && exported.contains("mode = \"detect\""),
            "{exported}"
        );
        // For a client that had none, the sign for an unchanged one is none.
        let text = owner
            .page("/policy/export")?
            .text()
            .replace("name = \"office\"", "name = \"other\"");
        let wrong = send(&owner, "/policy/text", "/policy/text", &[("text", &text)])?;
        assert_eq!(wrong.status, 422);
        assert!(wrong.has("client[0].credentials.password"), "{wrong:?}");
        Ok(())
    });
}

#[test]
fn errors_stand_at_their_place_and_nothing_is_lost() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let before = page.guard.cli(&["export"])?.out;
        let text = "[policy]\nallow.countries = [\"US\"]\n\n[policy.limits]\nper_dya = 3\n# mine\n";
        let wrong = send(&owner, "/policy/text", "/policy/text", &[("text", text)])?;
        assert_eq!(wrong.status, 422);
        assert!(wrong.has("Line 5, policy.limits.per_dya"), "{wrong:?}");
        assert!(wrong.has("did you mean `per_day`?") && wrong.has("# mine"));
        let wrong = send(
            &owner,
            "/policy/rules",
            "/policy/rules",
            &[
                ("set", "holidays"),
                ("set", "always_allow"),
                ("holidays", "2026-13-01"),
                ("always_allow", "12"),
            ],
        )?;
        assert_eq!(wrong.status, 422);
        for kept in [
            "2026-13-01",
            "`2026-13-01` is not a day",
            "`12` is not a number or prefix",
        ] {
            assert!(wrong.has(kept), "{kept}: {wrong:?}");
        }
        let wrong = send(
            &owner,
            "/policy/list",
            "/policy/list",
            &[("new_name", "bad"), ("numbers", "+44\nnonsense\n")],
        )?;
        assert!(wrong.status == 422 && wrong.has("numbers:2"), "{wrong:?}");
        // A file of the box is not read, whatever a policy names.
        let text = "[[list]]\nname = \"x\"\nfile = \"policy.v2.db\"\n";
        let wrong = send(&owner, "/policy/text", "/policy/text", &[("text", text)])?;
        assert!(
            wrong.status == 422 && wrong.has("list[0].file"),
            "{wrong:?}"
        );
        assert_eq!(
            page.guard.cli(&["export"])?.out,
            before,
            "nothing has changed"
        );
        Ok(())
    });
}

#[test]
fn two_who_edit_at_a_time_lose_nothing() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &callable())?;
        let owner = page.owner()?;
        let opened = owner.page("/policy/rules")?;
        // Meanwhile somebody else blocks Cuba's prefix on the command line, and adds a client.
        let theirs = callable().replace("off = [", "block.prefixes = [\"+53\"]\noff = [")
            + "\n[[client]]\nname = \"third\"\naddresses = [\"192.168.9.10\"]\n";
        page.guard.apply(&theirs)?;
        let draft = on(
            &owner,
            &send_from(
                &owner,
                &opened,
                "/policy/rules",
                &[("allow_countries", "US")],
            )?,
        )?;
        assert!(
            draft.has("Somebody else has changed the policy meanwhile"),
            "{draft:?}"
        );
        assert!(draft.has("+53"));
        on(&owner, &send_from(&owner, &draft, "/policy/draft/", &[])?)?;
        let exported = page.guard.cli(&["export"])?.out;
        assert!(
            exported.contains("+53") && exported.contains("third"),
            "{exported}"
        );
        assert!(!exported.contains("\"GB\""), "{exported}");

        // A change while the draft is looked at: it is not put in force unseen.
        let draft = on(
            &owner,
            &send(
                &owner,
                "/policy/rules",
                "/policy/rules",
                &[("allow_countries", "FR")],
            )?,
        )?;
        page.guard.cli(&["mode", "detect"])?;
        let forced = send_from(&owner, &draft, "/policy/draft/", &[])?;
        assert_eq!(forced.status, 422, "{forced:?}");
        assert!(
            page.guard
                .cli(&["export"])?
                .out
                .contains("mode = \"detect\"")
        );
        Ok(())
    });
}

#[test]
fn clients_groups_callers_and_lists_come_and_go() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &callable())?;
        let owner = page.owner()?;
        let force = |sent: &Answer| -> Result<()> {
            let draft = on(&owner, sent)?;
            let forced = send_from(&owner, &draft, "/policy/draft/", &[])?;
            ensure!(on(&owner, &forced)?.has("is in force"), "{forced:?}");
            Ok(())
        };
        let hostile = "<script>alert(1)</script>";
        let client = [
            ("new_name", hostile),
            ("addresses", "192.168.7.1, 192.168.7.2"),
            ("profile", "failover"),
        ];
        force(&send(&owner, "/policy/client", "/policy/client", &client)?)?;
        let shown = owner.page("/policy")?;
        assert!(
            !shown.has(hostile) && shown.has("&#60;script&#62;"),
            "{shown:?}"
        );
        force(&send(
            &owner,
            "/policy/list",
            "/policy/list",
            &[("new_name", "bad"), ("numbers", "+12645550100;x\n")],
        )?)?;
        force(&send(
            &owner,
            "/policy/group",
            "/policy/group",
            &[
                ("new_name", "lobby"),
                ("callers", "2090 2091"),
                ("client", "office"),
            ],
        )?)?;
        let rules = "/policy/rules?of=group&name=lobby&client=office";
        force(&send(
            &owner,
            rules,
            "/policy/rules",
            &[
                ("set", "block_lists"),
                ("block_lists", "bad"),
                ("new_country", "deny"),
            ],
        )?)?;
        force(&send(
            &owner,
            "/policy/caller",
            "/policy/caller",
            &[("new_name", "2001")],
        )?)?;
        let exported = page.guard.cli(&["export"])?.out;
        for part in [
            "lobby",
            "2091",
            "bad",
            "+12645550100",
            "new_country = \"deny\"",
            "192.168.7.2",
            "failover",
        ] {
            assert!(exported.contains(part), "{part}: {exported}");
        }
        assert!(
            !call(&page.guard, "12645550100", "2090")?,
            "of the group, on the list"
        );
        // What rules name cannot go; what nobody names can.
        let wrong = send(
            &owner,
            "/policy/remove?of=list&name=bad&client=",
            "/policy/remove",
            &[],
        )?;
        assert!(
            wrong.status == 422 && wrong.has("there is no list named `bad`"),
            "{wrong:?}"
        );
        force(&send(
            &owner,
            "/policy/remove?of=client&name=office&client=",
            "/policy/remove",
            &[],
        )?)?;
        let exported = page.guard.cli(&["export"])?.out;
        assert!(
            !exported.contains("lobby") && exported.contains("annex"),
            "{exported}"
        );
        assert_eq!(owner.get("/policy/client?name=office")?.status, 404);
        Ok(())
    });
}

#[test]
fn what_was_learnt_can_be_adopted_in_parts() {
    Office::run(|office| -> Result<()> {
        let policy = callable().replace("mode = \"prevent\"", "mode = \"detect\"");
        let page = Page::open(office, &policy)?;
        let owner = page.owner()?;
        for n in 0..4 {
            call(&page.guard, &format!("01133142685{n}00"), "2001")?;
        }
        let learnt = owner.page("/policy/learn")?;
        assert!(learnt.has("made from: 4."), "{learnt:?}");
        let sent = send_from(&owner, &learnt, "/policy/learn", &[("part", "countries")])?;
        let draft = on(&owner, &sent)?;
        on(&owner, &send_from(&owner, &draft, "/policy/draft/", &[])?)?;
        let exported = page.guard.cli(&["export"])?.out;
        assert!(
            exported.contains("\"FR\"") && !exported.contains("per_minute"),
            "{exported}"
        );
        Ok(())
    });
}

#[test]
fn a_policy_comes_as_a_file_and_only_from_our_own_page() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &callable())?;
        let owner = page.owner()?;
        let shown = owner.page("/policy/text")?;
        let file = callable().replace("\"GB\"", "\"FR\"");
        let sent = upload(
            &owner,
            "/policy/import",
            &[("csrf", &shown.csrf()?)],
            file.as_bytes(),
        )?;
        let draft = on(&owner, &sent)?;
        assert!(
            draft.has("\"FR\"") || draft.has("&#34;FR&#34;"),
            "{draft:?}"
        );
        for fields in [&[("csrf", "0000")][..], &[][..]] {
            let sent = upload(&owner, "/policy/import", fields, file.as_bytes())?;
            assert_eq!(sent.status, 403, "{sent:?}");
        }
        let huge = vec![b'#'; 9 << 20];
        let sent = upload(&owner, "/policy/import", &[("csrf", &shown.csrf()?)], &huge)?;
        assert!(sent.status == 422 || sent.status == 413, "{}", sent.status);
        let sent = upload(
            &owner,
            "/policy/import",
            &[("csrf", &shown.csrf()?)],
            b"\xff\xfe",
        )?;
        assert_eq!(sent.status, 422);
        Ok(())
    });
}

/// Sends a file as a browser does (multipart/form-data).
fn upload(browser: &Browser, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Result<Answer> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .into_bytes(),
        );
    }
    body.extend(b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--edge--\r\n");
    browser.ask(&trunkguard_tests::page::Ask {
        method: "POST",
        path,
        headers: &[("content-type", "multipart/form-data; boundary=edge")],
        body: &body,
    })
}
