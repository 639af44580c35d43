//! One storm that the broker tells of and that our own connections feel or do not: a real Mosquitto, scripted clients.
//!
//! Never two pages for it.

use std::fmt::Write as _;
use std::time::Duration;

use tempfile::TempDir;

use crate::broker::{Client, Mosquitto};
use crate::support::exporter::Exporter;
use crate::watch::{Pace, Watch, calm};

const BURST: &str = "pager firing HangupBrokerBurst";
const STORM: &str = "pager firing HangupDropStorm";
/// Our connections beside the one that listens.
const OURS: [&str; 3] = ["a", "b", "c"];

/// The broker's clients drop, ours stay: 20 times faster.
pub async fn a_storm_that_only_the_broker_sees() {
    let (broker, exporter, _files) = watching().await;
    let watch = Watch::start(&exporter, Pace::Times(20)).await;
    let others = others(&broker).await;
    watch.until("mqtt_broker_clients_connected >= 10").await;
    others.into_iter().for_each(Client::resets);
    let page = watch.until_told(BURST).await;
    let told = &page.descriptions[0];
    assert!(told.contains("most of them by connection_lost. Most of our own connections stayed."), "{told}");
    // Two evaluations and the longest `group_wait` of many: whatever else belongs to it would have been told by then.
    calm(Duration::from_secs(20)).await;
    assert_eq!(watch.told(), [BURST]);
    watch.end();
    exporter.stop().await;
}

/// The broker's clients drop, and ours with them, but for the one that listens: as shipped, because the exporter says for
/// two minutes of life that there is a burst.
pub async fn a_storm_that_the_broker_and_we_see() {
    let (broker, exporter, _files) = watching().await;
    let watch = Watch::start(&exporter, Pace::Life).await;
    watch.until("count(mqtt_client_connected == 1) == 4").await;
    let others = others(&broker).await;
    others.into_iter().for_each(Client::resets);
    let mut thieves = Vec::new();
    for name in OURS {
        thieves.push(broker.client(&id(name), 60).await);
    }
    watch.until("mqtt_broker_burst == 1").await;
    watch.until_told(STORM).await;
    // The minute that the other alert waits, two evaluations of its group, and `group_wait`.
    calm(Duration::from_secs(60 + 30 + 10)).await;
    assert_eq!(watch.told(), [STORM]);
    watch.end();
    exporter.stop().await;
}

fn id(name: &str) -> String {
    format!("ours-{name}")
}

/// Ten clients that are none of ours.
async fn others(broker: &Mosquitto) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..10 {
        clients.push(broker.client(&format!("other-{number}"), 60).await);
    }
    clients
}

/// Four connections to one broker, online; one of them listens.
async fn watching() -> (Mosquitto, Exporter, TempDir) {
    let broker = Mosquitto::start().await;
    let url = broker.url();
    let mut config = format!(
        "[[connection]]\nname = \"lan\"\n[connection.source.broker]\nurl = \"{url}\"\n\
         [connection.fleet]\nkind = \"mosquitto\"\n"
    );
    for name in OURS {
        write!(
            config,
            "[[connection]]\nname = \"{name}\"\n[connection.source.broker]\nurl = \"{url}\"\n\
             [connection.reconnect]\nclient_id = \"{}\"\n\
             [[connection.subscribe]]\nfilter = \"{name}/+\"\n\
             [[connection.subscribe.metric]]\nname = \"room_temperature_celsius\"\n",
            id(name)
        )
        .unwrap();
    }
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("hangup.toml");
    std::fs::write(&file, config).unwrap();
    let exporter = Exporter::start(&["run", "--config", file.to_str().unwrap()]).await;
    exporter
        .until("four are online", |page| page.online("lan") && OURS.iter().all(|name| page.online(name)))
        .await;
    (broker, exporter, files)
}
