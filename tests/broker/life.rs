//! The life of a connection to a broker: sessions that outlive the exporter, last wills, several connections, reloads.
//!
//! Never asserts how long something takes.

use crate::connect::messages;
use crate::mosquitto::{Mosquitto, RULE, is_here};
use crate::support::page::Page;

/// For both versions: MQTT 5 has another way to ask for it.
#[tokio::test]
async fn a_persistent_session_keeps_what_comes_while_the_exporter_is_away() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let connection = |name: &str, version: &str| {
        let policy = format!("client_id = \"client-id-of-{name}\"\nclean_session = false");
        let filter = format!("{name}/#");
        mosquitto.connection(name, &format!("version = \"{version}\""), &policy, &filter)
    };
    let config = connection("three", "3.1.1") + &connection("five", "5");
    let exporter = mosquitto.run(&config).await;
    exporter.until("online", |page| page.online("three") && page.online("five")).await;
    exporter.stop().await;
    for name in ["three", "five"] {
        mosquitto.publish(&format!("{name}/a"), "while away", &["-q", "1"]);
    }
    let exporter = mosquitto.run(&config).await;
    exporter
        .until("what came meanwhile", |page| messages(page, "three") == 1.0 && messages(page, "five") == 1.0)
        .await;
    exporter.logged(&["session_present=true"]).await;
    exporter.stop().await;
}

#[tokio::test]
async fn a_last_will_is_heard_when_the_exporter_dies_and_not_when_it_leaves() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let listener = mosquitto.listener("state/#").await;
    let will = |name: &str| {
        format!(
            "[connection.source.broker.will]\ntopic = \"state/{name}\"\npayload = \"gone\"\nqos = 1\nretain = true"
        )
    };
    let connection = |name: &str| mosquitto.connection(name, &will(name), "", "sensors/#");
    let polite = mosquitto.run(&connection("polite")).await;
    polite.until("online", |page| page.online("polite")).await;
    polite.stop().await;

    let killed = mosquitto.run(&connection("killed")).await;
    killed.until("online", |page| page.online("killed")).await;
    killed.process.signal("KILL");
    let (_, heard, _) = listener.end().await;
    assert_eq!(heard, "state/killed gone\n", "who leaves politely has no will");
}

#[tokio::test]
async fn a_reload_begins_the_changed_connection_anew_and_leaves_the_others() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let connection = |name: &str, filter: &str| mosquitto.connection(name, "", "", filter);
    let names: Vec<String> = (0..5).map(|number| format!("c{number}")).collect();
    let config: String = names.iter().map(|name| connection(name, "sensors/#")).collect();
    let exporter = mosquitto.run(&config).await;
    exporter.until("five connections", |page| names.iter().all(|name| page.online(name))).await;

    let changed = config.replacen("sensors/#", "other/#", 1);
    mosquitto.write("hangup.toml", &changed);
    exporter.process.signal("HUP");
    let page = exporter
        .until("the changed one is back", |page| page.sessions("c0") == 2.0 && page.online("c0"))
        .await;
    assert!(names.iter().skip(1).all(|name| page.sessions(name) == 1.0), "the others stay");
    mosquitto.publish("other/a", "1", &[]);
    let page = exporter.until("what is subscribed to now", |page| messages(page, "c0") > 0.0).await;
    assert_eq!(messages(&page, "c1"), 0.0);
    exporter.stop().await;
}

/// A session that the broker keeps has the filters of the configuration before: what is not configured any more must not
/// come, and what comes during the reload must not be lost.
#[tokio::test]
async fn a_reload_gives_back_the_filters_that_a_persistent_session_had() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let connection = |name: &str, version: &str, more: &str| {
        let policy = format!("client_id = \"client-id-of-{name}\"\nclean_session = false");
        let version = format!("version = \"{version}\"");
        mosquitto.connection(name, &version, &policy, &format!("{name}/kept")) + more
    };
    let configs = |more: fn(&str) -> String| {
        connection("three", "3.1.1", &more("three")) + &connection("five", "5", &more("five"))
    };
    let old = |name: &str| format!("\n[[connection.subscribe]]\nfilter = \"{name}/old\"\nqos = 1\n{RULE}\n");
    let exporter = mosquitto.run(&configs(old)).await;
    exporter.until("online", |page| page.online("three") && page.online("five")).await;
    mosquitto.write("hangup.toml", &configs(|_| String::new()));
    exporter.process.signal("HUP");
    let names = ["three", "five"];
    let back = |name: &&str, page: &Page| page.sessions(name) == 2.0 && page.online(name);
    let page = exporter.until("back", |page| names.iter().all(|name| back(name, page))).await;
    let before = names.map(|name| messages(&page, name));
    for name in names {
        mosquitto.publish(&format!("{name}/old"), "1", &["-q", "1"]);
        mosquitto.publish(&format!("{name}/kept"), "1", &["-q", "1"]);
    }
    let page = exporter
        .until("what is still wanted", |page| {
            names.iter().zip(before).all(|(name, before)| messages(page, name) > before)
        })
        .await;
    for (name, before) in names.iter().zip(before) {
        assert_eq!(messages(&page, name) - before, 1.0, "{name}");
        assert!(page.drops(name).is_empty(), "{name}");
    }
    exporter.logged(&["session_present=true"]).await;
    exporter.logged(&["unsubscribing from them", "filters=1", "connection=\"three\""]).await;
    exporter.stop().await;
}

/// A broker that is restarted: named, counted, and everybody is back with the new process.
#[tokio::test]
async fn a_broker_that_restarts() {
    if !is_here() {
        return;
    }
    let mut mosquitto = Mosquitto::open().await;
    let exporter = mosquitto.run(&mosquitto.connection("lan", "version = \"5\"", "", "sensors/#")).await;
    exporter.until("online", |page| page.online("lan")).await;
    mosquitto.restart().await;
    let page = exporter.until("online again", |page| page.sessions("lan") == 2.0 && page.online("lan")).await;
    // Newer ones say goodbye in MQTT 5 (0x8B, server shutting down) when they are asked to stop; 2.0.11 just closes.
    let drops = page.drops("lan");
    let known = ["AWS_ERROR_MQTT5_DISCONNECT_RECEIVED", "AWS_IO_SOCKET_CLOSED"];
    assert!(drops.len() == 1 && known.contains(&drops[0].0.as_str()) && drops[0].1 == 1.0, "{drops:?}");
    mosquitto.publish("sensors/a", "1", &[]);
    exporter.until("a message", |page| messages(page, "lan") > 0.0).await;
    exporter.stop().await;
}
