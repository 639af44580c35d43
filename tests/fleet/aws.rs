//! Presence events in the shape of AWS IoT Core, over the wire: their order, their reasons, their doubles.

use super::broker::Mosquitto;
use super::support::eventually;
use super::{disconnects, watching};

fn payload(client: &str, event: &str, version: u64, reason: &str) -> String {
    let reason = if reason.is_empty() { String::new() } else { format!(r#","disconnectReason":"{reason}""#) };
    format!(
        r#"{{"clientId":"{client}","timestamp":1573002230757,"eventType":"{event}"{reason},"versionNumber":{version}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_events_are_counted_by_reason_and_once() {
    let broker = Mosquitto::start().await;
    let (exporter, _files) = watching(&broker, "kind = \"aws_iot\"", "").await;
    let mut cloud = broker.client("cloud", 60).await;
    let mut say = async |event: &str, client: &str, version: u64, reason: &str| {
        let topic = format!("$aws/events/presence/{event}/{client}");
        cloud.publishes(&topic, &payload(client, event, version, reason)).await;
    };
    say("connected", "meter", 1, "").await;
    say("connected", "meter", 1, "").await;
    say("connected", "meter", 2, "").await;
    say("disconnected", "meter", 1, "CONNECTION_LOST").await;
    say("disconnected", "pump", 9, "THE_MOON_IS_FULL").await;
    say("disconnected", "meter", 2, "MQTT_KEEP_ALIVE_TIMEOUT").await;
    say("renamed", "meter", 3, "").await;
    cloud.publishes("$aws/events/presence/connected/x", "<html>").await;
    eventually("the last of them is counted", async || {
        let page = exporter.page().await;
        (page.sum("mqtt_broker_client_events_total", &[("outcome", "malformed")]) == 1.0).then_some(())
    })
    .await;
    for (reason, count) in
        [("connection_lost", 1.0), ("other", 1.0), ("keep_alive_timeout", 1.0), ("server_error", 0.0)]
    {
        assert_eq!(disconnects(&exporter, reason).await, count, "{reason}");
    }
    let page = exporter.page().await;
    for (outcome, count) in [("new", 4.0), ("duplicate", 1.0), ("out_of_order", 1.0), ("untracked", 0.0)] {
        assert_eq!(page.sum("mqtt_broker_client_events_total", &[("outcome", outcome)]), count, "{outcome}");
    }
    assert_eq!(page.sum("mqtt_broker_client_connects_total", &[]), 2.0);
    assert_eq!(
        page.sum("mqtt_client_messages_total", &[("connection", "watch"), ("outcome", "decoded")]),
        6.0
    );
    assert!(!exporter.get("/metrics").await.body.contains("MOON"));
}
