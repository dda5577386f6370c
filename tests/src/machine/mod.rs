//! The image under test in an emulated machine (QEMU).
//!
//! What is claimed of a box is seen from outside of it: packets at its ports, levels of its LEDs in
//! the registers of the GPIO controller, octets on its card after the power was cut. With the test
//! kernel there is a shell in it as well ([`Guest`]), by a unit on the test slot's command line
//! (image/boot/test-shell.service); the root under test is the released one either way.
//!
//! `make test-image` builds the image, names its folder in `TRUNKGUARD_IMAGE` and runs these tests.

mod calls;
mod card;
mod chance;
mod guest;
mod hawkbit;
mod in_place;
mod kept;
pub mod leds;
mod next;
pub mod office;
mod plug;
mod qmp;
mod record;
mod scan;
mod server;
mod stand;
pub mod updating;

pub use calls::{Calls, Promised};
pub use card::{Card, Image, at};
pub use chance::Chance;
pub use guest::{Guest, Ran};
pub use hawkbit::HawkBit;
pub use in_place::in_place;
pub use kept::Kept;
pub use next::{Amiss, Bundle, Next};
pub use plug::plug;
pub use qmp::Qmp;
pub use record::{Part, Record, Writes};
pub use scan::{Found, scan};
pub use server::{Server, Trouble};
pub use stand::{Stand, Started, policy};

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{Process, tools};

/// Longest that anything on an emulated machine may take on a busy host.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Where a machine finds the host's loopback ([`Options::user_network`]).
pub const HOST: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 0, 2, 2);

/// What a machine is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Network interfaces of the host (tap), in the order of the machine's ports.
    pub taps: Vec<String>,
    /// In the place of `taps`: one port, in a network of QEMU's own, where the host's loopback is
    /// [`HOST`] and nothing else is.
    pub user_network: bool,
    /// A shell in the guest. Needs a card with the test kernel.
    pub shell: bool,
    /// Where each write and flush of the card is recorded.
    pub recorded: Option<Record>,
    /// Further arguments of QEMU.
    pub arguments: Vec<String>,
    /// Ends instead of starting again when the guest restarts or its watchdog bites.
    pub once: bool,
}

/// A running machine. Its power is cut when this is dropped.
pub struct Machine {
    process: Process,
    folder: PathBuf,
    qmp: Qmp,
    /// Open from the beginning to the end: a shell with nobody at the other end ends, and after a few times
    /// it is not started again.
    line: Option<UnixStream>,
}

impl Machine {
    /// Switches a QEMU `virt` machine on: two Cortex-A53, 512 MiB, U-Boot, this card. The folder takes its
    /// sockets and logs.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn virt(image: &Image, card: &Card, folder: &Path, options: &Options) -> Result<Machine> {
        fs::create_dir_all(folder)?;
        let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
        for socket in ["qmp", "shell"] {
            let _ = fs::remove_file(folder.join(socket));
        }
        // Without ACPI: only then QEMU describes the GPIO controller.
        let mut arguments: Vec<String> = [
            "-machine",
            "virt,acpi=off",
            "-cpu",
            "cortex-a53",
            "-smp",
            "2",
            "-m",
            "512",
            "-accel",
            "tcg,thread=multi,tb-size=128",
            "-display",
            "none",
            "-nodefaults",
            "-action",
            "watchdog=reset",
            "-device",
            "i6300esb",
            "-device",
            "virtio-rng-pci",
        ]
        .map(String::from)
        .into();
        for (index, tap) in options.taps.iter().enumerate() {
            arguments.extend([
                "-netdev".into(), format!("tap,id=n{index},ifname={tap},script=no,downscript=no"),
                // The slots are those of the board profile `qemu-virt`.
                "-device".into(), format!("virtio-net-pci,netdev=n{index},romfile=,addr={:#x},mac=52:54:00:54:47:{index:02x}", 8 + index),
            ]);
        }
        if options.user_network {
            arguments.extend([
                "-netdev".into(),
                "user,id=n0".into(),
                "-device".into(),
                "virtio-net-pci,netdev=n0,romfile=,addr=0x8,mac=52:54:00:54:47:00".into(),
            ]);
        }
        arguments.extend([
            "-bios".into(),
            image.test("u-boot-qemu.bin")?,
            "-serial".into(),
            format!("file:{}", at("serial")),
            "-qmp".into(),
            format!("unix:{},server=on,wait=off", at("qmp")),
            "-blockdev".into(),
            options.recorded.as_ref().map_or_else(
                || {
                    format!(
                        "driver=raw,node-name=card,discard=unmap,file.driver=file,file.discard=unmap,file.filename={}",
                        card.path().display()
                    )
                },
                |record| record.blockdev(card),
            ),
            "-device".into(),
            "virtio-blk-pci,drive=card,addr=0x4".into(),
        ]);
        if options.shell {
            arguments.extend([
                "-drive".into(),
                format!(
                    "if=none,id=tools,format=raw,readonly=on,file={}",
                    image.test("tools.squashfs")?
                ),
                "-device".into(),
                "virtio-blk-pci,drive=tools,serial=tools,addr=0x5".into(),
                "-device".into(),
                "virtio-serial-pci".into(),
                "-chardev".into(),
                format!("socket,id=shell,path={},server=on,wait=off", at("shell")),
                "-device".into(),
                "virtserialport,chardev=shell,name=shell".into(),
            ]);
        }
        Machine::run(arguments, folder, options)
    }

    /// Switches QEMU's Raspberry Pi 3 on: four cores, 1 GiB, U-Boot where the Pi's firmware would have put it, this card.
    /// Its ports are USB adapters. It has no shell and no watchdog; the card must have the Pi's test slots
    /// ([`Card::for_pi`]).
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn pi(image: &Image, card: &Card, folder: &Path, options: &Options) -> Result<Machine> {
        fs::create_dir_all(folder)?;
        let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let _ = fs::remove_file(folder.join("qmp"));
        // The firmware's part: it hands over the tree that lies beside it.
        card.fetch("bcm2837-rpi-3-b.dtb", &folder.join("tree.dtb"))?;
        let mut arguments: Vec<String> = vec![
            "-machine".into(),
            "raspi3b".into(),
            "-accel".into(),
            "tcg,thread=multi,tb-size=128".into(),
            "-display".into(),
            "none".into(),
            "-kernel".into(),
            image.test("u-boot-rpi.bin")?,
            "-dtb".into(),
            at("tree.dtb"),
            // The console is the second one.
            "-serial".into(),
            "null".into(),
            "-serial".into(),
            format!("file:{}", at("serial")),
            "-qmp".into(),
            format!("unix:{},server=on,wait=off", at("qmp")),
            "-drive".into(),
            format!("if=sd,format=raw,file={}", card.path().display()),
        ];
        for (index, tap) in options.taps.iter().enumerate() {
            arguments.extend([
                "-netdev".into(),
                format!("tap,id=n{index},ifname={tap},script=no,downscript=no"),
                "-device".into(),
                format!("usb-net,netdev=n{index}"),
            ]);
        }
        ensure!(
            !options.shell,
            "QEMU's Raspberry Pi has no port for a shell"
        );
        Machine::run(arguments, folder, options)
    }

    fn run(mut arguments: Vec<String>, folder: &Path, options: &Options) -> Result<Machine> {
        if options.once {
            arguments.push("-no-reboot".into());
        }
        arguments.extend(options.arguments.iter().cloned());
        let mut process = Process::start(
            &tools::on_path("qemu-system-aarch64")?,
            &arguments,
            &folder.join("qemu.log"),
        )?;
        let qmp = Qmp::connect(&folder.join("qmp"), &mut process)?;
        let line = (options.shell)
            .then(|| UnixStream::connect(folder.join("shell")).context("the shell's socket"))
            .transpose()?;
        Ok(Machine {
            process,
            folder: folder.to_owned(),
            qmp,
            line,
        })
    }

    /// QEMU's own control.
    pub fn qmp(&mut self) -> &mut Qmp {
        &mut self.qmp
    }

    /// A shell in the guest; waits until it is there.
    ///
    /// # Errors
    /// When it was not asked for, or the guest does not come up.
    pub fn guest(&mut self) -> Result<Guest> {
        let line = self
            .line
            .as_ref()
            .context("the machine was started without a shell")?;
        let line = line.try_clone()?;
        Guest::on(line).with_context(|| {
            format!(
                "the guest does not come up; its console says:\n{}",
                self.console()
            )
        })
    }

    /// What the guest has written on its serial console.
    pub fn console(&self) -> String {
        fs::read(self.folder.join("serial"))
            .map(|octets| String::from_utf8_lossy(&octets).into_owned())
            .unwrap_or_default()
    }

    /// Waits until the console says something.
    ///
    /// # Errors
    /// When QEMU ends, or [`PATIENCE`] does.
    pub fn wait_console(&mut self, what: &str) -> Result<()> {
        let (serial, wanted) = (self.folder.join("serial"), what.to_owned());
        self.process
            .wait_for(what, PATIENCE, |_| {
                fs::read(&serial)
                    .is_ok_and(|octets| String::from_utf8_lossy(&octets).contains(&wanted))
            })
            .with_context(|| format!("the console says:\n{}", self.console()))
    }

    /// Waits until QEMU itself ends (started with [`Options::once`], or powered off).
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub fn wait_end(&mut self) -> Result<ExitStatus> {
        self.process.wait(PATIENCE)
    }

    /// Cuts the power: nothing is flushed, nobody is asked.
    pub fn cut_power(mut self) {
        self.process.kill();
    }

    /// Memory of the host that the machine takes, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line
            .split_whitespace()
            .nth(1)
            .context("no figure")?
            .parse()?)
    }
}
