//! Updates by RAUC on the running box: docs/box.md B2, B17; docs/updates.md.
#![allow(clippy::unwrap_used)]

use anyhow::{Result, ensure};
use trunkguard_tests::machine::{
    Amiss, Guest,
    updating::{NEWER, RAUC, slots, updating, version},
};

/// B2: who is never seen to work is tried three times, and not once more.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_that_nobody_confirms_is_given_up() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        let old = version(&mut guest)?;
        slots(&mut guest, "A", "A", None)?;
        // Nothing of RAUC runs until somebody asks for it.
        guest.must("test -z \"$(pidof rauc dbus-daemon)\"")?;
        drop(guest);

        let bundle = stand.next(NEWER, None)?;
        let said = stand.install_by_rauc(&bundle)?;
        ensure!(said.contains("succeeded"), "{said}");
        let mut guest = stand.machine.guest()?;
        slots(&mut guest, "A", "A", Some(("B", 3)))?;
        figures(&mut guest)?;
        drop(guest);

        // Three starts that get no further than the kernel's first words.
        stand.restart("B")?;
        stand.cut_short("B")?;
        stand.cut_short("B")?;
        stand.cut_short("A")?;
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        ensure!(version(&mut guest)? == old, "{}", version(&mut guest)?);
        slots(&mut guest, "A", "A", None)
    });
}

fn figures(guest: &mut Guest) -> Result<()> {
    let units = "rauc.service trunkguard-bus.service trunkguard-slots.service";
    let said = guest.must(&format!(
        "systemctl show -p Id,MemoryPeak,MemoryCurrent {units} | xargs; systemd-analyze security --no-pager {units} | grep Overall"
    ))?;
    println!("figure: {}", said.trim());
    Ok(())
}

/// A kernel that panics needs no help to be given up.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_without_an_init_is_given_up() {
    updating(|stand| {
        stand.machine.guest()?.running()?;
        let bundle = stand.next(NEWER, Some(Amiss::NoInit))?;
        stand.install_by_rauc(&bundle)?;
        let before = stand.starts("A");
        stand.restart("B")?;
        stand.started("A", before)?;
        ensure!(stand.starts("B") == 3, "{} starts of B", stand.starts("B"));
        let panics = stand.machine.console().matches("Kernel panic").count();
        ensure!(panics == 3, "{panics} panics");
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        slots(&mut guest, "A", "A", None)
    });
}

/// Who may say what on the bus of updates.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_bus_lets_nobody_else_in() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        guest.must("test ! -e /run/dbus/system_bus_socket")?;
        let as_user = |user: &str, what: &str| {
            format!("su -s /run/tools/sh {user} -c 'PATH=$PATH; {RAUC} {what}'")
        };
        // Its first caller starts the bus, and RAUC.
        guest.until(&as_user("trunkguard-update", "status --output-format=json"))?;
        guest.must("pidof rauc && pidof dbus-daemon")?;
        for word in ["mark-good", "mark-bad other", "mark-active other"] {
            let said = guest.run(&as_user("trunkguard-update", &format!("status {word}")))?;
            ensure!(
                said.code != 0
                    && said.out.contains("Rejected send message")
                    && said.out.contains("\"Mark\""),
                "{word}: {said:?}"
            );
        }
        for user in ["trunkguard", "trunkguard-network", "trunkguard-firewall"] {
            let said = guest.run(&as_user(user, "status"))?;
            ensure!(
                said.code != 0 && said.out.contains("Permission denied"),
                "{user}: {said:?}"
            );
        }
        // root may ask RAUC to, and is told that it is not RAUC who confirms.
        let said = guest.run(&format!("{RAUC} status mark-good other"))?;
        ensure!(said.code != 0, "{said:?}");
        slots(&mut guest, "A", "A", None)
    });
}
