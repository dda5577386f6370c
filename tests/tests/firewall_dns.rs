//! What DNS may do to the allow-list (docs/security.md F21), shown with packets: a server that lies,
//! and a real one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::{
    Guard, Process,
    site::{Capture, Dns, Pop, Probes, Says, Site, Topology, at, attempts, helper, packet::Raw},
    tools,
};

const NAME: &str = "atlanta1.voip.ms";
const FIREWALL: &str = "allow = \"hosts\"\npops = [\"atlanta1.voip.ms\"]\ndns = [\"192.0.2.53\"]\n";

/// A box that follows one name, and what passes it.
struct Follower {
    guard: Guard,
    raw: Raw,
    capture: Capture,
    _helper: Process,
}

impl Follower {
    fn start(site: &Site<'_>) -> Result<Follower> {
        let (process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, FIREWALL)?;
        site.gate.within(|| guard.start())?;
        Ok(Follower {
            guard,
            raw: Raw::open(&site.internet)?,
            capture: site.at_pbx()?,
            _helper: process,
        })
    }

    /// Waits until what `pops` shows satisfies a condition.
    fn wait(&self, what: &str, done: impl Fn(&Value) -> bool) -> Result<Value> {
        let started = Instant::now();
        loop {
            let pops = self.guard.json(&["pops"])?;
            if done(&pops) {
                return Ok(pops);
            }
            ensure!(
                started.elapsed() < Duration::from_secs(20),
                "{what}: not within 20 s, but: {pops:#}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn pops(&self, action: &[&str]) -> Result<()> {
        let said = self.guard.cli(&[&["pops"], action].concat())?;
        ensure!(said.code == 0, "pops {action:?}: {}{}", said.out, said.err);
        Ok(())
    }

    /// Has the name asked for again, of a server that says this from now on.
    fn ask(&self, dns: &Dns, says: Says) -> Result<()> {
        dns.says(says);
        self.pops(&["refresh"])?;
        dns.wait_asked(NAME, Duration::from_secs(5))
    }

    /// The PoP passes; attackers, and these others, do not.
    fn only_the_pop_passes(&self, others: &[Probes]) -> Result<()> {
        attempts::pop(at::PBX).all_arrive(&self.raw, &self.capture)?;
        attempts::strangers(at::PBX).none_arrives(&self.raw, &self.capture)?;
        others
            .iter()
            .try_for_each(|probes| probes.none_arrives(&self.raw, &self.capture))
    }
}

fn sip_from(who: &str, source: Ipv4Addr) -> Probes {
    Probes::default()
        .udp(who, source, at::PBX, &[5060, 12_345])
        .tcp(who, source, at::PBX, &[5060, 5061])
}

fn failure(pops: &Value) -> bool {
    pops["names"][0]["failure"].is_string()
}

fn confirmed(pops: &Value) -> bool {
    pops["names"][0]["name"] == NAME
        && pops["names"][0]["failure"].is_null()
        && pops["names"][0]["addresses"] == json!(["208.100.60.17"])
}

/// F21: silence, errors and answers of every bad kind open nothing, and close nothing.
#[test]
fn firewall_dns_f21_bad_answers_open_nothing() {
    Site::run(Topology::Router, |site| {
        let truth = || Says::Addresses(vec![at::POP]);
        let dns = Dns::start(&site.internet, truth())?;
        let this = Follower::start(site)?;
        this.wait("the truth", confirmed)?;
        let other = sip_from("other PoP", at::OTHER_POP);
        this.only_the_pop_passes(std::slice::from_ref(&other))?;
        for lie in [
            Says::Nothing,
            Says::Error(2),
            Says::Error(3),
            Says::Error(5),
            Says::NoAddress,
            Says::OtherId(at::OTHER_POP),
            Says::OtherPort(at::OTHER_POP),
            Says::OtherName(at::OTHER_POP),
            Says::Truncated(at::OTHER_POP),
            Says::AliasLoop(at::OTHER_POP),
            Says::CutShort(at::OTHER_POP),
            Says::PointerLoop,
            Says::Garbage,
        ] {
            let said = format!("{lie:?}");
            this.ask(&dns, lie)?;
            let pops = this.wait(&said, failure)?;
            ensure!(
                pops["allowed"] == json!(["208.100.60.17"]),
                "{said}: {pops:#}"
            );
            this.only_the_pop_passes(std::slice::from_ref(&other))
                .context(said)?;
            this.ask(&dns, truth())?;
            this.wait("the truth again", confirmed)?;
        }
        Ok(())
    });
}

/// F12, F21: addresses that no PoP can have are never let in, and it is said: everybody, the box, the
/// office, groups, the PBX.
#[test]
fn firewall_dns_f12_f21_addresses_of_nobody_open_nothing() {
    Site::run(Topology::Router, |site| {
        let dns = Dns::start(&site.internet, Says::Addresses(vec![at::POP]))?;
        let this = Follower::start(site)?;
        this.wait("the truth", confirmed)?;
        let other = sip_from("other PoP", at::OTHER_POP);
        for address in [
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(224, 0, 0, 1),
            Ipv4Addr::new(10, 0, 0, 1),
            at::NEIGHBOUR,
            at::PBX,
            at::BOX_OUTSIDE,
        ] {
            let before = this.guard.log().matches("DNS says").count();
            // With an address that is taken, by which it shows that the answer has been read.
            let taken = Ipv4Addr::new(208, 100, 60, 100 + address.octets()[3] % 100);
            this.ask(&dns, Says::Addresses(vec![at::POP, address, taken]))?;
            let taken = format!("\"{taken}\"");
            let pops = this.wait(&taken, |pops| pops["names"][0].to_string().contains(&taken))?;
            let said = this.guard.log();
            ensure!(
                before > 0 || said.contains(&format!("{address}, which is")),
                "nothing is said of {address}:\n{said}"
            );
            let shown = format!("\"{address}\"");
            ensure!(
                !pops["allowed"].to_string().contains(&shown),
                "{address}: {pops:#}"
            );
            this.only_the_pop_passes(std::slice::from_ref(&other))?;
        }
        Ok(())
    });
}

/// F21: an address outside of the known range waits for the owner, and follows what he says.
#[test]
fn firewall_dns_f21_f16_an_address_elsewhere_waits_for_the_owner() {
    Site::run(Topology::Router, |site| {
        let dns = Dns::start(&site.internet, Says::Addresses(vec![at::POP]))?;
        let this = Follower::start(site)?;
        this.wait("the truth", confirmed)?;
        let elsewhere = sip_from("elsewhere", at::CARRIER);
        this.ask(&dns, Says::Addresses(vec![at::POP, at::CARRIER]))?;
        this.wait("a question", |pops| {
            pops["asked"][0]["address"] == "198.51.100.9"
        })?;
        this.only_the_pop_passes(std::slice::from_ref(&elsewhere))?;
        this.pops(&["approve", "198.51.100.9"])?;
        elsewhere.all_arrive(&this.raw, &this.capture)?;
        this.pops(&["refuse", "198.51.100.9"])?;
        this.only_the_pop_passes(&[elsewhere])?;
        // Hundreds at once: the list stays within bounds, and attackers out.
        let many = (0..200).map(|n| Ipv4Addr::new(203, 0, 113, n)).collect();
        this.ask(&dns, Says::Addresses(many))?;
        thread::sleep(Duration::from_secs(1));
        this.only_the_pop_passes(&[])
    });
}

/// F16, F21: a call goes on while the name of its PoP moves to another address, and the new address
/// may call. The DNS server is dnsmasq.
#[test]
fn firewall_dns_f16_f21_a_call_survives_its_pop_leaving_dns() {
    Site::run(Topology::Router, |site| {
        let mut dns = dnsmasq(site, at::POP)?;
        let this = Follower::start(site)?;
        this.wait("the truth", confirmed)?;
        let pbx = site.asterisk(&["site", "behind-router"])?;
        let pop = Pop::start(&site.internet, at::POP)?;
        let call = pop.call(SocketAddr::from((at::BOX_OUTSIDE, 5060)), "4165551234")?;
        let talk = call.talk("call");
        let other = sip_from("other PoP", at::OTHER_POP);
        other.none_arrives(&this.raw, &this.capture)?;
        dns.kill();
        let _dns = dnsmasq(site, at::OTHER_POP)?;
        this.pops(&["refresh"])?;
        this.wait("the move", |pops| {
            pops["allowed"].to_string().contains("208.100.60.18")
        })?;
        let started = Instant::now();
        while other.arrived(&this.raw, &this.capture)?.is_empty() {
            ensure!(
                started.elapsed() < Duration::from_secs(15),
                "the new address is shown and not let in"
            );
            thread::sleep(Duration::from_millis(200));
        }
        let (sent, missing) = talk.stop()?;
        ensure!(
            sent > 20 && missing.is_empty(),
            "of {sent} missing: {missing:?}"
        );
        call.hang_up()?;
        drop(pbx);
        Ok(())
    });
}

/// A real DNS server, with one name of its own.
fn dnsmasq(site: &Site<'_>, address: Ipv4Addr) -> Result<Process> {
    let listen = format!("--listen-address={}", at::DNS);
    let zone = format!("--address=/{NAME}/{address}");
    let args = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--user=root",
        "--local-ttl=60",
        "--pid-file=",
        "--log-facility=-",
        &listen,
        &zone,
    ];
    let path = tools::on_path("dnsmasq")?;
    let log = site.office.log("dnsmasq");
    let mut process = (site.internet).within(|| Process::start(&path, &args, &log))?;
    process.wait_for("start", Duration::from_secs(10), |log| {
        log.contains("started")
    })?;
    Ok(process)
}
