//! The pages as clients see them: the real server on a free port, real sockets, a board that a recorder filled.
//! Waits for answers and for ends of connections, never for a time to pass.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions of the test world are tests too"
)]

#[path = "http/status.rs"]
mod status;
#[path = "http/weeks.rs"]
mod weeks;
#[path = "http/world.rs"]
mod world;

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use hangup::config::Http;
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::{Failure, Phase};
use hangup::http::bind;
use hangup::lifecycle::CloseCause;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use world::{Answer, World, attempt, fill, refused, wrong_password};

/// More clients than there are places.
const CROWD: usize = 160;

#[tokio::test]
async fn every_answer_is_guarded() {
    let world = World::start();
    for path in ["/", "/script.js", "/metrics", "/-/healthy", "/-/ready", "/api/v1/connections", "/nowhere"] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(
            answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let world = World::start();
    fill(&world);
    let plain = world.get("/metrics").await;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept, accept-encoding"));
    assert!(plain.text().contains("mqtt_client_connected{connection=\"home\"} 1"), "{}", plain.text());

    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = world.ask("GET", "/metrics", accept).await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn metrics_are_zipped_for_those_who_can_unzip() {
    let world = World::start();
    fill(&world);
    let zipped = world.ask("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("content-length"), Some(zipped.body.len().to_string().as_str()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.contains("mqtt_client_connected{connection=\"home\"} 1"), "{text}");
}

#[tokio::test]
async fn a_scraper_may_ask_for_some_families() {
    let world = World::start();
    fill(&world);
    let families = async |query: &str| -> Vec<String> {
        let answer = world.get(&format!("/metrics?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        let text = answer.text();
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    // As Prometheus writes its `params`.
    let two =
        families("name%5B%5D=mqtt_client_connected&name%5B%5D=mqtt_client_connection_drops_total").await;
    assert_eq!(two, ["mqtt_client_connected", "mqtt_client_connection_drops_total"]);
    let (all, rest) = (families("").await, families("exclude[]=mqtt_client_*&exclude[]=process_*").await);
    assert!(all.contains(&"process_cpu_seconds_total".to_owned()), "{all:?}");
    let others = |name: &&String| !name.starts_with("mqtt_client_") && !name.starts_with("process_");
    assert_eq!(rest, all.iter().filter(others).cloned().collect::<Vec<_>>());
    assert!(rest.contains(&"hangup_build_info".to_owned()), "{rest:?}");

    let wrong = world.get("/metrics?name[]=up%7Bjob%7D").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("`name[]=up{job}` is not the name of a metric"), "{}", wrong.text());
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::start();
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/connections"] {
        let (head, get) = (world.ask("HEAD", path, "").await, world.get(path).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.header("content-length").is_some_and(|length| length != "0"), "{path}: {}", head.head);
    }
}

#[tokio::test]
async fn another_page_or_method_is_explained() {
    let world = World::start();
    let nowhere = world.get("/metric").await;
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.text().starts_with("There is no page /metric."), "{}", nowhere.text());
    assert!(nowhere.text().contains("/metrics "), "{}", nowhere.text());
    let posted = world.ask("POST", "/metrics", "Content-Length: 0\r\n").await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("get, head")));
    assert!(posted.text().contains("not POST"), "{}", posted.text());
}

#[tokio::test]
async fn connections_are_listed_as_json() {
    let world = World::start();
    fill(&world);
    let answer = world.get("/api/v1/connections").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = json["connections"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["attic", "cellar", "garage", "home", "shed"]);
    assert_eq!(json["connections"][1]["last_failure"]["class"], "credential");
    assert_eq!(json["connections"][3]["drops_by_error"]["AWS_ERROR_MQTT_UNEXPECTED_HANGUP"], 2);
}

#[tokio::test]
async fn healthy_does_not_depend_on_a_broker() {
    let world = World::start();
    fill(&world);
    assert_eq!(world.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn not_ready_before_the_first_session() {
    let world = World::start();
    world.life("home", Duration::from_secs(60)).goes_online(1);
    world.life("cellar", Duration::from_secs(60)).fails(1, wrong_password());
    let answer = world.get("/-/ready").await;
    assert_eq!(answer.status, 503);
    let lines: Vec<_> = answer.text().lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("cellar: not ready, waiting: "), "{lines:?}");
    assert!(lines[1].contains("refused the e-mail or the password"), "{lines:?}");
    assert!(lines[2].starts_with("home: ready, online: connected"), "{lines:?}");
}

#[tokio::test]
async fn an_outage_that_passes_leaves_it_ready() {
    let world = World::start();
    let mut home = world.life("home", Duration::from_secs(600));
    // The setup was wrong before the first session: that is over.
    home.fails(1, Failure::new(Phase::Tls, ErrorName::TlsUnknownRoot, "unknown certificate"))
        .goes_online(300);
    home.drops(60, ErrorName::UnexpectedHangup, "the broker hung up").fails(1, refused());
    let answer = world.get("/-/ready").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn an_outage_that_a_person_must_end_is_not_ready_until_it_is_over() {
    let world = World::start();
    let mut home = world.life("home", Duration::from_secs(600));
    home.goes_online(1)
        .drops(60, ErrorName::UnexpectedHangup, "the broker hung up")
        .fails(1, wrong_password());
    assert_eq!(world.get("/-/ready").await.status, 503);
    home.after(30, attempt(2));
    assert_eq!(world.get("/-/ready").await.status, 503);
    home.goes_online(30);
    assert_eq!(world.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn a_drop_counts_by_how_it_is_retried_and_only_until_a_session_worked() {
    let world = World::start();
    let mut home = world.life("home", Duration::from_secs(600));
    // By its name alone it would need a person.
    home.goes_online(1).drops(60, ErrorName::SubscribeFailure, "a subscription was refused");
    let passes = Failure::new(Phase::Session, ErrorName::WebsocketProtocolError, "a frame was broken");
    assert_eq!(world.get("/-/ready").await.status, 503);
    home.goes_online(30).closes(60, CloseCause::Renewal);
    assert_eq!(world.get("/-/ready").await.status, 200, "that was long ago");
    home.goes_online(30).ends(60, passes.with_class(RetryClass::Network));
    assert_eq!(world.get("/-/ready").await.status, 200, "bad luck in a session");
}

#[tokio::test]
async fn a_port_in_use_is_explained() {
    let world = World::start();
    let error = bind(&Http { listen: vec![world.address.into()], ..Http::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {}: address already in use; is another hangup running? \
             choose another address with `http.listen` or `--listen`",
            world.address
        )
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_explained() {
    // 192.0.2.0/24 is for documentation: no machine has it.
    let error = bind(&Http { listen: vec!["192.0.2.1:0".parse().unwrap()], ..Http::default() }).unwrap_err();
    assert!(error.to_string().contains("this machine does not have the address"), "{error}");
}

#[tokio::test]
async fn both_families_listen_on_one_port() {
    let Ok(six) = bind(&Http { listen: vec!["[::]:0".parse().unwrap()], ..Http::default() }) else {
        // A machine without IPv6 has nothing to confuse.
        return;
    };
    let port = six.addresses()[0].port();
    let four = bind(&Http { listen: vec![SocketAddr::from(([0, 0, 0, 0], port)).into()], ..Http::default() });
    assert!(four.is_ok(), "the IPv6 socket took the IPv4 port: {four:?}");
}

#[tokio::test]
async fn slow_clients_do_not_delay_a_scrape() {
    let world = World::start();
    let mut slow = Vec::new();
    // Each begins a request and never ends it.
    for _ in 0..CROWD {
        let mut client = world.client().await;
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nX-Slow: ").await.unwrap();
        slow.push(client);
    }
    assert_eq!(world.get("/metrics").await.status, 200);
    // The oldest had to make room, long before its time was up.
    let ended = tokio::time::timeout(Duration::from_secs(5), slow[0].read(&mut [0])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}

#[tokio::test]
async fn who_asked_before_keeps_its_place() {
    let world = World::start();
    let mut scraper = world.client().await;
    let request = b"HEAD /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut answer = [0; 1024];
    scraper.write_all(request).await.unwrap();
    assert!(scraper.read(&mut answer).await.unwrap() > 0);
    let mut idle = Vec::new();
    for _ in 0..CROWD {
        idle.push(world.client().await);
    }
    // All of them are accepted by now, for clients are accepted in order.
    assert_eq!(world.get("/-/healthy").await.status, 200);
    scraper.write_all(request).await.unwrap();
    assert!(scraper.read(&mut answer).await.unwrap() > 0);
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_header_without_end_is_refused() {
    let world = World::start();
    let mut client = world.client().await;
    // Not a byte more than is read: a server that closes with something unread resets, and the answer may be lost.
    let header = format!("{:x<16384}", "GET / HTTP/1.1\r\nHost: h\r\nX-Large: ");
    client.write_all(header.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(client).await.status, 431);
}

#[tokio::test]
async fn stopping_finishes_the_request_under_way() {
    let world = World::start();
    let address = world.address;
    let mut under_way = world.client().await;
    under_way.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n").await.unwrap();
    // It idles after its first request: stopping must not wait for it.
    let mut idle = world.client().await;
    idle.write_all(b"HEAD /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    // Clients are accepted in order: both are by now.
    assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
    let served = world.stop();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "it is closed");
    assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    under_way.write_all(b"\r\n").await.unwrap();
    let answer = Answer::read(under_way).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    served.await.unwrap();
}
