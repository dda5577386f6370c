//! The page's certificate: made by the box for its own names and addresses, and made anew when those are others or it nears
//! its end; or the owner's own, which is left alone.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    net::{IpAddr, Ipv6Addr},
    path::Path,
};

use anyhow::Context;
use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use tracing::{info, warn};
use trunkguard_core::screen::is_near;
use trunkguard_page::shell::Certificate;

use crate::tls;

/// Certificate and key in one file, so that no power cut parts them.
pub const PAIR: &str = "page.pem";
/// The names that its owner has added, a line each. It is there where the box has made the certificate itself.
pub const NAMES: &str = "page.names";
/// Longer files are none of ours.
const LONGEST: u64 = 256 << 10;
/// How long one that is made is valid: what Apple's systems take at most is 825.
const DAYS: i64 = 820;
/// It is made anew so long before its end.
const BEFORE_END_S: i64 = 30 * 86_400;
/// Before this the box does not know the time (1 January 2026), and nothing ends.
const KNOWN_S: i64 = 1_767_225_600;

/// The certificate to serve the page with.
///
/// # Errors
/// A state directory that cannot be read or written.
pub fn in_force(state: &Path) -> anyhow::Result<Certificate> {
    let Some(kept) = read(state)? else {
        return make(state, &added(state).unwrap_or_default());
    };
    let facts = match kept.check() {
        Ok(facts) => facts,
        Err(problem) => {
            warn!("{PAIR}: {problem}; the page's certificate is made anew");
            return make(state, &[]);
        }
    };
    let Some(added) = added(state) else {
        return Ok(kept);
    };
    let now = Timestamp::now().as_second();
    let ends = now >= KNOWN_S && facts.until_s - now < BEFORE_END_S;
    let names: BTreeSet<_> = facts.names.iter().collect();
    let addresses: BTreeSet<_> = facts.addresses.iter().collect();
    let fits = tls::own_names().iter().all(|name| names.contains(name))
        // A provider may give another prefix any day, and each certificate is a warning to who has come by another way.
        && (own_addresses().iter())
            .filter(|at| is_near(**at))
            .all(|at| addresses.contains(at));
    match fits && !ends {
        true => Ok(kept),
        false => make(state, &added),
    }
}

/// Has the box made it itself?
pub fn is_ours(state: &Path) -> bool {
    state.join(NAMES).exists()
}

/// Makes one for the box and for these names, and keeps it.
///
/// # Errors
/// A state directory that cannot be written to.
pub fn make(state: &Path, added: &[String]) -> anyhow::Result<Certificate> {
    let certificate = new(added).context("the page's certificate cannot be made")?;
    let mut lines = added.join("\n");
    lines.push('\n');
    // First, so that the certificate is known as the box's own from the beginning.
    tls::write(&state.join(NAMES), lines.as_bytes(), 0o600)?;
    write(state, &certificate)?;
    info!("the page's certificate was made anew");
    Ok(certificate)
}

/// Keeps the owner's own.
///
/// # Errors
/// A state directory that cannot be written to.
pub fn keep(state: &Path, certificate: &Certificate) -> anyhow::Result<()> {
    write(state, certificate)?;
    match fs::remove_file(state.join(NAMES)) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => Err(problem).context(
            format!("{}: cannot be removed", state.join(NAMES).display()),
        ),
        _ => Ok(()),
    }
}

/// Puts one back that was saved whole, as the box's own or as its owner's.
///
/// # Errors
/// A state directory that cannot be written to.
pub fn put(state: &Path, both: &[u8], is_ours: bool) -> anyhow::Result<()> {
    if is_ours {
        tls::write(&state.join(NAMES), b"\n", 0o600)?;
        return tls::write(&state.join(PAIR), both, 0o600);
    }
    let certificate = Certificate {
        chain: both.to_vec(),
        key: Vec::new(),
    };
    keep(state, &certificate)
}

fn write(state: &Path, certificate: &Certificate) -> anyhow::Result<()> {
    let mut both = certificate.chain.clone();
    both.push(b'\n');
    both.extend(&certificate.key);
    tls::write(&state.join(PAIR), &both, 0o600)
}

fn read(state: &Path) -> anyhow::Result<Option<Certificate>> {
    let path = state.join(PAIR);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => {
            return Err(problem).with_context(|| format!("{}: cannot be read", path.display()));
        }
    };
    let mut both = Vec::new();
    file.take(LONGEST)
        .read_to_end(&mut both)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(Some(Certificate {
        chain: both.clone(),
        key: both,
    }))
}

/// The names that were added by the owner; `None` where the certificate is not the box's own.
fn added(state: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(state.join(NAMES)).ok()?;
    let names = text.lines().filter(|line| !line.is_empty());
    Some(names.map(str::to_owned).collect())
}

/// Addresses by which the office reaches the box: private ones, and those of IPv6 that it has for good. Temporary ones (RFC
/// 8981) change every day, which would make a certificate every day, and addresses of the link (fe80::/10) name an interface
/// in a browser.
fn own_addresses() -> BTreeSet<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let v4 = interfaces.filter_map(|interface| {
        let address = interface.address?;
        address.as_sockaddr_in().map(|at| IpAddr::V4(at.ip()))
    });
    let known = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let v6 = known.lines().filter_map(lasting).map(IpAddr::V6);
    v4.filter(|at| is_near(*at)).chain(v6).take(32).collect()
}

/// The address in a line of /proc/net/if_inet6 (address, interface, prefix, scope, flags, name; proc_net(5)), where it is one
/// that stays and that a browser can be sent to.
fn lasting(line: &str) -> Option<Ipv6Addr> {
    // include/uapi/linux/if_addr.h: temporary, and in doubt (tentative, found twice, on its way out).
    const PASSING: u32 = 0x01 | 0x08 | 0x20 | 0x40;
    let mut fields = line.split_whitespace();
    let address = Ipv6Addr::from(u128::from_str_radix(fields.next()?, 16).ok()?);
    let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
    let stays = flags & PASSING == 0 && !address.is_unicast_link_local();
    stays.then_some(address)
}

fn new(added: &[String]) -> anyhow::Result<Certificate> {
    let own = tls::own_names();
    let mut names: BTreeSet<String> = own.iter().chain(added).cloned().collect();
    names.insert("localhost".into());
    names.extend(own_addresses().iter().map(IpAddr::to_string));
    let mut params = CertificateParams::new(names.into_iter().collect::<Vec<_>>())?;
    let host = own.last().map_or("trunkguard", |name| name.as_str());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A box that does not know the time yet makes one that is valid when it does.
    let now = Timestamp::now().as_second().max(KNOWN_S);
    let end = Timestamp::from_second(now)?
        .to_zoned(TimeZone::UTC)
        .checked_add(Span::new().days(DAYS))?;
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(end.year().into(), end.month() as u8, end.day() as u8);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Certificate {
        chain: certificate.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_the_boxs_own_names_and_those_of_its_owner() {
        let state = tempfile::tempdir().expect("a directory");
        let first = in_force(state.path()).expect("made").check().expect("fits");
        let again = in_force(state.path()).expect("read").check().expect("fits");
        assert_eq!(first, again);
        assert!(first.self_made && is_ours(state.path()));
        for name in tls::own_names() {
            assert!(first.names.contains(&name), "{first:?}");
        }
        let days = (first.until_s - Timestamp::now().as_second()) / 86_400;
        assert!((DAYS - 2..=DAYS).contains(&days), "{days}");
        let named = make(state.path(), &["box.example.com".to_owned()]).expect("made");
        let facts = named.check().expect("fits");
        assert!(facts.names.contains(&"box.example.com".to_owned()));
        // It is kept with the name, and the name is kept when the next one is made.
        assert_eq!(added(state.path()), Some(vec!["box.example.com".into()]));
        let kept = in_force(state.path()).expect("read").check().expect("fits");
        assert_eq!(kept.fingerprint, facts.fingerprint);
    }

    #[test]
    fn one_that_names_another_box_is_made_anew_and_the_owners_own_is_not() {
        let state = tempfile::tempdir().expect("a directory");
        let params = CertificateParams::new(vec!["elsewhere".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let other = Certificate {
            chain: params.self_signed(&key).expect("signed").pem().into_bytes(),
            key: key.serialize_pem().into_bytes(),
        };
        keep(state.path(), &other).expect("kept");
        let facts = in_force(state.path()).expect("read").check().expect("fits");
        assert_eq!(facts.names, ["elsewhere"]);
        tls::write(&state.path().join(NAMES), b"\n", 0o600).expect("written");
        let facts = in_force(state.path()).expect("read").check().expect("fits");
        assert!(!facts.names.contains(&"elsewhere".to_owned()), "{facts:?}");
    }

    #[test]
    fn addresses_of_ipv6_that_stay_are_named() {
        let of = |line| lasting(line).map(|address| address.to_string());
        for (line, address) in [
            (
                "00000000000000000000000000000001 01 80 10 80       lo",
                Some("::1"),
            ),
            (
                "fd000000000000000000000000000005 02 40 00 80     eth0",
                Some("fd00::5"),
            ),
            (
                "20010db8000000000000000000000005 02 40 00 00     eth0",
                Some("2001:db8::5"),
            ),
            // Temporary, not known to be its own yet, of the link, and no line at all.
            (
                "20010db8000000000000000000000006 02 40 00 01     eth0",
                None,
            ),
            (
                "20010db8000000000000000000000007 02 40 00 40     eth0",
                None,
            ),
            (
                "fe800000000000000000000000000005 02 40 20 80     eth0",
                None,
            ),
            ("", None),
            ("x 02 40 20 80 eth0", None),
        ] {
            assert_eq!(of(line).as_deref(), address, "{line}");
        }
    }

    #[test]
    fn a_damaged_one_is_made_anew() {
        let state = tempfile::tempdir().expect("a directory");
        fs::write(state.path().join(PAIR), "-----BEGIN CERTIFICATE-----").expect("written");
        assert!(in_force(state.path()).expect("made").check().is_ok());
    }

    #[test]
    fn what_is_read_of_one_survives_any_cut_and_any_changed_octet() {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let made = new(&[]).expect("made");
        let der = CertificateDer::from_pem_slice(&made.chain)
            .expect("one")
            .to_vec();
        let facts = |der: &[u8]| trunkguard_page::shell::certificate::facts_of(der);
        assert!(facts(&der).is_some());
        for at in 0..der.len() {
            let _ = facts(&der[..at]);
            let mut changed = der.clone();
            changed[at] = changed[at].wrapping_add(0x7f);
            let _ = facts(&changed);
        }
    }
}
