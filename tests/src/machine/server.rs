//! A folder of updates on a web server, Debian's nginx, as a vendor has it: and all that can be wrong with one.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::next::Bundle;
use crate::{Process, tools};

/// What is wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// So many octets a second.
    Slow(u32),
    /// Every question is sent on to this address.
    Redirect(String),
    /// Every question is answered so, without more.
    Status(u16),
    /// After so many octets of an answer, one a second.
    Stall(u64),
    /// Its certificate is its own.
    SelfSigned,
    /// Its certificate is for another name.
    OtherName,
    /// Its certificate was good until yesterday.
    Expired,
}

/// The server. It ends when this is dropped.
pub struct Server {
    at: Ipv4Addr,
    name: String,
    keys: PathBuf,
    folder: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// Starts it at an address of this network, ports 80 and 443, with an empty folder. `name` is what boxes call it: a
    /// name or an address. Its certificate is by `tls-ca` of the keys' folder.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(at: Ipv4Addr, name: &str, keys: &Path, folder: &Path) -> Result<Server> {
        fs::create_dir_all(folder.join("www"))?;
        let mut server = Server {
            at,
            name: name.to_owned(),
            keys: keys.to_owned(),
            folder: folder.to_owned(),
            process: None,
        };
        server.trouble(&Trouble::None)?;
        Ok(server)
    }

    /// What it serves.
    pub fn www(&self) -> PathBuf {
        self.folder.join("www")
    }

    /// Where boxes find it.
    pub fn url(&self) -> String {
        format!("https://{}/", self.name)
    }

    /// Its certificate, and the key to it (PEM).
    pub fn certificate_files(&self) -> (PathBuf, PathBuf) {
        let at = |name: &str| self.folder.join(name);
        (at("server.crt"), at("server.key"))
    }

    /// Puts a bundle and its pointer there.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub fn put(&self, bundle: &Bundle) -> Result<()> {
        let pointer = bundle.path.with_file_name("latest.json");
        fs::copy(&bundle.path, self.www().join(bundle.name()))?;
        fs::copy(pointer, self.www().join("latest.json"))?;
        Ok(())
    }

    /// What was asked until now: one question a line, `METHOD PATH RANGE STATUS OCTETS`.
    ///
    /// # Errors
    /// When there is no list.
    pub fn asked(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("asked"))?)
    }

    /// Starts it anew with this trouble; connections that there were end.
    ///
    /// # Errors
    /// When it does not start.
    pub fn trouble(&mut self, trouble: &Trouble) -> Result<()> {
        drop(self.process.take());
        self.certificate(trouble)?;
        let path = self.folder.join("nginx.conf");
        fs::write(&path, self.configuration(trouble))?;
        let mut process = Process::start(
            &tools::on_path("nginx")?,
            &[
                "-e".into(),
                "stderr".into(),
                "-c".into(),
                path.to_string_lossy().into_owned(),
            ],
            &self.folder.join("nginx.log"),
        )?;
        let began = Instant::now();
        while TcpStream::connect(SocketAddr::from((self.at, 443))).is_err() {
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
        let Server { at, folder, .. } = self;
        let folder = folder.display();
        let what = match trouble {
            Trouble::Slow(rate) => format!("limit_rate {rate};"),
            Trouble::Redirect(to) => format!("return 302 {to};"),
            Trouble::Status(status) => format!("return {status};"),
            Trouble::Stall(octets) => format!("limit_rate_after {octets}; limit_rate 1;"),
            _ => String::new(),
        };
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nuser root;\nerror_log stderr warn;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             log_format asked '$request_method $uri $http_range $status $body_bytes_sent';\n\
             access_log {folder}/asked asked;\n\
             client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;\n\
             server {{ listen {at}:443 ssl; ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key; root {folder}/www; location / {{ {what} }} }}\n\
             server {{ listen {at}:80; root {folder}/www; }}\n\
             }}\n"
        )
    }

    /// A key and a certificate of its own, by the keys' TLS authority unless that is the trouble.
    fn certificate(&self, trouble: &Trouble) -> Result<()> {
        let at = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let ca = |end: &str| {
            self.keys
                .join(format!("tls-ca.{end}"))
                .to_string_lossy()
                .into_owned()
        };
        let name = match trouble {
            Trouble::OtherName => "elsewhere.example",
            _ => &self.name,
        };
        let kind = if name.parse::<Ipv4Addr>().is_ok() {
            "IP"
        } else {
            "DNS"
        };
        let extensions = at("server.ext");
        fs::write(&extensions, format!("subjectAltName={kind}:{name}\n"))?;
        let request = at("server.csr");
        let subject = format!("/CN={name}");
        let new_key = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
        ];
        let (key, certificate) = (at("server.key"), at("server.crt"));
        let rest = ["-keyout", &key, "-out", &request, "-subj", &subject];
        tools::run("openssl", &[&new_key[..], &rest].concat())?;
        let mut sign = vec![
            "x509",
            "-req",
            "-in",
            &request,
            "-out",
            &certificate,
            "-extfile",
            &extensions,
        ];
        let (authority, authority_key) = (ca("crt"), ca("key"));
        if *trouble == Trouble::SelfSigned {
            sign.extend(["-signkey", &key]);
        } else {
            sign.extend(["-CA", &authority, "-CAkey", &authority_key]);
        }
        if *trouble == Trouble::Expired {
            // Ten days that were over yesterday.
            let early = ["-f", "-11d", "openssl"];
            let all: Vec<&str> = early
                .into_iter()
                .chain(sign)
                .chain(["-days", "10"])
                .collect();
            return tools::run("faketime", &all).map(drop);
        }
        sign.extend(["-days", "30"]);
        tools::run("openssl", &sign).map(drop)
    }
}
