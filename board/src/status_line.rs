//! The simulated panel's place on the terminal: one line below the log, redrawn in place.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use heapless::String;
use trunkguard_core::panel::{Led, Press, State, Zone};

/// Room for the longest line there is; a test tries them all.
pub type Text = String<96>;

/// The panel as one line of text: per LED its name, its light as a glyph, and what it says in words.
pub fn render(lit: [bool; 3], state: &State, held: Option<Zone>, utf8: bool) -> Text {
    let mut out = Text::new();
    // The text is as long as the longest combination of constants, which fits.
    let mut push = |text: &str| {
        let _ = out.push_str(text);
    };
    let signs = state.signs();
    for (i, led) in Led::ALL.into_iter().enumerate() {
        push(if i == 0 { "" } else { "   " });
        push(led.name());
        push(match (lit[i], utf8) {
            (true, true) => " ●",
            (false, true) => " ○",
            (true, false) => " (*)",
            (false, false) => " ( )",
        });
        if held.is_none() {
            push(" ");
            push(signs[i].word);
        }
    }
    match held {
        None => {}
        Some(Zone::Guard) => push("   button: let go now does nothing"),
        Some(Zone::Acts(press)) => {
            push("   button: ");
            push(match press {
                Press::Acknowledge => "acknowledge",
                Press::ToggleMode => "detect / prevent",
                Press::SetupWindow => "set-up window",
                Press::FactoryReset => "factory reset",
            });
        }
    }
    out
}

/// At least this long between two drawings of the line.
const REDRAW_MS: u64 = 100;

/// The line. Clones are the same line; everything else that is written to the terminal must go
/// through [`StatusLine::writer`], so that the two do not write into each other.
#[derive(Clone, Debug)]
pub struct StatusLine(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Nobody sees it: stderr is a file or a pipe.
    hidden: bool,
    utf8: bool,
    /// What stands there now; empty when nothing does.
    shown: Text,
    drawn_ms: Option<u64>,
    /// The last octet of the log was a line's end, so that the line may stand below it.
    at_line_start: bool,
}

impl StatusLine {
    /// A line on stderr where that is a terminal that can redraw, else one that nobody sees.
    pub fn on_stderr() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        StatusLine::new(dumb || !io::stderr().is_terminal(), speaks_utf8())
    }

    /// A line that nobody sees.
    pub fn hidden() -> Self {
        StatusLine::new(true, true)
    }

    fn new(hidden: bool, utf8: bool) -> Self {
        StatusLine(Arc::new(Mutex::new(Inner {
            hidden,
            utf8,
            shown: Text::new(),
            drawn_ms: None,
            at_line_start: true,
        })))
    }

    /// A writer to stderr that lifts the line out of the way. For the log.
    pub fn writer(&self) -> LogWriter {
        LogWriter(self.clone())
    }

    /// Draws what `text` makes (given whether the terminal speaks UTF-8), at most ten times a second.
    pub fn draw(&self, now_ms: u64, text: impl FnOnce(bool) -> Text) {
        let mut inner = self.lock();
        // A terminal that is gone is no reason to stop: there is nobody left to tell.
        let _ = inner.draw(&mut io::stderr().lock(), now_ms, text);
    }

    /// Takes the line away, for the end of the program.
    pub fn clear(&self) {
        let mut inner = self.lock();
        let _ = inner.erase(&mut io::stderr().lock());
        inner.shown.clear();
        inner.hidden = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in there can be half done in a way that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn draw(
        &mut self,
        out: &mut impl Write,
        now_ms: u64,
        text: impl FnOnce(bool) -> Text,
    ) -> io::Result<()> {
        let soon = self
            .drawn_ms
            .is_some_and(|at| now_ms.saturating_sub(at) < REDRAW_MS);
        if self.hidden || soon || !self.at_line_start {
            return Ok(());
        }
        let text = text(self.utf8);
        if text == self.shown {
            return Ok(());
        }
        self.drawn_ms = Some(now_ms);
        self.shown = text;
        self.put(out)
    }

    /// Autowrap is off meanwhile: on a narrow terminal the line is cut, not broken in two.
    fn put(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "\r\x1b[2K\x1b[?7l{}\x1b[?7h", self.shown)?;
        out.flush()
    }

    fn erase(&self, out: &mut impl Write) -> io::Result<()> {
        if self.hidden || self.shown.is_empty() {
            return Ok(());
        }
        out.write_all(b"\r\x1b[2K")
    }

    fn log(&mut self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        if self.at_line_start {
            self.erase(out)?;
        }
        out.write_all(bytes)?;
        if let Some(&last) = bytes.last() {
            self.at_line_start = last == b'\n';
        }
        if self.at_line_start && !self.hidden && !self.shown.is_empty() {
            self.put(out)?;
        }
        out.flush()
    }
}

/// Does the locale say that the terminal shows UTF-8? POSIX: LC_ALL before LC_CTYPE before LANG.
fn speaks_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// Writes to stderr above the line.
#[derive(Clone, Debug)]
pub struct LogWriter(StatusLine);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().log(&mut io::stderr().lock(), bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use trunkguard_core::{
        panel::{Service, Why, ZONES},
        policy::Mode,
    };

    /// Every service, mode and alert on the line, once lit and once dark, and every zone.
    fn all_lines() -> std::string::String {
        let services = [
            Service::Starting,
            Service::Serving,
            Service::Degraded(Why::Clock),
            Service::Degraded(Why::History),
            Service::Degraded(Why::Policy),
            Service::Updating,
            Service::Fault,
        ];
        let mut out = std::string::String::new();
        let mut add = |text: Text| writeln!(out, "{text}").unwrap();
        for service in services {
            for mode in [Mode::Detect, Mode::Prevent, Mode::Lockdown] {
                let state = State {
                    service,
                    mode,
                    ..State::default()
                };
                add(render([true, false, false], &state, None, true));
            }
        }
        let state = State {
            service: Service::Degraded(Why::Policy),
            mode: Mode::Lockdown,
            alert: true,
            setup_window: false,
        };
        add(render([true; 3], &state, None, true));
        add(render([true; 3], &state, None, false));
        add(render(
            [false, true, true],
            &State {
                setup_window: true,
                ..state
            },
            None,
            false,
        ));
        for zone in &ZONES {
            let held = Zone::Acts(zone.press);
            add(render(
                state.levels(Some(held), 0),
                &state,
                Some(held),
                true,
            ));
        }
        add(render([false; 3], &state, Some(Zone::Guard), true));
        add(render([false; 3], &state, Some(Zone::Guard), false));
        out
    }

    #[test]
    fn the_line_looks_as_drawn_in_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/status-line.txt");
        let lines = all_lines();
        if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
            std::fs::write(path, &lines).unwrap();
        }
        assert_eq!(lines, std::fs::read_to_string(path).unwrap());
        for line in lines.lines() {
            assert!(
                line.chars().count() <= 79,
                "too wide for a terminal: {line}"
            );
            assert!(line.len() < Text::new().capacity(), "cut: {line}");
        }
    }

    fn shown() -> Inner {
        Inner {
            hidden: false,
            utf8: true,
            shown: Text::new(),
            drawn_ms: None,
            at_line_start: true,
        }
    }

    fn text(words: &str) -> Text {
        Text::try_from(words).unwrap()
    }

    #[test]
    fn it_is_drawn_when_it_changes_and_at_most_ten_times_a_second() {
        let (mut line, mut out) = (shown(), Vec::new());
        line.draw(&mut out, 1_000, |_| text("a")).unwrap();
        let once = out.len();
        line.draw(&mut out, 1_050, |_| text("b")).unwrap();
        line.draw(&mut out, 1_100, |_| text("a")).unwrap();
        assert_eq!(out.len(), once, "too soon, then unchanged");
        line.draw(&mut out, 1_100, |_| text("b")).unwrap();
        assert_eq!(out, b"\r\x1b[2K\x1b[?7la\x1b[?7h\r\x1b[2K\x1b[?7lb\x1b[?7h");
    }

    #[test]
    fn the_log_goes_above_it_whole() {
        let (mut line, mut out) = (shown(), Vec::new());
        line.draw(&mut out, 0, |_| text("panel")).unwrap();
        out.clear();
        line.log(&mut out, b"half ").unwrap();
        line.draw(&mut out, 500, |_| text("other")).unwrap();
        line.log(&mut out, b"a line\n").unwrap();
        assert_eq!(out, b"\r\x1b[2Khalf a line\n\r\x1b[2K\x1b[?7lpanel\x1b[?7h");
    }

    #[test]
    fn without_a_terminal_only_the_log_is_written() {
        let (mut line, mut out) = (
            Inner {
                hidden: true,
                ..shown()
            },
            Vec::new(),
        );
        line.draw(&mut out, 0, |_| text("panel")).unwrap();
        line.log(&mut out, b"a line\n").unwrap();
        assert_eq!(out, b"a line\n");
    }
}
