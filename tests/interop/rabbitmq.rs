//! RabbitMQ with its plugins for MQTT and MQTT over WebSockets: MQTT 3.1.1 only, before its release 4.

use std::path::Path;
use std::process::Command;

use hangup::connection::plan::{Transport, Version};

use rumqttc::QoS;

use crate::broker::{Broker, PASSWORD, USER, free_port};
use crate::setup::Link;
use crate::story::{self, CLOSED, HUNG_UP, Names, RESTART};
use crate::support::exporter::Process;
use crate::support::prometheus::skipped;

/// The program itself: what lies on the path of Debian would become another user.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A node of its own with the daemon that knows its port: nothing of it is seen by another node of this machine.
async fn start() -> Option<(Broker, Process)> {
    if !Path::new(PROGRAM).exists() {
        skipped(&format!("`{PROGRAM}` is not here"));
        return None;
    }
    let mut broker = Broker::new("/ws");
    let file = |name: &str| broker.file(name).display().to_string();
    broker.write("plugins", "[rabbitmq_mqtt,rabbitmq_web_mqtt].\n");
    broker.write("environment", "");
    let port = |transport| broker.port(&transport);
    let (tcp, tls, ws, wss) =
        (port(Transport::Tcp), port(Transport::Tls), port(Transport::Ws), port(Transport::Wss));
    let (ca, certificate, key) = (file("ca.pem"), file("server.pem"), file("key.pem"));
    broker.write(
        "rabbitmq.conf",
        &format!(
            "listeners.tcp = none\n\
             mqtt.allow_anonymous = false\n\
             default_user = {USER}\n\
             default_pass = {PASSWORD}\n\
             mqtt.listeners.tcp.1 = 127.0.0.1:{tcp}\n\
             mqtt.listeners.ssl.1 = 127.0.0.1:{tls}\n\
             ssl_options.cacertfile = {ca}\n\
             ssl_options.certfile = {certificate}\n\
             ssl_options.keyfile = {key}\n\
             web_mqtt.tcp.ip = 127.0.0.1\n\
             web_mqtt.tcp.port = {ws}\n\
             web_mqtt.ssl.ip = 127.0.0.1\n\
             web_mqtt.ssl.port = {wss}\n\
             web_mqtt.ssl.cacertfile = {ca}\n\
             web_mqtt.ssl.certfile = {certificate}\n\
             web_mqtt.ssl.keyfile = {key}\n"
        ),
    );
    let (distribution, names) = (free_port().to_string(), free_port().to_string());
    let mut command = Command::new("epmd");
    let mapper = Process::start(command.args(["-port", &names, "-address", "127.0.0.1"]));
    let mut command = Command::new(PROGRAM);
    command
        .env("HOME", broker.directory.path())
        .env("RABBITMQ_NODENAME", format!("interop-{distribution}@localhost"))
        .env("RABBITMQ_DIST_PORT", &distribution)
        .env("ERL_EPMD_PORT", &names)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_MNESIA_BASE", file("mnesia"))
        .env("RABBITMQ_LOG_BASE", file("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("plugins"))
        .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
        .env("RABBITMQ_CONF_ENV_FILE", file("environment"))
        .env("RABBITMQ_PID_FILE", file("pid"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        // Makes the script become the node, which so can be signalled.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    broker.start(command).await;
    Some((broker, mapper))
}

const NAMES: Names = Names {
    // Its retained messages come to exact topics only, and it knows no QoS 2: what asks for that is granted QoS 1.
    retains: false,
    qos: &[QoS::AtMostOnce, QoS::AtLeastOnce],
    refused: "bad user name or password",
    taken: Some(|link| match link.transport {
        Transport::Tcp => CLOSED,
        Transport::Tls | Transport::Ws | Transport::Wss => HUNG_UP,
    }),
    killed: |_| (CLOSED, RESTART),
    stopped: |link| (if link.transport.has_tls() { HUNG_UP } else { CLOSED }, RESTART),
};

#[tokio::test]
async fn rabbitmq_over_every_transport() {
    let Some((broker, _mapper)) = start().await else { return };
    story::tell(broker, &Link::all(&[Version::V311]), &NAMES).await;
}
