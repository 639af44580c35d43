//! What the broker keeps for one client id: filters, messages under way and messages waiting. Pure.
//!
//! Never sends: it says what to send.

use std::collections::{BTreeMap, VecDeque};

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Publish;

use super::topics;
use crate::clock::Instant;

/// Identifies one network connection.
pub type ConnectionId = u64;

/// One client id's state.
#[derive(Debug)]
pub(super) struct Session {
    /// Whether it ends with the connection.
    pub(super) clean: bool,
    /// Its connection, if it has one.
    pub(super) connection: Option<ConnectionId>,
    /// When it lost its connection.
    pub(super) gone_since: Instant,
    filters: BTreeMap<String, QoS>,
    in_flight: BTreeMap<u16, Publish>,
    waiting: VecDeque<Publish>,
    last_id: u16,
}

impl Session {
    pub(super) fn new(clean: bool, now: Instant) -> Self {
        Self {
            clean,
            connection: None,
            gone_since: now,
            filters: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            waiting: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn subscribe(&mut self, filter: String, qos: QoS) {
        self.filters.insert(filter, qos);
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.filters.remove(filter);
    }

    pub(super) fn filters(&self) -> usize {
        self.filters.len()
    }

    /// The quality with which a message on this topic is wanted; the best of all filters that match.
    pub(super) fn wants(&self, topic: &str) -> Option<QoS> {
        self.filters
            .iter()
            .filter(|(filter, _)| topics::matches(filter, topic))
            .map(|(_, qos)| *qos)
            .max_by_key(|qos| *qos as u8)
    }

    /// Takes a message; returns it back when it can go out now.
    pub(super) fn take(&mut self, message: Publish, window: usize, queue: usize) -> Option<Publish> {
        match message.qos {
            QoS::AtMostOnce => self.connection.map(|_| message),
            QoS::AtLeastOnce | QoS::ExactlyOnce => {
                if self.connection.is_some() && self.in_flight.len() < window && self.waiting.is_empty() {
                    return Some(self.under_way(message));
                }
                if self.waiting.len() >= queue {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(message);
                None
            }
        }
    }

    /// The client acknowledged; returns what may follow.
    pub(super) fn acknowledged(&mut self, id: u16, window: usize) -> Vec<Publish> {
        self.in_flight.remove(&id);
        self.next(window)
    }

    /// What a client that came back is owed: what was under way, again, and then what waited.
    pub(super) fn resume(&mut self, window: usize) -> Vec<Publish> {
        let mut owed: Vec<Publish> =
            self.in_flight.values().cloned().map(|message| Publish { dup: true, ..message }).collect();
        owed.extend(self.next(window));
        owed
    }

    fn next(&mut self, window: usize) -> Vec<Publish> {
        let mut out = Vec::new();
        while self.in_flight.len() < window {
            let Some(message) = self.waiting.pop_front() else { break };
            out.push(self.under_way(message));
        }
        out
    }

    fn under_way(&mut self, mut message: Publish) -> Publish {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.in_flight.contains_key(&self.last_id) {
                break;
            }
        }
        message.pkid = self.last_id;
        self.in_flight.insert(self.last_id, message.clone());
        message
    }
}
