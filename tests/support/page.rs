//! A page that was read, and questions to it.
//!
//! Every page of every test goes through the strict reader: there is no lenient way in.

use super::openmetrics::{self, Family, Labels, Sample};

/// One scrape in OpenMetrics.
#[derive(Debug)]
pub struct Page {
    families: Vec<Family>,
}

impl Page {
    /// Reads a page; a breach of the standard fails the test.
    pub fn read(text: &str) -> Self {
        match openmetrics::parse(text) {
            Ok(families) => Self { families },
            Err(why) => panic!("not OpenMetrics: {why}"),
        }
    }

    /// Samples with this name whose labels include `labels`.
    pub fn samples(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let fits = |all: &Labels| {
            labels.iter().all(|(key, value)| all.get(*key).is_some_and(|is| is.as_str() == *value))
        };
        let all = self.families.iter().flat_map(|family| &family.samples);
        all.filter(|sample| sample.name == name && fits(&sample.labels)).collect()
    }

    /// The sum of those samples; 0 when there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples(name, labels).iter().map(|sample| sample.value).sum()
    }

    /// The only such sample.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        match self.samples(name, labels).as_slice() {
            [only] => only.value,
            several => panic!("{name} {labels:?}: {} series", several.len()),
        }
    }

    /// Drops so far by error name, without the zeros.
    pub fn drops(&self, connection: &str) -> Vec<(String, f64)> {
        self.samples("mqtt_client_connection_drops_total", &[("connection", connection)])
            .into_iter()
            .filter(|sample| sample.value > 0.0)
            .map(|sample| (sample.labels.get("error").cloned().unwrap_or_default(), sample.value))
            .collect()
    }

    /// Explained drops so far by cause and evidence, without the zeros.
    pub fn causes(&self, connection: &str) -> Vec<(String, f64)> {
        let label = |sample: &Sample, name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        self.samples("mqtt_client_drop_causes_total", &[("connection", connection)])
            .into_iter()
            .filter(|sample| sample.value > 0.0)
            .map(|sample| (format!("{} {}", label(sample, "cause"), label(sample, "evidence")), sample.value))
            .collect()
    }

    /// Failed attempts so far by phase and error name, without the zeros.
    pub fn failures(&self, connection: &str) -> Vec<(String, String)> {
        let label = |sample: &Sample, name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        self.samples("mqtt_client_connect_failures_total", &[("connection", connection)])
            .into_iter()
            .filter(|sample| sample.value > 0.0)
            .map(|sample| (label(sample, "phase"), label(sample, "error")))
            .collect()
    }

    /// Whether every subscription is acknowledged now.
    pub fn online(&self, connection: &str) -> bool {
        self.sum("mqtt_client_state", &[("connection", connection), ("state", "online")]) > 0.0
    }

    /// Accepted sessions so far.
    pub fn sessions(&self, connection: &str) -> f64 {
        self.sum("mqtt_client_sessions_total", &[("connection", connection)])
    }

    /// Heaters whose tank temperature is on the page.
    pub fn heaters(&self) -> usize {
        self.samples("navien_temperature_celsius", &[("sensor", "tank_upper")]).len()
    }
}
