//! Who may ask: users with hashed passwords (HTTP basic authentication).
//! Never keeps, compares in variable time or tells a password, and never lets guesses take the processor.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;

/// The dearest hash that is worth its time: 2^14 rounds take about a second.
const DEAREST: u32 = 14;
/// Right answers remembered; more would be no scraper's.
const REMEMBERED: usize = 64;

/// A bcrypt hash. Its `Debug` does not tell it.
#[derive(Clone)]
pub(super) struct Hash(String);

impl Hash {
    /// The hash that this text is.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "make one for example by `htpasswd -nBC 10 \"\" | tr -d ':\\n'`";
        let parts: bcrypt::HashParts =
            text.parse().map_err(|_| format!("has a user whose value is not a bcrypt hash ({EXAMPLE})"))?;
        if !(4..=DEAREST).contains(&parts.get_cost()) {
            return Err(format!("has a hash whose cost is not from 4 to {DEAREST} ({EXAMPLE})"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(…)")
    }
}

/// The users, and what they proved already.
#[derive(Debug)]
pub(super) struct Passwords {
    users: BTreeMap<String, Hash>,
    /// Compared with when there is no such user, so that the time tells nothing.
    decoy: Hash,
    /// Marks of right answers: a scrape must not cost a hash each time.
    right: Mutex<HashSet<[u8; 32]>>,
    /// Keys the marks, so that memory holds nothing that could be guessed at.
    key: hmac::Key,
    /// One hash at a time: a crowd of guesses leaves the other processors to the rest.
    turn: Arc<Semaphore>,
}

impl Passwords {
    /// Of these users; `None` when there is none, and then everybody may ask.
    pub(super) fn of(users: Vec<(String, Hash)>) -> Option<Self> {
        let (_, decoy) = users.first()?.clone();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        let (right, turn) = (Mutex::default(), Arc::new(Semaphore::new(1)));
        Some(Self { users: users.into_iter().collect(), decoy, right, key, turn })
    }

    /// Whether a request with these headers comes from one of the users.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else { return false };
        let known = self.users.get(&user);
        let mark = self.mark(&user, &password);
        if known.is_some() && self.right().contains(&mark) {
            return true;
        }
        let hash = known.unwrap_or(&self.decoy).clone();
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return false };
        // The place moves along: a client that leaves meanwhile must not let the next hash begin.
        let compared = tokio::task::spawn_blocking(move || {
            let same = bcrypt::verify(password, &hash.0).unwrap_or(false);
            drop(turn);
            same
        });
        let admitted = compared.await.unwrap_or(false) && known.is_some();
        if admitted {
            let mut right = self.right();
            if right.len() >= REMEMBERED {
                right.clear();
            }
            right.insert(mark);
        }
        admitted
    }

    fn mark(&self, user: &str, password: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps user and password apart.
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password);
        context.sign().as_ref().try_into().unwrap_or_default()
    }

    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// User and password of a request.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let pair = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, password) = pair.split_at_checked(colon)?;
    Some((String::from_utf8(user.to_vec()).ok()?, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(pair: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(pair));
        [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn only_users_with_their_password_are_admitted() {
        let hash = Hash::parse(&bcrypt::hash("s:3cret", 4).unwrap()).unwrap();
        let passwords = Passwords::of(vec![("ada".to_owned(), hash)]).unwrap();
        // Twice: the second time it is remembered.
        for _ in 0..2 {
            assert!(passwords.admit(&asking("ada:s:3cret")).await);
            for wrong in ["ada:secret", "eve:s:3cret", "ada", ":s:3cret", "ada:", ""] {
                assert!(!passwords.admit(&asking(wrong)).await, "{wrong}");
            }
        }
        assert_eq!(passwords.right().len(), 1, "only what is right is remembered");
        assert!(!passwords.admit(&HeaderMap::new()).await);
        assert!(!format!("{passwords:?}").contains("$2"));
    }

    #[test]
    fn what_is_no_hash_is_not_repeated() {
        for wrong in ["hunter2", "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"] {
            let message = Hash::parse(wrong).unwrap_err();
            assert!(!message.contains(wrong) && message.contains("htpasswd"), "{message}");
        }
    }
}
