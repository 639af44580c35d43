//! Mosquitto: MQTT 5 and 3.1.1 over TCP, TLS, WebSocket and secure WebSocket.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use hangup::connection::plan::{Transport, Version};

use crate::broker::{ALL, Broker, PASSWORD, USER};
use crate::setup::Link;
use crate::story::{self, CLOSED, EVERY_QOS, HUNG_UP, Names, RESTART};
use crate::support::prometheus::skipped;

/// Started with these further lines of configuration; `None`, and loudly, when it is not here.
pub(crate) async fn start(more: &str) -> Option<Broker> {
    // It has no option that only prints its version, and says so with a code of its own.
    let found = Command::new("mosquitto").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        skipped("`mosquitto` is not here");
        return None;
    }
    let mut broker = Broker::new("/mqtt");
    let mut hash = Command::new("mosquitto_passwd");
    let hashed =
        hash.args(["-b", "-c"]).arg(broker.file("passwords")).args([USER, PASSWORD]).status().unwrap();
    assert!(hashed.success());
    let command = configured(&broker, "first.conf", more, &ALL);
    broker.start(command).await;
    // It binds the ports of its WebSockets without SO_REUSEADDR: after a kill, they are nobody's for a minute.
    let transports = [Transport::Tcp, Transport::Tls];
    broker.returns(configured(&broker, "again.conf", more, &transports), &transports);
    Some(broker)
}

fn configured(broker: &Broker, name: &str, more: &str, transports: &[Transport]) -> Command {
    // What it would become when root starts it cannot read the files of the test.
    let mut config = format!("allow_anonymous false\nuser root\n{more}");
    writeln!(config, "password_file {}", broker.file("passwords").display()).unwrap();
    for transport in transports {
        writeln!(config, "listener {} 127.0.0.1", broker.port(transport)).unwrap();
        if transport.has_websocket() {
            config.push_str("protocol websockets\n");
        }
        if transport.has_tls() {
            for (key, file) in [("certfile", "server.pem"), ("keyfile", "key.pem")] {
                writeln!(config, "{key} {}", broker.file(file).display()).unwrap();
            }
        }
    }
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(broker.write(name, &config));
    command
}

fn closed(link: &Link) -> &'static str {
    if link.transport.has_tls() { HUNG_UP } else { CLOSED }
}

const NAMES: Names = Names {
    retains: true,
    qos: EVERY_QOS,
    refused: "not authorised",
    // It says nothing, neither in MQTT 5: it closes TLS in order, and TCP, also below a WebSocket, with a bare FIN.
    taken: Some(closed),
    killed: |_| (CLOSED, RESTART),
    stopped: |link| (closed(link), RESTART),
};

#[tokio::test]
async fn mosquitto_in_both_versions_over_every_transport() {
    let Some(broker) = start("").await else { return };
    story::tell(broker, &Link::all(&[Version::V311, Version::V5]), &NAMES).await;
}
