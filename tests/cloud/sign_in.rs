//! A wrong password: said everywhere, tried rarely, printed nowhere.
//!
//! Never hammers: a vendor locks accounts.

use std::time::Duration;

use hangup::simulator::Fault;

use crate::support::exporter::Exporter;
use crate::support::scene::{FAST, Scene, WRONG_PASSWORD, assert_no_secret};

const HOME: (&str, &str) = ("connection", "home");

#[tokio::test]
async fn a_wrong_password_is_told_everywhere_and_tried_rarely() {
    let scene = Scene::new().await;
    scene.write("password", WRONG_PASSWORD);
    let exporter = scene.run(&scene.connection("home", "jitter = \"none\"", "")).await;
    let page = exporter
        .until("a failed sign-in and a wait", |page| {
            // The page may be there before the connection is.
            page.sum("mqtt_client_reconnect_delay_seconds", &[HOME]) > 0.0
        })
        .await;
    assert_eq!(
        page.failures("home"),
        [("credentials".to_owned(), "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE".to_owned())]
    );
    assert!(page.value("mqtt_client_reconnect_delay_seconds", &[HOME]) >= 300.0, "slowly");
    assert_eq!(page.sum("mqtt_client_connect_attempts_total", &[HOME]), 1.0);
    assert_eq!(
        page.value("mqtt_client_credential_refreshes_total", &[HOME, ("kind", "sign_in")]),
        1.0,
        "one try, not one a token"
    );
    let ready = exporter.says("/-/ready", "password").await;
    assert_eq!(ready.status, 503);
    assert_eq!(exporter.get("/-/healthy").await.status, 200);
    exporter.logged(&["password", "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE"]).await;
    scene.end(exporter).await;
}

#[test]
fn the_search_for_secrets_finds_each_kind() {
    let told = |text: &str| std::panic::catch_unwind(|| assert_no_secret("a test", text)).is_err();
    for secret in [
        "the password is hot-water",
        "for demo@hangup.example",
        "cmd/52/navilink-020000aabb01/st",
        "as client-id-of-home",
        "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "token access.9sJd83kDk29dkX",
        "key DEMO0123456789ABCDEF",
    ] {
        assert!(told(secret), "{secret}");
    }
    assert!(!told("a demo of access. nwp-1df142fa is not a MAC"));
}

#[tokio::test]
async fn a_sign_in_that_is_refused_for_a_while_recovers() {
    let scene = Scene::new().await;
    scene.inject(Fault::RefusedSignIn(Duration::from_secs(4)));
    let exporter = scene.home("").await;
    assert_eq!(
        exporter.page().await.failures("home"),
        [("credentials".to_owned(), "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE".to_owned())]
    );
    assert_eq!(exporter.get("/-/ready").await.status, 200);
    scene.end(exporter).await;
}

#[tokio::test]
async fn the_page_is_up_before_the_first_sign_in_and_while_everything_is_down() {
    let scene = Scene::new().await;
    let config = scene.connection("home", FAST, "");
    let Scene { cloud, directory } = scene;
    cloud.stop().await;
    let path = directory.path().join("hangup.toml");
    std::fs::write(&path, config).unwrap();
    let exporter = Exporter::start(&["run", "--config", path.to_str().unwrap()]).await;
    let page = exporter.page().await;
    assert_eq!(page.sum("mqtt_client_sessions_total", &[]), 0.0);
    let page = exporter.until("a failed attempt", |page| !page.failures("home").is_empty()).await;
    assert_eq!(
        page.failures("home"),
        [("credentials".to_owned(), "AWS_IO_SOCKET_CONNECTION_REFUSED".to_owned())]
    );
    for path in ["/", "/api/v1/connections", "/-/healthy"] {
        assert_eq!(exporter.get(path).await.status, 200, "{path}");
    }
    assert_eq!(exporter.says("/-/ready", "refused").await.status, 503);
    exporter.stop().await;
}
