//! Each fault of a session is one drop with its name, and the next session works like the first.
//!
//! Never more than one drop a fault: what follows from it is an attempt, not a drop.

use std::time::Duration;

use hangup::simulator::Fault;

use crate::support::page::Page;
use crate::support::scene::Scene;

const HANGUP: &str = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";
const CLOSED: &str = "AWS_IO_SOCKET_CLOSED";
const HOME: (&str, &str) = ("connection", "home");

/// An end that the far side decided, right after a request by chance or not.
const BY_CHANCE: &[&str] = &["unknown none", "policy_violation suspected"];

/// Lets `fault` happen to a calm session: it has one of these causes. Returns the page of the next session that works.
async fn after(fault: Fault, expected: &str, causes: &[&str]) -> Page {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    let calm = exporter.page().await;
    assert_eq!(calm.drops("home"), []);
    scene.inject(fault);
    let page = exporter
        .until("online again and heard from both heaters again", |page| {
            let fresh = |name: &str| page.sum(name, &[HOME]) - calm.sum(name, &[HOME]);
            page.sessions("home") >= 2.0
                && page.online("home")
                && fresh("mqtt_device_request_duration_seconds_count") >= 2.0
        })
        .await;
    assert_eq!(page.drops("home"), [(expected.to_owned(), 1.0)]);
    match page.causes("home").as_slice() {
        [(cause, count)] => {
            assert!(causes.contains(&cause.as_str()) && *count == 1.0, "{count} times {cause}");
        }
        several => panic!("one drop has one cause: {several:?}"),
    }
    assert_eq!(page.sum("mqtt_client_sessions_total", &[HOME]), 2.0);
    assert_eq!(page.sum("mqtt_client_closes_total", &[HOME]), 0.0, "a drop is not a close");
    assert_eq!(
        page.value("mqtt_client_subscriptions_active", &[HOME]),
        page.value("mqtt_client_subscriptions", &[HOME]),
        "every subscription is back"
    );
    assert_eq!(
        page.value("mqtt_client_subscriptions_restored_total", &[HOME]),
        2.0 * page.value("mqtt_client_subscriptions", &[HOME])
    );
    assert_eq!(page.value("mqtt_client_outage_duration_seconds_count", &[HOME]), 1.0);
    assert_eq!(page.heaters(), 2);
    let board = exporter.get("/api/v1/connections").await.body;
    let board: serde_json::Value = serde_json::from_str(&board).unwrap();
    assert_eq!(board["connections"][0]["last_drop"]["error"], expected);
    assert_eq!(board["connections"][0]["drops"], 1);
    let (drop, line) =
        (&board["connections"][0]["last_drop"], &board["connections"][0]["history"]["drops"][0]);
    assert_eq!((&drop["cause"], &drop["words"]), (&line["verdict"]["cause"], &line["verdict"]["words"]));
    scene.end(exporter).await;
    page
}

#[tokio::test]
async fn an_orderly_close() {
    after(Fault::HangUp, HANGUP, BY_CHANCE).await;
}

#[tokio::test]
async fn a_websocket_close() {
    after(Fault::WebsocketClose(1001), HANGUP, &["server_maintenance stated"]).await;
}

#[tokio::test]
async fn a_bare_fin() {
    after(Fault::Fin, CLOSED, BY_CHANCE).await;
}

#[tokio::test]
async fn a_reset() {
    after(Fault::Reset, CLOSED, &["unknown none"]).await;
}

#[tokio::test]
async fn garbage() {
    after(Fault::Garbage, "AWS_ERROR_MQTT_INVALID_REMAINING_LENGTH", &["protocol_error observed"]).await;
}

#[tokio::test]
async fn a_text_frame() {
    after(Fault::TextFrame, "AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR", &["protocol_error observed"]).await;
}

#[tokio::test]
async fn a_message_that_is_too_large() {
    after(Fault::Oversize(300 * 1024), "LOCAL_INBOUND_PACKET_TOO_LARGE", &["payload_too_large observed"])
        .await;
}

#[tokio::test]
async fn a_takeover() {
    after(Fault::Takeover, HANGUP, BY_CHANCE).await;
}

#[tokio::test]
async fn a_broker_that_denies_a_publish() {
    // It strikes at the next request, which comes within one status interval.
    after(Fault::PolicyClose(1), HANGUP, &["policy_violation suspected"]).await;
}

#[tokio::test]
async fn a_frozen_broker() {
    // It comes back by a FIN: the name tells that it was found out before.
    after(Fault::Frozen(Duration::from_secs(70)), "AWS_ERROR_MQTT_TIMEOUT", &["broker_stalled observed"])
        .await;
}

#[tokio::test]
async fn a_dead_path() {
    after(Fault::Silence(Duration::from_secs(90)), "AWS_IO_SOCKET_TIMEOUT", &["path_dead observed"]).await;
}

#[tokio::test]
async fn nobody_listens() {
    let page = after(Fault::Down(Duration::from_secs(3)), CLOSED, &["broker_restart inferred"]).await;
    assert_eq!(page.failures("home"), [("tcp".to_owned(), "AWS_IO_SOCKET_CONNECTION_REFUSED".to_owned())]);
}

#[tokio::test]
async fn a_storm_is_counted_drop_by_drop() {
    let scene = Scene::new().await;
    let exporter = scene.home("takeover_count = 1000").await;
    let seconds = Duration::from_secs;
    scene.inject(Fault::Storm { times: 4, after: Duration::from_millis(200), lasts: seconds(60) });
    let page =
        exporter.until("the storm is over", |page| page.sessions("home") == 5.0 && page.online("home")).await;
    assert_eq!(page.drops("home"), [(CLOSED.to_owned(), 4.0)]);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_client_id_in_use_elsewhere_is_left_alone_for_a_while() {
    let scene = Scene::new().await;
    let exporter = scene.home("takeover_count = 2\ntakeover_rest = \"10m\"").await;
    scene.inject(Fault::Takeover);
    exporter.until("back", |page| page.sessions("home") == 2.0 && page.online("home")).await;
    scene.inject(Fault::Takeover);
    let page = exporter
        .until("a long rest", |page| page.value("mqtt_client_reconnect_delay_seconds", &[HOME]) >= 600.0)
        .await;
    assert_eq!(page.drops("home"), [(HANGUP.to_owned(), 2.0)]);
    exporter.says("/-/ready", "client id").await;
    scene.end(exporter).await;
}
