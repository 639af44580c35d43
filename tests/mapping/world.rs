//! A mapper, its store and a clock that only the test moves.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::config::mapping::from_text;
use hangup::connection::message::{Incoming, Properties};
use hangup::mapping;
use hangup::reading::ingest::Ingest;
use hangup::reading::store::Store;
use hangup::source::Outcome;
use hangup::source::listen::Shared;
use hangup::telemetry::Metrics;
use hangup::telemetry::text::Format;

pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    metrics: Arc<Metrics>,
    sink: Ingest,
    listener: Shared,
    pub(crate) now: Now,
}

impl World {
    pub(crate) fn new(toml: &str) -> Self {
        Self::limited(toml, 1_000_000)
    }

    pub(crate) fn limited(toml: &str, series: usize) -> Self {
        let metrics = Arc::new(Metrics::new());
        let store = Arc::new(Store::new(series, metrics.exporter()));
        let sink = Ingest::new("home", Arc::clone(&store), Arc::clone(&metrics)).mapped();
        let at = Instant::from_boot(Duration::from_secs(1_000_000));
        let now = Now { at, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) };
        Self { store, metrics, sink, listener: listener(toml), now }
    }

    /// Another connection of the same process: the page is one.
    pub(crate) fn beside(&self, connection: &str, toml: &str) -> Self {
        let Self { store, metrics, now, .. } = self;
        let (store, metrics, now) = (Arc::clone(store), Arc::clone(metrics), *now);
        let sink = Ingest::new(connection, Arc::clone(&store), Arc::clone(&metrics)).mapped();
        Self { store, metrics, sink, listener: listener(toml), now }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// Another session begins.
    pub(crate) fn begins(&mut self) {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).begins();
    }

    /// A live message.
    pub(crate) fn hear(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Option<Outcome> {
        self.hear_as(topic, payload, false, &[])
    }

    /// A message that the broker had kept.
    pub(crate) fn hear_retained(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Option<Outcome> {
        self.hear_as(topic, payload, true, &[])
    }

    pub(crate) fn hear_as(
        &mut self,
        topic: &str,
        payload: impl AsRef<[u8]>,
        retain: bool,
        user: &[(&str, &str)],
    ) -> Option<Outcome> {
        let user: Vec<_> =
            user.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let properties = (!user.is_empty()).then(|| Box::new(Properties { user, content_type: None }));
        let payload = payload.as_ref().to_vec().into();
        let message = Incoming { topic: topic.to_owned(), payload, qos: 0, retain, properties };
        self.hear_message(&message)
    }

    pub(crate) fn hear_message(&mut self, message: &Incoming) -> Option<Outcome> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = listener.heard(message, self.now, &mut self.sink);
        if outcome.is_none() {
            listener.unclaimed(&mut self.sink);
        }
        outcome
    }

    /// The samples of the page of readings, without comments.
    pub(crate) fn page(&self) -> Vec<String> {
        let mut page = Vec::new();
        let mut readings = self.store.readings(Format::Text, self.now.at);
        while readings.write(&mut page, usize::MAX) {}
        let page = String::from_utf8(page).unwrap();
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    /// What came to nothing, by reason, of all connections.
    pub(crate) fn errors(&self) -> Vec<(String, u64)> {
        let families = self.metrics.registry().gather();
        let errors = families.iter().filter(|family| family.name() == "mqtt_client_mapping_errors_total");
        let counted = errors.flat_map(prometheus::proto::MetricFamily::get_metric).map(|metric| {
            let reason = metric.get_label().iter().find(|label| label.name() == "reason").unwrap();
            (reason.value().to_owned(), metric.get_counter().get_value().to_string().parse().unwrap())
        });
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// A metric of our own with the label `device`.
    pub(crate) fn of_device(&self, name: &str, device: &str) -> Option<f64> {
        let families = self.metrics.registry().gather();
        let family = families.iter().find(|family| family.name() == name)?;
        let metric = family
            .get_metric()
            .iter()
            .find(|metric| metric.get_label().iter().any(|label| label.value() == device))?;
        let counter = metric.get_counter().get_value();
        Some(if counter > 0.0 { counter } else { metric.get_gauge().get_value() })
    }
}

fn listener(toml: &str) -> Shared {
    let subscribes = from_text(toml).unwrap_or_else(|faults| panic!("{faults}"));
    mapping::listener("home", &subscribes).unwrap()
}

/// One subscription with these lines, and one rule with those.
pub(crate) fn one(subscribe: &str, metric: &str) -> String {
    format!("[[subscribe]]\nfilter = \"home/#\"\n{subscribe}\n[[subscribe.metric]]\n{metric}\n")
}
