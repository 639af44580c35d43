//! How often the diagnosis is right and how often it misleads, beside the tables of its specification; and the time of a
//! look. Runs as many histories as the specification did.
//!
//! Never a world of its own: they are those of `tests/power`.
//!
//! ```console
//! $ cargo bench --bench power               # all: some minutes
//! $ cargo bench --bench power -- look       # the time of one look
//! $ cargo bench --bench power -- 300        # with fewer runs
//! ```
//!
//! Ends with an exit code other than 0 when a cell is below the specification by more than 0.03 and the sampling errors, when a history without a
//! pattern is claimed about too often, or when a look takes longer than 10 ms.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a bench prints and times; parts that the tests share"
)]

#[path = "../../tests/power/measure.rs"]
mod measure;
#[path = "../../tests/power/rows.rs"]
mod rows;
#[path = "../../tests/power/worlds.rs"]
mod worlds;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use hangup::diagnosis::pattern::claims;

use rows::{DROPS, FATAL, RUNS, Subject};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let look_only = arguments.iter().any(|argument| argument == "look");
    let runs = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    let mut misses = look();
    if !look_only {
        misses += nulls(2 * runs);
        println!("\npower: ours, and below it the specification's ({runs} runs per cell)\n");
        misses += table(&rows::power(), &DROPS, runs, false);
        println!("\nsilences, by fatal gaps\n");
        misses += table(&rows::idle_timeouts(), &FATAL, runs, false);
        misses += table(&rows::open_lines(), &FATAL, runs, true);
    }
    println!("\n{misses} misses");
    if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A cell may be below the specification by so much, beside the sampling errors of both.
const SLACK: f64 = 0.03;

/// Two standard errors of a share that should be `expected`.
fn sampling(expected: f64, runs: usize) -> f64 {
    2.0 * ((expected * (1.0 - expected)).max(0.001) / runs as f64).sqrt()
}

/// The rows, and how many cells miss. `~`: below by more than 0.03, and that may be chance; `!`: a miss.
fn table(subjects: &[Subject], columns: &[usize], runs: usize, upper: bool) -> usize {
    print!("{:<46}", "");
    for column in columns {
        print!("{column:>7}");
    }
    println!();
    let mut misses = 0;
    for subject in subjects {
        let cells: Vec<(Vec<f64>, f64)> =
            columns.iter().map(|column| measure::measure(subject, *column, runs, 7)).collect();
        for (position, row) in subject.rows.iter().enumerate() {
            print!("{:<46}", row.name);
            let mut marks = Vec::new();
            for ((ours, _), reference) in cells.iter().zip(row.reference) {
                let ours = ours.get(position).copied().unwrap_or_default();
                print!("{ours:>7.3}");
                let off = if upper { ours - reference } else { reference - ours };
                let beyond_chance = off > SLACK + sampling(*reference, runs) + sampling(*reference, RUNS);
                let mark = if beyond_chance {
                    misses += 1;
                    '!'
                } else if off > SLACK {
                    '~'
                } else {
                    ' '
                };
                marks.push(if reference.is_nan() {
                    " ".repeat(7)
                } else {
                    format!("{reference:>6.2}{mark}")
                });
            }
            let marks = marks.concat();
            println!("\n{:<46}{marks}", "");
        }
        let wrong = cells.iter().map(|(_, wrong)| format!("{wrong:>7.3}")).collect::<Vec<String>>().concat();
        println!("{:<46}{wrong}", "    misleading");
    }
    misses
}

fn nulls(runs: usize) -> usize {
    println!("\nany claim over 50 drops at all looks ({runs} histories)\n");
    let mut misses = 0;
    for (name, world, reference, most) in rows::NULLS {
        let ours = measure::any_claim(*world, runs, 7);
        misses += usize::from(ours > *most);
        println!("{name:<46}{ours:>7.4}   specification {reference:.4}, at most {most:.3}");
    }
    misses
}

/// One look at 50 sessions and 450 gaps, with every stream of events: the median and the longest of 201.
fn look() -> usize {
    let mut case = worlds::memoryless_and_busy(&mut fastrand::Rng::with_seed(1), 50);
    let nat = worlds::nat_busy(&mut fastrand::Rng::with_seed(1), 50);
    for (session, silent) in case.sessions.iter_mut().zip(&nat.sessions) {
        session.fatal_gaps.clone_from(&silent.fatal_gaps);
    }
    case.survived_gaps = nat.survived_gaps.iter().rev().take(400).copied().collect();
    let mut times: Vec<Duration> = (0..201)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(claims(std::hint::black_box(&case)));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let median = times.get(100).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    let gaps = case.survived_gaps.len()
        + case.sessions.iter().filter(|session| !session.fatal_gaps.is_empty()).count();
    println!(
        "a look at {} sessions and {gaps} gaps: median {median:?}, longest {longest:?}",
        case.sessions.len()
    );
    usize::from(median > Duration::from_millis(10))
}
