//! A button that a kernel driver reads (gpio-keys), by its input device (evdev).

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use crate::{edges::Edges, pin::PinError};

/// Octets of the kernel's `struct input_event` on a 64-bit machine: 16 of time, then these.
const EVENT: usize = 24;
/// Events taken at one look: more than a finger makes, less than would hold the loop.
const EVENTS: usize = 64;
/// Looks between two attempts to open a device that is not there.
const AGAIN: u8 = 20;

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const SYN_REPORT: u16 = 0;
const SYN_DROPPED: u16 = 3;

/// A key of an input device.
#[derive(Debug)]
pub(crate) struct KeyButton {
    root: PathBuf,
    input: heapless::String<63>,
    reader: Reader,
    device: Option<File>,
    /// Looks until it is opened again, and why it was not opened.
    wait: u8,
    problem: Option<PinError>,
}

/// Reads events.
#[derive(Debug)]
struct Reader {
    key: u16,
    edges: Edges,
    /// Events were lost, and those up to the next report belong to nothing.
    dropped: bool,
}

impl KeyButton {
    /// A key (its code) of the input device of this name, under a root that has `sys` and `dev`.
    pub(crate) fn new(root: &Path, input: &heapless::String<63>, key: u16) -> Self {
        KeyButton {
            root: root.into(),
            input: input.clone(),
            reader: Reader {
                key,
                edges: Edges::at(false),
                dropped: false,
            },
            device: None,
            wait: 0,
            problem: None,
        }
    }

    pub(crate) fn pressed(&mut self) -> Result<bool, PinError> {
        if self.device.is_none() {
            self.open()?;
        }
        let Some(device) = &mut self.device else {
            return Ok(false);
        };
        let mut buffer = [0; EVENT * EVENTS];
        match device.read(&mut buffer) {
            Ok(read) if read > 0 => {
                if self.reader.take(&buffer[..read]) {
                    return Err(PinError(format!(
                        "{}: events were lost; press the button again",
                        self.input
                    )));
                }
            }
            Err(problem)
                if matches!(
                    problem.kind(),
                    ErrorKind::WouldBlock | ErrorKind::Interrupted
                ) => {}
            end => {
                self.device = None;
                self.reader.forget();
                let why = end.map_or_else(|problem| problem.to_string(), |_| "it ended".into());
                return Err(PinError(format!(
                    "input device {}: {why}; it is opened again when it comes back",
                    self.input
                )));
            }
        }
        Ok(self.reader.edges.look())
    }

    /// Opens the device. One that is not there is looked for once a second.
    fn open(&mut self) -> Result<(), PinError> {
        if self.wait > 0
            && let Some(problem) = &self.problem
        {
            self.wait -= 1;
            return Err(problem.clone());
        }
        match find(&self.root, &self.input) {
            Ok(device) => {
                self.device = Some(device);
                self.problem = None;
                Ok(())
            }
            Err(problem) => {
                self.wait = AGAIN;
                self.problem = Some(problem.clone());
                Err(problem)
            }
        }
    }
}

fn find(root: &Path, name: &str) -> Result<File, PinError> {
    let folder = root.join("sys/class/input");
    let wrong = |problem: std::io::Error| {
        PinError(format!(
            "{}: {problem}; does the kernel have evdev?",
            folder.display()
        ))
    };
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let device = entry.file_name();
        if !device.to_string_lossy().starts_with("event") {
            continue;
        }
        match fs::read_to_string(entry.path().join("device/name")) {
            Ok(said) if said.trim_end_matches('\n') == name => {}
            _ => continue,
        }
        let path = root.join("dev/input").join(&device);
        return (OpenOptions::new().read(true))
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&path)
            .map_err(|problem| {
                let remedy = "it is open to the group `input` (SupplementaryGroups=input)";
                PinError(format!("{}: {problem}; {remedy}", path.display()))
            });
    }
    Err(PinError(format!(
        "there is no input device `{name}`; is the button in the device tree (board/overlays), and are gpio_keys and evdev loaded? `cat /proc/bus/input/devices` lists them"
    )))
}

impl Reader {
    /// Takes in what was read: whole events, as the kernel hands them out. Says whether some were lost.
    fn take(&mut self, octets: &[u8]) -> bool {
        let mut lost = false;
        for event in octets.chunks_exact(EVENT) {
            let word = |at: usize| u16::from_ne_bytes([event[at], event[at + 1]]);
            let value = i32::from_ne_bytes([event[20], event[21], event[22], event[23]]);
            match (word(16), word(18)) {
                (EV_SYN, SYN_DROPPED) => {
                    // What is held now could be asked for, but not since when: a press whose edge was
                    // lost must not be measured. It counts for nothing.
                    self.edges = Edges::at(false);
                    (self.dropped, lost) = (true, true);
                }
                (EV_SYN, SYN_REPORT) => self.dropped = false,
                // 2 is a key that repeats itself.
                (EV_KEY, code) if code == self.key && !self.dropped && value != 2 => {
                    self.edges.push(value == 1);
                }
                _ => {}
            }
        }
        lost
    }

    fn forget(&mut self) {
        self.edges = Edges::at(false);
        self.dropped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::{sys::stat::Mode, unistd::mkfifo};
    use std::io::Write;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut octets = vec![0; 16];
        octets.extend(kind.to_ne_bytes());
        octets.extend(code.to_ne_bytes());
        octets.extend(value.to_ne_bytes());
        octets
    }

    fn key(value: i32) -> Vec<u8> {
        [event(EV_KEY, 0x198, value), event(EV_SYN, SYN_REPORT, 0)].concat()
    }

    /// A folder with the shape of the kernel's, whose device is a pipe that carries its events.
    struct Bench {
        root: tempfile::TempDir,
        button: KeyButton,
    }

    impl Bench {
        fn new() -> Bench {
            let root = tempfile::tempdir().unwrap();
            for (device, name) in [("event0", "other-keys"), ("event1", "trunkguard-keys")] {
                let folder = root
                    .path()
                    .join("sys/class/input")
                    .join(device)
                    .join("device");
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            }
            fs::create_dir_all(root.path().join("dev/input")).unwrap();
            let name = "trunkguard-keys".try_into().unwrap();
            let button = KeyButton::new(root.path(), &name, 0x198);
            Bench { root, button }
        }

        /// Plugs it in: the end that the kernel has.
        fn plug(&self) -> File {
            let path = self.root.path().join("dev/input/event1");
            let _ = fs::remove_file(&path);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
            // Both ends, so that opening does not wait for the reader.
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap()
        }
    }

    #[test]
    fn a_press_is_seen_however_short_it_is() {
        let mut bench = Bench::new();
        let mut kernel = bench.plug();
        assert!(!bench.button.pressed().unwrap());
        kernel.write_all(&key(1)).unwrap();
        assert!(bench.button.pressed().unwrap());
        assert!(bench.button.pressed().unwrap());
        kernel.write_all(&key(2)).unwrap();
        assert!(bench.button.pressed().unwrap());
        kernel
            .write_all(&[key(0), key(1), key(0)].concat())
            .unwrap();
        let seen: Vec<bool> = (0..4).map(|_| bench.button.pressed().unwrap()).collect();
        assert!(!seen[3]);
        kernel.write_all(&[key(1), key(0)].concat()).unwrap();
        let seen: Vec<bool> = (0..3).map(|_| bench.button.pressed().unwrap()).collect();
        assert_eq!(seen, [true, false, false]);
    }

    #[test]
    fn other_keys_are_nobodys() {
        let mut bench = Bench::new();
        let mut kernel = bench.plug();
        bench.button.pressed().unwrap();
        kernel.write_all(&event(EV_KEY, 116, 1)).unwrap();
        kernel.write_all(&event(2, 0x198, 1)).unwrap();
        assert!(!bench.button.pressed().unwrap());
    }

    #[test]
    fn where_events_were_lost_the_press_counts_for_nothing() {
        let mut bench = Bench::new();
        let mut kernel = bench.plug();
        kernel.write_all(&key(1)).unwrap();
        assert!(bench.button.pressed().unwrap());
        kernel
            .write_all(&[event(EV_SYN, SYN_DROPPED, 0), key(1)].concat())
            .unwrap();
        let problem = bench.button.pressed().unwrap_err().to_string();
        assert!(problem.contains("lost"), "{problem}");
        assert!(
            !bench.button.pressed().unwrap(),
            "the half of a report is passed over"
        );
        kernel.write_all(&key(0)).unwrap();
        assert!(!bench.button.pressed().unwrap());
        kernel.write_all(&key(1)).unwrap();
        assert!(bench.button.pressed().unwrap());
    }

    #[test]
    fn a_device_that_goes_is_found_again() {
        let mut bench = Bench::new();
        let problem = bench.button.pressed().unwrap_err().to_string();
        assert!(problem.contains("event1: No such file"), "{problem}");
        let kernel = bench.plug();
        let tries = (0..=AGAIN).take_while(|_| bench.button.pressed().is_err());
        assert_eq!(
            tries.count(),
            usize::from(AGAIN),
            "looked for once a second"
        );
        drop(kernel);
        let problem = bench.button.pressed().unwrap_err().to_string();
        assert!(problem.contains("opened again"), "{problem}");
        let mut kernel = bench.plug();
        kernel.write_all(&key(1)).unwrap();
        assert!(bench.button.pressed().unwrap());
    }

    #[test]
    fn what_is_no_event_does_no_harm() {
        let mut reader = Reader {
            key: 1,
            edges: Edges::at(false),
            dropped: false,
        };
        for length in 0..100 {
            reader.take(&vec![0xff; length]);
        }
        assert!(!reader.edges.look());
    }

    #[test]
    fn a_machine_without_the_device_is_told_what_to_look_for() {
        let bench = Bench::new();
        let name = "no-keys".try_into().unwrap();
        let problem = KeyButton::new(bench.root.path(), &name, 1)
            .pressed()
            .unwrap_err();
        assert!(
            problem.to_string().contains("no input device `no-keys`"),
            "{problem}"
        );
        let problem = KeyButton::new(Path::new("/nowhere"), &name, 1)
            .pressed()
            .unwrap_err();
        assert!(
            problem.to_string().contains("/nowhere/sys/class/input"),
            "{problem}"
        );
    }
}
