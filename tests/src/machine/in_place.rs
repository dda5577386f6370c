//! The image where a site's box stood.

use anyhow::Result;

use super::{Card, Guest, Image, Machine, Options, plug};
use crate::site::Site;

/// Octets of logs that a failure shows.
const SHOWN: usize = 24_000;

/// Runs a test with the image in the place of the site's box. `policy` lies on its card as an owner puts it
/// there. The machine has the first `ports` of the site's cables, and further arguments of QEMU. When the
/// test fails, what the machine says of itself is printed.
///
/// # Errors
/// As the test; or when the machine does not start.
pub fn in_place(
    site: &Site<'_>,
    image: &Image,
    policy: &str,
    (ports, arguments): (usize, &[&str]),
    test: impl FnOnce(&mut Machine) -> Result<()>,
) -> Result<()> {
    let mut taps = plug(site)?;
    taps.truncate(ports);
    let folder = site.office.folder().join("machine");
    std::fs::create_dir_all(&folder)?;
    let card = Card::with_test_kernel(image, &folder.join("card.img"))?;
    card.put("trunkguard.toml", policy)?;
    let options = Options {
        taps,
        shell: true,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        ..Options::default()
    };
    let mut machine = site
        .gate
        .within(|| Machine::virt(image, &card, &folder, &options))?;
    let outcome = test(&mut machine);
    if outcome.is_err() {
        println!("{}", tail(&machine.console()));
        if let Ok(said) = machine.guest().and_then(|mut guest| asked(&mut guest)) {
            println!("{said}");
        }
    }
    outcome
}

fn asked(guest: &mut Guest) -> Result<String> {
    let mut all = String::new();
    for line in [
        "ip addr",
        "nft list ruleset | grep -v log",
        "cat /run/systemd/network/*trunkguard*",
        "journalctl -b --no-pager -n 200 -o short-monotonic",
    ] {
        all.push_str(&format!("---- {line}\n{}\n", tail(&guest.run(line)?.out)));
    }
    Ok(all)
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(SHOWN);
    let from = (from..=text.len()).find(|&at| text.is_char_boundary(at));
    &text[from.unwrap_or(0)..]
}

/// What tests ask of a box by its own programs.
impl Guest {
    /// Runs `trunkguard COMMAND` on the box's state.
    ///
    /// # Errors
    /// When it says no.
    pub fn trunkguard(&mut self, command: &str) -> Result<String> {
        self.must(&format!("trunkguard {command} --state /var/lib/trunkguard"))
    }

    /// Applies a policy file.
    ///
    /// # Errors
    /// When it is refused.
    pub fn apply(&mut self, policy: &str) -> Result<()> {
        self.must(&format!(
            "cat >/run/policy.toml <<'END'\n{policy}\nEND\ntrunkguard apply --state /var/lib/trunkguard /run/policy.toml"
        ))
        .map(drop)
    }

    /// Waits until a line of the rules that the kernel has says this.
    ///
    /// # Errors
    /// When none does in time.
    pub fn until_rules(&mut self, say: &str) -> Result<()> {
        self.until(&format!("nft list ruleset | grep -q -F '{say}'"))
            .map(drop)
    }

    /// Its host name.
    ///
    /// # Errors
    /// When the guest does not answer.
    pub fn name(&mut self) -> Result<String> {
        Ok(self.must("uname -n")?.trim().to_owned())
    }
}
