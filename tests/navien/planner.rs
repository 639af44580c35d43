//! The account against a real HTTP server that keeps what it was asked and answers as told.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hangup::config::{self, Secret, SecretSource};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::lifecycle::CredentialKind;
use hangup::source::navien::{Facts, Navien};
use hangup::source::{Answer, Planned, Planner};
use serde_json::{Value, json};

use super::support::{bytes, json as fixture};

const SIGN_IN: &str = "/user/sign-in";
const REFRESH: &str = "/auth/refresh";
const LIST: &str = "/device/list";

/// One request as it came.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    body: Value,
    authorization: Option<String>,
}

/// A status and a body.
type Answered = (u16, Vec<u8>);

/// What is answered, path by path; when a queue is empty, the usual.
#[derive(Debug, Default)]
struct Script {
    asked: Vec<Asked>,
    answers: Vec<(&'static str, VecDeque<Answered>)>,
    redirect: bool,
    /// This access token is refused.
    stale: Option<&'static str>,
    /// Ahead of the machine's clock by so much.
    ahead: Duration,
}

#[derive(Clone, Default)]
struct Cloud(Arc<Mutex<Script>>);

impl Cloud {
    /// Listens on a port of its own; the address goes into `base_url`.
    async fn serve(&self) -> String {
        let app = axum::Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/api/v2.1")
    }

    fn next(&self, path: &'static str, status: u16, body: Vec<u8>) {
        let mut script = self.0.lock().unwrap();
        match script.answers.iter_mut().find(|(known, _)| *known == path) {
            Some((_, queue)) => queue.push_back((status, body)),
            None => script.answers.push((path, VecDeque::from([(status, body)]))),
        }
    }

    fn next_fixture(&self, path: &'static str, status: u16, file: &str) {
        self.next(path, status, bytes(file));
    }

    /// The paths asked for since the last call.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}

async fn answer(
    State(cloud): State<Cloud>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    let path = uri.path().trim_start_matches("/api/v2.1").to_owned();
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/json");
    let mut script = cloud.0.lock().unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    let stale = script.stale.is_some() && authorization.as_deref() == script.stale;
    script.asked.push(Asked { path: path.clone(), body, authorization });
    if script.redirect {
        return (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response();
    }
    let scripted =
        script.answers.iter_mut().find(|(known, _)| *known == path).and_then(|(_, queue)| queue.pop_front());
    let usual = || match path.as_str() {
        _ if stale => (401, bytes("rest-error-401-token-expired.json")),
        SIGN_IN => (200, bytes("rest-sign-in-response.json")),
        REFRESH => (200, bytes("rest-refresh-response.json")),
        LIST => (200, bytes("rest-device-list-response.json")),
        _ => (404, bytes("rest-error-404.json")),
    };
    let (status, body) = scripted.unwrap_or_else(usual);
    let date = jiff::Timestamp::try_from(hangup::clock::now().wall + script.ahead).unwrap();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    (StatusCode::from_u16(status).unwrap(), [(header::DATE, date)], body).into_response()
}

fn config(base_url: String, ca_file: &Path) -> config::Navien {
    config::Navien {
        email: Secret::new("owner@example.com"),
        password: SecretSource::Value(Secret::new("not-a-real-password")),
        base_url,
        mqtt_host: "broker.example".to_owned(),
        mqtt_port: 443,
        region: "us-east-1".to_owned(),
        ca_file: Some(ca_file.to_owned()),
        proxy: None,
        status_interval: Duration::from_secs(60),
        features_interval: Duration::from_secs(1_800),
        energy_interval: Duration::from_secs(1_800),
        request_limit: Duration::from_secs(20),
        diagnostic_readings: false,
        devices: [("020000aabb01".to_owned(), "garage".to_owned())].into(),
    }
}

/// A certificate authority to trust, so that no test depends on the system's.
fn authority() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "a stranger");
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file.path(), certificate.pem()).unwrap();
    file
}

async fn account() -> (Cloud, Arc<Navien>) {
    account_with(|_| {}).await
}

async fn account_with(change: impl FnOnce(&mut config::Navien)) -> (Cloud, Arc<Navien>) {
    let cloud = Cloud::default();
    let authority = authority();
    let mut config = config(cloud.serve().await, authority.path());
    change(&mut config);
    let navien = Navien::new("home", &config, Facts::default()).unwrap();
    // The roots are read at the first attempt: make it while the file is there.
    cloud.next(SIGN_IN, 500, b"{}".to_vec());
    assert!(navien.devices().await.result.is_err());
    cloud.asked();
    (cloud, navien)
}

async fn plan(navien: &Arc<Navien>, tier: Tier) -> Answer<Planned> {
    Arc::clone(navien).plan(tier).await
}

async fn failure(navien: &Arc<Navien>, tier: Tier) -> Failure {
    let failure = plan(navien, tier).await.result.unwrap_err();
    assert_eq!(failure.phase, Phase::Credentials);
    assert!(failure.error.phases().contains(&Phase::Credentials));
    failure
}

#[tokio::test]
async fn the_first_attempt_signs_in_lists_and_plans() {
    let (cloud, navien) = account().await;
    let answer = plan(&navien, Tier::Quick).await;
    let events: Vec<_> = answer.credentials.iter().map(|event| (event.kind, event.outcome.is_ok())).collect();
    assert_eq!(events, [(CredentialKind::SignIn, true)]);
    let asked = cloud.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].path.as_str(), &asked[0].authorization), (SIGN_IN, &None));
    assert_eq!(asked[0].body, fixture("rest-sign-in-request.json"));
    // The raw token, without `Bearer`.
    assert_eq!(
        (asked[1].path.as_str(), asked[1].authorization.as_deref()),
        (LIST, Some("fake.access.token-1"))
    );
    assert_eq!(asked[1].body, fixture("rest-device-list-request.json"));

    let plan = answer.result.unwrap().plan;
    assert_eq!((plan.host.as_str(), plan.port, plan.transport), ("broker.example", 443, Transport::Wss));
    let target = plan.request_target.expose();
    assert!(target.starts_with("/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=FAKEKEYID-0001%2F"));
    assert!(target.ends_with("&X-Amz-Security-Token=fake%2F%2Fsession%2Btoken%2F0001%3D%3D"));
    let filters: Vec<_> = plan.subscriptions.iter().map(|s| s.filter.clone()).collect();
    assert_eq!(
        filters,
        [
            "cmd/52/navilink-020000aabb01/#".to_owned(),
            "cmd/52/navilink-020000aabb02/#".to_owned(),
            format!("cmd/52/{}/res/#", plan.client_id),
        ]
    );
    assert!(
        plan.clean_session && plan.hangup_means_credentials && plan.client_id.starts_with("navien-hangup-")
    );
    assert_eq!(plan.keep_alive, Duration::from_secs(30));
    assert_eq!(plan.lifetime, Some(Duration::from_secs(86_400)));
    assert_eq!(plan.min_connect_interval, Duration::from_secs(1));
    assert_eq!((plan.filters_per_subscribe, plan.max_outgoing_size), (8, 131_072));
}

#[tokio::test]
async fn a_quick_attempt_with_good_keys_asks_the_service_nothing_and_a_deep_one_everything() {
    let (cloud, navien) = account().await;
    let first = plan(&navien, Tier::Quick).await.result.unwrap().plan;
    cloud.asked();
    let second = plan(&navien, Tier::Quick).await;
    assert!(cloud.asked().is_empty() && second.credentials.is_empty());
    assert_eq!(second.result.unwrap().plan.client_id, first.client_id, "one process, one client id");
    plan(&navien, Tier::Deep).await.result.unwrap();
    assert_eq!(cloud.paths(), [SIGN_IN, LIST]);
}

#[tokio::test]
async fn a_wrong_password_is_setup_and_tried_once() {
    let (cloud, navien) = account().await;
    cloud.next_fixture(SIGN_IN, 200, "rest-sign-in-error-invalid-password.json");
    let answer = plan(&navien, Tier::Quick).await;
    assert_eq!(answer.credentials[0].outcome, Err(ErrorName::CredentialsHttpStatus));
    let failure = answer.result.unwrap_err();
    assert_eq!((failure.class, failure.detail), (RetryClass::Setup, Detail::VendorCode(1_001)));
    assert!(!failure.message.contains("owner@example.com") && !failure.message.contains("not-a-real"));
    assert_eq!(cloud.paths(), [SIGN_IN]);
    // A look-up of a session that lives does not try again soon: vendors lock accounts.
    let again = Arc::clone(&navien).look_up().await.result.unwrap_err();
    assert_eq!(again, failure);
    assert_eq!(cloud.paths(), [] as [&str; 0]);
    // The machine, which waits long enough, may.
    plan(&navien, Tier::Deep).await.result.unwrap();
}

#[tokio::test]
async fn a_sign_in_without_keys_is_a_failed_sign_in() {
    let (cloud, navien) = account().await;
    cloud.next_fixture(SIGN_IN, 200, "rest-sign-in-response-no-aws.json");
    let failure = failure(&navien, Tier::Quick).await;
    assert_eq!(failure.error, ErrorName::CredentialsUnexpectedResponse);
    assert_eq!(failure.class, RetryClass::Service);
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_the_call_repeated_once() {
    let (cloud, navien) = account().await;
    plan(&navien, Tier::Quick).await.result.unwrap();
    cloud.asked();
    cloud.next_fixture(LIST, 401, "rest-error-401-token-expired.json");
    let answer = Arc::clone(&navien).look_up().await;
    assert_eq!(answer.result.unwrap().devices.len(), 2);
    let asked = cloud.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, [LIST, REFRESH, LIST]);
    assert_eq!((&asked[1].authorization, &asked[1].body), (&None, &fixture("rest-refresh-request.json")));
    assert_eq!(asked[2].authorization.as_deref(), Some("fake.access.token-2"));
    let kinds: Vec<_> = answer.credentials.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [CredentialKind::Refresh]);

    for _ in 0..2 {
        cloud.next_fixture(LIST, 401, "rest-error-401-token-expired.json");
    }
    let failure = Arc::clone(&navien).look_up().await.result.unwrap_err();
    assert_eq!(failure.class, RetryClass::Credential);
    assert_eq!(cloud.paths(), [LIST, REFRESH, LIST]);
}

#[tokio::test]
async fn a_refused_refresh_falls_back_to_one_sign_in() {
    let (cloud, navien) = account().await;
    plan(&navien, Tier::Quick).await.result.unwrap();
    cloud.asked();
    cloud.next_fixture(LIST, 401, "rest-error-401-token-expired.json");
    cloud.next_fixture(REFRESH, 401, "rest-refresh-error.json");
    let answer = Arc::clone(&navien).look_up().await;
    assert!(answer.result.is_ok());
    assert_eq!(cloud.paths(), [LIST, REFRESH, SIGN_IN, LIST]);
    let events: Vec<_> = answer.credentials.iter().map(|event| (event.kind, event.outcome.is_ok())).collect();
    assert_eq!(events, [(CredentialKind::Refresh, false), (CredentialKind::SignIn, true)]);
}

#[tokio::test]
async fn many_at_once_sign_in_once() {
    let (cloud, navien) = account().await;
    let look_ups: Vec<_> = (0..8).map(|_| tokio::spawn(Arc::clone(&navien).look_up())).collect();
    for look_up in look_ups {
        look_up.await.unwrap().result.unwrap();
    }
    let paths = cloud.paths();
    assert_eq!(paths.iter().filter(|path| *path == SIGN_IN).count(), 1);
    assert_eq!(paths.iter().filter(|path| *path == LIST).count(), 8);
}

#[tokio::test]
async fn many_whose_token_is_refused_at_once_refresh_once() {
    let (cloud, navien) = account().await;
    plan(&navien, Tier::Quick).await.result.unwrap();
    cloud.asked();
    cloud.0.lock().unwrap().stale = Some("fake.access.token-1");
    let look_ups: Vec<_> = (0..8).map(|_| tokio::spawn(Arc::clone(&navien).look_up())).collect();
    for look_up in look_ups {
        look_up.await.unwrap().result.unwrap();
    }
    let paths = cloud.paths();
    assert_eq!(paths.iter().filter(|path| *path == REFRESH).count(), 1, "{paths:?}");
    assert!(!paths.iter().any(|path| path == SIGN_IN));
}

#[tokio::test]
async fn a_list_is_walked_page_by_page() {
    let (cloud, navien) = account().await;
    let page = |from: usize, to: usize| {
        let entry = |n| json!({"deviceInfo": {"macAddress": format!("0200000000{n:02x}"), "deviceType": 52}});
        json!({"code": 200, "data": (from..to).map(entry).collect::<Vec<_>>()}).to_string().into_bytes()
    };
    cloud.next(LIST, 200, page(0, 20));
    cloud.next(LIST, 200, page(20, 25));
    assert_eq!(plan(&navien, Tier::Quick).await.result.unwrap().plan.subscriptions.len(), 26);
    let offsets: Vec<_> =
        cloud.asked().iter().filter(|a| a.path == LIST).map(|a| a.body["offset"].clone()).collect();
    assert_eq!(offsets, [0, 20]);

    // 60 heaters do not fit into the 50 subscriptions of a connection.
    for from in [0, 20, 40, 60] {
        cloud.next(LIST, 200, page(from, (from + 20).min(60)));
    }
    let failure = failure(&navien, Tier::Deep).await;
    assert!(
        failure.class == RetryClass::Setup && failure.message.contains("60 heaters"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn an_account_without_heaters_is_setup() {
    let (cloud, navien) = account().await;
    cloud.next_fixture(LIST, 200, "rest-device-list-empty.json");
    assert_eq!(failure(&navien, Tier::Quick).await.class, RetryClass::Setup);
    // It is asked for again next time, even by a quick attempt.
    assert!(plan(&navien, Tier::Quick).await.result.is_ok());
}

#[tokio::test]
async fn an_outage_of_the_list_does_not_hold_up_a_deep_attempt_that_knows_its_heaters() {
    let (cloud, navien) = account().await;
    plan(&navien, Tier::Quick).await.result.unwrap();
    cloud.next_fixture(LIST, 502, "rest-error-not-json.txt");
    assert!(plan(&navien, Tier::Deep).await.result.is_ok());
}

#[tokio::test]
async fn a_gateway_page_is_the_service() {
    let (cloud, navien) = account().await;
    cloud.next_fixture(SIGN_IN, 502, "rest-error-not-json.txt");
    let failure = failure(&navien, Tier::Quick).await;
    assert_eq!((failure.class, failure.detail), (RetryClass::Service, Detail::HttpStatus(502)));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (cloud, navien) = account().await;
    cloud.next(SIGN_IN, 200, vec![b' '; 300 * 1024]);
    let failure = failure(&navien, Tier::Quick).await;
    assert_eq!(failure.error, ErrorName::CredentialsUnexpectedResponse);
    assert!(failure.message.contains("larger than"), "{}", failure.message);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (cloud, navien) = account().await;
    cloud.0.lock().unwrap().redirect = true;
    assert_eq!(failure(&navien, Tier::Quick).await.class, RetryClass::Setup);
    assert_eq!(cloud.paths(), [SIGN_IN]);
}

#[tokio::test]
async fn the_password_file_is_read_at_each_sign_in() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    std::fs::write(&path, "the old one").unwrap();
    let (cloud, navien) = account_with(|config| config.password = SecretSource::File(path.clone())).await;
    std::fs::write(&path, "\n").unwrap();
    assert_eq!(failure(&navien, Tier::Quick).await.error, ErrorName::SigningNoCredentials);
    assert_eq!(cloud.paths(), [] as [&str; 0], "an empty password is not sent");
    std::fs::write(file.path(), "the new one \r\n").unwrap();
    plan(&navien, Tier::Quick).await.result.unwrap();
    assert_eq!(cloud.asked()[0].body["password"], "the new one ", "only the line break is cut");
}

#[tokio::test]
async fn the_command_that_lists_shows_every_device_with_its_label() {
    let (cloud, navien) = account().await;
    cloud.next_fixture(LIST, 200, "rest-device-list-mixed-models.json");
    let devices = navien.devices().await.result.unwrap();
    let shown: Vec<_> = devices.iter().map(|d| (d.name.as_str(), d.supported, d.online)).collect();
    assert_eq!(shown, [("Boiler", false, Some(true)), ("NWP500", true, Some(true))]);
    assert_eq!((devices[1].label.as_str(), devices[1].mac.as_str()), ("garage", "020000aabb01"));
    assert!(!format!("{devices:?}").contains("aabb"));
}

/// The time in a presigned target.
fn signed_at(planned: &Planned) -> jiff::Timestamp {
    let (_, date) = planned.plan.request_target.expose().split_once("X-Amz-Date=").unwrap();
    let text = date.get(..16).unwrap();
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_signs_with_the_time_of_the_service() {
    let (cloud, navien) = account().await;
    for (ahead, difference) in [(0, 0), (200, 0), (3_600, 3_600), (0, 0)] {
        cloud.0.lock().unwrap().ahead = Duration::from_secs(ahead);
        let planned = plan(&navien, Tier::Deep).await.result.unwrap();
        let ours = jiff::Timestamp::try_from(hangup::clock::now().wall).unwrap();
        let seconds = signed_at(&planned).as_second() - ours.as_second();
        // A minute of tolerance for a machine that is busy.
        assert!((seconds - difference).abs() <= 60, "{ahead} s ahead: signed {seconds} s ahead");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_from_the_service() {
    let proxy = axum::Router::new().fallback(|| async { StatusCode::PROXY_AUTHENTICATION_REQUIRED });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, proxy).await });
    let authority = authority();
    let mut config = config("https://service.invalid".to_owned(), authority.path());
    config.proxy = Some(Secret::new(format!("http://me:secret@{address}")));
    let navien = Navien::new("home", &config, Facts::default()).unwrap();
    let failure = failure(&navien, Tier::Quick).await;
    assert_eq!((failure.error, failure.class), (ErrorName::ProxyConnectFailed, RetryClass::Setup));
    assert_eq!(failure.detail, Detail::HttpStatus(407));
    assert!(!failure.message.contains("secret"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    // Bound and dropped: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let authority = authority();
    let config = config(format!("http://127.0.0.1:{port}"), authority.path());
    let navien = Navien::new("home", &config, Facts::default()).unwrap();
    let failure = failure(&navien, Tier::Quick).await;
    assert_eq!((failure.error, failure.class), (ErrorName::ConnectionRefused, RetryClass::Network));
    assert_eq!(failure.message, "/user/sign-in at 127.0.0.1: the connection was refused");
}

/// A TLS server with a certificate for `name`, and the authority file to trust it by.
async fn tls_server(name: &str) -> (u16, tempfile::NamedTempFile) {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certified.cert.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A handshake that the client gives up is what the tests are about.
            let _ = acceptor.accept(socket).await;
        }
    });
    (port, file)
}

#[tokio::test]
async fn certificates_are_verified_and_their_faults_told_apart() {
    let stranger = authority();
    let (port, own) = tls_server("localhost").await;
    let (other_port, other) = tls_server("other.example").await;
    for (port, trusted, error) in [
        (port, stranger.path(), ErrorName::TlsUnknownRoot),
        (other_port, other.path(), ErrorName::TlsHostNameMismatch),
        // Trusted and right, and then the server hangs up.
        (port, own.path(), ErrorName::SocketClosed),
    ] {
        let config = config(format!("https://localhost:{port}"), trusted);
        let navien = Navien::new("home", &config, Facts::default()).unwrap();
        let failure = failure(&navien, Tier::Quick).await;
        assert_eq!(failure.error, error, "{}", failure.message);
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_is_not_there_is_setup() {
    let navien = Navien::new(
        "home",
        &config("https://localhost".to_owned(), Path::new("/nowhere.pem")),
        Facts::default(),
    );
    let failure = failure(&navien.unwrap(), Tier::Quick).await;
    assert_eq!((failure.error, failure.class), (ErrorName::TlsNoRootCertificate, RetryClass::Setup));
}

#[tokio::test]
async fn what_the_policy_says_is_obeyed_and_what_cannot_be_is_refused() {
    let cloud = Cloud::default();
    let authority = authority();
    let mut config = config(cloud.serve().await, authority.path());
    config.diagnostic_readings = true;
    let facts = Facts {
        keep_alive: Some(Duration::from_secs(60)),
        clean_session: Some(false),
        client_id: Some("mine".to_owned()),
    };
    let navien = Navien::new("home", &config, facts).unwrap();
    let plan = plan(&navien, Tier::Quick).await.result.unwrap().plan;
    assert_eq!((plan.keep_alive, plan.clean_session), (Duration::from_secs(60), false));
    assert_eq!(plan.client_id, "mine");
    assert_eq!(plan.subscriptions.last().unwrap().filter, "cmd/52/20001/30001/mine/res/#");

    let bad_id = Facts { client_id: Some("a/b".to_owned()), ..Facts::default() };
    assert!(Navien::new("home", &config, bad_id).is_err());
    config.base_url = "nlus.naviensmartcontrol.com".to_owned();
    assert!(Navien::new("home", &config, Facts::default()).is_err());
}
