//! What a packet of the broker means, by the state of the session.
//!
//! Pure. Every packet is answered, reported, ignored for a stated reason, or the end.

use std::time::Duration;

use super::{Notice, Protocol, State, Terms};
use crate::clock::Instant;
use crate::connection::ending::EndedBy;
use crate::connection::message::Incoming;
use crate::connection::packet::{Ack, ConnAck, Disconnect, Inbound, Outbound, Publish, SubAck};
use crate::connection::plan::Version;
use crate::connection::{Phase, classify};

/// MQTT 5: "packet identifier not found".
const NOT_FOUND: u8 = 0x92;

impl Protocol {
    pub(super) fn handshake(&mut self, packet: Inbound, since: Instant, now: Instant) {
        match packet {
            Inbound::ConnAck(ack) if ack.code == 0 => self.accepted(&ack, since, now),
            Inbound::ConnAck(ack) => {
                let failure = classify::connack(ack.code);
                self.end(self.told(failure, ack.reason.as_deref(), ack.server.as_deref()), EndedBy::Peer);
            }
            Inbound::Disconnect(disconnect) => self.disconnected(&disconnect),
            Inbound::Auth => self.breach("the broker wants to authenticate, which nobody asked for,"),
            Inbound::Publish(_)
            | Inbound::PubAck(_)
            | Inbound::PubRec(_)
            | Inbound::PubRel(_)
            | Inbound::PubComp(_)
            | Inbound::SubAck(_)
            | Inbound::UnsubAck
            | Inbound::PingResp
            | Inbound::OfClients => self.end(classify::not_mqtt("what answered"), EndedBy::Peer),
        }
    }

    pub(super) fn converse(&mut self, packet: Inbound, now: Instant) {
        match packet {
            Inbound::Publish(publish) => {
                if let State::Subscribing { heard, .. } = &mut self.state {
                    *heard = now;
                }
                self.message(publish, now);
            }
            // An acknowledgement that nobody waits for is harmless: the broker remembers an older session.
            Inbound::PubAck(ack) => {
                let token = self.inflight.puback(ack.id);
                self.settled(token, ack);
            }
            Inbound::PubRec(ack) if ack.is_refusal() => {
                let token = self.inflight.refused(ack.id);
                self.settled(token, ack);
            }
            Inbound::PubRec(ack) => {
                let known = self.inflight.pubrec(ack.id);
                let code = self.not_found_unless(known);
                self.send(Outbound::PubRel(Ack { id: ack.id, code }), now);
            }
            Inbound::PubRel(release) => {
                let known = self.inflight.released(release.id);
                let code = self.not_found_unless(known);
                self.send(Outbound::PubComp(Ack { id: release.id, code }), now);
            }
            Inbound::PubComp(ack) => {
                let token = self.inflight.pubcomp(ack.id);
                self.settled(token, ack);
            }
            Inbound::SubAck(ack) => self.subscribed(&ack, now),
            Inbound::PingResp => {
                if let Some(sent) = self.ping_sent.take() {
                    // The broker is there: what it was asked meanwhile is answered with it, and the answers that follow say
                    // nothing new.
                    self.traffic.stats.pings_answered = self.traffic.stats.pings_sent;
                    let took = now.saturating_since(sent);
                    self.traffic.stats.last_ping = Some(took);
                    self.notices.push_back(Notice::Pinged(took));
                }
            }
            Inbound::Disconnect(disconnect) => self.disconnected(&disconnect),
            Inbound::ConnAck(_) => self.breach("a second CONNACK came"),
            Inbound::UnsubAck if self.leaving > 0 => self.leaving -= 1,
            Inbound::UnsubAck => self.breach("an UNSUBACK came that nobody waited for"),
            Inbound::Auth => self.breach("an AUTH came, which nobody asked for,"),
            Inbound::OfClients => self.breach("a packet came that only clients send"),
        }
    }

    fn accepted(&mut self, ack: &ConnAck, since: Instant, now: Instant) {
        if let Some(client_id) = &ack.assigned_client_id {
            self.carried.is_called(client_id);
            self.traffic.is_called(client_id);
            self.hidden.push(client_id.clone());
        }
        // Zero: the broker does not supervise us, and we go on supervising it.
        if let Some(seconds) = ack.keep_alive.filter(|seconds| *seconds > 0) {
            self.keep_alive = Some(Duration::from_secs(u64::from(seconds)));
        }
        if let Some(bytes) = ack.maximum_packet_size.and_then(|bytes| usize::try_from(bytes).ok()) {
            self.max_outgoing_size = self.max_outgoing_size.min(bytes);
        }
        self.maximum_qos = ack.maximum_qos;
        self.retain_available = ack.retain_available;
        self.inflight.at_most(ack.receive_maximum);
        self.subscriptions.offered(ack.wildcard_available, ack.shared_available);
        self.finished(Phase::Connack, since, now);
        if self.version == Version::V5 {
            self.notices.push_back(Notice::Terms(Terms {
                keep_alive: ack.keep_alive.and(self.keep_alive),
                session_expiry: ack.session_expiry.map(|seconds| Duration::from_secs(u64::from(seconds))),
                maximum_qos: ack.maximum_qos,
                retain_available: ack.retain_available,
                receive_maximum: ack.receive_maximum,
                maximum_packet_size: ack.maximum_packet_size,
            }));
        }
        self.notices.push_back(Notice::Accepted { session_present: ack.session_present });
        for id in self.inflight.accepted(ack.session_present) {
            self.send(Outbound::PubRel(Ack::fine(id)), now);
        }
        self.notices.push_back(Notice::Entered(Phase::Subscribe));
        if ack.session_present {
            self.unsubscribe(now);
        }
        self.subscribe(now, now);
    }

    fn subscribed(&mut self, ack: &SubAck, now: Instant) {
        match self.state {
            State::Subscribing { began, identifier, .. } if identifier == ack.id => {
                match self.subscriptions.acknowledged(&ack.codes) {
                    Ok(()) => self.subscribe(began, now),
                    Err(fault) => self.faulty(fault),
                }
            }
            State::Fresh
            | State::Connecting { .. }
            | State::Subscribing { .. }
            | State::Online
            | State::Over => self.breach("a SUBACK came that nobody waited for"),
        }
    }

    fn message(&mut self, publish: Publish, now: Instant) {
        let fresh = match publish.qos {
            0 => true,
            1 => {
                self.send(Outbound::PubAck(publish.id), now);
                true
            }
            _ => {
                self.send(Outbound::PubRec(publish.id), now);
                self.inflight.received(publish.id)
            }
        };
        if fresh {
            let Publish { topic, payload, qos, retain, properties, .. } = publish;
            self.notices.push_back(Notice::Message(Incoming { topic, payload, qos, retain, properties }));
        }
    }

    /// A message of ours has its answer, if it was one that we waited for.
    fn settled(&mut self, token: Option<u64>, ack: Ack) {
        let Some(token) = token else { return };
        self.notices.push_back(if ack.is_refusal() {
            Notice::Refused { token, code: ack.code }
        } else {
            Notice::Acknowledged(token)
        });
    }

    const fn not_found_unless(&self, known: bool) -> u8 {
        match self.version {
            Version::V5 if !known => NOT_FOUND,
            Version::V5 | Version::V311 => 0,
        }
    }

    fn disconnected(&mut self, disconnect: &Disconnect) {
        let Disconnect { code, reason, server } = disconnect;
        let failure = classify::disconnect(self.phase(), *code);
        self.end(self.told(failure, reason.as_deref(), server.as_deref()), EndedBy::Peer);
    }
}
