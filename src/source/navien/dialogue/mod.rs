//! The conversation with the heaters of one account during one session: what is asked when, what answers mean,
//! and how a heater that is away is told from a session that is dead.
//!
//! Never reads a clock and never touches a socket: time comes in, wants go out. Pure.
//!
//! A healthy session says nothing about a heater: one that is offline simply does not answer. So the cloud is asked
//! every five minutes or sooner, and when two questions in a row went unanswered, whether it sees the heater. Only when it
//! does, nobody of the account said a word meanwhile and a third question failed, the session is given up. Each
//! session that ends so doubles the patience of the next one: a heater that never answers must not cost a
//! reconnect every minute.

mod ask;
mod heater;
mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::command;
use super::decode::energy::{self, Day};
use super::decode::{feature, status};
use super::devices::Entry;
use super::requests::{Asker, Kind};
use super::wire::{self, Content, Message};
use crate::clock::{Instant, Now};
use crate::connection::message::{Incoming, Outgoing};
use crate::connection::order::{Refusal, Verdict, Worded};
use crate::source::{Command, Dialogue, Inventory, Outcome, Sink, Want};
use heater::Heater;
use orders::Orders;

/// The cloud is asked about the heaters at least this often …
const LONGEST_LOOK_UP_INTERVAL: Duration = Duration::from_secs(300);
/// … or once in so many status questions.
const STATUSES_A_LOOK_UP: u32 = 5;
/// A look-up that was not answered by then is forgotten.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(90);
/// So many unanswered status questions in a row ask for a look-up …
const MISSED_FOR_LOOK_UP: u32 = 2;
/// … and so many, doubled with every mute session, for a new session.
const MISSED_FOR_RECONNECT: u32 = 3;
/// A dead broker is found out by its missing PINGRESP within the keep-alive and this long. Until then the silence of
/// heaters proves nothing, and a session given up for it would hide a drop behind a close.
const PING_COMES_FIRST: Duration = Duration::from_secs(15);
/// Heaters begin this far apart: AWS takes 100 publishes a second and 100 unacknowledged ones.
const STAGGER: Duration = Duration::from_millis(250);

/// How the conversation is led.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Between two status questions.
    pub status_interval: Duration,
    /// Between two feature questions.
    pub features_interval: Duration,
    /// Between two energy questions.
    pub energy_interval: Duration,
    /// How long to wait for an answer. The first one after connecting takes up to 8 s, later ones up to 4 s.
    pub request_limit: Duration,
    /// The MQTT keep-alive: silence for less than that is for the PINGRESP to explain.
    pub keep_alive: Duration,
    /// Whether diagnostic readings are wanted, and the diagnostics asked for.
    pub diagnostic: bool,
}

impl Manner {
    /// How often the cloud is asked about the heaters, and a heater that is away for its status. Five minutes by
    /// default; sooner where the status is asked for more often than once a minute.
    #[must_use]
    pub fn look_up_interval(&self) -> Duration {
        (self.status_interval * STATUSES_A_LOOK_UP).min(LONGEST_LOOK_UP_INTERVAL)
    }

    /// How long the cloud's word on a heater may be shown: two look-ups may fail.
    #[must_use]
    pub fn online_lifetime(&self) -> Duration {
        self.look_up_interval().mul_f64(2.5)
    }

    /// How long a reading may be shown: one answer may fail and the next be late. A status that is asked for more
    /// often than once a minute still stays for three minutes, so that a short outage leaves no gap.
    #[must_use]
    pub fn lifetime(&self, kind: Kind) -> Duration {
        let (interval, least) = match kind {
            Kind::Status => (self.status_interval, Duration::from_secs(180)),
            Kind::Features | Kind::Diagnostics => (self.features_interval, Duration::ZERO),
            Kind::Energy => (self.energy_interval, Duration::ZERO),
        };
        (interval.mul_f64(2.5) + self.request_limit).max(least)
    }
}

/// What outlives a session.
#[derive(Debug, Default)]
pub struct Memories {
    /// By MAC.
    heaters: BTreeMap<String, HeaterMemory>,
    /// Sessions in a row that were given up because nobody answered.
    mute_sessions: u32,
}

#[derive(Debug, Default)]
struct HeaterMemory {
    status: status::Memory,
    feature: feature::Memory,
    energy: energy::Memory,
}

/// The conversation of one session.
pub struct Conversation {
    asker: Asker,
    manner: Manner,
    /// The time zone that tells which day it is.
    zone: jiff::tz::TimeZone,
    rng: fastrand::Rng,
    heaters: Vec<Heater>,
    memories: Arc<Mutex<Memories>>,
    begun: bool,
    /// When anybody of the account was last heard.
    heard: Option<Instant>,
    look_up: LookUp,
    replan: Option<(&'static str, Instant)>,
    /// Heaters that the last list did not hold: one list may be wrong.
    vanished: BTreeSet<String>,
    /// The command that was sent last.
    orders: Orders,
}

/// The question to the cloud about the heaters.
#[derive(Debug)]
struct LookUp {
    due: Instant,
    sent: Option<Instant>,
    /// When the cloud last answered, or could not.
    settled: Instant,
}

/// What a conversation starts from.
pub struct Start {
    /// Who asks.
    pub asker: Asker,
    /// How.
    pub manner: Manner,
    /// The heaters, each with its label.
    pub heaters: Vec<(Entry, String)>,
    /// When the list of heaters was had.
    pub listed: Instant,
    /// The time zone that tells which day it is.
    pub zone: jiff::tz::TimeZone,
    /// What outlives a session.
    pub memories: Arc<Mutex<Memories>>,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Conversation {
    /// A conversation that begins with [`Dialogue::restored`].
    #[must_use]
    pub fn new(start: Start) -> Self {
        let heaters = start.heaters.into_iter().map(|(entry, label)| Heater::new(entry, label)).collect();
        let look_up =
            LookUp { due: start.listed + start.manner.look_up_interval(), sent: None, settled: start.listed };
        Self {
            asker: start.asker,
            manner: start.manner,
            zone: start.zone,
            rng: fastrand::Rng::with_seed(start.seed),
            heaters,
            memories: start.memories,
            begun: false,
            heard: None,
            look_up,
            replan: None,
            vanished: BTreeSet::new(),
            orders: Orders::default(),
        }
    }

    fn today(&self, now: Now) -> Option<Day> {
        let date = jiff::Timestamp::try_from(now.wall).ok()?.to_zoned(self.zone.clone()).date();
        Some(Day { year: date.year(), month: date.month(), day: date.day() })
    }

    /// A session of no use: a heater that the cloud sees is mute, and so is every other one.
    fn is_mute(&mut self, now: Instant) -> bool {
        let sessions = lock(&self.memories).mute_sessions;
        let patience = MISSED_FOR_RECONNECT << sessions.min(5);
        let (heard, settled) = (self.heard, self.look_up.settled);
        let least = self.manner.keep_alive + PING_COMES_FIRST;
        self.heaters.iter_mut().filter(|heater| heater.entry.online == Some(true)).any(|heater| {
            heater.status().is_some_and(|status| {
                status.missed() >= patience
                    && status.first_missed().is_some_and(|first| {
                        settled > first
                            && now.saturating_since(first) >= least
                            && heard.is_none_or(|heard| heard < first)
                    })
            })
        })
    }

    fn look_up_if_due(&mut self, now: Instant, wants: &mut Vec<Want>) {
        if self.look_up.sent.is_some_and(|sent| now >= sent + LOOK_UP_LIMIT) {
            self.look_up.sent = None;
            self.look_up.settled = now;
        }
        if self.look_up.sent.is_none() && now >= self.look_up.due {
            self.look_up.sent = Some(now);
            let interval = self.manner.look_up_interval();
            self.look_up.due = now + interval.mul_f64(0.95 + 0.1 * self.rng.f64());
            wants.push(Want::LookUp);
        }
    }
}

impl Dialogue for Conversation {
    fn restored(&mut self, now: Now, sink: &mut dyn Sink) {
        self.begun = true;
        sink.devices(&self.heaters.iter().map(|heater| heater.label.as_str()).collect::<Vec<_>>());
        let present = |mac: &String| self.heaters.iter().any(|heater| heater.entry.mac == *mac);
        lock(&self.memories).heaters.retain(|mac, _| present(mac));
        let mut starts = now.at;
        for heater in &mut self.heaters {
            heater.begin(starts, &self.manner, self.rng.f64(), sink);
            starts = starts + STAGGER;
        }
        // A list from before an outage is soon asked for again, but not in the midst of the first questions.
        let soon = now.at + Duration::from_secs(15);
        self.look_up.due = self.look_up.due.max(soon);
    }

    fn deadline(&self) -> Option<Instant> {
        if !self.begun {
            return None;
        }
        let look_up = self.look_up.sent.map_or(self.look_up.due, |sent| sent + LOOK_UP_LIMIT);
        let replan = self.replan.map(|(_, at)| at);
        let heaters = self.heaters.iter().filter_map(|heater| heater.deadline(&self.manner));
        heaters.chain(replan).chain([look_up]).min()
    }

    fn due(&mut self, now: Now, sink: &mut dyn Sink, wants: &mut Vec<Want>) {
        if !self.begun {
            return;
        }
        if let Some((reason, _)) = self.replan.take() {
            wants.push(Want::Replan(reason));
        }
        for heater in &mut self.heaters {
            let missed = heater.give_up(now.at, &self.manner, sink);
            if missed == Some(MISSED_FOR_LOOK_UP) {
                self.look_up.due = now.at;
            }
        }
        self.look_up_if_due(now.at, wants);
        if self.is_mute(now.at) {
            lock(&self.memories).mute_sessions += 1;
            for heater in &mut self.heaters {
                if let Some(status) = heater.status() {
                    status.forgive();
                }
            }
            wants.push(Want::Reconnect("heaters that the cloud sees do not answer"));
            return;
        }
        let today = self.today(now);
        for heater in &mut self.heaters {
            if now.at < heater.starts {
                continue;
            }
            if !heater.announced {
                heater.announced = true;
                wants.push(Want::Publish(self.asker.announce(&heater.entry, now)));
            }
            for kind in heater.turns(now.at, &self.manner, || self.rng.f64()) {
                match self.asker.ask(&heater.entry, kind, today) {
                    Some(question) => wants.push(Want::Publish(question)),
                    // It cannot be asked: nothing is awaited, and the next turn comes all the same.
                    None => heater.cannot_ask(kind),
                }
            }
        }
    }

    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome {
        if message.payload.len() > wire::MAX_PAYLOAD {
            return Outcome::Oversize;
        }
        let spoken = match wire::recognise(&message.topic, &message.payload, &self.asker.client_id) {
            Message::Device(spoken) => spoken,
            Message::NotForUs => return Outcome::Ignored,
            Message::Malformed => return Outcome::Malformed,
        };
        let today = self.today(now);
        let Some(heater) = self.heaters.iter_mut().find(|heater| heater.entry.mac == spoken.mac) else {
            return Outcome::Ignored;
        };
        if let Content::Presence { online } = spoken.content {
            heater.told_online(Some(online), now.at, &self.manner, sink);
            return Outcome::Decoded;
        }
        self.orders.heard(&spoken, &self.asker.session_id);
        self.heard = Some(now.at);
        heater.seen(now.at, &self.manner, sink);
        let mut memories = lock(&self.memories);
        memories.mute_sessions = 0;
        let answered = heater.decode(&spoken.content, today, &mut memories, &self.manner, sink);
        drop(memories);
        match (answered, &spoken.content) {
            (Some(kind), _) => {
                if spoken.ours {
                    heater.answered(kind, now.at, sink);
                }
                Outcome::Decoded
            }
            (None, Content::Firmware(_)) => Outcome::Decoded,
            (None, _) => Outcome::Ignored,
        }
    }

    fn inventory(&mut self, inventory: Option<&Inventory>, now: Now, sink: &mut dyn Sink) {
        self.look_up.sent = None;
        self.look_up.settled = now.at;
        // Without an answer, what was known before stands.
        let Some(inventory) = inventory else { return };
        for heater in &mut self.heaters {
            if let Some(listed) = inventory.devices.iter().find(|listed| listed.key == heater.entry.mac) {
                heater.told_online(listed.online, now.at, &self.manner, sink);
            }
        }
        let ours: BTreeSet<&str> = self.heaters.iter().map(|heater| heater.entry.mac.as_str()).collect();
        let listed: BTreeSet<&str> = inventory.devices.iter().map(|listed| listed.key.as_str()).collect();
        let gone: BTreeSet<String> = ours.difference(&listed).map(|mac| (*mac).to_owned()).collect();
        if !listed.is_subset(&ours) {
            self.replan = Some(("the account has a new heater", now.at));
        } else if gone.intersection(&self.vanished).next().is_some() {
            self.replan = Some(("a heater left the account", now.at));
        }
        self.vanished = gone;
    }

    fn word(&self, device: &str, command: &Command, now: Now) -> Result<Worded, Refusal> {
        let Command::Navien(command) = command;
        let heater = self.heaters.iter().find(|heater| heater.label == device);
        let heater = heater.ok_or(Refusal::NoSuchDevice)?;
        let memories = lock(&self.memories);
        let abilities =
            memories.heaters.get(&heater.entry.mac).and_then(|one| one.feature.abilities.as_ref());
        command::check(command, abilities)?;
        let message = self.asker.order(&heater.entry, command, self.today(now)).ok_or(Refusal::NotSent)?;
        let rest = if command.changes() { orders::REST } else { Duration::ZERO };
        Ok(Worded { message, patience: self.manner.request_limit, rest })
    }

    fn commanded(&mut self, device: &str, command: &Command) {
        let Command::Navien(command) = command;
        if let Some(heater) = self.heaters.iter().find(|heater| heater.label == device) {
            self.orders.sent(&heater.entry.mac, command.question());
        }
    }

    fn verdict(&mut self) -> Option<Verdict> {
        self.orders.verdict()
    }

    fn farewell(&mut self, _now: Now) -> Vec<Outgoing> {
        let announced = self.heaters.iter().filter(|heater| heater.announced);
        announced.map(|heater| self.asker.good_bye(&heater.entry)).collect()
    }
}

/// A poisoned lock still holds usable memories.
fn lock(memories: &Mutex<Memories>) -> std::sync::MutexGuard<'_, Memories> {
    memories.lock().unwrap_or_else(PoisonError::into_inner)
}
