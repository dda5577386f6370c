//! LEDs that a kernel driver holds (gpio-leds), by their files in /sys/class/leds.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use crate::pin::PinError;

/// One LED. Its files are opened for each change: they may go and come back with their driver.
#[derive(Debug)]
pub(crate) struct ClassLed {
    folder: PathBuf,
    /// What full brightness is, once it was made ours.
    full: Option<heapless::String<8>>,
}

impl ClassLed {
    /// The LED of this name, under a root that has `sys`.
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        ClassLed {
            folder: root.join("sys/class/leds").join(name),
            full: None,
        }
    }

    pub(crate) fn set(&mut self, lit: bool) -> Result<(), PinError> {
        let full = match self.full.take() {
            Some(full) => full,
            None => self.take()?,
        };
        self.write("brightness", if lit { &full } else { "0" })?;
        // Only now: an LED that failed is made ours again.
        self.full = Some(full);
        Ok(())
    }

    /// Stops whatever the kernel itself shows on it, and reads how bright it gets.
    fn take(&self) -> Result<heapless::String<8>, PinError> {
        match self.write("trigger", "none") {
            // A kernel without triggers shows nothing by itself.
            Err((ErrorKind::NotFound, _)) if self.folder.exists() => {}
            other => other?,
        }
        let path = self.folder.join("max_brightness");
        let text = fs::read_to_string(&path).map_err(|e| refused(&path, &e))?;
        let full = text.trim();
        match full.parse::<u32>() {
            Ok(1..) => {}
            _ => {
                let text = full.escape_debug();
                return Err(PinError(format!(
                    "{}: not a brightness: {text}",
                    path.display()
                )));
            }
        }
        heapless::String::try_from(full)
            .map_err(|_| PinError(format!("{}: not a brightness", path.display())))
    }

    fn write(&self, file: &str, text: &str) -> Result<(), (ErrorKind, PinError)> {
        let path = self.folder.join(file);
        (OpenOptions::new().write(true).truncate(true).open(&path))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|problem| (problem.kind(), refused(&path, &problem)))
    }
}

impl From<(ErrorKind, PinError)> for PinError {
    fn from((_, problem): (ErrorKind, PinError)) -> PinError {
        problem
    }
}

fn refused(path: &Path, problem: &std::io::Error) -> PinError {
    let remedy = match problem.kind() {
        ErrorKind::NotFound => {
            "is the LED in the device tree (board/overlays), and its driver (leds-gpio) loaded?"
        }
        ErrorKind::PermissionDenied => {
            "a udev rule gives it to the panel's user (systemd/udev-panel.rules)"
        }
        _ => "look at the kernel's log",
    };
    PinError(format!("{}: {problem}; {remedy}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the shape of the kernel's.
    fn leds(full: &str) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/class/leds/trunkguard:status");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("brightness"), "1\n").unwrap();
        fs::write(folder.join("max_brightness"), full).unwrap();
        fs::write(folder.join("trigger"), "none [heartbeat] timer\n").unwrap();
        (root, folder)
    }

    #[test]
    fn it_is_lit_fully_and_the_kernel_shows_nothing_of_its_own_on_it() {
        let (root, folder) = leds("255\n");
        let mut led = ClassLed::new(root.path(), "trunkguard:status");
        let shows = || fs::read_to_string(folder.join("brightness")).unwrap();
        led.set(true).unwrap();
        assert_eq!(shows(), "255");
        assert_eq!(fs::read_to_string(folder.join("trigger")).unwrap(), "none");
        fs::write(folder.join("trigger"), "left alone").unwrap();
        led.set(false).unwrap();
        assert_eq!(shows(), "0");
        assert_eq!(
            fs::read_to_string(folder.join("trigger")).unwrap(),
            "left alone"
        );
    }

    #[test]
    fn one_that_goes_says_where_it_was_and_is_ours_again_when_it_comes_back() {
        let (root, folder) = leds("1\n");
        let mut led = ClassLed::new(root.path(), "trunkguard:status");
        led.set(true).unwrap();
        let away = root.path().join("away");
        fs::rename(&folder, &away).unwrap();
        let problem = led.set(false).unwrap_err().to_string();
        assert!(
            problem.contains("trunkguard:status/brightness"),
            "{problem}"
        );
        assert!(problem.contains("leds-gpio"), "{problem}");
        assert!(!folder.exists(), "nothing is made in its place");
        led.set(false).unwrap_err();
        fs::rename(&away, &folder).unwrap();
        fs::write(folder.join("trigger"), "[heartbeat]").unwrap();
        led.set(true).unwrap();
        assert_eq!(fs::read_to_string(folder.join("trigger")).unwrap(), "none");
    }

    #[test]
    fn what_is_no_brightness_is_refused() {
        for text in ["", "0\n", "-1", "bright", "9999999999"] {
            let (root, _) = leds(text);
            let mut led = ClassLed::new(root.path(), "trunkguard:status");
            let problem = led.set(true).unwrap_err().to_string();
            assert!(problem.contains("not a brightness"), "{problem}");
        }
    }

    #[test]
    fn a_kernel_without_triggers_is_none_the_worse() {
        let (root, folder) = leds("1");
        fs::remove_file(folder.join("trigger")).unwrap();
        ClassLed::new(root.path(), "trunkguard:status")
            .set(true)
            .unwrap();
    }
}
