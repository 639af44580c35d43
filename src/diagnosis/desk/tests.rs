//! The desk in a flood: many connections that drop together, one that drops without a pause.
//! Figures are ratios within one run; none depends on how fast the machine is.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::connection::ending::Gap;
use crate::connection::plan::Transport;
use crate::diagnosis::examples::{at, dropped, living};
use crate::telemetry::{ConnectionLabels, Metrics};

/// A desk with so many connections, each of which has so many drops, all of them at the same times.
fn flooded(connections: usize, drops: u32) -> (Desk, Vec<(String, SharedHistory)>, Metrics) {
    let desk = Desk::new(Timeline::default(), Options::default());
    let metrics = Metrics::new();
    let all = (0..connections).map(|index| {
        let name = format!("c{index}");
        let labels = ConnectionLabels {
            connection: name.clone(),
            broker: String::new(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "navien",
            proxied: false,
            signs_in: true,
        };
        let history = SharedHistory::default();
        history.write(|history| {
            for drop in 0..drops {
                let start = f64::from(drop) * 1_000.0;
                history.add_session(dropped(u64::from(drop) + 1, start, 900.0));
            }
            history.begin_session(living(u64::from(drops) + 1, f64::from(drops) * 1_000.0));
        });
        let gauges = metrics.connection(&labels).findings();
        let _ = desk.observer(&name, Subject { history: history.clone(), gauges, control: None });
        (name, history)
    });
    let all = all.collect();
    (desk, all, metrics)
}

#[test]
fn what_all_connections_have_in_common_is_gathered_once_for_a_round() {
    let (desk, all, _metrics) = flooded(120, 12);
    desk.look_at_all(at(100_000.0));
    assert!(all.iter().all(|(_, history)| !history.read(|history| history.findings().is_empty())));
    let rounds = desk.0.rounds.load(Ordering::Relaxed);
    assert!((1..=3).contains(&rounds), "{rounds} rounds for {} connections", all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_drops_without_a_pause_does_not_keep_the_desk_busy() {
    let (desk, all, _metrics) = flooded(1, 50);
    let (name, history) = &all[0];
    let running = tokio::spawn(desk.clone().run());
    let over = Arc::new(AtomicBool::new(false));
    let looks = {
        let (history, over) = (history.clone(), Arc::clone(&over));
        let mut watch = Watch { name: name.clone(), desk: desk.clone() };
        std::thread::spawn(move || {
            let mut drops = 0_u32;
            while !over.load(Ordering::Relaxed) {
                drops += 1;
                let start = 50_000.0 + f64::from(drops);
                let session =
                    history.write(|history| history.add_session(dropped(u64::from(drops) + 50, start, 0.5)));
                watch.heard(&Fact::Over(&session), at(start + 0.5));
                std::thread::sleep(Duration::from_millis(1));
            }
            drops
        })
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    over.store(true, Ordering::Relaxed);
    let drops = looks.join().unwrap();
    running.abort();
    let busy = desk.0.busy.load(Ordering::Relaxed);
    let busy = Duration::from_micros(busy);
    eprintln!("{drops} drops in 2 s: the desk was busy for {busy:?}");
    assert!(drops > 200 && busy < Duration::from_millis(900), "{drops} drops, busy {busy:?}");
}

#[test]
fn an_idle_timeout_that_was_ruled_out_is_so_after_a_restart() {
    let history = |drops: u32| {
        let history = SharedHistory::default();
        history.write(|history| {
            for drop in 0..drops {
                let mut session = dropped(u64::from(drop) + 1, f64::from(drop) * 9_000.0, 8_000.0);
                // It survives longer silences than those in which it dies.
                let gaps = [(600, true), (900, true), (120 + u64::from(drop), false)];
                session.stats.gaps = gaps
                    .map(|(length, survived)| Gap { length: Duration::from_secs(length), survived })
                    .to_vec();
                history.add_session(session);
            }
        });
        history
    };
    let ruled_out = |history: &SharedHistory| {
        let settings = Settings::default();
        look_now(history, &Timeline::default(), &settings, at(100_000.0));
        history.read(crate::lifecycle::history::History::no_idle_timeout)
    };
    assert!(ruled_out(&history(6)), "a look of the tests");
    assert!(ruled_out(&history(7)), "what a journal restored between two of them");
    assert!(!ruled_out(&history(4)), "too few");
}
