//! Scripted brokers on loopback, plans that lead to them, and what a link reports.
//!
//! Never decides what is right: the tests do.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use hangup::config::Secret;
use hangup::connection::ending::{EndedBy, Ending};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::link::Link;
use hangup::connection::plan::{Plan, Subscription, Transport};
use hangup::connection::report::Report;
use hangup::connection::{Detail, Failure, Phase};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Codec, ConnAck, ConnectReturnCode, Packet, SubAck, SubscribeReasonCode};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::codec::{Decoder, Encoder};

use crate::tls::Authority;

/// Long enough for a machine under load; tests wait for events, not for this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const EVERY_TRANSPORT: [Transport; 4] =
    [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

/// Limits that no healthy step reaches.
pub(crate) fn limits() -> Limits {
    Limits {
        dns: PATIENCE,
        tcp: PATIENCE,
        proxy: PATIENCE,
        tls: PATIENCE,
        websocket: PATIENCE,
        connack: PATIENCE,
        suback: PATIENCE,
        ping: PATIENCE,
        close: PATIENCE,
        silence: hangup::connection::limits::SILENCE,
    }
}

/// A plan that leads to `address` and subscribes to one topic.
pub(crate) fn plan(transport: Transport, address: SocketAddr) -> Plan {
    Plan {
        tls: transport.has_tls().then(|| Authority::ours().client()),
        request_target: Secret::new("/mqtt?X-Amz-Signature=0123&X-Amz-Security-Token=a%2Fb%3D"),
        keep_alive: Duration::from_secs(600),
        subscriptions: vec![required("a/+")],
        max_packet_size: 64 * 1024,
        max_outgoing_size: 128 * 1024,
        ..Plan::to(address.ip().to_string(), address.port(), transport, "a-client")
    }
}

pub(crate) fn required(filter: &str) -> Subscription {
    Subscription::new(filter, 1, true)
}

/// A broker that serves one connection by `script`, and the plan that leads to it.
pub(crate) async fn broker<F>(
    transport: Transport,
    script: impl FnOnce(Side) -> F + Send + 'static,
) -> (Plan, Script)
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = listener().await;
    let plan = plan(transport.clone(), address);
    let task = tokio::spawn(async move { script(Side::accept(&listener, &transport).await).await });
    (plan, Script(task))
}

/// A server of bytes for one connection, below any protocol.
pub(crate) async fn server<F>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SocketAddr, Script)
where
    F: Future<Output = ()> + Send,
{
    let (listener, address) = listener().await;
    let task = tokio::spawn(async move { script(listener.accept().await.unwrap().0).await });
    (address, Script(task))
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A running script; what it asserts counts when it is joined.
pub(crate) struct Script(JoinHandle<()>);

impl Script {
    pub(crate) async fn joined(self) {
        tokio::time::timeout(PATIENCE, self.0).await.expect("the script should end").unwrap();
    }

    /// Ends a script that waits for what does not come.
    pub(crate) fn stopped(self) {
        self.0.abort();
    }
}

enum Io {
    Tcp(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    Ws(Box<WebSocketStream<TcpStream>>),
    Wss(Box<WebSocketStream<tokio_rustls::server::TlsStream<TcpStream>>>),
}

/// The broker's side of a connection.
pub(crate) struct Side {
    io: Io,
    inbound: BytesMut,
    /// What the upgrade asked for.
    pub(crate) request: Option<(String, Option<String>)>,
}

impl Side {
    pub(crate) async fn accept(listener: &TcpListener, transport: &Transport) -> Self {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut request = None;
        let io = match transport {
            Transport::Tcp => Io::Tcp(tcp),
            Transport::Tls => Io::Tls(Box::new(Authority::ours().acceptor().accept(tcp).await.unwrap())),
            Transport::Ws => Io::Ws(Box::new(upgrade(tcp, &mut request).await)),
            Transport::Wss => {
                let tls = Authority::ours().acceptor().accept(tcp).await.unwrap();
                Io::Wss(Box::new(upgrade(tls, &mut request).await))
            }
        };
        Self { io, inbound: BytesMut::new(), request }
    }

    /// The next packet; `None` at the end, however it came.
    pub(crate) async fn packet(&mut self) -> Option<Packet> {
        let mut codec = Codec { max_incoming_size: 1 << 20, max_outgoing_size: 1 << 20 };
        loop {
            if let Some(packet) = codec.decode(&mut self.inbound).unwrap() {
                return Some(packet);
            }
            match &mut self.io {
                Io::Tcp(io) => read(io, &mut self.inbound).await?,
                Io::Tls(io) => read(io, &mut self.inbound).await?,
                Io::Ws(io) => message(io, &mut self.inbound).await?,
                Io::Wss(io) => message(io, &mut self.inbound).await?,
            }
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut codec = Codec { max_incoming_size: 1 << 20, max_outgoing_size: 1 << 20 };
        let mut bytes = BytesMut::new();
        codec.encode(packet, &mut bytes).unwrap();
        self.bytes(&bytes).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        match &mut self.io {
            Io::Tcp(io) => io.write_all(bytes).await.unwrap(),
            Io::Tls(io) => {
                io.write_all(bytes).await.unwrap();
                io.flush().await.unwrap();
            }
            Io::Ws(_) | Io::Wss(_) => self.frame(Message::Binary(Bytes::copy_from_slice(bytes))).await,
        }
    }

    /// One byte more, after a short while; whether the client still takes it.
    pub(crate) async fn trickles(&mut self) -> bool {
        let Io::Tcp(io) = &mut self.io else { panic!("no plain TCP") };
        tokio::time::sleep(Duration::from_millis(20)).await;
        io.write_all(&[0]).await.is_ok()
    }

    /// The same in so many parts, with a pause before each: a WebSocket frame is not whole before the last.
    pub(crate) async fn slowly(&mut self, bytes: &[u8], parts: usize, pause: Duration) {
        let mut frame = Vec::new();
        let bytes = match &self.io {
            Io::Tcp(_) | Io::Tls(_) => bytes,
            Io::Ws(_) | Io::Wss(_) => {
                frame.extend([0x82, 126]);
                frame.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
                frame.extend(bytes);
                &frame
            }
        };
        for part in bytes.chunks(bytes.len().div_ceil(parts)) {
            tokio::time::sleep(pause).await;
            match &mut self.io {
                Io::Tcp(io) => io.write_all(part).await.unwrap(),
                Io::Ws(io) => io.get_mut().write_all(part).await.unwrap(),
                Io::Tls(io) => {
                    io.write_all(part).await.unwrap();
                    io.flush().await.unwrap();
                }
                Io::Wss(io) => {
                    io.get_mut().write_all(part).await.unwrap();
                    io.get_mut().flush().await.unwrap();
                }
            }
        }
    }

    pub(crate) async fn frame(&mut self, frame: Message) {
        match &mut self.io {
            Io::Ws(io) => io.send(frame).await.unwrap(),
            Io::Wss(io) => io.send(frame).await.unwrap(),
            Io::Tcp(_) | Io::Tls(_) => panic!("no WebSocket"),
        }
    }

    /// The answer to a WebSocket ping.
    pub(crate) async fn pong(&mut self) -> Bytes {
        let Io::Ws(io) = &mut self.io else { panic!("no plain WebSocket") };
        match io.next().await {
            Some(Ok(Message::Pong(payload))) => payload,
            other => panic!("a pong expected: {other:?}"),
        }
    }

    /// Takes CONNECT.
    pub(crate) async fn connect(&mut self) {
        assert!(matches!(self.packet().await, Some(Packet::Connect(_))));
    }

    /// Takes CONNECT and accepts it.
    pub(crate) async fn accepted(&mut self) {
        self.connect().await;
        self.send(Packet::ConnAck(ConnAck { session_present: false, code: ConnectReturnCode::Success }))
            .await;
    }

    /// Accepts CONNECT and grants one SUBSCRIBE.
    pub(crate) async fn online(&mut self) {
        self.accepted().await;
        self.grant().await;
    }

    /// Grants one SUBSCRIBE; how many filters it had.
    pub(crate) async fn grant(&mut self) -> usize {
        let Some(Packet::Subscribe(subscribe)) = self.packet().await else { panic!("SUBSCRIBE expected") };
        let count = subscribe.filters.len();
        let return_codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); count];
        self.send(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes })).await;
        count
    }

    /// TCP FIN and nothing else; then waits for the client to go, so that no RST interferes.
    pub(crate) async fn fin(mut self) {
        match &mut self.io {
            Io::Tcp(io) => hang_up(io).await,
            Io::Tls(io) => hang_up(io.get_mut().0).await,
            Io::Ws(io) => hang_up(io.get_mut()).await,
            Io::Wss(io) => hang_up(io.get_mut().get_mut().0).await,
        }
    }

    /// TLS `close_notify`, then FIN.
    pub(crate) async fn close_notify(mut self) {
        match &mut self.io {
            Io::Tls(io) => hang_up(io.as_mut()).await,
            Io::Wss(io) => hang_up(io.get_mut()).await,
            Io::Tcp(_) | Io::Ws(_) => panic!("no TLS"),
        }
    }

    /// TCP RST.
    pub(crate) fn reset(self) {
        SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// A WebSocket close frame, with a code or without; then waits for the client to go.
    pub(crate) async fn websocket_close(mut self, code: Option<u16>) {
        self.frame(Message::Close(code.map(|code| CloseFrame { code: code.into(), reason: "".into() })))
            .await;
        while self.packet().await.is_some() {}
    }

    /// Reads on without ever answering, until the client goes.
    pub(crate) async fn ignore(mut self) {
        while self.packet().await.is_some() {}
    }

    /// Writes past TLS and WebSocket, straight into the TCP stream.
    pub(crate) async fn below(&mut self, bytes: &[u8]) {
        let tcp = match &mut self.io {
            Io::Tcp(io) => io,
            Io::Tls(io) => io.get_mut().0,
            Io::Ws(io) => io.get_mut(),
            Io::Wss(io) => io.get_mut().get_mut().0,
        };
        tcp.write_all(bytes).await.unwrap();
    }

    /// Writes four bytes again and again without ever reading, until `most` bytes are out or the client takes no more
    /// of them; how many it took.
    pub(crate) async fn flood(&mut self, four: [u8; 4], most: usize) -> usize {
        let Io::Tcp(io) = &mut self.io else { panic!("no plain TCP") };
        let chunk = four.repeat(16 * 1024);
        let mut sent = 0;
        while sent < most {
            // A client that reads takes something at once; on a slow machine a false alarm lets the test pass.
            let written = tokio::time::timeout(Duration::from_secs(2), io.write(&chunk[sent % 4..])).await;
            let Ok(count) = written else { break };
            sent += count.unwrap();
        }
        sent
    }

    /// From now on nothing that the client sends arrives, and nothing is acknowledged, as on a dead path.
    #[cfg(target_os = "linux")]
    pub(crate) fn hear_nothing(&self) {
        // BPF_RET | BPF_K: accept zero bytes of every packet.
        let drop_all = [socket2::SockFilter::new(0x06, 0, 0, 0)];
        SockRef::from(self.tcp()).attach_filter(&drop_all).unwrap();
    }

    fn tcp(&self) -> &TcpStream {
        match &self.io {
            Io::Tcp(io) => io,
            Io::Tls(io) => io.get_ref().0,
            Io::Ws(io) => io.get_ref(),
            Io::Wss(io) => io.get_ref().get_ref().0,
        }
    }

    /// What ends the client's stream: whether it said so at the WebSocket layer, and at the TLS layer.
    pub(crate) async fn farewell(mut self) -> Farewell {
        match &mut self.io {
            Io::Tcp(io) => {
                Farewell { close_frame: None, clean: io.read(&mut [0; 1]).await.is_ok_and(|n| n == 0) }
            }
            Io::Tls(io) => {
                Farewell { close_frame: None, clean: io.read(&mut [0; 1]).await.is_ok_and(|n| n == 0) }
            }
            Io::Ws(io) => last_frame(io).await,
            Io::Wss(io) => last_frame(io).await,
        }
    }
}

/// How a client left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Farewell {
    pub(crate) close_frame: Option<u16>,
    /// No error: FIN on TCP, `close_notify` on TLS.
    pub(crate) clean: bool,
}

async fn last_frame<S: AsyncRead + AsyncWrite + Unpin>(io: &mut WebSocketStream<S>) -> Farewell {
    let close_frame = match io.next().await {
        Some(Ok(Message::Close(frame))) => frame.map(|frame| u16::from(frame.code)),
        other => panic!("a close frame expected: {other:?}"),
    };
    let clean = loop {
        match io.next().await {
            None => break true,
            Some(Ok(_)) => {}
            Some(Err(_)) => break false,
        }
    };
    Farewell { close_frame, clean }
}

/// Closes for writing and waits until the other side is gone too.
pub(crate) async fn hang_up(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.shutdown().await.unwrap();
    hold(stream).await;
}

/// Keeps the connection open and silent until the client goes.
pub(crate) async fn hold(stream: &mut (impl AsyncRead + Unpin)) {
    let mut chunk = [0; 1024];
    while let Ok(1..) = stream.read(&mut chunk).await {}
}

async fn read(io: &mut (impl AsyncRead + Unpin), into: &mut BytesMut) -> Option<()> {
    io.read_buf(into).await.ok().filter(|count| *count > 0).map(|_| ())
}

async fn message<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut WebSocketStream<S>,
    into: &mut BytesMut,
) -> Option<()> {
    match io.next().await {
        Some(Ok(Message::Binary(bytes))) => into.extend_from_slice(&bytes),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
        _ => return None,
    }
    Some(())
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    asked: &mut Option<(String, Option<String>)>,
) -> WebSocketStream<S> {
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let answer = |request: &Request, mut response: Response| {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        *asked = Some((request.uri().to_string(), host));
        response.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(io, answer).await.unwrap()
}

/// Runs a link to its end.
pub(crate) async fn run(plan: Plan, limits: Limits) -> Vec<Report> {
    let mut link = Link::new(Arc::new(plan), limits);
    until_end(&mut link).await
}

pub(crate) async fn until_end(link: &mut Link) -> Vec<Report> {
    let mut reports = Vec::new();
    while !matches!(reports.last(), Some(Report::Failed(_) | Report::Ended(_))) {
        let report = tokio::time::timeout(PATIENCE, link.next()).await;
        reports.push(report.expect("the link should report something"));
    }
    reports
}

/// The failure of an attempt.
pub(crate) fn failed(reports: &[Report]) -> &Failure {
    match reports.last() {
        Some(Report::Failed(failure)) => failure,
        other => panic!("a failed attempt expected: {other:?}"),
    }
}

/// The ending of a session.
pub(crate) fn ended(reports: &[Report]) -> &Ending {
    match reports.last() {
        Some(Report::Ended(ending)) => ending,
        other => panic!("an ended session expected: {other:?}"),
    }
}

/// Phase, error, detail and class in one assertion; and that the tables know the pair and no secret is shown.
#[track_caller]
pub(crate) fn assert_failure(
    failure: &Failure,
    phase: Phase,
    error: ErrorName,
    detail: Detail,
    class: RetryClass,
) {
    assert_eq!((failure.phase, failure.error, failure.detail, failure.class), (phase, error, detail, class));
    assert!(error.phases().contains(&phase), "{error} is not expected in {phase:?}");
    assert!(!failure.message.contains("X-Amz") && !failure.message.is_empty());
}

/// The same for the end of a session, and who ended it.
#[track_caller]
pub(crate) fn assert_ending(
    ending: &Ending,
    phase: Phase,
    error: ErrorName,
    detail: Detail,
    class: RetryClass,
    by: EndedBy,
) {
    assert_failure(&ending.failure, phase, error, detail, class);
    assert_eq!(ending.ended_by, by);
}
