//! What a large fleet costs: memory of 100,000 clients, and events a second through the whole listener.
//!
//! Never a broker: the messages are made beforehand, so that only the listener is measured.
//!
//! ```console
//! $ cargo bench --bench fleet
//! ```
//!
//! Ends with an exit code other than 0 when 100,000 clients take 64 MiB or more.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench prints, times, and ends when it cannot go on"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hangup::clock::{self, Now};
use hangup::config::{Fleet, FleetKind};
use hangup::connection::message::Incoming;
use hangup::reading::Reading;
use hangup::source::Sink;
use hangup::source::fleet::Watch;
use hangup::source::listen::Listener as _;

const CLIENTS: u64 = 100_000;
const LIMIT_MIB: f64 = 64.0;

/// Shows nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn devices(&mut self, _: &[&str]) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: hangup::clock::Instant) {}
}

/// What is measured: the kind of broker, and whether client ids are kept. Each in a process of its own, whose heap nobody
/// filled before.
const ROWS: [(FleetKind, bool); 4] = [
    (FleetKind::Mosquitto, false),
    (FleetKind::Mosquitto, true),
    (FleetKind::AwsIot, true),
    (FleetKind::Emqx, true),
];

fn main() -> ExitCode {
    let row = std::env::args().nth(1).and_then(|row| row.parse().ok()).and_then(|row: usize| ROWS.get(row));
    let Some((kind, ids)) = row else {
        println!("{CLIENTS} clients: kind, ids kept, MiB, connects/s, drops/s, one page");
        let ours = std::env::current_exe().expect("a program");
        let run = |row: usize| std::process::Command::new(&ours).arg(row.to_string()).status();
        let all = (0..ROWS.len()).all(|row| run(row).is_ok_and(|status| status.success()));
        return if all { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    let Measured { mib, connects, drops, page } = run(*kind, *ids, CLIENTS);
    println!("{:<10} {ids:<6} {mib:>6.1} {connects:>9.0} {drops:>9.0}   {page:?}", kind.as_str());
    if mib < LIMIT_MIB { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Measured {
    mib: f64,
    connects: f64,
    drops: f64,
    page: Duration,
}

fn run(kind: FleetKind, show_clients: bool, clients: u64) -> Measured {
    let mut watch = Watch::new(&Fleet { show_clients, ..Fleet::of(kind) });
    let mut now = clock::now();
    watch.restored(now, &mut Nowhere);
    let before = resident();
    let mut highest = before;
    let connects = feed(&mut watch, kind, clients, true, &mut now, &mut highest);
    // Everything drops at once, which fills the windows of a burst too.
    let drops = feed(&mut watch, kind, clients, false, &mut now, &mut highest);
    let began = Instant::now();
    let view = watch.view(now);
    let page = began.elapsed();
    assert!(view.standing.clients as u64 == clients && view.standing.burst, "{:?}", view.standing);
    Measured { mib: (highest - before) / f64::from(1 << 20), connects, drops, page }
}

/// One event of each client; events a second.
fn feed(
    watch: &mut Watch,
    kind: FleetKind,
    clients: u64,
    came: bool,
    now: &mut Now,
    highest: &mut f64,
) -> f64 {
    const AT_ONCE: u64 = 1_000;
    let mut spent = Duration::ZERO;
    for first in (0..clients).step_by(1_000) {
        let messages: Vec<Incoming> =
            (first..first + AT_ONCE).map(|client| message(kind, client, came)).collect();
        *now = now.plus(Duration::from_millis(if came { 100 } else { 1 }));
        let began = Instant::now();
        for message in &messages {
            watch.heard(message, *now, &mut Nowhere).expect("it is for this listener");
        }
        watch.due(*now, &mut Nowhere);
        spent += began.elapsed();
        *highest = highest.max(resident());
    }
    clients as f64 / spent.as_secs_f64()
}

/// Ids as long as a UUID.
fn message(kind: FleetKind, client: u64, came: bool) -> Incoming {
    let id =
        format!("device-{:08x}-0000-4000-8000-{client:012x}", client.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
    let word = if came { "connected" } else { "disconnected" };
    let (topic, payload) = match kind {
        FleetKind::AwsIot => (
            format!("$aws/events/presence/{word}/{id}"),
            format!(
                r#"{{"clientId":"{id}","timestamp":1573002230757,"eventType":"{word}","sessionIdentifier":"a4666d2a7d844ae4ac5d7b38c9cb7967","principalIdentifier":"12345678901234567890123456789012","disconnectReason":"CONNECTION_LOST","versionNumber":3}}"#
            ),
        ),
        FleetKind::Emqx => (
            format!("$SYS/brokers/emqx@127.0.0.1/clients/{id}/{word}"),
            format!(
                r#"{{"username":"undefined","ts":{},"reason":"tcp_closed","proto_ver":5,"keepalive":300,"ipaddress":"192.0.2.1","clientid":"{id}"}}"#,
                1_625_572_213_873_u64 + u64::from(!came)
            ),
        ),
        FleetKind::Mosquitto => (
            "$SYS/broker/log/N".to_owned(),
            if came {
                format!(
                    "1796009983: New client connected from 192.0.2.1:41234 as {id} (p2, c1, k60, u'fleet')."
                )
            } else {
                format!("1796009984: Client {id} closed its connection.")
            },
        ),
    };
    Incoming { topic, payload: Bytes::from(payload), qos: 0, retain: false, properties: None }
}

/// Resident memory in bytes, on a machine with pages of 4 KiB.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096.0
}
