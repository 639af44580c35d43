//! The link's part: the real protocol on a virtual wire, its packets, its notices and its end.
//! Never reconnects: an end is reported, and the socket is closed before anybody hears of it.

use bytes::BytesMut;
use hangup::clock::Instant;
use hangup::connection::codec::{Codec, Fault};
use hangup::connection::ending::{EndedBy, Ending};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::machine::{Input, LinkReport};
use hangup::connection::message::Outgoing;
use hangup::connection::packet::{Inbound, Outbound};
use hangup::connection::plan::{Plan, Version};
use hangup::connection::protocol::{Notice, Protocol};
use hangup::connection::{Detail, Failure, Phase, classify};
use hangup::simulator::faults;
use rumqttc::mqttbytes::v4;
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::network::{Down, Up, arrived};
use crate::universe::{Event, Universe};

const VERSION: Version = Version::V311;
const THEIRS: v4::Codec = v4::Codec { max_incoming_size: usize::MAX, max_outgoing_size: usize::MAX };

/// Our end of one network connection.
pub(crate) struct Link {
    pub(crate) generation: u64,
    pub(crate) wire: u64,
    pub(crate) plan: Plan,
    pub(crate) stage: Stage,
    /// It says nothing any more, whatever happens.
    pub(crate) hung: bool,
}

/// How far it is.
pub(crate) enum Stage {
    Dialling,
    Open { protocol: Box<Protocol>, accepted: bool },
}

impl Link {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Open { protocol, .. } if !self.hung => protocol.deadline(),
            Stage::Open { .. } | Stage::Dialling => None,
        }
    }

    pub(crate) fn protocol(&mut self) -> Option<&mut Protocol> {
        match &mut self.stage {
            Stage::Open { protocol, .. } if !self.hung => Some(protocol),
            Stage::Open { .. } | Stage::Dialling => None,
        }
    }
}

impl Universe<'_> {
    /// The network connection stands.
    pub(crate) fn open(&mut self) {
        let (limits, now) = (self.schedule.policy.limits, self.now.at);
        let Some(link) = &mut self.link else { return };
        let mut protocol = Box::new(Protocol::new(&link.plan, &limits, now));
        protocol.start(now);
        link.stage = Stage::Open { protocol, accepted: false };
        self.pump();
    }

    pub(crate) fn link_ticks(&mut self) {
        let now = self.now.at;
        if let Some(protocol) = self.link.as_mut().and_then(Link::protocol) {
            protocol.tick(now);
            self.pump();
        }
    }

    /// Something arrives here.
    pub(crate) fn here(&mut self, number: u64) {
        let now = self.now.at;
        loop {
            let Some(wire) = self.wires.get_mut(&number) else { return };
            if let Some(until) = self.path.blocked(wire, now) {
                return self.at(until, Event::Here { wire: number });
            }
            let Some(what) = arrived(&mut wire.down, now) else { break };
            if self.link.as_ref().is_some_and(|link| link.wire == number) {
                self.hear(what);
            } else {
                self.late_word(number, LinkReport::Progress);
            }
        }
        self.link_ticks();
        self.serve_timers();
        self.converse();
        self.forget(number);
    }

    fn hear(&mut self, what: Down) {
        let now = self.now.at;
        let Some(link) = &mut self.link else { return };
        let limit = link.plan.max_packet_size;
        let hangup_means_credentials = link.plan.hangup_means_credentials;
        let Some(protocol) = link.protocol() else { return };
        let phase = protocol.phase();
        match what {
            Down::Packet(packet) => match from_the_cloud(packet, limit) {
                Ok(packet) => {
                    if let Inbound::SubAck(ack) = &packet {
                        self.rules.suback_heard(ack.codes.len());
                    }
                    protocol.handle(packet, now);
                }
                Err(fault) => end(protocol, classify::fault(phase, VERSION, fault)),
            },
            Down::Raw(bytes) => {
                let first = classify::first_bytes(&bytes).filter(|_| phase == Phase::Connack);
                match Codec::new(VERSION, limit).decode(&mut BytesMut::from(&bytes[..])) {
                    Ok(_) => {}
                    Err(fault) => {
                        end(protocol, first.unwrap_or_else(|| classify::fault(phase, VERSION, fault)));
                    }
                }
            }
            Down::Text => end(protocol, classify::websocket_breach(phase, "a text frame came")),
            Down::End(ending) => {
                let how = match ending {
                    faults::Ending::HangUp => Detail::CloseNotify,
                    faults::Ending::WebsocketClose(code) => Detail::WebsocketClose(Some(code)),
                    faults::Ending::Fin => Detail::Fin,
                    faults::Ending::Reset | faults::Ending::Silence(_) => Detail::Rst,
                };
                let mut failure = classify::hang_up(phase, how);
                let orderly = failure.error == ErrorName::UnexpectedHangup;
                if orderly && phase == Phase::Connack && hangup_means_credentials {
                    failure.class = RetryClass::Credential;
                }
                end(protocol, failure);
            }
        }
        self.pump();
    }

    pub(crate) fn kernel_gives_up(&mut self, number: u64) {
        let blocked =
            self.wires.get(&number).is_some_and(|wire| self.path.blocked(wire, self.now.at).is_some());
        let Some(link) = self.link.as_mut().filter(|link| blocked && link.wire == number) else { return };
        if let Some(protocol) = link.protocol() {
            let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
            end(protocol, classify::io(protocol.phase(), &error));
            self.pump();
        }
        self.serve_timers();
    }

    /// Hands a message to the session. What it takes it sends once; what it refuses it refuses loudly.
    pub(crate) fn publish(&mut self, message: Outgoing) {
        self.token += 1;
        let (token, now) = (self.token, self.now.at);
        let Some(protocol) = self.link.as_mut().and_then(Link::protocol) else { return };
        if protocol.publish(Outgoing { token, ..message }, now).is_ok() {
            self.rules.accepted(token);
        }
        self.pump();
    }

    /// Puts packets on the wire and passes notices on.
    pub(crate) fn pump(&mut self) {
        let now = self.now.at;
        while let Some(link) = &mut self.link {
            let (wire, generation) = (link.wire, link.generation);
            let Some(protocol) = link.protocol() else { return };
            if let Some(packet) = protocol.poll_packet() {
                self.put(wire, &packet);
                continue;
            }
            let Some(notice) = protocol.poll_notice() else { return };
            let report = match notice {
                Notice::Entered(phase) => LinkReport::Entered(phase),
                Notice::Finished(time) => LinkReport::Finished(time),
                Notice::Terms(_) | Notice::Refused { .. } => unreachable!("only a broker of MQTT 5 says so"),
                Notice::Accepted { session_present } => {
                    if let Stage::Open { accepted, .. } = &mut link.stage {
                        *accepted = true;
                    }
                    let (peer, local) = (([192, 0, 2, 1], 443).into(), ([192, 0, 2, 2], 50_000).into());
                    LinkReport::Accepted { session_present, peer, local, certificate_expires: None }
                }
                Notice::Restored { active, refused } => LinkReport::Restored { active, refused },
                Notice::Message(message) => {
                    self.message(&message);
                    LinkReport::Progress
                }
                Notice::Acknowledged(token) => {
                    self.rules.acknowledged(token);
                    LinkReport::Progress
                }
                Notice::Pinged(_) => LinkReport::Progress,
                Notice::Over(failure, by) => self.over(failure, by, now),
            };
            self.step(Input::Link { generation, report });
        }
    }

    fn over(&mut self, failure: Failure, ended_by: EndedBy, now: Instant) -> LinkReport {
        let ending = self.ending(failure, ended_by, now);
        let accepted = self.is_accepted();
        self.link_gone();
        if accepted { LinkReport::Ended(Box::new(ending)) } else { LinkReport::Failed(ending.failure) }
    }

    fn is_accepted(&self) -> bool {
        self.link.as_ref().is_some_and(|link| matches!(link.stage, Stage::Open { accepted: true, .. }))
    }

    fn ending(&self, failure: Failure, ended_by: EndedBy, now: Instant) -> Ending {
        let protocol = self.link.as_ref().and_then(|link| match &link.stage {
            Stage::Open { protocol, .. } => Some(protocol),
            Stage::Dialling => None,
        });
        let alive = protocol.map_or(now, |protocol| protocol.last_received());
        let stats = protocol.map(|protocol| protocol.stats().clone()).unwrap_or_default();
        Ending { failure, ended_by, alive, stats, tcp: None }
    }

    fn put(&mut self, wire: u64, packet: &Outbound) {
        match packet {
            Outbound::Connect(_) => self.rules.connect_sent(),
            Outbound::Publish(_) => self.rules.publish_sent(),
            Outbound::PubAck(_)
            | Outbound::PubRec(_)
            | Outbound::PubRel(_)
            | Outbound::PubComp(_)
            | Outbound::Subscribe(_)
            | Outbound::Unsubscribe(_)
            | Outbound::PingReq
            | Outbound::Disconnect => {}
        }
        self.send_up(wire, Up::Packet(to_the_cloud(packet)));
    }

    /// Farewell, DISCONNECT, and the closes of every layer: a round trip, or as long as the limit allows.
    pub(crate) fn close(&mut self, generation: u64) {
        let now = self.now.at;
        for message in self.farewell() {
            self.publish(message);
        }
        let Some(mut link) = self.link.take() else { return };
        let (life, wire) = (self.life, link.wire);
        if let Some(protocol) = link.protocol() {
            protocol.leave(now);
            while let Some(packet) = protocol.poll_packet() {
                self.put(wire, &packet);
            }
        }
        self.closing = Some(wire);
        self.send_up(wire, Up::Fin);
        let limit = self.schedule.policy.limits.close;
        let took = if now < self.spells.close_hangs {
            limit * 20
        } else if self.wires.get(&wire).is_some_and(|wire| self.path.blocked(wire, now).is_some()) {
            limit
        } else {
            (self.path.latency(now) * 2).min(limit)
        };
        self.after(took, Event::Closed { life, generation, wire });
    }

    pub(crate) fn closed(&mut self, life: u32, generation: u64, wire: u64) {
        if life != self.life {
            return;
        }
        let report = LinkReport::Closed(None);
        if self.closing == Some(wire) {
            self.closing = None;
            self.hang_up(wire);
            self.rules.link_finished();
            self.step(Input::Link { generation, report });
            self.serve_timers();
        } else {
            self.late(Input::Link { generation, report });
        }
    }

    /// The link is finished: its socket is closed before anybody hears of it.
    pub(crate) fn link_gone(&mut self) {
        if let Some(link) = self.link.take() {
            self.send_up(link.wire, Up::Fin);
            self.hang_up(link.wire);
            self.rules.link_finished();
        }
    }

    pub(crate) fn hang_up(&mut self, number: u64) {
        self.rules.socket_closed(number);
        if let Some(wire) = self.wires.get_mut(&number) {
            wire.ours = false;
            if wire.cloud.is_none() {
                wire.theirs = false;
            }
        }
        self.forget(number);
    }
}

fn end(protocol: &mut Protocol, failure: Failure) {
    let by = classify::ended_by(&failure);
    protocol.end(failure, by);
}

/// What the cloud, which has packets of its own, makes of ours: by way of the wire.
fn to_the_cloud(packet: &Outbound) -> v4::Packet {
    let mut bytes = BytesMut::new();
    Codec::new(VERSION, usize::MAX).encode(packet, &mut bytes).expect("the session checks what it sends");
    THEIRS.clone().decode(&mut bytes).expect("we speak MQTT").expect("a whole packet was encoded")
}

/// The same the other way.
fn from_the_cloud(packet: v4::Packet, limit: usize) -> Result<Inbound, Fault> {
    let mut bytes = BytesMut::new();
    THEIRS.clone().encode(packet, &mut bytes).expect("the cloud speaks MQTT");
    let packet = Codec::new(VERSION, limit).decode(&mut bytes)?;
    Ok(packet.expect("a whole packet was encoded"))
}
