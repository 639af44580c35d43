//! The metric names that one rule for every number makes.
//!
//! Pure. Never lets anybody make more and more of them, nor keep later ones out for ever.

use std::collections::HashSet;
use std::time::Duration;

use crate::clock::Instant;

/// So many names …
const MOST: usize = 1_000;
/// … in so long a time. The series of those that are forgotten stay what they are.
const LAST: Duration = Duration::from_secs(3_600);

/// Names of one rule.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Since the first of them.
    since: Instant,
    made: HashSet<Box<str>>,
}

impl Names {
    /// Whether there is room for this name; it is taken then.
    pub(super) fn admit(&mut self, name: &str, now: Instant) -> bool {
        if self.made.contains(name) {
            return true;
        }
        if self.made.len() >= MOST && now.saturating_since(self.since) >= LAST {
            self.made = HashSet::new();
        }
        if self.made.is_empty() {
            self.since = now;
        }
        let room = self.made.len() < MOST;
        room && self.made.insert(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_limit_that_does_not_last() {
        let at = |seconds| Instant::from_boot(Duration::from_secs(seconds));
        let mut names = Names::default();
        assert!((0..MOST).all(|name| names.admit(&name.to_string(), at(5))));
        assert!(names.admit("7", at(6)), "it is known");
        assert!(!names.admit("new", at(3_604)));
        assert!(names.admit("new", at(3_605)) && names.admit("newer", at(3_605)));
    }
}
