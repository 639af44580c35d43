//! How often the diagnosis is right and how often it misleads, in simulated worlds: the tables of section 7 of
//! drop-diagnosis.md with fewer runs, so that they fit into every run of the tests.
//!
//! Never the last word: `cargo bench --bench power` makes as many runs as the specification did and prints both tables.
//! The dice are seeded; a result that is here is here again.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "small numbers; parts that the bench shares; helpers of tests fail by panicking"
)]

mod measure;
mod rows;
mod worlds;

use rows::{FATAL, RUNS, Subject};

/// A cell may be below the specification by so much, beside the sampling errors of both.
const SLACK: f64 = 0.03;
/// Misleading claims, at most: 1.5 % in the specification.
const WRONG: f64 = 0.015;

/// Three standard errors of a share that should be `expected`, in so many runs. A share of nothing or all has a spread too.
fn sampling(expected: f64, runs: usize) -> f64 {
    3.0 * ((expected * (1.0 - expected)).max(0.01) / runs as f64).sqrt()
}

/// The cells of a table that are worse than the specification's, in words.
fn worse(subjects: &[Subject], columns: &[usize], chosen: &[usize], runs: usize) -> Vec<String> {
    let mut found = Vec::new();
    for subject in subjects {
        for drops in chosen {
            let column = columns.iter().position(|column| column == drops).expect("a column of the table");
            let (right, wrong) = measure::measure(subject, *drops, runs, 11);
            for (row, ours) in subject.rows.iter().zip(right) {
                let theirs = row.reference[column];
                let slack = SLACK + sampling(theirs, runs) + sampling(theirs, RUNS);
                if ours < theirs - slack {
                    found.push(format!("{} at {drops}: {ours:.3}, not {theirs:.2}", row.name));
                }
            }
            if wrong > WRONG + sampling(WRONG, runs) {
                found.push(format!("{} at {drops}: {wrong:.3} misleading", subject.rows[0].name));
            }
        }
    }
    found
}

#[test]
fn the_power_is_not_below_the_specification() {
    assert_eq!(worse(&rows::power(), &rows::DROPS, &rows::DROPS, 120), Vec::<String>::new());
}

#[test]
fn the_power_of_the_silences_is_not_below_the_specification() {
    assert_eq!(worse(&rows::idle_timeouts(), &FATAL, &FATAL, 30), Vec::<String>::new());
}

#[test]
fn a_line_without_a_nat_is_not_said_to_have_one() {
    for subject in rows::open_lines() {
        for drops in [3, 5, 8] {
            let (right, _) = measure::measure(&subject, drops, 60, 11);
            assert!(
                right[0] <= 0.01 + sampling(0.01, 60),
                "{} at {drops}: {}",
                subject.rows[0].name,
                right[0]
            );
        }
    }
}

#[test]
fn over_a_history_of_fifty_drops_without_a_pattern_hardly_anything_is_claimed() {
    let mut told = Vec::new();
    for (name, world, _, most) in rows::NULLS {
        // Silences cost two thousand permutations a look.
        let runs = if name.starts_with("silences") { 40 } else { 400 };
        let share = measure::any_claim(*world, runs, 11);
        if share > most + sampling(*most, runs) {
            told.push(format!("{name}: {share:.4}, more than {most}"));
        }
    }
    assert_eq!(told, Vec::<String>::new());
}
