//! The connections that run now: started, replaced and stopped as the configuration says.
//!
//! Never touches a connection whose part of the configuration did not change, unless it rests until a person helps.

mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use super::Error;
use crate::clock;
use crate::commands::{Directory, Office};
use crate::config;
use crate::connection::driver::{Connection, Control};
use crate::connection::turn::Turns;
use crate::diagnosis::desk::{Desk, Subject};
use crate::host::Timeline;
use crate::lifecycle::board::{Board, ConnectionStatus};
use crate::lifecycle::journal::{self, Journal, Past};
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::testimony::Testimony;
use crate::lifecycle::{Event, StateName};
use crate::reading::ingest::Ingest;
use crate::reading::store::Store;
use crate::source::{self, Prepared};
use crate::telemetry::Metrics;
use running::Running;

/// AWS closes a connection whose client id connects twice within a second.
const CONNECT_SPACING: Duration = Duration::from_secs(1);

/// The journal gets this long to bring its last records to the disk.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// The running connections and what they share.
pub(super) struct Connections {
    metrics: Arc<Metrics>,
    store: Arc<Store>,
    board: Arc<Board>,
    host: Timeline,
    desk: Desk,
    office: Arc<Office>,
    /// Whose turn it is to connect.
    turns: Turns,
    /// Session lengths that are known beside the catalogue; a connection learns them when it begins.
    limits: Vec<Duration>,
    /// Where it is written down what happens to them, and what stood there before this process.
    journal: Option<Journal>,
    past: Past,
    /// What brokers say of our own clients.
    testimony: Testimony,
    running: BTreeMap<String, Running>,
    telling: Option<AbortHandle>,
}

impl Connections {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        store: Arc<Store>,
        board: Arc<Board>,
        host: Timeline,
        desk: Desk,
    ) -> Self {
        let running = BTreeMap::new();
        let office = Arc::new(Office::new(config::Commands::default()));
        Self {
            metrics,
            store,
            board,
            host,
            desk,
            office,
            turns: Turns::new(config::ProcessLimits::default().connects_per_second),
            limits: Vec::new(),
            journal: None,
            past: Past::default(),
            testimony: Testimony::default(),
            running,
            telling: None,
        }
    }

    /// The same, which take commands from this office if it is open.
    pub(super) fn taking_commands(mut self, office: Arc<Office>) -> Self {
        self.office = office;
        self
    }

    /// Says so when the settings of a configuration that was read anew are not those in force.
    pub(super) fn compare_commands(&self, settings: &config::Commands) {
        if self.office.settings() != settings {
            warn!("`[commands]` changed: this takes effect at the next start only");
        }
    }

    /// From now on what happens is written to this journal, and goes on where it ended.
    pub(super) fn keep(&mut self, journal: Journal, past: Past) {
        journal::remember(&past, &self.host);
        self.journal = Some(journal);
        self.past = past;
    }

    /// The search for causes goes on in this way.
    pub(super) fn diagnose(&self, config: &config::Diagnosis) {
        self.desk.configure(config.into());
    }

    /// From now on all connections together keep to these limits.
    pub(super) fn limit(&self, limits: config::ProcessLimits) {
        self.turns.set_rate(limits.connects_per_second);
    }

    /// Ends every wait for the network, each when it is its turn to connect. In each place of the queue comes another connection each time.
    pub(super) fn network_back(&mut self) {
        let waiting = self.board.waiting();
        let orders = waiting.iter().filter_map(|name| Some(self.running.get(name)?.control.clone()));
        let mut orders: Vec<_> = orders.collect();
        fastrand::shuffle(&mut orders);
        let turns = self.turns.clone();
        let telling = tokio::spawn(async move {
            for control in orders {
                clock::sleep_until(turns.take(clock::now().at)).await;
                // One that has its hands full of orders needs no other.
                let _ = control.try_send(Control::NetworkBack);
            }
        });
        // A network that comes back in pieces is told of once, from the last piece on.
        if let Some(older) = self.telling.replace(telling.abort_handle()) {
            older.abort();
        }
    }

    /// Makes what runs equal to `wanted`. Everything is built before anything is stopped, so that a fault in one
    /// connection changes nothing at all.
    ///
    /// `limits`: session lengths to try, for those that begin.
    pub(super) async fn apply(
        &mut self,
        wanted: Vec<config::Connection>,
        limits: &[Duration],
    ) -> Result<(), Error> {
        let mut begin = Vec::new();
        for config in &wanted {
            let unchanged = self.running.get(&config.name).is_some_and(|running| running.goes_on_as(config));
            if !unchanged || self.waits_for_a_person(&config.name) {
                let former = self.running.get(&config.name).map(|before| before.former_for(config));
                begin.push((config.clone(), prepare(config)?, former.unwrap_or_default()));
            }
        }
        let kept = |name: &str| {
            wanted.iter().any(|config| config.name == name) && !begin.iter().any(|(new, ..)| new.name == name)
        };
        let leaving: Vec<String> = self.running.keys().filter(|name| !kept(name)).cloned().collect();
        self.end(&leaving, |name| wanted.iter().any(|config| config.name == name)).await;
        let again =
            |config: &config::Connection| config.policy.client_id.is_some() && leaving.contains(&config.name);
        if begin.iter().any(|(config, ..)| again(config)) {
            // A successor does not know when the client id that it inherits last connected.
            tokio::time::sleep(CONNECT_SPACING).await;
        }
        self.limits = limits.to_vec();
        for (config, prepared, former) in begin {
            self.start(config, prepared, former);
        }
        Ok(())
    }

    /// Whether a connection rests because only a person can help. A reload says that one did, perhaps outside of the
    /// configuration: a corrected password file does not change it.
    fn waits_for_a_person(&self, name: &str) -> bool {
        self.board
            .status(name)
            .is_some_and(|status| status.state == StateName::Waiting && status.waits_for_a_person)
    }

    /// Stops them all and waits for their polite ends.
    pub(super) async fn stop(&mut self) {
        let all: Vec<String> = self.running.keys().cloned().collect();
        for name in &all {
            if let Some(running) = self.running.get(name) {
                let _ = running.control.send(Control::Stop).await;
            }
        }
        join_all(std::mem::take(&mut self.running).into_values().map(|running| running.task)).await;
        if let Some(journal) = self.journal.take() {
            let _ = tokio::task::spawn_blocking(move || journal.stop(LAST_RECORDS)).await;
        }
    }

    /// Ends some, all at once. What `returns` with another configuration keeps its past (drops, counters, history) and
    /// loses what its old configuration fed: devices and readings. The others are forgotten.
    async fn end(&mut self, names: &[String], returns: impl Fn(&str) -> bool) {
        let ending: Vec<_> = names.iter().filter_map(|name| self.running.remove_entry(name)).collect();
        join_all(ending.into_iter().map(|(name, running)| async move {
            let _ = running.control.send(Control::Reload).await;
            let _ = running.task.await;
            name
        }))
        .await
        .into_iter()
        .for_each(|name| {
            self.store.forget_feed(&name);
            if returns(&name) {
                info!(connection = name, "begun anew by the reload");
                self.metrics.forget_devices(&name);
                self.metrics.forget_clients(&name);
            } else {
                info!(connection = name, "removed from the configuration: closed");
                self.desk.forget(&name);
                self.metrics.forget_connection(&name);
                self.board.remove(&name);
                self.office.leave(&name);
                self.testimony.forget(&name);
            }
        });
    }

    fn start(&mut self, config: config::Connection, prepared: Prepared, former: BTreeSet<String>) {
        let name = config.name.clone();
        let labels = &prepared.labels;
        let status = ConnectionStatus::new(&*name, labels.source, labels.transport.as_str(), clock::now());
        let entry = self.board.enter(status);
        let history = entry.lock().unwrap_or_else(PoisonError::into_inner).history.clone();
        journal::restore(&mut self.past, &name, &history);
        let (control, orders) = mpsc::channel(4);
        let metrics = self.metrics.connection(labels);
        let subject = Subject {
            history: history.clone(),
            gauges: metrics.findings(),
            control: Some(control.downgrade()),
        };
        let mut recorder = Recorder::new(metrics, Arc::clone(&entry))
            .on_host(self.host.clone())
            .with_limits(self.limits.clone())
            .hearing(self.testimony.clone());
        self.testimony.reach(&name, control.downgrade());
        if let Some(journal) = &self.journal {
            let scribe = journal.scribe(&name, history);
            self.desk.tell_to(&name, Box::new(scribe.clone()));
            // Before the desk, whose conclusions rest on what it hears.
            recorder = recorder.heard_by(Box::new(scribe));
        }
        let recorder = recorder.heard_by(self.desk.observer(&name, subject));
        let mut sink = Ingest::new(&name, Arc::clone(&self.store), Arc::clone(&self.metrics));
        if !config.subscribe.is_empty() {
            sink = sink.mapped();
        }
        if let Some(fleet) = &config.fleet {
            let named = fleet.clients.0.iter().map(String::as_str);
            sink = sink.watching(named, Arc::clone(&entry), self.testimony.clone());
        }
        let inbox = self.office.is_open().then(|| self.office.enter(&name, labels.source));
        if inbox.is_some() {
            sink = sink.listed_in(Directory::new(Arc::clone(&self.office), &name));
        }
        let connection = Connection::new(
            &*name,
            config.policy.clone(),
            prepared.planner,
            recorder,
            Box::new(sink),
            fastrand::u64(..),
        );
        let connection = connection.in_turn(self.turns.clone()).leaving(former.iter().cloned().collect());
        let connection = match inbox {
            Some(inbox) => connection.taking_commands(self.office.rules(), inbox),
            None => connection,
        };
        let watched = name.clone();
        let (feed, successor) = (self.store.feed(&name), self.metrics.connection(labels));
        feed.set_grace(config.outage_grace);
        let task = tokio::spawn(async move {
            // A panic here is a bug of ours: it is said loudly, the page does not show the connection as it was, and
            // the other connections live on.
            if let Err(panicked) = tokio::spawn(connection.run(orders)).await {
                error!(connection = %watched, %panicked, "the connection's task ended by a bug; please report it");
                feed.down(clock::now().at);
                Recorder::new(successor, entry).record(Event::Stopped, clock::now());
            }
        });
        self.running.insert(name, Running { config, former, control, task });
    }
}

fn prepare(config: &config::Connection) -> Result<Prepared, Error> {
    source::prepare(config).map_err(|reason| Error::Connection { name: config.name.clone(), reason })
}
