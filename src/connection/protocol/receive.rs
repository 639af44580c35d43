//! What a packet of the broker means, by the state of the session.
//!
//! Pure. Every packet is answered, reported, ignored for a stated reason, or the end.

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, PubAck, PubComp, PubRec, PubRel, Publish};

use super::{Notice, Protocol, State};
use crate::clock::Instant;
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::connection::message::Incoming;
use crate::connection::{Detail, Failure, Phase, classify};

impl Protocol {
    pub(super) fn handshake(&mut self, packet: &Packet, since: Instant, now: Instant) {
        match packet {
            Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => {
                self.finished(Phase::Connack, since, now);
                self.notices.push_back(Notice::Accepted { session_present: ack.session_present });
                self.notices.push_back(Notice::Entered(Phase::Subscribe));
                self.subscribe(now, now);
            }
            Packet::ConnAck(ack) => self.end(classify::connack(ack.code as u8), EndedBy::Peer),
            Packet::Disconnect => self.disconnected(),
            Packet::Connect(_)
            | Packet::Publish(_)
            | Packet::PubAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::Subscribe(_)
            | Packet::SubAck(_)
            | Packet::Unsubscribe(_)
            | Packet::UnsubAck(_)
            | Packet::PingReq
            | Packet::PingResp => self.end(classify::not_mqtt("what answered"), EndedBy::Peer),
        }
    }

    pub(super) fn converse(&mut self, packet: Packet, now: Instant) {
        match packet {
            Packet::Publish(publish) => self.message(publish, now),
            // An acknowledgement that nobody waits for is harmless: the broker remembers an older session.
            Packet::PubAck(ack) => {
                let token = self.inflight.puback(ack.pkid);
                self.notices.extend(token.map(Notice::Acknowledged));
            }
            Packet::PubRec(ack) => {
                self.inflight.pubrec(ack.pkid);
                self.send(Packet::PubRel(PubRel { pkid: ack.pkid }), now);
            }
            Packet::PubRel(release) => {
                self.inflight.released(release.pkid);
                self.send(Packet::PubComp(PubComp { pkid: release.pkid }), now);
            }
            Packet::PubComp(ack) => {
                let token = self.inflight.pubcomp(ack.pkid);
                self.notices.extend(token.map(Notice::Acknowledged));
            }
            Packet::SubAck(ack) => match self.state {
                State::Subscribing { began, identifier, .. } if identifier == ack.pkid => {
                    match self.subscriptions.acknowledged(&ack.return_codes) {
                        Ok(()) => self.subscribe(began, now),
                        Err(fault) => self.faulty(fault),
                    }
                }
                State::Fresh
                | State::Connecting { .. }
                | State::Subscribing { .. }
                | State::Online
                | State::Over => self.breach("a SUBACK came that nobody waited for"),
            },
            Packet::PingResp => {
                self.traffic.stats.pings_answered += 1;
                if let Some(sent) = self.ping_sent.take() {
                    let took = now.saturating_since(sent);
                    self.traffic.stats.last_ping = Some(took);
                    self.notices.push_back(Notice::Pinged(took));
                }
            }
            Packet::Disconnect => self.disconnected(),
            Packet::ConnAck(_) => self.breach("a second CONNACK came"),
            Packet::UnsubAck(_) => self.breach("an UNSUBACK came that nobody waited for"),
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq => {
                self.breach("a packet came that only clients send");
            }
        }
    }

    fn message(&mut self, publish: Publish, now: Instant) {
        let fresh = match publish.qos {
            QoS::AtMostOnce => true,
            QoS::AtLeastOnce => {
                self.send(Packet::PubAck(PubAck { pkid: publish.pkid }), now);
                true
            }
            QoS::ExactlyOnce => {
                self.send(Packet::PubRec(PubRec { pkid: publish.pkid }), now);
                self.inflight.received(publish.pkid)
            }
        };
        if fresh {
            self.notices.push_back(Notice::Message(Incoming {
                topic: publish.topic,
                payload: publish.payload,
                qos: publish.qos as u8,
                retain: publish.retain,
                properties: None,
            }));
        }
    }

    fn disconnected(&mut self) {
        let message = "the broker sent DISCONNECT, which MQTT 3.1.1 does not let it";
        let failure = Failure::new(self.phase(), ErrorName::DisconnectReceived, message);
        self.end(failure.with_detail(Detail::Disconnect(None)), EndedBy::Peer);
    }
}
