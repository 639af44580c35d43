//! What the machine itself did: a sleep, noticed in time and too late, and an address that goes, in a network of its own.
//!
//! Never sends the machine that runs the tests to sleep: the signal is put where the watcher would put it.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use hangup::config::Policy;
use hangup::diagnosis::{Cause, Evidence, Rule};
use hangup::host::{SignalKind, Watcher};
use hangup::simulator::{Fault, Settings};

use crate::lab::{Lab, Outcome, fast};
use crate::random::Peer;
use crate::talk::{Account, Plain, paces};

const SLEPT: SignalKind = SignalKind::Suspended(Duration::from_secs(3_600));

fn slept(outcome: &Outcome) {
    outcome.nothing();
    let verdict = &outcome.verdicts[0];
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::HostSuspended, Evidence::Observed, Rule::Suspend)
    );
    assert!(verdict.words.starts_with("this machine slept for 60 min"), "{}", verdict.words);
    assert_eq!(outcome.counted(Cause::HostSuspended, Evidence::Observed), 1.0);
}

#[tokio::test]
async fn a_sleep_that_a_reset_follows_is_observed() {
    let account = Account::at(Settings::default()).await;
    let lab = Lab::start("suspend", 1.0, fast(), account.talking(30, paces(&[100])));
    lab.session(1).await;
    // While it sleeps nothing passes, and what wakes it finds the connection forgotten.
    account.cloud.faults().inject(Fault::Silence(Duration::from_millis(800)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    lab.notice(SLEPT);
    lab.session(2).await;
    let outcome = lab.end().await;
    slept(&outcome);
    account.cloud.stop().await;
}

#[tokio::test]
async fn a_sleep_that_is_noticed_only_after_the_drop_explains_it_still() {
    let account = Account::at(Settings::default()).await;
    let policy = Policy { initial_delay: Duration::from_secs(1), ..fast() };
    let lab = Lab::start("suspend, noticed late", 1.0, policy, account.talking(30, paces(&[100])));
    lab.session(1).await;
    account.cloud.faults().inject(Fault::HangUp);
    lab.drops(1).await;
    lab.notice(SLEPT);
    lab.session(2).await;
    let outcome = lab.end().await;
    slept(&outcome);
    account.cloud.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_away_is_observed() {
    if !in_namespace("machine::an_address_that_is_taken_away_is_observed") {
        return;
    }
    ip("link add wire type veth peer name far-wire");
    ip("link set far-wire up");
    ip("link set wire up");
    ip("addr add 192.0.2.7/24 dev wire");
    let peer = Peer::at("192.0.2.7:0".parse::<SocketAddr>().unwrap()).await;
    // Longer than nothing can be heard for.
    let planner = Plain::to(peer.address, Duration::from_secs(1), paces(&[200]));
    let lab = Lab::start("address removed", 1.0, fast(), planner);
    let watcher = Watcher::start(lab.host.clone(), lab.metrics.exporter());
    lab.session(1).await;
    // From the first signal on, it watches.
    while lab.host.all().is_empty() {
        ip("addr add 198.51.100.7/24 dev wire");
        ip("addr del 198.51.100.7/24 dev wire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ip("addr del 192.0.2.7/24 dev wire");
    lab.drops(1).await;
    let outcome = lab.end().await;
    drop(watcher);
    outcome.nothing();
    let verdict = &outcome.verdicts[0];
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::LocalNetworkChange, Evidence::Observed, Rule::AddressRemoved),
        "{verdict:?}"
    );
    assert!(verdict.words.contains("the address of this machine that the connection used"), "{verdict:?}");
    assert!(!verdict.words.contains("192.0.2"), "no address is told: {}", verdict.words);
    assert_eq!(outcome.counted(Cause::LocalNetworkChange, Evidence::Observed), 1.0);
}

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
    let mut inside = Command::new("unshare");
    inside.arg("-Urn").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let output = inside.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    let ran = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && ran.contains("1 passed"), "{test} in its namespace: {ran}");
    false
}

fn can(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
