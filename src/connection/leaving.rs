//! Filters that are not wanted any more and that a broker, which keeps the session, still knows.
//!
//! Pure. Never tries for ever: to be rid of them is not worth a connection.

/// A broker may close over it, or the connection may break meanwhile: this is tried in so many sessions.
const TRIES: u32 = 2;

/// What one connection has to unsubscribe from.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    filters: Vec<String>,
    tries: u32,
}

impl Leaving {
    /// These are to be given back at the first opportunity.
    pub(super) fn new(filters: Vec<String>) -> Self {
        Self { filters, tries: 0 }
    }

    /// What to unsubscribe from in the next session.
    pub(super) fn next(&self) -> Vec<String> {
        self.filters.clone()
    }

    /// A session began; how many filters are given back in it.
    pub(super) fn accepted(&mut self, session_present: bool) -> usize {
        if !session_present {
            self.filters.clear();
        }
        let count = self.filters.len();
        self.tries += 1;
        if self.tries >= TRIES {
            self.filters.clear();
        }
        count
    }

    /// The broker has answered what was sent after it.
    pub(super) fn restored(&mut self) {
        self.filters.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaving() -> Leaving {
        Leaving::new(vec!["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn they_are_given_back_once() {
        let mut leaving = leaving();
        assert_eq!((leaving.next().len(), leaving.accepted(true)), (2, 2));
        leaving.restored();
        assert_eq!((leaving.next().len(), leaving.accepted(true)), (0, 0));
    }

    #[test]
    fn a_session_that_breaks_before_the_answer_is_followed_by_one_more_try() {
        let mut leaving = leaving();
        assert_eq!((leaving.accepted(true), leaving.next().len()), (2, 2));
        assert_eq!((leaving.accepted(true), leaving.next().len()), (2, 0));
    }

    #[test]
    fn a_broker_that_forgot_the_session_forgot_them_too() {
        let mut leaving = leaving();
        assert_eq!((leaving.accepted(false), leaving.next().len()), (0, 0));
    }
}
