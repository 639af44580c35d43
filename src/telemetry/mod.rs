//! Every metric of our own, in one table, and the page they stand on.
//! Never uses a global registry: two sets in one process do not meet.

mod bridge;
pub mod catalogue;
pub mod choice;
mod closed;
mod connection;
mod device;
pub mod encode;
mod exporter;
mod family;
mod fleet;
mod labels;
mod mapping;
mod metrics;
mod process;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
mod traffic;
mod values;

pub(crate) use connection::Accepted;
pub use connection::{ConnectionMetrics, FindingGauges};
pub use device::{DeviceMetrics, Speaker};
pub use exporter::ExporterMetrics;
pub use fleet::FleetMetrics;
pub use mapping::MappingMetrics;
pub use traffic::{Tally, Traffic};

use std::time::Duration;

use crate::clock::{Now, now};
use crate::connection::plan::Transport;
use family::Shown;
use metrics::Families;

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
    /// Asks somebody for its credentials, over HTTP. Else they lie in files and in the configuration.
    pub signs_in: bool,
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
    families: Families,
    /// In the order of the page.
    shown: Vec<Box<dyn Shown>>,
    process: prometheus::Registry,
    exporter: ExporterMetrics,
    started: Now,
}

impl Metrics {
    /// A fresh set with a registry of its own; the process starts now.
    #[must_use]
    pub fn new() -> Self {
        Self::started(now())
    }

    /// The same for a process that started then.
    #[must_use]
    pub fn started(started: Now) -> Self {
        let registry = prometheus::Registry::new();
        let families = Families::register(&registry);
        let process = prometheus::Registry::new();
        process::register(&registry);
        process::register(&process);
        let exporter = ExporterMetrics::new(&families);
        let shown = families.shown();
        Self { registry, families, shown, process, exporter, started }
    }

    /// The registry, for encoding.
    #[must_use]
    pub fn registry(&self) -> &prometheus::Registry {
        &self.registry
    }

    /// Every family of ours, in the order of the page.
    fn shown(&self) -> Vec<Box<dyn Shown>> {
        self.shown.iter().map(|family| family.again()).collect()
    }

    /// What the system says of this process.
    fn process(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.process.gather()
    }

    /// Handles for one connection; every series of a closed set exists at zero from here on.
    #[must_use]
    pub fn connection(&self, labels: &ConnectionLabels) -> ConnectionMetrics {
        ConnectionMetrics::new(&self.families, labels, self.started)
    }

    /// Handles for one device.
    #[must_use]
    pub fn device(&self, connection: &str, device: &str) -> DeviceMetrics {
        DeviceMetrics::new(&self.families, labels::cut(connection), labels::cut(device))
    }

    /// Handles for one who speaks at a broker.
    #[must_use]
    pub fn speaker(&self, connection: &str, device: &str, interval: Option<Duration>) -> Speaker {
        Speaker::new(&self.families, labels::cut(connection), labels::cut(device), interval)
    }

    /// Removes what is shown of one who spoke at a broker.
    pub fn forget_speaker(&self, connection: &str, device: &str) {
        Speaker::forget(&self.families, labels::cut(connection), labels::cut(device));
    }

    /// Handles for what comes to nothing of a connection's messages.
    #[must_use]
    pub fn mapping(&self, connection: &str) -> MappingMetrics {
        MappingMetrics::new(&self.families, labels::cut(connection))
    }

    /// Handles for what the broker says of its clients, on this connection; these clients have metrics of their own.
    #[must_use]
    pub fn fleet<'a>(&self, connection: &str, named: impl Iterator<Item = &'a str>) -> FleetMetrics {
        FleetMetrics::new(&self.families, labels::cut(connection), named)
    }

    /// Handles for the exporter itself.
    #[must_use]
    pub fn exporter(&self) -> ExporterMetrics {
        self.exporter.clone()
    }

    /// Removes every series of a connection (and of its devices) that left the configuration.
    ///
    /// Call it when the connection's task is over: a handle that still counts could bring a series back.
    pub fn forget_connection(&self, connection: &str) {
        self.families.forget_connection(labels::cut(connection));
    }

    /// Removes the series of a device that left its account.
    pub fn forget_device(&self, connection: &str, device: &str) {
        self.families.forget_device(labels::cut(connection), labels::cut(device));
    }

    /// Removes the series of a connection's devices: its new configuration may name others.
    pub fn forget_devices(&self, connection: &str) {
        self.families.forget_devices(labels::cut(connection));
    }

    /// Removes what a connection's broker said of its clients: its new configuration may listen to others, or to nobody.
    pub fn forget_clients(&self, connection: &str) {
        self.families.forget_clients(labels::cut(connection));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
