//! Where a dialogue's findings go: readings to the store, facts about devices to their metrics.
//!
//! One per connection; reads the clock at this edge, so that what lies behind it need not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::store::{Feed, Series, Store};
use super::{Part, Quantity, Reading, Refused};
use crate::clock::{self, Instant, Now};
use crate::commands::Directory;
use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::testimony::{Said, Testimony};
use crate::mapping::Reason;
use crate::source::Sink;
use crate::source::fleet::{self, Fate, Standing, Told, What};
use crate::telemetry::{DeviceMetrics, FleetMetrics, MappingMetrics, Metrics, Speaker};

/// The sink of one connection.
#[derive(Debug)]
pub struct Ingest {
    connection: String,
    store: Arc<Store>,
    feed: Feed,
    metrics: Arc<Metrics>,
    devices: HashMap<String, DeviceMetrics>,
    directory: Option<Directory>,
    mapping: Option<MappingMetrics>,
    fleet: Option<Fleet>,
}

/// Where it goes what a broker says of its clients.
#[derive(Debug)]
struct Fleet {
    metrics: FleetMetrics,
    status: Arc<Mutex<ConnectionStatus>>,
    testimony: Testimony,
    /// As it was told last.
    standing: Standing,
}

impl Fleet {
    fn stands(&mut self, standing: Standing) {
        self.standing = standing;
        self.metrics.stands(standing);
    }

    fn show(&self, change: impl FnOnce(&mut Option<Arc<fleet::View>>)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner).fleet);
    }

    /// Nobody hears of the clients any more: what was so a moment ago is not said to be so for the whole outage.
    fn is_unheard(&mut self) {
        self.stands(self.standing.unheard());
        self.show(|view| *view = view.as_ref().map(|view| Arc::new(view.unheard())));
    }
}

impl Ingest {
    /// A sink for the connection of this name.
    #[must_use]
    pub fn new(connection: &str, store: Arc<Store>, metrics: Arc<Metrics>) -> Self {
        let feed = store.feed(connection);
        Self {
            connection: connection.to_owned(),
            store,
            feed,
            metrics,
            devices: HashMap::new(),
            directory: None,
            mapping: None,
            fleet: None,
        }
    }

    /// The same for a connection with subscriptions of the configuration: what comes to nothing is counted from zero on.
    #[must_use]
    pub fn mapped(mut self) -> Self {
        self.mapping = Some(self.metrics.mapping(&self.connection));
        self
    }

    /// The same, which also tells this directory what devices there are.
    #[must_use]
    pub fn listed_in(mut self, directory: Directory) -> Self {
        self.directory = Some(directory);
        self
    }

    /// The same, which shows in this entry of the board what the broker says of its clients, and tells those of them that
    /// are our own. These clients have metrics of their own.
    #[must_use]
    pub fn watching<'a>(
        mut self,
        named: impl Iterator<Item = &'a str>,
        status: Arc<Mutex<ConnectionStatus>>,
        testimony: Testimony,
    ) -> Self {
        let metrics = self.metrics.fleet(&self.connection, named);
        self.fleet = Some(Fleet { metrics, status, testimony, standing: Standing::default() });
        self
    }

    fn listens(&self, listens: bool) {
        if let Some(fleet) = &self.fleet {
            fleet.testimony.listens(&self.connection, listens);
        }
    }

    fn device(&mut self, device: &str) -> &DeviceMetrics {
        let (metrics, connection) = (&self.metrics, &self.connection);
        self.devices.entry(device.to_owned()).or_insert_with(|| metrics.device(connection, device))
    }
}

impl Sink for Ingest {
    fn reading(&mut self, reading: &Reading<'_>) {
        self.store.put(&self.feed, reading, clock::now().at);
    }

    fn series(
        &mut self,
        quantity: &Quantity,
        part: Part,
        device: &str,
        labels: &[(&str, &str)],
        now: Now,
    ) -> Result<Series, Refused> {
        self.store.series(&self.feed, quantity, part, device, labels, now.at)
    }

    fn devices(&mut self, devices: &[&str]) {
        if let Some(directory) = &self.directory {
            directory.list(devices);
        }
        let (metrics, connection) = (&self.metrics, &self.connection);
        self.devices.retain(|device, _| {
            let stays = devices.contains(&device.as_str());
            if !stays {
                metrics.forget_device(connection, device);
            }
            stays
        });
    }

    fn device_seen(&mut self, device: &str) {
        self.device(device).seen(clock::now());
    }

    fn expected_interval(&mut self, device: &str, interval: Duration) {
        self.device(device).expected_interval(interval);
    }

    fn field_error(&mut self, device: &str, field: &'static str) {
        self.device(device).field_error(field);
    }

    fn request_answered(&mut self, device: &str, took: Duration) {
        self.device(device).request_answered(took);
    }

    fn request_timed_out(&mut self, device: &str) {
        self.device(device).request_timed_out();
    }

    fn command(&mut self, device: &str, command: &'static str, fate: &'static str) {
        self.device(device).command(command, fate);
    }

    fn speaker(&mut self, device: &str, interval: Option<Duration>) -> Option<Speaker> {
        Some(self.metrics.speaker(&self.connection, device, interval))
    }

    fn forget_speaker(&mut self, device: &str) {
        self.metrics.forget_speaker(&self.connection, device);
    }

    fn mapping_error(&mut self, reason: Reason) {
        let (metrics, connection) = (&self.metrics, &self.connection);
        self.mapping.get_or_insert_with(|| metrics.mapping(connection)).error(reason);
    }

    fn presence(&mut self, event: &fleet::Event<'_>, told: Told) {
        let Some(fleet) = &self.fleet else { return };
        fleet.metrics.event(told.fate);
        if told.fate == Fate::Duplicate {
            return;
        }
        let (connected, dropped) = match event.what {
            What::Connected => {
                fleet.metrics.connected();
                (true, false)
            }
            What::Disconnected(reason, by) => {
                fleet.metrics.disconnected(reason, by, told.lasted);
                let said = Said { at: clock::now(), reason };
                fleet.testimony.tell(&self.connection, &event.client, said);
                (false, reason.is_drop(by))
            }
        };
        let stands = (told.fate != Fate::OutOfOrder).then_some(connected);
        fleet.metrics.named(&event.client, stands, dropped);
    }

    fn presence_malformed(&mut self) {
        self.fleet.iter().for_each(|fleet| fleet.metrics.malformed());
    }

    fn fleet_stands(&mut self, standing: Standing) {
        self.fleet.iter_mut().for_each(|fleet| fleet.stands(standing));
    }

    fn fleet(&mut self, view: &Arc<fleet::View>) {
        if let Some(fleet) = &self.fleet {
            fleet.show(|shown| *shown = Some(Arc::clone(view)));
        }
    }

    fn link_up(&mut self) {
        self.listens(true);
        self.feed.up();
    }

    fn link_down(&mut self, since: Instant) {
        self.listens(false);
        self.fleet.iter_mut().for_each(Fleet::is_unheard);
        self.feed.down(since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_left_its_account_leaves_no_metrics() {
        let metrics = Arc::new(Metrics::new());
        let store = Arc::new(Store::new(10, metrics.exporter()));
        let mut ingest = Ingest::new("home", store, Arc::clone(&metrics));
        for device in ["cellar", "attic"] {
            ingest.device_seen(device);
            ingest.expected_interval(device, Duration::from_secs(60));
        }
        ingest.devices(&["attic"]);
        let families = metrics.registry().gather();
        let named = |device: &str| {
            let of = |family: &&prometheus::proto::MetricFamily| {
                family.get_metric().iter().any(|m| m.get_label().iter().any(|label| label.value() == device))
            };
            families.iter().filter(of).count()
        };
        assert_eq!(named("cellar"), 0);
        assert!(named("attic") > 3);
    }
}
