//! Measures how often the diagnosis claims what: in a world at so many drops, and over whole histories.
//! Never judges: callers know how many runs they can afford.

use fastrand::Rng;
use hangup::diagnosis::pattern::{LOOKS, claims};

use super::rows::Subject;
use super::worlds::World;

/// How often each row was right, and how often a claim misled, in so many runs.
pub fn measure(subject: &Subject, drops: usize, runs: usize, seed: u64) -> (Vec<f64>, f64) {
    let mut right = vec![0_u32; subject.rows.len()];
    let mut wrong = 0_u32;
    for run in 0..runs {
        let mut dice = Rng::with_seed(seed ^ (drops as u64) << 40 ^ run as u64);
        let found = claims(&(subject.world)(&mut dice, drops));
        for (right, row) in right.iter_mut().zip(&subject.rows) {
            *right += u32::from((row.measure)(&found));
        }
        wrong += u32::from((subject.wrong)(&found));
    }
    let share = |count: u32| f64::from(count) / runs as f64;
    (right.into_iter().map(share).collect(), share(wrong))
}

/// The share of whole histories of 50 drops in which anything is claimed at any of the looks.
pub fn any_claim(world: World, runs: usize, seed: u64) -> f64 {
    // A world thrown with the same dice begins with the same drops.
    let history = |run: usize, drops: u64| world(&mut Rng::with_seed(seed ^ run as u64), drops as usize);
    let claimed = (0..runs).filter(|run| LOOKS.iter().any(|look| !claims(&history(*run, *look)).is_empty()));
    claimed.count() as f64 / runs as f64
}
