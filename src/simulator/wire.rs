//! The MQTT side of the cloud: listens, shakes hands, moves packets, and ends connections as it is told to.
//!
//! Never ends a connection in another way than ordered: how it ends is what the exporter is tested with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::{self, v4::Packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::broker::ConnectionId;
use super::broker::rules::Reason;
use super::faults::Ending;
use super::hub::{Hub, Order};
use super::signature::Upgrade;
use super::world::UpgradeRefused;
use crate::clock::{self, Now};

/// Packets larger than this are not read to their end. AWS takes 128 KiB of payload.
const LARGEST_PACKET: usize = 256 * 1024;
/// Largest packet that a fault may send.
const LARGEST_FAULT: usize = 64 * 1024 * 1024;
/// Time for a handshake, and for a client to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time for a client to see an end and close its side.
const LINGER: Duration = Duration::from_secs(1);
/// Rest after a failed accept (no descriptors left) or a port that is taken, so that nothing spins.
const REST: Duration = Duration::from_millis(200);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Listens until told to stop; a scripted fault may close the port for a while.
pub(super) async fn listen(
    hub: Arc<Hub>,
    acceptor: TlsAcceptor,
    listener: TcpListener,
    address: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let mut deaf_until = hub.deaf_until();
    let mut listener = Some(listener);
    let mut tasks = JoinSet::new();
    loop {
        let Some(open) = &listener else {
            let until = *deaf_until.borrow_and_update();
            tokio::select! {
                () = clock::sleep_until(until) => listener = reopen(address).await,
                _ = deaf_until.changed() => {}
                _ = stop.changed() => break,
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => match accepted {
                Ok((tcp, _)) => {
                    tasks.spawn(serve(Arc::clone(&hub), acceptor.clone(), tcp, stop.clone()));
                }
                Err(_) => tokio::time::sleep(REST).await,
            },
            _ = deaf_until.changed() => listener = None,
            Some(_) = tasks.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    // The connections see the same signal and close politely.
    let _ = tokio::time::timeout(LINGER, async { while tasks.join_next().await.is_some() {} }).await;
}

async fn reopen(address: SocketAddr) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!("cloud: listens again");
            Some(listener)
        }
        Err(error) => {
            tracing::warn!("cloud: cannot listen again yet: {error}");
            // Somebody was given the port meanwhile.
            tokio::time::sleep(REST).await;
            None
        }
    }
}

async fn serve(hub: Arc<Hub>, acceptor: TlsAcceptor, tcp: TcpStream, mut stop: watch::Receiver<bool>) {
    let _ = tcp.set_nodelay(true);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(PATIENCE, shake_hands(&hub, &acceptor, tcp)) => shaken.ok().flatten(),
        _ = stop.changed() => None,
    };
    let Some((mut socket, id, mut orders)) = shaken else { return };
    let ending = converse(&hub, &mut socket, id, &mut orders, &mut stop).await;
    if let Ending::Silence(_) = ending {
        // The broker does not know: for it the client is there until its keep-alive passes.
        finish(socket, ending, &mut stop).await;
        hub.left(id);
    } else {
        hub.left(id);
        finish(socket, ending, &mut stop).await;
    }
}

type Shaken = (Socket, ConnectionId, mpsc::UnboundedReceiver<Order>);

async fn shake_hands(hub: &Hub, acceptor: &TlsAcceptor, tcp: TcpStream) -> Option<Shaken> {
    let tls = acceptor.accept(tcp).await.ok()?;
    let mut admitted = None;
    #[expect(clippy::result_large_err, reason = "the type is the library's")]
    let decide = |request: &Request, response: Response| match admit(hub, request) {
        Ok(admission) => {
            admitted = Some(admission);
            Ok(accept(response))
        }
        Err(refused) => {
            tracing::info!("cloud: refuses an upgrade with {}: {}", refused.status, refused.why);
            Err(refuse(&refused))
        }
    };
    let socket = tokio_tungstenite::accept_hdr_async(tls, decide).await;
    match (socket, admitted) {
        (Ok(socket), Some((id, orders))) => Some((socket, id, orders)),
        (Err(_), Some((id, _))) => {
            hub.left(id);
            None
        }
        (_, None) => None,
    }
}

fn admit(
    hub: &Hub,
    request: &Request,
) -> Result<(ConnectionId, mpsc::UnboundedReceiver<Order>), UpgradeRefused> {
    let text = |name: header::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let upgrade = Upgrade {
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        host: text(header::HOST),
    };
    let subprotocols = text(header::SEC_WEBSOCKET_PROTOCOL);
    hub.admit(|world, now| world.upgrade(upgrade, subprotocols, now))
}

fn accept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
    headers.extend(date(clock::now()).map(|date| (header::DATE, date)));
    response
}

fn refuse(refused: &UpgradeRefused) -> ErrorResponse {
    let body = format!("{{\"message\":\"{}\"}}", if refused.status == 403 { "Forbidden" } else { "Refused" });
    let length = HeaderValue::from(body.len());
    let mut response = ErrorResponse::new(Some(body));
    *response.status_mut() = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, length);
    headers.extend(date(clock::now()).map(|date| (header::DATE, date)));
    if matches!(refused.status, 429 | 503) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

fn date(now: Now) -> Option<HeaderValue> {
    let timestamp = jiff::Timestamp::try_from(now.wall).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?;
    HeaderValue::from_str(&text).ok()
}

/// Moves packets both ways until one side ends it; says how to end.
async fn converse(
    hub: &Hub,
    socket: &mut Socket,
    id: ConnectionId,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    stop: &mut watch::Receiver<bool>,
) -> Ending {
    let mut received = BytesMut::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { return Ending::HangUp };
                match tokio::time::timeout(PATIENCE, obey(socket, order, orders)).await {
                    Ok(Ok(None)) => {}
                    Ok(Ok(Some(ending))) => return ending,
                    Ok(Err(_)) | Err(_) => return Ending::Reset,
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    received.extend_from_slice(&bytes);
                    read_packets(hub, id, &mut received);
                }
                Some(Ok(Message::Text(_))) => hub.act(|world, now| world.spoilt(id, Reason::Protocol, now)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ending::HangUp,
            },
            _ = stop.changed() => return Ending::WebsocketClose(1001),
        }
    }
}

fn read_packets(hub: &Hub, id: ConnectionId, received: &mut BytesMut) {
    loop {
        match Packet::read(received, LARGEST_PACKET) {
            Ok(packet) => hub.act(|world, now| world.packet(id, packet, now)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => return,
            Err(error) => {
                let large = matches!(error, mqttbytes::Error::PayloadSizeLimitExceeded(_));
                let reason = if large { Reason::Limit } else { Reason::Protocol };
                received.clear();
                return hub.act(|world, now| world.spoilt(id, reason, now));
            }
        }
    }
}

/// Does this order and those that wait behind it, with one flush.
async fn obey(
    socket: &mut Socket,
    first: Order,
    orders: &mut mpsc::UnboundedReceiver<Order>,
) -> Result<Option<Ending>, tokio_tungstenite::tungstenite::Error> {
    let mut next = Some(first);
    while let Some(order) = next {
        match order {
            Order::Packet(packet) => {
                let mut bytes = BytesMut::new();
                if packet.write(&mut bytes, LARGEST_FAULT).is_ok() {
                    socket.feed(Message::Binary(bytes.freeze())).await?;
                }
            }
            Order::Raw(bytes) => socket.feed(Message::Binary(bytes)).await?,
            Order::Text => socket.feed(Message::text("this is not MQTT")).await?,
            Order::End(ending) => {
                if !matches!(ending, Ending::Silence(_)) {
                    socket.flush().await?;
                }
                return Ok(Some(ending));
            }
        }
        next = orders.try_recv().ok();
    }
    socket.flush().await?;
    Ok(None)
}

async fn finish(mut socket: Socket, ending: Ending, stop: &mut watch::Receiver<bool>) {
    match ending {
        Ending::HangUp => hang_up(socket).await,
        Ending::WebsocketClose(code) => {
            let frame = CloseFrame { code: code.into(), reason: "".into() };
            let _ = tokio::time::timeout(LINGER, socket.close(Some(frame))).await;
            hang_up(socket).await;
        }
        Ending::Fin => {
            let tcp = socket.get_mut().get_mut().0;
            let _ = tcp.shutdown().await;
            drain(tcp).await;
        }
        Ending::Reset => reset(&socket),
        Ending::Silence(lasts) => {
            black_hole(socket.get_ref().get_ref().0);
            tokio::select! {
                () = tokio::time::sleep(lasts) => {}
                _ = stop.changed() => {}
            }
            reset(&socket);
        }
    }
}

/// `close_notify` and FIN; then waits for the client's side, so that the system does not turn it into a reset.
async fn hang_up(mut socket: Socket) {
    let _ = tokio::time::timeout(LINGER, socket.get_mut().shutdown()).await;
    drain(socket.get_mut().get_mut().0).await;
}

async fn drain(tcp: &mut TcpStream) {
    let mut scratch = BytesMut::with_capacity(4096);
    let until_end = async {
        loop {
            scratch.clear();
            if !matches!(tcp.read_buf(&mut scratch).await, Ok(read) if read > 0) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, until_end).await;
}

/// The socket is closed with a RST when it is dropped.
fn reset(socket: &Socket) {
    let tcp = socket2::SockRef::from(socket.get_ref().get_ref().0);
    let _ = tcp.set_linger(Some(Duration::ZERO));
}

/// Drops what arrives before TCP sees it, so that nothing is acknowledged: a dead path, not a lazy reader.
#[cfg(target_os = "linux")]
fn black_hole(tcp: &TcpStream) {
    // BPF_RET | BPF_K with 0: keep no byte of any packet.
    let drop_all = [socket2::SockFilter::new(0x06, 0, 0, 0)];
    if let Err(error) = socket2::SockRef::from(tcp).attach_filter(&drop_all) {
        tracing::warn!("cloud: the path stays alive, only the reading stops: {error}");
    }
}

/// Elsewhere only the reading stops.
#[cfg(not(target_os = "linux"))]
fn black_hole(_: &TcpStream) {}
