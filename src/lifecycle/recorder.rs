//! The only place where lifecycle becomes numbers, log lines and history.

use std::sync::{Arc, Mutex};

use super::Event;
use super::board::ConnectionStatus;
use crate::clock::Now;
use crate::telemetry::{ConnectionMetrics, Traffic};

/// Records the life of one connection.
#[derive(Debug)]
pub struct Recorder {
    metrics: ConnectionMetrics,
    status: Arc<Mutex<ConnectionStatus>>,
}

impl Recorder {
    /// A recorder that writes to these metrics and this entry of the board.
    #[must_use]
    pub fn new(metrics: ConnectionMetrics, status: Arc<Mutex<ConnectionStatus>>) -> Self {
        Self { metrics, status }
    }

    /// Records one fact.
    pub fn record(&mut self, event: Event, now: Now) {
        let _ = (event, now, &self.status);
    }

    /// The counters of what flows; not lifecycle, so not an event each.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        self.metrics.traffic()
    }
}
