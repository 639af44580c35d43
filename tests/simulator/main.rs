//! The demo cloud, driven by raw clients that share no code with the exporter.
//!
//! Never uses `hangup`'s own signer, link or source: the contract is the vendor protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "helpers outside of test functions fail a test by panicking; the crate is a test"
)]

mod client;
mod rest;
mod signer;

use std::io::ErrorKind;
use std::time::Duration;

use bytes::BytesMut;
use client::{Client, subscribe, upgrade_status};
use futures_util::StreamExt as _;
use hangup::simulator::broker::Suback;
use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Fault, Settings, Story};
use rest::{Rest, text};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, PubAck, Publish, SubscribeReasonCode};
use serde_json::{Value, json};
use signer::Signer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

const MAC: &str = "020000aabb01";
const ST: &str = "cmd/52/navilink-020000aabb01/st";
/// Nothing in these tests takes long; this only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

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
async fn the_secondary_endpoints_answer() {
    let cloud = start(quick()).await;
    let rest = Rest::of(&cloud);
    let token = rest.sign_in().await;
    let access = text(&token["accessToken"]);
    let info = json!({ "macAddress": MAC, "additionalValue": "0042", "userId": DEMO_EMAIL });
    let (_, answer) = rest.post("/device/info", Some(access), info).await;
    assert_eq!(answer["data"]["deviceInfo"]["homeSeq"], 20_001);
    assert!(answer["data"]["location"]["latitude"].is_number());

    let mut client = Client::connect(&cloud, "me").await;
    client.subscribe(&["cmd/52/navilink-020000aabb01/#"]).await;
    let did =
        json!({ "command": 16_777_217, "deviceType": 52, "macAddress": MAC, "additionalValue": "0042" });
    let (_, response) = client.ask("st/did", did, "cmd/52/navilink-020000aabb01/me/res").await;
    let serial = text(&response["feature"]["controllerSerialNumber"]).to_owned();
    let query = |serial: &str| {
        format!("/device/tou?additionalValue=0042&controllerId={serial}&macAddress={MAC}&userId=x&userType=O")
    };
    let (status, answer) = rest.get(&query(&serial), access).await;
    assert_eq!((status, &answer["data"]["touInfo"]["controllerId"]), (200, &json!(serial)));
    assert_eq!(rest.get(&query("another"), access).await.1["msg"], "COMMON_BAD_REQUEST");
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
    cloud.faults().inject(Fault::HeaterOffline(0, Duration::from_secs(5)));
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
    cloud.faults().inject(Fault::Down(Duration::from_secs(5)));
    assert_eq!(client.raw_end().await, Some(ErrorKind::UnexpectedEof));
    let refused = async {
        loop {
            // The FIN may arrive a moment before the port closes.
            match TcpStream::connect(cloud.mqtt_address()).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error.kind(),
            }
        }
    };
    let refused = tokio::time::timeout(LONG, refused).await.expect("the port closes");
    assert_eq!(refused, ErrorKind::ConnectionRefused);
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
    // Again and again, because a slow machine may take its time to connect.
    let script = (1..40).map(|n| (Duration::from_millis(1500 * n), Fault::Fin)).collect();
    let story = Story::scripted(script);
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
