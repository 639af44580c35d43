//! SIGHUP: what changed is closed and begun anew, what did not change stays connected.
//!
//! Never half of a configuration: a broken file changes nothing.

use hangup::simulator::Fault;

use crate::support::exporter::Exporter;
use crate::support::scene::{FAST, Scene, WRONG_PASSWORD};

const A: (&str, &str) = ("connection", "a");
const WAIT: &str = "mqtt_client_reconnect_delay_seconds";
const SUCCESSFUL: &str = "hangup_config_last_reload_successful";
const SUCCESS_TIME: &str = "hangup_config_last_reload_success_timestamp_seconds";

async fn two(scene: &Scene) -> Exporter {
    let config = scene.connection("a", FAST, "") + &scene.connection("b", FAST, "");
    let exporter = scene.run(&config).await;
    exporter.until("two connections", |page| page.online("a") && page.online("b")).await;
    exporter
}

fn reload(scene: &Scene, exporter: &Exporter, config: &str) {
    scene.write("hangup.toml", config);
    exporter.process.signal("HUP");
}

#[tokio::test]
async fn an_unchanged_connection_stays_connected() {
    let scene = Scene::new().await;
    let exporter = two(&scene).await;
    let before = exporter.page().await;
    let started =
        |page: &crate::support::page::Page| page.value("mqtt_client_last_connect_timestamp_seconds", &[A]);
    let changed = scene.connection("b", FAST, "diagnostic_readings = true");
    let third = scene.connection("c", FAST, "");
    reload(&scene, &exporter, &(scene.connection("a", FAST, "") + &changed + &third));
    let page = exporter
        .until("the new configuration", |page| {
            page.value(SUCCESS_TIME, &[]) > before.value(SUCCESS_TIME, &[])
                && page.online("b")
                && page.online("c")
        })
        .await;
    assert_eq!(page.value(SUCCESSFUL, &[]), 1.0);
    assert_eq!(started(&page).to_bits(), started(&before).to_bits(), "the same session");
    assert_eq!((page.sessions("a"), page.sessions("b"), page.sessions("c")), (1.0, 2.0, 1.0));
    let closed = [("connection", "b"), ("cause", "reload")];
    assert_eq!(page.value("mqtt_client_closes_total", &closed), 1.0, "a changed connection keeps its past");
    let b = [("connection", "b")];
    let rested = page.value("mqtt_client_last_connect_timestamp_seconds", &b)
        - page.value("mqtt_client_last_disconnect_timestamp_seconds", &b);
    assert!(rested >= 0.99, "the cloud closes a client id that connects twice within a second: {rested}");
    assert_eq!((page.drops("a").len(), page.drops("b").len()), (0, 0));
    assert_eq!(scene.cloud.faults().connected(), 3);
    exporter.logged(&["session closed", "connection=\"b\"", "cause=\"reload\""]).await;

    reload(&scene, &exporter, &scene.connection("a", FAST, ""));
    let page =
        exporter.until("one connection", |page| page.samples("mqtt_client_connected", &[]).len() == 1).await;
    assert_eq!(started(&page).to_bits(), started(&before).to_bits(), "the same session");
    assert!(page.samples("mqtt_client_connection_info", &[("connection", "c")]).is_empty());
    assert!(!exporter.get("/api/v1/connections").await.body.contains("\"c\""));
    assert_eq!(scene.cloud.faults().connected(), 1);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_broken_file_keeps_everything() {
    let scene = Scene::new().await;
    let exporter = two(&scene).await;
    let before = exporter.page().await;
    reload(&scene, &exporter, "[[connection]]\nname = \"a\"\nsauce = 1\n");
    let page = exporter.until("a failed reload", |page| page.value(SUCCESSFUL, &[]) == 0.0).await;
    for name in ["a", "b"] {
        let start = ("mqtt_client_last_connect_timestamp_seconds", ("connection", name));
        assert_eq!(page.value(start.0, &[start.1]).to_bits(), before.value(start.0, &[start.1]).to_bits());
        assert!(page.online(name));
    }
    exporter.logged(&["sauce", "is not a field"]).await;

    let good = scene.connection("a", FAST, "") + &scene.connection("b", FAST, "");
    reload(&scene, &exporter, &good);
    let page = exporter.until("a good reload", |page| page.value(SUCCESSFUL, &[]) == 1.0).await;
    assert_eq!((page.sessions("a"), page.sessions("b")), (1.0, 1.0));
    scene.end(exporter).await;
}

/// The other client with this client id is gone, says who reloads.
#[tokio::test]
async fn a_rest_that_began_with_a_drop_is_over_at_once() {
    let scene = Scene::new().await;
    let policy = format!("{FAST}takeover_count = 2\ntakeover_rest = \"10m\"");
    let config = scene.connection("a", &policy, "");
    let exporter = scene.run(&config).await;
    for sessions in [1.0, 2.0] {
        exporter.until("online", |page| page.sessions("a") == sessions && page.online("a")).await;
        scene.inject(Fault::Takeover);
    }
    exporter.until("a long rest", |page| page.value(WAIT, &[A]) >= 600.0).await;
    reload(&scene, &exporter, &config);
    exporter.until("online again", |page| page.sessions("a") == 3.0 && page.online("a")).await;
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_corrected_password_is_tried_at_once() {
    let scene = Scene::new().await;
    let right = std::fs::read_to_string(scene.directory.path().join("password")).unwrap();
    scene.write("password", WRONG_PASSWORD);
    // The default waits: the next attempt by itself would come after two and a half minutes or more.
    let config = scene.connection("home", "", "");
    let exporter = scene.run(&config).await;
    exporter.until("a refusal", |page| page.sum(WAIT, &[]) > 100.0).await;
    scene.write("password", &right);
    reload(&scene, &exporter, &config);
    let page = exporter.until("signed in", |page| page.online("home")).await;
    assert_eq!(page.value("mqtt_client_connect_attempts_total", &[("tier", "quick")]), 2.0);
    scene.end(exporter).await;
}
