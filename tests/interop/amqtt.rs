//! amqtt, a broker in Python: MQTT 3.1.1 only.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use hangup::connection::plan::{Transport, Version};

use crate::broker::{Broker, USER};
use crate::setup::Link;
use crate::story::{self, CLOSED, EVERY_QOS, Names, RESTART};
use crate::support::prometheus::skipped;

/// The test's password as this broker keeps it.
const HASHED: &str =
    "$argon2id$v=19$m=64,t=1,p=1$5ySDj/CmjtIcKmu+lr2g4A$yodGSt9ZH3frY7QOmFOwGNk33khR5WzHG/nv1882cKo";

/// Started; `None`, and loudly, when it is not here.
async fn start() -> Option<Broker> {
    let program = std::env::var("HANGUP_TEST_AMQTT").unwrap_or_else(|_| "amqtt".to_owned());
    let found = Command::new(&program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        skipped(&format!("`{program}` is not here"));
        return None;
    }
    let mut broker = Broker::new("/");
    let passwords = broker.write("passwords", &format!("{USER}:{HASHED}\n"));
    let mut config = "listeners:\n".to_owned();
    for (name, transport) in
        [("default", Transport::Tcp), ("tls", Transport::Tls), ("ws", Transport::Ws), ("wss", Transport::Wss)]
    {
        let kind = if transport.has_websocket() { "ws" } else { "tcp" };
        let port = broker.port(&transport);
        write!(config, "  {name}: {{type: {kind}, bind: \"127.0.0.1:{port}\"").unwrap();
        if transport.has_tls() {
            let (certificate, key) = (broker.file("server.pem"), broker.file("key.pem"));
            write!(config, ", ssl: true, certfile: {}, keyfile: {}", certificate.display(), key.display())
                .unwrap();
        }
        config.push_str("}\n");
    }
    write!(
        config,
        "plugins:\n  amqtt.plugins.authentication.FileAuthPlugin: {{password_file: {}}}\n",
        passwords.display()
    )
    .unwrap();
    let file = broker.write("amqtt.yaml", &config);
    let mut command = Command::new(program);
    command.arg("-c").arg(file);
    broker.start(command).await;
    Some(broker)
}

const NAMES: Names = Names {
    retains: true,
    qos: EVERY_QOS,
    refused: "not authorised",
    // Both stay connected.
    taken: None,
    killed: |_| (CLOSED, RESTART),
    stopped: |_| (CLOSED, RESTART),
};

#[tokio::test]
async fn amqtt_over_every_transport() {
    let Some(broker) = start().await else { return };
    story::tell(broker, &Link::all(&[Version::V311]), &NAMES).await;
}
