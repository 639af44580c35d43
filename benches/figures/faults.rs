//! How soon a fault is reported, and how soon a connection is back.
//!
//! Never injects two runs' faults at the same point of the ping period: the best and the worst case must show.

use std::thread;
use std::time::Duration;

use hangup::clock;
use hangup::simulator::Fault;
use tokio::runtime::Runtime;

use super::Outcome;
use super::exporter::Site;
use super::table::Figure;

/// Runs at once, each with a cloud of its own.
const RUNS: u32 = 8;
/// Navien's keep-alive; a fault may find the ping period anywhere.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// What frozen brokers and dead paths are given; all of them are noticed long before.
const FOR_GOOD: Duration = Duration::from_secs(300);
const NEVER_REPORTED: Duration = Duration::from_secs(120);
/// The outage of the issue: long enough for the longest waits between attempts.
const OUTAGE: Duration = Duration::from_secs(70);

const DROPS: &str = "mqtt_client_connection_drops_total";
const RECEIVED: &str = "mqtt_client_received_messages_total";
const ATTEMPTS: &str = "mqtt_client_connect_attempts_total";

/// The broker reads and says nothing: until the drop is counted.
pub(crate) fn frozen_broker(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    let runs = at_every_phase(runtime, |site, phase| until_reported(site, Fault::Frozen(FOR_GOOD), phase))?;
    Ok(vec![reported("frozen broker to reported", runs, 45.0)])
}

/// Packets are dropped without a word: until the drop is counted.
pub(crate) fn dead_path(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    let runs = at_every_phase(runtime, |site, phase| until_reported(site, Fault::Silence(FOR_GOOD), phase))?;
    Ok(vec![reported("dead path to reported", runs, 25.0)])
}

/// Nobody listens for 70 s: from the moment when somebody does to the first message.
pub(crate) fn outage(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    let values = at_every_phase(runtime, |site, _| {
        let exporter = site.connected_exporter()?;
        let begin = clock::now().at;
        site.inject(Fault::Down(OUTAGE));
        let dropped = exporter.until(NEVER_REPORTED, |page| page.sum(DROPS) > 0.0)?;
        let before = dropped.sum(RECEIVED);
        exporter.until(OUTAGE + NEVER_REPORTED, |page| page.sum(RECEIVED) > before)?;
        Ok(clock::now().at.saturating_since(begin).saturating_sub(OUTAGE).as_secs_f64())
    })?;
    Ok(vec![Figure {
        what: "back after 70 s of outage to the first message".to_owned(),
        values,
        unit: "s",
        at_most: Some(15.0),
        remark: String::new(),
    }])
}

/// Every session is ended right after its CONNACK: attempts in ten minutes, and in the last five of them.
pub(crate) fn kicks(runtime: &Runtime) -> Outcome<Vec<Figure>> {
    const HALF: Duration = Duration::from_secs(300);
    let halves = at_every_phase(runtime, |site, _| {
        let exporter = site.connected_exporter()?;
        site.inject(Fault::Storm { times: u32::MAX, after: Duration::ZERO, lasts: 3 * HALF });
        let mut counts = vec![exporter.page()?.sum(ATTEMPTS)];
        for _ in 0..2 {
            // The measurement is of what happens in this time.
            thread::sleep(HALF);
            counts.push(exporter.page()?.sum(ATTEMPTS));
        }
        Ok(counts
            .windows(2)
            .map(|pair| pair.iter().rev().copied().reduce(|late, early| late - early))
            .collect())
    })?;
    let half = |index: usize| {
        halves.iter().filter_map(|run: &Vec<Option<f64>>| run.get(index).copied().flatten()).collect()
    };
    let figure = |what: &str, values, at_most| Figure {
        what: what.to_owned(),
        values,
        unit: "attempts",
        at_most,
        remark: String::new(),
    };
    // 60 attempts an hour after the first minutes are 5 in five minutes.
    Ok(vec![
        figure("kick-out loop, first five minutes", half(0), None),
        figure("kick-out loop, next five minutes", half(1), Some(5.0)),
    ])
}

/// Runs at once, each told to wait for another part of the keep-alive first.
fn at_every_phase<T: Send>(
    runtime: &Runtime,
    run: impl Fn(&Site, Duration) -> Outcome<T> + Sync,
) -> Outcome<Vec<T>> {
    let run = &run;
    thread::scope(|scope| {
        let begin = |number| scope.spawn(move || run(&Site::start(runtime)?, KEEP_ALIVE * number / RUNS));
        let runs: Vec<_> = (0..RUNS).map(begin).collect();
        runs.into_iter().map(|run| run.join().map_err(|_| "a run panicked")?).collect()
    })
}

/// Seconds from the fault to its drop on the page, and the name of the drop.
fn until_reported(site: &Site, fault: Fault, phase: Duration) -> Outcome<(f64, String)> {
    let exporter = site.connected_exporter()?;
    // Each run meets its fault at another point of the ping period.
    thread::sleep(phase);
    let begin = clock::now().at;
    site.inject(fault);
    let page = exporter.until(NEVER_REPORTED, |page| page.sum(DROPS) > 0.0)?;
    let took = clock::now().at.saturating_since(begin).as_secs_f64();
    Ok((took, page.label_of_first(DROPS, "error").unwrap_or_default().to_owned()))
}

fn reported(what: &str, runs: Vec<(f64, String)>, at_most: f64) -> Figure {
    let (values, mut names): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    names.sort();
    names.dedup();
    Figure { what: what.to_owned(), values, unit: "s", at_most: Some(at_most), remark: names.join(", ") }
}
