//! TLS with a broker: whom it must be signed by, what it must be called, whom it wants to see.
//!
//! Never with a verification left out.

use std::path::Path;

use crate::authority::{Authority, Signed};
use crate::connect::messages;
use crate::mosquitto::{Mosquitto, is_here};

/// The broker's certificate is for this name only, which nothing resolves to.
const INTERNAL: &str = "broker.internal";

const SERVED: &str =
    "cafile DIR/ca.pem\ncertfile DIR/server.pem\nkeyfile DIR/server-key.pem\nallow_anonymous true";

fn serve(authority: &Authority, name: &str) -> impl Fn(&Path) {
    move |directory| {
        std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
        authority.sign(name).write(directory, "server");
    }
}

fn failed(phase: &str, error: &str) -> (String, String) {
    (phase.to_owned(), error.to_owned())
}

#[tokio::test]
async fn an_authority_of_ones_own_and_another_name_than_the_host() {
    if !is_here() {
        return;
    }
    let authority = Authority::new("ours");
    let mosquitto = Mosquitto::start(SERVED, serve(&authority, INTERNAL)).await;
    mosquitto.write("other-ca.pem", &Authority::new("theirs").pem());
    let url = mosquitto.url("mqtts");
    let connection = |name: &str, more: &str| {
        mosquitto.connection(name, &format!("{url}\n{more}"), "", "$SYS/broker/version")
    };
    let config = connection("right", &format!("ca_file = \"ca.pem\"\nserver_name = \"{INTERNAL}\""))
        + &connection("no-name", "ca_file = \"ca.pem\"")
        + &connection("other-ca", &format!("ca_file = \"other-ca.pem\"\nserver_name = \"{INTERNAL}\""));
    let exporter = mosquitto.run(&config).await;
    let page = exporter
        .until("one that works and two that do not", |page| {
            messages(page, "right") > 0.0
                && !page.failures("no-name").is_empty()
                && !page.failures("other-ca").is_empty()
        })
        .await;
    assert_eq!(page.failures("no-name"), [failed("tls", "AWS_IO_TLS_HOST_NAME_MISMATCH")]);
    assert_eq!(page.failures("other-ca"), [failed("tls", "AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE")]);
    assert!(page.failures("right").is_empty());

    // The right authority in the same file: the next attempt finds it.
    mosquitto.write("other-ca.pem", &authority.pem());
    exporter.until("the file is read anew", |page| page.online("other-ca")).await;
    exporter.stop().await;
}

/// No chain may end in it, and yet it is the usual one: the file that names it, byte for byte, is what makes it trusted.
#[tokio::test]
async fn a_certificate_that_signed_itself_and_is_an_authoritys() {
    if !is_here() {
        return;
    }
    let lines = "certfile DIR/server.pem\nkeyfile DIR/server-key.pem\nallow_anonymous true";
    let served = |directory: &Path| Signed::by_itself(INTERNAL).write(directory, "server");
    let mosquitto = Mosquitto::start(lines, served).await;
    mosquitto.write("twin.pem", &Signed::by_itself(INTERNAL).certificate);
    let url = mosquitto.url("mqtts");
    let connection = |name: &str, more: &str| {
        mosquitto.connection(name, &format!("{url}\n{more}"), "", "$SYS/broker/version")
    };
    let named = format!("server_name = \"{INTERNAL}\"");
    let config = connection("itself", &format!("ca_file = \"server.pem\"\n{named}"))
        + &connection("no-name", "ca_file = \"server.pem\"")
        + &connection("twin", &format!("ca_file = \"twin.pem\"\n{named}"));
    let exporter = mosquitto.run(&config).await;
    let page = exporter
        .until("one that works and two that do not", |page| {
            messages(page, "itself") > 0.0
                && !page.failures("no-name").is_empty()
                && !page.failures("twin").is_empty()
        })
        .await;
    assert_eq!(page.failures("no-name"), [failed("tls", "AWS_IO_TLS_HOST_NAME_MISMATCH")]);
    assert_eq!(page.failures("twin"), [failed("tls", "AWS_IO_TLS_BAD_CERTIFICATE")]);
    assert!(page.failures("itself").is_empty());
    exporter.logged(&["used as a server's: name it in `ca_file`, or make one with `CA:FALSE`"]).await;

    // The broker's own certificate in the same file: the next attempt finds it.
    let own = std::fs::read_to_string(mosquitto.directory.path().join("server.pem")).unwrap();
    mosquitto.write("twin.pem", &own);
    exporter.until("the file is read anew", |page| page.online("twin")).await;
    exporter.stop().await;
}

#[tokio::test]
async fn a_client_certificate_that_is_renewed() {
    if !is_here() {
        return;
    }
    let authority = Authority::new("ours");
    let lines = format!("{SERVED}\nrequire_certificate true\nuse_identity_as_username true");
    let mosquitto = Mosquitto::start(&lines, serve(&authority, "localhost")).await;
    let directory = mosquitto.directory.path();
    authority.sign("sensor-1").write(directory, "client");
    Authority::new("theirs").sign("sensor-2").write(directory, "stranger");
    let url = mosquitto.url("mqtts");
    let connection = |name: &str, more: &str| {
        let source = format!("{url}\nca_file = \"ca.pem\"\n{more}");
        mosquitto.connection(name, &source, "", "$SYS/broker/version")
    };
    let shown = |name: &str| {
        format!("client_certificate_file = \"{name}.pem\"\nclient_key_file = \"{name}-key.pem\"")
    };
    let config = connection("with", &shown("client"))
        + &connection("without", "")
        + &connection("stranger", &shown("stranger"));
    let exporter = mosquitto.run(&config).await;
    let page = exporter
        .until("one that works and two that do not", |page| {
            messages(page, "with") > 0.0
                && !page.failures("without").is_empty()
                && !page.failures("stranger").is_empty()
        })
        .await;
    // With TLS 1.3 the client learns of it after its own handshake; the alert may come with the bytes of a reset.
    for name in ["without", "stranger"] {
        let failures = page.failures(name);
        assert!(failures.iter().all(|(phase, _)| phase == "tls" || phase == "connack"), "{failures:?}");
        assert!(!page.online(name));
    }
    assert!(mosquitto.log().contains("u'sensor-1'"), "the certificate's name is the user");

    authority.sign("sensor-3").write(directory, "stranger");
    exporter.until("the renewed certificate is shown", |page| page.online("stranger")).await;
    exporter.stop().await;
}

#[tokio::test]
async fn a_secure_websocket() {
    if !is_here() {
        return;
    }
    let authority = Authority::new("ours");
    let lines = format!("protocol websockets\n{SERVED}");
    let mosquitto = Mosquitto::start(&lines, serve(&authority, "localhost")).await;
    let source = format!("{}\nca_file = \"ca.pem\"", mosquitto.url("wss"));
    let exporter = mosquitto.run(&mosquitto.connection("lan", &source, "", "$SYS/broker/version")).await;
    let page = exporter.until("a message", |page| messages(page, "lan") > 0.0).await;
    assert_eq!(page.value("mqtt_client_connection_info", &[("transport", "wss")]), 1.0);
    exporter.stop().await;
}
