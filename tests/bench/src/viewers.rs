//! People who look at the page while calls are decided: open pages that follow what happens, and pages that are loaded.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    load::{Ask, Outcome, Pace},
    policy::Size,
    process::{CLIENT_CORE, SERVER_CORE, Server, on_core},
    report::{Rows, Targets, micros},
    servers::Place,
    socket::free_port,
    suite::{Suite, TRUNKGUARD, progress},
};

const NAME: &str = "trunkguard-viewers";
const OPEN: &str = "5,000/s, ACKs";
const VIEWED: &str = "5,000/s, ACKs, viewers";
/// Pages that are open, each with its stream of news.
const VIEWERS: usize = 50;
/// Each of them loads the first page again so often in a second, which is what `live.js` does while there is news.
const LOADS_PER_SECOND: usize = 1;
const PASSWORD: &str = "seven green lamps at noon";

/// The page, as the box runs it: beside the daemon, in a process of its own; here on the daemon's core.
struct Page {
    server: Server,
    url: String,
    jar: PathBuf,
}

/// Programs that end with this.
struct Viewers(Vec<Child>);

impl Drop for Viewers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Page {
    fn start(place: &Place) -> Result<Page> {
        let state = place.folder.join(format!("state-{NAME}"));
        let at = format!("127.0.0.1:{}", free_port([127, 0, 0, 1].into(), 8443)?);
        let log = place.folder.join("page.log");
        // As systemd/trunkguard-page.service has it: calls go first.
        let mut command = on_core(SERVER_CORE, Path::new("chrt"));
        command.args(["--idle", "0"]).arg(&place.daemon);
        command
            .args(["page", "--setup-code", "--web", &at, "--state"])
            .arg(&state);
        let mut server = Server::start("page", command, &log)?;
        server.wait(|| fs::read_to_string(&log).is_ok_and(|said| said.contains("ready")))?;
        let said = fs::read_to_string(&log)?;
        let code = said
            .split("type this code: ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let code = code.with_context(|| format!("the page showed no code: {said}"))?;
        let (url, jar) = (format!("https://{at}"), place.folder.join("page.cookies"));
        let set_up = curl(&jar)
            .args(["-c"])
            .arg(&jar)
            .args(["-o", "/dev/null", "-w", "%{http_code}", "-d", "name=owner"])
            .args([
                "-d",
                &format!("code={code}"),
                "-d",
                &format!("password={PASSWORD}"),
                "-d",
                &format!("again={PASSWORD}"),
            ])
            .arg(format!("{url}/setup"))
            .output()
            .context("curl")?;
        ensure!(
            set_up.stdout == b"303",
            "the page took no password: {}",
            String::from_utf8_lossy(&set_up.stdout)
        );
        Ok(Page { server, url, jar })
    }

    fn viewers(&self) -> Result<Viewers> {
        let many = VIEWERS.to_string();
        let news = curl(&self.jar)
            .args([
                "-N",
                "-Z",
                "--parallel-immediate",
                "--parallel-max",
                &many,
                "-o",
                "/dev/null",
            ])
            .arg(format!("{}/live?viewer=[1-{VIEWERS}]", self.url))
            .spawn()?;
        let mut all = Viewers(vec![news]);
        all.0.push(
            curl(&self.jar)
                .args([
                    "--rate",
                    &format!("{}/s", VIEWERS * LOADS_PER_SECOND),
                    "-o",
                    "/dev/null",
                ])
                .arg(format!("{}/?load=[1-100000]", self.url))
                .spawn()?,
        );
        Ok(all)
    }
}

fn curl(jar: &Path) -> Command {
    let mut command = on_core(CLIENT_CORE, Path::new("curl"));
    command
        .args(["-s", "-k", "-b"])
        .arg(jar)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

impl Suite {
    /// p99 of decisions beside people who look at the page, and what the page takes of memory.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn viewers(&self, targets: &mut Targets) -> Result<()> {
        progress("viewers of the page");
        let trunkguard = self.place.trunkguard(NAME, Size::FULL, "relaxed")?;
        let page = Page::start(&self.place)?;
        let (idle, _) = page.server.memory()?;
        let time = Duration::from_secs(4);
        let mut rows = Rows::default();
        for round in 0..self.some() {
            progress(&format!("viewers: round {}", round + 1));
            let load = self.shape(&trunkguard, Pace::Open(5_000), Ask::InviteAck, time);
            rows.add(TRUNKGUARD, OPEN, self.put(&trunkguard, &load)?);
            let mut viewers = page.viewers()?;
            rows.add(TRUNKGUARD, VIEWED, self.put(&trunkguard, &load)?);
            // The one with the news never ends by itself: had it, there were no viewers.
            let gone = viewers
                .0
                .iter_mut()
                .any(|child| !matches!(child.try_wait(), Ok(None)));
            ensure!(!gone, "the viewers went away");
        }
        let (used, _) = page.server.memory()?;
        println!("## {VIEWERS} viewers of the page beside a client's calls\n");
        rows.print();
        println!(
            "The page's process: resident {idle} KiB when set up (a password takes 19 MiB for a moment), {used} KiB with viewers.\n"
        );
        let p99 = |o: &Outcome| micros(o.latency.quantile(0.99));
        let ratio = rows
            .ratio((TRUNKGUARD, VIEWED), (TRUNKGUARD, OPEN), p99)
            .unwrap_or(f64::MAX);
        let lost = rows
            .get(TRUNKGUARD, VIEWED)
            .map_or(u64::MAX, |row| row.sum(|o| o.lost));
        targets.add(
            "50 viewers of the page on the daemon's core: client's p99 at most half again as long, no answer lost",
            format!("p99 × {ratio:.2}, {lost} lost"),
            ratio <= 1.5 && lost == 0,
        );
        Ok(())
    }
}
