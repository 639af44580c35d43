//! The REST side of the cloud: HTTPS around [`super::rest`].
//!
//! Never answers by itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::hub::Hub;
use super::rest;

/// Larger bodies are refused.
const LARGEST_BODY: usize = 64 * 1024;
/// Time for a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rest after a failed accept (no descriptors left), so that nothing spins.
const PAUSE: Duration = Duration::from_millis(200);
/// Time for open requests when the cloud stops.
const LINGER: Duration = Duration::from_secs(1);

/// Serves REST until told to stop.
pub(super) async fn serve(
    hub: Arc<Hub>,
    acceptor: TlsAcceptor,
    listener: TcpListener,
    address: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let (shaken, streams) = mpsc::channel(16);
    let app = Router::new().fallback(answer).with_state(hub);
    let mut stopped = stop.clone();
    let serving = axum::serve(Secured { streams, address }, app).with_graceful_shutdown(async move {
        let _ = stopped.changed().await;
    });
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        _ = &mut serving => {}
        () = shake_hands(listener, acceptor, shaken) => {}
        _ = stop.changed() => {
            let _ = tokio::time::timeout(LINGER, serving).await;
        }
    }
}

/// Accepts and shakes hands, each client in its own time. Never returns.
async fn shake_hands(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shaken: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => {
                    let (acceptor, shaken) = (acceptor.clone(), shaken.clone());
                    tasks.spawn(async move {
                        if let Ok(Ok(tls)) = tokio::time::timeout(PATIENCE, acceptor.accept(tcp)).await {
                            let _ = shaken.send((tls, peer)).await;
                        }
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Connections that speak TLS already.
struct Secured {
    streams: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl axum::serve::Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.streams.recv().await {
            Some(stream) => stream,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn answer(State(hub): State<Arc<Hub>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let text = |name: header::HeaderName| {
        head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let request = rest::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        content_type: text(header::CONTENT_TYPE),
        authorization: text(header::AUTHORIZATION),
        body: &body,
    };
    let answer = hub.ask(|world, now| world.rest(request, now));
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
