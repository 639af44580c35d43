//! Ten thousand random fault schedules in virtual time: hours of trouble each, and not one broken invariant.
//! Never opens a socket and never waits: machine, protocol, dialogue and cloud are the product's own, time is a number.
//!
//! `HANGUP_SEED=123 cargo test --test schedules -- --nocapture` replays one schedule and tells what happened in it;
//! `HANGUP_SCHEDULES=100` runs fewer (or more).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions fail a test by panicking"
)]

mod cloud;
mod conversation;
mod dial;
mod driver;
mod health;
mod network;
mod plan;
mod rules;
mod schedule;
mod session;
mod summary;
mod universe;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use schedule::Schedule;
use summary::Summary;
use universe::Universe;

/// So many schedules, unless the environment asks for another number.
const SCHEDULES: u64 = 10_000;

#[test]
fn random_schedules_break_no_invariant() {
    if let Some(seed) = number("HANGUP_SEED") {
        let schedule = Schedule::random(seed);
        println!("{schedule:#?}");
        println!("{}", Universe::new(&schedule, true).run());
        return;
    }
    let summary = run_all(number("HANGUP_SCHEDULES").unwrap_or(SCHEDULES));
    println!("{summary}");
    assert!(summary.sessions > summary.schedules, "the schedules lead nowhere: {summary}");
}

/// Runs the schedules with the seeds below `count` on all processors; the first that fails ends it.
fn run_all(count: u64) -> Summary {
    let (next, failed, total) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Summary::default()));
    let work = || {
        let mut mine = Summary::default();
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                break;
            }
            match catch_unwind(AssertUnwindSafe(|| Universe::new(&Schedule::random(seed), false).run())) {
                Ok(summary) => mine += summary,
                Err(panic) => {
                    failed.store(true, Ordering::Relaxed);
                    resume_unwind(panic);
                }
            }
        }
        *total.lock().unwrap() += mine;
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
