//! What brokers said of our own clients: from the connection that listens to the connection that it is about.
//! Never prints a client id or a host, and never keeps a word for longer than it can be used.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::WeakSender;

use super::board::lock;
use super::presence::Reason;
use crate::clock::Now;
use crate::connection::driver::Control;

/// A word is about a drop that is at most so far from it (drop-diagnosis.md, D1).
pub const WITHIN: Duration = Duration::from_secs(150);
/// Client ids of one connection that a word may still name: a new one at each attempt, and attempts for as long as a word is
/// good for.
const IDS: usize = 16;
/// Words that wait for their drop.
const WAITING: usize = 64;

/// The broker ended one of our connections, it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// When it was heard.
    pub at: Now,
    /// Why.
    pub reason: Reason,
}

/// The words about all connections of this process. Clones share them.
#[derive(Clone, Default)]
pub struct Testimony(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// By name of the connection: the host of its broker, how to reach it, whether it hears of clients now.
    connections: HashMap<String, Place>,
    /// By host and client id: which connection that is.
    ours: HashMap<String, HashMap<String, String>>,
}

#[derive(Default)]
struct Place {
    host: String,
    /// Its client ids with their hosts, the newest last.
    ids: VecDeque<(String, String)>,
    control: Option<WeakSender<Control>>,
    listens: bool,
    said: VecDeque<Said>,
}

impl Testimony {
    /// A connection can be told of news in this way.
    pub fn reach(&self, connection: &str, control: WeakSender<Control>) {
        lock(&self.0).connections.entry(connection.to_owned()).or_default().control = Some(control);
    }

    /// Who a connection is to its broker, from its next attempt on.
    pub fn is_known(&self, connection: &str, host: &str, client: &str) {
        let mut inner = lock(&self.0);
        let Inner { connections, ours } = &mut *inner;
        let place = connections.entry(connection.to_owned()).or_default();
        let id = (host.to_owned(), client.to_owned());
        if place.ids.back() == Some(&id) {
            return;
        }
        host.clone_into(&mut place.host);
        place.ids.push_back(id);
        if place.ids.len() > IDS
            && let Some(oldest) = place.ids.pop_front()
            && !place.ids.contains(&oldest)
        {
            remove(ours, &oldest);
        }
        ours.entry(host.to_owned()).or_default().insert(client.to_owned(), connection.to_owned());
    }

    /// Whether a connection hears now of the clients of its broker.
    pub fn listens(&self, connection: &str, listens: bool) {
        lock(&self.0).connections.entry(connection.to_owned()).or_default().listens = listens;
    }

    /// The connection was removed from the configuration.
    pub fn forget(&self, connection: &str) {
        let mut inner = lock(&self.0);
        let Inner { connections, ours } = &mut *inner;
        for id in connections.remove(connection).iter().flat_map(|place| &place.ids) {
            remove(ours, id);
        }
    }

    /// The broker of a connection that listens said why the connection of this client ended.
    pub fn tell(&self, listener: &str, client: &str, said: Said) {
        let mut inner = lock(&self.0);
        let Inner { connections, ours } = &mut *inner;
        let Some(clients) = connections.get(listener).and_then(|place| ours.get(&place.host)) else { return };
        let Some(place) = clients.get(client).and_then(|name| connections.get_mut(name)) else { return };
        if place.said.len() >= WAITING {
            place.said.pop_front();
        }
        place.said.push_back(said);
        if let Some(control) = place.control.as_ref().and_then(WeakSender::upgrade) {
            // One that has its hands full of orders looks when it is through.
            let _ = control.try_send(Control::Told);
        }
    }

    /// The words about a connection that it has not taken yet, oldest first.
    #[must_use]
    pub fn take(&self, connection: &str) -> Vec<Said> {
        let mut inner = lock(&self.0);
        inner.connections.get_mut(connection).map(|place| place.said.drain(..).collect()).unwrap_or_default()
    }

    /// Whether another connection listens at the same broker: a word may come.
    #[must_use]
    pub fn may_come(&self, connection: &str) -> bool {
        let inner = lock(&self.0);
        let Some(own) = inner.connections.get(connection) else { return false };
        !own.host.is_empty()
            && inner
                .connections
                .iter()
                .any(|(name, place)| name != connection && place.listens && place.host == own.host)
    }
}

fn remove(ours: &mut HashMap<String, HashMap<String, String>>, (host, client): &(String, String)) {
    if let Some(clients) = ours.get_mut(host) {
        clients.remove(client);
        if clients.is_empty() {
            ours.remove(host);
        }
    }
}

impl std::fmt::Debug for Testimony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Testimony").field("connections", &lock(&self.0).connections.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::clock::Instant;

    #[test]
    fn a_word_about_the_client_id_of_an_attempt_before_reaches_its_connection() {
        let testimony = Testimony::default();
        testimony.is_known("listener", "broker", "ear");
        for attempt in 0..=IDS {
            testimony.is_known("home", "broker", &format!("hangup-{attempt}"));
        }
        let at = Now { at: Instant::default(), wall: SystemTime::UNIX_EPOCH };
        let heard = |client: &str| {
            testimony.tell("listener", client, Said { at, reason: Reason::ConnectionLost });
            testimony.take("home").len()
        };
        assert_eq!(heard("hangup-16"), 1);
        assert_eq!(heard("hangup-1"), 1);
        assert_eq!(heard("hangup-0"), 0, "too old");
        testimony.forget("home");
        assert_eq!(lock(&testimony.0).ours["broker"].len(), 1);
    }
}
