//! Accounts, their tokens and their temporary AWS keys, each with an expiry. Pure.
//!
//! Never prints what it keeps: nothing here has a `Debug` that shows a secret.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Instant;
use crate::config::Secret;

/// Wrong passwords in a row after which an account is locked.
const PATIENCE: u32 = 5;

/// One account of the demo cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its e-mail, the user id.
    pub email: Secret,
    /// Its password.
    pub password: Secret,
    /// The vendor's number of the user.
    pub user_seq: u32,
    /// The vendor's number of the home.
    pub home_seq: u32,
}

/// What a sign-in or a refresh hands out.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Not used by anybody.
    pub id: Secret,
    /// Authorises REST calls.
    pub access: Secret,
    /// Renews the access token, once.
    pub refresh: Secret,
    /// Life of the access token.
    pub lifetime: Duration,
}

/// Temporary AWS credentials.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key id.
    pub id: String,
    /// The secret key.
    pub secret: Secret,
    /// The session token that goes with it.
    pub session: Secret,
    /// Index of the account.
    pub account: usize,
    /// When it lapses.
    pub expires: Instant,
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSignedIn {
    /// No such e-mail.
    Unknown,
    /// Not this password.
    WrongPassword,
    /// Too many wrong passwords; not even the right one helps for a while.
    Locked,
}

#[derive(Debug)]
struct Held {
    account: Account,
    wrong: u32,
    locked_until: Option<Instant>,
}

/// The keeper of all of it.
#[derive(Debug)]
pub struct Vault {
    held: Vec<Held>,
    lifetime: Duration,
    lock: Duration,
    rng: fastrand::Rng,
    access: BTreeMap<String, (usize, Instant)>,
    refresh: BTreeMap<String, usize>,
    keys: BTreeMap<String, Key>,
}

impl Vault {
    /// Credentials live for `lifetime`, a locked account for `lock`.
    #[must_use]
    pub fn new(accounts: &[Account], lifetime: Duration, lock: Duration, seed: u64) -> Self {
        let hold = |account: &Account| Held { account: account.clone(), wrong: 0, locked_until: None };
        Self {
            held: accounts.iter().map(hold).collect(),
            lifetime,
            lock,
            rng: fastrand::Rng::with_seed(seed),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Signs in.
    pub fn sign_in(
        &mut self,
        email: &str,
        password: &str,
        now: Instant,
    ) -> Result<(usize, Tokens, Key), NotSignedIn> {
        let lock = self.lock;
        let index = self
            .held
            .iter()
            .position(|held| held.account.email.expose().eq_ignore_ascii_case(email))
            .ok_or(NotSignedIn::Unknown)?;
        let held = self.held.get_mut(index).ok_or(NotSignedIn::Unknown)?;
        if held.locked_until.is_some_and(|until| now < until) {
            return Err(NotSignedIn::Locked);
        }
        held.locked_until = None;
        if held.account.password.expose() != password {
            held.wrong += 1;
            if held.wrong >= PATIENCE {
                held.wrong = 0;
                held.locked_until = Some(now + lock);
            }
            return Err(NotSignedIn::WrongPassword);
        }
        held.wrong = 0;
        self.prune(now);
        let tokens = self.tokens(index, now);
        let key = self.key_for(index, now);
        Ok((index, tokens, key))
    }

    /// Exchanges a refresh token; the old one is worth nothing afterwards.
    pub fn refresh(&mut self, token: &str, now: Instant) -> Option<Tokens> {
        let account = self.refresh.remove(token)?;
        Some(self.tokens(account, now))
    }

    /// The account of an access token that has not lapsed.
    #[must_use]
    pub fn authorised(&self, token: &str, now: Instant) -> Option<usize> {
        self.access.get(token).filter(|(_, expires)| now < *expires).map(|(account, _)| *account)
    }

    /// An AWS key, lapsed or not.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// An account.
    #[must_use]
    pub fn account(&self, index: usize) -> Option<&Account> {
        self.held.get(index).map(|held| &held.account)
    }

    /// Lets every AWS key lapse now.
    pub fn revoke_keys(&mut self, now: Instant) {
        for key in self.keys.values_mut() {
            key.expires = key.expires.min(now);
        }
    }

    /// Lets every access token lapse now.
    pub fn revoke_access(&mut self) {
        self.access.clear();
    }

    fn tokens(&mut self, account: usize, now: Instant) -> Tokens {
        let (id, access, refresh) = (self.text("id", 24), self.text("access", 40), self.text("refresh", 40));
        self.access.insert(access.clone(), (account, now + self.lifetime));
        self.refresh.insert(refresh.clone(), account);
        Tokens {
            id: Secret::new(id),
            access: Secret::new(access),
            refresh: Secret::new(refresh),
            lifetime: self.lifetime,
        }
    }

    fn key_for(&mut self, account: usize, now: Instant) -> Key {
        let id: String = (0..16).map(|_| self.rng.alphanumeric().to_ascii_uppercase()).collect();
        // Real secrets and session tokens hold `/`, `+` and `=`, which is where encoders go wrong.
        let key = Key {
            id: format!("DEMO{id}"),
            secret: Secret::new(self.text("s/k+", 30)),
            session: Secret::new(format!("{}//+==", self.text("IQoJ/", 120))),
            account,
            expires: now + self.lifetime,
        };
        self.keys.insert(key.id.clone(), key.clone());
        key
    }

    fn text(&mut self, prefix: &str, length: usize) -> String {
        let rest: String = (0..length).map(|_| self.rng.alphanumeric()).collect();
        format!("{prefix}.{rest}")
    }

    /// Forgets what lapsed a while ago; a key is kept so that its refusal can say why.
    fn prune(&mut self, now: Instant) {
        let grace = Duration::from_secs(3600);
        self.access.retain(|_, (_, expires)| now < *expires);
        self.keys.retain(|_, key| now < key.expires + grace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn vault() -> Vault {
        let account = Account {
            email: Secret::new("owner@example.com"),
            password: Secret::new("right"),
            user_seq: 1,
            home_seq: 2,
        };
        Vault::new(&[account], HOUR, HOUR, 1)
    }

    #[test]
    fn access_lapses_and_a_refresh_token_works_once() {
        let (mut vault, now) = (vault(), Instant::default());
        let (account, tokens, key) = vault.sign_in("Owner@Example.com", "right", now).unwrap();
        assert_eq!(vault.authorised(tokens.access.expose(), now), Some(account));
        assert_eq!(vault.authorised(tokens.access.expose(), now + HOUR), None);
        assert_eq!(vault.key(&key.id).unwrap().expires, now + HOUR);
        assert!(vault.refresh(tokens.refresh.expose(), now).is_some());
        assert!(vault.refresh(tokens.refresh.expose(), now).is_none());
    }

    #[test]
    fn five_wrong_passwords_lock_the_account_for_a_while() {
        let (mut vault, now) = (vault(), Instant::default());
        for _ in 0..5 {
            assert_eq!(
                vault.sign_in("owner@example.com", "wrong", now).err(),
                Some(NotSignedIn::WrongPassword)
            );
        }
        assert_eq!(vault.sign_in("owner@example.com", "right", now).err(), Some(NotSignedIn::Locked));
        assert!(vault.sign_in("owner@example.com", "right", now + HOUR).is_ok());
        assert_eq!(vault.sign_in("nobody@example.com", "x", now).err(), Some(NotSignedIn::Unknown));
    }

    #[test]
    fn nothing_secret_prints() {
        let mut vault = vault();
        let (_, tokens, key) = vault.sign_in("owner@example.com", "right", Instant::default()).unwrap();
        let printed = format!("{tokens:?} {key:?}");
        for secret in [tokens.access.expose(), key.secret.expose(), key.session.expose()] {
            assert!(!printed.contains(secret));
        }
    }
}
