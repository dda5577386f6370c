//! RAUC, which writes slots: asked by D-Bus (`de.pengutronix.rauc.Installer`, RAUC 1.13's reference, "D-Bus API").

use std::{
    collections::HashMap,
    path::Path,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use trunkguard_core::update::{Version, gate::Release};
use zbus::{
    blocking::{Connection, fdo::DBusProxy},
    names::BusName,
    zvariant::{OwnedValue, Value},
};

/// Nothing moves for so long: it hangs.
const STANDSTILL: Duration = Duration::from_secs(600);
/// It is there within so long after it was called for.
const STARTS: Duration = Duration::from_secs(90);
const NAME: &str = "de.pengutronix.rauc";
const LOOK: Duration = Duration::from_millis(500);

#[zbus::proxy(
    interface = "de.pengutronix.rauc.Installer",
    default_service = "de.pengutronix.rauc",
    default_path = "/",
    gen_async = false
)]
trait Installer {
    fn install_bundle(&self, source: &str, args: HashMap<&str, Value<'_>>) -> zbus::Result<()>;
    fn inspect_bundle(
        &self,
        bundle: &str,
        args: HashMap<&str, Value<'_>>,
    ) -> zbus::Result<HashMap<String, OwnedValue>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn operation(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_error(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn progress(&self) -> zbus::Result<(i32, String, i32)>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn compatible(&self) -> zbus::Result<String>;
    #[zbus(signal)]
    fn completed(&self, result: i32) -> zbus::Result<()>;
}

/// RAUC's service.
pub struct Rauc(InstallerProxy<'static>);

impl Rauc {
    /// On the bus that `DBUS_SYSTEM_BUS_ADDRESS` names. It comes up with the first who connects, and RAUC with it: waits for
    /// that (docs/decisions/update-bus.md).
    ///
    /// # Errors
    /// When there is no bus, or no RAUC.
    pub fn connect() -> Result<Self, String> {
        let connection = Connection::system().map_err(|e| wrong("there is no D-Bus", &e))?;
        let bus = DBusProxy::new(&connection).map_err(|e| wrong("the bus does not answer", &e))?;
        let (name, until) = (BusName::from_static_str(NAME), Instant::now() + STARTS);
        let name = name.map_err(|e| wrong("RAUC has no name", &e.into()))?;
        while !bus.name_has_owner(name.clone()).unwrap_or(false) {
            if Instant::now() > until {
                return Err("RAUC does not start; its log has the reason".into());
            }
            thread::sleep(LOOK);
        }
        let proxy =
            InstallerProxy::new(&connection).map_err(|e| wrong("RAUC does not start", &e))?;
        Ok(Rauc(proxy))
    }

    /// The kind of box that its configuration says this is.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn compatible(&self) -> Result<String, String> {
        self.0
            .compatible()
            .map_err(|e| wrong("RAUC does not say what this box is", &e))
    }

    /// What a bundle says of itself. RAUC has looked at its signature then.
    ///
    /// # Errors
    /// When the bundle is not signed by whom the image believes, or is none.
    pub fn inspect(&self, bundle: &Path) -> Result<Release, String> {
        let told = (self
            .0
            .inspect_bundle(&bundle.display().to_string(), HashMap::new()))
        .map_err(|e| {
            wrong(
                "the bundle is damaged, or not signed by whom this box believes",
                &e,
            )
        })?;
        release(&told)
    }

    /// Has it write the bundle to the other slot and have that one started next. `progress` is told how far it is, of a hundred, and what it is
    /// about.
    ///
    /// # Errors
    /// Why it is not installed.
    pub fn install(&self, bundle: &Path, mut progress: impl FnMut(u8, &str)) -> Result<(), String> {
        // Heard from before it is asked, so that a quick end is not missed.
        let ends = self
            .0
            .receive_completed()
            .map_err(|e| wrong("RAUC cannot be listened to", &e))?;
        let (tell, ended) = sync_channel(1);
        thread::Builder::new()
            .name("rauc".into())
            .spawn(move || {
                let end = ends.into_iter().next();
                let _ = tell.send(end.and_then(|end| end.args().ok().map(|args| *args.result())));
            })
            .map_err(|e| e.to_string())?;
        // No argument at all: none that would have it pass over what it checks.
        (self
            .0
            .install_bundle(&bundle.display().to_string(), HashMap::new()))
        .map_err(|e| wrong("RAUC does not begin", &e))?;
        let (mut last, mut moved) = ((0, String::new()), Instant::now());
        loop {
            match ended.recv_timeout(LOOK) {
                Ok(Some(0)) => return Ok(()),
                Ok(_) | Err(RecvTimeoutError::Disconnected) => {
                    let why = clean(&self.0.last_error().unwrap_or_default());
                    // What our backend said stands in RAUC's log alone; there is one reason that it has to say no here.
                    return Err(match why.contains("boot-backend") {
                        true => "what says which system starts is not what this start began with: restart the box, then install it again".into(),
                        false => format!("RAUC did not install it: {why}"),
                    });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let (percent, message, _) =
                (self.0.progress()).map_err(|e| wrong("RAUC has gone while it wrote", &e))?;
            let now = (percent, message);
            if now != last {
                progress(now.0.clamp(0, 100) as u8, &clean(&now.1));
                (last, moved) = (now, Instant::now());
            }
            // One that was started anew by our question knows nothing of an installation.
            let idle = self
                .0
                .operation()
                .is_ok_and(|operation| operation == "idle");
            if moved.elapsed() > STANDSTILL || (idle && moved.elapsed() > Duration::from_secs(10)) {
                return Err("RAUC has stopped while it wrote; its log has the reason".into());
            }
        }
    }
}

/// RAUC puts each section into one variant more than its documentation says (`r_manifest_to_dict`).
fn part<T: TryFrom<OwnedValue>>(of: &HashMap<String, OwnedValue>, key: &str) -> Option<T> {
    let value = match Value::from(of.get(key)?.try_clone().ok()?) {
        Value::Value(inner) => *inner,
        plain => plain,
    };
    OwnedValue::try_from(value).ok()?.try_into().ok()
}

fn release(told: &HashMap<String, OwnedValue>) -> Result<Release, String> {
    let update: HashMap<String, OwnedValue> =
        part(told, "update").ok_or("the bundle does not say what it is")?;
    let text = |key: &str| -> Option<String> { part(&update, key) };
    let meta: HashMap<String, HashMap<String, String>> = part(told, "meta").unwrap_or_default();
    let number = |key: &str| -> Result<u32, String> {
        let value = meta.get("trunkguard").and_then(|meta| meta.get(key));
        value.and_then(|value| value.parse().ok()).ok_or_else(|| {
            format!("the bundle does not say which data it reads ([meta.trunkguard] {key})")
        })
    };
    let version = text("version").ok_or("the bundle does not say its version")?;
    Ok(Release {
        compatible: text("compatible").ok_or("the bundle does not say what box it is for")?,
        version: Version::parse(&version)?,
        data: number("data")?,
        data_oldest: number("data-oldest")?,
    })
}

fn wrong(what: &str, error: &zbus::Error) -> String {
    // A method's error is its D-Bus name and what it says; RAUC's names are numbers (`org.gtk.GDBus.UnmappedGError…`).
    let said = match error {
        zbus::Error::MethodError(_, Some(said), _) => said.clone(),
        other => other.to_string(),
    };
    format!("{what}: {}", clean(&said))
}

/// RAUC's words go to people.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As RAUC 1.13 answers: `{"update": <<{..}>>, "meta": <<{"trunkguard": {..}}>>}`.
    #[test]
    fn what_rauc_says_of_a_bundle_is_read() {
        let boxed = |value: Value<'static>| {
            OwnedValue::try_from(Value::Value(Box::new(value))).expect("no file descriptors")
        };
        let update = [("compatible", "trunkguard-arm64"), ("version", "1.2.3")];
        let update: HashMap<&str, Value<'_>> = update.map(|(k, v)| (k, v.into())).into();
        let meta = HashMap::from([("data", "2"), ("data-oldest", "1")]);
        let meta = HashMap::from([("trunkguard", meta)]);
        let mut told = HashMap::from([
            ("update".to_owned(), boxed(update.into())),
            ("meta".to_owned(), boxed(meta.into())),
        ]);
        let read = release(&told).unwrap();
        assert_eq!(read.compatible, "trunkguard-arm64");
        assert_eq!((read.version.minor, read.data, read.data_oldest), (2, 2, 1));
        told.remove("meta");
        assert!(
            release(&told)
                .unwrap_err()
                .contains("[meta.trunkguard] data")
        );
    }
}
