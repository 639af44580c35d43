//! An MQTT client on a signed WebSocket that shows what the cloud does, packet by packet and byte by byte.
//!
//! Never reconnects and never hides an ending.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use hangup::simulator::Cloud;
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, PubAck, Publish, Subscribe, SubscribeFilter, SubscribeReasonCode,
};
use rumqttc::mqttbytes::{self, QoS};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response, generate_key};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::rest::Rest;
use crate::signer::Signer;
use crate::{LONG, MAC};

pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn tls(cloud: &Cloud) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(cloud.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(cloud.mqtt_address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

async fn upgrade(
    cloud: &Cloud,
    target: &str,
    host: &str,
    subprotocol: Option<&str>,
) -> Result<(Socket, Response), Error> {
    let mut request = Request::builder()
        .uri(format!("wss://localhost{target}"))
        .header("Host", host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key());
    if let Some(subprotocol) = subprotocol {
        request = request.header("Sec-WebSocket-Protocol", subprotocol);
    }
    tokio_tungstenite::client_async(request.body(()).unwrap(), tls(cloud).await).await
}

/// The HTTP status of a refused upgrade; 101 when it was not refused.
pub async fn upgrade_status(cloud: &Cloud, target: &str, host: &str, subprotocol: Option<&str>) -> u16 {
    match upgrade(cloud, target, host, subprotocol).await {
        Ok(_) => 101,
        Err(Error::Http(answer)) => {
            assert!(answer.headers().contains_key("date"), "a client checks its clock by this");
            answer.status().as_u16()
        }
        Err(error) => panic!("{error}"),
    }
}

pub struct Client {
    pub socket: Socket,
    received: BytesMut,
}

impl Client {
    pub async fn connect(cloud: &Cloud, id: &str) -> Self {
        let (client, answer) = Self::try_connect(cloud, id).await;
        assert!(matches!(answer, Some(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success));
        client
    }

    pub async fn try_connect(cloud: &Cloud, id: &str) -> (Self, Option<Packet>) {
        let token = Rest::of(cloud).sign_in().await;
        let target = Signer::new(&token).target();
        let (socket, _) = upgrade(cloud, &target, "localhost", Some("mqtt")).await.unwrap();
        let mut client = Self { socket, received: BytesMut::new() };
        let mut connect = Connect::new(id);
        connect.keep_alive = 30;
        client.send(Packet::Connect(connect)).await;
        let answer = client.next().await;
        (client, answer)
    }

    pub async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.socket.send(Message::Binary(bytes.freeze())).await.unwrap();
    }

    /// The next packet; `None` when the connection ended.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.received, usize::MAX) {
                Ok(packet) => return Some(packet),
                Err(mqttbytes::Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            match tokio::time::timeout(LONG, self.socket.next()).await.expect("an answer") {
                Some(Ok(Message::Binary(bytes))) => self.received.extend_from_slice(&bytes),
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub async fn subscribe(&mut self, filters: &[&str]) -> Vec<SubscribeReasonCode> {
        self.send(subscribe(filters)).await;
        match self.next().await {
            Some(Packet::SubAck(ack)) => ack.return_codes,
            other => panic!("{other:?}"),
        }
    }

    /// Publishes a request and returns the first answer to it: its topic and its `response`.
    pub async fn ask(&mut self, suffix: &str, request: Value, response_topic: &str) -> (String, Value) {
        let topic = format!("cmd/52/navilink-{MAC}/{suffix}");
        let body = json!({
            "clientID": "me", "sessionID": "s", "protocolVersion": 2, "request": request,
            "requestTopic": topic, "responseTopic": response_topic,
        });
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, body.to_string());
        publish.pkid = 5;
        self.send(Packet::Publish(publish)).await;
        loop {
            let packet = self.next().await.expect("an answer");
            let Packet::Publish(message) = packet else {
                assert!(matches!(packet, Packet::PubAck(_)), "{packet:?}");
                continue;
            };
            self.send(Packet::PubAck(PubAck::new(message.pkid))).await;
            let payload: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            if payload.get("response").is_some() {
                return (message.topic, payload["response"].clone());
            }
        }
    }

    /// How the peer ends the raw TLS stream: the error of the read, or `None` for `close_notify`.
    pub async fn raw_end(self) -> Option<ErrorKind> {
        let mut stream = self.socket.into_inner();
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut rest))
            .await
            .expect("an end")
            .err()
            .map(|e| e.kind())
    }
}

pub fn subscribe(filters: &[&str]) -> Packet {
    let filters = filters.iter().map(|f| SubscribeFilter::new((*f).to_owned(), QoS::AtLeastOnce));
    let mut subscribe = Subscribe::new_many(filters);
    subscribe.pkid = 3;
    Packet::Subscribe(subscribe)
}
