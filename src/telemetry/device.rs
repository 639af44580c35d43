//! The metrics of one device.
//! Knows no quantity: readings are the store's.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::Families;
use super::values::{Gauge, Histogram, IntCounter, IntCounterVec};
use crate::clock::Now;

/// One who speaks at a broker: nothing is asked of it, and so nothing is shown of requests.
#[derive(Debug)]
pub struct Speaker {
    messages: IntCounter,
    last_seen: Gauge,
}

impl Speaker {
    pub(super) fn new(
        families: &Families,
        connection: &str,
        device: &str,
        interval: Option<Duration>,
    ) -> Self {
        let labels = [connection, device];
        if let Some(interval) = interval {
            families.device_expected_interval.with_label_values(&labels).set(interval.as_secs_f64());
        }
        Self {
            messages: families.device_messages.with_label_values(&labels),
            last_seen: families.device_last_seen.absent(&labels),
        }
    }

    /// Removes what is shown of it.
    pub(super) fn forget(families: &Families, connection: &str, device: &str) {
        let labels = [connection, device];
        families.device_messages.forget(&labels);
        families.device_last_seen.forget(&labels);
        families.device_expected_interval.forget(&labels);
    }

    /// It spoke: one message.
    #[inline]
    pub fn heard(&self, now: Now) {
        self.messages.inc();
        self.last_seen.set(now.unix_seconds());
    }
}

/// The metrics of one device. Clones share them.
#[derive(Clone, Debug)]
pub struct DeviceMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    last_seen: Gauge,
    expected_interval: Gauge,
    messages: IntCounter,
    field_errors: IntCounterVec,
    request_duration: Histogram,
    request_timeouts: IntCounter,
    commands: IntCounterVec,
    connection: String,
    device: String,
}

impl DeviceMetrics {
    pub(super) fn new(families: &Families, connection: &str, device: &str) -> Self {
        let labels = [connection, device];
        Self(Arc::new(Handles {
            last_seen: families.device_last_seen.absent(&labels),
            expected_interval: families.device_expected_interval.absent(&labels),
            messages: families.device_messages.with_label_values(&labels),
            field_errors: families.device_field_errors.clone(),
            request_duration: families.device_request_duration.with_label_values(&labels),
            request_timeouts: families.device_request_timeouts.with_label_values(&labels),
            commands: families.device_commands.clone(),
            connection: connection.to_owned(),
            device: device.to_owned(),
        }))
    }

    /// It spoke: one message.
    pub fn seen(&self, now: Now) {
        self.0.messages.inc();
        self.0.last_seen.set(now.unix_seconds());
    }

    /// How often it should speak.
    pub fn expected_interval(&self, interval: Duration) {
        self.0.expected_interval.set(interval.as_secs_f64());
    }

    /// A field could not be read.
    ///
    /// The series of a field appears with its first error: a heater has over a hundred fields, and an alert on
    /// any value above zero needs no earlier zero.
    pub fn field_error(&self, field: &'static str) {
        let labels = [self.0.connection.as_str(), self.0.device.as_str(), field];
        self.0.field_errors.with_label_values(&labels).inc();
    }

    /// A request was answered.
    pub fn request_answered(&self, took: Duration) {
        self.0.request_duration.observe(took.as_secs_f64());
    }

    /// A request was not answered in time.
    pub fn request_timed_out(&self) {
        self.0.request_timeouts.inc();
    }

    /// The fate of a command is known.
    pub fn command(&self, command: &'static str, fate: &'static str) {
        let labels = [self.0.connection.as_str(), self.0.device.as_str(), command, fate];
        self.0.commands.with_label_values(&labels).inc();
    }
}
