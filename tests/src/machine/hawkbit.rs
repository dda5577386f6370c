//! A server that speaks hawkBit's Direct Device Integration API: gooseBit, as tests/goosebit/setup.sh installs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Bundle, HOST, Server};
use crate::{Process, tools};

const PORT: u16 = 8_443;
const STARTS: Duration = Duration::from_secs(90);

/// The server. It ends when this is dropped.
pub struct HawkBit {
    process: Process,
    authority: PathBuf,
    token: String,
}

impl HawkBit {
    /// Starts it on the host's loopback, with the certificate of another server, and asks for boxes' tokens.
    ///
    /// # Errors
    /// When it cannot be installed, or does not start.
    pub fn start(beside: &Server, authority: &Path, folder: &Path) -> Result<HawkBit> {
        let setup = Command::new(tools::here().join("goosebit/setup.sh"))
            .output()
            .context("goosebit/setup.sh")?;
        ensure!(
            setup.status.success(),
            "{}",
            String::from_utf8_lossy(&setup.stderr)
        );
        let installed = PathBuf::from(String::from_utf8(setup.stdout)?.trim());
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let environment = [
            format!("GOOSEBIT_DB_URI=sqlite://{}/db.sqlite3", folder.display()),
            format!("GOOSEBIT_ARTIFACTS_DIR={}/artifacts", folder.display()),
            "GOOSEBIT_POLL_TIME=00:00:05".into(),
            "GOOSEBIT_DEVICE_AUTH__ENABLE=true".into(),
        ];
        tables(&installed, &folder, &environment)?;
        let (certificate, key) = beside.certificate_files();
        let python = installed.join("bin/python").to_string_lossy().into_owned();
        let words = ["-m", "uvicorn", "goosebit:app", "--host", "127.0.0.1"].map(String::from);
        let tls = [
            "--port".into(),
            PORT.to_string(),
            "--ssl-certfile".into(),
            certificate.to_string_lossy().into_owned(),
            "--ssl-keyfile".into(),
            key.to_string_lossy().into_owned(),
        ];
        let arguments: Vec<String> = (environment.into_iter().chain([python]))
            .chain(words)
            .chain(tls)
            .collect();
        let process = Process::start(&tools::on_path("env")?, &arguments, &folder.join("log"))?;
        let mut server = HawkBit {
            process,
            authority: authority.to_owned(),
            token: String::new(),
        };
        let began = Instant::now();
        // The first person who asks is its owner.
        let owner = ["-d", "username=vendor", "-d", "password=of the vendor"];
        let answer = loop {
            match server.ask("setup", &owner) {
                Ok(answer) => break answer,
                Err(problem) => ensure!(
                    server.process.alive() && began.elapsed() < STARTS,
                    "gooseBit does not start: {problem:#}\n{}",
                    server.process.printed()
                ),
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        server.token = answer["access_token"]
            .as_str()
            .with_context(|| answer.to_string())?
            .to_owned();
        Ok(server)
    }

    /// Where boxes find it: host and port.
    pub fn address() -> String {
        format!("{HOST}:{PORT}")
    }

    /// Makes a box known, by its identifier and its token.
    ///
    /// # Errors
    /// What the server says.
    pub fn know(&self, id: &str, token: &str) -> Result<()> {
        let body = json!({ "devices": [id], "auth_token": token });
        self.change("PUT", "devices", &body).map(drop)
    }

    /// Has every box that it is for take a bundle.
    ///
    /// # Errors
    /// What the server says.
    pub fn roll_out(&self, bundle: &Bundle) -> Result<()> {
        let file = format!("file=@{}", bundle.path.display());
        let added = self.ask("api/v1/software", &["-X", "PUT", "-F", &file])?;
        let body = json!({ "name": bundle.name(), "feed": "default", "software_id": added["id"] });
        self.change("PUT", "rollouts", &body).map(drop)
    }

    /// Has a box try again whose last update failed.
    ///
    /// # Errors
    /// What the server says.
    pub fn again(&self, id: &str) -> Result<()> {
        let body = json!({ "devices": [id], "force_update": true });
        self.change("PATCH", "devices", &body).map(drop)
    }

    /// What it knows of a box.
    ///
    /// # Errors
    /// When it knows none.
    pub fn device(&self, id: &str) -> Result<Value> {
        let all = self.ask("api/v1/devices", &[])?;
        let all = all["devices"].as_array().context("no list of boxes")?;
        let found = all.iter().find(|one| one["id"] == id);
        found.cloned().with_context(|| format!("{id} is not known"))
    }

    /// What a box has told of its last update.
    ///
    /// # Errors
    /// What the server says.
    pub fn told(&self, id: &str) -> Result<String> {
        let log = self.ask(&format!("api/v1/devices/{id}/log"), &[])?;
        Ok(log["log"].as_str().unwrap_or_default().to_owned())
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        self.process.printed()
    }

    fn change(&self, method: &str, what: &str, body: &Value) -> Result<Value> {
        let (kind, body) = ("content-type: application/json", body.to_string());
        let arguments = ["-X", method, "-H", kind, "-d", &body];
        self.ask(&format!("api/v1/{what}"), &arguments)
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Result<Value> {
        let (authority, to) = (
            self.authority.to_string_lossy().into_owned(),
            format!("{HOST}:{PORT}:127.0.0.1:{PORT}"),
        );
        let by = format!("authorization: Bearer {}", self.token);
        let by = match self.token.is_empty() {
            true => &[][..],
            false => &["-H", &by],
        };
        let url = format!("https://{}/{path}", HawkBit::address());
        let fixed = [
            "-s",
            "--fail-with-body",
            "-m",
            "60",
            "--cacert",
            &authority,
            "--connect-to",
            &to,
            &url,
        ];
        let said = tools::run("curl", &[&fixed[..], by, arguments].concat())?;
        serde_json::from_str(&said).with_context(|| said)
    }
}

/// Makes its tables, as its documentation says.
fn tables(installed: &Path, folder: &Path, environment: &[String]) -> Result<()> {
    let found = tools::run(
        "find",
        &[
            &installed.join("lib").to_string_lossy(),
            "-path",
            "*/goosebit/db/migrations",
        ],
    )?;
    let settings = format!(
        "[tool.aerich]\ntortoise_orm = \"goosebit.db.config.TORTOISE_CONF\"\nlocation = \"{}\"\nsrc_folder = \"./.\"\n",
        found.trim()
    );
    fs::write(folder.join("pyproject.toml"), settings)?;
    let made = Command::new("env")
        .args(environment)
        .arg(installed.join("bin/aerich"))
        .arg("upgrade")
        .current_dir(folder)
        .output()?;
    ensure!(
        made.status.success(),
        "gooseBit's tables: {}{}",
        String::from_utf8_lossy(&made.stdout),
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}
