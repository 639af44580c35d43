//! The token that a command must carry: read anew each time, compared in constant time.
//!
//! Never tells the token or how much of it was right, and never locks out who has the right one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::{hmac, rand};

use crate::clock::{Instant, Now};

/// A token has at least so many characters: a shorter one could be guessed.
pub const LEAST: usize = 16;
/// A token file is no larger.
const MOST_BYTES: u64 = 4096;
/// So many wrong tokens within a minute are answered each; beyond it one waits.
const MOST_FAILURES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Whether a request is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Granted,
    /// No token file is configured: commands are off.
    Closed,
    /// The token is wrong or missing.
    Wrong,
    /// The same, too often within a minute.
    TooOften,
    /// The token file is of no use; a sentence for the log, which tells no token.
    Broken(String),
}

/// Compares tokens and counts failures.
#[derive(Debug, Default)]
pub(super) struct Guard {
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    since: Option<Instant>,
    count: u32,
    /// When it was last said that the file is of no use.
    broken: Option<Instant>,
}

impl Guard {
    /// Whether the value of an `Authorization` header shows the token in this file.
    pub(super) fn admit(&self, file: &Path, authorization: Option<&[u8]>, now: Now) -> Admission {
        let token = match token(file) {
            Ok(token) => token,
            Err(fault) => {
                self.say_once(&fault, now.at);
                return Admission::Broken(fault);
            }
        };
        match authorization.and_then(bearer) {
            Some(shown) if is_same(shown, &token) => Admission::Granted,
            Some(_) | None => self.failed(now.at),
        }
    }

    /// Whether the file is of use, for the log at the start.
    pub(super) fn examine(&self, file: &Path, now: Now) -> bool {
        token(file).map_err(|fault| self.say_once(&fault, now.at)).is_ok()
    }

    /// Once a minute, however often somebody asks.
    fn say_once(&self, fault: &str, now: Instant) {
        let mut failures = self.lock();
        if failures.broken.is_none_or(|said| now.saturating_since(said) >= WINDOW) {
            failures.broken = Some(now);
            tracing::error!("commands cannot be taken: {fault}");
        }
    }

    /// A poisoned lock still counts.
    fn lock(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, now: Instant) -> Admission {
        let mut failures = self.lock();
        if failures.since.is_none_or(|since| now.saturating_since(since) >= WINDOW) {
            (failures.since, failures.count) = (Some(now), 0);
            // Once a minute, however often somebody tries.
            tracing::warn!("a command with a wrong token or without one was refused");
        }
        failures.count = failures.count.saturating_add(1);
        if failures.count > MOST_FAILURES { Admission::TooOften } else { Admission::Wrong }
    }
}

/// The token in a file, without white space around it.
fn token(file: &Path) -> Result<Vec<u8>, String> {
    let place = file.display();
    let mut bytes = Vec::new();
    open(file)
        .and_then(|open| open.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("the token file `{place}` cannot be read: {error}"))?;
    let token = bytes.trim_ascii();
    let example = "write one with `openssl rand -hex 24`";
    if bytes.len() as u64 > MOST_BYTES || token.iter().any(|byte| !byte.is_ascii_graphic()) {
        return Err(format!("the token file `{place}` must hold one word of plain characters: {example}"));
    }
    if token.len() < LEAST {
        return Err(format!("the token in `{place}` is shorter than {LEAST} characters: {example}"));
    }
    Ok(token.to_vec())
}

/// Only a file: to open a pipe would wait for ever for somebody who writes, and every request with it.
fn open(file: &Path) -> io::Result<File> {
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file)?;
    if open.metadata()?.is_file() { Ok(open) } else { Err(io::Error::other("it is not a file")) }
}

/// The token of `Bearer …`.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// In a time that does not depend on where they differ: what is compared are sums under a key of this moment.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let Ok(key) = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()) else { return false };
    hmac::verify(&key, one, hmac::sign(&key, other).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn at(seconds: u64) -> Now {
        let at = Instant::from_boot(Duration::from_secs(seconds));
        Now { at, wall: std::time::SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for place in [directory.path(), &pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let fault = token(place).unwrap_err();
            assert!(fault.contains("cannot be read"), "{fault}");
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn only_the_whole_token_is_right() {
        let (guard, file) = (Guard::default(), file(&format!("{TOKEN}\n")));
        let admit = |header: &str| guard.admit(file.path(), Some(header.as_bytes()), at(0));
        for right in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN} ")] {
            assert_eq!(admit(&right), Admission::Granted, "{right}");
        }
        for wrong in ["", "Bearer", "Bearer ", "Bearer correct-horse", &format!("Basic {TOKEN}"), TOKEN] {
            assert_eq!(admit(wrong), Admission::Wrong, "{wrong}");
        }
        assert_eq!(admit(&format!("Bearer {TOKEN}x")), Admission::Wrong);
        assert_eq!(guard.admit(file.path(), None, at(0)), Admission::Wrong);
    }

    #[test]
    fn a_token_file_that_changed_is_in_force_at_once() {
        let (guard, file) = (Guard::default(), file(TOKEN));
        std::fs::write(file.path(), "another-long-token").unwrap();
        let admit = |token: &str| guard.admit(file.path(), Some(format!("Bearer {token}").as_bytes()), at(0));
        assert_eq!((admit(TOKEN), admit("another-long-token")), (Admission::Wrong, Admission::Granted));
    }

    #[test]
    fn a_file_of_no_use_admits_nobody_and_its_text_is_not_told() {
        for text in ["", "  \n", "secret7", "two words of a token", &"x".repeat(5000)] {
            let (guard, file) = (Guard::default(), file(text));
            let header = format!("Bearer {}", text.trim());
            let Admission::Broken(fault) = guard.admit(file.path(), Some(header.as_bytes()), at(0)) else {
                panic!("{text} is admitted")
            };
            assert!(fault.contains("openssl rand") && !fault.contains("secret7"), "{fault}");
        }
        let missing = Guard::default().admit(Path::new("/nowhere/token"), None, at(0));
        assert!(matches!(missing, Admission::Broken(_)));
    }

    #[test]
    fn who_guesses_is_slowed_down_and_who_knows_is_not() {
        let (guard, file) = (Guard::default(), file(TOKEN));
        let admit =
            |token: &str, now| guard.admit(file.path(), Some(format!("Bearer {token}").as_bytes()), now);
        for _ in 0..MOST_FAILURES {
            assert_eq!(admit("guess", at(0)), Admission::Wrong);
        }
        assert_eq!(admit("guess", at(59)), Admission::TooOften);
        assert_eq!(admit(TOKEN, at(59)), Admission::Granted);
        assert_eq!(admit("guess", at(60)), Admission::Wrong);
    }
}
