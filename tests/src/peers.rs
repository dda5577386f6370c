//! Servers that alerts go to: a mail server (aiosmtpd) and a web server, each a script in `peers/`.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Office, Process, tools};

/// Where the mail server and the web server are in every office.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 60);

/// Debian's own: it is the one that has Debian's aiosmtpd.
const PYTHON: &str = "/usr/bin/python3";

/// A server with the folder in which it leaves what it gets.
pub struct Peer {
    folder: PathBuf,
    suffix: &'static str,
    process: Process,
}

impl Peer {
    /// Starts the mail server at a port, with further arguments of `peers/smtp.py`. What it has taken before
    /// stays in its folder.
    ///
    /// # Errors
    /// When it does not listen within 20 s.
    pub fn mail(office: &Office, port: u16, more: &[&str]) -> Result<Peer> {
        Peer::start(office, "smtp.py", ".eml", port, more)
    }

    /// Starts the web server at a port.
    ///
    /// # Errors
    /// As [`Peer::mail`].
    pub fn web(office: &Office, port: u16) -> Result<Peer> {
        Peer::start(office, "hook.py", ".json", port, &[])
    }

    fn start(
        office: &Office,
        script: &str,
        suffix: &'static str,
        port: u16,
        more: &[&str],
    ) -> Result<Peer> {
        let folder = office.folder().join(format!("{script}-{port}"));
        fs::create_dir_all(&folder)?;
        let path = tools::here().join("peers").join(script);
        let (path, listen) = (path.to_string_lossy(), format!("{ADDRESS}:{port}"));
        let into = folder.to_string_lossy();
        let own = ["-u", &path, "--listen", &listen, "--folder", &into];
        let log = office.log(script);
        let mut process = Process::start(Path::new(PYTHON), &[&own, more].concat(), &log)?;
        process.wait_for("listens", Duration::from_secs(20), |log| {
            log.contains("listens")
        })?;
        Ok(Peer {
            folder,
            suffix,
            process,
        })
    }

    /// Tells the mail server how to behave from the next connection on (`peers/smtp.py`).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn mood(&self, mood: &Value) -> Result<()> {
        self.put("mood.json", mood)
    }

    /// Tells the web server what to answer, one status for each request.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answers(&self, statuses: &[u16]) -> Result<()> {
        self.put("answers.json", &serde_json::json!(statuses))
    }

    fn put(&self, name: &str, value: &Value) -> Result<()> {
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, value.to_string())?;
        Ok(fs::rename(new, self.folder.join(name))?)
    }

    /// What it has got, the oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn got(&self) -> Result<Vec<String>> {
        let begins = |path: &Path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.ends_with(self.suffix) && name.starts_with(|c: char| c.is_ascii_digit())
        };
        let entries = fs::read_dir(&self.folder)?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| begins(path));
        paths.sort();
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("{}", path.display()))
        };
        paths.iter().map(read).collect()
    }

    /// What it has got, once that is so many.
    ///
    /// # Errors
    /// When it is not within `limit`, or more.
    pub fn wait(&self, count: usize, limit: Duration) -> Result<Vec<String>> {
        let started = Instant::now();
        loop {
            let got = self.got()?;
            if got.len() >= count {
                ensure!(
                    got.len() == count,
                    "{} instead of {count}: {got:#?}",
                    got.len()
                );
                return Ok(got);
            }
            ensure!(
                started.elapsed() < limit,
                "{} of {count} came within {limit:?}:\n{}",
                got.len(),
                self.process.printed()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.process.kill();
    }
}

/// A certificate for [`ADDRESS`], by an authority of its own: the file with certificate and key for a server,
/// and the list of authorities for who is to trust it.
///
/// # Errors
/// When openssl fails.
pub fn certificate(office: &Office, name: &str) -> Result<(PathBuf, PathBuf)> {
    let at = |suffix: &str| office.folder().join(format!("{name}{suffix}"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let [authority, list, key, request, leaf, more, both] = [
        "-ca.key",
        "-ca.pem",
        ".key",
        ".csr",
        ".pem",
        ".ext",
        "-server.pem",
    ]
    .map(at);
    let new = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
    ];
    let openssl = |args: &[&[&str]]| tools::run("openssl", &args.concat());
    openssl(&[
        &[
            "req",
            "-x509",
            "-days",
            "30",
            "-subj",
            "/CN=an authority",
            "-out",
            &text(&list),
        ],
        &new,
        &[&text(&authority)],
    ])?;
    openssl(&[
        &[
            "req",
            "-new",
            "-subj",
            "/CN=mail.test",
            "-out",
            &text(&request),
        ],
        &new,
        &[&text(&key)],
    ])?;
    fs::write(
        &more,
        format!("basicConstraints=CA:FALSE\nsubjectAltName=IP:{ADDRESS}\n"),
    )?;
    openssl(&[
        &[
            "x509",
            "-req",
            "-days",
            "30",
            "-in",
            &text(&request),
            "-CA",
            &text(&list),
            "-CAkey",
            &text(&authority),
        ],
        &[
            "-CAcreateserial",
            "-extfile",
            &text(&more),
            "-out",
            &text(&leaf),
        ],
    ])?;
    fs::write(
        &both,
        fs::read_to_string(&leaf)? + &fs::read_to_string(&key)?,
    )?;
    Ok((both, list))
}
