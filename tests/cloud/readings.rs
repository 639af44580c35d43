//! Readings are on the page while they are true, and leave it when they are not.
//!
//! Never a frozen value: what is not known any more is absent.

use std::time::Duration;

use hangup::simulator::Fault;

use crate::support::scene::{FAST, Scene};

const HOME: (&str, &str) = ("connection", "home");
const NAMED: &str = "[connection.source.navien.devices]\n020000aabb01 = \"cellar\"\n";
const CELLAR: (&str, &str) = ("device", "cellar");

#[tokio::test]
async fn readings_of_two_heaters_appear_under_their_labels() {
    let scene = Scene::new().await;
    let exporter = scene.run(&scene.connection("home", FAST, NAMED)).await;
    let page = exporter
        .until("readings, features and energy of two heaters", |page| {
            page.heaters() == 2
                && page.samples("navien_device_info", &[]).len() == 2
                && page.samples("navien_electrical_energy_period_joules", &[("period", "month")]).len() >= 2
        })
        .await;
    let upper = page.value("navien_temperature_celsius", &[CELLAR, ("sensor", "tank_upper")]);
    assert!((20.0..75.0).contains(&upper), "{upper}");
    assert_eq!(page.value("navien_setpoint_celsius", &[CELLAR]), 60.5);
    assert_eq!(page.sum("navien_device_online", &[]), 2.0);
    assert_eq!(page.value("mqtt_device_expected_interval_seconds", &[HOME, CELLAR]), 15.0);
    assert_eq!(page.sum("mqtt_device_field_errors_total", &[]), 0.0);
    let other = page.samples("navien_setpoint_celsius", &[]);
    let other =
        other.iter().filter_map(|sample| sample.labels.get("device")).find(|label| *label != "cellar");
    assert!(other.is_some_and(|label| label.starts_with("nwp-")), "a short id: {other:?}");
    scene.end(exporter).await;
}

#[tokio::test]
async fn an_offline_heater_leaves_the_page_while_the_session_stays() {
    let scene = Scene::new().await;
    let exporter = scene.run(&scene.connection("home", FAST, NAMED)).await;
    let calm = exporter.until("readings of two heaters", |page| page.heaters() == 2).await;
    let start = calm.value("mqtt_client_last_connect_timestamp_seconds", &[HOME]);
    scene.inject(Fault::HeaterOffline(0, Duration::from_secs(900)));
    // A status is true for three minutes at least, so that a short outage leaves no gap.
    let page = exporter
        .until("the heater is offline and its readings are gone", |page| {
            page.sum("navien_device_online", &[]) == 1.0 && page.heaters() == 1
        })
        .await;
    assert_eq!(page.value("navien_device_online", &[CELLAR]), 0.0);
    assert_eq!(page.samples("navien_setpoint_celsius", &[CELLAR]).len(), 0);
    assert_eq!(page.drops("home"), []);
    assert!(page.online("home"));
    assert_eq!(page.value("mqtt_client_last_connect_timestamp_seconds", &[HOME]), start, "the same session");
    scene.end(exporter).await;
}

#[tokio::test]
async fn readings_leave_the_page_when_the_outage_outlasts_its_grace() {
    let scene = Scene::new().await;
    let grace = "[readings]\noutage_grace = \"4s\"\n";
    let exporter = scene.run(&format!("{grace}{}", scene.connection("home", FAST, ""))).await;
    exporter.until("readings of two heaters", |page| page.heaters() == 2).await;
    scene.inject(Fault::Down(Duration::from_secs(25)));
    let page = exporter.until("the outage", |page| !page.online("home")).await;
    assert_eq!(page.heaters(), 2, "a short outage is not worth a gap");
    let page =
        exporter.until("no reading", |page| page.samples("navien_setpoint_celsius", &[]).is_empty()).await;
    assert_eq!(page.heaters(), 0);
    assert_eq!(page.value("mqtt_client_connected", &[HOME]), 0.0);
    assert_eq!(page.samples("mqtt_device_last_seen_timestamp_seconds", &[HOME]).len(), 2, "facts stay");
    exporter.until("readings are back", |page| page.online("home") && page.heaters() == 2).await;
    scene.end(exporter).await;
}
