//! For a program with an MQTT client of its own: records its connection, explains its drops, shows both as metrics.
//!
//! Never touches a socket and starts no task or thread: it is told what happens, and answers when it is asked.
//!
//! # A client of any kind
//!
//! ```
//! use hangup::connection::error::ErrorName;
//! use hangup::monitor::Monitor;
//!
//! let monitor = Monitor::new("boiler");
//! monitor.on_drop(|drop| eprintln!("{} after {:?}: {}", drop.error, drop.lasted, drop.verdict.words));
//!
//! monitor.record_connected(false);
//! monitor.record_publish("home/boiler/set", 12);
//! monitor.record_drop(ErrorName::SocketClosed, "the broker closed the connection");
//!
//! assert_eq!(monitor.totals().drops, 1);
//! let page = prometheus::TextEncoder::new().encode_to_string(&monitor.registry().gather()).unwrap();
//! let drop = "mqtt_client_connection_drops_total{connection=\"boiler\",error=\"AWS_IO_SOCKET_CLOSED\"} 1";
//! assert!(page.contains(drop));
//! println!("{}\n{}", monitor.summary(), monitor.export_json());
//! ```
//!
//! # rumqttc's event loop
//!
//! Its errors have names here ([`Monitor::record_event_loop`], [`Monitor::record_event_loop_v5`]), before and in a session.
//!
//! ```no_run
//! use hangup::monitor::Monitor;
//! use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
//!
//! # async fn run() {
//! let monitor = Monitor::new("boiler");
//! let (client, mut events) = AsyncClient::new(MqttOptions::new("boiler", "localhost", 1883), 10);
//! client.subscribe("home/#", QoS::AtLeastOnce).await.unwrap();
//! loop {
//!     match events.poll().await {
//!         Ok(Event::Incoming(Packet::ConnAck(ack))) => monitor.record_connected(ack.session_present),
//!         Ok(Event::Incoming(Packet::Publish(message))) => monitor.record_received(message.payload.len()),
//!         Ok(_) => {}
//!         Err(error) => {
//!             monitor.record_event_loop(&error);
//!             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
//!         }
//!     }
//! }
//! # }
//! ```

mod life;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::connection::classify;
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::connection::plan::Transport;
use crate::connection::{Failure, Phase};
use crate::diagnosis::{EventKind, Verdict};
use crate::lifecycle::CloseCause;
use crate::lifecycle::board::SharedHistory;
use crate::lifecycle::history::Totals;
use crate::lifecycle::summary;
use crate::telemetry::Metrics;
use life::{Life, Untold};

/// Watches one connection of the program. Clones share it; every call is short and never waits.
#[derive(Clone)]
pub struct Monitor {
    metrics: Arc<Metrics>,
    life: Arc<Mutex<Life>>,
    untold: Untold,
    calls: Arc<Mutex<Calls>>,
}

/// What a program wants called, and what it added while that was being called.
struct Calls {
    /// `None` while the calls are being made.
    current: Option<Vec<Call>>,
    added: Vec<Call>,
}

/// The calls while they are being made: they come back even if one of them panics.
struct Turn<'a> {
    calls: Vec<Call>,
    shared: &'a Mutex<Calls>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut shared = lock(self.shared);
        self.calls.append(&mut shared.added);
        shared.current = Some(std::mem::take(&mut self.calls));
    }
}

/// What a program wants called at each drop.
type Call = Box<dyn FnMut(&Dropped<'_>) + Send>;

/// What a program should know of its connection before it begins. All of it has a default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The label `connection`.
    pub name: String,
    /// The label `broker` of the info metric, `host:port`.
    pub broker: String,
    /// `3.1.1` or `5`.
    pub protocol: &'static str,
    /// What lies under MQTT: decides which error names stand at zero from the start.
    pub transport: Transport,
    /// MQTT keep-alive.
    pub keep_alive: Duration,
    /// MQTT client id. It is only used to leave it out of topics.
    pub client_id: String,
    /// Session lengths to try beside the known limits.
    pub limits: Vec<Duration>,
}

/// A drop, as it is told to [`Monitor::on_drop`].
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    /// What was observed.
    pub error: ErrorName,
    /// The same in words.
    pub message: &'a str,
    /// How long the session had lasted.
    pub lasted: Duration,
    /// What is thought of it so far. A later look may know better: it is in the history then.
    pub verdict: &'a Verdict,
}

impl Settings {
    /// MQTT 3.1.1 over plain TCP with a keep-alive of a minute.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            broker: String::new(),
            protocol: "3.1.1",
            transport: Transport::Tcp,
            keep_alive: Duration::from_secs(60),
            client_id: String::new(),
            limits: Vec::new(),
        }
    }
}

impl Monitor {
    /// Watches a connection of this name, with the settings' defaults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::with(Settings::new(name))
    }

    /// Watches a connection with these settings and a registry of its own.
    #[must_use]
    pub fn with(settings: Settings) -> Self {
        let metrics = Arc::new(Metrics::new());
        Self::beside(settings, &metrics)
    }

    /// Watches one more connection on the same registry.
    #[must_use]
    pub fn beside(settings: Settings, metrics: &Arc<Metrics>) -> Self {
        let untold = Untold::default();
        let life = Life::new(settings, metrics, &untold);
        Self {
            metrics: Arc::clone(metrics),
            life: Arc::new(Mutex::new(life)),
            untold,
            calls: Arc::new(Mutex::new(Calls { current: Some(Vec::new()), added: Vec::new() })),
        }
    }

    /// The metrics, for [`Monitor::beside`].
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The registry with every metric of this connection: gather and encode it, or register it with your own.
    #[must_use]
    pub fn registry(&self) -> &prometheus::Registry {
        self.metrics.registry()
    }

    /// Calls this once for each drop, in the thread that records it, when the drop is recorded. It may ask this monitor
    /// and record with it.
    pub fn on_drop(&self, call: impl FnMut(&Dropped<'_>) + Send + 'static) {
        let mut calls = lock(&self.calls);
        let Calls { current, added } = &mut *calls;
        current.as_mut().unwrap_or(added).push(Box::new(call));
    }

    /// An attempt to connect begins. Optional: a session or a failure without it counts as one attempt.
    pub fn record_connecting(&self) {
        self.life(Life::connecting);
    }

    /// CONNACK was accepted.
    pub fn record_connected(&self, session_present: bool) {
        self.life(|life| life.connected(session_present));
    }

    /// All subscriptions are acknowledged: so many, and so many were refused.
    pub fn record_subscribed(&self, active: usize, refused: usize) {
        self.life(|life| life.subscribed(active, refused));
    }

    /// A message of this size goes out. The topic is kept as a fingerprint, for the question whether it provokes drops.
    pub fn record_publish(&self, topic: &str, bytes: usize) {
        self.life(|life| life.published(topic, bytes));
    }

    /// A message of this size came in.
    pub fn record_received(&self, bytes: usize) {
        self.life(|life| life.received(bytes));
    }

    /// A PINGRESP came this long after its PINGREQ.
    pub fn record_ping(&self, took: Duration) {
        self.life(|life| life.pinged(took));
    }

    /// Something happened that a drop may follow: a command, a renewal of credentials.
    pub fn record_event(&self, kind: EventKind) {
        self.life(|life| life.happened(kind));
    }

    /// The connection broke: a drop in a session, else a failed attempt. `message` must hold no secret: it is shown.
    pub fn record_drop(&self, error: ErrorName, message: &str) {
        let in_session = self.life(|life| life.in_session());
        let before = error.phases().iter().copied().find(|phase| !matches!(phase, Phase::Session));
        let phase = if in_session { Phase::Session } else { before.unwrap_or(Phase::Tcp) };
        let failure = Failure::new(phase, error, message);
        let by = classify::ended_by(&failure);
        self.record_failure(failure, by);
    }

    /// The same with everything that is known of it: the phase, a finer detail, who ended it.
    pub fn record_failure(&self, failure: Failure, ended_by: EndedBy) {
        self.life(|life| life.broke(failure, ended_by));
    }

    /// The same from an error of rumqttc's event loop for MQTT 3.1.1.
    pub fn record_event_loop(&self, error: &rumqttc::ConnectionError) {
        let (failure, by) = classify::event_loop(error, self.life(|life| life.in_session()));
        self.record_failure(failure, by);
    }

    /// The same from an error of rumqttc's event loop for MQTT 5.
    pub fn record_event_loop_v5(&self, error: &rumqttc::v5::ConnectionError) {
        let (failure, by) = classify::event_loop_v5(error, self.life(|life| life.in_session()));
        self.record_failure(failure, by);
    }

    /// The program closed the session itself: no drop.
    pub fn record_closed(&self, cause: CloseCause) {
        self.life(|life| life.closed(cause));
    }

    /// Everything since the start, counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.history().read(|history| history.totals().clone())
    }

    /// Sessions, drops, verdicts and findings.
    #[must_use]
    pub fn history(&self) -> SharedHistory {
        self.life(|life| life.history())
    }

    /// What `/api/v1/diagnostics` of the exporter shows, for this connection. Holds no secret and no identity.
    #[must_use]
    pub fn export_json(&self) -> String {
        let export = self.life(|life| life.export());
        // Numbers, names and sentences: there is nothing that JSON could not hold.
        serde_json::to_string_pretty(&export).unwrap_or_default()
    }

    /// What `hangup report` prints, for this connection.
    #[must_use]
    pub fn summary(&self) -> String {
        let export = self.life(|life| life.export());
        summary::terminal(&summary::report(&export), 80, false)
    }

    fn life<T>(&self, work: impl FnOnce(&mut Life) -> T) -> T {
        let done = work(&mut lock(&self.life));
        self.tell();
        done
    }

    /// Makes the calls, with no lock held: a call that records a drop itself leaves it for the next turn.
    fn tell(&self) {
        // Another thread may record a drop just when this one has looked for the last time: so it looks once more.
        while !self.untold.is_empty() {
            let Some(calls) = lock(&self.calls).current.take() else { return };
            let mut turn = Turn { calls, shared: &self.calls };
            while let Some((session, verdict)) = self.untold.take() {
                let Some(failure) = session.failure() else { continue };
                let lasted = session.lasted();
                let dropped =
                    Dropped { error: failure.error, message: &failure.message, lasted, verdict: &verdict };
                for call in &mut turn.calls {
                    call(&dropped);
                }
            }
        }
    }
}

/// A panic of the program leaves a record that can still be read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints whose it is: the rest is in the summary.
impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("name", &self.life(|life| life.name())).finish_non_exhaustive()
    }
}
