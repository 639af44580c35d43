//! Every metric of our own, in one table, and the page they stand on.

use std::time::Duration;

use crate::clock::Now;
use crate::connection::plan::Transport;
use crate::host::TcpInfo;
use crate::source::Outcome;

/// What is known of a connection before it connects; decides which error names it can produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLabels {
    /// The label `connection`.
    pub connection: String,
    /// Broker host, `host:port`. The label `broker` of the info metric.
    pub broker: String,
    /// `3.1.1` or `5`.
    pub protocol: &'static str,
    /// What lies under MQTT.
    pub transport: Transport,
    /// `navien`, `broker` …
    pub source: &'static str,
    /// Goes through an HTTP proxy.
    pub proxied: bool,
}

/// Why a message was lost. The label `reason` of `mqtt_client_dropped_messages_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The queue was full; the oldest went.
    QueueFull,
    /// Older than allowed when the connection came back.
    Expired,
    /// Its topic is quarantined because it provoked drops.
    Quarantined,
    /// The link refused it: too large, not a topic, or too many wait for their acknowledgement.
    Refused,
}

/// All metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: prometheus::Registry,
}

impl Metrics {
    /// A fresh set with a registry of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { registry: prometheus::Registry::new() }
    }

    /// The registry, for encoding.
    #[must_use]
    pub fn registry(&self) -> &prometheus::Registry {
        &self.registry
    }

    /// Handles for one connection; every series of a closed set exists at zero from here on.
    #[must_use]
    pub fn connection(&self, labels: &ConnectionLabels) -> ConnectionMetrics {
        let _ = labels;
        ConnectionMetrics { traffic: Traffic {} }
    }

    /// Handles for one device.
    #[must_use]
    pub fn device(&self, connection: &str, device: &str) -> DeviceMetrics {
        let _ = (connection, device);
        DeviceMetrics {}
    }

    /// Removes every series of a connection (and of its devices) that left the configuration.
    pub fn forget_connection(&self, connection: &str) {
        let _ = connection;
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The lifecycle metrics of one connection. Used by the recorder only.
#[derive(Debug)]
pub struct ConnectionMetrics {
    traffic: Traffic,
}

impl ConnectionMetrics {
    /// The counters of what flows.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

/// The counters of what flows through one connection.
#[derive(Clone, Debug)]
pub struct Traffic {}

impl Traffic {
    /// A message arrived.
    pub fn received(&self, qos: u8, bytes: usize, now: Now) {
        let _ = (qos, bytes, now);
    }
    /// What the source made of a message.
    pub fn heard(&self, outcome: Outcome) {
        let _ = outcome;
    }
    /// A message was handed to the network.
    pub fn published(&self, qos: u8) {
        let _ = qos;
    }
    /// A PINGRESP arrived.
    pub fn pinged(&self, took: Duration, now: Now) {
        let _ = (took, now);
    }
    /// The queue holds so many.
    pub fn queued(&self, messages: usize) {
        let _ = messages;
    }
    /// So many wait for their acknowledgement.
    pub fn in_flight(&self, messages: usize) {
        let _ = messages;
    }
    /// A message was lost.
    pub fn lost(&self, loss: Loss) {
        let _ = loss;
    }
    /// The kernel's view, sampled.
    pub fn tcp(&self, info: &TcpInfo) {
        let _ = info;
    }
}

/// The metrics of one device.
#[derive(Clone, Debug)]
pub struct DeviceMetrics {}

impl DeviceMetrics {
    /// It spoke.
    pub fn seen(&self, now: Now) {
        let _ = now;
    }
    /// How often it should.
    pub fn expected_interval(&self, interval: Duration) {
        let _ = interval;
    }
    /// A field could not be read.
    pub fn field_error(&self, field: &'static str) {
        let _ = field;
    }
    /// A request was answered.
    pub fn request_answered(&self, took: Duration) {
        let _ = took;
    }
    /// A request was not answered in time.
    pub fn request_timed_out(&self) {}
}
