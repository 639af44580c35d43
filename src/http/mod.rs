//! The pages: status, metrics, probes, JSON; one file per family of routes.
//! Never waits for a connection or a device: it shows what is known now, and answers whatever the brokers do.

mod answer;
mod client;
mod commands;
mod connections;
mod diagnostics;
mod fleet;
mod listen;
mod metrics;
mod probes;
mod server;
mod status;
pub mod web;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::Semaphore;

pub use listen::{BindError, Listeners, bind};
pub use server::{serve, serve_with};

use crate::clock::{Now, now};
use crate::commands::Office;
use crate::host::Timeline;
use crate::lifecycle::board::Board;
use crate::reading::store::Store;
use crate::telemetry::Metrics;

/// What the pages show. Clones share it.
#[derive(Clone)]
pub struct Pages {
    metrics: Arc<Metrics>,
    store: Arc<Store>,
    board: Arc<Board>,
    host: Timeline,
    office: Arc<Office>,
    /// A place for each status page being drawn.
    painters: Arc<Semaphore>,
    /// A place for each document of diagnostics being written.
    documents: Arc<Semaphore>,
    /// When this process began.
    started: Now,
}

impl Pages {
    /// Pages that show these.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, store: Arc<Store>, board: Arc<Board>, host: Timeline) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        let painters = places(status::PAINTERS);
        let documents = places(diagnostics::WRITERS);
        let office = Arc::new(Office::new(crate::config::Commands::default()));
        Self { metrics, store, board, host, office, painters, documents, started: now() }
    }

    /// The same, with an office where commands are handed in.
    #[must_use]
    pub fn taking_commands(mut self, office: Arc<Office>) -> Self {
        self.office = office;
        self
    }

    /// Every route.
    fn router(self) -> Router {
        Router::new()
            .route("/", get(status::front))
            .route("/connections/{name}", get(status::one))
            .route("/style.css", get(status::style))
            .route("/script.js", get(status::script))
            .route("/metrics", get(metrics::page))
            .route("/-/healthy", get(probes::healthy))
            .route("/-/ready", get(probes::ready))
            .route("/api/v1/connections", get(connections::list))
            .route("/api/v1/fleet", get(fleet::list))
            .route("/api/v1/drops", get(diagnostics::drops))
            .route("/api/v1/diagnostics", get(diagnostics::export))
            .route("/api/v1/devices/{device}/commands", post(commands::submit))
            .route("/api/v1/commands/{id}", get(commands::fate))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(axum::middleware::map_response(answer::guarded))
            .with_state(self)
    }
}

/// Prints nothing of what it holds: it is the whole process.
impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

/// What there is, for those who asked for something else.
const ROUTES: &str = "\
/                    status of every connection, for people
/connections/{name}  status of one connection, in full
/metrics             metrics, for Prometheus: ?name[]=mqtt_client_connected&exclude[]=mqtt_client_*
/-/healthy           200 while the process works
/-/ready             200 when every connection has worked and none needs a person, else 503 and why
/api/v1/connections  status of every connection, as JSON: ?limit=100&after=home
/api/v1/fleet        what brokers say of their clients, as JSON, where a connection listens
/api/v1/drops        the drops with their causes, as JSON: ?connection=home&since=24h&limit=20
/api/v1/diagnostics  everything that is known of the drops, as JSON, for `hangup report` and for scripts
/api/v1/devices/{device}/commands
                     POST a command to a device, with a token
/api/v1/commands/{id}
                     what became of a command, with a token
";

async fn not_found(uri: Uri) -> Response {
    let path = uri.path();
    answer::text(
        axum::http::StatusCode::NOT_FOUND,
        format!("There is no page {path}. There are:\n\n{ROUTES}"),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let (can, allowed) = if commands::are_taken_at(path) {
        ("takes commands: use POST", "POST")
    } else {
        ("can only be read: use GET or HEAD", "GET, HEAD")
    };
    let sentence = format!("{path} {can}, not {method}.\n");
    let mut response = answer::text(axum::http::StatusCode::METHOD_NOT_ALLOWED, sentence);
    response.headers_mut().insert(axum::http::header::ALLOW, HeaderValue::from_static(allowed));
    response
}
