//! What goes wrong before a session works is a failed attempt: phase, name, and the right remedy.
//!
//! Never a drop: a session that was never accepted cannot drop.

use std::time::Duration;

use hangup::simulator::Fault;
use hangup::simulator::broker::Suback;

use crate::support::scene::{FAST, Scene};

const HOME: (&str, &str) = ("connection", "home");
const LONG: Duration = Duration::from_secs(600);

fn failure(phase: &str, error: &str) -> (String, String) {
    (phase.to_owned(), error.to_owned())
}

#[tokio::test]
async fn lapsed_credentials_are_renewed_by_a_deep_attempt() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    scene.inject(Fault::ExpiredCredentials);
    scene.inject(Fault::Reset);
    let page =
        exporter.until("online again", |page| page.sessions("home") == 2.0 && page.online("home")).await;
    assert_eq!(page.failures("home"), [failure("websocket", "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE")]);
    assert_eq!(page.value("mqtt_client_connect_attempts_total", &[HOME, ("tier", "deep")]), 1.0);
    let board: serde_json::Value =
        serde_json::from_str(&exporter.get("/api/v1/connections").await.body).unwrap();
    assert_eq!(board["connections"][0]["drops"], 1);
    scene.end(exporter).await;
}

#[tokio::test]
async fn an_access_token_that_lapsed_is_renewed_without_a_drop() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    scene.inject(Fault::ExpiredAccess);
    scene.inject(Fault::HangUp);
    let page =
        exporter.until("online again", |page| page.sessions("home") == 2.0 && page.online("home")).await;
    assert_eq!(page.drops("home").len(), 1);
    scene.end(exporter).await;
}

#[tokio::test]
async fn throttled_upgrades_are_tried_again_with_the_same_credentials() {
    let scene = Scene::new().await;
    let exporter = scene.home("deep_after = \"never\"").await;
    scene.inject(Fault::UpgradeStatus(429, Duration::from_secs(4)));
    scene.inject(Fault::HangUp);
    let page =
        exporter.until("online again", |page| page.sessions("home") == 2.0 && page.online("home")).await;
    assert_eq!(page.failures("home"), [failure("websocket", "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE")]);
    assert_eq!(page.value("mqtt_client_connect_attempts_total", &[HOME, ("tier", "deep")]), 0.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_throttled_sign_in_is_a_failure_of_the_credentials() {
    let scene = Scene::new().await;
    scene.inject(Fault::RestStatus(429, Duration::from_secs(4)));
    let exporter = scene.home("").await;
    let page = exporter.page().await;
    assert_eq!(
        page.failures("home"),
        [failure("credentials", "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE")]
    );
    assert_eq!(page.drops("home"), []);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_refused_connect_names_the_code() {
    let scene = Scene::new().await;
    scene.inject(Fault::Connack(3, LONG));
    let exporter = scene.run(&scene.connection("home", FAST, "")).await;
    let expected = [failure("connack", "AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED")];
    let page = exporter.until("a failed attempt", |page| page.failures("home") == expected).await;
    assert_eq!(page.sessions("home"), 0.0);
    exporter.says("/-/ready", "CONNACK code 3").await;
    scene.end(exporter).await;
}

#[tokio::test]
async fn refused_subscriptions_are_no_working_session() {
    let scene = Scene::new().await;
    scene.inject(Fault::Suback(Suback::Refused, LONG));
    let exporter = scene.run(&scene.connection("home", FAST, "")).await;
    let name = ("error", "AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE");
    let page = exporter
        .until("a refused subscription", |page| {
            page.sum("mqtt_client_subscribe_failures_total", &[HOME, name]) >= 1.0
        })
        .await;
    assert_eq!(page.heaters(), 0);
    assert_eq!(exporter.get("/-/ready").await.status, 503);
    scene.end(exporter).await;
}

#[tokio::test]
async fn late_subscriptions_are_waited_for() {
    let scene = Scene::new().await;
    scene.inject(Fault::Suback(Suback::Late(Duration::from_secs(3)), LONG));
    let exporter = scene.home("").await;
    let page = exporter.page().await;
    assert_eq!((page.drops("home").len(), page.failures("home").len()), (0, 0));
    scene.end(exporter).await;
}

#[tokio::test]
async fn subscriptions_without_an_answer_end_the_session() {
    let scene = Scene::new().await;
    scene.inject(Fault::Suback(Suback::Missing, LONG));
    let fast = format!("{FAST}suback_limit = \"1s\"\n");
    let exporter = scene.run(&scene.connection("home", &fast, "")).await;
    let name = ("error", "AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE");
    let page = exporter
        .until("a subscription that took too long", |page| {
            page.sum("mqtt_client_connection_drops_total", &[HOME, name]) >= 1.0
        })
        .await;
    assert_eq!(page.heaters(), 0);
    scene.end(exporter).await;
}
