//! The whole page in a real browser (Chromium), as `tests/page/walk.mjs` walks it, on a box that decides calls of a real Asterisk
//! 22 whose phone dials while the page is open: the first run, every page, keyboard, phone and desk, light and dark, without
//! JavaScript, by axe-core's rules. The lists hold what strangers and phones can put there.
#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use trunkguard_tests::{
    Office, Outcome, Pbx, Phone, Process, Provider, Root, address, hostile, page::Page, tools, wire,
};

const PASSWORD: &str = "seven green lamps at noon";
/// What a box is delivered with: nothing. All else is set on the page.
const NOTHING: &str = "format = 1\n";
/// newyork1.voip.ms: the one point of presence that answers.
const POP: Ipv4Addr = Ipv4Addr::new(208, 100, 60, 66);
/// Three minutes are usual; machines of two cores under load take longer.
const LONGEST: Duration = Duration::from_secs(900);

#[test]
fn page_browser_walks_every_page() {
    Office::run(|office| {
        tools::run("ip", &["addr", "add", &format!("{POP}/32"), "dev", "lo"])?;
        let _pop = Provider::start((POP, 5060).into())?;
        let page = Page::open(office, NOTHING)?;
        let provider = office.provider()?;
        let pbx = office.pbx(Root::Asterisk22, &["redirect"])?;
        let mut outside = Outside {
            page: &page,
            pbx: &pbx,
            phone: office.phone()?,
            through: Vec::new(),
            hostile: 0,
        };
        let mut walk = start(office, &page)?;
        outside.does_what_is_asked(&mut walk)?;
        let status = walk.wait(Duration::from_secs(5))?;
        println!("{}", walk.printed());
        ensure!(status.success(), "the walk ended with {status}");
        ensure!(outside.hostile > 0, "nobody was hostile");
        // What the page said is what the provider saw.
        ensure!(outside.through == ["12125550123", "12125550199", "011442071838750", "911"]);
        let through: Vec<&str> = outside.through.iter().map(String::as_str).collect();
        provider.saw(&through)?;
        let Page { mut guard, .. } = page;
        ensure!(guard.running(), "the box has ended");
        Ok(())
    });
}

fn start(office: &Office, page: &Page) -> Result<Process> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    ensure!(
        folder.join("node_modules/axe-core").exists(),
        "tests/page has no node_modules: run tests/setup.sh"
    );
    let chromium = tools::on_path("chromium")?;
    let variables = [
        ("PAGE_URL", format!("https://{}", page.at)),
        ("PAGE_CODE", page.code()?),
        ("PAGE_PASSWORD", PASSWORD.to_owned()),
        ("PAGE_PBX", address::PBX.to_string()),
        ("PAGE_CHROMIUM", chromium.to_string_lossy().into_owned()),
        // Chromium keeps a profile, and wants a home for it.
        ("HOME", office.folder().to_string_lossy().into_owned()),
    ];
    let mut arguments: Vec<String> = (variables.iter())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    for file in [tools::on_path("node")?, folder.join("walk.mjs")] {
        arguments.push(file.to_string_lossy().into_owned());
    }
    Process::start(&tools::on_path("env")?, &arguments, &office.log("walk"))
}

/// What happens outside of the browser.
struct Outside<'a> {
    page: &'a Page,
    pbx: &'a Pbx,
    phone: Phone,
    /// Numbers that were answered.
    through: Vec<String>,
    hostile: usize,
}

impl Outside<'_> {
    /// Does what the walk asks for (`PLEASE …`, a line each), until it ends.
    fn does_what_is_asked(&mut self, walk: &mut Process) -> Result<()> {
        let (started, mut done) = (Instant::now(), 0);
        loop {
            let alive = walk.alive();
            let said = walk.printed();
            let whole = said.rfind('\n').map_or("", |end| &said[..end]);
            for line in whole.lines().skip(done) {
                if let Some(what) = line.strip_prefix("PLEASE ") {
                    self.does(what)?;
                }
            }
            done = whole.lines().count();
            if !alive {
                return Ok(());
            }
            ensure!(
                started.elapsed() < LONGEST,
                "the walk does not end:\n{said}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn does(&mut self, what: &str) -> Result<()> {
        if let Some(number) = what.strip_prefix("dial ") {
            // It has just become a client: until the PBX has heard its first answer, it takes the box for dead.
            let limit = Duration::from_secs(15);
            let box_ = "pjsip show aor trunkguard";
            (self.pbx).wait_cli(box_, limit, |text| text.contains(" Avail "))?;
            if let Outcome::Answered(call) = self.phone.dial(number)? {
                call.hang_up()?;
                self.through.push(number.to_owned());
            }
            return Ok(());
        }
        let to: SocketAddr = self.page.guard.listens();
        match what {
            "be hostile" => {
                hostile::knock(address::STRANGER, to)?;
                self.hostile = hostile::calls(address::PBX, to)?;
                println!("hostile: {} requests were answered", self.hostile);
                Ok(())
            }
            "call a thousand times" => {
                let udp = wire::Udp::at(address::PBX, to)?;
                for n in 0..1_000 {
                    // Not one after the other, and each another one.
                    let number = format!("1212555{}", 1_000 + n * 7_919 % 8_999);
                    udp.ask(&number, &format!("many-{n}"))?;
                }
                udp.ask("12125559999", "many").map(drop)
            }
            other => bail!("the walk asks for {other}"),
        }
    }
}
