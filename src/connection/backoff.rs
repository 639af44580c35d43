//! How long to wait before the next attempt: by the kind of failure, growing, with seeded jitter.
//! Never reads a clock and never decides whether to try at all.

use std::time::Duration;

use crate::config::{Jitter, Policy};

/// How waits grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The network is away: short waits.
    Network,
    /// The service is there and unwell: longer waits.
    Service,
    /// Only a person can mend it: the longest wait from the start.
    Setup,
    /// Sessions are accepted and end soon. The cap of the network class would allow hundreds
    /// of sessions an hour, so these waits may grow to the longest of all.
    Kicked,
}

/// The wait before jitter; `step` is 0 for the first failure in a row.
#[must_use]
pub fn ceiling(policy: &Policy, pace: Pace, step: u32) -> Duration {
    match pace {
        Pace::Setup => cap(policy, pace),
        Pace::Network | Pace::Service | Pace::Kicked => grown(policy, step).min(cap(policy, pace)),
    }
}

/// The wait with jitter. Never above the cap of its pace.
///
/// With full jitter a [`Pace::Setup`] wait is drawn from its upper half: full jitter could sign in with a refused
/// password twice within seconds, and vendors lock accounts.
#[must_use]
pub fn wait(policy: &Policy, pace: Pace, step: u32, rng: &mut fastrand::Rng) -> Duration {
    let ceiling = ceiling(policy, pace, step);
    let lowest = match pace {
        Pace::Setup => 0.5,
        Pace::Network | Pace::Service | Pace::Kicked => 0.0,
    };
    let share = match policy.jitter {
        Jitter::Full => lowest + (1.0 - lowest) * rng.f64(),
        Jitter::None => 1.0,
        Jitter::Share(share) => 1.0 + share * (2.0 * rng.f64() - 1.0),
    };
    times(ceiling, share).min(cap(policy, pace))
}

/// `base` and up to half of it on top, so that two clients that collided do not meet again.
#[must_use]
pub fn spread(base: Duration, rng: &mut fastrand::Rng) -> Duration {
    times(base, 1.0 + 0.5 * rng.f64())
}

const fn cap(policy: &Policy, pace: Pace) -> Duration {
    match pace {
        Pace::Network => policy.max_delay_network,
        Pace::Service => policy.max_delay_service,
        Pace::Setup | Pace::Kicked => policy.max_delay_setup,
    }
}

/// `initial · factor^step`. A factor below 1 or not a number counts as 1: waits never shrink.
fn grown(policy: &Policy, step: u32) -> Duration {
    let factor = policy.factor.max(1.0);
    times(policy.initial_delay, factor.powi(i32::try_from(step).unwrap_or(i32::MAX)))
}

/// Total where `Duration::mul_f64` panics: below zero is zero, too long is the longest.
fn times(duration: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64((duration.as_secs_f64() * by).max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace() -> impl Strategy<Value = Pace> {
        prop_oneof![Just(Pace::Network), Just(Pace::Service), Just(Pace::Setup), Just(Pace::Kicked)]
    }

    fn jitter() -> impl Strategy<Value = Jitter> {
        prop_oneof![Just(Jitter::Full), Just(Jitter::None), (0.0..=1.0_f64).prop_map(Jitter::Share)]
    }

    fn policy() -> impl Strategy<Value = Policy> {
        (0..=600_000_u64, prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..10.0_f64], jitter())
            .prop_map(|(initial, factor, jitter)| Policy {
                initial_delay: Duration::from_millis(initial),
                factor,
                jitter,
                ..Policy::default()
            })
    }

    proptest! {
        #[test]
        fn no_wait_is_above_its_cap(policy in policy(), pace in pace(), step: u32, seed: u64) {
            let waited = wait(&policy, pace, step, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(waited <= cap(&policy, pace));
        }

        #[test]
        fn waits_never_shrink_before_jitter(policy in policy(), pace in pace(), step in 0..u32::MAX) {
            prop_assert!(ceiling(&policy, pace, step) <= ceiling(&policy, pace, step + 1));
        }

        #[test]
        fn the_same_seed_waits_the_same(policy in policy(), pace in pace(), step: u32, seed: u64) {
            let once = wait(&policy, pace, step, &mut fastrand::Rng::with_seed(seed));
            let again = wait(&policy, pace, step, &mut fastrand::Rng::with_seed(seed));
            prop_assert_eq!(once, again);
        }

        #[test]
        fn setup_waits_are_never_short(step: u32, seed: u64) {
            let policy = Policy::default();
            let waited = wait(&policy, Pace::Setup, step, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(waited >= policy.max_delay_setup / 2);
        }

        #[test]
        fn a_spread_adds_at_most_a_half(base in 0..100_000_u64, seed: u64) {
            let base = Duration::from_millis(base);
            let spread = spread(base, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(spread >= base && spread <= base + base / 2 + Duration::from_micros(1));
        }
    }

    #[test]
    fn without_jitter_waits_double_up_to_the_cap_of_the_class() {
        let policy = Policy { jitter: Jitter::None, ..Policy::default() };
        let mut rng = fastrand::Rng::with_seed(0);
        let mut seconds = |pace| -> Vec<f64> {
            (0..8).map(|step| wait(&policy, pace, step, &mut rng).as_secs_f64()).collect()
        };
        assert_eq!(seconds(Pace::Network), [0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 12.0, 12.0]);
        assert_eq!(seconds(Pace::Service), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]);
        assert_eq!(seconds(Pace::Setup), [300.0; 8]);
        assert_eq!(seconds(Pace::Kicked), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
    }

    #[test]
    fn full_jitter_uses_the_whole_range() {
        let policy = Policy::default();
        let mut rng = fastrand::Rng::with_seed(3);
        let waits: Vec<_> =
            (0..1000).map(|_| wait(&policy, Pace::Network, 9, &mut rng).as_secs_f64()).collect();
        assert!(waits.iter().any(|w| *w < 1.0) && waits.iter().any(|w| *w > 11.0));
    }
}
