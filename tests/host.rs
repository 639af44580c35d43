//! Signals of a machine, with a network of its own in which links, addresses and routes really go.
//!
//! Never touches the network of the machine that runs the tests; where namespaces are not allowed it says so, loudly.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use std::net::IpAddr;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use hangup::clock;
use hangup::host::{SignalKind, Timeline, Watcher};
use hangup::simulator::Fault;
use hangup::telemetry::Metrics;
use support::exporter::{Exporter, Process};
use support::scene::{FAST, Scene};
use support::{PATIENCE, eventually};

/// Set in the copy of the test that runs in a namespace.
const INSIDE: &str = "HANGUP_TEST_NAMESPACE";

/// Runs the test of this name again in a user and a network namespace of its own. True there, and the test goes on.
fn in_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return true;
    }
    if !can("unshare", &["-Urn", "true"]) || !can("ip", &["-V"]) {
        eprintln!("!! SKIPPED: {test}: no namespaces for this user, or no `ip` (package iproute2)");
        return false;
    }
    let own = std::env::current_exe().unwrap();
    let mut inside = Command::new("unshare");
    inside.arg("-Urn").arg(own).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let ended = inside.status().unwrap();
    assert!(ended.success(), "{test} in its namespace: {ended}");
    false
}

fn can(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn ip(arguments: &str) {
    succeeded(arguments, &Command::new("ip").args(arguments.split(' ')).output().unwrap());
}

fn succeeded(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The signals of a watcher of the library.
struct Watched {
    timeline: Timeline,
    _watcher: Watcher,
    seen: usize,
}

impl Watched {
    async fn new() -> Self {
        let timeline = Timeline::default();
        let metrics = Arc::new(Metrics::started(clock::now()));
        let watcher = Watcher::start(timeline.clone(), metrics.exporter());
        let mut this = Self { timeline, _watcher: watcher, seen: 0 };
        // What is there when the watcher begins is no signal: from the first signal on, it watches.
        cable("probe");
        let probing = async {
            while this.timeline.all().is_empty() {
                ip("link set probe up");
                ip("link set probe down");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, probing).await.expect("the watcher watches");
        ip("link del probe");
        cable("wire");
        ip("link set wire up");
        this.all_of(&[SignalKind::LinkUp(interface("wire")), SignalKind::LinkUp(interface("far-wire"))])
            .await;
        this
    }

    fn news(&self) -> Vec<SignalKind> {
        self.timeline.all()[self.seen..].iter().map(|signal| signal.kind.clone()).collect()
    }

    /// Waits until all these came since the last call, in any order.
    async fn all_of(&mut self, wanted: &[SignalKind]) {
        let what = format!("{wanted:?}");
        eventually(&what, async || wanted.iter().all(|kind| self.news().contains(kind)).then_some(())).await;
        self.seen = self.timeline.all().len();
    }

    /// Waits until exactly this came since the last call.
    async fn only(&mut self, wanted: SignalKind) {
        eventually(&format!("{wanted:?}"), async || self.news().contains(&wanted).then_some(())).await;
        assert_eq!(self.news(), [wanted]);
        self.seen = self.timeline.all().len();
    }
}

/// Lays a cable of which the far end is plugged in. Neither makes an address for itself, which it would check for a
/// second.
fn cable(name: &str) {
    ip(&format!("link add {name} type veth peer name far-{name}"));
    ip(&format!("link set {name} addrgenmode none"));
    ip(&format!("link set far-{name} addrgenmode none"));
    ip(&format!("link set far-{name} up"));
}

/// Its index. Not from `/sys`, which shows the network of whoever mounted it.
fn interface(name: &str) -> u32 {
    let listed = Command::new("ip").args(["-o", "link", "show", name]).output().unwrap();
    succeeded("ip link show", &listed);
    String::from_utf8(listed.stdout).unwrap().split(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn links_addresses_and_default_routes_are_seen_to_come_and_go() {
    if !in_namespace("links_addresses_and_default_routes_are_seen_to_come_and_go") {
        return;
    }
    let mut watched = Watched::new().await;
    let wire = interface("wire");
    let address: IpAddr = [192, 0, 2, 7].into();

    ip("addr add 192.0.2.7/24 dev wire");
    watched.only(SignalKind::AddressAdded(wire, address)).await;
    ip("route add 198.51.100.0/24 via 192.0.2.1");
    ip("route add unreachable default metric 9999");
    ip("route add default via 192.0.2.1");
    watched.only(SignalKind::RouteAdded).await;
    ip("route del 198.51.100.0/24");
    ip("route del default via 192.0.2.1");
    watched.only(SignalKind::RouteRemoved).await;
    ip("-6 addr add 2001:db8::7/64 dev wire nodad");
    watched.only(SignalKind::AddressAdded(wire, "2001:db8::7".parse().unwrap())).await;
    ip("-6 route add default via 2001:db8::1");
    watched.only(SignalKind::RouteAdded).await;
    ip("-6 route del default via 2001:db8::1");
    watched.only(SignalKind::RouteRemoved).await;
    ip("addr del 192.0.2.7/24 dev wire");
    watched.only(SignalKind::AddressRemoved(wire, address)).await;
    ip("-6 addr del 2001:db8::7/64 dev wire");
    watched.only(SignalKind::AddressRemoved(wire, "2001:db8::7".parse().unwrap())).await;
    ip("link set wire down");
    watched.all_of(&[SignalKind::LinkDown(wire)]).await;
}

#[tokio::test]
async fn a_cable_that_is_pulled_and_an_interface_that_vanishes_are_a_link_that_went_down() {
    if !in_namespace("a_cable_that_is_pulled_and_an_interface_that_vanishes_are_a_link_that_went_down") {
        return;
    }
    let mut watched = Watched::new().await;
    let (wire, far) = (interface("wire"), interface("far-wire"));
    // This end stays up and loses its carrier.
    ip("link set far-wire down");
    watched.all_of(&[SignalKind::LinkDown(wire), SignalKind::LinkDown(far)]).await;
    ip("link set far-wire up");
    watched.all_of(&[SignalKind::LinkUp(wire), SignalKind::LinkUp(far)]).await;
    ip("link del wire");
    watched.all_of(&[SignalKind::LinkDown(wire), SignalKind::LinkDown(far)]).await;
}

/// Waits until the log says this, behind what it said when it was `from` bytes long.
async fn says(exporter: &Exporter, from: usize, what: &str) -> usize {
    eventually(what, async || {
        let log = exporter.process.stderr();
        log.get(from..)?.find(what).map(|at| from + at)
    })
    .await
}

#[tokio::test]
async fn a_wait_for_the_network_ends_when_a_default_route_returns() {
    if !in_namespace("a_wait_for_the_network_ends_when_a_default_route_returns") {
        return;
    }
    cable("wire");
    ip("link set wire up");
    ip("addr add 192.0.2.7/24 dev wire");
    ip("route add default via 192.0.2.1");
    // The second wait is as long as a test may take: without a signal this test would not end in time.
    let slow = FAST
        .replace("initial_delay = \"10ms\"", "initial_delay = \"5s\"")
        .replace("factor = 1.0", "factor = 10.0")
        .replace("= \"1s\"", "= \"1h\"");
    assert_ne!(slow, FAST);
    let scene = Scene::new().await;
    let exporter = scene.run(&scene.connection("home", &slow, "")).await;
    exporter.until("online", |page| page.online("home")).await;

    // The broker ends the session, and before the next attempt the network is gone: the default route and, as the
    // broker is on this machine, the way to it.
    let from = exporter.process.stderr().len();
    scene.inject(Fault::Reset);
    let dropped = says(&exporter, from, "waiting before the next attempt").await;
    ip("route del default");
    ip("link set lo down");
    let failed = says(&exporter, dropped, "attempt failed").await;
    let waits = says(&exporter, failed, "waiting before the next attempt").await;
    ip("link set lo up");
    let log = exporter.process.stderr();
    assert!(!log[waits..].contains("online"), "only a signal ends this wait");
    let began = clock::now().at;
    ip("route add default via 192.0.2.1");
    says(&exporter, waits, "the network of this machine changed").await;
    says(&exporter, waits, "session accepted by the broker").await;
    let took = clock::now().at.saturating_since(began);
    eprintln!("a session {took:?} after the default route was back; the wait would have lasted 50 s");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let page = exporter.page().await;
    assert!(page.value("hangup_host_network_changes_total", &[("kind", "route_added")]) >= 1.0);
    assert!(page.value("hangup_host_network_changes_total", &[("kind", "route_removed")]) >= 1.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_path_that_comes_back_was_suspect_and_is_not_any_more() {
    if !in_namespace("a_path_that_comes_back_was_suspect_and_is_not_any_more") {
        return;
    }
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    let from = exporter.process.stderr().len();
    ip("link set lo down");
    let suspect = says(&exporter, from, "the network path is suspect").await;
    ip("link set lo up");
    let fine = says(&exporter, suspect, "the network path is fine again").await;
    let page = exporter.page().await;
    assert!(page.value("mqtt_client_path_suspect", &[("connection", "home")]) < 0.5);
    let log = exporter.process.stderr();
    assert!(!log[from..fine].contains("connection dropped"), "{log}");
    assert!(page.online("home"));
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_path_is_suspect_before_it_is_dead() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    let suspect =
        |page: &support::page::Page| page.value("mqtt_client_path_suspect", &[("connection", "home")]) > 0.5;
    assert!(!suspect(&exporter.page().await));
    scene.inject(Fault::Silence(Duration::from_secs(3600)));
    let page = exporter.until("the path is suspect", suspect).await;
    assert_eq!(page.drops("home"), [], "a warning comes before the drop");
    let why = exporter.get("/api/v1/connections").await.body;
    assert!(why.contains("the network path may be dead"), "{why}");
    let page = exporter.until("the session is over", |page| !page.drops("home").is_empty()).await;
    assert!(!suspect(&page), "there is no path any more");
    assert_eq!(exporter.process.stderr().matches("the network path is suspect").count(), 1, "said once");
    scene.end(exporter).await;
}

/// The program as nobody, in a network of its own: `ip` changes that from outside.
#[tokio::test]
async fn no_privilege_is_needed() {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let become_nobody =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
    if !root || !can("unshare", &["-n", "true"]) || !can("setpriv", &[&become_nobody[..], &["true"]].concat())
    {
        eprintln!("!! SKIPPED: only root can become nobody in a network of its own");
        return;
    }
    // Where anybody may run it.
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("hangup");
    std::fs::copy(env!("CARGO_BIN_EXE_hangup"), &program).unwrap();
    for path in [directory.path(), &program] {
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, all).unwrap();
    }
    let mut nobody = Command::new("unshare");
    nobody.args(["-n", "sh", "-c", "ip link set lo up && exec setpriv \"$@\"", "sh"]);
    nobody.args(become_nobody).arg(&program);
    nobody.args(["demo", "--listen", "127.0.0.1:0", "--log-level", "debug"]).env_clear();
    let process = Process::start(&mut nobody);
    eventually("it runs", async || process.stderr().contains("session accepted").then_some(())).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    assert!(status.contains("Uid:\t65534"), "{status}");
    let inside = |arguments: &str| {
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &process.id().to_string(), "-n", "ip"]).args(arguments.split(' '));
        succeeded(arguments, &enter.output().unwrap());
    };
    inside("link add wire type veth peer name far-wire");
    inside("link set far-wire up");
    inside("link set wire up");
    inside("addr add 192.0.2.7/24 dev wire");
    inside("route add default via 192.0.2.1");
    eventually("links, addresses and routes are told", async || {
        let log = process.stderr();
        ["link_up", "address_added", "route_added"].iter().all(|kind| log.contains(kind)).then_some(())
    })
    .await;
    let log = process.stderr();
    assert!(!log.contains("192.0.2."), "no address is told: {log}");
    assert!(!log.contains("wire"), "no name of an interface is told: {log}");
}
