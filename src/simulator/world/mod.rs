//! The whole cloud without its sockets: accounts, broker, heaters, faults and the story. Pure.
//!
//! Never waits: it says when it wants to be woken, and what the sockets have to do.

mod mischief;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet};

use crate::clock::{Instant, Now};
use crate::simulator::broker::rules::{Reason, Rules};
use crate::simulator::broker::topics::Policy;
use crate::simulator::broker::{Broker, ConnectionId, Effect};
use crate::simulator::devices::Device;
use crate::simulator::faults::{Ending, Spell, Troubles};
use crate::simulator::heater::replies;
use crate::simulator::rest::{Answer, Mood, Request, Service};
use crate::simulator::settings::Settings;
use crate::simulator::signature::{self, Realm, Upgrade};
use crate::simulator::story::Story;
use crate::simulator::vault::Vault;

/// The heaters live on at least this often.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Heaters whose models stand still have nothing to live through: hours of virtual time cost few beats.
const RARE_HEARTBEAT: Duration = Duration::from_secs(600);

/// What the sockets have to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a packet.
    Send {
        /// To whom.
        to: ConnectionId,
        /// What.
        packet: Packet,
    },
    /// Send bytes that are no MQTT, in a binary frame.
    Garbage(ConnectionId, Bytes),
    /// Send a text frame.
    Text(ConnectionId),
    /// End a connection. Nothing more is sent to it.
    End(ConnectionId, Ending),
    /// Stop listening on the MQTT port for this long.
    StopListening(Duration),
    /// A line for the log. Holds no secret and no identity.
    Say(String),
}

/// Why an upgrade was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeRefused {
    /// HTTP status of the answer.
    pub status: u16,
    /// For the log.
    pub why: &'static str,
}

#[derive(Debug)]
enum Deferred {
    /// A heater has thought about what it heard.
    Ask { device: usize, suffix: String, payload: Bytes },
    /// A session of a storm is over.
    Strike { connection: ConnectionId, ending: Ending },
    /// Another client comes with this id.
    Ghost { client: String },
    /// A frozen broker restarts.
    Thaw,
    /// A heater is back.
    Online { device: usize },
}

/// The cloud without its sockets.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    realm: Realm,
    zone: TimeZone,
    started: Now,
    vault: Vault,
    broker: Broker,
    devices: Vec<Device>,
    troubles: Troubles,
    story: Option<Story>,
    ghosts: BTreeSet<ConnectionId>,
    deferred: BTreeMap<(Instant, u64), Deferred>,
    beat: Instant,
    /// When all connections are closed next.
    curfew: Option<Instant>,
    counter: u64,
    rng: fastrand::Rng,
}

impl World {
    /// A cloud that starts now; `zone` is where the heaters count their days.
    #[must_use]
    pub fn new(settings: Settings, zone: TimeZone, now: Now) -> Self {
        let locked = Duration::from_secs_f64(1800.0 / settings.speed.max(1e-3));
        let today = date(&zone, now);
        let devices = settings
            .heaters
            .iter()
            .zip(0..)
            .map(|(heater, index)| Device::new(heater, index, settings.seed, today))
            .collect();
        let hosts = vec![settings.host.clone(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let rules = Rules { messages_per_connection: settings.message_limit, ..Rules::aws(settings.speed) };
        Self {
            curfew: settings.curfew.map(|every| curfew_after(every, now)),
            realm: Realm { hosts, region: settings.region.clone() },
            vault: Vault::new(&settings.accounts, settings.credential_lifetime, locked, settings.seed),
            broker: Broker::new(rules),
            devices,
            troubles: Troubles::default(),
            story: settings.story.clone(),
            ghosts: BTreeSet::new(),
            deferred: BTreeMap::new(),
            beat: now.at + HEARTBEAT,
            counter: 0,
            rng: fastrand::Rng::with_seed(settings.seed ^ 0x5eed),
            started: now,
            zone,
            settings,
        }
    }

    /// Answers a REST request.
    pub fn rest(&mut self, request: Request<'_>, now: Now) -> Answer {
        let mood = Mood {
            status: Spell::at(self.troubles.rest, now.at),
            refuse_sign_in: Spell::at(self.troubles.refused_sign_in, now.at).is_some(),
            secondary_forbidden: self.settings.secondary_forbidden,
        };
        Service { vault: &mut self.vault, devices: &self.devices, mood, now: now.at }.answer(request)
    }

    /// Decides about a WebSocket upgrade; an accepted one is a connection from now on.
    pub fn upgrade(
        &mut self,
        upgrade: Upgrade<'_>,
        subprotocols: &str,
        now: Now,
    ) -> Result<ConnectionId, UpgradeRefused> {
        let refuse = |status, why| Err(UpgradeRefused { status, why });
        if let Some(status) = Spell::at(self.troubles.upgrade, now.at) {
            return refuse(status, "scripted fault");
        }
        if upgrade.path != "/mqtt" {
            return refuse(404, "no such path");
        }
        if !subprotocols.split(',').any(|protocol| protocol.trim() == "mqtt") {
            return refuse(400, "subprotocol mqtt missing");
        }
        let account = signature::verify(upgrade, &self.realm, |id| self.vault.key(id), now)
            .map_err(|refusal| UpgradeRefused { status: 403, why: refusal.as_str() })?;
        Ok(self.open(account, now.at))
    }

    /// Opens a connection for an account without a signature, for tests in virtual time.
    pub fn open(&mut self, account: usize, now: Instant) -> ConnectionId {
        let devices = self.devices.iter().filter(|device| device.account == account);
        let policy = devices.map(|d| (d.identity.device_type, d.identity.mac.clone())).collect();
        let id = self.number();
        let policy = Policy { devices: policy, presence: self.settings.presence };
        self.broker.open(id, Arc::new(policy), now);
        id
    }

    /// A packet arrived.
    pub fn packet(&mut self, id: ConnectionId, packet: Packet, now: Now) -> Vec<Output> {
        if self.is_frozen() {
            return Vec::new();
        }
        self.broker_does(now, |broker, effects| broker.packet(id, packet, now.at, effects))
    }

    /// What arrived could not be decoded (or was far too large).
    pub fn spoilt(&mut self, id: ConnectionId, reason: Reason, now: Now) -> Vec<Output> {
        self.broker_does(now, |broker, effects| broker.spoilt(id, reason, now.at, effects))
    }

    /// A connection ended by itself.
    pub fn gone(&mut self, id: ConnectionId, now: Now) -> Vec<Output> {
        self.broker_does(now, |broker, effects| broker.gone(id, now.at, effects))
    }

    /// The client ids that are connected, ghosts left out.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        let real = self.broker.clients().filter(|(id, _)| !self.ghosts.contains(id));
        real.map(|(_, client)| client.to_owned()).collect()
    }

    /// Whether the heater with this index can be seen by the cloud.
    #[must_use]
    pub fn is_online(&self, device: usize, now: Instant) -> bool {
        self.devices.get(device).is_some_and(|device| device.online(now))
    }

    /// When [`World::tick`] wants to be called.
    #[must_use]
    pub fn deadline(&mut self) -> Instant {
        let story = self.story.as_mut().and_then(Story::next_at).map(|at| self.started.at + at);
        let deferred = self.deferred.keys().next().map(|(at, _)| *at);
        let spells = [self.troubles.connack.map(|s| s.until()), self.troubles.suback.map(|s| s.until())];
        let broker = if self.troubles.frozen.is_some() { None } else { self.broker.deadline() };
        [Some(self.beat), story, deferred, broker, self.curfew]
            .into_iter()
            .chain(spells)
            .flatten()
            .min()
            .unwrap_or(self.beat)
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now) -> Vec<Output> {
        let mut out = Vec::new();
        self.live(now);
        let since_start = now.at.saturating_since(self.started.at);
        while let Some(fault) = self.story.as_mut().and_then(|story| story.due(since_start)) {
            out.extend(self.inject(fault, now));
        }
        while let Some(entry) = self.deferred.first_entry().filter(|entry| entry.key().0 <= now.at) {
            let deferred = entry.remove();
            out.extend(self.perform(deferred, now));
        }
        self.lift_spells(now.at);
        if let (Some(every), Some(due)) = (self.settings.curfew, self.curfew)
            && due <= now.at
        {
            out.push(Output::Say("closes every connection: it is time".to_owned()));
            self.end_all(Ending::HangUp, now, &mut out);
            self.curfew = Some(curfew_after(every, now));
        }
        if !self.is_frozen() {
            out.extend(self.broker_does(now, |broker, effects| broker.tick(now.at, effects)));
        }
        out
    }

    fn perform(&mut self, deferred: Deferred, now: Now) -> Vec<Output> {
        match deferred {
            Deferred::Ask { device, suffix, payload } => {
                let pause = self.settings.command_pause;
                let Some(device) = self.devices.get_mut(device).filter(|device| device.online(now.at)) else {
                    return Vec::new();
                };
                let said = device.answer(&suffix, &payload, pause, now.at);
                if self.is_frozen() {
                    return Vec::new();
                }
                self.broker_does(now, |broker, effects| {
                    for reply in said {
                        broker.announce(&reply.topic, &reply.payload, now.at, effects);
                    }
                })
            }
            Deferred::Strike { connection, ending } => {
                let mut out = Vec::new();
                if self.broker.clients().any(|(id, _)| id == connection) {
                    self.end_one(connection, ending, now, &mut out);
                }
                out
            }
            Deferred::Ghost { client } => self.ghost(client, now),
            Deferred::Thaw => {
                self.troubles.frozen = None;
                let mut out = vec![Output::Say("restarts its broker".to_owned())];
                self.end_all(Ending::Fin, now, &mut out);
                out
            }
            Deferred::Online { device } => {
                let Some(device) = self.devices.get_mut(device).filter(|device| device.online(now.at)) else {
                    return Vec::new();
                };
                device.offline_until = None;
                let hello = replies::presence(&device.identity, true);
                let mut out = vec![Output::Say("a heater is online again".to_owned())];
                out.extend(self.broker_does(now, |broker, effects| {
                    broker.announce(&hello.topic, &hello.payload, now.at, effects);
                }));
                out
            }
        }
    }

    /// Lets the broker work, and turns what it wants into outputs.
    fn broker_does(&mut self, now: Now, work: impl FnOnce(&mut Broker, &mut Vec<Effect>)) -> Vec<Output> {
        let mut effects = Vec::new();
        work(&mut self.broker, &mut effects);
        let mut out = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { to, packet } => {
                    if self.ghosts.contains(&to) {
                        continue;
                    }
                    if matches!(&packet, Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success) {
                        self.storm_sees(to, now.at);
                    }
                    out.push(Output::Send { to, packet });
                }
                Effect::Close { connection, reason } => {
                    if !self.ghosts.remove(&connection) {
                        out.push(Output::Say(match reason {
                            Reason::ClientLeft => "a client leaves (DISCONNECT)".to_owned(),
                            Reason::TakenOver
                            | Reason::KeepAlive
                            | Reason::Lifetime
                            | Reason::Denied
                            | Reason::Protocol
                            | Reason::Limit
                            | Reason::TooSoon
                            | Reason::Refused
                            | Reason::Fault => format!("closes a connection: {}", reason.as_str()),
                        }));
                        out.push(Output::End(connection, Ending::HangUp));
                    }
                }
                Effect::Heard { topic, payload } => self.devices_hear(&topic, &payload, now.at),
            }
        }
        out
    }

    fn devices_hear(&mut self, topic: &str, payload: &Bytes, now: Instant) {
        let heard = self
            .devices
            .iter()
            .enumerate()
            .find_map(|(index, device)| device.suffix_of(topic).map(|suffix| (index, suffix.to_owned())));
        let Some((device, suffix)) = heard.filter(|(index, _)| self.is_online(*index, now)) else { return };
        let (shortest, longest) = (*self.settings.round_trip.start(), *self.settings.round_trip.end());
        let took = shortest + longest.saturating_sub(shortest).mul_f64(self.rng.f64());
        self.defer(now + took, Deferred::Ask { device, suffix, payload: payload.clone() });
    }

    fn live(&mut self, now: Now) {
        self.beat = now.at + if self.settings.model_speed > 0.0 { HEARTBEAT } else { RARE_HEARTBEAT };
        let lived = now.at.saturating_since(self.started.at).as_secs_f64() * self.settings.model_speed;
        let today = date(&self.zone, now);
        for device in &mut self.devices {
            device.live_until(lived, today);
        }
    }

    /// Until it is thawed: on a busy machine that comes late, and who was let in meanwhile would be thrown out by it.
    fn is_frozen(&self) -> bool {
        self.troubles.frozen.is_some()
    }

    fn defer(&mut self, at: Instant, deferred: Deferred) {
        let number = self.number();
        self.deferred.insert((at, number), deferred);
    }

    fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
}

/// The next moment at which the wall clock is a multiple of `every`, at least half of it from now: a timer that fires a
/// moment too early must not fire twice.
fn curfew_after(every: Duration, now: Now) -> Instant {
    let every = every.as_secs_f64().max(1.0);
    let left = every - now.unix_seconds().rem_euclid(every);
    let left = if left < every / 2.0 { left + every } else { left };
    now.at + Duration::from_secs_f64(left)
}

fn date(zone: &TimeZone, now: Now) -> Date {
    jiff::Timestamp::try_from(now.wall).unwrap_or_default().to_zoned(zone.clone()).date()
}

#[cfg(test)]
mod tests;
