//! Accepts clients and speaks HTTP with them, within limits.
//! Never lets a client cost more than a place, a header and a while: who asks for nothing goes first.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::client::{Client, Stream};
use super::commands;
use super::listen::Door;
use super::web::Web;
use super::{Listeners, Pages};

/// Clients connected at once: many times those that scrape one exporter, and few of the 1024 files that a process may
/// usually open. Beyond it the least useful one is closed, so that a scrape always finds a place.
const CLIENTS: usize = 128;
/// A request's header must be complete so soon, and so long a client may stay connected without a request. It is
/// none of the intervals at which people scrape, so that we do not hang up just when the next scrape begins.
const HEADER_TIME: Duration = Duration::from_secs(12);
/// A request's header fits into so many bytes; 431 beyond it.
const HEADER_BYTES: usize = 16 * 1024;
/// Requests under way may take so long to finish when we stop.
const FINISH_TIME: Duration = Duration::from_secs(5);
/// The wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the pages to everybody and in the clear, as [`serve_with`].
pub fn serve(
    listeners: Listeners,
    pages: Pages,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> + Send {
    serve_with(listeners, pages, Web::default(), shutdown)
}

/// Serves the pages until `shutdown`; then accepts nobody any more and finishes the requests under way.
pub fn serve_with(
    listeners: Listeners,
    pages: Pages,
    web: Web,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> + Send {
    let Listeners { sockets, .. } = listeners;
    async move {
        let graceful = GracefulShutdown::new();
        let mut clients = Clients::new(pages.router(), web);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&sockets) => match accepted {
                    Ok(client) => clients.admit(client, graceful.watcher()),
                    Err(error) => wait_after(&error).await,
                },
                Some(_) = clients.tasks.join_next() => {}
            }
        }
        drop(sockets);
        // What is still under way after that is cut off when `clients` goes out of scope.
        let _ = tokio::time::timeout(FINISH_TIME, graceful.shutdown()).await;
    }
}

/// The next client on any of the sockets.
async fn accept(sockets: &[Door]) -> io::Result<Client> {
    poll_fn(|context| {
        for socket in sockets {
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// A client that left before it was accepted is no matter. Everything else (no file descriptor, no memory) would
/// fail again at once: the pause keeps the loop from taking the processor meanwhile, and the log readable.
async fn wait_after(error: &io::Error) {
    let left = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    if !left.contains(&error.kind()) {
        warn!(%error, "cannot accept an HTTP client");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// The clients connected now, oldest first.
struct Clients {
    routes: TowerToHyperService<Router>,
    web: Web,
    http: http1::Builder,
    tasks: JoinSet<()>,
    places: Vec<Place>,
}

struct Place {
    task: AbortHandle,
    /// It has made a whole request at least once.
    asked: Arc<AtomicBool>,
}

impl Clients {
    fn new(pages: Router, web: Web) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADER_BYTES);
        let routes = TowerToHyperService::new(pages);
        Self { routes, web, http, tasks: JoinSet::new(), places: Vec::new() }
    }

    fn admit(&mut self, client: Client, watcher: Watcher) {
        self.make_room();
        let asked = Arc::new(AtomicBool::new(false));
        let (routes, note, web) = (self.routes.clone(), Arc::clone(&asked), self.web.clone());
        let http = self.http.clone();
        let task = self.tasks.spawn(async move {
            let Some(stream) = secured(client, &web).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                note.store(true, Ordering::Relaxed);
                let (routes, web) = (routes.clone(), web.clone());
                async move {
                    let headers = request.headers().clone();
                    let guarded = commands::ask_for_a_token(request.uri().path());
                    let pages = async { routes.call(request).await.unwrap_or_else(|never| match never {}) };
                    Ok::<_, Infallible>(web.answer(&headers, guarded, pages).await)
                }
            });
            // How a client's connection ends concerns nobody.
            let _ = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await;
        });
        self.places.push(Place { task, asked });
    }

    /// Closes a client when all places are taken: the oldest that never asked for anything, else the oldest.
    fn make_room(&mut self) {
        if self.places.len() < CLIENTS {
            return;
        }
        self.places.retain(|place| !place.task.is_finished());
        if self.places.len() >= CLIENTS {
            let idle = self.places.iter().position(|place| !place.asked.load(Ordering::Relaxed));
            self.places.remove(idle.unwrap_or(0)).task.abort();
        }
    }
}

/// The client's bytes, in TLS where it is set up; `None` when the client does not get that far in time.
async fn secured(client: Client, web: &Web) -> Option<Box<dyn Stream>> {
    let Client(stream) = client;
    let Some(tls) = web.tls() else { return Some(stream) };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    // Who fails it has heard why in an alert.
    let stream = tokio::time::timeout(HEADER_TIME, handshake).await.ok()?.ok()?;
    Some(Box::new(stream))
}
