//! Wiring: builds what the configuration says, keeps it running and takes it down in order.
//!
//! Decides nothing about connections, readings or pages; the only module that knows every other.

pub mod ask;
pub mod baseline;
mod connections;
pub mod demo;
pub mod devices;
pub(crate) mod diagnostics;
pub mod explain;
pub mod signals;
pub mod simulate;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tracing::{debug, error, info, warn};

use crate::clock::{self, Now};
use crate::commands::Office;
use crate::config::{Config, Listen, Problems, State};
use crate::diagnosis::desk::{Desk, Options};
use crate::host::{self, Timeline, Watcher};
use crate::http::web::Web;
use crate::http::{self, BindError, Pages};
use crate::lifecycle::board::Board;
use crate::lifecycle::journal::{Journal, PassedOver, Past};
use crate::reading::store::Store;
use crate::telemetry::Metrics;
use connections::Connections;
use signals::Signals;

/// What only the start needs is done by then.
const STARTED: Duration = Duration::from_secs(5);

/// Requests under way get this long to finish after the connections are closed.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// The disk of the journal gets this long to be read at the start. It takes a second for the largest usual journal.
const DISK: Duration = Duration::from_secs(15);

/// Why the exporter could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime or the signal handlers could not be set up.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The web configuration file is wrong.
    #[error("the web configuration cannot be used:\n{0}")]
    Web(Problems),
    /// A connection could not be set up.
    #[error("connection `{name}`: {reason}")]
    Connection {
        /// Its name.
        name: String,
        /// What is wrong, with a right value.
        reason: String,
    },
}

/// Reads the configuration anew.
pub type Reload = Box<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// Runs the exporter until SIGINT or SIGTERM; SIGHUP calls `reload`.
///
/// # Errors
/// When it cannot start: an address in use, a connection that cannot be built.
pub fn run(config: Config, reload: Reload) -> Result<(), Error> {
    block_on(async {
        let signals = Signals::listen()?;
        serve(config, reload, signals, |_| ()).await
    })?
}

/// Runs `work` to its end, and waits for nothing else: a name lookup that nobody wants any more may sit in the
/// system's resolver for half a minute, and a runtime that is merely dropped waits for it.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, std::io::Error> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Two threads: one for messages and one for a scrape beside them. More would only cost memory.
fn runtime() -> Result<Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("hangup").enable_all().build()
}

/// The HTTP server comes first and goes last, so that the page answers whatever the brokers do.
/// `announce` gets its addresses once the page can be opened.
async fn serve(
    config: Config,
    reload: Reload,
    mut signals: Signals,
    announce: impl FnOnce(&[SocketAddr]),
) -> Result<(), Error> {
    let started = clock::now();
    let metrics = Arc::new(Metrics::started(started));
    // Each connection brings a grace of its own.
    let store = Arc::new(Store::new(config.readings.series_limit, metrics.exporter()));
    let board = Arc::new(Board::default());
    let host = Timeline::default();
    let pages = Pages::new(Arc::clone(&metrics), Arc::clone(&store), Arc::clone(&board), host.clone());
    let office = Arc::new(Office::new(config.commands.clone()));
    office.announce(started);
    let pages = pages.taking_commands(Arc::clone(&office));

    let web = Web::open(config.http.web_config_file.as_deref()).map_err(Error::Web)?;
    let listeners = http::bind(&config.http)?;
    let addresses = listeners.addresses();
    for place in listeners.places() {
        match place {
            Listen::Tcp(address) => info!("listening on {}://{address}/", web.scheme()),
            Listen::Unix(_) | Listen::Systemd => info!("listening on {place} ({})", web.scheme()),
        }
    }
    let (close, closing) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(http::serve_with(listeners, pages, web.clone(), async {
        let _ = closing.await;
    }));

    announce(&addresses);

    // Before the watcher: what happened earlier stands first in the timeline.
    let journal = journal(&config.state, &host, &metrics, started).await;
    let watcher = Watcher::start(host.clone(), metrics.exporter());
    let sources = diagnostics::Sources {
        board: Arc::clone(&board),
        host: host.clone(),
        metrics: metrics.exporter().clone(),
        started,
    };
    let desk = Desk::new(host.clone(), Options::from(&config.diagnosis));
    let diagnosis = tokio::spawn(desk.clone().run());
    let mut connections =
        Connections::new(Arc::clone(&metrics), store, board, host, desk).taking_commands(office);
    connections.diagnose(&config.diagnosis);
    connections.limit(config.limits);
    if let Some(shard) = config.shard {
        metrics.exporter().shard(shard);
        info!(%shard, connections = config.connections.len(), "this process runs its part of the connections");
    }
    if let Some((journal, past)) = journal {
        connections.keep(journal, past);
    }
    let (mut http, state) = (config.http.clone(), config.state.clone());
    connections.apply(config.connections, &config.diagnosis.limits).await?;
    metrics.exporter().config_read(true, started);
    let mut files = diagnostics::Files::start(config.diagnostics, sources);

    tokio::spawn(async {
        tokio::time::sleep(STARTED).await;
        let bytes = host::give_back();
        debug!(bytes, "what only the start needed is no longer in memory");
    });

    loop {
        tokio::select! {
            order = signals.next() => match order {
                signals::Order::Reload => {
                    http = reload_once(&reload, &mut connections, &mut files, &metrics, http, &state, &web).await;
                }
                signals::Order::Stop => break,
            },
            () = watcher.network_back() => connections.network_back(),
        }
    }
    info!("stopping: closing every connection politely");
    connections.stop().await;
    diagnosis.abort();
    files.stop().await;
    drop(close);
    if tokio::time::timeout(LAST_REQUESTS, server).await.is_err() {
        warn!("some HTTP clients did not finish and were cut off");
    }
    info!("stopped");
    Ok(())
}

/// Reads and begins the journal, where one is wanted. A disk that cannot be read or written keeps nothing from working.
async fn journal(state: &State, host: &Timeline, metrics: &Metrics, now: Now) -> Option<(Journal, Past)> {
    let (directory, limit) = (state.directory.clone()?, state.journal_limit);
    let (host, metrics) = (host.clone(), metrics.exporter().clone());
    let opening = tokio::task::spawn_blocking(move || Journal::open(&directory, limit, host, metrics, now));
    let Ok(opened) = tokio::time::timeout(DISK, opening).await else {
        warn!(
            "the disk of the state directory does not answer: nothing is restored, and nothing is kept until the next \
             start; look at the disk or its mount, or name another `directory` in `[state]`"
        );
        return None;
    };
    let (journal, past) = opened.ok()?;
    let PassedOver { damaged, unknown, repeated } = past.passed_over();
    let connections = past.connections().count();
    if past.lines() > 0 {
        info!(lines = past.lines(), connections, "the history goes on where the journal ended");
    } else {
        info!("no journal was found: the history begins now");
    }
    if damaged + unknown + repeated > 0 {
        warn!(
            damaged,
            unknown,
            repeated,
            "lines of the journal were passed over; everything else was restored. A process that was killed leaves one \
             damaged line, more of them point to the disk; unknown ones were written by a newer version"
        );
    }
    Some((journal, past))
}

/// A configuration that cannot be read or used changes nothing: what runs keeps running.
async fn reload_once(
    reload: &Reload,
    connections: &mut Connections,
    files: &mut diagnostics::Files,
    metrics: &Metrics,
    http: crate::config::Http,
    state: &State,
    web: &Web,
) -> crate::config::Http {
    let now = clock::now();
    let config = match reload() {
        Ok(config) => config,
        Err(problems) => {
            error!("the configuration was not reloaded, the old one stays in force:\n{problems}");
            metrics.exporter().config_read(false, now);
            return http;
        }
    };
    if config.http != http {
        warn!("`[http]` changed: this takes effect at the next start only");
    }
    connections.compare_commands(&config.commands);
    if config.state != *state {
        warn!("`[state]` changed: this takes effect at the next start only");
    }
    // It was checked with the rest: only a change since then can be wrong here.
    if let Err(problems) = web.reload() {
        error!("the web configuration was not reloaded, the old one stays in force:\n{problems}");
    }
    match connections.apply(config.connections, &config.diagnosis.limits).await {
        Ok(()) => {
            connections.diagnose(&config.diagnosis);
            connections.limit(config.limits);
            files.apply(config.diagnostics).await;
            info!("the configuration was read anew");
            metrics.exporter().config_read(true, now);
        }
        Err(fault) => {
            error!("the configuration was not applied, the old one stays in force: {fault}");
            metrics.exporter().config_read(false, now);
        }
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_no_blocking_call() {
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (began, waits) = std::sync::mpsc::channel();
        block_on(async move {
            tokio::task::spawn_blocking(move || {
                began.send(()).unwrap();
                let _ = blocked.recv();
            });
            waits.recv().unwrap();
        })
        .unwrap();
        // With a runtime that waits, this line is never reached.
        drop(release);
    }
}
