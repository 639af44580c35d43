//! How much one read of a connection asks for: little while little comes, much in a flood.
//!
//! Pure. Never less than what a message of a sensor takes, so that one read empties the socket and tells it.

/// An idle connection keeps so much: thousands of them live in one process.
pub(super) const LEAST: usize = 1024;
/// More gains nothing any more: a read of this size costs as much as what is in it.
pub(super) const MOST: usize = 64 * 1024;
/// So many small reads in a row are no pause of a flood.
const PATIENCE: u8 = 32;

/// Bytes that the next read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appetite {
    size: usize,
    small: u8,
}

impl Appetite {
    /// Of a connection on which nothing has come yet.
    pub(super) const fn new() -> Self {
        Self { size: LEAST, small: 0 }
    }

    /// What to ask for.
    pub(super) const fn size(self) -> usize {
        self.size
    }

    /// Whether more is held for it than a connection at rest should hold.
    pub(super) const fn is_raised(self) -> bool {
        self.size > LEAST
    }

    /// A read gave so many bytes.
    pub(super) fn took(&mut self, count: usize) {
        if count >= self.size {
            *self = Self { size: (self.size * 4).min(MOST), small: 0 };
        } else if count >= self.size / 8 {
            self.small = 0;
        } else {
            self.small += 1;
            if self.small >= PATIENCE {
                *self = Self { size: (self.size / 4).max(LEAST), small: 0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_what_comes_and_shrinks_again() {
        let mut appetite = Appetite::new();
        for _ in 0..3 {
            assert!(appetite.size() < MOST);
            appetite.took(appetite.size());
        }
        assert_eq!(appetite.size(), MOST);
        appetite.took(MOST);
        assert_eq!(appetite.size(), MOST);
        for _ in 0..3 * usize::from(PATIENCE) {
            appetite.took(100);
        }
        assert_eq!(appetite, Appetite::new());
        appetite.took(100);
        assert!(!appetite.is_raised());
    }

    #[test]
    fn a_pause_of_a_flood_changes_nothing() {
        let mut appetite = Appetite::new();
        appetite.took(LEAST);
        for _ in 0..100 {
            (0..10).for_each(|_| appetite.took(1));
            appetite.took(4 * LEAST / 8);
        }
        assert_eq!(appetite.size(), 4 * LEAST);
    }
}
