//! The metrics of what a broker says of its clients: bound handles, one function per fact.
//! Never a client id in a label, but of those that the configuration names.

use std::collections::BTreeMap;
use std::time::Duration;

use super::labels::cut;
use super::metrics::Families;
use super::values::{Gauge, Histogram, IntCounter, IntCounterVec};
use crate::lifecycle::presence::{By, Reason};
use crate::source::fleet::{Fate, Standing};

/// The metrics of one fleet.
#[derive(Debug)]
pub struct FleetMetrics {
    all_disconnects: IntCounterVec,
    connection: String,
    connects: IntCounter,
    disconnects: BTreeMap<(Reason, By), IntCounter>,
    events: BTreeMap<&'static str, IntCounter>,
    session_duration: Histogram,
    tracked: Gauge,
    connected: Gauge,
    dropped_recently: Gauge,
    burst: Gauge,
    bursts: IntCounter,
    /// Bursts of this fleet that were counted.
    told: u64,
    named: BTreeMap<String, Named>,
}

/// The metrics of one client that the configuration names.
#[derive(Debug)]
struct Named {
    connected: Gauge,
    drops: IntCounter,
}

impl Fate {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::OutOfOrder => "out_of_order",
            Self::Duplicate => "duplicate",
            Self::Untracked => "untracked",
        }
    }
}

impl FleetMetrics {
    pub(super) fn new<'a>(
        families: &Families,
        connection: &str,
        named: impl Iterator<Item = &'a str>,
    ) -> Self {
        let labels = [connection];
        let outcomes = [Fate::New, Fate::OutOfOrder, Fate::Duplicate, Fate::Untracked].map(Fate::as_str);
        let named = named.map(|client| {
            let labels = [connection, cut(client)];
            let handles = Named {
                connected: families.broker_client_connected.with_label_values(&labels),
                drops: families.broker_client_drops.with_label_values(&labels),
            };
            (client.to_owned(), handles)
        });
        let ended = |reason: Reason, by: By| {
            let labels = [connection, reason.as_str(), by.as_str()];
            ((reason, by), families.broker_client_disconnects.with_label_values(&labels))
        };
        let event = |outcome: &'static str| {
            (outcome, families.broker_client_events.with_label_values(&[connection, outcome]))
        };
        Self {
            all_disconnects: families.broker_client_disconnects.clone(),
            connection: connection.to_owned(),
            connects: families.broker_client_connects.with_label_values(&labels),
            disconnects: Reason::ALL.iter().map(|reason| ended(*reason, reason.by())).collect(),
            events: outcomes.into_iter().chain(["malformed"]).map(event).collect(),
            session_duration: families.broker_client_session_duration.with_label_values(&labels),
            tracked: families.broker_clients_tracked.with_label_values(&labels),
            connected: families.broker_clients_connected.with_label_values(&labels),
            dropped_recently: families.broker_clients_dropped_recently.with_label_values(&labels),
            burst: families.broker_burst.with_label_values(&labels),
            bursts: families.broker_bursts.with_label_values(&labels),
            told: 0,
            named: named.collect(),
        }
    }

    /// An event was heard.
    pub fn event(&self, fate: Fate) {
        self.outcome(fate.as_str());
    }

    /// A message was no event.
    pub fn malformed(&self) {
        self.outcome("malformed");
    }

    fn outcome(&self, outcome: &str) {
        self.events.get(outcome).iter().for_each(|counter| counter.inc());
    }

    /// A client connected.
    pub fn connected(&self) {
        self.connects.inc();
    }

    /// A client's connection ended, after so long if that is known.
    pub fn disconnected(&self, reason: Reason, by: By, lasted: Option<Duration>) {
        match self.disconnects.get(&(reason, by)) {
            Some(counter) => counter.inc(),
            // Who ended it is known better than the reason usually tells.
            None => self
                .all_disconnects
                .with_label_values(&[self.connection.as_str(), reason.as_str(), by.as_str()])
                .inc(),
        }
        if let Some(lasted) = lasted.filter(|_| reason.is_drop(by)) {
            self.session_duration.observe(lasted.as_secs_f64());
        }
    }

    /// The same of a client, if it has metrics of its own. `stands`: it is news, and how the client stands.
    pub fn named(&self, client: &str, stands: Option<bool>, dropped: bool) {
        let Some(named) = self.named.get(client) else { return };
        if let Some(connected) = stands {
            named.connected.set(if connected { 1.0 } else { 0.0 });
        }
        named.drops.inc_by(u64::from(dropped));
    }

    /// How the fleet stands.
    pub fn stands(&mut self, standing: Standing) {
        let Standing { clients, connected, dropped_recently, burst, bursts } = standing;
        self.tracked.set(count(clients));
        self.connected.set(count(connected));
        self.dropped_recently.set(count(dropped_recently));
        self.burst.set(if burst { 1.0 } else { 0.0 });
        self.bursts.inc_by(bursts.saturating_sub(self.told));
        self.told = bursts;
    }
}

#[expect(clippy::cast_precision_loss, reason = "clients are far fewer than 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
