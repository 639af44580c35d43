//! What is told when the cloud fails in one way or another, and when it does not.
//!
//! Never more than one message for one incident, and the notice of its end.

use std::time::Duration;

use hangup::clock;
use hangup::config::Secret;
use hangup::diagnosis::Cause;
use hangup::simulator::vault::Account;
use hangup::simulator::{DEMO_EMAIL, Fault, HeaterSettings, Settings};

use crate::fleet;
use crate::support::exporter::Exporter;
use crate::support::prometheus::say;
use crate::support::scene::{FAST, Scene, WRONG_PASSWORD};
use crate::watch::{Pace, Watch, calm, programs_are_here};

const STORM: &str = "pager firing HangupDropStorm";

#[tokio::test]
async fn at_the_pace_of_life() {
    if programs_are_here() {
        tokio::join!(
            a_storm_is_one_page_within_a_minute(),
            fleet::a_storm_that_the_broker_and_we_see(),
            nothing(Pace::Times(4), "15s"),
        );
    }
}

#[tokio::test]
async fn twenty_times_faster() {
    if programs_are_here() {
        tokio::join!(
            a_storm_is_one_page_and_one_notice_of_its_end(),
            a_broker_that_is_stopped_and_started(),
            nothing(Pace::Times(30), "5m"),
            fleet::a_storm_that_only_the_broker_sees(),
        );
    }
}

#[tokio::test]
async fn a_wrong_password() {
    if programs_are_here() {
        a_wrong_password_and_its_correction().await;
    }
}

#[tokio::test]
async fn a_takeover() {
    if programs_are_here() {
        another_client_with_the_same_id().await;
    }
}

#[tokio::test]
async fn a_cause() {
    if programs_are_here() {
        tokio::join!(a_storm_names_its_cause(), a_finding_is_a_ticket_and_its_effect_is_none());
    }
}

/// At the defaults of the exporter, the rules and the routing.
async fn a_storm_is_one_page_within_a_minute() {
    let (scene, exporter) = four("", "15s").await;
    let watch = Watch::start(&exporter, Pace::Life).await;
    // A storm that begins before the first scrape would have no beginning for Prometheus.
    watch.until("count(mqtt_client_connected == 1) == 4").await;
    let begin = clock::now().at;
    let seconds = Duration::from_secs;
    scene.inject(Fault::Storm { times: 12, after: Duration::from_millis(700), lasts: seconds(40) });
    let page = watch.until_told(STORM).await;
    let took = page.at.saturating_since(begin);
    say(&format!("== storm, as shipped: {:.1} s from the first drop to the page", took.as_secs_f64()));
    assert!(took < seconds(60), "{took:?}");
    assert!(page.descriptions[0].starts_with("4 connections of hangup dropped"), "{:?}", page.descriptions);
    // Two evaluations and the longest `group_wait`: whatever belongs to the storm would have been told by then.
    calm(seconds(60 + 30 + 5)).await;
    assert_eq!(watch.told(), [STORM]);
    watch.end();
    scene.end(exporter).await;
}

/// Until long after it: nothing is left that would be told later.
async fn a_storm_is_one_page_and_one_notice_of_its_end() {
    let (scene, exporter) = four(FAST, "5m").await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    watch.until("count(mqtt_client_connected == 1) == 4").await;
    let begin = clock::now().at;
    let seconds = Duration::from_secs;
    scene.inject(Fault::Storm { times: 20, after: seconds(1), lasts: seconds(20) });
    watch.until_told(STORM).await;
    let end = watch.until_told("pager resolved HangupDropStorm").await;
    let took = end.at.saturating_since(begin);
    say(&format!("== storm, 20 times faster: {:.1} s to the notice of its end", took.as_secs_f64()));
    // More than the 45 minutes in which the drops of the storm count, and one `group_interval`.
    calm(seconds(110)).await;
    assert_eq!(watch.told(), [STORM, "pager resolved HangupDropStorm"]);
    watch.end();
    scene.end(exporter).await;
}

async fn a_broker_that_is_stopped_and_started() {
    let scene = Scene::new().await;
    let exporter = online(&scene, &slow(&scene.connection("home", FAST, ""), "5m")).await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    let begin = clock::now().at;
    scene.inject(Fault::Down(Duration::from_secs(50)));
    let page = watch.until_told("pager firing HangupConnectionDown").await;
    let took = page.at.saturating_since(begin).as_secs_f64();
    assert!(page.descriptions[0].starts_with("home on 127.0.0.1:"), "{:?}", page.descriptions);
    exporter.until("the broker is back", |page| page.online("home")).await;
    let back = clock::now().at;
    let end = watch.until_told("pager resolved HangupConnectionDown").await;
    let after = end.at.saturating_since(back).as_secs_f64();
    say(&format!(
        "== broker down, 20 times faster: page after {took:.1} s, notice {after:.1} s after its end"
    ));
    assert_eq!(watch.told(), ["pager firing HangupConnectionDown", "pager resolved HangupConnectionDown"]);
    watch.end();
    scene.end(exporter).await;
}

async fn a_wrong_password_and_its_correction() {
    let scene = Scene::new().await;
    let right = std::fs::read_to_string(scene.directory.path().join("password")).unwrap();
    scene.write("password", WRONG_PASSWORD);
    let exporter = scene.run(&slow(&scene.connection("home", "", ""), "5m")).await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    watch.until_told("pager firing HangupCredentialsRefused").await;
    scene.write("password", &right);
    exporter.process.signal("HUP");
    exporter.until("signed in", |page| page.online("home")).await;
    watch.until_told("pager resolved HangupCredentialsRefused").await;
    calm(Duration::from_secs(20)).await;
    assert_eq!(
        watch.told(),
        ["pager firing HangupCredentialsRefused", "pager resolved HangupCredentialsRefused"]
    );
    watch.end();
    scene.end(exporter).await;
}

async fn another_client_with_the_same_id() {
    let scene = Scene::new().await;
    // The exporter's own rest after three takeovers, 20 times shorter as well. It is back so soon that the cloud hangs
    // up on it once more: a second for each client id is the least.
    let reconnect = format!("{FAST}takeover_rest = \"15s\"");
    let exporter = online(&scene, &slow(&scene.connection("home", &reconnect, ""), "5m")).await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    for drops in 1..=3_u32 {
        // So far apart that this is no storm of one connection: three within 9 s would be.
        calm(Duration::from_secs(6)).await;
        scene.inject(Fault::Takeover);
        exporter
            .until("taken over", |page| {
                page.sum("mqtt_client_connection_drops_total", &[]) == f64::from(drops)
                    && (drops == 3 || page.online("home"))
            })
            .await;
    }
    watch.until_told("tickets firing HangupTakeover").await;
    exporter.until("back after the rest", |page| page.online("home")).await;
    watch.until_told("tickets resolved HangupTakeover").await;
    assert_eq!(watch.told(), ["tickets firing HangupTakeover", "tickets resolved HangupTakeover"]);
    watch.end();
    scene.end(exporter).await;
}

/// What each drop shows by itself is in the page that tells of the storm.
async fn a_storm_names_its_cause() {
    let (scene, exporter) = home_without_rest().await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    for drops in 1..=3 {
        // The cloud hangs up on a client id that comes back within a second.
        calm(Duration::from_millis(1500)).await;
        drop_by(&scene, &exporter, Fault::Garbage, drops).await;
    }
    let page = watch.until_told("pager firing HangupConnectionStorm").await;
    let cause = ", which fits protocol_error (observed). ";
    assert!(page.descriptions[0].contains(cause), "{:?}", page.descriptions);
    watch.end();
    scene.end(exporter).await;
}

/// Drops that show nothing by themselves have something in common, and are no storm.
async fn a_finding_is_a_ticket_and_its_effect_is_none() {
    let (scene, exporter) = home_without_rest().await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    let mut drops = 0;
    while exporter.page().await.sum("mqtt_client_finding", &[]) < 1.0 {
        drops += 1;
        assert!(drops < 12, "so many drops alike, and no finding");
        calm(Duration::from_secs(5)).await;
        drop_by(&scene, &exporter, Fault::Fin, drops).await;
    }
    let begin = clock::now().at;
    // The drops alone would be HangupConnectionFlapping.
    let ticket = watch.until_told("tickets firing HangupFinding").await;
    let took = ticket.at.saturating_since(begin).as_secs_f64();
    say(&format!("== finding, 20 times faster: {took:.1} s to the ticket, after {drops} drops"));
    let page = exporter.page().await;
    let findings = Cause::FINDINGS.iter().map(|cause| cause.as_str());
    let standing: Vec<_> =
        findings.filter(|finding| page.sum("mqtt_client_finding", &[("finding", finding)]) > 0.5).collect();
    let [finding] = standing[..] else { panic!("not one finding: {standing:?}") };
    let told = format!("fit {finding}. ");
    assert!(ticket.descriptions[0].contains(&told), "{told}: {:?}", ticket.descriptions);
    assert_eq!(watch.told(), ["tickets firing HangupFinding"]);
    watch.end();
    scene.end(exporter).await;
}

/// Three short sessions are a takeover to the exporter, which would stay away for longer than a test.
async fn home_without_rest() -> (Scene, Exporter) {
    let scene = Scene::new().await;
    let reconnect = format!("{FAST}takeover_count = 1000");
    let exporter = online(&scene, &slow(&scene.connection("home", &reconnect, ""), "5m")).await;
    (scene, exporter)
}

/// One more drop, and the connection is back.
async fn drop_by(scene: &Scene, exporter: &Exporter, fault: Fault, drops: u32) {
    scene.inject(fault);
    exporter
        .until("dropped and back", |page| {
            page.sum("mqtt_client_connection_drops_total", &[]) == f64::from(drops) && page.online("home")
        })
        .await;
}

/// A healthy exporter for two minutes: an hour for rules that run 30 times faster.
async fn nothing(pace: Pace, status_interval: &str) {
    let (scene, exporter) = four("", status_interval).await;
    let watch = Watch::start(&exporter, pace).await;
    calm(Duration::from_secs(120)).await;
    assert_eq!(watch.told(), Vec::<String>::new());
    watch.end();
    scene.end(exporter).await;
}

/// Four connections, online: four accounts with a heater each, as a device belongs to one connection only.
async fn four(reconnect: &str, status_interval: &str) -> (Scene, Exporter) {
    let mut settings = quick();
    let (account, heater) = (settings.accounts.remove(0), settings.heaters.remove(0));
    settings.heaters.clear();
    let mut config = Vec::new();
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let email = format!("{name}.{DEMO_EMAIL}");
        settings.accounts.push(Account { email: Secret::new(&email), ..account.clone() });
        let mac = format!("020000aabb1{number}");
        settings.heaters.push(HeaterSettings { mac, account: number, ..heater.clone() });
        config.push((name, email));
    }
    let scene = Scene::with(settings).await;
    let text: String = config
        .iter()
        .map(|(name, email)| {
            slow(&scene.connection(name, reconnect, ""), status_interval).replace(DEMO_EMAIL, email)
        })
        .collect();
    let exporter = scene.run(&text).await;
    exporter
        .until("four are online", |page| {
            config.iter().all(|(name, _)| page.online(name)) && page.heaters() == config.len()
        })
        .await;
    (scene, exporter)
}

/// A cloud whose heaters answer at once.
fn quick() -> Settings {
    Settings { round_trip: Duration::from_millis(5)..=Duration::from_millis(20), ..Settings::default() }
}

/// One connection, online.
async fn online(scene: &Scene, config: &str) -> Exporter {
    let exporter = scene.run(config).await;
    exporter.until("online", |page| page.online("home") && page.heaters() == 2).await;
    exporter
}

/// Devices that are asked this often. Rules that run faster would take a device that answers every 15 s for a dead
/// one; those on devices of 5 minutes have nothing to say here.
fn slow(connection: &str, status_interval: &str) -> String {
    let changed = connection
        .replace("status_interval = \"15s\"", &format!("status_interval = \"{status_interval}\""))
        .replace("features_interval = \"1m\"", "features_interval = \"10m\"")
        .replace("energy_interval = \"1m\"", "energy_interval = \"10m\"");
    assert!(changed.contains(&format!("status_interval = \"{status_interval}\"")), "{changed}");
    changed
}
