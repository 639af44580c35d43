//! An MQTT 3.1.1 broker with the manners of AWS IoT Core: packets in, effects out. Pure.
//!
//! Never touches a socket or a clock, so that ten thousand schedules run in virtual time.

mod presence;
mod requests;
pub mod rules;
mod session;
pub mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, LastWill, Packet, PubAck, Publish, UnsubAck};

use crate::clock::Instant;
use rules::{Reason, Rules};
pub use session::ConnectionId;
use session::Session;
use topics::Policy;

/// What the broker wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a packet.
    Send {
        /// To whom.
        to: ConnectionId,
        /// What.
        packet: Packet,
    },
    /// Close a network connection; the broker has forgotten it already.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: Reason,
    },
    /// A client published this; devices may want to hear it.
    Heard {
        /// The topic.
        topic: String,
        /// The payload.
        payload: Bytes,
    },
}

/// How subscriptions are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suback {
    /// At once.
    #[default]
    Prompt,
    /// After a while.
    Late(Duration),
    /// With a failure code.
    Refused,
    /// Not at all.
    Missing,
}

/// Misbehaviour on request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Every CONNECT is answered with this code.
    pub refuse: Option<ConnectReturnCode>,
    /// How subscriptions are answered.
    pub suback: Suback,
    /// The next so many publishes close their connection.
    pub denied_publishes: u32,
}

#[derive(Debug)]
struct Client {
    id: String,
    patience: Duration,
    will: Option<LastWill>,
    /// The number of its connection, in presence events.
    version: u64,
}

#[derive(Debug)]
struct Connection {
    policy: Arc<Policy>,
    client: Option<Client>,
    opened: Instant,
    heard: Instant,
    second: Instant,
    in_this_second: u32,
    published: u64,
}

impl Connection {
    /// Counts a message; false when there were too many in this second.
    fn admit(&mut self, now: Instant, limit: u32) -> bool {
        if now.saturating_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.in_this_second = 0;
        }
        self.in_this_second = self.in_this_second.saturating_add(1);
        self.in_this_second <= limit
    }
}

/// The broker.
#[derive(Debug)]
pub struct Broker {
    rules: Rules,
    quirks: Quirks,
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<String, Session>,
    connected_at: BTreeMap<String, Instant>,
    late: Vec<(Instant, ConnectionId, Packet)>,
    nameless: u64,
    /// Connections that were accepted so far.
    accepted: u64,
}

impl Broker {
    /// A broker without connections.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            quirks: Quirks::default(),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            connected_at: BTreeMap::new(),
            late: Vec::new(),
            nameless: 0,
            accepted: 0,
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Misbehaviour on request.
    pub fn quirks_mut(&mut self) -> &mut Quirks {
        &mut self.quirks
    }

    /// The client ids with a connection, and which.
    pub fn clients(&self) -> impl Iterator<Item = (ConnectionId, &str)> {
        self.connections.iter().filter_map(|(id, c)| Some((*id, c.client.as_ref()?.id.as_str())))
    }

    /// A network connection was opened by somebody who may use the topics of `policy`.
    pub fn open(&mut self, id: ConnectionId, policy: Arc<Policy>, now: Instant) {
        let connection = Connection {
            policy,
            client: None,
            opened: now,
            heard: now,
            second: now,
            in_this_second: 0,
            published: 0,
        };
        self.connections.insert(id, connection);
    }

    /// A packet arrived.
    pub fn packet(&mut self, id: ConnectionId, packet: Packet, now: Instant, effects: &mut Vec<Effect>) {
        let lifetime = self.rules.lifetime;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.heard = now;
        if now.saturating_since(connection.opened) > lifetime {
            return self.end(id, Reason::Lifetime, now, effects);
        }
        if connection.client.is_none() {
            let Packet::Connect(connect) = packet else {
                return self.end(id, Reason::Protocol, now, effects);
            };
            return self.connect(id, connect, now, effects);
        }
        match packet {
            Packet::Publish(publish) => self.publish(id, publish, now, effects),
            Packet::PubAck(PubAck { pkid }) => self.acknowledged(id, pkid, now, effects),
            Packet::Subscribe(subscribe) => self.subscribe(id, subscribe, now, effects),
            Packet::Unsubscribe(unsubscribe) => {
                if let Some(session) = self.session_of(id) {
                    unsubscribe.topics.iter().for_each(|filter| session.unsubscribe(filter));
                }
                effects
                    .push(Effect::Send { to: id, packet: Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)) });
            }
            Packet::PingReq => effects.push(Effect::Send { to: id, packet: Packet::PingResp }),
            Packet::Disconnect => self.end(id, Reason::ClientLeft, now, effects),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => self.end(id, Reason::Protocol, now, effects),
        }
    }

    /// What arrived could not be decoded, or was far too large.
    pub fn spoilt(&mut self, id: ConnectionId, reason: Reason, now: Instant, effects: &mut Vec<Effect>) {
        self.end(id, reason, now, effects);
    }

    /// A network connection ended by itself.
    pub fn gone(&mut self, id: ConnectionId, now: Instant, effects: &mut Vec<Effect>) {
        self.forget(id, None, now, effects);
    }

    /// A device publishes.
    pub fn announce(&mut self, topic: &str, payload: &Bytes, now: Instant, effects: &mut Vec<Effect>) {
        self.deliver(topic, payload, QoS::AtLeastOnce, now, effects);
    }

    /// When [`Broker::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let connections = self.connections.values().map(|connection| self.patience_ends(connection));
        let sessions = self
            .sessions
            .values()
            .filter(|session| session.connection.is_none())
            .map(|session| session.gone_since + self.rules.session_expiry);
        connections.chain(sessions).chain(self.late.iter().map(|(at, ..)| *at)).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, ..)| *at <= now);
        self.late = late;
        let due: Vec<(Instant, ConnectionId, Packet)> = due;
        for (_, to, packet) in due {
            if self.connections.contains_key(&to) {
                effects.push(Effect::Send { to, packet });
            }
        }
        let silent: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| self.patience_ends(connection) <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.end(id, Reason::KeepAlive, now, effects);
        }
        let Rules { session_expiry, connect_interval, .. } = self.rules;
        self.sessions.retain(|_, session| {
            session.connection.is_some() || now.saturating_since(session.gone_since) < session_expiry
        });
        self.connected_at.retain(|_, at| now.saturating_since(*at) < connect_interval);
    }

    fn patience_ends(&self, connection: &Connection) -> Instant {
        match &connection.client {
            Some(client) => connection.heard + client.patience,
            None => connection.opened + self.rules.connect_within,
        }
    }

    /// Sends a message to everybody who wants it.
    fn deliver(&mut self, topic: &str, payload: &Bytes, qos: QoS, now: Instant, effects: &mut Vec<Effect>) {
        let Rules { lifetime, messages_per_second, in_flight, queued, .. } = self.rules;
        let mut expired = Vec::new();
        for session in self.sessions.values_mut() {
            let Some(wanted) = session.wants(topic) else { continue };
            if let Some(connection) = session.connection.and_then(|id| self.connections.get_mut(&id)) {
                if now.saturating_since(connection.opened) > lifetime {
                    expired.extend(session.connection);
                    continue;
                }
                if !connection.admit(now, messages_per_second) {
                    continue;
                }
            }
            let granted = if (wanted as u8) < (qos as u8) { wanted } else { qos };
            let message = Publish::from_bytes(topic, granted, payload.clone());
            if let (Some(to), Some(message)) = (session.connection, session.take(message, in_flight, queued))
            {
                effects.push(Effect::Send { to, packet: Packet::Publish(message) });
            }
        }
        for id in expired {
            self.end(id, Reason::Lifetime, now, effects);
        }
    }

    fn session_of(&mut self, id: ConnectionId) -> Option<&mut Session> {
        let client = self.connections.get(&id)?.client.as_ref()?;
        self.sessions.get_mut(&client.id)
    }

    /// Ends a connection on the broker's own account.
    fn end(&mut self, id: ConnectionId, reason: Reason, now: Instant, effects: &mut Vec<Effect>) {
        if self.connections.contains_key(&id) {
            effects.push(Effect::Close { connection: id, reason });
            self.forget(id, Some(reason), now, effects);
        }
    }

    /// `reason`: the broker ended it; `None`: its network connection ended.
    fn forget(&mut self, id: ConnectionId, reason: Option<Reason>, now: Instant, effects: &mut Vec<Effect>) {
        let Some(Connection { client: Some(client), .. }) = self.connections.remove(&id) else { return };
        if let Some(session) = self.sessions.get_mut(&client.id).filter(|s| s.connection == Some(id)) {
            session.connection = None;
            session.gone_since = now;
            if session.clean {
                self.sessions.remove(&client.id);
            }
        }
        if let (true, Some(will)) = (reason != Some(Reason::ClientLeft), &client.will) {
            self.deliver(&will.topic, &will.message, will.qos, now, effects);
        }
        self.tell_gone(&client, reason, now, effects);
    }
}

#[cfg(test)]
mod tests;
