//! Somebody who makes updates: keys, a signed pointer, a folder on a web server (Debian's nginx), and all that can be wrong
//! with them; and a box that believes these keys, as far as a box is files.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{Office, Process, tools};

/// Where the server is.
pub const AT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 60);
/// What runs on the box.
pub const RUNS: &str = "0.1.0";

/// What is wrong with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Every question is sent on to another address.
    Redirect,
    /// Every question is answered so, without more.
    Status(u16),
    /// After so many octets of an answer, one a second.
    Stall(u64),
    /// Its certificate is its own.
    SelfSigned,
    /// Its certificate is for another address.
    OtherName,
}

/// A pointer to an update (`latest.json`).
#[derive(Clone, Debug)]
pub struct Pointer {
    /// Which version.
    pub version: &'static str,
    /// For which kind of box.
    pub compatible: &'static str,
    /// What is new.
    pub notes: String,
    /// For how many of a hundred boxes.
    pub share: u8,
    /// From and until when it holds, as date(1) reads it.
    pub holds: (&'static str, &'static str),
    /// Whose key signs it.
    pub key: &'static str,
    /// Octets of the bundle, unless they are counted.
    pub size: Option<u64>,
    /// What is hashed, unless the bundle is.
    pub hashed: Option<Vec<u8>>,
}

impl Default for Pointer {
    fn default() -> Self {
        Pointer {
            version: "0.2.0",
            compatible: "trunkguard-arm64",
            notes: "Better.".into(),
            share: 100,
            holds: ("-1 day", "+7 days"),
            key: "vendor",
            size: None,
            hashed: None,
        }
    }
}

/// The vendor. The server ends when this is dropped.
pub struct Vendor {
    folder: PathBuf,
    process: Option<Process>,
}

impl Vendor {
    /// Makes keys, and starts the server with an empty folder.
    ///
    /// # Errors
    /// When a tool is missing, or nginx does not start.
    pub fn open(office: &Office) -> Result<Vendor> {
        let folder = office.folder().join("vendor");
        fs::create_dir_all(folder.join("www"))?;
        let mut vendor = Vendor {
            folder,
            process: None,
        };
        for name in ["vendor", "stranger"] {
            let key = vendor.path(&format!("{name}.pem"));
            tools::run(
                "openssl",
                &["genpkey", "-algorithm", "ed25519", "-out", &key],
            )?;
        }
        let (key, certificate) = (vendor.path("ca.key"), vendor.path("ca.crt"));
        let new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ];
        let rest = [
            "-noenc",
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-subj",
            "/CN=ca",
            "-days",
            "30",
        ];
        tools::run("openssl", &[&new[..], &rest].concat())?;
        vendor.trouble(&Trouble::None)?;
        Ok(vendor)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// Where boxes find it.
    pub fn url(&self) -> String {
        format!("https://{AT}/")
    }

    /// Puts something into the folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, name: &str, octets: &[u8]) -> Result<()> {
        Ok(fs::write(self.folder.join("www").join(name), octets)?)
    }

    /// Takes something out of it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn take_away(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.folder.join("www").join(name))?)
    }

    /// Puts a bundle and its pointer there.
    ///
    /// # Errors
    /// When it cannot be signed or written.
    pub fn offer(&self, pointer: &Pointer, bundle: &[u8]) -> Result<()> {
        let hashed = self.folder.join("hashed");
        fs::write(&hashed, pointer.hashed.as_deref().unwrap_or(bundle))?;
        let hash = tools::run("sha256sum", &[&hashed.to_string_lossy()])?;
        let name = format!("box-{}.raucb", pointer.version);
        let time = |when: &str| -> Result<String> {
            let time = tools::run("date", &["-u", "-d", when, "+%Y-%m-%dT%H:%M:%SZ"])?;
            Ok(time.trim().to_owned())
        };
        let signed = json!({
            "format": 1, "compatible": pointer.compatible, "version": pointer.version, "bundle": name,
            "size": pointer.size.unwrap_or(bundle.len() as u64), "sha256": hash.get(..64).context("no hash")?,
            "not_before": time(pointer.holds.0)?, "not_after": time(pointer.holds.1)?,
            "share": pointer.share, "data": 1_000, "data_oldest": 1, "notes": pointer.notes,
        })
        .to_string();
        let message = self.folder.join("message");
        fs::write(&message, format!("trunkguard-pointer-1\n{signed}"))?;
        let (key, raw) = (
            self.path(&format!("{}.pem", pointer.key)),
            self.path("signature"),
        );
        let message = message.to_string_lossy();
        let sign = [
            "pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", &message, "-out", &raw,
        ];
        tools::run("openssl", &sign)?;
        let signature = tools::run("openssl", &["base64", "-A", "-in", &raw])?;
        // Whoever signs says that he is the vendor.
        let pointer = json!({ "signed": signed, "signatures": [{ "key": "vendor", "signature": signature.trim() }] });
        self.put(&name, bundle)?;
        self.put("latest.json", pointer.to_string().as_bytes())
    }

    /// What was asked until now: one question a line, `METHOD PATH RANGE STATUS OCTETS`.
    ///
    /// # Errors
    /// When there is no list.
    pub fn asked(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("asked"))?)
    }

    /// Ends the server; connections break off.
    pub fn stop(&mut self) {
        drop(self.process.take());
    }

    /// Starts it anew with this trouble; connections that there were end.
    ///
    /// # Errors
    /// When it does not start.
    pub fn trouble(&mut self, trouble: &Trouble) -> Result<()> {
        self.stop();
        self.certificate(trouble)?;
        let path = self.path("nginx.conf");
        fs::write(&path, self.configuration(trouble))?;
        let log = self.folder.join("nginx.log");
        let mut process = Process::start(
            &tools::on_path("nginx")?,
            &["-e", "stderr", "-c", &path],
            &log,
        )?;
        let began = Instant::now();
        while TcpStream::connect(SocketAddr::from((AT, 443))).is_err() {
            ensure!(
                process.alive() && began.elapsed() < Duration::from_secs(20),
                "nginx does not start:\n{}",
                process.printed()
            );
            thread::sleep(Duration::from_millis(10));
        }
        self.process = Some(process);
        Ok(())
    }

    fn configuration(&self, trouble: &Trouble) -> String {
        let folder = self.folder.display();
        let what = match trouble {
            Trouble::Redirect => "return 302 https://127.0.0.61/latest.json;".to_owned(),
            Trouble::Status(status) => format!("return {status};"),
            Trouble::Stall(octets) => format!("limit_rate_after {octets}; limit_rate 1;"),
            _ => String::new(),
        };
        let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
            .join(" ");
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nuser root;\nerror_log stderr warn;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n{own}\n\
             log_format asked '$request_method $uri $http_range $status $body_bytes_sent';\naccess_log {folder}/asked asked;\n\
             server {{ listen {AT}:443 ssl; ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key; \
             root {folder}/www; location / {{ {what} }} }}\n}}\n"
        )
    }

    fn certificate(&self, trouble: &Trouble) -> Result<()> {
        let name = match trouble {
            Trouble::OtherName => "127.0.0.99".to_owned(),
            _ => AT.to_string(),
        };
        let extensions = self.path("server.ext");
        fs::write(&extensions, format!("subjectAltName=IP:{name}\n"))?;
        let (key, request) = (self.path("server.key"), self.path("server.csr"));
        let new = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
        ];
        let rest = ["-keyout", &key, "-out", &request, "-subj", "/CN=server"];
        tools::run("openssl", &[&new[..], &rest].concat())?;
        let (certificate, authority) = (self.path("server.crt"), self.path("ca.crt"));
        let authority_key = self.path("ca.key");
        let by = match trouble {
            Trouble::SelfSigned => vec!["-signkey", &*key],
            _ => vec![
                "-CA",
                &*authority,
                "-CAkey",
                &*authority_key,
                "-CAcreateserial",
            ],
        };
        let sign = [
            "x509",
            "-req",
            "-in",
            &request,
            "-out",
            &certificate,
            "-extfile",
            &extensions,
            "-days",
            "30",
        ];
        tools::run("openssl", &[&sign[..], &by].concat()).map(drop)
    }

    /// Its public key, as an image has it (`pointer-keys`).
    fn public(&self) -> Result<String> {
        let (key, der) = (self.path("vendor.pem"), self.path("vendor.der"));
        tools::run(
            "openssl",
            &[
                "pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", &der,
            ],
        )?;
        let octets = fs::read(&der)?;
        // The key itself is the end of it (RFC 8410 4).
        let raw = self.path("vendor.raw");
        fs::write(&raw, &octets[octets.len().saturating_sub(32)..])?;
        let text = tools::run("openssl", &["base64", "-A", "-in", &raw])?;
        Ok(format!("vendor {}\n", text.trim()))
    }
}

/// The process that installs updates, over the files of a box. There is no RAUC.
pub struct Installer {
    /// Where it listens.
    pub socket: PathBuf,
    root: PathBuf,
    _process: Process,
}

impl Installer {
    /// Starts it on a box whose system A runs, with these keys; `url` is what the image's maker has named.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(office: &Office, vendor: &Vendor, url: Option<&str>) -> Result<Installer> {
        let root = office.folder().join("box");
        let boot = json!({ "running": "A", "confirmed": "A", "trial": null, "problem": null });
        let authority = fs::read_to_string(vendor.path("ca.crt"))?;
        let write = |path: &str, text: &str| -> Result<()> {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            Ok(fs::write(path, text)?)
        };
        write(
            "usr/lib/os-release",
            &format!("ID=trunkguard\nVERSION_ID={RUNS}\n"),
        )?;
        write("usr/lib/clock-epoch", "")?;
        write("usr/lib/trunkguard/update/pointer-keys", &vendor.public()?)?;
        write("usr/lib/trunkguard/update/server-ca.pem", &authority)?;
        write("usr/lib/trunkguard/update/url", url.unwrap_or_default())?;
        write("run/trunkguard-box/boot.json", &boot.to_string())?;
        write("data/box/id", "0123456789abcdef\n")?;
        for folder in ["data/trunkguard-update", "run/trunkguard-update"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let socket = root.join("run/trunkguard-update/update.sock");
        let binary = tools::trunkguard()?;
        let arguments = [
            // The bus of this machine is none of a box.
            "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent",
            &*binary.to_string_lossy(),
            "update-service",
            "--socket",
            &*socket.to_string_lossy(),
            "--root",
            &*root.to_string_lossy(),
        ];
        let log = office.log("updates");
        let mut process = Process::start(&tools::on_path("env")?, &arguments, &log)?;
        process.wait_for("ready", Duration::from_secs(20), |log| {
            log.contains("ready")
        })?;
        Ok(Installer {
            socket,
            root,
            _process: process,
        })
    }

    /// Has the box's start have gone otherwise.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn boot(&self, running: &str, confirmed: &str, trial: Option<&str>) -> Result<()> {
        let boot =
            json!({ "running": running, "confirmed": confirmed, "trial": trial, "problem": null });
        Ok(fs::write(
            self.root.join("run/trunkguard-box/boot.json"),
            boot.to_string(),
        )?)
    }

    /// Octets of the bundle that is here or comes.
    pub fn here(&self) -> u64 {
        let folder = self.root.join("data/trunkguard-update");
        let length = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        length("bundle.part").max(length("bundle.raucb"))
    }
}
