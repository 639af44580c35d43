//! AWS keys from every place that they can come from, against a cloud that verifies signatures.
//!
//! Never a signature that was not verified: the cloud closes on a wrong one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hangup::config::{Loaded, Origin, Secret, load_with};
use hangup::connection::Tier;
use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Settings};
use hangup::source::navien::rest::Rest;
use hangup::source::{self, tls};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::authority::{Authority, private};
use crate::gateway;
use crate::mosquitto::{FAST, RULE, run_with};
use crate::support::page::Page;

/// A cloud, and keys that it knows.
struct Scene {
    cloud: Cloud,
    directory: TempDir,
    keys: Value,
}

impl Scene {
    async fn new() -> Self {
        let cloud = Cloud::start(Settings::default()).await.unwrap();
        let directory = TempDir::new().unwrap();
        let ca = directory.path().join("ca.pem");
        cloud.write_ca(&ca).unwrap();
        let rest = Rest::new(&cloud.rest_url(), tls::load(Some(&ca)).unwrap(), None).unwrap();
        let signed_in = rest.sign_in(&Secret::new(DEMO_EMAIL), &Secret::new(DEMO_PASSWORD)).await.unwrap();
        Self { cloud, directory, keys: signed_in["token"].clone() }
    }

    fn key(&self, name: &str) -> &str {
        self.keys[name].as_str().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        private(&self.directory.path().join(name), text);
    }

    /// A configuration whose keys come from here.
    fn config(&self, from: &str) -> std::path::PathBuf {
        let (host, port) = (self.cloud.host(), self.cloud.mqtt_port());
        let config = format!(
            "[[connection]]\nname = \"cloud\"\n[connection.reconnect]\n{FAST}\n[connection.source.aws_iot]\nendpoint = \
             \"{host}\"\nport = {port}\nregion = \"us-east-1\"\nversion = \"3.1.1\"\nca_file = \"ca.pem\"\n\
             [connection.source.aws_iot.credentials]\n{from}\n[[connection.subscribe]]\nfilter = \
             \"cmd/52/navilink-020000aabb01/#\"\nqos = 1\n{RULE}\n"
        );
        self.write("hangup.toml", &config);
        self.directory.path().join("hangup.toml")
    }

    fn profile(&self, secret: &str) -> String {
        let (id, token) = (self.key("accessKeyId"), self.key("sessionToken"));
        format!(
            "[other]\n[lab]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {token}\n"
        )
    }
}

#[tokio::test]
async fn static_keys_from_files_and_from_the_environment() {
    let scene = Scene::new().await;
    for (name, key) in [("id", "accessKeyId"), ("secret", "secretKey"), ("token", "sessionToken")] {
        scene.write(name, scene.key(key));
    }
    let files = "from = \"static\"\naccess_key_id = { file = \"id\" }\nsecret_access_key = { file = \"secret\" }\n\
        session_token = { file = \"token\" }";
    let variables = [
        ("AWS_ACCESS_KEY_ID", scene.key("accessKeyId").to_owned()),
        ("AWS_SECRET_ACCESS_KEY", scene.key("secretKey").to_owned()),
        ("AWS_SESSION_TOKEN", scene.key("sessionToken").to_owned()),
    ];
    for (from, variables) in [(files, &[][..]), ("from = \"environment\"", &variables[..])] {
        let exporter = run_with(&scene.config(from), variables).await;
        let page = exporter.until("online", |page| page.online("cloud")).await;
        assert_eq!(
            page.value("mqtt_client_connection_info", &[("source", "aws_iot"), ("transport", "wss")]),
            1.0
        );
        exporter.stop().await;
    }
    scene.cloud.stop().await;
}

fn fetched(page: &Page) -> (f64, f64) {
    let kind = [("kind", "refresh")];
    let failed = page.sum("mqtt_client_credential_refresh_failures_total", &kind);
    (page.sum("mqtt_client_credential_refreshes_total", &kind), failed)
}

/// A wrong key in the file is refused by the cloud; a corrected one is found without a restart.
#[tokio::test]
async fn a_profile_that_is_corrected() {
    let scene = Scene::new().await;
    scene.write("credentials", &scene.profile("wrong"));
    let variables = [("AWS_PROFILE", "lab".to_owned())];
    let config = scene.config("from = \"profile\"\nfile = \"credentials\"");
    let exporter = run_with(&config, &variables).await;
    let refused = ("websocket".to_owned(), "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE".to_owned());
    exporter.until("a refusal", |page| page.failures("cloud").contains(&refused)).await;
    scene.write("credentials", &scene.profile(scene.key("secretKey")));
    exporter.until("online", |page| page.online("cloud")).await;
    exporter.stop().await;
    scene.cloud.stop().await;
}

/// The endpoint that ECS and EKS give to a container: what it is asked, and what it says.
struct Container {
    url: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<(u16, String)>>,
    task: JoinHandle<()>,
}

impl Container {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/credentials", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new((200, String::new())));
        let (count, says) = (Arc::clone(&asked), Arc::clone(&answer));
        let task = tokio::spawn(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(tcp.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let right = head.starts_with("GET /v1/credentials HTTP/1.1\r\n")
                    && head.to_lowercase().contains("authorization: token-of-the-pod\r\n");
                let (status, body) = if right { says.lock().unwrap().clone() } else { (403, String::new()) };
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = tcp.write_all(text.as_bytes()).await;
            }
        });
        Self { url, asked, answer, task }
    }

    fn says(&self, status: u16, body: &impl ToString) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(scene: &Scene, lasts: Duration) -> Value {
    let expires = jiff::Timestamp::try_from(hangup::clock::now().wall + lasts).unwrap();
    json!({
        "AccessKeyId": scene.key("accessKeyId"), "SecretAccessKey": scene.key("secretKey"),
        "Token": scene.key("sessionToken"), "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    })
}

/// Kept while they last, fetched anew by a deep attempt and with less than five minutes left, used to their end when the
/// endpoint is away.
#[tokio::test]
async fn keys_of_a_container_are_renewed_before_they_lapse() {
    let scene = Scene::new().await;
    let container = Container::start().await;
    scene.write("pod-token", "token-of-the-pod");
    let token = scene.directory.path().join("pod-token").display().to_string();
    let variable = |name: &str| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(container.url.clone()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => Some(token.clone()),
        _ => None,
    };
    let Loaded { config, warnings } =
        load_with(&Origin::File(scene.config("from = \"container\"")), &variable).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let planner = source::prepare(&config.connections[0]).unwrap().planner;
    let plan = async |tier| Arc::clone(&planner).plan(tier).await;

    container.says(200, &answer(&scene, Duration::from_secs(3600)));
    let first = plan(Tier::Quick).await;
    assert_eq!((first.credentials.len(), container.asked()), (1, 1));
    let expires = first.credentials[0].outcome.unwrap();
    let way = first.result.unwrap().plan;
    assert_eq!(way.credentials_expire, expires);
    assert_eq!(way.lifetime, Some(Duration::from_secs(24 * 3600)));
    assert!(way.hangup_means_credentials && way.request_target.expose().contains("&X-Amz-Security-Token="));
    let again = plan(Tier::Quick).await;
    assert_eq!((again.credentials.len(), container.asked()), (0, 1), "they last");

    container.says(200, &answer(&scene, Duration::from_secs(299)));
    assert_eq!((plan(Tier::Deep).await.credentials.len(), container.asked()), (1, 2), "deep means anew");
    assert_eq!(
        (plan(Tier::Quick).await.credentials.len(), container.asked()),
        (1, 3),
        "less than five minutes left"
    );

    container.says(500, &"");
    let last = plan(Tier::Quick).await;
    let why = last.credentials[0].outcome.unwrap_err().as_str();
    assert_eq!(why, "AWS_AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE");
    assert!(last.result.is_ok(), "the last minutes of the old ones are used");
    let failure = plan(Tier::Deep).await.result.unwrap_err();
    assert!(failure.message.contains("the endpoint answered 500"), "{}", failure.message);
    scene.cloud.stop().await;
}

#[tokio::test]
async fn a_container_that_gets_its_keys_late() {
    let scene = Scene::new().await;
    let container = Container::start().await;
    container.says(200, &json!({"AccessKeyId": "", "SecretAccessKey": ""}));
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url.clone()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-pod".to_owned()),
    ];
    let exporter = run_with(&scene.config("from = \"container\""), &variables).await;
    let nothing = ("credentials".to_owned(), "AWS_AUTH_PROVIDER_PARSER_UNEXPECTED_RESPONSE".to_owned());
    exporter.until("an answer without keys", |page| page.failures("cloud").contains(&nothing)).await;
    container.says(200, &answer(&scene, Duration::from_secs(3600)));
    let page = exporter.until("online", |page| page.online("cloud")).await;
    let (tries, failed) = fetched(&page);
    assert!(failed >= 1.0 && tries == failed + 1.0, "{tries} {failed}");
    exporter.stop().await;
    scene.cloud.stop().await;
}

/// A refused signature may be the fault of our clock: a deep attempt asks the endpoint for its time, and signs with that.
#[tokio::test]
async fn a_wrong_clock_is_made_up_for_by_a_deep_attempt() {
    let authority = Authority::new("ours");
    let acceptor = gateway::acceptor(&authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let date = jiff::Timestamp::try_from(hangup::clock::now().wall + Duration::from_secs(7200)).unwrap();
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tls = acceptor.accept(tcp).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(tls.read_u8().await.unwrap());
            }
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = tls.write_all(answer.as_bytes()).await;
            let _ = tls.shutdown().await;
        }
    });
    let directory = TempDir::new().unwrap();
    let write = |name: &str, text: &str| private(&directory.path().join(name), text);
    write("ca.pem", &authority.pem());
    write(
        "hangup.toml",
        &format!(
            "[[connection]]\nname = \"cloud\"\n[connection.source.aws_iot]\nendpoint = \"localhost\"\nport = {port}\nregion \
             = \"us-east-1\"\nca_file = \"ca.pem\"\n[connection.source.aws_iot.credentials]\nfrom = \"environment\"\n\
             [[connection.subscribe]]\nfilter = \"a\"\n{RULE}\n"
        ),
    );
    let variable =
        |name: &str| name.ends_with("KEY_ID").then(|| "AKID".to_owned()).or(Some("secret".to_owned()));
    let loaded = load_with(&Origin::File(directory.path().join("hangup.toml")), &variable).unwrap();
    let planner = source::prepare(&loaded.config.connections[0]).unwrap().planner;
    let ahead = async |tier| {
        let way = Arc::clone(&planner).plan(tier).await.result.unwrap().plan;
        let target = way.request_target.expose().to_owned();
        let signed = target.split_once("X-Amz-Date=").unwrap().1.get(..16).unwrap();
        let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", signed).unwrap();
        let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        signed.duration_since(jiff::Timestamp::try_from(hangup::clock::now().wall).unwrap()).as_secs()
    };
    assert!(ahead(Tier::Quick).await.abs() < 60, "our clock is as good as any");
    assert!((ahead(Tier::Deep).await - 7200).abs() < 60, "the endpoint knows better");
    assert!((ahead(Tier::Quick).await - 7200).abs() < 60, "and it is remembered");
    serving.abort();
}
