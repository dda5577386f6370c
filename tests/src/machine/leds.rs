//! The LEDs of a machine, as the levels of its GPIO controller show them.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Qmp;

/// Where a controller shows the levels of its lines, and which lines STATUS, MODE and ALERT are.
#[derive(Clone, Copy, Debug)]
pub struct Front {
    register: u64,
    lines: [u32; 3],
}

impl Front {
    /// QEMU's `virt`: the PL061's data register, read with all lines unmasked (ARM DDI 0190B, 3.3.1); lines
    /// of the board profile `qemu-virt`.
    pub const VIRT: Front = Front {
        register: 0x0903_03fc,
        lines: [0, 1, 2],
    };
    /// A Raspberry Pi 3: GPLEV0 (BCM2835 ARM Peripherals, 6.1); pins of the board profile `rpi3`.
    pub const PI: Front = Front {
        register: 0x3f20_0034,
        lines: [17, 27, 22],
    };
}

/// How an LED looked while it was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Of 100 looks, how often it was lit.
    pub lit_percent: u32,
    /// How often it went on, per minute.
    pub flashes_per_minute: u32,
}

impl Look {
    /// Never lit.
    pub fn dark(self) -> bool {
        self.lit_percent == 0
    }

    /// Always lit.
    pub fn steady(self) -> bool {
        self.lit_percent == 100
    }

    /// Does it look like this much light and that many flashes, within what an emulated machine's time makes
    /// of them?
    pub fn like(self, lit_percent: u32, flashes_per_minute: u32) -> bool {
        let near =
            |is: u32, should: u32, least: u32| is.abs_diff(should) <= (should / 3).max(least);
        near(self.lit_percent, lit_percent, 5)
            && near(self.flashes_per_minute, flashes_per_minute, 12)
    }
}

/// Watches STATUS, MODE and ALERT for a while.
///
/// # Errors
/// When QEMU does not answer.
pub fn watch(qmp: &mut Qmp, front: Front, span: Duration) -> Result<[Look; 3]> {
    let started = Instant::now();
    let (mut looks, mut lit, mut rises) = (0u32, [0u32; 3], [0u32; 3]);
    let mut before = None;
    while started.elapsed() < span {
        let word = qmp.word(front.register)?;
        let now = front.lines.map(|line| word >> line & 1 == 1);
        for index in 0..3 {
            lit[index] += u32::from(now[index]);
            rises[index] +=
                u32::from(now[index] && before.is_some_and(|before: [bool; 3]| !before[index]));
        }
        (looks, before) = (looks + 1, Some(now));
        // Ten looks in the shortest flash.
        std::thread::sleep(Duration::from_millis(10));
    }
    // A span is seconds, and looks are hundreds of it.
    let (millis, looks) = (started.elapsed().as_millis() as u32, looks.max(1));
    Ok(std::array::from_fn(|index| Look {
        lit_percent: lit[index] * 100 / looks,
        flashes_per_minute: rises[index] * 60_000 / millis,
    }))
}
