//! The demo cloud, driven by raw clients that share no code with the exporter.
//!
//! Never uses `hangup`'s own signer, link or source: the contract is the vendor protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside of test functions fail a test by panicking"
)]

use std::io::ErrorKind;
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use hangup::simulator::broker::Suback;
use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Fault, Settings, Story};
use ring::{digest, hmac};
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, PubAck, Publish, SubscribeFilter, SubscribeReasonCode,
};
use rumqttc::mqttbytes::{self, QoS};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response, generate_key};
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{Error, protocol::CloseFrame};

const MAC: &str = "020000aabb01";
const ST: &str = "cmd/52/navilink-020000aabb01/st";
/// Nothing in these tests takes long; this only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

// ---------------------------------------------------------------- REST

struct Rest {
    base: String,
    client: reqwest::Client,
}

impl Rest {
    fn of(cloud: &Cloud) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        });
        let ca = reqwest::Certificate::from_pem(cloud.ca_pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        Self { base: cloud.rest_url(), client }
    }

    async fn raw(&self, path: &str, token: Option<&str>, kind: &str, body: String) -> (u16, String) {
        let mut request =
            self.client.post(format!("{}{path}", self.base)).header("content-type", kind).body(body);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("date"));
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let (status, text) = self.raw(path, token, "application/json", body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn sign_in(&self) -> Value {
        let body = json!({ "userId": DEMO_EMAIL, "password": DEMO_PASSWORD });
        let (status, answer) = self.post("/user/sign-in", None, body).await;
        assert_eq!((status, &answer["code"]), (200, &json!(200)), "{}", answer["msg"]);
        answer["data"]["token"].clone()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

// ---------------------------------------------------------------- SigV4, written once more

#[derive(Clone)]
struct Signer {
    token: Value,
    host: String,
    service: String,
    time: SystemTime,
    expires: Option<u64>,
    sign_the_token: bool,
}

impl Signer {
    fn new(token: &Value) -> Self {
        Self {
            token: token.clone(),
            host: "localhost".into(),
            service: "iotdevicegateway".into(),
            time: hangup::clock::now().wall,
            expires: None,
            sign_the_token: false,
        }
    }

    fn target(&self) -> String {
        let time = jiff::Timestamp::try_from(self.time).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        let scope = format!("{day}/us-east-1/{}/aws4_request", self.service);
        let session = percent(text(&self.token["sessionToken"]));
        let credential = percent(&format!("{}/{scope}", text(&self.token["accessKeyId"])));
        let mut query =
            format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={time}");
        if let Some(expires) = self.expires {
            query += &format!("&X-Amz-Expires={expires}");
        }
        if self.sign_the_token {
            query += &format!("&X-Amz-Security-Token={session}");
        }
        query += "&X-Amz-SignedHeaders=host";
        let request = format!("GET\n/mqtt\n{query}\nhost:{}\n\nhost\n{}", self.host, sha(""));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha(&request));
        let mut key = format!("AWS4{}", text(&self.token["secretKey"])).into_bytes();
        for part in [day, "us-east-1", self.service.as_str(), "aws4_request"] {
            key = mac(&key, part);
        }
        let signature: String = mac(&key, &to_sign).iter().map(|b| format!("{b:02x}")).collect();
        query += &format!("&X-Amz-Signature={signature}");
        if !self.sign_the_token {
            query += &format!("&X-Amz-Security-Token={session}");
        }
        format!("/mqtt?{query}")
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn sha(message: &str) -> String {
    digest::digest(&digest::SHA256, message.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

// ---------------------------------------------------------------- WebSocket and MQTT

type Socket = WebSocketStream<TlsStream<TcpStream>>;

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
async fn upgrade_status(cloud: &Cloud, target: &str, host: &str, subprotocol: Option<&str>) -> u16 {
    match upgrade(cloud, target, host, subprotocol).await {
        Ok(_) => 101,
        Err(Error::Http(answer)) => {
            assert!(answer.headers().contains_key("date"), "a client checks its clock by this");
            answer.status().as_u16()
        }
        Err(error) => panic!("{error}"),
    }
}

struct Client {
    socket: Socket,
    received: BytesMut,
}

impl Client {
    async fn connect(cloud: &Cloud, id: &str) -> Self {
        let (mut client, answer) = Self::try_connect(cloud, id).await;
        assert!(matches!(answer, Some(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success));
        client.received.reserve(1);
        client
    }

    async fn try_connect(cloud: &Cloud, id: &str) -> (Self, Option<Packet>) {
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

    async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.socket.send(Message::Binary(bytes.freeze())).await.unwrap();
    }

    /// The next packet; `None` when the connection ended.
    async fn next(&mut self) -> Option<Packet> {
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

    async fn subscribe(&mut self, filters: &[&str]) -> Vec<SubscribeReasonCode> {
        self.send(subscribe(filters)).await;
        match self.next().await {
            Some(Packet::SubAck(ack)) => ack.return_codes,
            other => panic!("{other:?}"),
        }
    }

    /// Publishes a request and returns the first answer to it: its topic and its `response`.
    async fn ask(&mut self, suffix: &str, request: Value, response_topic: &str) -> (String, Value) {
        let topic = format!("cmd/52/navilink-{MAC}/{suffix}");
        let body = json!({
            "clientID": "me", "sessionID": "s", "protocolVersion": 2, "request": request,
            "requestTopic": topic, "responseTopic": response_topic,
        });
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, body.to_string());
        publish.pkid = 5;
        self.send(Packet::Publish(publish)).await;
        loop {
            match self.next().await.expect("an answer") {
                Packet::Publish(message) => {
                    self.send(Packet::PubAck(PubAck::new(message.pkid))).await;
                    let payload: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
                    if payload.get("response").is_some() {
                        return (message.topic, payload["response"].clone());
                    }
                }
                Packet::PubAck(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// How the peer ends the raw TLS stream: the error of the read, or `None` for `close_notify`.
    async fn raw_end(self) -> Option<ErrorKind> {
        let mut stream = self.socket.into_inner();
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut rest))
            .await
            .expect("an end")
            .err()
            .map(|e| e.kind())
    }
}

fn subscribe(filters: &[&str]) -> Packet {
    let filters = filters.iter().map(|f| SubscribeFilter::new((*f).to_owned(), QoS::AtLeastOnce));
    let mut subscribe = mqttbytes::v4::Subscribe::new_many(filters);
    subscribe.pkid = 3;
    Packet::Subscribe(subscribe)
}

fn status_request() -> Value {
    json!({ "command": 16_777_219, "deviceType": 52, "macAddress": MAC, "additionalValue": "0042" })
}

fn quick() -> Settings {
    let round_trip = Duration::from_millis(5)..=Duration::from_millis(20);
    Settings { round_trip, model_speed: 60.0, ..Settings::default() }
}

async fn start(settings: Settings) -> Cloud {
    Cloud::start(settings).await.unwrap()
}

// ---------------------------------------------------------------- REST tests

#[tokio::test]
async fn sign_in_has_the_quirks_of_the_vendor() {
    let cloud = start(quick()).await;
    let rest = Rest::of(&cloud);
    let token = rest.sign_in().await;
    assert_eq!(token["authorizationExpiresIn"], 3600);
    let sign_in = |user: &str, password: &str| json!({ "userId": user, "password": password });
    let (status, wrong) = rest.post("/user/sign-in", None, sign_in(DEMO_EMAIL, "no")).await;
    assert_eq!((status, &wrong["code"], &wrong["msg"]), (200, &json!(1001), &json!("INVALID_USER_PASSWORD")));
    let (status, nobody) = rest.post("/user/sign-in", None, sign_in("nobody@example.com", "no")).await;
    assert_eq!((status, &nobody["msg"]), (200, &json!("USER_NOT_FOUND")));
    let (_, bad) = rest.post("/user/sign-in", None, json!({ "user": 1 })).await;
    assert_eq!(bad["msg"], "COMMON_BAD_REQUEST");
    let form =
        rest.raw("/user/sign-in", None, "text/plain", sign_in(DEMO_EMAIL, DEMO_PASSWORD).to_string()).await;
    assert!(form.1.contains("COMMON_BAD_REQUEST"), "{}", form.1);
    cloud.stop().await;
}

#[tokio::test]
async fn the_token_goes_raw_and_lists_two_heaters() {
    let cloud = start(quick()).await;
    let rest = Rest::of(&cloud);
    let token = rest.sign_in().await;
    let access = text(&token["accessToken"]);
    let list = json!({ "offset": 0, "count": 20, "userId": DEMO_EMAIL });
    let (status, _) = rest.post("/device/list", Some(&format!("Bearer {access}")), list.clone()).await;
    assert_eq!(status, 401, "a prefix is not wanted");
    assert_eq!(rest.post("/device/list", None, list.clone()).await.0, 401);
    let (status, answer) = rest.post("/device/list", Some(access), list).await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2));
    assert_eq!(answer["data"][0]["deviceInfo"]["macAddress"], MAC);
    assert_eq!(answer["data"][0]["deviceInfo"]["connected"], 2);
    let page = json!({ "offset": 1, "count": 1, "userId": DEMO_EMAIL });
    let (_, answer) = rest.post("/device/list", Some(access), page).await;
    assert_eq!(answer["data"][0]["deviceInfo"]["deviceName"], "Guest house");
    let many = json!({ "offset": 0, "count": 21, "userId": DEMO_EMAIL });
    assert_eq!(rest.post("/device/list", Some(access), many).await.1["msg"], "COMMON_BAD_REQUEST");
    let firmware = json!({ "macAddress": MAC, "additionalValue": "0042", "userId": DEMO_EMAIL });
    let (_, answer) = rest.post("/device/firmware/info", Some(access), firmware).await;
    assert_eq!(answer["data"]["firmwares"].as_array().unwrap().len(), 2);
    assert_eq!(
        rest.post("/no/such", Some(access), json!({})).await,
        (
            404,
            json!({
                "code": 404, "msg": "NOT_FOUND", "data": null,
            })
        )
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_refresh_rotates_and_brings_no_aws_keys() {
    let cloud = start(quick()).await;
    let rest = Rest::of(&cloud);
    let token = rest.sign_in().await;
    let body = json!({ "refreshToken": token["refreshToken"] });
    let (_, fresh) = rest.post("/auth/refresh", None, body.clone()).await;
    assert!(fresh["data"]["accessToken"].is_string() && fresh["data"].get("accessKeyId").is_none());
    assert_eq!(rest.post("/auth/refresh", None, body).await.0, 401, "a refresh token works once");
    cloud.stop().await;
}

#[tokio::test]
async fn rest_faults_do_what_they_say() {
    let cloud = start(Settings { secondary_forbidden: true, ..quick() }).await;
    let rest = Rest::of(&cloud);
    let token = rest.sign_in().await;
    let access = text(&token["accessToken"]);
    let info = json!({ "macAddress": MAC, "additionalValue": "0042", "userId": DEMO_EMAIL });
    assert_eq!(rest.post("/device/info", Some(access), info.clone()).await.0, 403);
    cloud.faults().inject(Fault::ExpiredAccess);
    assert_eq!(rest.post("/device/info", Some(access), info).await.0, 401);
    let sign_in = json!({ "userId": DEMO_EMAIL, "password": DEMO_PASSWORD });
    cloud.faults().inject(Fault::RefusedSignIn(LONG));
    assert_eq!(rest.post("/user/sign-in", None, sign_in.clone()).await.1["code"], 1001);
    cloud.faults().inject(Fault::RestStatus(429, LONG));
    assert_eq!(rest.post("/user/sign-in", None, sign_in.clone()).await.0, 429);
    cloud.faults().inject(Fault::RestStatus(503, LONG));
    let (status, page) = rest.raw("/user/sign-in", None, "application/json", sign_in.to_string()).await;
    assert!(status == 503 && page.starts_with("<html>"), "{status} {page}");
    cloud.stop().await;
}

// ---------------------------------------------------------------- upgrade tests

#[tokio::test]
async fn the_upgrade_checks_what_aws_checks() {
    let cloud = start(quick()).await;
    let token = Rest::of(&cloud).sign_in().await;
    let good = Signer::new(&token);
    let hours = |h: u64| Duration::from_secs(h * 3600);
    let cases = [
        ("as it should be", good.clone(), "localhost", Some("mqtt"), 101),
        ("a port in the Host header", good.clone(), "localhost:8443", Some("mqtt"), 101),
        ("an expiry", Signer { expires: Some(86_400), ..good.clone() }, "localhost", Some("mqtt"), 101),
        (
            "a port in the signed host",
            Signer { host: "localhost:8443".into(), ..good.clone() },
            "localhost:8443",
            Some("mqtt"),
            403,
        ),
        (
            "the token signed too",
            Signer { sign_the_token: true, ..good.clone() },
            "localhost",
            Some("mqtt"),
            403,
        ),
        ("another service", Signer { service: "iot".into(), ..good.clone() }, "localhost", Some("mqtt"), 403),
        (
            "another host",
            Signer { host: "example.com".into(), ..good.clone() },
            "example.com",
            Some("mqtt"),
            403,
        ),
        (
            "a slow clock",
            Signer { time: good.time - hours(1), ..good.clone() },
            "localhost",
            Some("mqtt"),
            403,
        ),
        (
            "a fast clock",
            Signer { time: good.time + hours(1), ..good.clone() },
            "localhost",
            Some("mqtt"),
            403,
        ),
        ("no subprotocol", good.clone(), "localhost", None, 400),
    ];
    for (what, signer, host, subprotocol, expected) in cases {
        let status = upgrade_status(&cloud, &signer.target(), host, subprotocol).await;
        assert_eq!(status, expected, "{what}");
    }
    assert_eq!(upgrade_status(&cloud, "/mqtt", "localhost", Some("mqtt")).await, 403, "no signature at all");
    assert_eq!(upgrade_status(&cloud, "/", "localhost", Some("mqtt")).await, 404);
    cloud.faults().inject(Fault::ExpiredCredentials);
    assert_eq!(upgrade_status(&cloud, &good.target(), "localhost", Some("mqtt")).await, 403, "lapsed");
    cloud.faults().inject(Fault::UpgradeStatus(429, LONG));
    let again = Signer::new(&Rest::of(&cloud).sign_in().await);
    assert_eq!(upgrade_status(&cloud, &again.target(), "localhost", Some("mqtt")).await, 429);
    cloud.stop().await;
}

#[tokio::test]
async fn the_authority_is_what_is_written_to_the_file() {
    let cloud = start(quick()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    cloud.write_ca(file.path()).unwrap();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), cloud.ca_pem());
    assert!(cloud.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    cloud.stop().await;
}

// ---------------------------------------------------------------- MQTT tests

#[tokio::test]
async fn a_status_is_asked_for_and_answered() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    let codes = client.subscribe(&["cmd/52/navilink-020000aabb01/#", "cmd/52/me/res/#"]).await;
    assert_eq!(codes.len(), 2);
    let ack = "cmd/52/navilink-020000aabb01/me/res";
    let (topic, response) = client.ask("st", status_request(), ack).await;
    assert_eq!((topic.as_str(), &response["macAddress"]), (ack, &json!(MAC)));
    assert_eq!(response["status"].as_object().unwrap().len(), 102, "all keys that a device sends");
    let upper = response["status"]["tankUpperTemperature"].as_i64().unwrap();
    assert!((300..700).contains(&upper), "{upper}");

    let did =
        json!({ "command": 16_777_217, "deviceType": 52, "macAddress": MAC, "additionalValue": "0042" });
    let (_, response) = client.ask("st/did", did, ack).await;
    assert_eq!(response["feature"]["volumeCode"], 2);

    let daily = json!({ "command": 16_777_225, "macAddress": MAC, "month": [1], "year": 2026 });
    let reply = "cmd/52/me/res/energy-usage-daily-query/rd";
    let (topic, response) = client.ask("st/energy-usage-daily-query/rd", daily, reply).await;
    assert_eq!((topic.as_str(), response["usage"][0]["data"].as_array().unwrap().len()), (reply, 31));

    let warmer = json!({ "command": 33_554_464, "macAddress": MAC, "mode": "dhw-temperature", "param": [126], "paramStr": "" });
    let (_, response) = client.ask("ctrl", warmer.clone(), ack).await;
    assert_eq!(response["status"]["dhwTemperatureSetting"], 126);
    let (topic, response) = client.ask("ctrl", warmer, ack).await;
    assert_eq!(
        (topic.as_str(), &response["failCode"]),
        ("cmd/52/navilink-020000aabb01/ctrl-fail", &json!(2))
    );
    cloud.stop().await;
}

#[tokio::test]
async fn own_requests_come_back_and_a_ping_is_answered() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    client.subscribe(&["cmd/52/navilink-020000aabb01/#"]).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp));
    let mut publish = Publish::new(ST, QoS::AtLeastOnce, "{}");
    publish.pkid = 77;
    client.send(Packet::Publish(publish)).await;
    assert_eq!(client.next().await, Some(Packet::PubAck(PubAck::new(77))));
    assert!(matches!(client.next().await, Some(Packet::Publish(echo)) if echo.topic == ST));
    cloud.stop().await;
}

#[tokio::test]
async fn a_heater_that_is_offline_says_good_bye_and_then_nothing() {
    let cloud = start(quick()).await;
    let rest = Rest::of(&cloud);
    let mut client = Client::connect(&cloud, "me").await;
    client.subscribe(&["evt/52/navilink-020000aabb01/#", "cmd/52/navilink-020000aabb01/#"]).await;
    cloud.faults().inject(Fault::HeaterOffline(0, Duration::from_secs(2)));
    let Some(Packet::Publish(event)) = client.next().await else { panic!("an event") };
    assert_eq!(event.topic, "evt/52/navilink-020000aabb01/connection");
    let token = rest.sign_in().await;
    let list = json!({ "offset": 0, "count": 20, "userId": DEMO_EMAIL });
    let (_, answer) = rest.post("/device/list", Some(text(&token["accessToken"])), list).await;
    assert_eq!(answer["data"][0]["deviceInfo"]["connected"], 1);
    let mut publish = Publish::new(ST, QoS::AtMostOnce, json!({ "request": status_request() }).to_string());
    publish.pkid = 0;
    client.send(Packet::Publish(publish)).await;
    // The echo, and then nothing until the heater is back.
    assert!(matches!(client.next().await, Some(Packet::Publish(echo)) if echo.topic == ST));
    let Some(Packet::Publish(event)) = client.next().await else { panic!("an event") };
    let event: Value = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(event["event"]["connection"]["status"], 1);
    cloud.stop().await;
}

#[tokio::test]
async fn the_same_client_id_takes_over() {
    let cloud = start(quick()).await;
    let first = Client::connect(&cloud, "me").await;
    // AWS takes one CONNECT a second of one client id.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut second = Client::connect(&cloud, "me").await;
    assert_eq!(first.raw_end().await, None, "an orderly close, without a reason");
    second.send(Packet::PingReq).await;
    assert_eq!(second.next().await, Some(Packet::PingResp));
    cloud.stop().await;
}

#[tokio::test]
async fn a_denied_topic_costs_the_connection() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    client.send(subscribe(&["#"])).await;
    assert_eq!(client.raw_end().await, None);
    cloud.stop().await;
}

// ---------------------------------------------------------------- faults on the wire

#[tokio::test]
async fn endings_look_on_the_socket_as_they_are_called() {
    let cloud = start(quick()).await;
    let cases = [
        (Fault::HangUp, None),
        (Fault::Fin, Some(ErrorKind::UnexpectedEof)),
        (Fault::Reset, Some(ErrorKind::ConnectionReset)),
        (Fault::Silence(Duration::from_millis(300)), Some(ErrorKind::ConnectionReset)),
    ];
    for (index, (fault, expected)) in cases.into_iter().enumerate() {
        let client = Client::connect(&cloud, &format!("me{index}")).await;
        cloud.faults().inject(fault);
        assert_eq!(client.raw_end().await, expected, "{fault:?}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn the_close_code_arrives() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::WebsocketClose(1001));
    let Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) = client.socket.next().await else {
        panic!("a close frame")
    };
    assert_eq!(u16::from(code), 1001);
    cloud.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_path_acknowledges_nothing() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    let tcp = socket2::SockRef::from(client.socket.get_ref().get_ref().0);
    tcp.set_tcp_user_timeout(Some(Duration::from_millis(400))).unwrap();
    cloud.faults().inject(Fault::Silence(LONG));
    // The order takes a moment to reach the socket, so something is sent again and again.
    let error = loop {
        let mut stream = client.socket.get_mut();
        if let Err(error) = stream.write_all(b"unheard").await {
            break error.kind();
        }
        let mut byte = [0];
        match tokio::time::timeout(Duration::from_millis(100), (&mut stream).read(&mut byte)).await {
            Ok(Err(error)) => break error.kind(),
            Ok(Ok(read)) => panic!("{read} bytes"),
            Err(_) => {}
        }
    };
    assert_eq!(error, ErrorKind::TimedOut, "the kernel gave up: no acknowledgement came");
    cloud.stop().await;
}

#[tokio::test]
async fn a_frozen_broker_says_nothing_and_then_restarts() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::Frozen(Duration::from_secs(2)));
    client.send(Packet::PingReq).await;
    assert_eq!(client.raw_end().await, Some(ErrorKind::UnexpectedEof), "no PINGRESP, and a FIN in the end");
    let mut client = Client::connect(&cloud, "me").await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp));
    cloud.stop().await;
}

#[tokio::test]
async fn a_port_that_is_down_refuses_and_comes_back_as_the_same() {
    let cloud = start(quick()).await;
    let client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::Down(Duration::from_secs(3)));
    assert_eq!(client.raw_end().await, Some(ErrorKind::UnexpectedEof));
    let refused = TcpStream::connect(cloud.mqtt_address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let back = async {
        while TcpStream::connect(cloud.mqtt_address()).await.is_err() {
            // Asked for again at a calm rate: nothing announces a port.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, back).await.expect("the port is back");
    Client::connect(&cloud, "me2").await;
    cloud.stop().await;
}

#[tokio::test]
async fn subscriptions_can_be_refused_late_or_unanswered() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::Suback(Suback::Refused, LONG));
    assert_eq!(client.subscribe(&["cmd/52/me/res/#"]).await, [SubscribeReasonCode::Failure]);
    cloud.faults().inject(Fault::Suback(Suback::Missing, LONG));
    client.send(subscribe(&["cmd/52/me/res/#"])).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp), "and no SUBACK before it");
    cloud.faults().inject(Fault::Suback(Suback::Late(Duration::from_millis(300)), LONG));
    client.send(subscribe(&["cmd/52/me/res/#"])).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp));
    assert!(matches!(client.next().await, Some(Packet::SubAck(_))));
    cloud.stop().await;
}

#[tokio::test]
async fn a_refused_connect_has_its_code() {
    let cloud = start(quick()).await;
    cloud.faults().inject(Fault::Connack(3, LONG));
    let (mut client, answer) = Client::try_connect(&cloud, "me").await;
    let Some(Packet::ConnAck(ack)) = answer else { panic!("{answer:?}") };
    assert_eq!(ack.code, ConnectReturnCode::ServiceUnavailable);
    assert_eq!(client.next().await, None);
    cloud.stop().await;
}

#[tokio::test]
async fn a_policy_close_follows_the_next_publish() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::PolicyClose(1));
    let mut publish = Publish::new(ST, QoS::AtLeastOnce, "{}");
    publish.pkid = 1;
    client.send(Packet::Publish(publish)).await;
    assert_eq!(client.raw_end().await, None);
    cloud.stop().await;
}

#[tokio::test]
async fn garbage_text_and_giants_are_sent() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::Oversize(1 << 20));
    assert!(matches!(client.next().await, Some(Packet::Publish(giant)) if giant.payload.len() == 1 << 20));
    cloud.faults().inject(Fault::TextFrame);
    assert!(matches!(client.socket.next().await, Some(Ok(Message::Text(_)))));
    cloud.faults().inject(Fault::Garbage);
    let Some(Ok(Message::Binary(bytes))) = client.socket.next().await else { panic!("bytes") };
    assert!(Packet::read(&mut BytesMut::from(&bytes[..]), usize::MAX).is_err());
    cloud.stop().await;
}

#[tokio::test]
async fn a_ghost_takes_over_and_yields_to_the_one_who_comes_back() {
    let cloud = start(quick()).await;
    let client = Client::connect(&cloud, "me").await;
    cloud.faults().inject(Fault::Takeover);
    assert_eq!(client.raw_end().await, None);
    // AWS takes one CONNECT a second of one client id, and the ghost's counts too.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut client = Client::connect(&cloud, "me").await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp));
    cloud.stop().await;
}

#[tokio::test]
async fn a_storm_meets_those_who_come_back() {
    let cloud = start(quick()).await;
    let client = Client::connect(&cloud, "me0").await;
    cloud.faults().inject(Fault::Storm { times: 4, after: Duration::from_millis(100), lasts: LONG });
    let mut ends = vec![client.raw_end().await];
    for round in 1..4 {
        ends.push(Client::connect(&cloud, &format!("me{round}")).await.raw_end().await);
    }
    let (reset, fin) = (Some(ErrorKind::ConnectionReset), Some(ErrorKind::UnexpectedEof));
    assert_eq!(ends, [reset, fin, reset, fin]);
    let mut survivor = Client::connect(&cloud, "me4").await;
    survivor.send(Packet::PingReq).await;
    assert_eq!(survivor.next().await, Some(Packet::PingResp));
    cloud.stop().await;
}

#[tokio::test]
async fn a_story_is_told_by_itself() {
    let story = Story::scripted(vec![(Duration::from_millis(1500), Fault::Fin)]);
    let cloud = start(Settings { story: Some(story), ..quick() }).await;
    let client = Client::connect(&cloud, "me").await;
    assert_eq!(client.raw_end().await, Some(ErrorKind::UnexpectedEof));
    cloud.stop().await;
}

#[tokio::test]
async fn a_stop_closes_politely_and_frees_the_ports() {
    let cloud = start(quick()).await;
    let mut client = Client::connect(&cloud, "me").await;
    assert_eq!(cloud.faults().connected(), 1);
    let (rest, mqtt) = (cloud.rest_address(), cloud.mqtt_address());
    let stopping = tokio::spawn(cloud.stop());
    assert!(matches!(client.socket.next().await, Some(Ok(Message::Close(_)))));
    drop(client);
    stopping.await.unwrap();
    for address in [rest, mqtt] {
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
