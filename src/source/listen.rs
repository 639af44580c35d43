//! A dialogue that asks nothing: every message goes to the listeners in turn, until one knows what it is.
//!
//! Pure. Never keeps anything of a session: what is remembered lives in the listeners, which outlive it.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Dialogue, Inventory, Outcome, Sink, Want};
use crate::clock::{Instant, Now};
use crate::connection::message::{Incoming, Outgoing};

/// Somebody whom messages may concern: a mapping, the life of a fleet. One per connection, over all its sessions.
pub trait Listener: Send {
    /// A session begins: its first message is about to be heard.
    fn begins(&mut self) {}

    /// The subscriptions are back.
    fn restored(&mut self, _now: Now, _sink: &mut dyn Sink) {}

    /// A message arrived; `None` when it is not for this listener.
    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Option<Outcome>;

    /// Nobody knew a message.
    fn unclaimed(&mut self, _sink: &mut dyn Sink) {}

    /// When [`Listener::due`] wants to be called next.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The deadline has come, or a message was heard.
    fn due(&mut self, _now: Now, _sink: &mut dyn Sink) {}
}

/// A listener as its sessions share it, one after the other.
pub type Shared = Arc<Mutex<dyn Listener>>;

/// The dialogue of one session.
pub struct Listening {
    listeners: Vec<Shared>,
    begun: bool,
}

impl Listening {
    /// The first listener that knows a message keeps it.
    #[must_use]
    pub fn new(listeners: Vec<Shared>) -> Self {
        Self { listeners, begun: false }
    }
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}

/// A listener that panicked over one message hears the next one.
fn lock(listener: &Mutex<dyn Listener>) -> std::sync::MutexGuard<'_, dyn Listener + 'static> {
    listener.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dialogue for Listening {
    fn restored(&mut self, now: Now, sink: &mut dyn Sink) {
        for listener in &self.listeners {
            lock(listener).restored(now, sink);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.listeners.iter().filter_map(|listener| lock(listener).deadline()).min()
    }

    fn due(&mut self, now: Now, sink: &mut dyn Sink, _: &mut Vec<Want>) {
        for listener in &self.listeners {
            lock(listener).due(now, sink);
        }
    }

    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome {
        if !std::mem::replace(&mut self.begun, true) {
            for listener in &self.listeners {
                lock(listener).begins();
            }
        }
        let mut heard = self.listeners.iter().filter_map(|listener| lock(listener).heard(message, now, sink));
        if let Some(outcome) = heard.next() {
            return outcome;
        }
        for listener in &self.listeners {
            lock(listener).unclaimed(sink);
        }
        Outcome::Ignored
    }

    fn inventory(&mut self, _: Option<&Inventory>, _: Now, _: &mut dyn Sink) {}

    fn farewell(&mut self, _: Now) -> Vec<Outgoing> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;

    use super::*;
    use crate::reading::Reading;

    /// Knows messages of one topic; panics over an empty one. Counts its messages, and the sessions that began before them.
    struct Of(&'static str, usize, usize);

    impl Listener for Of {
        fn begins(&mut self) {
            self.2 += 1;
        }

        fn heard(&mut self, message: &Incoming, _: Now, _: &mut dyn Sink) -> Option<Outcome> {
            assert!(self.2 > 0, "no session began");
            assert!(!message.payload.is_empty());
            (message.topic == self.0).then(|| {
                self.1 += 1;
                Outcome::Decoded
            })
        }
    }

    struct Nowhere;

    impl Sink for Nowhere {
        fn reading(&mut self, _: &Reading<'_>) {}
        fn devices(&mut self, _: &[&str]) {}
        fn device_seen(&mut self, _: &str) {}
        fn expected_interval(&mut self, _: &str, _: Duration) {}
        fn field_error(&mut self, _: &str, _: &'static str) {}
        fn request_answered(&mut self, _: &str, _: Duration) {}
        fn request_timed_out(&mut self, _: &str) {}
        fn link_up(&mut self) {}
        fn link_down(&mut self, _: Instant) {}
    }

    fn message(topic: &str, payload: &'static str) -> Incoming {
        let payload = Bytes::from_static(payload.as_bytes());
        Incoming { topic: topic.to_owned(), payload, qos: 0, retain: false, properties: None }
    }

    #[test]
    fn the_first_who_knows_a_message_keeps_it_and_a_panic_silences_nobody() {
        let (one, two) = (Arc::new(Mutex::new(Of("a", 0, 0))), Arc::new(Mutex::new(Of("b", 0, 0))));
        let now = Now { at: Instant::default(), wall: SystemTime::UNIX_EPOCH };
        let mut dialogue = Listening::new(vec![one.clone(), two.clone()]);
        let mut heard = |topic, payload| {
            let message = message(topic, payload);
            let hear = std::panic::AssertUnwindSafe(|| dialogue.heard(&message, now, &mut Nowhere));
            std::panic::catch_unwind(hear).ok()
        };
        assert_eq!(heard("a", "1"), Some(Outcome::Decoded));
        assert_eq!(heard("b", "1"), Some(Outcome::Decoded));
        assert_eq!(heard("c", "1"), Some(Outcome::Ignored));
        assert_eq!(heard("a", ""), None);
        assert_eq!(heard("a", "1"), Some(Outcome::Decoded));
        assert_eq!((lock_of(&one).1, lock_of(&two).1), (2, 1));
    }

    #[test]
    fn every_listener_knows_of_each_session_before_its_first_message() {
        let (one, two) = (Arc::new(Mutex::new(Of("a", 0, 0))), Arc::new(Mutex::new(Of("b", 0, 0))));
        let now = Now { at: Instant::default(), wall: SystemTime::UNIX_EPOCH };
        for session in 1..=3 {
            let mut dialogue = Listening::new(vec![one.clone(), two.clone()]);
            for _ in 0..2 {
                dialogue.heard(&message("a", "1"), now, &mut Nowhere);
                assert_eq!((lock_of(&one).2, lock_of(&two).2), (session, session));
            }
        }
    }

    fn lock_of(of: &Mutex<Of>) -> std::sync::MutexGuard<'_, Of> {
        of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
