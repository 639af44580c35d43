//! Prometheus with our rules, Alertmanager with our routing, and a webhook in place of people.
//!
//! Never changes the files that are shipped but for their pace and for the address of the receivers.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use hangup::clock::{self, Instant};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::faster::faster;
use crate::support::exporter::{Exporter, Process};
use crate::support::prometheus::{Prometheus, is_here, listens};
use crate::support::{PATIENCE, eventually};

/// How fast rules and routing run.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As shipped, with a scrape every 15 s.
    Life,
    /// So many times faster, with a scrape every second.
    Times(u32),
}

/// One message to one receiver.
#[derive(Clone, Debug)]
pub struct Notification {
    /// When it came.
    pub at: Instant,
    /// Receiver, status and alerts: `pager firing HangupDropStorm`.
    pub what: String,
    /// The descriptions of its alerts.
    pub descriptions: Vec<String>,
}

/// One exporter under watch.
pub struct Watch {
    prometheus: Prometheus,
    alertmanager: Process,
    told: Told,
}

type Told = Arc<Mutex<Vec<Notification>>>;

/// Whether the programs are here; says so loudly when not.
pub fn programs_are_here() -> bool {
    is_here("prometheus") && is_here("prometheus-alertmanager")
}

impl Watch {
    /// Watches this exporter, which is scraped once before this returns.
    pub async fn start(exporter: &Exporter, pace: Pace) -> Self {
        let told = Told::default();
        let webhook = receive(Arc::clone(&told)).await;
        let directory = TempDir::new().unwrap();

        let routing = with_webhooks(&paced("alerts/alertmanager.example.yml", pace), webhook);
        let routing_file = directory.path().join("alertmanager.yml");
        std::fs::write(&routing_file, routing).unwrap();
        let alertmanager = Process::start(
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", routing_file.display()))
                .arg(format!("--storage.path={}", directory.path().join("alertmanager").display()))
                .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]),
        );
        let alerts_to = listens(&alertmanager, "Alertmanager").await;

        let rules = directory.path().join("rules.yml");
        std::fs::write(&rules, paced("alerts/rules.yml", pace)).unwrap();
        let (rules, target) = (rules.display(), exporter.address);
        // Between scrapes of 15 s Prometheus evaluates once a minute, unless a group says otherwise.
        let global = match pace {
            Pace::Life => "scrape_interval: 15s, evaluation_interval: 1m",
            Pace::Times(_) => "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        };
        let config = format!(
            "global: {{ {global} }}\n\
             rule_files: ['{rules}']\n\
             alerting:\n  alertmanagers:\n  - static_configs: [{{ targets: ['{alerts_to}'] }}]\n\
             scrape_configs:\n- job_name: hangup\n  static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        let prometheus = Prometheus::start(directory, &config).await;
        prometheus.until("up{job=\"hangup\"} == 1").await;
        Self { prometheus, alertmanager, told }
    }

    /// What has been told so far, in order.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|notification| notification.what.clone()).collect()
    }

    /// The first notification of this kind.
    pub async fn until_told(&self, what: &str) -> Notification {
        let found = || {
            let told = self.told.lock().unwrap();
            told.iter().find(|notification| notification.what == what).cloned()
        };
        let fact = format!("{what} is told");
        let told = eventually(&fact, async || found());
        match tokio::time::timeout(PATIENCE.saturating_sub(Duration::from_secs(5)), told).await {
            Ok(told) => told,
            Err(late) => panic!("{what} is not told ({late}), but {:?}", self.told()),
        }
    }

    /// Waits for a result of a query.
    pub async fn until(&self, query: &str) {
        self.prometheus.until(query).await;
    }

    /// Ends the watch and looks whether the programs were content with what they were given.
    pub fn end(self) {
        for told in self.told.lock().unwrap().iter() {
            for description in &told.descriptions {
                let broken = ["{{", "<no value>", "<error", "%!", "  "];
                assert!(!broken.iter().any(|bad| description.contains(bad)), "{}: {description}", told.what);
            }
        }
        for (who, log) in
            [("Prometheus", self.prometheus.log()), ("Alertmanager", self.alertmanager.stderr())]
        {
            let complaint =
                log.lines().find(|line| line.contains("level=error") || line.contains("template"));
            assert_eq!(complaint, None, "{who}");
        }
        // Answers that a scrape still waits for must not hold up the exporter's end.
        drop(self.prometheus);
    }
}

fn paced(file: &str, pace: Pace) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    match pace {
        Pace::Life => text,
        Pace::Times(factor) => faster(&text, factor),
    }
}

/// The routing example with receivers that receive. `nobody` stays as it is.
fn with_webhooks(routing: &str, webhook: SocketAddr) -> String {
    let mut text = routing.to_owned();
    for receiver in ["pager", "tickets"] {
        let name = format!("  - name: {receiver}\n");
        assert!(text.contains(&name), "no receiver {receiver}");
        let with = format!("{name}    webhook_configs: [{{ url: 'http://{webhook}/{receiver}' }}]\n");
        text = text.replace(&name, &with);
    }
    text
}

/// Keeps whatever is sent, for as long as the test runs.
async fn receive(told: Told) -> SocketAddr {
    async fn note(State(told): State<Told>, Path(receiver): Path<String>, body: String) {
        let at = clock::now().at;
        let message: Value = serde_json::from_str(&body).unwrap();
        let alerts = message["alerts"].as_array().unwrap();
        let mut names: Vec<_> =
            alerts.iter().map(|alert| alert["labels"]["alertname"].as_str().unwrap()).collect();
        names.sort_unstable();
        let what = format!("{receiver} {} {}", message["status"].as_str().unwrap(), names.join(" and "));
        let description = |alert: &Value| alert["annotations"]["description"].as_str().unwrap().to_owned();
        let descriptions = alerts.iter().map(description).collect();
        told.lock().unwrap().push(Notification { at, what, descriptions });
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{receiver}", post(note)).with_state(told);
    // Ends with the runtime of the test.
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Lets time pass in which nothing may happen: there is no event to wait for.
pub async fn calm(lasts: Duration) {
    tokio::time::sleep(lasts).await;
}
