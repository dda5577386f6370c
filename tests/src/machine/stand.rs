//! A machine as the box of an office with one port (`side`), and the PBX that asks it.

use std::{
    cell::Cell,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Card, Image, Machine, Options, PATIENCE, plug};
use crate::{
    sip::{Message, user},
    site::{Site, at},
    wire::{Udp, request},
};

/// Where the PBX finds the box.
const SIP: (std::net::Ipv4Addr, u16) = (at::BOX, 5060);
/// A number that the office's policy lets pass, and one that it does not.
const ALLOWED: &str = "12125550123";
const DENIED: &str = "011442071838750";

/// A policy file of the office, with this prefix for approved numbers. By it a test tells which one is in force.
pub fn policy(prefix: &str) -> String {
    format!(
        r#"format = 1

[settings]
mode = "prevent"
country = "US"

[network]
address = "192.168.77.2/24"
gateway = "192.168.77.1"
dns = ["192.0.2.53"]

[firewall]
topology = "side"
pbx = ["192.168.77.10"]
office = ["192.168.77.20"]

# A test asks until the policy that it waits for is in force, and each question is a call to the same number.
[policy]
off = ["same-number"]

[policy.allow]
countries = ["US"]

[policy.limits]
simultaneous = 65535
per_minute = 65535
per_hour = 65535
per_day = 65535

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
prefix = "{prefix}"
"#
    )
}

/// The office, with a place for a machine in it.
pub struct Stand<'a> {
    /// Its networks.
    pub site: &'a Site<'a>,
    image: &'a Image,
    taps: Vec<String>,
    started: Cell<u32>,
}

/// A machine that was switched on.
pub struct Started {
    /// The machine.
    pub machine: Machine,
    /// When that was.
    pub at: Instant,
}

impl<'a> Stand<'a> {
    /// Takes the site's own box away.
    ///
    /// # Errors
    /// When the kernel does not do it.
    pub fn new(site: &'a Site<'a>, image: &'a Image) -> Result<Stand<'a>> {
        std::fs::create_dir(site.office.folder().join("machines"))?;
        Ok(Stand {
            site,
            image,
            taps: plug(site)?,
            started: Cell::new(0),
        })
    }

    /// A path in a folder of the test's own. Cards are too large for the office's, which is shown when a test fails.
    pub fn path(&self, name: &str) -> PathBuf {
        self.site.office.folder().join("machines").join(name)
    }

    /// A new card with the test kernel and this policy to be provisioned.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn card(&self, name: &str, policy: &str) -> Result<Card> {
        let card = Card::with_test_kernel(self.image, &self.path(name))?;
        card.put("trunkguard.toml", policy)?;
        Ok(card)
    }

    /// Switches the box on.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn start(&self, card: &Card, shell: bool) -> Result<Started> {
        let at = Instant::now();
        let options = Options {
            shell,
            ..Options::default()
        };
        let machine = self.start_with(card, options)?;
        Ok(Started { machine, at })
    }

    /// Switches the box on with these options; its ports are the stand's.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn start_with(&self, card: &Card, options: Options) -> Result<Machine> {
        self.started.set(self.started.get() + 1);
        let folder = self.path(&format!("machine-{}", self.started.get()));
        let options = Options {
            taps: self.taps.clone(),
            ..options
        };
        let gate = &self.site.gate;
        gate.within(|| Machine::virt(self.image, card, &folder, &options))
    }

    /// The host's ends of the machine's ports.
    pub fn taps(&self) -> &[String] {
        &self.taps
    }

    /// The PBX, at a port that it has not used before.
    ///
    /// # Errors
    /// When there is none.
    pub fn pbx(&self) -> Result<Udp> {
        self.site.lan.within(|| Udp::at(at::PBX, SIP.into()))
    }

    /// Somebody else of the office.
    ///
    /// # Errors
    /// When there is no port.
    pub fn stranger(&self) -> Result<Udp> {
        self.site.lan.within(|| Udp::at(at::PAGE, SIP.into()))
    }

    /// Waits until the PBX's OPTIONS is answered by 200; the time when it was.
    ///
    /// # Errors
    /// When it is not within [`PATIENCE`].
    pub fn first_answer(&self) -> Result<Instant> {
        let started = Instant::now();
        let mut asked = 0;
        while started.elapsed() < PATIENCE {
            asked += 1;
            let pbx = self.pbx()?;
            // As long as nobody has the box's address, sending and receiving say so, at once.
            let answer = options(&pbx, &format!("first-{asked}"), Duration::from_millis(100));
            match answer {
                Ok(Some(answer)) => {
                    ensure!(answer.status() == Some(200), "OPTIONS: {}", answer.start);
                    return Ok(Instant::now());
                }
                Ok(None) => {}
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
        bail!("the box did not answer the PBX within {PATIENCE:?}")
    }

    /// Does the box decide as the office's policy with this prefix says, for the PBX and nobody else?
    ///
    /// # Errors
    /// When it does not.
    pub fn decides(&self, prefix: &str) -> Result<()> {
        let pbx = self.pbx()?;
        let call = |kind: &str| format!("{kind}-{}-{}", pbx.here.port(), prefix);
        let allowed = pbx.ask(ALLOWED, &call("allowed"))?;
        ensure!(
            allowed.status() == Some(302)
                && user(allowed.header("Contact")).starts_with(prefix)
                && user(allowed.header("Contact")).ends_with("2125550123"),
            "not 302 with {prefix}: {allowed:?}"
        );
        let denied = pbx.ask(DENIED, &call("denied"))?;
        ensure!(denied.status() == Some(603), "not refused: {denied:?}");
        let stranger = self.stranger()?;
        let answer = stranger.ask_for(ALLOWED, &call("stranger"), Duration::from_secs(2))?;
        ensure!(answer.is_none(), "a stranger was answered: {answer:?}");
        // The silence was not the box's.
        pbx.ask(ALLOWED, &call("after")).map(drop)
    }

    /// Waits until [`Stand::decides`].
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub fn until_decides(&self, prefix: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            self.first_answer()?;
            match self.decides(prefix) {
                Ok(()) => return Ok(()),
                Err(problem) if started.elapsed() > PATIENCE => return Err(problem),
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// Waits until all that was sent to the box before this has reached it: the PBX asks last, and is answered.
    ///
    /// # Errors
    /// When it is not.
    pub fn settled(&self, pbx: &Udp, call: &str) -> Result<()> {
        for again in 0..10 {
            let call = format!("{call}-{again}");
            if options(pbx, &call, Duration::from_secs(1))?.is_some() {
                return Ok(());
            }
        }
        bail!("the box does not answer the PBX any more")
    }

    /// Frames for the box that its port had no room for, until now.
    ///
    /// # Errors
    /// When `ip` does not say.
    pub fn lost_frames(&self) -> Result<u64> {
        let said = self
            .site
            .gate
            .command("ip", &["-s", "-j", "link", "show", "dev", &self.taps[0]])?;
        let said: serde_json::Value = serde_json::from_str(&said)?;
        said[0]["stats64"]["tx"]["dropped"]
            .as_u64()
            .with_context(|| format!("no count of dropped frames: {said}"))
    }
}

fn options(pbx: &Udp, call: &str, wait: Duration) -> Result<Option<Message>> {
    pbx.send(&request("OPTIONS", pbx.here, "UDP", "ping", call, "", ""))?;
    let id = format!("{call}@{}", pbx.here.ip());
    let until = Instant::now() + wait;
    while let Some(left) = until
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        match pbx.receive(left)? {
            Some(answer) if answer.header("Call-ID") == id => return Ok(Some(answer)),
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}
