//! Passwords: which are taken, and how they are kept (OWASP ASVS 5.0, 6.2 and 11.4).

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{Answer, Problem, texts};

/// Shortest and longest, in characters. No rule on what is in it (NIST SP 800-63B-4, 3.1.1.2).
const SHORTEST: usize = 12;
const LONGEST: usize = 128;

/// A password's hash: argon2id with 19 MiB, 2 passes, 1 lane (RFC 9106; OWASP's first choice), as a PHC string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash(pub String);

impl Hash {
    /// Takes tens of milliseconds and 19 MiB.
    ///
    /// # Errors
    /// Where there is no memory, or no random numbers.
    pub fn of(password: &str) -> Answer<Hash> {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| Hash(hash.to_string()))
            .map_err(|problem| {
                Problem::Unavailable(format!("the password cannot be hashed: {problem}"))
            })
    }

    /// Is it of this password? Takes as long as [`Hash::of`].
    pub fn is_of(&self, password: &str) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    }
}

/// Why a new password is not taken. `about` are words that it must not be made of: the account's name.
pub fn check(password: &str, about: &str, t: &texts::Accounts) -> Result<(), &'static str> {
    let length = password.chars().count();
    if length < SHORTEST {
        Err(t.short)
    } else if length > LONGEST {
        Err(t.long)
    } else if is_common(password, about) {
        Err(t.common)
    } else {
        Ok(())
    }
}

/// The stems of passwords that attackers try first and that are long enough, or become so by repeating or counting on.
const STEMS: &[&str] = &[
    "password",
    "passwort",
    "motdepasse",
    "trunkguard",
    "administrator",
    "admin",
    "freepbx",
    "asterisk",
    "freeswitch",
    "voipms",
    "letmein",
    "welcome",
    "bienvenue",
    "iloveyou",
    "qwerty",
    "azerty",
    "qwertz",
    "qwertyuiop",
    "azertyuiop",
    "asdfghjkl",
    "abc",
    "abcdefghijkl",
    "football",
    "baseball",
    "hockey",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "changeme",
    "default",
    "secret",
    "raspberry",
    "canada",
    "quebec",
    "montreal",
    "toronto",
];

/// Is there nothing left of it without such stems, digits, signs, and one character again and again?
fn is_common(password: &str, about: &str) -> bool {
    let plain: String = password
        .to_lowercase()
        .chars()
        .map(|c| match c {
            '@' => 'a',
            '0' => 'o',
            '3' => 'e',
            '$' => 's',
            c => c,
        })
        .collect();
    let mut rest = plain.replace(|c: char| !c.is_alphabetic(), "");
    let about = about.to_lowercase();
    let mut stems: Vec<&str> = STEMS.to_vec();
    if about.chars().count() >= 3 {
        stems.push(&about);
    }
    stems.sort_by_key(|stem| std::cmp::Reverse(stem.len()));
    for stem in stems {
        rest = rest.replace(stem, "");
    }
    let mut letters: Vec<char> = rest.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    // What is left must be more than one letter repeated or a syllable.
    letters.len() < 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Accounts, Lang};

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let hash = Hash::of("correct horse battery").unwrap();
        assert!(
            hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.0
        );
        assert!(hash.is_of("correct horse battery"));
        assert!(!hash.is_of("correct horse batterz"));
        assert!(!Hash("nonsense".into()).is_of("nonsense"));
        assert_ne!(hash, Hash::of("correct horse battery").unwrap());
    }

    #[test]
    fn what_is_tried_first_is_not_taken() {
        let t = Accounts::of(Lang::En);
        for common in [
            "password12345",
            "P@ssw0rd!2026",
            "aaaaaaaaaaaa",
            "123456789012",
            "TrunkguardTrunkguard",
            "qwertyuiop123",
            "adminadmin2026",
            "            ",
            "maria maria maria",
        ] {
            assert_eq!(check(common, "maria", t), Err(t.common), "{common}");
        }
        assert_eq!(check("short", "", t), Err(t.short));
        assert_eq!(check(&"äbcdefgh".repeat(17), "", t), Err(t.long));
        assert_eq!(check("seven green lamps", "owner", t), Ok(()));
        assert_eq!(check("Der Föhn bläst stark", "owner", t), Ok(()));
    }
}
