//! A stand-in for the gateway of AWS IoT Core on loopback: TLS with one port for all protocols, told apart by ALPN.
//!
//! Never judges: it writes down what a client showed, and lets it in.

use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Codec, ConnAck, ConnectReturnCode, Packet, SubAck, SubscribeReasonCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::authority::Authority;

/// What one client showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) alpn: Option<String>,
    pub(crate) sni: Option<String>,
    pub(crate) certificates: usize,
    /// Path and query of the upgrade, where there was one.
    pub(crate) target: Option<String>,
    /// Its headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) keep_alive: u16,
    /// How many filters each SUBSCRIBE had.
    pub(crate) filters: Vec<usize>,
}

impl Shown {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) port: u16,
    shown: Arc<Mutex<Vec<Shown>>>,
    task: JoinHandle<()>,
}

impl Gateway {
    /// With a certificate for `localhost`; clients may show one of the same authority.
    pub(crate) async fn start(authority: &Authority) -> Self {
        let acceptor = acceptor(authority);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&shown);
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(acceptor.clone(), tcp, Arc::clone(&told)));
            }
        });
        Self { port, shown, task }
    }

    /// What clients showed that got as far as SUBSCRIBE.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap().clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// TLS with a certificate for `localhost`.
pub(crate) fn acceptor(authority: &Authority) -> TlsAcceptor {
    let signed = authority.sign("localhost");
    let chain = vec![CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = clients.allow_unauthenticated().build().unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_client_cert_verifier(clients).with_single_cert(chain, key).unwrap();
    config.alpn_protocols =
        ["x-amzn-mqtt-ca", "mqtt", "http/1.1"].map(|name| name.as_bytes().to_vec()).to_vec();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, told: Arc<Mutex<Vec<Shown>>>) {
    let Ok(tls) = acceptor.accept(tcp).await else { return };
    let session = tls.get_ref().1;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut shown = Shown {
        alpn: session.alpn_protocol().map(text),
        sni: session.server_name().map(str::to_owned),
        certificates: session.peer_certificates().map_or(0, <[_]>::len),
        ..Shown::default()
    };
    if shown.alpn.as_deref() == Some("http/1.1") {
        websocket(tls, &mut shown, &told).await;
    } else {
        raw(tls, &mut shown, &told).await;
    }
}

async fn raw(mut tls: TlsStream<TcpStream>, shown: &mut Shown, told: &Mutex<Vec<Shown>>) {
    let mut bytes = BytesMut::new();
    while tls.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
        let answer = answer(&mut bytes, shown, told);
        if tls.write_all(&answer).await.is_err() || tls.flush().await.is_err() {
            return;
        }
    }
}

async fn websocket(tls: TlsStream<TcpStream>, shown: &mut Shown, told: &Mutex<Vec<Shown>>) {
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let upgrade = |request: &Request, mut response: Response| {
        shown.target = Some(request.uri().to_string());
        let header = |(name, value): (_, &tokio_tungstenite::tungstenite::http::HeaderValue)| {
            let name: &tokio_tungstenite::tungstenite::http::HeaderName = name;
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        };
        shown.headers = request.headers().iter().map(header).collect();
        response.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(tls, upgrade).await else { return };
    let mut bytes = BytesMut::new();
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(frame) = message {
            bytes.extend_from_slice(&frame);
            let answer = answer(&mut bytes, shown, told);
            if !answer.is_empty() && socket.send(Message::Binary(answer.freeze())).await.is_err() {
                return;
            }
        }
    }
}

/// Answers every whole packet.
fn answer(bytes: &mut BytesMut, shown: &mut Shown, told: &Mutex<Vec<Shown>>) -> BytesMut {
    let mut codec = Codec { max_incoming_size: 1 << 20, max_outgoing_size: 1 << 20 };
    let mut answers = BytesMut::new();
    while let Some(packet) = codec.decode(bytes).unwrap() {
        let answer = match packet {
            Packet::Connect(connect) => {
                shown.username = connect.login.as_ref().map(|login| login.username.clone());
                shown.password = connect.login.map(|login| login.password);
                shown.keep_alive = connect.keep_alive;
                Packet::ConnAck(ConnAck { session_present: false, code: ConnectReturnCode::Success })
            }
            Packet::Subscribe(subscribe) => {
                let count = subscribe.filters.len();
                shown.filters.push(count);
                let mut told = told.lock().unwrap();
                // The last of a client's is the whole of it.
                if shown.filters.len() > 1 {
                    told.pop();
                }
                told.push(shown.clone());
                let return_codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); count];
                Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes })
            }
            Packet::PingReq => Packet::PingResp,
            Packet::ConnAck(_)
            | Packet::Publish(_)
            | Packet::PubAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::SubAck(_)
            | Packet::Unsubscribe(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp
            | Packet::Disconnect => continue,
        };
        codec.encode(answer, &mut answers).unwrap();
    }
    answers
}
