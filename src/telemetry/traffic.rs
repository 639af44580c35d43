//! The counters of what flows through one connection.
//! Holds no lock and looks nothing up on the way of a message: one atomic each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::Loss;
use super::metrics::Families;
use super::values::{Gauge, GaugeVec, Histogram, IntCounter, IntCounterVec};
use crate::clock::Now;
use crate::host::TcpInfo;
use crate::source::Outcome;

/// Messages that were heard together: counted here first, so that a flood does not pay an atomic or four for each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    received: [u64; 3],
    bytes: u64,
    decoded: u64,
    ignored: u64,
    malformed: u64,
    oversize: u64,
}

impl Tally {
    /// A message of this size arrived, and the source made this of it.
    pub fn add(&mut self, qos: u8, bytes: usize, outcome: Outcome) {
        if let Some(received) = self.received.get_mut(usize::from(qos)) {
            *received += 1;
        }
        self.bytes += bytes as u64;
        match outcome {
            Outcome::Decoded => self.decoded += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::Malformed => self.malformed += 1,
            Outcome::Oversize => self.oversize += 1,
        }
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received == [0; 3]
    }
}

/// The counters of what flows through one connection. Clones share them.
#[derive(Clone, Debug)]
pub struct Traffic(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    received: [IntCounter; 3],
    received_bytes: IntCounter,
    last_received: Gauge,
    published: [IntCounter; 3],
    decoded: IntCounter,
    ignored: IntCounter,
    malformed: IntCounter,
    oversize: IntCounter,
    queued: Gauge,
    queue_capacity: Gauge,
    in_flight: Gauge,
    /// Messages in the queue now, and all that ever had to wait in it: for the export.
    waiting: AtomicUsize,
    waited: AtomicU64,
    queue_full: IntCounter,
    expired: IntCounter,
    quarantined: IntCounter,
    refused: IntCounter,
    ping_duration: Histogram,
    tcp_rtt: Gauge,
    tcp_retransmits: IntCounter,
    /// Retransmissions of the present network connection that are counted already.
    retransmits_counted: AtomicU32,
}

impl Traffic {
    pub(super) fn new(families: &Families, connection: &str) -> Self {
        let by_qos =
            |family: &IntCounterVec| ["0", "1", "2"].map(|qos| family.with_label_values(&[connection, qos]));
        let heard = |outcome: &str| families.messages.with_label_values(&[connection, outcome]);
        let lost = |loss: Loss| families.dropped_messages.with_label_values(&[connection, loss.as_str()]);
        let gauge = |family: &GaugeVec| family.with_label_values(&[connection]);
        Self(Arc::new(Handles {
            received: by_qos(&families.received_messages),
            received_bytes: families.received_bytes.with_label_values(&[connection]),
            last_received: families.last_received.absent(&[connection]),
            published: by_qos(&families.published_messages),
            decoded: heard("decoded"),
            ignored: heard("ignored"),
            malformed: heard("malformed"),
            oversize: heard("oversize"),
            queued: gauge(&families.queued_messages),
            queue_capacity: gauge(&families.queue_capacity),
            in_flight: gauge(&families.inflight_messages),
            waiting: AtomicUsize::new(0),
            waited: AtomicU64::new(0),
            queue_full: lost(Loss::QueueFull),
            expired: lost(Loss::Expired),
            quarantined: lost(Loss::Quarantined),
            refused: lost(Loss::Refused),
            ping_duration: families.ping_duration.with_label_values(&[connection]),
            tcp_rtt: families.tcp_rtt.absent(&[connection]),
            tcp_retransmits: families.tcp_retransmits.with_label_values(&[connection]),
            retransmits_counted: AtomicU32::new(0),
        }))
    }

    /// A message of this size arrived.
    pub fn received(&self, qos: u8, bytes: usize, now: Now) {
        if let Some(counter) = self.0.received.get(usize::from(qos)) {
            counter.inc();
        }
        self.0.received_bytes.inc_by(bytes as u64);
        self.heard_from_broker(now);
    }

    /// These messages arrived.
    pub fn count(&self, tally: &Tally, now: Now) {
        let Handles { decoded, ignored, malformed, oversize, .. } = &*self.0;
        let outcomes = [
            (decoded, tally.decoded),
            (ignored, tally.ignored),
            (malformed, tally.malformed),
            (oversize, tally.oversize),
        ];
        let received = self.0.received.iter().zip(tally.received);
        for (counter, count) in received.chain(outcomes).filter(|(_, count)| *count > 0) {
            counter.inc_by(count);
        }
        self.0.received_bytes.inc_by(tally.bytes);
        self.heard_from_broker(now);
    }

    /// What the source made of a message.
    pub fn heard(&self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded => self.0.decoded.inc(),
            Outcome::Ignored => self.0.ignored.inc(),
            Outcome::Malformed => self.0.malformed.inc(),
            Outcome::Oversize => self.0.oversize.inc(),
        }
    }

    /// A message was handed to the network.
    pub fn published(&self, qos: u8) {
        if let Some(counter) = self.0.published.get(usize::from(qos)) {
            counter.inc();
        }
    }

    /// A PINGRESP arrived this long after its PINGREQ.
    pub fn pinged(&self, took: Duration, now: Now) {
        self.0.ping_duration.observe(took.as_secs_f64());
        self.heard_from_broker(now);
    }

    /// The queue holds so many.
    #[expect(clippy::cast_precision_loss, reason = "a queue is short")]
    pub fn queued(&self, messages: usize) {
        self.0.queued.set(messages as f64);
        let before = self.0.waiting.swap(messages, Ordering::Relaxed);
        self.0.waited.fetch_add(messages.saturating_sub(before) as u64, Ordering::Relaxed);
    }

    /// Messages handed to the network since the process began.
    #[must_use]
    pub fn published_so_far(&self) -> u64 {
        self.0.published.iter().map(IntCounter::get).sum()
    }

    /// Messages that had to wait in the queue since the process began.
    #[must_use]
    pub fn queued_so_far(&self) -> u64 {
        self.0.waited.load(Ordering::Relaxed)
    }

    /// Goes on from what an earlier life of the same connection counted and the registry does not keep.
    pub(crate) fn goes_on_from(&self, before: &Self) {
        self.0.waited.store(before.queued_so_far(), Ordering::Relaxed);
    }

    /// The queue may hold so many; 0 until it is said: nothing waits.
    #[expect(clippy::cast_precision_loss, reason = "a queue is short")]
    pub fn queue_capacity(&self, messages: usize) {
        self.0.queue_capacity.set(messages as f64);
    }

    /// So many wait for their acknowledgement.
    #[expect(clippy::cast_precision_loss, reason = "MQTT has 65,535 packet identifiers")]
    pub fn in_flight(&self, messages: usize) {
        self.0.in_flight.set(messages as f64);
    }

    /// A message was lost.
    pub fn lost(&self, loss: Loss) {
        match loss {
            Loss::QueueFull => self.0.queue_full.inc(),
            Loss::Expired => self.0.expired.inc(),
            Loss::Quarantined => self.0.quarantined.inc(),
            Loss::Refused => self.0.refused.inc(),
        }
    }

    /// The kernel's view of the present network connection, sampled.
    pub fn tcp(&self, info: &TcpInfo) {
        self.0.tcp_rtt.set(info.rtt.as_secs_f64());
        // The kernel counts per network connection; we count over all of them, so only the growth is added.
        let before = self.0.retransmits_counted.fetch_max(info.total_retransmits, Ordering::Relaxed);
        self.0.tcp_retransmits.inc_by(u64::from(info.total_retransmits.saturating_sub(before)));
    }

    /// A new network connection begins: the kernel counts from zero again.
    pub(super) fn network_connection_begins(&self) {
        self.0.retransmits_counted.store(0, Ordering::Relaxed);
    }

    /// The network connection is over: nothing is in flight on it and it has no round trip.
    pub(super) fn network_connection_ended(&self) {
        self.0.tcp_rtt.clear();
        self.in_flight(0);
    }

    /// Something arrived that is not a message.
    pub(super) fn heard_from_broker(&self, now: Now) {
        self.0.last_received.set(now.unix_seconds());
    }
}
