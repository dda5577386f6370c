//! Who has logged in. Kept in memory: a restart of the page ends all sessions.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

/// Sessions at a time; the one that was used longest ago gives way.
const PLACES: usize = 64;
/// A session ends when it was not used for so long,
const IDLE: Duration = Duration::from_secs(30 * 60);
/// and in any case after so long (OWASP ASVS 5.0, 7.3).
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// A password that was typed so recently need not be typed again for something dangerous.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Look.
    Viewer,
}

/// Who begins a session.
#[derive(Clone, Debug)]
pub struct Who {
    /// Whose it is.
    pub name: String,
    /// What for.
    pub role: Role,
    /// From where.
    pub from: IpAddr,
    /// What the browser says of itself, 120 characters at most.
    pub agent: String,
}

/// One browser that has logged in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub name: String,
    /// What for.
    pub role: Role,
    /// From where it was begun.
    pub from: IpAddr,
    /// What the browser says of itself.
    pub agent: String,
    /// What a form of this session carries, so that no other site can make one.
    pub csrf: String,
    /// SHA-256 of the cookie: who reads memory or a core file has no session.
    key: [u8; 32],
    began: Instant,
    used: Instant,
    proved: Instant,
}

impl Session {
    /// Has the password been typed a moment ago?
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.proved) < FRESH
    }

    /// A name for it that is no secret.
    pub fn id(&self) -> String {
        let first = self.key.iter().take(8);
        first.map(|octet| format!("{octet:02x}")).collect()
    }

    /// For how long it has been there, and not used.
    pub fn age(&self, now: Instant) -> (Duration, Duration) {
        let since = |then| now.saturating_duration_since(then);
        (since(self.began), since(self.used))
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE
            || now.saturating_duration_since(self.began) >= LONGEST
    }
}

/// All sessions.
#[derive(Default)]
pub struct Sessions {
    all: Vec<Session>,
}

impl Sessions {
    /// Begins one, and answers with its cookie's value.
    ///
    /// # Errors
    /// Where the kernel gives no random numbers.
    pub fn begin(&mut self, who: Who, now: Instant) -> Result<String, getrandom::Error> {
        let (token, csrf) = (random()?, random()?);
        self.all.retain(|session| !session.is_over(now));
        if self.all.len() >= PLACES
            && let Some(oldest) = (0..self.all.len()).min_by_key(|&at| self.all[at].used)
        {
            self.all.swap_remove(oldest);
        }
        self.all.push(Session {
            name: who.name,
            role: who.role,
            from: who.from,
            agent: who.agent,
            csrf,
            key: key(&token),
            began: now,
            used: now,
            proved: now,
        });
        Ok(token)
    }

    /// The session of a cookie, which was used now.
    pub fn of(&mut self, token: &str, now: Instant) -> Option<Session> {
        self.peek(token, now)?;
        let key = key(token);
        let session = self.all.iter_mut().find(|session| session.key == key)?;
        session.used = now;
        Some(session.clone())
    }

    /// The same where nobody has done anything: the page's own script looks whether something is new.
    pub fn peek(&mut self, token: &str, now: Instant) -> Option<Session> {
        let key = key(token);
        let session = self.all.iter().find(|session| session.key == key)?.clone();
        if session.is_over(now) {
            self.end(token);
            return None;
        }
        Some(session)
    }

    /// The password was typed again.
    pub fn prove(&mut self, token: &str, now: Instant) {
        let key = key(token);
        if let Some(session) = self.all.iter_mut().find(|session| session.key == key) {
            session.proved = now;
        }
    }

    /// Ends one.
    pub fn end(&mut self, token: &str) {
        let key = key(token);
        self.all.retain(|session| session.key != key);
    }

    /// Those of an account, the one that was used last first.
    pub fn of_account(&self, name: &str, now: Instant) -> Vec<Session> {
        let all = self.all.iter();
        let mut found: Vec<Session> = all
            .filter(|session| session.name == name && !session.is_over(now))
            .cloned()
            .collect();
        found.sort_by_key(|session| std::cmp::Reverse(session.used));
        found
    }

    /// Ends one of an account's, by its [`Session::id`].
    pub fn end_one_of(&mut self, name: &str, id: &str) {
        self.all
            .retain(|session| session.name != name || session.id() != id);
    }

    /// Ends all there are: the accounts are others.
    pub fn end_everybodys(&mut self) {
        self.all.clear();
    }

    /// Ends all of this account but one: its password or role is another.
    pub fn end_all_of(&mut self, name: &str, but: Option<&str>) {
        let but = but.map(key);
        self.all
            .retain(|session| session.name != name || Some(session.key) == but);
    }
}

fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// 32 hex digits that nobody foresees.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets)?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str, role: Role) -> Who {
        Who {
            name: name.into(),
            role,
            from: [10, 0, 0, 9].into(),
            agent: "a browser".into(),
        }
    }

    #[test]
    fn a_session_ends_unused_and_in_any_case() {
        let (mut sessions, start) = (Sessions::default(), Instant::now());
        let token = sessions.begin(who("owner", Role::Owner), start).unwrap();
        assert!(sessions.of(&token, start + IDLE / 2).is_some());
        assert!(
            sessions.of(&token, start + IDLE).is_some(),
            "it was used meanwhile"
        );
        assert!(
            sessions
                .peek(&token, start + IDLE * 2 - Duration::from_secs(1))
                .is_some()
        );
        assert!(sessions.of(&token, start + IDLE * 2).is_none());
        let token = sessions.begin(who("owner", Role::Owner), start).unwrap();
        let mut now = start;
        while now < start + LONGEST {
            assert!(sessions.of(&token, now).is_some());
            now += IDLE / 2;
        }
        assert!(sessions.of(&token, now).is_none());
    }

    #[test]
    fn one_more_than_fit_ends_the_one_used_longest_ago() {
        let (mut sessions, start) = (Sessions::default(), Instant::now());
        let at = |n: usize| start + Duration::from_secs(n as u64);
        let tokens: Vec<_> = (0..=PLACES)
            .map(|n| sessions.begin(who("viewer", Role::Viewer), at(n)).unwrap())
            .collect();
        assert!(sessions.of(&tokens[0], at(PLACES)).is_none());
        assert!(
            tokens[1..]
                .iter()
                .all(|token| sessions.of(token, at(PLACES)).is_some())
        );
    }

    #[test]
    fn another_password_ends_the_other_sessions() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let [a, b, c] = ["owner", "owner", "viewer"]
            .map(|name| sessions.begin(who(name, Role::Owner), now).unwrap());
        sessions.end_all_of("owner", Some(&b));
        assert!(sessions.of(&a, now).is_none());
        assert!(sessions.of(&b, now).is_some() && sessions.of(&c, now).is_some());
    }

    #[test]
    fn one_of_ones_own_is_ended_by_its_name() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let token = sessions.begin(who("maria", Role::Owner), now).unwrap();
        let id = sessions.of(&token, now).unwrap().id();
        sessions.end_one_of("paul", &id);
        assert_eq!(sessions.of_account("maria", now).len(), 1);
        sessions.end_one_of("maria", &id);
        assert!(sessions.of(&token, now).is_none());
    }
}
