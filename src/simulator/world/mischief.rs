//! What the world does when something is to go wrong. Pure.
//!
//! Never by chance: a person, a test or the story asks for each fault.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish};

use super::{Deferred, Output, World};
use crate::clock::{Instant, Now};
use crate::simulator::broker::topics::Policy;
use crate::simulator::broker::{ConnectionId, Suback};
use crate::simulator::faults::{Ending, Fault, Spell, Storm};
use crate::simulator::heater::replies;

/// A ghost that came too soon tries again after this.
const GHOST_RETRY: Duration = Duration::from_millis(1100);

impl World {
    /// Lets something go wrong.
    pub fn inject(&mut self, fault: Fault, now: Now) -> Vec<Output> {
        let mut out = vec![Output::Say(fault.describe())];
        match fault {
            Fault::HangUp => self.end_all(Ending::HangUp, now, &mut out),
            Fault::WebsocketClose(code) => self.end_all(Ending::WebsocketClose(code), now, &mut out),
            Fault::Fin => self.end_all(Ending::Fin, now, &mut out),
            Fault::Reset => self.end_all(Ending::Reset, now, &mut out),
            Fault::Silence(lasts) => self.end_all(Ending::Silence(lasts), now, &mut out),
            Fault::Frozen(lasts) => {
                self.troubles.frozen = Some(Spell::new((), now.at + lasts));
                self.defer(now.at + lasts, Deferred::Thaw);
            }
            Fault::Down(lasts) => {
                out.push(Output::StopListening(lasts));
                self.end_all(Ending::Fin, now, &mut out);
            }
            Fault::RefusedSignIn(lasts) => {
                self.troubles.refused_sign_in = Some(Spell::new((), now.at + lasts));
            }
            Fault::ExpiredCredentials => self.vault.revoke_keys(now.at),
            Fault::ExpiredAccess => self.vault.revoke_access(),
            Fault::RestStatus(status, lasts) => self.troubles.rest = Some(Spell::new(status, now.at + lasts)),
            Fault::UpgradeStatus(status, lasts) => {
                self.troubles.upgrade = Some(Spell::new(status, now.at + lasts));
            }
            Fault::Connack(code, lasts) => {
                self.troubles.connack = Some(Spell::new(code, now.at + lasts));
                self.broker.quirks_mut().refuse = Some(return_code(code));
            }
            Fault::Takeover => {
                for client in self.clients() {
                    out.extend(self.ghost(client, now));
                }
            }
            Fault::PolicyClose(count) => self.broker.quirks_mut().denied_publishes = count,
            Fault::Suback(how, lasts) => {
                self.troubles.suback = Some(Spell::new(how, now.at + lasts));
                self.broker.quirks_mut().suback = how;
            }
            Fault::Garbage => self.garbage(&mut out),
            Fault::TextFrame => out.extend(self.real().into_iter().map(|(id, _)| Output::Text(id))),
            Fault::Oversize(bytes) => self.oversize(bytes, &mut out),
            Fault::HeaterOffline(index, lasts) => out.extend(self.heater_offline(index, lasts, now)),
            Fault::Storm { times, after, lasts } => {
                let storm = Storm { left: times, after };
                self.troubles.storm = Some(Spell::new(storm, now.at + lasts));
                for (connection, _) in self.real() {
                    self.strike(connection, Duration::ZERO, now.at);
                }
            }
        }
        out
    }

    pub(super) fn lift_spells(&mut self, now: Instant) {
        if self.troubles.connack.is_some_and(|spell| spell.until() <= now) {
            self.troubles.connack = None;
            self.broker.quirks_mut().refuse = None;
        }
        if self.troubles.suback.is_some_and(|spell| spell.until() <= now) {
            self.troubles.suback = None;
            self.broker.quirks_mut().suback = Suback::Prompt;
        }
    }

    /// Connections that have sent CONNECT, ghosts left out.
    fn real(&self) -> Vec<(ConnectionId, String)> {
        let real = self.broker.clients().filter(|(id, _)| !self.ghosts.contains(id));
        real.map(|(id, client)| (id, client.to_owned())).collect()
    }

    pub(super) fn end_all(&mut self, ending: Ending, now: Now, out: &mut Vec<Output>) {
        for (id, _) in self.real() {
            self.end_one(id, ending, now, out);
        }
    }

    pub(super) fn end_one(&mut self, id: ConnectionId, ending: Ending, now: Now, out: &mut Vec<Output>) {
        // A silent connection is still there for the broker, until its keep-alive passes or it is taken over.
        if !matches!(ending, Ending::Silence(_)) {
            out.extend(self.gone(id, now));
        }
        out.push(Output::End(id, ending));
    }

    pub(super) fn storm_sees(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(storm) = Spell::at(self.troubles.storm, now) {
            self.strike(connection, storm.after, now);
        }
    }

    fn strike(&mut self, connection: ConnectionId, after: Duration, now: Instant) {
        let Some(storm) = self.troubles.storm.as_mut().map(Spell::what_mut).filter(|storm| storm.left > 0)
        else {
            return;
        };
        storm.left -= 1;
        let ending = if storm.left % 2 == 0 { Ending::Fin } else { Ending::Reset };
        self.defer(now + after, Deferred::Strike { connection, ending });
    }

    pub(super) fn ghost(&mut self, client: String, now: Now) -> Vec<Output> {
        let id = self.number();
        self.ghosts.insert(id);
        self.broker.open(id, Arc::new(Policy::default()), now.at);
        let mut connect = Connect::new(client.as_str());
        connect.keep_alive = 1200;
        let out = self.broker_does(now, |broker, effects| {
            broker.packet(id, Packet::Connect(connect), now.at, effects);
        });
        // One ghost a client id tries again: two would be too soon for each other for ever, and for the client too.
        let tries_already = |deferred: &Deferred| match deferred {
            Deferred::Ghost { client: other } => *other == client,
            Deferred::Ask { .. } | Deferred::Strike { .. } | Deferred::Thaw | Deferred::Online { .. } => {
                false
            }
        };
        if !self.ghosts.contains(&id) && !self.deferred.values().any(tries_already) {
            self.defer(now.at + GHOST_RETRY, Deferred::Ghost { client });
        }
        out
    }

    fn garbage(&mut self, out: &mut Vec<Output>) {
        for (id, _) in self.real() {
            // Packet type 15 does not exist in MQTT 3.1.1, and five length bytes exist in no version.
            let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
            bytes.extend((0..26).map(|_| self.rng.u8(..)));
            out.push(Output::Garbage(id, bytes.into()));
        }
    }

    fn oversize(&mut self, bytes: usize, out: &mut Vec<Output>) {
        for (to, client) in self.real() {
            let Some(device) = self.devices.first() else { continue };
            let topic = format!("cmd/52/navilink-{}/{client}/res", device.identity.mac);
            let publish = Publish::new(topic, QoS::AtMostOnce, vec![b' '; bytes]);
            out.push(Output::Send { to, packet: Packet::Publish(publish) });
        }
    }

    fn heater_offline(&mut self, index: usize, lasts: Duration, now: Now) -> Vec<Output> {
        let until = now.at + lasts;
        let Some(device) = self.devices.get_mut(index) else { return Vec::new() };
        device.offline_until = Some(until);
        let farewell = replies::presence(&device.identity, false);
        self.defer(until, Deferred::Online { device: index });
        self.broker_does(now, |broker, effects| {
            broker.announce(&farewell.topic, &farewell.payload, now.at, effects);
        })
    }
}

fn return_code(code: u8) -> ConnectReturnCode {
    match code {
        1 => ConnectReturnCode::RefusedProtocolVersion,
        2 => ConnectReturnCode::BadClientId,
        4 => ConnectReturnCode::BadUserNamePassword,
        5 => ConnectReturnCode::NotAuthorized,
        _ => ConnectReturnCode::ServiceUnavailable,
    }
}
