//! The network between the two: packets take time, wait while the path is lost, and arrive in order or not at all.
//! Never looks into a packet.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hangup::clock::Instant;
use hangup::simulator::broker::ConnectionId;
use hangup::simulator::faults::Ending;
use rumqttc::mqttbytes::v4::Packet;

/// What goes to the cloud.
#[derive(Debug)]
pub(crate) enum Up {
    Packet(Packet),
    /// We closed our side.
    Fin,
}

/// What comes from the cloud.
#[derive(Debug)]
pub(crate) enum Down {
    Packet(Packet),
    /// Bytes that are no MQTT.
    Raw(Bytes),
    Text,
    End(Ending),
}

/// One network connection.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Which machine (a reload makes a new one) and which of its attempts it belongs to.
    pub(crate) owner: (u32, u64),
    /// The cloud's name for it, from the upgrade on.
    pub(crate) cloud: Option<ConnectionId>,
    /// Our socket is open.
    pub(crate) ours: bool,
    /// The cloud's socket is open.
    pub(crate) theirs: bool,
    /// Its path is dead, and then it is reset.
    pub(crate) dead_until: Option<Instant>,
    pub(crate) up: VecDeque<(Instant, Up)>,
    pub(crate) down: VecDeque<(Instant, Down)>,
}

impl Wire {
    pub(crate) fn new(owner: (u32, u64)) -> Self {
        Self {
            owner,
            cloud: None,
            ours: true,
            theirs: true,
            dead_until: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
        }
    }

    /// Nobody holds it any more and nothing is under way.
    pub(crate) fn is_forgotten(&self) -> bool {
        !self.ours && !self.theirs && self.up.is_empty() && self.down.is_empty()
    }
}

/// The first in line if its time has come.
pub(crate) fn arrived<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<T> {
    if queue.front()?.0 <= now { queue.pop_front().map(|(_, what)| what) } else { None }
}

/// The path that all connections share.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) lost_until: Instant,
    pub(crate) slow: Duration,
    pub(crate) slow_until: Instant,
    pub(crate) rng: fastrand::Rng,
}

impl Path {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            lost_until: Instant::default(),
            slow: Duration::ZERO,
            slow_until: Instant::default(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// How long something takes that leaves now.
    pub(crate) fn latency(&mut self, now: Instant) -> Duration {
        let slow = if now < self.slow_until { self.slow } else { Duration::ZERO };
        Duration::from_micros(self.rng.u64(5_000..120_000)) + slow.mul_f64(self.rng.f64())
    }

    /// Until when nothing gets through, if so.
    pub(crate) fn lost(&self, now: Instant) -> Option<Instant> {
        (now < self.lost_until).then_some(self.lost_until)
    }

    /// Until when nothing gets through on this connection.
    pub(crate) fn blocked(&self, wire: &Wire, now: Instant) -> Option<Instant> {
        self.lost(now).max(wire.dead_until.filter(|until| now < *until))
    }
}
