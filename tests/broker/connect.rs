//! The ways to a broker without TLS: plain, with a login, over a WebSocket, through a proxy, by MQTT 5.
//!
//! Every one ends with a message that arrived.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::mosquitto::{Mosquitto, is_here};
use crate::support::exporter::Exporter;
use crate::support::page::Page;
use crate::support::scene::WRONG_PASSWORD;
use hangup::simulator::DEMO_PASSWORD;

/// Messages that this connection was sent.
pub(crate) fn messages(page: &Page, connection: &str) -> f64 {
    page.sum("mqtt_client_messages_total", &[("connection", connection)])
}

/// Waits for a session, publishes, and waits for the message.
pub(crate) async fn hears(mosquitto: &Mosquitto, exporter: &Exporter, login: &[&str]) -> Page {
    exporter.until("online", |page| page.online("lan")).await;
    mosquitto.publish("sensors/a", "21.5", login);
    exporter.until("a message", |page| messages(page, "lan") > 0.0).await
}

#[tokio::test]
async fn a_plain_broker_and_what_it_retains() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    mosquitto.publish("sensors/kept", "1", &["-r"]);
    let exporter = mosquitto.run(&mosquitto.connection("lan", "", "", "sensors/#")).await;
    let page = exporter.until("the retained message", |page| messages(page, "lan") == 1.0).await;
    let place = format!("localhost:{}", mosquitto.port);
    let info =
        [("broker", place.as_str()), ("protocol", "3.1.1"), ("source", "broker"), ("transport", "tcp")];
    assert_eq!(page.value("mqtt_client_connection_info", &info), 1.0);
    mosquitto.publish("sensors/live", "2", &[]);
    exporter.until("a live one", |page| messages(page, "lan") == 2.0).await;
    mosquitto.publish("elsewhere", "3", &[]);
    mosquitto.publish("sensors/live", "4", &[]);
    let page = exporter.until("another live one", |page| messages(page, "lan") >= 3.0).await;
    assert_eq!(messages(&page, "lan"), 3.0, "what was not subscribed to does not come");
    let log = mosquitto.log();
    let line = log.lines().find(|line| line.contains("as hangup-")).expect(&log);
    assert!(line.contains("p2, c1, k10"), "3.1.1, a clean session, 10 s: {line}");
    exporter.stop().await;
}

/// The password file is read at each attempt: a corrected one needs neither a reload nor a restart.
#[tokio::test]
async fn a_login_whose_password_file_is_corrected() {
    if !is_here() {
        return;
    }
    let lines = "allow_anonymous false\npassword_file DIR/passwords";
    let mosquitto = Mosquitto::start(lines, |directory| {
        let file = directory.join("passwords");
        let mut tool = std::process::Command::new("mosquitto_passwd");
        assert!(
            tool.args(["-b", "-c"]).arg(&file).args(["hangup", DEMO_PASSWORD]).status().unwrap().success()
        );
    })
    .await;
    mosquitto.write("password", WRONG_PASSWORD);
    let login = "username = \"hangup\"\npassword = { file = \"password\" }";
    let exporter = mosquitto.run(&mosquitto.connection("lan", login, "", "sensors/#")).await;
    let refused = ("connack".to_owned(), "AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED".to_owned());
    let page = exporter.until("a refusal", |page| page.failures("lan").contains(&refused)).await;
    assert_eq!(page.failures("lan"), [refused]);
    mosquitto.write("password", &format!("{DEMO_PASSWORD}\n"));
    hears(&mosquitto, &exporter, &["-u", "hangup", "-P", DEMO_PASSWORD]).await;

    std::fs::remove_file(mosquitto.directory.path().join("password")).unwrap();
    exporter.stop().await;
}

/// A file that is gone while the exporter runs is named by its field; the session that lives does not need it.
#[tokio::test]
async fn a_password_file_that_is_gone() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    mosquitto.write("password", DEMO_PASSWORD);
    let login = "username = \"hangup\"\npassword = { file = \"password\" }";
    let config = mosquitto.connection("lan", login, "", "sensors/#");
    let exporter = mosquitto.run(&config).await;
    exporter.until("online", |page| page.online("lan")).await;
    std::fs::remove_file(mosquitto.directory.path().join("password")).unwrap();
    // Taken over by another client, the connection needs the password again.
    let log = mosquitto.log();
    let id = log
        .lines()
        .find_map(|line| Some(line.split_once(" as hangup-")?.1.split(' ').next()?.to_owned()))
        .unwrap();
    let port = mosquitto.port.to_string();
    let id = format!("hangup-{id}");
    let other = std::process::Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-i", &id, "-t", "elsewhere", "-m", "1"])
        .status();
    assert!(other.unwrap().success());
    let missing = ("credentials".to_owned(), "AWS_AUTH_SIGNING_NO_CREDENTIALS".to_owned());
    exporter.until("the missing file", |page| page.failures("lan").contains(&missing)).await;
    exporter.logged(&["`password`: the file named there cannot be read: entity not found"]).await;
    mosquitto.write("password", DEMO_PASSWORD);
    exporter.until("online again", |page| page.online("lan")).await;
    exporter.stop().await;
}

#[tokio::test]
async fn a_websocket() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::start("protocol websockets\nallow_anonymous true", |_| ()).await;
    let url = mosquitto.url("ws");
    let exporter = mosquitto.run(&mosquitto.connection("lan", &url, "", "sensors/#")).await;
    let page = hears(&mosquitto, &exporter, &[]).await;
    assert_eq!(page.value("mqtt_client_connection_info", &[("transport", "ws")]), 1.0);
    exporter.stop().await;
}

#[tokio::test]
async fn an_http_proxy_with_a_login() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let proxying = tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(tunnel(client));
        }
    });
    mosquitto.write("proxy-url", &format!("http://me:{DEMO_PASSWORD}@{proxy}\n"));
    let source = "proxy = { file = \"proxy-url\" }";
    let exporter = mosquitto.run(&mosquitto.connection("lan", source, "", "sensors/#")).await;
    let page = hears(&mosquitto, &exporter, &[]).await;
    assert!(page.sum("mqtt_client_connect_phase_duration_seconds_count", &[("phase", "proxy")]) >= 1.0);
    exporter.stop().await;
    proxying.abort();
}

/// A proxy that knows CONNECT and one login.
async fn tunnel(mut client: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("CONNECT ").and_then(|head| head.split(' ').next()).unwrap().to_owned();
    // `me:hot-water`
    if !head.contains("Proxy-Authorization: Basic bWU6aG90LXdhdGVy\r\n") {
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        return;
    }
    let mut broker = TcpStream::connect(target).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut broker).await;
}

#[tokio::test]
async fn mqtt_5_with_everything_that_only_it_can_say() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    mosquitto.write("site", "cellar\n");
    let source = "version = \"5\"\nsession_expiry = \"10m\"\nreceive_maximum = 10\nmax_packet_size = \"64KiB\"\n\
        [connection.source.broker.user_properties]\nsite = { file = \"site\" }\nkind = \"exporter\"";
    let exporter = mosquitto.run(&mosquitto.connection("lan", source, "", "sensors/#")).await;
    let page = hears(&mosquitto, &exporter, &[]).await;
    assert_eq!(page.value("mqtt_client_connection_info", &[("protocol", "5")]), 1.0);
    let log = mosquitto.log();
    let line = log.lines().find(|line| line.contains("as hangup-")).expect(&log);
    assert!(line.contains("p5, c1, k10"), "{line}");
    // Larger than we said we take: the broker keeps it for itself, and the session lives.
    mosquitto.publish("sensors/picture", &"x".repeat(100 * 1024), &[]);
    mosquitto.publish("sensors/a", "22", &[]);
    let page = exporter.until("the next message", |page| messages(page, "lan") >= 2.0).await;
    assert_eq!((messages(&page, "lan"), page.sessions("lan"), page.drops("lan").len()), (2.0, 1.0, 0));
    exporter.stop().await;
}

/// Two members of a group share what comes; nothing comes twice.
#[tokio::test]
async fn a_shared_subscription() {
    if !is_here() {
        return;
    }
    let mosquitto = Mosquitto::open().await;
    let member = |name: &str| mosquitto.connection(name, "version = \"5\"", "", "$share/hangup/sensors/#");
    let exporter = mosquitto.run(&(member("one") + &member("two"))).await;
    exporter.until("both online", |page| page.online("one") && page.online("two")).await;
    for number in 0..20 {
        mosquitto.publish("sensors/a", &number.to_string(), &[]);
    }
    let both = |page: &Page| messages(page, "one") + messages(page, "two");
    let page = exporter.until("all of them", |page| both(page) >= 20.0).await;
    assert_eq!(both(&page), 20.0);
    assert!(messages(&page, "one") > 0.0 && messages(&page, "two") > 0.0);
    exporter.stop().await;
}
