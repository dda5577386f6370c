//! News for pages that are open: one task watches the box and tells all of them that something changed (`assets/live.js` fetches
//! what). A viewer costs a place in a list and an octet now and then; while nobody looks, nobody watches.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::body::{Bytes, Frame};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Answer, Problem,
    shell::{Shell, Visitor},
};

/// Viewers at a time.
pub const VIEWERS: usize = 64;
/// Of one session: a browser opens six connections to a host, and pages need some of them.
const OF_A_SESSION: usize = 3;
/// How often the box is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Something is said after so many times without news, for connections that have gone to be noticed.
const QUIET: u32 = 20;
/// A viewer is let go after so long, and comes back by itself: then its session is looked at again.
const LONGEST: Duration = Duration::from_secs(600);
/// News that may wait for a viewer. One that is waiting says it all.
const WAITING: usize = 8;

/// What the watcher asks of the box.
pub trait Source: Send + Sync {
    /// Figures that differ as soon as something changed. Cheap: asked once a second.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn changes(&self) -> Answer<Changes>;
}

/// Figures that change with what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Calls decided since the start.
    pub decided: u64,
    /// Calls on disk since the start.
    pub stored: u64,
    /// Incidents that nobody has acknowledged.
    pub incidents: u64,
    /// Policies taken over since the start.
    pub policies: u64,
    /// The mode in force.
    pub mode: String,
    /// What needs a look, as a number that is another when it is something else.
    pub problems: u64,
    /// How things stand with updates, likewise.
    #[serde(default)]
    pub updates: u64,
}

/// The names of what changed; those of `data-live` in templates.
fn news(before: Option<&Changes>, now: Option<&Changes>) -> Vec<&'static str> {
    let (Some(before), Some(now)) = (before, now) else {
        // The daemon has gone, or is there again.
        return if before.is_some() == now.is_some() {
            Vec::new()
        } else {
            vec!["state"]
        };
    };
    let mut news = Vec::new();
    // An update that is fetched changes every second, and nothing on the other pages.
    let calm = |changes: &Changes| Changes {
        updates: 0,
        ..changes.clone()
    };
    if calm(before) != calm(now) {
        news.push("state");
    }
    if before.updates != now.updates {
        news.push("updates");
    }
    if (before.decided, before.stored) != (now.decided, now.stored) {
        news.push("calls");
    }
    if before.incidents != now.incidents {
        news.push("alerts");
    }
    news
}

/// Who is looking.
#[derive(Default)]
pub struct Hub(Mutex<Viewers>);

#[derive(Default)]
struct Viewers {
    all: Vec<Viewer>,
    /// The watcher works.
    watched: bool,
}

struct Viewer {
    session: String,
    until: Instant,
    events: mpsc::Sender<Bytes>,
}

/// A new viewer.
struct Joined {
    events: mpsc::Receiver<Bytes>,
    /// Nobody watches yet.
    first: bool,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
enum NoPlace {
    OfTheSession,
    AtAll,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Viewers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, session: &str, now: Instant) -> Result<Joined, NoPlace> {
        let mut viewers = self.lock();
        viewers.all.retain(|viewer| !viewer.events.is_closed());
        let own = viewers.all.iter().filter(|v| v.session == session).count();
        if own >= OF_A_SESSION {
            return Err(NoPlace::OfTheSession);
        }
        if viewers.all.len() >= VIEWERS {
            return Err(NoPlace::AtAll);
        }
        let (sender, events) = mpsc::channel(WAITING);
        // For the browser to know that it is connected, and how soon to come back.
        let _ = sender.try_send(Bytes::from_static(b"retry: 3000\n\n"));
        viewers.all.push(Viewer {
            session: session.to_owned(),
            until: now + LONGEST,
            events: sender,
        });
        let first = !std::mem::replace(&mut viewers.watched, true);
        Ok(Joined { events, first })
    }

    /// Says it to everybody. Answers whether anybody is left.
    fn tell(&self, text: &Bytes, now: Instant) -> bool {
        let mut viewers = self.lock();
        viewers.all.retain(|viewer| {
            if !text.is_empty() {
                // Where there is no room, the same news wait already.
                let _ = viewer.events.try_send(text.clone());
            }
            viewer.until > now && !viewer.events.is_closed()
        });
        viewers.watched = !viewers.all.is_empty();
        viewers.watched
    }
}

/// Its address.
pub fn routes() -> Router<Shell> {
    Router::new().route("/live", get(live))
}

async fn live(State(shell): State<Shell>, visitor: Visitor) -> Response {
    match shell.live().join(&visitor.session.csrf, Instant::now()) {
        Ok(joined) => {
            if joined.first {
                tokio::spawn(watch(shell));
            }
            let kind = (header::CONTENT_TYPE, "text/event-stream");
            ([kind], Body::new(Stream(joined.events))).into_response()
        }
        // A browser that hears this does not ask again; the page works without.
        Err(NoPlace::OfTheSession) => StatusCode::NO_CONTENT.into_response(),
        Err(NoPlace::AtAll) => Problem::Busy(60).into_response(),
    }
}

/// Watches as long as anybody looks.
async fn watch(shell: Shell) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = shell.ask(|parts| parts.live.changes()).await.ok();
    let mut quiet = 0;
    loop {
        ticks.tick().await;
        let now = shell.ask(|parts| parts.live.changes()).await.ok();
        let news = news(before.as_ref(), now.as_ref());
        quiet = if news.is_empty() { quiet + 1 } else { 0 };
        let text = match quiet {
            0 => news
                .iter()
                .map(|name| format!("event: {name}\ndata:\n\n"))
                .collect(),
            QUIET => {
                quiet = 0;
                String::from(":\n\n")
            }
            _ => String::new(),
        };
        if !shell.live().tell(&text.into(), Instant::now()) {
            return;
        }
        before = now;
    }
}

/// Events as a body that ends when its sender is gone.
struct Stream(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let events = &mut self.get_mut().0;
        events
            .poll_recv(context)
            .map(|event| event.map(|octets| Ok(Frame::data(octets))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_named_once() {
        let calm = Changes::default();
        let call = Changes {
            decided: 1,
            ..calm.clone()
        };
        let alert = Changes {
            incidents: 1,
            ..calm.clone()
        };
        let update = Changes {
            updates: 1,
            ..calm.clone()
        };
        let of = |before: Option<&Changes>, now: Option<&Changes>| news(before, now).join(" ");
        assert_eq!(of(Some(&calm), Some(&calm)), "");
        assert_eq!(of(Some(&calm), Some(&call)), "state calls");
        assert_eq!(of(Some(&calm), Some(&alert)), "state alerts");
        assert_eq!(of(Some(&calm), Some(&update)), "updates");
        assert_eq!(of(Some(&calm), None), "state");
        assert_eq!(of(None, Some(&calm)), "state");
        assert_eq!(of(None, None), "");
    }

    #[test]
    fn viewers_are_bounded_and_make_room_when_they_go() {
        let (hub, now) = (Hub::default(), Instant::now());
        let first = hub.join("a", now).unwrap();
        assert!(first.first, "somebody has to watch");
        let more: Vec<_> = (1..VIEWERS)
            .map(|n| hub.join(&format!("{}", n / 2), now).unwrap())
            .collect();
        assert!(more.iter().all(|joined| !joined.first));
        assert_eq!(hub.join("z", now).err(), Some(NoPlace::AtAll));
        drop(more);
        let again = [(); OF_A_SESSION].map(|()| hub.join("b", now).unwrap());
        assert_eq!(hub.join("b", now).err(), Some(NoPlace::OfTheSession));
        drop((again, first));
        assert!(!hub.tell(&Bytes::new(), now), "nobody is left");
        assert!(
            hub.join("c", now).unwrap().first,
            "and watching begins anew"
        );
    }

    #[test]
    fn news_reach_everybody_until_they_are_let_go() {
        let (hub, now) = (Hub::default(), Instant::now());
        let mut joined = hub.join("a", now).unwrap();
        assert!(hub.tell(&Bytes::from_static(b"event: calls\ndata:\n\n"), now));
        assert_eq!(joined.events.try_recv().unwrap(), "retry: 3000\n\n");
        assert_eq!(joined.events.try_recv().unwrap(), "event: calls\ndata:\n\n");
        for _ in 0..100 {
            assert!(hub.tell(&Bytes::from_static(b"event: state\ndata:\n\n"), now));
        }
        assert_eq!(
            joined.events.len(),
            WAITING,
            "one that does not read costs no more"
        );
        assert!(!hub.tell(&Bytes::new(), now + LONGEST));
    }
}
