//! The life of a broker's clients, from the real broker's own words to the page: Mosquitto and the real exporter.
//!
//! Never looks inside: what an operator sees is what is asserted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers outside of test functions fail a test by panicking; counts are exact"
)]

mod aws;
mod broker;
#[path = "../support/damage.rs"]
mod damage;
mod damaged;
mod own;
#[path = "../support/mod.rs"]
mod support;

use broker::{Client, Mosquitto};
use support::eventually;
use support::exporter::Exporter;

/// An exporter whose connection `watch` listens to this broker, with these further lines.
async fn watching(broker: &Mosquitto, fleet: &str, more: &str) -> (Exporter, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hangup.toml");
    let url = broker.url();
    let text = format!(
        "[[connection]]\nname = \"watch\"\n[connection.source.broker]\nurl = \"{url}\"\n[connection.fleet]\n{fleet}\n{more}"
    );
    std::fs::write(&file, text).unwrap();
    let exporter = Exporter::start(&["run", "--config", file.to_str().unwrap()]).await;
    eventually("it listens to the broker", async || exporter.page().await.online("watch").then_some(()))
        .await;
    (exporter, directory)
}

/// What the page counts of disconnects for this reason.
async fn disconnects(exporter: &Exporter, reason: &str) -> f64 {
    exporter.page().await.sum("mqtt_broker_client_disconnects_total", &[("reason", reason)])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_which_a_client_leaves_has_its_name() {
    let broker = Mosquitto::start().await;
    let settings = "kind = \"mosquitto\"\nclients = [\"pump 7\"]\nshow_clients = true";
    let (exporter, _files) = watching(&broker, settings, "").await;
    let page = exporter.page().await;
    assert_eq!(page.sum("mqtt_broker_client_disconnects_total", &[]), 0.0, "zero from the start");
    assert!(page.samples("mqtt_broker_client_disconnects_total", &[]).len() >= 16);
    assert_eq!(page.value("mqtt_broker_client_connected", &[("client", "pump 7")]), 0.0);

    for _ in 0..3 {
        broker.is_probed().await;
    }
    // One that falls silent: it holds until its keep-alive is over.
    let _silent = broker.client("pump 7", 1).await;
    broker.client("polite", 60).await.says_goodbye().await;
    broker.client("closes", 60).await.closes().await;
    broker.client("resets", 60).await.resets();
    let hostile = "victim has exceeded timeout, disconnecting.";
    broker.client(hostile, 60).await.closes().await;
    let _first = broker.client("twice", 60).await;
    let _second = broker.client("twice", 60).await;

    for (reason, count) in [
        ("client_initiated_disconnect", 1.0),
        ("connection_lost", 3.0),
        ("duplicate_client_id", 1.0),
        ("keep_alive_timeout", 1.0),
    ] {
        eventually(reason, async || (disconnects(&exporter, reason).await >= count).then_some(())).await;
    }
    let page = eventually("the gauges follow", async || {
        let page = exporter.page().await;
        (page.sum("mqtt_broker_clients_connected", &[]) == 1.0).then_some(page)
    })
    .await;
    assert_eq!(page.sum("mqtt_broker_client_disconnects_total", &[]), 6.0, "no more than happened");
    assert_eq!(page.sum("mqtt_broker_client_connects_total", &[]), 7.0);
    assert_eq!(page.value("mqtt_broker_client_drops_total", &[("client", "pump 7")]), 1.0);
    assert_eq!(page.value("mqtt_broker_client_session_duration_seconds_count", &[]), 5.0);
    assert_eq!(page.sum("mqtt_broker_client_events_total", &[("outcome", "malformed")]), 0.0);

    let list = eventually("the API tells it", async || {
        let body = exporter.get("/api/v1/fleet").await.body;
        body.contains("keep_alive_timeout").then_some(body)
    })
    .await;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let fleet = &list["fleets"][0];
    assert_eq!((&fleet["connection"], &fleet["kind"]), (&"watch".into(), &"mosquitto".into()));
    let offenders: Vec<&str> =
        fleet["offenders"].as_array().unwrap().iter().map(|one| one["client"].as_str().unwrap()).collect();
    assert!(offenders.contains(&hostile) && offenders.contains(&"pump 7"), "{offenders:?}");
    assert!(!offenders.contains(&"victim") && !offenders.contains(&"polite"), "{offenders:?}");
    let page = exporter.get("/").await.body;
    assert!(
        page.contains("The broker's clients") && page.contains("nothing heard of it for 1.5 keep-alives")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_that_vanish_together_are_a_burst_and_their_ids_stay_here() {
    let broker = Mosquitto::start().await;
    let (exporter, _files) = watching(&broker, "kind = \"mosquitto\"", "").await;
    let mut clients: Vec<Client> = Vec::new();
    for client in 0..40 {
        clients.push(broker.client(&format!("jane-{client}"), 60).await);
    }
    eventually("all are there", async || {
        (exporter.page().await.sum("mqtt_broker_clients_connected", &[]) == 40.0).then_some(())
    })
    .await;
    clients.into_iter().for_each(Client::resets);
    let page = eventually("the burst is seen", async || {
        let page = exporter.page().await;
        (page.sum("mqtt_broker_burst", &[]) == 1.0).then_some(page)
    })
    .await;
    assert_eq!(page.sum("mqtt_broker_bursts_total", &[]), 1.0);
    eventually("the page says so", async || {
        let page = exporter.get("/").await.body;
        page.contains("40 clients dropped together").then_some(())
    })
    .await;
    for path in ["/", "/metrics", "/api/v1/fleet", "/api/v1/connections", "/api/v1/diagnostics"] {
        assert!(!exporter.get(path).await.body.contains("jane-"), "{path}");
    }
    assert!(!exporter.process.stderr().contains("jane-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_leaves_no_burst_under_way() {
    let mut broker = Mosquitto::start().await;
    let (exporter, _files) = watching(&broker, "kind = \"mosquitto\"", "").await;
    let mut clients: Vec<Client> = Vec::new();
    for client in 0..40 {
        clients.push(broker.client(&format!("jane-{client}"), 60).await);
    }
    clients.drain(..30).for_each(Client::resets);
    eventually("the burst is seen", async || {
        let page = exporter.page().await;
        let connected = page.sum("mqtt_broker_clients_connected", &[]);
        let seen = page.sum("mqtt_broker_burst", &[]) == 1.0 && connected == 10.0;
        (seen && exporter.get("/").await.body.contains("A burst of drops is under way")).then_some(())
    })
    .await;
    broker.dies();
    let page = eventually("nothing is said of now", async || {
        let page = exporter.page().await;
        (!page.online("watch") && page.sum("mqtt_broker_burst", &[]) == 0.0).then_some(page)
    })
    .await;
    assert_eq!(page.sum("mqtt_broker_clients_connected", &[]), 0.0);
    assert_eq!(page.sum("mqtt_broker_clients_dropped_recently", &[]), 0.0);
    assert_eq!(page.sum("mqtt_broker_bursts_total", &[]), 1.0, "what was counted stays");
    let page = exporter.get("/").await.body;
    assert!(page.contains("clients dropped together") && !page.contains("is under way"), "{page}");
    let list: serde_json::Value = serde_json::from_str(&exporter.get("/api/v1/fleet").await.body).unwrap();
    let fleet = &list["fleets"][0];
    assert_eq!((&fleet["burst"], &fleet["clients_connected"]), (&false.into(), &0.into()));
}
