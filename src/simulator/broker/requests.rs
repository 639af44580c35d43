//! What the broker does about the packets that ask for something: CONNECT, PUBLISH, PUBACK, SUBSCRIBE. Pure.
//!
//! Never answers a breach of the rules: it closes, as AWS does.

use std::time::Duration;

use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, SubAck, Subscribe, SubscribeReasonCode,
};
use rumqttc::mqttbytes::{Protocol, QoS};

use super::rules::Reason;
use super::session::{ConnectionId, Session};
use super::{Broker, Client, Effect, Suback, topics};
use crate::clock::Instant;

impl Broker {
    pub(super) fn connect(
        &mut self,
        id: ConnectionId,
        connect: Connect,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(code) = self.refusal(&connect) {
            let packet = Packet::ConnAck(ConnAck::new(code, false));
            effects.push(Effect::Send { to: id, packet });
            return self.end(id, Reason::Refused, now, effects);
        }
        let may =
            self.connections.get(&id).zip(connect.last_will.as_ref()).is_none_or(|(connection, will)| {
                connection.policy.may_publish(&connect.client_id, &will.topic)
            });
        if !may {
            return self.end(id, Reason::Denied, now, effects);
        }
        let client_id = if connect.client_id.is_empty() {
            self.nameless += 1;
            format!("nameless-{}", self.nameless)
        } else {
            connect.client_id
        };
        let previous = self.connected_at.insert(client_id.clone(), now);
        if previous.is_some_and(|at| now.saturating_since(at) < self.rules.connect_interval) {
            return self.end(id, Reason::TooSoon, now, effects);
        }
        if let Some(older) = self.sessions.get(&client_id).and_then(|session| session.connection) {
            self.end(older, Reason::TakenOver, now, effects);
        }
        let present = !connect.clean_session && self.sessions.contains_key(&client_id);
        if !present {
            self.sessions.insert(client_id.clone(), Session::new(connect.clean_session, now));
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            let patience = self.rules.patience(Duration::from_secs(u64::from(connect.keep_alive)));
            self.accepted += 1;
            let (id, version) = (client_id.clone(), self.accepted);
            connection.client = Some(Client { id, patience, will: connect.last_will, version });
        }
        let packet = Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, present));
        effects.push(Effect::Send { to: id, packet });
        if let Some(session) = self.sessions.get_mut(&client_id) {
            session.clean = connect.clean_session;
            session.connection = Some(id);
            for message in session.resume(self.rules.in_flight) {
                effects.push(Effect::Send { to: id, packet: Packet::Publish(message) });
            }
        }
        self.tell_come(&client_id, now, effects);
    }

    fn refusal(&self, connect: &Connect) -> Option<ConnectReturnCode> {
        let id = &connect.client_id;
        if connect.protocol != Protocol::V4 {
            return Some(ConnectReturnCode::RefusedProtocolVersion);
        }
        let bad = id.len() > self.rules.client_id
            || id.starts_with('$')
            || (id.is_empty() && !connect.clean_session);
        if bad { Some(ConnectReturnCode::BadClientId) } else { self.quirks.refuse }
    }

    pub(super) fn publish(
        &mut self,
        id: ConnectionId,
        publish: Publish,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(reason) = self.objection(id, &publish) {
            return self.end(id, reason, now, effects);
        }
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                effects.push(Effect::Send { to: id, packet: Packet::PubAck(PubAck::new(publish.pkid)) });
            }
            // AWS does not answer QoS 2 at all.
            QoS::ExactlyOnce => return,
        }
        let limit = self.rules.messages_per_second;
        if !self.connections.get_mut(&id).is_some_and(|connection| connection.admit(now, limit)) {
            return;
        }
        self.deliver(&publish.topic, &publish.payload, publish.qos, now, effects);
        effects.push(Effect::Heard { topic: publish.topic, payload: publish.payload });
    }

    fn objection(&mut self, id: ConnectionId, publish: &Publish) -> Option<Reason> {
        if self.quirks.denied_publishes > 0 {
            self.quirks.denied_publishes -= 1;
            return Some(Reason::Denied);
        }
        let limit = self.rules.messages_per_connection;
        let connection = self.connections.get_mut(&id)?;
        connection.published = connection.published.saturating_add(1);
        if limit.is_some_and(|limit| connection.published > limit) {
            return Some(Reason::Limit);
        }
        let connection = self.connections.get(&id)?;
        let client = connection.client.as_ref()?;
        if !topics::is_topic(&publish.topic) {
            Some(Reason::Protocol)
        } else if publish.payload.len() > self.rules.payload || !self.fits(&publish.topic) {
            Some(Reason::Limit)
        } else if !connection.policy.may_publish(&client.id, &publish.topic) {
            Some(Reason::Denied)
        } else {
            None
        }
    }

    fn fits(&self, topic: &str) -> bool {
        topic.len() <= self.rules.topic && topic.matches('/').count() <= self.rules.slashes
    }

    pub(super) fn acknowledged(
        &mut self,
        id: ConnectionId,
        pkid: u16,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let window = self.rules.in_flight;
        let next = self.session_of(id).map(|session| session.acknowledged(pkid, window)).unwrap_or_default();
        let limit = self.rules.messages_per_second;
        for message in next {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.admit(now, limit);
            }
            effects.push(Effect::Send { to: id, packet: Packet::Publish(message) });
        }
    }

    pub(super) fn subscribe(
        &mut self,
        id: ConnectionId,
        subscribe: Subscribe,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if subscribe.filters.is_empty() || subscribe.filters.iter().any(|f| !topics::is_filter(&f.path)) {
            return self.end(id, Reason::Protocol, now, effects);
        }
        if subscribe.filters.len() > self.rules.filters_per_subscribe
            || subscribe.filters.iter().any(|f| !self.fits(&f.path))
        {
            return self.end(id, Reason::Limit, now, effects);
        }
        let allowed = self.connections.get(&id).is_some_and(|connection| {
            connection.client.as_ref().is_some_and(|client| {
                subscribe.filters.iter().all(|f| connection.policy.may_subscribe(&client.id, &f.path))
            })
        });
        if !allowed {
            return self.end(id, Reason::Denied, now, effects);
        }
        if subscribe.filters.iter().any(|filter| filter.qos == QoS::ExactlyOnce) {
            // AWS does not answer QoS 2 at all.
            return;
        }
        self.grant(id, subscribe, now, effects);
    }

    fn grant(&mut self, id: ConnectionId, subscribe: Subscribe, now: Instant, effects: &mut Vec<Effect>) {
        let refused = self.quirks.suback == Suback::Refused;
        let codes = subscribe
            .filters
            .iter()
            .map(|f| if refused { SubscribeReasonCode::Failure } else { SubscribeReasonCode::Success(f.qos) })
            .collect();
        let most = self.rules.filters_per_connection;
        let Some(session) = self.session_of(id) else { return };
        if !refused {
            for filter in subscribe.filters {
                session.subscribe(filter.path, filter.qos);
            }
        }
        if session.filters() > most {
            return self.end(id, Reason::Limit, now, effects);
        }
        let packet = Packet::SubAck(SubAck::new(subscribe.pkid, codes));
        match self.quirks.suback {
            Suback::Prompt | Suback::Refused => effects.push(Effect::Send { to: id, packet }),
            Suback::Late(by) => self.late.push((now + by, id, packet)),
            Suback::Missing => {}
        }
    }
}
