//! `hangup devices`: signs in, lists what is there, gets one answer of each, and leaves.
//!
//! Runs the same connection as the exporter, with a sink that keeps what it hears.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, mpsc};

use super::block_on;
use crate::clock;
use crate::config::{self, Config, Source};
use crate::connection::driver::{Connection, Control};
use crate::lifecycle::board::{Board, ConnectionStatus};
use crate::lifecycle::recorder::Recorder;
use crate::reading::Reading;
use crate::source::navien::{self, Navien};
use crate::source::{self, Sink};
use crate::telemetry::Metrics;

/// A heater answers within seconds; the first answer after connecting may take eight.
const PATIENCE: Duration = Duration::from_secs(30);
/// After its first answer a device gets this long for the others.
const SETTLING: Duration = Duration::from_secs(3);

/// One device that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// The connection it was found through.
    pub connection: String,
    /// What its owner called it in the vendor's app.
    pub name: String,
    /// Its key in `devices = { … }`: 12 lower-case hex digits.
    pub mac: String,
    /// The label `device` of its series.
    pub label: String,
    /// Whether the configuration gave it that label.
    pub named: bool,
    /// Whether hangup can read its family.
    pub supported: bool,
    /// Whether the cloud sees it; `None` when it does not say.
    pub online: Option<bool>,
    /// Its readings; none when it did not answer.
    pub readings: Vec<DeviceReading>,
}

/// One reading of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceReading {
    /// The metric.
    pub metric: String,
    /// Its labels but `device`.
    pub labels: BTreeMap<String, String>,
    /// Its value in the unit of the name.
    pub value: f64,
}

/// What was found, and what went wrong: a refused sign-in, no network; a sentence each that names the connection.
pub type Found = (Vec<Device>, Vec<String>);

/// Lists the devices of every configured account with a reading of each. One that cannot be asked keeps no other from it.
///
/// # Errors
/// When the program cannot start.
pub fn find(config: Config) -> Result<Found, String> {
    block_on(async {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for connection in config.connections {
            match of(&connection).await {
                Ok(devices) => found.extend(devices),
                Err(why) => faults.push(format!("connection `{}`: {why}", connection.name)),
            }
        }
        (found, faults)
    })
    .map_err(|fault| format!("cannot start: {fault}"))
}

async fn of(connection: &config::Connection) -> Result<Vec<Device>, String> {
    let connection = &beside_the_exporter(connection);
    let Source::Navien(settings) = &connection.source else {
        // Only an account lists its devices: at a broker, whoever publishes is there.
        return Ok(Vec::new());
    };
    let facts = navien::Facts::from(&connection.policy);
    let account = Navien::new(&connection.name, settings, facts).map_err(|fault| fault.to_string())?;
    let listed = account
        .devices()
        .await
        .result
        .map_err(|failure| format!("{} ({})", failure.message, failure.error))?;
    let expected: BTreeSet<String> = listed
        .iter()
        .filter(|device| device.supported && device.online != Some(false))
        .map(|device| device.label.clone())
        .collect();
    let heard = if expected.is_empty() { Readings::new() } else { listen(connection, &expected).await? };
    let device = |device: navien::Device| Device {
        connection: connection.name.clone(),
        name: device.name.chars().filter(|character| !character.is_control()).collect(),
        named: settings.devices.contains_key(&device.mac),
        readings: heard.get(&device.label).map(readings).unwrap_or_default(),
        mac: device.mac,
        label: device.label,
        supported: device.supported,
        online: device.online,
    };
    Ok(listed.into_iter().map(device).collect())
}

/// The same connection under a client id of its own, and with nothing kept at the broker: the exporter may run, and two
/// connections with one client id throw each other out.
fn beside_the_exporter(connection: &config::Connection) -> config::Connection {
    let mut visitor = connection.clone();
    visitor.policy.client_id = None;
    visitor.policy.clean_session = None;
    visitor
}

/// Connects until every expected device has spoken, or patience ends.
async fn listen(connection: &config::Connection, expected: &BTreeSet<String>) -> Result<Readings, String> {
    let prepared = source::prepare(connection)?;
    let metrics = Metrics::new();
    let labels = &prepared.labels;
    let status =
        ConnectionStatus::new(&*connection.name, labels.source, labels.transport.as_str(), clock::now());
    let recorder = Recorder::new(metrics.connection(labels), Board::default().enter(status));
    let ears = Ears::default();
    let running = Connection::new(
        &*connection.name,
        connection.policy.clone(),
        prepared.planner,
        recorder,
        Box::new(ears.clone()),
        fastrand::u64(..),
    );
    let (control, orders) = mpsc::channel(1);
    let task = tokio::spawn(running.run(orders));
    let everybody = async {
        while !expected.iter().all(|device| lock(&ears.heard).contains_key(device)) {
            ears.news.notified().await;
        }
        // Features and energy come in messages of their own, just after the first.
        tokio::time::sleep(SETTLING).await;
    };
    let _ = tokio::time::timeout(PATIENCE, everybody).await;
    let _ = control.send(Control::Stop).await;
    let _ = task.await;
    Ok(std::mem::take(&mut *lock(&ears.heard)))
}

/// Values by device and by metric with labels.
type Readings = BTreeMap<String, BTreeMap<(String, BTreeMap<String, String>), f64>>;

fn readings(of_device: &BTreeMap<(String, BTreeMap<String, String>), f64>) -> Vec<DeviceReading> {
    let reading = |((metric, labels), value): (&(String, BTreeMap<String, String>), &f64)| DeviceReading {
        metric: metric.clone(),
        labels: labels.clone(),
        value: *value,
    };
    of_device.iter().map(reading).collect()
}

/// A sink that keeps the newest value of everything it hears.
#[derive(Clone, Debug, Default)]
struct Ears {
    heard: Arc<Mutex<Readings>>,
    news: Arc<Notify>,
}

impl Sink for Ears {
    fn reading(&mut self, reading: &Reading<'_>) {
        // Whether a device is online comes from the cloud's list, not from the device.
        if reading.quantity.name == "navien_device_online" {
            return;
        }
        let labels =
            reading.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        lock(&self.heard)
            .entry(reading.device.to_owned())
            .or_default()
            .insert((reading.quantity.name.to_string(), labels), reading.value);
        self.news.notify_one();
    }

    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn devices(&mut self, _: &[&str]) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: crate::clock::Instant) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
